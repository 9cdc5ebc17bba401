/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the release log. See entry.h. */
#include "tlog/entry.h"

#include <strings.h>

#include "base/num.h"
#include "base/text.h"

#define WORDS_MAX    5
#define VERSION_MAX  INT64_MAX
#define LENGTH_MAX   INT64_MAX
#define INDEX_MAX    INT64_MAX
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
    struct hm_err *err;
    struct hm_bytes rest;
    struct hm_bytes line; /* the next one, without its newline */
    size_t number;        /* of that line, from 1 */
    bool has_line;
    struct hm_bytes words[WORDS_MAX]; /* after the first */
};

static enum hm_rc fail(struct parser *parser, const char *what)
{
    if (!parser->has_line)
        return hm_fail(parser->err, HM_EFORMAT, "the log entry ends where %s was expected", what);
    return hm_fail(parser->err, HM_EFORMAT, "line %zu of the log entry is not %s", parser->number,
                   what);
}

static void next_line(struct parser *parser)
{
    const uint8_t *end;

    parser->has_line = parser->rest.size > 0;
    if (!parser->has_line)
        return;
    end = memchr(parser->rest.data, '\n', parser->rest.size); /* the last byte is one */
    parser->line = hm_bytes_make(parser->rest.data, (size_t)(end - parser->rest.data));
    parser->rest = hm_bytes_make(end + 1, parser->rest.size - parser->line.size - 1);
    parser->number++;
}

static bool has_word(const struct parser *parser, const char *word)
{
    size_t size = strlen(word);

    return parser->has_line && parser->line.size > size &&
           memcmp(parser->line.data, word, size) == 0 && parser->line.data[size] == ' ';
}

/* Takes a line of word and count values, none of them empty; the last may have spaces if is_text.
 */
static enum hm_rc take(struct parser *parser, const char *word, size_t count, bool is_text,
                       const char *what)
{
    struct hm_bytes rest;

    if (!has_word(parser, word))
        return fail(parser, what);
    rest =
        hm_bytes_make(parser->line.data + strlen(word) + 1, parser->line.size - strlen(word) - 1);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *space = rest.size == 0 ? NULL : memchr(rest.data, ' ', rest.size);
        bool is_last = i + 1 == count;

        if (rest.size == 0 || (is_last ? space != NULL && !is_text : space == NULL))
            return fail(parser, what);
        parser->words[i] = rest;
        if (is_last)
            break;
        parser->words[i].size = (size_t)(space - rest.data);
        if (parser->words[i].size == 0)
            return fail(parser, what);
        rest = hm_bytes_make(space + 1, rest.size - parser->words[i].size - 1);
    }
    return HM_OK;
}

static enum hm_rc take_number(struct parser *parser, size_t word, uint64_t min, uint64_t max,
                              const char *what, uint64_t *ret_number)
{
    struct hm_bytes text = parser->words[word];
    uint64_t number = 0;

    if (hm_num_parse_u64((const char *)text.data, text.size, &number) != HM_OK || number < min ||
        number > max)
        return fail(parser, what);
    *ret_number = number;
    return HM_OK;
}

static enum hm_rc take_digest(struct parser *parser, size_t word, const char *what,
                              struct hm_sha256 *ret_sha256)
{
    struct hm_bytes text = parser->words[word];
    char again[HM_SHA256_HEX_SIZE];

    if (hm_text_unhex(text, ret_sha256->bytes, HM_SHA256_SIZE) != HM_OK)
        return fail(parser, what);
    hm_text_hex(hm_bytes_make(ret_sha256->bytes, HM_SHA256_SIZE), again);
    return hm_bytes_is_str(text, again) ? HM_OK : fail(parser, what); /* lower case only */
}

static enum hm_rc copy(struct parser *parser, struct hm_bytes text, const char **ret_text)
{
    *ret_text = hm_arena_strdup(&parser->entry->arena, text);
    return *ret_text == NULL ? hm_error_nomem(parser->err) : HM_OK;
}

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
    return is_id(parts[0]) && !is_reserved(parts[0]) && hm_text_is_name(parts[1]) &&
           hm_text_is_name(parts[2]);
}

static enum hm_rc take_site(struct parser *parser)
{
    const char *what = "'site NAME'";

    HM_TRY(take(parser, "site", 1, false, what));
    if (!is_id(parser->words[0]))
        return fail(parser, what);
    HM_TRY(copy(parser, parser->words[0], &parser->entry->site));
    next_line(parser);
    return HM_OK;
}

static enum hm_rc take_path(struct parser *parser, bool is_recall)
{
    const char *what = is_recall ? "'path recalls/ID/NAME'" : "'path ID/PRODUCT/VERSION'";

    HM_TRY(take(parser, "path", 1, false, what));
    if (!is_path(parser->words[0], is_recall))
        return fail(parser, what);
    HM_TRY(copy(parser, parser->words[0], &parser->entry->path));
    next_line(parser);
    return HM_OK;
}

