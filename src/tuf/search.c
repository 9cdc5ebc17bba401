/* SPDX-License-Identifier: Apache-2.0 */
/* The search for a target through delegations (TUF 1.0.34 section 5.6.7). */
#include "tuf/search.h"

#include "tuf/grow_internal.h"

/* Delegations followed for one target, those to roles already visited included. */
#define STEPS_MAX 1024

/* Roles still to be visited; the next one is the last. */
struct search {
    struct hm_bytes path;
    const struct hm_delegated_role **stack;
    size_t count;
    struct hm_bytes visited[HM_CLIENT_DELEGATIONS_MAX];
    size_t visited_count;
    struct hm_arena arena;
    struct hm_arena *bins; /* outlives the search: the result may be a succinct bin */
};

static void search_done(struct search *search)
{
    hm_arena_done(&search->arena);
}

static enum hm_rc push(struct search *search, const struct hm_delegated_role *role,
                       struct hm_err *err)
{
    void *grown = hm_grow(&search->arena, search->stack, search->count, sizeof(*search->stack));

    if (grown == NULL)
        return hm_error_nomem(err);
    search->stack = grown;
    search->stack[search->count++] = role;
    return HM_OK;
}

static enum hm_rc push_succinct(struct search *search, const struct hm_delegations *delegations,
                                struct hm_err *err)
{
    struct hm_delegated_role *bin = hm_arena_alloc(search->bins, 1, sizeof(*bin));

    if (bin == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_targets_succinct_role(delegations, search->path, search->bins, err, bin));
    return push(search, bin, err);
}

/* TUF 5.6.7.2: the delegations that speak for the path, the first to be visited first; nothing
 * behind a terminating one, here or further up. */
static enum hm_rc push_delegations(struct search *search, const struct hm_delegations *delegations,
                                   struct hm_err *err)
{
    size_t first = search->count;

    if (delegations->succinct_bits > 0)
        return push_succinct(search, delegations, err);
    for (size_t i = 0; i < delegations->role_count; i++) {
        const struct hm_delegated_role *role = &delegations->roles[i];
        bool match;

        HM_TRY(hm_targets_role_matches(role, search->path, err, &match));
        if (!match)
            continue;
        HM_TRY(push(search, role, err));
        if (role->terminating) {
            memmove(search->stack, search->stack + first,
                    (search->count - first) * sizeof(*search->stack));
            search->count -= first;
            first = 0;
            break;
        }
    }
    for (size_t i = first, j = search->count; i + 1 < j; i++, j--) {
        const struct hm_delegated_role *swapped = search->stack[i];

        search->stack[i] = search->stack[j - 1];
        search->stack[j - 1] = swapped;
    }
    return HM_OK;
}

static bool is_visited(const struct search *search, struct hm_bytes name)
{
    for (size_t i = 0; i < search->visited_count; i++)
        if (hm_bytes_is_equal(search->visited[i], name))
            return true;
    return false;
}

static enum hm_rc search_roles(struct hm_client *client, struct search *search, struct hm_err *err,
                               struct hm_client_found *ret_found)
{
    for (int step = 0; search->count > 0; step++) {
        const struct hm_delegated_role *role = search->stack[--search->count];
        const struct hm_targets *targets;
        const struct hm_target *target;

        if (step == STEPS_MAX ||
            (search->visited_count == HM_CLIENT_DELEGATIONS_MAX && !is_visited(search, role->name)))
            return hm_fail(err, HM_EFORMAT,
                           "'%.*s': more than %d delegated roles would have to be asked",
                           HM_BYTES_FMT(search->path), HM_CLIENT_DELEGATIONS_MAX);
        /* Also for a role that was visited: this delegation may accept other keys. */
        HM_TRY(hm_client_role(client, role, err, &targets));
        if (is_visited(search, role->name))
            continue;
        search->visited[search->visited_count++] = role->name;
        target = hm_targets_find(targets, search->path);
        if (target != NULL) {
            *ret_found = (struct hm_client_found){target, targets, role};
            return HM_OK;
        }
        HM_TRY(push_delegations(search, &targets->delegations, err));
    }
    return hm_fail(err, HM_EUNKNOWN, "'%.*s': no role of the site lists this file",
                   HM_BYTES_FMT(search->path));
}

enum hm_rc hm_search_run(struct hm_client *client, struct hm_arena *bins, struct hm_bytes path,
                         struct hm_err *err, struct hm_client_found *ret_found)
{
    _hm_done_(search_done) struct search search = {.path = path, .bins = bins};
    const struct hm_targets *targets = hm_client_targets(client);
    const struct hm_target *target = hm_targets_find(targets, path);

    if (target != NULL) {
        *ret_found = (struct hm_client_found){target, targets, NULL};
        return HM_OK;
    }
    HM_TRY(push_delegations(&search, &targets->delegations, err));
    return search_roles(client, &search, err, ret_found);
}
