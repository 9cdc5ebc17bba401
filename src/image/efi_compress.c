/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoder of the compression of UEFI (efi_compress.h).
 *
 *   offset  size
 *        0     4  size of the compressed stream, from 8
 *        4     4  size of the original
 *        8        bits, the highest of each byte first
 *
 * The stream is blocks:
 *
 *   16 bits       count of symbols in this block
 *   extra set     5 bits count (0: 5 bits one symbol), 3 bits a length (7: more 1 bits follow, then
 *                 a 0), behind the third length 2 bits count of lengths that are 0
 *   char set      9 bits count (0: 9 bits one symbol), lengths by codes of the extra set:
 *                 0: one length 0; 1: 4 bits + 3 of them; 2: 9 bits + 20 of them; else length + 2
 *   position set  4 bits (Tiano: 5) count (0: as many bits one symbol), 3 bits a length as above
 *   symbols       0..255 a byte; 256.. a match of symbol - 253 bytes, a position code p follows:
 *                 distance 0 or 1 for p 0 or 1, else 2^(p-1) + p-1 bits, counted from the last byte
 */
#include "image/efi_compress.h"

#include "base/reader.h"

#define HEADER_SIZE      8
#define CODE_LENGTH_MAX  16
#define CHAR_COUNT       510 /* 256 bytes, and match sizes 3 to 256 */
#define CHAR_COUNT_BITS  9
#define EXTRA_COUNT      19 /* lengths 1 to 16, and three ways to say 0 */
#define EXTRA_COUNT_BITS 5
#define EXTRA_SKIP       3 /* behind so many lengths stands a count of zeros */
#define POSITION_MAX     31
#define MATCH_SIZE_MIN   3
#define TABLE_BITS       12 /* codes longer than this go on in a tree */
#define NODE_COUNT_MAX   (2 * CHAR_COUNT)

/* A Huffman code: a table for the first bits, and nodes for what is longer. */
struct code {
    /* A symbol, or (from symbol_count on) a node. */
    uint16_t table[1U << TABLE_BITS];
    uint16_t nodes[NODE_COUNT_MAX][2];
    uint8_t lengths[CHAR_COUNT];
    uint16_t symbol_count; /* of this code */
    uint16_t node_count;
};

struct decoder {
    const uint8_t *at, *end;
    uint64_t bits; /* the next bit is the highest */
    unsigned bit_count;
    bool is_spent; /* zeros were read behind the end */
    unsigned position_bits;
    unsigned left; /* symbols of this block */
    struct code chars, positions, extra;
};

/* ---- bits ------------------------------------------------------------------------------------ */

/* Afterwards at least 32 bits are there; behind the end zeros are, and that is noted once they are
 * used. */
static inline void fill(struct decoder *decoder)
{
    if (decoder->end - decoder->at >= 8) {
        uint64_t next;

        memcpy(&next, decoder->at, sizeof(next));
        next = __builtin_bswap64(next);
        decoder->bits |= next >> decoder->bit_count;
        decoder->at += (63 - decoder->bit_count) / 8;
        decoder->bit_count |= 56;
        return;
    }
    while (decoder->bit_count <= 56 && decoder->at < decoder->end) {
        decoder->bits |= (uint64_t)*decoder->at++ << (56 - decoder->bit_count);
        decoder->bit_count += 8;
    }
}

static inline void drop(struct decoder *decoder, unsigned count)
{
    if (count > decoder->bit_count) {
        decoder->is_spent = true;
        decoder->bits = 0;
        decoder->bit_count = 0;
        return;
    }
    decoder->bits <<= count;
    decoder->bit_count -= count;
}

/* count is 0 to 32. */
static inline uint32_t take(struct decoder *decoder, unsigned count)
{
    uint32_t value;

    if (count == 0)
        return 0;
    fill(decoder);
    value = (uint32_t)(decoder->bits >> (64 - count));
    drop(decoder, count);
    return value;
}

/* ---- codes ----------------------------------------------------------------------------------- */

static void make_constant(struct code *code, uint16_t symbol)
{
    memset(code->lengths, 0, sizeof(code->lengths));
    for (size_t i = 0; i < HM_ARRAY_COUNT(code->table); i++)
        code->table[i] = symbol;
}

