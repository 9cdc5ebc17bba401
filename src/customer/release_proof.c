/* SPDX-License-Identifier: Apache-2.0 */
/* The proof beside an image: written, read, judged. See release_proof.h. */
#include "customer/release_proof.h"

#include "base/file.h"
#include "customer/log_evidence.h"
#include "evidence/evidence.h"

/* What every evidence file begins with: a file without it is somebody else's. */
#define FAMILY "hallmark/evidence "

const char *hm_release_proof_state_text(enum hm_release_proof_state state)
{
    static const char *const texts[] = {
        [HM_RELEASE_PROOF_NONE] = "none",       [HM_RELEASE_PROOF_GOOD] = "good",
        [HM_RELEASE_PROOF_MISSING] = "missing", [HM_RELEASE_PROOF_OTHER] = "other",
        [HM_RELEASE_PROOF_STALE] = "stale",     [HM_RELEASE_PROOF_BAD] = "bad",
    };

    return texts[state];
}

/* "ID/PRODUCT/VERSION" of a file's path. */
static struct hm_bytes release_of(const struct hm_release_file *file)
{
    struct hm_bytes path = file->path.whole;

    path.size -= file->path.file.size + 1;
    return path;
}

/* NAME.proof; NULL when out of memory. */
HM_NOINLINE static char *join(const char *name)
{
    size_t size = strlen(name) + sizeof(HM_RELEASE_PROOF_SUFFIX);
    char *path = malloc(size);

    if (path != NULL)
        (void)snprintf(path, size, "%s" HM_RELEASE_PROOF_SUFFIX, name);
    return path;
}

/* ---- judging --------------------------------------------------------------------------------- */

static enum hm_rc check_entry(const struct hm_evidence_entry *entry,
                              const struct hm_checkpoint *checkpoint, struct hm_err *err,
                              struct hm_entry **ret_entry)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_sha256 leaf;

    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_merkle_leaf(digest, entry->text, err, &leaf));
    HM_TRY(hm_merkle_verify_inclusion(digest, &leaf, entry->index, checkpoint->size, entry->hashes,
                                      entry->hash_count, &checkpoint->root, err));
    return hm_entry_parse(entry->text, err, ret_entry);
}

/* One history: at one size there is one root. Other sizes cannot be compared without the log. Two
 * roots are kept as evidence for others; where they cannot be, the proof is refused all the same.
 */
static enum hm_rc check_history(const struct hm_subscription *subscription,
                                const struct hm_checkpoint_signed *checkpoint, struct hm_err *err)
{
    const struct hm_release_log *log = subscription->log;
    const struct hm_checkpoint *seen = &log->checkpoint->body;
    const struct hm_log_evidence_pair pair = {.small = log->proof->checkpoint,
                                              .large = checkpoint->note->raw};
    const char *origin = log->site_log->policy->logs[0].key->name;
    char name[HM_LOG_EVIDENCE_NAME_SIZE];

    if (checkpoint->body.size != seen->size ||
        hm_digest_is_equal(&checkpoint->body.root, &seen->root))
        return HM_OK;
    if (hm_log_evidence_keep_fork(subscription, &pair, err, name) == HM_OK)
        return hm_fail(err, HM_EREFUSED,
                       "its checkpoint contradicts the one that was seen of the log '%s', of the "
                       "same %llu entries: the log has forked; '%s/%s' proves it ('hallmark "
                       "check'): show it to others, and ask the site",
                       origin, (unsigned long long)seen->size, subscription->dir.path, name);
    return hm_fail(err, HM_EREFUSED,
                   "its checkpoint contradicts the one that was seen of the log '%s', of the same "
                   "%llu entries: the log has forked; keep it as evidence, and ask the site",
                   origin, (unsigned long long)seen->size);
}

