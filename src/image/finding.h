/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scan finds in an image, and the bytes by which the process that scans (scan_worker.h)
 * says so. Who reads them believes nothing in them. Little endian, behind a report (report.h):
 *
 *   0  "HMSCAN01"   8  flags (4): 1 partial, 2 the rules are refused
 *   C  text: why (size (2) and bytes; empty without flags)
 *      findings (4), each: kind (1)  severity (1)  node (4)  offset in its space (8)
 *                          SHA-256 of the node's bytes (32)  rule (text)  detail (text)
 *      certificates (4), each: node (4)  offset (8)  SHA-256 (32)
 *                          SHA-256 of its SubjectPublicKeyInfo (32)  subject (text)
 */
#ifndef HM_IMAGE_FINDING_H
#define HM_IMAGE_FINDING_H

#include "base/buf.h"
#include "image/image.h"

/* Nobody acknowledges more by name; a scan that finds more is partial. */
#define HM_FINDING_COUNT_MAX 4096
/* A flash image has below 100 in its key stores and signatures. */
#define HM_FINDING_CERTIFICATE_COUNT_MAX 4096
/* Of a rule's name, or a detail. */
#define HM_FINDING_TEXT_SIZE_MAX 512
/* All of both at their limits, and the head. */
#define HM_FINDING_OUTPUT_SIZE_MAX ((size_t)16 << 20)
/* An ID: half a SHA-256, so that nobody makes a part that has the ID of another. */
#define HM_FINDING_ID_SIZE 33

enum hm_finding_kind {
    HM_FINDING_RULE,        /* a YARA rule matches */
    HM_FINDING_DENIED,      /* a digest is on the deny list */
    HM_FINDING_PRIVATE_KEY, /* a private key stands in the image */
    HM_FINDING_TEST_KEY,    /* a certificate says of itself that it is for tests */
    HM_FINDING_WEAK_KEY,    /* a certificate's RSA key is shorter than 2048 bits */
    HM_FINDING_UNSIGNED,    /* an executable is not signed where others beside it are */
    HM_FINDING_OUTSIDE,     /* an executable stands where none belongs */
    HM_FINDING_NOT_READ,    /* the image was not read or scanned to its end */
    HM_FINDING_KIND_COUNT_
};

enum hm_finding_severity {
    HM_FINDING_LOW,
    HM_FINDING_MEDIUM,
    HM_FINDING_HIGH,
    HM_FINDING_CRITICAL,
    HM_FINDING_SEVERITY_COUNT_
};

struct hm_finding {
    enum hm_finding_kind kind;
    enum hm_finding_severity severity;
    uint32_t node;
    uint64_t offset;         /* in the node's space */
    struct hm_sha256 sha256; /* of the node's bytes */
    struct hm_bytes rule;    /* a YARA rule's name, or which of its kind; may be empty */
    struct hm_bytes detail;  /* for people; may be empty */
};

struct hm_finding_certificate {
    uint32_t node;
    uint64_t offset;
    struct hm_sha256 sha256, key_sha256; /* of all of it; of its SubjectPublicKeyInfo */
    struct hm_bytes subject;
};

struct hm_findings {
    struct hm_finding *items;
    size_t count, capacity;
    struct hm_finding_certificate *certificates;
    size_t certificate_count, certificate_capacity;
    bool is_partial;    /* not all was scanned */
    bool rules_refused; /* nothing was scanned */
    struct hm_bytes why;
    struct hm_arena arena;
};

#define HM_FINDINGS_INIT                                                                           \
    {                                                                                              \
        .arena = HM_ARENA_INIT                                                                     \
    }

void hm_finding_done(struct hm_findings *findings);
/* Copies one that is not there yet (as hm_finding_id says); texts are cut to their limit and made
 * UTF-8. Past HM_FINDING_COUNT_MAX it is partial instead. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_finding_add(struct hm_findings *findings,
                                        const struct hm_finding *finding, struct hm_err *err);
HM_MUST_CHECK enum hm_rc
hm_finding_add_certificate(struct hm_findings *findings,
                           const struct hm_finding_certificate *certificate, struct hm_err *err);
/* Not all was scanned, and why; the first reason stays. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_finding_set_partial(struct hm_findings *findings, const char *why,
                                                struct hm_err *err);

/* "rule-match"; stable, for JSON and people; static. */
const char *hm_finding_kind_name(enum hm_finding_kind kind);
const char *hm_finding_severity_name(enum hm_finding_severity severity);
/* HM_EFORMAT where text names none. */
HM_MUST_CHECK enum hm_rc hm_finding_kind_parse(struct hm_bytes text,
                                               enum hm_finding_kind *ret_kind);
HM_MUST_CHECK enum hm_rc hm_finding_severity_parse(struct hm_bytes text,
                                                   enum hm_finding_severity *ret_severity);
/* The name by which a finding is acknowledged: it stays where the same rule finds the same part
 * again, wherever it stands. HM_EINTERNAL, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_finding_id(const struct hm_finding *finding, struct hm_err *err,
                                       char ret_id[HM_FINDING_ID_SIZE]);

HM_MUST_CHECK enum hm_rc hm_finding_write(const struct hm_findings *findings, struct hm_err *err,
                                          struct hm_buf *ret_buf);
/* Reads all of bytes; nodes and offsets are those of image. HM_EFORMAT, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_finding_parse(struct hm_bytes bytes, const struct hm_image *image,
                                          struct hm_err *err, struct hm_findings *ret_findings);

#endif
