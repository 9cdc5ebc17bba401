/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/map_files: the same roots and proofs as tlog/map over all pairs, however few or many; only
 * the files read that are needed; files with anything wrong. */
#include "unit.h"

#include "tlog/map_files.h"

static struct hm_release_store_memory *memory;
static size_t reads;

static int setup(void **state)
{
    reads = 0;
    return hm_release_store_memory_new(NULL, &memory) == HM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    hm_release_store_memory_free(memory);
    return 0;
}

static enum hm_rc counting_get(void *ctx, const char *path, struct hm_err *err,
                               struct hm_buf *ret_bytes)
{
    reads++;
    return hm_release_store_in_memory(ctx).get(ctx, path, err, ret_bytes);
}

static struct hm_release_store store_of(void)
{
    struct hm_release_store store = hm_release_store_in_memory(memory);

    store.get = counting_get;
    return store;
}

static struct hm_sha256 hash_of(uint64_t number)
{
    struct hm_sha256 hash;

    assert_int_equal(hm_digest_sha256(hm_bytes_make(&number, sizeof(number)), NULL, &hash), HM_OK);
    return hash;
}

static struct hm_sha256 empty_root(void)
{
    struct hm_sha256 root;

    assert_int_equal(hm_digest_sha256(HM_BYTES_EMPTY, NULL, &root), HM_OK);
    return root;
}

static void check_proof(struct hm_map *whole, struct hm_map_files *map, const struct hm_sha256 *key)
{
    _hm_done_(hm_buf_done) struct hm_buf expected = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);

    assert_int_equal(hm_map_prove(whole, key, NULL, &expected), HM_OK);
    assert_int_equal(hm_map_files_prove(map, key, NULL, &proof), HM_OK);
    assert_int_equal(proof.size, expected.size);
    assert_memory_equal(proof.data, expected.data, proof.size);
}

/* Both maps say the same of every first byte, and of keys that are there. */
static void check_same(struct hm_map *whole, struct hm_map_files *map, uint64_t count)
{
    struct hm_sha256 root;
    struct hm_sha256 expected;

    assert_int_equal(hm_map_root(whole, NULL, &expected), HM_OK);
    assert_int_equal(hm_map_files_root(map, NULL, &root), HM_OK);
    assert_true(hm_digest_is_equal(&root, &expected));
    assert_int_equal(hm_map_files_count(map), hm_map_count(whole));
    for (unsigned byte = 0; byte < 256; byte++) {
        struct hm_sha256 key = hash_of(1000000 + byte);

        key.bytes[0] = (uint8_t)byte;
        check_proof(whole, map, &key);
    }
    for (uint64_t i = 0; i < count; i += 1 + count / 40) {
        struct hm_sha256 key = hash_of(i);

        check_proof(whole, map, &key);
    }
}

static void set_both(struct hm_map *whole, struct hm_map_files *map, const struct hm_sha256 *key,
                     uint64_t value)
{
    struct hm_sha256 hash = hash_of(value);

    assert_int_equal(hm_map_set(whole, key, &hash, NULL), HM_OK);
    assert_int_equal(hm_map_files_set(map, key, &hash, NULL), HM_OK);
}

/* Fills, flushes, opens again, changes and fills more. */
static void check_life(uint64_t count, uint8_t mask)
{
    _hm_free_(hm_map_free) struct hm_map *whole = NULL;
    struct hm_map_files *map = NULL;
    const struct hm_release_store store = store_of();
    struct hm_sha256 root = empty_root();

    assert_int_equal(hm_map_new(NULL, &whole), HM_OK);
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(hm_map_files_open(&store, &root, hm_map_count(whole), NULL, &map), HM_OK);
        check_same(whole, map, count);
        for (uint64_t i = 0; i < count; i++) {
            struct hm_sha256 key = hash_of(round == 1 ? i : i + round * count);

            key.bytes[0] &= mask;
            set_both(whole, map, &key, 7 * i + round);
        }
        check_same(whole, map, count);
        assert_int_equal(hm_map_files_flush(map, NULL), HM_OK);
        check_same(whole, map, count);
        assert_int_equal(hm_map_files_root(map, NULL, &root), HM_OK);
        hm_map_files_free(map);
    }
    assert_int_equal(hm_map_files_open(&store, &root, hm_map_count(whole), NULL, &map), HM_OK);
    assert_int_equal(hm_map_files_check_count(map, NULL), HM_OK);
    check_same(whole, map, count);
    hm_map_files_free(map);
    if (count == 0)
        return;
    assert_int_equal(hm_map_files_open(&store, &root, hm_map_count(whole) + 1, NULL, &map), HM_OK);
    assert_int_equal(hm_map_files_check_count(map, NULL), HM_EMISMATCH);
    hm_map_files_free(map);
}

