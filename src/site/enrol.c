/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolling a maker (enrol.h). */
#include "site/enrol.h"

#include "site/renew.h"

static enum hm_rc refuse_shared(const char *id, const char *role, struct hm_err *err)
{
    return hm_fail(err, HM_EREFUSED,
                   "'%s': a key of the maker's identity also stands in '%s': maker and vendor must "
                   "never share a key, or one of them could sign for both",
                   id, role);
}

/* No key of the identity may speak for the vendor anywhere. */
static enum hm_rc check_identity(const struct hm_roles *roles, const struct hm_identity *identity,
                                 struct hm_err *err)
{
    const struct hm_root *root = hm_roles_root(roles);
    const struct hm_targets *targets = hm_roles_targets(roles);

    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        if (hm_keyring_shares_material(&identity->keys, &root->roles[i]))
            return refuse_shared(identity->maker, hm_root_role_name((enum hm_root_role)i), err);
    for (size_t i = 0; i < targets->delegations.role_count; i++) {
        const struct hm_delegated_role *role = &targets->delegations.roles[i];

        if (hm_keyring_shares_material(&identity->keys, &role->keys)) {
            char name[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1];

            (void)snprintf(name, sizeof(name), "%.*s", HM_BYTES_FMT(role->name));
            return refuse_shared(identity->maker, name, err);
        }
    }
    return HM_OK;
}

static bool has_material(const struct hm_role_keys *keys, const struct hm_key *key)
{
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_keyring_key *item = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

        if (item != NULL && item->key != NULL &&
            hm_digest_is_equal(hm_key_material(item->key), hm_key_material(key)))
            return true;
    }
    return false;
}

/* No approver may be a key of any maker. */
static enum hm_rc check_approvers(const struct hm_roles *roles,
                                  const struct hm_enrol_options *options,
                                  const struct hm_approvers *approvers, struct hm_err *err)
{
    const struct hm_layout *layout = hm_roles_layout(roles);

    for (size_t i = 0; i < approvers->count; i++) {
        const struct hm_approver *item = &approvers->items[i];
        bool shared =
            options->identity != NULL && has_material(&options->identity->keys, item->key);

        for (size_t j = 0; j < layout->delegations.role_count && !shared; j++)
            shared = has_material(&layout->delegations.roles[j].keys, item->key);
        if (shared)
            return hm_fail(err, HM_EREFUSED,
                           "'%s' is a maker's key, and cannot approve releases too: maker and "
                           "vendor must never share a key, or one of them could sign for both",
                           item->name);
    }
    return HM_OK;
}

/* release~ID, for a new maker. */
static enum hm_rc set_release(const struct hm_roles *roles, struct hm_roster *roster,
                              const struct hm_enrol_options *options, struct hm_err *err,
                              struct hm_buf *report)
{
    _hm_done_(hm_approvers_done) struct hm_approvers of_init = HM_APPROVERS_INIT;
    struct hm_approvers *approvers = options->approvers;
    uint32_t threshold = options->threshold;
    const struct hm_key *const *keys;

    if (approvers == NULL || approvers->count == 0) {
        HM_TRY(hm_approvers_load_group(&roles->site->private_dir, "release", err, &of_init));
        approvers = &of_init;
    }
    if (threshold == 0)
        threshold = roles->site->config.release_threshold;
    if (options->threshold == 0 && threshold > approvers->count && approvers != &of_init)
        threshold = (uint32_t)approvers->count;
    if (approvers->count == 0 || threshold > approvers->count)
        return hm_fail(err, HM_EREFUSED,
                       "'release~%s' needs %u signatures, but there are %zu approvers: give more "
                       "with --approver, or a lower --threshold",
                       options->id, threshold, approvers->count);
    HM_TRY(check_approvers(roles, options, approvers, err));
    HM_TRY(hm_approvers_keys(approvers, err, &keys));
    HM_TRY(hm_roster_set_release(roster, options->id, keys, approvers->count, threshold, err));
    if (approvers != &of_init)
        HM_TRY(hm_approvers_store(&roles->site->private_dir, "enrolled", approvers, err));
    if (threshold == 1 && !roles->site->config.trial)
        HM_TRY(hm_buf_append_fmt(
            report, err, "WARNING: one key alone can approve releases of '%s'\n", options->id));
    return hm_buf_append_fmt(report, err, "releases of '%s' need %u of %zu approvers\n",
                             options->id, threshold, approvers->count);
}

