/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/draft: signatures are collected for exact bytes, and kept for them alone. */
#include "unit.h"

#include "base/file.h"
#include "exchange/draft.h"
#include "exchange_kit.h"
#include "tmpdir.h"

#define ROLE "maker~acme"

/* Canonical bytes of maker~acme for identity 1, and other ones. */
struct bytes {
    struct kit_maker maker;
    struct hm_buf one, other;
    struct hm_draft_need need;
    struct hm_err err;
};

static void start(struct bytes *bytes)
{
    memset(bytes, 0, sizeof(*bytes));
    bytes->one = (struct hm_buf)HM_BUF_INIT(1 << 20);
    bytes->other = (struct hm_buf)HM_BUF_INIT(1 << 20);
    kit_maker_init(&bytes->maker, 1);
    assert_int_equal(hm_targets_write(bytes->maker.targets, &bytes->err, &bytes->one), HM_OK);
    kit_maker_put(bytes->maker.targets, "acme/nic/1.1/a.rom", "more", NULL);
    assert_int_equal(hm_targets_write(bytes->maker.targets, &bytes->err, &bytes->other), HM_OK);
    bytes->need.groups[0] = &bytes->maker.identity->keys;
    bytes->need.group_count = 1;
}

static void end(struct bytes *bytes)
{
    kit_maker_done(&bytes->maker);
    hm_buf_done(&bytes->one);
    hm_buf_done(&bytes->other);
}

static struct hm_draft_state state_of(const struct hm_dir *dir, struct bytes *bytes,
                                      struct hm_arena *arena)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_draft_state state;

    assert_int_equal(hm_draft_load(dir, ROLE, &bytes->err, &draft), HM_OK);
    assert_int_equal(hm_draft_state(draft, &bytes->need, arena, &bytes->err, &state), HM_OK);
    return state;
}

static void test_sign__counts_up_to_the_threshold(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_draft_state now;
    struct bytes bytes;
    bool added = false;

    start(&bytes);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    now = state_of(dir, &bytes, &arena);
    assert_false(now.is_complete);
    assert_int_equal(now.valid[0], 0);
    assert_int_equal(now.needed[0], 2);
    assert_int_equal(now.missing_count, 2);
    assert_int_equal(
        hm_draft_sign(dir, ROLE, kit_signer(KIT_ACME1), &bytes.need, &bytes.err, &added), HM_OK);
    assert_true(added);
    assert_int_equal(
        hm_draft_sign(dir, ROLE, kit_signer(KIT_ACME1), &bytes.need, &bytes.err, &added), HM_OK);
    assert_false(added);
    now = state_of(dir, &bytes, &arena);
    assert_int_equal(now.valid[0], 1);
    assert_int_equal(now.missing_count, 1);
    assert_string_equal(now.missing[0], hm_key_id(kit_key(KIT_ACME2)));
    assert_int_equal(
        hm_draft_sign(dir, ROLE, kit_signer(KIT_EVIL), &bytes.need, &bytes.err, &added),
        HM_EREFUSED);
    assert_int_equal(
        hm_draft_sign(dir, ROLE, kit_signer(KIT_ACME2), &bytes.need, &bytes.err, &added), HM_OK);
    now = state_of(dir, &bytes, &arena);
    assert_true(now.is_complete);
    assert_int_equal(now.missing_count, 0);
    end(&bytes);
}

static void test_put__keeps_signatures_for_the_same_bytes_alone(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_dir *dir = tmpdir_of(state);
    struct bytes bytes;
    bool added;

    start(&bytes);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    assert_int_equal(
        hm_draft_sign(dir, ROLE, kit_signer(KIT_ACME1), &bytes.need, &bytes.err, &added), HM_OK);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    assert_int_equal(state_of(dir, &bytes, &arena).valid[0], 1);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.other), &bytes.err), HM_OK);
    assert_int_equal(state_of(dir, &bytes, &arena).valid[0], 0);
    end(&bytes);
}

