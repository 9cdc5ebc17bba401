/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/release_map: replayed entries add up to the map that hm_map gives for keys and values made
 * here; recalls reach what they may and see what was hidden; proofs; a store that lies. */
#include "release_kit.h"

#include "tlog/release_map.h"

/* A replay, and the same map kept by hand. */
struct world {
    struct hm_release_store_memory *memory;
    struct hm_release_store store;
    struct hm_release_map *map;
    uint64_t next; /* index */
};

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    *state = world;
    if (hm_release_store_memory_new(NULL, &world->memory) != HM_OK)
        return -1;
    world->store = hm_release_store_in_memory(world->memory);
    return hm_release_map_new(&world->store, NULL, &world->map) == HM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct world *world = *state;

    hm_release_map_free(world->map);
    hm_release_store_memory_free(world->memory);
    free(world);
    return 0;
}

/* Applies and frees. */
static enum hm_rc apply(struct world *world, struct hm_entry *entry)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_release_map_apply(world->map, entry, world->next++, &err);

    if (rc != HM_OK)
        assert_string_not_equal(err.text, "");
    hm_entry_free(entry);
    return rc;
}

static struct hm_sha256 root_of(struct world *world, uint64_t *ret_count)
{
    struct hm_sha256 root;

    assert_int_equal(hm_release_map_root(world->map, NULL, &root, ret_count), HM_OK);
    return root;
}

/* Goes on with another map object on what is in the store. */
static void reopen(struct world *world)
{
    uint64_t count = 0;
    struct hm_sha256 root;

    assert_int_equal(hm_release_map_flush(world->map, NULL), HM_OK);
    root = root_of(world, &count);
    hm_release_map_free(world->map);
    world->map = NULL;
    assert_int_equal(hm_release_map_open(&world->store, &root, count, NULL, &world->map), HM_OK);
}

static struct hm_release_list *list_of(struct world *world, const char *product)
{
    struct hm_release_list *list = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_release_map_list(world->map, hm_bytes_str(product), &err, &list) != HM_OK)
        fail_msg("%s: %s", product, err.text);
    return list;
}

static size_t recalls_of(struct world *world, const char *product, const char *version)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = list_of(world, product);
    const struct hm_release_row *row = hm_release_list_find(list, hm_bytes_str(version));

    assert_non_null(row);
    return row->recall_count;
}

/* Three makers, four products; a version's content is its path. */
static void fill(struct world *world)
{
    static const char *const paths[] = {"acme/nic/1",   "acme/nic/2",   "acme/bmc/1",
                                        "globex/nic/1", "globex/bmc/7", "acme/nic/1.5"};

    assert_int_equal(apply(world, kit_maker("acme", 1)), HM_OK);
    assert_int_equal(apply(world, kit_maker("globex", 0)), HM_OK);
    assert_int_equal(apply(world, kit_maker("example", 3)), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(paths); i++)
        assert_int_equal(apply(world, kit_release(paths[i], NULL, paths[i])), HM_OK);
}

static struct hm_sha256 sha256_of(const char *text)
{
    struct hm_sha256 hash;

    assert_int_equal(hm_digest_sha256(hm_bytes_str(text), NULL, &hash), HM_OK);
    return hash;
}

