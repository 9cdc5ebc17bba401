/* SPDX-License-Identifier: Apache-2.0 */
/* Refreshing, and loading what was refreshed. The order matters: what protects against rollback is
 * on the disk before anything that relies on it is used. */
#include "customer/refresh.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/kept.h"
#include "customer/memory.h"
#include "customer/products.h"
#include "customer/recall_memory.h"
#include "trust/partition.h"

static enum hm_rc check_clock(const struct hm_subscription *subscription, struct hm_err *err)
{
    char now[HM_TIME_TEXT_SIZE];
    char last[HM_TIME_TEXT_SIZE];

    if (subscription->now_unix_s + HM_SUBSCRIPTION_CLOCK_SLACK_S >= subscription->refreshed_unix_s)
        return HM_OK;
    hm_time_format(subscription->now_unix_s, now);
    hm_time_format(subscription->refreshed_unix_s, last);
    return hm_fail(err, HM_ECLOCK,
                   "this machine's clock says %s, but the last refresh was %s: expiry cannot be "
                   "judged; set the clock",
                   now, last);
}

static enum hm_rc write_refreshed(struct hm_subscription *subscription, struct hm_err *err)
{
    struct hm_kept_time time = {.unix_s = subscription->now_unix_s};

    if (subscription->bundle != NULL)
        time = (struct hm_kept_time){hm_bundle_head(subscription->bundle)->refreshed_unix_s, true};
    if (time.unix_s <= subscription->refreshed_unix_s)
        return HM_OK;
    HM_TRY(hm_kept_write_time(&subscription->dir, &time, err));
    subscription->refreshed_unix_s = time.unix_s;
    subscription->is_of_bundle = time.is_bundle;
    return HM_OK;
}

static enum hm_rc open_client(struct hm_subscription *subscription, bool is_impatient,
                              struct hm_err *err)
{
    bool is_online = hm_subscription_is_online(subscription);
    struct hm_client_config config = {
        .dir = &subscription->metadata,
        .over = subscription->is_earlier ? &subscription->earlier : NULL,
        .source = is_online ? &subscription->source : NULL,
        .keeper = is_online ? &subscription->keeper : NULL,
        .root_rule = &subscription->root_rule,
        .now_unix_s = subscription->judged_unix_s,
        .require_hashes = true,
        .ignore_expiry = !is_online,
        .is_impatient = is_impatient,
    };

    hm_layout_free(subscription->layout);
    subscription->layout = NULL;
    hm_release_log_free(subscription->log);
    subscription->log = NULL;
    hm_client_free(subscription->client);
    subscription->client = NULL;
    return hm_client_open(&config, err, &subscription->client);
}

/* The refreshed top-level roles are those of this very site, in a Hallmark site's shape. */
static enum hm_rc adopt_layout(struct hm_subscription *subscription, struct hm_err *err)
{
    const struct hm_root *root = hm_client_root(subscription->client);
    const char *site = NULL;

    HM_TRY(hm_layout_root_site(root, &subscription->arena, err, &site, &subscription->is_trial));
    if (strcmp(site, subscription->trust->site) != 0)
        return hm_fail(err, HM_EMISMATCH, "'root': is of site '%s'; ask the site", site);
    HM_TRY(hm_layout_parse(root, hm_client_targets(subscription->client), site, err,
                           &subscription->layout));
    subscription->standings = hm_arena_alloc(
        &subscription->arena, subscription->layout->maker_count, sizeof(struct hm_standing));
    return subscription->standings == NULL ? hm_error_nomem(err) : HM_OK;
}

/* ---- makers ---------------------------------------------------------------------------------- */

/* A role above, by name. *ret_role NULL: the snapshot has no such role, nothing was released yet.
 */
static enum hm_rc get_role(struct hm_subscription *subscription,
                           const struct hm_layout_maker *maker,
                           const struct hm_delegations *delegations, const char *name,
                           struct hm_err *err, const struct hm_targets **ret_role)
{
    const struct hm_delegated_role *role = hm_targets_find_role(delegations, hm_bytes_str(name));

    if (role == NULL)
        return hm_fail(err, HM_EREFUSED, "'targets': has no role '%s'", name);
    HM_TRY(hm_products_role(subscription, role, err, ret_role));
    if (*ret_role == NULL)
        return HM_OK;
    /* What one maker lists under another's name would else be asked of the other. */
    HM_TRY(hm_verdict_names(maker, name, *ret_role, err));
    return hm_partition_check(role, *ret_role, err);
}

