/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/signing: a signer believes its own memory, not the request. */
#include "unit.h"

#include "exchange/review.h"
#include "exchange/signing.h"
#include "exchange_kit.h"
#include "tmpdir.h"

#define COUNT_MAX 4

/* A request under construction, and the last answer. */
struct scene {
    struct hm_request head;
    struct hm_request_document documents[COUNT_MAX];
    struct hm_buf archive;
    struct hm_request *request;
    struct hm_signing *signing;
    struct hm_signatures *signatures;
    const struct hm_signer *signers[1];
    struct hm_err err;
};

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    scene->archive = (struct hm_buf)HM_BUF_INIT(1 << 24);
    scene->head = (struct hm_request){.site = "globex",
                                      .created_unix_s = KIT_NOW,
                                      .reason = "test",
                                      .documents = scene->documents};
}

static void scene_close(struct scene *scene)
{
    hm_signatures_free(scene->signatures);
    hm_signing_free(scene->signing);
    hm_request_free(scene->request);
    scene->signatures = NULL;
    scene->signing = NULL;
    scene->request = NULL;
    hm_buf_clear(&scene->archive);
}

static void scene_done(struct scene *scene)
{
    scene_close(scene);
    hm_buf_done(&scene->archive);
}

/* Adds a document; version and digest are those of next. */
static void put(struct scene *scene, const char *role, int64_t version, const struct hm_buf *next,
                const struct hm_buf *current)
{
    struct hm_request_document *document = &scene->documents[scene->head.document_count++];
    struct hm_envelope *envelope = NULL;

    assert_int_equal(hm_envelope_parse(hm_buf_bytes(next), NULL, &envelope), HM_OK);
    *document =
        (struct hm_request_document){.role = role, .version = version, .next = hm_buf_bytes(next)};
    if (current != NULL)
        document->current = hm_buf_bytes(current);
    assert_int_equal(hm_digest_sha256(envelope->canonical, NULL, &document->sha256), HM_OK);
    hm_envelope_free(envelope);
}

static enum hm_rc open_with(struct scene *scene, const struct hm_dir *memory, enum kit_key key,
                            bool replace)
{
    struct hm_signing_config config = {.memory = memory,
                                       .signers = scene->signers,
                                       .signer_count = 1,
                                       .now_unix_s = KIT_NOW,
                                       .replace = replace};
    enum hm_rc rc;

    scene_close(scene);
    scene->signers[0] = kit_signer(key);
    assert_int_equal(hm_request_write(&scene->head, &scene->err, &scene->archive), HM_OK);
    assert_int_equal(hm_request_parse(hm_buf_bytes(&scene->archive), &scene->err, &scene->request),
                     HM_OK);
    rc = hm_signing_open(scene->request, &config, &scene->err, &scene->signing);
    assert_int_equal(rc == HM_OK, scene->signing != NULL);
    return rc;
}

/* Opens and signs; *scene keeps text and signatures until the next. */
static enum hm_rc sign(struct scene *scene, const struct hm_dir *memory, enum kit_key key)
{
    HM_TRY(open_with(scene, memory, key, false));
    return hm_signing_sign(scene->signing, &scene->err, &scene->signatures);
}

static void assert_text(const struct scene *scene, const char *words)
{
    if (strstr(hm_signing_text(scene->signing), words) == NULL)
        fail_msg("'%s' is not in: %s", words, hm_signing_text(scene->signing));
}

#define BUF HM_BUF_INIT(1 << 20)

static void make_root(int64_t version, enum kit_key key, const enum kit_key *signers, size_t count,
                      struct hm_buf *ret_raw)
{
    kit_root_version(version, &key, 1, 1, signers, count, ret_raw);
}

/* ---- root ----------------------------------------------------------------------------------- */

