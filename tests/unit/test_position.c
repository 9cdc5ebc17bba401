/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/position: how far a log was followed, kept and read again. */
#include "unit.h"

#include "base/file.h"
#include "monitor/position.h"
#include "tmpdir.h"

#define ROOT "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo="
#define NOTE(size)                                                                                 \
    "example/log\n" size "\n" ROOT "\n\n\u2014 example/log AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
#define JSON_NOTE                                                                                  \
    "example/log\\n7\\n" ROOT "\\n\\n\u2014 example/log AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\n"
#define HEAD  "{\"schema\":\"hallmark/position/1\",\"checkpoint\":\"" JSON_NOTE "\""
#define GROWN ",\"grown\":\"2026-01-01T00:00:00Z\""

static void test_advance__notes_growth_alone(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_position_done) struct hm_position position = {.note = NULL};
    _hm_done_(hm_position_done) struct hm_position read = {.note = NULL};

    assert_int_equal(hm_position_read(tmp, NULL, &read), HM_OK);
    assert_null(read.note);
    assert_int_equal(hm_position_advance(&position, hm_bytes_str(NOTE("7")), 1000, NULL), HM_OK);
    assert_int_equal(hm_position_advance(&position, hm_bytes_str(NOTE("7")), 2000, NULL), HM_OK);
    assert_int_equal(position.grown_unix_s, 1000);
    assert_int_equal(position.body.size, 7);
    assert_int_equal(hm_position_advance(&position, hm_bytes_str("nonsense"), 3000, NULL),
                     HM_EFORMAT);
    assert_int_equal(position.body.size, 7);
    assert_int_equal(hm_position_advance(&position, hm_bytes_str(NOTE("9")), 3000, NULL), HM_OK);
    assert_int_equal(position.grown_unix_s, 3000);
    position.has_checked = true;
    position.checked = 8;
    position.cosigned_unix_s = 2500;
    assert_int_equal(hm_position_save(&position, tmp, NULL), HM_OK);
    assert_int_equal(hm_position_read(tmp, NULL, &read), HM_OK);
    assert_int_equal(read.body.size, 9);
    assert_true(read.has_checked);
    assert_int_equal(read.checked, 8);
    assert_int_equal(read.grown_unix_s, 3000);
    assert_int_equal(read.cosigned_unix_s, 2500);
    assert_true(hm_bytes_is_str(read.note->raw, NOTE("9")));
}

static void test_parse__refuses(void **state)
{
    static const char *const cases[] = {
        "",
        "{}",
        HEAD "}",
        HEAD GROWN,
        HEAD GROWN ",\"checked\":7}",
        HEAD GROWN ",\"checked\":-1}",
        HEAD GROWN ",\"checked\":\"1\"}",
        HEAD GROWN ",\"more\":\"1\"}",
        HEAD GROWN ",\"cosigned\":\"soon\"}",
        HEAD ",\"grown\":\"1970-01-01T00:00:00Z\"}",
        HEAD GROWN "}x",
        "{\"schema\":\"hallmark/position/1\",\"checkpoint\":\"x\"" GROWN "}",
        "{\"schema\":\"hallmark/position/1\"" GROWN "}",
        "{\"schema\":\"hallmark/position/2\",\"checkpoint\":\"" JSON_NOTE "\"" GROWN "}",
    };
    _hm_done_(hm_position_done) struct hm_position position = {.note = NULL};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        if (hm_position_parse(hm_bytes_str(cases[i]), NULL, &position) != HM_EFORMAT)
            fail_msg("accepted: %s", cases[i]);
        assert_null(position.note);
    }
    assert_int_equal(hm_position_parse(hm_bytes_str(HEAD GROWN ",\"checked\":6}"), NULL, &position),
                     HM_OK);
    assert_int_equal(position.checked, 6);
}

static void test_read__names_a_damaged_file(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_position_done) struct hm_position position = {.note = NULL};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(tmp, HM_POSITION_FILE, 0644, hm_bytes_str("{"), NULL), HM_OK);
    assert_int_equal(hm_position_read(tmp, &err, &position), HM_EFORMAT);
    assert_non_null(strstr(err.text, HM_POSITION_FILE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_advance__notes_growth_alone),
        cmocka_unit_test(test_parse__refuses),
        tmpdir_test(test_read__names_a_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
