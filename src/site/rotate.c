/* SPDX-License-Identifier: Apache-2.0 */
/* Changing the keys of a role (rotate.h). */
#include "site/rotate.h"

#include "base/file.h"
#include "exchange/role.h"
#include "site/plan.h"
#include "site/renew.h"
#include "trust/site_log.h"

#define HM_ROTATE_ID_PREFIX_MIN 8

/* The keys that a role is to have. */
struct key_set {
    const struct hm_key **keys; /* in the arena; the keys are borrowed */
    size_t count;
    uint32_t threshold;
    struct hm_arena arena;
};

static void key_set_done(struct key_set *set)
{
    hm_arena_done(&set->arena);
}

static size_t find_material(const struct key_set *set, const struct hm_key *key)
{
    for (size_t i = 0; i < set->count; i++)
        if (hm_digest_is_equal(hm_key_material(set->keys[i]), hm_key_material(key)))
            return i;
    return SIZE_MAX;
}

static size_t find_id(const struct key_set *set, const char *prefix)
{
    size_t found = SIZE_MAX;
    size_t size = strlen(prefix);

    for (size_t i = 0; i < set->count && size >= HM_ROTATE_ID_PREFIX_MIN; i++)
        if (strncmp(hm_key_id(set->keys[i]), prefix, size) == 0)
            found = i;
    return found;
}

static enum hm_rc remove_key(struct key_set *set, const char *role, const char *what,
                             struct hm_err *err)
{
    _hm_done_(hm_approvers_done) struct hm_approvers file = HM_APPROVERS_INIT;
    size_t at = find_id(set, what);

    if (at == SIZE_MAX && strspn(what, "0123456789abcdef") != strlen(what)) {
        HM_TRY(hm_approvers_read(&file, what, err));
        at = find_material(set, file.items[0].key);
    }
    if (at == SIZE_MAX)
        return hm_fail(err, HM_EUSAGE,
                       "'%s' is no key of '%s'; 'hallmark site status' lists their ids", what,
                       role);
    set->keys[at] = set->keys[--set->count];
    return HM_OK;
}

static enum hm_rc key_set_make(const struct hm_rotate_options *options,
                               const struct hm_role_keys *before, struct hm_err *err,
                               struct key_set *set)
{
    size_t add_count = options->add == NULL ? 0 : options->add->count;

    if (add_count == 0 && options->remove_count == 0 &&
        (options->threshold == 0 || options->threshold == before->threshold))
        return hm_fail(err, HM_EUSAGE, "'%s': give --add, --remove or --threshold", options->role);
    set->keys = hm_arena_alloc(&set->arena, before->id_count + add_count, sizeof(*set->keys));
    if (set->keys == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < before->id_count; i++) {
        const struct hm_keyring_key *key =
            hm_keyring_find(before->ring, hm_bytes_str(before->ids[i]));

        if (key != NULL && key->key != NULL) /* an unknown one counts for nobody: it goes */
            set->keys[set->count++] = key->key;
    }
    for (size_t i = 0; i < options->remove_count; i++)
        HM_TRY(remove_key(set, options->role, options->remove[i], err));
    for (size_t i = 0; i < add_count; i++) {
        if (find_material(set, options->add->items[i].key) != SIZE_MAX)
            return hm_fail(err, HM_EUSAGE, "'%s' is a key of '%s' already",
                           options->add->items[i].name, options->role);
        set->keys[set->count++] = options->add->items[i].key;
    }
    set->threshold = options->threshold != 0 ? options->threshold : before->threshold;
    if (set->threshold > set->count)
        return hm_fail(
            err, HM_EREFUSED,
            "'%s' would need %u signatures of %zu keys: add keys, or lower the threshold",
            options->role, set->threshold, set->count);
    return HM_OK;
}

/* Root */

