/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/parts, and the roles of products in submissions and before a signer. */
#include "unit.h"

#include "exchange/claim.h"
#include "exchange/parts.h"
#include "exchange/signing.h"
#include "exchange/submission.h"
#include "exchange_kit.h"
#include "tmpdir.h"

#define ROLE "maker~acme"
#define BUF  HM_BUF_INIT(1 << 20)

/* What the load function finds. */
struct shelf {
    struct kit_maker maker;
    struct hm_parts parts;
    struct hm_err err;
    size_t loaded;
    enum hm_rc fails;
};

static enum hm_rc load(void *ctx, const char *role, struct hm_err *err,
                       struct hm_targets **ret_targets)
{
    struct shelf *shelf = ctx;

    shelf->loaded++;
    if (shelf->fails != HM_OK)
        return hm_fail(err, shelf->fails, "'%s' fails", role);
    HM_TRY(hm_targets_new(err, ret_targets));
    kit_maker_put(*ret_targets,
                  strstr(role, "~nic") != NULL ? "acme/nic/0.9/old" : "acme/bmc/1/old", "old",
                  NULL);
    (*ret_targets)->document.version = 7;
    return HM_OK;
}

/* The role above starts from the maker's two files of product nic. */
static void start(struct shelf *shelf, size_t flat_max)
{
    struct hm_targets *content = NULL;

    memset(shelf, 0, sizeof(*shelf));
    shelf->parts = (struct hm_parts)HM_PARTS_INIT;
    kit_maker_init(&shelf->maker, 1);
    assert_int_equal(hm_targets_copy(shelf->maker.targets, NULL, &content), HM_OK);
    assert_int_equal(
        hm_parts_open(&shelf->parts, ROLE, content, flat_max, load, shelf, &shelf->err), HM_OK);
}

static void end(struct shelf *shelf)
{
    hm_parts_done(&shelf->parts);
    kit_maker_done(&shelf->maker);
}

static enum hm_rc put(struct shelf *shelf, const char *path)
{
    struct hm_target target = {.path = hm_bytes_str(path),
                               .facts = {.has_length = true, .has_sha256 = true, .length = 1}};

    return hm_parts_put(&shelf->parts, &target, &shelf->err);
}

static void divide(struct shelf *shelf)
{
    assert_int_equal(hm_parts_divide(&shelf->parts, &shelf->err), HM_OK);
    assert_int_equal(hm_parts_seal(&shelf->parts, &shelf->maker.identity->keys, &shelf->err),
                     HM_OK);
}

static void test_divide__not_up_to_the_limit(void **state)
{
    struct shelf shelf;

    start(&shelf, 3);
    assert_int_equal(put(&shelf, "acme/bmc/1/a"), HM_OK);
    divide(&shelf);
    assert_false(hm_parts_is_divided(&shelf.parts));
    assert_int_equal(shelf.parts.count, 1);
    assert_int_equal(shelf.parts.items[0].next->target_count, 3);
    assert_int_equal(put(&shelf, "acme/bmc/1/b"), HM_OK);
    divide(&shelf);
    assert_true(hm_parts_is_divided(&shelf.parts));
    assert_int_equal(shelf.parts.count, 3);
    assert_int_equal(shelf.parts.items[0].next->target_count, 0);
    assert_int_equal(shelf.parts.items[0].next->delegations.role_count, 2);
    for (size_t i = 0; i < shelf.parts.count; i++)
        assert_true(shelf.parts.items[i].changed);
    assert_int_equal(shelf.loaded, 0);
    end(&shelf);
}

