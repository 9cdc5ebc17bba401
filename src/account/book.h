/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book: what a decision needs of all accounts, as one text that processes without a database
 * read (docs/formats.md 16). It has digests of secrets, and no secret.
 *
 *     hallmark-book 1
 *     generation N
 *     everyone PATTERN             ascending
 *     account NAME                 ascending; those that are enabled
 *     token NUMBER SHA256 EXPIRES  ascending; seconds since 1970, 0: never
 *     grant PATTERN                ascending
 *     end COUNT                    of accounts: whatever comes in between was whole
 */
#ifndef HM_ACCOUNT_BOOK_H
#define HM_ACCOUNT_BOOK_H

#include "account/account.h"

/* A million tokens of 90 bytes, a million grants of as many. */
#define HM_BOOK_SIZE_MAX ((size_t)256 << 20)

struct hm_book_token {
    uint32_t number;
    int64_t expires_unix_s; /* 0: never */
    struct hm_sha256 sha256;
};

struct hm_book_account {
    const char *name;
    const struct hm_book_token *tokens;
    size_t token_count;
    const struct hm_grant *grants;
    size_t grant_count;
};

struct hm_book {
    uint64_t generation;
    const struct hm_grant *everyone;
    size_t everyone_count;
    const struct hm_book_account *accounts;
    size_t account_count;
    /* private: */
    struct hm_arena arena;
};

/* Copies; HM_EFORMAT naming line and rule. */
HM_MUST_CHECK enum hm_rc hm_book_parse(struct hm_bytes raw, struct hm_err *err,
                                       struct hm_book **ret_book);
void hm_book_free(struct hm_book *book);
HM_DEFINE_FREE(hm_book_free, struct hm_book);
/* Told of each token that is in the book: of account name. */
typedef enum hm_rc hm_book_token_fn(void *ctx, const char *name,
                                    const struct hm_account_token *token, struct hm_err *err);
/* Appends the text of what the accounts are now: those enabled, with tokens that count. One
 * transaction. fn may be NULL. */
HM_MUST_CHECK enum hm_rc hm_book_write(struct hm_accounts *accounts, int64_t now_unix_s,
                                       hm_book_token_fn *fn, void *ctx, struct hm_err *err,
                                       struct hm_buf *ret_text);

/* Who asks: the value of an Authorization header (NULL: none). HM_EREFUSED for whatever does not
 * count, in one and the same sentence. */
HM_MUST_CHECK enum hm_rc hm_book_authenticate(const struct hm_book *book, const char *authorization,
                                              int64_t now_unix_s, struct hm_err *err,
                                              const struct hm_book_account **ret_account,
                                              uint32_t *ret_token);
/* The account of this name; NULL: there is none that is enabled. */
const struct hm_book_account *hm_book_find(const struct hm_book *book, struct hm_bytes name);
/* May he have the files of this release? */
bool hm_book_is_granted(const struct hm_book *book, const struct hm_book_account *account,
                        struct hm_bytes maker, struct hm_bytes product, struct hm_bytes version);

#endif
