/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI expansion ROMs (PCI Firmware Specification 3.3, section 5; UEFI 2.10, section 14.4): a chain
 * of images, each for another kind of machine, little endian.
 *
 *   offset  size  legacy (code type 0)             EFI (code type 3)
 *        0     2  55 AA                            55 AA
 *        2     1  size in 512-byte units           2: initialisation size in 512-byte units
 *        3     3  jump
 *        4     4                                   F1 0E 00 00
 *        8     2                                   subsystem
 *       0A     2                                   machine
 *       0C     2                                   compression: 0 none, 1 EFI 1.1
 *       16     2                                   offset of the PE image, or its compressed form
 *       18     2  offset of PCIR                   the same
 *
 *   PCIR:  0  "PCIR"     4  vendor (2)     6  device (2)    8  device list (2; revision 3, from
 * PCIR) A  size (2)   C  revision (1)   D  class (3)    10  image size in 512-byte units (2) 12
 * code revision (2)  14  code type (1)         15  bit 7: the last image
 *
 * The chain goes by the size in PCIR. An ISA ROM has no PCIR: its size is the byte at 2, and it
 * ends the chain. A legacy image's bytes sum to 0.
 */
#include "image/format.h"

#include "image/pe.h"
#include "image/unpack.h"

/* More images than any card has kinds of machine; the chain is walked at each bid. */
#define IMAGE_COUNT_MAX 64
/* A list of devices ends with 0; real ones have a few dozen. */
#define LISTED_DEVICE_COUNT_MAX 1024
#define UNIT                    512
#define EFI_SIGNATURE           0x0ef1
#define PCIR_SIZE               0x18
#define CODE_LEGACY             0
#define CODE_EFI                3
#define LAST_IMAGE              0x80

struct rom_image {
    size_t size; /* in bytes, as the chain counts; cut to what is there */
    bool is_cut;
    bool has_pcir;
    size_t pcir_offset;
    uint16_t vendor, device, device_list, revision_size;
    uint8_t revision, code_type, indicator;
    uint32_t class_code;
    uint8_t legacy_units;
};

/* Reads the headers of the image that bytes begin with. False where there is none. */
static bool read_image(struct hm_bytes bytes, bool allows_isa, struct rom_image *ret_image)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct rom_image image = {.size = 0};
    struct hm_bytes signature;

    if (hm_reader_le16(&rd) != 0xaa55)
        return false;
    image.legacy_units = hm_reader_u8(&rd);
    (void)hm_reader_take(&rd, 0x18 - 3); /* a failure sticks */
    image.pcir_offset = hm_reader_le16(&rd);
    if (hm_reader_failed(&rd))
        return false;
    image.size = (size_t)image.legacy_units * UNIT;
    if (image.pcir_offset >= 0x1a && image.pcir_offset < bytes.size) {
        rd = hm_reader_make(
            hm_bytes_make(bytes.data + image.pcir_offset, bytes.size - image.pcir_offset));
        signature = hm_reader_take(&rd, 4);
        image.vendor = hm_reader_le16(&rd);
        image.device = hm_reader_le16(&rd);
        image.device_list = hm_reader_le16(&rd);
        image.revision_size = hm_reader_le16(&rd);
        image.revision = hm_reader_u8(&rd);
        image.class_code = hm_reader_le16(&rd);
        image.class_code |= (uint32_t)hm_reader_u8(&rd) << 16;
        /* Also where it is 0: such an image ends the chain at its size byte. */
        size_t units = hm_reader_le16(&rd);
        (void)hm_reader_le16(&rd); /* code revision: the vendor's own count */
        image.code_type = hm_reader_u8(&rd);
        image.indicator = hm_reader_u8(&rd);
        image.has_pcir = !hm_reader_failed(&rd) && hm_bytes_is_str(signature, "PCIR");
        if (image.has_pcir && units != 0)
            image.size = units * UNIT;
        else if (image.has_pcir)
            image.indicator |= LAST_IMAGE;
    }
    if (!image.has_pcir && (!allows_isa || image.size == 0))
        return false;
    if (image.size > bytes.size) {
        image.size = bytes.size;
        image.is_cut = true;
    }
    /* PCIR lies inside its image: what lies behind is another's. */
    if (image.has_pcir && image.pcir_offset + PCIR_SIZE > image.size)
        return false;
    *ret_image = image;
    return image.size > 0;
}

static bool is_end(const struct rom_image *image)
{
    return !image->has_pcir || (image->indicator & LAST_IMAGE) != 0 || image->is_cut;
}

static size_t pci_rom_bid(struct hm_bytes bytes, bool is_first)
{
    size_t offset = 0;

    for (size_t count = 0; count < IMAGE_COUNT_MAX; count++) {
        struct hm_bytes rest = hm_bytes_make(bytes.data + offset, bytes.size - offset);
        struct rom_image image;

        if (rest.size == 0 || !read_image(rest, is_first && count == 0, &image))
            break;
        offset += image.size;
        if (is_end(&image))
            break;
    }
    return offset;
}

static const char *code_type_name(uint8_t code_type)
{
    switch (code_type) {
    case CODE_LEGACY:
        return "legacy x86";
    case 1:
        return "Open Firmware";
    case 2:
        return "PA-RISC";
    case CODE_EFI:
        return "EFI";
    default:
        return "code of an unknown type";
    }
}

static enum hm_rc add_device_list(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                                  const struct rom_image *image)
{
    struct hm_rd rd = hm_reader_make(bytes);

