/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tuf/search and the delegated roles of tuf/client.
 *
 * Advisories of TUF clients whose cause is tested here: the "diamond" of 2026-08 (a role cached for
 * one delegator is good only for him), CVE-2024-47534 (order of the search), CVE-2025-2886
 * (terminating ignored), CVE-2025-2887 (rollback of delegated roles), CVE-2026-6966 and
 * CVE-2026-6967 (delegated roles checked less than others), CVE-2021-41131, CVE-2021-41149 and
 * CVE-2021-41150 (names used as paths).
 */
#include "tuf_fixture.h"

#include "base/text.h"
#include "tmpdir.h"

/* A repository whose targets delegate; roles are published as they are made. */
struct tree {
    struct fixture fx;
    struct hm_client *client;
};

static void tree_done(struct tree *tree)
{
    hm_client_free(tree->client);
    fixture_done(&tree->fx);
}

/* Publishes role (which is freed) and gives it a delegation in targets. */
static void add(struct tree *tree, const char *name, enum fixture_key key, const char *pattern,
                bool terminating, struct hm_targets *role)
{
    fixture_delegate(&tree->fx, tree->fx.targets, name, key, pattern, terminating);
    fixture_publish_role(&tree->fx, name, role, key);
    hm_targets_free(role);
}

/* Publishes all and refreshes a new client; the log starts behind the top-level roles. */
static void open_tree(struct tree *tree)
{
    struct hm_err err = HM_ERR_INIT;

    fixture_publish_next(&tree->fx);
    hm_client_free(tree->client);
    tree->client = fixture_open(&tree->fx);
    assert_int_equal(hm_client_refresh(tree->client, &err), HM_OK);
    tree->fx.log[0] = '\0';
}

static enum hm_rc find(struct tree *tree, const char *path, const char **ret_role,
                       struct hm_err *err)
{
    static char name[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1];
    struct hm_client_found found;

    HM_TRY(hm_client_find(tree->client, hm_bytes_str(path), err, &found));
    assert_true(hm_bytes_is_str(found.target->path, path));
    (void)snprintf(name, sizeof(name), "%.*s", found.role == NULL ? 7 : (int)found.role->name.size,
                   found.role == NULL ? "targets" : (const char *)found.role->name.data);
    *ret_role = name;
    return HM_OK;
}

static void check_found(struct tree *tree, const char *path, const char *role, const char *log)
{
    struct hm_err err = HM_ERR_INIT;
    const char *found;

    if (find(tree, path, &found, &err) != HM_OK)
        fail_msg("%s: %s", path, err.text);
    assert_string_equal(found, role);
    assert_string_equal(tree->fx.log, log);
}

static void check_refused(struct tree *tree, const char *path, enum hm_rc rc, const char *log)
{
    struct hm_err err = HM_ERR_INIT;
    const char *found;

    assert_int_equal(find(tree, path, &found, &err), rc);
    assert_string_equal(tree->fx.log, log);
}

static void test_find__visits_in_pre_order(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    struct hm_targets *a, *b;

    fixture_init(&tree.fx, tmpdir_of(state));
    a = fixture_role(NULL);
    fixture_delegate(&tree.fx, a, "A1", FIXTURE_A, "*", false);
    fixture_delegate(&tree.fx, a, "A2", FIXTURE_A, "other", false);
    fixture_delegate(&tree.fx, a, "A3", FIXTURE_A, "*", false);
    b = fixture_role("wanted");
    fixture_publish_role(&tree.fx, "A1", b, FIXTURE_A);
    fixture_publish_role(&tree.fx, "A2", b, FIXTURE_A);
    fixture_publish_role(&tree.fx, "A3", b, FIXTURE_A);
    add(&tree, "A", FIXTURE_A, "*", false, a);
    fixture_put(b, "late", "hello");
    add(&tree, "B", FIXTURE_B, "*", false, b);
    open_tree(&tree);
    check_found(&tree, "file.bin", "targets", "");
    check_found(&tree, "wanted", "A1", "1.A 1.A1");
    /* Nothing is asked for twice; the path in no role visits all that speak for it. */
    check_found(&tree, "late", "B", "1.A 1.A1 1.A3 1.B");
    check_refused(&tree, "nowhere", HM_EUNKNOWN, "1.A 1.A1 1.A3 1.B");
    check_refused(&tree, "a/path", HM_EUNKNOWN, "1.A 1.A1 1.A3 1.B");
}

