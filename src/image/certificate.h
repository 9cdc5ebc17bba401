/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X.509 certificates in an image (RFC 5280, section 4.1; DER, X.690): found by their form, read as
 * far as a lint needs. No signature is checked here: a certificate is a part of the image, and
 * nobody trusts it.
 *
 *   Certificate ::= 30 { TBSCertificate ::= 30 {
 *       A0 version?   02 serial   30 algorithm   30 issuer   30 validity   30 subject
 *       30 SubjectPublicKeyInfo { 30 algorithm { 06 OID ... }   03 key } ... }   30 ...   03 ... }
 */
#ifndef HM_IMAGE_CERTIFICATE_H
#define HM_IMAGE_CERTIFICATE_H

#include "base/buf.h"

/* Of one certificate; real ones are below 4 KiB. */
#define HM_CERTIFICATE_SIZE_MAX ((size_t)64 * 1024)
/* Of a name as text; cut there. */
#define HM_CERTIFICATE_NAME_SIZE_MAX 256

struct hm_certificate {
    struct hm_bytes raw;
    struct hm_bytes key; /* SubjectPublicKeyInfo */
    char issuer[HM_CERTIFICATE_NAME_SIZE_MAX + 1], subject[HM_CERTIFICATE_NAME_SIZE_MAX + 1];
    size_t rsa_bits; /* 0: another kind of key */
};

/* Reads the certificate at the start of bytes; views of them. HM_EFORMAT: there is none. */
HM_MUST_CHECK enum hm_rc hm_certificate_parse(struct hm_bytes bytes,
                                              struct hm_certificate *ret_certificate);
/* The next offset from *offset on at which one may begin; false at the end. */
bool hm_certificate_search(struct hm_bytes bytes, size_t *offset);
/* Does a name say that it is for tests? A word of it is "test", or it says so otherwise. */
bool hm_certificate_is_test_name(const char *name);

#endif
