/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.json (TUF 1.0.34 section 4.4; succession 5.5.5). */
#include "tuf/snapshot.h"

#include <inttypes.h>

#include "tuf/grow_internal.h"

static int compare_metas(const void *a, const void *b)
{
    const struct hm_snapshot_meta *left = a;
    const struct hm_snapshot_meta *right = b;

    return hm_bytes_compare(left->name, right->name);
}

/* "NAME.json" without its ending. */
static enum hm_rc read_name(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                            struct hm_bytes *ret_name)
{
    struct hm_bytes ending = HM_BYTES_LITERAL(".json");

    if (key.size <= ending.size || key.size - ending.size > HM_DOCUMENT_ROLE_NAME_SIZE_MAX ||
        memcmp(key.data + key.size - ending.size, ending.data, ending.size) != 0)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "\"meta\" has '%.*s' where ROLE.json belongs", HM_BYTES_FMT(key));
    *ret_name = hm_bytes_make(key.data, key.size - ending.size);
    return HM_OK;
}

static enum hm_rc read_length(struct hm_json *json, struct hm_err *err, struct hm_file_facts *facts)
{
    int64_t length;

    HM_TRY(hm_json_int(json, err, &length));
    if (length < 1)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"length\" %" PRId64 " is below 1",
                          length);
    facts->length = (uint64_t)length;
    facts->has_length = true;
    return HM_OK;
}

static enum hm_rc read_version(struct hm_json *json, struct hm_err *err, int64_t *ret_version)
{
    int64_t version;

    HM_TRY(hm_json_int(json, err, &version));
    if (version < 1)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"version\" %" PRId64 " is below 1",
                          version);
    *ret_version = version;
    return HM_OK;
}

enum hm_rc hm_snapshot_parse_meta(struct hm_json *json, struct hm_bytes key, bool require_hashes,
                                  struct hm_err *err, struct hm_snapshot_meta *ret_meta)
{
    struct hm_snapshot_meta meta = {0};
    struct hm_bytes member, skipped;
    bool more;

    HM_TRY(read_name(json, key, err, &meta.name));
    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &member));
        if (!more)
            break;
        if (hm_bytes_is_str(member, "version"))
            HM_TRY(read_version(json, err, &meta.version));
        else if (hm_bytes_is_str(member, "length"))
            HM_TRY(read_length(json, err, &meta.facts));
        else if (hm_bytes_is_str(member, "hashes"))
            HM_TRY(hm_document_parse_hashes(json, err, &meta.facts));
        else
            HM_TRY(hm_json_skip(json, err, &skipped));
    }
    if (meta.version == 0)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "the entry of '%.*s' lacks \"version\"",
                          HM_BYTES_FMT(key));
    if (require_hashes && (!meta.facts.has_length || !meta.facts.has_sha256))
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "the entry of '%.*s' lacks \"length\" or a SHA-256, so that it binds "
                          "nothing",
                          HM_BYTES_FMT(key));
    *ret_meta = meta;
    return HM_OK;
}

enum hm_rc hm_snapshot_write_meta(const struct hm_snapshot_meta *meta, struct hm_err *err,
                                  struct hm_json_writer *writer)
{
    _hm_done_(hm_buf_done) struct hm_buf key = HM_BUF_INIT(HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 5);

    HM_TRY(hm_buf_append(&key, meta->name, err));
    HM_TRY(hm_buf_append_str(&key, ".json", err));
    hm_json_writer_key_bytes(writer, hm_buf_bytes(&key));
    hm_json_writer_object_begin(writer);
    if (meta->facts.has_sha256 || meta->facts.sha512 != NULL) {
        hm_json_writer_key(writer, "hashes");
        hm_document_write_hashes(&meta->facts, writer);
    }
    if (meta->facts.has_length) {
        hm_json_writer_key(writer, "length");
        hm_json_writer_u64(writer, meta->facts.length);
    }
    hm_json_writer_key_int(writer, "version", meta->version);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static enum hm_rc parse_metas(struct hm_json *json, bool require_hashes,
                              struct hm_snapshot *snapshot, struct hm_err *err)
{
    struct hm_bytes key;
    bool more, sorted = true;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        struct hm_snapshot_meta *meta;
        void *grown;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (snapshot->meta_count == HM_SNAPSHOT_COUNT_MAX)
            return hm_fail_at(err, HM_EFORMAT, json->offset, "more than %d roles",
                              HM_SNAPSHOT_COUNT_MAX);
        grown = hm_grow(&snapshot->arena, snapshot->metas, snapshot->meta_count,
                        sizeof(*snapshot->metas));
        if (grown == NULL)
            return hm_error_nomem(err);
        snapshot->metas = grown;
        meta = &snapshot->metas[snapshot->meta_count];
        HM_TRY(hm_snapshot_parse_meta(json, key, require_hashes, err, meta));
        if (snapshot->meta_count > 0 && compare_metas(meta - 1, meta) > 0)
            sorted = false;
        snapshot->meta_count++;
    }
    if (!sorted)
        qsort(snapshot->metas, snapshot->meta_count, sizeof(*snapshot->metas), compare_metas);
    return HM_OK;
}

