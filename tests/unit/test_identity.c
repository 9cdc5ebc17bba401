/* SPDX-License-Identifier: Apache-2.0 */
/* trust/identity: chains hold, and every break is told from every other. */
#include "unit.h"

#include "base/text.h"
#include "trust_kit.h"

static const enum kit_key one[] = {KIT_ACME1};
static const enum kit_key two[] = {KIT_ACME2};
static const enum kit_key both[] = {KIT_ACME1, KIT_ACME2};
static const enum kit_key evil[] = {KIT_EVIL};

static enum hm_rc first(const struct hm_buf *raw, struct hm_identity **ret)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_identity_verify_first(hm_buf_bytes(raw), &err, ret);

    assert_int_equal(err.rc, rc);
    return rc;
}

static void test_verify_first__takes_its_own_threshold(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;

    kit_identity("acme", 1, both, 2, 2, both, 2, &raw);
    assert_int_equal(first(&raw, &identity), HM_OK);
    assert_string_equal(identity->maker, "acme");
    assert_string_equal(identity->name, "Acme Networks");
    assert_int_equal(identity->version, 1);
    assert_int_equal(identity->keys.threshold, 2);
    assert_int_equal(identity->length, raw.size);
    assert_true(hm_digest_is_equal(&identity->first, &identity->sha256));
}

static void test_verify_first__refuses_too_few_or_other_signatures(void **state)
{
    static const struct {
        const enum kit_key *signers;
        size_t count;
    } cases[] = {{both, 0}, {one, 1}, {evil, 1}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
        struct hm_identity *identity = NULL;

        kit_identity("acme", 1, both, 2, 2, cases[i].signers, cases[i].count, &raw);
        assert_int_equal(first(&raw, &identity), HM_ESIGNATURE);
        assert_null(identity);
    }
}

static void test_verify_first__refuses_another_version(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    struct hm_identity *identity = NULL;

    kit_identity("acme", 2, one, 1, 1, one, 1, &raw);
    assert_int_equal(first(&raw, &identity), HM_EMISMATCH);
    assert_null(identity);
}

/* Version 1 by key 1; then a second as the case says. */
static enum hm_rc second(const char *maker, int64_t version, const enum kit_key *keys,
                         size_t key_count, const enum kit_key *signers, size_t signer_count)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf next = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;
    _hm_free_(hm_identity_free) struct hm_identity *newer = NULL;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    kit_identity("acme", 1, one, 1, 1, one, 1, &raw);
    assert_int_equal(first(&raw, &identity), HM_OK);
    kit_identity(maker, version, keys, key_count, 1, signers, signer_count, &next);
    rc = hm_identity_verify_next(identity, hm_buf_bytes(&next), &err, &newer);
    assert_int_equal(err.rc, rc);
    assert_true((newer != NULL) == (rc == HM_OK));
    if (rc == HM_OK) {
        assert_int_equal(newer->version, 2);
        assert_true(hm_digest_is_equal(&newer->first, &identity->sha256));
        assert_false(hm_digest_is_equal(&newer->sha256, &identity->sha256));
    } else {
        assert_non_null(strstr(err.text, "identity 2 of maker 'acme'"));
    }
    return rc;
}

static void test_verify_next__takes_old_and_new_keys(void **state)
{
    assert_int_equal(second("acme", 2, two, 1, both, 2), HM_OK);
    assert_int_equal(second("acme", 2, one, 1, one, 1), HM_OK);
    assert_int_equal(second("acme", 2, both, 2, one, 1), HM_OK);
}

static void test_verify_next__refuses_breaks(void **state)
{
    /* new keys alone; old keys alone; a stranger; nobody */
    assert_int_equal(second("acme", 2, two, 1, two, 1), HM_ESIGNATURE);
    assert_int_equal(second("acme", 2, two, 1, one, 1), HM_ESIGNATURE);
    assert_int_equal(second("acme", 2, evil, 1, evil, 1), HM_ESIGNATURE);
    assert_int_equal(second("acme", 2, one, 1, one, 0), HM_ESIGNATURE);
    /* a version skipped, repeated, far off; another maker */
    assert_int_equal(second("acme", 3, two, 1, both, 2), HM_EROLLBACK);
    assert_int_equal(second("acme", 1, two, 1, both, 2), HM_EROLLBACK);
    assert_int_equal(second("acme", 1024, two, 1, both, 2), HM_EROLLBACK);
    assert_int_equal(second("bolt", 2, two, 1, both, 2), HM_EMISMATCH);
}

/* A good identity's canonical bytes with one text replaced, signed again. */
static enum hm_rc with_replaced(const char *from, const char *to)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(1 << 20);
    _hm_done_(hm_buf_done) struct hm_buf bent = HM_BUF_INIT(1 << 20);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;
    const struct hm_key *key = kit_key(KIT_ACME1);
    const char *at;

    assert_int_equal(hm_identity_write("acme", "Acme", 1, &key, 1, 1, NULL, &canonical), HM_OK);
    at = strstr(hm_buf_str(&canonical), from);
    assert_non_null(at);
    assert_int_equal(
        hm_buf_append(&bent,
                      hm_bytes_make(canonical.data, (size_t)(at - (const char *)canonical.data)),
                      NULL),
        HM_OK);
    assert_int_equal(hm_buf_append_str(&bent, to, NULL), HM_OK);
    assert_int_equal(hm_buf_append_str(&bent, at + strlen(from), NULL), HM_OK);
    kit_sign(hm_buf_bytes(&bent), one, 1, &raw);
    return first(&raw, &identity);
}

