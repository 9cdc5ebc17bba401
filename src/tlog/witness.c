/* SPDX-License-Identifier: Apache-2.0 */
/* A witness at work. See witness.h. */
#include "tlog/witness.h"

#include <pthread.h>
#include <sys/stat.h>

#include "base/lock.h"
#include "base/text.h"

#define BUCKETS    256
#define PATH_SIZE  128
#define TEXT_PLAIN "text/plain; charset=utf-8"

/* A log, as far as this process has met it. */
struct place {
    struct place *next; /* in its bucket; places are never dropped */
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    pthread_mutex_t lock;              /* for all below */
    struct hm_witness_folder_log *log; /* owned; NULL: not read, or gone */
    struct stat log_stat;              /* of log.json when it was read */
    bool is_loaded;                    /* state is what is on disk */
    struct hm_witness_folder_state state;
};

struct hm_witness {
    struct hm_witness_folder *folder; /* owned */
    struct hm_lock lock;
    struct hm_witness_auditor auditor;
    pthread_mutex_t table_lock;
    struct place *buckets[BUCKETS];
};

enum hm_rc hm_witness_open(const char *path, const struct hm_witness_auditor *auditor,
                           struct hm_err *err, struct hm_witness **ret_witness)
{
    _hm_free_(hm_witness_free) struct hm_witness *witness = calloc(1, sizeof(*witness));

    if (witness == NULL)
        return hm_error_nomem(err);
    witness->lock = (struct hm_lock)HM_LOCK_INIT;
    (void)pthread_mutex_init(&witness->table_lock, NULL); /* of the default kind: cannot fail */
    if (auditor != NULL)
        witness->auditor = *auditor;
    HM_TRY(hm_witness_folder_open(path, err, &witness->folder));
    HM_TRY(hm_lock_take(&witness->folder->dir, "lock", 0, err, &witness->lock));
    *ret_witness = hm_steal(&witness);
    return HM_OK;
}

static void place_free(struct place *place)
{
    hm_witness_folder_log_free(place->log);
    hm_buf_done(&place->state.note);
    (void)pthread_mutex_destroy(&place->lock);
    free(place);
}

void hm_witness_free(struct hm_witness *witness)
{
    if (witness == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct place *place = witness->buckets[i];

        while (place != NULL) {
            struct place *next = place->next;

            place_free(place);
            place = next;
        }
    }
    hm_lock_done(&witness->lock);
    hm_witness_folder_free(witness->folder);
    (void)pthread_mutex_destroy(&witness->table_lock);
    free(witness);
}

const struct hm_witness_folder *hm_witness_folder(const struct hm_witness *witness)
{
    return witness->folder;
}

/* --- places --- */

static void log_path(const char *hash, const char *name, char ret_path[PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, "logs/%s/%s", hash, name); /* fits */
}

static struct place *place_new(const char *hash)
{
    struct place *place = calloc(1, sizeof(*place));

    if (place == NULL)
        return NULL;
    memcpy(place->hash, hash, sizeof(place->hash));
    place->state = (struct hm_witness_folder_state)HM_WITNESS_FOLDER_STATE_INIT;
    (void)pthread_mutex_init(&place->lock, NULL); /* of the default kind: cannot fail */
    return place;
}

/* The log's place, locked; made if the folder has such a log (so that unknown ones take no
 * memory). HM_ENOTFOUND. */
static enum hm_rc place_take(struct hm_witness *witness, const char *hash, struct hm_err *err,
                             struct place **ret_place)
{
    struct place **bucket = &witness->buckets[0];
    struct place *place;
    uint8_t first = 0;
    char path[PATH_SIZE];

    HM_TRY(hm_text_unhex(hm_bytes_make(hash, 2), &first, 1));
    bucket = &witness->buckets[first];
    log_path(hash, "log.json", path);
    (void)pthread_mutex_lock(&witness->table_lock); /* a plain mutex of ours: cannot fail */
    for (place = *bucket; place != NULL && strcmp(place->hash, hash) != 0; place = place->next)
        continue;
    if (place == NULL && hm_dir_has(&witness->folder->dir, path)) {
        place = place_new(hash);
        if (place == NULL) {
            (void)pthread_mutex_unlock(&witness->table_lock);
            return hm_error_nomem(err);
        }
        place->next = *bucket;
        *bucket = place;
    }
    (void)pthread_mutex_unlock(&witness->table_lock);
    if (place == NULL)
        return hm_fail(err, HM_ENOTFOUND, "this witness does not know the log");
    (void)pthread_mutex_lock(&place->lock);
    *ret_place = place;
    return HM_OK;
}

