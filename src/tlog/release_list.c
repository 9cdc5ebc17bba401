/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of versions. See release_list.h. */
#include "tlog/release_list.h"

#include "base/text.h"
#include "tlog/entry_internal.h"
#include "tlog/merkle.h"

#define NOUN         "a row of a list of versions"
#define CAPACITY_MIN 8

enum hm_rc hm_release_list_new(struct hm_err *err, struct hm_release_list **ret_list)
{
    struct hm_release_list *list = calloc(1, sizeof(*list));

    if (list == NULL)
        return hm_error_nomem(err);
    *ret_list = list;
    return HM_OK;
}

void hm_release_list_free(struct hm_release_list *list)
{
    if (list == NULL)
        return;
    hm_arena_done(&list->arena);
    free(list);
}

static struct hm_bytes version_of(const struct hm_release_row *row)
{
    return hm_bytes_str(row->version);
}

size_t hm_release_list_position(const struct hm_release_list *list, struct hm_bytes version)
{
    size_t low = 0;
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_text_compare_versions(version_of(&list->rows[middle]), version) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct hm_release_row *hm_release_list_find(const struct hm_release_list *list,
                                                  struct hm_bytes version)
{
    size_t position = hm_release_list_position(list, version);

    if (position == list->count || !hm_bytes_is_equal(version_of(&list->rows[position]), version))
        return NULL;
    return &list->rows[position];
}

static enum hm_rc parse_recalls(struct hm_lines *lines, struct hm_arena *arena,
                                struct hm_release_row *row)
{
    const char *what = "'recall INDEX NAME' of a later entry than the line before";
    size_t count = hm_lines_count(lines, "recall");
    uint64_t last = row->entry;

    if (count > HM_RELEASE_LIST_RECALL_COUNT_MAX)
        return hm_fail(lines->err, HM_EFORMAT, "%s has more than %d recalls", NOUN,
                       HM_RELEASE_LIST_RECALL_COUNT_MAX);
    row->recalls = hm_arena_alloc(arena, count, sizeof(*row->recalls));
    if (row->recalls == NULL)
        return hm_error_nomem(lines->err);
    for (; row->recall_count < count; row->recall_count++) {
        struct hm_release_recall *recall = &row->recalls[row->recall_count];

        HM_TRY(hm_lines_take(lines, "recall", 2, false, what));
        HM_TRY(hm_lines_number(lines, 0, 0, what, &recall->entry));
        if (recall->entry <= last || !hm_text_is_file_name(lines->words[1]))
            return hm_lines_fail(lines, what);
        HM_TRY(hm_lines_copy(lines, 1, arena, &recall->name));
        last = recall->entry;
        hm_lines_next(lines);
    }
    return HM_OK;
}

/* Reads a row; raw lies in the arena already. */
static enum hm_rc parse_row(struct hm_bytes raw, struct hm_arena *arena, struct hm_digest *digest,
                            struct hm_err *err, struct hm_release_row *ret_row)
{
    struct hm_release_row row = {.raw = raw};
    struct hm_lines lines;

    HM_TRY(hm_lines_check(raw, HM_RELEASE_LIST_ROW_SIZE_MAX, NOUN, err));
    hm_lines_init(&lines, raw, NOUN, err);
    HM_TRY(hm_lines_take(&lines, "version", 1, false, "'version VERSION'"));
    if (!hm_text_is_name(lines.words[0]))
        return hm_lines_fail(&lines, "'version VERSION'");
    HM_TRY(hm_lines_copy(&lines, 0, arena, &row.version));
    hm_lines_next(&lines);
    HM_TRY(hm_lines_take(&lines, "entry", 1, false, "'entry INDEX'"));
    HM_TRY(hm_lines_number(&lines, 0, 0, "'entry INDEX'", &row.entry));
    hm_lines_next(&lines);
    HM_TRY(hm_entry_take_label(&lines, arena, &row.label));
    HM_TRY(hm_entry_take_images(&lines, arena, &row.images, &row.image_count));
    HM_TRY(parse_recalls(&lines, arena, &row));
    if (lines.has_line)
        return hm_lines_fail(&lines, "the end of the row");
    HM_TRY(hm_merkle_leaf(digest, raw, err, &row.hash));
    *ret_row = row;
    return HM_OK;
}

static enum hm_rc make_room(struct hm_release_list *list, struct hm_err *err)
{
    size_t wanted = list->capacity == 0 ? CAPACITY_MIN : 2 * list->capacity;
    void *rows;

    if (list->count < list->capacity)
        return HM_OK;
    rows = hm_arena_grow(&list->arena, list->rows, list->capacity * sizeof(*list->rows),
                         wanted * sizeof(*list->rows));
    if (rows == NULL)
        return hm_error_nomem(err);
    list->rows = rows;
    list->capacity = wanted;
    return HM_OK;
}

/* The first row of rest, up to its empty line, and what is behind that. */
static enum hm_rc split_row(struct hm_bytes *rest, struct hm_err *err, struct hm_bytes *ret_row)
{
    const uint8_t *end = memmem(rest->data, rest->size, "\n\n", 2);
    struct hm_bytes row = *rest;

    if (end == NULL)
        return hm_fail(err, HM_EFORMAT, "%s has no empty line after it", NOUN);
    row.size = (size_t)(end - rest->data) + 1;
    *rest = hm_bytes_make(end + 2, rest->size - row.size - 1);
    *ret_row = row;
    return HM_OK;
}

enum hm_rc hm_release_list_parse(struct hm_bytes raw, struct hm_err *err,
                                 struct hm_release_list **ret_list)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_bytes rest;

    if (raw.size > HM_RELEASE_LIST_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the list of versions is larger than %zu bytes",
                       HM_RELEASE_LIST_SIZE_MAX);
    if (raw.size == 0)
        return hm_fail(err, HM_EFORMAT, "the list of versions is empty");
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_release_list_new(err, &list));
    HM_TRY(hm_arena_copy(&list->arena, raw, err, &rest));
    list->size = raw.size;
    while (rest.size > 0) {
        struct hm_release_row *row;
        struct hm_bytes text;

        if (list->count == HM_RELEASE_LIST_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "the list of versions has more than %d rows",
                           HM_RELEASE_LIST_COUNT_MAX);
        HM_TRY(split_row(&rest, err, &text));
        HM_TRY(make_room(list, err));
        row = &list->rows[list->count];
        HM_TRY(parse_row(text, &list->arena, digest, err, row));
        if (list->count > 0 && hm_text_compare_versions(version_of(row - 1), version_of(row)) >= 0)
            return hm_fail(err, HM_EFORMAT,
                           "version '%s' repeats the row before in the list, or should stand "
                           "before it",
                           row->version);
        list->count++;
    }
    *ret_list = hm_steal(&list);
    return HM_OK;
}

