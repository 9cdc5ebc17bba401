/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of deliveries: how many it takes a second, with real signatures and real flushes, and
 * how long a page of a large one takes.
 *
 *   bench_ledger SITE NAME PATH pairs       requests and their acks, many to one flush
 *   bench_ledger SITE NAME PATH rows COUNT  a ledger of so many deliveries: the newest hundred, and
 *                                           how many there are, of a customer and of an image
 *
 * SITE is a published site of that name that has released PATH and keeps deliveries; its ledger is
 * no use afterwards. "rows" makes rows without notes, which lists do not read.
 */
#include "bench.h"

#include "base/num.h"
#include "ledger/ledger_list.h"
#include "ledger/ledger_schema.h"
#include "ledger_client.h"

#define PAIRS    1024 /* a round */
#define BATCH    64   /* of one flush */
#define CHUNK    100000
#define ACCOUNTS 1000
#define ASKED    25 /* lists of each kind */

static double wall_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

struct pairs {
    struct ledger_client client;
    struct hm_ledger *ledger;
    struct hm_buf notes[PAIRS];
    struct hm_ledger_ask asks[PAIRS];
    double wall_ms, cpu_ms;
};

static void take_all(struct pairs *pairs, enum hm_ledger_ask_kind kind)
{
    double wall, cpu;

    for (size_t i = 0; i < PAIRS; i++) {
        pairs->asks[i].kind = kind;
        pairs->asks[i].account = CLIENT_CUSTOMER;
        pairs->asks[i].body = hm_buf_bytes(&pairs->notes[i]);
    }
    wall = wall_ms();
    cpu = bench_cpu_ms();
    for (size_t i = 0; i < PAIRS; i += BATCH)
        BENCH_CHECK(hm_ledger_take(pairs->ledger, &pairs->asks[i], BATCH, hm_time_now_unix_s(),
                                   NULL) == HM_OK);
    pairs->wall_ms += wall_ms() - wall;
    pairs->cpu_ms += bench_cpu_ms() - cpu;
    for (size_t i = 0; i < PAIRS; i++)
        BENCH_CHECK(pairs->asks[i].status == 200);
}

static void enrol(struct pairs *pairs)
{
    struct hm_ledger_ask ask = HM_LEDGER_ASK_INIT;

    client_key(&pairs->client);
    client_key_note(&pairs->client, &pairs->notes[0]);
    ask.kind = HM_LEDGER_KEY;
    ask.account = CLIENT_CUSTOMER;
    ask.body = hm_buf_bytes(&pairs->notes[0]);
    BENCH_CHECK(hm_ledger_take(pairs->ledger, &ask, 1, hm_time_now_unix_s(), NULL) == HM_OK);
    BENCH_CHECK(ask.status == 200);
    hm_buf_done(&ask.answer);
}

static void measure_pairs(const char *site, const char *name, const char *path)
{
    static struct pairs pairs;
    struct hm_ledger_site *opened = client_open(site);
    double rates[BENCH_ROUNDS], costs[BENCH_ROUNDS];
    double rate;

    pairs.ledger = hm_ledger_site_ledger(opened);
    for (size_t i = 0; i < PAIRS; i++) {
        pairs.notes[i] = (struct hm_buf)HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);
        pairs.asks[i] = (struct hm_ledger_ask)HM_LEDGER_ASK_INIT;
    }
    client_read(&pairs.client, hm_ledger_site_public(opened), name, path);
    enrol(&pairs);
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        pairs.wall_ms = pairs.cpu_ms = 0;
        for (size_t i = 0; i < PAIRS; i++)
            client_say(&pairs.client, NULL, &pairs.notes[i]);
        take_all(&pairs, HM_LEDGER_REQUEST);
        for (size_t i = 0; i < PAIRS; i++) {
            struct hm_sha256 offer = client_hash(&pairs.asks[i].answer);

            client_say(&pairs.client, &offer, &pairs.notes[i]);
        }
        take_all(&pairs, HM_LEDGER_ANSWER);
        rates[round] = PAIRS / pairs.wall_ms * 1e3;
        costs[round] = pairs.cpu_ms / PAIRS * 1e3;
    }
    rate = bench_median(rates, BENCH_ROUNDS);
    (void)printf("deliveries_per_second %.0f /s >=1000 - %s\n", rate,
                 rate >= 1000 ? "met" : "not met");
    (void)bench_report("cpu_per_delivery", bench_median(costs, BENCH_ROUNDS), "us", 600);
    hm_ledger_site_free(opened);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Half of all are of one customer, a third of one image: the rest are spread over a thousand. */
static const char insert_rows[] =
    "INSERT INTO delivery (account, key, image, state, requested, expires, answered, written)"
    " WITH RECURSIVE c (x) AS (VALUES (?1) UNION ALL SELECT x + 1 FROM c WHERE x + 1 < ?2)"
    " SELECT CASE WHEN x % 2 = 0 THEN 1 ELSE x / 2 * 7919 % ?3 + 1 END, 1,"
    " CASE WHEN x % 3 = 0 THEN 1 ELSE x / 3 * 104729 % ?3 + 1 END, 3 + x % 3, 1700000000 + x / 10,"
    " 1700086400 + x / 10, 1700000060 + x / 10, 16777216 FROM c";

