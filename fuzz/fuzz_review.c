/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reviews: whatever a document holds, the text is printable, and each line has one of the shapes
 * that a review has: nothing in a document can forge a line.
 */
#include "fuzz.h"

#include "base/text.h"
#include "exchange/review.h"

static const char *const roles[] = {"root", "targets", "identity", "release~acme", "maker~acme"};

static bool has_prefix(const char *line, const char *prefix)
{
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

static void check_text(const char *role, const char *text)
{
    bool headline = false;

    for (const char *line = text; *line != '\0';) {
        const char *end = strchr(line, '\n');

        FUZZ_CHECK(end != NULL);
        for (const char *at = line; at < end; at++)
            FUZZ_CHECK((unsigned char)*at >= 0x20 && *at != 0x7f);
        if (has_prefix(line, "WARNING: ")) {
            FUZZ_CHECK(!headline && has_prefix(line + strlen("WARNING: "), role));
        } else if (has_prefix(line, role)) {
            FUZZ_CHECK(!headline);
            headline = true;
        } else {
            FUZZ_CHECK(headline && has_prefix(line, "    "));
        }
        line = end + 1;
    }
    FUZZ_CHECK(headline && hm_text_is_utf8(hm_bytes_str(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes after = hm_bytes_make(data, size);

    for (size_t i = 0; i < HM_ARRAY_COUNT(roles); i++) {
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(SIZE_MAX / 2);
        _hm_done_(hm_buf_done) struct hm_buf same = HM_BUF_INIT(SIZE_MAX / 2);

        if (hm_review_document(roles[i], HM_BYTES_EMPTY, after, NULL, &text) != HM_OK) {
            FUZZ_CHECK(text.size == 0);
            continue;
        }
        check_text(roles[i], hm_buf_str(&text));
        FUZZ_CHECK(hm_review_document(roles[i], after, after, NULL, &same) == HM_OK);
        check_text(roles[i], hm_buf_str(&same));
        FUZZ_CHECK(strstr(hm_buf_str(&same), "\n    nothing else changes\n") != NULL);
    }
    return 0;
}
