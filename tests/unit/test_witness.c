/* SPDX-License-Identifier: Apache-2.0 */
/* The witness: every status of the specification, what it keeps, and what it never does. */
#include "unit.h"

#include "tlog/witness.h"

#include <pthread.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "log_kit.h"
#include "tmpdir.h"

#define NAME "witness.example/one"
#define NOW  LOG_KIT_TIME

static struct log_kit kit;
static char folder_path[600];
static char hash[HM_WITNESS_FOLDER_HASH_HEX];
static struct hm_witness *witness;
static const struct hm_witness_auditor *auditor;

static void open_witness(void)
{
    struct hm_err err = HM_ERR_INIT;

    if (hm_witness_open(folder_path, auditor, &err, &witness) != HM_OK)
        fail_msg("%s", err.text);
}

static void restart(void)
{
    hm_witness_free(witness);
    witness = NULL;
    open_witness();
}

static void add_log(const struct log_kit *log, const char *origin)
{
    _hm_free_(hm_witness_folder_log_free) struct hm_witness_folder_log *added = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_witness_folder_add(hm_witness_folder(witness), log_kit_vkey(&log->signer), origin, NULL,
                              &err, &added) != HM_OK)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    int result = tmpdir_setup(state);

    auditor = NULL;
    kit = log_kit_make();
    (void)snprintf(folder_path, sizeof(folder_path), "%s/w", tmpdir_of(state)->path);
    assert_int_equal(hm_witness_folder_init(folder_path, NAME, false, NULL), HM_OK);
    open_witness();
    add_log(&kit, NULL);
    assert_int_equal(hm_witness_folder_hash(HM_BYTES_LITERAL(LOG_KIT_ORIGIN), NULL, hash), HM_OK);
    return result;
}

static int teardown(void **state)
{
    hm_witness_free(witness);
    witness = NULL;
    log_kit_done(&kit);
    return tmpdir_teardown(state);
}

/* --- asking --- */

static struct hm_witness_answer answer; /* the last one's */

static unsigned ask_raw_at(struct hm_bytes body, int64_t now)
{
    hm_buf_done(&answer.body);
    answer = (struct hm_witness_answer)HM_WITNESS_ANSWER_INIT;
    hm_witness_add_checkpoint(witness, body, now, &answer);
    return answer.status;
}

static unsigned ask_at(const struct log_kit *log, uint64_t old_size, uint64_t size, int64_t now)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);

    log_kit_request(log, old_size, size, &body);
    return ask_raw_at(hm_buf_bytes(&body), now);
}

static unsigned ask(uint64_t old_size, uint64_t size)
{
    return ask_at(&kit, old_size, size, NOW);
}

static unsigned ask_text(const char *body)
{
    return ask_raw_at(hm_bytes_str(body), NOW);
}

static const char *said(void)
{
    return hm_buf_str(&answer.body);
}

static unsigned get(const char *which)
{
    hm_buf_done(&answer.body);
    answer = (struct hm_witness_answer)HM_WITNESS_ANSWER_INIT;
    hm_witness_checkpoint(witness, which, &answer);
    return answer.status;
}

/* The answer is the witness's line on the log's checkpoint of this size: the time in it. */
static uint64_t assert_cosigned(const struct log_kit *log, uint64_t size)
{
    const struct hm_witness_folder *folder = hm_witness_folder(witness);
    const struct hm_note_key *key = folder->keys[0].key;
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_CHECKPOINT_TEXT_SIZE_MAX);
    struct hm_note_verdict verdict;

    assert_int_equal(hm_note_parse_signatures(hm_buf_bytes(&answer.body), NULL, &note), HM_OK);
    assert_int_equal(note->signature_count, folder->key_count);
    log_kit_text(log, size, &text);
    note->text = hm_buf_bytes(&text);
    assert_int_equal(hm_note_verify(note, &key, 1, NULL, &verdict), HM_OK);
    return verdict.time_s;
}

/* What stands on disk is size, signed by log and witness and nobody else. */
static void assert_kept(uint64_t size)
{
    const struct hm_note_key *keys[2] = {kit.signer.key, hm_witness_folder(witness)->keys[0].key};
    struct hm_note_verdict verdicts[2];
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;

    assert_int_equal(get(hash), 200);
    assert_int_equal(hm_note_parse(hm_buf_bytes(&answer.body), NULL, &note), HM_OK);
    assert_int_equal(hm_note_verify(note, keys, 2, NULL, verdicts), HM_OK);
    assert_true(verdicts[0].is_signed && verdicts[1].is_signed);
    assert_int_equal(note->signature_count, 2);
    assert_int_equal(hm_checkpoint_parse(note->text, NULL, &checkpoint), HM_OK);
    assert_int_equal(checkpoint.size, size);
}

