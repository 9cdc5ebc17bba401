/* SPDX-License-Identifier: Apache-2.0 */
/* Taking back. See recalling.h. */
#include "site/recalling.h"

#include "base/file.h"
#include "exchange/recall_notice.h"
#include "exchange/role.h"
#include "site/advisories.h"

#define PATTERN_SIZE_MAX 512

/* What is taken back, as it is found. */
struct work {
    struct hm_roles *roles;
    const struct hm_recalling *recalling;
    const char *pattern; /* with all four parts */
    struct hm_csaf_product products[HM_RECALL_DIGEST_COUNT_MAX];
    size_t count;
    size_t found; /* of the pattern */
    struct hm_buf *report;
    struct hm_arena arena;
};

static void work_free(struct work *work)
{
    if (work == NULL)
        return;
    hm_arena_done(&work->arena);
    free(work);
}
HM_DEFINE_FREE(work_free, struct work);

const char *hm_recalling_file(const char *path)
{
    return path + strlen("recalls/");
}

/* ---- what is taken back ---------------------------------------------------------------------- */

static enum hm_rc add_product(struct work *work, const char *path, const struct hm_sha256 *sha256,
                              struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];

    work->found++;
    for (size_t i = 0; i < work->count; i++) {
        const struct hm_csaf_product *known = &work->products[i];

        if (path == NULL ? known->path == NULL && hm_digest_is_equal(&known->sha256, sha256)
                         : known->path != NULL && strcmp(known->path, path) == 0)
            return HM_OK;
    }
    if (work->count == HM_ARRAY_COUNT(work->products))
        return hm_fail(err, HM_EUSAGE, "one recall takes back at most %zu files; make two of it",
                       HM_ARRAY_COUNT(work->products));
    work->products[work->count++] = (struct hm_csaf_product){path, *sha256};
    hm_text_hex(hm_bytes_make(sha256->bytes, HM_SHA256_SIZE), hex);
    return hm_buf_append_fmt(work->report, err, "takes back %s  sha256 %s\n",
                             path == NULL ? "bytes that were never released:" : path, hex);
}

static enum hm_rc take_part(void *ctx, const char *role, const struct hm_targets *targets,
                            const struct hm_envelope *envelope, struct hm_err *err)
{
    struct work *work = ctx;

    for (size_t i = 0; i < targets->target_count; i++) {
        const struct hm_target *target = &targets->targets[i];
        const char *path;

        if (!hm_text_is_match(hm_bytes_str(work->pattern), target->path) ||
            !target->facts.has_sha256)
            continue;
        path = hm_arena_strdup(&work->arena, target->path);
        if (path == NULL)
            return hm_error_nomem(err);
        HM_TRY(add_product(work, path, &target->facts.sha256, err));
    }
    return HM_OK;
}

static enum hm_rc find_pattern(struct work *work, const char *text, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf pattern = HM_BUF_INIT(PATTERN_SIZE_MAX + 16);
    const struct hm_layout *layout = work->roles->tree->layout;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    size_t parts = 1;

    for (const char *at = text; *at != '\0'; at++)
        parts += *at == '/';
    if (strlen(text) > PATTERN_SIZE_MAX || parts < 3 || parts > 4)
        return hm_fail(err, HM_EUSAGE,
                       "'%s' is neither ID/PRODUCT/VERSION[/FILE] nor the SHA-256 of a file", text);
    HM_TRY(hm_buf_append_fmt(&pattern, err, "%s%s", text, parts == 3 ? "/*" : ""));
    work->pattern = hm_buf_str(&pattern);
    work->found = 0;
    for (size_t i = 0; i < layout->maker_count; i++) {
        hm_layout_release_role(hm_bytes_str(layout->makers[i].id), role);
        HM_TRY(hm_tree_each_part(work->roles->tree, role, err, take_part, work));
    }
    work->pattern = NULL;
    if (work->found > 0)
        return HM_OK;
    return hm_fail(err, HM_EUNKNOWN, "nothing that matches '%s' was published here", text);
}

