/* SPDX-License-Identifier: Apache-2.0 */
/* The log's writer: against a model of every tree, across threads, reopening and damage. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tmpdir.h"

#include "base/file.h"
#include "tlog/log.h"

#define MODEL_MAX 2048

/* What a log of the entries entry(0), entry(1)... has. */
struct model {
    struct hm_sha256 roots[MODEL_MAX + 1];
    struct hm_sha256 leaves[MODEL_MAX];
};

struct world {
    struct hm_dir private_dir;
    struct hm_dir public_dir;
    struct hm_log *log;
};

static struct model model;

static size_t entry_text(uint64_t index, char ret_text[64])
{
    return (size_t)snprintf(ret_text, 64, "entry %llu of the test", (unsigned long long)index);
}

static int make_model(void **state)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_merkle_frontier frontier = {.size = 0};
    char text[64];

    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest), HM_OK);
    for (uint64_t i = 0; i <= MODEL_MAX; i++) {
        assert_int_equal(hm_merkle_frontier_root(digest, &frontier, NULL, &model.roots[i]), HM_OK);
        if (i == MODEL_MAX)
            break;
        assert_int_equal(hm_merkle_leaf(digest, hm_bytes_make(text, entry_text(i, text)), NULL,
                                        &model.leaves[i]),
                         HM_OK);
        assert_int_equal(hm_merkle_frontier_add(digest, &frontier, &model.leaves[i], NULL, NULL),
                         HM_OK);
    }
    return 0;
}

static struct world world_of(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct world world = {.private_dir = HM_DIR_INIT, .public_dir = HM_DIR_INIT};

    assert_int_equal(hm_dir_open_at(dir, "private", true, NULL, &world.private_dir), HM_OK);
    assert_int_equal(hm_dir_open_at(dir, "public", true, NULL, &world.public_dir), HM_OK);
    return world;
}

static void world_done(struct world *world)
{
    hm_log_free(world->log);
    hm_dir_done(&world->private_dir);
    hm_dir_done(&world->public_dir);
}

static void open_log(struct world *world)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_log_open(&world->private_dir, &world->public_dir, &err, &world->log);

    if (rc != HM_OK)
        fail_msg("%s: %s", hm_error_name(rc), err.text);
}

static void close_log(struct world *world)
{
    hm_log_free(world->log);
    world->log = NULL;
}

static void reopen(struct world *world)
{
    close_log(world);
    open_log(world);
}

static uint64_t size_of(struct world *world)
{
    struct hm_log_head head;

    hm_log_head(world->log, &head);
    return head.size;
}

/* Appends the next count entries of the model. */
static enum hm_rc try_append(struct world *world, size_t count, struct hm_err *err)
{
    struct hm_bytes *entries = calloc(count + 1, sizeof(*entries));
    char(*texts)[64] = calloc(count + 1, sizeof(*texts));
    uint64_t size = size_of(world);
    uint64_t first = UINT64_MAX;
    enum hm_rc rc;

    assert_true(entries != NULL && texts != NULL);
    for (size_t i = 0; i < count; i++)
        entries[i] = hm_bytes_make(texts[i], entry_text(size + i, texts[i]));
    rc = hm_log_append(world->log, entries, count, err, &first);
    assert_true(rc == HM_OK ? first == size : first == UINT64_MAX);
    free(entries);
    free(texts);
    return rc;
}

static void append(struct world *world, size_t count)
{
    assert_int_equal(try_append(world, count, NULL), HM_OK);
}

static void settle(struct world *world)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_log_settle(world->log, &err) != HM_OK)
        fail_msg("%s", err.text);
}

/* The head is the model's. */
static void check_head(struct world *world, uint64_t size)
{
    struct hm_log_head head;

    hm_log_head(world->log, &head);
    assert_int_equal(head.size, size);
    assert_memory_equal(head.root.bytes, model.roots[size].bytes, HM_SHA256_SIZE);
}

