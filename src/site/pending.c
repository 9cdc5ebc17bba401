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

/* What a walk over the files that a submission brings calls, in the order of paths: a release
 * begins, a file of it, the release ends. */
struct walk {
    enum hm_rc (*begin)(void *ctx, struct hm_bytes release, struct hm_err *err);
    enum hm_rc (*file)(void *ctx, const struct hm_target *target, struct hm_err *err);
    enum hm_rc (*end)(void *ctx, struct hm_err *err);
    void *ctx;
};

static enum hm_rc walk_files(const struct pending *pending, const struct hm_staged *staged,
                             const struct walk *walk, struct hm_err *err)
{
    struct hm_bytes last = HM_BYTES_EMPTY;

    for (size_t i = 0; i < staged->content->target_count; i++) {
        const struct hm_target *target = &staged->content->targets[i];
        struct hm_bytes release = release_of(target->path);
        enum hm_staged_kind kind;

        HM_TRY(hm_staged_judge(pending->list, pending->roles->tree, staged, target, err, &kind));
        if (!hm_staged_is_brought(kind))
            continue;
        if (!hm_bytes_is_equal(release, last)) { /* paths are sorted */
            if (last.size > 0)
                HM_TRY(walk->end(walk->ctx, err));
            HM_TRY(walk->begin(walk->ctx, release, err));
        }
        last = release;
        HM_TRY(walk->file(walk->ctx, target, err));
    }
    return last.size > 0 ? walk->end(walk->ctx, err) : HM_OK;
}

static enum hm_rc text_release(void *ctx, struct hm_bytes release, struct hm_err *err)
{
    struct hm_buf *report = ctx;

    HM_TRY(hm_buf_append_str(report, "\n  ", err));
    return hm_text_escape(report, release, err);
}

static enum hm_rc text_file(void *ctx, const struct hm_target *target, struct hm_err *err)
{
    const size_t folder_size = release_of(target->path).size + 1;
    struct hm_buf *report = ctx;
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_str(report, "\n    ", err));
    HM_TRY(hm_text_escape(
        report, hm_bytes_make(target->path.data + folder_size, target->path.size - folder_size),
        err));
    return hm_buf_append_fmt(report, err, "  %llu bytes, sha256 %s",
                             (unsigned long long)target->facts.length, hex);
}

static enum hm_rc text_end(void *ctx, struct hm_err *err)
{
    return HM_OK;
}

static enum hm_rc write_text(const struct pending *pending, struct hm_err *err,
                             struct hm_buf *report)
{
    const struct walk walk = {text_release, text_file, text_end, report};
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
            HM_TRY(walk_files(pending, staged, &walk, err));
        }
        HM_TRY(hm_buf_append_str(report, "\n", err));
    }
    return hm_buf_append_fmt(report, err, "%zu submission%s wait%s\n", count, count == 1 ? "" : "s",
                             count == 1 ? "s" : "");
}

static enum hm_rc json_release(void *ctx, struct hm_bytes release, struct hm_err *err)
{
    struct hm_json_writer *writer = ctx;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "release");
    hm_json_writer_string(writer, release);
    hm_json_writer_key(writer, "files");
    hm_json_writer_array_begin(writer);
    return HM_OK;
}

static enum hm_rc json_file(void *ctx, const struct hm_target *target, struct hm_err *err)
{
    const size_t folder_size = release_of(target->path).size + 1;
    struct hm_json_writer *writer = ctx;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "name");
    hm_json_writer_string(
        writer, hm_bytes_make(target->path.data + folder_size, target->path.size - folder_size));
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, target->facts.length);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static enum hm_rc json_end(void *ctx, struct hm_err *err)
{
    hm_json_writer_array_end(ctx);
    hm_json_writer_object_end(ctx);
    return HM_OK;
}

static enum hm_rc json_staged(const struct pending *pending, const struct hm_staged *staged,
                              struct hm_err *err, struct hm_json_writer *writer)
{
    const struct walk walk = {json_release, json_file, json_end, writer};

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
        HM_TRY(walk_files(pending, staged, &walk, err));
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
