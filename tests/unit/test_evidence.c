/* SPDX-License-Identifier: Apache-2.0 */
/* src/evidence against tests/vectors/evidence.json: the form of each file, the verdict on it, what
 * is said; what is written again; and the map of releases, byte for byte. */
#define TLOG_VECTORS "tests/vectors/evidence.json"
#include "tlog_vectors.h"

#include "evidence/check.h"
#include "evidence/evidence_make.h"
#include "tlog/release_map.h"

#define CASE_COUNT_MIN 150

static void test_parse__forms(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    const json_t *section = tlog_section("evidence", CASE_COUNT_MIN);
    const json_t *vector;
    size_t i;

    (void)state;
    json_array_foreach((json_t *)(uintptr_t)section, i, vector)
    {
        _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
        _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
        struct hm_err err = HM_ERR_INIT;
        struct hm_bytes raw = tlog_bytes(vector, "file", &file);
        enum hm_rc rc = hm_evidence_parse(raw, &err, &evidence);

        tlog_assert_rc(vector, rc, tlog_str(vector, "form"), &err);
        assert_true((rc == HM_OK) == (evidence != NULL));
        if (rc != HM_OK)
            continue;
        assert_int_equal(hm_evidence_write(evidence, &err, &again), HM_OK);
        if (!hm_bytes_is_equal(hm_buf_bytes(&again), raw))
            fail_msg("'%s' is written otherwise than it was read", tlog_str(vector, "name"));
    }
}

static struct hm_basis *make_basis(const json_t *vector, struct hm_log_policy **ret_policy)
{
    const char *policy = json_string_value(json_object_get(vector, "policy"));
    struct hm_log_demands demands = {.max_age_s = 1, .now_unix_s = TLOG_TIME + 3600};
    struct hm_basis *basis = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (policy != NULL) {
        assert_int_equal(hm_log_policy_parse(hm_bytes_str(policy), NULL, ret_policy), HM_OK);
        demands.policies[demands.policy_count++] =
            (struct hm_log_demand){"the trust file's", *ret_policy};
    }
    if (hm_basis_new(hm_bytes_str(tlog_str(vector, "root")), &demands, &err, &basis) != HM_OK)
        fail_msg("'%s': %s", tlog_str(vector, "name"), err.text);
    return basis;
}

static void print_steps(const struct hm_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        print_message("%s %s\n", hm_report_mark_text(report->steps[i].mark), report->steps[i].text);
}

static void assert_says(const json_t *vector, const struct hm_report *report)
{
    const json_t *says = json_object_get(vector, "says");
    const json_t *word;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)says, i, word)
    {
        bool is_said = false;

        for (size_t j = 0; j < report->count && !is_said; j++)
            is_said = strstr(report->steps[j].text, json_string_value(word)) != NULL;
        if (is_said)
            continue;
        print_steps(report);
        fail_msg("'%s' does not say '%s'", tlog_str(vector, "name"), json_string_value(word));
    }
}

static void assert_report(const json_t *vector, const struct hm_report *report)
{
    bool has_bad = false;
    bool has_unsure = false;

    assert_true(report->count > 0);
    if (strcmp(tlog_rc_name(report->rc), tlog_str(vector, "rc")) != 0) {
        print_steps(report);
        fail_msg("'%s': %s, expected %s", tlog_str(vector, "name"), tlog_rc_name(report->rc),
                 tlog_str(vector, "rc"));
    }
    for (size_t i = 0; i < report->count; i++) {
        has_bad = has_bad || report->steps[i].mark == HM_REPORT_BAD;
        has_unsure = has_unsure || report->steps[i].mark == HM_REPORT_UNSURE;
    }
    /* What the steps say is what the outcome is. */
    assert_true(has_bad == (hm_error_exit_status(report->rc) == 1));
    assert_true(report->rc != HM_OK || !has_unsure);
    assert_true(hm_error_exit_status(report->rc) != 3 || has_unsure);
    assert_string_equal(hm_report_text(report), report->rc == HM_OK ? "HOLDS"
                                                : has_bad           ? "DOES NOT HOLD"
                                                                    : "CANNOT BE TOLD");
    if (report->rc == HM_OK) {
        assert_non_null(report->claim);
        assert_non_null(report->origin);
    }
    assert_says(vector, report);
}

