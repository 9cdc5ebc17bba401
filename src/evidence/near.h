/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions and labels that are spelled nearly like what was asked for: "v2.3" and "2.3", "2.3.0
 * RC1" and "2.3.0-rc1", "2.31" and "2.3.1". They prove nothing; they keep people from being right
 * about the wrong thing.
 */
#ifndef HM_EVIDENCE_NEAR_H
#define HM_EVIDENCE_NEAR_H

#include "tlog/release_list.h"

#define HM_NEAR_MAX 8 /* more help nobody */

struct hm_near {
    const struct hm_release_row *row;
    bool is_label;   /* the label is near, not the version */
    bool is_variant; /* the same but for case, separators or a "v" in front */
    size_t distance; /* letters to change */
};

/* The nearest first; returns how many. Rows that are exactly what was asked for are not near. */
size_t hm_near_find(const struct hm_release_list *list, struct hm_bytes text,
                    struct hm_near ret_near[HM_NEAR_MAX]);

#endif
