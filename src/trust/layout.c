/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, and the x-hallmark members of root and targets (docs/formats.md 1 and 2): parse, check,
 * write, free.
 *
 * The checks here are on shape: who may speak for which paths, and with keys of whom. Whether a
 * maker may be believed is verdict.c's business.
 */
#include "trust/layout.h"

#include "base/text.h"

#define RELEASE_PREFIX "release~"
#define MAKER_PREFIX   "maker~"
#define RECALLS_PREFIX "recalls~"
#define RECALLS_VENDOR "recalls~vendor"

static const char *const reserved_ids[] = {"recalls", "vendor", "lifted", "makers"};

static enum hm_rc check_id_form(struct hm_bytes id, const char *what, struct hm_err *err)
{
    bool good = id.size >= HM_LAYOUT_ID_SIZE_MIN && id.size <= HM_LAYOUT_ID_SIZE_MAX;

    for (size_t i = 0; good && i < id.size; i++) {
        uint8_t c = id.data[i];

        good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (i > 0 && (c == '-' || c == '_'));
    }
    if (!good)
        return hm_fail(err, HM_EFORMAT,
                       "'%.*s' is not %s: %d to %d of a-z, 0-9, '-' and '_', beginning with a "
                       "letter or digit",
                       HM_BYTES_FMT(id), what, HM_LAYOUT_ID_SIZE_MIN, HM_LAYOUT_ID_SIZE_MAX);
    return HM_OK;
}

enum hm_rc hm_layout_check_id(struct hm_bytes id, struct hm_err *err)
{
    HM_TRY(check_id_form(id, "a maker's ID or a site's name", err));
    for (size_t i = 0; i < HM_ARRAY_COUNT(reserved_ids); i++) {
        if (hm_bytes_is_str(id, reserved_ids[i]))
            return hm_fail(err, HM_EFORMAT, "'%s' is a reserved name; choose another",
                           reserved_ids[i]);
    }
    return HM_OK;
}

/* Cuts the next part off *rest, at '/' unless it is the last. */
static bool take_part(struct hm_bytes *rest, bool is_last, struct hm_bytes *ret_part)
{
    const uint8_t *slash = rest->size == 0 ? NULL : memchr(rest->data, '/', rest->size);
    size_t size;

    if (is_last != (slash == NULL))
        return false;
    size = slash == NULL ? rest->size : (size_t)(slash - rest->data);
    *ret_part = hm_bytes_make(rest->data, size);
    if (slash != NULL)
        *rest = hm_bytes_make(rest->data + size + 1, rest->size - size - 1);
    return true;
}

enum hm_rc hm_layout_parse_path(struct hm_bytes path, struct hm_err *err, struct hm_path *ret_path)
{
    struct hm_path parts = {.whole = path};
    struct hm_bytes rest = path;
    enum hm_rc rc;