static void check_entry(struct world *world, uint64_t index)
{
    _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    char text[64];

    assert_int_equal(hm_log_entry(world->log, index, NULL, &entry), HM_OK);
    assert_int_equal(entry.size, entry_text(index, text));
    assert_memory_equal(entry.data, text, entry.size);
}

static void check_inclusion(struct world *world, uint64_t index, uint64_t size)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_merkle_proof proof;

    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest), HM_OK);
    assert_int_equal(hm_log_prove_inclusion(world->log, index, size, NULL, &proof), HM_OK);
    assert_int_equal(hm_merkle_verify_inclusion(digest, &model.leaves[index], index, size,
                                                proof.hashes, proof.count, &model.roots[size],
                                                NULL),
                     HM_OK);
}

static void check_consistency(struct world *world, uint64_t old_size, uint64_t size)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_merkle_proof proof;
    struct hm_sha256 root;

    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest), HM_OK);
    assert_int_equal(hm_log_root(world->log, old_size, NULL, &root), HM_OK);
    assert_memory_equal(root.bytes, model.roots[old_size].bytes, HM_SHA256_SIZE);
    assert_int_equal(hm_log_prove_consistency(world->log, old_size, size, NULL, &proof), HM_OK);
    assert_int_equal(hm_merkle_verify_consistency(digest, old_size, &model.roots[old_size], size,
                                                  &model.roots[size], proof.hashes, proof.count,
                                                  NULL),
                     HM_OK);
}

static enum hm_rc read_public(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                              struct hm_bytes *ret_bytes)
{
    static uint8_t bytes[HM_TILE_SIZE_MAX];
    const struct world *world = ctx;
    _hm_done_(hm_buf_done) struct hm_buf found = HM_BUF_INIT(HM_TILE_SIZE_MAX);
    char path[HM_TILE_PATH_SIZE];

    hm_tile_path(tile, path);
    HM_TRY(hm_dir_read(&world->public_dir, path, err, &found));
    memcpy(bytes, found.data, found.size);
    *ret_bytes = hm_bytes_make(bytes, found.size);
    return HM_OK;
}

/* The public folder alone gives the tree of this size, and its entries. */
static void check_public(struct world *world, uint64_t size)
{
    const struct hm_tile_reader reader = {.get = read_public, .ctx = world};
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_tile_source source;
    struct hm_sha256 root;

    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest), HM_OK);
    hm_tile_source_init(&source, digest, &reader, size);
    assert_int_equal(hm_merkle_root(digest, &source.source, size, NULL, &root), HM_OK);
    assert_memory_equal(root.bytes, model.roots[size].bytes, HM_SHA256_SIZE);
    for (uint64_t index = 0;; index++) {
        struct hm_tile tile = hm_tile_make(HM_TILE_ENTRIES, 0, index, size);
        _hm_done_(hm_buf_done) struct hm_buf bundle = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
        static struct hm_bytes entries[HM_TILE_WIDTH];
        char path[HM_TILE_PATH_SIZE];
        char text[64];

        if (tile.width == 0)
            break;
        hm_tile_path(&tile, path);
        assert_int_equal(hm_dir_read(&world->public_dir, path, NULL, &bundle), HM_OK);
        assert_int_equal(hm_tile_bundle_parse(hm_buf_bytes(&bundle), tile.width, NULL, entries),
                         HM_OK);
        for (unsigned i = 0; i < tile.width; i++) {
            size_t length = entry_text(index * HM_TILE_WIDTH + i, text);

            assert_true(hm_bytes_is_equal(entries[i], hm_bytes_make(text, length)));
        }
    }
}

static bool has(struct world *world, const char *path)
{
    return hm_dir_has(&world->public_dir, path);
}

/* --- appending -------------------------------------------------------------------------------- */

static void test_open__begins_an_empty_log(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);

    open_log(&world);
    check_head(&world, 0);
    settle(&world);
    assert_false(has(&world, "tile"));
    reopen(&world);
    check_head(&world, 0);
}

