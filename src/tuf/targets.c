/* SPDX-License-Identifier: Apache-2.0 */
/* targets.json and delegated roles (TUF 1.0.34 section 4.5; TAP 15 for succinct hash bins). */
#include "tuf/targets.h"

#include <inttypes.h>

#include "base/text.h"
#include "tuf/grow_internal.h"
#include "tuf/root.h"

#define SUCCINCT_SUFFIX_MAX 9 /* "-ffffffff" */
/* A role that is written; what the reader takes. */
#define WRITE_SIZE_MAX ((size_t)HM_DOCUMENT_TARGETS_SIZE_MAX)

static int compare_targets(const void *a, const void *b)
{
    const struct hm_target *left = a;
    const struct hm_target *right = b;

    return hm_bytes_compare(left->path, right->path);
}

/* Room for one target more. The table is the one long array, so it is grown in place where the
 * allocator can. */
static enum hm_rc grow_table(struct hm_targets *targets, struct hm_err *err)
{
    size_t capacity = targets->target_capacity;
    void *grown;

    if (targets->target_count == HM_TARGETS_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d targets in one role", HM_TARGETS_COUNT_MAX);
    if (targets->target_count < capacity)
        return HM_OK;
    capacity += capacity / 2 + 8;
    grown = reallocarray(targets->targets, capacity, sizeof(*targets->targets));
    if (grown == NULL)
        return hm_error_nomem(err);
    targets->targets = grown;
    targets->target_capacity = capacity;
    return HM_OK;
}

static enum hm_rc read_length(struct hm_json *json, struct hm_err *err, struct hm_file_facts *facts)
{
    int64_t length;

    HM_TRY(hm_json_int(json, err, &length));
    if (length < 0)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"length\" %" PRId64 " is negative",
                          length);
    facts->length = (uint64_t)length;
    facts->has_length = true;
    return HM_OK;
}

static enum hm_rc read_custom(struct hm_json *json, struct hm_err *err, struct hm_bytes *ret_custom)
{
    enum hm_json_kind kind;

    HM_TRY(hm_json_peek(json, err, &kind));
    if (kind == HM_JSON_NULL)
        return hm_json_null(json, err);
    if (kind != HM_JSON_OBJECT)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"custom\" is no object");
    return hm_json_skip(json, err, ret_custom);
}

static enum hm_rc parse_target(struct hm_json *json, struct hm_bytes path, struct hm_err *err,
                               struct hm_target *ret_target)
{
    struct hm_target target = {.path = path};
    struct hm_bytes key, skipped;
    bool more;

    if (path.size == 0 || path.size > HM_TARGETS_PATH_SIZE_MAX)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "a target path has %zu bytes; 1 to %d are allowed", path.size,
                          HM_TARGETS_PATH_SIZE_MAX);
    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "hashes"))
            HM_TRY(hm_document_parse_hashes(json, err, &target.facts));
        else if (hm_bytes_is_str(key, "length"))
            HM_TRY(read_length(json, err, &target.facts));
        else if (hm_bytes_is_str(key, "custom"))
            HM_TRY(read_custom(json, err, &target.custom));
        else
            HM_TRY(hm_json_skip(json, err, &skipped));
    }
    if (!target.facts.has_length || (!target.facts.has_sha256 && target.facts.sha512 == NULL))
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "target '%.*s' lacks \"length\" or \"hashes\"", HM_BYTES_FMT(path));
    *ret_target = target;
    return HM_OK;
}

static enum hm_rc parse_table(struct hm_json *json, struct hm_targets *targets, struct hm_err *err)
{
    bool more, sorted = true;
    struct hm_bytes path;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        struct hm_target *target;

        HM_TRY(hm_json_object_next(json, err, &more, &path));
        if (!more)
            break;
        HM_TRY(grow_table(targets, err));
        target = &targets->targets[targets->target_count];
        HM_TRY(parse_target(json, path, err, target));
        if (targets->target_count > 0 && compare_targets(target - 1, target) > 0)
            sorted = false;
        targets->target_count++;
    }
    if (!sorted)
        qsort(targets->targets, targets->target_count, sizeof(*targets->targets), compare_targets);
    return HM_OK;
}

