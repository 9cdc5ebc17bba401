/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/alarm_box: alarms are raised once, last until somebody acknowledges, and survive. */
#include "unit.h"

#include "base/file.h"
#include "base/lock.h"
#include "monitor/alarm_box.h"
#include "tmpdir.h"

#define HEAD "{\"schema\":\"hallmark/alarms/1\",\"alarms\":["
#define TAIL "]}"
#define ID   "\"id\":\"00112233445566778899aabbccddeeff\""
#define REST "\"subject\":\"s\",\"text\":\"t\",\"first\":\"2026-01-01T00:00:00Z\""
#define NOW  1800000000

static const struct hm_alarm_sight sight = {.kind = HM_ALARM_RECALL,
                                            .subject = "recalls/acme/a",
                                            .index = 7,
                                            .sentence = "one digest",
                                            .now_unix_s = NOW};
static const struct hm_alarm_sight lasting = {.kind = HM_ALARM_PAGES,
                                              .subject = "proofs/latest.tlog-proof",
                                              .index = HM_ALARM_NO_INDEX,
                                              .sentence = "it lags",
                                              .now_unix_s = NOW,
                                              .grace_s = 60};

static void test_raise__knows_an_event_again(void **state)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    struct hm_alarm_sight other = sight;

    assert_int_equal(hm_alarm_box_raise(&box, &sight, NULL), HM_OK);
    other.now_unix_s += 10;
    assert_int_equal(hm_alarm_box_raise(&box, &other, NULL), HM_OK);
    assert_int_equal(box.count, 1);
    assert_int_equal(box.alarms[0].raised_unix_s, NOW);
    assert_true(hm_alarm_is_open(&box.alarms[0]));
    other.sentence = "two digests";
    assert_int_equal(hm_alarm_box_raise(&box, &other, NULL), HM_OK);
    other.index = 8;
    assert_int_equal(hm_alarm_box_raise(&box, &other, NULL), HM_OK);
    other.subject = "recalls/acme/b";
    assert_int_equal(hm_alarm_box_raise(&box, &other, NULL), HM_OK);
    other.kind = HM_ALARM_KEYS;
    assert_int_equal(hm_alarm_box_raise(&box, &other, NULL), HM_OK);
    assert_int_equal(box.count, 5);
    assert_int_equal(hm_alarm_box_open_count(&box), 5);
}

static void test_raise__escapes_and_cuts_what_comes_from_outside(void **state)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box again = HM_ALARM_BOX_INIT;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_ALARM_BOX_SIZE_MAX);
    struct hm_alarm_sight foreign = sight;
    char subject[1200];

    memset(subject, 0xc3, sizeof(subject)); /* no UTF-8 */
    subject[sizeof(subject) - 1] = '\0';
    foreign.subject = subject;
    foreign.sentence = "a\nb\033[31m\xff";
    assert_int_equal(hm_alarm_box_raise(&box, &foreign, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_raise(&box, &foreign, NULL), HM_OK);
    assert_int_equal(box.count, 1);
    assert_true(strlen(box.alarms[0].subject) < HM_ALARM_SUBJECT_MAX);
    assert_string_equal(box.alarms[0].sentence, "a\\x0ab\\x1b[31m\\xff");
    assert_int_equal(hm_alarm_box_write(&box, NULL, &json), HM_OK);
    assert_int_equal(hm_alarm_box_parse(hm_buf_bytes(&json), NULL, &again), HM_OK);
    assert_string_equal(again.alarms[0].subject, box.alarms[0].subject);
}

