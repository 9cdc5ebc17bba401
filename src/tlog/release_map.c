/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of releases. See release_map.h.
 *
 * Lists that were changed, and some that were read, are held in memory; the map itself learns of a
 * change when its root is next asked for, so that a batch costs each product one root.
 */
#include "tlog/release_map.h"

#include "base/text.h"
#include "tlog/map_files.h"

#define VERSIONS_PATH "versions"
#define MAKERS_PATH   "makers"
#define PATH_SIZE     128 /* "versions/ID/PRODUCT": 106 with NUL */
#define VENDOR        "vendor"
#define HELD_MIN      16
#define NO_HELD       SIZE_MAX

/* A product's list in memory. */
struct held {
    char *product; /* ID/PRODUCT, owned */
    struct hm_sha256 key;
    struct hm_release_list *list; /* owned */
    bool is_unsettled;            /* the map does not have its value yet */
    bool is_dirty;                /* the store does not have it */
    bool is_stored;               /* the store has the product, perhaps an older list of it */
    size_t next_unsettled;
};

/* A maker's lines that the store does not have. */
struct word {
    char *id;           /* owned */
    struct hm_buf text; /* owned */
};

struct hm_release_map {
    const struct hm_release_store *store;
    struct hm_map_files *files; /* owned */
    struct held *held;
    size_t held_count;
    size_t held_capacity;
    struct hm_map *held_index; /* owned: a product's key -> its number among held */
    size_t first_unsettled;
    struct word *words;
    size_t word_count;
};

enum hm_rc hm_release_map_open(const struct hm_release_store *store, const struct hm_sha256 *root,
                               uint64_t count, struct hm_err *err, struct hm_release_map **ret_map)
{
    _hm_free_(hm_release_map_free) struct hm_release_map *map = calloc(1, sizeof(*map));

    if (map == NULL)
        return hm_error_nomem(err);
    map->store = store;
    map->first_unsettled = NO_HELD;
    HM_TRY(hm_map_files_open(store, root, count, err, &map->files));
    HM_TRY(hm_map_new(err, &map->held_index));
    *ret_map = hm_steal(&map);
    return HM_OK;
}

enum hm_rc hm_release_map_new(const struct hm_release_store *store, struct hm_err *err,
                              struct hm_release_map **ret_map)
{
    struct hm_sha256 empty;

    HM_TRY(hm_digest_sha256(HM_BYTES_EMPTY, err, &empty));
    return hm_release_map_open(store, &empty, 0, err, ret_map);
}

static void drop_held(struct hm_release_map *map)
{
    for (size_t i = 0; i < map->held_count; i++) {
        free(map->held[i].product);
        hm_release_list_free(map->held[i].list);
    }
    map->held_count = 0;
}

static void drop_words(struct hm_release_map *map)
{
    for (size_t i = 0; i < map->word_count; i++) {
        free(map->words[i].id);
        hm_buf_done(&map->words[i].text);
    }
    map->word_count = 0;
}

void hm_release_map_free(struct hm_release_map *map)
{
    if (map == NULL)
        return;
    drop_held(map);
    drop_words(map);
    free(map->held);
    free(map->words);
    hm_map_free(map->held_index);
    hm_map_files_free(map->files);
    free(map);
}

static enum hm_rc key_of(const char *kind, struct hm_bytes name, struct hm_err *err,
                         struct hm_sha256 *ret_key)
{
    char text[PATH_SIZE + 32];
    int size = snprintf(text, sizeof(text), "hallmark/v1 %s\n%.*s\n", kind, HM_BYTES_FMT(name));

    HM_ASSERT(size > 0 && (size_t)size < sizeof(text));
    return hm_digest_sha256(hm_bytes_str(text), err, ret_key);
}

enum hm_rc hm_release_map_product_key(struct hm_bytes product, struct hm_err *err,
                                      struct hm_sha256 *ret_key)
{
    if (!hm_entry_is_product(product))
        return hm_fail(err, HM_EUSAGE, "'%.*s' is not ID/PRODUCT", HM_BYTES_FMT(product));
    return key_of("product", product, err, ret_key);
}

enum hm_rc hm_release_map_maker_key(struct hm_bytes id, struct hm_err *err,
                                    struct hm_sha256 *ret_key)
{
    if (!hm_entry_is_maker(id))
        return hm_fail(err, HM_EUSAGE, "'%.*s' is not a maker's ID", HM_BYTES_FMT(id));
    return key_of("maker", id, err, ret_key);
}

