/* SPDX-License-Identifier: Apache-2.0 */
/* trust/site_log: what root says of the release log, read, written, and what may follow it. */
#include "unit.h"

#include "trust/site_log.h"
#include "trust_kit.h"

#define EMPTY_ROOT "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SOME_ROOT  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* Vkeys of the kit's keys, made once: "L" and a digit in the texts below stand for them. */
static const char *vkey(enum kit_key key, const char *name, enum hm_note_kind kind)
{
    static char texts[32][256];
    static size_t count;
    _hm_free_(hm_note_key_free) struct hm_note_key *made = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(255);

    assert_int_equal(hm_note_key_make(name, kind, kit_key(key), NULL, &made), HM_OK);
    assert_int_equal(hm_note_key_write(made, NULL, &text), HM_OK);
    count = (count + 1) % HM_ARRAY_COUNT(texts);
    (void)snprintf(texts[count], sizeof(texts[count]), "%s", hm_buf_str(&text));
    return texts[count];
}

#define LOG_A    vkey(KIT_ACME1, "a.example/log", HM_NOTE_ED25519)
#define LOG_B    vkey(KIT_ACME2, "b.example/log", HM_NOTE_ED25519)
#define LOG_C    vkey(KIT_ACME3, "c.example/log", HM_NOTE_ED25519)
#define WITNESS  vkey(KIT_BOLT, "w.example", HM_NOTE_COSIGNATURE)
#define NO_LOG   "{\"site\":\"globex\"}"
#define LOG(log) "{\"site\":\"globex\",\"log\":" log "}"

/* A root with this x-hallmark (NULL: none) and the kit's keys. */
static enum hm_rc parse(const char *x_hallmark, struct hm_err *err, struct hm_site_log **ret_log)
{
    static const enum kit_key keys[HM_ROOT_ROLE_COUNT_] = {KIT_ROOT, KIT_ONLINE, KIT_ONLINE,
                                                           KIT_TARGETS};
    _hm_free_(hm_root_free) struct hm_root *root = NULL;

    assert_int_equal(hm_root_new(NULL, &root), HM_OK);
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
        const struct hm_key *key = kit_key(keys[i]);

        assert_int_equal(hm_root_set_role(root, (enum hm_root_role)i, &key, 1, 1, NULL), HM_OK);
    }
    if (x_hallmark != NULL)
        root->document.x_hallmark = hm_bytes_str(x_hallmark);
    return hm_site_log_parse(root, err, ret_log);
}

HM_PRINTF(1, 2)
static struct hm_site_log *parse_good(const char *format, ...)
{
    struct hm_site_log *log = NULL;
    struct hm_err err = HM_ERR_INIT;
    char text[8192];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (parse(text, &err, &log) != HM_OK)
        fail_msg("%s: %s", text, err.text);
    return log;
}

HM_PRINTF(2, 3)
static void refuse(enum hm_rc rc, const char *format, ...)
{
    struct hm_site_log *log = NULL;
    struct hm_err err = HM_ERR_INIT;
    char text[8192];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (parse(text, &err, &log) != rc)
        fail_msg("%s: %s", text, err.text);
    assert_null(log);
}

#define POLICY      "\"policy\":\"log %s\\nwitness w %s https://w.example/\\nquorum w\\n\""
#define UNWITNESSED "\"policy\":\"log %s\\nquorum none\\n\""
#define CLOSED      "{\"vkey\":\"%s\",\"size\":%s,\"root\":\"%s\"}"

