/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf/client: the workflow for the top-level roles. Delegated roles: test_search.c.
 *
 * Advisories of TUF clients whose cause is tested here: CVE-2020-15163 (a refused root stayed on
 * the disk), CVE-2022-29173 (rollback after a restart, per role), CVE-2025-2885 (root version not
 * N+1), CVE-2025-2888 (a refused update must leave a usable folder), aktualizr 1185 (expired local
 * files must not block), specification issue 318 (interrupted root chain and fast-forward).
 */
#include "tuf_fixture.h"

#include "base/file.h"
#include "tmpdir.h"

static const enum fixture_key root_key[] = {FIXTURE_ROOT};

static void check_log(const struct fixture *fx, const char *expected)
{
    assert_string_equal(fx->log, expected);
}

static void damage(const struct fixture *fx, const char *name)
{
    assert_int_equal(hm_file_replace(fx->dir, name, 0644, HM_BYTES_LITERAL("{\"signed\""), NULL),
                     HM_OK);
}

static void test_refresh__gets_each_file_once(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "2.root timestamp 1.snapshot 1.targets");
    assert_true(fixture_is_stored(&fx, "root", "1.root.json"));
    assert_true(fixture_is_stored(&fx, "timestamp", "timestamp.json"));
    assert_true(fixture_is_stored(&fx, "snapshot", "1.snapshot.json"));
    assert_true(fixture_is_stored(&fx, "targets", "1.targets.json"));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "2.root timestamp");
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "2.root timestamp 2.snapshot 2.targets");
    assert_int_equal(fixture_stored(&fx, "targets"), 2);
}

static void test_refresh__works_without_consistent_snapshots(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    fx.root->consistent_snapshot = false;
    fx.root->document.version = 2;
    fixture_publish_root(&fx, root_key, 1);
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "2.root 3.root timestamp snapshot targets");
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "3.root timestamp");
}

static void test_refresh__works_without_hashes_unless_they_are_demanded(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    fx.require_hashes = true;
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fx.hashes = false;
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EFORMAT);
    assert_int_equal(fixture_stored(&fx, "timestamp"), 1);
    fx.require_hashes = false;
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
}

static void test_init__refuses_what_is_no_root(void **state)
{
    static const enum fixture_key strangers[] = {FIXTURE_STRANGER};
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(hm_client_init(fx.dir, HM_BYTES_EMPTY, &err), HM_EFORMAT);
    assert_int_equal(hm_client_init(fx.dir, HM_BYTES_LITERAL("null"), &err), HM_EFORMAT);
    assert_int_equal(hm_client_init(fx.dir, fixture_served(&fx, "timestamp.json"), &err),
                     HM_EFORMAT);
    assert_true(fixture_is_stored(&fx, "root", "1.root.json"));
    fixture_publish_root(&fx, strangers, 1);
    assert_int_equal(hm_client_init(fx.dir, fixture_served(&fx, "1.root.json"), &err),
                     HM_ESIGNATURE);
}

static void test_open__needs_a_sound_root(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_client_config config = {.dir = tmpdir_of(state)};
    struct hm_client *client = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_client_open(&config, &err, &client), HM_EINPUT);
    assert_non_null(strstr(err.text, "holds no root.json"));
    fixture_init(&fx, tmpdir_of(state));
    damage(&fx, "root.json");
    assert_int_equal(hm_client_open(&config, &err, &client), HM_EINPUT);
    assert_non_null(strstr(err.text, "is damaged"));
    assert_non_null(strstr(err.text, "with 'init'"));
    assert_null(client);
}

