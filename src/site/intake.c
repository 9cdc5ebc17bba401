/* SPDX-License-Identifier: Apache-2.0 */
/* Taking in submissions (intake.h). */
#include "site/intake.h"

#include <errno.h>

#include "base/file.h"
#include "exchange/claim.h"
#include "site/intake_internal.h"

#define HM_INTAKE_BLOCK_SIZE (1 << 20)

/* Reading the archive, hashing all of it */

struct archive {
    FILE *file;
    bool is_stdin;
    struct hm_digest *digest;
    struct hm_ustar_reader reader;
};

static void archive_done(struct archive *archive)
{
    if (archive->file != NULL && !archive->is_stdin)
        (void)fclose(archive->file); /* only read from */
    hm_digest_free(archive->digest);
}

static enum hm_rc read_archive(void *ctx, uint8_t *data, size_t size, struct hm_err *err,
                               bool *ret_end)
{
    struct archive *archive = ctx;
    size_t got = fread(data, 1, size, archive->file);

    *ret_end = false;
    if (got < size && ferror(archive->file))
        return hm_error_errno(err, errno, "the submission cannot be read");
    if (got == 0 && size > 0) {
        *ret_end = true;
        return HM_OK;
    }
    if (got < size)
        return hm_fail(err, HM_EFORMAT, "the submission is cut off: copy it again");
    return hm_digest_update(archive->digest, hm_bytes_make(data, size), err);
}

static enum hm_rc archive_open(struct archive *archive, const char *path, struct hm_err *err)
{
    archive->is_stdin = strcmp(path, "-") == 0;
    archive->file = archive->is_stdin ? stdin : fopen(path, "re");
    if (archive->file == NULL)
        return hm_error_errno(err, errno, "'%s'", path);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &archive->digest));
    hm_ustar_reader_init(&archive->reader, read_archive, archive);
    return HM_OK;
}

static enum hm_rc read_head(const struct hm_site *site, struct archive *archive, struct hm_err *err,
                            struct hm_submission **ret_submission)
{
    _hm_free_(hm_submission_free) struct hm_submission *submission = NULL;

    HM_TRY(hm_submission_read(&archive->reader, site->now_unix_s, err, &submission));
    if (strcmp(submission->site, site->config.name) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is for the site '%s', this is '%s'", submission->site,
                       site->config.name);
    *ret_submission = hm_steal(&submission);
    return HM_OK;
}

enum hm_rc hm_intake_read_head(const struct hm_site *site, const char *path, struct hm_err *err,
                               struct hm_submission **ret_submission)
{
    _hm_done_(archive_done) struct archive archive = {.file = NULL};
    enum hm_rc rc;

    HM_TRY(archive_open(&archive, path, err));
    rc = read_head(site, &archive, err, ret_submission);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

/* Images */

/* Written while it is hashed, also where public/ has a file of that name: whoever can write there
 * could have put it there, so that this, the only good copy, is thrown away. */
static enum hm_rc copy_image(struct hm_intake *intake, struct archive *archive,
                             const struct hm_target *target, const char *name, uint8_t *block,
                             struct hm_err *err)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 sha256;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_file_writer_open(&intake->dir, name, 0644, false, err, &writer));
    for (;;) {
        size_t got;

        HM_TRY(hm_ustar_reader_read(&archive->reader, block, HM_INTAKE_BLOCK_SIZE, err, &got));
        if (got == 0)
            break;
        HM_TRY(hm_digest_update(digest, hm_bytes_make(block, got), err));
        HM_TRY(hm_file_writer_write(&writer, hm_bytes_make(block, got), err));
    }
    HM_TRY(hm_digest_final(digest, err, sha256.bytes));
    if (!hm_digest_is_equal(&sha256, &target->facts.sha256))
        return hm_fail(err, HM_EMISMATCH,
                       "'%.*s': the image is not the one that the maker signed for (its SHA-256 "
                       "differs); ask for the submission again",
                       HM_BYTES_FMT(target->path));
    return hm_file_writer_commit(&writer, err);
}

