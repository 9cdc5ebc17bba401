/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/keyfile: both files or none, and nothing is ever overwritten. */
#include "unit.h"

#include <sys/stat.h>

#include "base/file.h"
#include "exchange/keyfile.h"
#include "tmpdir.h"
#include "trust_kit.h"

static const char *path_of(void **state, const char *name)
{
    static char path[700];

    (void)snprintf(path, sizeof(path), "%s/%s", tmpdir_of(state)->path, name);
    return path;
}

static void test_create__writes_both_with_their_modes(void **state)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct stat found;
    bool is_public;

    assert_int_equal(hm_keyfile_create(path_of(state, "k"), kit_signer(KIT_ROOT), NULL, &err),
                     HM_OK);
    assert_int_equal(stat(path_of(state, "k"), &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
    assert_int_equal(hm_keyfile_is_public(path_of(state, "k"), &err, &is_public), HM_OK);
    assert_false(is_public);
    assert_int_equal(hm_keyfile_is_public(path_of(state, "k.pub"), &err, &is_public), HM_OK);
    assert_true(is_public);
    assert_int_equal(hm_keyfile_read_public(path_of(state, "k.pub"), &err, &key), HM_OK);
    assert_string_equal(hm_key_id(key), hm_key_id(kit_key(KIT_ROOT)));
}

static void test_create__never_overwrites(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf before = HM_BUF_INIT(65536);
    _hm_done_(hm_buf_done) struct hm_buf after = HM_BUF_INIT(65536);
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_keyfile_create(path_of(state, "k"), kit_signer(KIT_ROOT), NULL, &err),
                     HM_OK);
    assert_int_equal(hm_dir_read(dir, "k", &err, &before), HM_OK);
    assert_int_equal(hm_keyfile_create(path_of(state, "k"), kit_signer(KIT_EVIL), NULL, &err),
                     HM_EREFUSED);
    assert_int_equal(hm_dir_read(dir, "k", &err, &after), HM_OK);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&before), hm_buf_bytes(&after)));
    /* The public file alone is a refusal too, and so is a link that leads nowhere. */
    assert_int_equal(hm_file_replace(dir, "l.pub", 0644, HM_BYTES_LITERAL("x"), &err), HM_OK);
    assert_int_equal(hm_keyfile_create(path_of(state, "l"), kit_signer(KIT_EVIL), NULL, &err),
                     HM_EREFUSED);
    assert_false(hm_dir_has(dir, "l"));
    assert_int_equal(symlink("nowhere", path_of(state, "m")), 0);
    assert_int_equal(hm_keyfile_create(path_of(state, "m"), kit_signer(KIT_EVIL), NULL, &err),
                     HM_EREFUSED);
    assert_false(hm_dir_has(dir, "nowhere"));
}

static void test_read_public__refuses_a_private_key_and_nonsense(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_key *key = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_keyfile_create(path_of(state, "k"), kit_signer(KIT_ROOT), NULL, &err),
                     HM_OK);
    assert_int_equal(hm_keyfile_read_public(path_of(state, "k"), &err, &key), HM_EFORMAT);
    assert_non_null(strstr(err.text, "is a private key"));
    assert_int_equal(hm_file_replace(dir, "x", 0644, HM_BYTES_LITERAL("x"), &err), HM_OK);
    assert_int_equal(hm_keyfile_read_public(path_of(state, "x"), &err, &key), HM_EFORMAT);
    assert_int_equal(hm_keyfile_read_public(path_of(state, "none"), &err, &key), HM_EINPUT);
    assert_int_equal(hm_keyfile_create(path_of(state, "none/k"), kit_signer(KIT_ROOT), NULL, &err),
                     HM_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_create__writes_both_with_their_modes),
        tmpdir_test(test_create__never_overwrites),
        tmpdir_test(test_read_public__refuses_a_private_key_and_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