static void test_map__is_the_whole_map(void **state)
{
    static const uint64_t counts[] = {0, 1, 2, 3, 5, 17, 300, 5000};
    static const uint8_t masks[] = {0xff, 0x00, 0x01, 0x80, 0x11, 0xf0};

    for (size_t i = 0; i < HM_ARRAY_COUNT(counts); i++) {
        for (size_t j = 0; j < HM_ARRAY_COUNT(masks); j++) {
            if (counts[i] > 300 && j > 1)
                continue;
            check_life(counts[i], masks[j]);
            teardown(NULL);
            setup(NULL);
        }
    }
}

/* A map of count keys in the store. */
static struct hm_sha256 fill(uint64_t count)
{
    _hm_free_(hm_map_files_free) struct hm_map_files *map = NULL;
    const struct hm_release_store store = store_of();
    struct hm_sha256 root = empty_root();

    assert_int_equal(hm_map_files_open(&store, &root, 0, NULL, &map), HM_OK);
    for (uint64_t i = 0; i < count; i++) {
        struct hm_sha256 key = hash_of(i);

        assert_int_equal(hm_map_files_set(map, &key, &key, NULL), HM_OK);
    }
    assert_int_equal(hm_map_files_flush(map, NULL), HM_OK);
    assert_int_equal(hm_map_files_root(map, NULL, &root), HM_OK);
    return root;
}

static void test_map__reads_only_what_it_needs(void **state)
{
    const struct hm_release_store store = store_of();
    struct hm_sha256 root = fill(3000);
    _hm_free_(hm_map_files_free) struct hm_map_files *map = NULL;
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    struct hm_sha256 key = hash_of(5);
    struct hm_sha256 same;
    struct hm_sha256 value;

    reads = 0;
    assert_int_equal(hm_map_files_open(&store, &root, 3000, NULL, &map), HM_OK);
    assert_int_equal(hm_map_files_root(map, NULL, &same), HM_OK);
    assert_int_equal(hm_map_files_flush(map, NULL), HM_OK);
    assert_int_equal(reads, 0);
    assert_int_equal(hm_map_files_get(map, &key, NULL, &value), HM_OK);
    assert_int_equal(reads, 2);
    assert_int_equal(hm_map_files_prove(map, &key, NULL, &proof), HM_OK);
    assert_int_equal(hm_map_verify_present(&root, &key, hm_buf_bytes(&proof), NULL, &value), HM_OK);
    assert_int_equal(hm_map_files_set(map, &key, &root, NULL), HM_OK);
    assert_int_equal(hm_map_files_root(map, NULL, &same), HM_OK);
    assert_false(hm_digest_is_equal(&same, &root));
    assert_int_equal(reads, 2);
    key.bytes[1] ^= 1;
    assert_int_equal(hm_map_files_get(map, &key, NULL, &value), HM_EUNKNOWN);
    assert_int_equal(reads, 2);
}

static void put(const char *path, struct hm_bytes bytes)
{
    const struct hm_release_store store = store_of();

    assert_int_equal(store.put(store.ctx, path, bytes, NULL), HM_OK);
}

static void read_file(const char *path, struct hm_buf *buf)
{
    const struct hm_release_store store = store_of();

    hm_buf_clear(buf);
    assert_int_equal(store.get(store.ctx, path, NULL, buf), HM_OK);
}