enum hm_rc hm_release_map_maker_value(struct hm_bytes lines, struct hm_err *err,
                                      struct hm_sha256 *ret_value)
{
    return hm_digest_sha256(lines, err, ret_value);
}

/* Lists in memory. */

static struct held *find_held(const struct hm_release_map *map, const struct hm_sha256 *key)
{
    struct hm_sha256 value;
    size_t number;

    if (hm_map_get(map->held_index, key, NULL, &value) != HM_OK)
        return NULL;
    memcpy(&number, value.bytes, sizeof(number));
    return &map->held[number];
}

/* Takes *list, once nothing can fail. */
static enum hm_rc hold(struct hm_release_map *map, struct hm_bytes product,
                       const struct hm_sha256 *key, bool is_stored, struct hm_err *err,
                       struct hm_release_list **list, struct held **ret_held)
{
    struct hm_sha256 number = {{0}};
    char *name;

    if (map->held_count == map->held_capacity) {
        size_t wanted = map->held_capacity == 0 ? HELD_MIN : 2 * map->held_capacity;
        void *held = reallocarray(map->held, wanted, sizeof(*map->held));

        if (held == NULL)
            return hm_error_nomem(err);
        map->held = held;
        map->held_capacity = wanted;
    }
    name = strndup((const char *)product.data, product.size);
    if (name == NULL)
        return hm_error_nomem(err);
    memcpy(number.bytes, &map->held_count, sizeof(map->held_count));
    if (hm_map_set(map->held_index, key, &number, err) != HM_OK) {
        free(name);
        return hm_error_nomem(err);
    }
    *ret_held = &map->held[map->held_count++];
    **ret_held =
        (struct held){.product = name, .key = *key, .list = hm_steal(list), .is_stored = is_stored};
    return HM_OK;
}

static void mark_changed(struct hm_release_map *map, struct held *held)
{
    held->is_dirty = true;
    if (held->is_unsettled)
        return;
    held->is_unsettled = true;
    held->next_unsettled = map->first_unsettled;
    map->first_unsettled = (size_t)(held - map->held);
}

/* Tells the map what has changed. */
static enum hm_rc settle(struct hm_release_map *map, struct hm_err *err)
{
    while (map->first_unsettled != NO_HELD) {
        struct held *held = &map->held[map->first_unsettled];
        struct hm_sha256 value;

        HM_TRY(hm_release_list_value(held->list, err, &value));
        HM_TRY(hm_map_files_set(map->files, &held->key, &value, err));
        held->is_unsettled = false;
        map->first_unsettled = held->next_unsettled;
    }
    return HM_OK;
}

static void list_path(const char *product, char ret_path[PATH_SIZE])
{
    (void)snprintf(ret_path, PATH_SIZE, VERSIONS_PATH "/%s", product);
}

/* Reads a file that the map says is there. */
static enum hm_rc get(const struct hm_release_map *map, const char *path, struct hm_err *err,
                      struct hm_buf *ret_bytes)
{
    enum hm_rc rc = map->store->get(map->store->ctx, path, err, ret_bytes);

    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EMISMATCH, "'%s' is missing: the map of releases has it", path);
    return rc;
}

/* Reads a product's list out of the store. HM_EUNKNOWN: the map does not have the product. */
static enum hm_rc read_list(struct hm_release_map *map, struct hm_bytes product,
                            const struct hm_sha256 *key, struct hm_err *err,
                            struct hm_release_list **ret_list)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);
    char path[PATH_SIZE];
    struct hm_sha256 expected;
    struct hm_sha256 value;
    enum hm_rc rc;

    HM_TRY(hm_map_files_get(map->files, key, err, &expected));
    (void)snprintf(path, sizeof(path), VERSIONS_PATH "/%.*s", HM_BYTES_FMT(product));
    HM_TRY(get(map, path, err, &bytes));
    rc = hm_release_list_parse(hm_buf_bytes(&bytes), err, &list);
    if (rc == HM_EFORMAT) {
        (void)hm_error_prefix(err, rc, "'%s' is not the list that the map has", path);
        if (err != NULL)
            err->rc = HM_EMISMATCH;
        return HM_EMISMATCH;
    }
    HM_TRY(rc);
    HM_TRY(hm_release_list_value(list, err, &value));
    if (!hm_digest_is_equal(&value, &expected))
        return hm_fail(err, HM_EMISMATCH, "'%s' is not the list that the map has", path);
    *ret_list = hm_steal(&list);
    return HM_OK;
}

