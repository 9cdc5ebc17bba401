/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor: it refuses every misdeed that a plain witness beside it cosigns, and says why; what
 * is only missing it cosigns once it is there; it forgets nothing that it found good. */
#include "unit.h"

#include <unistd.h>

#include "audit/auditor.h"
#include "base/file.h"
#include "history_kit.h"
#include "log_kit.h"
#include "tlog/tile.h"
#include "tmpdir.h"
#include "trust/trust_file.h"

#define NOW LOG_KIT_TIME

struct world {
    struct hm_dir *dir; /* public/, plain/, audit/ */
    struct history_kit site;
    struct log_kit log;
    struct hm_witness *plain;
    struct hm_auditor *auditor;
    struct hm_witness *audit;
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    struct hm_witness_answer answer; /* the auditor's last one */
    uint64_t plain_size, audit_size;
    size_t notes;
};

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct hm_err err = HM_ERR_INIT; /* for call to use */                                     \
        if ((call) != HM_OK)                                                                       \
            fail_msg("%s: %s", #call, err.text);                                                   \
    } while (0)

static void path_of(const struct world *world, const char *name, char ret_path[1024])
{
    (void)snprintf(ret_path, 1024, "%s/%s", world->dir->path, name);
}

/* ---- the public tree --------------------------------------------------------------------------
 */

static void put(const struct world *world, const char *path, struct hm_bytes raw)
{
    char whole[1024];

    (void)snprintf(whole, sizeof(whole), "public/%s", path);
    OK(hm_file_replace_unflushed(world->dir, whole, 0644, raw, &err));
}

/* The log's two files: all tests stay below one tile. */
static void put_tiles(const struct world *world)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 leaves[HM_TILE_WIDTH];
    _hm_done_(hm_buf_done) struct hm_buf bundle = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    size_t count = world->site.count;
    char name[128];

    assert_true(count < HM_TILE_WIDTH);
    OK(hm_digest_new(HM_DIGEST_SHA256, &err, &digest));
    for (size_t i = 0; i < count; i++) {
        struct hm_bytes entry = hm_bytes_str(world->site.entries[i]);

        OK(hm_merkle_leaf(digest, entry, &err, &leaves[i]));
        OK(hm_tile_bundle_append(&bundle, entry, &err));
    }
    (void)snprintf(name, sizeof(name), "log/tile/0/000.p/%zu", count);
    put(world, name, hm_bytes_make(leaves, count * HM_SHA256_SIZE));
    (void)snprintf(name, sizeof(name), "log/tile/entries/000.p/%zu", count);
    put(world, name, hm_buf_bytes(&bundle));
}

/* Lays the site out as it is now, and nothing else. */
static void expose(struct world *world)
{
    OK(hm_dir_remove_tree(world->dir, "public", &err));
    for (size_t i = 0; i < world->site.file_count; i++)
        put(world, world->site.files[i].name, hm_buf_bytes(&world->site.files[i].raw));
    put_tiles(world);
    world->log.entries = world->site.entries;
}

/* ---- the witnesses ----------------------------------------------------------------------------
 */

static void see_note(void *ctx, const char *origin, enum hm_history_kind kind, const char *subject,
                     const char *sentence)
{
    struct world *world = ctx;

    assert_string_equal(origin, LOG_KIT_ORIGIN);
    assert_false(hm_history_is_breach(kind));
    world->notes++;
}

static void open_auditor(struct world *world)
{
    const struct hm_auditor_options options = {.note = see_note, .ctx = world};
    struct hm_witness_auditor hook;
    char path[1024];

    path_of(world, "audit", path);
    OK(hm_auditor_new(path, &options, &err, &world->auditor));
    hook = hm_auditor_hook(world->auditor);
    OK(hm_witness_open(path, &hook, &err, &world->audit));
}

static void close_auditor(struct world *world)
{
    hm_witness_free(world->audit);
    hm_auditor_free(world->auditor);
    world->audit = NULL;
    world->auditor = NULL;
}

static void restart(struct world *world)
{
    close_auditor(world);
    open_auditor(world);
}

