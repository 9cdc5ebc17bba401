/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/signatures: a file of signatures has no authority but that of those that verify. */
#include "unit.h"

#include "base/text.h"
#include "exchange/signatures.h"
#include "exchange_kit.h"

#define DIGEST "0000000000000000000000000000000000000000000000000000000000000000"
#define ITEM(more)                                                                                 \
    "{\"role\":\"maker~acme\",\"version\":1,\"sha256\":\"" DIGEST                                  \
    "\",\"keyid\":\"k\",\"sig\":\"00\"" more "}"
#define FILE_OF(items)                                                                             \
    "{\"schema\":\"hallmark/signatures/1\",\"site\":\"globex\",\"signatures\":[" items "]}"

static enum hm_rc parse(const char *text, struct hm_err *err)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;

    return hm_signatures_parse(hm_bytes_str(text), err, &signatures);
}

static void test_parse__accepts_the_written_form(void **state)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(parse(FILE_OF(""), &err), HM_OK);
    assert_int_equal(
        hm_signatures_parse(hm_bytes_str(FILE_OF(ITEM("") "," ITEM(""))), &err, &signatures),
        HM_OK);
    assert_int_equal(signatures->count, 2);
    assert_string_equal(signatures->site, "globex");
    assert_null(signatures->maker);
    assert_string_equal(signatures->items[0].role, "maker~acme");
    assert_int_equal(signatures->items[0].version, 1);
}

static void test_parse__refuses_every_other_form(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        FILE_OF("") "x",
        "{\"schema\":\"hallmark/signatures/1\",\"signatures\":[]}",
        "{\"schema\":\"hallmark/signatures/2\",\"site\":\"globex\",\"signatures\":[]}",
        "{\"site\":\"globex\",\"signatures\":[]}",
        "{\"schema\":\"hallmark/signatures/1\",\"site\":\"globex\"}",
        "{\"schema\":\"hallmark/signatures/1\",\"site\":\"a/b\",\"signatures\":[]}",
        "{\"schema\":\"hallmark/signatures/1\",\"site\":\"globex\",\"signatures\":[],\"x\":1}",
        FILE_OF("{}"),
        FILE_OF("1"),
        FILE_OF(ITEM(",\"x\":1")),
        FILE_OF("{\"role\":\"snapshot\",\"version\":1,\"sha256\":\"" DIGEST
                "\",\"keyid\":\"k\",\"sig\":\"00\"}"),
        FILE_OF("{\"role\":\"root\",\"version\":0,\"sha256\":\"" DIGEST
                "\",\"keyid\":\"k\",\"sig\":\"00\"}"),
        FILE_OF("{\"role\":\"root\",\"version\":-1,\"sha256\":\"" DIGEST
                "\",\"keyid\":\"k\",\"sig\":\"00\"}"),
        FILE_OF(
            "{\"role\":\"root\",\"version\":1,\"sha256\":\"00\",\"keyid\":\"k\",\"sig\":\"00\"}"),
        FILE_OF("{\"role\":\"root\",\"version\":1,\"sha256\":\"" DIGEST
                "\",\"keyid\":\"\",\"sig\":\"00\"}"),
        FILE_OF("{\"role\":\"root\",\"version\":1,\"sha256\":\"" DIGEST
                "\",\"keyid\":\"k\",\"sig\":\"0\"}"),
        FILE_OF("{\"role\":\"root\",\"version\":1,\"sha256\":\"" DIGEST
                "\",\"keyid\":\"k\",\"sig\":\"xy\"}"),
        FILE_OF("{\"role\":\"root\",\"version\":1,\"sha256\":\"" DIGEST
                "\",\"keyid\":\"k\",\"sig\":\"\"}"),
    };
    struct hm_err err = HM_ERR_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        if (parse(texts[i], &err) != HM_EFORMAT)
            fail_msg("accepted: %s", texts[i]);
    }
}

