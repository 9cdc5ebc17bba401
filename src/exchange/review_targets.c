/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two targets documents in words: releases, files and delegations. */
#include "exchange/review_internal.h"

#include "base/text.h"
#include "trust/partition.h"

#define NAME_WIDTH_MAX 40 /* file names are padded to the longest of the release, up to this */

/* ---- releases ------------------------------------------------------------------------------- */

/* A run of targets of one release; the arrays are views. */
struct run {
    const struct hm_target *targets;
    size_t count;
};

/* "ID/PRODUCT/VERSION" of a path, or all of it if it has fewer parts. */
static struct hm_bytes release_of(struct hm_bytes path)
{
    size_t slashes = 0;

    for (size_t i = 0; i < path.size; i++) {
        if (path.data[i] == '/' && ++slashes == 3)
            return hm_bytes_make(path.data, i);
    }
    return path;
}

/* What of the path stands behind the release's name. */
static struct hm_bytes file_of(struct hm_bytes path)
{
    struct hm_bytes release = release_of(path);

    if (release.size == path.size)
        return path;
    return hm_bytes_make(path.data + release.size + 1, path.size - release.size - 1);
}

/* Takes the targets of release from the front of rest. */
static struct run take_run(struct run *rest, struct hm_bytes release)
{
    struct run run = {rest->targets, 0};

    while (run.count < rest->count &&
           hm_bytes_is_equal(release_of(rest->targets[run.count].path), release))
        run.count++;
    if (run.count > 0) /* an empty run may have no array at all */
        rest->targets += run.count;
    rest->count -= run.count;
    return run;
}

static bool is_same_sha512(const struct hm_sha512 *a, const struct hm_sha512 *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return memcmp(a->bytes, b->bytes, HM_SHA512_SIZE) == 0;
}

static bool is_same_bytes(const struct hm_target *a, const struct hm_target *b)
{
    return a->facts.length == b->facts.length && a->facts.has_sha256 == b->facts.has_sha256 &&
           hm_digest_is_equal(&a->facts.sha256, &b->facts.sha256) &&
           is_same_sha512(a->facts.sha512, b->facts.sha512);
}

static bool is_same_run(struct run a, struct run b)
{
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++) {
        if (!hm_bytes_is_equal(a.targets[i].path, b.targets[i].path) ||
            !is_same_bytes(&a.targets[i], &b.targets[i]) ||
            !hm_bytes_is_equal(a.targets[i].custom, b.targets[i].custom))
            return false;
    }
    return true;
}

/* The text member "title" of custom, in arena; empty if there is none. */
static struct hm_bytes title_of(struct hm_bytes custom, struct hm_arena *arena)
{
    struct hm_json json;
    struct hm_bytes key;
    struct hm_bytes title;
    bool more;

    hm_json_init(&json, custom, arena);
    if (custom.size == 0 || hm_json_object_begin(&json, NULL) != HM_OK)
        return HM_BYTES_EMPTY;
    while (hm_json_object_next(&json, NULL, &more, &key) == HM_OK && more) {
        if (hm_bytes_is_str(key, "title"))
            return hm_json_string(&json, NULL, &title) == HM_OK ? title : HM_BYTES_EMPTY;
        if (hm_json_skip(&json, NULL, NULL) != HM_OK)
            break;
    }
    return HM_BYTES_EMPTY;
}

static void put_release(struct hm_review_out *out, char sign, struct hm_bytes release,
                        struct hm_bytes custom)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes title = title_of(custom, &arena);

    hm_review_text_put(out, "    %c ", sign);
    hm_review_text_put_bytes(out, release);
    if (title.size > 0) {
        hm_review_text_put(out, "  \"");
        hm_review_text_put_bytes(out, title);
        hm_review_text_put(out, "\"");
    }
    hm_review_text_end(out);
}

