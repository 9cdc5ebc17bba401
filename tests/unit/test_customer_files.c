/* SPDX-License-Identifier: Apache-2.0 */
/* customer/catalogue, get, sync and verify: only the right bytes get a name, and nothing of the
 * user's is lost. */
#include "unit.h"

#include "base/file.h"
#include "customer/sync.h"
#include "customer/verify.h"
#include "customer_kit.h"

#define BOOT   "acme/nic/1.0/boot.rom"
#define README "acme/nic/1.0/readme.txt"

struct fixture {
    struct kit_tree tree;
    struct hm_subscription *site;
    struct hm_catalogue catalogue;
    struct hm_pattern pattern;
    struct hm_arena arena;
    char notice[HM_ERR_TEXT_MAX];
    char out[96]; /* a folder for files */
    struct hm_dir dir;
};

static void look_again(struct fixture *f, const char *pattern)
{
    struct hm_refresh_want want;
    struct hm_refresh_scope scope = {.wants = &want, .count = 1};

    hm_catalogue_done(&f->catalogue);
    hm_subscription_free(f->site);
    f->site = kit_open(&f->tree, KIT_NOW, true);
    assert_int_equal(hm_catalogue_pattern(pattern, &f->arena, NULL, &f->pattern), HM_OK);
    want = (struct hm_refresh_want){.id = f->pattern.id, .product = f->pattern.product};
    assert_int_equal(hm_refresh_run(f->site, scope, NULL), HM_OK);
    assert_int_equal(hm_catalogue_add(&f->catalogue, f->site, &f->pattern, 1, NULL), HM_OK);
    hm_catalogue_sort(&f->catalogue);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    kit_tree_init(&f->tree);
    assert_int_equal(kit_trust(&f->tree, NULL, NULL), HM_OK);
    look_again(f, "acme");
    f->dir = (struct hm_dir)HM_DIR_INIT;
    (void)snprintf(f->out, sizeof(f->out), "%s/out", f->tree.root);
    assert_int_equal(hm_dir_make(f->out, 0755, NULL, &f->dir), HM_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    hm_dir_done(&f->dir);
    hm_catalogue_done(&f->catalogue);
    hm_subscription_free(f->site);
    kit_tree_done(&f->tree);
    hm_arena_done(&f->arena);
    free(f);
    return 0;
}

static void on_notice(void *ctx, const char *sentence)
{
    struct fixture *f = ctx;

    (void)snprintf(f->notice, sizeof(f->notice), "%s", sentence);
}

static void assert_content(const struct fixture *f, const char *path, const char *content)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);

    assert_int_equal(hm_dir_read(&f->dir, path, NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), content);
}

static void put(const struct fixture *f, const char *path, const char *content)
{
    assert_int_equal(hm_file_replace(&f->dir, path, 0644, hm_bytes_str(content), NULL), HM_OK);
}

/* ---- catalogue ------------------------------------------------------------------------------- */

static void test_pattern__fills_the_rest(void **state)
{
    static const struct {
        const char *text, *whole, *id;
        size_t given;
    } cases[] = {
        {NULL, "*/*/*/*", "*", 0},
        {"", "*/*/*/*", "*", 0},
        {"acme", "acme/*/*/*", "acme", 1},
        {"a*/nic", "a*/nic/*/*", "a*", 2},
        {"acme/nic/1.0", "acme/nic/1.0/*", "acme", 3},
        {BOOT, BOOT, "acme", 4},
    };
    static const char *const bad[] = {"/", "/acme", "acme/", "acme//1.0", "a/b/c/d/e"};
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_pattern pattern;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        assert_int_equal(hm_catalogue_pattern(cases[i].text, &arena, NULL, &pattern), HM_OK);
        assert_true(hm_bytes_is_str(pattern.whole, cases[i].whole));
        assert_true(hm_bytes_is_str(pattern.id, cases[i].id));
        assert_int_equal(pattern.given, cases[i].given);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_catalogue_pattern(bad[i], &arena, NULL, &pattern), HM_EUSAGE);
}

