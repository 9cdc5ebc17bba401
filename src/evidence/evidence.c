/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence files: form and words. See evidence.h. */
#include "evidence/evidence.h"

#include "base/base64.h"
#include "base/text.h"
#include "tlog/checkpoint.h"
#include "tlog/lines.h"
#include "tlog/map.h"

#define NOUN       "the evidence"
#define FIRST_LINE "hallmark/evidence v1"
#define FAMILY     "hallmark/evidence "
#define CLAIM_MAX  4096
#define LINE_WIDTH 76 /* of base64 */

static const char *const kind_names[] = {
    [HM_EVIDENCE_PUBLISHED] = "published", [HM_EVIDENCE_ABSENT] = "absent",
    [HM_EVIDENCE_HISTORY] = "history",     [HM_EVIDENCE_CONTRADICTION] = "contradiction",
    [HM_EVIDENCE_FORK] = "fork",           [HM_EVIDENCE_ROLLBACK] = "rollback",
};

const char *hm_evidence_kind_name(enum hm_evidence_kind kind)
{
    return kind_names[kind];
}

enum hm_rc hm_evidence_new(enum hm_evidence_kind kind, struct hm_err *err,
                           struct hm_evidence **ret_evidence)
{
    struct hm_evidence *evidence = calloc(1, sizeof(*evidence));

    if (evidence == NULL)
        return hm_error_nomem(err);
    evidence->kind = kind;
    *ret_evidence = evidence;
    return HM_OK;
}

void hm_evidence_free(struct hm_evidence *evidence)
{
    if (evidence == NULL)
        return;
    hm_arena_done(&evidence->arena);
    free(evidence);
}

static bool has_path(enum hm_evidence_kind kind)
{
    return kind != HM_EVIDENCE_FORK && kind != HM_EVIDENCE_ROLLBACK;
}

/* One line of UTF-8 without spaces around. */
static bool is_text(struct hm_bytes text)
{
    if (text.size == 0 || text.size > HM_EVIDENCE_TEXT_SIZE_MAX || !hm_text_is_utf8(text) ||
        text.data[0] == ' ' || text.data[text.size - 1] == ' ')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    }
    return true;
}

/* What a path of this kind looks like, or NULL if it does. */
static const char *path_flaw(enum hm_evidence_kind kind, struct hm_bytes product,
                             struct hm_bytes text, bool has_text)
{
    switch (kind) {
    case HM_EVIDENCE_ABSENT:
        return hm_entry_is_product(product) && has_text && is_text(text)
                   ? NULL
                   : "ID/PRODUCT/TEXT, where TEXT is a version or label as it was printed";
    case HM_EVIDENCE_HISTORY:
        return hm_entry_is_product(product) && !has_text ? NULL : "ID/PRODUCT";
    case HM_EVIDENCE_PUBLISHED:
    case HM_EVIDENCE_CONTRADICTION:
    case HM_EVIDENCE_FORK:
    case HM_EVIDENCE_ROLLBACK:
    case HM_EVIDENCE_KIND_COUNT_:
        break;
    }
    return hm_entry_is_product(product) && has_text && hm_text_is_name(text)
               ? NULL
               : "ID/PRODUCT/VERSION, all in lower case";
}

enum hm_rc hm_evidence_set_path(struct hm_evidence *evidence, const char *path, struct hm_err *err)
{
    const char *slash = strchr(path, '/');
    const char *second = slash == NULL ? NULL : strchr(slash + 1, '/');
    struct hm_bytes product = hm_bytes_str(path);
    struct hm_bytes text = second == NULL ? HM_BYTES_EMPTY : hm_bytes_str(second + 1);
    const char *flaw;

    if (second != NULL)
        product.size = (size_t)(second - path);
    flaw = path_flaw(evidence->kind, product, text, second != NULL);
    if (flaw != NULL)
        return hm_fail(err, HM_EUSAGE, "'%s' is not %s", path, flaw);
    evidence->path = hm_arena_strdup(&evidence->arena, hm_bytes_str(path));
    evidence->product = hm_arena_strdup(&evidence->arena, product);
    evidence->text = second == NULL ? NULL : hm_arena_strdup(&evidence->arena, text);
    if (evidence->path == NULL || evidence->product == NULL ||
        (second != NULL && evidence->text == NULL))
        return hm_error_nomem(err);
    return HM_OK;
}

/* ---- the statement in words ---- */

