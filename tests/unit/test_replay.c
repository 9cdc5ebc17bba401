/* SPDX-License-Identifier: Apache-2.0 */
/* tlog/replay, tlog/replay_map: which entries count; the map is the one that release_map computes;
 * every rule that a log can break is told. */
#include "unit.h"

#include <stdarg.h>

#include "base/text.h"
#include "tlog/release_map.h"
#include "tlog/replay.h"

#define ENTRIES_MAX 600
#define H           "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A log's entries, what the replay says of them, and the site's own map as an oracle. */
struct world {
    char *entries[ENTRIES_MAX]; /* owned */
    size_t count;
    size_t replayed;
    struct hm_release_store_memory *memory;
    struct hm_release_store store;
    struct hm_release_map *map;
    struct hm_replay *replay;
    unsigned snapshot; /* the next version */
    size_t batches;
    size_t good;
    size_t problems[HM_REPLAY_PROBLEM_COUNT_];
    uint64_t problem_index;
    char sentence[HM_ERR_TEXT_MAX];
    uint64_t batch_first;
    size_t batch_count;
};

static enum hm_rc get_entry(void *ctx, uint64_t index, struct hm_err *err, struct hm_buf *ret_entry)
{
    struct world *world = ctx;

    assert_true(index < world->replayed + 1);
    return hm_buf_append_str(ret_entry, world->entries[index], err);
}

static enum hm_rc see_batch(void *ctx, const struct hm_replay_batch *batch, struct hm_err *err)
{
    struct world *world = ctx;

    world->batches++;
    world->good += batch->is_good ? 1 : 0;
    world->batch_first = batch->index - batch->count;
    world->batch_count = batch->count;
    assert_int_equal(batch->snapshot->kind, HM_ENTRY_SNAPSHOT);
    assert_true(hm_bytes_is_str(batch->raw, world->entries[batch->index]));
    for (size_t i = 0; i < batch->count; i++)
        assert_true(hm_bytes_is_str(batch->items[i].raw, world->entries[world->batch_first + i]));
    return HM_OK;
}

static enum hm_rc see_problem(void *ctx, enum hm_replay_problem problem, uint64_t index,
                              const char *sentence, struct hm_err *err)
{
    struct world *world = ctx;

    world->problems[problem]++;
    world->problem_index = index;
    (void)snprintf(world->sentence, sizeof(world->sentence), "%s", sentence);
    return HM_OK;
}

static void begin(struct world *world)
{
    const struct hm_replay_entries entries = {.get = get_entry, .ctx = world};
    const struct hm_replay_sink sink = {.batch = see_batch, .problem = see_problem, .ctx = world};

    *world = (struct world){.snapshot = 1};
    assert_int_equal(hm_release_store_memory_new(NULL, &world->memory), HM_OK);
    world->store = hm_release_store_in_memory(world->memory);
    assert_int_equal(hm_release_map_new(&world->store, NULL, &world->map), HM_OK);
    assert_int_equal(hm_replay_new("example", &entries, &sink, NULL, &world->replay), HM_OK);
}

static void end(struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        free(world->entries[i]);
    hm_replay_free(world->replay);
    hm_release_map_free(world->map);
    hm_release_store_memory_free(world->memory);
}

/* Adds an entry; one that counts goes into the oracle too. */
HM_PRINTF(3, 4)
static void add(struct world *world, bool counts, const char *format, ...)
{
    va_list args;

    assert_true(world->count < ENTRIES_MAX);
    va_start(args, format);
    assert_true(vasprintf(&world->entries[world->count], format, args) > 0);
    va_end(args);
    if (counts) {
        _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
        struct hm_err err = HM_ERR_INIT;

        if (hm_entry_parse(hm_bytes_str(world->entries[world->count]), &err, &entry) != HM_OK ||
            hm_release_map_apply(world->map, entry, world->count, &err) != HM_OK)
            fail_msg("%s", err.text);
    }
    world->count++;
}

static void hash(unsigned number, char ret_hex[HM_SHA256_HEX_SIZE])
{
    struct hm_sha256 sha256;

    assert_int_equal(hm_digest_sha256(hm_bytes_make(&number, sizeof(number)), NULL, &sha256),
                     HM_OK);
    hm_text_hex(hm_bytes_make(sha256.bytes, sizeof(sha256.bytes)), ret_hex);
}

