/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and headers of requests: what is served lies below the folders of a site, whatever was
 * asked; and nobody who was not granted an image gets it. The first line is the path, the second
 * the value of Range. */
#include "fuzz.h"

#include "base/dir.h"
#include "net/range.h"
#include "serve/decision.h"

static void check_range(const char *value, uint64_t size)
{
    const struct hm_range_request request = {.range = value, .if_none_match = value};
    struct hm_range range = hm_range_choose(&request, "\"1-2\"", size);

    FUZZ_CHECK(range.offset <= size && range.size <= size - range.offset);
    FUZZ_CHECK(range.status != 206 || range.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char empty[] = "hallmark-book 1\ngeneration 1\naccount a\nend 1\n";
    _hm_free_(hm_book_free) struct hm_book *book = NULL;
    _hm_free_(free) char *text = strndup((const char *)data, size);
    struct hm_decision_request request = {.method = "GET", .is_open = true};
    struct hm_decision decision;
    char *end;

    FUZZ_CHECK(text != NULL);
    FUZZ_CHECK(hm_book_parse(hm_bytes_str(empty), NULL, &book) == HM_OK);
    end = strchr(text, '\n');
    if (end != NULL) {
        *end = '\0';
        check_range(end + 1, 100);
        check_range(end + 1, 0);
        request.authorization = end + 1;
    }
    request.path = text;
    hm_decision_make(book, &request, &decision);
    if (decision.status != 200)
        return 0;
    FUZZ_CHECK(decision.kind == HM_DECISION_METADATA);
    FUZZ_CHECK(hm_dir_is_safe_path(decision.file));
    FUZZ_CHECK(strstr(decision.file, "/.") == NULL && decision.file[0] != '.');
    FUZZ_CHECK(strncmp(decision.file, "private", 7) != 0);
    return 0;
}
