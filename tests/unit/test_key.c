/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/key: tests/data/key.vec (made by make-key-vec.py) holds keys and signatures with the
 * verdicts that key.h promises; the C2SP/CCTV Ed25519 vectors are run where they are at hand.
 */
#include "unit.h"

#include <pthread.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "crypto/key.h"

#define VECTORS "tests/data/key.vec"

static json_t *vectors;

static struct hm_bytes text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    assert_true(json_is_string(value));
    return hm_bytes_make(json_string_value(value), json_string_length(value));
}

static const char *str_of(const json_t *object, const char *name)
{
    return (const char *)text_of(object, name).data;
}

/* Bytes in hexadecimal, appended. */
static void hex_of(const json_t *object, const char *name, struct hm_buf *buf)
{
    struct hm_bytes hex = text_of(object, name);

    assert_int_equal(hm_buf_reserve(buf, hex.size, NULL), HM_OK);
    if (hex.size == 0)
        return;
    assert_int_equal(hm_text_unhex(hex, buf->data, hex.size / 2), HM_OK);
    buf->size = hex.size / 2;
}

static enum hm_rc parse(const json_t *vector, struct hm_err *err, struct hm_key **ret_key)
{
    return hm_key_parse_tuf(text_of(vector, "keytype"), text_of(vector, "scheme"),
                            text_of(vector, "public"), err, ret_key);
}

/* What stands in the vector, as printed on failure. */
static void assert_rc(const json_t *vector, enum hm_rc got, const char *expected,
                      const struct hm_err *err)
{
    const char *name = got == HM_OK ? "HM_OK" : hm_error_name(got);

    if (strcmp(name, expected) == 0)
        return;
    fail_msg("'%s': %s (%s), expected %s", str_of(vector, "name"), name, err->text, expected);
}

static void run_vector(const json_t *vector)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    _hm_done_(hm_buf_done) struct hm_buf message = HM_BUF_INIT(65536);
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(65536);
    const char *expected = str_of(vector, "parse");
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = parse(vector, &err, &key);

    /* What the installed OpenSSL has or lacks. */
    if (strcmp(expected, "ml-dsa") == 0)
        expected = rc == HM_EUNKNOWN ? "HM_EUNKNOWN" : "HM_OK";
    assert_rc(vector, rc, expected, &err);
    if (rc != HM_OK) {
        assert_null(key);
        assert_int_equal(err.rc, rc);
        return;
    }
    assert_string_equal(hm_key_type(key), str_of(vector, "keytype"));
    assert_string_equal(hm_key_scheme(key), str_of(vector, "scheme"));
    assert_string_equal(hm_key_public(key), str_of(vector, "public"));
    assert_string_equal(hm_key_id(key), str_of(vector, "keyid"));
    if (json_object_get(vector, "verify") == NULL)
        return;
    hex_of(vector, "message", &message);
    hex_of(vector, "signature", &signature);
    rc = hm_key_verify(key, hm_buf_bytes(&message), hm_buf_bytes(&signature), &err);
    assert_rc(vector, rc, str_of(vector, "verify"), &err);
    /* A verdict does not depend on what was verified before. */
    rc = hm_key_verify(key, hm_buf_bytes(&message), hm_buf_bytes(&signature), &err);
    assert_rc(vector, rc, str_of(vector, "verify"), &err);
}

static void test_parse_tuf__and_verify_give_the_verdicts_of_the_vectors(void **state)
{
    const json_t *keys = json_object_get(vectors, "keys");

    assert_true(json_array_size(keys) > 300);
    for (size_t i = 0; i < json_array_size(keys); i++)
        run_vector(json_array_get(keys, i));
}

static void test_verify__takes_no_err(void **state)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    uint8_t signature[64] = {0};

    assert_int_equal(parse(json_array_get(json_object_get(vectors, "keys"), 0), NULL, &key), HM_OK);
    assert_int_equal(hm_key_verify(key, HM_BYTES_EMPTY, hm_bytes_make(signature, 64), NULL),
                     HM_ESIGNATURE);
    assert_int_equal(hm_key_verify(key, HM_BYTES_EMPTY, HM_BYTES_EMPTY, NULL), HM_ESIGNATURE);
}

