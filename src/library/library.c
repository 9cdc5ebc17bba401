/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public library (include/hallmark.h, libhallmark(3)): thin wrappers that check what a caller
 * gives, turn codes and sentences into public ones, and copy what is found, so that no inner type,
 * assertion or lifetime reaches the caller.
 */
#include "hallmark.h"

#include "base/time.h"
#include "customer/verify.h"

struct hallmark_error {
    enum hallmark_status status;
    char text[HM_ERR_TEXT_MAX];
};

struct hallmark_home {
    struct hm_home home;
    struct hm_verify verify;
};

struct hallmark_match {
    enum hallmark_status status;
    const char *text, *site, *path;
    uint64_t length;
    enum hallmark_grade grade;
    int64_t age_s;
    enum hallmark_log log;
    size_t log_cosigned;
    int64_t log_age_s;
    bool is_trial;
};

struct hallmark_result {
    enum hallmark_status status;
    const char *text;
    struct hm_sha256 sha256;
    uint64_t size;
    int64_t age_s;
    struct hallmark_match *matches;
    size_t match_count;
    struct hm_arena arena;
};

HM_DEFINE_FREE(hallmark_home_close, struct hallmark_home);
HM_DEFINE_FREE(hallmark_result_free, struct hallmark_result);

/* ---- words ----------------------------------------------------------------------------------- */

/* The public numbers stand for good, the inner ones are in order of their classes. */
static const enum hallmark_status statuses[HM_RC_COUNT_] = {
    [HM_OK] = HALLMARK_OK,
    [HM_EFORMAT] = HALLMARK_EFORMAT,
    [HM_ESIGNATURE] = HALLMARK_ESIGNATURE,
    [HM_EMISMATCH] = HALLMARK_EMISMATCH,
    [HM_EROLLBACK] = HALLMARK_EROLLBACK,
    [HM_EREFUSED] = HALLMARK_EREFUSED,
    [HM_ERECALLED] = HALLMARK_ERECALLED,
    [HM_EUNKNOWN] = HALLMARK_EUNKNOWN,
    [HM_EUSAGE] = HALLMARK_EUSAGE,
    [HM_ENOTFOUND] = HALLMARK_ENOTFOUND,
    [HM_ENETWORK] = HALLMARK_ENETWORK,
    [HM_EEXPIRED] = HALLMARK_EEXPIRED,
    [HM_ECLOCK] = HALLMARK_ECLOCK,
    [HM_EBUSY] = HALLMARK_EBUSY,
    [HM_EINPUT] = HALLMARK_EINPUT,
    [HM_EAGAIN] = HALLMARK_EAGAIN,
    [HM_ENOMEM] = HALLMARK_ENOMEM,
    [HM_EIO] = HALLMARK_EIO,
    [HM_EINTERNAL] = HALLMARK_EINTERNAL,
};

static enum hallmark_status to_status(enum hm_rc rc)
{
    /* A code that was forgotten in the table must not read as good. */
    if (rc != HM_OK && (rc >= HM_RC_COUNT_ || statuses[rc] == HALLMARK_OK))
        return HALLMARK_EINTERNAL;
    return statuses[rc];
}

const char *hallmark_version(void)
{
    return HM_VERSION;
}

const char *hallmark_status_name(enum hallmark_status status)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(statuses); i++) {
        if (statuses[i] == status)
            return hm_error_name((enum hm_rc)i);
    }
    return hm_error_name(HM_RC_COUNT_);
}

int hallmark_status_class(enum hallmark_status status)
{
    if (status == HALLMARK_OK)
        return 0;
    return status >= 100 && status < 500 ? (int)status / 100 : 4;
}

