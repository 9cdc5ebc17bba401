/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What src/tlog says, for tests in other languages. What is read comes on standard input, what is
 * made goes to standard output; no command of the product.
 *
 *   vkey SKEY [cosigner]                 the public half, of the log or of a witness with that key
 *   note-open VKEY...                    a note: one line a key, "signed TIME" or "absent", then
 * its text note-sign SKEY                       a text: the note cosign SKEY TIME a note: the note
 * with one more line checkpoint VKEY                      a note: origin, size, root entries FOLDER
 * VKEY                  all entries of a log in tiles, each proven: SHA-256 in hexadecimal prove
 * FOLDER SIZE inclusion INDEX    hashes in base64 prove FOLDER SIZE consistency OLD check-inclusion
 * ROOT SIZE INDEX LEAF     the hashes; roots and leaf in hexadecimal check-consistency OLDROOT OLD
 * ROOT SIZE proof-make FOLDER INDEX              the tlog-proof of an entry under FOLDER/checkpoint
 *   proof-check POLICY ENTRY NOW         a tlog-proof, with files
 *   policy-check POLICY NOW              a checkpoint
 *   ask POLICY FOLDER VKEY               a checkpoint of the log in FOLDER: cosigned by the
 * policy's witnesses, which are asked
 *   append PRIVATE PUBLIC SKEY [FIRST]   a line an entry, through the log writer; signs the
 * checkpoint
 *   append-entry PRIVATE PUBLIC          one entry, likewise; signs nothing; its index
 *
 * Exit status as hallmark's.
 */
#include <errno.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/num.h"
#include "base/text.h"
#include "base/time.h"
#include "tlog/log.h"
#include "tlog/proof.h"
#include "tlog/tile.h"
#include "tlog/witness_client.h"

#define INPUT_SIZE_MAX ((size_t)64 << 20)

static struct hm_err err = HM_ERR_INIT;
static struct hm_digest *digest;

static enum hm_rc print_bytes(struct hm_bytes bytes)
{
    if (fwrite(bytes.data, 1, bytes.size, stdout) != bytes.size)
        return hm_error_errno(&err, errno, "standard output");
    return HM_OK;
}

static enum hm_rc read_input(struct hm_buf *buf)
{
    return hm_file_read_path("-", &err, buf);
}

static enum hm_rc read_number(const char *text, uint64_t *ret_number)
{
    if (hm_num_parse_u64(text, strlen(text), ret_number) != HM_OK)
        return hm_fail(&err, HM_EUSAGE, "'%s' is no number", text);
    return HM_OK;
}

static enum hm_rc read_hash(const char *text, struct hm_sha256 *ret_hash)
{
    if (hm_text_unhex(hm_bytes_str(text), ret_hash->bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_fail(&err, HM_EUSAGE, "'%s' is no hash in hexadecimal", text);
    return HM_OK;
}

static void print_hash(const struct hm_sha256 *hash)
{
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(hash->bytes, HM_SHA256_SIZE), hex);
    (void)printf("%s\n", hex);
}

/* A key pair from an skey: of the log, or of a witness with the same name and private key. */
static enum hm_rc read_skey(const char *text, bool is_cosigner, struct hm_note_key **ret_key,
                            struct hm_signer **ret_signer)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;

    HM_TRY(hm_note_key_parse_secret(hm_bytes_str(text), &err, &key, &signer));
    if (is_cosigner)
        HM_TRY(
            hm_note_key_make(key->name, HM_NOTE_COSIGNATURE, hm_signer_key(signer), &err, ret_key));
    else
        *ret_key = hm_steal(&key);
    *ret_signer = hm_steal(&signer);
    return HM_OK;
}

static enum hm_rc run_vkey(char **args)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX + 1);

    HM_TRY(read_skey(args[0], args[1] != NULL, &key, &signer));
    HM_TRY(hm_note_key_write(key, &err, &text));
    HM_TRY(hm_buf_append_byte(&text, '\n', &err));
    return print_bytes(hm_buf_bytes(&text));
}

