/* SPDX-License-Identifier: Apache-2.0 */
/* Asking witnesses. See witness_client.h. */
#include "tlog/witness_client.h"

#include <strings.h>

#include "base/num.h"
#include "base/time.h"
#include "net/fetch.h"
#include "net/post.h"
#include "tlog/add_checkpoint.h"

/* What a proxy adds to the deadline, and the resolver of an old libcurl. */
#define MARGIN_MS 500
/* Of a witness's words on why not, so much is told. */
#define WORDS_SIZE_MAX 80
#define REQUEST_TYPE   "text/plain; charset=utf-8"

struct asking {
    const struct hm_log_policy_witness *witness;
    struct hm_witness_client_report *report;
    struct hm_buf url;
    struct hm_buf line; /* the cosignature's, once it is there */
    uint64_t sent_size; /* the old size that it was sent */
    bool is_second;     /* it was told that its size is known now */
    bool is_under_way;
};

struct gathering {
    const struct hm_log_policy *policy;
    const struct hm_witness_client_source *source;
    const struct hm_witness_client_options *options;
    struct hm_checkpoint_signed *checkpoint; /* owned */
    struct asking *askings;                  /* one a witness; owned */
    struct hm_note_verdict verdicts[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    uint64_t *known_sizes;
    struct hm_post *post; /* owned */
    int64_t start_ms;
    int64_t end_ms;
    size_t under_way_count;
    bool is_quorum;
};

static void gathering_done(struct gathering *gathering)
{
    hm_post_free(gathering->post);
    for (size_t i = 0; gathering->askings != NULL && i < gathering->policy->witness_count; i++) {
        hm_buf_done(&gathering->askings[i].url);
        hm_buf_done(&gathering->askings[i].line);
    }
    free(gathering->askings);
    hm_checkpoint_free(gathering->checkpoint);
}

/* How it ended with one witness. err has the sentence, without the witness's name. */
static void finish(struct gathering *gathering, struct asking *asking, enum hm_rc rc,
                   const struct hm_err *err)
{
    struct hm_witness_client_report *report = asking->report;
    int64_t elapsed_ms = hm_time_monotonic_ms() - gathering->start_ms;
    struct hm_err named = HM_ERR_INIT;
    size_t size;

    if (asking->is_under_way)
        gathering->under_way_count--;
    asking->is_under_way = false;
    report->rc = rc;
    report->elapsed_ms = elapsed_ms < 0 ? 0 : (uint32_t)(elapsed_ms & INT32_MAX);
    report->text[0] = '\0';
    if (rc == HM_OK)
        return;
    (void)hm_fail(&named, rc, "witness '%s': %s", asking->witness->name, err->text);
    size = strnlen(named.text, sizeof(report->text) - 1);
    /* Not in the middle of a character. */
    while (named.text[size] != '\0' && ((uint8_t)named.text[size] & 0xc0) == 0x80)
        size--;
    memcpy(report->text, named.text, size);
    report->text[size] = '\0';
}

/* Sends the checkpoint with a proof from what the witness has, as far as that is known. */
static enum hm_rc ask(struct gathering *gathering, struct asking *asking, uint64_t old_size,
                      struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf body = HM_BUF_INIT(HM_ADD_CHECKPOINT_SIZE_MAX);
    const struct hm_checkpoint_signed *checkpoint = gathering->checkpoint;
    struct hm_add_checkpoint request = {.old_size = old_size, .checkpoint = checkpoint->note->raw};
    struct hm_post_request post_request = {
        .number = (size_t)(asking - gathering->askings),
        .url = hm_buf_str(&asking->url),
        .content_type = REQUEST_TYPE,
        .answer_size_max = HM_WITNESS_CLIENT_ANSWER_SIZE_MAX,
    };
    int64_t left_ms =
        gathering->start_ms + gathering->options->deadline_ms - hm_time_monotonic_ms();

    if (old_size > 0 && old_size < checkpoint->body.size)
        HM_TRY(gathering->source->consistency(gathering->source->ctx, old_size,
                                              checkpoint->body.size, err, &request.proof));
    HM_TRY(hm_add_checkpoint_write(&request, err, &body));
    post_request.body = hm_buf_bytes(&body);
    post_request.deadline_ms = left_ms < 1 ? 1 : (uint32_t)left_ms;
    asking->sent_size = old_size;
    return hm_post_start(gathering->post, &post_request, err);
}

static void start(struct gathering *gathering, struct asking *asking, uint64_t known_size)
{
    const struct hm_log_policy_witness *witness = asking->witness;
    uint64_t size = gathering->checkpoint->body.size;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;

    if (witness->url == NULL)
        rc = hm_fail(&err, HM_EUSAGE, "the policy has no URL for it");
    if (rc == HM_OK && witness->key->key == NULL)
        rc = hm_fail(&err, HM_EUNKNOWN,
                     "the installed OpenSSL cannot verify signatures of its key's type (0x%02x)",
                     (unsigned)witness->key->kind);
    if (rc == HM_OK)
        rc = hm_fetch_url_join(witness->url, HM_ADD_CHECKPOINT_PATH, &err, &asking->url);
    /* More than there is cannot be asked about: the witness will say what it has. */
    if (rc == HM_OK)
        rc = ask(gathering, asking, known_size > size ? size : known_size, &err);
    asking->is_under_way = rc == HM_OK;
    if (asking->is_under_way)
        gathering->under_way_count++;
    else
        finish(gathering, asking, rc, &err);
}

/* The cosignature in an answer 200. */
static enum hm_rc take_lines(struct gathering *gathering, struct asking *asking,
                             const struct hm_post_answer *answer, struct hm_err *err)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    const struct hm_note_key *key = asking->witness->key;
    struct hm_note_verdict verdict = {.is_signed = false};
    uint64_t now =
        gathering->options->now_unix_s < 0 ? 0 : (uint64_t)gathering->options->now_unix_s;
    bool is_later;