enum hm_rc hm_release_list_write(const struct hm_release_list *list, struct hm_err *err,
                                 struct hm_buf *ret_buf)
{
    HM_TRY(hm_buf_reserve(ret_buf, list->size, err));
    for (size_t i = 0; i < list->count; i++) {
        HM_TRY(hm_buf_append(ret_buf, list->rows[i].raw, err));
        HM_TRY(hm_buf_append_byte(ret_buf, '\n', err));
    }
    return HM_OK;
}

/* The last part of a path of three. */
static const char *last_part(const char *path)
{
    return strrchr(path, '/') + 1;
}

static enum hm_rc write_row(const struct hm_entry *release, uint64_t index, struct hm_err *err,
                            struct hm_buf *row)
{
    HM_TRY(hm_buf_append_fmt(row, err, "version %s\nentry %llu\n", last_part(release->path),
                             (unsigned long long)index));
    if (release->label != NULL)
        HM_TRY(hm_buf_append_fmt(row, err, "label %s\n", release->label));
    return hm_entry_write_images(row, release->images, release->image_count, err);
}

enum hm_rc hm_release_list_add(struct hm_release_list *list, const struct hm_entry *release,
                               uint64_t index, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_RELEASE_LIST_ROW_SIZE_MAX);
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_release_row row;
    struct hm_bytes raw;
    size_t position;

    HM_ASSERT(release->kind == HM_ENTRY_RELEASE);
    position = hm_release_list_position(list, hm_bytes_str(last_part(release->path)));
    if (position < list->count &&
        strcmp(list->rows[position].version, last_part(release->path)) == 0)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' was released before, by entry %llu of the log: a version is never "
                       "used again",
                       release->path, (unsigned long long)list->rows[position].entry);
    HM_TRY(write_row(release, index, err, &text));
    if (list->count == HM_RELEASE_LIST_COUNT_MAX ||
        text.size >= HM_RELEASE_LIST_SIZE_MAX - list->size)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' has no room in its product's list of versions: %zu versions of %zu "
                       "bytes stand there",
                       release->path, list->count, list->size);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(make_room(list, err));
    HM_TRY(hm_arena_copy(&list->arena, hm_buf_bytes(&text), err, &raw));
    HM_TRY(parse_row(raw, &list->arena, digest, err, &row));
    memmove(&list->rows[position + 1], &list->rows[position],
            (list->count - position) * sizeof(*list->rows));
    list->rows[position] = row;
    list->count++;
    list->size += raw.size + 1;
    return HM_OK;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, HM_SHA256_SIZE);
}

