/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YARA rules over the parts of an image. The only user of libyara, in a process that scans alone
 * (scan_worker.h). Rules come as one run of bytes, a file after the other:
 *
 *   name (size (2) and bytes)   text of the rules (size (4) and bytes)      little endian
 *
 * They are compiled after the process has confined itself: who writes rules is believed no more
 * than who writes firmware. 'include' is refused, and modules that read files are.
 */
#ifndef HM_IMAGE_RULES_H
#define HM_IMAGE_RULES_H

#include "image/finding.h"
#include "image/walk.h"

/* The largest public collections are below 20 MiB. */
#define HM_RULES_SIZE_MAX       ((size_t)32 << 20)
#define HM_RULES_FILE_COUNT_MAX 4096
/* Compiled rules are up to so many times their text, beside the base. */
#define HM_RULES_MEMORY_BASE   ((uint64_t)256 << 20)
#define HM_RULES_MEMORY_FACTOR 24
/* One part. */
#define HM_RULES_PART_TIME_S_MAX 30
/* Processor time of the process after which no further part is begun. With the last part it is
 * below the limit at which the process is ended (HM_SCAN_CPU_S_MAX): what was found until then is
 * told. */
#define HM_RULES_CPU_S_MAX 200

/* Readies the library, while files can still be opened. HM_EINTERNAL. */
HM_MUST_CHECK enum hm_rc hm_rules_start(void);
/* Compiles rules and adds what they find: in each space as a whole, and in each executable from its
 * first byte on. Rules that do not compile are said so in findings (rules_refused), and no failure.
 * cpu_s_max: HM_RULES_CPU_S_MAX; past it the findings are partial. HM_ENOMEM, HM_EINTERNAL. */
HM_MUST_CHECK enum hm_rc hm_rules_run(struct hm_bytes rules, struct hm_walk *walk,
                                      uint32_t cpu_s_max, struct hm_err *err,
                                      struct hm_findings *findings);

#endif
