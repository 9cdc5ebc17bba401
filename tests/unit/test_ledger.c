/* SPDX-License-Identifier: Apache-2.0 */
/* ledger/ledger and what is below it: what clients ask of a published site, kept and answered. */
#include "site_world.h"

#include "base/text.h"
#include "delivery/delivery_leaf.h"
#include "ledger/ledger_list.h"
#include "ledger/ledger_release.h"
#include "ledger/ledger_schema.h"
#include "ledger/ledger_site.h"
#include "site/tree.h"
#include "tlog/merkle.h"
#include "tlog/proof.h"
#include "tlog/where.h"
#include "trust/site_deliveries.h"

#define PATH  "acme/nic/1.0/fw.bin"
#define IMAGE "one"
#define ASKS  4

/* A client of initrode, and what it has signed. */
struct client {
    struct hm_signer *signer;
    struct hm_note_key *key;
    uint64_t epoch, counter;
    struct hm_sha256 last;
};

struct bench {
    struct world *world;
    struct hm_ledger_site *site;
    struct client client;
    struct hm_site_deliveries *word; /* root's */
    struct hm_statement wanted;      /* a request of the image, without event */
    struct hm_arena arena;
    struct hm_err err;
    bool is_granted;
    int64_t now;
};

#define check_rc(expected, call)                                                                   \
    do {                                                                                           \
        enum hm_rc check_rc_ = (call);                                                             \
        if (check_rc_ != (expected))                                                               \
            fail_msg("%s: %s: %s", #call, hm_error_name(check_rc_), bench->err.text);              \
    } while (0)

static bool is_granted(void *ctx, const char *account, struct hm_bytes maker,
                       struct hm_bytes product, struct hm_bytes version)
{
    const struct bench *bench = ctx;

    return bench->is_granted && strcmp(account, "initrode") == 0 && hm_bytes_is_str(maker, "acme");
}

static enum hm_rc try_open(struct bench *bench)
{
    struct hm_ledger_site_options options = {.is_granted = is_granted,
                                             .grant_ctx = bench,
                                             .edge = "edge-1.example",
                                             .now_unix_s = bench->now};

    return hm_ledger_site_open(bench->world->site, &options, &bench->err, &bench->site);
}

static struct hm_ledger *ledger_of(struct bench *bench)
{
    return hm_ledger_site_ledger(bench->site);
}

static void reopen(struct bench *bench)
{
    hm_ledger_site_free(bench->site);
    bench->site = NULL;
    check_rc(HM_OK, try_open(bench));
}

static struct client make_client(const char *account, const char *host)
{
    struct client client = {.epoch = 1};
    struct hm_note_key *nameless = NULL;
    struct hm_sha256 hash;
    char hex[HM_SHA256_HEX_SIZE];
    char name[128];

    assert_int_equal(hm_signer_generate("ed25519", NULL, &client.signer), HM_OK);
    assert_int_equal(
        hm_note_key_make("x", HM_NOTE_ED25519, hm_signer_key(client.signer), NULL, &nameless),
        HM_OK);
    assert_int_equal(
        hm_digest_sha256(hm_bytes_make(nameless->public, nameless->public_size), NULL, &hash),
        HM_OK);
    hm_note_key_free(nameless);
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(name, sizeof(name), "%s/%s-%.8s", account, host, hex);
    assert_int_equal(
        hm_note_key_make(name, HM_NOTE_ED25519, hm_signer_key(client.signer), NULL, &client.key),
        HM_OK);
    return client;
}

static void client_done(struct client *client)
{
    hm_signer_free(client->signer);
    hm_note_key_free(client->key);
}

/* What the site publishes of the image. */
static void read_wanted(struct bench *bench)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    _hm_free_(hm_where_free) struct hm_where *where = NULL;
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;

    world_read(bench->world, "public/proofs/acme/nic/1.0", &raw);
    check_rc(HM_OK, hm_where_parse(hm_buf_bytes(&raw), &bench->err, &where));
    check_rc(HM_OK, hm_digest_new(HM_DIGEST_SHA256, &bench->err, &digest));
    bench->wanted = (struct hm_statement){.kind = HM_STATEMENT_REQUEST,
                                          .site = "demo",
                                          .account = "initrode",
                                          .entry_index = where->release_index,
                                          .path = PATH,
                                          .length = strlen(IMAGE),
                                          .checkpoint_size = 1};
    check_rc(HM_OK, hm_merkle_leaf(digest, where->release, &bench->err, &bench->wanted.entry));
    check_rc(HM_OK, hm_digest_sha256(hm_bytes_str(IMAGE), &bench->err, &bench->wanted.image));
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    _hm_free_(hm_site_free) struct hm_site *site = NULL;
    _hm_free_(hm_tree_free) struct hm_tree *tree = NULL;
    struct maker acme;

    if (bench == NULL || world_setup((void **)&bench->world) != 0)
        return -1;
    maker_init(&acme, "acme");
    world_enrol(bench->world, &acme);
    maker_put(&acme, PATH, IMAGE, NULL);
    maker_submit(&acme, bench->world, "one");
    if (world_intake(bench->world, "one", NULL) != HM_OK || world_approve(bench->world) != HM_OK ||
        world_publish(bench->world, NULL) != HM_OK)
        fail_msg("%s", bench->world->err.text);
    maker_done(&acme);
    site = world_open(bench->world, HM_SITE_READ);
    bench->now = bench->world->now;
    bench->is_granted = true;
    check_rc(HM_OK, hm_tree_load(site, &bench->err, &tree));
    check_rc(HM_OK, hm_site_deliveries_parse(tree->root, &bench->err, &bench->word));
    bench->client = make_client("initrode", "host-1.example");
    read_wanted(bench);
    check_rc(HM_OK, try_open(bench));
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    int result;

    hm_ledger_site_free(bench->site);
    hm_site_deliveries_free(bench->word);
    client_done(&bench->client);
    hm_arena_done(&bench->arena);
    result = world_teardown((void **)&bench->world);
    free(bench);
    return result;
}

