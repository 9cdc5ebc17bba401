/* SPDX-License-Identifier: Apache-2.0 */
/* A role being made, in parts (parts.h). */
#include "exchange/parts.h"

#include "base/text.h"

#define PART_COUNT_MAX (HM_TARGETS_DELEGATION_COUNT_MAX + 1)

/* ---- parts ---------------------------------------------------------------------------------- */

static enum hm_rc add_item(struct hm_parts *parts, struct hm_bytes product,
                           struct hm_targets *content, struct hm_err *err,
                           struct hm_parts_item **ret_item)
{
    _hm_free_(hm_targets_free) struct hm_targets *owned = content;
    struct hm_parts_item *item;

    if (parts->count == parts->capacity) {
        size_t capacity = parts->capacity == 0 ? 8 : 2 * parts->capacity;
        struct hm_parts_item *grown;

        if (parts->count >= PART_COUNT_MAX)
            return hm_fail(err, HM_EUSAGE, "'%s': more than %d products", parts->items[0].role,
                           HM_TARGETS_DELEGATION_COUNT_MAX);
        grown = reallocarray(parts->items, capacity, sizeof(*grown));
        if (grown == NULL)
            return hm_error_nomem(err);
        parts->items = grown;
        parts->capacity = capacity;
    }
    item = &parts->items[parts->count];
    *item = (struct hm_parts_item){.product = NULL};
    if (product.size > 0) {
        item->product = hm_arena_strdup(&parts->arena, product);
        if (item->product == NULL)
            return hm_error_nomem(err);
        hm_partition_role(hm_bytes_str(parts->items[0].role), product, item->role);
    }
    item->next = hm_steal(&owned);
    parts->count++;
    if (ret_item != NULL)
        *ret_item = item;
    return HM_OK;
}

enum hm_rc hm_parts_open(struct hm_parts *parts, const char *above, struct hm_targets *content,
                         size_t flat_max, hm_parts_load_fn *load, void *ctx, struct hm_err *err)
{
    struct hm_partition_name name;
    struct hm_parts_item *item = NULL;
    char *id;

    parts->flat_max = flat_max;
    parts->load = load;
    parts->ctx = ctx;
    HM_TRY(add_item(parts, HM_BYTES_EMPTY, content, err, &item));
    HM_ASSERT(hm_partition_parse(hm_bytes_str(above), &name) && name.product.size == 0);
    (void)snprintf(item->role, sizeof(item->role), "%s", above); /* fits: it was parsed */
    id = hm_arena_strdup(&parts->arena, name.id);
    if (id == NULL)
        return hm_error_nomem(err);
    parts->id = id;
    return HM_OK;
}

void hm_parts_done(struct hm_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        hm_targets_free(parts->items[i].next);
    free(parts->items);
    hm_arena_done(&parts->arena);
}

bool hm_parts_is_divided(const struct hm_parts *parts)
{
    return parts->count > 1 || parts->items[0].next->delegations.role_count > 0;
}

static struct hm_parts_item *find_item(struct hm_parts *parts, struct hm_bytes product)
{
    /* The last first: targets come product by product. */
    for (size_t i = parts->count; i-- > 1;)
        if (hm_bytes_is_str(product, parts->items[i].product))
            return &parts->items[i];
    return NULL;
}

/* The part that speaks for product, loaded. */
static enum hm_rc get_item(struct hm_parts *parts, struct hm_bytes product, struct hm_err *err,
                           struct hm_parts_item **ret_item)
{
    struct hm_parts_item *item = find_item(parts, product);
    struct hm_targets *content = NULL;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    if (item == NULL && hm_partition_find(hm_bytes_str(parts->items[0].role), parts->items[0].next,
                                          product) == NULL)
        item = &parts->items[0];
    if (item == NULL) {
        hm_partition_role(hm_bytes_str(parts->items[0].role), product, role);
        HM_TRY(parts->load(parts->ctx, role, err, &content));
        if (content == NULL)
            HM_TRY(hm_targets_new(err, &content));
        HM_TRY(add_item(parts, product, content, err, &item));
    }
    *ret_item = item;
    return HM_OK;
}

static enum hm_rc product_of(struct hm_bytes path, struct hm_err *err, struct hm_bytes *ret_product)
{
    struct hm_path parsed;

    HM_TRY(hm_layout_parse_path(path, err, &parsed));
    *ret_product = parsed.product;
    return HM_OK;
}

enum hm_rc hm_parts_find(struct hm_parts *parts, struct hm_bytes path, struct hm_err *err,
                         const struct hm_target **ret_target)
{
    struct hm_parts_item *item;
    struct hm_bytes product;

    HM_TRY(product_of(path, err, &product));
    HM_TRY(get_item(parts, product, err, &item));
    *ret_target = hm_targets_find(item->next, path);
    return HM_OK;
}

/* A role for a product that has none: empty, and known to the role above. Its keys come with
 * hm_parts_seal; until then the delegation is not there. */
static enum hm_rc new_item(struct hm_parts *parts, struct hm_bytes product, struct hm_err *err,
                           struct hm_parts_item **ret_item)
{
    struct hm_targets *content = NULL;

    HM_TRY(hm_targets_new(err, &content));
    HM_TRY(add_item(parts, product, content, err, ret_item));
    parts->items[0].changed = true;
    return HM_OK;
}

enum hm_rc hm_parts_put(struct hm_parts *parts, const struct hm_target *target, struct hm_err *err)
{
    struct hm_parts_item *item;
    struct hm_bytes product;