static enum hallmark_grade to_grade(enum hm_grade grade)
{
    switch (grade) {
    case HM_GRADE_ATTESTED:
        return HALLMARK_GRADE_ATTESTED;
    case HM_GRADE_INTRODUCED:
        return HALLMARK_GRADE_INTRODUCED;
    case HM_GRADE_PINNED:
        return HALLMARK_GRADE_PINNED;
    case HM_GRADE_NONE:
        break;
    }
    return HALLMARK_GRADE_NONE;
}

static enum hallmark_log to_log(enum hm_log_state state)
{
    switch (state) {
    case HM_LOG_WITNESSED:
        return HALLMARK_LOG_WITNESSED;
    case HM_LOG_UNWITNESSED:
        return HALLMARK_LOG_UNWITNESSED;
    case HM_LOG_UNLOGGED:
        break;
    }
    return HALLMARK_LOG_UNLOGGED;
}

const char *hallmark_log_text(enum hallmark_log log)
{
    switch (log) {
    case HALLMARK_LOG_WITNESSED:
        return hm_log_verdict_state_text(HM_LOG_WITNESSED);
    case HALLMARK_LOG_UNWITNESSED:
        return hm_log_verdict_state_text(HM_LOG_UNWITNESSED);
    case HALLMARK_LOG_UNLOGGED:
        break;
    }
    return hm_log_verdict_state_text(HM_LOG_UNLOGGED);
}

const char *hallmark_grade_text(enum hallmark_grade grade)
{
    switch (grade) {
    case HALLMARK_GRADE_ATTESTED:
        return hm_layout_grade_text(HM_GRADE_ATTESTED);
    case HALLMARK_GRADE_INTRODUCED:
        return hm_layout_grade_text(HM_GRADE_INTRODUCED);
    case HALLMARK_GRADE_PINNED:
        return hm_layout_grade_text(HM_GRADE_PINNED);
    case HALLMARK_GRADE_NONE:
        break;
    }
    return hm_layout_grade_text(HM_GRADE_NONE);
}

/* ---- errors ---------------------------------------------------------------------------------- */

struct hallmark_error *hallmark_error_new(void)
{
    return calloc(1, sizeof(struct hallmark_error));
}

void hallmark_error_free(struct hallmark_error *error)
{
    free(error);
}

enum hallmark_status hallmark_error_status(const struct hallmark_error *error)
{
    return error == NULL ? HALLMARK_OK : error->status;
}

const char *hallmark_error_text(const struct hallmark_error *error)
{
    return error == NULL ? "" : error->text;
}

static enum hallmark_status tell(struct hallmark_error *error, enum hallmark_status status,
                                 const char *text)
{
    if (error != NULL) {
        error->status = status;
        (void)snprintf(error->text, sizeof(error->text), "%s", text); /* text is no longer */
    }
    return status;
}

static enum hallmark_status finish(struct hallmark_error *error, enum hm_rc rc,
                                   const struct hm_err *err)
{
    return tell(error, to_status(rc), rc == HM_OK ? "" : err->text);
}

static enum hallmark_status wrong_use(struct hallmark_error *error, const char *function)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_fail(&err, HM_EUSAGE,
                            "%s: an argument is NULL, negative or empty that must not be; see "
                            "libhallmark(3)",
                            function);

    return finish(error, rc, &err);
}

/* ---- digests --------------------------------------------------------------------------------- */

enum hallmark_status hallmark_sha256_buffer(const void *data, size_t size,
                                            struct hallmark_error *error, uint8_t *ret_sha256)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 sha256;
    enum hm_rc rc;

    if ((data == NULL && size != 0) || ret_sha256 == NULL)
        return wrong_use(error, __func__);
    rc = hm_digest_sha256(hm_bytes_make(data, size), &err, &sha256);
    if (rc == HM_OK)
        memcpy(ret_sha256, sha256.bytes, HM_SHA256_SIZE);
    return finish(error, rc, &err);
}

