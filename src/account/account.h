/* SPDX-License-Identifier: Apache-2.0 */
/* One customer's account: who it is, its tokens, and what it may download. */
#ifndef HM_ACCOUNT_ACCOUNT_H
#define HM_ACCOUNT_ACCOUNT_H

#include "account/accounts.h"
#include "account/grant.h"
#include "account/token.h"
#include "base/arena.h"
#include "crypto/sha1.h"

/* In the place of a customer's name: a grant to everybody who has an account. */
#define HM_ACCOUNT_EVERYONE ""

struct hm_account {
    int64_t id;
    const char *name;
    const char *title;
    int64_t created_unix_s;
    bool is_disabled;
};

/* What is known of a token: all but its secret. */
struct hm_account_token {
    uint32_t number;
    const char *label;
    int64_t created_unix_s;
    int64_t expires_unix_s; /* 0: never */
    int64_t revoked_unix_s; /* 0: not */
    struct hm_sha256 sha256;
    struct hm_sha1 sha1;
};

/* A new customer. HM_EUSAGE: no name for one; HM_EREFUSED: there is one of this name, also a
 * disabled one: names are never used twice. */
HM_MUST_CHECK enum hm_rc hm_account_add(struct hm_accounts *accounts,
                                        const struct hm_accounts_change *change, const char *name,
                                        const char *title, struct hm_err *err);
/* HM_EINPUT: no such customer. Texts are in the arena. */
HM_MUST_CHECK enum hm_rc hm_account_find(struct hm_accounts *accounts, const char *name,
                                         struct hm_arena *arena, struct hm_err *err,
                                         struct hm_account *ret_account);
/* All, by name. */
HM_MUST_CHECK enum hm_rc hm_account_list(struct hm_accounts *accounts, struct hm_arena *arena,
                                         struct hm_err *err, struct hm_account **ret_accounts,
                                         size_t *ret_count);
/* Disables a customer (no token of his counts), or enables him again. HM_EREFUSED: it is so
 * already. */
HM_MUST_CHECK enum hm_rc hm_account_disable(struct hm_accounts *accounts,
                                            const struct hm_accounts_change *change,
                                            const char *name, bool is_disabled, const char *reason,
                                            struct hm_err *err);

/* --- tokens --- */

/* A new token; the text is NUL-terminated and is nowhere else. expires 0: never. */
HM_MUST_CHECK enum hm_rc hm_account_token_add(struct hm_accounts *accounts,
                                              const struct hm_accounts_change *change,
                                              const char *name, const char *label,
                                              int64_t expires_unix_s, struct hm_err *err,
                                              uint32_t *ret_number,
                                              char ret_text[HM_TOKEN_SIZE_MAX + 1]);
/* A new token in the place of one, which goes on until ends_unix_s (but not longer than it would
 * have). HM_EREFUSED: the old one counts no more. */
HM_MUST_CHECK enum hm_rc hm_account_token_rotate(struct hm_accounts *accounts,
                                                 const struct hm_accounts_change *change,
                                                 const char *name, uint32_t number,
                                                 int64_t ends_unix_s, int64_t expires_unix_s,
                                                 struct hm_err *err, uint32_t *ret_number,
                                                 char ret_text[HM_TOKEN_SIZE_MAX + 1]);
/* HM_EINPUT: no such token; HM_EREFUSED: revoked already. */
HM_MUST_CHECK enum hm_rc hm_account_token_revoke(struct hm_accounts *accounts,
                                                 const struct hm_accounts_change *change,
                                                 const char *name, uint32_t number,
                                                 const char *reason, struct hm_err *err);
/* All that there ever were, by number. */
HM_MUST_CHECK enum hm_rc hm_account_token_list(struct hm_accounts *accounts,
                                               const struct hm_account *account,
                                               struct hm_arena *arena, struct hm_err *err,
                                               struct hm_account_token **ret_tokens,
                                               size_t *ret_count);
static inline bool hm_account_token_counts(const struct hm_account_token *token, int64_t now_unix_s)
{
    return token->revoked_unix_s == 0 &&
           (token->expires_unix_s == 0 || now_unix_s < token->expires_unix_s);
}

/* --- grants --- */

/* Grants a pattern, as people type it, to a customer or HM_ACCOUNT_EVERYONE. HM_EREFUSED: granted
 * already. ret_text: the pattern as it is kept. */
HM_MUST_CHECK enum hm_rc hm_account_grant(struct hm_accounts *accounts,
                                          const struct hm_accounts_change *change, const char *name,
                                          const char *pattern, const char *reason,
                                          struct hm_err *err, char ret_text[HM_GRANT_SIZE_MAX]);
/* HM_EINPUT: this pattern was not granted; others that reach as far stay. */
HM_MUST_CHECK enum hm_rc hm_account_revoke(struct hm_accounts *accounts,
                                           const struct hm_accounts_change *change,
                                           const char *name, const char *pattern,
                                           const char *reason, struct hm_err *err,
                                           char ret_text[HM_GRANT_SIZE_MAX]);
/* Sorted. account NULL: those to everybody. */
HM_MUST_CHECK enum hm_rc hm_account_grants(struct hm_accounts *accounts,
                                           const struct hm_account *account, struct hm_arena *arena,
                                           struct hm_err *err, const char ***ret_patterns,
                                           size_t *ret_count);

#endif
