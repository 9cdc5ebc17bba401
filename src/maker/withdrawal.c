/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's recalls. See withdrawal.h. */
#include "maker/withdrawal.h"

#include "base/file.h"
#include "base/text.h"
#include "exchange/claim.h"
#include "exchange/recall_notice.h"

#define SIGNED_FILE      "signed.json"
#define DOCUMENT_SUFFIX  ".csaf"
#define PATTERN_SIZE_MAX 512

/* One site's recalls, open. */
struct work {
    const struct hm_folder *folder;
    const char *site;
    struct hm_dir dir;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_role_keys keys; /* any one of the newest identity's; borrows them */
    struct hm_draft_need need;
    struct hm_targets *newest; /* what was signed last; or NULL */
    struct hm_buf newest_raw;
    struct hm_envelope *newest_envelope;
    struct hm_csaf_product *products;
    size_t product_count;
    struct hm_arena arena;
};

static void work_free(struct work *work)
{
    if (work == NULL)
        return;
    hm_targets_free(work->newest);
    hm_envelope_free(work->newest_envelope);
    hm_buf_done(&work->newest_raw);
    hm_dir_done(&work->dir);
    hm_arena_done(&work->arena);
    free(work);
}
HM_DEFINE_FREE(work_free, struct work);

/* What was signed last; by which of the maker's identities is no matter here: it was verified when
 * it was kept, and the site looks again. */
static enum hm_rc load_newest(struct work *work, struct hm_err *err)
{
    struct hm_targets_unsigned content = {NULL};
    enum hm_rc rc = hm_dir_read(&work->dir, SIGNED_FILE, err, &work->newest_raw);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&work->newest_raw), err, &work->newest_envelope));
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(work->newest_envelope), err, &content));
    work->newest = content.content;
    return HM_OK;
}

static enum hm_rc work_open(const struct hm_folder *folder, const char *site, struct hm_err *err,
                            struct work **ret_work)
{
    _hm_free_(work_free) struct work *work = calloc(1, sizeof(*work));
    char path[HM_LAYOUT_ID_SIZE_MAX + 16];

    if (work == NULL)
        return hm_error_nomem(err);
    work->dir = (struct hm_dir)HM_DIR_INIT;
    work->newest_raw = (struct hm_buf)HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    HM_TRY(hm_folder_need_identity(folder, err));
    work->folder = folder;
    work->site = site;
    work->keys = folder->identity->keys;
    work->keys.threshold = 1; /* taking back must be faster than putting out */
    work->need = (struct hm_draft_need){.groups = {&work->keys}, .group_count = 1};
    (void)snprintf(work->role, sizeof(work->role), "recalls~%s", folder->maker); /* fits */
    (void)snprintf(path, sizeof(path), "recalls/%s", site);
    HM_TRY(hm_dir_open_at(&folder->dir, path, true, err, &work->dir));
    HM_TRY(load_newest(work, err));
    *ret_work = hm_steal(&work);
    return HM_OK;
}

/* ---- what is taken back ---------------------------------------------------------------------- */

static enum hm_rc add_product(struct work *work, const struct hm_target *target,
                              struct hm_buf *report, struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];
    const char *path = hm_arena_strdup(&work->arena, target->path);

    if (path == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < work->product_count; i++) {
        if (strcmp(work->products[i].path, path) == 0)
            return HM_OK;
    }
    if (work->product_count == HM_RECALL_DIGEST_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "one recall takes back at most %d files; make two of it",
                       HM_RECALL_DIGEST_COUNT_MAX);
    work->products[work->product_count++] = (struct hm_csaf_product){path, target->facts.sha256};
    hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
    return hm_buf_append_fmt(report, err, "takes back %s  sha256 %s\n", path, hex);
}