#define ledger_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* ---- what clients say ------------------------------------------------------------------------ */

static void sign(struct bench *bench, const struct client *client,
                 const struct hm_statement *statement, struct hm_buf *ret_note)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);

    check_rc(HM_OK, hm_statement_write(statement, &bench->err, &text));
    check_rc(HM_OK, hm_note_write_text(hm_buf_bytes(&text), &bench->err, ret_note));
    check_rc(HM_OK, hm_note_sign(hm_buf_bytes(&text), client->key, client->signer, 0, &bench->err,
                                 ret_note));
}

static struct hm_sha256 hash_of(struct bench *bench, struct hm_bytes note)
{
    _hm_free_(hm_note_free) struct hm_note *parsed = NULL;
    struct hm_sha256 hash;

    check_rc(HM_OK, hm_note_parse(note, &bench->err, &parsed));
    check_rc(HM_OK, hm_statement_hash(parsed->text, &bench->err, &hash));
    return hash;
}

/* The client's next statement, in its place. */
static void say(struct bench *bench, struct client *client, struct hm_statement statement,
                struct hm_buf *ret_note)
{
    statement.client = client->key->name;
    statement.event = (struct hm_statement_event){client->epoch, client->counter + 1, client->last};
    statement.time_unix_s = bench->now;
    sign(bench, client, &statement, ret_note);
    client->counter++;
    client->last = hash_of(bench, hm_buf_bytes(ret_note));
}

static unsigned ask(struct bench *bench, enum hm_ledger_ask_kind kind, const struct hm_buf *body,
                    struct hm_buf *ret_answer)
{
    struct hm_ledger_ask one = HM_LEDGER_ASK_INIT;

    one.kind = kind;
    one.account = "initrode";
    one.body = hm_buf_bytes(body);
    check_rc(HM_OK, hm_ledger_take(ledger_of(bench), &one, 1, bench->now, &bench->err));
    hm_buf_clear(ret_answer);
    assert_int_equal(hm_buf_append(ret_answer, hm_buf_bytes(&one.answer), NULL), HM_OK);
    hm_buf_done(&one.answer);
    return one.status;
}

static void key_note(struct bench *bench, const struct client *client, const char *account,
                     struct hm_buf *ret_note)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);
    struct hm_statement statement = {.kind = HM_STATEMENT_KEY,
                                     .site = "demo",
                                     .account = account,
                                     .client = client->key->name,
                                     .time_unix_s = bench->now};

    check_rc(HM_OK, hm_note_key_write(client->key, &bench->err, &vkey));
    statement.key = hm_buf_str(&vkey);
    sign(bench, client, &statement, ret_note);
}

static void enrol(struct bench *bench, const struct client *client)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf answer = HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);

    key_note(bench, client, "initrode", &note);
    if (ask(bench, HM_LEDGER_KEY, &note, &answer) != 200)
        fail_msg("%s", hm_buf_str(&answer));
}

/* A statement of the site's, verified with root's key. */
static struct hm_statement site_says(struct bench *bench, const struct hm_buf *note)
{
    struct hm_statement statement;
    struct hm_sha256 hash;

    check_rc(HM_OK, hm_statement_verify(hm_buf_bytes(note), bench->word->key, &bench->arena,
                                        &bench->err, &statement, &hash));
    return statement;
}

static struct hm_statement ack_of(struct bench *bench, const struct hm_buf *offer)
{
    struct hm_statement ack = bench->wanted;

    ack.kind = HM_STATEMENT_ACK;
    ack.offer = hash_of(bench, hm_buf_bytes(offer));
    ack.program = "hallmark test";
    return ack;
}

static struct hm_ledger_counts counts_of(struct bench *bench)
{
    struct hm_ledger_counts counts;

    check_rc(HM_OK, hm_ledger_counts(ledger_of(bench), &bench->err, &counts));
    return counts;
}

#define BUFS                                                                                       \
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);              \
    __attribute__((unused)) _hm_done_(hm_buf_done) struct hm_buf answer =                          \
        HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);                                                      \
    __attribute__((unused)) _hm_done_(hm_buf_done) struct hm_buf other =                           \
        HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);                                                      \
    struct bench *bench = *state

/* Enrols and asks; the offer is in answer. */
static void get_offer(struct bench *bench, struct hm_buf *answer)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);

    enrol(bench, &bench->client);
    say(bench, &bench->client, bench->wanted, &note);
    if (ask(bench, HM_LEDGER_REQUEST, &note, answer) != 200)
        fail_msg("%s", hm_buf_str(answer));
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void test_key__is_signed_by_both_and_kept(void **state)
{
    BUFS;
    const struct hm_note_key *keys[] = {bench->client.key, bench->word->key};
    struct hm_note_verdict verdicts[2];
    _hm_free_(hm_note_free) struct hm_note *parsed = NULL;

    key_note(bench, &bench->client, "initrode", &note);
    assert_int_equal(ask(bench, HM_LEDGER_KEY, &note, &answer), 200);
    check_rc(HM_OK, hm_note_parse(hm_buf_bytes(&answer), &bench->err, &parsed));
    check_rc(HM_OK, hm_note_verify(parsed, keys, 2, &bench->err, verdicts));
    assert_true(verdicts[0].is_signed && verdicts[1].is_signed);
    assert_int_equal(parsed->signature_count, 2);
    /* Again, also after a restart: the same words. */
    reopen(bench);
    assert_int_equal(ask(bench, HM_LEDGER_KEY, &note, &other), 200);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&answer), hm_buf_bytes(&other)));
    assert_int_equal(counts_of(bench).keys, 1);
}

