/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/tile: paths by vectors; proofs out of tiles are those out of memory; plans are exact. */
#include "tlog_vectors.h"

#include "tlog/tile.h"

#define LEAVES 70000 /* the example of tlog-tiles: levels 0 to 2 */

static struct hm_digest *digest;
static struct hm_sha256 *levels[3];
static size_t level_counts[3];

/* The nodes of each level of tiles. */
static int set_up(void **state)
{
    if (tlog_vectors_load(state) != 0 || hm_digest_new(HM_DIGEST_SHA256, NULL, &digest) != HM_OK)
        return -1;
    level_counts[0] = LEAVES;
    for (size_t level = 0; level < 3; level++) {
        levels[level] = calloc(level_counts[level], sizeof(struct hm_sha256));
        if (levels[level] == NULL)
            return -1;
        for (size_t i = 0; i < level_counts[level]; i++) {
            enum hm_rc rc;

            if (level == 0)
                rc = hm_merkle_leaf(digest, hm_bytes_make(&i, sizeof(i)), NULL, &levels[0][i]);
            else
                rc = hm_merkle_root_of(digest, &levels[level - 1][i * HM_TILE_WIDTH], HM_TILE_WIDTH,
                                       NULL, &levels[level][i]);
            if (rc != HM_OK)
                return -1;
        }
        if (level < 2)
            level_counts[level + 1] = level_counts[level] / HM_TILE_WIDTH;
    }
    return 0;
}

static int tear_down(void **state)
{
    for (size_t level = 0; level < 3; level++)
        free(levels[level]);
    hm_digest_free(digest);
    return tlog_vectors_free(state);
}

static void test_parse_path__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("tile_paths", 40);

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(TLOG_TEXT_SIZE);
        struct hm_err err = HM_ERR_INIT;
        struct hm_tile tile = {.width = 4711};
        char text[32];
        char path[HM_TILE_PATH_SIZE];
        enum hm_rc rc = hm_tile_parse_path(tlog_bytes(vector, "path", &buf), &err, &tile);

        tlog_assert_rc(vector, rc, tlog_str(vector, "rc"), &err);
        if (rc != HM_OK) {
            assert_int_equal(tile.width, 4711);
            continue;
        }
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)tile.index);
        assert_string_equal(text, tlog_str(vector, "index"));
        assert_int_equal(tile.width, json_integer_value(json_object_get(vector, "width")));
        assert_int_equal(tile.level, json_integer_value(json_object_get(vector, "level")));
        assert_int_equal(tile.kind == HM_TILE_ENTRIES,
                         json_is_true(json_object_get(vector, "entries")));
        hm_tile_path(&tile, path);
        assert_string_equal(path, tlog_str(vector, "path"));
    }
}

static void test_make__gives_widths_as_in_the_specification(void **state)
{
    static const struct {
        unsigned level;
        uint64_t index;
        uint64_t size;
        unsigned width;
    } cases[] = {
        /* tlog-tiles, "Partial Tiles". */
        {0, 272, 70000, 256},
        {0, 273, 70000, 112},
        {1, 0, 70000, 256},
        {1, 1, 70000, 17},
        {2, 0, 70000, 1},
        {0, 0, 256, 256},
        {1, 0, 256, 1},
        /* Not in the tree. */
        {0, 274, 70000, 0},
        {1, 2, 70000, 0},
        {2, 1, 70000, 0},
        {3, 0, 70000, 0},
        {0, 1, 256, 0},
        {0, 0, 0, 0},
        {7, 0, INT64_MAX, 127},
        {7, 1, INT64_MAX, 0},
        {8, 0, INT64_MAX, 0},
        {63, 0, INT64_MAX, 0},
        {0, UINT64_MAX, INT64_MAX, 0},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_tile tile =
            hm_tile_make(HM_TILE_HASHES, cases[i].level, cases[i].index, cases[i].size);

        if (tile.width != cases[i].width)
            fail_msg("case %zu: width %u", i, tile.width);
    }
}

struct reads {
    uint64_t size;
    struct hm_tile_plan plan;
    int cut; /* bytes too few or too many in each tile */
    bool fail;
};

static enum hm_rc get_tile(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                           struct hm_bytes *ret_bytes)
{
    struct reads *reads = ctx;
    struct hm_tile expected = hm_tile_make(HM_TILE_HASHES, tile->level, tile->index, reads->size);
    size_t i = 0;

