/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that entries and the rows of lists of versions share. */
#ifndef HM_TLOG_ENTRY_INTERNAL_H
#define HM_TLOG_ENTRY_INTERNAL_H

#include "tlog/entry.h"
#include "tlog/lines.h"

/* "image FILE SHA256 LENGTH", one or more; HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_entry_take_images(struct hm_lines *lines, struct hm_arena *arena,
                                              struct hm_entry_image **ret_images,
                                              size_t *ret_count);
/* "label TEXT", if there is one; else *ret_label stays. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_entry_take_label(struct hm_lines *lines, struct hm_arena *arena,
                                             const char **ret_label);
HM_MUST_CHECK enum hm_rc hm_entry_write_images(struct hm_buf *buf,
                                               const struct hm_entry_image *images, size_t count,
                                               struct hm_err *err);

#endif
