/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlog/map: roots and proofs by vectors (ours, and WAICT's where they are at hand); a growing and
 * changing map against one computed afresh; proofs with anything wrong.
 */
#include "tlog_vectors.h"

#include "base/base64.h"
#include "tlog/map.h"

static struct hm_map *make_map(void)
{
    struct hm_map *map = NULL;

    assert_int_equal(hm_map_new(NULL, &map), HM_OK);
    return map;
}

static struct hm_sha256 hash_of(uint64_t number)
{
    struct hm_sha256 hash;

    assert_int_equal(hm_digest_sha256(hm_bytes_make(&number, sizeof(number)), NULL, &hash), HM_OK);
    return hash;
}

static struct hm_sha256 hash_at(const json_t *array, size_t i)
{
    struct hm_sha256 hash;
    const char *hex = json_string_value(json_array_get(array, i));

    assert_int_equal(hm_text_unhex(hm_bytes_str(hex), hash.bytes, 32), HM_OK);
    return hash;
}

static void set(struct hm_map *map, const struct hm_sha256 *key, const struct hm_sha256 *value)
{
    assert_int_equal(hm_map_set(map, key, value, NULL), HM_OK);
}

static struct hm_sha256 root_of(struct hm_map *map)
{
    struct hm_sha256 root;

    assert_int_equal(hm_map_root(map, NULL, &root), HM_OK);
    return root;
}

/* Every other proof of the same size or nearly: one bit turned, one byte more or less. */
static void check_mutants(const struct hm_sha256 *root, const struct hm_sha256 *key,
                          struct hm_buf *proof, size_t step)
{
    struct hm_sha256 value;

    for (size_t i = 0; i < proof->size; i += step) {
        proof->data[i] ^= 1;
        if (hm_map_verify_absent(root, key, hm_buf_bytes(proof), NULL) == HM_OK ||
            hm_map_verify_present(root, key, hm_buf_bytes(proof), NULL, &value) == HM_OK)
            fail_msg("byte %zu turned, and still a proof", i);
        proof->data[i] ^= 1;
    }
    for (size_t size = 0; size < proof->size; size++) {
        struct hm_bytes cut = hm_bytes_make(proof->data, size);

        assert_int_not_equal(hm_map_verify_absent(root, key, cut, NULL), HM_OK);
        assert_int_not_equal(hm_map_verify_present(root, key, cut, NULL, &value), HM_OK);
    }
    assert_int_equal(hm_buf_append_byte(proof, 0, NULL), HM_OK);
    assert_int_equal(hm_map_verify_absent(root, key, hm_buf_bytes(proof), NULL),
                     proof->data[8] == 0 ? HM_EFORMAT : HM_EMISMATCH);
    assert_int_equal(hm_map_verify_present(root, key, hm_buf_bytes(proof), NULL, &value),
                     proof->data[8] == 1 ? HM_EFORMAT : HM_EMISMATCH);
}

static void check_query(struct hm_map *map, const struct hm_sha256 *root, const json_t *query)
{
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX + 1);
    _hm_free_(free) char *hex = NULL;
    struct hm_sha256 key = tlog_hash(query, "key");
    bool is_present = json_is_string(json_object_get(query, "value"));
    struct hm_sha256 wrong_root = *root;
    struct hm_sha256 value = {{0}};
    struct hm_sha256 wrong_value;
    struct hm_sha256 got;

    wrong_root.bytes[0] ^= 1;
    assert_int_equal(hm_map_prove(map, &key, NULL, &proof), HM_OK);
    hex = malloc(2 * proof.size + 1);
    hm_text_hex(hm_buf_bytes(&proof), hex);
    assert_string_equal(hex, tlog_str(query, "proof"));
    assert_int_equal(hm_map_get(map, &key, NULL, &value), is_present ? HM_OK : HM_EUNKNOWN);
    assert_int_equal(hm_map_verify_present(root, &key, hm_buf_bytes(&proof), NULL, &got),
                     is_present ? HM_OK : HM_EMISMATCH);
    assert_int_equal(hm_map_verify_absent(root, &key, hm_buf_bytes(&proof), NULL),
                     is_present ? HM_EMISMATCH : HM_OK);
    assert_int_equal(
        hm_map_verify_present(&wrong_root, &key, hm_buf_bytes(&proof), NULL, &wrong_value),
        HM_EMISMATCH);
    assert_int_equal(hm_map_verify_absent(&wrong_root, &key, hm_buf_bytes(&proof), NULL),
                     HM_EMISMATCH);
    if (is_present) {
        struct hm_sha256 expected = tlog_hash(query, "value");

        assert_true(hm_digest_is_equal(&value, &expected));
        assert_true(hm_digest_is_equal(&got, &expected));
    }
    check_mutants(root, &key, &proof, proof.size > 1000 ? 33 : 1);
}

