/* SPDX-License-Identifier: Apache-2.0 */
/* customer/placed: what sync placed survives the disk, proofs included; a damaged list is refused.
 */
#include "unit.h"

#include "base/file.h"
#include "customer/placed.h"
#include "tmpdir.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int set_up(void **state)
{
    struct hm_home *home = calloc(1, sizeof(*home));
    void *dir = NULL;

    assert_int_equal(tmpdir_setup(&dir), 0);
    *home = (struct hm_home)HM_HOME_INIT;
    home->dir = *(struct hm_dir *)dir;
    free(dir);
    *state = home;
    return 0;
}

static int tear_down(void **state)
{
    struct hm_home *home = *state;
    struct hm_dir *dir = calloc(1, sizeof(*dir));
    void *own = dir;

    *dir = home->dir;
    free(home);
    return tmpdir_teardown(&own);
}

static struct hm_placed_stamp stamp_of(uint8_t letter, uint64_t size)
{
    struct hm_placed_stamp stamp = {.size = size, .inode = size + 1, .changed_ns = -5};

    memset(stamp.sha256.bytes, letter, sizeof(stamp.sha256.bytes));
    return stamp;
}

static void assert_stamp(const struct hm_placed_stamp *stamp, uint8_t letter, uint64_t size)
{
    struct hm_placed_stamp wanted = stamp_of(letter, size);

    assert_true(hm_digest_is_equal(&stamp->sha256, &wanted.sha256));
    assert_int_equal(stamp->size, wanted.size);
    assert_int_equal(stamp->inode, wanted.inode);
    assert_int_equal(stamp->changed_ns, wanted.changed_ns);
}

static void test_write__keeps_files_with_their_proofs(void **state)
{
    struct hm_home *home = *state;
    _hm_done_(hm_placed_done) struct hm_placed placed = {0};
    _hm_done_(hm_placed_done) struct hm_placed again = {0};
    struct hm_placed_file with = {.path = "/srv/a",
                                  .site = "globex",
                                  .target = "acme/nic/1.0/a",
                                  .stamp = stamp_of(1, 10),
                                  .has_proof = true,
                                  .proof = stamp_of(2, 20),
                                  .proof_demands = {{3}}};
    struct hm_placed_file without = {
        .path = "/srv/b", .site = "globex", .target = "acme/nic/1.0/b", .stamp = stamp_of(4, 40)};
    const struct hm_placed_file *found;

    assert_int_equal(hm_placed_put(&placed, &without, NULL), HM_OK);
    assert_int_equal(hm_placed_put(&placed, &with, NULL), HM_OK);
    assert_int_equal(hm_placed_write(&placed, home, NULL), HM_OK);
    assert_int_equal(hm_placed_read(home, NULL, &again), HM_OK);
    assert_int_equal(again.count, 2);
    found = hm_placed_find(&again, "/srv/a");
    assert_non_null(found);
    assert_stamp(&found->stamp, 1, 10);
    assert_true(found->has_proof);
    assert_stamp(&found->proof, 2, 20);
    assert_int_equal(found->proof_demands.bytes[0], 3);
    found = hm_placed_find(&again, "/srv/b");
    assert_stamp(&found->stamp, 4, 40);
    assert_false(found->has_proof);
}

static void test_read__takes_lists_of_before_and_refuses_damaged_ones(void **state)
{
    static const struct {
        const char *file;
        enum hm_rc rc;
    } cases[] = {
        {"\"size\":1,\"inode\":2,\"changed\":3", HM_OK},
        {"\"size\":1,\"inode\":2,\"changed\":3,\"other\":[]", HM_OK},
        {"\"proof\":{\"sha256\":\"" A64 "\",\"demands\":\"" A64 "\",\"other\":1}", HM_OK},
        {"\"size\":-1", HM_EFORMAT},
        {"\"size\":\"1\"", HM_EFORMAT},
        {"\"proof\":1", HM_EFORMAT},
        {"\"proof\":{}", HM_EFORMAT},
        {"\"proof\":{\"sha256\":\"" A64 "\"}", HM_EFORMAT},
        {"\"proof\":{\"demands\":\"" A64 "\"}", HM_EFORMAT},
        {"\"proof\":{\"sha256\":\"" A64 "\",\"demands\":\"aa\"}", HM_EFORMAT},
        {"\"proof\":{\"sha256\":\"zz\",\"demands\":\"" A64 "\"}", HM_EFORMAT},
        {"\"proof\":{\"sha256\":\"" A64 "\",\"demands\":\"" A64 "\",\"inode\":-1}", HM_EFORMAT},
    };
    struct hm_home *home = *state;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_placed_done) struct hm_placed placed = {0};
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(4096);
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(
            hm_buf_append_fmt(&raw, NULL,
                              "{\"schema\":\"hallmark/placed/1\",\"files\":[{\"path\":\"/a\","
                              "\"site\":\"s\",\"target\":\"t\",\"sha256\":\"" A64 "\",%s}]}",
                              cases[i].file),
            HM_OK);
        assert_int_equal(hm_file_replace(&home->dir, "placed.json", 0644, hm_buf_bytes(&raw), NULL),
                         HM_OK);
        if (hm_placed_read(home, &err, &placed) != cases[i].rc)
            fail_msg("case %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write__keeps_files_with_their_proofs, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_read__takes_lists_of_before_and_refuses_damaged_ones,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
