/* SPDX-License-Identifier: Apache-2.0 */
/* A TUF repository in memory. */
#include "tuf_fixture.h"

#include <inttypes.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"

#define RAW_SIZE_MAX ((size_t)100000000)

static void ok(enum hm_rc rc, const struct hm_err *err)
{
    if (rc != HM_OK)
        fail_msg("%s: %s", hm_error_name(rc), err->text);
}

const struct hm_key *fixture_key(const struct fixture *fx, enum fixture_key key)
{
    return hm_signer_key(fx->signers[key]);
}

void fixture_key_json(const struct fixture *fx, enum fixture_key key, struct hm_buf *ret_json)
{
    const struct hm_key *public_key = fixture_key(fx, key);
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_json, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "keytype", hm_key_type(public_key));
    hm_json_writer_key(&writer, "keyval");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "public", hm_key_public(public_key));
    hm_json_writer_object_end(&writer);
    hm_json_writer_key_str(&writer, "scheme", hm_key_scheme(public_key));
    hm_json_writer_object_end(&writer);
    ok(hm_json_writer_end(&writer, &err), &err);
}

/* canonical may hold raw control characters: it is what is signed, not JSON to be read. */
static void sign_canonical(const struct fixture *fx, struct hm_bytes canonical,
                           const enum fixture_key *keys, size_t key_count, struct hm_buf *ret_raw)
{
    struct hm_signature signatures[FIXTURE_KEY_COUNT_];
    char hex[FIXTURE_KEY_COUNT_][256];
    struct hm_err err = HM_ERR_INIT;

    assert_true(key_count <= FIXTURE_KEY_COUNT_);
    for (size_t i = 0; i < key_count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(127);

        ok(hm_signer_sign(fx->signers[keys[i]], canonical, &err, &signature), &err);
        hm_text_hex(hm_buf_bytes(&signature), hex[i]);
        signatures[i].keyid = hm_bytes_str(hm_key_id(fixture_key(fx, keys[i])));
        signatures[i].hex = hm_bytes_str(hex[i]);
    }
    hm_buf_done(ret_raw);
    ret_raw->size_max = RAW_SIZE_MAX;
    ok(hm_envelope_write(canonical, signatures, key_count, &err, ret_raw), &err);
}

