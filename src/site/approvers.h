/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys by file: public keys as people hand them over (NAME.pub), those kept in
 * private/approvers/GROUP/, and the private keys on this machine (private/keys/).
 */
#ifndef HM_SITE_APPROVERS_H
#define HM_SITE_APPROVERS_H

#include "site/roles.h"

#define HM_APPROVERS_COUNT_MAX 1024 /* as many as a document holds keys */

struct hm_approver {
    const char *name; /* the file's name, without folder */
    struct hm_key *key;
};

struct hm_approvers {
    struct hm_approver *items; /* owned, with the keys */
    size_t count;
    struct hm_arena arena;
};

#define HM_APPROVERS_INIT                                                                          \
    {                                                                                              \
        .items = NULL, .count = 0, .arena = HM_ARENA_INIT                                          \
    }

void hm_approvers_done(struct hm_approvers *approvers);
/* Reads a .pub file of the user's. HM_EREFUSED: the same key is there already. HM_EFORMAT, also for
 * a private key, which does not belong here. */
HM_MUST_CHECK enum hm_rc hm_approvers_read(struct hm_approvers *approvers, const char *path,
                                           struct hm_err *err);
/* Takes key. */
HM_MUST_CHECK enum hm_rc hm_approvers_add(struct hm_approvers *approvers, const char *name,
                                          struct hm_key *key, struct hm_err *err);
/* The keys as hm_targets_delegate and hm_root_set_role take them; in the list's arena. */
HM_MUST_CHECK enum hm_rc hm_approvers_keys(struct hm_approvers *approvers, struct hm_err *err,
                                           const struct hm_key *const **ret_keys);

/* Writes each key to private/approvers/GROUP/NAME. */
HM_MUST_CHECK enum hm_rc hm_approvers_store(const struct hm_dir *private_dir, const char *group,
                                            const struct hm_approvers *approvers,
                                            struct hm_err *err);
/* Appends those of one group; HM_OK with none added where there is no such group. */
HM_MUST_CHECK enum hm_rc hm_approvers_load_group(const struct hm_dir *private_dir,
                                                 const char *group, struct hm_err *err,
                                                 struct hm_approvers *approvers);
/* All groups, for names; a key that stands in several comes once. */
HM_MUST_CHECK enum hm_rc hm_approvers_load(const struct hm_site *site, struct hm_err *err,
                                           struct hm_approvers *ret_approvers);
/* The file name of the key with this id, or NULL. */
const char *hm_approvers_name(const struct hm_approvers *approvers, const char *id);

/* What the name of a file in private/keys/ says that its key is for. */
enum hm_approvers_kind {
    HM_APPROVERS_ONLINE,   /* online*.pem: snapshot and timestamp */
    HM_APPROVERS_LOG,      /* log.pem, log-*.pem: checkpoints of the release log */
    HM_APPROVERS_DELIVERY, /* delivery*.pem, deliveries-log*.pem: delivery_keys.h */
    HM_APPROVERS_TRIAL,    /* all others, which only a trial site has */
};

/* The private keys of one kind. Encrypted ones are HM_EFORMAT: nobody can be asked. */
HM_MUST_CHECK enum hm_rc hm_approvers_signers(const struct hm_dir *private_dir,
                                              enum hm_approvers_kind kind, struct hm_err *err,
                                              struct hm_signers *signers);
/* Writes private/keys/NAME.pem (0600), never over another file: HM_EREFUSED. */
HM_MUST_CHECK enum hm_rc hm_approvers_store_signer(const struct hm_dir *private_dir,
                                                   const char *name, const struct hm_signer *signer,
                                                   struct hm_err *err);

/* True if the signers at hand meet the threshold of keys. */
bool hm_approvers_can_sign(const struct hm_signers *signers, const struct hm_role_keys *keys);
/* An envelope around canonical, signed with each signer that one of the groups lists. HM_EINPUT: a
 * group's threshold cannot be met with these keys; what names the role. */
HM_MUST_CHECK enum hm_rc hm_approvers_sign(const struct hm_signers *signers, const char *what,
                                           struct hm_bytes canonical,
                                           const struct hm_role_keys *const *groups,
                                           size_t group_count, struct hm_err *err,
                                           struct hm_buf *ret_envelope);

#endif