static void test_check__verdicts(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    const json_t *section = tlog_section("evidence", CASE_COUNT_MIN);
    const json_t *vector;
    size_t good = 0;
    size_t i;

    (void)state;
    json_array_foreach((json_t *)(uintptr_t)section, i, vector)
    {
        _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
        _hm_free_(hm_basis_free) struct hm_basis *basis = make_basis(vector, &policy);
        _hm_free_(hm_report_free) struct hm_report *report = NULL;
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(hm_check_file(tlog_bytes(vector, "file", &file), basis, &err, &report),
                         HM_OK);
        assert_report(vector, report);
        good += report->rc == HM_OK;
    }
    /* As many failing cases as are promised. */
    assert_true(2 * good < i);
}

/* Is byte at in the line of a witness? That of one more than is needed may become unknown. */
static bool is_cosignature(struct hm_bytes file, size_t at)
{
    static const char mark[] = "| \xe2\x80\x94 w";

    while (at > 0 && file.data[at - 1] != '\n')
        at--;
    return file.size - at > sizeof(mark) && memcmp(file.data + at, mark, sizeof(mark) - 1) == 0;
}

/* Every byte of good evidence counts: with any one changed it does not hold. */
static void test_check__every_byte_counts(void **state)
{
    static const char *const names[] = {"published", "absent: a version", "fork", "rollback",
                                        "contradiction: a false map"};
    const json_t *section = tlog_section("evidence", CASE_COUNT_MIN);

    (void)state;
    for (size_t n = 0; n < HM_ARRAY_COUNT(names); n++) {
        _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
        const json_t *vector = NULL;
        size_t step;

        for (size_t i = 0; vector == NULL; i++) {
            vector = json_array_get(section, i);
            if (strcmp(tlog_str(vector, "name"), names[n]) != 0)
                vector = NULL;
        }
        (void)tlog_bytes(vector, "file", &file);
        step = getenv("HALLMARK_LONG") != NULL ? 1 : 7;
        for (size_t at = n; at < file.size; at += step) {
            _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
            _hm_free_(hm_basis_free) struct hm_basis *basis = make_basis(vector, &policy);
            _hm_free_(hm_report_free) struct hm_report *report = NULL;
            uint8_t old = file.data[at];

            bool may_hold = is_cosignature(hm_buf_bytes(&file), at);

            file.data[at] ^= 1;
            assert_int_equal(hm_check_file(hm_buf_bytes(&file), basis, NULL, &report), HM_OK);
            if (report->rc == HM_OK && !may_hold)
                fail_msg("'%s' holds with byte %zu changed", names[n], at);
            file.data[at] = old;
        }
    }
}

/* ---- writing ---- */

static void test_write__refuses_what_would_not_parse(void **state)
{
    static const enum hm_evidence_kind kinds[] = {HM_EVIDENCE_PUBLISHED, HM_EVIDENCE_ABSENT,
                                                  HM_EVIDENCE_HISTORY,   HM_EVIDENCE_CONTRADICTION,
                                                  HM_EVIDENCE_FORK,      HM_EVIDENCE_ROLLBACK};

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
        _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(hm_evidence_new(kinds[i], &err, &evidence), HM_OK);
        assert_int_equal(hm_evidence_write(evidence, &err, &out), HM_EUSAGE);
        assert_int_equal(err.rc, HM_EUSAGE);
        assert_int_equal(out.size, 0);
    }
}

