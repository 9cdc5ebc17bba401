/* SPDX-License-Identifier: Apache-2.0 */
/* A witness's folder. See witness_folder.h. */
#include "tlog/witness_folder.h"

#include <unistd.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/lock.h"
#include "base/text.h"
#include "net/url.h"

#define FORMAT_FILE     "format"
#define FORMAT_PREFIX   "hallmark-witness "
#define FORMAT_VERSION  1
#define FORMAT_SIZE_MAX 64
#define NAME_FILE       "witness.json"
#define NAME_SCHEMA     "hallmark/witness/1"
#define NAME_SIZE_MAX   4096
#define LOG_SCHEMA      "hallmark/witness-log/1"
#define CHANGE_LOCK     "changes" /* held while a log is added or removed */
#define CHANGE_WAIT_MS  5000
#define PATH_SIZE       128

/* In the order in which lines are given out. */
static const struct {
    const char *file;
    const char *scheme;
    enum hm_note_kind kind;
} key_files[] = {
    {"key.pem", "ed25519", HM_NOTE_COSIGNATURE},
    {"ml-dsa.pem", "ml-dsa-44", HM_NOTE_COSIGNATURE_ML_DSA},
};

static void log_path(const char *hash, char ret_path[PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, "logs/%s/log.json", hash); /* fits */
}

static void state_path(const char *hash, char ret_path[PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, "logs/%s/checkpoint", hash); /* fits */
}

enum hm_rc hm_witness_folder_hash(struct hm_bytes origin, struct hm_err *err,
                                  char ret_hash[HM_WITNESS_FOLDER_HASH_HEX])
{
    struct hm_sha256 hash;

    HM_TRY(hm_digest_sha256(origin, err, &hash));
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), ret_hash);
    return HM_OK;
}

/* --- name and keys --- */

static enum hm_rc write_name(const struct hm_dir *dir, const char *name, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(NAME_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", NAME_SCHEMA);
    hm_json_writer_key_str(&writer, "name", name);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_file_replace(dir, NAME_FILE, 0644, hm_buf_bytes(&buf), err);
}

static enum hm_rc make_key(const struct hm_dir *dir, const char *name, size_t number,
                           struct hm_err *err)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;

    HM_TRY(hm_signer_generate(key_files[number].scheme, err, &signer));
    HM_TRY(hm_note_key_make(name, key_files[number].kind, hm_signer_key(signer), err, &key));
    HM_TRY(hm_signer_write(signer, NULL, err, &pem));
    return hm_file_replace(dir, key_files[number].file, 0600, hm_bytes_make(pem.data, pem.size),
                           err);
}

enum hm_rc hm_witness_folder_init(const char *path, const char *name, bool with_ml_dsa,
                                  struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    char format[FORMAT_SIZE_MAX];

    if (!hm_note_key_is_name(hm_bytes_str(name)))
        return hm_fail(err, HM_EUSAGE,
                       "'%s' cannot name a witness: 1 to %d bytes, without white space, '+' and "
                       "control characters; a host's name and a word, such as "
                       "'witness.example/one', is usual",
                       name, HM_NOTE_KEY_NAME_SIZE_MAX);
    HM_TRY(hm_dir_make(path, 0700, err, &dir));
    HM_TRY(hm_lock_take(&dir, CHANGE_LOCK, CHANGE_WAIT_MS, err, &lock));
    if (hm_dir_has(&dir, FORMAT_FILE))
        return hm_fail(err, HM_EREFUSED,
                       "'%s' has a witness already; a second one needs a folder of its own", path);
    /* The format comes last: a folder that has it is whole. */
    if (hm_dir_has(&dir, key_files[0].file))
        return hm_fail(err, HM_EREFUSED,
                       "'%s' has a key and is no whole witness: an 'init' was broken off, or the "
                       "folder damaged; remove it only if its key was never given to anybody",
                       path);
    HM_TRY(write_name(&dir, name, err));
    if (with_ml_dsa)
        HM_TRY(make_key(&dir, name, 1, err));
    HM_TRY(make_key(&dir, name, 0, err));
    (void)snprintf(format, sizeof(format), FORMAT_PREFIX "%d\n", FORMAT_VERSION); /* fits */
    return hm_file_replace(&dir, FORMAT_FILE, 0644, hm_bytes_str(format), err);
}