static void test_key__of_another_account_or_name_is_refused(void **state)
{
    BUFS;
    struct client foreign = make_client("umbrella", "h");
    struct client forger = make_client("initrode", "h");
    struct hm_note_key *key = NULL;
    char name[128];

    key_note(bench, &foreign, "umbrella", &note);
    assert_int_equal(ask(bench, HM_LEDGER_KEY, &note, &answer), 403);
    hm_buf_clear(&note);
    key_note(bench, &foreign, "initrode", &note); /* his name, our account */
    assert_int_equal(ask(bench, HM_LEDGER_KEY, &note, &answer), 400);
    /* A name that ends with another key's hash. */
    (void)snprintf(name, sizeof(name), "initrode/h-00000000");
    assert_int_equal(
        hm_note_key_make(name, HM_NOTE_ED25519, hm_signer_key(forger.signer), NULL, &key), HM_OK);
    hm_note_key_free(forger.key);
    forger.key = key;
    hm_buf_clear(&note);
    key_note(bench, &forger, "initrode", &note);
    assert_int_equal(ask(bench, HM_LEDGER_KEY, &note, &answer), 400);
    /* Not signed by the key that it names. */
    hm_buf_clear(&note);
    key_note(bench, &bench->client, "initrode", &note);
    note.data[note.size - 6] ^= 1;
    assert_int_equal(ask(bench, HM_LEDGER_KEY, &note, &answer), 400);
    assert_int_equal(counts_of(bench).keys, 0);
    client_done(&foreign);
    client_done(&forger);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void test_request__of_an_unknown_key_takes_no_place(void **state)
{
    BUFS;

    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 401);
    assert_true(hm_bytes_has_prefix(hm_buf_bytes(&answer), hm_bytes_str("unknown key")));
    enrol(bench, &bench->client);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
}

static void test_request__gets_one_offer(void **state)
{
    BUFS;
    struct hm_statement offer;

    enrol(bench, &bench->client);
    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
    offer = site_says(bench, &answer);
    assert_int_equal(offer.kind, HM_STATEMENT_OFFER);
    assert_string_equal(offer.path, PATH);
    assert_string_equal(offer.label, "1.0");
    assert_string_equal(offer.edge, "edge-1.example");
    assert_int_equal(offer.expires_unix_s, bench->now + HM_LEDGER_OFFER_S);
    assert_memory_equal(offer.request.bytes, bench->client.last.bytes, HM_SHA256_SIZE);
    bench->now += 5;
    reopen(bench);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &other), 200);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&answer), hm_buf_bytes(&other)));
    assert_int_equal(counts_of(bench).offered, 1);
}

static void test_request__of_what_is_not_there_is_refused(void **state)
{
    BUFS;
    struct hm_statement wrong[6];

    enrol(bench, &bench->client);
    for (size_t i = 0; i < HM_ARRAY_COUNT(wrong); i++)
        wrong[i] = bench->wanted;
    wrong[0].path = "acme/nic/1.1/fw.bin";
    wrong[1].path = "acme/nic/1.0/other.bin";
    wrong[2].image.bytes[0] ^= 1;
    wrong[3].length++;
    wrong[4].entry_index++;
    wrong[5].entry.bytes[3] ^= 1;
    for (size_t i = 0; i < HM_ARRAY_COUNT(wrong); i++) {
        hm_buf_clear(&note);
        say(bench, &bench->client, wrong[i], &note);
        assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 404);
        /* It has taken its place, and gets the same again. */
        assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &other), 404);
        assert_string_equal(hm_buf_str(&answer), hm_buf_str(&other));
    }
    hm_buf_clear(&note);
    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
    assert_int_equal(counts_of(bench).requested, HM_ARRAY_COUNT(wrong));
}

static void test_request__without_a_grant_is_refused_for_good(void **state)
{
    BUFS;

    enrol(bench, &bench->client);
    bench->is_granted = false;
    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 403);
    bench->is_granted = true;
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 403);
    hm_buf_clear(&note);
    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
}

static void test_request__out_of_order_gets_the_head(void **state)
{
    BUFS;
    struct client client;
    struct hm_statement head;

    get_offer(bench, &answer);
    client = bench->client;
    client.counter++; /* a gap */
    say(bench, &client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 409);
    head = site_says(bench, &answer);
    assert_int_equal(head.kind, HM_STATEMENT_HEAD);
    assert_int_equal(head.event.counter, 1);
    assert_memory_equal(head.event.previous.bytes, bench->client.last.bytes, HM_SHA256_SIZE);
    client = bench->client;
    client.counter = 0; /* a place that is taken */
    client.last = (struct hm_sha256){{0}};
    hm_buf_clear(&note);
    bench->now++;
    say(bench, &client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 409);
    client = bench->client; /* another one before it */
    client.last.bytes[0] ^= 1;
    hm_buf_clear(&note);
    say(bench, &client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 409);
    client = bench->client; /* state was lost: a new epoch names the head */
    client.epoch = 2;
    client.counter = 0;
    hm_buf_clear(&note);
    say(bench, &client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
}

static void test_request__with_a_wrong_signature_or_form_is_refused(void **state)
{
    BUFS;
    struct hm_statement wanted = bench->wanted;

    enrol(bench, &bench->client);
    say(bench, &bench->client, bench->wanted, &note);
    note.data[note.size - 6] ^= 1;
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 400);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &answer), 400);
    hm_buf_clear(&note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 400);
    wanted.site = "other";
    bench->client.counter = 0;
    bench->client.last = (struct hm_sha256){{0}};
    say(bench, &bench->client, wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 400);
    assert_int_equal(counts_of(bench).requested, 0);
}

