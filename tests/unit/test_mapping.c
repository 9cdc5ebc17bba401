/* SPDX-License-Identifier: Apache-2.0 */
/* base/mapping: a file's bytes as they are, also of none. */
#include "unit.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mapping.h"
#include "tmpdir.h"

static int put(const struct hm_dir *dir, const char *text)
{
    uint64_t size;
    int fd = -1;

    assert_int_equal(hm_file_replace(dir, "file", 0644, hm_bytes_str(text), NULL), HM_OK);
    assert_int_equal(hm_dir_open_file(dir, "file", NULL, &fd, &size), HM_OK);
    assert_int_equal(size, strlen(text));
    return fd;
}

static int cut_short(const struct hm_dir *dir, const char *name)
{
    _hm_done_(hm_dir_close_fd) int fd = openat(dir->fd, name, O_WRONLY | O_CLOEXEC);

    return ftruncate(fd, 0);
}

static void test_fd__has_the_bytes(void **state)
{
    _hm_done_(hm_dir_close_fd) int fd = put(tmpdir_of(state), "some bytes");
    _hm_done_(hm_mapping_done) struct hm_mapping mapping = HM_MAPPING_INIT;

    assert_int_equal(hm_mapping_fd(fd, 10, NULL, &mapping), HM_OK);
    assert_true(hm_bytes_is_str(mapping.bytes, "some bytes"));
    hm_mapping_done(&mapping);
    assert_int_equal(mapping.bytes.size, 0);
}

static void test_fd__of_no_bytes(void **state)
{
    _hm_done_(hm_dir_close_fd) int fd = put(tmpdir_of(state), "");
    _hm_done_(hm_mapping_done) struct hm_mapping mapping = HM_MAPPING_INIT;

    assert_int_equal(hm_mapping_fd(fd, 0, NULL, &mapping), HM_OK);
    assert_int_equal(mapping.bytes.size, 0);
}

static void test_fd__of_what_cannot_be_mapped(void **state)
{
    struct hm_mapping mapping;
    struct hm_err err = HM_ERR_INIT;

    assert_int_not_equal(hm_mapping_fd(-1, 10, &err, &mapping), HM_OK);
    assert_non_null(strstr(err.text, "mapped"));
    assert_int_equal(mapping.bytes.size, 0);
}

static void test_set_fault__a_mapped_file_is_cut_short(void **state)
{
    _hm_done_(hm_dir_close_fd) int fd = put(tmpdir_of(state), "some bytes");
    _hm_done_(hm_mapping_done) struct hm_mapping mapping = HM_MAPPING_INIT;
    char said[64] = "";
    int pipes[2], status;
    pid_t pid;

    assert_int_equal(hm_mapping_fd(fd, 10, NULL, &mapping), HM_OK);
    assert_int_equal(cut_short(tmpdir_of(state), "file"), 0);
    assert_int_equal(pipe(pipes), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(pipes[1], STDERR_FILENO);
        hm_mapping_set_fault("it is cut short\n", 4);
        _exit(*(const volatile uint8_t *)mapping.bytes.data == 's' ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 4);
    assert_int_equal(read(pipes[0], said, sizeof(said) - 1), 16);
    assert_string_equal(said, "it is cut short\n");
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_fd__has_the_bytes),
        tmpdir_test(test_fd__of_no_bytes),
        tmpdir_test(test_set_fault__a_mapped_file_is_cut_short),
        cmocka_unit_test(test_fd__of_what_cannot_be_mapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