/* One string member of a small object whose schema is known; others are passed over. */
static enum hm_rc parse_name(struct hm_bytes raw, struct hm_err *err, char **ret_name)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes key, schema = HM_BYTES_EMPTY, name = HM_BYTES_EMPTY;
    struct hm_json json;
    bool more;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema"))
            HM_TRY(hm_json_string(&json, err, &schema));
        else if (hm_bytes_is_str(key, "name"))
            HM_TRY(hm_json_string(&json, err, &name));
        else
            HM_TRY(hm_json_skip(&json, err, NULL));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!hm_bytes_is_str(schema, NAME_SCHEMA) || !hm_note_key_is_name(name))
        return hm_fail(err, HM_EFORMAT, "no '" NAME_SCHEMA "' with a name");
    *ret_name = strndup((const char *)name.data, name.size);
    return *ret_name == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc read_key(struct hm_witness_folder *folder, size_t number, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(8192);
    struct hm_witness_folder_key *own = &folder->keys[folder->key_count];

    if (number > 0 && !hm_dir_has(&folder->dir, key_files[number].file))
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(&path, err, "%s/%s", folder->dir.path, key_files[number].file));
    HM_TRY(hm_signer_load(hm_buf_str(&path), NULL, NULL, err, &own->signer));
    folder->key_count++;
    return hm_note_key_make(folder->name, key_files[number].kind, hm_signer_key(own->signer), err,
                            &own->key);
}

enum hm_rc hm_witness_folder_open(const char *path, struct hm_err *err,
                                  struct hm_witness_folder **ret_folder)
{
    _hm_free_(hm_witness_folder_free) struct hm_witness_folder *folder = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(NAME_SIZE_MAX);
    enum hm_rc rc;

    folder = calloc(1, sizeof(*folder));
    if (folder == NULL)
        return hm_error_nomem(err);
    folder->dir = (struct hm_dir)HM_DIR_INIT;
    if (access(path, F_OK) != 0)
        return hm_fail(err, HM_EINPUT,
                       "'%s' does not exist; make a witness by 'hallmark witness init'", path);
    HM_TRY(hm_dir_open(path, err, &folder->dir));
    if (!hm_dir_has(&folder->dir, FORMAT_FILE))
        return hm_fail(err, HM_EINPUT,
                       "'%s' is no witness's folder; make one by 'hallmark witness init'", path);
    HM_TRY(hm_file_check_format(&folder->dir, FORMAT_PREFIX, "a witness", FORMAT_VERSION, err));
    HM_TRY(hm_dir_read(&folder->dir, NAME_FILE, err, &raw));
    rc = parse_name(hm_buf_bytes(&raw), err, &folder->name);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/" NAME_FILE "'", path);
    for (size_t i = 0; i < HM_ARRAY_COUNT(key_files); i++)
        HM_TRY(read_key(folder, i, err));
    *ret_folder = hm_steal(&folder);
    return HM_OK;
}

void hm_witness_folder_free(struct hm_witness_folder *folder)
{
    if (folder == NULL)
        return;
    for (size_t i = 0; i < HM_ARRAY_COUNT(folder->keys); i++) {
        hm_note_key_free(folder->keys[i].key);
        hm_signer_free(folder->keys[i].signer);
    }
    free(folder->name);
    hm_dir_done(&folder->dir);
    free(folder);
}

/* --- logs --- */

static enum hm_rc check_origin(struct hm_bytes origin, struct hm_err *err)
{
    const struct hm_checkpoint checkpoint = {.origin = origin, .size = 1};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_CHECKPOINT_TEXT_SIZE_MAX);

    if (hm_checkpoint_write(&checkpoint, NULL, &text) != HM_OK)
        return hm_fail(err, HM_EUSAGE, "'%.*s' is no log's origin: one line of text, 1 to %d bytes",
                       HM_BYTES_FMT(origin), HM_CHECKPOINT_ORIGIN_SIZE_MAX);
    return HM_OK;
}

