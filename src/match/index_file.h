/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of an index of images: which image has these bytes, this part, this anchor? It never
 * changes once it has its name; what is new comes in files of its own, and files are merged.
 *
 * Layout, little endian (docs/formats.md 18):
 *
 *    0  "hallmark-index 1" (16)   10  images (4)   14  fan bits (4)   18  entries (8)
 *   20  size of the blocks (8)   28  kinds of part known to the writer (4)   2C  zeros (12)
 *   38  first 8 bytes of the SHA-256 of what is before
 *   40  images: offset of the block (8), its size (4), zero (4), first 8 bytes of its SHA-256 (8)
 *       fan: 2^bits + 1 numbers (4) of entries: those whose key begins with i are at fan[i] up to
 *       (not including) fan[i+1]; then zeros to a multiple of 8
 *       entries, ascending: key (8), image (4), offset (4); keys are rotated right by four bits
 *       blocks
 *
 *   block:  0  SHA-256 (32)   20  size (8)   28  inode (8)   30  time of change, ns (8)
 *          38  flags (4: 1 another image here has the same bytes and the entries)   3C  size of
 * path (4)   40  path, then what it is made of (match/contents.h)
 *
 * An entry's key is that of an anchor (offset: where the piece lies in the image), the first 8
 * bytes of a part's SHA-256 (offset: which part), or those of the image's own (offset: all ones);
 * the lowest four bits of digests' keys are taken as zero.
 * Entries only lead to images: what an image is said to be is in its block, which has a checksum.
 */
#ifndef HM_MATCH_INDEX_FILE_H
#define HM_MATCH_INDEX_FILE_H

#include "base/file.h"
#include "match/contents.h"

/* Numbers of images are 32 bits; no site has a million images today. */
#define HM_INDEX_FILE_IMAGE_COUNT_MAX 4000000
/* The fan counts in 32 bits: 64 GiB of entries, for over a million images of 16 MiB. */
#define HM_INDEX_FILE_ENTRY_COUNT_MAX (UINT32_MAX - 1)
/* Images that share a piece: beyond these a piece tells nothing, and every look-up would pay. */
#define HM_INDEX_FILE_SHARED_MAX    64
#define HM_INDEX_FILE_PATH_SIZE_MAX 4096
#define HM_INDEX_FILE_WHOLE         UINT32_MAX /* an entry's offset: the image itself */
#define HM_INDEX_FILE_ENTRY_SIZE    16
/* Keys that end in so many zero bits are kept of every image; others of small images alone. They
 * stand apart, so that an index of large images is not searched for what it cannot have. */
#define HM_INDEX_FILE_SAMPLE_BITS 4

struct hm_index_entry {
    uint64_t key; /* as stored: rotated right by HM_INDEX_FILE_SAMPLE_BITS */
    uint32_t image, offset;
};

/* What is known of an image; views of the file. */
struct hm_index_image {
    struct hm_sha256 sha256;
    uint64_t size;
    uint64_t inode;
    int64_t changed_ns;
    bool is_copy; /* of another image of the index, which has the entries and the contents */
    struct hm_bytes path;
    struct hm_bytes contents;
};

struct hm_index_file {
    struct hm_bytes bytes;
    uint32_t image_count;
    uint32_t fan_bits;
    bool is_sampled; /* all keys are of the kind that is kept of every image */
    size_t entry_count;
    size_t fan_offset, entries_offset, blocks_offset, blocks_size;
};

/* Checks the header and that everything lies inside; bytes are borrowed. HM_EFORMAT: no index, or
 * of another version. */
HM_MUST_CHECK enum hm_rc hm_index_file_parse(struct hm_bytes bytes, struct hm_err *err,
                                             struct hm_index_file *ret_file);
/* Has the fan brought into memory: every look-up needs it. */
void hm_index_file_touch(const struct hm_index_file *file);
/* The entries of a key. HM_EFORMAT: damaged. */
HM_MUST_CHECK enum hm_rc hm_index_file_find(const struct hm_index_file *file, uint64_t key,
                                            struct hm_err *err, size_t *ret_first,
                                            size_t *ret_count);
/* Has what a look-up of the key begins with brought into the cache. */
void hm_index_file_prefetch(const struct hm_index_file *file, uint64_t key);
struct hm_index_entry hm_index_file_entry(const struct hm_index_file *file, size_t index);
/* HM_EFORMAT: there is no such image, or its block is damaged. */
HM_MUST_CHECK enum hm_rc hm_index_file_image(const struct hm_index_file *file, uint32_t index,
                                             struct hm_err *err, struct hm_index_image *ret_image);

/* What a new file is made of. */
struct hm_index_source {
    struct hm_bytes entries;       /* as in a file, ascending */
    const struct hm_bytes *blocks; /* of each image */
    const bool *is_dropped;        /* of each image; NULL: none is */
    size_t image_count;
};

struct hm_index_batch {
    struct hm_arena arena;
    struct hm_bytes *blocks;
    size_t image_count, image_capacity;
    uint8_t *entries;
    size_t entry_count, entry_capacity;
};

/* Adds an image (copies); anchors are of its raw bytes. contents may be NULL: nobody could take it
 * apart. A copy has its own digest's entry only. HM_ENOMEM, HM_EREFUSED past a limit. */
struct hm_anchor_list;
HM_MUST_CHECK enum hm_rc hm_index_file_batch_add(struct hm_index_batch *batch,
                                                 const struct hm_index_image *image,
                                                 const struct hm_contents *contents,
                                                 const struct hm_anchor_list *anchors,
                                                 struct hm_err *err);
/* Sorts the batch's entries; the source is a view of it. */
struct hm_index_source hm_index_file_batch_source(struct hm_index_batch *batch);
void hm_index_file_batch_done(struct hm_index_batch *batch);

/* Writes name below dir, whole or not at all, out of the sources' images in their order. */
HM_MUST_CHECK enum hm_rc hm_index_file_write(const struct hm_dir *dir, const char *name,
                                             const struct hm_index_source *sources, size_t count,
                                             struct hm_err *err);
/* The key under which a digest is found. */
uint64_t hm_index_file_key(const struct hm_sha256 *sha256);

#endif
