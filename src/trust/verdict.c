/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of trust (DESIGN 5.1, 5.2; docs/formats.md 2 and 3). Every "no" a customer can get for
 * a reason of trust is said here.
 */
#include "trust/verdict.h"

#include "base/text.h"
#include "base/time.h"

/* ---- makers ---------------------------------------------------------------------------------- */

static enum hm_rc check_floor(const struct hm_layout_maker *maker, enum hm_grade grade,
                              enum hm_grade floor, struct hm_err *err)
{
    if (grade >= floor)
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "maker '%s' is of grade '%s', and this site's policy demands '%s' or better; "
                   "see 'hallmark trust policy'",
                   maker->id, hm_layout_grade_text(grade), hm_layout_grade_text(floor));
}

static enum hm_rc judge_attested(const struct hm_layout_maker *maker,
                                 const struct hm_memory *memory, enum hm_grade floor,
                                 struct hm_err *err, enum hm_grade *ret_grade)
{
    /* DESIGN 5.1: attested may become maker, never the reverse. */
    if (memory->is_pinned)
        return hm_fail(err, HM_EREFUSED,
                       "maker '%s': you pinned its identity, but 'targets' now says it is "
                       "vendor-attested; ask the maker",
                       maker->id);
    if (memory->was_maker)
        return hm_fail(err, HM_EREFUSED,
                       "maker '%s': it signed its releases before, but 'targets' now says it is "
                       "vendor-attested; a grade may never fall, ask the maker",
                       maker->id);
    HM_TRY(check_floor(maker, HM_GRADE_ATTESTED, floor, err));
    *ret_grade = HM_GRADE_ATTESTED;
    return HM_OK;
}

/* The chain at hand is the maker's own, and the one that targets.json names. */
static enum hm_rc check_identity(const struct hm_layout_maker *maker,
                                 const struct hm_identity *identity, struct hm_err *err)
{
    if (identity == NULL)
        return hm_fail(err, HM_EAGAIN,
                       "maker '%s': its identity is not at hand; refresh the site first",
                       maker->id);
    if (strcmp(identity->maker, maker->id) != 0)
        return hm_fail(err, HM_EMISMATCH, "maker '%s': the identity at hand is of maker '%s'",
                       maker->id, identity->maker);
    if (!hm_digest_is_equal(&identity->first, &maker->identity_first))
        return hm_fail(err, HM_EMISMATCH,
                       "maker '%s': 'targets' names another first identity than the chain has; "
                       "ask the site",
                       maker->id);
    if (identity->version != maker->identity_version ||
        !hm_digest_is_equal(&identity->sha256, &maker->identity_sha256) ||
        identity->length != maker->identity_length)
        return hm_fail(err, HM_EMISMATCH,
                       "maker '%s': 'targets' names identity %lld, and the newest of the chain is "
                       "not that one; ask the site",
                       maker->id, (long long)maker->identity_version);
    return HM_OK;
}

static enum hm_rc check_memory(const struct hm_layout_maker *maker, const struct hm_memory *memory,
                               struct hm_err *err)
{
    /* DESIGN 5.2: a break in the chain needs the customer's explicit word. */
    if ((memory->is_pinned || memory->was_maker) &&
        !hm_digest_is_equal(&memory->first, &maker->identity_first))
        return hm_fail(err, HM_EREFUSED,
                       memory->is_pinned
                           ? "maker '%s': 'targets' names another first identity than you pinned; "
                             "ask the maker, then change the pin with 'hallmark trust policy'"
                           : "maker '%s': 'targets' names another first identity than was seen "
                             "before; ask the maker, then pin the right one with 'hallmark trust "
                             "policy'",
                       maker->id);
    if (maker->identity_version < memory->identity_version)
        return hm_fail(err, HM_EROLLBACK,
                       "maker '%s': 'targets' names identity %lld, but %lld was seen before; ask "
                       "the maker",
                       maker->id, (long long)maker->identity_version,
                       (long long)memory->identity_version);
    return HM_OK;
}