static enum hm_rc run_note_open(char **args)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_note_key *keys[8] = {NULL};
    struct hm_note_verdict verdicts[8];
    size_t count = 0;
    enum hm_rc rc;

    HM_TRY(read_input(&raw));
    HM_TRY(hm_note_parse(hm_buf_bytes(&raw), &err, &note));
    for (; args[count] != NULL && count < HM_ARRAY_COUNT(keys); count++)
        HM_TRY(hm_note_key_parse(hm_bytes_str(args[count]), &err, &keys[count]));
    rc = hm_note_verify(note, (const struct hm_note_key *const *)keys, count, &err, verdicts);
    for (size_t i = 0; i < count; i++) {
        if (rc == HM_OK && verdicts[i].is_signed)
            (void)printf("signed %llu\n", (unsigned long long)verdicts[i].time_s);
        else if (rc == HM_OK)
            (void)printf("absent\n");
        hm_note_key_free(keys[i]);
    }
    HM_TRY(rc);
    return print_bytes(note->text);
}

static enum hm_rc run_note_sign(char **args)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;

    HM_TRY(read_skey(args[0], false, &key, &signer));
    HM_TRY(read_input(&text));
    HM_TRY(hm_note_write_text(hm_buf_bytes(&text), &err, &note));
    HM_TRY(hm_note_sign(hm_buf_bytes(&text), key, signer, 0, &err, &note));
    return print_bytes(hm_buf_bytes(&note));
}

static enum hm_rc run_cosign(char **args)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    uint64_t time_s = 0;

    HM_TRY(read_skey(args[0], true, &key, &signer));
    HM_TRY(read_number(args[1], &time_s));
    HM_TRY(read_input(&raw));
    HM_TRY(hm_note_parse(hm_buf_bytes(&raw), &err, &note));
    HM_TRY(hm_note_sign(note->text, key, signer, time_s, &err, &raw));
    return print_bytes(hm_buf_bytes(&raw));
}

static enum hm_rc open_checkpoint(struct hm_bytes raw, const char *vkey,
                                  struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    const struct hm_note_key *keys[1];

    HM_TRY(hm_note_key_parse(hm_bytes_str(vkey), &err, &key));
    keys[0] = key;
    return hm_checkpoint_open(raw, key->name_bytes, keys, 1, &err, ret_checkpoint);
}

static enum hm_rc run_checkpoint(char **args)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

    HM_TRY(read_input(&raw));
    HM_TRY(open_checkpoint(hm_buf_bytes(&raw), args[0], &checkpoint));
    (void)printf("%.*s\n%llu\n", HM_BYTES_FMT(checkpoint->body.origin),
                 (unsigned long long)checkpoint->body.size);
    print_hash(&checkpoint->body.root);
    return HM_OK;
}

/* A log in a folder. */
struct tiles {
    struct hm_dir dir;
    struct hm_buf bytes;
    struct hm_tile_reader reader;
    struct hm_tile_source source;
};

static enum hm_rc get_tile(void *ctx, const struct hm_tile *tile, struct hm_err *error,
                           struct hm_bytes *ret_bytes)
{
    struct tiles *tiles = ctx;
    char path[HM_TILE_PATH_SIZE];

    hm_tile_path(tile, path);
    hm_buf_clear(&tiles->bytes);
    HM_TRY(hm_dir_read(&tiles->dir, path, error, &tiles->bytes));
    *ret_bytes = hm_buf_bytes(&tiles->bytes);
    return HM_OK;
}

static enum hm_rc open_tiles(const char *folder, uint64_t size, struct tiles *tiles)
{
    *tiles = (struct tiles){.dir = HM_DIR_INIT,
                            .bytes = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX),
                            .reader = {.get = get_tile, .ctx = tiles}};
    hm_tile_source_init(&tiles->source, digest, &tiles->reader, size);
    return hm_dir_open(folder, &err, &tiles->dir);
}

static void close_tiles(struct tiles *tiles)
{
    hm_buf_done(&tiles->bytes);
    hm_dir_done(&tiles->dir);
}

static enum hm_rc read_checkpoint(struct tiles *tiles, const char *vkey,
                                  struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    HM_TRY(hm_dir_read(&tiles->dir, "checkpoint", &err, &raw));
    return open_checkpoint(hm_buf_bytes(&raw), vkey, ret_checkpoint);
}

static enum hm_rc prove(struct tiles *tiles, uint64_t index, const struct hm_checkpoint *checkpoint,
                        struct hm_bytes entry, struct hm_merkle_proof *ret_proof)
{
    struct hm_sha256 leaf;

    HM_TRY(hm_merkle_leaf(digest, entry, &err, &leaf));
    HM_TRY(hm_merkle_prove_inclusion(digest, &tiles->source.source, index, checkpoint->size, &err,
                                     ret_proof));
    return hm_merkle_verify_inclusion(digest, &leaf, index, checkpoint->size, ret_proof->hashes,
                                      ret_proof->count, &checkpoint->root, &err);
}

