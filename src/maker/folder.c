/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's folder (docs/formats.md 8). */
#include "maker/folder.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "base/num.h"
#include "base/text.h"
#include "exchange/claim.h"
#include "exchange/parts.h"

#define FORMAT_FILE "format"
#define MAKER_FILE  "maker.json"
#define SCHEMA      "hallmark/maker/1"
#define FILE_MODE   0644

/* ---- making --------------------------------------------------------------------------------- */

static enum hm_rc check_name(const char *name, struct hm_err *err)
{
    if (name[0] == '\0' || strlen(name) > HM_FOLDER_NAME_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "a maker's name for people has 1 to %d bytes",
                       HM_FOLDER_NAME_SIZE_MAX);
    return HM_OK;
}

static enum hm_rc write_maker(const struct hm_dir *dir, const char *maker, const char *name,
                              struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "maker", maker);
    hm_json_writer_key_str(&writer, "name", name);
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_file_replace(dir, MAKER_FILE, FILE_MODE, hm_buf_bytes(&buf), err);
}

static enum hm_rc new_folder(struct hm_err *err, struct hm_folder **ret_folder)
{
    struct hm_folder *folder = calloc(1, sizeof(*folder));

    if (folder == NULL)
        return hm_error_nomem(err);
    folder->dir = (struct hm_dir)HM_DIR_INIT;
    folder->lock = (struct hm_lock)HM_LOCK_INIT;
    folder->flat_max = HM_PARTITION_FLAT_MAX;
    *ret_folder = folder;
    return HM_OK;
}

static enum hm_rc set_str(struct hm_folder *folder, struct hm_bytes text, struct hm_err *err,
                          const char **ret_str)
{
    *ret_str = hm_arena_strdup(&folder->arena, text);
    return *ret_str == NULL ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_folder_create(const char *path, const char *maker, const char *name,
                            struct hm_err *err, struct hm_folder **ret_folder)
{
    _hm_free_(hm_folder_free) struct hm_folder *folder = NULL;

    HM_TRY(hm_layout_check_id(hm_bytes_str(maker), err));
    HM_TRY(check_name(name, err));
    HM_TRY(new_folder(err, &folder));
    HM_TRY(hm_dir_make(path, 0755, err, &folder->dir));
    HM_TRY(hm_lock_take(&folder->dir, "lock", HM_FOLDER_LOCK_WAIT_MS, err, &folder->lock));
    if (hm_dir_has(&folder->dir, FORMAT_FILE))
        return hm_fail(err, HM_EREFUSED,
                       "'%s': a maker's folder already; new keys come with 'hallmark maker rotate'",
                       path);
    if (hm_dir_has(&folder->dir, "identity"))
        return hm_fail(err, HM_EREFUSED,
                       "'%s': it has a folder 'identity' but no file 'format': it is damaged, "
                       "restore it from a backup",
                       path);
    HM_TRY(set_str(folder, hm_bytes_str(maker), err, &folder->maker));
    HM_TRY(set_str(folder, hm_bytes_str(name), err, &folder->name));
    hm_layout_maker_role(hm_bytes_str(maker), folder->role);
    /* The format comes last: a run that dies before it can simply be repeated. */
    HM_TRY(write_maker(&folder->dir, maker, name, err));
    HM_TRY(hm_file_replace(&folder->dir, FORMAT_FILE, FILE_MODE, HM_BYTES_LITERAL(HM_FOLDER_FORMAT),
                           err));
    *ret_folder = hm_steal(&folder);
    return HM_OK;
}

/* ---- opening -------------------------------------------------------------------------------- */

static enum hm_rc check_format(const struct hm_dir *dir, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf format = HM_BUF_INIT(256);
    enum hm_rc rc = hm_dir_read(dir, FORMAT_FILE, err, &format);

    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT,
                       "'%s': not a maker's folder; make one with 'hallmark maker init'",
                       dir->path);
    HM_TRY(rc);
    if (!hm_bytes_is_str(hm_buf_bytes(&format), HM_FOLDER_FORMAT))
        return hm_fail(err, HM_EINPUT,
                       "'%s': made by a newer Hallmark, or not a maker's folder ('format' is not "
                       "the one known here)",
                       dir->path);
    return HM_OK;
}

