/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and roles in TUF documents (TUF 1.0.34 sections 4.2 and 4.3). */
#include "tuf/keyring.h"

#include "tuf/grow_internal.h"

#define KEY_JSON_SIZE_MAX                                                                          \
    65536 /* a key object that is written: HM_KEY_PUBLIC_SIZE_MAX, escaped                         \
           */

static int compare_keys(const void *a, const void *b)
{
    const struct hm_keyring_key *left = a;
    const struct hm_keyring_key *right = b;

    return strcmp(left->id, right->id);
}

static int compare_ids(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;

    return strcmp(*left, *right);
}

static enum hm_rc parse_keyval(struct hm_json *json, struct hm_err *err,
                               struct hm_bytes *ret_public)
{
    struct hm_bytes key, skipped;
    enum hm_json_kind kind;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        HM_TRY(hm_json_peek(json, err, &kind));
        if (hm_bytes_is_str(key, "public") && kind == HM_JSON_STRING)
            HM_TRY(hm_json_string(json, err, ret_public));
        else
            HM_TRY(hm_json_skip(json, err, &skipped));
    }
}

/* A key object; *ret_key NULL if its type or scheme is not known. */
static enum hm_rc parse_key(struct hm_bytes object, struct hm_arena *arena, struct hm_err *err,
                            struct hm_key **ret_key)
{
    struct hm_bytes keytype = {0}, scheme = {0}, public_text = {0}, key, skipped;
    bool more, has_keytype = false, has_scheme = false, has_keyval = false;
    struct hm_json json;
    enum hm_rc rc;

    hm_json_init(&json, object, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "keytype")) {
            HM_TRY(hm_json_string(&json, err, &keytype));
            has_keytype = true;
        } else if (hm_bytes_is_str(key, "scheme")) {
            HM_TRY(hm_json_string(&json, err, &scheme));
            has_scheme = true;
        } else if (hm_bytes_is_str(key, "keyval")) {
            HM_TRY(parse_keyval(&json, err, &public_text));
            has_keyval = true;
        } else {
            HM_TRY(hm_json_skip(&json, err, &skipped));
        }
    }
    if (!has_keytype || !has_scheme || !has_keyval)
        return hm_fail(err, HM_EFORMAT, "\"keytype\", \"scheme\" or \"keyval\" is missing");
    rc = hm_key_parse_tuf(keytype, scheme, public_text, err, ret_key);
    if (rc == HM_EUNKNOWN) {
        *ret_key = NULL;
        return HM_OK;
    }
    return rc;
}

static enum hm_rc check_id(struct hm_bytes id, struct hm_err *err)
{
    if (id.size == 0 || id.size > HM_KEYRING_ID_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a key id has %zu bytes; 1 to %d are allowed", id.size,
                       HM_KEYRING_ID_SIZE_MAX);
    return HM_OK;
}

static enum hm_rc parse_keys(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                             struct hm_keyring *ring)
{
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        struct hm_keyring_key *entry;
        struct hm_bytes id;
        enum hm_rc rc;
        void *grown;

        HM_TRY(hm_json_object_next(json, err, &more, &id));
        if (!more)
            break;
        HM_TRY(check_id(id, err));
        if (ring->count == HM_KEYRING_COUNT_MAX)
            return hm_fail_at(err, HM_EFORMAT, json->offset, "more than %d keys",
                              HM_KEYRING_COUNT_MAX);
        grown = hm_grow(arena, ring->keys, ring->count, sizeof(*ring->keys));
        if (grown == NULL)
            return hm_error_nomem(err);
        ring->keys = grown;
        entry = &ring->keys[ring->count];
        *entry = (struct hm_keyring_key){.id = hm_arena_strdup(arena, id)};
        if (entry->id == NULL)
            return hm_error_nomem(err);
        HM_TRY(hm_json_skip(json, err, &entry->json));
        rc = parse_key(entry->json, arena, err, &entry->key);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "key '%s'", entry->id);
        ring->count++;
    }
    if (ring->count > 1)
        qsort(ring->keys, ring->count, sizeof(*ring->keys), compare_keys);
    return HM_OK;
}

enum hm_rc hm_keyring_parse(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                            struct hm_keyring *ret_ring)
{
    struct hm_keyring ring = {0};
    enum hm_rc rc = parse_keys(json, arena, err, &ring);

    if (rc != HM_OK) {
        hm_keyring_done(&ring);
        return rc;
    }
    /* A member that comes twice is refused, but by the reader only at the object's end. */
    hm_keyring_done(ret_ring);
    *ret_ring = ring;
    return HM_OK;
}

void hm_keyring_done(struct hm_keyring *ring)
{
    for (size_t i = 0; i < ring->count; i++)
        hm_key_free(ring->keys[i].key);
    *ring = (struct hm_keyring){0};
}