static enum hm_rc parse_members(struct hm_json *json, struct hm_targets *targets,
                                struct hm_err *err)
{
    struct hm_document_seen seen = {0};
    struct hm_bytes key, skipped;
    bool more, has_targets = false;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        bool known;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_document_member(json, "targets", key, err, &targets->document, &seen, &known));
        if (known)
            continue;
        if (hm_bytes_is_str(key, "targets")) {
            HM_TRY(parse_table(json, targets, err));
            has_targets = true;
        } else if (hm_bytes_is_str(key, "delegations")) {
            HM_TRY(hm_targets_parse_delegations(json, &targets->arena, err, &targets->delegations));
            targets->has_delegations = true;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    HM_TRY(hm_json_end(json, err));
    HM_TRY(hm_document_complete("targets", &seen, err));
    if (!has_targets)
        return hm_fail(err, HM_EFORMAT, "\"targets\" is missing in a document of type 'targets'");
    return HM_OK;
}

/* Borrows text. */
static enum hm_rc parse(struct hm_bytes text, struct hm_targets *targets, struct hm_err *err)
{
    struct hm_json json;

    hm_json_init(&json, text, &targets->arena);
    return parse_members(&json, targets, err);
}

enum hm_rc hm_targets_parse(struct hm_signed document, struct hm_err *err,
                            struct hm_targets **ret_targets)
{
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;

    HM_TRY(hm_targets_new(err, &targets));
    HM_TRY(parse(hm_envelope_signed_json(document), targets, err));
    *ret_targets = hm_steal(&targets);
    return HM_OK;
}

enum hm_rc hm_targets_read_unsigned(struct hm_unsigned document, struct hm_err *err,
                                    struct hm_targets_unsigned *ret_targets)
{
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;

    HM_TRY(hm_targets_new(err, &targets));
    HM_TRY(parse(hm_envelope_unsigned_json(document), targets, err));
    ret_targets->content = hm_steal(&targets);
    return HM_OK;
}

enum hm_rc hm_targets_new(struct hm_err *err, struct hm_targets **ret_targets)
{
    struct hm_targets *targets = calloc(1, sizeof(*targets));

    if (targets == NULL)
        return hm_error_nomem(err);
    *ret_targets = targets;
    return HM_OK;
}

static enum hm_rc write_json(const struct hm_targets *targets, struct hm_err *err,
                             struct hm_buf *buf)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, buf, false);
    hm_json_writer_object_begin(&writer);
    hm_document_write(&targets->document, "targets", &writer);
    if (targets->has_delegations) {
        hm_json_writer_key(&writer, "delegations");
        hm_targets_write_delegations(&targets->delegations, &writer);
    }
    hm_json_writer_key(&writer, "targets");
    hm_json_writer_object_begin(&writer);
    for (size_t i = 0; i < targets->target_count; i++) {
        const struct hm_target *target = &targets->targets[i];

        hm_json_writer_key_bytes(&writer, target->path);
        hm_json_writer_object_begin(&writer);
        if (target->custom.size > 0) {
            hm_json_writer_key(&writer, "custom");
            hm_json_writer_raw(&writer, target->custom);
        }
        hm_json_writer_key(&writer, "hashes");
        hm_document_write_hashes(&target->facts, &writer);
        hm_json_writer_key(&writer, "length");
        hm_json_writer_u64(&writer, target->facts.length);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_targets_write(const struct hm_targets *targets, struct hm_err *err,
                            struct hm_buf *ret_canonical)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(WRITE_SIZE_MAX);

    HM_TRY(write_json(targets, err, &buf));
    return hm_json_canonicalise(hm_buf_bytes(&buf), err, ret_canonical);
}

enum hm_rc hm_targets_copy(const struct hm_targets *targets, struct hm_err *err,
                           struct hm_targets **ret_copy)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(WRITE_SIZE_MAX);
    _hm_free_(hm_targets_free) struct hm_targets *copy = NULL;
    struct hm_bytes text;

    HM_TRY(write_json(targets, err, &buf));
    HM_TRY(hm_targets_new(err, &copy));
    HM_TRY(hm_arena_copy(&copy->arena, hm_buf_bytes(&buf), err, &text));
    HM_TRY(parse(text, copy, err));
    *ret_copy = hm_steal(&copy);
    return HM_OK;
}