/* What is asked of one maker: patterns on products. */
struct question {
    const struct hm_layout_maker *maker;
    struct hm_bytes *patterns;
    size_t count;
};

static enum hm_rc get_roles(struct hm_subscription *subscription, const struct question *question,
                            struct hm_err *err, struct hm_standing *standing)
{
    const struct hm_layout_maker *maker = question->maker;
    const struct hm_targets *targets = hm_client_targets(subscription->client);
    char name[HM_LAYOUT_ROLE_SIZE_MAX];
    bool is_empty;

    hm_layout_release_role(hm_bytes_str(maker->id), name);
    HM_TRY(get_role(subscription, maker, &targets->delegations, name, err, &standing->release));
    if (standing->release == NULL)
        return HM_OK;
    is_empty = standing->release->target_count == 0 && !standing->release->has_delegations;
    HM_TRY(hm_products_load_side(subscription, maker, false, question->patterns, question->count,
                                 err, standing));
    if (maker->is_attested)
        return HM_OK;
    hm_layout_maker_role(hm_bytes_str(maker->id), name);
    HM_TRY(get_role(subscription, maker, &subscription->layout->delegations, name, err,
                    &standing->maker_role));
    if (standing->maker_role == NULL && is_empty) {
        standing->release = NULL; /* enrolled, and nothing released yet */
        return HM_OK;
    }
    if (standing->maker_role == NULL)
        return hm_fail(err, HM_EREFUSED,
                       "'snapshot' lists no '%s': only the vendor signed these releases; ask the "
                       "maker",
                       name);
    return hm_products_load_side(subscription, maker, true, question->patterns, question->count,
                                 err, standing);
}

static enum hm_rc judge_maker(struct hm_subscription *subscription, const struct question *question,
                              struct hm_err *err, struct hm_standing *standing)
{
    const struct hm_layout_maker *maker = question->maker;
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;
    enum hm_grade floor = hm_subscription_floor(subscription);
    struct hm_memory memory;
    enum hm_rc rc;

    HM_TRY(hm_memory_read(&subscription->dir, maker->id,
                          hm_subscription_pin(subscription, maker->id), err, &memory));
    /* As of then, a later identity was not seen yet: that is no going back. */
    if (subscription->is_earlier && memory.identity_version > maker->identity_version)
        memory.identity_version = maker->identity_version;
    rc = hm_verdict_maker(subscription->layout, maker, NULL, &memory, floor, err, &standing->grade);
    if (rc == HM_EAGAIN) {
        /* Nothing speaks against it but that its identity is not at hand. */
        HM_TRY(hm_memory_identity(&subscription->dir, maker,
                                  hm_subscription_is_online(subscription) ? &subscription->objects
                                                                          : NULL,
                                  err, &identity));
        rc = hm_verdict_maker(subscription->layout, maker, identity, &memory, floor, err,
                              &standing->grade);
    }
    if (rc != HM_OK)
        return rc;
    if (hm_subscription_is_online(subscription))
        HM_TRY(hm_memory_raise(&subscription->dir, maker, &memory, err));
    HM_TRY(get_roles(subscription, question, err, standing));
    hm_products_join(standing);
    return HM_OK;
}

/* ---- recalls --------------------------------------------------------------------------------- */

#define RECALLS        "recalls~"
#define RECALLS_VENDOR RECALLS HM_RECALL_VENDOR

/* What a role of recalls says, into memory; one that the snapshot does not name has said nothing
 * yet. Offline: it was taken before, or it cannot be told. */
static enum hm_rc take_recalls(struct hm_subscription *subscription,
                               const struct hm_delegations *delegations, const char *name,
                               struct hm_recall_memory *memory, struct hm_err *err)
{
    const struct hm_delegated_role *role = hm_targets_find_role(delegations, hm_bytes_str(name));
    const struct hm_snapshot_meta *meta =
        hm_snapshot_find(hm_client_snapshot(subscription->client), hm_bytes_str(name));
    const struct hm_targets *targets = NULL;

    if (role == NULL || meta == NULL)
        return HM_OK;
    if (!hm_subscription_is_online(subscription)) {
        if (hm_recall_memory_version(memory, meta->name) >= meta->version)
            return HM_OK;
        return hm_fail(err, HM_EAGAIN, "what '%s' recalls is not held here; refresh the site first",
                       name);
    }
    HM_TRY(hm_client_role(subscription->client, role, err, &targets));
    return hm_recall_memory_take(memory, name, targets, subscription->trust->site, err);
}

