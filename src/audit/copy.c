/* SPDX-License-Identifier: Apache-2.0 */
/* An auditor's own copy of a site's tree. See copy.h. */
#include "audit/copy.h"

#include <stdlib.h>

#include "base/file.h"
#include "net/fetch.h"

#define PATH_SIZE 1024
/* Where a root is, between its entry and its being in force (docs/formats.md 11). */
#define COMING_ROOTS "log/roots/"

struct hm_copy {
    struct hm_dir parent;
    char *name; /* owned, as url */
    char *url;
    struct hm_fetch *fetch;
    bool distrust, was_used;
    const char **fresh; /* paths that are not flushed yet, in arena */
    size_t fresh_count, fresh_capacity;
    struct hm_arena arena;
};

enum hm_rc hm_copy_open(const struct hm_dir *dir, const char *name,
                        const struct hm_copy_options *options, struct hm_err *err,
                        struct hm_copy **ret_copy)
{
    /* What is fetched is signed; a site of one's own may well be without TLS. */
    const struct hm_fetch_options fetch = {
        .ca_file = options->ca_file, .allow_plain_http = true, .accept_gzip = true};
    _hm_free_(hm_copy_free) struct hm_copy *copy = calloc(1, sizeof(*copy));

    if (copy == NULL)
        return hm_error_nomem(err);
    copy->parent = (struct hm_dir)HM_DIR_INIT;
    copy->name = strdup(name);
    copy->url = strdup(options->url);
    if (copy->name == NULL || copy->url == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_dir_copy(dir, err, &copy->parent));
    HM_TRY(hm_fetch_new(&fetch, err, &copy->fetch));
    *ret_copy = hm_steal(&copy);
    return HM_OK;
}

void hm_copy_free(struct hm_copy *copy)
{
    if (copy == NULL)
        return;
    hm_fetch_free(copy->fetch);
    hm_dir_done(&copy->parent);
    hm_arena_done(&copy->arena);
    free(copy->fresh);
    free(copy->name);
    free(copy->url);
    free(copy);
}

/* ---- files ------------------------------------------------------------------------------------
 */

static enum hm_rc own_path(const struct hm_copy *copy, const char *path, struct hm_err *err,
                           char ret_path[PATH_SIZE])
{
    int size = snprintf(ret_path, PATH_SIZE, "%s/%s", copy->name, path);

    if (size < 0 || size >= PATH_SIZE || !hm_dir_is_safe_path(ret_path))
        return hm_fail(err, HM_EFORMAT, "'%s' is no path of a site's", path);
    return HM_OK;
}

static enum hm_rc fetch(struct hm_copy *copy, const char *path, struct hm_err *err,
                        struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(16384);

    HM_TRY(hm_fetch_url_join(copy->url, path, err, &url));
    return hm_fetch_get(copy->fetch, hm_buf_str(&url), err, ret_buf);
}

static enum hm_rc put(struct hm_copy *copy, const char *path, struct hm_bytes bytes,
                      struct hm_err *err)
{
    char own[PATH_SIZE];

    HM_TRY(own_path(copy, path, err, own));
    if (copy->fresh_count == copy->fresh_capacity) {
        size_t wanted = copy->fresh_capacity == 0 ? 64 : 2 * copy->fresh_capacity;
        void *fresh = reallocarray(copy->fresh, wanted, sizeof(*copy->fresh));

        if (fresh == NULL)
            return hm_error_nomem(err);
        copy->fresh = fresh;
        copy->fresh_capacity = wanted;
    }
    copy->fresh[copy->fresh_count] = hm_arena_strdup(&copy->arena, hm_bytes_str(own));
    if (copy->fresh[copy->fresh_count] == NULL)
        return hm_error_nomem(err);
    copy->fresh_count++;
    return hm_file_replace_unflushed(&copy->parent, own, 0644, bytes, err);
}

static void forget_fresh(struct hm_copy *copy)
{
    copy->fresh_count = 0;
    hm_arena_done(&copy->arena);
    copy->arena = (struct hm_arena)HM_ARENA_INIT;
}

enum hm_rc hm_copy_keep(struct hm_copy *copy, struct hm_err *err)
{
    for (size_t i = 0; i < copy->fresh_count; i++) {
        enum hm_rc rc = hm_file_flush(&copy->parent, copy->fresh[i], err);

        /* What was put may have been rejected since. */
        if (rc != HM_OK && rc != HM_ENOTFOUND)
            return rc;
    }
    forget_fresh(copy);
    return HM_OK;
}

static void remove_own(struct hm_copy *copy, const char *own)
{
    enum hm_rc rc = hm_dir_remove(&copy->parent, own, NULL);

    (void)rc; /* a file too many does no harm */
}

void hm_copy_drop(struct hm_copy *copy)
{
    for (size_t i = 0; i < copy->fresh_count; i++)
        remove_own(copy, copy->fresh[i]);
    forget_fresh(copy);
}

void hm_copy_distrust(struct hm_copy *copy, bool distrust)
{
    copy->distrust = distrust;
}

bool hm_copy_was_used(struct hm_copy *copy)
{
    bool was_used = copy->was_used;

    copy->was_used = false;
    return was_used;
}

/* ---- documents --------------------------------------------------------------------------------
 */

