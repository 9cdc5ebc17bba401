/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor's two files: what is read is written, and is then the same. */
#include "fuzz.h"

#include "monitor/alarm_box.h"
#include "monitor/position.h"

static void check_box(struct hm_bytes raw)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box again = HM_ALARM_BOX_INIT;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_ALARM_BOX_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf second = HM_BUF_INIT(HM_ALARM_BOX_SIZE_MAX);

    if (hm_alarm_box_parse(raw, NULL, &box) != HM_OK) {
        FUZZ_CHECK(box.count == 0);
        return;
    }
    FUZZ_CHECK(hm_alarm_box_write(&box, NULL, &json) == HM_OK);
    FUZZ_CHECK(hm_alarm_box_parse(hm_buf_bytes(&json), NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_alarm_box_write(&again, NULL, &second) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&json), hm_buf_bytes(&second)));
    FUZZ_CHECK(hm_alarm_box_open_count(&box) == hm_alarm_box_open_count(&again));
}

static void check_position(struct hm_bytes raw)
{
    _hm_done_(hm_position_done) struct hm_position position = {.note = NULL};
    _hm_done_(hm_position_done) struct hm_position again = {.note = NULL};
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_POSITION_SIZE_MAX);

    if (hm_position_parse(raw, NULL, &position) != HM_OK) {
        FUZZ_CHECK(position.note == NULL);
        return;
    }
    FUZZ_CHECK(hm_position_write(&position, NULL, &json) == HM_OK);
    FUZZ_CHECK(hm_position_parse(hm_buf_bytes(&json), NULL, &again) == HM_OK);
    FUZZ_CHECK(again.body.size == position.body.size && again.checked == position.checked);
    FUZZ_CHECK(hm_bytes_is_equal(again.note->raw, position.note->raw));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_box(hm_bytes_make(data, size));
    check_position(hm_bytes_make(data, size));
    return 0;
}
