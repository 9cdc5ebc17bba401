/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, SHA-384 and SHA-512 (FIPS 180-4) over memory and files. See digest.h. */
#include "crypto/provider.h"

#include "crypto/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* 128 KiB measured least CPU for whole files: it stays in the second-level cache between the
 * kernel's copy and the digest, and calls are few (bench/bench_digest.c). */
#define BLOCK_SIZE ((size_t)128 * 1024)

struct hm_digest {
    EVP_MD_CTX *ctx;
    const EVP_MD *md;
};

enum hm_rc hm_digest_new(enum hm_digest_kind kind, struct hm_err *err,
                         struct hm_digest **ret_digest)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    const EVP_MD *md;

    HM_TRY(hm_provider_digest(kind, err, &md));
    digest = calloc(1, sizeof(*digest));
    if (digest == NULL)
        return hm_error_nomem(err);
    digest->md = md;
    digest->ctx = EVP_MD_CTX_new();
    if (digest->ctx == NULL)
        return hm_error_nomem(err);
    if (EVP_DigestInit_ex2(digest->ctx, md, NULL) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "a digest cannot be started");
    *ret_digest = hm_steal(&digest);
    return HM_OK;
}

enum hm_rc hm_digest_update(struct hm_digest *digest, struct hm_bytes bytes, struct hm_err *err)
{
    if (bytes.size != 0 && EVP_DigestUpdate(digest->ctx, bytes.data, bytes.size) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "a digest cannot be computed");
    return HM_OK;
}

enum hm_rc hm_digest_final(struct hm_digest *digest, struct hm_err *err, uint8_t *ret_bytes)
{
    uint8_t bytes[HM_SHA512_SIZE];
    unsigned int size = 0;

    if (EVP_DigestFinal_ex(digest->ctx, bytes, &size) != 1 ||
        EVP_DigestInit_ex2(digest->ctx, digest->md, NULL) != 1)
        return hm_provider_fail(err, HM_EINTERNAL, "a digest cannot be finished");
    HM_ASSERT(size == HM_SHA256_SIZE || size == HM_SHA384_SIZE || size == HM_SHA512_SIZE);
    /* Sizes that the compiler knows: a Merkle tree is millions of these. */
    if (size == HM_SHA256_SIZE)
        memcpy(ret_bytes, bytes, HM_SHA256_SIZE);
    else
        memcpy(ret_bytes, bytes, size);
    return HM_OK;
}

void hm_digest_free(struct hm_digest *digest)
{
    if (digest == NULL)
        return;
    EVP_MD_CTX_free(digest->ctx);
    free(digest);
}

enum hm_rc hm_digest_bytes(enum hm_digest_kind kind, struct hm_bytes bytes, struct hm_err *err,
                           uint8_t *ret_bytes)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;

    HM_TRY(hm_digest_new(kind, err, &digest));
    HM_TRY(hm_digest_update(digest, bytes, err));
    return hm_digest_final(digest, err, ret_bytes);
}

enum hm_rc hm_digest_sha256(struct hm_bytes bytes, struct hm_err *err, struct hm_sha256 *ret_sha256)
{
    return hm_digest_bytes(HM_DIGEST_SHA256, bytes, err, ret_sha256->bytes);
}

enum hm_rc hm_digest_sha512(struct hm_bytes bytes, struct hm_err *err, struct hm_sha512 *ret_sha512)
{
    return hm_digest_bytes(HM_DIGEST_SHA512, bytes, err, ret_sha512->bytes);
}

enum hm_rc hm_digest_fd(int fd, hm_digest_progress_fn *progress, void *ctx, struct hm_err *err,
                        struct hm_sha256 *ret_sha256, uint64_t *ret_size)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    _hm_free_(free) char *block = NULL;
    uint64_t size = 0;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    block = malloc(BLOCK_SIZE);
    if (block == NULL)
        return hm_error_nomem(err);
    /* Advice only: a pipe has no pages to read ahead. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (;;) {
        ssize_t got = read(fd, block, BLOCK_SIZE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_error_errno(err, errno, "cannot read the file to compute its digest");
        if (got == 0)
            break;
        HM_TRY(hm_digest_update(digest, hm_bytes_make(block, (size_t)got), err));
        size += (uint64_t)got;
        if (progress != NULL)
            progress(ctx, size);
    }
    HM_TRY(hm_digest_final(digest, err, ret_sha256->bytes));
    *ret_size = size;
    return HM_OK;
}
