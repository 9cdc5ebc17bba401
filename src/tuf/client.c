/* SPDX-License-Identifier: Apache-2.0 */
/* The client workflow (TUF 1.0.34 section 5). */
#include "tuf/client.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "tuf/held.h"
#include "tuf/search.h"

#define LOCK_NAME        ".lock"
#define LOCK_WAIT_MS     30000
#define FILE_MODE        0644
#define ENCODED_SIZE_MAX (3 * HM_DOCUMENT_ROLE_NAME_SIZE_MAX)
#define FILE_NAME_SIZE_MAX                                                                         \
    200 /* longer encoded names are stored under a hash; file systems take 255 */
#define VERSION_DIGITS_MAX 20

struct hm_client {
    struct hm_client_config config;
    struct hm_root *root;
    struct hm_timestamp *timestamp;
    struct hm_snapshot *snapshot;
    struct hm_buf targets_raw;
    struct hm_targets *targets;
    struct hm_held roles;
    struct hm_arena arena; /* roles of succinct bins; emptied with roles */
};

/* One role file on its way into trust. */
struct role_file {
    const char *what;                  /* role name, for messages */
    const struct hm_role_keys *keys;   /* who must have signed */
    const struct hm_snapshot_meta *by; /* what the snapshot or timestamp says; NULL: nothing */
    size_t size_max;
};

/* ---- files and requests ---- */

/* The stored name: "ROLE.json", or "%long-HASH.json" (no encoded name has "%lo"). */
static enum hm_rc make_file_name(struct hm_bytes role, struct hm_err *err, struct hm_buf *ret_name)
{
    _hm_done_(hm_buf_done) struct hm_buf encoded = HM_BUF_INIT(ENCODED_SIZE_MAX);
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 digest;

    HM_TRY(hm_text_percent(&encoded, role, err));
    if (encoded.size <= FILE_NAME_SIZE_MAX)
        return hm_buf_append_fmt(ret_name, err, "%s.json", hm_buf_str(&encoded));
    HM_TRY(hm_digest_sha256(role, err, &digest));
    hm_text_hex(hm_bytes_make(digest.bytes, sizeof(digest.bytes)), hex);
    return hm_buf_append_fmt(ret_name, err, "%%long-%s.json", hex);
}

static enum hm_rc read_file(const struct hm_client *client, const char *name, struct hm_err *err,
                            struct hm_buf *ret_raw)
{
    if (client->config.over != NULL && hm_dir_has(client->config.over, name))
        return hm_dir_read(client->config.over, name, err, ret_raw);
    return hm_dir_read(client->config.dir, name, err, ret_raw);
}

static enum hm_rc keep(const struct hm_client *client, const char *name, bool flush,
                       struct hm_err *err)
{
    const struct hm_client_keeper *keeper = client->config.keeper;

    return keeper == NULL ? HM_OK : keeper->keep(keeper->ctx, name, flush, err);
}

static enum hm_rc read_local(const struct hm_client *client, struct hm_bytes role, size_t size_max,
                             struct hm_err *err, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_ERR_TEXT_MAX);

    HM_TRY(make_file_name(role, err, &name));
    ret_raw->size_max = size_max;
    return read_file(client, hm_buf_str(&name), err, ret_raw);
}

/* is_role: a delegated role, whose loss in a crash costs a request. What protects against rollback
 * (root, timestamp, snapshot) is on the disk before it is relied on. */
static enum hm_rc store(const struct hm_client *client, struct hm_bytes role, bool is_role,
                        struct hm_bytes raw, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_ERR_TEXT_MAX);

    HM_TRY(make_file_name(role, err, &name));
    HM_TRY(keep(client, hm_buf_str(&name), !is_role, err));
    if (is_role)
        return hm_file_replace_unflushed(client->config.dir, hm_buf_str(&name), FILE_MODE, raw,
                                         err);
    return hm_file_replace(client->config.dir, hm_buf_str(&name), FILE_MODE, raw, err);
}

