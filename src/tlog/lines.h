/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of lines, each a word and its values with one space between, for documents of which each
 * has one spelling (docs/formats.md 11, 13): entries of the log, rows of lists, evidence. The
 * reader knows at every line what must come next, so a message names the line and what it is not.
 */
#ifndef HM_TLOG_LINES_H
#define HM_TLOG_LINES_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/digest.h"

#define HM_LINES_WORDS_MAX 5
#define HM_LINES_INDEX_MAX INT64_MAX /* indexes, sizes, lengths and versions alike */

/* Fields are for reading. */
struct hm_lines {
    const char *noun; /* "the log entry" */
    struct hm_err *err;
    struct hm_bytes rest; /* after line */
    struct hm_bytes line; /* the current one, without its newline; where has_line */
    size_t number;        /* of that line, from 1 */
    bool has_line;
    struct hm_bytes words[HM_LINES_WORDS_MAX]; /* values, of the line taken last */
};

/* HM_EFORMAT unless raw is UTF-8 of at most size_max bytes without control characters, whose last
 * byte is a newline. */
HM_MUST_CHECK enum hm_rc hm_lines_check(struct hm_bytes raw, size_t size_max, const char *noun,
                                        struct hm_err *err);
/* Starts at the first line of raw, which was checked. */
void hm_lines_init(struct hm_lines *lines, struct hm_bytes raw, const char *noun,
                   struct hm_err *err);
void hm_lines_next(struct hm_lines *lines);
/* HM_EFORMAT: the current line is not what; or there is none. */
HM_MUST_CHECK enum hm_rc hm_lines_fail(const struct hm_lines *lines, const char *what);

/* Does the current line start with word and a space? */
bool hm_lines_has(const struct hm_lines *lines, const char *word);
/* How many lines from here on start with word. */
size_t hm_lines_count(const struct hm_lines *lines, const char *word);
/* The current line must be word and count values, none empty; the last may have spaces if is_text.
 * They are in words then; the line stays the current one. */
HM_MUST_CHECK enum hm_rc hm_lines_take(struct hm_lines *lines, const char *word, size_t count,
                                       bool is_text, const char *what);
/* Value i of that line as a number from min to HM_LINES_INDEX_MAX, without leading zeros. */
HM_MUST_CHECK enum hm_rc hm_lines_number(const struct hm_lines *lines, size_t i, uint64_t min,
                                         const char *what, uint64_t *ret_number);
/* As a SHA-256: 64 digits in lower case. */
HM_MUST_CHECK enum hm_rc hm_lines_digest(const struct hm_lines *lines, size_t i, const char *what,
                                         struct hm_sha256 *ret_sha256);
/* A NUL-terminated copy of it. */
HM_MUST_CHECK enum hm_rc hm_lines_copy(const struct hm_lines *lines, size_t i,
                                       struct hm_arena *arena, const char **ret_text);

/* ---- a text within the text ---- */

/* The lines "| TEXT" ("|" for an empty one) from here on, one or more: copied with their newlines.
 * HM_EFORMAT: none (they are not what), another form, or more than size_max bytes. */
HM_MUST_CHECK enum hm_rc hm_lines_take_quoted(struct hm_lines *lines, size_t size_max,
                                              const char *what, struct hm_arena *arena,
                                              struct hm_bytes *ret_text);
/* Appends text so. HM_EUSAGE unless it ends in a newline. */
HM_MUST_CHECK enum hm_rc hm_lines_write_quoted(struct hm_bytes text, struct hm_err *err,
                                               struct hm_buf *ret_buf);

#endif
