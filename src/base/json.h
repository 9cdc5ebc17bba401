/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) as signed metadata needs it: strict, pulled value by value, no tree.
 *
 * Refused: duplicate keys (after unescaping), invalid UTF-8, lone surrogates, raw control
 * characters, byte-order marks, leading zeros, NaN, comments, trailing commas, trailing bytes,
 * nesting past HM_JSON_DEPTH_MAX. Numbers are kept as text; hm_json_int takes integers only.
 *
 * Canonical form is the OLPC dialect that TUF implementations sign over: no white space, keys
 * sorted by code point, only '"' and '\\' escaped, integers only. It is not RFC 8785. (It may hold
 * raw control characters inside strings and then is not JSON: the reader never reads such bytes.)
 */
#ifndef HM_BASE_JSON_H
#define HM_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

/* Real TUF metadata nests to 6, CSAF to 12; deeper is an attack on a recursive reader. */
#define HM_JSON_DEPTH_MAX 32

enum hm_json_kind {
    HM_JSON_OBJECT,
    HM_JSON_ARRAY,
    HM_JSON_STRING,
    HM_JSON_NUMBER,
    HM_JSON_TRUE,
    HM_JSON_FALSE,
    HM_JSON_NULL,
};

/* Per open object or array. Private to json.c. */
struct hm_json_level {
    size_t start;             /* offset just behind the bracket */
    struct hm_bytes last_key; /* unescaped */
    bool is_object;
    bool has_items;
    bool is_sorted; /* keys strictly ascending so far: then no key can be a duplicate */
};

struct hm_json {
    struct hm_bytes input;
    struct hm_arena *arena; /* holds unescaped strings; borrowed */
    size_t offset;
    bool canonical; /* everything read since hm_json_init or the last reset was canonical */
    uint32_t depth;
    struct hm_json_level levels[HM_JSON_DEPTH_MAX];
};

/* Starts reading; input must outlive what is read (strings without escapes point into it). */
void hm_json_init(struct hm_json *json, struct hm_bytes input, struct hm_arena *arena);

/* The kind of the next value, which stays unread. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_json_peek(struct hm_json *json, struct hm_err *err,
                                      enum hm_json_kind *ret_kind);

/* Objects: begin, then next until *ret_more is false; after each true read exactly one value. After
 * a failure of any function the reader is of no more use. */
HM_MUST_CHECK enum hm_rc hm_json_object_begin(struct hm_json *json, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_json_object_next(struct hm_json *json, struct hm_err *err,
                                             bool *ret_more, struct hm_bytes *ret_key);
/* Arrays, likewise. */
HM_MUST_CHECK enum hm_rc hm_json_array_begin(struct hm_json *json, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_json_array_next(struct hm_json *json, struct hm_err *err,
                                            bool *ret_more);

/* Values. HM_EFORMAT where the next value is of another kind. Strings are unescaped (into the
 * arena, HM_ENOMEM) where they have escapes, else they are views of the input; U+0000 is refused.
 * hm_json_int refuses fractions, exponents and what is beyond 64 bits. */
HM_MUST_CHECK enum hm_rc hm_json_string(struct hm_json *json, struct hm_err *err,
                                        struct hm_bytes *ret_text);
HM_MUST_CHECK enum hm_rc hm_json_int(struct hm_json *json, struct hm_err *err, int64_t *ret_value);
HM_MUST_CHECK enum hm_rc hm_json_bool(struct hm_json *json, struct hm_err *err, bool *ret_value);
HM_MUST_CHECK enum hm_rc hm_json_null(struct hm_json *json, struct hm_err *err);
/* Reads any value, checking all of it, and gives its bytes as they stand in the input. ret_span may
 * be NULL. */
HM_MUST_CHECK enum hm_rc hm_json_skip(struct hm_json *json, struct hm_err *err,
                                      struct hm_bytes *ret_span);
/* As hm_json_skip; also says whether those bytes are in canonical form already. */
HM_MUST_CHECK enum hm_rc hm_json_skip_canonical(struct hm_json *json, struct hm_err *err,
                                                struct hm_bytes *ret_span, bool *ret_canonical);
/* Only white space may be left. */
HM_MUST_CHECK enum hm_rc hm_json_end(struct hm_json *json, struct hm_err *err);

/* Appends the canonical form of one JSON text, never longer than the text. HM_EFORMAT for what is
 * no strict JSON, has a number that is no integer ("-0" becomes "0", 1.0 and 1e3 are refused; any
 * size goes) or does not fit *ret_buf; HM_ENOMEM. Nothing is appended on failure. */
HM_MUST_CHECK enum hm_rc hm_json_canonicalise(struct hm_bytes text, struct hm_err *err,
                                              struct hm_buf *ret_buf);

#endif
