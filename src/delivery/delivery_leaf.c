/* SPDX-License-Identifier: Apache-2.0 */
/* Leaves of the deliveries log. See delivery_leaf.h. */
#include "delivery/delivery_leaf.h"

#include "base/text.h"

enum hm_rc hm_delivery_leaf_write(const struct hm_sha256 *salt, const struct hm_sha256 *hash,
                                  struct hm_err *err, char ret_entry[HM_DELIVERY_LEAF_SIZE + 1])
{
    uint8_t salted[2 * HM_SHA256_SIZE];
    struct hm_sha256 leaf;
    char hex[HM_SHA256_HEX_SIZE];

    memcpy(salted, salt->bytes, HM_SHA256_SIZE);
    memcpy(salted + HM_SHA256_SIZE, hash->bytes, HM_SHA256_SIZE);
    HM_TRY(hm_digest_sha256(hm_bytes_make(salted, sizeof(salted)), err, &leaf));
    hm_text_hex(hm_bytes_make(leaf.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(ret_entry, HM_DELIVERY_LEAF_SIZE + 1, "hallmark/delivery-leaf v1\n%s\n",
                   hex); /* exactly as long */
    return HM_OK;
}

enum hm_rc hm_delivery_leaf_key_salt(struct hm_bytes text, struct hm_err *err,
                                     struct hm_sha256 *ret_salt)
{
    _hm_done_(hm_buf_done) struct hm_buf salted = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX + 4);

    HM_TRY(hm_buf_append(&salted, text, err));
    HM_TRY(hm_buf_append_str(&salted, "salt", err));
    return hm_digest_sha256(hm_buf_bytes(&salted), err, ret_salt);
}
