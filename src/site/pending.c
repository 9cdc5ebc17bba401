/* SPDX-License-Identifier: Apache-2.0 */
/* The submissions that wait (pending.h). */
#include "site/pending.h"

struct pending {
    struct hm_roles *roles;
    struct hm_staged_list *list;
};

static void pending_done(struct pending *pending)
{
    hm_staged_free(pending->list);
    hm_roles_free(pending->roles);
}

/* What of a path names its release. */
static struct hm_bytes release_of(struct hm_bytes path)
{
    const uint8_t *slash = memrchr(path.data, '/', path.size);

    return hm_bytes_make(path.data, slash == NULL ? path.size : (size_t)(slash - path.data));
}

/* Calls take for each release that staged brings, in order. */
static enum hm_rc each_release(const struct pending *pending, const struct hm_staged *staged,
                               enum hm_rc (*take)(void *ctx, struct hm_bytes release,
                                                  struct hm_err *err),
                               void *ctx, struct hm_err *err)
{
    char release_role[HM_LAYOUT_ROLE_SIZE_MAX], maker_role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_bytes last = HM_BYTES_EMPTY;
    const struct hm_targets *released, *made;

    hm_layout_release_role(hm_bytes_str(staged->maker), release_role);
    hm_layout_maker_role(hm_bytes_str(staged->maker), maker_role);
    HM_TRY(hm_tree_role(pending->roles->tree, release_role, err, &released, NULL));
    HM_TRY(hm_tree_role(pending->roles->tree, maker_role, err, &made, NULL));
    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        struct hm_bytes release = release_of(target->path);
        enum hm_staged_kind kind;

        if (hm_bytes_is_equal(release, last)) /* paths are sorted */
            continue;
        HM_TRY(hm_staged_judge(pending->list, staged, released, made, target, err, &kind));
        if (!hm_staged_is_brought(kind))
            continue;
        last = release;
        HM_TRY(take(ctx, release, err));
    }
    return HM_OK;
}

static enum hm_rc text_release(void *ctx, struct hm_bytes release, struct hm_err *err)
{
    struct hm_buf *report = ctx;

    HM_TRY(hm_buf_append_str(report, "  ", err));
    return hm_text_escape(report, release, err);
}

static enum hm_rc write_text(const struct pending *pending, struct hm_err *err,
                             struct hm_buf *report)
{
    size_t count = 0;

    for (size_t i = 0; i < pending->list->count; i++) {
        const struct hm_staged *staged = &pending->list->items[i];
        char taken[HM_TIME_TEXT_SIZE];

        hm_time_format(staged->taken_unix_s, taken);
        HM_TRY(hm_buf_append_fmt(report, err, "%.12s  %s  ", staged->id, taken));
        if (staged->is_attested)
            HM_TRY(hm_buf_append_fmt(report, err, "%s, attested", staged->maker));
        else
            HM_TRY(hm_buf_append_fmt(report, err, "%s version %lld", staged->maker,
                                     (long long)staged->version));
        if (staged->rejected != NULL) {
            HM_TRY(hm_buf_append_str(report, "  rejected: ", err));
            HM_TRY(hm_text_escape(report, hm_bytes_str(staged->rejected), err));
        } else {
            count++;
            HM_TRY(each_release(pending, staged, text_release, report, err));
        }
        HM_TRY(hm_buf_append_str(report, "\n", err));
    }
    return hm_buf_append_fmt(report, err, "%zu submission%s wait%s\n", count, count == 1 ? "" : "s",
                             count == 1 ? "s" : "");
}

static enum hm_rc json_release(void *ctx, struct hm_bytes release, struct hm_err *err)
{
    hm_json_writer_string(ctx, release);
    return HM_OK;
}

static enum hm_rc json_staged(const struct pending *pending, const struct hm_staged *staged,
                              struct hm_err *err, struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "id", staged->id);
    hm_json_writer_key_str(writer, "maker", staged->maker);
    hm_json_writer_key_str(writer, "grade", staged->is_attested ? "attested" : "maker");
    hm_json_writer_key_int(writer, "version", staged->version);
    hm_json_writer_key(writer, "taken");
    hm_json_writer_time(writer, staged->taken_unix_s);
    hm_json_writer_key(writer, "listed");
    hm_json_writer_u64(writer, staged->content->target_count);
    hm_json_writer_key(writer, "releases");
    hm_json_writer_array_begin(writer);
    if (staged->rejected == NULL)
        HM_TRY(each_release(pending, staged, json_release, writer, err));
    hm_json_writer_array_end(writer);
    if (staged->rejected != NULL)
        hm_json_writer_key_str(writer, "rejected", staged->rejected);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static enum hm_rc write_json(const struct pending *pending, struct hm_err *err,
                             struct hm_buf *report)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, report, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/site-pending/1");
    hm_json_writer_key(&writer, "submissions");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < pending->list->count; i++)
        HM_TRY(json_staged(pending, &pending->list->items[i], err, &writer));
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_buf_append_str(report, "\n", err);
}

enum hm_rc hm_pending_write(const struct hm_site *site, bool json, struct hm_err *err,
                            struct hm_buf *report)
{
    _hm_done_(pending_done) struct pending pending = {.roles = NULL};

    HM_TRY(hm_roles_load(site, err, &pending.roles));
    HM_TRY(hm_staged_load(site, err, &pending.list));
    return json ? write_json(&pending, err, report) : write_text(&pending, err, report);
}