static void test_set_path__says_what_it_should_be(void **state)
{
    static const struct {
        enum hm_evidence_kind kind;
        const char *path;
        bool is_good;
    } cases[] = {
        {HM_EVIDENCE_PUBLISHED, "acme/nic/2.1", true},
        {HM_EVIDENCE_ABSENT, "acme/nic/V 2.1 (b)", true},
        {HM_EVIDENCE_ABSENT, "acme/nic/2/1", true},
        {HM_EVIDENCE_HISTORY, "acme/nic", true},
        {HM_EVIDENCE_PUBLISHED, "acme/nic", false},
        {HM_EVIDENCE_PUBLISHED, "acme/nic/", false},
        {HM_EVIDENCE_PUBLISHED, "acme/nic/2.1/fw.bin", false},
        {HM_EVIDENCE_PUBLISHED, "acme/nic/V2", false},
        {HM_EVIDENCE_PUBLISHED, "ACME/nic/2", false},
        {HM_EVIDENCE_PUBLISHED, "", false},
        {HM_EVIDENCE_ABSENT, "acme/nic/", false},
        {HM_EVIDENCE_ABSENT, "acme/nic", false},
        {HM_EVIDENCE_ABSENT, "acme/nic/ 2", false},
        {HM_EVIDENCE_ABSENT, "acme/nic/2\n3", false},
        {HM_EVIDENCE_ABSENT, "acme/nic/\xff", false},
        {HM_EVIDENCE_ABSENT, "vendor/nic/2", false},
        {HM_EVIDENCE_HISTORY, "acme/nic/", false},
        {HM_EVIDENCE_HISTORY, "acme/nic/2.1", false},
        {HM_EVIDENCE_HISTORY, "acme", false},
        {HM_EVIDENCE_CONTRADICTION, "acme/nic", false},
    };

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        assert_int_equal(hm_evidence_new(cases[i].kind, NULL, &evidence), HM_OK);
        rc = hm_evidence_set_path(evidence, cases[i].path, &err);
        if (rc != (cases[i].is_good ? HM_OK : HM_EUSAGE))
            fail_msg("'%s': %s", cases[i].path, err.text);
        if (rc != HM_OK)
            assert_non_null(strstr(err.text, "ID/PRODUCT"));
    }
}

/* The evidence of a case that is good. */
static struct hm_evidence *read_case(const char *name)
{
    _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    const json_t *section = json_object_get(tlog_vectors, "evidence");
    struct hm_evidence *evidence = NULL;
    const json_t *vector;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)section, i, vector)
    {
        if (strcmp(tlog_str(vector, "name"), name) == 0)
            assert_int_equal(hm_evidence_parse(tlog_bytes(vector, "file", &file), NULL, &evidence),
                             HM_OK);
    }
    assert_non_null(evidence);
    return evidence;
}

static void assert_same(const struct hm_evidence *made, const struct hm_evidence *expected)
{
    _hm_done_(hm_buf_done) struct hm_buf a = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf b = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    if (hm_evidence_write(made, &err, &a) != HM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(hm_evidence_write(expected, NULL, &b), HM_OK);
    assert_string_equal(hm_buf_str(&a), hm_buf_str(&b));
}

static struct hm_merkle_proof path_of(const struct hm_sha256 *hashes, size_t count)
{
    struct hm_merkle_proof path = {.count = count};

    memcpy(path.hashes, hashes, count * sizeof(*hashes));
    return path;
}

static void test_make__gives_what_was_read(void **state)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *published = read_case("published");
    _hm_free_(hm_evidence_free) struct hm_evidence *absent = read_case("absent: a version");
    _hm_free_(hm_evidence_free) struct hm_evidence *fork = read_case("fork");
    _hm_free_(hm_evidence_free) struct hm_evidence *a = NULL;
    _hm_free_(hm_evidence_free) struct hm_evidence *b = NULL;
    _hm_free_(hm_evidence_free) struct hm_evidence *c = NULL;
    const struct hm_evidence_part *part = &published->parts[0];
    struct hm_merkle_proof paths[] = {path_of(part->entries[0].hashes, part->entries[0].hash_count),
                                      path_of(part->entries[1].hashes, part->entries[1].hash_count),
                                      path_of(fork->hashes, fork->hash_count)};
    struct hm_where where = {part->entries[0].index,
                             part->entries[1].index,
                             part->entries[0].text,
                             part->entries[1].text,
                             {0}};
    struct hm_evidence_state of_map = {.has_list = true};

    (void)state;
    assert_int_equal(hm_evidence_make_published("example", "acme/nic/2.1", part->checkpoint, &where,
                                                &paths[0], &paths[1], NULL, &a),
                     HM_OK);
    assert_same(a, published);
    part = &absent->parts[0];
    of_map.checkpoint = part->checkpoint;
    of_map.newest_index = part->entries[0].index;
    of_map.newest = part->entries[0].text;
    of_map.newest_hashes = part->entries[0].hashes;
    of_map.newest_hash_count = part->entries[0].hash_count;
    of_map.map = part->map;
    of_map.list = part->list;
    assert_int_equal(
        hm_evidence_make_map(HM_EVIDENCE_ABSENT, "example", "acme/nic/2.3", &of_map, NULL, &b),
        HM_OK);
    assert_same(b, absent);
    assert_int_equal(hm_evidence_make_fork("example", fork->parts[0].checkpoint,
                                           fork->parts[1].checkpoint, &fork->earlier, &paths[2],
                                           NULL, &c),
                     HM_OK);
    assert_same(c, fork);
}

