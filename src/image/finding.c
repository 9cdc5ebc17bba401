/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of a scan (finding.h). */
#include "image/finding.h"

#include "base/reader.h"
#include "base/text.h"

#define MAGIC              "HMSCAN01"
#define FLAG_PARTIAL       1U
#define FLAG_RULES_REFUSED 2U
#define FIRST_CAPACITY     16

static const char *const kind_names[] = {
    [HM_FINDING_RULE] = "rule-match",         [HM_FINDING_DENIED] = "deny-listed",
    [HM_FINDING_PRIVATE_KEY] = "private-key", [HM_FINDING_TEST_KEY] = "test-key",
    [HM_FINDING_WEAK_KEY] = "weak-key",       [HM_FINDING_UNSIGNED] = "unsigned-executable",
    [HM_FINDING_OUTSIDE] = "code-outside",    [HM_FINDING_NOT_READ] = "not-read",
};
static const char *const severity_names[] = {
    [HM_FINDING_LOW] = "low",
    [HM_FINDING_MEDIUM] = "medium",
    [HM_FINDING_HIGH] = "high",
    [HM_FINDING_CRITICAL] = "critical",
};

const char *hm_finding_kind_name(enum hm_finding_kind kind)
{
    return kind_names[kind];
}

const char *hm_finding_severity_name(enum hm_finding_severity severity)
{
    return severity_names[severity];
}

enum hm_rc hm_finding_kind_parse(struct hm_bytes text, enum hm_finding_kind *ret_kind)
{
    for (unsigned i = 0; i < HM_FINDING_KIND_COUNT_; i++) {
        if (hm_bytes_is_str(text, kind_names[i])) {
            *ret_kind = (enum hm_finding_kind)i;
            return HM_OK;
        }
    }
    return HM_EFORMAT;
}

enum hm_rc hm_finding_severity_parse(struct hm_bytes text, enum hm_finding_severity *ret_severity)
{
    for (unsigned i = 0; i < HM_FINDING_SEVERITY_COUNT_; i++) {
        if (hm_bytes_is_str(text, severity_names[i])) {
            *ret_severity = (enum hm_finding_severity)i;
            return HM_OK;
        }
    }
    return HM_EFORMAT;
}

void hm_finding_done(struct hm_findings *findings)
{
    hm_arena_done(&findings->arena);
    *findings = (struct hm_findings)HM_FINDINGS_INIT;
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* A copy that is UTF-8 and short enough. */
static enum hm_rc copy_text(struct hm_findings *findings, struct hm_bytes text, struct hm_err *err,
                            struct hm_bytes *ret_text)
{
    size_t size = text.size < HM_FINDING_TEXT_SIZE_MAX ? text.size : HM_FINDING_TEXT_SIZE_MAX;
    struct hm_bytes bytes = hm_bytes_make(text.data, size);
    uint8_t *copy;

    *ret_text = HM_BYTES_EMPTY;
    if (size == 0)
        return HM_OK;
    copy = hm_arena_alloc(&findings->arena, size, 1);
    if (copy == NULL)
        return hm_error_nomem(err);
    memcpy(copy, bytes.data, size);
    bytes = hm_bytes_make(copy, size);
    while (text.size > size && bytes.size + 4 > size && !hm_text_is_utf8(bytes))
        bytes.size--; /* cut within a character */
    if (!hm_text_is_utf8(bytes)) {
        for (size_t i = 0; i < size; i++)
            copy[i] = copy[i] < 0x80 ? copy[i] : '?';
        bytes.size = size;
    }
    for (size_t i = 0; i < bytes.size; i++)
        copy[i] = copy[i] == 0 ? ' ' : copy[i];
    *ret_text = bytes;
    return HM_OK;
}

static enum hm_rc grow(struct hm_findings *findings, void **items, size_t count, size_t *capacity,
                       size_t size, struct hm_err *err)
{
    size_t grown = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *moved;

    if (count < *capacity)
        return HM_OK;
    moved = hm_arena_grow(&findings->arena, *items, *capacity * size, grown * size);
    if (moved == NULL)
        return hm_error_nomem(err);
    *items = moved;
    *capacity = grown;
    return HM_OK;
}

static bool is_same(const struct hm_finding *a, const struct hm_finding *b)
{
    return a->kind == b->kind && hm_digest_is_equal(&a->sha256, &b->sha256) &&
           hm_bytes_is_equal(a->rule, b->rule);
}

enum hm_rc hm_finding_set_partial(struct hm_findings *findings, const char *why, struct hm_err *err)
{
    findings->is_partial = true;
    return findings->why.size > 0 ? HM_OK
                                  : copy_text(findings, hm_bytes_str(why), err, &findings->why);
}

enum hm_rc hm_finding_add(struct hm_findings *findings, const struct hm_finding *finding,
                          struct hm_err *err)
{
    struct hm_finding copy = *finding;
    void *items = findings->items;

    HM_TRY(copy_text(findings, finding->rule, err, &copy.rule));
    for (size_t i = 0; i < findings->count; i++) {
        if (is_same(&findings->items[i], &copy))
            return HM_OK;
    }
    if (findings->count == HM_FINDING_COUNT_MAX)
        return hm_finding_set_partial(findings, "more findings than can be listed", err);
    HM_TRY(copy_text(findings, finding->detail, err, &copy.detail));
    HM_TRY(grow(findings, &items, findings->count, &findings->capacity, sizeof(copy), err));
    findings->items = items;
    findings->items[findings->count++] = copy;
    return HM_OK;
}

enum hm_rc hm_finding_add_certificate(struct hm_findings *findings,
                                      const struct hm_finding_certificate *certificate,
                                      struct hm_err *err)
{
    struct hm_finding_certificate copy = *certificate;
    void *items = findings->certificates;

    if (findings->certificate_count == HM_FINDING_CERTIFICATE_COUNT_MAX)
        return hm_finding_set_partial(findings, "more certificates than can be listed", err);
    HM_TRY(copy_text(findings, certificate->subject, err, &copy.subject));
    HM_TRY(grow(findings, &items, findings->certificate_count, &findings->certificate_capacity,
                sizeof(copy), err));
    findings->certificates = items;
    findings->certificates[findings->certificate_count++] = copy;
    return HM_OK;
}

enum hm_rc hm_finding_id(const struct hm_finding *finding, struct hm_err *err,
                         char ret_id[HM_FINDING_ID_SIZE])
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(2 * HM_FINDING_TEXT_SIZE_MAX);
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;

    hm_text_hex(hm_bytes_make(finding->sha256.bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_fmt(&text, err, "hallmark/finding v1\n%s\n%s\n",
                             hm_finding_kind_name(finding->kind), hex));
    HM_TRY(hm_buf_append(&text, finding->rule, err));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&text), err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(ret_id, HM_FINDING_ID_SIZE, "%.32s", hex);
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum hm_rc put(struct hm_buf *buf, uint64_t value, size_t size, struct hm_err *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i) & 0xff);
    return hm_buf_append(buf, hm_bytes_make(bytes, size), err);
}

