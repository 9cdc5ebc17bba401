/* SPDX-License-Identifier: Apache-2.0 */
/* trust/history: a log that is true is told nothing of; each way in which an entry, a snapshot or a
 * role can be false is told, by its kind. */
#include "unit.h"

#include "base/text.h"
#include "history_kit.h"

struct world {
    struct history_kit kit;
    struct hm_history *history;
    struct hm_replay *replay;
    size_t replayed;
    size_t found[HM_HISTORY_KIND_COUNT_];
    char subject[HM_HISTORY_KIND_COUNT_][256];
    char sentence[HM_HISTORY_KIND_COUNT_][HM_ERR_TEXT_MAX];
    size_t problems;
    struct hm_sha256 denied;
};

static enum hm_rc see(void *ctx, enum hm_history_kind kind, const char *subject,
                      const char *sentence, struct hm_err *err)
{
    struct world *world = ctx;

    world->found[kind]++;
    (void)snprintf(world->subject[kind], sizeof(world->subject[kind]), "%s", subject);
    (void)snprintf(world->sentence[kind], sizeof(world->sentence[kind]), "%s", sentence);
    return HM_OK;
}

static enum hm_rc see_batch(void *ctx, const struct hm_replay_batch *batch, struct hm_err *err)
{
    struct world *world = ctx;

    return hm_history_check(world->history, batch, hm_replay_map(world->replay), err);
}

static enum hm_rc see_problem(void *ctx, enum hm_replay_problem problem, uint64_t index,
                              const char *sentence, struct hm_err *err)
{
    struct world *world = ctx;

    world->problems++;
    return HM_OK;
}

static enum hm_rc open_with(struct world *world, struct hm_bytes root, struct hm_err *err)
{
    struct hm_history_config config = {
        .source = history_kit_metadata(&world->kit),
        .makers = history_kit_makers(&world->kit),
        .entries = history_kit_entries(&world->kit),
        .sink = {.find = see, .ctx = world},
        .root = root,
        .denied = &world->denied,
        .denied_count = 1,
    };

    return hm_history_open(&config, err, &world->history);
}

static enum hm_rc open_world(struct world *world, struct hm_err *err)
{
    return open_with(world, history_kit_served(&world->kit, "metadata/1.root.json"), err);
}

/* A site with its first batch open. */
static int setup(void **state)
{
    static struct world world;
    const struct hm_replay_sink sink = {.batch = see_batch, .problem = see_problem, .ctx = &world};
    struct hm_replay_entries entries;
    struct hm_err err = HM_ERR_INIT;

    world = (struct world){.replayed = 0};
    history_kit_init(&world.kit, "{\"site\":\"globex\"}");
    entries = history_kit_entries(&world.kit);
    assert_int_equal(hm_replay_new("globex", &entries, &sink, NULL, &world.replay), HM_OK);
    if (open_world(&world, &err) != HM_OK)
        fail_msg("%s", err.text);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    hm_history_free(world->history);
    hm_replay_free(world->replay);
    history_kit_done(&world->kit);
    return 0;
}

static enum hm_rc run(struct world *world, struct hm_err *err)
{
    for (; world->replayed < world->kit.count; world->replayed++)
        HM_TRY(
            hm_replay_add(world->replay, hm_bytes_str(world->kit.entries[world->replayed]), err));
    return HM_OK;
}

static void must_run(struct world *world)
{
    struct hm_err err = HM_ERR_INIT;

    if (run(world, &err) != HM_OK)
        fail_msg("%s", err.text);
}

static void forget(struct world *world)
{
    memset(world->found, 0, sizeof(world->found));
    world->problems = 0;
}

/* Closes the batch and replays it. */
static void publish(struct world *world)
{
    history_kit_close(&world->kit);
    must_run(world);
}

/* Publishes the first batch, which is good. */
static struct history_kit *begin(void **state)
{
    struct world *world = *state;

    publish(world);
    for (size_t i = 0; i < HM_HISTORY_KIND_COUNT_; i++) {
        if (world->found[i] != 0)
            fail_msg("%s: %s", hm_history_kind_name((enum hm_history_kind)i), world->sentence[i]);
    }
    return &world->kit;
}

static void check_kinds(struct world *world, const size_t *wanted)
{
    for (size_t i = 0; i < HM_HISTORY_KIND_COUNT_; i++) {
        if (world->found[i] != wanted[i])
            fail_msg("%s: %zu, not %zu: %s", hm_history_kind_name((enum hm_history_kind)i),
                     world->found[i], wanted[i], world->sentence[i]);
    }
}

