/* SPDX-License-Identifier: Apache-2.0 */
/* Two states side by side: which roles differ, and what their files were and are. */
#include "customer/changes.h"

#include <stdarg.h>

#include "base/text.h"
#include "customer/products.h"
#include "trust/partition.h"

/* What differs: a maker's roles above (no product), or one product. */
struct part {
    struct hm_bytes id, product; /* views of either snapshot */
};

struct work {
    struct hm_subscription *now, *then;
    const struct hm_pattern *patterns;
    size_t pattern_count;
    struct part *parts; /* in the arena */
    size_t part_count;
    struct hm_changes *changes;
};

const char *hm_changes_text(enum hm_change_kind kind)
{
    static const char *const texts[] = {
        [HM_CHANGE_ADDED] = "added",       [HM_CHANGE_REMOVED] = "removed",
        [HM_CHANGE_REPLACED] = "replaced", [HM_CHANGE_DESCRIBED] = "described",
        [HM_CHANGE_REFUSED] = "refused",
    };

    return texts[kind];
}

void hm_changes_done(struct hm_changes *changes)
{
    hm_catalogue_done(&changes->now);
    hm_catalogue_done(&changes->then);
    hm_arena_done(&changes->arena);
    *changes = (struct hm_changes){0};
}

/* ---- which roles differ ---------------------------------------------------------------------- */

static bool is_part_wanted(const struct work *work, const struct hm_partition_name *name)
{
    for (size_t i = 0; i < work->pattern_count; i++) {
        if (hm_text_is_match(work->patterns[i].id, name->id) &&
            (name->product.size == 0 || hm_text_is_match(work->patterns[i].product, name->product)))
            return true;
    }
    return false;
}

static void add_part(struct work *work, struct hm_bytes role)
{
    struct hm_partition_name name;

    if (hm_partition_parse(role, &name) && is_part_wanted(work, &name))
        work->parts[work->part_count++] = (struct part){name.id, name.product};
}

static bool is_same_meta(const struct hm_snapshot_meta *a, const struct hm_snapshot_meta *b)
{
    return a->version == b->version && a->facts.has_sha256 && b->facts.has_sha256 &&
           hm_digest_is_equal(&a->facts.sha256, &b->facts.sha256);
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *left = a;
    const struct part *right = b;
    int order = hm_bytes_compare(left->id, right->id);

    return order != 0 ? order : hm_bytes_compare(left->product, right->product);
}

/* Both snapshots are sorted by name. */
static enum hm_rc find_parts(struct work *work, struct hm_err *err)
{
    const struct hm_snapshot *now = hm_client_snapshot(work->now->client);
    const struct hm_snapshot *then = hm_client_snapshot(work->then->client);
    size_t i = 0, j = 0, kept = 0;

    work->parts = hm_arena_alloc(&work->changes->arena, now->meta_count + then->meta_count,
                                 sizeof(*work->parts));
    if (work->parts == NULL)
        return hm_error_nomem(err);
    while (i < now->meta_count || j < then->meta_count) {
        int order = i == now->meta_count ? 1
                    : j == then->meta_count
                        ? -1
                        : hm_bytes_compare(now->metas[i].name, then->metas[j].name);

        if (order != 0 || !is_same_meta(&now->metas[i], &then->metas[j]))
            add_part(work, order <= 0 ? now->metas[i].name : then->metas[j].name);
        i += order <= 0;
        j += order >= 0;
    }
    /* A release and a maker's role of one product are one part. */
    if (work->part_count > 1)
        qsort(work->parts, work->part_count, sizeof(*work->parts), compare_parts);
    for (size_t k = 0; k < work->part_count; k++) {
        if (kept == 0 || compare_parts(&work->parts[kept - 1], &work->parts[k]) != 0)
            work->parts[kept++] = work->parts[k];
    }
    work->part_count = kept;
    return HM_OK;
}

/* ---- what they list -------------------------------------------------------------------------- */

static bool is_match(const struct work *work, struct hm_bytes path)
{
    for (size_t i = 0; i < work->pattern_count; i++) {
        if (hm_text_is_match(work->patterns[i].whole, path))
            return true;
    }
    return false;
}

static enum hm_rc list_role(const struct work *work, struct hm_subscription *site,
                            const struct hm_targets *role, struct hm_catalogue *catalogue,
                            struct hm_err *err)
{
    for (size_t i = 0; i < role->target_count; i++) {
        if (is_match(work, role->targets[i].path))
            HM_TRY(hm_catalogue_add_path(catalogue, site, role->targets[i].path, err));
    }
    return HM_OK;
}

/* HM_OK also where the state does not have the part. */
static enum hm_rc list_part(const struct work *work, struct hm_subscription *site,
                            const struct part *part, struct hm_catalogue *catalogue,
                            struct hm_err *err)
{
    const struct hm_layout_maker *maker = hm_layout_find(site->layout, part->id);
    const struct hm_standing *standing;
    struct hm_product product;

