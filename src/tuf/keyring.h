/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a document and the roles they sign for (TUF 1.0.34 section 4.2 and 4.3).
 *
 * Key ids are names, given by whoever wrote the document (TAP 12): never recomputed. A threshold is
 * counted over distinct key material, so one key under two ids counts once. Keys of a type or
 * scheme not known here stay in the ring, without a key object, and never count.
 */
#ifndef HM_TUF_KEYRING_H
#define HM_TUF_KEYRING_H

#include "base/json.h"
#include "base/json_writer.h"
#include "crypto/key.h"

#define HM_KEYRING_COUNT_MAX                                                                       \
    1024 /* keys in one document: python-tuf sites have a handful a role                           \
          */
#define HM_KEYRING_ID_SIZE_MAX   128 /* SHA-256 in hexadecimal is 64 */
#define HM_KEYRING_THRESHOLD_MAX 1024

struct hm_keyring_key {
    const char *id;       /* as declared */
    struct hm_key *key;   /* NULL: unknown type or scheme; owned by the ring */
    struct hm_bytes json; /* the whole key object as read, unknown fields and all */
};

struct hm_keyring {
    struct hm_keyring_key *keys; /* sorted by id */
    size_t count;
};

/* Who may sign a role, and how many must. */
struct hm_role_keys {
    const char **ids; /* distinct, as declared, sorted */
    size_t id_count;
    uint32_t threshold;            /* 1 .. HM_KEYRING_THRESHOLD_MAX */
    const struct hm_keyring *ring; /* borrows */
};

/* Reads a "keys" object at the reader's position. Strings live in the arena; key objects in the
 * ring, until _done. *ret_ring must be zeroed or a ring, which is released first. HM_EFORMAT:
 * schema, limits, a known key type that is malformed. */
HM_MUST_CHECK enum hm_rc hm_keyring_parse(struct hm_json *json, struct hm_arena *arena,
                                          struct hm_err *err, struct hm_keyring *ret_ring);
/* Frees the key objects (the arrays belong to the arena). */
void hm_keyring_done(struct hm_keyring *ring);
/* NULL if there is no such id. */
const struct hm_keyring_key *hm_keyring_find(const struct hm_keyring *ring, struct hm_bytes id);
/* Adds a key under its own id (hm_key_id) for a document being written; a key that is there already
 * is fine. Takes key (also on failure). */
HM_MUST_CHECK enum hm_rc hm_keyring_add(struct hm_keyring *ring, struct hm_arena *arena,
                                        struct hm_key *key, struct hm_err *err);
/* Writes the "keys" object. used: a flag for each key of the ring, false leaves it out; NULL writes
 * all. */
void hm_keyring_write(const struct hm_keyring *ring, const bool *used,
                      struct hm_json_writer *writer);
/* Sets the flag of each key of the role's ring that the role names. */
void hm_keyring_mark_used(const struct hm_role_keys *keys, bool *used);
/* The ids and the threshold for a role of a document being written: adds a copy of each key to the
 * ring. HM_EUSAGE: a threshold that these keys cannot meet, or the same key twice. */
HM_MUST_CHECK enum hm_rc hm_keyring_make_role(struct hm_keyring *ring, struct hm_arena *arena,
                                              const struct hm_key *const *keys, size_t key_count,
                                              uint32_t threshold, struct hm_err *err,
                                              struct hm_role_keys *ret_keys);

/* Reads the value of "keyids" into ret_keys->ids and id_count (nothing else is touched): distinct
 * strings. A keyid that the ring lacks is allowed and never counts. What stands there before, from
 * another role of the same arena or nothing, is shared where it is the same: large documents give
 * thousands of roles to the same keys. */
HM_MUST_CHECK enum hm_rc hm_keyring_parse_ids(struct hm_json *json, struct hm_arena *arena,
                                              struct hm_err *err, struct hm_role_keys *ret_keys);
/* Reads the value of "threshold": an integer from 1 on. */
HM_MUST_CHECK enum hm_rc hm_keyring_parse_threshold(struct hm_json *json, struct hm_err *err,
                                                    uint32_t *ret_threshold);
/* Writes "keyids" and "threshold" members into the open object. */
void hm_keyring_write_role(const struct hm_role_keys *keys, struct hm_json_writer *writer);
/* True if the two roles accept exactly the same key material with the same threshold. */
bool hm_keyring_is_same_role(const struct hm_role_keys *a, const struct hm_role_keys *b);
/* True if any key material stands in both roles. */
bool hm_keyring_shares_material(const struct hm_role_keys *a, const struct hm_role_keys *b);

#endif
