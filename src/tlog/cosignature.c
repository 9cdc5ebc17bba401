/* SPDX-License-Identifier: Apache-2.0 */
/* Cosignatures, both kinds. See cosignature.h. */
#include "tlog/cosignature.h"

#include "base/reader.h"

#define ED25519_HEADER "cosignature/v1\ntime "
#define ML_DSA_LABEL   HM_BYTES_LITERAL("subtree/v1\n\0")
/* The header, 20 digits and a newline, and the text. */
#define MESSAGE_SIZE_MAX (64 + HM_CHECKPOINT_TEXT_SIZE_MAX)

static enum hm_rc append_u64(struct hm_buf *buf, uint64_t value, struct hm_err *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> (56 - 8 * i) & 0xff);
    return hm_buf_append(buf, hm_bytes_make(bytes, sizeof(bytes)), err);
}

/* A string with its size in one byte, which the limits of names and origins promise. */
static enum hm_rc append_short(struct hm_buf *buf, struct hm_bytes string, struct hm_err *err)
{
    HM_ASSERT(string.size <= UINT8_MAX);
    HM_TRY(hm_buf_append_byte(buf, (uint8_t)string.size, err));
    return hm_buf_append(buf, string, err);
}

static enum hm_rc append_structure(const struct hm_note_key *key,
                                   const struct hm_checkpoint *checkpoint, uint64_t time_s,
                                   struct hm_err *err, struct hm_buf *ret_buf)
{
    HM_TRY(hm_buf_append(ret_buf, ML_DSA_LABEL, err));
    HM_TRY(append_short(ret_buf, key->name_bytes, err));
    HM_TRY(append_u64(ret_buf, time_s, err));
    HM_TRY(append_short(ret_buf, checkpoint->origin, err));
    HM_TRY(append_u64(ret_buf, 0, err));
    HM_TRY(append_u64(ret_buf, checkpoint->size, err));
    return hm_buf_append(
        ret_buf, hm_bytes_make(checkpoint->root.bytes, sizeof(checkpoint->root.bytes)), err);
}

enum hm_rc hm_cosignature_message(const struct hm_note_key *key, struct hm_bytes text,
                                  uint64_t time_s, struct hm_err *err, struct hm_buf *ret_buf)
{
    struct hm_checkpoint checkpoint;

    /* tlog-cosignature, "Format": MUST NOT exceed 2^63 - 1. */
    if (time_s > HM_COSIGNATURE_TIME_MAX)
        return hm_fail(err, HM_EFORMAT, "'%s': the time of the cosignature is past 2^63 - 1",
                       key->name);
    HM_TRY(hm_checkpoint_parse(text, err, &checkpoint));
    if (key->kind == HM_NOTE_COSIGNATURE_ML_DSA)
        return append_structure(key, &checkpoint, time_s, err, ret_buf);
    HM_TRY(hm_buf_append_fmt(ret_buf, err, ED25519_HEADER "%llu\n", (unsigned long long)time_s));
    return hm_buf_append(ret_buf, text, err);
}

enum hm_rc hm_cosignature_make(const struct hm_note_key *key, const struct hm_signer *signer,
                               struct hm_bytes text, uint64_t time_s, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf message = HM_BUF_INIT(MESSAGE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(8 + HM_KEY_SIGNATURE_SIZE_MAX);

    if (!hm_bytes_is_equal(hm_key_raw(hm_signer_key(signer)),
                           hm_bytes_make(key->public, key->public_size)))
        return hm_fail(err, HM_EUSAGE, "'%s': the private key is another key's", key->name);
    HM_TRY(hm_cosignature_message(key, text, time_s, err, &message));
    HM_TRY(append_u64(&signature, time_s, err));
    HM_TRY(hm_signer_sign_plain(signer, hm_buf_bytes(&message), err, &signature));
    return hm_buf_append(ret_buf, hm_buf_bytes(&signature), err);
}

enum hm_rc hm_cosignature_verify(const struct hm_note_key *key, struct hm_bytes text,
                                 struct hm_bytes signature, struct hm_err *err,
                                 uint64_t *ret_time_s)
{
    _hm_done_(hm_buf_done) struct hm_buf message = HM_BUF_INIT(MESSAGE_SIZE_MAX);
    struct hm_rd rd = hm_reader_make(signature);
    uint64_t time_s = hm_reader_be64(&rd);
    struct hm_bytes rest = hm_reader_take(&rd, hm_reader_left(&rd));
    enum hm_rc rc;

    if (hm_reader_failed(&rd) || key->kind == HM_NOTE_ED25519)
        return hm_fail(err, HM_ESIGNATURE, "'%s': no timestamped cosignature", key->name);
    if (key->key == NULL)
        return hm_fail(err, HM_EUNKNOWN,
                       "'%s': the installed OpenSSL cannot verify signatures of type 0x%02x",
                       key->name, (unsigned)key->kind);
    HM_TRY(hm_cosignature_message(key, text, time_s, err, &message));
    rc = hm_key_verify(key->key, hm_buf_bytes(&message), rest, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", key->name);
    *ret_time_s = time_s;
    return HM_OK;
}
