/* SPDX-License-Identifier: Apache-2.0 */
/* What an offline signer does with a request (signing.h). */
#include "exchange/signing.h"

#include <stdarg.h>

#include "base/lock.h"
#include "base/text.h"
#include "base/time.h"
#include "exchange/claim.h"
#include "exchange/review.h"
#include "exchange/role.h"
#include "exchange/signing_internal.h"
#include "exchange/submission.h"

#define SEEN          "seen/"
#define TEXT_SIZE_MAX ((size_t)1 << 31)

/* One document that a key given may sign. */
struct job {
    const struct hm_request_document *document;
    const struct hm_role_keys *groups[2]; /* as hm_signing_chain_groups gives them */
    struct hm_dir *dir;                   /* where it is remembered */
};

struct hm_signing {
    const struct hm_request *request;
    struct hm_signing_config config;
    struct hm_signing_chain chain;
    struct hm_dir site_dir, maker_dir;
    struct hm_lock site_lock, maker_lock;
    struct job jobs[HM_REQUEST_DOCUMENT_COUNT_MAX];
    size_t job_count;
    struct hm_buf text;
    bool has_warnings;
};

/* ---- text ----------------------------------------------------------------------------------- */

/* Our own words around text from outside, which is escaped; one line. */
HM_PRINTF(3, 4)
static enum hm_rc say(struct hm_signing *signing, struct hm_err *err, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (strncmp(text, "WARNING: ", 9) == 0)
        signing->has_warnings = true;
    HM_TRY(hm_text_escape(&signing->text, hm_bytes_str(text), err));
    return hm_buf_append_byte(&signing->text, '\n', err);
}

/* ---- the chain against memory --------------------------------------------------------------- */

/* A published version may not go back behind one seen before, nor be another under the same number.
 */
static enum hm_rc check_seen(const char *role, const struct hm_signing_memory *seen,
                             const struct hm_envelope *published, int64_t version,
                             struct hm_err *err)
{
    if (seen->envelope == NULL)
        return HM_OK;
    if (version < seen->version)
        return hm_fail(err, HM_EROLLBACK,
                       "'%s': the request says version %lld is published, but this signer saw "
                       "version %lld before; do not sign, ask the site",
                       role, (long long)version, (long long)seen->version);
    if (version == seen->version &&
        !hm_bytes_is_equal(published->canonical, seen->envelope->canonical))
        return hm_fail(err, HM_EREFUSED,
                       "'%s': the request shows another version %lld than this signer saw before; "
                       "do not sign, somebody shows different things to different people",
                       role, (long long)version);
    return HM_OK;
}

static enum hm_rc check_published(const struct hm_dir *dir, const char *role,
                                  const struct hm_envelope *published, int64_t version,
                                  struct hm_err *err)
{
    _hm_done_(hm_signing_chain_forget) struct hm_signing_memory seen = {.raw = HM_BUF_INIT(0)};

    HM_TRY(hm_signing_chain_recall(dir, SEEN, role, err, &seen));
    return check_seen(role, &seen, published, version, err);
}

/* Is the root of the request the one that follows from the root this signer knows? */
static enum hm_rc check_root(struct hm_signing *signing, struct hm_err *err)
{
    _hm_done_(hm_signing_chain_forget) struct hm_signing_memory seen = {.raw = HM_BUF_INIT(0)};
    _hm_done_(hm_signing_chain_forget) struct hm_signing_memory mine = {.raw = HM_BUF_INIT(0)};
    _hm_free_(hm_root_free) struct hm_root *known = NULL;
    _hm_free_(hm_root_free) struct hm_root *next = NULL;
    const struct hm_root *root = signing->chain.root;
    const struct hm_envelope *envelope = signing->chain.root_envelope;
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;
    struct hm_signed unused;