static enum hm_rc find_pattern(struct work *work, const struct hm_targets *all, const char *text,
                               struct hm_buf *report, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf pattern = HM_BUF_INIT(PATTERN_SIZE_MAX + 64);
    size_t parts = 1, found = 0;

    for (const char *at = text; *at != '\0'; at++)
        parts += *at == '/';
    if (strlen(text) > PATTERN_SIZE_MAX || parts < 2 || parts > 3)
        return hm_fail(err, HM_EUSAGE, "'%s' is not PRODUCT/VERSION[/FILE]", text);
    HM_TRY(hm_buf_append_fmt(&pattern, err, "%s/%s%s", work->folder->maker, text,
                             parts == 2 ? "/*" : ""));
    for (size_t i = 0; i < all->target_count; i++) {
        if (!hm_text_is_match(hm_buf_bytes(&pattern), all->targets[i].path))
            continue;
        HM_TRY(add_product(work, &all->targets[i], report, err));
        found++;
    }
    if (found > 0)
        return HM_OK;
    return hm_fail(err, HM_EUNKNOWN, "nothing that matches '%s' was signed for site '%s'", text,
                   work->site);
}

static enum hm_rc find_all(struct work *work, const struct hm_withdrawal *withdrawal,
                           struct hm_buf *report, struct hm_err *err)
{
    _hm_done_(hm_folder_content_done) struct hm_folder_content content = HM_FOLDER_CONTENT_INIT;

    HM_TRY(hm_folder_load_content(work->folder, work->site, err, &content));
    if (content.all == NULL)
        return hm_fail(err, HM_EAGAIN, "nothing was ever signed for site '%s'", work->site);
    work->products =
        hm_arena_alloc(&work->arena, HM_RECALL_DIGEST_COUNT_MAX, sizeof(*work->products));
    if (work->products == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < withdrawal->what_count; i++)
        HM_TRY(find_pattern(work, content.all, withdrawal->what[i], report, err));
    return HM_OK;
}

/* ---- the draft ------------------------------------------------------------------------------- */

static bool has_draft(const struct work *work)
{
    char file[HM_LAYOUT_ROLE_SIZE_MAX + 8];

    (void)snprintf(file, sizeof(file), "%s.json", work->role); /* no character is encoded in it */
    return hm_dir_has(&work->dir, file);
}

/* What the next one goes on from: the draft that waits, what was signed last, or nothing. */
static enum hm_rc load_content(const struct work *work, struct hm_err *err,
                               struct hm_targets **ret_content)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_targets_unsigned content = {NULL};
    enum hm_rc rc = hm_draft_load(&work->dir, work->role, err, &draft);

    if (rc == HM_OK) {
        HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(draft->envelope), err, &content));
        rc = hm_targets_copy(content.content, err, ret_content);
        hm_targets_free(content.content);
        return rc;
    }
    if (rc != HM_ENOTFOUND)
        return rc;
    return work->newest == NULL ? hm_targets_new(err, ret_content)
                                : hm_targets_copy(work->newest, err, ret_content);
}

static enum hm_rc put_draft(const struct work *work, struct hm_targets *content, int64_t now_unix_s,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf claim = HM_BUF_INIT(4096);
    struct hm_claim own = {.site = work->site,
                           .maker = work->folder->maker,
                           .identity_version = work->folder->identity->version,
                           .identity_sha256 = work->folder->identity->sha256};

    HM_TRY(hm_claim_write(&own, err, &claim));
    HM_TRY(hm_targets_set_x_hallmark(content, hm_buf_bytes(&claim), err));
    content->document.version = (work->newest == NULL ? 0 : work->newest->document.version) + 1;
    content->document.expires_unix_s = now_unix_s + HM_WITHDRAWAL_EXPIRY_S;
    HM_TRY(hm_targets_write(content, err, &canonical));
    return hm_draft_put(&work->dir, work->role, hm_buf_bytes(&canonical), err);
}

static enum hm_rc put_recall(struct work *work, const struct hm_csaf *csaf,
                             struct hm_targets *content, int64_t now_unix_s, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf document = HM_BUF_INIT(HM_CSAF_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(HM_RECALL_CUSTOM_SIZE_MAX);
    struct hm_target target = {.path = hm_bytes_str(csaf->recall->path)};
    char file[HM_RECALL_NAME_SIZE_MAX + 16];

    HM_TRY(hm_csaf_write(csaf, err, &document));
    HM_TRY(hm_recall_write_custom(csaf->recall, err, &custom));
    target.custom = hm_buf_bytes(&custom);
    target.facts.has_length = target.facts.has_sha256 = true;
    target.facts.length = document.size;
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&document), err, &target.facts.sha256));
    HM_TRY(hm_targets_put(content, &target, err));
    (void)snprintf(file, sizeof(file), "%s" DOCUMENT_SUFFIX, csaf->recall->name); /* was checked */
    HM_TRY(hm_file_replace(&work->dir, file, 0644, hm_buf_bytes(&document), err));
    return put_draft(work, content, now_unix_s, err);
}

