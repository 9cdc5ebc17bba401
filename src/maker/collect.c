/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures coming in, and what follows (collect.h). */
#include "maker/collect.h"

#include <stdarg.h>

#include "base/file.h"
#include "base/text.h"
#include "maker/external.h"
#include "maker/release.h"
#include "maker/rotation.h"
#include "maker/withdrawal.h"

#define SUBMISSION ".submission"
#define REQUEST    ".request"
#define NOTICE     ".notice"
#define TOSIGN     ".tosign"

HM_PRINTF(3, 4)
static enum hm_rc say(const struct hm_collect *collect, struct hm_err *err, const char *format, ...)
{
    char text[3000];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    HM_TRY(hm_text_escape(collect->report, hm_bytes_str(text), err));
    return hm_buf_append_byte(collect->report, '\n', err);
}

/* The name given, or stem and suffix. What is still to be signed never gets the name of a
 * submission. */
static enum hm_rc out_name(const struct hm_collect *collect, const char *stem, const char *suffix,
                           struct hm_err *err, struct hm_buf *ret_name)
{
    size_t size;

    if (collect->out == NULL)
        return hm_buf_append_fmt(ret_name, err, "%s%s", stem, suffix);
    size = strlen(collect->out);
    if (strcmp(suffix, SUBMISSION) == 0 || size <= strlen(SUBMISSION) ||
        strcmp(collect->out + size - strlen(SUBMISSION), SUBMISSION) != 0)
        return hm_buf_append_str(ret_name, collect->out, err);
    HM_TRY(hm_buf_append(ret_name, hm_bytes_make(collect->out, size - strlen(SUBMISSION)), err));
    return hm_buf_append_str(ret_name, suffix, err);
}

/* "1 of 2 signatures; can sign: ID..." */
static enum hm_rc say_state(const struct hm_collect *collect, const char *what,
                            const struct hm_draft_state *state, struct hm_err *err)
{
    static const char *const old_new[] = {" of its old keys", " of its new keys"};

    for (size_t i = 0; i < state->group_count; i++)
        HM_TRY(say(collect, err, "%s: %u of %u signatures%s", what, state->valid[i],
                   state->needed[i], state->group_count == 2 ? old_new[i] : ""));
    for (size_t i = 0; i < state->missing_count; i++)
        HM_TRY(say(collect, err, "    can still sign: key %s", state->missing[i]));
    return HM_OK;
}

static enum hm_rc write_request(const struct hm_collect *collect, const char *stem,
                                struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(8192);

    HM_TRY(out_name(collect, stem, collect->external ? TOSIGN : REQUEST, err, &name));
    if (collect->external) {
        HM_TRY(hm_external_write(collect->folder, bytes, hm_buf_str(&name), err));
        return say(collect, err,
                   "wrote %s: have what its tosign.json lists signed, then 'hallmark maker attach' "
                   "the signatures",
                   hm_buf_str(&name));
    }
    HM_TRY(hm_file_write_path(hm_buf_str(&name), 0644, bytes, err));
    return say(collect, err,
               "wrote %s: 'hallmark sign' it, then 'hallmark maker attach' the signatures",
               hm_buf_str(&name));
}

/* ---- identity ------------------------------------------------------------------------------- */

/* What must follow a new identity: every site's releases stand under the old one. */
static enum hm_rc say_sites(const struct hm_collect *collect, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **sites;
    size_t count;

    HM_TRY(hm_folder_list(collect->folder, false, &arena, err, &sites, &count));
    for (size_t i = 0; i < count; i++)
        HM_TRY(say(collect, err,
                   "site %s: what you released stands under the old identity: sign it anew with "
                   "'hallmark maker submission --for %s --key ...' and bring that to the site",
                   sites[i], sites[i]));
    return HM_OK;
}

static enum hm_rc finish_identity(const struct hm_collect *collect, struct hm_err *err)
{
    struct hm_folder *folder = collect->folder;
    char hex[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_rotation_finish(folder, err));
    hm_text_hex(hm_bytes_make(folder->identity->first.bytes, HM_SHA256_SIZE), hex);
    HM_TRY(say(collect, err, "identity of maker %s version %lld: complete", folder->maker,
               (long long)folder->identity->version));
    HM_TRY(say(collect, err, "fingerprint of the maker (its first identity): %s", hex));
    return say_sites(collect, err);
}

/* Finishes the draft if it is complete; else tells what is missing. */
static enum hm_rc settle_identity(const struct hm_collect *collect, struct hm_err *err,
                                  bool *ret_complete)
{
    _hm_free_(hm_rotation_free) struct hm_rotation *rotation = NULL;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_draft_state state;
    char what[64];

    HM_TRY(hm_rotation_load(collect->folder, err, &rotation));
    HM_TRY(hm_draft_state(rotation->draft, &rotation->need, &arena, err, &state));
    *ret_complete = state.is_complete;
    if (state.is_complete)
        return finish_identity(collect, err);
    (void)snprintf(what, sizeof(what), "identity version %lld",
                   (long long)rotation->draft->version);
    return say_state(collect, what, &state, err);
}