/* A node of the tree behind a table's entry or another node, made where there is none. */
static enum hm_rc descend(struct code *code, uint16_t *link, uint16_t empty, uint16_t *ret_node)
{
    if (*link == empty) {
        if (code->node_count == NODE_COUNT_MAX)
            return HM_EFORMAT;
        code->nodes[code->node_count][0] = empty;
        code->nodes[code->node_count][1] = empty;
        *link = (uint16_t)(code->symbol_count + code->node_count++);
    }
    if (*link < code->symbol_count)
        return HM_EFORMAT; /* a shorter code is the start of this one */
    *ret_node = (uint16_t)(*link - code->symbol_count);
    return HM_OK;
}

static enum hm_rc add_long(struct code *code, uint32_t value, unsigned length, uint16_t symbol)
{
    uint16_t *link = &code->table[value >> (CODE_LENGTH_MAX - TABLE_BITS)];

    for (unsigned depth = TABLE_BITS; depth < length; depth++) {
        uint16_t node;

        HM_TRY(descend(code, link, UINT16_MAX, &node));
        link = &code->nodes[node][value >> (CODE_LENGTH_MAX - 1 - depth) & 1];
    }
    *link = symbol;
    return HM_OK;
}

/* Builds the code of the first count lengths. It must be complete: every run of bits is a code. */
static enum hm_rc make_code(struct code *code, size_t count)
{
    uint32_t next[CODE_LENGTH_MAX + 2] = {0}; /* the next code of a length, as its first 16 bits */
    uint32_t counts[CODE_LENGTH_MAX + 1] = {0};

    code->symbol_count = CHAR_COUNT;
    code->node_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (code->lengths[i] > CODE_LENGTH_MAX)
            return HM_EFORMAT;
        counts[code->lengths[i]]++;
    }
    for (unsigned length = 1; length <= CODE_LENGTH_MAX; length++)
        next[length + 1] = next[length] + (counts[length] << (CODE_LENGTH_MAX - length));
    if (next[CODE_LENGTH_MAX + 1] != UINT32_C(1) << CODE_LENGTH_MAX)
        return HM_EFORMAT;
    memset(code->table, 0xff, sizeof(code->table));
    for (size_t i = 0; i < count; i++) {
        unsigned length = code->lengths[i];
        uint32_t value;

        if (length == 0)
            continue;
        value = next[length];
        next[length] += UINT32_C(1) << (CODE_LENGTH_MAX - length);
        if (length > TABLE_BITS) {
            HM_TRY(add_long(code, value, length, (uint16_t)i));
            continue;
        }
        for (uint32_t at = 0; at < UINT32_C(1) << (TABLE_BITS - length); at++)
            code->table[(value >> (CODE_LENGTH_MAX - TABLE_BITS)) + at] = (uint16_t)i;
    }
    return HM_OK;
}

static inline uint32_t take_symbol(struct decoder *decoder, const struct code *code)
{
    uint32_t symbol;

    fill(decoder);
    symbol = code->table[decoder->bits >> (64 - TABLE_BITS)];
    if (symbol < CHAR_COUNT) {
        drop(decoder, code->lengths[symbol]);
        return symbol;
    }
    for (unsigned depth = TABLE_BITS; symbol >= CHAR_COUNT; depth++)
        symbol = code->nodes[symbol - CHAR_COUNT][decoder->bits >> (63 - depth) & 1];
    drop(decoder, code->lengths[symbol]);
    return symbol;
}

/* ---- the sets of a block --------------------------------------------------------------------- */

/* The extra set and the position set: lengths of 3 bits, 7 and more in unary. */
static enum hm_rc read_small(struct decoder *decoder, struct code *code, size_t count_max,
                             unsigned count_bits, size_t skip_at)
{
    size_t count = take(decoder, count_bits);
    size_t i = 0;

    if (count == 0) {
        uint32_t symbol = take(decoder, count_bits);

        if (symbol >= count_max)
            return HM_EFORMAT;
        make_constant(code, (uint16_t)symbol);
        return HM_OK;
    }
    if (count > count_max)
        return HM_EFORMAT;
    memset(code->lengths, 0, sizeof(code->lengths));
    while (i < count) {
        uint32_t length = take(decoder, 3);

        while (length >= 7 && take(decoder, 1) == 1) {
            if (++length > CODE_LENGTH_MAX)
                return HM_EFORMAT;
        }
        code->lengths[i++] = (uint8_t)length;
        if (i == skip_at)
            i += take(decoder, 2);
    }
    return i > count_max ? HM_EFORMAT : make_code(code, i);
}

static enum hm_rc read_chars(struct decoder *decoder)
{
    struct code *code = &decoder->chars;
    size_t count = take(decoder, CHAR_COUNT_BITS);
    size_t i = 0;

