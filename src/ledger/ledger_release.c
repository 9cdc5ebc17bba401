/* SPDX-License-Identifier: Apache-2.0 */
/* Releases that clients ask for, shown by the release log. See ledger_release.h. */
#include "ledger/ledger_release.h"

#include "base/text.h"
#include "ledger/ledger_tiles.h"
#include "tlog/where.h"

#define BUCKET_COUNT 1024
#define PART_COUNT   4

struct held {
    struct held *next;
    struct hm_ledger_release release;
    size_t path_size;
    char path[];
};

struct hm_ledger_releases {
    const struct hm_dir *public_dir;
    const struct hm_log_policy *policy;
    struct held *buckets[BUCKET_COUNT];
    size_t count;
};

/* ---- paths ----------------------------------------------------------------------------------- */

enum hm_rc hm_ledger_release_split(const char *path, struct hm_err *err,
                                   struct hm_ledger_release_path *ret_path)
{
    struct hm_bytes parts[PART_COUNT];
    struct hm_bytes rest = hm_bytes_str(path);
    size_t count = 0;

    if (rest.size == 0 || rest.size > HM_LEDGER_RELEASE_PATH_MAX)
        return hm_fail(err, HM_EFORMAT, "the path of an image has 1 to %d bytes",
                       HM_LEDGER_RELEASE_PATH_MAX);
    for (bool more = true; more && count < PART_COUNT; count++) {
        const uint8_t *slash = memchr(rest.data, '/', rest.size);
        size_t size = slash == NULL ? rest.size : (size_t)(slash - rest.data);

        more = slash != NULL;
        parts[count] = hm_bytes_make(rest.data, size);
        rest = hm_bytes_make(rest.data + size + more, rest.size - size - more);
        if (count < PART_COUNT - 1 ? !hm_text_is_name(parts[count])
                                   : !hm_text_is_file_name(parts[count]))
            break;
    }
    if (count != PART_COUNT || rest.size > 0 || path[strlen(path) - 1] == '/')
        return hm_fail(err, HM_EFORMAT, "'%s' is no path of an image: ID/PRODUCT/VERSION/FILE",
                       path);
    *ret_path = (struct hm_ledger_release_path){
        .maker = parts[0],
        .product = parts[1],
        .version = parts[2],
        .file = parts[3],
        .release = hm_bytes_make(path, (size_t)(parts[3].data - (const uint8_t *)path) - 1)};
    return HM_OK;
}

/* ---- what is held ---------------------------------------------------------------------------- */

static struct held **bucket_of(struct hm_ledger_releases *releases, struct hm_bytes path)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < path.size; i++)
        hash = (hash ^ path.data[i]) * 16777619u;
    return &releases->buckets[hash % BUCKET_COUNT];
}

static void drop_all(struct hm_ledger_releases *releases)
{
    for (size_t i = 0; i < BUCKET_COUNT; i++)
        while (releases->buckets[i] != NULL) {
            struct held *held = releases->buckets[i];

            releases->buckets[i] = held->next;
            hm_entry_free(held->release.entry);
            free(held);
        }
    releases->count = 0;
}

enum hm_rc hm_ledger_release_open(const struct hm_dir *public_dir,
                                  const struct hm_log_policy *policy, struct hm_err *err,
                                  struct hm_ledger_releases **ret_releases)
{
    struct hm_ledger_releases *releases = calloc(1, sizeof(*releases));

    if (releases == NULL)
        return hm_error_nomem(err);
    releases->public_dir = public_dir;
    releases->policy = policy;
    *ret_releases = releases;
    return HM_OK;
}

