/* SPDX-License-Identifier: Apache-2.0 */
/* Restoring a site (restore.h). */
#include "care/restore.h"

#include <errno.h>
#include <sys/stat.h>

#include "account/accounts.h"
#include "base/file.h"
#include "care/backup.h"
#include "care/copy_file.h"
#include "site/hold.h"
#include "site/tree.h"

struct restore {
    const struct hm_restore_options *options;
    struct hm_manifest *manifest;
    struct hm_dir backup, files; /* it, and its "site" */
    struct hm_dir parent;        /* of the site to be */
    const char *name;
    struct hm_buf partial; /* its name until all is there */
    struct hm_dir to;
    struct hm_restore_result result;
};

static void restore_done(struct restore *restore)
{
    hm_manifest_free(restore->manifest);
    hm_dir_done(&restore->files);
    hm_dir_done(&restore->backup);
    hm_dir_done(&restore->to);
    hm_dir_done(&restore->parent);
    hm_buf_done(&restore->partial);
}

static enum hm_rc open_parent(struct restore *restore, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char *to = restore->options->to;
    const char *slash = strrchr(to, '/');
    _hm_free_(free) char *folder = NULL;
    size_t size = slash == NULL || slash == to ? 1 : (size_t)(slash - to);
    const char **names;
    size_t count = 0;
    enum hm_rc rc;

    restore->name = slash == NULL ? to : slash + 1;
    if (!hm_dir_is_safe_path(restore->name))
        return hm_fail(err, HM_EUSAGE, "'%s': give the folder a name, without '/' at its end", to);
    folder = calloc(size + 1, 1);
    if (folder == NULL)
        return hm_error_nomem(err);
    memcpy(folder, slash == NULL ? "." : to, size);
    HM_TRY(hm_dir_open(folder, err, &restore->parent));
    rc = hm_dir_list(&restore->parent, restore->name, 1, &arena, err, &names, &count);
    if (rc != HM_ENOTFOUND && (rc != HM_OK || count > 0))
        return hm_fail(err, HM_EREFUSED, "'%s' is not empty: a site is restored to a new folder",
                       to);
    return hm_buf_append_fmt(&restore->partial, err, "%s" HM_BACKUP_PARTIAL, restore->name);
}

static enum hm_rc make_partial(struct restore *restore, struct hm_err *err)
{
    const char *name = hm_buf_str(&restore->partial);

    /* Somebody's folder of that name is not ours to clear. */
    if (hm_dir_has(&restore->parent, name)) {
        _hm_done_(hm_dir_done) struct hm_dir old = HM_DIR_INIT;

        HM_TRY(hm_dir_open_at(&restore->parent, name, false, err, &old));
        if (!hm_dir_has(&old, "private"))
            return hm_fail(err, HM_EREFUSED,
                           "'%s/%s' is there, and no restore that was "
                           "interrupted: move it away",
                           restore->parent.path, name);
        HM_TRY(hm_dir_remove_tree(&restore->parent, name, err));
    }
    if (mkdirat(restore->parent.fd, name, 0700) != 0)
        return hm_error_errno(err, errno, "'%s/%s' cannot be made", restore->parent.path, name);
    HM_TRY(hm_dir_open_at(&restore->parent, name, false, err, &restore->to));
    if (mkdirat(restore->to.fd, "private", 0700) != 0)
        return hm_error_errno(err, errno, "'%s/private' cannot be made", restore->to.path);
    /* Before anything that could be taken for a site. */
    {
        _hm_done_(hm_dir_done) struct hm_dir held = HM_DIR_INIT;

        HM_TRY(hm_dir_open_at(&restore->to, "private", false, err, &held));
        return hm_hold_set(&held, restore->manifest->made_unix_s, restore->options->now_unix_s,
                           err);
    }
}

/* A backup says who may read; but nobody reads what is private, and everybody what is public. */
static mode_t mode_of(const struct hm_manifest_item *item)
{
    if (strncmp(item->path, "private/", 8) == 0)
        return item->mode & 0700;
    return item->is_folder ? 0755 : 0644;
}

static enum hm_rc put_folder(struct restore *restore, const struct hm_manifest_item *item,
                             struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir made = HM_DIR_INIT;
    char path[HM_MANIFEST_PATH_MAX + 1];
    size_t size = strlen(item->path) - 1;

    memcpy(path, item->path, size);
    path[size] = '\0';
    HM_TRY(hm_dir_open_at(&restore->to, path, true, err, &made));
    if (fchmod(made.fd, mode_of(item) | 0700) != 0)
        return hm_error_errno(err, errno, "'%s': its mode cannot be set", made.path);
    return HM_OK;
}

static enum hm_rc put_file(struct restore *restore, const struct hm_manifest_item *item,
                           struct hm_err *err)
{
    struct hm_manifest_item copy = *item;
    enum hm_rc rc;