static void test_map__has_the_roots_and_proofs_of_the_vectors(void **state)
{
    const json_t *cases = tlog_section("maps", 7);
    size_t queries = 0;

    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        const json_t *items = json_object_get(vector, "items");
        const json_t *asked = json_object_get(vector, "queries");
        _hm_free_(hm_map_free) struct hm_map *map = make_map();
        struct hm_sha256 expected = tlog_hash(vector, "root");
        struct hm_sha256 root;

        for (size_t j = json_array_size(items); j > 0; j--) {
            struct hm_sha256 key = hash_at(json_array_get(items, j - 1), 0);
            struct hm_sha256 value = hash_at(json_array_get(items, j - 1), 1);

            set(map, &key, &value);
        }
        assert_int_equal(hm_map_count(map), json_array_size(items));
        root = root_of(map);
        if (!hm_digest_is_equal(&root, &expected))
            fail_msg("'%s': another root", tlog_str(vector, "name"));
        for (size_t j = 0; j < json_array_size(asked); j++)
            check_query(map, &root, json_array_get(asked, j));
        queries += json_array_size(asked);
    }
    print_message("%zu queries\n", queries);
}

/* Roots asked for at any time are those of a map made at once, in another order. */
static void test_set__gives_the_same_map_in_any_order(void **state)
{
    _hm_free_(hm_map_free) struct hm_map *map = make_map();
    const uint64_t count = 300;

    for (uint64_t i = 0; i < count; i++) {
        _hm_free_(hm_map_free) struct hm_map *again = make_map();
        struct hm_sha256 key = hash_of(i % 200); /* the last hundred change values */
        struct hm_sha256 value = hash_of(1000 + i);
        struct hm_sha256 root;
        struct hm_sha256 again_root;

        set(map, &key, &value);
        if (i % 7 != 0)
            continue;
        for (uint64_t j = i + 1; j > 0; j--) {
            struct hm_sha256 other_key = hash_of((j - 1) % 200);
            struct hm_sha256 other_value = hash_of(1000 + j - 1);

            if (hm_map_get(again, &other_key, NULL, &root) == HM_EUNKNOWN)
                set(again, &other_key, &other_value);
        }
        root = root_of(map);
        again_root = root_of(again);
        assert_true(hm_digest_is_equal(&root, &again_root));
        assert_int_equal(hm_map_count(map), hm_map_count(again));
    }
    assert_int_equal(hm_map_count(map), 200);
}

static void test_set__of_the_same_value_keeps_the_root(void **state)
{
    _hm_free_(hm_map_free) struct hm_map *map = make_map();
    struct hm_sha256 key = hash_of(1);
    struct hm_sha256 before;
    struct hm_sha256 after;

    for (uint64_t i = 0; i < 50; i++) {
        struct hm_sha256 other = hash_of(i);

        set(map, &other, &other);
    }
    before = root_of(map);
    set(map, &key, &key);
    after = root_of(map);
    assert_true(hm_digest_is_equal(&before, &after));
}