const struct hm_keyring_key *hm_keyring_find(const struct hm_keyring *ring, struct hm_bytes id)
{
    size_t low = 0, high = ring->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hm_bytes_compare(hm_bytes_str(ring->keys[middle].id), id);

        if (order == 0)
            return &ring->keys[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static enum hm_rc write_key(const struct hm_key *key, struct hm_arena *arena, struct hm_err *err,
                            struct hm_bytes *ret_json)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(KEY_JSON_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &buf, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "keytype", hm_key_type(key));
    hm_json_writer_key(&writer, "keyval");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "public", hm_key_public(key));
    hm_json_writer_object_end(&writer);
    hm_json_writer_key_str(&writer, "scheme", hm_key_scheme(key));
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_arena_copy(arena, hm_buf_bytes(&buf), err, ret_json);
}

enum hm_rc hm_keyring_add(struct hm_keyring *ring, struct hm_arena *arena, struct hm_key *key,
                          struct hm_err *err)
{
    _hm_free_(hm_key_free) struct hm_key *owned = key;
    struct hm_keyring_key entry = {0};
    void *grown;

    if (hm_keyring_find(ring, hm_bytes_str(hm_key_id(key))) != NULL)
        return HM_OK;
    if (ring->count == HM_KEYRING_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d keys in one document", HM_KEYRING_COUNT_MAX);
    entry.id = hm_arena_strdup(arena, hm_bytes_str(hm_key_id(key)));
    grown = hm_grow(arena, ring->keys, ring->count, sizeof(*ring->keys));
    if (entry.id == NULL || grown == NULL)
        return hm_error_nomem(err);
    ring->keys = grown;
    HM_TRY(write_key(key, arena, err, &entry.json));
    entry.key = hm_steal(&owned);
    ring->keys[ring->count++] = entry;
    qsort(ring->keys, ring->count, sizeof(*ring->keys), compare_keys);
    return HM_OK;
}

void hm_keyring_write(const struct hm_keyring *ring, const bool *used,
                      struct hm_json_writer *writer)
{
    hm_json_writer_object_begin(writer);
    for (size_t i = 0; i < ring->count; i++) {
        if (used != NULL && !used[i])
            continue;
        hm_json_writer_key(writer, ring->keys[i].id);
        hm_json_writer_raw(writer, ring->keys[i].json);
    }
    hm_json_writer_object_end(writer);
}

void hm_keyring_mark_used(const struct hm_role_keys *keys, bool *used)
{
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_keyring_key *key = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

        if (key != NULL)
            used[key - keys->ring->keys] = true;
    }
}

static enum hm_rc copy_key(const struct hm_key *key, struct hm_err *err, struct hm_key **ret_copy)
{
    return hm_key_parse_tuf(hm_bytes_str(hm_key_type(key)), hm_bytes_str(hm_key_scheme(key)),
                            hm_bytes_str(hm_key_public(key)), err, ret_copy);
}

enum hm_rc hm_keyring_make_role(struct hm_keyring *ring, struct hm_arena *arena,
                                const struct hm_key *const *keys, size_t key_count,
                                uint32_t threshold, struct hm_err *err,
                                struct hm_role_keys *ret_keys)
{
    struct hm_role_keys made = {.threshold = threshold, .ring = ring};

    if (threshold < 1 || threshold > key_count || threshold > HM_KEYRING_THRESHOLD_MAX)
        return hm_fail(err, HM_EUSAGE, "a threshold of %u cannot be met with %zu keys", threshold,
                       key_count);
    made.ids = hm_arena_alloc(arena, key_count, sizeof(*made.ids));
    if (made.ids == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < key_count; i++) {
        struct hm_key *copy;

        for (size_t j = 0; j < i; j++)
            if (hm_digest_is_equal(hm_key_material(keys[i]), hm_key_material(keys[j])))
                return hm_fail(err, HM_EUSAGE, "key %s is given twice for one role",
                               hm_key_id(keys[i]));
        HM_TRY(copy_key(keys[i], err, &copy));
        HM_TRY(hm_keyring_add(ring, arena, copy, err));
        made.ids[i] = hm_arena_strdup(arena, hm_bytes_str(hm_key_id(keys[i])));
        if (made.ids[i] == NULL)
            return hm_error_nomem(err);
    }
    made.id_count = key_count;
    qsort(made.ids, made.id_count, sizeof(*made.ids), compare_ids);
    *ret_keys = made;
    return HM_OK;
}

/* A list of its own that begins with these ids: the strings are shared. */
static enum hm_rc copy_shared(struct hm_arena *arena, const char *const *ids, size_t count,
                              struct hm_err *err, const char ***ret_ids, size_t *ret_count)
{
    const char **copy = NULL;