static void test_request__is_judged_by_the_log_not_by_the_folder(void **state)
{
    BUFS;

    enrol(bench, &bench->client);
    /* Somebody writes another digest into the file that says where the release is. */
    world_read(bench->world, "public/proofs/acme/nic/1.0", &other);
    for (size_t i = 0; i + 10 < other.size; i++)
        if (memcmp(other.data + i, "\nimage ", 7) == 0) {
            uint8_t *digit = (uint8_t *)memchr(other.data + i + 7, ' ', 20) + 1;

            *digit = *digit == '0' ? '1' : '0';
        }
    world_write(bench->world, "public/proofs/acme/nic/1.0", hm_buf_str(&other));
    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 503);
    assert_int_equal(counts_of(bench).offered, 0);
    assert_int_equal(counts_of(bench).requested, 0);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void test_answer__gets_one_receipt(void **state)
{
    BUFS;
    struct hm_statement receipt;
    struct hm_ledger_transfer transfers[2] = {
        {.account = "initrode", .path = PATH, .has_offer = true, .bytes = 2, .peer = "::1"},
        {.account = "umbrella", .path = PATH, .has_offer = true, .bytes = 3, .peer = "::1"}};
    struct hm_sha256 source = {{7}};

    get_offer(bench, &answer);
    for (size_t i = 0; i < 2; i++) {
        transfers[i].offer = hash_of(bench, hm_buf_bytes(&answer));
        transfers[i].image = bench->wanted.image;
        transfers[i].door = "https";
    }
    check_rc(HM_OK,
             hm_ledger_collect(ledger_of(bench), &source, 0, 100, transfers, 2, &bench->err));
    say(bench, &bench->client, ack_of(bench, &answer), &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &answer), 200);
    receipt = site_says(bench, &answer);
    assert_int_equal(receipt.kind, HM_STATEMENT_RECEIPT);
    assert_int_equal(receipt.written, 2);
    assert_memory_equal(receipt.answer.bytes, bench->client.last.bytes, HM_SHA256_SIZE);
    reopen(bench);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 200);
    assert_string_equal(hm_buf_str(&answer), hm_buf_str(&other));
    assert_int_equal(counts_of(bench).acknowledged, 1);
    assert_int_equal(counts_of(bench).offered, 0);
    assert_int_equal(counts_of(bench).unsigned_transfers, 1);
}

static void test_answer__once_and_to_ones_own_offer(void **state)
{
    BUFS;
    struct client second = make_client("initrode", "host-2");
    struct hm_statement ack, reject;

    get_offer(bench, &answer);
    ack = ack_of(bench, &answer);
    enrol(bench, &second);
    say(bench, &second, ack, &note); /* another key's offer */
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 404);
    hm_buf_clear(&note);
    reject = ack;
    reject.kind = HM_STATEMENT_REJECT;
    reject.reason = HM_STATEMENT_DIGEST;
    reject.image.bytes[0] ^= 1;
    say(bench, &bench->client, reject, &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 200);
    assert_int_equal(counts_of(bench).rejected, 1);
    hm_buf_clear(&note);
    say(bench, &bench->client, ack, &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 410);
    ack.offer.bytes[0] ^= 1;
    hm_buf_clear(&note);
    say(bench, &bench->client, ack, &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 404);
    assert_int_equal(counts_of(bench).acknowledged, 0);
    client_done(&second);
}

static void test_answer__of_other_bytes_or_too_late_is_refused(void **state)
{
    BUFS;
    struct hm_statement ack;
    bool publish = false;

    get_offer(bench, &answer);
    ack = ack_of(bench, &answer);
    ack.length++;
    say(bench, &bench->client, ack, &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 400);
    bench->now += HM_LEDGER_OFFER_S;
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now, &bench->err, &publish));
    assert_int_equal(counts_of(bench).unacknowledged, 1);
    assert_int_equal(counts_of(bench).offered, 0);
    hm_buf_clear(&note);
    say(bench, &bench->client, ack_of(bench, &answer), &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 410);
    assert_int_equal(counts_of(bench).acknowledged, 0);
}

static void test_answer__made_in_time_may_come_late(void **state)
{
    BUFS;
    bool publish = false;

    get_offer(bench, &answer);
    say(bench, &bench->client, ack_of(bench, &answer), &note);
    bench->now += 2 * HM_LEDGER_OFFER_S;
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now, &bench->err, &publish));
    assert_int_equal(counts_of(bench).unacknowledged, 1);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 200);
    assert_int_equal(counts_of(bench).acknowledged, 1);
}

static void test_take__a_bad_one_spoils_no_other(void **state)
{
    BUFS;
    struct hm_ledger_ask asks[2] = {HM_LEDGER_ASK_INIT, HM_LEDGER_ASK_INIT};

    enrol(bench, &bench->client);
    say(bench, &bench->client, bench->wanted, &note);
    asks[0] = (struct hm_ledger_ask){.kind = HM_LEDGER_REQUEST,
                                     .account = "initrode",
                                     .body = hm_bytes_str("nothing"),
                                     .answer = asks[0].answer};
    asks[1] = (struct hm_ledger_ask){.kind = HM_LEDGER_REQUEST,
                                     .account = "initrode",
                                     .body = hm_buf_bytes(&note),
                                     .answer = asks[1].answer};
    check_rc(HM_OK, hm_ledger_take(ledger_of(bench), asks, 2, bench->now, &bench->err));
    assert_int_equal(asks[0].status, 400);
    assert_int_equal(asks[1].status, 200);
    hm_buf_done(&asks[0].answer);
    hm_buf_done(&asks[1].answer);
}

