/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger read, while a server may go on writing it: who got what, by state of delivery, and
 * each delivery as a file (docs/formats.md 22).
 */
#ifndef HM_LEDGER_LEDGER_LIST_H
#define HM_LEDGER_LEDGER_LIST_H

#include "base/dir.h"
#include "delivery/delivery_file.h"
#include "store/database.h"

#define HM_LEDGER_LIST_UNSIGNED "served-unsigned"

struct hm_ledger_list;

/* Opens the ledger in a site's private folder to read. HM_ENOTFOUND: there is none yet. */
HM_MUST_CHECK enum hm_rc hm_ledger_list_open(const struct hm_dir *private_dir, uint32_t wait_ms,
                                             struct hm_err *err, struct hm_ledger_list **ret_list);
void hm_ledger_list_close(struct hm_ledger_list *list);
HM_DEFINE_FREE(hm_ledger_list_close, struct hm_ledger_list);

/* What is asked for; zeroed: all. */
struct hm_ledger_list_filter {
    const char *customer;
    const struct hm_sha256 *image;
    const char *path;             /* ID/PRODUCT/VERSION/FILE, exactly; with image: either may be */
    enum hm_delivery_state state; /* HM_DELIVERY_NOTHING: any */
    int64_t since_unix_s;         /* of the request, from then on; 0: ever */
    int64_t until_unix_s;         /* before then; 0: now */
    uint64_t limit;               /* the newest so many; 0: all */
};

/* A delivery; texts are valid during the call. */
struct hm_ledger_list_row {
    int64_t id;
    const char *customer, *client, *path;
    struct hm_sha256 image;
    uint64_t length, written;
    enum hm_delivery_state state;
    int64_t requested_unix_s, expires_unix_s, answered_unix_s; /* 0: not answered */
};
typedef enum hm_rc hm_ledger_list_fn(void *ctx, const struct hm_ledger_list_row *row,
                                     struct hm_err *err);
/* Calls for each, newest first; ends with the first failure of fn. */
HM_MUST_CHECK enum hm_rc hm_ledger_list_each(struct hm_ledger_list *list,
                                             const struct hm_ledger_list_filter *filter,
                                             hm_ledger_list_fn *fn, void *ctx, struct hm_err *err);
/* How many there are of a customer, an image or all, by state, whatever the filter's state, times
 * and limit. With both customer and image it counts one by one. */
HM_MUST_CHECK enum hm_rc hm_ledger_list_count(struct hm_ledger_list *list,
                                              const struct hm_ledger_list_filter *filter,
                                              struct hm_err *err,
                                              uint64_t ret_counts[HM_DELIVERY_REJECTED + 1]);

/* What a server sent without a signed request; customer "": nobody known. */
struct hm_ledger_list_transfer {
    const char *customer, *path, *peer, *door;
    struct hm_sha256 image;
    uint64_t bytes;
    bool is_complete;
    int64_t begin_unix_s;
};
typedef enum hm_rc hm_ledger_list_transfer_fn(void *ctx,
                                              const struct hm_ledger_list_transfer *transfer,
                                              struct hm_err *err);
/* The filter's state is not looked at. */
HM_MUST_CHECK enum hm_rc hm_ledger_list_transfers(struct hm_ledger_list *list,
                                                  const struct hm_ledger_list_filter *filter,
                                                  hm_ledger_list_transfer_fn *fn, void *ctx,
                                                  struct hm_err *err);

/* A client's key. */
struct hm_ledger_list_key {
    const char *customer, *name;
    int64_t created_unix_s, revoked_unix_s; /* 0: not */
    uint64_t epoch, counter;                /* of its newest statement; 0 0: none */
};
typedef enum hm_rc hm_ledger_list_key_fn(void *ctx, const struct hm_ledger_list_key *key,
                                         struct hm_err *err);
/* customer NULL: all. */
HM_MUST_CHECK enum hm_rc hm_ledger_list_keys(struct hm_ledger_list *list, const char *customer,
                                             hm_ledger_list_key_fn *fn, void *ctx,
                                             struct hm_err *err);
/* A key signs nothing more from now on: what it signed before stays. HM_ENOTFOUND; HM_EREFUSED:
 * revoked already. */
HM_MUST_CHECK enum hm_rc hm_ledger_list_revoke(const struct hm_dir *private_dir, const char *name,
                                               int64_t now_unix_s, uint32_t wait_ms,
                                               struct hm_err *err);

/* All that is known of a delivery, with the proofs that public/deliveries gives now (public_dir
 * NULL: none). *ret_file is the caller's. HM_ENOTFOUND: no such delivery. */
HM_MUST_CHECK enum hm_rc hm_ledger_list_file(struct hm_ledger_list *list, int64_t id,
                                             const struct hm_dir *public_dir, struct hm_err *err,
                                             struct hm_delivery_file *ret_file);

#endif
