/* SPDX-License-Identifier: Apache-2.0 */
/* A new image beside the one before it (compare.h). */
#include "site/compare.h"

#include "base/text.h"
#include "image/diff.h"
#include "image/inspect.h"
#include "trust/layout.h"

/* More lines than that nobody reads; "image diff" has them all. */
#define LINE_MAX 40
#define PREFIX   "    "

/* The file of the same name in the newest version below this one; where that version has no such
 * name, its only file: many names carry the version. NULL: there is none. */
static enum hm_rc find_before(const struct hm_targets *targets, const struct hm_path *path,
                              struct hm_err *err, const struct hm_target **ret_before)
{
    const struct hm_target *named = NULL, *only = NULL;
    struct hm_path named_path = {.version = HM_BYTES_EMPTY};
    struct hm_bytes newest = HM_BYTES_EMPTY;
    size_t count = 0;

    for (size_t i = 0; i < targets->target_count; i++) {
        struct hm_path other;
        int order;

        HM_TRY(hm_layout_parse_path(targets->targets[i].path, err, &other));
        if (!hm_bytes_is_equal(other.product, path->product) ||
            hm_text_compare_versions(other.version, path->version) >= 0)
            continue;
        order = hm_text_compare_versions(other.version, newest);
        if (newest.size == 0 || order > 0) {
            newest = other.version;
            count = 0;
        }
        if (newest.size == 0 || order >= 0) {
            only = &targets->targets[i];
            count++;
        }
        if (hm_bytes_is_equal(other.file, path->file) &&
            (named == NULL || hm_text_compare_versions(other.version, named_path.version) > 0)) {
            named = &targets->targets[i];
            named_path = other;
        }
    }
    *ret_before = named != NULL ? named : count == 1 ? only : NULL;
    return HM_OK;
}

static enum hm_rc inspect(const struct hm_site *site, const struct hm_dir *dir, const char *path,
                          struct hm_err *err, struct hm_inspection **ret_inspection)
{
    struct hm_inspect_options options = {.worker = site->inspect_program};
    _hm_done_(hm_dir_close_fd) int fd = -1;
    uint64_t size;

    HM_TRY(hm_dir_open_file(dir, path, err, &fd, &size));
    return hm_inspect_new(fd, &options, err, ret_inspection);
}

/* The one before, from public/: what lies there is believed if it has the digest that was signed.
 */
static enum hm_rc inspect_before(const struct hm_site *site, const struct hm_target *before,
                                 struct hm_err *err, struct hm_inspection **ret_inspection)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(2 * HM_TARGETS_PATH_SIZE_MAX);
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection = NULL;

    HM_TRY(hm_tree_image_name(before->path, &before->facts.sha256, err, &name));
    HM_TRY(inspect(site, &site->public_dir, hm_buf_str(&name), err, &inspection));
    if (!hm_digest_is_equal(&inspection->image.nodes[0].sha256, &before->facts.sha256))
        return hm_fail(err, HM_EMISMATCH, "public/%s has other bytes than were signed",
                       hm_buf_str(&name));
    *ret_inspection = hm_steal(&inspection);
    return HM_OK;
}

/* "    WORDS: why" for what could not be read; out of memory stays a failure. */
static enum hm_rc say_why(const char *words, const struct hm_err *why, struct hm_err *err,
                          struct hm_buf *report)
{
    if (why->rc == HM_ENOMEM)
        return hm_error_nomem(err);
    return hm_buf_append_fmt(report, err, PREFIX "%s: %s\n", words, why->text);
}

static enum hm_rc append_alone(const struct hm_image *image, struct hm_err *err,
                               struct hm_buf *report)
{
    return hm_buf_append_fmt(
        report, err, PREFIX "no earlier release to compare with: %u parts, %u findings%s\n",
        image->node_count, image->finding_count,
        image->is_partial ? " - PARTIAL: it could not be read to its end" : "");
}

static enum hm_rc append_diff(const struct hm_target *before, const struct hm_inspection *old,
                              const struct hm_inspection *new, struct hm_err *err,
                              struct hm_buf *report)
{
    struct hm_diff diff;
    enum hm_rc rc;

    HM_TRY(hm_buf_append_str(report, PREFIX "compared with ", err));
    HM_TRY(hm_text_escape(report, before->path, err));
    HM_TRY(hm_buf_append_str(report, ":\n", err));
    HM_TRY(hm_diff_make(&old->image, &new->image, err, &diff));
    rc = hm_diff_text(&diff, PREFIX, LINE_MAX, err, report);
    hm_diff_done(&diff);
    return rc;
}

enum hm_rc hm_compare_image(struct hm_tree *tree, const char *release_role,
                            const struct hm_target *target, const char *path, struct hm_err *err,
                            struct hm_buf *report)
{
    _hm_free_(hm_inspect_free) struct hm_inspection *new = NULL;
    _hm_free_(hm_inspect_free) struct hm_inspection *old = NULL;
    const struct hm_target *before = NULL;
    const struct hm_targets *targets;
    struct hm_err why = HM_ERR_INIT;
    struct hm_path parts;

    if (tree->site->inspect_program == NULL)
        return HM_OK;
    HM_TRY(hm_layout_parse_path(target->path, err, &parts));
    HM_TRY(hm_tree_part(tree, release_role, parts.product, err, &targets));
    if (targets != NULL)
        HM_TRY(find_before(targets, &parts, err, &before));
    if (inspect(tree->site, &tree->site->private_dir, path, &why, &new) != HM_OK)
        return say_why("not looked into", &why, err, report);
    if (before == NULL)
        return append_alone(&new->image, err, report);
    if (inspect_before(tree->site, before, &why, &old) != HM_OK) {
        HM_TRY(say_why("not compared with the release before", &why, err, report));
        return append_alone(&new->image, err, report);
    }
    return append_diff(before, old, new, err, report);
}