enum hm_rc hm_release_map_list(struct hm_release_map *map, struct hm_bytes product,
                               struct hm_err *err, struct hm_release_list **ret_list)
{
    _hm_done_(hm_buf_done) struct hm_buf bytes = HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);
    struct hm_sha256 key;
    const struct held *held;

    HM_TRY(hm_release_map_product_key(product, err, &key));
    held = find_held(map, &key);
    if (held == NULL) {
        enum hm_rc rc = read_list(map, product, &key, err, ret_list);

        return rc != HM_EUNKNOWN ? rc
                                 : hm_fail(err, HM_EUNKNOWN, "'%.*s' has never released anything",
                                           HM_BYTES_FMT(product));
    }
    HM_TRY(hm_release_list_write(held->list, err, &bytes));
    return hm_release_list_parse(hm_buf_bytes(&bytes), err, ret_list);
}

static enum hm_rc apply_release(struct hm_release_map *map, const struct hm_entry *entry,
                                uint64_t index, struct hm_err *err)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    struct hm_bytes product =
        hm_bytes_make(entry->path, (size_t)(strrchr(entry->path, '/') - entry->path));
    struct hm_sha256 key;
    struct held *held;
    enum hm_rc rc;

    HM_TRY(hm_release_map_product_key(product, err, &key));
    held = find_held(map, &key);
    if (held != NULL) {
        HM_TRY(hm_release_list_add(held->list, entry, index, err));
        mark_changed(map, held);
        return HM_OK;
    }
    rc = read_list(map, product, &key, err, &list);
    if (rc == HM_EUNKNOWN)
        HM_TRY(hm_release_list_new(err, &list));
    else
        HM_TRY(rc);
    HM_TRY(hm_release_list_add(list, entry, index, err));
    HM_TRY(hold(map, product, &key, rc == HM_OK, err, &list, &held));
    mark_changed(map, held);
    return HM_OK;
}

/* Makers. */

static struct word *find_word(const struct hm_release_map *map, struct hm_bytes id)
{
    for (size_t i = 0; i < map->word_count; i++) {
        if (hm_bytes_is_str(id, map->words[i].id))
            return &map->words[i];
    }
    return NULL;
}

static enum hm_rc add_word(struct hm_release_map *map, const char *id, struct hm_err *err,
                           struct word **ret_word)
{
    void *words = reallocarray(map->words, map->word_count + 1, sizeof(*map->words));
    char *copy;

    if (words == NULL)
        return hm_error_nomem(err);
    map->words = words;
    copy = strdup(id);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_word = &map->words[map->word_count++];
    **ret_word = (struct word){.id = copy, .text = HM_BUF_INIT(HM_RELEASE_MAP_MAKER_SIZE_MAX)};
    return HM_OK;
}

/* The lines of a maker's entry from "maker" on. */
static enum hm_rc maker_lines(const struct hm_entry *entry, struct hm_err *err,
                              struct hm_buf *ret_lines)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_ENTRY_SIZE_MAX);
    const char *from;

    HM_TRY(hm_entry_write(entry, err, &text));
    from = strstr(hm_buf_str(&text), "\nmaker ");
    HM_ASSERT(from != NULL);
    return hm_buf_append_str(ret_lines, from + 1, err);
}

static enum hm_rc apply_maker(struct hm_release_map *map, const struct hm_entry *entry,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf lines = HM_BUF_INIT(HM_RELEASE_MAP_MAKER_SIZE_MAX);
    struct word *word = find_word(map, hm_bytes_str(entry->maker));
    bool is_new = word == NULL;
    struct hm_sha256 key;
    struct hm_sha256 value;
    enum hm_rc rc;

    HM_TRY(maker_lines(entry, err, &lines));
    HM_TRY(hm_release_map_maker_key(hm_bytes_str(entry->maker), err, &key));
    HM_TRY(hm_release_map_maker_value(hm_buf_bytes(&lines), err, &value));
    if (is_new)
        HM_TRY(add_word(map, entry->maker, err, &word));
    rc = hm_map_files_set(map->files, &key, &value, err);
    if (rc != HM_OK && is_new) {
        free(word->id);
        map->word_count--;
    }
    HM_TRY(rc);
    hm_buf_done(&word->text);
    word->text = lines;
    lines = (struct hm_buf)HM_BUF_INIT(0);
    return HM_OK;
}

