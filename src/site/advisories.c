/* SPDX-License-Identifier: Apache-2.0 */
/* Recalls as CSAF tools look for them (CSAF 2.0, section 7). See advisories.h. */
#include "site/advisories.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "exchange/csaf.h"

#define ROLE         "recalls~" HM_RECALL_VENDOR
#define FOLDER       "csaf/"
#define WHITE        FOLDER "white/"
#define FEED         WHITE "feed-tlp-white.json"
#define PATH_MAX_    256
#define URL_SIZE_MAX (HM_SITE_URL_SIZE_MAX + PATH_MAX_)

/* Writes a file below public/ where it has other bytes. */
static enum hm_rc put(const struct hm_site *site, const char *path, struct hm_bytes raw,
                      struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf held = HM_BUF_INIT(HM_ADVISORIES_FEED_SIZE_MAX);

    if (hm_dir_read(&site->public_dir, path, NULL, &held) == HM_OK &&
        hm_bytes_is_equal(hm_buf_bytes(&held), raw))
        return HM_OK;
    return hm_file_replace(&site->public_dir, path, 0644, raw, err);
}

static enum hm_rc append_url(const struct hm_site *site, const char *path, struct hm_err *err,
                             struct hm_buf *ret_url)
{
    const char *url = site->config.url;

    return hm_buf_append_fmt(ret_url, err, "%s%s%s", url,
                             url[0] != '\0' && url[strlen(url) - 1] == '/' ? "" : "/", path);
}

/* "2026/NAME.json" */
static void name_of(const struct hm_recall *recall, const char *suffix, char ret_name[PATH_MAX_])
{
    char date[HM_TIME_TEXT_SIZE];

    hm_time_format(recall->date_unix_s, date);
    (void)snprintf(ret_name, PATH_MAX_, "%.4s/%s%s", date, recall->name, suffix); /* is short */
}

enum hm_rc hm_advisories_url(const struct hm_site *site, const struct hm_recall *recall,
                             struct hm_err *err, struct hm_buf *ret_url)
{
    char name[PATH_MAX_], path[PATH_MAX_ + 16];

    name_of(recall, ".json", name);
    (void)snprintf(path, sizeof(path), WHITE "%s", name);
    return append_url(site, path, err, ret_url);
}

