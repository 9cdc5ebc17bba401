/* SPDX-License-Identifier: Apache-2.0 */
/* One site, watched: opening, one run, saving. See watch.h. */
#include "monitor/watch.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/log_evidence.h"
#include "evidence/evidence_make.h"
#include "monitor/watch_internal.h"
#include "net/url.h"
#include "trust/log_verdict.h"

#define LOCK "lock"

/* ---- opening --------------------------------------------------------------------------------- */

enum hm_rc hm_watch_open_dir(const struct hm_home *home, const char *name, bool make,
                             struct hm_err *err, struct hm_dir *ret_dir)
{
    char path[64 + HM_TEXT_NAME_SIZE_MAX];

    if (hm_layout_check_id(hm_bytes_str(name), err) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%s' is no site's name", name);
    (void)snprintf(path, sizeof(path), "sites/%s/monitor", name); /* an ID is short */
    return hm_dir_open_at(&home->dir, path, make, err, ret_dir);
}

static enum hm_rc open_site(struct hm_watch *watch, const struct hm_home *home, const char *name,
                            int64_t now_unix_s, struct hm_err *err)
{
    const struct hm_policy *policy;
    /* As policies of witnesses have it: what they give is signed, and given to everybody. */
    struct hm_fetch_options options = {.allow_plain_http = true};

    HM_TRY(hm_subscription_open(home, name, now_unix_s, true, err, &watch->site));
    if (hm_subscription_is_bundle_fed(watch->site))
        return hm_fail(err, HM_EINPUT, "site '%s' is fed by bundles: there is no log to follow",
                       name);
    policy = &watch->site->policy;
    watch->is_local = hm_url_kind(policy->url) != HM_URL_REMOTE;
    options.proxy = policy->proxy;
    options.ca_file = policy->ca_file;
    HM_TRY(hm_fetch_new(&options, err, &watch->fetch));
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &watch->digest));
    HM_TRY(hm_watch_open_dir(home, name, true, err, &watch->dir));
    return hm_lock_take(&watch->dir, LOCK, 0, err, &watch->lock);
}

enum hm_rc hm_watch_new(const struct hm_home *home, const char *name,
                        const struct hm_watch_options *options, int64_t now_unix_s,
                        struct hm_err *err, struct hm_watch **ret_watch)
{
    _hm_free_(hm_watch_free) struct hm_watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL)
        return hm_error_nomem(err);
    watch->options = options;
    watch->dir = (struct hm_dir)HM_DIR_INIT;
    watch->lock = (struct hm_lock)HM_LOCK_INIT;
    HM_TRY(open_site(watch, home, name, now_unix_s, err));
    *ret_watch = hm_steal(&watch);
    return HM_OK;
}

static void end_run(struct hm_watch *watch)
{
    hm_follow_free(hm_steal(&watch->follow));
    hm_follow_free(hm_steal(&watch->back));
    hm_site_log_free(hm_steal(&watch->log));
}

void hm_watch_reset(struct hm_watch *watch)
{
    end_run(watch);
    hm_replay_free(hm_steal(&watch->replay));
    hm_history_free(hm_steal(&watch->history));
    hm_entry_free(hm_steal(&watch->newest));
    watch->is_started = false;
    watch->is_stuck = false;
    watch->is_blind = false;
}

void hm_watch_free(struct hm_watch *watch)
{
    if (watch == NULL)
        return;
    hm_watch_reset(watch);
    hm_position_done(&watch->position);
    hm_alarm_box_done(&watch->box);
    hm_digest_free(watch->digest);
    hm_fetch_free(watch->fetch);
    hm_subscription_free(watch->site);
    hm_lock_done(&watch->lock);
    hm_dir_done(&watch->dir);
    free(watch);
}

struct hm_alarm_box *hm_watch_box(struct hm_watch *watch)
{
    return &watch->box;
}

const struct hm_dir *hm_watch_dir(const struct hm_watch *watch)
{
    return &watch->dir;
}

const char *hm_watch_site(const struct hm_watch *watch)
{
    return watch->site->name;
}

/* ---- what is seen ---------------------------------------------------------------------------- */

static enum hm_rc take_sight(struct hm_watch *watch, struct hm_alarm_sight *sight,
                             bool is_condition)
{
    struct hm_err *err = watch->err;
    enum hm_rc rc;

    sight->now_unix_s = watch->now_unix_s;
    sight->grace_s = watch->options->grace_s;
    rc = is_condition ? hm_alarm_box_hold(&watch->box, sight, err)
                      : hm_alarm_box_raise(&watch->box, sight, err);
    if (rc == HM_EAGAIN)
        watch->is_full = true;
    return rc;
}

