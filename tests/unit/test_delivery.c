/* SPDX-License-Identifier: Apache-2.0 */
/* delivery/statement and delivery/delivery: one spelling each, and what may follow what. */
#include "unit.h"

#include <jansson.h>

#include "base/text.h"
#include "delivery/delivery.h"

#define VECTORS "tests/vectors/delivery.json"

#define D1   "1111111111111111111111111111111111111111111111111111111111111111"
#define D2   "2222222222222222222222222222222222222222222222222222222222222222"
#define D3   "3333333333333333333333333333333333333333333333333333333333333333"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static const char request_text[] = "hallmark/delivery-request v1\n"
                                   "site globex\n"
                                   "account initrode\n"
                                   "client initrode/host-1\n"
                                   "entry 17 " D1 "\n"
                                   "path acme/nic/1.0/nic.bin\n"
                                   "image " D2 " 300000\n"
                                   "checkpoint 20 " D3 "\n"
                                   "event 1 1 " ZERO "\n"
                                   "nonce " D1 "\n"
                                   "time 2026-11-24T13:00:00Z\n";

static struct hm_arena arena;

static int teardown(void **state)
{
    hm_arena_done(&arena);
    return 0;
}

static struct hm_statement parse(const char *text)
{
    struct hm_statement statement;
    struct hm_err err = HM_ERR_INIT;

    if (hm_statement_parse(hm_bytes_str(text), &arena, &err, &statement) != HM_OK)
        fail_msg("%s", err.text);
    return statement;
}

static struct hm_sha256 hash_of(const struct hm_statement *statement)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    struct hm_sha256 hash;
    struct hm_err err = HM_ERR_INIT;

    if (hm_statement_write(statement, &err, &text) != HM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(hm_statement_hash(hm_buf_bytes(&text), NULL, &hash), HM_OK);
    return hash;
}

static struct hm_statement make_offer(void)
{
    struct hm_statement offer = parse(request_text);

    offer.request = hash_of(&offer);
    offer.kind = HM_STATEMENT_OFFER;
    offer.label = "1.0 (build 7)";
    offer.edge = "edge-1.example";
    offer.expires_unix_s = offer.time_unix_s + 3600;
    return offer;
}

static struct hm_statement make_answer(const struct hm_statement *offer)
{
    struct hm_statement answer = parse(request_text);
    struct hm_statement request = answer;

    answer.kind = HM_STATEMENT_ACK;
    answer.offer = hash_of(offer);
    answer.program = "hallmark 0.1.0";
    answer.event.counter = 2;
    answer.event.previous = hash_of(&request);
    return answer;
}

static struct hm_statement make_receipt(const struct hm_statement *offer,
                                        const struct hm_statement *answer)
{
    struct hm_statement receipt = *offer;

    receipt.kind = HM_STATEMENT_RECEIPT;
    receipt.offer = hash_of(offer);
    receipt.answer = hash_of(answer);
    receipt.written = 300000;
    return receipt;
}

static enum hm_rc take(struct hm_delivery *delivery, const struct hm_statement *statement)
{
    struct hm_sha256 hash = hash_of(statement);

    return hm_delivery_take(delivery, statement, &hash, NULL);
}

/* A delivery with an offer; the offer. */
static struct hm_statement offered(struct hm_delivery *delivery)
{
    struct hm_statement request = parse(request_text);
    struct hm_statement offer = make_offer();

    *delivery = (struct hm_delivery)HM_DELIVERY_INIT;
    assert_int_equal(take(delivery, &request), HM_OK);
    assert_int_equal(take(delivery, &offer), HM_OK);
    assert_int_equal(delivery->state, HM_DELIVERY_OFFERED);
    return offer;
}