static void write_trust(const struct world *world, struct hm_buf *ret_raw)
{
    struct hm_trust_file file = {
        .site = "globex",
        .root = history_kit_served(&world->site, "metadata/1.root.json"),
        .floor = HM_GRADE_ATTESTED,
    };

    OK(hm_trust_file_write(&file, &err, ret_raw));
}

static struct hm_witness_folder_log *add_log(const struct world *world, struct hm_witness *witness)
{
    struct hm_witness_folder_log *log = NULL;

    OK(hm_witness_folder_add(hm_witness_folder(witness), log_kit_vkey(&world->log.signer), NULL,
                             NULL, &err, &log));
    return log;
}

static void add_trust(struct world *world)
{
    _hm_free_(hm_witness_folder_log_free) struct hm_witness_folder_log *log =
        add_log(world, world->audit);
    _hm_done_(hm_buf_done) struct hm_buf trust = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    char url[1100] = "file://";

    path_of(world, "public", url + strlen(url));
    write_trust(world, &trust);
    OK(hm_auditor_add(hm_witness_folder(world->audit), log, hm_buf_bytes(&trust), url, &err));
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    char x_hallmark[1024], path[1024];

    assert_non_null(world);
    assert_int_equal(tmpdir_setup((void **)&world->dir), 0);
    world->log = log_kit_make();
    (void)snprintf(x_hallmark, sizeof(x_hallmark),
                   "{\"log\":{\"policy\":\"log %s\\nquorum none\\n\"},\"site\":\"globex\"}",
                   log_kit_vkey(&world->log.signer));
    history_kit_init(&world->site, x_hallmark);
    path_of(world, "plain", path);
    OK(hm_witness_folder_init(path, "witness.example/plain", false, &err));
    OK(hm_witness_open(path, NULL, &err, &world->plain));
    hm_witness_folder_log_free(add_log(world, world->plain));
    path_of(world, "audit", path);
    OK(hm_witness_folder_init(path, "witness.example/audit", false, &err));
    open_auditor(world);
    add_trust(world);
    OK(hm_witness_folder_hash(HM_BYTES_LITERAL(LOG_KIT_ORIGIN), &err, world->hash));
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    void *dir = world->dir;

    hm_buf_done(&world->answer.body);
    close_auditor(world);
    hm_witness_free(world->plain);
    history_kit_done(&world->site);
    log_kit_done(&world->log);
    free(world);
    return tmpdir_teardown(&dir);
}

static unsigned ask(const struct world *world, struct hm_witness *witness, uint64_t old_size,
                    uint64_t size, struct hm_witness_answer *ret_answer)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);

    log_kit_request(&world->log, old_size, size, &body);
    hm_buf_done(&ret_answer->body);
    *ret_answer = (struct hm_witness_answer)HM_WITNESS_ANSWER_INIT;
    hm_witness_add_checkpoint(witness, hm_buf_bytes(&body), NOW, ret_answer);
    return ret_answer->status;
}

static unsigned ask_auditor(struct world *world)
{
    uint64_t size = world->site.count;

    if (ask(world, world->audit, world->audit_size, size, &world->answer) == 200)
        world->audit_size = size;
    return world->answer.status;
}

/* The control: a witness that looks at consistency alone cosigns all of this. */
static void plain_cosigns(struct world *world)
{
    struct hm_witness_answer answer = HM_WITNESS_ANSWER_INIT;
    uint64_t size = world->site.count;

    if (ask(world, world->plain, world->plain_size, size, &answer) != 200)
        fail_msg("a plain witness says %u: %s", answer.status, answer.why.text);
    world->plain_size = size;
    hm_buf_done(&answer.body);
}

static void cosigned(struct world *world)
{
    expose(world);
    plain_cosigns(world);
    if (ask_auditor(world) != 200)
        fail_msg("the auditor says %u: %s", world->answer.status, world->answer.why.text);
}

