/* SPDX-License-Identifier: Apache-2.0 */
/* trust/recall: what is a recall, which reach what, and that nothing is ever taken out of a set. */
#include "unit.h"

#include "base/text.h"
#include "base/time.h"
#include "trust/verdict.h"

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PATH "recalls/vendor/x-1.json"
#define GOOD                                                                                       \
    "\"date\":\"2026-11-01T00:00:00Z\",\"digests\":[\"" A64 "\",\"" B64                            \
    "\"],\"reason\":\"r\",\"remedy\":\"m\""

static struct hm_sha256 digest_of(uint8_t byte)
{
    struct hm_sha256 digest;

    memset(digest.bytes, byte, sizeof(digest.bytes));
    return digest;
}

static void test_parse_path__of_vendor_and_makers(void **state)
{
    static const struct {
        const char *path, *id, *name;
    } cases[] = {
        {"recalls/vendor/a.json", "vendor", "a"},
        {"recalls/acme/nic-hang.json", "acme", "nic-hang"},
        {"recalls/acme/2026+1.json", "acme", "2026+1"},
        {"recalls/vendor/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijkl.json", "vendor",
         "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijkl"},
    };
    static const char *const bad[] = {
        "",
        "recalls",
        "recalls/",
        "recalls/vendor/",
        "recalls/vendor/.json",
        "recalls/vendor/a",
        "recalls/vendor/a.txt",
        "recalls//a.json",
        "recalls/vendor/a/b.json",
        "recalls/vendor/A.json",
        "recalls/vendor/a_b.json",
        "recalls/vendor/a.b.json",
        "recalls/vendor/-a.json",
        "recalls/lifted/a.json",
        "recalls/recalls/a.json",
        "recalls/makers/a.json",
        "recalls/ACME/a.json",
        "recalls/../a.json",
        "/recalls/vendor/a.json",
        "recall/vendor/a.json",
        "acme/nic/1.0/boot.rom",
        "recalls/vendor/abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklm.json",
    };
    struct hm_bytes id, name;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        assert_int_equal(hm_recall_parse_path(hm_bytes_str(cases[i].path), NULL, &id, &name),
                         HM_OK);
        assert_true(hm_bytes_is_str(id, cases[i].id));
        assert_true(hm_bytes_is_str(name, cases[i].name));
    }
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        if (hm_recall_parse_path(hm_bytes_str(bad[i]), NULL, &id, &name) != HM_EFORMAT)
            fail_msg("'%s' passes", bad[i]);
    }
}

static void test_read__takes_what_is_whole_alone(void **state)
{
    static const struct {
        const char *custom;
        enum hm_rc rc;
    } cases[] = {
        {"{\"recall\":{" GOOD "}}", HM_OK},
        {"{\"other\":[1],\"recall\":{" GOOD ",\"more\":{}}}", HM_OK},
        {"", HM_EFORMAT},
        {"{}", HM_EFORMAT},
        {"[]", HM_EFORMAT},
        {"{\"recall\":null}", HM_EFORMAT},
        {"{\"recall\":{}}", HM_EFORMAT},
        {"{\"recall\":{" GOOD "}} ", HM_OK}, /* white space is JSON */
        {"{\"recall\":{" GOOD "}}x", HM_EFORMAT},
        {"{\"recall\":{" GOOD "},\"recall\":{" GOOD "}}", HM_EFORMAT},
        {"{\"recall\":{" GOOD ",\"reason\":\"other\"}}", HM_EFORMAT},
        {"{\"recall\":{\"digests\":[\"" A64 "\"],\"reason\":\"r\",\"remedy\":\"m\"}}", HM_EFORMAT},
        {"{\"recall\":{\"date\":\"1970-01-01T00:00:00Z\",\"digests\":[\"" A64
         "\"],\"reason\":\"r\",\"remedy\":\"m\"}}",
         HM_EFORMAT},
        {"{\"recall\":{\"date\":\"2026-11-01T00:00:00Z\",\"digests\":[],\"reason\":\"r\","
         "\"remedy\":\"m\"}}",
         HM_EFORMAT},
        {"{\"recall\":{\"date\":\"2026-11-01T00:00:00Z\",\"digests\":[\"" B64 "\",\"" A64
         "\"],\"reason\":\"r\",\"remedy\":\"m\"}}",
         HM_EFORMAT},
        {"{\"recall\":{\"date\":\"2026-11-01T00:00:00Z\",\"digests\":[\"" A64 "\",\"" A64
         "\"],\"reason\":\"r\",\"remedy\":\"m\"}}",
         HM_EFORMAT},
        {"{\"recall\":{\"date\":\"2026-11-01T00:00:00Z\",\"digests\":[\"aa\"],\"reason\":\"r\","
         "\"remedy\":\"m\"}}",
         HM_EFORMAT},
        {"{\"recall\":{\"date\":\"2026-11-01T00:00:00Z\",\"digests\":[\"" A64
         "\"],\"reason\":\"\",\"remedy\":\"m\"}}",
         HM_EFORMAT},
        {"{\"recall\":{\"date\":\"2026-11-01T00:00:00Z\",\"digests\":[\"" A64
         "\"],\"reason\":\"a\\nb\",\"remedy\":\"m\"}}",
         HM_EFORMAT},
    };

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
        struct hm_target target = {.path = HM_BYTES_LITERAL(PATH),
                                   .custom = hm_bytes_str(cases[i].custom)};
        struct hm_err err = HM_ERR_INIT;
        struct hm_recall recall = {0};
        enum hm_rc rc = hm_recall_read(&target, &arena, &err, &recall);

        if (rc != cases[i].rc)
            fail_msg("case %zu: %s", i, err.text);
        if (rc != HM_OK) {
            assert_non_null(strstr(err.text, PATH));
            assert_null(recall.path);
            continue;
        }
        assert_string_equal(recall.path, PATH);
        assert_string_equal(recall.id, "vendor");
        assert_string_equal(recall.name, "x-1");
        assert_int_equal(recall.digest_count, 2);
    }
}