size_t hm_targets_place(const struct hm_targets *targets, struct hm_bytes path)
{
    size_t low = 0, high = targets->target_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_bytes_compare(targets->targets[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum hm_rc hm_targets_put(struct hm_targets *targets, const struct hm_target *target,
                          struct hm_err *err)
{
    size_t place = hm_targets_place(targets, target->path);
    struct hm_target copy = *target;

    if (target->path.size == 0 || target->path.size > HM_TARGETS_PATH_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a target path has %zu bytes; 1 to %d are allowed",
                       target->path.size, HM_TARGETS_PATH_SIZE_MAX);
    HM_ASSERT(target->facts.has_length &&
              (target->facts.has_sha256 || target->facts.sha512 != NULL));
    HM_TRY(hm_document_copy_facts(&targets->arena, &target->facts, err, &copy.facts));
    HM_TRY(hm_arena_copy(&targets->arena, target->custom, err, &copy.custom));
    HM_TRY(hm_arena_copy(&targets->arena, target->path, err, &copy.path));
    if (place < targets->target_count &&
        hm_bytes_is_equal(targets->targets[place].path, target->path)) {
        targets->targets[place] = copy;
        return HM_OK;
    }
    HM_TRY(grow_table(targets, err));
    memmove(targets->targets + place + 1, targets->targets + place,
            (targets->target_count - place) * sizeof(*targets->targets));
    targets->targets[place] = copy;
    targets->target_count++;
    return HM_OK;
}

enum hm_rc hm_targets_set_x_hallmark(struct hm_targets *targets, struct hm_bytes json,
                                     struct hm_err *err)
{
    return hm_arena_copy(&targets->arena, json, err, &targets->document.x_hallmark);
}

void hm_targets_free(struct hm_targets *targets)
{
    if (targets == NULL)
        return;
    hm_targets_delegations_done(&targets->delegations);
    free(targets->targets);
    hm_arena_done(&targets->arena);
    free(targets);
}

const struct hm_target *hm_targets_find(const struct hm_targets *targets, struct hm_bytes path)
{
    size_t place = hm_targets_place(targets, path);

    if (place == targets->target_count || !hm_bytes_is_equal(targets->targets[place].path, path))
        return NULL;
    return &targets->targets[place];
}

/* ---- delegations ---- */

static enum hm_rc parse_bytes_list(struct hm_json *json, size_t *total, struct hm_err *err,
                                   struct hm_bytes **ret_list, size_t *ret_count)
{
    struct hm_bytes *list = NULL;
    size_t count = 0;
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        void *grown;

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            break;
        if (*total == HM_TARGETS_PATTERN_COUNT_MAX)
            return hm_fail_at(err, HM_EFORMAT, json->offset, "more than %d path patterns",
                              HM_TARGETS_PATTERN_COUNT_MAX);
        grown = hm_grow(json->arena, list, count, sizeof(*list));
        if (grown == NULL)
            return hm_error_nomem(err);
        list = grown;
        HM_TRY(hm_json_string(json, err, &list[count]));
        if (list[count].size == 0 || list[count].size > HM_TARGETS_PATH_SIZE_MAX)
            return hm_fail_at(err, HM_EFORMAT, json->offset,
                              "a path pattern has %zu bytes; 1 to %d are allowed", list[count].size,
                              HM_TARGETS_PATH_SIZE_MAX);
        count++;
        (*total)++;
    }
    *ret_list = list;
    *ret_count = count;
    return HM_OK;
}

static bool is_hash_prefix(struct hm_bytes text)
{
    if (text.size > 2 * HM_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

static enum hm_rc check_role_name(struct hm_bytes name, struct hm_err *err)
{
    if (name.size == 0 || name.size > HM_DOCUMENT_ROLE_NAME_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a role name has %zu bytes; 1 to %d are allowed", name.size,
                       HM_DOCUMENT_ROLE_NAME_SIZE_MAX);
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        if (hm_bytes_is_str(name, hm_root_role_name((enum hm_root_role)i)))
            return hm_fail(err, HM_EFORMAT, "a delegated role has the name of the top-level '%s'",
                           hm_root_role_name((enum hm_root_role)i));
    return HM_OK;
}

struct role_seen {
    bool name, keyids, threshold, terminating, paths, prefixes;
};

static enum hm_rc check_role(const struct hm_delegated_role *role, const struct role_seen *seen,
                             struct hm_err *err)
{
    if (!seen->name)
        return hm_fail(err, HM_EFORMAT, "a delegated role has no \"name\"");
    HM_TRY(check_role_name(role->name, err));
    if (!seen->keyids || !seen->threshold || !seen->terminating)
        return hm_fail(err, HM_EFORMAT,
                       "delegated role '%.*s' lacks \"keyids\", \"threshold\" or \"terminating\"",
                       HM_BYTES_FMT(role->name));
    if (seen->paths == seen->prefixes)
        return hm_fail(err, HM_EFORMAT,
                       "delegated role '%.*s' must have one of \"paths\" and "
                       "\"path_hash_prefixes\"",
                       HM_BYTES_FMT(role->name));
    for (size_t i = 0; i < role->hash_prefix_count; i++)
        if (!is_hash_prefix(role->hash_prefixes[i]))
            return hm_fail(err, HM_EFORMAT,
                           "delegated role '%.*s': a hash prefix is no lower-case hexadecimal",
                           HM_BYTES_FMT(role->name));
    return HM_OK;
}

static enum hm_rc parse_role(struct hm_json *json, size_t *patterns, struct hm_err *err,
                             struct hm_delegated_role *role)
{
    struct role_seen seen = {0};
    struct hm_bytes key, skipped;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "name")) {
            HM_TRY(hm_json_string(json, err, &role->name));
            seen.name = true;
        } else if (hm_bytes_is_str(key, "keyids")) {
            HM_TRY(hm_keyring_parse_ids(json, json->arena, err, &role->keys));
            seen.keyids = true;
        } else if (hm_bytes_is_str(key, "threshold")) {
            HM_TRY(hm_keyring_parse_threshold(json, err, &role->keys.threshold));
            seen.threshold = true;
        } else if (hm_bytes_is_str(key, "terminating")) {
            HM_TRY(hm_json_bool(json, err, &role->terminating));
            seen.terminating = true;
        } else if (hm_bytes_is_str(key, "paths")) {
            HM_TRY(parse_bytes_list(json, patterns, err, &role->paths, &role->path_count));
            seen.paths = true;
        } else if (hm_bytes_is_str(key, "path_hash_prefixes")) {
            HM_TRY(parse_bytes_list(json, patterns, err, &role->hash_prefixes,
                                    &role->hash_prefix_count));
            seen.prefixes = true;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    return check_role(role, &seen, err);
}

static int compare_names(const void *a, const void *b)
{
    return hm_bytes_compare(*(const struct hm_bytes *)a, *(const struct hm_bytes *)b);
}

static enum hm_rc check_names_distinct(const struct hm_delegations *delegations, struct hm_err *err)
{
    _hm_free_(free) char *memory = NULL;
    struct hm_bytes *names;
    size_t i = 1;

    while (i < delegations->role_count &&
           compare_names(&delegations->roles[i - 1].name, &delegations->roles[i].name) < 0)
        i++;
    if (i >= delegations->role_count)
        return HM_OK;
    memory = calloc(delegations->role_count + 1, sizeof(struct hm_bytes));
    if (memory == NULL)
        return hm_error_nomem(err);
    names = (struct hm_bytes *)(void *)memory;
    for (i = 0; i < delegations->role_count; i++)
        names[i] = delegations->roles[i].name;
    qsort(names, delegations->role_count, sizeof(*names), compare_names);
    for (i = 1; i < delegations->role_count; i++)
        if (hm_bytes_is_equal(names[i - 1], names[i]))
            return hm_fail(err, HM_EFORMAT, "delegated role '%.*s' comes twice",
                           HM_BYTES_FMT(names[i]));
    return HM_OK;
}

/* Room for one role more, zeroed. */
static enum hm_rc grow_roles(struct hm_delegations *delegations, struct hm_arena *arena,
                             struct hm_err *err)
{
    void *grown;

    if (delegations->role_count == HM_TARGETS_DELEGATION_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d delegated roles",
                       HM_TARGETS_DELEGATION_COUNT_MAX);
    grown =
        hm_grow(arena, delegations->roles, delegations->role_count, sizeof(*delegations->roles));
    if (grown == NULL)
        return hm_error_nomem(err);
    delegations->roles = grown;
    delegations->roles[delegations->role_count] = (struct hm_delegated_role){0};
    return HM_OK;
}

static enum hm_rc parse_roles(struct hm_json *json, struct hm_delegations *delegations,
                              struct hm_err *err)
{
    size_t patterns = 0;
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        struct hm_delegated_role *role;

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            break;
        HM_TRY(grow_roles(delegations, json->arena, err));
        role = &delegations->roles[delegations->role_count];
        if (delegations->role_count > 0)
            role->keys = role[-1].keys; /* shared where they are the same */
        HM_TRY(parse_role(json, &patterns, err, role));
        delegations->role_count++;
    }
    return check_names_distinct(delegations, err);
}

static enum hm_rc read_succinct_bits(struct hm_json *json, struct hm_err *err, uint32_t *ret_bits)
{
    int64_t bits;

    HM_TRY(hm_json_int(json, err, &bits));
    if (bits < 1 || bits > HM_TARGETS_SUCCINCT_BITS_MAX)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "\"bit_length\" %" PRId64 " is outside of 1 to %d", bits,
                          HM_TARGETS_SUCCINCT_BITS_MAX);
    *ret_bits = (uint32_t)bits;
    return HM_OK;
}

static enum hm_rc parse_succinct(struct hm_json *json, struct hm_delegations *delegations,
                                 struct hm_err *err)
{
    bool more, has_keyids = false, has_threshold = false, has_prefix = false;
    struct hm_bytes key, skipped;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "keyids")) {
            HM_TRY(hm_keyring_parse_ids(json, json->arena, err, &delegations->succinct_keys));
            has_keyids = true;
        } else if (hm_bytes_is_str(key, "threshold")) {
            HM_TRY(hm_keyring_parse_threshold(json, err, &delegations->succinct_keys.threshold));
            has_threshold = true;
        } else if (hm_bytes_is_str(key, "bit_length")) {
            HM_TRY(read_succinct_bits(json, err, &delegations->succinct_bits));
        } else if (hm_bytes_is_str(key, "name_prefix")) {
            HM_TRY(hm_json_string(json, err, &delegations->succinct_prefix));
            has_prefix = true;
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    if (!has_keyids || !has_threshold || !has_prefix || delegations->succinct_bits == 0)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "\"succinct_roles\" lacks \"keyids\", \"threshold\", \"bit_length\" or "
                          "\"name_prefix\"");
    if (delegations->succinct_prefix.size == 0 ||
        delegations->succinct_prefix.size > HM_DOCUMENT_ROLE_NAME_SIZE_MAX - SUCCINCT_SUFFIX_MAX)
        return hm_fail_at(err, HM_EFORMAT, json->offset, "\"name_prefix\" is empty or too long");
    return HM_OK;
}

