/* SPDX-License-Identifier: Apache-2.0 */
/* A new site (init.h). */
#include "site/init.h"

#include "base/file.h"
#include "site/delivery_keys.h"
#include "site/log_key.h"
#include "site/renew.h"
#include "site/roster.h"
#include "site/witnesses.h"

#define HM_INIT_THRESHOLD_DEFAULT 2

static const char *const group_names[] = {"root", "targets", "release", "recalls"};

const char *hm_init_group_name(enum hm_init_group group)
{
    return group_names[group];
}

void hm_init_options_done(struct hm_init_options *options)
{
    for (int i = 0; i < HM_INIT_GROUP_COUNT_; i++)
        hm_approvers_done(&options->groups[i]);
    hm_signer_free(options->online);
    options->online = NULL;
}

/* Thresholds */

/* The default is 2, for targets at most as many as there are keys; a response key acts alone. */
static uint32_t default_threshold(enum hm_init_group group, size_t key_count)
{
    if (group == HM_INIT_RECALLS)
        return 1;
    if (group == HM_INIT_TARGETS && key_count < HM_INIT_THRESHOLD_DEFAULT)
        return 1;
    return HM_INIT_THRESHOLD_DEFAULT;
}

static enum hm_rc check_group(struct hm_init_options *options, enum hm_init_group group,
                              struct hm_err *err, struct hm_buf *report)
{
    const char *name = group_names[group];
    size_t count = options->groups[group].count;
    uint32_t *threshold = &options->thresholds[group];

    if (count == 0)
        return hm_fail(err, HM_EUSAGE,
                       "the role '%s' has no keys: give public keys with --%s, or --trial", name,
                       group == HM_INIT_RECALLS ? "recall" : name);
    if (*threshold == 0)
        *threshold = options->trial ? 1 : default_threshold(group, count);
    if (*threshold > count)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' needs %u signatures, but only %zu key%s given: give more keys%s", name,
                       *threshold, count, count == 1 ? " was" : "s were",
                       group == HM_INIT_RECALLS ? "" : ", or a lower threshold");
    if (options->trial || group == HM_INIT_RECALLS)
        return HM_OK;
    if (*threshold == 1)
        HM_TRY(hm_buf_append_fmt(report, err,
                                 "WARNING: one key alone can sign '%s': whoever steals it has that "
                                 "role\n",
                                 name));
    if (*threshold == count && count > 1)
        HM_TRY(hm_buf_append_fmt(report, err,
                                 "WARNING: '%s' needs all of its %zu keys: if one is lost, nothing "
                                 "can be signed any more\n",
                                 name, count));
    return HM_OK;
}

static enum hm_rc check_online(const struct hm_init_options *options, struct hm_err *err)
{
    const struct hm_sha256 *online = hm_key_material(hm_signer_key(options->online));

    for (int group = 0; group < HM_INIT_GROUP_COUNT_; group++)
        for (size_t i = 0; i < options->groups[group].count; i++) {
            const struct hm_approver *item = &options->groups[group].items[i];

            if (hm_digest_is_equal(online, hm_key_material(item->key)))
                return hm_fail(
                    err, HM_EREFUSED,
                    "'%s' is the online key: it lies on the server, so it must not speak "
                    "for '%s' too",
                    item->name, group_names[group]);
        }
    return HM_OK;
}

static enum hm_rc log_origin(const struct hm_init_options *options, struct hm_err *err,
                             struct hm_buf *ret_origin)
{
    if (options->log_origin == NULL)
        return hm_log_key_origin(options->url, err, ret_origin);
    if (!hm_note_key_is_name(hm_bytes_str(options->log_origin)))
        return hm_fail(err, HM_EUSAGE, "'%s' cannot name a log: it may have no space and no '+'",
                       options->log_origin);
    return hm_buf_append_str(ret_origin, options->log_origin, err);
}