static void test_catalogue__lists_in_order(void **state)
{
    struct fixture *f = *state;
    static const char *const paths[] = {BOOT, README, "acme/nic/2.0/boot.rom",
                                        "acme/nic/10.0/boot.rom"};

    kit_tree_image(&f->tree, "acme/nic/10.0/boot.rom", "boot ten", true);
    kit_tree_publish(&f->tree);
    look_again(f, "acme");
    assert_int_equal(f->catalogue.item_count, HM_ARRAY_COUNT(paths));
    for (size_t i = 0; i < HM_ARRAY_COUNT(paths); i++) {
        assert_true(hm_bytes_is_str(f->catalogue.items[i].path, paths[i]));
        assert_int_equal(f->catalogue.items[i].rc, HM_OK);
        assert_int_equal(f->catalogue.items[i].file.grade, HM_GRADE_INTRODUCED);
    }
    look_again(f, "*/*/1.*");
    assert_int_equal(f->catalogue.item_count, 2);
    look_again(f, "bolt");
    assert_int_equal(f->catalogue.item_count, 0);
    assert_int_equal(f->catalogue.problem_count, 0);
}

static void test_catalogue__shows_what_is_refused(void **state)
{
    struct fixture *f = *state;

    kit_tree_image(&f->tree, "acme/nic/6.6/boot.rom", "evil", false);
    kit_tree_publish(&f->tree);
    look_again(f, "acme/nic/6.6");
    assert_int_equal(f->catalogue.item_count, 1);
    assert_int_equal(f->catalogue.items[0].rc, HM_EREFUSED);
    assert_non_null(strstr(f->catalogue.items[0].text, "maker~acme"));
}

static void test_add_path__tells_unknown_from_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *path;
        enum hm_rc rc;
    } cases[] = {{BOOT, HM_OK},
                 {"acme/nic/9.9/boot.rom", HM_EUNKNOWN},
                 {"cord/nic/1.0/boot.rom", HM_EUNKNOWN},
                 {"acme/../1.0/boot.rom", HM_EFORMAT},
                 {"acme/nic/1.0", HM_EFORMAT}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        size_t before = f->catalogue.item_count;

        assert_int_equal(
            hm_catalogue_add_path(&f->catalogue, f->site, hm_bytes_str(cases[i].path), NULL),
            cases[i].rc);
        assert_int_equal(f->catalogue.item_count, before + (cases[i].rc == HM_OK));
    }
}

/* ---- get ------------------------------------------------------------------------------------- */

static enum hm_rc get(struct fixture *f, const char *path)
{
    struct hm_get_events events = {.notice = on_notice, .ctx = f};

    assert_true(hm_bytes_is_str(f->catalogue.items[0].path, BOOT));
    f->notice[0] = '\0';
    return hm_get_file(&f->catalogue.items[0], &f->dir, path, &events, NULL);
}

static enum hm_get_result look(struct fixture *f, const char *path)
{
    enum hm_get_result result = HM_GET_NEW;

    assert_int_equal(hm_get_look(&f->catalogue.items[0], &f->dir, path, NULL, &result), HM_OK);
    return result;
}

static void spoil_image(struct fixture *f, const char *content)
{
    char path[256];

    kit_tree_image_path(BOOT, "boot one", path);
    kit_write(&f->tree, path, content);
}

static void test_get__places_and_recognises(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(look(f, "boot.rom"), HM_GET_NEW);
    assert_int_equal(get(f, "boot.rom"), HM_OK);
    assert_content(f, "boot.rom", "boot one");
    assert_int_equal(look(f, "boot.rom"), HM_GET_UNCHANGED);
    put(f, "boot.rom", "boot xxx");
    assert_int_equal(look(f, "boot.rom"), HM_GET_REPLACED);
    put(f, "boot.rom", "longer than it was");
    assert_int_equal(look(f, "boot.rom"), HM_GET_REPLACED);
    assert_int_equal(get(f, "boot.rom"), HM_OK);
    assert_content(f, "boot.rom", "boot one");
    assert_false(hm_dir_has(&f->dir, ".boot.rom.partial"));
}

static void test_get__gives_no_name_to_other_bytes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *served;
        enum hm_rc rc;
    } cases[] = {
        {"boot 0ne", HM_EMISMATCH}, {"boot one and more", HM_EFORMAT},
        {"boot", HM_ENETWORK},      {"", HM_ENETWORK},
        {"boot one", HM_OK},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        spoil_image(f, cases[i].served);
        assert_int_equal(get(f, "boot.rom"), cases[i].rc);
        assert_true(hm_dir_has(&f->dir, "boot.rom") == (cases[i].rc == HM_OK));
    }
}

