/* SPDX-License-Identifier: Apache-2.0 */
/* Which files belong into which index. See known.h. */
#include "match/known.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "customer/placed.h"

#define PLACED_FILE    "placed.json"
#define PLACED_INDEX   "index/placed"
#define STAMP_SIZE     128
#define FIRST_WANTS    64
#define NAME_COUNT_MAX 100000

struct wants {
    struct hm_index_want *items;
    size_t count, capacity;
    struct hm_arena arena;
};

static void wants_done(struct wants *wants)
{
    free(wants->items);
    hm_arena_done(&wants->arena);
}

static enum hm_rc add_want(struct wants *wants, const struct hm_index_want *want,
                           struct hm_err *err)
{
    if (wants->count == HM_KNOWN_FILE_COUNT_MAX)
        return hm_fail(err, HM_EINPUT, "more files than an index is kept of");
    if (wants->count == wants->capacity) {
        size_t grown = wants->capacity == 0 ? FIRST_WANTS : 2 * wants->capacity;
        void *moved = reallocarray(wants->items, grown, sizeof(*wants->items));

        if (moved == NULL)
            return hm_error_nomem(err);
        wants->items = moved;
        wants->capacity = grown;
    }
    wants->items[wants->count++] = *want;
    return HM_OK;
}

/* ---- what sync placed ------------------------------------------------------------------------ */

/* placed.json is replaced as a whole whenever it changes. */
static enum hm_rc placed_stamp(const struct hm_home *home, struct hm_err *err,
                               char ret_stamp[STAMP_SIZE])
{
    struct hm_placed_stamp file = {0};
    enum hm_rc rc = hm_placed_stat(&home->dir, PLACED_FILE, err, &file);

    if (rc != HM_OK)
        return rc;
    (void)snprintf(ret_stamp, STAMP_SIZE, "%llu %llu %lld\n", (unsigned long long)file.size,
                   (unsigned long long)file.inode, (long long)file.changed_ns); /* fits */
    return HM_OK;
}

static enum hm_rc want_placed(const struct hm_home *home, struct wants *wants, struct hm_err *err)
{
    _hm_done_(hm_placed_done) struct hm_placed placed = {0};

    HM_TRY(hm_placed_read(home, err, &placed));
    for (size_t i = 0; i < placed.count; i++) {
        const struct hm_placed_file *file = &placed.files[i];
        struct hm_index_want want = {.size = file->stamp.size,
                                     .inode = file->stamp.inode,
                                     .changed_ns = file->stamp.changed_ns,
                                     .has_sha256 = true,
                                     .sha256 = file->stamp.sha256};

        want.path = hm_arena_strdup(&wants->arena, hm_bytes_str(file->path));
        if (want.path == NULL)
            return hm_error_nomem(err);
        HM_TRY(add_want(wants, &want, err));
    }
    return HM_OK;
}

static enum hm_rc update_placed(const struct hm_home *home, const struct hm_dir *dir,
                                const char *worker, const struct hm_index_events *events,
                                struct hm_err *err)
{
    _hm_done_(wants_done) struct wants wants = {0};
    struct hm_index_counts counts;
    char stamp[STAMP_SIZE];
    enum hm_rc rc = placed_stamp(home, err, stamp);

    if (rc == HM_ENOTFOUND)
        (void)snprintf(stamp, sizeof(stamp), "nothing\n"); /* fits */
    else
        HM_TRY(rc);
    if (hm_index_is_current(dir, stamp))
        return HM_OK;
    HM_TRY(want_placed(home, &wants, err));
    return hm_index_update(dir, wants.items, wants.count, stamp, worker, events, err, &counts);
}

/* ---- folders --------------------------------------------------------------------------------- */

/* A folder still to be looked into, below the one that was named. */
struct waiting {
    const char *path; /* "" for itself */
    size_t depth;
};

struct search {
    struct hm_dir dir;
    struct waiting *items;
    size_t count, capacity;
    struct wants *wants;
    const struct hm_index_events *events;
};

static void search_done(struct search *search)
{
    free(search->items);
    hm_dir_done(&search->dir);
}

