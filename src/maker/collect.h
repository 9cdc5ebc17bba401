/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures coming in, by key or by file, and what follows when a threshold is met: the steps that
 * init, rotate, release, submission and attach share. Each tells what it did in report, as escaped
 * lines.
 */
#ifndef HM_MAKER_COLLECT_H
#define HM_MAKER_COLLECT_H

#include "maker/folder.h"

struct hm_collect {
    struct hm_folder *folder;
    const struct hm_signer *const *signers;
    size_t signer_count;
    const char *out; /* the file to write; NULL: a name is chosen, in the current folder */
    bool
        external; /* what lacks signatures goes out as a folder for a signing service, no request */
    int64_t now_unix_s;
    struct hm_buf *report;
};

/* Signs the identity's draft with the keys that fit; finishes it, or writes a request. HM_EREFUSED:
 * a key fits neither side. */
HM_MUST_CHECK enum hm_rc hm_collect_identity(const struct hm_collect *collect, struct hm_err *err);
/* Signs the release draft of site; writes its submission, or a request. stem names the file
 * ("PRODUCT-VERSION"). */
HM_MUST_CHECK enum hm_rc hm_collect_release(const struct hm_collect *collect, const char *site,
                                            const char *stem, struct hm_err *err);
/* Signs the recall that waits for site; writes its notice, or a request. */
HM_MUST_CHECK enum hm_rc hm_collect_recall(const struct hm_collect *collect, const char *site,
                                           struct hm_err *err);
/* Adds files of signatures, or files with one bare signature each (external.h), to the drafts they
 * are for, then finishes every draft that is complete. HM_EMISMATCH, HM_ESIGNATURE, HM_ENOTFOUND: a
 * file fits no draft. */
HM_MUST_CHECK enum hm_rc hm_collect_attach(const struct hm_collect *collect,
                                           const char *const *files, size_t count,
                                           struct hm_err *err);

#endif
