/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the release log. See entry.h. */
#include "tlog/entry_internal.h"

#include <strings.h>

#include "base/text.h"

#define NOUN         "the log entry"
#define ID_SIZE_MIN  2
#define ID_SIZE_MAX  32
#define PATH_PARTS   3
#define GRADE_MAKER  "maker"
#define GRADE_VENDOR "attested"

static const char *const kind_names[] = {
    [HM_ENTRY_RELEASE] = "hallmark/release v1",   [HM_ENTRY_RECALL] = "hallmark/recall v1",
    [HM_ENTRY_MAKER] = "hallmark/maker v1",       [HM_ENTRY_ROOT] = "hallmark/root v1",
    [HM_ENTRY_SNAPSHOT] = "hallmark/snapshot v1",
};

const char *hm_entry_kind_name(enum hm_entry_kind kind)
{
    return kind_names[kind];
}

struct parser {
    struct hm_entry *entry;
    struct hm_lines lines;
};

/* docs/formats.md section 1: 2 to 32 bytes, no '.', '+' or '~'. */
static bool is_id(struct hm_bytes id)
{
    if (!hm_text_is_name(id) || id.size < ID_SIZE_MIN || id.size > ID_SIZE_MAX)
        return false;
    return memchr(id.data, '.', id.size) == NULL && memchr(id.data, '+', id.size) == NULL;
}

/* Names that no maker may have; 'vendor' recalls in the vendor's own name. */
static bool is_reserved(struct hm_bytes id)
{
    static const char *const reserved[] = {"recalls", "vendor", "lifted", "makers"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(reserved); i++) {
        if (hm_bytes_is_str(id, reserved[i]))
            return true;
    }
    return false;
}

static bool is_role(struct hm_bytes role)
{
    if (role.size == 0 || role.size > HM_ENTRY_ROLE_SIZE_MAX)
        return false;
    for (size_t i = 0; i < role.size; i++) {
        uint8_t byte = role.data[i];

        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '~' ||
              byte == '.' || byte == '_' || byte == '+' || byte == '-'))
            return false;
    }
    return true;
}

bool hm_entry_is_product(struct hm_bytes product)
{
    const uint8_t *slash = product.size == 0 ? NULL : memchr(product.data, '/', product.size);
    struct hm_bytes id = product;

    if (slash == NULL)
        return false;
    id.size = (size_t)(slash - product.data);
    return hm_entry_is_maker(id) &&
           hm_text_is_name(hm_bytes_make(slash + 1, product.size - id.size - 1));
}

bool hm_entry_is_maker(struct hm_bytes id)
{
    return is_id(id) && !is_reserved(id);
}

/* Three parts; of a release the first is an ID, of a recall the second. */
static bool is_path(struct hm_bytes path, bool is_recall)
{
    struct hm_bytes parts[PATH_PARTS];
    size_t count = 0;

    for (;;) {
        const uint8_t *slash = path.size == 0 ? NULL : memchr(path.data, '/', path.size);

        if (count == PATH_PARTS)
            return false;
        parts[count] = path;
        if (slash == NULL)
            break;
        parts[count].size = (size_t)(slash - path.data);
        path = hm_bytes_make(slash + 1, path.size - parts[count].size - 1);
        count++;
    }
    if (count != PATH_PARTS - 1)
        return false;
    if (is_recall)
        return hm_bytes_is_str(parts[0], "recalls") && is_id(parts[1]) &&
               (!is_reserved(parts[1]) || hm_bytes_is_str(parts[1], "vendor")) &&
               hm_text_is_file_name(parts[2]);
    return hm_entry_is_maker(parts[0]) && hm_text_is_name(parts[1]) && hm_text_is_name(parts[2]);
}

static enum hm_rc take_site(struct parser *parser)
{
    const char *what = "'site NAME'";

    HM_TRY(hm_lines_take(&parser->lines, "site", 1, false, what));
    if (!is_id(parser->lines.words[0]))
        return hm_lines_fail(&parser->lines, what);
    HM_TRY(hm_lines_copy(&parser->lines, 0, &parser->entry->arena, &parser->entry->site));
    hm_lines_next(&parser->lines);
    return HM_OK;
}

static enum hm_rc take_path(struct parser *parser, bool is_recall)
{
    const char *what = is_recall ? "'path recalls/ID/NAME'" : "'path ID/PRODUCT/VERSION'";

    HM_TRY(hm_lines_take(&parser->lines, "path", 1, false, what));
    if (!is_path(parser->lines.words[0], is_recall))
        return hm_lines_fail(&parser->lines, what);
    HM_TRY(hm_lines_copy(&parser->lines, 0, &parser->entry->arena, &parser->entry->path));
    hm_lines_next(&parser->lines);
    return HM_OK;
}

