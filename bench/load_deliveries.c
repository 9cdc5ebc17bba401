/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generator of deliveries: many hosts of one customer at once, each with a key and a connection
 * of its own, ask for an offer and acknowledge it, again and again. The image itself is not
 * fetched.
 *
 * Usage: load_deliveries URL CA AUTHORIZATION ACCOUNT SITE INDEX LEAF PATH IMAGE LENGTH HOSTS
 *                        SECONDS RATE
 *
 * RATE: deliveries a second of all hosts; 0: as many as go. Prints one line of JSON: receipts,
 * seconds, failures, and the time from request to receipt (median and 99th percentile, ms).
 */
#include <curl/curl.h>

#include "base/num.h"
#include "base/text.h"
#include "base/time.h"
#include "bench.h"
#include "crypto/signer.h"
#include "delivery/statement.h"

#define TIMES_MAX 1000000

enum step { ENROL, REQUEST, ANSWER, IDLE };

struct target {
    const char *url, *ca, *account, *site, *path;
    struct curl_slist *headers;
    uint64_t index, length;
    struct hm_sha256 leaf, image;
};

struct host {
    const struct target *target;
    CURL *easy;
    struct hm_signer *signer;
    struct hm_note_key *key;
    struct hm_sha256 last;
    uint64_t counter;
    enum step step;
    double begin_ms, due_ms;
    struct hm_buf body, answer;
    bool is_new; /* was enrolled */
};

struct load {
    struct target target;
    CURLM *multi;
    struct host *hosts;
    size_t host_count;
    double seconds, gap_ms; /* between two deliveries of one host; 0: none */
    double end_ms;
    double *times;
    size_t receipts, failures, enrolled;
};

static double now_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* a fixed clock of the system */
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static size_t on_answer(char *data, size_t size, size_t count, void *ctx)
{
    struct host *host = ctx;

    return hm_buf_append(&host->answer, hm_bytes_make(data, size * count), NULL) == HM_OK
               ? size * count
               : 0;
}

/* --- statements --- */

static void random_digest(struct hm_sha256 *ret_digest)
{
    static uint64_t number;

    number++;
    BENCH_CHECK(hm_digest_sha256(hm_bytes_make(&number, sizeof(number)), NULL, ret_digest) ==
                HM_OK);
}

/* Signs the statement into the body; a client's own takes its place. */
static void sign(struct host *host, struct hm_statement *statement)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);

    statement->site = host->target->site;
    statement->client = host->key->name;
    statement->time_unix_s = hm_time_now_unix_s();
    if (statement->kind != HM_STATEMENT_KEY)
        statement->event = (struct hm_statement_event){1, ++host->counter, host->last};
    BENCH_CHECK(hm_statement_write(statement, NULL, &text) == HM_OK);
    hm_buf_clear(&host->body);
    BENCH_CHECK(hm_note_write_text(hm_buf_bytes(&text), NULL, &host->body) == HM_OK);
    BENCH_CHECK(hm_note_sign(hm_buf_bytes(&text), host->key, host->signer, 0, NULL, &host->body) ==
                HM_OK);
    if (statement->kind != HM_STATEMENT_KEY)
        BENCH_CHECK(hm_statement_hash(hm_buf_bytes(&text), NULL, &host->last) == HM_OK);
}

static void ask(struct load *load, struct host *host, const char *what)
{
    char url[512];

    (void)snprintf(url, sizeof(url), "%sdelivery/%s", host->target->url, what);
    hm_buf_clear(&host->answer);
    (void)curl_easy_setopt(host->easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(host->easy, CURLOPT_POSTFIELDS, host->body.data);
    (void)curl_easy_setopt(host->easy, CURLOPT_POSTFIELDSIZE, (long)host->body.size);
    BENCH_CHECK(curl_multi_add_handle(load->multi, host->easy) == CURLM_OK);
}

static void enrol(struct load *load, struct host *host)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);
    struct hm_statement statement = {.kind = HM_STATEMENT_KEY, .account = host->target->account};

    BENCH_CHECK(hm_note_key_write(host->key, NULL, &vkey) == HM_OK);
    statement.key = hm_buf_str(&vkey);
    sign(host, &statement);
    host->step = ENROL;
    ask(load, host, "key");
}

