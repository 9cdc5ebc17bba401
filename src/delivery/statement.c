/* SPDX-License-Identifier: Apache-2.0 */
/* Statements as text: which lines each kind has stands in one table. See statement.h. */
#include "delivery/statement.h"

#include <stddef.h>

#include "base/text.h"
#include "base/time.h"
#include "tlog/lines.h"

#define NOUN "the statement"

enum line_type {
    LINE_TEXT,   /* printable, to the end of the line */
    LINE_WORD,   /* without spaces */
    LINE_DIGEST, /* 64 hexadecimal digits */
    LINE_NUMBER,
    LINE_TIME,
    LINE_PLACE,  /* a number and a digest, which stand in a row in the structure */
    LINE_IMAGE,  /* a digest and a number */
    LINE_HEAD,   /* likewise, of what there is, or zeros */
    LINE_EVENT,  /* epoch, counter, digest */
    LINE_REASON, /* a word of the table */
};

/* A line: its word, and where its value is; the second member where it has two. */
struct line {
    const char *word;
    enum line_type type;
    size_t offset, second;
};

#define AT(member) offsetof(struct hm_statement, member)
#define LINE_SITE                                                                                  \
    {                                                                                              \
        "site", LINE_WORD, AT(site), 0                                                             \
    }
#define LINE_CLIENT                                                                                \
    {                                                                                              \
        "client", LINE_WORD, AT(client), 0                                                         \
    }
#define LINE_REQUEST                                                                               \
    {                                                                                              \
        "request", LINE_DIGEST, AT(request), 0                                                     \
    }
#define LINE_OFFER                                                                                 \
    {                                                                                              \
        "offer", LINE_DIGEST, AT(offer), 0                                                         \
    }
#define LINE_ENTRY                                                                                 \
    {                                                                                              \
        "entry", LINE_PLACE, AT(entry_index), AT(entry)                                            \
    }
#define LINE_PATH                                                                                  \
    {                                                                                              \
        "path", LINE_WORD, AT(path), 0                                                             \
    }
#define LINE_BYTES                                                                                 \
    {                                                                                              \
        "image", LINE_IMAGE, AT(image), AT(length)                                                 \
    }
#define LINE_EVENTS                                                                                \
    {                                                                                              \
        "event", LINE_EVENT, AT(event), 0                                                          \
    }
#define LINE_NONCE                                                                                 \
    {                                                                                              \
        "nonce", LINE_DIGEST, AT(nonce), 0                                                         \
    }
#define LINE_PROGRAM                                                                               \
    {                                                                                              \
        "program", LINE_TEXT, AT(program), 0                                                       \
    }
#define LINE_WHEN                                                                                  \
    {                                                                                              \
        "time", LINE_TIME, AT(time_unix_s), 0                                                      \
    }
#define LINES_MAX 12

