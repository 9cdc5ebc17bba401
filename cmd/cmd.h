/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands share: the table of commands, the one way to report a failure, and the
 * options that mean the same everywhere. A subcommand parses arguments and prints; it decides
 * nothing.
 */
#ifndef HM_CMD_CMD_H
#define HM_CMD_CMD_H

#include "base/buf.h"
#include "base/error.h"

/* argv[0] is the subcommand's name. Returns the exit status (hm_error_exit_status). */
typedef int hm_cmd_fn(int argc, char **argv);

struct hm_cmd {
    const char *name;
    hm_cmd_fn *run;
    const char *summary; /* one line of "hallmark --help" */
};

/* Runs the entry of table (ended by a NULL name) that argv[1] names; group is "hallmark" or
 * "hallmark site". --help prints the table, an unknown name is exit status 2 with the nearest one
 * named. */
int hm_cmd_dispatch(const char *group, const struct hm_cmd *table, int argc, char **argv);

/* Prints "hallmark: SENTENCE" on stderr and returns the exit status of err->rc. */
int hm_cmd_fail(const struct hm_err *err);
/* "hallmark: SENTENCE" and exit status 2, with "hallmark GROUP --help" named. */
HM_PRINTF(2, 3)
int hm_cmd_usage(const char *group, const char *format, ...);
/* "hallmark: warning: SENTENCE" on stderr. */
HM_PRINTF(1, 2)
void hm_cmd_warn(const char *format, ...);
/* Writes text to standard output and flushes; HM_EIO when it cannot (a full disk, a closed pipe).
 */
HM_MUST_CHECK enum hm_rc hm_cmd_print(struct hm_bytes text, struct hm_err *err);

/* The value of --wait, 0 to 86400 seconds. HM_EUSAGE. */
HM_MUST_CHECK enum hm_rc hm_cmd_wait(const char *text, struct hm_err *err, uint32_t *ret_wait_ms);
/* Of a program at a site's folder: prints usage, more, and what --wait and --quiet mean, where
 * option is 'h', and where to look where it is '?'; the exit status, or -1: another option. */
int hm_cmd_help(int option, const char *command, const char *usage, const char *more);

/* The groups of subcommands, one file each, listed in hallmark.c. */
hm_cmd_fn hm_cmd_key;
hm_cmd_fn hm_cmd_maker;
hm_cmd_fn hm_cmd_sign;
hm_cmd_fn hm_cmd_site;
hm_cmd_fn hm_cmd_trust;
hm_cmd_fn hm_cmd_list;
hm_cmd_fn hm_cmd_get;
hm_cmd_fn hm_cmd_sync;
hm_cmd_fn hm_cmd_receipts;
hm_cmd_fn hm_cmd_verify;
hm_cmd_fn hm_cmd_identify;
hm_cmd_fn hm_cmd_bundle;
hm_cmd_fn hm_cmd_image;
hm_cmd_fn hm_cmd_check;
hm_cmd_fn hm_cmd_judge;
hm_cmd_fn hm_cmd_dossier;
hm_cmd_fn hm_cmd_log;
hm_cmd_fn hm_cmd_witness;
hm_cmd_fn hm_cmd_monitor;
hm_cmd_fn hm_cmd_tuf;

#endif