static void test_parse__takes_1024_signatures_and_no_more(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_SIGNATURES_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    for (size_t count = HM_SIGNATURES_COUNT_MAX; count <= HM_SIGNATURES_COUNT_MAX + 1; count++) {
        hm_buf_clear(&text);
        assert_int_equal(hm_buf_append_str(&text,
                                           "{\"schema\":\"hallmark/signatures/1\",\"site\":"
                                           "\"globex\",\"signatures\":[",
                                           &err),
                         HM_OK);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(hm_buf_append_fmt(&text, &err, "%s%s", i == 0 ? "" : ",", ITEM("")),
                             HM_OK);
        assert_int_equal(hm_buf_append_str(&text, "]}", &err), HM_OK);
        assert_int_equal(parse(hm_buf_str(&text), &err),
                         count <= HM_SIGNATURES_COUNT_MAX ? HM_OK : HM_EFORMAT);
    }
}

/* A maker's document and signatures for it. */
struct merging {
    struct kit_maker maker;
    struct hm_buf raw;
    struct hm_envelope *envelope;
    struct hm_signatures *signatures;
    struct hm_buf merged;
    uint32_t added;
    struct hm_err err;
};

static void start(struct merging *merging, const enum kit_key *signed_by, size_t count)
{
    memset(merging, 0, sizeof(*merging));
    merging->raw = (struct hm_buf)HM_BUF_INIT(1 << 20);
    merging->merged = (struct hm_buf)HM_BUF_INIT(1 << 20);
    merging->added = 99;
    kit_maker_init(&merging->maker, 1);
    kit_targets(merging->maker.targets, signed_by, count, &merging->raw);
    assert_int_equal(
        hm_envelope_parse(hm_buf_bytes(&merging->raw), &merging->err, &merging->envelope), HM_OK);
    assert_int_equal(hm_signatures_new("globex", "acme", &merging->err, &merging->signatures),
                     HM_OK);
}

static void sign(struct merging *merging, enum kit_key key)
{
    assert_int_equal(hm_signatures_add(merging->signatures, "maker~acme", 1,
                                       merging->envelope->canonical, kit_signer(key),
                                       &merging->maker.identity->keys, &merging->err),
                     HM_OK);
}

static enum hm_rc merge(struct merging *merging)
{
    return hm_signatures_merge(hm_buf_bytes(&merging->raw), "maker~acme", 1, merging->signatures,
                               &merging->maker.identity->keys, &merging->err, &merging->merged,
                               &merging->added);
}

static void end(struct merging *merging)
{
    hm_signatures_free(merging->signatures);
    hm_envelope_free(merging->envelope);
    hm_buf_done(&merging->raw);
    hm_buf_done(&merging->merged);
    kit_maker_done(&merging->maker);
}

static void test_merge__adds_valid_signatures_once(void **state)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    enum kit_key first = KIT_ACME1;
    struct merging merging;
    struct hm_signed document;

    start(&merging, &first, 1);
    sign(&merging, KIT_ACME1);
    assert_int_equal(merge(&merging), HM_OK); /* it is there already */
    assert_int_equal(merging.added, 0);
    sign(&merging, KIT_ACME2);
    sign(&merging, KIT_ACME2); /* twice is once */
    assert_int_equal(merging.signatures->count, 2);
    hm_buf_clear(&merging.merged);
    assert_int_equal(merge(&merging), HM_OK);
    assert_int_equal(merging.added, 1);
    assert_int_equal(hm_envelope_parse(hm_buf_bytes(&merging.merged), &merging.err, &envelope),
                     HM_OK);
    assert_int_equal(
        hm_envelope_verify(envelope, &merging.maker.identity->keys, "x", &merging.err, &document),
        HM_OK);
    end(&merging);
}

static void test_merge__survives_the_way_through_a_file(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_SIGNATURES_SIZE_MAX);
    struct merging merging;

    start(&merging, NULL, 0);
    sign(&merging, KIT_ACME1);
    sign(&merging, KIT_ACME2);
    assert_int_equal(hm_signatures_write(merging.signatures, &merging.err, &file), HM_OK);
    hm_signatures_free(merging.signatures);
    merging.signatures = NULL;
    assert_int_equal(hm_signatures_parse(hm_buf_bytes(&file), &merging.err, &merging.signatures),
                     HM_OK);
    assert_string_equal(merging.signatures->maker, "acme");
    assert_int_equal(merge(&merging), HM_OK);
    assert_int_equal(merging.added, 2);
    end(&merging);
}

