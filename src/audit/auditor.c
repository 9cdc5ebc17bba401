/* SPDX-License-Identifier: Apache-2.0 */
/* An auditor at work. See auditor.h. */
#include "audit/auditor.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "audit/auditor_internal.h"
#include "base/file.h"
#include "base/text.h"
#include "net/url.h"
#include "tlog/lines.h"
#include "trust/log_verdict.h"

#define PATH_SIZE    128
#define TRUST_FILE   "trust"
#define SITE_FILE    "site"
#define AUDITED_FILE "audited"
#define COPY_FOLDER  "copy"

/* A log, as far as this process has met it. The witness holds the log's lock whenever it asks. */
struct audited {
    struct audited *next; /* never dropped */
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    struct stat trust_stat; /* of the trust file that was loaded */
    struct hm_auditor_state state;
    struct hm_audit *audit; /* NULL: nothing is in memory */
};

struct hm_auditor {
    struct hm_dir dir;
    struct hm_auditor_options options;
    char *ca_file;        /* owned */
    pthread_mutex_t lock; /* for the list */
    struct audited *first;
};

static void log_path(const char *hash, const char *name, char ret_path[PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, "logs/%s/%s", hash, name); /* fits */
}

/* ---- what is remembered -----------------------------------------------------------------------
 */

static enum hm_rc check_url(struct hm_bytes url, struct hm_err *err)
{
    char text[HM_WITNESS_FOLDER_URL_MAX + 1];
    enum hm_url_kind kind;

    if (url.size == 0 || url.size > HM_WITNESS_FOLDER_URL_MAX)
        return hm_fail(err, HM_EUSAGE, "a site's URL has 1 to %d bytes", HM_WITNESS_FOLDER_URL_MAX);
    (void)snprintf(text, sizeof(text), "%.*s", HM_BYTES_FMT(url));
    kind = hm_url_kind(text);
    if (strchr(text, '\n') != NULL || (kind != HM_URL_REMOTE && kind != HM_URL_FILE))
        return hm_fail(err, HM_EUSAGE, "'%s' is no URL of a site: http, https or file", text);
    return HM_OK;
}

enum hm_rc hm_auditor_add(const struct hm_witness_folder *folder,
                          const struct hm_witness_folder_log *log, struct hm_bytes trust,
                          const char *url, struct hm_err *err)
{
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(HM_WITNESS_FOLDER_URL_MAX + 2);
    char path[PATH_SIZE];

    HM_TRY(hm_trust_file_parse(trust, err, &file));
    if (url == NULL)
        url = file->url;
    if (url == NULL)
        return hm_fail(err, HM_EUSAGE,
                       "the trust file does not say where site '%s' is: give --site URL",
                       file->site);
    HM_TRY(check_url(hm_bytes_str(url), err));
    HM_TRY(hm_buf_append_fmt(&line, err, "%s\n", url));
    log_path(log->hash, SITE_FILE, path);
    HM_TRY(hm_file_replace(&folder->dir, path, 0644, hm_buf_bytes(&line), err));
    /* Last: one that serves looks at this one alone. */
    log_path(log->hash, TRUST_FILE, path);
    return hm_file_replace(&folder->dir, path, 0644, trust, err);
}

static enum hm_rc parse_audited(struct hm_bytes raw, struct hm_err *err,
                                struct hm_auditor_state *state)
{
    struct hm_lines lines;

    HM_TRY(hm_lines_check(raw, HM_AUDITOR_STATE_SIZE_MAX, "the file", err));
    hm_lines_init(&lines, raw, "the file", err);
    HM_TRY(hm_lines_take(&lines, "hallmark/audited", 1, false, "'hallmark/audited v1'"));
    if (!hm_bytes_is_str(lines.words[0], "v1"))
        return hm_lines_fail(&lines, "'hallmark/audited v1'");
    hm_lines_next(&lines);
    HM_TRY(hm_lines_take(&lines, "tree", 2, false, "'tree SIZE ROOT'"));
    HM_TRY(hm_lines_number(&lines, 0, 1, "'tree SIZE ROOT'", &state->size));
    HM_TRY(hm_lines_digest(&lines, 1, "'tree SIZE ROOT'", &state->root));
    hm_lines_next(&lines);
    return lines.has_line ? hm_lines_fail(&lines, "the end") : HM_OK;
}