/* version 0: the plain name. */
static enum hm_rc request(const struct hm_client *client, struct hm_bytes role, int64_t version,
                          size_t size_max, struct hm_err *err, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf name =
        HM_BUF_INIT(ENCODED_SIZE_MAX + VERSION_DIGITS_MAX + 8);
    const struct hm_client_source *source = client->config.source;

    HM_ASSERT(source != NULL);
    if (version > 0)
        HM_TRY(hm_buf_append_fmt(&name, err, "%" PRId64 ".", version));
    HM_TRY(hm_text_percent(&name, role, err));
    HM_TRY(hm_buf_append_str(&name, ".json", err));
    hm_buf_done(ret_raw);
    ret_raw->size_max = size_max;
    return source->get(source->ctx, hm_buf_str(&name), err, ret_raw);
}

/* A failure that says nothing about the file itself. A read error is one: to take the file as
 * absent then would give up the protection against rollback. */
static bool is_own_failure(enum hm_rc rc)
{
    return rc == HM_ENOMEM || rc == HM_EINTERNAL || rc == HM_EIO;
}

/* ---- into trust ---- */

/* Size, hashes, shape, signatures: what comes before a parser may look at a role. check_facts is
 * false only for a local snapshot that is to be compared with (TUF 5.5: rollback checks work with
 * the last trusted snapshot, whatever the new timestamp says of its hash). */
static enum hm_rc verify_file(const struct role_file *file, struct hm_bytes raw, bool check_facts,
                              struct hm_err *err, struct hm_envelope **ret_envelope,
                              struct hm_signed *ret_signed)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    enum hm_rc rc;

    if (check_facts && file->by != NULL)
        HM_TRY(hm_document_check_facts(&file->by->facts, raw, file->what, err));
    rc = hm_envelope_parse(raw, err, &envelope);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", file->what);
    HM_TRY(hm_envelope_verify(envelope, file->keys, file->what, err, ret_signed));
    *ret_envelope = hm_steal(&envelope);
    return HM_OK;
}

/* The version the snapshot or timestamp names, and not expired: what comes after. */
static enum hm_rc check_document(const struct hm_client *client, const struct role_file *file,
                                 const struct hm_document *document, struct hm_err *err)
{
    /* TUF 5.5.4, 5.6.4: the version must be the one named. */
    if (file->by != NULL && document->version != file->by->version)
        return hm_fail(err, HM_EMISMATCH,
                       "'%s': version %" PRId64 " where %" PRId64
                       " was named; the site may be publishing, try again",
                       file->what, document->version, file->by->version);
    if (client->config.ignore_expiry)
        return HM_OK;
    return hm_document_check_expiry(document, client->config.now_unix_s, file->what, err);
}

static enum hm_rc read_timestamp(const struct hm_client *client, struct hm_bytes raw,
                                 struct hm_err *err, struct hm_timestamp **ret_timestamp)
{
    struct role_file file = {.what = "timestamp",
                             .keys = &client->root->roles[HM_ROOT_ROLE_TIMESTAMP]};
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_signed document;

    HM_TRY(verify_file(&file, raw, true, err, &envelope, &document));
    return hm_timestamp_parse(document, client->config.require_hashes, err, ret_timestamp);
}

static struct role_file snapshot_file(const struct hm_client *client)
{
    return (struct role_file){.what = "snapshot",
                              .keys = &client->root->roles[HM_ROOT_ROLE_SNAPSHOT],
                              .by = client->timestamp == NULL ? NULL : &client->timestamp->snapshot,
                              .size_max = HM_DOCUMENT_SNAPSHOT_SIZE_MAX};
}

static enum hm_rc read_snapshot(const struct hm_client *client, const struct role_file *file,
                                struct hm_bytes raw, bool check_facts, struct hm_err *err,
                                struct hm_snapshot **ret_snapshot)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_signed document;

    HM_TRY(verify_file(file, raw, check_facts, err, &envelope, &document));
    return hm_snapshot_parse(document, client->config.require_hashes, err, ret_snapshot);
}

/* targets.json and every delegated role: one path for all (CVE-2026-6966, CVE-2026-6967). The
 * result points into raw. */
