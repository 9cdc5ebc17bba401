/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets.json and delegated roles: files, and who may speak for which paths (TUF 1.0.34
 * section 4.5).
 */
#ifndef HM_TUF_TARGETS_H
#define HM_TUF_TARGETS_H

#include "tuf/document.h"

#define HM_TARGETS_COUNT_MAX            1000000
#define HM_TARGETS_PATH_SIZE_MAX        1024
#define HM_TARGETS_DELEGATION_COUNT_MAX 65536
#define HM_TARGETS_PATTERN_COUNT_MAX    65536 /* over all delegations of a document */
#define HM_TARGETS_SUCCINCT_BITS_MAX    32

struct hm_target {
    struct hm_bytes path;
    struct hm_file_facts facts; /* has_length always */
    struct hm_bytes custom;     /* raw JSON object, or empty */
};

struct hm_delegated_role {
    struct hm_bytes name;
    struct hm_role_keys keys;
    struct hm_bytes *paths; /* patterns; or */
    size_t path_count;
    struct hm_bytes *hash_prefixes; /* lower-case hexadecimal; never both */
    size_t hash_prefix_count;
    bool terminating;
};

struct hm_delegations {
    struct hm_keyring ring;
    struct hm_delegated_role *roles; /* in order of priority */
    size_t role_count;
    /* TAP 15, read only: succinct_bits 0 if absent */
    uint32_t succinct_bits;
    struct hm_bytes succinct_prefix;
    struct hm_role_keys succinct_keys;
};

struct hm_targets {
    struct hm_document document;
    struct hm_target *targets; /* sorted by path; on the heap, as it may be long */
    size_t target_count;
    size_t target_capacity;
    bool has_delegations;
    struct hm_delegations delegations;
    struct hm_arena arena;
};

/* Schema and limits; every part is checked although only one target may be wanted. Borrows the
 * bytes behind document for the result's life. Duplicate role names and a role named as a top-level
 * one are HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_targets_parse(struct hm_signed document, struct hm_err *err,
                                          struct hm_targets **ret_targets);
/* For people's eyes before signing; see envelope.h. */
struct hm_targets_unsigned {
    struct hm_targets *content; /* owned by the holder */
};
HM_MUST_CHECK enum hm_rc hm_targets_read_unsigned(struct hm_unsigned document, struct hm_err *err,
                                                  struct hm_targets_unsigned *ret_targets);
HM_MUST_CHECK enum hm_rc hm_targets_new(struct hm_err *err, struct hm_targets **ret_targets);
/* A copy that owns everything, to be changed into the next version. */
HM_MUST_CHECK enum hm_rc hm_targets_copy(const struct hm_targets *targets, struct hm_err *err,
                                         struct hm_targets **ret_copy);
/* Adds or replaces (copies). */
HM_MUST_CHECK enum hm_rc hm_targets_put(struct hm_targets *targets, const struct hm_target *target,
                                        struct hm_err *err);
/* Adds or replaces a delegation in place: keys and patterns are copied. */
HM_MUST_CHECK enum hm_rc hm_targets_delegate(struct hm_targets *targets, const char *name,
                                             const struct hm_key *const *keys, size_t key_count,
                                             uint32_t threshold, const char *const *paths,
                                             size_t path_count, bool terminating,
                                             struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_targets_set_x_hallmark(struct hm_targets *targets, struct hm_bytes json,
                                                   struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_targets_write(const struct hm_targets *targets, struct hm_err *err,
                                          struct hm_buf *ret_canonical);
void hm_targets_free(struct hm_targets *targets);
HM_DEFINE_FREE(hm_targets_free, struct hm_targets);

/* Where path is or would be: the first target that is not before it. */
size_t hm_targets_place(const struct hm_targets *targets, struct hm_bytes path);
/* Binary search; NULL if not listed. */
const struct hm_target *hm_targets_find(const struct hm_targets *targets, struct hm_bytes path);

/* A "delegations" object standing elsewhere (Hallmark's "x-hallmark"), same schema. Strings in
 * arena, keys until hm_targets_delegations_done. *ret_delegations must be zeroed or hold
 * delegations, which are released first, and must not be moved or copied afterwards: its roles
 * point to its ring. */
HM_MUST_CHECK enum hm_rc hm_targets_parse_delegations(struct hm_json *json, struct hm_arena *arena,
                                                      struct hm_err *err,
                                                      struct hm_delegations *ret_delegations);
void hm_targets_write_delegations(const struct hm_delegations *delegations,
                                  struct hm_json_writer *writer);
void hm_targets_delegations_done(struct hm_delegations *delegations);
const struct hm_delegated_role *hm_targets_find_role(const struct hm_delegations *delegations,
                                                     struct hm_bytes name);
/* TAP 15: the hash bin that path falls into, as a role; its name is put into arena, its keys are
 * those of delegations. HM_EUNKNOWN: there are no succinct bins. */
HM_MUST_CHECK enum hm_rc hm_targets_succinct_role(const struct hm_delegations *delegations,
                                                  struct hm_bytes path, struct hm_arena *arena,
                                                  struct hm_err *err,
                                                  struct hm_delegated_role *ret_role);
/* Whether a delegated role may speak for path (patterns or hash prefixes; TUF 5.6.7). */
HM_MUST_CHECK enum hm_rc hm_targets_role_matches(const struct hm_delegated_role *role,
                                                 struct hm_bytes path, struct hm_err *err,
                                                 bool *ret_match);

#endif
