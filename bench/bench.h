/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring: CPU time of this process, medians of rounds in which ours and the peer take turns, and
 * the one form of a result: name value unit goal peer "met" or "not met".
 */
#ifndef HM_BENCH_BENCH_H
#define HM_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS 7

static inline double bench_cpu_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* a fixed clock of the system */
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline int bench_compare(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;

    return *left < *right ? -1 : *left > *right;
}

static inline double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), bench_compare);
    return values[count / 2];
}

/* A goal relative to a peer: ours / peer must be at most ratio_max. */
static inline bool bench_report_ratio(const char *name, double ours_ms, double ratio_max,
                                      const char *peer, double peer_ms)
{
    bool met = ours_ms <= ratio_max * peer_ms;

    (void)printf("%s %.1f ms <=%.2fx %s:%.1fms(%.3fx) %s\n", name, ours_ms, ratio_max, peer,
                 peer_ms, ours_ms / peer_ms, met ? "met" : "not met");
    return met;
}

/* A goal of its own: the value must be at most value_max. */
static inline bool bench_report(const char *name, double value, const char *unit, double value_max)
{
    bool met = value <= value_max;

    (void)printf("%s %.1f %s <=%.1f - %s\n", name, value, unit, value_max, met ? "met" : "not met");
    return met;
}

/* A measurement must be of work that succeeded. */
#define BENCH_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);          \
            exit(4);                                                                               \
        }                                                                                          \
    } while (0)

#endif