    if (!take_part(&rest, false, &parts.id) || !take_part(&rest, false, &parts.product) ||
        !take_part(&rest, false, &parts.version) || !take_part(&rest, true, &parts.file))
        return hm_fail(err, HM_EFORMAT, "'%.*s' is not a path ID/PRODUCT/VERSION/FILE",
                       HM_BYTES_FMT(path));
    rc = hm_layout_check_id(parts.id, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%.*s'", HM_BYTES_FMT(path));
    if (!hm_text_is_name(parts.product))
        return hm_fail(err, HM_EFORMAT,
                       "'%.*s': the product is not 1 to %d of a-z, 0-9, '.', '_', '+' and '-'",
                       HM_BYTES_FMT(path), HM_TEXT_NAME_SIZE_MAX);
    if (!hm_text_is_name(parts.version))
        return hm_fail(err, HM_EFORMAT,
                       "'%.*s': the version is not 1 to %d of a-z, 0-9, '.', '_', '+' and '-'",
                       HM_BYTES_FMT(path), HM_TEXT_NAME_SIZE_MAX);
    if (!hm_text_is_file_name(parts.file))
        return hm_fail(err, HM_EFORMAT,
                       "'%.*s': the file name is not 1 to %d of A-Z, a-z, 0-9, '.', '_', '+' and "
                       "'-'",
                       HM_BYTES_FMT(path), HM_TEXT_NAME_SIZE_MAX);
    *ret_path = parts;
    return HM_OK;
}

static void write_role(const char *prefix, struct hm_bytes id,
                       char ret_role[HM_LAYOUT_ROLE_SIZE_MAX])
{
    HM_ASSERT(id.size <= HM_LAYOUT_ID_SIZE_MAX);
    (void)snprintf(ret_role, HM_LAYOUT_ROLE_SIZE_MAX, "%s%.*s", prefix,
                   HM_BYTES_FMT(id)); /* fits */
}

void hm_layout_release_role(struct hm_bytes id, char ret_role[HM_LAYOUT_ROLE_SIZE_MAX])
{
    write_role(RELEASE_PREFIX, id, ret_role);
}

void hm_layout_maker_role(struct hm_bytes id, char ret_role[HM_LAYOUT_ROLE_SIZE_MAX])
{
    write_role(MAKER_PREFIX, id, ret_role);
}

const char *hm_layout_grade_text(enum hm_grade grade)
{
    switch (grade) {
    case HM_GRADE_ATTESTED:
        return "vendor-attested";
    case HM_GRADE_INTRODUCED:
        return "maker, introduced by vendor";
    case HM_GRADE_PINNED:
        return "maker, pinned";
    case HM_GRADE_NONE:
        break;
    }
    return "none";
}

static enum hm_rc copy_text(struct hm_arena *arena, struct hm_bytes bytes, struct hm_err *err,
                            const char **ret_text)
{
    char *text = hm_arena_strdup(arena, bytes);

    if (text == NULL)
        return hm_error_nomem(err);
    *ret_text = text;
    return HM_OK;
}

static enum hm_rc parse_sha256(struct hm_json *json, struct hm_err *err,
                               struct hm_sha256 *ret_sha256)
{
    struct hm_bytes hex;

    HM_TRY(hm_json_string(json, err, &hex));
    if (hm_text_unhex(hex, ret_sha256->bytes, sizeof(ret_sha256->bytes)) != HM_OK)
        return hm_fail(err, HM_EFORMAT, "a SHA-256 is not 64 hexadecimal digits");
    return HM_OK;
}

/* ---- makers ---------------------------------------------------------------------------------- */

static enum hm_rc parse_identity_facts(struct hm_json *json, struct hm_err *err,
                                       struct hm_layout_maker *maker)
{
    bool version = false, sha256 = false, length = false, first = false;
    struct hm_bytes key, unused;
    int64_t value = 0;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "version")) {
            version = true;
            HM_TRY(hm_json_int(json, err, &maker->identity_version));
        } else if (hm_bytes_is_str(key, "sha256")) {
            sha256 = true;
            HM_TRY(parse_sha256(json, err, &maker->identity_sha256));
        } else if (hm_bytes_is_str(key, "length")) {
            length = true;
            HM_TRY(hm_json_int(json, err, &value));
        } else if (hm_bytes_is_str(key, "first")) {
            first = true;
            HM_TRY(parse_sha256(json, err, &maker->identity_first));
        } else {
            HM_TRY(hm_json_skip(json, err, &unused));
        }
    }
    if (!version || !sha256 || !length || !first)
        return hm_fail(err, HM_EFORMAT, "its identity lacks version, sha256, length or first");
    if (maker->identity_version < 1 || maker->identity_version > HM_IDENTITY_VERSION_MAX)
        return hm_fail(err, HM_EFORMAT, "its identity's version is not 1 to %d",
                       HM_IDENTITY_VERSION_MAX);
    if (value < 1 || value > HM_IDENTITY_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "its identity's length is not 1 to %d",
                       HM_IDENTITY_SIZE_MAX);
    if (maker->identity_version == 1 &&
        !hm_digest_is_equal(&maker->identity_sha256, &maker->identity_first))
        return hm_fail(err, HM_EFORMAT, "its identity 1 is not its first identity");
    maker->identity_length = (uint64_t)value;
    return HM_OK;
}

static enum hm_rc parse_grade(struct hm_json *json, struct hm_err *err, bool *ret_attested)
{
    struct hm_bytes grade;

