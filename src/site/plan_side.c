/* SPDX-License-Identifier: Apache-2.0 */
/* One side of a maker as it would be after a publish (plan_side.h). */
#include "site/plan_side.h"

#include "site/plan_internal.h"

/* ---- life ----------------------------------------------------------------------------------- */

enum hm_rc hm_plan_side_init(struct hm_plan *plan, const char *above, struct hm_err *err,
                             struct hm_plan_side *side)
{
    (void)snprintf(side->above, sizeof(side->above), "%s", above); /* a role's name fits */
    side->role = hm_targets_find_role(&plan->targets->delegations, hm_bytes_str(above));
    if (side->role == NULL)
        side->role = hm_targets_find_role(&plan->layout->delegations, hm_bytes_str(above));
    if (side->role == NULL)
        return hm_fail(err, HM_EFORMAT, "'targets': nobody signs '%s'", above);
    return HM_OK;
}

void hm_plan_side_done(struct hm_plan_side *side)
{
    for (size_t i = 0; i < side->draft_count; i++) {
        hm_targets_free(side->contents[i]);
        hm_draft_free(side->drafts[i]);
    }
    free(side->items);
    hm_arena_done(&side->arena);
}

void hm_plan_side_reset(struct hm_plan_side *side)
{
    side->count = 0;
}

static struct hm_plan_side_item *find_item(const struct hm_plan_side *side, const char *role)
{
    for (size_t i = side->count; i-- > 0;)
        if (strcmp(side->items[i].role, role) == 0)
            return &side->items[i];
    return NULL;
}

/* Sets or replaces; the role above goes to the front. */
static enum hm_rc put_item(struct hm_plan_side *side, const struct hm_plan_side_item *item,
                           struct hm_err *err)
{
    struct hm_plan_side_item *there = find_item(side, item->role);

    if (there != NULL) {
        *there = *item;
        return HM_OK;
    }
    if (side->count == side->capacity) {
        size_t capacity = side->capacity == 0 ? 8 : 2 * side->capacity;
        struct hm_plan_side_item *grown = reallocarray(side->items, capacity, sizeof(*grown));

        if (grown == NULL)
            return hm_error_nomem(err);
        side->items = grown;
        side->capacity = capacity;
    }
    side->items[side->count] = *item;
    if (item->product.size == 0 && side->count > 0) {
        side->items[side->count] = side->items[0];
        side->items[0] = *item;
    }
    side->count++;
    return HM_OK;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The role above, new or published; both NULL: none. */
static enum hm_rc get_above(struct hm_plan *plan, const struct hm_plan_side *side,
                            struct hm_err *err, const struct hm_targets **ret_targets,
                            const struct hm_envelope **ret_envelope)
{
    const struct hm_plan_side_item *item = find_item(side, side->above);

    if (item == NULL)
        return hm_tree_role(plan->roles->tree, side->above, err, ret_targets, ret_envelope);
    *ret_targets = item->targets;
    *ret_envelope = item->envelope;
    return HM_OK;
}

enum hm_rc hm_plan_side_part(struct hm_plan *plan, const struct hm_plan_side *side,
                             struct hm_bytes product, struct hm_err *err,
                             const struct hm_targets **ret_targets)
{
    const struct hm_plan_side_item *item;
    const struct hm_targets *targets;
    const struct hm_envelope *ignored;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    HM_TRY(get_above(plan, side, err, &targets, &ignored));
    if (targets != NULL && hm_partition_find(hm_bytes_str(side->above), targets, product) != NULL) {
        hm_partition_role(hm_bytes_str(side->above), product, role);
        item = find_item(side, role);
        if (item != NULL)
            targets = item->targets;
        else
            HM_TRY(hm_tree_role(plan->roles->tree, role, err, &targets, NULL));
    }
    *ret_targets = targets;
    return HM_OK;
}

enum hm_rc hm_plan_side_target(struct hm_plan *plan, const struct hm_plan_side *side,
                               struct hm_bytes path, struct hm_err *err,
                               const struct hm_target **ret_target)
{
    const struct hm_targets *targets;
    struct hm_path parsed;

    HM_TRY(hm_layout_parse_path(path, err, &parsed));
    HM_TRY(hm_plan_side_part(plan, side, parsed.product, err, &targets));
    *ret_target = targets == NULL ? NULL : hm_targets_find(targets, path);
    return HM_OK;
}

enum hm_rc hm_plan_side_each(struct hm_plan *plan, const struct hm_plan_side *side,
                             struct hm_err *err, hm_plan_side_fn *take, void *ctx)
{
    const struct hm_targets *above, *part;
    const struct hm_envelope *ignored;

