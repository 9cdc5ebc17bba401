/* SPDX-License-Identifier: Apache-2.0 */
/* Deciding on nginx's questions. See worker.h. */
#include "serve/worker.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/time.h"
#include "net/httpd.h"
#include "serve/confine.h"
#include "serve/decision.h"
#include "serve/export.h"

#define AUTHORIZE      "/authorize" /* "is this a customer?", for metadata */
#define IMAGE_PREFIX   "/-/image/"
#define TARGETS_PREFIX "targets/"
#define TIMEOUT_S      60 /* nginx closes connections that it does not use after 20 */

/* Which file the book was read from. */
struct stamp {
    uint64_t inode;
    int64_t changed_s, changed_ns;
};

struct worker {
    struct hm_dir run;
    struct hm_counters *counters;
    pthread_rwlock_t lock; /* for book and stamp */
    struct hm_book *book;  /* NULL: there is none that can be read: nobody gets anything */
    struct stamp stamp;
};

/* --- the book --- */

static bool stamp_of(const struct worker *worker, struct stamp *ret_stamp)
{
    struct stat st;

    if (fstatat(worker->run.fd, HM_EXPORT_BOOK, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    *ret_stamp = (struct stamp){st.st_ino, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
    return true;
}

static bool is_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->inode == b->inode && a->changed_s == b->changed_s && a->changed_ns == b->changed_ns;
}

static struct hm_book *read_book(const struct worker *worker)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_BOOK_SIZE_MAX);
    struct hm_book *book = NULL;

    if (hm_dir_read(&worker->run, HM_EXPORT_BOOK, NULL, &raw) != HM_OK ||
        hm_book_parse(hm_buf_bytes(&raw), NULL, &book) != HM_OK)
        return NULL;
    return book;
}

/* Holds the lock for reading when it returns, over the book as it is now. */
static void take_book(struct worker *worker)
{
    struct stamp now = {0};
    bool is_there = stamp_of(worker, &now);

    (void)pthread_rwlock_rdlock(&worker->lock); /* of the default kind: cannot fail */
    if (is_there && worker->book != NULL && is_stamp(&now, &worker->stamp))
        return;
    (void)pthread_rwlock_unlock(&worker->lock);
    (void)pthread_rwlock_wrlock(&worker->lock);
    is_there = stamp_of(worker, &now); /* another thread may have been first */
    if (!is_there || worker->book == NULL || !is_stamp(&now, &worker->stamp)) {
        hm_book_free(worker->book);
        /* What replaces the file meanwhile has another stamp, and is read by the next request. */
        worker->book = is_there ? read_book(worker) : NULL;
        worker->stamp = now;
    }
    (void)pthread_rwlock_unlock(&worker->lock);
    (void)pthread_rwlock_rdlock(&worker->lock);
}

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

    if (hm_httpd_request_header(request, "Authorization", &asked.authorization) != HM_OK)
        asked.authorization = NULL; /* two of them are none */
    take_book(worker);
    if (worker->book == NULL)
        decision.status = 503;
    else
        hm_decision_make(worker->book, &asked, &decision);
    tell_who(&decision, answer);
    if (decision.status == 200)
        allow(&decision, answer);
    else
        refuse(decision.status, answer);
    (void)pthread_rwlock_unlock(&worker->lock);
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
    (void)pthread_rwlock_init(&worker.lock, NULL); /* of the default kind: cannot fail */
    rc = serve(&worker, options, err);
    (void)pthread_rwlock_destroy(&worker.lock);
    hm_book_free(worker.book);
    hm_dir_done(&worker.run);
    return rc;
}
