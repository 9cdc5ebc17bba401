/* SPDX-License-Identifier: Apache-2.0 */
/* Time as seconds since 1970-01-01T00:00:00Z, and its one written form. */
#ifndef HM_BASE_TIME_H
#define HM_BASE_TIME_H

#include "base/bytes.h"
#include "base/error.h"

#define HM_TIME_TEXT_SIZE 21 /* "YYYY-MM-DDTHH:MM:SSZ" and NUL */
#define HM_TIME_DAY_S     86400

/* The system's clock, through libc. Commands read it once and pass it on. */
int64_t hm_time_now_unix_s(void);
/* Milliseconds of a clock that nobody sets, from an arbitrary start: for deadlines. */
int64_t hm_time_monotonic_ms(void);

/* Exactly "YYYY-MM-DDTHH:MM:SSZ", a real date, years 1970 to 9999. HM_EFORMAT otherwise. */
HM_MUST_CHECK enum hm_rc hm_time_parse(struct hm_bytes text, int64_t *ret_unix_s);

/* Writes the form above; times outside 1970..9999 are clamped. */
void hm_time_format(int64_t unix_s, char ret_text[HM_TIME_TEXT_SIZE]);

/* "3 days", "5 hours", "12 seconds": an age for people. */
void hm_time_format_age(int64_t age_s, char ret_text[32]);

/* "90d", "36h", "15m", "30s", "2y" (365 days); a bare number is days. HM_EUSAGE otherwise. */
HM_MUST_CHECK enum hm_rc hm_time_parse_duration(const char *text, struct hm_err *err,
                                                int64_t *ret_s);

#endif
