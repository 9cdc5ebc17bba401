/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small site for tests of auditors, written into a folder:
 *
 *   public/         metadata, identities, and the log's tiles at both sizes
 *   lie/            the same, and a third snapshot that lowers a role
 *   trust  vkey     the trust file, and the log's key
 *   sizes           the log's sizes: of the first batch, of both, and of the lie
 *   first  second  both  lie.request    bodies of add-checkpoint: 0 to the first size, first to
 *                   second, 0 to second, second to the lie
 */
#include "unit.h"

#include <stdlib.h>

#include "base/file.h"
#include "history_kit.h"
#include "log_kit.h"
#include "tlog/add_checkpoint.h"
#include "tlog/tile.h"
#include "trust/trust_file.h"

static struct hm_dir dir = HM_DIR_INIT;

static void ok(enum hm_rc rc, const struct hm_err *err)
{
    if (rc == HM_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", hm_error_name(rc), err->text);
    exit(1);
}

static void put(const char *path, struct hm_bytes raw)
{
    struct hm_err err = HM_ERR_INIT;

    ok(hm_file_replace_unflushed(&dir, path, 0644, raw, &err), &err);
}

/* The log's two files for a tree of count entries, below one full tile. */
static void put_tiles(const struct history_kit *kit, const char *folder, size_t count)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    _hm_done_(hm_buf_done) struct hm_buf bundle = HM_BUF_INIT(HM_TILE_BUNDLE_SIZE_MAX);
    struct hm_sha256 leaves[HM_TILE_WIDTH];
    struct hm_err err = HM_ERR_INIT;
    char path[256];

    ok(hm_digest_new(HM_DIGEST_SHA256, &err, &digest), &err);
    for (size_t i = 0; i < count; i++) {
        ok(hm_merkle_leaf(digest, hm_bytes_str(kit->entries[i]), &err, &leaves[i]), &err);
        ok(hm_tile_bundle_append(&bundle, hm_bytes_str(kit->entries[i]), &err), &err);
    }
    (void)snprintf(path, sizeof(path), "%s/log/tile/0/000.p/%zu", folder, count);
    put(path, hm_bytes_make(leaves, count * HM_SHA256_SIZE));
    (void)snprintf(path, sizeof(path), "%s/log/tile/entries/000.p/%zu", folder, count);
    put(path, hm_buf_bytes(&bundle));
}

static void put_all(const struct history_kit *kit, const char *folder)
{
    char path[1024];

    for (size_t i = 0; i < kit->file_count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, kit->files[i].name);
        put(path, hm_buf_bytes(&kit->files[i].raw));
    }
    put_tiles(kit, folder, kit->count);
}

static void put_request(const struct log_kit *log, const char *name, size_t old_size, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);

    log_kit_request(log, old_size, size, &body);
    put(name, hm_buf_bytes(&body));
}

static void put_trust(const struct history_kit *kit)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    struct hm_trust_file file = {.site = "globex",
                                 .root = history_kit_served(kit, "metadata/1.root.json"),
                                 .floor = HM_GRADE_ATTESTED};
    struct hm_err err = HM_ERR_INIT;

    ok(hm_trust_file_write(&file, &err, &raw), &err);
    put("trust", hm_buf_bytes(&raw));
}

int main(int argc, char **argv)
{
    static struct history_kit kit;
    struct log_kit log = log_kit_make();
    struct hm_err err = HM_ERR_INIT;
    char text[2048];
    size_t first, second;

    if (argc != 2)
        return 2;
    ok(hm_dir_make(argv[1], 0755, &err, &dir), &err);
    (void)snprintf(text, sizeof(text),
                   "{\"log\":{\"policy\":\"log %s\\nquorum none\\n\"},\"site\":\"globex\"}",
                   log_kit_vkey(&log.signer));
    history_kit_init(&kit, text);
    history_kit_close(&kit);
    first = kit.count;
    put_tiles(&kit, "public", first);
    history_kit_put(&kit, "acme/nic/3.0/boot.rom", 'k');
    history_kit_sign(&kit, "release~acme");
    history_kit_sign(&kit, "maker~acme");
    history_kit_release(&kit, "acme/nic/3.0");
    history_kit_close(&kit);
    second = kit.count;
    log.entries = kit.entries;
    put_all(&kit, "public");
    put_trust(&kit);
    (void)snprintf(text, sizeof(text), "%s\n", log_kit_vkey(&log.signer));
    put("vkey", hm_bytes_str(text));
    put_request(&log, "first", 0, first);
    put_request(&log, "second", first, second);
    put_request(&log, "both", 0, second);
    history_kit_sign_as(&kit, "release~acme", kit.site.release, 1, &(enum kit_key){KIT_RELEASE}, 1);
    history_kit_close(&kit);
    put_all(&kit, "lie");
    put_request(&log, "lie.request", second, kit.count);
    (void)snprintf(text, sizeof(text), "%zu %zu %zu\n", first, second, kit.count);
    put("sizes", hm_bytes_str(text));
    history_kit_done(&kit);
    log_kit_done(&log);
    hm_dir_done(&dir);
    return 0;
}