/* One maker's, if it was asked for: what is wrong with them is wrong with that maker alone. */
static enum hm_rc take_makers_recalls(struct hm_subscription *subscription, size_t index,
                                      struct hm_recall_memory *memory, struct hm_err *err)
{
    const struct hm_layout_maker *maker = &subscription->layout->makers[index];
    struct hm_standing *standing = &subscription->standings[index];
    struct hm_err why = HM_ERR_INIT;
    char name[HM_LAYOUT_ROLE_SIZE_MAX];

    (void)snprintf(name, sizeof(name), RECALLS "%s", maker->id); /* an ID is short */
    standing->recalls_rc =
        take_recalls(subscription, &subscription->layout->delegations, name, memory, &why);
    if (standing->recalls_rc == HM_OK)
        return HM_OK;
    if (hm_error_exit_status(standing->recalls_rc) == 4)
        return hm_fail(err, standing->recalls_rc, "%s", why.text);
    standing->recalls_text = hm_arena_strdup(&subscription->arena, hm_bytes_str(why.text));
    return standing->recalls_text == NULL ? hm_error_nomem(err) : HM_OK;
}

static bool is_in_scope(struct hm_refresh_scope scope, const char *id)
{
    for (size_t i = 0; i < scope.count; i++) {
        if (hm_text_is_match(scope.wants[i].id, hm_bytes_str(id)))
            return true;
    }
    return false;
}

/* All recalls that were ever seen, with those of now, on the disk before anything is judged. */
static enum hm_rc gather_recalls(struct hm_subscription *subscription,
                                 struct hm_refresh_scope scope, struct hm_err *err)
{
    _hm_done_(hm_recall_memory_done) struct hm_recall_memory memory = {0};

    HM_TRY(hm_recall_memory_read(&subscription->dir, err, &memory));
    HM_TRY(take_recalls(subscription, &hm_client_targets(subscription->client)->delegations,
                        RECALLS_VENDOR, &memory, err));
    for (size_t i = 0; i < subscription->layout->maker_count; i++) {
        if (is_in_scope(scope, subscription->layout->makers[i].id))
            HM_TRY(take_makers_recalls(subscription, i, &memory, err));
    }
    if (hm_subscription_is_online(subscription))
        HM_TRY(hm_recall_memory_write(&memory, &subscription->dir, err));
    HM_TRY(hm_recall_set_seal(&memory.recalls, err));
    hm_recall_set_done(&subscription->recalls);
    subscription->recalls = memory.recalls;
    memory.recalls = (struct hm_recalls){0};
    return HM_OK;
}

/* ---- the scope ------------------------------------------------------------------------------- */

/* The scope's patterns on products for one maker; *ret_in false: it was not asked for. */
static enum hm_rc narrow_scope(struct hm_refresh_scope scope, struct hm_arena *arena,
                               struct hm_err *err, bool *ret_in, struct question *question)
{
    question->count = 0;
    question->patterns = hm_arena_alloc(arena, scope.count, sizeof(*question->patterns));
    if (question->patterns == NULL)
        return hm_error_nomem(err);
    *ret_in = false;
    for (size_t i = 0; i < scope.count; i++) {
        if (!hm_text_is_match(scope.wants[i].id, hm_bytes_str(question->maker->id)))
            continue;
        *ret_in = true;
        if (scope.wants[i].product.size > 0)
            question->patterns[question->count++] = scope.wants[i].product;
    }
    return HM_OK;
}

static enum hm_rc judge_makers(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                               struct hm_err *err)
{
    for (size_t i = 0; i < subscription->layout->maker_count; i++) {
        struct hm_standing *standing = &subscription->standings[i];
        _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
        struct question question = {.maker = &subscription->layout->makers[i]};
        struct hm_err why = HM_ERR_INIT;
        bool in = false;

        HM_TRY(narrow_scope(scope, &arena, err, &in, &question));
        if (!in)
            continue;
        standing->rc = standing->recalls_rc == HM_OK
                           ? judge_maker(subscription, &question, &why, standing)
                           : hm_fail(&why, standing->recalls_rc, "%s", standing->recalls_text);
        standing->is_judged = true;
        if (standing->rc == HM_OK)
            continue;
        standing->release = NULL;
        standing->maker_role = NULL;
        standing->product_count = 0;
        standing->text = hm_arena_strdup(&subscription->arena, hm_bytes_str(why.text));
        if (standing->text == NULL)
            return hm_error_nomem(err);
        /* What is wrong with this machine is wrong for all makers. */
        if (hm_error_exit_status(standing->rc) == 4)
            return hm_fail(err, standing->rc, "%s", why.text);
    }
    return HM_OK;
}

/* ---- the last complete state ----------------------------------------------------------------- */

