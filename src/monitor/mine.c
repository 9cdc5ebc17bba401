/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's own list. See mine.h. */
#include "monitor/mine.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "maker/folder.h"

void hm_mine_done(struct hm_mine *mine)
{
    hm_sums_done(&mine->sums);
}

static enum hm_rc set_id(struct hm_mine *mine, struct hm_bytes id, struct hm_err *err)
{
    HM_TRY(hm_layout_check_id(id, err));
    (void)snprintf(mine->id, sizeof(mine->id), "%.*s", HM_BYTES_FMT(id)); /* short, now */
    return HM_OK;
}

static enum hm_rc load_folder(const char *path, const char *site, struct hm_err *err,
                              struct hm_mine *mine)
{
    _hm_free_(hm_folder_free) struct hm_folder *folder = NULL;
    _hm_done_(hm_folder_content_done) struct hm_folder_content content = HM_FOLDER_CONTENT_INIT;

    HM_TRY(hm_folder_open(path, HM_FOLDER_READ, err, &folder));
    HM_TRY(set_id(mine, hm_bytes_str(folder->maker), err));
    HM_TRY(hm_folder_load_content(folder, site, err, &content));
    for (size_t i = 0; content.all != NULL && i < content.all->target_count; i++) {
        const struct hm_target *target = &content.all->targets[i];

        if (!target->facts.has_sha256)
            return hm_fail(err, HM_EFORMAT, "'%.*s' has no SHA-256", HM_BYTES_FMT(target->path));
        HM_TRY(hm_sums_add(&mine->sums, target->path, &target->facts.sha256, err));
    }
    hm_sums_sort(&mine->sums);
    return HM_OK;
}

static enum hm_rc check_paths(const struct hm_mine *mine, struct hm_err *err)
{
    for (size_t i = 0; i < mine->sums.count; i++) {
        struct hm_path path;

        HM_TRY(hm_layout_parse_path(mine->sums.sums[i].name, err, &path));
        if (!hm_bytes_is_str(path.id, mine->id))
            return hm_fail(err, HM_EFORMAT, "'%.*s' is not below '%s/'", HM_BYTES_FMT(path.whole),
                           mine->id);
    }
    return HM_OK;
}

static enum hm_rc load_list(const char *spec, const char *equals, struct hm_err *err,
                            struct hm_mine *mine)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_SUMS_SIZE_MAX);
    enum hm_rc rc;

    HM_TRY(set_id(mine, hm_bytes_make((const uint8_t *)spec, (size_t)(equals - spec)), err));
    HM_TRY(hm_file_read_path(equals + 1, err, &raw));
    rc = hm_sums_parse(hm_buf_bytes(&raw), true, err, &mine->sums);
    if (rc == HM_OK)
        rc = check_paths(mine, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", equals + 1);
}

enum hm_rc hm_mine_load(const char *spec, const char *site, struct hm_err *err,
                        struct hm_mine *ret_mine)
{
    _hm_done_(hm_mine_done) struct hm_mine mine = {.sums = HM_SUMS_INIT};
    const char *equals = strchr(spec, '=');
    struct stat status;

    if (stat(spec, &status) == 0 && S_ISDIR(status.st_mode))
        HM_TRY(load_folder(spec, site, err, &mine));
    else if (equals != NULL)
        HM_TRY(load_list(spec, equals, err, &mine));
    else
        return hm_fail(err, HM_EUSAGE,
                       "'%s' is neither a maker's folder nor ID=FILE, a maker's list", spec);
    *ret_mine = mine;
    mine.sums = (struct hm_sums)HM_SUMS_INIT;
    return HM_OK;
}