static enum hm_rc read_maker(struct hm_folder *folder, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(4096);
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    bool has_schema = false;
    struct hm_json json;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    HM_TRY(hm_dir_read(&folder->dir, MAKER_FILE, err, &raw));
    hm_json_init(&json, hm_buf_bytes(&raw), &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(hm_json_string(&json, err, &text));
        if (hm_bytes_is_str(key, "schema"))
            has_schema = hm_bytes_is_str(text, SCHEMA);
        else if (hm_bytes_is_str(key, "maker"))
            HM_TRY(set_str(folder, text, err, &folder->maker));
        else if (hm_bytes_is_str(key, "name"))
            HM_TRY(set_str(folder, text, err, &folder->name));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!has_schema || folder->maker == NULL || folder->name == NULL)
        return hm_fail(err, HM_EFORMAT, "'%s/%s': it lacks schema, maker or name", folder->dir.path,
                       MAKER_FILE);
    HM_TRY(hm_layout_check_id(hm_bytes_str(folder->maker), err));
    hm_layout_maker_role(hm_bytes_str(folder->maker), folder->role);
    return HM_OK;
}

static enum hm_rc add_identity(struct hm_folder *folder, struct hm_bytes raw, struct hm_err *err)
{
    struct hm_identity *next = NULL;
    enum hm_rc rc;

    rc = folder->identity == NULL ? hm_identity_verify_first(raw, err, &next)
                                  : hm_identity_verify_next(folder->identity, raw, err, &next);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/identity/%zu.identity'", folder->dir.path,
                               folder->identity_count + 1);
    hm_identity_free(folder->identity);
    folder->identity = next;
    if (strcmp(next->maker, folder->maker) != 0)
        return hm_fail(err, HM_EMISMATCH, "'%s': its identity is of maker '%s', not of '%s'",
                       folder->dir.path, next->maker, folder->maker);
    folder->identities[folder->identity_count++] = raw;
    return HM_OK;
}

enum hm_rc hm_folder_load_chain(struct hm_folder *folder, struct hm_err *err)
{
    hm_identity_free(folder->identity);
    folder->identity = NULL;
    folder->identity_count = 0;
    folder->identities =
        hm_arena_alloc(&folder->arena, HM_IDENTITY_VERSION_MAX, sizeof(folder->identities[0]));
    if (folder->identities == NULL)
        return hm_error_nomem(err);
    while (folder->identity_count < HM_IDENTITY_VERSION_MAX) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
        struct hm_bytes raw;
        char path[64];
        enum hm_rc rc;

        (void)snprintf(path, sizeof(path), "identity/%zu.identity", folder->identity_count + 1);
        rc = hm_dir_read(&folder->dir, path, err, &buf);
        if (rc == HM_ENOTFOUND)
            break;
        HM_TRY(rc);
        HM_TRY(hm_arena_copy(&folder->arena, hm_buf_bytes(&buf), err, &raw));
        HM_TRY(add_identity(folder, raw, err));
    }
    return HM_OK;
}

enum hm_rc hm_folder_open(const char *path, enum hm_folder_use use, struct hm_err *err,
                          struct hm_folder **ret_folder)
{
    _hm_free_(hm_folder_free) struct hm_folder *folder = NULL;

    HM_TRY(new_folder(err, &folder));
    HM_TRY(hm_dir_open(path, err, &folder->dir));
    HM_TRY(check_format(&folder->dir, err));
    if (use == HM_FOLDER_CHANGE)
        HM_TRY(hm_lock_take(&folder->dir, "lock", HM_FOLDER_LOCK_WAIT_MS, err, &folder->lock));
    HM_TRY(read_maker(folder, err));
    HM_TRY(hm_folder_load_chain(folder, err));
    *ret_folder = hm_steal(&folder);
    return HM_OK;
}

