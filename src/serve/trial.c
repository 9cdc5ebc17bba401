/* SPDX-License-Identifier: Apache-2.0 */
/* A server on trial. See trial.h. */
#include "serve/trial.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "base/time.h"
#include "ledger/ledger_site.h"
#include "net/httpd.h"
#include "net/range.h"
#include "net/url.h"
#include "serve/decision.h"
#include "serve/deliver_ledger.h"
#include "serve/deliver_process.h"
#include "serve/event.h"
#include "serve/export.h"
#include "serve/place.h"

#define LOOK_MS 100

struct trial {
    const struct hm_settings *settings;
    struct hm_place place;
    struct hm_export export;
    pthread_rwlock_t lock; /* for book */
    struct hm_book *book;
    struct hm_counters counters;
    struct hm_ledger_site *site; /* NULL: no deliveries are recorded */
    struct hm_deliver_binding binding;
    struct hm_deliver *deliver;
};

/* --- files --- */

/* The fields that conditions and ranges need; two of one kind are none. */
static struct hm_range_request read_range(const struct hm_httpd_request *request)
{
    struct hm_range_request range = {.range = NULL};

    if (hm_httpd_request_header(request, "Range", &range.range) != HM_OK)
        range.range = NULL;
    if (hm_httpd_request_header(request, "If-Range", &range.if_range) != HM_OK)
        range.range = NULL;
    if (hm_httpd_request_header(request, "If-None-Match", &range.if_none_match) != HM_OK)
        range.if_none_match = NULL;
    return range;
}

static void refuse(unsigned status, struct hm_httpd_answer *answer)
{
    answer->status = status;
    answer->type = "text/plain; charset=utf-8";
    answer->cache_control = "no-store";
    if (status == 401)
        hm_httpd_answer_field(answer, "WWW-Authenticate", "Basic realm=\"hallmark\"");
    if (hm_buf_append_str(&answer->body, hm_decision_words(status), NULL) != HM_OK)
        answer->status = 500;
}

static void send_file(const struct trial *trial, const struct hm_httpd_request *request,
                      const char *file, struct hm_httpd_answer *answer)
{
    const struct hm_range_request asked = read_range(request);
    char etag[HM_RANGE_ETAG_SIZE];
    char text[80];
    struct hm_range range;
    struct stat st;
    uint64_t size = 0;

    if (hm_dir_open_file(&trial->place.site->public_dir, file, NULL, &answer->file, &size) !=
            HM_OK ||
        fstat(answer->file, &st) != 0) {
        refuse(404, answer);
        return;
    }
    hm_range_etag(st.st_mtim.tv_sec, size, etag);
    range = hm_range_choose(&asked, etag, size);
    answer->status = range.status;
    answer->cache_control = "no-cache";
    answer->file_offset = range.offset;
    answer->file_size = range.size;
    hm_httpd_answer_field(answer, "ETag", etag);
    hm_httpd_answer_field(answer, "Accept-Ranges", "bytes");
    if (range.status == 206)
        (void)snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)range.offset,
                       (unsigned long long)(range.offset + range.size - 1),
                       (unsigned long long)size);
    else
        (void)snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size);
    if (range.status == 206 || range.status == 416)
        hm_httpd_answer_field(answer, "Content-Range", text);
    if (range.size == 0)
        hm_dir_close_fd(&answer->file); /* nothing of it is sent */
}

/* --- requests --- */

static void log_request(const struct hm_httpd_request *request, const struct hm_decision *decision,
                        const struct hm_httpd_answer *answer)
{
    char status[16];

    (void)snprintf(status, sizeof(status), "%u", answer->status);
    hm_event_log("request", "peer", request->peer, "customer",
                 decision->account == NULL ? "" : decision->account->name, "method",
                 request->method, "path", request->path, "status", status, NULL);
}

/* A statement, of whom the token says: the lock is not held while it waits for its flush. */
static void take_statement(struct trial *trial, const struct hm_httpd_request *request,
                           struct hm_httpd_answer *answer)
{
    char name[HM_TOKEN_ACCOUNT_SIZE_MAX + 1] = "";
    const struct hm_book_account *account = NULL;
    const char *authorization = NULL;
    uint32_t token = 0;

    if (trial->deliver == NULL) {
        answer->status = 404;
        answer->type = "text/plain; charset=utf-8";
        if (hm_buf_append_str(&answer->body, "this site records no deliveries\n", NULL) != HM_OK)
            answer->status = 500;
        return;
    }
    if (hm_httpd_request_header(request, "Authorization", &authorization) != HM_OK)
        authorization = NULL; /* two of them are none */
    (void)pthread_rwlock_rdlock(&trial->lock);
    if (hm_book_authenticate(trial->book, authorization, hm_time_now_unix_s(), NULL, &account,
                             &token) == HM_OK)
        (void)snprintf(name, sizeof(name), "%s", account->name);
    (void)pthread_rwlock_unlock(&trial->lock);
    if (name[0] == '\0')
        refuse(401, answer);
    else
        hm_deliver_process_answer(trial->deliver, request, name, answer);
}

static void on_request(void *ctx, const struct hm_httpd_request *request,
                       struct hm_httpd_answer *answer)
{
    struct trial *trial = ctx;
    struct hm_decision_request asked = {
        .method = request->method,
        .path = request->path,
        .is_open = trial->settings->is_open,
        .now_unix_s = hm_time_now_unix_s(),
    };
    struct hm_decision decision;

