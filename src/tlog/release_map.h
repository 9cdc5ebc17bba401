/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of all releases ever (docs/formats.md 11, "Map of releases"): what a release log's
 * entries add up to. Each product has its list of versions, each maker its newest word; one root
 * stands for all of it.
 *
 * It lives in files (log/map/..., log/versions/...), of which only those are read that a question
 * or a change needs, each compared with the root. Used by one thread.
 */
#ifndef HM_TLOG_RELEASE_MAP_H
#define HM_TLOG_RELEASE_MAP_H

#include "tlog/entry.h"
#include "tlog/map.h"
#include "tlog/merkle.h"

/* A list is held whole; 8 MiB are some 40,000 versions. */
#define HM_RELEASE_MAP_LIST_SIZE_MAX  ((size_t)8 << 20)
#define HM_RELEASE_MAP_LIST_COUNT_MAX 65536

/* The files, by path below public/log ("map/top", "map/3f", "versions/acme/nic"). get appends; an
 * unknown file is HM_ENOTFOUND. put is given what changed, when it is flushed. */
struct hm_release_map_store {
    enum hm_rc (*get)(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_bytes);
    enum hm_rc (*put)(void *ctx, const char *path, struct hm_bytes bytes, struct hm_err *err);
    void *ctx;
};

/* A version in its product's list. */
struct hm_release_row {
    const char *version;
    uint64_t entry;    /* index of its release entry */
    const char *label; /* or NULL */
    struct hm_entry_image *images;
    size_t image_count;
    struct hm_release_recall {
        uint64_t entry;
        const char *name;
    } * recalls;
    size_t recall_count;
    struct hm_bytes raw; /* the row's text, the leaf */
};

/* A product's whole list, verified. */
struct hm_release_list {
    struct hm_release_row *rows; /* sorted */
    size_t count;
    struct hm_sha256 root;
    struct hm_arena arena;
};

struct hm_release_map;

/* The map with this root and count of keys, in the store; an empty one for root SHA-256("").
 * Nothing is read yet. */
HM_MUST_CHECK enum hm_rc hm_release_map_open(const struct hm_release_map_store *store,
                                             const struct hm_sha256 *root, uint64_t count,
                                             struct hm_err *err, struct hm_release_map **ret_map);
void hm_release_map_free(struct hm_release_map *map);
HM_DEFINE_FREE(hm_release_map_free, struct hm_release_map);

/* Replays one entry that counts. HM_EREFUSED: it breaks a rule (a version released twice, a recall
 * of what it may not recall), and the map is as before; HM_EMISMATCH: the store has something else
 * than the root says. */
HM_MUST_CHECK enum hm_rc hm_release_map_apply(struct hm_release_map *map,
                                              const struct hm_entry *entry, uint64_t index,
                                              struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_release_map_root(struct hm_release_map *map, struct hm_err *err,
                                             struct hm_sha256 *ret_root, uint64_t *ret_count);
/* Gives what changed to the store's put. */
HM_MUST_CHECK enum hm_rc hm_release_map_flush(struct hm_release_map *map, struct hm_err *err);

/* Appends the proof of what the map says about ID/PRODUCT, or about a maker. */
HM_MUST_CHECK enum hm_rc hm_release_map_prove_product(struct hm_release_map *map,
                                                      struct hm_bytes product, struct hm_err *err,
                                                      struct hm_buf *ret_proof);
HM_MUST_CHECK enum hm_rc hm_release_map_prove_maker(struct hm_release_map *map, struct hm_bytes id,
                                                    struct hm_err *err, struct hm_buf *ret_proof);
/* The list of ID/PRODUCT, compared with the map. HM_ENOTFOUND: no such product. */
HM_MUST_CHECK enum hm_rc hm_release_map_list(struct hm_release_map *map, struct hm_bytes product,
                                             struct hm_err *err, struct hm_release_list **ret_list);

/* A list file. HM_EFORMAT: rows not as they must be, or not sorted. */
HM_MUST_CHECK enum hm_rc hm_release_list_parse(struct hm_bytes raw, struct hm_err *err,
                                               struct hm_release_list **ret_list);
void hm_release_list_free(struct hm_release_list *list);
HM_DEFINE_FREE(hm_release_list_free, struct hm_release_list);
/* Keys and values, as in the table of docs/formats.md. */
HM_MUST_CHECK enum hm_rc hm_release_map_product_key(struct hm_bytes product, struct hm_err *err,
                                                    struct hm_sha256 *ret_key);
HM_MUST_CHECK enum hm_rc hm_release_map_maker_key(struct hm_bytes id, struct hm_err *err,
                                                  struct hm_sha256 *ret_key);
HM_MUST_CHECK enum hm_rc hm_release_list_value(const struct hm_release_list *list,
                                               struct hm_err *err, struct hm_sha256 *ret_value);
/* <0, 0, >0: versions in their order. */
int hm_release_version_compare(struct hm_bytes a, struct hm_bytes b);

#endif
