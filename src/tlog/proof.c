/* SPDX-License-Identifier: Apache-2.0 */
/* Proof files: reading, writing, verifying. See proof.h. */
#include "tlog/proof.h"

#include "base/base64.h"
#include "base/num.h"

#define FIRST_LINE   "c2sp.org/tlog-proof@v1"
#define EXTRA_START  HM_BYTES_LITERAL("extra ")
#define INDEX_START  HM_BYTES_LITERAL("index ")
#define LINE_MISSING "the proof ends in the middle of its head"

/* Takes a line without its newline. */
static enum hm_rc take_line(struct hm_bytes *rest, struct hm_err *err, struct hm_bytes *ret_line)
{
    if (!hm_bytes_take_line(rest, ret_line))
        return hm_fail(err, HM_EFORMAT, LINE_MISSING);
    return HM_OK;
}

static enum hm_rc take_extra(struct hm_proof *proof, struct hm_bytes line, struct hm_err *err)
{
    struct hm_bytes text =
        hm_bytes_make(line.data + EXTRA_START.size, line.size - EXTRA_START.size);
    uint8_t *bytes;
    size_t size;

    bytes = hm_arena_alloc(&proof->arena, text.size / 4 * 3, 1);
    if (bytes == NULL)
        return hm_error_nomem(err);
    if (text.size == 0 || hm_base64_read(text, bytes, &size) != HM_OK ||
        size > HM_PROOF_EXTRA_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT,
                       "the extra data of the proof are not base64 of 1 to %d bytes",
                       HM_PROOF_EXTRA_SIZE_MAX);
    proof->has_extra = true;
    proof->extra = hm_bytes_make(bytes, size);
    return HM_OK;
}

static enum hm_rc take_head(struct hm_proof *proof, struct hm_bytes *rest, struct hm_err *err)
{
    struct hm_bytes line = HM_BYTES_EMPTY;

    HM_TRY(take_line(rest, err, &line));
    if (!hm_bytes_is_str(line, FIRST_LINE))
        return hm_fail(err, HM_EFORMAT, "not a proof: its first line is not '" FIRST_LINE "'");
    HM_TRY(take_line(rest, err, &line));
    if (hm_bytes_has_prefix(line, EXTRA_START)) {
        HM_TRY(take_extra(proof, line, err));
        HM_TRY(take_line(rest, err, &line));
    }
    if (!hm_bytes_has_prefix(line, INDEX_START) ||
        hm_num_parse_u64((const char *)line.data + INDEX_START.size, line.size - INDEX_START.size,
                         &proof->index) != HM_OK ||
        proof->index >= HM_MERKLE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT,
                       "the proof has no line 'index N' with a decimal number below 2^63 - 1");
    return HM_OK;
}

static enum hm_rc take_hashes(struct hm_proof *proof, struct hm_bytes *rest, struct hm_err *err)
{
    struct hm_bytes line = HM_BYTES_EMPTY;

    proof->hashes = hm_arena_alloc(&proof->arena, HM_MERKLE_PATH_MAX, sizeof(*proof->hashes));
    if (proof->hashes == NULL)
        return hm_error_nomem(err);
    for (;;) {
        HM_TRY(take_line(rest, err, &line));
        if (line.size == 0)
            return HM_OK;
        if (proof->hash_count == HM_MERKLE_PATH_MAX)
            return hm_fail(err, HM_EFORMAT, "the proof has more than %d hashes",
                           HM_MERKLE_PATH_MAX);
        if (hm_base64_read_exactly(line, proof->hashes[proof->hash_count].bytes, HM_SHA256_SIZE) !=
            HM_OK)
            return hm_fail(err, HM_EFORMAT, "hash %zu of the proof is not base64 of 32 bytes",
                           proof->hash_count + 1);
        proof->hash_count++;
    }
}

/* The form of the checkpoint; its signatures are for hm_proof_verify. */
static enum hm_rc check_checkpoint(struct hm_bytes raw, struct hm_err *err)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;

    HM_TRY(hm_note_parse(raw, err, &note));
    return hm_checkpoint_parse(note->text, err, &checkpoint);
}