enum hm_rc hm_watch_raise(struct hm_watch *watch, enum hm_alarm_kind kind, const char *subject,
                          uint64_t index, const char *format, ...)
{
    char sentence[HM_ALARM_SENTENCE_MAX];
    struct hm_alarm_sight sight = {
        .kind = kind, .subject = subject, .index = index, .sentence = sentence};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return take_sight(watch, &sight, false);
}

enum hm_rc hm_watch_hold(struct hm_watch *watch, enum hm_alarm_kind kind, const char *subject,
                         uint64_t index, const char *format, ...)
{
    char sentence[HM_ALARM_SENTENCE_MAX];
    struct hm_alarm_sight sight = {
        .kind = kind, .subject = subject, .index = index, .sentence = sentence};
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return take_sight(watch, &sight, true);
}

void hm_watch_skip(struct hm_watch *watch, enum hm_alarm_kind kind, const char *subject,
                   const struct hm_err *why)
{
    const struct hm_alarm_sight sight = {
        .kind = kind, .subject = subject, .index = HM_ALARM_NO_INDEX};

    hm_alarm_box_skip(&watch->box, &sight);
    if (watch->report->rc != HM_OK)
        return;
    watch->report->rc = why->rc;
    watch->report->err = *why;
}

/* ---- helpers --------------------------------------------------------------------------------- */

const struct hm_note_key *hm_watch_key(const struct hm_watch *watch)
{
    return watch->log->policy->logs[0].key;
}

enum hm_rc hm_watch_root_at(struct hm_watch *watch, uint64_t size, struct hm_err *err,
                            struct hm_sha256 *ret_root)
{
    return hm_merkle_root(watch->digest, hm_follow_nodes(watch->follow), size, err, ret_root);
}

static enum hm_rc make_fork(struct hm_watch *watch, const struct hm_watch_fork *fork,
                            struct hm_err *err, struct hm_evidence **ret_evidence)
{
    struct hm_merkle_proof proof = {.count = 0};
    struct hm_sha256 begun = {.bytes = {0}};

    if (fork->small_size < fork->large_size) {
        const struct hm_merkle_source *nodes = hm_follow_nodes(fork->follow);

        HM_TRY(hm_merkle_root(watch->digest, nodes, fork->small_size, err, &begun));
        HM_TRY(hm_merkle_prove_consistency(watch->digest, nodes, fork->small_size, fork->large_size,
                                           err, &proof));
    }
    return hm_evidence_make_fork(watch->site->trust->site, fork->small, fork->large, &begun, &proof,
                                 err, ret_evidence);
}

enum hm_rc hm_watch_keep_fork(struct hm_watch *watch, const struct hm_watch_fork *fork,
                              struct hm_err *err)
{
    const struct hm_root *root = hm_history_newest_root(watch->history);
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    struct hm_sha256 sha256;
    char hex[HM_SHA256_HEX_SIZE];
    char name[128];

    HM_TRY(make_fork(watch, fork, err, &evidence));
    HM_TRY(hm_log_evidence_add_roots(evidence, &watch->site->source,
                                     (uint64_t)root->document.version, err));
    HM_TRY(hm_evidence_write(evidence, err, &text));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&text), err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, sizeof(sha256.bytes)), hex);
    (void)snprintf(name, sizeof(name), "evidence/fork-%.16s.evidence", hex); /* fits */
    return hm_file_replace(&watch->dir, name, 0644, hm_buf_bytes(&text), err);
}

enum hm_rc hm_watch_save(struct hm_watch *watch, struct hm_err *err)
{
    HM_TRY(hm_alarm_box_save(&watch->box, &watch->dir, err));
    watch->saved_ms = hm_time_monotonic_ms();
    return watch->position.note == NULL ? HM_OK
                                        : hm_position_save(&watch->position, &watch->dir, err);
}

/* ---- cosignatures and age -------------------------------------------------------------------- */

static struct hm_log_demands make_demands(const struct hm_watch *watch, int64_t max_age_s)
{
    const struct hm_subscription *site = watch->site;
    struct hm_log_demands demands = {.max_age_s = max_age_s, .now_unix_s = watch->now_unix_s};

    if (site->trust->log_policy != NULL)
        demands.policies[demands.policy_count++] =
            (struct hm_log_demand){"the trust file's", site->trust->log_policy};
    if (site->policy.log_policy != NULL)
        demands.policies[demands.policy_count++] =
            (struct hm_log_demand){"your own", site->policy.log_policy};
    return demands;
}