static void test_refresh__follows_the_chain_of_roots(void **state)
{
    static const enum fixture_key both[] = {FIXTURE_ROOT, FIXTURE_ROOT_NEW};
    static const enum fixture_key new_key[] = {FIXTURE_ROOT_NEW};
    _hm_done_(fixture_done) struct fixture fx;
    const struct hm_key *key;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    key = fixture_key(&fx, FIXTURE_ROOT_NEW);
    /* TUF 5.3.10: an expired root in between does not matter. */
    fx.root->document = (struct hm_document){.version = 2, .expires_unix_s = FIXTURE_NOW - 1};
    assert_int_equal(hm_root_set_role(fx.root, HM_ROOT_ROLE_ROOT, &key, 1, 1, &err), HM_OK);
    fixture_publish_root(&fx, both, 2);
    fx.root->document = (struct hm_document){.version = 3, .expires_unix_s = FIXTURE_EXPIRES};
    fixture_publish_root(&fx, new_key, 1);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "2.root 3.root 4.root timestamp 1.snapshot 1.targets");
    assert_true(fixture_is_stored(&fx, "root", "3.root.json"));
}

static void test_refresh__stores_an_expired_root_and_stops(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    fx.root->document = (struct hm_document){.version = 2, .expires_unix_s = FIXTURE_NOW};
    fixture_publish_root(&fx, root_key, 1);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EEXPIRED);
    check_log(&fx, "2.root 3.root");
    assert_int_equal(fixture_stored(&fx, "root"), 2);
    assert_int_equal(fixture_stored(&fx, "timestamp"), 0);
    fx.root->document = (struct hm_document){.version = 3, .expires_unix_s = FIXTURE_EXPIRES};
    fixture_publish_root(&fx, root_key, 1);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
}

static void test_refresh__keeps_no_refused_root(void **state)
{
    static const enum fixture_key strangers[] = {FIXTURE_STRANGER};
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    fx.root->document.version = 2;
    fixture_publish_root(&fx, strangers, 1);
    assert_int_equal(fixture_refresh(&fx, &err), HM_ESIGNATURE);
    check_log(&fx, "2.root");
    assert_true(fixture_is_stored(&fx, "root", "1.root.json"));
    /* Signed well, but the version of another place in the chain. */
    fixture_publish_root(&fx, root_key, 1);
    fx.root->document.version = 3;
    fixture_publish_root(&fx, root_key, 1);
    fixture_serve(&fx, "2.root.json", fixture_served(&fx, "3.root.json"));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    fixture_serve(&fx, "2.root.json", fixture_served(&fx, "1.root.json"));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    fixture_serve(&fx, "2.root.json", HM_BYTES_LITERAL("null"));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EFORMAT);
    assert_true(fixture_is_stored(&fx, "root", "1.root.json"));
}

static void test_refresh__takes_so_many_roots_at_a_time(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    while (fx.root->document.version < HM_CLIENT_ROOT_ROTATIONS_MAX + 3) {
        fx.root->document.version++;
        fixture_publish_root(&fx, root_key, 1);
    }
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    assert_int_equal(fixture_stored(&fx, "root"), HM_CLIENT_ROOT_ROTATIONS_MAX + 1);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    assert_int_equal(fixture_stored(&fx, "root"), HM_CLIENT_ROOT_ROTATIONS_MAX + 3);
}

static void test_refresh__refuses_an_older_timestamp_after_a_restart(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    _hm_done_(hm_buf_done) struct hm_buf old = HM_BUF_INIT(100000);
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(hm_buf_append(&old, fixture_served(&fx, "timestamp.json"), &err), HM_OK);
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fixture_serve(&fx, "timestamp.json", hm_buf_bytes(&old));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    assert_int_equal(fixture_stored(&fx, "timestamp"), 2);
    /* Also where the stored timestamp was lost: the stored snapshot is newer. */
    assert_int_equal(hm_dir_remove(fx.dir, "timestamp.json", &err), HM_OK);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    assert_int_equal(fixture_stored(&fx, "timestamp"), 0);
}