enum hm_rc hm_proof_parse(struct hm_bytes raw, struct hm_err *err, struct hm_proof **ret_proof)
{
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    struct hm_bytes rest = raw;

    if (raw.size > HM_PROOF_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the proof is longer than %d bytes", HM_PROOF_SIZE_MAX);
    proof = calloc(1, sizeof(*proof));
    if (proof == NULL)
        return hm_error_nomem(err);
    HM_TRY(take_head(proof, &rest, err));
    HM_TRY(take_hashes(proof, &rest, err));
    HM_TRY(check_checkpoint(rest, err));
    HM_TRY(hm_arena_copy(&proof->arena, rest, err, &proof->checkpoint));
    *ret_proof = hm_steal(&proof);
    return HM_OK;
}

enum hm_rc hm_proof_write(const struct hm_proof *proof, struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    enum hm_rc rc;

    if (proof->index >= HM_MERKLE_SIZE_MAX || proof->hash_count > HM_MERKLE_PATH_MAX ||
        (proof->has_extra &&
         (proof->extra.size == 0 || proof->extra.size > HM_PROOF_EXTRA_SIZE_MAX)))
        return hm_fail(err, HM_EUSAGE, "these parts do not make a proof");
    rc = check_checkpoint(proof->checkpoint, err);
    if (rc == HM_EFORMAT)
        return hm_fail(err, HM_EUSAGE, "a proof needs a checkpoint, which this is not");
    HM_TRY(rc);
    HM_TRY(hm_buf_append_str(&text, FIRST_LINE "\n", err));
    if (proof->has_extra) {
        HM_TRY(hm_buf_append(&text, EXTRA_START, err));
        HM_TRY(hm_base64_write(proof->extra, err, &text));
        HM_TRY(hm_buf_append_byte(&text, '\n', err));
    }
    HM_TRY(hm_buf_append_fmt(&text, err, "index %llu\n", (unsigned long long)proof->index));
    for (size_t i = 0; i < proof->hash_count; i++) {
        HM_TRY(hm_base64_write(hm_bytes_make(proof->hashes[i].bytes, HM_SHA256_SIZE), err, &text));
        HM_TRY(hm_buf_append_byte(&text, '\n', err));
    }
    HM_TRY(hm_buf_append_byte(&text, '\n', err));
    HM_TRY(hm_buf_append(&text, proof->checkpoint, err));
    return hm_buf_append(ret_buf, hm_buf_bytes(&text), err);
}

void hm_proof_free(struct hm_proof *proof)
{
    if (proof == NULL)
        return;
    hm_arena_done(&proof->arena);
    free(proof);
}

static enum hm_rc verify(struct hm_digest *digest, const struct hm_proof *proof,
                         const struct hm_sha256 *leaf, const struct hm_log_policy *policy,
                         int64_t now_unix_s, int64_t max_age_s, struct hm_err *err,
                         struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

    HM_TRY(hm_log_policy_open(policy, proof->checkpoint, now_unix_s, max_age_s, err, &checkpoint));
    HM_TRY(hm_merkle_verify_inclusion(digest, leaf, proof->index, checkpoint->body.size,
                                      proof->hashes, proof->hash_count, &checkpoint->body.root,
                                      err));
    *ret_checkpoint = hm_steal(&checkpoint);
    return HM_OK;
}

enum hm_rc hm_proof_verify(const struct hm_proof *proof, const struct hm_sha256 *leaf,
                           const struct hm_log_policy *policy, int64_t now_unix_s,
                           int64_t max_age_s, struct hm_err *err,
                           struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    return verify(digest, proof, leaf, policy, now_unix_s, max_age_s, err, ret_checkpoint);
}

enum hm_rc hm_proof_verify_entry(const struct hm_proof *proof, struct hm_bytes entry,
                                 const struct hm_log_policy *policy, int64_t now_unix_s,
                                 int64_t max_age_s, struct hm_err *err,
                                 struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 leaf;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_merkle_leaf(digest, entry, err, &leaf));
    return verify(digest, proof, &leaf, policy, now_unix_s, max_age_s, err, ret_checkpoint);
}