enum hm_rc hm_release_map_maker(struct hm_release_map *map, struct hm_bytes id, struct hm_err *err,
                                struct hm_buf *ret_lines)
{
    _hm_done_(hm_buf_done) struct hm_buf lines = HM_BUF_INIT(HM_RELEASE_MAP_MAKER_SIZE_MAX);
    const struct word *word = find_word(map, id);
    char path[PATH_SIZE];
    struct hm_sha256 key;
    struct hm_sha256 expected;
    struct hm_sha256 value;
    enum hm_rc rc;

    HM_TRY(hm_release_map_maker_key(id, err, &key));
    rc = hm_map_files_get(map->files, &key, err, &expected);
    if (rc == HM_EUNKNOWN)
        return hm_fail(err, HM_EUNKNOWN, "the map of releases knows no maker '%.*s'",
                       HM_BYTES_FMT(id));
    HM_TRY(rc);
    if (word != NULL)
        return hm_buf_append(ret_lines, hm_buf_bytes(&word->text), err);
    (void)snprintf(path, sizeof(path), MAKERS_PATH "/%.*s", HM_BYTES_FMT(id));
    HM_TRY(get(map, path, err, &lines));
    HM_TRY(hm_release_map_maker_value(hm_buf_bytes(&lines), err, &value));
    if (!hm_digest_is_equal(&value, &expected))
        return hm_fail(err, HM_EMISMATCH, "'%s' is not what the map has of this maker", path);
    return hm_buf_append(ret_lines, hm_buf_bytes(&lines), err);
}

/* Recalls. */

/* A list that a recall changes. */
struct change {
    size_t held;
    struct hm_release_list *list; /* owned until it takes the old one's place */
};

struct recall {
    struct hm_release_map *map;
    const struct hm_entry *entry;
    uint64_t index;
    struct hm_bytes id; /* whose releases it may recall; "vendor": anybody's */
    struct hm_err *err;
    uint64_t seen; /* keys of the map met */
    struct hm_arena arena;
    struct change *changes; /* in the arena */
    size_t count;
    size_t capacity;
};

static void recall_done(struct recall *recall)
{
    for (size_t i = 0; i < recall->count; i++)
        hm_release_list_free(recall->changes[i].list);
    hm_arena_done(&recall->arena);
}

static enum hm_rc list_names(struct recall *recall, const char *path, const char ***ret_names,
                             size_t *ret_count)
{
    const struct hm_release_store *store = recall->map->store;

    return store->list(store->ctx, path, &recall->arena, recall->err, ret_names, ret_count);
}

static enum hm_rc add_change(struct recall *recall, struct held *held)
{
    struct change *change;

    if (recall->count == recall->capacity) {
        size_t wanted = recall->capacity == 0 ? HELD_MIN : 2 * recall->capacity;
        void *changes = hm_arena_grow(&recall->arena, recall->changes,
                                      recall->capacity * sizeof(*change), wanted * sizeof(*change));

        if (changes == NULL)
            return hm_error_nomem(recall->err);
        recall->changes = changes;
        recall->capacity = wanted;
    }
    change = &recall->changes[recall->count];
    change->held = (size_t)(held - recall->map->held);
    HM_TRY(hm_release_list_recall(held->list, recall->entry, recall->index, recall->err,
                                  &change->list));
    recall->count++;
    return HM_OK;
}

static bool is_recalled(const struct recall *recall, const struct hm_release_list *list)
{
    return hm_release_list_has_digest(list, recall->entry->digests, recall->entry->digest_count);
}

/* A file that the store lists must be of something that the map has. */
static enum hm_rc need_key(struct recall *recall, const struct hm_sha256 *key, const char *folder,
                           const char *name)
{
    struct hm_sha256 value;
    enum hm_rc rc = hm_map_files_get(recall->map->files, key, recall->err, &value);

    if (rc == HM_EUNKNOWN)
        return hm_fail(recall->err, HM_EMISMATCH, "the map of releases knows nothing of '%s/%s'",
                       folder, name);
    return rc;
}