static void test_find__stops_at_a_terminating_role(void **state)
{
    /* CVE-2025-2886 */
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    struct hm_targets *a, *inner;

    fixture_init(&tree.fx, tmpdir_of(state));
    a = fixture_role(NULL);
    fixture_delegate(&tree.fx, a, "A1", FIXTURE_A, "deep", true);
    inner = fixture_role(NULL);
    fixture_publish_role(&tree.fx, "A1", inner, FIXTURE_A);
    hm_targets_free(inner);
    add(&tree, "A", FIXTURE_A, "deep", false, a);
    add(&tree, "T", FIXTURE_A, "x", true, fixture_role(NULL));
    inner = fixture_role("x");
    fixture_put(inner, "deep", "hello");
    fixture_put(inner, "y", "hello");
    add(&tree, "B", FIXTURE_B, "*", false, inner);
    open_tree(&tree);
    check_refused(&tree, "x", HM_EUNKNOWN, "1.T");
    check_refused(&tree, "deep", HM_EUNKNOWN, "1.T 1.A 1.A1");
    check_found(&tree, "y", "B", "1.T 1.A 1.A1 1.B");
}

static void test_find__goes_round_no_circle(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    struct hm_targets *a, *b;

    fixture_init(&tree.fx, tmpdir_of(state));
    a = fixture_role(NULL);
    b = fixture_role(NULL);
    fixture_delegate(&tree.fx, a, "B", FIXTURE_B, "*", false);
    fixture_delegate(&tree.fx, b, "A", FIXTURE_A, "*", false);
    fixture_publish_role(&tree.fx, "B", b, FIXTURE_B);
    hm_targets_free(b);
    add(&tree, "A", FIXTURE_A, "*", false, a);
    open_tree(&tree);
    check_refused(&tree, "x", HM_EUNKNOWN, "1.A 1.B");
}

static void test_find__asks_only_so_many_roles(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    char name[16];

    fixture_init(&tree.fx, tmpdir_of(state));
    for (int i = 0; i <= HM_CLIENT_DELEGATIONS_MAX; i++) {
        struct hm_targets *role = fixture_role(NULL);

        (void)snprintf(name, sizeof(name), "path%02d", i);
        fixture_put(role, name, "hello");
        (void)snprintf(name, sizeof(name), "role%02d", i);
        add(&tree, name, FIXTURE_A, "*", false, role);
    }
    open_tree(&tree);
    (void)snprintf(name, sizeof(name), "path%02d", HM_CLIENT_DELEGATIONS_MAX - 1);
    {
        struct hm_err err = HM_ERR_INIT;
        const char *found;

        assert_int_equal(find(&tree, name, &found, &err), HM_OK);
        (void)snprintf(name, sizeof(name), "path%02d", HM_CLIENT_DELEGATIONS_MAX);
        assert_int_equal(find(&tree, name, &found, &err), HM_EFORMAT);
        assert_non_null(strstr(err.text, "more than 32 delegated roles"));
        assert_null(strstr(tree.fx.log, "role32"));
    }
}

/* Two parents name the role "shared", each with its own key; only key signs it. */
static void make_diamond(struct tree *tree, enum fixture_key key)
{
    struct hm_targets *shared = fixture_role("a/x");
    struct hm_targets *left = fixture_role(NULL);
    struct hm_targets *right = fixture_role(NULL);

    fixture_put(shared, "b/x", "hello");
    fixture_delegate(&tree->fx, left, "shared", FIXTURE_A, "a/*", false);
    fixture_delegate(&tree->fx, right, "shared", FIXTURE_B, "b/*", false);
    add(tree, "left", FIXTURE_STRANGER, "a/*", false, left);
    add(tree, "right", FIXTURE_STRANGER, "b/*", false, right);
    fixture_publish_role(&tree->fx, "shared", shared, key);
    hm_targets_free(shared);
    open_tree(tree);
}

static void test_role__is_verified_for_each_delegator(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};

    fixture_init(&tree.fx, tmpdir_of(state));
    make_diamond(&tree, FIXTURE_A);
    check_found(&tree, "a/x", "shared", "1.left 1.shared");
    check_refused(&tree, "b/x", HM_ESIGNATURE, "1.left 1.shared 1.right");
    check_found(&tree, "a/x", "shared", "1.left 1.shared 1.right");
}

static void test_role__is_verified_for_each_delegator_in_the_other_order(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};

    fixture_init(&tree.fx, tmpdir_of(state));
    make_diamond(&tree, FIXTURE_B);
    check_refused(&tree, "a/x", HM_ESIGNATURE, "1.left 1.shared");
    check_found(&tree, "b/x", "shared", "1.left 1.shared 1.right 1.shared");
    check_refused(&tree, "a/x", HM_ESIGNATURE, "1.left 1.shared 1.right 1.shared");
}

