/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/request and exchange/role: what an offline machine reads, in fixed order and limits. */
#include "unit.h"

#include "base/text.h"
#include "exchange/request.h"
#include "exchange/role.h"
#include "exchange_kit.h"

/* A request for maker~acme version 1, or for an identity; a test bends one thing. */
struct parts {
    struct kit_maker maker;
    struct hm_buf next;
    struct hm_request_document document;
    struct hm_request head;
    struct kit_archive archive;
    struct hm_request *request;
    struct hm_err err;
};

static void start(struct parts *parts)
{
    struct hm_envelope *envelope = NULL;

    memset(parts, 0, sizeof(*parts));
    parts->next = (struct hm_buf)HM_BUF_INIT(1 << 20);
    kit_maker_init(&parts->maker, 1);
    kit_targets(parts->maker.targets, NULL, 0, &parts->next);
    kit_archive_init(&parts->archive);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&parts->next), NULL, &envelope), HM_OK);
    parts->document.role = "maker~acme";
    parts->document.version = 1;
    parts->document.next = hm_buf_bytes(&parts->next);
    assert_int_equal(hm_digest_sha256(envelope->canonical, NULL, &parts->document.sha256), HM_OK);
    hm_envelope_free(envelope);
    parts->head = (struct hm_request){.site = "globex",
                                      .maker = "acme",
                                      .created_unix_s = KIT_NOW,
                                      .reason = "release of a test",
                                      .identities = parts->maker.raw,
                                      .identity_count = 1,
                                      .documents = &parts->document,
                                      .document_count = 1};
}

static void end(struct parts *parts)
{
    hm_request_free(parts->request);
    kit_archive_done(&parts->archive);
    kit_maker_done(&parts->maker);
    hm_buf_done(&parts->next);
}

static enum hm_rc parse(struct parts *parts)
{
    hm_request_free(parts->request);
    parts->request = NULL;
    return hm_request_parse(hm_buf_bytes(&parts->archive.bytes), &parts->err, &parts->request);
}

static enum hm_rc write_and_parse(struct parts *parts)
{
    hm_buf_clear(&parts->archive.bytes);
    HM_TRY(hm_request_write(&parts->head, &parts->err, &parts->archive.bytes));
    return parse(parts);
}

static void test_parse__gives_what_was_written(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(1 << 20);
    struct parts parts;

    start(&parts);
    parts.document.current = hm_buf_bytes(&parts.next);
    parts.head.root = HM_BYTES_LITERAL("{}");
    parts.head.targets = HM_BYTES_LITERAL("{ }");
    assert_int_equal(write_and_parse(&parts), HM_OK);
    assert_string_equal(parts.request->site, "globex");
    assert_string_equal(parts.request->maker, "acme");
    assert_string_equal(parts.request->reason, "release of a test");
    assert_int_equal(parts.request->created_unix_s, KIT_NOW);
    assert_true(hm_bytes_is_str(parts.request->root, "{}"));
    assert_true(hm_bytes_is_str(parts.request->targets, "{ }"));
    assert_int_equal(parts.request->identity_count, 1);
    assert_true(hm_bytes_is_equal(parts.request->identities[0], parts.maker.raw[0]));
    assert_int_equal(parts.request->document_count, 1);
    assert_true(hm_bytes_is_equal(parts.request->documents[0].current, hm_buf_bytes(&parts.next)));
    assert_true(hm_bytes_is_equal(parts.request->documents[0].next, hm_buf_bytes(&parts.next)));
    assert_non_null(parts.request->documents[0].envelope);
    assert_int_equal(hm_request_write(parts.request, &parts.err, &again), HM_OK);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&again), hm_buf_bytes(&parts.archive.bytes)));
    end(&parts);
}

