/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A customer's client against a ledger, without HTTP: for figures (bench_ledger.c) and for faults
 * (tests/fault/ledger_driver.c). It ends the program where anything is not as it must be.
 */
#ifndef HM_BENCH_LEDGER_CLIENT_H
#define HM_BENCH_LEDGER_CLIENT_H

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "base/time.h"
#include "ledger/ledger_site.h"
#include "site/tree.h"
#include "tlog/merkle.h"
#include "tlog/where.h"

#define CLIENT_CUSTOMER "dc1"

struct ledger_client {
    struct hm_signer *signer;
    struct hm_note_key *key;
    struct hm_statement wanted; /* the request, without event */
    uint64_t counter;
    struct hm_sha256 last;
    struct hm_arena arena;
};

static inline void client_must(enum hm_rc rc, const struct hm_err *err)
{
    if (rc == HM_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", hm_error_name(rc), err->text);
    exit(4);
}

static inline bool client_granted(void *ctx, const char *account, struct hm_bytes maker,
                                  struct hm_bytes product, struct hm_bytes version)
{
    (void)ctx;
    (void)maker;
    (void)product;
    (void)version;
    return strcmp(account, CLIENT_CUSTOMER) == 0;
}

static inline struct hm_ledger_site *client_open(const char *site)
{
    struct hm_ledger_site_options options = {
        .is_granted = client_granted, .batch_s = 1, .now_unix_s = hm_time_now_unix_s()};
    struct hm_ledger_site *opened = NULL;
    struct hm_err err = HM_ERR_INIT;

    client_must(hm_ledger_site_open(site, &options, &err, &opened), &err);
    return opened;
}

/* What the site publishes of path. */
static inline void client_read(struct ledger_client *client, const struct hm_dir *public_dir,
                               const char *site, const char *path)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    _hm_free_(hm_where_free) struct hm_where *where = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_err err = HM_ERR_INIT;
    char name[512];

    (void)snprintf(name, sizeof(name), "proofs/%.*s", (int)(strrchr(path, '/') - path), path);
    client_must(hm_dir_read(public_dir, name, &err, &raw), &err);
    client_must(hm_where_parse(hm_buf_bytes(&raw), &err, &where), &err);
    client_must(hm_entry_parse(where->release, &err, &entry), &err);
    client_must(hm_digest_new(HM_DIGEST_SHA256, &err, &digest), &err);
    client->wanted = (struct hm_statement){.kind = HM_STATEMENT_REQUEST,
                                           .site = site,
                                           .account = CLIENT_CUSTOMER,
                                           .entry_index = where->release_index,
                                           .path = path,
                                           .image = entry->images[0].sha256,
                                           .length = entry->images[0].length,
                                           .checkpoint_size = 1,
                                           .program = "a program of tests"};
    client_must(hm_merkle_leaf(digest, where->release, &err, &client->wanted.entry), &err);
}

static inline void client_key(struct ledger_client *client)
{
    struct hm_note_key *nameless = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 hash;
    char hex[HM_SHA256_HEX_SIZE], name[128];

    client_must(hm_signer_generate("ed25519", &err, &client->signer), &err);
    client_must(
        hm_note_key_make("x", HM_NOTE_ED25519, hm_signer_key(client->signer), &err, &nameless),
        &err);
    client_must(
        hm_digest_sha256(hm_bytes_make(nameless->public, nameless->public_size), &err, &hash),
        &err);
    hm_note_key_free(nameless);
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(name, sizeof(name), CLIENT_CUSTOMER "/host-%.8s", hex);
    client_must(
        hm_note_key_make(name, HM_NOTE_ED25519, hm_signer_key(client->signer), &err, &client->key),
        &err);
}

static inline void client_done(struct ledger_client *client)
{
    hm_note_key_free(client->key);
    hm_signer_free(client->signer);
}

static inline void client_sign(const struct ledger_client *client,
                               const struct hm_statement *statement, struct hm_buf *note,
                               struct hm_sha256 *ret_hash)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    hm_buf_clear(note);
    client_must(hm_statement_write(statement, &err, &text), &err);
    client_must(hm_statement_hash(hm_buf_bytes(&text), &err, ret_hash), &err);
    client_must(hm_note_write_text(hm_buf_bytes(&text), &err, note), &err);
    client_must(hm_note_sign(hm_buf_bytes(&text), client->key, client->signer, 0, &err, note),
                &err);
}

/* The next statement of the key: a request, or the ack of an offer (its hash). */
static inline void client_say(struct ledger_client *client, const struct hm_sha256 *offer,
                              struct hm_buf *note)
{
    struct hm_statement statement = client->wanted;

    statement.kind = offer == NULL ? HM_STATEMENT_REQUEST : HM_STATEMENT_ACK;
    if (offer != NULL)
        statement.offer = *offer;
    statement.client = client->key->name;
    statement.event = (struct hm_statement_event){1, client->counter + 1, client->last};
    statement.time_unix_s = hm_time_now_unix_s();
    client_sign(client, &statement, note, &client->last);
    client->counter++;
}

static inline void client_key_note(struct ledger_client *client, struct hm_buf *note)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);
    struct hm_statement statement = {.kind = HM_STATEMENT_KEY,
                                     .site = client->wanted.site,
                                     .account = CLIENT_CUSTOMER,
                                     .client = client->key->name,
                                     .time_unix_s = hm_time_now_unix_s()};
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 hash;

    client_must(hm_note_key_write(client->key, &err, &vkey), &err);
    statement.key = hm_buf_str(&vkey);
    client_sign(client, &statement, note, &hash);
}

/* The hash of what a note says. */
static inline struct hm_sha256 client_hash(const struct hm_buf *note)
{
    _hm_free_(hm_note_free) struct hm_note *parsed = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 hash;

    client_must(hm_note_parse(hm_buf_bytes(note), &err, &parsed), &err);
    client_must(hm_statement_hash(parsed->text, &err, &hash), &err);
    return hash;
}

#endif
