/* SPDX-License-Identifier: Apache-2.0 */
/* maker: folder, identity, releases: nothing is signed twice under one name, nothing gets lost. */
#include "unit.h"

#include <fcntl.h>

#include "base/file.h"
#include "exchange/submission.h"
#include "exchange_kit.h"
#include "maker/collect.h"
#include "maker/overview.h"
#include "maker/package.h"
#include "maker/release.h"
#include "maker/rotation.h"
#include "tmpdir.h"

/* A maker's folder below the test's, and files beside it. */
struct shop {
    const struct hm_dir *dir;
    char path[700];
    struct hm_folder *folder;
    struct hm_images *images;
    struct hm_buf report;
    struct hm_err err;
};

static const char *path_in(const struct shop *shop, const char *name)
{
    static char paths[4][800];
    static int next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", shop->dir->path, name);
    return path;
}

static void write_file(const struct shop *shop, const char *name, const char *text)
{
    assert_int_equal(hm_file_replace(shop->dir, name, 0644, hm_bytes_str(text), NULL), HM_OK);
}

static void open_shop(struct shop *shop, void **state)
{
    memset(shop, 0, sizeof(*shop));
    shop->dir = tmpdir_of(state);
    shop->report = (struct hm_buf)HM_BUF_INIT(1 << 20);
    (void)snprintf(shop->path, sizeof(shop->path), "%s/maker", shop->dir->path);
    assert_int_equal(hm_folder_create(shop->path, "acme", "ACME Inc.", &shop->err, &shop->folder),
                     HM_OK);
    write_file(shop, "a.rom", "hello");
    write_file(shop, "b.rom", "world");
}

static void close_shop(struct shop *shop)
{
    hm_images_free(shop->images);
    hm_folder_free(shop->folder);
    hm_buf_done(&shop->report);
}

static void reopen(struct shop *shop)
{
    hm_folder_free(shop->folder);
    shop->folder = NULL;
    assert_int_equal(hm_folder_open(shop->path, HM_FOLDER_CHANGE, &shop->err, &shop->folder),
                     HM_OK);
}

static enum hm_rc draft_identity(struct shop *shop, enum kit_key a, enum kit_key b)
{
    const struct hm_key *keys[] = {kit_key(a), kit_key(b)};

    return hm_rotation_draft(shop->folder, keys, 2, 2, &shop->err);
}

static enum hm_rc sign_identity(struct shop *shop, enum kit_key key)
{
    return hm_rotation_sign(shop->folder, kit_signer(key), &shop->err);
}

/* Identity 1: ACME1 and ACME2, both must sign. */
static void make_identity(struct shop *shop)
{
    assert_int_equal(draft_identity(shop, KIT_ACME1, KIT_ACME2), HM_OK);
    assert_int_equal(sign_identity(shop, KIT_ACME1), HM_OK);
    assert_int_equal(sign_identity(shop, KIT_ACME2), HM_OK);
    assert_int_equal(hm_rotation_finish(shop->folder, &shop->err), HM_OK);
}

/* Drafts acme/nic/VERSION with a.rom (and b.rom) for site. */
static enum hm_rc draft(struct shop *shop, const char *site, const char *version, size_t count,
                        bool replace, const char *custom, enum hm_release_outcome *ret_outcome)
{
    const char *files[] = {path_in(shop, "a.rom"), path_in(shop, "b.rom")};
    struct hm_release_order order = {.expires_unix_s = KIT_EXPIRES, .replace = replace};
    char release[64];

    (void)snprintf(release, sizeof(release), "acme/nic/%s", version);
    hm_images_free(shop->images);
    shop->images = NULL;
    HM_TRY(hm_images_hash(release, files, count, NULL, NULL, &shop->err, &shop->images));
    order.images = shop->images;
    order.custom = hm_bytes_str(custom);
    return hm_release_draft(shop->folder, site, &order, &shop->err, ret_outcome);
}

static void sign_release(struct shop *shop, const char *site, enum kit_key a, enum kit_key b)
{
    assert_int_equal(hm_release_sign(shop->folder, site, kit_signer(a), &shop->err), HM_OK);
    assert_int_equal(hm_release_sign(shop->folder, site, kit_signer(b), &shop->err), HM_OK);
}

static enum hm_rc finish(struct shop *shop, const char *site)
{
    return hm_release_finish(shop->folder, site, path_in(shop, "out.submission"), &shop->err);
}

static void release(struct shop *shop, const char *site, const char *version)
{
    enum hm_release_outcome outcome;

    assert_int_equal(draft(shop, site, version, 2, false, "", &outcome), HM_OK);
    assert_int_equal(outcome, HM_RELEASE_DRAFTED);
    sign_release(shop, site, KIT_ACME1, KIT_ACME2);
    assert_int_equal(finish(shop, site), HM_OK);
}

