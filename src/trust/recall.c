/* SPDX-License-Identifier: Apache-2.0 */
/* Recalls: reading, keeping together, finding by digest. See recall.h. */
#include "trust/recall.h"

#include "base/text.h"
#include "base/time.h"

#define PREFIX "recalls/"
#define SUFFIX ".json"

/* ---- paths ----------------------------------------------------------------------------------- */

static bool is_name(struct hm_bytes name)
{
    if (name.size == 0 || name.size > HM_RECALL_NAME_SIZE_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && (i == 0 || (c != '+' && c != '-')))
            return false;
    }
    return true;
}

enum hm_rc hm_recall_parse_path(struct hm_bytes path, struct hm_err *err, struct hm_bytes *ret_id,
                                struct hm_bytes *ret_name)
{
    const size_t prefix = strlen(PREFIX), suffix = strlen(SUFFIX);
    const uint8_t *slash = NULL;
    struct hm_bytes id, name;

    if (path.size > prefix + suffix && memcmp(path.data, PREFIX, prefix) == 0 &&
        memcmp(path.data + path.size - suffix, SUFFIX, suffix) == 0)
        slash = memchr(path.data + prefix, '/', path.size - prefix - suffix);
    if (slash == NULL)
        return hm_fail(err, HM_EFORMAT, "'%.*s' is not a path recalls/ID/NAME.json",
                       HM_BYTES_FMT(path));
    id = hm_bytes_make(path.data + prefix, (size_t)(slash - path.data) - prefix);
    name = hm_bytes_make(slash + 1, path.size - prefix - id.size - 1 - suffix);
    if (!hm_bytes_is_str(id, HM_RECALL_VENDOR))
        HM_TRY(hm_layout_check_id(id, err));
    if (!is_name(name))
        return hm_fail(err, HM_EFORMAT,
                       "'%.*s': the recall's name is not 1 to %d of a-z, 0-9, '+' and '-'",
                       HM_BYTES_FMT(path), HM_RECALL_NAME_SIZE_MAX);
    *ret_id = id;
    *ret_name = name;
    return HM_OK;
}

static enum hm_rc set_path(struct hm_recall *recall, struct hm_bytes path, struct hm_arena *arena,
                           struct hm_err *err)
{
    struct hm_bytes id, name;

    HM_TRY(hm_recall_parse_path(path, err, &id, &name));
    recall->path = hm_arena_strdup(arena, path);
    recall->id = hm_arena_strdup(arena, id);
    recall->name = hm_arena_strdup(arena, name);
    return recall->path == NULL || recall->id == NULL || recall->name == NULL ? hm_error_nomem(err)
                                                                              : HM_OK;
}

/* ---- members --------------------------------------------------------------------------------- */

static enum hm_rc parse_text(struct hm_json *json, const char *what, struct hm_arena *arena,
                             struct hm_err *err, const char **ret_text)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (text.size == 0 || text.size > HM_RECALL_TEXT_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "its %s is not 1 to %d bytes long", what,
                       HM_RECALL_TEXT_SIZE_MAX);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < ' ' || text.data[i] == 0x7f)
            return hm_fail(err, HM_EFORMAT, "its %s is not one line of text", what);
    }
    *ret_text = hm_arena_strdup(arena, text);
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc parse_date(struct hm_json *json, struct hm_err *err, int64_t *ret_unix_s)
{
    struct hm_bytes text;

    HM_TRY(hm_json_string(json, err, &text));
    if (hm_time_parse(text, ret_unix_s) != HM_OK || *ret_unix_s == 0)
        return hm_fail(err, HM_EFORMAT, "its date is not of the form 2026-01-31T12:00:00Z");
    return HM_OK;
}

static enum hm_rc parse_digests(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                                struct hm_recall *recall)
{
    struct hm_sha256 *digests = hm_arena_alloc(arena, HM_RECALL_DIGEST_COUNT_MAX, sizeof(*digests));
    struct hm_bytes text;
    size_t count = 0;
    bool more;

    if (digests == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            break;
        if (count == HM_RECALL_DIGEST_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "it has more than %d digests",
                           HM_RECALL_DIGEST_COUNT_MAX);
        HM_TRY(hm_json_string(json, err, &text));
        if (hm_text_unhex(text, digests[count].bytes, HM_SHA256_SIZE) != HM_OK)
            return hm_fail(err, HM_EFORMAT, "one of its digests is not 64 hexadecimal digits");
        count++;
    }
    recall->digests = digests;
    recall->digest_count = count;
    return HM_OK;
}