    if (answer->is_cut)
        return hm_fail(err, HM_EFORMAT, "its answer is longer than %d bytes",
                       HM_WITNESS_CLIENT_ANSWER_SIZE_MAX);
    HM_TRY(hm_note_parse_signatures(answer->body, err, &note));
    note->text = gathering->checkpoint->note->text;
    HM_TRY(hm_note_verify(note, &key, 1, err, &verdict));
    is_later = verdict.time_s > now;
    if ((is_later ? verdict.time_s - now : now - verdict.time_s) > HM_WITNESS_CLIENT_SKEW_MAX_S)
        return hm_fail(err, HM_ECLOCK,
                       "its cosignature is of a time %llu seconds %s: its clock is wrong, or this "
                       "one, or it answers with an old cosignature",
                       (unsigned long long)(is_later ? verdict.time_s - now : now - verdict.time_s),
                       is_later ? "ahead" : "ago");
    for (size_t i = 0; i < note->signature_count; i++) {
        const struct hm_note_signature *signature = &note->signatures[i];

        if (signature->id == key->id && hm_bytes_is_equal(signature->name, key->name_bytes))
            HM_TRY(hm_buf_append(&asking->line, signature->line, err));
    }
    asking->report->time_s = verdict.time_s;
    gathering->verdicts[asking - gathering->askings] = verdict;
    return HM_OK;
}

/* "SIZE\n" of type text/x.tlog.size. */
static bool read_size(const struct hm_post_answer *answer, uint64_t *ret_size)
{
    size_t type_size = strcspn(answer->type, "; ");
    struct hm_bytes body = answer->body;

    if (type_size != strlen(HM_ADD_CHECKPOINT_SIZE_TYPE) ||
        strncasecmp(answer->type, HM_ADD_CHECKPOINT_SIZE_TYPE, type_size) != 0)
        return false;
    if (answer->is_cut || body.size < 2 || body.data[body.size - 1] != '\n')
        return false;
    return hm_num_parse_u64((const char *)body.data, body.size - 1, ret_size) == HM_OK &&
           *ret_size <= HM_CHECKPOINT_SIZE_MAX;
}

/* An answer 409: HM_OK if it was asked again. */
static enum hm_rc take_conflict(struct gathering *gathering, struct asking *asking,
                                const struct hm_post_answer *answer, struct hm_err *err)
{
    uint64_t size = gathering->checkpoint->body.size;
    uint64_t has = 0;

    if (!read_size(answer, &has))
        return hm_fail(
            err, HM_EFORMAT,
            "it answered 409 without the size that it has, as " HM_ADD_CHECKPOINT_SIZE_TYPE);
    asking->report->size = has;
    gathering->known_sizes[asking - gathering->askings] = has;
    if (has > size)
        return hm_fail(err, HM_EROLLBACK,
                       "it has cosigned %llu entries of this log, and here are %llu: this log has "
                       "lost its end, or is a copy",
                       (unsigned long long)has, (unsigned long long)size);
    /* What older witnesses say of another root at the same size. */
    if (has == asking->sent_size)
        return hm_fail(err, HM_EREFUSED,
                       "it does not take a checkpoint of %llu entries although it was told its own "
                       "size, %llu: it may have cosigned another tree",
                       (unsigned long long)size, (unsigned long long)has);
    if (asking->is_second)
        return hm_fail(err, HM_EAGAIN,
                       "the size that it recorded changed while it was asked: somebody else asks "
                       "it about this log");
    asking->is_second = true;
    return ask(gathering, asking, has, err);
}

