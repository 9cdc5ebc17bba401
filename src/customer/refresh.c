/* SPDX-License-Identifier: Apache-2.0 */
/* Refreshing, and loading what was refreshed. The order matters: what protects against rollback is
 * on the disk before anything that relies on it is used. */
#include "customer/refresh.h"

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/memory.h"
#include "customer/products.h"
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
    char text[HM_TIME_TEXT_SIZE + 1];

    if (subscription->now_unix_s <= subscription->refreshed_unix_s)
        return HM_OK;
    hm_time_format(subscription->now_unix_s, text);
    text[HM_TIME_TEXT_SIZE - 1] = '\n';
    HM_TRY(hm_file_replace(&subscription->dir, "refreshed", 0644,
                           hm_bytes_make(text, HM_TIME_TEXT_SIZE), err));
    subscription->refreshed_unix_s = subscription->now_unix_s;
    return HM_OK;
}

static enum hm_rc open_client(struct hm_subscription *subscription, struct hm_err *err)
{
    bool is_online = subscription->fetch != NULL;
    struct hm_client_config config = {
        .dir = &subscription->metadata,
        .source = is_online ? &subscription->source : NULL,
        .now_unix_s = subscription->now_unix_s,
        .require_hashes = true,
        .ignore_expiry = !is_online,
    };

    hm_layout_free(subscription->layout);
    subscription->layout = NULL;
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
    rc = hm_verdict_maker(subscription->layout, maker, NULL, &memory, floor, err, &standing->grade);
    if (rc == HM_EAGAIN) {
        /* Nothing speaks against it but that its identity is not at hand. */
        HM_TRY(hm_memory_identity(&subscription->dir, maker, subscription->fetch,
                                  subscription->policy.url, err, &identity));
        rc = hm_verdict_maker(subscription->layout, maker, identity, &memory, floor, err,
                              &standing->grade);
    }
    if (rc != HM_OK)
        return rc;
    if (subscription->fetch != NULL)
        HM_TRY(hm_memory_raise(&subscription->dir, maker, &memory, err));
    HM_TRY(get_roles(subscription, question, err, standing));
    hm_products_join(standing);
    return HM_OK;
}

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
        standing->rc = judge_maker(subscription, &question, &why, standing);
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

/* ---- the whole ------------------------------------------------------------------------------- */

static enum hm_rc run(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                      struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;

    HM_ASSERT(subscription->fetch != NULL);
    HM_TRY(hm_lock_take(&subscription->dir, "lock", HM_HOME_LOCK_WAIT_MS, err, &lock));
    HM_TRY(hm_subscription_read_refreshed(subscription, err));
    HM_TRY(check_clock(subscription, err));
    HM_TRY(open_client(subscription, err));
    HM_TRY(hm_client_refresh(subscription->client, err));
    HM_TRY(adopt_layout(subscription, err));
    HM_TRY(write_refreshed(subscription, err));
    return judge_makers(subscription, scope, err);
}

static enum hm_rc load(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                       struct hm_err *err)
{
    HM_TRY(check_clock(subscription, err));
    HM_TRY(open_client(subscription, err));
    HM_TRY(hm_client_load(subscription->client, err));
    HM_TRY(adopt_layout(subscription, err));
    return judge_makers(subscription, scope, err);
}

enum hm_rc hm_refresh_run(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                          struct hm_err *err)
{
    enum hm_rc rc = run(subscription, scope, err);

    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "site '%s'", subscription->name);
}

enum hm_rc hm_refresh_load(struct hm_subscription *subscription, struct hm_refresh_scope scope,
                           struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    enum hm_rc rc;

    HM_ASSERT(subscription->fetch == NULL);
    rc = load(subscription, scope, err);
    /* A refresh by another command may just be changing the files: look again when it is done. */
    if (rc != HM_OK && rc != HM_ECLOCK &&
        hm_lock_take(&subscription->dir, "lock", HM_HOME_LOCK_WAIT_MS, NULL, &lock) == HM_OK)
        rc = load(subscription, scope, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "site '%s'", subscription->name);
}
