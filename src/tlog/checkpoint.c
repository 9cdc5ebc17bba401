/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints: the three lines, and a note of them. See checkpoint.h. */
#include "tlog/checkpoint.h"

#include "base/base64.h"
#include "base/num.h"
#include "base/text.h"

/* SHA-256 of nothing: the root of the empty tree (RFC 6962 section 2.1). */
static const struct hm_sha256 empty_root = {{
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
}};

/* Takes a line without its newline; false at the end of text or where the line is empty. */
static bool take_line(struct hm_bytes *text, struct hm_bytes *ret_line)
{
    return hm_bytes_take_line(text, ret_line) && ret_line->size > 0;
}

static bool has_control(struct hm_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 && text.data[i] != '\n')
            return true;
    }
    return false;
}

enum hm_rc hm_checkpoint_parse_claim(struct hm_bytes text, struct hm_err *err,
                                     struct hm_checkpoint *ret_checkpoint)
{
    struct hm_checkpoint checkpoint = {.size = 0};
    struct hm_bytes rest = text;
    struct hm_bytes size;
    struct hm_bytes root;
    struct hm_bytes line;

    if (text.size > HM_CHECKPOINT_TEXT_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the checkpoint is longer than %d bytes",
                       HM_CHECKPOINT_TEXT_SIZE_MAX);
    if (has_control(text) || !hm_text_is_utf8(text))
        return hm_fail(err, HM_EFORMAT, "the checkpoint is not UTF-8 text");
    if (!take_line(&rest, &checkpoint.origin) || !take_line(&rest, &size) ||
        !take_line(&rest, &root))
        return hm_fail(err, HM_EFORMAT, "a checkpoint has three lines: origin, size and root");
    if (checkpoint.origin.size > HM_CHECKPOINT_ORIGIN_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the checkpoint's origin is longer than %d bytes",
                       HM_CHECKPOINT_ORIGIN_SIZE_MAX);
    if (hm_num_parse_u64((const char *)size.data, size.size, &checkpoint.size) != HM_OK ||
        checkpoint.size > HM_CHECKPOINT_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT,
                       "checkpoint of '%.*s': '%.*s' is no size; it is a decimal number up to "
                       "2^63 - 1 without leading zeros",
                       HM_BYTES_FMT(checkpoint.origin), HM_BYTES_FMT(size));
    if (hm_base64_read_exactly(root, checkpoint.root.bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "checkpoint of '%.*s': the root is not base64 of 32 bytes",
                       HM_BYTES_FMT(checkpoint.origin));
    checkpoint.extension = rest;
    while (rest.size > 0) {
        if (!take_line(&rest, &line))
            return hm_fail(err, HM_EFORMAT,
                           "checkpoint of '%.*s': an extension line is empty or has no end",
                           HM_BYTES_FMT(checkpoint.origin));
    }
    *ret_checkpoint = checkpoint;
    return HM_OK;
}

enum hm_rc hm_checkpoint_parse(struct hm_bytes text, struct hm_err *err,
                               struct hm_checkpoint *ret_checkpoint)
{
    struct hm_checkpoint checkpoint;

    HM_TRY(hm_checkpoint_parse_claim(text, err, &checkpoint));
    if (checkpoint.size == 0 && !hm_digest_is_equal(&checkpoint.root, &empty_root))
        return hm_fail(err, HM_EFORMAT,
                       "checkpoint of '%.*s': size 0 with a root that is not the empty tree's",
                       HM_BYTES_FMT(checkpoint.origin));
    *ret_checkpoint = checkpoint;
    return HM_OK;
}

enum hm_rc hm_checkpoint_write(const struct hm_checkpoint *checkpoint, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_CHECKPOINT_TEXT_SIZE_MAX);
    struct hm_checkpoint again;

    HM_TRY(hm_buf_append(&text, checkpoint->origin, err));
    HM_TRY(hm_buf_append_fmt(&text, err, "\n%llu\n", (unsigned long long)checkpoint->size));
    HM_TRY(hm_base64_write(hm_bytes_make(checkpoint->root.bytes, HM_SHA256_SIZE), err, &text));
    HM_TRY(hm_buf_append_byte(&text, '\n', err));
    HM_TRY(hm_buf_append(&text, checkpoint->extension, err));
    /* What the parser refuses must not be signed: an origin with a newline would move the size. */
    if (hm_checkpoint_parse(hm_buf_bytes(&text), err, &again) != HM_OK ||
        !hm_bytes_is_equal(again.origin, checkpoint->origin) || again.size != checkpoint->size ||
        !hm_digest_is_equal(&again.root, &checkpoint->root))
        return hm_fail(err, HM_EUSAGE, "'%.*s' with size %llu cannot be a checkpoint",
                       HM_BYTES_FMT(checkpoint->origin), (unsigned long long)checkpoint->size);
    return hm_buf_append(ret_buf, hm_buf_bytes(&text), err);
}

enum hm_rc hm_checkpoint_open(struct hm_bytes raw, struct hm_bytes origin,
                              const struct hm_note_key *const *keys, size_t key_count,
                              struct hm_err *err, struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

    checkpoint = calloc(1, sizeof(*checkpoint));
    if (checkpoint == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_note_parse(raw, err, &checkpoint->note));
    HM_TRY(hm_checkpoint_parse(checkpoint->note->text, err, &checkpoint->body));
    if (!hm_bytes_is_equal(checkpoint->body.origin, origin))
        return hm_fail(err, HM_EMISMATCH, "the checkpoint is of the log '%.*s', not '%.*s'",
                       HM_BYTES_FMT(checkpoint->body.origin), HM_BYTES_FMT(origin));
    HM_TRY(hm_note_verify(checkpoint->note, keys, key_count, err, NULL));
    *ret_checkpoint = hm_steal(&checkpoint);
    return HM_OK;
}

void hm_checkpoint_free(struct hm_checkpoint_signed *checkpoint)
{
    if (checkpoint == NULL)
        return;
    hm_note_free(checkpoint->note);
    free(checkpoint);
}