static enum hm_rc take_image(struct hm_intake *intake, struct archive *archive,
                             const struct hm_target *target, uint8_t *block, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(2048);

    HM_TRY(hm_buf_append_str(&name, "images/", err));
    HM_TRY(hm_buf_append(&name, target->path, err));
    return copy_image(intake, archive, target, hm_buf_str(&name), block, err);
}

static enum hm_rc take_images(struct hm_intake *intake, struct archive *archive,
                              struct hm_submission *submission, struct hm_err *err)
{
    _hm_free_(free) char *block = malloc(HM_INTAKE_BLOCK_SIZE);
    const struct hm_target *target;

    if (block == NULL)
        return hm_error_nomem(err);
    for (;;) {
        HM_TRY(hm_submission_next_image(submission, &archive->reader, err, &target));
        if (target == NULL)
            return HM_OK;
        HM_TRY(take_image(intake, archive, target, (uint8_t *)block, err));
    }
}

/* Versions */

static enum hm_rc is_published(const struct hm_intake *intake,
                               const struct hm_staged_document *document, struct hm_err *err,
                               bool *ret_same)
{
    const struct hm_targets *ignored;
    const struct hm_envelope *published;

    HM_TRY(hm_tree_role(intake->roles->tree, document->role, err, &ignored, &published));
    *ret_same =
        published != NULL && hm_bytes_is_equal(published->canonical, document->envelope->canonical);
    return HM_OK;
}

/* One document against what is published and what waits; *ret_newer is false for one that is
 * published already, which a submission of several may repeat. */
static enum hm_rc check_document(const struct hm_intake *intake,
                                 const struct hm_staged_document *document, struct hm_err *err,
                                 bool *ret_newer)
{
    const char *role = document->role;
    int64_t version = document->targets->document.version;
    int64_t published = hm_tree_version(intake->roles->tree, role);
    int64_t newest = published;
    bool same = false;

    for (size_t i = 0; i < intake->list->count; i++) {
        const struct hm_staged *other = &intake->list->items[i];
        const struct hm_staged_document *there =
            other->is_attested ? NULL : hm_staged_document(other, role);
        int64_t there_version = there == NULL ? 0 : there->targets->document.version;

        newest = there_version > newest ? there_version : newest;
        if (there == NULL || other->rejected != NULL)
            continue;
        if (there_version == version &&
            !hm_bytes_is_equal(there->envelope->canonical, document->envelope->canonical))
            return hm_fail(err, HM_EMISMATCH,
                           "'%s' version %lld was submitted before with other content (submission "
                           "%.12s): reject that one, or ask the maker which is right",
                           role, (long long)version, other->id);
        /* Versions of maker~ID sort the submissions; those of products have only this order. */
        if (there_version > version && document != intake->staged.documents)
            return hm_fail(err, HM_EROLLBACK,
                           "'%s' version %lld is older than version %lld, which waits (submission "
                           "%.12s)",
                           role, (long long)version, (long long)there_version, other->id);
    }
    if (version == published)
        HM_TRY(is_published(intake, document, err, &same));
    *ret_newer = version > published;
    if (version < published || (version == published && !same))
        return hm_fail(err, HM_EROLLBACK,
                       "'%s' version %lld is not newer than version %lld, which is published", role,
                       (long long)version, (long long)published);
    /* Versions only rise: one that was signed and never sent must not block the maker for ever.
     * What it would have brought is missed by its images. */
    if (version > newest + 1)
        return hm_buf_append_fmt(intake->report, err,
                                 "WARNING: '%s' version %lld never came here; this is version "
                                 "%lld\n",
                                 role, (long long)newest + 1, (long long)version);
    return HM_OK;
}

static enum hm_rc check_versions(const struct hm_intake *intake, struct hm_err *err)
{
    const struct hm_staged *staged = &intake->staged;
    bool any = false;

    for (size_t i = 0; i < staged->document_count; i++) {
        bool newer = false;

        HM_TRY(check_document(intake, &staged->documents[i], err, &newer));
        any = any || newer;
    }
    if (!any)
        return hm_fail(err, HM_EROLLBACK,
                       "'%s' version %lld is not newer than version %lld, which is published",
                       staged->documents[0].role, (long long)staged->version,
                       (long long)staged->version);
    return HM_OK;
}

