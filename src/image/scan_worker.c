/* SPDX-License-Identifier: Apache-2.0 */
/* The process that scans (scan_worker.h). */
#include "image/scan_worker.h"

#include "image/lint.h"
#include "image/report.h"
#include "image/rules.h"
#include "image/worker.h"

enum hm_rc hm_scan_worker_scan(struct hm_walk *walk, struct hm_bytes rules, struct hm_err *err,
                               struct hm_findings *ret_findings)
{
    struct hm_findings findings = HM_FINDINGS_INIT;
    enum hm_rc rc = hm_lint_run(walk, err, &findings);

    if (rc == HM_OK)
        rc = hm_rules_run(rules, walk, HM_RULES_CPU_S_MAX, err, &findings);
    if (rc != HM_OK) {
        hm_finding_done(&findings);
        return rc;
    }
    *ret_findings = findings;
    return HM_OK;
}

static enum hm_rc run(const struct hm_worker *worker, struct hm_err *err)
{
    struct hm_buf buf = HM_BUF_INIT(HM_FINDING_OUTPUT_SIZE_MAX);
    struct hm_findings findings;
    struct hm_walk *walk = NULL; /* the process ends: nothing is freed */

    HM_TRY(hm_walk_new(worker->file, err, &walk));
    HM_TRY(hm_scan_worker_scan(walk, worker->rules, err, &findings));
    HM_TRY(hm_report_write(hm_walk_image(walk), hm_worker_write, NULL, err));
    HM_TRY(hm_finding_write(&findings, err, &buf));
    return hm_worker_write(NULL, hm_buf_bytes(&buf), err);
}

int hm_scan_worker_main(int argc, char **argv)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_worker worker;
    enum hm_rc rc;
    int status;

    if (hm_rules_start() != HM_OK)
        return HM_WORKER_NOT_STARTED;
    status = hm_worker_start(argc, argv, true, &worker);
    if (status != 0)
        return status;
    rc = run(&worker, &err);
    if (rc == HM_ENOMEM)
        return HM_WORKER_NO_MEMORY;
    return rc == HM_OK ? 0 : HM_WORKER_FAILED;
}