void hm_ledger_release_close(struct hm_ledger_releases *releases)
{
    if (releases == NULL)
        return;
    drop_all(releases);
    free(releases);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static enum hm_rc open_checkpoint(const struct hm_ledger_releases *releases, int64_t now_unix_s,
                                  struct hm_err *err, struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    HM_TRY(hm_dir_read(releases->public_dir, "log/checkpoint", err, &raw));
    return hm_log_policy_open(releases->policy, hm_buf_bytes(&raw), now_unix_s,
                              HM_LOG_POLICY_ANY_AGE, err, ret_checkpoint);
}

/* The snapshot lists the entry, and does not say that it never counts. */
static enum hm_rc check_listed(const struct hm_entry *snapshot, uint64_t index, struct hm_err *err)
{
    bool is_listed = snapshot->kind == HM_ENTRY_SNAPSHOT && index >= snapshot->entries.first &&
                     index - snapshot->entries.first < snapshot->entries.count;

    for (size_t i = 0; is_listed && i < snapshot->void_count; i++)
        is_listed = index < snapshot->voids[i].first ||
                    index - snapshot->voids[i].first >= snapshot->voids[i].count;
    return is_listed ? HM_OK
                     : hm_fail(err, HM_EMISMATCH, "entry %llu is listed by no snapshot",
                               (unsigned long long)index);
}

static enum hm_rc read_release(const struct hm_ledger_releases *releases, struct hm_bytes path,
                               int64_t now_unix_s, struct hm_err *err,
                               struct hm_ledger_release *ret_release)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_WHERE_SIZE_MAX);
    _hm_free_(hm_where_free) struct hm_where *where = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    char name[HM_LEDGER_RELEASE_PATH_MAX + 16];
    struct hm_merkle_proof proof;
    struct hm_sha256 leaf, other;

    (void)snprintf(name, sizeof(name), "proofs/%.*s", HM_BYTES_FMT(path));
    HM_TRY(hm_dir_read(releases->public_dir, name, err, &raw));
    HM_TRY(hm_where_parse(hm_buf_bytes(&raw), err, &where));
    HM_TRY(hm_entry_parse(where->release, err, &entry));
    HM_TRY(hm_entry_parse(where->snapshot, err, &snapshot));
    if (entry->kind != HM_ENTRY_RELEASE || !hm_bytes_is_str(path, entry->path))
        return hm_fail(err, HM_EMISMATCH, "it is of another release");
    HM_TRY(check_listed(snapshot, where->release_index, err));
    HM_TRY(open_checkpoint(releases, now_unix_s, err, &checkpoint));
    HM_TRY(hm_ledger_tiles_prove(releases->public_dir, "log", where->snapshot,
                                 where->snapshot_index, &checkpoint->body, err, &other, &proof));
    HM_TRY(hm_ledger_tiles_prove(releases->public_dir, "log", where->release, where->release_index,
                                 &checkpoint->body, err, &leaf, &proof));
    *ret_release = (struct hm_ledger_release){
        .index = where->release_index, .leaf = leaf, .entry = hm_steal(&entry)};
    return HM_OK;
}

enum hm_rc hm_ledger_release_find(struct hm_ledger_releases *releases,
                                  const struct hm_ledger_release_path *path, int64_t now_unix_s,
                                  struct hm_err *err, const struct hm_ledger_release **ret_release)
{
    struct held **bucket = bucket_of(releases, path->release);
    struct hm_ledger_release release = {.entry = NULL};
    struct held *held;
    enum hm_rc rc;

    for (held = *bucket; held != NULL; held = held->next)
        if (hm_bytes_is_equal(hm_bytes_make(held->path, held->path_size), path->release)) {
            *ret_release = &held->release;
            return HM_OK;
        }
    rc = read_release(releases, path->release, now_unix_s, err, &release);
    if (rc == HM_ENOTFOUND && hm_dir_has(releases->public_dir, "log/checkpoint"))
        return rc;
    if (rc != HM_OK)
        return hm_error_prefix(err, rc == HM_ENOTFOUND ? HM_EINPUT : rc, "'public/proofs/%.*s'",
                               HM_BYTES_FMT(path->release));
    if (releases->count >= HM_LEDGER_RELEASE_HELD)
        drop_all(releases);
    held = malloc(sizeof(*held) + path->release.size);
    if (held == NULL) {
        hm_entry_free(release.entry);
        return hm_error_nomem(err);
    }
    held->release = release;
    held->path_size = path->release.size;
    memcpy(held->path, path->release.data, path->release.size);
    held->next = *bucket;
    *bucket = held;
    releases->count++;
    *ret_release = &held->release;
    return HM_OK;
}

const struct hm_entry_image *hm_ledger_release_image(const struct hm_ledger_release *release,
                                                     struct hm_bytes file)
{
    for (size_t i = 0; i < release->entry->image_count; i++)
        if (hm_bytes_is_str(file, release->entry->images[i].file))
            return &release->entry->images[i];
    return NULL;
}