/* Products that the submission does not bring */

enum hm_rc hm_intake_find_known(const struct hm_intake *intake, const char *role,
                                struct hm_err *err, const struct hm_targets **ret_known)
{
    const struct hm_targets *known;

    HM_TRY(hm_tree_role(intake->roles->tree, role, err, &known, NULL));
    for (size_t i = 0; i < intake->list->count; i++) {
        const struct hm_staged_document *there =
            intake->list->items[i].is_attested ? NULL
                                               : hm_staged_document(&intake->list->items[i], role);

        if (there != NULL &&
            (known == NULL || there->targets->document.version > known->document.version))
            known = there->targets;
    }
    *ret_known = known;
    return HM_OK;
}

/* Where maker~ID is new, every product that it hands on must be here, under the same identity. */
static enum hm_rc check_products(const struct hm_intake *intake, struct hm_err *err)
{
    const struct hm_staged_document *above = &intake->staged.documents[0];
    const struct hm_delegations *delegations = &above->targets->delegations;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_claim claim, other;

    if (intake->staged.version == hm_tree_version(intake->roles->tree, above->role))
        return HM_OK;
    HM_TRY(hm_claim_parse(above->targets->document.x_hallmark, &arena, err, &claim));
    for (size_t i = 0; i < delegations->role_count; i++) {
        char *role = hm_arena_strdup(&arena, delegations->roles[i].name);
        const struct hm_targets *known;

        if (role == NULL)
            return hm_error_nomem(err);
        if (hm_staged_document(&intake->staged, role) != NULL)
            continue;
        HM_TRY(hm_intake_find_known(intake, role, err, &known));
        if (known != NULL)
            HM_TRY(hm_claim_parse(known->document.x_hallmark, &arena, err, &other));
        if (known == NULL || other.identity_version != claim.identity_version)
            return hm_fail(err, HM_ENOTFOUND,
                           "'%s': '%s' hands a product on to it, but neither this submission nor "
                           "the site has it under identity version %lld; ask for 'hallmark maker "
                           "submission'",
                           role, above->role, (long long)claim.identity_version);
    }
    return HM_OK;
}

/* The whole */

static enum hm_rc report_identity(const struct hm_submission *submission, struct hm_err *err,
                                  struct hm_buf *report)
{
    char first[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(submission->identity->first.bytes, HM_SHA256_SIZE), first);
    return hm_buf_append_fmt(report, err, "'%s' (%s), identity version %lld, first %s\n",
                             submission->maker, submission->identity->name,
                             (long long)submission->identity->version, first);
}

/* The submission's documents as those of the staged one, which borrows them. */
static enum hm_rc use_documents(struct hm_intake *intake, const struct hm_submission *submission,
                                struct hm_arena *arena, struct hm_err *err)
{
    struct hm_staged *staged = &intake->staged;
    size_t count = submission->product_count + 1;
    struct hm_staged_document *documents = hm_arena_alloc(arena, count, sizeof(*documents));
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_maker_role(hm_bytes_str(staged->maker), role);
    if (documents == NULL)
        return hm_error_nomem(err);
    documents[0] = (struct hm_staged_document){.role = hm_arena_strdup(arena, hm_bytes_str(role)),
                                               .raw = submission->maker_raw,
                                               .envelope = submission->envelope,
                                               .targets = submission->targets};
    if (documents[0].role == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < submission->product_count; i++)
        documents[i + 1] = (struct hm_staged_document){.role = submission->products[i].role,
                                                       .raw = submission->products[i].raw,
                                                       .envelope = submission->products[i].envelope,
                                                       .targets = submission->products[i].targets};
    staged->documents = documents;
    staged->document_count = count;
    staged->content = submission->content;
    staged->version = submission->targets->document.version;
    if (submission->targets->delegations.role_count == 0)
        return HM_OK;
    staged->order = 1;
    for (size_t i = 0; i < intake->list->count; i++)
        if (strcmp(intake->list->items[i].maker, staged->maker) == 0 &&
            intake->list->items[i].order >= staged->order)
            staged->order = intake->list->items[i].order + 1;
    return HM_OK;
}

