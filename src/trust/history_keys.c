/* SPDX-License-Identifier: Apache-2.0 */
/* What changed in who may sign, from one moment to the next. See history.h. */
#include "trust/history_internal.h"
#include "trust/verdict.h"

static enum hm_rc compare_root(struct hm_history *history, const struct hm_root *old,
                               const struct hm_root *next)
{
    for (int role = 0; role < HM_ROOT_ROLE_COUNT_; role++) {
        if (!hm_keyring_is_same_role(&old->roles[role], &next->roles[role]))
            HM_TRY(hm_history_find(
                history, HM_HISTORY_KEYS, "root", "root %lld changes the keys of %s",
                (long long)next->document.version, hm_root_role_name((enum hm_root_role)role)));
    }
    if (old->document.version != next->document.version)
        return hm_history_find(history, HM_HISTORY_KEYS, "root", "root %lld follows root %lld",
                               (long long)next->document.version, (long long)old->document.version);
    return HM_OK;
}

/* A role's name for people, which came from outside. */
static const char *name_of(struct hm_bytes name, char text[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1])
{
    (void)snprintf(text, HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1, "%.*s", HM_BYTES_FMT(name));
    return text;
}

static enum hm_rc compare_delegations(struct hm_history *history, const struct hm_delegations *old,
                                      const struct hm_delegations *next)
{
    char text[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 1];

    for (size_t i = 0; i < next->role_count; i++) {
        const struct hm_delegated_role *role = &next->roles[i];
        const struct hm_delegated_role *before = hm_targets_find_role(old, role->name);

        if (before != NULL && !hm_keyring_is_same_role(&before->keys, &role->keys))
            HM_TRY(hm_history_find(history, HM_HISTORY_KEYS, name_of(role->name, text),
                                   "the keys of '%s' changed", text));
    }
    return HM_OK;
}

/* ---- makers ---------------------------------------------------------------------------------- */

/* What may never become of a maker. */
static enum hm_rc check_fall(struct hm_history *history, const struct hm_layout_maker *before,
                             const struct hm_layout_maker *maker)
{
    if (maker == NULL)
        return hm_history_find(history, HM_HISTORY_ROLLBACK, before->id,
                               "maker '%s' is gone from targets.json", before->id);
    if (before->is_attested)
        return HM_OK;
    if (maker->is_attested)
        return hm_history_find(history, HM_HISTORY_ROLLBACK, maker->id,
                               "maker '%s' is vendor-attested now, and had keys of its own before",
                               maker->id);
    if (!hm_digest_is_equal(&before->identity_first, &maker->identity_first))
        return hm_history_find(history, HM_HISTORY_FALSE, maker->id,
                               "maker '%s' has another first identity than before", maker->id);
    if (maker->identity_version < before->identity_version)
        return hm_history_find(history, HM_HISTORY_ROLLBACK, maker->id,
                               "maker '%s' goes back from identity %lld to %lld", maker->id,
                               (long long)before->identity_version,
                               (long long)maker->identity_version);
    if (maker->identity_version == before->identity_version &&
        !hm_digest_is_equal(&before->identity_sha256, &maker->identity_sha256))
        return hm_history_find(history, HM_HISTORY_REUSED, maker->id,
                               "identity %lld of maker '%s' has other bytes than before",
                               (long long)maker->identity_version, maker->id);
    return HM_OK;
}

static enum hm_rc get_identity(struct hm_history *history, const char *maker, int64_t version,
                               struct hm_err *err, struct hm_buf *ret_raw)
{
    char name[HM_LAYOUT_ID_SIZE_MAX + 64];

    (void)snprintf(name, sizeof(name), "%s/%lld.identity", maker, (long long)version);
    return history->config.makers.get(history->config.makers.ctx, name, err, ret_raw);
}

/* The chain up to the identity that targets.json names. */
static enum hm_rc load_chain(struct hm_history *history, const struct hm_layout_maker *maker,
                             struct hm_err *err, struct hm_identity **ret_identity)
{
    _hm_free_(hm_identity_free) struct hm_identity *current = NULL;

    for (int64_t version = 1; version <= maker->identity_version; version++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
        struct hm_identity *next = NULL;

        HM_TRY(get_identity(history, maker->id, version, err, &raw));
        if (current == NULL)
            HM_TRY(hm_identity_verify_first(hm_buf_bytes(&raw), err, &next));
        else
            HM_TRY(hm_identity_verify_next(current, hm_buf_bytes(&raw), err, &next));
        hm_identity_free(current);
        current = next;
    }
    *ret_identity = hm_steal(&current);
    return HM_OK;
}

/* A maker whose identity or keys are new: they are its own. */
static enum hm_rc check_chain(struct hm_history *history, const struct hm_layout *layout,
                              const struct hm_layout_maker *maker)
{
    const struct hm_memory memory = {.is_known = false};
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;
    struct hm_err why = HM_ERR_INIT;
    enum hm_grade grade;
    enum hm_rc rc = load_chain(history, maker, &why, &identity);

    if (rc == HM_OK)
        rc = hm_verdict_maker(layout, maker, identity, &memory, HM_GRADE_ATTESTED, &why, &grade);
    return hm_history_judge(history, maker->id, rc, &why);
}

