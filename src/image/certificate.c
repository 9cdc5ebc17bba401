/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates in an image (certificate.h). */
#include "image/certificate.h"

#include <strings.h>

#include "base/reader.h"

#define TAG_INTEGER    0x02
#define TAG_BIT_STRING 0x03
#define TAG_OID        0x06
#define TAG_BMP        0x1e
#define TAG_SEQUENCE   0x30
#define TAG_SET        0x31
#define TAG_VERSION    0xa0
/* 1.2.840.113549.1.1.1 */
#define RSA_OID "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"

/* One element; false where there is none of that tag, or its length is not DER. raw: with its
 * head. */
static bool take(struct hm_rd *rd, uint8_t tag, struct hm_bytes *ret_body, struct hm_bytes *ret_raw)
{
    size_t start = rd->offset;
    struct hm_bytes body;
    size_t size;
    uint8_t first;

    if (hm_reader_u8(rd) != tag || hm_reader_failed(rd))
        return false;
    first = hm_reader_u8(rd);
    size = first;
    if (first == 0x81) {
        size = hm_reader_u8(rd);
        if (size < 0x80)
            return false;
    } else if (first == 0x82) {
        size = hm_reader_be16(rd);
        if (size < 0x100)
            return false;
    } else if (first >= 0x80) {
        return false; /* larger than any part of a certificate */
    }
    body = hm_reader_take(rd, size);
    if (hm_reader_failed(rd))
        return false;
    if (ret_body != NULL)
        *ret_body = body;
    if (ret_raw != NULL)
        *ret_raw = hm_bytes_make(rd->bytes.data + start, rd->offset - start);
    return true;
}