static enum hm_rc put_text(struct hm_buf *buf, struct hm_bytes text, struct hm_err *err)
{
    HM_TRY(put(buf, text.size, 2, err)); /* at most HM_FINDING_TEXT_SIZE_MAX */
    return hm_buf_append(buf, text, err);
}

static enum hm_rc put_digest(struct hm_buf *buf, const struct hm_sha256 *sha256, struct hm_err *err)
{
    return hm_buf_append(buf, hm_bytes_make(sha256->bytes, HM_SHA256_SIZE), err);
}

enum hm_rc hm_finding_write(const struct hm_findings *findings, struct hm_err *err,
                            struct hm_buf *ret_buf)
{
    HM_TRY(hm_buf_append_str(ret_buf, MAGIC, err));
    HM_TRY(put(ret_buf,
               (findings->is_partial ? FLAG_PARTIAL : 0) |
                   (findings->rules_refused ? FLAG_RULES_REFUSED : 0),
               4, err));
    HM_TRY(put_text(ret_buf, findings->why, err));
    HM_TRY(put(ret_buf, findings->count, 4, err));
    for (size_t i = 0; i < findings->count; i++) {
        const struct hm_finding *finding = &findings->items[i];

        HM_TRY(put(ret_buf, finding->kind, 1, err));
        HM_TRY(put(ret_buf, finding->severity, 1, err));
        HM_TRY(put(ret_buf, finding->node, 4, err));
        HM_TRY(put(ret_buf, finding->offset, 8, err));
        HM_TRY(put_digest(ret_buf, &finding->sha256, err));
        HM_TRY(put_text(ret_buf, finding->rule, err));
        HM_TRY(put_text(ret_buf, finding->detail, err));
    }
    HM_TRY(put(ret_buf, findings->certificate_count, 4, err));
    for (size_t i = 0; i < findings->certificate_count; i++) {
        const struct hm_finding_certificate *certificate = &findings->certificates[i];

        HM_TRY(put(ret_buf, certificate->node, 4, err));
        HM_TRY(put(ret_buf, certificate->offset, 8, err));
        HM_TRY(put_digest(ret_buf, &certificate->sha256, err));
        HM_TRY(put_digest(ret_buf, &certificate->key_sha256, err));
        HM_TRY(put_text(ret_buf, certificate->subject, err));
    }
    return HM_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct in {
    struct hm_rd rd;
    const struct hm_image *image;
    struct hm_findings *findings;
    struct hm_err *err;
};

static enum hm_rc broken(const struct in *in, const char *what)
{
    return hm_fail_at(in->err, HM_EFORMAT, in->rd.offset, "findings of a scan: %s", what);
}

static enum hm_rc take_text(struct in *in, struct hm_bytes *ret_text)
{
    size_t size = hm_reader_le16(&in->rd);
    struct hm_bytes text = hm_reader_take(&in->rd, size);