static void test_parse__reads_what_write_wrote(void **state)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log =
        parse_good(LOG("{" POLICY ",\"closed\":[" CLOSED "," CLOSED "],\"later\":[1]}"), LOG_C,
                   WITNESS, LOG_A, "0", EMPTY_ROOT, LOG_B, "9223372036854775807", SOME_ROOT);
    _hm_free_(hm_site_log_free) struct hm_site_log *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    assert_string_equal(log->policy->logs[0].key->name, "c.example/log");
    assert_int_equal(log->policy->witness_count, 1);
    assert_int_equal(log->policy->quorum, 0);
    assert_int_equal(log->closed_count, 2);
    assert_string_equal(log->closed[0].key->name, "a.example/log");
    assert_int_equal(log->closed[1].size, INT64_MAX);
    assert_int_equal(log->closed[1].root.bytes[1], 0x11);

    assert_int_equal(hm_site_log_write(log, NULL, &json), HM_OK);
    again = parse_good(LOG("%s"), hm_buf_str(&json));
    assert_int_equal(again->closed_count, 2);
    assert_int_equal(hm_site_log_check_successor(log, again, NULL), HM_OK);
    assert_int_equal(hm_site_log_check_successor(again, log, NULL), HM_OK);
}

static void test_parse__takes_a_site_without_log(void **state)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log = parse_good(NO_LOG);
    _hm_free_(hm_site_log_free) struct hm_site_log *plain = NULL;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(100);

    assert_null(log->policy);
    assert_int_equal(log->closed_count, 0);
    assert_int_equal(hm_site_log_write(log, NULL, &json), HM_OK);
    assert_int_equal(json.size, 0);
    assert_int_equal(parse(NULL, NULL, &plain), HM_OK);
    assert_null(plain->policy);
}

static void test_parse__judges_each_member(void **state)
{
    static const char *const bad[] = {
        LOG("{}"),
        LOG("[]"),
        LOG("null"),
        LOG("{\"policy\":1}"),
        LOG("{\"policy\":\"\"}"),
        LOG("{\"policy\":\"quorum none\\n\"}"), /* no log */
        LOG("{\"policy\":\"log x\\nquorum none\\n\"}"),
    };
    static const char *const bad_closed[] = {
        "{}",
        "[1]",
        "[{}]",
        "[{\"size\":1,\"root\":\"" SOME_ROOT "\"}]",
        "[{\"vkey\":\"x\",\"size\":1,\"root\":\"" SOME_ROOT "\"}]",
    };
    static const struct {
        const char *size, *root;
    } bad_ends[] = {
        {"-1", SOME_ROOT}, {"0", SOME_ROOT},     {"1", "00"},
        {"1", ""},         {"\"1\"", SOME_ROOT}, {"9223372036854775808", SOME_ROOT},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        refuse(HM_EFORMAT, "%s", bad[i]);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad_closed); i++)
        refuse(HM_EFORMAT, LOG("{" UNWITNESSED ",\"closed\":%s}"), LOG_A, bad_closed[i]);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad_ends); i++)
        refuse(HM_EFORMAT, LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "]}"), LOG_A, LOG_B,
               bad_ends[i].size, bad_ends[i].root);
    refuse(HM_EFORMAT, LOG("{\"closed\":[" CLOSED "]}"), LOG_B, "1", SOME_ROOT);
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED "," UNWITNESSED "}"), LOG_A, LOG_A);
    /* Two logs; a witness in the log's place. */
    refuse(HM_EFORMAT, LOG("{\"policy\":\"log %s\\nlog %s\\nquorum none\\n\"}"), LOG_A, LOG_B);
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED "}"), WITNESS);
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "]}"), LOG_A, WITNESS, "1",
           SOME_ROOT);
    refuse(HM_EUNKNOWN, LOG("{" UNWITNESSED "}"), "x+63ad0e20+AAAA");
}

