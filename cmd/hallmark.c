/* SPDX-License-Identifier: Apache-2.0 */
/* The command "hallmark": finds the subcommand. */
#include "cmd.h"

#include "libexec.h"

static int run_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)puts("hallmark " HM_VERSION);
    return fflush(stdout) == 0 ? 0 : 4;
}

/* A program of its own, with what a server needs. */
static int run_serve(int argc, char **argv)
{
    (void)argc;
    return hm_libexec_run("hallmark-serve", argv);
}

/* In the order a newcomer meets them. */
static const struct hm_cmd commands[] = {
    {"key", hm_cmd_key, "make and show keys"},
    {"site", hm_cmd_site, "a vendor's side: a site of signed firmware"},
    {"serve", run_serve, "serve a site to its customers over HTTPS"},
    {"maker", hm_cmd_maker, "a maker's side: identity, releases, submissions"},
    {"sign", hm_cmd_sign, "sign a request, without network"},
    {"trust", hm_cmd_trust, "which sites are trusted, and how far"},
    {"list", hm_cmd_list, "what the trusted sites have released"},
    {"get", hm_cmd_get, "get files of a release, verified"},
    {"sync", hm_cmd_sync, "keep a folder as a site's releases say"},
    {"receipts", hm_cmd_receipts, "what was delivered here, as both sides have signed it"},
    {"verify", hm_cmd_verify, "is this file what somebody trusted released?"},
    {"log", hm_cmd_log, "what a site published and never did, with proof for others"},
    {"check", hm_cmd_check, "does evidence hold, by what is trusted?"},
    {"judge", hm_cmd_judge, "what do both sides' statements say of a delivery?"},
    {"dossier", hm_cmd_dossier, "all about a delivery in one file, for others to check"},
    {"identify", hm_cmd_identify, "which release is this file or flash dump, by its bytes?"},
    {"bundle", hm_cmd_bundle, "carry releases to a network without a connection"},
    {"image", hm_cmd_image, "what firmware files are made of, and how they differ"},
    {"witness", hm_cmd_witness, "cosign the checkpoints of logs, for everybody's sake"},
    {"monitor", hm_cmd_monitor, "follow the logs of sites, and raise alarms"},
    {"tuf", hm_cmd_tuf, "plumbing: a plain TUF client on a folder"},
    {"--version", run_version, "print the version"},
    {NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
    return hm_cmd_dispatch("hallmark", commands, argc, argv);
}