    HM_TRY(product_of(target->path, err, &product));
    HM_TRY(get_item(parts, product, err, &item));
    if (item == &parts->items[0] && hm_parts_is_divided(parts))
        HM_TRY(new_item(parts, product, err, &item));
    HM_TRY(hm_targets_put(item->next, target, err));
    item->changed = true;
    return HM_OK;
}

enum hm_rc hm_parts_divide(struct hm_parts *parts, struct hm_err *err)
{
    _hm_free_(hm_targets_free) struct hm_targets *flat = NULL;
    struct hm_targets *above = NULL;

    if (parts->items[0].next->target_count <= parts->flat_max)
        return HM_OK;
    HM_TRY(hm_targets_new(err, &above));
    flat = parts->items[0].next;
    parts->items[0].next = above;
    parts->items[0].changed = true;
    above->document = flat->document;
    above->document.x_hallmark = HM_BYTES_EMPTY; /* of the arena that goes; the caller sets it */
    for (size_t i = 0; i < flat->target_count; i++) {
        struct hm_parts_item *item;
        struct hm_bytes product;

        HM_TRY(product_of(flat->targets[i].path, err, &product));
        item = find_item(parts, product);
        if (item == NULL)
            HM_TRY(new_item(parts, product, err, &item));
        HM_TRY(hm_targets_put(item->next, &flat->targets[i], err));
        item->changed = true;
    }
    return HM_OK;
}

enum hm_rc hm_parts_touch(struct hm_parts *parts, struct hm_err *err)
{
    const struct hm_delegations *delegations = &parts->items[0].next->delegations;

    for (size_t i = 0; i < delegations->role_count; i++) {
        struct hm_partition_name name;
        struct hm_parts_item *item;

        if (!hm_partition_parse(delegations->roles[i].name, &name) || name.product.size == 0)
            return hm_fail(err, HM_EFORMAT, "'%s': delegates to '%.*s', which is of no product",
                           parts->items[0].role, HM_BYTES_FMT(delegations->roles[i].name));
        HM_TRY(get_item(parts, name.product, err, &item));
    }
    for (size_t i = 0; i < parts->count; i++)
        parts->items[i].changed = true;
    return HM_OK;
}

/* ---- delegations ---------------------------------------------------------------------------- */

static enum hm_rc delegate(struct hm_parts *parts, struct hm_bytes product,
                           const struct hm_key *const *keys, size_t key_count, uint32_t threshold,
                           struct hm_err *err)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX], pattern[HM_PARTITION_PATTERN_SIZE_MAX];
    const char *patterns[] = {pattern};

    hm_partition_role(hm_bytes_str(parts->items[0].role), product, role);
    hm_partition_pattern(hm_bytes_str(parts->id), product, pattern);
    return hm_targets_delegate(parts->items[0].next, role, keys, key_count, threshold, patterns, 1,
                               true, err);
}

enum hm_rc hm_parts_seal(struct hm_parts *parts, const struct hm_role_keys *keys,
                         struct hm_err *err)
{
    struct hm_delegations *delegations = &parts->items[0].next->delegations;
    const struct hm_key **list = hm_arena_alloc(&parts->arena, keys->id_count, sizeof(*list));
    size_t count = 0;

    if (list == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_keyring_key *key = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

        if (key != NULL && key->key != NULL)
            list[count++] = key->key;
    }
    for (size_t i = 0; i < delegations->role_count; i++) {
        struct hm_partition_name name;

        if (hm_partition_parse(delegations->roles[i].name, &name) && name.product.size > 0)
            HM_TRY(delegate(parts, name.product, list, count, keys->threshold, err));
    }
    for (size_t i = 1; i < parts->count; i++)
        HM_TRY(delegate(parts, hm_bytes_str(parts->items[i].product), list, count, keys->threshold,
                        err));
    return HM_OK;
}

/* ---- merging -------------------------------------------------------------------------------- */

static int compare_targets(const void *left, const void *right)
{
    return hm_bytes_compare(((const struct hm_target *)left)->path,
                            ((const struct hm_target *)right)->path);
}

enum hm_rc hm_parts_merge(const struct hm_targets *const *documents, size_t count,
                          struct hm_err *err, struct hm_targets **ret_targets)
{
    _hm_free_(hm_targets_free) struct hm_targets *merged = NULL;
    size_t total = 0;

    HM_TRY(hm_targets_new(err, &merged));
    for (size_t i = 0; i < count; i++)
        total += documents[i]->target_count;
    if (total > HM_TARGETS_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d files in all roles of one maker",
                       HM_TARGETS_COUNT_MAX);
    if (total > 0) {
        merged->targets = reallocarray(NULL, total, sizeof(*merged->targets));
        if (merged->targets == NULL)
            return hm_error_nomem(err);
        merged->target_capacity = total;
    }
    for (size_t i = 0; i < count; i++) {
        if (documents[i]->target_count > 0)
            memcpy(merged->targets + merged->target_count, documents[i]->targets,
                   documents[i]->target_count * sizeof(*merged->targets));
        merged->target_count += documents[i]->target_count;
    }
    if (count > 1 && total > 1)
        qsort(merged->targets, total, sizeof(*merged->targets), compare_targets);
    if (count > 0)
        merged->document = documents[0]->document;
    *ret_targets = hm_steal(&merged);
    return HM_OK;
}