/* The proof for one key shows nothing about another, and yesterday's root is not today's. */
static void test_verify__refuses_proofs_of_other_keys_and_states(void **state)
{
    _hm_free_(hm_map_free) struct hm_map *map = make_map();
    struct hm_sha256 old_root;
    struct hm_sha256 root;
    struct hm_sha256 value;
    size_t shared = 0;

    for (uint64_t i = 0; i < 100; i++) {
        struct hm_sha256 key = hash_of(i);

        set(map, &key, &key);
        if (i == 98)
            old_root = root_of(map);
    }
    root = root_of(map);
    for (uint64_t i = 0; i < 200; i++) {
        _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
        struct hm_sha256 key = hash_of(i);

        assert_int_equal(hm_map_prove(map, &key, NULL, &proof), HM_OK);
        assert_int_equal(hm_map_verify_absent(&old_root, &key, hm_buf_bytes(&proof), NULL),
                         HM_EMISMATCH);
        assert_int_equal(hm_map_verify_present(&old_root, &key, hm_buf_bytes(&proof), NULL, &value),
                         HM_EMISMATCH);
        for (uint64_t j = 0; j < 200; j++) {
            struct hm_sha256 other = hash_of(j);

            if (i == j)
                continue;
            assert_int_equal(
                hm_map_verify_present(&root, &other, hm_buf_bytes(&proof), NULL, &value),
                HM_EMISMATCH);
            /* Two absent keys whose searches end at one leaf have the same proof. Nothing else
             * may show that a key is absent, least of all one that is there. */
            if (hm_map_verify_absent(&root, &other, hm_buf_bytes(&proof), NULL) == HM_OK) {
                assert_true(i >= 100 && j >= 100);
                shared++;
            }
        }
    }
    assert_true(shared > 0);
}

static void test_prove__keeps_to_the_maximum(void **state)
{
    _hm_free_(hm_map_free) struct hm_map *map = make_map();
    _hm_done_(hm_buf_done) struct hm_buf small = HM_BUF_INIT(8);
    struct hm_sha256 key = hash_of(1);

    assert_int_equal(hm_map_prove(map, &key, NULL, &small), HM_EFORMAT);
    assert_int_equal(small.size, 0);
}

static struct hm_sha256 base64_of(const json_t *object, const char *name)
{
    struct hm_sha256 hash;

    assert_int_equal(hm_base64_read_exactly(hm_bytes_str(tlog_str(object, name)), hash.bytes, 32),
                     HM_OK);
    return hash;
}

static void run_waict(const json_t *vector)
{
    _hm_free_(hm_map_free) struct hm_map *map = make_map();
    const json_t *items = json_object_get(vector, "leaves");
    const json_t *target = json_object_get(vector, "target_index");
    struct hm_sha256 expected = base64_of(vector, "root");
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(2 * HM_MAP_PROOF_SIZE_MAX);
    struct hm_sha256 root;
    struct hm_sha256 key;

    for (size_t i = 0; i < json_array_size(items); i++) {
        struct hm_sha256 value = base64_of(json_array_get(items, i), "value");

        key = base64_of(json_array_get(items, i), "key");
        set(map, &key, &value);
    }
    root = root_of(map);
    if (!hm_digest_is_equal(&root, &expected))
        fail_msg("'%s': another root", tlog_str(vector, "label"));
    if (target == NULL)
        return;
    key = base64_of(json_array_get(items, (size_t)json_integer_value(target)), "key");
    assert_int_equal(hm_map_prove(map, &key, NULL, &proof), HM_OK);
    assert_int_equal(hm_base64_write(hm_buf_bytes(&proof), NULL, &text), HM_OK);
    assert_string_equal(hm_buf_str(&text), tlog_str(vector, "proof"));
}

static void test_map__agrees_with_waict(void **state)
{
    static const char *const names[] = {"mpt_root_kats.jsonl", "mpt_inclusion_kats.jsonl"};
    const char *folder = getenv("HM_TEST_VECTORS");
    size_t count = 0;
    char path[512];

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/map/%s",
                       folder != NULL ? folder : "../shared/vectors", names[i]);
        file = fopen(path, "re");
        if (file == NULL) {
            print_message("no WAICT vectors in '%s' (set HM_TEST_VECTORS): skipped\n", path);
            skip();
        }
        for (;;) {
            json_t *vector = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);

            if (vector == NULL)
                break;
            run_waict(vector);
            json_decref(vector);
            count++;
        }
        (void)fclose(file); /* only read */
    }
    assert_true(count > 30);
    print_message("%zu maps\n", count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map__has_the_roots_and_proofs_of_the_vectors),
        cmocka_unit_test(test_set__gives_the_same_map_in_any_order),
        cmocka_unit_test(test_set__of_the_same_value_keeps_the_root),
        cmocka_unit_test(test_verify__refuses_proofs_of_other_keys_and_states),
        cmocka_unit_test(test_prove__keeps_to_the_maximum),
        cmocka_unit_test(test_map__agrees_with_waict),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
