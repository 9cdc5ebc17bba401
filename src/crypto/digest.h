/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests. The algorithm objects are fetched once per process; a context is reused, which measured
 * three times faster than one-shot calls (bench/).
 */
#ifndef HM_CRYPTO_DIGEST_H
#define HM_CRYPTO_DIGEST_H

#include "base/bytes.h"
#include "base/error.h"

#define HM_SHA256_SIZE     32
#define HM_SHA384_SIZE     48
#define HM_SHA512_SIZE     64
#define HM_SHA256_HEX_SIZE (2 * HM_SHA256_SIZE + 1) /* with NUL */

struct hm_sha256 {
    uint8_t bytes[HM_SHA256_SIZE];
};

struct hm_sha512 {
    uint8_t bytes[HM_SHA512_SIZE];
};

enum hm_digest_kind {
    HM_DIGEST_SHA256,
    HM_DIGEST_SHA384,
    HM_DIGEST_SHA512,
};

struct hm_digest; /* one running digest */

HM_MUST_CHECK enum hm_rc hm_digest_new(enum hm_digest_kind kind, struct hm_err *err,
                                       struct hm_digest **ret_digest);
HM_MUST_CHECK enum hm_rc hm_digest_update(struct hm_digest *digest, struct hm_bytes bytes,
                                          struct hm_err *err);
/* Writes 32, 48 or 64 bytes and starts afresh. */
HM_MUST_CHECK enum hm_rc hm_digest_final(struct hm_digest *digest, struct hm_err *err,
                                         uint8_t *ret_bytes);
void hm_digest_free(struct hm_digest *digest);
HM_DEFINE_FREE(hm_digest_free, struct hm_digest);

/* One-shot; ret_bytes as hm_digest_final. */
HM_MUST_CHECK enum hm_rc hm_digest_bytes(enum hm_digest_kind kind, struct hm_bytes bytes,
                                         struct hm_err *err, uint8_t *ret_bytes);
HM_MUST_CHECK enum hm_rc hm_digest_sha256(struct hm_bytes bytes, struct hm_err *err,
                                          struct hm_sha256 *ret_sha256);
HM_MUST_CHECK enum hm_rc hm_digest_sha512(struct hm_bytes bytes, struct hm_err *err,
                                          struct hm_sha512 *ret_sha512);

static inline bool hm_digest_is_equal(const struct hm_sha256 *a, const struct hm_sha256 *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* SHA-256 and size of what is left in fd, read once in large blocks. progress (may be NULL) is
 * called with the bytes so far. */
typedef void hm_digest_progress_fn(void *ctx, uint64_t done);
HM_MUST_CHECK enum hm_rc hm_digest_fd(int fd, hm_digest_progress_fn *progress, void *ctx,
                                      struct hm_err *err, struct hm_sha256 *ret_sha256,
                                      uint64_t *ret_size);

#endif
