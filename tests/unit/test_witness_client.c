/* SPDX-License-Identifier: Apache-2.0 */
/* Asking witnesses that are good, slow, dead, lying and confused. */
#include "unit.h"

#include "tlog/witness_client.h"

#include "base/time.h"
#include "http_server.h"
#include "log_kit.h"
#include "tlog/add_checkpoint.h"

#define WITNESS_COUNT 3
#define DEADLINE_MS   1500
#define GRACE_MS      300
#define ANSWER_MAX    8192

/* What a witness of the test does when it is asked. */
enum behaviour {
    GOOD,
    BAD_LINE,       /* a signature over something else */
    OTHERS_LINE,    /* a valid line, by the next witness's key */
    TWO_LINES,      /* two valid lines of its key */
    WITH_OTHERS,    /* its line after one of an unknown key */
    NO_LINE,        /* 200 and nothing */
    GARBAGE,        /* 200 and no lines */
    OLD_TIME,       /* a cosignature of an hour ago */
    FUTURE_TIME,    /* of in an hour */
    UNKNOWN_LOG,    /* 404 */
    WRONG_KEY,      /* 403 */
    INCONSISTENT,   /* 422 */
    UNREADABLE,     /* 400 */
    BUSY,           /* 503 */
    REDIRECT,       /* 302 */
    CONFLICT_BARE,  /* 409 without a size */
    CONFLICT_PLAIN, /* 409, of type text/plain */
    CONFLICT_TEXT,  /* 409 with a size that is none */
    CONFLICT_SAME,  /* 409 with the very size that it was sent */
    CONFLICT_EVER,  /* 409 with another size each time */
};

struct fake {
    enum behaviour behaviour;
    struct log_kit_signer signer;
    uint64_t size; /* that it has recorded */
    unsigned delay_ms;
    unsigned request_count;
    uint64_t old_sizes[4]; /* that it was sent */
};

static struct http_server *server;
static struct log_kit kit;
static struct fake fakes[WITNESS_COUNT];
static uint64_t known_sizes[WITNESS_COUNT];
static struct hm_witness_client_report reports[WITNESS_COUNT];

static void say(struct http_server_answer *answer, unsigned status, const char *type,
                const char *body)
{
    answer->status = status;
    answer->type = type;
    answer->size = strlen(body);
    memcpy(answer->body, body, answer->size);
}

static void say_size(struct http_server_answer *answer, uint64_t size)
{
    char body[32];

    (void)snprintf(body, sizeof(body), "%llu\n", (unsigned long long)size);
    say(answer, 409, HM_ADD_CHECKPOINT_SIZE_TYPE, body);
}

/* The answer of a witness that has checked everything. */
static void cosign(struct fake *fake, const struct hm_add_checkpoint *request,
                   struct http_server_answer *answer)
{
    struct fake *next = &fakes[(fake - fakes + 1) % WITNESS_COUNT];
    struct log_kit_signer *signer = fake->behaviour == OTHERS_LINE ? &next->signer : &fake->signer;
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    _hm_done_(hm_buf_done) struct hm_buf lines = HM_BUF_INIT(ANSWER_MAX);
    struct hm_bytes text;
    uint64_t time_s = LOG_KIT_TIME;