static void test_parse__refuses_a_key_that_speaks_twice(void **state)
{
    /* For root's own roles, */
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED "}"), vkey(KIT_ONLINE, "a", HM_NOTE_ED25519));
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED "}"), vkey(KIT_ROOT, "a", HM_NOTE_ED25519));
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED "}"), vkey(KIT_TARGETS, "a", HM_NOTE_ED25519));
    /* as a witness, */
    refuse(HM_EFORMAT, LOG("{" POLICY "}"), LOG_A,
           vkey(KIT_ACME1, "w.example", HM_NOTE_COSIGNATURE));
    /* and for a log that was closed; nor may its origin come again. */
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "]}"), LOG_A,
           vkey(KIT_ACME1, "b.example/log", HM_NOTE_ED25519), "1", SOME_ROOT);
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "]}"), LOG_A,
           vkey(KIT_ACME2, "a.example/log", HM_NOTE_ED25519), "1", SOME_ROOT);
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "," CLOSED "]}"), LOG_A, LOG_B,
           "1", SOME_ROOT, vkey(KIT_ACME3, "b.example/log", HM_NOTE_ED25519), "1", SOME_ROOT);
    refuse(HM_EFORMAT, LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "," CLOSED "]}"), LOG_A, LOG_B,
           "1", SOME_ROOT, vkey(KIT_ACME2, "c.example/log", HM_NOTE_ED25519), "1", SOME_ROOT);
}

static void test_parse__bounds_the_closed_logs(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(65536);
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(
        hm_buf_append_fmt(&json, NULL, "{\"log\":{" UNWITNESSED ",\"closed\":[", LOG_A), HM_OK);
    for (int i = 0; i <= HM_SITE_LOG_CLOSED_COUNT_MAX; i++) {
        _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
        _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
        char name[16];

        (void)snprintf(name, sizeof(name), "old%d", i);
        assert_int_equal(hm_signer_generate("ed25519", NULL, &signer), HM_OK);
        assert_int_equal(hm_note_key_make(name, HM_NOTE_ED25519, hm_signer_key(signer), NULL, &key),
                         HM_OK);
        assert_int_equal(hm_buf_append_str(&json, i == 0 ? "" : ",", NULL), HM_OK);
        assert_int_equal(hm_buf_append_str(&json, "{\"vkey\":\"", NULL), HM_OK);
        assert_int_equal(hm_note_key_write(key, NULL, &json), HM_OK);
        assert_int_equal(
            hm_buf_append_str(&json, "\",\"size\":1,\"root\":\"" SOME_ROOT "\"}", NULL), HM_OK);
        if (i + 1 == HM_SITE_LOG_CLOSED_COUNT_MAX) {
            _hm_free_(hm_site_log_free) struct hm_site_log *full =
                parse_good("%s]}}", hm_buf_str(&json));

            assert_int_equal(full->closed_count, HM_SITE_LOG_CLOSED_COUNT_MAX);
        }
    }
    assert_int_equal(hm_buf_append_str(&json, "]}}", NULL), HM_OK);
    assert_int_equal(parse(hm_buf_str(&json), &err, &log), HM_EFORMAT);
    assert_non_null(strstr(err.text, "more than 16"));
}

static void test_put__keeps_what_else_is_said(void **state)
{
    static const char before[] = "{\"a\":[1,{\"log\":2}],\"log\":{\"old\":1},\"site\":\"globex\"}";
    _hm_free_(hm_site_log_free) struct hm_site_log *log =
        parse_good(LOG("{" UNWITNESSED "}"), LOG_A);
    _hm_free_(hm_site_log_free) struct hm_site_log *none = parse_good(NO_LOG);
    _hm_free_(hm_site_log_free) struct hm_site_log *again = NULL;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(4096);
    static const char *const bad[] = {"", "[]", "{} x", "{\"a\":1"};

    assert_int_equal(hm_site_log_put(hm_bytes_str(before), log, NULL, &json), HM_OK);
    assert_non_null(strstr(hm_buf_str(&json), "{\"a\":[1,{\"log\":2}],\"site\":\"globex\","));
    assert_null(strstr(hm_buf_str(&json), "old"));
    again = parse_good("%s", hm_buf_str(&json));
    assert_int_equal(hm_site_log_check_successor(log, again, NULL), HM_OK);
    hm_buf_clear(&json);
    assert_int_equal(hm_site_log_put(hm_bytes_str(before), none, NULL, &json), HM_OK);
    assert_string_equal(hm_buf_str(&json), "{\"a\":[1,{\"log\":2}],\"site\":\"globex\"}");
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++) {
        hm_buf_clear(&json);
        assert_int_equal(hm_site_log_put(hm_bytes_str(bad[i]), log, NULL, &json), HM_EFORMAT);
    }
}

