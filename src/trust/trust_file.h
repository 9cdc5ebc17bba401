/* SPDX-License-Identifier: Apache-2.0 */
/* The trust file: what a customer trusts about a site, under one fingerprint (docs/formats.md 4).
 */
#ifndef HM_TRUST_TRUST_FILE_H
#define HM_TRUST_TRUST_FILE_H

#include "base/json_writer.h"
#include "tlog/log_policy.h"
#include "trust/layout.h"

#define HM_TRUST_FILE_SIZE_MAX      1048576
#define HM_TRUST_FILE_PIN_COUNT_MAX 4096
/* How old cosignatures may be: the default, and what nobody can mean seriously beyond. */
#define HM_TRUST_FILE_MAX_AGE_DEFAULT_S 604800
#define HM_TRUST_FILE_MAX_AGE_MAX_S     315360000 /* ten years */

struct hm_trust_pin {
    const char *id;
    struct hm_sha256 first; /* SHA-256 of the maker's first identity */
};

struct hm_trust_file {
    const char *site;
    const char *url;      /* or NULL */
    struct hm_bytes root; /* the root envelope's bytes, verified by itself */
    bool trial;
    struct hm_trust_pin *pins;
    size_t pin_count;
    enum hm_grade floor; /* HM_GRADE_ATTESTED, or HM_GRADE_INTRODUCED for "maker" */
    /* What is asked of the release log beyond root's policy: witnesses, groups and a quorum, no log
     * line; NULL: nothing more. Owned. */
    struct hm_log_policy *log_policy;
    int64_t log_max_age_s; /* 0: not stated, HM_TRUST_FILE_MAX_AGE_DEFAULT_S holds */
    struct hm_sha256 fingerprint;
    struct hm_arena arena;
};

/* Copies what it keeps. HM_EFORMAT; HM_ESIGNATURE if the root in it is not signed by its own
 * threshold; HM_EMISMATCH if that root names another site; HM_EUNKNOWN for a vkey of a type not
 * known here, in the policy or in root's. */
HM_MUST_CHECK enum hm_rc hm_trust_file_parse(struct hm_bytes raw, struct hm_err *err,
                                             struct hm_trust_file **ret_file);
HM_MUST_CHECK enum hm_rc hm_trust_file_write(const struct hm_trust_file *file, struct hm_err *err,
                                             struct hm_buf *ret_buf);
void hm_trust_file_free(struct hm_trust_file *file);
HM_DEFINE_FREE(hm_trust_file_free, struct hm_trust_file);
/* The member "log" of a trust file, which a customer's own policy has as well: an object with
 * "policy" and "max-age", both optional. *policy (NULL before) is the caller's to free. HM_EFORMAT,
 * HM_EUNKNOWN. */
HM_MUST_CHECK enum hm_rc hm_trust_file_parse_log(struct hm_json *json, struct hm_err *err,
                                                 struct hm_log_policy **policy, int64_t *max_age_s);
/* Writes the member, nothing where nothing is asked for. */
HM_MUST_CHECK enum hm_rc hm_trust_file_write_log(const struct hm_log_policy *policy,
                                                 int64_t max_age_s, struct hm_err *err,
                                                 struct hm_json_writer *writer);
/* A policy text as it stands there: without a log line, which only root has. */
HM_MUST_CHECK enum hm_rc hm_trust_file_parse_policy(struct hm_bytes text, struct hm_err *err,
                                                    struct hm_log_policy **ret_policy);
/* "1a2b3c4d 5e6f..." in groups of eight; room for 72. */
void hm_trust_file_format_fingerprint(const struct hm_sha256 *fingerprint, char ret_text[72]);
/* 64 hexadecimal digits, white space and ':' ignored. HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_trust_file_parse_fingerprint(const char *text, struct hm_err *err,
                                                         struct hm_sha256 *ret_fingerprint);

#endif
