/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark judge: what do both sides' statements say of a claim? */
#include "claim.h"

#include "base/file.h"

static const char help[] =
    "usage: hallmark judge --customer NAME (--release MAKER/PRODUCT/VERSION | --image SHA256)\n"
    "                      (--trust FILE | --site NAME) [OPTION...] FILE...\n"
    "\n"
    "Holds a claim about a delivery against what both sides signed, without a connection: "
    "delivery\n"
    "files of either side, evidence about the release log, signed heads, dossiers, and folders of\n"
    "them. Prints what it checked, the finding, and what is missing to settle the rest. What is\n"
    "believed comes from the trust file, never from FILE. Exit status: 0 the claim is proved; 1 "
    "it\n"
    "is refuted; 3 cannot tell.\n"
    "\n" HM_CLAIM_HELP
    "  -o FILE            where a key signed two statements of one place, write a dossier of the "
    "two\n"
    "  --json             one JSON object, schema hallmark/judge/1\n"
    "  --quiet            print nothing but failures\n"
    "  --home DIR         the state folder\n";

/* The two statements of one place, for whoever has the trust file. */
static enum hm_rc write_fork(struct hm_claim *claim, struct hm_err *err)
{
    _hm_free_(hm_dossier_free) struct hm_dossier *dossier = NULL;
    _hm_done_(hm_buf_done) struct hm_buf readme = HM_BUF_INIT(HM_DOSSIER_TEXT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf archive =
        HM_BUF_INIT(HM_DOSSIER_SIZE_MAX + HM_USTAR_TRAILER_SIZE_MAX);

    if (claim->answer.fork[0].size == 0)
        return HM_OK;
    HM_TRY(hm_dossier_new(err, &dossier));
    HM_TRY(hm_dossier_set_claim(dossier, &claim->claim, err));
    for (size_t i = 0; i < 2; i++)
        HM_TRY(hm_dossier_add(dossier, claim->answer.fork[i], err));
    HM_TRY(hm_dossier_readme(dossier, claim->basis.basis->site, &claim->answer, err, &readme));
    HM_TRY(hm_dossier_write(dossier, hm_buf_bytes(&readme), err, &archive));
    return hm_file_write_path(claim->output_path, 0644, hm_buf_bytes(&archive), err);
}

static enum hm_rc run(struct hm_claim *claim, char **paths, size_t count, struct hm_err *err)
{
    HM_TRY(hm_claim_open(claim, err));
    HM_TRY(hm_claim_take(claim, paths, count, err));
    HM_TRY(hm_judge_decide(claim->judge, &claim->claim, err, &claim->answer));
    return claim->output_path == NULL ? HM_OK : write_fork(claim, err);
}

int hm_cmd_judge(int argc, char **argv)
{
    static const struct option options[] = {HM_CLAIM_OPTIONS,
                                            {"site", required_argument, NULL, HM_CUSTOMER_SITE},
                                            {"json", no_argument, NULL, HM_CUSTOMER_JSON},
                                            {"quiet", no_argument, NULL, HM_CUSTOMER_QUIET},
                                            {"help", no_argument, NULL, HM_CUSTOMER_HELP},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(hm_claim_done) struct hm_claim claim = {.claim = {.kind = HM_JUDGE_RECEIVED}};
    struct hm_err err = HM_ERR_INIT;
    int option;

    hm_customer_init(&claim.customer, "hallmark judge", help);
    while ((option = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        enum hm_rc rc = hm_claim_take_option(&claim, option, optarg, &err);

        if (rc == HM_ENOTFOUND)
            return hm_customer_bad_option(&claim.customer, option, argv);
        if (rc != HM_OK)
            return hm_cmd_fail(&err);
    }
    if (claim.customer.wants_help)
        return hm_customer_print_help(&claim.customer);
    if (argc == optind)
        return hm_cmd_usage("hallmark judge", "give the files to judge by");
    if (run(&claim, argv + optind, (size_t)(argc - optind), &err) != HM_OK)
        return hm_cmd_fail(&err);
    return hm_claim_print(&claim, "hallmark/judge/1");
}
