/* SPDX-License-Identifier: Apache-2.0 */
/* The customer's state folder: where it is, its format file, its sites. */
#include "customer/home.h"

#include "base/file.h"

#define FORMAT_FILE     "format"
#define FORMAT_PREFIX   "hallmark-home "
#define FORMAT_VERSION  1
#define FORMAT_SIZE_MAX 64
#define SYSTEM_HOME     "/var/lib/hallmark"

enum hm_rc hm_home_find(const char *path, struct hm_err *err, struct hm_buf *ret_path)
{
    const char *base;

    if (path == NULL)
        path = getenv("HALLMARK_HOME");
    if (path != NULL && path[0] != '\0')
        return hm_buf_append_str(ret_path, path, err);
    if (geteuid() == 0)
        return hm_buf_append_str(ret_path, SYSTEM_HOME, err);
    base = getenv("XDG_DATA_HOME");
    /* XDG base directory specification: a relative path is ignored. */
    if (base != NULL && base[0] == '/')
        return hm_buf_append_fmt(ret_path, err, "%s/hallmark", base);
    base = getenv("HOME");
    if (base != NULL && base[0] == '/')
        return hm_buf_append_fmt(ret_path, err, "%s/.local/share/hallmark", base);
    return hm_fail(err, HM_EINPUT, "no home folder is known: give --home DIR");
}

static enum hm_rc open_or_make(const char *path, bool make, struct hm_err *err,
                               struct hm_dir *ret_dir)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    char format[FORMAT_SIZE_MAX];

    if (make)
        HM_TRY(hm_dir_make(path, 0700, err, &dir));
    else if (access(path, F_OK) != 0)
        return hm_fail(err, HM_EINPUT,
                       "no site is trusted yet ('%s' does not exist); begin with 'hallmark trust "
                       "add'",
                       path);
    else
        HM_TRY(hm_dir_open(path, err, &dir));
    if (!hm_dir_has(&dir, FORMAT_FILE)) {
        if (!make)
            return hm_fail(err, HM_EINPUT,
                           "no site is trusted yet in '%s'; begin with 'hallmark trust add'", path);
        (void)snprintf(format, sizeof(format), FORMAT_PREFIX "%d\n", FORMAT_VERSION); /* fits */
        HM_TRY(hm_file_replace(&dir, FORMAT_FILE, 0644, hm_bytes_str(format), err));
    }
    HM_TRY(hm_file_check_format(&dir, FORMAT_PREFIX, "a Hallmark home", FORMAT_VERSION, err));
    *ret_dir = dir;
    dir = (struct hm_dir)HM_DIR_INIT;
    return HM_OK;
}

enum hm_rc hm_home_open(const char *path, bool make, struct hm_err *err, struct hm_home *ret_home)
{
    _hm_done_(hm_buf_done) struct hm_buf found = HM_BUF_INIT(4096);

    HM_TRY(hm_home_find(path, err, &found));
    return open_or_make(hm_buf_str(&found), make, err, &ret_home->dir);
}

void hm_home_done(struct hm_home *home)
{
    hm_dir_done(&home->dir);
}

enum hm_rc hm_home_sites(const struct hm_home *home, struct hm_arena *arena, struct hm_err *err,
                         const char ***ret_names, size_t *ret_count)
{
    enum hm_rc rc =
        hm_dir_list(&home->dir, "sites", HM_HOME_SITE_COUNT_MAX, arena, err, ret_names, ret_count);

    if (rc != HM_ENOTFOUND)
        return rc;
    *ret_names = NULL;
    *ret_count = 0;
    return HM_OK;
}

enum hm_rc hm_home_lock(const struct hm_home *home, struct hm_err *err, struct hm_lock *ret_lock)
{
    return hm_lock_take(&home->dir, "lock", HM_HOME_LOCK_WAIT_MS, err, ret_lock);
}