static enum hm_rc read_targets(const struct hm_client *client, const struct role_file *file,
                               struct hm_bytes raw, struct hm_err *err,
                               struct hm_targets **ret_targets)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;
    struct hm_signed document;
    enum hm_rc rc;

    HM_TRY(verify_file(file, raw, true, err, &envelope, &document));
    rc = hm_targets_parse(document, err, &targets);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", file->what);
    HM_TRY(check_document(client, file, &targets->document, err));
    *ret_targets = hm_steal(&targets);
    return HM_OK;
}

/* The most bytes to ask for. TUF 5.5.1, 5.6.1: the length named, else a limit of ours. */
static enum hm_rc find_size_max(const struct hm_snapshot_meta *meta, size_t limit,
                                size_t limit_unnamed, const char *what, struct hm_err *err,
                                size_t *ret_size_max)
{
    if (!meta->facts.has_length) {
        *ret_size_max = limit_unnamed;
        return HM_OK;
    }
    if (meta->facts.length > limit)
        return hm_fail(err, HM_EFORMAT, "'%s': %" PRIu64 " bytes, of which at most %zu are taken",
                       what, meta->facts.length, limit);
    *ret_size_max = (size_t)meta->facts.length;
    return HM_OK;
}

/* ---- life ---- */

/* Forgets all but the root. */
static void drop_all(struct hm_client *client)
{
    hm_held_done(&client->roles);
    hm_arena_done(&client->arena);
    hm_targets_free(client->targets);
    client->targets = NULL;
    hm_buf_done(&client->targets_raw);
    hm_snapshot_free(client->snapshot);
    client->snapshot = NULL;
    hm_timestamp_free(client->timestamp);
    client->timestamp = NULL;
}

static enum hm_rc load_root(const struct hm_client *client, struct hm_err *err,
                            struct hm_root **ret_root)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    const char *folder = client->config.dir->path;
    char reason[HM_ERR_TEXT_MAX / 2];
    struct hm_err cause = HM_ERR_INIT;
    enum hm_rc rc;

    rc = read_file(client, "root.json", &cause, &raw);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT,
                       "'%s' holds no root.json: put a trusted root there first, with 'init'",
                       folder);
    if (rc == HM_OK)
        rc = hm_envelope_parse(hm_buf_bytes(&raw), &cause, &envelope);
    /* CVE-2020-15163: what lies on the disk is checked like anything else. */
    if (rc == HM_OK)
        rc = hm_root_verify_first(envelope, &cause, ret_root);
    if (rc == HM_OK || is_own_failure(rc)) {
        if (rc != HM_OK && err != NULL)
            *err = cause;
        return rc;
    }
    (void)snprintf(reason, sizeof(reason), "%.400s", cause.text);
    return hm_fail(err, HM_EINPUT,
                   "'%s/root.json' is damaged (%s): put a trusted root there again, with 'init'",
                   folder, reason);
}

enum hm_rc hm_client_init(const struct hm_dir *dir, struct hm_bytes raw, struct hm_err *err)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    enum hm_rc rc;

    if (raw.size > HM_DOCUMENT_ROOT_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "'root': larger than %d bytes", HM_DOCUMENT_ROOT_SIZE_MAX);
    rc = hm_envelope_parse(raw, err, &envelope);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'root'");
    HM_TRY(hm_root_verify_first(envelope, err, &root));
    return hm_file_replace(dir, "root.json", FILE_MODE, raw, err);
}

enum hm_rc hm_client_open(const struct hm_client_config *config, struct hm_err *err,
                          struct hm_client **ret_client)
{
    _hm_free_(hm_client_free) struct hm_client *client = calloc(1, sizeof(*client));

    HM_ASSERT(config->source == NULL || (!config->ignore_expiry && config->over == NULL));
    if (client == NULL)
        return hm_error_nomem(err);
    client->config = *config;
    HM_TRY(load_root(client, err, &client->root));
    *ret_client = hm_steal(&client);
    return HM_OK;
}

void hm_client_free(struct hm_client *client)
{
    if (client == NULL)
        return;
    drop_all(client);
    hm_root_free(client->root);
    free(client);
}

const struct hm_root *hm_client_root(const struct hm_client *client)
{
    return client->root;
}