    copy.mode = mode_of(item);
    rc = hm_copy_file_run(&restore->files, item->path, &restore->to, item->path, &copy, err);
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EMISMATCH, "'%s' is missing in the backup", item->path);
    if (rc != HM_OK)
        return rc;
    if (copy.size != item->size || !hm_digest_is_equal(&copy.sha256, &item->sha256))
        return hm_fail(err, HM_EMISMATCH, "'%s' has other bytes than the backup was made with",
                       item->path);
    restore->result.file_count++;
    restore->result.byte_count += item->size;
    return HM_OK;
}

/* The newest customers and revocations are better than older ones, whatever else was lost. */
static enum hm_rc put_accounts(struct restore *restore, struct hm_err *err)
{
    _hm_done_(hm_accounts_done) struct hm_accounts accounts = {.database = NULL};
    _hm_done_(hm_dir_done) struct hm_dir from = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir to = HM_DIR_INIT;
    const char *path = restore->options->accounts;
    const char *slash = strrchr(path, '/');
    _hm_free_(free) char *folder = strndup(
        slash == NULL ? "." : path, slash == NULL || slash == path ? 1 : (size_t)(slash - path));

    if (folder == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_dir_open(folder, err, &from));
    HM_TRY(hm_dir_open_at(&restore->to, "private", false, err, &to));
    HM_TRY(hm_dir_remove(&to, HM_ACCOUNTS_FILE, err));
    HM_TRY(hm_database_copy(&from, slash == NULL ? path : slash + 1, &to, HM_ACCOUNTS_FILE,
                            HM_SITE_WAIT_MS, err));
    HM_TRY(hm_accounts_open(&to, HM_DATABASE_CHANGE, HM_SITE_WAIT_MS, err, &accounts));
    HM_TRY(hm_accounts_generation(&accounts, err, &restore->result.customers));
    if (restore->result.customers < restore->manifest->customers)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' has %llu changes of customers, and the backup's has %llu: it is older",
                       path, (unsigned long long)restore->result.customers,
                       (unsigned long long)restore->manifest->customers);
    return HM_OK;
}

/* What is there is a whole site, and says of itself what the manifest says. */
static enum hm_rc check_site(struct restore *restore, struct hm_err *err)
{
    const struct hm_manifest *manifest = restore->manifest;
    _hm_free_(hm_site_free) struct hm_site *site = NULL;
    _hm_free_(hm_tree_free) struct hm_tree *tree = NULL;

    HM_TRY(
        hm_site_open(restore->to.path, HM_SITE_READ, 0, restore->options->now_unix_s, err, &site));
    HM_TRY(hm_tree_load(site, err, &tree));
    if (strcmp(site->config.name, manifest->site) != 0 ||
        (uint64_t)hm_tree_version(tree, "root") != manifest->root ||
        (uint64_t)hm_tree_version(tree, "timestamp") != manifest->timestamp)
        return hm_fail(err, HM_EMISMATCH,
                       "the backup's files are of another state than its "
                       "'" HM_MANIFEST_NAME "' says");
    return HM_OK;
}

static enum hm_rc run(struct restore *restore, struct hm_err *err)
{
    const struct hm_manifest *manifest;

    HM_TRY(hm_backup_open(restore->options->from, err, &restore->backup, &restore->manifest));
    manifest = restore->manifest;
    HM_TRY(hm_dir_open_at(&restore->backup, HM_BACKUP_SITE, false, err, &restore->files));
    restore->result.made_unix_s = manifest->made_unix_s;
    restore->result.has_keys = manifest->has_keys;
    restore->result.root = manifest->root;
    restore->result.timestamp = manifest->timestamp;
    restore->result.log_size = manifest->log_size;
    restore->result.customers = manifest->customers;
    HM_TRY(open_parent(restore, err));
    HM_TRY(make_partial(restore, err));
    for (size_t i = 0; i < manifest->count; i++) {
        if (manifest->items[i].is_folder)
            HM_TRY(put_folder(restore, &manifest->items[i], err));
        else
            HM_TRY(put_file(restore, &manifest->items[i], err));
    }
    if (restore->options->accounts != NULL)
        HM_TRY(put_accounts(restore, err));
    HM_TRY(check_site(restore, err));
    if (fchmod(restore->to.fd, 0755) != 0)
        return hm_error_errno(err, errno, "'%s': its mode cannot be set", restore->to.path);
    HM_TRY(hm_copy_file_flush(&restore->to, err));
    return hm_dir_rename(&restore->parent, hm_buf_str(&restore->partial), &restore->parent,
                         restore->name, err);
}

enum hm_rc hm_restore_run(const struct hm_restore_options *options, struct hm_err *err,
                          struct hm_restore_result *ret_result)
{
    _hm_done_(restore_done) struct restore restore = {.options = options,
                                                      .backup = HM_DIR_INIT,
                                                      .files = HM_DIR_INIT,
                                                      .parent = HM_DIR_INIT,
                                                      .partial = HM_BUF_INIT(4096),
                                                      .to = HM_DIR_INIT};

    HM_TRY(run(&restore, err));
    *ret_result = restore.result;
    return HM_OK;
}
