/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting by a rolling sum of the last 64 bytes (FastCDC, Xia et al., USENIX ATC 2016: a table of
 * 256 random numbers, one shift and one addition a byte).
 *
 * Behind a cut the first bytes need no look, as no cut may fall there; the sum is warmed up over
 * the 64 bytes before the first place that may be one. So every cut depends on the bytes around it
 * alone, and two cuttings of the same bytes agree again after the first cut they share.
 */
#include "match/anchor.h"

#include <endian.h>

#define TABLE_SIZE  256
#define WINDOW_SIZE 64
#define CAPACITY    256
/* Sums whose top bits are zero. */
#define CUT_BELOW (UINT64_C(1) << (64 - HM_ANCHOR_CUT_BITS))

/* Odd numbers with as many ones as zeros; the index depends on them. */
#define PRIME_A UINT64_C(0x9e3779b97f4a7c15)
#define PRIME_B UINT64_C(0xe7037ed1a0b428db)
#define PRIME_C UINT64_C(0x8ebc6af09c88c6e3)

__extension__ typedef unsigned __int128 uint128;

/* splitmix64 (Steele, Lea, Flood 2014): the table is the same everywhere and for ever. */
static void fill_table(uint64_t table[TABLE_SIZE])
{
    uint64_t state = PRIME_A;

    for (size_t i = 0; i < TABLE_SIZE; i++) {
        uint64_t z = state += PRIME_A;

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        table[i] = z ^ z >> 31;
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

static uint64_t load(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint128 product = (uint128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* size is at least 32; the last bytes are read twice where it is no multiple of 32. */
static uint64_t key_of(const uint8_t *data, size_t size, enum hm_anchor_space space)
{
    uint64_t a = size * PRIME_A + (uint64_t)space;
    uint64_t b = PRIME_C ^ size;
    const uint8_t *end = data + size;
    const uint8_t *at = data;

    for (; end - at > 32; at += 32) {
        a = mix(load(at) ^ PRIME_A, load(at + 8) ^ a);
        b = mix(load(at + 16) ^ PRIME_B, load(at + 24) ^ b);
    }
    a = mix(load(end - 32) ^ PRIME_A, load(end - 24) ^ a);
    b = mix(load(end - 16) ^ PRIME_B, load(end - 8) ^ b);
    return mix(a ^ PRIME_B, b ^ PRIME_C);
}

/* ---- cutting --------------------------------------------------------------------------------- */

/* The size of the next piece. */
static size_t cut(const uint64_t table[TABLE_SIZE], const uint8_t *data, size_t size)
{
    size_t end = size < HM_ANCHOR_SIZE_MAX ? size : HM_ANCHOR_SIZE_MAX;
    uint64_t sum = 0;
    size_t i;

    if (size <= HM_ANCHOR_SIZE_MIN)
        return size;
    for (i = HM_ANCHOR_SIZE_MIN - WINDOW_SIZE; i < HM_ANCHOR_SIZE_MIN; i++)
        sum = (sum << 1) + table[data[i]];
    /* Four at a time: most of matching's time is spent here. */
    for (; i + 4 <= end; i += 4) {
        uint64_t a = (sum << 1) + table[data[i]];
        uint64_t b = (a << 1) + table[data[i + 1]];
        uint64_t c = (b << 1) + table[data[i + 2]];

        sum = (c << 1) + table[data[i + 3]];
        if (a < CUT_BELOW)
            return i + 1;
        if (b < CUT_BELOW)
            return i + 2;
        if (c < CUT_BELOW)
            return i + 3;
        if (sum < CUT_BELOW)
            return i + 4;
    }
    for (; i < end; i++) {
        sum = (sum << 1) + table[data[i]];
        if (sum < CUT_BELOW)
            return i + 1;
    }
    return end;
}

static bool is_uniform(const uint8_t *data, size_t size)
{
    return memcmp(data, data + 1, size - 1) == 0;
}

static enum hm_rc add(struct hm_anchor_list *list, uint64_t key, size_t offset, size_t size,
                      struct hm_err *err)
{
    if (list->count == list->capacity) {
        size_t grown = list->capacity == 0 ? CAPACITY : 2 * list->capacity;
        void *moved = reallocarray(list->items, grown, sizeof(*list->items));

        if (moved == NULL)
            return hm_error_nomem(err);
        list->items = moved;
        list->capacity = grown;
    }
    list->items[list->count++] =
        (struct hm_anchor){.key = key, .offset = (uint32_t)offset, .size = (uint32_t)size};
    return HM_OK;
}

void hm_anchor_list_done(struct hm_anchor_list *list)
{
    free(list->items);
    *list = (struct hm_anchor_list){0};
}

enum hm_rc hm_anchor_find(struct hm_bytes bytes, enum hm_anchor_space space, unsigned sample_bits,
                          struct hm_err *err, struct hm_anchor_list *list)
{
    uint64_t sample_mask = (UINT64_C(1) << sample_bits) - 1;
    uint64_t table[TABLE_SIZE];
    size_t offset = 0;

    HM_ASSERT(bytes.size <= UINT32_MAX && sample_bits < 32);
    fill_table(table);
    while (bytes.size - offset >= HM_ANCHOR_TAIL_SIZE_MIN) {
        const uint8_t *data = bytes.data + offset;
        size_t size = cut(table, data, bytes.size - offset);

        if (!is_uniform(data, size)) {
            uint64_t key = key_of(data, size, space);

            if ((key & sample_mask) == 0)
                HM_TRY(add(list, key, offset, size, err));
        }
        offset += size;
    }
    return HM_OK;
}
