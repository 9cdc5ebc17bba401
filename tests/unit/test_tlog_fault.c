/* SPDX-License-Identifier: Apache-2.0 */
/* src/tlog where memory runs out: every document read, verified and written, and the maps, with
 * each allocation failing in turn. */
#include "fault.h"
#include "tlog_vectors.h"

#include "tlog/entry.h"
#include "tlog/map.h"
#include "tlog/proof.h"
#include "tlog/release_map.h"

static enum hm_rc prove(void *ctx, struct hm_err *err)
{
    const json_t *vector = ctx;
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);

    HM_TRY(hm_proof_parse(hm_bytes_str(tlog_str(vector, "proof")), err, &proof));
    HM_TRY(hm_log_policy_parse(hm_bytes_str(tlog_str(vector, "policy")), err, &policy));
    HM_TRY(hm_proof_verify_entry(proof, HM_BYTES_EMPTY, policy, TLOG_TIME, HM_LOG_POLICY_ANY_AGE,
                                 err, &checkpoint));
    HM_TRY(hm_proof_write(proof, err, &buf));
    return hm_log_policy_write(policy, err, &buf);
}

static void test_proof__survives_every_failing_call(void **state)
{
    json_t *vector = json_array_get(json_object_get(tlog_vectors, "proofs"), 0);

    assert_true(fault_run(prove, NULL, vector) > 20);
}

static enum hm_rc sign(void *ctx, struct hm_err *err)
{
    const json_t *skey = ctx;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *witness = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);
    _hm_done_(hm_secret_done) struct hm_secret secret = HM_SECRET_INIT;
    struct hm_bytes text = HM_BYTES_LITERAL("o\n3\nSFh+ZoCoNsFnUkiAgB1lJ6LBkF+zK0eDd8sXBQw+2Ak=\n");

    HM_TRY(hm_note_key_parse_secret(hm_bytes_str(tlog_str(skey, "skey")), err, &key, &signer));
    HM_TRY(hm_note_key_make("w", HM_NOTE_COSIGNATURE, hm_signer_key(signer), err, &witness));
    HM_TRY(hm_note_key_write_secret(key, signer, err, &secret));
    HM_TRY(hm_note_write_text(text, err, &buf));
    HM_TRY(hm_note_sign(text, key, signer, 0, err, &buf));
    HM_TRY(hm_note_sign(text, witness, signer, TLOG_TIME, err, &buf));
    HM_TRY(hm_note_parse(hm_buf_bytes(&buf), err, &note));
    return hm_note_verify(note, (const struct hm_note_key *const[]){key, witness}, 2, err, NULL);
}

static void test_sign__survives_every_failing_call(void **state)
{
    json_t *skey = json_array_get(json_object_get(tlog_vectors, "skeys"), 0);

    assert_true(fault_run(sign, NULL, skey) > 20);
}

static enum hm_rc log_entry(void *ctx, struct hm_err *err)
{
    const json_t *vector = ctx;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);

    HM_TRY(hm_entry_parse(hm_bytes_str(tlog_str(vector, "entry")), err, &entry));
    return hm_entry_write(entry, err, &buf);
}

static void test_entry__survives_every_failing_call(void **state)
{
    json_t *vector = json_array_get(json_object_get(tlog_vectors, "entries"), 0);

    assert_true(fault_run(log_entry, NULL, vector) > 5);
}

/* 200 keys make both arrays of the map grow twice. */
static enum hm_rc fill_map(void *ctx, struct hm_err *err)
{
    _hm_free_(hm_map_free) struct hm_map *map = NULL;
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    struct hm_sha256 key = {{0}};
    struct hm_sha256 root;

    HM_TRY(hm_map_new(err, &map));
    for (size_t i = 0; i < 200; i++) {
        size_t before = hm_map_count(map);
        enum hm_rc rc;

        key.bytes[0] = (uint8_t)i;
        rc = hm_map_set(map, &key, &key, err);
        assert_int_equal(hm_map_count(map), rc == HM_OK ? before + 1 : before);
        HM_TRY(rc);
    }
    HM_TRY(hm_map_root(map, err, &root));
    HM_TRY(hm_map_prove(map, &root, err, &proof));
    return hm_map_verify_absent(&root, &root, hm_buf_bytes(&proof), err);
}