static unsigned long long size_of(const struct hm_evidence *evidence, size_t part)
{
    return (unsigned long long)evidence->parts[part].size;
}

static enum hm_rc say_absent(const struct hm_evidence *evidence, struct hm_err *err,
                             struct hm_buf *words)
{
    const struct hm_evidence_part *part = &evidence->parts[0];

    if (evidence->kind == HM_EVIDENCE_ABSENT)
        HM_TRY(hm_buf_append_fmt(words, err,
                                 "site '%s' never published a release of '%s' with version or "
                                 "label '%s'",
                                 evidence->site, evidence->product, evidence->text));
    else if (part->has_list)
        HM_TRY(hm_buf_append_fmt(words, err,
                                 "site '%s' published these releases of '%s', and no others",
                                 evidence->site, evidence->product));
    else
        HM_TRY(hm_buf_append_fmt(words, err, "site '%s' never published a release of '%s'",
                                 evidence->site, evidence->product));
    return hm_buf_append_fmt(words, err, ", as of the first %llu entries of its release log '%.*s'",
                             size_of(evidence, 0), HM_BYTES_FMT(part->origin));
}

static enum hm_rc say(const struct hm_evidence *evidence, struct hm_err *err, struct hm_buf *words)
{
    const struct hm_evidence_part *part = &evidence->parts[0];
    const unsigned long long index = (unsigned long long)part->entries[0].index;

    switch (evidence->kind) {
    case HM_EVIDENCE_PUBLISHED:
        return hm_buf_append_fmt(words, err,
                                 "site '%s' published '%s': it is entry %llu of the release log "
                                 "'%.*s'",
                                 evidence->site, evidence->path, index, HM_BYTES_FMT(part->origin));
    case HM_EVIDENCE_ABSENT:
    case HM_EVIDENCE_HISTORY:
        return say_absent(evidence, err, words);
    case HM_EVIDENCE_CONTRADICTION:
        return hm_buf_append_fmt(words, err,
                                 "site '%s' published '%s' as entry %llu of the release log "
                                 "'%.*s', and denies it as of the log's first %llu entries",
                                 evidence->site, evidence->path, index, HM_BYTES_FMT(part->origin),
                                 size_of(evidence, 1));
    case HM_EVIDENCE_FORK:
        return hm_buf_append_fmt(words, err,
                                 "the release log '%.*s' of site '%s' signed two histories that "
                                 "contradict each other, of %llu and of %llu entries",
                                 HM_BYTES_FMT(part->origin), evidence->site, size_of(evidence, 0),
                                 size_of(evidence, 1));
    case HM_EVIDENCE_ROLLBACK:
        return hm_buf_append_fmt(words, err,
                                 "a witness of the release log '%.*s' of site '%s' cosigned its "
                                 "first %llu entries after it had cosigned %llu",
                                 HM_BYTES_FMT(part->origin), evidence->site, size_of(evidence, 0),
                                 size_of(evidence, 1));
    case HM_EVIDENCE_KIND_COUNT_:
        break;
    }
    return HM_EINTERNAL;
}

enum hm_rc hm_evidence_claim(const struct hm_evidence *evidence, struct hm_err *err,
                             struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf words = HM_BUF_INIT(CLAIM_MAX);

    HM_TRY(say(evidence, err, &words));
    return hm_text_escape(ret_buf, hm_buf_bytes(&words), err);
}

/* ---- reading ---- */

struct parser {
    struct hm_evidence *evidence;
    struct hm_lines lines;
};

static bool starts_with(const struct hm_lines *lines, char mark)
{
    return lines->has_line && lines->line.size > 0 && lines->line.data[0] == (uint8_t)mark;
}

/* The lines "| TEXT" from here on, one or more. */
static enum hm_rc take_text(struct parser *parser, const char *what, struct hm_bytes *ret_text)
{
    return hm_lines_take_quoted(&parser->lines, HM_EVIDENCE_SIZE_MAX, what,
                                &parser->evidence->arena, ret_text);
}

/* The lines "=BASE64" from here on; none: no bytes. */
static enum hm_rc take_binary(struct parser *parser, struct hm_bytes *ret_bytes)
{
    const char *what = "'=' and base64, 76 characters a line and the rest in the last";
    struct hm_lines *lines = &parser->lines;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    uint8_t *bytes;
    size_t size = 0;