const struct hm_timestamp *hm_client_timestamp(const struct hm_client *client)
{
    return client->timestamp;
}

const struct hm_snapshot *hm_client_snapshot(const struct hm_client *client)
{
    return client->snapshot;
}

const struct hm_targets *hm_client_targets(const struct hm_client *client)
{
    return client->targets;
}

/* ---- refresh ---- */

/* TUF 5.3.11: after a change of the online keys, the old timestamp and snapshot no longer bound
 * versions (fast-forward recovery). Done before each such root is stored, not after the chain: a
 * refresh interrupted in between then cannot miss it (specification issue 318). */
static enum hm_rc forget_rotated(const struct hm_client *client, const struct hm_root *next,
                                 struct hm_err *err)
{
    const struct hm_role_keys *old = client->root->roles;

    if (hm_keyring_is_same_role(&old[HM_ROOT_ROLE_TIMESTAMP],
                                &next->roles[HM_ROOT_ROLE_TIMESTAMP]) &&
        hm_keyring_is_same_role(&old[HM_ROOT_ROLE_SNAPSHOT], &next->roles[HM_ROOT_ROLE_SNAPSHOT]))
        return HM_OK;
    HM_TRY(keep(client, "snapshot.json", true, err));
    HM_TRY(keep(client, "timestamp.json", true, err));
    HM_TRY(hm_dir_remove(client->config.dir, "snapshot.json", err));
    return hm_dir_remove(client->config.dir, "timestamp.json", err);
}

/* TUF 5.3: one root after the other. */
static enum hm_rc refresh_root(struct hm_client *client, struct hm_err *err)
{
    const struct hm_client_root_rule *rule = client->config.root_rule;

    for (int i = 0; i < HM_CLIENT_ROOT_ROTATIONS_MAX; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
        _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
        _hm_free_(hm_root_free) struct hm_root *next = NULL;
        enum hm_rc rc;

        if (client->root->document.version == INT64_MAX)
            break;
        rc = request(client, HM_BYTES_LITERAL("root"), client->root->document.version + 1,
                     HM_DOCUMENT_ROOT_SIZE_MAX, err, &raw);
        if (rc == HM_ENOTFOUND) /* TUF 5.3.3: no newer one */
            break;
        HM_TRY(rc);
        rc = hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'root'");
        HM_TRY(hm_root_verify_next(client->root, envelope, err, &next));
        if (rule != NULL)
            HM_TRY(rule->check(rule->ctx, client->root, next, err));
        HM_TRY(forget_rotated(client, next, err));
        HM_TRY(store(client, HM_BYTES_LITERAL("root"), false, hm_buf_bytes(&raw), err));
        hm_root_free(client->root);
        client->root = hm_steal(&next);
    }
    /* TUF 5.3.10: only the last root must be in date; the others are stored all the same. */
    return hm_document_check_expiry(&client->root->document, client->config.now_unix_s, "root",
                                    err);
}

/* What the folder has, for comparison, however old; absent and damaged are the same. */
static enum hm_rc load_for_comparison(const struct hm_client *client, struct hm_err *err,
                                      struct hm_timestamp **ret_timestamp,
                                      struct hm_snapshot **ret_snapshot)
{
    _hm_done_(hm_buf_done) struct hm_buf timestamp = HM_BUF_INIT(0);
    _hm_done_(hm_buf_done) struct hm_buf snapshot = HM_BUF_INIT(0);
    struct role_file file = snapshot_file(client);
    enum hm_rc rc;

    rc = read_local(client, HM_BYTES_LITERAL("timestamp"), HM_DOCUMENT_TIMESTAMP_SIZE_MAX, err,
                    &timestamp);
    if (rc == HM_OK)
        rc = read_timestamp(client, hm_buf_bytes(&timestamp), err, ret_timestamp);
    if (is_own_failure(rc))
        return rc;
    rc = read_local(client, HM_BYTES_LITERAL("snapshot"), HM_DOCUMENT_SNAPSHOT_SIZE_MAX, err,
                    &snapshot);
    if (rc == HM_OK)
        rc = read_snapshot(client, &file, hm_buf_bytes(&snapshot), false, err, ret_snapshot);
    return is_own_failure(rc) ? rc : HM_OK;
}

