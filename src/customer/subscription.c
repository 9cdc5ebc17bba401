/* SPDX-License-Identifier: Apache-2.0 */
/* One trusted site: adding, opening, removing, and the decisions on it. */
#include "customer/subscription.h"

#include "base/file.h"
#include "base/time.h"
#include "customer/deliver_session.h"
#include "customer/kept.h"
#include "customer/refresh.h"

#define ADDING        "adding"
#define PATH_SIZE_MAX 128

static void site_path(const char *folder, const char *name, char path[PATH_SIZE_MAX])
{
    (void)snprintf(path, PATH_SIZE_MAX, "%s/%s", folder, name); /* a site's name is short */
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum hm_rc get_object(void *ctx, const char *path, struct hm_err *err,
                             struct hm_buf *ret_buf)
{
    struct hm_subscription *subscription = ctx;
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(16384);

    if (subscription->bundle != NULL)
        return hm_bundle_get(subscription->bundle, path, err, ret_buf);
    HM_TRY(hm_fetch_url_join(subscription->policy.url, path, err, &url));
    return hm_fetch_get(subscription->fetch, hm_buf_str(&url), err, ret_buf);
}

static enum hm_rc get_metadata(void *ctx, const char *name, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(4096);

    HM_TRY(hm_buf_append_fmt(&path, err, "metadata/%s", name));
    return get_object(ctx, hm_buf_str(&path), err, ret_buf);
}

static enum hm_rc keep_metadata(void *ctx, const char *file, bool flush, struct hm_err *err)
{
    const struct hm_subscription *subscription = ctx;

    return hm_kept_save(&subscription->dir, &subscription->metadata, file, flush, err);
}

enum hm_rc hm_subscription_read_refreshed(struct hm_subscription *subscription, struct hm_err *err)
{
    struct hm_kept_time time = {0};
    enum hm_rc rc = hm_kept_read_time(&subscription->dir, err, &time);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    subscription->refreshed_unix_s = time.unix_s;
    subscription->is_of_bundle = time.is_bundle;
    return HM_OK;
}

bool hm_subscription_is_online(const struct hm_subscription *subscription)
{
    return subscription->fetch != NULL || subscription->bundle != NULL;
}

bool hm_subscription_is_bundle_fed(const struct hm_subscription *subscription)
{
    return strcmp(subscription->policy.url, HM_SUBSCRIPTION_BUNDLE_URL) == 0;
}

static enum hm_rc check_bundle(const struct hm_subscription *subscription, struct hm_err *err)
{
    const struct hm_bundle_head *head = hm_bundle_head(subscription->bundle);

    if (strcmp(head->site, subscription->name) != 0)
        return hm_fail(err, HM_EMISMATCH, "the bundle is of site '%s'", head->site);
    return HM_OK;
}

/* What a subscription is opened with. */
struct opening {
    const struct hm_bundle *bundle; /* or NULL */
    int64_t now_unix_s, judged_unix_s;
    bool is_online;
};

static enum hm_rc open_parts(struct hm_subscription *subscription, const struct opening *opening,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    struct hm_fetch_options options = {0};

    HM_TRY(hm_dir_read(&subscription->dir, "trust", err, &raw));
    HM_TRY(hm_trust_file_parse(hm_buf_bytes(&raw), err, &subscription->trust));
    if (strcmp(subscription->trust->site, subscription->name) != 0)
        return hm_fail(err, HM_EMISMATCH, "its trust file is for site '%s'",
                       subscription->trust->site);
    subscription->is_trial = subscription->trust->trial;
    HM_TRY(hm_policy_read(&subscription->dir, err, &subscription->policy));
    HM_TRY(hm_dir_open_at(&subscription->dir, "metadata", true, err, &subscription->metadata));
    HM_TRY(hm_subscription_read_refreshed(subscription, err));
    subscription->source = (struct hm_client_source){.get = get_metadata, .ctx = subscription};
    subscription->objects = (struct hm_client_source){.get = get_object, .ctx = subscription};
    subscription->keeper = (struct hm_client_keeper){.keep = keep_metadata, .ctx = subscription};
    subscription->root_rule =
        (struct hm_client_root_rule){.check = hm_release_log_check_root, .ctx = subscription};
    if (subscription->bundle != NULL)
        return check_bundle(subscription, err);
    if (!opening->is_online || hm_subscription_is_bundle_fed(subscription))
        return HM_OK;
    options.proxy = subscription->policy.proxy;
    options.ca_file = subscription->policy.ca_file;
    options.allow_plain_http = subscription->policy.allow_plain_http;
    options.token = subscription->policy.token;
    options.token_url = subscription->policy.url;
    options.accept_gzip = true;
    return hm_fetch_new(&options, err, &subscription->fetch);
}

static enum hm_rc open_folder(const struct hm_home *home, const char *path, const char *name,
                              const struct opening *opening, struct hm_err *err,
                              struct hm_subscription **ret_subscription)
{
    _hm_free_(hm_subscription_free) struct hm_subscription *subscription =
        calloc(1, sizeof(*subscription));
    enum hm_rc rc;

    if (subscription == NULL)
        return hm_error_nomem(err);
    subscription->dir = (struct hm_dir)HM_DIR_INIT;
    subscription->metadata = (struct hm_dir)HM_DIR_INIT;
    subscription->earlier = (struct hm_dir)HM_DIR_INIT;
    subscription->now_unix_s = opening->now_unix_s;
    subscription->judged_unix_s = opening->judged_unix_s;
    subscription->bundle = opening->bundle;
    subscription->name = hm_arena_strdup(&subscription->arena, hm_bytes_str(name));
    if (subscription->name == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_dir_open_at(&home->dir, path, false, err, &subscription->dir));
    rc = open_parts(subscription, opening, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "site '%s'", name);
    *ret_subscription = hm_steal(&subscription);
    return HM_OK;
}

static enum hm_rc fail_unknown(const struct hm_home *home, const char *name, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(65536);
    const char **names = NULL;
    size_t count = 0;

    HM_TRY(hm_home_sites(home, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++)
        HM_TRY(hm_buf_append_fmt(&list, err, "%s%s", i == 0 ? "" : ", ", names[i]));
    if (count == 0)
        return hm_fail(err, HM_EINPUT,
                       "site '%s' is not trusted, nor is any; begin with 'hallmark trust add'",
                       name);
    return hm_fail(err, HM_EINPUT, "site '%s' is not trusted; these are: %s", name,
                   hm_buf_str(&list));
}

static enum hm_rc open_trusted(const struct hm_home *home, const char *name,
                               const struct opening *opening, struct hm_err *err,
                               struct hm_subscription **ret_subscription)
{
    char path[PATH_SIZE_MAX];

    if (hm_layout_check_id(hm_bytes_str(name), err) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is no site's name", name);
    site_path("sites", name, path);
    if (!hm_dir_has(&home->dir, path))
        return fail_unknown(home, name, err);
    return open_folder(home, path, name, opening, err, ret_subscription);
}

enum hm_rc hm_subscription_open(const struct hm_home *home, const char *name, int64_t now_unix_s,
                                bool is_online, struct hm_err *err,
                                struct hm_subscription **ret_subscription)
{
    struct opening opening = {
        .now_unix_s = now_unix_s, .judged_unix_s = now_unix_s, .is_online = is_online};

    return open_trusted(home, name, &opening, err, ret_subscription);
}

enum hm_rc hm_subscription_open_bundle(const struct hm_home *home, const char *name,
                                       const struct hm_bundle *bundle, int64_t now_unix_s,
                                       int64_t judged_unix_s, struct hm_err *err,
                                       struct hm_subscription **ret_subscription)
{
    struct opening opening = {
        .bundle = bundle, .now_unix_s = now_unix_s, .judged_unix_s = judged_unix_s};

    return open_trusted(home, name, &opening, err, ret_subscription);
}

void hm_subscription_free(struct hm_subscription *subscription)
{
    if (subscription == NULL)
        return;
    hm_deliver_session_link_free(subscription->deliver);
    hm_recall_set_done(&subscription->recalls);
    hm_layout_free(subscription->layout);
    hm_release_log_free(subscription->log);
    hm_client_free(subscription->client);
    hm_fetch_free(subscription->fetch);
    hm_policy_done(&subscription->policy);
    hm_trust_file_free(subscription->trust);
    hm_dir_done(&subscription->earlier);
    hm_dir_done(&subscription->metadata);
    hm_dir_done(&subscription->dir);
    hm_arena_done(&subscription->arena);
    free(subscription);
}

/* ---- adding and removing --------------------------------------------------------------------- */

static enum hm_rc check_new(const struct hm_home *home, const char *name, struct hm_bytes trust,
                            struct hm_err *err, struct hm_trust_file **ret_file)
{
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    char path[PATH_SIZE_MAX];

    if (hm_layout_check_id(hm_bytes_str(name), err) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is no site's name: 2 to 32 of a-z, 0-9, '-' and '_'",
                       name);
    HM_TRY(hm_trust_file_parse(trust, err, &file));
    if (strcmp(file->site, name) != 0)
        return hm_fail(err, HM_EMISMATCH,
                       "the trust file is for site '%s', not '%s'; add it under that name if it is "
                       "the one you mean",
                       file->site, name);
    site_path("sites", name, path);
    if (hm_dir_has(&home->dir, path))
        return hm_fail(err, HM_EUSAGE,
                       "site '%s' is trusted already; change it with 'hallmark trust policy', or "
                       "forget it first with 'hallmark trust remove'",
                       name);
    *ret_file = hm_steal(&file);
    return HM_OK;
}

static enum hm_rc add(const struct hm_home *home, const char *name, struct hm_bytes trust,
                      const struct hm_policy *policy, const struct opening *opening,
                      struct hm_err *err, struct hm_subscription **ret_subscription)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    _hm_free_(hm_subscription_free) struct hm_subscription *subscription = NULL;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir metadata = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir sites = HM_DIR_INIT;
    struct hm_refresh_scope nobody = {0};
    char path[PATH_SIZE_MAX];
    enum hm_rc rc;

    HM_TRY(hm_home_lock(home, err, &lock));
    HM_TRY(check_new(home, name, trust, err, &file));
    /* What an interrupted 'add' left behind goes first. */
    HM_TRY(hm_dir_remove_tree(&home->dir, ADDING, err));
    site_path(ADDING, name, path);
    HM_TRY(hm_dir_open_at(&home->dir, path, true, err, &dir));
    HM_TRY(hm_file_replace(&dir, "trust", 0644, trust, err));
    HM_TRY(hm_policy_write(policy, &dir, err));
    HM_TRY(hm_dir_open_at(&dir, "metadata", true, err, &metadata));
    HM_TRY(hm_client_init(&metadata, file->root, err));
    rc = open_folder(home, path, name, opening, err, &subscription);
    if (rc == HM_OK)
        rc = hm_refresh_run(subscription, nobody, err);
    if (rc != HM_OK) {
        /* The next 'add' does it otherwise. */
        HM_UNUSED enum hm_rc tidied = hm_dir_remove_tree(&home->dir, ADDING, NULL);

        return rc;
    }
    HM_TRY(hm_dir_open_at(&home->dir, "sites", true, err, &sites));
    HM_TRY(hm_dir_rename(&home->dir, path, &sites, name, err));
    HM_TRY(hm_dir_remove_tree(&home->dir, ADDING, err));
    *ret_subscription = hm_steal(&subscription);
    return HM_OK;
}

enum hm_rc hm_subscription_add(const struct hm_home *home, const char *name, struct hm_bytes trust,
                               const struct hm_policy *policy, int64_t now_unix_s,
                               struct hm_err *err, struct hm_subscription **ret_subscription)
{
    struct opening opening = {
        .now_unix_s = now_unix_s, .judged_unix_s = now_unix_s, .is_online = true};

    return add(home, name, trust, policy, &opening, err, ret_subscription);
}

enum hm_rc hm_subscription_add_bundle(const struct hm_home *home, const char *name,
                                      struct hm_bytes trust, const struct hm_policy *policy,
                                      const struct hm_bundle *bundle, int64_t now_unix_s,
                                      int64_t judged_unix_s, struct hm_err *err,
                                      struct hm_subscription **ret_subscription)
{
    struct opening opening = {
        .bundle = bundle, .now_unix_s = now_unix_s, .judged_unix_s = judged_unix_s};

    return add(home, name, trust, policy, &opening, err, ret_subscription);
}

enum hm_rc hm_subscription_remove(const struct hm_home *home, const char *name, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    char path[PATH_SIZE_MAX];

    if (hm_layout_check_id(hm_bytes_str(name), err) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is no site's name", name);
    HM_TRY(hm_home_lock(home, err, &lock));
    site_path("sites", name, path);
    if (!hm_dir_has(&home->dir, path))
        return fail_unknown(home, name, err);
    return hm_dir_remove_tree(&home->dir, path, err);
}

/* ---- decisions ------------------------------------------------------------------------------- */

enum hm_grade hm_subscription_floor(const struct hm_subscription *subscription)
{
    enum hm_grade own = subscription->policy.floor;

    return own > subscription->trust->floor ? own : subscription->trust->floor;
}

int64_t hm_subscription_log_max_age(const struct hm_subscription *subscription)
{
    int64_t max_age_s = subscription->trust->log_max_age_s;
    int64_t own = subscription->policy.log_max_age_s;

    if (max_age_s == 0)
        max_age_s = HM_TRUST_FILE_MAX_AGE_DEFAULT_S;
    return own > 0 && own < max_age_s ? own : max_age_s;
}

static const struct hm_sha256 *find_pin(const struct hm_trust_pin *pins, size_t count,
                                        const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pins[i].id, id) == 0)
            return &pins[i].first;
    }
    return NULL;
}

const struct hm_sha256 *hm_subscription_pin(const struct hm_subscription *subscription,
                                            const char *id)
{
    const struct hm_sha256 *pin =
        find_pin(subscription->policy.pins, subscription->policy.pin_count, id);

    if (pin != NULL)
        return pin;
    return find_pin(subscription->trust->pins, subscription->trust->pin_count, id);
}

const struct hm_standing *hm_subscription_standing(const struct hm_subscription *subscription,
                                                   struct hm_bytes id)
{
    const struct hm_layout_maker *maker = hm_layout_find(subscription->layout, id);

    if (maker == NULL)
        return NULL;
    return &subscription->standings[maker - subscription->layout->makers];
}