static int64_t newest_version(struct shop *shop, const char *site)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;

    assert_int_equal(hm_folder_newest(shop->folder, site, &shop->err, &newest), HM_OK);
    return newest.targets == NULL ? 0 : newest.targets->document.version;
}

/* ---- folder --------------------------------------------------------------------------------- */

static void test_folder_create__refuses_a_folder_twice_and_bad_names(void **state)
{
    struct hm_folder *folder = NULL;
    struct shop shop;

    open_shop(&shop, state);
    hm_folder_free(shop.folder);
    shop.folder = NULL;
    assert_int_equal(hm_folder_create(shop.path, "acme", "A", &shop.err, &folder), HM_EREFUSED);
    assert_int_equal(hm_folder_create(path_in(&shop, "x"), "vendor", "A", &shop.err, &folder),
                     HM_EFORMAT);
    assert_int_equal(hm_folder_create(path_in(&shop, "x"), "../a", "A", &shop.err, &folder),
                     HM_EFORMAT);
    assert_int_equal(hm_folder_create(path_in(&shop, "x"), "acme", "", &shop.err, &folder),
                     HM_EFORMAT);
    close_shop(&shop);
}

static void test_folder_open__refuses_what_is_no_folder_or_damaged(void **state)
{
    struct hm_folder *folder = NULL;
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(hm_folder_open(shop.dir->path, HM_FOLDER_READ, &shop.err, &folder), HM_EINPUT);
    assert_int_equal(hm_folder_open(path_in(&shop, "none"), HM_FOLDER_READ, &shop.err, &folder),
                     HM_EINPUT);
    make_identity(&shop);
    assert_int_equal(hm_folder_open(shop.path, HM_FOLDER_READ, &shop.err, &folder), HM_OK);
    hm_folder_free(folder);
    folder = NULL;
    write_file(&shop, "maker/identity/2.identity", "{}");
    assert_int_equal(hm_folder_open(shop.path, HM_FOLDER_READ, &shop.err, &folder), HM_EFORMAT);
    assert_int_equal(unlink(path_in(&shop, "maker/identity/2.identity")), 0);
    write_file(&shop, "maker/format", "hallmark-maker 2\n");
    assert_int_equal(hm_folder_open(shop.path, HM_FOLDER_READ, &shop.err, &folder), HM_EINPUT);
    assert_non_null(strstr(shop.err.text, "newer"));
    close_shop(&shop);
}

static void test_folder_newest__refuses_what_the_chain_did_not_sign(void **state)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    struct kit_maker other;
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    release(&shop, "globex", "1.0");
    assert_int_equal(hm_folder_newest(shop.folder, "globex", &shop.err, &newest), HM_OK);
    kit_maker_init(&other, 1);
    kit_targets(other.targets, NULL, 0, &raw);
    assert_int_equal(hm_file_replace(shop.dir, "maker/sites/globex/9.maker.json", 0644,
                                     hm_buf_bytes(&raw), &shop.err),
                     HM_OK);
    assert_int_equal(hm_folder_newest(shop.folder, "globex", &shop.err, &newest), HM_ESIGNATURE);
    kit_maker_done(&other);
    close_shop(&shop);
}

/* ---- identity ------------------------------------------------------------------------------- */

static void test_rotation__needs_all_its_signatures(void **state)
{
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(hm_folder_need_identity(shop.folder, &shop.err), HM_EAGAIN);
    assert_int_equal(hm_rotation_finish(shop.folder, &shop.err), HM_ENOTFOUND);
    assert_int_equal(draft_identity(&shop, KIT_ACME1, KIT_ACME2), HM_OK);
    assert_int_equal(sign_identity(&shop, KIT_EVIL), HM_EREFUSED);
    assert_int_equal(sign_identity(&shop, KIT_ACME1), HM_OK);
    assert_int_equal(hm_rotation_finish(shop.folder, &shop.err), HM_ESIGNATURE);
    assert_null(shop.folder->identity);
    assert_int_equal(sign_identity(&shop, KIT_ACME2), HM_OK);
    assert_int_equal(hm_rotation_finish(shop.folder, &shop.err), HM_OK);
    assert_int_equal(shop.folder->identity->version, 1);
    reopen(&shop);
    assert_int_equal(shop.folder->identity_count, 1);
    close_shop(&shop);
}