static const struct {
    const char *name;
    struct line lines[LINES_MAX];
} kinds[HM_STATEMENT_KIND_COUNT_] = {
    [HM_STATEMENT_REQUEST] = {"hallmark/delivery-request v1",
                              {LINE_SITE,
                               {"account", LINE_WORD, AT(account), 0},
                               LINE_CLIENT,
                               LINE_ENTRY,
                               LINE_PATH,
                               LINE_BYTES,
                               {"checkpoint", LINE_PLACE, AT(checkpoint_size), AT(checkpoint_root)},
                               LINE_EVENTS,
                               LINE_NONCE,
                               LINE_WHEN}},
    [HM_STATEMENT_OFFER] = {"hallmark/delivery-offer v1",
                            {LINE_SITE,
                             LINE_REQUEST,
                             LINE_ENTRY,
                             LINE_PATH,
                             {"label", LINE_TEXT, AT(label), 0},
                             LINE_BYTES,
                             {"edge", LINE_TEXT, AT(edge), 0},
                             LINE_NONCE,
                             LINE_WHEN,
                             {"expires", LINE_TIME, AT(expires_unix_s), 0}}},
    [HM_STATEMENT_ACK] = {"hallmark/delivery-ack v1",
                          {LINE_SITE, LINE_CLIENT, LINE_OFFER, LINE_BYTES, LINE_EVENTS,
                           LINE_PROGRAM, LINE_WHEN}},
    [HM_STATEMENT_REJECT] = {"hallmark/delivery-reject v1",
                             {LINE_SITE,
                              LINE_CLIENT,
                              LINE_OFFER,
                              {"reason", LINE_REASON, AT(reason), 0},
                              LINE_BYTES,
                              LINE_EVENTS,
                              LINE_PROGRAM,
                              LINE_WHEN}},
    [HM_STATEMENT_RECEIPT] = {"hallmark/delivery-receipt v1",
                              {LINE_SITE,
                               LINE_REQUEST,
                               LINE_OFFER,
                               {"answer", LINE_DIGEST, AT(answer), 0},
                               LINE_PATH,
                               LINE_BYTES,
                               {"written", LINE_NUMBER, AT(written), 0},
                               {"salt", LINE_DIGEST, AT(nonce), 0},
                               LINE_WHEN}},
    [HM_STATEMENT_KEY] = {"hallmark/delivery-key v1",
                          {LINE_SITE,
                           {"account", LINE_WORD, AT(account), 0},
                           LINE_CLIENT,
                           {"key", LINE_WORD, AT(key), 0},
                           LINE_WHEN}},
    [HM_STATEMENT_HEAD] = {"hallmark/delivery-head v1",
                           {LINE_SITE, LINE_CLIENT, {"event", LINE_HEAD, AT(event), 0}, LINE_WHEN}},
};

static const char *const reasons[HM_STATEMENT_REASON_COUNT_] = {
    [HM_STATEMENT_DIGEST] = "digest",     [HM_STATEMENT_LENGTH] = "length",
    [HM_STATEMENT_BROKEN] = "broken",     [HM_STATEMENT_VERDICT] = "verdict",
    [HM_STATEMENT_RECALLED] = "recalled",
};

const char *hm_statement_kind_name(enum hm_statement_kind kind)
{
    return kinds[kind].name;
}

const char *hm_statement_reason_name(enum hm_statement_reason reason)
{
    return reasons[reason];
}

/* Members by the table: the type of a line says the type of its member. */
static void *member(struct hm_statement *statement, size_t offset)
{
    return (uint8_t *)statement + offset;
}

static const void *member_of(const struct hm_statement *statement, size_t offset)
{
    return (const uint8_t *)statement + offset;
}

/* --- reading --- */

static enum hm_rc read_text(struct hm_lines *lines, const struct line *line, struct hm_arena *arena,
                            struct hm_statement *statement)
{
    HM_TRY(hm_lines_take(lines, line->word, 1, line->type == LINE_TEXT, "the line of its place"));
    if (lines->words[0].size > HM_STATEMENT_TEXT_SIZE_MAX)
        return hm_lines_fail(lines, "of a sane length");
    return hm_lines_copy(lines, 0, arena, member(statement, line->offset));
}

static enum hm_rc read_time(struct hm_lines *lines, const struct line *line,
                            struct hm_statement *statement)
{
    int64_t time_unix_s = 0;

    HM_TRY(hm_lines_take(lines, line->word, 1, false, "the line of its place"));
    if (hm_time_parse(lines->words[0], &time_unix_s) != HM_OK)
        return hm_lines_fail(lines, "a time");
    *(int64_t *)member(statement, line->offset) = time_unix_s;
    return HM_OK;
}

static enum hm_rc read_reason(struct hm_lines *lines, const struct line *line,
                              struct hm_statement *statement)
{
    HM_TRY(hm_lines_take(lines, line->word, 1, false, "the line of its place"));
    for (size_t i = 0; i < HM_STATEMENT_REASON_COUNT_; i++)
        if (hm_bytes_is_str(lines->words[0], reasons[i])) {
            statement->reason = (enum hm_statement_reason)i;
            return HM_OK;
        }
    return hm_lines_fail(lines, "a reason");
}