static void test_merge__refuses_what_does_not_verify(void **state)
{
    struct merging merging;
    char *sig;

    start(&merging, NULL, 0); /* a flipped bit */
    sign(&merging, KIT_ACME1);
    sig = strdup(merging.signatures->items[0].sig_hex);
    assert_non_null(sig);
    sig[10] = sig[10] == '0' ? '1' : '0';
    merging.signatures->items[0].sig_hex = sig;
    assert_int_equal(merge(&merging), HM_ESIGNATURE);
    assert_int_equal(merging.added, 99);
    assert_int_equal(merging.merged.size, 0);
    free(sig);
    merging.signatures->items[0].sig_hex = "00"; /* too short */
    assert_int_equal(merge(&merging), HM_ESIGNATURE);
    end(&merging);

    start(&merging, NULL, 0); /* by another listed key under this key's name */
    sign(&merging, KIT_ACME1);
    merging.signatures->items[0].keyid = hm_key_id(kit_key(KIT_ACME2));
    assert_int_equal(merge(&merging), HM_ESIGNATURE);
    merging.signatures->items[0].keyid = "nobody";
    assert_int_equal(merge(&merging), HM_ESIGNATURE);
    assert_non_null(strstr(merging.err.text, "not listed"));
    merging.signatures->items[0].keyid = hm_key_id(kit_key(KIT_ACME1)); /* control */
    assert_int_equal(merge(&merging), HM_OK);
    end(&merging);
}

static void test_merge__refuses_other_bytes_and_other_roles(void **state)
{
    struct merging merging;

    start(&merging, NULL, 0);
    assert_int_equal(merge(&merging), HM_EMISMATCH); /* nothing at all */
    sign(&merging, KIT_ACME1);
    merging.signatures->items[0].version = 2;
    assert_int_equal(merge(&merging), HM_EMISMATCH);
    assert_non_null(strstr(merging.err.text, "draft changed"));
    merging.signatures->items[0].version = 1;
    merging.signatures->items[0].sha256.bytes[0] ^= 1;
    assert_int_equal(merge(&merging), HM_EMISMATCH);
    merging.signatures->items[0].sha256.bytes[0] ^= 1;
    merging.signatures->items[0].role = "release~acme";
    assert_int_equal(merge(&merging), HM_EMISMATCH);
    merging.signatures->items[0].role = "maker~acme"; /* control */
    assert_int_equal(merge(&merging), HM_OK);
    end(&merging);
}

static void test_merge__replaces_a_broken_signature_of_the_same_key(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    struct hm_signature broken = {.hex = HM_BYTES_LITERAL("00")};
    struct merging merging;

    start(&merging, NULL, 0);
    broken.keyid = hm_bytes_str(hm_key_id(kit_key(KIT_ACME1)));
    assert_int_equal(hm_envelope_write(merging.envelope->canonical, &broken, 1, &merging.err, &raw),
                     HM_OK);
    sign(&merging, KIT_ACME1);
    assert_int_equal(hm_signatures_merge(hm_buf_bytes(&raw), "maker~acme", 1, merging.signatures,
                                         &merging.maker.identity->keys, &merging.err,
                                         &merging.merged, &merging.added),
                     HM_OK);
    assert_int_equal(merging.added, 1);
    end(&merging);
}

static void test_add__refuses_a_key_that_is_not_listed(void **state)
{
    struct merging merging;

    start(&merging, NULL, 0);
    assert_int_equal(hm_signatures_add(merging.signatures, "maker~acme", 1,
                                       merging.envelope->canonical, kit_signer(KIT_EVIL),
                                       &merging.maker.identity->keys, &merging.err),
                     HM_EREFUSED);
    assert_int_equal(merging.signatures->count, 0);
    end(&merging);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__accepts_the_written_form),
        cmocka_unit_test(test_parse__refuses_every_other_form),
        cmocka_unit_test(test_parse__takes_1024_signatures_and_no_more),
        cmocka_unit_test(test_merge__adds_valid_signatures_once),
        cmocka_unit_test(test_merge__survives_the_way_through_a_file),
        cmocka_unit_test(test_merge__refuses_what_does_not_verify),
        cmocka_unit_test(test_merge__refuses_other_bytes_and_other_roles),
        cmocka_unit_test(test_merge__replaces_a_broken_signature_of_the_same_key),
        cmocka_unit_test(test_add__refuses_a_key_that_is_not_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