/* TUF 5.4.3; also against the stored snapshot, in case the stored timestamp was lost. */
static enum hm_rc check_timestamp_rollback(const struct hm_timestamp *old,
                                           const struct hm_snapshot *old_snapshot,
                                           const struct hm_timestamp *new, struct hm_err *err)
{
    int64_t known = old_snapshot == NULL ? 0 : old_snapshot->document.version;

    if (old != NULL && new->document.version < old->document.version)
        return hm_fail(err, HM_EROLLBACK,
                       "'timestamp': goes back from version %" PRId64 " to %" PRId64
                       "; an old copy is being served, tell the site",
                       old->document.version, new->document.version);
    if (old != NULL && old->snapshot.version > known)
        known = old->snapshot.version;
    if (new->snapshot.version < known)
        return hm_fail(err, HM_EROLLBACK,
                       "'timestamp': names snapshot version %" PRId64 ", older than %" PRId64
                       " seen before; tell the site",
                       new->snapshot.version, known);
    return HM_OK;
}

/* TUF 5.4. Takes *old when the version is still the same. */
static enum hm_rc refresh_timestamp(struct hm_client *client, struct hm_timestamp **old,
                                    const struct hm_snapshot *old_snapshot, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    _hm_free_(hm_timestamp_free) struct hm_timestamp *new = NULL;
    struct role_file file = {.what = "timestamp"};

    HM_TRY(request(client, HM_BYTES_LITERAL("timestamp"), 0, HM_DOCUMENT_TIMESTAMP_SIZE_MAX, err,
                   &raw));
    HM_TRY(read_timestamp(client, hm_buf_bytes(&raw), err, &new));
    /* TUF 5.4.3.1: the same version again is no news: the trusted one stays, without an error. */
    if (*old != NULL && new->document.version == (*old)->document.version) {
        HM_TRY(check_document(client, &file, &(*old)->document, err));
        client->timestamp = hm_steal(old);
        return HM_OK;
    }
    HM_TRY(check_timestamp_rollback(*old, old_snapshot, new, err));
    HM_TRY(check_document(client, &file, &new->document, err));
    HM_TRY(store(client, HM_BYTES_LITERAL("timestamp"), false, hm_buf_bytes(&raw), err));
    client->timestamp = hm_steal(&new);
    return HM_OK;
}

/* The stored snapshot, where it is just the one that the timestamp names. */
static enum hm_rc load_snapshot(struct hm_client *client, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(0);
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    struct role_file file = snapshot_file(client);

    HM_TRY(read_local(client, HM_BYTES_LITERAL("snapshot"), file.size_max, err, &raw));
    HM_TRY(read_snapshot(client, &file, hm_buf_bytes(&raw), true, err, &snapshot));
    HM_TRY(check_document(client, &file, &snapshot->document, err));
    client->snapshot = hm_steal(&snapshot);
    return HM_OK;
}

static int64_t consistent_version(const struct hm_client *client,
                                  const struct hm_snapshot_meta *meta)
{
    return client->root->consistent_snapshot ? meta->version : 0;
}

/* TUF 5.5. */
static enum hm_rc refresh_snapshot(struct hm_client *client, const struct hm_snapshot *old,
                                   struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(0);
    _hm_free_(hm_snapshot_free) struct hm_snapshot *new = NULL;
    struct role_file file = snapshot_file(client);
    enum hm_rc rc;

    rc = load_snapshot(client, err);
    if (rc == HM_OK || is_own_failure(rc))
        return rc;
    HM_TRY(find_size_max(file.by, HM_DOCUMENT_SNAPSHOT_SIZE_MAX, HM_DOCUMENT_SNAPSHOT_SIZE_MAX,
                         "snapshot", err, &file.size_max));
    HM_TRY(request(client, HM_BYTES_LITERAL("snapshot"), consistent_version(client, file.by),
                   file.size_max, err, &raw));
    HM_TRY(read_snapshot(client, &file, hm_buf_bytes(&raw), true, err, &new));
    if (old != NULL)
        HM_TRY(hm_snapshot_check_successor(old, new, err));
    HM_TRY(check_document(client, &file, &new->document, err));
    HM_TRY(store(client, HM_BYTES_LITERAL("snapshot"), false, hm_buf_bytes(&raw), err));
    client->snapshot = hm_steal(&new);
    return HM_OK;
}

