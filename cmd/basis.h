/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence is judged by, as the options of a command say: a trust file, or a trusted site. */
#ifndef HM_CMD_BASIS_H
#define HM_CMD_BASIS_H

#include "customer.h"
#include "customer/site_basis.h"

struct hm_cmd_basis {
    struct hm_trust_file *trust;          /* owned; with --trust */
    struct hm_subscription *subscription; /* owned; without it */
    struct hm_basis *basis;               /* owned */
};

void hm_cmd_basis_done(struct hm_cmd_basis *basis);
/* trust_path: of --trust, or NULL: then the site must be trusted here. what is named in messages.
 * HM_EINPUT: neither. */
HM_MUST_CHECK enum hm_rc hm_cmd_basis_open(struct hm_customer *customer, const char *trust_path,
                                           const char *site, const char *what, struct hm_err *err,
                                           struct hm_cmd_basis *ret_basis);
/* Judged as of another time than now: cosignatures of later are not seen. */
void hm_cmd_basis_as_of(struct hm_cmd_basis *basis, int64_t as_of_unix_s);

#endif
