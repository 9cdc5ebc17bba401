/* SPDX-License-Identifier: Apache-2.0 */
/* root.json: reading, the rules of succession, writing (TUF 1.0.34 sections 4.3 and 5.3). */
#include "tuf/root.h"

#include <inttypes.h>

static const char *const role_names[HM_ROOT_ROLE_COUNT_] = {
    [HM_ROOT_ROLE_ROOT] = "root",
    [HM_ROOT_ROLE_TIMESTAMP] = "timestamp",
    [HM_ROOT_ROLE_SNAPSHOT] = "snapshot",
    [HM_ROOT_ROLE_TARGETS] = "targets",
};

const char *hm_root_role_name(enum hm_root_role role)
{
    return role_names[role];
}

static enum hm_rc parse_role(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                             struct hm_role_keys *ret_keys)
{
    bool more, has_ids = false, has_threshold = false;
    struct hm_bytes key, skipped;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "keyids")) {
            HM_TRY(hm_keyring_parse_ids(json, arena, err, ret_keys));
            has_ids = true;
        } else if (hm_bytes_is_str(key, "threshold")) {
            HM_TRY(hm_keyring_parse_threshold(json, err, &ret_keys->threshold));
            has_threshold = true;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    if (!has_ids || !has_threshold)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "a role lacks \"keyids\" or \"threshold\"");
    return HM_OK;
}

static int find_role(struct hm_bytes name)
{
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        if (hm_bytes_is_str(name, role_names[i]))
            return i;
    return -1;
}

static enum hm_rc parse_roles(struct hm_json *json, struct hm_root *root, struct hm_err *err)
{
    struct hm_bytes key, skipped;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        enum hm_rc rc;
        int role;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        role = find_role(key);
        if (role < 0) { /* "mirrors" of older roots, and whatever may come */
            HM_TRY(hm_json_skip(json, err, &skipped));
            continue;
        }
        rc = parse_role(json, &root->arena, err, &root->roles[role]);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "role '%s'", role_names[role]);
    }
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        if (root->roles[i].threshold == 0)
            return hm_fail_at(err, HM_EFORMAT, json->offset, "role '%s' is missing", role_names[i]);
    return HM_OK;
}

static enum hm_rc parse_members(struct hm_json *json, struct hm_root *root, struct hm_err *err)
{
    bool more, has_keys = false, has_roles = false;
    struct hm_document_seen seen = {0};
    struct hm_bytes key, skipped;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        bool known;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_document_member(json, "root", key, err, &root->document, &seen, &known));
        if (known)
            continue;
        if (hm_bytes_is_str(key, "consistent_snapshot")) {
            HM_TRY(hm_json_bool(json, err, &root->consistent_snapshot));
        } else if (hm_bytes_is_str(key, "keys")) {
            HM_TRY(hm_keyring_parse(json, &root->arena, err, &root->ring));
            has_keys = true;
        } else if (hm_bytes_is_str(key, "roles")) {
            HM_TRY(parse_roles(json, root, err));
            has_roles = true;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    HM_TRY(hm_json_end(json, err));
    HM_TRY(hm_document_complete("root", &seen, err));
    if (!has_keys || !has_roles)
        return hm_fail(err, HM_EFORMAT,
                       "\"keys\" or \"roles\" is missing in a document of type "
                       "'root'");
    return HM_OK;
}

static enum hm_rc parse(struct hm_bytes text, struct hm_err *err, struct hm_root **ret_root)
{
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    struct hm_bytes copy;
    struct hm_json json;
    enum hm_rc rc;

    HM_TRY(hm_root_new(err, &root));
    HM_TRY(hm_arena_copy(&root->arena, text, err, &copy));
    hm_json_init(&json, copy, &root->arena);
    rc = parse_members(&json, root, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'root'");
    *ret_root = hm_steal(&root);
    return HM_OK;
}

enum hm_rc hm_root_verify_first(const struct hm_envelope *envelope, struct hm_err *err,
                                struct hm_root **ret_root)
{
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    struct hm_signed unused;

