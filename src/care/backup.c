/* SPDX-License-Identifier: Apache-2.0 */
/* Making a backup (backup.h). */
#include "care/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "account/accounts.h"
#include "base/file.h"
#include "care/copy_file.h"
#include "care/walk.h"
#include "site/log_memory.h"
#include "site/tree.h"

#define LOCK "lock" /* in a partial backup: one writes it */

struct backup {
    const struct hm_backup_options *options;
    struct hm_site *site;
    struct hm_dir parent;  /* of the backup */
    const char *name;      /* of it there */
    struct hm_buf partial; /* its name until it is whole */
    struct hm_dir to;      /* parent/partial */
    struct hm_dir files;   /* parent/partial/site */
    struct hm_lock lock;
    struct hm_dir previous;               /* the site's files in the backup before; fd -1: none */
    struct hm_manifest *before;           /* its manifest, or NULL */
    struct hm_manifest *early, *manifest; /* copied without the site's lock; all */
    struct hm_backup_result result;
};

static void backup_done(struct backup *backup)
{
    hm_lock_done(&backup->lock);
    hm_dir_done(&backup->previous);
    hm_dir_done(&backup->files);
    hm_dir_done(&backup->to);
    hm_dir_done(&backup->parent);
    hm_buf_done(&backup->partial);
    hm_manifest_free(backup->before);
    hm_manifest_free(backup->early);
    hm_manifest_free(backup->manifest);
    hm_site_free(backup->site);
}

/* ---- what belongs in a backup ---------------------------------------------------------------- */

static bool has_prefix(const char *path, const char *prefix)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path);

    return size >= strlen(suffix) && strcmp(path + size - strlen(suffix), suffix) == 0;
}

/* The one database that has a folder of its own (docs/formats.md 22), and what must be of the same
 * moment: in this order, as the checkpoint and what witnesses said are of no more than the records.
 */
#define DELIVERIES "deliveries/deliveries.db"
static const char *const of_deliveries[] = {"public/deliveries/checkpoint",
                                            "private/deliveries/witnesses.json",
                                            "private/deliveries/log/records"};

static bool is_of_deliveries(const char *path)
{
    return strcmp(path, of_deliveries[0]) == 0 || has_prefix(path, "private/deliveries/");
}

static bool is_key(const char *path)
{
    return (has_prefix(path, "private/keys/") && !has_suffix(path, "/")) ||
           strcmp(path, "private/serve/tls.key") == 0;
}

/* Copied before all others, at a moment of their own. */
static bool is_of_moment(const char *path)
{
    return is_of_deliveries(path) ||
           (has_prefix(path, "private/") && strchr(path + strlen("private/"), '/') == NULL &&
            has_suffix(path, ".db"));
}