static void test_find__checks_a_second_delegator_on_the_way(void **state)
{
    /* Both parents speak for the same path: the second delegation of a visited role must hold too.
     */
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    struct hm_targets *left, *right, *shared;

    fixture_init(&tree.fx, tmpdir_of(state));
    left = fixture_role(NULL);
    right = fixture_role(NULL);
    shared = fixture_role(NULL);
    fixture_delegate(&tree.fx, left, "shared", FIXTURE_A, "*", false);
    fixture_delegate(&tree.fx, right, "shared", FIXTURE_B, "*", false);
    fixture_publish_role(&tree.fx, "shared", shared, FIXTURE_A);
    hm_targets_free(shared);
    add(&tree, "left", FIXTURE_STRANGER, "*", false, left);
    add(&tree, "right", FIXTURE_STRANGER, "*", false, right);
    open_tree(&tree);
    check_refused(&tree, "x", HM_ESIGNATURE, "1.left 1.shared 1.right");
}

static void test_role__is_not_asked_for_unless_the_snapshot_names_it(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};

    fixture_init(&tree.fx, tmpdir_of(state));
    fixture_delegate(&tree.fx, tree.fx.targets, "absent", FIXTURE_A, "*", false);
    open_tree(&tree);
    check_refused(&tree, "x", HM_ENOTFOUND, "");
}

static void test_role__is_checked_like_every_other(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    _hm_done_(hm_buf_done) struct hm_buf good = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf large = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf twice = HM_BUF_INIT(100000);
    struct hm_err err = HM_ERR_INIT;
    struct hm_targets *role;
    char *text;

    fixture_init(&tree.fx, tmpdir_of(state));
    add(&tree, "A", FIXTURE_A, "*", false, fixture_role("x"));
    open_tree(&tree);
    assert_int_equal(hm_buf_append(&good, fixture_served(&tree.fx, "1.A.json"), &err), HM_OK);
    /* CVE-2026-6967: too large, other bytes, expired. */
    assert_int_equal(hm_buf_append(&large, hm_buf_bytes(&good), &err), HM_OK);
    assert_int_equal(hm_buf_append_byte(&large, ' ', &err), HM_OK);
    fixture_serve(&tree.fx, "1.A.json", hm_buf_bytes(&large));
    check_refused(&tree, "x", HM_EFORMAT, "1.A");
    text = strchr((char *)large.data, '0');
    assert_non_null(text);
    *text = '1';
    large.size--;
    fixture_serve(&tree.fx, "1.A.json", hm_buf_bytes(&large));
    check_refused(&tree, "x", HM_EMISMATCH, "1.A 1.A");
    assert_int_equal(fixture_stored(&tree.fx, "A"), 0);
    role = fixture_role("x");
    role->document.expires_unix_s = FIXTURE_NOW;
    fixture_publish_role(&tree.fx, "A", role, FIXTURE_A);
    open_tree(&tree);
    check_refused(&tree, "x", HM_EEXPIRED, "1.A");
    assert_int_equal(fixture_stored(&tree.fx, "A"), 0);
    /* CVE-2026-6966: a doubled signature, where no hash would tell. */
    tree.fx.hashes = false;
    role->document.expires_unix_s = FIXTURE_EXPIRES;
    fixture_publish_role(&tree.fx, "A", role, FIXTURE_A);
    open_tree(&tree);
    hm_buf_clear(&good);
    assert_int_equal(hm_buf_append(&good, fixture_served(&tree.fx, "1.A.json"), &err), HM_OK);
    text = strstr((char *)good.data, "],\"signed\"");
    assert_non_null(text);
    assert_int_equal(hm_buf_append_fmt(&twice, &err, "{\"signatures\":[%.*s,%s",
                                       (int)(text - (char *)good.data - 15), (char *)good.data + 15,
                                       (char *)good.data + 15),
                     HM_OK);
    fixture_serve(&tree.fx, "1.A.json", hm_buf_bytes(&twice));
    check_refused(&tree, "x", HM_EFORMAT, "1.A");
    /* A version that is not the one named (rollback of a delegated role, CVE-2025-2887). */
    role->document.version = 2;
    fixture_publish_role(&tree.fx, "A", role, FIXTURE_A);
    fixture_serve(&tree.fx, "2.A.json", hm_buf_bytes(&good));
    open_tree(&tree);
    check_refused(&tree, "x", HM_EMISMATCH, "2.A");
    assert_int_equal(fixture_stored(&tree.fx, "A"), 0);
    hm_targets_free(role);
}

