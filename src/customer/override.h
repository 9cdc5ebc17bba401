/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was got although it is recalled: sites/NAME/overrides.json, for whoever asks later why a
 * recalled image is in the house.
 *
 *   {"schema": "hallmark/overrides/1",
 *    "overrides": [{"time": TIME, "recall": PATH, "path": PATH, "sha256": HEX}...]}
 */
#ifndef HM_CUSTOMER_OVERRIDE_H
#define HM_CUSTOMER_OVERRIDE_H

#include "customer/catalogue.h"

#define HM_OVERRIDE_SIZE_MAX 16777216 /* a decision each: tens of thousands */

/* Records, on the disk, that item is about to be got despite the recall of this path, where that
 * one names its digest; else nothing is written. despite may be NULL. */
HM_MUST_CHECK enum hm_rc hm_override_record(const struct hm_catalogue_item *item,
                                            const char *despite, struct hm_err *err);

#endif