static void test_rotation__needs_old_and_new_keys(void **state)
{
    const struct hm_key *same[] = {kit_key(KIT_ACME2), kit_key(KIT_ACME1)};
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    assert_int_equal(hm_rotation_draft(shop.folder, same, 2, 2, &shop.err), HM_EUSAGE);
    assert_int_equal(hm_rotation_draft(shop.folder, same, 2, 3, &shop.err), HM_EUSAGE);
    assert_int_equal(draft_identity(&shop, KIT_ACME2, KIT_ACME3), HM_OK);
    assert_int_equal(sign_identity(&shop, KIT_ACME2), HM_OK); /* old and new */
    assert_int_equal(sign_identity(&shop, KIT_ACME3), HM_OK); /* new */
    assert_int_equal(hm_rotation_finish(shop.folder, &shop.err), HM_ESIGNATURE);
    assert_int_equal(sign_identity(&shop, KIT_ACME1), HM_OK); /* old */
    assert_int_equal(hm_rotation_finish(shop.folder, &shop.err), HM_OK);
    assert_int_equal(shop.folder->identity->version, 2);
    reopen(&shop);
    assert_int_equal(shop.folder->identity->version, 2);
    close_shop(&shop);
}

static void test_rotation__forgets_a_draft_that_is_in_the_chain(void **state)
{
    _hm_free_(hm_rotation_free) struct hm_rotation *rotation = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    /* As if the run had died between the two steps. */
    assert_int_equal(hm_dir_read(shop.dir, "maker/identity/1.identity", &shop.err, &raw), HM_OK);
    assert_int_equal(hm_file_replace(shop.dir, "maker/drafts/identity.json", 0644,
                                     hm_buf_bytes(&raw), &shop.err),
                     HM_OK);
    reopen(&shop);
    assert_int_equal(hm_rotation_load(shop.folder, &shop.err, &rotation), HM_ENOTFOUND);
    assert_int_equal(draft_identity(&shop, KIT_ACME2, KIT_ACME3), HM_OK);
    close_shop(&shop);
}

/* ---- release -------------------------------------------------------------------------------- */

static void read_submission(const struct shop *shop, struct hm_buf *raw, size_t images)
{
    _hm_free_(hm_submission_free) struct hm_submission *submission = NULL;
    struct hm_ustar_reader reader;
    struct kit_source source;
    const struct hm_target *target;
    struct hm_err err = HM_ERR_INIT;

    hm_buf_clear(raw);
    assert_int_equal(hm_dir_read(shop->dir, "out.submission", &err, raw), HM_OK);
    kit_source_init(&source, hm_buf_bytes(raw), &reader);
    assert_int_equal(hm_submission_read(&reader, KIT_NOW, &err, &submission), HM_OK);
    for (size_t i = 0; i < images; i++) {
        assert_int_equal(hm_submission_next_image(submission, &reader, &err, &target), HM_OK);
        assert_non_null(target);
    }
    assert_int_equal(hm_submission_next_image(submission, &reader, &err, &target), HM_OK);
    assert_null(target);
}

static void test_release__becomes_a_submission_that_sites_accept(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_EAGAIN);
    make_identity(&shop);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    assert_int_equal(finish(&shop, "globex"), HM_EAGAIN);
    assert_int_equal(hm_release_sign(shop.folder, "globex", kit_signer(KIT_EVIL), &shop.err),
                     HM_EREFUSED);
    assert_int_equal(hm_release_sign(shop.folder, "globex", kit_signer(KIT_ACME1), &shop.err),
                     HM_OK);
    assert_int_equal(finish(&shop, "globex"), HM_EAGAIN);
    assert_int_equal(newest_version(&shop, "globex"), 0);
    assert_int_equal(hm_release_sign(shop.folder, "globex", kit_signer(KIT_ACME2), &shop.err),
                     HM_OK);
    assert_int_equal(finish(&shop, "globex"), HM_OK);
    assert_int_equal(newest_version(&shop, "globex"), 1);
    read_submission(&shop, &raw, 2);
    assert_int_equal(finish(&shop, "globex"), HM_ENOTFOUND); /* the draft is gone */
    write_file(&shop, "a.rom", "next");
    release(&shop, "globex", "1.1");
    assert_int_equal(newest_version(&shop, "globex"), 2);
    read_submission(&shop, &raw, 2);
    release(&shop, "initech", "1.1"); /* another site has versions of its own */
    assert_int_equal(newest_version(&shop, "initech"), 1);
    close_shop(&shop);
}

