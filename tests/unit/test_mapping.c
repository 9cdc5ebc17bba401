/* SPDX-License-Identifier: Apache-2.0 */
/* base/mapping: a file's bytes as they are, also of none. */
#include "unit.h"

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

static void test_fd__has_the_bytes(void **state)
{
    for (int is_all = 0; is_all < 2; is_all++) {
        _hm_done_(hm_dir_close_fd) int fd = put(tmpdir_of(state), "some bytes");
        _hm_done_(hm_mapping_done) struct hm_mapping mapping = HM_MAPPING_INIT;

        assert_int_equal(hm_mapping_fd(fd, 10, is_all != 0, NULL, &mapping), HM_OK);
        assert_true(hm_bytes_is_str(mapping.bytes, "some bytes"));
        hm_mapping_done(&mapping);
        assert_int_equal(mapping.bytes.size, 0);
    }
}

static void test_fd__of_no_bytes(void **state)
{
    _hm_done_(hm_dir_close_fd) int fd = put(tmpdir_of(state), "");
    _hm_done_(hm_mapping_done) struct hm_mapping mapping = HM_MAPPING_INIT;

    assert_int_equal(hm_mapping_fd(fd, 0, true, NULL, &mapping), HM_OK);
    assert_int_equal(mapping.bytes.size, 0);
}

static void test_fd__of_what_cannot_be_mapped(void **state)
{
    struct hm_mapping mapping;
    struct hm_err err = HM_ERR_INIT;

    assert_int_not_equal(hm_mapping_fd(-1, 10, true, &err, &mapping), HM_OK);
    assert_non_null(strstr(err.text, "mapped"));
    assert_int_equal(mapping.bytes.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_fd__has_the_bytes),
        tmpdir_test(test_fd__of_no_bytes),
        cmocka_unit_test(test_fd__of_what_cannot_be_mapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