/* --- statuses --- */

static void test_add__cosigns_what_goes_on_from_before(void **state)
{
    assert_int_equal(ask(0, 3), 200);
    assert_int_equal(assert_cosigned(&kit, 3), NOW);
    assert_int_equal(ask(3, 7), 200);
    assert_int_equal(assert_cosigned(&kit, 7), NOW);
    assert_int_equal(ask(7, 256), 200);
    assert_int_equal(ask(256, 1000), 200);
    assert_kept(1000);
    assert_string_equal(answer.type, "text/plain; charset=utf-8");
}

static void test_add__cosigns_the_same_size_again_with_a_fresh_time(void **state)
{
    assert_int_equal(ask(0, 5), 200);
    assert_int_equal(ask_at(&kit, 5, 5, NOW + 100), 200);
    assert_int_equal(assert_cosigned(&kit, 5), NOW + 100);
    assert_kept(5);
    restart();
    assert_int_equal(ask_at(&kit, 5, 5, NOW + 200), 200);
    assert_int_equal(assert_cosigned(&kit, 5), NOW + 200);
}

static void test_add__grows_from_size_zero(void **state)
{
    assert_int_equal(ask(0, 0), 200);
    assert_cosigned(&kit, 0);
    assert_kept(0);
    restart();
    assert_int_equal(ask(0, 0), 200);
    assert_int_equal(ask(0, 4), 200);
    assert_int_equal(ask(0, 0), 409);
    assert_kept(4);
}

static void test_add__409_tells_the_size(void **state)
{
    assert_int_equal(ask(2, 5), 409);
    assert_string_equal(said(), "0\n");
    assert_string_equal(answer.type, "text/x.tlog.size");
    assert_int_equal(ask(0, 5), 200);
    assert_int_equal(ask(0, 5), 409);
    assert_string_equal(said(), "5\n");
    assert_int_equal(ask(4, 6), 409);
    assert_int_equal(ask(6, 6), 409);
    assert_int_equal(ask(3, 4), 409); /* it cosigned more than this log has now */
    assert_string_equal(said(), "5\n");
    assert_kept(5);
}

static void test_add__400_for_what_is_no_request(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX + 1);

    assert_int_equal(ask_text(""), 400);
    assert_int_equal(ask_text("old 0\n"), 400);
    assert_int_equal(ask_text("old 0\n\n"), 400);
    assert_int_equal(ask_text("old 0\n\nno note\n"), 400);
    assert_int_equal(ask_text("old 0\n\nlog.example/acme\n5\n\n\xe2\x80\x94 a AAAAAAA=\n"), 400);
    assert_int_equal(ask_text("old 0\n\nlog.example/acme\n05\nAAAA\n\n\xe2\x80\x94 a AAAAAAA=\n"),
                     400);
    /* An old size above the checkpoint's, of a log that is known and signed. */
    assert_int_equal(ask(0, 5), 200);
    log_kit_request(&kit, 0, 5, &body);
    body.data[4] = '6';
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 400);
    assert_non_null(strstr(said(), "above"));
    assert_kept(5);
}

static void test_add__404_for_unknown_logs(void **state)
{
    struct log_kit other = log_kit_make();

    log_kit_signer_done(&other.signer);
    other.signer = log_kit_signer_make("log.example/other", HM_NOTE_ED25519, 2);
    assert_int_equal(ask_at(&other, 0, 5, NOW), 404);
    assert_non_null(strstr(said(), "log.example/other"));
    assert_string_equal(answer.origin, "log.example/other");
    log_kit_done(&other);
}

