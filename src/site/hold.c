/* SPDX-License-Identifier: Apache-2.0 */
/* A restored site signs nothing (hold.h). */
#include "site/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

bool hm_hold_is_set(const struct hm_dir *private_dir)
{
    struct stat info;

    return fstatat(private_dir->fd, HM_HOLD_FILE, &info, AT_SYMLINK_NOFOLLOW) == 0 ||
           errno != ENOENT;
}

enum hm_rc hm_hold_check(const struct hm_dir *private_dir, struct hm_err *err)
{
    if (!hm_hold_is_set(private_dir))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "'%s/" HM_HOLD_FILE "': the site was restored from a backup, and signs nothing "
                   "until it is shown that nothing newer is about; run 'hallmark site restore "
                   "--check'",
                   private_dir->path);
}

enum hm_rc hm_hold_set(const struct hm_dir *private_dir, int64_t made_unix_s, int64_t now_unix_s,
                       struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_HOLD_FILE_SIZE_MAX);
    char made[HM_TIME_TEXT_SIZE], now[HM_TIME_TEXT_SIZE];

    hm_time_format(made_unix_s, made);
    hm_time_format(now_unix_s, now);
    HM_TRY(
        hm_buf_append_fmt(&text, err, "hallmark/restored v1\nmade %s\nrestored %s\n", made, now));
    return hm_file_replace(private_dir, HM_HOLD_FILE, 0600, hm_buf_bytes(&text), err);
}

static enum hm_rc check_word(const char *word, const char *what, struct hm_err *err)
{
    struct hm_bytes bytes = hm_bytes_str(word);

    if (bytes.size == 0 || bytes.size > HM_HOLD_WORD_SIZE_MAX || !hm_text_is_utf8(bytes))
        return hm_fail(err, HM_EUSAGE, "%s: UTF-8 of 1 to %d bytes is taken", what,
                       HM_HOLD_WORD_SIZE_MAX);
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] < 0x20 || bytes.data[i] == 0x7f)
            return hm_fail(err, HM_EUSAGE, "%s: no control characters are taken", what);
    return HM_OK;
}

enum hm_rc hm_hold_release(const struct hm_dir *private_dir, const char *who, const char *why,
                           int64_t now_unix_s, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(3 * HM_HOLD_FILE_SIZE_MAX);
    char now[HM_TIME_TEXT_SIZE];
    enum hm_rc rc;

    HM_TRY(check_word(who, "who releases the site", err));
    HM_TRY(check_word(why, "the reason", err));
    rc = hm_dir_read(private_dir, HM_HOLD_FILE, err, &text);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    if (rc != HM_OK)
        return rc;
    hm_time_format(now_unix_s, now);
    HM_TRY(hm_buf_append_fmt(&text, err, "released %s\nby %s\nreason %s\n", now, who, why));
    HM_TRY(hm_file_replace(private_dir, HM_HOLD_RELEASED, 0600, hm_buf_bytes(&text), err));
    return hm_dir_remove(private_dir, HM_HOLD_FILE, err);
}
