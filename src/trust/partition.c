/* SPDX-License-Identifier: Apache-2.0 */
/* Roles by product: their names, and what holds them to the role above (docs/formats.md 2). */
#include "trust/partition.h"

#include "base/text.h"

/* ---- names ----------------------------------------------------------------------------------- */

bool hm_partition_parse(struct hm_bytes role, struct hm_partition_name *ret_name)
{
    const struct hm_bytes release = HM_BYTES_LITERAL("release~");
    const struct hm_bytes maker = HM_BYTES_LITERAL("maker~");
    struct hm_partition_name name = {.is_maker = hm_bytes_has_prefix(role, maker)};
    size_t start = name.is_maker ? maker.size : release.size;
    const uint8_t *mark;

    if (!name.is_maker && !hm_bytes_has_prefix(role, release))
        return false;
    name.above = role;
    name.id = hm_bytes_make(role.data + start, role.size - start);
    mark = name.id.size == 0 ? NULL : memchr(name.id.data, '~', name.id.size);
    if (mark != NULL) {
        size_t size = (size_t)(mark - name.id.data);

        name.product = hm_bytes_make(mark + 1, name.id.size - size - 1);
        name.id.size = size;
        name.above.size = start + size;
        if (!hm_text_is_name(name.product))
            return false;
    }
    if (hm_layout_check_id(name.id, NULL) != HM_OK)
        return false;
    *ret_name = name;
    return true;
}

void hm_partition_role(struct hm_bytes above, struct hm_bytes product,
                       char ret_role[HM_LAYOUT_ROLE_SIZE_MAX])
{
    HM_ASSERT(above.size + 1 + product.size < HM_LAYOUT_ROLE_SIZE_MAX);
    (void)snprintf(ret_role, HM_LAYOUT_ROLE_SIZE_MAX, "%.*s~%.*s", HM_BYTES_FMT(above),
                   HM_BYTES_FMT(product)); /* fits */
}

void hm_partition_pattern(struct hm_bytes id, struct hm_bytes product,
                          char ret_pattern[HM_PARTITION_PATTERN_SIZE_MAX])
{
    HM_ASSERT(id.size <= HM_LAYOUT_ID_SIZE_MAX && product.size <= HM_TEXT_NAME_SIZE_MAX);
    (void)snprintf(ret_pattern, HM_PARTITION_PATTERN_SIZE_MAX, "%.*s/%.*s/*/*", HM_BYTES_FMT(id),
                   HM_BYTES_FMT(product)); /* fits */
}

const struct hm_delegated_role *hm_partition_find(struct hm_bytes above_name,
                                                  const struct hm_targets *above,
                                                  struct hm_bytes product)
{
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    if (above->delegations.role_count == 0)
        return NULL;
    hm_partition_role(above_name, product, role);
    return hm_targets_find_role(&above->delegations, hm_bytes_str(role));
}

/* ---- the role above -------------------------------------------------------------------------- */

/* The same ids of the same ring, which is what a writer gives every product: then comparing the
 * keys once is enough. */
static bool is_same_ids(const struct hm_role_keys *a, const struct hm_role_keys *b)
{
    if (a->ring != b->ring || a->threshold != b->threshold || a->id_count != b->id_count)
        return false;
    if (a->ids == b->ids)
        return true;
    for (size_t i = 0; i < a->id_count; i++) {
        if (strcmp(a->ids[i], b->ids[i]) != 0)
            return false;
    }
    return true;
}

/* As hm_partition_pattern, without writing it: there may be thousands. */
static bool is_pattern_of(struct hm_bytes pattern, const struct hm_partition_name *name)
{
    const struct hm_bytes id = name->id;
    const struct hm_bytes product = name->product;

    return pattern.size == id.size + 1 + product.size + strlen("/*/*") &&
           memcmp(pattern.data, id.data, id.size) == 0 && pattern.data[id.size] == '/' &&
           memcmp(pattern.data + id.size + 1, product.data, product.size) == 0 &&
           memcmp(pattern.data + id.size + 1 + product.size, "/*/*", strlen("/*/*")) == 0;
}