static enum hm_rc write_documents(struct hm_intake *intake, const struct hm_submission *submission,
                                  struct hm_err *err)
{
    HM_TRY(hm_file_replace(&intake->dir, "maker.json", 0600, submission->maker_raw, err));
    for (size_t i = 0; i < submission->product_count; i++) {
        char path[HM_TEXT_NAME_SIZE_MAX + 32];

        (void)snprintf(path, sizeof(path), "maker/%s.json", submission->products[i].product);
        HM_TRY(hm_file_replace(&intake->dir, path, 0600, submission->products[i].raw, err));
    }
    return HM_OK;
}

static enum hm_rc take_content(struct hm_intake *intake, struct archive *archive,
                               struct hm_submission *submission, struct hm_err *err,
                               struct hm_intake_result *result)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_sha256 id;

    HM_TRY(use_documents(intake, submission, &arena, err));
    HM_TRY(check_versions(intake, err));
    HM_TRY(check_products(intake, err));
    HM_TRY(take_images(intake, archive, submission, err));
    HM_TRY(hm_digest_final(archive->digest, err, id.bytes));
    HM_TRY(hm_intake_check(intake, err, result));
    HM_TRY(hm_intake_scan(intake, err));
    HM_TRY(write_documents(intake, submission, err));
    return hm_intake_end(intake, &id, err, result);
}

/* An identity newer than the one enrolled becomes a draft of targets. */
static enum hm_rc take_identity(struct hm_intake *intake, const struct hm_submission *submission,
                                const struct hm_layout_maker *maker, struct hm_err *err,
                                struct hm_intake_result *result)
{
    const struct hm_enrol_options options = {.id = maker->id,
                                             .identity = submission->identity,
                                             .identities = submission->identities,
                                             .identity_count = submission->identity_count};

    if (submission->identity->version <= maker->identity_version)
        return HM_OK;
    HM_TRY(hm_buf_append_fmt(intake->report, err,
                             "WARNING: the maker has new keys: 'targets' was drafted with identity "
                             "version %lld and must be signed\n",
                             (long long)submission->identity->version));
    return hm_enrol_run(intake->site, &options, err, intake->report, &result->drafted_targets);
}

static enum hm_rc take(struct hm_intake *intake, struct archive *archive, struct hm_err *err,
                       struct hm_intake_result *result)
{
    _hm_free_(hm_submission_free) struct hm_submission *submission = NULL;
    const struct hm_layout_maker *maker;
    const struct hm_target *target;

    HM_TRY(read_head(intake->site, archive, err, &submission));
    HM_TRY(hm_intake_find_maker(intake, submission->maker, false, err, &maker));
    HM_TRY(hm_chain_check(intake->site, submission->maker, submission->identities,
                          submission->identity_count, err));
    if (!hm_digest_is_equal(&maker->identity_first, &submission->identity->first))
        return hm_fail(err, HM_EREFUSED, "'%s': this is not the identity that is enrolled",
                       submission->maker);
    HM_TRY(report_identity(submission, err, intake->report));
    if (submission->targets != NULL) {
        HM_TRY(take_content(intake, archive, submission, err, result));
    } else {
        /* To the end: a cut archive is refused. */
        HM_TRY(hm_submission_next_image(submission, &archive->reader, err, &target));
        if (submission->identity->version <= maker->identity_version)
            HM_TRY(hm_buf_append_str(intake->report, "it brings nothing new\n", err));
    }
    return take_identity(intake, submission, maker, err, result);
}

enum hm_rc hm_intake_submission(const struct hm_site *site, const char *path, struct hm_err *err,
                                struct hm_buf *report, struct hm_intake_result *ret_result)
{
    _hm_done_(archive_done) struct archive archive = {.file = NULL};
    _hm_done_(hm_intake_done) struct hm_intake intake = HM_INTAKE_INIT;
    struct hm_intake_result result = {.id = ""};
    enum hm_rc rc;

    intake.report = report;
    HM_TRY(archive_open(&archive, path, err));
    HM_TRY(hm_intake_begin(&intake, site, err));
    rc = take(&intake, &archive, err, &result);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    *ret_result = result;
    return HM_OK;
}
