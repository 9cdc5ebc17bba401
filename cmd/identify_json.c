/* SPDX-License-Identifier: Apache-2.0 */
/* identify's answer for programs: schema hallmark/identify/1, told in the manual. */
#include "identify.h"

#include "base/text.h"

static void write_digest(struct hm_json_writer *writer, const struct hm_sha256 *sha256)
{
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(sha256->bytes, HM_SHA256_SIZE));
}

static void write_number(struct hm_json_writer *writer, const char *key, uint64_t value)
{
    hm_json_writer_key(writer, key);
    hm_json_writer_u64(writer, value);
}

static void write_bool(struct hm_json_writer *writer, const char *key, bool value)
{
    hm_json_writer_key(writer, key);
    hm_json_writer_bool(writer, value);
}

/* A path on this machine is bytes; what is no text is told escaped. */
static enum hm_rc write_path(struct hm_json_writer *writer, const char *key, struct hm_bytes path,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(8 * HM_INDEX_FILE_PATH_SIZE_MAX);

    HM_TRY(hm_text_escape(&text, path, err));
    hm_json_writer_key(writer, key);
    hm_json_writer_string(writer, hm_buf_bytes(&text));
    return HM_OK;
}

/* Members that say which image, and on whose word: "word" is "signed",
 * "refused", "folder" or "none". */
static enum hm_rc write_image(struct hm_identify *identify, struct hm_json_writer *writer,
                              size_t source, const struct hm_index_image *image, struct hm_err *err)
{
    const struct hm_identify_name *name = NULL;
    const struct hm_catalogue_item *item;

    HM_TRY(hm_identify_ask(identify, &image->sha256, image->size, err, &name));
    item = hm_identify_released(name);
    write_digest(writer, &image->sha256);
    write_number(writer, "size", image->size);
    HM_TRY(write_path(writer, "local", image->path, err));
    if (hm_identify_is_refused(name)) {
        hm_json_writer_key_str(writer, "word", "refused");
        hm_json_writer_key_str(writer, "code", hm_error_name(name->answer.rc));
        if (name->answer.matches.item_count == 0)
            return HM_OK; /* recalled, and listed nowhere any more */
        item = &name->answer.matches.items[0];
        hm_json_writer_key_str(writer, "site", item->subscription->name);
        hm_json_writer_key(writer, "path");
        hm_json_writer_string(writer, item->path);
        return HM_OK;
    }
    if (item == NULL) {
        hm_json_writer_key_str(writer, "word",
                               identify->known.folders[source] != NULL ? "folder" : "none");
        return HM_OK;
    }
    hm_json_writer_key_str(writer, "word", "signed");
    hm_json_writer_key_str(writer, "site", item->subscription->name);
    hm_json_writer_key(writer, "path");
    hm_json_writer_string(writer, item->path);
    hm_json_writer_key_str(writer, "grade", hm_layout_grade_text(item->file.grade));
    /* All places, this one too: releases may have files in common. */
    hm_json_writer_key(writer, "paths");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < name->answer.matches.item_count; i++) {
        if (name->answer.matches.items[i].rc == HM_OK)
            hm_json_writer_string(writer, name->answer.matches.items[i].path);
    }
    hm_json_writer_array_end(writer);
    return HM_OK;
}

static void write_part(struct hm_json_writer *writer, const struct hm_part *part)
{
    char guid[HM_GUID_TEXT_SIZE];

    hm_json_writer_key_str(writer, "kind", hm_image_kind_name(part->kind));
    if (part->name.size > 0) {
        hm_json_writer_key(writer, "name");
        hm_json_writer_string(writer, part->name);
    }
    if (part->has_guid) {
        hm_guid_text(&part->guid, guid);
        hm_json_writer_key_str(writer, "guid", guid);
    }
    write_bool(writer, "unpacked", part->space != 0);
    write_number(writer, "offset", part->offset);
    write_number(writer, "size", part->size);
    write_digest(writer, &part->sha256);
}

static void write_modules(struct hm_json_writer *writer, const struct hm_modules *modules)
{
    hm_json_writer_key(writer, "modules");
    hm_json_writer_object_begin(writer);
    write_number(writer, "image", modules->image_count);
    write_number(writer, "release", modules->release_count);
    write_number(writer, "equal", modules->equal_count);
    hm_json_writer_key(writer, "differences");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < modules->difference_count; i++) {
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "change", hm_modules_text(modules->differences[i].change));
        write_part(writer, modules->differences[i].part);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
}

