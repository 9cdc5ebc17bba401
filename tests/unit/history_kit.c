/* SPDX-License-Identifier: Apache-2.0 */
/* A site's history in memory. See history_kit.h. */
#include "unit.h"

#include "history_kit.h"

#include <stdlib.h>

#include "base/text.h"

#define OK(call)                                                                                   \
    do {                                                                                           \
        enum hm_rc ok_rc_ = (call);                                                                \
        if (ok_rc_ != HM_OK)                                                                       \
            fail_msg("%s: %s", #call, hm_error_name(ok_rc_));                                      \
    } while (0)

/* ---- what is served ---------------------------------------------------------------------------
 */

static struct history_kit_file *find_file(const struct history_kit *kit, const char *name)
{
    for (size_t i = 0; i < kit->file_count; i++) {
        if (strcmp(kit->files[i].name, name) == 0)
            return (struct history_kit_file *)&kit->files[i];
    }
    return NULL;
}

void history_kit_serve(struct history_kit *kit, const char *name, struct hm_bytes raw)
{
    struct history_kit_file *file = find_file(kit, name);

    if (file == NULL) {
        assert_true(kit->file_count < HISTORY_KIT_FILES_MAX);
        file = &kit->files[kit->file_count++];
        file->name = strdup(name);
        assert_non_null(file->name);
        file->raw = (struct hm_buf)HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    }
    hm_buf_clear(&file->raw);
    OK(hm_buf_append(&file->raw, raw, NULL));
}

void history_kit_withdraw(struct history_kit *kit, const char *name)
{
    struct history_kit_file *file = find_file(kit, name);

    assert_non_null(file);
    free(file->name);
    hm_buf_done(&file->raw);
    *file = kit->files[--kit->file_count];
}

struct hm_bytes history_kit_served(const struct history_kit *kit, const char *name)
{
    const struct history_kit_file *file = find_file(kit, name);

    if (file == NULL)
        fail_msg("'%s' is not served", name);
    return hm_buf_bytes(&file->raw);
}

static enum hm_rc get(struct history_kit *kit, const char *folder, const char *name,
                      struct hm_err *err, struct hm_buf *ret_buf)
{
    const struct history_kit_file *file;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (kit->broken != NULL && strstr(path, kit->broken) != NULL)
        return hm_fail(err, HM_ENETWORK, "'%s': the line is down", path);
    file = find_file(kit, path);
    if (file == NULL)
        return hm_fail(err, HM_ENOTFOUND, "'%s': there is none", path);
    return hm_buf_append(ret_buf, hm_buf_bytes(&file->raw), err);
}

static enum hm_rc get_metadata(void *ctx, const char *name, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    return get(ctx, "metadata", name, err, ret_buf);
}

static enum hm_rc get_maker(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf)
{
    return get(ctx, "makers", name, err, ret_buf);
}

static enum hm_rc get_entry(void *ctx, uint64_t index, struct hm_err *err, struct hm_buf *ret_entry)
{
    struct history_kit *kit = ctx;

    assert_true(index < kit->count);
    return hm_buf_append_str(ret_entry, kit->entries[index], err);
}

struct hm_client_source history_kit_metadata(struct history_kit *kit)
{
    return (struct hm_client_source){.get = get_metadata, .ctx = kit};
}

struct hm_client_source history_kit_makers(struct history_kit *kit)
{
    return (struct hm_client_source){.get = get_maker, .ctx = kit};
}

struct hm_replay_entries history_kit_entries(struct history_kit *kit)
{
    return (struct hm_replay_entries){.get = get_entry, .ctx = kit};
}

/* ---- documents --------------------------------------------------------------------------------
 */

void history_kit_root(struct history_kit *kit)
{
    const enum kit_key keys[HM_ROOT_ROLE_COUNT_] = {KIT_ROOT, kit->online, kit->online,
                                                    KIT_TARGETS};
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    enum kit_key signer = KIT_ROOT;
    struct hm_root *root = NULL;
    char name[64];

    OK(hm_root_new(NULL, &root));
    root->document.version = ++kit->root_version;
    root->document.expires_unix_s = kit->expires;
    root->consistent_snapshot = true;
    OK(hm_arena_copy(&root->arena, hm_bytes_str(kit->x_hallmark), NULL,
                     &root->document.x_hallmark));
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
        const struct hm_key *key = kit_key(keys[i]);

        OK(hm_root_set_role(root, (enum hm_root_role)i, &key, 1, 1, NULL));
    }
    OK(hm_root_write(root, NULL, &canonical));
    kit_sign(hm_buf_bytes(&canonical), &signer, 1, &raw);
    hm_root_free(root);
    (void)snprintf(name, sizeof(name), "metadata/%lld.root.json", (long long)kit->root_version);
    history_kit_serve(kit, name, hm_buf_bytes(&raw));
    kit->root =
        (struct hm_entry_document){.version = (uint64_t)kit->root_version, .length = raw.size};
    OK(hm_digest_sha256(hm_buf_bytes(&raw), NULL, &kit->root.sha256));
}