static enum hm_rc parse_delegations(struct hm_json *json, struct hm_arena *arena,
                                    struct hm_delegations *delegations, struct hm_err *err)
{
    bool more, has_keys = false, has_roles = false;
    struct hm_bytes key, skipped;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "keys")) {
            HM_TRY(hm_keyring_parse(json, arena, err, &delegations->ring));
            has_keys = true;
        } else if (hm_bytes_is_str(key, "roles")) {
            HM_TRY(parse_roles(json, delegations, err));
            has_roles = true;
        } else if (hm_bytes_is_str(key, "succinct_roles")) {
            HM_TRY(parse_succinct(json, delegations, err));
        } else {
            HM_TRY(hm_json_skip(json, err, &skipped));
        }
    }
    /* TAP 15: either a list of roles or succinct bins. */
    if (!has_keys || has_roles == (delegations->succinct_bits != 0))
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "\"delegations\" must have \"keys\" and one of \"roles\" and "
                          "\"succinct_roles\"");
    return HM_OK;
}

enum hm_rc hm_targets_parse_delegations(struct hm_json *json, struct hm_arena *arena,
                                        struct hm_err *err, struct hm_delegations *ret_delegations)
{
    struct hm_delegations delegations = {0};
    enum hm_rc rc = parse_delegations(json, arena, &delegations, err);