static enum hm_rc add_waiting(struct search *search, const char *path, size_t depth,
                              struct hm_err *err)
{
    if (search->count == search->capacity) {
        size_t grown = search->capacity == 0 ? FIRST_WANTS : 2 * search->capacity;
        void *moved = reallocarray(search->items, grown, sizeof(*search->items));

        if (moved == NULL)
            return hm_error_nomem(err);
        search->items = moved;
        search->capacity = grown;
    }
    search->items[search->count++] = (struct waiting){.path = path, .depth = depth};
    return HM_OK;
}

static void tell(const struct search *search, const char *path, const char *why)
{
    char sentence[HM_ERR_TEXT_MAX];

    if (search->events == NULL || search->events->notice == NULL)
        return;
    (void)snprintf(sentence, sizeof(sentence), "'%.400s/%.400s' is left out: %.150s",
                   search->dir.path, path, why);
    search->events->notice(search->events->ctx, sentence);
}

static enum hm_rc add_file(struct search *search, const char *path, const struct stat *st,
                           struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf whole = HM_BUF_INIT(2 * HM_INDEX_FILE_PATH_SIZE_MAX);
    struct hm_index_want want = {
        .size = (uint64_t)st->st_size,
        .inode = (uint64_t)st->st_ino & INT64_MAX,
        .changed_ns =
            (int64_t)st->st_ctim.tv_sec * INT64_C(1000000000) + (int64_t)st->st_ctim.tv_nsec,
    };

    if (st->st_size == 0)
        return HM_OK;
    if (hm_buf_append_fmt(&whole, err, "%s/%s", search->dir.path, path) != HM_OK ||
        whole.size > HM_INDEX_FILE_PATH_SIZE_MAX) {
        tell(search, path, "its path is too long");
        return HM_OK;
    }
    want.path = hm_arena_strdup(&search->wants->arena, hm_buf_bytes(&whole));
    if (want.path == NULL)
        return hm_error_nomem(err);
    return add_want(search->wants, &want, err);
}

