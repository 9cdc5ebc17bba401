/* SPDX-License-Identifier: Apache-2.0 */
/* Products' roles: which there are, loading them, and finding the two that speak for a path. */
#include "customer/products.h"

#include "base/text.h"
#include "trust/partition.h"

enum hm_rc hm_products_role(struct hm_subscription *subscription,
                            const struct hm_delegated_role *role, struct hm_err *err,
                            const struct hm_targets **ret_role)
{
    /* Asked of the snapshot, not of the server: a file withheld is no release less. */
    if (hm_snapshot_find(hm_client_snapshot(subscription->client), role->name) == NULL) {
        *ret_role = NULL;
        return HM_OK;
    }
    if (!hm_subscription_is_online(subscription))
        return hm_client_role_local(subscription->client, role, err, ret_role);
    return hm_client_role(subscription->client, role, err, ret_role);
}

/* ---- which there are ------------------------------------------------------------------------- */

static bool is_wanted(const struct hm_bytes *patterns, size_t count, struct hm_bytes product)
{
    for (size_t i = 0; i < count; i++) {
        if (hm_text_is_match(patterns[i], product))
            return true;
    }
    return false;
}

static void take_items(const struct hm_targets *above, bool is_maker,
                       const struct hm_bytes *patterns, size_t pattern_count,
                       struct hm_products_item *items, size_t *count)
{
    struct hm_partition_name name;

    for (size_t i = 0; above != NULL && i < above->delegations.role_count; i++) {
        const struct hm_delegated_role *role = &above->delegations.roles[i];

        if (!hm_partition_parse(role->name, &name) || name.product.size == 0 ||
            !is_wanted(patterns, pattern_count, name.product))
            continue;
        items[(*count)++] = (struct hm_products_item){.name = name.product,
                                                      .release = is_maker ? NULL : role,
                                                      .maker = is_maker ? role : NULL};
    }
}

static int compare_items(const void *a, const void *b)
{
    return hm_bytes_compare(((const struct hm_products_item *)a)->name,
                            ((const struct hm_products_item *)b)->name);
}

/* Puts the two sides of a product together: they stand side by side, each there once. */
static size_t merge_items(struct hm_products_item *items, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !hm_bytes_is_equal(items[kept - 1].name, items[i].name)) {
            items[kept++] = items[i];
            continue;
        }
        if (items[i].release != NULL)
            items[kept - 1].release = items[i].release;
        else
            items[kept - 1].maker = items[i].maker;
    }
    return kept;
}

enum hm_rc hm_products_list(const struct hm_standing *standing, const struct hm_bytes *patterns,
                            size_t count, struct hm_arena *arena, struct hm_err *err,
                            struct hm_products_item **ret_items, size_t *ret_count)
{
    struct hm_products_item *items;
    size_t most = 0, made = 0;

    if (standing->release != NULL)
        most += standing->release->delegations.role_count;
    if (standing->maker_role != NULL)
        most += standing->maker_role->delegations.role_count;
    items = hm_arena_alloc(arena, count == 0 ? 0 : most, sizeof(*items));
    if (items == NULL)
        return hm_error_nomem(err);
    if (count > 0) {
        take_items(standing->release, false, patterns, count, items, &made);
        take_items(standing->maker_role, true, patterns, count, items, &made);
    }
    if (made > 1)
        qsort(items, made, sizeof(*items), compare_items);
    *ret_items = items;
    *ret_count = merge_items(items, made);
    return HM_OK;
}

