/* SPDX-License-Identifier: Apache-2.0 */
/* serve/handover: packets are read as they were written, and nothing else is read. */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "serve/handover.h"

static struct hm_transfer make_transfer(void)
{
    struct hm_transfer transfer = {.account = HM_BYTES_LITERAL("dc1"),
                                   .path = HM_BYTES_LITERAL("acme/nic/1.0/nic.bin"),
                                   .peer = HM_BYTES_LITERAL("192.0.2.7"),
                                   .has_offer = true,
                                   .is_complete = true,
                                   .bytes = 300000,
                                   .begin_unix_s = 1795525200};

    memset(transfer.image.bytes, 1, HM_SHA256_SIZE);
    memset(transfer.offer.bytes, 2, HM_SHA256_SIZE);
    return transfer;
}

static void write_batch(struct hm_buf *raw, size_t count)
{
    static struct hm_transfer transfers[HM_HANDOVER_TRANSFERS_MAX + 1];
    const struct hm_handover handover = {.kind = HM_HANDOVER_BATCH,
                                         .id = 7,
                                         .from = 100,
                                         .to = 900,
                                         .unread = 1,
                                         .transfers = transfers,
                                         .count = count};

    for (size_t i = 0; i < count; i++)
        transfers[i] = make_transfer();
    assert_int_equal(hm_handover_write(&handover, NULL, raw), HM_OK);
}

static void test_parse__reads_what_was_written(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    struct hm_handover handover;

    write_batch(&raw, HM_HANDOVER_TRANSFERS_MAX);
    assert_int_equal(hm_handover_parse(hm_buf_bytes(&raw), &arena, NULL, &handover), HM_OK);
    assert_int_equal(handover.count, HM_HANDOVER_TRANSFERS_MAX);
    assert_int_equal(handover.from + handover.to + handover.id + handover.unread, 1008);
    assert_true(handover.transfers[127].has_offer && handover.transfers[127].is_complete);
    assert_true(hm_bytes_is_str(handover.transfers[127].path, "acme/nic/1.0/nic.bin"));
    assert_int_equal(handover.transfers[127].offer.bytes[31], 2);
}

static void test_parse__refuses_what_is_cut_or_changed(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    static const struct {
        size_t offset;
        uint8_t value;
    } changes[] = {
        {0, 'x'},   /* magic */
        {4, 0},     /* kind */
        {4, 7},     /* kind */
        {4, 1},     /* a question with transfers */
        {52, 0x80}, /* from beyond INT64_MAX */
        {65, 3},    /* one transfer more than there are */
        {65, 1},    /* one less */
        {66, 1},    /* far too many */
        {67, 4},    /* flags */
        {75, 0x80}, /* bytes */
        {83, 0x80}, /* begin */
        {148, 255}, /* account's size */
    };
    struct hm_handover handover;

    write_batch(&raw, 2);
    for (size_t size = 0; size < raw.size; size++)
        assert_int_equal(hm_handover_parse(hm_bytes_make(raw.data, size), &arena, NULL, &handover),
                         HM_EFORMAT);
    for (size_t i = 0; i < HM_ARRAY_COUNT(changes); i++) {
        uint8_t before = raw.data[changes[i].offset];

        raw.data[changes[i].offset] = changes[i].value;
        if (hm_handover_parse(hm_buf_bytes(&raw), &arena, NULL, &handover) != HM_EFORMAT)
            fail_msg("change %zu is taken", i);
        raw.data[changes[i].offset] = before;
    }
    assert_int_equal(hm_buf_append_byte(&raw, 0, NULL), HM_OK);
    assert_int_equal(hm_handover_parse(hm_buf_bytes(&raw), &arena, NULL, &handover), HM_EFORMAT);
}

static void test_write__refuses_a_transfer_that_is_none(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    struct hm_transfer transfer = make_transfer();
    const struct hm_handover handover = {
        .kind = HM_HANDOVER_BATCH, .transfers = &transfer, .count = 1};

    transfer.path = HM_BYTES_LITERAL("acme/nic");
    assert_int_equal(hm_handover_write(&handover, NULL, &raw), HM_EFORMAT);
}

static void test_receive__takes_packets_one_by_one(void **state)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    struct hm_transfer transfers[2] = {make_transfer(), make_transfer()};
    struct hm_handover handover = {.kind = HM_HANDOVER_BATCH, .transfers = transfers, .count = 2};
    int fds[2] = {-1, -1};
    size_t sent = 0;

    assert_int_equal(hm_handover_pair(NULL, fds), HM_OK);
    assert_int_equal(hm_handover_receive(fds[1], &arena, NULL, &raw, &handover), HM_EAGAIN);
    /* Nobody reads: it is told at some time, and blocks nobody. */
    while (hm_handover_send(fds[0], &handover, NULL) == HM_OK)
        sent++;
    assert_int_equal(hm_handover_send(fds[0], &handover, NULL), HM_EBUSY);
    assert_int_equal(send(fds[1], "nonsense", 8, 0), 8);
    assert_int_equal(hm_handover_receive(fds[0], &arena, NULL, &raw, &handover), HM_EFORMAT);
    for (size_t i = 0; i < sent; i++) {
        assert_int_equal(hm_handover_receive(fds[1], &arena, NULL, &raw, &handover), HM_OK);
        assert_int_equal(handover.count, 2);
    }
    assert_int_equal(hm_handover_receive(fds[1], &arena, NULL, &raw, &handover), HM_EAGAIN);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__reads_what_was_written),
        cmocka_unit_test(test_parse__refuses_what_is_cut_or_changed),
        cmocka_unit_test(test_write__refuses_a_transfer_that_is_none),
        cmocka_unit_test(test_receive__takes_packets_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