static void test_get__keeps_the_old_file_until_the_new_is_right(void **state)
{
    struct fixture *f = *state;

    put(f, "boot.rom", "the old one");
    spoil_image(f, "boot 0ne");
    assert_int_equal(get(f, "boot.rom"), HM_EMISMATCH);
    assert_content(f, "boot.rom", "the old one");
}

static void test_get__resumes_what_is_right(void **state)
{
    struct fixture *f = *state;
    static const char *const partials[] = {"boot", "",         "boot one",
                                           "bOOT", "boot 0ne", "longer than it is"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(partials); i++) {
        put(f, ".boot.rom.partial", partials[i]);
        assert_int_equal(get(f, "boot.rom"), HM_OK);
        assert_content(f, "boot.rom", "boot one");
        assert_false(hm_dir_has(&f->dir, ".boot.rom.partial"));
        assert_int_equal(hm_dir_remove(&f->dir, "boot.rom", NULL), HM_OK);
    }
    /* A whole partial file needs no server. */
    put(f, ".boot.rom.partial", "boot one");
    assert_int_equal(hm_dir_remove_tree(&f->tree.dir, "public/targets", NULL), HM_OK);
    assert_int_equal(get(f, "boot.rom"), HM_OK);
    assert_int_equal(get(f, "boot2.rom"), HM_ENOTFOUND);
}

static void test_get__leaves_a_partial_file_after_a_broken_transfer(void **state)
{
    struct fixture *f = *state;

    spoil_image(f, "boot");
    assert_int_equal(get(f, "boot.rom"), HM_ENETWORK);
    assert_content(f, ".boot.rom.partial", "boot");
    spoil_image(f, "boot one");
    assert_int_equal(get(f, "boot.rom"), HM_OK);
    assert_content(f, "boot.rom", "boot one");
}

static void test_get__names_the_mirror_that_lied(void **state)
{
    struct fixture *f = *state;
    char url[96];
    char path[256];

    (void)snprintf(url, sizeof(url), "file://%s/mirror", f->tree.root);
    kit_tree_image_path(BOOT, "boot one", path);
    memcpy(path, "mirror", 6); /* in place of "public" */
    kit_write(&f->tree, path, "boot 0ne");
    assert_int_equal(hm_policy_add_mirror(&f->site->policy, "file:///nonexistent", NULL), HM_OK);
    assert_int_equal(hm_policy_add_mirror(&f->site->policy, url, NULL), HM_OK);
    assert_int_equal(get(f, "boot.rom"), HM_OK);
    assert_content(f, "boot.rom", "boot one");
    assert_non_null(strstr(f->notice, url));
    /* an honest mirror spares the site */
    kit_write(&f->tree, path, "boot one");
    assert_int_equal(hm_dir_remove_tree(&f->tree.dir, "public/targets", NULL), HM_OK);
    assert_int_equal(get(f, "again.rom"), HM_OK);
    assert_non_null(strstr(f->notice, "/nonexistent"));
}

static void test_get__writes_through_no_link(void **state)
{
    struct fixture *f = *state;
    char target[128];

    (void)snprintf(target, sizeof(target), "%s/precious", f->out);
    put(f, "precious", "mine");
    assert_int_equal(symlinkat(target, f->dir.fd, "boot.rom"), 0);
    assert_int_equal(symlinkat(target, f->dir.fd, ".link.rom.partial"), 0);
    assert_int_equal(get(f, "boot.rom"), HM_OK);
    assert_int_equal(get(f, "link.rom"), HM_EINPUT);
    assert_content(f, "precious", "mine");
}

/* ---- sync ------------------------------------------------------------------------------------ */

static struct hm_sync_counts sync_folder(struct fixture *f, struct hm_sync_options options,
                                         enum hm_rc expected)
{
    struct hm_sync_events events = {.get = {.notice = on_notice, .ctx = f}, .ctx = f};
    struct hm_sync_counts counts;

    assert_int_equal(
        hm_sync_run(&f->tree.home, &f->catalogue, f->site, f->out, options, &events, NULL, &counts),
        expected);
    return counts;
}

static const struct hm_sync_options plain;
static const struct hm_sync_options removing = {.remove = true};

