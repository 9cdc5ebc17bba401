/* SPDX-License-Identifier: Apache-2.0 */
/* The next targets.json being edited (roster.h). */
#include "site/roster.h"

#include "exchange/draft.h"

#define HM_ROSTER_PATTERN_SIZE 64

/* Opening */

static enum hm_rc copy_keys(const struct hm_role_keys *role, struct hm_arena *arena,
                            struct hm_err *err, const struct hm_key *const **ret_keys)
{
    const struct hm_key **keys = hm_arena_alloc(arena, role->id_count, sizeof(*keys));

    if (keys == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < role->id_count; i++) {
        const struct hm_keyring_key *key = hm_keyring_find(role->ring, hm_bytes_str(role->ids[i]));

        if (key == NULL || key->key == NULL)
            return hm_fail(err, HM_EREFUSED,
                           "the key %.8s is of a type that this version does not know: it would "
                           "never count",
                           role->ids[i]);
        keys[i] = key->key;
    }
    *ret_keys = keys;
    return HM_OK;
}

static enum hm_rc copy_maker_role(struct hm_roster *roster, const struct hm_delegated_role *role,
                                  struct hm_err *err)
{
    const struct hm_key *const *keys;
    char *name = hm_arena_strdup(&roster->arena, role->name);
    const char **paths = hm_arena_alloc(&roster->arena, role->path_count, sizeof(*paths));

    if (name == NULL || paths == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < role->path_count; i++) {
        paths[i] = hm_arena_strdup(&roster->arena, role->paths[i]);
        if (paths[i] == NULL)
            return hm_error_nomem(err);
    }
    HM_TRY(copy_keys(&role->keys, &roster->arena, err, &keys));
    return hm_targets_delegate(roster->maker_roles, name, keys, role->keys.id_count,
                               role->keys.threshold, paths, role->path_count, role->terminating,
                               err);
}

static struct hm_layout_maker *find_maker(struct hm_roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->maker_count; i++)
        if (strcmp(roster->makers[i].id, id) == 0)
            return &roster->makers[i];
    return NULL;
}

/* Makers stay sorted by id. */
static enum hm_rc put_maker(struct hm_roster *roster, const struct hm_layout_maker *maker,
                            struct hm_err *err)
{
    struct hm_layout_maker copy = *maker;
    struct hm_layout_maker *there = find_maker(roster, maker->id);
    size_t at = roster->maker_count;

    copy.id = hm_arena_strdup(&roster->arena, hm_bytes_str(maker->id));
    copy.name = hm_arena_strdup(&roster->arena, hm_bytes_str(maker->name));
    if (copy.id == NULL || copy.name == NULL)
        return hm_error_nomem(err);
    if (there != NULL) {
        *there = copy;
        return HM_OK;
    }
    if (roster->maker_count == roster->maker_capacity) {
        size_t capacity = roster->maker_capacity == 0 ? 64 : 2 * roster->maker_capacity;
        struct hm_layout_maker *grown = hm_arena_alloc(&roster->arena, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        if (roster->maker_count > 0)
            memcpy(grown, roster->makers, roster->maker_count * sizeof(*grown));
        roster->makers = grown;
        roster->maker_capacity = capacity;
    }
    for (; at > 0 && strcmp(roster->makers[at - 1].id, copy.id) > 0; at--)
        roster->makers[at] = roster->makers[at - 1];
    roster->makers[at] = copy;
    roster->maker_count++;
    return HM_OK;
}

static enum hm_rc copy_layout(struct hm_roster *roster, const struct hm_layout *layout,
                              struct hm_err *err)
{
    for (size_t i = 0; i < layout->maker_count; i++)
        HM_TRY(put_maker(roster, &layout->makers[i], err));
    for (size_t i = 0; i < layout->delegations.role_count; i++)
        HM_TRY(copy_maker_role(roster, &layout->delegations.roles[i], err));
    return HM_OK;
}

enum hm_rc hm_roster_open(const struct hm_roles *roles, struct hm_err *err,
                          struct hm_roster **ret_roster)
{
    _hm_free_(hm_roster_free) struct hm_roster *roster = calloc(1, sizeof(*roster));
    const struct hm_targets *base = hm_roles_targets(roles);

    if (roster == NULL)
        return hm_error_nomem(err);
    roster->roles = roles;
    if (base == NULL)
        HM_TRY(hm_targets_new(err, &roster->targets));
    else
        HM_TRY(hm_targets_copy(base, err, &roster->targets));
    HM_TRY(hm_targets_new(err, &roster->maker_roles));
    if (hm_roles_layout(roles) != NULL)
        HM_TRY(copy_layout(roster, hm_roles_layout(roles), err));
    roster->targets->document.version = hm_tree_version(roles->tree, "targets") + 1;
    roster->targets->document.expires_unix_s =
        roles->site->now_unix_s + roles->site->config.expiry.targets_s;
    *ret_roster = hm_steal(&roster);
    return HM_OK;
}

void hm_roster_free(struct hm_roster *roster)
{
    if (roster == NULL)
        return;
    hm_targets_free(roster->maker_roles);
    hm_targets_free(roster->targets);
    hm_arena_done(&roster->arena);
    free(roster);
}

/* Editing */

static enum hm_rc delegate(struct hm_targets *targets, const char *role, const char *pattern,
                           const struct hm_key *const *keys, size_t key_count, uint32_t threshold,
                           struct hm_err *err)
{
    enum hm_rc rc =
        hm_targets_delegate(targets, role, keys, key_count, threshold, &pattern, 1, true, err);

    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", role);
}

enum hm_rc hm_roster_set_recalls(struct hm_roster *roster, const struct hm_key *const *keys,
                                 size_t key_count, uint32_t threshold, struct hm_err *err)
{
    return delegate(roster->targets, "recalls~vendor", "recalls/vendor/*", keys, key_count,
                    threshold, err);
}

enum hm_rc hm_roster_set_release(struct hm_roster *roster, const char *id,
                                 const struct hm_key *const *keys, size_t key_count,
                                 uint32_t threshold, struct hm_err *err)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX], pattern[HM_ROSTER_PATTERN_SIZE];

    HM_TRY(hm_layout_check_id(hm_bytes_str(id), err));
    hm_layout_release_role(hm_bytes_str(id), role);
    (void)snprintf(pattern, sizeof(pattern), "%s/*/*/*", id);
    return delegate(roster->targets, role, pattern, keys, key_count, threshold, err);
}