static enum hm_rc check_part(const struct hm_subscription *subscription,
                             const struct hm_evidence_part *part,
                             const struct hm_release_file *file, struct hm_err *err,
                             struct hm_log_standing *ret_standing)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *release = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *snapshot = NULL;
    struct hm_log_release judged;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc =
        hm_release_log_open(subscription, part->checkpoint, &why, &checkpoint, ret_standing);

    /* Whose log it is, and who must have cosigned, may have changed since. */
    if (rc == HM_ESIGNATURE || rc == HM_EMISMATCH)
        return hm_fail(err, HM_EAGAIN, "%s", why.text);
    if (rc != HM_OK)
        return hm_fail(err, rc, "%s", why.text);
    HM_TRY(check_history(subscription, checkpoint, err));
    HM_TRY(check_entry(&part->entries[0], &checkpoint->body, err, &release));
    HM_TRY(check_entry(&part->entries[1], &checkpoint->body, err, &snapshot));
    judged =
        (struct hm_log_release){part->entries[0].index, part->entries[1].index, release, snapshot};
    HM_TRY(
        hm_log_verdict_counts(&judged, subscription->log->newest, subscription->trust->site, err));
    return hm_log_verdict_image(release, release_of(file), file->path.file, &file->sha256,
                                file->length, err);
}

enum hm_rc hm_release_proof_check(const struct hm_subscription *subscription, struct hm_bytes raw,
                                  const struct hm_release_file *file, struct hm_err *err,
                                  uint64_t *ret_entry, struct hm_log_standing *ret_standing)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;

    HM_ASSERT(subscription->log->proof != NULL);
    if (hm_evidence_parse(raw, err, &evidence) != HM_OK)
        return HM_EFORMAT;
    if (evidence->kind != HM_EVIDENCE_PUBLISHED)
        return hm_fail(err, HM_EFORMAT, "it is evidence of the kind '%s', not 'published'",
                       hm_evidence_kind_name(evidence->kind));
    if (strcmp(evidence->site, subscription->trust->site) != 0 ||
        !hm_bytes_is_str(release_of(file), evidence->path))
        return hm_fail(err, HM_EUNKNOWN, "it is of '%s' at site '%s'", evidence->path,
                       evidence->site);
    HM_TRY(check_part(subscription, &evidence->parts[0], file, err, ret_standing));
    *ret_entry = evidence->parts[0].entries[0].index;
    return HM_OK;
}

/* A proof beside a file of the user's: a regular file alone, as nothing waits for a pipe. */
static enum hm_rc read_beside(const char *path, struct hm_err *err, struct hm_buf *ret_raw)
{
    const char *slash = strrchr(path, '/');
    _hm_free_(free) char *folder =
        slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

    if (folder == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_dir_open(folder, err, &dir));
    return hm_dir_read(&dir, slash == NULL ? path : slash + 1, err, ret_raw);
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool is_logged(const struct hm_catalogue_item *item)
{
    return item->rc == HM_OK && item->subscription->log != NULL &&
           item->subscription->log->proof != NULL;
}

/* The state that a verdict on the proof amounts to. */
static enum hm_release_proof_state state_of(enum hm_rc rc)
{
    switch (rc) {
    case HM_OK:
        return HM_RELEASE_PROOF_GOOD;
    case HM_EUNKNOWN:
        return HM_RELEASE_PROOF_OTHER;
    case HM_EAGAIN:
        return HM_RELEASE_PROOF_STALE;
    default:
        return HM_RELEASE_PROOF_BAD;
    }
}

static enum hm_rc say(struct hm_catalogue *matches, const char *path, const struct hm_err *why,
                      struct hm_err *err, struct hm_release_proof_answer *answer)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096 + HM_ERR_TEXT_MAX);
    const char *remedy = answer->state == HM_RELEASE_PROOF_BAD
                             ? ""
                             : "; 'hallmark get' or 'hallmark sync' brings the one that is needed";

    HM_TRY(hm_buf_append_fmt(&text, err, "'%s': %s%s", path, why->text, remedy));
    answer->rc = answer->state == HM_RELEASE_PROOF_BAD ? why->rc : HM_EAGAIN;
    answer->text = hm_arena_strdup(&matches->arena, hm_buf_bytes(&text));
    return answer->text == NULL ? hm_error_nomem(err) : HM_OK;
}

/* Against each accepted place; the first that it is of decides. */
static enum hm_rc judge(struct hm_catalogue *matches, const char *path, struct hm_bytes raw,
                        struct hm_err *err, struct hm_release_proof_answer *answer)
{
    struct hm_err why = HM_ERR_INIT;