void history_kit_identity(struct history_kit *kit, int64_t version)
{
    static const enum kit_key keys[] = {KIT_ACME1, KIT_ACME2};
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    size_t count = (size_t)version;
    char name[64];

    /* As kit_site has them. */
    kit_identity("acme", version, keys, count, (uint32_t)count, keys, count, &raw);
    (void)snprintf(name, sizeof(name), "makers/acme/%lld.identity", (long long)version);
    history_kit_serve(kit, name, hm_buf_bytes(&raw));
}

static void put_meta(struct history_kit *kit, const char *role, int64_t version,
                     struct hm_bytes raw)
{
    struct hm_snapshot_meta meta = {
        .name = hm_bytes_str(role),
        .version = version,
        .facts = {.has_length = true, .length = raw.size, .has_sha256 = true}};

    OK(hm_digest_sha256(raw, NULL, &meta.facts.sha256));
    OK(hm_snapshot_put(kit->snapshot, &meta, NULL));
}

int64_t history_kit_version(const struct history_kit *kit, const char *role)
{
    const struct hm_snapshot_meta *meta = hm_snapshot_find(kit->snapshot, hm_bytes_str(role));

    return meta == NULL ? 0 : meta->version;
}

void history_kit_sign_as(struct history_kit *kit, const char *role, struct hm_targets *content,
                         int64_t version, const enum kit_key *keys, size_t key_count)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    char name[256];

    content->document.version = version;
    content->document.expires_unix_s = kit->expires;
    OK(hm_targets_write(content, NULL, &canonical));
    kit_sign(hm_buf_bytes(&canonical), keys, key_count, &raw);
    (void)snprintf(name, sizeof(name), "metadata/%lld.%s.json", (long long)version, role);
    history_kit_serve(kit, name, hm_buf_bytes(&raw));
    put_meta(kit, role, version, hm_buf_bytes(&raw));
}

void history_kit_sign(struct history_kit *kit, const char *role)
{
    static const enum kit_key acme[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key targets = KIT_TARGETS, release = KIT_RELEASE;
    struct hm_targets *content = NULL;
    const enum kit_key *keys = acme;
    size_t count = 1;

    if (strcmp(role, "targets") == 0) {
        struct hm_err err = HM_ERR_INIT;

        if (kit_layout(&kit->site, &err) != HM_OK)
            fail_msg("%s", err.text);
        content = kit->site.targets;
        keys = &targets;
    } else if (strcmp(role, "maker~acme") == 0) {
        content = kit->site.maker_role;
        count = 2;
    } else if (strcmp(role, "recalls~acme") == 0) {
        content = kit->recalls;
    } else {
        content = strcmp(role, "release~bolt") == 0 ? kit->bolt : kit->site.release;
        keys = &release;
    }
    history_kit_sign_as(kit, role, content, history_kit_version(kit, role) + 1, keys, count);
}

void history_kit_put(struct history_kit *kit, const char *path, char letter)
{
    if (strncmp(path, "bolt/", 5) == 0) {
        kit_put(kit->bolt, path, 100, letter, NULL);
        return;
    }
    kit_put(kit->site.release, path, 100, letter, NULL);
    kit_put(kit->site.maker_role, path, 100, letter, NULL);
}

/* ---- the log ----------------------------------------------------------------------------------
 */

static void add(struct history_kit *kit, bool counts, const char *text)
{
    assert_true(kit->count < HISTORY_KIT_ENTRIES_MAX);
    kit->entries[kit->count] = strdup(text);
    assert_non_null(kit->entries[kit->count]);
    if (counts) {
        _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
        struct hm_err err = HM_ERR_INIT;

        if (hm_entry_parse(hm_bytes_str(text), &err, &entry) != HM_OK ||
            hm_release_map_apply(kit->map, entry, kit->count, &err) != HM_OK)
            fail_msg("%s", err.text);
    }
    kit->count++;
}

void history_kit_entry(struct history_kit *kit, bool counts, const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    assert_true(vasprintf(&text, format, args) > 0);
    va_end(args);
    add(kit, counts, text);
    free(text);
}

static void write_entry(struct history_kit *kit, const struct hm_entry *entry)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    if (hm_entry_write(entry, &err, &raw) != HM_OK)
        fail_msg("%s", err.text);
    add(kit, true, hm_buf_str(&raw));
}

