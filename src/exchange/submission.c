/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's signed release on its way to a site (docs/formats.md 6): everything before the images
 * is verified before a byte of them is read. */
#include "exchange/submission.h"

#include "base/json_writer.h"
#include "base/num.h"
#include "base/text.h"
#include "exchange/claim.h"
#include "exchange/parts.h"

#define SCHEMA   "hallmark/submission/1"
#define IMAGES   "images/"
#define PRODUCTS "maker/"
#define SUFFIX   ".json"

/* ---- rules of maker~ID ---------------------------------------------------------------------- */

static enum hm_rc check_custom(const struct hm_target *target, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_LAYOUT_CUSTOM_SIZE_MAX);
    struct hm_json json;
    struct hm_bytes key;
    enum hm_rc rc;
    bool more;

    if (target->custom.size == 0)
        return HM_OK;
    rc = hm_json_canonicalise(target->custom, err, &canonical);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%.*s': custom", HM_BYTES_FMT(target->path));
    hm_json_init(&json, target->custom, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "vendor"))
            return hm_fail(err, HM_EFORMAT,
                           "'%.*s': custom has a member \"vendor\", which is the site's alone",
                           HM_BYTES_FMT(target->path));
        HM_TRY(hm_json_skip(&json, err, NULL));
    }
}

static enum hm_rc check_target(const struct hm_target *target, const char *maker,
                               struct hm_err *err)
{
    struct hm_path path;

    HM_TRY(hm_layout_parse_path(target->path, err, &path));
    if (!hm_bytes_is_str(path.id, maker))
        return hm_fail(err, HM_EMISMATCH, "'%.*s': maker '%s' may not speak for this path",
                       HM_BYTES_FMT(target->path), maker);
    if (!target->facts.has_sha256)
        return hm_fail(err, HM_EFORMAT, "'%.*s': it has no SHA-256", HM_BYTES_FMT(target->path));
    if (target->facts.length > HM_SUBMISSION_IMAGE_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "'%.*s': larger than %llu bytes",
                       HM_BYTES_FMT(target->path),
                       (unsigned long long)HM_SUBMISSION_IMAGE_SIZE_MAX);
    return check_custom(target, err);
}

