/* SPDX-License-Identifier: Apache-2.0 */
/* base/time: the one written form, checked day by day against an independent count. */
#include "unit.h"

#include <time.h>

#include "base/time.h"

static void test_parse__knows_the_calendar(void **state)
{
    static const struct {
        const char *text;
        int64_t unix_s;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:01Z", 1},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2000-03-01T00:00:00Z", 951868800},
        {"2038-01-19T03:14:08Z", INT64_C(2147483648)},
        {"2100-03-01T00:00:00Z", INT64_C(4107542400)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799)},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        char text[HM_TIME_TEXT_SIZE];
        int64_t unix_s = -1;

        assert_int_equal(hm_time_parse(hm_bytes_str(cases[i].text), &unix_s), HM_OK);
        assert_true(unix_s == cases[i].unix_s);
        hm_time_format(unix_s, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_format__agrees_with_libc_on_every_day(void **state)
{
    for (int64_t day = 0; day < 2932897; day++) {
        int64_t unix_s = day * HM_TIME_DAY_S + day * 7919 % HM_TIME_DAY_S;
        time_t libc_s = (time_t)unix_s;
        char text[HM_TIME_TEXT_SIZE];
        char libc_text[64];
        int64_t back = -1;
        struct tm tm;

        hm_time_format(unix_s, text);
        assert_int_equal(hm_time_parse(hm_bytes_str(text), &back), HM_OK);
        assert_true(back == unix_s);
        if (day % 13 != 0)
            continue;
        assert_non_null(gmtime_r(&libc_s, &tm));
        assert_int_not_equal(strftime(libc_text, sizeof(libc_text), "%Y-%m-%dT%H:%M:%SZ", &tm), 0);
        assert_string_equal(text, libc_text);
    }
}

static void test_format__clamps(void **state)
{
    char text[HM_TIME_TEXT_SIZE];

    hm_time_format(-1, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    hm_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    hm_time_format(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
}

static void test_parse__refuses_every_other_form(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00z",
        "2026-01-01t00:00:00Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00.5Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T0a:00:00Z",
        "2026-01-01T-1:00:00Z",
        "2026-01-01T 1:00:00Z",
        "+026-01-01T00:00:00Z",
        "2026-1-001T00:00:00Z",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        int64_t unix_s = 7;

        assert_int_equal(hm_time_parse(hm_bytes_str(bad[i]), &unix_s), HM_EFORMAT);
        assert_int_equal(unix_s, 7);
    }
}

static void test_format_age__picks_a_unit(void **state)
{
    static const struct {
        int64_t age_s;
        const char *text;
    } cases[] = {
        {0, "0 seconds"},     {1, "1 second"},          {119, "119 seconds"},
        {120, "2 minutes"},   {7199, "119 minutes"},    {7200, "2 hours"},
        {172799, "47 hours"}, {172800, "2 days"},       {259200, "3 days"},
        {-5, "0 seconds"},    {INT64_MIN, "0 seconds"}, {INT64_MAX, "106751991167300 days"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        char text[32];

        hm_time_format_age(cases[i].age_s, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_parse_duration__knows_its_units(void **state)
{
    static const struct {
        const char *text;
        int64_t s;
    } cases[] = {
        {"90d", 7776000}, {"36h", 129600}, {"15m", 900}, {"30s", 30},
        {"2y", 63072000}, {"7", 604800},   {"0", 0},     {"8000y", INT64_C(252288000000)},
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        int64_t s = -1;

        assert_int_equal(hm_time_parse_duration(cases[i].text, &err, &s), HM_OK);
        assert_true(s == cases[i].s);
    }
}

static void test_parse_duration__refuses_the_rest(void **state)
{
    static const char *const bad[] = {
        "",
        "d",
        "-1d",
        "1.5d",
        "1 d",
        "1w",
        "1dd",
        "d1",
        "+1",
        "01d",
        "0x1s",
        "1D",
        "8001y",
        "9223372036854775807s",
        "18446744073709551615y",
        "18446744073709551616s",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        struct hm_err err = HM_ERR_INIT;
        int64_t s = 7;

        assert_int_equal(hm_time_parse_duration(bad[i], &err, &s), HM_EUSAGE);
        assert_int_equal(err.rc, HM_EUSAGE);
        assert_int_equal(s, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__knows_the_calendar),
        cmocka_unit_test(test_format__agrees_with_libc_on_every_day),
        cmocka_unit_test(test_format__clamps),
        cmocka_unit_test(test_parse__refuses_every_other_form),
        cmocka_unit_test(test_format_age__picks_a_unit),
        cmocka_unit_test(test_parse_duration__knows_its_units),
        cmocka_unit_test(test_parse_duration__refuses_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