static void test_open__shows_the_first_root_and_signs_it(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf root = BUF;
    struct scene scene;

    make_root(1, KIT_ROOT, NULL, 0, &root);
    scene_init(&scene);
    put(&scene, "root", 1, &root, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ROOT), HM_OK);
    assert_text(&scene, "The site has no root yet.");
    assert_text(&scene, "first time you sign this role, and nothing is published");
    assert_text(&scene, "root  version 1 (new), expires 2027-01-16");
    assert_false(hm_signing_has_warnings(scene.signing));
    assert_int_equal(scene.signatures->count, 1);
    assert_string_equal(scene.signatures->site, "globex");
    assert_string_equal(scene.signatures->items[0].keyid, hm_key_id(kit_key(KIT_ROOT)));
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ROOT), HM_OK); /* again, the same */
    assert_text(&scene, "you signed exactly these bytes before");
    scene_done(&scene);
}

static void test_open__refuses_a_key_that_is_listed_nowhere(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf root = BUF;
    struct scene scene;

    make_root(1, KIT_ROOT, NULL, 0, &root);
    scene_init(&scene);
    put(&scene, "root", 1, &root, NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_EVIL, false), HM_EREFUSED);
    assert_non_null(strstr(scene.err.text, hm_key_id(kit_key(KIT_EVIL))));
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ONLINE, false), HM_EREFUSED);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_OK);
    scene_done(&scene);
}

static void test_open__takes_the_next_root_from_old_and_new_keys(void **state)
{
    static const enum kit_key old[] = {KIT_ROOT};
    _hm_done_(hm_buf_done) struct hm_buf one = BUF;
    _hm_done_(hm_buf_done) struct hm_buf two = BUF;
    struct scene scene;

    make_root(1, KIT_ROOT, old, 1, &one);
    make_root(2, KIT_BOLT, NULL, 0, &two);
    scene_init(&scene);
    scene.head.root = hm_buf_bytes(&one);
    put(&scene, "root", 2, &two, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ROOT), HM_OK);
    assert_text(&scene, "First request from this site");
    assert_text(&scene, "compared with what the request says is published, version 1");
    assert_text(&scene, "WARNING: root: keys of 'root': a key is removed");
    assert_true(hm_signing_has_warnings(scene.signing));
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_BOLT), HM_OK);
    assert_text(&scene, "by this request alone");
    assert_text(&scene, "as this signer knows it");
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_EVIL, false), HM_EREFUSED);
    scene_done(&scene);
}

static void test_open__refuses_a_root_that_skips_or_stays(void **state)
{
    static const enum kit_key old[] = {KIT_ROOT};
    _hm_done_(hm_buf_done) struct hm_buf one = BUF;
    _hm_done_(hm_buf_done) struct hm_buf three = BUF;
    _hm_done_(hm_buf_done) struct hm_buf same = BUF;
    struct scene scene;

    make_root(1, KIT_ROOT, old, 1, &one);
    make_root(3, KIT_ROOT, NULL, 0, &three);
    make_root(1, KIT_ROOT, NULL, 0, &same);
    scene_init(&scene);
    scene.head.root = hm_buf_bytes(&one);
    put(&scene, "root", 3, &three, NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_EMISMATCH);
    assert_non_null(strstr(scene.err.text, "exactly one more"));
    scene.head.document_count = 0;
    put(&scene, "root", 1, &same, NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_EMISMATCH);
    scene_done(&scene);
}

static void test_open__refuses_a_chain_that_goes_back_or_forks(void **state)
{
    static const enum kit_key old[] = {KIT_ROOT, KIT_BOLT};
    _hm_done_(hm_buf_done) struct hm_buf one = BUF;
    _hm_done_(hm_buf_done) struct hm_buf two = BUF;
    _hm_done_(hm_buf_done) struct hm_buf fork = BUF;
    _hm_done_(hm_buf_done) struct hm_buf next_of_one = BUF;
    _hm_done_(hm_buf_done) struct hm_buf three = BUF;
    struct scene scene;

    make_root(1, KIT_ROOT, old, 1, &one);
    make_root(2, KIT_ROOT, old, 1, &two);
    make_root(2, KIT_BOLT, old, 2, &fork);
    make_root(2, KIT_ROOT, NULL, 0, &next_of_one);
    make_root(3, KIT_ROOT, NULL, 0, &three);
    scene_init(&scene);
    scene.head.root = hm_buf_bytes(&two);
    put(&scene, "root", 3, &three, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ROOT), HM_OK);
    scene.head.root = hm_buf_bytes(&fork);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_EREFUSED);
    assert_non_null(strstr(scene.err.text, "different things"));
    scene.head.root = hm_buf_bytes(&one);
    scene.head.document_count = 0;
    put(&scene, "root", 2, &next_of_one, NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_EROLLBACK);
    scene.head.root = HM_BYTES_EMPTY; /* "the site is new": it is not */
    scene.head.document_count = 0;
    put(&scene, "root", 1, &one, NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_EROLLBACK);
    scene_done(&scene);
}