static void test_append__grows_as_the_model_does(void **state)
{
    static const size_t counts[] = {1, 1, 2, 60, 191, 1, 1, 255, 256, 257, 3, 512, 100};
    _hm_done_(world_done) struct world world = world_of(state);
    uint64_t size = 0;

    open_log(&world);
    for (size_t i = 0; i < HM_ARRAY_COUNT(counts); i++) {
        append(&world, counts[i]);
        size += counts[i];
        check_head(&world, size);
        for (uint64_t index = 0; index < size; index += 97)
            check_entry(&world, index);
        check_entry(&world, size - 1);
        if (i % 3 == 1)
            reopen(&world);
        if (i % 3 == 2) {
            settle(&world);
            check_public(&world, size);
        }
        check_head(&world, size);
    }
}

static void test_append__refuses_what_is_too_much(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    uint8_t *large = calloc(1, HM_TILE_ENTRY_SIZE_MAX + 1);
    struct hm_bytes *entries = calloc(HM_LOG_APPEND_COUNT_MAX + 1, sizeof(*entries));
    uint64_t first = 7;

    assert_true(large != NULL && entries != NULL);
    open_log(&world);
    assert_int_equal(hm_log_append(world.log, entries, 0, NULL, &first), HM_EUSAGE);
    assert_int_equal(hm_log_append(world.log, entries, HM_LOG_APPEND_COUNT_MAX + 1, NULL, &first),
                     HM_EUSAGE);
    entries[1] = hm_bytes_make(large, HM_TILE_ENTRY_SIZE_MAX + 1);
    assert_int_equal(hm_log_append(world.log, entries, 2, NULL, &first), HM_EUSAGE);
    for (size_t i = 0; i < 1025; i++)
        entries[i] = hm_bytes_make(large, HM_TILE_ENTRY_SIZE_MAX);
    assert_int_equal(hm_log_append(world.log, entries, 1025, NULL, &first), HM_EUSAGE);
    assert_int_equal(first, 7);
    check_head(&world, 0);
    /* As much as goes, and entries of no bytes. */
    assert_int_equal(hm_log_append(world.log, entries, 1024, NULL, &first), HM_OK);
    assert_int_equal(first, 0);
    memset(entries, 0, (HM_LOG_APPEND_COUNT_MAX + 1) * sizeof(*entries));
    assert_int_equal(hm_log_append(world.log, entries, HM_LOG_APPEND_COUNT_MAX, NULL, &first),
                     HM_OK);
    assert_int_equal(first, 1024);
    reopen(&world);
    assert_int_equal(size_of(&world), 1024 + HM_LOG_APPEND_COUNT_MAX);
    free(large);
    free(entries);
}

/* --- proofs ----------------------------------------------------------------------------------- */

static void check_proofs(struct world *world)
{
    static const uint64_t sizes[] = {1, 2, 3, 255, 256, 257, 511, 512, 700, 1024, 1025, 1300};
    uint64_t end = size_of(world);

    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes) && sizes[i] <= end; i++) {
        check_inclusion(world, 0, sizes[i]);
        check_inclusion(world, sizes[i] - 1, sizes[i]);
        check_inclusion(world, sizes[i] / 2, sizes[i]);
        check_consistency(world, 0, sizes[i]);
        for (size_t j = 0; j <= i; j++)
            check_consistency(world, sizes[j], sizes[i]);
    }
}

static void test_prove__gives_proofs_that_verify(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);

    open_log(&world);
    append(&world, 700);
    check_proofs(&world); /* out of memory */
    settle(&world);
    append(&world, 600);
    check_proofs(&world);
    reopen(&world);
    check_proofs(&world);
}

