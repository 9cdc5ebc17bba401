/* SPDX-License-Identifier: Apache-2.0 */
/* identify's answer for people: one line that says it, then what it rests on. */
#include "identify.h"

#include "base/text.h"

/* Of long lists as many are printed as are read; --json has all. */
#define RANGES_MAX  16
#define MODULES_MAX 16
#define NEAR_MAX    4
#define PARTS_MAX   16
#define EXACT_MAX   4
#define OTHERS_MAX  3

static enum hm_rc print_size(struct hm_buf *out, uint64_t size, struct hm_err *err)
{
    char text[16];

    hm_text_size(size, text);
    return hm_buf_append_str(out, text, err);
}

/* Bytes as people say them: exactly where that is short, with the exact number beside it else. */
static enum hm_rc print_bytes(struct hm_buf *out, uint64_t size, struct hm_err *err)
{
    if (size % 1024 == 0 && size < 1048576)
        return hm_buf_append_fmt(out, err, "%llu KiB", (unsigned long long)size / 1024);
    HM_TRY(print_size(out, size, err));
    if (size < 1024 || size % 1048576 == 0)
        return HM_OK;
    return hm_buf_append_fmt(out, err, " (%llu bytes)", (unsigned long long)size);
}

static enum hm_rc print_item(struct hm_buf *out, const struct hm_catalogue_item *item,
                             struct hm_err *err)
{
    HM_TRY(hm_text_escape(out, item->path, err));
    return hm_buf_append_fmt(out, err, " at %s (%s)", item->subscription->name,
                             hm_layout_grade_text(item->file.grade));
}

/* Other releases with the same bytes. */
static enum hm_rc print_others(struct hm_buf *out, const struct hm_identify_name *name,
                               const struct hm_catalogue_item *but, struct hm_err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < name->answer.matches.item_count; i++) {
        const struct hm_catalogue_item *item = &name->answer.matches.items[i];

        if (item == but || item->rc != HM_OK || count++ >= OTHERS_MAX)
            continue;
        HM_TRY(hm_buf_append_str(out, ", the same as ", err));
        HM_TRY(hm_text_escape(out, item->path, err));
    }
    if (count > OTHERS_MAX)
        return hm_buf_append_fmt(out, err, " and %zu more", count - OTHERS_MAX);
    return HM_OK;
}

/* What a known image is called, and on whose word. */
static enum hm_rc print_name(struct hm_identify *identify, size_t source,
                             const struct hm_index_image *image, struct hm_buf *out,
                             struct hm_err *err)
{
    const struct hm_identify_name *name = NULL;
    const struct hm_catalogue_item *item;

    HM_TRY(hm_identify_ask(identify, &image->sha256, image->size, err, &name));
    item = hm_identify_released(name);
    if (item != NULL) {
        HM_TRY(print_item(out, item, err));
        return print_others(out, name, item, err);
    }
    if (name != NULL && name->answer.matches.item_count > 0) {
        item = &name->answer.matches.items[0];
        HM_TRY(hm_text_escape(out, item->path, err));
        return hm_buf_append_fmt(out, err, " at %s (%s: not to be installed)",
                                 item->subscription->name,
                                 name->answer.rc == HM_ERECALLED ? "RECALLED" : "REFUSED");
    }
    HM_TRY(hm_buf_append_byte(out, '\'', err));
    HM_TRY(hm_text_escape(out, image->path, err));
    if (hm_identify_is_refused(name))
        return hm_buf_append_str(out, "' (RECALLED: not to be installed)", err);
    if (identify->known.folders[source] != NULL)
        return hm_buf_append_str(out, "' (the folder's word: nobody signed it)", err);
    return hm_buf_append_str(out, "' (placed by sync; no trusted site vouches for it now)", err);
}

/* ---- what is equal, and what is not ---------------------------------------------------------- */

