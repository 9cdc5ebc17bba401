/* SPDX-License-Identifier: Apache-2.0 */
/* Trust policies: writing and reading again changes nothing; more cosignatures never hurt. */
#include "fuzz.h"

#include "tlog/log_policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf once = HM_BUF_INIT(2 * HM_LOG_POLICY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf twice = HM_BUF_INIT(2 * HM_LOG_POLICY_SIZE_MAX);
    struct hm_note_verdict verdicts[HM_LOG_POLICY_WITNESS_COUNT_MAX] = {{.is_signed = false}};
    enum hm_rc last = HM_ESIGNATURE;

    if (hm_log_policy_parse(hm_bytes_make(data, size), NULL, &policy) != HM_OK)
        return 0;
    FUZZ_CHECK(hm_log_policy_write(policy, NULL, &once) == HM_OK);
    FUZZ_CHECK(hm_log_policy_parse(hm_buf_bytes(&once), NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_log_policy_write(again, NULL, &twice) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&once), hm_buf_bytes(&twice)));
    for (size_t i = 0; i <= policy->witness_count; i++) {
        enum hm_rc rc = hm_log_policy_check(policy, verdicts, 0, HM_LOG_POLICY_ANY_AGE, NULL);

        FUZZ_CHECK(rc == hm_log_policy_check(again, verdicts, 0, HM_LOG_POLICY_ANY_AGE, NULL));
        FUZZ_CHECK(rc == HM_OK || (rc == HM_ESIGNATURE && last == HM_ESIGNATURE));
        last = rc;
        if (i < policy->witness_count)
            verdicts[i].is_signed = true;
    }
    FUZZ_CHECK(last == HM_OK); /* all witnesses are always enough */
    return 0;
}
