/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of recalls. See recall_memory.h. */
#include "customer/recall_memory.h"

#include "base/file.h"
#include "base/text.h"

#define FILE_NAME "recalls.json"
#define SCHEMA    "hallmark/recalls/1"

void hm_recall_memory_done(struct hm_recall_memory *memory)
{
    hm_recall_set_done(&memory->recalls);
    free(memory->roles);
    hm_arena_done(&memory->arena);
    *memory = (struct hm_recall_memory){0};
}

/* ---- roles ----------------------------------------------------------------------------------- */

static struct hm_recall_memory_role *find_role(const struct hm_recall_memory *memory,
                                               struct hm_bytes name)
{
    for (size_t i = 0; i < memory->role_count; i++) {
        if (hm_bytes_is_str(name, memory->roles[i].name))
            return &memory->roles[i];
    }
    return NULL;
}

int64_t hm_recall_memory_version(const struct hm_recall_memory *memory, struct hm_bytes name)
{
    const struct hm_recall_memory_role *role = find_role(memory, name);

    return role == NULL ? 0 : role->version;
}

static enum hm_rc set_version(struct hm_recall_memory *memory, struct hm_bytes name,
                              int64_t version, struct hm_err *err)
{
    struct hm_recall_memory_role *role = find_role(memory, name);

    if (role != NULL) {
        role->version = version;
        return HM_OK;
    }
    if (memory->role_count == HM_RECALL_MEMORY_ROLE_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d roles", HM_RECALL_MEMORY_ROLE_COUNT_MAX);
    if (memory->role_count == memory->role_capacity) {
        size_t capacity = memory->role_capacity == 0 ? 16 : 2 * memory->role_capacity;

        role = reallocarray(memory->roles, capacity, sizeof(*role));
        if (role == NULL)
            return hm_error_nomem(err);
        memory->roles = role;
        memory->role_capacity = capacity;
    }
    role = &memory->roles[memory->role_count];
    *role = (struct hm_recall_memory_role){hm_arena_strdup(&memory->arena, name), version};
    if (role->name == NULL)
        return hm_error_nomem(err);
    memory->role_count++;
    return HM_OK;
}

enum hm_rc hm_recall_memory_take(struct hm_recall_memory *memory, const char *name,
                                 const struct hm_targets *role, const char *site,
                                 struct hm_err *err)
{
    HM_TRY(hm_recall_set_add_role(&memory->recalls, name, role, site, err));
    return set_version(memory, hm_bytes_str(name), role->document.version, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum hm_rc parse_roles(struct hm_json *json, struct hm_recall_memory *memory,
                              struct hm_err *err)
{
    struct hm_bytes name;
    int64_t version;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &name));
        if (!more)
            return HM_OK;
        HM_TRY(hm_json_int(json, err, &version));
        if (version < 1)
            return hm_fail(err, HM_EFORMAT, "the version of '%.*s' is not one", HM_BYTES_FMT(name));
        HM_TRY(set_version(memory, name, version, err));
    }
}

static enum hm_rc parse_recall(struct hm_json *json, struct hm_recall_memory *memory,
                               struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_recall recall = {0};
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        enum hm_rc rc;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "path")) {
            HM_TRY(hm_json_string(json, err, &text));
            recall.path = hm_arena_strdup(&arena, text);
            if (recall.path == NULL)
                return hm_error_nomem(err);
            continue;
        }
        rc = hm_recall_parse_member(json, key, &arena, err, &recall);
        if (rc == HM_EUNKNOWN)
            return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
        HM_TRY(rc);
    }
    if (recall.path == NULL)
        return hm_fail(err, HM_EFORMAT, "a recall lacks its path");
    HM_TRY(hm_recall_check(&recall, err));
    return hm_recall_set_add(&memory->recalls, &recall, err);
}

static enum hm_rc parse_recalls(struct hm_json *json, struct hm_recall_memory *memory,
                                struct hm_err *err)
{
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        HM_TRY(parse_recall(json, memory, err));
    }
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_recall_memory *memory, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    bool schema = false, has_recalls = false;
    struct hm_json json;
    struct hm_bytes key, text;
    bool more;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "roles")) {
            HM_TRY(parse_roles(&json, memory, err));
        } else if (hm_bytes_is_str(key, "recalls")) {
            has_recalls = true;
            HM_TRY(parse_recalls(&json, memory, err));
        } else if (hm_bytes_is_str(key, "schema")) {
            HM_TRY(hm_json_string(&json, err, &text));
            schema = hm_bytes_is_str(text, SCHEMA);
        } else {
            return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    if (!schema || !has_recalls)
        return hm_fail(err, HM_EFORMAT, "it lacks schema '" SCHEMA "' or recalls");
    return HM_OK;
}

enum hm_rc hm_recall_memory_read(const struct hm_dir *site_dir, struct hm_err *err,
                                 struct hm_recall_memory *ret_memory)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_RECALL_MEMORY_SIZE_MAX);
    _hm_done_(hm_recall_memory_done) struct hm_recall_memory memory = {0};
    enum hm_rc rc = hm_dir_read(site_dir, FILE_NAME, err, &raw);

    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    if (rc == HM_OK) {
        rc = parse(hm_buf_bytes(&raw), &memory, err);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc,
                                   "what was remembered of recalls is damaged ('%s/" FILE_NAME
                                   "'); restore it from a backup",
                                   site_dir->path);
    }
    *ret_memory = memory;
    memory = (struct hm_recall_memory){0};
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum hm_rc write_text(const struct hm_recall_memory *memory, struct hm_err *err,
                             struct hm_buf *ret_raw)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key(&writer, "roles");
    hm_json_writer_object_begin(&writer);
    for (size_t i = 0; i < memory->role_count; i++)
        hm_json_writer_key_int(&writer, memory->roles[i].name, memory->roles[i].version);
    hm_json_writer_object_end(&writer);
    hm_json_writer_key(&writer, "recalls");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < memory->recalls.count; i++) {
        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "path", memory->recalls.items[i]->path);
        hm_recall_write_members(memory->recalls.items[i], &writer);
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_recall_memory_write(const struct hm_recall_memory *memory,
                                  const struct hm_dir *site_dir, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf held = HM_BUF_INIT(HM_RECALL_MEMORY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_RECALL_MEMORY_SIZE_MAX);

    HM_TRY(write_text(memory, err, &raw));
    if (hm_dir_read(site_dir, FILE_NAME, NULL, &held) == HM_OK &&
        hm_bytes_is_equal(hm_buf_bytes(&held), hm_buf_bytes(&raw)))
        return HM_OK;
    return hm_file_replace(site_dir, FILE_NAME, 0644, hm_buf_bytes(&raw), err);
}