/* The auditor answers with this status, and these words; nothing is kept of it. */
static void refused(struct world *world, unsigned status, const char *words)
{
    struct hm_auditor_state before, after;

    OK(hm_auditor_state_read(hm_witness_folder(world->audit), world->hash, &err, &before));
    plain_cosigns(world);
    if (ask_auditor(world) != status || strstr(world->answer.why.text, words) == NULL)
        fail_msg("the auditor says %u: %s; not %u: %s", world->answer.status,
                 world->answer.why.text, status, words);
    OK(hm_auditor_state_read(hm_witness_folder(world->audit), world->hash, &err, &after));
    assert_int_equal(before.size, after.size);
    /* And after a restart, too. */
    restart(world);
    assert_int_equal(ask_auditor(world), status);
}

/* The first batch, cosigned by both. */
static struct world *begin(void **state)
{
    struct world *world = *state;

    history_kit_close(&world->site);
    cosigned(world);
    return world;
}

static void release(struct world *world, const char *path, const char *file, char letter)
{
    char name[256];

    (void)snprintf(name, sizeof(name), "%s/%s", path, file);
    history_kit_put(&world->site, name, letter);
    history_kit_sign(&world->site, "release~acme");
    history_kit_sign(&world->site, "maker~acme");
    history_kit_release(&world->site, path);
}

/* The honest site goes on: what was added since first is named void, and another batch closes. */
static void go_on(struct world *world, size_t first, int64_t version)
{
    char voids[128];

    (void)snprintf(voids, sizeof(voids), "void %zu %zu\n", first, world->site.count - first);
    world->site.voids = voids;
    history_kit_close_as(&world->site, version, 0);
    cosigned(world);
}

/* ---- what is true -----------------------------------------------------------------------------
 */

static void test_audit__cosigns_a_true_log(void **state)
{
    struct world *world = begin(state);
    struct hm_auditor_state audited;
    char path[1024];

    release(world, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_close(&world->site);
    cosigned(world);
    restart(world);
    history_kit_close(&world->site);
    cosigned(world);
    assert_int_equal(world->notes, 0);
    OK(hm_auditor_state_read(hm_witness_folder(world->audit), world->hash, &err, &audited));
    assert_int_equal(audited.size, world->site.count);
    /* It has a copy of all, and of partial tiles the newest alone. */
    for (size_t i = 0; i < world->site.file_count; i++) {
        (void)snprintf(path, sizeof(path), "audit/logs/%s/copy/%s", world->hash,
                       world->site.files[i].name);
        if (!hm_dir_has(world->dir, path))
            fail_msg("'%s' is missing", path);
    }
    (void)snprintf(path, sizeof(path), "audit/logs/%s/copy/log/tile/entries/000.p", world->hash);
    {
        _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
        const char **names = NULL;
        size_t count = 0;

        OK(hm_dir_list(world->dir, path, 100, &arena, &err, &names, &count));
        assert_int_equal(count, 1);
    }
}

static void test_audit__cosigns_the_same_size_without_the_site(void **state)
{
    struct world *world = begin(state);

    OK(hm_dir_remove_tree(world->dir, "public", &err));
    assert_int_equal(ask_auditor(world), 200);
    restart(world);
    assert_int_equal(ask_auditor(world), 200);
}

static void test_audit__goes_on_by_its_own_copy(void **state)
{
    struct world *world = begin(state);

    release(world, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_close(&world->site);
    cosigned(world);
    restart(world);
    /* All that it has seen is gone from the site. */
    history_kit_withdraw(&world->site, "metadata/1.root.json");
    history_kit_withdraw(&world->site, "metadata/2.snapshot.json");
    history_kit_withdraw(&world->site, "metadata/1.targets.json");
    history_kit_withdraw(&world->site, "metadata/2.release~acme.json");
    history_kit_put(&world->site, "bolt/disk/1/f.bin", 'q');
    history_kit_sign(&world->site, "release~bolt");
    history_kit_release(&world->site, "bolt/disk/1");
    history_kit_close(&world->site);
    cosigned(world);
}

static void test_audit__tells_of_keys(void **state)
{
    struct world *world = begin(state);

    world->site.online = KIT_BOLT;
    history_kit_root(&world->site);
    history_kit_root_entry(&world->site);
    history_kit_close(&world->site);
    cosigned(world);
    assert_int_equal(world->notes, 3);
}

static void test_audit__takes_a_root_that_is_not_in_force_yet(void **state)
{
    struct world *world = begin(state);
    struct hm_bytes root;

    history_kit_root(&world->site);
    history_kit_root_entry(&world->site);
    root = history_kit_served(&world->site, "metadata/2.root.json");
    history_kit_serve(&world->site, "log/roots/2.root.json", root);
    history_kit_withdraw(&world->site, "metadata/2.root.json");
    history_kit_close(&world->site);
    cosigned(world);
}

/* ---- misdeeds ---------------------------------------------------------------------------------
 */

static void test_audit__refuses_a_role_that_was_lowered(void **state)
{
    struct world *world = begin(state);

    release(world, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_close(&world->site);
    cosigned(world);
    history_kit_sign_as(&world->site, "release~bolt", world->site.bolt, 2,
                        &(enum kit_key){KIT_RELEASE}, 1);
    history_kit_close(&world->site);
    cosigned(world);
    history_kit_sign_as(&world->site, "release~bolt", world->site.bolt, 1,
                        &(enum kit_key){KIT_RELEASE}, 1);
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "goes back from version 2 to 1");
}

static void drop_role(struct history_kit *site, const char *name)
{
    struct hm_snapshot *whole = site->snapshot;

    OK(hm_snapshot_new(&err, &site->snapshot));
    for (size_t i = 0; i < whole->meta_count; i++) {
        if (!hm_bytes_is_str(whole->metas[i].name, name))
            OK(hm_snapshot_put(site->snapshot, &whole->metas[i], &err));
    }
    site->snapshot->document.version = whole->document.version;
    hm_snapshot_free(whole);
}

static void test_audit__refuses_a_role_that_was_dropped(void **state)
{
    struct world *world = begin(state);

    drop_role(&world->site, "release~bolt");
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "'release~bolt', which was there in version 1, is gone");
}

static void test_audit__refuses_a_version_with_other_bytes(void **state)
{
    struct world *world = begin(state);

    history_kit_put(&world->site, "acme/nic/1.0/boot.rom", 'Z');
    history_kit_sign(&world->site, "release~acme");
    history_kit_sign(&world->site, "maker~acme");
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "version with other bytes");
}