enum hm_rc hm_recall_parse_member(struct hm_json *json, struct hm_bytes key, struct hm_arena *arena,
                                  struct hm_err *err, struct hm_recall *recall)
{
    if (hm_bytes_is_str(key, "date"))
        return parse_date(json, err, &recall->date_unix_s);
    if (hm_bytes_is_str(key, "digests"))
        return parse_digests(json, arena, err, recall);
    if (hm_bytes_is_str(key, "reason"))
        return parse_text(json, "reason", arena, err, &recall->reason);
    if (hm_bytes_is_str(key, "remedy"))
        return parse_text(json, "remedy", arena, err, &recall->remedy);
    return HM_EUNKNOWN;
}

enum hm_rc hm_recall_check(const struct hm_recall *recall, struct hm_err *err)
{
    if (recall->reason == NULL || recall->remedy == NULL || recall->date_unix_s == 0 ||
        recall->digest_count == 0)
        return hm_fail(err, HM_EFORMAT, "it lacks date, digests, reason or remedy");
    for (size_t i = 1; i < recall->digest_count; i++) {
        if (memcmp(recall->digests[i - 1].bytes, recall->digests[i].bytes, HM_SHA256_SIZE) >= 0)
            return hm_fail(err, HM_EFORMAT, "its digests are not sorted, each once");
    }
    return HM_OK;
}

void hm_recall_write_members(const struct hm_recall *recall, struct hm_json_writer *writer)
{
    hm_json_writer_key(writer, "date");
    hm_json_writer_time(writer, recall->date_unix_s);
    hm_json_writer_key(writer, "digests");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < recall->digest_count; i++)
        hm_json_writer_hex(writer, hm_bytes_make(recall->digests[i].bytes, HM_SHA256_SIZE));
    hm_json_writer_array_end(writer);
    hm_json_writer_key_str(writer, "reason", recall->reason);
    hm_json_writer_key_str(writer, "remedy", recall->remedy);
}

/* ---- custom ---------------------------------------------------------------------------------- */

static enum hm_rc parse_recall(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                               struct hm_recall *recall)
{
    struct hm_bytes key, unused;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        enum hm_rc rc;

        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        rc = hm_recall_parse_member(json, key, arena, err, recall);
        HM_TRY(rc == HM_EUNKNOWN ? hm_json_skip(json, err, &unused) : rc);
    }
}

static enum hm_rc parse_custom(struct hm_bytes custom, struct hm_arena *arena, struct hm_err *err,
                               struct hm_recall *recall)
{
    struct hm_bytes key, unused;
    struct hm_json json;
    bool more;

    if (custom.size == 0 || custom.size > HM_RECALL_CUSTOM_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "its custom is not 1 to %d bytes long",
                       HM_RECALL_CUSTOM_SIZE_MAX);
    hm_json_init(&json, custom, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return hm_json_end(&json, err);
        if (hm_bytes_is_str(key, "recall"))
            HM_TRY(parse_recall(&json, arena, err, recall));
        else
            HM_TRY(hm_json_skip(&json, err, &unused));
    }
}

enum hm_rc hm_recall_read(const struct hm_target *target, struct hm_arena *arena,
                          struct hm_err *err, struct hm_recall *ret_recall)
{
    struct hm_recall recall = {0};
    enum hm_rc rc;