static void test_make__a_contradiction_of_two_files(void **state)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *expected =
        read_case("contradiction: there is none");
    _hm_free_(hm_evidence_free) struct hm_evidence *published = read_case("published");
    _hm_free_(hm_evidence_free) struct hm_evidence *history = read_case("history");
    _hm_free_(hm_evidence_free) struct hm_evidence *other =
        read_case("history: as of an earlier state");
    _hm_free_(hm_evidence_free) struct hm_evidence *made = NULL;

    (void)state;
    assert_int_equal(hm_evidence_make_contradiction(published, history, NULL, &made), HM_OK);
    assert_same(made, expected);
    hm_evidence_free(made);
    made = NULL;
    assert_int_equal(hm_evidence_make_contradiction(history, published, NULL, &made), HM_EUSAGE);
    assert_int_equal(hm_evidence_make_contradiction(published, published, NULL, &made), HM_EUSAGE);
    assert_int_equal(hm_evidence_make_contradiction(published, other, NULL, &made), HM_EUSAGE);
    assert_null(made);
}

static void test_make__refuses_what_is_none(void **state)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *fork = read_case("fork");
    _hm_free_(hm_evidence_free) struct hm_evidence *made = NULL;
    struct hm_bytes note = fork->parts[0].checkpoint;
    struct hm_evidence_state none = {.checkpoint = HM_BYTES_LITERAL("x\n")};

    (void)state;
    assert_int_equal(
        hm_evidence_make_map(HM_EVIDENCE_ABSENT, "example", "acme/nic/1", &none, NULL, &made),
        HM_EFORMAT);
    none.checkpoint = note;
    assert_int_equal(
        hm_evidence_make_map(HM_EVIDENCE_ABSENT, "example", "acme/nic", &none, NULL, &made),
        HM_EUSAGE);
    assert_int_equal(
        hm_evidence_make_fork("example", note, HM_BYTES_LITERAL("x\n"), NULL, NULL, NULL, &made),
        HM_EFORMAT);
    assert_null(made);
    assert_int_equal(hm_evidence_make_add_root(fork, 1, note, NULL), HM_EUSAGE);
    assert_int_equal(hm_evidence_make_add_root(fork, 2, note, NULL), HM_OK);
    assert_int_equal(hm_evidence_make_add_root(fork, 2, note, NULL), HM_EUSAGE);
    assert_int_equal(hm_evidence_make_add_root(fork, 4, note, NULL), HM_EUSAGE);
    assert_int_equal(hm_evidence_make_add_root(fork, 3, note, NULL), HM_OK);
    assert_int_equal(fork->root_count, 2);
}

/* ---- the map of releases ---- */

