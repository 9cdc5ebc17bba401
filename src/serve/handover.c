/* SPDX-License-Identifier: Apache-2.0 */
/* Packets between collector and the process of deliveries. See handover.h. */
#include "serve/handover.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/reader.h"

#define MAGIC         "hmC1"
#define FLAG_COMPLETE 1U
#define FLAG_OFFER    2U
#define FLAG_KNOWN    1U
#define FLAG_BEGUN    2U

/* --- reading --- */

static void take_digest(struct hm_rd *rd, struct hm_sha256 *ret_digest)
{
    struct hm_bytes bytes = hm_reader_take(rd, HM_SHA256_SIZE);

    if (bytes.size == HM_SHA256_SIZE)
        memcpy(ret_digest->bytes, bytes.data, HM_SHA256_SIZE);
}

static enum hm_rc take_transfer(struct hm_rd *rd, struct hm_err *err,
                                struct hm_transfer *ret_transfer)
{
    unsigned flags = hm_reader_u8(rd);
    uint64_t begin;
    size_t account_size;
    size_t path_size;
    size_t peer_size;

    ret_transfer->is_complete = (flags & FLAG_COMPLETE) != 0;
    ret_transfer->has_offer = (flags & FLAG_OFFER) != 0;
    ret_transfer->bytes = hm_reader_le64(rd);
    begin = hm_reader_le64(rd);
    take_digest(rd, &ret_transfer->image);
    take_digest(rd, &ret_transfer->offer);
    account_size = hm_reader_u8(rd);
    path_size = hm_reader_le16(rd);
    peer_size = hm_reader_u8(rd);
    ret_transfer->account = hm_reader_take(rd, account_size);
    ret_transfer->path = hm_reader_take(rd, path_size);
    ret_transfer->peer = hm_reader_take(rd, peer_size);
    if (hm_reader_failed(rd) || flags > (FLAG_COMPLETE | FLAG_OFFER) || begin > INT64_MAX)
        return hm_fail(err, HM_EFORMAT, "a packet of the collector's is cut short");
    ret_transfer->begin_unix_s = (int64_t)begin;
    return hm_transfer_check(ret_transfer, err);
}

static enum hm_rc take_head(struct hm_rd *rd, struct hm_err *err, struct hm_handover *handover,
                            uint32_t *ret_number)
{
    struct hm_bytes magic = hm_reader_take(rd, strlen(MAGIC));
    unsigned kind = hm_reader_u8(rd);

    handover->id = hm_reader_le64(rd);
    take_digest(rd, &handover->source);
    handover->from = hm_reader_le64(rd);
    handover->to = hm_reader_le64(rd);
    *ret_number = hm_reader_le32(rd);
    handover->count = hm_reader_le16(rd);
    if (hm_reader_failed(rd) || !hm_bytes_is_str(magic, MAGIC) || kind < HM_HANDOVER_ASK ||
        kind > HM_HANDOVER_CATCH_UP || handover->from > INT64_MAX || handover->to > INT64_MAX)
        return hm_fail(err, HM_EFORMAT, "a packet is none of the collector's");
    handover->kind = (enum hm_handover_kind)kind;
    if (handover->count > (handover->kind == HM_HANDOVER_BATCH ? HM_HANDOVER_TRANSFERS_MAX : 0))
        return hm_fail(err, HM_EFORMAT, "a packet of the collector's has too many transfers");
    return HM_OK;
}

enum hm_rc hm_handover_parse(struct hm_bytes raw, struct hm_arena *arena, struct hm_err *err,
                             struct hm_handover *ret_handover)
{
    struct hm_handover handover = {.count = 0};
    struct hm_transfer *transfers;
    struct hm_rd rd = hm_reader_make(raw);
    uint32_t number = 0;

    HM_TRY(take_head(&rd, err, &handover, &number));
    if (handover.kind == HM_HANDOVER_POSITION) {
        handover.is_known = (number & FLAG_KNOWN) != 0;
        handover.is_begun = (number & FLAG_BEGUN) != 0;
    } else {
        handover.unread = number;
    }
    transfers = hm_arena_alloc(arena, handover.count, sizeof(*transfers));
    if (transfers == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < handover.count; i++)
        HM_TRY(take_transfer(&rd, err, &transfers[i]));
    if (hm_reader_left(&rd) != 0)
        return hm_fail(err, HM_EFORMAT, "a packet of the collector's has bytes left");
    handover.transfers = transfers;
    *ret_handover = handover;
    return HM_OK;
}

