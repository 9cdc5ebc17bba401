/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of a site's folder. See ledger_site.h. */
#include "ledger/ledger_site.h"

#include <stdlib.h>

#include "site/delivery_keys.h"
#include "site/tree.h"
#include "trust/site_deliveries.h"
#include "trust/site_log.h"

struct hm_ledger_site {
    struct hm_dir public_dir, folder, log_folder;
    struct hm_site_deliveries *deliveries; /* root's words */
    struct hm_site_log *log;
    struct hm_delivery_signers keys;
    struct hm_ledger *ledger;
    struct hm_arena arena;
};

static bool grant_nothing(void *ctx, const char *account, struct hm_bytes maker,
                          struct hm_bytes product, struct hm_bytes version)
{
    return false;
}

enum hm_rc hm_ledger_site_is_kept(const struct hm_site *site, struct hm_err *err, bool *ret_is_kept)
{
    _hm_free_(hm_tree_free) struct hm_tree *tree = NULL;
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries = NULL;

    HM_TRY(hm_tree_load(site, err, &tree));
    if (tree->root == NULL) {
        *ret_is_kept = false;
        return HM_OK;
    }
    HM_TRY(hm_site_deliveries_parse(tree->root, err, &deliveries));
    *ret_is_kept = deliveries->key != NULL;
    return HM_OK;
}

/* Root in force, and the keys that it names. */
static enum hm_rc read_words(struct hm_ledger_site *own, const struct hm_site *site,
                             struct hm_err *err)
{
    _hm_free_(hm_tree_free) struct hm_tree *tree = NULL;

    HM_TRY(hm_tree_load(site, err, &tree));
    if (tree->root == NULL)
        return hm_fail(err, HM_ENOTFOUND, "nothing is published at this site yet");
    HM_TRY(hm_site_deliveries_parse(tree->root, err, &own->deliveries));
    HM_TRY(hm_site_log_parse(tree->root, err, &own->log));
    if (own->deliveries->key == NULL || own->log->policy == NULL)
        return hm_fail(err, HM_ENOTFOUND,
                       "root names no deliveries of this site: begin them with 'hallmark site "
                       "rotate deliveries'");
    return hm_delivery_keys_load(&site->private_dir, own->deliveries, err, &own->keys);
}

static enum hm_rc open_folders(struct hm_ledger_site *own, const struct hm_site *site,
                               struct hm_err *err)
{
    HM_TRY(hm_dir_copy(&site->public_dir, err, &own->public_dir));
    HM_TRY(hm_dir_open_at(&site->private_dir, HM_LEDGER_FOLDER, true, err, &own->folder));
    return hm_dir_open_at(&site->public_dir, HM_LEDGER_FOLDER, true, err, &own->log_folder);
}

static enum hm_rc open_ledger(struct hm_ledger_site *own, const struct hm_site *site,
                              const struct hm_ledger_site_options *options, struct hm_err *err)
{
    struct hm_ledger_options ledger = {.private_dir = &own->folder,
                                       .public_dir = &own->public_dir,
                                       .key = own->deliveries->key,
                                       .signer = own->keys.statements,
                                       .policy = own->deliveries->policy,
                                       .log_signer = own->keys.log,
                                       .release_policy = own->log->policy,
                                       .is_granted = options->is_granted,
                                       .grant_ctx = options->grant_ctx,
                                       .ca_file = options->ca_file,
                                       .offer_s = options->offer_s,
                                       .batch_s = options->batch_s,
                                       .wait_ms = options->wait_ms};

    if (ledger.is_granted == NULL)
        ledger.is_granted = grant_nothing;
    ledger.site = hm_arena_strdup(&own->arena, hm_bytes_str(site->config.name));
    ledger.edge = hm_arena_strdup(
        &own->arena, hm_bytes_str(options->edge == NULL ? site->config.name : options->edge));
    if (ledger.site == NULL || ledger.edge == NULL)
        return hm_error_nomem(err);
    return hm_ledger_open(&ledger, err, &own->ledger);
}

enum hm_rc hm_ledger_site_open(const char *path, const struct hm_ledger_site_options *options,
                               struct hm_err *err, struct hm_ledger_site **ret_site)
{
    static const struct hm_ledger_site_options none = {.edge = NULL};
    _hm_free_(hm_ledger_site_free) struct hm_ledger_site *own = NULL;
    _hm_free_(hm_site_free) struct hm_site *site = NULL;

    if (options == NULL)
        options = &none;
    HM_TRY(hm_site_open(path, HM_SITE_READ, options->wait_ms, options->now_unix_s, err, &site));
    own = calloc(1, sizeof(*own));
    if (own == NULL)
        return hm_error_nomem(err);
    own->public_dir = own->folder = own->log_folder = (struct hm_dir)HM_DIR_INIT;
    HM_TRY(read_words(own, site, err));
    HM_TRY(open_folders(own, site, err));
    HM_TRY(open_ledger(own, site, options, err));
    *ret_site = hm_steal(&own);
    return HM_OK;
}

void hm_ledger_site_free(struct hm_ledger_site *site)
{
    if (site == NULL)
        return;
    hm_ledger_free(site->ledger);
    hm_delivery_keys_done(&site->keys);
    hm_site_log_free(site->log);
    hm_site_deliveries_free(site->deliveries);
    hm_dir_done(&site->log_folder);
    hm_dir_done(&site->folder);
    hm_dir_done(&site->public_dir);
    hm_arena_done(&site->arena);
    free(site);
}

struct hm_ledger *hm_ledger_site_ledger(const struct hm_ledger_site *site)
{
    return site->ledger;
}

const struct hm_dir *hm_ledger_site_public(const struct hm_ledger_site *site)
{
    return &site->public_dir;
}

const struct hm_dir *hm_ledger_site_folder(const struct hm_ledger_site *site)
{
    return &site->folder;
}

const struct hm_dir *hm_ledger_site_log_folder(const struct hm_ledger_site *site)
{
    return &site->log_folder;
}

bool hm_ledger_site_has_witnesses(const struct hm_ledger_site *site)
{
    return site->deliveries->policy->witness_count > 0;
}