static void drop_release(struct fixture *f, const char *path)
{
    struct hm_targets *roles[] = {f->tree.site.release, f->tree.site.maker_role};

    for (size_t i = 0; i < HM_ARRAY_COUNT(roles); i++) {
        struct hm_target *target =
            &roles[i]->targets[hm_targets_find(roles[i], hm_bytes_str(path)) - roles[i]->targets];
        size_t index = (size_t)(target - roles[i]->targets);

        roles[i]->target_count--;
        memmove(target, target + 1, (roles[i]->target_count - index) * sizeof(*target));
    }
    kit_tree_publish(&f->tree);
}

static void test_sync__places_what_is_missing_or_different(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_counts counts = sync_folder(f, plain, HM_OK);

    assert_int_equal(counts.placed, 3);
    assert_content(f, BOOT, "boot one");
    assert_content(f, "acme/nic/2.0/boot.rom", "boot two");
    counts = sync_folder(f, plain, HM_OK);
    assert_int_equal(counts.unchanged, 3);
    assert_int_equal(counts.placed, 0);
    put(f, BOOT, "boot 0ne");
    assert_int_equal(hm_dir_remove(&f->dir, README, NULL), HM_OK);
    counts = sync_folder(f, plain, HM_OK);
    assert_int_equal(counts.unchanged, 1);
    assert_int_equal(counts.placed, 2);
    assert_content(f, BOOT, "boot one");
    assert_content(f, README, "read me");
}

static void test_sync__writes_sums(void **state)
{
    struct fixture *f = *state;
    _hm_done_(hm_buf_done) struct hm_buf sums = HM_BUF_INIT(65536);

    (void)sync_folder(f, plain, HM_OK);
    assert_int_equal(hm_dir_read(&f->dir, "SHA256SUMS", NULL, &sums), HM_OK);
    /* sha256sum of "read me", "boot one" and "boot two" */
    assert_non_null(strstr(hm_buf_str(&sums), "  " BOOT "\n"));
    assert_non_null(strstr(hm_buf_str(&sums), "  " README "\n"));
    assert_non_null(strstr(hm_buf_str(&sums), "  acme/nic/2.0/boot.rom\n"));
    assert_int_equal(sums.size, 3 * (64 + 2 + 1) + strlen(BOOT) + strlen(README) +
                                    strlen("acme/nic/2.0/boot.rom"));
}

static void test_sync__dry_run_touches_nothing(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_options dry = {.dry_run = true, .remove = true};
    struct hm_sync_counts counts = sync_folder(f, dry, HM_OK);

    assert_int_equal(counts.placed, 3);
    assert_false(hm_dir_has(&f->dir, "acme"));
    assert_false(hm_dir_has(&f->dir, "SHA256SUMS"));
    assert_false(hm_dir_has(&f->tree.dir, "home/placed.json"));
    (void)sync_folder(f, plain, HM_OK);
    drop_release(f, BOOT);
    look_again(f, "acme");
    counts = sync_folder(f, dry, HM_OK);
    assert_int_equal(counts.removed, 1);
    assert_content(f, BOOT, "boot one");
}

static void test_sync__removes_only_when_asked(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_counts counts;

    (void)sync_folder(f, plain, HM_OK);
    drop_release(f, "acme/nic/2.0/boot.rom");
    look_again(f, "acme");
    counts = sync_folder(f, plain, HM_OK);
    assert_int_equal(counts.removed, 0);
    assert_content(f, "acme/nic/2.0/boot.rom", "boot two");
    counts = sync_folder(f, removing, HM_OK);
    assert_int_equal(counts.removed, 1);
    assert_int_equal(counts.unchanged, 2);
    assert_false(hm_dir_has(&f->dir, "acme/nic/2.0"));
    assert_content(f, BOOT, "boot one");
    counts = sync_folder(f, removing, HM_OK);
    assert_int_equal(counts.removed, 0);
}