static void release(struct world *world, bool counts, const char *path, unsigned image)
{
    char hex[HM_SHA256_HEX_SIZE];

    hash(image, hex);
    add(world, counts,
        "hallmark/release v1\nsite example\npath %s\n%simage a.rom %s 100\nimage b.txt " H
        " 0\nrole release~acme 1\n",
        path, image % 3 == 0 ? "label Build 7 (\303\251)\n" : "", hex);
}

static void recall(struct world *world, const char *id, const char *name, unsigned image)
{
    char hex[HM_SHA256_HEX_SIZE];

    hash(image, hex);
    add(world, true,
        "hallmark/recall v1\nsite example\npath recalls/%s/%s\ndocument " H
        " 10\ndigest %s\nrole recalls~%s 1\n",
        id, name, hex, id);
}

static void maker(struct world *world, const char *id, unsigned version)
{
    add(world, true,
        "hallmark/maker v1\nsite example\nmaker %s\ngrade maker\nidentity %u " H
        " 9\nrole targets 1\n",
        id, version);
}

/* The snapshot entry of the last count entries, with the oracle's map. */
static void close_as(struct world *world, size_t count, const char *voids, unsigned snapshot,
                     unsigned root)
{
    char map_hex[HM_SHA256_HEX_SIZE];
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 map_root;
    uint64_t keys = 0;

    hash(snapshot, hex);
    assert_int_equal(hm_release_map_root(world->map, NULL, &map_root, &keys), HM_OK);
    hm_text_hex(hm_bytes_make(map_root.bytes, sizeof(map_root.bytes)), map_hex);
    add(world, false,
        "hallmark/snapshot v1\nsite example\nsnapshot %u %s 7\nroot %u " H
        "\nmap %s %llu\nentries %zu %zu\n%s",
        snapshot, hex, root, map_hex, (unsigned long long)keys, world->count - count, count, voids);
}

static void close_batch(struct world *world, size_t count, const char *voids)
{
    close_as(world, count, voids, world->snapshot++, 1);
}

/* Replays what was added. */
static enum hm_rc run(struct world *world, struct hm_err *err)
{
    for (; world->replayed < world->count; world->replayed++) {
        enum hm_rc rc =
            hm_replay_add(world->replay, hm_bytes_str(world->entries[world->replayed]), err);

        if (rc != HM_OK)
            return rc;
        assert_int_equal(hm_replay_next(world->replay), world->replayed + 1);
    }
    return HM_OK;
}

static void must_run(struct world *world)
{
    struct hm_err err = HM_ERR_INIT;

    if (run(world, &err) != HM_OK)
        fail_msg("%s", err.text);
}

static size_t problem_count(const struct world *world)
{
    size_t count = 0;

    for (size_t i = 0; i < HM_REPLAY_PROBLEM_COUNT_; i++)
        count += world->problems[i];
    return count;
}

/* All batches so far are good, and nothing was told. */
static void expect_good(const struct world *world, size_t batches)
{
    if (problem_count(world) != 0)
        fail_msg("%s", world->sentence);
    assert_int_equal(world->batches, batches);
    assert_int_equal(world->good, batches);
}

/* One problem, of this kind, of the entry at index. */
static void expect(const struct world *world, enum hm_replay_problem problem, uint64_t index)
{
    if (world->problems[problem] != 1 || problem_count(world) != 1)
        fail_msg("%zu of '%s', %zu in all: %s", world->problems[problem],
                 hm_replay_problem_name(problem), problem_count(world), world->sentence);
    assert_int_equal(world->problem_index, index);
    assert_true(strlen(world->sentence) > 0);
}

static void test_add__computes_the_map_that_the_site_has(void **state)
{
    static const char *const products[] = {"acme/nic", "acme/bmc", "globex/nic", "acme-2/nic"};
    struct world world;

    begin(&world);
    maker(&world, "acme", 1);
    release(&world, true, "acme/nic/1.0", 1);
    close_batch(&world, 2, "");
    must_run(&world);
    for (unsigned i = 0; i < 60; i++) {
        char path[64];

        /* In no order, the same image under several names. */
        (void)snprintf(path, sizeof(path), "%s/%u.%u", products[i % 4], i * 7 % 12, i);
        release(&world, true, path, i % 17);
        if (i % 11 == 3)
            recall(&world, i % 2 == 0 ? "acme" : "vendor", i % 3 == 0 ? "x.json" : "y.json",
                   i % 17);
        if (i % 20 == 9)
            maker(&world, i % 3 == 0 ? "acme" : "globex", i);
        if (i % 4 == 3)
            close_batch(&world, world.count - world.replayed, "");
        if (i % 4 == 3)
            must_run(&world);
    }
    recall(&world, "globex", "z.json", 2);
    recall(&world, "vendor", "all.json", 2);
    recall(&world, "acme-2", "none.json", 1000);
    close_batch(&world, 3, "");
    close_batch(&world, 0, "");
    must_run(&world);
    expect_good(&world, 18);
    assert_int_equal(hm_replay_pending(world.replay), 0);
    end(&world);
}