void history_kit_root_entry(struct history_kit *kit)
{
    struct hm_entry entry = {.kind = HM_ENTRY_ROOT, .site = "globex", .root = kit->root};

    write_entry(kit, &entry);
}

void history_kit_release(struct history_kit *kit, const char *path)
{
    bool is_bolt = strncmp(path, "bolt/", 5) == 0;
    const struct hm_targets *role = is_bolt ? kit->bolt : kit->site.release;
    struct hm_entry_role roles[2] = {{.name = "maker~acme"}, {.name = "release~acme"}};
    struct hm_entry_image images[8];
    struct hm_entry entry = {.kind = HM_ENTRY_RELEASE,
                             .site = "globex",
                             .path = path,
                             .images = images,
                             .roles = is_bolt ? roles + 1 : roles,
                             .role_count = is_bolt ? 1 : 2};

    if (is_bolt)
        roles[1].name = "release~bolt";
    for (size_t i = 0; i < 2; i++)
        roles[i].version = (uint64_t)history_kit_version(kit, roles[i].name);
    for (size_t i = 0; i < role->target_count; i++) {
        const struct hm_target *target = &role->targets[i];
        size_t size = strlen(path);

        if (!hm_bytes_has_prefix(target->path, hm_bytes_str(path)) ||
            target->path.data[size] != '/')
            continue;
        assert_true(entry.image_count < HM_ARRAY_COUNT(images));
        images[entry.image_count++] =
            (struct hm_entry_image){.file = strndup((const char *)target->path.data + size + 1,
                                                    target->path.size - size - 1),
                                    .sha256 = target->facts.sha256,
                                    .length = target->facts.length};
    }
    write_entry(kit, &entry);
    for (size_t i = 0; i < entry.image_count; i++)
        free((void *)(uintptr_t)images[i].file);
}

void history_kit_maker(struct history_kit *kit, const char *id)
{
    struct hm_entry_role role = {.name = "targets",
                                 .version = (uint64_t)history_kit_version(kit, "targets")};
    struct hm_entry entry = {.kind = HM_ENTRY_MAKER,
                             .site = "globex",
                             .maker = id,
                             .is_attested = true,
                             .roles = &role,
                             .role_count = 1};

    for (size_t i = 0; i < kit->site.list_count; i++) {
        const struct hm_layout_maker *maker = &kit->site.list[i];

        if (strcmp(maker->id, id) != 0 || maker->is_attested)
            continue;
        entry.is_attested = false;
        entry.document = (struct hm_entry_document){.version = (uint64_t)maker->identity_version,
                                                    .sha256 = maker->identity_sha256,
                                                    .length = maker->identity_length};
    }
    write_entry(kit, &entry);
}