/* From the copy, else as path from the site. */
static enum hm_rc get_document(struct hm_copy *copy, const char *path, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    char own[PATH_SIZE];
    enum hm_rc rc = HM_ENOTFOUND;
    size_t before = ret_buf->size;

    HM_TRY(own_path(copy, path, err, own));
    if (!copy->distrust)
        rc = hm_dir_read(&copy->parent, own, err, ret_buf);
    if (rc == HM_OK) {
        copy->was_used = true;
        return HM_OK;
    }
    /* A copy that cannot be read is as good as none. */
    ret_buf->size = before;
    return fetch(copy, path, err, ret_buf);
}

static enum hm_rc keep_document(struct hm_copy *copy, const char *path, struct hm_bytes bytes,
                                struct hm_err *err)
{
    char own[PATH_SIZE];

    HM_TRY(own_path(copy, path, err, own));
    if (!copy->distrust && hm_dir_has(&copy->parent, own))
        return HM_OK;
    return put(copy, path, bytes, err);
}

static enum hm_rc get_below(struct hm_copy *copy, const char *folder, const char *name,
                            struct hm_err *err, struct hm_buf *ret_buf)
{
    size_t before = ret_buf->size;
    char path[PATH_SIZE];
    enum hm_rc rc;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name); /* cut: no such file */
    rc = get_document(copy, path, err, ret_buf);
    if (rc == HM_ENOTFOUND && strcmp(folder, "metadata") == 0 &&
        strstr(name, ".root.json") != NULL) {
        char coming[PATH_SIZE];

        (void)snprintf(coming, sizeof(coming), COMING_ROOTS "%s", name);
        rc = fetch(copy, coming, err, ret_buf);
    }
    HM_TRY(rc);
    return keep_document(copy, path, hm_bytes_make(ret_buf->data + before, ret_buf->size - before),
                         err);
}

static enum hm_rc get_metadata(void *ctx, const char *name, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    return get_below(ctx, "metadata", name, err, ret_buf);
}

static enum hm_rc get_maker(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf)
{
    return get_below(ctx, "makers", name, err, ret_buf);
}

struct hm_client_source hm_copy_metadata(struct hm_copy *copy)
{
    return (struct hm_client_source){.get = get_metadata, .ctx = copy};
}

struct hm_client_source hm_copy_makers(struct hm_copy *copy)
{
    return (struct hm_client_source){.get = get_maker, .ctx = copy};
}

/* ---- tiles ------------------------------------------------------------------------------------
 */

static void log_path(const char *path, char ret_path[PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, "log/%s", path); /* a tile's: fits */
}

static enum hm_rc get_tile(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_buf)
{
    struct hm_copy *copy = ctx;
    char below[PATH_SIZE], own[PATH_SIZE];
    size_t before = ret_buf->size;

    log_path(path, below);
    HM_TRY(own_path(copy, below, err, own));
    if (hm_dir_read(&copy->parent, own, err, ret_buf) == HM_OK)
        return HM_OK;
    ret_buf->size = before;
    return fetch(copy, below, err, ret_buf);
}

static enum hm_rc keep_tile(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    struct hm_copy *copy = ctx;
    char below[PATH_SIZE], own[PATH_SIZE];

    log_path(path, below);
    HM_TRY(own_path(copy, below, err, own));
    return hm_dir_has(&copy->parent, own) ? HM_OK : put(copy, below, bytes, err);
}

/* True: the copy had it, and has it no more. */
static bool reject_tile(void *ctx, const char *path)
{
    struct hm_copy *copy = ctx;
    char below[PATH_SIZE], own[PATH_SIZE];

    log_path(path, below);
    return own_path(copy, below, NULL, own) == HM_OK && hm_dir_has(&copy->parent, own) &&
           hm_dir_remove(&copy->parent, own, NULL) == HM_OK;
}

struct hm_follow_source hm_copy_log(struct hm_copy *copy)
{
    return (struct hm_follow_source){
        .get = get_tile, .keep = keep_tile, .reject = reject_tile, .ctx = copy};
}

static void collect_tile(struct hm_copy *copy, enum hm_tile_kind kind, unsigned level,
                         uint64_t old_size, uint64_t size)
{
    unsigned shift = HM_TILE_HEIGHT * (level + 1);
    uint64_t index = shift > 63 ? 0 : old_size >> shift;
    struct hm_tile tile = hm_tile_make(kind, level, index, old_size);
    char path[HM_TILE_PATH_SIZE], below[PATH_SIZE], own[PATH_SIZE];

    if (tile.width == 0 || tile.width == HM_TILE_WIDTH ||
        hm_tile_make(kind, level, index, size).width == tile.width)
        return;
    hm_tile_path(&tile, path);
    log_path(path, below);
    if (own_path(copy, below, NULL, own) == HM_OK && hm_dir_has(&copy->parent, own))
        remove_own(copy, own);
}

void hm_copy_collect(struct hm_copy *copy, uint64_t old_size, uint64_t size)
{
    for (unsigned level = 0; level <= HM_TILE_LEVEL_MAX; level++)
        collect_tile(copy, HM_TILE_HASHES, level, old_size, size);
    collect_tile(copy, HM_TILE_ENTRIES, 0, old_size, size);
}
