/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deliveries of one site, in sites/NAME/deliveries (docs/formats.md 22), a delivery file each:
 *
 *   open/SLOT.delivery    under way; SLOT: SHA-256 of "PATH\n" and the image's digest in hex
 *   new/HASH.delivery     receipted, proofs still to come; HASH: of the request
 *   HASH.delivery         all others: proved, ended without an answer, refused
 */
#ifndef HM_CUSTOMER_DELIVERY_STORE_H
#define HM_CUSTOMER_DELIVERY_STORE_H

#include "base/dir.h"
#include "delivery/delivery_file.h"

#define HM_DELIVERY_STORE_COUNT_MAX 1000000 /* in one folder */

enum hm_delivery_shelf {
    HM_DELIVERY_OPEN,
    HM_DELIVERY_NEW,
    HM_DELIVERY_CLOSED,
    HM_DELIVERY_SHELF_COUNT_
};

/* The name of a delivery that is under way. */
HM_MUST_CHECK enum hm_rc hm_delivery_store_slot(struct hm_bytes path, const struct hm_sha256 *image,
                                                struct hm_err *err, struct hm_sha256 *ret_slot);
bool hm_delivery_store_has(const struct hm_dir *dir, enum hm_delivery_shelf shelf,
                           const struct hm_sha256 *name);
/* HM_ENOTFOUND; HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_delivery_store_read(const struct hm_dir *dir,
                                                enum hm_delivery_shelf shelf,
                                                const struct hm_sha256 *name, struct hm_err *err,
                                                struct hm_delivery_file *ret_file);
/* Flushed when it returns. */
HM_MUST_CHECK enum hm_rc hm_delivery_store_write(const struct hm_dir *dir,
                                                 enum hm_delivery_shelf shelf,
                                                 const struct hm_sha256 *name,
                                                 const struct hm_delivery_file *file,
                                                 struct hm_err *err);
HM_MUST_CHECK enum hm_rc
hm_delivery_store_move(const struct hm_dir *dir, enum hm_delivery_shelf from,
                       const struct hm_sha256 *from_name, enum hm_delivery_shelf to,
                       const struct hm_sha256 *to_name, struct hm_err *err);
/* Of one shelf, sorted, in the arena. None is fine. */
HM_MUST_CHECK enum hm_rc hm_delivery_store_list(const struct hm_dir *dir,
                                                enum hm_delivery_shelf shelf,
                                                struct hm_arena *arena, struct hm_err *err,
                                                struct hm_sha256 **ret_names, size_t *ret_count);

#endif
