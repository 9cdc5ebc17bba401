/* SPDX-License-Identifier: Apache-2.0 */
/* A request's chain, verified by itself, and the files of a signer's memory (signing.h). */
#include "exchange/signing_internal.h"

#include "base/file.h"
#include "exchange/role.h"

#define MEMORY_MODE 0600

/* ---- memory --------------------------------------------------------------------------------- */

void hm_signing_chain_forget(struct hm_signing_memory *memory)
{
    hm_envelope_free(memory->envelope);
    memory->envelope = NULL;
    hm_buf_done(&memory->raw);
}

enum hm_rc hm_signing_chain_recall(const struct hm_dir *dir, const char *prefix, const char *role,
                                   struct hm_err *err, struct hm_signing_memory *ret_memory)
{
    _hm_done_(hm_signing_chain_forget) struct hm_signing_memory memory = {
        .raw = HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX)};
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(256);
    enum hm_rc rc;

    HM_TRY(hm_role_file_name(prefix, role, err, &name));
    rc = hm_dir_read(dir, hm_buf_str(&name), err, &memory.raw);
    if (rc != HM_ENOTFOUND) {
        HM_TRY(rc);
        rc = hm_envelope_parse(hm_buf_bytes(&memory.raw), err, &memory.envelope);
        if (rc == HM_OK)
            rc = hm_role_peek_version(memory.envelope, role, err, &memory.version);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "what this signer remembers, '%s/%s'", dir->path,
                                   hm_buf_str(&name));
    }
    *ret_memory = memory;
    memory = (struct hm_signing_memory){.raw = HM_BUF_INIT(0)};
    return HM_OK;
}

enum hm_rc hm_signing_chain_remember(const struct hm_dir *dir, const char *prefix, const char *role,
                                     const struct hm_envelope *envelope, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(256);

    HM_TRY(hm_role_file_name(prefix, role, err, &name));
    return hm_file_replace(dir, hm_buf_str(&name), MEMORY_MODE, envelope->raw, err);
}

/* ---- chain ---------------------------------------------------------------------------------- */

void hm_signing_chain_done(struct hm_signing_chain *chain)
{
    hm_root_free(chain->root);
    hm_targets_free(chain->targets);
    hm_identity_free(chain->identity);
    hm_root_free(chain->next_root.content);
    hm_targets_free(chain->next_targets.content);
    hm_identity_free(chain->next_identity.content);
    hm_envelope_free(chain->root_envelope);
    hm_envelope_free(chain->targets_envelope);
    hm_envelope_free(chain->identity_envelope);
}

static enum hm_rc verify_root(const struct hm_request *request, struct hm_err *err,
                              struct hm_signing_chain *chain)
{
    enum hm_rc rc;

    if (request->root.size == 0)
        return HM_OK;
    rc = hm_envelope_parse(request->root, err, &chain->root_envelope);
    if (rc == HM_OK)
        rc = hm_root_verify_first(chain->root_envelope, err, &chain->root);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "request: chain/root.json");
}

static enum hm_rc verify_targets(const struct hm_request *request, struct hm_err *err,
                                 struct hm_signing_chain *chain)
{
    struct hm_signed document;
    enum hm_rc rc;

    if (request->targets.size == 0)
        return HM_OK;
    if (chain->root == NULL)
        return hm_fail(err, HM_EFORMAT,
                       "request: it has chain/targets.json without chain/root.json, so that "
                       "nothing can be checked");
    rc = hm_envelope_parse(request->targets, err, &chain->targets_envelope);
    if (rc == HM_OK)
        rc = hm_envelope_verify(chain->targets_envelope, &chain->root->roles[HM_ROOT_ROLE_TARGETS],
                                "targets", err, &document);
    if (rc == HM_OK)
        rc = hm_targets_parse(document, err, &chain->targets);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "request: chain/targets.json");
}

