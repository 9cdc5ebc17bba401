/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles in a log's public folder. See tile_store.h. */
#include "tlog/tile_store.h"

#include "base/file.h"
#include "base/num.h"

/* Of one folder of partial tiles: 255 names, and what others may have put there. */
#define PARTIAL_COUNT_MAX 4096
#define PARTIAL_SUFFIX    ".p"

/* The folder of the partial tiles at tile's place. */
static void partial_folder(const struct hm_tile *tile, char ret_path[HM_TILE_PATH_SIZE])
{
    struct hm_tile full = *tile;
    size_t size;

    full.width = HM_TILE_WIDTH;
    hm_tile_path(&full, ret_path);
    size = strlen(ret_path);
    HM_ASSERT(size + sizeof(PARTIAL_SUFFIX) <= HM_TILE_PATH_SIZE);
    memcpy(ret_path + size, PARTIAL_SUFFIX, sizeof(PARTIAL_SUFFIX));
}

/* HM_EMISMATCH unless the file has these bytes. */
static enum hm_rc compare(const struct hm_dir *dir, const char *path, struct hm_bytes bytes,
                          struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf found = HM_BUF_INIT(bytes.size);
    enum hm_rc rc = hm_dir_read(dir, path, err, &found);

    if (rc == HM_ENOTFOUND || rc == HM_EFORMAT || rc == HM_EINPUT)
        return HM_EMISMATCH;
    HM_TRY(rc);
    return hm_bytes_is_equal(hm_buf_bytes(&found), bytes) ? HM_OK : HM_EMISMATCH;
}

enum hm_rc hm_tile_store_put(const struct hm_dir *dir, const struct hm_tile *tile,
                             struct hm_bytes bytes, struct hm_file_batch *batch, struct hm_err *err)
{
    char path[HM_TILE_PATH_SIZE];
    enum hm_rc rc;

    hm_tile_path(tile, path);
    rc = compare(dir, path, bytes, err);
    if (rc == HM_OK)
        return hm_file_flush(dir, path, err);
    if (rc != HM_EMISMATCH)
        return rc;
    return hm_file_batch_put(batch, dir, path, 0644, bytes, err);
}

enum hm_rc hm_tile_store_get(const struct hm_dir *dir, const struct hm_tile *tile,
                             struct hm_err *err, struct hm_buf *ret_bytes)
{
    _hm_done_(hm_buf_done) struct hm_buf found =
        HM_BUF_INIT(tile->kind == HM_TILE_ENTRIES ? HM_TILE_BUNDLE_SIZE_MAX : HM_TILE_SIZE_MAX);
    char path[HM_TILE_PATH_SIZE];
    enum hm_rc rc;

    hm_tile_path(tile, path);
    rc = hm_dir_read(dir, path, err, &found);
    if (rc == HM_ENOTFOUND || rc == HM_EFORMAT)
        return hm_fail(err, HM_EMISMATCH,
                       "'%s/%s' is missing or larger than a tile: restore it from a mirror",
                       dir->path, path);
    HM_TRY(rc);
    return hm_buf_append(ret_bytes, hm_buf_bytes(&found), err);
}

/* --- collecting ------------------------------------------------------------------------------- */

static bool is_wanted(const struct hm_tile *tile, const char *name, const uint64_t *sizes,
                      size_t size_count)
{
    uint64_t width;

    if (hm_num_parse_u64(name, strlen(name), &width) != HM_OK)
        return false;
    for (size_t i = 0; i < size_count; i++) {
        struct hm_tile one = hm_tile_make(tile->kind, tile->level, tile->index, sizes[i]);

        if (one.width == width)
            return true;
    }
    return false;
}

enum hm_rc hm_tile_store_collect(const struct hm_dir *dir, const struct hm_tile *tile,
                                 const uint64_t *sizes, size_t size_count, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    char path[HM_TILE_PATH_SIZE];
    const char **names;
    size_t count;
    enum hm_rc rc;

    partial_folder(tile, path);
    if (tile->width == HM_TILE_WIDTH)
        return hm_dir_has(dir, path) ? hm_dir_remove_tree(dir, path, err) : HM_OK;
    rc = hm_dir_open_at(dir, path, false, err, &folder);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_dir_list(&folder, "", PARTIAL_COUNT_MAX, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(tile, names[i], sizes, size_count))
            HM_TRY(hm_dir_remove_tree(&folder, names[i], err));
    }
    return HM_OK;
}
