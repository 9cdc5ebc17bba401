/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles by product as a signer sees them: the rules of the parts, and that a role which hands on
 * its products loses no file by it (signing_internal.h).
 */
#include "exchange/role.h"
#include "exchange/signing_internal.h"

enum hm_rc hm_signing_parts_check_release(const char *role, const struct hm_role_keys *keys,
                                          const struct hm_targets *targets, struct hm_err *err)
{
    const struct hm_delegated_role delegation = {.name = hm_bytes_str(role), .keys = *keys};
    struct hm_partition_name name;

    if (hm_partition_parse(hm_bytes_str(role), &name) && name.product.size > 0)
        return hm_partition_check_product(hm_bytes_str(role), targets, err);
    return hm_partition_check(&delegation, targets, err);
}

static const struct hm_request_document *find_document(const struct hm_request *request,
                                                       struct hm_bytes role)
{
    for (size_t i = 0; i < request->document_count; i++)
        if (hm_bytes_is_str(role, request->documents[i].role))
            return &request->documents[i];
    return NULL;
}

static enum hm_rc read_raw(struct hm_bytes raw, struct hm_err *err,
                           struct hm_envelope **ret_envelope,
                           struct hm_targets_unsigned *ret_targets)
{
    HM_TRY(hm_envelope_parse(raw, err, ret_envelope));
    return hm_targets_read_unsigned(hm_envelope_unsigned(*ret_envelope), err, ret_targets);
}

static void free_targets(struct hm_targets_unsigned *targets)
{
    hm_targets_free(targets->content);
}

/* The first file of a product that before lists itself. */
static const struct hm_target *find_listed(const struct hm_targets *before,
                                           const struct hm_partition_name *name)
{
    for (size_t i = 0; i < before->target_count; i++) {
        struct hm_path path;

        if (hm_layout_parse_path(before->targets[i].path, NULL, &path) == HM_OK &&
            hm_bytes_is_equal(path.product, name->product))
            return &before->targets[i];
    }
    return NULL;
}

enum hm_rc hm_signing_parts_check_moved(const struct hm_request *request,
                                        const struct hm_request_document *document,
                                        const struct hm_envelope *before_envelope,
                                        struct hm_err *err)
{
    _hm_done_(free_targets) struct hm_targets_unsigned before = {NULL};
    _hm_done_(free_targets) struct hm_targets_unsigned next = {NULL};
    const struct hm_delegations *delegations;
    struct hm_partition_name name;

    if (!hm_partition_parse(hm_bytes_str(document->role), &name) || name.product.size > 0 ||
        before_envelope == NULL)
        return HM_OK;
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(document->envelope), err, &next));
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(before_envelope), err, &before));
    delegations = &next.content->delegations;
    for (size_t i = 0; i < delegations->role_count; i++) {
        const struct hm_bytes role = delegations->roles[i].name;
        const struct hm_target *listed;

        if (!hm_partition_parse(role, &name))
            continue;
        listed = find_listed(before.content, &name);
        if (listed != NULL && find_document(request, role) == NULL)
            return hm_fail(err, HM_EREFUSED,
                           "'%s': it hands product '%.*s' on to '%.*s', which this request does "
                           "not have, so nobody can see whether '%.*s' stays listed; ask for a "
                           "request with both",
                           document->role, HM_BYTES_FMT(name.product), HM_BYTES_FMT(role),
                           HM_BYTES_FMT(listed->path));
    }
    return HM_OK;
}

/* The files of one product, as a document of its own. */
static enum hm_rc write_product(const struct hm_targets *before,
                                const struct hm_partition_name *name, struct hm_err *err,
                                struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf statement = HM_BUF_INIT(65536);
    _hm_free_(hm_targets_free) struct hm_targets *part = NULL;

    HM_TRY(hm_targets_new(err, &part));
    part->document.version = 1;
    part->document.expires_unix_s = before->document.expires_unix_s;
    if (before->document.x_hallmark.size > 0) {
        HM_TRY(hm_partition_statement(before, name->product, err, &statement));
        HM_TRY(hm_targets_set_x_hallmark(part, hm_buf_bytes(&statement), err));
    }
    for (size_t i = 0; i < before->target_count; i++) {
        struct hm_path path;

        if (hm_layout_parse_path(before->targets[i].path, NULL, &path) == HM_OK &&
            hm_bytes_is_equal(path.product, name->product))
            HM_TRY(hm_targets_put(part, &before->targets[i], err));
    }
    if (part->target_count == 0)
        return HM_OK;
    HM_TRY(hm_targets_write(part, err, &canonical));
    return hm_envelope_write(hm_buf_bytes(&canonical), NULL, 0, err, ret_raw);
}

enum hm_rc hm_signing_parts_before(const struct hm_request *request, const struct hm_dir *memory,
                                   bool is_mine, const char *role, struct hm_err *err,
                                   struct hm_buf *ret_raw, int64_t *ret_version)
{
    _hm_done_(hm_signing_chain_forget) struct hm_signing_memory mine = {.raw = HM_BUF_INIT(0)};
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_done_(free_targets) struct hm_targets_unsigned before = {NULL};
    const struct hm_request_document *above;
    struct hm_partition_name name;
    char above_name[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_bytes raw;

    *ret_version = 0;
    if (!hm_partition_parse(hm_bytes_str(role), &name) || name.product.size == 0)
        return HM_OK;
    above = find_document(request, name.above);
    if (above == NULL)
        return HM_OK;
    (void)snprintf(above_name, sizeof(above_name), "%.*s", HM_BYTES_FMT(name.above));
    if (is_mine)
        HM_TRY(hm_signing_chain_recall(memory, "", above_name, err, &mine));
    raw = !is_mine ? above->current : mine.envelope != NULL ? mine.envelope->raw : HM_BYTES_EMPTY;
    if (raw.size == 0)
        return HM_OK;
    HM_TRY(read_raw(raw, err, &envelope, &before));
    HM_TRY(write_product(before.content, &name, err, ret_raw));
    if (ret_raw->size > 0)
        *ret_version = before.content->document.version;
    return HM_OK;
}
