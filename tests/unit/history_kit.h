/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's history in memory, for tests of those who read all of it: documents of every version, as
 * served, and the entries of its release log. A test changes the parts, signs what changed, adds
 * entries, and closes the batch; or bends any of these.
 */
#ifndef HM_TESTS_HISTORY_KIT_H
#define HM_TESTS_HISTORY_KIT_H

#include "trust_kit.h"

#include "tlog/release_map.h"
#include "trust/history.h"
#include "tuf/snapshot.h"

#define HISTORY_KIT_FILES_MAX   512
#define HISTORY_KIT_ENTRIES_MAX 256
#define HISTORY_KIT_ROOTS_MAX   4

struct history_kit_file {
    char *name;
    struct hm_buf raw;
};

struct history_kit {
    struct kit_site site;         /* acme (maker) and bolt (attested) */
    struct hm_targets *bolt;      /* release~bolt */
    struct hm_targets *recalls;   /* recalls~acme */
    char x_hallmark[2048];        /* of roots to come */
    enum kit_key online;          /* signs snapshots */
    int64_t expires;              /* of what is signed next */
    struct hm_snapshot *snapshot; /* the one to come */
    struct hm_entry_document root;
    int64_t root_version;
    /* What is served: below public/. */
    struct history_kit_file files[HISTORY_KIT_FILES_MAX];
    size_t file_count;
    const char *broken; /* getting a file whose name has this in it fails with HM_ENETWORK */
    /* The log. */
    char *entries[HISTORY_KIT_ENTRIES_MAX]; /* owned */
    size_t count;
    size_t batch_first; /* of the batch that is open */
    struct hm_release_store_memory *memory;
    struct hm_release_store store;
    struct hm_release_map *map; /* of all entries so far that count */
    struct hm_sha256 false_map; /* where is_map_false: named in its place */
    bool is_map_false;
    const char *voids; /* lines for the next snapshot entry, or NULL */
};

/* Root 1 with this x-hallmark, and a first batch that is not closed: all roles of kit_site in
 * version 1, its two makers, three files of acme in two releases. */
void history_kit_init(struct history_kit *kit, const char *x_hallmark);
void history_kit_done(struct history_kit *kit);

/* Serves "metadata/NAME" and so on. */
void history_kit_serve(struct history_kit *kit, const char *name, struct hm_bytes raw);
void history_kit_withdraw(struct history_kit *kit, const char *name);
struct hm_bytes history_kit_served(const struct history_kit *kit, const char *name);

/* Root in its next version, of kit->online and kit->x_hallmark; and its entry. */
void history_kit_root(struct history_kit *kit);
void history_kit_root_entry(struct history_kit *kit);
/* The identity of acme in this version (1 or 2), served. */
void history_kit_identity(struct history_kit *kit, int64_t version);

/* Signs a role of kit->site and the like by name, in its next version, serves it, and puts it into
 * the coming snapshot. "targets" writes the layout of its parts. */
void history_kit_sign(struct history_kit *kit, const char *role);
/* The same for any document. */
void history_kit_sign_as(struct history_kit *kit, const char *role, struct hm_targets *content,
                         int64_t version, const enum kit_key *keys, size_t key_count);
/* The version that the coming snapshot names; 0: none. */
int64_t history_kit_version(const struct history_kit *kit, const char *role);

/* Entries; one that counts goes into the map. */
HM_PRINTF(3, 4)
void history_kit_entry(struct history_kit *kit, bool counts, const char *format, ...);
/* The entry of a release (ID/PRODUCT/VERSION) as the vendor's role, which is given, lists it. */
void history_kit_release(struct history_kit *kit, const char *path);
void history_kit_maker(struct history_kit *kit, const char *id);
/* Puts files of both roles of acme (or the one of bolt), "PATH LETTER". */
void history_kit_put(struct history_kit *kit, const char *path, char letter);
/* Signs the snapshot in its next version and adds its entry. */
void history_kit_close(struct history_kit *kit);
/* In this version, without adding to it; its entry names count entries in front of it. */
void history_kit_close_as(struct history_kit *kit, int64_t version, size_t count);

/* As config needs them. */
struct hm_client_source history_kit_metadata(struct history_kit *kit);
struct hm_client_source history_kit_makers(struct history_kit *kit);
struct hm_replay_entries history_kit_entries(struct history_kit *kit);

#endif
