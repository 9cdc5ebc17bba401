/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log in memory and its keys, and cosigners, for tests of witnesses: entry I is "entry I", and in
 * a fork from index F on "fork I".
 */
#ifndef HM_TESTS_LOG_KIT_H
#define HM_TESTS_LOG_KIT_H

#include "tlog/checkpoint.h"
#include "tlog/merkle.h"

#define LOG_KIT_ORIGIN "log.example/acme"
#define LOG_KIT_TIME   1790000000

/* A name, a key and its private half; seeds are from 1 on, and the same give the same key. */
struct log_kit_signer {
    struct hm_note_key *key;
    struct hm_signer *signer;
};
struct log_kit_signer log_kit_signer_make(const char *name, enum hm_note_kind kind, uint8_t seed);
void log_kit_signer_done(struct log_kit_signer *signer);
/* Its vkey; valid until the fourth call from now. */
const char *log_kit_vkey(const struct log_kit_signer *signer);

#define LOG_KIT_NO_FORK UINT64_MAX

struct log_kit {
    struct log_kit_signer signer;
    uint64_t fork;        /* index of the first entry that is another */
    char *const *entries; /* NULL, or: the entries in place of those */
};

struct log_kit log_kit_make(void);
void log_kit_done(struct log_kit *kit);
struct hm_sha256 log_kit_root(const struct log_kit *kit, uint64_t size);
struct hm_merkle_proof log_kit_proof(const struct log_kit *kit, uint64_t old_size, uint64_t size);
/* The checkpoint's text, into a cleared buf. */
void log_kit_text(const struct log_kit *kit, uint64_t size, struct hm_buf *buf);
/* The note: text and the log's line. */
void log_kit_note(const struct log_kit *kit, uint64_t size, struct hm_buf *buf);
/* Body of a request: from old_size with the right proof. */
void log_kit_request(const struct log_kit *kit, uint64_t old_size, uint64_t size,
                     struct hm_buf *buf);

#endif