static enum hm_rc check_name(const struct work *work, const char *path, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_bytes id, name;

    if (hm_recall_parse_path(hm_bytes_str(path), &why, &id, &name) != HM_OK ||
        !hm_bytes_is_str(id, work->folder->maker))
        return hm_fail(err, HM_EUSAGE, "%s", why.text);
    return HM_OK;
}

/* A name is used once. *ret_waits: this very recall is in the draft, and only a signature lacks. */
static enum hm_rc check_new(struct work *work, const struct hm_targets *content,
                            const struct hm_recall *recall, struct hm_err *err, bool *ret_waits)
{
    const struct hm_target *target = hm_targets_find(content, hm_bytes_str(recall->path));
    struct hm_recall other;

    *ret_waits = false;
    if (target == NULL)
        return HM_OK;
    HM_TRY(hm_recall_read(target, &work->arena, err, &other));
    *ret_waits = has_draft(work) && hm_recall_is_same(&other, recall);
    if (*ret_waits)
        return HM_OK;
    return hm_fail(err, HM_EUSAGE,
                   "there is a recall '%s' already, and none is ever changed: take another name",
                   recall->name);
}

static enum hm_rc draft(struct work *work, const struct hm_withdrawal *withdrawal,
                        struct hm_buf *report, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *content = NULL;
    bool waits;
    char path[HM_RECALL_PATH_SIZE_MAX], urn[HM_LAYOUT_ID_SIZE_MAX + 32];
    struct hm_recall recall = {.path = path,
                               .name = withdrawal->name,
                               .id = work->folder->maker,
                               .reason = withdrawal->reason,
                               .remedy = withdrawal->remedy,
                               .date_unix_s = withdrawal->now_unix_s};
    struct hm_csaf csaf = {.publisher = work->folder->name,
                           .url = withdrawal->url == NULL ? urn : withdrawal->url,
                           .title =
                               withdrawal->title == NULL ? withdrawal->reason : withdrawal->title,
                           .recall = &recall};

    (void)snprintf(urn, sizeof(urn), "urn:hallmark:maker:%s", work->folder->maker); /* fits */
    (void)snprintf(path, sizeof(path), "recalls/%s/%.64s.json", work->folder->maker,
                   withdrawal->name);
    HM_TRY(check_name(work, path, err));
    HM_TRY(load_content(work, err, &content));
    HM_TRY(find_all(work, withdrawal, report, err));
    csaf.products = work->products;
    csaf.product_count = work->product_count;
    HM_TRY(hm_csaf_digests(&csaf, &work->arena, err, &recall.digests, &recall.digest_count));
    HM_TRY(check_new(work, content, &recall, err, &waits));
    return waits ? HM_OK : put_recall(work, &csaf, content, withdrawal->now_unix_s, err);
}

/* The same recalls, for new keys or a later end; what waits already is gone on with. */
static enum hm_rc draft_anew(const struct work *work, int64_t now_unix_s, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *content = NULL;

    if (work->newest == NULL && !has_draft(work))
        return hm_fail(err, HM_EAGAIN, "nothing was ever recalled at site '%s'", work->site);
    HM_TRY(load_content(work, err, &content));
    return put_draft(work, content, now_unix_s, err);
}

enum hm_rc hm_withdrawal_draft(const struct hm_folder *folder, const char *site,
                               const struct hm_withdrawal *withdrawal, struct hm_err *err,
                               struct hm_buf *report)
{
    _hm_free_(work_free) struct work *work = NULL;

    HM_TRY(work_open(folder, site, err, &work));
    if (withdrawal->name == NULL)
        return draft_anew(work, withdrawal->now_unix_s, err);
    return draft(work, withdrawal, report, err);
}

/* ---- signatures ------------------------------------------------------------------------------ */