static void test_add__403_without_the_log_s_signature(void **state)
{
    struct log_kit forged = log_kit_make();
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);

    /* Another key under the log's name. */
    log_kit_signer_done(&forged.signer);
    forged.signer = log_kit_signer_make(LOG_KIT_ORIGIN, HM_NOTE_ED25519, 9);
    assert_int_equal(ask_at(&forged, 0, 5, NOW), 403);
    /* A wrong signature with the log's id. */
    log_kit_request(&kit, 0, 5, &body);
    body.data[body.size - 10] = body.data[body.size - 10] == 'A' ? 'B' : 'A';
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 403);
    /* The right one, and a second wrong one by the same key. */
    log_kit_request(&kit, 0, 5, &body);
    assert_int_equal(hm_note_write_signature(kit.signer.key->name_bytes, kit.signer.key->id,
                                             HM_BYTES_LITERAL("xyz"), NULL, &body),
                     HM_OK);
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 403);
    /* Of another text. */
    log_kit_request(&kit, 0, 5, &body);
    body.data[strlen("old 0\n\n" LOG_KIT_ORIGIN "\n")] = '6';
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 403);
    assert_int_equal(get(hash), 404); /* nothing cosigned */
    log_kit_done(&forged);
}

static void test_add__422_for_a_fork(void **state)
{
    struct log_kit fork = log_kit_make();

    fork.fork = 2;
    assert_int_equal(ask(0, 5), 200);
    assert_int_equal(ask_at(&fork, 5, 5, NOW), 422); /* the same size with another root */
    assert_int_equal(ask_at(&fork, 5, 9, NOW), 422);
    fork.fork = 5; /* the same up to what was cosigned: that is growth */
    assert_int_equal(ask_at(&fork, 5, 9, NOW), 200);
    assert_int_equal(ask(9, 12), 422); /* and now the other one is the fork */
    log_kit_done(&fork);
}

static void test_add__422_for_a_wrong_proof(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_add_checkpoint request = {.old_size = 0};
    struct hm_merkle_proof proof = log_kit_proof(&kit, 5, 9);

    log_kit_note(&kit, 5, &note);
    request.checkpoint = hm_buf_bytes(&note);
    request.proof = proof; /* from nothing there is no proof */
    assert_int_equal(hm_add_checkpoint_write(&request, NULL, &body), HM_OK);
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 422);
    assert_int_equal(ask(0, 5), 200);
    for (unsigned i = 0; i < 4; i++) {
        struct hm_add_checkpoint bad = {.old_size = 5, .proof = proof};

        log_kit_note(&kit, i == 3 ? 5 : 9, &note);
        bad.checkpoint = hm_buf_bytes(&note);
        if (i == 0)
            bad.proof.hashes[0].bytes[7] ^= 1;
        else if (i == 1)
            bad.proof.count--;
        else if (i == 2)
            bad.proof.hashes[bad.proof.count++] = proof.hashes[0];
        hm_buf_clear(&body);
        assert_int_equal(hm_add_checkpoint_write(&bad, NULL, &body), HM_OK);
        assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 422);
    }
    assert_kept(5);
}

/* Signed by the log, and no tree at all. */
static void sign_text(const char *text, const char *old, struct hm_buf *body)
{
    hm_buf_clear(body);
    assert_int_equal(hm_buf_append_str(body, old, NULL), HM_OK);
    assert_int_equal(hm_note_write_text(hm_bytes_str(text), NULL, body), HM_OK);
    assert_int_equal(
        hm_note_sign(hm_bytes_str(text), kit.signer.key, kit.signer.signer, 0, NULL, body), HM_OK);
}

static void test_add__422_for_size_zero_with_another_root(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    static const char text[] = LOG_KIT_ORIGIN "\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

    sign_text(text, "old 0\n\n", &body);
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 422);
    sign_text(text, "old 1\n\n", &body);
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 400);
    assert_int_equal(get(hash), 404);
}

static void test_add__covers_extension_lines(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_CHECKPOINT_TEXT_SIZE_MAX);

    log_kit_text(&kit, 5, &text);
    assert_int_equal(hm_buf_append_str(&text, "more\n", NULL), HM_OK);
    sign_text(hm_buf_str(&text), "old 0\n\n", &body);
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 200);
    restart();
    assert_int_equal(ask(5, 6), 200);
}

/* --- what is kept --- */

static void test_add__keeps_no_line_of_others_and_no_forged_one_of_its_own(void **state)
{
    const struct hm_note_key *own = hm_witness_folder(witness)->keys[0].key;
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);

    log_kit_request(&kit, 0, 5, &body);
    assert_int_equal(hm_note_write_signature(HM_BYTES_LITERAL("stranger"), 7,
                                             HM_BYTES_LITERAL("xyz"), NULL, &body),
                     HM_OK);
    assert_int_equal(
        hm_note_write_signature(own->name_bytes, own->id, HM_BYTES_LITERAL("forged"), NULL, &body),
        HM_OK);
    assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 200);
    assert_cosigned(&kit, 5);
    assert_kept(5);
    restart(); /* the state is good */
    assert_int_equal(ask(5, 6), 200);
    assert_kept(6);
}

