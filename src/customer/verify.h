/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this file what somebody I trust released? Judged offline, by its bytes alone, as of the last
 * refresh: a name proves nothing.
 */
#ifndef HM_CUSTOMER_VERIFY_H
#define HM_CUSTOMER_VERIFY_H

#include "customer/catalogue.h"
#include "customer/digests.h"
#include "customer/release_proof.h"

/* A site that was asked. */
struct hm_verify_site {
    const char *name;
    struct hm_subscription *subscription; /* owned */
    enum hm_rc rc;                        /* else it cannot be asked; HM_OK or a "cannot tell" */
    const char *text;
    struct hm_digests digests; /* made for the first file */
    bool has_digests;
    /* As of the last complete refresh, where the newest state lacks roles; NULL: not needed, or
     * there is none. Asked only for what the newest state cannot tell. */
    struct hm_verify_site *earlier;
    bool tried_earlier;
    bool answered; /* it had a match for some file */
};

struct hm_verify {
    struct hm_verify_site *sites;
    size_t site_count;
    int64_t now_unix_s;
    int64_t max_age_s;
    bool
        needs_proof; /* a file without the proof beside it that its site's log has it is not good */
    const struct hm_home *home; /* borrowed */
    struct hm_arena arena;
};

/* Loads the named site, or all. home is borrowed for the result's life. max_age_s: a site refreshed
 * longer ago cannot be asked; negative: any age will do. HM_EINPUT: nothing is trusted, or not the
 * one named. */
HM_MUST_CHECK enum hm_rc hm_verify_open(const struct hm_home *home, const char *site,
                                        int64_t now_unix_s, int64_t max_age_s, struct hm_err *err,
                                        struct hm_verify *ret_verify);
void hm_verify_done(struct hm_verify *verify);

struct hm_verify_answer {
    /* HM_OK: released, accepted. HM_EREFUSED: released, but not accepted. HM_ERECALLED:
     * taken back. HM_EMISMATCH: named like
     * a release's file, with other bytes. HM_EUNKNOWN: nothing known. HM_EAGAIN, HM_EEXPIRED,
     * HM_ECLOCK: cannot tell, as a site or a role could not be asked, or the proof that is needed
     * is not there. */
    enum hm_rc rc;
    const char *text; /* one sentence; NULL if rc is HM_OK */
    struct hm_sha256 sha256;
    uint64_t size;
    struct hm_catalogue matches; /* every place where these bytes stand, accepted or not */
    /* A product's role that may list them and cannot be used, why; HM_OK: there is none. */
    enum hm_rc unread;
    const char *unread_text;
    /* Of the file beside it, where it is released and accepted; without a path: none. */
    struct hm_release_proof_answer proof;
    bool is_of_proof; /* FILE.proof itself was asked about: this is the answer on FILE with it */
};

/* Examines the file at path ("-": standard input), and PATH.proof beside it. Asked about such a
 * proof it examines the file that it is of, with it. HM_EINPUT,
 * HM_ENOTFOUND if it cannot be read. */
HM_MUST_CHECK enum hm_rc hm_verify_file(struct hm_verify *verify, const char *path,
                                        hm_digest_progress_fn *progress, void *ctx,
                                        struct hm_err *err, struct hm_verify_answer *ret_answer);
/* As hm_verify_file, for bytes that were hashed elsewhere. path is what they are called, for the
 * wording and for HM_EMISMATCH; NULL: nobody knows. */
HM_MUST_CHECK enum hm_rc hm_verify_digest(struct hm_verify *verify, const struct hm_sha256 *sha256,
                                          uint64_t size, const char *path, struct hm_err *err,
                                          struct hm_verify_answer *ret_answer);
void hm_verify_answer_done(struct hm_verify_answer *answer);

#endif
