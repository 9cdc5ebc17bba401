/* SPDX-License-Identifier: Apache-2.0 */
/* customer/delivery_order, delivery_store and delivery_key: what stands on this machine's disk. */
#include "unit.h"

#include "base/file.h"
#include "customer/delivery_key.h"
#include "customer/delivery_order.h"
#include "customer/delivery_store.h"
#include "tmpdir.h"

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE  "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO  "2222222222222222222222222222222222222222222222222222222222222222"
#define HEAD "hallmark/delivery-order v1\n"

static const char pending[] = HEAD "last 3 4 " TWO "\nknown 3 2 " ONE "\npending answer " ONE
                                   " " TWO "\n| a text\n|\n| - x y\n";

static enum hm_rc parse(const char *text, struct hm_delivery_order *ret_order)
{
    return hm_delivery_order_parse(hm_bytes_str(text), NULL, ret_order);
}

static void test_order__is_read_as_it_was_written(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_delivery_order_done) struct hm_delivery_order order = HM_DELIVERY_ORDER_INIT;
    _hm_done_(hm_delivery_order_done) struct hm_delivery_order again = HM_DELIVERY_ORDER_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(65536);

    assert_int_equal(hm_delivery_order_read(tmp, NULL, &again), HM_ENOTFOUND);
    assert_int_equal(parse(pending, &order), HM_OK);
    assert_int_equal(order.last.epoch, 3);
    assert_int_equal(order.known.counter, 2);
    assert_int_equal(order.kind, HM_DELIVERY_PART_ANSWER);
    assert_true(hm_bytes_is_str(order.note, "a text\n\n- x y\n"));
    assert_int_equal(hm_delivery_order_write(&order, tmp, NULL), HM_OK);
    assert_int_equal(hm_dir_read(tmp, "order", NULL, &raw), HM_OK);
    assert_string_equal(hm_buf_str(&raw), pending);
    assert_int_equal(hm_delivery_order_read(tmp, NULL, &again), HM_OK);
}

static void test_order__of_another_form_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "hallmark/delivery-order v2\nlast 1 1 " ONE "\nknown 0 0 " ZERO "\n",
        HEAD,
        HEAD "last 1 1 " ONE "\n",
        HEAD "known 0 0 " ZERO "\nlast 1 1 " ONE "\n",
        HEAD "last 1 0 " ONE "\nknown 0 0 " ZERO "\n",
        HEAD "last 0 1 " ONE "\nknown 0 0 " ZERO "\n",
        HEAD "last 0 0 " ONE "\nknown 0 0 " ZERO "\n",
        HEAD "last 01 1 " ONE "\nknown 0 0 " ZERO "\n",
        HEAD "last 1 1 " ONE "\nknown 0 0 " ZERO,
        HEAD "last 1 1 " ONE "\nknown 0 0 " ZERO "\nmore\n",
        HEAD "last 1 1 " ONE "\nknown 0 0 " ZERO "\npending receipt " ONE " " ONE "\n| x\n",
        HEAD "last 1 1 " ONE "\nknown 0 0 " ZERO "\npending request " ONE " " ONE "\n",
        HEAD "last 1 1 " ONE "\nknown 0 0 " ZERO "\npending request " ONE " " ONE "\n| x\nmore\n",
        HEAD "last 0 0 " ZERO "\nknown 0 0 " ZERO "\npending request " ONE " " ONE "\n| x\n",
    };
    struct hm_delivery_order order = HM_DELIVERY_ORDER_INIT;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        if (parse(bad[i], &order) != HM_EFORMAT)
            fail_msg("case %zu is taken", i);
}

static void test_next__is_one_behind_the_last(void **state)
{
    _hm_done_(hm_delivery_order_done) struct hm_delivery_order order = HM_DELIVERY_ORDER_INIT;
    struct hm_statement_event event = hm_delivery_order_next(&order);
    static const struct hm_sha256 zero = {{0}};

    assert_int_equal(event.epoch, 1);
    assert_int_equal(event.counter, 1);
    assert_true(hm_digest_is_equal(&event.previous, &zero));
    assert_int_equal(parse(pending, &order), HM_OK);
    event = hm_delivery_order_next(&order);
    assert_int_equal(event.epoch, 3);
    assert_int_equal(event.counter, 5);
    assert_true(hm_digest_is_equal(&event.previous, &order.last.hash));
}