static enum hm_rc judge_note(struct hm_watch *watch, int64_t max_age_s, struct hm_err *why,
                             struct hm_log_standing *ret_standing)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const struct hm_log_demands demands = make_demands(watch, max_age_s);

    return hm_log_verdict_checkpoint(watch->log, &demands, watch->position.note->raw, why,
                                     &checkpoint, ret_standing);
}

static enum hm_rc check_quorum(struct hm_watch *watch)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_log_standing standing = {.state = HM_LOG_UNLOGGED};
    enum hm_rc rc = judge_note(watch, HM_LOG_POLICY_ANY_AGE, &why, &standing);
    int64_t newest_unix_s;

    if (rc != HM_OK)
        return hm_watch_hold(watch, HM_ALARM_QUORUM, "cosignatures", HM_ALARM_NO_INDEX, "%s",
                             why.text);
    hm_alarm_box_sweep(&watch->box, HM_ALARM_QUORUM, HM_ALARM_NO_INDEX, watch->now_unix_s);
    /* One witness whose clock is ahead makes nothing newer than now. */
    newest_unix_s = standing.newest_unix_s > (uint64_t)watch->now_unix_s
                        ? watch->now_unix_s
                        : (int64_t)standing.newest_unix_s;
    if (newest_unix_s > watch->position.cosigned_unix_s)
        watch->position.cosigned_unix_s = newest_unix_s;
    if (watch->options->stale_s == 0 || standing.state != HM_LOG_WITNESSED)
        return HM_OK;
    rc = judge_note(watch, watch->options->stale_s, &why, &standing);
    if (rc == HM_OK)
        return HM_OK;
    return hm_watch_hold(watch, HM_ALARM_STALE, "cosignatures", HM_ALARM_NO_INDEX, "%s", why.text);
}

/* What is known of the log, however it came: is it too old? Also where the site did not answer. */
static enum hm_rc check_age(struct hm_watch *watch)
{
    char grown[HM_TIME_TEXT_SIZE];
    int64_t same_s = watch->now_unix_s - watch->position.grown_unix_s;

    if (watch->position.note == NULL)
        return HM_OK;
    if (watch->log != NULL && watch->log->policy != NULL &&
        hm_bytes_is_equal(watch->position.body.origin, hm_watch_key(watch)->name_bytes))
        HM_TRY(check_quorum(watch));
    else if (watch->options->stale_s != 0 && watch->position.cosigned_unix_s != 0 &&
             watch->now_unix_s - watch->position.cosigned_unix_s > watch->options->stale_s)
        HM_TRY(hm_watch_hold(watch, HM_ALARM_STALE, "cosignatures", HM_ALARM_NO_INDEX,
                             "the newest cosignature that was seen is older than is allowed"));
    if (watch->options->growth_s != 0 && same_s > watch->options->growth_s) {
        hm_time_format(watch->position.grown_unix_s, grown);
        HM_TRY(hm_watch_hold(watch, HM_ALARM_STALE, "growth", HM_ALARM_NO_INDEX,
                             "the log has %llu entries since %s",
                             (unsigned long long)watch->position.body.size, grown));
    }
    hm_alarm_box_sweep(&watch->box, HM_ALARM_STALE, HM_ALARM_NO_INDEX, watch->now_unix_s);
    return HM_OK;
}

/* ---- one run --------------------------------------------------------------------------------- */

static enum hm_rc get_identity(void *ctx, const char *name, struct hm_err *err,
                               struct hm_buf *ret_raw)
{
    const struct hm_client_source *objects = ctx;
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(HM_WATCH_URL_SIZE);

    HM_TRY(hm_buf_append_fmt(&path, err, "makers/%s", name));
    return objects->get(objects->ctx, hm_buf_str(&path), err, ret_raw);
}

static enum hm_rc open_history(struct hm_watch *watch, struct hm_err *err)
{
    struct hm_history_config config = {
        .source = watch->site->source,
        .makers = {.get = get_identity, .ctx = &watch->site->objects},
        .entries = hm_watch_entries(watch),
        .sink = hm_watch_history_sink(watch),
        .root = watch->site->trust->root,
        .denied = watch->options->denied,
        .denied_count = watch->options->denied_count};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (watch->history != NULL)
        return HM_OK;
    rc = hm_history_open(&config, &why, &watch->history);
    if (rc == HM_OK)
        return HM_OK;
    if (hm_error_exit_status(rc) == 1)
        HM_TRY(hm_watch_hold(watch, HM_ALARM_FALSE, "root", HM_ALARM_NO_INDEX, "%s", why.text));
    else if (rc == HM_ENOTFOUND)
        HM_TRY(hm_watch_hold(watch, HM_ALARM_MISSING, "root", HM_ALARM_NO_INDEX, "%s", why.text));
    return hm_fail(err, rc, "%s", why.text);
}