static void test_raise__stops_when_nobody_acknowledges(void **state)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    struct hm_alarm_sight one = sight;
    struct hm_err err = HM_ERR_INIT;
    char first[HM_ALARM_ID_SIZE];

    for (one.index = 0; one.index < HM_ALARM_BOX_COUNT_MAX; one.index++) {
        struct hm_alarm alarm = {.raised_unix_s = NOW, .subject = "s", .sentence = "t"};

        (void)snprintf(alarm.id, sizeof(alarm.id), "%032llx", (unsigned long long)one.index);
        if (box.count == 0) {
            assert_int_equal(hm_alarm_box_raise(&box, &one, NULL), HM_OK);
            box.alarms = realloc(box.alarms, HM_ALARM_BOX_COUNT_MAX * sizeof(*box.alarms));
            assert_non_null(box.alarms);
            box.capacity = HM_ALARM_BOX_COUNT_MAX;
        } else {
            box.alarms[box.count++] = alarm;
        }
    }
    assert_int_equal(hm_alarm_box_raise(&box, &one, &err), HM_EAGAIN);
    assert_non_null(strstr(err.text, "acknowledge"));
    assert_int_equal(hm_alarm_box_hold(&box, &lasting, &err), HM_EAGAIN);
    assert_int_equal(box.count, HM_ALARM_BOX_COUNT_MAX);
    /* Known ones are no new ones. */
    one.index = 0;
    assert_int_equal(hm_alarm_box_raise(&box, &one, NULL), HM_OK);
    /* The oldest that was acknowledged makes room. */
    memcpy(first, box.alarms[1].id, sizeof(first));
    box.alarms[1].acknowledged_unix_s = NOW;
    one.index = HM_ALARM_BOX_COUNT_MAX;
    assert_int_equal(hm_alarm_box_raise(&box, &one, NULL), HM_OK);
    assert_int_equal(box.count, HM_ALARM_BOX_COUNT_MAX);
    assert_string_not_equal(box.alarms[1].id, first);
}

