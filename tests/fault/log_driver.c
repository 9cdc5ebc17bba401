/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log's writer as a program, for faults and loss of power at each of its changes (test_log.py).
 *
 *   log_driver run FOLDER     appends, settles, signs, publishes, opens again; tells what it was
 *                             told, a line each, as soon as it was:
 *                               ack INDEX TEXT      the entry that starts with TEXT is durable
 *                               signed SIZE ROOT    a checkpoint was signed
 *   log_driver check FOLDER   reads such lines, and finds all of it true: first as a reader of the
 *                             public folder, which nobody has repaired yet, then as the writer
 *
 * Exit status 0; 4 where a fault kept it from going on; 1 where something is not true.
 */
#include <stdarg.h>

#include "base/file.h"
#include "base/num.h"
#include "base/text.h"
#include "tlog/log.h"

#define ORIGIN       "example/log"
#define LARGE_SIZE   4096 /* 300 of these make the records be trimmed */
#define ATTEMPTS     3    /* a call that was refused is made again: what is full may be emptied */
#define TEXT_SIZE    64
#define BATCH_MAX    300
#define LINE_MAX_    256
#define STATUS_NO    1
#define STATUS_FAULT 4

struct driver {
    struct hm_dir private_dir;
    struct hm_dir public_dir;
    struct hm_signer *signer;
    struct hm_note_key *key;
    struct hm_log *log;
    unsigned number; /* of the batch */
};

static HM_NORETURN void stop(int status, const char *what, const struct hm_err *err)
{
    (void)fprintf(stderr, "%s: %s: %s\n", what, hm_error_name(err->rc), err->text);
    exit(status);
}

HM_PRINTF(1, 2) static HM_NORETURN void untrue(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    exit(STATUS_NO);
}

static void need(enum hm_rc rc, const char *what, const struct hm_err *err)
{
    if (rc != HM_OK)
        stop(STATUS_FAULT, what, err);
}

static void must(enum hm_rc rc, const char *what, const struct hm_err *err)
{
    if (rc != HM_OK)
        stop(STATUS_NO, what, err);
}

static void open_log(struct driver *driver)
{
    struct hm_err err = HM_ERR_INIT;

    hm_log_free(driver->log);
    driver->log = NULL;
    need(hm_log_open(&driver->private_dir, &driver->public_dir, &err, &driver->log), "open", &err);
}

/* --- run -------------------------------------------------------------------------------------- */

static uint64_t size_of(struct driver *driver)
{
    struct hm_log_head head;

    hm_log_head(driver->log, &head);
    return head.size;
}

/* A log whose last write is unclear is opened again; a clean refusal is tried again. */
static void recover(struct driver *driver, enum hm_rc rc, uint64_t size_before,
                    const struct hm_err *err)
{
    (void)fprintf(stderr, "refused: %s: %s\n", hm_error_name(rc), err->text);
    if (rc == HM_EINTERNAL)
        open_log(driver);
    else if (size_of(driver) != size_before)
        untrue("a refused append made the log grow");
}

static void append(struct driver *driver, size_t count, size_t size)
{
    struct hm_bytes *entries = calloc(count, sizeof(*entries));
    char *texts = calloc(count, size);
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_EIO;
    uint64_t first = 0;

    HM_ASSERT(entries != NULL && texts != NULL && size >= TEXT_SIZE);
    driver->number++;
    for (size_t i = 0; i < count; i++) {
        char *text = texts + i * size;

        memset(text, '.', size);
        (void)snprintf(text, TEXT_SIZE, "batch %u entry %zu", driver->number, i);
        entries[i] = hm_bytes_make(text, size);
    }
    for (int i = 0; i < ATTEMPTS && rc != HM_OK; i++) {
        uint64_t before = size_of(driver);

        rc = hm_log_append(driver->log, entries, count, &err, &first);
        if (rc != HM_OK)
            recover(driver, rc, before, &err);
    }
    need(rc, "append", &err);
    for (size_t i = 0; i < count; i++)
        (void)printf("ack %llu %s\n", (unsigned long long)first + i, texts + i * size);
    (void)fflush(stdout);
    free(entries);
    free(texts);
}

static void tell_signed(const struct driver *driver, struct hm_bytes note)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const struct hm_note_key *key = driver->key;
    struct hm_err err = HM_ERR_INIT;
    char hex[HM_SHA256_HEX_SIZE];

    must(hm_checkpoint_open(note, key->name_bytes, &key, 1, &err, &checkpoint), "own note", &err);
    hm_text_hex(hm_bytes_make(checkpoint->body.root.bytes, HM_SHA256_SIZE), hex);
    (void)printf("signed %llu %s\n", (unsigned long long)checkpoint->body.size, hex);
    (void)fflush(stdout);
}