static enum hm_rc print_bundle(struct tiles *tiles, uint64_t number,
                               const struct hm_checkpoint *checkpoint)
{
    const struct hm_tile tile = hm_tile_make(HM_TILE_ENTRIES, 0, number, checkpoint->size);
    _hm_done_(hm_buf_done) struct hm_buf bundle = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    static struct hm_bytes entries[HM_TILE_WIDTH];
    char path[HM_TILE_PATH_SIZE];
    struct hm_merkle_proof proof;
    struct hm_sha256 sha256;

    hm_tile_path(&tile, path);
    HM_TRY(hm_dir_read(&tiles->dir, path, &err, &bundle));
    HM_TRY(hm_tile_bundle_parse(hm_buf_bytes(&bundle), tile.width, &err, entries));
    for (unsigned i = 0; i < tile.width; i++) {
        HM_TRY(prove(tiles, number * HM_TILE_WIDTH + i, checkpoint, entries[i], &proof));
        HM_TRY(hm_digest_sha256(entries[i], &err, &sha256));
        print_hash(&sha256);
    }
    return HM_OK;
}

static enum hm_rc run_entries(char **args)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_done_(close_tiles) struct tiles tiles;

    HM_TRY(open_tiles(args[0], 0, &tiles));
    HM_TRY(read_checkpoint(&tiles, args[1], &checkpoint));
    hm_tile_source_init(&tiles.source, digest, &tiles.reader, checkpoint->body.size);
    for (uint64_t at = 0; at < checkpoint->body.size; at += HM_TILE_WIDTH)
        HM_TRY(print_bundle(&tiles, at / HM_TILE_WIDTH, &checkpoint->body));
    return HM_OK;
}

static enum hm_rc print_proof(const struct hm_merkle_proof *proof)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(8192);

    for (size_t i = 0; i < proof->count; i++) {
        HM_TRY(hm_base64_write(hm_bytes_make(proof->hashes[i].bytes, HM_SHA256_SIZE), &err, &text));
        HM_TRY(hm_buf_append_byte(&text, '\n', &err));
    }
    return print_bytes(hm_buf_bytes(&text));
}

static enum hm_rc run_prove(char **args)
{
    _hm_done_(close_tiles) struct tiles tiles;
    struct hm_merkle_proof proof;
    uint64_t size = 0;
    uint64_t number = 0;

    HM_TRY(read_number(args[1], &size));
    HM_TRY(read_number(args[3], &number));
    HM_TRY(open_tiles(args[0], size, &tiles));
    if (strcmp(args[2], "inclusion") == 0)
        HM_TRY(hm_merkle_prove_inclusion(digest, &tiles.source.source, number, size, &err, &proof));
    else
        HM_TRY(
            hm_merkle_prove_consistency(digest, &tiles.source.source, number, size, &err, &proof));
    return print_proof(&proof);
}

/* Hashes in base64, a line each. */
static enum hm_rc read_proof(struct hm_merkle_proof *ret_proof)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);
    struct hm_bytes rest;

    ret_proof->count = 0;
    HM_TRY(read_input(&text));
    for (rest = hm_buf_bytes(&text); rest.size > 0;) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);

        if (end == NULL || ret_proof->count == HM_MERKLE_PROOF_MAX ||
            hm_base64_read_exactly(hm_bytes_make(rest.data, (size_t)(end - rest.data)),
                                   ret_proof->hashes[ret_proof->count].bytes,
                                   HM_SHA256_SIZE) != HM_OK)
            return hm_fail(&err, HM_EFORMAT, "standard input is no list of hashes");
        ret_proof->count++;
        rest = hm_bytes_make(end + 1, rest.size - (size_t)(end - rest.data) - 1);
    }
    return HM_OK;
}

static enum hm_rc run_check_inclusion(char **args)
{
    struct hm_merkle_proof proof;
    struct hm_sha256 root;
    struct hm_sha256 leaf;
    uint64_t size = 0;
    uint64_t index = 0;

    HM_TRY(read_hash(args[0], &root));
    HM_TRY(read_number(args[1], &size));
    HM_TRY(read_number(args[2], &index));
    HM_TRY(read_hash(args[3], &leaf));
    HM_TRY(read_proof(&proof));
    return hm_merkle_verify_inclusion(digest, &leaf, index, size, proof.hashes, proof.count, &root,
                                      &err);
}

static enum hm_rc run_check_consistency(char **args)
{
    struct hm_merkle_proof proof;
    struct hm_sha256 old_root;
    struct hm_sha256 root;
    uint64_t old_size = 0;
    uint64_t size = 0;

