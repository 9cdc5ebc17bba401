/* SPDX-License-Identifier: Apache-2.0 */
/* A TPM's quote (quote.h). */
#include "image/quote.h"

#include "base/reader.h"

#define MAGIC           0xff544347U
#define TYPE_QUOTE      0x8018
#define HASH_SHA256     0x000b
#define SCHEME_SSA      0x0014
#define SCHEME_PSS      0x0016
#define SCHEME_ECDSA    0x0018
#define SELECT_SIZE_MAX 4
#define NUMBER_SIZE_MAX 66 /* P-521 */
#define DER_INTEGER     0x02
#define DER_SEQUENCE    0x30

static enum hm_rc broken(struct hm_err *err, const struct hm_rd *rd, const char *what)
{
    return hm_fail_at(err, HM_EFORMAT, rd->offset, "no quote: %s", what);
}

/* ---- the quote ------------------------------------------------------------------------------- */

/* One bank's selection. */
static enum hm_rc take_bank(struct hm_rd *rd, struct hm_err *err, uint32_t *ret_pcrs)
{
    uint16_t algorithm = hm_reader_be16(rd);
    uint8_t size = hm_reader_u8(rd);
    struct hm_bytes select = hm_reader_take(rd, size);
    uint32_t pcrs = 0;

    if (hm_reader_failed(rd) || size == 0 || size > SELECT_SIZE_MAX)
        return broken(err, rd, "a selection of PCRs that there are not");
    for (size_t i = 0; i < select.size; i++)
        pcrs |= (uint32_t)select.data[i] << (8 * i);
    if (pcrs >> HM_EVENT_LOG_PCR_MAX != 0)
        return broken(err, rd, "a selection of PCRs that there are not");
    if (algorithm != HASH_SHA256 && pcrs != 0)
        return hm_fail(err, HM_EUNKNOWN,
                       "the quote is of PCRs in another bank than SHA-256; ask for 'sha256:...'");
    *ret_pcrs = pcrs;
    return HM_OK;
}

static enum hm_rc take_selection(struct hm_rd *rd, struct hm_err *err, uint32_t *ret_pcrs)
{
    uint32_t count = hm_reader_be32(rd);
    uint32_t all = 0;

    if (hm_reader_failed(rd) || count == 0 || count > HM_EVENT_LOG_BANK_MAX)
        return broken(err, rd, "an impossible count of banks");
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pcrs = 0;

        HM_TRY(take_bank(rd, err, &pcrs));
        if (pcrs != 0 && all != 0)
            return broken(err, rd, "a bank is named twice");
        all |= pcrs;
    }
    if (all == 0)
        return broken(err, rd, "it is of no PCR");
    *ret_pcrs = all;
    return HM_OK;
}

static enum hm_rc take_attested(struct hm_rd *rd, struct hm_err *err, struct hm_quote *quote)
{
    struct hm_bytes digest;

    HM_TRY(take_selection(rd, err, &quote->pcrs));
    digest = hm_reader_take(rd, hm_reader_be16(rd));
    if (hm_reader_failed(rd))
        return broken(err, rd, "cut off");
    if (digest.size != HM_SHA256_SIZE)
        return hm_fail(err, HM_EUNKNOWN, "the quote's digest is no SHA-256: ask with '-g sha256'");
    if (hm_reader_left(rd) != 0)
        return broken(err, rd, "bytes behind its end");
    memcpy(quote->digest.bytes, digest.data, HM_SHA256_SIZE);
    return HM_OK;
}

enum hm_rc hm_quote_parse(struct hm_bytes bytes, struct hm_err *err, struct hm_quote *ret_quote)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_quote quote = {.raw = bytes};
    uint32_t magic = hm_reader_be32(&rd);
    uint16_t type = hm_reader_be16(&rd);
    struct hm_bytes name;
    uint8_t safe;

    if (bytes.size > HM_QUOTE_SIZE_MAX)
        return broken(err, &rd, "larger than any");
    if (hm_reader_failed(&rd) || magic != MAGIC)
        return broken(err, &rd, "it does not begin as what a TPM signs of itself");
    if (type != TYPE_QUOTE)
        return hm_fail(err, HM_EUNKNOWN, "a TPM's word, but no quote (type %04x)", type);
    name = hm_reader_take(&rd, hm_reader_be16(&rd));
    quote.nonce = hm_reader_take(&rd, hm_reader_be16(&rd));
    quote.clock_ms = hm_reader_be64(&rd);
    quote.reset_count = hm_reader_be32(&rd);
    quote.restart_count = hm_reader_be32(&rd);
    safe = hm_reader_u8(&rd);
    quote.firmware_version = hm_reader_be64(&rd);
    if (hm_reader_failed(&rd) || name.size > HM_QUOTE_NAME_SIZE_MAX ||
        quote.nonce.size > HM_QUOTE_NONCE_SIZE_MAX || safe > 1)
        return broken(err, &rd, "a part that is none, or cut off");
    quote.is_safe = safe == 1;
    HM_TRY(take_attested(&rd, err, &quote));
    *ret_quote = quote;
    return HM_OK;
}

/* ---- the signature --------------------------------------------------------------------------- */

static bool take_number(struct hm_rd *rd, struct hm_bytes *ret_number)
{
    struct hm_bytes number = hm_reader_take(rd, hm_reader_be16(rd));

    if (hm_reader_failed(rd) || number.size == 0 || number.size > NUMBER_SIZE_MAX)
        return false;
    while (number.size > 1 && number.data[0] == 0)
        number = hm_bytes_make(number.data + 1, number.size - 1);
    *ret_number = number;
    return true;
}

