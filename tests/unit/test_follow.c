/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/follow: all entries of a log and no others; every wrong file is noticed; forks; copies. */
#include "tile_kit.h"

static const uint64_t sizes[] = {0,   1,   2,   3,    255,   256,   257,  300,
                                 511, 512, 513, 1000, 65535, 65536, 65537};
static struct tile_kit kit;    /* 66,000 entries */
static struct tile_kit forked; /* the same up to entry 300 */

static int set_up(void **state)
{
    tile_kit_init(&kit);
    tile_kit_add_many(&kit, "entry", 66000);
    tile_kit_init(&forked);
    tile_kit_add_many(&forked, "entry", 300);
    tile_kit_add_many(&forked, "another", 400);
    return 0;
}

static int tear_down(void **state)
{
    tile_kit_done(&kit);
    tile_kit_done(&forked);
    return 0;
}

static void reset(uint64_t size)
{
    kit.size = size;
    kit.only_newest = false;
    kit.changed = NULL;
    kit.missing = NULL;
    kit.cut = NULL;
}

/* The log as served, opened. */
static enum hm_rc open_log(uint64_t size, struct hm_err *err, struct hm_follow **ret_follow)
{
    const struct hm_follow_source source = tile_kit_source(&kit);
    struct hm_sha256 root = tile_kit_root(&kit, size);

    return hm_follow_open(&source, size, &root, err, ret_follow);
}

struct seen {
    uint64_t next;
    uint64_t stop; /* fails there */
};

static enum hm_rc see(void *ctx, uint64_t index, struct hm_bytes entry, struct hm_err *err)
{
    struct seen *seen = ctx;

    if (index == seen->stop)
        return hm_fail(err, HM_EAGAIN, "enough");
    assert_int_equal(index, seen->next);
    assert_true(hm_bytes_is_equal(entry, kit.entries[index]));
    seen->next++;
    return HM_OK;
}

static enum hm_rc read_log(struct hm_follow *follow, uint64_t first, uint64_t end,
                           struct hm_err *err)
{
    struct seen seen = {.next = first, .stop = UINT64_MAX};
    const struct hm_follow_sink sink = {.entry = see, .ctx = &seen};
    enum hm_rc rc = hm_follow_read(follow, first, end, &sink, err);

    if (rc == HM_OK)
        assert_int_equal(seen.next, end);
    return rc;
}

static void test_read__gives_all_entries_at_every_kind_of_size(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes); i++) {
        _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
        struct hm_err err = HM_ERR_INIT;
        uint64_t size = sizes[i];

        reset(size);
        assert_int_equal(open_log(size, &err, &follow), HM_OK);
        assert_int_equal(hm_follow_frontier(follow)->size, size);
        assert_int_equal(read_log(follow, 0, size, &err), HM_OK);
        for (size_t j = 0; j < i; j++) {
            assert_int_equal(read_log(follow, sizes[j], size, &err), HM_OK);
            assert_int_equal(read_log(follow, sizes[j], sizes[j], &err), HM_OK);
        }
        assert_int_equal(read_log(follow, size, size + 1, &err), HM_EUSAGE);
        assert_int_equal(hm_follow_read(follow, 1, 0, NULL, &err), HM_EUSAGE);
    }
}

static void test_read__takes_full_tiles_where_partial_ones_are_gone(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes); i++) {
        _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
        struct hm_err err = HM_ERR_INIT;

        reset(66000);
        kit.only_newest = true;
        assert_int_equal(open_log(sizes[i], &err, &follow), HM_OK);
        assert_int_equal(read_log(follow, 0, sizes[i], &err), HM_OK);
    }
}

static void test_read__ends_where_the_sink_says_so(void **state)
{
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct seen seen = {.next = 10, .stop = 300};
    const struct hm_follow_sink sink = {.entry = see, .ctx = &seen};

    reset(1000);
    assert_int_equal(open_log(1000, &err, &follow), HM_OK);
    assert_int_equal(hm_follow_read(follow, 10, 1000, &sink, &err), HM_EAGAIN);
    assert_int_equal(seen.next, 300);
}

static void test_open__refuses_another_root(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes); i++) {
        const struct hm_follow_source source = tile_kit_source(&kit);
        _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
        struct hm_err err = HM_ERR_INIT;
        struct hm_sha256 root = tile_kit_root(&kit, sizes[i] + 1);

        reset(sizes[i]);
        assert_int_equal(hm_follow_open(&source, sizes[i], &root, &err, &follow), HM_EMISMATCH);
        assert_null(follow);
    }
}

