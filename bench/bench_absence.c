/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proof of absence: evidence that a product, or one version of it, was never published, at ten
 * thousand to a million products in a log of as many entries, with three witnesses. How large the
 * file is, what it takes to make it (of the map in memory, and of the files that a site serves) and
 * to check it offline, and what one change of the map costs.
 */
#include "bench.h"

#include "../tests/unit/trust_kit.h"
#include "base/text.h"
#include "evidence/check.h"
#include "evidence/evidence_make.h"
#include "tlog/release_map.h"

#define ORIGIN    "firmware.example/log"
#define NOW       1790000000
#define WITNESSES 3
#define VERSIONS  100 /* of the product that is asked about */
#define UPDATES   20000
#define ROUNDS    400
#define FILES     20 /* rounds that read a site's files */
#define PRODUCT   "acme/nic"

static const enum kit_key keys[1 + WITNESSES] = {KIT_RECALL, KIT_ACME1, KIT_ACME2, KIT_ACME3};

/* A site, its log of size entries, its map. */
struct world {
    uint64_t size;
    struct hm_digest *digest;
    struct hm_note_key *notes[1 + WITNESSES];
    struct hm_buf root; /* root.json */
    struct hm_buf list; /* of the product */
    struct hm_map *map;
    struct hm_sha256 map_root;
    char newest[1024];          /* the snapshot's entry, the last of the log */
    struct hm_sha256 alike[64]; /* nodes over entries that are all alike */
    struct hm_buf note;
    struct hm_merkle_proof path; /* of the newest entry */
    /* The files of the map. */
    struct hm_buf pairs;
    size_t starts[257]; /* of the pairs with this first byte */
    struct hm_sha256 top[256];
};

static void make_root(struct world *world)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(65536);

    BENCH_CHECK(hm_buf_append_str(&json, "{\"site\":\"globex\",\"log\":{\"policy\":\"", NULL) ==
                HM_OK);
    for (size_t i = 0; i <= WITNESSES; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), i == 0 ? ORIGIN : "witness.example/%zu", i);
        BENCH_CHECK(hm_note_key_make(name, i == 0 ? HM_NOTE_ED25519 : HM_NOTE_COSIGNATURE,
                                     kit_key(keys[i]), NULL, &world->notes[i]) == HM_OK);
        BENCH_CHECK(hm_buf_append_fmt(&json, NULL, i == 0 ? "log " : "witness w%zu ", i) == HM_OK);
        BENCH_CHECK(hm_note_key_write(world->notes[i], NULL, &json) == HM_OK);
        BENCH_CHECK(hm_buf_append_str(&json, "\\n", NULL) == HM_OK);
    }
    BENCH_CHECK(hm_buf_append_str(&json, "group g 2 w1 w2 w3\\nquorum g\\n\"}}", NULL) == HM_OK);
    kit_root(hm_buf_str(&json), &world->root);
}

static void make_list(struct world *world, struct hm_sha256 *ret_value)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;

    BENCH_CHECK(hm_release_list_new(NULL, &list) == HM_OK);
    for (size_t i = 0; i < VERSIONS; i++) {
        _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
        char hex[HM_SHA256_HEX_SIZE];
        char text[512];

        hm_text_hex(hm_bytes_make(world->alike[i % 64].bytes, HM_SHA256_SIZE), hex);
        (void)snprintf(text, sizeof(text),
                       "hallmark/release v1\nsite globex\npath " PRODUCT "/1.%zu\n"
                       "image nic.rom %s 262144\nrole release~acme 2\n",
                       i, hex);
        BENCH_CHECK(hm_entry_parse(hm_bytes_str(text), NULL, &entry) == HM_OK);
        BENCH_CHECK(hm_release_list_add(list, entry, i, NULL) == HM_OK);
    }
    BENCH_CHECK(hm_release_list_write(list, NULL, &world->list) == HM_OK);
    BENCH_CHECK(hm_release_list_value(list, NULL, ret_value) == HM_OK);
}

static struct hm_sha256 key_of(uint64_t number)
{
    struct hm_sha256 key;
    char product[64];

    (void)snprintf(product, sizeof(product), "maker%llu/product%llu",
                   (unsigned long long)(number % 1000), (unsigned long long)number);
    BENCH_CHECK(hm_release_map_product_key(hm_bytes_str(product), NULL, &key) == HM_OK);
    return key;
}

