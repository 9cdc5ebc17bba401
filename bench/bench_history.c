/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an auditor or monitor does for each snapshot of a site: the entries of
 * its batch replayed, the map computed and compared, snapshot and changed roles
 * verified, and the release compared with both roles, with the roles before and
 * with the log (trust/history.h). One release a snapshot, of a maker with its
 * own keys, roles divided by product. Everything is in memory; only the
 * checking is timed, not the making.
 */
#include "bench.h"

#include <string.h>
#include <sys/resource.h>

#include "base/text.h"
#include "crypto/signer.h"
#include "trust/history.h"
#include "trust/partition.h"
#include "tuf/snapshot.h"

#define SITE         "{\"site\":\"bench\"}"
#define EXPIRES      INT64_C(4102444800)
#define PRODUCTS_MAX 1000
#define HELD         2 /* versions of a role that are served */
#define GOAL         1000.0

struct role {
    struct hm_targets *content;
    struct hm_buf raw[HELD]; /* by version modulo HELD */
    const struct hm_signer *signer;
    char name[HM_LAYOUT_ROLE_SIZE_MAX];
};

struct bench {
    struct hm_signer *root, *online, *targets, *release, *maker;
    struct role top, above[2];             /* targets; release~acme, maker~acme */
    struct role products[2][PRODUCTS_MAX]; /* the vendor's, the maker's */
    size_t product_count;
    struct hm_buf root_raw, snapshot_raw, identity_raw;
    struct hm_sha256 root_sha256;
    struct hm_layout_maker maker_fact;
    struct hm_snapshot *snapshot;
    struct hm_replay_map *map;
    char **entries;
    size_t count, capacity;
    struct hm_history *history;
    struct hm_replay *replay;
    size_t batches, findings;
};

#define OK(call) BENCH_CHECK((call) == HM_OK)

/* ---- making
 * -----------------------------------------------------------------------------------
 */

static void sign(const struct hm_signer *signer, struct hm_bytes canonical, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(64);
    char hex[129];
    struct hm_signature signature = {.keyid = hm_bytes_str(hm_key_id(hm_signer_key(signer)))};

    OK(hm_signer_sign(signer, canonical, NULL, &raw));
    hm_text_hex(hm_buf_bytes(&raw), hex);
    signature.hex = hm_bytes_str(hex);
    hm_buf_clear(ret_raw);
    OK(hm_envelope_write(canonical, &signature, 1, NULL, ret_raw));
}

static void put_meta(struct bench *bench, const char *name, int64_t version, struct hm_bytes raw)
{
    struct hm_snapshot_meta meta = {
        .name = hm_bytes_str(name),
        .version = version,
        .facts = {.has_length = true, .length = raw.size, .has_sha256 = true}};

    OK(hm_digest_sha256(raw, NULL, &meta.facts.sha256));
    OK(hm_snapshot_put(bench->snapshot, &meta, NULL));
}

static void publish(struct bench *bench, struct role *role)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    struct hm_buf *raw = &role->raw[++role->content->document.version % HELD];

    OK(hm_targets_write(role->content, NULL, &canonical));
    sign(role->signer, hm_buf_bytes(&canonical), raw);
    put_meta(bench, role->name, role->content->document.version, hm_buf_bytes(raw));
}

static void begin_role(struct role *role, const char *name, const struct hm_signer *signer,
                       const char *x_hallmark)
{
    OK(hm_targets_new(NULL, &role->content));
    role->content->document.expires_unix_s = EXPIRES;
    role->signer = signer;
    for (size_t i = 0; i < HELD; i++)
        role->raw[i] = (struct hm_buf)HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    (void)snprintf(role->name, sizeof(role->name), "%s", name);
    if (x_hallmark != NULL)
        OK(hm_targets_set_x_hallmark(role->content, hm_bytes_str(x_hallmark), NULL));
}

static void delegate(struct hm_targets *targets, const char *name, const struct hm_signer *signer,
                     const char *pattern)
{
    const struct hm_key *key = hm_signer_key(signer);

    OK(hm_targets_delegate(targets, name, &key, 1, 1, &pattern, 1, true, NULL));
}

