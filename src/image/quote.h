/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TPM's quote: that its PCRs had these values when somebody asked with a nonce (TPM 2.0 Library,
 * part 2, sections 10.12.8 TPMS_ATTEST and 11.3.4 TPMT_SIGNATURE). Big endian:
 *
 *   quote
 *     0  FF "TCG"   4  8018 (2)
 *     6  name of the signer: size (2), bytes
 *     then the nonce: size (2), bytes
 *     clock (8)   resets (4)   restarts (4)   safe (1: 0 or 1)   version of the firmware (8)
 *     banks (4), each: algorithm (2), size (1), bytes: a bit a PCR, the lowest first
 *     digest of the PCRs' values, one behind the other: size (2), bytes
 *
 *   signature
 *     0  scheme (2): 14 RSASSA, 16 RSAPSS, 18 ECDSA   2  digest (2): B, SHA-256
 *     4  RSA: size (2), bytes; ECDSA: r as size (2) and bytes, s likewise
 *
 * These are the files of tpm2_quote -m and -s. Whose the key is, a quote does not say: who has it
 * checked (by a certificate of the TPM's maker) that it is of that machine's TPM, gives it.
 */
#ifndef HM_IMAGE_QUOTE_H
#define HM_IMAGE_QUOTE_H

#include "crypto/key.h"
#include "image/event_log.h"

/* The largest of the specification's structures is below 1 KiB. */
#define HM_QUOTE_SIZE_MAX           4096
#define HM_QUOTE_SIGNATURE_SIZE_MAX 2048
/* TPM2B_DATA holds a digest and its algorithm. */
#define HM_QUOTE_NONCE_SIZE_MAX 66
/* Less is guessed, or comes again. */
#define HM_QUOTE_NONCE_SIZE_MIN 8
#define HM_QUOTE_NAME_SIZE_MAX  68

struct hm_quote {
    struct hm_bytes raw, nonce; /* views */
    uint32_t pcrs;              /* of the SHA-256 bank, a bit a PCR */
    struct hm_sha256 digest;    /* of their values */
    uint64_t clock_ms, firmware_version;
    uint32_t reset_count, restart_count;
    bool is_safe; /* the clock was not set back */
};

struct hm_quote_signature {
    enum hm_key_padding padding;
    struct hm_bytes bytes; /* RSA: a view */
    uint8_t der[160];      /* ECDSA */
    size_t der_size;
};

/* HM_EFORMAT: no such structure, or bytes behind it; HM_EUNKNOWN: it says something else than PCRs
 * (a quote alone does), or of other banks than SHA-256. */
HM_MUST_CHECK enum hm_rc hm_quote_parse(struct hm_bytes bytes, struct hm_err *err,
                                        struct hm_quote *ret_quote);
/* HM_EFORMAT; HM_EUNKNOWN: another scheme or digest. */
HM_MUST_CHECK enum hm_rc hm_quote_parse_signature(struct hm_bytes bytes, struct hm_err *err,
                                                  struct hm_quote_signature *ret_signature);
/* HM_OK only if key signed quote, for this nonce, over the values that log replays to, PCR 2 among
 * them. HM_ESIGNATURE; HM_EMISMATCH: another nonce, other values; HM_EINPUT: PCR 2 is not quoted.
 */
HM_MUST_CHECK enum hm_rc hm_quote_verify(const struct hm_quote *quote,
                                         const struct hm_quote_signature *signature,
                                         const struct hm_key *key, struct hm_bytes nonce,
                                         const struct hm_event_log *log, struct hm_err *err);

#endif
