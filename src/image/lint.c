/* SPDX-License-Identifier: Apache-2.0 */
/* The lint of an image (lint.h). */
#include "image/lint.h"

#include "base/text.h"
#include "image/certificate.h"
#include "image/search.h"

#define RSA_BITS_MIN 2048
#define PEM_BEGIN    "-----BEGIN "
#define PEM_PRIVATE  "PRIVATE KEY-----"
/* "-----BEGIN ENCRYPTED PRIVATE KEY-----" is the longest that is known. */
#define PEM_LINE_MAX 48
/* A key has more base64 behind its first line; a program that writes keys has none. */
#define PEM_BODY_MIN 32

struct lint {
    struct hm_walk *walk;
    const struct hm_image *image;
    struct hm_findings *findings;
    struct hm_err *err;
};

uint32_t hm_lint_node_at(const struct hm_image *image, uint32_t space, uint64_t offset)
{
    uint32_t found = HM_IMAGE_NONE;

    for (uint32_t i = 0; i < image->node_count; i++) {
        const struct hm_image_node *node = &image->nodes[i];

        if (node->space == space && offset >= node->offset && offset - node->offset < node->size &&
            (found == HM_IMAGE_NONE || node->depth >= image->nodes[found].depth))
            found = i;
    }
    return found == HM_IMAGE_NONE ? 0 : found;
}

