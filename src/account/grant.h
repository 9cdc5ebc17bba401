/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a customer may download: patterns over MAKER/PRODUCT or MAKER/PRODUCT/VERSION, in which '*'
 * stands for any run of characters of one part. "acme" is short for "acme", every product; "*" is
 * everything.
 */
#ifndef HM_ACCOUNT_GRANT_H
#define HM_ACCOUNT_GRANT_H

#include "base/text.h"

#define HM_GRANT_PART_COUNT_MAX 3
/* Three parts as long as names may be, two slashes and NUL. */
#define HM_GRANT_SIZE_MAX (HM_GRANT_PART_COUNT_MAX * (HM_TEXT_NAME_SIZE_MAX + 1))

/* Views of the text that it was read from. */
struct hm_grant {
    struct hm_bytes maker, product;
    struct hm_bytes version; /* empty: all versions */
};

/* Reads a pattern of two or three parts, each of the characters of names and '*'. HM_EFORMAT naming
 * the rule. */
HM_MUST_CHECK enum hm_rc hm_grant_parse(struct hm_bytes text, struct hm_err *err,
                                        struct hm_grant *ret_grant);
/* What people type: one part is a maker. Writes the form of two or three parts. HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_grant_normalise(const char *text, struct hm_err *err,
                                            char ret_text[HM_GRANT_SIZE_MAX]);
bool hm_grant_is_match(const struct hm_grant *grant, struct hm_bytes maker, struct hm_bytes product,
                       struct hm_bytes version);

#endif
