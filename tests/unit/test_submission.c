/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/submission: nothing of an image is read before everything in front of it is verified. */
#include "unit.h"

#include "exchange/submission.h"
#include "exchange_kit.h"

#define HEAD(images)                                                                               \
    "{\"schema\":\"hallmark/submission/"                                                           \
    "1\",\"site\":\"globex\",\"maker\":\"acme\",\"images\":" images "}"

/* What a submission is made of; a test bends one thing. */
struct parts {
    struct kit_maker maker;
    struct kit_archive archive;
    struct hm_ustar_reader reader;
    struct kit_source source;
    struct hm_submission *submission;
    struct hm_err err;
};

static void start(struct parts *parts, size_t versions)
{
    memset(parts, 0, sizeof(*parts));
    kit_maker_init(&parts->maker, versions);
    kit_archive_init(&parts->archive);
}

static void end(struct parts *parts)
{
    hm_submission_free(parts->submission);
    kit_archive_done(&parts->archive);
    kit_maker_done(&parts->maker);
}

static void add(struct parts *parts, const char *name, const char *text)
{
    kit_archive_add(&parts->archive, name, hm_bytes_str(text));
}

static void add_chain(struct parts *parts)
{
    for (size_t i = 0; i < parts->maker.count; i++)
        kit_archive_add(&parts->archive, i == 0 ? "identity/1.identity" : "identity/2.identity",
                        parts->maker.raw[i]);
}

static void add_maker(struct parts *parts)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);

    kit_maker_sign(&parts->maker, &raw);
    kit_archive_add(&parts->archive, "maker.json", hm_buf_bytes(&raw));
}

static enum hm_rc read_head(struct parts *parts)
{
    kit_archive_end(&parts->archive);
    kit_source_init(&parts->source, hm_buf_bytes(&parts->archive.bytes), &parts->reader);
    return hm_submission_read(&parts->reader, KIT_NOW, &parts->err, &parts->submission);
}

static enum hm_rc next(struct parts *parts, const struct hm_target **ret_target)
{
    return hm_submission_next_image(parts->submission, &parts->reader, &parts->err, ret_target);
}

/* Head, chain and maker.json of the parts, then read. */
static enum hm_rc read_usual(struct parts *parts, const char *head)
{
    add(parts, "submission.json", head);
    add_chain(parts);
    add_maker(parts);
    return read_head(parts);
}

static void test_read__gives_a_verified_head_and_its_images(void **state)
{
    const struct hm_target *target;
    struct parts parts;

    for (size_t versions = 1; versions <= 2; versions++) {
        start(&parts, versions);
        add(&parts, "submission.json", HEAD("2"));
        add_chain(&parts);
        add_maker(&parts);
        add(&parts, "images/acme/nic/1.0/a.rom", "hello");
        add(&parts, "images/acme/nic/1.0/b.rom", "world");
        assert_int_equal(read_head(&parts), HM_OK);
        assert_string_equal(parts.submission->site, "globex");
        assert_string_equal(parts.submission->maker, "acme");
        assert_int_equal(parts.submission->identity_count, versions);
        assert_int_equal(parts.submission->identity->version, versions);
        assert_int_equal(parts.submission->targets->target_count, 2);
        assert_int_equal(next(&parts, &target), HM_OK);
        assert_true(hm_bytes_is_str(target->path, "acme/nic/1.0/a.rom"));
        assert_int_equal(next(&parts, &target), HM_OK);
        assert_true(hm_bytes_is_str(target->path, "acme/nic/1.0/b.rom"));
        assert_int_equal(next(&parts, &target), HM_OK);
        assert_null(target);
        end(&parts);
    }
}

static void test_read__takes_an_identity_alone(void **state)
{
    const struct hm_target *target;
    struct parts parts;

    start(&parts, 2);
    add(&parts, "submission.json", HEAD("0"));
    add_chain(&parts);
    assert_int_equal(read_head(&parts), HM_OK);
    assert_null(parts.submission->targets);
    assert_int_equal(next(&parts, &target), HM_OK);
    assert_null(target);
    end(&parts);
}