static void make_root(struct bench *bench)
{
    const struct hm_signer *signers[HM_ROOT_ROLE_COUNT_] = {bench->root, bench->online,
                                                            bench->online, bench->targets};
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    struct hm_root *root = NULL;

    OK(hm_root_new(NULL, &root));
    root->document.version = 1;
    root->document.expires_unix_s = EXPIRES;
    root->consistent_snapshot = true;
    OK(hm_arena_copy(&root->arena, hm_bytes_str(SITE), NULL, &root->document.x_hallmark));
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
        const struct hm_key *key = hm_signer_key(signers[i]);

        OK(hm_root_set_role(root, (enum hm_root_role)i, &key, 1, 1, NULL));
    }
    OK(hm_root_write(root, NULL, &canonical));
    sign(bench->root, hm_buf_bytes(&canonical), &bench->root_raw);
    OK(hm_digest_sha256(hm_buf_bytes(&bench->root_raw), NULL, &bench->root_sha256));
    hm_root_free(root);
}

static void make_targets(struct bench *bench)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(1 << 20);
    struct hm_targets *makers = NULL;
    struct hm_layout parts = {.site = "bench", .makers = &bench->maker_fact, .maker_count = 1};

    begin_role(&bench->top, "targets", bench->targets, NULL);
    delegate(bench->top.content, "release~acme", bench->release, "acme/*/*/*");
    OK(hm_targets_new(NULL, &makers));
    delegate(makers, "maker~acme", bench->maker, "acme/*/*/*");
    parts.delegations = makers->delegations;
    OK(hm_layout_write(&parts, NULL, &json));
    OK(hm_targets_set_x_hallmark(bench->top.content, hm_buf_bytes(&json), NULL));
    publish(bench, &bench->top);
    hm_targets_free(makers);
}

static void make_products(struct bench *bench, const char *const statements[2])
{
    static const char *const names[2] = {"release~acme", "maker~acme"};
    const struct hm_signer *signers[2] = {bench->release, bench->maker};

    for (size_t side = 0; side < 2; side++) {
        begin_role(&bench->above[side], names[side], signers[side], statements[side]);
        for (size_t i = 0; i < bench->product_count; i++) {
            struct role *role = &bench->products[side][i];
            _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(65536);
            char product[24], name[64], pattern[64];

            (void)snprintf(product, sizeof(product), "p%04zu", i);
            (void)snprintf(name, sizeof(name), "%s~%s", names[side], product);
            (void)snprintf(pattern, sizeof(pattern), "acme/%s/*/*", product);
            delegate(bench->above[side].content, name, signers[side], pattern);
            OK(hm_partition_statement(bench->above[side].content, hm_bytes_str(product), NULL,
                                      &json));
            begin_role(role, name, signers[side], hm_buf_str(&json));
            publish(bench, role);
        }
        publish(bench, &bench->above[side]);
    }
}

static void make_identity(struct bench *bench)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    const struct hm_key *key = hm_signer_key(bench->maker);
    struct hm_layout_maker *fact = &bench->maker_fact;

    OK(hm_identity_write("acme", "Acme", 1, &key, 1, 1, NULL, &canonical));
    sign(bench->maker, hm_buf_bytes(&canonical), &bench->identity_raw);
    *fact = (struct hm_layout_maker){.id = "acme",
                                     .name = "Acme",
                                     .identity_version = 1,
                                     .identity_length = bench->identity_raw.size};
    OK(hm_digest_sha256(hm_buf_bytes(&bench->identity_raw), NULL, &fact->identity_sha256));
    fact->identity_first = fact->identity_sha256;
}

/* ---- the log
 * ----------------------------------------------------------------------------------
 */

static void add(struct bench *bench, const char *text)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;

    if (bench->count == bench->capacity) {
        bench->capacity = bench->capacity == 0 ? 1024 : 2 * bench->capacity;
        bench->entries = realloc(bench->entries, bench->capacity * sizeof(*bench->entries));
        BENCH_CHECK(bench->entries != NULL);
    }
    bench->entries[bench->count] = strdup(text);
    OK(hm_entry_parse(hm_bytes_str(text), NULL, &entry));
    OK(hm_replay_map_apply(bench->map, entry, hm_bytes_str(text), bench->count, NULL, NULL));
    bench->count++;
}

static void hex_of(const struct hm_sha256 *sha256, char ret_hex[HM_SHA256_HEX_SIZE])
{
    hm_text_hex(hm_bytes_make(sha256->bytes, HM_SHA256_SIZE), ret_hex);
}

