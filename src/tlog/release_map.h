/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of all releases ever (docs/formats.md 11, "Map of releases"): what a release log's
 * entries add up to. Each product has its list of versions, each maker its newest word; one root
 * stands for all of it.
 *
 * It lives in files (release_store.h), of which only those are read that a question or a change
 * needs, each compared with the root. Only a recall reads more: all lists of the makers it may
 * speak of, and the names of all, to be sure that none was hidden from it. Used by one thread.
 */
#ifndef HM_TLOG_RELEASE_MAP_H
#define HM_TLOG_RELEASE_MAP_H

#include "tlog/map.h"
#include "tlog/release_list.h"
#include "tlog/release_store.h"

/* Text of lists that stays in memory after a flush, to spare reading them again. */
#define HM_RELEASE_MAP_HELD_SIZE_MAX ((size_t)16 << 20)
/* A maker's file: the lines of its entry from "maker" on. */
#define HM_RELEASE_MAP_MAKER_SIZE_MAX HM_ENTRY_SIZE_MAX

struct hm_release_map;

/* The map with this root and count of keys, in the store, which is borrowed; an empty one for count
 * 0 and root SHA-256(""). Nothing is read yet. HM_EFORMAT: only one of the two says empty. */
HM_MUST_CHECK enum hm_rc hm_release_map_open(const struct hm_release_store *store,
                                             const struct hm_sha256 *root, uint64_t count,
                                             struct hm_err *err, struct hm_release_map **ret_map);
/* The map of no entries, in a store without files. */
HM_MUST_CHECK enum hm_rc hm_release_map_new(const struct hm_release_store *store,
                                            struct hm_err *err, struct hm_release_map **ret_map);
void hm_release_map_free(struct hm_release_map *map);
HM_DEFINE_FREE(hm_release_map_free, struct hm_release_map);

/* Replays one entry that counts; entries come in the order of the log. HM_EREFUSED: it breaks a
 * rule (a version released twice); HM_EMISMATCH: the store has something else than the root says;
 * HM_EUSAGE: a recall, and the store cannot list names. The map is as before then. */
HM_MUST_CHECK enum hm_rc hm_release_map_apply(struct hm_release_map *map,
                                              const struct hm_entry *entry, uint64_t index,
                                              struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_release_map_root(struct hm_release_map *map, struct hm_err *err,
                                             struct hm_sha256 *ret_root, uint64_t *ret_count);
/* Gives what changed to the store's put: lists, makers, the map, and its top last. Not atomic: what
 * must survive a crash is put into a journal first. What failed is put again by the next call. */
HM_MUST_CHECK enum hm_rc hm_release_map_flush(struct hm_release_map *map, struct hm_err *err);

/* Appends the proof of what the map says about ID/PRODUCT, or about a maker. */
HM_MUST_CHECK enum hm_rc hm_release_map_prove_product(struct hm_release_map *map,
                                                      struct hm_bytes product, struct hm_err *err,
                                                      struct hm_buf *ret_proof);
HM_MUST_CHECK enum hm_rc hm_release_map_prove_maker(struct hm_release_map *map, struct hm_bytes id,
                                                    struct hm_err *err, struct hm_buf *ret_proof);
/* The list of ID/PRODUCT, compared with the map. HM_EUNKNOWN: no such product. */
HM_MUST_CHECK enum hm_rc hm_release_map_list(struct hm_release_map *map, struct hm_bytes product,
                                             struct hm_err *err, struct hm_release_list **ret_list);
/* Appends the lines of the newest entry of a maker, from "maker" on, compared with the map.
 * HM_EUNKNOWN: no such maker. */
HM_MUST_CHECK enum hm_rc hm_release_map_maker(struct hm_release_map *map, struct hm_bytes id,
                                              struct hm_err *err, struct hm_buf *ret_lines);

/* Keys, and the value of a maker's lines; of a product's list: hm_release_list_value. HM_EUSAGE:
 * not ID/PRODUCT, or not an ID. */
HM_MUST_CHECK enum hm_rc hm_release_map_product_key(struct hm_bytes product, struct hm_err *err,
                                                    struct hm_sha256 *ret_key);
HM_MUST_CHECK enum hm_rc hm_release_map_maker_key(struct hm_bytes id, struct hm_err *err,
                                                  struct hm_sha256 *ret_key);
HM_MUST_CHECK enum hm_rc hm_release_map_maker_value(struct hm_bytes lines, struct hm_err *err,
                                                    struct hm_sha256 *ret_value);

#endif
