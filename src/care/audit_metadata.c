/* SPDX-License-Identifier: Apache-2.0 */
/* An audit's part that reads metadata (audit.h). */
#include "base/gzip.h"
#include "care/audit_internal.h"

#define NAME_SIZE 512

static int compare(const void *a, const void *b)
{
    const struct hm_audit_name *one = a, *other = b;

    return strcmp(one->name, other->name);
}

static enum hm_rc add(struct hm_audit *audit, const char *name, const struct hm_sha256 *sha256,
                      uint64_t length, bool is_compared, struct hm_err *err)
{
    char *copy = hm_arena_strdup(&audit->arena, hm_bytes_str(name));

    if (audit->name_count == audit->name_capacity) {
        size_t capacity = audit->name_capacity == 0 ? 256 : 2 * audit->name_capacity;
        struct hm_audit_name *grown = reallocarray(audit->names, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        audit->names = grown;
        audit->name_capacity = capacity;
    }
    if (copy == NULL)
        return hm_error_nomem(err);
    audit->names[audit->name_count++] = (struct hm_audit_name){
        .name = copy, .sha256 = *sha256, .length = length, .is_compared = is_compared};
    return HM_OK;
}

struct hm_audit_name *hm_audit_name_find(const struct hm_audit *audit, const char *name)
{
    const struct hm_audit_name key = {.name = name};

    return audit->name_count == 0
               ? NULL
               : bsearch(&key, audit->names, audit->name_count, sizeof(*audit->names), compare);
}

static enum hm_rc read_file(struct hm_audit *audit, const char *name, struct hm_err *err,
                            struct hm_buf *ret_raw, struct hm_sha256 *ret_sha256)
{
    char path[NAME_SIZE + 16];

    (void)snprintf(path, sizeof(path), "metadata/%s", name);
    HM_TRY(hm_dir_read(&audit->site->public_dir, path, err, ret_raw));
    audit->result.file_count++;
    audit->result.byte_count += ret_raw->size;
    return hm_digest_sha256(hm_buf_bytes(ret_raw), err, ret_sha256);
}

/* ---- roots ----------------------------------------------------------------------------------- */

/* The tree was loaded along this chain: what fails here changed in between. */
static enum hm_rc read_root(struct hm_audit *audit, int64_t version, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_root *root = NULL;
    struct hm_sha256 sha256;
    char name[NAME_SIZE];

    (void)snprintf(name, sizeof(name), "%lld.root.json", (long long)version);
    HM_TRY(read_file(audit, name, err, &raw, &sha256));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    if (audit->root_count == 0)
        HM_TRY(hm_root_verify_first(envelope, err, &root));
    else
        HM_TRY(hm_root_verify_next(audit->roots[audit->root_count - 1], envelope, err, &root));
    audit->roots[audit->root_count++] = root;
    return add(audit, name, &sha256, raw.size, true, err);
}

static enum hm_rc read_roots(struct hm_audit *audit, struct hm_err *err)
{
    int64_t newest = audit->tree->root->document.version;

    audit->roots = calloc((size_t)newest, sizeof(*audit->roots)); /* the chain was walked: small */
    if (audit->roots == NULL)
        return hm_error_nomem(err);
    for (int64_t version = 1; version <= newest; version++)
        HM_TRY(read_root(audit, version, err));
    return HM_OK;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

/* Signed by the keys of any root there ever was; which one was in force then is not told. */
static enum hm_rc verify(const struct hm_audit *audit, const struct hm_envelope *envelope,
                         struct hm_err *err, struct hm_signed *ret_content)
{
    enum hm_rc rc = HM_ESIGNATURE;

    for (size_t i = audit->root_count; i-- > 0 && rc != HM_OK;)
        rc = hm_envelope_verify(envelope, &audit->roots[i]->roles[HM_ROOT_ROLE_SNAPSHOT],
                                "snapshot", err, ret_content);
    return rc;
}

static enum hm_rc parse(struct hm_audit *audit, struct hm_bytes raw, int64_t version,
                        struct hm_err *err, struct hm_snapshot **ret_snapshot)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    struct hm_signed content;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(verify(audit, envelope, err, &content));
    HM_TRY(hm_snapshot_parse(content, true, err, &snapshot));
    if (snapshot->document.version != version)
        return hm_fail(err, HM_EMISMATCH, "it says that it is version %lld",
                       (long long)snapshot->document.version);
    *ret_snapshot = hm_steal(&snapshot);
    return HM_OK;
}

/* What it names that the one before did not. */
static enum hm_rc take(struct hm_audit *audit, const struct hm_snapshot *before,
                       const struct hm_snapshot *snapshot, struct hm_err *err)
{
    for (size_t i = 0; i < snapshot->meta_count; i++) {
        const struct hm_snapshot_meta *meta = &snapshot->metas[i];
        const struct hm_snapshot_meta *last =
            before == NULL ? NULL : hm_snapshot_find(before, meta->name);
        char name[NAME_SIZE];

        if (last != NULL && last->version == meta->version)
            continue;
        (void)snprintf(name, sizeof(name), "%lld.%.*s.json", (long long)meta->version,
                       HM_BYTES_FMT(meta->name));
        HM_TRY(add(audit, name, &meta->facts.sha256, meta->facts.length, false, err));
    }
    return HM_OK;
}

static enum hm_rc read_snapshots(struct hm_audit *audit, struct hm_err *err)
{
    _hm_free_(hm_snapshot_free) struct hm_snapshot *before = NULL;
    int64_t newest = audit->tree->snapshot->document.version;

    for (int64_t version = 1; version <= newest; version++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
        struct hm_snapshot *snapshot = NULL;
        struct hm_sha256 sha256;
        struct hm_err why = HM_ERR_INIT;
        char name[NAME_SIZE], path[NAME_SIZE + 32];
        enum hm_rc rc;

        (void)snprintf(name, sizeof(name), "%lld.snapshot.json", (long long)version);
        (void)snprintf(path, sizeof(path), "public/metadata/%s", name);
        rc = read_file(audit, name, &why, &raw, &sha256);
        if (rc == HM_OK)
            rc = parse(audit, hm_buf_bytes(&raw), version, &why, &snapshot);
        if (rc != HM_ENOTFOUND)
            HM_TRY(add(audit, name, &sha256, raw.size, true, err));
        if (rc != HM_OK) {
            HM_TRY(hm_audit_judge(audit, rc, path, &why, err));
            continue;
        }
        rc = take(audit, before, snapshot, err);
        hm_snapshot_free(before);
        before = snapshot;
        HM_TRY(rc);
    }
    return HM_OK;
}

enum hm_rc hm_audit_metadata(struct hm_audit *audit, struct hm_err *err)
{
    size_t count = 0;

    HM_TRY(read_roots(audit, err));
    HM_TRY(read_snapshots(audit, err));
    if (audit->name_count > 0)
        qsort(audit->names, audit->name_count, sizeof(*audit->names), compare);
    /* One version may be named twice, where a snapshot between could not be read. */
    for (size_t i = 0; i < audit->name_count; i++)
        if (count == 0 || strcmp(audit->names[count - 1].name, audit->names[i].name) != 0)
            audit->names[count++] = audit->names[i];
    audit->name_count = count;
    return HM_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static enum hm_rc check_copy(struct hm_audit *audit, const char *name, const char *path,
                             const struct stat *info, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf plain = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    const struct hm_audit_name *of;
    struct hm_sha256 sha256, found;
    struct hm_err why = HM_ERR_INIT;
    char base[NAME_SIZE];
    enum hm_rc rc;

    (void)snprintf(base, sizeof(base), "%.*s", (int)strlen(name) - 3, name);
    of = hm_audit_name_find(audit, base);
    if (of == NULL && info->st_ctime >= audit->start_unix_s)
        return HM_OK; /* published meanwhile */
    if (of == NULL)
        return hm_audit_find(audit, HM_AUDIT_STRAY, path, err, "a copy of nothing that is named");
    rc = read_file(audit, name, &why, &raw, &sha256);
    if (rc == HM_OK)
        rc = hm_gzip_decompress(hm_buf_bytes(&raw), &why, &plain);
    if (rc == HM_OK)
        rc = hm_digest_sha256(hm_buf_bytes(&plain), &why, &found);
    if (rc != HM_OK)
        return hm_audit_judge(audit, rc, path, &why, err);
    if (hm_digest_is_equal(&found, &of->sha256))
        return HM_OK;
    return hm_audit_find(audit, HM_AUDIT_ALTERED, path, err, "unpacked it is not '%s'", base);
}

static enum hm_rc check_file(struct hm_audit *audit, struct hm_audit_name *of, const char *path,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    struct hm_sha256 sha256;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    of->is_met = true;
    if (of->is_compared)
        return HM_OK;
    rc = read_file(audit, of->name, &why, &raw, &sha256);
    if (rc != HM_OK)
        return hm_audit_judge(audit, rc, path, &why, err);
    if (raw.size == of->length && hm_digest_is_equal(&sha256, &of->sha256))
        return HM_OK;
    return hm_audit_find(audit, HM_AUDIT_ALTERED, path, err,
                         "its bytes are not those that a signed snapshot names");
}

enum hm_rc hm_audit_metadata_file(struct hm_audit *audit, const char *name, const struct stat *info,
                                  struct hm_err *err)
{
    char path[NAME_SIZE + 32];
    size_t size = strlen(name);
    struct hm_audit_name *of;

    if (size >= NAME_SIZE || strcmp(name, "timestamp.json") == 0)
        return HM_OK; /* verified with the tree; a name as long is a stray's, told by the walk */
    (void)snprintf(path, sizeof(path), "public/metadata/%s", name);
    if (size > 3 && strcmp(name + size - 3, ".gz") == 0)
        return check_copy(audit, name, path, info, err);
    of = hm_audit_name_find(audit, name);
    if (of != NULL)
        return check_file(audit, of, path, err);
    if (info->st_ctime >= audit->start_unix_s)
        return HM_OK; /* published meanwhile */
    return hm_audit_find(audit, HM_AUDIT_STRAY, path, err, "no root and no snapshot names it");
}

enum hm_rc hm_audit_metadata_missing(struct hm_audit *audit, struct hm_err *err)
{
    for (size_t i = 0; i < audit->name_count; i++) {
        char path[NAME_SIZE + 32];

        (void)snprintf(path, sizeof(path), "public/metadata/%s", audit->names[i].name);
        if (!audit->names[i].is_met)
            HM_TRY(hm_audit_find(audit, HM_AUDIT_MISSING, path, err, "a signed snapshot names it"));
    }
    return HM_OK;
}