static void test_open__follows_roots_and_warns_where_it_cannot(void **state)
{
    static const enum kit_key root[] = {KIT_ROOT};
    static const enum kit_key both[] = {KIT_ROOT, KIT_BOLT};
    static const enum kit_key bolt[] = {KIT_BOLT};
    struct hm_buf raw[7] = {BUF, BUF, BUF, BUF, BUF, BUF, BUF};
    struct scene scene;

    make_root(1, KIT_ROOT, root, 1, &raw[1]);
    make_root(2, KIT_ROOT, root, 1, &raw[2]);
    make_root(3, KIT_ROOT, root, 1, &raw[3]);
    make_root(5, KIT_BOLT, bolt, 1, &raw[5]);
    make_root(6, KIT_BOLT, NULL, 0, &raw[6]);
    scene_init(&scene);
    scene.head.root = hm_buf_bytes(&raw[1]);
    put(&scene, "root", 2, &raw[2], NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ROOT), HM_OK);
    scene.head.root = hm_buf_bytes(&raw[2]);
    scene.head.document_count = 0;
    put(&scene, "root", 3, &raw[3], NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ROOT), HM_OK);
    assert_text(&scene, "from version 1 to 2, rightly signed");
    assert_text(&scene, "compared with version 2, which you signed last");
    /* Version 3 did not sign version 5, and version 4 is not there. */
    scene.head.root = hm_buf_bytes(&raw[5]);
    scene.head.document_count = 0;
    put(&scene, "root", 6, &raw[6], NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_BOLT, false), HM_OK);
    assert_text(&scene, "WARNING: the site's root went from version 2");
    /* The very next version must be signed by the one before. */
    hm_buf_clear(&raw[3]);
    make_root(3, KIT_BOLT, bolt, 1, &raw[3]);
    hm_buf_clear(&raw[4]);
    make_root(4, KIT_BOLT, both, 2, &raw[4]);
    scene.head.root = hm_buf_bytes(&raw[3]);
    scene.head.document_count = 0;
    put(&scene, "root", 4, &raw[4], NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_BOLT, false), HM_ESIGNATURE);
    scene_done(&scene);
    for (size_t i = 0; i < HM_ARRAY_COUNT(raw); i++)
        hm_buf_done(&raw[i]);
}

static void test_open__refuses_a_root_of_another_site(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf root = BUF;
    static const enum kit_key old[] = {KIT_ROOT};
    struct scene scene;

    make_root(1, KIT_ROOT, old, 1, &root);
    scene_init(&scene);
    scene.head.site = "initech";
    put(&scene, "root", 1, &root, NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_EMISMATCH);
    scene.head.root = hm_buf_bytes(&root);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ROOT, false), HM_EMISMATCH);
    assert_non_null(strstr(scene.err.text, "site 'globex'"));
    scene_done(&scene);
}

/* ---- targets and release -------------------------------------------------------------------- */