    if (rc != HM_OK) {
        hm_targets_delegations_done(&delegations);
        return rc;
    }
    hm_targets_delegations_done(ret_delegations); /* see hm_keyring_parse */
    *ret_delegations = delegations;
    for (size_t i = 0; i < ret_delegations->role_count; i++)
        ret_delegations->roles[i].keys.ring = &ret_delegations->ring;
    ret_delegations->succinct_keys.ring = &ret_delegations->ring;
    return HM_OK;
}

static void write_list(struct hm_json_writer *writer, const char *key, const struct hm_bytes *list,
                       size_t count)
{
    hm_json_writer_key(writer, key);
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        hm_json_writer_string(writer, list[i]);
    hm_json_writer_array_end(writer);
}

static void write_role(const struct hm_delegated_role *role, struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "name");
    hm_json_writer_string(writer, role->name);
    hm_keyring_write_role(&role->keys, writer);
    if (role->hash_prefix_count > 0)
        write_list(writer, "path_hash_prefixes", role->hash_prefixes, role->hash_prefix_count);
    else
        write_list(writer, "paths", role->paths, role->path_count);
    hm_json_writer_key(writer, "terminating");
    hm_json_writer_bool(writer, role->terminating);
    hm_json_writer_object_end(writer);
}

/* Which keys some role names; NULL when out of memory. */
static bool *find_used_keys(const struct hm_delegations *delegations)
{
    bool *used = calloc(delegations->ring.count + 1, sizeof(*used));

    if (used == NULL)
        return NULL;
    for (size_t i = 0; i < delegations->role_count; i++)
        hm_keyring_mark_used(&delegations->roles[i].keys, used);
    if (delegations->succinct_bits > 0)
        hm_keyring_mark_used(&delegations->succinct_keys, used);
    return used;
}