/* One product, without a walk over all names. */
static struct hm_products_item find_item(const struct hm_layout_maker *maker,
                                         const struct hm_standing *standing,
                                         struct hm_bytes product)
{
    struct hm_products_item item = {.name = product};
    char above[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_release_role(hm_bytes_str(maker->id), above);
    if (standing->release != NULL)
        item.release = hm_partition_find(hm_bytes_str(above), standing->release, product);
    hm_layout_maker_role(hm_bytes_str(maker->id), above);
    if (standing->maker_role != NULL)
        item.maker = hm_partition_find(hm_bytes_str(above), standing->maker_role, product);
    return item;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* One of a product's roles: of its own where it is delegated, else the one above. */
static enum hm_rc get_side(struct hm_subscription *subscription,
                           const struct hm_delegated_role *role, const struct hm_targets *above,
                           struct hm_err *err, const struct hm_targets **ret_targets)
{
    const struct hm_targets *targets = NULL;

    if (role == NULL) {
        *ret_targets = above;
        return HM_OK;
    }
    HM_TRY(hm_products_role(subscription, role, err, &targets));
    if (targets == NULL)
        return hm_fail(err, HM_ENOTFOUND,
                       "'%.*s': 'snapshot' does not name this role, though it is delegated to; "
                       "tell the site",
                       HM_BYTES_FMT(role->name));
    HM_TRY(hm_partition_check_product(role->name, targets, err));
    *ret_targets = targets;
    return HM_OK;
}

static enum hm_rc get_product(struct hm_subscription *subscription,
                              const struct hm_standing *standing,
                              const struct hm_products_item *item, struct hm_err *err,
                              struct hm_product *ret_product)
{
    struct hm_product product = {.name = item->name};

    HM_TRY(get_side(subscription, item->release, standing->release, err, &product.release));
    HM_TRY(get_side(subscription, item->maker, standing->maker_role, err, &product.maker_role));
    *ret_product = product;
    return HM_OK;
}

/* Adds one side of a product to standing->products, which has room. */
static enum hm_rc load_one(struct hm_subscription *subscription,
                           const struct hm_delegated_role *role, struct hm_bytes name,
                           bool is_maker, struct hm_err *err, struct hm_standing *standing)
{
    struct hm_product *product = &standing->products[standing->product_count];
    const struct hm_targets *targets = NULL;
    struct hm_err why = HM_ERR_INIT;

    *product = (struct hm_product){0};
    product->rc = get_side(subscription, role, NULL, &why, &targets);
    /* What is wrong with this machine is wrong for all products. */
    if (hm_error_exit_status(product->rc) == 4)
        return hm_fail(err, product->rc, "%s", why.text);
    if (product->rc != HM_OK) {
        product->text = hm_arena_strdup(&subscription->arena, hm_bytes_str(why.text));
        if (product->text == NULL)
            return hm_error_nomem(err);
    }
    HM_TRY(hm_arena_copy(&subscription->arena, name, err, &product->name));
    if (is_maker)
        product->maker_role = targets;
    else
        product->release = targets;
    standing->product_count++;
    return HM_OK;
}

static size_t count_wanted(const struct hm_targets *above, const struct hm_bytes *patterns,
                           size_t count)
{
    struct hm_partition_name name;
    size_t wanted = 0;

    for (size_t i = 0; i < above->delegations.role_count; i++) {
        if (hm_partition_parse(above->delegations.roles[i].name, &name) &&
            is_wanted(patterns, count, name.product))
            wanted++;
    }
    return wanted;
}

enum hm_rc hm_products_load_side(struct hm_subscription *subscription,
                                 const struct hm_layout_maker *maker, bool is_maker,
                                 const struct hm_bytes *patterns, size_t count, struct hm_err *err,
                                 struct hm_standing *standing)
{
    static const struct hm_targets nothing = {0};
    const struct hm_targets **above = is_maker ? &standing->maker_role : &standing->release;
    size_t wanted = count_wanted(*above, patterns, count);
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_product *products;

    if (count == 0)
        return HM_OK;
    standing->is_by_pattern = true;
    products =
        hm_arena_alloc(&subscription->arena, standing->product_count + wanted, sizeof(*products));
    if (products == NULL)
        return hm_error_nomem(err);
    if (standing->product_count > 0)
        memcpy(products, standing->products, standing->product_count * sizeof(*products));
    standing->products = products;
    for (size_t i = 0; i < (*above)->delegations.role_count; i++) {
        const struct hm_delegated_role *below = &(*above)->delegations.roles[i];
        struct hm_partition_name name;

        if (hm_partition_parse(below->name, &name) && is_wanted(patterns, count, name.product))
            HM_TRY(load_one(subscription, below, name.product, is_maker, err, standing));
    }
    if ((*above)->target_count > 0 || (*above)->delegations.role_count == 0)
        return HM_OK;
    *above = &nothing;
    if (is_maker)
        hm_layout_maker_role(hm_bytes_str(maker->id), role);
    else
        hm_layout_release_role(hm_bytes_str(maker->id), role);
    hm_client_forget(subscription->client, hm_bytes_str(role));
    return HM_OK;
}

static int compare_products(const void *a, const void *b)
{
    return hm_bytes_compare(((const struct hm_product *)a)->name,
                            ((const struct hm_product *)b)->name);
}

void hm_products_join(struct hm_standing *standing)
{
    struct hm_product *products = standing->products;
    size_t kept = 0;

    if (standing->product_count > 1)
        qsort(products, standing->product_count, sizeof(*products), compare_products);
    for (size_t i = 0; i < standing->product_count; i++) {
        if (kept == 0 || compare_products(&products[kept - 1], &products[i]) != 0) {
            products[kept++] = products[i];
            continue;
        }
        if (products[kept - 1].rc == HM_OK && products[i].rc != HM_OK) {
            products[kept - 1].rc = products[i].rc;
            products[kept - 1].text = products[i].text;
        }
        if (products[i].release != NULL)
            products[kept - 1].release = products[i].release;
        if (products[i].maker_role != NULL)
            products[kept - 1].maker_role = products[i].maker_role;
    }
    standing->product_count = kept;
    for (size_t i = 0; i < kept; i++) {
        if (products[i].release == NULL)
            products[i].release = standing->release;
        if (products[i].maker_role == NULL)
            products[i].maker_role = standing->maker_role;
    }
}

/* ---- finding --------------------------------------------------------------------------------- */

static int compare_product(const void *name, const void *product)
{
    return hm_bytes_compare(*(const struct hm_bytes *)name,
                            ((const struct hm_product *)product)->name);
}

const struct hm_product *hm_products_find(const struct hm_standing *standing,
                                          struct hm_bytes product)
{
    if (standing->product_count == 0)
        return NULL;
    return bsearch(&product, standing->products, standing->product_count,
                   sizeof(*standing->products), compare_product);
}

enum hm_rc hm_products_resolve(struct hm_subscription *subscription,
                               const struct hm_layout_maker *maker,
                               const struct hm_standing *standing, struct hm_bytes product,
                               struct hm_err *err, struct hm_product *ret_product)
{
    const struct hm_product *loaded = hm_products_find(standing, product);
    struct hm_products_item item;

    if (loaded == NULL && standing->is_by_pattern) {
        *ret_product = (struct hm_product){
            .name = product, .release = standing->release, .maker_role = standing->maker_role};
        return HM_OK;
    }
    if (loaded == NULL) {
        item = find_item(maker, standing, product);
        return get_product(subscription, standing, &item, err, ret_product);
    }
    if (loaded->rc != HM_OK)
        return hm_fail(err, loaded->rc, "%s", loaded->text);
    *ret_product = *loaded;
    return HM_OK;
}

void hm_products_forget(struct hm_subscription *subscription, const struct hm_layout_maker *maker,
                        struct hm_bytes product)
{
    char above[HM_LAYOUT_ROLE_SIZE_MAX], role[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_release_role(hm_bytes_str(maker->id), above);
    hm_partition_role(hm_bytes_str(above), product, role);
    hm_client_forget(subscription->client, hm_bytes_str(role));
    hm_layout_maker_role(hm_bytes_str(maker->id), above);
    hm_partition_role(hm_bytes_str(above), product, role);
    hm_client_forget(subscription->client, hm_bytes_str(role));
}