static enum hm_rc look_at(struct search *search, const struct waiting *above, const char *name,
                          struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(2 * HM_INDEX_FILE_PATH_SIZE_MAX);
    struct stat st;
    const char *kept;

    HM_TRY(hm_buf_append_fmt(&path, err, "%s%s%s", above->path, above->path[0] == '\0' ? "" : "/",
                             name));
    /* Links are not followed: what they lead to is somewhere else. */
    if (fstatat(search->dir.fd, hm_buf_str(&path), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return HM_OK; /* it was removed meanwhile */
    if (S_ISREG(st.st_mode))
        return add_file(search, hm_buf_str(&path), &st, err);
    if (!S_ISDIR(st.st_mode))
        return HM_OK;
    if (above->depth == HM_KNOWN_DEPTH_MAX) {
        tell(search, hm_buf_str(&path), "folders within folders without end");
        return HM_OK;
    }
    kept = hm_arena_strdup(&search->wants->arena, hm_buf_bytes(&path));
    if (kept == NULL)
        return hm_error_nomem(err);
    return add_waiting(search, kept, above->depth + 1, err);
}

static enum hm_rc want_folder(const char *path, const struct hm_index_events *events,
                              struct wants *wants, struct hm_err *err)
{
    _hm_done_(search_done) struct search search = {
        .dir = HM_DIR_INIT, .wants = wants, .events = events};

    HM_TRY(hm_dir_open(path, err, &search.dir));
    HM_TRY(add_waiting(&search, "", 0, err));
    while (search.count > 0) {
        struct waiting above = search.items[--search.count];
        const char **names = NULL;
        size_t count = 0;
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc = hm_dir_list(&search.dir, above.path, NAME_COUNT_MAX, &wants->arena, &why,
                                    &names, &count);

        if (rc != HM_OK && (above.depth == 0 || hm_error_exit_status(rc) == 4))
            return hm_fail(err, rc, "%s", why.text);
        if (rc != HM_OK)
            tell(&search, above.path, why.text);
        for (size_t i = 0; rc == HM_OK && i < count; i++)
            HM_TRY(look_at(&search, &above, names[i], err));
    }
    return HM_OK;
}

static enum hm_rc update_folder(const char *path, const struct hm_dir *dir, const char *worker,
                                const struct hm_index_events *events, struct hm_err *err)
{
    _hm_done_(wants_done) struct wants wants = {0};
    struct hm_index_counts counts;

    HM_TRY(want_folder(path, events, &wants, err));
    return hm_index_update(dir, wants.items, wants.count, NULL, worker, events, err, &counts);
}

/* ---- opening --------------------------------------------------------------------------------- */

static enum hm_rc index_name(const char *path, struct hm_err *err, char ret_name[32])
{
    struct hm_sha256 sha256;
    char hex[17];

    HM_TRY(hm_digest_sha256(hm_bytes_str(path), err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, 8), hex);
    (void)snprintf(ret_name, 32, "index/in-%s", hex); /* fits */
    return HM_OK;
}

/* An index that cannot be brought up to date still knows what it knew. */
static enum hm_rc open_index(const struct hm_dir *dir, enum hm_rc updated, const struct hm_err *why,
                             const struct hm_index_events *events, struct hm_index *index,
                             struct hm_err *err)
{
    char sentence[HM_ERR_TEXT_MAX];

    if (updated != HM_OK && updated != HM_EINPUT && updated != HM_EIO && updated != HM_EBUSY)
        return hm_fail(err, updated, "%s", why->text);
    if (updated != HM_OK && events != NULL && events->notice != NULL) {
        (void)snprintf(sentence, sizeof(sentence),
                       "the index of known images is used as it was: %.800s", why->text);
        events->notice(events->ctx, sentence);
    }
    return hm_index_open(dir, err, index);
}

static enum hm_rc add_source(struct hm_known *known, const struct hm_home *home, const char *name,
                             const char *folder, const char *worker,
                             const struct hm_index_events *events, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_index *index = hm_arena_alloc(&known->arena, 1, sizeof(*index));
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    if (index == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_dir_open_at(&home->dir, name, true, err, &dir));
    if (folder == NULL)
        rc = update_placed(home, &dir, worker, events, &why);
    else
        rc = update_folder(folder, &dir, worker, events, &why);
    HM_TRY(open_index(&dir, rc, &why, events, index, err));
    known->sources[known->count] = index;
    known->folders[known->count++] = folder;
    return HM_OK;
}

static enum hm_rc add_folder(struct hm_known *known, const struct hm_home *home, const char *path,
                             const char *worker, const struct hm_index_events *events,
                             struct hm_err *err)
{
    _hm_free_(free) char *real = realpath(path, NULL);
    char name[32];
    char *kept;

    if (real == NULL)
        return hm_error_errno(err, errno, "cannot find '%s'", path);
    kept = hm_arena_strdup(&known->arena, hm_bytes_str(real));
    if (kept == NULL)
        return hm_error_nomem(err);
    HM_TRY(index_name(kept, err, name));
    return add_source(known, home, name, kept, worker, events, err);
}

void hm_known_done(struct hm_known *known)
{
    for (size_t i = 0; i < known->count; i++) {
        struct hm_index index = *known->sources[i];

        hm_index_done(&index);
    }
    hm_arena_done(&known->arena);
    *known = (struct hm_known){0};
}

enum hm_rc hm_known_open(const struct hm_home *home, const char *const *folders,
                         size_t folder_count, const char *worker,
                         const struct hm_index_events *events, struct hm_err *err,
                         struct hm_known *ret_known)
{
    _hm_done_(hm_known_done) struct hm_known known = {0};

    if (folder_count > HM_KNOWN_FOLDER_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d folders at once", HM_KNOWN_FOLDER_COUNT_MAX);
    known.sources = hm_arena_alloc(&known.arena, folder_count + 1, sizeof(*known.sources));
    known.folders = hm_arena_alloc(&known.arena, folder_count + 1, sizeof(*known.folders));
    if (known.sources == NULL || known.folders == NULL)
        return hm_error_nomem(err);
    HM_TRY(add_source(&known, home, PLACED_INDEX, NULL, worker, events, err));
    for (size_t i = 0; i < folder_count; i++)
        HM_TRY(add_folder(&known, home, folders[i], worker, events, err));
    *ret_known = known;
    known = (struct hm_known){0};
    return HM_OK;
}