void hm_targets_write_delegations(const struct hm_delegations *delegations,
                                  struct hm_json_writer *writer)
{
    bool *used = find_used_keys(delegations);

    if (used == NULL && writer->rc == HM_OK)
        writer->rc = HM_ENOMEM;
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "keys");
    hm_keyring_write(&delegations->ring, used, writer);
    free(used);
    if (delegations->succinct_bits > 0) {
        hm_json_writer_key(writer, "succinct_roles");
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_int(writer, "bit_length", delegations->succinct_bits);
        hm_keyring_write_role(&delegations->succinct_keys, writer);
        hm_json_writer_key(writer, "name_prefix");
        hm_json_writer_string(writer, delegations->succinct_prefix);
        hm_json_writer_object_end(writer);
    } else {
        hm_json_writer_key(writer, "roles");
        hm_json_writer_array_begin(writer);
        for (size_t i = 0; i < delegations->role_count; i++)
            write_role(&delegations->roles[i], writer);
        hm_json_writer_array_end(writer);
    }
    hm_json_writer_object_end(writer);
}

void hm_targets_delegations_done(struct hm_delegations *delegations)
{
    hm_keyring_done(&delegations->ring);
    *delegations = (struct hm_delegations){0};
}

const struct hm_delegated_role *hm_targets_find_role(const struct hm_delegations *delegations,
                                                     struct hm_bytes name)
{
    for (size_t i = 0; i < delegations->role_count; i++)
        if (hm_bytes_is_equal(delegations->roles[i].name, name))
            return &delegations->roles[i];
    return NULL;
}