    HM_TRY(hm_json_string(json, err, &grade));
    if (hm_bytes_is_str(grade, "maker"))
        *ret_attested = false;
    else if (hm_bytes_is_str(grade, "attested"))
        *ret_attested = true;
    else
        return hm_fail(err, HM_EFORMAT, "its grade '%.*s' is neither maker nor attested",
                       HM_BYTES_FMT(grade));
    return HM_OK;
}

static enum hm_rc parse_maker(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                              struct hm_layout_maker *maker)
{
    bool grade = false, name = false, identity = false;
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "grade")) {
            grade = true;
            HM_TRY(parse_grade(json, err, &maker->is_attested));
        } else if (hm_bytes_is_str(key, "name")) {
            name = true;
            HM_TRY(hm_json_string(json, err, &text));
            if (text.size == 0 || text.size > HM_IDENTITY_NAME_SIZE_MAX)
                return hm_fail(err, HM_EFORMAT, "its name is not 1 to %d bytes long",
                               HM_IDENTITY_NAME_SIZE_MAX);
            HM_TRY(copy_text(arena, text, err, &maker->name));
        } else if (hm_bytes_is_str(key, "identity")) {
            identity = true;
            HM_TRY(parse_identity_facts(json, err, maker));
        } else {
            HM_TRY(hm_json_skip(json, err, &text));
        }
    }
    if (!grade || !name)
        return hm_fail(err, HM_EFORMAT, "it lacks grade or name");
    if (maker->is_attested == identity)
        return hm_fail(err, HM_EFORMAT,
                       identity ? "it is attested and has an identity; only one can be"
                                : "it is of grade maker, but no identity is named");
    return HM_OK;
}

static int compare_makers(const void *a, const void *b)
{
    return strcmp(((const struct hm_layout_maker *)a)->id, ((const struct hm_layout_maker *)b)->id);
}

static enum hm_rc grow_makers(struct hm_layout *layout, size_t *capacity, struct hm_err *err)
{
    size_t more = *capacity == 0 ? 16 : 2 * *capacity;
    struct hm_layout_maker *makers;

    if (layout->maker_count < *capacity)
        return HM_OK;
    if (layout->maker_count >= HM_LAYOUT_MAKER_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "more than %d makers", HM_LAYOUT_MAKER_COUNT_MAX);
    makers = hm_arena_alloc(&layout->arena, more, sizeof(*makers));
    if (makers == NULL)
        return hm_error_nomem(err);
    if (layout->maker_count > 0)
        memcpy(makers, layout->makers, layout->maker_count * sizeof(*makers));
    layout->makers = makers;
    *capacity = more;
    return HM_OK;
}

static enum hm_rc parse_makers(struct hm_json *json, struct hm_err *err, struct hm_layout *layout)
{
    size_t capacity = 0;
    struct hm_bytes id;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        struct hm_layout_maker *maker;
        enum hm_rc rc;

        HM_TRY(hm_json_object_next(json, err, &more, &id));
        if (!more)
            break;
        HM_TRY(hm_layout_check_id(id, err));
        HM_TRY(grow_makers(layout, &capacity, err));
        maker = &layout->makers[layout->maker_count];
        HM_TRY(copy_text(&layout->arena, id, err, &maker->id));
        rc = parse_maker(json, &layout->arena, err, maker);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "maker '%s'", maker->id);
        layout->maker_count++;
    }
    if (layout->maker_count > 1)
        qsort(layout->makers, layout->maker_count, sizeof(*layout->makers), compare_makers);
    return HM_OK;
}