static void test_write_custom__is_what_is_read(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(HM_RECALL_CUSTOM_SIZE_MAX);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_sha256 digests[HM_RECALL_DIGEST_COUNT_MAX + 1];
    char reason[HM_RECALL_TEXT_SIZE_MAX + 2];
    struct hm_recall recall = {.path = PATH,
                               .reason = "the \"link\" hangs",
                               .remedy = "m",
                               .date_unix_s = 1800000000,
                               .digests = digests,
                               .digest_count = HM_RECALL_DIGEST_COUNT_MAX};
    struct hm_target target = {.path = HM_BYTES_LITERAL(PATH)};
    struct hm_recall again;

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(digests); i++) {
        digests[i] = digest_of(0);
        digests[i].bytes[0] = (uint8_t)(i >> 8);
        digests[i].bytes[1] = (uint8_t)i;
    }
    assert_int_equal(hm_recall_write_custom(&recall, NULL, &custom), HM_OK);
    target.custom = hm_buf_bytes(&custom);
    assert_int_equal(hm_recall_read(&target, &arena, NULL, &again), HM_OK);
    assert_string_equal(again.reason, recall.reason);
    assert_int_equal(again.date_unix_s, recall.date_unix_s);
    assert_int_equal(again.digest_count, HM_RECALL_DIGEST_COUNT_MAX);
    recall.digest_count++;
    assert_int_equal(hm_recall_write_custom(&recall, NULL, &custom), HM_EUSAGE);
    recall.digest_count = 1;
    memset(reason, 'x', sizeof(reason));
    reason[sizeof(reason) - 1] = '\0';
    recall.reason = reason;
    assert_int_equal(hm_recall_write_custom(&recall, NULL, &custom), HM_EUSAGE);
    reason[HM_RECALL_TEXT_SIZE_MAX] = '\0';
    assert_int_equal(hm_recall_write_custom(&recall, NULL, &custom), HM_OK);
    recall.reason = "two\nlines";
    assert_int_equal(hm_recall_write_custom(&recall, NULL, &custom), HM_EUSAGE);
    recall.reason = "\xff";
    assert_int_equal(hm_recall_write_custom(&recall, NULL, &custom), HM_EUSAGE);
}

static void add(struct hm_recalls *recalls, const char *path, uint8_t first, size_t count)
{
    struct hm_sha256 digests[3];
    struct hm_recall recall = {.path = path,
                               .reason = "why",
                               .remedy = "what",
                               .date_unix_s = 1800000000,
                               .digests = digests,
                               .digest_count = count};

    for (size_t i = 0; i < count; i++)
        digests[i] = digest_of((uint8_t)(first + i));
    assert_int_equal(hm_recall_set_add(recalls, &recall, NULL), HM_OK);
}