static void test_put__refuses_what_is_no_document_of_the_role(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_draft *draft = NULL;
    struct bytes bytes;

    start(&bytes);
    assert_int_equal(hm_draft_put(dir, "root", hm_buf_bytes(&bytes.one), &bytes.err), HM_EFORMAT);
    assert_int_equal(hm_draft_put(dir, "../x", hm_buf_bytes(&bytes.one), &bytes.err), HM_EFORMAT);
    assert_int_equal(hm_draft_put(dir, "snapshot", hm_buf_bytes(&bytes.one), &bytes.err),
                     HM_EFORMAT);
    assert_int_equal(hm_draft_put(dir, ROLE, HM_BYTES_LITERAL("{}"), &bytes.err), HM_EFORMAT);
    assert_int_equal(hm_draft_put(dir, ROLE, HM_BYTES_LITERAL("{ }"), &bytes.err), HM_EFORMAT);
    assert_int_equal(
        hm_draft_put(dir, ROLE, HM_BYTES_LITERAL("{\"_type\":\"targets\"}"), &bytes.err),
        HM_EFORMAT);
    assert_int_equal(hm_draft_put(dir, ROLE,
                                  HM_BYTES_LITERAL("{\"_type\":\"targets\",\"version\":0}"),
                                  &bytes.err),
                     HM_EFORMAT);
    assert_int_equal(hm_draft_load(dir, ROLE, &bytes.err, &draft), HM_ENOTFOUND);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    end(&bytes);
}

static void test_load__refuses_a_damaged_draft_and_put_replaces_it(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_draft *draft = NULL;
    struct bytes bytes;

    start(&bytes);
    assert_int_equal(
        hm_file_replace(dir, ROLE ".json", 0644, HM_BYTES_LITERAL("{\"signed\":"), &bytes.err),
        HM_OK);
    assert_int_equal(hm_draft_load(dir, ROLE, &bytes.err, &draft), HM_EFORMAT);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    assert_int_equal(hm_draft_load(dir, ROLE, &bytes.err, &draft), HM_OK);
    assert_string_equal(draft->role, ROLE);
    assert_int_equal(draft->version, 1);
    hm_draft_free(draft);
    end(&bytes);
}

