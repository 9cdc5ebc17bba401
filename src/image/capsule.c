/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capsules: updates as firmware takes them (UEFI 2.10, sections 8.5.3 and 23.3), little endian.
 *
 *   capsule:  0  GUID   10  header size (4)   14  flags (4)   18  size with header (4)
 *   Aptio:   1C  offset of the image (2), where the header is larger than that
 *
 *   FMP, behind the header:  0  version (4): 1   4  drivers (2)   6  payloads (2)
 *            8  where each begins, drivers first, from this header's start (8 each)
 *   payload:  0  version (4): 1 to 3   4  type (GUID)   14  index (1)   18  image's size (4)
 *            1C  vendor's data behind it (4)   20  hardware (8), from version 2
 *            28  capsule's support (8), from version 3
 *   image, if signed:  0  count (8)   8  size from here (4)   C  0200   E  0EF1   10  GUID of PKCS7
 *   image, in front:   0  "MSS1"   4  header size (4)   8  version (4)   C  lowest supported (4)
 */
#include "image/format.h"

#define HEADER_SIZE 0x1c
/* Real ones are a page at most. */
#define HEADER_SIZE_MAX 0x10000
/* Drivers and payloads of one capsule. */
#define ITEM_COUNT_MAX  256
#define SIGNATURE_START 8
#define CERTIFICATE     0x0ef10200

static const struct hm_guid fmp = HM_GUID_MAKE(0x6DCBD5ED, 0xE82D, 0x4C44, 0xBDA1, 0x7194199AD92A);
static const struct hm_guid aptio_signed =
    HM_GUID_MAKE(0x4A3CA68B, 0x7723, 0x48FB, 0x803D, 0x578CC1FEC44D);
static const struct hm_guid aptio =
    HM_GUID_MAKE(0x14EEBB90, 0x890A, 0x43DB, 0xAED1, 0x5D3C4588A418);
static const struct hm_guid pkcs7 =
    HM_GUID_MAKE(0x4AAFD29D, 0x68DF, 0x49EE, 0x8AA9, 0x347D375665A7);

struct capsule {
    struct hm_guid guid;
    size_t header_size, body_offset, size; /* size cut to what is there */
    uint32_t flags;
    bool is_cut;
};

static bool read_capsule(struct hm_bytes bytes, struct capsule *ret_capsule)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct capsule capsule = {.guid = hm_guid_read(&rd)};
    uint16_t image_offset;

    capsule.header_size = hm_reader_le32(&rd);
    capsule.flags = hm_reader_le32(&rd);
    capsule.size = hm_reader_le32(&rd);
    if (hm_reader_failed(&rd) || capsule.header_size < HEADER_SIZE ||
        capsule.header_size > HEADER_SIZE_MAX || capsule.size <= capsule.header_size ||
        bytes.size <= capsule.header_size)
        return false;
    if (capsule.size > bytes.size) {
        capsule.size = bytes.size;
        capsule.is_cut = true;
    }
    capsule.body_offset = capsule.header_size;
    if (hm_guid_is_equal(&capsule.guid, &aptio) || hm_guid_is_equal(&capsule.guid, &aptio_signed)) {
        image_offset = hm_reader_le16(&rd);
        if (image_offset > capsule.header_size && image_offset < capsule.size)
            capsule.body_offset = image_offset;
    }
    *ret_capsule = capsule;
    return true;
}

static size_t capsule_bid(struct hm_bytes bytes, bool is_first)
{
    struct capsule capsule;

    if (!read_capsule(bytes, &capsule))
        return 0;
    /* In the middle of something, the GUID may stand in a table of GUIDs. */
    if (!is_first && (capsule.is_cut || (capsule.flags & 0xff00ffff) > 0xffff))
        return 0;
    return capsule.size;
}