    if (hm_deliver_is_path(request->path)) {
        take_statement(trial, request, answer);
        return;
    }
    if (hm_httpd_request_header(request, "Authorization", &asked.authorization) != HM_OK)
        asked.authorization = NULL;            /* two of them are none */
    (void)pthread_rwlock_rdlock(&trial->lock); /* of the default kind: cannot fail */
    hm_decision_make(trial->book, &asked, &decision);
    if (decision.status == 200)
        send_file(trial, request, decision.file, answer);
    else
        refuse(decision.status, answer);
    log_request(request, &decision, answer);
    (void)pthread_rwlock_unlock(&trial->lock);
}

/* --- accounts --- */

static enum hm_rc put_in_force(struct trial *trial, struct hm_err *err)
{
    int64_t now_unix_s = hm_time_now_unix_s();
    struct hm_book *book = NULL;
    bool is_due = false;

    HM_TRY(hm_export_is_due(&trial->export, now_unix_s, err, &is_due));
    if (!is_due)
        return HM_OK;
    HM_TRY(hm_export_book(&trial->export, now_unix_s, err, &book));
    (void)pthread_rwlock_wrlock(&trial->lock);
    hm_book_free(trial->book);
    trial->book = book;
    (void)pthread_rwlock_unlock(&trial->lock);
    return hm_export_tell(&trial->export, &trial->place.site->private_dir, err);
}

/* Until SIGTERM or SIGINT. */
static void look_after(struct trial *trial)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    struct hm_err err = HM_ERR_INIT;
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    while (sigtimedwait(&set, NULL, &pause) < 0)
        if (put_in_force(trial, &err) != HM_OK)
            hm_event_log("accounts-failed", "why", err.text, NULL);
}

/* --- deliveries --- */

static bool is_granted(void *ctx, const char *name, struct hm_bytes maker, struct hm_bytes product,
                       struct hm_bytes version)
{
    struct trial *trial = ctx;
    const struct hm_book_account *account;
    bool answer;

    (void)pthread_rwlock_rdlock(&trial->lock);
    account = hm_book_find(trial->book, hm_bytes_str(name));
    answer = account != NULL && hm_book_is_granted(trial->book, account, maker, product, version);
    (void)pthread_rwlock_unlock(&trial->lock);
    return answer;
}

/* Nobody counts what is sent on trial: receipts say that 0 bytes were written. */
static enum hm_rc begin_deliveries(struct trial *trial, struct hm_err *err)
{
    const struct hm_deliver_options options = {
        .ledger = &trial->binding.table, .counters = &trial->counters, .collector = -1};
    const struct hm_ledger_site_options site_options = {.is_granted = is_granted,
                                                        .grant_ctx = trial,
                                                        .wait_ms = HM_DELIVER_WAIT_MS,
                                                        .now_unix_s = hm_time_now_unix_s()};
    enum hm_rc rc = hm_ledger_site_open(trial->settings->dir, &site_options, err, &trial->site);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_deliver_ledger_init(&trial->binding, hm_ledger_site_ledger(trial->site), err));
    return hm_deliver_new(&options, err, &trial->deliver);
}

static void end_deliveries(struct trial *trial)
{
    hm_deliver_free(trial->deliver);
    hm_deliver_ledger_done(&trial->binding);
    hm_ledger_site_free(trial->site);
}

/* --- serving --- */

static enum hm_rc check_loopback(const char *listen, struct hm_err *err)
{
    const char *colon = strrchr(listen, ':');
    char host[64];

    if (colon != NULL && (size_t)(colon - listen) < sizeof(host)) {
        memcpy(host, listen, (size_t)(colon - listen));
        host[colon - listen] = '\0';
        if (hm_url_is_loopback(host))
            return HM_OK;
    }
    return hm_fail(err, HM_EUSAGE,
                   "'%s': --trial speaks plain HTTP, on this machine alone: listen at 127.0.0.1",
                   listen);
}

static enum hm_rc serve(struct trial *trial, struct hm_err *err)
{
    const struct hm_httpd_options options = {
        .listen = trial->settings->listen,
        .body_size_max = HM_DELIVER_BODY_SIZE_MAX,
        .answer_size_max = HM_DELIVER_BODY_SIZE_MAX,
        .stop_grace_ms = trial->settings->stop_s * 1000,
    };
    struct hm_httpd *httpd = NULL;

    HM_TRY(hm_place_open(trial->settings, hm_time_now_unix_s(), err, &trial->place));
    HM_TRY(hm_export_open(&trial->place.site->private_dir, err, &trial->export));
    hm_httpd_block_signals();
    HM_TRY(put_in_force(trial, err));
    HM_TRY(begin_deliveries(trial, err));
    HM_TRY(hm_httpd_start(&options, on_request, trial, err, &httpd));
    hm_event_log("listening", "address", hm_httpd_address(httpd), "site",
                 trial->place.site->config.name, "metadata",
                 trial->settings->is_open ? "open" : "by token", "deliveries",
                 trial->deliver == NULL ? "none" : "recorded", "trial", "true", NULL);
    look_after(trial);
    hm_event_log("stopping", NULL);
    hm_httpd_stop(httpd);
    hm_event_log("stopped", NULL);
    return HM_OK;
}

enum hm_rc hm_trial_run(const struct hm_settings *settings, struct hm_err *err)
{
    struct trial trial = {.settings = settings, .place = HM_PLACE_INIT};
    enum hm_rc rc;

    HM_TRY(check_loopback(settings->listen, err));
    (void)pthread_rwlock_init(&trial.lock, NULL); /* of the default kind: cannot fail */
    rc = serve(&trial, err);
    end_deliveries(&trial);
    (void)pthread_rwlock_destroy(&trial.lock);
    hm_book_free(trial.book);
    hm_export_done(&trial.export);
    hm_place_done(&trial.place);
    return rc;
}