const struct hm_layout_maker *hm_layout_find(const struct hm_layout *layout, struct hm_bytes id)
{
    size_t low = 0;
    size_t high = layout->maker_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = hm_bytes_compare(hm_bytes_str(layout->makers[middle].id), id);

        if (order == 0)
            return &layout->makers[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- roles ----------------------------------------------------------------------------------- */

/* The role speaks for PREFIX + ID + SUFFIX alone, and ends the search there. */
static enum hm_rc check_paths(const struct hm_delegated_role *role, const char *prefix,
                              struct hm_bytes id, const char *suffix, struct hm_err *err)
{
    char pattern[HM_LAYOUT_ROLE_SIZE_MAX + 16];

    (void)snprintf(pattern, sizeof(pattern), "%s%.*s%s", prefix, HM_BYTES_FMT(id),
                   suffix); /* fits */
    if (!role->terminating)
        return hm_fail(err, HM_EREFUSED,
                       "'targets': role '%.*s' is not terminating, so another could speak for its "
                       "paths; tell the site",
                       HM_BYTES_FMT(role->name));
    if (role->hash_prefix_count != 0 || role->path_count != 1 ||
        !hm_bytes_is_str(role->paths[0], pattern))
        return hm_fail(err, HM_EREFUSED,
                       "'targets': role '%.*s' must speak for exactly '%s', and does not; tell "
                       "the site",
                       HM_BYTES_FMT(role->name), pattern);
    return HM_OK;
}

/* If name is prefix + an ID, gives the ID. */
static bool split_role(struct hm_bytes name, const char *prefix, struct hm_bytes *ret_id)
{
    struct hm_bytes head = hm_bytes_str(prefix);

    if (!hm_bytes_has_prefix(name, head) || name.size - head.size > HM_LAYOUT_ID_SIZE_MAX)
        return false;
    *ret_id = hm_bytes_make(name.data + head.size, name.size - head.size);
    return true;
}

static enum hm_rc check_vendor_role(const struct hm_layout *layout,
                                    const struct hm_delegated_role *role, struct hm_err *err)
{
    struct hm_bytes id;

    if (hm_bytes_is_str(role->name, RECALLS_VENDOR))
        return check_paths(role, "recalls/", HM_BYTES_LITERAL("vendor"), "/*", err);
    if (split_role(role->name, RELEASE_PREFIX, &id) && hm_layout_find(layout, id) != NULL)
        return check_paths(role, "", id, "/*/*/*", err);
    return hm_fail(err, HM_EREFUSED,
                   "'targets': role '%.*s' belongs to no maker of this site, so it may not be "
                   "delegated to",
                   HM_BYTES_FMT(role->name));
}

static enum hm_rc check_maker_role(const struct hm_layout *layout,
                                   const struct hm_delegated_role *role, struct hm_err *err)
{
    const struct hm_layout_maker *maker = NULL;
    struct hm_bytes id;
    bool is_maker = split_role(role->name, MAKER_PREFIX, &id);

    if (is_maker || split_role(role->name, RECALLS_PREFIX, &id))
        maker = hm_layout_find(layout, id);
    if (maker == NULL || maker->is_attested)
        return hm_fail(err, HM_EREFUSED,
                       "'targets': role '%.*s' belongs to no maker who signs at this site, so it "
                       "may not be delegated to",
                       HM_BYTES_FMT(role->name));
    if (is_maker)
        return check_paths(role, "", id, "/*/*/*", err);
    return check_paths(role, "recalls/", id, "/*", err);
}

static enum hm_rc check_has_roles(const struct hm_layout *layout, const struct hm_targets *targets,
                                  struct hm_err *err)
{
    for (size_t i = 0; i < layout->maker_count; i++) {
        const struct hm_layout_maker *maker = &layout->makers[i];
        char role[HM_LAYOUT_ROLE_SIZE_MAX];

        hm_layout_release_role(hm_bytes_str(maker->id), role);
        if (hm_targets_find_role(&targets->delegations, hm_bytes_str(role)) == NULL)
            return hm_fail(err, HM_EREFUSED,
                           "'targets': maker '%s' has no role '%s'; tell the site", maker->id,
                           role);
        if (maker->is_attested)
            continue;
        hm_layout_maker_role(hm_bytes_str(maker->id), role);
        if (hm_targets_find_role(&layout->delegations, hm_bytes_str(role)) == NULL)
            return hm_fail(err, HM_EREFUSED,
                           "'targets': maker '%s' has no role '%s'; tell the site", maker->id,
                           role);
    }
    return HM_OK;
}

/* ---- no key material on both sides ----------------------------------------------------------- */

struct materials {
    struct hm_sha256 *items;
    size_t count;
};

static int compare_materials(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hm_sha256));
}

static const struct hm_key *key_of(const struct hm_role_keys *keys, size_t index)
{
    const struct hm_keyring_key *key = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[index]));

    return key == NULL ? NULL : key->key;
}

