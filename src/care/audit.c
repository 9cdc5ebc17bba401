/* SPDX-License-Identifier: Apache-2.0 */
/* Scrubbing a site (audit.h): the walk, and what it does with each file. */
#include "care/audit.h"

#include <fcntl.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "account/accounts.h"
#include "care/audit_internal.h"
#include "care/walk.h"
#include "site/hold.h"
#include "site/staged.h"
#include "trust/identity.h"

#define SENTENCE_SIZE 1400
#define HEX_SIZE      (2 * HM_SHA256_SIZE)

/* ---- findings -------------------------------------------------------------------------------- */

const char *hm_audit_kind_name(enum hm_audit_kind kind)
{
    static const char *const names[] = {"altered",  "missing",  "stray",     "mode",
                                        "leftover", "database", "unreadable"};

    return names[kind];
}

enum hm_rc hm_audit_find(struct hm_audit *audit, enum hm_audit_kind kind, const char *path,
                         struct hm_err *err, const char *format, ...)
{
    char sentence[SENTENCE_SIZE];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (kind == HM_AUDIT_UNREADABLE)
        audit->result.open_count++;
    else
        audit->result.finding_count++;
    return audit->options->sink.find(audit->options->sink.ctx, kind, path, sentence, err);
}

enum hm_rc hm_audit_judge(struct hm_audit *audit, enum hm_rc rc, const char *path,
                          const struct hm_err *why, struct hm_err *err)
{
    if (rc == HM_ENOMEM || rc == HM_EINTERNAL)
        return hm_fail(err, rc, "'%s': %s", path, why->text);
    if (rc == HM_ENOTFOUND)
        return hm_audit_find(audit, HM_AUDIT_MISSING, path, err, "%s", why->text);
    if (hm_error_exit_status(rc) == 1)
        return hm_audit_find(audit, HM_AUDIT_ALTERED, path, err, "%s", why->text);
    return hm_audit_find(audit, HM_AUDIT_UNREADABLE, path, err, "%s", why->text);
}

/* ---- images ---------------------------------------------------------------------------------- */

struct pace {
    struct hm_audit *audit;
    uint64_t before; /* paced when this file began */
};

/* Waits where the bytes so far came faster than they may. */
static void pace(void *ctx, uint64_t done)
{
    struct pace *state = ctx;
    struct hm_audit *audit = state->audit;
    int64_t due_ms, ahead_ms;

    audit->paced = state->before + done;
    if (audit->options->rate == 0)
        return;
    due_ms = (int64_t)(audit->paced / audit->options->rate * 1000 +
                       audit->paced % audit->options->rate * 1000 / audit->options->rate);
    ahead_ms = due_ms - (hm_time_monotonic_ms() - audit->start_ms);
    if (ahead_ms > 0) {
        const struct timespec wait = {.tv_sec = ahead_ms / 1000,
                                      .tv_nsec = ahead_ms % 1000 * 1000000};

        (void)nanosleep(&wait, NULL); /* woken early, it only reads on */
    }
}

/* The bytes of a file are those of this digest, and as many. */
static enum hm_rc check_bytes(struct hm_audit *audit, const char *path,
                              const struct hm_sha256 *sha256, uint64_t length, struct hm_err *err)
{
    struct pace state = {.audit = audit, .before = audit->paced};
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_err why = HM_ERR_INIT;
    struct hm_sha256 found;
    uint64_t size = 0;
    enum hm_rc rc = hm_dir_open_file(&audit->site->dir, path, &why, &fd, &size);

    if (rc == HM_OK && size != length)
        return hm_audit_find(audit, HM_AUDIT_ALTERED, path, err,
                             "it has %llu bytes, and %llu were signed for",
                             (unsigned long long)size, (unsigned long long)length);
    if (rc == HM_OK)
        rc = hm_digest_fd(fd, pace, &state, &why, &found, &size);
    /* What an audit has read is not worth other programs' memory. */
    if (fd >= 0)
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (rc != HM_OK)
        return hm_audit_judge(audit, rc == HM_EIO ? HM_EINPUT : rc, path, &why, err);
    audit->result.file_count++;
    audit->result.byte_count += size;
    if (size == length && hm_digest_is_equal(&found, sha256))
        return HM_OK;
    return hm_audit_find(audit, HM_AUDIT_ALTERED, path, err,
                         "its SHA-256 is not the one that was signed");
}