static bool is_left_out(const char *path)
{
    static const char *const ends[] = {"/lock", ".db-journal", ".db-wal", ".db-shm"};
    static const char *const kept[] = {"private/serve/", "private/serve/tls.pem",
                                       "private/serve/tls.key"};

    if (!has_prefix(path, "public/") && !has_prefix(path, "private/"))
        return true; /* somebody else's, beside the site */
    for (size_t i = 0; i < HM_ARRAY_COUNT(ends); i++)
        if (has_prefix(path, "private/") && has_suffix(path, ends[i]))
            return true;
    for (size_t i = 0; i < HM_ARRAY_COUNT(kept); i++)
        if (strcmp(path, kept[i]) == 0)
            return false;
    return has_prefix(path, "private/serve/") || has_prefix(path, "private/publish/next.tmp/") ||
           strcmp(path, "private/restored") == 0 || hm_walk_is_temporary(path);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The folder of path in the backup is there. */
static enum hm_rc make_parent(const struct backup *backup, const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir made = HM_DIR_INIT;
    char folder[HM_MANIFEST_PATH_MAX + 1];
    size_t size = (size_t)(strrchr(path, '/') - path); /* below public/ or private/ */

    if (size >= sizeof(folder))
        return hm_fail(err, HM_EUSAGE, "'%s': longer than a path may be", path);
    memcpy(folder, path, size);
    folder[size] = '\0';
    return hm_dir_open_at(&backup->files, folder, true, err, &made);
}

static uint64_t time_of(const struct stat *info)
{
    return info->st_mtim.tv_sec < 0
               ? 0
               : (uint64_t)info->st_mtim.tv_sec * 1000000000U + (uint64_t)info->st_mtim.tv_nsec;
}

static bool is_same(const struct hm_manifest_item *item, const struct stat *info)
{
    return item != NULL && !item->is_folder && item->size == (uint64_t)info->st_size &&
           item->time_ns == time_of(info);
}

/* Shares the file with the backup before. HM_EAGAIN: it cannot be. */
static enum hm_rc share(const struct backup *backup, const char *path, struct hm_err *err)
{
    struct stat there, here;

    if (fstatat(backup->previous.fd, path, &there, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(there.st_mode))
        return HM_EAGAIN;
    if (fstatat(backup->files.fd, path, &here, AT_SYMLINK_NOFOLLOW) == 0) {
        if (here.st_dev == there.st_dev && here.st_ino == there.st_ino)
            return HM_OK;
        HM_TRY(hm_dir_remove_tree(&backup->files, path, err));
    }
    return linkat(backup->previous.fd, path, backup->files.fd, path, 0) == 0 ? HM_OK : HM_EAGAIN;
}

/* What an interrupted run has copied: its bytes are compared when all is read back. */
static bool is_copied(const struct backup *backup, const char *path, const struct stat *info,
                      uint32_t mode)
{
    struct stat here;

    return fstatat(backup->files.fd, path, &here, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(here.st_mode) && here.st_size == info->st_size &&
           (here.st_mode & 0777) == mode && time_of(&here) == time_of(info);
}

static enum hm_rc digest_source(const struct backup *backup, struct hm_manifest_item *item,
                                struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    uint64_t size;

    HM_TRY(hm_dir_open_file(&backup->site->dir, item->path, err, &fd, &size));
    HM_TRY(hm_digest_fd(fd, NULL, NULL, err, &item->sha256, &size));
    return size == item->size
               ? HM_OK
               : hm_fail(err, HM_EAGAIN, "'%s' was changed while it was read", item->path);
}

static enum hm_rc put(struct backup *backup, struct hm_manifest_item *item, const struct stat *info,
                      struct hm_err *err)
{
    const struct hm_manifest_item *before =
        backup->before == NULL ? NULL : hm_manifest_find(backup->before, item->path);

    HM_TRY(make_parent(backup, item->path, err));
    item->size = (uint64_t)info->st_size;
    item->time_ns = time_of(info);
    if (is_same(before, info) && before->mode == item->mode) {
        enum hm_rc rc = share(backup, item->path, err);

        if (rc == HM_OK) {
            item->sha256 = before->sha256;
            item->is_new = backup->options->verify_all;
            return HM_OK;
        }
        if (rc != HM_EAGAIN)
            return rc;
    }
    item->is_new = true;
    backup->result.copied_count++;
    backup->result.copied_bytes += item->size;
    if (is_copied(backup, item->path, info, item->mode))
        return digest_source(backup, item, err);
    return hm_copy_file_run(&backup->site->dir, item->path, &backup->files, item->path, item, err);
}

/* Copies one file; it may be gone meanwhile, as the deliveries log's partial tiles go. */
static enum hm_rc put_now(struct backup *backup, const char *path, const struct stat *info,
                          struct hm_manifest *list, struct hm_err *err)
{
    struct hm_manifest_item item = {.path = path, .mode = info->st_mode & 0777};
    enum hm_rc rc = HM_OK;

    if (!S_ISREG(info->st_mode))
        return hm_fail(err, HM_EINPUT, "'%s/%s' is no regular file: nothing of the site's",
                       backup->site->dir.path, path);
    for (int i = 0; i < HM_BACKUP_TRIES; i++) {
        struct stat now = *info;

        if (i > 0 && fstatat(backup->site->dir.fd, path, &now, AT_SYMLINK_NOFOLLOW) != 0)
            return HM_OK;
        rc = put(backup, &item, &now, err);
        if (rc != HM_EAGAIN)
            break;
    }
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    return rc == HM_OK ? hm_manifest_add(list, &item, err) : rc;
}

/* Without the lock: what is public, most of which never changes. */
static enum hm_rc on_early(void *ctx, const char *path, const struct stat *info, struct hm_err *err)
{
    struct backup *backup = ctx;
    enum hm_rc rc;

    if (S_ISDIR(info->st_mode) || !has_prefix(path, "public/") || is_left_out(path) ||
        is_of_moment(path))
        return HM_OK;
    rc = put_now(backup, path, info, backup->early, err);
    return rc == HM_EAGAIN ? HM_OK : rc; /* what changes is left for later */
}

static enum hm_rc on_all(void *ctx, const char *path, const struct stat *info, struct hm_err *err)
{
    struct backup *backup = ctx;
    struct hm_manifest_item item = {.path = path, .is_folder = true, .mode = info->st_mode & 0777};
    const struct hm_manifest_item *found = hm_manifest_find(backup->early, path);

    if (is_left_out(path))
        return HM_OK;
    if (is_key(path) && !backup->options->with_keys) {
        backup->result.key_count++;
        return HM_OK;
    }
    if (S_ISDIR(info->st_mode)) {
        HM_TRY(make_parent(backup, path, err));
        return hm_manifest_add(backup->manifest, &item, err);
    }
    if (is_of_moment(path)) /* what was made since is of no account */
        return found == NULL ? HM_OK : hm_manifest_add(backup->manifest, found, err);
    if (is_same(found, info) && found->mode == item.mode)
        return hm_manifest_add(backup->manifest, found, err);
    return put_now(backup, path, info, backup->manifest, err);
}

/* ---- databases ------------------------------------------------------------------------------- */

/* folder: "private" or below it. take: what else is of its moment, or NULL. */
static enum hm_rc put_database(struct backup *backup, const char *folder, const char *name,
                               hm_database_moment_fn *take, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir from = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir to = HM_DIR_INIT;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    char path[64 + NAME_MAX];
    struct hm_manifest_item item = {.path = path, .mode = 0600, .is_new = true};
    struct stat info;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name); /* a name of a folder's fits */
    HM_TRY(hm_dir_open_at(&backup->site->dir, folder, false, err, &from));
    HM_TRY(hm_dir_open_at(&backup->files, folder, true, err, &to));
    HM_TRY(hm_dir_remove_tree(&to, name, err));
    HM_TRY(
        hm_database_copy_with(&from, name, &to, name, backup->options->wait_ms, take, backup, err));
    HM_TRY(hm_dir_open_file(&to, name, err, &fd, &item.size));
    HM_TRY(hm_digest_fd(fd, NULL, NULL, err, &item.sha256, &item.size));
    if (fstat(fd, &info) != 0)
        return hm_error_errno(err, errno, "'%s' cannot be looked at", path);
    item.time_ns = time_of(&info);
    backup->result.copied_count++;
    backup->result.copied_bytes += item.size;
    return hm_manifest_add(backup->early, &item, err);
}

/* Nobody writes to the ledger: no batch is planned, and what is planned is in the log or is not. */
static enum hm_rc put_deliveries(void *ctx, struct hm_err *err)
{
    struct backup *backup = ctx;

    for (size_t i = 0; i < HM_ARRAY_COUNT(of_deliveries); i++) {
        const char *path = of_deliveries[i];
        struct stat info;

        if (fstatat(backup->site->dir.fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0)
            HM_TRY(put_now(backup, path, &info, backup->early, err));
        else if (errno != ENOENT)
            return hm_error_errno(err, errno, "'%s' cannot be looked at", path);
    }
    return HM_OK;
}

static enum hm_rc put_databases(struct backup *backup, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **names;
    size_t count;

    HM_TRY(hm_dir_list(&backup->site->private_dir, ".", 4096, &arena, err, &names, &count));
    for (size_t i = 0; i < count; i++)
        if (has_suffix(names[i], ".db"))
            HM_TRY(put_database(backup, "private", names[i], NULL, err));
    if (!hm_dir_has(&backup->site->private_dir, DELIVERIES))
        return put_deliveries(backup, err);
    return put_database(backup, "private/deliveries", "deliveries.db", put_deliveries, err);
}

/* ---- what state it is of --------------------------------------------------------------------- */

static enum hm_rc read_generation(const struct backup *backup, struct hm_err *err,
                                  uint64_t *ret_generation)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = {.database = NULL};
    enum hm_rc rc = hm_accounts_open(&backup->site->private_dir, HM_DATABASE_READ,
                                     backup->options->wait_ms, err, &accounts);

    *ret_generation = 0;
    if (rc == HM_ENOTFOUND || rc == HM_EAGAIN) /* none, or one of an older version */
        return HM_OK;
    return rc == HM_OK ? hm_accounts_generation(&accounts, err, ret_generation) : rc;
}

static enum hm_rc describe(struct backup *backup, struct hm_err *err)
{
    _hm_free_(hm_tree_free) struct hm_tree *tree = NULL;
    struct hm_manifest *manifest = backup->manifest;
    struct hm_log_memory memory;

    HM_TRY(hm_tree_load(backup->site, err, &tree));
    HM_TRY(hm_log_memory_load(backup->site, err, &memory));
    manifest->site = backup->site->config.name;
    manifest->made_unix_s = backup->options->now_unix_s;
    manifest->has_keys = backup->options->with_keys;
    manifest->root = (uint64_t)hm_tree_version(tree, "root");
    manifest->timestamp = (uint64_t)hm_tree_version(tree, "timestamp");
    manifest->log_size = memory.size;
    return HM_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct hm_manifest_item *)a)->path,
                  ((const struct hm_manifest_item *)b)->path);
}

