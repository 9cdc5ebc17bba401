/* SPDX-License-Identifier: Apache-2.0 */
/* Roles by name (docs/formats.md 1). */
#include "exchange/role.h"

#include "base/text.h"
#include "trust/partition.h"

static enum hm_rc bad_role(struct hm_bytes name, struct hm_err *err)
{
    return hm_fail(err, HM_EFORMAT,
                   "role '%.*s': not one that people sign (root, targets, identity, release~ID, "
                   "maker~ID, recalls~ID)",
                   HM_BYTES_FMT(name));
}

enum hm_rc hm_role_parse(struct hm_bytes name, struct hm_err *err, enum hm_role_kind *ret_kind)
{
    const struct hm_bytes recalls = HM_BYTES_LITERAL("recalls~");
    struct hm_partition_name parts;

    if (hm_bytes_is_str(name, "root")) {
        *ret_kind = HM_ROLE_ROOT;
        return HM_OK;
    }
    if (hm_bytes_is_str(name, "identity")) {
        *ret_kind = HM_ROLE_IDENTITY;
        return HM_OK;
    }
    if (hm_bytes_is_str(name, "targets") || hm_bytes_is_str(name, "recalls~vendor")) {
        *ret_kind = HM_ROLE_TARGETS;
        return HM_OK;
    }
    if (hm_partition_parse(name, &parts)) {
        *ret_kind = HM_ROLE_TARGETS;
        return HM_OK;
    }
    if (hm_bytes_has_prefix(name, recalls) &&
        hm_layout_check_id(hm_bytes_make(name.data + recalls.size, name.size - recalls.size),
                           NULL) == HM_OK) {
        *ret_kind = HM_ROLE_TARGETS;
        return HM_OK;
    }
    return bad_role(name, err);
}

bool hm_role_is_of(const char *role, const char *prefix, struct hm_bytes *ret_id)
{
    struct hm_bytes name = hm_bytes_str(role);
    size_t size = strlen(prefix);

    if (!hm_bytes_has_prefix(name, hm_bytes_str(prefix)) || name.size <= size + 1 ||
        name.data[size] != '~')
        return false;
    if (ret_id != NULL) {
        const uint8_t *id = name.data + size + 1;
        const uint8_t *mark = memchr(id, '~', name.size - size - 1);

        *ret_id = hm_bytes_make(id, mark == NULL ? name.size - size - 1 : (size_t)(mark - id));
    }
    return true;
}

enum hm_rc hm_role_file_name(const char *prefix, const char *role, struct hm_err *err,
                             struct hm_buf *ret_name)
{
    HM_TRY(hm_buf_append_str(ret_name, prefix, err));
    HM_TRY(hm_text_percent(ret_name, hm_bytes_str(role), err));
    return hm_buf_append_str(ret_name, ".json", err);
}

/* Reads "_type" and "version" of the object at the reader; 0 and an empty type if they are not
 * there. */
static enum hm_rc read_claims(struct hm_json *json, struct hm_err *err, struct hm_bytes *ret_type,
                              int64_t *ret_version)
{
    struct hm_bytes key;
    struct hm_bytes type = HM_BYTES_EMPTY;
    struct hm_bytes span;
    int64_t version = 0;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "_type"))
            HM_TRY(hm_json_string(json, err, &type));
        else if (hm_bytes_is_str(key, "version"))
            HM_TRY(hm_json_int(json, err, &version));
        else
            HM_TRY(hm_json_skip(json, err, &span));
    }
    *ret_type = type;
    *ret_version = version;
    return HM_OK;
}

enum hm_rc hm_role_peek_version(const struct hm_envelope *envelope, const char *role,
                                struct hm_err *err, int64_t *ret_version)
{
    static const char *const TYPES[] = {
        [HM_ROLE_ROOT] = "root",
        [HM_ROLE_TARGETS] = "targets",
        [HM_ROLE_IDENTITY] = "hallmark-identity",
    };
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    enum hm_role_kind kind;
    struct hm_json json;
    struct hm_bytes key;
    struct hm_bytes span;
    struct hm_bytes type = HM_BYTES_EMPTY;
    int64_t version = 0;
    bool more;

    HM_TRY(hm_role_parse(hm_bytes_str(role), err, &kind));
    hm_json_init(&json, envelope->raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "signed"))
            HM_TRY(read_claims(&json, err, &type, &version));
        else
            HM_TRY(hm_json_skip(&json, err, &span));
    }
    if (!hm_bytes_is_str(type, TYPES[kind]))
        return hm_fail(err, HM_EFORMAT, "'%s': its \"_type\" is '%.*s', not '%s'", role,
                       HM_BYTES_FMT(type), TYPES[kind]);
    if (version < 1)
        return hm_fail(err, HM_EFORMAT, "'%s': it has no version from 1 on", role);
    *ret_version = version;
    return HM_OK;
}
