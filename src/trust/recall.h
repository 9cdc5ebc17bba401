/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recalls (docs/formats.md 19): what recalls~vendor and recalls~ID take back, by digest. A recall
 * is a target recalls/ID/NAME.json, whose bytes are a CSAF document for people and tools; what
 * clients act on is the target's custom, signed with it:
 *
 *   {"recall": {"date": TIME, "digests": [HEX...], "reason": TEXT, "remedy": TEXT}}
 *
 * The vendor's recalls reach every file of the site, a maker's those of that maker alone. None is
 * ever dropped or altered: lifting one takes a release of the maker's product "lifted", signed as
 * every release is.
 */
#ifndef HM_TRUST_RECALL_H
#define HM_TRUST_RECALL_H

#include "base/json_writer.h"
#include "trust/layout.h"

#define HM_RECALL_COUNT_MAX        8192 /* of one site, for ever: a dozen a week for ten years */
#define HM_RECALL_DIGEST_COUNT_MAX 512  /* they fit into an entry of the log */
#define HM_RECALL_TEXT_SIZE_MAX    400  /* reason and remedy: both fit into one sentence */
#define HM_RECALL_CUSTOM_SIZE_MAX  65536
#define HM_RECALL_NAME_SIZE_MAX    48 /* and a lifting release has it as its version */
#define HM_RECALL_PATH_SIZE_MAX    128
#define HM_RECALL_VENDOR           "vendor"
#define HM_RECALL_LIFTED           "lifted" /* the product whose releases lift recalls */

struct hm_recall {
    const char *path; /* recalls/ID/NAME.json */
    const char *id;   /* HM_RECALL_VENDOR, or a maker's */
    const char *name;
    const char *reason;
    const char *remedy;
    int64_t date_unix_s;
    struct hm_sha256 *digests; /* ascending */
    size_t digest_count;
};

/* A site's recalls, each path once, in the order they were added. */
struct hm_recalls {
    struct hm_recall **items;
    size_t count, capacity;
    struct hm_recall_place *places; /* by digest; made by hm_recalls_seal */
    size_t place_count;
    struct hm_arena arena;
};
struct hm_recall_place {
    struct hm_sha256 digest;
    const struct hm_recall *recall;
};

void hm_recall_set_done(struct hm_recalls *recalls);
/* Copies. A path that is there already keeps what it said and gains digests: nothing that was taken
 * back comes back. HM_EFORMAT past a limit. */
HM_MUST_CHECK enum hm_rc hm_recall_set_add(struct hm_recalls *recalls,
                                           const struct hm_recall *recall, struct hm_err *err);
/* Adds all that a role lists, recalls~vendor or recalls~ID (called name), which is verified.
 * HM_EREFUSED: it is for another site, or lists what is no recall of this ID. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_recall_set_add_role(struct hm_recalls *recalls, const char *name,
                                                const struct hm_targets *role, const char *site,
                                                struct hm_err *err);
/* Makes what hm_recall_set_find searches, after the last addition. */
HM_MUST_CHECK enum hm_rc hm_recall_set_seal(struct hm_recalls *recalls, struct hm_err *err);
/* A recall of this digest that reaches files of maker; NULL in the place of maker: any that has it.
 * *cursor is 0 at first; the next call gives the next one. NULL: no more. */
const struct hm_recall *hm_recall_set_find(const struct hm_recalls *recalls,
                                           const struct hm_sha256 *digest, const char *maker,
                                           size_t *cursor);

/* The parts of recalls/ID/NAME.json. ID is "vendor" or a maker's; NAME is 1 to 48 of a-z, 0-9, '+'
 * and '-', letter or digit first: so it stays the same where CSAF makes a file name of it.
 * HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_recall_parse_path(struct hm_bytes path, struct hm_err *err,
                                              struct hm_bytes *ret_id, struct hm_bytes *ret_name);
/* Reads a target; strings in arena. HM_EFORMAT, HM_EREFUSED naming the rule. */
HM_MUST_CHECK enum hm_rc hm_recall_read(const struct hm_target *target, struct hm_arena *arena,
                                        struct hm_err *err, struct hm_recall *ret_recall);
/* True if both take back the same for the same reason, whenever. */
bool hm_recall_is_same(const struct hm_recall *a, const struct hm_recall *b);
/* Appends custom. HM_EUSAGE if it would not be read: digests unsorted or twice, texts too long. */
HM_MUST_CHECK enum hm_rc hm_recall_write_custom(const struct hm_recall *recall, struct hm_err *err,
                                                struct hm_buf *ret_json);
/* Members of one recall in an open JSON object, as in custom; and their reader, for files of our
 * own that keep recalls. */
void hm_recall_write_members(const struct hm_recall *recall, struct hm_json_writer *writer);
/* HM_EUNKNOWN: key is none of them. */
HM_MUST_CHECK enum hm_rc hm_recall_parse_member(struct hm_json *json, struct hm_bytes key,
                                                struct hm_arena *arena, struct hm_err *err,
                                                struct hm_recall *recall);
/* All members were there, and are good. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_recall_check(const struct hm_recall *recall, struct hm_err *err);

#endif
