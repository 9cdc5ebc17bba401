/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a site's release log. See log_ask.h. */
#include "customer/log_ask.h"

#include <time.h>

#include "base/text.h"
#include "customer/log_evidence.h"
#include "customer/log_tiles.h"
#include "evidence/evidence_make.h"
#include "tlog/proof.h"
#include "tlog/release_map.h"

#define LATEST        "proofs/latest.tlog-proof"
#define PATH_SIZE_MAX 4096

struct ask {
    const struct hm_client_source *objects;
    enum hm_evidence_kind kind;
    const char *path;
    struct hm_err *err;
    /* The newest state. */
    struct hm_proof *proof;
    struct hm_entry *newest;
    uint64_t size;
};

static void ask_done(struct ask *ask)
{
    hm_entry_free(ask->newest);
    hm_proof_free(ask->proof);
    ask->newest = NULL;
    ask->proof = NULL;
}

/* Of a path below folder; parts of it need no escape but for '+'. */
static enum hm_rc get(const struct hm_client_source *objects, const char *folder,
                      struct hm_bytes path, struct hm_err *err, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(PATH_SIZE_MAX);

    HM_TRY(hm_buf_append_str(&name, folder, err));
    HM_TRY(hm_text_percent_path(&name, path, err));
    return objects->get(objects->ctx, hm_buf_str(&name), err, ret_raw);
}

/* ---- the newest state ------------------------------------------------------------------------ */

static enum hm_rc read_size(struct ask *ask)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;

    HM_TRY(hm_note_parse(ask->proof->checkpoint, ask->err, &note));
    HM_TRY(hm_checkpoint_parse(note->text, ask->err, &checkpoint));
    ask->size = checkpoint.size;
    return HM_OK;
}

static enum hm_rc read_newest(struct ask *ask)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    enum hm_rc rc = ask->objects->get(ask->objects->ctx, LATEST, ask->err, &raw);

    if (rc == HM_ENOTFOUND)
        return hm_fail(ask->err, HM_EREFUSED,
                       "the site serves no release log ('" LATEST "' is not there)");
    HM_TRY(rc);
    rc = hm_proof_parse(hm_buf_bytes(&raw), ask->err, &ask->proof);
    if (rc == HM_OK)
        rc = read_size(ask);
    if (rc == HM_OK)
        rc = hm_entry_parse(ask->proof->extra, ask->err, &ask->newest);
    if (rc == HM_OK && ask->newest->kind != HM_ENTRY_SNAPSHOT)
        rc = hm_fail(ask->err, HM_EFORMAT, "its entry is not a snapshot's");
    return rc == HM_OK ? HM_OK : hm_error_prefix(ask->err, rc, "'" LATEST "'");
}

/* ---- a release ------------------------------------------------------------------------------- */

static enum hm_rc prove(const struct ask *ask, struct hm_log_tiles *tiles, uint64_t index,
                        struct hm_merkle_proof *ret_path)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_tile_source source;

    if (index >= ask->size)
        return hm_fail(ask->err, HM_EMISMATCH, "'proofs/%s': entry %llu is beyond the log's %llu",
                       ask->path, (unsigned long long)index, (unsigned long long)ask->size);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, ask->err, &digest));
    hm_tile_source_init(&source, digest, hm_log_tiles_reader(tiles), ask->size);
    return hm_merkle_prove_inclusion(digest, &source.source, index, ask->size, ask->err, ret_path);
}

static enum hm_rc ask_release(struct ask *ask, struct hm_evidence **ret_evidence)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    _hm_free_(hm_where_free) struct hm_where *where = NULL;
    _hm_free_(hm_log_tiles_free) struct hm_log_tiles *tiles = NULL;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    /* Of the release's entry and of the snapshot's; large. */
    struct hm_merkle_proof *paths = hm_arena_alloc(&arena, 2, sizeof(*paths));
    enum hm_rc rc;

    if (paths == NULL)
        return hm_error_nomem(ask->err);
    rc = get(ask->objects, "proofs/", hm_bytes_str(ask->path), ask->err, &raw);
    if (rc == HM_ENOTFOUND)
        return hm_fail(ask->err, HM_EUNKNOWN,
                       "the site says of no place in its log for '%s': 'hallmark log absent %s' "
                       "asks for proof that it never was, and for spellings that are near",
                       ask->path, ask->path);
    HM_TRY(rc);
    rc = hm_where_parse(hm_buf_bytes(&raw), ask->err, &where);
    if (rc != HM_OK)
        return hm_error_prefix(ask->err, rc, "'proofs/%s'", ask->path);
    HM_TRY(hm_log_tiles_new(ask->objects, ask->err, &tiles));
    HM_TRY(prove(ask, tiles, where->release_index, &paths[0]));
    HM_TRY(prove(ask, tiles, where->snapshot_index, &paths[1]));
    return hm_evidence_make_published(ask->newest->site, ask->path, ask->proof->checkpoint, where,
                                      &paths[0], &paths[1], ask->err, ret_evidence);
}

