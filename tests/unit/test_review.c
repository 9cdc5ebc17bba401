/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/review: nothing that is signed goes unseen. */
#include "unit.h"

#include "exchange/review.h"

#define HEAD    "\"spec_version\":\"1.0.34\",\"expires\":\"2030-01-01T00:00:00Z\","
#define KEY_A   "1111111111111111111111111111111111111111111111111111111111111111"
#define KEY_B   "2222222222222222222222222222222222222222222222222222222222222222"
#define ED25519 "{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"%s\"}}"
#define UNKNOWN "{\"keytype\":\"future\",\"scheme\":\"future\",\"keyval\":{\"public\":\"%s\"}}"

static char *make_text(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    assert_true(vasprintf(&text, format, args) >= 0);
    va_end(args);
    return text;
}

/* The review of after beside before, which the caller frees. */
static char *review(const char *role, const char *before, const char *after)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(1 << 20);
    struct hm_err err = HM_ERR_INIT;

    if (hm_review_document(role, hm_bytes_str(before), hm_bytes_str(after), &err, &text) != HM_OK)
        fail_msg("%s", err.text);
    return make_text("%s", hm_buf_str(&text));
}

/* An identity with the key A, one of ids that stands for nothing else, and the key objects more. */
static char *make_identity(int version, const char *id, const char *more)
{
    return make_text("{\"signatures\":[],\"signed\":{\"_type\":\"hallmark-identity\","
                     "\"spec_version\":\"1.0\",\"maker\":\"acme\",\"name\":\"Acme\",\"version\":%d,"
                     "\"threshold\":1,\"keyids\":[\"a\",\"%s\"],\"keys\":{\"a\":" ED25519 "%s}}}",
                     version, id, KEY_A, more);
}

static void test_document__shows_each_other_key_behind_one_id(void **state)
{
    _hm_free_(free) char *one = make_text(",\"u\":" UNKNOWN, "one");
    _hm_free_(free) char *two = make_text(",\"u\":" UNKNOWN, "two");
    _hm_free_(free) char *known = make_text(",\"u\":" ED25519, KEY_B);
    const struct {
        const char *before, *after;
        bool changes, warns;
    } cases[] = {
        {one, one, false, false}, {known, known, false, false}, {"", "", false, false},
        {one, two, true, true},   {one, known, true, false},    {known, one, true, true},
        {"", one, true, true},    {"", known, true, false},     {one, "", true, false},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(free) char *before = make_identity(1, "u", cases[i].before);
        _hm_free_(free) char *after = make_identity(2, "u", cases[i].after);
        _hm_free_(free) char *text = review("identity", before, after);

        assert_true((strstr(text, "nothing else changes") == NULL) == cases[i].changes);
        assert_true((strstr(text, "        + ") != NULL) == cases[i].changes);
        assert_true((strstr(text, "        - ") != NULL) == cases[i].changes);
        assert_true((strstr(text, "kind is not known") != NULL) == cases[i].warns);
    }
}

static char *make_release(const char *hashes)
{
    return make_text("{\"signatures\":[],\"signed\":{\"_type\":\"targets\"," HEAD "\"version\":1,"
                     "\"targets\":{\"acme/nic/1.0/f\":{\"length\":1,\"hashes\":{%s}}}}}",
                     hashes);
}

static void test_document__shows_other_bytes_named_by_any_hash(void **state)
{
    _hm_free_(free) char *a512 = make_text("\"sha512\":\"" KEY_A KEY_A "\"");
    _hm_free_(free) char *b512 = make_text("\"sha512\":\"" KEY_A KEY_B "\"");
    _hm_free_(free) char *a256 = make_text("\"sha256\":\"" KEY_A "\"");
    _hm_free_(free) char *b256 = make_text("\"sha256\":\"" KEY_B "\"");
    _hm_free_(free) char *both = make_text("%s,%s", a256, a512);
    const struct {
        const char *before, *after;
        bool changes;
    } cases[] = {{a512, a512, false}, {a256, a256, false}, {both, both, false}, {a512, b512, true},
                 {a256, b256, true},  {a256, both, true},  {both, a256, true},  {a256, a512, true}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(free) char *before = make_release(cases[i].before);
        _hm_free_(free) char *after = make_release(cases[i].after);
        _hm_free_(free) char *text = review("release~acme", before, after);

        assert_true((strstr(text, "nothing else changes") == NULL) == cases[i].changes);
        assert_true(
            (strstr(text, "WARNING: release~acme: a version that exists gets other bytes") !=
             NULL) == cases[i].changes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document__shows_each_other_key_behind_one_id),
        cmocka_unit_test(test_document__shows_other_bytes_named_by_any_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
