/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of history.h share: the state that was reached, and getting documents. */
#ifndef HM_TRUST_HISTORY_INTERNAL_H
#define HM_TRUST_HISTORY_INTERNAL_H

#include "trust/history.h"
#include "tuf/snapshot.h"

#define HM_HISTORY_NAME_SIZE 1024 /* "VERSION.", a role percent-encoded, ".json" */
/* Roles that stay held whatever their size: those that one rule looks at together. */
#define HM_HISTORY_HELD_COUNT_MIN 4
/* They are looked through one after the other. */
#define HM_HISTORY_HELD_COUNT_MAX 1024

/* A role that was read for a batch; the next may well ask for it again. */
struct hm_history_role {
    char *name; /* owned, as all here but keys */
    int64_t version;
    struct hm_sha256 sha256;
    const struct hm_role_keys *keys; /* that it was verified with */
    struct hm_buf raw;
    struct hm_envelope *envelope;
    struct hm_targets *targets; /* NULL: it was not good, and that was told */
};

/* The newest version of a role that was validly signed, whenever that was. */
struct hm_history_floor {
    struct hm_bytes name; /* owned */
    int64_t version;
    struct hm_sha256 sha256;
};

/* Root, snapshot and targets of one moment. */
struct hm_history_state {
    const struct hm_root *root;   /* of the history */
    struct hm_snapshot *snapshot; /* NULL: nothing was checked yet */
    struct hm_history_role targets;
    struct hm_layout *layout;
    bool is_sharing; /* targets and layout are those of the state before, and not owned */
};

struct hm_history {
    struct hm_history_config config;
    struct hm_root **roots; /* from version 1 to the newest */
    struct hm_sha256 *root_hashes;
    size_t root_count;
    struct hm_history_state state;
    bool was_missed;                 /* a batch before the first state could not be checked */
    struct hm_history_floor *floors; /* sorted by name */
    size_t floor_count, floor_capacity;
    struct hm_history_role *held; /* the one looked at last is last */
    size_t held_count, held_capacity;
    size_t held_size;
    struct hm_err *err;
};

/* A batch being checked. */
struct hm_history_batch {
    struct hm_history *history;
    const struct hm_replay_batch *batch;
    struct hm_replay_map *map;
    struct hm_history_state next;
    struct hm_err *err;
};

void hm_history_state_done(struct hm_history_state *state);
void hm_history_role_done(struct hm_history_role *role);
/* Tells of something. */
HM_PRINTF(4, 5)
HM_MUST_CHECK enum hm_rc hm_history_find(struct hm_history *history, enum hm_history_kind kind,
                                         const char *subject, const char *format, ...);
/* Tells what is wrong with a document that was served; another failure is handed on. */
HM_MUST_CHECK enum hm_rc hm_history_judge(struct hm_history *history, const char *subject,
                                          enum hm_rc rc, const struct hm_err *why);
/* Follows the roots that are served beyond those known. */
HM_MUST_CHECK enum hm_rc hm_history_follow_roots(struct hm_history *history, struct hm_err *err);
/* The targets-like role name of a version as meta states, signed by keys. */
HM_MUST_CHECK enum hm_rc hm_history_load(struct hm_history *history, const char *name,
                                         const struct hm_snapshot_meta *meta,
                                         const struct hm_role_keys *keys, struct hm_err *err,
                                         struct hm_history_role *ret_role);
/* Brings a state to what the snapshot entry names. Failures of documents come back as they are, for
 * hm_history_judge; *ret_subject says of which. */
HM_MUST_CHECK enum hm_rc hm_history_reach(struct hm_history *history,
                                          const struct hm_entry *snapshot,
                                          const struct hm_history_state *from, struct hm_err *err,
                                          struct hm_history_state *ret_state,
                                          const char **ret_subject);
/* Notes that this version of a role is validly signed. */
HM_MUST_CHECK enum hm_rc hm_history_raise(struct hm_history *history,
                                          const struct hm_snapshot_meta *meta, struct hm_err *err);
/* What is known of name so far; version 0: nothing. */
void hm_history_floor_of(const struct hm_history *history, struct hm_bytes name,
                         struct hm_history_floor *ret_floor);
/* What changed in who may sign, from old to next. */
HM_MUST_CHECK enum hm_rc hm_history_compare_keys(struct hm_history *history,
                                                 const struct hm_history_state *old,
                                                 const struct hm_history_state *next);

/* ---- history_roles.c: the roles that a snapshot names --- */

/* The keys that must sign a role by its name; NULL: nobody may. */
const struct hm_role_keys *hm_history_keys_of(const struct hm_history_state *state,
                                              struct hm_bytes name);
/* The role's document in the version that the snapshot of this state names; NULL where there is
 * none, or it is not good, which is told the first time. Good until HM_HISTORY_HELD_COUNT_MIN more
 * were asked for. */
HM_MUST_CHECK enum hm_rc hm_history_get_role(struct hm_history_batch *check,
                                             const struct hm_history_state *state,
                                             struct hm_bytes name,
                                             const struct hm_targets **ret_targets);
void hm_history_drop_held(struct hm_history *history);
/* Those that were not good: the next batch tells of them again. */
void hm_history_drop_bad(struct hm_history *history);
/* The role that speaks for ID/PRODUCT of this kind, by name: the product's own where the snapshot
 * has it. */
void hm_history_role_of(const struct hm_history_state *state, bool is_maker, struct hm_bytes id,
                        struct hm_bytes product, char ret_name[HM_LAYOUT_ROLE_SIZE_MAX]);
/* Has the target this digest and length? */
bool hm_history_has_facts(const struct hm_target *target, const struct hm_sha256 *sha256,
                          uint64_t length);
/* Every role of the snapshot: none is lost or older, and those that are new are good. */
HM_MUST_CHECK enum hm_rc hm_history_check_roles(struct hm_history_batch *check);

#endif
