/* SPDX-License-Identifier: Apache-2.0 */
/* GUIDs as firmware stores them (UEFI 2.10, appendix A), and the names of the well-known ones. */
#ifndef HM_IMAGE_GUID_H
#define HM_IMAGE_GUID_H

#include "base/reader.h"

#define HM_GUID_SIZE      16
#define HM_GUID_TEXT_SIZE 37 /* 8-4-4-4-12 digits and the NUL */

struct hm_guid {
    uint8_t bytes[HM_GUID_SIZE]; /* as stored: the first three groups are little endian */
};

/* A constant out of the five groups of the text form; the last is 48 bits. */
#define HM_GUID_MAKE(a, b, c, d, e)                                                                \
    ((struct hm_guid){{(a)&0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24 & 0xff, (b)&0xff,    \
                       (b) >> 8 & 0xff, (c)&0xff, (c) >> 8 & 0xff, (d) >> 8 & 0xff, (d)&0xff,      \
                       (e) >> 40 & 0xff, (e) >> 32 & 0xff, (e) >> 24 & 0xff, (e) >> 16 & 0xff,     \
                       (e) >> 8 & 0xff, (e)&0xff}})

static inline bool hm_guid_is_equal(const struct hm_guid *a, const struct hm_guid *b)
{
    return memcmp(a->bytes, b->bytes, HM_GUID_SIZE) == 0;
}

/* The next 16 bytes; zeros where the reader fails. */
struct hm_guid hm_guid_read(struct hm_rd *rd);
/* "8C8CE578-8A3D-4F1C-9935-896185C32DD3", capitals as the specifications print them. */
void hm_guid_text(const struct hm_guid *guid, char ret_text[HM_GUID_TEXT_SIZE]);
/* What the specifications (or those who made it) call this one, or NULL. Static storage. */
const char *hm_guid_name(const struct hm_guid *guid);

#endif