static void test_refresh__refuses_a_timestamp_naming_an_older_snapshot(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fx.snapshot->document.version = 1;
    fx.timestamp.version = 3;
    fixture_publish_timestamp(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    /* CVE-2025-2888: the refused one was not stored, and a good one ends the matter. */
    assert_int_equal(fixture_stored(&fx, "timestamp"), 2);
    fx.snapshot->document.version = 2;
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
}

static void test_refresh__keeps_the_timestamp_of_the_same_version(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    _hm_done_(hm_buf_done) struct hm_buf first = HM_BUF_INIT(100000);
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(hm_buf_append(&first, fixture_served(&fx, "timestamp.json"), &err), HM_OK);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fx.timestamp.expires_unix_s += 1000;
    fixture_publish_timestamp(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "2.root timestamp");
    fixture_serve(&fx, "timestamp.json", hm_buf_bytes(&first));
    assert_true(fixture_is_stored(&fx, "timestamp", "timestamp.json"));
    /* But once the kept one is over, the same version cannot refresh it. */
    fx.now_unix_s = FIXTURE_EXPIRES;
    assert_int_equal(fixture_refresh(&fx, &err), HM_EEXPIRED);
}

static void test_refresh__lets_no_expired_local_file_block(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fx.now_unix_s = FIXTURE_EXPIRES + 5;
    fx.root->document = (struct hm_document){.version = 2, .expires_unix_s = FIXTURE_NOW * 2};
    fx.targets->document.expires_unix_s = FIXTURE_NOW * 2;
    fx.snapshot->document.expires_unix_s = FIXTURE_NOW * 2;
    fx.timestamp.expires_unix_s = FIXTURE_NOW * 2;
    fixture_publish_root(&fx, root_key, 1);
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
}

/* Makes one role expire, publishes it, and refreshes. */
static void check_expired(struct fixture *fx, struct hm_document *document, const char *name,
                          const char *log)
{
    int64_t before = fixture_stored(fx, name);
    struct hm_err err = HM_ERR_INIT;

    document->expires_unix_s = FIXTURE_NOW;
    fixture_publish_next(fx);
    assert_int_equal(fixture_refresh(fx, &err), HM_EEXPIRED);
    check_log(fx, log);
    assert_int_equal(fixture_stored(fx, name), before);
    document->expires_unix_s = FIXTURE_EXPIRES;
    fixture_publish_next(fx);
    assert_int_equal(fixture_refresh(fx, &err), HM_OK);
}

static void test_refresh__stores_nothing_expired(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_expired(&fx, &fx.timestamp, "timestamp", "2.root timestamp");
    check_expired(&fx, &fx.snapshot->document, "snapshot", "2.root timestamp 4.snapshot");
    check_expired(&fx, &fx.targets->document, "targets", "2.root timestamp 6.snapshot 6.targets");
}

static void test_refresh__refuses_a_snapshot_that_is_not_the_one_named(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fixture_publish_next(&fx);
    /* Signed and valid, but other bytes. */
    fx.snapshot->document.expires_unix_s++;
    fixture_publish_snapshot(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EMISMATCH);
    assert_int_equal(fixture_stored(&fx, "timestamp"), 2);
    assert_int_equal(fixture_stored(&fx, "snapshot"), 1);
    /* Without hashes the version decides. */
    fx.hashes = false;
    fixture_publish_next(&fx);
    fixture_serve(&fx, "3.snapshot.json", fixture_served(&fx, "2.snapshot.json"));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EMISMATCH);
    assert_int_equal(fixture_stored(&fx, "snapshot"), 1);
    fixture_withdraw(&fx, "3.snapshot.json");
    assert_int_equal(fixture_refresh(&fx, &err), HM_ENOTFOUND);
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
}

static void test_refresh__refuses_a_snapshot_that_takes_back(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_targets *role = fixture_role("a/file");
    struct hm_snapshot *without;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    role->document.version = 5;
    fixture_publish_role(&fx, "A", role, FIXTURE_A);
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    /* CVE-2022-29173, CVE-2025-2887: a delegated role goes back, after a restart, and although the
     * stored snapshot is not the one the new timestamp names. */
    role->document.version = 4;
    fixture_publish_role(&fx, "A", role, FIXTURE_A);
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    assert_int_equal(fixture_stored(&fx, "snapshot"), 2);
    /* A role disappears. */
    without = fx.snapshot;
    assert_int_equal(hm_snapshot_new(&err, &fx.snapshot), HM_OK);
    fx.snapshot->document = without->document;
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
    hm_snapshot_free(fx.snapshot);
    fx.snapshot = without;
    role->document.version = 5;
    fixture_publish_role(&fx, "A", role, FIXTURE_A);
    fx.snapshot->document.version = 9;
    fx.timestamp.version = 9;
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    hm_targets_free(role);
}