/* "      + NAME  SIZE  sha256 DIGEST" */
static void put_file(struct hm_review_out *out, const char *sign, size_t width,
                     const struct hm_target *target)
{
    struct hm_bytes name = file_of(target->path);
    char hex[HM_SHA256_HEX_SIZE] = "none stated";
    char size[16];

    if (target->facts.has_sha256)
        hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
    hm_text_size(target->facts.length, size);
    hm_review_text_put(out, "      %s ", sign);
    hm_review_text_put_bytes(out, name);
    for (size_t i = name.size; i < width; i++)
        hm_review_text_put(out, " ");
    hm_review_text_put(out, "  %9s  sha256 %s", size, hex);
    if (target->facts.sha512 != NULL) { /* Hallmark writes none, but other clients go by it */
        char hex512[2 * HM_SHA512_SIZE + 1];

        hm_text_hex(hm_bytes_make(target->facts.sha512->bytes, HM_SHA512_SIZE), hex512);
        hm_review_text_put(out, "  sha512 %s", hex512);
    }
    hm_review_text_end(out);
}

static void put_custom(struct hm_review_out *out, const char *what, struct hm_bytes custom)
{
    hm_review_text_put(out, "          %s ", what);
    if (custom.size == 0)
        hm_review_text_put(out, "none");
    else
        hm_review_text_put_bytes(out, custom);
    hm_review_text_end(out);
}

static size_t width_of(struct run run, size_t width)
{
    for (size_t i = 0; i < run.count; i++) {
        size_t size = file_of(run.targets[i].path).size;

        if (size > width)
            width = size;
    }
    return width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
}

/* True if custom is the same in all files: then it is shown once. */
static bool is_one_custom(struct run run)
{
    for (size_t i = 1; i < run.count; i++) {
        if (!hm_bytes_is_equal(run.targets[0].custom, run.targets[i].custom))
            return false;
    }
    return true;
}

/* A release that is all new, or all gone. */
static void put_whole(struct hm_review_out *out, char sign, struct hm_bytes release, struct run run)
{
    size_t width = width_of(run, 0);
    bool one = is_one_custom(run);

    put_release(out, sign, release, run.targets[0].custom);
    for (size_t i = 0; i < run.count; i++) {
        put_file(out, " ", width, &run.targets[i]);
        if (!one)
            put_custom(out, "custom", run.targets[i].custom);
    }
    if (one && run.targets[0].custom.size > 0)
        put_custom(out, "custom", run.targets[0].custom);
}

static void warn_file(struct hm_review_out *out, const char *what, const struct hm_target *target)
{
    hm_review_text_put(out, "%s: ", what);
    hm_review_text_put_bytes(out, target->path);
    hm_review_text_end_warning(out);
}

static void put_change(struct hm_review_out *out, size_t width, const struct hm_target *before,
                       const struct hm_target *after)
{
    if (!is_same_bytes(before, after)) {
        warn_file(out, "a version that exists gets other bytes", after);
        put_file(out, "-", width, before);
        put_file(out, "+", width, after);
    } else if (!hm_bytes_is_equal(before->custom, after->custom)) {
        put_file(out, "~", width, after);
    } else {
        return;
    }
    if (!hm_bytes_is_equal(before->custom, after->custom)) {
        put_custom(out, "custom was", before->custom);
        put_custom(out, "custom now", after->custom);
    }
}

/* A release of which something changes: file by file. */
static void put_changes(struct hm_review_out *out, struct hm_bytes release, struct run before,
                        struct run after)
{
    size_t width = width_of(after, width_of(before, 0));
    size_t b = 0;
    size_t a = 0;

    put_release(out, '~', release, after.targets[0].custom);
    while (b < before.count || a < after.count) {
        int order = b == before.count ? 1
                    : a == after.count
                        ? -1
                        : hm_bytes_compare(before.targets[b].path, after.targets[a].path);

        if (order < 0) {
            warn_file(out, "a file is removed", &before.targets[b]);
            put_file(out, "-", width, &before.targets[b++]);
        } else if (order > 0) {
            warn_file(out, "a version that exists gets one more file", &after.targets[a]);
            put_file(out, "+", width, &after.targets[a]);
            put_custom(out, "custom", after.targets[a++].custom);
        } else {
            put_change(out, width, &before.targets[b++], &after.targets[a++]);
        }
    }
}

struct counts {
    size_t added, changed, removed, moved, total;
    const struct hm_delegations *delegations; /* of the role as it will be */
};