/* Looks for the recall's digests in one product of the store. */
static enum hm_rc search_product(struct recall *recall, const char *id, const char *name)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;
    char product[PATH_SIZE];
    struct hm_sha256 key;
    struct held *held;
    int size = snprintf(product, sizeof(product), "%s/%s", id, name);

    if (size < 0 || (size_t)size >= sizeof(product) || !hm_entry_is_product(hm_bytes_str(product)))
        return hm_fail(recall->err, HM_EMISMATCH,
                       "'" VERSIONS_PATH "/%s/%s' cannot be a product's list", id, name);
    HM_TRY(hm_release_map_product_key(hm_bytes_str(product), recall->err, &key));
    HM_TRY(need_key(recall, &key, VERSIONS_PATH, product));
    recall->seen++;
    if (!hm_bytes_is_str(recall->id, VENDOR) && !hm_bytes_is_str(recall->id, id))
        return HM_OK;
    held = find_held(recall->map, &key);
    if (held == NULL) {
        HM_TRY(read_list(recall->map, hm_bytes_str(product), &key, recall->err, &list));
        if (!is_recalled(recall, list))
            return HM_OK;
        HM_TRY(hold(recall->map, hm_bytes_str(product), &key, true, recall->err, &list, &held));
    }
    return is_recalled(recall, held->list) ? add_change(recall, held) : HM_OK;
}

static enum hm_rc search_stored(struct recall *recall)
{
    const char **ids = NULL;
    size_t id_count = 0;

    HM_TRY(list_names(recall, VERSIONS_PATH, &ids, &id_count));
    for (size_t i = 0; i < id_count; i++) {
        char path[PATH_SIZE];
        const char **names = NULL;
        size_t count = 0;

        if (!hm_entry_is_maker(hm_bytes_str(ids[i])))
            return hm_fail(recall->err, HM_EMISMATCH, "'" VERSIONS_PATH "/%s' is no maker's folder",
                           ids[i]);
        (void)snprintf(path, sizeof(path), VERSIONS_PATH "/%s", ids[i]);
        HM_TRY(list_names(recall, path, &names, &count));
        for (size_t j = 0; j < count; j++)
            HM_TRY(search_product(recall, ids[i], names[j]));
    }
    return HM_OK;
}

/* Products that the store does not have yet. */
static enum hm_rc search_new(struct recall *recall)
{
    for (size_t i = 0; i < recall->map->held_count; i++) {
        struct held *held = &recall->map->held[i];
        size_t id_size = strcspn(held->product, "/");

        if (held->is_stored)
            continue;
        recall->seen++;
        if (!hm_bytes_is_str(recall->id, VENDOR) &&
            !hm_bytes_is_equal(recall->id, hm_bytes_make(held->product, id_size)))
            continue;
        if (is_recalled(recall, held->list))
            HM_TRY(add_change(recall, held));
    }
    return HM_OK;
}

static enum hm_rc count_makers(struct recall *recall)
{
    const struct hm_release_map *map = recall->map;
    const char **ids = NULL;
    size_t count = 0;
    size_t new_count = map->word_count;

    HM_TRY(list_names(recall, MAKERS_PATH, &ids, &count));
    for (size_t i = 0; i < count; i++) {
        struct hm_sha256 key;

        if (!hm_entry_is_maker(hm_bytes_str(ids[i])))
            return hm_fail(recall->err, HM_EMISMATCH, "'" MAKERS_PATH "/%s' is no maker's file",
                           ids[i]);
        HM_TRY(hm_release_map_maker_key(hm_bytes_str(ids[i]), recall->err, &key));
        HM_TRY(need_key(recall, &key, MAKERS_PATH, ids[i]));
        if (find_word(map, hm_bytes_str(ids[i])) != NULL)
            new_count--;
    }
    recall->seen += count + new_count;
    return HM_OK;
}

/* The names that were found must be all: a product hidden from the recall would go unrecalled. */
static enum hm_rc search(struct recall *recall)
{
    uint64_t count;

    if (recall->map->store->list == NULL)
        return hm_fail(recall->err, HM_EUSAGE,
                       "recall '%s' cannot be replayed here: that needs a list of all products",
                       recall->entry->path);
    HM_TRY(settle(recall->map, recall->err));
    HM_TRY(hm_map_files_check_count(recall->map->files, recall->err));
    HM_TRY(search_stored(recall));
    HM_TRY(search_new(recall));
    HM_TRY(count_makers(recall));
    count = hm_map_files_count(recall->map->files);
    if (recall->seen != count)
        return hm_fail(recall->err, HM_EMISMATCH,
                       "'" VERSIONS_PATH "' and '" MAKERS_PATH "' have %llu products and makers, "
                       "and the map of releases %llu",
                       (unsigned long long)recall->seen, (unsigned long long)count);
    return HM_OK;
}