void fixture_sign(const struct fixture *fx, struct hm_bytes json, const enum fixture_key *keys,
                  size_t key_count, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(RAW_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    ok(hm_json_canonicalise(json, &err, &canonical), &err);
    sign_canonical(fx, hm_buf_bytes(&canonical), keys, key_count, ret_raw);
}

void fixture_sign_one(const struct fixture *fx, const char *json, enum fixture_key key,
                      struct hm_buf *ret_raw)
{
    fixture_sign(fx, hm_bytes_str(json), &key, 1, ret_raw);
}

void fixture_wrap(const char *signatures, const char *json, struct hm_buf *ret_raw)
{
    struct hm_err err = HM_ERR_INIT;

    hm_buf_done(ret_raw);
    ret_raw->size_max = RAW_SIZE_MAX;
    ok(hm_buf_append_str(ret_raw, "{\"signatures\":[", &err), &err);
    ok(hm_buf_append_str(ret_raw, signatures, &err), &err);
    ok(hm_buf_append_str(ret_raw, "],\"signed\":", &err), &err);
    ok(hm_buf_append_str(ret_raw, json, &err), &err);
    ok(hm_buf_append_str(ret_raw, "}", &err), &err);
}

static struct fixture_file *find_file(const struct fixture *fx, const char *name)
{
    for (size_t i = 0; i < fx->file_count; i++)
        if (strcmp(fx->files[i].name, name) == 0)
            return (struct fixture_file *)&fx->files[i];
    return NULL;
}

void fixture_serve(struct fixture *fx, const char *name, struct hm_bytes raw)
{
    struct fixture_file *file = find_file(fx, name);
    struct hm_err err = HM_ERR_INIT;

    if (file == NULL) {
        assert_true(fx->file_count < FIXTURE_FILES_MAX);
        file = &fx->files[fx->file_count++];
        file->name = strdup(name);
        assert_non_null(file->name);
    } else {
        hm_buf_done(&file->raw);
    }
    file->raw.size_max = RAW_SIZE_MAX;
    ok(hm_buf_append(&file->raw, raw, &err), &err);
}

void fixture_withdraw(struct fixture *fx, const char *name)
{
    struct fixture_file *file = find_file(fx, name);

    assert_non_null(file);
    free(file->name);
    hm_buf_done(&file->raw);
    *file = fx->files[--fx->file_count];
    fx->files[fx->file_count] = (struct fixture_file){0};
}

struct hm_bytes fixture_served(const struct fixture *fx, const char *name)
{
    const struct fixture_file *file = find_file(fx, name);

    assert_non_null(file);
    return hm_buf_bytes(&file->raw);
}

static enum hm_rc get(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf)
{
    struct fixture *fx = ctx;
    const struct fixture_file *file = find_file(fx, name);
    size_t used = strlen(fx->log);
    size_t length = strlen(name);

    assert_true(length > 5 && strcmp(name + length - 5, ".json") == 0);
    (void)snprintf(fx->log + used, sizeof(fx->log) - used, "%s%.*s", used == 0 ? "" : " ",
                   (int)(length - 5), name);
    if (file == NULL)
        return hm_fail(err, HM_ENOTFOUND, "%s: not found", name);
    return hm_buf_append(ret_buf, hm_buf_bytes(&file->raw), err);
}

static void state_facts(const struct fixture *fx, struct hm_bytes raw, struct hm_file_facts *facts)
{
    struct hm_err err = HM_ERR_INIT;

    *facts = (struct hm_file_facts){0};
    if (!fx->hashes)
        return;
    facts->has_length = facts->has_sha256 = true;
    facts->length = raw.size;
    ok(hm_digest_sha256(raw, &err, &facts->sha256), &err);
}

void fixture_publish_root(struct fixture *fx, const enum fixture_key *keys, size_t key_count)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(RAW_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(RAW_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    char name[64];

    ok(hm_root_write(fx->root, &err, &canonical), &err);
    sign_canonical(fx, hm_buf_bytes(&canonical), keys, key_count, &raw);
    (void)snprintf(name, sizeof(name), "%" PRId64 ".root.json", fx->root->document.version);
    fixture_serve(fx, name, hm_buf_bytes(&raw));
}

void fixture_publish_timestamp(struct fixture *fx)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(RAW_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(RAW_SIZE_MAX);
    enum fixture_key key = FIXTURE_TIMESTAMP;
    struct hm_snapshot_meta meta = {.version = fx->snapshot->document.version};
    struct hm_err err = HM_ERR_INIT;
    char name[64];

    (void)snprintf(name, sizeof(name), "%" PRId64 ".snapshot.json", meta.version);
    if (fx->root->consistent_snapshot)
        state_facts(fx, fixture_served(fx, name), &meta.facts);
    else
        state_facts(fx, fixture_served(fx, "snapshot.json"), &meta.facts);
    ok(hm_timestamp_write(&fx->timestamp, &meta, &err, &canonical), &err);
    sign_canonical(fx, hm_buf_bytes(&canonical), &key, 1, &raw);
    fixture_serve(fx, "timestamp.json", hm_buf_bytes(&raw));
}

/* "N.NAME.json", and "NAME.json" for repositories without consistent snapshots. */
static void serve_both(struct fixture *fx, const char *name, int64_t version, struct hm_bytes raw)
{
    char file_name[1024];

    if (fx->root->consistent_snapshot)
        (void)snprintf(file_name, sizeof(file_name), "%" PRId64 ".%s.json", version, name);
    else
        (void)snprintf(file_name, sizeof(file_name), "%s.json", name);
    fixture_serve(fx, file_name, raw);
}

void fixture_publish_snapshot(struct fixture *fx)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(RAW_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(RAW_SIZE_MAX);
    enum fixture_key key = FIXTURE_SNAPSHOT;
    struct hm_err err = HM_ERR_INIT;

    ok(hm_snapshot_write(fx->snapshot, &err, &canonical), &err);
    sign_canonical(fx, hm_buf_bytes(&canonical), &key, 1, &raw);
    serve_both(fx, "snapshot", fx->snapshot->document.version, hm_buf_bytes(&raw));
}

void fixture_publish_role(struct fixture *fx, const char *name, const struct hm_targets *role,
                          enum fixture_key key)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(RAW_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(RAW_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf encoded = HM_BUF_INIT(1024);
    struct hm_snapshot_meta meta = {.name = hm_bytes_str(name), .version = role->document.version};
    struct hm_err err = HM_ERR_INIT;

    ok(hm_targets_write(role, &err, &canonical), &err);
    sign_canonical(fx, hm_buf_bytes(&canonical), &key, 1, &raw);
    ok(hm_text_percent(&encoded, meta.name, &err), &err);
    serve_both(fx, hm_buf_str(&encoded), role->document.version, hm_buf_bytes(&raw));
    state_facts(fx, hm_buf_bytes(&raw), &meta.facts);
    ok(hm_snapshot_put(fx->snapshot, &meta, &err), &err);
}

void fixture_publish_next(struct fixture *fx)
{
    fx->targets->document.version++;
    fx->snapshot->document.version++;
    fx->timestamp.version++;
    fixture_publish_role(fx, "targets", fx->targets, FIXTURE_TARGETS);
    fixture_publish_snapshot(fx);
    fixture_publish_timestamp(fx);
}

void fixture_put(struct hm_targets *role, const char *path, const char *content)
{
    struct hm_target target = {.path = hm_bytes_str(path)};
    struct hm_err err = HM_ERR_INIT;

    target.facts.has_length = target.facts.has_sha256 = true;
    target.facts.length = strlen(content);
    ok(hm_digest_sha256(hm_bytes_str(content), &err, &target.facts.sha256), &err);
    ok(hm_targets_put(role, &target, &err), &err);
}

struct hm_targets *fixture_role(const char *path)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_targets *role;

    ok(hm_targets_new(&err, &role), &err);
    role->document = (struct hm_document){.version = 1, .expires_unix_s = FIXTURE_EXPIRES};
    if (path != NULL)
        fixture_put(role, path, "hello");
    return role;
}

void fixture_delegate(const struct fixture *fx, struct hm_targets *parent, const char *name,
                      enum fixture_key key, const char *pattern, bool terminating)
{
    const struct hm_key *public_key = fixture_key(fx, key);
    struct hm_err err = HM_ERR_INIT;

    ok(hm_targets_delegate(parent, name, &public_key, 1, 1, &pattern, 1, terminating, &err), &err);
}

void fixture_init(struct fixture *fx, const struct hm_dir *dir)
{
    static const enum fixture_key owners[HM_ROOT_ROLE_COUNT_] = {
        [HM_ROOT_ROLE_ROOT] = FIXTURE_ROOT,
        [HM_ROOT_ROLE_TIMESTAMP] = FIXTURE_TIMESTAMP,
        [HM_ROOT_ROLE_SNAPSHOT] = FIXTURE_SNAPSHOT,
        [HM_ROOT_ROLE_TARGETS] = FIXTURE_TARGETS,
    };
    struct hm_document document = {.version = 1, .expires_unix_s = FIXTURE_EXPIRES};
    enum fixture_key root_key = FIXTURE_ROOT;
    struct hm_err err = HM_ERR_INIT;

    *fx = (struct fixture){.dir = dir, .now_unix_s = FIXTURE_NOW, .hashes = true};
    fx->source = (struct hm_client_source){.get = get, .ctx = fx};
    for (int i = 0; i < FIXTURE_KEY_COUNT_; i++)
        ok(hm_signer_generate("ed25519", &err, &fx->signers[i]), &err);
    ok(hm_root_new(&err, &fx->root), &err);
    ok(hm_snapshot_new(&err, &fx->snapshot), &err);
    fx->root->document = fx->snapshot->document = fx->timestamp = document;
    fx->root->consistent_snapshot = true;
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
        const struct hm_key *key = fixture_key(fx, owners[i]);

        ok(hm_root_set_role(fx->root, (enum hm_root_role)i, &key, 1, 1, &err), &err);
    }
    fx->targets = fixture_role("file.bin");
    fixture_publish_root(fx, &root_key, 1);
    fixture_publish_role(fx, "targets", fx->targets, FIXTURE_TARGETS);
    fixture_publish_snapshot(fx);
    fixture_publish_timestamp(fx);
    if (dir != NULL)
        ok(hm_client_init(dir, fixture_served(fx, "1.root.json"), &err), &err);
}

void fixture_done(struct fixture *fx)
{
    for (int i = 0; i < FIXTURE_KEY_COUNT_; i++)
        hm_signer_free(fx->signers[i]);
    for (size_t i = 0; i < fx->file_count; i++) {
        free(fx->files[i].name);
        hm_buf_done(&fx->files[i].raw);
    }
    hm_root_free(fx->root);
    hm_targets_free(fx->targets);
    hm_snapshot_free(fx->snapshot);
}

struct hm_client *fixture_open(struct fixture *fx)
{
    struct hm_client_config config = {.dir = fx->dir,
                                      .source = &fx->source,
                                      .now_unix_s = fx->now_unix_s,
                                      .require_hashes = fx->require_hashes};
    struct hm_err err = HM_ERR_INIT;
    struct hm_client *client;

    fx->log[0] = '\0';
    ok(hm_client_open(&config, &err, &client), &err);
    return client;
}

enum hm_rc fixture_refresh(struct fixture *fx, struct hm_err *err)
{
    struct hm_client *client = fixture_open(fx);
    enum hm_rc rc = hm_client_refresh(client, err);

    hm_client_free(client);
    return rc;
}

static bool read_stored(const struct fixture *fx, const char *name, struct hm_buf *ret_raw)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s.json", name);
    return hm_dir_read(fx->dir, path, NULL, ret_raw) == HM_OK;
}

int64_t fixture_stored(const struct fixture *fx, const char *name)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(RAW_SIZE_MAX);
    const char *version;

    if (!read_stored(fx, name, &raw))
        return 0;
    /* "version" is the last member of what the fixture writes, but for metas of other roles. */
    version = strstr(hm_buf_str(&raw), "\"version\":");
    assert_non_null(version);
    for (;;) {
        const char *next = strstr(version + 1, "\"version\":");

        if (next == NULL)
            return strtoll(version + 10, NULL, 10);
        version = next;
    }
}

bool fixture_is_stored(const struct fixture *fx, const char *name, const char *served_name)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(RAW_SIZE_MAX);

    return read_stored(fx, name, &raw) &&
           hm_bytes_is_equal(hm_buf_bytes(&raw), fixture_served(fx, served_name));
}
