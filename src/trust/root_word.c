/* SPDX-License-Identifier: Apache-2.0 */
/* A member of a root's x-hallmark (root_word.h). */
#include "trust/root_word.h"

enum hm_rc hm_root_word_find(struct hm_bytes x_hallmark, const char *member, struct hm_err *err,
                             struct hm_bytes *ret_value)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes key, span, value = HM_BYTES_EMPTY;
    struct hm_json json;
    bool more;

    *ret_value = HM_BYTES_EMPTY;
    if (x_hallmark.size == 0)
        return HM_OK;
    hm_json_init(&json, x_hallmark, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_json_skip(&json, err, &span));
        if (hm_bytes_is_str(key, member))
            value = span;
    }
    HM_TRY(hm_json_end(&json, err));
    *ret_value = value;
    return HM_OK;
}

enum hm_rc hm_root_word_put(struct hm_bytes x_hallmark, const char *member, struct hm_bytes value,
                            struct hm_err *err, struct hm_buf *ret_json)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json_writer writer;
    struct hm_bytes key, span;
    struct hm_json json;
    bool more;

    hm_json_init(&json, x_hallmark, &arena);
    hm_json_writer_init(&writer, ret_json, false);
    hm_json_writer_object_begin(&writer);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_json_skip(&json, err, &span));
        if (hm_bytes_is_str(key, member))
            continue;
        hm_json_writer_key_bytes(&writer, key);
        hm_json_writer_raw(&writer, span);
    }
    HM_TRY(hm_json_end(&json, err));
    if (value.size > 0) {
        hm_json_writer_key(&writer, member);
        hm_json_writer_raw(&writer, value);
    }
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}