enum hallmark_status hallmark_sha256_fd(int fd, struct hallmark_error *error, uint8_t *ret_sha256,
                                        uint64_t *ret_size)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 sha256;
    uint64_t size;
    enum hm_rc rc;

    if (fd < 0 || ret_sha256 == NULL)
        return wrong_use(error, __func__);
    rc = hm_digest_fd(fd, NULL, NULL, &err, &sha256, &size);
    if (rc == HM_OK) {
        memcpy(ret_sha256, sha256.bytes, HM_SHA256_SIZE);
        if (ret_size != NULL)
            *ret_size = size;
    }
    return finish(error, rc, &err);
}

enum hallmark_status hallmark_trust_fingerprint(const void *data, size_t size,
                                                struct hallmark_error *error,
                                                uint8_t *ret_fingerprint)
{
    _hm_free_(hm_trust_file_free) struct hm_trust_file *file = NULL;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    if ((data == NULL && size != 0) || ret_fingerprint == NULL)
        return wrong_use(error, __func__);
    if (size > HM_TRUST_FILE_SIZE_MAX)
        rc = hm_fail(&err, HM_EFORMAT, "no trust file is larger than %d bytes",
                     HM_TRUST_FILE_SIZE_MAX);
    else
        rc = hm_trust_file_parse(hm_bytes_make(data, size), &err, &file);
    if (rc == HM_OK)
        memcpy(ret_fingerprint, file->fingerprint.bytes, HM_SHA256_SIZE);
    return finish(error, rc, &err);
}

enum hallmark_status hallmark_fingerprint_text(const uint8_t *fingerprint,
                                               struct hallmark_error *error, char *ret_text)
{
    struct hm_sha256 sha256;

    if (fingerprint == NULL || ret_text == NULL)
        return wrong_use(error, __func__);
    memcpy(sha256.bytes, fingerprint, HM_SHA256_SIZE);
    hm_trust_file_format_fingerprint(&sha256, ret_text);
    return tell(error, HALLMARK_OK, "");
}

/* ---- the state folder ------------------------------------------------------------------------ */

void hallmark_home_close(struct hallmark_home *home)
{
    if (home == NULL)
        return;
    hm_verify_done(&home->verify);
    hm_home_done(&home->home);
    free(home);
}

static enum hm_rc open_home(const char *path, struct hm_err *err, struct hallmark_home **ret_home)
{
    _hm_free_(hallmark_home_close) struct hallmark_home *home = calloc(1, sizeof(*home));

    if (home == NULL)
        return hm_error_nomem(err);
    home->home = (struct hm_home)HM_HOME_INIT;
    HM_TRY(hm_home_open(path, false, err, &home->home));
    HM_TRY(hm_verify_open(&home->home, NULL, hm_time_now_unix_s(), -1, err, &home->verify));
    *ret_home = hm_steal(&home);
    return HM_OK;
}

enum hallmark_status hallmark_home_open(const char *path, struct hallmark_error *error,
                                        struct hallmark_home **ret_home)
{
    struct hm_err err = HM_ERR_INIT;

    if (ret_home == NULL || (path != NULL && path[0] == '\0'))
        return wrong_use(error, __func__);
    return finish(error, open_home(path, &err, ret_home), &err);
}

/* ---- verifying ------------------------------------------------------------------------------- */

static int64_t age_of(const struct hm_subscription *site, int64_t now_unix_s)
{
    if (site == NULL || site->refreshed_unix_s == 0)
        return -1;
    /* Clocks are set back by seconds. */
    return now_unix_s < site->refreshed_unix_s ? 0 : now_unix_s - site->refreshed_unix_s;
}

static int64_t oldest_of(const struct hm_verify *verify, int64_t now_unix_s)
{
    int64_t oldest_s = 0;

    for (size_t i = 0; i < verify->site_count; i++) {
        const struct hm_verify_site *site = &verify->sites[i];
        int64_t age_s = site->rc == HM_OK ? age_of(site->subscription, now_unix_s) : -1;

        if (age_s < 0)
            return -1;
        if (age_s > oldest_s)
            oldest_s = age_s;
    }
    return oldest_s;
}

