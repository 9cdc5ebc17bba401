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
    return front->is_known ? write_front(front, err, ret_text) : HM_OK;
}
