/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a firmware image is made of: one tree of nodes, whatever the formats.
 *
 * A node is a run of bytes in an address space. Space 0 is the file; each decompressed content is a
 * space of its own, made by the node that holds its compressed form. Facts hang on nodes: what a
 * header says (ids, versions, checksums) and what is wrong with it (findings). A tree holds no
 * bytes of the image, so that it can be carried from the process that read the foreign bytes.
 *
 * Whoever adds to a tree is not believed: hm_image_add checks that a node lies inside its parent,
 * and that every count stays below its limit.
 */
#ifndef HM_IMAGE_IMAGE_H
#define HM_IMAGE_IMAGE_H

#include "base/arena.h"
#include "crypto/digest.h"
#include "image/guid.h"

/* Real images of 32 MiB have under 5,000 nodes; more than this is somebody's joke. */
#define HM_IMAGE_NODE_COUNT_MAX 100000
/* Facts are a handful a node. */
#define HM_IMAGE_FACT_COUNT_MAX 400000
/* Four levels an encapsulation (volume, file, section, content), sixteen encapsulations: as many as
 * the reference implementation of UEFI PI unpacks. */
#define HM_IMAGE_DEPTH_MAX 64
/* Each decompressed content is one; a volume has one or two. */
#define HM_IMAGE_SPACE_COUNT_MAX 20000
/* A name or other text of the image, in UTF-8. */
#define HM_IMAGE_TEXT_SIZE_MAX 1024
/* All texts of an image together. */
#define HM_IMAGE_TEXT_TOTAL_MAX ((size_t)8 << 20)

#define HM_IMAGE_NONE UINT32_MAX /* no node, no fact */

enum hm_image_kind {
    HM_IMAGE_FILE,
    HM_IMAGE_REGION,
    HM_IMAGE_CONTENT, /* the whole of a decompressed space */
    HM_IMAGE_DATA,    /* bytes whose format is not known */
    HM_IMAGE_PADDING, /* one byte, repeated */
    HM_IMAGE_OPTION_ROM,
    HM_IMAGE_ROM_IMAGE,
    HM_IMAGE_PE,
    HM_IMAGE_TE,
    HM_IMAGE_VOLUME,
    HM_IMAGE_VOLUME_FILE,
    HM_IMAGE_SECTION,
    HM_IMAGE_FREE_SPACE,
    HM_IMAGE_VARIABLES,
    HM_IMAGE_CAPSULE,
    HM_IMAGE_PAYLOAD,
    HM_IMAGE_FLASH,
    HM_IMAGE_DESCRIPTOR,
    HM_IMAGE_MICROCODE,
    HM_IMAGE_CABINET,
    HM_IMAGE_UIMAGE,
    HM_IMAGE_DEVICE_TREE,
    HM_IMAGE_CBFS,
    HM_IMAGE_CBFS_FILE,
    HM_IMAGE_SQUASHFS,
    HM_IMAGE_UBI,
    HM_IMAGE_PACKAGE,
    HM_IMAGE_KIND_COUNT_
};

enum hm_image_fact_kind {
    /* What headers say. */
    HM_FACT_TYPE, /* text: what sort of its kind */
    HM_FACT_NAME, /* text */
    HM_FACT_VERSION,
    HM_FACT_VENDOR_ID,
    HM_FACT_DEVICE_ID,
    HM_FACT_LISTED_DEVICE_ID, /* one of a list of more devices */
    HM_FACT_CLASS_CODE,
    HM_FACT_MACHINE,
    HM_FACT_SUBSYSTEM,
    HM_FACT_COMPRESSION, /* text */
    HM_FACT_CHECKSUM,    /* text: "good" */
    HM_FACT_AUTHENTICODE,
    HM_FACT_SIGNATURE_SIZE,
    HM_FACT_TIMESTAMP,
    HM_FACT_ATTRIBUTES,
    HM_FACT_FILL,
    HM_FACT_LOAD_ADDRESS,
    HM_FACT_ENTRY_ADDRESS,
    HM_FACT_INDEX,
    HM_FACT_MAC_ADDRESS, /* text */
    HM_FACT_DATE,        /* text */
    HM_FACT_VARIABLE,    /* text: why these bytes change on a running machine */
    HM_FACT_PROCESSOR,   /* which processors microcode is for */
    HM_FACT_BLOCK_SIZE,
    HM_FACT_CONTAINS, /* text: name of something inside that is not looked into */
    /* Findings: what is wrong or out of the ordinary. */
    HM_FACT_BAD_CHECKSUM,
    HM_FACT_TRUNCATED,
    HM_FACT_MALFORMED,
    HM_FACT_NOT_DECOMPRESSED,
    HM_FACT_TRAILING,
    HM_FACT_NOT_EMPTY,
    HM_FACT_NOT_ALIGNED,
    /* The look inside ended here: the tree is partial. */
    HM_FACT_LIMIT,
    HM_FACT_NOT_READ, /* likewise: who read it crashed, or was ended */
    HM_FACT_KIND_COUNT_
};

