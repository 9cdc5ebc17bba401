/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens as text. See token.h. */
#include "account/token.h"

#include <errno.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/num.h"

#define SECRET_PREFIX      "hm1_" /* for those who search code and logs for leaked ones */
#define SECRET_BYTES       32
#define SECRET_PREFIX_SIZE (sizeof(SECRET_PREFIX) - 1)

bool hm_token_is_account_name(struct hm_bytes name)
{
    if (name.size == 0 || name.size > HM_TOKEN_ACCOUNT_SIZE_MAX || name.data[0] == '-')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static bool is_secret(struct hm_bytes secret)
{
    if (secret.size != HM_TOKEN_SECRET_SIZE ||
        !hm_bytes_has_prefix(secret, HM_BYTES_LITERAL(SECRET_PREFIX)))
        return false;
    for (size_t i = SECRET_PREFIX_SIZE; i < secret.size; i++) {
        uint8_t c = secret.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

/* Takes what stands before the first separator. */
static bool take_part(struct hm_bytes *rest, char separator, struct hm_bytes *ret_part)
{
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);

    if (end == NULL)
        return false;
    *ret_part = hm_bytes_make(rest->data, (size_t)(end - rest->data));
    *rest = hm_bytes_make(end + 1, rest->size - ret_part->size - 1);
    return true;
}

/* CUSTOMER.NUMBER, the separator, SECRET. */
static enum hm_rc parse(struct hm_bytes text, char separator, struct hm_err *err,
                        struct hm_token *ret_token)
{
    struct hm_token token = {.number = 0};
    struct hm_bytes number = HM_BYTES_EMPTY;
    uint64_t value = 0;

    if (!take_part(&text, '.', &token.account) || !take_part(&text, separator, &number) ||
        !hm_token_is_account_name(token.account) || number.size == 0 ||
        hm_num_parse_u64((const char *)number.data, number.size, &value) != HM_OK || value == 0 ||
        value > HM_TOKEN_NUMBER_MAX || !is_secret(text))
        return hm_fail(err, HM_EFORMAT, "it is no token: CUSTOMER.NUMBER.SECRET");
    token.number = (uint32_t)value;
    token.secret = text;
    *ret_token = token;
    return HM_OK;
}

enum hm_rc hm_token_parse(struct hm_bytes text, struct hm_err *err, struct hm_token *ret_token)
{
    return parse(text, '.', err, ret_token);
}

enum hm_rc hm_token_parse_header(struct hm_bytes value, struct hm_err *err, struct hm_buf *ret_buf,
                                 struct hm_token *ret_token)
{
    const struct hm_bytes bearer = HM_BYTES_LITERAL("Bearer ");
    const struct hm_bytes basic = HM_BYTES_LITERAL("Basic ");
    uint8_t decoded[HM_BASE64_SIZE(HM_TOKEN_SIZE_MAX) / 4 * 3];
    struct hm_bytes text;
    size_t size = 0;

    hm_buf_clear(ret_buf);
    if (hm_bytes_has_prefix(value, bearer)) {
        text = hm_bytes_make(value.data + bearer.size, value.size - bearer.size);
        HM_TRY(hm_buf_append(ret_buf, text, err));
        return parse(hm_buf_bytes(ret_buf), '.', err, ret_token);
    }
    if (!hm_bytes_has_prefix(value, basic))
        return hm_fail(err, HM_EFORMAT, "it is neither Basic nor Bearer");
    text = hm_bytes_make(value.data + basic.size, value.size - basic.size);
    if (text.size > HM_BASE64_SIZE(HM_TOKEN_SIZE_MAX) ||
        hm_base64_read(text, decoded, &size) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "what follows Basic is no base64 of a token's size");
    HM_TRY(hm_buf_append(ret_buf, hm_bytes_make(decoded, size), err));
    return parse(hm_buf_bytes(ret_buf), ':', err, ret_token);
}

enum hm_rc hm_token_make_secret(struct hm_err *err, char ret_secret[HM_TOKEN_SECRET_SIZE + 1])
{
    uint8_t bytes[SECRET_BYTES];
    uint8_t text[HM_BASE64_SIZE(SECRET_BYTES)];
    size_t done = 0;

    while (done < sizeof(bytes)) {
        ssize_t got = getrandom(bytes + done, sizeof(bytes) - done, 0);

        if (got < 0 && errno != EINTR)
            return hm_fail(err, HM_EINTERNAL, "the system gives no random bytes");
        done += got > 0 ? (size_t)got : 0;
    }
    hm_base64_encode(hm_bytes_make(bytes, sizeof(bytes)), text);
    memcpy(ret_secret, SECRET_PREFIX, SECRET_PREFIX_SIZE);
    for (size_t i = SECRET_PREFIX_SIZE; i < HM_TOKEN_SECRET_SIZE; i++) {
        char c = (char)text[i - SECRET_PREFIX_SIZE];

        ret_secret[i] = (char)(c == '+' ? '-' : c == '/' ? '_' : c);
    }
    ret_secret[HM_TOKEN_SECRET_SIZE] = '\0';
    return HM_OK;
}

enum hm_rc hm_token_digest(struct hm_bytes secret, struct hm_err *err, struct hm_sha256 *ret_sha256)
{
    return hm_digest_sha256(secret, err, ret_sha256);
}

bool hm_token_is_digest(const struct hm_sha256 *kept, const struct hm_sha256 *given)
{
    uint8_t difference = 0;

    for (size_t i = 0; i < HM_SHA256_SIZE; i++)
        difference |= (uint8_t)(kept->bytes[i] ^ given->bytes[i]);
    return difference == 0;
}