/* Origin and policy, before anything is written. */
static enum hm_rc check_log(const struct hm_init_options *options, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf origin = HM_BUF_INIT(HM_SITE_URL_SIZE_MAX + 8);
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;

    if (options->no_log) {
        if (options->log_origin != NULL || options->witness_policy.size > 0)
            return hm_fail(err, HM_EUSAGE,
                           "a site without a release log has no origin or witnesses of it");
        return HM_OK;
    }
    HM_TRY(log_origin(options, err, &origin));
    HM_TRY(hm_signer_generate("ed25519", err, &signer));
    HM_TRY(hm_log_key_make(hm_buf_str(&origin), signer, err, &key));
    return hm_witnesses_make_log(key, options->witness_policy, err, &log);
}

/* Keys of a trial site */

static enum hm_rc make_trial_keys(struct hm_init_options *options, struct hm_signers *signers,
                                  struct hm_err *err)
{
    for (int group = 0; group < HM_INIT_GROUP_COUNT_; group++) {
        _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
        _hm_free_(hm_key_free) struct hm_key *key = NULL;
        char name[32];

        if (options->groups[group].count > 0)
            return hm_fail(err, HM_EUSAGE, "--trial makes all keys itself: give no --%s with it",
                           group == HM_INIT_RECALLS ? "recall" : group_names[group]);
        HM_TRY(hm_signer_generate("ed25519", err, &signers->items[signers->count]));
        HM_TRY(hm_key_write_pem(hm_signer_key(signers->items[signers->count++]), err, &pem));
        HM_TRY(hm_key_parse_pem(hm_buf_bytes(&pem), err, &key));
        (void)snprintf(name, sizeof(name), "%s.pub", group_names[group]);
        HM_TRY(hm_approvers_add(&options->groups[group], name, hm_steal(&key), err));
    }
    return HM_OK;
}

static enum hm_rc store_keys(const struct hm_dir *private_dir,
                             const struct hm_init_options *options,
                             const struct hm_signers *signers, struct hm_err *err)
{
    HM_TRY(hm_approvers_store_signer(private_dir, "online", options->online, err));
    for (size_t i = 0; i < signers->count; i++)
        HM_TRY(hm_approvers_store_signer(private_dir, group_names[i], signers->items[i], err));
    for (int group = 0; group < HM_INIT_GROUP_COUNT_; group++)
        HM_TRY(hm_approvers_store(private_dir, group_names[group], &options->groups[group], err));
    return HM_OK;
}

/* The first drafts */

static enum hm_rc set_role(struct hm_root *root, enum hm_root_role role,
                           struct hm_approvers *approvers, uint32_t threshold, struct hm_err *err)
{
    const struct hm_key *const *keys;

    HM_TRY(hm_approvers_keys(approvers, err, &keys));
    return hm_root_set_role(root, role, keys, approvers->count, threshold, err);
}

static enum hm_rc put_log(const struct hm_site *site, const struct hm_init_options *options,
                          struct hm_bytes x_hallmark, struct hm_err *err, struct hm_buf *ret_json)
{
    _hm_done_(hm_buf_done) struct hm_buf origin = HM_BUF_INIT(HM_SITE_URL_SIZE_MAX + 8);
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    _hm_done_(hm_buf_done) struct hm_buf with_log = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    if (options->no_log)
        return hm_buf_append(ret_json, x_hallmark, err);
    HM_TRY(log_origin(options, err, &origin));
    HM_TRY(hm_log_key_create(&site->private_dir, "log", hm_buf_str(&origin), err, &key));
    HM_TRY(hm_witnesses_make_log(key, options->witness_policy, err, &log));
    if (options->no_deliveries)
        return hm_site_log_put(x_hallmark, log, err, ret_json);
    HM_TRY(hm_site_log_put(x_hallmark, log, err, &with_log));
    return hm_delivery_keys_begin(site, log->policy, hm_buf_bytes(&with_log), err, ret_json);
}