/* Another process does to the ledger what damage does. */
static int64_t run_sql(struct bench *bench, const char *sql, struct hm_buf *ret_blob)
{
    static const struct hm_database_schema *const schema = &hm_ledger_schema;
    _hm_free_(hm_database_close) struct hm_database *database = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;
    int64_t number;

    check_rc(HM_OK, hm_database_open(hm_ledger_site_folder(bench->site), HM_LEDGER_FILE, schema,
                                     HM_DATABASE_CHANGE, 0, &bench->err, &database));
    check_rc(HM_OK, hm_database_query_new(database, sql, &bench->err, &query));
    check_rc(HM_OK, hm_database_query_step(query, &bench->err, &has_row));
    number = has_row ? hm_database_query_get_int(query, 0) : 0;
    if (ret_blob != NULL)
        assert_int_equal(hm_buf_append(ret_blob, hm_database_query_get_blob(query, 1), NULL),
                         HM_OK);
    return number;
}

static void test_take__a_damaged_row_spoils_no_other(void **state)
{
    BUFS;
    struct hm_ledger_ask asks[2] = {HM_LEDGER_ASK_INIT, HM_LEDGER_ASK_INIT};
    struct client second = make_client("initrode", "second");

    enrol(bench, &bench->client);
    enrol(bench, &second);
    say(bench, &bench->client, bench->wanted, &note);
    say(bench, &second, bench->wanted, &other);
    (void)run_sql(bench,
                  "CREATE TRIGGER damage BEFORE INSERT ON delivery WHEN new.key = 1"
                  " BEGIN SELECT RAISE (ABORT, 'damaged'); END",
                  NULL);
    for (size_t i = 0; i < 2; i++) {
        asks[i].kind = HM_LEDGER_REQUEST;
        asks[i].account = "initrode";
        asks[i].body = hm_buf_bytes(i == 0 ? &note : &other);
    }
    check_rc(HM_OK, hm_ledger_take(ledger_of(bench), asks, 2, bench->now, &bench->err));
    assert_int_equal(asks[0].status, 503);
    assert_non_null(strstr(asks[0].why.text, "damaged"));
    assert_int_equal(asks[1].status, 200);
    hm_buf_done(&asks[0].answer);
    hm_buf_done(&asks[1].answer);
    /* Nothing of it was kept, and it may come again. */
    (void)run_sql(bench, "DROP TRIGGER damage", NULL);
    assert_int_equal(counts_of(bench).offered, 1);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
    client_done(&second);
}

/* A number that a row gave up is another key's. */
static void test_take__a_key_that_was_undone_is_forgotten(void **state)
{
    BUFS;
    struct hm_ledger_ask asks[2] = {HM_LEDGER_ASK_INIT, HM_LEDGER_ASK_INIT};
    struct client second = make_client("initrode", "second");

    key_note(bench, &bench->client, "initrode", &note);
    say(bench, &bench->client, bench->wanted, &other);
    asks[0].kind = HM_LEDGER_KEY;
    asks[0].body = hm_buf_bytes(&note);
    asks[1].kind = HM_LEDGER_REQUEST;
    asks[1].body = hm_buf_bytes(&other);
    asks[0].account = asks[1].account = "initrode";
    (void)run_sql(bench,
                  "CREATE TRIGGER gone BEFORE INSERT ON delivery"
                  " BEGIN SELECT RAISE (ROLLBACK, 'gone'); END",
                  NULL);
    assert_int_equal(hm_ledger_take(ledger_of(bench), asks, 2, bench->now, NULL), HM_EINTERNAL);
    assert_int_equal(asks[0].status, 503);
    (void)run_sql(bench, "DROP TRIGGER gone", NULL);
    hm_buf_done(&asks[0].answer);
    hm_buf_done(&asks[1].answer);
    enrol(bench, &second);
    hm_buf_clear(&note);
    say(bench, &second, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
    client_done(&second);
}

static void test_take__two_statements_for_one_place_are_kept(void **state)
{
    BUFS;
    _hm_done_(hm_buf_done) struct hm_buf kept = HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);
    struct client before;

    enrol(bench, &bench->client);
    before = bench->client;
    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
    bench->wanted.nonce.bytes[0] ^= 1;
    say(bench, &before, bench->wanted, &other);
    for (int i = 0; i < 2; i++) /* again, and it is kept once */
        assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &other, &answer), 409);
    assert_int_equal(run_sql(bench, "SELECT count(*), max(raw) FROM fork", &kept), 1);
    assert_true(hm_bytes_is_equal(hm_buf_bytes(&kept), hm_buf_bytes(&other)));
}

static void test_head__is_of_ones_own_key(void **state)
{
    BUFS;
    struct hm_statement head;

    enrol(bench, &bench->client);
    check_rc(HM_OK, hm_ledger_head(ledger_of(bench), "initrode", bench->client.key->name,
                                   bench->now, &bench->err, &note));
    head = site_says(bench, &note);
    assert_int_equal(head.event.epoch, 0);
    assert_int_equal(head.event.counter, 0);
    assert_int_equal(hm_ledger_head(ledger_of(bench), "umbrella", bench->client.key->name,
                                    bench->now, NULL, &other),
                     HM_ENOTFOUND);
    assert_int_equal(hm_ledger_head(ledger_of(bench), "initrode", "initrode/none-00000000",
                                    bench->now, NULL, &other),
                     HM_ENOTFOUND);
    assert_int_equal(answer.size, 0);
}

/* ---- the collector --------------------------------------------------------------------------- */

