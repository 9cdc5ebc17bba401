/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each step leaves a state that can be read: a folder appears whole, by a rename, with its time in
 * it; a file is in it before metadata/ changes; it disappears by a rename as well.
 */
#include "customer/kept.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/time.h"
#include "tuf/document.h"

#define REFRESHED     "refreshed"
#define BUNDLE_MARK   " bundle"
#define NAME_SIZE_MAX 64

/* ---- beginning and ending -------------------------------------------------------------------- */

static void other_name(const char *name, const char *suffix, char ret_name[NAME_SIZE_MAX])
{
    (void)snprintf(ret_name, NAME_SIZE_MAX, "%s.%s", name, suffix); /* our own short names */
}

/* Puts coming in the place of name, which may be there. */
static enum hm_rc exchange(const struct hm_dir *site_dir, const char *coming, const char *name,
                           struct hm_err *err)
{
    if (!hm_dir_has(site_dir, name))
        return hm_dir_rename(site_dir, coming, site_dir, name, err);
    if (renameat2(site_dir->fd, coming, site_dir->fd, name, RENAME_EXCHANGE) != 0) {
        if (errno != EINVAL && errno != ENOSYS)
            return hm_error_errno(err, errno, "cannot put '%s/%s' in place", site_dir->path, name);
        /* A file system that cannot: for a moment there is none. */
        HM_TRY(hm_kept_drop(site_dir, name, err));
        return hm_dir_rename(site_dir, coming, site_dir, name, err);
    }
    if (fsync(site_dir->fd) != 0)
        return hm_error_errno(err, errno, "cannot flush '%s'", site_dir->path);
    return hm_dir_remove_tree(site_dir, coming, err);
}

enum hm_rc hm_kept_begin(const struct hm_dir *site_dir, const char *name, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_kept_time time = {0};
    char coming[NAME_SIZE_MAX];

    HM_TRY(hm_kept_read_time(site_dir, err, &time));
    other_name(name, "new", coming);
    HM_TRY(hm_dir_remove_tree(site_dir, coming, err));
    HM_TRY(hm_dir_open_at(site_dir, coming, true, err, &dir));
    HM_TRY(hm_kept_write_time(&dir, &time, err));
    return exchange(site_dir, coming, name, err);
}

enum hm_rc hm_kept_drop(const struct hm_dir *site_dir, const char *name, struct hm_err *err)
{
    char leaving[NAME_SIZE_MAX];

    other_name(name, "old", leaving);
    if (hm_dir_has(site_dir, leaving))
        HM_TRY(hm_dir_remove_tree(site_dir, leaving, err));
    if (!hm_dir_has(site_dir, name))
        return HM_OK;
    HM_TRY(hm_dir_rename(site_dir, name, site_dir, leaving, err));
    return hm_dir_remove_tree(site_dir, leaving, err);
}

enum hm_rc hm_kept_open(const struct hm_dir *site_dir, const char *name, struct hm_err *err,
                        struct hm_dir *ret_dir, struct hm_kept_time *ret_time)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    HM_TRY(hm_dir_open_at(site_dir, name, false, err, &dir));
    HM_TRY(hm_kept_read_time(&dir, err, ret_time));
    *ret_dir = dir;
    dir = (struct hm_dir)HM_DIR_INIT;
    return HM_OK;
}

/* ---- time ------------------------------------------------------------------------------------ */

enum hm_rc hm_kept_read_time(const struct hm_dir *dir, struct hm_err *err,
                             struct hm_kept_time *ret_time)
{
    static const struct hm_bytes mark = {(const uint8_t *)BUNDLE_MARK, sizeof(BUNDLE_MARK) - 1};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(256);
    struct hm_kept_time time = {0};
    struct hm_bytes bytes;

    HM_TRY(hm_dir_read(dir, REFRESHED, err, &text));
    bytes = hm_buf_bytes(&text);
    if (bytes.size > 0 && bytes.data[bytes.size - 1] == '\n')
        bytes.size--;
    if (bytes.size > mark.size &&
        hm_bytes_is_equal(hm_bytes_make(bytes.data + bytes.size - mark.size, mark.size), mark)) {
        time.is_bundle = true;
        bytes.size -= mark.size;
    }
    if (hm_time_parse(bytes, &time.unix_s) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "'%s/" REFRESHED "' is damaged", dir->path);
    *ret_time = time;
    return HM_OK;
}

enum hm_rc hm_kept_write_time(const struct hm_dir *dir, const struct hm_kept_time *time,
                              struct hm_err *err)
{
    char text[HM_TIME_TEXT_SIZE], line[HM_TIME_TEXT_SIZE + sizeof(BUNDLE_MARK) + 1];

    hm_time_format(time->unix_s, text);
    (void)snprintf(line, sizeof(line), "%s%s\n", text, time->is_bundle ? BUNDLE_MARK : "");
    return hm_file_replace(dir, REFRESHED, 0644, hm_bytes_str(line), err);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Where the file system knows no hard links. */
static enum hm_rc copy(const struct hm_dir *from, const struct hm_dir *to, const char *file,
                       struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    enum hm_rc rc = hm_dir_read(from, file, err, &raw);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    return hm_file_replace(to, file, 0644, hm_buf_bytes(&raw), err);
}

static enum hm_rc save(const struct hm_dir *site_dir, const struct hm_dir *metadata,
                       const char *name, const char *file, bool flush, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    HM_TRY(hm_dir_open_at(site_dir, name, false, err, &dir));
    if (linkat(metadata->fd, file, dir.fd, file, 0) != 0) {
        /* Kept already, or not there at that moment either. */
        if (errno == EEXIST || errno == ENOENT)
            return HM_OK;
        if (errno == ENOSPC || errno == EIO)
            return hm_error_errno(err, errno, "cannot keep '%s/%s'", metadata->path, file);
        return copy(metadata, &dir, file, err);
    }
    if (flush && fsync(dir.fd) != 0)
        return hm_error_errno(err, errno, "cannot flush '%s'", dir.path);
    return HM_OK;
}

enum hm_rc hm_kept_save(const struct hm_dir *site_dir, const struct hm_dir *metadata,
                        const char *file, bool flush, struct hm_err *err)
{
    HM_ASSERT(hm_dir_is_safe_path(file) && strchr(file, '/') == NULL);
    if (!hm_dir_has(metadata, file))
        return HM_OK;
    if (!hm_dir_has(site_dir, HM_KEPT_COMPLETE)) {
        enum hm_rc rc = hm_kept_begin(site_dir, HM_KEPT_COMPLETE, err);

        if (rc == HM_ENOTFOUND)
            return HM_OK;
        HM_TRY(rc);
    }
    if (hm_dir_has(site_dir, HM_KEPT_LISTED))
        HM_TRY(save(site_dir, metadata, HM_KEPT_LISTED, file, flush, err));
    return save(site_dir, metadata, HM_KEPT_COMPLETE, file, flush, err);
}
