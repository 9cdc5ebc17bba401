/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backup of a site consists of (docs/formats.md 24): the text "manifest" in it.
 *
 *   hallmark/backup v1
 *   site NAME
 *   made TIME
 *   keys with|without             private keys
 *   root N                        versions that are published; 0: none
 *   timestamp N
 *   log SIZE                      of the release log, up to the newest snapshot's entry
 *   customers GENERATION          of accounts.db; 0: there is none
 *   folder MODE PATH          *   ascending by path, folders and files together
 *   file MODE SIZE TIME MEMBER SHA256 PATH
 *   end COUNT SHA256              of folders and files; of all bytes before this line
 *
 * MODE is octal, four digits; TIME of a file is nanoseconds since 1970; MEMBER says which member of
 * an archive the bytes are (0 in a folder). Paths are below the site's folder, and begin with
 * "public/" or "private/"; that of a folder ends in '/'.
 */
#ifndef HM_CARE_MANIFEST_H
#define HM_CARE_MANIFEST_H

#include "base/dir.h"
#include "crypto/digest.h"

#define HM_MANIFEST_NAME      "manifest"
#define HM_MANIFEST_PATH_MAX  1024     /* that of a target has some 350 bytes */
#define HM_MANIFEST_COUNT_MAX 16000000 /* files and folders; 4 files a role, tiles, images */
/* 200 bytes for each of them, and some that are longer. */
#define HM_MANIFEST_SIZE_MAX ((size_t)4 << 30)

struct hm_manifest_item {
    const char *path;
    bool is_folder;
    uint32_t mode;
    uint64_t size;
    uint64_t time_ns;
    uint64_t member; /* from 1; 0: none */
    struct hm_sha256 sha256;
    bool is_new; /* not of the text: written by this run, to be read back */
};

struct hm_manifest {
    const char *site;
    int64_t made_unix_s;
    bool has_keys;
    uint64_t root, timestamp, log_size, customers;
    struct hm_manifest_item *items; /* ascending by path */
    size_t count, capacity;
    struct hm_arena arena;
};

/* Copies what it keeps. HM_EFORMAT with the number of the line; HM_EREFUSED: of a newer version. */
HM_MUST_CHECK enum hm_rc hm_manifest_parse(struct hm_bytes raw, struct hm_err *err,
                                           struct hm_manifest **ret_manifest);
/* Appends the text. HM_EUSAGE if it would not parse. */
HM_MUST_CHECK enum hm_rc hm_manifest_write(const struct hm_manifest *manifest, struct hm_err *err,
                                           struct hm_buf *ret_text);
HM_MUST_CHECK enum hm_rc hm_manifest_new(struct hm_err *err, struct hm_manifest **ret_manifest);
void hm_manifest_free(struct hm_manifest *manifest);
HM_DEFINE_FREE(hm_manifest_free, struct hm_manifest);

/* Adds a copy of item behind the others. HM_EUSAGE: no path for a backup (not below public/ or
 * private/, or with control characters). */
HM_MUST_CHECK enum hm_rc hm_manifest_add(struct hm_manifest *manifest,
                                         const struct hm_manifest_item *item, struct hm_err *err);
/* NULL: none of this path. */
struct hm_manifest_item *hm_manifest_find(const struct hm_manifest *manifest, const char *path);

#endif