static void test_release_draft__never_reuses_a_version_for_other_bytes(void **state)
{
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    release(&shop, "globex", "1.0");
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    assert_int_equal(outcome, HM_RELEASE_SAME);
    write_file(&shop, "c.rom", "x");
    assert_int_equal(draft(&shop, "globex", "1.0", 1, false, "", &outcome), HM_EREFUSED); /* less */
    write_file(&shop, "b.rom", "World");
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_EREFUSED);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, true, "", &outcome), HM_EREFUSED);
    assert_int_equal(draft(&shop, "initech", "1.0", 2, false, "", &outcome), HM_OK);
    write_file(&shop, "b.rom", "world");
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "{\"title\":\"T\"}", &outcome), HM_OK);
    assert_int_equal(outcome, HM_RELEASE_DRAFTED); /* other words about the same bytes */
    /* The newest version alone is not asked: an older one that is kept counts as well. */
    assert_int_equal(unlink(path_in(&shop, "maker/sites/globex/maker.json")), 0);
    write_file(&shop, "a.rom", "Hello");
    assert_int_equal(draft(&shop, "globex", "1.0", 2, true, "", &outcome), HM_EREFUSED);
    close_shop(&shop);
}

static void test_release_draft__keeps_one_draft_at_a_time(void **state)
{
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    assert_int_equal(hm_release_sign(shop.folder, "globex", kit_signer(KIT_ACME1), &shop.err),
                     HM_OK);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    assert_int_equal(outcome, HM_RELEASE_RESUMED); /* with its signature */
    assert_int_equal(draft(&shop, "globex", "1.1", 2, false, "", &outcome), HM_EAGAIN);
    assert_int_equal(draft(&shop, "initech", "1.1", 2, false, "", &outcome), HM_OK);
    assert_int_equal(hm_release_sign(shop.folder, "globex", kit_signer(KIT_ACME2), &shop.err),
                     HM_OK);
    assert_int_equal(draft(&shop, "globex", "1.1", 2, true, "", &outcome), HM_OK);
    assert_int_equal(outcome, HM_RELEASE_DRAFTED);
    assert_int_equal(finish(&shop, "globex"), HM_EAGAIN); /* its signatures are gone */
    close_shop(&shop);
}

static void test_release_finish__refuses_a_file_that_changed(void **state)
{
    static const char *const contents[] = {"HELLO", "hell", "hello!", ""};
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    sign_release(&shop, "globex", KIT_ACME1, KIT_ACME2);
    for (size_t i = 0; i < HM_ARRAY_COUNT(contents); i++) {
        write_file(&shop, "a.rom", contents[i]);
        assert_int_equal(finish(&shop, "globex"), HM_EMISMATCH);
        assert_false(hm_dir_has(shop.dir, "out.submission"));
        assert_int_equal(newest_version(&shop, "globex"), 0);
    }
    assert_int_equal(unlink(path_in(&shop, "a.rom")), 0);
    assert_int_equal(finish(&shop, "globex"), HM_EINPUT);
    write_file(&shop, "a.rom", "hello");
    assert_int_equal(finish(&shop, "globex"), HM_OK);
    assert_int_equal(newest_version(&shop, "globex"), 1);
    close_shop(&shop);
}

static void test_release_finish__goes_on_where_a_run_died(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    sign_release(&shop, "globex", KIT_ACME1, KIT_ACME2);
    /* The version was kept; the submission was not named, the draft not removed. */
    assert_int_equal(hm_dir_read(shop.dir, "maker/drafts/globex/maker~acme.json", &shop.err, &raw),
                     HM_OK);
    assert_int_equal(hm_folder_keep(shop.folder, "globex", 1, hm_buf_bytes(&raw), &shop.err),
                     HM_OK);
    assert_int_equal(unlink(path_in(&shop, "maker/sites/globex/maker.json")), 0);
    reopen(&shop);
    assert_int_equal(newest_version(&shop, "globex"), 1);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    assert_int_equal(outcome, HM_RELEASE_RESUMED);
    assert_int_equal(finish(&shop, "globex"), HM_OK);
    read_submission(&shop, &raw, 2);
    assert_true(hm_dir_has(shop.dir, "maker/sites/globex/maker.json"));
    close_shop(&shop);
}

static void test_folder_keep__refuses_other_bytes_under_a_kept_version(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf one = HM_BUF_INIT(1 << 20);
    _hm_done_(hm_buf_done) struct hm_buf two = HM_BUF_INIT(1 << 20);
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    release(&shop, "globex", "1.0");
    release(&shop, "globex", "1.1");
    assert_int_equal(hm_dir_read(shop.dir, "maker/sites/globex/1.maker.json", &shop.err, &one),
                     HM_OK);
    assert_int_equal(hm_dir_read(shop.dir, "maker/sites/globex/2.maker.json", &shop.err, &two),
                     HM_OK);
    assert_int_equal(hm_folder_keep(shop.folder, "globex", 1, hm_buf_bytes(&two), &shop.err),
                     HM_EREFUSED);
    assert_int_equal(hm_folder_keep(shop.folder, "globex", 2, hm_buf_bytes(&two), &shop.err),
                     HM_OK);
    close_shop(&shop);
}