static void assert_same_again(const struct hm_statement *statement)
{
    _hm_done_(hm_buf_done) struct hm_buf once = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf twice = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    struct hm_statement again;

    assert_int_equal(hm_statement_write(statement, NULL, &once), HM_OK);
    again = parse(hm_buf_str(&once));
    assert_int_equal(hm_statement_write(&again, NULL, &twice), HM_OK);
    assert_string_equal(hm_buf_str(&once), hm_buf_str(&twice));
}

static void test_parse__reads_what_was_written(void **state)
{
    struct hm_statement request = parse(request_text);
    struct hm_statement offer = make_offer();
    struct hm_statement answer = make_answer(&offer);
    struct hm_statement receipt = make_receipt(&offer, &answer);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);

    assert_string_equal(request.site, "globex");
    assert_int_equal(request.entry_index, 17);
    assert_int_equal(request.length, 300000);
    assert_int_equal(request.event.epoch, 1);
    assert_int_equal(hm_statement_write(&request, NULL, &text), HM_OK);
    assert_string_equal(hm_buf_str(&text), request_text);
    assert_same_again(&offer);
    assert_same_again(&answer);
    assert_same_again(&receipt);
    answer.kind = HM_STATEMENT_REJECT;
    for (size_t i = 0; i < HM_STATEMENT_REASON_COUNT_; i++) {
        answer.reason = (enum hm_statement_reason)i;
        assert_same_again(&answer);
    }
}

/* The request with one line replaced (NULL: left out). */
static enum hm_rc parse_with(const char *word, const char *line)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(2 * HM_STATEMENT_SIZE_MAX);
    struct hm_bytes rest = hm_bytes_str(request_text);
    struct hm_bytes old;
    struct hm_statement statement;
    bool is_found = false;

    while (hm_bytes_take_line(&rest, &old)) {
        bool is_it = hm_bytes_has_prefix(old, hm_bytes_str(word));

        is_found = is_found || is_it;
        if (is_it && line == NULL)
            continue;
        assert_int_equal(hm_buf_append(&text, is_it ? hm_bytes_str(line) : old, NULL), HM_OK);
        assert_int_equal(hm_buf_append_byte(&text, '\n', NULL), HM_OK);
    }
    assert_true(is_found);
    return hm_statement_parse(hm_buf_bytes(&text), &arena, NULL, &statement);
}

