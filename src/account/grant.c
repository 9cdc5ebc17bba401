/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of what may be downloaded. See grant.h. */
#include "account/grant.h"

/* A character of names, or the star. Classes and '?' of other patterns have no place here. */
static bool is_pattern_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '+' ||
           c == '-' || c == '*';
}

static enum hm_rc check_part(struct hm_bytes part, struct hm_bytes whole, struct hm_err *err)
{
    if (part.size == 0 || part.size > HM_TEXT_NAME_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "'%.*s': each part of a pattern has 1 to %d characters",
                       HM_BYTES_FMT(whole), HM_TEXT_NAME_SIZE_MAX);
    for (size_t i = 0; i < part.size; i++)
        if (!is_pattern_char(part.data[i]) || (i == 0 && strchr("._+-", part.data[0]) != NULL))
            return hm_fail(err, HM_EFORMAT,
                           "'%.*s': a part of a pattern is a-z, 0-9 and '*', then also '.', '_', "
                           "'+' and '-'",
                           HM_BYTES_FMT(whole));
    return HM_OK;
}

enum hm_rc hm_grant_parse(struct hm_bytes text, struct hm_err *err, struct hm_grant *ret_grant)
{
    struct hm_bytes parts[HM_GRANT_PART_COUNT_MAX] = {HM_BYTES_EMPTY};
    struct hm_bytes rest = text;
    size_t count = 0;

    for (;;) {
        const uint8_t *slash = rest.size == 0 ? NULL : memchr(rest.data, '/', rest.size);
        size_t size = slash == NULL ? rest.size : (size_t)(slash - rest.data);

        if (count == HM_GRANT_PART_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "'%.*s': a pattern has at most MAKER/PRODUCT/VERSION",
                           HM_BYTES_FMT(text));
        parts[count] = hm_bytes_make(rest.data, size);
        HM_TRY(check_part(parts[count], text, err));
        count++;
        if (slash == NULL)
            break;
        rest = hm_bytes_make(slash + 1, rest.size - size - 1);
    }
    if (count < 2)
        return hm_fail(err, HM_EFORMAT, "'%.*s': a pattern is MAKER/PRODUCT", HM_BYTES_FMT(text));
    *ret_grant = (struct hm_grant){parts[0], parts[1], parts[2]};
    return HM_OK;
}

enum hm_rc hm_grant_normalise(const char *text, struct hm_err *err,
                              char ret_text[HM_GRANT_SIZE_MAX])
{
    struct hm_grant grant;
    bool is_maker = text[0] != '\0' && strchr(text, '/') == NULL;
    enum hm_rc rc = HM_EFORMAT;
    int size;

    size = snprintf(ret_text, HM_GRANT_SIZE_MAX, "%s%s", text, is_maker ? "/*" : "");
    if (size < 0 || size >= HM_GRANT_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "'%.64s...': a pattern has at most %d characters", text,
                       HM_GRANT_SIZE_MAX - 1);
    rc = hm_grant_parse(hm_bytes_str(ret_text), err, &grant);
    if (rc == HM_EFORMAT && err != NULL)
        err->rc = HM_EUSAGE;
    return rc == HM_EFORMAT ? HM_EUSAGE : rc;
}

bool hm_grant_is_match(const struct hm_grant *grant, struct hm_bytes maker, struct hm_bytes product,
                       struct hm_bytes version)
{
    return hm_text_is_match(grant->maker, maker) && hm_text_is_match(grant->product, product) &&
           (grant->version.size == 0 || hm_text_is_match(grant->version, version));
}