static enum hm_rc read_event(struct hm_lines *lines, const struct line *line,
                             struct hm_statement *statement)
{
    struct hm_statement_event *event = member(statement, line->offset);
    static const char what[] = "epoch, counter and hash of a client's statement";

    HM_TRY(hm_lines_take(lines, line->word, 3, false, what));
    HM_TRY(hm_lines_number(lines, 0, line->type == LINE_EVENT, what, &event->epoch));
    HM_TRY(hm_lines_number(lines, 1, line->type == LINE_EVENT, what, &event->counter));
    return hm_lines_digest(lines, 2, what, &event->previous);
}

/* A number and a digest, or a digest and a number. */
static enum hm_rc read_pair(struct hm_lines *lines, const struct line *line,
                            struct hm_statement *statement)
{
    bool is_place = line->type == LINE_PLACE;
    static const char what[] = "a number and a digest of its place";

    HM_TRY(hm_lines_take(lines, line->word, 2, false, what));
    HM_TRY(hm_lines_number(lines, is_place ? 0 : 1, 0, what,
                           member(statement, is_place ? line->offset : line->second)));
    return hm_lines_digest(lines, is_place ? 1 : 0, what,
                           member(statement, is_place ? line->second : line->offset));
}

static enum hm_rc read_line(struct hm_lines *lines, const struct line *line, struct hm_arena *arena,
                            struct hm_statement *statement)
{
    switch (line->type) {
    case LINE_TEXT:
    case LINE_WORD:
        return read_text(lines, line, arena, statement);
    case LINE_DIGEST:
        HM_TRY(hm_lines_take(lines, line->word, 1, false, "the line of its place"));
        return hm_lines_digest(lines, 0, "a digest", member(statement, line->offset));
    case LINE_NUMBER:
        HM_TRY(hm_lines_take(lines, line->word, 1, false, "the line of its place"));
        return hm_lines_number(lines, 0, 0, "a number", member(statement, line->offset));
    case LINE_TIME:
        return read_time(lines, line, statement);
    case LINE_EVENT:
    case LINE_HEAD:
        return read_event(lines, line, statement);
    case LINE_REASON:
        return read_reason(lines, line, statement);
    case LINE_PLACE:
    case LINE_IMAGE:
        return read_pair(lines, line, statement);
    }
    return hm_lines_fail(lines, "known");
}

static enum hm_rc read_kind(struct hm_lines *lines, enum hm_statement_kind *ret_kind)
{
    for (size_t i = 0; i < HM_STATEMENT_KIND_COUNT_; i++)
        if (lines->has_line && hm_bytes_is_str(lines->line, kinds[i].name)) {
            *ret_kind = (enum hm_statement_kind)i;
            hm_lines_next(lines);
            return HM_OK;
        }
    return hm_lines_fail(lines, "a kind of statement");
}

enum hm_rc hm_statement_parse(struct hm_bytes text, struct hm_arena *arena, struct hm_err *err,
                              struct hm_statement *ret_statement)
{
    struct hm_statement statement = {.site = NULL};
    struct hm_lines lines;

    HM_TRY(hm_lines_check(text, HM_STATEMENT_SIZE_MAX, NOUN, err));
    hm_lines_init(&lines, text, NOUN, err);
    HM_TRY(read_kind(&lines, &statement.kind));
    for (size_t i = 0; i < LINES_MAX && kinds[statement.kind].lines[i].word != NULL; i++) {
        HM_TRY(read_line(&lines, &kinds[statement.kind].lines[i], arena, &statement));
        hm_lines_next(&lines);
    }
    if (lines.has_line)
        return hm_lines_fail(&lines, "the end");
    *ret_statement = statement;
    return HM_OK;
}

/* --- writing --- */

static enum hm_rc write_digest(struct hm_buf *text, const struct hm_sha256 *digest,
                               struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(digest->bytes, HM_SHA256_SIZE), hex);
    return hm_buf_append_fmt(text, err, " %s", hex);
}

static enum hm_rc write_number(struct hm_buf *text, uint64_t number, struct hm_err *err)
{
    return hm_buf_append_fmt(text, err, " %llu", (unsigned long long)number);
}