/* Spellings of one key have one material, and different ids where the text differs. */
static void test_material__is_the_same_for_every_spelling(void **state)
{
    const json_t *keys = json_object_get(vectors, "keys");
    const char *const names[] = {"nistp256", "nistp384"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_free_(hm_key_free) struct hm_key *first = NULL;
        size_t spellings = 0;
        char prefix[16];

        (void)snprintf(prefix, sizeof(prefix), "%s, ", names[i]);
        for (size_t j = 0; j < json_array_size(keys); j++) {
            const json_t *vector = json_array_get(keys, j);
            _hm_free_(hm_key_free) struct hm_key *key = NULL;
            struct hm_err err = HM_ERR_INIT;

            if (strcmp(str_of(vector, "parse"), "HM_OK") != 0 ||
                (strcmp(str_of(vector, "name"), names[i]) != 0 &&
                 strncmp(str_of(vector, "name"), prefix, strlen(prefix)) != 0))
                continue;
            assert_int_equal(parse(vector, &err, &key), HM_OK);
            if (first == NULL)
                first = hm_steal(&key);
            else
                assert_true(hm_digest_is_equal(hm_key_material(first), hm_key_material(key)));
            spellings++;
        }
        assert_true(spellings > 8);
    }
}

/* RSA: the scheme is no part of the material. */
static void test_material__differs_between_keys_and_not_between_schemes(void **state)
{
    const json_t *pems = json_object_get(vectors, "pems");
    _hm_free_(hm_key_free) struct hm_key *ed25519 = NULL;
    _hm_free_(hm_key_free) struct hm_key *rsa = NULL;
    _hm_free_(hm_key_free) struct hm_key *rsa_sha512 = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_key_parse_pem(text_of(json_array_get(pems, 0), "pem"), &err, &ed25519),
                     HM_OK);
    assert_int_equal(hm_key_parse_pem(text_of(json_array_get(pems, 3), "pem"), &err, &rsa), HM_OK);
    assert_int_equal(hm_key_parse_tuf(HM_BYTES_LITERAL("rsa"),
                                      HM_BYTES_LITERAL("rsassa-pss-sha512"),
                                      text_of(json_array_get(pems, 3), "pem"), &err, &rsa_sha512),
                     HM_OK);
    assert_string_equal(hm_key_scheme(rsa), "rsassa-pss-sha256");
    assert_true(hm_digest_is_equal(hm_key_material(rsa), hm_key_material(rsa_sha512)));
    assert_string_not_equal(hm_key_id(rsa), hm_key_id(rsa_sha512));
    assert_false(hm_digest_is_equal(hm_key_material(rsa), hm_key_material(ed25519)));
}

static void test_parse_pem__gives_the_verdicts_of_the_vectors(void **state)
{
    const json_t *pems = json_object_get(vectors, "pems");

    assert_true(json_array_size(pems) > 10);
    for (size_t i = 0; i < json_array_size(pems); i++) {
        const json_t *vector = json_array_get(pems, i);
        _hm_free_(hm_key_free) struct hm_key *key = NULL;
        _hm_free_(hm_key_free) struct hm_key *again = NULL;
        _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(65536);
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_key_parse_pem(text_of(vector, "pem"), &err, &key);

        assert_rc(vector, rc, str_of(vector, "parse"), &err);
        if (rc != HM_OK)
            continue;
        /* The vectors' PEM is as OpenSSL writes it. */
        assert_int_equal(hm_buf_append_str(&pem, "x", &err), HM_OK);
        assert_int_equal(hm_key_write_pem(key, &err, &pem), HM_OK);
        assert_string_equal(hm_buf_str(&pem) + 1, str_of(vector, "pem"));
        /* What goes into metadata gives the same key. */
        assert_int_equal(hm_key_parse_tuf(hm_bytes_str(hm_key_type(key)),
                                          hm_bytes_str(hm_key_scheme(key)),
                                          hm_bytes_str(hm_key_public(key)), &err, &again),
                         HM_OK);
        assert_string_equal(hm_key_id(key), hm_key_id(again));
        assert_true(hm_digest_is_equal(hm_key_material(key), hm_key_material(again)));
    }
}

