/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns, and the files of a site that match them. */
#include "customer/catalogue.h"

#include "base/text.h"
#include "customer/products.h"

#define PART_COUNT       4
#define PATTERN_SIZE_MAX 1024 /* matching takes time times pattern size */

/* ---- patterns -------------------------------------------------------------------------------- */

/* Cuts what stands before the next '/' off *rest; there is one. */
static struct hm_bytes take_part(struct hm_bytes *rest)
{
    const uint8_t *slash = memchr(rest->data, '/', rest->size);
    struct hm_bytes part;

    HM_ASSERT(slash != NULL);
    part = hm_bytes_make(rest->data, (size_t)(slash - rest->data));
    *rest = hm_bytes_make(slash + 1, rest->size - part.size - 1);
    return part;
}

enum hm_rc hm_catalogue_pattern(const char *text, struct hm_arena *arena, struct hm_err *err,
                                struct hm_pattern *ret_pattern)
{
    _hm_done_(hm_buf_done) struct hm_buf whole = HM_BUF_INIT(PATTERN_SIZE_MAX + 16);
    struct hm_pattern pattern = {0};
    struct hm_bytes rest;

    if (text != NULL && text[0] != '\0') {
        if (strlen(text) > PATTERN_SIZE_MAX || strstr(text, "//") != NULL || text[0] == '/' ||
            text[strlen(text) - 1] == '/')
            return hm_fail(err, HM_EUSAGE,
                           "'%s' is no pattern over ID/PRODUCT/VERSION/FILE: a part is empty",
                           text);
        pattern.given = 1;
        for (const char *at = text; *at != '\0'; at++)
            pattern.given += *at == '/';
        if (pattern.given > PART_COUNT)
            return hm_fail(err, HM_EUSAGE,
                           "'%s' has more than the four parts ID/PRODUCT/VERSION/FILE", text);
        HM_TRY(hm_buf_append_str(&whole, text, err));
    }
    for (size_t i = pattern.given; i < PART_COUNT; i++)
        HM_TRY(hm_buf_append_str(&whole, i == 0 ? "*" : "/*", err));
    HM_TRY(hm_arena_copy(arena, hm_buf_bytes(&whole), err, &pattern.whole));
    rest = pattern.whole;
    pattern.id = take_part(&rest);
    pattern.product = take_part(&rest);
    *ret_pattern = pattern;
    return HM_OK;
}

static bool is_match(const struct hm_pattern *patterns, size_t count, struct hm_bytes path)
{
    for (size_t i = 0; i < count; i++) {
        if (hm_text_is_match(patterns[i].whole, path))
            return true;
    }
    return false;
}

static bool is_id_match(const struct hm_pattern *patterns, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (hm_text_is_match(patterns[i].id, hm_bytes_str(id)))
            return true;
    }
    return false;
}

/* ---- the catalogue --------------------------------------------------------------------------- */

void hm_catalogue_done(struct hm_catalogue *catalogue)
{
    free(catalogue->items);
    free(catalogue->problems);
    hm_arena_done(&catalogue->arena);
    *catalogue = (struct hm_catalogue){0};
}

/* Room for one more in a table of ours. */
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

static enum hm_rc add_problem(struct hm_catalogue *catalogue, struct hm_catalogue_problem problem,
                              struct hm_err *err)
{
    HM_TRY(grow(&catalogue->problems, catalogue->problem_count, &catalogue->problem_capacity,
                sizeof(*catalogue->problems), err));
    catalogue->problems[catalogue->problem_count++] = problem;
    return HM_OK;
}

/* Whether the maker has a release that lifts the recall, by the same rules as any. */
static bool is_lifted(void *ctx, const char *id, const struct hm_recall *recall)
{
    struct hm_subscription *subscription = ctx;
    const struct hm_layout_maker *maker = hm_layout_find(subscription->layout, hm_bytes_str(id));
    const struct hm_standing *standing = hm_subscription_standing(subscription, hm_bytes_str(id));
    char prefix[HM_RECALL_PATH_SIZE_MAX];
    struct hm_product product;

    if (standing == NULL || standing->rc != HM_OK || standing->release == NULL ||
        hm_products_resolve(subscription, maker, standing, HM_BYTES_LITERAL(HM_RECALL_LIFTED), NULL,
                            &product) != HM_OK)
        return false;
    (void)snprintf(prefix, sizeof(prefix), "%s/" HM_RECALL_LIFTED "/%s/", id,
                   recall->name); /* both are short */
    for (size_t i = 0; i < product.release->target_count; i++) {
        struct hm_bytes path = product.release->targets[i].path;
        struct hm_release_file file;

        if (hm_bytes_has_prefix(path, hm_bytes_str(prefix)) &&
            hm_verdict_path(subscription->layout, maker, standing->grade, product.release,
                            product.maker_role, path, NULL, &file) == HM_OK)
            return true;
    }
    return false;
}