static void test_refresh__refuses_targets_that_are_not_the_ones_named(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fixture_publish_next(&fx);
    fixture_serve(&fx, "2.targets.json", fixture_served(&fx, "1.targets.json"));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EMISMATCH);
    assert_int_equal(fixture_stored(&fx, "targets"), 1);
    assert_int_equal(fixture_stored(&fx, "snapshot"), 2);
    fx.hashes = false;
    fixture_publish_next(&fx);
    fixture_serve(&fx, "3.targets.json", fixture_served(&fx, "1.targets.json"));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EMISMATCH);
    assert_non_null(strstr(err.text, "'targets': version 1 where 3 was named"));
    assert_int_equal(fixture_stored(&fx, "targets"), 1);
    fixture_withdraw(&fx, "3.targets.json");
    assert_int_equal(fixture_refresh(&fx, &err), HM_ENOTFOUND);
    /* A good file ends the matter: no hand is needed. */
    fx.hashes = true;
    fixture_publish_next(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
}

static void test_refresh__refuses_files_larger_than_named(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    _hm_done_(hm_buf_done) struct hm_buf large = HM_BUF_INIT(1000000);
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(hm_buf_append(&large, fixture_served(&fx, "1.targets.json"), &err), HM_OK);
    assert_int_equal(hm_buf_append_byte(&large, ' ', &err), HM_OK);
    fixture_serve(&fx, "1.targets.json", hm_buf_bytes(&large));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EFORMAT);
    assert_int_equal(fixture_stored(&fx, "targets"), 0);
    hm_buf_clear(&large);
    while (large.size <= HM_DOCUMENT_TIMESTAMP_SIZE_MAX)
        assert_int_equal(hm_buf_append_byte(&large, ' ', &err), HM_OK);
    assert_int_equal(hm_buf_append(&large, fixture_served(&fx, "timestamp.json"), &err), HM_OK);
    fixture_serve(&fx, "timestamp.json", hm_buf_bytes(&large));
    assert_int_equal(fixture_refresh(&fx, &err), HM_EFORMAT);
}

static void test_refresh__needs_targets_in_the_snapshot(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    hm_snapshot_free(fx.snapshot);
    assert_int_equal(hm_snapshot_new(&err, &fx.snapshot), HM_OK);
    fx.snapshot->document = (struct hm_document){.version = 2, .expires_unix_s = FIXTURE_EXPIRES};
    fx.timestamp.version = 2;
    fixture_publish_snapshot(&fx);
    fixture_publish_timestamp(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_EFORMAT);
    assert_non_null(strstr(err.text, "does not name 'targets'"));
    check_log(&fx, "2.root timestamp 2.snapshot");
}

static void test_refresh__takes_damaged_files_as_absent(void **state)
{
    static const char *const names[] = {"timestamp.json", "snapshot.json", "targets.json"};
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        damage(&fx, names[i]);
        assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    }
    check_log(&fx, "2.root timestamp 1.targets");
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        damage(&fx, names[i]);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "2.root timestamp 1.snapshot 1.targets");
    assert_true(fixture_is_stored(&fx, "timestamp", "timestamp.json"));
}