enum hm_rc hm_withdrawal_sign(const struct hm_folder *folder, const char *site,
                              const struct hm_signer *signer, struct hm_err *err)
{
    _hm_free_(work_free) struct work *work = NULL;
    bool added;

    HM_TRY(work_open(folder, site, err, &work));
    return hm_draft_sign(&work->dir, work->role, signer, &work->need, err, &added);
}

enum hm_rc hm_withdrawal_merge(const struct hm_folder *folder, const char *site,
                               const struct hm_signatures *signatures, struct hm_err *err,
                               uint32_t *ret_added)
{
    _hm_free_(work_free) struct work *work = NULL;

    HM_TRY(work_open(folder, site, err, &work));
    return hm_draft_merge(&work->dir, work->role, signatures, &work->need, err, ret_added);
}

enum hm_rc hm_withdrawal_request(const struct hm_folder *folder, const char *site,
                                 int64_t now_unix_s, struct hm_err *err, struct hm_buf *ret_request)
{
    _hm_free_(work_free) struct work *work = NULL;
    struct hm_request head = {.site = site,
                              .maker = folder->maker,
                              .created_unix_s = now_unix_s,
                              .reason = "a recall",
                              .identities = folder->identities,
                              .identity_count = folder->identity_count};
    const char *roles[1];
    struct hm_bytes current;

    HM_TRY(work_open(folder, site, err, &work));
    roles[0] = work->role;
    current = hm_buf_bytes(&work->newest_raw);
    return hm_draft_request(&work->dir, &head, roles, &current, 1, err, ret_request);
}

/* ---- the notice ------------------------------------------------------------------------------ */

static enum hm_rc add_documents(struct work *work, const struct hm_targets *content,
                                struct hm_recall_notice *notice, struct hm_err *err)
{
    notice->documents =
        hm_arena_alloc(&work->arena, content->target_count, sizeof(*notice->documents));
    if (notice->documents == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < content->target_count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_CSAF_SIZE_MAX);
        struct hm_recall_notice_document *document = &notice->documents[i];
        char file[HM_RECALL_NAME_SIZE_MAX + 16];
        struct hm_bytes id, name;

        HM_TRY(hm_recall_parse_path(content->targets[i].path, err, &id, &name));
        (void)snprintf(file, sizeof(file), "%.*s" DOCUMENT_SUFFIX, HM_BYTES_FMT(name)); /* fits */
        HM_TRY(hm_dir_read(&work->dir, file, err, &raw));
        document->name = hm_arena_strdup(&work->arena, name);
        if (document->name == NULL)
            return hm_error_nomem(err);
        HM_TRY(hm_arena_copy(&work->arena, hm_buf_bytes(&raw), err, &document->text));
        notice->document_count++;
    }
    return HM_OK;
}

static enum hm_rc write_notice(struct work *work, struct hm_bytes raw,
                               const struct hm_targets *content, const char *path,
                               struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_RECALL_NOTICE_SIZE_MAX);
    struct hm_recall_notice notice = {
        .site = work->site, .maker = work->folder->maker, .recalls = raw};

    HM_TRY(add_documents(work, content, &notice, err));
    HM_TRY(hm_recall_notice_write(&notice, err, &text));
    return hm_file_write_path(path, 0644, hm_buf_bytes(&text), err);
}

enum hm_rc hm_withdrawal_finish(const struct hm_folder *folder, const char *site, const char *path,
                                struct hm_err *err, bool *ret_done)
{
    _hm_free_(work_free) struct work *work = NULL;
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    _hm_free_(hm_targets_free) struct hm_targets *content = NULL;
    struct hm_signed verified;
    enum hm_rc rc;

    HM_TRY(work_open(folder, site, err, &work));
    HM_TRY(hm_draft_load(&work->dir, work->role, err, &draft));
    rc = hm_envelope_verify(draft->envelope, &work->keys, work->role, err, &verified);
    *ret_done = rc == HM_OK;
    if (rc == HM_ESIGNATURE)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_targets_parse(verified, err, &content));
    HM_TRY(hm_file_replace(&work->dir, SIGNED_FILE, 0644, draft->raw, err));
    HM_TRY(write_notice(work, draft->raw, content, path, err));
    return hm_draft_remove(&work->dir, work->role, err);
}