    for (size_t i = 0; i < count; i++) {
        void *grown = hm_grow(arena, copy, i, sizeof(*copy));

        if (grown == NULL)
            return hm_error_nomem(err);
        copy = grown;
        copy[i] = ids[i];
    }
    *ret_ids = copy;
    *ret_count = count;
    return HM_OK;
}

enum hm_rc hm_keyring_parse_ids(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                                struct hm_role_keys *ret_keys)
{
    const char **ids = NULL;
    size_t count = 0;
    size_t shared = 0; /* the first so many are those that stood there before */
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        struct hm_bytes id;
        void *grown;

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            break;
        HM_TRY(hm_json_string(json, err, &id));
        HM_TRY(check_id(id, err));
        if (ids == NULL && shared < ret_keys->id_count &&
            hm_bytes_is_str(id, ret_keys->ids[shared])) {
            shared++;
            continue;
        }
        if (ids == NULL && shared > 0)
            HM_TRY(copy_shared(arena, ret_keys->ids, shared, err, &ids, &count));
        if (count == HM_KEYRING_COUNT_MAX)
            return hm_fail_at(err, HM_EFORMAT, json->offset, "more than %d key ids in a role",
                              HM_KEYRING_COUNT_MAX);
        grown = hm_grow(arena, ids, count, sizeof(*ids));
        if (grown == NULL)
            return hm_error_nomem(err);
        ids = grown;
        ids[count] = hm_arena_strdup(arena, id);
        if (ids[count] == NULL)
            return hm_error_nomem(err);
        count++;
    }
    if (ids == NULL && shared > 0) {
        if (shared == ret_keys->id_count)
            return HM_OK; /* sorted and distinct as it is */
        HM_TRY(copy_shared(arena, ret_keys->ids, shared, err, &ids, &count));
    }
    if (count > 1)
        qsort(ids, count, sizeof(*ids), compare_ids);
    for (size_t i = 1; i < count; i++)
        if (strcmp(ids[i - 1], ids[i]) == 0)
            return hm_fail_at(err, HM_EFORMAT, json->offset, "key id '%s' comes twice in a role",
                              ids[i]);
    ret_keys->ids = ids;
    ret_keys->id_count = count;
    return HM_OK;
}

enum hm_rc hm_keyring_parse_threshold(struct hm_json *json, struct hm_err *err,
                                      uint32_t *ret_threshold)
{
    int64_t value;

    HM_TRY(hm_json_int(json, err, &value));
    /* CVE-2026-23992: a threshold of 0 or less would switch verification off. */
    if (value < 1 || value > HM_KEYRING_THRESHOLD_MAX)
        return hm_fail_at(err, HM_EFORMAT, json->offset,
                          "a threshold of %lld is outside of 1 to %d", (long long)value,
                          HM_KEYRING_THRESHOLD_MAX);
    *ret_threshold = (uint32_t)value;
    return HM_OK;
}

void hm_keyring_write_role(const struct hm_role_keys *keys, struct hm_json_writer *writer)
{
    hm_json_writer_key(writer, "keyids");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < keys->id_count; i++)
        hm_json_writer_str(writer, keys->ids[i]);
    hm_json_writer_array_end(writer);
    hm_json_writer_key_int(writer, "threshold", keys->threshold);
}

/* The key material behind the role's i-th id; NULL if there is none that could count. */
static const struct hm_sha256 *role_material(const struct hm_role_keys *keys, size_t index)
{
    const struct hm_keyring_key *key = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[index]));

    return key == NULL || key->key == NULL ? NULL : hm_key_material(key->key);
}

static bool has_material(const struct hm_role_keys *keys, const struct hm_sha256 *material)
{
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_sha256 *other = role_material(keys, i);

        if (other != NULL && hm_digest_is_equal(other, material))
            return true;
    }
    return false;
}

static bool is_subset(const struct hm_role_keys *part, const struct hm_role_keys *whole)
{
    for (size_t i = 0; i < part->id_count; i++) {
        const struct hm_sha256 *material = role_material(part, i);

        if (material != NULL && !has_material(whole, material))
            return false;
    }
    return true;
}

bool hm_keyring_is_same_role(const struct hm_role_keys *a, const struct hm_role_keys *b)
{
    return a->threshold == b->threshold && is_subset(a, b) && is_subset(b, a);
}

bool hm_keyring_shares_material(const struct hm_role_keys *a, const struct hm_role_keys *b)
{
    for (size_t i = 0; i < a->id_count; i++) {
        const struct hm_sha256 *material = role_material(a, i);

        if (material != NULL && has_material(b, material))
            return true;
    }
    return false;
}