    while (starts_with(lines, '=')) {
        struct hm_bytes line = hm_bytes_make(lines->line.data + 1, lines->line.size - 1);

        if (text.size % LINE_WIDTH != 0 || line.size == 0 || line.size > LINE_WIDTH)
            return hm_lines_fail(lines, what);
        HM_TRY(hm_buf_append(&text, line, lines->err));
        hm_lines_next(lines);
    }
    bytes = hm_arena_alloc(&parser->evidence->arena, text.size / 4 * 3, 1);
    if (bytes == NULL)
        return hm_error_nomem(lines->err);
    if (hm_base64_read(hm_buf_bytes(&text), bytes, &size) != HM_OK)
        return hm_fail(lines->err, HM_EFORMAT, "the lines before line %zu of %s are not base64",
                       lines->number, NOUN);
    *ret_bytes = hm_bytes_make(bytes, size);
    return HM_OK;
}

static enum hm_rc take_hashes(struct parser *parser, size_t count_max,
                              struct hm_sha256 **ret_hashes, size_t *ret_count)
{
    struct hm_bytes bytes = HM_BYTES_EMPTY;
    size_t count;

    HM_TRY(take_binary(parser, &bytes));
    count = bytes.size / HM_SHA256_SIZE;
    if (bytes.size % HM_SHA256_SIZE != 0 || count > count_max)
        return hm_fail(parser->lines.err, HM_EFORMAT,
                       "the lines before line %zu of %s are not 0 to %zu hashes of 32 bytes",
                       parser->lines.number, NOUN, count_max);
    *ret_hashes = hm_arena_alloc(&parser->evidence->arena, count, sizeof(**ret_hashes));
    if (*ret_hashes == NULL)
        return hm_error_nomem(parser->lines.err);
    if (count > 0)
        memcpy(*ret_hashes, bytes.data, bytes.size);
    *ret_count = count;
    return HM_OK;
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->lines.has_line && hm_bytes_is_str(parser->lines.line, word);
}

static enum hm_rc take_word(struct parser *parser, const char *word, const char *what,
                            struct hm_bytes *ret_value)
{
    HM_TRY(hm_lines_take(&parser->lines, word, 1, true, what));
    *ret_value = parser->lines.words[0];
    hm_lines_next(&parser->lines);
    return HM_OK;
}

static enum hm_rc take_kind(struct parser *parser)
{
    const char *what = "'kind KIND' of a kind that is known here";
    struct hm_bytes name = HM_BYTES_EMPTY;
    size_t kind = 0;

    HM_TRY(hm_lines_take(&parser->lines, "kind", 1, false, what));
    name = parser->lines.words[0];
    while (kind < HM_EVIDENCE_KIND_COUNT_ && !hm_bytes_is_str(name, kind_names[kind]))
        kind++;
    if (kind == HM_EVIDENCE_KIND_COUNT_)
        return hm_lines_fail(&parser->lines, what);
    parser->evidence->kind = (enum hm_evidence_kind)kind;
    hm_lines_next(&parser->lines);
    return HM_OK;
}

static enum hm_rc take_head(struct parser *parser)
{
    struct hm_evidence *evidence = parser->evidence;
    struct hm_err *err = parser->lines.err;
    struct hm_bytes value = HM_BYTES_EMPTY;

