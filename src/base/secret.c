/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in pages of their own: not swapped (mlock), not in core dumps (MADV_DONTDUMP), wiped
 * before they are given back.
 */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/dir.h"

/* --- memory ----------------------------------------------------------------------------------- */

/* The size of the mapping that holds capacity bytes and the NUL. */
static enum hm_rc mapping_size(size_t capacity, size_t *ret_size)
{
    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    size_t size;

    if (__builtin_add_overflow(capacity, page_size, &size))
        return HM_ENOMEM;
    *ret_size = size - size % page_size; /* capacity + 1, rounded up */
    return HM_OK;
}

enum hm_rc hm_secret_init(struct hm_secret *secret, size_t capacity, struct hm_err *err)
{
    size_t size;
    void *data;

    if (mapping_size(capacity, &size) != HM_OK)
        return hm_error_nomem(err);
    data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
        return hm_error_nomem(err);
    (void)mlock(data, size); /* best effort: RLIMIT_MEMLOCK may be low */
    (void)madvise(data, size, MADV_DONTDUMP);
    *secret = (struct hm_secret){.data = data, .size = 0, .capacity = capacity};
    return HM_OK;
}

void hm_secret_done(struct hm_secret *secret)
{
    size_t size;

    if (secret->data != NULL && mapping_size(secret->capacity, &size) == HM_OK) {
        explicit_bzero(secret->data, size);
        (void)munmap(secret->data, size); /* it was mapped with this very size */
    }
    *secret = (struct hm_secret)HM_SECRET_INIT;
}

/* --- files ------------------------------------------------------------------------------------ */

static enum hm_rc open_private(const char *path, struct hm_err *err, int *ret_fd)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct stat st;

    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0 && errno == ENOENT)
        return hm_fail(err, HM_ENOTFOUND, "cannot open '%s': it does not exist", path);
    if (fd < 0)
        return hm_error_errno(err, errno, "cannot open '%s'", path);
    if (fstat(fd, &st) != 0)
        return hm_error_errno(err, errno, "cannot examine '%s'", path);
    if (!S_ISREG(st.st_mode))
        return hm_fail(err, HM_EINPUT, "'%s' is no regular file", path);
    if ((st.st_mode & 077) != 0)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' holds a secret but others may read or write it (mode %04o): chmod 600",
                       path, (unsigned)(st.st_mode & 07777));
    *ret_fd = fd;
    fd = -1;
    return HM_OK;
}

enum hm_rc hm_secret_read(const char *path, size_t size_max, bool strip_newline, struct hm_err *err,
                          struct hm_secret *ret_secret)
{
    _hm_done_(hm_secret_done) struct hm_secret secret = HM_SECRET_INIT;
    _hm_done_(hm_dir_close_fd) int fd = -1;

    HM_TRY(open_private(path, err, &fd));
    HM_TRY(hm_secret_init(&secret, size_max, err));
    for (;;) {
        /* The place of the NUL takes the byte that proves the file too large. */
        ssize_t got = read(fd, secret.data + secret.size, size_max - secret.size + 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_error_errno(err, errno, "cannot read '%s'", path);
        if (got == 0)
            break;
        secret.size += (size_t)got;
        if (secret.size > size_max)
            return hm_fail(err, HM_EFORMAT, "'%s' is larger than %zu bytes", path, size_max);
    }
    if (strip_newline && secret.size > 0 && secret.data[secret.size - 1] == '\n')
        secret.data[--secret.size] = '\0';
    *ret_secret = secret;
    secret = (struct hm_secret)HM_SECRET_INIT;
    return HM_OK;
}

/* --- terminal --------------------------------------------------------------------------------- */

static const int caught_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
static volatile sig_atomic_t caught_signal; /* the last one that came, or 0 */

static void catch_signal(int signal_number)
{
    caught_signal = signal_number;
}

/* Without SA_RESTART, so that a signal ends the read. Ignored signals stay ignored. */
static void catch_signals(struct sigaction saved[HM_ARRAY_COUNT(caught_signals)])
{
    struct sigaction action = {.sa_handler = catch_signal};

    caught_signal = 0;
    (void)sigemptyset(&action.sa_mask); /* none of these calls can fail for these signals */
    for (size_t i = 0; i < HM_ARRAY_COUNT(caught_signals); i++) {
        (void)sigaction(caught_signals[i], NULL, &saved[i]);
        if (saved[i].sa_handler != SIG_IGN)
            (void)sigaction(caught_signals[i], &action, NULL);
    }
}

static void restore_signals(const struct sigaction saved[HM_ARRAY_COUNT(caught_signals)])
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(caught_signals); i++)
        (void)sigaction(caught_signals[i], &saved[i], NULL);
}

