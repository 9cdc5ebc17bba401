/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree as bytes: how the process that read a foreign image tells what it found (worker.h) to the
 * one that asked (inspect.h). The reader of a report believes nothing in it: each node and fact
 * goes through hm_image_add and hm_image_add_fact. Little endian:
 *
 *   0  "HMREPORT"    8  version (4): 1   C  flags (4): 1 partial   10  size of the file (8)
 *  18  nodes (4)    1C  spaces (4)      20  size of each space but the first (8)
 *
 *   node:  parent (4)  kind (1)  flags (1): 1 GUID, 2 SHA-256  space (4)  offset (8)  size (8)
 *          facts (4)  GUID (16)?  SHA-256 (32)?
 *   fact:  kind (1)  then a text: size (2) and bytes; a digest: 32 bytes; else a number (8)
 *
 * Nodes stand in the order of their numbers, each followed by its facts.
 */
#ifndef HM_IMAGE_REPORT_H
#define HM_IMAGE_REPORT_H

#include "image/image.h"

/* All nodes, facts and texts at their limits are 21 MiB. */
#define HM_REPORT_SIZE_MAX ((size_t)32 << 20)

/* Takes the next bytes of a report. */
typedef enum hm_rc hm_report_sink_fn(void *ctx, struct hm_bytes bytes, struct hm_err *err);

/* Gives the tree to sink in pieces. What sink returns, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_report_write(const struct hm_image *image, hm_report_sink_fn *sink,
                                         void *ctx, struct hm_err *err);
/* Reads the report at the start of bytes; *ret_size is where it ends. file_size is the size of the
 * file that was given to its writer. ret_image is the caller's to hm_image_done. HM_EFORMAT where
 * any rule of the form, of the tree or of a limit is broken, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_report_parse(struct hm_bytes bytes, uint64_t file_size,
                                         struct hm_err *err, struct hm_image *ret_image,
                                         size_t *ret_size);

#endif