    if (reads->fail)
        return hm_fail(err, HM_ENETWORK, "no");
    assert_int_equal(tile->kind, HM_TILE_HASHES);
    assert_int_equal(tile->width, expected.width); /* never a partial that no checkpoint needs */
    assert_int_not_equal(tile->width, 0);
    while (i < reads->plan.count &&
           (reads->plan.tiles[i].level != tile->level || reads->plan.tiles[i].index != tile->index))
        i++;
    if (i == reads->plan.count)
        reads->plan.tiles[reads->plan.count++] = *tile;
    *ret_bytes = hm_bytes_make(&levels[tile->level][tile->index * HM_TILE_WIDTH],
                               (size_t)((int)tile->width * HM_SHA256_SIZE + reads->cut));
    return HM_OK;
}

static struct hm_sha256 root_of(size_t size)
{
    struct hm_sha256 root;

    assert_int_equal(hm_merkle_root_of(digest, levels[0], size, NULL, &root), HM_OK);
    return root;
}

static void assert_same_plan(const struct hm_tile_plan *a, const struct hm_tile_plan *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->tiles[i].level, b->tiles[i].level);
        assert_int_equal(a->tiles[i].index, b->tiles[i].index);
        assert_int_equal(a->tiles[i].width, b->tiles[i].width);
    }
}

static const size_t sizes[] = {1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537, 65792, 70000};

static void test_source__gives_proofs_that_verify(void **state)
{
    for (size_t s = 0; s < HM_ARRAY_COUNT(sizes); s++) {
        const size_t size = sizes[s];
        struct hm_sha256 root = root_of(size);

        for (size_t i = 0; i < HM_ARRAY_COUNT(sizes) && sizes[i] <= size; i++) {
            struct reads reads = {.size = size};
            const struct hm_tile_reader reader = {.get = get_tile, .ctx = &reads};
            struct hm_sha256 old_root = root_of(sizes[i]);
            struct hm_tile_source source;
            struct hm_merkle_proof proof;
            struct hm_tile_plan plan;
            struct hm_sha256 again;
            uint64_t index = sizes[i] - 1;

            hm_tile_source_init(&source, digest, &reader, size);
            assert_int_equal(
                hm_merkle_prove_inclusion(digest, &source.source, index, size, NULL, &proof),
                HM_OK);
            assert_int_equal(hm_merkle_verify_inclusion(digest, &levels[0][index], index, size,
                                                        proof.hashes, proof.count, &root, NULL),
                             HM_OK);
            assert_int_equal(hm_merkle_root(digest, &source.source, size, NULL, &again), HM_OK);
            assert_true(hm_digest_is_equal(&root, &again));
            assert_int_equal(hm_tile_plan_inclusion(index, size, NULL, &plan), HM_OK);
            assert_same_plan(&plan, &reads.plan);
            reads.plan.count = 0;
            assert_int_equal(
                hm_merkle_prove_consistency(digest, &source.source, sizes[i], size, NULL, &proof),
                HM_OK);
            assert_int_equal(hm_merkle_verify_consistency(digest, sizes[i], &old_root, size, &root,
                                                          proof.hashes, proof.count, NULL),
                             HM_OK);
            assert_int_equal(hm_tile_plan_consistency(sizes[i], size, NULL, &plan), HM_OK);
            assert_same_plan(&plan, &reads.plan);
        }
    }
}

/* C2SP's claim for any proof: a few tiles, even in the largest trees. */
static void test_plan__stays_small(void **state)
{
    const uint64_t largest = INT64_MAX;
    const uint64_t places[] = {0, 1, 255, 256, 1 << 20, largest / 3, largest / 2, largest - 1};
    struct hm_tile_plan plan;

    for (size_t i = 0; i < HM_ARRAY_COUNT(places); i++) {
        assert_int_equal(hm_tile_plan_inclusion(places[i], largest, NULL, &plan), HM_OK);
        assert_true(plan.count <= 16);
        assert_int_equal(hm_tile_plan_consistency(places[i], largest, NULL, &plan), HM_OK);
        assert_true(plan.count <= 24);
    }
}

static void test_plan__refuses_what_is_not_in_the_tree(void **state)
{
    struct hm_tile_plan plan = {.count = 99};

    assert_int_equal(hm_tile_plan_inclusion(0, 0, NULL, &plan), HM_EUSAGE);
    assert_int_equal(hm_tile_plan_inclusion(7, 7, NULL, &plan), HM_EUSAGE);
    assert_int_equal(hm_tile_plan_inclusion(7, UINT64_MAX, NULL, &plan), HM_EUSAGE);
    assert_int_equal(hm_tile_plan_consistency(8, 7, NULL, &plan), HM_EUSAGE);
    assert_int_equal(hm_tile_plan_consistency(8, UINT64_MAX, NULL, &plan), HM_EUSAGE);
    assert_int_equal(plan.count, 99);
}