/* A release of a product that gets a role of its own, which a signer sees by itself. */
static bool is_moved(const struct hm_review_out *out, const struct hm_delegations *delegations,
                     struct hm_bytes path)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_partition_name name;
    struct hm_path parsed;

    if (delegations->role_count == 0 || !hm_partition_parse(hm_bytes_str(out->role), &name) ||
        name.product.size > 0 || hm_layout_parse_path(path, NULL, &parsed) != HM_OK)
        return false;
    hm_partition_role(name.above, parsed.product, role);
    return hm_targets_find_role(delegations, hm_bytes_str(role)) != NULL;
}

static void put_runs(struct hm_review_out *out, struct hm_bytes release, struct run before,
                     struct run after, struct counts *counts)
{
    if (after.count > 0)
        counts->total++;
    if (before.count == 0) {
        counts->added++;
        put_whole(out, '+', release, after);
    } else if (after.count == 0 && is_moved(out, counts->delegations, before.targets[0].path)) {
        counts->moved++;
    } else if (after.count == 0) {
        counts->removed++;
        for (size_t i = 0; i < before.count; i++)
            warn_file(out, "a file is removed", &before.targets[i]);
        put_whole(out, '-', release, before);
    } else if (!is_same_run(before, after)) {
        counts->changed++;
        put_changes(out, release, before, after);
    }
}

/* A role that is of one ID speaks for that ID's paths alone. */
static void warn_foreign(struct hm_review_out *out, const struct hm_targets *after)
{
    struct hm_partition_name name;

    if (!hm_partition_parse(hm_bytes_str(out->role), &name))
        return;
    for (size_t i = 0; i < after->target_count; i++) {
        struct hm_path path;

        if (hm_layout_parse_path(after->targets[i].path, NULL, &path) != HM_OK ||
            !hm_bytes_is_equal(path.id, name.id) ||
            (name.product.size > 0 && !hm_bytes_is_equal(path.product, name.product)))
            warn_file(out, "the role may not speak for this path", &after->targets[i]);
    }
}

static void put_releases(struct hm_review_out *out, const struct hm_targets *before,
                         const struct hm_targets *after)
{
    struct run old = {before == NULL ? NULL : before->targets,
                      before == NULL ? 0 : before->target_count};
    struct run new = {after->targets, after->target_count};
    struct counts counts = {.delegations = &after->delegations};

    while (old.count > 0 || new.count > 0) {
        struct hm_bytes release;

        if (old.count == 0 ||
            (new.count > 0 && hm_bytes_compare(new.targets[0].path, old.targets[0].path) < 0))
            release = release_of(new.targets[0].path);
        else
            release = release_of(old.targets[0].path);
        put_runs(out, release, take_run(&old, release), take_run(&new, release), &counts);
    }
    if (counts.moved > 0)
        hm_review_text_line(out,
                            "    %zu releases move to the roles of their products, each of which "
                            "is shown by itself",
                            counts.moved);
    if (counts.added + counts.changed + counts.removed > 0)
        hm_review_text_line(out, "    releases: %zu added, %zu changed, %zu removed; %zu in all",
                            counts.added, counts.changed, counts.removed, counts.total);
    warn_foreign(out, after);
}

/* ---- delegations ---------------------------------------------------------------------------- */

static int compare_roles(const void *a, const void *b)
{
    return hm_bytes_compare((*(const struct hm_delegated_role *const *)a)->name,
                            (*(const struct hm_delegated_role *const *)b)->name);
}

static const struct hm_delegated_role **sort_roles(const struct hm_delegations *delegations,
                                                   struct hm_arena *arena, size_t *ret_count)
{
    size_t count = delegations == NULL ? 0 : delegations->role_count;
    const struct hm_delegated_role **sorted = hm_arena_alloc(arena, count, sizeof(sorted[0]));

    *ret_count = count;
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        sorted[i] = &delegations->roles[i];
    if (count > 1)
        qsort(sorted, count, sizeof(sorted[0]), compare_roles);
    return sorted;
}

static bool is_same_paths(const struct hm_delegated_role *a, const struct hm_delegated_role *b)
{
    if (a->path_count != b->path_count || a->hash_prefix_count != b->hash_prefix_count ||
        a->terminating != b->terminating)
        return false;
    for (size_t i = 0; i < a->path_count; i++) {
        if (!hm_bytes_is_equal(a->paths[i], b->paths[i]))
            return false;
    }
    for (size_t i = 0; i < a->hash_prefix_count; i++) {
        if (!hm_bytes_is_equal(a->hash_prefixes[i], b->hash_prefixes[i]))
            return false;
    }
    return true;
}