static uint8_t fold(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static int compare_folded(const void *a, const void *b)
{
    const struct hm_bytes *left = &(*(const struct hm_target *const *)a)->path;
    const struct hm_bytes *right = &(*(const struct hm_target *const *)b)->path;
    size_t common = left->size < right->size ? left->size : right->size;

    for (size_t i = 0; i < common; i++) {
        uint8_t x = fold(left->data[i]);
        uint8_t y = fold(right->data[i]);

        if (x != y)
            return x < y ? -1 : 1;
    }
    return left->size < right->size ? -1 : left->size > right->size;
}

/* Two names that a file system may take for one. */
static enum hm_rc check_case(const struct hm_targets *targets, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_target **sorted =
        hm_arena_alloc(&arena, targets->target_count, sizeof(sorted[0]));

    if (sorted == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < targets->target_count; i++)
        sorted[i] = &targets->targets[i];
    if (targets->target_count > 1)
        qsort(sorted, targets->target_count, sizeof(sorted[0]), compare_folded);
    for (size_t i = 1; i < targets->target_count; i++) {
        if (compare_folded(&sorted[i - 1], &sorted[i]) == 0)
            return hm_fail(err, HM_EFORMAT, "'%.*s' and '%.*s' differ in case only",
                           HM_BYTES_FMT(sorted[i - 1]->path), HM_BYTES_FMT(sorted[i]->path));
    }
    return HM_OK;
}

/* Made by this maker, for this site, under this identity. */
static enum hm_rc check_claim(const char *role, const struct hm_targets *targets, const char *site,
                              const struct hm_identity *identity, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_claim claim;

    HM_TRY(hm_claim_parse(targets->document.x_hallmark, &arena, err, &claim));
    if (claim.site == NULL || claim.maker == NULL || claim.identity_version == 0)
        return hm_fail(err, HM_EFORMAT, "%s: \"x-hallmark\" lacks one of site, maker, identity",
                       role);
    if (strcmp(claim.maker, identity->maker) != 0)
        return hm_fail(err, HM_EMISMATCH, "%s: it was made by maker '%s'", role, claim.maker);
    if (site != NULL && strcmp(claim.site, site) != 0)
        return hm_fail(err, HM_EMISMATCH, "%s: it was made for site '%s', not for '%s'", role,
                       claim.site, site);
    if (claim.identity_version != identity->version ||
        !hm_digest_is_equal(&claim.identity_sha256, &identity->sha256))
        return hm_fail(err, HM_EMISMATCH,
                       "%s: it was made under identity version %lld, not under the newest, "
                       "version %lld; the maker must make it again",
                       role, (long long)claim.identity_version, (long long)identity->version);
    return HM_OK;
}

static enum hm_rc check_files(const struct hm_targets *targets, const char *maker,
                              struct hm_err *err)
{
    for (size_t i = 0; i < targets->target_count; i++)
        HM_TRY(check_target(&targets->targets[i], maker, err));
    return check_case(targets, err);
}

enum hm_rc hm_submission_check_targets(const struct hm_targets *targets, const char *site,
                                       const struct hm_identity *identity, struct hm_err *err)
{
    struct hm_delegated_role role = {.keys = identity->keys};
    char name[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_maker_role(hm_bytes_str(identity->maker), name);
    role.name = hm_bytes_str(name);
    HM_TRY(check_claim(name, targets, site, identity, err));
    if (targets->has_delegations && targets->delegations.role_count == 0)
        return hm_fail(err, HM_EFORMAT, "%s: it has delegations, but to nobody", name);
    HM_TRY(hm_partition_check(&role, targets, err));
    return check_files(targets, identity->maker, err);
}

enum hm_rc hm_submission_check_product(const char *role, const struct hm_targets *targets,
                                       const char *site, const struct hm_identity *identity,
                                       struct hm_err *err)
{
    HM_TRY(check_claim(role, targets, site, identity, err));
    HM_TRY(hm_partition_check_product(hm_bytes_str(role), targets, err));
    return check_files(targets, identity->maker, err);
}

/* ---- submission.json ------------------------------------------------------------------------ */

static enum hm_rc read_id(struct hm_json *json, struct hm_submission *submission,
                          struct hm_err *err, const char **ret_id)
{
    struct hm_bytes text;
    char *copy;
    enum hm_rc rc;

    HM_TRY(hm_json_string(json, err, &text));
    rc = hm_layout_check_id(text, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "submission.json");
    copy = hm_arena_strdup(&submission->arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_id = copy;
    return HM_OK;
}

static enum hm_rc read_head(struct hm_bytes raw, struct hm_submission *submission,
                            struct hm_err *err)
{
    bool has_schema = false;
    int64_t count = -1;
    struct hm_json json;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    hm_json_init(&json, raw, &submission->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema")) {
            HM_TRY(hm_json_string(&json, err, &text));
            if (!hm_bytes_is_str(text, SCHEMA))
                return hm_fail(err, HM_EFORMAT, "submission.json: schema is '%.*s', not '%s'",
                               HM_BYTES_FMT(text), SCHEMA);
            has_schema = true;
        } else if (hm_bytes_is_str(key, "site")) {
            HM_TRY(read_id(&json, submission, err, &submission->site));
        } else if (hm_bytes_is_str(key, "maker")) {
            HM_TRY(read_id(&json, submission, err, &submission->maker));
        } else if (hm_bytes_is_str(key, "images")) {
            HM_TRY(hm_json_int(&json, err, &count));
        } else {
            return hm_fail(err, HM_EFORMAT, "submission.json: unknown member '%.*s'",
                           HM_BYTES_FMT(key));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    if (!has_schema || submission->site == NULL || submission->maker == NULL || count < 0)
        return hm_fail(err, HM_EFORMAT,
                       "submission.json: it lacks one of schema, site, maker, images");
    if (count > HM_SUBMISSION_IMAGE_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "submission.json: more than %d images",
                       HM_SUBMISSION_IMAGE_COUNT_MAX);
    submission->image_count = (uint32_t)count;
    return HM_OK;
}

/* ---- the archive's head --------------------------------------------------------------------- */

/* The member the reader stands at, whole, in the arena. */
static enum hm_rc read_member(struct hm_ustar_reader *reader, struct hm_submission *submission,
                              const char *name, uint64_t size, size_t size_max, struct hm_err *err,
                              struct hm_bytes *ret_bytes)
{
    struct hm_buf buf = HM_BUF_INIT(size_max);
    enum hm_rc rc;

    if (size > size_max)
        return hm_fail(err, HM_EFORMAT, "submission: '%s' is larger than %zu bytes", name,
                       size_max);
    rc = hm_ustar_reader_read_all(reader, err, &buf);
    if (rc == HM_OK)
        rc = hm_arena_copy(&submission->arena, hm_buf_bytes(&buf), err, ret_bytes);
    hm_buf_done(&buf);
    return rc;
}

/* Verifies and keeps the next version of the chain. */
static enum hm_rc add_identity(struct hm_submission *submission, struct hm_bytes raw,
                               struct hm_err *err)
{
    struct hm_identity *next = NULL;
    enum hm_rc rc;

    if (submission->identities == NULL)
        submission->identities = hm_arena_alloc(&submission->arena, HM_IDENTITY_VERSION_MAX,
                                                sizeof(submission->identities[0]));
    if (submission->identities == NULL)
        return hm_error_nomem(err);
    rc = submission->identity == NULL
             ? hm_identity_verify_first(raw, err, &next)
             : hm_identity_verify_next(submission->identity, raw, err, &next);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "submission: identity/%zu.identity",
                               submission->identity_count + 1);
    hm_identity_free(submission->identity);
    submission->identity = next;
    submission->identities[submission->identity_count++] = raw;
    if (strcmp(next->maker, submission->maker) != 0)
        return hm_fail(err, HM_EMISMATCH, "submission of maker '%s': its identity is of '%s'",
                       submission->maker, next->maker);
    return HM_OK;
}

static enum hm_rc verify_targets(struct hm_submission *submission, int64_t now_unix_s,
                                 struct hm_err *err)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_signed document;
    enum hm_rc rc;

    hm_layout_maker_role(hm_bytes_str(submission->maker), role);
    rc = hm_envelope_parse(submission->maker_raw, err, &submission->envelope);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "submission: maker.json");
    HM_TRY(hm_envelope_verify(submission->envelope, &submission->identity->keys, role, err,
                              &document));
    rc = hm_targets_parse(document, err, &submission->targets);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "submission: maker.json");
    HM_TRY(hm_document_check_expiry(&submission->targets->document, now_unix_s, role, err));
    rc = hm_submission_check_targets(submission->targets, submission->site, submission->identity,
                                     err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "submission");
}

