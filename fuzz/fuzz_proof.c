/* SPDX-License-Identifier: Apache-2.0 */
/* Proof files: one text for each, and none convinces a policy whose log is somebody else; proofs of
 * the map: none for a key nobody set. */
#include "fuzz.h"

#include "tlog/map.h"
#include "tlog/proof.h"

#define POLICY                                                                                     \
    "log PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\nquorum none\n"

static void check_proof(const struct hm_proof *proof, struct hm_bytes raw)
{
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(2 * HM_PROOF_SIZE_MAX);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

    FUZZ_CHECK(hm_proof_write(proof, NULL, &again) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&again), raw));
    FUZZ_CHECK(hm_log_policy_parse(HM_BYTES_LITERAL(POLICY), NULL, &policy) == HM_OK);
    FUZZ_CHECK(hm_proof_verify_entry(proof, HM_BYTES_LITERAL("x"), policy, 0, HM_LOG_POLICY_ANY_AGE,
                                     NULL, &checkpoint) != HM_OK);
    FUZZ_CHECK(checkpoint == NULL);
}

static void check_map(struct hm_bytes raw)
{
    const struct hm_sha256 root = {{1}};
    const struct hm_sha256 key = {{2}};
    struct hm_sha256 value;

    FUZZ_CHECK(hm_map_verify_absent(&root, &key, raw, NULL) != HM_OK);
    FUZZ_CHECK(hm_map_verify_present(&root, &key, raw, NULL, &value) != HM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes raw = hm_bytes_make(data, size);
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;

    if (hm_proof_parse(raw, NULL, &proof) == HM_OK)
        check_proof(proof, raw);
    check_map(raw);
    return 0;
}