static void place_drop(struct place **place)
{
    if (*place != NULL)
        (void)pthread_mutex_unlock(&(*place)->lock);
}

/* Reads log.json where it is another one than before: logs come and go, and get keys, while the
 * witness serves. */
static enum hm_rc place_read_log(const struct hm_witness *witness, struct place *place,
                                 struct hm_err *err)
{
    _hm_free_(hm_witness_folder_log_free) struct hm_witness_folder_log *log = NULL;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    char path[PATH_SIZE];
    struct stat st;
    uint64_t size;
    enum hm_rc rc;

    log_path(place->hash, "log.json", path);
    rc = hm_dir_open_file(&witness->folder->dir, path, err, &fd, &size);
    if (rc == HM_OK && fstat(fd, &st) != 0)
        rc = hm_fail(err, HM_EIO, "'%s': cannot be looked at", path);
    if (rc == HM_OK && place->log != NULL && st.st_ino == place->log_stat.st_ino &&
        st.st_size == place->log_stat.st_size &&
        memcmp(&st.st_ctim, &place->log_stat.st_ctim, sizeof(st.st_ctim)) == 0)
        return HM_OK;
    /* What is not known to be right is not used. */
    hm_witness_folder_log_free(place->log);
    place->log = NULL;
    HM_TRY(rc);
    HM_TRY(hm_witness_folder_log_read(witness->folder, place->hash, err, &log));
    place->log = hm_steal(&log);
    place->log_stat = st;
    return HM_OK;
}

static enum hm_rc place_load(const struct hm_witness *witness, struct place *place,
                             struct hm_err *err)
{
    if (place->is_loaded)
        return HM_OK;
    HM_TRY(hm_witness_folder_state_read(witness->folder, place->hash, err, &place->state));
    place->is_loaded = true;
    return HM_OK;
}

/* --- answers --- */

static void say(struct hm_witness_answer *answer, unsigned status)
{
    answer->status = status;
    answer->type = TEXT_PLAIN;
    hm_buf_clear(&answer->body);
    /* What fails inside is for the operator. */
    if (hm_buf_append_fmt(&answer->body, NULL, "%s\n",
                          status == 500 ? "the witness cannot do that now" : answer->why.text) !=
        HM_OK)
        answer->status = 500;
}

/* --- add-checkpoint --- */

/* One request on its way through the checks. */
struct submission {
    struct hm_witness *witness;
    struct hm_witness_answer *answer;
    struct hm_add_checkpoint request;
    struct hm_note *note; /* owned */
    struct hm_checkpoint checkpoint;
    struct hm_note_verdict verdicts[HM_WITNESS_FOLDER_KEYS_MAX];
    struct place *place; /* locked, or NULL */
    int64_t now_unix_s;
};

static void submission_done(struct submission *submission)
{
    place_drop(&submission->place);
    hm_note_free(submission->note);
}

/* 400, 404: what is asked, and about which log. */
static bool read_request(struct submission *submission, struct hm_bytes raw)
{
    struct hm_witness_answer *answer = submission->answer;
    struct hm_checkpoint *checkpoint = &submission->checkpoint;
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    enum hm_rc rc;

    if (hm_add_checkpoint_parse(raw, &answer->why, &submission->request) != HM_OK ||
        hm_note_parse(submission->request.checkpoint, &answer->why, &submission->note) != HM_OK ||
        hm_checkpoint_parse_claim(submission->note->text, &answer->why, checkpoint) != HM_OK) {
        say(answer, answer->why.rc == HM_EFORMAT ? 400 : 500);
        return false;
    }
    answer->old_size = submission->request.old_size;
    answer->size = checkpoint->size;
    memcpy(answer->origin, checkpoint->origin.data, checkpoint->origin.size);
    answer->origin[checkpoint->origin.size] = '\0';
    rc = hm_witness_folder_hash(checkpoint->origin, &answer->why, hash);
    if (rc == HM_OK)
        rc = place_take(submission->witness, hash, &answer->why, &submission->place);
    if (rc == HM_OK)
        rc = place_read_log(submission->witness, submission->place, &answer->why);
    if (rc == HM_OK)
        return true;
    if (rc == HM_ENOTFOUND)
        (void)hm_fail(&answer->why, rc, "this witness does not know the log '%s'", answer->origin);
    say(answer, rc == HM_ENOTFOUND ? 404 : 500);
    return false;
}

