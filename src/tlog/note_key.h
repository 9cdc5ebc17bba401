/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of signed notes (C2SP signed-note v1.0.0, tlog-cosignature v1.1.0-rc.1): a name, a type of
 * signature and a public key. The text forms are
 *
 *   vkey   NAME+ID+BASE64(type || public key)           ID: 8 hexadecimal digits, lower case
 *   skey   PRIVATE+KEY+NAME+ID+BASE64(0x01 || seed)     as golang.org/x/mod/sumdb/note writes it
 *
 * where the id is the first four bytes of SHA-256(NAME || "\n" || type || public key). It is no
 * secret and no proof of anything: it only says which key to try.
 *
 * What is signed depends on the type:
 *
 *   0x01  Ed25519     the text
 *   0x04  Ed25519     "cosignature/v1\ntime T\n" and the text, a checkpoint (cosignature.h)
 *   0x06  ML-DSA-44   a structure of cosigner, time, origin, size and root (cosignature.h)
 *
 * Other types are unknown: nothing they sign is looked at.
 */
#ifndef HM_TLOG_NOTE_KEY_H
#define HM_TLOG_NOTE_KEY_H

#include "base/buf.h"
#include "crypto/key.h"
#include "crypto/signer.h"

/* A longer name cannot stand in an ML-DSA cosignature. */
#define HM_NOTE_KEY_NAME_SIZE_MAX 255
/* ML-DSA-44's key is the longest known: 1,312 bytes. */
#define HM_NOTE_KEY_PUBLIC_SIZE_MAX 1312
/* Name, id, base64 of type and key, two '+'. */
#define HM_NOTE_KEY_TEXT_SIZE_MAX                                                                  \
    (HM_NOTE_KEY_NAME_SIZE_MAX + 10 + (HM_NOTE_KEY_PUBLIC_SIZE_MAX + 3) / 3 * 4)

enum hm_note_kind {
    HM_NOTE_ED25519 = 0x01,
    HM_NOTE_COSIGNATURE = 0x04,        /* Ed25519, timestamped */
    HM_NOTE_COSIGNATURE_ML_DSA = 0x06, /* ML-DSA-44, timestamped */
};

struct hm_note_key {
    char *name; /* owned */
    struct hm_bytes name_bytes;
    uint32_t id;
    enum hm_note_kind kind;
    uint8_t public[HM_NOTE_KEY_PUBLIC_SIZE_MAX];
    size_t public_size;
    struct hm_key *key; /* owned; NULL where the installed OpenSSL lacks the algorithm: the key has
                           its name and id, and its signatures count for nothing */
};

/* Not empty, at most HM_NOTE_KEY_NAME_SIZE_MAX bytes of UTF-8 without '+', white space of Unicode
 * or control characters. */
bool hm_note_key_is_name(struct hm_bytes name);

/* A vkey, with nothing around it. HM_EFORMAT; HM_EMISMATCH if the id is not the key's; HM_EUNKNOWN
 * for a type not known here. */
HM_MUST_CHECK enum hm_rc hm_note_key_parse(struct hm_bytes vkey, struct hm_err *err,
                                           struct hm_note_key **ret_key);
/* The note key of a key pair. HM_EUSAGE if key cannot sign that kind or the name is none. */
HM_MUST_CHECK enum hm_rc hm_note_key_make(const char *name, enum hm_note_kind kind,
                                          const struct hm_key *key, struct hm_err *err,
                                          struct hm_note_key **ret_key);
/* Appends the vkey, without a newline. */
HM_MUST_CHECK enum hm_rc hm_note_key_write(const struct hm_note_key *key, struct hm_err *err,
                                           struct hm_buf *ret_buf);
void hm_note_key_free(struct hm_note_key *key);
HM_DEFINE_FREE(hm_note_key_free, struct hm_note_key);

/* An skey. Errors as hm_note_key_parse. */
HM_MUST_CHECK enum hm_rc hm_note_key_parse_secret(struct hm_bytes skey, struct hm_err *err,
                                                  struct hm_note_key **ret_key,
                                                  struct hm_signer **ret_signer);
/* The skey of an HM_NOTE_ED25519 key and its signer; *ret_skey is HM_SECRET_INIT and the caller's
 * to release. HM_EUSAGE for other kinds. */
HM_MUST_CHECK enum hm_rc hm_note_key_write_secret(const struct hm_note_key *key,
                                                  const struct hm_signer *signer,
                                                  struct hm_err *err, struct hm_secret *ret_skey);

/* The same public key, whatever the name and kind. */
bool hm_note_key_is_same_key(const struct hm_note_key *a, const struct hm_note_key *b);
/* The same vkey: name, kind and public key. */
bool hm_note_key_is_same(const struct hm_note_key *a, const struct hm_note_key *b);

/* Verifies one signature (without the id) of a note's text. *ret_time_s is the time of a
 * cosignature, else 0. HM_ESIGNATURE; HM_EFORMAT if a cosignature is over a text that is no
 * checkpoint; HM_EUNKNOWN if key->key is NULL. */
HM_MUST_CHECK enum hm_rc hm_note_key_verify(const struct hm_note_key *key, struct hm_bytes text,
                                            struct hm_bytes signature, struct hm_err *err,
                                            uint64_t *ret_time_s);
/* Appends the signature (without the id) of text; time_s is used for cosignatures only. HM_EUSAGE
 * if signer is not key's; HM_EFORMAT as above. */
HM_MUST_CHECK enum hm_rc hm_note_key_sign(const struct hm_note_key *key,
                                          const struct hm_signer *signer, struct hm_bytes text,
                                          uint64_t time_s, struct hm_err *err,
                                          struct hm_buf *ret_signature);

#endif
