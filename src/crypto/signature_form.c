/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes a file with one signature may be, and which of them verify (signature_form.h). */
#include "crypto/signature_form.h"

#include "base/base64.h"
#include "base/text.h"

#define DER_SEQUENCE   0x30
#define DER_INTEGER    0x02
#define ORDER_SIZE_MAX 48 /* of P-384 */
/* Two integers with a sign byte each, and three heads of two bytes. */
#define DER_SIZE_MAX (2 + 2 * (2 + 1 + ORDER_SIZE_MAX))

/* ---- reading -------------------------------------------------------------------------------- */

/* The file without its line ends. */
static enum hm_rc join_lines(struct hm_bytes file, struct hm_arena *arena, struct hm_err *err,
                             struct hm_bytes *ret_text)
{
    uint8_t *text = hm_arena_alloc(arena, file.size + 2, 1); /* room for padding */
    size_t size = 0;

    if (text == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < file.size; i++) {
        if (file.data[i] == '\n' ||
            (file.data[i] == '\r' && i + 1 < file.size && file.data[i + 1] == '\n'))
            continue;
        text[size++] = file.data[i];
    }
    *ret_text = hm_bytes_make(text, size);
    return HM_OK;
}

static void add_form(struct hm_signature_forms *forms, struct hm_bytes form)
{
    if (form.size >= HM_SIGNATURE_FORM_SIZE_MIN && form.size <= HM_KEY_SIGNATURE_SIZE_MAX)
        forms->items[forms->count++] = form;
}

static enum hm_rc add_hex(struct hm_bytes text, struct hm_err *err,
                          struct hm_signature_forms *forms)
{
    uint8_t *bytes;

    if (text.size == 0 || text.size % 2 != 0)
        return HM_OK;
    bytes = hm_arena_alloc(&forms->arena, text.size / 2, 1);
    if (bytes == NULL)
        return hm_error_nomem(err);
    if (hm_text_unhex(text, bytes, text.size / 2) == HM_OK)
        add_form(forms, hm_bytes_make(bytes, text.size / 2));
    return HM_OK;
}

/* The standard spelling of base64url: of the same length, and padded. A text that mixes both
 * alphabets becomes one that is neither. */
static struct hm_bytes standard_base64(uint8_t *text, size_t size)
{
    bool is_url = memchr(text, '-', size) != NULL || memchr(text, '_', size) != NULL;

    /* Without a character that tells, only the missing padding does. */
    if (!is_url &&
        (size % 4 == 0 || memchr(text, '+', size) != NULL || memchr(text, '/', size) != NULL))
        return hm_bytes_make(text, size);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '+' || text[i] == '/')
            return HM_BYTES_EMPTY;
        if (text[i] == '-')
            text[i] = '+';
        else if (text[i] == '_')
            text[i] = '/';
    }
    if (memchr(text, '=', size) == NULL) {
        for (size_t missing = size % 4 < 2 ? 0 : 4 - size % 4; missing > 0; missing--)
            text[size++] = '=';
    }
    return hm_bytes_make(text, size);
}

static enum hm_rc add_base64(struct hm_bytes text, struct hm_err *err,
                             struct hm_signature_forms *forms)
{
    uint8_t *spelling = hm_arena_alloc(&forms->arena, text.size + 2, 1); /* room for padding */
    uint8_t *bytes = hm_arena_alloc(&forms->arena, text.size + 2, 1);
    struct hm_bytes standard;
    size_t size;

    if (spelling == NULL || bytes == NULL)
        return hm_error_nomem(err);
    if (text.size == 0)
        return HM_OK;
    memcpy(spelling, text.data, text.size);
    standard = standard_base64(spelling, text.size);
    if (standard.size > 0 && hm_base64_read(standard, bytes, &size) == HM_OK)
        add_form(forms, hm_bytes_make(bytes, size));
    return HM_OK;
}

enum hm_rc hm_signature_form_read(struct hm_bytes file, struct hm_err *err,
                                  struct hm_signature_forms *ret_forms)
{
    struct hm_bytes copy, text;

    if (file.size == 0)
        return hm_fail(err, HM_EFORMAT, "it is empty: there is no signature in it");
    if (file.size > HM_SIGNATURE_FORM_FILE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "it has %zu bytes, more than a signature has", file.size);
    HM_TRY(hm_arena_copy(&ret_forms->arena, file, err, &copy));
    add_form(ret_forms, copy);
    HM_TRY(join_lines(file, &ret_forms->arena, err, &text));
    HM_TRY(add_hex(text, err, ret_forms));
    HM_TRY(add_base64(text, err, ret_forms));
    if (ret_forms->count == 0)
        return hm_fail(err, HM_EFORMAT,
                       "it is neither a signatures file nor a signature in any form that is taken");
    return HM_OK;
}

void hm_signature_form_done(struct hm_signature_forms *forms)
{
    hm_arena_done(&forms->arena);
}

/* ---- trying --------------------------------------------------------------------------------- */

/* The bytes of r and of s in a signature that is no DER; 0: the key is not ECDSA. */
static size_t order_size(const struct hm_key *key)
{
    if (strncmp(hm_key_type(key), "ecdsa", 5) != 0)
        return 0;
    return (hm_key_raw(key).size - 1) / 2; /* the point: its form, then two coordinates */
}

static size_t write_integer(struct hm_bytes number, uint8_t *to)
{
    bool needs_sign;

    while (number.size > 1 && number.data[0] == 0)
        number = hm_bytes_make(number.data + 1, number.size - 1);
    needs_sign = number.data[0] >= 0x80;
    to[0] = DER_INTEGER;
    to[1] = (uint8_t)(number.size + needs_sign);
    to[2] = 0;
    memcpy(to + 2 + needs_sign, number.data, number.size);
    return 2 + needs_sign + number.size;
}

static struct hm_bytes write_der(struct hm_bytes pair, uint8_t der[DER_SIZE_MAX])
{
    size_t half = pair.size / 2;
    size_t size;

    HM_ASSERT(half <= ORDER_SIZE_MAX); /* so that each length is one byte */
    size = write_integer(hm_bytes_make(pair.data, half), der + 2);
    size += write_integer(hm_bytes_make(pair.data + half, half), der + 2 + size);
    der[0] = DER_SEQUENCE;
    der[1] = (uint8_t)size;
    return hm_bytes_make(der, size + 2);
}

enum hm_rc hm_signature_form_match(const struct hm_signature_forms *forms, const struct hm_key *key,
                                   struct hm_bytes message, struct hm_err *err,
                                   struct hm_buf *ret_signature)
{
    size_t half = order_size(key);
    uint8_t der[DER_SIZE_MAX];

    for (size_t i = 0; i < forms->count; i++) {
        struct hm_bytes form = forms->items[i];
        enum hm_rc rc = hm_key_verify(key, message, form, err);

        if (rc == HM_ESIGNATURE && half > 0 && form.size == 2 * half) {
            form = write_der(form, der);
            rc = hm_key_verify(key, message, form, err);
        }
        if (rc == HM_OK)
            return hm_buf_append(ret_signature, form, err);
        if (rc != HM_ESIGNATURE)
            return rc;
    }
    return hm_fail(err, HM_ESIGNATURE, "it is no signature by this key");
}
