/* SPDX-License-Identifier: Apache-2.0 */
/* The book of accounts: what is taken is in order, and whatever header asks, nobody gets in by
 * another name. */
#include "fuzz.h"

#include "account/book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_book_free) struct hm_book *book = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_TOKEN_SIZE_MAX);
    const struct hm_bytes raw = hm_bytes_make(data, size);
    struct hm_token token;

    if (hm_token_parse_header(raw, NULL, &buf, &token) == HM_OK) {
        FUZZ_CHECK(hm_token_is_account_name(token.account));
        FUZZ_CHECK(token.number >= 1 && token.number <= HM_TOKEN_NUMBER_MAX);
        FUZZ_CHECK(token.secret.size == HM_TOKEN_SECRET_SIZE);
    }
    if (hm_book_parse(raw, NULL, &book) != HM_OK)
        return 0;
    for (size_t i = 0; i < book->account_count; i++) {
        const struct hm_book_account *account = &book->accounts[i];

        FUZZ_CHECK(hm_token_is_account_name(hm_bytes_str(account->name)));
        FUZZ_CHECK(i == 0 || strcmp(book->accounts[i - 1].name, account->name) < 0);
        for (size_t j = 1; j < account->token_count; j++)
            FUZZ_CHECK(account->tokens[j - 1].number < account->tokens[j].number);
        (void)hm_book_is_granted(book, account, HM_BYTES_LITERAL("acme"), HM_BYTES_LITERAL("nic"),
                                 HM_BYTES_LITERAL("1.0"));
    }
    return 0;
}
