/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp.json (TUF 1.0.34 section 4.6). */
#include "tuf/timestamp.h"

static enum hm_rc parse_meta(struct hm_json *json, bool require_hashes,
                             struct hm_timestamp *timestamp, struct hm_err *err)
{
    struct hm_bytes key, skipped;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "snapshot.json"))
            HM_TRY(hm_snapshot_parse_meta(json, key, require_hashes, err, &timestamp->snapshot));
        else
            HM_TRY(hm_json_skip(json, err, &skipped));
    }
    if (timestamp->snapshot.version == 0)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"meta\" lacks 'snapshot.json'");
    return HM_OK;
}

static enum hm_rc parse_members(struct hm_json *json, bool require_hashes,
                                struct hm_timestamp *timestamp, struct hm_err *err)
{
    struct hm_document_seen seen = {0};
    struct hm_bytes key, skipped;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        bool known;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(
            hm_document_member(json, "timestamp", key, err, &timestamp->document, &seen, &known));
        if (known)
            continue;
        if (hm_bytes_is_str(key, "meta"))
            HM_TRY(parse_meta(json, require_hashes, timestamp, err));
        else
            HM_TRY(hm_json_skip(json, err, &skipped));
    }
    HM_TRY(hm_json_end(json, err));
    HM_TRY(hm_document_complete("timestamp", &seen, err));
    if (timestamp->snapshot.version == 0)
        return hm_fail(err, HM_EFORMAT, "\"meta\" is missing in a document of type 'timestamp'");
    return HM_OK;
}

enum hm_rc hm_timestamp_parse(struct hm_signed document, bool require_hashes, struct hm_err *err,
                              struct hm_timestamp **ret_timestamp)
{
    _hm_free_(hm_timestamp_free) struct hm_timestamp *timestamp = calloc(1, sizeof(*timestamp));
    struct hm_bytes copy;
    struct hm_json json;
    enum hm_rc rc;

    if (timestamp == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(&timestamp->arena, hm_envelope_signed_json(document), err, &copy));
    hm_json_init(&json, copy, &timestamp->arena);
    rc = parse_members(&json, require_hashes, timestamp, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'timestamp'");
    *ret_timestamp = hm_steal(&timestamp);
    return HM_OK;
}

enum hm_rc hm_timestamp_write(const struct hm_document *document,
                              const struct hm_snapshot_meta *snapshot, struct hm_err *err,
                              struct hm_buf *ret_canonical)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    struct hm_snapshot_meta meta = *snapshot;
    struct hm_json_writer writer;

    meta.name = HM_BYTES_LITERAL("snapshot");
    hm_json_writer_init(&writer, &buf, false);
    hm_json_writer_object_begin(&writer);
    hm_document_write(document, "timestamp", &writer);
    hm_json_writer_key(&writer, "meta");
    hm_json_writer_object_begin(&writer);
    HM_TRY(hm_snapshot_write_meta(&meta, err, &writer));
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_json_canonicalise(hm_buf_bytes(&buf), err, ret_canonical);
}

void hm_timestamp_free(struct hm_timestamp *timestamp)
{
    if (timestamp == NULL)
        return;
    hm_arena_done(&timestamp->arena);
    free(timestamp);
}