static enum hm_rc find_all(struct work *work, struct hm_err *err)
{
    for (size_t i = 0; i < work->recalling->what_count; i++) {
        const char *text = work->recalling->what[i];
        struct hm_sha256 sha256;

        if (strlen(text) == 2 * (size_t)HM_SHA256_SIZE &&
            hm_text_unhex(hm_bytes_str(text), sha256.bytes, HM_SHA256_SIZE) == HM_OK)
            HM_TRY(add_product(work, NULL, &sha256, err));
        else
            HM_TRY(find_pattern(work, text, err));
    }
    return HM_OK;
}

/* ---- the draft ------------------------------------------------------------------------------- */

/* What the next recalls~vendor goes on from: a draft, what is published, or nothing. */
static enum hm_rc load_content(struct hm_roles *roles, struct hm_err *err,
                               struct hm_targets **ret_content)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    struct hm_targets_unsigned content = {NULL};
    const struct hm_targets *published = NULL;
    enum hm_rc rc = hm_draft_load(&roles->site->drafts, HM_RECALLING_VENDOR_ROLE, err, &draft);

    if (rc == HM_OK) {
        HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(draft->envelope), err, &content));
        rc = hm_targets_copy(content.content, err, ret_content);
        hm_targets_free(content.content);
        return rc;
    }
    if (rc != HM_ENOTFOUND)
        return rc;
    HM_TRY(hm_tree_role(roles->tree, HM_RECALLING_VENDOR_ROLE, err, &published, NULL));
    return published == NULL ? hm_targets_new(err, ret_content)
                             : hm_targets_copy(published, err, ret_content);
}

/* The document and its place: first on the disk, then in the draft. */
static enum hm_rc put_recall(struct work *work, const struct hm_recall *recall,
                             const struct hm_csaf *csaf, struct hm_targets *content,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf document = HM_BUF_INIT(HM_CSAF_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(HM_RECALL_CUSTOM_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    const struct hm_site *site = work->roles->site;
    struct hm_target target = {.path = hm_bytes_str(recall->path)};
    char path[HM_RECALL_PATH_SIZE_MAX + 16];

    HM_TRY(hm_csaf_write(csaf, err, &document));
    HM_TRY(hm_recall_write_custom(recall, err, &custom));
    target.custom = hm_buf_bytes(&custom);
    target.facts.has_length = target.facts.has_sha256 = true;
    target.facts.length = document.size;
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&document), err, &target.facts.sha256));
    HM_TRY(hm_targets_put(content, &target, err));
    HM_TRY(hm_roles_write_release(site, HM_RECALLING_VENDOR_ROLE,
                                  hm_tree_version(work->roles->tree, HM_RECALLING_VENDOR_ROLE) + 1,
                                  content, err, &canonical));
    (void)snprintf(path, sizeof(path), HM_RECALLING_DIR "/%s", hm_recalling_file(recall->path));
    HM_TRY(hm_file_replace(&site->private_dir, path, 0644, hm_buf_bytes(&document), err));
    return hm_draft_put(&site->drafts, HM_RECALLING_VENDOR_ROLE, hm_buf_bytes(&canonical), err);
}

/* A name is used once. *ret_waits: this very recall is in the draft, and only a signature lacks. */
static enum hm_rc check_new(struct work *work, const struct hm_targets *content,
                            const struct hm_recall *recall, struct hm_err *err, bool *ret_waits)
{
    const struct hm_target *target = hm_targets_find(content, hm_bytes_str(recall->path));
    const struct hm_targets *published = NULL;
    struct hm_recall other;

    *ret_waits = false;
    if (target == NULL)
        return HM_OK;
    HM_TRY(hm_tree_role(work->roles->tree, HM_RECALLING_VENDOR_ROLE, err, &published, NULL));
    HM_TRY(hm_recall_read(target, &work->arena, err, &other));
    *ret_waits = (published == NULL || hm_targets_find(published, target->path) == NULL) &&
                 hm_recall_is_same(&other, recall);
    if (*ret_waits)
        return HM_OK;
    return hm_fail(err, HM_EUSAGE,
                   "there is a recall '%s' already, and none is ever changed: take another name",
                   recall->name);
}

