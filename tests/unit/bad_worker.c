/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of images that a hostile image has taken over, as it were: it confines itself as the
 * real one does, and then does what the file's first word says.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image/worker.h"

static volatile uint8_t *volatile nowhere;

static void say(const char *text)
{
    (void)!write(1, text, strlen(text));
}

/* Until there is none. */
static void eat_memory(void)
{
    for (;;) {
        volatile char *data = malloc((size_t)8 << 20);

        if (data == NULL)
            _Exit(HM_WORKER_NO_MEMORY);
        for (size_t i = 0; i < (size_t)8 << 20; i += 4096)
            data[i] = 1;
    }
}

static void write_for_ever(void)
{
    static const char block[1 << 20];

    while (write(1, block, sizeof(block)) > 0)
        continue;
}

static void call(const char *what)
{
    char *const none[] = {NULL};
    char path[] = "/etc/passwd";

    if (strcmp(what, "open") == 0)
        (void)!open(path, O_RDONLY | O_CLOEXEC);
    else if (strcmp(what, "socket") == 0)
        (void)!socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    else if (strcmp(what, "fork") == 0)
        (void)!fork();
    else if (strcmp(what, "exec") == 0)
        (void)execve("/bin/true", none, none);
    else if (strcmp(what, "kill") == 0)
        (void)kill(getppid(), 0);
    else if (strcmp(what, "run") == 0)
        (void)!mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else if (strcmp(what, "map") == 0)
        (void)!mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 0);
    else if (strcmp(what, "protect") == 0)
        (void)mprotect(path, 1, PROT_READ);
    else if (strcmp(what, "escape") == 0)
        (void)!syscall(SYS_prctl, 0, 0, 0, 0, 0);
    /* Still here: it was allowed, or answered with an error. What a well-behaved one would say. */
    _Exit(0);
}

static void misbehave(const char *what)
{
    if (strcmp(what, "crash") == 0)
        *nowhere = 1;
    if (strcmp(what, "abort") == 0)
        abort();
    if (strcmp(what, "spin") == 0)
        for (;;)
            continue;
    if (strcmp(what, "hang") == 0)
        for (;;)
            (void)!read(3, NULL, 0); /* ends at once, with an error */
    if (strcmp(what, "eat") == 0)
        eat_memory();
    if (strcmp(what, "write") == 0)
        write_for_ever();
    if (strcmp(what, "silent") == 0)
        _Exit(0);
    if (strcmp(what, "garbage") == 0) {
        say("HMREPORT and then nothing that is one");
        _Exit(0);
    }
    if (strcmp(what, "status") == 0)
        _Exit(77);
    if (strcmp(what, "free") == 0)
        _Exit(HM_WORKER_NOT_CONFINED);
}

int main(int argc, char **argv)
{
    struct hm_worker worker;
    char what[16] = "";
    int status = hm_worker_start(argc, argv, false, &worker);

    if (status == 0) {
        for (size_t i = 0; i < worker.file.size && i < sizeof(what) - 1; i++)
            what[i] = (char)worker.file.data[i];
        if (strcmp(what, "good") == 0) {
            status = hm_worker_run(&worker);
        } else if (strcmp(what, "longer") == 0) {
            status = hm_worker_run(&worker);
            say("!");
        } else {
            misbehave(what);
            call(what);
        }
    }
    _Exit(status);
}