/* ---- the map --------------------------------------------------------------------------------- */

static enum hm_rc get_map_file(void *ctx, const char *path, struct hm_err *err,
                               struct hm_buf *ret_bytes)
{
    const struct ask *ask = ctx;

    return get(ask->objects, "log/", hm_bytes_str(path), err, ret_bytes);
}

static enum hm_rc fill_state(struct ask *ask, struct hm_release_map *map, struct hm_bytes product,
                             struct hm_buf *proof, struct hm_buf *list,
                             struct hm_evidence_state *ret_state)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *rows = NULL;
    struct hm_evidence_state state = {.checkpoint = ask->proof->checkpoint,
                                      .newest_index = ask->proof->index,
                                      .newest = ask->proof->extra,
                                      .newest_hashes = ask->proof->hashes,
                                      .newest_hash_count = ask->proof->hash_count};
    enum hm_rc rc = hm_release_map_list(map, product, ask->err, &rows);

    if (rc != HM_OK && rc != HM_EUNKNOWN)
        return rc;
    state.has_list = rc == HM_OK;
    if (state.has_list)
        HM_TRY(hm_release_list_write(rows, ask->err, list));
    HM_TRY(hm_release_map_prove_product(map, product, ask->err, proof));
    state.list = hm_buf_bytes(list);
    state.map = hm_buf_bytes(proof);
    *ret_state = state;
    return HM_OK;
}

static enum hm_rc ask_map(struct ask *ask, struct hm_bytes product,
                          struct hm_evidence **ret_evidence)
{
    const struct hm_release_store store = {.get = get_map_file, .ctx = ask};
    _hm_free_(hm_release_map_free) struct hm_release_map *map = NULL;
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);
    struct hm_evidence_state state;

    HM_TRY(hm_release_map_open(&store, &ask->newest->map_root, ask->newest->map_count, ask->err,
                               &map));
    HM_TRY(fill_state(ask, map, product, &proof, &list, &state));
    return hm_evidence_make_map(ask->kind, ask->newest->site, ask->path, &state, ask->err,
                                ret_evidence);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static enum hm_rc get_metadata(void *ctx, const char *name, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    const struct hm_client_source *objects = ctx;
    char path[64]; /* names of roots are short */

    (void)snprintf(path, sizeof(path), "metadata/%s", name);
    return objects->get(objects->ctx, path, err, ret_buf);
}

/* The path as the kind has it, and the product in it. */
static enum hm_rc check_path(const struct ask *ask, struct hm_arena *arena,
                             struct hm_bytes *ret_product)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *form = NULL;
    const char *product;

    HM_TRY(hm_evidence_new(ask->kind, ask->err, &form));
    HM_TRY(hm_evidence_set_path(form, ask->path, ask->err));
    product = hm_arena_strdup(arena, hm_bytes_str(form->product));
    if (product == NULL)
        return hm_error_nomem(ask->err);
    *ret_product = hm_bytes_str(product);
    return HM_OK;
}

static enum hm_rc ask_once(struct ask *ask, struct hm_bytes product,
                           struct hm_evidence **ret_evidence)
{
    const struct hm_client_source metadata = {.get = get_metadata,
                                              .ctx = (void *)(uintptr_t)ask->objects};
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;

    HM_TRY(read_newest(ask));
    if (ask->kind == HM_EVIDENCE_PUBLISHED)
        HM_TRY(ask_release(ask, &evidence));
    else
        HM_TRY(ask_map(ask, product, &evidence));
    HM_TRY(hm_log_evidence_add_roots(evidence, &metadata, ask->newest->root.version, ask->err));
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

enum hm_rc hm_log_ask(const struct hm_client_source *objects, enum hm_evidence_kind kind,
                      const char *path, struct hm_err *err, struct hm_evidence **ret_evidence)
{
    const struct timespec pause = {.tv_nsec = HM_LOG_ASK_PAUSE_NS};
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct ask ask = {.objects = objects, .kind = kind, .path = path, .err = err};
    struct hm_bytes product = HM_BYTES_EMPTY;
    enum hm_rc rc = HM_OK;

    HM_TRY(check_path(&ask, &arena, &product));
    for (size_t tries = 1; tries <= HM_LOG_ASK_TRIES_MAX; tries++) {
        if (tries > 1)
            (void)nanosleep(&pause, NULL); /* shorter is as good */
        rc = ask_once(&ask, product, ret_evidence);
        ask_done(&ask);
        if (rc != HM_EMISMATCH)
            return rc;
    }
    return rc;
}