    if (maker == NULL)
        return HM_OK;
    standing = hm_subscription_standing(site, part->id);
    if (!standing->is_judged || standing->rc != HM_OK || standing->release == NULL)
        return HM_OK; /* told of as a maker */
    if (part->product.size == 0)
        return list_role(work, site, standing->release, catalogue, err);
    HM_TRY(hm_products_resolve(site, maker, standing, part->product, err, &product));
    if (product.release == standing->release)
        return HM_OK; /* the maker's side alone is divided, which changes no list of files */
    return list_role(work, site, product.release, catalogue, err);
}

/* A product whose maker's side alone is divided: its files stand in the role above. */
static enum hm_rc list_maker_side(const struct work *work, struct hm_subscription *site,
                                  const struct part *part, struct hm_catalogue *catalogue,
                                  struct hm_err *err)
{
    const struct hm_standing *standing = hm_subscription_standing(site, part->id);
    struct hm_path path;

    if (part->product.size == 0 || standing == NULL || !standing->is_judged ||
        standing->rc != HM_OK || standing->release == NULL)
        return HM_OK;
    for (size_t i = 0; i < standing->release->target_count; i++) {
        struct hm_bytes whole = standing->release->targets[i].path;

        HM_TRY(hm_layout_parse_path(whole, err, &path));
        if (hm_bytes_is_equal(path.product, part->product) && is_match(work, whole))
            HM_TRY(hm_catalogue_add_path(catalogue, site, whole, err));
    }
    return HM_OK;
}

/* What cannot be told now is a problem, and its files are not gone (*ret_told false); what could
 * not be told then is as if it had not been. */
static enum hm_rc list_now(const struct work *work, const struct part *part, struct hm_err *err,
                           bool *ret_told)
{
    const struct hm_standing *standing = hm_subscription_standing(work->now, part->id);
    struct hm_catalogue *catalogue = &work->changes->now;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = list_part(work, work->now, part, catalogue, &why);

    *ret_told = standing == NULL || standing->rc == HM_OK;
    if (rc == HM_OK)
        rc = list_maker_side(work, work->now, part, catalogue, &why);
    if (rc == HM_OK)
        return HM_OK;
    *ret_told = false;
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    work->changes->has_gaps |= hm_error_exit_status(rc) != 1;
    return hm_catalogue_add_problem(catalogue, work->now, part->id, part->product, &why, err);
}

static enum hm_rc list_then(const struct work *work, const struct part *part, struct hm_err *err)
{
    struct hm_catalogue *catalogue = &work->changes->then;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc = list_part(work, work->then, part, catalogue, &why);

    if (rc == HM_OK)
        rc = list_maker_side(work, work->then, part, catalogue, &why);
    return hm_error_exit_status(rc) == 4 ? hm_fail(err, rc, "%s", why.text) : HM_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static void add_file(struct hm_changes *changes, enum hm_change_kind kind,
                     const struct hm_catalogue_item *now, const struct hm_catalogue_item *then)
{
    changes->files[changes->file_count++] =
        (struct hm_change){.kind = kind, .now = now, .then = then};
}

/* One path in both states. */
static void compare_file(struct hm_changes *changes, const struct hm_catalogue_item *now,
                         const struct hm_catalogue_item *then)
{
    if (then->rc != HM_OK) {
        if (now->rc == HM_OK)
            add_file(changes, HM_CHANGE_ADDED, now, NULL);
        return;
    }
    if (now->rc != HM_OK)
        add_file(changes, HM_CHANGE_REFUSED, now, then);
    else if (now->file.length != then->file.length ||
             !hm_digest_is_equal(&now->file.sha256, &then->file.sha256))
        add_file(changes, HM_CHANGE_REPLACED, now, then);
    else if (!hm_bytes_is_equal(now->file.custom, then->file.custom))
        add_file(changes, HM_CHANGE_DESCRIBED, now, then);
}

/* Both are sorted the same way; a path may come twice, from two parts. */
static size_t skip_twins(const struct hm_catalogue *catalogue, size_t index)
{
    size_t next = index + 1;

    while (next < catalogue->item_count &&
           hm_bytes_is_equal(catalogue->items[next].path, catalogue->items[index].path))
        next++;
    return next;
}

static enum hm_rc compare_files(struct hm_changes *changes, struct hm_err *err)
{
    const struct hm_catalogue *now = &changes->now;
    const struct hm_catalogue *then = &changes->then;
    size_t i = 0, j = 0;