static void test_audit__refuses_a_second_entry_of_a_version(void **state)
{
    struct world *world = begin(state);

    history_kit_entry(&world->site, false, "%s", world->site.entries[3]);
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "version reused");
}

static void test_audit__refuses_a_release_that_is_not_listed(void **state)
{
    struct world *world = begin(state);

    history_kit_entry(&world->site, true,
                      "hallmark/release v1\nsite globex\npath acme/nic/8.0\nimage a.rom "
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0\n"
                      "role maker~acme 1\nrole release~acme 1\n");
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "unlisted release");
}

static void test_audit__refuses_a_release_that_is_not_logged(void **state)
{
    struct world *world = begin(state);

    history_kit_put(&world->site, "acme/nic/3.0/boot.rom", 'k');
    history_kit_sign(&world->site, "release~acme");
    history_kit_sign(&world->site, "maker~acme");
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "of which the log has no entry");
}

static void test_audit__refuses_another_map(void **state)
{
    struct world *world = begin(state);

    world->site.is_map_false = true;
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "another map");
}

static void test_audit__refuses_an_entry_that_cannot_be_read(void **state)
{
    struct world *world = begin(state);

    history_kit_entry(&world->site, false, "no entry at all\n");
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "entry");
}

static void test_audit__refuses_a_snapshot_that_is_not_last(void **state)
{
    struct world *world = begin(state);

    history_kit_close(&world->site);
    history_kit_entry(&world->site, false, "%s", world->site.entries[3]);
    expose(world);
    refused(world, 422, "no snapshot's");
}

static void test_audit__refuses_a_root_that_was_skipped(void **state)
{
    struct world *world = begin(state);

    history_kit_root(&world->site);
    history_kit_root(&world->site);
    history_kit_root_entry(&world->site);
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "the log has no entry of root 2");
}

static void test_audit__refuses_a_void_of_what_it_cosigned(void **state)
{
    struct world *world = begin(state);
    size_t first = world->site.count;

    release(world, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_close(&world->site);
    cosigned(world);
    (void)first;
    world->site.voids = "void 3 1\n"; /* a release of the first batch */
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "this auditor cosigned some of them as counting");
}