static enum hm_rc copy_early(struct backup *backup, struct hm_err *err)
{
    HM_TRY(put_databases(backup, err));
    HM_TRY(hm_walk_run(&backup->site->dir, on_early, backup, err));
    if (backup->early->count > 0)
        qsort(backup->early->items, backup->early->count, sizeof(*backup->early->items), by_path);
    return HM_OK;
}

/* With the site's lock: nothing changes but customers and deliveries. */
static enum hm_rc copy_locked(struct backup *backup, struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;

    HM_TRY(hm_lock_take(&backup->site->private_dir, LOCK, backup->options->wait_ms, err, &lock));
    HM_TRY(hm_walk_run(&backup->site->dir, on_all, backup, err));
    return describe(backup, err);
}

/* ---- the backup ------------------------------------------------------------------------------ */

enum hm_rc hm_backup_open(const char *path, struct hm_err *err, struct hm_dir *ret_dir,
                          struct hm_manifest **ret_manifest)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_MANIFEST_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(hm_dir_open(path, err, &dir));
    rc = hm_dir_read(&dir, HM_MANIFEST_NAME, err, &raw);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT,
                       "'%s' is no backup of a site: it has no '" HM_MANIFEST_NAME "'", path);
    if (rc == HM_OK)
        rc = hm_manifest_parse(hm_buf_bytes(&raw), err, ret_manifest);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/" HM_MANIFEST_NAME "'", path);
    *ret_dir = dir;
    dir = (struct hm_dir)HM_DIR_INIT;
    return HM_OK;
}