static void test_verify_first__refuses_bad_members(void **state)
{
    static const struct {
        const char *from, *to;
        enum hm_rc rc;
    } cases[] = {
        {"\"Acme\"", "\"Acme\"", HM_OK}, /* the control */
        {"hallmark-identity", "root", HM_EFORMAT},
        {"\"spec_version\":\"1.0\"", "\"spec_version\":\"2.0\"", HM_EFORMAT},
        {"\"spec_version\":\"1.0\"", "\"spec_version\":\"1.7\"", HM_OK},
        {"\"maker\":\"acme\"", "\"maker\":\"Acme\"", HM_EFORMAT},
        {"\"maker\":\"acme\"", "\"maker\":\"a\"", HM_EFORMAT},
        {"\"maker\":\"acme\"", "\"maker\":\"vendor\"", HM_EFORMAT},
        {"\"maker\":\"acme\"", "\"maker\":\"../x\"", HM_EFORMAT},
        {"\"maker\":\"acme\",", "", HM_EFORMAT},
        {"\"maker\":\"acme\"", "\"maker\":7", HM_EFORMAT},
        {"\"name\":\"Acme\"", "\"name\":\"\"", HM_EFORMAT},
        {"\"name\":\"Acme\",", "", HM_EFORMAT},
        {"\"version\":1", "\"version\":0", HM_EFORMAT},
        {"\"version\":1", "\"version\":-1", HM_EFORMAT},
        {"\"version\":1", "\"version\":1025", HM_EFORMAT},
        {"\"version\":1", "\"version\":\"1\"", HM_EFORMAT},
        {"\"threshold\":1", "\"threshold\":0", HM_EFORMAT},
        {"\"threshold\":1", "\"threshold\":2", HM_ESIGNATURE},
        {"\"threshold\":1,", "", HM_EFORMAT},
        {"\"version\":1", "\"version\":1,\"zebra\":[1]", HM_OK}, /* to be passed over */
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++)
        assert_int_equal(with_replaced(cases[i].from, cases[i].to), cases[i].rc);
}

static void test_verify_first__refuses_what_is_no_envelope_or_too_large(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    struct hm_identity *identity = NULL;

    assert_int_equal(hm_identity_verify_first(HM_BYTES_EMPTY, NULL, &identity), HM_EFORMAT);
    assert_int_equal(hm_identity_verify_first(HM_BYTES_LITERAL("{}"), NULL, &identity), HM_EFORMAT);
    assert_int_equal(hm_identity_verify_first(HM_BYTES_LITERAL("{\"signatures\":[],\"signed\":{}}"),
                                              NULL, &identity),
                     HM_EFORMAT);
    kit_identity("acme", 1, one, 1, 1, one, 1, &raw);
    while (raw.size <= HM_IDENTITY_SIZE_MAX)
        assert_int_equal(hm_buf_append_byte(&raw, ' ', NULL), HM_OK);
    assert_int_equal(hm_identity_verify_first(hm_buf_bytes(&raw), NULL, &identity), HM_EFORMAT);
    assert_null(identity);
    raw.size--;
    assert_int_equal(hm_identity_verify_first(hm_buf_bytes(&raw), NULL, &identity), HM_OK);
    hm_identity_free(identity);
}

static void test_write__refuses_what_no_reader_takes(void **state)
{
    const struct hm_key *keys[] = {kit_key(KIT_ACME1), kit_key(KIT_ACME1)};
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    char name[HM_IDENTITY_NAME_SIZE_MAX + 2];

    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(hm_identity_write("acme", "A", 1, keys, 1, 0, NULL, &out), HM_EUSAGE);
    assert_int_equal(hm_identity_write("acme", "A", 1, keys, 1, 2, NULL, &out), HM_EUSAGE);
    assert_int_equal(hm_identity_write("acme", "A", 1, keys, 2, 2, NULL, &out), HM_EUSAGE);
    assert_int_equal(hm_identity_write("ACME", "A", 1, keys, 1, 1, NULL, &out), HM_EFORMAT);
    assert_int_equal(hm_identity_write("acme", "", 1, keys, 1, 1, NULL, &out), HM_EFORMAT);
    assert_int_equal(hm_identity_write("acme", name, 1, keys, 1, 1, NULL, &out), HM_EFORMAT);
    assert_int_equal(hm_identity_write("acme", "A", 0, keys, 1, 1, NULL, &out), HM_EFORMAT);
    assert_int_equal(out.size, 0);
    name[sizeof(name) - 2] = '\0';
    assert_int_equal(hm_identity_write("acme", name, 1, keys, 1, 1, NULL, &out), HM_OK);
}

static void test_read_unsigned__reads_without_believing(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_identity_unsigned identity = {NULL};

    kit_identity("acme", 7, both, 2, 2, one, 0, &raw);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&raw), NULL, &envelope), HM_OK);
    assert_int_equal(hm_identity_read_unsigned(hm_envelope_unsigned(envelope), NULL, &identity),
                     HM_OK);
    assert_int_equal(identity.content->version, 7);
    hm_identity_free(identity.content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verify_first__takes_its_own_threshold),
        cmocka_unit_test(test_verify_first__refuses_too_few_or_other_signatures),
        cmocka_unit_test(test_verify_first__refuses_another_version),
        cmocka_unit_test(test_verify_next__takes_old_and_new_keys),
        cmocka_unit_test(test_verify_next__refuses_breaks),
        cmocka_unit_test(test_verify_first__refuses_bad_members),
        cmocka_unit_test(test_verify_first__refuses_what_is_no_envelope_or_too_large),
        cmocka_unit_test(test_write__refuses_what_no_reader_takes),
        cmocka_unit_test(test_read_unsigned__reads_without_believing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
