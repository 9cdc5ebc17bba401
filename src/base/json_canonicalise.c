/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canonical form, OLPC dialect: what TUF implementations sign over (see json.h).
 *
 * One pass writes each value as it is read. An object whose keys did not ascend is put in order
 * when it closes, by moving its members within the output; the reader has refused duplicates by
 * then. Memory: one copy of the text, one of the largest unsorted object, and its members' places.
 */
#include "base/json.h"

#include "base/json_internal.h"

/* A member of an object in canonical text. */
struct member {
    const uint8_t *text; /* its key's opening quote */
    size_t key_size;     /* quotes included */
    size_t size;         /* key, colon and value */
};

/* The character at offset of a string in canonical form, where it differs from another. */
static int effective_byte(const uint8_t *text, size_t offset)
{
    size_t backslashes = 0;

    /* Behind an odd number of backslashes it is what they escape. */
    while (text[offset - 1 - backslashes] == '\\')
        backslashes++;
    if (text[offset] == '\\' && backslashes % 2 == 0)
        return text[offset + 1];
    if (text[offset] == '"' && backslashes % 2 == 0)
        return -1; /* the string's end sorts first */
    return text[offset];
}

/* By key: code points sort as their UTF-8 bytes. */
static int compare_members(const void *a, const void *b)
{
    const struct member *left = a;
    const struct member *right = b;
    size_t common = left->key_size < right->key_size ? left->key_size : right->key_size;
    size_t offset = 1;

    while (offset < common && left->text[offset] == right->text[offset])
        offset++;
    if (offset == common) /* keys are unique, so only the same member gets here */
        return 0;
    return effective_byte(left->text, offset) - effective_byte(right->text, offset);
}

/* Sorts the members of the object whose canonical text is out[start..], bracket to bracket. */
HM_MUST_CHECK static enum hm_rc sort_members(struct hm_buf *out, size_t start, struct hm_err *err)
{
    struct hm_bytes text = hm_bytes_make(out->data + start, out->size - start);
    _hm_free_(free) char *memory = NULL;
    _hm_free_(free) char *copy = NULL;
    struct member *members;
    size_t offset = 1;
    size_t key_start = 0;
    size_t count = 0;
    uint8_t *to = out->data + start + 1;

    while (hm_json_next_key(text, &offset, &key_start))
        count++;
    memory = reallocarray(NULL, count, sizeof(*members));
    copy = malloc(text.size);
    if (memory == NULL || copy == NULL)
        return hm_error_nomem(err);
    memcpy(copy, text.data, text.size);
    text.data = (const uint8_t *)copy;
    members = (struct member *)(void *)memory;
    offset = 1;
    for (size_t i = 0; hm_json_next_key(text, &offset, &key_start); i++) {
        members[i].text = text.data + key_start;
        members[i].key_size = offset - key_start;
        if (i > 0) /* a comma in front of this key */
            members[i - 1].size = (size_t)(members[i].text - members[i - 1].text) - 1;
    }
    members[count - 1].size = (size_t)(text.data + text.size - members[count - 1].text) - 1;
    qsort(members, count, sizeof(*members), compare_members);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *to++ = ',';
        memcpy(to, members[i].text, members[i].size);
        to += members[i].size;
    }
    return HM_OK;
}

/* Appends text as a canonical string: '"' and '\\' escaped, all else as it is. */
HM_MUST_CHECK static enum hm_rc put_string(struct hm_buf *out, struct hm_bytes text,
                                           struct hm_err *err)
{
    size_t done = 0;

    HM_TRY(hm_buf_append_byte(out, '"', err));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '"' && text.data[i] != '\\')
            continue;
        HM_TRY(hm_buf_append(out, hm_bytes_make(text.data + done, i - done), err));
        HM_TRY(hm_buf_append_byte(out, '\\', err));
        done = i;
    }
    HM_TRY(hm_buf_append(out, hm_bytes_make(text.data + done, text.size - done), err));
    return hm_buf_append_byte(out, '"', err);
}

/* What canonicalising keeps: where in the output each open object began. */
struct canonicaliser {
    struct hm_json json;
    struct hm_buf out;
    size_t starts[HM_JSON_DEPTH_MAX];
};