static enum hm_rc read_state(const struct hm_dir *dir, const char *hash, struct hm_err *err,
                             struct hm_auditor_state *ret_state)
{
    _hm_done_(hm_buf_done) struct hm_buf site = HM_BUF_INIT(HM_WITNESS_FOLDER_URL_MAX + 1);
    _hm_done_(hm_buf_done) struct hm_buf audited = HM_BUF_INIT(HM_AUDITOR_STATE_SIZE_MAX);
    struct hm_auditor_state state = {.size = 0};
    char path[PATH_SIZE];
    enum hm_rc rc;

    log_path(hash, SITE_FILE, path);
    rc = hm_dir_read(dir, path, err, &site);
    if (rc != HM_ENOTFOUND)
        HM_TRY(rc);
    if (rc == HM_OK && (site.size < 2 || site.data[site.size - 1] != '\n' ||
                        check_url(hm_bytes_make(site.data, site.size - 1), NULL) != HM_OK))
        return hm_fail(err, HM_EFORMAT,
                       "'%s/%s' is damaged; add the log again with --trust and --site", dir->path,
                       path);
    if (rc == HM_OK)
        (void)snprintf(state.url, sizeof(state.url), "%.*s", (int)site.size - 1, site.data);
    log_path(hash, AUDITED_FILE, path);
    rc = hm_dir_read(dir, path, err, &audited);
    if (rc != HM_ENOTFOUND)
        HM_TRY(rc);
    if (rc == HM_OK && parse_audited(hm_buf_bytes(&audited), err, &state) != HM_OK)
        return hm_error_prefix(err, HM_EFORMAT,
                               "'%s/%s' is damaged; remove it, and all is audited anew", dir->path,
                               path);
    *ret_state = state;
    return HM_OK;
}

enum hm_rc hm_auditor_state_read(const struct hm_witness_folder *folder, const char *hash,
                                 struct hm_err *err, struct hm_auditor_state *ret_state)
{
    return read_state(&folder->dir, hash, err, ret_state);
}