static void request(struct load *load, struct host *host)
{
    const struct target *target = host->target;
    struct hm_statement statement = {.kind = HM_STATEMENT_REQUEST,
                                     .account = target->account,
                                     .entry_index = target->index,
                                     .entry = target->leaf,
                                     .path = target->path,
                                     .image = target->image,
                                     .length = target->length,
                                     .checkpoint_size = target->index + 2};

    random_digest(&statement.nonce);
    random_digest(&statement.checkpoint_root);
    host->begin_ms = now_ms();
    sign(host, &statement);
    host->step = REQUEST;
    ask(load, host, "request");
}

static void acknowledge(struct load *load, struct host *host)
{
    struct hm_statement statement = {.kind = HM_STATEMENT_ACK,
                                     .image = host->target->image,
                                     .length = host->target->length,
                                     .program = "bench"};
    _hm_free_(hm_note_free) struct hm_note *note = NULL;

    BENCH_CHECK(hm_note_parse(hm_buf_bytes(&host->answer), NULL, &note) == HM_OK);
    BENCH_CHECK(hm_statement_hash(note->text, NULL, &statement.offer) == HM_OK);
    sign(host, &statement);
    host->step = ANSWER;
    ask(load, host, "answer");
}

/* --- the loop --- */

static void rest(struct load *load, struct host *host, double now)
{
    host->step = IDLE;
    host->due_ms = load->gap_ms == 0 ? now : host->due_ms + load->gap_ms;
}

static void on_done(struct load *load, struct host *host, CURLcode code)
{
    double now = now_ms();
    long status = 0;

    (void)curl_multi_remove_handle(load->multi, host->easy);
    (void)curl_easy_getinfo(host->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) {
        (void)fprintf(stderr, "%s: %ld %s\n", curl_easy_strerror(code), status,
                      hm_buf_str(&host->answer));
        load->failures++;
        rest(load, host, now);
        host->step = ENROL; /* it takes no part any more */
        return;
    }
    if (host->step == ENROL) {
        load->enrolled++;
        host->step = IDLE;
    } else if (host->step == REQUEST) {
        acknowledge(load, host);
    } else {
        if (load->receipts < TIMES_MAX)
            load->times[load->receipts] = now - host->begin_ms;
        load->receipts++;
        rest(load, host, now);
    }
}

/* What is ready, and what came. */
static void turn(struct load *load)
{
    int running = 0;
    int left = 0;
    CURLMsg *message;

    BENCH_CHECK(curl_multi_perform(load->multi, &running) == CURLM_OK);
    while ((message = curl_multi_info_read(load->multi, &left)) != NULL) {
        char *host = NULL;

        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &host);
        on_done(load, (struct host *)(void *)host, message->data.result);
    }
    (void)curl_multi_poll(load->multi, NULL, 0, 1, NULL);
}