/* Judges one path and adds it. */
static enum hm_rc add_item(struct hm_catalogue *catalogue, struct hm_subscription *subscription,
                           const struct hm_layout_maker *maker, const struct hm_standing *standing,
                           const struct hm_product *product, struct hm_bytes path,
                           struct hm_err *err)
{
    struct hm_catalogue_item item = {.subscription = subscription, .path = path};
    struct hm_err why = HM_ERR_INIT;

    if (hm_layout_parse_path(path, NULL, &item.parts) != HM_OK)
        item.parts = (struct hm_path){.whole = path}; /* roles with such a path are not used */
    item.rc = hm_verdict_path(subscription->layout, maker, standing->grade, product->release,
                              product->maker_role, path, &why, &item.file);
    if (item.rc == HM_OK)
        item.rc = hm_verdict_recall(&subscription->recalls, maker->id, &item.file, is_lifted,
                                    subscription, catalogue->despite, &why, &item.recall);
    if (item.rc != HM_OK) {
        if (hm_error_exit_status(item.rc) != 1)
            return hm_fail(err, item.rc, "%s", why.text);
        item.text = hm_arena_strdup(&catalogue->arena, hm_bytes_str(why.text));
        if (item.text == NULL)
            return hm_error_nomem(err);
    }
    HM_TRY(grow(&catalogue->items, catalogue->item_count, &catalogue->item_capacity,
                sizeof(*catalogue->items), err));
    catalogue->items[catalogue->item_count++] = item;
    return HM_OK;
}

/* What the role above lists itself. The maker may have handed the product on all the same. */
static enum hm_rc add_above(struct hm_catalogue *catalogue, struct hm_subscription *subscription,
                            const struct hm_layout_maker *maker, const struct hm_standing *standing,
                            const struct hm_pattern *patterns, size_t pattern_count,
                            struct hm_err *err)
{
    const struct hm_product above = {.release = standing->release,
                                     .maker_role = standing->maker_role};

    for (size_t i = 0; i < standing->release->target_count; i++) {
        struct hm_bytes path = standing->release->targets[i].path;
        const struct hm_product *product = NULL;
        struct hm_path parts;

        if (!is_match(patterns, pattern_count, path))
            continue;
        if (standing->product_count > 0) {
            HM_TRY(hm_layout_parse_path(path, err, &parts));
            product = hm_products_find(standing, parts.product);
        }
        if (product == NULL)
            product = &above;
        if (product->rc == HM_OK) /* else it is told once, as a product */
            HM_TRY(add_item(catalogue, subscription, maker, standing, product, path, err));
    }
    return HM_OK;
}

static enum hm_rc add_product(struct hm_catalogue *catalogue, struct hm_subscription *subscription,
                              const struct hm_layout_maker *maker,
                              const struct hm_standing *standing, const struct hm_product *product,
                              const struct hm_pattern *patterns, size_t pattern_count,
                              struct hm_err *err)
{
    struct hm_catalogue_problem problem = {.subscription = subscription,
                                           .maker = maker->id,
                                           .product = product->name,
                                           .rc = product->rc,
                                           .text = product->text};

    if (product->rc != HM_OK)
        return add_problem(catalogue, problem, err);
    if (product->release == standing->release)
        return HM_OK; /* add_above has it */
    for (size_t i = 0; i < product->release->target_count; i++) {
        struct hm_bytes path = product->release->targets[i].path;

        if (is_match(patterns, pattern_count, path))
            HM_TRY(add_item(catalogue, subscription, maker, standing, product, path, err));
    }
    return HM_OK;
}

static bool is_product_match(const struct hm_pattern *patterns, size_t count, const char *id,
                             struct hm_bytes product)
{
    for (size_t i = 0; i < count; i++) {
        if (hm_text_is_match(patterns[i].id, hm_bytes_str(id)) &&
            hm_text_is_match(patterns[i].product, product))
            return true;
    }
    return false;
}

enum hm_rc hm_catalogue_add(struct hm_catalogue *catalogue, struct hm_subscription *subscription,
                            const struct hm_pattern *patterns, size_t pattern_count,
                            struct hm_err *err)
{
    const struct hm_layout *layout = subscription->layout;