/* Whether what earlier holds of a role is held of it now as well. */
static enum hm_rc check_role_covered(const struct hm_subscription *subscription,
                                     const struct hm_client *earlier,
                                     const struct hm_snapshot_meta *meta, struct hm_buf *raw,
                                     struct hm_err *err)
{
    const struct hm_snapshot_meta *now =
        hm_snapshot_find(hm_client_snapshot(subscription->client), meta->name);
    enum hm_rc rc;

    if (now != NULL && now->version == meta->version && now->facts.has_sha256 &&
        hm_digest_is_equal(&now->facts.sha256, &meta->facts.sha256))
        return HM_OK;
    rc = hm_client_role_unverified(earlier, meta->name, NULL, raw);
    if (rc != HM_OK)
        return hm_error_exit_status(rc) == 4 ? hm_fail(err, rc, "cannot read what is held")
                                             : HM_OK; /* nor was it then */
    HM_TRY(hm_client_role_unverified(subscription->client, meta->name, err, raw));
    /* It is about to be all there is of this role. */
    return hm_client_role_flush(subscription->client, meta->name, err);
}

/* A maker whose roles are held is asked only with its identity. */
static enum hm_rc check_identities_covered(const struct hm_subscription *subscription,
                                           struct hm_err *err)
{
    const struct hm_layout *layout = subscription->layout;
    char path[128];

    for (size_t i = 0; i < layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &layout->makers[i];

        (void)snprintf(path, sizeof(path), "makers/%s/%lld.identity", maker->id,
                       (long long)maker->identity_version); /* an ID is short */
        if (maker->is_attested || hm_dir_has(&subscription->dir, path))
            continue;
        (void)snprintf(path, sizeof(path), "makers/%s", maker->id);
        if (hm_dir_has(&subscription->dir, path))
            return hm_fail(err, HM_EAGAIN, "maker '%s': identity %lld is not held", maker->id,
                           (long long)maker->identity_version);
    }
    return HM_OK;
}

static enum hm_rc check_covered(const struct hm_subscription *subscription,
                                const struct hm_client *earlier, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    const struct hm_snapshot *snapshot = hm_client_snapshot(earlier);

    for (size_t i = 0; i < snapshot->meta_count; i++) {
        if (!hm_bytes_is_str(snapshot->metas[i].name, "targets"))
            HM_TRY(check_role_covered(subscription, earlier, &snapshot->metas[i], &raw, err));
    }
    return check_identities_covered(subscription, err);
}

/* After a refresh: the state now takes the place of the last complete one if it holds all that that
 * one held. What was out of this refresh's scope, or withheld, keeps the earlier one in place. */
static enum hm_rc settle(struct hm_subscription *subscription, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_free_(hm_client_free) struct hm_client *earlier = NULL;
    struct hm_client_config config = {.dir = &subscription->metadata,
                                      .over = &dir,
                                      .now_unix_s = subscription->now_unix_s,
                                      .require_hashes = true,
                                      .ignore_expiry = true,
                                      .is_impatient = true};
    struct hm_kept_time time;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    rc = hm_kept_open(&subscription->dir, HM_KEPT_COMPLETE, &why, &dir, &time);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    /* Flushing one role makes the names of all durable: before that, what they replaced must be. */
    if (rc == HM_OK && fsync(dir.fd) != 0)
        rc = hm_error_errno(&why, errno, "cannot flush '%s'", dir.path);
    if (rc == HM_OK)
        rc = hm_client_open(&config, &why, &earlier);
    if (rc == HM_OK)
        rc = hm_client_load(earlier, &why);
    /* An earlier state that cannot be read protects nothing. */
    if (rc == HM_OK) {
        rc = check_covered(subscription, earlier, &why);
        if (rc != HM_OK && hm_error_exit_status(rc) != 4)
            return HM_OK;
    }
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    return hm_kept_drop(&subscription->dir, HM_KEPT_COMPLETE, err);
}

/* The top-level roles and the log's word on them, from the start again where a publish came in
 * between. */
static enum hm_rc refresh_top(struct hm_subscription *subscription, struct hm_err *err)
{
    bool again = false;
    enum hm_rc rc;

