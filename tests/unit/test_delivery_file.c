/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/delivery_file and delivery_leaf: vectors (tests/vectors/make-delivery-file.py), and what
 * they do not say. */
#include "unit.h"

#include <jansson.h>

#include "delivery/delivery_file.h"
#include "delivery/delivery_leaf.h"

#define VECTORS       "tests/vectors/delivery-file.json"
#define SITE_KEYS_MAX 4

struct world {
    json_t *vectors;
    struct hm_note_key *site[SITE_KEYS_MAX];
    size_t site_count;
    struct hm_log_policy *policy;
};

static const char *text_of(const json_t *one, const char *name)
{
    return json_string_value(json_object_get(one, name));
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    const json_t *keys;

    assert_non_null(world);
    world->vectors = json_load_file(VECTORS, 0, NULL);
    assert_non_null(world->vectors);
    keys = json_object_get(world->vectors, "site");
    world->site_count = json_array_size(keys);
    assert_in_range(world->site_count, 2, SITE_KEYS_MAX);
    for (size_t i = 0; i < world->site_count; i++)
        assert_int_equal(hm_note_key_parse(hm_bytes_str(json_string_value(json_array_get(keys, i))),
                                           NULL, &world->site[i]),
                         HM_OK);
    assert_int_equal(
        hm_log_policy_parse(hm_bytes_str(text_of(world->vectors, "policy")), NULL, &world->policy),
        HM_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < world->site_count; i++)
        hm_note_key_free(world->site[i]);
    hm_log_policy_free(world->policy);
    json_decref(world->vectors);
    free(world);
    return 0;
}

static struct hm_delivery_keys keys_of(const struct world *world,
                                       const struct hm_note_key *pointers[SITE_KEYS_MAX])
{
    for (size_t i = 0; i < world->site_count; i++)
        pointers[i] = world->site[i];
    return (struct hm_delivery_keys){.site = pointers, .site_count = world->site_count};
}

static const json_t *case_of(const struct world *world, const char *name)
{
    const json_t *cases = json_object_get(world->vectors, "files");

    for (size_t i = 0; i < json_array_size(cases); i++)
        if (strcmp(text_of(json_array_get(cases, i), "name"), name) == 0)
            return json_array_get(cases, i);
    fail_msg("no case '%s'", name);
    return NULL;
}

static void parse_case(const struct world *world, const char *name, struct hm_delivery_file *file)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_delivery_file_parse(hm_bytes_str(text_of(case_of(world, name), "file")), &err, file) !=
        HM_OK)
        fail_msg("%s", err.text);
}

static void assert_rc(const json_t *one, const char *member, enum hm_rc rc,
                      const struct hm_err *err)
{
    if (strcmp(hm_error_name(rc), text_of(one, member)) != 0)
        fail_msg("%s: %s is %s, %s", text_of(one, "name"), member, hm_error_name(rc), err->text);
}

static void check_proofs(const struct world *world, const json_t *one,
                         const struct hm_delivery_file *file,
                         const struct hm_delivery_record *record)
{
    static const enum hm_delivery_part parts[] = {HM_DELIVERY_PART_OFFER_PROOF,
                                                  HM_DELIVERY_PART_RECEIPT_PROOF};

    for (size_t i = 0; i < HM_ARRAY_COUNT(parts); i++) {
        _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc =
            hm_delivery_file_prove(file, record, parts[i], world->policy, &err, &checkpoint);

        assert_rc(one, hm_delivery_file_part_name(parts[i]), rc, &err);
        assert_int_equal(checkpoint != NULL, rc == HM_OK);
    }
}

static void check_case(const struct world *world, const json_t *one)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    const struct hm_note_key *pointers[SITE_KEYS_MAX];
    struct hm_delivery_keys keys = keys_of(world, pointers);
    struct hm_bytes raw = hm_bytes_str(text_of(one, "file"));
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_delivery_file_parse(raw, &err, &file);

    assert_rc(one, "parse", rc, &err);
    if (rc != HM_OK)
        return;
    assert_int_equal(hm_delivery_file_write(&file, &err, &again), HM_OK);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    rc = hm_delivery_file_verify(&file, &keys, &err, &record);
    assert_rc(one, "verify", rc, &err);
    if (rc != HM_OK)
        return;
    assert_string_equal(hm_delivery_state_name(record.delivery.state), text_of(one, "state"));
    check_proofs(world, one, &file, &record);
}