static void test_map__survives_every_failing_call(void **state)
{
    assert_true(fault_run(fill_map, NULL, NULL) > 5);
}

/* An entry that could not be replayed is replayed once more, as a caller may; the map of the same
 * entries is the same map. */
static enum hm_rc apply(struct hm_release_map *map, const char *text, uint64_t index,
                        struct hm_err *err)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    struct hm_sha256 before;
    struct hm_sha256 after;
    uint64_t count = 0;
    enum hm_rc rc;

    HM_TRY(hm_entry_parse(hm_bytes_str(text), err, &entry));
    HM_TRY(hm_release_map_root(map, err, &before, &count));
    rc = hm_release_map_apply(map, entry, index, err);
    if (rc != HM_OK && hm_release_map_root(map, NULL, &after, &count) == HM_OK)
        assert_true(hm_digest_is_equal(&before, &after));
    return rc;
}

#define DIGEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static enum hm_rc replay(void *ctx, struct hm_err *err)
{
    static const char *const entries[] = {
        "hallmark/maker v1\nsite example\nmaker acme\ngrade attested\nrole targets 2\n",
        "hallmark/release v1\nsite example\npath acme/nic/1\nlabel One\nimage a " DIGEST
        " 0\nrole release~acme 2\n",
        "hallmark/release v1\nsite example\npath acme/bmc/1\nimage a " DIGEST
        " 0\nrole release~acme 2\n",
        "hallmark/release v1\nsite example\npath acme/nic/0\nimage a " DIGEST
        " 0\nrole release~acme 3\n",
        "hallmark/recall v1\nsite example\npath recalls/vendor/r\ndocument " DIGEST
        " 1\ndigest " DIGEST "\nrole recalls~vendor 2\n",
    };
    _hm_free_(hm_release_store_memory_free) struct hm_release_store_memory *memory = NULL;
    _hm_free_(hm_release_map_free) struct hm_release_map *map = NULL;
    _hm_free_(hm_release_map_free) struct hm_release_map *again = NULL;
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_MAP_PROOF_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf lines = HM_BUF_INIT(4096);
    struct hm_release_store store;
    struct hm_sha256 root;
    uint64_t count = 0;

    HM_TRY(hm_release_store_memory_new(err, &memory));
    store = hm_release_store_in_memory(memory);
    HM_TRY(hm_release_map_new(&store, err, &map));
    for (size_t i = 0; i < HM_ARRAY_COUNT(entries); i++) {
        HM_TRY(apply(map, entries[i], i, err));
        if (i == 1)
            HM_TRY(hm_release_map_flush(map, err));
    }
    HM_TRY(hm_release_map_flush(map, err));
    HM_TRY(hm_release_map_root(map, err, &root, &count));
    HM_TRY(hm_release_map_open(&store, &root, count, err, &again));
    HM_TRY(apply(again, entries[4], 9, err));
    HM_TRY(hm_release_map_list(again, HM_BYTES_LITERAL("acme/nic"), err, &list));
    HM_TRY(hm_release_map_maker(again, HM_BYTES_LITERAL("acme"), err, &lines));
    return hm_release_map_prove_product(again, HM_BYTES_LITERAL("acme/nic"), err, &proof);
}

static void test_release_map__survives_every_failing_call(void **state)
{
    assert_true(fault_run(replay, NULL, NULL) > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proof__survives_every_failing_call),
        cmocka_unit_test(test_sign__survives_every_failing_call),
        cmocka_unit_test(test_entry__survives_every_failing_call),
        cmocka_unit_test(test_map__survives_every_failing_call),
        cmocka_unit_test(test_release_map__survives_every_failing_call),
    };

    return cmocka_run_group_tests(tests, tlog_vectors_load, tlog_vectors_free);
}
