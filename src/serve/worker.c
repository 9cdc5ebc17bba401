/* SPDX-License-Identifier: Apache-2.0 */
/* Deciding on nginx's questions. See worker.h. */
#include "serve/worker.h"

#include "base/time.h"
#include "net/httpd.h"
#include "serve/book_file.h"
#include "serve/confine.h"
#include "serve/decision.h"

#define AUTHORIZE      "/authorize" /* "is this a customer?", for metadata */
#define IMAGE_PREFIX   "/-/image/"
#define TARGETS_PREFIX "targets/"
#define TIMEOUT_S      60 /* nginx closes connections that it does not use after 20 */

struct worker {
    struct hm_dir run;
    struct hm_counters *counters;
    struct hm_book_file book;
};

/* --- requests --- */

static void tell_who(const struct hm_decision *decision, struct hm_httpd_answer *answer)
{
    char number[16];

    if (decision->account == NULL)
        return;
    (void)snprintf(number, sizeof(number), "%u", decision->token);
    hm_httpd_answer_field(answer, "X-Hallmark-Customer", decision->account->name);
    hm_httpd_answer_field(answer, "X-Hallmark-Token", number);
}

/* What nginx is to send: the path that was decided on. */
static void allow(const struct hm_decision *decision, struct hm_httpd_answer *answer)
{
    static const char prefix[] = TARGETS_PREFIX;
    char target[sizeof(IMAGE_PREFIX) + HM_DECISION_PATH_SIZE_MAX];

    answer->status = 200;
    if (decision->kind != HM_DECISION_IMAGE)
        return;
    /* '+' and '~' mean themselves in a path; nothing else there needs encoding. */
    (void)snprintf(target, sizeof(target), IMAGE_PREFIX "%s", decision->file + strlen(prefix));
    hm_httpd_answer_field(answer, "X-Accel-Redirect", target);
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

static void on_request(void *ctx, const struct hm_httpd_request *request,
                       struct hm_httpd_answer *answer)
{
    struct worker *worker = ctx;
    struct hm_decision_request asked = {
        .method = request->method,
        /* Any path that every customer may have. */
        .path = strcmp(request->path, AUTHORIZE) == 0 ? "/hallmark.trust" : request->path,
        .now_unix_s = hm_time_now_unix_s(),
    };
    struct hm_decision decision = {.status = 401};
    const struct hm_book *book;

    if (hm_httpd_request_header(request, "Authorization", &asked.authorization) != HM_OK)
        asked.authorization = NULL; /* two of them are none */
    book = hm_book_file_take(&worker->book);
    if (book == NULL)
        decision.status = 503;
    else
        hm_decision_make(book, &asked, &decision);
    tell_who(&decision, answer);
    if (decision.status == 200)
        allow(&decision, answer);
    else
        refuse(decision.status, answer);
    hm_book_file_give(&worker->book);
    hm_counters_decision(worker->counters, decision.status);
}

static enum hm_rc serve(struct worker *worker, const struct hm_worker_options *options,
                        struct hm_err *err)
{
    char address[16];
    struct hm_httpd_options httpd_options = {
        .listen = address,
        .body_size_max = 0,
        .answer_size_max = 1024,
        .connections_max = HM_WORKER_CONNECTIONS_MAX,
        .timeout_s = TIMEOUT_S,
    };
    struct hm_httpd *httpd = NULL;

    (void)snprintf(address, sizeof(address), "fd:%d", options->socket);
    HM_TRY(hm_httpd_start(&httpd_options, on_request, worker, err, &httpd));
    hm_httpd_wait_signal();
    hm_httpd_stop(httpd);
    return HM_OK;
}

enum hm_rc hm_worker_run(const struct hm_worker_options *options, struct hm_err *err)
{
    struct worker worker = {.run = HM_DIR_INIT};
    bool is_landlocked = false;
    enum hm_rc rc;

    HM_TRY(hm_counters_open(options->counters, err, &worker.counters));
    HM_TRY(hm_dir_open(options->run, err, &worker.run));
    HM_TRY(hm_confine_user(options->uid, options->gid, err));
    HM_TRY(hm_confine_read_only(&worker.run, err, &is_landlocked));
    hm_book_file_init(&worker.book, &worker.run);
    rc = serve(&worker, options, err);
    hm_book_file_done(&worker.book);
    hm_dir_done(&worker.run);
    return rc;
}
