/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outer shape of every signed document: {"signatures": [...], "signed": {...}} (TUF 1.0.34
 * section 4.2).
 *
 * Three types keep what was checked apart from what was not:
 *   hm_envelope   bytes that are strict JSON of this shape; nothing in them is believed
 *   hm_signed     "signed" after a threshold of signatures was verified. Only hm_envelope_verify
 *                 makes one, and only a hm_signed can be parsed into a root, timestamp, snapshot,
 *                 targets or identity: schema code never sees bytes nobody signed.
 *   hm_unsigned   the same without that, for people to read before they sign (review, sign)
 *
 * "signed" is held twice: as it stands in the file, which is what parsers read, and in canonical
 * form, which is what signatures are over and which may hold raw control characters (PEM newlines)
 * that JSON forbids. Where the file's spelling is canonical, both are the same bytes.
 */
#ifndef HM_TUF_ENVELOPE_H
#define HM_TUF_ENVELOPE_H

#include "tuf/keyring.h"

/* A document has at most as many signatures as a role has keys; far more is an attack on our time.
 */
#define HM_ENVELOPE_SIGNATURE_COUNT_MAX 1024

struct hm_signature {
    struct hm_bytes keyid;
    struct hm_bytes hex; /* as read; empty or malformed ones are kept and never count */
};

struct hm_envelope {
    struct hm_bytes raw;       /* the whole document */
    struct hm_bytes json;      /* "signed" as it stands in raw */
    struct hm_bytes canonical; /* the same as json where that is canonical, else in canonical_buf */
    struct hm_signature *signatures; /* sorted by key id */
    size_t signature_count;
    struct hm_buf canonical_buf;
    struct hm_arena arena;
};

struct hm_signed {
    struct hm_bytes canonical_; /* private: read through hm_envelope_signed_bytes */
    struct hm_bytes json_;      /* private: read through hm_envelope_signed_json */
};

struct hm_unsigned {
    struct hm_bytes canonical_;
    struct hm_bytes json_;
};

/* Borrows raw for the envelope's life. HM_EFORMAT: not strict JSON, not this shape, a key id twice
 * among the signatures (the whole file is refused), too many signatures. */
HM_MUST_CHECK enum hm_rc hm_envelope_parse(struct hm_bytes raw, struct hm_err *err,
                                           struct hm_envelope **ret_envelope);
void hm_envelope_free(struct hm_envelope *envelope);
HM_DEFINE_FREE(hm_envelope_free, struct hm_envelope);

/* HM_OK if at least keys->threshold distinct key materials of keys signed the document; what names
 * it in messages
 * ("release~acme"). HM_ESIGNATURE: "'WHAT': N of the M signatures it needs are valid". The result
 * borrows envelope. This is the only place that counts signatures. */
HM_MUST_CHECK enum hm_rc hm_envelope_verify(const struct hm_envelope *envelope,
                                            const struct hm_role_keys *keys, const char *what,
                                            struct hm_err *err, struct hm_signed *ret_signed);
/* How many distinct key materials of keys have signed validly (for status; no judgement). */
HM_MUST_CHECK enum hm_rc hm_envelope_count(const struct hm_envelope *envelope,
                                           const struct hm_role_keys *keys, struct hm_err *err,
                                           uint32_t *ret_valid);
/* The canonical bytes: what was signed. */
struct hm_bytes hm_envelope_signed_bytes(struct hm_signed document);
/* The same content as strict JSON: what the parsers of documents read. */
struct hm_bytes hm_envelope_signed_json(struct hm_signed document);
/* For people's eyes only. */
struct hm_unsigned hm_envelope_unsigned(const struct hm_envelope *envelope);
struct hm_bytes hm_envelope_unsigned_bytes(struct hm_unsigned document);
struct hm_bytes hm_envelope_unsigned_json(struct hm_unsigned document);

/* Appends an envelope: canonical is the canonical form of "signed" (the written file is compact
 * JSON, not the canonical bytes, if those hold raw control characters). What is written was read
 * back: HM_EFORMAT if canonical is not canonical or a key id comes twice. */
HM_MUST_CHECK enum hm_rc hm_envelope_write(struct hm_bytes canonical,
                                           const struct hm_signature *signatures,
                                           size_t signature_count, struct hm_err *err,
                                           struct hm_buf *ret_buf);

#endif