    if (hm_note_parse(request->checkpoint, NULL, &note) != HM_OK)
        abort();
    text = note->text;
    if (fake->behaviour == BAD_LINE)
        text = HM_BYTES_LITERAL(
            "log.example/other\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
    if (fake->behaviour == OLD_TIME)
        time_s -= 3600;
    if (fake->behaviour == FUTURE_TIME)
        time_s += 3600;
    if (fake->behaviour == WITH_OTHERS &&
        hm_note_write_signature(HM_BYTES_LITERAL("stranger"), 7, HM_BYTES_LITERAL("xyz"), NULL,
                                &lines) != HM_OK)
        abort();
    if (hm_note_sign(text, signer->key, signer->signer, time_s, NULL, &lines) != HM_OK)
        abort();
    if (fake->behaviour == TWO_LINES &&
        hm_note_sign(text, signer->key, signer->signer, time_s + 1, NULL, &lines) != HM_OK)
        abort();
    say(answer, 200, "text/plain", hm_buf_str(&lines));
}

static void answer_behaviour(struct fake *fake, const struct hm_add_checkpoint *request,
                             struct http_server_answer *answer)
{
    switch (fake->behaviour) {
    case NO_LINE:
        return say(answer, 200, "text/plain", "");
    case GARBAGE:
        return say(answer, 200, "text/html", "<html>login</html>\n");
    case UNKNOWN_LOG:
        return say(answer, 404, NULL, "unknown log\nmore\n");
    case WRONG_KEY:
        return say(answer, 403, NULL, "");
    case INCONSISTENT:
        return say(answer, 422, NULL, "no\033[1m");
    case UNREADABLE:
        return say(answer, 400, NULL, "");
    case BUSY:
        return say(answer, 503, NULL, "later");
    case REDIRECT:
        return say(answer, 302, NULL, "");
    case CONFLICT_BARE:
        return say(answer, 409, NULL, "");
    case CONFLICT_PLAIN:
        return say(answer, 409, "text/plain", "3\n");
    case CONFLICT_TEXT:
        return say(answer, 409, HM_ADD_CHECKPOINT_SIZE_TYPE, "03\n");
    case CONFLICT_SAME:
        return say_size(answer, request->old_size);
    case CONFLICT_EVER:
        return say_size(answer, request->old_size + 1);
    default:
        if (request->old_size != fake->size)
            return say_size(answer, fake->size);
        return cosign(fake, request, answer);
    }
}

/* A witness at /N/add-checkpoint; other paths are the server's own. */
static void on_post(void *ctx, const char *path, const uint8_t *body, size_t size,
                    struct http_server_answer *ret_answer)
{
    struct hm_add_checkpoint request;
    struct fake *fake;

    if (path[1] < '0' || path[1] >= '0' + WITNESS_COUNT || strcmp(path + 2, "/add-checkpoint") != 0)
        return;
    fake = &fakes[path[1] - '0'];
    if (hm_add_checkpoint_parse(hm_bytes_make(body, size), NULL, &request) != HM_OK)
        abort();
    if (fake->request_count < HM_ARRAY_COUNT(fake->old_sizes))
        fake->old_sizes[fake->request_count] = request.old_size;
    fake->request_count++;
    ret_answer->delay_ms = fake->delay_ms;
    answer_behaviour(fake, &request, ret_answer);
}

static int setup(void **state)
{
    static const char *const names[WITNESS_COUNT] = {"w0.example", "w1.example", "w2.example"};

    server = http_server_start();
    http_server_on_post(server, on_post, NULL);
    kit = log_kit_make();
    for (uint8_t i = 0; i < WITNESS_COUNT; i++)
        fakes[i] = (struct fake){
            .signer = log_kit_signer_make(names[i], HM_NOTE_COSIGNATURE, (uint8_t)(10 + i))};
    memset(known_sizes, 0, sizeof(known_sizes));
    memset(reports, 0xff, sizeof(reports));
    return 0;
}

static int teardown(void **state)
{
    http_server_stop(server);
    log_kit_done(&kit);
    for (size_t i = 0; i < WITNESS_COUNT; i++)
        log_kit_signer_done(&fakes[i].signer);
    return 0;
}

/* The three witnesses with a quorum; urls: of each, NULL for its own. */
static struct hm_log_policy *make_policy(const char *quorum, const char *const *urls)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    struct hm_log_policy *policy = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_buf_append_fmt(&text, NULL, "log %s\n", log_kit_vkey(&kit.signer)), HM_OK);
    for (unsigned i = 0; i < WITNESS_COUNT; i++) {
        char url[128];

        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/%u", http_server_port(server), i);
        assert_int_equal(hm_buf_append_fmt(&text, NULL, "witness w%u %s %s\n", i,
                                           log_kit_vkey(&fakes[i].signer),
                                           urls == NULL || urls[i] == NULL ? url : urls[i]),
                         HM_OK);
    }
    assert_int_equal(hm_buf_append_fmt(&text, NULL, "group g %s w0 w1 w2\nquorum %s\n",
                                       strcmp(quorum, "none") == 0 ? "any" : quorum,
                                       strcmp(quorum, "none") == 0 ? "none" : "g"),
                     HM_OK);
    if (hm_log_policy_parse(hm_buf_bytes(&text), &err, &policy) != HM_OK)
        fail_msg("%s", err.text);
    return policy;
}