static bool is_in_part(const struct hm_audit *audit, const struct hm_sha256 *sha256)
{
    unsigned number = (unsigned)sha256->bytes[0] << 8 | sha256->bytes[1];

    return audit->options->parts == 0 || number % audit->options->parts == audit->options->part - 1;
}

/* The target that "ID/PRODUCT/VERSION/HASH.FILE", or "recalls/ID/HASH.NAME", is stored of. */
static enum hm_rc find_target(struct hm_audit *audit, const char *path, struct hm_err *err,
                              const struct hm_target **ret_target)
{
    char target[HM_WALK_PATH_SIZE_MAX], role[HM_LAYOUT_ROLE_SIZE_MAX];
    const char *name = strrchr(path, '/');
    const char *slash = strchr(path, '/');
    const struct hm_targets *targets = NULL;
    struct hm_sha256 sha256;

    *ret_target = NULL;
    if (name == NULL || strlen(name) < HEX_SIZE + 3 || name[1 + HEX_SIZE] != '.' ||
        hm_text_unhex(hm_bytes_make(name + 1, HEX_SIZE), sha256.bytes, HM_SHA256_SIZE) != HM_OK)
        return HM_OK;
    (void)snprintf(target, sizeof(target), "%.*s/%s", (int)(name - path), path,
                   name + HEX_SIZE + 2);
    if (strncmp(path, "recalls/", 8) == 0) {
        const char *id = slash + 1;

        if (strcspn(id, "/") > HM_TEXT_NAME_SIZE_MAX)
            return HM_OK;
        (void)snprintf(role, sizeof(role), "recalls~%.*s", (int)strcspn(id, "/"), id);
        HM_TRY(hm_tree_role(audit->tree, role, err, &targets, NULL));
        *ret_target = targets == NULL ? NULL : hm_targets_find(targets, hm_bytes_str(target));
    } else {
        struct hm_path parts;

        if (hm_layout_parse_path(hm_bytes_str(target), NULL, &parts) != HM_OK)
            return HM_OK;
        hm_layout_release_role(parts.id, role);
        HM_TRY(hm_tree_target(audit->tree, role, hm_bytes_str(target), err, ret_target));
    }
    if (*ret_target != NULL && !hm_digest_is_equal(&(*ret_target)->facts.sha256, &sha256))
        *ret_target = NULL; /* that name with other bytes */
    return HM_OK;
}

static enum hm_rc check_image(struct hm_audit *audit, const char *path, const struct stat *info,
                              struct hm_err *err)
{
    const struct hm_target *target;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = find_target(audit, path + strlen("public/targets/"), &why, &target);

    if (rc != HM_OK)
        return hm_audit_judge(audit, rc, path, &why, err);
    if (target == NULL)
        return info->st_ctime >= audit->start_unix_s
                   ? HM_OK
                   : hm_audit_find(audit, HM_AUDIT_STRAY, path, err,
                                   "no signed role lists it under this digest");
    return is_in_part(audit, &target->facts.sha256)
               ? check_bytes(audit, path, &target->facts.sha256, target->facts.length, err)
               : HM_OK;
}

/* ---- what is listed and not there ------------------------------------------------------------ */

