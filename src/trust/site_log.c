/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What root.json says of a site's release log (docs/formats.md 11): parse, check, write, free.
 *
 * "log": {"policy": TEXT, "closed": [{"vkey": TEXT, "size": N, "root": HEX}...]}
 */
#include "trust/site_log.h"

#include "base/text.h"
#include "trust/root_word.h"

/* The log */

static enum hm_rc check_size(int64_t size, const struct hm_sha256 *root, struct hm_err *err)
{
    struct hm_sha256 empty;

    if (size < 0)
        return hm_fail(err, HM_EFORMAT, "its size is negative");
    HM_TRY(hm_digest_sha256(HM_BYTES_EMPTY, err, &empty));
    if (size == 0 && !hm_digest_is_equal(root, &empty))
        return hm_fail(err, HM_EFORMAT, "it is empty, but its root is not that of an empty tree");
    return HM_OK;
}

static enum hm_rc parse_log_key(struct hm_bytes vkey, struct hm_err *err,
                                struct hm_note_key **ret_key)
{
    HM_TRY(hm_note_key_parse(vkey, err, ret_key));
    if ((*ret_key)->kind == HM_NOTE_COSIGNATURE)
        return hm_fail(err, HM_EFORMAT, "'%s': a key of type 0x04 is no log's", (*ret_key)->name);
    return HM_OK;
}

static enum hm_rc parse_closed_item(struct hm_json *json, struct hm_err *err,
                                    struct hm_site_log_closed *closed)
{
    bool has_size = false, has_root = false, more;
    struct hm_bytes key, text;
    int64_t size = 0;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "vkey")) {
            HM_TRY(hm_json_string(json, err, &text));
            HM_TRY(parse_log_key(text, err, &closed->key));
        } else if (hm_bytes_is_str(key, "size")) {
            has_size = true;
            HM_TRY(hm_json_int(json, err, &size));
        } else if (hm_bytes_is_str(key, "root")) {
            has_root = true;
            HM_TRY(hm_json_string(json, err, &text));
            if (hm_text_unhex(text, closed->root.bytes, HM_SHA256_SIZE) != HM_OK)
                return hm_fail(err, HM_EFORMAT, "its root is not 64 hexadecimal digits");
        } else {
            HM_TRY(hm_json_skip(json, err, &text));
        }
    }
    if (closed->key == NULL || !has_size || !has_root)
        return hm_fail(err, HM_EFORMAT, "it lacks vkey, size or root");
    HM_TRY(check_size(size, &closed->root, err));
    closed->size = (uint64_t)size;
    return HM_OK;
}

static enum hm_rc parse_closed(struct hm_json *json, struct hm_err *err, struct hm_site_log *log)
{
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        enum hm_rc rc;

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        if (log->closed_count == HM_SITE_LOG_CLOSED_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "more than %d closed logs",
                           HM_SITE_LOG_CLOSED_COUNT_MAX);
        /* Counted first: what is half read is freed too. */
        rc = parse_closed_item(json, err, &log->closed[log->closed_count++]);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "closed log %zu", log->closed_count);
    }
}

static enum hm_rc parse_policy(struct hm_json *json, struct hm_err *err, struct hm_site_log *log)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    HM_TRY(hm_log_policy_parse(text, err, &log->policy));
    if (log->policy->log_count != 1)
        return hm_fail(err, HM_EFORMAT, "its policy has %zu log lines, must have one",
                       log->policy->log_count);
    return HM_OK;
}

static enum hm_rc parse_log(struct hm_json *json, struct hm_err *err, struct hm_site_log *log)
{
    struct hm_bytes key, span;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "policy"))
            HM_TRY(parse_policy(json, err, log));
        else if (hm_bytes_is_str(key, "closed"))
            HM_TRY(parse_closed(json, err, log));
        else
            HM_TRY(hm_json_skip(json, err, &span));
    }
    if (log->policy == NULL)
        return hm_fail(err, HM_EFORMAT, "it has no policy");
    return HM_OK;
}

/* Whoever holds one of these keys may speak for one thing only. */

static enum hm_rc check_root_keys(const struct hm_root *root, const struct hm_note_key *key,
                                  struct hm_err *err)
{
    if (key->key == NULL) /* an algorithm that the installed OpenSSL lacks: no role has such keys */
        return HM_OK;
    for (int role = 0; role < HM_ROOT_ROLE_COUNT_; role++) {
        const struct hm_role_keys *keys = &root->roles[role];

        for (size_t i = 0; i < keys->id_count; i++) {
            const struct hm_keyring_key *other =
                hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

            if (other != NULL && other->key != NULL &&
                hm_digest_is_equal(hm_key_material(other->key), hm_key_material(key->key)))
                return hm_fail(err, HM_EFORMAT, "the key of '%s' signs '%s' too", key->name,
                               hm_root_role_name((enum hm_root_role)role));
        }
    }
    return HM_OK;
}

static enum hm_rc check_distinct(const struct hm_site_log *log, struct hm_err *err)
{
    const struct hm_note_key *own = log->policy->logs[0].key;

    for (size_t i = 0; i < log->policy->witness_count; i++)
        if (hm_note_key_is_same_key(log->policy->witnesses[i].key, own))
            return hm_fail(err, HM_EFORMAT, "the log's key is the witness '%s' too",
                           log->policy->witnesses[i].name);
    for (size_t i = 0; i < log->closed_count; i++) {
        const struct hm_note_key *closed = log->closed[i].key;

        for (size_t j = 0; j <= i; j++) {
            const struct hm_note_key *other = j == i ? own : log->closed[j].key;

            /* Witnesses know a log by its origin: one that was closed is never used again. */
            if (hm_bytes_is_equal(closed->name_bytes, other->name_bytes))
                return hm_fail(err, HM_EFORMAT, "the origin '%s' is of two logs", closed->name);
            if (hm_note_key_is_same_key(closed, other))
                return hm_fail(err, HM_EFORMAT, "'%s' and '%s' have the same key", closed->name,
                               other->name);
        }
    }
    return HM_OK;
}