static void test_parse__refuses_bytes_that_are_not_those_of_the_list(void **state)
{
    struct parts parts;

    start(&parts);
    parts.document.sha256.bytes[31] ^= 1;
    assert_int_equal(write_and_parse(&parts), HM_EMISMATCH);
    parts.document.sha256.bytes[31] ^= 1;
    parts.document.version = 2;
    assert_int_equal(write_and_parse(&parts), HM_EMISMATCH);
    parts.document.version = 1;
    parts.document.role = "root"; /* another kind of document */
    assert_int_equal(write_and_parse(&parts), HM_EFORMAT);
    parts.document.role = "release~acme"; /* a kind that fits: the reader cannot know better */
    assert_int_equal(write_and_parse(&parts), HM_OK);
    parts.document.next = HM_BYTES_LITERAL("[]");
    assert_int_equal(write_and_parse(&parts), HM_EFORMAT);
    end(&parts);
}

static void test_write__refuses_what_parse_would(void **state)
{
    struct hm_request_document twice[2];
    char reason[HM_REQUEST_REASON_SIZE_MAX + 2];
    struct parts parts;

    start(&parts);
    parts.head.document_count = 0;
    assert_int_equal(write_and_parse(&parts), HM_EUSAGE);
    parts.head.document_count = HM_REQUEST_DOCUMENT_COUNT_MAX + 1;
    assert_int_equal(write_and_parse(&parts), HM_EUSAGE);
    twice[0] = twice[1] = parts.document;
    parts.head.documents = twice;
    parts.head.document_count = 2;
    assert_int_equal(write_and_parse(&parts), HM_EFORMAT);
    parts.head.document_count = 1;
    memset(reason, 'x', sizeof(reason));
    reason[sizeof(reason) - 1] = '\0';
    parts.head.reason = reason;
    assert_int_equal(write_and_parse(&parts), HM_EUSAGE);
    reason[HM_REQUEST_REASON_SIZE_MAX] = '\0';
    assert_int_equal(write_and_parse(&parts), HM_OK);
    parts.head.site = NULL; /* maker~acme is of a site */
    assert_int_equal(write_and_parse(&parts), HM_EFORMAT);
    parts.head.site = "globex";
    parts.head.maker = NULL;
    assert_int_equal(write_and_parse(&parts), HM_EFORMAT);
    parts.head.maker = "bolt";
    assert_int_equal(write_and_parse(&parts), HM_EFORMAT);
    end(&parts);
}

static void hex_of(const struct hm_sha256 *sha256, char hex[HM_SHA256_HEX_SIZE])
{
    hm_text_hex(hm_bytes_make(sha256->bytes, HM_SHA256_SIZE), hex);
}

/* Builds the archive by hand: request.json with the text, then the named members with next's bytes.
 */
static enum hm_rc parse_archive(struct parts *parts, const char *json, const char *const *names,
                                size_t count)
{
    kit_archive_done(&parts->archive);
    kit_archive_init(&parts->archive);
    kit_archive_add(&parts->archive, "request.json", hm_bytes_str(json));
    for (size_t i = 0; i < count; i++)
        kit_archive_add(&parts->archive, names[i],
                        strstr(names[i], ".identity") != NULL ? parts->maker.raw[0]
                                                              : hm_buf_bytes(&parts->next));
    kit_archive_end(&parts->archive);
    return parse(parts);
}

static void head_of(const struct parts *parts, const char *format, char json[1024])
{
    char hex[HM_SHA256_HEX_SIZE];

    hex_of(&parts->document.sha256, hex);
    (void)snprintf(json, 1024, format, hex, hex);
}

#define JSON(documents)                                                                            \
    "{\"schema\":\"hallmark/request/1\",\"site\":\"globex\",\"maker\":\"acme\",\"created\":"       \
    "\"2027-01-15T08:00:00Z\",\"reason\":\"r\",\"documents\":[" documents "]}"