enum hm_rc hm_lint_add(struct hm_walk *walk, struct hm_findings *findings,
                       const struct hm_finding *finding, struct hm_err *err)
{
    const struct hm_image_node *node = &hm_walk_image(walk)->nodes[finding->node];
    struct hm_finding copy = *finding;

    copy.sha256 = node->sha256;
    if (!node->has_sha256)
        HM_TRY(hm_digest_sha256(hm_walk_bytes(walk, finding->node), err, &copy.sha256));
    return hm_finding_add(findings, &copy, err);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static enum hm_rc add_certificate(struct lint *lint, uint32_t space, size_t offset,
                                  const struct hm_certificate *certificate)
{
    char hex[HM_SHA256_HEX_SIZE], rule[48], detail[2 * HM_CERTIFICATE_NAME_SIZE_MAX];
    struct hm_finding_certificate told = {.offset = offset,
                                          .subject = hm_bytes_str(certificate->subject)};
    struct hm_finding finding = {.offset = offset};

    finding.node = told.node = hm_lint_node_at(lint->image, space, offset);
    HM_TRY(hm_digest_sha256(certificate->raw, lint->err, &told.sha256));
    HM_TRY(hm_digest_sha256(certificate->key, lint->err, &told.key_sha256));
    HM_TRY(hm_finding_add_certificate(lint->findings, &told, lint->err));
    hm_text_hex(hm_bytes_make(told.sha256.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(rule, sizeof(rule), "certificate %.32s", hex);
    finding.rule = hm_bytes_str(rule);
    if (hm_certificate_is_test_name(certificate->subject) ||
        hm_certificate_is_test_name(certificate->issuer)) {
        (void)snprintf(detail, sizeof(detail), "subject '%.200s', issuer '%.200s'",
                       certificate->subject, certificate->issuer);
        finding.kind = HM_FINDING_TEST_KEY;
        finding.severity = HM_FINDING_CRITICAL;
        finding.detail = hm_bytes_str(detail);
        HM_TRY(hm_lint_add(lint->walk, lint->findings, &finding, lint->err));
    }
    if (certificate->rsa_bits == 0 || certificate->rsa_bits >= RSA_BITS_MIN)
        return HM_OK;
    (void)snprintf(detail, sizeof(detail), "RSA of %zu bits, subject '%.200s'",
                   certificate->rsa_bits, certificate->subject);
    finding.kind = HM_FINDING_WEAK_KEY;
    finding.severity = HM_FINDING_MEDIUM;
    finding.detail = hm_bytes_str(detail);
    return hm_lint_add(lint->walk, lint->findings, &finding, lint->err);
}

static enum hm_rc find_certificates(struct lint *lint, uint32_t space)
{
    struct hm_bytes bytes = hm_walk_space(lint->walk, space);
    size_t offset = 0;

    while (hm_certificate_search(bytes, &offset)) {
        struct hm_certificate certificate;

        if (hm_certificate_parse(hm_bytes_make(bytes.data + offset, bytes.size - offset),
                                 &certificate) != HM_OK) {
            offset++;
            continue;
        }
        HM_TRY(add_certificate(lint, space, offset, &certificate));
        offset += certificate.raw.size;
    }
    return HM_OK;
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
}

/* Is there a key's text, and not only words of a program that reads keys? Headers of the older
 * form ("Proc-Type: ...") stand before it. */
static bool has_pem_body(struct hm_bytes bytes, size_t at)
{
    size_t line = 0, end = at + 512 < bytes.size ? at + 512 : bytes.size;

    for (; at < end && bytes.data[at] != '-'; at++) {
        line = is_base64(bytes.data[at]) ? line + 1 : 0;
        if (line == PEM_BODY_MIN)
            return true;
    }
    return false;
}

static enum hm_rc find_private_keys(struct lint *lint, uint32_t space)
{
    struct hm_bytes bytes = hm_walk_space(lint->walk, space);
    size_t at = 0;

    while (at < bytes.size) {
        const uint8_t *begin =
            memmem(bytes.data + at, bytes.size - at, PEM_BEGIN, sizeof(PEM_BEGIN) - 1);
        struct hm_finding finding = {.kind = HM_FINDING_PRIVATE_KEY,
                                     .severity = HM_FINDING_CRITICAL,
                                     .rule = HM_BYTES_LITERAL("PEM private key")};
        const uint8_t *private;
        size_t offset, left;

        if (begin == NULL)
            return HM_OK;
        offset = (size_t)(begin - bytes.data);
        at = offset + 1;
        left = bytes.size - offset < PEM_LINE_MAX ? bytes.size - offset : PEM_LINE_MAX;
        private = memmem(begin, left, PEM_PRIVATE, sizeof(PEM_PRIVATE) - 1);
        if (private == NULL ||
            !has_pem_body(bytes, (size_t)(private - bytes.data) + sizeof(PEM_PRIVATE) - 1))
            continue;
        finding.node = hm_lint_node_at(lint->image, space, offset);
        finding.offset = offset;
        finding.detail = hm_bytes_make(begin + 5, (size_t)(private - begin) + 6);
        HM_TRY(hm_lint_add(lint->walk, lint->findings, &finding, lint->err));
    }
    return HM_OK;
}

/* ---- executables ----------------------------------------------------------------------------- */

static bool is_pad(const struct hm_image *image, uint32_t node)
{
    const struct hm_image_fact *type = hm_image_find_fact(image, node, HM_FACT_TYPE);

    return image->nodes[node].kind == HM_IMAGE_VOLUME_FILE && type != NULL &&
           hm_bytes_is_str(type->text, "pad");
}

/* The volume or option ROM that holds it. */
static uint32_t holder_of(const struct hm_image *image, uint32_t node)
{
    do {
        node = image->nodes[node].parent;
    } while (node != HM_IMAGE_NONE && image->nodes[node].kind != HM_IMAGE_VOLUME &&
             image->nodes[node].kind != HM_IMAGE_OPTION_ROM);
    return node;
}

/* Where one executable of a volume or ROM is signed, all of them should be. TE images cannot be. */
static enum hm_rc find_unsigned(struct lint *lint)
{
    const struct hm_image *image = lint->image;
    _hm_free_(free) char *is_signed = calloc(image->node_count, sizeof(*is_signed));

    if (is_signed == NULL)
        return hm_error_nomem(lint->err);
    for (uint32_t i = 0; i < image->node_count; i++) {
        uint32_t holder = holder_of(image, i);

        if (image->nodes[i].kind == HM_IMAGE_PE && holder != HM_IMAGE_NONE &&
            hm_image_find_fact(image, i, HM_FACT_SIGNATURE_SIZE) != NULL)
            is_signed[holder] = 1;
    }
    for (uint32_t i = 0; i < image->node_count; i++) {
        uint32_t holder = holder_of(image, i);
        struct hm_finding finding = {.kind = HM_FINDING_UNSIGNED,
                                     .severity = HM_FINDING_HIGH,
                                     .node = i,
                                     .offset = image->nodes[i].offset};

        if (image->nodes[i].kind != HM_IMAGE_PE || holder == HM_IMAGE_NONE ||
            is_signed[holder] == 0 || hm_image_find_fact(image, i, HM_FACT_SIGNATURE_SIZE) != NULL)
            continue;
        finding.detail = hm_bytes_str("others beside it are signed, this one is not");
        HM_TRY(hm_lint_add(lint->walk, lint->findings, &finding, lint->err));
    }
    return HM_OK;
}

/* NULL: an executable belongs there. */
static const char *place_name(const struct hm_image *image, uint32_t node)
{
    switch (image->nodes[node].kind) {
    case HM_IMAGE_VARIABLES:
        return "in the storage of variables";
    case HM_IMAGE_FREE_SPACE:
        return "in free space";
    case HM_IMAGE_VOLUME_FILE:
        return is_pad(image, node) ? "in a file that is padding" : NULL;
    case HM_IMAGE_VOLUME:
    case HM_IMAGE_FLASH:
    case HM_IMAGE_REGION:
    case HM_IMAGE_FILE:
        return "between the known parts";
    default:
        return NULL;
    }
}

static enum hm_rc add_outside(struct lint *lint, uint32_t node, uint64_t offset, const char *what,
                              const char *where)
{
    char detail[128];
    struct hm_finding finding = {
        .kind = HM_FINDING_OUTSIDE, .severity = HM_FINDING_HIGH, .node = node, .offset = offset};

    (void)snprintf(detail, sizeof(detail), "%s %s", what, where);
    finding.rule = hm_bytes_str(what);
    finding.detail = hm_bytes_str(detail);
    return hm_lint_add(lint->walk, lint->findings, &finding, lint->err);
}

static const char *executable_name(enum hm_image_kind kind)
{
    return kind == HM_IMAGE_PE ? "PE image" : "option ROM";
}

/* What the walk does not look into: variables, what says to be free, padding with something. */
static enum hm_rc search_leaf(struct lint *lint, uint32_t node)
{
    const struct hm_image_node *of = &lint->image->nodes[node];
    const char *where = place_name(lint->image, node);
    struct hm_search search;
    struct hm_search_hit hit;

    if (of->first_child != HM_IMAGE_NONE || of->size == 0 || where == NULL ||
        (of->kind != HM_IMAGE_VARIABLES && of->kind != HM_IMAGE_FREE_SPACE &&
         !is_pad(lint->image, node)))
        return HM_OK;
    search = hm_search_make(hm_walk_bytes(lint->walk, node), false);
    while (hm_search_next(&search, &hit)) {
        if (hit.format != NULL &&
            (hit.format->kind == HM_IMAGE_PE || hit.format->kind == HM_IMAGE_OPTION_ROM))
            HM_TRY(add_outside(lint, node, of->offset + hit.offset,
                               executable_name(hit.format->kind), where));
    }
    return HM_OK;
}

static enum hm_rc find_outside(struct lint *lint)
{
    const struct hm_image *image = lint->image;
    bool has_regions = false;

    for (uint32_t i = 0; i < image->node_count; i++)
        has_regions = has_regions || image->nodes[i].kind == HM_IMAGE_VOLUME ||
                      image->nodes[i].kind == HM_IMAGE_FLASH;
    if (!has_regions)
        return HM_OK; /* whatever it is, it has no place where none belongs */
    for (uint32_t i = 0; i < image->node_count; i++) {
        const struct hm_image_node *node = &image->nodes[i];
        uint32_t above = node->parent;
        const char *where;

        HM_TRY(search_leaf(lint, i));
        if (node->kind != HM_IMAGE_PE && node->kind != HM_IMAGE_OPTION_ROM)
            continue;
        while (above != HM_IMAGE_NONE && image->nodes[above].kind == HM_IMAGE_DATA)
            above = image->nodes[above].parent;
        where = above == HM_IMAGE_NONE ? NULL : place_name(image, above);
        if (where != NULL)
            HM_TRY(add_outside(lint, i, node->offset, executable_name(node->kind), where));
    }
    return HM_OK;
}

enum hm_rc hm_lint_run(struct hm_walk *walk, struct hm_err *err, struct hm_findings *findings)
{
    struct lint lint = {
        .walk = walk, .image = hm_walk_image(walk), .findings = findings, .err = err};

    for (uint32_t space = 0; space < lint.image->space_count; space++) {
        HM_TRY(find_private_keys(&lint, space));
        HM_TRY(find_certificates(&lint, space));
    }
    HM_TRY(find_unsigned(&lint));
    return find_outside(&lint);
}