/* ---- products ------------------------------------------------------------------------------- */

static enum hm_rc add_product(struct hm_submission *submission, struct hm_err *err,
                              struct hm_submission_product **ret_product)
{
    if (submission->product_count == submission->product_capacity) {
        size_t capacity = submission->product_capacity == 0 ? 8 : 2 * submission->product_capacity;
        struct hm_submission_product *grown =
            reallocarray(submission->products, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        submission->products = grown;
        submission->product_capacity = capacity;
    }
    *ret_product = &submission->products[submission->product_count];
    **ret_product = (struct hm_submission_product){.role = NULL};
    return HM_OK;
}

static enum hm_rc verify_product(struct hm_submission *submission, int64_t now_unix_s,
                                 struct hm_submission_product *product, struct hm_err *err)
{
    const struct hm_delegated_role *delegation;
    char above[HM_LAYOUT_ROLE_SIZE_MAX], role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_signed document;

    hm_layout_maker_role(hm_bytes_str(submission->maker), above);
    hm_partition_role(hm_bytes_str(above), hm_bytes_str(product->product), role);
    product->role = hm_arena_strdup(&submission->arena, hm_bytes_str(role));
    if (product->role == NULL)
        return hm_error_nomem(err);
    delegation =
        hm_partition_find(hm_bytes_str(above), submission->targets, hm_bytes_str(product->product));
    if (delegation == NULL)
        return hm_fail(err, HM_EFORMAT, "maker.json does not delegate to '%s'", role);
    HM_TRY(hm_envelope_parse(product->raw, err, &product->envelope));
    HM_TRY(hm_envelope_verify(product->envelope, &delegation->keys, role, err, &document));
    HM_TRY(hm_targets_parse(document, err, &product->targets));
    HM_TRY(hm_document_check_expiry(&product->targets->document, now_unix_s, role, err));
    return hm_submission_check_product(role, product->targets, submission->site,
                                       submission->identity, err);
}

/* "maker/PRODUCT.json"; *ret_product empty: another member. */
static enum hm_rc parse_product_name(const struct hm_submission *submission, const char *name,
                                     struct hm_err *err, struct hm_bytes *ret_product)
{
    const struct hm_bytes prefix = HM_BYTES_LITERAL(PRODUCTS);
    struct hm_bytes product = hm_bytes_str(name);