static void test_sync__removes_nothing_of_the_users(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_counts counts;

    (void)sync_folder(f, plain, HM_OK);
    put(f, "acme/nic/2.0/boot.rom", "changed by hand");
    put(f, "acme/nic/1.0/notes.txt", "mine");
    put(f, "acme/nic/3.0/boot.rom", "mine too");
    drop_release(f, "acme/nic/2.0/boot.rom");
    look_again(f, "acme");
    counts = sync_folder(f, removing, HM_OK);
    assert_int_equal(counts.removed, 0);
    assert_int_equal(counts.kept, 1);
    assert_content(f, "acme/nic/2.0/boot.rom", "changed by hand");
    assert_content(f, "acme/nic/1.0/notes.txt", "mine");
    assert_content(f, "acme/nic/3.0/boot.rom", "mine too");
}

static void test_sync__removes_what_was_touched_but_not_changed(void **state)
{
    struct fixture *f = *state;

    (void)sync_folder(f, plain, HM_OK);
    put(f, "acme/nic/2.0/boot.rom", "boot two");
    drop_release(f, "acme/nic/2.0/boot.rom");
    look_again(f, "acme");
    assert_int_equal(sync_folder(f, removing, HM_OK).removed, 1);
}

static void test_sync__removes_what_is_not_wanted_now(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_counts counts;

    (void)sync_folder(f, plain, HM_OK);
    look_again(f, "acme/nic/1.0");
    assert_int_equal(sync_folder(f, plain, HM_OK).removed, 0);
    counts = sync_folder(f, removing, HM_OK);
    assert_int_equal(counts.removed, 1);
    assert_false(hm_dir_has(&f->dir, "acme/nic/2.0"));
    /* what is refused now is still spoken of */
    kit_tree_image(&f->tree, BOOT, "by one alone", false);
    kit_tree_publish(&f->tree);
    look_again(f, "acme/nic/1.0");
    counts = sync_folder(f, removing, HM_OK);
    assert_int_equal(counts.removed, 0);
    assert_int_equal(counts.failed, 1);
    assert_content(f, BOOT, "boot one");
}

static void test_sync__removes_nothing_of_another_folder(void **state)
{
    struct fixture *f = *state;
    char other[128];

    (void)sync_folder(f, plain, HM_OK);
    (void)snprintf(other, sizeof(other), "%s/deeper", f->out);
    memcpy(f->out, other, sizeof(f->out));
    look_again(f, "bolt");
    assert_int_equal(sync_folder(f, removing, HM_OK).removed, 0);
    assert_content(f, BOOT, "boot one");
}

static void test_sync__removes_nothing_of_a_maker_it_cannot_ask(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_counts counts;

    (void)sync_folder(f, plain, HM_OK);
    kit_put(f->tree.site.release, "/etc/passwd", 1, 'x', NULL);
    drop_release(f, "acme/nic/2.0/boot.rom");
    look_again(f, "acme");
    assert_int_equal(f->catalogue.problem_count, 1);
    counts = sync_folder(f, removing, HM_OK);
    assert_int_equal(counts.removed, 0);
    assert_content(f, BOOT, "boot one");
}

static void test_sync__goes_on_after_a_bad_file(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_counts counts;

    spoil_image(f, "boot 0ne");
    counts = sync_folder(f, plain, HM_OK);
    assert_int_equal(counts.failed, 1);
    assert_int_equal(counts.placed, 2);
    assert_int_equal(counts.worst, HM_EMISMATCH);
    assert_false(hm_dir_has(&f->dir, BOOT));
    /* one that the site lacks, one whose place is taken by a link */
    assert_int_equal(hm_dir_remove_tree(&f->tree.dir, "public/targets/acme/nic/1.0", NULL), HM_OK);
    assert_int_equal(hm_dir_remove(&f->dir, "acme/nic/2.0/boot.rom", NULL), HM_OK);
    assert_int_equal(symlinkat("/nonexistent", f->dir.fd, "acme/nic/2.0/boot.rom"), 0);
    counts = sync_folder(f, plain, HM_OK);
    assert_int_equal(counts.failed, 2);
    assert_int_equal(counts.unchanged, 1);
    assert_int_equal(hm_error_exit_status(counts.worst), 3);
}

static void test_sync__ends_where_every_file_would_fail(void **state)
{
    struct fixture *f = *state;
    struct hm_sync_counts counts;

    spoil_image(f, "boot");
    counts = sync_folder(f, plain, HM_ENETWORK);
    assert_int_equal(counts.worst, HM_ENETWORK);
    assert_int_equal(counts.failed, 1);
    assert_int_equal(counts.placed, 0);
}