static void test_read__refuses_a_bad_head(void **state)
{
    static const char *const heads[] = {
        "",
        "[]",
        "{}",
        HEAD("10001"),
        HEAD("-1"),
        HEAD("1.5"),
        HEAD("2") " x",
        "{\"schema\":\"hallmark/submission/"
        "2\",\"site\":\"globex\",\"maker\":\"acme\",\"images\":0}",
        "{\"schema\":\"hallmark/submission/1\",\"site\":\"../x\",\"maker\":\"acme\",\"images\":0}",
        "{\"schema\":\"hallmark/submission/"
        "1\",\"site\":\"globex\",\"maker\":\"vendor\",\"images\":0}",
        "{\"schema\":\"hallmark/submission/1\",\"site\":\"globex\",\"images\":0}",
        "{\"schema\":\"hallmark/submission/1\",\"site\":\"globex\",\"maker\":\"acme\"}",
        "{\"schema\":\"hallmark/submission/1\",\"site\":\"globex\",\"maker\":\"acme\",\"images\":0,"
        "\"more\":1}",
        "{\"schema\":\"hallmark/submission/1\",\"site\":\"globex\",\"site\":\"globex\",\"maker\":"
        "\"acme\",\"images\":0}",
    };
    struct parts parts;

    for (size_t i = 0; i < HM_ARRAY_COUNT(heads); i++) {
        start(&parts, 1);
        assert_int_equal(read_usual(&parts, heads[i]), HM_EFORMAT);
        assert_null(parts.submission);
        end(&parts);
    }
    start(&parts, 1); /* control */
    assert_int_equal(read_usual(&parts, HEAD("2")), HM_OK);
    end(&parts);
}

static void test_read__refuses_members_out_of_place(void **state)
{
    struct parts parts;

    start(&parts, 1);
    assert_int_equal(read_head(&parts), HM_EFORMAT); /* nothing */
    end(&parts);
    start(&parts, 1);
    add_chain(&parts);
    assert_int_equal(read_head(&parts), HM_EFORMAT);
    assert_string_equal(parts.err.text,
                        "not a submission: its first member is not 'submission.json'");
    end(&parts);
    start(&parts, 1);
    add(&parts, "submission.json", HEAD("0"));
    add_maker(&parts);
    assert_int_equal(read_head(&parts), HM_EFORMAT);
    assert_string_equal(parts.err.text, "submission: 'identity/1.identity' is missing");
    end(&parts);
    start(&parts, 2); /* the second version first */
    add(&parts, "submission.json", HEAD("0"));
    kit_archive_add(&parts.archive, "identity/2.identity", parts.maker.raw[1]);
    assert_int_equal(read_head(&parts), HM_EFORMAT);
    end(&parts);
    start(&parts, 1);
    add(&parts, "submission.json", HEAD("0"));
    add_chain(&parts);
    add(&parts, "identity/3.identity", "x");
    assert_int_equal(read_head(&parts), HM_EFORMAT);
    assert_string_equal(parts.err.text,
                        "submission: 'identity/3.identity' stands where 'maker.json' must");
    end(&parts);
    start(&parts, 1);
    add(&parts, "submission.json", HEAD("2"));
    add_chain(&parts);
    assert_int_equal(read_head(&parts), HM_EFORMAT);
    assert_string_equal(parts.err.text, "submission: it has images but no 'maker.json'");
    end(&parts);
}

static void test_read__refuses_a_chain_that_breaks(void **state)
{
    static const enum kit_key evil[] = {KIT_EVIL};
    static const enum kit_key own[] = {KIT_ACME2, KIT_ACME3};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    struct parts parts;

    start(&parts, 2); /* version 2 without the old keys */
    kit_identity("acme", 2, own, 2, 2, own, 2, &raw);
    parts.maker.raw[1] = hm_buf_bytes(&raw);
    assert_int_equal(read_usual(&parts, HEAD("2")), HM_ESIGNATURE);
    assert_non_null(strstr(parts.err.text, "identity/2.identity"));
    end(&parts);
    start(&parts, 1); /* of somebody else */
    hm_buf_clear(&raw);
    kit_identity("evil", 1, evil, 1, 1, evil, 1, &raw);
    parts.maker.raw[0] = hm_buf_bytes(&raw);
    assert_int_equal(read_usual(&parts, HEAD("2")), HM_EMISMATCH);
    end(&parts);
    start(&parts, 1); /* not JSON */
    parts.maker.raw[0] = HM_BYTES_LITERAL("x");
    assert_int_equal(read_usual(&parts, HEAD("2")), HM_EFORMAT);
    end(&parts);
}

static enum hm_rc read_signed_by(struct parts *parts, const enum kit_key *keys, size_t count)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);

    kit_targets(parts->maker.targets, keys, count, &raw);
    add(parts, "submission.json", HEAD("2"));
    add_chain(parts);
    kit_archive_add(&parts->archive, "maker.json", hm_buf_bytes(&raw));
    return read_head(parts);
}