static void test_hold__suspects_first(void **state)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    struct hm_alarm_sight later = lasting;

    assert_int_equal(hm_alarm_box_hold(&box, &later, NULL), HM_OK);
    assert_false(hm_alarm_is_open(&box.alarms[0]));
    assert_true(hm_alarm_box_is_waiting(&box, later.kind, later.index));
    later.now_unix_s += 59;
    assert_int_equal(hm_alarm_box_hold(&box, &later, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_open_count(&box), 0);
    later.now_unix_s += 1;
    later.sentence = "it lags more";
    assert_int_equal(hm_alarm_box_hold(&box, &later, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_open_count(&box), 1);
    assert_int_equal(box.count, 1);
}

static void test_hold__does_not_wait_for_a_clock_that_was_set_back(void **state)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    struct hm_alarm_sight earlier = lasting;

    assert_int_equal(hm_alarm_box_hold(&box, &earlier, NULL), HM_OK);
    earlier.now_unix_s -= 1000000;
    assert_int_equal(hm_alarm_box_hold(&box, &earlier, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_open_count(&box), 1);
}

static void test_sweep__ends_what_was_not_seen(void **state)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    struct hm_alarm_sight held = lasting;
    struct hm_alarm_sight skipped = lasting;
    char id[HM_ALARM_ID_SIZE];

    held.grace_s = 0;
    skipped.subject = "elsewhere";
    assert_int_equal(hm_alarm_box_hold(&box, &held, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_hold(&box, &skipped, NULL), HM_OK);
    hm_alarm_box_sweep(&box, HM_ALARM_PAGES, HM_ALARM_NO_INDEX, NOW);
    assert_int_equal(box.count, 2);
    /* One is not looked at, the other is over: that stays, as it was raised. */
    hm_alarm_box_skip(&box, &skipped);
    hm_alarm_box_sweep(&box, HM_ALARM_PAGES, 5, NOW + 1);
    hm_alarm_box_sweep(&box, HM_ALARM_MISSING, HM_ALARM_NO_INDEX, NOW + 1);
    hm_alarm_box_sweep(&box, HM_ALARM_PAGES, HM_ALARM_NO_INDEX, NOW + 2);
    assert_int_equal(box.count, 2);
    assert_int_equal(box.alarms[0].ended_unix_s, NOW + 2);
    assert_true(hm_alarm_is_open(&box.alarms[0]));
    assert_int_equal(box.alarms[1].ended_unix_s, 0);
    /* What was only suspected is forgotten. */
    hm_alarm_box_sweep(&box, HM_ALARM_PAGES, HM_ALARM_NO_INDEX, NOW + 3);
    assert_int_equal(box.count, 1);
    /* It comes again: another alarm. */
    memcpy(id, box.alarms[0].id, sizeof(id));
    held.now_unix_s = NOW + 4;
    assert_int_equal(hm_alarm_box_hold(&box, &held, NULL), HM_OK);
    assert_int_equal(box.count, 2);
    assert_string_not_equal(box.alarms[1].id, id);
    assert_int_equal(hm_alarm_box_open_count(&box), 2);
}

static void test_acknowledge__is_of_the_file(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box read = HM_ALARM_BOX_INIT;
    struct hm_alarm_sight other = sight;
    size_t count = 9;

    assert_int_equal(hm_alarm_box_acknowledge(tmp, NULL, NOW, NULL, &count), HM_OK);
    assert_int_equal(count, 0);
    assert_int_equal(hm_alarm_box_acknowledge(tmp, "nonsense", NOW, NULL, &count), HM_EUNKNOWN);
    assert_int_equal(hm_alarm_box_raise(&box, &sight, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_hold(&box, &lasting, NULL), HM_OK); /* suspected */
    assert_int_equal(hm_alarm_box_save(&box, tmp, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_acknowledge(tmp, box.alarms[1].id, NOW, NULL, &count),
                     HM_EUNKNOWN);
    assert_int_equal(hm_alarm_box_acknowledge(tmp, box.alarms[0].id, NOW + 5, NULL, &count), HM_OK);
    assert_int_equal(count, 1);
    /* A monitor that has the box in memory takes that over, and loses nothing of its own. */
    other.index = 8;
    assert_int_equal(hm_alarm_box_raise(&box, &other, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_tell(&box, &box.alarms[2], "stdout", NULL), HM_OK);
    assert_int_equal(hm_alarm_box_save(&box, tmp, NULL), HM_OK);
    assert_int_equal(hm_alarm_box_read(tmp, NULL, &read), HM_OK);
    assert_int_equal(read.count, 3);
    assert_int_equal(read.alarms[0].acknowledged_unix_s, NOW + 5);
    assert_int_equal(read.alarms[2].acknowledged_unix_s, 0);
    assert_true(hm_alarm_is_told(&read.alarms[2], "stdout"));
    assert_false(hm_alarm_is_told(&read.alarms[0], "stdout"));
    assert_int_equal(read.alarms[1].raised_unix_s, 0);
    /* The condition goes on where it was: known by its subject. */
    assert_int_equal(hm_alarm_box_hold(&read, &lasting, NULL), HM_OK);
    assert_int_equal(read.count, 3);
}

static void test_save__waits_for_others_and_refuses_what_it_cannot_read(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box read = HM_ALARM_BOX_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_alarm_box_raise(&box, &sight, NULL), HM_OK);
    assert_int_equal(
        hm_file_replace(tmp, HM_ALARM_BOX_FILE, 0644, hm_bytes_str("{\"schema\":1}"), NULL), HM_OK);
    assert_int_equal(hm_alarm_box_read(tmp, &err, &read), HM_EFORMAT);
    assert_non_null(strstr(err.text, HM_ALARM_BOX_FILE));
    assert_int_equal(hm_alarm_box_save(&box, tmp, &err), HM_EFORMAT);
    assert_int_equal(read.count, 0);
}

static void test_tell__has_a_limit(void **state)
{
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;
    char name[16];

    assert_int_equal(hm_alarm_box_raise(&box, &sight, NULL), HM_OK);
    for (int i = 0; i < HM_ALARM_OUTLET_MAX; i++) {
        (void)snprintf(name, sizeof(name), "outlet-%d", i);
        assert_int_equal(hm_alarm_box_tell(&box, &box.alarms[0], name, NULL), HM_OK);
        assert_int_equal(hm_alarm_box_tell(&box, &box.alarms[0], name, NULL), HM_OK);
    }
    assert_int_equal(hm_alarm_box_tell(&box, &box.alarms[0], "more", NULL), HM_EFORMAT);
}

static void test_parse__refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "{\"schema\":\"hallmark/alarms/1\"}",
        "{\"schema\":\"hallmark/alarms/2\",\"alarms\":[]}",
        "{\"alarms\":[]}",
        HEAD "1" TAIL,
        HEAD "{}" TAIL,
        HEAD TAIL "x",
        HEAD "{" ID ",\"kind\":\"recall\"," REST "}" TAIL, /* an event is raised */
        HEAD "{" ID ",\"kind\":\"surprise\",\"condition\":true," REST "}" TAIL,
        HEAD "{\"kind\":\"recall\",\"condition\":true," REST "}" TAIL,
        HEAD "{" ID ",\"condition\":true," REST "}" TAIL,
        HEAD "{\"id\":\"0011\",\"kind\":\"recall\",\"condition\":true," REST "}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"condition\":1," REST "}" TAIL,
        HEAD "{" ID
             ",\"kind\":\"recall\",\"condition\":true,\"subject\":\"s\",\"text\":\"t\"}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"condition\":true," REST ",\"index\":-1}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"condition\":true," REST
             ",\"raised\":\"yesterday\"}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"condition\":true," REST
             ",\"ended\":\"2026-01-02T00:00:00Z\"}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"condition\":true," REST
             ",\"acknowledged\":\"2026-01-02T00:00:00Z\"}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"raised\":\"2026-01-01T00:00:00Z\"," REST
             ",\"ended\":\"2026-01-02T00:00:00Z\"}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"condition\":true," REST ",\"told\":[\"a\",\"a\"]}" TAIL,
        HEAD "{" ID ",\"kind\":\"recall\",\"condition\":true," REST ",\"more\":1}" TAIL,
    };
    _hm_done_(hm_alarm_box_done) struct hm_alarm_box box = HM_ALARM_BOX_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        if (hm_alarm_box_parse(hm_bytes_str(cases[i]), NULL, &box) == HM_OK)
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(box.count, 0);
    }
    assert_int_equal(
        hm_alarm_box_parse(hm_bytes_str(HEAD "{" ID ",\"kind\":\"recall\",\"condition\":true," REST
                                             ",\"told\":[\"a\",\"b\"]}" TAIL),
                           NULL, &box),
        HM_OK);
    assert_int_equal(box.count, 1);
}