    *ret_product = HM_BYTES_EMPTY;
    if (!hm_bytes_has_prefix(product, prefix))
        return HM_OK;
    product.data += prefix.size;
    product.size -= prefix.size;
    if (product.size <= strlen(SUFFIX) ||
        memcmp(product.data + product.size - strlen(SUFFIX), SUFFIX, strlen(SUFFIX)) != 0)
        return hm_fail(err, HM_EFORMAT, "submission: '%s' has no place in it", name);
    product.size -= strlen(SUFFIX);
    if (!hm_text_is_name(product))
        return hm_fail(err, HM_EFORMAT, "submission: '%s': no product's name", name);
    if (submission->product_count > 0 &&
        hm_bytes_compare(hm_bytes_str(submission->products[submission->product_count - 1].product),
                         product) >= 0)
        return hm_fail(err, HM_EFORMAT, "submission: '%s' stands twice or out of order", name);
    *ret_product = product;
    return HM_OK;
}

static enum hm_rc take_product(struct hm_ustar_reader *reader, int64_t now_unix_s,
                               struct hm_submission *submission, struct hm_bytes name,
                               uint64_t size, struct hm_err *err)
{
    struct hm_submission_product *product = NULL;
    char member[HM_TEXT_NAME_SIZE_MAX + 32];
    const char *copy = hm_arena_strdup(&submission->arena, name);
    enum hm_rc rc;

    if (copy == NULL)
        return hm_error_nomem(err);
    (void)snprintf(member, sizeof(member), PRODUCTS "%s" SUFFIX, copy);
    HM_TRY(add_product(submission, err, &product));
    product->product = copy;
    HM_TRY(read_member(reader, submission, member, size, HM_DOCUMENT_TARGETS_SIZE_MAX, err,
                       &product->raw));
    submission->product_count++; /* half verified ones are freed too */
    submission->documents_size += product->raw.size;
    if (submission->documents_size > HM_SUBMISSION_DOCUMENTS_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "submission: its documents are larger than %d bytes",
                       HM_SUBMISSION_DOCUMENTS_SIZE_MAX);
    rc = verify_product(submission, now_unix_s, product, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "submission: %s", member);
}

static enum hm_rc merge_content(struct hm_submission *submission, struct hm_err *err)
{
    const struct hm_targets **documents =
        hm_arena_alloc(&submission->arena, submission->product_count + 1, sizeof(documents[0]));

    if (documents == NULL)
        return hm_error_nomem(err);
    documents[0] = submission->targets;
    for (size_t i = 0; i < submission->product_count; i++)
        documents[i + 1] = submission->products[i].targets;
    return hm_parts_merge(documents, submission->product_count + 1, err, &submission->content);
}

/* All maker/PRODUCT.json; the member after them is read ahead. */
static enum hm_rc read_products(struct hm_ustar_reader *reader, int64_t now_unix_s,
                                struct hm_submission *submission, struct hm_err *err)
{
    const char *name;
    struct hm_bytes product;
    uint64_t size;
    bool more;