    /* The one document that names its own keys: it has to be read before it can be verified. */
    HM_TRY(parse(hm_envelope_unsigned_json(hm_envelope_unsigned(envelope)), err, &root));
    HM_TRY(hm_envelope_verify(envelope, &root->roles[HM_ROOT_ROLE_ROOT], "root", err, &unused));
    HM_TRY(hm_digest_sha256(envelope->raw, err, &root->sha256));
    *ret_root = hm_steal(&root);
    return HM_OK;
}

enum hm_rc hm_root_verify_next(const struct hm_root *current, const struct hm_envelope *envelope,
                               struct hm_err *err, struct hm_root **ret_root)
{
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    struct hm_signed document;

    /* TUF 5.3.4: signed by the threshold of the trusted root and by its own. */
    HM_TRY(
        hm_envelope_verify(envelope, &current->roles[HM_ROOT_ROLE_ROOT], "root", err, &document));
    HM_TRY(parse(hm_envelope_signed_json(document), err, &root));
    HM_TRY(hm_envelope_verify(envelope, &root->roles[HM_ROOT_ROLE_ROOT], "root", err, &document));
    /* TUF 5.3.5: exactly the next version. */
    if (current->document.version == INT64_MAX ||
        root->document.version != current->document.version + 1)
        return hm_fail(err, HM_EROLLBACK,
                       "'root': version %" PRId64 " cannot follow version %" PRId64
                       "; the site must serve each root in turn",
                       root->document.version, current->document.version);
    HM_TRY(hm_digest_sha256(envelope->raw, err, &root->sha256));
    *ret_root = hm_steal(&root);
    return HM_OK;
}

enum hm_rc hm_root_read_unsigned(struct hm_unsigned document, struct hm_err *err,
                                 struct hm_root_unsigned *ret_root)
{
    return parse(hm_envelope_unsigned_json(document), err, &ret_root->content);
}

enum hm_rc hm_root_new(struct hm_err *err, struct hm_root **ret_root)
{
    struct hm_root *root = calloc(1, sizeof(*root));

    if (root == NULL)
        return hm_error_nomem(err);
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        root->roles[i].ring = &root->ring;
    *ret_root = root;
    return HM_OK;
}

enum hm_rc hm_root_set_role(struct hm_root *root, enum hm_root_role role,
                            const struct hm_key *const *keys, size_t key_count, uint32_t threshold,
                            struct hm_err *err)
{
    enum hm_rc rc = hm_keyring_make_role(&root->ring, &root->arena, keys, key_count, threshold, err,
                                         &root->roles[role]);

    return rc == HM_OK ? rc : hm_error_prefix(err, rc, "role '%s'", role_names[role]);
}

static enum hm_rc write_json(const struct hm_root *root, struct hm_err *err, struct hm_buf *buf)
{
    _hm_free_(free) char *memory = calloc(root->ring.count + 1, sizeof(bool));
    struct hm_json_writer writer;
    bool *used = (bool *)memory;

    if (memory == NULL)
        return hm_error_nomem(err);
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        hm_keyring_mark_used(&root->roles[i], used);
    hm_json_writer_init(&writer, buf, false);
    hm_json_writer_object_begin(&writer);
    hm_document_write(&root->document, "root", &writer);
    hm_json_writer_key(&writer, "consistent_snapshot");
    hm_json_writer_bool(&writer, root->consistent_snapshot);
    hm_json_writer_key(&writer, "keys");
    hm_keyring_write(&root->ring, used, &writer);
    hm_json_writer_key(&writer, "roles");
    hm_json_writer_object_begin(&writer);
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
        hm_json_writer_key(&writer, role_names[i]);
        hm_json_writer_object_begin(&writer);
        hm_keyring_write_role(&root->roles[i], &writer);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_root_write(const struct hm_root *root, struct hm_err *err,
                         struct hm_buf *ret_canonical)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    HM_TRY(write_json(root, err, &buf));
    return hm_json_canonicalise(hm_buf_bytes(&buf), err, ret_canonical);
}

void hm_root_free(struct hm_root *root)
{
    if (root == NULL)
        return;
    hm_keyring_done(&root->ring);
    hm_arena_done(&root->arena);
    free(root);
}
