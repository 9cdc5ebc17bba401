/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of measured boots: refused, or events that lie in the bytes and replay to values. */
#include "fuzz.h"

#include "image/event_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_event_log log;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_event_log_parse(hm_bytes_make(data, size), &err, &log);

    if (rc != HM_OK) {
        FUZZ_CHECK(rc == HM_EFORMAT || rc == HM_ENOMEM);
        return 0;
    }
    for (size_t i = 0; i < log.count; i++) {
        const struct hm_event *event = &log.events[i];

        FUZZ_CHECK(event->pcr < HM_EVENT_LOG_PCR_MAX);
        FUZZ_CHECK(event->data.size == 0 || (event->data.data >= data &&
                                             event->data.data + event->data.size <= data + size));
        (void)hm_event_log_is_option_rom(event);
    }
    hm_event_log_done(&log);
    return 0;
}
