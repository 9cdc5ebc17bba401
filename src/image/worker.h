/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that reads a foreign image, from inside. Started by inspect.h with nothing but
 *
 *   descriptor 0   the file: a memory file that nobody can change any more
 *   descriptor 1   an empty memory file for what was found
 *   descriptor 3   rules to scan by (rules.h): a memory file likewise; where it scans alone
 *   arguments      the limit of processor time in seconds; "contents" if they are wanted too, or
 *                  "scan"
 *
 * it confines itself (confine.h) before it looks at the first byte. It writes a report (report.h)
 * and, if wanted, all decompressed contents in the order of their spaces; and ends with status 0.
 * The program that scans (hallmark-scan) writes findings (finding.h) behind the report instead.
 */
#ifndef HM_IMAGE_WORKER_H
#define HM_IMAGE_WORKER_H

#include "image/walk.h"

/* How it ends otherwise; a shell's statuses are below 3. */
#define HM_WORKER_NOT_STARTED  10 /* wrong arguments or descriptors */
#define HM_WORKER_NOT_CONFINED 11
#define HM_WORKER_NO_MEMORY    12
#define HM_WORKER_FAILED       13

/* Beside the file and what may be expanded: the program and its libraries, an LZMA dictionary, a
 * tree at its limits. */
#define HM_WORKER_MEMORY_BASE ((uint64_t)192 << 20)

struct hm_worker {
    struct hm_bytes file;
    bool wants_contents;
    struct hm_bytes rules; /* of one that scans */
};

/* Maps the file (scans: and the rules) and confines this process. An exit status: 0,
 * HM_WORKER_NOT_STARTED or HM_WORKER_NOT_CONFINED. */
HM_MUST_CHECK int hm_worker_start(int argc, char **argv, bool scans, struct hm_worker *ret_worker);
/* Writes to the output; a hm_report_sink_fn. HM_EIO. */
HM_MUST_CHECK enum hm_rc hm_worker_write(void *ctx, struct hm_bytes bytes, struct hm_err *err);
/* Takes the file apart and tells. The exit status. */
HM_MUST_CHECK int hm_worker_run(const struct hm_worker *worker);

#endif