static void test_prove__refuses_what_is_beyond_the_tree(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    struct hm_merkle_proof proof;

    open_log(&world);
    append(&world, 10);
    assert_int_equal(hm_log_entry(world.log, 10, NULL, &entry), HM_EUSAGE);
    assert_int_equal(hm_log_entry(world.log, UINT64_MAX, NULL, &entry), HM_EUSAGE);
    assert_int_equal(hm_log_prove_inclusion(world.log, 10, 10, NULL, &proof), HM_EUSAGE);
    assert_int_equal(hm_log_prove_inclusion(world.log, 5, 5, NULL, &proof), HM_EUSAGE);
    assert_int_equal(hm_log_prove_inclusion(world.log, 0, 0, NULL, &proof), HM_EUSAGE);
    assert_int_equal(hm_log_prove_inclusion(world.log, 0, 11, NULL, &proof), HM_EUSAGE);
    assert_int_equal(hm_log_prove_consistency(world.log, 3, 11, NULL, &proof), HM_EUSAGE);
    assert_int_equal(hm_log_root(world.log, 11, NULL, &(struct hm_sha256){{0}}), HM_EUSAGE);
    assert_int_equal(hm_log_prove_consistency(world.log, 4, 3, NULL, &proof), HM_EUSAGE);
    assert_int_equal(hm_log_prove_consistency(world.log, UINT64_MAX, UINT64_MAX, NULL, &proof),
                     HM_EUSAGE);
}

/* --- tiles ------------------------------------------------------------------------------------ */

static void test_settle__makes_tiles_and_keeps_few_partial_ones(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);

    open_log(&world);
    append(&world, 5);
    settle(&world);
    assert_true(has(&world, "tile/0/000.p/5") && has(&world, "tile/entries/000.p/5"));
    append(&world, 5);
    settle(&world);
    assert_true(has(&world, "tile/0/000.p/10") && has(&world, "tile/entries/000.p/10"));
    assert_false(has(&world, "tile/0/000.p/5") || has(&world, "tile/entries/000.p/5"));
    append(&world, 246);
    settle(&world);
    assert_true(has(&world, "tile/0/000") && has(&world, "tile/entries/000"));
    assert_true(has(&world, "tile/1/000.p/1"));
    assert_false(has(&world, "tile/0/000.p") || has(&world, "tile/entries/000.p"));
    append(&world, 257);
    settle(&world);
    assert_true(has(&world, "tile/0/001") && has(&world, "tile/0/002.p/1"));
    assert_true(has(&world, "tile/1/000.p/2") && !has(&world, "tile/1/000.p/1"));
    check_public(&world, 513);
}

static void test_settle__keeps_what_the_published_checkpoint_needs(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    static const char note[] = "o\n5\nSFh+ZoCoNsFnUkiAgB1lJ6LBkF+zK0eDd8sXBQw+2Ak=\n\n"
                               "\xe2\x80\x94 o AAAAAAAA\n";

    open_log(&world);
    append(&world, 5);
    settle(&world);
    assert_int_equal(
        hm_file_replace(&world.public_dir, "checkpoint", 0644, hm_bytes_str(note), NULL), HM_OK);
    append(&world, 5);
    settle(&world);
    assert_true(has(&world, "tile/0/000.p/5") && has(&world, "tile/entries/000.p/5"));
    append(&world, 5);
    settle(&world);
    assert_true(has(&world, "tile/0/000.p/5") && has(&world, "tile/0/000.p/15"));
    assert_false(has(&world, "tile/0/000.p/10"));
    check_public(&world, 5);
    check_public(&world, 15);
    assert_int_equal(hm_dir_remove(&world.public_dir, "checkpoint", NULL), HM_OK);
    append(&world, 1);
    settle(&world);
    assert_false(has(&world, "tile/0/000.p/5") || has(&world, "tile/0/000.p/15"));
}

static void test_open__makes_tiles_that_are_missing_or_wrong(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);

    open_log(&world);
    append(&world, 300);
    close_log(&world); /* not settled */
    open_log(&world);
    check_public(&world, 300);
    close_log(&world);
    assert_int_equal(hm_file_replace(&world.public_dir, "tile/0/000", 0644,
                                     HM_BYTES_LITERAL("something else"), NULL),
                     HM_OK);
    assert_int_equal(hm_dir_remove_tree(&world.public_dir, "tile/entries", NULL), HM_OK);
    open_log(&world);
    check_public(&world, 300);
    check_head(&world, 300);
}