static enum hm_rc targets_file(const struct hm_client *client, struct hm_err *err,
                               struct role_file *ret_file)
{
    *ret_file = (struct role_file){
        .what = "targets",
        .keys = &client->root->roles[HM_ROOT_ROLE_TARGETS],
        .by = hm_snapshot_find(client->snapshot, HM_BYTES_LITERAL("targets")),
    };
    if (ret_file->by == NULL)
        return hm_fail(err, HM_EFORMAT, "'snapshot': does not name 'targets'; tell the site");
    return find_size_max(ret_file->by, HM_DOCUMENT_TARGETS_SIZE_MAX,
                         HM_DOCUMENT_TARGETS_SIZE_DEFAULT, "targets", err, &ret_file->size_max);
}

static enum hm_rc load_targets(struct hm_client *client, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(0);
    struct role_file file;

    HM_TRY(targets_file(client, err, &file));
    HM_TRY(read_local(client, HM_BYTES_LITERAL("targets"), file.size_max, err, &raw));
    HM_TRY(read_targets(client, &file, hm_buf_bytes(&raw), err, &client->targets));
    client->targets_raw = raw;
    raw = (struct hm_buf)HM_BUF_INIT(0);
    return HM_OK;
}

/* TUF 5.6. */
static enum hm_rc refresh_targets(struct hm_client *client, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(0);
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;
    struct role_file file;
    enum hm_rc rc;

    HM_TRY(targets_file(client, err, &file));
    rc = load_targets(client, err);
    if (rc == HM_OK || is_own_failure(rc))
        return rc;
    HM_TRY(request(client, HM_BYTES_LITERAL("targets"), consistent_version(client, file.by),
                   file.size_max, err, &raw));
    HM_TRY(read_targets(client, &file, hm_buf_bytes(&raw), err, &targets));
    HM_TRY(store(client, HM_BYTES_LITERAL("targets"), false, hm_buf_bytes(&raw), err));
    client->targets = hm_steal(&targets);
    client->targets_raw = raw;
    raw = (struct hm_buf)HM_BUF_INIT(0);
    return HM_OK;
}

enum hm_rc hm_client_refresh(struct hm_client *client, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_free_(hm_timestamp_free) struct hm_timestamp *old_timestamp = NULL;
    _hm_free_(hm_snapshot_free) struct hm_snapshot *old_snapshot = NULL;
    struct hm_root *root = NULL;

    HM_ASSERT(client->config.source != NULL);
    drop_all(client);
    HM_TRY(hm_lock_take(client->config.dir, LOCK_NAME, LOCK_WAIT_MS, err, &lock));
    /* Another process may have moved on since the folder was opened. */
    HM_TRY(load_root(client, err, &root));
    hm_root_free(client->root);
    client->root = root;
    HM_TRY(refresh_root(client, err));
    HM_TRY(load_for_comparison(client, err, &old_timestamp, &old_snapshot));
    HM_TRY(refresh_timestamp(client, &old_timestamp, old_snapshot, err));
    HM_TRY(refresh_snapshot(client, old_snapshot, err));
    return refresh_targets(client, err);
}

/* ---- offline ---- */

static enum hm_rc load_timestamp(struct hm_client *client, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(0);
    _hm_free_(hm_timestamp_free) struct hm_timestamp *timestamp = NULL;
    struct role_file file = {.what = "timestamp"};

    HM_TRY(read_local(client, HM_BYTES_LITERAL("timestamp"), HM_DOCUMENT_TIMESTAMP_SIZE_MAX, err,
                      &raw));
    HM_TRY(read_timestamp(client, hm_buf_bytes(&raw), err, &timestamp));
    HM_TRY(check_document(client, &file, &timestamp->document, err));
    client->timestamp = hm_steal(&timestamp);
    return HM_OK;
}