void hm_folder_free(struct hm_folder *folder)
{
    if (folder == NULL)
        return;
    hm_identity_free(folder->identity);
    hm_lock_done(&folder->lock);
    hm_dir_done(&folder->dir);
    hm_arena_done(&folder->arena);
    free(folder);
}

enum hm_rc hm_folder_need_identity(const struct hm_folder *folder, struct hm_err *err)
{
    if (folder->identity != NULL)
        return HM_OK;
    return hm_fail(err, HM_EAGAIN,
                   "maker '%s': its first identity is not signed yet: 'hallmark sign' the request "
                   "and 'hallmark maker attach' the signatures",
                   folder->maker);
}

/* ---- drafts and sites ----------------------------------------------------------------------- */

enum hm_rc hm_folder_drafts(const struct hm_folder *folder, const char *site, struct hm_err *err,
                            struct hm_dir *ret_dir)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(256);

    HM_TRY(hm_buf_append_str(&path, "drafts", err));
    if (site != NULL) {
        HM_TRY(hm_layout_check_id(hm_bytes_str(site), err));
        HM_TRY(hm_buf_append_fmt(&path, err, "/%s", site));
    }
    return hm_dir_open_at(&folder->dir, hm_buf_str(&path), true, err, ret_dir);
}

/* Whether maker~ID or the role of a product waits for signatures. */
static enum hm_rc has_drafts(const struct hm_folder *folder, const char *site, struct hm_err *err,
                             bool *ret_has)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    const char **roles;
    size_t count;

    HM_TRY(hm_folder_drafts(folder, site, err, &dir));
    HM_TRY(hm_draft_list(&dir, &arena, err, &roles, &count));
    *ret_has = count > 0;
    return HM_OK;
}

enum hm_rc hm_folder_list(const struct hm_folder *folder, bool drafts, struct hm_arena *arena,
                          struct hm_err *err, const char ***ret_sites, size_t *ret_count)
{
    const char **names = NULL;
    size_t name_count = 0;
    size_t count = 0;
    enum hm_rc rc;

    rc = hm_dir_list(&folder->dir, drafts ? "drafts" : "sites", HM_FOLDER_SITE_MAX, arena, err,
                     &names, &name_count);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    for (size_t i = 0; i < name_count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(512);
        bool has = false;

        if (hm_layout_check_id(hm_bytes_str(names[i]), NULL) != HM_OK)
            continue; /* identity.json stands beside the folders of sites */
        HM_TRY(hm_buf_append_fmt(&path, err, "sites/%s/%s", names[i], MAKER_FILE));
        if (drafts)
            HM_TRY(has_drafts(folder, names[i], err, &has));
        else
            has = hm_dir_has(&folder->dir, hm_buf_str(&path));
        if (has)
            names[count++] = names[i];
    }
    *ret_sites = names;
    *ret_count = count;
    return HM_OK;
}

/* ---- what was signed ------------------------------------------------------------------------ */

void hm_folder_signed_done(struct hm_folder_signed *document)
{
    hm_targets_free(document->targets);
    hm_envelope_free(document->envelope);
    hm_buf_done(&document->raw);
    document->targets = NULL;
    document->envelope = NULL;
}

/* Where the versions of a role are kept: "sites/SITE", "sites/SITE/products/PRODUCT". */
struct shelf {
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    char path[HM_LAYOUT_ID_SIZE_MAX + HM_TEXT_NAME_SIZE_MAX + 32];
    const char *site;
};

/* Verifies with the identities of the chain, the newest first. */
static enum hm_rc verify(const struct hm_folder *folder, const char *role,
                         const struct hm_envelope *envelope, struct hm_err *err,
                         struct hm_signed *ret_signed, int64_t *ret_identity_version)
{
    struct hm_identity *identity = NULL;
    enum hm_rc rc;