    HM_TRY(hm_signing_chain_recall(&signing->site_dir, SEEN, "root", err, &seen));
    HM_TRY(hm_signing_chain_recall(&signing->site_dir, "", "root", err, &mine));
    HM_TRY(check_seen("root", &seen, envelope, root == NULL ? 0 : root->document.version, err));
    if (root == NULL)
        return say(signing, err, "The site has no root yet.");
    HM_TRY(hm_digest_sha256(envelope->canonical, err, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    if (root->document.expires_unix_s <= signing->config.now_unix_s)
        HM_TRY(say(signing, err, "WARNING: the site's root version %lld has expired",
                   (long long)root->document.version));
    if (seen.envelope == NULL && mine.envelope != NULL &&
        hm_bytes_is_equal(mine.envelope->canonical, envelope->canonical))
        return say(signing, err, "The site's root is version %lld, which you signed.",
                   (long long)root->document.version);
    if (seen.envelope == NULL)
        return say(signing, err,
                   "First request from this site at this signer. Its root is version %lld, "
                   "sha256 %s (of the signed bytes): compare it with what you know.",
                   (long long)root->document.version, hex);
    if (seen.version == root->document.version)
        return say(signing, err, "The site's root is version %lld, as this signer knows it.",
                   (long long)root->document.version);
    HM_TRY(hm_root_verify_first(seen.envelope, err, &known));
    if (root->document.version == seen.version + 1) {
        HM_TRY(hm_root_verify_next(known, envelope, err, &next));
    } else if (hm_envelope_verify(envelope, &known->roles[HM_ROOT_ROLE_ROOT], "root", err,
                                  &unused) != HM_OK) {
        return say(signing, err,
                   "WARNING: the site's root went from version %lld, which this signer knows, to "
                   "version %lld, and the keys of the first did not sign the last; its sha256 is "
                   "%s: compare it with what you know",
                   (long long)seen.version, (long long)root->document.version, hex);
    }
    return say(signing, err, "The site's root went from version %lld to %lld, rightly signed.",
               (long long)seen.version, (long long)root->document.version);
}

/* The chain of identities must be the one seen before, or go on from it. */
static enum hm_rc check_identity(struct hm_signing *signing, struct hm_err *err)
{
    _hm_done_(hm_signing_chain_forget) struct hm_signing_memory seen = {.raw = HM_BUF_INIT(0)};
    const struct hm_request *request = signing->request;
    const struct hm_identity *identity = signing->chain.identity;
    _hm_free_(hm_envelope_free) struct hm_envelope *same = NULL;
    char hex[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_signing_chain_recall(&signing->maker_dir, SEEN, "identity", err, &seen));
    if (seen.envelope != NULL) {
        if (seen.version > (int64_t)request->identity_count)
            return check_seen("identity", &seen, NULL, (int64_t)request->identity_count, err);
        HM_TRY(hm_envelope_parse(request->identities[seen.version - 1], err, &same));
        HM_TRY(check_seen("identity", &seen, same, seen.version, err));
    }
    if (identity == NULL)
        return say(signing, err, "Maker %s has no identity yet.", request->maker);
    hm_text_hex(hm_bytes_make(identity->first.bytes, HM_SHA256_SIZE), hex);
    return say(signing, err, "Maker %s has identity version %lld, %s; first identity sha256 %s.",
               identity->maker, (long long)identity->version,
               seen.envelope == NULL ? "new to this signer" : "known to this signer", hex);
}

/* Only a maker's own request, for maker~ID, recalls~ID and its identity, has nothing of the site's.
 */
static bool is_of_site(const struct hm_request *request)
{
    for (size_t i = 0; i < request->document_count; i++) {
        const char *role = request->documents[i].role;

        struct hm_bytes id;

        if (strcmp(role, "identity") == 0 || hm_role_is_of(role, "maker", NULL))
            continue;
        if (!hm_role_is_of(role, "recalls", &id) || request->maker == NULL ||
            !hm_bytes_is_str(id, request->maker))
            return true;
    }
    return request->root.size > 0;
}

static enum hm_rc check_chain(struct hm_signing *signing, struct hm_err *err)
{
    const struct hm_signing_chain *chain = &signing->chain;
    const struct hm_request *request = signing->request;
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char *site;
    bool trial;

    if (request->site != NULL)
        HM_TRY(say(signing, err, "Request of site %s: %s", request->site, request->reason));
    else
        HM_TRY(say(signing, err, "Request of maker %s: %s", request->maker, request->reason));
    for (size_t i = 0; i < request->finding_count; i++)
        HM_TRY(say(signing, err, "WARNING: found by the site's scan: %s", request->findings[i]));
    if (chain->root != NULL) {
        HM_TRY(hm_layout_root_site(chain->root, &arena, err, &site, &trial));
        if (request->site == NULL || strcmp(site, request->site) != 0)
            return hm_fail(err, HM_EMISMATCH,
                           "request: chain/root.json is of site '%s', not of the one named", site);
    }
    if (is_of_site(request))
        HM_TRY(check_root(signing, err));
    if (chain->targets != NULL)
        HM_TRY(check_published(&signing->site_dir, "targets", chain->targets_envelope,
                               chain->targets->document.version, err));
    if (request->maker != NULL)
        HM_TRY(check_identity(signing, err));
    return HM_OK;
}

/* ---- one document --------------------------------------------------------------------------- */

/* The published version that a document follows. */
struct base {
    const struct hm_envelope *envelope; /* NULL: nothing is published */
    struct hm_envelope *owned;
    int64_t version;
};

static void free_base(struct base *base)
{
    hm_envelope_free(base->owned);
}

static struct base base_of_chain(const struct hm_signing_chain *chain, const char *role)
{
    struct base base = {0};

    if (strcmp(role, "root") == 0 && chain->root != NULL) {
        base.envelope = chain->root_envelope;
        base.version = chain->root->document.version;
    } else if (strcmp(role, "targets") == 0 && chain->targets != NULL) {
        base.envelope = chain->targets_envelope;
        base.version = chain->targets->document.version;
    } else if (strcmp(role, "identity") == 0 && chain->identity != NULL) {
        base.envelope = chain->identity_envelope;
        base.version = chain->identity->version;
    }
    return base;
}

/* Does current carry the threshold of those who sign its role? A maker's earlier release may stem
 * from an earlier identity. */
static enum hm_rc verify_current(struct hm_signing *signing, const struct job *job,
                                 const struct hm_envelope *current, struct hm_err *err)
{
    const struct hm_request *request = signing->request;
    struct hm_identity *identity = NULL;
    struct hm_signed unused;
    enum hm_rc rc;

    if (job->groups[0] == NULL)
        return hm_fail(err, HM_EREFUSED,
                       "'%s': the request says a version is published, but its chain names no keys "
                       "for the role",
                       job->document->role);
    rc = hm_envelope_verify(current, job->groups[0], job->document->role, err, &unused);
    if (rc != HM_ESIGNATURE || !hm_role_is_of(job->document->role, "maker", NULL))
        return rc;
    for (size_t i = 0; i < request->identity_count && rc == HM_ESIGNATURE; i++) {
        struct hm_identity *next = NULL;

        rc = i == 0 ? hm_identity_verify_first(request->identities[i], err, &next)
                    : hm_identity_verify_next(identity, request->identities[i], err, &next);
        hm_identity_free(identity);
        identity = next;
        if (rc == HM_OK)
            rc = hm_envelope_verify(current, &identity->keys, job->document->role, err, &unused);
    }
    hm_identity_free(identity);
    return rc;
}

static enum hm_rc find_base(struct hm_signing *signing, const struct job *job, struct hm_err *err,
                            struct base *ret_base)
{
    const struct hm_request_document *document = job->document;
    struct hm_envelope *current = NULL;
    struct base base = base_of_chain(&signing->chain, document->role);
    enum hm_rc rc;

    if (document->current.size > 0) {
        rc = hm_envelope_parse(document->current, err, &current);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "request: current version of '%s'", document->role);
        if (base.envelope != NULL &&
            !hm_bytes_is_equal(base.envelope->canonical, current->canonical))
            rc = hm_fail(err, HM_EMISMATCH,
                         "request: '%s' in the chain and under current are not the same",
                         document->role);
        if (rc == HM_OK)
            rc = verify_current(signing, job, current, err);
        if (rc == HM_OK)
            rc = hm_role_peek_version(current, document->role, err, &base.version);
        if (rc != HM_OK) {
            hm_envelope_free(current);
            return rc;
        }
        base.envelope = current;
        base.owned = current;
    }
    *ret_base = base;
    return HM_OK;
}

static enum hm_rc check_claim(const struct hm_signing *signing, struct hm_bytes x_hallmark,
                              const char *role, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_claim claim;

    HM_TRY(hm_claim_parse(x_hallmark, &arena, err, &claim));
    if (claim.site == NULL || strcmp(claim.site, signing->request->site) != 0)
        return hm_fail(err, HM_EMISMATCH, "'%s': it is made for site '%s', not for '%s'", role,
                       claim.site == NULL ? "" : claim.site, signing->request->site);
    return HM_OK;
}

/* targets must be a layout that clients accept, under the root that will be published with it. */
static enum hm_rc check_layout(const struct hm_signing *signing, const struct hm_targets *targets,
                               struct hm_err *err)
{
    _hm_free_(hm_layout_free) struct hm_layout *layout = NULL;
    const struct hm_signing_chain *chain = &signing->chain;
    const struct hm_root *root =
        chain->next_root.content != NULL ? chain->next_root.content : chain->root;