    for (size_t i = 0; i < layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &layout->makers[i];
        const struct hm_standing *standing = &subscription->standings[i];
        struct hm_catalogue_problem problem = {.subscription = subscription,
                                               .maker = maker->id,
                                               .rc = standing->rc,
                                               .text = standing->text};

        if (!is_id_match(patterns, pattern_count, maker->id))
            continue;
        HM_ASSERT(standing->is_judged);
        if (standing->rc != HM_OK) {
            HM_TRY(add_problem(catalogue, problem, err));
            continue;
        }
        if (standing->release == NULL)
            continue;
        HM_TRY(add_above(catalogue, subscription, maker, standing, patterns, pattern_count, err));
        for (size_t j = 0; j < standing->product_count; j++) {
            const struct hm_product *product = &standing->products[j];

            if (is_product_match(patterns, pattern_count, maker->id, product->name))
                HM_TRY(add_product(catalogue, subscription, maker, standing, product, patterns,
                                   pattern_count, err));
        }
    }
    return HM_OK;
}

enum hm_rc hm_catalogue_add_path(struct hm_catalogue *catalogue,
                                 struct hm_subscription *subscription, struct hm_bytes path,
                                 struct hm_err *err)
{
    const struct hm_layout_maker *maker;
    const struct hm_standing *standing;
    struct hm_product product;
    struct hm_path parts;

    HM_TRY(hm_layout_parse_path(path, err, &parts));
    maker = hm_layout_find(subscription->layout, parts.id);
    if (maker == NULL)
        return hm_fail(err, HM_EUNKNOWN, "site '%s' has no maker '%.*s'", subscription->name,
                       HM_BYTES_FMT(parts.id));
    standing = hm_subscription_standing(subscription, parts.id);
    HM_ASSERT(standing->is_judged);
    if (standing->rc != HM_OK)
        return hm_fail(err, standing->rc, "%s", standing->text);
    if (standing->release == NULL)
        return hm_fail(err, HM_EUNKNOWN, "'%.*s': site '%s' has released nothing of '%s' yet",
                       HM_BYTES_FMT(path), subscription->name, maker->id);
    HM_TRY(hm_products_resolve(subscription, maker, standing, parts.product, err, &product));
    HM_TRY(add_item(catalogue, subscription, maker, standing, &product, path, err));
    if (catalogue->items[catalogue->item_count - 1].rc == HM_EUNKNOWN) {
        const char *text = catalogue->items[--catalogue->item_count].text;

        return hm_fail(err, HM_EUNKNOWN, "%s", text);
    }
    return HM_OK;
}

int hm_catalogue_compare(const struct hm_catalogue_item *left,
                         const struct hm_catalogue_item *right)
{
    int order = 0;

    if (left->subscription != right->subscription)
        order = strcmp(left->subscription->name, right->subscription->name);
    if (order == 0)
        order = hm_bytes_compare(left->parts.id, right->parts.id);
    if (order == 0)
        order = hm_bytes_compare(left->parts.product, right->parts.product);
    if (order == 0)
        order = hm_text_compare_versions(left->parts.version, right->parts.version);
    if (order == 0)
        order = hm_bytes_compare(left->path, right->path);
    return order;
}

static int compare_items(const void *a, const void *b)
{
    return hm_catalogue_compare(a, b);
}

enum hm_rc hm_catalogue_add_problem(struct hm_catalogue *catalogue,
                                    const struct hm_subscription *subscription,
                                    struct hm_bytes maker, struct hm_bytes product,
                                    const struct hm_err *why, struct hm_err *err)
{
    struct hm_catalogue_problem problem = {.subscription = subscription, .rc = why->rc};

    problem.maker = hm_arena_strdup(&catalogue->arena, maker);
    problem.text = hm_arena_strdup(&catalogue->arena, hm_bytes_str(why->text));
    if (problem.maker == NULL || problem.text == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_arena_copy(&catalogue->arena, product, err, &problem.product));
    return add_problem(catalogue, problem, err);
}

void hm_catalogue_sort(struct hm_catalogue *catalogue)
{
    if (catalogue->item_count > 1)
        qsort(catalogue->items, catalogue->item_count, sizeof(*catalogue->items), compare_items);
}

enum hm_rc hm_catalogue_prove(struct hm_catalogue *catalogue, struct hm_err *err)
{
    for (size_t i = 0; i < catalogue->item_count; i++) {
        struct hm_catalogue_item *item = &catalogue->items[i];
        const struct hm_release_proof *proof = NULL;
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc;

        if (item->rc != HM_OK)
            continue;
        rc = hm_release_log_prove(item->subscription, &item->file, &why, &proof);
        if (rc == HM_OK)
            continue;
        item->text = hm_arena_strdup(&catalogue->arena, hm_bytes_str(why.text));
        if (item->text == NULL)
            return hm_error_nomem(err);
        item->rc = rc;
    }
    return HM_OK;
}