/* What is written passes the very rules that readers hold it to. */
static void test_seal__makes_what_readers_accept(void **state)
{
    struct hm_delegated_role role = {.name = HM_BYTES_LITERAL(ROLE)};
    struct shelf shelf;

    start(&shelf, 1);
    divide(&shelf);
    role.keys = shelf.maker.identity->keys;
    assert_int_equal(hm_targets_set_x_hallmark(shelf.parts.items[0].next,
                                               HM_BYTES_LITERAL("{\"site\":\"globex\"}"), NULL),
                     HM_OK);
    assert_int_equal(hm_partition_check(&role, shelf.parts.items[0].next, &shelf.err), HM_OK);
    role.keys.threshold = 1; /* the control: other keys than the role above are refused */
    assert_int_equal(hm_partition_check(&role, shelf.parts.items[0].next, &shelf.err), HM_EREFUSED);
    end(&shelf);
}

static void test_put__changes_the_product_alone(void **state)
{
    const struct hm_target *found;
    struct shelf shelf;

    start(&shelf, 1);
    divide(&shelf);
    for (size_t i = 1; i < shelf.parts.count; i++) /* as if they were written and opened again */
        hm_targets_free(shelf.parts.items[i].next);
    shelf.parts.count = 1;
    shelf.parts.items[0].changed = false;
    assert_int_equal(
        hm_parts_find(&shelf.parts, HM_BYTES_LITERAL("acme/nic/0.9/old"), &shelf.err, &found),
        HM_OK);
    assert_non_null(found);
    assert_int_equal(put(&shelf, "acme/nic/2/a"), HM_OK);
    assert_int_equal(shelf.loaded, 1);
    assert_false(shelf.parts.items[0].changed);
    assert_true(shelf.parts.items[1].changed);
    assert_int_equal(shelf.parts.items[1].next->document.version, 7);
    /* One that is new changes the role above too, and has nothing to go on from. */
    assert_int_equal(put(&shelf, "acme/raid/1/a"), HM_OK);
    assert_int_equal(shelf.loaded, 1);
    assert_true(shelf.parts.items[0].changed);
    assert_int_equal(shelf.parts.items[2].next->document.version, 0);
    end(&shelf);
}

static void test_parts__pass_failures_on(void **state)
{
    const struct hm_target *found = NULL;
    struct shelf shelf;

    start(&shelf, 1);
    divide(&shelf);
    hm_targets_free(shelf.parts.items[1].next);
    shelf.parts.count = 1;
    shelf.fails = HM_EIO;
    assert_int_equal(put(&shelf, "acme/nic/2/a"), HM_EIO);
    assert_int_equal(hm_parts_touch(&shelf.parts, &shelf.err), HM_EIO);
    assert_int_equal(
        hm_parts_find(&shelf.parts, HM_BYTES_LITERAL("acme/nic/2/a"), &shelf.err, &found), HM_EIO);
    shelf.fails = HM_OK;
    assert_int_equal(put(&shelf, "acme/nic"), HM_EFORMAT);
    assert_int_equal(hm_parts_find(&shelf.parts, HM_BYTES_LITERAL("acme//1/a"), &shelf.err, &found),
                     HM_EFORMAT);
    assert_null(found);
    assert_int_equal(hm_parts_touch(&shelf.parts, &shelf.err), HM_OK);
    assert_int_equal(shelf.parts.count, 2);
    end(&shelf);
}

/* ---- submissions ----------------------------------------------------------------------------- */

/* maker~acme that hands on bmc and nic, and what these list. */
struct divided {
    struct shelf shelf;
    struct hm_buf above, bmc, nic;
};

static void claim(struct divided *divided, struct hm_targets *targets, const char *product)
{
    const struct hm_identity *identity = divided->shelf.maker.identity;
    struct hm_claim said = {.site = "globex",
                            .maker = "acme",
                            .product = product,
                            .identity_version = identity->version,
                            .identity_sha256 = identity->sha256};
    struct hm_buf json = HM_BUF_INIT(4096);

    assert_int_equal(hm_claim_write(&said, NULL, &json), HM_OK);
    assert_int_equal(hm_targets_set_x_hallmark(targets, hm_buf_bytes(&json), NULL), HM_OK);
    hm_buf_done(&json);
}