static void test_add__keeps_what_waits_for_a_snapshot(void **state)
{
    struct world world;

    begin(&world);
    release(&world, true, "acme/nic/1.0", 1);
    release(&world, true, "acme/nic/2.0", 2);
    must_run(&world);
    expect_good(&world, 0);
    assert_int_equal(hm_replay_pending(world.replay), 2);
    close_batch(&world, 2, "");
    must_run(&world);
    expect_good(&world, 1);
    assert_int_equal(world.batch_first, 0);
    assert_int_equal(world.batch_count, 2);
    end(&world);
}

static void test_add__tells_of_entries_that_cannot_be_judged(void **state)
{
    static const struct {
        const char *entry;
        enum hm_replay_problem problem;
    } cases[] = {
        {"junk\n", HM_REPLAY_UNKNOWN},
        {"junk", HM_REPLAY_UNREADABLE},
        {"hallmark/delivery v1\nsite example\n", HM_REPLAY_UNKNOWN},
        {"hallmark/release v1\nsite example\n", HM_REPLAY_UNREADABLE},
        {"hallmark/root v1\nsite example\nroot 1 " H " 5", HM_REPLAY_UNREADABLE},
        {"hallmark/root v1\nsite another\nroot 1 " H " 5\n", HM_REPLAY_FOREIGN},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct world world;

        begin(&world);
        release(&world, true, "acme/nic/1.0", 1);
        add(&world, false, "%s", cases[i].entry);
        close_batch(&world, 2, "");
        must_run(&world);
        expect(&world, cases[i].problem, 1);
        assert_int_equal(world.batches, 1);
        assert_int_equal(world.good, 0);
        end(&world);
    }
}

static void test_add__tells_of_a_version_released_twice(void **state)
{
    struct world world;

    begin(&world);
    release(&world, true, "acme/nic/1.0", 1);
    close_batch(&world, 1, "");
    release(&world, false, "acme/nic/1.0", 2);
    close_batch(&world, 1, "");
    must_run(&world);
    expect(&world, HM_REPLAY_REUSED, 2);
    assert_non_null(strstr(world.sentence, "acme/nic/1.0"));
    assert_non_null(strstr(world.sentence, "entry 0"));
    assert_int_equal(world.good, 1);
    /* The same bytes are no excuse. */
    release(&world, false, "acme/nic/1.0", 1);
    close_batch(&world, 1, "");
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_REUSED], 2);
    end(&world);
}

static void test_add__tells_of_batches_that_are_not_in_front(void **state)
{
    struct world world;

    /* An entry neither listed nor void. */
    begin(&world);
    release(&world, false, "acme/nic/1.0", 1);
    release(&world, true, "acme/nic/2.0", 1);
    close_batch(&world, 1, "");
    must_run(&world);
    expect(&world, HM_REPLAY_BATCH, 2);
    assert_int_equal(world.batches, 1);
    end(&world);

    /* A batch that reaches back into another. */
    begin(&world);
    release(&world, true, "acme/nic/1.0", 1);
    close_batch(&world, 1, "");
    release(&world, false, "acme/nic/2.0", 1);
    close_batch(&world, 3, "");
    must_run(&world);
    expect(&world, HM_REPLAY_BATCH, 3);
    assert_int_equal(world.batches, 1);
    assert_int_equal(hm_replay_pending(world.replay), 2);
    /* What followed is void once a later entry says so. */
    release(&world, true, "acme/nic/3.0", 1);
    close_batch(&world, 1, "void 2 2\n");
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_BATCH], 1);
    assert_int_equal(world.problems[HM_REPLAY_VOID], 1);
    assert_int_equal(world.good, 2);
    end(&world);

    /* A batch that ends before the last entry. */
    begin(&world);
    release(&world, false, "acme/nic/1.0", 1);
    release(&world, false, "acme/nic/2.0", 1);
    add(&world, false,
        "hallmark/snapshot v1\nsite example\nsnapshot 1 " H " 7\nroot 1 " H "\nmap " H
        " 0\nentries 0 1\n");
    must_run(&world);
    expect(&world, HM_REPLAY_BATCH, 2);
    assert_int_equal(world.batches, 0);
    end(&world);
}