static void test_collect__counts_each_byte_once(void **state)
{
    struct bench *bench = *state;
    struct hm_ledger *ledger = ledger_of(bench);
    struct hm_sha256 source = {{1}}, other = {{2}};
    struct hm_ledger_position position;
    struct hm_ledger_transfer transfer = {
        .account = "", .path = PATH, .bytes = 3, .peer = "127.0.0.1", .door = "https"};

    check_rc(HM_OK, hm_ledger_position(ledger, &source, &bench->err, &position));
    assert_false(position.is_known || position.is_begun);
    check_rc(HM_EAGAIN, hm_ledger_collect(ledger, &source, 5, 10, &transfer, 1, &bench->err));
    check_rc(HM_OK, hm_ledger_collect(ledger, &source, 0, 10, &transfer, 1, &bench->err));
    check_rc(HM_EAGAIN, hm_ledger_collect(ledger, &source, 0, 10, &transfer, 1, &bench->err));
    check_rc(HM_OK, hm_ledger_gap(ledger, 1, 2, "the log was lost", &bench->err));
    check_rc(HM_OK, hm_ledger_take(ledger, NULL, 0, bench->now, &bench->err));
    reopen(bench);
    ledger = ledger_of(bench);
    check_rc(HM_OK, hm_ledger_position(ledger, &source, &bench->err, &position));
    assert_true(position.is_known && position.is_begun && position.taken_unix_s > 0);
    assert_int_equal(position.position, 10);
    check_rc(HM_OK, hm_ledger_position(ledger, &other, &bench->err, &position));
    assert_true(!position.is_known && position.is_begun);
    check_rc(HM_EUSAGE, hm_ledger_collect(ledger, &source, 10, 4, &transfer, 1, &bench->err));
    check_rc(HM_OK, hm_ledger_collect(ledger, &source, 10, 4, NULL, 0, &bench->err));
    assert_int_equal(counts_of(bench).unsigned_transfers, 1);
    assert_int_equal(counts_of(bench).gaps, 1);
}

/* ---- the log --------------------------------------------------------------------------------- */

static void get_proof(struct bench *bench, const struct hm_statement *statement,
                      const struct hm_sha256 *hash)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    char entry[HM_DELIVERY_LEAF_SIZE + 1];
    uint32_t wait_s = 0;

    check_rc(HM_OK,
             hm_ledger_proof(ledger_of(bench), "initrode", hash, &bench->err, &raw, &wait_s));
    check_rc(HM_OK, hm_proof_parse(hm_buf_bytes(&raw), &bench->err, &proof));
    check_rc(HM_OK, hm_delivery_leaf_write(&statement->nonce, hash, &bench->err, entry));
    check_rc(HM_OK,
             hm_proof_verify_entry(proof, hm_bytes_str(entry), bench->word->policy, bench->now,
                                   HM_LOG_POLICY_ANY_AGE, &bench->err, &checkpoint));
}

static void test_log__proves_offers_and_receipts(void **state)
{
    BUFS;
    struct hm_statement offer, receipt;
    struct hm_sha256 offer_hash, receipt_hash;
    uint32_t wait_s = 0;
    bool publish = false;

    get_offer(bench, &answer);
    offer = site_says(bench, &answer);
    offer_hash = hash_of(bench, hm_buf_bytes(&answer));
    check_rc(HM_EAGAIN, hm_ledger_proof(ledger_of(bench), "initrode", &offer_hash, &bench->err,
                                        &other, &wait_s));
    assert_int_equal(wait_s, HM_LEDGER_BATCH_S);
    assert_int_equal(counts_of(bench).leaves_pending, 2); /* of the key, too */
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now, &bench->err, &publish));
    assert_true(publish);
    check_rc(HM_EAGAIN, hm_ledger_proof(ledger_of(bench), "initrode", &offer_hash, &bench->err,
                                        &other, &wait_s));
    check_rc(HM_OK, hm_ledger_publish(ledger_of(bench), bench->now, &bench->err, &other));
    get_proof(bench, &offer, &offer_hash);
    say(bench, &bench->client, ack_of(bench, &answer), &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &answer), 200);
    receipt = site_says(bench, &answer);
    receipt_hash = hash_of(bench, hm_buf_bytes(&answer));
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now + 1, &bench->err, &publish));
    assert_false(publish); /* not due */
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now + HM_LEDGER_BATCH_S, &bench->err,
                                   &publish));
    assert_true(publish);
    check_rc(HM_OK, hm_ledger_publish(ledger_of(bench), bench->now, &bench->err, &other));
    reopen(bench);
    get_proof(bench, &offer, &offer_hash);
    get_proof(bench, &receipt, &receipt_hash);
    /* Another account, or another hash: nothing is told. */
    check_rc(HM_ENOTFOUND, hm_ledger_proof(ledger_of(bench), "umbrella", &offer_hash, &bench->err,
                                           &other, &wait_s));
    offer_hash.bytes[0] ^= 1;
    check_rc(HM_ENOTFOUND, hm_ledger_proof(ledger_of(bench), "initrode", &offer_hash, &bench->err,
                                           &other, &wait_s));
}

static void test_log__has_a_power_of_two_and_no_names(void **state)
{
    BUFS;
    bool publish = false;

    get_offer(bench, &answer);
    for (int i = 0; i < 3; i++) {
        hm_buf_clear(&note);
        say(bench, &bench->client, bench->wanted, &note);
        assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
    }
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now, &bench->err, &publish));
    hm_buf_clear(&other);
    check_rc(HM_OK, hm_ledger_publish(ledger_of(bench), bench->now, &bench->err, &other));
    world_read(bench->world, "public/deliveries/checkpoint", &other);
    assert_non_null(strstr(hm_buf_str(&other), "\n8\n")); /* five leaves: of a key, four offers */
    hm_buf_clear(&other);
    world_read(bench->world, "public/deliveries/tile/entries/000.p/8", &other);
    assert_null(memmem(other.data, other.size, "initrode", 8));
    assert_null(memmem(other.data, other.size, "acme", 4));
}

