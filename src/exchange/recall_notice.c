/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's recalls on their way to a site. See recall_notice.h. */
#include "exchange/recall_notice.h"

#include "base/json_writer.h"

#define SCHEMA "hallmark/recall-notice/1"

void hm_recall_notice_free(struct hm_recall_notice *notice)
{
    if (notice == NULL)
        return;
    hm_arena_done(&notice->arena);
    free(notice);
}

static enum hm_rc parse_documents(struct hm_json *json, struct hm_recall_notice *notice,
                                  struct hm_err *err)
{
    size_t capacity = 0;
    struct hm_bytes name, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        struct hm_recall_notice_document *document;

        HM_TRY(hm_json_object_next(json, err, &more, &name));
        if (!more)
            return HM_OK;
        if (notice->document_count == HM_RECALL_NOTICE_DOCUMENT_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "more than %d documents",
                           HM_RECALL_NOTICE_DOCUMENT_COUNT_MAX);
        if (notice->document_count == capacity) {
            size_t grown = capacity == 0 ? 8 : 2 * capacity;

            document = hm_arena_alloc(&notice->arena, grown, sizeof(*document));
            if (document == NULL)
                return hm_error_nomem(err);
            if (capacity > 0)
                memcpy(document, notice->documents, capacity * sizeof(*document));
            notice->documents = document;
            capacity = grown;
        }
        document = &notice->documents[notice->document_count];
        document->name = hm_arena_strdup(&notice->arena, name);
        if (document->name == NULL)
            return hm_error_nomem(err);
        HM_TRY(hm_json_string(json, err, &text));
        HM_TRY(hm_arena_copy(&notice->arena, text, err, &document->text));
        notice->document_count++;
    }
}

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key,
                               struct hm_recall_notice *notice, struct hm_err *err, bool *schema)
{
    struct hm_bytes value;

    if (hm_bytes_is_str(key, "documents"))
        return parse_documents(json, notice, err);
    if (hm_bytes_is_str(key, "recalls")) {
        HM_TRY(hm_json_skip(json, err, &value));
        return hm_arena_copy(&notice->arena, value, err, &notice->recalls);
    }
    HM_TRY(hm_json_string(json, err, &value));
    if (hm_bytes_is_str(key, "schema")) {
        *schema = hm_bytes_is_str(value, SCHEMA);
        return HM_OK;
    }
    if (!hm_bytes_is_str(key, "site") && !hm_bytes_is_str(key, "maker"))
        return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
    HM_TRY(hm_layout_check_id(value, err));
    if (hm_bytes_is_str(key, "site"))
        notice->site = hm_arena_strdup(&notice->arena, value);
    else
        notice->maker = hm_arena_strdup(&notice->arena, value);
    return hm_bytes_is_str(key, "site") && notice->site == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_recall_notice *notice, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    bool schema = false;
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    if (raw.size > HM_RECALL_NOTICE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "larger than %d bytes", HM_RECALL_NOTICE_SIZE_MAX);
    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(&json, key, notice, err, &schema));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!schema || notice->site == NULL || notice->maker == NULL || notice->recalls.size == 0)
        return hm_fail(err, HM_EFORMAT, "it lacks schema '" SCHEMA "', site, maker or recalls");
    return HM_OK;
}

enum hm_rc hm_recall_notice_parse(struct hm_bytes raw, struct hm_err *err,
                                  struct hm_recall_notice **ret_notice)
{
    _hm_free_(hm_recall_notice_free) struct hm_recall_notice *notice = calloc(1, sizeof(*notice));
    enum hm_rc rc;

    if (notice == NULL)
        return hm_error_nomem(err);
    rc = parse(raw, notice, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "recall notice");
    *ret_notice = hm_steal(&notice);
    return HM_OK;
}

enum hm_rc hm_recall_notice_write(const struct hm_recall_notice *notice, struct hm_err *err,
                                  struct hm_buf *ret_raw)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_raw, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "site", notice->site);
    hm_json_writer_key_str(&writer, "maker", notice->maker);
    hm_json_writer_key(&writer, "recalls");
    hm_json_writer_raw(&writer, notice->recalls);
    hm_json_writer_key(&writer, "documents");
    hm_json_writer_object_begin(&writer);
    for (size_t i = 0; i < notice->document_count; i++) {
        hm_json_writer_key(&writer, notice->documents[i].name);
        hm_json_writer_string(&writer, notice->documents[i].text);
    }
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(ret_raw, "\n", err);
}

const struct hm_recall_notice_document *hm_recall_notice_find(const struct hm_recall_notice *notice,
                                                              const char *name)
{
    for (size_t i = 0; i < notice->document_count; i++) {
        if (strcmp(notice->documents[i].name, name) == 0)
            return &notice->documents[i];
    }
    return NULL;
}
