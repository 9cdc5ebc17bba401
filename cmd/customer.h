/* SPDX-License-Identifier: Apache-2.0 */
/* What the customer's commands share: their common options, which sites they ask, how they print.
 */
#ifndef HM_CMD_CUSTOMER_H
#define HM_CMD_CUSTOMER_H

#include <getopt.h>

#include "base/json_writer.h"
#include "cmd.h"
#include "customer/catalogue.h"
#include "table.h"

#define HM_CUSTOMER_OUTPUT_SIZE_MAX ((size_t)1 << 30) /* what one command may print */

/* Values of long options that every customer's command has; a command's own begin behind. */
enum hm_customer_option {
    HM_CUSTOMER_HOME = 256,
    HM_CUSTOMER_SITE,
    HM_CUSTOMER_JSON,
    HM_CUSTOMER_QUIET,
    HM_CUSTOMER_NO_PROGRESS,
    HM_CUSTOMER_HELP,
    HM_CUSTOMER_OWN_,
};

/* Entries of a struct option table. */
#define HM_CUSTOMER_OPTIONS                                                                        \
    {"home", required_argument, NULL, HM_CUSTOMER_HOME},                                           \
        {"site", required_argument, NULL, HM_CUSTOMER_SITE},                                       \
        {"json", no_argument, NULL, HM_CUSTOMER_JSON},                                             \
        {"quiet", no_argument, NULL, HM_CUSTOMER_QUIET},                                           \
        {"no-progress", no_argument, NULL, HM_CUSTOMER_NO_PROGRESS},                               \
    {                                                                                              \
        "help", no_argument, NULL, HM_CUSTOMER_HELP                                                \
    }

struct hm_customer {
    const char *group; /* "hallmark get" */
    const char *help;  /* the whole text of --help */
    const char *home_path;
    const char *site;
    bool json, quiet, no_progress, wants_help;
    int64_t now_unix_s;
    struct hm_home home;
    bool has_home;
    struct hm_subscription **sites; /* opened with hm_customer_open_site */
    size_t site_count;
    size_t site_capacity;
    bool warned_trial;
    struct hm_arena arena;
};

void hm_customer_init(struct hm_customer *customer, const char *group, const char *help);
void hm_customer_done(struct hm_customer *customer);
/* Takes one of the common options; false if option is none of them. */
bool hm_customer_take_option(struct hm_customer *customer, int option);
/* getopt's '?' or ':' as one sentence; returns 2. */
int hm_customer_bad_option(const struct hm_customer *customer, int option, char **argv);
int hm_customer_print_help(const struct hm_customer *customer);

HM_MUST_CHECK enum hm_rc hm_customer_open_home(struct hm_customer *customer, bool make,
                                               struct hm_err *err);
/* The names of the sites to ask: --site, or all. HM_EINPUT if there is none. */
HM_MUST_CHECK enum hm_rc hm_customer_names(struct hm_customer *customer, struct hm_err *err,
                                           const char ***ret_names, size_t *ret_count);
/* The one site to ask: --site, or the only one. HM_EUSAGE where a choice is needed. */
HM_MUST_CHECK enum hm_rc hm_customer_name(struct hm_customer *customer, struct hm_err *err,
                                          const char **ret_name);
/* Opens and refreshes (or, offline or fed by bundles, loads) a site for the IDs of patterns; warns
 * of a trial. The site belongs to the customer. */
HM_MUST_CHECK enum hm_rc hm_customer_open_site(struct hm_customer *customer, const char *name,
                                               bool is_offline, const struct hm_pattern *patterns,
                                               size_t pattern_count, struct hm_err *err,
                                               struct hm_subscription **ret_site);
/* Patterns from operands; none gives the one that matches all. */
HM_MUST_CHECK enum hm_rc hm_customer_patterns(struct hm_customer *customer, char **operands,
                                              size_t count, struct hm_err *err,
                                              struct hm_pattern **ret_patterns, size_t *ret_count);
/* Says, on standard error, where a site is answered for as of a bundle, or of an earlier refresh
 * than the last. */
/* HM_EINPUT for a site that is fed by bundles, where a connection is needed. */
HM_MUST_CHECK enum hm_rc hm_customer_check_online(const struct hm_subscription *site,
                                                  struct hm_err *err);
/* Appends what a site's state is as of: "as of the last refresh of NAME, 2 days ago". */
HM_MUST_CHECK enum hm_rc hm_customer_as_of(const struct hm_customer *customer,
                                           const struct hm_subscription *site, struct hm_err *err,
                                           struct hm_buf *ret_text);
void hm_customer_tell_earlier(const struct hm_customer *customer,
                              const struct hm_subscription *site);
void hm_customer_warn_trial(struct hm_customer *customer, const struct hm_subscription *site);

/* ---- printing ---- */

/* A text of a file's custom, such as "title"; NULL if it has none. */
const char *hm_customer_custom_text(struct hm_customer *customer, struct hm_bytes custom,
                                    const char *key);
/* Members of an item in an open JSON object: site, path, size, sha256, grade or reason. */
void hm_customer_write_item(struct hm_json_writer *writer, const struct hm_catalogue_item *item);
void hm_customer_write_problems(struct hm_json_writer *writer,
                                const struct hm_catalogue *catalogue);
/* "hallmark: SENTENCE" for each problem of the catalogue; returns the worst. What is recalled is
 * warned of alone: it stays so for ever, and only who wants it has failed. */
enum hm_rc hm_customer_print_problems(const struct hm_catalogue *catalogue);
/* Prints what the writer made; returns the exit status, that of rc where printing succeeded. */
int hm_customer_finish_json(struct hm_json_writer *writer, enum hm_rc rc);

/* Key "log": what the site's release log says of its snapshot. */
void hm_customer_write_log(struct hm_json_writer *writer, const struct hm_subscription *site);
/* Prints "NAME: witnessed by 2 of 3, newest ...". */
HM_MUST_CHECK enum hm_rc hm_customer_print_log(const struct hm_subscription *site,
                                               struct hm_err *err);

#endif