static enum hm_rc load_all(struct hm_client *client, struct hm_err *err)
{
    struct hm_root *root = NULL;

    drop_all(client);
    HM_TRY(load_root(client, err, &root));
    hm_root_free(client->root);
    client->root = root;
    if (!client->config.ignore_expiry)
        HM_TRY(hm_document_check_expiry(&client->root->document, client->config.now_unix_s, "root",
                                        err));
    HM_TRY(load_timestamp(client, err));
    HM_TRY(load_snapshot(client, err));
    return load_targets(client, err);
}

static bool is_final(enum hm_rc rc)
{
    return rc == HM_OK || rc == HM_EEXPIRED || rc == HM_EINPUT || is_own_failure(rc);
}

enum hm_rc hm_client_load(struct hm_client *client, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    enum hm_rc rc = load_all(client, err);

    if (!is_final(rc) && !client->config.is_impatient) {
        /* A refresh may be on its way: once more when it is over. A reader who may not write the
         * folder cannot wait for the lock, and tries again at once. */
        if (hm_lock_take(client->config.dir, LOCK_NAME, LOCK_WAIT_MS, NULL, &lock) != HM_OK)
            lock = (struct hm_lock)HM_LOCK_INIT;
        rc = load_all(client, err);
    }
    if (is_final(rc))
        return rc;
    return hm_fail(err, HM_EAGAIN,
                   "'%s' holds no complete state of the site: refresh it first, with a connection",
                   client->config.dir->path);
}

/* ---- delegated roles ---- */

/* A role in memory, asked for by a delegation with perhaps other keys. */
static enum hm_rc reverify(struct hm_held_role *held, const struct role_file *file,
                           const struct hm_sha256 *digest, struct hm_err *err)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_signed document;

    if (hm_held_is_accepted(held, digest))
        return HM_OK;
    HM_TRY(verify_file(file, hm_buf_bytes(&held->raw), true, err, &envelope, &document));
    return hm_held_accept(held, digest, err);
}

static enum hm_rc fail_not_held(const char *what, struct hm_err *err)
{
    return hm_fail(err, HM_EAGAIN,
                   "'%s': the folder has no copy of the version that the snapshot names: refresh "
                   "it first, with a connection",
                   what);
}

static enum hm_rc load_role(struct hm_client *client, const struct role_file *file,
                            struct hm_bytes name, bool local_only, struct hm_err *err,
                            struct hm_buf *raw, struct hm_targets **ret_targets)
{
    enum hm_rc rc = read_local(client, name, file->size_max, err, raw);

    if (rc == HM_OK)
        rc = read_targets(client, file, hm_buf_bytes(raw), err, ret_targets);
    if (rc == HM_OK || is_own_failure(rc))
        return rc;
    if (local_only || client->config.source == NULL)
        return rc == HM_EEXPIRED ? rc : fail_not_held(file->what, err);
    HM_TRY(request(client, name, consistent_version(client, file->by), file->size_max, err, raw));
    HM_TRY(read_targets(client, file, hm_buf_bytes(raw), err, ret_targets));
    return store(client, name, true, hm_buf_bytes(raw), err);
}

/* The role's file as the snapshot names it; what has room for the longest name. */
static enum hm_rc describe_role(const struct hm_client *client, struct hm_bytes name,
                                struct hm_err *err, char what[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1],
                                struct role_file *file)
{
    HM_ASSERT(client->snapshot != NULL);
    HM_ASSERT(name.size <= HM_DOCUMENT_ROLE_NAME_SIZE_MAX);
    memcpy(what, name.data, name.size);
    what[name.size] = '\0';
    file->what = what;
    file->by = hm_snapshot_find(client->snapshot, name);
    if (file->by == NULL)
        return hm_fail(err, HM_ENOTFOUND, "'%s': the snapshot does not name this role", what);
    return find_size_max(file->by, HM_DOCUMENT_TARGETS_SIZE_MAX, HM_DOCUMENT_TARGETS_SIZE_DEFAULT,
                         what, err, &file->size_max);
}

