/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What deliver.c works with while it holds a site's deliveries: key, order, and the way to the
 * site. A statement goes into the order first, flushed; then it is sent; what the site answers is
 * checked and kept before anything else is signed.
 */
#ifndef HM_CUSTOMER_DELIVER_SESSION_H
#define HM_CUSTOMER_DELIVER_SESSION_H

#include "customer/deliver.h"
#include "customer/delivery_key.h"
#include "customer/delivery_order.h"

/* Connections and what was found out in this run, of one subscription; opaque. */
struct hm_deliver_link;
void hm_deliver_session_link_free(struct hm_deliver_link *link);

struct hm_deliver_session {
    struct hm_subscription *subscription;
    struct hm_deliver_link *link; /* of the subscription */
    const struct hm_site_deliveries *site;
    struct hm_dir dir;
    struct hm_lock lock;
    struct hm_delivery_owner owner;
    struct hm_delivery_key key;
    struct hm_delivery_order order;
    const char *refusal; /* why the site refused the last statement; NULL: it did not */
};

/* What became of a statement that was sent. */
enum hm_deliver_sent {
    HM_DELIVER_ANSWERED, /* an offer or a receipt, checked and kept */
    HM_DELIVER_REFUSED,  /* session->refusal has why; it is kept without an answer */
    HM_DELIVER_AGAIN,    /* it had no place in the order that the site knows: make it again */
};

/* Locks, opens key and order, enrols the key, and sends again what was not answered. HM_ENETWORK:
 * the site does not answer; HM_EBUSY; else the site lies, or this folder is damaged. */
HM_MUST_CHECK enum hm_rc hm_deliver_session_open(struct hm_subscription *subscription,
                                                 struct hm_err *err,
                                                 struct hm_deliver_session *ret_session);
void hm_deliver_session_done(struct hm_deliver_session *session);
/* Signs a client's statement (site, client, event and time are set here), and sends it. slot and
 * request as in hm_delivery_order; request NULL: it is one itself. HM_ENETWORK: not answered, it
 * will be sent again; else the site lies. */
HM_MUST_CHECK enum hm_rc
hm_deliver_session_send(struct hm_deliver_session *session, struct hm_statement *statement,
                        const struct hm_sha256 *slot, const struct hm_sha256 *request,
                        struct hm_err *err, enum hm_deliver_sent *ret_sent);
/* What a file of this site says, by the site's key of today. */
HM_MUST_CHECK enum hm_rc hm_deliver_session_verify(const struct hm_deliver_session *session,
                                                   const struct hm_delivery_file *file,
                                                   struct hm_err *err,
                                                   struct hm_delivery_record *ret_record);

#endif