static void test_root__is_that_of_keys_and_values_made_by_hand(void **state)
{
    struct world *world = *state;
    _hm_free_(hm_map_free) struct hm_map *whole = NULL;
    static const char *const products[] = {"acme/nic", "acme/bmc", "globex/nic", "globex/bmc"};
    static const char *const makers[] = {"acme", "globex", "example"};
    struct hm_sha256 root;
    struct hm_sha256 expected;
    uint64_t count = 0;

    fill(world);
    assert_int_equal(hm_map_new(NULL, &whole), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(products); i++) {
        _hm_free_(hm_release_list_free) struct hm_release_list *list = list_of(world, products[i]);
        char text[128];
        struct hm_sha256 key;
        struct hm_sha256 value;

        (void)snprintf(text, sizeof(text), "hallmark/v1 product\n%s\n", products[i]);
        key = sha256_of(text);
        assert_int_equal(hm_release_list_value(list, NULL, &value), HM_OK);
        assert_int_equal(hm_map_set(whole, &key, &value, NULL), HM_OK);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(makers); i++) {
        char text[256];
        char hex[HM_SHA256_HEX_SIZE];
        struct hm_sha256 key;
        struct hm_sha256 value;

        (void)snprintf(text, sizeof(text), "hallmark/v1 maker\n%s\n", makers[i]);
        key = sha256_of(text);
        kit_digest_of(makers[i], hex);
        if (i == 1)
            (void)snprintf(text, sizeof(text), "maker globex\ngrade attested\nrole targets 2\n");
        else
            (void)snprintf(text, sizeof(text),
                           "maker %s\ngrade maker\nidentity %d %s 900\nrole targets 2\n", makers[i],
                           i == 0 ? 1 : 3, hex);
        value = sha256_of(text);
        assert_int_equal(hm_map_set(whole, &key, &value, NULL), HM_OK);
    }
    assert_int_equal(hm_map_root(whole, NULL, &expected), HM_OK);
    root = root_of(world, &count);
    assert_int_equal(count, 7);
    assert_true(hm_digest_is_equal(&root, &expected));
    reopen(world);
    root = root_of(world, &count);
    assert_int_equal(count, 7);
    assert_true(hm_digest_is_equal(&root, &expected));
}

/* Entry i of a replay: makers, releases of a few products, recalls by makers and by the vendor. */
static struct hm_entry *entry_of(unsigned i)
{
    const char *id = i % 3 == 0 ? "acme" : "globex";
    char path[64];
    char content[32];

    if (i < 2)
        return kit_maker(i == 0 ? "acme" : "globex", i);
    if (i % 10 != 9) {
        (void)snprintf(path, sizeof(path), "%s/p%u/%u", id, i % 7, i);
        (void)snprintf(content, sizeof(content), "%u", i % 6);
        return kit_release(path, NULL, content);
    }
    (void)snprintf(path, sizeof(path), "recalls/%s/r%u", i % 20 == 19 ? "vendor" : id, i);
    (void)snprintf(content, sizeof(content), "%u", i % 5);
    return kit_recall(path, content, NULL);
}

/* One replay flushed and opened anew after every entry, one never. */
static void test_apply__is_the_same_whenever_it_is_flushed(void **state)
{
    struct world *world = *state;
    void *other_state = NULL;
    struct world *other;
    uint64_t count = 0;
    uint64_t other_count = 0;

    assert_int_equal(setup(&other_state), 0);
    other = other_state;
    for (unsigned i = 0; i < 120; i++) {
        struct hm_sha256 root;
        struct hm_sha256 other_root;

        assert_int_equal(apply(world, entry_of(i)), HM_OK);
        assert_int_equal(apply(other, entry_of(i)), HM_OK);
        reopen(world);
        root = root_of(world, &count);
        other_root = root_of(other, &other_count);
        assert_true(hm_digest_is_equal(&root, &other_root));
        assert_int_equal(count, other_count);
    }
    assert_int_equal(recalls_of(world, "globex/p4", "4"), recalls_of(other, "globex/p4", "4"));
    assert_true(recalls_of(world, "globex/p4", "4") > 0);
    teardown(&other_state);
}