enum hm_rc hm_collect_identity(const struct hm_collect *collect, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf request = HM_BUF_INIT(HM_REQUEST_SIZE_MAX);
    char stem[HM_LAYOUT_ID_SIZE_MAX + 32];
    bool complete;

    for (size_t i = 0; i < collect->signer_count; i++)
        HM_TRY(hm_rotation_sign(collect->folder, collect->signers[i], err));
    HM_TRY(settle_identity(collect, err, &complete));
    if (complete)
        return HM_OK;
    HM_TRY(hm_rotation_request(collect->folder, collect->now_unix_s, err, &request));
    (void)snprintf(stem, sizeof(stem), "%s-identity", collect->folder->maker);
    return write_request(collect, stem, hm_buf_bytes(&request), err);
}

/* ---- release -------------------------------------------------------------------------------- */

static enum hm_rc settle_release(const struct hm_collect *collect, const char *site,
                                 const char *stem, struct hm_err *err, bool *ret_complete)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(8192);
    struct hm_draft_state state;
    const char *role;
    int64_t version;
    char what[HM_LAYOUT_ROLE_SIZE_MAX + 96];

    HM_TRY(hm_release_state(collect->folder, site, &arena, err, &role, &version, &state));
    *ret_complete = state.is_complete;
    (void)snprintf(what, sizeof(what), "site %s: %s version %lld", site, role, (long long)version);
    if (!state.is_complete)
        return say_state(collect, what, &state, err);
    HM_TRY(out_name(collect, stem, SUBMISSION, err, &name));
    HM_TRY(hm_release_finish(collect->folder, site, hm_buf_str(&name), err));
    return say(collect, err, "%s: complete, wrote %s", what, hm_buf_str(&name));
}

enum hm_rc hm_collect_release(const struct hm_collect *collect, const char *site, const char *stem,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf request = HM_BUF_INIT(HM_REQUEST_SIZE_MAX);
    bool complete;

    for (size_t i = 0; i < collect->signer_count; i++)
        HM_TRY(hm_release_sign(collect->folder, site, collect->signers[i], err));
    HM_TRY(settle_release(collect, site, stem, err, &complete));
    if (complete)
        return HM_OK;
    HM_TRY(hm_release_request(collect->folder, site, collect->now_unix_s, err, &request));
    return write_request(collect, stem, hm_buf_bytes(&request), err);
}

/* ---- recalls -------------------------------------------------------------------------------- */

enum hm_rc hm_collect_recall(const struct hm_collect *collect, const char *site, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf request = HM_BUF_INIT(HM_REQUEST_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(8192);
    char stem[2 * HM_LAYOUT_ID_SIZE_MAX + 32];
    bool done = false;

    (void)snprintf(stem, sizeof(stem), "%s-%s-recall", collect->folder->maker, site); /* fits */
    for (size_t i = 0; i < collect->signer_count; i++)
        HM_TRY(hm_withdrawal_sign(collect->folder, site, collect->signers[i], err));
    HM_TRY(out_name(collect, stem, NOTICE, err, &name));
    HM_TRY(hm_withdrawal_finish(collect->folder, site, hm_buf_str(&name), err, &done));
    if (done)
        return say(collect, err,
                   "site %s: recalled, wrote %s: 'hallmark site recall --notice' takes it", site,
                   hm_buf_str(&name));
    HM_TRY(hm_withdrawal_request(collect->folder, site, collect->now_unix_s, err, &request));
    return write_request(collect, stem, hm_buf_bytes(&request), err);
}

/* ---- attach --------------------------------------------------------------------------------- */

/* True for a signature of the role, or of the role of one of its products. */
static bool has_role(const struct hm_signatures *signatures, const char *role)
{
    size_t size = strlen(role);

    for (size_t i = 0; i < signatures->count; i++) {
        const char *other = signatures->items[i].role;

        if (strncmp(other, role, size) == 0 && (other[size] == '\0' || other[size] == '~'))
            return true;
    }
    return false;
}

static enum hm_rc attach_signatures(const struct hm_collect *collect,
                                    const struct hm_signatures *signatures, struct hm_err *err,
                                    uint32_t *ret_added)
{
    const struct hm_folder *folder = collect->folder;
    char recalls[HM_LAYOUT_ROLE_SIZE_MAX];
    bool fits = false;

    (void)snprintf(recalls, sizeof(recalls), "recalls~%s", folder->maker); /* an ID is short */
    if (signatures->maker == NULL || strcmp(signatures->maker, folder->maker) != 0)
        return hm_fail(err, HM_EMISMATCH, "the signatures are not for maker '%s'", folder->maker);
    if (has_role(signatures, "identity")) {
        HM_TRY(hm_rotation_merge(folder, signatures, err, ret_added));
        fits = true;
    }
    if (signatures->site != NULL && has_role(signatures, folder->role)) {
        HM_TRY(hm_release_merge(folder, signatures->site, signatures, err, ret_added));
        fits = true;
    }
    if (signatures->site != NULL && has_role(signatures, recalls)) {
        HM_TRY(hm_withdrawal_merge(folder, signatures->site, signatures, err, ret_added));
        HM_TRY(hm_collect_recall(collect, signatures->site, err));
        fits = true;
    }
    if (!fits)
        return hm_fail(err, HM_EMISMATCH, "it has no signature of anything that maker '%s' drafts",
                       folder->maker);
    return HM_OK;
}

/* A bare signature, which says neither of what nor by whom it is. */
static enum hm_rc attach_bare(const struct hm_collect *collect, const char *file,
                              struct hm_bytes raw, struct hm_external **external,
                              struct hm_err *err)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *found = NULL;
    _hm_done_(hm_buf_done) struct hm_buf what = HM_BUF_INIT(1024);
    uint32_t added = 0;

    if (*external == NULL)
        HM_TRY(hm_external_open(collect->folder, collect->now_unix_s, err, external));
    HM_TRY(hm_external_find(*external, raw, err, &found));
    HM_TRY(attach_signatures(collect, found, err, &added));
    if (found->site != NULL)
        HM_TRY(hm_buf_append_fmt(&what, err, "site %s: ", found->site));
    HM_TRY(hm_buf_append_fmt(&what, err, "%s version %lld", found->items[0].role,
                             (long long)found->items[0].version));
    return say(collect, err, "%s: %s by key %s of %s", file,
               added > 0 ? "a signature" : "nothing new, the signature was there already:",
               found->items[0].keyid, hm_buf_str(&what));
}