static enum hm_rc give_proof(void *ctx, uint64_t old_size, uint64_t size, struct hm_err *err,
                             struct hm_merkle_proof *ret_proof)
{
    if (ctx != NULL)
        return hm_fail(err, HM_EIO, "the disk fails");
    *ret_proof = log_kit_proof(&kit, old_size, size);
    return HM_OK;
}

static const struct hm_witness_client_source source = {give_proof, NULL};
static const struct hm_witness_client_options options = {
    .deadline_ms = DEADLINE_MS, .grace_ms = GRACE_MS, .now_unix_s = LOG_KIT_TIME + 10};

static enum hm_rc gather(const struct hm_log_policy *policy, uint64_t size, struct hm_err *err,
                         struct hm_buf *note)
{
    _hm_done_(hm_buf_done) struct hm_buf checkpoint = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    int64_t before = hm_time_monotonic_ms();
    enum hm_rc rc;

    log_kit_note(&kit, size, &checkpoint);
    rc = hm_witness_client_gather(policy, hm_buf_bytes(&checkpoint), &source, &options, known_sizes,
                                  reports, err, note);
    /* The deadline, and a busy machine's share. */
    assert_true(hm_time_monotonic_ms() - before < DEADLINE_MS + 3000);
    return rc;
}

/* With one witness that behaves so and a quorum of all: its report, and nothing of it in the note.
 */
static void assert_refused(enum behaviour behaviour, enum hm_rc rc, const char *words)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("all", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    memset(known_sizes, 0, sizeof(known_sizes));
    for (size_t i = 0; i < WITNESS_COUNT; i++)
        fakes[i].request_count = 0;
    fakes[1].behaviour = behaviour;
    assert_int_equal(gather(policy, 5, &err, &note), HM_ESIGNATURE);
    assert_non_null(strstr(err.text, "quorum"));
    if (reports[1].rc != rc || strstr(reports[1].text, words) == NULL)
        fail_msg("behaviour %d: %s %s", (int)behaviour, hm_error_name(reports[1].rc),
                 reports[1].text);
    assert_non_null(strstr(reports[1].text, "w1"));
    assert_non_null(strstr(reports[1].text, "/1/add-checkpoint"));
    assert_int_equal(reports[0].rc, HM_OK);
    assert_int_equal(reports[2].rc, HM_OK);
    assert_non_null(strstr(hm_buf_str(&note), "w0.example"));
    assert_null(strstr(hm_buf_str(&note), "w1.example"));
    assert_non_null(strstr(hm_buf_str(&note), "w2.example"));
    assert_true(behaviour == CONFLICT_EVER || fakes[1].request_count == 1);
    assert_true(fakes[1].request_count <= 2);
}

static void test_gather__brings_the_cosignatures(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("all", NULL);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    if (gather(policy, 5, &err, &note) != HM_OK)
        fail_msg("%s / %s", err.text, reports[0].text);
    for (size_t i = 0; i < WITNESS_COUNT; i++) {
        assert_int_equal(reports[i].rc, HM_OK);
        assert_string_equal(reports[i].text, "");
        assert_int_equal(reports[i].time_s, LOG_KIT_TIME);
        assert_int_equal(reports[i].size, 5);
        assert_int_equal(known_sizes[i], 5);
        assert_int_equal(fakes[i].request_count, 1);
    }
    assert_int_equal(
        hm_log_policy_open(policy, hm_buf_bytes(&note), LOG_KIT_TIME, 60, &err, &checkpoint),
        HM_OK);
    assert_int_equal(checkpoint->note->signature_count, 4);
    assert_int_equal(checkpoint->body.size, 5);
}

