/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns, and the files of a site that match them. */
#include "customer/catalogue.h"

#include "base/text.h"

#define PART_COUNT       4
#define PATTERN_SIZE_MAX 1024 /* matching takes time times pattern size */

/* ---- patterns -------------------------------------------------------------------------------- */

enum hm_rc hm_catalogue_pattern(const char *text, struct hm_arena *arena, struct hm_err *err,
                                struct hm_pattern *ret_pattern)
{
    _hm_done_(hm_buf_done) struct hm_buf whole = HM_BUF_INIT(PATTERN_SIZE_MAX + 16);
    struct hm_pattern pattern = {0};
    const char *slash;

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
    slash = memchr(pattern.whole.data, '/', pattern.whole.size);
    HM_ASSERT(slash != NULL);
    pattern.id =
        hm_bytes_make(pattern.whole.data, (size_t)((const uint8_t *)slash - pattern.whole.data));
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

static enum hm_rc add_problem(struct hm_catalogue *catalogue,
                              const struct hm_subscription *subscription, const char *maker,
                              enum hm_rc rc, const char *text, struct hm_err *err)
{
    HM_TRY(grow(&catalogue->problems, catalogue->problem_count, &catalogue->problem_capacity,
                sizeof(*catalogue->problems), err));
    catalogue->problems[catalogue->problem_count++] = (struct hm_catalogue_problem){
        .subscription = subscription, .maker = maker, .rc = rc, .text = text};
    return HM_OK;
}

/* Judges one path and adds it. */
static enum hm_rc add_item(struct hm_catalogue *catalogue, struct hm_subscription *subscription,
                           const struct hm_layout_maker *maker, const struct hm_standing *standing,
                           struct hm_bytes path, struct hm_err *err)
{
    struct hm_catalogue_item item = {.subscription = subscription, .path = path};
    struct hm_err why = HM_ERR_INIT;

    item.rc = hm_verdict_path(subscription->layout, maker, standing->grade, standing->release,
                              standing->maker_role, path, &why, &item.file);
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

enum hm_rc hm_catalogue_add(struct hm_catalogue *catalogue, struct hm_subscription *subscription,
                            const struct hm_pattern *patterns, size_t pattern_count,
                            struct hm_err *err)
{
    const struct hm_layout *layout = subscription->layout;

    for (size_t i = 0; i < layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &layout->makers[i];
        const struct hm_standing *standing = &subscription->standings[i];

        if (!is_id_match(patterns, pattern_count, maker->id))
            continue;
        HM_ASSERT(standing->is_judged);
        if (standing->rc != HM_OK) {
            HM_TRY(
                add_problem(catalogue, subscription, maker->id, standing->rc, standing->text, err));
            continue;
        }
        if (standing->release == NULL)
            continue;
        for (size_t j = 0; j < standing->release->target_count; j++) {
            struct hm_bytes path = standing->release->targets[j].path;

            if (is_match(patterns, pattern_count, path))
                HM_TRY(add_item(catalogue, subscription, maker, standing, path, err));
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
    HM_TRY(add_item(catalogue, subscription, maker, standing, path, err));
    if (catalogue->items[catalogue->item_count - 1].rc == HM_EUNKNOWN) {
        const char *text = catalogue->items[--catalogue->item_count].text;

        return hm_fail(err, HM_EUNKNOWN, "%s", text);
    }
    return HM_OK;
}

static int compare_items(const void *a, const void *b)
{
    const struct hm_catalogue_item *left = a;
    const struct hm_catalogue_item *right = b;
    struct hm_path left_path, right_path;
    int order = strcmp(left->subscription->name, right->subscription->name);

    if (order != 0)
        return order;
    /* Paths of a catalogue are proper ones (hm_verdict_names); were one not, bytes would do. */
    if (hm_layout_parse_path(left->path, NULL, &left_path) != HM_OK ||
        hm_layout_parse_path(right->path, NULL, &right_path) != HM_OK)
        return hm_bytes_compare(left->path, right->path);
    order = hm_bytes_compare(left_path.id, right_path.id);
    if (order == 0)
        order = hm_bytes_compare(left_path.product, right_path.product);
    if (order == 0)
        order = hm_text_compare_versions(left_path.version, right_path.version);
    if (order == 0)
        order = hm_bytes_compare(left_path.file, right_path.file);
    return order;
}

void hm_catalogue_sort(struct hm_catalogue *catalogue)
{
    if (catalogue->item_count > 1)
        qsort(catalogue->items, catalogue->item_count, sizeof(*catalogue->items), compare_items);
}
