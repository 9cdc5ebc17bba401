/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a review, and the difference of two sets of keys (review_internal.h). */
#include "exchange/review_internal.h"

#include <stdarg.h>

#include "base/text.h"
#include "exchange/request.h"

/* A review is of documents up to HM_REQUEST_DOCUMENT_SIZE_MAX; escaping makes text grow at most
 * fourfold, and a change shows at most both sides. */
#define TEXT_SIZE_MAX ((size_t)8 * HM_REQUEST_DOCUMENT_SIZE_MAX)

void hm_review_text_init(struct hm_review_out *out, const char *role, struct hm_err *err)
{
    *out = (struct hm_review_out){
        .role = role,
        .line = HM_BUF_INIT(TEXT_SIZE_MAX),
        .warnings = HM_BUF_INIT(TEXT_SIZE_MAX),
        .body = HM_BUF_INIT(TEXT_SIZE_MAX),
        .err = err,
        .rc = HM_OK,
    };
}

void hm_review_text_done(struct hm_review_out *out)
{
    hm_buf_done(&out->line);
    hm_buf_done(&out->warnings);
    hm_buf_done(&out->body);
}

static void keep(struct hm_review_out *out, enum hm_rc rc)
{
    if (out->rc == HM_OK)
        out->rc = rc;
}

void hm_review_text_put_bytes(struct hm_review_out *out, struct hm_bytes bytes)
{
    if (out->rc == HM_OK)
        keep(out, hm_buf_append(&out->line, bytes, out->err));
}

HM_PRINTF(2, 0)
static void put_list(struct hm_review_out *out, const char *format, va_list args)
{
    va_list again;
    char *text;
    int size;

    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    text = size < 0 ? NULL : malloc((size_t)size + 1);
    if (text == NULL) {
        keep(out, hm_error_nomem(out->err));
        return;
    }
    (void)vsnprintf(text, (size_t)size + 1, format, args);
    hm_review_text_put_bytes(out, hm_bytes_make(text, (size_t)size));
    free(text);
}

void hm_review_text_put(struct hm_review_out *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_list(out, format, args);
    va_end(args);
}

static void end_line(struct hm_review_out *out, struct hm_buf *buf)
{
    if (out->rc == HM_OK)
        keep(out, hm_text_escape(buf, hm_buf_bytes(&out->line), out->err));
    if (out->rc == HM_OK)
        keep(out, hm_buf_append_byte(buf, '\n', out->err));
    hm_buf_clear(&out->line);
}

void hm_review_text_end(struct hm_review_out *out)
{
    out->changed = true;
    end_line(out, &out->body);
}

void hm_review_text_line(struct hm_review_out *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_list(out, format, args);
    va_end(args);
    hm_review_text_end(out);
}

void hm_review_text_end_warning(struct hm_review_out *out)
{
    if (out->rc == HM_OK)
        keep(out, hm_buf_append_str(&out->warnings, "WARNING: ", out->err));
    if (out->rc == HM_OK)
        keep(out, hm_text_escape(&out->warnings, hm_bytes_str(out->role), out->err));
    if (out->rc == HM_OK)
        keep(out, hm_buf_append_str(&out->warnings, ": ", out->err));
    end_line(out, &out->warnings);
}

void hm_review_text_warn(struct hm_review_out *out, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put_list(out, format, args);
    va_end(args);
    hm_review_text_end_warning(out);
}

void hm_review_text_member(struct hm_review_out *out, const char *what, const char *before,
                           const char *after, bool is_grave)
{
    if (before == NULL && after == NULL)
        return;
    if (before == NULL) {
        hm_review_text_line(out, "    %s: %s", what, after);
        return;
    }
    if (after != NULL && strcmp(before, after) == 0)
        return;
    hm_review_text_line(out, "    %s: %s (was %s)", what, after == NULL ? "none" : after, before);
    if (is_grave)
        hm_review_text_warn(out, "%s changes from '%s' to '%s'", what, before,
                            after == NULL ? "" : after);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static const struct hm_keyring_key *key_at(const struct hm_role_keys *keys, size_t index)
{
    return hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[index]));
}

/* Of a kind known here: the same material. Else the same entry under the same id, for others may
 * know its kind and count it. */
