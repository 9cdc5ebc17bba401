/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed between two images: by module (module.h), so that a recompressed volume with one new
 * driver is one change and not a megabyte of others.
 *
 * Modules of the same bytes are the same, wherever they stand; what is left on both sides is paired
 * by what it is (kind, GUID, ids). A partial tree gives a partial difference.
 */
#ifndef HM_IMAGE_DIFF_H
#define HM_IMAGE_DIFF_H

#include "base/buf.h"
#include "base/json_writer.h"
#include "image/image.h"

enum hm_diff_change {
    HM_DIFF_CHANGED,
    HM_DIFF_ADDED,
    HM_DIFF_REMOVED,
    HM_DIFF_MOVED, /* the same bytes elsewhere: another offset in the file, another container */
    HM_DIFF_CHANGE_COUNT_
};

struct hm_diff_item {
    enum hm_diff_change change;
    uint32_t a, b; /* nodes; HM_IMAGE_NONE where there is none */
};

struct hm_diff {
    const struct hm_image *a, *b; /* borrowed */
    struct hm_arena arena;
    struct hm_diff_item *items; /* by change, then in the order of reading */
    size_t count;
    size_t counts[HM_DIFF_CHANGE_COUNT_];
    size_t same_count; /* modules that neither changed nor moved */
    bool is_equal;     /* the files have the same SHA-256 */
    bool is_partial;
};

/* Compares; a and b must live as long as the difference. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_diff_make(const struct hm_image *a, const struct hm_image *b,
                                      struct hm_err *err, struct hm_diff *ret_diff);
void hm_diff_done(struct hm_diff *diff);

/* Lines that a release approver reads: a summary, then a line a change, at most line_max of them;
 * then what is wrong with the new image. prefix stands before each. HM_ENOMEM, HM_EFORMAT past
 * buf's maximum. */
HM_MUST_CHECK enum hm_rc hm_diff_text(const struct hm_diff *diff, const char *prefix,
                                      size_t line_max, struct hm_err *err, struct hm_buf *buf);
/* The members "same", "changed", ... "partial", "changes", "findings" of an object that was begun.
 */
HM_MUST_CHECK enum hm_rc hm_diff_text_json(const struct hm_diff *diff, struct hm_err *err,
                                           struct hm_json_writer *writer);

#endif