static enum hm_rc write_release(struct hm_identify *identify, struct hm_json_writer *writer,
                                const struct hm_match *match,
                                const struct hm_match_release *release, struct hm_err *err)
{
    hm_json_writer_object_begin(writer);
    HM_TRY(write_image(identify, writer, release->source, &release->image, err));
    write_bool(writer, "compared", release->is_compared);
    if (release->unread != NULL)
        hm_json_writer_key_str(writer, "reason", release->unread);
    if (release->is_compared) {
        write_bool(writer, "whole", release->is_whole);
        write_bool(writer, "code_in_variable", release->has_code_in_variable);
        hm_json_writer_key_int(writer, "shift", release->shift);
        write_number(writer, "equal", release->explained);
        write_number(writer, "of_image", release->image_telling);
        write_number(writer, "of_release", release->release_telling);
        write_number(writer, "nearness", hm_match_nearness(release));
    }
    write_number(writer, "pieces", release->pieces);
    write_number(writer, "equal_pieces", release->equal_pieces);
    write_bool(writer, "as_near", hm_match_is_as_near(match, &match->releases[0], release));
    if (release->has_modules)
        write_modules(writer, &release->modules);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static void write_ranges(struct hm_json_writer *writer, const struct hm_match *match)
{
    hm_json_writer_key(writer, "ranges");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < match->range_count; i++) {
        const struct hm_match_range *range = &match->ranges[i];

        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "bytes", hm_match_label_text(range->label));
        write_number(writer, "offset", range->offset);
        write_number(writer, "size", range->size);
        if (range->label == HM_MATCH_BYTES_EQUAL || range->label == HM_MATCH_BYTES_VARIABLE) {
            write_number(writer, "release", range->release);
            write_number(writer, "release_offset", range->release_offset);
        }
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    write_bool(writer, "more_ranges", match->has_more_ranges);
    write_number(writer, "unknown_size", match->unknown_size);
}

static enum hm_rc write_match(struct hm_identify *identify, struct hm_json_writer *writer,
                              const struct hm_match *match, struct hm_err *err)
{
    write_bool(writer, "looked_into", match->is_looked_into);
    write_bool(writer, "partial", match->is_partial);
    hm_json_writer_key(writer, "exact");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < match->exact_count; i++) {
        hm_json_writer_object_begin(writer);
        HM_TRY(write_image(identify, writer, match->exact[i].source, &match->exact[i].image, err));
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "releases");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < match->release_count; i++)
        HM_TRY(write_release(identify, writer, match, &match->releases[i], err));
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "parts");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < match->part_count; i++) {
        hm_json_writer_object_begin(writer);
        write_part(writer, match->parts[i].part);
        hm_json_writer_key(writer, "also_in");
        hm_json_writer_object_begin(writer);
        HM_TRY(write_image(identify, writer, match->parts[i].source, &match->parts[i].image, err));
        hm_json_writer_object_end(writer);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    write_ranges(writer, match);
    return HM_OK;
}

static enum hm_rc write_matches(struct hm_identify *identify, struct hm_json_writer *writer,
                                const struct hm_identify_name *name, struct hm_err *err)
{
    hm_json_writer_key(writer, "matches");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; name != NULL && i < name->answer.matches.item_count; i++) {
        const struct hm_catalogue_item *item = &name->answer.matches.items[i];

        hm_json_writer_object_begin(writer);
        hm_customer_write_item(writer, item);
        if (identify->is_trace && item->rc == HM_OK) {
            struct hm_trace trace = {0};

            HM_TRY(hm_identify_trace(identify, item, err, &trace));
            hm_identify_trace_write(writer, &trace);
        }
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    return HM_OK;
}

static const char *verdict_of(const struct hm_identify_file *file)
{
    if (file->match != NULL)
        return hm_match_verdict_text(file->match->verdict);
    if (file->signed_as == NULL)
        return "cannot tell";
    return hm_identify_released(file->signed_as) != NULL ? "exact" : "refused";
}

enum hm_rc hm_identify_write(struct hm_identify *identify, const struct hm_identify_file *file,
                             struct hm_err *err)
{
    struct hm_json_writer *writer = &identify->writer;

    hm_json_writer_object_begin(writer);
    HM_TRY(write_path(writer, "file", hm_bytes_str(file->path), err));
    hm_json_writer_key_str(writer, "verdict", verdict_of(file));
    write_bool(writer, "known", file->rc == HM_OK);
    if (file->rc != HM_OK)
        hm_json_writer_key_str(writer, "code", hm_error_name(file->rc));
    if (file->reason != NULL)
        hm_json_writer_key_str(writer, "reason", file->reason);
    if (file->match != NULL || file->signed_as != NULL) {
        write_number(writer, "size", file->size);
        write_digest(writer, &file->sha256);
        HM_TRY(write_matches(identify, writer, file->signed_as, err));
    }
    if (file->match != NULL)
        HM_TRY(write_match(identify, writer, file->match, err));
    hm_json_writer_object_end(writer);
    return HM_OK;
}