static void prepare(struct load *load, struct host *host)
{
    struct hm_sha256 hash;
    char hex[HM_SHA256_HEX_SIZE];
    char name[128];

    host->target = &load->target;
    host->body = (struct hm_buf)HM_BUF_INIT(16384);
    host->answer = (struct hm_buf)HM_BUF_INIT(16384);
    BENCH_CHECK(hm_signer_generate("ed25519", NULL, &host->signer) == HM_OK);
    BENCH_CHECK(hm_note_key_make("x", HM_NOTE_ED25519, hm_signer_key(host->signer), NULL,
                                 &host->key) == HM_OK);
    BENCH_CHECK(hm_digest_sha256(hm_bytes_make(host->key->public, host->key->public_size), NULL,
                                 &hash) == HM_OK);
    hm_note_key_free(host->key);
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(name, sizeof(name), "%s/bench-%.8s", load->target.account, hex);
    BENCH_CHECK(hm_note_key_make(name, HM_NOTE_ED25519, hm_signer_key(host->signer), NULL,
                                 &host->key) == HM_OK);
    host->easy = curl_easy_init();
    BENCH_CHECK(host->easy != NULL);
    (void)curl_easy_setopt(host->easy, CURLOPT_CAINFO, load->target.ca);
    (void)curl_easy_setopt(host->easy, CURLOPT_HTTPHEADER, load->target.headers);
    (void)curl_easy_setopt(host->easy, CURLOPT_WRITEFUNCTION, on_answer);
    (void)curl_easy_setopt(host->easy, CURLOPT_WRITEDATA, host);
    (void)curl_easy_setopt(host->easy, CURLOPT_PRIVATE, host);
    (void)curl_easy_setopt(host->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    enrol(load, host);
}

static void run(struct load *load)
{
    double begin_ms;

    for (size_t i = 0; i < load->host_count; i++)
        prepare(load, &load->hosts[i]);
    while (load->enrolled + load->failures < load->host_count)
        turn(load);
    begin_ms = now_ms();
    load->end_ms = begin_ms + load->seconds * 1e3;
    for (size_t i = 0; i < load->host_count; i++)
        load->hosts[i].due_ms = begin_ms + load->gap_ms * (double)i / (double)load->host_count;
    while (now_ms() < load->end_ms) {
        double now = now_ms();

        for (size_t i = 0; i < load->host_count; i++)
            if (load->hosts[i].step == IDLE && load->hosts[i].due_ms <= now)
                request(load, &load->hosts[i]);
        turn(load);
    }
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    BENCH_CHECK(hm_num_parse_u64(text, strlen(text), &value) == HM_OK);
    return value;
}

int main(int argc, char **argv)
{
    struct load load = {.multi = NULL};
    size_t count;

    if (argc != 14) {
        (void)fprintf(stderr, "usage: load_deliveries URL CA AUTHORIZATION ACCOUNT SITE INDEX LEAF "
                              "PATH IMAGE LENGTH HOSTS SECONDS RATE\n");
        return 2;
    }
    load.target = (struct target){.url = argv[1],
                                  .ca = argv[2],
                                  .account = argv[4],
                                  .site = argv[5],
                                  .index = number(argv[6]),
                                  .path = argv[8],
                                  .length = number(argv[10])};
    load.target.headers = curl_slist_append(NULL, argv[3]);
    load.target.headers = curl_slist_append(load.target.headers, "Expect:");
    BENCH_CHECK(hm_text_unhex(hm_bytes_str(argv[7]), load.target.leaf.bytes, HM_SHA256_SIZE) ==
                HM_OK);
    BENCH_CHECK(hm_text_unhex(hm_bytes_str(argv[9]), load.target.image.bytes, HM_SHA256_SIZE) ==
                HM_OK);
    load.host_count = (size_t)number(argv[11]);
    load.seconds = (double)number(argv[12]);
    load.gap_ms =
        number(argv[13]) == 0 ? 0 : 1e3 * (double)load.host_count / (double)number(argv[13]);
    BENCH_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
    load.multi = curl_multi_init();
    load.hosts = calloc(load.host_count, sizeof(*load.hosts));
    load.times = calloc(TIMES_MAX, sizeof(*load.times));
    BENCH_CHECK(load.multi != NULL && load.hosts != NULL && load.times != NULL);
    run(&load);
    count = load.receipts < TIMES_MAX ? load.receipts : TIMES_MAX;
    qsort(load.times, count, sizeof(*load.times), bench_compare);
    (void)printf("{\"receipts\": %zu, \"seconds\": %.3f, \"failures\": %zu, \"median_ms\": %.2f, "
                 "\"p99_ms\": %.2f}\n",
                 load.receipts, load.seconds, load.failures, count == 0 ? 0 : load.times[count / 2],
                 count == 0 ? 0 : load.times[count * 99 / 100]);
    return load.receipts > 0 && load.failures == 0 ? 0 : 1;
}