/* --- signing ---------------------------------------------------------------------------------- */

struct keys {
    struct hm_signer *signer;
    struct hm_note_key *key;
};

static void keys_done(struct keys *keys)
{
    hm_signer_free(keys->signer);
    hm_note_key_free(keys->key);
}

static struct keys make_keys(void)
{
    struct keys keys = {NULL, NULL};

    assert_int_equal(hm_signer_generate("ed25519", NULL, &keys.signer), HM_OK);
    assert_int_equal(hm_note_key_make("example/log", HM_NOTE_ED25519, hm_signer_key(keys.signer),
                                      NULL, &keys.key),
                     HM_OK);
    return keys;
}

/* Puts the checkpoint of what there is into the public folder. */
static void publish(struct world *world, const struct keys *keys)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    assert_int_equal(hm_log_sign(world->log, keys->key, keys->signer, NULL, &note), HM_OK);
    assert_int_equal(
        hm_file_replace(&world->public_dir, "checkpoint", 0644, hm_buf_bytes(&note), NULL), HM_OK);
}

static enum hm_rc try_sign(struct world *world, const struct keys *keys)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_log_sign(world->log, keys->key, keys->signer, &err, &note);

    if (rc == HM_EROLLBACK)
        assert_non_null(strstr(err.text, "old backup"));
    if (rc != HM_OK)
        assert_int_equal(note.size, 0);
    return rc;
}

/* Records put back to what they were at 100 entries, and others appended since. */
static void test_sign__contradicts_nothing_that_was_published(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    _hm_done_(keys_done) struct keys keys = make_keys();
    _hm_done_(keys_done) struct keys others = make_keys();
    _hm_done_(hm_buf_done) struct hm_buf backup = HM_BUF_INIT(1 << 20);
    const struct hm_bytes other = HM_BYTES_LITERAL("another entry");
    uint64_t first;

    open_log(&world);
    append(&world, 100);
    publish(&world, &keys);
    close_log(&world);
    assert_int_equal(hm_dir_read(&world.private_dir, "records", NULL, &backup), HM_OK);
    open_log(&world);
    append(&world, 1);
    publish(&world, &keys);
    assert_int_equal(try_sign(&world, &keys), HM_OK);
    close_log(&world);
    assert_int_equal(
        hm_file_replace(&world.private_dir, "records", 0600, hm_buf_bytes(&backup), NULL), HM_OK);
    open_log(&world);
    assert_int_equal(size_of(&world), 100);
    assert_int_equal(try_sign(&world, &keys), HM_EROLLBACK); /* fewer */
    assert_int_equal(hm_log_append(world.log, &other, 1, NULL, &first), HM_OK);
    assert_int_equal(try_sign(&world, &keys), HM_EROLLBACK); /* as many others */
    /* A checkpoint by nobody known stops nothing. */
    assert_int_equal(try_sign(&world, &others), HM_OK);
}

static void test_sign__writes_the_checkpoint_of_what_is_settled(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    _hm_done_(keys_done) struct keys keys = make_keys();
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const struct hm_note_key *key = keys.key;

    open_log(&world);
    append(&world, 300);
    assert_int_equal(hm_log_sign(world.log, keys.key, keys.signer, NULL, &note), HM_OK);
    check_public(&world, 300);
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), HM_BYTES_LITERAL("example/log"), &key,
                                        1, NULL, &checkpoint),
                     HM_OK);
    assert_int_equal(checkpoint->body.size, 300);
    assert_memory_equal(checkpoint->body.root.bytes, model.roots[300].bytes, HM_SHA256_SIZE);
    assert_int_equal(checkpoint->body.extension.size, 0);
    /* The tree that was signed keeps its partial tiles until it could be published. */
    append(&world, 1);
    settle(&world);
    check_public(&world, 300);
    check_public(&world, 301);
}

/* --- who may write ---------------------------------------------------------------------------- */

