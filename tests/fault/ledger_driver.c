/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's ledger and its client in one process, for tests that make system calls fail:
 *
 *   ledger_driver run SITE NAME PATH   three times three deliveries, two batches each; says what it
 *                                      was answered: "offer HASH", "receipt HASH"
 *   ledger_driver check SITE           reads such lines: each statement is kept and proved
 */
#include "../../bench/ledger_client.h"

#define GROUP 3

static void tell(const char *what, const struct hm_sha256 *hash)
{
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(hash->bytes, HM_SHA256_SIZE), hex);
    (void)printf("%s %s\n", what, hex);
    (void)fflush(stdout); /* what was told before a crash was told */
}

/* A take that fails did nothing: the same again is answered. */
static void take(struct hm_ledger *ledger, struct hm_ledger_ask *asks, size_t count)
{
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;

    for (int i = 0; i < 2; i++) {
        rc = hm_ledger_take(ledger, asks, count, hm_time_now_unix_s(), &err);
        if (rc == HM_OK)
            break;
        (void)fprintf(stderr, "refused: %s\n", err.text);
    }
    client_must(rc, &err);
    for (size_t i = 0; i < count; i++)
        if (asks[i].status != 200) {
            (void)fprintf(stderr, "%u: %s", asks[i].status, hm_buf_str(&asks[i].answer));
            exit(5);
        }
}

static void work_log(struct hm_ledger *ledger)
{
    static int64_t later;
    _hm_done_(hm_buf_done) struct hm_buf report = HM_BUF_INIT(65536);
    struct hm_err err = HM_ERR_INIT;
    bool publish = false;

    later += 2;
    client_must(hm_ledger_tick(ledger, hm_time_now_unix_s() + later, &err, &publish), &err);
    if (publish)
        client_must(hm_ledger_publish(ledger, hm_time_now_unix_s(), &err, &report), &err);
}

static void deliver(struct hm_ledger *ledger, struct ledger_client *client)
{
    struct hm_buf notes[GROUP];
    struct hm_ledger_ask asks[GROUP];
    struct hm_sha256 hashes[GROUP];

    for (size_t i = 0; i < GROUP; i++) {
        notes[i] = (struct hm_buf)HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);
        asks[i] = (struct hm_ledger_ask)HM_LEDGER_ASK_INIT;
        asks[i].kind = HM_LEDGER_REQUEST;
        asks[i].account = CLIENT_CUSTOMER;
        client_say(client, NULL, &notes[i]);
        asks[i].body = hm_buf_bytes(&notes[i]);
    }
    take(ledger, asks, GROUP);
    for (size_t i = 0; i < GROUP; i++) {
        hashes[i] = client_hash(&asks[i].answer);
        tell("offer", &hashes[i]);
    }
    for (size_t i = 0; i < GROUP; i++) {
        client_say(client, &hashes[i], &notes[i]);
        asks[i].kind = HM_LEDGER_ANSWER;
        asks[i].body = hm_buf_bytes(&notes[i]);
    }
    take(ledger, asks, GROUP);
    for (size_t i = 0; i < GROUP; i++) {
        hashes[i] = client_hash(&asks[i].answer);
        tell("receipt", &hashes[i]);
        hm_buf_done(&notes[i]);
        hm_buf_done(&asks[i].answer);
    }
}

static int run(const char *site, const char *name, const char *path)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_LEDGER_BODY_SIZE_MAX);
    struct hm_ledger_site *opened = client_open(site);
    struct hm_ledger *ledger = hm_ledger_site_ledger(opened);
    struct hm_ledger_ask ask = HM_LEDGER_ASK_INIT;
    struct ledger_client client = {.counter = 0};

    client_read(&client, hm_ledger_site_public(opened), name, path);
    client_key(&client);
    client_key_note(&client, &note);
    ask.kind = HM_LEDGER_KEY;
    ask.account = CLIENT_CUSTOMER;
    ask.body = hm_buf_bytes(&note);
    take(ledger, &ask, 1);
    for (int i = 0; i < GROUP; i++) {
        deliver(ledger, &client);
        work_log(ledger);
    }
    hm_buf_done(&ask.answer);
    client_done(&client);
    hm_ledger_site_free(opened);
    return 0;
}

static int check(const char *site)
{
    struct hm_ledger_site *opened = client_open(site);
    struct hm_ledger *ledger = hm_ledger_site_ledger(opened);
    char what[16], hex[HM_SHA256_HEX_SIZE];

    work_log(ledger);
    work_log(ledger);
    while (scanf("%15s %64s", what, hex) == 2) {
        _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
        struct hm_err err = HM_ERR_INIT;
        struct hm_sha256 hash;
        uint32_t wait_s = 0;

        client_must(hm_text_unhex(hm_bytes_str(hex), hash.bytes, HM_SHA256_SIZE), &err);
        client_must(hm_ledger_proof(ledger, CLIENT_CUSTOMER, &hash, &err, &proof, &wait_s), &err);
    }
    hm_ledger_site_free(opened);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3], argv[4]);
    if (argc == 3 && strcmp(argv[1], "check") == 0)
        return check(argv[2]);
    (void)fprintf(stderr, "usage: ledger_driver run SITE NAME PATH | check SITE\n");
    return 2;
}
