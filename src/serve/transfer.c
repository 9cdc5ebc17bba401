/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of servers' logs. See transfer.h. */
#include "serve/transfer.h"

#include "base/json.h"
#include "base/num.h"

#define IMAGE_PREFIX "/-/image/" /* where nginx sends images from, once that was decided */
#define PARTS        4
#define PEER_CHARS   "0123456789abcdefABCDEF.:unix" /* "unix:" is one too */

/* A line of nginx's, as its members stand. */
struct line {
    struct hm_bytes time, seconds, peer, customer, method, path, delivery, complete;
    int64_t status, bytes;
};

/* --- what all have in common --- */

static bool is_path(struct hm_bytes path)
{
    size_t count = 0;

    if (path.size == 0 || path.size > HM_TRANSFER_PATH_SIZE_MAX)
        return false;
    for (size_t begin = 0; begin <= path.size; count++) {
        const uint8_t *slash = memchr(path.data + begin, '/', path.size - begin);
        size_t end = slash == NULL ? path.size : (size_t)(slash - path.data);
        struct hm_bytes part = hm_bytes_make(path.data + begin, end - begin);

        if (count == PARTS - 1 ? !hm_text_is_file_name(part) : !hm_text_is_name(part))
            return false;
        begin = end + 1;
    }
    return count == PARTS;
}

static bool is_peer(struct hm_bytes peer)
{
    if (peer.size > HM_TRANSFER_PEER_SIZE_MAX)
        return false;
    for (size_t i = 0; i < peer.size; i++)
        if (memchr(PEER_CHARS, peer.data[i], sizeof(PEER_CHARS) - 1) == NULL)
            return false;
    return true;
}

enum hm_rc hm_transfer_check(const struct hm_transfer *transfer, struct hm_err *err)
{
    if (transfer->account.size != 0 && !hm_token_is_account_name(transfer->account))
        return hm_fail(err, HM_EFORMAT, "the customer of a transfer is no name");
    if (!is_path(transfer->path))
        return hm_fail(err, HM_EFORMAT, "the path of a transfer is no image's");
    if (!is_peer(transfer->peer))
        return hm_fail(err, HM_EFORMAT, "the peer of a transfer is no address");
    if (transfer->bytes > INT64_MAX)
        return hm_fail(err, HM_EFORMAT, "the bytes of a transfer are too many");
    if (transfer->begin_unix_s < 0 || transfer->begin_unix_s > HM_TRANSFER_TIME_MAX)
        return hm_fail(err, HM_EFORMAT, "the time of a transfer is none");
    return HM_OK;
}

/* --- nginx --- */

static enum hm_rc read_line(struct hm_bytes text, struct hm_arena *arena, struct hm_err *err,
                            struct line *ret_line, unsigned *ret_seen)
{
    const struct {
        const char *name;
        struct hm_bytes *text;
        int64_t *number;
    } members[] = {
        {"time", &ret_line->time, NULL},         {"seconds", &ret_line->seconds, NULL},
        {"peer", &ret_line->peer, NULL},         {"customer", &ret_line->customer, NULL},
        {"method", &ret_line->method, NULL},     {"path", &ret_line->path, NULL},
        {"delivery", &ret_line->delivery, NULL}, {"status", NULL, &ret_line->status},
        {"bytes", NULL, &ret_line->bytes},       {"complete", &ret_line->complete, NULL},
    };
    struct hm_bytes key;
    struct hm_json json;
    bool more;

    hm_json_init(&json, text, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        size_t i = 0;

        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        while (i < HM_ARRAY_COUNT(members) && !hm_bytes_is_str(key, members[i].name))
            i++;
        if (i == HM_ARRAY_COUNT(members))
            return hm_fail(err, HM_EFORMAT, "a transfer has a member that is unknown");
        HM_TRY(members[i].text != NULL ? hm_json_string(&json, err, members[i].text)
                                       : hm_json_int(&json, err, members[i].number));
        *ret_seen |= 1U << i;
    }
    HM_TRY(hm_json_end(&json, err));
    return *ret_seen + 1 == 1U << HM_ARRAY_COUNT(members)
               ? HM_OK
               : hm_fail(err, HM_EFORMAT, "a transfer lacks a member");
}

/* "SECONDS.MILLISECONDS" */
static enum hm_rc parse_ms(struct hm_bytes text, struct hm_err *err, uint64_t *ret_ms)
{
    const uint8_t *dot = text.size == 0 ? NULL : memchr(text.data, '.', text.size);
    size_t size = dot == NULL ? 0 : (size_t)(dot - text.data);
    uint64_t seconds = 0;
    uint64_t ms = 0;

