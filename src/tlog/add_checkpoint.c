/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request to a witness. See add_checkpoint.h. */
#include "tlog/add_checkpoint.h"

#include "base/base64.h"
#include "base/num.h"

/* Takes a line without its newline. */
static enum hm_rc take_line(struct hm_bytes *rest, struct hm_err *err, struct hm_bytes *ret_line)
{
    if (!hm_bytes_take_line(rest, ret_line))
        return hm_fail(err, HM_EFORMAT,
                       "the request ends before the empty line in front of the checkpoint");
    return HM_OK;
}

enum hm_rc hm_add_checkpoint_parse(struct hm_bytes raw, struct hm_err *err,
                                   struct hm_add_checkpoint *ret_request)
{
    struct hm_bytes word = HM_BYTES_LITERAL("old ");
    struct hm_add_checkpoint request = {.old_size = 0};
    struct hm_bytes rest = raw;
    struct hm_bytes line;

    if (raw.size > HM_ADD_CHECKPOINT_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the request is longer than %d bytes",
                       HM_ADD_CHECKPOINT_SIZE_MAX);
    HM_TRY(take_line(&rest, err, &line));
    if (!hm_bytes_has_prefix(line, word) ||
        hm_num_parse_u64((const char *)line.data + word.size, line.size - word.size,
                         &request.old_size) != HM_OK ||
        request.old_size > HM_MERKLE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT,
                       "the first line is not 'old SIZE' with a decimal number up to 2^63 - 1");
    for (;;) {
        HM_TRY(take_line(&rest, err, &line));
        if (line.size == 0)
            break;
        if (request.proof.count == HM_ADD_CHECKPOINT_HASHES)
            return hm_fail(err, HM_EFORMAT, "the proof has more than %d hashes",
                           HM_ADD_CHECKPOINT_HASHES);
        if (hm_base64_read_exactly(line, request.proof.hashes[request.proof.count].bytes,
                                   HM_SHA256_SIZE) != HM_OK)
            return hm_fail(err, HM_EFORMAT, "line %zu is not base64 of a hash",
                           request.proof.count + 2);
        request.proof.count++;
    }
    request.checkpoint = rest;
    *ret_request = request;
    return HM_OK;
}

enum hm_rc hm_add_checkpoint_write(const struct hm_add_checkpoint *request, struct hm_err *err,
                                   struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);

    if (request->old_size > HM_MERKLE_SIZE_MAX || request->proof.count > HM_ADD_CHECKPOINT_HASHES)
        return hm_fail(err, HM_EUSAGE, "a proof of %zu hashes from size %llu cannot be sent",
                       request->proof.count, (unsigned long long)request->old_size);
    HM_TRY(hm_buf_append_fmt(&buf, err, "old %llu\n", (unsigned long long)request->old_size));
    for (size_t i = 0; i < request->proof.count; i++) {
        HM_TRY(hm_base64_write(hm_bytes_make(request->proof.hashes[i].bytes, HM_SHA256_SIZE), err,
                               &buf));
        HM_TRY(hm_buf_append_byte(&buf, '\n', err));
    }
    HM_TRY(hm_buf_append_byte(&buf, '\n', err));
    HM_TRY(hm_buf_append(&buf, request->checkpoint, err));
    return hm_buf_append(ret_buf, hm_buf_bytes(&buf), err);
}
