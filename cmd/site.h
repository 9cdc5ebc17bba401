/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of "hallmark site" share: common options, opening the site, ending a command. */
#ifndef HM_CMD_SITE_H
#define HM_CMD_SITE_H

#include <getopt.h>

#include "base/json_writer.h"
#include "base/num.h"
#include "cmd.h"
#include "keys.h"
#include "site/approvers.h"
#include "site/init.h"
#include "site/publish.h"

/* Options that several subcommands have. */
struct hm_cmd_site {
    const char *dir;
    const char *out; /* -o */
    bool json, quiet;
    uint32_t wait_ms;
    struct hm_keys keys;
    struct hm_site *site;                        /* owned */
    struct hm_buf report;                        /* text for standard output */
    struct hm_signers signers;                   /* --key, and a trial site's own */
    struct hm_buf inspect_program, scan_program; /* the site borrows them */
};

void hm_cmd_site_done(struct hm_cmd_site *cmd);
void hm_cmd_site_init(struct hm_cmd_site *cmd);
/* Values of getopt_long for the common options, for the tables of the subcommands. */
#define HM_CMD_SITE_OPTIONS                                                                        \
    {"dir", required_argument, NULL, 'd'}, {"key", required_argument, NULL, 'k'},                  \
        {"passphrase-file", required_argument, NULL, 'p'},                                         \
        {"output", required_argument, NULL, 'o'}, {"json", no_argument, NULL, 'j'},                \
        {"quiet", no_argument, NULL, 'q'}, {"wait", required_argument, NULL, 'w'},                 \
    {                                                                                              \
        "help", no_argument, NULL, 'h'                                                             \
    }
/* Takes one of them. HM_EUSAGE for a value that is none, HM_EUNKNOWN where it is not a common one.
 */
HM_MUST_CHECK enum hm_rc hm_cmd_site_option(struct hm_cmd_site *cmd, int option, const char *value,
                                            struct hm_err *err);
/* An option of one subcommand. */
typedef enum hm_rc hm_cmd_site_option_fn(void *ctx, int option, const char *value,
                                         struct hm_err *err);
/* Reads the options; operands are then argv[optind] on. Returns -1 to go on, else the exit status.
 * take (may be NULL) gets what is not common. */
int hm_cmd_site_parse(struct hm_cmd_site *cmd, int argc, char **argv, const struct option *options,
                      const char *usage, hm_cmd_site_option_fn *take, void *ctx);
/* Loads the --key files; own: a trial site's keys too. */
HM_MUST_CHECK enum hm_rc hm_cmd_site_load_keys(struct hm_cmd_site *cmd, bool own,
                                               struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_cmd_site_threshold(const char *value, struct hm_err *err,
                                               uint32_t *ret_threshold);
/* Opens the site, with its keys loaded (a trial site's own ones too, for HM_SITE_CHANGE). */
HM_MUST_CHECK enum hm_rc hm_cmd_site_open(struct hm_cmd_site *cmd, enum hm_site_access access,
                                          struct hm_err *err);
/* Prints the report (warnings on stderr), or the failure; returns the exit status. */
int hm_cmd_site_end(struct hm_cmd_site *cmd, enum hm_rc rc, struct hm_err *err);
/* Signs the drafts of these roles with the keys at hand and describes them; writes a request for
 * those that are not complete. reason goes into it. */
HM_MUST_CHECK enum hm_rc hm_cmd_site_finish(struct hm_cmd_site *cmd, const char *const *roles,
                                            size_t count, const char *reason, struct hm_err *err);

hm_cmd_fn hm_cmd_site_create;
hm_cmd_fn hm_cmd_site_attach;
hm_cmd_fn hm_cmd_site_enroll;
hm_cmd_fn hm_cmd_site_intake;
hm_cmd_fn hm_cmd_site_pending;
hm_cmd_fn hm_cmd_site_review;
hm_cmd_fn hm_cmd_site_approve;
hm_cmd_fn hm_cmd_site_reject;
hm_cmd_fn hm_cmd_site_publish;
hm_cmd_fn hm_cmd_site_recall;
hm_cmd_fn hm_cmd_site_renew;
hm_cmd_fn hm_cmd_site_status;
hm_cmd_fn hm_cmd_site_rotate;
hm_cmd_fn hm_cmd_site_witness;

#endif