static enum hm_rc refuse(const struct asking *asking, const struct hm_post_answer *answer,
                         struct hm_err *err)
{
    static const struct {
        unsigned status;
        enum hm_rc rc;
        const char *what;
    } meanings[] = {
        {400, HM_EREFUSED, "it cannot read the request"},
        {403, HM_EREFUSED,
         "it takes no signature on this checkpoint: it may know another key of "
         "this log"},
        {404, HM_EUNKNOWN, "it does not know this log: its operator has to add it"},
        {422, HM_EREFUSED, "it finds the checkpoint inconsistent with what it cosigned before"},
    };
    struct hm_bytes words = answer->body;
    const uint8_t *end = words.size == 0 ? NULL : memchr(words.data, '\n', words.size);

    if (end != NULL)
        words.size = (size_t)(end - words.data);
    if (words.size > WORDS_SIZE_MAX)
        words.size = WORDS_SIZE_MAX;
    for (size_t i = 0; i < HM_ARRAY_COUNT(meanings); i++) {
        if (answer->status == meanings[i].status)
            return hm_fail(err, meanings[i].rc, "'%s': %s (%u '%.*s')", hm_buf_str(&asking->url),
                           meanings[i].what, answer->status, HM_BYTES_FMT(words));
    }
    return hm_fail(err, HM_ENETWORK, "'%s': it answered with status %u '%.*s'",
                   hm_buf_str(&asking->url), answer->status, HM_BYTES_FMT(words));
}

static bool is_quorum(const struct gathering *gathering)
{
    return hm_log_policy_check(gathering->policy, gathering->verdicts,
                               gathering->options->now_unix_s, HM_LOG_POLICY_ANY_AGE,
                               NULL) == HM_OK;
}

/* From the quorum on, the others have the grace alone. */
static void check_quorum(struct gathering *gathering)
{
    int64_t end_ms = hm_time_monotonic_ms() + gathering->options->grace_ms;

    if (gathering->is_quorum || !is_quorum(gathering))
        return;
    gathering->is_quorum = true;
    if (end_ms < gathering->end_ms)
        gathering->end_ms = end_ms;
}

static void take_answer(struct gathering *gathering, const struct hm_post_answer *answer)
{
    struct asking *asking = &gathering->askings[answer->number];
    struct hm_err err = answer->err;
    enum hm_rc rc = answer->rc;

    if (rc == HM_OK && answer->status == 200) {
        rc = take_lines(gathering, asking, answer, &err);
        if (rc == HM_OK) {
            asking->report->size = gathering->checkpoint->body.size;
            gathering->known_sizes[answer->number] = asking->report->size;
        } else {
            rc = hm_error_prefix(&err, rc, "'%s'", hm_buf_str(&asking->url));
        }
    } else if (rc == HM_OK && answer->status == 409) {
        rc = take_conflict(gathering, asking, answer, &err);
        if (rc == HM_OK)
            return;
        rc = hm_error_prefix(&err, rc, "'%s'", hm_buf_str(&asking->url));
    } else if (rc == HM_OK) {
        rc = refuse(asking, answer, &err);
    }
    finish(gathering, asking, rc, &err);
    if (rc == HM_OK)
        check_quorum(gathering);
}

/* Until all have answered or their time is over. */
HM_NOINLINE static enum hm_rc take_answers(struct gathering *gathering, struct hm_err *err)
{
    while (gathering->under_way_count > 0) {
        int64_t left_ms = gathering->end_ms - hm_time_monotonic_ms();
        struct hm_post_answer answer;
        enum hm_rc rc =
            hm_post_wait(gathering->post, left_ms < 0 ? 0 : (uint32_t)left_ms, err, &answer);

        if (rc == HM_EAGAIN)
            break;
        HM_TRY(rc);
        take_answer(gathering, &answer);
    }
    for (size_t i = 0; i < gathering->policy->witness_count; i++) {
        struct asking *asking = &gathering->askings[i];
        struct hm_err late = HM_ERR_INIT;

        if (!asking->is_under_way)
            continue;
        (void)hm_fail(&late, HM_ENETWORK, "'%s': no answer yet when %s", hm_buf_str(&asking->url),
                      gathering->is_quorum ? "the quorum was there and the time for others over"
                                           : "its time was over");
        finish(gathering, asking, HM_ENETWORK, &late);
    }
    return HM_OK;
}

static bool is_by_witness(const struct hm_log_policy *policy,
                          const struct hm_note_signature *signature)
{
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct hm_note_key *key = policy->witnesses[i].key;

        if (signature->id == key->id && hm_bytes_is_equal(signature->name, key->name_bytes))
            return true;
    }
    return false;
}

static enum hm_rc write_note(const struct gathering *gathering, struct hm_err *err,
                             struct hm_buf *ret_note)
{
    const struct hm_note *note = gathering->checkpoint->note;

