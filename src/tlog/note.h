/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes (C2SP signed-note v1.0.0): text for people and programs, signed by several keys.
 *
 *   text            lines of UTF-8 without control characters, the last with its newline
 *   empty line      the last one in the note
 *   1 or more of    "— NAME BASE64(id || signature)\n", id 4 bytes, big-endian
 *
 * Nothing of a note may be used before hm_note_verify has said HM_OK.
 */
#ifndef HM_TLOG_NOTE_H
#define HM_TLOG_NOTE_H

#include "base/arena.h"
#include "tlog/note_key.h"

#define HM_NOTE_SIZE_MAX 1048576 /* x/mod/sumdb/note takes 1,000,000 */
#define HM_NOTE_SIGNATURE_COUNT_MAX                                                                \
    128 /* all logs and witnesses of the largest policy; C2SP: 16                                  \
         */

struct hm_note_signature {
    struct hm_bytes name;
    uint32_t id;
    struct hm_bytes bytes; /* after the id */
    struct hm_bytes line;  /* as it stands, with its newline */
};

struct hm_note {
    struct hm_bytes text; /* with its last newline */
    struct hm_note_signature *signatures;
    size_t signature_count;
    struct hm_bytes raw; /* the whole note */
    struct hm_arena arena;
};

/* What hm_note_verify found out about one of the keys. */
struct hm_note_verdict {
    bool is_signed;  /* its signature is there, and valid */
    uint64_t time_s; /* of a cosignature, else 0 */
};

/* Copies raw. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_note_parse(struct hm_bytes raw, struct hm_err *err,
                                       struct hm_note **ret_note);
/* HM_OK: at least one of the keys has signed, and no signature of any of them is wrong. Lines of
 * other keys are ignored; a key that cannot be used here (key->key NULL) counts as other.
 * HM_ESIGNATURE: none of them has signed, or a signature is wrong. HM_EFORMAT: two lines by one of
 * the keys, or a cosignature of a text that is no checkpoint. ret_verdicts has key_count places, or
 * is NULL. */
HM_MUST_CHECK enum hm_rc hm_note_verify(const struct hm_note *note,
                                        const struct hm_note_key *const *keys, size_t key_count,
                                        struct hm_err *err, struct hm_note_verdict *ret_verdicts);
void hm_note_free(struct hm_note *note);
HM_DEFINE_FREE(hm_note_free, struct hm_note);

/* Appends the text and the empty line, ready for signature lines. HM_EUSAGE if text cannot be a
 * note's. */
HM_MUST_CHECK enum hm_rc hm_note_write_text(struct hm_bytes text, struct hm_err *err,
                                            struct hm_buf *ret_buf);
/* Appends one signature line. Errors as hm_note_key_sign. */
HM_MUST_CHECK enum hm_rc hm_note_sign(struct hm_bytes text, const struct hm_note_key *key,
                                      const struct hm_signer *signer, uint64_t time_s,
                                      struct hm_err *err, struct hm_buf *ret_buf);
/* Appends one signature line of a signature that came from elsewhere. */
HM_MUST_CHECK enum hm_rc hm_note_write_signature(struct hm_bytes name, uint32_t id,
                                                 struct hm_bytes signature, struct hm_err *err,
                                                 struct hm_buf *ret_buf);
/* Parses signature lines alone (a witness's answer): one or more of them, nothing else. The lines
 * are in a note whose text is empty. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_note_parse_signatures(struct hm_bytes raw, struct hm_err *err,
                                                  struct hm_note **ret_note);

#endif