static void test_head__goes_on_in_the_next_epoch_or_is_refused(void **state)
{
    static const struct {
        uint64_t epoch, counter;
        uint8_t hash; /* 0x11: as known */
        enum hm_rc check, follow;
    } cases[] = {
        {3, 2, 0x11, HM_OK, HM_OK},
        {3, 3, 0x33, HM_OK, HM_OK}, /* one that this machine does not remember */
        {7, 9, 0x33, HM_OK, HM_OK},
        {3, 2, 0x33, HM_EREFUSED, HM_OK},
        {3, 1, 0x33, HM_EROLLBACK, HM_OK},
        {2, 9, 0x33, HM_EROLLBACK, HM_EAGAIN},
        {0, 0, 0x00, HM_EROLLBACK, HM_EAGAIN},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_delivery_order_done) struct hm_delivery_order order = HM_DELIVERY_ORDER_INIT;
        struct hm_delivery_place head = {cases[i].epoch, cases[i].counter, {{0}}};
        struct hm_statement_event event;

        memset(head.hash.bytes, cases[i].hash, HM_SHA256_SIZE);
        assert_int_equal(parse(pending, &order), HM_OK);
        assert_int_equal(hm_delivery_order_check_head(&order, &head, NULL), cases[i].check);
        assert_int_equal(hm_delivery_order_follow(&order, &head, NULL), cases[i].follow);
        if (cases[i].follow != HM_OK)
            continue;
        event = hm_delivery_order_next(&order);
        assert_int_equal(event.epoch, cases[i].epoch + 1);
        assert_int_equal(event.counter, 1);
        assert_true(hm_digest_is_equal(&event.previous, &head.hash));
    }
}

static void test_follow__begins_where_nothing_was_signed(void **state)
{
    struct hm_delivery_order order = HM_DELIVERY_ORDER_INIT;
    struct hm_delivery_place none = {0};

    assert_int_equal(hm_delivery_order_follow(&order, &none, NULL), HM_OK);
    assert_int_equal(hm_delivery_order_next(&order).epoch, 1);
    /* This machine signed, and the site knows nothing of it. */
    order.last = (struct hm_delivery_place){1, 1, {{1}}};
    assert_int_equal(hm_delivery_order_follow(&order, &none, NULL), HM_EAGAIN);
}

/* ---- key ---- */

static struct hm_signer *site_signer;
static struct hm_note_key *site_key;

static int set_up_site(void **state)
{
    assert_int_equal(hm_signer_generate("ed25519", NULL, &site_signer), HM_OK);
    assert_int_equal(hm_note_key_make("globex.example", HM_NOTE_ED25519, hm_signer_key(site_signer),
                                      NULL, &site_key),
                     HM_OK);
    return 0;
}

static int tear_down_site(void **state)
{
    hm_note_key_free(site_key);
    hm_signer_free(site_signer);
    return 0;
}

static struct hm_delivery_owner owner_of(const char *account)
{
    return (struct hm_delivery_owner){"globex", account, site_key, 1795000000};
}

/* The site's answer to the key's note. */
static void countersign(const struct hm_delivery_key *key, struct hm_buf *ret_note)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;

    assert_int_equal(hm_note_parse(hm_buf_bytes(&key->note), NULL, &note), HM_OK);
    assert_int_equal(hm_delivery_key_write(key, NULL, ret_note), HM_OK);
    assert_int_equal(hm_note_sign(note->text, site_key, site_signer, 0, NULL, ret_note), HM_OK);
}

static void test_key__is_made_once_and_enrolled(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_delivery_owner owner = owner_of("initrode");
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key key = HM_DELIVERY_KEY_INIT;
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key again = HM_DELIVERY_KEY_INIT;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX);

    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &key), HM_OK);
    assert_true(key.is_made && !key.is_enrolled);
    assert_memory_equal(key.key->name, "initrode/", 9);
    countersign(&key, &note);
    assert_int_equal(hm_delivery_key_enrol(&key, tmp, &owner, hm_buf_bytes(&key.note), NULL),
                     HM_ESIGNATURE);
    assert_int_equal(hm_delivery_key_enrol(&key, tmp, &owner, hm_buf_bytes(&note), NULL), HM_OK);
    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &again), HM_OK);
    assert_true(again.is_enrolled && !again.is_made);
    assert_true(hm_note_key_is_same(again.key, key.key));
}

static void test_key__without_its_note_is_not_lost(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_delivery_owner owner = owner_of("initrode");
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key key = HM_DELIVERY_KEY_INIT;
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key again = HM_DELIVERY_KEY_INIT;

    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &key), HM_OK);
    assert_int_equal(hm_dir_remove(tmp, HM_DELIVERY_KEY_NOTE, NULL), HM_OK);
    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &again), HM_OK);
    assert_true(hm_note_key_is_same(again.key, key.key));
}

static void test_key__of_another_account_is_put_aside(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_delivery_owner owner = owner_of("initrode"), other = owner_of("hooli");
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key key = HM_DELIVERY_KEY_INIT;
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key again = HM_DELIVERY_KEY_INIT;
    _hm_done_(hm_delivery_order_done) struct hm_delivery_order order = HM_DELIVERY_ORDER_INIT;

    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &key), HM_OK);
    assert_int_equal(parse(pending, &order), HM_OK);
    assert_int_equal(hm_delivery_order_write(&order, tmp, NULL), HM_OK);
    assert_int_equal(hm_delivery_key_open(tmp, &other, NULL, &again), HM_OK);
    assert_false(hm_note_key_is_same_key(again.key, key.key));
    assert_true(hm_dir_has(tmp, "old/1/key.pem"));
    assert_true(hm_dir_has(tmp, "old/1/order"));
    assert_false(hm_dir_has(tmp, "order"));
}