/* Every file of the log of this size, made wrong in one way. */
static void spoil(uint64_t size, const char **which, enum hm_rc expected, enum hm_rc other)
{
    for (unsigned number = 0; number < 2000; number++) {
        bool is_bundle = number >= 1000;
        unsigned level = is_bundle ? 0 : number / 300;
        struct hm_tile tile = hm_tile_make(is_bundle ? HM_TILE_ENTRIES : HM_TILE_HASHES, level,
                                           is_bundle ? number - 1000 : number % 300, size);
        _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
        struct hm_err err = HM_ERR_INIT;
        char path[HM_TILE_PATH_SIZE];
        enum hm_rc rc;

        /* Full tiles of level 0 are not read: the entries say what is in them. */
        if (tile.width == 0 || (!is_bundle && level == 0 && tile.width == HM_TILE_WIDTH))
            continue;
        if (is_bundle && size > 2000 && tile.index % 128 != 0 && tile.index != 255)
            continue; /* time */
        hm_tile_path(&tile, path);
        reset(size);
        *which = path;
        rc = open_log(size, &err, &follow);
        if (rc == HM_OK)
            rc = read_log(follow, 0, size, &err);
        if (rc != expected && rc != other)
            fail_msg("'%s' of %llu: %s: %s", path, (unsigned long long)size, hm_error_name(rc),
                     err.text);
        reset(size);
    }
}

static void test_read__notices_every_wrong_file(void **state)
{
    static const uint64_t spoiled[] = {1, 2, 255, 256, 257, 513, 1000, 65537};

    for (size_t i = 0; i < HM_ARRAY_COUNT(spoiled); i++) {
        spoil(spoiled[i], &kit.changed, HM_EMISMATCH, HM_EFORMAT);
        spoil(spoiled[i], &kit.missing, HM_ENOTFOUND, HM_ENOTFOUND);
        spoil(spoiled[i], &kit.cut, HM_EFORMAT, HM_EFORMAT);
    }
}

static void test_entry__gives_one_and_no_other(void **state)
{
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_err err = HM_ERR_INIT;

    reset(1000);
    assert_int_equal(open_log(1000, &err, &follow), HM_OK);
    for (uint64_t index = 0; index < 1000; index += 37) {
        _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(100);

        assert_int_equal(hm_follow_entry(follow, index, &err, &entry), HM_OK);
        assert_true(hm_bytes_is_equal(hm_buf_bytes(&entry), kit.entries[index]));
    }
    assert_int_equal(hm_follow_entry(follow, 1000, &err, NULL), HM_EUSAGE);
}

static void test_nodes__make_proofs_that_hold(void **state)
{
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 root = tile_kit_root(&kit, 65537);
    struct hm_merkle_proof proof;
    struct hm_sha256 node;

    reset(65537);
    assert_int_equal(open_log(65537, &err, &follow), HM_OK);
    for (uint64_t index = 0; index < 65537; index += 1111) {
        assert_int_equal(hm_merkle_prove_inclusion(kit.digest, hm_follow_nodes(follow), index,
                                                   65537, &err, &proof),
                         HM_OK);
        assert_int_equal(hm_merkle_verify_inclusion(kit.digest, &kit.tiles[0][index], index, 65537,
                                                    proof.hashes, proof.count, &root, &err),
                         HM_OK);
    }
    assert_int_equal(hm_follow_nodes(follow)->node(follow, 0, 65537, &err, &node), HM_EUSAGE);
    assert_int_equal(hm_follow_nodes(follow)->node(follow, 17, 0, &err, &node), HM_EUSAGE);
    assert_int_equal(hm_follow_nodes(follow)->node(follow, 64, 0, &err, &node), HM_EUSAGE);
    reset(65537);
    kit.changed = "tile/0/007";
    assert_int_equal(hm_follow_nodes(follow)->node(follow, 0, 7 * 256 + 3, &err, &node),
                     HM_EMISMATCH);
    reset(65537);
}