static void add_materials(const struct hm_role_keys *keys, struct materials *materials)
{
    for (size_t i = 0; i < keys->id_count; i++) {
        const struct hm_key *key = key_of(keys, i);

        if (key != NULL)
            materials->items[materials->count++] = *hm_key_material(key);
    }
}

static enum hm_rc collect_vendor_materials(const struct hm_root *root,
                                           const struct hm_targets *targets, struct hm_arena *arena,
                                           struct hm_err *err, struct materials *ret_materials)
{
    size_t count = 0;

    for (size_t i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        count += root->roles[i].id_count;
    for (size_t i = 0; i < targets->delegations.role_count; i++)
        count += targets->delegations.roles[i].keys.id_count;
    ret_materials->count = 0;
    ret_materials->items = hm_arena_alloc(arena, count, sizeof(*ret_materials->items));
    if (ret_materials->items == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < HM_ROOT_ROLE_COUNT_; i++)
        add_materials(&root->roles[i], ret_materials);
    for (size_t i = 0; i < targets->delegations.role_count; i++)
        add_materials(&targets->delegations.roles[i].keys, ret_materials);
    if (ret_materials->count > 1)
        qsort(ret_materials->items, ret_materials->count, sizeof(*ret_materials->items),
              compare_materials);
    return HM_OK;
}

static enum hm_rc check_no_shared_keys(const struct hm_root *root, const struct hm_targets *targets,
                                       const struct hm_layout *layout, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct materials vendor;

    HM_TRY(collect_vendor_materials(root, targets, &arena, err, &vendor));
    for (size_t i = 0; i < layout->delegations.role_count; i++) {
        const struct hm_delegated_role *role = &layout->delegations.roles[i];

        for (size_t j = 0; j < role->keys.id_count; j++) {
            const struct hm_key *key = key_of(&role->keys, j);

            if (key != NULL && vendor.count > 0 &&
                bsearch(hm_key_material(key), vendor.items, vendor.count, sizeof(*vendor.items),
                        compare_materials) != NULL)
                return hm_fail(err, HM_EREFUSED,
                               "'targets': key %.8s stands in role '%.*s' and in one of the "
                               "vendor's, so two signatures would be one hand's; tell the site",
                               hm_key_id(key), HM_BYTES_FMT(role->name));
        }
    }
    return HM_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static enum hm_rc parse_members(struct hm_json *json, const char *site, struct hm_err *err,
                                struct hm_layout *layout)
{
    bool has_makers = false, has_delegations = false;
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "site")) {
            HM_TRY(hm_json_string(json, err, &text));
            if (!hm_bytes_is_str(text, site))
                return hm_fail(err, HM_EMISMATCH, "it is for site '%.*s', not '%s'",
                               HM_BYTES_FMT(text), site);
            HM_TRY(copy_text(&layout->arena, text, err, &layout->site));
        } else if (hm_bytes_is_str(key, "makers")) {
            has_makers = true;
            HM_TRY(parse_makers(json, err, layout));
        } else if (hm_bytes_is_str(key, "delegations")) {
            has_delegations = true;
            HM_TRY(hm_targets_parse_delegations(json, &layout->arena, err, &layout->delegations));
        } else {
            HM_TRY(hm_json_skip(json, err, &text));
        }
    }
    HM_TRY(hm_json_end(json, err));
    if (layout->site == NULL || !has_makers || !has_delegations)
        return hm_fail(err, HM_EFORMAT, "its x-hallmark lacks site, makers or delegations");
    return HM_OK;
}

static enum hm_rc check_shape(const struct hm_root *root, const struct hm_targets *targets,
                              const struct hm_layout *layout, struct hm_err *err)
{
    if (targets->target_count != 0)
        return hm_fail(err, HM_EREFUSED,
                       "'targets': lists files itself, which no maker signed; tell the site");
    if (targets->delegations.succinct_bits != 0 || layout->delegations.succinct_bits != 0)
        return hm_fail(err, HM_EREFUSED,
                       "'targets': delegates to hash bins, which belong to no maker; tell the "
                       "site");
    for (size_t i = 0; i < targets->delegations.role_count; i++)
        HM_TRY(check_vendor_role(layout, &targets->delegations.roles[i], err));
    for (size_t i = 0; i < layout->delegations.role_count; i++)
        HM_TRY(check_maker_role(layout, &layout->delegations.roles[i], err));
    HM_TRY(check_has_roles(layout, targets, err));
    return check_no_shared_keys(root, targets, layout, err);
}