    if (count == 0) {
        uint32_t symbol = take(decoder, CHAR_COUNT_BITS);

        if (symbol >= CHAR_COUNT)
            return HM_EFORMAT;
        make_constant(code, (uint16_t)symbol);
        return HM_OK;
    }
    if (count > CHAR_COUNT)
        return HM_EFORMAT;
    memset(code->lengths, 0, sizeof(code->lengths));
    while (i < count) {
        uint32_t symbol = take_symbol(decoder, &decoder->extra);

        if (symbol > 2)
            code->lengths[i++] = (uint8_t)(symbol - 2);
        else if (symbol == 0)
            i++;
        else
            i += symbol == 1 ? take(decoder, 4) + 3 : take(decoder, CHAR_COUNT_BITS) + 20;
    }
    return i > CHAR_COUNT ? HM_EFORMAT : make_code(code, count);
}

static enum hm_rc read_block(struct decoder *decoder)
{
    decoder->left = take(decoder, 16);
    if (decoder->left == 0 || decoder->is_spent)
        return HM_EFORMAT; /* a block of nothing would let a stream run without end */
    HM_TRY(read_small(decoder, &decoder->extra, EXTRA_COUNT, EXTRA_COUNT_BITS, EXTRA_SKIP));
    HM_TRY(read_chars(decoder));
    return read_small(decoder, &decoder->positions, POSITION_MAX, decoder->position_bits, SIZE_MAX);
}

/* ---- the stream ------------------------------------------------------------------------------ */

static uint32_t take_distance(struct decoder *decoder)
{
    uint32_t position = take_symbol(decoder, &decoder->positions);

    if (position <= 1)
        return position;
    return (UINT32_C(1) << (position - 1)) + take(decoder, position - 1);
}

static void copy_match(uint8_t *data, size_t size, size_t distance, size_t count)
{
    if (distance >= count) {
        memcpy(data + size, data + size - distance, count);
        return;
    }
    for (size_t i = 0; i < count; i++) /* it overlaps itself: a repetition */
        data[size + i] = data[size + i - distance];
}

static enum hm_rc decode(struct decoder *decoder, uint8_t *data, size_t size_max)
{
    size_t size = 0;

    while (size < size_max) {
        size_t distance, count;
        uint32_t symbol;

        if (decoder->left == 0)
            HM_TRY(read_block(decoder));
        decoder->left--;
        symbol = take_symbol(decoder, &decoder->chars);
        if (decoder->is_spent)
            return HM_EFORMAT;
        if (symbol < 256) {
            data[size++] = (uint8_t)symbol;
            continue;
        }
        count = symbol - 256 + MATCH_SIZE_MIN;
        distance = (size_t)take_distance(decoder) + 1;
        if (distance > size || decoder->is_spent)
            return HM_EFORMAT;
        if (count > size_max - size)
            count = size_max - size; /* the encoder may say more than is left */
        copy_match(data, size, distance, count);
        size += count;
    }
    return HM_OK;
}

enum hm_rc hm_efi_compress_size(struct hm_bytes packed, uint32_t *ret_size)
{
    struct hm_rd rd = hm_reader_make(packed);
    uint32_t compressed = hm_reader_le32(&rd);
    uint32_t size = hm_reader_le32(&rd);

    if (hm_reader_failed(&rd) || compressed > hm_reader_left(&rd))
        return HM_EFORMAT;
    *ret_size = size;
    return HM_OK;
}

enum hm_rc hm_efi_compress_unpack(enum hm_efi_compress_kind kind, struct hm_bytes packed,
                                  uint8_t *ret_data, size_t size)
{
    struct hm_rd rd = hm_reader_make(packed);
    uint32_t compressed = hm_reader_le32(&rd);
    uint32_t original = hm_reader_le32(&rd);
    struct hm_bytes stream = hm_reader_take(&rd, compressed);
    _hm_free_(free) char *memory = NULL;
    struct decoder *decoder;

    if (hm_reader_failed(&rd) || original != size)
        return HM_EFORMAT;
    memory = calloc(1, sizeof(*decoder)); /* too large for the stack */
    if (memory == NULL)
        return HM_ENOMEM;
    decoder = (struct decoder *)(void *)memory;
    decoder->at = stream.data;
    decoder->end = stream.data == NULL ? NULL : stream.data + stream.size;
    decoder->position_bits = kind == HM_EFI_COMPRESS_TIANO ? 5 : 4;
    return decode(decoder, ret_data, size);
}
