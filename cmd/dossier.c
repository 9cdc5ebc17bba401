/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark dossier: one file for a court, an insurer, or the other side. */
#include "claim.h"

#include "base/file.h"
#include "tuf/root.h"

enum { OPT_SITE_DIR = HM_CLAIM_OWN_ };

static const char help[] =
    "usage: hallmark dossier --customer NAME (--release MAKER/PRODUCT/VERSION | --image SHA256)\n"
    "                        (--trust FILE | --site NAME) -o FILE [OPTION...] FILE...\n"
    "\n"
    "Judges a claim as 'hallmark judge' does, and writes one tar of plain files: the claim and "
    "the\n"
    "finding in words, the site's roots, evidence about its release log, and delivery files with\n"
    "their proofs. 'hallmark check' verifies it, offline, by a trust file that comes from "
    "elsewhere.\n"
    "Exit status: 0 it is written, whatever was found.\n"
    "\n"
    "  -o FILE            where to write it\n"
    "  --site-dir DIR     the site's folder, for its roots (the vendor's side)\n" HM_CLAIM_HELP
    "  --json             one JSON object, schema hallmark/dossier/1\n"
    "  --quiet            print nothing but failures\n"
    "  --home DIR         the state folder\n";

/* The roots that a site serves, each signed as the one before demands; those that the basis has
 * already are for whoever trusts an older one. */
static enum hm_rc add_roots_of_site(struct hm_claim *claim, const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    HM_TRY(hm_dir_open(path, err, &dir));
    for (uint64_t version = 1; version < HM_DOSSIER_COUNT_MAX; version++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOSSIER_ROOT_SIZE_MAX);
        char name[64];
        enum hm_rc rc;

        (void)snprintf(name, sizeof(name), "public/%llu.root.json", (unsigned long long)version);
        rc = hm_dir_read(&dir, name, err, &raw);
        if (rc == HM_ENOTFOUND && version > 1)
            return HM_OK;
        HM_TRY(rc);
        HM_TRY(hm_dossier_add_root(claim->dossier, version, hm_buf_bytes(&raw), err));
        if (version == (uint64_t)claim->basis.basis->root->document.version + 1) {
            HM_TRY(hm_basis_add(claim->basis.basis, hm_buf_bytes(&raw), err));
            HM_TRY(hm_judge_trust_root(claim->judge, claim->basis.basis->root, err));
        }
    }
    return HM_OK;
}

/* The newest root that is held of a trusted site: whoever trusts the one before it can go on. */
static enum hm_rc add_root_of_home(struct hm_claim *claim, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOSSIER_ROOT_SIZE_MAX);

    HM_TRY(hm_dir_read(&claim->basis.subscription->metadata, "root.json", err, &raw));
    return hm_dossier_add_root(claim->dossier, (uint64_t)claim->basis.basis->root->document.version,
                               hm_buf_bytes(&raw), err);
}

static enum hm_rc write_dossier(struct hm_claim *claim, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf readme = HM_BUF_INIT(HM_DOSSIER_TEXT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf archive =
        HM_BUF_INIT(2 * HM_DOSSIER_SIZE_MAX); /* a header and its padding for each */

    HM_TRY(
        hm_dossier_readme(claim->dossier, claim->basis.basis->site, &claim->answer, err, &readme));
    HM_TRY(hm_dossier_write(claim->dossier, hm_buf_bytes(&readme), err, &archive));
    return hm_file_write_path(claim->output_path, 0644, hm_buf_bytes(&archive), err);
}

static enum hm_rc run(struct hm_claim *claim, const char *site_dir, char **paths, size_t count,
                      struct hm_err *err)
{
    HM_TRY(hm_claim_open(claim, err));
    HM_TRY(hm_dossier_new(err, &claim->dossier));
    HM_TRY(hm_dossier_set_claim(claim->dossier, &claim->claim, err));
    if (site_dir != NULL)
        HM_TRY(add_roots_of_site(claim, site_dir, err));
    else if (claim->basis.subscription != NULL)
        HM_TRY(add_root_of_home(claim, err));
    HM_TRY(hm_claim_take(claim, paths, count, err));
    HM_TRY(hm_judge_decide(claim->judge, &claim->claim, err, &claim->answer));
    return write_dossier(claim, err);
}

int hm_cmd_dossier(int argc, char **argv)
{
    static const struct option options[] = {HM_CLAIM_OPTIONS,
                                            {"site", required_argument, NULL, HM_CUSTOMER_SITE},
                                            {"site-dir", required_argument, NULL, OPT_SITE_DIR},
                                            {"json", no_argument, NULL, HM_CUSTOMER_JSON},
                                            {"quiet", no_argument, NULL, HM_CUSTOMER_QUIET},
                                            {"help", no_argument, NULL, HM_CUSTOMER_HELP},
                                            {NULL, 0, NULL, 0}};
    _hm_done_(hm_claim_done) struct hm_claim claim = {.claim = {.kind = HM_JUDGE_RECEIVED}};
    const char *site_dir = NULL;
    struct hm_err err = HM_ERR_INIT;
    int option, status;

    hm_customer_init(&claim.customer, "hallmark dossier", help);
    while ((option = getopt_long(argc, argv, ":o:", options, NULL)) != -1) {
        enum hm_rc rc = HM_OK;

        if (option == OPT_SITE_DIR)
            site_dir = optarg;
        else
            rc = hm_claim_take_option(&claim, option, optarg, &err);
        if (rc == HM_ENOTFOUND)
            return hm_customer_bad_option(&claim.customer, option, argv);
        if (rc != HM_OK)
            return hm_cmd_fail(&err);
    }
    if (claim.customer.wants_help)
        return hm_customer_print_help(&claim.customer);
    if (claim.output_path == NULL)
        return hm_cmd_usage("hallmark dossier", "say where to write it: -o FILE");
    if (argc == optind)
        return hm_cmd_usage("hallmark dossier", "give the files that go into it");
    if (run(&claim, site_dir, argv + optind, (size_t)(argc - optind), &err) != HM_OK)
        return hm_cmd_fail(&err);
    status = hm_claim_print(&claim, "hallmark/dossier/1");
    return status == 4 ? 4 : 0;
}
