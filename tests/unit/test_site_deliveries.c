/* SPDX-License-Identifier: Apache-2.0 */
/* trust/site_deliveries: what root says of deliveries; trust/root_word: how it is put there. */
#include "unit.h"

#include "trust/root_word.h"
#include "trust/site_deliveries.h"
#include "trust_kit.h"

#define KEY           "example.com/hallmark-test+13aba541+AZsfhHkc/HZjBFhU04netcqVRJ2HXydqg4QLBgqznPxx"
#define LOG_KEY       "old.example/log+f618877d+AbDvac9mmAMfo6UM3ZhuGEswRR4MUnSlB9TyBI0y+MK1"
#define WITNESS       "witness.example/w1+ed8c37d6+BLDvac9mmAMfo6UM3ZhuGEswRR4MUnSlB9TyBI0y+MK1"
#define WORD(members) "{\"site\":\"globex\",\"deliveries\":{" members "}}"
#define GOOD          WORD("\"key\":\"" KEY "\",\"policy\":\"log " LOG_KEY "\\nquorum none\\n\"")

static enum hm_rc parse(const char *x_hallmark, struct hm_err *err,
                        struct hm_site_deliveries **ret_deliveries)
{
    _hm_free_(hm_root_free) struct hm_root *root = NULL;

    assert_int_equal(hm_root_new(NULL, &root), HM_OK);
    root->document.x_hallmark = hm_bytes_str(x_hallmark);
    return hm_site_deliveries_parse(root, err, ret_deliveries);
}

static void test_parse__reads_keys_and_policy(void **state)
{
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    assert_int_equal(parse(GOOD, NULL, &deliveries), HM_OK);
    assert_int_equal(hm_note_key_write(deliveries->key, NULL, &text), HM_OK);
    assert_string_equal(hm_buf_str(&text), KEY);
    assert_string_equal(deliveries->policy->logs[0].key->name, "old.example/log");
}

static void test_parse__finds_none(void **state)
{
    static const char *const texts[] = {"", "{}", "{\"site\":\"globex\"}"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries = NULL;

        assert_int_equal(parse(texts[i], NULL, &deliveries), HM_OK);
        assert_null(deliveries->key);
        assert_null(deliveries->policy);
    }
}

static void test_parse__refuses(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"[]", "'root', the deliveries: "},
        {"{\"deliveries\":1}", "'root', the deliveries: "},
        {WORD(""), "lack key or policy"},
        {WORD("\"key\":\"" KEY "\""), "lack key or policy"},
        {WORD("\"policy\":\"log " LOG_KEY "\\nquorum none\\n\""), "lack key or policy"},
        {WORD("\"key\":\"" WITNESS "\",\"policy\":\"log " LOG_KEY "\\nquorum none\\n\""),
         "signed by a key of type 0x01"},
        {WORD("\"key\":\"" KEY "\",\"policy\":\"quorum none\\n\""), "has 0 log lines"},
        {WORD("\"key\":\"" KEY "\",\"policy\":\"log " LOG_KEY "\\nlog " KEY "\\nquorum none\\n\""),
         "has 2 log lines"},
        {WORD("\"key\":\"" KEY "\",\"policy\":\"log " KEY "\\nquorum none\\n\""),
         "one key cannot sign both"},
        {"{\"log\":{\"policy\":\"log " LOG_KEY "\\nquorum none\\n\"},\"deliveries\":{\"key\":\"" KEY
         "\",\"policy\":\"log " LOG_KEY "\\nquorum none\\n\"}}",
         "'old.example/log' is a key of the release log"},
        {WORD("\"key\":\"" KEY "\",\"policy\":\"log " LOG_KEY "\\nwitness w " WITNESS
              "\\nquorum w\\n\""),
         "'old.example/log' is its own witness"},
        {WORD("\"key\":\"nothing\",\"policy\":\"log " LOG_KEY "\\nquorum none\\n\""),
         "'root', the deliveries: "},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_site_deliveries *deliveries = NULL;
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(parse(cases[i].text, &err, &deliveries), HM_EFORMAT);
        assert_null(deliveries);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%zu: '%s' is not in: %s", i, cases[i].words, err.text);
    }
}

static void test_parse__refuses_a_key_of_a_role(void **state)
{
    const struct hm_key *online = kit_key(KIT_ONLINE);
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_note_key_make("a.example/d", HM_NOTE_ED25519, online, NULL, &key), HM_OK);
    assert_int_equal(hm_buf_append_str(&text, "{\"deliveries\":{\"key\":\"", NULL), HM_OK);
    assert_int_equal(hm_note_key_write(key, NULL, &text), HM_OK);
    assert_int_equal(
        hm_buf_append_str(&text, "\",\"policy\":\"log " LOG_KEY "\\nquorum none\\n\"}}", NULL),
        HM_OK);
    assert_int_equal(hm_root_new(NULL, &root), HM_OK);
    root->document.x_hallmark = hm_buf_bytes(&text);
    assert_int_equal(hm_site_deliveries_parse(root, NULL, &deliveries), HM_OK); /* control */
    hm_site_deliveries_free(hm_steal(&deliveries));
    assert_int_equal(hm_root_set_role(root, HM_ROOT_ROLE_TIMESTAMP, &online, 1, 1, NULL), HM_OK);
    assert_int_equal(hm_site_deliveries_parse(root, &err, &deliveries), HM_EFORMAT);
    assert_non_null(strstr(err.text, "'a.example/d' signs a role of root too"));
}

static void test_word_put__sets_one_member_and_keeps_the_others(void **state)
{
    static const struct {
        const char *before, *value, *after;
    } cases[] = {
        {"{}", "{\"a\":1}", "{\"log\":{\"a\":1}}"},
        {"{\"log\":2,\"site\":\"x\"}", "3", "{\"site\":\"x\",\"log\":3}"},
        {"{\"log\":2,\"site\":\"x\"}", "", "{\"site\":\"x\"}"},
        {"[]", "3", NULL},
        {"{\"log\":2,\"log\":2}", "3", NULL},
        {"{} {}", "3", NULL},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(1024);
        enum hm_rc rc = hm_root_word_put(hm_bytes_str(cases[i].before), "log",
                                         hm_bytes_str(cases[i].value), NULL, &json);

        assert_int_equal(rc, cases[i].after == NULL ? HM_EFORMAT : HM_OK);
        if (cases[i].after != NULL)
            assert_string_equal(hm_buf_str(&json), cases[i].after);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_keys_and_policy),
        cmocka_unit_test(test_parse__finds_none),
        cmocka_unit_test(test_parse__refuses),
        cmocka_unit_test(test_parse__refuses_a_key_of_a_role),
        cmocka_unit_test(test_word_put__sets_one_member_and_keeps_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