static void test_check_start__knows_the_same_log_and_a_fork(void **state)
{
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_merkle_frontier start;

    reset(1000);
    assert_int_equal(open_log(1000, &err, &follow), HM_OK);
    for (uint64_t size = 0; size <= 1000; size++) {
        start = tile_kit_frontier(&kit, size);
        assert_int_equal(hm_follow_check_start(follow, &start, &err), HM_OK);
    }
    start = tile_kit_frontier(&kit, 1001);
    assert_int_equal(hm_follow_check_start(follow, &start, &err), HM_EREFUSED);
    for (uint64_t size = 0; size <= 700; size++) {
        start = tile_kit_frontier(&forked, size);
        assert_int_equal(hm_follow_check_start(follow, &start, &err),
                         size <= 300 ? HM_OK : HM_EREFUSED);
    }
    /* Each node of the edge counts. */
    for (unsigned level = 0; level < 10; level++) {
        start = tile_kit_frontier(&kit, 999);
        if ((999 >> level & 1) == 0)
            continue;
        start.nodes[level].bytes[31] ^= 1;
        assert_int_equal(hm_follow_check_start(follow, &start, &err), HM_EREFUSED);
    }
    kit.changed = "tile/1/000.p/3";
    start = tile_kit_frontier(&kit, 256);
    hm_follow_free(hm_steal(&follow));
    assert_int_equal(open_log(1000, &err, &follow), HM_EMISMATCH);
    reset(1000);
}

/* A source with copies, some of them wrong. */
struct copies {
    size_t kept;
    size_t rejected;
    bool is_good; /* nothing is wrong (any more) */
};

static enum hm_rc get_copy(void *ctx, const char *path, struct hm_err *err,
                           struct hm_buf *ret_bytes)
{
    struct copies *copies = ctx;

    HM_TRY(tile_kit_get(&kit, path, err, ret_bytes));
    if (!copies->is_good)
        ret_bytes->data[ret_bytes->size / 2] ^= 1;
    return HM_OK;
}

static enum hm_rc keep_copy(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    struct copies *copies = ctx;
    _hm_done_(hm_buf_done) struct hm_buf good = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);

    assert_int_equal(tile_kit_get(&kit, path, err, &good), HM_OK);
    assert_true(hm_bytes_is_equal(bytes, hm_buf_bytes(&good)));
    copies->kept++;
    return HM_OK;
}

static bool reject_copy(void *ctx, const char *path)
{
    struct copies *copies = ctx;
    bool had_copy = !copies->is_good;

    copies->rejected++;
    copies->is_good = true;
    return had_copy;
}

static void test_open__asks_again_where_a_copy_was_wrong(void **state)
{
    struct copies copies = {.is_good = false};
    const struct hm_follow_source source = {
        .get = get_copy, .keep = keep_copy, .reject = reject_copy, .ctx = &copies};
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_sha256 root = tile_kit_root(&kit, 1000);
    struct hm_err err = HM_ERR_INIT;

    reset(1000);
    assert_int_equal(hm_follow_open(&source, 1000, &root, &err, &follow), HM_OK);
    assert_true(copies.rejected > 0);
    copies.is_good = false;
    assert_int_equal(read_log(follow, 0, 1000, &err), HM_OK);
    /* Four bundles; the tile of level 1. */
    assert_int_equal(copies.kept, 5);
    /* What the server itself gives wrong stays wrong. */
    kit.changed = "tile/entries/001";
    assert_int_equal(read_log(follow, 0, 1000, &err), HM_EMISMATCH);
    reset(1000);
}

static enum hm_rc refuse_to_keep(void *ctx, const char *path, struct hm_bytes bytes,
                                 struct hm_err *err)
{
    return hm_fail(err, HM_EIO, "no room for '%s'", path);
}

static void test_read__fails_where_nothing_can_be_kept(void **state)
{
    const struct hm_follow_source source = {
        .get = tile_kit_get, .keep = refuse_to_keep, .ctx = &kit};
    _hm_free_(hm_follow_free) struct hm_follow *follow = NULL;
    struct hm_sha256 root = tile_kit_root(&kit, 10);
    struct hm_err err = HM_ERR_INIT;

    reset(10);
    assert_int_equal(hm_follow_open(&source, 10, &root, &err, &follow), HM_OK);
    assert_int_equal(read_log(follow, 0, 10, &err), HM_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read__gives_all_entries_at_every_kind_of_size),
        cmocka_unit_test(test_read__takes_full_tiles_where_partial_ones_are_gone),
        cmocka_unit_test(test_read__ends_where_the_sink_says_so),
        cmocka_unit_test(test_open__refuses_another_root),
        cmocka_unit_test(test_read__notices_every_wrong_file),
        cmocka_unit_test(test_entry__gives_one_and_no_other),
        cmocka_unit_test(test_nodes__make_proofs_that_hold),
        cmocka_unit_test(test_check_start__knows_the_same_log_and_a_fork),
        cmocka_unit_test(test_open__asks_again_where_a_copy_was_wrong),
        cmocka_unit_test(test_read__fails_where_nothing_can_be_kept),
    };

    return cmocka_run_group_tests_name("follow", tests, set_up, tear_down);
}
