/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM (RFC 7468), strictly: one block with nothing but white space around it, no headers inside,
 * canonical base64 in lines of any length. The caller gives the storage, so that private keys never
 * pass through ordinary memory.
 */
#ifndef HM_CRYPTO_PEM_H
#define HM_CRYPTO_PEM_H

#include "base/bytes.h"
#include "base/error.h"

/* True if text starts, after white space, with "-----BEGIN LABEL-----". */
bool hm_pem_has_label(struct hm_bytes text, const char *label);
/* Decodes into ret_der, which has room for text.size bytes. HM_EFORMAT. What was written is of no
 * use on failure. */
HM_MUST_CHECK enum hm_rc hm_pem_decode(struct hm_bytes text, const char *label, struct hm_err *err,
                                       uint8_t *ret_der, size_t *ret_size);
/* The size of the text for der_size bytes, with the last newline. der_size is far from SIZE_MAX. */
size_t hm_pem_text_size(const char *label, size_t der_size);
/* Writes exactly hm_pem_text_size() bytes, as OpenSSL does: lines of 64 characters. */
void hm_pem_encode(const char *label, struct hm_bytes der, uint8_t *ret_text);

#endif