static void close_batch(struct bench *bench, size_t count)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    char text[1024], hex[3][HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256, map;
    uint64_t keys;

    bench->snapshot->document.version++;
    bench->snapshot->document.expires_unix_s = EXPIRES;
    OK(hm_snapshot_write(bench->snapshot, NULL, &canonical));
    sign(bench->online, hm_buf_bytes(&canonical), &bench->snapshot_raw);
    OK(hm_digest_sha256(hm_buf_bytes(&bench->snapshot_raw), NULL, &sha256));
    OK(hm_replay_map_root(bench->map, NULL, &map, &keys));
    hex_of(&sha256, hex[0]);
    hex_of(&bench->root_sha256, hex[1]);
    hex_of(&map, hex[2]);
    (void)snprintf(text, sizeof(text),
                   "hallmark/snapshot v1\nsite bench\nsnapshot %lld %s %zu\nroot 1 %s\n"
                   "map %s %llu\nentries %zu %zu\n",
                   (long long)bench->snapshot->document.version, hex[0], bench->snapshot_raw.size,
                   hex[1], hex[2], (unsigned long long)keys, bench->count - count, count);
    add(bench, text);
}

/* One release of product number i, with its batch. */
static void release(struct bench *bench, size_t i, size_t number)
{
    char path[128], text[1024], hex[HM_SHA256_HEX_SIZE];
    struct hm_target target = {.facts = {.has_length = true, .length = 4096, .has_sha256 = true}};
    long long versions[2];

    OK(hm_digest_sha256(hm_bytes_make(&number, sizeof(number)), NULL, &target.facts.sha256));
    hex_of(&target.facts.sha256, hex);
    (void)snprintf(path, sizeof(path), "acme/p%04zu/1.%zu/fw.bin", i, number);
    target.path = hm_bytes_str(path);
    for (size_t side = 0; side < 2; side++) {
        struct role *role = &bench->products[side][i];

        OK(hm_targets_put(role->content, &target, NULL));
        publish(bench, role);
        versions[side] = role->content->document.version;
    }
    (void)snprintf(text, sizeof(text),
                   "hallmark/release v1\nsite bench\npath "
                   "acme/p%04zu/1.%zu\nimage fw.bin %s 4096\n"
                   "role maker~acme~p%04zu %lld\nrole release~acme~p%04zu %lld\n",
                   i, number, hex, i, versions[1], i, versions[0]);
    add(bench, text);
    close_batch(bench, 1);
}

/* ---- serving
 * ----------------------------------------------------------------------------------
 */

static enum hm_rc give(struct role *role, long long version, struct hm_buf *ret_buf)
{
    return hm_buf_append(ret_buf, hm_buf_bytes(&role->raw[version % HELD]), NULL);
}

static enum hm_rc get_metadata(void *ctx, const char *name, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    struct bench *bench = ctx;
    long long version = strtoll(name, NULL, 10);
    const char *role = strchr(name, '.') + 1;
    size_t side = role[0] == 'm' ? 1 : 0;
    const char *product = strstr(role, "~p");

    if (strcmp(name, "1.root.json") == 0)
        return hm_buf_append(ret_buf, hm_buf_bytes(&bench->root_raw), err);
    if (strcmp(role, "root.json") == 0)
        return hm_fail(err, HM_ENOTFOUND, "no such root");
    if (strcmp(role, "snapshot.json") == 0)
        return hm_buf_append(ret_buf, hm_buf_bytes(&bench->snapshot_raw), err);
    if (strcmp(role, "targets.json") == 0)
        return give(&bench->top, version, ret_buf);
    if (product == NULL)
        return give(&bench->above[side], version, ret_buf);
    return give(&bench->products[side][strtoul(product + 2, NULL, 10)], version, ret_buf);
}

static enum hm_rc get_maker(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf)
{
    struct bench *bench = ctx;

    (void)name;
    return hm_buf_append(ret_buf, hm_buf_bytes(&bench->identity_raw), err);
}

static enum hm_rc get_entry(void *ctx, uint64_t index, struct hm_err *err, struct hm_buf *ret_entry)
{
    struct bench *bench = ctx;

    return hm_buf_append_str(ret_entry, bench->entries[index], err);
}

static enum hm_rc see_finding(void *ctx, enum hm_history_kind kind, const char *subject,
                              const char *sentence, struct hm_err *err)
{
    (void)ctx;
    (void)err;
    (void)fprintf(stderr, "%s: %s: %s\n", hm_history_kind_name(kind), subject, sentence);
    exit(4);
}

static enum hm_rc see_batch(void *ctx, const struct hm_replay_batch *batch, struct hm_err *err)
{
    struct bench *bench = ctx;

    bench->batches += batch->is_good ? 1 : 0;
    return hm_history_check(bench->history, batch, hm_replay_map(bench->replay), err);
}

