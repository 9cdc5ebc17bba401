/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a root says of its release log: written and read again it is the same, and may follow
 * itself; a root without it may not follow.
 */
#include "fuzz.h"

#include "trust/site_log.h"

#define WRITTEN_MAX (4U << 20)

static struct hm_site_log *read_log(struct hm_bytes x_hallmark)
{
    struct hm_root root = {.document = {.x_hallmark = x_hallmark}};
    struct hm_site_log *log = NULL;

    if (hm_site_log_parse(&root, NULL, &log) != HM_OK)
        FUZZ_CHECK(log == NULL);
    return log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log = read_log(hm_bytes_make(data, size));
    _hm_free_(hm_site_log_free) struct hm_site_log *again = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *none = read_log(HM_BYTES_EMPTY);
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(WRITTEN_MAX);

    if (log == NULL || log->policy == NULL)
        return 0;
    FUZZ_CHECK(log->policy->log_count == 1 && log->closed_count <= HM_SITE_LOG_CLOSED_COUNT_MAX);
    FUZZ_CHECK(hm_buf_append_str(&json, "{\"log\":", NULL) == HM_OK);
    FUZZ_CHECK(hm_site_log_write(log, NULL, &json) == HM_OK);
    FUZZ_CHECK(hm_buf_append_str(&json, "}", NULL) == HM_OK);
    again = read_log(hm_buf_bytes(&json));
    FUZZ_CHECK(again != NULL && again->closed_count == log->closed_count);
    FUZZ_CHECK(hm_site_log_check_successor(log, again, NULL) == HM_OK);
    FUZZ_CHECK(hm_site_log_check_successor(log, none, NULL) == HM_EREFUSED);
    return 0;
}