/* --- writing --- */

static enum hm_rc put(struct hm_buf *raw, uint64_t number, size_t size, struct hm_err *err)
{
    for (size_t i = 0; i < size; i++, number >>= 8)
        HM_TRY(hm_buf_append_byte(raw, (uint8_t)(number & 0xff), err));
    return HM_OK;
}

static enum hm_rc put_transfer(struct hm_buf *raw, const struct hm_transfer *transfer,
                               struct hm_err *err)
{
    HM_TRY(hm_transfer_check(transfer, err));
    HM_TRY(put(raw,
               (transfer->is_complete ? FLAG_COMPLETE : 0) | (transfer->has_offer ? FLAG_OFFER : 0),
               1, err));
    HM_TRY(put(raw, transfer->bytes, 8, err));
    HM_TRY(put(raw, (uint64_t)transfer->begin_unix_s, 8, err));
    HM_TRY(hm_buf_append(raw, hm_bytes_make(transfer->image.bytes, HM_SHA256_SIZE), err));
    HM_TRY(hm_buf_append(raw, hm_bytes_make(transfer->offer.bytes, HM_SHA256_SIZE), err));
    HM_TRY(put(raw, transfer->account.size, 1, err));
    HM_TRY(put(raw, transfer->path.size, 2, err));
    HM_TRY(put(raw, transfer->peer.size, 1, err));
    HM_TRY(hm_buf_append(raw, transfer->account, err));
    HM_TRY(hm_buf_append(raw, transfer->path, err));
    return hm_buf_append(raw, transfer->peer, err);
}

enum hm_rc hm_handover_write(const struct hm_handover *handover, struct hm_err *err,
                             struct hm_buf *ret_raw)
{
    uint64_t number = handover->unread;

    if (handover->kind == HM_HANDOVER_POSITION)
        number = (handover->is_known ? FLAG_KNOWN : 0) | (handover->is_begun ? FLAG_BEGUN : 0);
    HM_TRY(hm_buf_append_str(ret_raw, MAGIC, err));
    HM_TRY(put(ret_raw, (uint64_t)handover->kind, 1, err));
    HM_TRY(put(ret_raw, handover->id, 8, err));
    HM_TRY(hm_buf_append(ret_raw, hm_bytes_make(handover->source.bytes, HM_SHA256_SIZE), err));
    HM_TRY(put(ret_raw, handover->from, 8, err));
    HM_TRY(put(ret_raw, handover->to, 8, err));
    HM_TRY(put(ret_raw, number, 4, err));
    HM_TRY(put(ret_raw, handover->count, 2, err));
    for (size_t i = 0; i < handover->count; i++)
        HM_TRY(put_transfer(ret_raw, &handover->transfers[i], err));
    return HM_OK;
}

/* --- the socket --- */

enum hm_rc hm_handover_pair(struct hm_err *err, int ret_fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) != 0)
        return hm_fail(err, HM_EINTERNAL, "no sockets can be made: %s", strerror(errno));
    return HM_OK;
}

enum hm_rc hm_handover_send(int fd, const struct hm_handover *handover, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    ssize_t sent;

    HM_TRY(hm_handover_write(handover, err, &raw));
    do
        sent = send(fd, raw.data, raw.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)raw.size)
        return HM_OK;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return hm_fail(err, HM_EBUSY, "the other side takes no packets");
    return hm_error_errno(err, errno, "a packet cannot be sent");
}

enum hm_rc hm_handover_receive(int fd, struct hm_arena *arena, struct hm_err *err,
                               struct hm_buf *ret_raw, struct hm_handover *ret_handover)
{
    ssize_t got;

    hm_buf_clear(ret_raw);
    HM_TRY(hm_buf_reserve(ret_raw, HM_HANDOVER_SIZE_MAX, err));
    do
        got = recv(fd, ret_raw->data, HM_HANDOVER_SIZE_MAX, MSG_DONTWAIT | MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return hm_fail(err, HM_EAGAIN, "no packet is there");
    if (got < 0)
        return hm_error_errno(err, errno, "a packet cannot be received");
    if (got > HM_HANDOVER_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a packet is too long");
    ret_raw->size = (size_t)got;
    return hm_handover_parse(hm_buf_bytes(ret_raw), arena, err, ret_handover);
}
