/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON into a buffer. The first error sticks and is returned by hm_json_writer_end, so that
 * writing code reads as a list. Keys are written in the order of the calls; what is signed goes
 * through hm_json_canonicalise afterwards. Calls that make no JSON (a key in an array, a value
 * without its key, a bracket too many, nesting past HM_JSON_DEPTH_MAX) stick as HM_EINTERNAL.
 */
#ifndef HM_BASE_JSON_WRITER_H
#define HM_BASE_JSON_WRITER_H

#include "base/json.h"

struct hm_json_writer {
    struct hm_buf *buf; /* borrowed */
    bool pretty;        /* two-space indent and newlines, for files people read */
    enum hm_rc rc;
    uint32_t depth;
    uint32_t has_items; /* bit per depth */
    uint32_t is_object; /* likewise */
    bool after_key;
    bool has_value; /* the one value at the top has begun */
};

void hm_json_writer_init(struct hm_json_writer *writer, struct hm_buf *buf, bool pretty);
void hm_json_writer_object_begin(struct hm_json_writer *writer);
void hm_json_writer_object_end(struct hm_json_writer *writer);
void hm_json_writer_array_begin(struct hm_json_writer *writer);
void hm_json_writer_array_end(struct hm_json_writer *writer);
void hm_json_writer_key(struct hm_json_writer *writer, const char *key);
void hm_json_writer_key_bytes(struct hm_json_writer *writer, struct hm_bytes key);
/* Text that is not UTF-8 or has U+0000 sticks as HM_EFORMAT, as does a key of that kind. */
void hm_json_writer_string(struct hm_json_writer *writer, struct hm_bytes text);
void hm_json_writer_str(struct hm_json_writer *writer, const char *text);
void hm_json_writer_int(struct hm_json_writer *writer, int64_t value);
void hm_json_writer_u64(struct hm_json_writer *writer, uint64_t value);
void hm_json_writer_bool(struct hm_json_writer *writer, bool value);
void hm_json_writer_null(struct hm_json_writer *writer);
/* Bytes that are one JSON value already (checked by whoever made them). */
void hm_json_writer_raw(struct hm_json_writer *writer, struct hm_bytes json);
void hm_json_writer_hex(struct hm_json_writer *writer, struct hm_bytes bytes);
void hm_json_writer_time(struct hm_json_writer *writer, int64_t unix_s);
/* Short for key + value. */
void hm_json_writer_key_str(struct hm_json_writer *writer, const char *key, const char *text);
void hm_json_writer_key_int(struct hm_json_writer *writer, const char *key, int64_t value);
/* HM_OK if every call succeeded and all brackets are closed. Ends pretty text with a newline. The
 * first error: HM_EFORMAT (bad text, or past the buffer's size_max), HM_ENOMEM, HM_EINTERNAL. */
HM_MUST_CHECK enum hm_rc hm_json_writer_end(struct hm_json_writer *writer, struct hm_err *err);

#endif