#define DOCUMENT "{\"role\":\"maker~acme\",\"version\":1,\"sha256\":\"%s\"}"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void test_parse__refuses_members_out_of_order(void **state)
{
    static const char *const next = "next/maker~acme.json";
    static const char *const current = "current/maker~acme.json";
    static const char *const identity = "chain/1.identity";
    static const struct {
        const char *names[4];
        size_t count;
        enum hm_rc rc;
    } cases[] = {
        {{next}, 1, HM_OK},
        {{"chain/root.json", "chain/targets.json", identity, next}, 4, HM_OK},
        {{identity, current, next}, 3, HM_OK},
        {{NULL}, 0, HM_EFORMAT},
        {{current}, 1, HM_EFORMAT},
        {{next, current}, 2, HM_EFORMAT},
        {{next, next}, 2, HM_EFORMAT},
        {{current, identity, next}, 3, HM_EFORMAT},
        {{identity, "chain/root.json", next}, 3, HM_EFORMAT},
        {{"chain/targets.json", "chain/root.json", next}, 3, HM_EFORMAT},
        {{"chain/2.identity", next}, 2, HM_EFORMAT},
        {{identity, identity, next}, 3, HM_EFORMAT},
        {{"next/root.json"}, 1, HM_EFORMAT},
        {{next, "next/root.json"}, 2, HM_EFORMAT},
        {{next, "extra"}, 2, HM_EFORMAT},
        {{"extra", next}, 2, HM_EFORMAT},
    };
    struct parts parts;
    char json[1024];

    start(&parts);
    head_of(&parts, JSON(DOCUMENT), json);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        enum hm_rc rc = parse_archive(&parts, json, cases[i].names, cases[i].count);

        if (rc != cases[i].rc)
            fail_msg("case %zu: %s: %s", i, hm_error_name(rc), parts.err.text);
    }
    end(&parts);
}

static void test_parse__refuses_a_bad_head(void **state)
{
    static const char *const names[] = {"next/maker~acme.json"};
    static const char *const formats[] = {
        "",
        "{}",
        JSON(""),
        JSON("{}"),
        JSON("1"),
        JSON(DOCUMENT) "x",
        JSON(DOCUMENT "," DOCUMENT),
        JSON("{\"role\":\"maker~acme\",\"version\":1,\"sha256\":\"%s\",\"x\":1}"),
        JSON("{\"role\":\"maker~acme\",\"version\":0,\"sha256\":\"%s\"}"),
        JSON("{\"role\":\"maker~acme\",\"sha256\":\"%s\"}"),
        JSON("{\"role\":\"maker~acme\",\"version\":1}"),
        JSON("{\"role\":\"maker~acme\",\"version\":1,\"sha256\":\"00\"}"),
        JSON("{\"role\":\"timestamp\",\"version\":1,\"sha256\":\"%s\"}"),
        JSON("{\"role\":\"../root\",\"version\":1,\"sha256\":\"%s\"}"),
        "{\"schema\":\"hallmark/request/2\",\"site\":\"globex\",\"maker\":\"acme\",\"created\":"
        "\"2027-01-15T08:00:00Z\",\"reason\":\"r\",\"documents\":[" DOCUMENT "]}",
        "{\"schema\":\"hallmark/request/1\",\"site\":\"globex\",\"maker\":\"acme\",\"created\":"
        "\"yesterday\",\"reason\":\"r\",\"documents\":[" DOCUMENT "]}",
        "{\"schema\":\"hallmark/request/1\",\"site\":\"GLOBEX\",\"maker\":\"acme\",\"created\":"
        "\"2027-01-15T08:00:00Z\",\"reason\":\"r\",\"documents\":[" DOCUMENT "]}",
        "{\"schema\":\"hallmark/request/1\",\"site\":\"globex\",\"created\":"
        "\"2027-01-15T08:00:00Z\",\"reason\":\"r\",\"documents\":[" DOCUMENT "]}",
        "{\"schema\":\"hallmark/request/1\",\"site\":\"globex\",\"maker\":\"acme\",\"created\":"
        "\"2027-01-15T08:00:00Z\",\"documents\":[" DOCUMENT "]}",
        "{\"schema\":\"hallmark/request/1\",\"site\":\"globex\",\"maker\":\"acme\",\"created\":"
        "\"2027-01-15T08:00:00Z\",\"reason\":\"r\",\"more\":1,\"documents\":[" DOCUMENT "]}",
    };
    struct parts parts;
    char json[1024];

    start(&parts);
    for (size_t i = 0; i < HM_ARRAY_COUNT(formats); i++) {
        head_of(&parts, formats[i], json);
        if (parse_archive(&parts, json, names, 1) != HM_EFORMAT)
            fail_msg("accepted: %s", json);
        assert_null(parts.request);
    }
    head_of(&parts, JSON(DOCUMENT), json);
    assert_int_equal(parse_archive(&parts, json, names, 1), HM_OK);
    end(&parts);
}

