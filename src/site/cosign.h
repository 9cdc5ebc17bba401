/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cosignatures for a log of the site's: the witnesses of root's policy are asked, and what they
 * did is remembered (private/witnesses.json), for the next proof of consistency and for people.
 *
 * A witness that has seen more of the log than this site has is believed: this site's private
 * folder is then an older copy, or somebody else signs with the log's key, and nothing more is
 * signed until a person has looked (docs/operations.md).
 */
#ifndef HM_SITE_COSIGN_H
#define HM_SITE_COSIGN_H

#include "base/json_writer.h"
#include "tlog/log.h"
#include "tlog/log_policy.h"

#define HM_COSIGN_FILE          "witnesses.json" /* below private/ */
#define HM_COSIGN_FILE_SIZE_MAX 1048576
/* Those of a policy and of the one before it, and some that were removed. */
#define HM_COSIGN_MEMORY_COUNT_MAX 256

struct hm_cosign_options {
    const char *ca_file;  /* or NULL */
    uint32_t deadline_ms; /* for each witness; 0: the default */
    int64_t now_unix_s;
    const char *log; /* for sentences, "the deliveries log"; NULL: the release log, which alone has
                        a successor */
};

/* What is remembered of a witness. */
struct hm_cosign_witness {
    const char *vkey;
    uint64_t size;       /* of the log, as it said last; 0: never */
    uint64_t time_s;     /* of its last cosignature; 0: none */
    const char *failure; /* of the last time it was asked; NULL: it cosigned */
};

struct hm_cosign_memory {
    struct hm_cosign_witness *items;
    size_t count;
    char origin[HM_NOTE_KEY_NAME_SIZE_MAX + 1]; /* of the log that the sizes are of */
    struct hm_arena arena;
};

/* What is remembered of the log origin: empty where that is nothing, or of another log. HM_EFORMAT.
 */
HM_MUST_CHECK enum hm_rc hm_cosign_memory_load(const struct hm_dir *private_dir, const char *origin,
                                               struct hm_err *err,
                                               struct hm_cosign_memory **ret_memory);
void hm_cosign_memory_free(struct hm_cosign_memory *memory);
HM_DEFINE_FREE(hm_cosign_memory_free, struct hm_cosign_memory);
/* NULL: nothing. */
const struct hm_cosign_witness *hm_cosign_memory_find(const struct hm_cosign_memory *memory,
                                                      const struct hm_note_key *key);

/* "witnesses" of policy, an array: name, URL, and what is remembered of each. */
void hm_cosign_memory_json(const struct hm_cosign_memory *memory,
                           const struct hm_log_policy *policy, struct hm_json_writer *writer);

/* Asks the witnesses of policy, and of before (NULL: none), for the checkpoint, which the log has
 * signed just now, of all that it has. ret_note: the checkpoint with all their lines. report gets a
 * line for each. HM_EAGAIN: the quorum of policy is not met, and the message says who failed and
 * how; HM_EREFUSED: a witness has seen more. That before's quorum is not met is a warning: those
 * who know the new root do not go by it. */
HM_MUST_CHECK enum hm_rc
hm_cosign_gather(const struct hm_dir *private_dir, struct hm_log *log,
                 const struct hm_log_policy *policy, const struct hm_log_policy *before,
                 struct hm_bytes checkpoint, const struct hm_cosign_options *options,
                 struct hm_err *err, struct hm_buf *report, struct hm_buf *ret_note);

#endif