    HM_TRY(get_above(plan, side, err, &above, &ignored));
    if (above == NULL)
        return HM_OK;
    HM_TRY(take(plan, ctx, above, HM_BYTES_EMPTY, err));
    for (size_t i = 0; i < above->delegations.role_count; i++) {
        struct hm_partition_name name;

        if (!hm_partition_parse(above->delegations.roles[i].name, &name))
            continue;
        HM_TRY(hm_plan_side_part(plan, side, name.product, err, &part));
        HM_TRY(take(plan, ctx, part, HM_BYTES_EMPTY, err));
    }
    return HM_OK;
}

bool hm_plan_side_lists_anew(const struct hm_plan_side *side)
{
    const struct hm_plan_side_item *item = find_item(side, side->above);

    return item != NULL && item->targets->target_count > 0;
}

/* ---- the role above ------------------------------------------------------------------------- */

/* The keys that a role above gives its products, which are the same for all; NULL: it has none. */
static const struct hm_role_keys *product_keys(const struct hm_targets *above)
{
    if (above == NULL || above->delegations.role_count == 0)
        return NULL;
    return &above->delegations.roles[0].keys;
}

/* Published documents of products stay good under a new role above that gives them the same keys;
 * else each must carry the signatures of the new ones. *ret_good is false if one does not, or is
 * not there: then *ret_role names it. */
static enum hm_rc check_products(struct hm_plan *plan, const struct hm_plan_side *side,
                                 const struct hm_targets *above, struct hm_err *err,
                                 struct hm_bytes *ret_role, bool *ret_good)
{
    const struct hm_targets *published, *targets;
    const struct hm_role_keys *before, *now = product_keys(above);
    bool is_same;

    *ret_good = true;
    HM_TRY(hm_tree_role(plan->roles->tree, side->above, err, &published, NULL));
    before = product_keys(published);
    is_same = before != NULL && now != NULL && hm_keyring_is_same_role(before, now);
    for (size_t i = 0; i < above->delegations.role_count; i++) {
        const struct hm_delegated_role *delegation = &above->delegations.roles[i];
        const struct hm_envelope *envelope;
        char role[HM_LAYOUT_ROLE_SIZE_MAX];
        struct hm_signed ignored;

        (void)snprintf(role, sizeof(role), "%.*s", HM_BYTES_FMT(delegation->name));
        if (find_item(side, role) != NULL ||
            (is_same && hm_tree_version(plan->roles->tree, role) > 0))
            continue;
        HM_TRY(hm_tree_role(plan->roles->tree, role, err, &targets, &envelope));
        if (envelope == NULL ||
            hm_envelope_verify(envelope, &delegation->keys, role, NULL, &ignored) != HM_OK) {
            *ret_role = delegation->name;
            *ret_good = false;
            return HM_OK;
        }
    }
    return HM_OK;
}

enum hm_rc hm_plan_side_check_above(struct hm_plan *plan, const struct hm_plan_side *side,
                                    struct hm_err *why)
{
    const struct hm_targets *above;
    const struct hm_envelope *envelope;
    struct hm_signed ignored;
    struct hm_bytes role;
    bool good;