static void test_add__knows_after_a_restart(void **state)
{
    struct log_kit fork = log_kit_make();

    fork.fork = 2;
    assert_int_equal(ask(0, 5), 200);
    restart();
    assert_int_equal(ask(0, 6), 409);
    assert_string_equal(said(), "5\n");
    assert_int_equal(ask_at(&fork, 5, 9, NOW), 422);
    assert_int_equal(ask(5, 9), 200);
    log_kit_done(&fork);
}

static void test_add__cosigns_nothing_over_a_damaged_state(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf good = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    char path[200];
    size_t log_line, own_line;
    static const char *const damages[] = {"", "x", "log.example/acme\n0\n"};

    (void)snprintf(path, sizeof(path), "w/logs/%s/checkpoint", hash);
    assert_int_equal(ask(0, 5), 200);
    assert_int_equal(hm_dir_read(dir, path, NULL, &good), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(damages); i++) {
        assert_int_equal(hm_file_replace(dir, path, 0644, hm_bytes_str(damages[i]), NULL), HM_OK);
        restart();
        assert_int_equal(ask(0, 5), 500);
        assert_int_equal(ask(5, 6), 500);
        assert_null(strstr(said(), folder_path)); /* that is for the operator */
        assert_non_null(strstr(answer.why.text, "checkpoint"));
        assert_int_equal(get(hash), 500);
    }
    log_line = (size_t)(strstr(hm_buf_str(&good), "\n\n") - hm_buf_str(&good));
    own_line = (size_t)(strstr(hm_buf_str(&good) + log_line + 2, "\n") - hm_buf_str(&good));
    /* One byte of size, root or signature. */
    for (size_t i = strlen(LOG_KIT_ORIGIN) + 1; i < good.size; i += 7) {
        good.data[i] ^= 1;
        assert_int_equal(hm_file_replace(dir, path, 0644, hm_buf_bytes(&good), NULL), HM_OK);
        restart();
        if (ask(5, 6) == 200) /* the log's line is not looked at any more */
            assert_true(i > log_line && i < own_line);
        good.data[i] ^= 1;
    }
    assert_int_equal(hm_file_replace(dir, path, 0644, hm_buf_bytes(&good), NULL), HM_OK);
    restart();
    assert_int_equal(ask(5, 6), 200);
}

static void test_add__takes_no_state_of_another_log_or_witness(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct log_kit other = log_kit_make();
    char path[200];

    log_kit_signer_done(&other.signer);
    other.signer = log_kit_signer_make("log.example/other", HM_NOTE_ED25519, 2);
    add_log(&other, NULL);
    assert_int_equal(ask_at(&other, 0, 1, NOW), 200);
    (void)snprintf(path, sizeof(path), "w/logs/%s/checkpoint", hash);
    assert_int_equal(hm_witness_folder_hash(HM_BYTES_LITERAL("log.example/other"), NULL, hash),
                     HM_OK);
    assert_int_equal(get(hash), 200);
    assert_int_equal(hm_file_replace(dir, path, 0644, hm_buf_bytes(&answer.body), NULL), HM_OK);
    assert_int_equal(ask(0, 5), 500);
    log_kit_note(&kit, 3, &note); /* signed by the log alone */
    assert_int_equal(hm_file_replace(dir, path, 0644, hm_buf_bytes(&note), NULL), HM_OK);
    restart();
    assert_int_equal(ask(3, 5), 500);
    log_kit_done(&other);
}

static void test_add__gives_no_time_before_the_last(void **state)
{
    assert_int_equal(ask(0, 5), 200);
    assert_int_equal(ask_at(&kit, 5, 6, NOW - HM_WITNESS_CLOCK_SLACK_S), 200);
    assert_int_equal(assert_cosigned(&kit, 6), NOW);
    assert_int_equal(ask_at(&kit, 6, 7, NOW - HM_WITNESS_CLOCK_SLACK_S - 1), 503);
    assert_non_null(strstr(said(), "clock"));
    restart();
    assert_int_equal(ask_at(&kit, 6, 7, 0), 503);
    assert_int_equal(ask_at(&kit, 6, 7, -5), 503);
    assert_kept(6);
    assert_int_equal(ask_at(&kit, 6, 7, NOW + 1), 200);
    assert_int_equal(assert_cosigned(&kit, 7), NOW + 1);
}

