/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next version of release~ID or maker~ID being made, in parts: the role above, and the roles of
 * its products once it is divided (docs/formats.md 2, "Roles by product"). A maker's and a site's
 * folder use the same code.
 *
 * Only the parts that are asked for are loaded; only those that changed are written.
 */
#ifndef HM_EXCHANGE_PARTS_H
#define HM_EXCHANGE_PARTS_H

#include "trust/partition.h"

struct hm_parts_item {
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    const char *product;     /* NULL: the role above */
    struct hm_targets *next; /* owned */
    bool changed;
};

/* The document that a product's role goes on from: owned by the caller, NULL where the role is new.
 */
typedef enum hm_rc hm_parts_load_fn(void *ctx, const char *role, struct hm_err *err,
                                    struct hm_targets **ret_targets);

struct hm_parts {
    const char *id;
    struct hm_parts_item *items; /* the role above first */
    size_t count, capacity;
    size_t flat_max; /* HM_PARTITION_FLAT_MAX; tests have less */
    hm_parts_load_fn *load;
    void *ctx;
    struct hm_arena arena;
};

#define HM_PARTS_INIT                                                                              \
    {                                                                                              \
        .items = NULL, .arena = HM_ARENA_INIT                                                      \
    }

/* Starts from above ("release~acme"), whose content is taken (also on failure). */
HM_MUST_CHECK enum hm_rc hm_parts_open(struct hm_parts *parts, const char *above,
                                       struct hm_targets *content, size_t flat_max,
                                       hm_parts_load_fn *load, void *ctx, struct hm_err *err);
void hm_parts_done(struct hm_parts *parts);
/* True once the role above hands on products. */
bool hm_parts_is_divided(const struct hm_parts *parts);
/* What is listed under path now; NULL: nothing. Valid until the next _put. */
HM_MUST_CHECK enum hm_rc hm_parts_find(struct hm_parts *parts, struct hm_bytes path,
                                       struct hm_err *err, const struct hm_target **ret_target);
/* Adds or replaces a target in the part that speaks for its product. A divided role gets a role for
 * a product that is new. */
HM_MUST_CHECK enum hm_rc hm_parts_put(struct hm_parts *parts, const struct hm_target *target,
                                      struct hm_err *err);
/* Gives every product a role of its own if the role above lists more than flat_max targets. The new
 * roles have the version and expiry of an empty document: the caller sets them. */
HM_MUST_CHECK enum hm_rc hm_parts_divide(struct hm_parts *parts, struct hm_err *err);
/* Loads every part and marks it changed: all is to be signed anew. */
HM_MUST_CHECK enum hm_rc hm_parts_touch(struct hm_parts *parts, struct hm_err *err);
/* Gives every product's delegation the keys and threshold of keys: called last, before the role
 * above is written. A key of unknown type is left out; it counts for nobody. */
HM_MUST_CHECK enum hm_rc hm_parts_seal(struct hm_parts *parts, const struct hm_role_keys *keys,
                                       struct hm_err *err);

/* All that count documents list, sorted by path; paths and custom are borrowed. */
HM_MUST_CHECK enum hm_rc hm_parts_merge(const struct hm_targets *const *documents, size_t count,
                                        struct hm_err *err, struct hm_targets **ret_targets);

#endif