static void publish(struct driver *driver)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_EIO;

    for (int i = 0; i < ATTEMPTS && rc != HM_OK; i++) {
        rc = hm_log_sign(driver->log, driver->key, driver->signer, &err, &note);
        if (rc != HM_OK)
            recover(driver, rc, size_of(driver), &err);
    }
    need(rc, "sign", &err);
    tell_signed(driver, hm_buf_bytes(&note));
    rc = HM_EIO;
    for (int i = 0; i < ATTEMPTS && rc != HM_OK; i++)
        rc = hm_file_replace(&driver->public_dir, "checkpoint", 0644, hm_buf_bytes(&note), &err);
    need(rc, "publish", &err);
}

static void run(struct driver *driver)
{
    open_log(driver);
    append(driver, 3, TEXT_SIZE);
    publish(driver);
    append(driver, 1, TEXT_SIZE);
    append(driver, 252, TEXT_SIZE); /* a full tile */
    publish(driver);
    append(driver, BATCH_MAX, LARGE_SIZE);
    publish(driver); /* trims */
    append(driver, 5, TEXT_SIZE);
    open_log(driver);
    append(driver, 2, TEXT_SIZE);
    publish(driver);
}

/* --- check ------------------------------------------------------------------------------------ */

/* A tile as a reader gets it: the partial one, or the start of the full one. */
static enum hm_rc get_tile(void *ctx, const struct hm_tile *tile, struct hm_err *err,
                           struct hm_bytes *ret_bytes)
{
    static struct hm_buf bytes = HM_BUF_INIT(HM_TILE_SIZE_MAX);
    const struct driver *driver = ctx;
    struct hm_tile full = *tile;
    char path[HM_TILE_PATH_SIZE];
    enum hm_rc rc;

    hm_buf_clear(&bytes);
    hm_tile_path(tile, path);
    rc = hm_dir_read(&driver->public_dir, path, err, &bytes);
    if (rc == HM_ENOTFOUND) {
        full.width = HM_TILE_WIDTH;
        hm_tile_path(&full, path);
        rc = hm_dir_read(&driver->public_dir, path, err, &bytes);
    }
    HM_TRY(rc);
    *ret_bytes = hm_bytes_make(bytes.data, (size_t)tile->width * HM_SHA256_SIZE);
    return bytes.size < ret_bytes->size ? hm_fail(err, HM_EFORMAT, "'%s' is too short", path)
                                        : HM_OK;
}

/* The entries of a tile are those whose hashes stand in the tile of hashes. */
static void check_bundle(struct driver *driver, struct hm_digest *digest, uint64_t index,
                         uint64_t size)
{
    static struct hm_bytes entries[HM_TILE_WIDTH];
    _hm_done_(hm_buf_done) struct hm_buf bundle = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    struct hm_tile tile = hm_tile_make(HM_TILE_ENTRIES, 0, index, size);
    struct hm_tile hashes = hm_tile_make(HM_TILE_HASHES, 0, index, size);
    struct hm_err err = HM_ERR_INIT;
    struct hm_bytes leaves;
    char path[HM_TILE_PATH_SIZE];
    enum hm_rc rc;

    must(get_tile(driver, &hashes, &err, &leaves), "published hashes", &err);
    hm_tile_path(&tile, path);
    rc = hm_dir_read(&driver->public_dir, path, &err, &bundle);
    if (rc == HM_ENOTFOUND) {
        tile.width = HM_TILE_WIDTH;
        hm_tile_path(&tile, path);
        rc = hm_dir_read(&driver->public_dir, path, &err, &bundle);
    }
    must(rc, "published entries", &err);
    must(hm_tile_bundle_parse(hm_buf_bytes(&bundle), tile.width, &err, entries), path, &err);
    for (unsigned i = 0; i < hashes.width; i++) {
        struct hm_sha256 leaf;

        must(hm_merkle_leaf(digest, entries[i], &err, &leaf), "leaf", &err);
        if (memcmp(leaf.bytes, leaves.data + (size_t)i * HM_SHA256_SIZE, HM_SHA256_SIZE) != 0)
            untrue("'%s' has other entries than hashes", path);
    }
}