/* Copies name and patterns of role, whose keys are made already. */
static enum hm_rc put_role(struct hm_delegations *delegations, struct hm_arena *arena,
                           struct hm_delegated_role *role, const char *const *paths,
                           size_t path_count, struct hm_err *err)
{
    size_t place;

    HM_TRY(check_role_name(role->name, err));
    HM_TRY(hm_arena_copy(arena, role->name, err, &role->name));
    role->paths = hm_arena_alloc(arena, path_count, sizeof(*role->paths));
    if (role->paths == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < path_count; i++) {
        struct hm_bytes path = hm_bytes_str(paths[i]);

        if (path.size == 0 || path.size > HM_TARGETS_PATH_SIZE_MAX)
            return hm_fail(err, HM_EUSAGE, "a path pattern has %zu bytes; 1 to %d are allowed",
                           path.size, HM_TARGETS_PATH_SIZE_MAX);
        HM_TRY(hm_arena_copy(arena, path, err, &role->paths[i]));
    }
    role->path_count = path_count;
    for (place = 0; place < delegations->role_count; place++)
        if (hm_bytes_is_equal(delegations->roles[place].name, role->name))
            break;
    if (place == delegations->role_count) {
        HM_TRY(grow_roles(delegations, arena, err));
        delegations->role_count++;
    }
    delegations->roles[place] = *role;
    return HM_OK;
}

enum hm_rc hm_targets_delegate(struct hm_targets *targets, const char *name,
                               const struct hm_key *const *keys, size_t key_count,
                               uint32_t threshold, const char *const *paths, size_t path_count,
                               bool terminating, struct hm_err *err)
{
    struct hm_delegated_role role = {.name = hm_bytes_str(name), .terminating = terminating};
    struct hm_delegations *delegations = &targets->delegations;
    enum hm_rc rc = HM_OK;

    if (delegations->succinct_bits > 0)
        rc = hm_fail(err, HM_EUSAGE, "a role with succinct hash bins takes no other delegation");
    if (rc == HM_OK)
        rc = hm_keyring_make_role(&delegations->ring, &targets->arena, keys, key_count, threshold,
                                  err, &role.keys);
    if (rc == HM_OK)
        rc = put_role(delegations, &targets->arena, &role, paths, path_count, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "delegation to '%s'", name);
    targets->has_delegations = true;
    return HM_OK;
}

enum hm_rc hm_targets_succinct_role(const struct hm_delegations *delegations, struct hm_bytes path,
                                    struct hm_arena *arena, struct hm_err *err,
                                    struct hm_delegated_role *ret_role)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_DOCUMENT_ROLE_NAME_SIZE_MAX);
    struct hm_delegated_role role = {.keys = delegations->succinct_keys};
    uint32_t bits = delegations->succinct_bits;
    struct hm_sha256 digest;
    uint32_t bin;

    if (bits == 0)
        return hm_fail(err, HM_EUNKNOWN, "there are no succinct hash bins");
    HM_TRY(hm_digest_sha256(path, err, &digest));
    /* TAP 15: the first bits of the path's hash, as many hexadecimal digits as the last bin's
     * number needs. */
    bin = (uint32_t)digest.bytes[0] << 24 | (uint32_t)digest.bytes[1] << 16 |
          (uint32_t)digest.bytes[2] << 8 | digest.bytes[3];
    bin >>= 32 - bits;
    HM_TRY(hm_buf_append(&name, delegations->succinct_prefix, err));
    HM_TRY(hm_buf_append_fmt(&name, err, "-%0*" PRIx32, (int)((bits + 3) / 4), bin));
    HM_TRY(hm_arena_copy(arena, hm_buf_bytes(&name), err, &role.name));
    *ret_role = role;
    return HM_OK;
}

enum hm_rc hm_targets_role_matches(const struct hm_delegated_role *role, struct hm_bytes path,
                                   struct hm_err *err, bool *ret_match)
{
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 digest;
    bool match = false;

    for (size_t i = 0; i < role->path_count && !match; i++)
        match = hm_text_is_match(role->paths[i], path);
    if (role->hash_prefix_count > 0) {
        HM_TRY(hm_digest_sha256(path, err, &digest));
        hm_text_hex(hm_bytes_make(digest.bytes, sizeof(digest.bytes)), hex);
        for (size_t i = 0; i < role->hash_prefix_count && !match; i++)
            match = hm_bytes_has_prefix(hm_bytes_str(hex), role->hash_prefixes[i]);
    }
    *ret_match = match;
    return HM_OK;
}
