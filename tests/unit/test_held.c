/* SPDX-License-Identifier: Apache-2.0 */
/* tuf/held: found by name, dropped by name, good for the keys that accepted it. */
#include "unit.h"

#include "tuf/held.h"

static struct hm_held_role *put(struct hm_held *held, const char *name,
                                const struct hm_sha256 *keys)
{
    struct hm_buf raw = HM_BUF_INIT(64);
    struct hm_targets *targets = NULL;
    struct hm_held_role *role = NULL;

    assert_int_equal(hm_buf_append_str(&raw, name, NULL), HM_OK);
    assert_int_equal(hm_targets_new(NULL, &targets), HM_OK);
    assert_int_equal(hm_held_put(held, hm_bytes_str(name), keys, &raw, &targets, NULL, &role),
                     HM_OK);
    assert_null(targets);
    assert_null(raw.data);
    return role;
}

static void test_find__knows_thousands(void **state)
{
    _hm_done_(hm_held_done) struct hm_held held = {0};
    struct hm_sha256 keys = {.bytes = {1}};
    char name[32];

    assert_null(hm_held_find(&held, HM_BYTES_LITERAL("role")));
    hm_held_drop(&held, HM_BYTES_LITERAL("role"));
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof(name), "role~%d", i);
        HM_UNUSED struct hm_held_role *role = put(&held, name, &keys);
    }
    assert_int_equal(held.count, 5000);
    for (int i = 0; i < 5000; i++) {
        struct hm_held_role *role;

        (void)snprintf(name, sizeof(name), "role~%d", i);
        role = hm_held_find(&held, hm_bytes_str(name));
        assert_non_null(role);
        assert_true(hm_bytes_is_str(role->name, name));
        assert_string_equal(hm_buf_str(&role->raw), name);
    }
    assert_null(hm_held_find(&held, HM_BYTES_LITERAL("role~5000")));
    assert_null(hm_held_find(&held, HM_BYTES_LITERAL("")));
}

static void test_drop__drops_that_one(void **state)
{
    _hm_done_(hm_held_done) struct hm_held held = {0};
    struct hm_sha256 keys = {.bytes = {1}};
    char name[32];

    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        HM_UNUSED struct hm_held_role *role = put(&held, name, &keys);
    }
    for (int i = 0; i < 100; i += 2) {
        (void)snprintf(name, sizeof(name), "%d", i);
        hm_held_drop(&held, hm_bytes_str(name));
    }
    hm_held_drop(&held, HM_BYTES_LITERAL("0"));
    assert_int_equal(held.count, 50);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(hm_held_find(&held, hm_bytes_str(name)) != NULL, i % 2);
    }
}

static void test_accept__is_for_those_keys_alone(void **state)
{
    _hm_done_(hm_held_done) struct hm_held held = {0};
    struct hm_sha256 one = {.bytes = {1}};
    struct hm_sha256 two = {.bytes = {2}};
    struct hm_held_role *role = put(&held, "role", &one);

    assert_true(hm_held_is_accepted(role, &one));
    assert_false(hm_held_is_accepted(role, &two));
    assert_int_equal(hm_held_accept(role, &two, NULL), HM_OK);
    assert_true(hm_held_is_accepted(role, &one));
    assert_true(hm_held_is_accepted(role, &two));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find__knows_thousands),
        cmocka_unit_test(test_drop__drops_that_one),
        cmocka_unit_test(test_accept__is_for_those_keys_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
