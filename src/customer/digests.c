/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strings of raw role files: each of 64 hexadecimal digits is taken for a digest, each that
 * begins with the maker's ID for a path. JSON allows to spell a string with escapes; a file that
 * has such ones is marked instead.
 */
#include "customer/digests.h"

#include "base/text.h"
#include "customer/products.h"

#define HEX_SIZE ((size_t)64)

/* ---- tables ---------------------------------------------------------------------------------- */

static enum hm_rc grow(void *table, size_t count, size_t *capacity, size_t size, struct hm_err *err)
{
    void **tables = table;
    size_t more = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown;

    if (count < *capacity)
        return HM_OK;
    grown = reallocarray(*tables, more, size);
    if (grown == NULL)
        return hm_error_nomem(err);
    *tables = grown;
    *capacity = more;
    return HM_OK;
}

static enum hm_rc add_entry(struct hm_digests *digests, uint64_t key, struct hm_err *err)
{
    HM_TRY(grow(&digests->entries, digests->entry_count, &digests->entry_capacity,
                sizeof(*digests->entries), err));
    digests->entries[digests->entry_count++] =
        (struct hm_digests_entry){.key = key, .product = (uint32_t)(digests->product_count - 1)};
    return HM_OK;
}

void hm_digests_done(struct hm_digests *digests)
{
    free(digests->products);
    free(digests->gaps);
    free(digests->entries);
    hm_arena_done(&digests->arena);
    *digests = (struct hm_digests){0};
}

/* ---- keys ------------------------------------------------------------------------------------ */

static uint64_t digest_key(const uint8_t *bytes)
{
    uint64_t key;

    memcpy(&key, bytes, sizeof(key));
    return key;
}

static uint64_t name_key(struct hm_bytes name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a: a collision costs a look in vain */

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * UINT64_C(1099511628211);
    return hash;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* One string without escapes. */
static enum hm_rc take_string(struct hm_digests *digests, struct hm_bytes text, struct hm_bytes id,
                              struct hm_err *err)
{
    struct hm_sha256 sha256;
    const uint8_t *slash;

    if (text.size == HEX_SIZE && hm_text_unhex(text, sha256.bytes, sizeof(sha256.bytes)) == HM_OK)
        return add_entry(digests, digest_key(sha256.bytes), err);
    if (text.size <= id.size || text.data[id.size] != '/' || !hm_bytes_has_prefix(text, id))
        return HM_OK;
    slash = memrchr(text.data, '/', text.size);
    return add_entry(
        digests, name_key(hm_bytes_make(slash + 1, text.size - (size_t)(slash + 1 - text.data))),
        err);
}

/* True for an escape that may stand for a character of a digest or path: a slash, or the number of
 * a printable one below U+0080. Others (a quote, a line's end, an accent) cannot. */
static bool is_name_escape(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2)
        return false;
    if (at[1] == '/')
        return true;
    return at[1] == 'u' && end - at >= 6 && at[2] == '0' && at[3] == '0' && at[4] >= '2' &&
           at[4] <= '7';
}

/* All strings of a file. What is no JSON gives nonsense, and no role will verify either. */
static enum hm_rc take_file(struct hm_digests *digests, struct hm_bytes raw, struct hm_bytes id,
                            struct hm_err *err)
{
    const uint8_t *at = raw.data;
    const uint8_t *end = raw.data + raw.size;