static enum hm_rc put_recall(const struct hm_site *site, const struct hm_recall *recall,
                             struct hm_bytes document, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf vex = HM_BUF_INIT(HM_CSAF_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(512);
    char name[PATH_MAX_], path[PATH_MAX_ + 32], hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;

    HM_TRY(hm_digest_sha256(document, err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    name_of(recall, ".json", name);
    (void)snprintf(path, sizeof(path), WHITE "%s", name);
    HM_TRY(put(site, path, document, err));
    HM_TRY(hm_buf_append_fmt(&line, err, "%s  %s.json\n", hex, recall->name));
    (void)snprintf(path, sizeof(path), WHITE "%s.sha256", name);
    HM_TRY(put(site, path, hm_buf_bytes(&line), err));
    name_of(recall, ".openvex.json", name);
    (void)snprintf(path, sizeof(path), FOLDER "openvex/%s", name);
    HM_TRY(append_url(site, path, err, &url));
    HM_TRY(hm_csaf_write_openvex(recall, site->config.name, hm_buf_str(&url), err, &vex));
    return put(site, path, hm_buf_bytes(&vex), err);
}

/* ---- what lists them ------------------------------------------------------------------------- */

static int compare_newest(const void *a, const void *b)
{
    const struct hm_recall *const *left = a;
    const struct hm_recall *const *right = b;

    if ((*left)->date_unix_s != (*right)->date_unix_s)
        return (*left)->date_unix_s > (*right)->date_unix_s ? -1 : 1;
    return strcmp((*left)->name, (*right)->name);
}

static enum hm_rc sort(const struct hm_recalls *recalls, struct hm_arena *arena, struct hm_err *err,
                       const struct hm_recall ***ret_sorted)
{
    const struct hm_recall **sorted =
        hm_arena_alloc(arena, recalls->count, sizeof(const struct hm_recall *));

    if (sorted == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < recalls->count; i++)
        sorted[i] = recalls->items[i];
    if (recalls->count > 1)
        qsort(sorted, recalls->count, sizeof(*sorted), compare_newest);
    *ret_sorted = sorted;
    return HM_OK;
}

static enum hm_rc put_lists(const struct hm_site *site, const struct hm_recall *const *sorted,
                            size_t count, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf index = HM_BUF_INIT(HM_ADVISORIES_FEED_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf changes = HM_BUF_INIT(HM_ADVISORIES_FEED_SIZE_MAX);

    for (size_t i = 0; i < count; i++) {
        char name[PATH_MAX_], date[HM_TIME_TEXT_SIZE];

        name_of(sorted[i], ".json", name);
        hm_time_format(sorted[i]->date_unix_s, date);
        HM_TRY(hm_buf_append_fmt(&index, err, "%s\n", name));
        HM_TRY(hm_buf_append_fmt(&changes, err, "\"%s\",\"%s\"\n", name, date));
    }
    HM_TRY(put(site, WHITE "index.txt", hm_buf_bytes(&index), err));
    return put(site, WHITE "changes.csv", hm_buf_bytes(&changes), err);
}

static void write_link(struct hm_json_writer *writer, const char *rel, const char *url,
                       const char *suffix)
{
    char href[URL_SIZE_MAX + 16];

    (void)snprintf(href, sizeof(href), "%s%s", url, suffix); /* fits */
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "rel", rel);
    hm_json_writer_key_str(writer, "href", href);
    hm_json_writer_object_end(writer);
}

static enum hm_rc write_entry(const struct hm_site *site, const struct hm_recall *recall,
                              struct hm_json_writer *writer, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);

    HM_TRY(hm_advisories_url(site, recall, err, &url));
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "id", recall->name);
    hm_json_writer_key_str(writer, "title", recall->reason);
    hm_json_writer_key(writer, "link");
    hm_json_writer_array_begin(writer);
    write_link(writer, "self", hm_buf_str(&url), "");
    write_link(writer, "hash", hm_buf_str(&url), ".sha256");
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "published");
    hm_json_writer_time(writer, recall->date_unix_s);
    hm_json_writer_key(writer, "updated");
    hm_json_writer_time(writer, recall->date_unix_s);
    hm_json_writer_key(writer, "content");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "type", "application/json");
    hm_json_writer_key_str(writer, "src", hm_buf_str(&url));
    hm_json_writer_object_end(writer);
    hm_json_writer_key(writer, "format");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "schema",
                           "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json");
    hm_json_writer_key_str(writer, "version", "2.0");
    hm_json_writer_object_end(writer);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static enum hm_rc put_feed(const struct hm_site *site, const struct hm_recall *const *sorted,
                           size_t count, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf feed = HM_BUF_INIT(HM_ADVISORIES_FEED_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    struct hm_json_writer writer;

    HM_TRY(append_url(site, FEED, err, &url));
    hm_json_writer_init(&writer, &feed, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key(&writer, "feed");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "id", "feed-tlp-white");
    hm_json_writer_key_str(&writer, "title", "Recalls (TLP:WHITE)");
    hm_json_writer_key(&writer, "link");
    hm_json_writer_array_begin(&writer);
    write_link(&writer, "self", hm_buf_str(&url), "");
    hm_json_writer_array_end(&writer);
    hm_json_writer_key(&writer, "category");
    hm_json_writer_array_begin(&writer);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "scheme", "urn:ietf:params:rolie:category:information-type");
    hm_json_writer_key_str(&writer, "term", "csaf");
    hm_json_writer_object_end(&writer);
    hm_json_writer_array_end(&writer);
    hm_json_writer_key(&writer, "updated");
    hm_json_writer_time(&writer, sorted[0]->date_unix_s);
    hm_json_writer_key(&writer, "entry");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < count; i++)
        HM_TRY(write_entry(site, sorted[i], &writer, err));
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return put(site, FEED, hm_buf_bytes(&feed), err);
}

static void write_feed(struct hm_json_writer *writer, const char *url)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "rolie");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "feeds");
    hm_json_writer_array_begin(writer);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "summary", "Recalls of firmware that was released here");
    hm_json_writer_key_str(writer, "tlp_label", "WHITE");
    hm_json_writer_key_str(writer, "url", url);
    hm_json_writer_object_end(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
    hm_json_writer_object_end(writer);
}