static enum hm_rc check_delegation(const struct hm_partition_name *above,
                                   const struct hm_delegated_role *role,
                                   struct hm_partition_name *ret_name, struct hm_err *err)
{
    if (!hm_partition_parse(role->name, ret_name) || ret_name->product.size == 0 ||
        !hm_bytes_is_equal(ret_name->above, above->above))
        return hm_fail(err, HM_EREFUSED,
                       "'%.*s': delegates to '%.*s', which is no role of one of its products; tell "
                       "the site",
                       HM_BYTES_FMT(above->above), HM_BYTES_FMT(role->name));
    if (!role->terminating)
        return hm_fail(err, HM_EREFUSED,
                       "'%.*s': role '%.*s' is not terminating, so another could speak for its "
                       "paths; tell the site",
                       HM_BYTES_FMT(above->above), HM_BYTES_FMT(role->name));
    if (role->hash_prefix_count != 0 || role->path_count != 1 ||
        !is_pattern_of(role->paths[0], ret_name))
        return hm_fail(err, HM_EREFUSED,
                       "'%.*s': role '%.*s' must speak for exactly '%.*s/%.*s/*/*', and does not; "
                       "tell the site",
                       HM_BYTES_FMT(above->above), HM_BYTES_FMT(role->name),
                       HM_BYTES_FMT(ret_name->id), HM_BYTES_FMT(ret_name->product));
    return HM_OK;
}

/* What the role above delegates it may not list as well: two would speak for one path. */
static enum hm_rc check_not_listed(const struct hm_partition_name *name,
                                   const struct hm_targets *above, struct hm_err *err)
{
    char text[HM_PARTITION_PATTERN_SIZE_MAX];
    struct hm_bytes prefix;
    size_t index;

    if (above->target_count == 0)
        return HM_OK;
    hm_partition_pattern(name->id, name->product, text);
    prefix = hm_bytes_make(text, strlen(text) - strlen("*/*"));
    index = hm_targets_place(above, prefix);
    if (index < above->target_count && hm_bytes_has_prefix(above->targets[index].path, prefix))
        return hm_fail(err, HM_EREFUSED,
                       "'%.*s': lists '%.*s' itself and delegates its product; tell the site",
                       HM_BYTES_FMT(name->above), HM_BYTES_FMT(above->targets[index].path));
    return HM_OK;
}

/* ---- what a role says it is of --------------------------------------------------------------- */

/* The member "product" of x-hallmark. All roles of one side are signed by the same keys, so nothing
 * but this keeps one from being served as another. Empty: of none, the role above. */
static enum hm_rc read_product(const struct hm_targets *targets, struct hm_arena *arena,
                               struct hm_err *err, struct hm_bytes *ret_product)
{
    struct hm_bytes key, span;
    struct hm_json json;
    bool more;

    *ret_product = HM_BYTES_EMPTY;
    if (targets->document.x_hallmark.size == 0)
        return HM_OK;
    hm_json_init(&json, targets->document.x_hallmark, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return hm_json_end(&json, err);
        if (!hm_bytes_is_str(key, "product")) {
            HM_TRY(hm_json_skip(&json, err, &span));
            continue;
        }
        HM_TRY(hm_json_string(&json, err, ret_product));
        if (!hm_text_is_name(*ret_product))
            return hm_fail(err, HM_EFORMAT, "its x-hallmark names a product that is no name");
    }
}

/* product: what it must say; empty: nothing. */
static enum hm_rc check_statement(struct hm_bytes role, const struct hm_targets *targets,
                                  struct hm_bytes product, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_bytes said = HM_BYTES_EMPTY;
    enum hm_rc rc = read_product(targets, &arena, err, &said);

    if (rc == HM_OK && !hm_bytes_is_equal(said, product))
        rc = hm_fail(err, HM_EREFUSED,
                     "it is signed %s%.*s, not %s%.*s (product in x-hallmark); tell the site",
                     said.size == 0 ? "for no product" : "for product ", HM_BYTES_FMT(said),
                     product.size == 0 ? "for none" : "for product ", HM_BYTES_FMT(product));
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%.*s'", HM_BYTES_FMT(role));
}