/* One more key, unless it is there. */
static enum hm_rc take_key(struct hm_witness_folder_log *log, struct hm_bytes vkey,
                           struct hm_err *err)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;

    HM_TRY(hm_note_key_parse(vkey, err, &key));
    if (key->kind == HM_NOTE_COSIGNATURE)
        return hm_fail(err, HM_EUSAGE, "'%s': a key of type 0x04 is a witness's, no log's",
                       key->name);
    if (key->key == NULL)
        return hm_fail(err, HM_EUNKNOWN,
                       "'%s': the installed OpenSSL cannot verify signatures of type 0x%02x",
                       key->name, (unsigned)key->kind);
    for (size_t i = 0; i < log->key_count; i++) {
        if (log->keys[i]->id == key->id &&
            hm_bytes_is_equal(log->keys[i]->name_bytes, key->name_bytes))
            return HM_OK;
    }
    if (log->key_count == HM_WITNESS_FOLDER_KEYS_MAX)
        return hm_fail(err, HM_EREFUSED, "a log has at most %d keys", HM_WITNESS_FOLDER_KEYS_MAX);
    log->keys[log->key_count++] = hm_steal(&key);
    return HM_OK;
}

static enum hm_rc parse_keys(struct hm_json *json, struct hm_err *err,
                             struct hm_witness_folder_log *log)
{
    struct hm_bytes vkey;
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        HM_TRY(hm_json_string(json, err, &vkey));
        HM_TRY(take_key(log, vkey, err));
    }
}

static enum hm_rc copy_text(struct hm_json *json, struct hm_err *err,
                            struct hm_witness_folder_log *log, const char **ret_text)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    *ret_text = hm_arena_strdup(&log->arena, text);
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc parse_log(struct hm_bytes raw, struct hm_err *err,
                            struct hm_witness_folder_log *log)
{
    struct hm_bytes key, schema = HM_BYTES_EMPTY;
    struct hm_json json;
    bool more;

    hm_json_init(&json, raw, &log->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema"))
            HM_TRY(hm_json_string(&json, err, &schema));
        else if (hm_bytes_is_str(key, "origin"))
            HM_TRY(copy_text(&json, err, log, &log->origin));
        else if (hm_bytes_is_str(key, "url"))
            HM_TRY(copy_text(&json, err, log, &log->url));
        else if (hm_bytes_is_str(key, "keys"))
            HM_TRY(parse_keys(&json, err, log));
        else
            HM_TRY(hm_json_skip(&json, err, NULL));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!hm_bytes_is_str(schema, LOG_SCHEMA) || log->origin == NULL || log->key_count == 0)
        return hm_fail(err, HM_EFORMAT, "no '" LOG_SCHEMA "' with origin and keys");
    return check_origin(hm_bytes_str(log->origin), err);
}

enum hm_rc hm_witness_folder_log_read(const struct hm_witness_folder *folder, const char *hash,
                                      struct hm_err *err, struct hm_witness_folder_log **ret_log)
{
    _hm_free_(hm_witness_folder_log_free) struct hm_witness_folder_log *log = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WITNESS_FOLDER_LOG_SIZE_MAX);
    char path[PATH_SIZE];
    enum hm_rc rc;

    HM_ASSERT(strlen(hash) == HM_WITNESS_FOLDER_HASH_HEX - 1);
    log_path(hash, path);
    HM_TRY(hm_dir_read(&folder->dir, path, err, &raw));
    log = calloc(1, sizeof(*log));
    if (log == NULL)
        return hm_error_nomem(err);
    rc = parse_log(hm_buf_bytes(&raw), err, log);
    if (rc == HM_OK)
        rc = hm_witness_folder_hash(hm_bytes_str(log->origin), err, log->hash);
    if (rc == HM_OK && strcmp(log->hash, hash) != 0)
        rc = hm_fail(err, HM_EFORMAT, "the origin '%s' is not that of this folder", log->origin);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/%s'", folder->dir.path, path);
    *ret_log = hm_steal(&log);
    return HM_OK;
}

void hm_witness_folder_log_free(struct hm_witness_folder_log *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < HM_WITNESS_FOLDER_KEYS_MAX; i++)
        hm_note_key_free(log->keys[i]);
    hm_arena_done(&log->arena);
    free(log);
}