static void copy_log(const struct hm_release_log *log, int64_t now_unix_s,
                     struct hallmark_match *match)
{
    match->log = HALLMARK_LOG_UNLOGGED;
    match->log_age_s = -1;
    if (log == NULL)
        return;
    match->log = to_log(log->standing.state);
    match->log_cosigned = log->standing.cosigned_count;
    if (log->standing.cosigned_count > 0) {
        int64_t newest_unix_s = (int64_t)log->standing.newest_unix_s; /* at most INT64_MAX */

        match->log_age_s = now_unix_s < newest_unix_s ? 0 : now_unix_s - newest_unix_s;
    }
}

static enum hm_rc copy_match(struct hm_arena *arena, const struct hm_catalogue_item *item,
                             int64_t now_unix_s, struct hm_err *err, struct hallmark_match *match)
{
    const char *text = item->rc == HM_OK || item->text == NULL ? "" : item->text;

    match->status = to_status(item->rc);
    match->text = hm_arena_strdup(arena, hm_bytes_str(text));
    match->site = hm_arena_strdup(arena, hm_bytes_str(item->subscription->name));
    match->path = hm_arena_strdup(arena, item->path);
    if (match->text == NULL || match->site == NULL || match->path == NULL)
        return hm_error_nomem(err);
    match->grade = item->rc == HM_OK ? to_grade(item->file.grade) : HALLMARK_GRADE_NONE;
    match->age_s = age_of(item->subscription, now_unix_s);
    copy_log(item->subscription->log, now_unix_s, match);
    match->is_trial = item->subscription->is_trial;
    return HM_OK;
}

static enum hm_rc copy_answer(const struct hm_verify *verify, const struct hm_verify_answer *answer,
                              struct hm_err *err, struct hallmark_result **ret_result)
{
    _hm_free_(hallmark_result_free) struct hallmark_result *result = calloc(1, sizeof(*result));
    const char *text = answer->rc == HM_OK || answer->text == NULL ? "" : answer->text;
    int64_t now_unix_s = hm_time_now_unix_s();

    if (result == NULL)
        return hm_error_nomem(err);
    result->status = to_status(answer->rc);
    result->sha256 = answer->sha256;
    result->size = answer->size;
    result->age_s = oldest_of(verify, now_unix_s);
    result->text = hm_arena_strdup(&result->arena, hm_bytes_str(text));
    result->matches =
        hm_arena_alloc(&result->arena, answer->matches.item_count, sizeof(*result->matches));
    if (result->text == NULL || result->matches == NULL)
        return hm_error_nomem(err);
    for (; result->match_count < answer->matches.item_count; result->match_count++) {
        struct hallmark_match *match = &result->matches[result->match_count];

        /* The look-up is by digest and length: each place has the length of what was asked for. */
        match->length = answer->size;
        HM_TRY(copy_match(&result->arena, &answer->matches.items[result->match_count], now_unix_s,
                          err, match));
    }
    *ret_result = hm_steal(&result);
    return HM_OK;
}

/* The verdict, or why there is none. */
static enum hm_rc verify(struct hallmark_home *home, const struct hm_sha256 *sha256, uint64_t size,
                         const char *name, struct hm_err *err, struct hallmark_result **ret_result)
{
    _hm_done_(hm_verify_answer_done) struct hm_verify_answer answer = {.rc = HM_EUNKNOWN};

    HM_TRY(hm_verify_digest(&home->verify, sha256, size, name, err, &answer));
    if (ret_result != NULL)
        HM_TRY(copy_answer(&home->verify, &answer, err, ret_result));
    return answer.rc == HM_OK ? HM_OK : hm_fail(err, answer.rc, "%s", answer.text);
}