/* A count, a certificate, and then what is signed. */
static size_t signature_size(struct hm_bytes image)
{
    struct hm_rd rd = hm_reader_make(image);
    uint32_t size, kind;
    struct hm_guid guid;

    (void)hm_reader_le64(&rd);
    size = hm_reader_le32(&rd);
    kind = hm_reader_le32(&rd);
    guid = hm_guid_read(&rd);
    if (hm_reader_failed(&rd) || kind != CERTIFICATE || !hm_guid_is_equal(&guid, &pkcs7) ||
        size > image.size - SIGNATURE_START)
        return 0;
    return SIGNATURE_START + (size_t)size;
}

/* The image of a payload: signature, version, and what is searched. */
static enum hm_rc add_image(struct hm_walk *walk, uint32_t node, size_t offset, size_t size)
{
    struct hm_bytes image = hm_walk_bytes(walk, node);
    struct hm_rd rd;
    size_t skipped;
    char text[16];
    uint32_t child;

    if (offset > image.size || size > image.size - offset)
        return hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "the image ends behind the payload");
    if (size == 0)
        return HM_OK;
    image = hm_bytes_make(image.data + offset, size);
    skipped = signature_size(image);
    if (skipped > 0)
        HM_TRY(hm_walk_fact(walk, node, HM_FACT_SIGNATURE_SIZE, skipped - SIGNATURE_START));
    rd = hm_reader_make(hm_bytes_make(image.data + skipped, size - skipped));
    if (hm_bytes_is_str(hm_reader_take(&rd, 4), "MSS1")) {
        size_t header_size = hm_reader_le32(&rd);
        uint32_t version = hm_reader_le32(&rd);

        if (!hm_reader_failed(&rd) && header_size <= size - skipped) {
            (void)snprintf(text, sizeof(text), "0x%08x", version);
            HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_VERSION, text));
            skipped += header_size;
        }
    }
    if (skipped == size)
        return HM_OK;
    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_DATA, offset + skipped, size - skipped, &child));
    return hm_walk_queue(walk, child, NULL);
}

static enum hm_rc add_payload(struct hm_walk *walk, uint32_t parent, size_t offset, size_t size)
{
    struct hm_rd rd;
    struct hm_guid type;
    uint32_t node, version, image_size;
    uint8_t index;

    HM_TRY(hm_walk_add(walk, parent, HM_IMAGE_PAYLOAD, offset, size, &node));
    rd = hm_reader_make(hm_walk_bytes(walk, node));
    version = hm_reader_le32(&rd);
    type = hm_guid_read(&rd);
    index = hm_reader_u8(&rd);
    (void)hm_reader_take(&rd, 3);
    image_size = hm_reader_le32(&rd);
    (void)hm_reader_le32(&rd); /* the vendor's data stands behind the image */
    if (version >= 2)
        (void)hm_reader_le64(&rd);
    if (version >= 3)
        (void)hm_reader_le64(&rd);
    if (hm_reader_failed(&rd) || version == 0 || version > 3)
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no header of a payload");
    hm_walk_set_guid(walk, node, &type);
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_INDEX, index));
    return add_image(walk, node, rd.offset, image_size);
}

/* Where item i ends: where the next begins, whichever that is, or the capsule's end. */
static size_t end_of(const uint64_t *offsets, size_t count, size_t i, size_t size)
{
    uint64_t end = size;

    for (size_t j = 0; j < count; j++) {
        if (offsets[j] > offsets[i] && offsets[j] < end)
            end = offsets[j];
    }
    return (size_t)end;
}