/* The backup that is there under the final name. */
static enum hm_rc open_previous(struct backup *backup, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    if (!hm_dir_has(&backup->parent, backup->name))
        return HM_OK;
    HM_TRY(hm_backup_open(backup->options->to, err, &dir, &backup->before));
    if (strcmp(backup->before->site, backup->site->config.name) != 0)
        return hm_fail(err, HM_EREFUSED, "'%s' is a backup of site '%s', not of '%s'",
                       backup->options->to, backup->before->site, backup->site->config.name);
    return hm_dir_open_at(&dir, HM_BACKUP_SITE, false, err, &backup->previous);
}

/* parent and name of a path of the user's. */
static enum hm_rc split(struct backup *backup, struct hm_err *err)
{
    const char *to = backup->options->to;
    const char *slash = strrchr(to, '/');
    _hm_free_(free) char *folder = NULL;
    size_t size = slash == NULL || slash == to ? 1 : (size_t)(slash - to);

    backup->name = slash == NULL ? to : slash + 1;
    if (!hm_dir_is_safe_path(backup->name))
        return hm_fail(err, HM_EUSAGE, "'%s': give the backup a name, without '/' at its end", to);
    folder = calloc(size + 1, 1);
    if (folder == NULL)
        return hm_error_nomem(err);
    memcpy(folder, slash == NULL ? "." : to, size);
    HM_TRY(hm_dir_open(folder, err, &backup->parent));
    return hm_buf_append_fmt(&backup->partial, err, "%s" HM_BACKUP_PARTIAL, backup->name);
}

/* A backup within the site would be served, or copied into itself. */
static enum hm_rc check_outside(const struct backup *backup, struct hm_err *err)
{
    _hm_free_(free) char *site = realpath(backup->site->dir.path, NULL);
    _hm_free_(free) char *parent = realpath(backup->parent.path, NULL);
    size_t size = site == NULL ? 0 : strlen(site);

    if (site == NULL || parent == NULL)
        return hm_fail(err, HM_EINPUT, "'%s' cannot be found", backup->options->to);
    if (strncmp(site, parent, size) == 0 && (parent[size] == '/' || parent[size] == '\0'))
        return hm_fail(err, HM_EREFUSED, "'%s' lies within the site's folder: choose another place",
                       backup->options->to);
    return HM_OK;
}

static enum hm_rc open_partial(struct backup *backup, struct hm_err *err)
{
    const char *name = hm_buf_str(&backup->partial);