static void test_log__of_another_time_than_the_ledger_is_refused(void **state)
{
    BUFS;
    char from[700], to[700];
    bool publish = false;

    get_offer(bench, &answer);
    hm_ledger_site_free(bench->site);
    bench->site = NULL;
    (void)snprintf(from, sizeof(from), "%s/private/deliveries", bench->world->site);
    (void)snprintf(to, sizeof(to), "%s/kept", bench->world->dir);
    world_copy(from, to);
    check_rc(HM_OK, try_open(bench));
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now, &bench->err, &publish));
    check_rc(HM_OK, hm_ledger_publish(ledger_of(bench), bench->now, &bench->err, &other));
    hm_ledger_site_free(bench->site);
    bench->site = NULL;
    /* All of it is put back: the public checkpoint knows better. */
    (void)snprintf(from, sizeof(from), "%s/moved", bench->world->dir);
    (void)snprintf(to, sizeof(to), "%s/private/deliveries", bench->world->site);
    assert_int_equal(rename(to, from), 0);
    (void)snprintf(from, sizeof(from), "%s/kept", bench->world->dir);
    world_copy(from, to);
    check_rc(HM_EROLLBACK, try_open(bench));
    /* The database alone: the log knows better. */
    (void)snprintf(from, sizeof(from), "%s/private/deliveries/log", bench->world->site);
    (void)snprintf(to, sizeof(to), "%s/old-log", bench->world->dir);
    assert_int_equal(rename(from, to), 0);
    (void)snprintf(to, sizeof(to), "%s/moved/log", bench->world->dir);
    world_copy(to, from);
    check_rc(HM_EREFUSED, try_open(bench));
    assert_int_equal(note.size, 0);
}

/* ---- the list -------------------------------------------------------------------------------- */

static struct hm_ledger_list *open_list(struct bench *bench)
{
    _hm_free_(hm_site_free) struct hm_site *site = world_open(bench->world, HM_SITE_READ);
    struct hm_ledger_list *list = NULL;

    check_rc(HM_OK, hm_ledger_list_open(&site->private_dir, 1000, &bench->err, &list));
    return list;
}

struct seen {
    size_t count;
    struct hm_ledger_list_row last;
};

static enum hm_rc on_row(void *ctx, const struct hm_ledger_list_row *row, struct hm_err *err)
{
    struct seen *seen = ctx;

    seen->count++;
    seen->last = *row;
    return HM_OK;
}

static enum hm_rc on_transfer(void *ctx, const struct hm_ledger_list_transfer *transfer,
                              struct hm_err *err)
{
    (*(size_t *)ctx)++;
    return HM_OK;
}

static size_t listed(struct bench *bench, struct hm_ledger_list_filter filter)
{
    _hm_free_(hm_ledger_list_close) struct hm_ledger_list *list = open_list(bench);
    struct seen seen = {.count = 0};
    uint64_t counts[HM_DELIVERY_REJECTED + 1], sum = 0;

    check_rc(HM_OK, hm_ledger_list_each(list, &filter, on_row, &seen, &bench->err));
    check_rc(HM_OK, hm_ledger_list_count(list, &filter, &bench->err, counts));
    for (size_t i = 0; i < HM_ARRAY_COUNT(counts); i++)
        sum += counts[i];
    if (filter.state == HM_DELIVERY_NOTHING && filter.since_unix_s == 0 &&
        filter.until_unix_s == 0 && filter.limit == 0)
        assert_int_equal(sum, seen.count);
    return seen.count;
}

static void test_list__by_customer_image_state_and_time(void **state)
{
    BUFS;
    struct hm_sha256 none = {{1}};

    get_offer(bench, &answer);
    say(bench, &bench->client, ack_of(bench, &answer), &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 200);
    hm_buf_clear(&note);
    say(bench, &bench->client, bench->wanted, &note);
    assert_int_equal(ask(bench, HM_LEDGER_REQUEST, &note, &answer), 200);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.customer = NULL}), 2);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.limit = 1}), 1);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.customer = "initrode"}), 2);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.customer = "umbrella"}), 0);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.image = &bench->wanted.image}),
                     2);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.image = &none}), 0);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.path = PATH}), 2);
    assert_int_equal(
        listed(bench, (struct hm_ledger_list_filter){.customer = "initrode", .path = PATH}), 2);
    assert_int_equal(
        listed(bench, (struct hm_ledger_list_filter){.customer = "umbrella", .path = PATH}), 0);
    assert_int_equal(
        listed(bench, (struct hm_ledger_list_filter){.state = HM_DELIVERY_ACKNOWLEDGED}), 1);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.state = HM_DELIVERY_REJECTED}),
                     0);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.since_unix_s = bench->now}), 2);
    assert_int_equal(listed(bench, (struct hm_ledger_list_filter){.until_unix_s = bench->now}), 0);
}

static void test_list__of_what_nobody_signed_for(void **state)
{
    struct bench *bench = *state;
    struct hm_sha256 source = {{1}};
    struct hm_ledger_transfer transfer = {.account = "initrode",
                                          .path = PATH,
                                          .image = bench->wanted.image,
                                          .bytes = 3,
                                          .begin_unix_s = bench->now,
                                          .peer = "::1",
                                          .door = "https"};
    _hm_free_(hm_ledger_list_close) struct hm_ledger_list *list = open_list(bench);
    const struct hm_ledger_list_filter filters[] = {
        {.customer = NULL},           {.customer = "initrode"}, {.image = &bench->wanted.image},
        {.path = PATH, .limit = 1},   {.customer = "umbrella"}, {.path = "a/b/c/d"},
        {.until_unix_s = bench->now},
    };

    check_rc(HM_OK, hm_ledger_collect(ledger_of(bench), &source, 0, 9, &transfer, 1, &bench->err));
    check_rc(HM_OK, hm_ledger_take(ledger_of(bench), NULL, 0, bench->now, &bench->err));
    for (size_t i = 0; i < HM_ARRAY_COUNT(filters); i++) {
        size_t count = 0;

        check_rc(HM_OK,
                 hm_ledger_list_transfers(list, &filters[i], on_transfer, &count, &bench->err));
        assert_int_equal(count, i < 4);
    }
}

