/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and logs of a site's deliveries, of all roots. See delivery_sites.h. */
#include "customer/delivery_sites.h"

#include "base/file.h"
#include "base/text.h"
#include "customer/deliver.h"
#include "trust/layout.h"

#define FOLDER "roots"

void hm_delivery_sites_done(struct hm_delivery_sites *sites)
{
    for (size_t i = 0; i < sites->count; i++)
        hm_site_deliveries_free(sites->sites[i]);
    *sites = (struct hm_delivery_sites)HM_DELIVERY_SITES_INIT;
}

static enum hm_rc name_of(const struct hm_site_deliveries *site, struct hm_err *err,
                          char ret_name[HM_SHA256_HEX_SIZE])
{
    _hm_done_(hm_buf_done) struct hm_buf text =
        HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX + 1 + HM_LOG_POLICY_SIZE_MAX);
    struct hm_sha256 hash;

    HM_TRY(hm_note_key_write(site->key, err, &text));
    HM_TRY(hm_buf_append_byte(&text, '\n', err));
    HM_TRY(hm_log_policy_write(site->policy, err, &text));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&text), err, &hash));
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), ret_name);
    return HM_OK;
}

/* A root that was verified once, and is this site's. */
static enum hm_rc read_root(struct hm_bytes raw, const char *site, struct hm_err *err,
                            struct hm_root **ret_root)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    const char *name = NULL;
    bool is_trial = false;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(hm_root_verify_first(envelope, err, &root));
    HM_TRY(hm_layout_root_site(root, &arena, err, &name, &is_trial));
    if (strcmp(name, site) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is of site '%s'", name);
    *ret_root = hm_steal(&root);
    return HM_OK;
}

enum hm_rc hm_delivery_sites_keep(const struct hm_subscription *subscription,
                                  const struct hm_site_deliveries *today, const struct hm_dir *dir,
                                  struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    char name[HM_SHA256_HEX_SIZE];

    HM_TRY(name_of(today, err, name));
    HM_TRY(hm_dir_open_at(dir, FOLDER, true, err, &folder));
    if (hm_dir_has(&folder, name))
        return HM_OK;
    HM_TRY(hm_dir_read(&subscription->metadata, "root.json", err, &raw));
    HM_TRY(read_root(hm_buf_bytes(&raw), subscription->trust->site, err, &root));
    /* Another command has refreshed meanwhile: the next one keeps what it works with. */
    if (root->document.version != hm_client_root(subscription->client)->document.version)
        return HM_OK;
    return hm_file_replace(&folder, name, 0600, hm_buf_bytes(&raw), err);
}

static enum hm_rc add(const struct hm_root *root, struct hm_err *err,
                      struct hm_delivery_sites *sites)
{
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *site = NULL;
    char name[HM_SHA256_HEX_SIZE], other[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_site_deliveries_parse(root, err, &site));
    if (site->key == NULL)
        return HM_OK;
    HM_TRY(name_of(site, err, name));
    for (size_t i = 0; i < sites->count; i++) {
        HM_TRY(name_of(sites->sites[i], err, other));
        if (strcmp(name, other) == 0)
            return HM_OK;
    }
    if (sites->count == HM_DELIVERY_SITES_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "more than %d keys of a site's deliveries",
                       HM_DELIVERY_SITES_COUNT_MAX);
    sites->keys[sites->count] = site->key;
    sites->sites[sites->count++] = hm_steal(&site);
    return HM_OK;
}

static enum hm_rc add_raw(struct hm_bytes raw, const char *site, struct hm_err *err,
                          struct hm_delivery_sites *sites)
{
    _hm_free_(hm_root_free) struct hm_root *root = NULL;

    HM_TRY(read_root(raw, site, err, &root));
    return add(root, err, sites);
}

static enum hm_rc add_kept(const struct hm_subscription *subscription, struct hm_err *err,
                           struct hm_delivery_sites *sites)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    const char **names = NULL;
    size_t count = 0;
    enum hm_rc rc =
        hm_dir_open_at(&subscription->dir, HM_DELIVER_FOLDER "/" FOLDER, false, err, &folder);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_dir_list(&folder, "", 2 * HM_DELIVERY_SITES_COUNT_MAX, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

        if (strlen(names[i]) != HM_SHA256_HEX_SIZE - 1)
            continue; /* a temporary file, after a crash */
        HM_TRY(hm_dir_read(&folder, names[i], err, &raw));
        rc = add_raw(hm_buf_bytes(&raw), subscription->trust->site, err, sites);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc,
                                   "'%s/%s' (an earlier root; remove it to go on without what was "
                                   "signed under it)",
                                   folder.path, names[i]);
    }
    return HM_OK;
}

enum hm_rc hm_delivery_sites_read(const struct hm_subscription *subscription, struct hm_err *err,
                                  struct hm_delivery_sites *ret_sites)
{
    _hm_done_(hm_delivery_sites_done) struct hm_delivery_sites sites = HM_DELIVERY_SITES_INIT;

    if (subscription->client != NULL)
        HM_TRY(add(hm_client_root(subscription->client), err, &sites));
    HM_TRY(add_raw(subscription->trust->root, subscription->trust->site, err, &sites));
    HM_TRY(add_kept(subscription, err, &sites));
    *ret_sites = sites;
    sites = (struct hm_delivery_sites)HM_DELIVERY_SITES_INIT;
    return HM_OK;
}
