/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions taken in and waiting (staged.h). */
#include "site/staged.h"

#include "base/file.h"

#define HM_STAGED_SCHEMA "hallmark/staged/1"

/* submission.json */

static enum hm_rc take_text(struct hm_json *json, struct hm_arena *arena, struct hm_err *err,
                            const char **ret_text)
{
    struct hm_bytes text;
    char *copy;

    HM_TRY(hm_json_string(json, err, &text));
    copy = hm_arena_strdup(arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_text = copy;
    return HM_OK;
}

static enum hm_rc parse_head(struct hm_bytes raw, struct hm_arena *arena, struct hm_err *err,
                             struct hm_staged *staged)
{
    const char *schema = "", *grade = "", *taken = "";
    struct hm_json json;
    struct hm_bytes key, span;
    bool more;

    hm_json_init(&json, raw, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "schema"))
            HM_TRY(take_text(&json, arena, err, &schema));
        else if (hm_bytes_is_str(key, "maker"))
            HM_TRY(take_text(&json, arena, err, &staged->maker));
        else if (hm_bytes_is_str(key, "grade"))
            HM_TRY(take_text(&json, arena, err, &grade));
        else if (hm_bytes_is_str(key, "version"))
            HM_TRY(hm_json_int(&json, err, &staged->version));
        else if (hm_bytes_is_str(key, "order"))
            HM_TRY(hm_json_int(&json, err, &staged->order));
        else if (hm_bytes_is_str(key, "taken"))
            HM_TRY(take_text(&json, arena, err, &taken));
        else if (hm_bytes_is_str(key, "rejected"))
            HM_TRY(take_text(&json, arena, err, &staged->rejected));
        else
            HM_TRY(hm_json_skip(&json, err, &span));
    }
    HM_TRY(hm_json_end(&json, err));
    if (strcmp(schema, HM_STAGED_SCHEMA) != 0 || staged->maker == NULL || staged->version < 0)
        return hm_fail(err, HM_EFORMAT, "not of the schema '" HM_STAGED_SCHEMA "'");
    staged->is_attested = strcmp(grade, "attested") == 0;
    return hm_time_parse(hm_bytes_str(taken), &staged->taken_unix_s);
}

enum hm_rc hm_staged_write_head(const struct hm_dir *dir, const struct hm_staged *staged,
                                struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_STAGED_HEAD_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", HM_STAGED_SCHEMA);
    hm_json_writer_key_str(&writer, "maker", staged->maker);
    hm_json_writer_key_str(&writer, "grade", staged->is_attested ? "attested" : "maker");
    hm_json_writer_key_int(&writer, "version", staged->version);
    if (staged->order > 0)
        hm_json_writer_key_int(&writer, "order", staged->order);
    hm_json_writer_key(&writer, "taken");
    hm_json_writer_time(&writer, staged->taken_unix_s);
    if (staged->rejected != NULL)
        hm_json_writer_key_str(&writer, "rejected", staged->rejected);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_file_replace(dir, "submission.json", 0600, hm_buf_bytes(&raw), err);
}

/* Loading */

static bool is_id(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdef");

    return digits == 2 * HM_SHA256_SIZE && name[digits] == '\0';
}

static enum hm_rc load_document(struct hm_staged_list *list, const struct hm_dir *dir,
                                const char *path, const char *role, struct hm_err *err,
                                struct hm_staged_document *document)
{
    struct hm_targets_unsigned content = {NULL};

    document->role = hm_arena_strdup(&list->arena, hm_bytes_str(role));
    if (document->role == NULL)
        return hm_error_nomem(err);
    HM_TRY(
        hm_site_read(dir, path, HM_DOCUMENT_TARGETS_SIZE_MAX, &list->arena, err, &document->raw));
    HM_TRY(hm_envelope_parse(document->raw, err, &document->envelope));
    HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(document->envelope), err, &content));
    document->targets = content.content;
    return HM_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "PRODUCT.json" in maker/; the names are cut to the products. */
static enum hm_rc list_products(struct hm_staged_list *list, const struct hm_dir *dir,
                                struct hm_err *err, const char ***ret_names, size_t *ret_count)
{
    const char **names;
    size_t name_count, count = 0;
    enum hm_rc rc = hm_dir_list(dir, "maker", HM_TARGETS_DELEGATION_COUNT_MAX, &list->arena, err,
                                &names, &name_count);