/* 403: the log's signature. */
static bool check_signature(struct submission *submission)
{
    const struct hm_witness_folder_log *log = submission->place->log;
    enum hm_rc rc = hm_note_verify(submission->note, (const struct hm_note_key *const *)log->keys,
                                   log->key_count, &submission->answer->why, submission->verdicts);

    if (rc == HM_OK)
        return true;
    say(submission->answer, rc == HM_ESIGNATURE || rc == HM_EFORMAT ? 403 : 500);
    return false;
}

static bool say_size(struct submission *submission)
{
    struct hm_witness_answer *answer = submission->answer;

    (void)hm_fail(&answer->why, HM_EMISMATCH,
                  "the size cosigned last is %llu, and the request says %llu",
                  (unsigned long long)submission->place->state.size,
                  (unsigned long long)submission->request.old_size);
    answer->status = 409;
    answer->type = HM_ADD_CHECKPOINT_SIZE_TYPE;
    hm_buf_clear(&answer->body);
    if (hm_buf_append_fmt(&answer->body, NULL, "%llu\n",
                          (unsigned long long)submission->place->state.size) != HM_OK)
        answer->status = 500;
    return false;
}

/* 400, 409, 422: is it a continuation of what was cosigned last? */
static bool check_consistency(struct submission *submission)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_witness_answer *answer = submission->answer;
    const struct hm_checkpoint *checkpoint = &submission->checkpoint;
    const struct hm_add_checkpoint *request = &submission->request;
    const struct place *place = submission->place;
    struct hm_checkpoint strict;
    enum hm_rc rc;

    if (request->old_size > checkpoint->size) {
        (void)hm_fail(&answer->why, HM_EFORMAT,
                      "the old size, %llu, is above that of the checkpoint, %llu",
                      (unsigned long long)request->old_size, (unsigned long long)checkpoint->size);
        say(answer, 400);
        return false;
    }
    if (request->old_size != place->state.size)
        return say_size(submission);
    rc = hm_checkpoint_parse(submission->note->text, &answer->why, &strict);
    if (rc == HM_OK)
        rc = hm_digest_new(HM_DIGEST_SHA256, &answer->why, &digest);
    if (rc == HM_OK)
        rc = hm_merkle_verify_consistency(
            digest, place->state.size, &place->state.root, checkpoint->size, &checkpoint->root,
            request->proof.hashes, request->proof.count, &answer->why);
    if (rc == HM_OK)
        return true;
    say(answer, rc == HM_EFORMAT || rc == HM_EMISMATCH ? 422 : 500);
    return false;
}

/* 422, 503: what an auditor found. */
static bool check_audit(struct submission *submission)
{
    const struct hm_witness_auditor *auditor = &submission->witness->auditor;
    enum hm_rc rc;

    if (auditor->check == NULL)
        return true;
    rc = auditor->check(auditor->ctx, submission->place->log, &submission->checkpoint,
                        &submission->answer->why);
    if (rc == HM_OK)
        return true;
    say(submission->answer, rc == HM_EREFUSED || rc == HM_EMISMATCH || rc == HM_EFORMAT ||
                                    rc == HM_EROLLBACK || rc == HM_ESIGNATURE
                                ? 422
                                : 503);
    return false;
}

/* 503: a time that is not before the last one. */
static bool take_time(struct submission *submission, uint64_t *ret_time_s)
{
    uint64_t now = submission->now_unix_s < 1 ? 1 : (uint64_t)submission->now_unix_s;
    uint64_t last = submission->place->state.time_s;

    if (now < last && last - now > HM_WITNESS_CLOCK_SLACK_S) {
        (void)hm_fail(&submission->answer->why, HM_ECLOCK,
                      "the clock of this witness is %llu seconds behind its last cosignature of "
                      "this log; it cosigns again when its clock is right",
                      (unsigned long long)(last - now));
        say(submission->answer, 503);
        return false;
    }
    *ret_time_s = now < last ? last : now;
    return true;
}

/* The lines of this witness, and the whole note to keep. */
static enum hm_rc cosign(struct submission *submission, uint64_t time_s, struct hm_buf *note)
{
    const struct hm_witness_folder *folder = submission->witness->folder;
    const struct hm_witness_folder_log *log = submission->place->log;
    const struct hm_note *asked = submission->note;
    struct hm_witness_answer *answer = submission->answer;