/* Whoever reads the published checkpoint finds its tree. */
static void check_public(struct driver *driver)
{
    const struct hm_tile_reader reader = {.get = get_tile, .ctx = driver};
    const struct hm_note_key *key = driver->key;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_tile_source source;
    struct hm_sha256 root;
    enum hm_rc rc = hm_dir_read(&driver->public_dir, "checkpoint", &err, &raw);

    if (rc == HM_ENOTFOUND)
        return;
    must(rc, "checkpoint", &err);
    must(hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, &err, &checkpoint),
         "published checkpoint", &err);
    must(hm_digest_new(HM_DIGEST_SHA256, &err, &digest), "digest", &err);
    hm_tile_source_init(&source, digest, &reader, checkpoint->body.size);
    must(hm_merkle_root(digest, &source.source, checkpoint->body.size, &err, &root),
         "published tree", &err);
    if (!hm_digest_is_equal(&root, &checkpoint->body.root))
        untrue("the published tiles of %llu entries do not have the checkpoint's root",
               (unsigned long long)checkpoint->body.size);
    for (uint64_t i = 0; i * HM_TILE_WIDTH < checkpoint->body.size; i++)
        check_bundle(driver, digest, i, checkpoint->body.size);
}

static void check_ack(struct driver *driver, uint64_t index, const char *text)
{
    _hm_done_(hm_buf_done) struct hm_buf entry = HM_BUF_INIT(HM_TILE_ENTRY_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    must(hm_log_entry(driver->log, index, &err, &entry), "an acknowledged entry", &err);
    if (strcmp(hm_buf_str(&entry), text) != 0) /* the text ends in a NUL, then dots */
        untrue("entry %llu is not '%s'", (unsigned long long)index, text);
}

static void check_signed(struct driver *driver, uint64_t size, const char *hex)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_merkle_proof proof;
    struct hm_log_head head;
    struct hm_sha256 root;

    must(hm_text_unhex(hm_bytes_str(hex), root.bytes, HM_SHA256_SIZE), "root", &err);
    must(hm_digest_new(HM_DIGEST_SHA256, &err, &digest), "digest", &err);
    hm_log_head(driver->log, &head);
    must(hm_log_prove_consistency(driver->log, size, head.size, &err, &proof), "consistency", &err);
    must(hm_merkle_verify_consistency(digest, size, &root, head.size, &head.root, proof.hashes,
                                      proof.count, &err),
         "a checkpoint that was signed before", &err);
}

static void check(struct driver *driver)
{
    char line[LINE_MAX_];

    check_public(driver);
    open_log(driver);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *number = strchr(line, ' ');
        char *rest = number == NULL ? NULL : strchr(number + 1, ' ');
        uint64_t value;

        line[strcspn(line, "\n")] = '\0';
        if (rest == NULL ||
            hm_num_parse_u64(number + 1, (size_t)(rest - number - 1), &value) != HM_OK)
            continue; /* cut off where the program was killed */
        if (strncmp(line, "ack ", 4) == 0)
            check_ack(driver, value, rest + 1);
        else if (strncmp(line, "signed ", 7) == 0)
            check_signed(driver, value, rest + 1);
    }
    append(driver, 3, TEXT_SIZE);
    publish(driver);
    check_public(driver);
}

int main(int argc, char **argv)
{
    static const uint8_t seed[32] = {7};
    struct driver driver = {.private_dir = HM_DIR_INIT, .public_dir = HM_DIR_INIT};
    struct hm_err err = HM_ERR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    if (argc != 3 || (strcmp(argv[1], "run") != 0 && strcmp(argv[1], "check") != 0))
        return 2;
    must(hm_signer_parse_seed(hm_bytes_make(seed, sizeof(seed)), &err, &driver.signer), "key",
         &err);
    must(hm_note_key_make(ORIGIN, HM_NOTE_ED25519, hm_signer_key(driver.signer), &err, &driver.key),
         "key", &err);
    need(hm_dir_open(argv[2], &err, &dir), "folder", &err);
    need(hm_dir_open_at(&dir, "private", true, &err, &driver.private_dir), "folder", &err);
    need(hm_dir_open_at(&dir, "public", true, &err, &driver.public_dir), "folder", &err);
    if (strcmp(argv[1], "run") == 0)
        run(&driver);
    else
        check(&driver);
    hm_log_free(driver.log);
    hm_dir_done(&driver.private_dir);
    hm_dir_done(&driver.public_dir);
    hm_note_key_free(driver.key);
    hm_signer_free(driver.signer);
    return 0;
}
