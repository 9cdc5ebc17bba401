/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One released file onto this machine's disk. Bytes are hashed while they arrive; nothing stands
 * under the final name before length and digest are right and all of it is flushed. A broken
 * transfer is resumed where it stopped, also by a later run.
 */
#ifndef HM_CUSTOMER_GET_H
#define HM_CUSTOMER_GET_H

#include "customer/catalogue.h"

struct hm_get_events {
    /* Bytes there so far, of item's length. May be NULL. */
    void (*progress)(void *ctx, const struct hm_catalogue_item *item, uint64_t done);
    /* Something that the user should know and that stops nothing: a mirror that failed or lied. May
     * be NULL. */
    void (*notice)(void *ctx, const char *sentence);
    void *ctx;
};

/* What happened, or would. */
enum hm_get_result {
    HM_GET_UNCHANGED, /* the file was there already, with these very bytes */
    HM_GET_NEW,
    HM_GET_REPLACED, /* a file with other bytes, or one of another user's, was */
};

/* Looks whether path below dir holds item's bytes already. */
HM_MUST_CHECK enum hm_rc hm_get_look(const struct hm_catalogue_item *item, const struct hm_dir *dir,
                                     const char *path, struct hm_err *err,
                                     enum hm_get_result *ret_result);
/* Gets item (whose verdict is HM_OK) as path below dir: from the mirrors in turn, then from the
 * site. HM_EMISMATCH, HM_EFORMAT: the last source served other bytes than were signed for, and so
 * did no other; HM_ENETWORK, HM_ENOTFOUND: none could be reached or has it. */
HM_MUST_CHECK enum hm_rc hm_get_file(const struct hm_catalogue_item *item, const struct hm_dir *dir,
                                     const char *path, const struct hm_get_events *events,
                                     struct hm_err *err);

#endif
