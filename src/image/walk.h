/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes an image apart: finds what its bytes are, has each format's parser add the parts, and takes
 * those apart in turn, until nothing is left or a budget is spent.
 *
 * Nothing recurses: nodes still to be looked at wait on a stack. Every budget counts for the whole
 * image. One that is spent leaves the tree as far as it got, with HM_FACT_LIMIT on the node where
 * it happened and is_partial on the whole: never a tree that looks complete.
 *
 * This runs on foreign bytes and belongs in a process that may do nothing (worker.h, inspect.h).
 */
#ifndef HM_IMAGE_WALK_H
#define HM_IMAGE_WALK_H

#include "image/image.h"

/* The file is held in memory: larger than any flash chip of a server today. */
#define HM_WALK_FILE_SIZE_MAX ((size_t)512 << 20)
/* Decompressed bytes of an image: a base, so that small files can be looked into at all, and a
 * multiple of the file (a real UEFI image expands to 3 to 9 times its size). */
#define HM_WALK_EXPANDED_BASE   ((size_t)64 << 20)
#define HM_WALK_EXPANDED_FACTOR 32
#define HM_WALK_EXPANDED_MAX    ((size_t)512 << 20)
/* One decompressed content. */
#define HM_WALK_CONTENT_SIZE_MAX ((size_t)128 << 20)
/* Bytes hashed, searched and decompressed. Parts may name the same bytes again and again (a capsule
 * its payloads), and each level of nesting hashes its bytes once. */
#define HM_WALK_WORK_BASE   ((uint64_t)256 << 20)
#define HM_WALK_WORK_FACTOR 32

/* The budget of decompressed bytes for a file of that size (at most HM_WALK_FILE_SIZE_MAX). */
static inline size_t hm_walk_expanded_max(size_t file_size)
{
    size_t size = HM_WALK_EXPANDED_BASE + HM_WALK_EXPANDED_FACTOR * file_size;

    return size < HM_WALK_EXPANDED_MAX ? size : HM_WALK_EXPANDED_MAX;
}

struct hm_walk;
struct hm_format;

/* Takes file (borrowed) apart. HM_OK also where the tree is partial; else HM_ENOMEM, HM_EINTERNAL,
 * or HM_EREFUSED for a file past HM_WALK_FILE_SIZE_MAX. */
HM_MUST_CHECK enum hm_rc hm_walk_new(struct hm_bytes file, struct hm_err *err,
                                     struct hm_walk **ret_walk);
/* As hm_walk_new, for tests of one parser: the whole file is of that format, whatever it bids. */
HM_MUST_CHECK enum hm_rc hm_walk_new_as(struct hm_bytes file, const struct hm_format *format,
                                        struct hm_err *err, struct hm_walk **ret_walk);
void hm_walk_free(struct hm_walk *walk);
HM_DEFINE_FREE(hm_walk_free, struct hm_walk);

/* The tree; the walk's. */
struct hm_image *hm_walk_image(struct hm_walk *walk);
/* A node's bytes; valid as long as the walk. */
struct hm_bytes hm_walk_bytes(const struct hm_walk *walk, uint32_t node);
/* The bytes of a whole space. */
struct hm_bytes hm_walk_space(const struct hm_walk *walk, uint32_t space);

/* ---- for parsers ----------------------------------------------------------------------------- */

/*
 * Each returns HM_OK or what ends the parsing of this node: HM_EREFUSED when a budget is spent (the
 * node is marked by the walk), HM_ENOMEM, HM_EINTERNAL. A parser hands it on and adds nothing more.
 */

/* Adds size bytes at offset (counted from the parent's start) as a child. What does not lie inside
 * the parent is cut to it, with HM_FACT_TRUNCATED. */
HM_MUST_CHECK enum hm_rc hm_walk_add(struct hm_walk *walk, uint32_t parent, enum hm_image_kind kind,
                                     size_t offset, size_t size, uint32_t *ret_node);
/* Adds the bytes between what is known as padding, if they are all one byte, or as data to be
 * searched. Nothing for size 0. */
HM_MUST_CHECK enum hm_rc hm_walk_add_gap(struct hm_walk *walk, uint32_t parent, size_t offset,
                                         size_t size);
HM_MUST_CHECK enum hm_rc hm_walk_fact(struct hm_walk *walk, uint32_t node,
                                      enum hm_image_fact_kind kind, uint64_t number);
HM_MUST_CHECK enum hm_rc hm_walk_fact_text(struct hm_walk *walk, uint32_t node,
                                           enum hm_image_fact_kind kind, struct hm_bytes text);
/* A text of ours. */
HM_MUST_CHECK enum hm_rc hm_walk_fact_str(struct hm_walk *walk, uint32_t node,
                                          enum hm_image_fact_kind kind, const char *text);
/* Text as firmware has it: bytes to the first NUL, or UTF-16LE. What is no character becomes
 * U+FFFD, and what is too long is cut. */
HM_MUST_CHECK enum hm_rc hm_walk_fact_ascii(struct hm_walk *walk, uint32_t node,
                                            enum hm_image_fact_kind kind, struct hm_bytes text);
HM_MUST_CHECK enum hm_rc hm_walk_fact_utf16(struct hm_walk *walk, uint32_t node,
                                            enum hm_image_fact_kind kind, struct hm_bytes text);
void hm_walk_set_guid(struct hm_walk *walk, uint32_t node, const struct hm_guid *guid);
/* Has the node looked at later: by that format, or (NULL) by whatever its bytes turn out to be. */
HM_MUST_CHECK enum hm_rc hm_walk_queue(struct hm_walk *walk, uint32_t node,
                                       const struct hm_format *format);
/* Makes the bytes of data (allocated with malloc; taken, also on failure) the decompressed content
 * of a node: its own space and a HM_IMAGE_CONTENT node. */
HM_MUST_CHECK enum hm_rc hm_walk_add_content(struct hm_walk *walk, uint32_t parent, uint8_t *data,
                                             size_t size, uint32_t *ret_node);
/* How many bytes may still be decompressed: the limit for the next content. */
size_t hm_walk_expandable(const struct hm_walk *walk);
/* Counts work of size bytes. */
HM_MUST_CHECK enum hm_rc hm_walk_spend(struct hm_walk *walk, uint64_t size);
/* HM_EREFUSED for a reason of the parser's own; static text. */
HM_MUST_CHECK enum hm_rc hm_walk_refuse(struct hm_walk *walk, const char *why);
/* Marks the node: the look inside ended here, and why. Then goes on: HM_OK. */
HM_MUST_CHECK enum hm_rc hm_walk_limit(struct hm_walk *walk, uint32_t node, const char *why);
/* SHA-256 of runs of bytes, one after the other; work is counted. */
HM_MUST_CHECK enum hm_rc hm_walk_sha256(struct hm_walk *walk, const struct hm_bytes *runs,
                                        size_t count, struct hm_sha256 *ret_sha256);

#endif