static bool is_same_maker(const struct hm_layout_maker *maker,
                          const struct hm_enrol_options *options)
{
    if (options->identity == NULL)
        return maker->is_attested && strcmp(maker->name, options->name) == 0;
    return !maker->is_attested && maker->identity_version == options->identity->version &&
           hm_digest_is_equal(&maker->identity_sha256, &options->identity->sha256);
}

static enum hm_rc report_maker(const struct hm_layout_maker *before,
                               const struct hm_enrol_options *options, struct hm_err *err,
                               struct hm_buf *report)
{
    const struct hm_identity *identity = options->identity;
    char first[HM_SHA256_HEX_SIZE];

    if (identity == NULL)
        return hm_buf_append_fmt(report, err,
                                 "'%s' (%s) is enrolled as attested: the vendor alone speaks for "
                                 "its releases\n",
                                 options->id, options->name);
    hm_text_hex(hm_bytes_make(identity->first.bytes, HM_SHA256_SIZE), first);
    HM_TRY(hm_buf_append_fmt(report, err, "'%s' (%s), identity version %lld, first %s\n",
                             options->id, identity->name, (long long)identity->version, first));
    if (before != NULL && before->is_attested)
        return hm_buf_append_str(report,
                                 "WARNING: its grade rises from attested to maker, for ever: it "
                                 "must sign its earlier releases too before this is published\n",
                                 err);
    if (before == NULL)
        return hm_buf_append_str(report,
                                 "Compare 'first' with what the maker says by another way (their "
                                 "'hallmark maker show').\n",
                                 err);
    return HM_OK;
}

/* An earlier try at this ID that never got so far as a draft leaves nothing that binds. */
static enum hm_rc store_chain(const struct hm_site *site, const struct hm_enrol_options *options,
                              bool is_new, struct hm_err *err)
{
    char path[64];

    if (options->identity == NULL)
        return HM_OK;
    (void)snprintf(path, sizeof(path), "identities/%s", options->id);
    if (is_new)
        HM_TRY(hm_dir_remove_tree(&site->private_dir, path, err));
    return hm_chain_store(site, options->id, options->identities, options->identity_count, err);
}

enum hm_rc hm_enrol_run(const struct hm_site *site, const struct hm_enrol_options *options,
                        struct hm_err *err, struct hm_buf *report, bool *ret_drafted)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    _hm_free_(hm_roster_free) struct hm_roster *roster = NULL;
    const struct hm_layout_maker *before;
    bool has_approvers = options->approvers != NULL && options->approvers->count > 0;

    HM_TRY(hm_layout_check_id(hm_bytes_str(options->id), err));
    HM_TRY(hm_roles_load(site, err, &roles));
    if (hm_roles_layout(roles) == NULL)
        return hm_fail(err, HM_EAGAIN, "the site has no targets.json yet: start it first");
    before = hm_layout_find(hm_roles_layout(roles), hm_bytes_str(options->id));
    if (options->identity != NULL)
        HM_TRY(check_identity(roles, options->identity, err));
    if (before != NULL && !has_approvers && is_same_maker(before, options)) {
        *ret_drafted = false;
        return hm_buf_append_fmt(report, err, "'%s' is enrolled so already\n", options->id);
    }
    if (before != NULL && has_approvers) {
        char role[HM_LAYOUT_ROLE_SIZE_MAX];

        hm_layout_release_role(hm_bytes_str(options->id), role);
        return hm_fail(err, HM_EUSAGE,
                       "'%s' is enrolled: its approvers are changed with 'hallmark site rotate %s'",
                       options->id, role);
    }
    HM_TRY(hm_roster_open(roles, err, &roster));
    HM_TRY(hm_roster_set_maker(roster, options->id,
                               options->identity != NULL ? options->identity->name : options->name,
                               options->identity, err));
    if (before == NULL)
        HM_TRY(set_release(roles, roster, options, err, report));
    HM_TRY(store_chain(site, options, before == NULL, err));
    HM_TRY(hm_roster_save(roster, err));
    if (before == NULL) {
        char role[HM_LAYOUT_ROLE_SIZE_MAX];

        hm_layout_release_role(hm_bytes_str(options->id), role);
        HM_TRY(hm_renew_first(site, role, err));
    }
    *ret_drafted = true;
    return report_maker(before, options, err, report);
}
