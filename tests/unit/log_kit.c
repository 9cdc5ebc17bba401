/* SPDX-License-Identifier: Apache-2.0 */
/* A log in memory. See log_kit.h. */
#include "log_kit.h"

#include "tlog/add_checkpoint.h"

#define REQUIRE(call)                                                                              \
    do {                                                                                           \
        if ((call) != HM_OK) {                                                                     \
            (void)fprintf(stderr, "%s:%d: %s failed\n", __FILE__, __LINE__, #call);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

struct log_kit_signer log_kit_signer_make(const char *name, enum hm_note_kind kind, uint8_t seed)
{
    struct log_kit_signer made = {NULL, NULL};
    uint8_t bytes[32];

    memset(bytes, seed, sizeof(bytes));
    if (kind == HM_NOTE_COSIGNATURE_ML_DSA)
        REQUIRE(hm_signer_generate("ml-dsa-44", NULL, &made.signer));
    else
        REQUIRE(hm_signer_parse_seed(hm_bytes_make(bytes, sizeof(bytes)), NULL, &made.signer));
    REQUIRE(hm_note_key_make(name, kind, hm_signer_key(made.signer), NULL, &made.key));
    return made;
}

void log_kit_signer_done(struct log_kit_signer *signer)
{
    hm_note_key_free(signer->key);
    hm_signer_free(signer->signer);
    *signer = (struct log_kit_signer){NULL, NULL};
}

const char *log_kit_vkey(const struct log_kit_signer *signer)
{
    static char texts[4][HM_NOTE_KEY_TEXT_SIZE_MAX + 1];
    static unsigned next;
    struct hm_buf buf = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX + 1);
    char *text = texts[next++ % 4];

    REQUIRE(hm_note_key_write(signer->key, NULL, &buf));
    memcpy(text, hm_buf_str(&buf), buf.size + 1);
    hm_buf_done(&buf);
    return text;
}

struct log_kit log_kit_make(void)
{
    return (struct log_kit){
        .signer = log_kit_signer_make(LOG_KIT_ORIGIN, HM_NOTE_ED25519, 1),
        .fork = LOG_KIT_NO_FORK,
    };
}

void log_kit_done(struct log_kit *kit)
{
    log_kit_signer_done(&kit->signer);
}

struct walk {
    const struct log_kit *kit;
    struct hm_digest *digest;
};

static enum hm_rc node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                       struct hm_sha256 *ret_hash)
{
    struct walk *walk = ctx;
    struct hm_sha256 left;
    struct hm_sha256 right;
    char entry[64];

    if (level == 0 && walk->kit->entries != NULL)
        return hm_merkle_leaf(walk->digest, hm_bytes_str(walk->kit->entries[index]), err, ret_hash);
    if (level == 0) {
        (void)snprintf(entry, sizeof(entry), "%s %llu", index >= walk->kit->fork ? "fork" : "entry",
                       (unsigned long long)index);
        return hm_merkle_leaf(walk->digest, hm_bytes_str(entry), err, ret_hash);
    }
    HM_TRY(node(ctx, level - 1, 2 * index, err, &left));
    HM_TRY(node(ctx, level - 1, 2 * index + 1, err, &right));
    return hm_merkle_node(walk->digest, &left, &right, err, ret_hash);
}

static struct walk walk_make(const struct log_kit *kit)
{
    struct walk walk = {.kit = kit};

    REQUIRE(hm_digest_new(HM_DIGEST_SHA256, NULL, &walk.digest));
    return walk;
}

struct hm_sha256 log_kit_root(const struct log_kit *kit, uint64_t size)
{
    struct walk walk = walk_make(kit);
    struct hm_merkle_source source = {node, &walk};
    struct hm_sha256 root;

    REQUIRE(hm_merkle_root(walk.digest, &source, size, NULL, &root));
    hm_digest_free(walk.digest);
    return root;
}

struct hm_merkle_proof log_kit_proof(const struct log_kit *kit, uint64_t old_size, uint64_t size)
{
    struct walk walk = walk_make(kit);
    struct hm_merkle_source source = {node, &walk};
    struct hm_merkle_proof proof;

    REQUIRE(hm_merkle_prove_consistency(walk.digest, &source, old_size, size, NULL, &proof));
    hm_digest_free(walk.digest);
    return proof;
}

void log_kit_text(const struct log_kit *kit, uint64_t size, struct hm_buf *buf)
{
    struct hm_checkpoint checkpoint = {
        .origin = kit->signer.key->name_bytes, .size = size, .root = log_kit_root(kit, size)};

    hm_buf_clear(buf);
    REQUIRE(hm_checkpoint_write(&checkpoint, NULL, buf));
}

void log_kit_note(const struct log_kit *kit, uint64_t size, struct hm_buf *buf)
{
    struct hm_buf text = HM_BUF_INIT(HM_CHECKPOINT_TEXT_SIZE_MAX);

    log_kit_text(kit, size, &text);
    hm_buf_clear(buf);
    REQUIRE(hm_note_write_text(hm_buf_bytes(&text), NULL, buf));
    REQUIRE(hm_note_sign(hm_buf_bytes(&text), kit->signer.key, kit->signer.signer, 0, NULL, buf));
    hm_buf_done(&text);
}

void log_kit_request(const struct log_kit *kit, uint64_t old_size, uint64_t size,
                     struct hm_buf *buf)
{
    struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_add_checkpoint request = {.old_size = old_size};

    if (old_size > 0 && old_size < size)
        request.proof = log_kit_proof(kit, old_size, size);
    log_kit_note(kit, size, &note);
    request.checkpoint = hm_buf_bytes(&note);
    hm_buf_clear(buf);
    REQUIRE(hm_add_checkpoint_write(&request, NULL, buf));
    hm_buf_done(&note);
}