    HM_TRY(read_hash(args[0], &old_root));
    HM_TRY(read_number(args[1], &old_size));
    HM_TRY(read_hash(args[2], &root));
    HM_TRY(read_number(args[3], &size));
    HM_TRY(read_proof(&proof));
    return hm_merkle_verify_consistency(digest, old_size, &old_root, size, &root, proof.hashes,
                                        proof.count, &err);
}

static enum hm_rc run_proof_make(char **args)
{
    _hm_done_(close_tiles) struct tiles tiles;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;
    struct hm_merkle_proof path;
    struct hm_proof proof = {.index = 0};

    HM_TRY(read_number(args[1], &proof.index));
    HM_TRY(open_tiles(args[0], 0, &tiles));
    HM_TRY(hm_dir_read(&tiles.dir, "checkpoint", &err, &raw));
    HM_TRY(hm_note_parse(hm_buf_bytes(&raw), &err, &note));
    HM_TRY(hm_checkpoint_parse(note->text, &err, &checkpoint));
    hm_tile_source_init(&tiles.source, digest, &tiles.reader, checkpoint.size);
    HM_TRY(hm_merkle_prove_inclusion(digest, &tiles.source.source, proof.index, checkpoint.size,
                                     &err, &path));
    proof.hashes = path.hashes;
    proof.hash_count = path.count;
    proof.checkpoint = hm_buf_bytes(&raw);
    HM_TRY(hm_proof_write(&proof, &err, &text));
    return print_bytes(hm_buf_bytes(&text));
}

static enum hm_rc read_policy(const char *path, struct hm_log_policy **ret_policy)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    HM_TRY(hm_file_read_path(path, &err, &text));
    return hm_log_policy_parse(hm_buf_bytes(&text), &err, ret_policy);
}

static enum hm_rc run_proof_check(char **args)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    uint64_t now = 0;

    HM_TRY(read_policy(args[0], &policy));
    HM_TRY(hm_file_read_path(args[1], &err, &entry));
    HM_TRY(read_number(args[2], &now));
    HM_TRY(read_input(&raw));
    HM_TRY(hm_proof_parse(hm_buf_bytes(&raw), &err, &proof));
    HM_TRY(hm_proof_verify_entry(proof, hm_buf_bytes(&entry), policy, (int64_t)now, 3600, &err,
                                 &checkpoint));
    (void)printf("%llu of %llu\n", (unsigned long long)proof->index,
                 (unsigned long long)checkpoint->body.size);
    return HM_OK;
}

/* Consistency proofs out of a folder of tiles. */
static enum hm_rc give_consistency(void *ctx, uint64_t old_size, uint64_t size,
                                   struct hm_err *error, struct hm_merkle_proof *ret_proof)
{
    struct tiles *tiles = ctx;

    return hm_merkle_prove_consistency(digest, &tiles->source.source, old_size, size, error,
                                       ret_proof);
}

static enum hm_rc run_ask(char **args)
{
    static struct hm_witness_client_report reports[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    static uint64_t known_sizes[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(close_tiles) struct tiles tiles;
    const struct hm_witness_client_options options = {.now_unix_s = hm_time_now_unix_s()};
    struct hm_witness_client_source source = {give_consistency, &tiles};
    enum hm_rc rc;

    HM_TRY(open_tiles(args[1], 0, &tiles));
    HM_TRY(read_policy(args[0], &policy));
    HM_TRY(read_input(&raw));
    HM_TRY(open_checkpoint(hm_buf_bytes(&raw), args[2], &checkpoint));
    hm_tile_source_init(&tiles.source, digest, &tiles.reader, checkpoint->body.size);
    rc = hm_witness_client_gather(policy, hm_buf_bytes(&raw), &source, &options, known_sizes,
                                  reports, &err, &note);
    for (size_t i = 0; i < policy->witness_count; i++)
        (void)fprintf(stderr, "%s: %s\n", policy->witnesses[i].name,
                      reports[i].rc == HM_OK ? "cosigned" : reports[i].text);
    HM_TRY(rc);
    return print_bytes(hm_buf_bytes(&note));
}

static enum hm_rc run_policy_check(char **args)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    uint64_t now = 0;

    HM_TRY(read_policy(args[0], &policy));
    HM_TRY(read_number(args[1], &now));
    HM_TRY(read_input(&raw));
    return hm_log_policy_open(policy, hm_buf_bytes(&raw), (int64_t)now, 3600, &err, &checkpoint);
}

/* Lines of standard input as entries, one batch. */
static enum hm_rc append_lines(struct hm_log *log)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(INPUT_SIZE_MAX);
    _hm_free_(free) char *storage = calloc(HM_LOG_APPEND_COUNT_MAX, sizeof(struct hm_bytes));
    struct hm_bytes *entries = (void *)storage;
    struct hm_bytes rest;
    size_t count = 0;
    uint64_t first;