static void test_vectors__are_taken_and_refused_as_they_say(void **state)
{
    const struct world *world = *state;
    const json_t *cases = json_object_get(world->vectors, "files");

    assert_true(json_array_size(cases) >= 40);
    for (size_t i = 0; i < json_array_size(cases); i++)
        check_case(world, json_array_get(cases, i));
}

static void test_verify__wants_the_client_that_it_is_told(void **state)
{
    const struct world *world = *state;
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    const struct hm_note_key *pointers[SITE_KEYS_MAX];
    struct hm_delivery_keys keys = keys_of(world, pointers);
    struct hm_err err = HM_ERR_INIT;

    parse_case(world, "whole", &file);
    keys.client = world->site[0];
    assert_int_equal(hm_delivery_file_verify(&file, &keys, &err, &record), HM_EMISMATCH);
    /* The name and the key: a key note is not needed where the key is known. */
    keys.client = NULL;
    assert_int_equal(hm_delivery_file_verify(&file, &keys, &err, &record), HM_OK);
    file.parts[HM_DELIVERY_PART_KEY] = HM_BYTES_EMPTY;
    keys.client = record.client;
    {
        _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record again =
            HM_DELIVERY_RECORD_INIT;

        assert_int_equal(hm_delivery_file_verify(&file, &keys, &err, &again), HM_OK);
        assert_false(again.has_key);
        assert_string_equal(again.client->name, record.client->name);
    }
}

static void test_verify__believes_no_site_without_its_key(void **state)
{
    const struct world *world = *state;
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    const struct hm_note_key *pointers[SITE_KEYS_MAX];
    struct hm_delivery_keys keys = keys_of(world, pointers);
    struct hm_err err = HM_ERR_INIT;

    parse_case(world, "whole", &file);
    keys.site_count = 1; /* the one before */
    assert_int_equal(hm_delivery_file_verify(&file, &keys, &err, &record), HM_ESIGNATURE);
    keys.site_count = 0;
    assert_int_equal(hm_delivery_file_verify(&file, &keys, &err, &record), HM_ESIGNATURE);
    assert_null(record.client);
}

static void test_put__takes_only_what_has_the_form(void **state)
{
    const struct world *world = *state;
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file copy = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_delivery_file_write(&copy, &err, &text), HM_EUSAGE);
    assert_int_equal(
        hm_delivery_file_put(&copy, HM_DELIVERY_PART_OFFER, hm_bytes_str("no note\n"), &err),
        HM_EFORMAT);
    assert_int_equal(text.size, 0);
    parse_case(world, "whole", &file);
    for (size_t i = 0; i < HM_DELIVERY_PART_COUNT_; i++) {
        enum hm_delivery_part part = (enum hm_delivery_part)i;
        enum hm_delivery_part other = i < HM_DELIVERY_PART_OFFER_PROOF
                                          ? HM_DELIVERY_PART_RECEIPT_PROOF
                                          : HM_DELIVERY_PART_KEY;

        assert_int_equal(hm_delivery_file_put(&copy, part, file.parts[i], &err), HM_OK);
        if (i < HM_DELIVERY_PART_OFFER_PROOF)
            assert_int_equal(hm_delivery_file_put(&copy, other, file.parts[i], &err), HM_EFORMAT);
    }
    assert_int_equal(hm_delivery_file_write(&copy, &err, &text), HM_OK);
    assert_string_equal(hm_buf_str(&text), text_of(case_of(world, "whole"), "file"));
}

static void test_leaf__has_one_spelling(void **state)
{
    struct hm_sha256 salt = {{1}}, hash = {{2}};
    char entry[HM_DELIVERY_LEAF_SIZE + 1], other[HM_DELIVERY_LEAF_SIZE + 1];

    assert_int_equal(hm_delivery_leaf_write(&salt, &hash, NULL, entry), HM_OK);
    assert_int_equal(strlen(entry), HM_DELIVERY_LEAF_SIZE);
    assert_memory_equal(entry, "hallmark/delivery-leaf v1\n", 26);
    assert_int_equal(entry[HM_DELIVERY_LEAF_SIZE - 1], '\n');
    /* Whoever has the one value for the other gets another leaf. */
    assert_int_equal(hm_delivery_leaf_write(&hash, &salt, NULL, other), HM_OK);
    assert_string_not_equal(entry, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vectors__are_taken_and_refused_as_they_say, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_verify__wants_the_client_that_it_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_verify__believes_no_site_without_its_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_put__takes_only_what_has_the_form, setup, teardown),
        cmocka_unit_test(test_leaf__has_one_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
