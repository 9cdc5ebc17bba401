/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence is judged by. See site_basis.h. */
#include "customer/site_basis.h"

enum hm_rc hm_site_basis_of_trust(const struct hm_trust_file *trust, int64_t now_unix_s,
                                  struct hm_err *err, struct hm_basis **ret_basis)
{
    struct hm_log_demands demands = {.now_unix_s = now_unix_s};

    if (trust->log_policy != NULL)
        demands.policies[demands.policy_count++] =
            (struct hm_log_demand){"the trust file's", trust->log_policy};
    return hm_basis_new(trust->root, &demands, err, ret_basis);
}

enum hm_rc hm_site_basis_of_site(const struct hm_subscription *subscription, struct hm_err *err,
                                 struct hm_basis **ret_basis)
{
    _hm_done_(hm_buf_done) struct hm_buf root = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    _hm_free_(hm_basis_free) struct hm_basis *basis = NULL;
    struct hm_log_demands demands = hm_release_log_demands(subscription, HM_LOG_POLICY_ANY_AGE);
    enum hm_rc rc = hm_dir_read(&subscription->metadata, "root.json", err, &root);

    if (rc == HM_OK)
        rc = hm_basis_new(hm_buf_bytes(&root), &demands, err, &basis);
    if (rc == HM_OK)
        rc = hm_basis_add_earlier(basis, subscription->trust->root, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "site '%s': its root that is held here",
                               subscription->name);
    *ret_basis = hm_steal(&basis);
    return HM_OK;
}
