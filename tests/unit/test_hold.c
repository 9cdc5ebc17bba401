/* SPDX-License-Identifier: Apache-2.0 */
/* site/hold: a restored site signs nothing, and who ended that is kept. */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "site/hold.h"
#include "tmpdir.h"

static void check(const struct hm_dir *dir, enum hm_rc expected)
{
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_hold_check(dir, &err), expected);
    assert_int_equal(hm_hold_is_set(dir), expected != HM_OK);
}

static void test_set_and_release(void **state)
{
    struct hm_dir *dir = *state;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096);

    check(dir, HM_OK);
    assert_int_equal(hm_hold_set(dir, 0, 60, NULL), HM_OK);
    check(dir, HM_EREFUSED);
    assert_int_equal(hm_hold_release(dir, "ann", "the disk is gone", 120, NULL), HM_OK);
    check(dir, HM_OK);
    assert_int_equal(hm_dir_read(dir, HM_HOLD_RELEASED, NULL, &text), HM_OK);
    assert_string_equal(hm_buf_str(&text),
                        "hallmark/restored v1\nmade 1970-01-01T00:00:00Z\nrestored "
                        "1970-01-01T00:01:00Z\nreleased 1970-01-01T00:02:00Z\nby ann\nreason the "
                        "disk is gone\n");
    assert_int_equal(hm_hold_release(dir, "ann", "again", 180, NULL), HM_OK);
}

static void test_release__words_are_checked(void **state)
{
    struct hm_dir *dir = *state;

    assert_int_equal(hm_hold_set(dir, 0, 0, NULL), HM_OK);
    assert_int_equal(hm_hold_release(dir, "", "x", 0, NULL), HM_EUSAGE);
    assert_int_equal(hm_hold_release(dir, "x", "", 0, NULL), HM_EUSAGE);
    assert_int_equal(hm_hold_release(dir, "x\ny", "x", 0, NULL), HM_EUSAGE);
    assert_int_equal(hm_hold_release(dir, "x", "\xff", 0, NULL), HM_EUSAGE);
    check(dir, HM_EREFUSED);
}

/* Whatever stands there holds, and what cannot be read is never released. */
static void test_check__anything_of_that_name_holds(void **state)
{
    struct hm_dir *dir = *state;

    assert_int_equal(mkdirat(dir->fd, HM_HOLD_FILE, 0700), 0);
    check(dir, HM_EREFUSED);
    assert_int_not_equal(hm_hold_release(dir, "ann", "x", 0, NULL), HM_OK);
    check(dir, HM_EREFUSED);
    assert_int_equal(unlinkat(dir->fd, HM_HOLD_FILE, AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("nowhere", dir->fd, HM_HOLD_FILE), 0);
    check(dir, HM_EREFUSED);
}

static void test_check__a_folder_that_cannot_be_read_holds(void **state)
{
    struct hm_dir none = {.fd = -1, .path = NULL};

    (void)state;
    assert_true(hm_hold_is_set(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_set_and_release),
        tmpdir_test(test_release__words_are_checked),
        tmpdir_test(test_check__anything_of_that_name_holds),
        cmocka_unit_test(test_check__a_folder_that_cannot_be_read_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
