/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maker taking back what it released at one site: the next recalls~ID, signed by one of its keys,
 * and the notice that brings it there. Only what the maker signed for that site can be named.
 *
 * In the maker's folder:
 *
 *   recalls/SITE/recalls~ID.json   the next one, while it waits for a signature
 *   recalls/SITE/signed.json       the newest that was signed
 *   recalls/SITE/NAME.csaf         the document of each recall
 */
#ifndef HM_MAKER_WITHDRAWAL_H
#define HM_MAKER_WITHDRAWAL_H

#include "exchange/csaf.h"
#include "maker/folder.h"

#define HM_WITHDRAWAL_EXPIRY_S ((int64_t)3 * 365 * 86400) /* as a maker's releases */

struct hm_withdrawal {
    const char *name; /* NULL: nothing new, all that was recalled is to be signed anew */
    const char *reason, *remedy;
    const char *title;       /* NULL: the reason */
    const char *url;         /* of the maker, for the document; NULL: urn:hallmark:maker:ID */
    const char *const *what; /* PRODUCT/VERSION[/FILE], parts may be patterns */
    size_t what_count;
    int64_t now_unix_s;
};

/* Drafts the next recalls~ID of site with this recall. HM_EAGAIN: no identity, or nothing was
 * signed for the site; HM_EUNKNOWN: a pattern that matches nothing that was; HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_withdrawal_draft(const struct hm_folder *folder, const char *site,
                                             const struct hm_withdrawal *withdrawal,
                                             struct hm_err *err, struct hm_buf *report);
/* Adds signer's signature. HM_EREFUSED: not of the newest identity; HM_ENOTFOUND: nothing waits. */
HM_MUST_CHECK enum hm_rc hm_withdrawal_sign(const struct hm_folder *folder, const char *site,
                                            const struct hm_signer *signer, struct hm_err *err);
/* As hm_draft_merge. */
HM_MUST_CHECK enum hm_rc hm_withdrawal_merge(const struct hm_folder *folder, const char *site,
                                             const struct hm_signatures *signatures,
                                             struct hm_err *err, uint32_t *ret_added);
/* Appends a request for the draft. */
HM_MUST_CHECK enum hm_rc hm_withdrawal_request(const struct hm_folder *folder, const char *site,
                                               int64_t now_unix_s, struct hm_err *err,
                                               struct hm_buf *ret_request);
/* If the draft is signed: keeps it as the newest, writes its notice to path, and drops the draft.
 * *ret_done false: it is not signed yet. A run that dies in between is finished by the next.
 * HM_ENOTFOUND: nothing waits. */
HM_MUST_CHECK enum hm_rc hm_withdrawal_finish(const struct hm_folder *folder, const char *site,
                                              const char *path, struct hm_err *err, bool *ret_done);

#endif