    if (rc == HM_ENOTFOUND) {
        *ret_count = 0;
        return HM_OK;
    }
    HM_TRY(rc);
    for (size_t i = 0; i < name_count; i++) {
        const char *dot = strrchr(names[i], '.');
        struct hm_bytes product =
            hm_bytes_make(names[i], dot == NULL ? 0 : (size_t)(dot - names[i]));

        if (dot == NULL || strcmp(dot, ".json") != 0 || !hm_text_is_name(product))
            return hm_fail(err, HM_EFORMAT, "'maker/%s': no product's document", names[i]);
        names[count] = hm_arena_strdup(&list->arena, product);
        if (names[count++] == NULL)
            return hm_error_nomem(err);
    }
    if (count > 1)
        qsort(names, count, sizeof(names[0]), compare_names);
    *ret_names = names;
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc load_documents(struct hm_staged_list *list, const struct hm_dir *dir,
                                 struct hm_err *err, struct hm_staged *staged)
{
    char above[HM_LAYOUT_ROLE_SIZE_MAX], role[HM_LAYOUT_ROLE_SIZE_MAX];
    const char **products = NULL;
    size_t count = 0;

    if (staged->is_attested)
        hm_layout_release_role(hm_bytes_str(staged->maker), above);
    else
        hm_layout_maker_role(hm_bytes_str(staged->maker), above);
    if (!staged->is_attested)
        HM_TRY(list_products(list, dir, err, &products, &count));
    staged->documents = hm_arena_alloc(&list->arena, count + 1, sizeof(*staged->documents));
    if (staged->documents == NULL)
        return hm_error_nomem(err);
    staged->document_count = 1; /* half-loaded ones are freed too */
    HM_TRY(load_document(list, dir, staged->is_attested ? "attested.json" : "maker.json", above,
                         err, &staged->documents[0]));
    for (size_t i = 0; i < count; i++) {
        char path[HM_TEXT_NAME_SIZE_MAX + 32];

        (void)snprintf(path, sizeof(path), "maker/%s.json", products[i]);
        hm_partition_role(hm_bytes_str(above), hm_bytes_str(products[i]), role);
        staged->document_count++;
        HM_TRY(load_document(list, dir, path, role, err, &staged->documents[i + 1]));
    }
    return HM_OK;
}

static enum hm_rc merge_documents(struct hm_staged_list *list, struct hm_err *err,
                                  struct hm_staged *staged)
{
    const struct hm_targets **all =
        hm_arena_alloc(&list->arena, staged->document_count, sizeof(*all));

    if (all == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < staged->document_count; i++)
        all[i] = staged->documents[i].targets;
    return hm_parts_merge(all, staged->document_count, err, &staged->content);
}

static enum hm_rc load_one(struct hm_staged_list *list, const char *id, struct hm_err *err,
                           struct hm_staged *staged)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_bytes head;
    char *path = hm_site_text(&list->arena, "submissions/%s", id);

    if (path == NULL)
        return hm_error_nomem(err);
    staged->id = id;
    HM_TRY(hm_dir_open_at(&list->site->private_dir, path, false, err, &dir));
    HM_TRY(
        hm_site_read(&dir, "submission.json", HM_STAGED_HEAD_SIZE_MAX, &list->arena, err, &head));
    HM_TRY(parse_head(head, &list->arena, err, staged));
    HM_TRY(hm_layout_check_id(hm_bytes_str(staged->maker), err));
    HM_TRY(load_documents(list, &dir, err, staged));
    return merge_documents(list, err, staged);
}

const struct hm_staged_document *hm_staged_document(const struct hm_staged *staged,
                                                    const char *role)
{
    for (size_t i = 0; i < staged->document_count; i++)
        if (strcmp(staged->documents[i].role, role) == 0)
            return &staged->documents[i];
    return NULL;
}

bool hm_staged_is_done(const struct hm_staged *staged, const struct hm_tree *tree)
{
    for (size_t i = 0; i < staged->document_count; i++)
        if (staged->documents[i].targets->document.version >
            hm_tree_version(tree, staged->documents[i].role))
            return false;
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct hm_staged *a = left, *b = right;
    int order = strcmp(a->maker, b->maker);

    if (order != 0)
        return order;
    if (a->version != b->version)
        return a->version < b->version ? -1 : 1;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    if (a->taken_unix_s != b->taken_unix_s)
        return a->taken_unix_s < b->taken_unix_s ? -1 : 1;
    return strcmp(a->id, b->id);
}

enum hm_rc hm_staged_load(const struct hm_site *site, struct hm_err *err,
                          struct hm_staged_list **ret_list)
{
    _hm_free_(hm_staged_free) struct hm_staged_list *list = calloc(1, sizeof(*list));
    const char **names;
    size_t count;

