/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of formats. Each is one file, with its layout at the top; each can say whether bytes
 * begin with it, and take it apart.
 */
#ifndef HM_IMAGE_FORMAT_H
#define HM_IMAGE_FORMAT_H

#include "image/walk.h"

#define HM_FORMAT_MAGIC_SIZE_MAX 16

struct hm_format {
    const char *name;
    enum hm_image_kind kind;
    /* What the search looks for: these bytes, so far behind the format's start. */
    uint8_t magic[HM_FORMAT_MAGIC_SIZE_MAX];
    size_t magic_size, magic_offset;
    /* Where in the searched bytes a start may lie: a multiple of this. Formats with a short magic
     * have a large one. */
    size_t align;
    /* How many bytes a bid looks at, at most; 0: 1024. A common magic has a cheap bid. */
    size_t bid_size;
    /* The size of what begins with bytes (at most bytes.size), or 0 where it is not this format.
     * is_first: the bytes are the start of a file, region or section. A bid reads headers only: its
     * cost is bounded whatever the size. */
    size_t (*bid)(struct hm_bytes bytes, bool is_first);
    /* Takes the node apart; see walk.h. */
    enum hm_rc (*parse)(struct hm_walk *walk, uint32_t node);
};

extern const struct hm_format hm_pci_rom_format;
extern const struct hm_format hm_pe_format;
extern const struct hm_format hm_pe_te_format; /* is in a section only: never found by search */
extern const struct hm_format hm_volume_format;
extern const struct hm_format hm_section_format; /* likewise */
extern const struct hm_format hm_flash_format;
#define HM_CAPSULE_FORMAT_COUNT 8
extern const struct hm_format hm_capsule_formats[HM_CAPSULE_FORMAT_COUNT];
extern const struct hm_format hm_microcode_intel_format;
extern const struct hm_format hm_microcode_amd_format;
extern const struct hm_format hm_uimage_format;
extern const struct hm_format hm_device_tree_format;
extern const struct hm_format hm_cbfs_format;
extern const struct hm_format hm_squashfs_format;
extern const struct hm_format hm_ubi_format;
extern const struct hm_format hm_cabinet_format;
extern const struct hm_format hm_package_pldm_formats[2];
extern const struct hm_format hm_package_pfs_format;

/* All that are searched for, in the order of asking; ended by NULL. */
extern const struct hm_format *const hm_format_table[];

#endif