/* DESIGN 5.2: the delegation's keys must equal the newest identity's; until they do, that maker is
 * refused (cannot tell). */
static enum hm_rc check_delegation(const struct hm_layout *layout,
                                   const struct hm_layout_maker *maker,
                                   const struct hm_identity *identity, struct hm_err *err)
{
    const struct hm_delegated_role *role;
    char name[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_maker_role(hm_bytes_str(maker->id), name);
    role = hm_targets_find_role(&layout->delegations, hm_bytes_str(name));
    if (role == NULL)
        return hm_fail(err, HM_EREFUSED, "maker '%s': 'targets' has no role '%s'", maker->id, name);
    if (!hm_keyring_is_same_role(&role->keys, &identity->keys))
        return hm_fail(err, HM_EAGAIN,
                       "maker '%s': 'targets' gives '%s' other keys than identity %lld has; wait "
                       "until the site has taken them over",
                       maker->id, name, (long long)identity->version);
    return HM_OK;
}

enum hm_rc hm_verdict_maker(const struct hm_layout *layout, const struct hm_layout_maker *maker,
                            const struct hm_identity *identity, const struct hm_memory *memory,
                            enum hm_grade floor, struct hm_err *err, enum hm_grade *ret_grade)
{
    enum hm_grade grade = memory->is_pinned ? HM_GRADE_PINNED : HM_GRADE_INTRODUCED;

    if (maker->is_attested)
        return judge_attested(maker, memory, floor, err, ret_grade);
    HM_TRY(check_memory(maker, memory, err));
    HM_TRY(check_identity(maker, identity, err));
    HM_TRY(check_delegation(layout, maker, identity, err));
    HM_TRY(check_floor(maker, grade, floor, err));
    *ret_grade = grade;
    return HM_OK;
}

static uint8_t fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static int compare_folded(const void *a, const void *b)
{
    struct hm_bytes left = (*(const struct hm_target *const *)a)->path;
    struct hm_bytes right = (*(const struct hm_target *const *)b)->path;
    size_t common = left.size < right.size ? left.size : right.size;

    for (size_t i = 0; i < common; i++) {
        int order = fold(left.data[i]) - fold(right.data[i]);

        if (order != 0)
            return order;
    }
    return left.size < right.size ? -1 : left.size > right.size;
}

/* On a disk that minds no case one of two such files would stand for both. */
static enum hm_rc check_unique(const struct hm_targets *role, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    size_t count = role->target_count;
    const struct hm_target **sorted =
        hm_arena_alloc(&arena, count, sizeof(const struct hm_target *));

    if (sorted == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &role->targets[i];
    if (count > 1)
        qsort(sorted, count, sizeof(*sorted), compare_folded);
    for (size_t i = 1; i < count; i++) {
        if (compare_folded(&sorted[i - 1], &sorted[i]) == 0)
            return hm_fail(err, HM_EREFUSED,
                           "'%.*s' and '%.*s' differ in case only, and two names may not",
                           HM_BYTES_FMT(sorted[i - 1]->path), HM_BYTES_FMT(sorted[i]->path));
    }
    return HM_OK;
}

static enum hm_rc check_names(const struct hm_layout_maker *maker, const struct hm_targets *role,
                              struct hm_err *err)
{
    struct hm_path path;

    for (size_t i = 0; i < role->target_count; i++) {
        HM_TRY(hm_layout_parse_path(role->targets[i].path, err, &path));
        if (!hm_bytes_is_str(path.id, maker->id))
            return hm_fail(err, HM_EREFUSED, "'%.*s' is not a path of maker '%s'",
                           HM_BYTES_FMT(role->targets[i].path), maker->id);
    }
    return check_unique(role, err);
}

enum hm_rc hm_verdict_names(const struct hm_layout_maker *maker, const char *name,
                            const struct hm_targets *role, struct hm_err *err)
{
    enum hm_rc rc = check_names(maker, role, err);

    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", name);
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* What a role says about itself under x-hallmark. */
struct statement {
    struct hm_bytes site;
    struct hm_bytes maker;
    bool has_identity;
    int64_t identity_version;
    struct hm_sha256 identity_sha256;
};

static enum hm_rc parse_statement_identity(struct hm_json *json, struct hm_err *err,
                                           struct statement *statement)
{
    bool version = false, sha256 = false;
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "version")) {
            version = true;
            HM_TRY(hm_json_int(json, err, &statement->identity_version));
        } else if (hm_bytes_is_str(key, "sha256")) {
            sha256 = true;
            HM_TRY(hm_json_string(json, err, &text));
            if (hm_text_unhex(text, statement->identity_sha256.bytes, HM_SHA256_SIZE) != HM_OK)
                return hm_fail(err, HM_EFORMAT, "a SHA-256 is not 64 hexadecimal digits");
        } else {
            HM_TRY(hm_json_skip(json, err, &text));
        }
    }
    statement->has_identity = version && sha256;
    return HM_OK;
}

