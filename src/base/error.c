/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling struct hm_err: format, make printable, cut to size. Nothing here allocates, so that an
 * error can always be told.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define RAW_SIZE                                                                                   \
    (2 * HM_ERR_TEXT_MAX) /* longer than any result, so a cut here is cut again there */
#define ELLIPSIS "..."

struct sink {
    char *out; /* HM_ERR_TEXT_MAX bytes */
    size_t size;
    size_t safe; /* the last whole character after which the ellipsis still fits */
    bool full;
};

static void sink_put(struct sink *sink, const char *unit, size_t size)
{
    if (sink->full)
        return;
    if (sink->size + size > HM_ERR_TEXT_MAX - 1) {
        memcpy(sink->out + sink->safe, ELLIPSIS, sizeof(ELLIPSIS));
        sink->full = true;
        return;
    }
    memcpy(sink->out + sink->size, unit, size);
    sink->size += size;
    sink->out[sink->size] = '\0';
    if (sink->size + sizeof(ELLIPSIS) - 1 <= HM_ERR_TEXT_MAX - 1)
        sink->safe = sink->size;
}

/* The size of the well-formed UTF-8 character at text (RFC 3629), or 0. */
static size_t utf8_decode(const unsigned char *text, uint32_t *ret_code)
{
    unsigned char lead = text[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t code = size < 2 ? lead : lead & (0x7fU >> size);

    if (lead > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) /* the terminating NUL ends up here as well */
            return 0;
        code = code << 6 | (text[i] & 0x3fU);
    }
    if (size == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)))
        return 0;
    if (size == 4 && (code < 0x10000 || code > 0x10ffff))
        return 0;
    *ret_code = code;
    return size;
}

/* Characters that change how their neighbours are shown: C1 controls, line separators, direction
 * marks and the byte order mark. */
static bool is_deceptive(uint32_t code)
{
    return (code >= 0x80 && code <= 0x9f) || code == 0x061c || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff;
}

static void sink_escape(struct sink *sink, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        char escaped[16];
        uint32_t code = 0;
        size_t size = utf8_decode(at, &code);

        if (size == 0 || code < 0x20 || code == 0x7f) {
            sink_put(sink, escaped, (size_t)snprintf(escaped, sizeof(escaped), "\\x%02x", *at));
            at++;
        } else if (is_deceptive(code)) {
            sink_put(sink, escaped,
                     (size_t)snprintf(escaped, sizeof(escaped), "\\u{%04x}", (unsigned)code));
            at += size;
        } else {
            sink_put(sink, (const char *)at, size);
            at += size;
        }
    }
}

HM_PRINTF(3, 0)
static void format_raw(char raw[RAW_SIZE], size_t *ret_size, const char *format, va_list args)
{
    int size = vsnprintf(raw, RAW_SIZE, format, args);

    if (size < 0) {
        memcpy(raw, "(unprintable)", sizeof("(unprintable)"));
        size = (int)strlen(raw);
    }
    *ret_size = (size_t)size < RAW_SIZE ? (size_t)size : RAW_SIZE - 1;
}

HM_PRINTF(3, 0)
static enum hm_rc fail_va(struct hm_err *err, enum hm_rc rc, const char *format, va_list args)
{
    char raw[RAW_SIZE];
    size_t raw_size;
    struct sink sink = {.out = NULL};

    HM_ASSERT(rc != HM_OK);
    if (err == NULL)
        return rc;
    /* The arguments may point into *err: nothing of it is written before they are used up. */
    format_raw(raw, &raw_size, format, args);
    err->rc = rc;
    err->has_offset = false;
    err->offset = 0;
    err->text[0] = '\0';
    sink.out = err->text;
    sink_escape(&sink, raw);
    return rc;
}

enum hm_rc hm_error_fail(struct hm_err *err, enum hm_rc rc, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    rc = fail_va(err, rc, format, args);
    va_end(args);
    return rc;
}

enum hm_rc hm_error_fail_at(struct hm_err *err, enum hm_rc rc, uint64_t offset, const char *format,
                            ...)
{
    va_list args;

    va_start(args, format);
    rc = fail_va(err, rc, format, args);
    va_end(args);
    if (err != NULL) {
        err->has_offset = true;
        err->offset = offset;
    }
    return rc;
}