/* The values of a document from word on; length is the last of them if it has one. */
static enum hm_rc take_document(struct parser *parser, const char *word, bool has_version,
                                bool has_length, const char *what,
                                struct hm_entry_document *ret_document)
{
    struct hm_entry_document document = {.version = 0};
    size_t next = 0;

    HM_TRY(hm_lines_take(&parser->lines, word, 1 + (size_t)has_version + (size_t)has_length, false,
                         what));
    if (has_version)
        HM_TRY(hm_lines_number(&parser->lines, next++, 1, what, &document.version));
    HM_TRY(hm_lines_digest(&parser->lines, next++, what, &document.sha256));
    if (has_length)
        HM_TRY(hm_lines_number(&parser->lines, next, 0, what, &document.length));
    *ret_document = document;
    hm_lines_next(&parser->lines);
    return HM_OK;
}

/* The number of lines from here on that start with word. */
static enum hm_rc count_lines(const struct hm_lines *lines, const char *word, const char *what,
                              size_t count_min, size_t *ret_count)
{
    size_t count = hm_lines_count(lines, word);

    if (count < count_min)
        return hm_lines_fail(lines, what);
    if (count > HM_ENTRY_LIST_COUNT_MAX)
        return hm_fail(lines->err, HM_EFORMAT, "%s has more than %d lines of one kind", lines->noun,
                       HM_ENTRY_LIST_COUNT_MAX);
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc unsorted(const struct hm_lines *lines)
{
    return hm_fail(lines->err, HM_EFORMAT,
                   "line %zu of %s repeats the one before or should stand before it", lines->number,
                   lines->noun);
}

/* File names of one release differ in more than case, whatever the order of their bytes. */
static bool is_same_folded(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

enum hm_rc hm_entry_take_images(struct hm_lines *lines, struct hm_arena *arena,
                                struct hm_entry_image **ret_images, size_t *ret_count)
{
    const char *what = "'image FILE SHA256 LENGTH'";
    struct hm_entry_image *images;
    size_t count = 0;

    HM_TRY(count_lines(lines, "image", what, 1, &count));
    images = hm_arena_alloc(arena, count, sizeof(*images));
    if (images == NULL)
        return hm_error_nomem(lines->err);
    for (size_t i = 0; i < count; i++) {
        HM_TRY(hm_lines_take(lines, "image", 3, false, what));
        if (!hm_text_is_file_name(lines->words[0]))
            return hm_lines_fail(lines, what);
        HM_TRY(hm_lines_copy(lines, 0, arena, &images[i].file));
        HM_TRY(hm_lines_digest(lines, 1, what, &images[i].sha256));
        HM_TRY(hm_lines_number(lines, 2, 0, what, &images[i].length));
        if (i > 0 && strcmp(images[i - 1].file, images[i].file) >= 0)
            return unsorted(lines);
        for (size_t j = 0; j < i; j++) {
            if (is_same_folded(images[j].file, images[i].file))
                return hm_fail(lines->err, HM_EFORMAT,
                               "files '%s' and '%s' of %s differ in case only", images[j].file,
                               images[i].file, lines->noun);
        }
        hm_lines_next(lines);
    }
    *ret_images = images;
    *ret_count = count;
    return HM_OK;
}

enum hm_rc hm_entry_take_label(struct hm_lines *lines, struct hm_arena *arena,
                               const char **ret_label)
{
    const char *what = "'label TEXT' of at most 256 bytes without spaces around";
    struct hm_bytes label;

    if (!hm_lines_has(lines, "label"))
        return HM_OK;
    HM_TRY(hm_lines_take(lines, "label", 1, true, what));
    label = lines->words[0];
    if (label.size > HM_ENTRY_LABEL_SIZE_MAX || label.data[0] == ' ' ||
        label.data[label.size - 1] == ' ')
        return hm_lines_fail(lines, what);
    HM_TRY(hm_lines_copy(lines, 0, arena, ret_label));
    hm_lines_next(lines);
    return HM_OK;
}

static enum hm_rc take_digests(struct parser *parser)
{
    const char *what = "'digest SHA256'";
    struct hm_entry *entry = parser->entry;
    size_t count = 0;

    HM_TRY(count_lines(&parser->lines, "digest", what, 1, &count));
    entry->digests = hm_arena_alloc(&entry->arena, count, sizeof(*entry->digests));
    if (entry->digests == NULL)
        return hm_error_nomem(parser->lines.err);
    for (; entry->digest_count < count; entry->digest_count++) {
        struct hm_sha256 *digest = &entry->digests[entry->digest_count];

        HM_TRY(hm_lines_take(&parser->lines, "digest", 1, false, what));
        HM_TRY(hm_lines_digest(&parser->lines, 0, what, digest));
        if (entry->digest_count > 0 && memcmp(digest[-1].bytes, digest->bytes, HM_SHA256_SIZE) >= 0)
            return unsorted(&parser->lines);
        hm_lines_next(&parser->lines);
    }
    return HM_OK;
}

static enum hm_rc take_roles(struct parser *parser)
{
    const char *what = "'role NAME VERSION'";
    struct hm_entry *entry = parser->entry;
    size_t count = 0;

    HM_TRY(count_lines(&parser->lines, "role", what, 1, &count));
    entry->roles = hm_arena_alloc(&entry->arena, count, sizeof(*entry->roles));
    if (entry->roles == NULL)
        return hm_error_nomem(parser->lines.err);
    for (; entry->role_count < count; entry->role_count++) {
        struct hm_entry_role *role = &entry->roles[entry->role_count];

        HM_TRY(hm_lines_take(&parser->lines, "role", 2, false, what));
        if (!is_role(parser->lines.words[0]))
            return hm_lines_fail(&parser->lines, what);
        HM_TRY(hm_lines_copy(&parser->lines, 0, &parser->entry->arena, &role->name));
        HM_TRY(hm_lines_number(&parser->lines, 1, 1, what, &role->version));
        if (entry->role_count > 0 && strcmp(role[-1].name, role->name) >= 0)
            return unsorted(&parser->lines);
        hm_lines_next(&parser->lines);
    }
    return HM_OK;
}

static enum hm_rc take_range(struct parser *parser, const char *word, uint64_t count_min,
                             const char *what, struct hm_entry_range *ret_range)
{
    struct hm_entry_range range;

    HM_TRY(hm_lines_take(&parser->lines, word, 2, false, what));
    HM_TRY(hm_lines_number(&parser->lines, 0, 0, what, &range.first));
    HM_TRY(hm_lines_number(&parser->lines, 1, count_min, what, &range.count));
    if (range.count > HM_LINES_INDEX_MAX - range.first)
        return hm_lines_fail(&parser->lines, what);
    *ret_range = range;
    return HM_OK;
}

/* Voids lie before the batch or in it, in order, and do not touch: two that do are one. */
static enum hm_rc take_voids(struct parser *parser)
{
    const char *what = "'void FIRST COUNT'";
    struct hm_entry *entry = parser->entry;
    uint64_t end = entry->entries.first + entry->entries.count;
    size_t count = 0;

    HM_TRY(count_lines(&parser->lines, "void", what, 0, &count));
    entry->voids = hm_arena_alloc(&entry->arena, count, sizeof(*entry->voids));
    if (entry->voids == NULL)
        return hm_error_nomem(parser->lines.err);
    for (; entry->void_count < count; entry->void_count++) {
        struct hm_entry_range *range = &entry->voids[entry->void_count];

        HM_TRY(take_range(parser, "void", 1, what, range));
        if (entry->void_count > 0 && range[-1].first + range[-1].count >= range->first)
            return unsorted(&parser->lines);
        if (range->first + range->count > end)
            return hm_lines_fail(&parser->lines, "'void FIRST COUNT' of entries before this one");
        hm_lines_next(&parser->lines);
    }
    return HM_OK;
}

static enum hm_rc take_release(struct parser *parser)
{
    HM_TRY(take_path(parser, false));
    HM_TRY(hm_entry_take_label(&parser->lines, &parser->entry->arena, &parser->entry->label));
    HM_TRY(hm_entry_take_images(&parser->lines, &parser->entry->arena, &parser->entry->images,
                                &parser->entry->image_count));
    return take_roles(parser);
}

static enum hm_rc take_recall(struct parser *parser)
{
    HM_TRY(take_path(parser, true));
    HM_TRY(take_document(parser, "document", false, true, "'document SHA256 LENGTH'",
                         &parser->entry->document));
    HM_TRY(take_digests(parser));
    return take_roles(parser);
}

static enum hm_rc take_maker(struct parser *parser)
{
    const char *what = "'grade maker' or 'grade attested'";

    HM_TRY(hm_lines_take(&parser->lines, "maker", 1, false, "'maker ID'"));
    if (!hm_entry_is_maker(parser->lines.words[0]))
        return hm_lines_fail(&parser->lines, "'maker ID'");
    HM_TRY(hm_lines_copy(&parser->lines, 0, &parser->entry->arena, &parser->entry->maker));
    hm_lines_next(&parser->lines);
    HM_TRY(hm_lines_take(&parser->lines, "grade", 1, false, what));
    parser->entry->is_attested = hm_bytes_is_str(parser->lines.words[0], GRADE_VENDOR);
    if (!parser->entry->is_attested && !hm_bytes_is_str(parser->lines.words[0], GRADE_MAKER))
        return hm_lines_fail(&parser->lines, what);
    hm_lines_next(&parser->lines);
    if (!parser->entry->is_attested)
        HM_TRY(take_document(parser, "identity", true, true, "'identity VERSION SHA256 LENGTH'",
                             &parser->entry->document));
    return take_roles(parser);
}

static enum hm_rc take_snapshot(struct parser *parser)
{
    struct hm_entry *entry = parser->entry;
    const char *what = "'map SHA256 COUNT'";

    HM_TRY(take_document(parser, "snapshot", true, true, "'snapshot VERSION SHA256 LENGTH'",
                         &entry->snapshot));
    HM_TRY(take_document(parser, "root", true, false, "'root VERSION SHA256'", &entry->root));
    HM_TRY(hm_lines_take(&parser->lines, "map", 2, false, what));
    HM_TRY(hm_lines_digest(&parser->lines, 0, what, &entry->map_root));
    HM_TRY(hm_lines_number(&parser->lines, 1, 0, what, &entry->map_count));
    hm_lines_next(&parser->lines);
    HM_TRY(take_range(parser, "entries", 0, "'entries FIRST COUNT'", &entry->entries));
    hm_lines_next(&parser->lines);
    return take_voids(parser);
}

static enum hm_rc take_body(struct parser *parser)
{
    HM_TRY(take_site(parser));
    switch (parser->entry->kind) {
    case HM_ENTRY_RELEASE:
        return take_release(parser);
    case HM_ENTRY_RECALL:
        return take_recall(parser);
    case HM_ENTRY_MAKER:
        return take_maker(parser);
    case HM_ENTRY_ROOT:
        return take_document(parser, "root", true, true, "'root VERSION SHA256 LENGTH'",
                             &parser->entry->root);
    case HM_ENTRY_SNAPSHOT:
        return take_snapshot(parser);
    }
    return HM_EINTERNAL;
}

enum hm_rc hm_entry_parse(struct hm_bytes raw, struct hm_err *err, struct hm_entry **ret_entry)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct parser parser = {.entry = NULL};
    size_t kind = 0;

    HM_TRY(hm_lines_check(raw, HM_ENTRY_SIZE_MAX, NOUN, err));
    hm_lines_init(&parser.lines, raw, NOUN, err);
    while (kind < HM_ARRAY_COUNT(kind_names) &&
           !hm_bytes_is_str(parser.lines.line, kind_names[kind]))
        kind++;
    if (kind == HM_ARRAY_COUNT(kind_names))
        return hm_fail(err, HM_EUNKNOWN, "log entries '%.*s' are not known here",
                       HM_BYTES_FMT(parser.lines.line));
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return hm_error_nomem(err);
    entry->kind = (enum hm_entry_kind)kind;
    parser.entry = entry;
    hm_lines_next(&parser.lines);
    HM_TRY(take_body(&parser));
    if (parser.lines.has_line)
        return hm_lines_fail(&parser.lines, "the end of the entry");
    *ret_entry = hm_steal(&entry);
    return HM_OK;
}

static enum hm_rc write_document(struct hm_buf *buf, const char *word,
                                 const struct hm_entry_document *document, bool has_length,
                                 struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(document->sha256.bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_str(buf, word, err));
    if (document->version != 0)
        HM_TRY(hm_buf_append_fmt(buf, err, " %llu", (unsigned long long)document->version));
    HM_TRY(hm_buf_append_fmt(buf, err, " %s", hex));
    if (has_length)
        HM_TRY(hm_buf_append_fmt(buf, err, " %llu", (unsigned long long)document->length));
    return hm_buf_append_byte(buf, '\n', err);
}

enum hm_rc hm_entry_write_images(struct hm_buf *buf, const struct hm_entry_image *images,
                                 size_t count, struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    for (size_t i = 0; i < count; i++) {
        hm_text_hex(hm_bytes_make(images[i].sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(hm_buf_append_fmt(buf, err, "image %s %s %llu\n", images[i].file, hex,
                                 (unsigned long long)images[i].length));
    }
    return HM_OK;
}

static enum hm_rc write_lists(struct hm_buf *buf, const struct hm_entry *entry, struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_entry_write_images(buf, entry->images, entry->image_count, err));
    for (size_t i = 0; i < entry->digest_count; i++) {
        hm_text_hex(hm_bytes_make(entry->digests[i].bytes, HM_SHA256_SIZE), hex);
        HM_TRY(hm_buf_append_fmt(buf, err, "digest %s\n", hex));
    }
    for (size_t i = 0; i < entry->role_count; i++)
        HM_TRY(hm_buf_append_fmt(buf, err, "role %s %llu\n", entry->roles[i].name,
                                 (unsigned long long)entry->roles[i].version));
    return HM_OK;
}

static enum hm_rc write_snapshot(struct hm_buf *buf, const struct hm_entry *entry,
                                 struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    HM_TRY(write_document(buf, "snapshot", &entry->snapshot, true, err));
    HM_TRY(write_document(buf, "root", &entry->root, false, err));
    hm_text_hex(hm_bytes_make(entry->map_root.bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_fmt(
        buf, err, "map %s %llu\nentries %llu %llu\n", hex, (unsigned long long)entry->map_count,
        (unsigned long long)entry->entries.first, (unsigned long long)entry->entries.count));
    for (size_t i = 0; i < entry->void_count; i++)
        HM_TRY(hm_buf_append_fmt(buf, err, "void %llu %llu\n",
                                 (unsigned long long)entry->voids[i].first,
                                 (unsigned long long)entry->voids[i].count));
    return HM_OK;
}

static enum hm_rc write_body(struct hm_buf *buf, const struct hm_entry *entry, struct hm_err *err)
{
    HM_TRY(hm_buf_append_fmt(buf, err, "%s\nsite %s\n", kind_names[entry->kind],
                             entry->site == NULL ? "" : entry->site));
    switch (entry->kind) {
    case HM_ENTRY_ROOT:
        return write_document(buf, "root", &entry->root, true, err);
    case HM_ENTRY_SNAPSHOT:
        return write_snapshot(buf, entry, err);
    case HM_ENTRY_MAKER:
        HM_TRY(hm_buf_append_fmt(buf, err, "maker %s\ngrade %s\n",
                                 entry->maker == NULL ? "" : entry->maker,
                                 entry->is_attested ? GRADE_VENDOR : GRADE_MAKER));
        if (!entry->is_attested)
            HM_TRY(write_document(buf, "identity", &entry->document, true, err));
        return write_lists(buf, entry, err);
    case HM_ENTRY_RELEASE:
    case HM_ENTRY_RECALL:
        break;
    }
    HM_TRY(hm_buf_append_fmt(buf, err, "path %s\n", entry->path == NULL ? "" : entry->path));
    if (entry->label != NULL)
        HM_TRY(hm_buf_append_fmt(buf, err, "label %s\n", entry->label));
    if (entry->kind == HM_ENTRY_RECALL)
        HM_TRY(write_document(buf, "document", &entry->document, true, err));
    return write_lists(buf, entry, err);
}

static bool is_line(const char *text)
{
    return text == NULL || strchr(text, '\n') == NULL;
}

/* A newline in a value would make another entry of it, which might even parse. */
static bool has_lines_only(const struct hm_entry *entry)
{
    bool is_good = is_line(entry->site) && is_line(entry->path) && is_line(entry->label) &&
                   is_line(entry->maker);

    for (size_t i = 0; i < entry->image_count; i++)
        is_good = is_good && is_line(entry->images[i].file);
    for (size_t i = 0; i < entry->role_count; i++)
        is_good = is_good && is_line(entry->roles[i].name);
    return is_good;
}

enum hm_rc hm_entry_write(const struct hm_entry *entry, struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    _hm_free_(hm_entry_free) struct hm_entry *again = NULL;
    enum hm_rc rc;

    if (!has_lines_only(entry))
        return hm_fail(err, HM_EUSAGE, "a value of the log entry has a newline in it");
    rc = write_body(&buf, entry, err);
    if (rc == HM_EFORMAT)
        return hm_fail(err, HM_EUSAGE, "the log entry would be longer than %d bytes",
                       HM_ENTRY_SIZE_MAX);
    HM_TRY(rc);
    /* An entry is for ever: what the parser refuses must not be logged. */
    rc = hm_entry_parse(hm_buf_bytes(&buf), err, &again);
    if (rc == HM_EFORMAT && err != NULL)
        err->rc = HM_EUSAGE;
    if (rc == HM_EFORMAT)
        return hm_error_prefix(err, HM_EUSAGE, "this cannot be logged");
    HM_TRY(rc);
    return hm_buf_append(ret_buf, hm_buf_bytes(&buf), err);
}

void hm_entry_free(struct hm_entry *entry)
{
    if (entry == NULL)
        return;
    hm_arena_done(&entry->arena);
    free(entry);
}