static void test_parse__refuses_everything_else(void **state)
{
    static const struct {
        const char *word, *line;
    } bad[] = {
        {"hallmark/", "hallmark/delivery-request v2"},
        {"hallmark/", "hallmark/delivery-offer v1"},
        {"hallmark/", "hallmark/delivery-request v1 "},
        {"hallmark/", NULL},
        {"site", NULL},
        {"site", "site"},
        {"site", "site "},
        {"site", "site two words"},
        {"site", "Site globex"},
        {"site", "site globex\nsite globex"},
        {"client", NULL},
        {"entry", "entry " D1 " 17"},
        {"entry", "entry 017 " D1},
        {"entry", "entry -1 " D1},
        {"entry", "entry 9223372036854775808 " D1},
        {"entry", "entry 17 " D1 "00"},
        {"entry", "entry 17 " D1 " 5"},
        {"image", "image 300000 " D2},
        {"image", "image " D2},
        {"image", "image " D2 " 1e5"},
        {"image", "image AAAA111111111111111111111111111111111111111111111111111111111111 1"},
        {"event", "event 0 1 " ZERO},
        {"event", "event 1 0 " ZERO},
        {"event", "event 1 1"},
        {"nonce", "nonce xyz"},
        {"time", "time 2026-11-24 13:00:00"},
        {"time", "time 2026-02-30T13:00:00Z"},
        {"time", "time 1795525200"},
        {"time", "time 2026-11-24T13:00:00Z\nmore x"},
        {"time", "time 2026-11-24T13:00:00Z\n"},
        {"path", "path a\tb"},
        {"path", "path \xff"},
    };
    struct hm_statement statement;
    char longest[HM_STATEMENT_TEXT_SIZE_MAX + 16] = "path ";

    assert_int_equal(parse_with("site", "site globex"), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        if (parse_with(bad[i].word, bad[i].line) != HM_EFORMAT)
            fail_msg("taken: %s", bad[i].line == NULL ? bad[i].word : bad[i].line);
    memset(longest + 5, 'a', HM_STATEMENT_TEXT_SIZE_MAX);
    assert_int_equal(parse_with("path", longest), HM_OK);
    longest[5 + HM_STATEMENT_TEXT_SIZE_MAX] = 'a';
    assert_int_equal(parse_with("path", longest), HM_EFORMAT);
    assert_int_equal(hm_statement_parse(HM_BYTES_EMPTY, &arena, NULL, &statement), HM_EFORMAT);
    assert_int_equal(hm_statement_parse(hm_bytes_make(request_text, strlen(request_text) - 1),
                                        &arena, NULL, &statement),
                     HM_EFORMAT);
}

static void test_write__makes_nothing_that_cannot_be_read(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    struct hm_statement statement = parse(request_text);

    statement.path = "a\nsite other";
    assert_int_equal(hm_statement_write(&statement, NULL, &text), HM_EUSAGE);
    statement.path = NULL;
    assert_int_equal(hm_statement_write(&statement, NULL, &text), HM_EUSAGE);
    statement.path = "a b";
    assert_int_equal(hm_statement_write(&statement, NULL, &text), HM_EUSAGE);
    statement = parse(request_text);
    statement.event.counter = 0;
    assert_int_equal(hm_statement_write(&statement, NULL, &text), HM_EUSAGE);
    statement = parse(request_text);
    statement.length = UINT64_MAX;
    assert_int_equal(hm_statement_write(&statement, NULL, &text), HM_EUSAGE);
    assert_int_equal(text.size, 0);
}

static void test_verify__wants_the_client_s_own_key(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *own = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *other = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_bytes text = hm_bytes_str(request_text);
    struct hm_statement statement;
    struct hm_sha256 hash, wanted;

    assert_int_equal(hm_signer_generate("ed25519", NULL, &signer), HM_OK);
    assert_int_equal(
        hm_note_key_make("initrode/host-1", HM_NOTE_ED25519, hm_signer_key(signer), NULL, &own),
        HM_OK);
    assert_int_equal(
        hm_note_key_make("initrode/host-2", HM_NOTE_ED25519, hm_signer_key(signer), NULL, &other),
        HM_OK);
    assert_int_equal(hm_note_write_text(text, NULL, &note), HM_OK);
    assert_int_equal(hm_note_sign(text, own, signer, 0, NULL, &note), HM_OK);
    assert_int_equal(hm_statement_verify(hm_buf_bytes(&note), own, &arena, NULL, &statement, &hash),
                     HM_OK);
    assert_int_equal(hm_statement_hash(text, NULL, &wanted), HM_OK);
    assert_true(hm_digest_is_equal(&hash, &wanted));
    assert_int_equal(
        hm_statement_verify(hm_buf_bytes(&note), other, &arena, NULL, &statement, &hash),
        HM_ESIGNATURE);
    note.data[40] ^= 1; /* in the text */
    assert_int_not_equal(
        hm_statement_verify(hm_buf_bytes(&note), own, &arena, NULL, &statement, &hash), HM_OK);
    hm_buf_clear(&note); /* one host signs in the name of another */
    assert_int_equal(hm_note_write_text(text, NULL, &note), HM_OK);
    assert_int_equal(hm_note_sign(text, other, signer, 0, NULL, &note), HM_OK);
    assert_int_equal(
        hm_statement_verify(hm_buf_bytes(&note), other, &arena, NULL, &statement, &hash),
        HM_EMISMATCH);
}

static void test_take__goes_the_whole_way(void **state)
{
    struct hm_delivery delivery;
    struct hm_statement offer = offered(&delivery);
    struct hm_statement answer = make_answer(&offer);
    struct hm_statement receipt = make_receipt(&offer, &answer);

    assert_int_equal(take(&delivery, &receipt), HM_EREFUSED);
    assert_int_equal(take(&delivery, &offer), HM_OK); /* the same again */
    assert_int_equal(take(&delivery, &answer), HM_OK);
    assert_int_equal(delivery.state, HM_DELIVERY_ACKNOWLEDGED);
    assert_string_equal(hm_delivery_state_name(delivery.state), "acknowledged");
    assert_int_equal(take(&delivery, &answer), HM_OK);
    answer.kind = HM_STATEMENT_REJECT; /* a second thought */
    answer.reason = HM_STATEMENT_VERDICT;
    assert_int_equal(take(&delivery, &answer), HM_EREFUSED);
    assert_int_equal(take(&delivery, &receipt), HM_OK);
    assert_true(delivery.is_receipted);
    assert_int_equal(take(&delivery, &receipt), HM_OK);
    receipt.written++;
    assert_int_equal(take(&delivery, &receipt), HM_EREFUSED);
}

static void test_take__refuses_an_offer_of_something_else(void **state)
{
    struct hm_statement request = parse(request_text);
    struct hm_delivery fresh = HM_DELIVERY_INIT;

    assert_int_equal(take(&fresh, &request), HM_OK);
    for (int i = 0; i < 8; i++) {
        struct hm_delivery delivery = fresh;
        struct hm_statement offer = make_offer();

        if (i == 0)
            offer.request.bytes[0] ^= 1;
        else if (i == 1)
            offer.site = "other";
        else if (i == 2)
            offer.entry_index++;
        else if (i == 3)
            offer.entry.bytes[31] ^= 1;
        else if (i == 4)
            offer.path = "acme/nic/1.0/other.bin";
        else if (i == 5)
            offer.image.bytes[7] ^= 1;
        else if (i == 6)
            offer.length--;
        else
            offer.expires_unix_s = offer.time_unix_s;
        assert_int_equal(take(&delivery, &offer), i == 7 ? HM_EREFUSED : HM_EMISMATCH);
        assert_int_equal(delivery.state, HM_DELIVERY_REQUESTED);
    }
    assert_int_equal(take(&fresh, &request), HM_OK);
    request.nonce.bytes[0] ^= 1;
    assert_int_equal(take(&fresh, &request), HM_EREFUSED);
}

static void test_take__refuses_an_answer_of_something_else(void **state)
{
    for (int i = 0; i < 8; i++) {
        struct hm_delivery delivery;
        struct hm_statement offer = offered(&delivery);
        struct hm_statement answer = make_answer(&offer);
        enum hm_rc wanted = HM_EMISMATCH;

        if (i == 0) {
            answer.offer.bytes[0] ^= 1;
        } else if (i == 1) {
            answer.client = "initrode/host-2";
        } else if (i == 2) {
            answer.site = "other";
        } else if (i == 3) {
            answer.image.bytes[0] ^= 1; /* an ack of other bytes is no ack */
        } else if (i == 4) {
            answer.length++;
        } else if (i == 5) {
            answer.event.counter = 1;
            wanted = HM_EREFUSED;
        } else if (i == 6) {
            answer.time_unix_s = offer.expires_unix_s;
            wanted = HM_EEXPIRED;
        } else {
            answer.kind = HM_STATEMENT_REJECT; /* "other bytes", and they are the same */
            answer.reason = HM_STATEMENT_DIGEST;
            wanted = HM_EREFUSED;
        }
        assert_int_equal(take(&delivery, &answer), wanted);
        assert_int_equal(delivery.state, HM_DELIVERY_OFFERED);
    }
}

static void test_take__a_rejection_says_what_was_received(void **state)
{
    struct hm_delivery delivery;
    struct hm_statement offer = offered(&delivery);
    struct hm_statement answer = make_answer(&offer);
    struct hm_statement receipt;

    answer.kind = HM_STATEMENT_REJECT;
    answer.reason = HM_STATEMENT_DIGEST;
    answer.image.bytes[5] ^= 1;
    assert_int_equal(take(&delivery, &answer), HM_OK);
    assert_int_equal(delivery.state, HM_DELIVERY_REJECTED);
    receipt = make_receipt(&offer, &answer);
    receipt.answer.bytes[0] ^= 1;
    assert_int_equal(take(&delivery, &receipt), HM_EMISMATCH);
    receipt = make_receipt(&offer, &answer);
    receipt.image = answer.image; /* a receipt names what was meant */
    assert_int_equal(take(&delivery, &receipt), HM_EMISMATCH);
    receipt = make_receipt(&offer, &answer);
    assert_int_equal(take(&delivery, &receipt), HM_OK);
}

static void test_pass__ends_an_offer(void **state)
{
    struct hm_delivery delivery;
    struct hm_statement offer = offered(&delivery);
    struct hm_statement answer = make_answer(&offer);

    hm_delivery_pass(&delivery, offer.expires_unix_s - 1);
    assert_int_equal(delivery.state, HM_DELIVERY_OFFERED);
    hm_delivery_pass(&delivery, offer.expires_unix_s);
    assert_int_equal(delivery.state, HM_DELIVERY_UNACKNOWLEDGED);
    assert_string_equal(hm_delivery_state_name(delivery.state), "served-unacked");
    /* It was made in time, and came late. */
    assert_int_equal(take(&delivery, &answer), HM_OK);
    assert_int_equal(delivery.state, HM_DELIVERY_ACKNOWLEDGED);
    hm_delivery_pass(&delivery, offer.expires_unix_s + 99);
    assert_int_equal(delivery.state, HM_DELIVERY_ACKNOWLEDGED);
}

static enum hm_rc next(struct hm_delivery_sequence *sequence, uint64_t epoch, uint64_t counter,
                       const struct hm_sha256 *previous, const struct hm_sha256 *head,
                       struct hm_sha256 *ret_hash)
{
    struct hm_statement statement = parse(request_text);

    statement.event = (struct hm_statement_event){epoch, counter, *previous};
    *ret_hash = hash_of(&statement);
    return hm_delivery_sequence_take(sequence, &statement, ret_hash, head, NULL);
}

static void test_sequence__has_no_gaps_and_no_forks(void **state)
{
    static const struct hm_sha256 zero = {{0}};
    struct hm_delivery_sequence sequence = {.has_last = false};
    struct hm_sha256 one, two, other;

    assert_int_equal(next(&sequence, 1, 2, &zero, NULL, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 2, 1, &zero, NULL, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 1, 1, &zero, NULL, &one), HM_OK);
    assert_int_equal(next(&sequence, 1, 1, &zero, NULL, &one), HM_OK); /* the same again */
    assert_int_equal(next(&sequence, 1, 1, &one, NULL, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 1, 3, &one, NULL, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 1, 2, &zero, NULL, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 1, 2, &one, NULL, &two), HM_OK);
    /* State is lost: what the site has signed last goes on. */
    assert_int_equal(next(&sequence, 2, 1, &zero, &two, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 2, 1, &two, NULL, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 3, 1, &two, &two, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 2, 2, &two, &two, &other), HM_EREFUSED);
    assert_int_equal(next(&sequence, 2, 1, &two, &two, &other), HM_OK);
    assert_int_equal(next(&sequence, 1, 3, &two, &two, &one), HM_EREFUSED);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    assert_non_null(text);
    return text;
}

static enum hm_rc take_step(struct hm_delivery *delivery, const json_t *step)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    struct hm_statement statement;
    struct hm_sha256 hash;
    char hex[HM_SHA256_HEX_SIZE];

    assert_int_equal(hm_note_key_parse(hm_bytes_str(text_of(step, "vkey")), NULL, &key), HM_OK);
    HM_TRY(hm_statement_verify(hm_bytes_str(text_of(step, "note")), key, &arena, NULL, &statement,
                               &hash));
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    assert_string_equal(hex, text_of(step, "hash"));
    return hm_delivery_take(delivery, &statement, &hash, NULL);
}