static void test_list__names_drafts_alone(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_dir *dir = tmpdir_of(state);
    const char **roles;
    struct bytes bytes;
    size_t count = 9;

    start(&bytes);
    assert_int_equal(hm_draft_list(dir, &arena, &bytes.err, &roles, &count), HM_OK);
    assert_int_equal(count, 0);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    assert_int_equal(hm_draft_put(dir, "targets", hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    assert_int_equal(hm_file_replace(dir, "images.json", 0644, HM_BYTES_LITERAL("{}"), &bytes.err),
                     HM_OK);
    assert_int_equal(hm_file_replace(dir, "lock", 0644, HM_BYTES_EMPTY, &bytes.err), HM_OK);
    assert_int_equal(hm_draft_list(dir, &arena, &bytes.err, &roles, &count), HM_OK);
    assert_int_equal(count, 2);
    assert_string_equal(roles[0], ROLE);
    assert_string_equal(roles[1], "targets");
    assert_int_equal(hm_draft_remove(dir, ROLE, &bytes.err), HM_OK);
    assert_int_equal(hm_draft_remove(dir, ROLE, &bytes.err), HM_OK);
    assert_int_equal(hm_draft_list(dir, &arena, &bytes.err, &roles, &count), HM_OK);
    assert_int_equal(count, 1);
    end(&bytes);
}

static void test_merge__serves_two_groups(void **state)
{
    static const enum kit_key second[] = {KIT_ACME2, KIT_ACME3};
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_key *keys[] = {kit_key(second[0]), kit_key(second[1])};
    struct hm_identity_unsigned next = {NULL};
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_draft_state now;
    struct bytes bytes;
    uint32_t added = 9;
    bool is_added;

    start(&bytes);
    assert_int_equal(hm_identity_write("acme", "Acme", 2, keys, 2, 2, &bytes.err, &canonical),
                     HM_OK);
    assert_int_equal(hm_draft_put(dir, "identity", hm_buf_bytes(&canonical), &bytes.err), HM_OK);
    assert_int_equal(hm_draft_load(dir, "identity", &bytes.err, &draft), HM_OK);
    assert_int_equal(
        hm_identity_read_unsigned(hm_envelope_unsigned(draft->envelope), &bytes.err, &next), HM_OK);
    bytes.need.groups[1] = &next.content->keys;
    bytes.need.group_count = 2;
    assert_int_equal(hm_signatures_new(NULL, "acme", &bytes.err, &signatures), HM_OK);
    assert_int_equal(hm_draft_merge(dir, "identity", signatures, &bytes.need, &bytes.err, &added),
                     HM_EMISMATCH);
    /* A key of the second group alone, then one of both, then one of the first. */
    assert_int_equal(hm_signatures_add(signatures, "identity", 2, draft->envelope->canonical,
                                       kit_signer(KIT_ACME3), bytes.need.groups[1], &bytes.err),
                     HM_OK);
    assert_int_equal(hm_draft_merge(dir, "identity", signatures, &bytes.need, &bytes.err, &added),
                     HM_OK);
    assert_int_equal(added, 1);
    assert_int_equal(
        hm_draft_sign(dir, "identity", kit_signer(KIT_ACME2), &bytes.need, &bytes.err, &is_added),
        HM_OK);
    hm_draft_free(draft);
    draft = NULL;
    assert_int_equal(hm_draft_load(dir, "identity", &bytes.err, &draft), HM_OK);
    assert_int_equal(hm_draft_state(draft, &bytes.need, &arena, &bytes.err, &now), HM_OK);
    assert_int_equal(now.valid[0], 1);
    assert_int_equal(now.valid[1], 2);
    assert_false(now.is_complete);
    assert_int_equal(
        hm_draft_sign(dir, "identity", kit_signer(KIT_ACME1), &bytes.need, &bytes.err, &is_added),
        HM_OK);
    hm_draft_free(draft);
    draft = NULL;
    assert_int_equal(hm_draft_load(dir, "identity", &bytes.err, &draft), HM_OK);
    assert_int_equal(hm_draft_state(draft, &bytes.need, &arena, &bytes.err, &now), HM_OK);
    assert_true(now.is_complete);
    hm_identity_free(next.content);
    end(&bytes);
}

static void test_request__holds_the_drafts_in_order(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(1 << 20);
    _hm_free_(hm_request_free) struct hm_request *request = NULL;
    static const char *const roles[] = {"targets", ROLE};
    static const char *const missing[] = {"root"};
    struct hm_bytes currents[] = {HM_BYTES_LITERAL("{}"), HM_BYTES_EMPTY};
    struct hm_request head = {
        .site = "globex", .maker = "acme", .created_unix_s = KIT_NOW, .reason = "r"};
    const struct hm_dir *dir = tmpdir_of(state);
    struct bytes bytes;

    start(&bytes);
    assert_int_equal(hm_draft_put(dir, ROLE, hm_buf_bytes(&bytes.one), &bytes.err), HM_OK);
    assert_int_equal(hm_draft_put(dir, "targets", hm_buf_bytes(&bytes.other), &bytes.err), HM_OK);
    assert_int_equal(hm_draft_request(dir, &head, missing, currents, 1, &bytes.err, &raw),
                     HM_ENOTFOUND);
    assert_int_equal(hm_draft_request(dir, &head, roles, currents, 0, &bytes.err, &raw), HM_EUSAGE);
    assert_int_equal(hm_draft_request(dir, &head, roles, currents,
                                      HM_REQUEST_DOCUMENT_COUNT_MAX + 1, &bytes.err, &raw),
                     HM_EUSAGE);
    assert_int_equal(hm_draft_request(dir, &head, roles, currents, 2, &bytes.err, &raw), HM_OK);
    assert_int_equal(hm_request_parse(hm_buf_bytes(&raw), &bytes.err, &request), HM_OK);
    assert_int_equal(request->document_count, 2);
    assert_string_equal(request->documents[0].role, "targets");
    assert_true(hm_bytes_is_str(request->documents[0].current, "{}"));
    assert_true(
        hm_bytes_is_equal(request->documents[1].envelope->canonical, hm_buf_bytes(&bytes.one)));
    end(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_sign__counts_up_to_the_threshold),
        tmpdir_test(test_put__keeps_signatures_for_the_same_bytes_alone),
        tmpdir_test(test_put__refuses_what_is_no_document_of_the_role),
        tmpdir_test(test_load__refuses_a_damaged_draft_and_put_replaces_it),
        tmpdir_test(test_list__names_drafts_alone),
        tmpdir_test(test_merge__serves_two_groups),
        tmpdir_test(test_request__holds_the_drafts_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