static enum hm_rc put_provider(const struct hm_site *site, int64_t updated_unix_s,
                               struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(65536);
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf feed = HM_BUF_INIT(URL_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf folder = HM_BUF_INIT(URL_SIZE_MAX);
    struct hm_json_writer writer;

    HM_TRY(append_url(site, FOLDER "provider-metadata.json", err, &url));
    HM_TRY(append_url(site, FEED, err, &feed));
    HM_TRY(append_url(site, WHITE, err, &folder));
    hm_json_writer_init(&writer, &json, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "canonical_url", hm_buf_str(&url));
    hm_json_writer_key(&writer, "distributions");
    hm_json_writer_array_begin(&writer);
    write_feed(&writer, hm_buf_str(&feed));
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "directory_url", hm_buf_str(&folder));
    hm_json_writer_object_end(&writer);
    hm_json_writer_array_end(&writer);
    hm_json_writer_key(&writer, "last_updated");
    hm_json_writer_time(&writer, updated_unix_s);
    hm_json_writer_key(&writer, "list_on_CSAF_aggregators");
    hm_json_writer_bool(&writer, false);
    hm_json_writer_key_str(&writer, "metadata_version", "2.0");
    hm_json_writer_key(&writer, "mirror_on_CSAF_aggregators");
    hm_json_writer_bool(&writer, false);
    hm_json_writer_key(&writer, "publisher");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "category", "vendor");
    hm_json_writer_key_str(&writer, "name", site->config.name);
    hm_json_writer_key_str(&writer, "namespace", site->config.url);
    hm_json_writer_object_end(&writer);
    hm_json_writer_key_str(&writer, "role", "csaf_publisher");
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return put(site, FOLDER "provider-metadata.json", hm_buf_bytes(&json), err);
}

/* A published document, by the digest that was signed for. */
static enum hm_rc add_document(const struct hm_site *site, const struct hm_target *target,
                               const struct hm_recall *recall, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_CSAF_SIZE_MAX);
    char hex[HM_SHA256_HEX_SIZE], path[PATH_MAX_ + HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;

    hm_text_hex(hm_bytes_make(target->facts.sha256.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(path, sizeof(path), "targets/recalls/%s/%s.%s.json", recall->id, hex,
                   recall->name); /* all short */
    HM_TRY(hm_dir_read(&site->public_dir, path, err, &raw));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&raw), err, &sha256));
    if (!hm_digest_is_equal(&sha256, &target->facts.sha256))
        return hm_fail(err, HM_EMISMATCH, "'public/%s' has other bytes than were signed for", path);
    return put_recall(site, recall, hm_buf_bytes(&raw), err);
}

static enum hm_rc run(const struct hm_site *site, const struct hm_targets *role,
                      struct hm_recalls *recalls, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_recall **sorted = NULL;

    HM_TRY(hm_recall_set_add_role(recalls, ROLE, role, site->config.name, err));
    for (size_t i = 0; i < role->target_count; i++) {
        struct hm_recall recall;

        HM_TRY(hm_recall_read(&role->targets[i], &arena, err, &recall));
        HM_TRY(add_document(site, &role->targets[i], &recall, err));
    }
    HM_TRY(sort(recalls, &arena, err, &sorted));
    HM_TRY(put_lists(site, sorted, recalls->count, err));
    HM_TRY(put_feed(site, sorted, recalls->count, err));
    return put_provider(site, sorted[0]->date_unix_s, err);
}

enum hm_rc hm_advisories_run(const struct hm_site *site, struct hm_err *err)
{
    _hm_free_(hm_tree_free) struct hm_tree *tree = NULL;
    struct hm_recalls recalls = {0};
    const struct hm_targets *role = NULL;
    enum hm_rc rc;

    HM_TRY(hm_tree_load(site, err, &tree));
    if (tree->root == NULL)
        return HM_OK;
    HM_TRY(hm_tree_role(tree, ROLE, err, &role, NULL));
    if (role == NULL || role->target_count == 0)
        return HM_OK;
    rc = run(site, role, &recalls, err);
    hm_recall_set_done(&recalls);
    return rc;
}
