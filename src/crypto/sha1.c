/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 (FIPS 180-4) through OpenSSL. See sha1.h. */
#include "crypto/provider.h"

#include "crypto/sha1.h"

enum hm_rc hm_sha1_digest(struct hm_bytes bytes, struct hm_err *err, struct hm_sha1 *ret_sha1)
{
    OSSL_LIB_CTX *library;
    struct hm_sha1 digest;
    size_t size = 0;

    HM_TRY(hm_provider_ctx(err, &library));
    if (EVP_Q_digest(library, "SHA1", NULL, bytes.data, bytes.size, digest.bytes, &size) != 1 ||
        size != HM_SHA1_SIZE)
        return hm_provider_fail(err, HM_EINTERNAL, "a SHA-1 digest cannot be computed");
    *ret_sha1 = digest;
    return HM_OK;
}