enum hm_rc hm_layout_parse(const struct hm_root *root, const struct hm_targets *targets,
                           const char *site, struct hm_err *err, struct hm_layout **ret_layout)
{
    _hm_free_(hm_layout_free) struct hm_layout *layout = calloc(1, sizeof(*layout));
    struct hm_json json;
    struct hm_bytes raw;
    enum hm_rc rc;

    if (layout == NULL)
        return hm_error_nomem(err);
    if (targets->document.x_hallmark.size == 0)
        return hm_fail(err, HM_EFORMAT,
                       "'targets': has no x-hallmark; this is a plain TUF repository, not a "
                       "Hallmark site (see 'hallmark tuf')");
    HM_TRY(hm_arena_copy(&layout->arena, targets->document.x_hallmark, err, &raw));
    hm_json_init(&json, raw, &layout->arena);
    rc = parse_members(&json, site, err, layout);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'targets'");
    HM_TRY(check_shape(root, targets, layout, err));
    *ret_layout = hm_steal(&layout);
    return HM_OK;
}

void hm_layout_free(struct hm_layout *layout)
{
    if (layout == NULL)
        return;
    hm_targets_delegations_done(&layout->delegations);
    hm_arena_done(&layout->arena);
    free(layout);
}

static void write_maker(const struct hm_layout_maker *maker, struct hm_json_writer *writer)
{
    hm_json_writer_key(writer, maker->id);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "grade", maker->is_attested ? "attested" : "maker");
    if (!maker->is_attested) {
        hm_json_writer_key(writer, "identity");
        hm_json_writer_object_begin(writer);
        hm_json_writer_key(writer, "first");
        hm_json_writer_hex(writer, hm_bytes_make(maker->identity_first.bytes, HM_SHA256_SIZE));
        hm_json_writer_key(writer, "length");
        hm_json_writer_u64(writer, maker->identity_length);
        hm_json_writer_key(writer, "sha256");
        hm_json_writer_hex(writer, hm_bytes_make(maker->identity_sha256.bytes, HM_SHA256_SIZE));
        hm_json_writer_key_int(writer, "version", maker->identity_version);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_key_str(writer, "name", maker->name);
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_layout_write(const struct hm_layout *layout, struct hm_err *err,
                           struct hm_buf *ret_json)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_json, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key(&writer, "delegations");
    hm_targets_write_delegations(&layout->delegations, &writer);
    hm_json_writer_key(&writer, "makers");
    hm_json_writer_object_begin(&writer);
    for (size_t i = 0; i < layout->maker_count; i++)
        write_maker(&layout->makers[i], &writer);
    hm_json_writer_object_end(&writer);
    hm_json_writer_key_str(&writer, "site", layout->site);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

enum hm_rc hm_layout_root_site(const struct hm_root *root, struct hm_arena *arena,
                               struct hm_err *err, const char **ret_site, bool *ret_trial)
{
    struct hm_bytes key, text;
    struct hm_json json;
    const char *site = NULL;
    bool trial = false;
    bool more;

    if (root->document.x_hallmark.size == 0)
        return hm_fail(err, HM_EFORMAT,
                       "'root': has no x-hallmark; this is a plain TUF repository, not a Hallmark "
                       "site (see 'hallmark tuf')");
    hm_json_init(&json, root->document.x_hallmark, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "site")) {
            HM_TRY(hm_json_string(&json, err, &text));
            HM_TRY(hm_layout_check_id(text, err));
            HM_TRY(copy_text(arena, text, err, &site));
        } else if (hm_bytes_is_str(key, "trial")) {
            HM_TRY(hm_json_bool(&json, err, &trial));
        } else {
            HM_TRY(hm_json_skip(&json, err, &text));
        }
    }
    HM_TRY(hm_json_end(&json, err));
    if (site == NULL)
        return hm_fail(err, HM_EFORMAT, "'root': its x-hallmark names no site");
    *ret_site = site;
    *ret_trial = trial;
    return HM_OK;
}
