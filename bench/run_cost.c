/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and writes what it alone cost to FILE: wall and CPU microseconds, peak KiB.
 *
 * It stands between a benchmark in Python and the command: the kernel carries the peak memory of
 * whoever forks over to the child, and Python's is large. Nothing of its own cost is counted but
 * the fork. Exits as the command does.
 *
 * Usage: run_cost FILE COMMAND ARGUMENT...
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long us_of(struct timeval time)
{
    return time.tv_sec * 1000000LL + time.tv_usec;
}

static long long now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    struct rusage usage;
    long long start_us;
    int status;
    FILE *file;
    pid_t pid;

    if (argc < 3 || (file = fopen(argv[1], "we")) == NULL)
        return 125;
    start_us = now_us();
    pid = fork();
    if (pid == 0) {
        (void)execvp(argv[2], argv + 2); /* returns only where it failed */
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
        return 125;
    fprintf(file, "%lld %lld %ld\n", now_us() - start_us,
            us_of(usage.ru_utime) + us_of(usage.ru_stime), usage.ru_maxrss);
    if (fclose(file) != 0)
        return 125;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}