static void test_audit__refuses_a_void_of_a_true_release(void **state)
{
    struct world *world = begin(state);
    size_t first = world->site.count;
    char voids[64];

    release(world, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_close(&world->site);
    expose(world);
    plain_cosigns(world); /* and the auditor was not asked */
    (void)snprintf(voids, sizeof(voids), "void %zu 2\n", first);
    world->site.voids = voids;
    history_kit_close_as(&world->site, 3, 0);
    expose(world);
    refused(world, 422, "is true");
}

static void test_audit__refuses_entries_that_are_neither_listed_nor_void(void **state)
{
    struct world *world = begin(state);

    history_kit_entry(&world->site, false, "%s", world->site.entries[3]);
    history_kit_close_as(&world->site, 2, 0);
    expose(world);
    refused(world, 422, "neither in its batch nor named void");
}

static void test_audit__refuses_a_snapshot_that_a_stranger_signed(void **state)
{
    struct world *world = begin(state);

    world->site.online = KIT_EVIL;
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "false entry");
}

static void test_audit__refuses_another_chain_of_roots(void **state)
{
    struct world *world = *state;

    /* The trust file has the first root 1; the site serves another, all of whose log is good. */
    world->site.root_version = 0;
    world->site.expires++;
    free(world->site.entries[0]);
    for (size_t i = 1; i < world->site.count; i++)
        world->site.entries[i - 1] = world->site.entries[i];
    world->site.count--;
    history_kit_root(&world->site);
    history_kit_root_entry(&world->site);
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "not the trust file's");
}

static void test_audit__refuses_a_log_that_root_does_not_name(void **state)
{
    struct world *world = begin(state);

    (void)snprintf(world->site.x_hallmark, sizeof(world->site.x_hallmark), "{\"site\":\"globex\"}");
    history_kit_root(&world->site);
    history_kit_root_entry(&world->site);
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "names no release log");
}

/* ---- what cannot be told yet ------------------------------------------------------------------
 */

static void test_audit__waits_for_metadata_that_is_missing(void **state)
{
    struct world *world = begin(state);
    _hm_done_(hm_buf_done) struct hm_buf role = HM_BUF_INIT(1 << 20);

    history_kit_sign(&world->site, "release~bolt");
    OK(hm_buf_append(&role, history_kit_served(&world->site, "metadata/2.release~bolt.json"),
                     &err));
    history_kit_withdraw(&world->site, "metadata/2.release~bolt.json");
    history_kit_close(&world->site);
    expose(world);
    refused(world, 503, "missing metadata");
    history_kit_serve(&world->site, "metadata/2.release~bolt.json", hm_buf_bytes(&role));
    cosigned(world);
}

static void test_audit__waits_for_metadata_that_is_wrong(void **state)
{
    struct world *world = begin(state);
    _hm_done_(hm_buf_done) struct hm_buf role = HM_BUF_INIT(1 << 20);

    history_kit_sign(&world->site, "release~bolt");
    OK(hm_buf_append(&role, history_kit_served(&world->site, "metadata/2.release~bolt.json"),
                     &err));
    history_kit_serve(&world->site, "metadata/2.release~bolt.json", HM_BYTES_LITERAL("{}"));
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "release~bolt");
    /* What was served once is not kept: the right one is taken. */
    history_kit_serve(&world->site, "metadata/2.release~bolt.json", hm_buf_bytes(&role));
    cosigned(world);
}

static void test_audit__waits_for_tiles(void **state)
{
    struct world *world = begin(state);
    char name[128];

    history_kit_close(&world->site);
    expose(world);
    (void)snprintf(name, sizeof(name), "public/log/tile/entries/000.p/%zu", world->site.count);
    OK(hm_dir_remove(world->dir, name, &err));
    refused(world, 503, "tile/entries");
    OK(hm_file_replace(world->dir, name, 0644, HM_BYTES_LITERAL("no bundle"), &err));
    refused(world, 503, "otherwise than it signed it");
    cosigned(world);
}