    HM_TRY(get_above(plan, side, why, &above, &envelope));
    if (above == NULL)
        return HM_OK;
    HM_TRY(hm_envelope_verify(envelope, &side->role->keys, side->above, why, &ignored));
    HM_TRY(hm_partition_check(side->role, above, why));
    if (find_item(side, side->above) == NULL)
        return HM_OK;
    HM_TRY(check_products(plan, side, above, why, &role, &good));
    if (!good)
        return hm_fail(why, HM_EREFUSED,
                       "'%s' hands a product on to '%.*s', which is not here signed by the same "
                       "keys",
                       side->above, HM_BYTES_FMT(role));
    return HM_OK;
}

/* ---- drafts --------------------------------------------------------------------------------- */

/* While a draft of targets changes the keys of release~ID, both go out together or not at all. */
static bool waits_for_targets(const struct hm_plan *plan, const struct hm_plan_side *side)
{
    const struct hm_role_keys *next = hm_tree_keys(NULL, hm_roles_targets(plan->roles),
                                                   hm_roles_layout(plan->roles), side->above);

    return plan->targets != hm_roles_targets(plan->roles) && next != NULL &&
           !hm_keyring_is_same_role(next, &side->role->keys);
}

/* One draft by itself: HM_OK, or in *why what it lacks. */
static enum hm_rc judge_draft(const struct hm_plan *plan, const struct hm_plan_side *side,
                              const struct hm_draft *draft, const struct hm_targets *content,
                              bool is_above, struct hm_err *why)
{
    struct hm_signed ignored;

    HM_TRY(hm_envelope_verify(draft->envelope, &side->role->keys, draft->role, why, &ignored));
    HM_TRY(hm_document_check_expiry(&content->document, plan->roles->site->now_unix_s, draft->role,
                                    why));
    if (is_above)
        return hm_partition_check(side->role, content, why);
    return hm_partition_check_product(hm_bytes_str(draft->role), content, why);
}

static enum hm_rc take_draft(struct hm_plan *plan, struct hm_plan_side *side, const char *role,
                             struct hm_bytes product, struct hm_err *err)
{
    int64_t next = hm_tree_version(plan->roles->tree, role) + 1;
    struct hm_targets_unsigned content = {NULL};
    struct hm_err why = HM_ERR_INIT;
    struct hm_draft *draft = NULL;
    size_t index = side->draft_count;
    enum hm_rc rc;

    HM_TRY(hm_draft_load(&plan->roles->site->drafts, role, err, &draft));
    side->drafts[index] = draft;
    side->draft_count++;
    if (draft->version != next)
        return hm_plan_note(plan, err,
                            "'%s' version %lld: the next version is %lld; make the draft anew",
                            role, (long long)draft->version, (long long)next);
    if (waits_for_targets(plan, side))
        return hm_plan_note(plan, err,
                            "'%s' version %lld waits for the draft of 'targets', which changes who "
                            "signs it",
                            role, (long long)draft->version);
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(draft->envelope), err, &content));
    side->contents[index] = content.content;
    rc = judge_draft(plan, side, draft, content.content, product.size == 0, &why);
    if (rc == HM_ESIGNATURE)
        return hm_plan_note_unsigned(plan, draft, &why, err);
    if (rc != HM_OK)
        return hm_plan_note(plan, err, "%s", why.text);
    return put_item(side,
                    &(struct hm_plan_side_item){.role = draft->role,
                                                .product = product,
                                                .version = draft->version,
                                                .raw = draft->raw,
                                                .envelope = draft->envelope,
                                                .targets = content.content},
                    err);
}

/* Drops the role above from the new ones if one of its products is not ready with it. */
static enum hm_rc settle_above(struct hm_plan *plan, struct hm_plan_side *side, struct hm_err *err)
{
    const struct hm_plan_side_item *item = find_item(side, side->above);
    struct hm_bytes role;
    bool good;

    if (item == NULL)
        return HM_OK;
    HM_TRY(check_products(plan, side, item->targets, err, &role, &good));
    if (good)
        return HM_OK;
    HM_TRY(hm_plan_note(plan, err, "'%s' version %lld waits for '%.*s'", side->above,
                        (long long)item->version, HM_BYTES_FMT(role)));
    side->items[0] = side->items[--side->count];
    return HM_OK;
}

/* Drops products that the role above, as it will be, does not know. */
static enum hm_rc settle_products(struct hm_plan *plan, struct hm_plan_side *side,
                                  struct hm_err *err)
{
    const struct hm_targets *above;
    const struct hm_envelope *ignored;
    size_t kept = 0;

    HM_TRY(get_above(plan, side, err, &above, &ignored));
    for (size_t i = 0; i < side->count; i++) {
        const struct hm_plan_side_item item = side->items[i];

        if (item.product.size > 0 &&
            (above == NULL ||
             hm_partition_find(hm_bytes_str(side->above), above, item.product) == NULL)) {
            HM_TRY(hm_plan_note(plan, err, "'%s' version %lld waits for '%s'", item.role,
                                (long long)item.version, side->above));
            continue;
        }
        side->items[kept++] = item;
    }
    side->count = kept;
    return HM_OK;
}

enum hm_rc hm_plan_side_take_drafts(struct hm_plan *plan, struct hm_plan_side *side,
                                    struct hm_err *err)
{
    side->drafts = hm_arena_alloc(&side->arena, plan->draft_count, sizeof(*side->drafts));
    side->contents = hm_arena_alloc(&side->arena, plan->draft_count, sizeof(*side->contents));
    if (side->drafts == NULL || side->contents == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < plan->draft_count; i++) {
        struct hm_partition_name name;

        if (hm_partition_parse(hm_bytes_str(plan->drafts[i]), &name) &&
            hm_bytes_is_str(name.above, side->above))
            HM_TRY(take_draft(plan, side, plan->drafts[i], name.product, err));
    }
    HM_TRY(settle_above(plan, side, err));
    return settle_products(plan, side, err);
}

