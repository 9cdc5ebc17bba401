/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence is judged by. See basis.h. */
#include "basis.h"

#include "base/file.h"

void hm_cmd_basis_done(struct hm_cmd_basis *basis)
{
    hm_basis_free(basis->basis);
    hm_subscription_free(basis->subscription);
    hm_trust_file_free(basis->trust);
}

static enum hm_rc read_trust(const char *path, int64_t now_unix_s, struct hm_err *err,
                             struct hm_cmd_basis *basis)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    enum hm_rc rc = hm_file_read_path(path, err, &raw);

    HM_TRY(rc);
    rc = hm_trust_file_parse(hm_buf_bytes(&raw), err, &basis->trust);
    if (rc == HM_OK)
        rc = hm_site_basis_of_trust(basis->trust, now_unix_s, err, &basis->basis);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

enum hm_rc hm_cmd_basis_open(struct hm_customer *customer, const char *trust_path, const char *site,
                             const char *what, struct hm_err *err, struct hm_cmd_basis *ret_basis)
{
    enum hm_rc rc;

    if (trust_path != NULL)
        return read_trust(trust_path, customer->now_unix_s, err, ret_basis);
    rc = hm_customer_open_home(customer, false, err);
    if (rc == HM_OK)
        rc = hm_subscription_open(&customer->home, site, customer->now_unix_s, false, err,
                                  &ret_basis->subscription);
    if (rc == HM_EINPUT)
        return hm_fail(err, HM_EINPUT,
                       "'%s' is of site '%s', which is not trusted here: give its trust file with "
                       "--trust",
                       what, site);
    HM_TRY(rc);
    return hm_site_basis_of_site(ret_basis->subscription, err, &ret_basis->basis);
}

void hm_cmd_basis_as_of(struct hm_cmd_basis *basis, int64_t as_of_unix_s)
{
    basis->basis->demands.now_unix_s = as_of_unix_s;
}
