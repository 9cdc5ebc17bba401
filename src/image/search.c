/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search (search.h): one pass. A table of first bytes of all magics passes over most bytes, a
 * run of zeros or ones goes by in words.
 */
#include "image/search.h"

#define BID_SIZE 1024  /* a bid reads at most so much, unless its format says less */
#define SHARE    8     /* a byte passed over, as a share of one hashed */
#define STEP     65536 /* the bill comes so often */

/* Which formats' magics begin with a byte: a bit each. */
struct firsts {
    uint32_t formats[256];
};

static struct firsts make_firsts(void)
{
    struct firsts firsts = {{0}};

    for (size_t i = 0; hm_format_table[i] != NULL; i++)
        firsts.formats[hm_format_table[i]->magic[0]] |= UINT32_C(1) << i;
    return firsts;
}

static uint64_t load(const uint8_t *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

bool hm_search_is_uniform(struct hm_bytes bytes)
{
    /* Each byte equals the one before it. */
    return memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0;
}

struct hm_search hm_search_make(struct hm_bytes bytes, bool is_start)
{
    return (struct hm_search){.bytes = bytes, .is_start = is_start};
}

/* Does the format begin such that its magic is at offset? The size, or 0. */
static size_t ask(const struct hm_search *search, const struct hm_format *format, size_t offset,
                  uint64_t *cost)
{
    struct hm_bytes bytes = search->bytes;
    size_t start = offset - format->magic_offset;
    size_t size;

    if (offset < search->end + format->magic_offset || start % format->align != 0 ||
        format->magic_size > bytes.size - offset ||
        memcmp(bytes.data + offset, format->magic, format->magic_size) != 0)
        return 0;
    *cost += format->bid_size == 0 ? BID_SIZE : format->bid_size;
    size = format->bid(hm_bytes_make(bytes.data + start, bytes.size - start),
                       start == 0 && search->is_start);
    HM_ASSERT(size <= bytes.size - start);
    return size;
}

static bool try_formats(struct hm_search *search, uint32_t formats, struct hm_search_hit *hit)
{
    for (; formats != 0; formats &= formats - 1) {
        const struct hm_format *format = hm_format_table[__builtin_ctz(formats)];
        size_t size = ask(search, format, search->offset, &hit->cost);

        if (size == 0)
            continue;
        hit->format = format;
        hit->offset = search->offset - format->magic_offset;
        hit->size = size;
        search->end = hit->offset + size;
        search->offset = search->end;
        return true;
    }
    return false;
}

bool hm_search_next(struct hm_search *search, struct hm_search_hit *ret_hit)
{
    const struct firsts firsts = make_firsts();
    size_t size = search->bytes.size;
    size_t stop = size - search->offset > STEP ? search->offset + STEP : size;
    const uint8_t *data = search->bytes.data;
    size_t from = search->offset;

    if (from >= size)
        return false;
    *ret_hit = (struct hm_search_hit){.format = NULL};
    while (search->offset < stop) {
        uint32_t formats;

        while (stop - search->offset >= 8 &&
               (load(data + search->offset) == 0 || load(data + search->offset) == UINT64_MAX))
            search->offset += 8;
        if (search->offset >= stop)
            break;
        formats = firsts.formats[data[search->offset]];
        if (formats != 0) {
            ret_hit->cost += (search->offset - from) / SHARE;
            from = search->offset;
            if (try_formats(search, formats, ret_hit))
                return true;
        }
        search->offset++;
    }
    ret_hit->cost += (search->offset - from) / SHARE;
    return true;
}