enum hm_image_form {
    HM_IMAGE_FORM_TEXT,
    HM_IMAGE_FORM_DECIMAL,
    HM_IMAGE_FORM_HEX,
    HM_IMAGE_FORM_HEX16,
    HM_IMAGE_FORM_TIME,
    HM_IMAGE_FORM_DIGEST, /* 32 bytes */
};

struct hm_image_fact {
    uint32_t next; /* of the same node */
    enum hm_image_fact_kind kind;
    uint64_t number;
    struct hm_bytes text; /* text or digest */
};

struct hm_image_node {
    uint32_t parent, next_sibling, first_child, last_child;
    uint32_t first_fact, last_fact;
    uint32_t space;
    uint32_t depth;
    enum hm_image_kind kind;
    bool has_guid, has_sha256;
    uint64_t offset, size; /* in its space */
    struct hm_guid guid;
    struct hm_sha256 sha256; /* of the node's bytes; which have one says is_hashed in walk.c */
};

struct hm_image {
    struct hm_arena arena;
    struct hm_image_node *nodes; /* the first is the file */
    uint32_t node_count, node_capacity;
    struct hm_image_fact *facts;
    uint32_t fact_count, fact_capacity;
    uint64_t *space_sizes;
    uint32_t space_count, space_capacity;
    size_t text_size; /* of all facts */
    uint32_t finding_count;
    bool is_partial; /* some node has HM_FACT_LIMIT or HM_FACT_NOT_READ */
};

/* Starts the tree of a file of size bytes: node 0, space 0. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_image_init(struct hm_image *image, uint64_t size, struct hm_err *err);
void hm_image_done(struct hm_image *image);

/* A new address space of size bytes, for hm_image_add_content. HM_EREFUSED past the limit. */
HM_MUST_CHECK enum hm_rc hm_image_add_space(struct hm_image *image, uint64_t size,
                                            struct hm_err *err, uint32_t *ret_space);
/* Adds a node below parent, behind its other children. It lies in its parent's space, inside it
 * (offset counts from the space's start); or it is HM_IMAGE_CONTENT and the whole of the newest
 * space. HM_EFORMAT where it does not, HM_EREFUSED past a limit of count or depth, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_image_add(struct hm_image *image, uint32_t parent,
                                      enum hm_image_kind kind, uint32_t space, uint64_t offset,
                                      uint64_t size, struct hm_err *err, uint32_t *ret_node);
/* Adds a fact to a node. Text (copied) must be UTF-8 without NUL, at most HM_IMAGE_TEXT_SIZE_MAX;
 * a digest 32 bytes; other forms have none. HM_EFORMAT, HM_EREFUSED past a limit, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_image_add_fact(struct hm_image *image, uint32_t node,
                                           enum hm_image_fact_kind kind, uint64_t number,
                                           struct hm_bytes text, struct hm_err *err);

/* "volume", "rom-image": stable, for JSON and people; static storage. */
const char *hm_image_kind_name(enum hm_image_kind kind);
const char *hm_image_fact_name(enum hm_image_fact_kind kind);
enum hm_image_form hm_image_fact_form(enum hm_image_fact_kind kind);
static inline bool hm_image_fact_is_finding(enum hm_image_fact_kind kind)
{
    return kind >= HM_FACT_BAD_CHECKSUM;
}

/* The node after this one in the order of reading (a parent, then its children), or
 * HM_IMAGE_NONE. */
uint32_t hm_image_next(const struct hm_image *image, uint32_t node);
/* The first fact of that kind, or NULL. */
const struct hm_image_fact *hm_image_find_fact(const struct hm_image *image, uint32_t node,
                                               enum hm_image_fact_kind kind);

#endif