    HM_ASSERT(root != NULL); /* else nobody could be listed for the role */
    return hm_layout_parse(root, targets, signing->request->site, err, &layout);
}

static enum hm_rc check_expiry(struct hm_signing *signing, const char *role, int64_t expires_unix_s,
                               struct hm_err *err)
{
    int64_t now = signing->config.now_unix_s;
    char text[HM_TIME_TEXT_SIZE];

    hm_time_format(expires_unix_s, text);
    if (expires_unix_s <= now)
        return say(signing, err, "WARNING: %s: it expires %s, which is past", role, text);
    if (expires_unix_s - now > 2 * hm_review_default_expiry_s(role))
        return say(signing, err,
                   "WARNING: %s: it expires %s, more than twice the usual time from now", role,
                   text);
    return HM_OK;
}

/* release~ID and maker~ID, and the roles of their products. */
static enum hm_rc check_part(const struct hm_signing *signing, const struct job *job,
                             const struct hm_partition_name *name, const struct hm_targets *targets,
                             struct hm_err *err)
{
    const char *role = job->document->role;
    const char *site = signing->request->site;
    const struct hm_identity *identity = signing->chain.identity;

    if (name->is_maker && name->product.size > 0)
        return hm_submission_check_product(role, targets, site, identity, err);
    if (name->is_maker)
        return hm_submission_check_targets(targets, site, identity, err);
    HM_TRY(check_claim(signing, targets->document.x_hallmark, role, err));
    return hm_signing_parts_check_release(
        role, job->groups[1] != NULL ? job->groups[1] : job->groups[0], targets, err);
}

/* What the document says of itself, by kind. */
static enum hm_rc check_content(struct hm_signing *signing, const struct job *job,
                                struct hm_err *err)
{
    const struct hm_request_document *document = job->document;
    const char *role = document->role;
    struct hm_targets_unsigned other = {NULL};
    const struct hm_targets *targets = signing->chain.next_targets.content;
    struct hm_partition_name name;
    enum hm_rc rc = HM_OK;