static void test_apply__refuses_a_version_used_twice(void **state)
{
    struct world *world = *state;
    struct hm_sha256 before;
    struct hm_sha256 after;
    uint64_t count = 0;

    fill(world);
    before = root_of(world, &count);
    assert_int_equal(apply(world, kit_release("acme/nic/1", NULL, "other bytes")), HM_EREFUSED);
    assert_int_equal(apply(world, kit_release("acme/nic/1", NULL, "acme/nic/1")), HM_EREFUSED);
    after = root_of(world, &count);
    assert_true(hm_digest_is_equal(&before, &after));
    reopen(world);
    assert_int_equal(apply(world, kit_release("acme/nic/1", NULL, "other bytes")), HM_EREFUSED);
    after = root_of(world, &count);
    assert_true(hm_digest_is_equal(&before, &after));
    assert_int_equal(count, 7);
}

static void test_recall__reaches_its_own_maker_or_everybody(void **state)
{
    struct world *world = *state;

    fill(world);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(
            apply(world, kit_recall("recalls/acme/a.json", "acme/nic/1", "globex/nic/1")), HM_OK);
        assert_int_equal(recalls_of(world, "acme/nic", "1"), 2 * round + 1);
        assert_int_equal(recalls_of(world, "acme/nic", "2"), 0);
        assert_int_equal(recalls_of(world, "globex/nic", "1"), round);
        assert_int_equal(
            apply(world, kit_recall("recalls/vendor/v.json", "acme/nic/1", "globex/nic/1")), HM_OK);
        assert_int_equal(recalls_of(world, "acme/nic", "1"), 2 * round + 2);
        assert_int_equal(recalls_of(world, "globex/nic", "1"), round + 1);
        assert_int_equal(recalls_of(world, "globex/bmc", "7"), 0);
        reopen(world);
    }
    /* Of nothing at all: no rule is broken. */
    assert_int_equal(apply(world, kit_recall("recalls/globex/n.json", "unheard of", NULL)), HM_OK);
    /* What comes later is not recalled by it. */
    assert_int_equal(apply(world, kit_release("acme/nic/9", NULL, "acme/nic/1")), HM_OK);
    assert_int_equal(recalls_of(world, "acme/nic", "9"), 0);
}

static void forget(struct world *world, const char *path)
{
    _hm_free_(hm_release_store_memory_free) struct hm_release_store_memory *old = world->memory;
    struct hm_release_store from = hm_release_store_in_memory(old);
    static const char *const folders[] = {"versions/acme", "versions/globex", "makers", "map"};

    world->memory = NULL;
    assert_int_equal(hm_release_store_memory_new(NULL, &world->memory), HM_OK);
    world->store = hm_release_store_in_memory(world->memory);
    for (size_t i = 0; i < HM_ARRAY_COUNT(folders); i++) {
        struct hm_arena arena = HM_ARENA_INIT;
        const char **names = NULL;
        size_t count = 0;

        assert_int_equal(from.list(from.ctx, folders[i], &arena, NULL, &names, &count), HM_OK);
        for (size_t j = 0; j < count; j++) {
            _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(1 << 20);
            char name[128];

            (void)snprintf(name, sizeof(name), "%s/%s", folders[i], names[j]);
            if (strcmp(name, path) == 0)
                continue;
            assert_int_equal(from.get(from.ctx, name, NULL, &bytes), HM_OK);
            assert_int_equal(world->store.put(world->store.ctx, name, hm_buf_bytes(&bytes), NULL),
                             HM_OK);
        }
        hm_arena_done(&arena);
    }
}