    HM_TRY(take_kind(parser));
    HM_TRY(hm_lines_take(&parser->lines, "site", 1, false, "'site NAME'"));
    if (!hm_text_is_name(parser->lines.words[0]) ||
        parser->lines.words[0].size > HM_ENTRY_SITE_SIZE_MAX)
        return hm_lines_fail(&parser->lines, "'site NAME'");
    HM_TRY(hm_lines_copy(&parser->lines, 0, &evidence->arena, &evidence->site));
    hm_lines_next(&parser->lines);
    if (has_path(evidence->kind)) {
        const char *path = NULL;

        HM_TRY(hm_lines_take(&parser->lines, "path", 1, true, "'path PATH'"));
        HM_TRY(hm_lines_copy(&parser->lines, 0, &evidence->arena, &path));
        hm_lines_next(&parser->lines);
        if (hm_evidence_set_path(evidence, path, err) != HM_OK) {
            if (err != NULL && err->rc == HM_ENOMEM)
                return HM_ENOMEM;
            return hm_fail(err, HM_EFORMAT, "'%s' is no path of evidence of this kind", path);
        }
    }
    HM_TRY(take_word(parser, "claim", "'claim TEXT'", &value));
    evidence->claim = hm_arena_strdup(&evidence->arena, value);
    return evidence->claim == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc take_roots(struct parser *parser)
{
    const char *what = "'root VERSION', one more than the one before";
    struct hm_evidence *evidence = parser->evidence;
    struct hm_lines *lines = &parser->lines;

    evidence->roots =
        hm_arena_alloc(&evidence->arena, HM_EVIDENCE_ROOT_COUNT_MAX, sizeof(*evidence->roots));
    if (evidence->roots == NULL)
        return hm_error_nomem(lines->err);
    while (hm_lines_has(lines, "root")) {
        struct hm_evidence_root *root = &evidence->roots[evidence->root_count];

        if (evidence->root_count == HM_EVIDENCE_ROOT_COUNT_MAX)
            return hm_fail(lines->err, HM_EFORMAT, "%s has more than %d roots", NOUN,
                           HM_EVIDENCE_ROOT_COUNT_MAX);
        HM_TRY(hm_lines_take(lines, "root", 1, false, what));
        HM_TRY(hm_lines_number(lines, 0, 2, what, &root->version));
        if (evidence->root_count > 0 && root->version != root[-1].version + 1)
            return hm_lines_fail(lines, what);
        hm_lines_next(lines);
        HM_TRY(take_binary(parser, &root->raw));
        if (root->raw.size == 0)
            return hm_lines_fail(lines, "a root in base64");
        evidence->root_count++;
    }
    return HM_OK;
}

static enum hm_rc take_entries(struct parser *parser, struct hm_evidence_part *part)
{
    struct hm_lines *lines = &parser->lines;

    while (hm_lines_has(lines, "entry")) {
        struct hm_evidence_entry *entry = &part->entries[part->entry_count];

        if (part->entry_count == HM_EVIDENCE_ENTRY_MAX)
            return hm_lines_fail(lines, "what may follow two entries");
        HM_TRY(hm_lines_take(lines, "entry", 1, false, "'entry INDEX'"));
        HM_TRY(hm_lines_number(lines, 0, 0, "'entry INDEX'", &entry->index));
        hm_lines_next(lines);
        HM_TRY(take_text(parser, "'| TEXT' of an entry", &entry->text));
        HM_TRY(take_hashes(parser, HM_MERKLE_PATH_MAX, &entry->hashes, &entry->hash_count));
        part->entry_count++;
    }
    return HM_OK;
}

enum hm_rc hm_evidence_read_checkpoint(struct hm_evidence_part *part, struct hm_err *err)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;
    const uint8_t *end = memchr(part->checkpoint.data, '\n', part->checkpoint.size);

    HM_TRY(hm_note_parse(part->checkpoint, err, &note));
    HM_TRY(hm_checkpoint_parse(note->text, err, &checkpoint));
    part->size = checkpoint.size;
    /* The same bytes in the copy that stays. */
    part->origin = hm_bytes_make(part->checkpoint.data, (size_t)(end - part->checkpoint.data));
    return HM_OK;
}

static enum hm_rc take_part(struct parser *parser)
{
    struct hm_evidence *evidence = parser->evidence;
    struct hm_evidence_part *part = &evidence->parts[evidence->part_count];

    if (evidence->part_count == HM_EVIDENCE_PART_COUNT_MAX)
        return hm_lines_fail(&parser->lines, "what may follow two checkpoints");
    hm_lines_next(&parser->lines);
    HM_TRY(take_text(parser, "'| TEXT' of a checkpoint", &part->checkpoint));
    HM_TRY(hm_evidence_read_checkpoint(part, parser->lines.err));
    HM_TRY(take_entries(parser, part));
    if (is_word(parser, "map")) {
        hm_lines_next(&parser->lines);
        HM_TRY(take_binary(parser, &part->map));
        if (part->map.size > HM_MAP_PROOF_SIZE_MAX)
            return hm_lines_fail(&parser->lines, "behind a proof of the map, which is shorter");
        part->has_map = true;
    }
    if (is_word(parser, "list")) {
        hm_lines_next(&parser->lines);
        HM_TRY(take_text(parser, "'| TEXT' of a list of versions", &part->list));
        part->has_list = true;
    }
    evidence->part_count++;
    return HM_OK;
}

static enum hm_rc take_earlier(struct parser *parser)
{
    const char *what = "'earlier BASE64' of 32 bytes";
    struct hm_evidence *evidence = parser->evidence;