    HM_TRY(hm_folder_need_identity(folder, err));
    *ret_identity_version = folder->identity->version;
    rc = hm_envelope_verify(envelope, &folder->identity->keys, role, err, ret_signed);
    for (size_t i = 0; rc == HM_ESIGNATURE && i + 1 < folder->identity_count; i++) {
        struct hm_identity *next = NULL;

        rc = i == 0 ? hm_identity_verify_first(folder->identities[i], err, &next)
                    : hm_identity_verify_next(identity, folder->identities[i], err, &next);
        hm_identity_free(identity);
        identity = next;
        if (rc != HM_OK)
            break;
        *ret_identity_version = identity->version;
        rc = hm_envelope_verify(envelope, &identity->keys, role, err, ret_signed);
    }
    hm_identity_free(identity);
    return rc;
}

/* The identity that the document itself names: the one that counts, where two have the same keys.
 */
static enum hm_rc read_claim(const struct hm_folder *folder, const struct shelf *shelf,
                             struct hm_folder_signed *document, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_claim claim;

    HM_TRY(hm_claim_parse(document->targets->document.x_hallmark, &arena, err, &claim));
    if (claim.site == NULL || strcmp(claim.site, shelf->site) != 0 || claim.maker == NULL ||
        strcmp(claim.maker, folder->maker) != 0)
        return hm_fail(err, HM_EMISMATCH, "'%s': it is not of maker '%s' for site '%s'",
                       shelf->role, folder->maker, shelf->site);
    document->identity_version = claim.identity_version;
    return HM_OK;
}

static enum hm_rc open_shelf(const struct hm_folder *folder, const char *site, const char *product,
                             struct hm_err *err, struct shelf *ret_shelf)
{
    struct shelf shelf = {.site = site};

    HM_TRY(hm_layout_check_id(hm_bytes_str(site), err));
    if (product == NULL) {
        (void)snprintf(shelf.role, sizeof(shelf.role), "%s", folder->role);
        (void)snprintf(shelf.path, sizeof(shelf.path), "sites/%s", site);
    } else {
        HM_ASSERT(hm_text_is_name(hm_bytes_str(product)));
        hm_partition_role(hm_bytes_str(folder->role), hm_bytes_str(product), shelf.role);
        (void)snprintf(shelf.path, sizeof(shelf.path), "sites/%s/products/%s", site, product);
    }
    *ret_shelf = shelf;
    return HM_OK;
}

static enum hm_rc load_signed(const struct hm_folder *folder, const struct shelf *shelf,
                              const char *file, struct hm_err *err,
                              struct hm_folder_signed *ret_signed)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed document = HM_FOLDER_SIGNED_INIT;
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(512);
    struct hm_signed content;
    enum hm_rc rc;

    HM_TRY(hm_buf_append_fmt(&path, err, "%s/%s", shelf->path, file));
    HM_TRY(hm_dir_read(&folder->dir, hm_buf_str(&path), err, &document.raw));
    rc = hm_envelope_parse(hm_buf_bytes(&document.raw), err, &document.envelope);
    if (rc == HM_OK)
        rc = verify(folder, shelf->role, document.envelope, err, &content,
                    &document.identity_version);
    if (rc == HM_OK)
        rc = hm_targets_parse(content, err, &document.targets);
    if (rc == HM_OK)
        rc = read_claim(folder, shelf, &document, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s/%s'", folder->dir.path, hm_buf_str(&path));
    hm_folder_signed_done(ret_signed);
    *ret_signed = document;
    document = (struct hm_folder_signed)HM_FOLDER_SIGNED_INIT;
    return HM_OK;
}

static enum hm_rc load_version(const struct hm_folder *folder, const struct shelf *shelf,
                               int64_t version, struct hm_err *err,
                               struct hm_folder_signed *ret_signed)
{
    char file[64];

    (void)snprintf(file, sizeof(file), "%lld.%s", (long long)version, MAKER_FILE);
    return load_signed(folder, shelf, file, err, ret_signed);
}