static void test_audit__waits_for_a_trust_file(void **state)
{
    struct world *world = *state;
    char name[256];

    history_kit_close(&world->site);
    expose(world);
    (void)snprintf(name, sizeof(name), "audit/logs/%s/trust", world->hash);
    OK(hm_dir_remove(world->dir, name, &err));
    refused(world, 503, "no trust file");
    add_trust(world);
    cosigned(world);
}

/* ---- recovery ---------------------------------------------------------------------------------
 */

static void test_audit__goes_on_once_a_false_batch_is_void(void **state)
{
    struct world *world = begin(state);
    size_t first = world->site.count;
    struct hm_snapshot_meta meta =
        *hm_snapshot_find(world->site.snapshot, HM_BYTES_LITERAL("release~bolt"));

    /* A thief of the log's key and the online key: a version that nobody signed. */
    history_kit_sign_as(&world->site, "release~bolt", world->site.bolt, 999,
                        &(enum kit_key){KIT_EVIL}, 1);
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "release~bolt");
    OK(hm_snapshot_put(world->site.snapshot, &meta, &err));
    go_on(world, first, 2);
    /* And on, also after a restart. */
    restart(world);
    release(world, "acme/nic/3.0", "boot.rom", 'k');
    history_kit_close(&world->site);
    cosigned(world);
}

static void test_audit__goes_on_once_entries_that_counted_are_void(void **state)
{
    struct world *world = begin(state);
    size_t first = world->site.count;

    /* The thief logs a release that nobody signed, with a map that has it: the replay counts it. */
    history_kit_entry(&world->site, false,
                      "hallmark/release v1\nsite globex\npath acme/nic/8.0\nimage a.rom "
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0\n"
                      "role maker~acme 1\nrole release~acme 1\n");
    history_kit_close(&world->site);
    expose(world);
    refused(world, 422, "snapshot entry");
    go_on(world, first, 3);
    restart(world);
    history_kit_close(&world->site);
    cosigned(world);
}

static void test_audit__minds_no_junk_that_is_void(void **state)
{
    struct world *world = begin(state);
    size_t first = world->site.count;

    history_kit_entry(&world->site, false, "no entry at all\n");
    history_kit_entry(&world->site, false, "%s", world->site.entries[3]);
    go_on(world, first, 2);
}

/* A stolen online key alone cannot lower what was validly signed, also where its log is void. */
static void test_audit__forgets_no_version_of_a_void_batch(void **state)
{
    struct world *world = begin(state);
    size_t first = world->site.count;
    char voids[64];

    history_kit_sign(&world->site, "release~bolt"); /* validly signed */
    world->site.is_map_false = true;                /* and the batch is not good */
    history_kit_close(&world->site);
    world->site.is_map_false = false;
    expose(world);
    refused(world, 422, "another map");
    history_kit_sign_as(&world->site, "release~bolt", world->site.bolt, 1,
                        &(enum kit_key){KIT_RELEASE}, 1);
    (void)snprintf(voids, sizeof(voids), "void %zu %zu\n", first, world->site.count - first);
    world->site.voids = voids;
    history_kit_close_as(&world->site, 3, 0);
    expose(world);
    refused(world, 422, "goes back from version 2 to 1");
}

static void test_audit__reads_again_what_is_damaged_in_its_copy(void **state)
{
    struct world *world = begin(state);
    char name[512];

    restart(world);
    (void)snprintf(name, sizeof(name), "audit/logs/%s/copy/metadata/1.targets.json", world->hash);
    OK(hm_file_replace(world->dir, name, 0644, HM_BYTES_LITERAL("torn"), &err));
    (void)snprintf(name, sizeof(name), "audit/logs/%s/copy/metadata/1.root.json", world->hash);
    OK(hm_file_replace(world->dir, name, 0644, HM_BYTES_EMPTY, &err));
    history_kit_close(&world->site);
    cosigned(world);
    /* The copy is right again. */
    OK(hm_dir_remove_tree(world->dir, "public", &err));
    restart(world);
    history_kit_close(&world->site);
    expose(world);
    history_kit_withdraw(&world->site, "metadata/1.targets.json");
    cosigned(world);
}