    for (;;) {
        HM_TRY(hm_ustar_reader_next(reader, err, &more, &name, &size));
        if (!more)
            break;
        HM_TRY(parse_product_name(submission, name, err, &product));
        if (product.size == 0)
            break;
        HM_TRY(take_product(reader, now_unix_s, submission, product, size, err));
    }
    submission->ended = !more;
    if (more) {
        submission->member = hm_arena_strdup(&submission->arena, hm_bytes_str(name));
        submission->member_size = size;
        if (submission->member == NULL)
            return hm_error_nomem(err);
    }
    return merge_content(submission, err);
}

/* All identity/N.identity, then maker.json and the products; the reader stands behind them. */
static enum hm_rc read_chain(struct hm_ustar_reader *reader, int64_t now_unix_s,
                             struct hm_submission *submission, struct hm_err *err)
{
    const char *name;
    struct hm_bytes raw;
    uint64_t size;
    bool more;

    for (;;) {
        char wanted[48];

        (void)snprintf(wanted, sizeof(wanted), "identity/%zu.identity",
                       submission->identity_count + 1);
        HM_TRY(hm_ustar_reader_next(reader, err, &more, &name, &size));
        if (!more || strcmp(name, wanted) != 0)
            break;
        if (submission->identity_count == HM_IDENTITY_VERSION_MAX)
            return hm_fail(err, HM_EFORMAT, "submission: more than %d versions of the identity",
                           HM_IDENTITY_VERSION_MAX);
        HM_TRY(read_member(reader, submission, wanted, size, HM_IDENTITY_SIZE_MAX, err, &raw));
        HM_TRY(add_identity(submission, raw, err));
    }
    if (submission->identity == NULL)
        return hm_fail(err, HM_EFORMAT, "submission: 'identity/1.identity' is missing");
    if (!more) {
        submission->ended = true;
        if (submission->image_count > 0)
            return hm_fail(err, HM_EFORMAT, "submission: it has images but no 'maker.json'");
        return HM_OK;
    }
    if (strcmp(name, "maker.json") != 0)
        return hm_fail(err, HM_EFORMAT, "submission: '%s' stands where 'maker.json' must", name);
    HM_TRY(read_member(reader, submission, "maker.json", size, HM_DOCUMENT_TARGETS_SIZE_MAX, err,
                       &submission->maker_raw));
    submission->documents_size = submission->maker_raw.size;
    HM_TRY(verify_targets(submission, now_unix_s, err));
    return read_products(reader, now_unix_s, submission, err);
}

enum hm_rc hm_submission_read(struct hm_ustar_reader *reader, int64_t now_unix_s,
                              struct hm_err *err, struct hm_submission **ret_submission)
{
    _hm_free_(hm_submission_free) struct hm_submission *submission = calloc(1, sizeof(*submission));
    const char *name;
    struct hm_bytes head;
    uint64_t size;
    bool more;