static int compare_versions(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static enum hm_rc list_versions(const struct hm_folder *folder, const struct shelf *shelf,
                                struct hm_arena *arena, struct hm_err *err, int64_t **ret_versions,
                                size_t *ret_count)
{
    const char **names = NULL;
    size_t name_count = 0;
    size_t count = 0;
    int64_t *versions;
    enum hm_rc rc;

    rc = hm_dir_list(&folder->dir, shelf->path, HM_FOLDER_VERSION_MAX, arena, err, &names,
                     &name_count);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    versions = hm_arena_alloc(arena, name_count, sizeof(versions[0]));
    if (versions == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < name_count; i++) {
        const char *dot = strchr(names[i], '.');
        uint64_t number;

        if (dot == NULL || strcmp(dot + 1, MAKER_FILE) != 0 ||
            hm_num_parse_u64(names[i], (size_t)(dot - names[i]), &number) != HM_OK ||
            number > INT64_MAX)
            continue;
        versions[count++] = (int64_t)number;
    }
    if (count > 1)
        qsort(versions, count, sizeof(versions[0]), compare_versions);
    *ret_versions = versions;
    *ret_count = count;
    return HM_OK;
}

static enum hm_rc load_newest(const struct hm_folder *folder, const struct shelf *shelf,
                              struct hm_err *err, struct hm_folder_signed *ret_signed)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    int64_t *versions;
    size_t count;
    enum hm_rc rc;

    /* A run that died may have kept a version without making it maker.json. */
    HM_TRY(list_versions(folder, shelf, &arena, err, &versions, &count));
    if (count > 0)
        return load_version(folder, shelf, versions[count - 1], err, ret_signed);
    rc = load_signed(folder, shelf, MAKER_FILE, err, ret_signed);
    if (rc != HM_ENOTFOUND)
        return rc;
    hm_folder_signed_done(ret_signed);
    return HM_OK;
}

static enum hm_rc keep(const struct hm_folder *folder, const struct shelf *shelf, int64_t version,
                       struct hm_bytes raw, struct hm_err *err)
{
    _hm_done_(hm_folder_signed_done) struct hm_folder_signed earlier = HM_FOLDER_SIGNED_INIT;
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(512);
    enum hm_rc rc;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    rc = load_version(folder, shelf, version, err, &earlier);
    if (rc == HM_OK && !hm_bytes_is_equal(earlier.envelope->canonical, envelope->canonical))
        return hm_fail(err, HM_EREFUSED,
                       "'%s' for site '%s': version %lld was signed before with other bytes",
                       shelf->role, shelf->site, (long long)version);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    HM_TRY(
        hm_buf_append_fmt(&path, err, "%s/%lld.%s", shelf->path, (long long)version, MAKER_FILE));
    HM_TRY(hm_file_replace(&folder->dir, hm_buf_str(&path), FILE_MODE, raw, err));
    hm_buf_clear(&path);
    HM_TRY(hm_buf_append_fmt(&path, err, "%s/%s", shelf->path, MAKER_FILE));
    return hm_file_replace(&folder->dir, hm_buf_str(&path), FILE_MODE, raw, err);
}

/* ---- by site, and by product ---------------------------------------------------------------- */

enum hm_rc hm_folder_newest(const struct hm_folder *folder, const char *site, struct hm_err *err,
                            struct hm_folder_signed *ret_signed)
{
    return hm_folder_product_newest(folder, site, NULL, err, ret_signed);
}

enum hm_rc hm_folder_version(const struct hm_folder *folder, const char *site, int64_t version,
                             struct hm_err *err, struct hm_folder_signed *ret_signed)
{
    return hm_folder_product_version(folder, site, NULL, version, err, ret_signed);
}

enum hm_rc hm_folder_versions(const struct hm_folder *folder, const char *site,
                              struct hm_arena *arena, struct hm_err *err, int64_t **ret_versions,
                              size_t *ret_count)
{
    return hm_folder_product_versions(folder, site, NULL, arena, err, ret_versions, ret_count);
}

enum hm_rc hm_folder_keep(const struct hm_folder *folder, const char *site, int64_t version,
                          struct hm_bytes raw, struct hm_err *err)
{
    return hm_folder_product_keep(folder, site, NULL, version, raw, err);
}