    for (size_t i = 0; i < matches->item_count; i++) {
        const struct hm_catalogue_item *item = &matches->items[i];
        enum hm_rc rc;

        if (!is_logged(item))
            continue;
        rc = hm_release_proof_check(item->subscription, raw, &item->file, &why, &answer->entry,
                                    &answer->standing);
        if (hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        answer->state = state_of(rc);
        if (rc != HM_EUNKNOWN) {
            answer->item = rc == HM_OK ? item : NULL;
            break;
        }
    }
    return answer->state == HM_RELEASE_PROOF_GOOD ? HM_OK : say(matches, path, &why, err, answer);
}

enum hm_rc hm_release_proof_look(struct hm_catalogue *matches, const char *path, struct hm_err *err,
                                 struct hm_release_proof_answer *ret_answer)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_RELEASE_PROOF_SIZE_MAX);
    struct hm_release_proof_answer answer = {.state = HM_RELEASE_PROOF_NONE};
    _hm_free_(free) char *name = join(path);
    struct hm_err why = HM_ERR_INIT;
    bool needs_one = false;
    enum hm_rc rc;

    if (name == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < matches->item_count; i++)
        needs_one |= is_logged(&matches->items[i]);
    if (needs_one) {
        rc = read_beside(name, &why, &raw);
        if (hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        answer.state = rc == HM_OK          ? HM_RELEASE_PROOF_BAD
                       : rc == HM_ENOTFOUND ? HM_RELEASE_PROOF_MISSING
                                            : HM_RELEASE_PROOF_BAD;
        if (rc == HM_OK)
            HM_TRY(judge(matches, name, hm_buf_bytes(&raw), err, &answer));
        else
            HM_TRY(say(matches, name, &why, err, &answer));
    }
    *ret_answer = answer;
    return HM_OK;
}

enum hm_rc hm_release_proof_image(const char *path, struct hm_err *err, char **ret_image)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_RELEASE_PROOF_SIZE_MAX);
    size_t size = strlen(path);
    size_t suffix = strlen(HM_RELEASE_PROOF_SUFFIX);
    _hm_free_(free) char *image = NULL;

    *ret_image = NULL;
    if (size <= suffix || strcmp(path + size - suffix, HM_RELEASE_PROOF_SUFFIX) != 0 ||
        read_beside(path, NULL, &raw) != HM_OK ||
        !hm_bytes_has_prefix(hm_buf_bytes(&raw), HM_BYTES_LITERAL(FAMILY)))
        return HM_OK;
    image = strndup(path, size - suffix);
    if (image == NULL)
        return hm_error_nomem(err);
    if (access(image, R_OK) == 0)
        *ret_image = hm_steal(&image);
    return HM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static struct hm_evidence_entry make_entry(uint64_t index, struct hm_bytes text,
                                           const struct hm_merkle_proof *path,
                                           struct hm_sha256 *hashes)
{
    struct hm_evidence_entry entry = {
        .index = index, .text = text, .hashes = hashes, .hash_count = path->count};

    memcpy(hashes, path->hashes, path->count * sizeof(*hashes));
    return entry;
}

static enum hm_rc write_proof(const struct hm_subscription *subscription,
                              const struct hm_release_proof *proof, struct hm_err *err,
                              struct hm_buf *ret_raw)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    const struct hm_where *where = proof->where;
    struct hm_evidence_part *part;
    struct hm_sha256 *hashes;

    HM_TRY(hm_evidence_new(HM_EVIDENCE_PUBLISHED, err, &evidence));
    HM_TRY(hm_evidence_set_path(evidence, proof->release->path, err));
    hashes = hm_arena_alloc(&evidence->arena, 2 * (size_t)HM_MERKLE_PROOF_MAX, sizeof(*hashes));
    if (hashes == NULL)
        return hm_error_nomem(err);
    evidence->site = subscription->trust->site;
    evidence->part_count = 1;
    part = &evidence->parts[0];
    part->checkpoint = subscription->log->proof->checkpoint;
    part->size = subscription->log->checkpoint->body.size;
    part->origin = subscription->log->checkpoint->body.origin;
    part->entry_count = 2;
    part->entries[0] =
        make_entry(where->release_index, where->release, &proof->release_path, hashes);
    part->entries[1] = make_entry(where->snapshot_index, where->snapshot, &proof->snapshot_path,
                                  hashes + HM_MERKLE_PROOF_MAX);
    return hm_evidence_write(evidence, err, ret_raw);
}

