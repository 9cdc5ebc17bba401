/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of this client key's statements, in the file "order" (docs/formats.md 22). A statement
 * stands here, flushed, before it is sent; until the site has answered it nothing else is signed.
 * So no two statements ever have one place, whatever is interrupted.
 *
 *   hallmark/delivery-order v1
 *   last EPOCH COUNTER HASH      of the newest statement that was signed
 *   known EPOCH COUNTER HASH     of the newest that the site has answered; zeros: none
 *   pending KIND SLOT REQUEST    of the last one, where no answer was kept; KIND: request or
 * answer; SLOT: where its delivery lies; REQUEST: hash of its request | TEXT the note
 */
#ifndef HM_CUSTOMER_DELIVERY_ORDER_H
#define HM_CUSTOMER_DELIVERY_ORDER_H

#include "base/dir.h"
#include "delivery/delivery_file.h"

#define HM_DELIVERY_ORDER_SIZE_MAX 65536 /* one statement, quoted, and three lines */
#define HM_DELIVERY_ORDER_NAME     "order"

struct hm_delivery_place {
    uint64_t epoch, counter; /* 0, 0: none */
    struct hm_sha256 hash;
};

struct hm_delivery_order {
    struct hm_delivery_place last, known;
    bool has_pending;
    enum hm_delivery_part kind; /* HM_DELIVERY_PART_REQUEST or _ANSWER */
    struct hm_sha256 slot, request;
    struct hm_bytes note;
    struct hm_arena arena;
};

#define HM_DELIVERY_ORDER_INIT                                                                     \
    {                                                                                              \
        .arena = HM_ARENA_INIT                                                                     \
    }

/* HM_EFORMAT. The result is the caller's to release. */
HM_MUST_CHECK enum hm_rc hm_delivery_order_parse(struct hm_bytes raw, struct hm_err *err,
                                                 struct hm_delivery_order *ret_order);
/* Of the folder of deliveries. HM_ENOTFOUND: there is none. */
HM_MUST_CHECK enum hm_rc hm_delivery_order_read(const struct hm_dir *dir, struct hm_err *err,
                                                struct hm_delivery_order *ret_order);
/* Flushed when it returns. */
HM_MUST_CHECK enum hm_rc hm_delivery_order_write(const struct hm_delivery_order *order,
                                                 const struct hm_dir *dir, struct hm_err *err);
void hm_delivery_order_done(struct hm_delivery_order *order);

/* Where the next statement stands; by reference to the last one. */
struct hm_statement_event hm_delivery_order_next(const struct hm_delivery_order *order);
/* May the site say that this is the newest of our statements that it has? HM_EROLLBACK: it lies
 * behind one that it has answered; HM_EREFUSED: it is another one in the place of such a one. */
HM_MUST_CHECK enum hm_rc hm_delivery_order_check_head(const struct hm_delivery_order *order,
                                                      const struct hm_delivery_place *head,
                                                      struct hm_err *err);
/* Goes on behind the head, in the next epoch. HM_EAGAIN: this order has begun that epoch already:
 * this key cannot go on. */
HM_MUST_CHECK enum hm_rc hm_delivery_order_follow(struct hm_delivery_order *order,
                                                  const struct hm_delivery_place *head,
                                                  struct hm_err *err);

#endif