    while (at < end && (at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        const uint8_t *start = ++at;
        bool has_escapes = false;

        for (; at < end && *at != '"'; at++) {
            if (*at != '\\')
                continue;
            has_escapes = true;
            if (is_name_escape(at, end))
                digests->products[digests->product_count - 1].has_escapes = true;
            at++;
        }
        if (at >= end)
            break;
        if (!has_escapes)
            HM_TRY(take_string(digests, hm_bytes_make(start, (size_t)(at - start)), id, err));
        at++;
    }
    return HM_OK;
}

static enum hm_rc add_gap(struct hm_digests *digests, size_t maker_index, struct hm_bytes product,
                          const struct hm_err *why, struct hm_err *err)
{
    struct hm_digests_gap gap = {.maker_index = maker_index, .product = product, .rc = why->rc};

    HM_TRY(grow(&digests->gaps, digests->gap_count, &digests->gap_capacity, sizeof(gap), err));
    gap.text = hm_arena_strdup(&digests->arena, hm_bytes_str(why->text));
    if (gap.text == NULL)
        return hm_error_nomem(err);
    digests->gaps[digests->gap_count++] = gap;
    return HM_OK;
}

/* One side of a product; raw is reused. */
static enum hm_rc take_side(struct hm_digests *digests, const struct hm_subscription *subscription,
                            const struct hm_delegated_role *role, struct hm_bytes id,
                            struct hm_buf *raw, struct hm_err *err)
{
    if (role == NULL)
        return HM_OK;
    HM_TRY(hm_client_role_unverified(subscription->client, role->name, err, raw));
    return take_file(digests, hm_buf_bytes(raw), id, err);
}

static enum hm_rc take_product(struct hm_digests *digests,
                               const struct hm_subscription *subscription, size_t maker_index,
                               const struct hm_products_item *item, struct hm_buf *raw,
                               struct hm_err *err)
{
    struct hm_bytes id = hm_bytes_str(subscription->layout->makers[maker_index].id);
    struct hm_digests_product product = {.maker_index = maker_index, .name = item->name};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    HM_TRY(grow(&digests->products, digests->product_count, &digests->product_capacity,
                sizeof(product), err));
    digests->products[digests->product_count++] = product;
    rc = take_side(digests, subscription, item->release, id, raw, &why);
    if (rc == HM_OK)
        rc = take_side(digests, subscription, item->maker, id, raw, &why);
    if (rc == HM_OK)
        return HM_OK;
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    return add_gap(digests, maker_index, item->name, &why, err);
}

static int compare_entries(const void *a, const void *b)
{
    const struct hm_digests_entry *left = a;
    const struct hm_digests_entry *right = b;

    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return left->product < right->product ? -1 : left->product > right->product;
}

enum hm_rc hm_digests_build(struct hm_digests *digests, const struct hm_subscription *subscription,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    struct hm_bytes every = HM_BYTES_LITERAL("*");

    for (size_t i = 0; i < subscription->layout->maker_count; i++) {
        const struct hm_standing *standing = &subscription->standings[i];
        struct hm_products_item *items = NULL;
        size_t count = 0;

        if (!standing->is_judged || standing->rc != HM_OK)
            continue;
        HM_TRY(hm_products_list(standing, &every, 1, &digests->arena, err, &items, &count));
        for (size_t j = 0; j < count; j++)
            HM_TRY(take_product(digests, subscription, i, &items[j], &raw, err));
    }
    if (digests->entry_count > 1)
        qsort(digests->entries, digests->entry_count, sizeof(*digests->entries), compare_entries);
    return HM_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* The first entry of the key at or after a product. */
static size_t lower_bound(const struct hm_digests *digests, uint64_t key, size_t product)
{
    size_t low = 0;
    size_t high = digests->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hm_digests_entry *entry = &digests->entries[middle];

        if (entry->key < key || (entry->key == key && entry->product < product))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct hm_digests_product *next(const struct hm_digests *digests, uint64_t key,
                                             size_t *cursor)
{
    size_t place = lower_bound(digests, key, *cursor);
    size_t found = digests->product_count;

    if (place < digests->entry_count && digests->entries[place].key == key)
        found = digests->entries[place].product;
    for (size_t i = *cursor; i < found; i++) {
        if (digests->products[i].has_escapes)
            found = i;
    }
    if (found == digests->product_count)
        return NULL;
    *cursor = found + 1;
    return &digests->products[found];
}

const struct hm_digests_product *hm_digests_next(const struct hm_digests *digests,
                                                 const struct hm_sha256 *sha256, size_t *cursor)
{
    return next(digests, digest_key(sha256->bytes), cursor);
}

const struct hm_digests_product *hm_digests_next_name(const struct hm_digests *digests,
                                                      struct hm_bytes name, size_t *cursor)
{
    return next(digests, name_key(name), cursor);
}