static void test_parse__refuses_every_cut_and_members_past_their_limit(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf large = HM_BUF_INIT(1 << 20);
    struct hm_request *request = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct parts parts;

    start(&parts);
    assert_int_equal(write_and_parse(&parts), HM_OK);
    for (size_t size = 0; size + 1024 < parts.archive.bytes.size; size += 97)
        assert_int_equal(
            hm_request_parse(hm_bytes_make(parts.archive.bytes.data, size), &err, &request),
            HM_EFORMAT);
    assert_int_equal(hm_buf_reserve(&large, HM_IDENTITY_SIZE_MAX + 1, &err), HM_OK);
    memset(large.data, ' ', HM_IDENTITY_SIZE_MAX + 1);
    large.size = HM_IDENTITY_SIZE_MAX + 1;
    parts.maker.raw[0] = hm_buf_bytes(&large);
    assert_int_equal(write_and_parse(&parts), HM_EFORMAT);
    assert_non_null(strstr(parts.err.text, "larger than 65536 bytes"));
    large.size = HM_IDENTITY_SIZE_MAX;
    parts.maker.raw[0] = hm_buf_bytes(&large);
    assert_int_equal(write_and_parse(&parts), HM_OK);
    end(&parts);
}

static void test_role_parse__knows_what_people_sign(void **state)
{
    static const struct {
        const char *name;
        enum hm_role_kind kind;
    } good[] = {
        {"root", HM_ROLE_ROOT},
        {"targets", HM_ROLE_TARGETS},
        {"identity", HM_ROLE_IDENTITY},
        {"release~acme", HM_ROLE_TARGETS},
        {"maker~a-b_9", HM_ROLE_TARGETS},
        {"recalls~acme", HM_ROLE_TARGETS},
        {"recalls~vendor", HM_ROLE_TARGETS},
        {"release~acme~x", HM_ROLE_TARGETS},
        {"maker~acme~x+1.2", HM_ROLE_TARGETS},
    };
    static const char *const bad[] = {
        "",
        "timestamp",
        "snapshot",
        "release~",
        "release~vendor",
        "release~a",
        "maker~recalls",
        "release~acme~",
        "release~a/b",
        "release~ACME",
        "Root",
        "root ",
        "other~acme",
        "release~a..b",
        "maker~lifted",
        "release~acme~X",
        "release~acme~x~y",
        "recalls~acme~x",
        "recalls~vendor~x",
        "targets~acme~x",
    };
    enum hm_role_kind kind;
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(good); i++) {
        assert_int_equal(hm_role_parse(hm_bytes_str(good[i].name), &err, &kind), HM_OK);
        assert_int_equal(kind, good[i].kind);
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        if (hm_role_parse(hm_bytes_str(bad[i]), &err, &kind) != HM_EFORMAT)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void test_role_is_of__splits_at_the_tilde(void **state)
{
    struct hm_bytes id;

    assert_true(hm_role_is_of("maker~acme", "maker", &id));
    assert_true(hm_bytes_is_str(id, "acme"));
    assert_false(hm_role_is_of("maker~", "maker", &id));
    assert_false(hm_role_is_of("makers~acme", "maker", &id));
    assert_false(hm_role_is_of("maker", "maker", &id));
    assert_false(hm_role_is_of("release~acme", "maker", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__gives_what_was_written),
        cmocka_unit_test(test_parse__refuses_bytes_that_are_not_those_of_the_list),
        cmocka_unit_test(test_write__refuses_what_parse_would),
        cmocka_unit_test(test_parse__refuses_members_out_of_order),
        cmocka_unit_test(test_parse__refuses_a_bad_head),
        cmocka_unit_test(test_parse__refuses_every_cut_and_members_past_their_limit),
        cmocka_unit_test(test_role_parse__knows_what_people_sign),
        cmocka_unit_test(test_role_is_of__splits_at_the_tilde),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