static void test_source__refuses_tiles_of_a_wrong_size(void **state)
{
    static const int cuts[] = {-32, -1, 1, 32};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cuts); i++) {
        struct reads reads = {.size = 300, .cut = cuts[i]};
        const struct hm_tile_reader reader = {.get = get_tile, .ctx = &reads};
        struct hm_tile_source source;
        struct hm_sha256 root;

        hm_tile_source_init(&source, digest, &reader, 300);
        assert_int_equal(hm_merkle_root(digest, &source.source, 300, NULL, &root), HM_EFORMAT);
    }
}

static void test_source__passes_on_what_the_reader_says(void **state)
{
    struct reads reads = {.size = 300, .fail = true};
    const struct hm_tile_reader reader = {.get = get_tile, .ctx = &reads};
    struct hm_tile_source source;
    struct hm_sha256 hash;

    hm_tile_source_init(&source, digest, &reader, 300);
    assert_int_equal(hm_merkle_root(digest, &source.source, 300, NULL, &hash), HM_ENETWORK);
    /* Nodes outside the tree. */
    assert_int_equal(source.source.node(source.source.ctx, 0, 300, NULL, &hash), HM_EUSAGE);
    assert_int_equal(source.source.node(source.source.ctx, 8, 1, NULL, &hash), HM_EUSAGE);
    assert_int_equal(source.source.node(source.source.ctx, 63, 0, NULL, &hash), HM_EUSAGE);
    assert_int_equal(source.source.node(source.source.ctx, 200, 0, NULL, &hash), HM_EUSAGE);
}

static void test_bundle__gives_the_entries_back(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf bundle = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    _hm_free_(free) char *large = calloc(1, HM_TILE_ENTRY_SIZE_MAX + 1);
    struct hm_bytes entries[HM_TILE_WIDTH];

    assert_non_null(large);
    assert_int_equal(hm_tile_bundle_append(&bundle, HM_BYTES_LITERAL("one"), NULL), HM_OK);
    assert_int_equal(hm_tile_bundle_append(&bundle, HM_BYTES_EMPTY, NULL), HM_OK);
    assert_int_equal(
        hm_tile_bundle_append(&bundle, hm_bytes_make(large, HM_TILE_ENTRY_SIZE_MAX), NULL), HM_OK);
    assert_int_equal(bundle.size, 2 + 3 + 2 + 2 + 65535);
    assert_int_equal(hm_tile_bundle_parse(hm_buf_bytes(&bundle), 3, NULL, entries), HM_OK);
    assert_true(hm_bytes_is_str(entries[0], "one"));
    assert_int_equal(entries[1].size, 0);
    assert_int_equal(entries[2].size, 65535);
    assert_int_equal(
        hm_tile_bundle_append(&bundle, hm_bytes_make(large, HM_TILE_ENTRY_SIZE_MAX + 1), NULL),
        HM_EUSAGE);
    /* Another number of entries, or a byte too many or too few. */
    assert_int_equal(hm_tile_bundle_parse(hm_buf_bytes(&bundle), 2, NULL, entries), HM_EFORMAT);
    assert_int_equal(hm_tile_bundle_parse(hm_buf_bytes(&bundle), 4, NULL, entries), HM_EFORMAT);
    assert_int_equal(hm_tile_bundle_parse(hm_buf_bytes(&bundle), 256, NULL, entries), HM_EFORMAT);
    bundle.size--;
    assert_int_equal(hm_tile_bundle_parse(hm_buf_bytes(&bundle), 3, NULL, entries), HM_EFORMAT);
    bundle.size = 1;
    assert_int_equal(hm_tile_bundle_parse(hm_buf_bytes(&bundle), 1, NULL, entries), HM_EFORMAT);
    assert_int_equal(hm_tile_bundle_parse(HM_BYTES_EMPTY, 1, NULL, entries), HM_EFORMAT);
    assert_int_equal(hm_tile_bundle_parse(HM_BYTES_EMPTY, 0, NULL, entries), HM_OK);
    assert_int_equal(hm_tile_bundle_parse(HM_BYTES_LITERAL("\0\0"), 0, NULL, entries), HM_EFORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_path__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_make__gives_widths_as_in_the_specification),
        cmocka_unit_test(test_source__gives_proofs_that_verify),
        cmocka_unit_test(test_plan__stays_small),
        cmocka_unit_test(test_plan__refuses_what_is_not_in_the_tree),
        cmocka_unit_test(test_source__refuses_tiles_of_a_wrong_size),
        cmocka_unit_test(test_source__passes_on_what_the_reader_says),
        cmocka_unit_test(test_bundle__gives_the_entries_back),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
