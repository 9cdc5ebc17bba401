/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of digests as sha256sum writes them. See sums.h. */
#include "monitor/sums.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define HEX_SIZE ((size_t)2 * HM_SHA256_SIZE)

void hm_sums_done(struct hm_sums *sums)
{
    free(sums->sums);
    hm_arena_done(&sums->arena);
    *sums = (struct hm_sums)HM_SUMS_INIT;
}

static int compare(const void *a, const void *b)
{
    const struct hm_sum *left = a;
    const struct hm_sum *right = b;
    int order = hm_bytes_compare(left->name, right->name);

    return order != 0 ? order : memcmp(left->sha256.bytes, right->sha256.bytes, HM_SHA256_SIZE);
}

void hm_sums_sort(struct hm_sums *sums)
{
    if (sums->count > 1)
        qsort(sums->sums, sums->count, sizeof(*sums->sums), compare);
}

enum hm_rc hm_sums_add(struct hm_sums *sums, struct hm_bytes name, const struct hm_sha256 *sha256,
                       struct hm_err *err)
{
    struct hm_sum sum = {.sha256 = *sha256};

    if (sums->count == HM_SUMS_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d digests", HM_SUMS_COUNT_MAX);
    if (sums->count == sums->capacity) {
        size_t capacity = sums->capacity == 0 ? 64 : 2 * sums->capacity;
        void *grown = reallocarray(sums->sums, capacity, sizeof(*sums->sums));

        if (grown == NULL)
            return hm_error_nomem(err);
        sums->sums = grown;
        sums->capacity = capacity;
    }
    HM_TRY(hm_arena_copy(&sums->arena, name, err, &sum.name));
    sums->sums[sums->count++] = sum;
    return HM_OK;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '*';
}

static enum hm_rc parse_line(struct hm_bytes line, bool need_names, struct hm_err *err,
                             struct hm_sums *sums)
{
    struct hm_bytes hex = line;
    struct hm_bytes name = HM_BYTES_EMPTY;
    struct hm_sha256 sha256;

    if (line.size < HEX_SIZE)
        return hm_fail(err, HM_EFORMAT, "no 64 hexadecimal digits");
    hex.size = HEX_SIZE;
    if (hm_text_unhex(hex, sha256.bytes, HM_SHA256_SIZE) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "no 64 hexadecimal digits");
    if (line.size > HEX_SIZE) {
        if (line.size < HEX_SIZE + 3 || line.data[HEX_SIZE] != ' ' ||
            !is_blank(line.data[HEX_SIZE + 1]))
            return hm_fail(err, HM_EFORMAT, "no two spaces and a name after the digest");
        name = hm_bytes_make(line.data + HEX_SIZE + 2, line.size - HEX_SIZE - 2);
    }
    if (name.size == 0 && need_names)
        return hm_fail(err, HM_EFORMAT, "no name after the digest");
    if (name.size > HM_SUMS_NAME_MAX || !hm_text_is_utf8(name))
        return hm_fail(err, HM_EFORMAT, "the name is longer than %d bytes, or no UTF-8",
                       HM_SUMS_NAME_MAX);
    return hm_sums_add(sums, name, &sha256, err);
}

enum hm_rc hm_sums_parse(struct hm_bytes text, bool need_names, struct hm_err *err,
                         struct hm_sums *ret_sums)
{
    _hm_done_(hm_sums_done) struct hm_sums sums = HM_SUMS_INIT;
    struct hm_bytes line;
    size_t number = 0;

    while (text.size > 0) {
        enum hm_rc rc;

        number++;
        if (!hm_bytes_take_line(&text, &line))
            return hm_fail(err, HM_EFORMAT, "line %zu has no end", number);
        if (line.size == 0 || line.data[0] == '#')
            continue;
        rc = parse_line(line, need_names, err, &sums);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "line %zu", number);
    }
    hm_sums_sort(&sums);
    *ret_sums = sums;
    sums = (struct hm_sums)HM_SUMS_INIT;
    return HM_OK;
}

enum hm_rc hm_sums_find(const struct hm_sums *sums, struct hm_bytes name,
                        const struct hm_sha256 *sha256)
{
    size_t low = 0;
    size_t high = sums->count;
    enum hm_rc rc = HM_EUNKNOWN;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_bytes_compare(sums->sums[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < sums->count && hm_bytes_is_equal(sums->sums[low].name, name); low++) {
        if (hm_digest_is_equal(&sums->sums[low].sha256, sha256))
            return HM_OK;
        rc = HM_EMISMATCH;
    }
    return rc;
}
