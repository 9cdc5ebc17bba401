/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this request have this file? Pure: book, request and clock in, answer out. The path that was
 * decided on is the one that is served: it is read here once, strictly, and written again.
 *
 *   /hallmark.trust, /metadata/, /log/, /proofs/, /makers/, /csaf/, /deliveries/,
 *   /targets/recalls/ID/FILE
 *                                         any customer, or everybody where the site is open
 *   /targets/ID/PRODUCT/VERSION/FILE      who was granted it
 *
 * An answer says the same whether there is such a file or not, unless the customer may have it.
 */
#ifndef HM_SERVE_DECISION_H
#define HM_SERVE_DECISION_H

#include "account/book.h"

#define HM_DECISION_PATH_SIZE_MAX 1024 /* the longest path of a site's tree has some 350 bytes */

enum hm_decision_kind {
    HM_DECISION_NOTHING,  /* no path of a site */
    HM_DECISION_METADATA, /* for every customer */
    HM_DECISION_IMAGE,    /* by grant */
};

struct hm_decision_request {
    const char *method;
    const char *path;          /* as sent, percent-encoded, without query */
    const char *authorization; /* NULL: none */
    bool is_open;              /* metadata is for everybody */
    int64_t now_unix_s;
};

struct hm_decision {
    unsigned status; /* 200: may have it; 401, 403, 404, 405 */
    enum hm_decision_kind kind;
    char file[HM_DECISION_PATH_SIZE_MAX];  /* below public/, where status is 200 */
    const struct hm_book_account *account; /* NULL: nobody who is known; borrowed from the book */
    uint32_t token;
};

/* Which kind of path it is; its parts, decoded, as one path below public/. */
enum hm_decision_kind hm_decision_read_path(const char *path,
                                            char ret_file[HM_DECISION_PATH_SIZE_MAX]);
void hm_decision_make(const struct hm_book *book, const struct hm_decision_request *request,
                      struct hm_decision *ret_decision);
/* The words of an answer that is no file; static. */
const char *hm_decision_words(unsigned status);

#endif
