/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: UTF-8, hexadecimal, percent-encoding, names, path patterns, printable form. */
#ifndef HM_BASE_TEXT_H
#define HM_BASE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/* Limits of names (docs/formats.md, "Paths"). */
#define HM_TEXT_NAME_SIZE_MAX 64 /* one part of a target path: fits every file system and URL */

/* Well-formed UTF-8 without surrogates, shortest form only; NUL is allowed. */
bool hm_text_is_utf8(struct hm_bytes text);

/* [a-z0-9][a-z0-9._+-]*, 1 to HM_TEXT_NAME_SIZE_MAX bytes: an ID, product or version. */
bool hm_text_is_name(struct hm_bytes text);

/* As hm_text_is_name, with capitals allowed: a file name. */
bool hm_text_is_file_name(struct hm_bytes text);

/* Lower-case hexadecimal of bytes; ret_hex has room for 2 * size + 1 and is NUL-terminated. */
void hm_text_hex(struct hm_bytes bytes, char *ret_hex);

/* Reads exactly size bytes from 2 * size hexadecimal digits (either case). HM_EFORMAT otherwise. */
HM_MUST_CHECK enum hm_rc hm_text_unhex(struct hm_bytes hex, uint8_t *ret_bytes, size_t size);

/* Appends text with everything but [A-Za-z0-9_.~-] as %XX: one URL path segment or file name. A
 * text of only dots has its dots encoded too, so that it is never "." or "..". */
HM_MUST_CHECK enum hm_rc hm_text_percent(struct hm_buf *buf, struct hm_bytes text,
                                         struct hm_err *err);

/* As hm_text_percent, keeping '/' : a target path. */
HM_MUST_CHECK enum hm_rc hm_text_percent_path(struct hm_buf *buf, struct hm_bytes path,
                                              struct hm_err *err);

/* Appends text fit for a terminal or log: control, bidirectional and invalid bytes as \xNN or
 * \u{NNNN}. */
HM_MUST_CHECK enum hm_rc hm_text_escape(struct hm_buf *buf, struct hm_bytes text,
                                        struct hm_err *err);

/* TUF path pattern: '*' and '?' match anything but '/', "[...]" is literal here as Hallmark writes
 * no classes but reads them as Unix globs do; byte-wise, case-sensitive, locale-independent, and
 * linear in time times pattern size (no exponential backtracking). TUF 1.0.34 section 4.5,
 * "PATHPATTERN". */
bool hm_text_is_match(struct hm_bytes pattern, struct hm_bytes path);

/* Order of version strings: digit runs as numbers (any length), the rest by bytes, ties by bytes.
 */
int hm_text_compare_versions(struct hm_bytes a, struct hm_bytes b);

/* "1.5 MiB"; ret has room for 16. */
void hm_text_size(uint64_t size, char ret[16]);

#endif