static void test_role__comes_from_the_folder_next_time(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&tree.fx, tmpdir_of(state));
    add(&tree, "A", FIXTURE_A, "*", false, fixture_role("x"));
    open_tree(&tree);
    check_found(&tree, "x", "A", "1.A");
    assert_true(fixture_is_stored(&tree.fx, "A", "1.A.json"));
    open_tree(&tree);
    check_found(&tree, "x", "A", "");
    /* Other keys for the same file: what lies in the folder is verified afresh. */
    fixture_delegate(&tree.fx, tree.fx.targets, "A", FIXTURE_B, "*", false);
    open_tree(&tree);
    check_refused(&tree, "x", HM_ESIGNATURE, "1.A");
    assert_int_equal(hm_client_refresh(tree.client, &err), HM_OK);
    check_refused(&tree, "x", HM_ESIGNATURE, "1.A 2.root timestamp 1.A");
}

static void test_role__is_stored_under_a_harmless_name(void **state)
{
    static const struct {
        const char *name, *file;
    } cases[] = {
        {"../../escape", "..%2F..%2Fescape"},
        {"/etc/passwd", "%2Fetc%2Fpasswd"},
        {"..", "%2E%2E"},
        {"a?b#c%d", "a%3Fb%23c%25d"},
        {"gr\xc3\xbc\xc3\x9f", "gr%C3%BC%C3%9F"},
        {"a\nb", "a%0Ab"},
        {"1.root", "1.root"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(tree_done) struct tree tree = {.client = NULL};
        char log[64];

        fixture_init(&tree.fx, tmpdir_of(state));
        add(&tree, cases[i].name, FIXTURE_A, "*", false, fixture_role("x"));
        open_tree(&tree);
        (void)snprintf(log, sizeof(log), "1.%s", cases[i].file);
        check_found(&tree, "x", cases[i].name, log);
        assert_int_equal(fixture_stored(&tree.fx, cases[i].file), 1);
    }
}

static void test_role__may_have_the_longest_name(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    char name[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1];
    struct hm_client_found found;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&tree.fx, tmpdir_of(state));
    memset(name, '/', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    add(&tree, name, FIXTURE_A, "*", false, fixture_role("x"));
    open_tree(&tree);
    assert_int_equal(hm_client_find(tree.client, HM_BYTES_LITERAL("x"), &err, &found), HM_OK);
    open_tree(&tree);
    assert_int_equal(hm_client_find(tree.client, HM_BYTES_LITERAL("x"), &err, &found), HM_OK);
    assert_string_equal(tree.fx.log, "");
}

static void test_find__reads_succinct_bins(void **state)
{
    /* SHA-256 of "hello" begins with 2c. */
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(100000);
    _hm_done_(hm_buf_done) struct hm_buf key = HM_BUF_INIT(10000);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(100000);
    struct hm_snapshot_meta meta = {.name = HM_BYTES_LITERAL("targets"), .version = 2};
    struct hm_targets *bin = fixture_role("hello");
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&tree.fx, tmpdir_of(state));
    fixture_put(bin, "not in this bin", "hello");
    fixture_publish_role(&tree.fx, "bin-2c", bin, FIXTURE_A);
    hm_targets_free(bin);
    fixture_key_json(&tree.fx, FIXTURE_A, &key);
    assert_int_equal(
        hm_buf_append_fmt(&json, &err,
                          "{\"_type\":\"targets\",\"spec_version\":\"1.0.31\",\"version\":2,"
                          "\"expires\":\"2030-01-01T00:00:00Z\",\"targets\":{},\"delegations\":{"
                          "\"keys\":{\"k\":%s},\"succinct_roles\":{\"keyids\":[\"k\",\"%s\"],"
                          "\"threshold\":1,\"bit_length\":8,\"name_prefix\":\"bin\"}}}",
                          hm_buf_str(&key), hm_key_id(fixture_key(&tree.fx, FIXTURE_A))),
        HM_OK);
    /* The signature carries the key's own id, so the ring must know it under that one. */
    {
        char *id = strstr((char *)json.data, "\"k\":{");
        _hm_done_(hm_buf_done) struct hm_buf fixed = HM_BUF_INIT(100000);

        assert_non_null(id);
        assert_int_equal(hm_buf_append_fmt(&fixed, &err, "%.*s\"%s\":%s",
                                           (int)(id - (char *)json.data), (char *)json.data,
                                           hm_key_id(fixture_key(&tree.fx, FIXTURE_A)), id + 4),
                         HM_OK);
        fixture_sign_one(&tree.fx, hm_buf_str(&fixed), FIXTURE_TARGETS, &raw);
    }
    fixture_serve(&tree.fx, "2.targets.json", hm_buf_bytes(&raw));
    assert_int_equal(hm_snapshot_put(tree.fx.snapshot, &meta, &err), HM_OK);
    tree.fx.snapshot->document.version = tree.fx.timestamp.version = 2;
    fixture_publish_snapshot(&tree.fx);
    fixture_publish_timestamp(&tree.fx);
    tree.client = fixture_open(&tree.fx);
    assert_int_equal(hm_client_refresh(tree.client, &err), HM_OK);
    tree.fx.log[0] = '\0';
    check_found(&tree, "hello", "bin-2c", "1.bin-2c");
    /* Its bin is another one, which the snapshot does not name. */
    check_refused(&tree, "not in this bin", HM_ENOTFOUND, "1.bin-2c");
}

