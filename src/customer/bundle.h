/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle: what a site serves of some patterns, in one file, for a network without a connection
 * (docs/formats.md 12). A ustar archive in this order, each name once:
 *
 *   bundle.json        what it is (struct hm_bundle_head)
 *   metadata/NAME      as the site serves it, by the name it is asked for
 *   makers/ID/N.identity
 *   log/tile/...       the release log's hash tiles
 *   proofs/...         latest.tlog-proof, and where each release stands
 *   images/SHA256      each image once, by its digest in hexadecimal, ascending
 *
 * Nothing in it is believed: it takes the place of the site in the same client workflow, and what
 * bundle.json says is used to know what to ask for, and how old the bundle claims to be.
 */
#ifndef HM_CUSTOMER_BUNDLE_H
#define HM_CUSTOMER_BUNDLE_H

#include "base/arena.h"
#include "base/file.h"
#include "base/ustar.h"
#include "crypto/digest.h"
#include "net/fetch.h"

#define HM_BUNDLE_JSON_SIZE_MAX     1048576
#define HM_BUNDLE_PATTERN_COUNT_MAX 1024
/* Two machines' clocks: below this a bundle is not called of the future. */
#define HM_BUNDLE_CLOCK_SLACK_S    300
#define HM_BUNDLE_MEMBER_COUNT_MAX 2000000 /* all roles of a large site and a million images */
/* A longer name of metadata stands under its hash: ustar has room for 100 bytes. */
#define HM_BUNDLE_NAME_SIZE_MAX 88

struct hm_bundle_head {
    const char *site;
    int64_t created_unix_s;
    int64_t refreshed_unix_s; /* when the exporting side refreshed: the state is of then */
    int64_t expires_unix_s;   /* of timestamp.json, for people */
    const char **patterns;
    size_t pattern_count;
};

struct hm_bundle;

/* Reads bundle.json and where everything stands; no image is read. Takes the descriptor, of a
 * regular file. HM_EFORMAT: no bundle, another order, a name twice; HM_EINPUT: no regular file. */
HM_MUST_CHECK enum hm_rc hm_bundle_open_fd(int fd, const char *path, struct hm_err *err,
                                           struct hm_bundle **ret_bundle);
/* As hm_bundle_open_fd, for a path of the user's. */
HM_MUST_CHECK enum hm_rc hm_bundle_open(const char *path, struct hm_err *err,
                                        struct hm_bundle **ret_bundle);
void hm_bundle_free(struct hm_bundle *bundle);
HM_DEFINE_FREE(hm_bundle_free, struct hm_bundle);
/* Borrowed. */
const struct hm_bundle_head *hm_bundle_head(const struct hm_bundle *bundle);

/* How old a bundle may be. max_age_s: of an older refresh is HM_EEXPIRED; negative: any age.
 * accept_age_s: the operator's word that a state of up to then is good enough, which is then judged
 * as of its own time (older is HM_EEXPIRED); negative: it is judged as of now. The time is the
 * bundle's own claim; a lie can at most stretch to the expiry that is signed in its timestamp, as
 * the state must not have ended at that time. HM_ECLOCK: it is in the future. */
HM_MUST_CHECK enum hm_rc hm_bundle_judge(const struct hm_bundle_head *head, int64_t now_unix_s,
                                         int64_t max_age_s, int64_t accept_age_s,
                                         struct hm_err *err, int64_t *ret_judged_unix_s);

/* Appends "metadata/NAME" or "makers/ID/N.identity". HM_ENOTFOUND: it is not in the bundle;
 * HM_EFORMAT: larger than buf's maximum. */
HM_MUST_CHECK enum hm_rc hm_bundle_get(const struct hm_bundle *bundle, const char *name,
                                       struct hm_err *err, struct hm_buf *ret_buf);
/* Streams an image from offset on, of at most size_max bytes, as hm_fetch_stream does. */
HM_MUST_CHECK enum hm_rc hm_bundle_stream(const struct hm_bundle *bundle,
                                          const struct hm_sha256 *sha256, uint64_t offset,
                                          uint64_t size_max, const struct hm_fetch_sink *sink,
                                          struct hm_err *err);

/* Writing one: _open, then _add in the order above, then _commit. */
struct hm_bundle_writer {
    struct hm_file_writer file;
    struct hm_ustar_writer ustar;
};

#define HM_BUNDLE_WRITER_INIT                                                                      \
    {                                                                                              \
        .file = HM_FILE_WRITER_INIT                                                                \
    }

/* Nothing stands at name below dir before the commit. */
HM_MUST_CHECK enum hm_rc hm_bundle_writer_open(const struct hm_dir *dir, const char *name,
                                               const struct hm_bundle_head *head,
                                               struct hm_err *err,
                                               struct hm_bundle_writer *ret_writer);
/* name as for hm_bundle_get. */
HM_MUST_CHECK enum hm_rc hm_bundle_writer_add(struct hm_bundle_writer *writer, const char *name,
                                              struct hm_bytes bytes, struct hm_err *err);
/* size bytes of fd, from its start. */
HM_MUST_CHECK enum hm_rc hm_bundle_writer_add_image(struct hm_bundle_writer *writer,
                                                    const struct hm_sha256 *sha256, int fd,
                                                    uint64_t size, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_bundle_writer_commit(struct hm_bundle_writer *writer,
                                                 struct hm_err *err);
void hm_bundle_writer_done(struct hm_bundle_writer *writer);

#endif