static enum hm_rc get_role(struct hm_client *client, const struct hm_delegated_role *role,
                           bool local_only, struct hm_err *err,
                           const struct hm_targets **ret_targets)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(0);
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;
    char what[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1];
    struct role_file file = {.keys = &role->keys};
    struct hm_held_role *held;
    struct hm_sha256 digest;

    HM_TRY(describe_role(client, role->name, err, what, &file));
    HM_TRY(hm_held_digest_keys(&role->keys, err, &digest));
    held = hm_held_find(&client->roles, role->name);
    if (held != NULL) {
        HM_TRY(reverify(held, &file, &digest, err));
    } else {
        HM_TRY(load_role(client, &file, role->name, local_only, err, &raw, &targets));
        HM_TRY(hm_held_put(&client->roles, role->name, &digest, &raw, &targets, err, &held));
    }
    *ret_targets = held->targets;
    return HM_OK;
}

enum hm_rc hm_client_role(struct hm_client *client, const struct hm_delegated_role *role,
                          struct hm_err *err, const struct hm_targets **ret_targets)
{
    return get_role(client, role, false, err, ret_targets);
}

enum hm_rc hm_client_role_local(struct hm_client *client, const struct hm_delegated_role *role,
                                struct hm_err *err, const struct hm_targets **ret_targets)
{
    return get_role(client, role, true, err, ret_targets);
}

void hm_client_forget(struct hm_client *client, struct hm_bytes name)
{
    hm_held_drop(&client->roles, name);
}

enum hm_rc hm_client_role_unverified(const struct hm_client *client, struct hm_bytes name,
                                     struct hm_err *err, struct hm_buf *ret_raw)
{
    char what[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1];
    struct role_file file = {0};
    enum hm_rc rc;

    HM_TRY(describe_role(client, name, err, what, &file));
    hm_buf_clear(ret_raw);
    rc = read_local(client, name, file.size_max, err, ret_raw);
    if (rc == HM_OK)
        rc = hm_document_check_facts(&file.by->facts, hm_buf_bytes(ret_raw), what, err);
    if (rc == HM_OK || is_own_failure(rc))
        return rc;
    return fail_not_held(what, err);
}

enum hm_rc hm_client_role_flush(const struct hm_client *client, struct hm_bytes name,
                                struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_ERR_TEXT_MAX);
    _hm_done_(hm_dir_close_fd) int fd = -1;
    uint64_t size;

    HM_TRY(make_file_name(name, err, &file));
    HM_TRY(hm_dir_open_file(client->config.dir, hm_buf_str(&file), err, &fd, &size));
    if (fsync(fd) != 0 || fsync(client->config.dir->fd) != 0)
        return hm_error_errno(err, errno, "cannot flush '%s/%s'", client->config.dir->path,
                              hm_buf_str(&file));
    return HM_OK;
}

/* ---- files ---- */

enum hm_rc hm_client_find(struct hm_client *client, struct hm_bytes path, struct hm_err *err,
                          struct hm_client_found *ret_found)
{
    HM_ASSERT(client->targets != NULL);
    return hm_search_run(client, &client->arena, path, err, ret_found);
}

enum hm_rc hm_client_target_url(const struct hm_client *client, const struct hm_target *target,
                                struct hm_err *err, struct hm_buf *ret_path)
{
    char hex[2 * HM_SHA512_SIZE + 1];
    size_t name = target->path.size;

    if (!client->root->consistent_snapshot)
        return hm_text_percent_path(ret_path, target->path, err);
    while (name > 0 && target->path.data[name - 1] != '/')
        name--;
    if (target->facts.has_sha256)
        hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
    else
        hm_text_hex(hm_bytes_make(target->facts.sha512->bytes, HM_SHA512_SIZE), hex);
    HM_TRY(hm_text_percent_path(ret_path, hm_bytes_make(target->path.data, name), err));
    HM_TRY(hm_buf_append_fmt(ret_path, err, "%s.", hex));
    return hm_text_percent_path(
        ret_path, hm_bytes_make(target->path.data + name, target->path.size - name), err);
}
