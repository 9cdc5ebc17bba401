/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and paths of objects. RFC 3986 (characters, percent-encoding), RFC 8089 (file). */
#include "net/url.h"

#include <arpa/inet.h>
#include <strings.h>

/* RFC 3986 3.3: pchar without '%', which is judged by itself. */
#define URL_PATH_CHARACTERS                                                                        \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@"

enum hm_url_kind hm_url_kind(const char *url)
{
    size_t size = strnlen(url, HM_URL_SIZE_MAX + 1);
    const char *end;

    if (size == 0 || size > HM_URL_SIZE_MAX)
        return HM_URL_UNKNOWN;
    end = strstr(url, "://");
    /* "a/b://c" is a path; "a://b" is a scheme, known or not. */
    if (end == NULL || memchr(url, '/', (size_t)(end - url)) != NULL)
        return HM_URL_PATH;
    if (strncasecmp(url, "file://", 7) == 0)
        return HM_URL_FILE;
    if (strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0)
        return HM_URL_REMOTE;
    return HM_URL_UNKNOWN;
}

bool hm_url_is_loopback(const char *host)
{
    struct in_addr address;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

/* -1 if c is no hexadecimal digit. */
static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum hm_rc hm_url_decode(struct hm_bytes text, struct hm_err *err, struct hm_buf *ret_text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == '%') {
            int high = text.size - i > 2 ? hex_digit(text.data[i + 1]) : -1;
            int low = text.size - i > 2 ? hex_digit(text.data[i + 2]) : -1;

            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return hm_fail_at(
                    err, HM_EFORMAT, i,
                    "a '%%' in a URL is not followed by the two hexadecimal digits of "
                    "a byte other than NUL");
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        HM_TRY(hm_buf_append_byte(ret_text, byte, err));
    }
    return HM_OK;
}

/* One part of a path, still encoded. */
static enum hm_rc check_part(struct hm_bytes part, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf decoded = HM_BUF_INIT(HM_URL_SIZE_MAX);

    for (size_t i = 0; i < part.size; i++) {
        if (part.data[i] == '\0' ||
            (part.data[i] != '%' && strchr(URL_PATH_CHARACTERS, part.data[i]) == NULL))
            return hm_fail(err, HM_EFORMAT, "a path holds the byte 0x%02x, not percent-encoded",
                           part.data[i]);
    }
    HM_TRY(hm_url_decode(part, err, &decoded));
    if (decoded.size == 0 || strcmp(hm_buf_str(&decoded), ".") == 0 ||
        strcmp(hm_buf_str(&decoded), "..") == 0 || memchr(decoded.data, '/', decoded.size) != NULL)
        return hm_fail(err, HM_EFORMAT,
                       "a part of a path is empty, '.' or '..' or holds an encoded '/'");
    return HM_OK;
}

enum hm_rc hm_url_check_path(const char *path, struct hm_err *err)
{
    size_t start = 0;
    size_t size = strnlen(path, HM_URL_SIZE_MAX + 1);

    if (size > HM_URL_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a path is longer than %d bytes", HM_URL_SIZE_MAX);
    for (size_t i = 0; i <= size; i++) {
        if (i < size && path[i] != '/')
            continue;
        HM_TRY(check_part(hm_bytes_make(path + start, i - start), err));
        start = i + 1;
    }
    return HM_OK;
}

struct hm_bytes hm_url_shown(const char *url)
{
    size_t size = hm_url_kind(url) == HM_URL_REMOTE ? strcspn(url, "?#") : strlen(url);

    return hm_bytes_make(url, size);
}