static enum hm_rc write_log(const struct hm_witness_folder *folder,
                            const struct hm_witness_folder_log *log, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_WITNESS_FOLDER_LOG_SIZE_MAX);
    struct hm_json_writer writer;
    char path[PATH_SIZE];

    hm_json_writer_init(&writer, &buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", LOG_SCHEMA);
    hm_json_writer_key_str(&writer, "origin", log->origin);
    hm_json_writer_key(&writer, "keys");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < log->key_count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

        HM_TRY(hm_note_key_write(log->keys[i], err, &vkey));
        hm_json_writer_string(&writer, hm_buf_bytes(&vkey));
    }
    hm_json_writer_array_end(&writer);
    if (log->url != NULL)
        hm_json_writer_key_str(&writer, "url", log->url);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    log_path(log->hash, path);
    return hm_file_replace(&folder->dir, path, 0644, hm_buf_bytes(&buf), err);
}

/* The log as it is, or an empty one. */
static enum hm_rc read_or_begin(const struct hm_witness_folder *folder, struct hm_bytes origin,
                                struct hm_err *err, struct hm_witness_folder_log **ret_log)
{
    _hm_free_(hm_witness_folder_log_free) struct hm_witness_folder_log *log = NULL;
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    struct hm_err ignored = HM_ERR_INIT;
    enum hm_rc rc;

    HM_TRY(hm_witness_folder_hash(origin, err, hash));
    rc = hm_witness_folder_log_read(folder, hash, &ignored, &log);
    if (rc == HM_ENOTFOUND) {
        log = calloc(1, sizeof(*log));
        if (log == NULL)
            return hm_error_nomem(err);
        memcpy(log->hash, hash, sizeof(hash));
        log->origin = hm_arena_strdup(&log->arena, origin);
        if (log->origin == NULL)
            return hm_error_nomem(err);
    } else if (rc != HM_OK) {
        return hm_fail(err, rc, "%s", ignored.text);
    }
    *ret_log = hm_steal(&log);
    return HM_OK;
}

enum hm_rc hm_witness_folder_add(const struct hm_witness_folder *folder, const char *vkey,
                                 const char *origin, const char *url, struct hm_err *err,
                                 struct hm_witness_folder_log **ret_log)
{
    _hm_free_(hm_witness_folder_log_free) struct hm_witness_folder_log *log = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes name;
    const char **hashes;
    size_t count = 0;

    HM_TRY(hm_note_key_parse(hm_bytes_str(vkey), err, &key));
    name = origin == NULL ? key->name_bytes : hm_bytes_str(origin);
    HM_TRY(check_origin(name, err));
    if (url != NULL && (strlen(url) > HM_WITNESS_FOLDER_URL_MAX ||
                        (hm_url_kind(url) != HM_URL_REMOTE && hm_url_kind(url) != HM_URL_FILE)))
        return hm_fail(err, HM_EUSAGE, "'%s' is no URL of a log: http, https or file", url);
    HM_TRY(hm_lock_take(&folder->dir, CHANGE_LOCK, CHANGE_WAIT_MS, err, &lock));
    HM_TRY(read_or_begin(folder, name, err, &log));
    HM_TRY(hm_witness_folder_list(folder, &arena, err, &hashes, &count));
    if (log->key_count == 0 && count >= HM_WITNESS_FOLDER_LOGS_MAX)
        return hm_fail(err, HM_EREFUSED, "a witness has at most %d logs",
                       HM_WITNESS_FOLDER_LOGS_MAX);
    HM_TRY(take_key(log, hm_bytes_str(vkey), err));
    if (url != NULL) {
        log->url = hm_arena_strdup(&log->arena, hm_bytes_str(url));
        if (log->url == NULL)
            return hm_error_nomem(err);
    }
    HM_TRY(write_log(folder, log, err));
    *ret_log = hm_steal(&log);
    return HM_OK;
}

enum hm_rc hm_witness_folder_remove(const struct hm_witness_folder *folder, const char *origin,
                                    struct hm_err *err)
{
    _hm_done_(hm_lock_done) struct hm_lock lock = HM_LOCK_INIT;
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    char path[PATH_SIZE];