static enum hm_rc parse_members(struct hm_json *json, bool require_hashes,
                                struct hm_snapshot *snapshot, struct hm_err *err)
{
    struct hm_document_seen seen = {0};
    struct hm_bytes key, skipped;
    bool more, has_meta = false;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        bool known;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_document_member(json, "snapshot", key, err, &snapshot->document, &seen, &known));
        if (known)
            continue;
        if (hm_bytes_is_str(key, "meta")) {
            HM_TRY(parse_metas(json, require_hashes, snapshot, err));
            has_meta = true;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    HM_TRY(hm_json_end(json, err));
    HM_TRY(hm_document_complete("snapshot", &seen, err));
    if (!has_meta)
        return hm_fail(err, HM_EFORMAT, "\"meta\" is missing in a document of type 'snapshot'");
    return HM_OK;
}

enum hm_rc hm_snapshot_parse(struct hm_signed document, bool require_hashes, struct hm_err *err,
                             struct hm_snapshot **ret_snapshot)
{
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    struct hm_bytes copy;
    struct hm_json json;
    enum hm_rc rc;

    HM_TRY(hm_snapshot_new(err, &snapshot));
    HM_TRY(hm_arena_copy(&snapshot->arena, hm_envelope_signed_json(document), err, &copy));
    hm_json_init(&json, copy, &snapshot->arena);
    rc = parse_members(&json, require_hashes, snapshot, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'snapshot'");
    *ret_snapshot = hm_steal(&snapshot);
    return HM_OK;
}

enum hm_rc hm_snapshot_new(struct hm_err *err, struct hm_snapshot **ret_snapshot)
{
    struct hm_snapshot *snapshot = calloc(1, sizeof(*snapshot));

    if (snapshot == NULL)
        return hm_error_nomem(err);
    *ret_snapshot = snapshot;
    return HM_OK;
}

/* Where name is or would have to be. */
static size_t find_place(const struct hm_snapshot *snapshot, struct hm_bytes name)
{
    size_t low = 0, high = snapshot->meta_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_bytes_compare(snapshot->metas[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum hm_rc hm_snapshot_put(struct hm_snapshot *snapshot, const struct hm_snapshot_meta *meta,
                           struct hm_err *err)
{
    size_t place = find_place(snapshot, meta->name);
    struct hm_snapshot_meta copy = *meta;
    void *grown;

    HM_TRY(hm_document_copy_facts(&snapshot->arena, &meta->facts, err, &copy.facts));
    if (place < snapshot->meta_count &&
        hm_bytes_is_equal(snapshot->metas[place].name, meta->name)) {
        copy.name = snapshot->metas[place].name;
        snapshot->metas[place] = copy;
        return HM_OK;
    }
    if (snapshot->meta_count == HM_SNAPSHOT_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "'snapshot': more than %d roles", HM_SNAPSHOT_COUNT_MAX);
    HM_TRY(hm_arena_copy(&snapshot->arena, meta->name, err, &copy.name));
    grown =
        hm_grow(&snapshot->arena, snapshot->metas, snapshot->meta_count, sizeof(*snapshot->metas));
    if (grown == NULL)
        return hm_error_nomem(err);
    snapshot->metas = grown;
    memmove(snapshot->metas + place + 1, snapshot->metas + place,
            (snapshot->meta_count - place) * sizeof(*snapshot->metas));
    snapshot->metas[place] = copy;
    snapshot->meta_count++;
    return HM_OK;
}

enum hm_rc hm_snapshot_write(const struct hm_snapshot *snapshot, struct hm_err *err,
                             struct hm_buf *ret_canonical)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &buf, false);
    hm_json_writer_object_begin(&writer);
    hm_document_write(&snapshot->document, "snapshot", &writer);
    hm_json_writer_key(&writer, "meta");
    hm_json_writer_object_begin(&writer);
    for (size_t i = 0; i < snapshot->meta_count; i++)
        HM_TRY(hm_snapshot_write_meta(&snapshot->metas[i], err, &writer));
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_json_canonicalise(hm_buf_bytes(&buf), err, ret_canonical);
}

const struct hm_snapshot_meta *hm_snapshot_find(const struct hm_snapshot *snapshot,
                                                struct hm_bytes name)
{
    size_t place = find_place(snapshot, name);

    if (place == snapshot->meta_count || !hm_bytes_is_equal(snapshot->metas[place].name, name))
        return NULL;
    return &snapshot->metas[place];
}

enum hm_rc hm_snapshot_check_successor(const struct hm_snapshot *trusted,
                                       const struct hm_snapshot *next, struct hm_err *err)
{
    size_t j = 0;

    for (size_t i = 0; i < trusted->meta_count; i++) {
        const struct hm_snapshot_meta *old = &trusted->metas[i];
        const struct hm_snapshot_meta *new;

        while (j < next->meta_count && hm_bytes_compare(next->metas[j].name, old->name) < 0)
            j++;
        if (j == next->meta_count || !hm_bytes_is_equal(next->metas[j].name, old->name))
            return hm_fail(err, HM_EROLLBACK,
                           "'snapshot': role '%.*s' of the last snapshot is gone; roles may not "
                           "disappear, tell the site",
                           HM_BYTES_FMT(old->name));
        new = &next->metas[j];
        if (new->version < old->version)
            return hm_fail(err, HM_EROLLBACK,
                           "'snapshot': role '%.*s' goes back from version %" PRId64 " to %" PRId64
                           "; tell the site",
                           HM_BYTES_FMT(old->name), old->version, new->version);
    }
    return HM_OK;
}

void hm_snapshot_free(struct hm_snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    hm_arena_done(&snapshot->arena);
    free(snapshot);
}