static void sign_part(struct divided *divided, size_t index, const char *product,
                      const enum kit_key *keys, struct hm_buf *ret_raw)
{
    struct hm_targets *next = divided->shelf.parts.items[index].next;

    next->document.version = index == 0 ? 2 : 1;
    next->document.expires_unix_s = KIT_EXPIRES;
    claim(divided, next, product);
    hm_buf_clear(ret_raw);
    kit_targets(next, keys, keys == NULL ? 0 : 2, ret_raw);
}

static const enum kit_key right_keys[] = {KIT_ACME1, KIT_ACME2};
static const enum kit_key wrong_keys[] = {KIT_ACME1, KIT_EVIL};

static void divided_start(struct divided *divided)
{
    *divided = (struct divided){.above = BUF, .bmc = BUF, .nic = BUF};
    start(&divided->shelf, 1);
    kit_maker_put(divided->shelf.parts.items[0].next, "acme/bmc/1.0/a.rom", "hello", NULL);
    divide(&divided->shelf);
    assert_string_equal(divided->shelf.parts.items[1].product, "bmc");
    sign_part(divided, 0, NULL, right_keys, &divided->above);
    sign_part(divided, 1, "bmc", right_keys, &divided->bmc);
    sign_part(divided, 2, "nic", right_keys, &divided->nic);
}

static void divided_end(struct divided *divided)
{
    hm_buf_done(&divided->above);
    hm_buf_done(&divided->bmc);
    hm_buf_done(&divided->nic);
    end(&divided->shelf);
}

/* A submission of maker.json and the members named, in this order. */
static enum hm_rc read_members(struct divided *divided, const char *const *names,
                               const struct hm_buf *const *members, struct hm_submission **ret)
{
    static const char head[] = "{\"schema\":\"hallmark/submission/1\",\"site\":\"globex\","
                               "\"maker\":\"acme\",\"images\":0}";
    struct kit_archive archive;
    struct kit_source source;
    struct hm_ustar_reader reader;
    enum hm_rc rc;

    kit_archive_init(&archive);
    kit_archive_add(&archive, "submission.json", hm_bytes_str(head));
    kit_archive_add(&archive, "identity/1.identity", divided->shelf.maker.raw[0]);
    kit_archive_add(&archive, "maker.json", hm_buf_bytes(&divided->above));
    for (size_t i = 0; i < 2 && names[i] != NULL; i++)
        kit_archive_add(&archive, names[i], hm_buf_bytes(members[i]));
    kit_archive_end(&archive);
    kit_source_init(&source, hm_buf_bytes(&archive.bytes), &reader);
    rc = hm_submission_read(&reader, KIT_NOW, &divided->shelf.err, ret);
    kit_archive_done(&archive);
    return rc;
}

static void test_submission__brings_the_products_that_change(void **state)
{
    static const char *const names[] = {"maker/bmc.json", "maker/nic.json"};
    struct hm_submission *submission = NULL;
    struct divided divided;

    divided_start(&divided);
    assert_int_equal(read_members(&divided, names,
                                  (const struct hm_buf *[]){&divided.bmc, &divided.nic},
                                  &submission),
                     HM_OK);
    assert_int_equal(submission->product_count, 2);
    assert_int_equal(submission->content->target_count, 3);
    assert_true(hm_bytes_is_str(submission->content->targets[0].path, "acme/bmc/1.0/a.rom"));
    hm_submission_free(submission);
    submission = NULL;
    divided_end(&divided);
}