static void test_key__with_another_s_note_is_refused(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_delivery_owner owner = owner_of("initrode");
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key key = HM_DELIVERY_KEY_INIT;
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key other = HM_DELIVERY_KEY_INIT;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    assert_int_equal(hm_dir_open_at(tmp, "other", true, NULL, &dir), HM_OK);
    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &key), HM_OK);
    assert_int_equal(hm_delivery_key_open(&dir, &owner, NULL, &other), HM_OK);
    assert_int_equal(
        hm_file_replace(tmp, HM_DELIVERY_KEY_NOTE, 0600, hm_buf_bytes(&other.note), NULL), HM_OK);
    hm_delivery_key_done(&key);
    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &key), HM_EFORMAT);
    assert_int_equal(hm_delivery_key_enrol(&other, &dir, &owner, hm_bytes_str("nothing"), NULL),
                     HM_EFORMAT);
}

static void test_account__is_what_stands_before_number_and_secret(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char *account = NULL;

    assert_int_equal(hm_delivery_key_account("initrode.1.s", &arena, NULL, &account), HM_OK);
    assert_string_equal(account, "initrode");
    assert_int_equal(hm_delivery_key_account("a.b.12.s", &arena, NULL, &account), HM_OK);
    assert_string_equal(account, "a.b");
    assert_int_equal(hm_delivery_key_account("initrode.s", &arena, NULL, &account), HM_EFORMAT);
    assert_int_equal(hm_delivery_key_account(".1.s", &arena, NULL, &account), HM_EFORMAT);
    assert_int_equal(hm_delivery_key_account("secret", &arena, NULL, &account), HM_EFORMAT);
}

/* ---- store ---- */

static void test_store__finds_what_it_put_and_moved(void **state)
{
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file again = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_key_done) struct hm_delivery_key key = HM_DELIVERY_KEY_INIT;
    struct hm_delivery_owner owner = owner_of("initrode");
    struct hm_sha256 slot, other, image = {{1}}, *names = NULL;
    size_t count = 0;

    assert_int_equal(hm_delivery_store_slot(hm_bytes_str("a/b/c/d"), &image, NULL, &slot), HM_OK);
    image.bytes[0] = 2;
    assert_int_equal(hm_delivery_store_slot(hm_bytes_str("a/b/c/d"), &image, NULL, &other), HM_OK);
    assert_false(hm_digest_is_equal(&slot, &other));
    assert_int_equal(hm_delivery_store_list(tmp, HM_DELIVERY_OPEN, &arena, NULL, &names, &count),
                     HM_OK);
    assert_int_equal(count, 0);
    assert_int_equal(hm_delivery_key_open(tmp, &owner, NULL, &key), HM_OK);
    assert_int_equal(
        hm_delivery_file_put(&file, HM_DELIVERY_PART_KEY, hm_buf_bytes(&key.note), NULL), HM_OK);
    assert_int_equal(hm_delivery_store_write(tmp, HM_DELIVERY_OPEN, &slot, &file, NULL), HM_OK);
    assert_true(hm_delivery_store_has(tmp, HM_DELIVERY_OPEN, &slot));
    assert_int_equal(
        hm_delivery_store_move(tmp, HM_DELIVERY_OPEN, &slot, HM_DELIVERY_NEW, &other, NULL), HM_OK);
    assert_int_equal(hm_delivery_store_read(tmp, HM_DELIVERY_OPEN, &slot, NULL, &again),
                     HM_ENOTFOUND);
    assert_int_equal(
        hm_delivery_store_move(tmp, HM_DELIVERY_NEW, &other, HM_DELIVERY_CLOSED, &other, NULL),
        HM_OK);
    /* key.pem and whatever else lies there is no delivery. */
    assert_int_equal(hm_delivery_store_list(tmp, HM_DELIVERY_CLOSED, &arena, NULL, &names, &count),
                     HM_OK);
    assert_int_equal(count, 1);
    assert_true(hm_digest_is_equal(&names[0], &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        tmpdir_test(test_order__is_read_as_it_was_written),
        cmocka_unit_test(test_order__of_another_form_is_refused),
        cmocka_unit_test(test_next__is_one_behind_the_last),
        cmocka_unit_test(test_head__goes_on_in_the_next_epoch_or_is_refused),
        cmocka_unit_test(test_follow__begins_where_nothing_was_signed),
        tmpdir_test(test_key__is_made_once_and_enrolled),
        tmpdir_test(test_key__without_its_note_is_not_lost),
        tmpdir_test(test_key__of_another_account_is_put_aside),
        tmpdir_test(test_key__with_another_s_note_is_refused),
        cmocka_unit_test(test_account__is_what_stands_before_number_and_secret),
        tmpdir_test(test_store__finds_what_it_put_and_moved),
    };

    return cmocka_run_group_tests(tests, set_up_site, tear_down_site);
}
