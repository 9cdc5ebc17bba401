/* SPDX-License-Identifier: Apache-2.0 */
/* What all four TUF documents have in common (TUF 1.0.34 section 4.3-4.6), and their limits. */
#ifndef HM_TUF_DOCUMENT_H
#define HM_TUF_DOCUMENT_H

#include "tuf/envelope.h"

/* Sizes (decoded bytes). python-tuf's defaults are 512000/16384/2000000/5000000; larger where large
 * sites need it. */
#define HM_DOCUMENT_ROOT_SIZE_MAX      512000
#define HM_DOCUMENT_TIMESTAMP_SIZE_MAX 16384
#define HM_DOCUMENT_SNAPSHOT_SIZE_MAX  8000000 /* 250,000 roles at 31 bytes */
#define HM_DOCUMENT_TARGETS_SIZE_MAX                                                               \
    67108864 /* 400,000 targets; only where snapshot names a length */
#define HM_DOCUMENT_TARGETS_SIZE_DEFAULT 5000000 /* where it does not */
#define HM_DOCUMENT_ROLE_NAME_SIZE_MAX   255 /* a file name, once percent-encoded, may be longer */

struct hm_document {
    int64_t version; /* 1 .. INT64_MAX */
    int64_t expires_unix_s;
    struct hm_bytes x_hallmark; /* the raw JSON object under "x-hallmark", or empty */
};

/* Length and hashes as metadata states them for a file. */
struct hm_file_facts {
    uint64_t length;
    const struct hm_sha512 *sha512; /* NULL: not stated (rare, so not inline: tables are long) */
    struct hm_sha256 sha256;
    bool has_length;
    bool has_sha256;
};

/* Reads one member common to all ("_type", "spec_version", "version", "expires", "x-hallmark");
 * *ret_known false if key is another one, whose value is then still unread. type is the expected
 * "_type". */
struct hm_document_seen {
    bool type, spec_version, version, expires, x_hallmark;
};
HM_MUST_CHECK enum hm_rc hm_document_member(struct hm_json *json, const char *type,
                                            struct hm_bytes key, struct hm_err *err,
                                            struct hm_document *document,
                                            struct hm_document_seen *seen, bool *ret_known);
/* All required members were there. spec_version must be 1.x or 1.x.y. */
HM_MUST_CHECK enum hm_rc hm_document_complete(const char *type, const struct hm_document_seen *seen,
                                              struct hm_err *err);
/* Writes "_type", "expires", "spec_version", "version" (and "x-hallmark" if any) into the open
 * object. */
void hm_document_write(const struct hm_document *document, const char *type,
                       struct hm_json_writer *writer);

/* Reads a "hashes" object; unknown algorithms are passed over, but at least one known must be
 * there. A SHA-512 is put into the reader's arena. */
HM_MUST_CHECK enum hm_rc hm_document_parse_hashes(struct hm_json *json, struct hm_err *err,
                                                  struct hm_file_facts *facts);
void hm_document_write_hashes(const struct hm_file_facts *facts, struct hm_json_writer *writer);
/* A copy whose SHA-512 lives in arena. */
HM_MUST_CHECK enum hm_rc hm_document_copy_facts(struct hm_arena *arena,
                                                const struct hm_file_facts *facts,
                                                struct hm_err *err,
                                                struct hm_file_facts *ret_facts);
/* HM_EMISMATCH if bytes have not that length or any of the hashes stated. */
HM_MUST_CHECK enum hm_rc hm_document_check_facts(const struct hm_file_facts *facts,
                                                 struct hm_bytes bytes, const char *what,
                                                 struct hm_err *err);

/* Expired at now: HM_EEXPIRED "'WHAT': expired 2026-03-01T00:00:00Z". TUF: expired if expires <=
 * now. */
HM_MUST_CHECK enum hm_rc hm_document_check_expiry(const struct hm_document *document,
                                                  int64_t now_unix_s, const char *what,
                                                  struct hm_err *err);

#endif