static void test_write_pem__keeps_to_the_maximum(void **state)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(100);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(parse(json_array_get(json_object_get(vectors, "keys"), 0), &err, &key), HM_OK);
    assert_int_equal(hm_key_write_pem(key, &err, &pem), HM_EFORMAT);
    assert_int_equal(pem.size, 0);
}

/* The first of RFC 8032 section 7.1, which the vectors have in hexadecimal. */
static void test_parse_raw__gives_the_same_key_as_hexadecimal(void **state)
{
    const json_t *vector = json_array_get(json_object_get(vectors, "keys"), 0);
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    _hm_free_(hm_key_free) struct hm_key *again = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(parse(vector, &err, &key), HM_OK);
    assert_int_equal(hm_key_raw(key).size, 32);
    assert_int_equal(hm_key_parse_raw("ed25519", hm_key_raw(key), &err, &again), HM_OK);
    assert_string_equal(hm_key_id(key), hm_key_id(again));
    assert_string_equal(hm_key_public(key), hm_key_public(again));
    assert_true(hm_digest_is_equal(hm_key_material(key), hm_key_material(again)));
}

static void test_parse_raw__refuses_what_is_no_raw_key(void **state)
{
    static const uint8_t zeros[1312];
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    assert_int_equal(hm_key_parse_raw("ed25519", hm_bytes_make(zeros, 31), &err, &key), HM_EFORMAT);
    assert_int_equal(hm_key_parse_raw("ed25519", hm_bytes_make(zeros, 33), &err, &key), HM_EFORMAT);
    assert_int_equal(hm_key_parse_raw("ed25519", HM_BYTES_EMPTY, &err, &key), HM_EFORMAT);
    /* A point of small order. */
    assert_int_equal(hm_key_parse_raw("ed25519", hm_bytes_make(zeros, 32), &err, &key), HM_EFORMAT);
    assert_int_equal(hm_key_parse_raw("ecdsa-sha2-nistp256", hm_bytes_make(zeros, 65), &err, &key),
                     HM_EUNKNOWN);
    assert_int_equal(hm_key_parse_raw("ml-dsa-44/1", hm_bytes_make(zeros, 1312), &err, &key),
                     HM_EUNKNOWN);
    rc = hm_key_parse_raw("ml-dsa-44", hm_bytes_make(zeros, 1311), &err, &key);
    assert_true(rc == HM_EFORMAT || rc == HM_EUNKNOWN); /* as OpenSSL has it or not */
    assert_null(key);
}

/* What verifies a note is no scheme of TUF's. */
static void test_parse_tuf__does_not_know_the_raw_scheme(void **state)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_key_parse_tuf(HM_BYTES_LITERAL("ml-dsa"), HM_BYTES_LITERAL("ml-dsa-44"),
                                      HM_BYTES_LITERAL("00"), &err, &key),
                     HM_EUNKNOWN);
}

static void test_free__takes_null(void **state)
{
    hm_key_free(NULL);
}

/* A shared key, and OpenSSL's first use of an algorithm, from several threads. */
static void *verify_often(void *ctx)
{
    const json_t *vector = json_array_get(json_object_get(vectors, "keys"), 0);
    const struct hm_key *key = ctx;
    uint8_t signature[64];
    size_t failed = 0;

    failed += hm_text_unhex(text_of(vector, "signature"), signature, 64) != HM_OK;
    for (size_t i = 0; i < 50; i++) {
        failed += hm_key_verify(key, HM_BYTES_EMPTY, hm_bytes_make(signature, 64), NULL) != HM_OK;
        failed += hm_key_verify(key, HM_BYTES_LITERAL("x"), hm_bytes_make(signature, 64), NULL) !=
                  HM_ESIGNATURE;
    }
    return failed == 0 ? ctx : NULL;
}