static bool has_same_keys(const struct hm_layout *old, const struct hm_layout *next,
                          const struct hm_layout_maker *maker)
{
    char name[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_delegated_role *before, *after;

    hm_layout_maker_role(hm_bytes_str(maker->id), name);
    before = hm_targets_find_role(&old->delegations, hm_bytes_str(name));
    after = hm_targets_find_role(&next->delegations, hm_bytes_str(name));
    return before != NULL && after != NULL && hm_keyring_is_same_role(&before->keys, &after->keys);
}

/* old may be NULL. */
static enum hm_rc check_makers(struct hm_history *history, const struct hm_layout *old,
                               const struct hm_layout *next)
{
    for (size_t i = 0; old != NULL && i < old->maker_count; i++)
        HM_TRY(check_fall(history, &old->makers[i],
                          hm_layout_find(next, hm_bytes_str(old->makers[i].id))));
    for (size_t i = 0; i < next->maker_count && history->config.makers.get != NULL; i++) {
        const struct hm_layout_maker *maker = &next->makers[i];
        const struct hm_layout_maker *before =
            old == NULL ? NULL : hm_layout_find(old, hm_bytes_str(maker->id));

        if (!maker->is_attested &&
            (before == NULL || before->is_attested ||
             !hm_digest_is_equal(&before->identity_sha256, &maker->identity_sha256) ||
             !has_same_keys(old, next, maker)))
            HM_TRY(check_chain(history, next, maker));
    }
    return HM_OK;
}

static enum hm_rc compare_makers(struct hm_history *history, const struct hm_layout *old,
                                 const struct hm_layout *next)
{
    for (size_t i = 0; i < next->maker_count; i++) {
        const struct hm_layout_maker *maker = &next->makers[i];
        const struct hm_layout_maker *before = hm_layout_find(old, hm_bytes_str(maker->id));

        if (before == NULL)
            HM_TRY(hm_history_find(history, HM_HISTORY_KEYS, maker->id, "maker '%s' is new (%s)",
                                   maker->id, maker->is_attested ? "vendor-attested" : "maker"));
        else if (before->is_attested != maker->is_attested)
            HM_TRY(hm_history_find(history, HM_HISTORY_KEYS, maker->id, "maker '%s' is %s now",
                                   maker->id,
                                   maker->is_attested ? "vendor-attested" : "of grade 'maker'"));
        else if (!maker->is_attested &&
                 (before->identity_version != maker->identity_version ||
                  !hm_digest_is_equal(&before->identity_sha256, &maker->identity_sha256)))
            HM_TRY(hm_history_find(history, HM_HISTORY_KEYS, maker->id,
                                   "maker '%s' has identity %lld now, and had %lld", maker->id,
                                   (long long)maker->identity_version,
                                   (long long)before->identity_version));
    }
    return HM_OK;
}

static enum hm_rc check_denied(struct hm_history *history, const struct hm_keyring *ring,
                               const char *where)
{
    for (size_t i = 0; i < ring->count; i++) {
        for (size_t j = 0; ring->keys[i].key != NULL && j < history->config.denied_count; j++) {
            if (hm_digest_is_equal(hm_key_material(ring->keys[i].key), &history->config.denied[j]))
                HM_TRY(hm_history_find(history, HM_HISTORY_TEST_KEY, where,
                                       "%s has the key %.16s..., which nobody may use", where,
                                       hm_key_id(ring->keys[i].key)));
        }
    }
    return HM_OK;
}

static enum hm_rc check_trial(struct hm_history *history, const struct hm_root *root)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char *site = NULL;
    bool is_trial = false;

    HM_TRY(hm_layout_root_site(root, &arena, history->err, &site, &is_trial));
    if (!is_trial)
        return HM_OK;
    return hm_history_find(
        history, HM_HISTORY_TEST_KEY, "root",
        "root %lld says that site '%s' is on trial: one machine has all its keys",
        (long long)root->document.version, site);
}

enum hm_rc hm_history_compare_keys(struct hm_history *history, const struct hm_history_state *old,
                                   const struct hm_history_state *next)
{
    bool is_first = old->snapshot == NULL;

    if (!is_first) {
        HM_TRY(compare_root(history, old->root, next->root));
        HM_TRY(compare_delegations(history, &old->targets.targets->delegations,
                                   &next->targets.targets->delegations));
        HM_TRY(compare_delegations(history, &old->layout->delegations, &next->layout->delegations));
        HM_TRY(compare_makers(history, old->layout, next->layout));
    }
    if (is_first || old->root != next->root) {
        HM_TRY(check_trial(history, next->root));
        HM_TRY(check_denied(history, &next->root->ring, "root"));
    }
    if (is_first || !next->is_sharing)
        HM_TRY(check_makers(history, old->layout, next->layout));
    if (is_first || old->targets.version != next->targets.version) {
        HM_TRY(check_denied(history, &next->targets.targets->delegations.ring, "targets"));
        HM_TRY(check_denied(history, &next->layout->delegations.ring, "targets"));
    }
    return HM_OK;
}