/* A recall must not miss a product because its file was taken away, or given another name. */
static void test_recall__notices_what_is_hidden(void **state)
{
    struct world *world = *state;
    static const char *const hidden[] = {"versions/acme/nic", "versions/globex/nic",
                                         "makers/example", "map/top"};

    fill(world);
    for (size_t i = 0; i < HM_ARRAY_COUNT(hidden); i++) {
        _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(1 << 20);

        reopen(world);
        assert_int_equal(world->store.get(world->store.ctx, hidden[i], NULL, &bytes), HM_OK);
        forget(world, hidden[i]);
        assert_int_equal(apply(world, kit_recall("recalls/acme/a.json", "acme/nic/1", NULL)),
                         HM_EMISMATCH);
        assert_int_equal(
            world->store.put(world->store.ctx, "versions/acme/xyz", hm_buf_bytes(&bytes), NULL),
            HM_OK);
        assert_int_equal(apply(world, kit_recall("recalls/acme/a.json", "acme/nic/1", NULL)),
                         HM_EMISMATCH);
        forget(world, "versions/acme/xyz");
        assert_int_equal(world->store.put(world->store.ctx, hidden[i], hm_buf_bytes(&bytes), NULL),
                         HM_OK);
    }
    assert_int_equal(apply(world, kit_recall("recalls/acme/a.json", "acme/nic/1", NULL)), HM_OK);
    assert_int_equal(recalls_of(world, "acme/nic", "1"), 1);
    world->store.list = NULL;
    assert_int_equal(apply(world, kit_recall("recalls/acme/b.json", "acme/nic/1", NULL)),
                     HM_EUSAGE);
}

static void test_prove__shows_products_and_makers(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"acme/nic", "acme/none", "globex/bmc", "nobody/nic"};
    uint64_t count = 0;

    fill(world);
    for (unsigned round = 0; round < 2; round++) {
        struct hm_sha256 root = root_of(world, &count);

        for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
            _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
            struct hm_sha256 key;
            struct hm_sha256 value;
            enum hm_rc expected = i % 2 == 0 ? HM_OK : HM_EMISMATCH;
            struct hm_release_list *list = NULL;

            assert_int_equal(
                hm_release_map_prove_product(world->map, hm_bytes_str(names[i]), NULL, &proof),
                HM_OK);
            assert_int_equal(hm_release_map_product_key(hm_bytes_str(names[i]), NULL, &key), HM_OK);
            assert_int_equal(hm_map_verify_present(&root, &key, hm_buf_bytes(&proof), NULL, &value),
                             expected);
            assert_int_equal(hm_map_verify_absent(&root, &key, hm_buf_bytes(&proof), NULL),
                             expected == HM_OK ? HM_EMISMATCH : HM_OK);
            assert_int_equal(hm_release_map_list(world->map, hm_bytes_str(names[i]), NULL, &list),
                             expected == HM_OK ? HM_OK : HM_EUNKNOWN);
            hm_release_list_free(list);
        }
        reopen(world);
    }
}

static void test_maker__gives_the_newest_word(void **state)
{
    struct world *world = *state;
    _hm_done_(hm_buf_done) struct hm_buf lines = HM_BUF_INIT(4096);
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    struct hm_sha256 key;
    struct hm_sha256 root;
    struct hm_sha256 value;
    struct hm_sha256 expected;
    uint64_t count = 0;

    fill(world);
    reopen(world);
    assert_int_equal(apply(world, kit_maker("globex", 4)), HM_OK);
    for (unsigned round = 0; round < 2; round++) {
        hm_buf_clear(&lines);
        hm_buf_clear(&proof);
        assert_int_equal(hm_release_map_maker(world->map, HM_BYTES_LITERAL("globex"), NULL, &lines),
                         HM_OK);
        assert_true(hm_bytes_has_prefix(
            hm_buf_bytes(&lines), HM_BYTES_LITERAL("maker globex\ngrade maker\nidentity 4 ")));
        root = root_of(world, &count);
        assert_int_equal(
            hm_release_map_prove_maker(world->map, HM_BYTES_LITERAL("globex"), NULL, &proof),
            HM_OK);
        assert_int_equal(hm_release_map_maker_key(HM_BYTES_LITERAL("globex"), NULL, &key), HM_OK);
        assert_int_equal(hm_map_verify_present(&root, &key, hm_buf_bytes(&proof), NULL, &value),
                         HM_OK);
        assert_int_equal(hm_release_map_maker_value(hm_buf_bytes(&lines), NULL, &expected), HM_OK);
        assert_true(hm_digest_is_equal(&value, &expected));
        assert_int_equal(hm_release_map_maker(world->map, HM_BYTES_LITERAL("nobody"), NULL, &lines),
                         HM_EUNKNOWN);
        reopen(world);
    }
    assert_int_equal(world->store.put(world->store.ctx, "makers/globex",
                                      HM_BYTES_LITERAL("maker globex\n"), NULL),
                     HM_OK);
    assert_int_equal(hm_release_map_maker(world->map, HM_BYTES_LITERAL("globex"), NULL, &lines),
                     HM_EMISMATCH);
    assert_int_equal(count, 7);
}