static void test_verify__in_several_threads(void **state)
{
    _hm_free_(hm_key_free) struct hm_key *key = NULL;
    pthread_t threads[4];

    assert_int_equal(parse(json_array_get(json_object_get(vectors, "keys"), 0), NULL, &key), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, key), 0);
    for (size_t i = 0; i < HM_ARRAY_COUNT(threads); i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, key);
    }
}

static bool has_flag(const json_t *flags, const char *flag)
{
    for (size_t i = 0; i < json_array_size(flags); i++) {
        if (strcmp(json_string_value(json_array_get(flags, i)), flag) == 0)
            return true;
    }
    return false;
}

/* key.h: small-order and non-canonical keys are no keys; the equation has no cofactor and R is
 * compared as bytes; all else in these vectors is a valid signature. */
static void test_verify__agrees_with_cctv(void **state)
{
    const char *folder = getenv("HM_TEST_VECTORS");
    char path[512];
    json_t *cases;
    size_t refused = 0;
    size_t invalid = 0;

    (void)snprintf(path, sizeof(path), "%s/ed25519/ed25519vectors.json",
                   folder != NULL ? folder : "../shared/vectors");
    cases = json_load_file(path, 0, NULL);
    if (cases == NULL) {
        print_message("no C2SP/CCTV vectors in '%s' (set HM_TEST_VECTORS): skipped\n", path);
        skip();
    }
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *vector = json_array_get(cases, i);
        const json_t *flags = json_object_get(vector, "flags");
        _hm_free_(hm_key_free) struct hm_key *key = NULL;
        struct hm_err err = HM_ERR_INIT;
        uint8_t signature[64];
        bool is_key = !has_flag(flags, "low_order_A") && !has_flag(flags, "non_canonical_A");
        bool is_valid =
            !has_flag(flags, "low_order_residue") && !has_flag(flags, "non_canonical_R");
        enum hm_rc rc = hm_key_parse_tuf(HM_BYTES_LITERAL("ed25519"), HM_BYTES_LITERAL("ed25519"),
                                         text_of(vector, "key"), &err, &key);

        assert_int_equal(rc, is_key ? HM_OK : HM_EFORMAT);
        refused += !is_key;
        if (!is_key)
            continue;
        assert_int_equal(hm_text_unhex(text_of(vector, "sig"), signature, 64), HM_OK);
        rc = hm_key_verify(key, text_of(vector, "msg"), hm_bytes_make(signature, 64), &err);
        if (rc != (is_valid ? HM_OK : HM_ESIGNATURE))
            fail_msg("vector %zu: %s", i, err.text);
        invalid += !is_valid;
    }
    print_message("%zu vectors: %zu keys refused, %zu signatures not valid\n",
                  json_array_size(cases), refused, invalid);
    json_decref(cases);
}

static int load_vectors(void **state)
{
    json_error_t error;

    vectors = json_load_file(VECTORS, JSON_ALLOW_NUL, &error);
    if (vectors == NULL)
        print_error("%s:%d: %s\n", VECTORS, error.line, error.text);
    return vectors == NULL ? -1 : 0;
}

static int free_vectors(void **state)
{
    json_decref(vectors);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_tuf__and_verify_give_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_verify__takes_no_err),
        cmocka_unit_test(test_verify__in_several_threads),
        cmocka_unit_test(test_material__is_the_same_for_every_spelling),
        cmocka_unit_test(test_material__differs_between_keys_and_not_between_schemes),
        cmocka_unit_test(test_parse_pem__gives_the_verdicts_of_the_vectors),
        cmocka_unit_test(test_write_pem__keeps_to_the_maximum),
        cmocka_unit_test(test_parse_raw__gives_the_same_key_as_hexadecimal),
        cmocka_unit_test(test_parse_raw__refuses_what_is_no_raw_key),
        cmocka_unit_test(test_parse_tuf__does_not_know_the_raw_scheme),
        cmocka_unit_test(test_free__takes_null),
        cmocka_unit_test(test_verify__agrees_with_cctv),
    };

    return cmocka_run_group_tests(tests, load_vectors, free_vectors);
}