static enum hm_rc write_time(struct hm_buf *text, int64_t unix_s, struct hm_err *err)
{
    char when[HM_TIME_TEXT_SIZE];

    hm_time_format(unix_s, when);
    return hm_buf_append_fmt(text, err, " %s", when);
}

static enum hm_rc write_text(struct hm_buf *text, const char *value, struct hm_err *err)
{
    return value == NULL ? hm_fail(err, HM_EUSAGE, NOUN " lacks a text")
                         : hm_buf_append_fmt(text, err, " %s", value);
}

static enum hm_rc write_value(struct hm_buf *text, const struct line *line,
                              const struct hm_statement *statement, struct hm_err *err)
{
    const void *value = member_of(statement, line->offset);
    const void *second = member_of(statement, line->second);
    const struct hm_statement_event *event = &statement->event;

    switch (line->type) {
    case LINE_TEXT:
    case LINE_WORD:
        return write_text(text, *(const char *const *)value, err);
    case LINE_DIGEST:
        return write_digest(text, value, err);
    case LINE_NUMBER:
        return write_number(text, *(const uint64_t *)value, err);
    case LINE_TIME:
        return write_time(text, *(const int64_t *)value, err);
    case LINE_REASON:
        return write_text(text, reasons[statement->reason], err);
    case LINE_PLACE:
        HM_TRY(write_number(text, *(const uint64_t *)value, err));
        return write_digest(text, second, err);
    case LINE_IMAGE:
        HM_TRY(write_digest(text, value, err));
        return write_number(text, *(const uint64_t *)second, err);
    case LINE_EVENT:
    case LINE_HEAD:
        HM_TRY(write_number(text, event->epoch, err));
        HM_TRY(write_number(text, event->counter, err));
        return write_digest(text, &event->previous, err);
    }
    return hm_fail(err, HM_EUSAGE, NOUN " has a line of no kind");
}

enum hm_rc hm_statement_write(const struct hm_statement *statement, struct hm_err *err,
                              struct hm_buf *ret_text)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    struct hm_statement again;

    HM_TRY(hm_buf_append_fmt(&text, err, "%s\n", kinds[statement->kind].name));
    for (size_t i = 0; i < LINES_MAX && kinds[statement->kind].lines[i].word != NULL; i++) {
        const struct line *line = &kinds[statement->kind].lines[i];

        HM_TRY(hm_buf_append_str(&text, line->word, err));
        HM_TRY(write_value(&text, line, statement, err));
        HM_TRY(hm_buf_append_byte(&text, '\n', err));
    }
    /* What could not be read again is no statement: a text with a newline, a time out of range. */
    if (hm_statement_parse(hm_buf_bytes(&text), &arena, err, &again) != HM_OK)
        return hm_error_prefix(err, HM_EUSAGE, "no such statement can be made");
    return hm_buf_append(ret_text, hm_buf_bytes(&text), err);
}

/* --- signatures --- */

enum hm_rc hm_statement_hash(struct hm_bytes text, struct hm_err *err, struct hm_sha256 *ret_hash)
{
    return hm_digest_sha256(text, err, ret_hash);
}

enum hm_rc hm_statement_verify(struct hm_bytes raw, const struct hm_note_key *key,
                               struct hm_arena *arena, struct hm_err *err,
                               struct hm_statement *ret_statement, struct hm_sha256 *ret_hash)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_statement statement;
    struct hm_sha256 hash;

    HM_TRY(hm_note_parse(raw, err, &note));
    HM_TRY(hm_note_verify(note, &key, 1, err, NULL));
    HM_TRY(hm_statement_parse(note->text, arena, err, &statement));
    /* A head is the site's word on a client's key. */
    if (statement.client != NULL && statement.kind != HM_STATEMENT_HEAD &&
        strcmp(statement.client, key->name) != 0)
        return hm_fail(err, HM_EMISMATCH, "the statement names the client '%s', and '%s' signed it",
                       statement.client, key->name);
    HM_TRY(hm_statement_hash(note->text, err, &hash));
    *ret_statement = statement;
    *ret_hash = hash;
    return HM_OK;
}