    HM_TRY(hm_note_write_text(note->text, err, ret_note));
    for (size_t i = 0; i < note->signature_count; i++) {
        if (!is_by_witness(gathering->policy, &note->signatures[i]))
            HM_TRY(hm_buf_append(ret_note, note->signatures[i].line, err));
    }
    for (size_t i = 0; i < gathering->policy->witness_count; i++)
        HM_TRY(hm_buf_append(ret_note, hm_buf_bytes(&gathering->askings[i].line), err));
    return HM_OK;
}

/* The checkpoint, if a log of the policy has signed it. */
static enum hm_rc open_checkpoint(const struct hm_log_policy *policy, struct hm_bytes raw,
                                  struct hm_err *err, struct hm_checkpoint_signed **ret_checkpoint)
{
    enum hm_rc rc = HM_EMISMATCH;

    if (policy->log_count == 0)
        return hm_fail(err, HM_EUSAGE, "the policy has no log line");
    for (size_t i = 0; i < policy->log_count && rc == HM_EMISMATCH; i++) {
        const struct hm_note_key *key = policy->logs[i].key;

        rc = hm_checkpoint_open(raw, key->name_bytes, &key, 1, err, ret_checkpoint);
    }
    if (rc == HM_EFORMAT || rc == HM_ESIGNATURE || rc == HM_EMISMATCH) {
        rc = hm_error_prefix(err, rc, "the checkpoint is none of the policy's log");
        if (err != NULL)
            err->rc = HM_EUSAGE;
        return HM_EUSAGE;
    }
    return rc;
}

static enum hm_rc gathering_init(struct gathering *gathering, struct hm_bytes checkpoint,
                                 struct hm_witness_client_report *reports, struct hm_err *err)
{
    size_t count = gathering->policy->witness_count;

    HM_TRY(open_checkpoint(gathering->policy, checkpoint, err, &gathering->checkpoint));
    gathering->askings = calloc(count + 1, sizeof(*gathering->askings));
    if (gathering->askings == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        reports[i] = (struct hm_witness_client_report){.rc = HM_EAGAIN};
        gathering->askings[i] = (struct asking){
            .witness = &gathering->policy->witnesses[i],
            .report = &reports[i],
            .url = HM_BUF_INIT(HM_LOG_POLICY_URL_SIZE_MAX + sizeof(HM_ADD_CHECKPOINT_PATH) + 1),
            .line = HM_BUF_INIT(HM_WITNESS_CLIENT_ANSWER_SIZE_MAX),
        };
    }
    gathering->start_ms = hm_time_monotonic_ms();
    gathering->end_ms = gathering->start_ms + gathering->options->deadline_ms + MARGIN_MS;
    return HM_OK;
}

/* Asks everybody; nobody where libcurl is missing. */
HM_NOINLINE static void start_all(struct gathering *gathering,
                                  const struct hm_post_options *post_options)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;

    if (gathering->policy->witness_count > 0)
        rc = hm_post_new(post_options, &err, &gathering->post);
    for (size_t i = 0; i < gathering->policy->witness_count; i++) {
        if (rc == HM_OK)
            start(gathering, &gathering->askings[i], gathering->known_sizes[i]);
        else
            finish(gathering, &gathering->askings[i], rc, &err);
    }
    check_quorum(gathering); /* of none */
}

enum hm_rc hm_witness_client_gather(const struct hm_log_policy *policy, struct hm_bytes checkpoint,
                                    const struct hm_witness_client_source *source,
                                    const struct hm_witness_client_options *options,
                                    uint64_t *known_sizes,
                                    struct hm_witness_client_report *ret_reports,
                                    struct hm_err *err, struct hm_buf *ret_note)
{
    struct hm_witness_client_options limits = *options;
    const struct hm_post_options post_options = {
        .proxy = options->proxy,
        .ca_file = options->ca_file,
        .allow_plain_http = true,
    };
    _hm_done_(gathering_done) struct gathering gathering = {
        .policy = policy,
        .source = source,
        .options = &limits,
        .known_sizes = known_sizes,
    };

    if (limits.deadline_ms == 0)
        limits.deadline_ms = HM_WITNESS_CLIENT_DEADLINE_MS;
    if (limits.grace_ms == 0)
        limits.grace_ms = HM_WITNESS_CLIENT_GRACE_MS;
    HM_TRY(gathering_init(&gathering, checkpoint, ret_reports, err));
    start_all(&gathering, &post_options);
    HM_TRY(take_answers(&gathering, err));
    HM_TRY(write_note(&gathering, err, ret_note));
    return hm_log_policy_check(policy, gathering.verdicts, limits.now_unix_s, HM_LOG_POLICY_ANY_AGE,
                               err);
}