static enum hm_rc draft(struct work *work, struct hm_err *err)
{
    const struct hm_recalling *recalling = work->recalling;
    const struct hm_site_config *config = &work->roles->site->config;
    _hm_free_(hm_targets_free) struct hm_targets *content = NULL;
    bool waits;
    struct hm_recall recall = {.name = recalling->name,
                               .id = HM_RECALL_VENDOR,
                               .reason = recalling->reason,
                               .remedy = recalling->remedy,
                               .date_unix_s = work->roles->site->now_unix_s};
    struct hm_csaf csaf = {.publisher = config->name,
                           .url = config->url,
                           .title = recalling->title == NULL ? recalling->reason : recalling->title,
                           .recall = &recall,
                           .products = work->products,
                           .product_count = work->count};
    _hm_done_(hm_buf_done) struct hm_buf self = HM_BUF_INIT(HM_SITE_URL_SIZE_MAX + 256);

    recall.path = hm_site_text(&work->arena, "recalls/" HM_RECALL_VENDOR "/%s.json", recall.name);
    if (recall.path == NULL)
        return hm_error_nomem(err);
    HM_TRY(load_content(work->roles, err, &content));
    HM_TRY(hm_csaf_digests(&csaf, &work->arena, err, &recall.digests, &recall.digest_count));
    HM_TRY(check_new(work, content, &recall, err, &waits));
    if (waits)
        return HM_OK;
    HM_TRY(hm_advisories_url(work->roles->site, &recall, err, &self));
    csaf.self = hm_buf_str(&self);
    return put_recall(work, &recall, &csaf, content, err);
}

static enum hm_rc check_name(const char *name, struct hm_err *err)
{
    char path[2 * HM_RECALL_PATH_SIZE_MAX];
    struct hm_err why = HM_ERR_INIT;
    struct hm_bytes id, ignored;

    (void)snprintf(path, sizeof(path), "recalls/" HM_RECALL_VENDOR "/%.128s.json", name);
    if (hm_recall_parse_path(hm_bytes_str(path), &why, &id, &ignored) == HM_OK)
        return HM_OK;
    return hm_fail(err, HM_EUSAGE, "%s", why.text);
}

enum hm_rc hm_recalling_run(const struct hm_site *site, const struct hm_recalling *recalling,
                            struct hm_err *err, struct hm_buf *report)
{
    _hm_free_(work_free) struct work *work = calloc(1, sizeof(*work)); /* large for a frame */
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;

    if (work == NULL)
        return hm_error_nomem(err);
    HM_TRY(check_name(recalling->name, err));
    HM_TRY(hm_roles_load(site, err, &roles));
    if (roles->tree->root == NULL)
        return hm_fail(err, HM_EAGAIN, "nothing is published yet: there is nothing to take back");
    work->roles = roles;
    work->recalling = recalling;
    work->report = report;
    HM_TRY(find_all(work, err));
    return draft(work, err);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool is_same(const struct hm_target *a, const struct hm_target *b)
{
    return a->facts.length == b->facts.length && a->facts.has_sha256 && b->facts.has_sha256 &&
           hm_digest_is_equal(&a->facts.sha256, &b->facts.sha256) &&
           hm_bytes_is_equal(a->custom, b->custom);
}

enum hm_rc hm_recalling_check(const char *role, const struct hm_targets *content,
                              const struct hm_targets *published, const char *site,
                              struct hm_err *err)
{
    struct hm_recalls recalls = {0};
    enum hm_rc rc = hm_recall_set_add_role(&recalls, role, content, site, err);

    hm_recall_set_done(&recalls);
    HM_TRY(rc);
    for (size_t i = 0; published != NULL && i < published->target_count; i++) {
        const struct hm_target *before = &published->targets[i];
        const struct hm_target *now = hm_targets_find(content, before->path);

        if (now == NULL || !is_same(now, before))
            return hm_fail(err, HM_EREFUSED,
                           "'%s': '%.*s' is dropped or changed, and no recall ever is: a second "
                           "word on it is a second recall",
                           role, HM_BYTES_FMT(before->path));
    }
    return HM_OK;
}

/* ---- a maker's ------------------------------------------------------------------------------- */

/* What a maker's notice brings, on its way in. */
struct taking {
    struct hm_roles *roles;
    const struct hm_recall_notice *notice;
    const struct hm_layout_maker *maker;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    struct hm_envelope *envelope;
    struct hm_targets *content;
    const struct hm_targets *published; /* or NULL */
    struct hm_sha256 *own;              /* digests of all that the maker released here, ascending */
    size_t own_count, own_capacity;
    struct hm_buf *report;
};

static void taking_done(struct taking *taking)
{
    hm_roles_free(taking->roles);
    hm_envelope_free(taking->envelope);
    hm_targets_free(taking->content);
    free(taking->own);
}

static enum hm_rc find_maker(struct taking *taking, struct hm_err *err)
{
    const struct hm_layout *layout = hm_roles_layout(taking->roles);
    const char *id = taking->notice->maker;