/* Just this kind was found, so often, the last time about this subject; all are forgotten then. */
static void expect(void **state, enum hm_history_kind kind, size_t count, const char *subject)
{
    struct world *world = *state;
    size_t wanted[HM_HISTORY_KIND_COUNT_] = {0};

    wanted[kind] = count;
    check_kinds(world, wanted);
    if (count > 0)
        assert_string_equal(world->subject[kind], subject);
    forget(world);
}

static void expect_nothing(void **state)
{
    expect(state, HM_HISTORY_MISSING, 0, "");
}

/* A release of acme that is put, signed and logged, with nothing wrong. */
static void release(struct history_kit *kit, const char *path, const char *file, char letter)
{
    char name[256];

    (void)snprintf(name, sizeof(name), "%s/%s", path, file);
    history_kit_put(kit, name, letter);
    history_kit_sign(kit, "release~acme");
    history_kit_sign(kit, "maker~acme");
    history_kit_release(kit, path);
}

/* ---- what is true ---------------------------------------------------------------------------- */

static void test_check__says_nothing_of_a_true_log(void **state)
{
    struct history_kit *kit = begin(state);

    release(kit, "acme/nic/3.0", "boot.rom", 'k');
    publish(*state);
    expect_nothing(state);
    publish(*state); /* nothing new but the snapshot */
    expect_nothing(state);
    history_kit_put(kit, "bolt/disk/1/f.bin", 'q');
    history_kit_sign(kit, "release~bolt");
    history_kit_release(kit, "bolt/disk/1");
    publish(*state);
    expect_nothing(state);
    assert_int_equal(((struct world *)*state)->problems, 0);
}

static void test_check__follows_a_new_root(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;

    kit->online = KIT_BOLT;
    history_kit_root(kit);
    history_kit_root_entry(kit);
    publish(world);
    /* Of snapshot and timestamp, and that there is one. */
    expect(state, HM_HISTORY_KEYS, 3, "root");
    assert_int_equal(hm_history_newest_root(world->history)->document.version, 2);
    publish(world);
    expect_nothing(state);
}

static void test_check__takes_what_a_maker_signed_and_the_site_did_not_release(void **state)
{
    struct history_kit *kit = begin(state);

    kit_put(kit->site.maker_role, "acme/nic/9.0/boot.rom", 5, 'z', NULL);
    history_kit_sign(kit, "maker~acme");
    publish(*state);
    expect_nothing(state);
}

static void test_start__goes_on_where_another_run_was(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct hm_err err = HM_ERR_INIT;

    hm_history_free(world->history);
    world->history = NULL;
    assert_int_equal(open_world(world, &err), HM_OK);
    assert_int_equal(hm_entry_parse(hm_bytes_str(kit->entries[kit->count - 1]), NULL, &entry),
                     HM_OK);
    assert_int_equal(hm_history_start(world->history, entry, &err), HM_OK);
    release(kit, "acme/nic/3.0", "boot.rom", 'k');
    publish(world);
    expect_nothing(state);
}

static void test_start__keeps_the_versions_that_were_there(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct hm_err err = HM_ERR_INIT;

    history_kit_sign(kit, "release~bolt");
    publish(world);
    hm_history_free(world->history);
    world->history = NULL;
    assert_int_equal(open_world(world, &err), HM_OK);
    assert_int_equal(hm_entry_parse(hm_bytes_str(kit->entries[kit->count - 1]), NULL, &entry),
                     HM_OK);
    assert_int_equal(hm_history_start(world->history, entry, &err), HM_OK);
    history_kit_sign_as(kit, "release~bolt", kit->bolt, 1, &(enum kit_key){KIT_RELEASE}, 1);
    forget(world);
    publish(world);
    expect(state, HM_HISTORY_ROLLBACK, 1, "release~bolt");
}

static void test_start__fails_where_the_state_is_gone(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_entry_parse(hm_bytes_str(kit->entries[kit->count - 1]), NULL, &entry),
                     HM_OK);
    history_kit_withdraw(kit, "metadata/1.targets.json");
    assert_int_equal(hm_history_start(world->history, entry, &err), HM_EAGAIN);
    kit->broken = "snapshot";
    assert_int_equal(hm_history_start(world->history, entry, &err), HM_ENETWORK);
}