static void test_open__signs_targets_and_releases_by_their_own_keys(void **state)
{
    static const enum kit_key root_key[] = {KIT_ROOT};
    static const enum kit_key targets_key[] = {KIT_TARGETS};
    _hm_done_(hm_buf_done) struct hm_buf root = BUF;
    _hm_done_(hm_buf_done) struct hm_buf draft = BUF;
    _hm_done_(hm_buf_done) struct hm_buf targets = BUF;
    _hm_done_(hm_buf_done) struct hm_buf release = BUF;
    struct hm_err err = HM_ERR_INIT;
    struct kit_site site;
    struct scene scene;

    kit_site_init(&site);
    assert_int_equal(kit_layout(&site, &err), HM_OK);
    make_root(1, KIT_ROOT, root_key, 1, &root);
    kit_targets(site.targets, NULL, 0, &draft);
    kit_targets(site.targets, targets_key, 1, &targets);
    kit_targets(site.release, NULL, 0, &release);
    scene_init(&scene);
    scene.head.root = hm_buf_bytes(&root);
    put(&scene, "targets", 1, &draft, NULL);
    put(&scene, "release~acme", 1, &release, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_TARGETS), HM_OK);
    assert_text(&scene, "release~acme version 1: not yours to sign, passed over.");
    assert_text(&scene, "+ maker acme  \"Acme Networks\", grade maker");
    assert_int_equal(scene.signatures->count, 1);
    assert_string_equal(scene.signatures->items[0].role, "targets");
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_RELEASE), HM_OK);
    assert_text(&scene, "release~acme: first time you sign this role");
    /* Once targets are published, they name the keys. */
    scene.head.targets = hm_buf_bytes(&targets);
    scene.head.documents = &scene.documents[1];
    scene.head.document_count = 1;
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_TARGETS, false), HM_EREFUSED);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_RELEASE), HM_OK);
    assert_text(&scene, "you signed exactly these bytes before");
    /* What targets.json is not signed by does not count. */
    scene.head.targets = hm_buf_bytes(&draft);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_RELEASE, false), HM_ESIGNATURE);
    scene.head.targets = hm_buf_bytes(&targets);
    scene.head.root = HM_BYTES_EMPTY;
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_RELEASE, false), HM_EFORMAT);
    scene_done(&scene);
    kit_site_done(&site);
}

static void test_open__refuses_targets_that_clients_would(void **state)
{
    static const enum kit_key root_key[] = {KIT_ROOT};
    _hm_done_(hm_buf_done) struct hm_buf root = BUF;
    _hm_done_(hm_buf_done) struct hm_buf draft = BUF;
    struct hm_err err = HM_ERR_INIT;
    struct kit_site site;
    struct scene scene;

    kit_site_init(&site);
    assert_int_equal(kit_layout(&site, &err), HM_OK);
    kit_put(site.targets, "acme/nic/1.0/boot.rom", 1, 'a', NULL); /* targets list no files */
    make_root(1, KIT_ROOT, root_key, 1, &root);
    kit_targets(site.targets, NULL, 0, &draft);
    scene_init(&scene);
    scene.head.root = hm_buf_bytes(&root);
    put(&scene, "targets", 1, &draft, NULL);
    assert_int_not_equal(open_with(&scene, tmpdir_of(state), KIT_TARGETS, false), HM_OK);
    assert_int_equal(hm_error_exit_status(scene.err.rc), 1);
    scene_done(&scene);
    kit_site_done(&site);
}

static void test_open__refuses_a_release_for_another_site(void **state)
{
    static const enum kit_key root_key[] = {KIT_ROOT};
    static const enum kit_key targets_key[] = {KIT_TARGETS};
    static const char *const statements[] = {"{\"site\":\"initech\"}", "{}"};
    _hm_done_(hm_buf_done) struct hm_buf root = BUF;
    _hm_done_(hm_buf_done) struct hm_buf targets = BUF;
    struct hm_err err = HM_ERR_INIT;
    struct kit_site site;
    struct scene scene;

    kit_site_init(&site);
    assert_int_equal(kit_layout(&site, &err), HM_OK);
    make_root(1, KIT_ROOT, root_key, 1, &root);
    kit_targets(site.targets, targets_key, 1, &targets);
    for (size_t i = 0; i < HM_ARRAY_COUNT(statements); i++) {
        _hm_done_(hm_buf_done) struct hm_buf release = BUF;

        kit_x_hallmark(site.release, statements[i]);
        kit_targets(site.release, NULL, 0, &release);
        scene_init(&scene);
        scene.head.root = hm_buf_bytes(&root);
        scene.head.targets = hm_buf_bytes(&targets);
        put(&scene, "release~acme", 1, &release, NULL);
        assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_RELEASE, false), HM_EMISMATCH);
        scene_done(&scene);
    }
    kit_site_done(&site);
}