static void test_open__is_for_one_at_a_time(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    struct hm_log *second = NULL;

    open_log(&world);
    append(&world, 1);
    assert_int_equal(hm_log_open(&world.private_dir, &world.public_dir, NULL, &second), HM_EBUSY);
    assert_null(second);
    append(&world, 1);
    close_log(&world);
    assert_int_equal(hm_log_open(&world.private_dir, &world.public_dir, NULL, &second), HM_OK);
    hm_log_free(second);
}

static void test_open__refuses_a_public_log_without_records(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    struct hm_err err = HM_ERR_INIT;

    open_log(&world);
    append(&world, 1);
    settle(&world);
    close_log(&world);
    assert_int_equal(hm_dir_remove(&world.private_dir, "records", NULL), HM_OK);
    assert_int_equal(hm_log_open(&world.private_dir, &world.public_dir, &err, &world.log),
                     HM_EFORMAT);
    assert_non_null(strstr(err.text, "restore it from a backup"));
}

/* --- hostile tiles ---------------------------------------------------------------------------- */

/* Grows until the first tiles are known by the public folder alone: the records are trimmed once
 * they are a MiB. */
static void fill_beyond_trimming(struct world *world)
{
    static uint8_t large[4096];
    struct hm_bytes entries[256];
    uint64_t first;

    for (size_t i = 0; i < HM_ARRAY_COUNT(entries); i++)
        entries[i] = hm_bytes_make(large, sizeof(large));
    append(world, 512);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(hm_log_append(world->log, entries, HM_ARRAY_COUNT(entries), NULL, &first),
                         HM_OK);
    settle(world);
}

static void change_byte(struct world *world, const char *path, size_t offset)
{
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);

    assert_int_equal(hm_dir_read(&world->public_dir, path, NULL, &bytes), HM_OK);
    assert_true(offset < bytes.size);
    bytes.data[offset] ^= 1;
    assert_int_equal(hm_file_replace(&world->public_dir, path, 0644, hm_buf_bytes(&bytes), NULL),
                     HM_OK);
}

static void test_prove__believes_no_tile_that_was_changed(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    struct hm_merkle_proof proof;

    open_log(&world);
    fill_beyond_trimming(&world);
    check_entry(&world, 3);
    check_inclusion(&world, 3, 512);
    change_byte(&world, "tile/entries/000", 9);
    assert_int_equal(hm_log_entry(world.log, 0, NULL, &entry), HM_EMISMATCH);
    check_entry(&world, 3); /* another entry of the same bundle is what it was */
    change_byte(&world, "tile/entries/000", 0);
    assert_int_equal(hm_log_entry(world.log, 3, NULL, &entry), HM_EMISMATCH);
    change_byte(&world, "tile/0/001", 100);
    assert_int_equal(hm_log_prove_inclusion(world.log, 256 + 4, 512, NULL, &proof), HM_EMISMATCH);
    assert_int_equal(hm_log_prove_consistency(world.log, 300, 512, NULL, &proof), HM_EMISMATCH);
    assert_int_equal(hm_log_root(world.log, 300, NULL, &(struct hm_sha256){{0}}), HM_EMISMATCH);
    assert_int_equal(hm_dir_remove(&world.public_dir, "tile/0/000", NULL), HM_OK);
    assert_int_equal(hm_log_prove_inclusion(world.log, 3, 256, NULL, &proof), HM_EMISMATCH);
    assert_int_equal(
        hm_file_replace(&world.public_dir, "tile/0/000", 0644, HM_BYTES_LITERAL("short"), NULL),
        HM_OK);
    assert_int_equal(hm_log_prove_inclusion(world.log, 3, 256, NULL, &proof), HM_EMISMATCH);
    assert_int_equal(entry.size, 0);
    /* Appending goes on: it needs nothing of the public folder. */
    assert_int_equal(hm_log_append(world.log, (struct hm_bytes[]){HM_BYTES_LITERAL("x")}, 1, NULL,
                                   &(uint64_t){0}),
                     HM_OK);
    settle(&world);
}