static bool row_has_digest(const struct hm_release_row *row, const struct hm_sha256 *digests,
                           size_t count)
{
    for (size_t i = 0; i < row->image_count; i++) {
        if (bsearch(&row->images[i].sha256, digests, count, sizeof(*digests), compare_digests) !=
            NULL)
            return true;
    }
    return false;
}

bool hm_release_list_has_digest(const struct hm_release_list *list, const struct hm_sha256 *digests,
                                size_t count)
{
    for (size_t i = 0; i < list->count; i++) {
        if (row_has_digest(&list->rows[i], digests, count))
            return true;
    }
    return false;
}

static enum hm_rc check_recallable(const struct hm_release_row *row, uint64_t index,
                                   struct hm_err *err)
{
    uint64_t last = row->recall_count == 0 ? row->entry : row->recalls[row->recall_count - 1].entry;

    if (index <= last)
        return hm_fail(err, HM_EUSAGE,
                       "version '%s' has entry %llu already, and entries are replayed in order",
                       row->version, (unsigned long long)last);
    if (row->recall_count == HM_RELEASE_LIST_RECALL_COUNT_MAX ||
        row->raw.size > HM_RELEASE_LIST_ROW_SIZE_MAX - HM_ENTRY_LABEL_SIZE_MAX)
        return hm_fail(err, HM_EREFUSED, "version '%s' has too many recalls already", row->version);
    return HM_OK;
}

enum hm_rc hm_release_list_recall(const struct hm_release_list *list, const struct hm_entry *recall,
                                  uint64_t index, struct hm_err *err,
                                  struct hm_release_list **ret_list)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(2 * HM_RELEASE_LIST_SIZE_MAX);

    HM_ASSERT(recall->kind == HM_ENTRY_RECALL);
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_release_row *row = &list->rows[i];

        HM_TRY(hm_buf_append(&text, row->raw, err));
        if (row_has_digest(row, recall->digests, recall->digest_count)) {
            HM_TRY(check_recallable(row, index, err));
            HM_TRY(hm_buf_append_fmt(&text, err, "recall %llu %s\n", (unsigned long long)index,
                                     last_part(recall->path)));
        }
        HM_TRY(hm_buf_append_byte(&text, '\n', err));
    }
    if (text.size > HM_RELEASE_LIST_SIZE_MAX)
        return hm_fail(err, HM_EREFUSED, "recall '%s' has no room in a product's list of versions",
                       recall->path);
    return hm_release_list_parse(hm_buf_bytes(&text), err, ret_list);
}

enum hm_rc hm_release_list_root(const struct hm_release_list *list, struct hm_err *err,
                                struct hm_sha256 *ret_root)
{
    struct hm_merkle_frontier frontier = {.size = 0};
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    for (size_t i = 0; i < list->count; i++)
        HM_TRY(hm_merkle_frontier_add(digest, &frontier, &list->rows[i].hash, NULL, err));
    return hm_merkle_frontier_root(digest, &frontier, err, ret_root);
}

enum hm_rc hm_release_list_value(const struct hm_release_list *list, struct hm_err *err,
                                 struct hm_sha256 *ret_value)
{
    struct hm_sha256 root;
    char hex[HM_SHA256_HEX_SIZE];
    char text[128];
    int size;

    HM_TRY(hm_release_list_root(list, err, &root));
    hm_text_hex(hm_bytes_make(root.bytes, HM_SHA256_SIZE), hex);
    size = snprintf(text, sizeof(text), "hallmark/v1 versions\n%zu %s\n", list->count, hex);
    HM_ASSERT(size > 0 && (size_t)size < sizeof(text));
    return hm_digest_sha256(hm_bytes_str(text), err, ret_value);
}