static void put_char(char *name, size_t *size, uint8_t c)
{
    if (*size < HM_CERTIFICATE_NAME_SIZE_MAX)
        name[(*size)++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
}

/* "AttributeValue, AttributeValue": the values alone say who it is. */
static bool read_name(struct hm_bytes body, char *ret_name)
{
    struct hm_rd rd = hm_reader_make(body);
    size_t size = 0;

    while (hm_reader_left(&rd) > 0) {
        struct hm_bytes set, attribute, value;
        struct hm_rd in;
        uint8_t tag;

        if (!take(&rd, TAG_SET, &set, NULL))
            return false;
        in = hm_reader_make(set);
        if (!take(&in, TAG_SEQUENCE, &attribute, NULL))
            return false;
        in = hm_reader_make(attribute);
        if (!take(&in, TAG_OID, NULL, NULL) || hm_reader_left(&in) == 0)
            return false;
        tag = attribute.data[in.offset];
        if (!take(&in, tag, &value, NULL))
            return false;
        if (size > 0) {
            put_char(ret_name, &size, ',');
            put_char(ret_name, &size, ' ');
        }
        for (size_t i = tag == TAG_BMP ? 1 : 0; i < value.size; i += tag == TAG_BMP ? 2 : 1)
            put_char(ret_name, &size, value.data[i]);
    }
    ret_name[size] = '\0';
    return true;
}

/* Bits of the modulus; 0: no RSA key. */
static bool read_key(struct hm_bytes body, size_t *ret_bits)
{
    struct hm_rd rd = hm_reader_make(body);
    struct hm_bytes algorithm, oid, bits, key, modulus;
    struct hm_rd in;

    *ret_bits = 0;
    if (!take(&rd, TAG_SEQUENCE, &algorithm, NULL) || !take(&rd, TAG_BIT_STRING, &bits, NULL))
        return false;
    in = hm_reader_make(algorithm);
    if (!take(&in, TAG_OID, &oid, NULL))
        return false;
    if (!hm_bytes_is_equal(oid, HM_BYTES_LITERAL(RSA_OID)))
        return true;
    in = hm_reader_make(bits);
    if (hm_reader_u8(&in) != 0 || !take(&in, TAG_SEQUENCE, &key, NULL))
        return false;
    in = hm_reader_make(key);
    if (!take(&in, TAG_INTEGER, &modulus, NULL) || modulus.size == 0)
        return false;
    while (modulus.size > 0 && modulus.data[0] == 0)
        modulus = hm_bytes_make(modulus.data + 1, modulus.size - 1);
    if (modulus.size == 0)
        return false;
    *ret_bits = modulus.size * 8 - (size_t)(__builtin_clz(modulus.data[0]) - 24);
    return true;
}

enum hm_rc hm_certificate_parse(struct hm_bytes bytes, struct hm_certificate *ret_certificate)
{
    struct hm_certificate certificate = {.rsa_bits = 0};
    struct hm_bytes whole, tbs, issuer, subject, key;
    struct hm_rd rd;

    if (bytes.size > HM_CERTIFICATE_SIZE_MAX)
        bytes.size = HM_CERTIFICATE_SIZE_MAX;
    rd = hm_reader_make(bytes);
    if (!take(&rd, TAG_SEQUENCE, &whole, &certificate.raw))
        return HM_EFORMAT;
    rd = hm_reader_make(whole);
    if (!take(&rd, TAG_SEQUENCE, &tbs, NULL) || !take(&rd, TAG_SEQUENCE, NULL, NULL) ||
        !take(&rd, TAG_BIT_STRING, NULL, NULL) || hm_reader_left(&rd) != 0)
        return HM_EFORMAT;
    rd = hm_reader_make(tbs);
    if (tbs.size > 0 && tbs.data[0] == TAG_VERSION && !take(&rd, TAG_VERSION, NULL, NULL))
        return HM_EFORMAT;
    if (!take(&rd, TAG_INTEGER, NULL, NULL) || !take(&rd, TAG_SEQUENCE, NULL, NULL) ||
        !take(&rd, TAG_SEQUENCE, &issuer, NULL) || !take(&rd, TAG_SEQUENCE, NULL, NULL) ||
        !take(&rd, TAG_SEQUENCE, &subject, NULL) ||
        !take(&rd, TAG_SEQUENCE, &key, &certificate.key) ||
        !read_name(issuer, certificate.issuer) || !read_name(subject, certificate.subject) ||
        !read_key(key, &certificate.rsa_bits))
        return HM_EFORMAT;
    *ret_certificate = certificate;
    return HM_OK;
}

bool hm_certificate_search(struct hm_bytes bytes, size_t *offset)
{
    size_t at = *offset;

    while (at < bytes.size) {
        const uint8_t *found = memchr(bytes.data + at, TAG_SEQUENCE, bytes.size - at);

        if (found == NULL)
            break;
        at = (size_t)(found - bytes.data);
        /* Both sequences are longer than 127 bytes. */
        if (bytes.size - at >= 8 && found[1] == 0x82 && found[4] == TAG_SEQUENCE &&
            (found[5] == 0x81 || found[5] == 0x82)) {
            *offset = at;
            return true;
        }
        at++;
    }
    *offset = bytes.size;
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool hm_certificate_is_test_name(const char *name)
{
    static const char *const phrases[] = {"do not trust", "do not ship", "not for production",
                                          "snakeoil",     "snake oil",   "insecure"};
    static const char *const words[] = {"test", "tests", "testing", "debug", "sample", "dummy"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(phrases); i++) {
        if (strcasestr(name, phrases[i]) != NULL)
            return true;
    }
    /* "Attestation" and "latest" are no tests. */
    for (size_t i = 0; name[i] != '\0'; i++) {
        size_t size = 0;

        if (i > 0 && is_letter(name[i - 1]))
            continue;
        while (is_letter(name[i + size]))
            size++;
        for (size_t k = 0; k < HM_ARRAY_COUNT(words); k++) {
            if (size == strlen(words[k]) && strncasecmp(name + i, words[k], size) == 0)
                return true;
        }
    }
    return false;
}