static void make_map(struct world *world)
{
    struct hm_sha256 value;
    struct hm_sha256 key;

    make_list(world, &value);
    BENCH_CHECK(hm_map_new(NULL, &world->map) == HM_OK);
    BENCH_CHECK(hm_release_map_product_key(hm_bytes_str(PRODUCT), NULL, &key) == HM_OK);
    BENCH_CHECK(hm_map_set(world->map, &key, &value, NULL) == HM_OK);
    for (uint64_t i = 1; i < world->size; i++) {
        key = key_of(i);
        BENCH_CHECK(hm_map_set(world->map, &key, &value, NULL) == HM_OK);
    }
    BENCH_CHECK(hm_map_root(world->map, NULL, &world->map_root) == HM_OK);
}

/* All entries are alike but for the newest. */
static enum hm_rc node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                       struct hm_sha256 *ret_hash)
{
    const struct world *world = ctx;
    struct hm_sha256 left;
    struct hm_sha256 right;

    if ((world->size - 1) >> level != index) {
        *ret_hash = world->alike[level];
        return HM_OK;
    }
    if (level == 0)
        return hm_merkle_leaf(world->digest, hm_bytes_str(world->newest), err, ret_hash);
    HM_TRY(node(ctx, level - 1, 2 * index, err, &left));
    HM_TRY(node(ctx, level - 1, 2 * index + 1, err, &right));
    return hm_merkle_node(world->digest, &left, &right, err, ret_hash);
}

static void make_log(struct world *world)
{
    const struct hm_merkle_source source = {.node = node, .ctx = world};
    struct hm_checkpoint checkpoint = {.origin = HM_BYTES_LITERAL(ORIGIN), .size = world->size};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096);
    char hex[2][HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(world->alike[0].bytes, HM_SHA256_SIZE), hex[0]);
    hm_text_hex(hm_bytes_make(world->map_root.bytes, HM_SHA256_SIZE), hex[1]);
    (void)snprintf(world->newest, sizeof(world->newest),
                   "hallmark/snapshot v1\nsite globex\nsnapshot 4711 %s 20480\nroot 1 %s\n"
                   "map %s %llu\nentries %llu 1\n",
                   hex[0], hex[0], hex[1], (unsigned long long)world->size,
                   (unsigned long long)world->size - 2);
    BENCH_CHECK(hm_merkle_root(world->digest, &source, world->size, NULL, &checkpoint.root) ==
                HM_OK);
    BENCH_CHECK(hm_merkle_prove_inclusion(world->digest, &source, world->size - 1, world->size,
                                          NULL, &world->path) == HM_OK);
    BENCH_CHECK(hm_checkpoint_write(&checkpoint, NULL, &text) == HM_OK);
    BENCH_CHECK(hm_note_write_text(hm_buf_bytes(&text), NULL, &world->note) == HM_OK);
    for (size_t i = 0; i <= WITNESSES; i++)
        BENCH_CHECK(hm_note_sign(hm_buf_bytes(&text), world->notes[i], kit_signer(keys[i]), NOW,
                                 NULL, &world->note) == HM_OK);
}

static struct world *make_world(uint64_t size)
{
    struct world *world = calloc(1, sizeof(*world));

    BENCH_CHECK(world != NULL);
    world->size = size;
    world->root = (struct hm_buf)HM_BUF_INIT(65536);
    world->list = (struct hm_buf)HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);
    world->note = (struct hm_buf)HM_BUF_INIT(65536);
    world->pairs = (struct hm_buf)HM_BUF_INIT((size_t)1 << 30);
    BENCH_CHECK(hm_digest_new(HM_DIGEST_SHA256, NULL, &world->digest) == HM_OK);
    BENCH_CHECK(hm_merkle_leaf(world->digest, HM_BYTES_LITERAL("entry"), NULL, &world->alike[0]) ==
                HM_OK);
    for (size_t i = 1; i < HM_ARRAY_COUNT(world->alike); i++)
        BENCH_CHECK(hm_merkle_node(world->digest, &world->alike[i - 1], &world->alike[i - 1], NULL,
                                   &world->alike[i]) == HM_OK);
    make_root(world);
    make_map(world);
    make_log(world);
    return world;
}

