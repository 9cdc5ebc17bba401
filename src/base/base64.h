/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 (RFC 4648 section 4), the one standard form: padded, no white space, no stray bits in the
 * last character. So one run of bytes has one text, and one text one meaning.
 */
#ifndef HM_BASE_BASE64_H
#define HM_BASE_BASE64_H

#include "base/buf.h"

/* The characters for size bytes; the caller knows that size is far from SIZE_MAX. */
#define HM_BASE64_SIZE(size) (((size) + 2) / 3 * 4)

/* Writes exactly HM_BASE64_SIZE(bytes.size) characters, without a NUL. */
void hm_base64_encode(struct hm_bytes bytes, uint8_t *ret_text);

/* Appends the text of bytes. HM_EFORMAT past buf's maximum, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_base64_write(struct hm_bytes bytes, struct hm_err *err,
                                         struct hm_buf *ret_buf);

/* Decodes all of text into ret_bytes, which has room for text.size / 4 * 3 bytes. HM_EFORMAT (what
 * was written is of no use then). */
HM_MUST_CHECK enum hm_rc hm_base64_read(struct hm_bytes text, uint8_t *ret_bytes, size_t *ret_size);

/* Decodes text of exactly size bytes. HM_EFORMAT otherwise; nothing is written past size. */
HM_MUST_CHECK enum hm_rc hm_base64_read_exactly(struct hm_bytes text, uint8_t *ret_bytes,
                                                size_t size);

#endif