static void rotate(struct fixture *fx, enum hm_root_role role, enum fixture_key key)
{
    const struct hm_key *public_key = fixture_key(fx, key);
    struct hm_signer *signer = fx->signers[key];
    enum fixture_key own = role == HM_ROOT_ROLE_TIMESTAMP ? FIXTURE_TIMESTAMP : FIXTURE_SNAPSHOT;
    struct hm_err err = HM_ERR_INIT;

    fx->root->document.version++;
    assert_int_equal(hm_root_set_role(fx->root, role, &public_key, 1, 1, &err), HM_OK);
    fixture_publish_root(fx, root_key, 1);
    fx->signers[key] = fx->signers[own];
    fx->signers[own] = signer;
}

static void test_refresh__recovers_from_fast_forward(void **state)
{
    static const enum hm_root_role roles[] = {HM_ROOT_ROLE_TIMESTAMP, HM_ROOT_ROLE_SNAPSHOT};

    for (size_t i = 0; i < HM_ARRAY_COUNT(roles); i++) {
        _hm_done_(fixture_done) struct fixture fx;
        struct hm_err err = HM_ERR_INIT;

        fixture_init(&fx, tmpdir_of(state));
        assert_int_equal(hm_dir_remove(fx.dir, "timestamp.json", &err), HM_OK);
        assert_int_equal(hm_dir_remove(fx.dir, "snapshot.json", &err), HM_OK);
        /* Someone with the online keys signed the highest versions there are. */
        fx.timestamp.version = fx.snapshot->document.version = INT64_MAX - 1;
        fixture_publish_next(&fx);
        assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
        fx.timestamp.version = fx.snapshot->document.version = 1;
        fixture_publish_next(&fx);
        assert_int_equal(fixture_refresh(&fx, &err), HM_EROLLBACK);
        rotate(&fx, roles[i], FIXTURE_A);
        fixture_publish_snapshot(&fx);
        fixture_publish_timestamp(&fx);
        assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
        assert_int_equal(fixture_stored(&fx, "snapshot"), 2);
    }
}

static void test_refresh__forgets_online_files_before_the_root_is_stored(void **state)
{
    static const enum fixture_key strangers[] = {FIXTURE_STRANGER};
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    /* Root 2 rotates the snapshot key, root 3 gives it back, root 4 is bad: the chain stops. */
    rotate(&fx, HM_ROOT_ROLE_SNAPSHOT, FIXTURE_A);
    rotate(&fx, HM_ROOT_ROLE_SNAPSHOT, FIXTURE_A);
    fx.root->document.version++;
    fixture_publish_root(&fx, strangers, 1);
    assert_int_equal(fixture_refresh(&fx, &err), HM_ESIGNATURE);
    assert_int_equal(fixture_stored(&fx, "root"), 3);
    assert_int_equal(fixture_stored(&fx, "timestamp"), 0);
    assert_int_equal(fixture_stored(&fx, "snapshot"), 0);
    assert_int_equal(fixture_stored(&fx, "targets"), 1);
    /* A root that leaves the online keys alone leaves the files. */
    fixture_publish_root(&fx, root_key, 1);
    fixture_publish_timestamp(&fx);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    fx.root->document.version++;
    fixture_publish_root(&fx, root_key, 1);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    check_log(&fx, "5.root 6.root timestamp");
}

static void test_refresh__refuses_unsigned_roles(void **state)
{
    static const char *const names[] = {"timestamp.json", "2.snapshot.json", "2.targets.json"};
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    fx.hashes = false;
    fixture_publish_next(&fx);
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(hm_buf_done) struct hm_buf good = HM_BUF_INIT(100000);
        _hm_done_(hm_buf_done) struct hm_buf bad = HM_BUF_INIT(100000);
        const char *body;

        assert_int_equal(hm_buf_append(&good, fixture_served(&fx, names[i]), &err), HM_OK);
        body = strstr(hm_buf_str(&good), "\"signed\"");
        assert_non_null(body);
        assert_int_equal(hm_buf_append_fmt(&bad, &err, "{\"signatures\":[],%s", body), HM_OK);
        fixture_serve(&fx, names[i], hm_buf_bytes(&bad));
        assert_int_equal(fixture_refresh(&fx, &err), HM_ESIGNATURE);
        fixture_serve(&fx, names[i], hm_buf_bytes(&good));
    }
    assert_int_equal(fixture_stored(&fx, "targets"), 0);
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
}