/* Online keys speak for nothing else: they lie on the server. */
static enum hm_rc check_online(const struct hm_root *root, const struct hm_targets *targets,
                               struct hm_err *err)
{
    const struct hm_role_keys *online = &root->roles[HM_ROOT_ROLE_TIMESTAMP];
    const char *shared = NULL;

    if (hm_keyring_shares_material(online, &root->roles[HM_ROOT_ROLE_ROOT]))
        shared = "root";
    if (hm_keyring_shares_material(online, &root->roles[HM_ROOT_ROLE_TARGETS]))
        shared = "targets";
    for (size_t i = 0; i < targets->delegations.role_count && shared == NULL; i++)
        if (hm_keyring_shares_material(online, &targets->delegations.roles[i].keys))
            shared = "a delegated role";
    if (shared != NULL)
        return hm_fail(err, HM_EREFUSED,
                       "the online key would speak for '%s' too: it lies on the server, so it must "
                       "not",
                       shared);
    return HM_OK;
}

static enum hm_rc save_root(const struct hm_roles *roles, struct hm_root *root, struct hm_err *err,
                            struct hm_buf *report)
{
    const struct hm_site *site = roles->site;
    _hm_free_(hm_layout_free) struct hm_layout *layout = NULL;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    root->document.version = hm_tree_version(roles->tree, "root") + 1;
    root->document.expires_unix_s = site->now_unix_s + site->config.expiry.root_s;
    HM_TRY(check_online(root, hm_roles_targets(roles), err));
    /* Also: no maker's key in a vendor's role. */
    HM_TRY(hm_layout_parse(root, hm_roles_targets(roles), site->config.name, err, &layout));
    HM_TRY(hm_site_log_check_next_root(roles->tree->root, root, err));
    if (roles->root_draft != NULL && roles->root_draft->envelope->signature_count > 0)
        HM_TRY(hm_buf_append_str(report,
                                 "WARNING: the draft of 'root' had signatures; it is replaced, and "
                                 "must be signed again\n",
                                 err));
    HM_TRY(hm_root_write(root, err, &canonical));
    return hm_draft_put(&site->drafts, "root", hm_buf_bytes(&canonical), err);
}

enum hm_rc hm_rotate_edit_root(const struct hm_roles *roles, hm_rotate_edit_fn *edit, void *ctx,
                               struct hm_err *err, struct hm_buf *report)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_root_unsigned root = {NULL};
    enum hm_rc rc;

    HM_TRY(hm_envelope_parse(roles->root_draft != NULL ? roles->root_draft->raw
                                                       : roles->tree->root_raw,
                             err, &envelope));
    HM_TRY(hm_root_read_unsigned(hm_envelope_unsigned(envelope), err, &root));
    rc = edit(ctx, root.content, err);
    if (rc == HM_OK)
        rc = save_root(roles, root.content, err, report);
    hm_root_free(root.content);
    return rc;
}

/* Some roles of root, and the keys that they get. */
struct key_change {
    const enum hm_root_role *roles;
    size_t count;
    const struct key_set *set;
};

static enum hm_rc set_keys(void *ctx, struct hm_root *root, struct hm_err *err)
{
    const struct key_change *change = ctx;

    for (size_t i = 0; i < change->count; i++)
        HM_TRY(hm_root_set_role(root, change->roles[i], change->set->keys, change->set->count,
                                change->set->threshold, err));
    return HM_OK;
}

static enum hm_rc change_root(const struct hm_roles *roles, const enum hm_root_role *which,
                              size_t which_count, const struct key_set *set, struct hm_err *err,
                              struct hm_buf *report)
{
    struct key_change change = {.roles = which, .count = which_count, .set = set};

    return hm_rotate_edit_root(roles, set_keys, &change, err, report);
}

/* targets.json must be good under both roots: it gets a next version, to be signed by both. */
static enum hm_rc draft_targets(const struct hm_roles *roles, struct hm_err *err)
{
    _hm_free_(hm_roster_free) struct hm_roster *roster = NULL;