static void rotate(struct shop *shop)
{
    assert_int_equal(draft_identity(shop, KIT_ACME2, KIT_ACME3), HM_OK);
    assert_int_equal(sign_identity(shop, KIT_ACME1), HM_OK);
    assert_int_equal(sign_identity(shop, KIT_ACME2), HM_OK);
    assert_int_equal(sign_identity(shop, KIT_ACME3), HM_OK);
    assert_int_equal(hm_rotation_finish(shop->folder, &shop->err), HM_OK);
}

static void test_release__is_signed_anew_after_a_rotation(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    struct hm_release_order again = {.expires_unix_s = KIT_EXPIRES};
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    assert_int_equal(hm_release_draft(shop.folder, "globex", &again, &shop.err, &outcome),
                     HM_EAGAIN); /* nothing to sign anew */
    release(&shop, "globex", "1.0");
    assert_int_equal(draft(&shop, "globex", "1.1", 2, false, "", &outcome), HM_OK);
    sign_release(&shop, "globex", KIT_ACME1, KIT_ACME2);
    rotate(&shop);
    /* A draft from before is of the old identity. */
    assert_int_equal(finish(&shop, "globex"), HM_EAGAIN);
    assert_int_equal(hm_release_submit(shop.folder, "globex", false, NULL,
                                       path_in(&shop, "out.submission"), &shop.err),
                     HM_EAGAIN);
    assert_int_equal(hm_release_submit(shop.folder, "globex", true, NULL,
                                       path_in(&shop, "out.submission"), &shop.err),
                     HM_OK);
    read_submission(&shop, &raw, 0);
    again.replace = true;
    assert_int_equal(hm_release_draft(shop.folder, "globex", &again, &shop.err, &outcome), HM_OK);
    assert_int_equal(hm_release_sign(shop.folder, "globex", kit_signer(KIT_ACME1), &shop.err),
                     HM_EREFUSED);
    sign_release(&shop, "globex", KIT_ACME2, KIT_ACME3);
    assert_int_equal(finish(&shop, "globex"), HM_OK);
    read_submission(&shop, &raw, 0);
    assert_int_equal(newest_version(&shop, "globex"), 2);
    assert_int_equal(hm_release_submit(shop.folder, "globex", false, NULL,
                                       path_in(&shop, "out.submission"), &shop.err),
                     HM_OK);
    close_shop(&shop);
}

static void test_images_find__takes_those_with_the_right_bytes(void **state)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed newest = HM_FOLDER_SIGNED_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    struct hm_images *found = NULL;
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    release(&shop, "globex", "1.0");
    assert_int_equal(hm_folder_newest(shop.folder, "globex", &shop.err, &newest), HM_OK);
    write_file(&shop, "b.rom", "WORLD"); /* the right size, other bytes */
    assert_int_equal(hm_images_find(newest.targets, shop.dir->path, &shop.err, &found), HM_OK);
    assert_int_equal(found->count, 1);
    assert_string_equal(found->items[0].path, "acme/nic/1.0/a.rom");
    assert_int_equal(hm_release_submit(shop.folder, "globex", false, found,
                                       path_in(&shop, "out.submission"), &shop.err),
                     HM_OK);
    read_submission(&shop, &raw, 1);
    hm_images_free(found);
    found = NULL;
    assert_int_equal(hm_images_find(newest.targets, path_in(&shop, "none"), &shop.err, &found),
                     HM_EINPUT);
    close_shop(&shop);
}

/* ---- images and words ----------------------------------------------------------------------- */

static void test_images_hash__refuses_files_that_no_release_can_have(void **state)
{
    struct hm_images *images = NULL;
    const char *files[2];
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(hm_images_hash("acme/nic/1.0", files, 0, NULL, NULL, &shop.err, &images),
                     HM_EUSAGE);
    files[0] = path_in(&shop, "none");
    assert_int_equal(hm_images_hash("acme/nic/1.0", files, 1, NULL, NULL, &shop.err, &images),
                     HM_EINPUT);
    files[0] = path_in(&shop, "maker");
    assert_int_equal(hm_images_hash("acme/nic/1.0", files, 1, NULL, NULL, &shop.err, &images),
                     HM_EINPUT);
    write_file(&shop, "b d.rom", "x");
    files[0] = path_in(&shop, "b d.rom");
    assert_int_equal(hm_images_hash("acme/nic/1.0", files, 1, NULL, NULL, &shop.err, &images),
                     HM_EFORMAT);
    write_file(&shop, "sub/A.rom", "x");
    files[0] = path_in(&shop, "sub/A.rom");
    files[1] = path_in(&shop, "a.rom");
    assert_int_equal(hm_images_hash("acme/nic/1.0", files, 2, NULL, NULL, &shop.err, &images),
                     HM_EUSAGE);
    assert_int_equal(hm_images_hash("acme/nic/1.0", files, 1, NULL, NULL, &shop.err, &images),
                     HM_OK);
    assert_string_equal(images->items[0].path, "acme/nic/1.0/A.rom");
    hm_images_free(images);
    close_shop(&shop);
}