    if (storage == NULL)
        return hm_error_nomem(&err);
    HM_TRY(read_input(&text));
    for (rest = hm_buf_bytes(&text); rest.size > 0; count++) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);

        if (end == NULL || count == HM_LOG_APPEND_COUNT_MAX)
            return hm_fail(&err, HM_EUSAGE, "standard input is no list of entries");
        entries[count] = hm_bytes_make(rest.data, (size_t)(end - rest.data));
        rest = hm_bytes_make(end + 1, rest.size - entries[count].size - 1);
    }
    return count == 0 ? HM_OK : hm_log_append(log, entries, count, &err, &first);
}

static enum hm_rc run_append(char **args)
{
    _hm_done_(hm_dir_done) struct hm_dir private_dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir public_dir = HM_DIR_INIT;
    _hm_free_(hm_log_free) struct hm_log *log = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    HM_TRY(read_skey(args[2], false, &key, &signer));
    HM_TRY(hm_dir_make(args[0], 0700, &err, &private_dir));
    HM_TRY(hm_dir_make(args[1], 0755, &err, &public_dir));
    HM_TRY(hm_log_open(&private_dir, &public_dir, &err, &log));
    HM_TRY(append_lines(log));
    HM_TRY(hm_log_settle(log, &err));
    HM_TRY(hm_log_sign(log, key, signer, &err, &note));
    return hm_file_replace(&public_dir, "checkpoint", 0644, hm_buf_bytes(&note), &err);
}

/* All of standard input as one entry; signs nothing. */
static enum hm_rc run_append_entry(char **args)
{
    _hm_done_(hm_dir_done) struct hm_dir private_dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir public_dir = HM_DIR_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    _hm_free_(hm_log_free) struct hm_log *log = NULL;
    struct hm_bytes entry;
    uint64_t first;

    HM_TRY(hm_dir_make(args[0], 0700, &err, &private_dir));
    HM_TRY(hm_dir_make(args[1], 0755, &err, &public_dir));
    HM_TRY(read_input(&text));
    entry = hm_buf_bytes(&text);
    HM_TRY(hm_log_open(&private_dir, &public_dir, &err, &log));
    HM_TRY(hm_log_append(log, &entry, 1, &err, &first));
    HM_TRY(hm_log_settle(log, &err));
    (void)printf("%llu\n", (unsigned long long)first);
    return HM_OK;
}

static const struct command {
    const char *name;
    int arg_min;
    int arg_max;
    enum hm_rc (*run)(char **args);
} commands[] = {
    {"vkey", 1, 2, run_vkey},
    {"note-open", 1, 8, run_note_open},
    {"note-sign", 1, 1, run_note_sign},
    {"cosign", 2, 2, run_cosign},
    {"checkpoint", 1, 1, run_checkpoint},
    {"entries", 2, 2, run_entries},
    {"prove", 4, 4, run_prove},
    {"check-inclusion", 4, 4, run_check_inclusion},
    {"check-consistency", 4, 4, run_check_consistency},
    {"proof-make", 2, 2, run_proof_make},
    {"proof-check", 3, 3, run_proof_check},
    {"ask", 3, 3, run_ask},
    {"policy-check", 2, 2, run_policy_check},
    {"append", 3, 3, run_append},
    {"append-entry", 2, 2, run_append_entry},
};

int main(int argc, char **argv)
{
    enum hm_rc rc = hm_fail(&err, HM_EUSAGE, "see tests/interop/tlog_tool.c");

    if (hm_digest_new(HM_DIGEST_SHA256, &err, &digest) != HM_OK)
        return 4;
    for (size_t i = 0; argc > 1 && i < HM_ARRAY_COUNT(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0 && argc - 2 >= commands[i].arg_min &&
            argc - 2 <= commands[i].arg_max)
            rc = commands[i].run(argv + 2);
    }
    hm_digest_free(digest);
    if (rc == HM_OK && fflush(stdout) == 0)
        return 0;
    (void)fprintf(stderr, "tlog_tool: %s\n", err.text);
    return hm_error_exit_status(rc);
}