    if (roles->targets_draft != NULL) /* it will need both from now on */
        return HM_OK;
    HM_TRY(hm_roster_open(roles, err, &roster));
    return hm_roster_save(roster, err);
}

static enum hm_rc rotate_root(const struct hm_roles *roles, const struct hm_rotate_options *options,
                              enum hm_root_role role, struct hm_err *err, struct hm_buf *report,
                              struct hm_renew *result)
{
    _hm_done_(key_set_done) struct key_set set = {.keys = NULL};

    HM_TRY(key_set_make(options, &hm_roles_root(roles)->roles[role], err, &set));
    HM_TRY(change_root(roles, &role, 1, &set, err, report));
    if (options->add != NULL)
        HM_TRY(hm_approvers_store(&roles->site->private_dir, options->role, options->add, err));
    HM_TRY(hm_renew_add(result, "root", err));
    if (role == HM_ROOT_ROLE_ROOT)
        return HM_OK;
    HM_TRY(hm_renew_add(result, "targets", err));
    return draft_targets(roles, err);
}

/* Whether the online key in force is at hand, and what follows from that. */
static enum hm_rc check_lost(const struct hm_roles *roles, bool lost, struct hm_err *err,
                             struct hm_buf *report)
{
    _hm_done_(hm_roles_signers_done) struct hm_signers signers = HM_SIGNERS_INIT;
    const struct hm_root *root = roles->tree->root;
    bool at_hand;

    HM_TRY(hm_approvers_signers(&roles->site->private_dir, HM_APPROVERS_ONLINE, err, &signers));
    at_hand = hm_approvers_can_sign(&signers, &root->roles[HM_ROOT_ROLE_TIMESTAMP]) &&
              hm_approvers_can_sign(&signers, &root->roles[HM_ROOT_ROLE_SNAPSHOT]);
    if (lost && at_hand)
        return hm_fail(err, HM_EUSAGE,
                       "--lost: the online key is here, in private/keys, and can sign the change; "
                       "leave out --lost");
    if (!lost && !at_hand)
        return hm_buf_append_str(report,
                                 "WARNING: the online key in force is not in private/keys, and "
                                 "publish will need its last signature: put it back, or say "
                                 "--lost if it is gone for ever\n",
                                 err);
    return HM_OK;
}

/* What publish goes by: the version of the root that needs no signature of the old online key. */
static enum hm_rc mark_lost(const struct hm_roles *roles, bool lost, struct hm_err *err)
{
    char text[32];

    if (!lost)
        return hm_dir_remove(&roles->site->private_dir, HM_PLAN_LOST_FILE, err);
    (void)snprintf(text, sizeof(text), "%lld\n",
                   (long long)hm_tree_version(roles->tree, "root") + 1);
    return hm_file_replace(&roles->site->private_dir, HM_PLAN_LOST_FILE, 0600, hm_bytes_str(text),
                           err);
}

static enum hm_rc rotate_online(const struct hm_roles *roles,
                                const struct hm_rotate_options *options, struct hm_err *err,
                                struct hm_buf *report, struct hm_renew *result)
{
    static const enum hm_root_role online[] = {HM_ROOT_ROLE_TIMESTAMP, HM_ROOT_ROLE_SNAPSHOT};
    _hm_free_(hm_signer_free) struct hm_signer *made = NULL;
    const struct hm_signer *signer = options->online;
    const struct hm_key *key;
    struct key_set set = {.count = 1, .threshold = 1};
    char name[32];