enum hm_rc hm_folder_product_newest(const struct hm_folder *folder, const char *site,
                                    const char *product, struct hm_err *err,
                                    struct hm_folder_signed *ret_signed)
{
    struct shelf shelf;

    HM_TRY(open_shelf(folder, site, product, err, &shelf));
    return load_newest(folder, &shelf, err, ret_signed);
}

enum hm_rc hm_folder_product_version(const struct hm_folder *folder, const char *site,
                                     const char *product, int64_t version, struct hm_err *err,
                                     struct hm_folder_signed *ret_signed)
{
    struct shelf shelf;

    HM_TRY(open_shelf(folder, site, product, err, &shelf));
    return load_version(folder, &shelf, version, err, ret_signed);
}

enum hm_rc hm_folder_product_versions(const struct hm_folder *folder, const char *site,
                                      const char *product, struct hm_arena *arena,
                                      struct hm_err *err, int64_t **ret_versions, size_t *ret_count)
{
    struct shelf shelf;

    HM_TRY(open_shelf(folder, site, product, err, &shelf));
    return list_versions(folder, &shelf, arena, err, ret_versions, ret_count);
}

enum hm_rc hm_folder_product_keep(const struct hm_folder *folder, const char *site,
                                  const char *product, int64_t version, struct hm_bytes raw,
                                  struct hm_err *err)
{
    struct shelf shelf;

    HM_TRY(open_shelf(folder, site, product, err, &shelf));
    return keep(folder, &shelf, version, raw, err);
}

/* ---- all of a site -------------------------------------------------------------------------- */

void hm_folder_content_done(struct hm_folder_content *content)
{
    hm_targets_free(content->all);
    for (size_t i = 0; i < content->product_count; i++)
        hm_folder_signed_done(&content->products[i]);
    hm_folder_signed_done(&content->above);
    hm_arena_done(&content->arena);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum hm_rc list_products(struct hm_folder_content *content, struct hm_err *err)
{
    const struct hm_delegations *delegations = &content->above.targets->delegations;
    size_t count = 0;

    content->names =
        hm_arena_alloc(&content->arena, delegations->role_count, sizeof(content->names[0]));
    content->products =
        hm_arena_alloc(&content->arena, delegations->role_count, sizeof(content->products[0]));
    if (content->names == NULL || content->products == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < delegations->role_count; i++) {
        struct hm_partition_name name;

        if (!hm_partition_parse(delegations->roles[i].name, &name) || name.product.size == 0)
            continue;
        content->names[count] = hm_arena_strdup(&content->arena, name.product);
        if (content->names[count++] == NULL)
            return hm_error_nomem(err);
    }
    if (count > 1)
        qsort(content->names, count, sizeof(content->names[0]), compare_names);
    for (size_t i = 0; i < count; i++)
        content->products[i] = (struct hm_folder_signed)HM_FOLDER_SIGNED_INIT;
    content->product_count = count;
    return HM_OK;
}

enum hm_rc hm_folder_load_content(const struct hm_folder *folder, const char *site,
                                  struct hm_err *err, struct hm_folder_content *content)
{
    const struct hm_targets **documents;

    HM_TRY(hm_folder_newest(folder, site, err, &content->above));
    if (content->above.targets == NULL)
        return HM_OK;
    HM_TRY(list_products(content, err));
    documents = hm_arena_alloc(&content->arena, content->product_count + 1, sizeof(documents[0]));
    if (documents == NULL)
        return hm_error_nomem(err);
    documents[0] = content->above.targets;
    for (size_t i = 0; i < content->product_count; i++) {
        struct hm_folder_signed *product = &content->products[i];

        HM_TRY(hm_folder_product_newest(folder, site, content->names[i], err, product));
        if (product->targets == NULL)
            return hm_fail(err, HM_EFORMAT,
                           "'%s/sites/%s/products/%s': its documents are missing; restore the "
                           "folder from a backup",
                           folder->dir.path, site, content->names[i]);
        documents[i + 1] = product->targets;
    }
    return hm_parts_merge(documents, content->product_count + 1, err, &content->all);
}
