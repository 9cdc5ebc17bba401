/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of all versions of a product (docs/formats.md 11, "Map of releases"): rows of text in
 * the order of the versions, each a leaf of the list's own Merkle tree.
 *
 *   version VERSION
 *   entry INDEX                     of the release entry
 *   label TEXT                      ? the version as printed
 *   image FILE SHA256 LENGTH        +
 *   recall INDEX NAME               * recall entries, ascending
 *   (empty line: not of the leaf)
 *
 * Rows are ordered by hm_text_compare_versions. Rows are added and gain recalls, nothing else.
 */
#ifndef HM_TLOG_RELEASE_LIST_H
#define HM_TLOG_RELEASE_LIST_H

#include "tlog/entry.h"

/* A list is held whole; 8 MiB are some 40,000 versions. */
#define HM_RELEASE_LIST_SIZE_MAX  ((size_t)8 << 20)
#define HM_RELEASE_LIST_COUNT_MAX 65536
/* A row is longer than its entry, at most 64 KiB, by its recalls alone. */
#define HM_RELEASE_LIST_ROW_SIZE_MAX     131072
#define HM_RELEASE_LIST_RECALL_COUNT_MAX 256

/* A recall that stands in a row. */
struct hm_release_recall {
    uint64_t entry;   /* index of the recall entry */
    const char *name; /* NAME of its path recalls/ID/NAME */
};

/* A version in its product's list. */
struct hm_release_row {
    const char *version;
    uint64_t entry;    /* index of its release entry */
    const char *label; /* or NULL */
    struct hm_entry_image *images;
    size_t image_count;
    struct hm_release_recall *recalls;
    size_t recall_count;
    struct hm_bytes raw;   /* the row's text, the leaf */
    struct hm_sha256 hash; /* of the leaf */
};

/* A product's whole list. Where it came from says whether it is true. */
struct hm_release_list {
    struct hm_release_row *rows; /* sorted */
    size_t count;
    size_t capacity; /* of rows */
    size_t size;     /* of the list's text */
    struct hm_arena arena;
};

/* The list without rows. */
HM_MUST_CHECK enum hm_rc hm_release_list_new(struct hm_err *err, struct hm_release_list **ret_list);
/* A list file, copied. HM_EFORMAT: rows not as they must be, not sorted, too many, or none. */
HM_MUST_CHECK enum hm_rc hm_release_list_parse(struct hm_bytes raw, struct hm_err *err,
                                               struct hm_release_list **ret_list);
void hm_release_list_free(struct hm_release_list *list);
HM_DEFINE_FREE(hm_release_list_free, struct hm_release_list);
/* Appends the file. */
HM_MUST_CHECK enum hm_rc hm_release_list_write(const struct hm_release_list *list,
                                               struct hm_err *err, struct hm_buf *ret_buf);

/* The row of this version exactly, or NULL. */
const struct hm_release_row *hm_release_list_find(const struct hm_release_list *list,
                                                  struct hm_bytes version);
/* How many rows are before this version: where it stands, or would. */
size_t hm_release_list_position(const struct hm_release_list *list, struct hm_bytes version);

/* Adds the row of a release entry. HM_EREFUSED: the version is there already, or the list is full;
 * the list is as before then, as after HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_release_list_add(struct hm_release_list *list,
                                             const struct hm_entry *release, uint64_t index,
                                             struct hm_err *err);
/* Has any row one of these digests, sorted as in a recall entry? */
bool hm_release_list_has_digest(const struct hm_release_list *list, const struct hm_sha256 *digests,
                                size_t count);
/* A new list: the rows with one of the recall entry's digests have its line added. HM_EREFUSED: a
 * row is full of recalls; HM_EUSAGE: the row has a recall as late as this one, or is later. */
HM_MUST_CHECK enum hm_rc hm_release_list_recall(const struct hm_release_list *list,
                                                const struct hm_entry *recall, uint64_t index,
                                                struct hm_err *err,
                                                struct hm_release_list **ret_list);

/* The RFC 6962 root over the rows, and what the map has under the product's key. */
HM_MUST_CHECK enum hm_rc hm_release_list_root(const struct hm_release_list *list,
                                              struct hm_err *err, struct hm_sha256 *ret_root);
HM_MUST_CHECK enum hm_rc hm_release_list_value(const struct hm_release_list *list,
                                               struct hm_err *err, struct hm_sha256 *ret_value);

#endif