    if (strcmp(role, "root") == 0) {
        const struct hm_document *root = &signing->chain.next_root.content->document;

        HM_TRY(check_claim(signing, root->x_hallmark, role, err));
        return check_expiry(signing, role, root->expires_unix_s, err);
    }
    if (strcmp(role, "identity") == 0) {
        const struct hm_identity *identity = signing->chain.next_identity.content;

        if (strcmp(identity->maker, signing->request->maker) != 0)
            return hm_fail(err, HM_EMISMATCH, "'identity': it is of maker '%s', not of '%s'",
                           identity->maker, signing->request->maker);
        return HM_OK;
    }
    if (strcmp(role, "targets") != 0) {
        HM_TRY(hm_targets_read_unsigned(hm_envelope_unsigned(document->envelope), err, &other));
        targets = other.content;
    }
    if (strcmp(role, "targets") == 0)
        rc = check_layout(signing, targets, err);
    else if (hm_partition_parse(hm_bytes_str(role), &name))
        rc = check_part(signing, job, &name, targets, err);
    if (rc == HM_OK)
        rc = check_expiry(signing, role, targets->document.expires_unix_s, err);
    hm_targets_free(other.content);
    return rc;
}

/* The version against what is published and what this signer signed. */
static enum hm_rc check_version(struct hm_signing *signing, const struct job *job,
                                const struct base *base, const struct hm_signing_memory *mine,
                                struct hm_err *err)
{
    const struct hm_request_document *document = job->document;

