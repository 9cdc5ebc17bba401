/* SPDX-License-Identifier: Apache-2.0 */
/* Delegated roles in memory: a table of lists by a hash of the name. A site chooses the names of
 * its roles, and can make its own customers slow at worst by as many names as the snapshot holds.
 */
#include "tuf/held.h"

#include "tuf/grow_internal.h"

#define BUCKETS_MIN 16

static size_t hash_of(struct hm_bytes name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 32);
}

static void free_role(struct hm_held_role *role)
{
    hm_targets_free(role->targets);
    hm_buf_done(&role->raw);
    hm_arena_done(&role->arena);
    free(role);
}

void hm_held_done(struct hm_held *held)
{
    for (size_t i = 0; i < held->bucket_count; i++) {
        while (held->buckets[i] != NULL) {
            struct hm_held_role *role = held->buckets[i];

            held->buckets[i] = role->next;
            free_role(role);
        }
    }
    free(held->buckets);
    *held = (struct hm_held){0};
}

struct hm_held_role *hm_held_find(const struct hm_held *held, struct hm_bytes name)
{
    if (held->bucket_count == 0)
        return NULL;
    for (struct hm_held_role *role = held->buckets[hash_of(name) & (held->bucket_count - 1)];
         role != NULL; role = role->next) {
        if (hm_bytes_is_equal(role->name, name))
            return role;
    }
    return NULL;
}

static enum hm_rc grow(struct hm_held *held, struct hm_err *err)
{
    size_t count = held->bucket_count == 0 ? BUCKETS_MIN : 2 * held->bucket_count;
    struct hm_held_role **buckets;

    if (held->count < held->bucket_count)
        return HM_OK;
    buckets = calloc(count, sizeof(struct hm_held_role *));
    if (buckets == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < held->bucket_count; i++) {
        while (held->buckets[i] != NULL) {
            struct hm_held_role *role = held->buckets[i];
            struct hm_held_role **place = &buckets[hash_of(role->name) & (count - 1)];

            held->buckets[i] = role->next;
            role->next = *place;
            *place = role;
        }
    }
    free(held->buckets);
    held->buckets = buckets;
    held->bucket_count = count;
    return HM_OK;
}

enum hm_rc hm_held_put(struct hm_held *held, struct hm_bytes name, const struct hm_sha256 *keys,
                       struct hm_buf *raw, struct hm_targets **targets, struct hm_err *err,
                       struct hm_held_role **ret_role)
{
    struct hm_held_role **place;
    struct hm_held_role *role;

    HM_TRY(grow(held, err));
    role = calloc(1, sizeof(*role));
    if (role == NULL)
        return hm_error_nomem(err);
    if (hm_arena_copy(&role->arena, name, err, &role->name) != HM_OK ||
        hm_held_accept(role, keys, err) != HM_OK) {
        free_role(role);
        return hm_error_nomem(err);
    }
    role->raw = *raw;
    *raw = (struct hm_buf)HM_BUF_INIT(0);
    role->targets = hm_steal(targets);
    place = &held->buckets[hash_of(name) & (held->bucket_count - 1)];
    role->next = *place;
    *place = role;
    held->count++;
    *ret_role = role;
    return HM_OK;
}

void hm_held_drop(struct hm_held *held, struct hm_bytes name)
{
    struct hm_held_role **place;

    if (held->bucket_count == 0)
        return;
    place = &held->buckets[hash_of(name) & (held->bucket_count - 1)];
    while (*place != NULL && !hm_bytes_is_equal((*place)->name, name))
        place = &(*place)->next;
    if (*place != NULL) {
        struct hm_held_role *role = *place;

        *place = role->next;
        held->count--;
        free_role(role);
    }
}

bool hm_held_is_accepted(const struct hm_held_role *role, const struct hm_sha256 *keys)
{
    for (size_t i = 0; i < role->accepted_count; i++) {
        if (hm_digest_is_equal(&role->accepted[i], keys))
            return true;
    }
    return false;
}

enum hm_rc hm_held_accept(struct hm_held_role *role, const struct hm_sha256 *keys,
                          struct hm_err *err)
{
    void *grown = hm_grow(&role->arena, role->accepted, role->accepted_count, sizeof(*keys));

    if (grown == NULL)
        return hm_error_nomem(err);
    role->accepted = grown;
    role->accepted[role->accepted_count++] = *keys;
    return HM_OK;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hm_sha256));
}

enum hm_rc hm_held_digest_keys(const struct hm_role_keys *keys, struct hm_err *err,
                               struct hm_sha256 *ret_digest)
{
    size_t size = sizeof(struct hm_sha256);
    _hm_free_(free) char *memory = calloc(keys->id_count + 1, size);
    struct hm_sha256 *list = (struct hm_sha256 *)(void *)memory;
    size_t count = 1;

    if (memory == NULL)
        return hm_error_nomem(err);
    memcpy(list[0].bytes, &keys->threshold, sizeof(keys->threshold));
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_keyring_key *key = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

        if (key != NULL && key->key != NULL)
            list[count++] = *hm_key_material(key->key);
    }
    qsort(list + 1, count - 1, size, compare_digests);
    return hm_digest_sha256(hm_bytes_make(list, count * size), err, ret_digest);
}