static void test_map__refuses_lists_that_are_not_the_map_s(void **state)
{
    struct world *world = *state;
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(1 << 20);
    struct hm_release_list *list = NULL;
    uint64_t count = 0;
    struct hm_sha256 before;
    struct hm_sha256 after;

    fill(world);
    reopen(world);
    before = root_of(world, &count);
    assert_int_equal(world->store.get(world->store.ctx, "versions/acme/nic", NULL, &bytes), HM_OK);
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 1;
        assert_int_equal(
            world->store.put(world->store.ctx, "versions/acme/nic", hm_buf_bytes(&bytes), NULL),
            HM_OK);
        assert_int_equal(hm_release_map_list(world->map, HM_BYTES_LITERAL("acme/nic"), NULL, &list),
                         HM_EMISMATCH);
        assert_int_equal(apply(world, kit_release("acme/nic/8", NULL, "x")), HM_EMISMATCH);
        bytes.data[i] ^= 1;
    }
    forget(world, "versions/acme/nic");
    assert_int_equal(hm_release_map_list(world->map, HM_BYTES_LITERAL("acme/nic"), NULL, &list),
                     HM_EMISMATCH);
    assert_int_equal(apply(world, kit_release("acme/nic/8", NULL, "x")), HM_EMISMATCH);
    after = root_of(world, &count);
    assert_true(hm_digest_is_equal(&before, &after));
    /* A product beside it is none of this. */
    assert_int_equal(apply(world, kit_release("acme/bmc/8", NULL, "x")), HM_OK);
}

static void test_names__must_be_names(void **state)
{
    struct world *world = *state;
    static const char *const bad[] = {"",           "acme",      "acme/",     "/nic",
                                      "acme/nic/1", "Acme/nic",  "acme/n ic", "vendor/nic",
                                      "a/nic",      "acme/../x", "acme/-x",   "ac.me/nic",
                                      "recalls/x",  "acme\n/x",  "lifted/x"};
    struct hm_sha256 key;
    struct hm_release_list *list = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(65536);

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        assert_int_equal(hm_release_map_product_key(hm_bytes_str(bad[i]), NULL, &key), HM_EUSAGE);
        assert_int_equal(hm_release_map_list(world->map, hm_bytes_str(bad[i]), NULL, &list),
                         HM_EUSAGE);
        assert_int_equal(hm_release_map_prove_product(world->map, hm_bytes_str(bad[i]), NULL, &buf),
                         HM_EUSAGE);
    }
    assert_int_equal(hm_release_map_maker_key(HM_BYTES_LITERAL("vendor"), NULL, &key), HM_EUSAGE);
    assert_int_equal(hm_release_map_maker(world->map, HM_BYTES_LITERAL("../x"), NULL, &buf),
                     HM_EUSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_root__is_that_of_keys_and_values_made_by_hand, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_apply__is_the_same_whenever_it_is_flushed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_apply__refuses_a_version_used_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recall__reaches_its_own_maker_or_everybody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_recall__notices_what_is_hidden, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prove__shows_products_and_makers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_maker__gives_the_newest_word, setup, teardown),
        cmocka_unit_test_setup_teardown(test_map__refuses_lists_that_are_not_the_map_s, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_names__must_be_names, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