    if (document->version != base->version + 1 || base->version == INT64_MAX)
        return hm_fail(err, HM_EMISMATCH,
                       "'%s': version %lld must be signed, but the published one is %lld and the "
                       "next must be exactly one more",
                       document->role, (long long)document->version, (long long)base->version);
    if (mine->envelope == NULL || document->version > mine->version)
        return HM_OK;
    if (document->version < mine->version)
        return hm_fail(err, HM_EROLLBACK,
                       "'%s': you signed version %lld before; version %lld is older",
                       document->role, (long long)mine->version, (long long)document->version);
    if (hm_bytes_is_equal(document->envelope->canonical, mine->envelope->canonical))
        return say(signing, err, "%s: you signed exactly these bytes before.", document->role);
    if (!signing->config.replace)
        return hm_fail(err, HM_EREFUSED,
                       "'%s': you signed other bytes as version %lld before; if that version was "
                       "never published and is to be replaced, say --replace",
                       document->role, (long long)document->version);
    return say(signing, err,
               "WARNING: %s: you signed other bytes as version %lld before; both signatures are "
               "valid",
               document->role, (long long)document->version);
}

static enum hm_rc show_against(struct hm_signing *signing, const struct job *job,
                               struct hm_bytes before, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf review = HM_BUF_INIT(TEXT_SIZE_MAX);

    HM_TRY(hm_review_document(job->document->role, before, job->document->next, err, &review));
    if (strncmp(hm_buf_str(&review), "WARNING: ", 9) == 0)
        signing->has_warnings = true;
    return hm_buf_append(&signing->text, hm_buf_bytes(&review), err);
}

/* A product's role that is new: against what the role above listed of the product. */
static enum hm_rc show_part(struct hm_signing *signing, const struct job *job, struct hm_err *err,
                            bool *ret_shown)
{
    _hm_done_(hm_buf_done) struct hm_buf mine = HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf published = HM_BUF_INIT(HM_REQUEST_DOCUMENT_SIZE_MAX);
    const char *role = job->document->role;
    int64_t mine_version, published_version;

    HM_TRY(
        hm_signing_parts_before(signing->request, job->dir, true, role, err, &mine, &mine_version));
    HM_TRY(hm_signing_parts_before(signing->request, job->dir, false, role, err, &published,
                                   &published_version));
    *ret_shown = mine_version > 0 || published_version > 0;
    if (*ret_shown)
        HM_TRY(say(signing, err, "%s: a role of its own from now on.", role));
    if (mine_version > 0) {
        HM_TRY(say(signing, err,
                   "%s: compared with what you signed of this product last, in version %lld of the "
                   "role above:",
                   role, (long long)mine_version));
        HM_TRY(show_against(signing, job, hm_buf_bytes(&mine), err));
    }
    if (published_version == 0 || hm_bytes_is_equal(hm_buf_bytes(&mine), hm_buf_bytes(&published)))
        return HM_OK;
    HM_TRY(say(signing, err,
               "%s: compared with what the request says is published of this product, in version "
               "%lld of the role above:",
               role, (long long)published_version));
    return show_against(signing, job, hm_buf_bytes(&published), err);
}

/* The difference to this signer's own last word; and, where others have signed since, also to what
 * is published: what they added must not go unseen if it is dropped now. */
static enum hm_rc show(struct hm_signing *signing, const struct job *job, const struct base *base,
                       const struct hm_signing_memory *mine, struct hm_err *err)
{
    const struct hm_request_document *document = job->document;
    const char *role = document->role;
    char hex[HM_SHA256_HEX_SIZE];
    bool shown = false;

    if (mine->envelope != NULL) {
        HM_TRY(say(signing, err, "%s: compared with version %lld, which you signed last:", role,
                   (long long)mine->version));
        HM_TRY(show_against(signing, job, mine->envelope->raw, err));
    }
    if (base->envelope != NULL &&
        (mine->envelope == NULL ||
         !hm_bytes_is_equal(mine->envelope->canonical, base->envelope->canonical))) {
        HM_TRY(say(signing, err,
                   "%s: %scompared with what the request says is published, version %lld:", role,
                   mine->envelope == NULL ? "first time you sign this role: " : "and ",
                   (long long)base->version));
        HM_TRY(show_against(signing, job, base->envelope->raw, err));
    }
    if (mine->envelope == NULL && base->envelope == NULL)
        HM_TRY(show_part(signing, job, err, &shown));
    if (mine->envelope == NULL && base->envelope == NULL && !shown) {
        HM_TRY(say(signing, err,
                   "%s: first time you sign this role, and nothing is published: this is the first "
                   "version:",
                   role));
        HM_TRY(show_against(signing, job, HM_BYTES_EMPTY, err));
    }
    hm_text_hex(hm_bytes_make(document->sha256.bytes, HM_SHA256_SIZE), hex);
    return say(signing, err, "    bytes to sign: sha256 %s", hex);
}

static enum hm_rc examine(struct hm_signing *signing, const struct job *job, struct hm_err *err)
{
    _hm_done_(hm_signing_chain_forget) struct hm_signing_memory mine = {.raw = HM_BUF_INIT(0)};
    _hm_done_(free_base) struct base base = {0};

