/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark identify: what its parts share. */
#ifndef HM_CMD_IDENTIFY_H
#define HM_CMD_IDENTIFY_H

#include "customer.h"
#include "customer/verify.h"
#include "match/known.h"
#include "match/match.h"
#include "progress.h"

#define HM_IDENTIFY_GROUP "hallmark identify"

/* What the verified metadata says of one digest, asked once. */
struct hm_identify_name {
    struct hm_sha256 sha256;
    struct hm_verify_answer answer;
};

/* One file that was asked about. */
struct hm_identify_file {
    const char *path;
    uint64_t size;
    struct hm_sha256 sha256;
    enum hm_rc rc;      /* what the exit status says of it */
    const char *reason; /* why it cannot be told, or what is wrong; NULL: nothing to add */
    const struct hm_identify_name *signed_as; /* what the metadata says of these very bytes; NULL:
                                                 no site is trusted */
    struct hm_match *match; /* owned; NULL: the bytes are signed as they are, or cannot be read */
};

struct hm_identify {
    struct hm_customer customer;
    const char *folders[HM_KNOWN_FOLDER_COUNT_MAX];
    size_t folder_count;
    int64_t max_age_s;
    bool is_raw, is_trace;
    bool has_sites;
    struct hm_verify verify;
    struct hm_known known;
    struct hm_progress progress;
    struct hm_identify_name **names; /* owned */
    size_t name_count, name_capacity;
    struct hm_buf worker; /* the program that takes images apart */
    struct hm_buf json;   /* of "files" */
    struct hm_json_writer writer;
    enum hm_rc worst;
    struct hm_arena arena;
};

/* What the metadata says of a digest; NULL where no site is trusted. */
HM_MUST_CHECK enum hm_rc hm_identify_ask(struct hm_identify *identify,
                                         const struct hm_sha256 *sha256, uint64_t size,
                                         struct hm_err *err, const struct hm_identify_name **ret);
/* The first accepted release with those bytes; NULL: none. */
const struct hm_catalogue_item *hm_identify_released(const struct hm_identify_name *name);
/* Does a site list these bytes, or take them back, so that they are not to be installed? */
bool hm_identify_is_refused(const struct hm_identify_name *name);

/* ---- identify_text.c ---- */

HM_MUST_CHECK enum hm_rc hm_identify_print(struct hm_identify *identify,
                                           const struct hm_identify_file *file, struct hm_err *err);

/* ---- identify_json.c ---- */

HM_MUST_CHECK enum hm_rc hm_identify_write(struct hm_identify *identify,
                                           const struct hm_identify_file *file, struct hm_err *err);

/* ---- identify_trace.c ---- */

/* Where an accepted release comes from, as far as that can be proved. */
struct hm_trace {
    const char *site, *maker, *grade;
    struct hm_subscription *subscription; /* the customer's */
    const struct hm_release_proof *proof; /* NULL: as reason says */
    enum hm_rc rc;
    const char *reason;
};

/* Asks the site for the proof of the item's entry. A site that cannot be reached is rc and reason,
 * and no failure. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_identify_trace(struct hm_identify *identify,
                                           const struct hm_catalogue_item *item, struct hm_err *err,
                                           struct hm_trace *ret_trace);
HM_MUST_CHECK enum hm_rc hm_identify_trace_print(const struct hm_trace *trace, struct hm_err *err,
                                                 struct hm_buf *out);
void hm_identify_trace_write(struct hm_json_writer *writer, const struct hm_trace *trace);

#endif