static void test_check_successor__holds_the_log(void **state)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *none = parse_good(NO_LOG);
    _hm_free_(hm_site_log_free) struct hm_site_log *a = parse_good(LOG("{" UNWITNESSED "}"), LOG_A);
    _hm_free_(hm_site_log_free) struct hm_site_log *a_witnessed =
        parse_good(LOG("{" POLICY "}"), LOG_A, WITNESS);
    _hm_free_(hm_site_log_free) struct hm_site_log *a_other_key =
        parse_good(LOG("{" UNWITNESSED "}"), vkey(KIT_ACME2, "a.example/log", HM_NOTE_ED25519));
    _hm_free_(hm_site_log_free) struct hm_site_log *a_other_origin =
        parse_good(LOG("{" UNWITNESSED "}"), vkey(KIT_ACME1, "x.example/log", HM_NOTE_ED25519));
    _hm_free_(hm_site_log_free) struct hm_site_log *b = parse_good(LOG("{" UNWITNESSED "}"), LOG_B);
    _hm_free_(hm_site_log_free) struct hm_site_log *b_after_a =
        parse_good(LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "]}"), LOG_B, LOG_A, "5", SOME_ROOT);
    _hm_free_(hm_site_log_free) struct hm_site_log *b_after_longer_a =
        parse_good(LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "]}"), LOG_B, LOG_A, "6", SOME_ROOT);
    _hm_free_(hm_site_log_free) struct hm_site_log *c_after_b =
        parse_good(LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "," CLOSED "]}"), LOG_C, LOG_A, "5",
                   SOME_ROOT, LOG_B, "7", SOME_ROOT);
    _hm_free_(hm_site_log_free) struct hm_site_log *b_closes_c =
        parse_good(LOG("{" UNWITNESSED ",\"closed\":[" CLOSED "," CLOSED "]}"), LOG_B, LOG_A, "5",
                   SOME_ROOT, LOG_C, "7", SOME_ROOT);
    const struct {
        const struct hm_site_log *log, *next;
        enum hm_rc rc;
    } cases[] = {
        {none, none, HM_OK},
        {none, a, HM_OK},
        {none, b_after_a, HM_EREFUSED}, /* closes what was never named */
        {a, a, HM_OK},
        {a, a_witnessed, HM_OK},
        {a_witnessed, a, HM_OK},
        {a, none, HM_EREFUSED},
        {a, b, HM_EREFUSED},
        {a, a_other_key, HM_EREFUSED},
        {a, a_other_origin, HM_EREFUSED},
        {a, b_after_a, HM_OK},
        {a, c_after_b, HM_EREFUSED}, /* two at once */
        {b_after_a, b_after_a, HM_OK},
        {b_after_a, b_after_longer_a, HM_EREFUSED},
        {b_after_a, b, HM_EREFUSED},
        {b_after_a, b_closes_c, HM_EREFUSED},
        {b_after_a, a, HM_EREFUSED},
        {b_after_a, none, HM_EREFUSED},
        {b_after_a, c_after_b, HM_OK},
        {c_after_b, b_after_a, HM_EREFUSED},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_site_log_check_successor(cases[i].log, cases[i].next, &err);

        if (rc != cases[i].rc)
            fail_msg("case %zu: %s %s", i, hm_error_name(rc), err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_what_write_wrote),
        cmocka_unit_test(test_parse__takes_a_site_without_log),
        cmocka_unit_test(test_parse__judges_each_member),
        cmocka_unit_test(test_parse__refuses_a_key_that_speaks_twice),
        cmocka_unit_test(test_parse__bounds_the_closed_logs),
        cmocka_unit_test(test_put__keeps_what_else_is_said),
        cmocka_unit_test(test_check_successor__holds_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
