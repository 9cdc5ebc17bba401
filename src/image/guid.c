/* SPDX-License-Identifier: Apache-2.0 */
/* GUIDs (guid.h). */
#include "image/guid.h"

static const struct {
    struct hm_guid guid;
    const char *name;
} known[] = {
    /* File systems of firmware volumes (UEFI PI 1.7, volume 3). */
    {HM_GUID_MAKE(0x7A9354D9, 0x0468, 0x444A, 0x81CE, 0x0BF617D890DF), "FFS1"},
    {HM_GUID_MAKE(0x8C8CE578, 0x8A3D, 0x4F1C, 0x9935, 0x896185C32DD3), "FFS2"},
    {HM_GUID_MAKE(0x5473C07A, 0x3DCB, 0x4DCA, 0xBD6F, 0x1E9689E7349A), "FFS3"},
    {HM_GUID_MAKE(0xFFF12B8D, 0x7696, 0x4C8B, 0xA985, 0x2747075B4F50), "variable store"},
    {HM_GUID_MAKE(0x00504624, 0x8A59, 0x4EEB, 0xBD0F, 0x6B36E96128E0), "variable store (older)"},
    {HM_GUID_MAKE(0x04ADEEAD, 0x61FF, 0x4D31, 0xB6BA, 0x64F8BF901F5A), "Apple boot volume"},
    {HM_GUID_MAKE(0xBD001B8C, 0x6A71, 0x487B, 0xA14F, 0x0C2A2DCF7A5D), "Apple boot volume (2)"},
    {HM_GUID_MAKE(0xAD3FFFFF, 0xD28B, 0x44C4, 0x9F13, 0x9EA98A97F9F0), "Intel volume"},
    {HM_GUID_MAKE(0xD6A1CD70, 0x4B33, 0x4994, 0xA6EA, 0x375F2CCC5437), "Intel volume (2)"},
    {HM_GUID_MAKE(0x4F494156, 0xAED6, 0x4D64, 0xA537, 0xB8A5557BCEEC), "Sony volume"},
    /* Encapsulating sections. */
    {HM_GUID_MAKE(0xEE4E5898, 0x3914, 0x4259, 0x9D6E, 0xDC7BD79403CF), "LZMA"},
    {HM_GUID_MAKE(0xD42AE6BD, 0x1352, 0x4BFB, 0x909A, 0xCA72A6EAE889), "LZMA with x86 filter"},
    {HM_GUID_MAKE(0xA31280AD, 0x481E, 0x41B6, 0x95E8, 0x127F4C984779), "Tiano"},
    {HM_GUID_MAKE(0x3D532050, 0x5CDA, 0x4FD0, 0x879E, 0x0F7F630D5AFB), "Brotli"},
    {HM_GUID_MAKE(0xFC1BCDB0, 0x7D31, 0x49AA, 0x936A, 0xA4600D9DD083), "CRC32"},
    {HM_GUID_MAKE(0x0F9D89E8, 0x9259, 0x4F76, 0xA5AF, 0x0C89E34023DF), "signed"},
    {HM_GUID_MAKE(0x0ED85E23, 0xF253, 0x413F, 0xA03C, 0x901987B04397), "LZMA (HP)"},
    {HM_GUID_MAKE(0x1D301FE9, 0xBE79, 0x4353, 0x91C2, 0xD23BC959AE0C), "gzip"},
    {HM_GUID_MAKE(0xCE3233F5, 0x2CD6, 0x4D87, 0x9152, 0x4A238BB6D1C4), "zlib (AMD)"},
    {HM_GUID_MAKE(0x991EFAC0, 0xE260, 0x416B, 0xA4B8, 0x3B153072B804), "zlib (AMD, 2)"},
    /* Capsules. */
    {HM_GUID_MAKE(0x3B6686BD, 0x0D76, 0x4030, 0xB70E, 0xB5519E2FC5A0), "UEFI capsule"},
    {HM_GUID_MAKE(0x6DCBD5ED, 0xE82D, 0x4C44, 0xBDA1, 0x7194199AD92A), "FMP capsule"},
    {HM_GUID_MAKE(0x539182B9, 0xABB5, 0x4391, 0xB69A, 0xE3A943F72FCC), "Intel capsule"},
    {HM_GUID_MAKE(0xE20BAFD3, 0x9914, 0x4F4F, 0x9537, 0x3129E090EB3C), "Lenovo capsule"},
    {HM_GUID_MAKE(0x25B5FE76, 0x8243, 0x4A5C, 0xA9BD, 0x7EE3246198B5), "Lenovo capsule (2)"},
    {HM_GUID_MAKE(0x3BE07062, 0x1D51, 0x45D2, 0x832B, 0xF093257ED461), "Toshiba capsule"},
    {HM_GUID_MAKE(0x4A3CA68B, 0x7723, 0x48FB, 0x803D, 0x578CC1FEC44D), "Aptio capsule, signed"},
    {HM_GUID_MAKE(0x14EEBB90, 0x890A, 0x43DB, 0xAED1, 0x5D3C4588A418), "Aptio capsule"},
    /* Files that have no name of their own. */
    {HM_GUID_MAKE(0x1BA0062E, 0xC779, 0x4582, 0x8566, 0x336AE8F78F09), "volume top file"},
    {HM_GUID_MAKE(0x1B45CC0A, 0x156A, 0x428A, 0xAF62, 0x49864DA0E6E6), "PEI apriori file"},
    {HM_GUID_MAKE(0xFC510EE7, 0xFFDC, 0x11D4, 0xBD41, 0x0080C73C8881), "DXE apriori file"},
    {HM_GUID_MAKE(0xFFFFFFFF, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFFFFFFFFFF), "pad file"},
    {HM_GUID_MAKE(0xCEF5B9A3, 0x476D, 0x497F, 0x9FDC, 0xE98143E0422C), "NVAR variables (AMI)"},
    {HM_GUID_MAKE(0xAAF32C78, 0x947B, 0x439A, 0xA180, 0x2E144EC37792), "authenticated variables"},
};

struct hm_guid hm_guid_read(struct hm_rd *rd)
{
    struct hm_bytes bytes = hm_reader_take(rd, HM_GUID_SIZE);
    struct hm_guid guid = {{0}};

    if (bytes.size == HM_GUID_SIZE)
        memcpy(guid.bytes, bytes.data, HM_GUID_SIZE);
    return guid;
}

void hm_guid_text(const struct hm_guid *guid, char ret_text[HM_GUID_TEXT_SIZE])
{
    /* Where each digit pair of the text comes from; a dash stands before 4, 6, 8 and 10. */
    static const uint8_t order[HM_GUID_SIZE] = {3, 2, 1,  0,  5,  4,  7,  6,
                                                8, 9, 10, 11, 12, 13, 14, 15};
    static const char digits[] = "0123456789ABCDEF";
    char *at = ret_text;

    for (size_t i = 0; i < HM_GUID_SIZE; i++) {
        uint8_t byte = guid->bytes[order[i]];

        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    *at = '\0';
}

const char *hm_guid_name(const struct hm_guid *guid)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(known); i++) {
        if (hm_guid_is_equal(&known[i].guid, guid))
            return known[i].name;
    }
    return NULL;
}