    if (strcmp(taking->notice->site, taking->roles->site->config.name) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is for the site '%s', this is '%s'",
                       taking->notice->site, taking->roles->site->config.name);
    taking->maker = layout == NULL ? NULL : hm_layout_find(layout, hm_bytes_str(id));
    if (taking->maker == NULL || taking->maker->is_attested)
        return hm_fail(err, HM_EREFUSED, "'%s' is no maker that signs for itself here", id);
    (void)snprintf(taking->role, sizeof(taking->role), "recalls~%s", id); /* an ID is short */
    return HM_OK;
}

/* Signed by one of the maker's keys, newer than what is published, and dropping nothing of it. */
static enum hm_rc verify_notice(struct taking *taking, struct hm_err *err)
{
    struct hm_draft_need need;
    struct hm_signed verified;
    const struct hm_site *site = taking->roles->site;

    HM_TRY(hm_roles_need(taking->roles, taking->role, err, &need));
    HM_TRY(hm_envelope_parse(taking->notice->recalls, err, &taking->envelope));
    HM_TRY(hm_envelope_verify(taking->envelope, need.groups[0], taking->role, err, &verified));
    HM_TRY(hm_targets_parse(verified, err, &taking->content));
    HM_TRY(
        hm_document_check_expiry(&taking->content->document, site->now_unix_s, taking->role, err));
    HM_TRY(hm_tree_role(taking->roles->tree, taking->role, err, &taking->published, NULL));
    if (taking->content->document.version <= hm_tree_version(taking->roles->tree, taking->role))
        return hm_fail(err, HM_EROLLBACK,
                       "'%s' version %lld is not newer than version %lld, which is published",
                       taking->role, (long long)taking->content->document.version,
                       (long long)hm_tree_version(taking->roles->tree, taking->role));
    return hm_recalling_check(taking->role, taking->content, taking->published, site->config.name,
                              err);
}

/* What waits was acknowledged: only a newer one takes its place. */
static enum hm_rc check_waiting(const struct taking *taking, struct hm_err *err)
{
    _hm_free_(hm_draft_free) struct hm_draft *draft = NULL;
    int64_t version = taking->content->document.version;
    enum hm_rc rc = hm_draft_load(&taking->roles->site->drafts, taking->role, err, &draft);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    if (version > draft->version ||
        (version == draft->version &&
         hm_bytes_is_equal(draft->envelope->canonical, taking->envelope->canonical)))
        return HM_OK;
    return hm_fail(err, HM_EROLLBACK,
                   "'%s' version %lld does not follow version %lld, which waits to be published; "
                   "if that is not the maker's word, remove 'private/drafts/%s.json'",
                   taking->role, (long long)version, (long long)draft->version, taking->role);
}

static enum hm_rc add_own(void *ctx, const char *role, const struct hm_targets *targets,
                          const struct hm_envelope *envelope, struct hm_err *err)
{
    struct taking *taking = ctx;

    if (taking->own_count + targets->target_count > taking->own_capacity) {
        size_t capacity = 2 * (taking->own_count + targets->target_count);
        struct hm_sha256 *own = reallocarray(taking->own, capacity, sizeof(*own));

        if (own == NULL)
            return hm_error_nomem(err);
        taking->own = own;
        taking->own_capacity = capacity;
    }
    for (size_t i = 0; i < targets->target_count; i++)
        taking->own[taking->own_count++] = targets->targets[i].facts.sha256;
    return HM_OK;
}

static int compare_own(const void *a, const void *b)
{
    return memcmp(a, b, HM_SHA256_SIZE);
}

static enum hm_rc check_own(struct taking *taking, const struct hm_recall *recall,
                            struct hm_err *err)
{
    for (size_t i = 0; i < recall->digest_count; i++) {
        char hex[HM_SHA256_HEX_SIZE];

        hm_text_hex(hm_bytes_make(recall->digests[i].bytes, HM_SHA256_SIZE), hex);
        if (taking->own_count == 0 || bsearch(&recall->digests[i], taking->own, taking->own_count,
                                              sizeof(*taking->own), compare_own) == NULL)
            return hm_fail(err, HM_EREFUSED,
                           "'%s': it takes back bytes that '%s' has not released here (sha256 %s)",
                           recall->path, recall->id, hex);
        HM_TRY(hm_buf_append_fmt(taking->report, err, "'%s' takes back sha256 %s\n", recall->path,
                                 hex));
    }
    return HM_OK;
}

/* A recall that is new here: of the maker's own files, with its document. */
static enum hm_rc take_recall(struct taking *taking, const struct hm_target *target,
                              struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const struct hm_recall_notice_document *document;
    char path[HM_RECALL_PATH_SIZE_MAX + 16];
    struct hm_recall recall;
    struct hm_sha256 sha256;

    HM_TRY(hm_recall_read(target, &arena, err, &recall));
    HM_TRY(check_own(taking, &recall, err));
    document = hm_recall_notice_find(taking->notice, recall.name);
    if (document == NULL)
        return hm_fail(err, HM_ENOTFOUND, "'%s': the notice lacks its document", recall.path);
    HM_TRY(hm_digest_sha256(document->text, err, &sha256));
    if (document->text.size != target->facts.length || document->text.size > HM_CSAF_SIZE_MAX ||
        !hm_digest_is_equal(&sha256, &target->facts.sha256))
        return hm_fail(err, HM_EMISMATCH, "'%s': its document is not the one that was signed for",
                       recall.path);
    HM_TRY(hm_buf_append_fmt(taking->report, err, "'%s': %s; what to do: %s\n", recall.path,
                             recall.reason, recall.remedy));
    (void)snprintf(path, sizeof(path), HM_RECALLING_DIR "/%s", hm_recalling_file(recall.path));
    return hm_file_replace(&taking->roles->site->private_dir, path, 0644, document->text, err);
}

static enum hm_rc take(struct taking *taking, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(256);
    char release[HM_LAYOUT_ROLE_SIZE_MAX];
    size_t taken = 0;

    HM_TRY(find_maker(taking, err));
    HM_TRY(verify_notice(taking, err));
    HM_TRY(check_waiting(taking, err));
    hm_layout_release_role(hm_bytes_str(taking->maker->id), release);
    HM_TRY(hm_tree_each_part(taking->roles->tree, release, err, add_own, taking));
    if (taking->own_count > 1)
        qsort(taking->own, taking->own_count, sizeof(*taking->own), compare_own);
    for (size_t i = 0; i < taking->content->target_count; i++) {
        const struct hm_target *target = &taking->content->targets[i];

        if (taking->published != NULL && hm_targets_find(taking->published, target->path) != NULL)
            continue;
        HM_TRY(take_recall(taking, target, err));
        taken++;
    }
    if (taken == 0)
        HM_TRY(hm_buf_append_str(taking->report, "it recalls nothing that is new here\n", err));
    HM_TRY(hm_role_file_name("", taking->role, err, &name));
    return hm_file_replace(&taking->roles->site->drafts, hm_buf_str(&name), 0644,
                           taking->notice->recalls, err);
}

enum hm_rc hm_recalling_take(const struct hm_site *site, const char *path, struct hm_err *err,
                             struct hm_buf *report)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_RECALL_NOTICE_SIZE_MAX);
    _hm_free_(hm_recall_notice_free) struct hm_recall_notice *notice = NULL;
    _hm_done_(taking_done) struct taking taking = {.report = report};
    enum hm_rc rc;

    HM_TRY(hm_file_read_path(path, err, &raw));
    rc = hm_recall_notice_parse(hm_buf_bytes(&raw), err, &notice);
    if (rc == HM_OK)
        rc = hm_roles_load(site, err, &taking.roles);
    taking.notice = notice;
    if (rc == HM_OK)
        rc = take(&taking, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}