    HM_TRY(set_path(&recall, target->path, arena, err));
    rc = parse_custom(target->custom, arena, err, &recall);
    if (rc == HM_OK)
        rc = hm_recall_check(&recall, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", recall.path);
    *ret_recall = recall;
    return HM_OK;
}

bool hm_recall_is_same(const struct hm_recall *a, const struct hm_recall *b)
{
    return strcmp(a->path, b->path) == 0 && strcmp(a->reason, b->reason) == 0 &&
           strcmp(a->remedy, b->remedy) == 0 && a->digest_count == b->digest_count &&
           memcmp(a->digests, b->digests, a->digest_count * sizeof(*a->digests)) == 0;
}

enum hm_rc hm_recall_write_custom(const struct hm_recall *recall, struct hm_err *err,
                                  struct hm_buf *ret_json)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_RECALL_CUSTOM_SIZE_MAX);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_target target = {.path = hm_bytes_str(recall->path)};
    struct hm_err why = HM_ERR_INIT;
    struct hm_json_writer writer;
    struct hm_recall again;

    hm_json_writer_init(&writer, &json, false);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key(&writer, "recall");
    hm_json_writer_object_begin(&writer);
    hm_recall_write_members(recall, &writer);
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    if (hm_json_writer_end(&writer, &why) != HM_OK)
        return hm_fail(err, why.rc == HM_EFORMAT ? HM_EUSAGE : why.rc, "%s", why.text);
    target.custom = hm_buf_bytes(&json);
    if (hm_recall_read(&target, &arena, &why, &again) != HM_OK)
        return hm_fail(err, why.rc == HM_ENOMEM ? HM_ENOMEM : HM_EUSAGE, "%s", why.text);
    return hm_buf_append(ret_json, hm_buf_bytes(&json), err);
}

/* ---- sets ------------------------------------------------------------------------------------ */

void hm_recall_set_done(struct hm_recalls *recalls)
{
    free(recalls->items);
    free(recalls->places);
    hm_arena_done(&recalls->arena);
    *recalls = (struct hm_recalls){0};
}

static struct hm_recall *find_path(const struct hm_recalls *recalls, const char *path)
{
    for (size_t i = 0; i < recalls->count; i++) {
        if (strcmp(recalls->items[i]->path, path) == 0)
            return recalls->items[i];
    }
    return NULL;
}

/* All digests of both, ascending, in the arena. */
static enum hm_rc join_digests(struct hm_arena *arena, const struct hm_recall *a,
                               const struct hm_recall *b, struct hm_err *err,
                               struct hm_recall *into)
{
    struct hm_sha256 *joined =
        hm_arena_alloc(arena, a->digest_count + b->digest_count, sizeof(*joined));
    size_t i = 0, j = 0, count = 0;

    if (joined == NULL)
        return hm_error_nomem(err);
    while (i < a->digest_count || j < b->digest_count) {
        int order = i == a->digest_count ? 1
                    : j == b->digest_count
                        ? -1
                        : memcmp(a->digests[i].bytes, b->digests[j].bytes, HM_SHA256_SIZE);

        joined[count++] = order <= 0 ? a->digests[i] : b->digests[j];
        i += order <= 0;
        j += order >= 0;
    }
    into->digests = joined;
    into->digest_count = count;
    return HM_OK;
}

static enum hm_rc grow(struct hm_recalls *recalls, struct hm_err *err)
{
    size_t capacity = recalls->capacity == 0 ? 16 : 2 * recalls->capacity;
    struct hm_recall **items;

    if (recalls->count == HM_RECALL_COUNT_MAX)
        return hm_fail(err, HM_EFORMAT, "the site has more than %d recalls", HM_RECALL_COUNT_MAX);
    if (recalls->count < recalls->capacity)
        return HM_OK;
    items = reallocarray(recalls->items, capacity, sizeof(struct hm_recall *));
    if (items == NULL)
        return hm_error_nomem(err);
    recalls->items = items;
    recalls->capacity = capacity;
    return HM_OK;
}

enum hm_rc hm_recall_set_add(struct hm_recalls *recalls, const struct hm_recall *recall,
                             struct hm_err *err)
{
    static const struct hm_recall nothing = {0};
    struct hm_recall *known = find_path(recalls, recall->path);
    struct hm_recall *copy;

    if (known != NULL)
        return join_digests(&recalls->arena, known, recall, err, known);
    HM_TRY(grow(recalls, err));
    copy = hm_arena_alloc(&recalls->arena, 1, sizeof(*copy));
    if (copy == NULL)
        return hm_error_nomem(err);
    *copy = *recall;
    HM_TRY(set_path(copy, hm_bytes_str(recall->path), &recalls->arena, err));
    copy->reason = hm_arena_strdup(&recalls->arena, hm_bytes_str(recall->reason));
    copy->remedy = hm_arena_strdup(&recalls->arena, hm_bytes_str(recall->remedy));
    if (copy->reason == NULL || copy->remedy == NULL)
        return hm_error_nomem(err);
    HM_TRY(join_digests(&recalls->arena, recall, &nothing, err, copy));
    recalls->items[recalls->count++] = copy;
    return HM_OK;
}