static size_t found(const struct hm_recalls *recalls, uint8_t byte, const char *maker)
{
    struct hm_sha256 digest = digest_of(byte);
    size_t cursor = 0, count = 0;

    while (hm_recall_set_find(recalls, &digest, maker, &cursor) != NULL)
        count++;
    return count;
}

static void test_set__loses_nothing_and_finds_by_maker(void **state)
{
    struct hm_recalls recalls = {0};

    (void)state;
    assert_int_equal(found(&recalls, 1, NULL), 0);
    add(&recalls, "recalls/vendor/a.json", 1, 2);
    add(&recalls, "recalls/acme/b.json", 2, 3);
    add(&recalls, "recalls/vendor/a.json", 3, 1); /* what it said before stays */
    assert_int_equal(recalls.count, 2);
    assert_int_equal(hm_recall_set_seal(&recalls, NULL), HM_OK);
    assert_int_equal(found(&recalls, 0, NULL), 0);
    assert_int_equal(found(&recalls, 1, NULL), 1);
    assert_int_equal(found(&recalls, 2, NULL), 2);
    assert_int_equal(found(&recalls, 3, NULL), 2);
    assert_int_equal(found(&recalls, 4, NULL), 1);
    assert_int_equal(found(&recalls, 5, NULL), 0);
    assert_int_equal(found(&recalls, 2, "acme"), 2);
    assert_int_equal(found(&recalls, 2, "bolt"), 1);
    assert_int_equal(found(&recalls, 4, "bolt"), 0);
    add(&recalls, "recalls/bolt/c.json", 4, 1);
    assert_int_equal(hm_recall_set_seal(&recalls, NULL), HM_OK);
    assert_int_equal(found(&recalls, 4, "bolt"), 1);
    hm_recall_set_done(&recalls);
}

static bool lifts_b(void *ctx, const char *maker, const struct hm_recall *recall)
{
    (void)ctx;
    return strcmp(maker, "acme") == 0 && strcmp(recall->name, "b") == 0;
}

static void test_verdict__every_recall_must_be_lifted_or_overridden(void **state)
{
    struct hm_release_file file = {.path.whole = HM_BYTES_LITERAL("acme/nic/1.0/boot.rom"),
                                   .sha256 = digest_of(2)};
    const struct hm_recall *recall = NULL;
    struct hm_recalls recalls = {0};
    struct hm_err err = HM_ERR_INIT;

    (void)state;
    add(&recalls, "recalls/vendor/a.json", 1, 2);
    add(&recalls, "recalls/acme/b.json", 2, 1);
    assert_int_equal(hm_recall_set_seal(&recalls, NULL), HM_OK);
    assert_int_equal(hm_verdict_recall(&recalls, "acme", &file, NULL, NULL, NULL, &err, &recall),
                     HM_ERECALLED);
    assert_non_null(recall);
    for (const char *const *word =
             (const char *const[]){"acme/nic/1.0/boot.rom", "why", "what", "2027-01-15", NULL};
         *word != NULL; word++)
        assert_non_null(strstr(err.text, *word));
    assert_int_equal(hm_verdict_recall(&recalls, "acme", &file, lifts_b, NULL, NULL, &err, &recall),
                     HM_ERECALLED);
    assert_string_equal(recall->path, "recalls/vendor/a.json");
    assert_int_equal(hm_verdict_recall(&recalls, "acme", &file, lifts_b, NULL,
                                       "recalls/vendor/a.json", NULL, NULL),
                     HM_OK);
    assert_int_equal(hm_verdict_recall(&recalls, "acme", &file, NULL, NULL, "recalls/vendor/a.json",
                                       NULL, &recall),
                     HM_ERECALLED);
    assert_string_equal(recall->path, "recalls/acme/b.json");
    file.sha256 = digest_of(3);
    assert_int_equal(hm_verdict_recall(&recalls, "acme", &file, NULL, NULL, NULL, NULL, NULL),
                     HM_OK);
    assert_int_equal(hm_verdict_recall_unknown(&recalls, &file.sha256, "x", NULL), HM_OK);
    file.sha256 = digest_of(1);
    assert_int_equal(hm_verdict_recall_unknown(&recalls, &file.sha256, "x", &err), HM_ERECALLED);
    hm_recall_set_done(&recalls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_path__of_vendor_and_makers),
        cmocka_unit_test(test_read__takes_what_is_whole_alone),
        cmocka_unit_test(test_write_custom__is_what_is_read),
        cmocka_unit_test(test_set__loses_nothing_and_finds_by_maker),
        cmocka_unit_test(test_verdict__every_recall_must_be_lifted_or_overridden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