/* What root says of the log now. */
static enum hm_rc read_log(struct hm_watch *watch, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    hm_site_log_free(hm_steal(&watch->log));
    rc = hm_site_log_parse(hm_history_newest_root(watch->history), &why, &watch->log);

    if (rc != HM_OK) {
        HM_TRY(hm_watch_hold(watch, HM_ALARM_FALSE, "root", HM_ALARM_NO_INDEX, "%s", why.text));
        return hm_fail(err, rc, "%s", why.text);
    }
    if (watch->log->policy != NULL)
        return HM_OK;
    if (watch->position.note != NULL)
        HM_TRY(hm_watch_raise(watch, HM_ALARM_LOG, "root", HM_ALARM_NO_INDEX,
                              "root names no log any more, and it named '%.*s'",
                              HM_BYTES_FMT(watch->position.body.origin)));
    return hm_fail(err, HM_EINPUT, "the site keeps no release log: there is nothing to follow");
}

static enum hm_rc look(struct hm_watch *watch, struct hm_err *err)
{
    do {
        HM_TRY(open_history(watch, err));
        HM_TRY(read_log(watch, err));
        watch->is_again = false;
        HM_TRY(hm_watch_follow(watch, err));
    } while (watch->is_again);
    /* The root that new entries named may have other witnesses. */
    HM_TRY(read_log(watch, err));
    HM_TRY(hm_watch_check_pages(watch, err));
    return hm_watch_check_heads(watch, err);
}

/* Conditions of the whole site: those that this run did not see are over. */
static void sweep(struct hm_watch *watch)
{
    static const enum hm_alarm_kind kinds[] = {HM_ALARM_MISSING,  HM_ALARM_FALSE,
                                               HM_ALARM_ROLLBACK, HM_ALARM_UNLOGGED,
                                               HM_ALARM_WITNESS,  HM_ALARM_PAGES};

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++)
        hm_alarm_box_sweep(&watch->box, kinds[i], HM_ALARM_NO_INDEX, watch->now_unix_s);
}

static enum hm_rc load(struct hm_watch *watch, struct hm_err *err)
{
    hm_alarm_box_done(&watch->box);
    hm_position_done(&watch->position);
    HM_TRY(hm_alarm_box_read(&watch->dir, err, &watch->box));
    return hm_position_read(&watch->dir, err, &watch->position);
}

static void fill_report(struct hm_watch *watch)
{
    struct hm_watch_report *report = watch->report;

    report->size = watch->position.body.size;
    report->cosigned_unix_s = watch->position.cosigned_unix_s;
    report->grown_unix_s = watch->position.grown_unix_s;
    report->open_count = hm_alarm_box_open_count(&watch->box);
}

enum hm_rc hm_watch_run(struct hm_watch *watch, int64_t now_unix_s, struct hm_err *err,
                        struct hm_watch_report *ret_report)
{
    struct hm_watch_report report = {.rc = HM_OK};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    HM_TRY(load(watch, err));
    watch->report = &report;
    watch->err = &why;
    watch->now_unix_s = now_unix_s;
    watch->is_full = false;
    watch->is_reread = false;
    /* What was missing is looked for again, from the disk: it may be there now. */
    if (watch->is_stuck)
        hm_watch_reset(watch);
    watch->saved_ms = hm_time_monotonic_ms();
    rc = look(watch, &why);
    if (rc == HM_OK)
        sweep(watch);
    if (rc != HM_OK) {
        report.rc = rc;
        report.err = why;
    }
    rc = check_age(watch);
    if (rc != HM_OK && report.rc == HM_OK) {
        report.rc = rc;
        report.err = why;
    }
    fill_report(watch);
    if (report.rc != HM_OK && hm_error_exit_status(report.rc) != 3)
        hm_watch_reset(watch);
    end_run(watch);
    watch->report = NULL;
    watch->err = NULL;
    HM_TRY(hm_watch_save(watch, err));
    report.open_count = hm_alarm_box_open_count(&watch->box);
    *ret_report = report;
    return HM_OK;
}