static enum hm_rc parse(const struct hm_root *root, struct hm_err *err, struct hm_site_log *log)
{
    struct hm_bytes value;
    struct hm_json json;

    HM_TRY(hm_root_word_find(root->document.x_hallmark, "log", err, &value));
    if (value.size == 0)
        return HM_OK;
    hm_json_init(&json, value, &log->arena);
    HM_TRY(parse_log(&json, err, log));
    HM_TRY(check_distinct(log, err));
    return check_root_keys(root, log->policy->logs[0].key, err);
}

enum hm_rc hm_site_log_parse(const struct hm_root *root, struct hm_err *err,
                             struct hm_site_log **ret_log)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log = calloc(1, sizeof(*log));
    enum hm_rc rc;

    if (log == NULL)
        return hm_error_nomem(err);
    log->closed = hm_arena_alloc(&log->arena, HM_SITE_LOG_CLOSED_COUNT_MAX, sizeof(*log->closed));
    if (log->closed == NULL)
        return hm_error_nomem(err);
    rc = parse(root, err, log);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'root', the release log");
    *ret_log = hm_steal(&log);
    return HM_OK;
}

void hm_site_log_free(struct hm_site_log *log)
{
    if (log == NULL)
        return;
    hm_log_policy_free(log->policy);
    for (size_t i = 0; i < log->closed_count; i++)
        hm_note_key_free(log->closed[i].key);
    hm_arena_done(&log->arena);
    free(log);
}

static enum hm_rc write_closed(const struct hm_site_log_closed *closed, struct hm_err *err,
                               struct hm_json_writer *writer)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    HM_TRY(hm_note_key_write(closed->key, err, &vkey));
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "vkey", hm_buf_str(&vkey));
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, closed->size);
    hm_json_writer_key(writer, "root");
    hm_json_writer_hex(writer, hm_bytes_make(closed->root.bytes, HM_SHA256_SIZE));
    hm_json_writer_object_end(writer);
    return HM_OK;
}

enum hm_rc hm_site_log_write(const struct hm_site_log *log, struct hm_err *err,
                             struct hm_buf *ret_json)
{
    _hm_done_(hm_buf_done) struct hm_buf policy = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    struct hm_json_writer writer;

    if (log->policy == NULL)
        return HM_OK;
    HM_TRY(hm_log_policy_write(log->policy, err, &policy));
    hm_json_writer_init(&writer, ret_json, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key(&writer, "policy");
    hm_json_writer_string(&writer, hm_buf_bytes(&policy));
    if (log->closed_count > 0) {
        hm_json_writer_key(&writer, "closed");
        hm_json_writer_array_begin(&writer);
        for (size_t i = 0; i < log->closed_count; i++)
            HM_TRY(write_closed(&log->closed[i], err, &writer));
        hm_json_writer_array_end(&writer);
    }
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_site_log_put(struct hm_bytes x_hallmark, const struct hm_site_log *log,
                           struct hm_err *err, struct hm_buf *ret_json)
{
    _hm_done_(hm_buf_done) struct hm_buf value = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    HM_TRY(hm_site_log_write(log, err, &value));
    return hm_root_word_put(x_hallmark, "log", hm_buf_bytes(&value), err, ret_json);
}

/* Succession */

static bool is_same_closed(const struct hm_site_log_closed *a, const struct hm_site_log_closed *b)
{
    return hm_note_key_is_same(a->key, b->key) && a->size == b->size &&
           hm_digest_is_equal(&a->root, &b->root);
}

enum hm_rc hm_site_log_check_successor(const struct hm_site_log *log,
                                       const struct hm_site_log *next, struct hm_err *err)
{
    const struct hm_note_key *before, *after;
    size_t added;

    if (next->policy == NULL) {
        if (log->policy == NULL)
            return HM_OK;
        return hm_fail(err, HM_EREFUSED,
                       "the new root names no release log, where the one before names '%s': a "
                       "site that began a log keeps it",
                       log->policy->logs[0].key->name);
    }
    for (size_t i = 0; i < log->closed_count; i++)
        if (i >= next->closed_count || !is_same_closed(&log->closed[i], &next->closed[i]))
            return hm_fail(err, HM_EREFUSED,
                           "the new root tells otherwise of the closed log '%s' than the one "
                           "before",
                           log->closed[i].key->name);
    added = next->closed_count - log->closed_count;
    before = log->policy == NULL ? NULL : log->policy->logs[0].key;
    after = next->policy->logs[0].key;
    if (before == NULL || hm_note_key_is_same(before, after)) {
        if (added > 0)
            return hm_fail(err, HM_EREFUSED,
                           "the new root closes the log '%s', which the one before did not name",
                           next->closed[log->closed_count].key->name);
        return HM_OK;
    }
    if (added != 1 || !hm_note_key_is_same(before, next->closed[log->closed_count].key))
        return hm_fail(err, HM_EREFUSED,
                       "the new root names the log '%s' with another key or origin than '%s' "
                       "before, and does not close that one",
                       after->name, before->name);
    return HM_OK;
}

enum hm_rc hm_site_log_check_next_root(const struct hm_root *before, const struct hm_root *next,
                                       struct hm_err *err)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *old = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *new = NULL;

    HM_TRY(hm_site_log_parse(next, err, &new));
    if (before == NULL)
        return HM_OK;
    HM_TRY(hm_site_log_parse(before, err, &old));
    return hm_site_log_check_successor(old, new, err);
}