static void free_world(struct world *world)
{
    for (size_t i = 0; i <= WITNESSES; i++)
        hm_note_key_free(world->notes[i]);
    hm_map_free(world->map);
    hm_digest_free(world->digest);
    hm_buf_done(&world->root);
    hm_buf_done(&world->list);
    hm_buf_done(&world->note);
    hm_buf_done(&world->pairs);
    free(world);
}

/* ---- the proof ---- */

/* The file, of the map in memory. */
static void make_file(struct world *world, const char *path, bool has_list, struct hm_buf *ret_text)
{
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    struct hm_evidence_state state = {.checkpoint = hm_buf_bytes(&world->note),
                                      .newest_index = world->size - 1,
                                      .newest = hm_bytes_str(world->newest),
                                      .newest_hashes = world->path.hashes,
                                      .newest_hash_count = world->path.count,
                                      .has_list = has_list,
                                      .list = hm_buf_bytes(&world->list)};
    struct hm_sha256 key;

    BENCH_CHECK(hm_release_map_product_key(hm_bytes_str(has_list ? PRODUCT : "acme/raid"), NULL,
                                           &key) == HM_OK);
    BENCH_CHECK(hm_map_prove(world->map, &key, NULL, &proof) == HM_OK);
    state.map = hm_buf_bytes(&proof);
    BENCH_CHECK(hm_evidence_make_map(HM_EVIDENCE_ABSENT, "globex", path, &state, NULL, &evidence) ==
                HM_OK);
    BENCH_CHECK(hm_evidence_write(evidence, NULL, ret_text) == HM_OK);
}

/* By a trusted root, which is read and verified each time. */
static void check_file(const struct world *world, struct hm_bytes text)
{
    const struct hm_log_demands demands = {.now_unix_s = NOW};
    _hm_free_(hm_basis_free) struct hm_basis *basis = NULL;
    _hm_free_(hm_report_free) struct hm_report *report = NULL;

    BENCH_CHECK(hm_basis_new(hm_buf_bytes(&world->root), &demands, NULL, &basis) == HM_OK);
    BENCH_CHECK(hm_check_file(text, basis, NULL, &report) == HM_OK);
    BENCH_CHECK(report->rc == HM_OK && report->is_witnessed);
}

/* Bytes of the list as it stands in the file. */
static size_t quoted_size(struct hm_bytes list)
{
    size_t size = list.size + strlen("list\n");

    for (size_t i = 0; i < list.size; i++) {
        if (list.data[i] == '\n')
            size += i > 0 && list.data[i - 1] == '\n' ? 1 : 2; /* "|", or "| " */
    }
    return size;
}

static void bench_file(struct world *world, const char *what, const char *path, bool has_list)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    double made[BENCH_ROUNDS];
    double checked[BENCH_ROUNDS];
    char name[96];
    size_t list;

    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        double start = bench_cpu_ms();

        for (size_t i = 0; i < ROUNDS; i++) {
            hm_buf_clear(&text);
            make_file(world, path, has_list, &text);
        }
        made[round] = (bench_cpu_ms() - start) * 1e3 / ROUNDS;
        start = bench_cpu_ms();
        for (size_t i = 0; i < ROUNDS; i++)
            check_file(world, hm_buf_bytes(&text));
        checked[round] = (bench_cpu_ms() - start) * 1e3 / ROUNDS;
    }
    list = has_list ? quoted_size(hm_buf_bytes(&world->list)) : 0;
    (void)snprintf(name, sizeof(name), "absent-%s-text-at-%llu", what,
                   (unsigned long long)world->size);
    (void)bench_report(name, (double)(text.size - list), "bytes", 3000);
    (void)snprintf(name, sizeof(name), "absent-%s-made-and-verified-at-%llu", what,
                   (unsigned long long)world->size);
    (void)bench_report(name, bench_median(made, BENCH_ROUNDS) + bench_median(checked, BENCH_ROUNDS),
                       "us", 1000);
    (void)printf("absent-%s-made-at-%llu %.1f us - - -\n", what, (unsigned long long)world->size,
                 bench_median(made, BENCH_ROUNDS));
}

/* ---- of a site's files ---- */