static void test_submission__refuses_products_that_do_not_fit(void **state)
{
    struct hm_submission *submission = NULL;
    struct divided divided;
    struct {
        const char *names[2];
        const struct hm_buf *members[2];
        enum hm_rc rc;
        const char *word;
    } cases[] = {
        {{"maker/bmc.json", NULL}, {&divided.bmc, NULL}, HM_OK, ""},
        {{"maker/nic.json", "maker/bmc.json"}, {&divided.nic, &divided.bmc}, HM_EFORMAT, "order"},
        {{"maker/nic.json", "maker/nic.json"}, {&divided.nic, &divided.nic}, HM_EFORMAT, "twice"},
        {{"maker/raid.json", NULL}, {&divided.nic, NULL}, HM_EFORMAT, "does not delegate"},
        {{"maker/bmc.json", NULL}, {&divided.nic, NULL}, HM_EREFUSED, "for product nic"},
        {{"maker/nic.json", NULL}, {&divided.above, NULL}, HM_EREFUSED, "delegates further"},
        {{"maker/nic", NULL}, {&divided.nic, NULL}, HM_EFORMAT, "no place"},
        {{"maker/.json", NULL}, {&divided.nic, NULL}, HM_EFORMAT, "no place"},
        {{"maker/NIC.json", NULL}, {&divided.nic, NULL}, HM_EFORMAT, "no product's name"},
    };

    divided_start(&divided);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        enum hm_rc rc = read_members(&divided, cases[i].names, cases[i].members, &submission);

        if (rc != cases[i].rc ||
            (rc != HM_OK && strstr(divided.shelf.err.text, cases[i].word) == NULL))
            fail_msg("case %zu: %s: %s", i, hm_error_name(rc), divided.shelf.err.text);
        hm_submission_free(submission);
        submission = NULL;
    }
    divided_end(&divided);
}

static void test_submission__refuses_a_product_that_is_bent(void **state)
{
    static const char *const names[] = {"maker/nic.json", NULL};
    struct hm_submission *submission = NULL;
    struct divided divided;
    const struct hm_buf *members[] = {&divided.nic, NULL};
    struct hm_targets *nic;

    divided_start(&divided);
    nic = divided.shelf.parts.items[2].next;
    sign_part(&divided, 2, "nic", wrong_keys, &divided.nic);
    assert_int_equal(read_members(&divided, names, members, &submission), HM_ESIGNATURE);
    sign_part(&divided, 2, NULL, right_keys, &divided.nic);
    assert_int_equal(read_members(&divided, names, members, &submission), HM_EREFUSED);
    sign_part(&divided, 2, "nic", right_keys, &divided.nic);
    nic->document.expires_unix_s = KIT_NOW;
    hm_buf_clear(&divided.nic);
    kit_targets(nic, right_keys, 2, &divided.nic);
    assert_int_equal(read_members(&divided, names, members, &submission), HM_EEXPIRED);
    kit_maker_put(nic, "acme/bmc/2.0/a.rom", "hello", NULL);
    sign_part(&divided, 2, "nic", right_keys, &divided.nic);
    assert_int_equal(read_members(&divided, names, members, &submission), HM_EREFUSED);
    assert_null(submission);
    divided_end(&divided);
}

/* ---- before a signer ------------------------------------------------------------------------- */