static void test_add__tells_of_versions_that_fall(void **state)
{
    struct world world;

    begin(&world);
    close_as(&world, 0, "", 5, 3);
    close_as(&world, 0, "", 5, 3); /* the same again is fine, and so is a new root */
    close_as(&world, 0, "", 5, 4);
    must_run(&world);
    expect_good(&world, 3);
    close_as(&world, 0, "", 4, 4);
    must_run(&world);
    expect(&world, HM_REPLAY_ORDER, 3);
    close_as(&world, 0, "", 6, 3);
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_ORDER], 2);
    add(&world, false,
        "hallmark/snapshot v1\nsite example\nsnapshot 6 " H " 7\nroot 4 " H "\nmap " H
        " 0\nentries 0 0\n");
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_ORDER], 3);
    assert_non_null(strstr(world.sentence, "digest"));
    assert_int_equal(world.good, 3);
    end(&world);
}

static void test_add__tells_of_another_map_once(void **state)
{
    struct world world;

    begin(&world);
    release(&world, false, "acme/nic/1.0", 1); /* the site's map lacks it */
    close_batch(&world, 1, "");
    must_run(&world);
    expect(&world, HM_REPLAY_MAP, 1);
    release(&world, true, "acme/nic/2.0", 1);
    close_batch(&world, 1, "");
    must_run(&world);
    expect(&world, HM_REPLAY_MAP, 1);
    assert_int_equal(world.batches, 2);
    assert_int_equal(world.good, 0);
    end(&world);
}

static void test_add__skips_void_entries(void **state)
{
    struct world world;

    begin(&world);
    release(&world, true, "acme/nic/1.0", 1);
    close_batch(&world, 1, "");
    release(&world, false, "acme/nic/9.9", 2); /* 2: never closed */
    release(&world, false, "acme/nic/9.8", 2); /* 3 */
    release(&world, true, "acme/nic/2.0", 3);  /* 4 */
    release(&world, false, "acme/nic/9.7", 4); /* 5: in the batch, and void */
    close_batch(&world, 2, "void 2 2\nvoid 5 1\n");
    release(&world, true, "acme/nic/9.9", 5); /* its name is still free */
    close_batch(&world, 1, "");
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_VOID], 2);
    assert_int_equal(problem_count(&world), 2);
    assert_int_equal(world.good, 3);
    end(&world);
}

/* Goes on after HM_EAGAIN. */
static void again(struct world *world)
{
    struct hm_err err = HM_ERR_INIT;
    size_t problems = problem_count(world);
    size_t batches = world->batches;
    size_t known = world->replayed;

    assert_int_equal(hm_replay_restart(world->replay, &err), HM_OK);
    assert_int_equal(hm_replay_next(world->replay), 0);
    for (world->replayed = 0; world->replayed < known; world->replayed++)
        assert_int_equal(
            hm_replay_add(world->replay, hm_bytes_str(world->entries[world->replayed]), &err),
            HM_OK);
    /* What was told is not told again. */
    assert_int_equal(problem_count(world), problems);
    assert_int_equal(world->batches, batches);
}

static void test_restart__takes_back_what_counted(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct world world;

    begin(&world);
    release(&world, true, "acme/nic/1.0", 1);
    close_batch(&world, 1, "");
    /* A thief of the log's key: release and snapshot of his own. */
    release(&world, false, "acme/nic/6.6", 2);
    close_as(&world, 1, "", 2, 1);
    must_run(&world);
    expect(&world, HM_REPLAY_MAP, 3);
    release(&world, true, "acme/nic/2.0", 3);
    close_batch(&world, 1, "void 2 2\n");
    assert_int_equal(run(&world, &err), HM_EAGAIN);
    assert_int_equal(world.problems[HM_REPLAY_TAKEN_BACK], 1);
    again(&world);
    must_run(&world);
    assert_int_equal(problem_count(&world), 2);
    release(&world, true, "acme/nic/6.6", 4);
    close_batch(&world, 1, "");
    must_run(&world);
    assert_int_equal(problem_count(&world), 2);
    assert_int_equal(world.batches, 4);
    assert_int_equal(world.good, 3);
    end(&world);
}

