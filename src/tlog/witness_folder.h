/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A witness's folder (docs/formats.md, "The witness's folder"): its name and keys, and the logs
 * whose checkpoints it cosigns.
 *
 *   format                 "hallmark-witness 1\n"
 *   witness.json           its name
 *   key.pem  ml-dsa.pem    private keys, 0600, without a passphrase: a service starts by itself
 *   lock                   held by the one that serves
 *   logs/HASH/log.json     a log: origin, keys, URL; HASH is the SHA-256 of the origin
 *   logs/HASH/checkpoint   what was cosigned last (witness.h); stays when the log is removed
 *
 * Logs may be added and removed while the witness serves.
 */
#ifndef HM_TLOG_WITNESS_FOLDER_H
#define HM_TLOG_WITNESS_FOLDER_H

#include "base/dir.h"
#include "tlog/checkpoint.h"

#define HM_WITNESS_FOLDER_LOGS_MAX 4096 /* a public network's list has some hundreds */
#define HM_WITNESS_FOLDER_KEYS_MAX 4    /* of a log: Ed25519, ML-DSA-44, and the next of each */
#define HM_WITNESS_FOLDER_URL_MAX  2048
#define HM_WITNESS_FOLDER_HASH_HEX (2 * HM_SHA256_SIZE + 1)
#define HM_WITNESS_FOLDER_LOG_SIZE_MAX                                                             \
    (HM_WITNESS_FOLDER_KEYS_MAX * (HM_NOTE_KEY_TEXT_SIZE_MAX + 16) + HM_WITNESS_FOLDER_URL_MAX +   \
     4096)

/* A key of the witness's own. */
struct hm_witness_folder_key {
    struct hm_note_key *key; /* owned, both */
    struct hm_signer *signer;
};

struct hm_witness_folder {
    struct hm_dir dir;
    char *name; /* owned */
    struct hm_witness_folder_key keys[2];
    size_t key_count;
};

/* A log's state: the checkpoint's text, its keys' lines and the witness's own. */
#define HM_WITNESS_FOLDER_STATE_SIZE_MAX (HM_CHECKPOINT_TEXT_SIZE_MAX + 65536)

/* What was cosigned last of a log. */
struct hm_witness_folder_state {
    bool is_there; /* false: nothing yet; then the rest is the empty tree's */
    uint64_t size;
    struct hm_sha256 root;
    uint64_t time_s;    /* the latest of the witness's own lines */
    struct hm_buf note; /* the file's bytes */
};

#define HM_WITNESS_FOLDER_STATE_INIT                                                               \
    {                                                                                              \
        .note = HM_BUF_INIT(HM_WITNESS_FOLDER_STATE_SIZE_MAX)                                      \
    }

/* A log, as log.json says. */
struct hm_witness_folder_log {
    const char *origin;
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    struct hm_note_key *keys[HM_WITNESS_FOLDER_KEYS_MAX]; /* owned */
    size_t key_count;
    const char *url; /* where its tiles are, or NULL */
    struct hm_arena arena;
};

/* Makes a witness's folder with new keys. HM_EREFUSED: there is one; HM_EUSAGE: no name for a note
 * key; HM_EUNKNOWN: ML-DSA-44 is asked for, and the installed OpenSSL lacks it. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_init(const char *path, const char *name,
                                                bool with_ml_dsa, struct hm_err *err);
/* HM_EINPUT: there is none, with the way to make one; HM_EFORMAT, HM_EREFUSED: newer, or keys that
 * others may read. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_open(const char *path, struct hm_err *err,
                                                struct hm_witness_folder **ret_folder);
void hm_witness_folder_free(struct hm_witness_folder *folder);
HM_DEFINE_FREE(hm_witness_folder_free, struct hm_witness_folder);

/* Adds a log, or another key or URL to one. origin NULL: the key's name, as C2SP asks for. url
 * NULL: as before. HM_EUSAGE: a URL or origin that is none; HM_EREFUSED: too many keys or logs. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_add(const struct hm_witness_folder *folder,
                                               const char *vkey, const char *origin,
                                               const char *url, struct hm_err *err,
                                               struct hm_witness_folder_log **ret_log);
/* Cosigns for this log no more; what was cosigned stays known. HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_remove(const struct hm_witness_folder *folder,
                                                  const char *origin, struct hm_err *err);
/* The log of this hash (of the origin, in hexadecimal). HM_ENOTFOUND; HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_log_read(const struct hm_witness_folder *folder,
                                                    const char *hash, struct hm_err *err,
                                                    struct hm_witness_folder_log **ret_log);
void hm_witness_folder_log_free(struct hm_witness_folder_log *log);
HM_DEFINE_FREE(hm_witness_folder_log_free, struct hm_witness_folder_log);
/* The hashes of all logs, in the arena. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_list(const struct hm_witness_folder *folder,
                                                struct hm_arena *arena, struct hm_err *err,
                                                const char ***ret_hashes, size_t *ret_count);
/* Reads logs/HASH/checkpoint. A file that is none of this witness's, whole and for this log, is
 * HM_EFORMAT, HM_ESIGNATURE or HM_EMISMATCH: it is never "nothing yet". ret_state was initialised.
 */
HM_MUST_CHECK enum hm_rc hm_witness_folder_state_read(const struct hm_witness_folder *folder,
                                                      const char *hash, struct hm_err *err,
                                                      struct hm_witness_folder_state *ret_state);
/* Puts it in place, durably: state->note. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_state_write(const struct hm_witness_folder *folder,
                                                       const char *hash, struct hm_bytes note,
                                                       struct hm_err *err);
/* Writes the hash of an origin. */
HM_MUST_CHECK enum hm_rc hm_witness_folder_hash(struct hm_bytes origin, struct hm_err *err,
                                                char ret_hash[HM_WITNESS_FOLDER_HASH_HEX]);

#endif
