/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as text: RFC 3339 with 'Z' and no fraction, in the proleptic Gregorian calendar. The
 * conversion is our own, so that no locale and no time zone of the machine has a say.
 */
#include "base/time.h"

#include <time.h>

#include "base/num.h"

#define YEAR_MIN       1970
#define YEAR_MAX       9999
#define UNIX_S_MAX     INT64_C(253402300799)                 /* 9999-12-31T23:59:59Z */
#define DURATION_S_MAX (INT64_C(8000) * 365 * HM_TIME_DAY_S) /* added to a time it cannot wrap */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Leap years before the given year, counted from year 1. */
static int64_t leap_years_before(int64_t year)
{
    return (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
}

static int64_t days_before_year(int64_t year)
{
    return (year - YEAR_MIN) * 365 + leap_years_before(year) - leap_years_before(YEAR_MIN);
}

int64_t hm_time_monotonic_ms(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t hm_time_now_unix_s(void)
{
    return (int64_t)time(NULL);
}

static bool take_digits(const uint8_t *text, size_t count, int64_t *ret_value)
{
    int64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *ret_value = value;
    return true;
}

enum hm_rc hm_time_parse(struct hm_bytes text, int64_t *ret_unix_s)
{
    static const char form[] = "0000-00-00T00:00:00Z";
    int64_t year, month, day, hour, minute, second, days;

    if (text.size != HM_TIME_TEXT_SIZE - 1)
        return HM_EFORMAT;
    for (size_t i = 0; i < text.size; i++) {
        if (form[i] != '0' && text.data[i] != (uint8_t)form[i])
            return HM_EFORMAT;
    }
    if (!take_digits(text.data, 4, &year) || !take_digits(text.data + 5, 2, &month) ||
        !take_digits(text.data + 8, 2, &day) || !take_digits(text.data + 11, 2, &hour) ||
        !take_digits(text.data + 14, 2, &minute) || !take_digits(text.data + 17, 2, &second))
        return HM_EFORMAT;
    if (year < YEAR_MIN || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
        hour > 23 || minute > 59 || second > 59)
        return HM_EFORMAT;
    days = days_before_year(year) + day - 1;
    for (int64_t m = 1; m < month; m++)
        days += days_in_month(year, m);
    *ret_unix_s = days * HM_TIME_DAY_S + hour * 3600 + minute * 60 + second;
    return HM_OK;
}

static void put_digits(char *text, size_t count, int64_t value)
{
    for (size_t i = count; i > 0; i--) {
        text[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

void hm_time_format(int64_t unix_s, char ret_text[HM_TIME_TEXT_SIZE])
{
    int64_t days, rest, year, month = 1;

    if (unix_s < 0)
        unix_s = 0;
    if (unix_s > UNIX_S_MAX)
        unix_s = UNIX_S_MAX;
    days = unix_s / HM_TIME_DAY_S;
    rest = unix_s % HM_TIME_DAY_S;
    year = YEAR_MIN + days / 366; /* never late, at most a few years early */
    while (year < YEAR_MAX && days_before_year(year + 1) <= days)
        year++;
    days -= days_before_year(year);
    while (days >= days_in_month(year, month)) {
        days -= days_in_month(year, month);
        month++;
    }
    memcpy(ret_text, "0000-00-00T00:00:00Z", HM_TIME_TEXT_SIZE);
    put_digits(ret_text, 4, year);
    put_digits(ret_text + 5, 2, month);
    put_digits(ret_text + 8, 2, days + 1);
    put_digits(ret_text + 11, 2, rest / 3600);
    put_digits(ret_text + 14, 2, rest / 60 % 60);
    put_digits(ret_text + 17, 2, rest % 60);
}

void hm_time_format_age(int64_t age_s, char ret_text[32])
{
    const char *unit = "second";
    int64_t count = age_s < 0 ? 0 : age_s;

    if (age_s >= 2 * HM_TIME_DAY_S) {
        unit = "day";
        count = age_s / HM_TIME_DAY_S;
    } else if (age_s >= 2 * 3600) {
        unit = "hour";
        count = age_s / 3600;
    } else if (age_s >= 2 * 60) {
        unit = "minute";
        count = age_s / 60;
    }
    (void)snprintf(ret_text, 32, "%lld %s%s", (long long)count, unit, count == 1 ? "" : "s");
}

static enum hm_rc fail_duration(const char *text, struct hm_err *err)
{
    return hm_fail(err, HM_EUSAGE,
                   "'%.64s' is no duration: write a number and one of s, m, h, d, y, such as 90d",
                   text);
}

enum hm_rc hm_time_parse_duration(const char *text, struct hm_err *err, int64_t *ret_s)
{
    static const struct {
        char letter;
        int64_t unit_s;
    } units[] = {
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', HM_TIME_DAY_S}, {'y', 365 * (int64_t)HM_TIME_DAY_S},
    };
    size_t size = strlen(text);
    int64_t unit_s = HM_TIME_DAY_S;
    uint64_t count;
    int64_t duration_s;

    for (size_t i = 0; size > 0 && i < HM_ARRAY_COUNT(units); i++) {
        if (text[size - 1] == units[i].letter) {
            unit_s = units[i].unit_s;
            size--;
            break;
        }
    }
    if (hm_num_parse_u64(text, size, &count) != HM_OK)
        return fail_duration(text, err);
    if (__builtin_mul_overflow(count, unit_s, &duration_s) || duration_s > DURATION_S_MAX)
        return hm_fail(err, HM_EUSAGE, "'%.64s' is longer than 8000 years", text);
    *ret_s = duration_s;
    return HM_OK;
}