static void test_miss__makes_no_news_of_what_was_there(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;
    struct hm_err err = HM_ERR_INIT;

    hm_history_free(world->history);
    world->history = NULL;
    assert_int_equal(open_world(world, &err), HM_OK);
    hm_history_miss(world->history);
    release(kit, "acme/nic/3.0", "boot.rom", 'k');
    publish(world);
    expect_nothing(state);
    /* From there on all is compared again. */
    history_kit_put(kit, "acme/nic/4.0/boot.rom", 'l');
    history_kit_sign(kit, "maker~acme");
    history_kit_sign(kit, "release~acme");
    publish(world);
    expect(state, HM_HISTORY_UNLOGGED, 1, "acme/nic/4.0");
}

/* ---- roots ----------------------------------------------------------------------------------- */

static void test_open__refuses_another_chain_of_roots(void **state)
{
    struct world *world = *state;
    struct hm_bytes served = history_kit_served(&world->kit, "metadata/1.root.json");
    _hm_done_(hm_buf_done) struct hm_buf anchor = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_buf_append(&anchor, served, NULL), HM_OK);
    hm_history_free(world->history);
    world->history = NULL;
    /* Another root 1 in its place. */
    world->kit.root_version = 0;
    world->kit.expires++;
    history_kit_root(&world->kit);
    assert_int_equal(open_with(world, hm_buf_bytes(&anchor), &err), HM_EREFUSED);
    history_kit_withdraw(&world->kit, "metadata/1.root.json");
    assert_int_equal(open_with(world, hm_buf_bytes(&anchor), &err), HM_ENOTFOUND);
    history_kit_serve(&world->kit, "metadata/1.root.json", hm_buf_bytes(&anchor));
    assert_int_equal(open_with(world, hm_buf_bytes(&anchor), &err), HM_OK);
}

static void test_check__tells_of_a_root_without_an_entry(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_root(kit);
    history_kit_root(kit);
    history_kit_root_entry(kit); /* of root 3 alone: root 2 is skipped */
    publish(*state);
    assert_int_equal(((struct world *)*state)->found[HM_HISTORY_UNLOGGED], 1);
    assert_string_equal(((struct world *)*state)->subject[HM_HISTORY_UNLOGGED], "root");
}

static void test_check__tells_of_a_root_that_is_not_served(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_root(kit);
    history_kit_root_entry(kit);
    history_kit_withdraw(kit, "metadata/2.root.json");
    publish(*state);
    expect(state, HM_HISTORY_MISSING, 1, "root");
}

static void test_check__tells_of_a_root_that_the_one_before_did_not_sign(void **state)
{
    struct history_kit *kit = begin(state);
    struct hm_bytes first = history_kit_served(kit, "metadata/1.root.json");

    history_kit_root(kit);
    history_kit_root_entry(kit);
    history_kit_serve(kit, "metadata/2.root.json", first);
    publish(*state);
    expect(state, HM_HISTORY_ROLLBACK, 1, "root");
}

static void test_check__tells_of_a_root_that_goes_back(void **state)
{
    struct history_kit *kit = begin(state);
    struct hm_entry_document first = kit->root;

    history_kit_root(kit);
    history_kit_root_entry(kit);
    publish(*state);
    forget(*state);
    kit->root = first;
    history_kit_close(kit);
    must_run(*state);
    assert_int_equal(((struct world *)*state)->found[HM_HISTORY_ROLLBACK], 1);
}

/* ---- snapshots and roles --------------------------------------------------------------------- */

static void test_check__tells_of_a_snapshot_that_is_missing_or_another(void **state)
{
    struct history_kit *kit = begin(state);
    struct hm_bytes first = history_kit_served(kit, "metadata/1.snapshot.json");

    history_kit_close(kit);
    history_kit_withdraw(kit, "metadata/2.snapshot.json");
    must_run(*state);
    expect(state, HM_HISTORY_MISSING, 1, "snapshot");
    history_kit_close(kit);
    history_kit_serve(kit, "metadata/3.snapshot.json", first);
    must_run(*state);
    expect(state, HM_HISTORY_FALSE, 1, "snapshot");
    publish(*state);
    expect_nothing(state);
}

static void test_check__tells_of_a_snapshot_that_a_stranger_signed(void **state)
{
    struct history_kit *kit = begin(state);

    kit->online = KIT_EVIL;
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "snapshot");
}

