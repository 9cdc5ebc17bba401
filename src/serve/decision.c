/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on requests. See decision.h. */
#include "serve/decision.h"

#include "base/text.h"

#define PART_COUNT_MAX 16

/* --- paths --- */

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("._+~-", c) != NULL;
}

/* Decodes text; false for what a site's paths never have: characters that need no encoding there,
 * and those that encoded would mean something else. */
static bool decode(const char *text, char *ret_text, size_t size)
{
    size_t at = 0;

    for (; *text != '\0'; text++) {
        uint8_t byte = 0;
        char c = *text;

        if (c == '%') {
            if (text[1] == '\0' || text[2] == '\0' ||
                hm_text_unhex(hm_bytes_make(text + 1, 2), &byte, 1) != HM_OK || byte == 0 ||
                !is_plain((char)byte))
                return false;
            c = (char)byte;
            text += 2;
        } else if (c != '/' && !is_plain(c)) {
            return false;
        }
        if (at + 1 >= size)
            return false;
        ret_text[at++] = c;
    }
    ret_text[at] = '\0';
    return true;
}

/* The parts of path; 0 for one with an empty part or one that begins with a dot: such files are no
 * part of a site (what is being written has such names). */
static size_t split(const char *path, struct hm_bytes parts[PART_COUNT_MAX])
{
    size_t count = 0;

    for (;;) {
        const char *end = strchrnul(path, '/');

        if (count == PART_COUNT_MAX || end == path || path[0] == '.')
            return 0;
        parts[count++] = hm_bytes_make(path, (size_t)(end - path));
        if (*end == '\0')
            return count;
        path = end + 1;
    }
}

static bool is_image(const struct hm_bytes *parts, size_t count)
{
    return count == 5 && hm_text_is_name(parts[1]) && hm_text_is_name(parts[2]) &&
           hm_text_is_name(parts[3]);
}

static bool is_recall(const struct hm_bytes *parts, size_t count)
{
    return count == 4 && hm_bytes_is_str(parts[1], "recalls");
}

enum hm_decision_kind hm_decision_read_path(const char *path,
                                            char ret_file[HM_DECISION_PATH_SIZE_MAX])
{
    static const char *const folders[] = {"metadata", "log",  "proofs",
                                          "makers",   "csaf", "deliveries"};
    struct hm_bytes parts[PART_COUNT_MAX];
    size_t count;

    if (path[0] != '/' || !decode(path + 1, ret_file, HM_DECISION_PATH_SIZE_MAX))
        return HM_DECISION_NOTHING;
    count = split(ret_file, parts);
    if (count == 1 && hm_bytes_is_str(parts[0], "hallmark.trust"))
        return HM_DECISION_METADATA;
    for (size_t i = 0; count > 1 && i < HM_ARRAY_COUNT(folders); i++)
        if (hm_bytes_is_str(parts[0], folders[i]))
            return HM_DECISION_METADATA;
    if (count == 0 || !hm_bytes_is_str(parts[0], "targets"))
        return HM_DECISION_NOTHING;
    if (is_recall(parts, count))
        return HM_DECISION_METADATA;
    return is_image(parts, count) ? HM_DECISION_IMAGE : HM_DECISION_NOTHING;
}

/* --- decisions --- */

static bool is_granted(const struct hm_book *book, const struct hm_decision *decision)
{
    struct hm_bytes parts[PART_COUNT_MAX];

    return split(decision->file, parts) == 5 &&
           hm_book_is_granted(book, decision->account, parts[1], parts[2], parts[3]);
}

void hm_decision_make(const struct hm_book *book, const struct hm_decision_request *request,
                      struct hm_decision *ret_decision)
{
    struct hm_decision *decision = ret_decision;

    *decision = (struct hm_decision){.status = 404};
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        decision->status = 405;
        return;
    }
    decision->kind = hm_decision_read_path(request->path, decision->file);
    if (decision->kind == HM_DECISION_METADATA && request->is_open) {
        decision->status = 200;
        return;
    }
    if (hm_book_authenticate(book, request->authorization, request->now_unix_s, NULL,
                             &decision->account, &decision->token) != HM_OK) {
        decision->status = 401;
        return;
    }
    if (decision->kind == HM_DECISION_METADATA)
        decision->status = 200;
    else if (decision->kind == HM_DECISION_IMAGE)
        decision->status = is_granted(book, decision) ? 200 : 403;
}

const char *hm_decision_words(unsigned status)
{
    switch (status) {
    case 401:
        return "a token that counts is needed\n";
    case 403:
        return "this is not granted to this customer\n";
    case 405:
        return "GET and HEAD are answered\n";
    case 503:
        return "no decision can be made now\n";
    default:
        return "there is nothing here\n";
    }
}