    if (!hm_lines_has(&parser->lines, "earlier"))
        return HM_OK;
    HM_TRY(hm_lines_take(&parser->lines, "earlier", 1, false, what));
    if (hm_base64_read_exactly(parser->lines.words[0], evidence->earlier.bytes, HM_SHA256_SIZE) !=
        HM_OK)
        return hm_lines_fail(&parser->lines, what);
    hm_lines_next(&parser->lines);
    evidence->has_earlier = true;
    return take_hashes(parser, HM_MERKLE_PROOF_MAX, &evidence->hashes, &evidence->hash_count);
}

/* What each kind is made of. */
struct shape {
    size_t part_count;
    size_t entry_counts[HM_EVIDENCE_PART_COUNT_MAX];
    bool has_maps[HM_EVIDENCE_PART_COUNT_MAX];
};

static const struct shape shapes[] = {
    [HM_EVIDENCE_PUBLISHED] = {.part_count = 1, .entry_counts = {2}},
    [HM_EVIDENCE_ABSENT] = {.part_count = 1, .entry_counts = {1}, .has_maps = {true}},
    [HM_EVIDENCE_HISTORY] = {.part_count = 1, .entry_counts = {1}, .has_maps = {true}},
    [HM_EVIDENCE_CONTRADICTION] = {.part_count = 2,
                                   .entry_counts = {2, 1},
                                   .has_maps = {false, true}},
    [HM_EVIDENCE_FORK] = {.part_count = 2},
    [HM_EVIDENCE_ROLLBACK] = {.part_count = 2},
};

static enum hm_rc check_shape(const struct hm_evidence *evidence, struct hm_err *err)
{
    const struct shape *shape = &shapes[evidence->kind];
    bool is_good = evidence->part_count == shape->part_count;
    bool needs_earlier =
        evidence->kind == HM_EVIDENCE_FORK && evidence->parts[0].size != evidence->parts[1].size;

    for (size_t i = 0; is_good && i < evidence->part_count; i++) {
        const struct hm_evidence_part *part = &evidence->parts[i];

        is_good = part->entry_count == shape->entry_counts[i] &&
                  part->has_map == shape->has_maps[i] && (part->has_map || !part->has_list);
    }
    if (!is_good || evidence->has_earlier != needs_earlier)
        return hm_fail(err, HM_EFORMAT, "evidence of the kind '%s' has other parts than these",
                       kind_names[evidence->kind]);
    return HM_OK;
}

static enum hm_rc check_claim(const struct hm_evidence *evidence, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf claim = HM_BUF_INIT((size_t)8 * CLAIM_MAX);

    HM_TRY(hm_evidence_claim(evidence, err, &claim));
    if (strcmp(evidence->claim, hm_buf_str(&claim)) != 0)
        return hm_fail(err, HM_EFORMAT,
                       "the claim is worded otherwise than evidence with this content is: '%s'",
                       hm_buf_str(&claim));
    return HM_OK;
}

static enum hm_rc take_first(struct parser *parser)
{
    struct hm_bytes line = parser->lines.line;

    if (!hm_bytes_is_str(line, FIRST_LINE)) {
        if (hm_bytes_has_prefix(line, HM_BYTES_LITERAL(FAMILY)))
            return hm_fail(parser->lines.err, HM_EINPUT,
                           "'%.*s' is not known here: a newer hallmark may read it",
                           HM_BYTES_FMT(line));
        return hm_fail(parser->lines.err, HM_EFORMAT,
                       "not evidence: its first line is not '" FIRST_LINE "'");
    }
    hm_lines_next(&parser->lines);
    return HM_OK;
}

enum hm_rc hm_evidence_parse(struct hm_bytes raw, struct hm_err *err,
                             struct hm_evidence **ret_evidence)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    struct parser parser = {.evidence = NULL};

    HM_TRY(hm_lines_check(raw, HM_EVIDENCE_SIZE_MAX, NOUN, err));
    HM_TRY(hm_evidence_new(HM_EVIDENCE_PUBLISHED, err, &evidence));
    parser.evidence = evidence;
    hm_lines_init(&parser.lines, raw, NOUN, err);
    HM_TRY(take_first(&parser));
    HM_TRY(take_head(&parser));
    HM_TRY(take_roots(&parser));
    while (is_word(&parser, "checkpoint"))
        HM_TRY(take_part(&parser));
    HM_TRY(take_earlier(&parser));
    if (parser.lines.has_line)
        return hm_lines_fail(&parser.lines, "what may stand there");
    HM_TRY(check_shape(evidence, err));
    HM_TRY(check_claim(evidence, err));
    *ret_evidence = hm_steal(&evidence);
    return HM_OK;
}