    if (dot == NULL || text.size - size != 4 ||
        hm_num_parse_u64((const char *)text.data, size, &seconds) != HM_OK ||
        seconds > HM_TRANSFER_TIME_MAX)
        return hm_fail(err, HM_EFORMAT, "a transfer's time is no SECONDS.MILLISECONDS");
    for (size_t i = size + 1; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return hm_fail(err, HM_EFORMAT, "a transfer's time is no SECONDS.MILLISECONDS");
        ms = 10 * ms + (uint64_t)(text.data[i] - '0');
    }
    *ret_ms = 1000 * seconds + ms;
    return HM_OK;
}

static enum hm_rc take_times(const struct line *line, struct hm_err *err,
                             struct hm_transfer *transfer)
{
    uint64_t end_ms = 0;
    uint64_t took_ms = 0;

    HM_TRY(parse_ms(line->time, err, &end_ms));
    HM_TRY(parse_ms(line->seconds, err, &took_ms));
    if (end_ms / 1000 < HM_TRANSFER_TIME_MIN || took_ms > end_ms)
        return hm_fail(err, HM_EFORMAT, "a transfer's time is none");
    transfer->begin_unix_s = (int64_t)((end_ms - took_ms) / 1000);
    return HM_OK;
}

/* Only 64 hexadecimal digits in lower case are one; nginx lets nothing else through. */
static enum hm_rc take_offer(const struct line *line, struct hm_err *err,
                             struct hm_transfer *transfer)
{
    if (line->delivery.size == 0)
        return HM_OK;
    if (hm_text_unhex(line->delivery, transfer->offer.bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "a transfer's delivery is no digest");
    transfer->has_offer = true;
    return HM_OK;
}

/* "ID/PRODUCT/VERSION/HASH.FILE" as the site's tree has it; the path without the digest. */
static enum hm_rc take_file(struct hm_bytes file, struct hm_arena *arena, struct hm_err *err,
                            struct hm_transfer *transfer)
{
    const uint8_t *slash = file.size == 0 ? NULL : memrchr(file.data, '/', file.size);
    size_t folder = slash == NULL ? 0 : (size_t)(slash - file.data) + 1;
    const size_t hex = 2 * (size_t)HM_SHA256_SIZE;
    char *path;

    if (folder == 0 || file.size > HM_TRANSFER_PATH_SIZE_MAX + hex + 1 ||
        file.size - folder <= hex + 1 || file.data[folder + hex] != '.' ||
        hm_text_unhex(hm_bytes_make(file.data + folder, hex), transfer->image.bytes,
                      HM_SHA256_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "the file of a transfer has no digest in its name");
    path = hm_arena_alloc(arena, file.size - hex, 1);
    if (path == NULL)
        return hm_error_nomem(err);
    memcpy(path, file.data, folder);
    memcpy(path + folder, file.data + folder + hex + 1, file.size - folder - hex - 1);
    transfer->path = hm_bytes_make(path, file.size - hex - 1);
    return HM_OK;
}

enum hm_rc hm_transfer_parse_nginx(struct hm_bytes text, struct hm_arena *arena, struct hm_err *err,
                                   struct hm_transfer *ret_transfer, bool *ret_is_image)
{
    static const struct hm_bytes prefix = {(const uint8_t *)IMAGE_PREFIX, sizeof(IMAGE_PREFIX) - 1};
    struct hm_transfer transfer = {.has_offer = false};
    struct line line = {.status = 0};
    unsigned seen = 0;

    if (text.size > HM_TRANSFER_LINE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a transfer's line is too long");
    HM_TRY(read_line(text, arena, err, &line, &seen));
    if (line.status < 100 || line.status > 999 || line.bytes < 0)
        return hm_fail(err, HM_EFORMAT, "a transfer's status or bytes are none");
    if (line.complete.size != 0 && !hm_bytes_is_str(line.complete, "OK"))
        return hm_fail(err, HM_EFORMAT, "a transfer is complete, or it is not");
    HM_TRY(take_times(&line, err, &transfer));
    HM_TRY(take_offer(&line, err, &transfer));
    *ret_is_image = hm_bytes_is_str(line.method, "GET") &&
                    (line.status == 200 || line.status == 206) &&
                    hm_bytes_has_prefix(line.path, prefix);
    if (!*ret_is_image)
        return HM_OK;
    transfer.account = line.customer;
    HM_TRY(take_file(hm_bytes_make(line.path.data + prefix.size, line.path.size - prefix.size),
                     arena, err, &transfer));
    transfer.peer = line.peer;
    transfer.bytes = (uint64_t)line.bytes;
    transfer.is_complete = line.complete.size != 0;
    HM_TRY(hm_transfer_check(&transfer, err));
    *ret_transfer = transfer;
    return HM_OK;
}