static enum hm_rc check_listed(void *ctx, const char *role, const struct hm_targets *targets,
                               const struct hm_envelope *envelope, struct hm_err *err)
{
    struct hm_audit *audit = ctx;

    (void)role;
    (void)envelope;
    for (size_t i = 0; i < targets->target_count; i++) {
        const struct hm_target *target = &targets->targets[i];
        struct hm_bytes path = target->path;
        char hex[HM_SHA256_HEX_SIZE], name[HM_WALK_PATH_SIZE_MAX];
        size_t cut = path.size;

        while (cut > 0 && path.data[cut - 1] != '/')
            cut--;
        hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
        (void)snprintf(name, sizeof(name), "public/targets/%.*s%s.%.*s", (int)cut,
                       (const char *)path.data, hex, (int)(path.size - cut),
                       (const char *)path.data + cut);
        if (!hm_dir_has(&audit->site->dir, name))
            HM_TRY(hm_audit_find(audit, HM_AUDIT_MISSING, name, err, "a signed role lists it"));
    }
    return HM_OK;
}

static enum hm_rc check_roles(struct hm_audit *audit, const struct hm_delegations *delegations,
                              struct hm_err *err)
{
    for (size_t i = 0; i < delegations->role_count; i++) {
        char role[HM_LAYOUT_ROLE_SIZE_MAX];
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc;

        (void)snprintf(role, sizeof(role), "%.*s", HM_BYTES_FMT(delegations->roles[i].name));
        if (strncmp(role, "maker~", 6) == 0)
            continue; /* it may list what was never released */
        rc = hm_tree_each_part(audit->tree, role, &why, check_listed, audit);
        if (rc != HM_OK)
            HM_TRY(hm_audit_judge(audit, rc, role, &why, err));
    }
    return HM_OK;
}

/* ---- makers ---------------------------------------------------------------------------------- */

static enum hm_rc check_chain(struct hm_audit *audit, const struct hm_layout_maker *maker,
                              char *path, size_t size, struct hm_err *err)
{
    _hm_free_(hm_identity_free) struct hm_identity *newest = NULL;

    for (int64_t version = 1; version <= maker->identity_version; version++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
        struct hm_identity *next = NULL;

        (void)snprintf(path, size, "public/makers/%s/%lld.identity", maker->id, (long long)version);
        HM_TRY(hm_dir_read(&audit->site->dir, path, err, &raw));
        audit->result.file_count++;
        audit->result.byte_count += raw.size;
        if (newest == NULL)
            HM_TRY(hm_identity_verify_first(hm_buf_bytes(&raw), err, &next));
        else
            HM_TRY(hm_identity_verify_next(newest, hm_buf_bytes(&raw), err, &next));
        hm_identity_free(newest);
        newest = next;
    }
    if (newest == NULL || !hm_digest_is_equal(&newest->sha256, &maker->identity_sha256))
        return hm_fail(err, HM_EMISMATCH, "it is not the identity that 'targets' names");
    return HM_OK;
}

static enum hm_rc check_makers(struct hm_audit *audit, struct hm_err *err)
{
    for (size_t i = 0; i < audit->tree->layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &audit->tree->layout->makers[i];
        struct hm_err why = HM_ERR_INIT;
        char path[256] = "public/makers";
        enum hm_rc rc;

        if (maker->is_attested)
            continue;
        rc = check_chain(audit, maker, path, sizeof(path), &why);
        if (rc != HM_OK)
            HM_TRY(hm_audit_judge(audit, rc, path, &why, err));
    }
    return HM_OK;
}

/* ---- private --------------------------------------------------------------------------------- */

struct trail {
    uint64_t expected;
    bool has_gap;
};

static enum hm_rc on_event(void *ctx, const struct hm_accounts_event *event, struct hm_err *err)
{
    struct trail *trail = ctx;

    (void)err;
    trail->has_gap |= event->number != ++trail->expected;
    return HM_OK;
}

static enum hm_rc read_accounts(struct hm_audit *audit, struct hm_err *err, struct trail *trail,
                                uint64_t *ret_generation)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = {.database = NULL};

    HM_TRY(hm_accounts_open(&audit->site->private_dir, HM_DATABASE_READ, HM_SITE_WAIT_MS, err,
                            &accounts));
    HM_TRY(hm_database_check(accounts.database, err));
    HM_TRY(hm_database_begin(accounts.database, false, err));
    HM_TRY(hm_accounts_generation(&accounts, err, ret_generation));
    return hm_accounts_trail(&accounts, NULL, on_event, trail, err);
}

