/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges and conditions of requests. See range.h. */
#include "net/range.h"

#include "base/num.h"

void hm_range_etag(int64_t mtime_s, uint64_t size, char ret_etag[HM_RANGE_ETAG_SIZE])
{
    (void)snprintf(ret_etag, HM_RANGE_ETAG_SIZE, "\"%llx-%llx\"", (unsigned long long)mtime_s,
                   (unsigned long long)size);
}

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t");
}

/* RFC 9110 13.1.2: a list of tags, weakly compared, or a star. */
static bool is_listed(const char *list, const char *etag)
{
    size_t size = strlen(etag);

    list = skip_space(list);
    if (strcmp(list, "*") == 0)
        return true;
    for (;;) {
        const char *end;

        list = skip_space(list);
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (*list != '"')
            return false;
        end = strchr(list + 1, '"');
        if (end == NULL)
            return false;
        if ((size_t)(end + 1 - list) == size && memcmp(list, etag, size) == 0)
            return true;
        list = skip_space(end + 1);
        if (*list != ',')
            return false;
        list++;
    }
}

/* "bytes=FIRST-", "bytes=FIRST-LAST" or "bytes=-COUNT". False: it is no such thing, and the whole
 * is sent. */
static bool parse(const char *text, uint64_t size, struct hm_range *ret_range)
{
    static const char unit[] = "bytes=";
    const char *dash;
    uint64_t first = 0;
    uint64_t last = 0;
    bool has_first;
    bool has_last;

    if (strncmp(text, unit, strlen(unit)) != 0)
        return false;
    text += strlen(unit);
    dash = strchr(text, '-');
    if (dash == NULL)
        return false;
    has_first = dash != text;
    has_last = dash[1] != '\0';
    if ((!has_first && !has_last) ||
        (has_first && hm_num_parse_u64(text, (size_t)(dash - text), &first) != HM_OK) ||
        (has_last && hm_num_parse_u64(dash + 1, strlen(dash + 1), &last) != HM_OK) ||
        (has_first && has_last && last < first))
        return false;
    if (!has_first) {
        first = last >= size ? 0 : size - last;
        *ret_range = (struct hm_range){206, first, size - first};
        if (last == 0 || size == 0)
            *ret_range = (struct hm_range){.status = 416};
        return true;
    }
    if (first >= size) {
        *ret_range = (struct hm_range){.status = 416};
        return true;
    }
    if (!has_last || last >= size)
        last = size - 1;
    *ret_range = (struct hm_range){206, first, last - first + 1};
    return true;
}

struct hm_range hm_range_choose(const struct hm_range_request *request, const char *etag,
                                uint64_t size)
{
    struct hm_range range = {200, 0, size};

    /* RFC 9110 13.2.2: the condition on the whole comes before that on a part. */
    if (request->if_none_match != NULL && is_listed(request->if_none_match, etag))
        return (struct hm_range){.status = 304};
    if (request->range == NULL ||
        (request->if_range != NULL && strcmp(skip_space(request->if_range), etag) != 0))
        return range;
    return parse(skip_space(request->range), size, &range) ? range
                                                           : (struct hm_range){200, 0, size};
}
