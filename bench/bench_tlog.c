/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transparency log: nodes hashed a second beside bare OpenSSL, a witnessed proof beside its four
 * signatures, and the map of releases with a million keys.
 */
#include "bench.h"

#include <openssl/evp.h>

#include "crypto/signer.h"
#include "tlog/map.h"
#include "tlog/proof.h"

#define PEER         "openssl-3"
#define NODE_COUNT   2000000
#define PROOF_ROUNDS 400
#define MAP_COUNT    1000000
#define MAP_UPDATES  100000
#define MAP_QUERIES  20000
#define TREE_SIZE    1000000
#define NOW          1790000000
#define WITNESSES    3

static void bench_nodes(void)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    double ours[BENCH_ROUNDS];
    double peer[BENCH_ROUNDS];
    struct hm_sha256 hash = {{0}};
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t bytes[65] = {1};
    double start;

    BENCH_CHECK(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest) == HM_OK);
    BENCH_CHECK(md != NULL && ctx != NULL);
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        start = bench_cpu_ms();
        for (size_t i = 0; i < NODE_COUNT; i++)
            BENCH_CHECK(hm_merkle_node(digest, &hash, &hash, NULL, &hash) == HM_OK);
        ours[round] = bench_cpu_ms() - start;
        start = bench_cpu_ms();
        for (size_t i = 0; i < NODE_COUNT; i++) {
            unsigned int size;

            BENCH_CHECK(EVP_DigestInit_ex2(ctx, md, NULL) == 1);
            BENCH_CHECK(EVP_DigestUpdate(ctx, bytes, sizeof(bytes)) == 1);
            BENCH_CHECK(EVP_DigestFinal_ex(ctx, bytes + 1, &size) == 1);
        }
        peer[round] = bench_cpu_ms() - start;
    }
    (void)bench_report_ratio("tlog-2m-nodes", bench_median(ours, BENCH_ROUNDS), 1.10, PEER,
                             bench_median(peer, BENCH_ROUNDS));
    EVP_MD_CTX_free(ctx);
    EVP_MD_free(md);
}

/* A log and its witnesses. */
struct party {
    struct hm_signer *signers[1 + WITNESSES];
    struct hm_note_key *keys[1 + WITNESSES];
    struct hm_log_policy *policy;
};

static void make_party(struct party *party)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);

    for (size_t i = 0; i <= WITNESSES; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), i == 0 ? "log.example" : "witness.example/%zu", i);
        BENCH_CHECK(hm_signer_generate("ed25519", NULL, &party->signers[i]) == HM_OK);
        BENCH_CHECK(hm_note_key_make(name, i == 0 ? HM_NOTE_ED25519 : HM_NOTE_COSIGNATURE,
                                     hm_signer_key(party->signers[i]), NULL,
                                     &party->keys[i]) == HM_OK);
        if (i == 0)
            BENCH_CHECK(hm_buf_append_str(&text, "log ", NULL) == HM_OK);
        else
            BENCH_CHECK(hm_buf_append_fmt(&text, NULL, "witness w%zu ", i) == HM_OK);
        BENCH_CHECK(hm_note_key_write(party->keys[i], NULL, &text) == HM_OK);
        BENCH_CHECK(hm_buf_append_str(&text, "\n", NULL) == HM_OK);
    }
    BENCH_CHECK(hm_buf_append_str(&text, "group g all w1 w2 w3\nquorum g\n", NULL) == HM_OK);
    BENCH_CHECK(hm_log_policy_parse(hm_buf_bytes(&text), NULL, &party->policy) == HM_OK);
}

static void free_party(struct party *party)
{
    for (size_t i = 0; i <= WITNESSES; i++) {
        hm_note_key_free(party->keys[i]);
        hm_signer_free(party->signers[i]);
    }
    hm_log_policy_free(party->policy);
}

static enum hm_rc same_node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                            struct hm_sha256 *ret_hash)
{
    (void)index;
    (void)err;
    *ret_hash = ((const struct hm_sha256 *)ctx)[level];
    return HM_OK;
}

/* The proof of the first entry in a tree of a million that are all alike. */
static void make_proof(const struct party *party, struct hm_buf *ret_proof)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(8192);
    struct hm_sha256 nodes[40];
    const struct hm_merkle_source source = {.node = same_node, .ctx = nodes};
    struct hm_checkpoint checkpoint = {.origin = HM_BYTES_LITERAL("log.example"),
                                       .size = TREE_SIZE};
    struct hm_merkle_proof path;
    struct hm_proof proof = {.index = 0};

    BENCH_CHECK(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest) == HM_OK);
    BENCH_CHECK(hm_merkle_leaf(digest, HM_BYTES_LITERAL("entry"), NULL, &nodes[0]) == HM_OK);
    for (size_t i = 1; i < HM_ARRAY_COUNT(nodes); i++)
        BENCH_CHECK(hm_merkle_node(digest, &nodes[i - 1], &nodes[i - 1], NULL, &nodes[i]) == HM_OK);
    BENCH_CHECK(hm_merkle_root(digest, &source, TREE_SIZE, NULL, &checkpoint.root) == HM_OK);
    BENCH_CHECK(hm_merkle_prove_inclusion(digest, &source, 0, TREE_SIZE, NULL, &path) == HM_OK);
    BENCH_CHECK(hm_checkpoint_write(&checkpoint, NULL, &text) == HM_OK);
    BENCH_CHECK(hm_note_write_text(hm_buf_bytes(&text), NULL, &note) == HM_OK);
    for (size_t i = 0; i <= WITNESSES; i++)
        BENCH_CHECK(hm_note_sign(hm_buf_bytes(&text), party->keys[i], party->signers[i], NOW, NULL,
                                 &note) == HM_OK);
    proof.hashes = path.hashes;
    proof.hash_count = path.count;
    proof.checkpoint = hm_buf_bytes(&note);
    BENCH_CHECK(hm_proof_write(&proof, NULL, ret_proof) == HM_OK);
}