static enum hm_rc verify_identity(const struct hm_request *request, struct hm_err *err,
                                  struct hm_signing_chain *chain)
{
    for (size_t i = 0; i < request->identity_count; i++) {
        struct hm_identity *next = NULL;
        enum hm_rc rc;

        rc = i == 0 ? hm_identity_verify_first(request->identities[i], err, &next)
                    : hm_identity_verify_next(chain->identity, request->identities[i], err, &next);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "request: chain/%zu.identity", i + 1);
        hm_identity_free(chain->identity);
        chain->identity = next;
        if (request->maker == NULL || strcmp(next->maker, request->maker) != 0)
            return hm_fail(err, HM_EMISMATCH,
                           "request: chain/%zu.identity is of maker '%s', which the request does "
                           "not name",
                           i + 1, next->maker);
    }
    if (request->identity_count == 0)
        return HM_OK;
    return hm_envelope_parse(request->identities[request->identity_count - 1], err,
                             &chain->identity_envelope);
}

/* Documents of the request that name keys of other documents in it. */
static enum hm_rc read_next(const struct hm_request *request, struct hm_err *err,
                            struct hm_signing_chain *chain)
{
    for (size_t i = 0; i < request->document_count; i++) {
        const struct hm_request_document *document = &request->documents[i];
        struct hm_unsigned content = hm_envelope_unsigned(document->envelope);

        if (strcmp(document->role, "root") == 0)
            HM_TRY(hm_root_read_unsigned(content, err, &chain->next_root));
        else if (strcmp(document->role, "targets") == 0)
            HM_TRY(hm_targets_read_unsigned(content, err, &chain->next_targets));
        else if (strcmp(document->role, "identity") == 0)
            HM_TRY(hm_identity_read_unsigned(content, err, &chain->next_identity));
    }
    return HM_OK;
}

enum hm_rc hm_signing_chain_verify(const struct hm_request *request, struct hm_err *err,
                                   struct hm_signing_chain *chain)
{
    HM_TRY(verify_root(request, err, chain));
    HM_TRY(verify_targets(request, err, chain));
    HM_TRY(verify_identity(request, err, chain));
    return read_next(request, err, chain);
}

/* A product's role has the keys of the role above it, by rule. */
static const struct hm_role_keys *delegated_keys(const struct hm_targets *targets, const char *role)
{
    const struct hm_delegated_role *found;
    struct hm_partition_name name = {.above = hm_bytes_str(role)};

    if (targets == NULL)
        return NULL;
    if (!hm_partition_parse(hm_bytes_str(role), &name))
        name.above = hm_bytes_str(role);
    found = hm_targets_find_role(&targets->delegations, name.above);
    return found == NULL ? NULL : &found->keys;
}

void hm_signing_chain_groups(const struct hm_signing_chain *chain, const char *role,
                             const struct hm_role_keys *ret_groups[2])
{
    ret_groups[0] = NULL;
    ret_groups[1] = NULL;
    if (strcmp(role, "root") == 0 || strcmp(role, "targets") == 0) {
        int which = strcmp(role, "root") == 0 ? HM_ROOT_ROLE_ROOT : HM_ROOT_ROLE_TARGETS;

        if (chain->root != NULL)
            ret_groups[0] = &chain->root->roles[which];
        if (chain->next_root.content != NULL)
            ret_groups[1] = &chain->next_root.content->roles[which];
    } else if (strcmp(role, "identity") == 0) {
        if (chain->identity != NULL)
            ret_groups[0] = &chain->identity->keys;
        if (chain->next_identity.content != NULL)
            ret_groups[1] = &chain->next_identity.content->keys;
    } else if (hm_role_is_of(role, "maker", NULL) ||
               (hm_role_is_of(role, "recalls", NULL) && chain->targets == NULL &&
                chain->next_targets.content == NULL)) { /* of a maker's own request */
        /* A release is made under an identity that is complete: its digest stands in it. */
        if (chain->identity != NULL)
            ret_groups[0] = &chain->identity->keys;
    } else {
        ret_groups[0] = delegated_keys(chain->targets, role);
        ret_groups[1] = delegated_keys(chain->next_targets.content, role);
    }
}