static void write_terminal(int fd, const char *text)
{
    size_t size = strlen(text);

    while (size > 0) {
        ssize_t put = write(fd, text, size);

        if (put < 0 && errno == EINTR && caught_signal == 0)
            continue;
        if (put <= 0)
            return; /* the reading after it tells */
        text += put;
        size -= (size_t)put;
    }
}

static enum hm_rc read_line(int fd, struct hm_err *err, struct hm_secret *secret)
{
    for (;;) {
        /* Straight into the locked pages, byte by byte: no copy is left elsewhere. */
        ssize_t got = caught_signal != 0 ? -1 : read(fd, secret->data + secret->size, 1);

        if (caught_signal != 0)
            return hm_fail(err, HM_EINPUT, "interrupted by signal %d", (int)caught_signal);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_fail(err, HM_EINPUT, "cannot read from the terminal: %s",
                           strerrordesc_np(errno));
        if (got == 0 && secret->size == 0)
            return hm_fail(err, HM_EINPUT, "the terminal's input has ended");
        if (got == 0 || secret->data[secret->size] == '\n') {
            secret->data[secret->size] = '\0';
            return HM_OK;
        }
        if (secret->size == secret->capacity)
            return hm_fail(err, HM_EINPUT, "the answer is longer than %d bytes",
                           HM_SECRET_ASK_SIZE_MAX);
        secret->size++;
    }
}

/* One prompt and answer. *ret_signal is the signal that ended it, or 0. */
static enum hm_rc ask_once(int fd, const char *prompt, struct hm_err *err, struct hm_secret *secret,
                           int *ret_signal)
{
    struct sigaction saved_actions[HM_ARRAY_COUNT(caught_signals)];
    struct termios saved;
    struct termios silent;
    enum hm_rc rc;

    if (tcgetattr(fd, &saved) != 0)
        return hm_fail(err, HM_EINPUT, "/dev/tty is no terminal: %s", strerrordesc_np(errno));
    silent = saved;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    catch_signals(saved_actions);
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0 && caught_signal == 0) {
        restore_signals(saved_actions);
        return hm_fail(err, HM_EINPUT, "cannot turn off the terminal's echo: %s",
                       strerrordesc_np(errno));
    }
    write_terminal(fd, prompt);
    rc = read_line(fd, err, secret);
    *ret_signal = (int)caught_signal;
    while (tcsetattr(fd, TCSAFLUSH, &saved) != 0 && errno == EINTR)
        continue;
    caught_signal = 0;
    write_terminal(fd, "\n");
    restore_signals(saved_actions);
    return rc;
}

enum hm_rc hm_secret_ask(const char *prompt, struct hm_err *err, struct hm_secret *ret_secret)
{
    _hm_done_(hm_secret_done) struct hm_secret secret = HM_SECRET_INIT;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    enum hm_rc rc;
    int signal_number = 0;

    fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return hm_fail(err, HM_EINPUT,
                       "there is no terminal to ask on (%s): give the passphrase in a file",
                       strerrordesc_np(errno));
    HM_TRY(hm_secret_init(&secret, HM_SECRET_ASK_SIZE_MAX, err));
    do {
        explicit_bzero(secret.data, secret.capacity + 1);
        secret.size = 0;
        signal_number = 0;
        rc = ask_once(fd, prompt, err, &secret, &signal_number);
        if (signal_number != 0)
            (void)raise(signal_number); /* takes effect now that the terminal is as it was */
    } while (signal_number == SIGTSTP || signal_number == SIGTTIN || signal_number == SIGTTOU);
    HM_TRY(rc);
    *ret_secret = secret;
    secret = (struct hm_secret)HM_SECRET_INIT;
    return HM_OK;
}
