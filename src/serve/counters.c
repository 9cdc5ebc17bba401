/* SPDX-License-Identifier: Apache-2.0 */
/* Shared counters, and their text for Prometheus. See counters.h. */
#include "serve/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/num.h"

static const unsigned statuses[HM_COUNTERS_STATUSES] = {200, 401, 403, 404, 405, 503};

enum hm_rc hm_counters_open(int fd, struct hm_err *err, struct hm_counters **ret_counters)
{
    void *memory =
        mmap(NULL, sizeof(struct hm_counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (memory == MAP_FAILED)
        return hm_error_errno(err, errno, "the counters cannot be shared");
    *ret_counters = memory;
    return HM_OK;
}

enum hm_rc hm_counters_new(struct hm_err *err, struct hm_counters **ret_counters, int *ret_fd)
{
    int fd = memfd_create("hallmark-counters", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    enum hm_rc rc;

    /* Of its size for good: who shares it could cut it short otherwise, and the next one who counts
     * would end (SIGBUS). */
    if (fd < 0 || ftruncate(fd, sizeof(struct hm_counters)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        rc = hm_error_errno(err, errno, "no memory can be shared");
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    rc = hm_counters_open(fd, err, ret_counters);
    if (rc == HM_OK)
        *ret_fd = fd;
    else
        (void)close(fd);
    return rc;
}

void hm_counters_decision(struct hm_counters *counters, unsigned status)
{
    for (size_t i = 0; i < HM_COUNTERS_STATUSES; i++)
        if (statuses[i] == status)
            (void)__atomic_add_fetch(&counters->decisions[i], 1, __ATOMIC_RELAXED);
}

/* --- deliveries --- */

static const unsigned delivery_statuses[HM_COUNTERS_DELIVERY_STATUSES] = {200, 400, 401, 403, 404,
                                                                          405, 409, 410, 503, 500};
static const int64_t batch_times_ms[HM_COUNTERS_BATCH_TIMES - 1] = {5, 10, 25, 50, 100, 250};

static void count(uint64_t *counter, uint64_t more)
{
    (void)__atomic_add_fetch(counter, more, __ATOMIC_RELAXED);
}

void hm_counters_delivery(struct hm_counters *counters, unsigned status)
{
    size_t i = 0;

    while (i + 1 < HM_COUNTERS_DELIVERY_STATUSES && delivery_statuses[i] != status)
        i++;
    count(&counters->deliveries.answers[i], 1);
}

void hm_counters_batch(struct hm_counters *counters, size_t item_count, int64_t took_ms,
                       bool is_failed)
{
    struct hm_counters_deliveries *deliveries = &counters->deliveries;
    size_t i = 0;

    while (i < HM_ARRAY_COUNT(batch_times_ms) && took_ms > batch_times_ms[i])
        i++;
    count(&deliveries->batches, 1);
    count(&deliveries->batched, item_count);
    count(&deliveries->failed_batches, is_failed ? 1 : 0);
    count(&deliveries->batch_times[i], 1);
    count(&deliveries->batch_ms, took_ms > 0 ? (uint64_t)took_ms : 0);
}

void hm_counters_collected(struct hm_counters *counters, size_t transfer_count, uint32_t unread)
{
    count(&counters->deliveries.collected, transfer_count);
    count(&counters->deliveries.unread, unread);
}

void hm_counters_uncollected(struct hm_counters *counters)
{
    count(&counters->deliveries.silences, 1);
}

void hm_counters_ledger(struct hm_counters *counters, const struct hm_counters_ledger *ledger)
{
    struct hm_counters_ledger *kept = &counters->deliveries.ledger;

    __atomic_store_n(&kept->requested, ledger->requested, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->offered, ledger->offered, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->unacked, ledger->unacked, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->acknowledged, ledger->acknowledged, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->rejected, ledger->rejected, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->unsigned_transfers, ledger->unsigned_transfers, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->keys, ledger->keys, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->leaves_pending, ledger->leaves_pending, __ATOMIC_RELAXED);
    __atomic_store_n(&kept->gaps, ledger->gaps, __ATOMIC_RELAXED);
}

/* --- nginx's page --- */

/* The number behind word; words come in order. */
static bool take_number(struct hm_bytes *rest, const char *word, uint64_t *ret_number)
{
    const uint8_t *at = rest->size == 0 ? NULL : memmem(rest->data, rest->size, word, strlen(word));
    const uint8_t *end = rest->data + rest->size;
    const uint8_t *first;

    if (at == NULL)
        return false;
    at += strlen(word);
    while (at < end && *at == ' ')
        at++;
    first = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    *rest = hm_bytes_make(at, (size_t)(end - at));
    return at > first &&
           hm_num_parse_u64((const char *)first, (size_t)(at - first), ret_number) == HM_OK;
}

enum hm_rc hm_counters_parse_front(struct hm_bytes text, struct hm_err *err,
                                   struct hm_counters_front *ret_front)
{
    struct hm_counters_front front = {.is_known = true};

    if (!take_number(&text, "Active connections:", &front.active) ||
        !take_number(&text, "requests\n", &front.accepted) ||
        !take_number(&text, " ", &front.handled) || !take_number(&text, " ", &front.requests) ||
        !take_number(&text, "Reading:", &front.reading) ||
        !take_number(&text, "Writing:", &front.writing) ||
        !take_number(&text, "Waiting:", &front.waiting))
        return hm_fail(err, HM_EFORMAT, "this is not nginx's status");
    *ret_front = front;
    return HM_OK;
}

/* --- text --- */

static enum hm_rc write_one(struct hm_buf *text, const char *name, const char *kind,
                            const char *help, uint64_t value, struct hm_err *err)
{
    return hm_buf_append_fmt(text, err, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name,
                             kind, name, (unsigned long long)value);
}

static enum hm_rc write_front(const struct hm_counters_front *front, struct hm_err *err,
                              struct hm_buf *text)
{
    HM_TRY(write_one(text, "hallmark_front_connections", "gauge", "Open connections.",
                     front->active, err));
    HM_TRY(write_one(text, "hallmark_front_connections_waiting", "gauge",
                     "Connections that are kept open without a request.", front->waiting, err));
    HM_TRY(write_one(text, "hallmark_front_connections_total", "counter",
                     "Connections that were accepted.", front->accepted, err));
    return write_one(text, "hallmark_front_requests_total", "counter", "Requests.", front->requests,
                     err);
}

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static enum hm_rc write_ledger(const struct hm_counters_ledger *ledger, struct hm_err *err,
                               struct hm_buf *text)
{
    const struct {
        const char *state;
        const uint64_t *count;
    } states[] = {
        {"requested", &ledger->requested},    {"offered", &ledger->offered},
        {"served-unacked", &ledger->unacked}, {"acknowledged", &ledger->acknowledged},
        {"rejected", &ledger->rejected},      {"served-unsigned", &ledger->unsigned_transfers},
    };

    HM_TRY(hm_buf_append_str(text,
                             "# HELP hallmark_deliveries Deliveries in the ledger, by state.\n"
                             "# TYPE hallmark_deliveries gauge\n",
                             err));
    for (size_t i = 0; i < HM_ARRAY_COUNT(states); i++)
        HM_TRY(hm_buf_append_fmt(text, err, "hallmark_deliveries{state=\"%s\"} %llu\n",
                                 states[i].state, (unsigned long long)load(states[i].count)));
    HM_TRY(write_one(text, "hallmark_deliveries_keys", "gauge", "Keys of clients.",
                     load(&ledger->keys), err));
    HM_TRY(write_one(text, "hallmark_deliveries_pending", "gauge",
                     "Statements that are not in the deliveries log yet.",
                     load(&ledger->leaves_pending), err));
    return write_one(text, "hallmark_deliveries_gaps", "gauge",
                     "Times in which transfers may have gone uncounted.", load(&ledger->gaps), err);
}

/* How long batches took, flush and all, as a histogram. */
static enum hm_rc write_batches(const struct hm_counters_deliveries *deliveries, struct hm_err *err,
                                struct hm_buf *text)
{
    uint64_t sum = 0;

    HM_TRY(hm_buf_append_str(
        text,
        "# HELP hallmark_deliveries_flush_seconds How long batches took, flush and all.\n"
        "# TYPE hallmark_deliveries_flush_seconds histogram\n",
        err));
    for (size_t i = 0; i < HM_COUNTERS_BATCH_TIMES; i++) {
        sum += load(&deliveries->batch_times[i]);
        if (i < HM_ARRAY_COUNT(batch_times_ms))
            HM_TRY(hm_buf_append_fmt(
                text, err, "hallmark_deliveries_flush_seconds_bucket{le=\"%lld.%03lld\"} %llu\n",
                (long long)batch_times_ms[i] / 1000, (long long)batch_times_ms[i] % 1000,
                (unsigned long long)sum));
    }
    return hm_buf_append_fmt(
        text, err,
        "hallmark_deliveries_flush_seconds_bucket{le=\"+Inf\"} %llu\n"
        "hallmark_deliveries_flush_seconds_sum %llu.%03llu\n"
        "hallmark_deliveries_flush_seconds_count %llu\n",
        (unsigned long long)sum, (unsigned long long)load(&deliveries->batch_ms) / 1000,
        (unsigned long long)load(&deliveries->batch_ms) % 1000, (unsigned long long)sum);
}

static enum hm_rc write_deliveries(const struct hm_counters_deliveries *deliveries,
                                   struct hm_err *err, struct hm_buf *text)
{
    const struct {
        const char *name, *kind, *help;
        uint64_t value;
    } members[] = {
        {"hallmark_deliveries_batches_total", "counter", "Batches, each with one flush.",
         load(&deliveries->batches)},
        {"hallmark_deliveries_batched_total", "counter", "Requests that were done in batches.",
         load(&deliveries->batched)},
        {"hallmark_deliveries_failures_total", "counter",
         "Batches that could not be kept, and were not acknowledged.",
         load(&deliveries->failed_batches)},
        {"hallmark_deliveries_collected_total", "counter",
         "Transfers of images that the collector handed over.", load(&deliveries->collected)},
        {"hallmark_deliveries_unread_total", "counter",
         "Lines of the log of transfers that could not be read.", load(&deliveries->unread)},
        {"hallmark_deliveries_silences_total", "counter",
         "How often the collector did not answer in time.", load(&deliveries->silences)},
        {"hallmark_deliveries_restarts_total", "counter",
         "How often the process of deliveries died and was started again.",
         load(&deliveries->restarts)},
        {"hallmark_collector_restarts_total", "counter",
         "How often the collector died and was started again.",
         load(&deliveries->collector_restarts)},
        {"hallmark_deliveries_up", "gauge", "1 while the process of deliveries runs.",
         __atomic_load_n(&deliveries->up, __ATOMIC_RELAXED)},
        {"hallmark_collector_up", "gauge", "1 while the collector runs.",
         __atomic_load_n(&deliveries->collector_up, __ATOMIC_RELAXED)},
    };

    HM_TRY(hm_buf_append_str(text,
                             "# HELP hallmark_deliveries_answers_total Answers, by status.\n"
                             "# TYPE hallmark_deliveries_answers_total counter\n",
                             err));
    for (size_t i = 0; i < HM_COUNTERS_DELIVERY_STATUSES; i++)
        HM_TRY(hm_buf_append_fmt(
            text, err, "hallmark_deliveries_answers_total{status=\"%u\"} %llu\n",
            delivery_statuses[i], (unsigned long long)load(&deliveries->answers[i])));
    for (size_t i = 0; i < HM_ARRAY_COUNT(members); i++)
        HM_TRY(write_one(text, members[i].name, members[i].kind, members[i].help, members[i].value,
                         err));
    HM_TRY(write_batches(deliveries, err, text));
    return write_ledger(&deliveries->ledger, err, text);
}

enum hm_rc hm_counters_write(const struct hm_counters *counters,
                             const struct hm_counters_front *front, struct hm_err *err,
                             struct hm_buf *ret_text)
{
    HM_TRY(hm_buf_append_str(ret_text,
                             "# HELP hallmark_decisions_total Decisions on requests, by status.\n"
                             "# TYPE hallmark_decisions_total counter\n",
                             err));
    for (size_t i = 0; i < HM_COUNTERS_STATUSES; i++)
        HM_TRY(hm_buf_append_fmt(ret_text, err, "hallmark_decisions_total{status=\"%u\"} %llu\n",
                                 statuses[i], (unsigned long long)load(&counters->decisions[i])));
    HM_TRY(write_one(ret_text, "hallmark_worker_restarts_total", "counter",
                     "Decision workers that died and were started again.",
                     load(&counters->worker_restarts), err));
    HM_TRY(write_one(ret_text, "hallmark_front_restarts_total", "counter",
                     "How often nginx died and was started again.", load(&counters->nginx_restarts),
                     err));
    HM_TRY(write_one(ret_text, "hallmark_reloads_total", "counter", "Reloads on SIGHUP.",
                     load(&counters->reloads), err));
    HM_TRY(write_one(ret_text, "hallmark_accounts_generation", "gauge",
                     "Changes of customers, tokens and grants that are in force.",
                     load(&counters->generation), err));
    HM_TRY(write_one(ret_text, "hallmark_accounts_failures_total", "counter",
                     "How often a change of accounts could not be put in force.",
                     load(&counters->failed_exports), err));
    HM_TRY(write_one(ret_text, "hallmark_start_time_seconds", "gauge",
                     "When the server was started.", (uint64_t)counters->started_unix_s, err));
    HM_TRY(write_one(ret_text, "hallmark_workers_up", "gauge", "Decision workers that run.",
                     __atomic_load_n(&counters->workers_up, __ATOMIC_RELAXED), err));
    HM_TRY(write_one(ret_text, "hallmark_front_up", "gauge", "1 while nginx runs.",
                     __atomic_load_n(&counters->nginx_up, __ATOMIC_RELAXED), err));
    if (__atomic_load_n(&counters->deliveries.is_kept, __ATOMIC_RELAXED) != 0)
        HM_TRY(write_deliveries(&counters->deliveries, err, ret_text));
    return front->is_known ? write_front(front, err, ret_text) : HM_OK;
}