static void test_check__tells_of_a_role_that_was_lowered(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_sign(kit, "release~acme");
    publish(*state);
    expect_nothing(state);
    history_kit_sign_as(kit, "release~acme", kit->site.release, 1, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect(state, HM_HISTORY_ROLLBACK, 1, "release~acme");
    /* What was lowered stays known: the next one is held to the highest. */
    publish(*state);
    expect(state, HM_HISTORY_ROLLBACK, 1, "release~acme");
    history_kit_sign_as(kit, "release~acme", kit->site.release, 3, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect_nothing(state);
}

static void test_check__tells_of_a_role_that_was_dropped(void **state)
{
    struct history_kit *kit = begin(state);
    struct hm_snapshot *whole = kit->snapshot;

    assert_int_equal(hm_snapshot_new(NULL, &kit->snapshot), HM_OK);
    for (size_t i = 0; i < whole->meta_count; i++) {
        if (!hm_bytes_is_str(whole->metas[i].name, "release~bolt"))
            assert_int_equal(hm_snapshot_put(kit->snapshot, &whole->metas[i], NULL), HM_OK);
    }
    history_kit_close_as(kit, 2, 0);
    must_run(*state);
    expect(state, HM_HISTORY_ROLLBACK, 1, "release~bolt");
    hm_snapshot_free(whole);
}

static void test_check__tells_of_a_version_with_other_bytes(void **state)
{
    struct history_kit *kit = begin(state);

    kit->expires -= 10;
    history_kit_sign_as(kit, "release~bolt", kit->bolt, 1, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect(state, HM_HISTORY_REUSED, 1, "release~bolt");
}

/* A thief of the online key can name versions that nobody signed; they hold nobody up later. */
static void test_check__minds_no_version_that_nobody_signed(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_sign_as(kit, "release~bolt", kit->bolt, 999, &(enum kit_key){KIT_EVIL}, 1);
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "release~bolt");
    history_kit_sign_as(kit, "release~bolt", kit->bolt, 2, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect_nothing(state);
}

static void test_check__tells_of_a_role_that_is_missing_or_another(void **state)
{
    struct history_kit *kit = begin(state);
    struct hm_bytes first = history_kit_served(kit, "metadata/1.release~bolt.json");

    history_kit_sign(kit, "release~bolt");
    history_kit_withdraw(kit, "metadata/2.release~bolt.json");
    publish(*state);
    expect(state, HM_HISTORY_MISSING, 1, "release~bolt");
    history_kit_sign(kit, "release~bolt");
    history_kit_serve(kit, "metadata/3.release~bolt.json", first);
    publish(*state);
    /* And version 2, which it is compared with, is missing still. */
    assert_int_equal(((struct world *)*state)->found[HM_HISTORY_FALSE], 1);
    assert_string_equal(((struct world *)*state)->subject[HM_HISTORY_FALSE], "release~bolt");
}

static void test_check__tells_of_a_role_with_another_version_inside(void **state)
{
    struct history_kit *kit = begin(state);
    struct hm_snapshot_meta meta;

    history_kit_sign_as(kit, "release~bolt", kit->bolt, 2, &(enum kit_key){KIT_RELEASE}, 1);
    meta = *hm_snapshot_find(kit->snapshot, HM_BYTES_LITERAL("release~bolt"));
    meta.version = 3;
    assert_int_equal(hm_snapshot_put(kit->snapshot, &meta, NULL), HM_OK);
    history_kit_serve(kit, "metadata/3.release~bolt.json",
                      history_kit_served(kit, "metadata/2.release~bolt.json"));
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "release~bolt");
}

static void test_check__tells_of_a_role_that_nobody_may_sign(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_sign_as(kit, "release~nobody", kit->bolt, 1, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "release~nobody");
}

static void test_check__tells_of_a_role_that_was_not_signed_again_for_new_keys(void **state)
{
    struct history_kit *kit = begin(state);
    const struct hm_key *key = kit_key(KIT_ACME3);
    const char *pattern = "bolt/*/*/*";

    assert_int_equal(
        hm_targets_delegate(kit->site.targets, "release~bolt", &key, 1, 1, &pattern, 1, true, NULL),
        HM_OK);
    history_kit_sign(kit, "targets");
    publish(*state);
    assert_int_equal(((struct world *)*state)->found[HM_HISTORY_KEYS], 1);
    assert_int_equal(((struct world *)*state)->found[HM_HISTORY_FALSE], 1);
    assert_string_equal(((struct world *)*state)->subject[HM_HISTORY_FALSE], "release~bolt");
}

static void test_check__tells_of_targets_that_break_the_layout(void **state)
{
    struct history_kit *kit = begin(state);

    kit_put(kit->site.targets, "acme/nic/7.0/x", 1, 'x', NULL); /* targets lists no files */
    history_kit_sign_as(kit, "targets", kit->site.targets, 2, &(enum kit_key){KIT_TARGETS}, 1);
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "targets");
}

static void test_check__tells_of_paths_that_are_not_the_makers(void **state)
{
    struct history_kit *kit = begin(state);

    kit_put(kit->bolt, "acme/nic/7.0/x", 1, 'x', NULL);
    history_kit_sign(kit, "release~bolt");
    publish(*state);
    assert_int_equal(((struct world *)*state)->found[HM_HISTORY_FALSE], 1);
    assert_int_equal(((struct world *)*state)->found[HM_HISTORY_UNLOGGED], 1);
}

static void test_check__tells_of_nothing_new_but_a_later_end(void **state)
{
    struct history_kit *kit = begin(state);

    kit->expires += 100;
    history_kit_sign(kit, "release~bolt");
    publish(*state);
    expect(state, HM_HISTORY_EXPIRY, 1, "release~bolt");
}

/* ---- releases -------------------------------------------------------------------------------- */

static void test_check__tells_of_a_release_that_is_not_logged(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_put(kit, "acme/nic/3.0/boot.rom", 'k');
    history_kit_sign(kit, "release~acme");
    history_kit_sign(kit, "maker~acme");
    publish(*state);
    expect(state, HM_HISTORY_UNLOGGED, 1, "acme/nic/3.0");
}

static void test_check__tells_of_an_entry_that_nobody_signed(void **state)
{
    struct history_kit *kit = begin(state);

    /* The role lists no such release: the entry is of its old version. */
    history_kit_entry(kit, true,
                      "hallmark/release v1\nsite globex\npath acme/nic/8.0\nimage a.rom "
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0\n"
                      "role maker~acme 1\nrole release~acme 1\n");
    publish(*state);
    expect(state, HM_HISTORY_UNLISTED, 1, "acme/nic/8.0");
}

static void test_check__tells_of_a_release_that_the_maker_did_not_sign(void **state)
{
    struct history_kit *kit = begin(state);

    kit_put(kit->site.release, "acme/nic/3.0/boot.rom", 100, 'k', NULL);
    history_kit_sign(kit, "release~acme");
    history_kit_release(kit, "acme/nic/3.0");
    publish(*state);
    expect(state, HM_HISTORY_UNLISTED, 1, "acme/nic/3.0");
}

static void test_check__tells_of_a_release_that_the_maker_signed_otherwise(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_put(kit, "acme/nic/3.0/boot.rom", 'k');
    kit_put(kit->site.maker_role, "acme/nic/3.0/boot.rom", 100, 'l', NULL);
    history_kit_sign(kit, "release~acme");
    history_kit_sign(kit, "maker~acme");
    history_kit_release(kit, "acme/nic/3.0");
    publish(*state);
    expect(state, HM_HISTORY_UNLISTED, 1, "acme/nic/3.0");
}

static void test_check__tells_of_files_that_the_entry_does_not_have(void **state)
{
    struct history_kit *kit = begin(state);

    release(kit, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_put(kit, "acme/nic/3.0/more.rom", 'm');
    history_kit_sign(kit, "maker~acme");
    /* The same versions as the entry names. */
    history_kit_sign_as(kit, "release~acme", kit->site.release, 2, &(enum kit_key){KIT_RELEASE}, 1);
    history_kit_sign_as(kit, "maker~acme", kit->site.maker_role, 2,
                        (enum kit_key[]){KIT_ACME1, KIT_ACME2}, 2);
    publish(*state);
    expect(state, HM_HISTORY_UNLISTED, 1, "acme/nic/3.0");
}

static void test_check__tells_of_an_entry_with_other_roles(void **state)
{
    struct history_kit *kit = begin(state);

    release(kit, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_sign(kit, "release~acme"); /* version 3, and the entry names 2 */
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "acme/nic/3.0");
}

static void test_check__tells_of_a_release_with_other_bytes_later(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_put(kit, "acme/nic/1.0/boot.rom", 'Z');
    history_kit_sign(kit, "release~acme");
    publish(*state);
    expect(state, HM_HISTORY_REUSED, 1, "acme/nic/1.0");
    history_kit_sign(kit, "maker~acme");
    publish(*state);
    expect(state, HM_HISTORY_REUSED, 1, "acme/nic/1.0");
}

static void test_check__tells_of_a_file_added_later(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_put(kit, "acme/nic/1.0/late.rom", 'Z');
    history_kit_sign(kit, "release~acme");
    publish(*state);
    expect(state, HM_HISTORY_REUSED, 1, "acme/nic/1.0");
}

static void test_check__tells_of_a_release_that_is_listed_no_more(void **state)
{
    struct history_kit *kit = begin(state);
    struct hm_targets *role = NULL;

    assert_int_equal(hm_targets_new(NULL, &role), HM_OK);
    kit_x_hallmark(role, "{\"site\":\"globex\"}");
    kit_put(role, "acme/nic/1.0/boot.rom", 100, 'a', "{\"title\":\"Boot\"}");
    kit_put(role, "acme/nic/1.0/readme.txt", 101, 'b', "{\"title\":\"Boot\"}");
    history_kit_sign_as(kit, "release~acme", role, 2, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect(state, HM_HISTORY_UNLISTED, 1, "acme/nic/2.0");
    hm_targets_free(role);
}

/* ---- roles by product ------------------------------------------------------------------------ */

/* Moves acme/nic into a role of its own, on the vendor's side. */
static struct hm_targets *divide(struct history_kit *kit, struct hm_targets *above,
                                 const char *statement)
{
    const struct hm_key *key = kit_key(KIT_RELEASE);
    const char *pattern = "acme/nic/*/*";
    struct hm_targets *product = NULL;

    kit_x_hallmark(above, "{\"site\":\"globex\"}");
    assert_int_equal(
        hm_targets_delegate(above, "release~acme~nic", &key, 1, 1, &pattern, 1, true, NULL), HM_OK);
    history_kit_sign_as(kit, "release~acme", above, 2, &(enum kit_key){KIT_RELEASE}, 1);
    assert_int_equal(hm_targets_copy(kit->site.release, NULL, &product), HM_OK);
    kit_x_hallmark(product, statement);
    history_kit_sign_as(kit, "release~acme~nic", product, 1, &(enum kit_key){KIT_RELEASE}, 1);
    return product;
}

static void test_check__takes_a_product_into_a_role_of_its_own(void **state)
{
    struct history_kit *kit = begin(state);
    _hm_free_(hm_targets_free) struct hm_targets *above = NULL;
    _hm_free_(hm_targets_free) struct hm_targets *product = NULL;

    assert_int_equal(hm_targets_new(NULL, &above), HM_OK);
    product = divide(kit, above, "{\"product\":\"nic\",\"site\":\"globex\"}");
    publish(*state);
    expect_nothing(state);
    kit_put(product, "acme/nic/1.0/boot.rom", 100, 'Z', NULL);
    history_kit_sign_as(kit, "release~acme~nic", product, 2, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect(state, HM_HISTORY_REUSED, 1, "acme/nic/1.0");
}

static void test_check__tells_of_a_products_role_that_says_no_product(void **state)
{
    struct history_kit *kit = begin(state);
    _hm_free_(hm_targets_free) struct hm_targets *above = NULL;
    _hm_free_(hm_targets_free) struct hm_targets *product = NULL;

    assert_int_equal(hm_targets_new(NULL, &above), HM_OK);
    product = divide(kit, above, "{\"site\":\"globex\"}");
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "release~acme~nic");
}

static void test_check__tells_of_a_products_role_that_is_not_delegated(void **state)
{
    struct history_kit *kit = begin(state);
    _hm_free_(hm_targets_free) struct hm_targets *product = NULL;

    assert_int_equal(hm_targets_new(NULL, &product), HM_OK);
    kit_x_hallmark(product, "{\"product\":\"cam\",\"site\":\"globex\"}");
    history_kit_sign_as(kit, "release~acme~cam", product, 1, &(enum kit_key){KIT_RELEASE}, 1);
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "release~acme~cam");
}

/* ---- makers ---------------------------------------------------------------------------------- */

static void test_check__tells_of_a_maker_without_an_entry(void **state)
{
    struct world *world = *state;
    struct history_kit *kit = &world->kit;

    /* The first batch again, without bolt's entry: 1 root, 2 acme, 3 bolt. */
    free(kit->entries[2]);
    memmove(&kit->entries[2], &kit->entries[3], (kit->count - 3) * sizeof(*kit->entries));
    kit->count--;
    history_kit_close(kit);
    must_run(world);
    expect(state, HM_HISTORY_UNLOGGED, 1, "bolt");
}

static void test_check__tells_of_a_maker_that_is_gone(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;

    kit->site.list_count = 1;                       /* without bolt, */
    kit->site.targets->delegations.role_count -= 1; /* and release~bolt, which is last */
    history_kit_sign(kit, "targets");
    publish(world);
    kit->site.targets->delegations.role_count += 1;
    assert_int_equal(world->found[HM_HISTORY_ROLLBACK], 1);
    assert_string_equal(world->subject[HM_HISTORY_ROLLBACK], "bolt");
    assert_int_equal(world->found[HM_HISTORY_FALSE], 1);
    assert_string_equal(world->subject[HM_HISTORY_FALSE], "release~bolt");
}

static void test_check__tells_of_a_maker_of_which_the_log_says_otherwise(void **state)
{
    struct history_kit *kit = begin(state);

    history_kit_entry(kit, true,
                      "hallmark/maker v1\nsite globex\nmaker acme\ngrade attested\n"
                      "role targets 1\n");
    publish(*state);
    expect(state, HM_HISTORY_FALSE, 1, "acme");
}

static void test_check__tells_of_a_maker_that_lost_its_keys(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;

    kit->site.list[0].is_attested = true;
    kit->site.makers->delegations.role_count = 0;
    history_kit_sign(kit, "targets");
    history_kit_maker(kit, "acme");
    publish(world);
    assert_int_equal(world->found[HM_HISTORY_ROLLBACK], 1);
    assert_string_equal(world->subject[HM_HISTORY_ROLLBACK], "acme");
    kit->site.makers->delegations.role_count = 2;
}

static void test_check__tells_of_an_identity_that_is_not_the_makers(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;
    static const enum kit_key evil[] = {KIT_EVIL};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    struct hm_layout_maker *acme = &kit->site.list[0];

    /* The vendor names an identity 3 that acme never signed. */
    kit_identity("acme", 3, evil, 1, 1, evil, 1, &raw);
    history_kit_serve(kit, "makers/acme/3.identity", hm_buf_bytes(&raw));
    acme->identity_version = 3;
    acme->identity_length = raw.size;
    assert_int_equal(hm_digest_sha256(hm_buf_bytes(&raw), NULL, &acme->identity_sha256), HM_OK);
    history_kit_sign(kit, "targets");
    history_kit_maker(kit, "acme");
    publish(world);
    assert_int_equal(world->found[HM_HISTORY_KEYS], 1);
    assert_int_equal(world->found[HM_HISTORY_FALSE], 1);
    assert_string_equal(world->subject[HM_HISTORY_FALSE], "acme");
    assert_non_null(strstr(world->sentence[HM_HISTORY_FALSE], "sign"));
}

static void test_check__tells_of_an_identity_that_is_missing(void **state)
{
    struct world *world = *state;

    history_kit_withdraw(&world->kit, "makers/acme/1.identity");
    publish(world);
    expect(state, HM_HISTORY_MISSING, 1, "acme");
}

/* ---- recalls --------------------------------------------------------------------------------- */

#define RECALL                                                                                     \
    "hallmark/recall v1\nsite globex\npath recalls/acme/r1.json\ndocument %s 30\ndigest %s\n"      \
    "role recalls~acme %d\n"

static const char *hash_of(char letter)
{
    static char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;

    assert_int_equal(hm_digest_sha256(hm_bytes_make(&letter, 1), NULL, &sha256), HM_OK);
    hm_text_hex(hm_bytes_make(sha256.bytes, sizeof(sha256.bytes)), hex);
    return hex;
}

static void test_check__tells_of_recalls(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;

    kit_put(kit->recalls, "recalls/acme/r1.json", 30, 'r', NULL);
    history_kit_sign(kit, "recalls~acme");
    history_kit_entry(kit, true, RECALL, hash_of('r'), hash_of('r'), 1);
    publish(world);
    expect(state, HM_HISTORY_RECALL, 1, "recalls/acme/r1.json");
    /* One that the role has with other bytes. */
    history_kit_entry(kit, true, RECALL, hash_of('s'), hash_of('s'), 1);
    publish(world);
    assert_int_equal(world->found[HM_HISTORY_UNLISTED], 1);
    forget(world);
    /* One without an entry, and one that is gone. */
    kit_put(kit->recalls, "recalls/acme/r1.json", 31, 't', NULL);
    kit_put(kit->recalls, "recalls/acme/r2.json", 30, 't', NULL);
    history_kit_sign(kit, "recalls~acme");
    publish(world);
    assert_int_equal(world->found[HM_HISTORY_UNLISTED], 1);
    assert_int_equal(world->found[HM_HISTORY_UNLOGGED], 1);
}

/* ---- keys, and what is no answer ------------------------------------------------------------- */

static void test_check__tells_of_denied_keys_and_trials(void **state)
{
    struct world *world = *state;
    struct hm_err err = HM_ERR_INIT;

    world->denied = *hm_key_material(kit_key(KIT_RELEASE));
    hm_history_free(world->history);
    world->history = NULL;
    (void)snprintf(world->kit.x_hallmark, sizeof(world->kit.x_hallmark),
                   "{\"site\":\"globex\",\"trial\":true}");
    assert_int_equal(open_world(world, &err), HM_OK);
    publish(world);
    expect(state, HM_HISTORY_TEST_KEY, 1, "targets");
    history_kit_root(&world->kit);
    history_kit_root_entry(&world->kit);
    publish(world);
    assert_int_equal(world->found[HM_HISTORY_TEST_KEY], 1);
    assert_string_equal(world->subject[HM_HISTORY_TEST_KEY], "root");
}

static void test_check__hands_on_what_is_no_answer(void **state)
{
    struct history_kit *kit = begin(state);
    struct world *world = *state;
    struct hm_err err = HM_ERR_INIT;

    kit->broken = "2.release~bolt";
    history_kit_sign(kit, "release~bolt");
    history_kit_close(kit);
    assert_int_equal(run(world, &err), HM_ENETWORK);
    expect_nothing(state);
}

static void test_is_breach__is_what_is_false(void **state)
{
    (void)state;
    assert_true(hm_history_is_breach(HM_HISTORY_MISSING));
    assert_true(hm_history_is_breach(HM_HISTORY_UNLOGGED));
    assert_false(hm_history_is_breach(HM_HISTORY_KEYS));
    assert_false(hm_history_is_breach(HM_HISTORY_TEST_KEY));
}

#define history_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        history_test(test_check__says_nothing_of_a_true_log),
        history_test(test_check__follows_a_new_root),
        history_test(test_check__takes_what_a_maker_signed_and_the_site_did_not_release),
        history_test(test_start__goes_on_where_another_run_was),
        history_test(test_start__keeps_the_versions_that_were_there),
        history_test(test_start__fails_where_the_state_is_gone),
        history_test(test_miss__makes_no_news_of_what_was_there),
        history_test(test_open__refuses_another_chain_of_roots),
        history_test(test_check__tells_of_a_root_without_an_entry),
        history_test(test_check__tells_of_a_root_that_is_not_served),
        history_test(test_check__tells_of_a_root_that_the_one_before_did_not_sign),
        history_test(test_check__tells_of_a_root_that_goes_back),
        history_test(test_check__tells_of_a_snapshot_that_is_missing_or_another),
        history_test(test_check__tells_of_a_snapshot_that_a_stranger_signed),
        history_test(test_check__tells_of_a_role_that_was_lowered),
        history_test(test_check__tells_of_a_role_that_was_dropped),
        history_test(test_check__tells_of_a_version_with_other_bytes),
        history_test(test_check__minds_no_version_that_nobody_signed),
        history_test(test_check__tells_of_a_role_that_is_missing_or_another),
        history_test(test_check__tells_of_a_role_with_another_version_inside),
        history_test(test_check__tells_of_a_role_that_nobody_may_sign),
        history_test(test_check__tells_of_a_role_that_was_not_signed_again_for_new_keys),
        history_test(test_check__tells_of_targets_that_break_the_layout),
        history_test(test_check__tells_of_paths_that_are_not_the_makers),
        history_test(test_check__tells_of_nothing_new_but_a_later_end),
        history_test(test_check__tells_of_a_release_that_is_not_logged),
        history_test(test_check__tells_of_an_entry_that_nobody_signed),
        history_test(test_check__tells_of_a_release_that_the_maker_did_not_sign),
        history_test(test_check__tells_of_a_release_that_the_maker_signed_otherwise),
        history_test(test_check__tells_of_files_that_the_entry_does_not_have),
        history_test(test_check__tells_of_an_entry_with_other_roles),
        history_test(test_check__tells_of_a_release_with_other_bytes_later),
        history_test(test_check__tells_of_a_file_added_later),
        history_test(test_check__tells_of_a_release_that_is_listed_no_more),
        history_test(test_check__takes_a_product_into_a_role_of_its_own),
        history_test(test_check__tells_of_a_products_role_that_says_no_product),
        history_test(test_check__tells_of_a_products_role_that_is_not_delegated),
        history_test(test_check__tells_of_a_maker_without_an_entry),
        history_test(test_check__tells_of_a_maker_that_is_gone),
        history_test(test_check__tells_of_a_maker_of_which_the_log_says_otherwise),
        history_test(test_check__tells_of_a_maker_that_lost_its_keys),
        history_test(test_check__tells_of_an_identity_that_is_not_the_makers),
        history_test(test_check__tells_of_an_identity_that_is_missing),
        history_test(test_check__tells_of_recalls),
        history_test(test_check__tells_of_denied_keys_and_trials),
        history_test(test_check__hands_on_what_is_no_answer),
        history_test(test_is_breach__is_what_is_false),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