static bool is_same_key(const char *id, const struct hm_keyring_key *entry, const char *other_id,
                        const struct hm_keyring_key *other)
{
    if (entry == NULL || other == NULL)
        return entry == other && strcmp(id, other_id) == 0;
    if (entry->key == NULL || other->key == NULL)
        return entry->key == other->key && strcmp(id, other_id) == 0 &&
               hm_bytes_is_equal(entry->json, other->json);
    return hm_digest_is_equal(hm_key_material(entry->key), hm_key_material(other->key));
}

/* True if keys have what stands in entry. */
static bool has_key(const struct hm_role_keys *keys, const char *id,
                    const struct hm_keyring_key *entry)
{
    for (size_t i = 0; keys != NULL && i < keys->id_count; i++) {
        if (is_same_key(id, entry, keys->ids[i], key_at(keys, i)))
            return true;
    }
    return false;
}

static bool has_all(const struct hm_role_keys *keys, const struct hm_role_keys *part)
{
    for (size_t i = 0; i < part->id_count; i++) {
        if (!has_key(keys, part->ids[i], key_at(part, i)))
            return false;
    }
    return true;
}

/* "ed25519 ID", and the id that the document gives the key where it is not the key's own. */
static void put_key(struct hm_review_out *out, const char *id, const struct hm_keyring_key *entry)
{
    if (entry == NULL)
        hm_review_text_put(out, "%s (the document has no such key: it can never sign)", id);
    else if (entry->key == NULL)
        hm_review_text_put(out, "%s (a kind of key not known here)", id);
    else if (strcmp(hm_key_id(entry->key), id) == 0)
        hm_review_text_put(out, "%s %s", hm_key_scheme(entry->key), id);
    else
        hm_review_text_put(out, "%s %s (listed as '%s')", hm_key_scheme(entry->key),
                           hm_key_id(entry->key), id);
}

static void put_keys(struct hm_review_out *out, char sign, const struct hm_role_keys *keys,
                     const struct hm_role_keys *other)
{
    for (size_t i = 0; keys != NULL && i < keys->id_count; i++) {
        const struct hm_keyring_key *entry = key_at(keys, i);

        if (has_key(other, keys->ids[i], entry))
            continue;
        hm_review_text_put(out, "        %c ", sign);
        put_key(out, keys->ids[i], entry);
        hm_review_text_end(out);
    }
}

static void warn_removed(struct hm_review_out *out, const char *what,
                         const struct hm_role_keys *before, const struct hm_role_keys *after)
{
    for (size_t i = 0; i < before->id_count; i++) {
        const struct hm_keyring_key *entry = key_at(before, i);

        if (has_key(after, before->ids[i], entry))
            continue;
        hm_review_text_put(out, "%s: a key is removed: ", what);
        put_key(out, before->ids[i], entry);
        hm_review_text_end_warning(out);
    }
}

/* A program that knows the kind counts the key. */
static void warn_unknown(struct hm_review_out *out, const char *what,
                         const struct hm_role_keys *before, const struct hm_role_keys *after)
{
    for (size_t i = 0; after != NULL && i < after->id_count; i++) {
        const struct hm_keyring_key *entry = key_at(after, i);

        if (entry == NULL || entry->key != NULL || has_key(before, after->ids[i], entry))
            continue;
        hm_review_text_put(out, "%s: a key is added whose kind is not known here: %s", what,
                           after->ids[i]);
        hm_review_text_end_warning(out);
    }
}

void hm_review_text_keys(struct hm_review_out *out, const char *what,
                         const struct hm_role_keys *before, const struct hm_role_keys *after)
{
    if (before != NULL && after != NULL && before->threshold == after->threshold &&
        before->id_count == after->id_count && has_all(before, after) && has_all(after, before))
        return;
    if (after == NULL)
        hm_review_text_line(out, "    %s: none any more", what);
    else if (before == NULL || before->threshold == after->threshold)
        hm_review_text_line(out, "    %s: threshold %u of %zu", what, after->threshold,
                            after->id_count);
    else
        hm_review_text_line(out, "    %s: threshold %u of %zu (was %u of %zu)", what,
                            after->threshold, after->id_count, before->threshold, before->id_count);
    put_keys(out, '+', after, before);
    put_keys(out, '-', before, after);
    warn_unknown(out, what, before, after);
    if (before == NULL || after == NULL)
        return;
    warn_removed(out, what, before, after);
    if (after->threshold < before->threshold)
        hm_review_text_warn(out, "%s: the threshold is lowered from %u to %u", what,
                            before->threshold, after->threshold);
}