static void test_images_load__refuses_a_damaged_list(void **state)
{
#define LIST(items)                                                                                \
    "{\"schema\":\"hallmark/maker-images/1\",\"release\":\"\",\"images\":[" items "]}"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
    static const char *const texts[] = {
        "",
        "{}",
        "{\"schema\":\"hallmark/maker-images/2\",\"release\":\"\",\"images\":[]}",
        LIST("{}"),
        LIST("{\"path\":\"p\",\"file\":\"f\",\"size\":-1,\"sha256\":\"" ZEROS "\"}"),
        LIST("{\"path\":\"p\",\"file\":\"f\",\"size\":1,\"sha256\":\"00\"}"),
    };
    struct hm_images *images = NULL;
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(hm_images_load(shop.dir, &shop.err, &images), HM_ENOTFOUND);
    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        write_file(&shop, "images.json", texts[i]);
        assert_int_equal(hm_images_load(shop.dir, &shop.err, &images), HM_EFORMAT);
    }
    write_file(&shop, "images.json", LIST(""));
    assert_int_equal(hm_images_load(shop.dir, &shop.err, &images), HM_OK);
    hm_images_free(images);
    close_shop(&shop);
}

static void test_release_custom__says_what_was_said(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(1 << 20);
    static const char *const devices[] = {"pci:8086:100e"};
    struct hm_release_words words = {.title = "T",
                                     .label = "1.0 (a)",
                                     .date = "2026-01-31",
                                     .devices = devices,
                                     .device_count = 1,
                                     .custom =
                                         HM_BYTES_LITERAL("{\"title\": \"no\", \"notes\": 1}")};
    struct hm_release_words none = {0};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_release_custom(&none, &err, &custom), HM_OK);
    assert_int_equal(custom.size, 0);
    assert_int_equal(hm_release_custom(&words, &err, &custom), HM_OK);
    assert_string_equal(hm_buf_str(&custom),
                        "{\"date\":\"2026-01-31\",\"devices\":[\"pci:8086:100e\"],"
                        "\"label\":\"1.0 (a)\",\"notes\":1,\"title\":\"T\"}");
}

static void test_release_custom__refuses_what_may_not_be_said(void **state)
{
    static const char *const dates[] = {"",          "2026",        "2026-02-30",
                                        "2026-1-31", "2026-01-31 ", "2026-01-31T00:00:00Z"};
    static const char *const customs[] = {
        "[]",   "x",           "{\"vendor\":{}}",    "{\"a\":1,\"a\":2}",
        "{} x", "{\"a\":1.5}", "{\"a\":\"\\u0007\"}"};
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(1 << 20);
    struct hm_err err = HM_ERR_INIT;
    char title[HM_LAYOUT_CUSTOM_SIZE_MAX];

    for (size_t i = 0; i < HM_ARRAY_COUNT(dates); i++) {
        struct hm_release_words words = {.date = dates[i]};

        assert_int_equal(hm_release_custom(&words, &err, &custom), HM_EUSAGE);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(customs); i++) {
        struct hm_release_words words = {.custom = hm_bytes_str(customs[i])};

        if (hm_release_custom(&words, &err, &custom) != HM_EFORMAT)
            fail_msg("accepted: %s", customs[i]);
    }
    for (size_t extra = 0; extra < 2; extra++) {
        struct hm_release_words words = {.title = title};

        memset(title, 'x', sizeof(title));
        title[sizeof(title) - strlen("{\"title\":\"\"}") + extra] = '\0';
        assert_int_equal(hm_release_custom(&words, &err, &custom), extra == 0 ? HM_OK : HM_EFORMAT);
    }
}

static void test_release_name__refuses_bad_parts(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(1024);
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(hm_release_name(shop.folder, "NIC", "1", &shop.err, &name), HM_EFORMAT);
    assert_int_equal(hm_release_name(shop.folder, "nic", "1 b", &shop.err, &name), HM_EFORMAT);
    assert_non_null(strstr(shop.err.text, "--label"));
    assert_int_equal(hm_release_name(shop.folder, "nic/x", "1", &shop.err, &name), HM_EFORMAT);
    assert_int_equal(hm_release_name(shop.folder, "nic", "", &shop.err, &name), HM_EFORMAT);
    assert_int_equal(hm_release_name(shop.folder, "nic", "1.0+a", &shop.err, &name), HM_OK);
    assert_string_equal(hm_buf_str(&name), "acme/nic/1.0+a");
    close_shop(&shop);
}