static void test_worse__orders_by_exit_status(void **state)
{
    assert_int_equal(hm_sync_worse(HM_OK, HM_ENETWORK), HM_ENETWORK);
    assert_int_equal(hm_sync_worse(HM_ENETWORK, HM_EMISMATCH), HM_EMISMATCH);
    assert_int_equal(hm_sync_worse(HM_EMISMATCH, HM_ENETWORK), HM_EMISMATCH);
    assert_int_equal(hm_sync_worse(HM_EMISMATCH, HM_EIO), HM_EIO);
    assert_int_equal(hm_sync_worse(HM_EUNKNOWN, HM_EMISMATCH), HM_EUNKNOWN);
    assert_int_equal(hm_sync_worse(HM_OK, HM_OK), HM_OK);
}

/* ---- verify ---------------------------------------------------------------------------------- */

static enum hm_rc verify_at(struct fixture *f, int64_t now_unix_s, int64_t max_age_s,
                            const char *name, const char *content, const char *words,
                            size_t matches)
{
    _hm_done_(hm_verify_done) struct hm_verify verify = {0};
    _hm_done_(hm_verify_answer_done) struct hm_verify_answer answer = {.rc = HM_EUNKNOWN};
    char path[128];

    put(f, name, content);
    (void)snprintf(path, sizeof(path), "%s/%s", f->out, name);
    assert_int_equal(hm_verify_open(&f->tree.home, NULL, now_unix_s, max_age_s, NULL, &verify),
                     HM_OK);
    assert_int_equal(hm_verify_file(&verify, path, NULL, NULL, NULL, &answer), HM_OK);
    assert_int_equal(answer.size, strlen(content));
    assert_int_equal(answer.matches.item_count, matches);
    if (answer.rc != HM_OK && strstr(answer.text, words) == NULL)
        fail_msg("'%s' lacks '%s'", answer.text, words);
    return answer.rc;
}

static enum hm_rc verify(struct fixture *f, const char *name, const char *content,
                         const char *words, size_t matches)
{
    return verify_at(f, KIT_NOW, -1, name, content, words, matches);
}

static void test_verify__goes_by_bytes(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(verify(f, "boot.rom", "boot one", "", 1), HM_OK);
    assert_int_equal(verify(f, "renamed", "boot one", "", 1), HM_OK);
    assert_int_equal(verify(f, "readme.txt", "boot two", "", 1), HM_OK);
    assert_int_equal(verify(f, "other.rom", "boot 0ne", "unknown", 0), HM_EUNKNOWN);
    assert_int_equal(verify(f, "empty", "", "unknown", 0), HM_EUNKNOWN);
}

static void test_verify__says_whose_name_it_bears(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        verify(f, "readme.txt", "evil", "not the bytes that acme signed for '" README "'", 0),
        HM_EMISMATCH);
    assert_int_equal(verify(f, "boot.rom", "evil",
                            "not the bytes that acme signed for 'acme/nic/2.0/boot.rom' (nor for 1 "
                            "other of that name)",
                            0),
                     HM_EMISMATCH);
}

static void test_verify__tells_every_place(void **state)
{
    struct fixture *f = *state;

    kit_tree_image(&f->tree, "acme/nic/3.0/boot.rom", "boot one", true);
    kit_tree_publish(&f->tree);
    look_again(f, "acme");
    assert_int_equal(verify(f, "x", "boot one", "", 2), HM_OK);
}

static void test_verify__refuses_what_one_alone_signed(void **state)
{
    struct fixture *f = *state;

    kit_tree_image(&f->tree, "acme/nic/6.6/boot.rom", "evil", false);
    kit_put(f->tree.site.maker_role, "acme/nic/7.0/boot.rom", 1, 'x', NULL);
    kit_tree_publish(&f->tree);
    look_again(f, "acme");
    assert_int_equal(verify(f, "x", "evil", "only the vendor", 1), HM_EREFUSED);
    assert_int_equal(verify(f, "x", "x", "only maker 'acme'", 1), HM_EREFUSED);
    /* the same bytes, properly released elsewhere too, are good */
    kit_tree_image(&f->tree, "acme/nic/6.7/boot.rom", "evil", true);
    kit_tree_publish(&f->tree);
    look_again(f, "acme");
    assert_int_equal(verify(f, "x", "evil", "", 2), HM_OK);
}