    HM_TRY(hm_note_write_text(asked->text, &answer->why, note));
    for (size_t i = 0; i < asked->signature_count; i++) {
        const struct hm_note_signature *signature = &asked->signatures[i];

        for (size_t j = 0; j < log->key_count; j++) {
            if (submission->verdicts[j].is_signed && signature->id == log->keys[j]->id &&
                hm_bytes_is_equal(signature->name, log->keys[j]->name_bytes))
                HM_TRY(hm_buf_append(note, signature->line, &answer->why));
        }
    }
    hm_buf_clear(&answer->body);
    for (size_t i = 0; i < folder->key_count; i++)
        HM_TRY(hm_note_sign(asked->text, folder->keys[i].key, folder->keys[i].signer, time_s,
                            &answer->why, &answer->body));
    return hm_buf_append(note, hm_buf_bytes(&answer->body), &answer->why);
}

/* On disk first, then in memory, and only then an answer. */
static enum hm_rc keep(struct submission *submission, uint64_t time_s, struct hm_buf *note)
{
    struct place *place = submission->place;

    /* Whatever a failure leaves on disk, the old file or the new, was given to nobody or may go on:
     * it is read again before the next request. */
    place->is_loaded = false;
    HM_TRY(hm_witness_folder_state_write(submission->witness->folder, place->hash,
                                         hm_buf_bytes(note), &submission->answer->why));
    hm_buf_done(&place->state.note);
    place->state = (struct hm_witness_folder_state){
        .is_there = true,
        .size = submission->checkpoint.size,
        .root = submission->checkpoint.root,
        .time_s = time_s,
        .note = *note,
    };
    *note = (struct hm_buf)HM_BUF_INIT(0);
    place->is_loaded = true;
    return HM_OK;
}

void hm_witness_add_checkpoint(struct hm_witness *witness, struct hm_bytes request,
                               int64_t now_unix_s, struct hm_witness_answer *answer)
{
    _hm_done_(submission_done) struct submission submission = {
        .witness = witness, .answer = answer, .now_unix_s = now_unix_s};
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_WITNESS_FOLDER_STATE_SIZE_MAX);
    uint64_t time_s = 0;

    if (!read_request(&submission, request) || !check_signature(&submission))
        return;
    if (place_load(witness, submission.place, &answer->why) != HM_OK) {
        say(answer, 500);
        return;
    }
    if (!check_consistency(&submission) || !check_audit(&submission) ||
        !take_time(&submission, &time_s))
        return;
    if (cosign(&submission, time_s, &note) != HM_OK || keep(&submission, time_s, &note) != HM_OK) {
        say(answer, 500);
        return;
    }
    answer->status = 200;
    answer->type = TEXT_PLAIN;
}

void hm_witness_checkpoint(struct hm_witness *witness, const char *hash,
                           struct hm_witness_answer *answer)
{
    _hm_done_(place_drop) struct place *place = NULL;
    uint8_t bytes[HM_SHA256_SIZE];
    enum hm_rc rc;

    if (strlen(hash) != HM_WITNESS_FOLDER_HASH_HEX - 1 ||
        hm_text_unhex(hm_bytes_str(hash), bytes, sizeof(bytes)) != HM_OK)
        rc = hm_fail(&answer->why, HM_ENOTFOUND, "no such log");
    else
        rc = place_take(witness, hash, &answer->why, &place);
    if (rc == HM_OK)
        rc = place_read_log(witness, place, &answer->why);
    if (rc == HM_OK)
        rc = place_load(witness, place, &answer->why);
    if (rc == HM_OK && !place->state.is_there)
        rc = hm_fail(&answer->why, HM_ENOTFOUND, "nothing of this log was cosigned yet");
    hm_buf_clear(&answer->body);
    if (rc == HM_OK)
        rc = hm_buf_append(&answer->body, hm_buf_bytes(&place->state.note), &answer->why);
    if (rc != HM_OK) {
        say(answer, rc == HM_ENOTFOUND ? 404 : 500);
        return;
    }
    answer->status = 200;
    answer->type = TEXT_PLAIN;
    memcpy(answer->origin, place->log->origin, strlen(place->log->origin) + 1);
    answer->size = place->state.size;
}
