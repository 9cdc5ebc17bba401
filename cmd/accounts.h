/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of hallmark-accounts share: arguments, the open accounts, and ending a command. */
#ifndef HM_CMD_ACCOUNTS_H
#define HM_CMD_ACCOUNTS_H

#include <getopt.h>

#include "account/account.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "cmd.h"
#include "table.h"

#define HM_ACCOUNTS_NEVER (-1) /* of --expires */

enum {
    HM_ACCOUNTS_OPTION_DIR = 256,
    HM_ACCOUNTS_OPTION_BY,
    HM_ACCOUNTS_OPTION_TITLE,
    HM_ACCOUNTS_OPTION_LABEL,
    HM_ACCOUNTS_OPTION_REASON,
    HM_ACCOUNTS_OPTION_EXPIRES,
    HM_ACCOUNTS_OPTION_OVERLAP,
    HM_ACCOUNTS_OPTION_EVERYONE,
    HM_ACCOUNTS_OPTION_WAIT,
    HM_ACCOUNTS_OPTION_JSON,
    HM_ACCOUNTS_OPTION_QUIET,
};

struct hm_accounts_args {
    const char *command; /* "hallmark site token" */
    const char *dir, *by, *title, *label, *reason, *out;
    int64_t expires_s, overlap_s; /* HM_ACCOUNTS_NEVER */
    uint32_t wait_ms;
    bool everyone, json, quiet;
    char **operands;
    size_t count;
};

/* What every run has. */
struct hm_accounts_run {
    const struct hm_accounts_args *args;
    struct hm_accounts accounts;
    struct hm_accounts_change change;
    char who[256];
    struct hm_arena arena;
    struct hm_buf out;
    struct hm_dir private_dir; /* of the site */
    bool is_change;
};

void hm_accounts_run_done(struct hm_accounts_run *run);
/* Fills args; returns an exit status, or -1 to go on. */
int hm_accounts_parse(int argc, char **argv, const struct option *options, const char *command,
                      const char *usage, struct hm_accounts_args *args);
/* Opens the accounts of the site; the first change makes the file. */
HM_MUST_CHECK enum hm_rc hm_accounts_run_open(struct hm_accounts_run *run, bool is_change,
                                              struct hm_err *err);
/* Prints what there is, and the failure; the exit status. */
int hm_accounts_finish(struct hm_accounts_run *run, enum hm_rc rc, struct hm_err *err);
bool hm_accounts_is_one_of(const char *word, const char *const *words);

/* An object of the schema, in the run's output. */
void hm_accounts_json_begin(struct hm_json_writer *writer, struct hm_accounts_run *run,
                            const char *schema);
/* Nothing for 0. */
void hm_accounts_json_time(struct hm_json_writer *writer, const char *key, int64_t unix_s);
const char *hm_accounts_time_or(int64_t unix_s, const char *other, char text[HM_TIME_TEXT_SIZE]);

/* Key "tokens"; and as a table. */
HM_MUST_CHECK enum hm_rc hm_accounts_write_tokens(struct hm_json_writer *writer,
                                                  struct hm_accounts_run *run,
                                                  const struct hm_account *account,
                                                  struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_accounts_print_tokens(struct hm_accounts_run *run,
                                                  const struct hm_account *account,
                                                  struct hm_err *err);
hm_cmd_fn hm_accounts_cmd_token;

#endif
