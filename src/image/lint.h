/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with an image whatever the rules of a site: keys that anybody has, executables
 * without the signature that those beside them carry, executables where none belong. On a tree
 * with its bytes (walk.h); runs in the process that reads foreign images.
 */
#ifndef HM_IMAGE_LINT_H
#define HM_IMAGE_LINT_H

#include "image/finding.h"
#include "image/walk.h"

/* The deepest node at that place; of one space. */
uint32_t hm_lint_node_at(const struct hm_image *image, uint32_t space, uint64_t offset);
/* Adds a finding of a node, with the digest of its bytes. HM_ENOMEM, HM_EINTERNAL. */
HM_MUST_CHECK enum hm_rc hm_lint_add(struct hm_walk *walk, struct hm_findings *findings,
                                     const struct hm_finding *finding, struct hm_err *err);
/* Adds all findings and certificates. HM_ENOMEM, HM_EINTERNAL. */
HM_MUST_CHECK enum hm_rc hm_lint_run(struct hm_walk *walk, struct hm_err *err,
                                     struct hm_findings *findings);

#endif
