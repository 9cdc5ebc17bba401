/* SPDX-License-Identifier: Apache-2.0 */
/* serve/decision: which paths are a site's, and who may have them. */
#include "unit.h"

#include "serve/decision.h"

#define HEX    "5b7faa2bcf97eb1ae64fbef1f4fe9a7de8e8ba34cd2ea1cd7f4f1b2a0b1a4c1c"
#define SECRET "hm1_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ-_01234"

/* A book of two customers, whose tokens have SECRET: its digest is put in. */
static struct hm_book *make_book(void)
{
    static char text[2048];
    struct hm_book *book = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 sha256;
    char hex[HM_SHA256_HEX_SIZE];

    assert_int_equal(hm_token_digest(hm_bytes_str(SECRET), NULL, &sha256), HM_OK);
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(text, sizeof(text),
                   "hallmark-book 1\ngeneration 1\neveryone acme/free/2.0\n"
                   "account a\ntoken 1 %s 0\ntoken 2 %s 1000\ngrant acme/nic\n"
                   "account b\ntoken 1 %s 0\nend 2\n",
                   hex, hex, hex);
    if (hm_book_parse(hm_bytes_str(text), &err, &book) != HM_OK)
        fail_msg("%s", err.text);
    return book;
}

static struct hm_decision decide(const char *method, const char *path, const char *header,
                                 bool is_open)
{
    _hm_free_(hm_book_free) struct hm_book *book = make_book();
    const struct hm_decision_request request = {.method = method,
                                                .path = path,
                                                .authorization = header,
                                                .is_open = is_open,
                                                .now_unix_s = 1000};
    struct hm_decision decision;

    hm_decision_make(book, &request, &decision);
    assert_true(decision.account == NULL || decision.status != 401);
    decision.account = NULL; /* of the book, which ends here */
    return decision;
}

static void test_read_path__knows_the_paths_of_a_site(void **state)
{
    static const struct {
        const char *path;
        enum hm_decision_kind kind;
        const char *file;
    } cases[] = {
        {"/hallmark.trust", HM_DECISION_METADATA, "hallmark.trust"},
        {"/metadata/1.root.json", HM_DECISION_METADATA, "metadata/1.root.json"},
        {"/metadata/3.release~acme~c%2B%2B.json", HM_DECISION_METADATA,
         "metadata/3.release~acme~c++.json"},
        {"/log/tile/0/x001/234.p/5", HM_DECISION_METADATA, "log/tile/0/x001/234.p/5"},
        {"/proofs/acme/nic/1.0", HM_DECISION_METADATA, "proofs/acme/nic/1.0"},
        {"/csaf/white/2026/x.json", HM_DECISION_METADATA, "csaf/white/2026/x.json"},
        {"/makers/acme/1.identity", HM_DECISION_METADATA, "makers/acme/1.identity"},
        {"/targets/acme/nic/1.0/" HEX ".F.bin", HM_DECISION_IMAGE,
         "targets/acme/nic/1.0/" HEX ".F.bin"},
        {"/targets/acme/c%2b%2b/1.0/x", HM_DECISION_IMAGE, "targets/acme/c++/1.0/x"},
        {"/targets/%61cme/nic/1.0/x", HM_DECISION_IMAGE, "targets/acme/nic/1.0/x"},
        {"/targets/recalls/acme/x.json", HM_DECISION_METADATA, "targets/recalls/acme/x.json"},
    };
    char file[HM_DECISION_PATH_SIZE_MAX];

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        if (hm_decision_read_path(cases[i].path, file) != cases[i].kind ||
            strcmp(file, cases[i].file) != 0)
            fail_msg("%s: %s", cases[i].path, file);
    }
}