    if ((options->add != NULL && options->add->count > 0) || options->remove_count > 0 ||
        options->threshold > 1)
        return hm_fail(err, HM_EUSAGE,
                       "'online' has one key, which is replaced: give --online K.pem or nothing");
    HM_TRY(check_lost(roles, options->lost, err, report));
    if (signer == NULL) {
        HM_TRY(hm_signer_generate("ed25519", err, &made));
        signer = made;
    }
    key = hm_signer_key(signer);
    set.keys = &key;
    HM_TRY(change_root(roles, online, HM_ARRAY_COUNT(online), &set, err, report));
    HM_TRY(mark_lost(roles, options->lost, err));
    (void)snprintf(name, sizeof(name), "online-%.8s", hm_key_id(key));
    HM_TRY(hm_approvers_store_signer(&roles->site->private_dir, name, signer, err));
    HM_TRY(hm_renew_add(result, "root", err));
    return hm_buf_append_fmt(
        report, err,
        "the new online key is private/keys/%s.pem; the old one may be deleted "
        "once the new root is published\n",
        name);
}

/* Delegated roles */

static enum hm_rc rotate_delegated(const struct hm_roles *roles,
                                   const struct hm_rotate_options *options, struct hm_err *err,
                                   struct hm_renew *result)
{
    _hm_done_(key_set_done) struct key_set set = {.keys = NULL};
    _hm_free_(hm_roster_free) struct hm_roster *roster = NULL;
    _hm_free_(hm_roles_free) struct hm_roles *changed = NULL;
    const struct hm_delegated_role *before =
        hm_targets_find_role(&hm_roles_targets(roles)->delegations, hm_bytes_str(options->role));
    const char *const recalls = "recalls~vendor";
    bool is_release = hm_role_is_of(options->role, "release", NULL);

    if (before == NULL || (!is_release && strcmp(options->role, recalls) != 0))
        return hm_fail(err, HM_EUNKNOWN,
                       "'%s': no role whose keys are changed here; they are root, targets, online, "
                       "recalls~vendor and release~ID of each maker",
                       options->role);
    HM_TRY(key_set_make(options, &before->keys, err, &set));
    HM_TRY(hm_roster_open(roles, err, &roster));
    if (is_release)
        HM_TRY(hm_roster_set_release(roster, strchr(options->role, '~') + 1, set.keys, set.count,
                                     set.threshold, err));
    else
        HM_TRY(hm_roster_set_recalls(roster, set.keys, set.count, set.threshold, err));
    HM_TRY(check_online(hm_roles_root(roles), roster->targets, err));
    HM_TRY(hm_roster_save(roster, err));
    if (options->add != NULL)
        HM_TRY(hm_approvers_store(&roles->site->private_dir, is_release ? "enrolled" : "recalls",
                                  options->add, err));
    HM_TRY(hm_renew_add(result, "targets", err));
    if (hm_tree_version(roles->tree, options->role) == 0)
        return HM_OK;
    HM_TRY(hm_roles_load(roles->site, err, &changed)); /* with the draft of targets just written */
    return hm_renew_release(changed, options->role, err, result);
}

enum hm_rc hm_rotate_run(const struct hm_site *site, const struct hm_rotate_options *options,
                         struct hm_err *err, struct hm_buf *report, struct hm_renew *ret_result)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;

    HM_TRY(hm_roles_load(site, err, &roles));
    if (roles->tree->root == NULL)
        return hm_fail(err, HM_EAGAIN,
                       "nothing is published yet: publish the first root, or start again");
    if (options->online != NULL && strcmp(options->role, "online") != 0)
        return hm_fail(err, HM_EUSAGE, "--online goes with the role 'online' only");
    if (options->lost && strcmp(options->role, "online") != 0)
        return hm_fail(err, HM_EUSAGE, "--lost goes with the role 'online' only");
    if (strcmp(options->role, "root") == 0)
        return rotate_root(roles, options, HM_ROOT_ROLE_ROOT, err, report, ret_result);
    if (strcmp(options->role, "targets") == 0)
        return rotate_root(roles, options, HM_ROOT_ROLE_TARGETS, err, report, ret_result);
    if (strcmp(options->role, "online") == 0)
        return rotate_online(roles, options, err, report, ret_result);
    return rotate_delegated(roles, options, err, ret_result);
}