    if (list == NULL)
        return hm_error_nomem(err);
    list->site = site;
    HM_TRY(hm_dir_list(&site->private_dir, "submissions", HM_STAGED_COUNT_MAX, &list->arena, err,
                       &names, &count));
    list->items = hm_arena_alloc(&list->arena, count, sizeof(*list->items));
    if (list->items == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        enum hm_rc rc;

        if (!is_id(names[i])) /* one that was being taken in when a run died */
            continue;
        rc = load_one(list, names[i], err, &list->items[list->count]);
        list->count++; /* half-loaded ones are freed too */
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "'%s/submissions/%s'", site->private_dir.path,
                                   names[i]);
    }
    if (list->count > 0)
        qsort(list->items, list->count, sizeof(*list->items), compare);
    *ret_list = hm_steal(&list);
    return HM_OK;
}

void hm_staged_free(struct hm_staged_list *list)
{
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_staged *item = &list->items[i];

        hm_targets_free(item->content);
        for (size_t k = 0; k < item->document_count; k++) {
            hm_targets_free(item->documents[k].targets);
            hm_envelope_free(item->documents[k].envelope);
        }
    }
    hm_arena_done(&list->arena);
    free(list);
}

enum hm_rc hm_staged_find(const struct hm_staged_list *list, const char *id, struct hm_err *err,
                          const struct hm_staged **ret_staged)
{
    const struct hm_staged *found = NULL;
    size_t size = strlen(id);

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].rejected != NULL || strncmp(list->items[i].id, id, size) != 0)
            continue;
        if (found != NULL)
            return hm_fail(err, HM_EUSAGE, "'%s' fits several submissions: give more digits", id);
        found = &list->items[i];
    }
    if (found == NULL || size < HM_STAGED_ID_PREFIX_MIN)
        return hm_fail(
            err, HM_EUNKNOWN,
            "'%s': no submission waits under this id; 'hallmark site pending' lists them", id);
    *ret_staged = found;
    return HM_OK;
}

/* Judging */

/* custom without "vendor", canonical; a missing one is an empty one. */
static enum hm_rc strip_vendor(struct hm_bytes custom, struct hm_err *err, struct hm_buf *ret_buf)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4 * HM_LAYOUT_CUSTOM_SIZE_MAX);
    struct hm_json_writer writer;
    struct hm_bytes key, span;
    struct hm_json json;
    bool more;

    hm_json_init(&json, custom.size == 0 ? HM_BYTES_LITERAL("{}") : custom, &arena);
    hm_json_writer_init(&writer, &text, false);
    hm_json_writer_object_begin(&writer);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_json_skip(&json, err, &span));
        if (hm_bytes_is_str(key, "vendor"))
            continue;
        hm_json_writer_key_bytes(&writer, key);
        hm_json_writer_raw(&writer, span);
    }
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_end(&json, err));
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_json_canonicalise(hm_buf_bytes(&text), err, ret_buf);
}

static bool has_same_bytes(const struct hm_target *a, const struct hm_target *b)
{
    return a->facts.length == b->facts.length && a->facts.has_sha256 && b->facts.has_sha256 &&
           hm_digest_is_equal(&a->facts.sha256, &b->facts.sha256);
}

enum hm_rc hm_staged_is_same(const struct hm_target *a, const struct hm_target *b,
                             struct hm_err *err, bool *ret_same)
{
    _hm_done_(hm_buf_done) struct hm_buf left = HM_BUF_INIT(4 * HM_LAYOUT_CUSTOM_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf right = HM_BUF_INIT(4 * HM_LAYOUT_CUSTOM_SIZE_MAX);
    bool same = hm_bytes_is_equal(a->path, b->path) && has_same_bytes(a, b);

    if (same && !hm_bytes_is_equal(a->custom, b->custom)) {
        HM_TRY(strip_vendor(a->custom, err, &left));
        HM_TRY(strip_vendor(b->custom, err, &right));
        same = hm_bytes_is_equal(hm_buf_bytes(&left), hm_buf_bytes(&right));
    }
    *ret_same = same;
    return HM_OK;
}

/* As hm_staged_image, with a caller's buffer. */
static enum hm_rc has_image(const struct hm_staged_list *list, const struct hm_staged *staged,
                            const struct hm_target *target, struct hm_err *err, struct hm_buf *path,
                            bool *ret_has)
{
    const struct hm_target *listed = hm_targets_find(staged->content, target->path);

    *ret_has = false;
    if (staged->rejected != NULL || listed == NULL || !has_same_bytes(listed, target))
        return HM_OK;
    hm_buf_clear(path);
    HM_TRY(hm_buf_append_fmt(path, err, "submissions/%s/images/", staged->id));
    HM_TRY(hm_buf_append(path, target->path, err));
    *ret_has = hm_dir_has(&list->site->private_dir, hm_buf_str(path));
    return HM_OK;
}

enum hm_rc hm_staged_image(struct hm_staged_list *list, const struct hm_staged *staged,
                           const struct hm_target *target, struct hm_err *err,
                           const char **ret_path)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(2048);
    char *copy = NULL;
    bool has;