static void test_verify__cannot_tell_without_the_roles(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(
        hm_dir_remove(&f->tree.dir, "home/sites/globex/metadata/maker~acme.json", NULL), HM_OK);
    assert_int_equal(verify(f, "boot.rom", "evil", "acme at globex", 0), HM_EAGAIN);
    assert_int_equal(verify(f, "boot.rom", "boot one", "acme at globex", 0), HM_EAGAIN);
    look_again(f, "acme");
    assert_int_equal(verify(f, "boot.rom", "boot one", "", 1), HM_OK);
}

static void test_verify__cannot_tell_from_damaged_state(void **state)
{
    struct fixture *f = *state;

    kit_write(&f->tree, "home/sites/globex/metadata/snapshot.json", "{}");
    assert_int_equal(hm_error_exit_status(verify(f, "boot.rom", "evil", "globex", 0)), 3);
}

static void test_verify__minds_age_and_clock(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(verify_at(f, KIT_NOW + 100, 100, "x", "boot one", "", 1), HM_OK);
    assert_int_equal(verify_at(f, KIT_NOW + 101, 100, "x", "boot one", "--max-age", 0),
                     HM_EEXPIRED);
    assert_int_equal(verify_at(f, KIT_NOW - 1000, -1, "x", "boot one", "clock", 0), HM_ECLOCK);
}

static void test_verify__needs_a_file_and_a_site(void **state)
{
    struct fixture *f = *state;
    _hm_done_(hm_verify_done) struct hm_verify verify = {0};
    struct hm_verify none = {0};
    struct hm_verify_answer answer;

    assert_int_equal(hm_verify_open(&f->tree.home, NULL, KIT_NOW, -1, NULL, &verify), HM_OK);
    assert_int_equal(
        hm_error_exit_status(hm_verify_file(&verify, "/nonexistent", NULL, NULL, NULL, &answer)),
        3);
    assert_int_equal(
        hm_error_exit_status(hm_verify_file(&verify, f->out, NULL, NULL, NULL, &answer)), 3);
    assert_int_equal(hm_verify_open(&f->tree.home, "initech", KIT_NOW, -1, NULL, &none), HM_EINPUT);
    assert_int_equal(hm_subscription_remove(&f->tree.home, "globex", NULL), HM_OK);
    assert_int_equal(hm_verify_open(&f->tree.home, NULL, KIT_NOW, -1, NULL, &none), HM_EINPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern__fills_the_rest),
        TEST(test_catalogue__lists_in_order),
        TEST(test_catalogue__shows_what_is_refused),
        TEST(test_add_path__tells_unknown_from_refused),
        TEST(test_get__places_and_recognises),
        TEST(test_get__gives_no_name_to_other_bytes),
        TEST(test_get__keeps_the_old_file_until_the_new_is_right),
        TEST(test_get__resumes_what_is_right),
        TEST(test_get__leaves_a_partial_file_after_a_broken_transfer),
        TEST(test_get__names_the_mirror_that_lied),
        TEST(test_get__writes_through_no_link),
        TEST(test_sync__places_what_is_missing_or_different),
        TEST(test_sync__writes_sums),
        TEST(test_sync__dry_run_touches_nothing),
        TEST(test_sync__removes_only_when_asked),
        TEST(test_sync__removes_nothing_of_the_users),
        TEST(test_sync__removes_what_was_touched_but_not_changed),
        TEST(test_sync__removes_what_is_not_wanted_now),
        TEST(test_sync__removes_nothing_of_another_folder),
        TEST(test_sync__removes_nothing_of_a_maker_it_cannot_ask),
        TEST(test_sync__goes_on_after_a_bad_file),
        TEST(test_sync__ends_where_every_file_would_fail),
        cmocka_unit_test(test_worse__orders_by_exit_status),
        TEST(test_verify__goes_by_bytes),
        TEST(test_verify__says_whose_name_it_bears),
        TEST(test_verify__tells_every_place),
        TEST(test_verify__refuses_what_one_alone_signed),
        TEST(test_verify__cannot_tell_without_the_roles),
        TEST(test_verify__cannot_tell_from_damaged_state),
        TEST(test_verify__minds_age_and_clock),
        TEST(test_verify__needs_a_file_and_a_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