    for (int i = 0;; i++) {
        struct timespec pause = {.tv_nsec = HM_REFRESH_PAUSE_NS << i};

        HM_TRY(hm_client_refresh(subscription->client, err));
        rc = hm_release_log_refresh(subscription, err, &again);
        if (rc == HM_OK || !again || subscription->bundle != NULL || i + 1 == HM_REFRESH_TRIES_MAX)
            return rc;
        (void)nanosleep(&pause, NULL); /* cut short: asked again sooner */
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum hm_rc run(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                      struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;

    HM_ASSERT(hm_subscription_is_online(subscription));
    HM_TRY(hm_lock_take(&subscription->dir, "lock", HM_HOME_LOCK_WAIT_MS, err, &lock));
    HM_TRY(hm_subscription_read_refreshed(subscription, err));
    HM_TRY(check_clock(subscription, err));
    HM_TRY(open_client(subscription, false, err));
    HM_TRY(refresh_top(subscription, err));
    HM_TRY(adopt_layout(subscription, err));
    HM_TRY(gather_recalls(subscription, scope, err));
    HM_TRY(write_refreshed(subscription, err));
    HM_TRY(judge_makers(subscription, scope, err));
    return settle(subscription, err);
}

static enum hm_rc load(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                       bool is_impatient, struct hm_err *err)
{
    HM_TRY(check_clock(subscription, err));
    HM_TRY(open_client(subscription, is_impatient, err));
    HM_TRY(hm_client_load(subscription->client, err));
    HM_TRY(hm_release_log_load(subscription, err));
    HM_TRY(adopt_layout(subscription, err));
    HM_TRY(gather_recalls(subscription, scope, err));
    return judge_makers(subscription, scope, err);
}

static enum hm_rc load_kept(struct hm_subscription *subscription, const char *folder,
                            struct hm_refresh_scope scope, struct hm_err *err)
{
    struct hm_kept_time newest = {subscription->refreshed_unix_s, subscription->is_of_bundle};
    struct hm_kept_time time = {0};
    enum hm_rc rc;

    HM_TRY(hm_kept_open(&subscription->dir, folder, err, &subscription->earlier, &time));
    subscription->is_earlier = true;
    subscription->refreshed_unix_s = time.unix_s;
    subscription->is_of_bundle = time.is_bundle;
    rc = load(subscription, scope, true, err);
    if (rc != HM_OK) {
        hm_dir_done(&subscription->earlier);
        subscription->is_earlier = false;
        subscription->refreshed_unix_s = newest.unix_s;
        subscription->is_of_bundle = newest.is_bundle;
    }
    return rc;
}

enum hm_rc hm_refresh_run(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                          struct hm_err *err)
{
    enum hm_rc rc = run(subscription, scope, err);

    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "site '%s'", subscription->name);
}

static bool is_final(enum hm_rc rc)
{
    return rc == HM_OK || rc == HM_ECLOCK || hm_error_exit_status(rc) == 4;
}

enum hm_rc hm_refresh_load(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                           struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    enum hm_rc rc = HM_EAGAIN;

    HM_ASSERT(!hm_subscription_is_online(subscription) && !subscription->is_earlier);
    /* Twice: another command's refresh may just be changing the files. None is waited for as long
     * as there is a complete state, or whoever serves it slowly could hold up this one too. */
    for (int i = 0; i < 2; i++) {
        rc = load(subscription, scope, true, err);
        if (!is_final(rc) && load_kept(subscription, HM_KEPT_COMPLETE, scope, NULL) == HM_OK)
            return HM_OK;
        if (is_final(rc))
            return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "site '%s'", subscription->name);
    }
    if (hm_lock_take(&subscription->dir, "lock", HM_HOME_LOCK_WAIT_MS, NULL, &lock) == HM_OK)
        rc = load(subscription, scope, false, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "site '%s'", subscription->name);
}

enum hm_rc hm_refresh_load_kept(struct hm_subscription *subscription, const char *folder,
                                struct hm_refresh_scope scope, struct hm_err *err)
{
    enum hm_rc rc;

    HM_ASSERT(!hm_subscription_is_online(subscription) && !subscription->is_earlier);
    rc = load_kept(subscription, folder, scope, err);
    if (rc != HM_OK && !is_final(rc) && rc != HM_ENOTFOUND)
        rc = load_kept(subscription, folder, scope, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "site '%s'", subscription->name);
}

enum hm_rc hm_refresh_check_current(const struct hm_subscription *subscription, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    const struct hm_timestamp *timestamp = hm_client_timestamp(subscription->client);

    HM_TRY(hm_dir_read(&subscription->metadata, "snapshot.json", err, &raw));
    if (hm_document_check_facts(&timestamp->snapshot.facts, hm_buf_bytes(&raw), "snapshot", NULL) !=
        HM_OK)
        return hm_fail(err, HM_EAGAIN,
                       "site '%s': another command refreshed it meanwhile: try again",
                       subscription->name);
    return HM_OK;
}