static void test_audit__takes_no_damaged_state_for_none(void **state)
{
    struct world *world = begin(state);
    char name[512];

    restart(world);
    (void)snprintf(name, sizeof(name), "audit/logs/%s/audited", world->hash);
    OK(hm_file_replace(world->dir, name, 0644, HM_BYTES_LITERAL("hallmark/audited v2\n"), &err));
    history_kit_close(&world->site);
    expose(world);
    plain_cosigns(world);
    assert_int_equal(ask_auditor(world), 503);
    assert_non_null(strstr(world->answer.why.text, "remove it, and all is audited anew"));
    OK(hm_dir_remove(world->dir, name, &err));
    cosigned(world);
}

/* ---- adding -----------------------------------------------------------------------------------
 */

static void test_add__refuses_what_is_no_site(void **state)
{
    struct world *world = *state;
    _hm_free_(hm_witness_folder_log_free) struct hm_witness_folder_log *log =
        add_log(world, world->audit);
    _hm_done_(hm_buf_done) struct hm_buf trust = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    const struct hm_witness_folder *folder = hm_witness_folder(world->audit);

    write_trust(world, &trust);
    assert_int_equal(hm_auditor_add(folder, log, hm_buf_bytes(&trust), NULL, NULL), HM_EUSAGE);
    assert_int_equal(hm_auditor_add(folder, log, hm_buf_bytes(&trust), "ftp://x.example/", NULL),
                     HM_EUSAGE);
    assert_int_equal(hm_auditor_add(folder, log, hm_buf_bytes(&trust), "", NULL), HM_EUSAGE);
    assert_int_equal(
        hm_auditor_add(folder, log, HM_BYTES_LITERAL("{}"), "https://x.example/", NULL),
        HM_EFORMAT);
    assert_int_equal(hm_auditor_add(folder, log, hm_buf_bytes(&trust), "https://x.example/", NULL),
                     HM_OK);
}

#define audit_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        audit_test(test_audit__cosigns_a_true_log),
        audit_test(test_audit__cosigns_the_same_size_without_the_site),
        audit_test(test_audit__goes_on_by_its_own_copy),
        audit_test(test_audit__tells_of_keys),
        audit_test(test_audit__takes_a_root_that_is_not_in_force_yet),
        audit_test(test_audit__refuses_a_role_that_was_lowered),
        audit_test(test_audit__refuses_a_role_that_was_dropped),
        audit_test(test_audit__refuses_a_version_with_other_bytes),
        audit_test(test_audit__refuses_a_second_entry_of_a_version),
        audit_test(test_audit__refuses_a_release_that_is_not_listed),
        audit_test(test_audit__refuses_a_release_that_is_not_logged),
        audit_test(test_audit__refuses_another_map),
        audit_test(test_audit__refuses_an_entry_that_cannot_be_read),
        audit_test(test_audit__refuses_a_snapshot_that_is_not_last),
        audit_test(test_audit__refuses_a_root_that_was_skipped),
        audit_test(test_audit__refuses_a_void_of_what_it_cosigned),
        audit_test(test_audit__refuses_a_void_of_a_true_release),
        audit_test(test_audit__refuses_entries_that_are_neither_listed_nor_void),
        audit_test(test_audit__refuses_a_snapshot_that_a_stranger_signed),
        audit_test(test_audit__refuses_another_chain_of_roots),
        audit_test(test_audit__refuses_a_log_that_root_does_not_name),
        audit_test(test_audit__waits_for_metadata_that_is_missing),
        audit_test(test_audit__waits_for_metadata_that_is_wrong),
        audit_test(test_audit__waits_for_tiles),
        audit_test(test_audit__waits_for_a_trust_file),
        audit_test(test_audit__goes_on_once_a_false_batch_is_void),
        audit_test(test_audit__goes_on_once_entries_that_counted_are_void),
        audit_test(test_audit__minds_no_junk_that_is_void),
        audit_test(test_audit__forgets_no_version_of_a_void_batch),
        audit_test(test_audit__reads_again_what_is_damaged_in_its_copy),
        audit_test(test_audit__takes_no_damaged_state_for_none),
        audit_test(test_add__refuses_what_is_no_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
