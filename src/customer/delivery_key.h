/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key that this machine signs its statements of deliveries with, one for each site, made on
 * first need: key.pem (0600) and key.note, the statement that says whose it is, signed by itself
 * and, once it is enrolled, by the site.
 */
#ifndef HM_CUSTOMER_DELIVERY_KEY_H
#define HM_CUSTOMER_DELIVERY_KEY_H

#include "base/dir.h"
#include "delivery/delivery_file.h"

#define HM_DELIVERY_KEY_PEM       "key.pem"
#define HM_DELIVERY_KEY_NOTE      "key.note"
#define HM_DELIVERY_KEY_HOST_SIZE 64 /* of the machine's name; the rest is cut */

struct hm_delivery_key {
    struct hm_signer *signer;
    struct hm_note_key *key;
    struct hm_buf note;
    bool is_enrolled; /* the site's key of today has signed the note */
    bool is_made;     /* now, and nothing was ever signed with it */
};

#define HM_DELIVERY_KEY_INIT                                                                       \
    {                                                                                              \
        .signer = NULL, .note = HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX)                        \
    }

/* Whose it is to be. */
struct hm_delivery_owner {
    const char *site;
    const char *account;
    const struct hm_note_key *site_key;
    int64_t now_unix_s;
};

/* The account of a token CUSTOMER.NUMBER.SECRET, in the arena. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_delivery_key_account(const char *token, struct hm_arena *arena,
                                                 struct hm_err *err, const char **ret_account);
/* Opens the folder's key, or makes one where there is none, or it is of another account.
 * HM_EFORMAT: key.pem and key.note do not belong together. The caller holds the folder's lock. */
HM_MUST_CHECK enum hm_rc hm_delivery_key_open(const struct hm_dir *dir,
                                              const struct hm_delivery_owner *owner,
                                              struct hm_err *err, struct hm_delivery_key *ret_key);
/* Appends the note as the key alone has signed it: what is sent to be enrolled. */
HM_MUST_CHECK enum hm_rc hm_delivery_key_write(const struct hm_delivery_key *key,
                                               struct hm_err *err, struct hm_buf *ret_note);
/* The site's answer to the key's note: the same text, signed by both. Kept, flushed. HM_EREFUSED:
 * it is another text; HM_ESIGNATURE. */
HM_MUST_CHECK enum hm_rc hm_delivery_key_enrol(struct hm_delivery_key *key,
                                               const struct hm_dir *dir,
                                               const struct hm_delivery_owner *owner,
                                               struct hm_bytes answer, struct hm_err *err);
/* Puts key and order aside, in old/NAME/: the next hm_delivery_key_open makes another key. */
HM_MUST_CHECK enum hm_rc hm_delivery_key_retire(const struct hm_dir *dir, struct hm_err *err);
void hm_delivery_key_done(struct hm_delivery_key *key);

#endif