static enum hm_rc check_accounts(struct hm_audit *audit, struct hm_err *err)
{
    static const char path[] = "private/" HM_ACCOUNTS_FILE;
    struct trail trail = {.expected = 0};
    struct hm_err why = HM_ERR_INIT;
    uint64_t generation = 0;
    enum hm_rc rc = read_accounts(audit, &why, &trail, &generation);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    if (rc == HM_EFORMAT)
        return hm_audit_find(audit, HM_AUDIT_DATABASE, path, err, "%s", why.text);
    if (rc != HM_OK)
        return hm_audit_judge(audit, rc, path, &why, err);
    if (trail.has_gap || trail.expected != generation)
        return hm_audit_find(audit, HM_AUDIT_DATABASE, path, err,
                             "the trail has gaps: %llu lines of %llu changes, or numbers that "
                             "are left out",
                             (unsigned long long)trail.expected, (unsigned long long)generation);
    return HM_OK;
}

/* Images of a submission that waits: as they were taken in. */
static enum hm_rc check_staged(struct hm_audit *audit, struct hm_err *err)
{
    _hm_free_(hm_staged_free) struct hm_staged_list *list = NULL;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = hm_staged_load(audit->site, &why, &list);

    if (rc != HM_OK)
        return hm_audit_judge(audit, rc, "private/submissions", &why, err);
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_staged *staged = &list->items[i];

        for (size_t j = 0; staged->rejected == NULL && j < staged->content->target_count; j++) {
            const struct hm_target *target = &staged->content->targets[j];
            const char *path = NULL;
            char name[HM_WALK_PATH_SIZE_MAX];

            HM_TRY(hm_staged_image(list, staged, target, err, &path));
            if (path == NULL)
                continue;
            (void)snprintf(name, sizeof(name), "private/%s", path);
            HM_TRY(check_bytes(audit, name, &target->facts.sha256, target->facts.length, err));
        }
    }
    return HM_OK;
}

static bool has_prefix(const char *path, const char *prefix)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

static enum hm_rc check_private(struct hm_audit *audit, const char *path, const struct stat *info,
                                struct hm_err *err)
{
    size_t size = strlen(path);
    bool is_secret = strcmp(path, "private/") == 0 || has_prefix(path, "private/keys/") ||
                     strcmp(path, "private/serve/tls.key") == 0 ||
                     (size > 3 && strcmp(path + size - 3, ".db") == 0);

    if (is_secret && (info->st_mode & 077) != 0)
        HM_TRY(hm_audit_find(audit, HM_AUDIT_MODE, path, err,
                             "others may use it (mode %04o): run 'chmod go=' on it",
                             info->st_mode & 07777));
    if (strcmp(path, "private/" HM_HOLD_FILE) == 0)
        return hm_audit_find(audit, HM_AUDIT_LEFTOVER, path, err,
                             "the site was restored, and signs nothing until that is checked");
    if (strcmp(path, "private/publish/next.tmp/") == 0 ||
        strcmp(path, "private/log/records.new") == 0)
        return hm_audit_find(audit, HM_AUDIT_LEFTOVER, path, err,
                             "of a publish that died before it counted; the next one clears it");
    return HM_OK;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static enum hm_rc check_public(struct hm_audit *audit, const char *path, const struct stat *info,
                               struct hm_err *err)
{
    static const char *const folders[] = {
        "public/metadata/",   "public/targets/", "public/makers/", "public/log/",
        "public/log-closed/", "public/proofs/",  "public/csaf/",   "public/deliveries/"};
    mode_t needed = S_ISDIR(info->st_mode) ? 0555 : 0444;
    bool is_known = strcmp(path, "public/") == 0 || strcmp(path, "public/hallmark.trust") == 0;

