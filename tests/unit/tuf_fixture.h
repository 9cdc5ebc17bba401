/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TUF repository in memory: made, signed and served through hm_client_source, with a log of what
 * was asked for. For tests alone: every failure ends the test.
 */
#ifndef HM_TESTS_TUF_FIXTURE_H
#define HM_TESTS_TUF_FIXTURE_H

#include "unit.h"

#include "crypto/signer.h"
#include "tuf/client.h"

#define FIXTURE_NOW       INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define FIXTURE_EXPIRES   (FIXTURE_NOW + 86400)
#define FIXTURE_FILES_MAX 512

enum fixture_key {
    FIXTURE_ROOT,
    FIXTURE_ROOT_2,
    FIXTURE_ROOT_NEW,
    FIXTURE_TIMESTAMP,
    FIXTURE_SNAPSHOT,
    FIXTURE_TARGETS,
    FIXTURE_A,
    FIXTURE_B,
    FIXTURE_STRANGER, /* in no document */
    FIXTURE_KEY_COUNT_
};

struct fixture_file {
    char *name;
    struct hm_buf raw;
};

struct fixture {
    struct hm_signer *signers[FIXTURE_KEY_COUNT_];
    /* The repository's state; change, then publish. */
    struct hm_root *root;
    struct hm_targets *targets;
    struct hm_snapshot *snapshot;
    struct hm_document timestamp;
    bool hashes; /* snapshot and timestamp state lengths and SHA-256 */
    /* What is served. */
    struct fixture_file files[FIXTURE_FILES_MAX];
    size_t file_count;
    char log[4096]; /* "2.root timestamp ...": names asked for, without ".json" */
    struct hm_client_source source;
    /* The client. */
    const struct hm_dir *dir;
    int64_t now_unix_s;
    bool require_hashes;
};

/* Version 1 of all roles is published (ed25519 keys, thresholds 1, consistent snapshots, targets
 * lists "file.bin" with the bytes "hello"), and the client's folder is initialised with root 1. */
void fixture_init(struct fixture *fx, const struct hm_dir *dir);
void fixture_done(struct fixture *fx);

const struct hm_key *fixture_key(const struct fixture *fx, enum fixture_key key);
/* The TUF key object of a key, to be put into JSON by hand. */
void fixture_key_json(const struct fixture *fx, enum fixture_key key, struct hm_buf *ret_json);

/* Signs the JSON of a "signed" object, whatever it says, and makes the envelope. */
void fixture_sign(const struct fixture *fx, struct hm_bytes json, const enum fixture_key *keys,
                  size_t key_count, struct hm_buf *ret_raw);
/* With one key. */
void fixture_sign_one(const struct fixture *fx, const char *json, enum fixture_key key,
                      struct hm_buf *ret_raw);
/* "{"signatures":[list],"signed":json}" as given. */
void fixture_wrap(const char *signatures, const char *json, struct hm_buf *ret_raw);

void fixture_serve(struct fixture *fx, const char *name, struct hm_bytes raw);
void fixture_withdraw(struct fixture *fx, const char *name);
struct hm_bytes fixture_served(const struct fixture *fx, const char *name);

/* Publishes the state under the version it has. */
void fixture_publish_root(struct fixture *fx, const enum fixture_key *keys, size_t key_count);
void fixture_publish_timestamp(struct fixture *fx);
void fixture_publish_snapshot(struct fixture *fx); /* and the timestamp's entry of it */
void fixture_publish_role(struct fixture *fx, const char *name, const struct hm_targets *role,
                          enum fixture_key key); /* and the snapshot's entry of it */
/* All of targets, snapshot and timestamp in their next version. */
void fixture_publish_next(struct fixture *fx);

/* A delegated role's content: version 1, listing path (unless NULL) with the bytes "hello". */
struct hm_targets *fixture_role(const char *path);
void fixture_put(struct hm_targets *role, const char *path, const char *content);
/* A delegation of one pattern to one key, threshold 1. */
void fixture_delegate(const struct fixture *fx, struct hm_targets *parent, const char *name,
                      enum fixture_key key, const char *pattern, bool terminating);

/* A client on the folder, as after a restart. */
struct hm_client *fixture_open(struct fixture *fx);
/* Opens, refreshes, closes. The log starts afresh. */
enum hm_rc fixture_refresh(struct fixture *fx, struct hm_err *err);
/* The version in the folder's NAME.json; 0 if there is none. */
int64_t fixture_stored(const struct fixture *fx, const char *name);
/* Whether the folder's NAME.json is byte for byte what is served as served_name. */
bool fixture_is_stored(const struct fixture *fx, const char *name, const char *served_name);

#endif