static enum hm_rc print_range(struct hm_identify *identify, const struct hm_match *match,
                              const struct hm_match_range *range, struct hm_buf *out,
                              struct hm_err *err)
{
    HM_TRY(hm_buf_append_str(out, "  ", err));
    HM_TRY(print_bytes(out, range->size, err));
    HM_TRY(hm_buf_append_fmt(out, err, " at 0x%X: ", range->offset));
    switch (range->label) {
    case HM_MATCH_BYTES_EQUAL:
        HM_TRY(hm_buf_append_fmt(out, err, "as at 0x%X of ", range->release_offset));
        HM_TRY(print_name(identify, match->releases[range->release].source,
                          &match->releases[range->release].image, out, err));
        break;
    case HM_MATCH_BYTES_VARIABLE:
        HM_TRY(hm_buf_append_str(out, "differs, in a region that changes on a machine", err));
        break;
    case HM_MATCH_BYTES_PADDING:
        HM_TRY(hm_buf_append_str(out, "padding", err));
        break;
    case HM_MATCH_BYTES_UNKNOWN:
        HM_TRY(hm_buf_append_str(out, "matches nothing published", err));
        break;
    }
    return hm_buf_append_byte(out, '\n', err);
}

/* The first release's own bytes are the rule, and told by what is not so. Cells of padding between
 * pieces are too many to be told. */
static bool is_told(const struct hm_match_range *range)
{
    if (range->label == HM_MATCH_BYTES_EQUAL)
        return range->release != 0;
    return range->label != HM_MATCH_BYTES_PADDING || range->size >= 4096;
}

static enum hm_rc print_ranges(struct hm_identify *identify, const struct hm_match *match,
                               struct hm_buf *out, struct hm_err *err)
{
    size_t count = 0;

    /* Of an image that nothing is known of, all bytes match nothing. */
    if (match->verdict == HM_MATCH_UNKNOWN)
        return HM_OK;
    for (size_t i = 0; i < match->range_count; i++) {
        if (is_told(&match->ranges[i]) && count++ < RANGES_MAX)
            HM_TRY(print_range(identify, match, &match->ranges[i], out, err));
    }
    if (count > RANGES_MAX)
        HM_TRY(hm_buf_append_fmt(out, err, "  and %zu more such ranges\n", count - RANGES_MAX));
    if (match->unknown_count > 1) {
        HM_TRY(hm_buf_append_str(out, "  in all ", err));
        HM_TRY(print_bytes(out, match->unknown_size, err));
        HM_TRY(hm_buf_append_fmt(out, err, " in %zu places match nothing published\n",
                                 match->unknown_count));
    }
    return HM_OK;
}

static enum hm_rc print_part_name(struct hm_buf *out, const struct hm_part *part,
                                  struct hm_err *err)
{
    char guid[HM_GUID_TEXT_SIZE];

    HM_TRY(hm_buf_append_str(out, hm_image_kind_name(part->kind), err));
    if (part->name.size > 0) {
        HM_TRY(hm_buf_append_byte(out, ' ', err));
        HM_TRY(hm_text_escape(out, part->name, err));
    }
    if (!part->has_guid)
        return HM_OK;
    hm_guid_text(&part->guid, guid);
    return hm_buf_append_fmt(out, err, " %s", guid);
}

static enum hm_rc print_modules(const struct hm_match_release *release, struct hm_buf *out,
                                struct hm_err *err)
{
    const struct hm_modules *modules = &release->modules;

    if (!release->has_modules || modules->image_count + modules->release_count == 0)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(out, err, "  modules: %zu of %zu are the release's, of its %zu\n",
                             modules->equal_count, modules->image_count, modules->release_count));
    /* What holds them is cut off or cannot be unpacked: a list of all would say less than that. */
    if (2 * modules->equal_count < modules->release_count)
        return HM_OK;
    for (size_t i = 0; i < modules->difference_count && i < MODULES_MAX; i++) {
        HM_TRY(hm_buf_append_fmt(out, err,
                                 "  module %s: ", hm_modules_text(modules->differences[i].change)));
        HM_TRY(print_part_name(out, modules->differences[i].part, err));
        HM_TRY(hm_buf_append_byte(out, '\n', err));
    }
    if (modules->difference_count > MODULES_MAX)
        HM_TRY(hm_buf_append_fmt(out, err, "  and %zu more modules\n",
                                 modules->difference_count - MODULES_MAX));
    return HM_OK;
}

static enum hm_rc print_nearness(const struct hm_match *match,
                                 const struct hm_match_release *release, struct hm_buf *out,
                                 struct hm_err *err)
{
    uint32_t near = hm_match_nearness(release);