static enum hm_rc see_problem(void *ctx, enum hm_replay_problem problem, uint64_t index,
                              const char *sentence, struct hm_err *err)
{
    (void)ctx;
    (void)index;
    (void)err;
    (void)fprintf(stderr, "%s: %s\n", hm_replay_problem_name(problem), sentence);
    exit(4);
}

/* ---- measuring
 * --------------------------------------------------------------------------------
 */

static double check_new(struct bench *bench)
{
    double before = bench_cpu_ms();
    struct hm_err err = HM_ERR_INIT;

    while (hm_replay_next(bench->replay) < bench->count) {
        const char *entry = bench->entries[hm_replay_next(bench->replay)];

        if (hm_replay_add(bench->replay, hm_bytes_str(entry), &err) != HM_OK) {
            (void)fprintf(stderr, "%s\n", err.text);
            exit(4);
        }
    }
    return bench_cpu_ms() - before;
}

static void begin(struct bench *bench)
{
    struct hm_history_config config = {
        .source = {.get = get_metadata, .ctx = bench},
        .makers = {.get = get_maker, .ctx = bench},
        .entries = {.get = get_entry, .ctx = bench},
        .sink = {.find = see_finding, .ctx = bench},
    };
    const struct hm_replay_entries entries = {.get = get_entry, .ctx = bench};
    const struct hm_replay_sink sink = {.batch = see_batch, .problem = see_problem, .ctx = bench};
    char statement[512], hex[HM_SHA256_HEX_SIZE], text[512];
    const char *const statements[2] = {SITE, statement};

    make_root(bench);
    make_identity(bench);
    hex_of(&bench->maker_fact.identity_sha256, hex);
    (void)snprintf(statement, sizeof(statement),
                   "{\"identity\":{\"sha256\":\"%s\",\"version\":1},\"maker\":\"acme\","
                   "\"site\":\"bench\"}",
                   hex);
    make_targets(bench);
    make_products(bench, statements);
    (void)snprintf(text, sizeof(text),
                   "hallmark/maker v1\nsite bench\nmaker acme\ngrade "
                   "maker\nidentity 1 %s %zu\n"
                   "role targets 1\n",
                   hex, bench->identity_raw.size);
    {
        char root[512], root_hex[HM_SHA256_HEX_SIZE];

        hex_of(&bench->root_sha256, root_hex);
        (void)snprintf(root, sizeof(root), "hallmark/root v1\nsite bench\nroot 1 %s %zu\n",
                       root_hex, bench->root_raw.size);
        add(bench, root);
    }
    add(bench, text);
    close_batch(bench, 2);
    config.root = hm_buf_bytes(&bench->root_raw);
    OK(hm_history_open(&config, NULL, &bench->history));
    OK(hm_replay_new("bench", &entries, &sink, NULL, &bench->replay));
    (void)check_new(bench);
}

static struct bench bench;

static void run(size_t products, size_t snapshots, bool has_goal)
{
    struct rusage usage;
    double spent_ms = 0;
    double rate;

    bench = (struct bench){
        .product_count = products,
        .root_raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX),
        .snapshot_raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX),
        .identity_raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX),
    };
    OK(hm_signer_generate("ed25519", NULL, &bench.root));
    OK(hm_signer_generate("ed25519", NULL, &bench.online));
    OK(hm_signer_generate("ed25519", NULL, &bench.targets));
    OK(hm_signer_generate("ed25519", NULL, &bench.release));
    OK(hm_signer_generate("ed25519", NULL, &bench.maker));
    OK(hm_snapshot_new(NULL, &bench.snapshot));
    bench.snapshot->document.version = 0;
    OK(hm_replay_map_new(NULL, &bench.map));
    begin(&bench);
    for (size_t i = 0; i < snapshots; i++) {
        release(&bench, i % products, i);
        spent_ms += check_new(&bench);
    }
    BENCH_CHECK(bench.batches == snapshots + 1);
    rate = (double)snapshots / spent_ms * 1e3;
    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("history: %zu snapshots of %zu products checked, a second and "
                 "core %.0f /s %s%s\n",
                 snapshots, products, rate, has_goal ? ">=1000" : "-",
                 !has_goal      ? " - -"
                 : rate >= GOAL ? " - met"
                                : " - not met");
    (void)printf("history: peak memory of it all, with what is served %.0f MiB - - -\n",
                 (double)usage.ru_maxrss / 1024);
}

int main(void)
{
    bool is_quick = getenv("HALLMARK_QUICK") != NULL;

    run(100, is_quick ? 200 : 2000, true);
    run(1000, is_quick ? 200 : 2000, false);
    return 0;
}