static void test_list__a_revoked_key_signs_nothing_more(void **state)
{
    BUFS;
    _hm_free_(hm_site_free) struct hm_site *site = world_open(bench->world, HM_SITE_READ);
    const struct hm_dir *dir = &site->private_dir;
    const char *name = bench->client.key->name;

    get_offer(bench, &answer);
    say(bench, &bench->client, ack_of(bench, &answer), &note);
    assert_int_equal(hm_ledger_list_revoke(dir, "initrode/none-00000000", bench->now, 0, NULL),
                     HM_ENOTFOUND);
    check_rc(HM_OK, hm_ledger_list_revoke(dir, name, bench->now, 0, &bench->err));
    assert_int_equal(hm_ledger_list_revoke(dir, name, bench->now, 0, NULL), HM_EREFUSED);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 403);
    hm_buf_clear(&note);
    key_note(bench, &bench->client, "initrode", &note);
    assert_int_equal(ask(bench, HM_LEDGER_KEY, &note, &other), 403);
}

static void test_list__gives_a_file_that_holds(void **state)
{
    BUFS;
    _hm_free_(hm_ledger_list_close) struct hm_ledger_list *list = open_list(bench);
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    struct hm_delivery_record record = HM_DELIVERY_RECORD_INIT;
    const struct hm_note_key *site_keys[] = {bench->word->key};
    const struct hm_delivery_keys keys = {.site = site_keys, .site_count = 1};
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    struct seen seen = {.count = 0};
    bool publish = false;

    get_offer(bench, &answer);
    say(bench, &bench->client, ack_of(bench, &answer), &note);
    assert_int_equal(ask(bench, HM_LEDGER_ANSWER, &note, &other), 200);
    check_rc(HM_OK, hm_ledger_tick(ledger_of(bench), bench->now, &bench->err, &publish));
    hm_buf_clear(&other);
    check_rc(HM_OK, hm_ledger_publish(ledger_of(bench), bench->now, &bench->err, &other));
    check_rc(HM_OK, hm_ledger_list_each(list, &(struct hm_ledger_list_filter){.customer = NULL},
                                        on_row, &seen, &bench->err));
    check_rc(HM_ENOTFOUND,
             hm_ledger_list_file(list, seen.last.id + 1, hm_ledger_site_public(bench->site),
                                 &bench->err, &file));
    check_rc(HM_OK, hm_ledger_list_file(list, seen.last.id, hm_ledger_site_public(bench->site),
                                        &bench->err, &file));
    check_rc(HM_OK, hm_delivery_file_verify(&file, &keys, &bench->err, &record));
    assert_true(record.delivery.is_receipted);
    assert_int_equal(record.delivery.state, HM_DELIVERY_ACKNOWLEDGED);
    check_rc(HM_OK, hm_delivery_file_prove(&file, &record, HM_DELIVERY_PART_RECEIPT_PROOF,
                                           bench->word->policy, &bench->err, &checkpoint));
    assert_true(hm_delivery_file_has(&file, HM_DELIVERY_PART_OFFER_PROOF));
    hm_delivery_file_record_done(&record);
}

static void test_open__one_process_at_a_time(void **state)
{
    struct bench *bench = *state;
    struct hm_ledger_site *second = NULL;

    assert_int_equal(hm_ledger_site_open(bench->world->site, NULL, NULL, &second), HM_EBUSY);
}

static void test_split__takes_paths_of_images_alone(void **state)
{
    static const char *const bad[] = {"",          "/",         "a/b/c",   "a/b/c/",  "a/b/c/d/",
                                      "a/b/c/d/e", "/a/b/c/d",  "a//c/d",  "A/b/c/d", "a/b/c/..",
                                      "a/../c/d",  "a/b/c/d\n", "a/b/c/.d"};
    struct hm_ledger_release_path path;

    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        if (hm_ledger_release_split(bad[i], NULL, &path) != HM_EFORMAT)
            fail_msg("'%s' was taken", bad[i]);
    assert_int_equal(hm_ledger_release_split("a/b/c/D.bin", NULL, &path), HM_OK);
    assert_true(hm_bytes_is_str(path.release, "a/b/c"));
    assert_true(hm_bytes_is_str(path.file, "D.bin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ledger_test(test_key__is_signed_by_both_and_kept),
        ledger_test(test_key__of_another_account_or_name_is_refused),
        ledger_test(test_request__of_an_unknown_key_takes_no_place),
        ledger_test(test_request__gets_one_offer),
        ledger_test(test_request__of_what_is_not_there_is_refused),
        ledger_test(test_request__without_a_grant_is_refused_for_good),
        ledger_test(test_request__out_of_order_gets_the_head),
        ledger_test(test_request__with_a_wrong_signature_or_form_is_refused),
        ledger_test(test_request__is_judged_by_the_log_not_by_the_folder),
        ledger_test(test_answer__gets_one_receipt),
        ledger_test(test_answer__once_and_to_ones_own_offer),
        ledger_test(test_answer__of_other_bytes_or_too_late_is_refused),
        ledger_test(test_answer__made_in_time_may_come_late),
        ledger_test(test_take__a_bad_one_spoils_no_other),
        ledger_test(test_take__a_damaged_row_spoils_no_other),
        ledger_test(test_take__a_key_that_was_undone_is_forgotten),
        ledger_test(test_take__two_statements_for_one_place_are_kept),
        ledger_test(test_head__is_of_ones_own_key),
        ledger_test(test_collect__counts_each_byte_once),
        ledger_test(test_log__proves_offers_and_receipts),
        ledger_test(test_log__has_a_power_of_two_and_no_names),
        ledger_test(test_log__of_another_time_than_the_ledger_is_refused),
        ledger_test(test_list__by_customer_image_state_and_time),
        ledger_test(test_list__of_what_nobody_signed_for),
        ledger_test(test_list__a_revoked_key_signs_nothing_more),
        ledger_test(test_list__gives_a_file_that_holds),
        ledger_test(test_open__one_process_at_a_time),
        cmocka_unit_test(test_split__takes_paths_of_images_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