/* ---- maker ---------------------------------------------------------------------------------- */

/* maker~acme: version 1 and 2 (signed and not), and another version 1. */
struct versions {
    struct kit_maker maker;
    struct hm_buf one, one_signed, other, two;
};

static void versions_init(struct versions *versions)
{
    *versions = (struct versions){.one = BUF, .one_signed = BUF, .other = BUF, .two = BUF};
    kit_maker_init(&versions->maker, 1);
    kit_targets(versions->maker.targets, NULL, 0, &versions->one);
    kit_maker_sign(&versions->maker, &versions->one_signed);
    kit_maker_put(versions->maker.targets, "acme/nic/1.1/a.rom", "more", NULL);
    kit_targets(versions->maker.targets, NULL, 0, &versions->other);
    versions->maker.targets->document.version = 2;
    kit_targets(versions->maker.targets, NULL, 0, &versions->two);
}

static void versions_done(struct versions *versions)
{
    kit_maker_done(&versions->maker);
    hm_buf_done(&versions->one);
    hm_buf_done(&versions->one_signed);
    hm_buf_done(&versions->other);
    hm_buf_done(&versions->two);
}

static void scene_maker(struct scene *scene, const struct versions *versions, int64_t version,
                        const struct hm_buf *next, const struct hm_buf *current)
{
    scene_init(scene);
    scene->head.maker = "acme";
    scene->head.identities = (struct hm_bytes *)versions->maker.raw;
    scene->head.identity_count = 1;
    put(scene, "maker~acme", version, next, current);
}

static void test_open__remembers_what_it_signed(void **state)
{
    struct versions versions;
    struct scene scene;

    versions_init(&versions);
    scene_maker(&scene, &versions, 1, &versions.one, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME1), HM_OK);
    assert_text(&scene, "new to this signer");
    assert_string_equal(scene.signatures->maker, "acme");
    scene_done(&scene);
    scene_maker(&scene, &versions, 1, &versions.other, NULL); /* other bytes, same version */
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_EREFUSED);
    assert_non_null(strstr(scene.err.text, "--replace"));
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, true), HM_OK);
    assert_text(&scene, "WARNING: maker~acme: you signed other bytes as version 1 before");
    assert_true(hm_signing_has_warnings(scene.signing));
    scene_done(&scene);
    scene_maker(&scene, &versions, 2, &versions.two, &versions.one_signed);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME1), HM_OK);
    assert_text(&scene, "known to this signer");
    assert_text(&scene, "maker~acme: compared with version 1, which you signed last:");
    assert_text(&scene, "+ acme/nic/1.1");
    scene_done(&scene);
    scene_maker(&scene, &versions, 1, &versions.one, NULL); /* back: even what it signed itself */
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, true), HM_EROLLBACK);
    scene_done(&scene);
    versions_done(&versions);
}

static void test_open__shows_the_difference_to_its_own_word(void **state)
{
    struct versions versions;
    struct scene scene;

    versions_init(&versions);
    scene_maker(&scene, &versions, 2, &versions.two, &versions.one_signed);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_OK);
    assert_text(&scene, "first time you sign this role: compared with what the request says is "
                        "published, version 1:");
    assert_text(&scene, "releases: 1 added, 0 changed, 0 removed; 2 in all");
    scene_done(&scene);
    versions_done(&versions);
}