static enum hm_rc write_audited(const struct hm_auditor *auditor, struct audited *audited,
                                const struct hm_checkpoint *checkpoint, struct hm_err *err)
{
    char text[256], hex[HM_SHA256_HEX_SIZE], path[PATH_SIZE];

    hm_text_hex(hm_bytes_make(checkpoint->root.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(text, sizeof(text), "hallmark/audited v1\ntree %llu %s\n",
                   (unsigned long long)checkpoint->size, hex);
    log_path(audited->hash, AUDITED_FILE, path);
    HM_TRY(hm_file_replace(&auditor->dir, path, 0644, hm_bytes_str(text), err));
    audited->state.size = checkpoint->size;
    audited->state.root = checkpoint->root;
    return HM_OK;
}

/* ---- the auditor ------------------------------------------------------------------------------
 */

enum hm_rc hm_auditor_new(const char *path, const struct hm_auditor_options *options,
                          struct hm_err *err, struct hm_auditor **ret_auditor)
{
    _hm_free_(hm_auditor_free) struct hm_auditor *auditor = calloc(1, sizeof(*auditor));

    if (auditor == NULL)
        return hm_error_nomem(err);
    auditor->dir = (struct hm_dir)HM_DIR_INIT;
    (void)pthread_mutex_init(&auditor->lock, NULL); /* of the default kind: cannot fail */
    auditor->options = *options;
    if (options->ca_file != NULL) {
        auditor->ca_file = strdup(options->ca_file);
        if (auditor->ca_file == NULL)
            return hm_error_nomem(err);
        auditor->options.ca_file = auditor->ca_file;
    }
    HM_TRY(hm_dir_open(path, err, &auditor->dir));
    *ret_auditor = hm_steal(&auditor);
    return HM_OK;
}

static void audit_free(struct hm_audit *audit)
{
    if (audit == NULL)
        return;
    hm_auditor_forget_misdeeds(audit);
    free(audit->batches);
    hm_follow_free(audit->entries);
    hm_replay_free(audit->replay);
    hm_history_free(audit->history);
    hm_copy_free(audit->copy);
    hm_trust_file_free(audit->trust);
    free(audit);
}
HM_DEFINE_FREE(audit_free, struct hm_audit);

void hm_auditor_free(struct hm_auditor *auditor)
{
    if (auditor == NULL)
        return;
    while (auditor->first != NULL) {
        struct audited *audited = auditor->first;

        auditor->first = audited->next;
        audit_free(audited->audit);
        free(audited);
    }
    (void)pthread_mutex_destroy(&auditor->lock);
    hm_dir_done(&auditor->dir);
    free(auditor->ca_file);
    free(auditor);
}

static struct audited *find_or_add(struct hm_auditor *auditor, const char *hash)
{
    struct audited *audited;

    (void)pthread_mutex_lock(&auditor->lock); /* a plain mutex of ours: cannot fail */
    for (audited = auditor->first; audited != NULL && strcmp(audited->hash, hash) != 0;)
        audited = audited->next;
    if (audited == NULL) {
        audited = calloc(1, sizeof(*audited));
        if (audited != NULL) {
            (void)snprintf(audited->hash, sizeof(audited->hash), "%s", hash);
            audited->next = auditor->first;
            auditor->first = audited;
        }
    }
    (void)pthread_mutex_unlock(&auditor->lock);
    return audited;
}

/* ---- beginning --------------------------------------------------------------------------------
 */

static enum hm_rc get_entry(void *ctx, uint64_t index, struct hm_err *err, struct hm_buf *ret_entry)
{
    struct hm_audit *audit = ctx;

    return hm_follow_entry(audit->entries, index, err, ret_entry);
}

static enum hm_rc open_history(struct hm_audit *audit, struct hm_err *err)
{
    struct hm_history_config config = {
        .source = hm_copy_metadata(audit->copy),
        .makers = hm_copy_makers(audit->copy),
        .entries = {.get = get_entry, .ctx = audit},
        .sink = hm_auditor_history_sink(audit),
        .root = audit->trust->root,
    };

    hm_history_free(hm_steal(&audit->history));
    return hm_history_open(&config, err, &audit->history);
}

enum hm_rc hm_auditor_start_history(struct hm_audit *audit, uint64_t index, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;

    if (index == UINT64_MAX)
        return open_history(audit, err);
    HM_TRY(get_entry(audit, index, err, &raw));
    HM_TRY(hm_entry_parse(hm_buf_bytes(&raw), err, &entry));
    if (entry->kind != HM_ENTRY_SNAPSHOT)
        return hm_fail(err, HM_EREFUSED, "entry %llu, which was a snapshot's, is none",
                       (unsigned long long)index);
    return hm_history_start(audit->history, entry, err);
}

/* Loads trust file and state from the folder, where that was not done or they are others now. */
static enum hm_rc load(struct hm_auditor *auditor, struct audited *audited, struct hm_err *err)
{
    _hm_free_(audit_free) struct hm_audit *audit = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_copy_options options = {.ca_file = auditor->options.ca_file};
    char path[PATH_SIZE];
    uint64_t size;
    struct stat st;
    enum hm_rc rc;

    log_path(audited->hash, TRUST_FILE, path);
    rc = hm_dir_open_file(&auditor->dir, path, err, &fd, &size);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EAGAIN,
                       "this auditor has no trust file for the log; 'hallmark witness log add VKEY "
                       "--trust FILE' gives it one");
    if (rc == HM_OK && fstat(fd, &st) != 0)
        rc = hm_error_errno(err, errno, "'%s'", path);
    HM_TRY(rc);
    if (audited->audit != NULL && st.st_ino == audited->trust_stat.st_ino &&
        memcmp(&st.st_ctim, &audited->trust_stat.st_ctim, sizeof(st.st_ctim)) == 0)
        return HM_OK;
    audit_free(hm_steal(&audited->audit));
    HM_TRY(hm_dir_read(&auditor->dir, path, err, &raw));
    HM_TRY(read_state(&auditor->dir, audited->hash, err, &audited->state));
    audit = calloc(1, sizeof(*audit));
    if (audit == NULL)
        return hm_error_nomem(err);
    audit->options = &auditor->options;
    HM_TRY(hm_trust_file_parse(hm_buf_bytes(&raw), err, &audit->trust));
    log_path(audited->hash, "", path);
    path[strlen(path) - 1] = '\0';
    HM_TRY(hm_dir_open_at(&auditor->dir, path, false, err, &dir));
    options.url = audited->state.url;
    HM_TRY(hm_copy_open(&dir, COPY_FOLDER, &options, err, &audit->copy));
    audited->trust_stat = st;
    audited->audit = hm_steal(&audit);
    return HM_OK;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* Files of the site that are not what its checkpoint says are no misdeed of the log: they may be
 * right later. */
static enum hm_rc soften(enum hm_rc rc, struct hm_err *err)
{
    if (rc != HM_EFORMAT && rc != HM_EMISMATCH)
        return rc;
    (void)hm_error_prefix(err, rc, "the site serves the log otherwise than it signed it");
    err->rc = HM_EAGAIN;
    return HM_EAGAIN;
}

static enum hm_rc replay_entry(void *ctx, uint64_t index, struct hm_bytes entry, struct hm_err *err)
{
    struct hm_audit *audit = ctx;
    enum hm_rc rc;

    if (index == audit->back_at && index > audit->good)
        HM_TRY(hm_auditor_go_back(audit, err));
    HM_TRY(hm_auditor_check_voids(audit, index, entry, err));
    rc = hm_replay_add(audit->replay, entry, err);
    if (rc != HM_EAGAIN)
        return rc;
    audit->is_again = true;
    audit->back_at = index;
    rc = hm_replay_restart(audit->replay, err);
    return rc == HM_OK ? HM_EAGAIN : rc;
}

/* Replays up to end; from the beginning again where entries are taken back. */
static enum hm_rc replay_to(struct hm_audit *audit, struct hm_follow *follow, uint64_t end,
                            struct hm_err *err)
{
    const struct hm_follow_sink sink = {.entry = replay_entry, .ctx = audit};

    for (unsigned i = 0; i <= HM_AUDITOR_RESTARTS_MAX; i++) {
        uint64_t back = hm_replay_next(audit->replay);
        enum hm_rc rc;

        audit->is_again = false;
        rc = hm_follow_read(follow, back, end, &sink, err);
        if (!audit->is_again)
            return soften(rc, err);
        if (rc != HM_EAGAIN)
            return rc;
    }
    return hm_fail(err, HM_EREFUSED, "the log takes entries back more than %d times",
                   HM_AUDITOR_RESTARTS_MAX);
}

/* The log of this checkpoint, of size entries, is one that the newest root names, and begins with
 * those that root has closed. */
static enum hm_rc check_log(const struct hm_audit *audit, const struct hm_witness_folder_log *log,
                            uint64_t size, struct hm_err *err)
{
    const struct hm_root *root = hm_history_newest_root(audit->history);
    _hm_free_(hm_site_log_free) struct hm_site_log *word = NULL;
    const struct hm_note_key *named;

    HM_TRY(hm_site_log_parse(root, err, &word));
    if (word->policy == NULL)
        return hm_fail(err, HM_EREFUSED, "root %lld of site '%s' names no release log",
                       (long long)root->document.version, audit->trust->site);
    named = word->policy->logs[0].key;
    for (size_t i = 0; i < log->key_count; i++) {
        if (log->keys[i]->id == named->id &&
            hm_bytes_is_equal(log->keys[i]->name_bytes, named->name_bytes))
            return soften(hm_log_verdict_closed(word, hm_follow_nodes(audit->entries), size, err),
                          err);
    }
    return hm_fail(err, HM_EREFUSED, "root %lld of site '%s' names the log '%s' with another key",
                   (long long)root->document.version, audit->trust->site, named->name);
}

/* The tree that was found good is the beginning of this one. */
static enum hm_rc check_begin(const struct audited *audited, const struct hm_follow *follow,
                              struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 root;

    if (audited->state.size == 0)
        return HM_OK;
    if (audited->state.size > hm_follow_frontier(follow)->size)
        return hm_fail(err, HM_EROLLBACK,
                       "the log has %llu entries, and %llu were audited: it has shrunk",
                       (unsigned long long)hm_follow_frontier(follow)->size,
                       (unsigned long long)audited->state.size);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(soften(hm_merkle_root(digest, hm_follow_nodes(follow), audited->state.size, err, &root),
                  err));
    if (!hm_digest_is_equal(&root, &audited->state.root))
        return hm_fail(err, HM_EREFUSED,
                       "the log is forked: its first %llu entries are not those that were audited",
                       (unsigned long long)audited->state.size);
    return HM_OK;
}

/* A replay of what was found good before, out of the copy. */
static enum hm_rc begin_replay(struct audited *audited, struct hm_follow *follow,
                               struct hm_err *err)
{
    struct hm_audit *audit = audited->audit;
    const struct hm_replay_entries entries = {.get = get_entry, .ctx = audit};
    const struct hm_replay_sink sink = hm_auditor_replay_sink(audit);

    audit->good = audited->state.size;
    HM_TRY(hm_replay_new(audit->trust->site, &entries, &sink, err, &audit->replay));
    if (audit->good == 0)
        return HM_OK;
    HM_TRY(replay_to(audit, follow, audit->good, err));
    return hm_auditor_start_history(audit, audit->good - 1, err);
}

static enum hm_rc run(struct audited *audited, const struct hm_witness_folder_log *log,
                      const struct hm_checkpoint *checkpoint, struct hm_err *err)
{
    struct hm_audit *audit = audited->audit;
    const struct hm_follow_source tiles = hm_copy_log(audit->copy);
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;

    audit->origin = log->origin;
    hm_follow_free(hm_steal(&audit->entries));
    HM_TRY(soften(hm_follow_open(&tiles, checkpoint->size, &checkpoint->root, err, &follow), err));
    HM_TRY(soften(hm_follow_open(&tiles, checkpoint->size, &checkpoint->root, err, &audit->entries),
                  err));
    HM_TRY(check_begin(audited, follow, err));
    if (audit->history == NULL)
        HM_TRY(open_history(audit, err));
    if (audit->replay == NULL)
        HM_TRY(begin_replay(audited, follow, err));
    HM_TRY(replay_to(audit, follow, checkpoint->size, err));
    HM_TRY(hm_auditor_verdict(audit, checkpoint->size, err));
    return check_log(audit, log, checkpoint->size, err);
}

/* All is good: on disk first. */
static enum hm_rc keep(const struct hm_auditor *auditor, struct audited *audited,
                       const struct hm_checkpoint *checkpoint, struct hm_err *err)
{
    struct hm_audit *audit = audited->audit;
    uint64_t before = audited->state.size;

    HM_TRY(hm_copy_keep(audit->copy, err));
    HM_TRY(write_audited(auditor, audited, checkpoint, err));
    audit->good = checkpoint->size;
    audit->batch_count = 0;
    hm_auditor_forget_misdeeds(audit);
    hm_copy_collect(audit->copy, before, checkpoint->size);
    return HM_OK;
}

/* Nothing that was read in memory is gone by any more. */
static void forget(struct audited *audited)
{
    struct hm_audit *audit = audited->audit;

    hm_auditor_forget_misdeeds(audit);
    audit->batch_count = 0;
    hm_replay_free(hm_steal(&audit->replay));
    hm_history_free(hm_steal(&audit->history));
    hm_copy_drop(audit->copy);
}

static enum hm_rc check(void *ctx, const struct hm_witness_folder_log *log,
                        const struct hm_checkpoint *checkpoint, struct hm_err *err)
{
    struct hm_auditor *auditor = ctx;
    struct audited *audited = find_or_add(auditor, log->hash);
    enum hm_rc rc;

    if (audited == NULL)
        return hm_error_nomem(err);
    rc = load(auditor, audited, err);
    if (rc != HM_OK) {
        /* The fault is here, whatever it is, and not the log's. */
        if (err != NULL)
            err->rc = HM_EINPUT;
        return HM_EINPUT;
    }
    if (checkpoint->size == 0 || (checkpoint->size == audited->state.size &&
                                  hm_digest_is_equal(&checkpoint->root, &audited->state.root)))
        return HM_OK; /* nothing is new: it is cosigned once more */
    (void)hm_copy_was_used(audited->audit->copy);
    rc = run(audited, log, checkpoint, err);
    if (rc != HM_OK && rc != HM_ENETWORK && hm_copy_was_used(audited->audit->copy)) {
        /* Perhaps it was the copy that was wrong. */
        forget(audited);
        hm_copy_distrust(audited->audit->copy, true);
        rc = run(audited, log, checkpoint, err);
        hm_copy_distrust(audited->audit->copy, false);
    }
    if (rc == HM_OK) {
        rc = keep(auditor, audited, checkpoint, err);
        /* What is on disk after a failure, the old state or the new one, is read again. */
        if (rc != HM_OK) {
            forget(audited);
            audit_free(hm_steal(&audited->audit));
        }
        return rc;
    }
    forget(audited);
    hm_copy_collect(audited->audit->copy, checkpoint->size, audited->state.size);
    return rc;
}

struct hm_witness_auditor hm_auditor_hook(struct hm_auditor *auditor)
{
    return (struct hm_witness_auditor){.check = check, .ctx = auditor};
}