static bool has_image(const struct hm_entry *release, const char *name)
{
    for (size_t i = 0; i < release->image_count; i++) {
        if (strcasecmp(release->images[i].file, name) == 0)
            return true;
    }
    return false;
}

/* Why NAME.proof cannot be the proof's place; else *ret_holds: there is one, and it holds. */
static enum hm_rc look_at_place(const struct hm_catalogue_item *item, const struct hm_dir *dir,
                                const char *path, struct hm_err *err, bool *ret_holds,
                                char **ret_notice)
{
    _hm_done_(hm_buf_done) struct hm_buf held = HM_BUF_INIT(HM_RELEASE_PROOF_SIZE_MAX);
    struct hm_log_standing standing;
    uint64_t entry;
    enum hm_rc rc = hm_dir_read(dir, path, err, &held);

    *ret_holds = false;
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    if (hm_error_exit_status(rc) == 4)
        return rc;
    if (rc != HM_OK ||
        (held.size > 0 && !hm_bytes_has_prefix(hm_buf_bytes(&held), HM_BYTES_LITERAL(FAMILY)))) {
        if (asprintf(ret_notice,
                     "'%s/%s' is there and is no proof: it stays, and '%.*s' is kept without one",
                     dir->path, path, HM_BYTES_FMT(item->path)) < 0)
            return hm_error_nomem(err);
        return HM_OK;
    }
    rc = hm_release_proof_check(item->subscription, hm_buf_bytes(&held), &item->file, err, &entry,
                                &standing);
    *ret_holds = rc == HM_OK;
    return hm_error_exit_status(rc) == 4 ? rc : HM_OK;
}

enum hm_rc hm_release_proof_place(const struct hm_catalogue_item *item, const struct hm_dir *dir,
                                  const char *name, struct hm_err *err, char **ret_notice)
{
    _hm_done_(hm_buf_done) struct hm_buf made = HM_BUF_INIT(HM_RELEASE_PROOF_SIZE_MAX);
    const struct hm_release_proof *proof = NULL;
    _hm_free_(free) char *path = NULL;
    bool holds;

    *ret_notice = NULL;
    if (!is_logged(item))
        return HM_OK;
    path = join(name);
    if (path == NULL)
        return hm_error_nomem(err);
    HM_TRY(look_at_place(item, dir, path, err, &holds, ret_notice));
    if (holds || *ret_notice != NULL)
        return HM_OK;
    HM_TRY(hm_release_log_prove(item->subscription, &item->file, err, &proof));
    if (has_image(proof->release, strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1)) {
        if (asprintf(ret_notice,
                     "'%.*s' is kept without its proof: the release has a file of that name",
                     HM_BYTES_FMT(item->path)) < 0)
            return hm_error_nomem(err);
        return HM_OK;
    }
    HM_TRY(write_proof(item->subscription, proof, err, &made));
    return hm_file_replace(dir, path, 0644, hm_buf_bytes(&made), err);
}

/* ---- what is demanded ------------------------------------------------------------------------ */

static enum hm_rc add_policy(struct hm_buf *text, const struct hm_log_policy *policy,
                             struct hm_err *err)
{
    if (policy != NULL)
        HM_TRY(hm_log_policy_write(policy, err, text));
    return hm_buf_append_byte(text, '\n', err);
}

enum hm_rc hm_release_proof_demands(const struct hm_subscription *subscription, struct hm_err *err,
                                    struct hm_sha256 *ret_demands)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT((size_t)4 * HM_LOG_POLICY_SIZE_MAX);

    *ret_demands = (struct hm_sha256){{0}};
    if (subscription->log == NULL || subscription->log->proof == NULL)
        return HM_OK;
    HM_TRY(add_policy(&text, subscription->log->site_log->policy, err));
    HM_TRY(add_policy(&text, subscription->trust->log_policy, err));
    HM_TRY(add_policy(&text, subscription->policy.log_policy, err));
    return hm_digest_sha256(hm_buf_bytes(&text), err, ret_demands);
}