void history_kit_close_as(struct history_kit *kit, int64_t version, size_t count)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    char snapshot[HM_SHA256_HEX_SIZE], root[HM_SHA256_HEX_SIZE], map[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256, map_root;
    uint64_t keys = 0;
    char name[64];

    kit->snapshot->document.version = version;
    kit->snapshot->document.expires_unix_s = kit->expires;
    OK(hm_snapshot_write(kit->snapshot, NULL, &canonical));
    kit_sign(hm_buf_bytes(&canonical), &kit->online, 1, &raw);
    (void)snprintf(name, sizeof(name), "metadata/%lld.snapshot.json", (long long)version);
    history_kit_serve(kit, name, hm_buf_bytes(&raw));
    OK(hm_digest_sha256(hm_buf_bytes(&raw), NULL, &sha256));
    OK(hm_release_map_root(kit->map, NULL, &map_root, &keys));
    if (kit->is_map_false)
        map_root = kit->false_map;
    hm_text_hex(hm_bytes_make(sha256.bytes, sizeof(sha256.bytes)), snapshot);
    hm_text_hex(hm_bytes_make(kit->root.sha256.bytes, sizeof(sha256.bytes)), root);
    hm_text_hex(hm_bytes_make(map_root.bytes, sizeof(map_root.bytes)), map);
    history_kit_entry(kit, false,
                      "hallmark/snapshot v1\nsite globex\nsnapshot %lld %s %zu\nroot %llu %s\n"
                      "map %s %llu\nentries %zu %zu\n%s",
                      (long long)version, snapshot, raw.size, (unsigned long long)kit->root.version,
                      root, map, (unsigned long long)keys, kit->count - count, count,
                      kit->voids == NULL ? "" : kit->voids);
    kit->voids = NULL;
    kit->batch_first = kit->count;
}

void history_kit_close(struct history_kit *kit)
{
    history_kit_close_as(kit, kit->snapshot->document.version + 1, kit->count - kit->batch_first);
}

/* ---- the first batch --------------------------------------------------------------------------
 */

static struct hm_targets *new_role(const char *x_hallmark)
{
    struct hm_targets *role = NULL;

    OK(hm_targets_new(NULL, &role));
    kit_x_hallmark(role, x_hallmark);
    return role;
}

void history_kit_init(struct history_kit *kit, const char *x_hallmark)
{
    static const char *const roles[] = {"targets", "release~acme", "release~bolt", "maker~acme"};

    *kit = (struct history_kit){.online = KIT_ONLINE, .expires = INT64_C(4102444800)};
    (void)snprintf(kit->x_hallmark, sizeof(kit->x_hallmark), "%s", x_hallmark);
    kit_site_init(&kit->site);
    kit->bolt = new_role("{\"site\":\"globex\"}");
    kit->recalls = new_role("{\"maker\":\"acme\",\"site\":\"globex\"}");
    OK(hm_snapshot_new(NULL, &kit->snapshot));
    kit->snapshot->document.version = 0;
    OK(hm_release_store_memory_new(NULL, &kit->memory));
    kit->store = hm_release_store_in_memory(kit->memory);
    OK(hm_release_map_new(&kit->store, NULL, &kit->map));
    history_kit_root(kit);
    history_kit_identity(kit, 1);
    history_kit_identity(kit, 2);
    for (size_t i = 0; i < HM_ARRAY_COUNT(roles); i++)
        history_kit_sign(kit, roles[i]);
    history_kit_root_entry(kit);
    history_kit_maker(kit, "acme");
    history_kit_maker(kit, "bolt");
    history_kit_release(kit, "acme/nic/1.0");
    history_kit_release(kit, "acme/nic/2.0");
}

void history_kit_done(struct history_kit *kit)
{
    for (size_t i = 0; i < kit->count; i++)
        free(kit->entries[i]);
    for (size_t i = 0; i < kit->file_count; i++) {
        free(kit->files[i].name);
        hm_buf_done(&kit->files[i].raw);
    }
    hm_release_map_free(kit->map);
    hm_release_store_memory_free(kit->memory);
    hm_snapshot_free(kit->snapshot);
    hm_targets_free(kit->bolt);
    hm_targets_free(kit->recalls);
    kit_site_done(&kit->site);
}