/* Another reading of docs/formats.md 20, which shares no code. */
static void test_parse__takes_a_key_and_a_head(void **state)
{
    static const char key[] = "hallmark/delivery-key v1\nsite globex\naccount initrode\n"
                              "client initrode/host-1\nkey initrode/host-1+11111111+AQ==\n"
                              "time 2026-11-24T13:00:00Z\n";
    static const char none[] = "hallmark/delivery-head v1\nsite globex\nclient initrode/host-1\n"
                               "event 0 0 " ZERO "\ntime 2026-11-24T13:00:00Z\n";
    static const char no_request[] =
        "hallmark/delivery-ack v1\nsite globex\nclient c\noffer " D1 "\nimage " D2
        " 3\nevent 0 0 " ZERO "\nprogram p\ntime 2026-11-24T13:00:00Z\n";
    struct hm_statement statement = parse(key);
    struct hm_delivery delivery = HM_DELIVERY_INIT;

    assert_int_equal(statement.kind, HM_STATEMENT_KEY);
    assert_string_equal(statement.key, "initrode/host-1+11111111+AQ==");
    assert_same_again(&statement);
    assert_int_equal(take(&delivery, &statement), HM_EREFUSED);
    statement = parse(none);
    assert_int_equal(statement.kind, HM_STATEMENT_HEAD);
    assert_int_equal(statement.event.epoch, 0);
    assert_same_again(&statement);
    assert_int_equal(take(&delivery, &statement), HM_EREFUSED);
    /* Nothing but a head may say that there is nothing. */
    assert_int_equal(hm_statement_parse(hm_bytes_str(no_request), &arena, NULL, &statement),
                     HM_EFORMAT);
}