/* number is a JSON number: only a fraction or an exponent makes it none. */
static bool is_integer(struct hm_bytes number)
{
    for (size_t i = 0; i < number.size; i++) {
        if (number.data[i] == '.' || number.data[i] == 'e' || number.data[i] == 'E')
            return false;
    }
    return true;
}

/* Copies one value, or the opening bracket of an object or array. */
HM_MUST_CHECK static enum hm_rc copy_value(struct canonicaliser *ctx, struct hm_err *err)
{
    struct hm_json *json = &ctx->json;
    enum hm_json_kind kind;
    struct hm_bytes text;
    size_t start;

    HM_TRY(hm_json_peek(json, err, &kind));
    start = json->offset;
    switch (kind) {
    case HM_JSON_OBJECT:
        HM_TRY(hm_json_object_begin(json, err));
        ctx->starts[json->depth - 1] = ctx->out.size;
        return hm_buf_append_byte(&ctx->out, '{', err);
    case HM_JSON_ARRAY:
        HM_TRY(hm_json_array_begin(json, err));
        return hm_buf_append_byte(&ctx->out, '[', err);
    case HM_JSON_STRING:
        HM_TRY(hm_json_string(json, err, &text));
        return put_string(&ctx->out, text, err);
    case HM_JSON_NUMBER:
        HM_TRY(hm_json_skip(json, err, &text));
        if (!is_integer(text))
            return hm_fail_at(err, HM_EFORMAT, start,
                              "JSON at byte %zu: what is signed holds integers only", start);
        if (hm_bytes_is_str(text, "-0"))
            text = HM_BYTES_LITERAL("0");
        break;
    case HM_JSON_TRUE:
    case HM_JSON_FALSE:
    case HM_JSON_NULL:
        HM_TRY(hm_json_skip(json, err, &text));
        break;
    }
    return hm_buf_append(&ctx->out, text, err);
}

/* Copies what follows inside the innermost open object or array: a key, a comma, or its end. */
HM_MUST_CHECK static enum hm_rc copy_next(struct canonicaliser *ctx, struct hm_err *err)
{
    struct hm_json *json = &ctx->json;
    const struct hm_json_level *level = &json->levels[json->depth - 1];
    size_t start = ctx->starts[json->depth - 1];
    bool is_object = level->is_object;
    bool first = !level->has_items;
    struct hm_bytes key = HM_BYTES_EMPTY;
    bool more;

    if (is_object)
        HM_TRY(hm_json_object_next(json, err, &more, &key));
    else
        HM_TRY(hm_json_array_next(json, err, &more));
    if (!more) {
        HM_TRY(hm_buf_append_byte(&ctx->out, is_object ? '}' : ']', err));
        /* The level is closed, but what it knew of its keys still stands. */
        return is_object && !level->is_sorted ? sort_members(&ctx->out, start, err) : HM_OK;
    }
    if (!first)
        HM_TRY(hm_buf_append_byte(&ctx->out, ',', err));
    if (is_object) {
        HM_TRY(put_string(&ctx->out, key, err));
        HM_TRY(hm_buf_append_byte(&ctx->out, ':', err));
    }
    return copy_value(ctx, err);
}

HM_MUST_CHECK static enum hm_rc copy_all(struct canonicaliser *ctx, struct hm_err *err)
{
    HM_TRY(copy_value(ctx, err));
    while (ctx->json.depth > 0)
        HM_TRY(copy_next(ctx, err));
    return hm_json_end(&ctx->json, err);
}

enum hm_rc hm_json_canonicalise(struct hm_bytes text, struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct canonicaliser ctx = {.out = HM_BUF_INIT(text.size)};
    struct hm_bytes span;
    bool canonical;
    enum hm_rc rc;

    hm_json_init(&ctx.json, text, &arena);
    HM_TRY(hm_json_skip_canonical(&ctx.json, err, &span, &canonical));
    HM_TRY(hm_json_end(&ctx.json, err));
    if (canonical)
        return hm_buf_append(ret_buf, span, err);

    hm_json_init(&ctx.json, text, &arena);
    rc = hm_buf_reserve(&ctx.out, text.size, err);
    if (rc == HM_OK)
        rc = copy_all(&ctx, err); /* never longer than text: escapes shrink, the rest stays */
    if (rc == HM_OK)
        rc = hm_buf_append(ret_buf, hm_buf_bytes(&ctx.out), err);
    hm_buf_done(&ctx.out);
    return rc;
}
