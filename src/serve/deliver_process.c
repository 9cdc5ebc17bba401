/* SPDX-License-Identifier: Apache-2.0 */
/* Serving deliveries. See deliver_process.h. */
#include "serve/deliver_process.h"

#include "base/time.h"
#include "ledger/ledger_site.h"
#include "serve/book_file.h"
#include "serve/confine.h"
#include "serve/deliver_ledger.h"
#include "serve/event.h"

#define TIMEOUT_S   60 /* nginx closes connections that it does not use after 20 */
#define STOP_MS     20000
#define PLACE_COUNT 4
#define RETRY_SIZE  16

struct process {
    struct hm_dir run;
    struct hm_book_file book;
    struct hm_counters *counters;
    struct hm_ledger_site *site;
    struct hm_deliver_binding binding;
    struct hm_deliver *deliver;
};

/* --- requests --- */

void hm_deliver_process_answer(struct hm_deliver *deliver, const struct hm_httpd_request *request,
                               const char *account, struct hm_httpd_answer *answer)
{
    struct hm_deliver_question question = {.method = request->method,
                                           .path = request->path,
                                           .account = account,
                                           .body = request->body};
    struct hm_deliver_item item;
    char retry[RETRY_SIZE];

    if (hm_httpd_request_argument(request, "client", &question.client) != HM_OK)
        question.client = NULL; /* two of them are none */
    hm_deliver_answer(deliver, &question, &item);
    answer->status = item.status;
    answer->type = "text/plain; charset=utf-8";
    answer->cache_control = "no-store";
    if (item.retry_after_s > 0) {
        (void)snprintf(retry, sizeof(retry), "%u", item.retry_after_s);
        hm_httpd_answer_field(answer, "Retry-After", retry);
    }
    if (hm_buf_append(&answer->body, hm_buf_bytes(&item.answer), NULL) != HM_OK)
        answer->status = 500;
    hm_deliver_item_done(&item);
}

static void on_request(void *ctx, const struct hm_httpd_request *request,
                       struct hm_httpd_answer *answer)
{
    struct process *process = ctx;
    const char *account = NULL;

    /* nginx writes it, once the token was checked, and passes no header of a client's. */
    if (hm_httpd_request_header(request, "X-Hallmark-Customer", &account) != HM_OK)
        account = NULL; /* two of them are none */
    hm_deliver_process_answer(process->deliver, request, account, answer);
}

static bool is_granted(void *ctx, const char *name, struct hm_bytes maker, struct hm_bytes product,
                       struct hm_bytes version)
{
    struct process *process = ctx;
    const struct hm_book *book = hm_book_file_take(&process->book);
    const struct hm_book_account *account =
        book == NULL ? NULL : hm_book_find(book, hm_bytes_str(name));
    bool answer = account != NULL && hm_book_is_granted(book, account, maker, product, version);

    hm_book_file_give(&process->book);
    return answer;
}

/* --- the process --- */

/* The folders of a process that asks nobody; those of the network only where there are witnesses.
 */
static enum hm_rc confine(const struct process *process, struct hm_err *err)
{
    struct hm_confine_place places[PLACE_COUNT + HM_CONFINE_NETWORK_MAX] = {
        {.dir = &process->run},
        {.dir = hm_ledger_site_public(process->site)},
        {.dir = hm_ledger_site_folder(process->site), .is_written = true},
        {.dir = hm_ledger_site_log_folder(process->site), .is_written = true},
    };
    _hm_done_(hm_confine_network_done) struct hm_confine_network network = {.count = 0};
    bool is_landlocked = false;

    if (hm_ledger_site_has_witnesses(process->site))
        HM_TRY(hm_confine_network_open(&network, err));
    for (size_t i = 0; i < network.count; i++)
        places[PLACE_COUNT + i].dir = &network.dirs[i];
    return hm_confine_places(places, PLACE_COUNT + network.count, err, &is_landlocked);
}

static enum hm_rc serve(struct process *process, const struct hm_deliver_process_options *options,
                        struct hm_err *err)
{
    char address[16];
    const struct hm_deliver_options deliver_options = {.ledger = &process->binding.table,
                                                       .counters = process->counters,
                                                       .collector = options->collector};
    const struct hm_httpd_options httpd_options = {
        .listen = address,
        .body_size_max = HM_DELIVER_BODY_SIZE_MAX,
        .answer_size_max = HM_DELIVER_BODY_SIZE_MAX,
        .connections_max = HM_DELIVER_CONNECTIONS_MAX,
        .timeout_s = TIMEOUT_S,
        .stop_grace_ms = STOP_MS,
    };
    struct hm_httpd *httpd = NULL;

    HM_TRY(hm_deliver_ledger_init(&process->binding, hm_ledger_site_ledger(process->site), err));
    HM_TRY(hm_deliver_new(&deliver_options, err, &process->deliver));
    (void)snprintf(address, sizeof(address), "fd:%d", options->socket);
    HM_TRY(hm_httpd_start(&httpd_options, on_request, process, err, &httpd));
    hm_httpd_wait_signal();
    hm_httpd_stop(httpd);
    return HM_OK;
}

enum hm_rc hm_deliver_process_run(const struct hm_deliver_process_options *options,
                                  struct hm_err *err)
{
    struct process process = {.run = HM_DIR_INIT};
    const struct hm_ledger_site_options site_options = {.is_granted = is_granted,
                                                        .grant_ctx = &process,
                                                        .wait_ms = HM_DELIVER_WAIT_MS,
                                                        .now_unix_s = hm_time_now_unix_s()};
    enum hm_rc rc;

    HM_TRY(hm_counters_open(options->counters, err, &process.counters));
    HM_TRY(hm_dir_open(options->run, err, &process.run));
    hm_book_file_init(&process.book, &process.run);
    rc = hm_confine_user(options->uid, options->gid, err);
    if (rc == HM_OK)
        rc = hm_ledger_site_open(options->site, &site_options, err, &process.site);
    if (rc == HM_OK)
        rc = confine(&process, err);
    if (rc == HM_OK)
        rc = serve(&process, options, err);
    hm_deliver_free(process.deliver); /* what was taken is ended */
    hm_deliver_ledger_done(&process.binding);
    hm_ledger_site_free(process.site);
    hm_book_file_done(&process.book);
    hm_dir_done(&process.run);
    return rc;
}