static void put_integer(struct hm_quote_signature *signature, struct hm_bytes number)
{
    bool is_high = number.data[0] >= 0x80;

    signature->der[signature->der_size++] = DER_INTEGER;
    signature->der[signature->der_size++] = (uint8_t)(number.size + (is_high ? 1 : 0));
    if (is_high)
        signature->der[signature->der_size++] = 0;
    memcpy(signature->der + signature->der_size, number.data, number.size);
    signature->der_size += number.size;
}

/* SEQUENCE { r, s }, as everybody but a TPM writes it; at most 144 bytes. */
static enum hm_rc take_ecdsa(struct hm_rd *rd, struct hm_err *err,
                             struct hm_quote_signature *signature)
{
    struct hm_bytes r, s;
    size_t size;

    if (!take_number(rd, &r) || !take_number(rd, &s))
        return hm_fail_at(err, HM_EFORMAT, rd->offset, "no signature of a TPM: no two numbers");
    size = 4 + r.size + s.size + (r.data[0] >= 0x80 ? 1 : 0) + (s.data[0] >= 0x80 ? 1 : 0);
    signature->der[signature->der_size++] = DER_SEQUENCE;
    if (size >= 0x80)
        signature->der[signature->der_size++] = 0x81;
    signature->der[signature->der_size++] = (uint8_t)size;
    put_integer(signature, r);
    put_integer(signature, s);
    return HM_OK;
}

enum hm_rc hm_quote_parse_signature(struct hm_bytes bytes, struct hm_err *err,
                                    struct hm_quote_signature *ret_signature)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_quote_signature signature = {.der_size = 0};
    uint16_t scheme = hm_reader_be16(&rd);
    uint16_t hash = hm_reader_be16(&rd);

    if (hm_reader_failed(&rd) || bytes.size > HM_QUOTE_SIGNATURE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "no signature of a TPM: too small or too large");
    if (scheme != SCHEME_SSA && scheme != SCHEME_PSS && scheme != SCHEME_ECDSA)
        return hm_fail(err, HM_EUNKNOWN,
                       "scheme %04x: a signature by RSASSA, RSAPSS or ECDSA, as the TPM has it "
                       "('tpm2_quote -s', format tss), is expected",
                       scheme);
    if (hash != HASH_SHA256)
        return hm_fail(err, HM_EUNKNOWN, "digest %04x: SHA-256 is expected ('-g sha256')", hash);
    if (scheme == SCHEME_ECDSA) {
        signature.padding = HM_KEY_PADDING_NONE;
        HM_TRY(take_ecdsa(&rd, err, &signature));
    } else {
        signature.padding = scheme == SCHEME_SSA ? HM_KEY_PADDING_PKCS1 : HM_KEY_PADDING_PSS;
        signature.bytes = hm_reader_take(&rd, hm_reader_be16(&rd));
    }
    if (hm_reader_failed(&rd) || hm_reader_left(&rd) != 0)
        return hm_fail_at(err, HM_EFORMAT, rd.offset,
                          "no signature of a TPM: cut off, or bytes behind its end");
    *ret_signature = signature;
    return HM_OK;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

/* What a PCR has before anything is measured into it: those of a dynamic launch are all ones. */
static uint8_t initial_byte(const struct hm_event_log *log, unsigned pcr)
{
    return pcr >= 17 && pcr <= 22 && (log->measured >> pcr & 1) == 0 ? 0xff : 0;
}

static enum hm_rc replayed_digest(const struct hm_quote *quote, const struct hm_event_log *log,
                                  struct hm_err *err, struct hm_sha256 *ret_sha256)
{
    uint8_t values[HM_EVENT_LOG_PCR_MAX * HM_SHA256_SIZE];
    size_t size = 0;

    for (unsigned i = 0; i < HM_EVENT_LOG_PCR_MAX; i++) {
        if ((quote->pcrs >> i & 1) == 0)
            continue;
        if (initial_byte(log, i) != 0)
            memset(values + size, initial_byte(log, i), HM_SHA256_SIZE);
        else
            memcpy(values + size, log->pcrs[i].bytes, HM_SHA256_SIZE);
        size += HM_SHA256_SIZE;
    }
    return hm_digest_sha256(hm_bytes_make(values, size), err, ret_sha256);
}

enum hm_rc hm_quote_verify(const struct hm_quote *quote, const struct hm_quote_signature *signature,
                           const struct hm_key *key, struct hm_bytes nonce,
                           const struct hm_event_log *log, struct hm_err *err)
{
    struct hm_bytes bytes = signature->padding == HM_KEY_PADDING_NONE
                                ? hm_bytes_make(signature->der, signature->der_size)
                                : signature->bytes;
    struct hm_sha256 replayed;
    enum hm_rc rc = hm_key_verify_sha256(key, signature->padding, quote->raw, bytes, err);

    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "the quote is not signed by that key");
    if (!hm_bytes_is_equal(quote->nonce, nonce))
        return hm_fail(err, HM_EMISMATCH,
                       "the quote answers another nonce: it is not of this asking, and may be old");
    if ((quote->pcrs >> 2 & 1) == 0)
        return hm_fail(err, HM_EINPUT,
                       "the quote says nothing of PCR 2, where option ROMs are measured: ask for "
                       "'sha256:0,1,2,3,4,5,6,7'");
    HM_TRY(replayed_digest(quote, log, err, &replayed));
    if (!hm_digest_is_equal(&replayed, &quote->digest))
        return hm_fail(err, HM_EMISMATCH,
                       "the TPM's PCRs have other values than the log replays to: the log was "
                       "changed, is of another boot, or more was measured since it was read");
    return HM_OK;
}