/* ---- writing ---- */

static enum hm_rc write_binary(struct hm_buf *buf, struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);

    HM_TRY(hm_base64_write(bytes, err, &text));
    for (size_t at = 0; at < text.size; at += LINE_WIDTH) {
        size_t size = text.size - at < LINE_WIDTH ? text.size - at : LINE_WIDTH;

        HM_TRY(hm_buf_append_byte(buf, '=', err));
        HM_TRY(hm_buf_append(buf, hm_bytes_make(text.data + at, size), err));
        HM_TRY(hm_buf_append_byte(buf, '\n', err));
    }
    return HM_OK;
}

static enum hm_rc write_part(struct hm_buf *buf, const struct hm_evidence_part *part,
                             struct hm_err *err)
{
    HM_TRY(hm_buf_append_str(buf, "checkpoint\n", err));
    HM_TRY(hm_lines_write_quoted(part->checkpoint, err, buf));
    for (size_t i = 0; i < part->entry_count; i++) {
        const struct hm_evidence_entry *entry = &part->entries[i];

        HM_TRY(hm_buf_append_fmt(buf, err, "entry %llu\n", (unsigned long long)entry->index));
        HM_TRY(hm_lines_write_quoted(entry->text, err, buf));
        HM_TRY(write_binary(buf, hm_bytes_make(entry->hashes, entry->hash_count * HM_SHA256_SIZE),
                            err));
    }
    if (part->has_map) {
        HM_TRY(hm_buf_append_str(buf, "map\n", err));
        HM_TRY(write_binary(buf, part->map, err));
    }
    if (part->has_list) {
        HM_TRY(hm_buf_append_str(buf, "list\n", err));
        HM_TRY(hm_lines_write_quoted(part->list, err, buf));
    }
    return HM_OK;
}

static enum hm_rc write_head(struct hm_buf *buf, const struct hm_evidence *evidence,
                             struct hm_err *err)
{
    HM_TRY(hm_buf_append_fmt(buf, err, FIRST_LINE "\nkind %s\nsite %s\n",
                             kind_names[evidence->kind],
                             evidence->site == NULL ? "" : evidence->site));
    if (evidence->path != NULL)
        HM_TRY(hm_buf_append_fmt(buf, err, "path %s\n", evidence->path));
    HM_TRY(hm_buf_append_str(buf, "claim ", err));
    HM_TRY(hm_evidence_claim(evidence, err, buf));
    HM_TRY(hm_buf_append_byte(buf, '\n', err));
    for (size_t i = 0; i < evidence->root_count; i++) {
        HM_TRY(hm_buf_append_fmt(buf, err, "root %llu\n",
                                 (unsigned long long)evidence->roots[i].version));
        HM_TRY(write_binary(buf, evidence->roots[i].raw, err));
    }
    return HM_OK;
}

static enum hm_rc write_all(struct hm_buf *buf, const struct hm_evidence *evidence,
                            struct hm_err *err)
{
    char text[HM_BASE64_SIZE(HM_SHA256_SIZE) + 1] = "";

    HM_TRY(write_head(buf, evidence, err));
    for (size_t i = 0; i < evidence->part_count; i++)
        HM_TRY(write_part(buf, &evidence->parts[i], err));
    if (!evidence->has_earlier)
        return HM_OK;
    hm_base64_encode(hm_bytes_make(evidence->earlier.bytes, HM_SHA256_SIZE), (uint8_t *)text);
    HM_TRY(hm_buf_append_fmt(buf, err, "earlier %s\n", text));
    return write_binary(buf, hm_bytes_make(evidence->hashes, evidence->hash_count * HM_SHA256_SIZE),
                        err);
}

enum hm_rc hm_evidence_write(const struct hm_evidence *evidence, struct hm_err *err,
                             struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_EVIDENCE_SIZE_MAX);
    _hm_free_(hm_evidence_free) struct hm_evidence *again = NULL;
    enum hm_rc rc = write_all(&buf, evidence, err);

    if (rc == HM_OK)
        rc = hm_evidence_parse(hm_buf_bytes(&buf), err, &again);
    if (rc == HM_EFORMAT) {
        (void)hm_error_prefix(err, rc, "no evidence can be written of this");
        if (err != NULL)
            err->rc = HM_EUSAGE;
        return HM_EUSAGE;
    }
    HM_TRY(rc);
    return hm_buf_append(ret_buf, hm_buf_bytes(&buf), err);
}