static void test_open__knows_the_tree_after_trimming(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    struct hm_log_head before;
    struct hm_log_head after;
    struct stat st;

    open_log(&world);
    fill_beyond_trimming(&world);
    hm_log_head(world.log, &before);
    assert_int_equal(before.size, 1024);
    assert_int_equal(fstatat(world.private_dir.fd, "records", &st, 0), 0);
    assert_true(st.st_size < 1024);
    reopen(&world);
    hm_log_head(world.log, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    check_inclusion(&world, 3, 512);
    check_consistency(&world, 300, 512);
}

/* --- threads ---------------------------------------------------------------------------------- */

#define THREADS    8
#define PER_THREAD 200

struct appender {
    struct world *world;
    unsigned number;
    uint64_t firsts[PER_THREAD];
};

static void *run_appender(void *ctx)
{
    struct appender *appender = ctx;

    for (unsigned i = 0; i < PER_THREAD; i++) {
        char text[2][32];
        struct hm_bytes entries[2];
        size_t count = 1 + (i + appender->number) % 2;

        for (size_t j = 0; j < count; j++)
            entries[j] = hm_bytes_make(
                text[j], (size_t)snprintf(text[j], 32, "%u %u %zu", appender->number, i, j));
        if (hm_log_append(appender->world->log, entries, count, NULL, &appender->firsts[i]) !=
            HM_OK)
            return appender;
        if (i % 50 == 7 && hm_log_settle(appender->world->log, NULL) != HM_OK)
            return appender;
    }
    return NULL;
}

static void check_appender(struct world *world, const struct appender *appender)
{
    for (unsigned i = 0; i < PER_THREAD; i++) {
        for (size_t j = 0; j < 1 + (i + appender->number) % 2; j++) {
            _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
            char text[32];

            (void)snprintf(text, sizeof(text), "%u %u %zu", appender->number, i, j);
            assert_int_equal(hm_log_entry(world->log, appender->firsts[i] + j, NULL, &entry),
                             HM_OK);
            assert_string_equal(hm_buf_str(&entry), text);
        }
    }
}

static void test_append__gives_each_thread_its_own_places(void **state)
{
    _hm_done_(world_done) struct world world = world_of(state);
    struct appender *appenders = calloc(THREADS, sizeof(*appenders));
    pthread_t threads[THREADS];

    assert_non_null(appenders);
    open_log(&world);
    for (unsigned i = 0; i < THREADS; i++) {
        appenders[i].world = &world;
        appenders[i].number = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run_appender, &appenders[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(size_of(&world), THREADS * PER_THREAD * 3 / 2);
    for (unsigned i = 0; i < THREADS; i++)
        check_appender(&world, &appenders[i]);
    reopen(&world);
    for (unsigned i = 0; i < THREADS; i++)
        check_appender(&world, &appenders[i]);
    free(appenders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_open__begins_an_empty_log),
        tmpdir_test(test_append__grows_as_the_model_does),
        tmpdir_test(test_append__refuses_what_is_too_much),
        tmpdir_test(test_prove__gives_proofs_that_verify),
        tmpdir_test(test_prove__refuses_what_is_beyond_the_tree),
        tmpdir_test(test_settle__makes_tiles_and_keeps_few_partial_ones),
        tmpdir_test(test_settle__keeps_what_the_published_checkpoint_needs),
        tmpdir_test(test_open__makes_tiles_that_are_missing_or_wrong),
        tmpdir_test(test_sign__writes_the_checkpoint_of_what_is_settled),
        tmpdir_test(test_sign__contradicts_nothing_that_was_published),
        tmpdir_test(test_open__is_for_one_at_a_time),
        tmpdir_test(test_open__refuses_a_public_log_without_records),
        tmpdir_test(test_prove__believes_no_tile_that_was_changed),
        tmpdir_test(test_open__knows_the_tree_after_trimming),
        tmpdir_test(test_append__gives_each_thread_its_own_places),
    };

    return cmocka_run_group_tests(tests, make_model, NULL);
}
