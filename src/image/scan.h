/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Having a firmware file scanned by a confined process (scan_worker.h), and what a site's own lists
 * say beside: deny-listed digests of the file, its parts, executables (Authenticode) and of
 * certificates and their keys.
 */
#ifndef HM_IMAGE_SCAN_H
#define HM_IMAGE_SCAN_H

#include "base/dir.h"
#include "image/finding.h"
#include "image/inspect.h"

/* The name of the program that scans, in the folder of the command's programs. */
#define HM_SCAN_PROGRAM "hallmark-scan"
/* With rules, a file at its limit takes minutes. */
#define HM_SCAN_CPU_S_MAX   240
#define HM_SCAN_TIME_MS_MAX 600000
/* Lines of a deny list; 100 bytes each. */
#define HM_SCAN_DENY_COUNT_MAX 200000
#define HM_SCAN_DENY_SIZE_MAX  ((size_t)32 << 20)

struct hm_scan_denied {
    struct hm_sha256 sha256;
    struct hm_bytes name;
};

/* What is scanned for beside what is always. */
struct hm_scan_settings {
    struct hm_buf rules; /* as rules.h says */
    size_t rule_file_count;
    struct hm_scan_denied *denied; /* sorted by digest */
    size_t denied_count;
    struct hm_arena arena;
};

void hm_scan_settings_init(struct hm_scan_settings *settings);
void hm_scan_settings_done(struct hm_scan_settings *settings);
/* Adds the rules of a file; or of a folder: its files that end with .yar or .yara, sorted.
 * HM_EFORMAT past a limit, HM_EINPUT, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_scan_add_rules_path(struct hm_scan_settings *settings, const char *path,
                                                struct hm_err *err);
/* The same for a folder below dir, which may be empty; HM_ENOTFOUND: it is not there. */
HM_MUST_CHECK enum hm_rc hm_scan_add_rules_dir(struct hm_scan_settings *settings,
                                               const struct hm_dir *dir, const char *path,
                                               struct hm_err *err);
/* Adds digests, as sha256sum writes them: 64 digits, two spaces (or " *"), a name; a line each.
 * Lines that are empty or begin with # say nothing. name is said in sentences. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_scan_add_denied(struct hm_scan_settings *settings, const char *name,
                                            struct hm_bytes text, struct hm_err *err);

struct hm_scan {
    struct hm_inspection *inspection;
    struct hm_findings findings;
};

void hm_scan_free(struct hm_scan *scan);
HM_DEFINE_FREE(hm_scan_free, struct hm_scan);
/* Scans fd by the program at path worker. A scan that did not come to its end (a crash, a limit) is
 * a finding of its own: HM_FINDING_NOT_READ. HM_EINPUT: the rules do not compile; and as
 * hm_inspect_new. settings NULL: what is always looked for. */
HM_MUST_CHECK enum hm_rc hm_scan_new(int fd, const char *worker,
                                     const struct hm_scan_settings *settings, struct hm_err *err,
                                     struct hm_scan **ret_scan);
/* As hm_scan_new, for a path of the user's ("-": standard input). */
HM_MUST_CHECK enum hm_rc hm_scan_path(const char *path, const char *worker,
                                      const struct hm_scan_settings *settings, struct hm_err *err,
                                      struct hm_scan **ret_scan);
/* Appends where it stands: the parts around it from the outermost on, "a > b > c". */
HM_MUST_CHECK enum hm_rc hm_scan_component(const struct hm_image *image, uint32_t node,
                                           struct hm_err *err, struct hm_buf *buf);

#endif