static enum hm_rc check_successor(const struct hm_layout_maker *before,
                                  const struct hm_identity *identity, struct hm_err *err)
{
    if (before == NULL || before->is_attested)
        return HM_OK; /* a new maker, or an attested one that now signs itself */
    if (identity == NULL)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' signs its releases itself: its grade can never fall to attested, or "
                       "whoever controls the site could drop the maker's signature",
                       before->id);
    if (!hm_digest_is_equal(&before->identity_first, &identity->first))
        return hm_fail(err, HM_EREFUSED,
                       "'%s': this is not the identity that is enrolled (its first version is "
                       "another document): a maker that lost its keys needs a new ID",
                       before->id);
    if (identity->version < before->identity_version)
        return hm_fail(err, HM_EROLLBACK,
                       "'%s': identity version %lld is older than version %lld, which is enrolled",
                       before->id, (long long)identity->version,
                       (long long)before->identity_version);
    return HM_OK;
}

/* Signatures are found by key id, so the delegation's ids must be those the maker signs under. */
static enum hm_rc check_ids(const struct hm_identity *identity, struct hm_err *err)
{
    for (size_t i = 0; i < identity->keys.id_count; i++) {
        const char *id = identity->keys.ids[i];
        const struct hm_keyring_key *key = hm_keyring_find(&identity->ring, hm_bytes_str(id));

        if (key != NULL && key->key != NULL && strcmp(hm_key_id(key->key), id) != 0)
            return hm_fail(err, HM_EREFUSED,
                           "'%s': the identity names a key '%.8s' whose id by the rules of TUF is "
                           "'%.8s'; make the identity with 'hallmark maker init'",
                           identity->maker, id, hm_key_id(key->key));
    }
    return HM_OK;
}

static enum hm_rc delegate_maker(struct hm_roster *roster, const char *id,
                                 const struct hm_identity *identity, struct hm_err *err)
{
    const struct hm_key *const *keys;
    char role[HM_LAYOUT_ROLE_SIZE_MAX], pattern[HM_ROSTER_PATTERN_SIZE];

    HM_TRY(check_ids(identity, err));
    HM_TRY(copy_keys(&identity->keys, &roster->arena, err, &keys));
    hm_layout_maker_role(hm_bytes_str(id), role);
    (void)snprintf(pattern, sizeof(pattern), "%s/*/*/*", id);
    HM_TRY(delegate(roster->maker_roles, role, pattern, keys, identity->keys.id_count,
                    identity->keys.threshold, err));
    (void)snprintf(role, sizeof(role), "recalls~%s", id);
    (void)snprintf(pattern, sizeof(pattern), "recalls/%s/*", id);
    return delegate(roster->maker_roles, role, pattern, keys, identity->keys.id_count, 1, err);
}

enum hm_rc hm_roster_set_maker(struct hm_roster *roster, const char *id, const char *name,
                               const struct hm_identity *identity, struct hm_err *err)
{
    struct hm_layout_maker maker = {.id = id, .name = name, .is_attested = identity == NULL};

    HM_TRY(hm_layout_check_id(hm_bytes_str(id), err));
    HM_TRY(check_successor(find_maker(roster, id), identity, err));
    if (identity != NULL) {
        maker.identity_version = identity->version;
        maker.identity_sha256 = identity->sha256;
        maker.identity_length = identity->length;
        maker.identity_first = identity->first;
        HM_TRY(delegate_maker(roster, id, identity, err));
    }
    return put_maker(roster, &maker, err);
}

/* Saving */

/* What a client will say of it. */
static enum hm_rc check_layout(const struct hm_roster *roster, const struct hm_root *root,
                               struct hm_bytes canonical, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_layout_free) struct hm_layout *layout = NULL;
    struct hm_targets_unsigned targets = {NULL};
    enum hm_rc rc;

    HM_TRY(hm_envelope_write(canonical, NULL, 0, err, &raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(envelope), err, &targets));
    rc = hm_layout_parse(root, targets.content, roster->roles->site->config.name, err, &layout);
    hm_targets_free(targets.content);
    return rc;
}

enum hm_rc hm_roster_save_under(struct hm_roster *roster, const struct hm_root *root,
                                struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    struct hm_layout layout = {.site = roster->roles->site->config.name,
                               .makers = roster->makers,
                               .maker_count = roster->maker_count,
                               .delegations = roster->maker_roles->delegations};

    HM_TRY(hm_layout_write(&layout, err, &json));
    HM_TRY(hm_targets_set_x_hallmark(roster->targets, hm_buf_bytes(&json), err));
    HM_TRY(hm_targets_write(roster->targets, err, &canonical));
    HM_TRY(check_layout(roster, root, hm_buf_bytes(&canonical), err));
    return hm_draft_put(&roster->roles->site->drafts, "targets", hm_buf_bytes(&canonical), err);
}

enum hm_rc hm_roster_save(struct hm_roster *roster, struct hm_err *err)
{
    return hm_roster_save_under(roster, hm_roles_root(roster->roles), err);
}