static void test_read_path__knows_no_others(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "//",
        "hallmark.trust",
        "/hallmark.trust/",
        "/hallmark.trust/x",
        "/Hallmark.trust",
        "/metadata",
        "/metadata/",
        "/metadata//x",
        "/metadata/./x",
        "/metadata/../x",
        "/metadata/.x",
        "/metadata/x/.y",
        "/metadata/%2e%2e/x",
        "/metadata/..%2fx",
        "/metadata/x%2fy",
        "/metadata/x%00",
        "/metadata/x%0a",
        "/metadata/x%",
        "/metadata/x%2",
        "/metadata/x%zz",
        "/metadata/x?y",
        "/metadata/x y",
        "/metadata/x\\y",
        "/metadata/\xc3\xa4",
        "/metadata/%c3%a4",
        "/metadata/x:y",
        "/private/site.json",
        "/targets",
        "/targets/acme",
        "/targets/acme/nic/1.0",
        "/targets/acme/nic/1.0/",
        "/targets/acme/nic/1.0/x/y",
        "/targets/ACME/nic/1.0/x",
        "/targets/acme/Nic/1.0/x",
        "/targets/acme/nic/1.0/.x",
        "/targets/-acme/nic/1.0/x",
        "/targets/a*e/nic/1.0/x",
        "/targets/../metadata/x",
        "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r",
        "/metadata/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r",
    };
    char file[HM_DECISION_PATH_SIZE_MAX];
    char longest[HM_DECISION_PATH_SIZE_MAX + 16] = "/metadata/";

    for (size_t i = 0; i < HM_ARRAY_COUNT(paths); i++)
        if (hm_decision_read_path(paths[i], file) != HM_DECISION_NOTHING)
            fail_msg("taken: %s", paths[i]);
    memset(longest + 10, 'a', sizeof(longest) - 11);
    longest[HM_DECISION_PATH_SIZE_MAX] = '\0'; /* with the first slash: one that fits */
    assert_int_equal(hm_decision_read_path(longest, file), HM_DECISION_METADATA);
    longest[HM_DECISION_PATH_SIZE_MAX] = 'a';
    longest[HM_DECISION_PATH_SIZE_MAX + 1] = '\0';
    assert_int_equal(hm_decision_read_path(longest, file), HM_DECISION_NOTHING);
}

static void test_make__decides(void **state)
{
    static const char a[] = "Bearer a.1." SECRET;
    static const char b[] = "Bearer b.1." SECRET;
    static const char old[] = "Bearer a.2." SECRET;
    static const struct {
        const char *method, *path, *header;
        bool is_open;
        unsigned status;
    } cases[] = {
        {"GET", "/hallmark.trust", a, false, 200},
        {"HEAD", "/metadata/1.root.json", b, false, 200},
        {"GET", "/hallmark.trust", NULL, false, 401},
        {"GET", "/hallmark.trust", old, false, 401},
        {"GET", "/hallmark.trust", NULL, true, 200},
        {"GET", "/hallmark.trust", old, true, 200},
        {"POST", "/hallmark.trust", a, false, 405},
        {"get", "/hallmark.trust", a, true, 405},
        {"", "/hallmark.trust", a, true, 405},
        {"GET", "/targets/acme/nic/1.0/x", a, false, 200},
        {"GET", "/targets/acme/nic/1.0/x", a, true, 200},
        {"GET", "/targets/acme/nic/1.0/x", b, false, 403},
        {"GET", "/targets/acme/nic/1.0/x", NULL, false, 401},
        {"GET", "/targets/acme/nic/1.0/x", NULL, true, 401},
        {"GET", "/targets/acme/nic/1.0/x", old, false, 401},
        {"GET", "/targets/acme/nic2/1.0/x", a, false, 403},
        {"GET", "/targets/acme/free/2.0/x", b, false, 200},
        {"GET", "/targets/acme/free/2.1/x", b, false, 403},
        {"GET", "/targets/acme/free/2.0/x", NULL, false, 401},
        {"GET", "/targets/recalls/acme/x", b, false, 200},
        {"GET", "/targets/recalls/acme/x", NULL, false, 401},
        {"GET", "/nothing", a, false, 404},
        {"GET", "/nothing", NULL, false, 401},
        {"GET", "/targets/acme/../acme/nic/1.0/x", a, false, 404},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_decision decision =
            decide(cases[i].method, cases[i].path, cases[i].header, cases[i].is_open);

        if (decision.status != cases[i].status)
            fail_msg("case %zu, %s: %u", i, cases[i].path, decision.status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_path__knows_the_paths_of_a_site),
        cmocka_unit_test(test_read_path__knows_no_others),
        cmocka_unit_test(test_make__decides),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