static void test_map__is_what_the_entries_add_up_to(void **state)
{
    const json_t *map = json_object_get(tlog_vectors, "map");
    const json_t *entries = json_object_get(map, "entries");
    _hm_free_(hm_release_store_memory_free) struct hm_release_store_memory *memory = NULL;
    _hm_free_(hm_release_map_free) struct hm_release_map *made = NULL;
    struct hm_release_store store;
    struct hm_sha256 expected = tlog_hash(map, "root");
    struct hm_sha256 root;
    uint64_t count = 0;
    const char *path;
    json_t *content;
    size_t i;

    (void)state;
    assert_int_equal(hm_release_store_memory_new(NULL, &memory), HM_OK);
    store = hm_release_store_in_memory(memory);
    assert_int_equal(hm_release_map_new(&store, NULL, &made), HM_OK);
    for (i = 0; i < json_array_size(entries); i++) {
        _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
        struct hm_err err = HM_ERR_INIT;
        struct hm_bytes text = hm_bytes_str(json_string_value(json_array_get(entries, i)));

        if (hm_entry_parse(text, &err, &entry) != HM_OK ||
            hm_release_map_apply(made, entry, i, &err) != HM_OK)
            fail_msg("entry %zu: %s", i, err.text);
    }
    assert_int_equal(hm_release_map_root(made, NULL, &root, &count), HM_OK);
    assert_true(hm_digest_is_equal(&root, &expected));
    assert_int_equal(count, json_integer_value(json_object_get(map, "count")));
    assert_int_equal(hm_release_map_flush(made, NULL), HM_OK);
    json_object_foreach(json_object_get(map, "files"), path, content)
    {
        _hm_done_(hm_buf_done) struct hm_buf file = HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);
        _hm_done_(hm_buf_done) struct hm_buf hex = HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);

        if (store.get(store.ctx, path, NULL, &file) != HM_OK)
            fail_msg("there is no '%s'", path);
        if (strncmp(path, "map/", 4) == 0) {
            assert_int_equal(hm_buf_reserve(&hex, 2 * file.size + 1, NULL), HM_OK);
            hm_text_hex(hm_buf_bytes(&file), (char *)hex.data);
            assert_string_equal((char *)hex.data, json_string_value(content));
        } else {
            assert_string_equal(hm_buf_str(&file), json_string_value(content));
        }
    }
}

static void test_map__proofs(void **state)
{
    const json_t *map = json_object_get(tlog_vectors, "map");
    const json_t *products = json_object_get(map, "products");
    struct hm_sha256 root = tlog_hash(map, "root");
    const json_t *vector;
    size_t i;

    (void)state;
    assert_true(json_array_size(products) >= 4);
    json_array_foreach((json_t *)(uintptr_t)products, i, vector)
    {
        _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
        struct hm_bytes raw = HM_BYTES_EMPTY;
        struct hm_bytes hex = hm_bytes_str(tlog_str(vector, "proof"));
        struct hm_sha256 expected = tlog_hash(vector, "key");
        struct hm_sha256 key;
        struct hm_sha256 value;

        assert_int_equal(hm_buf_reserve(&proof, hex.size / 2 + 1, NULL), HM_OK);
        assert_int_equal(hm_text_unhex(hex, proof.data, hex.size / 2), HM_OK);
        proof.size = hex.size / 2;
        raw = hm_buf_bytes(&proof);
        assert_int_equal(
            hm_release_map_product_key(hm_bytes_str(tlog_str(vector, "product")), NULL, &key),
            HM_OK);
        assert_true(hm_digest_is_equal(&key, &expected));
        if (json_is_null(json_object_get(vector, "value"))) {
            assert_int_equal(hm_map_verify_absent(&root, &key, raw, NULL), HM_OK);
            continue;
        }
        expected = tlog_hash(vector, "value");
        assert_int_equal(hm_map_verify_present(&root, &key, raw, NULL, &value), HM_OK);
        assert_true(hm_digest_is_equal(&value, &expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__forms),
        cmocka_unit_test(test_check__verdicts),
        cmocka_unit_test(test_check__every_byte_counts),
        cmocka_unit_test(test_write__refuses_what_would_not_parse),
        cmocka_unit_test(test_set_path__says_what_it_should_be),
        cmocka_unit_test(test_make__gives_what_was_read),
        cmocka_unit_test(test_make__a_contradiction_of_two_files),
        cmocka_unit_test(test_make__refuses_what_is_none),
        cmocka_unit_test(test_map__is_what_the_entries_add_up_to),
        cmocka_unit_test(test_map__proofs),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
