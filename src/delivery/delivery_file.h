/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delivery file (docs/formats.md 22): all that is known of one delivery, as text that anybody can
 * check who knows the site's key. The client keeps one for each delivery, the site exports it.
 *
 *   hallmark/delivery-file v1
 *   ==> KIND <==
 *   | TEXT                      the lines of a note or of a tlog-proof; "|" for an empty one
 *
 * The parts, each once, in this order, those that there are: key, request, offer, answer, receipt,
 * offer-proof, receipt-proof. One content has one spelling.
 *
 * hm_delivery_file_parse looks at form alone. What the notes say counts after
 * hm_delivery_file_verify, and that they are in the deliveries log after hm_delivery_file_prove.
 */
#ifndef HM_DELIVERY_DELIVERY_FILE_H
#define HM_DELIVERY_DELIVERY_FILE_H

#include "delivery/delivery.h"
#include "tlog/log_policy.h"

/* A statement with two signatures; a proof with all a site's witnesses: also what the site's server
 * takes and gives at once. */
#define HM_DELIVERY_FILE_PART_SIZE_MAX 16384
/* Seven parts; a line of each grows by two bytes, and is rarely shorter than ten. */
#define HM_DELIVERY_FILE_SIZE_MAX ((size_t)262144)

enum hm_delivery_part {
    HM_DELIVERY_PART_KEY, /* the client's, signed by it and by the site */
    HM_DELIVERY_PART_REQUEST,
    HM_DELIVERY_PART_OFFER,
    HM_DELIVERY_PART_ANSWER, /* ack or reject */
    HM_DELIVERY_PART_RECEIPT,
    HM_DELIVERY_PART_OFFER_PROOF, /* C2SP tlog-proof */
    HM_DELIVERY_PART_RECEIPT_PROOF,
    HM_DELIVERY_PART_COUNT_
};

struct hm_delivery_file {
    struct hm_bytes parts[HM_DELIVERY_PART_COUNT_]; /* no bytes: not there */
    struct hm_arena arena;
};

#define HM_DELIVERY_FILE_INIT                                                                      \
    {                                                                                              \
        .arena = HM_ARENA_INIT                                                                     \
    }

/* "offer-proof", static. */
const char *hm_delivery_file_part_name(enum hm_delivery_part part);

/* Copies raw; *ret_file is the caller's to release. HM_EFORMAT naming the line: another form, no
 * part, a part twice or out of order, one that is no note or no proof. HM_EINPUT: the first line
 * names another version, or no delivery file. */
HM_MUST_CHECK enum hm_rc hm_delivery_file_parse(struct hm_bytes raw, struct hm_err *err,
                                                struct hm_delivery_file *ret_file);
/* Puts a copy of raw in the place of what stood there. HM_EFORMAT: it is no note or no proof. */
HM_MUST_CHECK enum hm_rc hm_delivery_file_put(struct hm_delivery_file *file,
                                              enum hm_delivery_part part, struct hm_bytes raw,
                                              struct hm_err *err);
/* Appends the file. HM_EUSAGE: it has no part. */
HM_MUST_CHECK enum hm_rc hm_delivery_file_write(const struct hm_delivery_file *file,
                                                struct hm_err *err, struct hm_buf *ret_buf);
void hm_delivery_file_done(struct hm_delivery_file *file);

static inline bool hm_delivery_file_has(const struct hm_delivery_file *file,
                                        enum hm_delivery_part part)
{
    return file->parts[part].size > 0;
}

/* Whose word counts. */
struct hm_delivery_keys {
    const struct hm_note_key *const *site; /* by root's word: today's, and those before it */
    size_t site_count;
    /* NULL: the one in the file's key note, which the site has signed. */
    const struct hm_note_key *client;
};

/* What the notes of a file say, each verified, together a delivery that may be. */
struct hm_delivery_record {
    struct hm_delivery delivery;
    bool has_key;            /* the file has a key note */
    struct hm_statement key; /* what it says */
    struct hm_sha256 key_hash;
    struct hm_note_key *client; /* what the client's statements were verified with */
    struct hm_arena arena;
};

#define HM_DELIVERY_RECORD_INIT                                                                    \
    {                                                                                              \
        .arena = HM_ARENA_INIT                                                                     \
    }

/* Verifies each note with its key and takes them in order (hm_delivery_take). HM_ESIGNATURE,
 * HM_EFORMAT, HM_EMISMATCH, HM_EREFUSED, HM_EEXPIRED, naming the part. HM_EINPUT: there are
 * client's statements and neither a key note nor keys->client. */
HM_MUST_CHECK enum hm_rc hm_delivery_file_verify(const struct hm_delivery_file *file,
                                                 const struct hm_delivery_keys *keys,
                                                 struct hm_err *err,
                                                 struct hm_delivery_record *ret_record);
void hm_delivery_file_record_done(struct hm_delivery_record *record);

/* Is this proof (HM_DELIVERY_PART_OFFER_PROOF or _RECEIPT_PROOF) of the record's statement, under a
 * checkpoint that satisfies the policy (cosigned whenever)? The checkpoint is the caller's to
 * compare with others. HM_ENOTFOUND: the file has no such proof; HM_EREFUSED: nor a statement of
 * it; else as hm_proof_verify. */
HM_MUST_CHECK enum hm_rc
hm_delivery_file_prove(const struct hm_delivery_file *file, const struct hm_delivery_record *record,
                       enum hm_delivery_part part, const struct hm_log_policy *policy,
                       struct hm_err *err, struct hm_checkpoint_signed **ret_checkpoint);

#endif