static void test_open__shows_what_others_signed_and_is_dropped_now(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf two_signed = BUF;
    _hm_done_(hm_buf_done) struct hm_buf three = BUF;
    struct versions versions;
    struct scene scene;

    versions_init(&versions);
    scene_maker(&scene, &versions, 1, &versions.one, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME1), HM_OK);
    scene_done(&scene);
    /* Version 2, with one release more, was signed without this signer; version 3 lacks it. */
    kit_maker_sign(&versions.maker, &two_signed);
    versions.maker.targets->target_count--;
    versions.maker.targets->document.version = 3;
    kit_targets(versions.maker.targets, NULL, 0, &three);
    scene_maker(&scene, &versions, 3, &three, &two_signed);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_OK);
    assert_text(&scene, "maker~acme: compared with version 1, which you signed last:");
    assert_text(&scene, "maker~acme: and compared with what the request says is published, version "
                        "2:");
    assert_text(&scene, "WARNING: maker~acme: a file is removed: acme/nic/1.1/a.rom");
    assert_true(hm_signing_has_warnings(scene.signing));
    scene_done(&scene);
    versions_done(&versions);
}

static void test_open__needs_a_published_version_that_is_signed(void **state)
{
    struct versions versions;
    struct scene scene;

    versions_init(&versions);
    scene_maker(&scene, &versions, 2, &versions.two, &versions.one);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_ESIGNATURE);
    scene_done(&scene);
    scene_maker(&scene, &versions, 2, &versions.two, NULL); /* and one must be there at all */
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_EMISMATCH);
    scene_done(&scene);
    versions_done(&versions);
}

static void test_open__refuses_another_maker_under_a_known_name(void **state)
{
    static const enum kit_key evil[] = {KIT_EVIL};
    _hm_done_(hm_buf_done) struct hm_buf identity = BUF;
    struct versions versions;
    struct scene scene;

    versions_init(&versions);
    scene_maker(&scene, &versions, 1, &versions.one, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME1), HM_OK);
    kit_identity("acme", 1, evil, 1, 1, evil, 1, &identity);
    versions.maker.raw[0] = hm_buf_bytes(&identity);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_EVIL, false), HM_EREFUSED);
    assert_non_null(strstr(scene.err.text, "another version 1"));
    scene.head.identity_count = 0; /* no chain at all: older than what was seen */
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_EROLLBACK);
    scene_done(&scene);
    versions_done(&versions);
}

static void test_open__signs_an_identity_without_a_site(void **state)
{
    static const enum kit_key keys[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key second[] = {KIT_ACME2, KIT_ACME3};
    _hm_done_(hm_buf_done) struct hm_buf one = BUF;
    _hm_done_(hm_buf_done) struct hm_buf two = BUF;
    struct versions versions;
    struct scene scene;

    kit_identity("acme", 1, keys, 2, 2, NULL, 0, &one);
    kit_identity("acme", 2, second, 2, 2, NULL, 0, &two);
    versions_init(&versions);
    scene_init(&scene);
    scene.head.site = NULL;
    scene.head.maker = "acme";
    put(&scene, "identity", 1, &one, NULL);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME3, false), HM_EREFUSED);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME1), HM_OK);
    assert_text(&scene, "Maker acme has no identity yet.");
    assert_null(scene.signatures->site);
    scene.head.identities = versions.maker.raw;
    scene.head.identity_count = 1;
    scene.head.document_count = 0;
    put(&scene, "identity", 2, &two, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME1), HM_OK); /* an old key */
    assert_text(&scene, "identity  version 1 -> 2");
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME3), HM_OK); /* a new one */
    scene.head.maker = "bolt";
    scene.head.identity_count = 0;
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME3, false), HM_EMISMATCH);
    scene_done(&scene);
    versions_done(&versions);
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void test_open__warns_of_odd_expiries(void **state)
{
    struct versions versions;
    struct scene scene;

    for (int i = 0; i < 2; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = BUF;

        versions_init(&versions);
        versions.maker.targets->document.version = 1;
        versions.maker.targets->document.expires_unix_s =
            i == 0 ? KIT_NOW : KIT_NOW + 2 * hm_review_default_expiry_s("maker~acme") + 1;
        kit_targets(versions.maker.targets, NULL, 0, &raw);
        scene_maker(&scene, &versions, 1, &raw, NULL);
        assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_OK);
        assert_text(&scene, i == 0 ? "which is past" : "more than twice the usual time");
        assert_true(hm_signing_has_warnings(scene.signing));
        scene_done(&scene);
        versions_done(&versions);
    }
}

