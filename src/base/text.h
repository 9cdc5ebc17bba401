/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside: UTF-8, hexadecimal, percent-encoding, names, path patterns, printable form. */
#ifndef HM_BASE_TEXT_H
#define HM_BASE_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/* Limits of names (docs/formats.md, "Paths"). */
#define HM_TEXT_NAME_SIZE_MAX 64 /* one part of a target path: fits every file system and URL */
/* One part of a path pattern: no file system has longer names; bounds the work of matching. */
#define HM_TEXT_PATTERN_PART_SIZE_MAX 1024

/* Well-formed UTF-8 without surrogates, shortest form only; NUL is allowed. */
bool hm_text_is_utf8(struct hm_bytes text);

/* Reads the first character of text: its size in bytes (1 to 4), or 0 where text is empty or does
 * not start with well-formed UTF-8. */
size_t hm_text_utf8(struct hm_bytes text, uint32_t *ret_char);

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

/* Appends text fit for a terminal or log. Control characters below U+0080 and bytes that are not
 * UTF-8 become \xNN; U+0080 to U+009F, line separators, byte-order marks and whatever turns the
 * direction of writing become \u{NNNN}. A backslash stays: escaping twice changes nothing. */
HM_MUST_CHECK enum hm_rc hm_text_escape(struct hm_buf *buf, struct hm_bytes text,
                                        struct hm_err *err);

/* TUF path pattern (TUF 1.0.34 section 4.5, "PATHPATTERN"), read as fnmatch(FNM_PATHNAME) does in
 * the C locale: '*' and '?' match anything but '/', "[a-z]", "[!a-z]" and "[[:digit:]]" one byte, a
 * backslash takes the next byte literally. A '[' without its ']' in the same part is literal;
 * "[.x.]" and "[=x=]" match nothing, and neither does a part of the pattern that is longer than
 * HM_TEXT_PATTERN_PART_SIZE_MAX. Byte-wise and case-sensitive. No backtracking beyond the last '*':
 * time grows with pattern size times path size. Hallmark itself writes no classes and no
 * backslashes. */
bool hm_text_is_match(struct hm_bytes pattern, struct hm_bytes path);

/* Order of version strings: digit runs as numbers (any length), the rest by bytes, ties by bytes.
 */
int hm_text_compare_versions(struct hm_bytes a, struct hm_bytes b);

/* "1.5 MiB", "17 B": one decimal, rounded. */
void hm_text_size(uint64_t size, char ret[16]);

#endif