    if (match->verdict == HM_MATCH_RELATED && release->has_modules &&
        release->modules.equal_count > 0)
        return hm_buf_append_fmt(out, err, ": %zu modules are equal", release->modules.equal_count);
    if (match->verdict == HM_MATCH_RELATED && release->equal_pieces > 0)
        return hm_buf_append_fmt(out, err, ": %zu of %zu pieces of what is packed look alike",
                                 release->equal_pieces, release->pieces);
    return hm_buf_append_fmt(out, err, ": %u.%02u %% of both are equal", near / 100, near % 100);
}

/* Releases behind the first. */
static enum hm_rc print_near(struct hm_identify *identify, const struct hm_match *match,
                             struct hm_buf *out, struct hm_err *err)
{
    for (size_t i = 1; i < match->release_count && i <= NEAR_MAX; i++) {
        const struct hm_match_release *release = &match->releases[i];
        bool is_twin = hm_match_is_as_near(match, &match->releases[0], release);

        if (release->is_whole && match->verdict == HM_MATCH_CONTAINS)
            continue; /* told already */
        HM_TRY(hm_buf_append_str(out, is_twin ? "  just as near: " : "  also near: ", err));
        HM_TRY(print_name(identify, release->source, &release->image, out, err));
        HM_TRY(print_nearness(match, release, out, err));
        HM_TRY(hm_buf_append_byte(out, '\n', err));
    }
    return HM_OK;
}

/* Whole releases, and components of some, and where. */
static enum hm_rc print_contents(struct hm_identify *identify, const struct hm_match *match,
                                 struct hm_buf *out, struct hm_err *err)
{
    for (size_t i = 0; i < match->release_count; i++) {
        const struct hm_match_release *release = &match->releases[i];

        if (!release->is_whole || hm_match_is_inner(match, release))
            continue;
        HM_TRY(
            hm_buf_append_fmt(out, err, "  whole at 0x%llX: ", (unsigned long long)release->shift));
        HM_TRY(print_name(identify, release->source, &release->image, out, err));
        HM_TRY(hm_buf_append_byte(out, '\n', err));
    }
    for (size_t i = 0; i < match->part_count && i < PARTS_MAX; i++) {
        HM_TRY(hm_buf_append_str(out, "  ", err));
        HM_TRY(print_part_name(out, match->parts[i].part, err));
        HM_TRY(hm_buf_append_fmt(out, err, " at 0x%X: also in ", match->parts[i].part->offset));
        HM_TRY(print_name(identify, match->parts[i].source, &match->parts[i].image, out, err));
        HM_TRY(hm_buf_append_byte(out, '\n', err));
    }
    return HM_OK;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static enum hm_rc print_head(struct hm_identify *identify, const struct hm_match *match,
                             struct hm_buf *out, struct hm_err *err)
{
    const struct hm_match_release *first = match->release_count > 0 ? &match->releases[0] : NULL;