static enum hm_rc parse_statement(const struct hm_targets *role, struct hm_arena *arena,
                                  struct hm_err *err, struct statement *ret_statement)
{
    struct hm_bytes key, unused;
    struct hm_json json;
    bool more;

    *ret_statement = (struct statement){0};
    if (role->document.x_hallmark.size == 0)
        return hm_fail(err, HM_EREFUSED, "it does not say for which site it is");
    hm_json_init(&json, role->document.x_hallmark, arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "site"))
            HM_TRY(hm_json_string(&json, err, &ret_statement->site));
        else if (hm_bytes_is_str(key, "maker"))
            HM_TRY(hm_json_string(&json, err, &ret_statement->maker));
        else if (hm_bytes_is_str(key, "identity"))
            HM_TRY(parse_statement_identity(&json, err, ret_statement));
        else
            HM_TRY(hm_json_skip(&json, err, &unused));
    }
    return hm_json_end(&json, err);
}

static enum hm_rc check_release_statement(const struct hm_layout *layout,
                                          const struct hm_targets *release, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct statement statement;

    HM_TRY(parse_statement(release, &arena, err, &statement));
    if (!hm_bytes_is_str(statement.site, layout->site))
        return hm_fail(err, HM_EREFUSED, "it is signed for site '%.*s', not '%s'",
                       HM_BYTES_FMT(statement.site), layout->site);
    return HM_OK;
}

static enum hm_rc check_maker_statement(const struct hm_layout *layout,
                                        const struct hm_layout_maker *maker,
                                        const struct hm_targets *maker_role, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct statement statement;

    HM_TRY(parse_statement(maker_role, &arena, err, &statement));
    if (!hm_bytes_is_str(statement.site, layout->site))
        return hm_fail(err, HM_EREFUSED, "it is signed for site '%.*s', not '%s'",
                       HM_BYTES_FMT(statement.site), layout->site);
    if (!hm_bytes_is_str(statement.maker, maker->id))
        return hm_fail(err, HM_EREFUSED, "it is signed as maker '%.*s', not '%s'",
                       HM_BYTES_FMT(statement.maker), maker->id);
    if (!statement.has_identity || statement.identity_version != maker->identity_version ||
        !hm_digest_is_equal(&statement.identity_sha256, &maker->identity_sha256))
        return hm_fail(err, HM_EREFUSED,
                       "it is not signed under identity %lld, which 'targets' names; the maker "
                       "must sign it anew",
                       (long long)maker->identity_version);
    return HM_OK;
}