    HM_TRY(hm_buf_append_byte(&signing->text, '\n', err));
    HM_TRY(find_base(signing, job, err, &base));
    HM_TRY(check_published(job->dir, job->document->role, base.envelope, base.version, err));
    HM_TRY(check_content(signing, job, err));
    HM_TRY(hm_signing_chain_recall(job->dir, "", job->document->role, err, &mine));
    HM_TRY(check_version(signing, job, &base, &mine, err));
    HM_TRY(hm_signing_parts_check_moved(signing->request, job->document, base.envelope, err));
    HM_TRY(hm_signing_parts_check_moved(signing->request, job->document, mine.envelope, err));
    return show(signing, job, &base, &mine, err);
}

/* ---- which documents ------------------------------------------------------------------------ */

static bool lists_key(const struct hm_role_keys *keys, const struct hm_key *key)
{
    for (size_t i = 0; keys != NULL && i < keys->id_count; i++) {
        const struct hm_keyring_key *entry =
            hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[i]));

        if (entry != NULL && entry->key != NULL &&
            hm_digest_is_equal(hm_key_material(entry->key), hm_key_material(key)))
            return true;
    }
    return false;
}

static bool lists_signer(const struct hm_signing_config *config, const struct hm_role_keys *keys)
{
    for (size_t i = 0; i < config->signer_count; i++) {
        if (lists_key(keys, hm_signer_key(config->signers[i])))
            return true;
    }
    return false;
}

/* Every key given must be of use somewhere: a wrong key is the likeliest mistake. */
static enum hm_rc check_keys(const struct hm_signing *signing, struct hm_err *err)
{
    for (size_t i = 0; i < signing->config.signer_count; i++) {
        const struct hm_key *key = hm_signer_key(signing->config.signers[i]);
        bool listed = false;

        for (size_t k = 0; k < signing->job_count && !listed; k++)
            listed = lists_key(signing->jobs[k].groups[0], key) ||
                     lists_key(signing->jobs[k].groups[1], key);
        if (!listed)
            return hm_fail(err, HM_EREFUSED,
                           "key %s is not listed for any document of this request; nothing was "
                           "signed",
                           hm_key_id(key));
    }
    return HM_OK;
}

static enum hm_rc choose_jobs(struct hm_signing *signing, struct hm_err *err)
{
    const struct hm_request *request = signing->request;

    for (size_t i = 0; i < request->document_count; i++) {
        struct job job = {.document = &request->documents[i]};
        const char *role = job.document->role;
        bool published;

        hm_signing_chain_groups(&signing->chain, role, job.groups);
        published = lists_signer(&signing->config, job.groups[0]);
        if (!published && !lists_signer(&signing->config, job.groups[1])) {
            HM_TRY(say(signing, err, "%s version %lld: not yours to sign, passed over.", role,
                       (long long)job.document->version));
            continue;
        }
        /* Of a new site and a new maker, root, targets and identity can be listed nowhere else. */
        if (!published && (job.groups[0] != NULL || strchr(role, '~') != NULL))
            HM_TRY(say(signing, err,
                       "%s: your key is listed for it by this request alone, by nothing published "
                       "so far.",
                       role));
        job.dir = strcmp(role, "identity") == 0 ? &signing->maker_dir : &signing->site_dir;
        signing->jobs[signing->job_count++] = job;
    }
    return check_keys(signing, err);
}

/* ---- life ----------------------------------------------------------------------------------- */

static enum hm_rc open_memory(struct hm_signing *signing, struct hm_err *err)
{
    const struct hm_request *request = signing->request;
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(256);

    if (request->site != NULL) {
        HM_TRY(
            hm_dir_open_at(signing->config.memory, request->site, true, err, &signing->site_dir));
        HM_TRY(hm_lock_take(&signing->site_dir, "lock", 0, err, &signing->site_lock));
    }
    if (request->maker != NULL) {
        HM_TRY(hm_buf_append_fmt(&name, err, "makers/%s", request->maker));
        HM_TRY(hm_dir_open_at(signing->config.memory, hm_buf_str(&name), true, err,
                              &signing->maker_dir));
        HM_TRY(hm_lock_take(&signing->maker_dir, "lock", 0, err, &signing->maker_lock));
    }
    return HM_OK;
}

