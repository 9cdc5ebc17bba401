/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of a delivery (docs/formats.md 20): what a customer's client and a site say of one
 * image, each the text of a signed note, each naming the one before by its hash.
 *
 *   request   client   this image of this release is asked for
 *   offer     site     these bytes, under this label, until then
 *   ack       client   these bytes were received and verified
 *   reject    client   what was received is not that, and why
 *   receipt   site     both sides' statements are kept: what was meant, how much was written
 *   key       both     this key speaks for this account
 *   head      site     the newest statement of this key that the site has
 *
 * A statement has one spelling: what is read and written again is the same text.
 */
#ifndef HM_DELIVERY_STATEMENT_H
#define HM_DELIVERY_STATEMENT_H

#include "base/arena.h"
#include "crypto/digest.h"
#include "tlog/note.h"

#define HM_STATEMENT_SIZE_MAX      8192 /* each has some 15 lines, of which three hold text */
#define HM_STATEMENT_TEXT_SIZE_MAX 512  /* of a label, a key's or a server's name, a program */
#define HM_STATEMENT_NONCE_SIZE    32

enum hm_statement_kind {
    HM_STATEMENT_REQUEST,
    HM_STATEMENT_OFFER,
    HM_STATEMENT_ACK,
    HM_STATEMENT_REJECT,
    HM_STATEMENT_RECEIPT,
    HM_STATEMENT_KEY,
    HM_STATEMENT_HEAD,
    HM_STATEMENT_KIND_COUNT_
};

/* Why a client did not take what it received. */
enum hm_statement_reason {
    HM_STATEMENT_DIGEST,   /* other bytes than those offered */
    HM_STATEMENT_LENGTH,   /* fewer or more */
    HM_STATEMENT_BROKEN,   /* the transfer ended early */
    HM_STATEMENT_VERDICT,  /* the right bytes, which the client's rules refuse */
    HM_STATEMENT_RECALLED, /* recalled since it was offered */
    HM_STATEMENT_REASON_COUNT_
};

/* A place in the order of one client key's own statements. */
struct hm_statement_event {
    uint64_t epoch;            /* from 1; a new one where the client lost its state */
    uint64_t counter;          /* from 1 in each epoch */
    struct hm_sha256 previous; /* statement: 32 zeros before the first of all */
};

/* Members that the kind does not have are zero. Texts are in the arena of whoever parsed. */
struct hm_statement {
    enum hm_statement_kind kind;
    const char *site;
    const char *account; /* request, key: the customer */
    const char *client;  /* request, ack, reject, key, head: the name of the client's key */
    struct hm_sha256 request, offer, answer; /* hashes of earlier statements */
    uint64_t entry_index;                    /* request, offer: the release's entry in the log */
    struct hm_sha256 entry;                  /* its leaf hash */
    const char *key;                         /* key: its vkey */
    const char *path;                        /* request, offer, receipt */
    const char *label;                       /* offer: the version as it is printed */
    struct hm_sha256 image;                  /* ack, reject: as received; else as meant */
    uint64_t length;
    uint64_t checkpoint_size; /* request: the newest checkpoint that the client has seen */
    struct hm_sha256 checkpoint_root;
    struct hm_statement_event event; /* request, ack, reject; head: the newest, or all zero */
    struct hm_sha256 nonce;          /* request, offer; receipt: the salt of its leaf */
    const char *edge;                /* offer: which server sends it */
    const char *program;             /* ack, reject: what verified */
    enum hm_statement_reason reason; /* reject */
    uint64_t written;                /* receipt: bytes that the server wrote */
    int64_t time_unix_s;
    int64_t expires_unix_s; /* offer */
};

/* "hallmark/delivery-request v1". */
const char *hm_statement_kind_name(enum hm_statement_kind kind);
/* "digest", "length"... */
const char *hm_statement_reason_name(enum hm_statement_reason reason);

/* HM_EFORMAT naming the line and what it is not. */
HM_MUST_CHECK enum hm_rc hm_statement_parse(struct hm_bytes text, struct hm_arena *arena,
                                            struct hm_err *err, struct hm_statement *ret_statement);
/* Appends the text. HM_EUSAGE: a member that no statement may have. */
HM_MUST_CHECK enum hm_rc hm_statement_write(const struct hm_statement *statement,
                                            struct hm_err *err, struct hm_buf *ret_text);
/* What later statements name it by: SHA-256 of its text, without signatures. */
HM_MUST_CHECK enum hm_rc hm_statement_hash(struct hm_bytes text, struct hm_err *err,
                                           struct hm_sha256 *ret_hash);
/* A statement out of a note that this key has signed; *ret_hash is its. HM_ESIGNATURE; HM_EFORMAT;
 * HM_EMISMATCH: a client's statement that names another key than the one that signed. */
HM_MUST_CHECK enum hm_rc hm_statement_verify(struct hm_bytes raw, const struct hm_note_key *key,
                                             struct hm_arena *arena, struct hm_err *err,
                                             struct hm_statement *ret_statement,
                                             struct hm_sha256 *ret_hash);

#endif