/* The values of a document from word on; length is the last of them if it has one. */
static enum hm_rc take_document(struct parser *parser, const char *word, bool has_version,
                                bool has_length, const char *what,
                                struct hm_entry_document *ret_document)
{
    struct hm_entry_document document = {.version = 0};
    size_t next = 0;

    HM_TRY(take(parser, word, 1 + (size_t)has_version + (size_t)has_length, false, what));
    if (has_version)
        HM_TRY(take_number(parser, next++, 1, VERSION_MAX, what, &document.version));
    HM_TRY(take_digest(parser, next++, what, &document.sha256));
    if (has_length)
        HM_TRY(take_number(parser, next, 0, LENGTH_MAX, what, &document.length));
    *ret_document = document;
    next_line(parser);
    return HM_OK;
}

/* The number of lines from here on that start with word. */
static enum hm_rc count_lines(struct parser *parser, const char *word, const char *what,
                              size_t count_min, size_t *ret_count)
{
    struct parser ahead = *parser;
    size_t count = 0;

    while (has_word(&ahead, word)) {
        count++;
        next_line(&ahead);
    }
    if (count < count_min)
        return fail(&ahead, what);
    if (count > HM_ENTRY_LIST_COUNT_MAX)
        return hm_fail(parser->err, HM_EFORMAT, "the log entry has more than %d lines of one kind",
                       HM_ENTRY_LIST_COUNT_MAX);
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc unsorted(struct parser *parser)
{
    return hm_fail(parser->err, HM_EFORMAT,
                   "line %zu of the log entry repeats the one before or should stand before it",
                   parser->number);
}

/* File names of one release differ in more than case, whatever the order of their bytes. */
static bool is_same_folded(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

static enum hm_rc take_images(struct parser *parser)
{
    const char *what = "'image FILE SHA256 LENGTH'";
    struct hm_entry *entry = parser->entry;
    size_t count = 0;

    HM_TRY(count_lines(parser, "image", what, 1, &count));
    entry->images = hm_arena_alloc(&entry->arena, count, sizeof(*entry->images));
    if (entry->images == NULL)
        return hm_error_nomem(parser->err);
    for (; entry->image_count < count; entry->image_count++) {
        struct hm_entry_image *image = &entry->images[entry->image_count];

        HM_TRY(take(parser, "image", 3, false, what));
        if (!hm_text_is_file_name(parser->words[0]))
            return fail(parser, what);
        HM_TRY(copy(parser, parser->words[0], &image->file));
        HM_TRY(take_digest(parser, 1, what, &image->sha256));
        HM_TRY(take_number(parser, 2, 0, LENGTH_MAX, what, &image->length));
        if (entry->image_count > 0 && strcmp(image[-1].file, image->file) >= 0)
            return unsorted(parser);
        for (size_t i = 0; i < entry->image_count; i++) {
            if (is_same_folded(entry->images[i].file, image->file))
                return hm_fail(parser->err, HM_EFORMAT,
                               "files '%s' and '%s' of the log entry differ in case only",
                               entry->images[i].file, image->file);
        }
        next_line(parser);
    }
    return HM_OK;
}

static enum hm_rc take_digests(struct parser *parser)
{
    const char *what = "'digest SHA256'";
    struct hm_entry *entry = parser->entry;
    size_t count = 0;

    HM_TRY(count_lines(parser, "digest", what, 1, &count));
    entry->digests = hm_arena_alloc(&entry->arena, count, sizeof(*entry->digests));
    if (entry->digests == NULL)
        return hm_error_nomem(parser->err);
    for (; entry->digest_count < count; entry->digest_count++) {
        struct hm_sha256 *digest = &entry->digests[entry->digest_count];

        HM_TRY(take(parser, "digest", 1, false, what));
        HM_TRY(take_digest(parser, 0, what, digest));
        if (entry->digest_count > 0 && memcmp(digest[-1].bytes, digest->bytes, HM_SHA256_SIZE) >= 0)
            return unsorted(parser);
        next_line(parser);
    }
    return HM_OK;
}

static enum hm_rc take_roles(struct parser *parser)
{
    const char *what = "'role NAME VERSION'";
    struct hm_entry *entry = parser->entry;
    size_t count = 0;

    HM_TRY(count_lines(parser, "role", what, 1, &count));
    entry->roles = hm_arena_alloc(&entry->arena, count, sizeof(*entry->roles));
    if (entry->roles == NULL)
        return hm_error_nomem(parser->err);
    for (; entry->role_count < count; entry->role_count++) {
        struct hm_entry_role *role = &entry->roles[entry->role_count];

        HM_TRY(take(parser, "role", 2, false, what));
        if (!is_role(parser->words[0]))
            return fail(parser, what);
        HM_TRY(copy(parser, parser->words[0], &role->name));
        HM_TRY(take_number(parser, 1, 1, VERSION_MAX, what, &role->version));
        if (entry->role_count > 0 && strcmp(role[-1].name, role->name) >= 0)
            return unsorted(parser);
        next_line(parser);
    }
    return HM_OK;
}

static enum hm_rc take_range(struct parser *parser, const char *word, uint64_t count_min,
                             const char *what, struct hm_entry_range *ret_range)
{
    struct hm_entry_range range;

    HM_TRY(take(parser, word, 2, false, what));
    HM_TRY(take_number(parser, 0, 0, INDEX_MAX, what, &range.first));
    HM_TRY(take_number(parser, 1, count_min, INDEX_MAX - range.first, what, &range.count));
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

    HM_TRY(count_lines(parser, "void", what, 0, &count));
    entry->voids = hm_arena_alloc(&entry->arena, count, sizeof(*entry->voids));
    if (entry->voids == NULL)
        return hm_error_nomem(parser->err);
    for (; entry->void_count < count; entry->void_count++) {
        struct hm_entry_range *range = &entry->voids[entry->void_count];

        HM_TRY(take_range(parser, "void", 1, what, range));
        if (entry->void_count > 0 && range[-1].first + range[-1].count >= range->first)
            return unsorted(parser);
        if (range->first + range->count > end)
            return fail(parser, "'void FIRST COUNT' of entries before this one");
        next_line(parser);
    }
    return HM_OK;
}

static enum hm_rc take_release(struct parser *parser)
{
    HM_TRY(take_path(parser, false));
    if (has_word(parser, "label")) {
        const char *what = "'label TEXT' of at most 256 bytes without spaces around";
        struct hm_bytes label;

        HM_TRY(take(parser, "label", 1, true, what));
        label = parser->words[0];
        if (label.size > HM_ENTRY_LABEL_SIZE_MAX || label.data[0] == ' ' ||
            label.data[label.size - 1] == ' ')
            return fail(parser, what);
        HM_TRY(copy(parser, label, &parser->entry->label));
        next_line(parser);
    }
    HM_TRY(take_images(parser));
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

    HM_TRY(take(parser, "maker", 1, false, "'maker ID'"));
    if (!is_id(parser->words[0]) || is_reserved(parser->words[0]))
        return fail(parser, "'maker ID'");
    HM_TRY(copy(parser, parser->words[0], &parser->entry->maker));
    next_line(parser);
    HM_TRY(take(parser, "grade", 1, false, what));
    parser->entry->is_attested = hm_bytes_is_str(parser->words[0], GRADE_VENDOR);
    if (!parser->entry->is_attested && !hm_bytes_is_str(parser->words[0], GRADE_MAKER))
        return fail(parser, what);
    next_line(parser);
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
    HM_TRY(take(parser, "map", 2, false, what));
    HM_TRY(take_digest(parser, 0, what, &entry->map_root));
    HM_TRY(take_number(parser, 1, 0, INDEX_MAX, what, &entry->map_count));
    next_line(parser);
    HM_TRY(take_range(parser, "entries", 0, "'entries FIRST COUNT'", &entry->entries));
    next_line(parser);
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

static enum hm_rc check_text(struct hm_bytes raw, struct hm_err *err)
{
    if (raw.size > HM_ENTRY_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the log entry is longer than %d bytes", HM_ENTRY_SIZE_MAX);
    if (raw.size == 0 || raw.data[raw.size - 1] != '\n')
        return hm_fail(err, HM_EFORMAT, "the log entry does not end in a newline");
    for (size_t i = 0; i < raw.size; i++) {
        if ((raw.data[i] < 0x20 && raw.data[i] != '\n') || raw.data[i] == 0x7f)
            return hm_error_fail_at(err, HM_EFORMAT, i, "the log entry has a control character");
    }
    if (!hm_text_is_utf8(raw))
        return hm_fail(err, HM_EFORMAT, "the log entry is not UTF-8");
    return HM_OK;
}

enum hm_rc hm_entry_parse(struct hm_bytes raw, struct hm_err *err, struct hm_entry **ret_entry)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct parser parser = {.err = err, .rest = raw};
    size_t kind = 0;

    HM_TRY(check_text(raw, err));
    next_line(&parser);
    while (kind < HM_ARRAY_COUNT(kind_names) && !hm_bytes_is_str(parser.line, kind_names[kind]))
        kind++;
    if (kind == HM_ARRAY_COUNT(kind_names))
        return hm_fail(err, HM_EUNKNOWN, "log entries '%.*s' are not known here",
                       HM_BYTES_FMT(parser.line));
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return hm_error_nomem(err);
    entry->kind = (enum hm_entry_kind)kind;
    parser.entry = entry;
    next_line(&parser);
    HM_TRY(take_body(&parser));
    if (parser.has_line)
        return fail(&parser, "the end of the entry");
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

static enum hm_rc write_lists(struct hm_buf *buf, const struct hm_entry *entry, struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    for (size_t i = 0; i < entry->image_count; i++) {
        const struct hm_entry_image *image = &entry->images[i];

        hm_text_hex(hm_bytes_make(image->sha256.bytes, HM_SHA256_SIZE), hex);
        HM_TRY(hm_buf_append_fmt(buf, err, "image %s %s %llu\n", image->file, hex,
                                 (unsigned long long)image->length));
    }
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