static enum hm_rc draft_root(const struct hm_site *site, struct hm_init_options *options,
                             struct hm_err *err)
{
    const struct hm_key *online = hm_signer_key(options->online);
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    _hm_done_(hm_buf_done) struct hm_buf plain = HM_BUF_INIT(1024);
    _hm_done_(hm_buf_done) struct hm_buf x_hallmark = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    HM_TRY(hm_root_new(err, &root));
    root->document.version = 1;
    root->document.expires_unix_s = site->now_unix_s + site->config.expiry.root_s;
    root->consistent_snapshot = true;
    HM_TRY(hm_buf_append_fmt(&plain, err, "{\"site\":\"%s\"%s}", site->config.name,
                             options->trial ? ",\"trial\":true" : ""));
    HM_TRY(put_log(site, options, hm_buf_bytes(&plain), err, &x_hallmark));
    root->document.x_hallmark = hm_buf_bytes(&x_hallmark);
    HM_TRY(set_role(root, HM_ROOT_ROLE_ROOT, &options->groups[HM_INIT_ROOT],
                    options->thresholds[HM_INIT_ROOT], err));
    HM_TRY(set_role(root, HM_ROOT_ROLE_TARGETS, &options->groups[HM_INIT_TARGETS],
                    options->thresholds[HM_INIT_TARGETS], err));
    HM_TRY(hm_root_set_role(root, HM_ROOT_ROLE_SNAPSHOT, &online, 1, 1, err));
    HM_TRY(hm_root_set_role(root, HM_ROOT_ROLE_TIMESTAMP, &online, 1, 1, err));
    HM_TRY(hm_root_write(root, err, &canonical));
    return hm_draft_put(&site->drafts, "root", hm_buf_bytes(&canonical), err);
}

static enum hm_rc draft_targets(const struct hm_site *site, struct hm_init_options *options,
                                struct hm_err *err)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_free_(hm_roster_free) struct hm_roster *roster = NULL;
    const struct hm_key *const *keys;

    HM_TRY(hm_roles_load(site, err, &roles));
    HM_TRY(hm_roster_open(roles, err, &roster));
    HM_TRY(hm_approvers_keys(&options->groups[HM_INIT_RECALLS], err, &keys));
    HM_TRY(hm_roster_set_recalls(roster, keys, options->groups[HM_INIT_RECALLS].count,
                                 options->thresholds[HM_INIT_RECALLS], err));
    return hm_roster_save(roster, err);
}

static enum hm_rc sign_drafts(const struct hm_site *site, const struct hm_signers *signers,
                              struct hm_err *err)
{
    static const char *const drafts[] = {"root", "targets", HM_RENEW_RECALLS};
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    uint32_t added;

    HM_TRY(hm_roles_load(site, err, &roles));
    for (size_t i = 0; i < HM_ARRAY_COUNT(drafts) && signers->count > 0; i++)
        HM_TRY(hm_roles_sign(roles, drafts[i], signers, err, &added));
    return HM_OK;
}

/* private/format comes last: a run that dies before it leaves no site. */
static enum hm_rc write_all(struct hm_init_options *options, const struct hm_site_config *config,
                            const struct hm_signers *signers, int64_t now_unix_s,
                            struct hm_err *err)
{
    _hm_free_(hm_site_free) struct hm_site *site = NULL;

    HM_TRY(hm_site_create(options->path, config, err, &site));
    site->now_unix_s = now_unix_s;
    HM_TRY(store_keys(&site->private_dir, options, signers, err));
    HM_TRY(draft_root(site, options, err));
    HM_TRY(draft_targets(site, options, err));
    HM_TRY(hm_renew_first(site, HM_RENEW_RECALLS, err));
    HM_TRY(sign_drafts(site, signers, err));
    return hm_site_create_end(site, err);
}

enum hm_rc hm_init_run(struct hm_init_options *options, int64_t now_unix_s, struct hm_err *err,
                       struct hm_buf *report)
{
    _hm_done_(hm_roles_signers_done) struct hm_signers signers = HM_SIGNERS_INIT;
    struct hm_site_config config = {.name = options->name,
                                    .url = options->url,
                                    .trial = options->trial,
                                    .expiry = hm_site_expiry_default()};

    if (options->trial)
        HM_TRY(make_trial_keys(options, &signers, err));
    for (int group = 0; group < HM_INIT_GROUP_COUNT_; group++)
        HM_TRY(check_group(options, (enum hm_init_group)group, err, report));
    if (options->online == NULL)
        HM_TRY(hm_signer_generate("ed25519", err, &options->online));
    HM_TRY(check_online(options, err));
    HM_TRY(check_log(options, err));
    config.release_threshold = options->thresholds[HM_INIT_RELEASE];
    return write_all(options, &config, &signers, now_unix_s, err);
}
