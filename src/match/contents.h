/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image is made of, as far as matching needs it: its parts with their digests, which of
 * them change on a running machine, and the anchors of what was decompressed.
 *
 * The image is taken apart by a process that may do nothing else (image/inspect.h): a digest of
 * what was decompressed is that process's word. The index keeps it in this form and parses it
 * again.
 *
 * Layout, little endian:
 *
 *    0  size of the image (4)   4  flags (4: 1 partial)   8  parts (4)   C  anchors (4)
 *   10  the parts, then the anchors' keys (8 each), ascending, none twice
 *
 *   part:  0  kind (1)   1  flags (1: 1 changes, 2 module, 4 has a GUID)   2  size of name (2)
 *          4  space (4)   8  offset (4)   C  size (4)   10  SHA-256 (32)   30  GUID (16), if any
 *          then its name (UTF-8)
 */
#ifndef HM_MATCH_CONTENTS_H
#define HM_MATCH_CONTENTS_H

#include "base/buf.h"
#include "image/inspect.h"

/* A real image of 32 MiB has a thousand; this is every node of the largest tree allowed. */
#define HM_CONTENTS_PART_COUNT_MAX HM_IMAGE_NODE_COUNT_MAX
/* One in 16 of the anchors of all that may be decompressed of an image. */
#define HM_CONTENTS_ANCHOR_COUNT_MAX 131072
#define HM_CONTENTS_SAMPLE_BITS      4
/* Of a name as much is kept as people read. */
#define HM_CONTENTS_NAME_SIZE_MAX 96
#define HM_CONTENTS_SIZE_MAX      ((size_t)24 << 20)
/* A part below this (a checksum, an empty table) is the same everywhere: it is listed, and proves
 * nothing. */
#define HM_CONTENTS_TELLING_SIZE_MIN 512

struct hm_part {
    enum hm_image_kind kind;
    bool is_variable; /* its format says that these bytes change on a running machine */
    bool is_module;   /* as image/module.h says, but for what changes */
    bool has_guid;
    uint32_t space; /* 0: the image itself; others are decompressed */
    uint32_t offset, size;
    struct hm_sha256 sha256;
    struct hm_guid guid;
    struct hm_bytes name;
};

struct hm_contents {
    uint32_t image_size;
    bool is_partial; /* a budget was spent: there may be more */
    struct hm_part *parts;
    size_t part_count;
    uint64_t *anchors; /* of what was decompressed */
    size_t anchor_count;
    struct hm_arena arena;
};

/* Out of what a reader of images said, its contents wanted. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_contents_make(const struct hm_inspection *inspection,
                                          struct hm_err *err, struct hm_contents **ret_contents);
/* Has bytes (the image's) taken apart by the program worker. with_anchors: those of what is
 * decompressed, too, which all has to be handed over. A reader that comes to grief leaves partial
 * contents. What hm_inspect_new returns. */
HM_MUST_CHECK enum hm_rc hm_contents_inspect(const char *worker, struct hm_bytes image,
                                             bool with_anchors, struct hm_err *err,
                                             struct hm_contents **ret_contents);
/* Was something of it decompressed? */
bool hm_contents_is_packed(const struct hm_contents *contents);
void hm_contents_free(struct hm_contents *contents);
HM_DEFINE_FREE(hm_contents_free, struct hm_contents);

HM_MUST_CHECK enum hm_rc hm_contents_write(const struct hm_contents *contents, struct hm_err *err,
                                           struct hm_buf *ret_buf);
/* Copies what it keeps. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_contents_parse(struct hm_bytes bytes, struct hm_err *err,
                                           struct hm_contents **ret_contents);

/* Is the part something of its own (a region, a volume, an option ROM), and not a piece that means
 * nothing outside of what it is in? */
bool hm_contents_is_component(const struct hm_part *part);

#endif