static void test_load__needs_a_complete_state(void **state)
{
    static const char *const names[] = {"timestamp.json", "snapshot.json", "targets.json"};
    _hm_done_(fixture_done) struct fixture fx;
    struct hm_client_config config = {.dir = tmpdir_of(state), .now_unix_s = FIXTURE_NOW};
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_free_(hm_client_free) struct hm_client *client = NULL;

        assert_int_equal(hm_client_open(&config, &err, &client), HM_OK);
        if (i > 0)
            assert_int_equal(hm_dir_remove(fx.dir, names[i], &err), HM_OK);
        assert_int_equal(hm_client_load(client, &err), HM_EAGAIN);
        assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
        assert_int_equal(hm_client_load(client, &err), HM_OK);
        assert_non_null(hm_targets_find(hm_client_targets(client), HM_BYTES_LITERAL("file.bin")));
        assert_int_equal(hm_client_root(client)->document.version, 1);
        assert_int_equal(hm_client_timestamp(client)->document.version, 1);
        assert_int_equal(hm_client_snapshot(client)->document.version, 1);
    }
}

static void test_load__minds_expiry_unless_told_otherwise(void **state)
{
    _hm_done_(fixture_done) struct fixture fx;
    _hm_free_(hm_client_free) struct hm_client *client = NULL;
    _hm_free_(hm_client_free) struct hm_client *lenient = NULL;
    struct hm_client_config config = {.dir = tmpdir_of(state), .now_unix_s = FIXTURE_EXPIRES};
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&fx, tmpdir_of(state));
    assert_int_equal(fixture_refresh(&fx, &err), HM_OK);
    assert_int_equal(hm_client_open(&config, &err, &client), HM_OK);
    assert_int_equal(hm_client_load(client, &err), HM_EEXPIRED);
    config.ignore_expiry = true;
    assert_int_equal(hm_client_open(&config, &err, &lenient), HM_OK);
    assert_int_equal(hm_client_load(lenient, &err), HM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_refresh__gets_each_file_once),
        tmpdir_test(test_refresh__works_without_consistent_snapshots),
        tmpdir_test(test_refresh__works_without_hashes_unless_they_are_demanded),
        tmpdir_test(test_init__refuses_what_is_no_root),
        tmpdir_test(test_open__needs_a_sound_root),
        tmpdir_test(test_refresh__follows_the_chain_of_roots),
        tmpdir_test(test_refresh__stores_an_expired_root_and_stops),
        tmpdir_test(test_refresh__keeps_no_refused_root),
        tmpdir_test(test_refresh__takes_so_many_roots_at_a_time),
        tmpdir_test(test_refresh__refuses_an_older_timestamp_after_a_restart),
        tmpdir_test(test_refresh__refuses_a_timestamp_naming_an_older_snapshot),
        tmpdir_test(test_refresh__keeps_the_timestamp_of_the_same_version),
        tmpdir_test(test_refresh__lets_no_expired_local_file_block),
        tmpdir_test(test_refresh__stores_nothing_expired),
        tmpdir_test(test_refresh__refuses_a_snapshot_that_is_not_the_one_named),
        tmpdir_test(test_refresh__refuses_a_snapshot_that_takes_back),
        tmpdir_test(test_refresh__refuses_targets_that_are_not_the_ones_named),
        tmpdir_test(test_refresh__refuses_files_larger_than_named),
        tmpdir_test(test_refresh__needs_targets_in_the_snapshot),
        tmpdir_test(test_refresh__takes_damaged_files_as_absent),
        tmpdir_test(test_refresh__recovers_from_fast_forward),
        tmpdir_test(test_refresh__forgets_online_files_before_the_root_is_stored),
        tmpdir_test(test_refresh__refuses_unsigned_roles),
        tmpdir_test(test_load__needs_a_complete_state),
        tmpdir_test(test_load__minds_expiry_unless_told_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