/* *external is opened when the first bare signature comes. */
static enum hm_rc attach_file(const struct hm_collect *collect, const char *file,
                              struct hm_external **external, struct hm_err *err)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SIGNATURES_SIZE_MAX);
    uint32_t added;
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(file, err, &raw));
    if (hm_external_is_list(hm_buf_bytes(&raw))) {
        rc = hm_signatures_parse(hm_buf_bytes(&raw), err, &signatures);
        if (rc == HM_OK)
            rc = attach_signatures(collect, signatures, err, &added);
    } else {
        rc = attach_bare(collect, file, hm_buf_bytes(&raw), external, err);
    }
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", file);
}

/* "PRODUCT-VERSION" of the draft for site, with the site in front where several wait. */
static enum hm_rc stem_of(const struct hm_collect *collect, const char *site, bool prefix,
                          struct hm_err *err, struct hm_buf *ret_stem)
{
    _hm_free_(hm_images_free) struct hm_images *images = NULL;
    _hm_done_(hm_dir_done) struct hm_dir drafts = HM_DIR_INIT;
    const char *product;
    enum hm_rc rc;

    HM_TRY(hm_folder_drafts(collect->folder, site, err, &drafts));
    rc = hm_images_load(&drafts, err, &images);
    if (rc == HM_ENOTFOUND)
        return hm_buf_append_fmt(ret_stem, err, "%s-%s", collect->folder->maker, site);
    HM_TRY(rc);
    if (prefix)
        HM_TRY(hm_buf_append_fmt(ret_stem, err, "%s-", site));
    product = strchr(images->release, '/');
    HM_TRY(hm_buf_append_str(ret_stem, product == NULL ? images->release : product + 1, err));
    for (size_t i = 0; i < ret_stem->size; i++) {
        if (ret_stem->data[i] == '/')
            ret_stem->data[i] = '-';
    }
    return HM_OK;
}

static enum hm_rc settle_releases(const struct hm_collect *collect, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **sites;
    size_t count;
    bool complete;

    if (collect->folder->identity == NULL)
        return HM_OK;
    HM_TRY(hm_folder_list(collect->folder, true, &arena, err, &sites, &count));
    if (count > 1 && collect->out != NULL)
        return hm_fail(err, HM_EUSAGE,
                       "drafts for %zu sites wait: without -o, each gets a file of its own", count);
    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf stem = HM_BUF_INIT(1024);

        HM_TRY(stem_of(collect, sites[i], count > 1, err, &stem));
        HM_TRY(settle_release(collect, sites[i], hm_buf_str(&stem), err, &complete));
    }
    return HM_OK;
}

enum hm_rc hm_collect_attach(const struct hm_collect *collect, const char *const *files,
                             size_t count, struct hm_err *err)
{
    _hm_free_(hm_external_free) struct hm_external *external = NULL;
    enum hm_rc rc;
    bool complete;

    for (size_t i = 0; i < count; i++)
        HM_TRY(attach_file(collect, files[i], &external, err));
    rc = settle_identity(collect, err, &complete);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    return settle_releases(collect, err);
}