    if (hm_reader_failed(&in->rd) || size > HM_FINDING_TEXT_SIZE_MAX || !hm_text_is_utf8(text) ||
        (size > 0 && memchr(text.data, 0, size) != NULL))
        return broken(in, "a text that is none");
    *ret_text = text;
    return HM_OK;
}

static enum hm_rc take_digest(struct in *in, struct hm_sha256 *ret_sha256)
{
    struct hm_bytes bytes = hm_reader_take(&in->rd, HM_SHA256_SIZE);

    if (hm_reader_failed(&in->rd))
        return broken(in, "cut off");
    memcpy(ret_sha256->bytes, bytes.data, HM_SHA256_SIZE);
    return HM_OK;
}

static enum hm_rc take_place(struct in *in, uint32_t *ret_node, uint64_t *ret_offset)
{
    uint32_t node = hm_reader_le32(&in->rd);
    uint64_t offset = hm_reader_le64(&in->rd);

    if (hm_reader_failed(&in->rd) || node >= in->image->node_count ||
        offset > in->image->space_sizes[in->image->nodes[node].space])
        return broken(in, "a place that the image has not");
    *ret_node = node;
    *ret_offset = offset;
    return HM_OK;
}

static enum hm_rc take_finding(struct in *in)
{
    size_t before = in->findings->count;
    struct hm_finding finding = {.node = 0};
    uint8_t kind = hm_reader_u8(&in->rd);
    uint8_t severity = hm_reader_u8(&in->rd);

    if (kind >= HM_FINDING_KIND_COUNT_ || severity >= HM_FINDING_SEVERITY_COUNT_)
        return broken(in, "an unknown kind");
    finding.kind = (enum hm_finding_kind)kind;
    finding.severity = (enum hm_finding_severity)severity;
    HM_TRY(take_place(in, &finding.node, &finding.offset));
    HM_TRY(take_digest(in, &finding.sha256));
    HM_TRY(take_text(in, &finding.rule));
    HM_TRY(take_text(in, &finding.detail));
    HM_TRY(hm_finding_add(in->findings, &finding, in->err));
    return in->findings->count == before + 1 ? HM_OK : broken(in, "a finding stands twice");
}

static enum hm_rc take_certificate(struct in *in)
{
    struct hm_finding_certificate certificate = {.node = 0};

    HM_TRY(take_place(in, &certificate.node, &certificate.offset));
    HM_TRY(take_digest(in, &certificate.sha256));
    HM_TRY(take_digest(in, &certificate.key_sha256));
    HM_TRY(take_text(in, &certificate.subject));
    return hm_finding_add_certificate(in->findings, &certificate, in->err);
}

static enum hm_rc take_all(struct in *in)
{
    struct hm_bytes magic = hm_reader_take(&in->rd, 8);
    uint32_t flags = hm_reader_le32(&in->rd);
    struct hm_bytes why;
    uint32_t count;

    if (hm_reader_failed(&in->rd) || !hm_bytes_is_str(magic, MAGIC) ||
        (flags & ~(FLAG_PARTIAL | FLAG_RULES_REFUSED)) != 0)
        return broken(in, "another form");
    HM_TRY(take_text(in, &why));
    if ((flags == 0) != (why.size == 0))
        return broken(in, "partial without a reason");
    HM_TRY(copy_text(in->findings, why, in->err, &in->findings->why));
    in->findings->rules_refused = (flags & FLAG_RULES_REFUSED) != 0;
    count = hm_reader_le32(&in->rd);
    if (hm_reader_failed(&in->rd) || count > HM_FINDING_COUNT_MAX)
        return broken(in, "too many findings");
    for (uint32_t i = 0; i < count; i++)
        HM_TRY(take_finding(in));
    count = hm_reader_le32(&in->rd);
    if (hm_reader_failed(&in->rd) || count > HM_FINDING_CERTIFICATE_COUNT_MAX)
        return broken(in, "too many certificates");
    for (uint32_t i = 0; i < count; i++)
        HM_TRY(take_certificate(in));
    in->findings->is_partial = (flags & FLAG_PARTIAL) != 0;
    return hm_reader_left(&in->rd) == 0 ? HM_OK : broken(in, "bytes behind the last");
}

enum hm_rc hm_finding_parse(struct hm_bytes bytes, const struct hm_image *image, struct hm_err *err,
                            struct hm_findings *ret_findings)
{
    struct hm_findings findings = HM_FINDINGS_INIT;
    struct in in = {.rd = hm_reader_make(bytes), .image = image, .findings = &findings, .err = err};
    enum hm_rc rc = take_all(&in);

    if (rc != HM_OK) {
        hm_finding_done(&findings);
        return rc;
    }
    *ret_findings = findings;
    return HM_OK;
}
