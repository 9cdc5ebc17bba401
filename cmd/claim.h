/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about deliveries share: the claim in options, the files, the answer in print.
 */
#ifndef HM_CMD_CLAIM_H
#define HM_CMD_CLAIM_H

#include "basis.h"
#include "judge/dossier.h"

#define HM_CLAIM_REVOKED_MAX HM_JUDGE_REVOKED_COUNT_MAX

enum hm_claim_option {
    HM_CLAIM_TRUST = HM_CUSTOMER_OWN_,
    HM_CLAIM_CUSTOMER,
    HM_CLAIM_RELEASE,
    HM_CLAIM_IMAGE,
    HM_CLAIM_RECEIVED,
    HM_CLAIM_NEVER_RECEIVED,
    HM_CLAIM_REJECTED,
    HM_CLAIM_WITHHELD,
    HM_CLAIM_AT,
    HM_CLAIM_REVOKED,
    HM_CLAIM_OWN_,
};

/* What judge and dossier have in common in their help. */
#define HM_CLAIM_HELP                                                                              \
    "  --customer NAME    whom the claim is about: an account at the site\n"                       \
    "  --release PATH     MAKER/PRODUCT/VERSION, as a version or as it is printed\n"               \
    "  --image SHA256     in place of --release: the image\n"                                      \
    "  --received         the claim: the customer received it (where nothing else is said)\n"      \
    "  --never-received   the claim: the customer never received it\n"                             \
    "  --rejected         the claim: the customer rejected it\n"                                   \
    "  --withheld         the claim: the customer asked for it, and the site did not answer\n"     \
    "  --at TIME          the time in dispute: what a witness saw later is no evidence for it\n"   \
    "  --revoked KEYNAME=TIME\n"                                                                   \
    "                     this client key was not the customer's any more from then on\n"          \
    "  --trust FILE       the site's trust file\n"                                                 \
    "  --site NAME        in place of --trust: a site that is trusted here\n"

/* Entries of a struct option table. */
#define HM_CLAIM_OPTIONS                                                                           \
    {"trust", required_argument, NULL, HM_CLAIM_TRUST},                                            \
        {"customer", required_argument, NULL, HM_CLAIM_CUSTOMER},                                  \
        {"release", required_argument, NULL, HM_CLAIM_RELEASE},                                    \
        {"image", required_argument, NULL, HM_CLAIM_IMAGE},                                        \
        {"received", no_argument, NULL, HM_CLAIM_RECEIVED},                                        \
        {"never-received", no_argument, NULL, HM_CLAIM_NEVER_RECEIVED},                            \
        {"rejected", no_argument, NULL, HM_CLAIM_REJECTED},                                        \
        {"withheld", no_argument, NULL, HM_CLAIM_WITHHELD},                                        \
        {"at", required_argument, NULL, HM_CLAIM_AT},                                              \
        {"revoked", required_argument, NULL, HM_CLAIM_REVOKED},                                    \
        {"output", required_argument, NULL, 'o'},                                                  \
    {                                                                                              \
        "home", required_argument, NULL, HM_CUSTOMER_HOME                                          \
    }

struct hm_claim {
    struct hm_customer customer;
    const char *trust_path, *output_path;
    struct hm_judge_claim claim;
    bool has_kind;
    const char *revoked[HM_CLAIM_REVOKED_MAX]; /* KEYNAME=TIME */
    size_t revoked_count;
    struct hm_cmd_basis basis;
    struct hm_judge *judge;
    struct hm_judge_answer answer;
    struct hm_dossier *dossier; /* what goes into one, or NULL: nothing is kept */
};

void hm_claim_done(struct hm_claim *claim);
/* Takes an option of the claim or the customer's. HM_EUSAGE: its value is none; HM_ENOTFOUND: it is
 * none of these. */
HM_MUST_CHECK enum hm_rc hm_claim_take_option(struct hm_claim *claim, int option, const char *value,
                                              struct hm_err *err);
/* What it is judged by, and the judge. HM_EUSAGE: the options do not make a claim. */
HM_MUST_CHECK enum hm_rc hm_claim_open(struct hm_claim *claim, struct hm_err *err);
/* Gives files, folders and dossiers to the judge: evidence of all first. */
HM_MUST_CHECK enum hm_rc hm_claim_take(struct hm_claim *claim, char *const *paths, size_t count,
                                       struct hm_err *err);
/* Prints claim, steps and finding; returns the exit status. */
int hm_claim_print(const struct hm_claim *claim, const char *schema);

#endif