    HM_TRY(hm_witness_folder_hash(hm_bytes_str(origin), err, hash));
    log_path(hash, path);
    HM_TRY(hm_lock_take(&folder->dir, CHANGE_LOCK, CHANGE_WAIT_MS, err, &lock));
    if (!hm_dir_has(&folder->dir, path))
        return hm_fail(err, HM_ENOTFOUND,
                       "the witness '%s' has no log '%s'; 'hallmark witness log list' shows those "
                       "it has",
                       folder->name, origin);
    return hm_dir_remove(&folder->dir, path, err);
}

enum hm_rc hm_witness_folder_list(const struct hm_witness_folder *folder, struct hm_arena *arena,
                                  struct hm_err *err, const char ***ret_hashes, size_t *ret_count)
{
    const char **names = NULL;
    size_t count = 0;
    size_t kept = 0;
    /* Those removed are there too. */
    enum hm_rc rc = hm_dir_list(&folder->dir, "logs", (size_t)4 * HM_WITNESS_FOLDER_LOGS_MAX, arena,
                                err, &names, &count);

    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    for (size_t i = 0; i < count; i++) {
        char path[PATH_SIZE];

        if (strlen(names[i]) != HM_WITNESS_FOLDER_HASH_HEX - 1)
            continue;
        log_path(names[i], path);
        if (hm_dir_has(&folder->dir, path))
            names[kept++] = names[i];
    }
    *ret_hashes = names;
    *ret_count = kept;
    return HM_OK;
}

/* --- state --- */

static enum hm_rc parse_state(const struct hm_witness_folder *folder, const char *hash,
                              struct hm_err *err, struct hm_witness_folder_state *state)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    const struct hm_note_key *keys[HM_ARRAY_COUNT(folder->keys)];
    struct hm_note_verdict verdicts[HM_ARRAY_COUNT(folder->keys)] = {{.time_s = 0}};
    struct hm_checkpoint checkpoint;
    char real_hash[HM_WITNESS_FOLDER_HASH_HEX];

    for (size_t i = 0; i < folder->key_count; i++)
        keys[i] = folder->keys[i].key;
    HM_TRY(hm_note_parse(hm_buf_bytes(&state->note), err, &note));
    HM_TRY(hm_note_verify(note, keys, folder->key_count, err, verdicts));
    HM_TRY(hm_checkpoint_parse(note->text, err, &checkpoint));
    HM_TRY(hm_witness_folder_hash(checkpoint.origin, err, real_hash));
    if (strcmp(hash, real_hash) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is a checkpoint of the log '%.*s'",
                       HM_BYTES_FMT(checkpoint.origin));
    state->size = checkpoint.size;
    state->root = checkpoint.root;
    state->time_s = 0;
    for (size_t i = 0; i < folder->key_count; i++) {
        if (verdicts[i].is_signed && verdicts[i].time_s > state->time_s)
            state->time_s = verdicts[i].time_s;
    }
    return HM_OK;
}

enum hm_rc hm_witness_folder_state_read(const struct hm_witness_folder *folder, const char *hash,
                                        struct hm_err *err,
                                        struct hm_witness_folder_state *ret_state)
{
    char path[PATH_SIZE];
    enum hm_rc rc;

    state_path(hash, path);
    hm_buf_clear(&ret_state->note);
    ret_state->is_there = false;
    ret_state->size = 0;
    ret_state->time_s = 0;
    HM_TRY(hm_digest_sha256(HM_BYTES_EMPTY, err, &ret_state->root));
    rc = hm_dir_read(&folder->dir, path, err, &ret_state->note);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    rc = parse_state(folder, hash, err, ret_state);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc,
                               "'%s/%s' is not what this witness wrote, and nothing of this log is "
                               "cosigned until it is known why",
                               folder->dir.path, path);
    ret_state->is_there = true;
    return HM_OK;
}

enum hm_rc hm_witness_folder_state_write(const struct hm_witness_folder *folder, const char *hash,
                                         struct hm_bytes note, struct hm_err *err)
{
    char path[PATH_SIZE];

    state_path(hash, path);
    return hm_file_replace(&folder->dir, path, 0644, note, err);
}