    if ((info->st_mode & needed) != needed || (info->st_mode & 022) != 0)
        HM_TRY(hm_audit_find(audit, HM_AUDIT_MODE, path, err,
                             "mode %04o: all may read what is public, and its owner alone write",
                             info->st_mode & 07777));
    for (size_t i = 0; i < HM_ARRAY_COUNT(folders); i++)
        is_known |= has_prefix(path, folders[i]);
    if (!is_known)
        return hm_audit_find(audit, HM_AUDIT_STRAY, path, err, "nothing of a site has this name");
    if (S_ISDIR(info->st_mode))
        return HM_OK;
    if (has_prefix(path, "public/metadata/"))
        return hm_audit_metadata_file(audit, path + strlen("public/metadata/"), info, err);
    return has_prefix(path, "public/targets/") ? check_image(audit, path, info, err) : HM_OK;
}

static enum hm_rc on_file(void *ctx, const char *path, const struct stat *info, struct hm_err *err)
{
    struct hm_audit *audit = ctx;
    bool is_private = has_prefix(path, "private/");

    if (!is_private && !has_prefix(path, "public/"))
        return HM_OK;
    if (audit->options->from != NULL && strcmp(path, audit->options->from) <= 0)
        return HM_OK;
    if (audit->options->progress != NULL)
        audit->options->progress(audit->options->sink.ctx, path, audit->result.byte_count);
    if (hm_walk_is_temporary(path))
        return info->st_ctime >= audit->start_unix_s
                   ? HM_OK
                   : hm_audit_find(audit, HM_AUDIT_LEFTOVER, path, err,
                                   "half of a file, of a command that died: remove it");
    if (!S_ISREG(info->st_mode) && !S_ISDIR(info->st_mode))
        return hm_audit_find(audit, HM_AUDIT_STRAY, path, err,
                             "neither a file nor a folder: nothing of a site's");
    return is_private ? check_private(audit, path, info, err)
                      : check_public(audit, path, info, err);
}

static void audit_done(struct hm_audit *audit)
{
    for (size_t i = 0; i < audit->root_count; i++)
        hm_root_free(audit->roots[i]);
    free(audit->roots);
    free(audit->names);
    hm_tree_free(audit->tree);
    hm_arena_done(&audit->arena);
}

/* Is it still what the audit began with? */
static enum hm_rc check_same(const struct hm_audit *audit, struct hm_err *err)
{
    _hm_free_(hm_tree_free) struct hm_tree *now = NULL;

    HM_TRY(hm_tree_load(audit->site, err, &now));
    if (hm_bytes_is_equal(now->timestamp_raw, audit->tree->timestamp_raw) &&
        hm_bytes_is_equal(now->root_raw, audit->tree->root_raw))
        return HM_OK;
    return hm_fail(err, HM_EAGAIN,
                   "something was published while the audit ran: run it again before you act on "
                   "what it found");
}

static enum hm_rc run(struct hm_audit *audit, struct hm_err *err)
{
    HM_TRY(hm_tree_load(audit->site, err, &audit->tree));
    if (audit->tree->root != NULL) {
        HM_TRY(hm_audit_metadata(audit, err));
        HM_TRY(hm_audit_log(audit, err));
        HM_TRY(check_makers(audit, err));
        HM_TRY(check_roles(audit, &audit->tree->targets.targets->delegations, err));
        HM_TRY(check_roles(audit, &audit->tree->layout->delegations, err));
    }
    HM_TRY(check_accounts(audit, err));
    HM_TRY(check_staged(audit, err));
    HM_TRY(hm_walk_run(&audit->site->dir, on_file, audit, err));
    if (audit->options->from == NULL)
        HM_TRY(hm_audit_metadata_missing(audit, err));
    return check_same(audit, err);
}

enum hm_rc hm_audit_run(const struct hm_site *site, const struct hm_audit_options *options,
                        struct hm_err *err, struct hm_audit_result *ret_result)
{
    _hm_done_(audit_done) struct hm_audit audit = {.site = site,
                                                   .options = options,
                                                   .start_unix_s = site->now_unix_s,
                                                   .start_ms = hm_time_monotonic_ms()};
    enum hm_rc rc = run(&audit, err);

    *ret_result = audit.result;
    return rc;
}