static enum hm_rc apply_recall(struct hm_release_map *map, const struct hm_entry *entry,
                               uint64_t index, struct hm_err *err)
{
    _hm_done_(recall_done) struct recall recall = {
        .map = map, .entry = entry, .index = index, .err = err};

    recall.id = hm_bytes_str(entry->path + strlen("recalls/"));
    recall.id.size = strcspn(entry->path + strlen("recalls/"), "/");
    HM_TRY(search(&recall));
    for (size_t i = 0; i < recall.count; i++) {
        struct held *held = &map->held[recall.changes[i].held];
        struct hm_release_list *old = held->list;

        held->list = recall.changes[i].list;
        recall.changes[i].list = old;
        mark_changed(map, held);
    }
    return HM_OK;
}

enum hm_rc hm_release_map_apply(struct hm_release_map *map, const struct hm_entry *entry,
                                uint64_t index, struct hm_err *err)
{
    switch (entry->kind) {
    case HM_ENTRY_RELEASE:
        return apply_release(map, entry, index, err);
    case HM_ENTRY_RECALL:
        return apply_recall(map, entry, index, err);
    case HM_ENTRY_MAKER:
        return apply_maker(map, entry, err);
    case HM_ENTRY_ROOT:
    case HM_ENTRY_SNAPSHOT:
        break;
    }
    return HM_OK;
}

enum hm_rc hm_release_map_root(struct hm_release_map *map, struct hm_err *err,
                               struct hm_sha256 *ret_root, uint64_t *ret_count)
{
    HM_TRY(settle(map, err));
    HM_TRY(hm_map_files_root(map->files, err, ret_root));
    *ret_count = hm_map_files_count(map->files);
    return HM_OK;
}

static enum hm_rc put(struct hm_release_map *map, const char *path, struct hm_bytes bytes,
                      struct hm_err *err)
{
    return map->store->put(map->store->ctx, path, bytes, err);
}

static enum hm_rc put_lists(struct hm_release_map *map, struct hm_err *err, size_t *ret_size)
{
    size_t held_size = 0;

    for (size_t i = 0; i < map->held_count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_RELEASE_LIST_SIZE_MAX);
        struct held *held = &map->held[i];
        char path[PATH_SIZE];

        held_size += held->list->size;
        if (!held->is_dirty)
            continue;
        list_path(held->product, path);
        HM_TRY(hm_release_list_write(held->list, err, &text));
        HM_TRY(put(map, path, hm_buf_bytes(&text), err));
        held->is_stored = true;
        held->is_dirty = false;
    }
    *ret_size = held_size;
    return HM_OK;
}

enum hm_rc hm_release_map_flush(struct hm_release_map *map, struct hm_err *err)
{
    size_t held_size = 0;

    if (map->store->put == NULL)
        return hm_fail(err, HM_EUSAGE, "the map's store is for reading only");
    HM_TRY(settle(map, err));
    HM_TRY(put_lists(map, err, &held_size));
    for (size_t i = 0; i < map->word_count; i++) {
        char path[PATH_SIZE];

        (void)snprintf(path, sizeof(path), MAKERS_PATH "/%s", map->words[i].id);
        HM_TRY(put(map, path, hm_buf_bytes(&map->words[i].text), err));
    }
    drop_words(map);
    HM_TRY(hm_map_files_flush(map->files, err));
    if (held_size > HM_RELEASE_MAP_HELD_SIZE_MAX) {
        struct hm_map *index = NULL;

        HM_TRY(hm_map_new(err, &index));
        hm_map_free(map->held_index);
        map->held_index = index;
        drop_held(map);
    }
    return HM_OK;
}

enum hm_rc hm_release_map_prove_product(struct hm_release_map *map, struct hm_bytes product,
                                        struct hm_err *err, struct hm_buf *ret_proof)
{
    struct hm_sha256 key;

    HM_TRY(hm_release_map_product_key(product, err, &key));
    HM_TRY(settle(map, err));
    return hm_map_files_prove(map->files, &key, err, ret_proof);
}

enum hm_rc hm_release_map_prove_maker(struct hm_release_map *map, struct hm_bytes id,
                                      struct hm_err *err, struct hm_buf *ret_proof)
{
    struct hm_sha256 key;

    HM_TRY(hm_release_map_maker_key(id, err, &key));
    HM_TRY(settle(map, err));
    return hm_map_files_prove(map->files, &key, err, ret_proof);
}