    HM_TRY(hm_buf_append_str(out, hm_match_verdict_text(match->verdict), err));
    switch (match->verdict) {
    case HM_MATCH_EXACT:
        HM_TRY(hm_buf_append_str(out, ": ", err));
        return print_name(identify, match->exact[0].source, &match->exact[0].image, out, err);
    case HM_MATCH_VARIABLE:
        HM_TRY(hm_buf_append_str(out, ": ", err));
        return print_name(identify, first->source, &first->image, out, err);
    case HM_MATCH_MODIFIED:
    case HM_MATCH_RELATED:
        if (first == NULL)
            return HM_OK;
        HM_TRY(hm_buf_append_str(out, ": nearest is ", err));
        HM_TRY(print_name(identify, first->source, &first->image, out, err));
        return print_nearness(match, first, out, err);
    case HM_MATCH_CONTAINS:
        return hm_buf_append_str(out, ":", err);
    case HM_MATCH_UNKNOWN:
        return hm_buf_append_str(out, ": no known image has anything to do with it", err);
    }
    return HM_OK;
}

static enum hm_rc print_details(struct hm_identify *identify, const struct hm_match *match,
                                struct hm_buf *out, struct hm_err *err)
{
    if (match->verdict == HM_MATCH_EXACT) {
        for (size_t i = 1; i < match->exact_count && i < EXACT_MAX; i++) {
            HM_TRY(hm_buf_append_str(out, "  the same bytes: ", err));
            HM_TRY(print_name(identify, match->exact[i].source, &match->exact[i].image, out, err));
            HM_TRY(hm_buf_append_byte(out, '\n', err));
        }
        return HM_OK;
    }
    if (match->release_count > 0 && match->releases[0].has_code_in_variable)
        HM_TRY(hm_buf_append_str(
            out, "  there is code in a region that is for variables, and it is not the release's\n",
            err));
    if (match->verdict == HM_MATCH_CONTAINS)
        HM_TRY(print_contents(identify, match, out, err));
    HM_TRY(print_ranges(identify, match, out, err));
    if (match->release_count > 0)
        HM_TRY(print_modules(&match->releases[0], out, err));
    HM_TRY(print_near(identify, match, out, err));
    if (match->is_partial)
        HM_TRY(hm_buf_append_str(
            out, "  partial: looking into it came to no end; there may be more in it\n", err));
    return HM_OK;
}

/* These very bytes, as sites signed for them. */
static enum hm_rc print_signed(struct hm_identify *identify, const struct hm_identify_file *file,
                               struct hm_buf *out, struct hm_err *err)
{
    for (size_t i = 0; i < file->signed_as->answer.matches.item_count; i++) {
        const struct hm_catalogue_item *item = &file->signed_as->answer.matches.items[i];
        struct hm_trace trace = {0};

        if (item->rc != HM_OK)
            continue;
        HM_TRY(hm_text_escape(out, hm_bytes_str(file->path), err));
        HM_TRY(hm_buf_append_str(out, ": exact: ", err));
        HM_TRY(print_item(out, item, err));
        HM_TRY(hm_buf_append_byte(out, '\n', err));
        if (!identify->is_trace)
            continue;
        HM_TRY(hm_identify_trace(identify, item, err, &trace));
        HM_TRY(hm_identify_trace_print(&trace, err, out));
    }
    return HM_OK;
}

/* The chain of custody of the release that a verdict names. */
static enum hm_rc print_trace(struct hm_identify *identify, const struct hm_match *match,
                              struct hm_buf *out, struct hm_err *err)
{
    const struct hm_identify_name *name = NULL;
    const struct hm_catalogue_item *item;
    struct hm_trace trace = {0};

    if (!identify->is_trace || match->release_count == 0)
        return HM_OK;
    HM_TRY(hm_identify_ask(identify, &match->releases[0].image.sha256,
                           match->releases[0].image.size, err, &name));
    item = hm_identify_released(name);
    if (item == NULL)
        return HM_OK;
    HM_TRY(hm_buf_append_str(out, "  of ", err));
    HM_TRY(print_item(out, item, err));
    HM_TRY(hm_buf_append_str(out, ":\n", err));
    HM_TRY(hm_identify_trace(identify, item, err, &trace));
    return hm_identify_trace_print(&trace, err, out);
}

static void print_reason(const struct hm_identify_file *file)
{
    struct hm_err why = HM_ERR_INIT;

    if (file->reason == NULL)
        return;
    (void)hm_fail(&why, file->rc, "'%s': %s%s", file->path,
                  hm_error_exit_status(file->rc) == 3 && file->match != NULL ? "cannot tell: " : "",
                  file->reason);
    (void)hm_cmd_fail(&why); /* the status is file->rc's */
}

enum hm_rc hm_identify_print(struct hm_identify *identify, const struct hm_identify_file *file,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_CUSTOMER_OUTPUT_SIZE_MAX);

    print_reason(file);
    if (identify->customer.quiet)
        return HM_OK;
    if (file->match == NULL) {
        if (hm_identify_released(file->signed_as) != NULL)
            HM_TRY(print_signed(identify, file, &out, err));
        return hm_cmd_print(hm_buf_bytes(&out), err);
    }
    HM_TRY(hm_text_escape(&out, hm_bytes_str(file->path), err));
    HM_TRY(hm_buf_append_str(&out, ": ", err));
    HM_TRY(print_head(identify, file->match, &out, err));
    HM_TRY(hm_buf_append_byte(&out, '\n', err));
    HM_TRY(print_details(identify, file->match, &out, err));
    HM_TRY(print_trace(identify, file->match, &out, err));
    return hm_cmd_print(hm_buf_bytes(&out), err);
}
