/* SPDX-License-Identifier: Apache-2.0 */
/* Stores of the map of releases. See release_store.h. */
#include "tlog/release_store.h"

#include <search.h>

#include "base/file.h"

static enum hm_rc dir_get(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_bytes)
{
    const struct hm_release_store_dir *store = ctx;

    return hm_dir_read(&store->dir, path, err, ret_bytes);
}

static enum hm_rc dir_put(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    const struct hm_release_store_dir *store = ctx;

    return store->is_flushed ? hm_file_replace(&store->dir, path, 0644, bytes, err)
                             : hm_file_replace_unflushed(&store->dir, path, 0644, bytes, err);
}

static enum hm_rc dir_list(void *ctx, const char *path, struct hm_arena *arena, struct hm_err *err,
                           const char ***ret_names, size_t *ret_count)
{
    const struct hm_release_store_dir *store = ctx;
    enum hm_rc rc = hm_dir_list(&store->dir, path, HM_RELEASE_STORE_NAME_COUNT_MAX, arena, err,
                                ret_names, ret_count);

    if (rc != HM_ENOTFOUND)
        return rc;
    *ret_names = NULL;
    *ret_count = 0;
    return HM_OK;
}

struct hm_release_store hm_release_store_in_dir(struct hm_release_store_dir *dir)
{
    return (struct hm_release_store){.get = dir_get, .put = dir_put, .list = dir_list, .ctx = dir};
}

/* A file in memory; found in a tree by its path. */
struct file {
    char *path; /* owned */
    struct hm_buf bytes;
};

struct hm_release_store_memory {
    void *tree; /* tsearch(3): of struct file */
};

enum hm_rc hm_release_store_memory_new(struct hm_err *err,
                                       struct hm_release_store_memory **ret_memory)
{
    struct hm_release_store_memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL)
        return hm_error_nomem(err);
    *ret_memory = memory;
    return HM_OK;
}

static void free_file(void *ptr)
{
    struct file *file = ptr;

    if (file == NULL)
        return;
    hm_buf_done(&file->bytes);
    free(file->path);
    free(file);
}

void hm_release_store_memory_free(struct hm_release_store_memory *memory)
{
    if (memory == NULL)
        return;
    tdestroy(memory->tree, free_file);
    free(memory);
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

static struct file *find_file(const struct hm_release_store_memory *memory, char *path)
{
    const struct file key = {.path = path};
    struct file *const *found = tfind(&key, &memory->tree, compare_files);

    return found == NULL ? NULL : *found;
}

static enum hm_rc memory_get(void *ctx, const char *path, struct hm_err *err,
                             struct hm_buf *ret_bytes)
{
    _hm_free_(free) char *copy = strdup(path);
    const struct file *file;

    if (copy == NULL)
        return hm_error_nomem(err);
    file = find_file(ctx, copy);
    if (file == NULL)
        return hm_fail(err, HM_ENOTFOUND, "there is no '%s'", path);
    return hm_buf_append(ret_bytes, hm_buf_bytes(&file->bytes), err);
}

static enum hm_rc add_file(struct hm_release_store_memory *memory, const char *path,
                           struct hm_err *err, struct file **ret_file)
{
    struct file *file = calloc(1, sizeof(*file));

    if (file == NULL)
        return hm_error_nomem(err);
    file->path = strdup(path);
    file->bytes.size_max = HM_RELEASE_STORE_FILE_SIZE_MAX;
    if (file->path == NULL || tsearch(file, &memory->tree, compare_files) == NULL) {
        free_file(file);
        return hm_error_nomem(err);
    }
    *ret_file = file;
    return HM_OK;
}

static enum hm_rc memory_put(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf copy = HM_BUF_INIT(HM_RELEASE_STORE_FILE_SIZE_MAX);
    _hm_free_(free) char *name = strdup(path);
    struct file *file;

    if (name == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_buf_append(&copy, bytes, err));
    file = find_file(ctx, name);
    if (file == NULL)
        HM_TRY(add_file(ctx, path, err, &file));
    hm_buf_done(&file->bytes);
    file->bytes = copy;
    copy = (struct hm_buf)HM_BUF_INIT(0);
    return HM_OK;
}

/* What is being listed. */
struct listing {
    const char *folder;
    struct hm_arena *arena;
    const char **names; /* in the arena */
    size_t count;
    size_t capacity;
    enum hm_rc rc;
};

static void list_name(struct listing *listing, struct hm_bytes name)
{
    /* All paths of one folder stand together. */
    if (listing->count > 0 && hm_bytes_is_str(name, listing->names[listing->count - 1]))
        return;
    if (listing->count == listing->capacity) {
        size_t wanted = listing->capacity == 0 ? 64 : 2 * listing->capacity;
        void *names = hm_arena_grow(listing->arena, (void *)listing->names,
                                    listing->capacity * sizeof(*listing->names),
                                    wanted * sizeof(*listing->names));

        if (names == NULL) {
            listing->rc = HM_ENOMEM;
            return;
        }
        listing->names = names;
        listing->capacity = wanted;
    }
    listing->names[listing->count] = hm_arena_strdup(listing->arena, name);
    if (listing->names[listing->count] == NULL)
        listing->rc = HM_ENOMEM;
    else
        listing->count++;
}

static void visit(const void *node, VISIT order, void *ctx)
{
    const struct file *file = *(struct file *const *)node;
    struct listing *listing = ctx;
    size_t size = strlen(listing->folder);
    struct hm_bytes name;
    const uint8_t *slash;

    if ((order != postorder && order != leaf) || listing->rc != HM_OK ||
        strncmp(file->path, listing->folder, size) != 0 || file->path[size] != '/')
        return;
    name = hm_bytes_str(file->path + size + 1);
    slash = memchr(name.data, '/', name.size);
    if (slash != NULL)
        name.size = (size_t)(slash - name.data);
    list_name(listing, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hm_rc memory_list(void *ctx, const char *path, struct hm_arena *arena,
                              struct hm_err *err, const char ***ret_names, size_t *ret_count)
{
    const struct hm_release_store_memory *memory = ctx;
    struct listing listing = {.folder = path, .arena = arena};

    twalk_r(memory->tree, visit, &listing);
    if (listing.rc != HM_OK)
        return hm_error_nomem(err);
    if (listing.count > 0)
        qsort((void *)listing.names, listing.count, sizeof(*listing.names), compare_names);
    *ret_names = listing.names;
    *ret_count = listing.count;
    return HM_OK;
}

struct hm_release_store hm_release_store_in_memory(struct hm_release_store_memory *memory)
{
    return (struct hm_release_store){
        .get = memory_get, .put = memory_put, .list = memory_list, .ctx = memory};
}