static void test_open__escapes_what_the_request_says(void **state)
{
    struct versions versions;
    struct scene scene;

    versions_init(&versions);
    scene_maker(&scene, &versions, 1, &versions.one, NULL);
    scene.head.reason = "x\nroot: all is well\x1b[2J\xe2\x80\xae";
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_OK);
    assert_null(strstr(hm_signing_text(scene.signing), "\nroot: all is well"));
    assert_null(strchr(hm_signing_text(scene.signing), '\x1b'));
    assert_null(strstr(hm_signing_text(scene.signing), "\xe2\x80\xae"));
    assert_text(&scene, "root: all is well");
    scene_done(&scene);
    versions_done(&versions);
}

static void test_open__takes_turns(void **state)
{
    struct versions versions;
    struct scene first;
    struct scene second;

    versions_init(&versions);
    scene_maker(&first, &versions, 1, &versions.one, NULL);
    scene_maker(&second, &versions, 1, &versions.one, NULL);
    assert_int_equal(open_with(&first, tmpdir_of(state), KIT_ACME1, false), HM_OK);
    assert_int_equal(open_with(&second, tmpdir_of(state), KIT_ACME2, false), HM_EBUSY);
    scene_done(&first);
    assert_int_equal(open_with(&second, tmpdir_of(state), KIT_ACME2, false), HM_OK);
    scene_done(&second);
    versions_done(&versions);
}

static void test_open__stops_at_a_damaged_memory(void **state)
{
    struct versions versions;
    struct scene scene;
    char path[600];
    FILE *file;

    versions_init(&versions);
    scene_maker(&scene, &versions, 1, &versions.one, NULL);
    assert_int_equal(sign(&scene, tmpdir_of(state), KIT_ACME1), HM_OK);
    (void)snprintf(path, sizeof(path), "%s/globex/maker~acme.json", tmpdir_of(state)->path);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("{}", file);
    (void)fclose(file);
    assert_int_equal(open_with(&scene, tmpdir_of(state), KIT_ACME1, false), HM_EFORMAT);
    assert_non_null(strstr(scene.err.text, "what this signer remembers"));
    scene_done(&scene);
    versions_done(&versions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_open__shows_the_first_root_and_signs_it),
        tmpdir_test(test_open__refuses_a_key_that_is_listed_nowhere),
        tmpdir_test(test_open__takes_the_next_root_from_old_and_new_keys),
        tmpdir_test(test_open__refuses_a_root_that_skips_or_stays),
        tmpdir_test(test_open__refuses_a_chain_that_goes_back_or_forks),
        tmpdir_test(test_open__follows_roots_and_warns_where_it_cannot),
        tmpdir_test(test_open__refuses_a_root_of_another_site),
        tmpdir_test(test_open__signs_targets_and_releases_by_their_own_keys),
        tmpdir_test(test_open__refuses_targets_that_clients_would),
        tmpdir_test(test_open__refuses_a_release_for_another_site),
        tmpdir_test(test_open__remembers_what_it_signed),
        tmpdir_test(test_open__shows_the_difference_to_its_own_word),
        tmpdir_test(test_open__shows_what_others_signed_and_is_dropped_now),
        tmpdir_test(test_open__needs_a_published_version_that_is_signed),
        tmpdir_test(test_open__refuses_another_maker_under_a_known_name),
        tmpdir_test(test_open__signs_an_identity_without_a_site),
        tmpdir_test(test_open__warns_of_odd_expiries),
        tmpdir_test(test_open__escapes_what_the_request_says),
        tmpdir_test(test_open__takes_turns),
        tmpdir_test(test_open__stops_at_a_damaged_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