static void verify_proof(const struct party *party, struct hm_bytes raw)
{
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

    BENCH_CHECK(hm_proof_parse(raw, NULL, &proof) == HM_OK);
    BENCH_CHECK(hm_proof_verify_entry(proof, HM_BYTES_LITERAL("entry"), party->policy, NOW, 3600,
                                      NULL, &checkpoint) == HM_OK);
}

static void bench_proof(void)
{
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(65536);
    struct party party;
    double ours[BENCH_ROUNDS];
    double peer[BENCH_ROUNDS];
    uint8_t message[128] = {0};
    uint8_t signature[64];
    size_t size = sizeof(signature);
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    double start;

    make_party(&party);
    make_proof(&party, &proof);
    BENCH_CHECK(pkey != NULL && ctx != NULL);
    BENCH_CHECK(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1);
    BENCH_CHECK(EVP_DigestSign(ctx, signature, &size, message, sizeof(message)) == 1);
    EVP_MD_CTX_free(ctx);
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        start = bench_cpu_ms();
        for (size_t i = 0; i < PROOF_ROUNDS; i++)
            verify_proof(&party, hm_buf_bytes(&proof));
        ours[round] = bench_cpu_ms() - start;
        start = bench_cpu_ms();
        for (size_t i = 0; i < (size_t)PROOF_ROUNDS * (1 + WITNESSES); i++) {
            ctx = EVP_MD_CTX_new();
            BENCH_CHECK(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1);
            BENCH_CHECK(EVP_DigestVerify(ctx, signature, size, message, sizeof(message)) == 1);
            EVP_MD_CTX_free(ctx);
        }
        peer[round] = bench_cpu_ms() - start;
    }
    /* At least 0.9 of the peer's speed. */
    (void)bench_report_ratio("tlog-proof-3-witnesses-x400", bench_median(ours, BENCH_ROUNDS),
                             1 / 0.9, PEER, bench_median(peer, BENCH_ROUNDS));
    EVP_PKEY_free(pkey);
    free_party(&party);
}

static struct hm_sha256 key_of(struct hm_digest *digest, uint64_t number)
{
    struct hm_sha256 key;

    BENCH_CHECK(hm_digest_update(digest, hm_bytes_make(&number, sizeof(number)), NULL) == HM_OK);
    BENCH_CHECK(hm_digest_final(digest, NULL, key.bytes) == HM_OK);
    return key;
}

static void bench_map(void)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    _hm_free_(hm_map_free) struct hm_map *map = NULL;
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    struct hm_sha256 root;
    double start = bench_cpu_ms();

    BENCH_CHECK(hm_digest_new(HM_DIGEST_SHA256, NULL, &digest) == HM_OK);
    BENCH_CHECK(hm_map_new(NULL, &map) == HM_OK);
    for (uint64_t i = 0; i < MAP_COUNT; i++) {
        struct hm_sha256 key = key_of(digest, i);

        BENCH_CHECK(hm_map_set(map, &key, &key, NULL) == HM_OK);
    }
    BENCH_CHECK(hm_map_root(map, NULL, &root) == HM_OK);
    (void)bench_report("map-build-per-key", (bench_cpu_ms() - start) * 1e3 / MAP_COUNT, "us", 20);
    /* One by one: a root after each. */
    start = bench_cpu_ms();
    for (uint64_t i = 0; i < MAP_UPDATES; i++) {
        struct hm_sha256 key = key_of(digest, i * 7919 % (2 * (uint64_t)MAP_COUNT));

        BENCH_CHECK(hm_map_set(map, &key, &root, NULL) == HM_OK);
        BENCH_CHECK(hm_map_root(map, NULL, &root) == HM_OK);
    }
    (void)bench_report("map-update-and-root-at-1m", (bench_cpu_ms() - start) * 1e3 / MAP_UPDATES,
                       "us", 20);
    start = bench_cpu_ms();
    for (uint64_t i = 0; i < MAP_QUERIES; i++) {
        struct hm_sha256 key = key_of(digest, (uint64_t)1 << 40 | i);

        hm_buf_clear(&proof);
        BENCH_CHECK(hm_map_prove(map, &key, NULL, &proof) == HM_OK);
        BENCH_CHECK(hm_map_verify_absent(&root, &key, hm_buf_bytes(&proof), NULL) == HM_OK);
    }
    (void)bench_report("map-absence-made-and-verified-at-1m",
                       (bench_cpu_ms() - start) * 1e3 / MAP_QUERIES, "us", 1000);
}

int main(void)
{
    bench_nodes();
    bench_proof();
    bench_map();
    return 0;
}