static void test_role_local__asks_for_nothing(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    const struct hm_delegated_role *role;
    const struct hm_targets *targets;
    struct hm_err err = HM_ERR_INIT;

    fixture_init(&tree.fx, tmpdir_of(state));
    add(&tree, "A", FIXTURE_A, "*", false, fixture_role("x"));
    open_tree(&tree);
    role = &hm_client_targets(tree.client)->delegations.roles[0];
    assert_int_equal(hm_client_role_local(tree.client, role, &err, &targets), HM_EAGAIN);
    assert_string_equal(tree.fx.log, "");
    assert_int_equal(hm_client_role(tree.client, role, &err, &targets), HM_OK);
    assert_int_equal(hm_client_role_local(tree.client, role, &err, &targets), HM_OK);
    assert_string_equal(tree.fx.log, "1.A");
}

static void check_url(const struct hm_client *client, const char *path, const char *expected,
                      bool sha512)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(10000);
    struct hm_sha512 long_hash = {{0xcd}};
    struct hm_target target = {.path = hm_bytes_str(path)};
    struct hm_err err = HM_ERR_INIT;
    char shown[200];
    const char *dot;

    target.facts.sha256.bytes[0] = 0xab;
    target.facts.has_sha256 = !sha512;
    target.facts.sha512 = &long_hash;
    assert_int_equal(hm_client_target_url(client, &target, &err, &url), HM_OK);
    /* Shortened to the first two digits of the hash. */
    dot = strstr(hm_buf_str(&url), "00.");
    if (dot == NULL) {
        assert_string_equal(hm_buf_str(&url), expected);
        return;
    }
    (void)snprintf(shown, sizeof(shown), "%.*s%s",
                   (int)(dot - hm_buf_str(&url)) - (sha512 ? 124 : 60), hm_buf_str(&url), dot + 2);
    assert_string_equal(shown, expected);
}

static void test_target_url__carries_the_hash(void **state)
{
    _hm_done_(tree_done) struct tree tree = {.client = NULL};
    struct hm_err err = HM_ERR_INIT;
    enum fixture_key key = FIXTURE_ROOT;

    fixture_init(&tree.fx, tmpdir_of(state));
    open_tree(&tree);
    check_url(tree.client, "name", "ab.name", false);
    check_url(tree.client, "a/b c/n?m", "a/b%20c/ab.n%3Fm", false);
    check_url(tree.client, "a/b", "a/cd.b", true);
    tree.fx.root->consistent_snapshot = false;
    tree.fx.root->document.version = 2;
    fixture_publish_root(&tree.fx, &key, 1);
    fixture_publish_next(&tree.fx);
    assert_int_equal(hm_client_refresh(tree.client, &err), HM_OK);
    check_url(tree.client, "a/b", "a/b", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_find__visits_in_pre_order),
        tmpdir_test(test_find__stops_at_a_terminating_role),
        tmpdir_test(test_find__goes_round_no_circle),
        tmpdir_test(test_find__asks_only_so_many_roles),
        tmpdir_test(test_role__is_verified_for_each_delegator),
        tmpdir_test(test_role__is_verified_for_each_delegator_in_the_other_order),
        tmpdir_test(test_find__checks_a_second_delegator_on_the_way),
        tmpdir_test(test_role__is_not_asked_for_unless_the_snapshot_names_it),
        tmpdir_test(test_role__is_checked_like_every_other),
        tmpdir_test(test_role__comes_from_the_folder_next_time),
        tmpdir_test(test_role__is_stored_under_a_harmless_name),
        tmpdir_test(test_role__may_have_the_longest_name),
        tmpdir_test(test_find__reads_succinct_bins),
        tmpdir_test(test_role_local__asks_for_nothing),
        tmpdir_test(test_target_url__carries_the_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