/* "site" of a role's x-hallmark is this site. */
static enum hm_rc check_site(const struct hm_targets *role, const char *site,
                             struct hm_arena *arena, struct hm_err *err)
{
    struct hm_bytes key, value = HM_BYTES_EMPTY;
    struct hm_json json;
    bool more;

    if (role->document.x_hallmark.size == 0)
        return hm_fail(err, HM_EREFUSED, "it does not say for which site it is");
    hm_json_init(&json, role->document.x_hallmark, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        struct hm_bytes unused;

        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "site"))
            HM_TRY(hm_json_string(&json, err, &value));
        else
            HM_TRY(hm_json_skip(&json, err, &unused));
    }
    if (!hm_bytes_is_str(value, site))
        return hm_fail(err, HM_EREFUSED, "it is signed for site '%.*s', not '%s'",
                       HM_BYTES_FMT(value), site);
    return HM_OK;
}

static enum hm_rc add_role(struct hm_recalls *recalls, const char *id,
                           const struct hm_targets *role, const char *site, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;

    HM_TRY(check_site(role, site, &arena, err));
    for (size_t i = 0; i < role->target_count; i++) {
        struct hm_recall recall;

        HM_TRY(hm_recall_read(&role->targets[i], &arena, err, &recall));
        if (strcmp(recall.id, id) != 0)
            return hm_fail(err, HM_EREFUSED, "'%s' is not a recall of '%s'", recall.path, id);
        HM_TRY(hm_recall_set_add(recalls, &recall, err));
    }
    return HM_OK;
}

enum hm_rc hm_recall_set_add_role(struct hm_recalls *recalls, const char *name,
                                  const struct hm_targets *role, const char *site,
                                  struct hm_err *err)
{
    const char *tilde = strchr(name, '~');
    enum hm_rc rc;

    HM_ASSERT(tilde != NULL);
    rc = add_role(recalls, tilde + 1, role, site, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", name);
}

static int compare_places(const void *a, const void *b)
{
    const struct hm_recall_place *left = a;
    const struct hm_recall_place *right = b;
    int order = memcmp(left->digest.bytes, right->digest.bytes, HM_SHA256_SIZE);

    return order != 0 ? order : strcmp(left->recall->path, right->recall->path);
}

enum hm_rc hm_recall_set_seal(struct hm_recalls *recalls, struct hm_err *err)
{
    struct hm_recall_place *places;
    size_t count = 0;

    for (size_t i = 0; i < recalls->count; i++)
        count += recalls->items[i]->digest_count;
    places = calloc(count == 0 ? 1 : count, sizeof(*places));
    if (places == NULL)
        return hm_error_nomem(err);
    free(recalls->places);
    recalls->places = places;
    recalls->place_count = 0;
    for (size_t i = 0; i < recalls->count; i++) {
        for (size_t j = 0; j < recalls->items[i]->digest_count; j++)
            places[recalls->place_count++] =
                (struct hm_recall_place){recalls->items[i]->digests[j], recalls->items[i]};
    }
    if (count > 1)
        qsort(places, count, sizeof(*places), compare_places);
    return HM_OK;
}

/* The first place that is not before digest. */
static size_t lower_bound(const struct hm_recalls *recalls, const struct hm_sha256 *digest)
{
    size_t low = 0, high = recalls->place_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(recalls->places[middle].digest.bytes, digest->bytes, HM_SHA256_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct hm_recall *hm_recall_set_find(const struct hm_recalls *recalls,
                                           const struct hm_sha256 *digest, const char *maker,
                                           size_t *cursor)
{
    size_t first = lower_bound(recalls, digest);

    HM_ASSERT(recalls->places != NULL || recalls->count == 0);
    for (; first + *cursor < recalls->place_count; (*cursor)++) {
        const struct hm_recall_place *place = &recalls->places[first + *cursor];

        if (!hm_digest_is_equal(&place->digest, digest))
            return NULL;
        if (maker != NULL && strcmp(place->recall->id, HM_RECALL_VENDOR) != 0 &&
            strcmp(place->recall->id, maker) != 0)
            continue;
        (*cursor)++;
        return place->recall;
    }
    return NULL;
}
