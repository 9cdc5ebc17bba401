/* SPDX-License-Identifier: Apache-2.0 */
/* Near spellings. See near.h. */
#include "evidence/near.h"

#define TEXT_MAX     256 /* as a label */
#define DISTANCE_MAX 2
#define FAR          SIZE_MAX
/* Longer texts must be variants: counting letters takes the product of the sizes. */
#define COUNTED_SIZE_MAX 64

/* A spelling without case, separators, and a "v" or "version" in front of a digit. */
struct plain {
    char text[TEXT_MAX];
    size_t size;
};

static char lower(uint8_t byte)
{
    return (char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
}

static bool is_separator(char byte)
{
    return byte == '.' || byte == '-' || byte == '_' || byte == ' ' || byte == '+' || byte == '/' ||
           byte == ',' || byte == '(' || byte == ')';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Separators become one '.', none at the ends. */
static struct plain make_plain(struct hm_bytes text)
{
    static const char *const fronts[] = {"version", "ver", "v", "release", "rev", "r", "fw"};
    struct plain plain = {.size = 0};

    for (size_t i = 0; i < text.size && plain.size < TEXT_MAX; i++) {
        char byte = lower(text.data[i]);

        if (!is_separator(byte))
            plain.text[plain.size++] = byte;
        else if (plain.size > 0 && plain.text[plain.size - 1] != '.')
            plain.text[plain.size++] = '.';
    }
    if (plain.size > 0 && plain.text[plain.size - 1] == '.')
        plain.size--;
    for (size_t i = 0; i < HM_ARRAY_COUNT(fronts); i++) {
        size_t size = strlen(fronts[i]);
        size_t skip = size;

        if (plain.size <= size || memcmp(plain.text, fronts[i], size) != 0)
            continue;
        if (plain.text[skip] == '.')
            skip++;
        if (skip < plain.size && is_digit(plain.text[skip])) {
            memmove(plain.text, plain.text + skip, plain.size - skip);
            plain.size -= skip;
            break;
        }
    }
    return plain;
}

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters must be changed, added, dropped or swapped with the next one. */
static size_t distance_of(const struct plain *a, const struct plain *b)
{
    uint16_t rows[3][TEXT_MAX + 1];
    uint16_t(*before)[TEXT_MAX + 1] = &rows[0];
    uint16_t(*last)[TEXT_MAX + 1] = &rows[1];
    uint16_t(*next)[TEXT_MAX + 1] = &rows[2];

    for (size_t j = 0; j <= b->size; j++)
        (*last)[j] = (uint16_t)j;
    for (size_t i = 1; i <= a->size; i++) {
        uint16_t(*free_row)[TEXT_MAX + 1] = before;

        (*next)[0] = (uint16_t)i;
        for (size_t j = 1; j <= b->size; j++) {
            bool is_same = a->text[i - 1] == b->text[j - 1];
            size_t best = min_of((size_t)(*last)[j - 1] + (is_same ? 0 : 1),
                                 min_of((size_t)(*last)[j] + 1, (size_t)(*next)[j - 1] + 1));

            if (i > 1 && j > 1 && a->text[i - 1] == b->text[j - 2] &&
                a->text[i - 2] == b->text[j - 1])
                best = min_of(best, (size_t)(*before)[j - 2] + 1);
            (*next)[j] = (uint16_t)best;
        }
        before = last;
        last = next;
        next = free_row;
    }
    return (*last)[b->size];
}

/* Of a short text a letter or two are most of it. */
static size_t distance_max(size_t size)
{
    if (size < 3)
        return 0;
    return size < 6 ? 1 : DISTANCE_MAX;
}

/* 0: a variant; FAR: not near. */
static size_t compare(const struct plain *asked, const char *text)
{
    struct plain plain;
    size_t distance;

    if (text == NULL || asked->size == 0)
        return FAR;
    plain = make_plain(hm_bytes_str(text));
    if (plain.size == asked->size && memcmp(plain.text, asked->text, plain.size) == 0)
        return 0;
    if (asked->size > COUNTED_SIZE_MAX || plain.size > asked->size + DISTANCE_MAX ||
        asked->size > plain.size + DISTANCE_MAX)
        return FAR;
    distance = distance_of(asked, &plain);
    return distance <= distance_max(asked->size) ? distance : FAR;
}

static void insert(struct hm_near near[HM_NEAR_MAX], size_t *count, const struct hm_near *found)
{
    size_t at = *count;

    while (at > 0 && near[at - 1].distance > found->distance)
        at--;
    if (at == HM_NEAR_MAX)
        return;
    if (*count < HM_NEAR_MAX)
        (*count)++;
    memmove(&near[at + 1], &near[at], (*count - 1 - at) * sizeof(*near));
    near[at] = *found;
}

size_t hm_near_find(const struct hm_release_list *list, struct hm_bytes text,
                    struct hm_near ret_near[HM_NEAR_MAX])
{
    struct plain asked = make_plain(text);
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct hm_release_row *row = &list->rows[i];
        size_t by_version = compare(&asked, row->version);
        size_t by_label = compare(&asked, row->label);
        struct hm_near found = {.row = row, .is_label = by_label < by_version};

        if (hm_bytes_is_str(text, row->version) ||
            (row->label != NULL && hm_bytes_is_str(text, row->label)))
            continue;
        found.distance = min_of(by_version, by_label);
        found.is_variant = found.distance == 0;
        if (found.distance != FAR)
            insert(ret_near, &count, &found);
    }
    return count;
}
