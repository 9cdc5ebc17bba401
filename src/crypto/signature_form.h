/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One signature in a file, as signing services and tokens give it out: which bytes it may be.
 *
 *   the file's own bytes          what 'openssl pkeyutl' and PKCS#11 modules write
 *   hexadecimal digits            in either case, in lines of any length
 *   base64 (RFC 4648 section 4)   padded, in lines of any length
 *   base64url (section 5)         likewise, the padding may be missing
 *
 * For ECDSA keys the bytes are DER, or r and s, each as long as the curve's order (IEEE P1363).
 * What a file is is found by trial: only a form that verifies under a key counts, so that no file
 * has two meanings. What verifies is as strict as key.h says: no other DER than the canonical one,
 * no trailing bytes.
 */
#ifndef HM_CRYPTO_SIGNATURE_FORM_H
#define HM_CRYPTO_SIGNATURE_FORM_H

#include "base/arena.h"
#include "crypto/key.h"

/* The longest signature in hexadecimal, and its line ends. */
#define HM_SIGNATURE_FORM_FILE_SIZE_MAX (3 * HM_KEY_SIGNATURE_SIZE_MAX)
/* The shortest DER of two numbers. */
#define HM_SIGNATURE_FORM_SIZE_MIN  8
#define HM_SIGNATURE_FORM_COUNT_MAX 3

struct hm_signature_forms {
    struct hm_bytes items[HM_SIGNATURE_FORM_COUNT_MAX]; /* in the order to be tried; in the arena */
    size_t count;
    struct hm_arena arena;
};
#define HM_SIGNATURE_FORMS_INIT                                                                    \
    {                                                                                              \
        .arena = HM_ARENA_INIT                                                                     \
    }

/* All that the file may be; copies. HM_EFORMAT: shorter or longer than any
 * signature in every reading. */
HM_MUST_CHECK enum hm_rc hm_signature_form_read(struct hm_bytes file, struct hm_err *err,
                                                struct hm_signature_forms *ret_forms);
void hm_signature_form_done(struct hm_signature_forms *forms);

/* Appends the one of the forms that is a signature of message by key, in the form that documents
 * hold (ECDSA: DER). HM_ESIGNATURE: none is. */
HM_MUST_CHECK enum hm_rc hm_signature_form_match(const struct hm_signature_forms *forms,
                                                 const struct hm_key *key, struct hm_bytes message,
                                                 struct hm_err *err, struct hm_buf *ret_signature);

#endif