    HM_TRY(has_image(list, staged, target, err, &path, &has));
    if (has) {
        copy = hm_arena_strdup(&list->arena, hm_buf_bytes(&path));
        if (copy == NULL)
            return hm_error_nomem(err);
    }
    *ret_path = copy;
    return HM_OK;
}

/* What other submissions of the maker say of a name that is not published. */
static enum hm_rc judge_among(const struct hm_staged_list *list, const struct hm_staged *staged,
                              const struct hm_target *target, struct hm_err *err,
                              enum hm_staged_kind *kind)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(2048);

    for (size_t i = 0; i < list->count; i++) {
        const struct hm_staged *other = &list->items[i];
        const struct hm_target *listed;
        bool has;

        if (other == staged || strcmp(other->maker, staged->maker) != 0)
            continue;
        listed = hm_targets_find(other->content, target->path);
        if (listed == NULL)
            continue;
        if (!has_same_bytes(listed, target)) {
            if (other->rejected == NULL) {
                *kind = HM_STAGED_OTHERBYTES;
                return HM_OK;
            }
            continue;
        }
        HM_TRY(has_image(list, other, target, err, &path, &has));
        if (has && *kind == HM_STAGED_MISSING)
            *kind = HM_STAGED_EARLIER;
        else if (other->rejected != NULL && *kind == HM_STAGED_MISSING)
            *kind = HM_STAGED_LEFT;
    }
    return HM_OK;
}

enum hm_rc hm_staged_judge(const struct hm_staged_list *list, struct hm_tree *tree,
                           const struct hm_staged *staged, const struct hm_target *target,
                           struct hm_err *err, enum hm_staged_kind *ret_kind)
{
    char release_role[HM_LAYOUT_ROLE_SIZE_MAX], maker_role[HM_LAYOUT_ROLE_SIZE_MAX];
    const struct hm_target *released, *made;
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(2048);
    enum hm_staged_kind kind = HM_STAGED_MISSING;
    bool same, has;

    hm_layout_release_role(hm_bytes_str(staged->maker), release_role);
    hm_layout_maker_role(hm_bytes_str(staged->maker), maker_role);
    HM_TRY(hm_tree_target(tree, release_role, target->path, err, &released));
    HM_TRY(hm_tree_target(tree, maker_role, target->path, err, &made));
    if ((released != NULL && !has_same_bytes(released, target)) ||
        (made != NULL && !has_same_bytes(made, target))) {
        *ret_kind = HM_STAGED_OTHERBYTES;
        return HM_OK;
    }
    if (released != NULL) {
        HM_TRY(hm_staged_is_same(released, target, err, &same));
        *ret_kind = same ? HM_STAGED_KNOWN : HM_STAGED_CHANGED;
        return HM_OK;
    }
    HM_TRY(has_image(list, staged, target, err, &path, &has));
    if (has)
        kind = HM_STAGED_NEW;
    else if (made != NULL)
        kind = HM_STAGED_LEFT;
    HM_TRY(judge_among(list, staged, target, err, &kind));
    *ret_kind = kind;
    return HM_OK;
}

enum hm_rc hm_staged_check_reason(const char *reason, struct hm_err *err)
{
    if (strlen(reason) == 0 || strlen(reason) > HM_STAGED_REASON_SIZE_MAX ||
        !hm_text_is_utf8(hm_bytes_str(reason)))
        return hm_fail(err, HM_EUSAGE, "a reason has 1 to %d bytes of UTF-8",
                       HM_STAGED_REASON_SIZE_MAX);
    return HM_OK;
}

enum hm_rc hm_staged_reject(const struct hm_site *site, const struct hm_staged *staged,
                            const char *reason, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    char path[128];
    struct hm_staged marked = *staged;

    HM_TRY(hm_staged_check_reason(reason, err));
    (void)snprintf(path, sizeof(path), "submissions/%s", staged->id);
    HM_TRY(hm_dir_open_at(&site->private_dir, path, false, err, &dir));
    marked.rejected = reason;
    HM_TRY(hm_staged_write_head(&dir, &marked, err));
    return hm_dir_remove_tree(&dir, "images", err);
}
