/* SPDX-License-Identifier: Apache-2.0 */
/* What a process cost so far, as one line of JSON: CPU time, largest resident set, bytes moved. */
#ifndef HM_BENCH_COST_H
#define HM_BENCH_COST_H

#include <stdio.h>
#include <sys/resource.h>

/* Of this program alone: ru_maxrss would include what its parent had before exec. */
static inline long cost_rss_max_kib(void)
{
    long kib = -1;
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");

    while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    }
    if (status != NULL)
        (void)fclose(status); /* only read from */
    return kib;
}

static inline void cost_print(const char *name, unsigned long long bytes)
{
    struct rusage usage;
    long kib = cost_rss_max_kib();

    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for ourselves */
    printf("{\"name\":\"%s\",\"cpu_us\":%lld,\"rss_max_kib\":%ld,\"bytes\":%llu}\n", name,
           (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
               usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
           kib, bytes);
}

#endif
