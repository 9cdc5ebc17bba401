/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes: reading, verifying, writing. See note.h. */
#include "tlog/note.h"

#include "base/base64.h"
#include "base/text.h"

#define ID_SIZE 4
#define DASH    HM_BYTES_LITERAL("\xe2\x80\x94 ") /* U+2014 and a space */

/* UTF-8 without control characters other than newline, ending in one. */
static enum hm_rc check_text(struct hm_bytes text, enum hm_rc rc, struct hm_err *err)
{
    if (text.size > HM_NOTE_SIZE_MAX)
        return hm_fail(err, rc, "the note is longer than %d bytes", HM_NOTE_SIZE_MAX);
    if (text.size == 0 || text.data[text.size - 1] != '\n')
        return hm_fail(err, rc, "the note does not end in a newline");
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 && text.data[i] != '\n')
            return hm_error_fail_at(err, rc, i, "the note has a control character");
    }
    if (!hm_text_is_utf8(text))
        return hm_fail(err, rc, "the note is not UTF-8");
    return HM_OK;
}

/* The line at *offset, with its newline; advances. text ends in a newline. */
static struct hm_bytes take_line(struct hm_bytes text, size_t *offset)
{
    const uint8_t *from = text.data + *offset;
    const uint8_t *end = memchr(from, '\n', text.size - *offset);
    size_t size = (size_t)(end - from) + 1;

    *offset += size;
    return hm_bytes_make(from, size);
}

static enum hm_rc parse_line(struct hm_bytes line, size_t number, struct hm_arena *arena,
                             struct hm_err *err, struct hm_note_signature *ret_signature)
{
    struct hm_bytes rest;
    struct hm_bytes name;
    const uint8_t *space;
    uint8_t *bytes;
    size_t size = 0;

    if (!hm_bytes_has_prefix(line, DASH))
        return hm_fail(err, HM_EFORMAT,
                       "line %zu after the note's text is not a signature, which starts with a "
                       "dash and a space",
                       number);
    rest = hm_bytes_make(line.data + DASH.size, line.size - DASH.size - 1);
    space = rest.size == 0 ? NULL : memchr(rest.data, ' ', rest.size);
    name = hm_bytes_make(rest.data, space == NULL ? 0 : (size_t)(space - rest.data));
    if (!hm_note_key_is_name(name))
        return hm_fail(err, HM_EFORMAT, "signature line %zu of the note has no valid key name",
                       number);
    rest = hm_bytes_make(space + 1, rest.size - name.size - 1);
    bytes = hm_arena_alloc(arena, rest.size / 4 * 3, 1);
    if (bytes == NULL)
        return hm_error_nomem(err);
    if (hm_base64_read(rest, bytes, &size) != HM_OK || size <= ID_SIZE)
        return hm_fail(err, HM_EFORMAT,
                       "the signature by '%.*s' is not base64 of an id and a signature",
                       HM_BYTES_FMT(name));
    ret_signature->name = name;
    ret_signature->id =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    ret_signature->bytes = hm_bytes_make(bytes + ID_SIZE, size - ID_SIZE);
    ret_signature->line = line;
    return HM_OK;
}

static enum hm_rc parse_lines(struct hm_note *note, struct hm_bytes lines, struct hm_err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < lines.size; i++)
        count += lines.data[i] == '\n';
    if (count == 0)
        return hm_fail(err, HM_EFORMAT, "the note has no signature");
    if (count > HM_NOTE_SIGNATURE_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "the note has %zu signatures, more than %d", count,
                       HM_NOTE_SIGNATURE_COUNT_MAX);
    note->signatures = hm_arena_alloc(&note->arena, count, sizeof(*note->signatures));
    if (note->signatures == NULL)
        return hm_error_nomem(err);
    for (size_t offset = 0; offset < lines.size;) {
        struct hm_bytes line = take_line(lines, &offset);

        HM_TRY(parse_line(line, note->signature_count + 1, &note->arena, err,
                          &note->signatures[note->signature_count]));
        note->signature_count++;
    }
    return HM_OK;
}

/* A note with its own copy of raw, which was looked through for what no note may have. */
static enum hm_rc copy_note(struct hm_bytes raw, struct hm_err *err, struct hm_note **ret_note)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;

    HM_TRY(check_text(raw, HM_EFORMAT, err));
    note = calloc(1, sizeof(*note));
    if (note == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(&note->arena, raw, err, &note->raw));
    *ret_note = hm_steal(&note);
    return HM_OK;
}

enum hm_rc hm_note_parse(struct hm_bytes raw, struct hm_err *err, struct hm_note **ret_note)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    size_t at;

    HM_TRY(copy_note(raw, err, &note));
    /* The last empty line: a newline before and one after it. */
    for (at = note->raw.size - 1; at > 0; at--) {
        if (note->raw.data[at] == '\n' && note->raw.data[at - 1] == '\n')
            break;
    }
    if (at == 0)
        return hm_fail(err, HM_EFORMAT,
                       "the note has no empty line between its text and its signatures");
    note->text = hm_bytes_make(note->raw.data, at);
    HM_TRY(parse_lines(note, hm_bytes_make(note->raw.data + at + 1, note->raw.size - at - 1), err));
    *ret_note = hm_steal(&note);
    return HM_OK;
}