/* --- monitors --- */

static void test_checkpoint__is_the_last_one(void **state)
{
    assert_int_equal(get(hash), 404);
    assert_int_equal(get("x"), 404);
    assert_int_equal(get("../../../../../../../../../../../../../../../../../../../../etc/passwd"),
                     404);
    assert_int_equal(get("0000000000000000000000000000000000000000000000000000000000000000"), 404);
    assert_int_equal(ask(0, 5), 200);
    assert_kept(5);
    assert_int_equal(ask(5, 6), 200);
    assert_kept(6);
    restart();
    assert_kept(6);
    for (char *digit = hash; *digit != '\0'; digit++)
        *digit = (char)(*digit >= 'a' ? *digit - 'a' + 'A' : *digit);
    assert_int_equal(get(hash), 404); /* "in lowercase" */
}

/* --- logs come and go --- */

static void test_logs__are_added_and_removed_while_it_serves(void **state)
{
    struct log_kit second = log_kit_make();

    log_kit_signer_done(&second.signer);
    second.signer = log_kit_signer_make("log.example/second", HM_NOTE_ED25519, 2);
    assert_int_equal(ask_at(&second, 0, 3, NOW), 404);
    add_log(&second, NULL);
    assert_int_equal(ask_at(&second, 0, 3, NOW), 200);
    assert_int_equal(ask(0, 5), 200);
    assert_int_equal(
        hm_witness_folder_remove(hm_witness_folder(witness), "log.example/second", NULL), HM_OK);
    assert_int_equal(ask_at(&second, 3, 4, NOW), 404);
    assert_int_equal(ask(5, 6), 200);
    add_log(&second, NULL); /* what was cosigned is not forgotten */
    assert_int_equal(ask_at(&second, 0, 4, NOW), 409);
    assert_string_equal(said(), "3\n");
    assert_int_equal(ask_at(&second, 3, 4, NOW), 200);
    assert_int_equal(hm_witness_folder_remove(hm_witness_folder(witness), "log.example/none", NULL),
                     HM_ENOTFOUND);
    log_kit_done(&second);
}

static void test_logs__may_have_a_second_key_and_an_origin_of_their_own(void **state)
{
    struct log_kit next = log_kit_make();

    /* The same tree, signed by a new key of another name. */
    log_kit_signer_done(&next.signer);
    next.signer = log_kit_signer_make("keys.example/2026", HM_NOTE_ED25519, 3);
    assert_int_equal(ask(0, 3), 200);
    assert_int_equal(ask_at(&next, 3, 5, NOW), 404); /* its own origin */
    add_log(&next, LOG_KIT_ORIGIN);
    {
        _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_CHECKPOINT_TEXT_SIZE_MAX);
        struct hm_add_checkpoint request = {.old_size = 3, .proof = log_kit_proof(&kit, 3, 5)};
        _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

        log_kit_text(&kit, 5, &text);
        assert_int_equal(hm_note_write_text(hm_buf_bytes(&text), NULL, &note), HM_OK);
        assert_int_equal(
            hm_note_sign(hm_buf_bytes(&text), next.signer.key, next.signer.signer, 0, NULL, &note),
            HM_OK);
        request.checkpoint = hm_buf_bytes(&note);
        assert_int_equal(hm_add_checkpoint_write(&request, NULL, &body), HM_OK);
        assert_int_equal(ask_raw_at(hm_buf_bytes(&body), NOW), 200);
    }
    assert_int_equal(ask(5, 6), 200); /* the first key still counts */
    log_kit_done(&next);
}

static void test_open__is_for_one_process(void **state)
{
    struct hm_witness *second = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_witness_open(folder_path, NULL, &err, &second), HM_EBUSY);
    assert_null(second);
}

/* --- the auditor --- */

static enum hm_rc audit_verdict;
static uint64_t audited_size;

static enum hm_rc audit(void *ctx, const struct hm_witness_folder_log *log,
                        const struct hm_checkpoint *checkpoint, struct hm_err *err)
{
    audited_size = checkpoint->size;
    assert_string_equal(log->origin, LOG_KIT_ORIGIN);
    return audit_verdict == HM_OK ? HM_OK : hm_fail(err, audit_verdict, "not so");
}