    /* Before revision 3 the field pointed to vital product data. */
    if (image->revision < 3 || image->device_list == 0)
        return HM_OK;
    (void)hm_reader_take(&rd, image->pcir_offset);
    (void)hm_reader_take(&rd, image->device_list);
    for (size_t count = 0; count < LISTED_DEVICE_COUNT_MAX; count++) {
        uint16_t device = hm_reader_le16(&rd);

        if (hm_reader_failed(&rd))
            return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED,
                                    "the list of devices has no end");
        if (device == 0)
            return HM_OK;
        HM_TRY(hm_walk_fact(walk, node, HM_FACT_LISTED_DEVICE_ID, device));
    }
    return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the list of devices is too long");
}

/* All images that were ever seen sum to 0; the specification asks it of legacy ones. */
static enum hm_rc check_sum(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes, bool must)
{
    uint8_t sum = 0;

    HM_TRY(hm_walk_spend(walk, bytes.size));
    for (size_t i = 0; i < bytes.size; i++)
        sum = (uint8_t)(sum + bytes.data[i]);
    if (sum == 0)
        return hm_walk_fact_str(walk, node, HM_FACT_CHECKSUM, "good");
    return must ? hm_walk_fact_str(walk, node, HM_FACT_BAD_CHECKSUM,
                                   "the image's bytes do not sum to 0")
                : HM_OK;
}

static enum hm_rc add_compressed(struct hm_walk *walk, uint32_t node, struct hm_bytes body)
{
    uint8_t *data = NULL;
    size_t size = 0;
    const char *why = NULL;
    uint32_t content;

    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_COMPRESSION, "EFI 1.1"));
    HM_TRY(hm_unpack_run(walk, HM_UNPACK_EFI11, body, &data, &size, &why));
    if (data == NULL)
        return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, why);
    HM_TRY(hm_walk_add_content(walk, node, data, size, &content));
    return hm_walk_queue(walk, content, NULL);
}

static enum hm_rc parse_efi(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes)
{
    struct hm_rd rd = hm_reader_make(bytes);
    uint16_t machine, compression, body;
    uint32_t child;

    (void)hm_reader_le16(&rd);
    (void)hm_reader_le16(&rd);
    if (hm_reader_le32(&rd) != EFI_SIGNATURE)
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "EFI code without its signature");
    (void)hm_reader_le16(&rd); /* subsystem: the PE header says it again */
    machine = hm_reader_le16(&rd);
    compression = hm_reader_le16(&rd);
    (void)hm_reader_take(&rd, 8);
    body = hm_reader_le16(&rd);
    if (hm_reader_failed(&rd) || body < 0x1a || body >= bytes.size)
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the PE image lies outside");
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MACHINE, hm_pe_machine_name(machine)));
    if (compression == 1)
        return add_compressed(walk, node, hm_bytes_make(bytes.data + body, bytes.size - body));
    if (compression != 0)
        return hm_walk_fact_str(walk, node, HM_FACT_NOT_DECOMPRESSED, "an unknown compression");
    HM_TRY(hm_walk_add(walk, node, HM_IMAGE_PE, body, bytes.size - body, &child));
    return hm_walk_queue(walk, child, &hm_pe_format);
}

static enum hm_rc add_image(struct hm_walk *walk, uint32_t node, struct hm_bytes bytes,
                            const struct rom_image *image)
{
    if (!image->has_pcir) {
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, "legacy x86, no PCI data"));
        return check_sum(walk, node, bytes, true);
    }
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, code_type_name(image->code_type)));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_VENDOR_ID, image->vendor));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_DEVICE_ID, image->device));
    HM_TRY(add_device_list(walk, node, bytes, image));
    HM_TRY(hm_walk_fact(walk, node, HM_FACT_CLASS_CODE, image->class_code));
    HM_TRY(check_sum(walk, node, bytes, image->code_type == CODE_LEGACY));
    if (image->is_cut)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TRUNCATED, "the image ends before its size"));
    if (image->code_type == CODE_LEGACY && (size_t)image->legacy_units * UNIT != image->size)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MALFORMED,
                                "the size byte and PCIR's size disagree"));
    return image->code_type == CODE_EFI ? parse_efi(walk, node, bytes) : HM_OK;
}

static enum hm_rc pci_rom_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    size_t offset = 0;

    for (size_t count = 0; offset < bytes.size; count++) {
        struct hm_bytes rest = hm_bytes_make(bytes.data + offset, bytes.size - offset);
        struct rom_image image;
        uint32_t child;

        if (count == IMAGE_COUNT_MAX || !read_image(rest, count == 0, &image)) {
            HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MALFORMED,
                                    "the chain of images has no last one"));
            return hm_walk_add_gap(walk, node, offset, rest.size);
        }
        HM_TRY(hm_walk_add(walk, node, HM_IMAGE_ROM_IMAGE, offset, image.size, &child));
        HM_TRY(add_image(walk, child, hm_bytes_make(rest.data, image.size), &image));
        offset += image.size;
        if (is_end(&image)) {
            return hm_walk_add_gap(walk, node, offset, bytes.size - offset);
        }
    }
    return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "the chain of images has no last one");
}

const struct hm_format hm_pci_rom_format = {
    .name = "pci-rom",
    .kind = HM_IMAGE_OPTION_ROM,
    .magic = {0x55, 0xaa},
    .magic_size = 2,
    .align = UNIT,
    .bid = pci_rom_bid,
    .parse = pci_rom_parse,
};