static void test_read__needs_the_threshold_of_the_newest_identity(void **state)
{
    static const enum kit_key old[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key one[] = {KIT_ACME3};
    static const enum kit_key strangers[] = {KIT_EVIL, KIT_BOLT, KIT_ROOT};
    static const enum kit_key enough[] = {KIT_ACME3, KIT_EVIL, KIT_ACME2};
    struct parts parts;

    start(&parts, 2);
    assert_int_equal(read_signed_by(&parts, old, 2), HM_ESIGNATURE);
    end(&parts);
    start(&parts, 2);
    assert_int_equal(read_signed_by(&parts, one, 1), HM_ESIGNATURE);
    end(&parts);
    start(&parts, 2);
    assert_int_equal(read_signed_by(&parts, strangers, 3), HM_ESIGNATURE);
    end(&parts);
    start(&parts, 2);
    assert_int_equal(read_signed_by(&parts, enough, 3), HM_OK);
    end(&parts);
}

static void bend_expiry(struct kit_maker *maker)
{
    maker->targets->document.expires_unix_s = KIT_NOW;
}

static void bend_site(struct kit_maker *maker)
{
    kit_maker_statement(maker->targets, "initech", "acme", maker->identity);
}

static void bend_maker(struct kit_maker *maker)
{
    kit_maker_statement(maker->targets, "globex", "bolt", maker->identity);
}

static void bend_identity(struct kit_maker *maker)
{
    int64_t version = maker->identity->version;

    maker->identity->version = version + 1;
    kit_maker_statement(maker->targets, "globex", "acme", maker->identity);
    maker->identity->version = version;
}

static void bend_no_statement(struct kit_maker *maker)
{
    kit_x_hallmark(maker->targets, "{\"site\":\"globex\"}");
}

static void bend_path(struct kit_maker *maker)
{
    kit_maker_put(maker->targets, "bolt/nic/1.0/a.rom", "hello", NULL);
}

static void bend_short_path(struct kit_maker *maker)
{
    kit_maker_put(maker->targets, "acme/nic/a.rom", "hello", NULL);
}

static void bend_vendor(struct kit_maker *maker)
{
    kit_maker_put(maker->targets, "acme/nic/1.0/a.rom", "hello", "{\"vendor\":{}}");
}

static void bend_large_custom(struct kit_maker *maker)
{
    char custom[HM_LAYOUT_CUSTOM_SIZE_MAX + 16];

    memset(custom, 'x', sizeof(custom));
    memcpy(custom, "{\"a\":\"", 6);
    memcpy(custom + sizeof(custom) - 3, "\"}", 3);
    kit_maker_put(maker->targets, "acme/nic/1.0/a.rom", "hello", custom);
}

static void bend_case(struct kit_maker *maker)
{
    kit_maker_put(maker->targets, "acme/nic/1.0/A.rom", "hello", NULL);
}

static void bend_digest(struct kit_maker *maker)
{
    static struct hm_sha512 sha512;

    maker->targets->targets[0].facts.has_sha256 = false;
    maker->targets->targets[0].facts.sha512 = &sha512;
}

static void bend_length(struct kit_maker *maker)
{
    maker->targets->targets[0].facts.length = HM_SUBMISSION_IMAGE_SIZE_MAX + 1;
}

static void bend_delegation(struct kit_maker *maker)
{
    const struct hm_key *key = kit_key(KIT_EVIL);
    const char *path = "acme/*/*/*";

    if (hm_targets_delegate(maker->targets, "evil", &key, 1, 1, &path, 1, false, NULL) != HM_OK)
        abort();
}

static void bend_nothing(struct kit_maker *maker)
{
}

static void test_read__refuses_what_a_maker_may_not_say(void **state)
{
    static const struct {
        void (*bend)(struct kit_maker *maker);
        enum hm_rc rc;
        const char *word;
    } cases[] = {
        {bend_expiry, HM_EEXPIRED, "expired"},
        {bend_site, HM_EMISMATCH, "site 'initech'"},
        {bend_maker, HM_EMISMATCH, "maker 'bolt'"},
        {bend_identity, HM_EMISMATCH, "identity version"},
        {bend_no_statement, HM_EFORMAT, "lacks"},
        {bend_path, HM_EMISMATCH, "bolt/nic"},
        {bend_short_path, HM_EFORMAT, "acme/nic/a.rom"},
        {bend_vendor, HM_EFORMAT, "vendor"},
        {bend_large_custom, HM_EFORMAT, "custom"},
        {bend_case, HM_EFORMAT, "case"},
        {bend_digest, HM_EFORMAT, "SHA-256"},
        {bend_length, HM_EFORMAT, "larger"},
        {bend_delegation, HM_EREFUSED, "no role of one of its products"},
        {bend_nothing, HM_OK, ""},
    };
    struct parts parts;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        enum hm_rc rc;

        start(&parts, 1);
        cases[i].bend(&parts.maker);
        rc = read_usual(&parts, HEAD("2"));
        if (rc != cases[i].rc || strstr(parts.err.text, cases[i].word) == NULL)
            fail_msg("case %zu: %s: %s", i, hm_error_name(rc), parts.err.text);
        end(&parts);
    }
}