static enum hm_rc open_request(struct divided *divided, const struct hm_dir *memory,
                               const struct hm_buf *above, const struct hm_buf *bmc,
                               const struct hm_buf *nic, const struct hm_buf *current,
                               const char *const *words)
{
    static const char *const roles[] = {ROLE, ROLE "~bmc", ROLE "~nic"};
    const struct hm_buf *nexts[] = {above, bmc, nic};
    const struct hm_signer *signers[] = {kit_signer(KIT_ACME1)};
    struct hm_signing_config config = {
        .memory = memory, .signers = signers, .signer_count = 1, .now_unix_s = KIT_NOW};
    struct hm_request_document documents[3];
    struct hm_request head = {.site = "globex",
                              .maker = "acme",
                              .created_unix_s = KIT_NOW,
                              .reason = "test",
                              .documents = documents,
                              .identities = divided->shelf.maker.raw,
                              .identity_count = 1};
    struct hm_buf raw = HM_BUF_INIT(1 << 24);
    struct hm_request *request = NULL;
    struct hm_signing *signing = NULL;
    enum hm_rc rc;

    for (size_t i = 0; i < 3; i++) {
        struct hm_envelope *envelope = NULL;

        if (nexts[i] == NULL)
            continue;
        assert_int_equal(hm_envelope_parse(hm_buf_bytes(nexts[i]), NULL, &envelope), HM_OK);
        documents[head.document_count] = (struct hm_request_document){
            .role = roles[i],
            .version = i == 0 ? 2 : 1,
            .next = hm_buf_bytes(nexts[i]),
            .current = i == 0 ? hm_buf_bytes(current) : HM_BYTES_EMPTY};
        assert_int_equal(
            hm_digest_sha256(envelope->canonical, NULL, &documents[head.document_count++].sha256),
            HM_OK);
        hm_envelope_free(envelope);
    }
    assert_int_equal(hm_request_write(&head, NULL, &raw), HM_OK);
    assert_int_equal(hm_request_parse(hm_buf_bytes(&raw), NULL, &request), HM_OK);
    rc = hm_signing_open(request, &config, &divided->shelf.err, &signing);
    for (size_t i = 0; rc == HM_OK && words != NULL && words[i] != NULL; i++)
        if (strstr(hm_signing_text(signing), words[i]) == NULL)
            fail_msg("'%s' is not in: %s", words[i], hm_signing_text(signing));
    if (rc == HM_OK && words == NULL && hm_signing_has_warnings(signing))
        fail_msg("warned: %s", hm_signing_text(signing));
    hm_signing_free(signing);
    hm_request_free(request);
    hm_buf_done(&raw);
    return rc;
}

static void test_signing__loses_no_file_when_a_role_is_divided(void **state)
{
    static const char *const gone[] = {"WARNING: ", "a file is removed", "acme/nic/1.0/b.rom",
                                       NULL};
    const struct hm_dir *memory = tmpdir_of(state);
    struct hm_buf before = BUF;
    struct divided divided;
    struct hm_targets *nic;

    divided_start(&divided);
    kit_targets(divided.shelf.maker.targets, right_keys, 2, &before); /* lists two files of nic */
    assert_int_equal(
        open_request(&divided, memory, &divided.above, &divided.bmc, &divided.nic, &before, NULL),
        HM_OK);
    /* The role that would list them is not there to be looked at. */
    assert_int_equal(
        open_request(&divided, memory, &divided.above, &divided.bmc, NULL, &before, NULL),
        HM_EREFUSED);
    assert_non_null(strstr(divided.shelf.err.text, "acme/nic/1.0/a.rom"));
    /* Nothing of bmc was listed before. */
    assert_int_equal(
        open_request(&divided, memory, &divided.above, NULL, &divided.nic, &before, NULL), HM_OK);
    /* It is there, and lists one file less. */
    nic = divided.shelf.parts.items[2].next;
    assert_int_equal(nic->target_count, 2);
    nic->target_count = 1;
    sign_part(&divided, 2, "nic", NULL, &divided.nic);
    assert_int_equal(
        open_request(&divided, memory, &divided.above, &divided.bmc, &divided.nic, &before, gone),
        HM_OK);
    hm_buf_done(&before);
    divided_end(&divided);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_divide__not_up_to_the_limit),
        cmocka_unit_test(test_seal__makes_what_readers_accept),
        cmocka_unit_test(test_put__changes_the_product_alone),
        cmocka_unit_test(test_parts__pass_failures_on),
        cmocka_unit_test(test_submission__brings_the_products_that_change),
        cmocka_unit_test(test_submission__refuses_products_that_do_not_fit),
        cmocka_unit_test(test_submission__refuses_a_product_that_is_bent),
        cmocka_unit_test_setup_teardown(test_signing__loses_no_file_when_a_role_is_divided,
                                        tmpdir_setup, tmpdir_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