static void test_restart__does_not_believe_a_void_snapshot(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct world world;

    begin(&world);
    release(&world, true, "acme/nic/1.0", 1);
    close_batch(&world, 1, "");
    /* The thief names the true release void... */
    close_as(&world, 0, "void 0 1\n", 2, 1);
    assert_int_equal(run(&world, &err), HM_EAGAIN);
    again(&world);
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_TAKEN_BACK], 1);
    /* ...and the site the thief's entry. */
    close_batch(&world, 0, "void 2 1\n");
    assert_int_equal(run(&world, &err), HM_EAGAIN);
    again(&world);
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_TAKEN_BACK], 2);
    release(&world, false, "acme/nic/1.0", 1);
    close_batch(&world, 1, "");
    must_run(&world);
    assert_int_equal(world.problems[HM_REPLAY_REUSED], 1);
    end(&world);
}

static void test_add__bounds_what_waits(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct world world;

    begin(&world);
    for (size_t i = 0; i <= HM_REPLAY_PENDING_COUNT_MAX; i++)
        assert_int_equal(hm_replay_add(world.replay, hm_bytes_str("junk\n"), &err), HM_OK);
    assert_int_equal(hm_replay_pending(world.replay), HM_REPLAY_PENDING_COUNT_MAX + 1);
    assert_int_equal(world.problems[HM_REPLAY_UNKNOWN], HM_REPLAY_PENDING_COUNT_MAX + 1);
    world.entries[0] = NULL;
    add(&world, false,
        "hallmark/snapshot v1\nsite example\nsnapshot 1 " H " 7\nroot 1 " H "\nmap " H
        " 0\nentries 1 %d\n",
        HM_REPLAY_PENDING_COUNT_MAX);
    assert_int_equal(hm_replay_add(world.replay, hm_bytes_str(world.entries[0]), &err), HM_OK);
    assert_int_equal(world.problems[HM_REPLAY_BATCH], 1);
    assert_int_equal(world.batches, 0);
    end(&world);
}

static void test_find__tells_where_a_release_stands(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct world world;
    uint64_t index = 77;

    begin(&world);
    release(&world, true, "acme/nic/1.0", 1);
    release(&world, true, "acme/nic/2.0", 1);
    must_run(&world);
    assert_int_equal(hm_replay_map_find(hm_replay_map(world.replay), "acme/nic/2.0", &err, &index),
                     HM_EUNKNOWN);
    close_batch(&world, 2, "");
    must_run(&world);
    assert_int_equal(hm_replay_map_find(hm_replay_map(world.replay), "acme/nic/2.0", &err, &index),
                     HM_OK);
    assert_int_equal(index, 1);
    index = 77;
    assert_int_equal(hm_replay_map_find(hm_replay_map(world.replay), "acme/nic/3.0", &err, &index),
                     HM_EUNKNOWN);
    assert_int_equal(hm_replay_map_find(hm_replay_map(world.replay), "acme/bmc/2.0", &err, &index),
                     HM_EUNKNOWN);
    assert_int_equal(hm_replay_map_find(hm_replay_map(world.replay), "acme", &err, &index),
                     HM_EUNKNOWN);
    assert_int_equal(index, 77);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add__computes_the_map_that_the_site_has),
        cmocka_unit_test(test_add__keeps_what_waits_for_a_snapshot),
        cmocka_unit_test(test_add__tells_of_entries_that_cannot_be_judged),
        cmocka_unit_test(test_add__tells_of_a_version_released_twice),
        cmocka_unit_test(test_add__tells_of_batches_that_are_not_in_front),
        cmocka_unit_test(test_add__tells_of_versions_that_fall),
        cmocka_unit_test(test_add__tells_of_another_map_once),
        cmocka_unit_test(test_add__skips_void_entries),
        cmocka_unit_test(test_restart__takes_back_what_counted),
        cmocka_unit_test(test_restart__does_not_believe_a_void_snapshot),
        cmocka_unit_test(test_add__bounds_what_waits),
        cmocka_unit_test(test_find__tells_where_a_release_stands),
    };

    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
