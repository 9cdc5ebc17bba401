/* SPDX-License-Identifier: Apache-2.0 */
/* net/range: RFC 9110 sections 13 and 14, case by case. */
#include "unit.h"

#include "net/range.h"

#define ETAG "\"abc\""

static void test_choose__the_part_that_is_asked_for(void **state)
{
    static const struct {
        const char *range, *if_range, *if_none_match;
        uint64_t of;
        unsigned status;
        uint64_t offset, size;
    } cases[] = {
        {NULL, NULL, NULL, 100, 200, 0, 100},
        {NULL, NULL, NULL, 0, 200, 0, 0},
        {"bytes=0-0", NULL, NULL, 100, 206, 0, 1},
        {"bytes=10-19", NULL, NULL, 100, 206, 10, 10},
        {"bytes=10-", NULL, NULL, 100, 206, 10, 90},
        {"bytes=99-", NULL, NULL, 100, 206, 99, 1},
        {"bytes=10-999", NULL, NULL, 100, 206, 10, 90},
        {"bytes=-10", NULL, NULL, 100, 206, 90, 10},
        {"bytes=-999", NULL, NULL, 100, 206, 0, 100},
        {"bytes=100-", NULL, NULL, 100, 416, 0, 0},
        {"bytes=100-200", NULL, NULL, 100, 416, 0, 0},
        {"bytes=-0", NULL, NULL, 100, 416, 0, 0},
        {"bytes=0-", NULL, NULL, 0, 416, 0, 0},
        {"bytes=-5", NULL, NULL, 0, 416, 0, 0},
        /* What is no one range of bytes gives the whole. */
        {"bytes=20-10", NULL, NULL, 100, 200, 0, 100},
        {"bytes=0-1,3-4", NULL, NULL, 100, 200, 0, 100},
        {"bytes=-", NULL, NULL, 100, 200, 0, 100},
        {"bytes=", NULL, NULL, 100, 200, 0, 100},
        {"bytes", NULL, NULL, 100, 200, 0, 100},
        {"bytes=a-b", NULL, NULL, 100, 200, 0, 100},
        {"bytes=1-2x", NULL, NULL, 100, 200, 0, 100},
        {"bytes=+1-2", NULL, NULL, 100, 200, 0, 100},
        {"bytes=99999999999999999999-", NULL, NULL, 100, 200, 0, 100},
        {"bytes=--5", NULL, NULL, 100, 200, 0, 100},
        {"lines=1-2", NULL, NULL, 100, 200, 0, 100},
        {"", NULL, NULL, 100, 200, 0, 100},
        /* A part of what was there. */
        {"bytes=10-", ETAG, NULL, 100, 206, 10, 90},
        {"bytes=10-", "\"other\"", NULL, 100, 200, 0, 100},
        {"bytes=10-", "W/" ETAG, NULL, 100, 200, 0, 100},
        {"bytes=10-", "Tue, 24 Nov 2026 13:00:00 GMT", NULL, 100, 200, 0, 100},
        /* Nothing that is known already. */
        {NULL, NULL, ETAG, 100, 304, 0, 0},
        {"bytes=10-", NULL, ETAG, 100, 304, 0, 0},
        {NULL, NULL, "*", 100, 304, 0, 0},
        {NULL, NULL, "W/" ETAG, 100, 304, 0, 0},
        {NULL, NULL, "\"x\", " ETAG, 100, 304, 0, 0},
        {NULL, NULL, "\"x\" ,\t" ETAG " , \"y\"", 100, 304, 0, 0},
        {NULL, NULL, "\"x\"", 100, 200, 0, 100},
        {NULL, NULL, "abc", 100, 200, 0, 100},
        {NULL, NULL, "\"abc", 100, 200, 0, 100},
        {NULL, NULL, "\"abcd\"", 100, 200, 0, 100},
        {NULL, NULL, "\"x\" " ETAG, 100, 200, 0, 100},
        {NULL, NULL, "", 100, 200, 0, 100},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        const struct hm_range_request request = {cases[i].range, cases[i].if_range,
                                                 cases[i].if_none_match};
        struct hm_range range = hm_range_choose(&request, ETAG, cases[i].of);

        if (range.status != cases[i].status || range.offset != cases[i].offset ||
            range.size != cases[i].size)
            fail_msg("case %zu: %u, %llu at %llu", i, range.status, (unsigned long long)range.size,
                     (unsigned long long)range.offset);
    }
}

static void test_etag__is_of_time_and_size(void **state)
{
    char one[HM_RANGE_ETAG_SIZE];
    char two[HM_RANGE_ETAG_SIZE];

    hm_range_etag(INT64_MAX, UINT64_MAX, one);
    assert_string_equal(one, "\"7fffffffffffffff-ffffffffffffffff\"");
    hm_range_etag(1, 2, one);
    assert_string_equal(one, "\"1-2\"");
    hm_range_etag(2, 1, two);
    assert_string_not_equal(one, two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choose__the_part_that_is_asked_for),
        cmocka_unit_test(test_etag__is_of_time_and_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
