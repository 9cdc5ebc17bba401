/* SPDX-License-Identifier: Apache-2.0 */
/* Scanning what a submission brings, and comparing what its maker says will be measured with what
 * the files give (intake_internal.h). */
#include "image/measure.h"
#include "site/intake_internal.h"
#include "site/scanned.h"

#define RULES_FOLDER "scan/rules"
#define DENY_FILE    "scan/deny"

struct scanning {
    struct hm_intake *intake;
    struct hm_scan_settings settings;
    struct hm_scanned scanned;
};

static void scanning_done(struct scanning *scanning)
{
    hm_scan_settings_done(&scanning->settings);
    hm_scanned_done(&scanning->scanned);
}

/* The site's own rules and list; neither must be there. */
static enum hm_rc load_settings(struct scanning *scanning, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf deny = HM_BUF_INIT(HM_SCAN_DENY_SIZE_MAX);
    const struct hm_dir *dir = &scanning->intake->site->private_dir;
    enum hm_rc rc;

    hm_scan_settings_init(&scanning->settings);
    rc = hm_scan_add_rules_dir(&scanning->settings, dir, RULES_FOLDER, err);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return hm_error_prefix(err, rc, "private/" RULES_FOLDER);
    rc = hm_dir_read(dir, DENY_FILE, err, &deny);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    return hm_scan_add_denied(&scanning->settings, "private/" DENY_FILE, hm_buf_bytes(&deny), err);
}

/* The image that came along, or the one that is published, of which something else is said now. */
static enum hm_rc open_image(const struct scanning *scanning, const struct hm_target *target,
                             struct hm_err *err, int *ret_fd)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(2 * HM_TARGETS_PATH_SIZE_MAX);
    uint64_t size;
    enum hm_rc rc;

    HM_TRY(hm_buf_append_str(&name, "images/", err));
    HM_TRY(hm_buf_append(&name, target->path, err));
    rc = hm_dir_open_file(&scanning->intake->dir, hm_buf_str(&name), err, ret_fd, &size);
    if (rc != HM_ENOTFOUND)
        return rc;
    hm_buf_clear(&name);
    HM_TRY(hm_tree_image_name(target->path, &target->facts.sha256, err, &name));
    return hm_dir_open_file(&scanning->intake->site->public_dir, hm_buf_str(&name), err, ret_fd,
                            &size);
}

/* What cannot be looked into is a finding: somebody must say that he lets it pass. */
static enum hm_rc add_unread(struct scanning *scanning, const struct hm_target *target,
                             const struct hm_err *why, struct hm_err *err)
{
    struct hm_finding finding = {.kind = HM_FINDING_NOT_READ,
                                 .severity = HM_FINDING_HIGH,
                                 .sha256 = target->facts.sha256,
                                 .detail = hm_bytes_str(why->text)};
    struct hm_image image;
    enum hm_rc rc;

    if (why->rc == HM_ENOMEM || why->rc == HM_EINPUT)
        return hm_fail(err, why->rc, "%s", why->text);
    HM_TRY(hm_image_init(&image, target->facts.length, err));
    rc = hm_scanned_add(&scanning->scanned, target->path, &image, &finding, err);
    hm_image_done(&image);
    return rc;
}

static enum hm_rc scan_target(struct scanning *scanning, const struct hm_target *target,
                              struct hm_err *err)
{
    _hm_done_(hm_dir_close_fd) int fd = -1;
    _hm_free_(hm_scan_free) struct hm_scan *scan = NULL;
    const char *program = scanning->intake->site->scan_program;
    struct hm_err why = HM_ERR_INIT;
    struct hm_path path;

    HM_TRY(hm_layout_parse_path(target->path, err, &path));
    HM_TRY(open_image(scanning, target, err, &fd));
    if (hm_scan_new(fd, program, &scanning->settings, &why, &scan) != HM_OK)
        return add_unread(scanning, target, &why, err);
    if (!hm_digest_is_equal(&scan->inspection->image.nodes[0].sha256, &target->facts.sha256))
        return hm_fail(err, HM_EMISMATCH, "'%.*s': the image has other bytes than were signed",
                       HM_BYTES_FMT(target->path));
    for (size_t i = 0; i < scan->findings.count; i++)
        HM_TRY(hm_scanned_add(&scanning->scanned, target->path, &scan->inspection->image,
                              &scan->findings.items[i], err));
    if (scan->inspection->image.is_partial)
        return HM_OK; /* that is a finding; what it would measure cannot be told */
    return hm_measure_check(&scan->inspection->image, path.file, target->custom, err);
}

static enum hm_rc scan_all(struct scanning *scanning, struct hm_err *err)
{
    struct hm_intake *intake = scanning->intake;
    const struct hm_targets *content = intake->staged.content;

    HM_TRY(load_settings(scanning, err));
    for (size_t i = 0; i < content->target_count; i++) {
        const struct hm_target *target = &content->targets[i];
        enum hm_staged_kind kind;
        enum hm_rc rc;

        HM_TRY(hm_staged_judge(intake->list, intake->roles->tree, &intake->staged, target, err,
                               &kind));
        if (!hm_staged_is_brought(kind))
            continue;
        rc = scan_target(scanning, target, err);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%.*s'", HM_BYTES_FMT(target->path));
    }
    return HM_OK;
}

enum hm_rc hm_intake_scan(struct hm_intake *intake, struct hm_err *err)
{
    _hm_done_(scanning_done) struct scanning scanning = {.intake = intake,
                                                         .scanned = HM_SCANNED_INIT};

    hm_scan_settings_init(&scanning.settings);
    if (intake->site->scan_program == NULL)
        return HM_OK;
    HM_TRY(scan_all(&scanning, err));
    HM_TRY(hm_scanned_write(&scanning.scanned, &intake->dir, err));
    if (scanning.scanned.count == 0)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(intake->report, err,
                             "WARNING: the scan found something; each must be acknowledged: "
                             "'hallmark site approve --acknowledge ID'\n"));
    return hm_scanned_text(&scanning.scanned, err, intake->report);
}