static void put_paths(struct hm_review_out *out, char sign, const struct hm_delegated_role *role)
{
    hm_review_text_put(out, "    %c role ", sign);
    hm_review_text_put_bytes(out, role->name);
    hm_review_text_put(out, " for");
    for (size_t i = 0; i < role->path_count; i++) {
        hm_review_text_put(out, " ");
        hm_review_text_put_bytes(out, role->paths[i]);
    }
    for (size_t i = 0; i < role->hash_prefix_count; i++) {
        hm_review_text_put(out, " hashes ");
        hm_review_text_put_bytes(out, role->hash_prefixes[i]);
    }
    hm_review_text_put(out, "%s", role->terminating ? ", terminating" : ", not terminating");
    hm_review_text_end(out);
}

static void put_role_keys(struct hm_review_out *out, struct hm_bytes name,
                          const struct hm_role_keys *before, const struct hm_role_keys *after)
{
    char what[HM_DOCUMENT_ROLE_NAME_SIZE_MAX + 32];

    (void)snprintf(what, sizeof(what), "keys of '%.*s'", HM_BYTES_FMT(name));
    hm_review_text_keys(out, what, before, after);
}

static void put_role_change(struct hm_review_out *out, const struct hm_delegated_role *before,
                            const struct hm_delegated_role *after)
{
    if (!is_same_paths(before, after)) {
        put_paths(out, '-', before);
        put_paths(out, '+', after);
        hm_review_text_put(out, "what role '");
        hm_review_text_put_bytes(out, after->name);
        hm_review_text_put(out, "' speaks for changes");
        hm_review_text_end_warning(out);
    }
    put_role_keys(out, after->name, &before->keys, &after->keys);
}

static void put_role_gone(struct hm_review_out *out, const struct hm_delegated_role *role)
{
    put_paths(out, '-', role);
    hm_review_text_put(out, "role '");
    hm_review_text_put_bytes(out, role->name);
    hm_review_text_put(out, "' is removed");
    hm_review_text_end_warning(out);
}

void hm_review_targets_delegations(struct hm_review_out *out, const struct hm_delegations *before,
                                   const struct hm_delegations *after)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    size_t old_count;
    size_t new_count;
    const struct hm_delegated_role **old = sort_roles(before, &arena, &old_count);
    const struct hm_delegated_role **new = sort_roles(after, &arena, &new_count);
    size_t b = 0;
    size_t a = 0;

    if (old == NULL || new == NULL) {
        out->rc = hm_error_nomem(out->err);
        return;
    }
    while (b < old_count || a < new_count) {
        int order = b == old_count   ? 1
                    : a == new_count ? -1
                                     : hm_bytes_compare(old[b]->name, new[a]->name);

        if (order < 0) {
            put_role_gone(out, old[b++]);
        } else if (order > 0) {
            put_paths(out, '+', new[a]);
            put_role_keys(out, new[a]->name, NULL, &new[a]->keys);
            a++;
        } else {
            put_role_change(out, old[b++], new[a++]);
        }
    }
}

static void put_succinct(struct hm_review_out *out, const struct hm_targets *before,
                         const struct hm_targets *after)
{
    uint32_t bits = before == NULL ? 0 : before->delegations.succinct_bits;

    if (bits != after->delegations.succinct_bits)
        hm_review_text_warn(out,
                            "succinct hash bins: %u bits (were %u), which Hallmark's sites do "
                            "not use",
                            after->delegations.succinct_bits, bits);
}

void hm_review_targets_diff(struct hm_review_out *out, const struct hm_targets *before,
                            const struct hm_targets *after)
{
    put_releases(out, before, after);
    hm_review_targets_delegations(out, before == NULL ? NULL : &before->delegations,
                                  &after->delegations);
    put_succinct(out, before, after);
    hm_review_makers_diff(out, before == NULL ? HM_BYTES_EMPTY : before->document.x_hallmark,
                          after->document.x_hallmark);
}
