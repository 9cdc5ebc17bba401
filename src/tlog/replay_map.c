/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of releases from entries alone. See replay_map.h.
 *
 * A row's text is the release entry's own lines from its label or first image to its last, behind
 * two lines that are made here: nothing is formatted twice.
 */
#include "tlog/replay_map.h"

#include <stdlib.h>

#include "base/text.h"
#include "tlog/map.h"
#include "tlog/merkle.h"

#define SLOTS_MIN 1024 /* of the table of products; a power of two */
#define ROWS_MIN  2
#define NONE      SIZE_MAX
#define VENDOR    "vendor"

/* A version of a product. */
struct row {
    uint64_t entry;
    struct hm_sha256 leaf;
    const char *version;
    uint64_t *digests; /* the first 8 bytes of each image's, in the order of the entry */
    size_t digest_count;
};

struct product {
    struct hm_sha256 key;
    const char *name; /* ID/PRODUCT */
    struct row *rows; /* sorted; owned */
    size_t count;
    size_t capacity;
    bool is_changed; /* the map does not have its value */
    size_t next_changed;
};

/* A line "recall INDEX NAME" of a row. */
struct recall {
    uint64_t release; /* the row's entry */
    uint64_t index;
    const char *name;
};

struct hm_replay_map {
    struct hm_digest *digest;
    struct hm_map *map;
    struct product *products;
    size_t product_count;
    size_t product_capacity;
    uint32_t *slots; /* numbers of products, plus one; by the start of their key */
    size_t slot_count;
    size_t first_changed;
    struct recall *recalls; /* ascending by index */
    size_t recall_count;
    size_t recall_capacity;
    size_t row_count;
    struct hm_sha256 *leaves; /* scratch, for the largest list seen */
    size_t leaf_capacity;
    struct hm_arena arena; /* names, versions, digests */
};

enum hm_rc hm_replay_map_new(struct hm_err *err, struct hm_replay_map **ret_map)
{
    _hm_free_(hm_replay_map_free) struct hm_replay_map *map = calloc(1, sizeof(*map));

    if (map == NULL)
        return hm_error_nomem(err);
    map->first_changed = NONE;
    map->slot_count = SLOTS_MIN;
    map->slots = calloc(SLOTS_MIN, sizeof(*map->slots));
    if (map->slots == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &map->digest));
    HM_TRY(hm_map_new(err, &map->map));
    *ret_map = hm_steal(&map);
    return HM_OK;
}

void hm_replay_map_free(struct hm_replay_map *map)
{
    if (map == NULL)
        return;
    for (size_t i = 0; i < map->product_count; i++)
        free(map->products[i].rows);
    free(map->products);
    free(map->slots);
    free(map->recalls);
    free(map->leaves);
    hm_arena_done(&map->arena);
    hm_map_free(map->map);
    hm_digest_free(map->digest);
    free(map);
}

/* SHA-256 of "hallmark/v1 KIND\n", text and end. */
static enum hm_rc hash_text(struct hm_replay_map *map, const char *start, struct hm_bytes text,
                            const char *end, struct hm_err *err, struct hm_sha256 *ret_hash)
{
    HM_TRY(hm_digest_update(map->digest, hm_bytes_str(start), err));
    HM_TRY(hm_digest_update(map->digest, text, err));
    HM_TRY(hm_digest_update(map->digest, hm_bytes_str(end), err));
    return hm_digest_final(map->digest, err, ret_hash->bytes);
}

static enum hm_rc product_key(struct hm_replay_map *map, struct hm_bytes name, struct hm_err *err,
                              struct hm_sha256 *ret_key)
{
    return hash_text(map, "hallmark/v1 product\n", name, "\n", err, ret_key);
}

/* Where the product with this key is, or belongs. */
static uint32_t *find_slot(const struct hm_replay_map *map, const struct hm_sha256 *key)
{
    size_t at;

    memcpy(&at, key->bytes, sizeof(at));
    for (;; at++) {
        uint32_t *slot = &map->slots[at & (map->slot_count - 1)];

        if (*slot == 0 || hm_digest_is_equal(&map->products[*slot - 1].key, key))
            return slot;
    }
}

static enum hm_rc grow_slots(struct hm_replay_map *map, struct hm_err *err)
{
    size_t count = 2 * map->slot_count;
    uint32_t *slots = calloc(count, sizeof(*slots));

    if (slots == NULL)
        return hm_error_nomem(err);
    free(map->slots);
    map->slots = slots;
    map->slot_count = count;
    for (size_t i = 0; i < map->product_count; i++)
        *find_slot(map, &map->products[i].key) = (uint32_t)(i + 1);
    return HM_OK;
}