static enum hm_rc parse_fmp(struct hm_walk *walk, uint32_t node, size_t start)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    uint64_t offsets[ITEM_COUNT_MAX];
    size_t drivers, count, size = bytes.size - start;
    struct hm_rd rd = hm_reader_make(hm_bytes_make(bytes.data + start, size));
    uint32_t version = hm_reader_le32(&rd);

    drivers = hm_reader_le16(&rd);
    count = drivers + hm_reader_le16(&rd);
    if (hm_reader_failed(&rd) || version != 1)
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no FMP header");
    if (count > ITEM_COUNT_MAX)
        return hm_walk_refuse(walk, "more payloads in a capsule than 256");
    for (size_t i = 0; i < count; i++)
        offsets[i] = hm_reader_le64(&rd);
    if (hm_reader_failed(&rd))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the list of payloads is cut off");
    for (size_t i = 0; i < count; i++) {
        size_t end = end_of(offsets, count, i, size);
        uint32_t child;

        if (offsets[i] >= size) {
            HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED,
                                    "a payload begins behind the capsule"));
            continue;
        }
        if (i >= drivers) {
            HM_TRY(add_payload(walk, node, start + (size_t)offsets[i], end - (size_t)offsets[i]));
            continue;
        }
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, start + (size_t)offsets[i],
                           end - (size_t)offsets[i], &child));
        HM_TRY(hm_walk_fact_str(walk, child, HM_FACT_TYPE, "driver"));
        HM_TRY(hm_walk_queue(walk, child, NULL));
    }
    return HM_OK;
}

static enum hm_rc capsule_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct capsule capsule;
    const char *name;
    uint32_t child;

    if (!read_capsule(bytes, &capsule))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no capsule header");
    hm_walk_set_guid(walk, node, &capsule.guid);
    name = hm_guid_name(&capsule.guid);
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, name == NULL ? "unknown" : name));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_ATTRIBUTES, capsule.flags));
    if (capsule.is_cut)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "the capsule ends before its size"));
    if (hm_guid_is_equal(&capsule.guid, &fmp))
        return parse_fmp(walk, node, capsule.header_size);
    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PAYLOAD, capsule.body_offset,
                       bytes.size - capsule.body_offset, &child));
    return hm_walk_queue(walk, child, NULL);
}

#define CAPSULE(first, second, third, fourth, fifth)                                               \
    {                                                                                              \
        .name = "capsule", .kind = HM_IMAGE_CAPSULE,                                               \
        .magic = {(first)&0xff,         (first) >> 8 & 0xff,  (first) >> 16 & 0xff,                \
                  (first) >> 24 & 0xff, (second)&0xff,        (second) >> 8 & 0xff,                \
                  (third)&0xff,         (third) >> 8 & 0xff,  (fourth) >> 8 & 0xff,                \
                  (fourth)&0xff,        (fifth) >> 40 & 0xff, (fifth) >> 32 & 0xff,                \
                  (fifth) >> 24 & 0xff, (fifth) >> 16 & 0xff, (fifth) >> 8 & 0xff,                 \
                  (fifth)&0xff},                                                                   \
        .magic_size = HM_GUID_SIZE, .align = 1, .bid = capsule_bid, .parse = capsule_parse         \
    }

/* One a GUID: the search goes by first bytes. */
const struct hm_format hm_capsule_formats[HM_CAPSULE_FORMAT_COUNT] = {
    CAPSULE(0x6DCBD5ED, 0xE82D, 0x4C44, 0xBDA1, 0x7194199AD92A),
    CAPSULE(0x3B6686BD, 0x0D76, 0x4030, 0xB70E, 0xB5519E2FC5A0),
    CAPSULE(0x539182B9, 0xABB5, 0x4391, 0xB69A, 0xE3A943F72FCC),
    CAPSULE(0xE20BAFD3, 0x9914, 0x4F4F, 0x9537, 0x3129E090EB3C),
    CAPSULE(0x25B5FE76, 0x8243, 0x4A5C, 0xA9BD, 0x7EE3246198B5),
    CAPSULE(0x3BE07062, 0x1D51, 0x45D2, 0x832B, 0xF093257ED461),
    CAPSULE(0x4A3CA68B, 0x7723, 0x48FB, 0x803D, 0x578CC1FEC44D),
    CAPSULE(0x14EEBB90, 0x890A, 0x43DB, 0xAED1, 0x5D3C4588A418),
};
