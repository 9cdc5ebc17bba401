/* SPDX-License-Identifier: Apache-2.0 */
/* base/lock: one holder, within a process and between processes; a dead holder holds nothing. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/lock.h"
#include "tmpdir.h"

static void test_take__excludes_a_second_holder(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_lock first = HM_LOCK_INIT;
    struct hm_lock second = HM_LOCK_INIT;
    struct hm_err err = HM_ERR_INIT;
    struct stat st;
    char pid[32];

    assert_int_equal(hm_lock_take(tmp, "d/lock", 0, &err, &first), HM_OK);
    assert_int_equal(fcntl(first.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fstat(first.fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(hm_lock_take(tmp, "d/lock", 0, &err, &second), HM_EBUSY);
    (void)snprintf(pid, sizeof(pid), "process %ld:", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    assert_int_equal(hm_lock_take(tmp, "d/lock", 60, &err, &second), HM_EBUSY);
    assert_int_equal(second.fd, -1);
    assert_int_equal(hm_lock_take(tmp, "d/other", 0, &err, &second), HM_OK);
    hm_lock_done(&second);
    hm_lock_done(&first);
    hm_lock_done(&first);
    assert_int_equal(hm_lock_take(tmp, "d/lock", 0, &err, &second), HM_OK);
    hm_lock_done(&second);
}

/* A child that holds the lock until it is killed, or for hold_ms. */
static pid_t start_holder(const struct hm_dir *dir, useconds_t hold_ms)
{
    int ends[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct hm_lock lock = HM_LOCK_INIT;

        if (hm_lock_take(dir, "lock", 0, NULL, &lock) != HM_OK)
            _exit(1);
        if (write(ends[1], "x", 1) != 1)
            _exit(1);
        if (hold_ms == 0)
            (void)pause();
        (void)usleep(hold_ms * 1000);
        _exit(0);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    (void)close(ends[0]);
    return child;
}

static void test_take__survives_a_killed_holder(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_lock lock = HM_LOCK_INIT;
    struct hm_err err = HM_ERR_INIT;
    pid_t child = start_holder(tmp, 0);
    char pid[32];

    assert_int_equal(hm_lock_take(tmp, "lock", 0, &err, &lock), HM_EBUSY);
    (void)snprintf(pid, sizeof(pid), "process %ld:", (long)child);
    assert_non_null(strstr(err.text, pid));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(hm_lock_take(tmp, "lock", 0, &err, &lock), HM_OK);
    hm_lock_done(&lock);
}

static void test_take__waits_for_the_holder(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_lock lock = HM_LOCK_INIT;
    struct hm_err err = HM_ERR_INIT;
    pid_t child = start_holder(tmp, 100);

    assert_int_equal(hm_lock_take(tmp, "lock", 30000, &err, &lock), HM_OK);
    assert_int_equal(waitpid(child, NULL, 0), child);
    hm_lock_done(&lock);
}

static void test_take__does_not_believe_what_is_no_pid(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_lock lock = HM_LOCK_INIT;
    struct hm_lock second = HM_LOCK_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_lock_take(tmp, "lock", 0, &err, &lock), HM_OK);
    assert_int_equal(ftruncate(lock.fd, 0), 0);
    assert_int_equal(pwrite(lock.fd, "12\033[2J\n", 7, 0), 7);
    assert_int_equal(hm_lock_take(tmp, "lock", 0, &err, &second), HM_EBUSY);
    assert_non_null(strstr(err.text, "another process"));
    hm_lock_done(&lock);
}

static void test_take__needs_a_regular_file(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_lock lock = HM_LOCK_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(tmp, "precious", 0644, HM_BYTES_LITERAL("p"), &err), HM_OK);
    assert_int_equal(symlinkat("precious", tmp->fd, "link"), 0);
    assert_int_equal(mkdirat(tmp->fd, "d", 0755), 0);
    assert_int_equal(mkfifoat(tmp->fd, "pipe", 0600), 0);
    assert_int_equal(hm_lock_take(tmp, "link", 0, &err, &lock), HM_EINPUT);
    assert_int_equal(hm_lock_take(tmp, "d", 0, &err, &lock), HM_EINPUT);
    assert_int_equal(hm_lock_take(tmp, "pipe", 0, &err, &lock), HM_EINPUT);
    assert_int_equal(hm_lock_take(tmp, "../x", 0, &err, &lock), HM_EREFUSED);
    assert_int_equal(lock.fd, -1);
}

static void test_take__goes_on_to_a_new_file(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_lock old = HM_LOCK_INIT;
    struct hm_lock lock = HM_LOCK_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_lock_take(tmp, "lock", 0, &err, &old), HM_OK);
    assert_int_equal(hm_dir_remove(tmp, "lock", &err), HM_OK);
    assert_int_equal(hm_lock_take(tmp, "lock", 0, &err, &lock), HM_OK);
    hm_lock_done(&old);
    assert_int_equal(hm_lock_take(tmp, "lock", 0, &err, &old), HM_EBUSY);
    hm_lock_done(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_take__excludes_a_second_holder),
        tmpdir_test(test_take__survives_a_killed_holder),
        tmpdir_test(test_take__waits_for_the_holder),
        tmpdir_test(test_take__does_not_believe_what_is_no_pid),
        tmpdir_test(test_take__needs_a_regular_file),
        tmpdir_test(test_take__goes_on_to_a_new_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
