/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of a site's folder, opened with what root in force says of it: keys, both logs'
 * policies, folders. All that is ever needed is opened here, so that a process can give up the
 * rest.
 */
#ifndef HM_LEDGER_LEDGER_SITE_H
#define HM_LEDGER_LEDGER_SITE_H

#include "ledger/ledger.h"
#include "site/site.h"

struct hm_ledger_site;

struct hm_ledger_site_options {
    hm_ledger_grant_fn *is_granted; /* NULL: nothing is granted */
    void *grant_ctx;
    const char *edge;         /* as in hm_ledger_options, and so on */
    const char *ca_file;      /* borrowed while it is open */
    int64_t offer_s, batch_s; /* 0: the defaults */
    uint32_t wait_ms;
    int64_t now_unix_s;
};

/* HM_ENOTFOUND: root names no deliveries, or nothing is published; HM_EINPUT: one of the keys is
 * not in private/keys; else as hm_site_open and hm_ledger_open. options NULL: all as it is by
 * default. */
HM_MUST_CHECK enum hm_rc hm_ledger_site_open(const char *path,
                                             const struct hm_ledger_site_options *options,
                                             struct hm_err *err, struct hm_ledger_site **ret_site);
void hm_ledger_site_free(struct hm_ledger_site *site);
HM_DEFINE_FREE(hm_ledger_site_free, struct hm_ledger_site);

struct hm_ledger *hm_ledger_site_ledger(const struct hm_ledger_site *site);
/* public/, which is read; private/deliveries and public/deliveries, which are written. */
const struct hm_dir *hm_ledger_site_public(const struct hm_ledger_site *site);
const struct hm_dir *hm_ledger_site_folder(const struct hm_ledger_site *site);
const struct hm_dir *hm_ledger_site_log_folder(const struct hm_ledger_site *site);
/* Is anybody asked to cosign the deliveries log? */
bool hm_ledger_site_has_witnesses(const struct hm_ledger_site *site);

/* Does root in force name deliveries? */
HM_MUST_CHECK enum hm_rc hm_ledger_site_is_kept(const struct hm_site *site, struct hm_err *err,
                                                bool *ret_is_kept);

#endif