static void make_files(struct world *world)
{
    const uint8_t *data;
    size_t at = 0;

    BENCH_CHECK(hm_map_write_pairs(world->map, NULL, &world->pairs) == HM_OK);
    data = world->pairs.data;
    for (unsigned first = 0; first < 256; first++) {
        _hm_free_(hm_map_free) struct hm_map *part = NULL;

        world->starts[first] = at;
        BENCH_CHECK(hm_map_new(NULL, &part) == HM_OK);
        for (; at < world->pairs.size && data[at] == first; at += 2 * (size_t)HM_SHA256_SIZE) {
            struct hm_sha256 pair[2];

            memcpy(pair, data + at, sizeof(pair));
            BENCH_CHECK(hm_map_set(part, &pair[0], &pair[1], NULL) == HM_OK);
        }
        if (at > world->starts[first])
            BENCH_CHECK(hm_map_root(part, NULL, &world->top[first]) == HM_OK);
    }
    world->starts[256] = at;
}

static enum hm_rc get_file(void *ctx, const char *path, struct hm_err *err,
                           struct hm_buf *ret_bytes)
{
    const struct world *world = ctx;
    uint8_t first;

    if (strcmp(path, "map/top") == 0)
        return hm_buf_append(ret_bytes, hm_bytes_make(world->top, sizeof(world->top)), err);
    if (strcmp(path, "versions/" PRODUCT) == 0)
        return hm_buf_append(ret_bytes, hm_buf_bytes(&world->list), err);
    if (strncmp(path, "map/", 4) != 0 || hm_text_unhex(hm_bytes_str(path + 4), &first, 1) != HM_OK)
        return hm_fail(err, HM_ENOTFOUND, "there is no '%s'", path);
    return hm_buf_append(ret_bytes,
                         hm_bytes_make(world->pairs.data + world->starts[first],
                                       world->starts[first + 1] - world->starts[first]),
                         err);
}

/* What hallmark log does but for the transfer. */
static void bench_files(struct world *world)
{
    const struct hm_release_store store = {.get = get_file, .ctx = world};
    double values[FILES];
    char name[96];

    make_files(world);
    for (size_t round = 0; round < FILES; round++) {
        _hm_free_(hm_release_map_free) struct hm_release_map *map = NULL;
        _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
        _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
        double start = bench_cpu_ms();

        BENCH_CHECK(hm_release_map_open(&store, &world->map_root, world->size, NULL, &map) ==
                    HM_OK);
        BENCH_CHECK(hm_release_map_list(map, HM_BYTES_LITERAL(PRODUCT), NULL, &list) == HM_OK);
        BENCH_CHECK(hm_release_map_prove_product(map, HM_BYTES_LITERAL(PRODUCT), NULL, &proof) ==
                    HM_OK);
        values[round] = (bench_cpu_ms() - start) * 1e3;
    }
    (void)snprintf(name, sizeof(name), "absent-made-of-files-at-%llu",
                   (unsigned long long)world->size);
    (void)bench_report(name, bench_median(values, FILES), "us", 1000);
}

/* ---- one change ---- */

static void bench_update(struct world *world)
{
    struct hm_sha256 root = world->map_root;
    char name[96];
    double start = bench_cpu_ms();

    for (uint64_t i = 0; i < UPDATES; i++) {
        /* Half of them new products, half of them another version. */
        struct hm_sha256 key = key_of(i * 7919 % (2 * world->size));

        BENCH_CHECK(hm_map_set(world->map, &key, &root, NULL) == HM_OK);
        BENCH_CHECK(hm_map_root(world->map, NULL, &root) == HM_OK);
    }
    (void)snprintf(name, sizeof(name), "map-update-and-root-at-%llu",
                   (unsigned long long)world->size);
    (void)bench_report(name, (bench_cpu_ms() - start) * 1e3 / UPDATES, "us", 20);
}

int main(void)
{
    static const uint64_t sizes[] = {10000, 100000, 1000000};

    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes); i++) {
        struct world *world = make_world(sizes[i]);

        bench_file(world, "product", "acme/raid/2.3", false);
        bench_file(world, "version", PRODUCT "/2.3", true);
        bench_files(world);
        bench_update(world); /* last: the map is another one then */
        free_world(world);
    }
    return 0;
}