enum hm_rc hm_note_parse_signatures(struct hm_bytes raw, struct hm_err *err,
                                    struct hm_note **ret_note)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;

    HM_TRY(copy_note(raw, err, &note));
    HM_TRY(parse_lines(note, note->raw, err));
    *ret_note = hm_steal(&note);
    return HM_OK;
}

static bool is_by(const struct hm_note_signature *signature, const struct hm_note_key *key)
{
    return key->key != NULL && signature->id == key->id &&
           hm_bytes_is_equal(signature->name, key->name_bytes);
}

/* Of the lines by key, there may be one. */
static enum hm_rc find_line(const struct hm_note *note, const struct hm_note_key *key,
                            struct hm_err *err, const struct hm_note_signature **ret_signature)
{
    const struct hm_note_signature *found = NULL;

    for (size_t i = 0; i < note->signature_count; i++) {
        if (!is_by(&note->signatures[i], key))
            continue;
        if (found != NULL)
            return hm_fail(err, HM_EFORMAT, "the note has two signatures by '%s' (%08x)", key->name,
                           key->id);
        found = &note->signatures[i];
    }
    *ret_signature = found;
    return HM_OK;
}

enum hm_rc hm_note_verify(const struct hm_note *note, const struct hm_note_key *const *keys,
                          size_t key_count, struct hm_err *err,
                          struct hm_note_verdict *ret_verdicts)
{
    _hm_free_(free) char *memory = calloc(key_count + 1, sizeof(struct hm_note_verdict));
    struct hm_note_verdict *verdicts = (struct hm_note_verdict *)(void *)memory;
    size_t signed_count = 0;

    if (memory == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < key_count; i++) {
        const struct hm_note_signature *signature = NULL;

        HM_TRY(find_line(note, keys[i], err, &signature));
        if (signature == NULL)
            continue;
        /* signed-note, "Signatures": a wrong signature by a known key spoils the note. */
        HM_TRY(hm_note_key_verify(keys[i], note->text, signature->bytes, err, &verdicts[i].time_s));
        verdicts[i].is_signed = true;
        signed_count++;
    }
    if (signed_count == 0)
        return hm_fail(err, HM_ESIGNATURE, "the note is signed by none of the %zu known keys",
                       key_count);
    if (ret_verdicts != NULL)
        memcpy(ret_verdicts, verdicts, key_count * sizeof(*verdicts));
    return HM_OK;
}

void hm_note_free(struct hm_note *note)
{
    if (note == NULL)
        return;
    hm_arena_done(&note->arena);
    free(note);
}

enum hm_rc hm_note_write_text(struct hm_bytes text, struct hm_err *err, struct hm_buf *ret_buf)
{
    size_t start = ret_buf->size;
    enum hm_rc rc;

    HM_TRY(check_text(text, HM_EUSAGE, err));
    HM_TRY(hm_buf_append(ret_buf, text, err));
    rc = hm_buf_append_byte(ret_buf, '\n', err);
    if (rc != HM_OK)
        ret_buf->size = start;
    return rc;
}

enum hm_rc hm_note_write_signature(struct hm_bytes name, uint32_t id, struct hm_bytes signature,
                                   struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    uint8_t id_bytes[ID_SIZE] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16 & 0xff),
                                 (uint8_t)(id >> 8 & 0xff), (uint8_t)(id & 0xff)};

    if (!hm_note_key_is_name(name) || signature.size == 0)
        return hm_fail(err, HM_EUSAGE, "a signature line needs a key name and a signature");
    HM_TRY(hm_buf_append(&bytes, hm_bytes_make(id_bytes, ID_SIZE), err));
    HM_TRY(hm_buf_append(&bytes, signature, err));
    HM_TRY(hm_buf_append(&line, DASH, err));
    HM_TRY(hm_buf_append(&line, name, err));
    HM_TRY(hm_buf_append_byte(&line, ' ', err));
    HM_TRY(hm_base64_write(hm_buf_bytes(&bytes), err, &line));
    HM_TRY(hm_buf_append_byte(&line, '\n', err));
    return hm_buf_append(ret_buf, hm_buf_bytes(&line), err);
}

enum hm_rc hm_note_sign(struct hm_bytes text, const struct hm_note_key *key,
                        const struct hm_signer *signer, uint64_t time_s, struct hm_err *err,
                        struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(8 + HM_KEY_SIGNATURE_SIZE_MAX);

    HM_TRY(check_text(text, HM_EUSAGE, err));
    HM_TRY(hm_note_key_sign(key, signer, text, time_s, err, &signature));
    return hm_note_write_signature(key->name_bytes, key->id, hm_buf_bytes(&signature), err,
                                   ret_buf);
}