enum hm_rc hm_error_prefix(struct hm_err *err, enum hm_rc rc, const char *format, ...)
{
    char raw[RAW_SIZE];
    char old[HM_ERR_TEXT_MAX];
    size_t raw_size;
    struct sink sink = {.out = NULL};
    va_list args;

    if (err == NULL) {
        HM_ASSERT(rc != HM_OK);
        return rc;
    }
    va_start(args, format);
    format_raw(raw, &raw_size, format, args);
    va_end(args);
    memcpy(old, err->text, sizeof(old));
    old[sizeof(old) - 1] = '\0';
    sink.out = err->text;
    sink_escape(&sink, raw);
    sink_escape(&sink, ": ");
    sink_escape(&sink, old); /* escaping what is escaped changes nothing */
    if (err->rc == HM_OK)
        err->rc = rc;
    HM_ASSERT(err->rc != HM_OK);
    return err->rc;
}

enum hm_rc hm_error_errno(struct hm_err *err, int errno_value, const char *format, ...)
{
    char raw[HM_ERR_TEXT_MAX];
    const char *reason = strerrordesc_np(errno_value);
    enum hm_rc rc = HM_EIO;
    va_list args;

    if (errno_value == ENOMEM)
        rc = HM_ENOMEM;
    else if (errno_value == ENOENT || errno_value == EACCES || errno_value == ENOTDIR ||
             errno_value == EISDIR)
        rc = HM_EINPUT;
    if (err == NULL)
        return rc;
    va_start(args, format);
    if (vsnprintf(raw, sizeof(raw), format, args) < 0)
        raw[0] = '\0';
    va_end(args);
    if (reason == NULL)
        return hm_error_fail(err, rc, "%s: error %d", raw, errno_value);
    return hm_error_fail(err, rc, "%s: %s", raw, reason);
}

enum hm_rc hm_error_nomem(struct hm_err *err)
{
    return hm_error_fail(err, HM_ENOMEM, "out of memory");
}

const char *hm_error_name(enum hm_rc rc)
{
    switch (rc) {
    case HM_OK:
        return "HM_OK";
    case HM_EFORMAT:
        return "HM_EFORMAT";
    case HM_ESIGNATURE:
        return "HM_ESIGNATURE";
    case HM_EMISMATCH:
        return "HM_EMISMATCH";
    case HM_EROLLBACK:
        return "HM_EROLLBACK";
    case HM_EREFUSED:
        return "HM_EREFUSED";
    case HM_ERECALLED:
        return "HM_ERECALLED";
    case HM_EUNKNOWN:
        return "HM_EUNKNOWN";
    case HM_EUSAGE:
        return "HM_EUSAGE";
    case HM_ENOTFOUND:
        return "HM_ENOTFOUND";
    case HM_ENETWORK:
        return "HM_ENETWORK";
    case HM_EEXPIRED:
        return "HM_EEXPIRED";
    case HM_ECLOCK:
        return "HM_ECLOCK";
    case HM_EBUSY:
        return "HM_EBUSY";
    case HM_EINPUT:
        return "HM_EINPUT";
    case HM_EAGAIN:
        return "HM_EAGAIN";
    case HM_ENOMEM:
        return "HM_ENOMEM";
    case HM_EIO:
        return "HM_EIO";
    case HM_EINTERNAL:
        return "HM_EINTERNAL";
    case HM_RC_COUNT_:
        break;
    }
    return "HM_E?";
}

int hm_error_exit_status(enum hm_rc rc)
{
    switch (rc) {
    case HM_OK:
        return 0;
    case HM_EFORMAT:
    case HM_ESIGNATURE:
    case HM_EMISMATCH:
    case HM_EROLLBACK:
    case HM_EREFUSED:
    case HM_ERECALLED:
    case HM_EUNKNOWN:
        return 1;
    case HM_EUSAGE:
        return 2;
    case HM_ENOTFOUND:
    case HM_ENETWORK:
    case HM_EEXPIRED:
    case HM_ECLOCK:
    case HM_EBUSY:
    case HM_EINPUT:
    case HM_EAGAIN:
        return 3;
    case HM_ENOMEM:
    case HM_EIO:
    case HM_EINTERNAL:
    case HM_RC_COUNT_:
        break;
    }
    return 4;
}