enum hm_rc hm_partition_statement(const struct hm_targets *above, struct hm_bytes product,
                                  struct hm_err *err, struct hm_buf *ret_json)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_json_writer writer;
    struct hm_bytes key, span;
    struct hm_json json;
    bool more;

    hm_json_init(&json, above->document.x_hallmark, &arena);
    hm_json_writer_init(&writer, ret_json, false);
    hm_json_writer_object_begin(&writer);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_json_skip(&json, err, &span));
        if (hm_bytes_is_str(key, "product"))
            continue;
        hm_json_writer_key_bytes(&writer, key);
        hm_json_writer_raw(&writer, span);
    }
    HM_TRY(hm_json_end(&json, err));
    hm_json_writer_key(&writer, "product");
    hm_json_writer_string(&writer, product);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_partition_check(const struct hm_delegated_role *role, const struct hm_targets *above,
                              struct hm_err *err)
{
    const struct hm_delegations *delegations = &above->delegations;
    const struct hm_role_keys *compared = NULL;
    struct hm_partition_name name, product;

    if (!hm_partition_parse(role->name, &name) || name.product.size != 0)
        return hm_fail(err, HM_EREFUSED, "'%.*s': is no role of a maker at a site",
                       HM_BYTES_FMT(role->name));
    if (delegations->succinct_bits != 0)
        return hm_fail(err, HM_EREFUSED,
                       "'%.*s': delegates to hash bins, which are of no product; tell the site",
                       HM_BYTES_FMT(role->name));
    HM_TRY(check_statement(role->name, above, HM_BYTES_EMPTY, err));
    for (size_t i = 0; i < delegations->role_count; i++) {
        const struct hm_delegated_role *below = &delegations->roles[i];

        HM_TRY(check_delegation(&name, below, &product, err));
        if ((compared == NULL || !is_same_ids(compared, &below->keys)) &&
            !hm_keyring_is_same_role(&role->keys, &below->keys))
            return hm_fail(err, HM_EREFUSED,
                           "'%.*s': gives role '%.*s' other keys or another threshold than it has "
                           "itself; tell the site",
                           HM_BYTES_FMT(role->name), HM_BYTES_FMT(below->name));
        compared = &below->keys;
        HM_TRY(check_not_listed(&product, above, err));
    }
    return HM_OK;
}

/* ---- a product's role ------------------------------------------------------------------------ */

enum hm_rc hm_partition_check_product(struct hm_bytes role, const struct hm_targets *targets,
                                      struct hm_err *err)
{
    struct hm_partition_name name;
    struct hm_path path;

    if (!hm_partition_parse(role, &name) || name.product.size == 0)
        return hm_fail(err, HM_EREFUSED, "'%.*s': is no role of a product", HM_BYTES_FMT(role));
    if (targets->delegations.role_count != 0 || targets->delegations.succinct_bits != 0)
        return hm_fail(err, HM_EREFUSED,
                       "'%.*s': delegates further, which a product's role may not; tell the site",
                       HM_BYTES_FMT(role));
    HM_TRY(check_statement(role, targets, name.product, err));
    for (size_t i = 0; i < targets->target_count; i++) {
        enum hm_rc rc = hm_layout_parse_path(targets->targets[i].path, err, &path);

        if (rc == HM_OK && (!hm_bytes_is_equal(path.id, name.id) ||
                            !hm_bytes_is_equal(path.product, name.product)))
            rc = hm_fail(err, HM_EREFUSED, "'%.*s' is not a path of product '%.*s/%.*s'",
                         HM_BYTES_FMT(targets->targets[i].path), HM_BYTES_FMT(name.id),
                         HM_BYTES_FMT(name.product));
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%.*s'", HM_BYTES_FMT(role));
    }
    return HM_OK;
}