    if (submission == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_ustar_reader_next(reader, err, &more, &name, &size));
    if (!more || strcmp(name, "submission.json") != 0)
        return hm_fail(err, HM_EFORMAT,
                       "not a submission: its first member is not 'submission.json'");
    HM_TRY(read_member(reader, submission, "submission.json", size, HM_SUBMISSION_HEAD_SIZE_MAX,
                       err, &head));
    HM_TRY(read_head(head, submission, err));
    HM_TRY(read_chain(reader, now_unix_s, submission, err));
    *ret_submission = hm_steal(&submission);
    return HM_OK;
}

void hm_submission_free(struct hm_submission *submission)
{
    if (submission == NULL)
        return;
    hm_targets_free(submission->content);
    for (size_t i = 0; i < submission->product_count; i++) {
        hm_targets_free(submission->products[i].targets);
        hm_envelope_free(submission->products[i].envelope);
    }
    free(submission->products);
    hm_targets_free(submission->targets);
    hm_envelope_free(submission->envelope);
    hm_identity_free(submission->identity);
    hm_arena_done(&submission->arena);
    free(submission);
}

/* ---- images --------------------------------------------------------------------------------- */

static enum hm_rc end_images(struct hm_submission *submission, struct hm_err *err,
                             const struct hm_target **ret_target)
{
    submission->ended = true;
    if (submission->images_read != submission->image_count)
        return hm_fail(err, HM_EFORMAT, "submission: it says %u images and has %u",
                       submission->image_count, submission->images_read);
    *ret_target = NULL;
    return HM_OK;
}

enum hm_rc hm_submission_next_image(struct hm_submission *submission,
                                    struct hm_ustar_reader *reader, struct hm_err *err,
                                    const struct hm_target **ret_target)
{
    const struct hm_target *target;
    struct hm_bytes path;
    const char *name;
    uint64_t size;
    bool more = false;

    if (submission->member != NULL) {
        more = true;
        name = hm_steal(&submission->member);
        size = submission->member_size;
    } else if (!submission->ended) {
        HM_TRY(hm_ustar_reader_next(reader, err, &more, &name, &size));
    }
    if (!more)
        return end_images(submission, err, ret_target);
    path = hm_bytes_str(name);
    if (!hm_bytes_has_prefix(path, hm_bytes_str(IMAGES)))
        return hm_fail(err, HM_EFORMAT, "submission: '%s' has no place in it", name);
    path.data += strlen(IMAGES);
    path.size -= strlen(IMAGES);
    if (submission->images_read == submission->image_count)
        return hm_fail(err, HM_EFORMAT, "submission: it says %u images and has more",
                       submission->image_count);
    target = hm_targets_find(submission->content, path);
    if (target == NULL)
        return hm_fail(err, HM_EFORMAT, "submission: '%s' is not listed in maker.json%s", name,
                       submission->product_count > 0 ? " or a product's document" : "");
    if (submission->last != NULL && hm_bytes_compare(submission->last->path, path) >= 0)
        return hm_fail(err, HM_EFORMAT, "submission: '%s' stands twice or out of order", name);
    if (target->facts.length != size)
        return hm_fail(err, HM_EMISMATCH, "submission: '%s' has %llu bytes, maker.json says %llu",
                       name, (unsigned long long)size, (unsigned long long)target->facts.length);
    submission->last = target;
    submission->images_read++;
    *ret_target = target;
    return HM_OK;
}

/* ---- writing -------------------------------------------------------------------------------- */

enum hm_rc hm_submission_write_product(struct hm_ustar_writer *writer, const char *product,
                                       struct hm_bytes raw, struct hm_err *err)
{
    char name[HM_TEXT_NAME_SIZE_MAX + 32];

    HM_ASSERT(hm_text_is_name(hm_bytes_str(product)));
    (void)snprintf(name, sizeof(name), PRODUCTS "%s" SUFFIX, product);
    return hm_ustar_writer_add(writer, name, raw, err);
}

enum hm_rc hm_submission_write_head(struct hm_ustar_writer *writer, const char *site,
                                    const char *maker, const struct hm_bytes *identities,
                                    size_t identity_count, struct hm_bytes maker_raw,
                                    uint32_t image_count, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf head = HM_BUF_INIT(HM_SUBMISSION_HEAD_SIZE_MAX);
    struct hm_json_writer json;

    if (image_count > HM_SUBMISSION_IMAGE_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a submission holds at most %d images, not %u",
                       HM_SUBMISSION_IMAGE_COUNT_MAX, image_count);
    hm_json_writer_init(&json, &head, true);
    hm_json_writer_object_begin(&json);
    hm_json_writer_key_str(&json, "schema", SCHEMA);
    hm_json_writer_key_str(&json, "site", site);
    hm_json_writer_key_str(&json, "maker", maker);
    hm_json_writer_key_int(&json, "images", image_count);
    hm_json_writer_object_end(&json);
    HM_TRY(hm_json_writer_end(&json, err));
    HM_TRY(hm_ustar_writer_add(writer, "submission.json", hm_buf_bytes(&head), err));
    for (size_t i = 0; i < identity_count; i++) {
        char name[48];

        (void)snprintf(name, sizeof(name), "identity/%zu.identity", i + 1);
        HM_TRY(hm_ustar_writer_add(writer, name, identities[i], err));
    }
    if (maker_raw.size > 0)
        HM_TRY(hm_ustar_writer_add(writer, "maker.json", maker_raw, err));
    return HM_OK;
}