static enum hm_rc add_product(struct hm_replay_map *map, struct hm_bytes name,
                              const struct hm_sha256 *key, struct hm_err *err)
{
    const char *copy;

    if (map->product_count == map->product_capacity) {
        size_t wanted = map->product_capacity == 0 ? 16 : 2 * map->product_capacity;
        void *products = reallocarray(map->products, wanted, sizeof(*map->products));

        if (products == NULL)
            return hm_error_nomem(err);
        map->products = products;
        map->product_capacity = wanted;
    }
    if (2 * (map->product_count + 1) > map->slot_count)
        HM_TRY(grow_slots(map, err));
    copy = hm_arena_strdup(&map->arena, name);
    if (copy == NULL)
        return hm_error_nomem(err);
    map->products[map->product_count] = (struct product){.key = *key, .name = copy};
    *find_slot(map, key) = (uint32_t)++map->product_count;
    return HM_OK;
}

/* The product's number, or NONE. */
static size_t find_product(const struct hm_replay_map *map, const struct hm_sha256 *key)
{
    uint32_t slot = *find_slot(map, key);

    return slot == 0 ? NONE : slot - 1;
}

/* How many rows come before version. */
static size_t find_row(const struct product *product, const char *version, bool *ret_found)
{
    size_t low = 0;
    size_t high = product->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (hm_text_compare_versions(hm_bytes_str(product->rows[middle].version),
                                     hm_bytes_str(version)) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = low < product->count && strcmp(product->rows[low].version, version) == 0;
    return low;
}

static void mark_changed(struct hm_replay_map *map, size_t number)
{
    struct product *product = &map->products[number];

    if (product->is_changed)
        return;
    product->is_changed = true;
    product->next_changed = map->first_changed;
    map->first_changed = number;
}

/* The part of a release entry's text that stands in its row. */
static struct hm_bytes row_lines(struct hm_bytes raw)
{
    const uint8_t *path = memmem(raw.data, raw.size, "\npath ", 6);
    const uint8_t *end = memmem(raw.data, raw.size, "\nrole ", 6);
    const uint8_t *start;

    HM_ASSERT(path != NULL && end != NULL); /* a parsed release entry */
    start = (const uint8_t *)memchr(path + 1, '\n', (size_t)(end + 1 - path)) + 1;
    return hm_bytes_make(start, (size_t)(end + 1 - start));
}

/* The leaf of a row; recalls: the lines that it has behind the entry's. */
static enum hm_rc hash_row(struct hm_replay_map *map, const char *version, uint64_t index,
                           struct hm_bytes raw, struct hm_bytes recalls, struct hm_err *err,
                           struct hm_sha256 *ret_leaf)
{
    char head[HM_TEXT_NAME_SIZE_MAX + 64];
    int size = snprintf(head, sizeof(head), "%cversion %s\nentry %llu\n", 0, version,
                        (unsigned long long)index);

    HM_ASSERT(size > 0 && (size_t)size < sizeof(head));
    HM_TRY(hm_digest_update(map->digest, hm_bytes_make(head, (size_t)size), err));
    HM_TRY(hm_digest_update(map->digest, row_lines(raw), err));
    HM_TRY(hm_digest_update(map->digest, recalls, err));
    return hm_digest_final(map->digest, err, ret_leaf->bytes);
}

static uint64_t digest_start(const struct hm_sha256 *digest)
{
    uint64_t start;

    memcpy(&start, digest->bytes, sizeof(start));
    return start;
}

static enum hm_rc make_row(struct hm_replay_map *map, const struct hm_entry *entry,
                           struct hm_bytes raw, uint64_t index, struct hm_err *err,
                           struct row *ret_row)
{
    struct row row = {.entry = index, .digest_count = entry->image_count};
    const char *version = strrchr(entry->path, '/') + 1;

    HM_TRY(hash_row(map, version, index, raw, HM_BYTES_EMPTY, err, &row.leaf));
    row.version = hm_arena_strdup(&map->arena, hm_bytes_str(version));
    row.digests = hm_arena_alloc(&map->arena, entry->image_count, sizeof(*row.digests));
    if (row.version == NULL || row.digests == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < entry->image_count; i++)
        row.digests[i] = digest_start(&entry->images[i].sha256);
    *ret_row = row;
    return HM_OK;
}

static struct hm_bytes product_of(const char *path)
{
    return hm_bytes_make(path, (size_t)(strrchr(path, '/') - path));
}

static enum hm_rc apply_release(struct hm_replay_map *map, const struct hm_entry *entry,
                                struct hm_bytes raw, uint64_t index, struct hm_err *err)
{
    struct hm_bytes name = product_of(entry->path);
    struct product *product;
    struct hm_sha256 key;
    struct row row;
    size_t number;
    size_t position;
    bool is_there;

    HM_TRY(product_key(map, name, err, &key));
    number = find_product(map, &key);
    if (number == NONE) {
        number = map->product_count;
        HM_TRY(add_product(map, name, &key, err));
    }
    product = &map->products[number];
    position = find_row(product, strrchr(entry->path, '/') + 1, &is_there);
    if (is_there)
        return hm_fail(err, HM_EREFUSED,
                       "'%s' was released before, by entry %llu of the log: a version is never "
                       "used again",
                       entry->path, (unsigned long long)product->rows[position].entry);
    if (map->row_count == HM_REPLAY_MAP_ROW_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "the log has more than %zu releases",
                       HM_REPLAY_MAP_ROW_COUNT_MAX);
    if (product->count == product->capacity) {
        size_t wanted =
            product->capacity == 0 ? ROWS_MIN : product->capacity + (product->capacity + 1) / 2;
        void *rows = reallocarray(product->rows, wanted, sizeof(*product->rows));

        if (rows == NULL)
            return hm_error_nomem(err);
        product->rows = rows;
        product->capacity = wanted;
    }
    HM_TRY(make_row(map, entry, raw, index, err, &row));
    memmove(&product->rows[position + 1], &product->rows[position],
            (product->count - position) * sizeof(*product->rows));
    product->rows[position] = row;
    product->count++;
    map->row_count++;
    mark_changed(map, number);
    return HM_OK;
}

static enum hm_rc apply_maker(struct hm_replay_map *map, const struct hm_entry *entry,
                              struct hm_bytes raw, struct hm_err *err)
{
    const uint8_t *lines = memmem(raw.data, raw.size, "\nmaker ", 7);
    struct hm_sha256 key;
    struct hm_sha256 value;

    HM_ASSERT(lines != NULL); /* a parsed maker entry */
    lines++;
    HM_TRY(hash_text(map, "hallmark/v1 maker\n", hm_bytes_str(entry->maker), "\n", err, &key));
    HM_TRY(hash_text(map, "", hm_bytes_make(lines, (size_t)(raw.data + raw.size - lines)), "", err,
                     &value));
    return hm_map_set(map->map, &key, &value, err);
}

/* Recalls. */

static bool may_have_digest(const struct row *row, const struct hm_entry *recall)
{
    for (size_t i = 0; i < row->digest_count; i++) {
        for (size_t j = 0; j < recall->digest_count; j++) {
            if (row->digests[i] == digest_start(&recall->digests[j]))
                return true;
        }
    }
    return false;
}

static bool has_digest(const struct hm_entry *release, const struct hm_entry *recall)
{
    for (size_t i = 0; i < release->image_count; i++) {
        for (size_t j = 0; j < recall->digest_count; j++) {
            if (hm_digest_is_equal(&release->images[i].sha256, &recall->digests[j]))
                return true;
        }
    }
    return false;
}

static enum hm_rc add_recall(struct hm_replay_map *map, const struct row *row, uint64_t index,
                             const char *name, struct hm_err *err)
{
    if (map->recall_count == map->recall_capacity) {
        size_t wanted = map->recall_capacity == 0 ? 16 : 2 * map->recall_capacity;
        void *recalls = reallocarray(map->recalls, wanted, sizeof(*map->recalls));

        if (recalls == NULL)
            return hm_error_nomem(err);
        map->recalls = recalls;
        map->recall_capacity = wanted;
    }
    map->recalls[map->recall_count++] =
        (struct recall){.release = row->entry, .index = index, .name = name};
    return HM_OK;
}

/* The row with all its recalls, hashed again. */
static enum hm_rc rehash_row(struct hm_replay_map *map, const struct row *row, struct hm_bytes raw,
                             struct hm_err *err, struct hm_sha256 *ret_leaf)
{
    _hm_done_(hm_buf_done) struct hm_buf lines = HM_BUF_INIT((size_t)1 << 20);

    for (size_t i = 0; i < map->recall_count; i++) {
        if (map->recalls[i].release == row->entry)
            HM_TRY(hm_buf_append_fmt(&lines, err, "recall %llu %s\n",
                                     (unsigned long long)map->recalls[i].index,
                                     map->recalls[i].name));
    }
    return hash_row(map, row->version, row->entry, raw, hm_buf_bytes(&lines), err, ret_leaf);
}

static enum hm_rc recall_row(struct hm_replay_map *map, struct product *product, struct row *row,
                             const struct hm_entry *recall, uint64_t index, const char *name,
                             const struct hm_replay_entries *entries, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    _hm_free_(hm_entry_free) struct hm_entry *release = NULL;

    HM_TRY(entries->get(entries->ctx, row->entry, err, &raw));
    HM_TRY(hm_entry_parse(hm_buf_bytes(&raw), err, &release));
    if (!has_digest(release, recall))
        return HM_OK;
    HM_TRY(add_recall(map, row, index, name, err));
    HM_TRY(rehash_row(map, row, hm_buf_bytes(&raw), err, &row->leaf));
    mark_changed(map, (size_t)(product - map->products));
    return HM_OK;
}

static enum hm_rc apply_recall(struct hm_replay_map *map, const struct hm_entry *recall,
                               uint64_t index, const struct hm_replay_entries *entries,
                               struct hm_err *err)
{
    const char *id = strchr(recall->path, '/') + 1;
    size_t id_size = strcspn(id, "/") + 1; /* with the slash */
    bool is_vendor = hm_bytes_is_str(hm_bytes_make(id, id_size), VENDOR "/");
    const char *name = hm_arena_strdup(&map->arena, hm_bytes_str(strrchr(recall->path, '/') + 1));

    if (name == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < map->product_count; i++) {
        struct product *product = &map->products[i];

        if (!is_vendor && strncmp(product->name, id, id_size) != 0)
            continue;
        for (size_t j = 0; j < product->count; j++) {
            if (may_have_digest(&product->rows[j], recall))
                HM_TRY(
                    recall_row(map, product, &product->rows[j], recall, index, name, entries, err));
        }
    }
    return HM_OK;
}

enum hm_rc hm_replay_map_apply(struct hm_replay_map *map, const struct hm_entry *entry,
                               struct hm_bytes raw, uint64_t index,
                               const struct hm_replay_entries *entries, struct hm_err *err)
{
    switch (entry->kind) {
    case HM_ENTRY_RELEASE:
        return apply_release(map, entry, raw, index, err);
    case HM_ENTRY_RECALL:
        return apply_recall(map, entry, index, entries, err);
    case HM_ENTRY_MAKER:
        return apply_maker(map, entry, raw, err);
    case HM_ENTRY_ROOT:
    case HM_ENTRY_SNAPSHOT:
        break;
    }
    return HM_OK;
}

static enum hm_rc settle_product(struct hm_replay_map *map, const struct product *product,
                                 struct hm_err *err)
{
    char text[HM_SHA256_HEX_SIZE + 64];
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 root;
    struct hm_sha256 value;

    if (product->count > map->leaf_capacity) {
        void *leaves = reallocarray(map->leaves, 2 * product->count, sizeof(*map->leaves));

        if (leaves == NULL)
            return hm_error_nomem(err);
        map->leaves = leaves;
        map->leaf_capacity = 2 * product->count;
    }
    for (size_t i = 0; i < product->count; i++)
        map->leaves[i] = product->rows[i].leaf;
    HM_TRY(hm_merkle_root_of(map->digest, map->leaves, product->count, err, &root));
    hm_text_hex(hm_bytes_make(root.bytes, sizeof(root.bytes)), hex);
    (void)snprintf(text, sizeof(text), "%zu %s\n", product->count, hex);
    HM_TRY(hash_text(map, "hallmark/v1 versions\n", hm_bytes_str(text), "", err, &value));
    return hm_map_set(map->map, &product->key, &value, err);
}

enum hm_rc hm_replay_map_root(struct hm_replay_map *map, struct hm_err *err,
                              struct hm_sha256 *ret_root, uint64_t *ret_count)
{
    while (map->first_changed != NONE) {
        struct product *product = &map->products[map->first_changed];

        /* A refused first release leaves a product without rows. */
        if (product->count > 0)
            HM_TRY(settle_product(map, product, err));
        product->is_changed = false;
        map->first_changed = product->next_changed;
    }
    HM_TRY(hm_map_root(map->map, err, ret_root));
    *ret_count = hm_map_count(map->map);
    return HM_OK;
}

enum hm_rc hm_replay_map_find(struct hm_replay_map *map, const char *path, struct hm_err *err,
                              uint64_t *ret_index)
{
    struct hm_sha256 key;
    size_t number = NONE;
    size_t position;
    bool is_there = false;

    if (strchr(path, '/') != NULL) {
        HM_TRY(product_key(map, product_of(path), err, &key));
        number = find_product(map, &key);
    }
    if (number != NONE) {
        position = find_row(&map->products[number], strrchr(path, '/') + 1, &is_there);
        if (is_there)
            *ret_index = map->products[number].rows[position].entry;
    }
    return is_there ? HM_OK : hm_fail(err, HM_EUNKNOWN, "the log has no release '%s'", path);
}