enum hm_rc hm_signing_open(const struct hm_request *request, const struct hm_signing_config *config,
                           struct hm_err *err, struct hm_signing **ret_signing)
{
    _hm_free_(hm_signing_free) struct hm_signing *signing = calloc(1, sizeof(*signing));

    if (signing == NULL)
        return hm_error_nomem(err);
    signing->request = request;
    signing->config = *config;
    signing->site_dir = (struct hm_dir)HM_DIR_INIT;
    signing->maker_dir = (struct hm_dir)HM_DIR_INIT;
    signing->site_lock = (struct hm_lock)HM_LOCK_INIT;
    signing->maker_lock = (struct hm_lock)HM_LOCK_INIT;
    signing->text = (struct hm_buf)HM_BUF_INIT(TEXT_SIZE_MAX);
    HM_TRY(open_memory(signing, err));
    HM_TRY(hm_signing_chain_verify(request, err, &signing->chain));
    HM_TRY(check_chain(signing, err));
    HM_TRY(choose_jobs(signing, err));
    for (size_t i = 0; i < signing->job_count; i++)
        HM_TRY(examine(signing, &signing->jobs[i], err));
    *ret_signing = hm_steal(&signing);
    return HM_OK;
}

void hm_signing_free(struct hm_signing *signing)
{
    if (signing == NULL)
        return;
    hm_signing_chain_done(&signing->chain);
    hm_lock_done(&signing->site_lock);
    hm_lock_done(&signing->maker_lock);
    hm_dir_done(&signing->site_dir);
    hm_dir_done(&signing->maker_dir);
    hm_buf_done(&signing->text);
    free(signing);
}

const char *hm_signing_text(const struct hm_signing *signing)
{
    return hm_buf_str(&signing->text);
}

bool hm_signing_has_warnings(const struct hm_signing *signing)
{
    return signing->has_warnings;
}

/* ---- signing -------------------------------------------------------------------------------- */

static enum hm_rc sign_job(const struct hm_signing *signing, const struct job *job,
                           struct hm_err *err, struct hm_signatures *signatures)
{
    for (size_t i = 0; i < signing->config.signer_count; i++) {
        for (size_t k = 0; k < HM_ARRAY_COUNT(job->groups); k++) {
            enum hm_rc rc;

            if (job->groups[k] == NULL)
                continue;
            rc = hm_signatures_add(signatures, job->document->role, job->document->version,
                                   job->document->envelope->canonical, signing->config.signers[i],
                                   job->groups[k], err);
            if (rc != HM_OK && rc != HM_EREFUSED)
                return rc;
        }
    }
    return HM_OK;
}

/* What was published (it verified) and what was signed. */
static enum hm_rc remember(const struct hm_signing *signing, struct hm_err *err)
{
    const struct hm_signing_chain *chain = &signing->chain;

    if (chain->root != NULL)
        HM_TRY(
            hm_signing_chain_remember(&signing->site_dir, SEEN, "root", chain->root_envelope, err));
    if (chain->targets != NULL)
        HM_TRY(hm_signing_chain_remember(&signing->site_dir, SEEN, "targets",
                                         chain->targets_envelope, err));
    if (chain->identity != NULL)
        HM_TRY(hm_signing_chain_remember(&signing->maker_dir, SEEN, "identity",
                                         chain->identity_envelope, err));
    for (size_t i = 0; i < signing->job_count; i++) {
        const struct job *job = &signing->jobs[i];
        _hm_free_(hm_envelope_free) struct hm_envelope *current = NULL;

        if (job->document->current.size > 0) {
            HM_TRY(hm_envelope_parse(job->document->current, err, &current));
            HM_TRY(hm_signing_chain_remember(job->dir, SEEN, job->document->role, current, err));
        }
        HM_TRY(hm_signing_chain_remember(job->dir, "", job->document->role, job->document->envelope,
                                         err));
    }
    return HM_OK;
}

enum hm_rc hm_signing_sign(struct hm_signing *signing, struct hm_err *err,
                           struct hm_signatures **ret_signatures)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;

    HM_TRY(hm_signatures_new(signing->request->site, signing->request->maker, err, &signatures));
    for (size_t i = 0; i < signing->job_count; i++)
        HM_TRY(sign_job(signing, &signing->jobs[i], err, signatures));
    HM_TRY(remember(signing, err));
    *ret_signatures = hm_steal(&signatures);
    return HM_OK;
}
