/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a folder in order (walk.h). */
#include "care/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/text.h"

struct walk {
    hm_walk_fn *take;
    void *ctx;
    char path[HM_WALK_PATH_SIZE_MAX];
};

struct name {
    const char *text; /* that of a folder ends in '/', so that order is that of whole paths */
    struct stat info;
};

struct names {
    struct name *items;
    size_t count, capacity;
    struct hm_arena arena;
};

static void names_done(struct names *names)
{
    free(names->items);
    hm_arena_done(&names->arena);
}

static enum hm_rc add_name(struct names *names, int fd, const char *text, struct hm_err *err)
{
    struct stat info;
    size_t size = strlen(text);
    char *copy;

    if (fstatat(fd, text, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? HM_OK
                               : hm_error_errno(err, errno, "'%s' cannot be looked at", text);
    if (names->count >= HM_WALK_NAME_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d names in one folder", HM_WALK_NAME_COUNT_MAX);
    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? 64 : 2 * names->capacity;
        struct name *grown = reallocarray(names->items, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        names->items = grown;
        names->capacity = capacity;
    }
    copy = hm_arena_alloc(&names->arena, size + 2, 1);
    if (copy == NULL)
        return hm_error_nomem(err);
    memcpy(copy, text, size);
    if (S_ISDIR(info.st_mode))
        copy[size] = '/';
    names->items[names->count++] = (struct name){.text = copy, .info = info};
    return HM_OK;
}

static int compare(const void *a, const void *b)
{
    const struct name *one = a, *other = b;

    return strcmp(one->text, other->text);
}

static enum hm_rc read_names(const struct hm_dir *dir, struct names *names, struct hm_err *err)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    enum hm_rc rc = HM_OK;

    if (stream == NULL) {
        rc = hm_error_errno(err, errno, "'%s' cannot be read", dir->path);
        hm_dir_close_fd(&fd);
        return rc;
    }
    while (rc == HM_OK && (errno = 0, entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = add_name(names, dir->fd, entry->d_name, err);
    if (rc == HM_OK && errno != 0)
        rc = hm_error_errno(err, errno, "'%s' cannot be read", dir->path);
    (void)closedir(stream); /* only read from */
    if (rc == HM_OK && names->count > 0)
        qsort(names->items, names->count, sizeof(*names->items), compare);
    return rc;
}

static enum hm_rc walk(struct walk *walk_, const struct hm_dir *dir, size_t size, uint32_t depth,
                       struct hm_err *err);

static enum hm_rc descend(struct walk *state, const struct hm_dir *dir, const char *text,
                          size_t size, uint32_t depth, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir below = HM_DIR_INIT;
    char name[NAME_MAX + 1];
    size_t name_size = strlen(text) - 1; /* without '/' */
    enum hm_rc rc;

    memcpy(name, text, name_size);
    name[name_size] = '\0';
    rc = hm_dir_open_at(dir, name, false, err, &below);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    return rc == HM_OK ? walk(state, &below, size, depth + 1, err) : rc;
}

static enum hm_rc walk(struct walk *state, const struct hm_dir *dir, size_t size, uint32_t depth,
                       struct hm_err *err)
{
    _hm_done_(names_done) struct names names = {.items = NULL};

    if (depth > HM_DIR_DEPTH_MAX)
        return hm_fail(err, HM_EFORMAT, "'%s': more than %d folders within folders", dir->path,
                       HM_DIR_DEPTH_MAX);
    HM_TRY(read_names(dir, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *text = names.items[i].text;
        size_t text_size = strlen(text);

        if (size + text_size >= sizeof(state->path))
            return hm_fail(err, HM_EFORMAT, "'%s/%s': longer than %d bytes", dir->path, text,
                           HM_WALK_PATH_SIZE_MAX);
        memcpy(state->path + size, text, text_size + 1);
        HM_TRY(state->take(state->ctx, state->path, &names.items[i].info, err));
        state->path[size + text_size] = '\0';
        if (S_ISDIR(names.items[i].info.st_mode))
            HM_TRY(descend(state, dir, text, size + text_size, depth, err));
    }
    return HM_OK;
}

enum hm_rc hm_walk_run(const struct hm_dir *dir, hm_walk_fn *take, void *ctx, struct hm_err *err)
{
    _hm_free_(free) char *memory = calloc(1, sizeof(struct walk));
    struct walk *state = (void *)memory;

    if (state == NULL)
        return hm_error_nomem(err);
    state->take = take;
    state->ctx = ctx;
    return walk(state, dir, 0, 0, err);
}

bool hm_walk_is_temporary(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    static const char partial[] = ".partial";
    size_t size = strlen(name);

    if (name[0] != '.')
        return false;
    return strstr(name, ".tmp.") != NULL ||
           (size >= sizeof(partial) && strcmp(name + size - strlen(partial), partial) == 0);
}
