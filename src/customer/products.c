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
    if (subscription->fetch == NULL)
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

enum hm_rc hm_products_load(struct hm_subscription *subscription, struct hm_standing *standing,
                            const struct hm_products_item *items, size_t count, struct hm_err *err)
{
    struct hm_product *list = hm_arena_alloc(&subscription->arena, count, sizeof(*list));

    if (list == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc = get_product(subscription, standing, &items[i], &why, &list[i]);

        if (rc == HM_OK)
            continue;
        /* What is wrong with this machine is wrong for all products. */
        if (hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        list[i] = (struct hm_product){.name = items[i].name, .rc = rc};
        list[i].text = hm_arena_strdup(&subscription->arena, hm_bytes_str(why.text));
        if (list[i].text == NULL)
            return hm_error_nomem(err);
    }
    standing->products = list;
    standing->product_count = count;
    return HM_OK;
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