static void test_kinds__have_names_of_their_own(void **state)
{
    for (unsigned i = 0; i < HM_ALARM_KIND_COUNT_; i++) {
        enum hm_alarm_kind kind = HM_ALARM_KIND_COUNT_;

        assert_int_equal(hm_alarm_kind_parse(
                             hm_bytes_str(hm_alarm_kind_name((enum hm_alarm_kind)i)), NULL, &kind),
                         HM_OK);
        assert_int_equal(kind, i);
    }
    assert_true(hm_alarm_is_breach(HM_ALARM_FORK));
    assert_false(hm_alarm_is_breach(HM_ALARM_RECALL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raise__knows_an_event_again),
        cmocka_unit_test(test_raise__escapes_and_cuts_what_comes_from_outside),
        cmocka_unit_test(test_raise__stops_when_nobody_acknowledges),
        cmocka_unit_test(test_hold__suspects_first),
        cmocka_unit_test(test_hold__does_not_wait_for_a_clock_that_was_set_back),
        cmocka_unit_test(test_sweep__ends_what_was_not_seen),
        tmpdir_test(test_acknowledge__is_of_the_file),
        tmpdir_test(test_save__waits_for_others_and_refuses_what_it_cannot_read),
        cmocka_unit_test(test_tell__has_a_limit),
        cmocka_unit_test(test_parse__refuses),
        cmocka_unit_test(test_kinds__have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