/* ---- signatures from elsewhere -------------------------------------------------------------- */

/* What 'sign' gives back for the draft of role in folder. */
static void write_signature(struct shop *shop, const char *drafts, const char *role,
                            const char *site, const struct hm_role_keys *keys, enum kit_key key,
                            const char *name)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    _hm_free_(hm_draft_free) struct hm_draft *found = NULL;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(1 << 20);

    assert_int_equal(hm_dir_open_at(shop->dir, drafts, false, &shop->err, &dir), HM_OK);
    assert_int_equal(hm_draft_load(&dir, role, &shop->err, &found), HM_OK);
    assert_int_equal(hm_signatures_new(site, "acme", &shop->err, &signatures), HM_OK);
    assert_int_equal(hm_signatures_add(signatures, role, found->version, found->envelope->canonical,
                                       kit_signer(key), keys, &shop->err),
                     HM_OK);
    assert_int_equal(hm_signatures_write(signatures, &shop->err, &file), HM_OK);
    write_file(shop, name, hm_buf_str(&file));
}

static struct hm_collect collect_of(struct shop *shop, const char *out)
{
    return (struct hm_collect){
        .folder = shop->folder, .out = out, .now_unix_s = KIT_NOW, .report = &shop->report};
}

static void test_collect_attach__finishes_what_has_its_threshold(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    enum hm_release_outcome outcome;
    struct hm_collect collect;
    const char *files[2];
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    write_signature(&shop, "maker/drafts/globex", "maker~acme", "globex",
                    &shop.folder->identity->keys, KIT_ACME1, "1.sig");
    write_signature(&shop, "maker/drafts/globex", "maker~acme", "globex",
                    &shop.folder->identity->keys, KIT_ACME2, "2.sig");
    collect = collect_of(&shop, path_in(&shop, "out.submission"));
    files[0] = path_in(&shop, "1.sig");
    files[1] = path_in(&shop, "2.sig");
    assert_int_equal(hm_collect_attach(&collect, files, 1, &shop.err), HM_OK);
    assert_non_null(strstr(hm_buf_str(&shop.report), "1 of 2 signatures"));
    assert_false(hm_dir_has(shop.dir, "out.submission"));
    assert_int_equal(hm_collect_attach(&collect, files + 1, 1, &shop.err), HM_OK);
    read_submission(&shop, &raw, 2);
    assert_int_equal(hm_collect_attach(&collect, files, 1, &shop.err), HM_ENOTFOUND);
    assert_int_equal(hm_collect_attach(&collect, files, 0, &shop.err), HM_OK); /* nothing to do */
    close_shop(&shop);
}

static void test_collect_attach__refuses_signatures_of_something_else(void **state)
{
    enum hm_release_outcome outcome;
    struct hm_collect collect;
    const char *files[1];
    struct shop shop;

    open_shop(&shop, state);
    make_identity(&shop);
    assert_int_equal(draft(&shop, "globex", "1.0", 2, false, "", &outcome), HM_OK);
    write_signature(&shop, "maker/drafts/globex", "maker~acme", "globex",
                    &shop.folder->identity->keys, KIT_ACME1, "1.sig");
    collect = collect_of(&shop, NULL);
    files[0] = path_in(&shop, "1.sig");
    assert_int_equal(draft(&shop, "globex", "1.1", 2, true, "", &outcome), HM_OK);
    assert_int_equal(hm_collect_attach(&collect, files, 1, &shop.err), HM_EMISMATCH);
    assert_non_null(strstr(shop.err.text, "1.sig"));
    write_file(&shop, "1.sig",
               "{\"schema\":\"hallmark/signatures/1\",\"maker\":\"bolt\",\"signatures\":[]}");
    assert_int_equal(hm_collect_attach(&collect, files, 1, &shop.err), HM_EMISMATCH);
    write_file(&shop, "1.sig",
               "{\"schema\":\"hallmark/signatures/1\",\"maker\":\"acme\",\"signatures\":[]}");
    assert_int_equal(hm_collect_attach(&collect, files, 1, &shop.err), HM_EMISMATCH);
    write_file(&shop, "1.sig", "x");
    assert_int_equal(hm_collect_attach(&collect, files, 1, &shop.err), HM_EFORMAT);
    close_shop(&shop);
}

