/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deliveries of a site that this machine holds, one row each, for whoever asks what was
 * delivered, and what is missing. Offline.
 */
#ifndef HM_CUSTOMER_RECEIPTS_H
#define HM_CUSTOMER_RECEIPTS_H

#include "customer/deliver_proof.h"

/* What is there of a delivery's proof. */
enum hm_receipts_proof {
    HM_RECEIPTS_NONE,    /* no receipt, so nothing to prove */
    HM_RECEIPTS_WAITING, /* not fetched yet */
    HM_RECEIPTS_OVERDUE, /* not there HM_DELIVER_PROOF_OVERDUE_S after the receipt */
    HM_RECEIPTS_PROVED,
};
/* "none", "waiting"...; static. */
const char *hm_receipts_proof_text(enum hm_receipts_proof proof);

/* Texts are in the receipts' arena. */
struct hm_receipts_row {
    const struct hm_subscription *site;
    enum hm_delivery_shelf shelf;
    struct hm_sha256 name; /* of its file */
    enum hm_rc rc;         /* HM_OK: its notes are verified; else the rest but text is empty */
    const char *text;      /* why not */
    int64_t time_unix_s;   /* of the request */
    const char *path;
    struct hm_sha256 image;
    uint64_t length;
    struct hm_sha256 request; /* its hash */
    enum hm_delivery_state state;
    bool is_receipted;
    bool is_missing; /* answered, without a receipt although the offer has ended */
    enum hm_receipts_proof proof;
};

struct hm_receipts {
    struct hm_receipts_row *rows; /* as they were read; hm_receipts_sort */
    size_t count, capacity;
    struct hm_arena arena;
};

/* Adds all deliveries of a site whose root is loaded; none is fine. A file that cannot be read is a
 * row with rc. */
HM_MUST_CHECK enum hm_rc hm_receipts_add(struct hm_receipts *receipts,
                                         const struct hm_subscription *site, int64_t now_unix_s,
                                         struct hm_err *err);
/* By time, then by hash. */
void hm_receipts_sort(struct hm_receipts *receipts);
/* Appends the delivery file of a row. */
HM_MUST_CHECK enum hm_rc hm_receipts_read(const struct hm_receipts_row *row, struct hm_err *err,
                                          struct hm_buf *ret_file);
void hm_receipts_done(struct hm_receipts *receipts);

#endif