    if (mkdirat(backup->parent.fd, name, 0700) != 0 && errno != EEXIST)
        return hm_error_errno(err, errno, "'%s" HM_BACKUP_PARTIAL "' cannot be made",
                              backup->options->to);
    HM_TRY(hm_dir_open_at(&backup->parent, name, false, err, &backup->to));
    HM_TRY(hm_lock_take(&backup->to, LOCK, 0, err, &backup->lock));
    HM_TRY(hm_dir_remove(&backup->to, HM_MANIFEST_NAME, err)); /* not whole any more */
    return hm_dir_open_at(&backup->to, HM_BACKUP_SITE, true, err, &backup->files);
}

/* Of an interrupted run: what is no part of this one. */
static enum hm_rc on_stray(void *ctx, const char *path, const struct stat *info, struct hm_err *err)
{
    struct backup *backup = ctx;
    char plain[HM_WALK_PATH_SIZE_MAX];
    size_t size = strlen(path);

    (void)info;
    if (strcmp(path, "public/") == 0 || strcmp(path, "private/") == 0 ||
        hm_manifest_find(backup->manifest, path) != NULL)
        return HM_OK;
    memcpy(plain, path, size + 1);
    if (path[size - 1] == '/')
        plain[size - 1] = '\0';
    return hm_dir_remove_tree(&backup->files, plain, err);
}

static enum hm_rc read_back(struct backup *backup, struct hm_err *err)
{
    for (size_t i = 0; i < backup->manifest->count; i++) {
        const struct hm_manifest_item *item = &backup->manifest->items[i];

        if (item->is_folder)
            continue;
        backup->result.file_count++;
        backup->result.byte_count += item->size;
        if (item->is_new)
            HM_TRY(hm_copy_file_verify(&backup->files, item->path, item, err));
    }
    return HM_OK;
}

static enum hm_rc write_manifest(struct backup *backup, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_MANIFEST_SIZE_MAX);

    HM_TRY(hm_manifest_write(backup->manifest, err, &text));
    return hm_file_replace(&backup->to, HM_MANIFEST_NAME, 0600, hm_buf_bytes(&text), err);
}

/* Takes its name; what had it goes. */
static enum hm_rc put_in_place(struct backup *backup, struct hm_err *err)
{
    const char *partial = hm_buf_str(&backup->partial);

    HM_TRY(hm_dir_remove(&backup->to, LOCK, err));
    if (backup->before == NULL)
        return hm_dir_rename(&backup->parent, partial, &backup->parent, backup->name, err);
    if (renameat2(backup->parent.fd, partial, backup->parent.fd, backup->name, RENAME_EXCHANGE) !=
        0)
        return hm_error_errno(err, errno, "'%s' cannot take its place", backup->options->to);
    if (fsync(backup->parent.fd) != 0)
        return hm_error_errno(err, errno, "the folder of '%s' cannot be flushed",
                              backup->options->to);
    return hm_dir_remove_tree(&backup->parent, partial, err);
}

static enum hm_rc run(struct backup *backup, struct hm_err *err)
{
    uint64_t generation;

    HM_TRY(split(backup, err));
    HM_TRY(check_outside(backup, err));
    HM_TRY(open_previous(backup, err));
    HM_TRY(open_partial(backup, err));
    HM_TRY(hm_manifest_new(err, &backup->early));
    HM_TRY(hm_manifest_new(err, &backup->manifest));
    HM_TRY(read_generation(backup, err, &generation));
    HM_TRY(copy_early(backup, err));
    HM_TRY(copy_locked(backup, err));
    backup->manifest->customers = generation; /* at least: the copy came after */
    HM_TRY(hm_walk_run(&backup->files, on_stray, backup, err));
    HM_TRY(hm_copy_file_flush(&backup->to, err));
    HM_TRY(read_back(backup, err));
    HM_TRY(write_manifest(backup, err));
    return put_in_place(backup, err);
}

enum hm_rc hm_backup_run(const char *site_path, const struct hm_backup_options *options,
                         struct hm_err *err, struct hm_backup_result *ret_result)
{
    _hm_done_(backup_done) struct backup backup = {.options = options,
                                                   .parent = HM_DIR_INIT,
                                                   .partial = HM_BUF_INIT(NAME_MAX + 16),
                                                   .to = HM_DIR_INIT,
                                                   .files = HM_DIR_INIT,
                                                   .lock = HM_LOCK_INIT,
                                                   .previous = HM_DIR_INIT};

    HM_TRY(hm_site_open(site_path, HM_SITE_READ, 0, options->now_unix_s, err, &backup.site));
    HM_TRY(run(&backup, err));
    *ret_result = backup.result;
    return HM_OK;
}