/* custom without the member "vendor", in canonical form. */
static enum hm_rc strip_vendor(struct hm_bytes custom, bool may_have_vendor, struct hm_err *err,
                               struct hm_buf *ret_canonical)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(2 * HM_LAYOUT_CUSTOM_SIZE_MAX);
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
        if (hm_bytes_is_str(key, "vendor")) {
            if (may_have_vendor)
                continue;
            return hm_fail(err, HM_EREFUSED,
                           "the maker's custom has a member 'vendor', which is "
                           "the vendor's alone");
        }
        hm_json_writer_key_bytes(&writer, key);
        hm_json_writer_raw(&writer, span);
    }
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_end(&json, err));
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_json_canonicalise(hm_buf_bytes(&text), err, ret_canonical);
}

static bool may_hold_vendor(struct hm_bytes custom)
{
    /* An escape could spell it otherwise: then it is read in full. */
    return custom.data != NULL && (memmem(custom.data, custom.size, "\"vendor\"", 8) != NULL ||
                                   memchr(custom.data, '\\', custom.size) != NULL);
}

static enum hm_rc check_custom(struct hm_bytes release, struct hm_bytes maker, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf release_own = HM_BUF_INIT(2 * HM_LAYOUT_CUSTOM_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf maker_own = HM_BUF_INIT(2 * HM_LAYOUT_CUSTOM_SIZE_MAX);

    if (release.size > 2 * HM_LAYOUT_CUSTOM_SIZE_MAX || maker.size > HM_LAYOUT_CUSTOM_SIZE_MAX)
        return hm_fail(err, HM_EREFUSED, "its custom is larger than %d bytes",
                       HM_LAYOUT_CUSTOM_SIZE_MAX);
    if (hm_bytes_is_equal(release, maker) && !may_hold_vendor(maker))
        return HM_OK;
    HM_TRY(strip_vendor(release, true, err, &release_own));
    HM_TRY(strip_vendor(maker, false, err, &maker_own));
    if (!hm_bytes_is_equal(hm_buf_bytes(&release_own), hm_buf_bytes(&maker_own)))
        return hm_fail(err, HM_EREFUSED, "maker and vendor signed different descriptions (custom)");
    return HM_OK;
}

static enum hm_rc check_both(const struct hm_layout *layout, const struct hm_layout_maker *maker,
                             const struct hm_target *released, const struct hm_targets *maker_role,
                             struct hm_bytes path, struct hm_err *err)
{
    const struct hm_target *made = hm_targets_find(maker_role, path);
    char name[HM_LAYOUT_ROLE_SIZE_MAX];
    enum hm_rc rc;

    hm_layout_maker_role(hm_bytes_str(maker->id), name);
    if (made == NULL)
        return hm_fail(err, HM_EREFUSED,
                       "only the vendor signed it, and '%s' does not list it; do not install it "
                       "and ask the maker",
                       name);
    rc = check_maker_statement(layout, maker, maker_role, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", name);
    if (!made->facts.has_sha256 || !made->facts.has_length)
        return hm_fail(err, HM_EREFUSED, "'%s' gives no SHA-256 or length for it", name);
    if (made->facts.length != released->facts.length ||
        !hm_digest_is_equal(&made->facts.sha256, &released->facts.sha256))
        return hm_fail(err, HM_EREFUSED,
                       "'%s' lists other bytes (length or sha256) than the vendor signed; do not "
                       "install it and ask the maker",
                       name);
    rc = check_custom(released->custom, made->custom, err);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", name);
}

static enum hm_rc judge_path(const struct hm_layout *layout, const struct hm_layout_maker *maker,
                             enum hm_grade grade, const struct hm_targets *release,
                             const struct hm_targets *maker_role, const struct hm_path *path,
                             struct hm_err *err, const struct hm_target **ret_released)
{
    const struct hm_target *released = hm_targets_find(release, path->whole);

    if (released == NULL) {
        if (!maker->is_attested && hm_targets_find(maker_role, path->whole) != NULL)
            return hm_fail(
                err, HM_EREFUSED,
                "only maker '%s' signed it, and 'release~%s' does not list it: the vendor "
                "has not approved it",
                maker->id, maker->id);
        return hm_fail(err, HM_EUNKNOWN, "site '%s' has released no such file", layout->site);
    }
    HM_TRY(check_release_statement(layout, release, err));
    if (!released->facts.has_sha256 || !released->facts.has_length)
        return hm_fail(err, HM_EREFUSED, "its release gives no SHA-256 or length for it");
    if (!maker->is_attested)
        HM_TRY(check_both(layout, maker, released, maker_role, path->whole, err));
    *ret_released = released;
    return HM_OK;
}

enum hm_rc hm_verdict_path(const struct hm_layout *layout, const struct hm_layout_maker *maker,
                           enum hm_grade grade, const struct hm_targets *release,
                           const struct hm_targets *maker_role, struct hm_bytes path,
                           struct hm_err *err, struct hm_release_file *ret_file)
{
    const struct hm_target *released = NULL;
    struct hm_path parts;
    enum hm_rc rc;

    HM_TRY(hm_layout_parse_path(path, err, &parts));
    if (!hm_bytes_is_str(parts.id, maker->id))
        return hm_fail(err, HM_EREFUSED, "'%.*s': is not a path of maker '%s'", HM_BYTES_FMT(path),
                       maker->id);
    /* Grade and roles must fit: an attested maker has no second signature, any other needs it. */
    if (grade == HM_GRADE_NONE || (grade == HM_GRADE_ATTESTED) != maker->is_attested ||
        release == NULL || (maker_role == NULL) != maker->is_attested)
        return hm_fail(err, HM_EINTERNAL, "'%.*s': judged with a grade or roles that do not fit",
                       HM_BYTES_FMT(path));
    rc = judge_path(layout, maker, grade, release, maker_role, &parts, err, &released);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%.*s'", HM_BYTES_FMT(path));
    /* The path's views point into the role, as custom does, not into the caller's question. */
    HM_TRY(hm_layout_parse_path(released->path, err, &parts));
    *ret_file = (struct hm_release_file){
        .path = parts,
        .length = released->facts.length,
        .sha256 = released->facts.sha256,
        .custom = released->custom,
        .grade = grade,
    };
    return HM_OK;
}

/* ---- recalls --------------------------------------------------------------------------------- */

static enum hm_rc fail_recalled(const struct hm_recall *recall, struct hm_bytes label,
                                struct hm_err *err)
{
    bool is_vendor = strcmp(recall->id, HM_RECALL_VENDOR) == 0;
    char date[HM_TIME_TEXT_SIZE];

    hm_time_format(recall->date_unix_s, date);
    return hm_fail(err, HM_ERECALLED,
                   "'%.*s': recalled on %.10s by %s%s ('%s'): %s; what to do: %s",
                   HM_BYTES_FMT(label), date, is_vendor ? "the vendor" : "its maker ",
                   is_vendor ? "" : recall->id, recall->path, recall->reason, recall->remedy);
}

enum hm_rc hm_verdict_recall(const struct hm_recalls *recalls, const char *maker,
                             const struct hm_release_file *file, hm_verdict_lifted_fn *is_lifted,
                             void *ctx, const char *despite, struct hm_err *err,
                             const struct hm_recall **ret_recall)
{
    const struct hm_recall *recall;
    size_t cursor = 0;

    while ((recall = hm_recall_set_find(recalls, &file->sha256, maker, &cursor)) != NULL) {
        if ((despite != NULL && strcmp(recall->path, despite) == 0) ||
            (is_lifted != NULL && is_lifted(ctx, maker, recall)))
            continue;
        if (ret_recall != NULL)
            *ret_recall = recall;
        return fail_recalled(recall, file->path.whole, err);
    }
    return HM_OK;
}

enum hm_rc hm_verdict_recall_unknown(const struct hm_recalls *recalls,
                                     const struct hm_sha256 *digest, const char *label,
                                     struct hm_err *err)
{
    size_t cursor = 0;
    const struct hm_recall *recall = hm_recall_set_find(recalls, digest, NULL, &cursor);

    return recall == NULL ? HM_OK : fail_recalled(recall, hm_bytes_str(label), err);
}
