/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence of a log that contradicts itself, kept. See log_evidence.h. */
#include "customer/log_evidence.h"

#include "base/file.h"
#include "customer/site_basis.h"
#include "evidence/check.h"
#include "evidence/evidence_make.h"

#define ROOT_SIZE_MAX HM_TRUST_FILE_SIZE_MAX

enum hm_rc hm_log_evidence_add_roots(struct hm_evidence *evidence,
                                     const struct hm_client_source *metadata, uint64_t newest,
                                     struct hm_err *err)
{
    uint64_t first = 2;

    if (newest > HM_EVIDENCE_ROOT_COUNT_MAX + 1)
        first = newest - HM_EVIDENCE_ROOT_COUNT_MAX + 1;
    for (uint64_t version = first; version <= newest; version++) {
        _hm_done_(hm_buf_done) struct hm_buf root = HM_BUF_INIT(ROOT_SIZE_MAX);
        char name[48];

        (void)snprintf(name, sizeof(name), "%llu.root.json", (unsigned long long)version);
        if (metadata->get(metadata->ctx, name, NULL, &root) != HM_OK)
            evidence->root_count = 0; /* a gap: only what is behind it may follow on a trust file */
        else
            HM_TRY(hm_evidence_make_add_root(evidence, version, hm_buf_bytes(&root), err));
    }
    return HM_OK;
}

/* The file, with the roots that a trust file may lack. */
static enum hm_rc finish(const struct hm_subscription *subscription, struct hm_evidence *evidence,
                         struct hm_err *err, struct hm_buf *ret_text)
{
    const struct hm_root *root = hm_client_root(subscription->client);

    if (hm_subscription_is_online(subscription))
        HM_TRY(hm_log_evidence_add_roots(evidence, &subscription->source,
                                         (uint64_t)root->document.version, err));
    return hm_evidence_write(evidence, err, ret_text);
}

static enum hm_rc place(const struct hm_subscription *subscription,
                        const struct hm_evidence *evidence, struct hm_bytes text,
                        struct hm_err *err, char ret_name[HM_LOG_EVIDENCE_NAME_SIZE])
{
    (void)snprintf(
        ret_name, HM_LOG_EVIDENCE_NAME_SIZE, HM_RELEASE_LOG_EVIDENCE "/%s-%llu-%llu.evidence",
        hm_evidence_kind_name(evidence->kind), (unsigned long long)evidence->parts[0].size,
        (unsigned long long)evidence->parts[1].size);
    return hm_file_replace(&subscription->dir, ret_name, 0644, text, err);
}

enum hm_rc hm_log_evidence_keep_fork(const struct hm_subscription *subscription,
                                     const struct hm_log_evidence_pair *pair, struct hm_err *err,
                                     char ret_name[HM_LOG_EVIDENCE_NAME_SIZE])
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);

    HM_TRY(hm_evidence_make_fork(subscription->trust->site, pair->small, pair->large, pair->begun,
                                 pair->proof, err, &evidence));
    HM_TRY(finish(subscription, evidence, err, &text));
    return place(subscription, evidence, hm_buf_bytes(&text), err, ret_name);
}

enum hm_rc hm_log_evidence_keep_rollback(const struct hm_subscription *subscription,
                                         const struct hm_log_evidence_pair *pair,
                                         struct hm_err *err,
                                         char ret_name[HM_LOG_EVIDENCE_NAME_SIZE])
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    _hm_free_(hm_basis_free) struct hm_basis *basis = NULL;
    _hm_free_(hm_report_free) struct hm_report *report = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);

    ret_name[0] = '\0';
    HM_TRY(hm_evidence_make_rollback(subscription->trust->site, pair->small, pair->large, err,
                                     &evidence));
    HM_TRY(finish(subscription, evidence, err, &text));
    HM_TRY(hm_site_basis_of_site(subscription, err, &basis));
    HM_TRY(hm_check_file(hm_buf_bytes(&text), basis, err, &report));
    /* An old copy that was served again accuses no witness. */
    if (report->rc != HM_OK)
        return HM_OK;
    return place(subscription, evidence, hm_buf_bytes(&text), err, ret_name);
}
