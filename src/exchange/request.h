/* SPDX-License-Identifier: Apache-2.0 */
/* A signing request, carried to a signer without network (docs/formats.md 5). */
#ifndef HM_EXCHANGE_REQUEST_H
#define HM_EXCHANGE_REQUEST_H

#include "base/ustar.h"
#include "tuf/envelope.h"

#define HM_REQUEST_DOCUMENT_COUNT_MAX 2048 /* a large maker's products, renewed at once */
#define HM_REQUEST_DOCUMENT_SIZE_MAX  67108864
#define HM_REQUEST_HEAD_SIZE_MAX      4194304 /* 250 bytes a document, 1,100 a finding */
#define HM_REQUEST_REASON_SIZE_MAX    500
/* What the site's scan found and somebody acknowledged: more in one request nobody reads. */
#define HM_REQUEST_FINDING_COUNT_MAX 1000
#define HM_REQUEST_FINDING_SIZE_MAX  1000
/* The whole archive: it is read into memory on the signer's machine. All products of a role with a
 * million files, as they are and as they will be. */
#define HM_REQUEST_SIZE_MAX 1073741824

struct hm_request_document {
    const char *role;
    int64_t version;
    struct hm_sha256 sha256;      /* of the bytes to sign */
    struct hm_bytes current;      /* raw envelope published now, or empty */
    struct hm_bytes next;         /* raw envelope with the bytes to sign */
    struct hm_envelope *envelope; /* of next, parsed; sha256 checked against it */
};

struct hm_request {
    const char *site;  /* NULL only where all that is signed is a maker's identity */
    const char *maker; /* or NULL */
    int64_t created_unix_s;
    const char *reason;
    const char **findings; /* for the signer to read; words of the site alone */
    size_t finding_count;
    struct hm_bytes root;    /* raw, or empty */
    struct hm_bytes targets; /* raw, or empty */
    struct hm_bytes *identities;
    size_t identity_count;
    struct hm_request_document *documents;
    size_t document_count;
    struct hm_arena arena;
};

/* Syntax, order, limits, and that each document has the version and digest of the list; trust in
 * any of it is the signer's business (signing.h). Copies what it keeps. HM_EFORMAT, HM_EMISMATCH
 * (digest or version). */
HM_MUST_CHECK enum hm_rc hm_request_parse(struct hm_bytes raw, struct hm_err *err,
                                          struct hm_request **ret_request);
/* Appends the archive of a filled request (documents: role, version, sha256, current, next). The
 * same content gives the same bytes. HM_EUSAGE past a limit. */
HM_MUST_CHECK enum hm_rc hm_request_write(const struct hm_request *request, struct hm_err *err,
                                          struct hm_buf *ret_buf);
void hm_request_free(struct hm_request *request);
HM_DEFINE_FREE(hm_request_free, struct hm_request);

#endif