/* ---- submissions ---------------------------------------------------------------------------- */

static struct hm_plan_side_item item_of(const struct hm_staged_document *document)
{
    struct hm_plan_side_item item = {.role = document->role,
                                     .version = document->targets->document.version,
                                     .raw = document->raw,
                                     .envelope = document->envelope,
                                     .targets = document->targets};
    struct hm_partition_name name;

    if (hm_partition_parse(hm_bytes_str(document->role), &name))
        item.product = name.product;
    return item;
}

/* A product's document as above delegates it. */
static bool is_good_product(const struct hm_plan_side *side, const struct hm_targets *above,
                            const struct hm_plan_side_item *item)
{
    const struct hm_delegated_role *delegation =
        hm_partition_find(hm_bytes_str(side->above), above, item->product);
    struct hm_signed ignored;

    return delegation != NULL &&
           hm_envelope_verify(item->envelope, &delegation->keys, item->role, NULL, &ignored) ==
               HM_OK &&
           hm_partition_check_product(hm_bytes_str(item->role), item->targets, NULL) == HM_OK;
}

static bool is_good(const struct hm_plan_side *side, const struct hm_staged *staged)
{
    const struct hm_staged_document *above = &staged->documents[0];
    struct hm_signed ignored;

    if (hm_envelope_verify(above->envelope, &side->role->keys, side->above, NULL, &ignored) !=
            HM_OK ||
        hm_partition_check(side->role, above->targets, NULL) != HM_OK)
        return false;
    for (size_t i = 1; i < staged->document_count; i++) {
        const struct hm_plan_side_item item = item_of(&staged->documents[i]);

        if (!is_good_product(side, above->targets, &item))
            return false;
    }
    return true;
}

/* A product that the new role above names, and of which only a rejected submission had a document:
 * it is signed, lists nothing that is released, and clients ask for it. */
static enum hm_rc fill_product(struct hm_plan *plan, struct hm_plan_side *side, const char *role,
                               struct hm_err *err)
{
    const struct hm_plan_side_item *above = find_item(side, side->above);
    struct hm_plan_side_item best = {.role = NULL};

    for (size_t i = 0; i < plan->staged->count; i++) {
        const struct hm_staged_document *document =
            plan->staged->items[i].is_attested ? NULL
                                               : hm_staged_document(&plan->staged->items[i], role);
        struct hm_plan_side_item item;

        if (document == NULL || plan->staged->items[i].rejected == NULL)
            continue;
        item = item_of(document);
        if (item.version > best.version && is_good_product(side, above->targets, &item))
            best = item;
    }
    return best.role == NULL ? HM_OK : put_item(side, &best, err);
}

static enum hm_rc fill_products(struct hm_plan *plan, struct hm_plan_side *side, struct hm_err *err)
{
    const struct hm_plan_side_item *above = find_item(side, side->above);
    const struct hm_delegations *delegations;

    if (above == NULL)
        return HM_OK;
    delegations = &above->targets->delegations;
    for (size_t i = 0; i < delegations->role_count; i++) {
        char role[HM_LAYOUT_ROLE_SIZE_MAX];

        (void)snprintf(role, sizeof(role), "%.*s", HM_BYTES_FMT(delegations->roles[i].name));
        if (find_item(side, role) == NULL && hm_tree_version(plan->roles->tree, role) == 0)
            HM_TRY(fill_product(plan, side, role, err));
    }
    return HM_OK;
}

enum hm_rc hm_plan_side_take(struct hm_plan *plan, struct hm_plan_side *side,
                             const struct hm_staged *staged, struct hm_err *err, bool *ret_taken)
{
    *ret_taken = is_good(side, staged);
    if (!*ret_taken)
        return HM_OK;
    for (size_t i = 0; i < staged->document_count; i++) {
        const struct hm_plan_side_item item = item_of(&staged->documents[i]);
        const struct hm_plan_side_item *there = find_item(side, item.role);
        int64_t version =
            there != NULL ? there->version : hm_tree_version(plan->roles->tree, item.role);

        if (item.version > version)
            HM_TRY(put_item(side, &item, err));
    }
    return fill_products(plan, side, err);
}