static enum hm_rc ask(const struct hm_sha256 *root, uint64_t count, const struct hm_sha256 *key)
{
    _hm_free_(hm_map_files_free) struct hm_map_files *map = NULL;
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    const struct hm_release_store store = store_of();
    struct hm_sha256 value;
    enum hm_rc rc;

    HM_TRY(hm_map_files_open(&store, root, count, NULL, &map));
    rc = hm_map_files_prove(map, key, NULL, &proof);
    /* What fails once fails again, and nothing can be set on top of it. */
    assert_int_equal(hm_map_files_get(map, key, NULL, &value) == HM_OK, rc == HM_OK);
    assert_int_equal(hm_map_files_set(map, key, key, NULL), rc);
    assert_int_equal(hm_map_files_count(map), count);
    return rc;
}

static void test_map__refuses_files_that_are_not_the_root_s(void **state)
{
    struct hm_sha256 root = fill(600);
    struct hm_sha256 other = hash_of(1);
    struct hm_sha256 key = hash_of(0);
    _hm_done_(hm_buf_done) struct hm_buf top = HM_BUF_INIT(1 << 20);
    _hm_done_(hm_buf_done) struct hm_buf chunk = HM_BUF_INIT(1 << 20);
    _hm_free_(hm_map_files_free) struct hm_map_files *map = NULL;
    const struct hm_release_store store = store_of();
    char path[16];
    uint8_t pair[64];

    (void)snprintf(path, sizeof(path), "map/%02x", key.bytes[0]);
    read_file("map/top", &top);
    read_file(path, &chunk);
    assert_true(chunk.size >= 128);
    assert_int_equal(ask(&root, 600, &key), HM_OK);
    assert_int_equal(ask(&other, 600, &key), HM_EMISMATCH);
    for (size_t i = 0; i < top.size; i += 31) {
        top.data[i] ^= 1;
        put("map/top", hm_buf_bytes(&top));
        assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
        top.data[i] ^= 1;
    }
    put("map/top", hm_bytes_make(top.data, top.size - 32));
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    put("map/top", HM_BYTES_EMPTY);
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    put("map/top", hm_buf_bytes(&top));
    for (size_t i = 0; i < chunk.size; i++) {
        chunk.data[i] ^= 0x10;
        put(path, hm_buf_bytes(&chunk));
        assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
        chunk.data[i] ^= 0x10;
    }
    put(path, hm_bytes_make(chunk.data, chunk.size - 64));
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    put(path, hm_bytes_make(chunk.data, chunk.size - 1));
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    put(path, HM_BYTES_EMPTY);
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    /* Each pair is right, and two stand in the wrong order, or one stands twice. */
    memcpy(pair, chunk.data, sizeof(pair)); /* the buffer may move as it grows */
    assert_int_equal(hm_buf_append(&chunk, hm_bytes_make(pair, sizeof(pair)), NULL), HM_OK);
    put(path, hm_buf_bytes(&chunk));
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    put(path, hm_bytes_make(chunk.data + 64, chunk.size - 64));
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    put(path, hm_bytes_make(chunk.data, chunk.size - 64));
    assert_int_equal(ask(&root, 600, &key), HM_OK);
    /* Neither can be empty without the other. */
    assert_int_equal(hm_map_files_open(&store, &root, 0, NULL, &map), HM_EFORMAT);
    other = empty_root();
    assert_int_equal(hm_map_files_open(&store, &other, 1, NULL, &map), HM_EFORMAT);
}

static void test_map__refuses_files_that_are_missing(void **state)
{
    struct hm_sha256 root = fill(600);
    struct hm_sha256 key = hash_of(0);
    _hm_done_(hm_buf_done) struct hm_buf top = HM_BUF_INIT(1 << 20);

    read_file("map/top", &top);
    teardown(state);
    setup(state);
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
    put("map/top", hm_buf_bytes(&top));
    assert_int_equal(ask(&root, 600, &key), HM_EMISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_map__is_the_whole_map, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map__reads_only_what_it_needs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map__refuses_files_that_are_not_the_root_s, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_map__refuses_files_that_are_missing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