static void test_vectors__are_taken_and_refused_as_they_say(void **state)
{
    json_t *vectors = json_load_file(VECTORS, 0, NULL);
    const json_t *cases = json_object_get(vectors, "deliveries");

    assert_true(json_array_size(cases) >= 20);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        const json_t *steps = json_object_get(one, "steps");
        struct hm_delivery delivery = HM_DELIVERY_INIT;

        for (size_t j = 0; j < json_array_size(steps); j++) {
            const json_t *step = json_array_get(steps, j);
            enum hm_rc rc = take_step(&delivery, step);

            if (strcmp(hm_error_name(rc), text_of(step, "rc")) != 0)
                fail_msg("%s, step %zu: %s", text_of(one, "name"), j, hm_error_name(rc));
        }
        assert_string_equal(hm_delivery_state_name(delivery.state), text_of(one, "state"));
        assert_int_equal(delivery.is_receipted, json_is_true(json_object_get(one, "receipted")));
    }
    json_decref(vectors);
}

#define delivery_test(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        delivery_test(test_parse__reads_what_was_written),
        delivery_test(test_parse__refuses_everything_else),
        delivery_test(test_write__makes_nothing_that_cannot_be_read),
        delivery_test(test_verify__wants_the_client_s_own_key),
        delivery_test(test_take__goes_the_whole_way),
        delivery_test(test_take__refuses_an_offer_of_something_else),
        delivery_test(test_take__refuses_an_answer_of_something_else),
        delivery_test(test_take__a_rejection_says_what_was_received),
        delivery_test(test_pass__ends_an_offer),
        delivery_test(test_sequence__has_no_gaps_and_no_forks),
        delivery_test(test_parse__takes_a_key_and_a_head),
        delivery_test(test_vectors__are_taken_and_refused_as_they_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