static void test_request__is_what_the_signer_can_read(void **state)
{
    _hm_free_(hm_request_free) struct hm_request *request = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(hm_rotation_request(shop.folder, KIT_NOW, &shop.err, &raw), HM_ENOTFOUND);
    assert_int_equal(draft_identity(&shop, KIT_ACME1, KIT_ACME2), HM_OK);
    assert_int_equal(hm_rotation_request(shop.folder, KIT_NOW, &shop.err, &raw), HM_OK);
    assert_int_equal(hm_request_parse(hm_buf_bytes(&raw), &shop.err, &request), HM_OK);
    assert_null(request->site);
    assert_string_equal(request->documents[0].role, "identity");
    hm_request_free(request);
    request = NULL;
    make_identity(&shop);
    release(&shop, "globex", "1.0");
    assert_int_equal(draft(&shop, "globex", "1.1", 2, false, "", &outcome), HM_OK);
    hm_buf_clear(&raw);
    assert_int_equal(hm_release_request(shop.folder, "globex", KIT_NOW, &shop.err, &raw), HM_OK);
    assert_int_equal(hm_request_parse(hm_buf_bytes(&raw), &shop.err, &request), HM_OK);
    assert_string_equal(request->site, "globex");
    assert_string_equal(request->reason, "release acme/nic/1.1");
    assert_int_equal(request->documents[0].version, 2);
    assert_true(request->documents[0].current.size > 0);
    close_shop(&shop);
}

static void test_overview__tells_identity_releases_and_drafts(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(1 << 20);
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(1 << 20);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(1 << 20);
    enum hm_release_outcome outcome;
    struct shop shop;

    open_shop(&shop, state);
    assert_int_equal(hm_overview_text(shop.folder, &shop.err, &text), HM_OK);
    assert_non_null(strstr(hm_buf_str(&text), "no identity yet"));
    hm_buf_clear(&text);
    make_identity(&shop);
    release(&shop, "globex", "1.0");
    assert_int_equal(draft(&shop, "globex", "1.1", 2, false, "", &outcome), HM_OK);
    assert_int_equal(hm_overview_text(shop.folder, &shop.err, &text), HM_OK);
    assert_non_null(strstr(hm_buf_str(&text), "acme/nic/1.0  2 files"));
    assert_non_null(
        strstr(hm_buf_str(&text), "draft for site globex: maker~acme version 2, 0 of 2"));
    assert_int_equal(hm_overview_json(shop.folder, &shop.err, &json), HM_OK);
    assert_int_equal(hm_json_canonicalise(hm_buf_bytes(&json), &shop.err, &canonical), HM_OK);
    assert_non_null(strstr(hm_buf_str(&canonical), "\"drafts\":[\"globex\"]"));
    assert_non_null(strstr(hm_buf_str(&canonical), "\"release\":\"acme/nic/1.0\""));
    close_shop(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_folder_create__refuses_a_folder_twice_and_bad_names),
        tmpdir_test(test_folder_open__refuses_what_is_no_folder_or_damaged),
        tmpdir_test(test_folder_newest__refuses_what_the_chain_did_not_sign),
        tmpdir_test(test_folder_keep__refuses_other_bytes_under_a_kept_version),
        tmpdir_test(test_rotation__needs_all_its_signatures),
        tmpdir_test(test_rotation__needs_old_and_new_keys),
        tmpdir_test(test_rotation__forgets_a_draft_that_is_in_the_chain),
        tmpdir_test(test_release__becomes_a_submission_that_sites_accept),
        tmpdir_test(test_release__is_signed_anew_after_a_rotation),
        tmpdir_test(test_release_draft__never_reuses_a_version_for_other_bytes),
        tmpdir_test(test_release_draft__keeps_one_draft_at_a_time),
        tmpdir_test(test_release_finish__refuses_a_file_that_changed),
        tmpdir_test(test_release_finish__goes_on_where_a_run_died),
        tmpdir_test(test_images_find__takes_those_with_the_right_bytes),
        tmpdir_test(test_images_hash__refuses_files_that_no_release_can_have),
        tmpdir_test(test_images_load__refuses_a_damaged_list),
        cmocka_unit_test(test_release_custom__says_what_was_said),
        cmocka_unit_test(test_release_custom__refuses_what_may_not_be_said),
        tmpdir_test(test_release_name__refuses_bad_parts),
        tmpdir_test(test_collect_attach__finishes_what_has_its_threshold),
        tmpdir_test(test_collect_attach__refuses_signatures_of_something_else),
        tmpdir_test(test_request__is_what_the_signer_can_read),
        tmpdir_test(test_overview__tells_identity_releases_and_drafts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