enum hallmark_status hallmark_verify_digest(struct hallmark_home *home, const uint8_t *sha256,
                                            uint64_t size, const char *name,
                                            struct hallmark_error *error,
                                            struct hallmark_result **ret_result)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 digest;

    if (ret_result != NULL)
        *ret_result = NULL;
    if (home == NULL || sha256 == NULL)
        return wrong_use(error, __func__);
    memcpy(digest.bytes, sha256, HM_SHA256_SIZE);
    return finish(error, verify(home, &digest, size, name, &err, ret_result), &err);
}

enum hallmark_status hallmark_verify_fd(struct hallmark_home *home, int fd, const char *name,
                                        struct hallmark_error *error,
                                        struct hallmark_result **ret_result)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 sha256;
    uint64_t size;
    enum hm_rc rc;

    if (ret_result != NULL)
        *ret_result = NULL;
    if (home == NULL || fd < 0)
        return wrong_use(error, __func__);
    rc = hm_digest_fd(fd, NULL, NULL, &err, &sha256, &size);
    if (rc != HM_OK && name != NULL)
        rc = hm_error_prefix(&err, rc, "'%s'", name);
    if (rc == HM_OK)
        rc = verify(home, &sha256, size, name, &err, ret_result);
    return finish(error, rc, &err);
}

/* ---- results --------------------------------------------------------------------------------- */

void hallmark_result_free(struct hallmark_result *result)
{
    if (result == NULL)
        return;
    hm_arena_done(&result->arena);
    free(result);
}

enum hallmark_status hallmark_result_status(const struct hallmark_result *result)
{
    return result == NULL ? HALLMARK_EUSAGE : result->status;
}

const char *hallmark_result_text(const struct hallmark_result *result)
{
    return result == NULL ? "" : result->text;
}

const uint8_t *hallmark_result_sha256(const struct hallmark_result *result)
{
    return result == NULL ? NULL : result->sha256.bytes;
}

uint64_t hallmark_result_size(const struct hallmark_result *result)
{
    return result == NULL ? 0 : result->size;
}

int64_t hallmark_result_age_s(const struct hallmark_result *result)
{
    return result == NULL ? -1 : result->age_s;
}

size_t hallmark_result_match_count(const struct hallmark_result *result)
{
    return result == NULL ? 0 : result->match_count;
}

const struct hallmark_match *hallmark_result_match(const struct hallmark_result *result,
                                                   size_t index)
{
    return result == NULL || index >= result->match_count ? NULL : &result->matches[index];
}

enum hallmark_status hallmark_match_status(const struct hallmark_match *match)
{
    return match == NULL ? HALLMARK_EUSAGE : match->status;
}

const char *hallmark_match_text(const struct hallmark_match *match)
{
    return match == NULL ? "" : match->text;
}

const char *hallmark_match_site(const struct hallmark_match *match)
{
    return match == NULL ? "" : match->site;
}

const char *hallmark_match_path(const struct hallmark_match *match)
{
    return match == NULL ? "" : match->path;
}

uint64_t hallmark_match_length(const struct hallmark_match *match)
{
    return match == NULL ? 0 : match->length;
}

enum hallmark_grade hallmark_match_grade(const struct hallmark_match *match)
{
    return match == NULL ? HALLMARK_GRADE_NONE : match->grade;
}

int64_t hallmark_match_age_s(const struct hallmark_match *match)
{
    return match == NULL ? -1 : match->age_s;
}

enum hallmark_log hallmark_match_log(const struct hallmark_match *match)
{
    return match == NULL ? HALLMARK_LOG_UNLOGGED : match->log;
}

size_t hallmark_match_log_cosigned(const struct hallmark_match *match)
{
    return match == NULL ? 0 : match->log_cosigned;
}

int64_t hallmark_match_log_age_s(const struct hallmark_match *match)
{
    return match == NULL ? -1 : match->log_age_s;
}

bool hallmark_match_is_trial(const struct hallmark_match *match)
{
    return match != NULL && match->is_trial;
}