static void run_sql(struct hm_database *database, const char *sql, int64_t a, int64_t b, int64_t c)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    struct hm_err err = HM_ERR_INIT;

    client_must(hm_database_query_new(database, sql, &err, &query), &err);
    hm_database_query_int(query, 1, a);
    if (b != 0)
        hm_database_query_int(query, 2, b);
    if (c != 0)
        hm_database_query_int(query, 3, c);
    client_must(hm_database_query_run(query, &err), &err);
}

static void fill(const struct hm_dir *private_dir, uint64_t count)
{
    _hm_free_(hm_database_close) struct hm_database *database = NULL;
    struct hm_err err = HM_ERR_INIT;

    client_must(hm_database_open(private_dir, "deliveries/deliveries.db", &hm_ledger_schema,
                                 HM_DATABASE_CHANGE, 0, &err, &database),
                &err);
    client_must(hm_database_begin(database, true, &err), &err);
    run_sql(database,
            "INSERT INTO account (name) WITH RECURSIVE c (x) AS (VALUES (1) UNION ALL SELECT x + 1"
            " FROM c WHERE x < ?1) SELECT 'customer' || x FROM c",
            ACCOUNTS, 0, 0);
    run_sql(database,
            "INSERT INTO key (account, name, vkey, note, created) VALUES (?1, 'k', '', x'', 0)", 1,
            0, 0);
    run_sql(database,
            "INSERT INTO image (path, entry, sha256, length) WITH RECURSIVE c (x) AS (VALUES (1)"
            " UNION ALL SELECT x + 1 FROM c WHERE x < ?1) SELECT 'acme/nic/' || x || '/fw.bin', x,"
            " CAST(printf('%032d', x) AS BLOB), 16777216 FROM c",
            ACCOUNTS, 0, 0);
    client_must(hm_database_commit(database, &err), &err);
    for (uint64_t from = 0; from < count; from += CHUNK) {
        client_must(hm_database_begin(database, true, &err), &err);
        run_sql(database, insert_rows, (int64_t)from, (int64_t)(from + CHUNK), ACCOUNTS);
        client_must(hm_database_commit(database, &err), &err);
    }
}

static enum hm_rc count_row(void *ctx, const struct hm_ledger_list_row *row, struct hm_err *err)
{
    (void)row;
    (void)err;
    (*(size_t *)ctx)++;
    return HM_OK;
}

/* A page and the count, by who opens the ledger for it. */
static double ask_ms(const struct hm_dir *private_dir, const char *customer, const char *path)
{
    _hm_free_(hm_ledger_list_close) struct hm_ledger_list *list = NULL;
    struct hm_ledger_list_filter filter = {.customer = customer, .path = path, .limit = 100};
    uint64_t counts[HM_DELIVERY_REJECTED + 1];
    struct hm_err err = HM_ERR_INIT;
    double start = wall_ms();
    size_t rows = 0;

    client_must(hm_ledger_list_open(private_dir, 0, &err, &list), &err);
    client_must(hm_ledger_list_each(list, &filter, count_row, &rows, &err), &err);
    client_must(hm_ledger_list_count(list, &filter, &err, counts), &err);
    BENCH_CHECK(rows == 100);
    return wall_ms() - start;
}

static void measure_lists(const struct hm_dir *private_dir, const char *what, bool of_customer)
{
    double values[ASKED];
    char name[64];

    for (int i = 0; i < ASKED; i++) {
        int number = i * 17 + 1; /* the first is always the largest */

        if (of_customer)
            (void)snprintf(name, sizeof(name), "customer%d", number);
        else
            (void)snprintf(name, sizeof(name), "acme/nic/%d/fw.bin", number);
        values[i] = ask_ms(private_dir, of_customer ? name : NULL, of_customer ? NULL : name);
    }
    (void)snprintf(name, sizeof(name), "largest_%s", what);
    (void)bench_report(name, values[0], "ms", 50);
    (void)snprintf(name, sizeof(name), "median_%s", what);
    (void)bench_report(name, bench_median(values, ASKED), "ms", 50);
    (void)snprintf(name, sizeof(name), "slowest_%s", what);
    (void)bench_report(name, values[ASKED - 1], "ms", 50);
}

static void measure_rows(const char *site, uint64_t count)
{
    _hm_free_(hm_site_free) struct hm_site *opened = NULL;
    struct hm_err err = HM_ERR_INIT;

    hm_ledger_site_free(client_open(site)); /* makes the tables */
    client_must(hm_site_open(site, HM_SITE_READ, 0, hm_time_now_unix_s(), &err, &opened), &err);
    fill(&opened->private_dir, count);
    measure_lists(&opened->private_dir, "customer", true);
    measure_lists(&opened->private_dir, "image", false);
}

int main(int argc, char **argv)
{
    uint64_t count = 0;

    if (argc == 5 && strcmp(argv[4], "pairs") == 0)
        measure_pairs(argv[1], argv[2], argv[3]);
    else if (argc == 6 && strcmp(argv[4], "rows") == 0 &&
             hm_num_parse_u64(argv[5], strlen(argv[5]), &count) == HM_OK)
        measure_rows(argv[1], count);
    else
        return fputs("usage: bench_ledger SITE NAME PATH pairs | rows COUNT\n", stderr) < 0 ? 4 : 2;
    return 0;
}