static void test_auditor__has_the_last_word(void **state)
{
    static const struct hm_witness_auditor strict = {audit, NULL};

    auditor = &strict;
    restart();
    audit_verdict = HM_EREFUSED;
    assert_int_equal(ask(0, 5), 422);
    assert_string_equal(said(), "not so\n");
    audit_verdict = HM_ENETWORK;
    assert_int_equal(ask(0, 5), 503);
    assert_int_equal(get(hash), 404);
    audit_verdict = HM_OK;
    assert_int_equal(ask(0, 5), 200);
    audited_size = 0;
    assert_int_equal(ask(0, 6), 409); /* what is refused anyway is not audited */
    assert_int_equal(audited_size, 0);
    audit_verdict = HM_EMISMATCH;
    assert_int_equal(ask(5, 6), 422);
    assert_kept(5);
}

/* --- many at once --- */

#define THREADS 8
#define ROUNDS  40

static unsigned granted[THREADS * ROUNDS + 2]; /* how often a size was cosigned from another */

static void *grow(void *ctx)
{
    struct hm_witness_answer own = HM_WITNESS_ANSWER_INIT;
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    uint64_t old_size = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        log_kit_request(&kit, old_size, old_size + 1, &body);
        hm_witness_add_checkpoint(witness, hm_buf_bytes(&body), NOW, &own);
        if (own.status == 200) {
            __atomic_add_fetch(&granted[old_size + 1], 1, __ATOMIC_SEQ_CST);
            old_size++;
        } else if (own.status == 409) {
            old_size = strtoull(hm_buf_str(&own.body), NULL, 10);
        } else {
            abort();
        }
    }
    hm_buf_done(&own.body);
    return NULL;
}

static void test_add__is_atomic(void **state)
{
    pthread_t threads[THREADS];
    uint64_t last = 0;

    memset(granted, 0, sizeof(granted));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, grow, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    while (granted[last + 1] > 0)
        assert_int_equal(granted[++last], 1); /* no step was taken twice */
    for (size_t i = last + 1; i < HM_ARRAY_COUNT(granted); i++)
        assert_int_equal(granted[i], 0);
    assert_true(last >= ROUNDS / 2);
    restart();
    assert_kept(last);
}

static void test_add__cosigns_with_both_keys(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    (void)snprintf(folder_path, sizeof(folder_path), "%s/both", tmpdir_of(state)->path);
    rc = hm_witness_folder_init(folder_path, NAME, true, &err);
    if (rc == HM_EUNKNOWN)
        skip(); /* OpenSSL before 3.5 */
    assert_int_equal(rc, HM_OK);
    restart();
    add_log(&kit, NULL);
    assert_int_equal(ask(0, 5), 200);
    assert_cosigned(&kit, 5);
    restart();
    assert_int_equal(ask(5, 6), 200);
}

#define witness_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        witness_test(test_add__cosigns_what_goes_on_from_before),
        witness_test(test_add__cosigns_the_same_size_again_with_a_fresh_time),
        witness_test(test_add__grows_from_size_zero),
        witness_test(test_add__409_tells_the_size),
        witness_test(test_add__400_for_what_is_no_request),
        witness_test(test_add__404_for_unknown_logs),
        witness_test(test_add__403_without_the_log_s_signature),
        witness_test(test_add__422_for_a_fork),
        witness_test(test_add__422_for_a_wrong_proof),
        witness_test(test_add__422_for_size_zero_with_another_root),
        witness_test(test_add__covers_extension_lines),
        witness_test(test_add__keeps_no_line_of_others_and_no_forged_one_of_its_own),
        witness_test(test_add__knows_after_a_restart),
        witness_test(test_add__cosigns_nothing_over_a_damaged_state),
        witness_test(test_add__takes_no_state_of_another_log_or_witness),
        witness_test(test_add__gives_no_time_before_the_last),
        witness_test(test_checkpoint__is_the_last_one),
        witness_test(test_logs__are_added_and_removed_while_it_serves),
        witness_test(test_logs__may_have_a_second_key_and_an_origin_of_their_own),
        witness_test(test_open__is_for_one_process),
        witness_test(test_auditor__has_the_last_word),
        witness_test(test_add__is_atomic),
        witness_test(test_add__cosigns_with_both_keys),
    };
    int result = cmocka_run_group_tests_name("witness", tests, NULL, NULL);

    hm_buf_done(&answer.body);
    return result;
}