    hm_catalogue_sort(&changes->now);
    hm_catalogue_sort(&changes->then);
    changes->files = hm_arena_alloc(&changes->arena, now->item_count + then->item_count,
                                    sizeof(*changes->files));
    if (changes->files == NULL)
        return hm_error_nomem(err);
    while (i < now->item_count || j < then->item_count) {
        int order = i == now->item_count    ? 1
                    : j == then->item_count ? -1
                                            : hm_catalogue_compare(&now->items[i], &then->items[j]);

        if (order == 0)
            compare_file(changes, &now->items[i], &then->items[j]);
        else if (order < 0 && now->items[i].rc == HM_OK)
            add_file(changes, HM_CHANGE_ADDED, &now->items[i], NULL);
        else if (order > 0 && then->items[j].rc == HM_OK)
            add_file(changes, HM_CHANGE_REMOVED, NULL, &then->items[j]);
        i = order <= 0 ? skip_twins(now, i) : i;
        j = order >= 0 ? skip_twins(then, j) : j;
    }
    return HM_OK;
}

/* ---- makers ---------------------------------------------------------------------------------- */

HM_PRINTF(4, 5)
static enum hm_rc add_maker(struct hm_changes *changes, const char *maker, struct hm_err *err,
                            const char *format, ...)
{
    char text[HM_ERR_TEXT_MAX + 64];
    const char *copy;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* a sentence cut short is one still */
    va_end(args);
    copy = hm_arena_strdup(&changes->arena, hm_bytes_str(text));
    if (copy == NULL)
        return hm_error_nomem(err);
    changes->makers[changes->maker_count++] = (struct hm_maker_change){maker, copy};
    return HM_OK;
}

static enum hm_rc compare_maker(struct work *work, const struct hm_layout_maker *maker,
                                const struct hm_standing *now, struct hm_err *err)
{
    const struct hm_layout_maker *old = hm_layout_find(work->then->layout, hm_bytes_str(maker->id));
    const struct hm_standing *then = hm_subscription_standing(work->then, hm_bytes_str(maker->id));
    struct hm_changes *changes = work->changes;

    if (now->rc != HM_OK) {
        struct hm_err why = HM_ERR_INIT;

        (void)hm_fail(&why, now->rc, "%s", now->text);
        changes->has_gaps |= hm_error_exit_status(now->rc) != 1;
        if (then == NULL || then->rc != now->rc)
            HM_TRY(add_maker(changes, maker->id, err, "refused now: %s", now->text));
        return hm_catalogue_add_problem(&changes->now, work->now, hm_bytes_str(maker->id),
                                        HM_BYTES_LITERAL(""), &why, err);
    }
    if (old == NULL)
        return add_maker(changes, maker->id, err, "new: %s (%s)", maker->name,
                         hm_layout_grade_text(now->grade));
    if (then->rc != HM_OK)
        HM_TRY(add_maker(changes, maker->id, err, "accepted now (%s)",
                         hm_layout_grade_text(now->grade)));
    else if (now->grade != then->grade)
        HM_TRY(add_maker(changes, maker->id, err, "%s, was %s", hm_layout_grade_text(now->grade),
                         hm_layout_grade_text(then->grade)));
    if (!maker->is_attested && !old->is_attested &&
        maker->identity_version != old->identity_version)
        HM_TRY(add_maker(changes, maker->id, err, "identity %lld, was %lld: its keys changed",
                         (long long)maker->identity_version, (long long)old->identity_version));
    if (strcmp(maker->name, old->name) != 0)
        HM_TRY(add_maker(changes, maker->id, err, "its name is '%s', was '%s'", maker->name,
                         old->name));
    return HM_OK;
}

static enum hm_rc compare_makers(struct work *work, struct hm_err *err)
{
    const struct hm_layout *now = work->now->layout;
    const struct hm_layout *then = work->then->layout;
    struct hm_changes *changes = work->changes;

    /* At most three about each. */
    changes->makers = hm_arena_alloc(&changes->arena, 3 * (now->maker_count + then->maker_count),
                                     sizeof(*changes->makers));
    if (changes->makers == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < now->maker_count; i++) {
        if (work->now->standings[i].is_judged)
            HM_TRY(compare_maker(work, &now->makers[i], &work->now->standings[i], err));
    }
    for (size_t i = 0; i < then->maker_count; i++) {
        if (work->then->standings[i].is_judged &&
            hm_layout_find(now, hm_bytes_str(then->makers[i].id)) == NULL)
            HM_TRY(add_maker(changes, then->makers[i].id, err, "no longer of this site"));
    }
    return HM_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

enum hm_rc hm_changes_find(struct hm_subscription *now, struct hm_subscription *then,
                           const struct hm_pattern *patterns, size_t pattern_count,
                           struct hm_err *err, struct hm_changes *ret_changes)
{
    _hm_done_(hm_changes_done) struct hm_changes changes = {0};
    struct work work = {.now = now,
                        .then = then,
                        .patterns = patterns,
                        .pattern_count = pattern_count,
                        .changes = &changes};

    HM_TRY(find_parts(&work, err));
    for (size_t i = 0; i < work.part_count; i++) {
        bool is_told = false;

        HM_TRY(list_now(&work, &work.parts[i], err, &is_told));
        if (is_told)
            HM_TRY(list_then(&work, &work.parts[i], err));
    }
    HM_TRY(compare_makers(&work, err));
    HM_TRY(compare_files(&changes, err));
    *ret_changes = changes;
    changes = (struct hm_changes){0};
    return HM_OK;
}