static void test_gather__sends_the_size_it_knows_with_a_proof(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("all", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    for (size_t i = 0; i < WITNESS_COUNT; i++)
        known_sizes[i] = fakes[i].size = 3 + i;
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    for (size_t i = 0; i < WITNESS_COUNT; i++) {
        assert_int_equal(fakes[i].request_count, 1);
        assert_int_equal(fakes[i].old_sizes[0], 3 + i);
    }
}

static void test_gather__asks_again_with_the_size_it_was_told(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("all", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    fakes[0].size = 4;
    fakes[1].size = 5;
    known_sizes[2] = 4; /* it lost its state */
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    for (size_t i = 0; i < WITNESS_COUNT; i++) {
        assert_int_equal(fakes[i].request_count, 2);
        assert_int_equal(fakes[i].old_sizes[1], fakes[i].size);
        assert_int_equal(known_sizes[i], 5);
    }
}

static void test_gather__tells_of_a_witness_that_has_seen_more(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("2", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    fakes[0].size = 9;
    known_sizes[1] = 77; /* more than there is: not sent, and learned anew */
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    assert_int_equal(reports[0].rc, HM_EROLLBACK);
    assert_int_equal(reports[0].size, 9);
    assert_int_equal(known_sizes[0], 9);
    assert_int_equal(fakes[1].old_sizes[0], 5);
    assert_int_equal(known_sizes[1], 5);
    assert_int_equal(reports[1].rc, HM_OK);
}

static void test_gather__takes_no_line_that_is_not_the_witness_s_own_and_now(void **state)
{
    assert_refused(BAD_LINE, HM_ESIGNATURE, "w1.example");
    assert_refused(OTHERS_LINE, HM_ESIGNATURE, "none of");
    assert_refused(TWO_LINES, HM_EFORMAT, "two signatures");
    assert_refused(NO_LINE, HM_EFORMAT, "");
    assert_refused(GARBAGE, HM_EFORMAT, "");
    assert_refused(OLD_TIME, HM_ECLOCK, "ago");
    assert_refused(FUTURE_TIME, HM_ECLOCK, "ahead");
}

static void test_gather__says_what_each_status_means(void **state)
{
    assert_refused(UNKNOWN_LOG, HM_EUNKNOWN, "'unknown log'");
    assert_refused(WRONG_KEY, HM_EREFUSED, "403");
    assert_refused(INCONSISTENT, HM_EREFUSED, "'no\\x1b[1m'");
    assert_refused(UNREADABLE, HM_EREFUSED, "400");
    assert_refused(BUSY, HM_ENETWORK, "503 'later'");
    assert_refused(REDIRECT, HM_ENETWORK, "302");
    assert_refused(CONFLICT_BARE, HM_EFORMAT, "409");
    assert_refused(CONFLICT_PLAIN, HM_EFORMAT, "409");
    assert_refused(CONFLICT_TEXT, HM_EFORMAT, "409");
    assert_refused(CONFLICT_SAME, HM_EREFUSED, "another tree");
    assert_refused(CONFLICT_EVER, HM_EAGAIN, "somebody else");
}

static void test_gather__ignores_lines_of_strangers(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("all", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    fakes[0].behaviour = WITH_OTHERS;
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    assert_null(strstr(hm_buf_str(&note), "stranger"));
}

static void test_gather__replaces_old_lines_and_keeps_the_log_s(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("2", NULL);
    _hm_free_(hm_note_free) struct hm_note *parsed = NULL;
    _hm_done_(hm_buf_done) struct hm_buf checkpoint = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    log_kit_text(&kit, 5, &text);
    log_kit_note(&kit, 5, &checkpoint);
    for (size_t i = 0; i < WITNESS_COUNT; i++)
        assert_int_equal(hm_note_sign(hm_buf_bytes(&text), fakes[i].signer.key,
                                      fakes[i].signer.signer, 5, NULL, &checkpoint),
                         HM_OK);
    assert_int_equal(hm_note_write_signature(HM_BYTES_LITERAL("log.example/second"), 7,
                                             HM_BYTES_LITERAL("xyz"), NULL, &checkpoint),
                     HM_OK);
    fakes[0].behaviour = BUSY;
    assert_int_equal(hm_witness_client_gather(policy, hm_buf_bytes(&checkpoint), &source, &options,
                                              known_sizes, reports, NULL, &note),
                     HM_OK);
    assert_int_equal(hm_note_parse(hm_buf_bytes(&note), NULL, &parsed), HM_OK);
    assert_int_equal(parsed->signature_count, 4); /* the log's two, and two fresh ones */
    assert_null(strstr(hm_buf_str(&note), "w0.example"));
    assert_non_null(strstr(hm_buf_str(&note), "log.example/second"));
}

static void test_gather__waits_for_nobody_past_the_deadline(void **state)
{
    const char *urls[WITNESS_COUNT] = {NULL, NULL, NULL};
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    char slow[128];
    int64_t before;

    (void)snprintf(slow, sizeof(slow), "http://127.0.0.1:%u/slow/headers",
                   http_server_port(server));
    urls[1] = slow;
    policy = make_policy("all", urls);
    before = hm_time_monotonic_ms();
    assert_int_equal(gather(policy, 5, NULL, &note), HM_ESIGNATURE);
    assert_true(hm_time_monotonic_ms() - before >= DEADLINE_MS - 50);
    assert_int_equal(reports[0].rc, HM_OK);
    assert_int_equal(reports[1].rc, HM_ENETWORK);
    assert_int_equal(reports[2].rc, HM_OK);
    assert_true(reports[1].elapsed_ms >= DEADLINE_MS - 50);
}

static void test_gather__asks_again_within_the_same_deadline(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("all", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    fakes[0].size = 4;
    fakes[0].delay_ms = 1000; /* twice that is too long */
    assert_int_equal(gather(policy, 5, NULL, &note), HM_ESIGNATURE);
    assert_int_equal(fakes[0].request_count, 2);
    assert_int_equal(reports[0].rc, HM_ENETWORK);
    assert_int_equal(reports[0].size, 4);
}

static void test_gather__gives_the_others_grace_after_the_quorum(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("1", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    int64_t before = hm_time_monotonic_ms();

    fakes[1].delay_ms = 50;
    fakes[2].delay_ms = 1400;
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    assert_true(hm_time_monotonic_ms() - before < 1300);
    assert_int_equal(reports[0].rc, HM_OK);
    assert_int_equal(reports[1].rc, HM_OK);
    assert_int_equal(reports[2].rc, HM_ENETWORK);
    assert_non_null(strstr(reports[2].text, "quorum"));
}

static void test_gather__needs_nobody_where_no_quorum_is_asked(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("none", NULL);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    int64_t before = hm_time_monotonic_ms();

    fakes[0].behaviour = BUSY;
    fakes[1].delay_ms = 1400;
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    assert_true(hm_time_monotonic_ms() - before < 1300);
    assert_int_equal(reports[2].rc, HM_OK); /* but who answers is taken */
    assert_non_null(strstr(hm_buf_str(&note), "w2.example"));
}

static void test_gather__goes_on_past_urls_that_lead_nowhere(void **state)
{
    const char *urls[WITNESS_COUNT] = {"ftp://127.0.0.1/", "http://127.0.0.1:1", NULL};
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("1", urls);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    assert_int_equal(reports[0].rc, HM_EUSAGE);
    assert_int_equal(reports[1].rc, HM_ENETWORK);
    assert_int_equal(reports[2].rc, HM_OK);
}

static void test_gather__reads_no_endless_answer(void **state)
{
    const char *urls[WITNESS_COUNT] = {NULL, NULL, NULL};
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    char endless[128];

    (void)snprintf(endless, sizeof(endless), "http://127.0.0.1:%u/endless",
                   http_server_port(server));
    urls[1] = endless;
    policy = make_policy("all", urls);
    assert_int_equal(gather(policy, 5, NULL, &note), HM_ESIGNATURE);
    assert_int_equal(reports[1].rc, HM_EFORMAT);
    assert_non_null(strstr(reports[1].text, "longer than"));
}

static void test_gather__asks_no_witness_without_url_or_file(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;

    assert_int_equal(hm_buf_append_fmt(&text, NULL,
                                       "log %s\nwitness a %s\nwitness b %s /etc\nquorum none\n",
                                       log_kit_vkey(&kit.signer), log_kit_vkey(&fakes[0].signer),
                                       log_kit_vkey(&fakes[1].signer)),
                     HM_OK);
    assert_int_equal(hm_log_policy_parse(hm_buf_bytes(&text), NULL, &policy), HM_OK);
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    assert_int_equal(reports[0].rc, HM_EUSAGE);
    assert_int_equal(reports[1].rc, HM_EUSAGE);
}

static void test_gather__reports_a_proof_that_cannot_be_made(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("1", NULL);
    _hm_done_(hm_buf_done) struct hm_buf checkpoint = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    const struct hm_witness_client_source broken = {give_proof, &kit};

    known_sizes[0] = fakes[0].size = 3; /* at the start */
    fakes[1].size = 4;                  /* when it is told */
    log_kit_note(&kit, 5, &checkpoint);
    assert_int_equal(hm_witness_client_gather(policy, hm_buf_bytes(&checkpoint), &broken, &options,
                                              known_sizes, reports, NULL, &note),
                     HM_OK);
    assert_int_equal(reports[0].rc, HM_EIO);
    assert_int_equal(reports[1].rc, HM_EIO);
    assert_int_equal(reports[2].rc, HM_OK);
}

static void test_gather__asks_nobody_about_a_checkpoint_that_is_none_of_the_log(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = make_policy("1", NULL);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *none = NULL;
    _hm_done_(hm_buf_done) struct hm_buf checkpoint = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    log_kit_note(&kit, 5, &checkpoint);
    checkpoint.data[checkpoint.size - 5] ^= 1;
    assert_int_equal(hm_witness_client_gather(policy, hm_buf_bytes(&checkpoint), &source, &options,
                                              known_sizes, reports, &err, &note),
                     HM_EUSAGE);
    assert_int_equal(err.rc, HM_EUSAGE);
    assert_int_equal(hm_log_policy_parse(HM_BYTES_LITERAL("quorum none\n"), NULL, &none), HM_OK);
    assert_int_equal(hm_witness_client_gather(none, hm_buf_bytes(&checkpoint), &source, &options,
                                              known_sizes, reports, &err, &note),
                     HM_EUSAGE);
    assert_int_equal(note.size, 0);
    assert_int_equal(http_server_request_count(server), 0);
}

static void test_gather__takes_ml_dsa_where_there_is_one(void **state)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_signer *signer = NULL;
    enum hm_rc rc = hm_signer_generate("ml-dsa-44", NULL, &signer);

    hm_signer_free(signer);
    if (rc == HM_EUNKNOWN)
        skip(); /* OpenSSL before 3.5 */
    log_kit_signer_done(&fakes[1].signer);
    fakes[1].signer = log_kit_signer_make("w1.example", HM_NOTE_COSIGNATURE_ML_DSA, 0);
    policy = make_policy("all", NULL);
    assert_int_equal(gather(policy, 5, NULL, &note), HM_OK);
    assert_int_equal(reports[1].rc, HM_OK);
}

#define client_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        client_test(test_gather__brings_the_cosignatures),
        client_test(test_gather__sends_the_size_it_knows_with_a_proof),
        client_test(test_gather__asks_again_with_the_size_it_was_told),
        client_test(test_gather__tells_of_a_witness_that_has_seen_more),
        client_test(test_gather__takes_no_line_that_is_not_the_witness_s_own_and_now),
        client_test(test_gather__says_what_each_status_means),
        client_test(test_gather__ignores_lines_of_strangers),
        client_test(test_gather__replaces_old_lines_and_keeps_the_log_s),
        client_test(test_gather__waits_for_nobody_past_the_deadline),
        client_test(test_gather__asks_again_within_the_same_deadline),
        client_test(test_gather__gives_the_others_grace_after_the_quorum),
        client_test(test_gather__needs_nobody_where_no_quorum_is_asked),
        client_test(test_gather__goes_on_past_urls_that_lead_nowhere),
        client_test(test_gather__reads_no_endless_answer),
        client_test(test_gather__asks_no_witness_without_url_or_file),
        client_test(test_gather__reports_a_proof_that_cannot_be_made),
        client_test(test_gather__asks_nobody_about_a_checkpoint_that_is_none_of_the_log),
        client_test(test_gather__takes_ml_dsa_where_there_is_one),
    };

    return cmocka_run_group_tests_name("witness_client", tests, NULL, NULL);
}