/* Reads all images and gives the first refusal. */
static enum hm_rc read_images(struct parts *parts, const char *head, const char *const *names,
                              const char *const *contents, size_t count)
{
    const struct hm_target *target = NULL;
    enum hm_rc rc;

    start(parts, 1);
    add(parts, "submission.json", head);
    add_chain(parts);
    add_maker(parts);
    for (size_t i = 0; i < count; i++)
        add(parts, names[i], contents[i]);
    assert_int_equal(read_head(parts), HM_OK);
    do {
        rc = next(parts, &target);
    } while (rc == HM_OK && target != NULL);
    end(parts);
    return rc;
}

#define A "images/acme/nic/1.0/a.rom"
#define B "images/acme/nic/1.0/b.rom"

static void test_next_image__refuses_what_is_not_listed_in_order(void **state)
{
    static const struct {
        const char *head;
        const char *names[3];
        const char *contents[3];
        size_t count;
        enum hm_rc rc;
    } cases[] = {
        {HEAD("2"), {A, B}, {"hello", "world"}, 2, HM_OK},
        {HEAD("1"), {B}, {"world"}, 1, HM_OK},
        {HEAD("0"), {NULL}, {NULL}, 0, HM_OK},
        {HEAD("2"), {A}, {"hello"}, 1, HM_EFORMAT},
        {HEAD("1"), {A, B}, {"hello", "world"}, 2, HM_EFORMAT},
        {HEAD("0"), {A}, {"hello"}, 1, HM_EFORMAT},
        {HEAD("2"), {B, A}, {"world", "hello"}, 2, HM_EFORMAT},
        {HEAD("2"), {A, A}, {"hello", "hello"}, 2, HM_EFORMAT},
        {HEAD("1"), {"images/acme/nic/1.0/c.rom"}, {"hello"}, 1, HM_EFORMAT},
        {HEAD("1"), {"images/acme/nic/1.0"}, {"hello"}, 1, HM_EFORMAT},
        {HEAD("1"), {"acme/nic/1.0/a.rom"}, {"hello"}, 1, HM_EFORMAT},
        {HEAD("1"), {"maker.json"}, {"hello"}, 1, HM_EFORMAT},
        {HEAD("1"), {A}, {"hello!"}, 1, HM_EMISMATCH},
        {HEAD("1"), {A}, {""}, 1, HM_EMISMATCH},
    };
    struct parts parts;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        enum hm_rc rc =
            read_images(&parts, cases[i].head, cases[i].names, cases[i].contents, cases[i].count);

        if (rc != cases[i].rc)
            fail_msg("case %zu: %s", i, hm_error_name(rc));
    }
}

static void test_read__touches_no_image_byte(void **state)
{
    struct parts parts;
    size_t head_size;

    start(&parts, 1);
    add(&parts, "submission.json", HEAD("1"));
    add_chain(&parts);
    add_maker(&parts);
    head_size = parts.archive.bytes.size;
    add(&parts, A, "hello");
    assert_int_equal(read_head(&parts), HM_OK);
    assert_true(parts.source.taken <= head_size + HM_USTAR_BLOCK_SIZE); /* and its name */
    end(&parts);
}

static void test_write_head__is_what_read_reads(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct parts parts;

    start(&parts, 2);
    assert_int_equal(hm_submission_write_head(&parts.archive.writer, "globex", "acme",
                                              parts.maker.raw, 2, HM_BYTES_EMPTY, 0, &err),
                     HM_OK);
    assert_int_equal(read_head(&parts), HM_OK);
    assert_int_equal(parts.submission->identity->version, 2);
    assert_int_equal(hm_submission_write_head(&parts.archive.writer, "globex", "acme",
                                              parts.maker.raw, 2, HM_BYTES_EMPTY, 10001, &err),
                     HM_EUSAGE);
    end(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read__gives_a_verified_head_and_its_images),
        cmocka_unit_test(test_read__takes_an_identity_alone),
        cmocka_unit_test(test_read__refuses_a_bad_head),
        cmocka_unit_test(test_read__refuses_members_out_of_place),
        cmocka_unit_test(test_read__refuses_a_chain_that_breaks),
        cmocka_unit_test(test_read__needs_the_threshold_of_the_newest_identity),
        cmocka_unit_test(test_read__refuses_what_a_maker_may_not_say),
        cmocka_unit_test(test_next_image__refuses_what_is_not_listed_in_order),
        cmocka_unit_test(test_read__touches_no_image_byte),
        cmocka_unit_test(test_write_head__is_what_read_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
