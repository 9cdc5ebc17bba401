/* SPDX-License-Identifier: Apache-2.0 */
/* Whether anything newer is about (newer.h). */
#include "care/newer.h"

#include "net/fetch.h"
#include "site/tree.h"
#include "tlog/wal.h"
#include "tlog/witness_folder.h"
#include "trust/site_deliveries.h"
#include "trust/site_log.h"

#define URL_SIZE 4096

struct newer {
    const struct hm_newer_options *options;
    const struct hm_site *site;
    struct hm_fetch *fetch;
    struct hm_tree *tree;
    struct hm_site_log *word;
    struct hm_checkpoint_signed *own; /* of public/log; NULL: no log */
    struct hm_buf *report;
};

static void newer_done(struct newer *newer)
{
    hm_checkpoint_free(newer->own);
    hm_site_log_free(newer->word);
    hm_tree_free(newer->tree);
    hm_fetch_free(newer->fetch);
}

static enum hm_rc get(struct newer *newer, const char *base, const char *path, struct hm_err *err,
                      struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE);

    HM_TRY(hm_fetch_url_join(base, path, err, &url));
    return hm_fetch_get(newer->fetch, hm_buf_str(&url), err, ret_raw);
}

/* ---- what is served -------------------------------------------------------------------------- */

static enum hm_rc check_root(struct newer *newer, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf next = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    int64_t version = newer->tree->root->document.version;
    char path[64];
    enum hm_rc rc;

    (void)snprintf(path, sizeof(path), "metadata/%lld.root.json", (long long)version);
    HM_TRY(get(newer, newer->options->served, path, err, &raw));
    if (!hm_bytes_is_equal(hm_buf_bytes(&raw), newer->tree->root_raw))
        return hm_fail(err, HM_EREFUSED, "'%s' at '%s' has other bytes than this site's", path,
                       newer->options->served);
    (void)snprintf(path, sizeof(path), "metadata/%lld.root.json", (long long)version + 1);
    rc = get(newer, newer->options->served, path, err, &next);
    if (rc == HM_ENOTFOUND)
        return hm_buf_append_fmt(newer->report, err, "served: root %lld is the newest\n",
                                 (long long)version);
    if (rc != HM_OK)
        return rc;
    return hm_fail(err, HM_EREFUSED,
                   "'%s' is served at '%s', and this site knows of %lld roots: "
                   "something newer was published",
                   path, newer->options->served, (long long)version);
}

/* Only a timestamp that the site's own keys signed says anything. */
static enum hm_rc read_timestamp(struct newer *newer, struct hm_bytes raw, struct hm_err *err,
                                 int64_t *ret_version)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_timestamp_free) struct hm_timestamp *timestamp = NULL;
    struct hm_signed content;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, &newer->tree->root->roles[HM_ROOT_ROLE_TIMESTAMP],
                              "timestamp", err, &content));
    HM_TRY(hm_timestamp_parse(content, true, err, &timestamp));
    *ret_version = timestamp->document.version;
    return HM_OK;
}

static enum hm_rc check_timestamp(struct newer *newer, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    struct hm_err why = HM_ERR_INIT;
    int64_t own = newer->tree->timestamp->document.version;
    int64_t version = 0;

    HM_TRY(get(newer, newer->options->served, "metadata/timestamp.json", err, &raw));
    if (hm_bytes_is_equal(hm_buf_bytes(&raw), newer->tree->timestamp_raw))
        return hm_buf_append_fmt(newer->report, err, "served: timestamp %lld, as here\n",
                                 (long long)own);
    if (read_timestamp(newer, hm_buf_bytes(&raw), &why, &version) != HM_OK)
        return hm_fail(err, HM_EAGAIN,
                       "'metadata/timestamp.json' at '%s' is not one that this site signed (%s): "
                       "find out who serves that",
                       newer->options->served, why.text);
    if (version < own)
        return hm_fail(err, HM_EAGAIN,
                       "'%s' serves timestamp %lld, older than this site's %lld: what lags behind "
                       "says nothing about what is newer",
                       newer->options->served, (long long)version, (long long)own);
    return hm_fail(err, HM_EREFUSED,
                   version == own
                       ? "'%s' serves another timestamp %lld than this site's %lld: both "
                         "were signed; find out what is true"
                       : "'%s' serves timestamp %lld, newer than this site's %lld: put "
                         "the newest tree back",
                   newer->options->served, (long long)version, (long long)own);
}

/* One signed by the log's own key, wherever it is from, compared with ours. */
static enum hm_rc compare(const struct newer *newer, const struct hm_checkpoint *other,
                          const char *who, struct hm_err *err)
{
    const struct hm_checkpoint *own = &newer->own->body;

    if (other->size > own->size)
        return hm_fail(err, HM_EREFUSED,
                       "%s has %llu entries of the release log, and this site knows %llu: "
                       "something newer was published, or is about to be",
                       who, (unsigned long long)other->size, (unsigned long long)own->size);
    if (other->size == own->size && !hm_digest_is_equal(&other->root, &own->root))
        return hm_fail(err, HM_EREFUSED,
                       "%s has another release log of %llu entries than this site: both were "
                       "signed by its key",
                       who, (unsigned long long)own->size);
    return HM_OK;
}

static enum hm_rc check_served_log(struct newer *newer, struct hm_err *err)
{
    const struct hm_note_key *key = newer->word->policy->logs[0].key;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

    HM_TRY(get(newer, newer->options->served, "log/checkpoint", err, &raw));
    if (hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, err, &checkpoint) != HM_OK)
        return hm_fail(err, HM_EAGAIN, "'log/checkpoint' at '%s' is not signed by the log's key",
                       newer->options->served);
    HM_TRY(compare(newer, &checkpoint->body, "what is served", err));
    if (checkpoint->body.size < newer->own->body.size)
        return hm_fail(err, HM_EAGAIN, "the log at '%s' lags behind this site's",
                       newer->options->served);
    return hm_buf_append_fmt(newer->report, err, "served: log of %llu entries, as here\n",
                             (unsigned long long)newer->own->body.size);
}

/* ---- the deliveries log ---------------------------------------------------------------------- */

/* What its records here are of; *ret_size 0: there are none. */
static enum hm_rc own_deliveries(const struct hm_site *site, struct hm_err *err, uint64_t *ret_size,
                                 struct hm_sha256 *ret_root)
{
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    _hm_free_(hm_tail_free) struct hm_tail *tail = NULL;
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    enum hm_rc rc = hm_dir_open_at(&site->private_dir, "deliveries/log", false, err, &folder);

    *ret_size = 0;
    if (rc == HM_OK)
        rc = hm_wal_load(&folder, err, &tail);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    *ret_size = tail->frontier.size;
    return hm_merkle_frontier_root(digest, &tail->frontier, err, ret_root);
}

/* It may lag, as its records are written before its checkpoint; a server that went on from less
 * would sign another log of the same name. */
static enum hm_rc check_deliveries(struct newer *newer, struct hm_err *err)
{
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *word = NULL;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *served = NULL;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    const struct hm_note_key *key;
    struct hm_sha256 root;
    uint64_t size;
    enum hm_rc rc;

    HM_TRY(hm_site_deliveries_parse(newer->tree->root, err, &word));
    if (word->policy == NULL)
        return HM_OK;
    key = word->policy->logs[0].key;
    HM_TRY(own_deliveries(newer->site, err, &size, &root));
    rc = get(newer, newer->options->served, "deliveries/checkpoint", err, &raw);
    if (rc == HM_ENOTFOUND && !hm_dir_has(&newer->site->public_dir, "deliveries/checkpoint"))
        return HM_OK; /* it has not begun */
    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EAGAIN, "'%s' serves no 'deliveries/checkpoint', and here is one",
                       newer->options->served);
    HM_TRY(rc);
    if (hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, err, &served) != HM_OK)
        return hm_fail(err, HM_EAGAIN,
                       "'deliveries/checkpoint' at '%s' is not signed by the log's key",
                       newer->options->served);
    if (served->body.size > size ||
        (served->body.size == size && !hm_digest_is_equal(&served->body.root, &root)))
        return hm_fail(err, HM_EREFUSED,
                       "'%s' serves a deliveries log of %llu leaves, and this site knows %llu, or "
                       "others: put the newest 'private/deliveries' and 'public/deliveries' back",
                       newer->options->served, (unsigned long long)served->body.size,
                       (unsigned long long)size);
    return hm_buf_append_fmt(newer->report, err,
                             "served: deliveries log of %llu leaves, and %llu "
                             "here\n",
                             (unsigned long long)served->body.size, (unsigned long long)size);
}

/* ---- witnesses ------------------------------------------------------------------------------- */

/* A witness that never cosigned this log has seen nothing. */
static enum hm_rc ask_witness(struct newer *newer, const struct hm_log_policy_witness *witness,
                              struct hm_err *err)
{
    const struct hm_note_key *keys[] = {newer->word->policy->logs[0].key, witness->key};
    struct hm_note_verdict verdicts[2];
    char hash[HM_WITNESS_FOLDER_HASH_HEX], path[HM_WITNESS_FOLDER_HASH_HEX + 16], who[300];
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    enum hm_rc rc;

    if (witness->url == NULL)
        return hm_fail(err, HM_EINPUT, "it has no URL");
    HM_TRY(hm_witness_folder_hash(keys[0]->name_bytes, err, hash));
    (void)snprintf(path, sizeof(path), "%s/checkpoint", hash);
    rc = get(newer, witness->url, path, err, &raw);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    if (rc != HM_OK)
        return rc;
    HM_TRY(hm_checkpoint_open(hm_buf_bytes(&raw), keys[0]->name_bytes, keys, 1, err, &checkpoint));
    HM_TRY(hm_note_verify(checkpoint->note, keys, 2, err, verdicts));
    if (!verdicts[1].is_signed)
        return hm_fail(err, HM_ESIGNATURE, "what it gives is not cosigned by its own key");
    (void)snprintf(who, sizeof(who), "witness '%s'", witness->name);
    return compare(newer, &checkpoint->body, who, err);
}

/* Could these witnesses alone have made a quorum? Groups stand behind what they are made of. */
static bool is_quorum(const struct hm_log_policy *policy, const bool *silent)
{
    bool met[HM_LOG_POLICY_WITNESS_COUNT_MAX + HM_LOG_POLICY_GROUP_COUNT_MAX] = {false};

    if (policy->quorum == HM_LOG_POLICY_NONE)
        return false;
    for (size_t i = 0; i < policy->witness_count; i++)
        met[i] = silent[i];
    for (size_t i = 0; i < policy->group_count; i++) {
        const struct hm_log_policy_group *group = &policy->groups[i];
        size_t count = 0;

        for (size_t j = 0; j < group->member_count; j++)
            count += met[group->members[j]];
        met[policy->witness_count + i] = count >= group->threshold;
    }
    return met[policy->quorum];
}

static enum hm_rc check_witnesses(struct newer *newer, struct hm_err *err)
{
    const struct hm_log_policy *policy = newer->word->policy;
    bool silent[HM_LOG_POLICY_WITNESS_COUNT_MAX] = {false};
    struct hm_err why = HM_ERR_INIT;

    for (size_t i = 0; i < policy->witness_count; i++) {
        enum hm_rc rc = ask_witness(newer, &policy->witnesses[i], &why);

        if (rc == HM_EREFUSED || hm_error_exit_status(rc) == 4)
            return hm_fail(err, rc, "%s", why.text);
        silent[i] = rc != HM_OK;
        if (rc == HM_OK)
            HM_TRY(hm_buf_append_fmt(newer->report, err, "witness '%s': nothing newer\n",
                                     policy->witnesses[i].name));
        else
            HM_TRY(hm_buf_append_fmt(newer->report, err,
                                     "WARNING: witness '%s' cannot be asked: "
                                     "%s\n",
                                     policy->witnesses[i].name, why.text));
    }
    if (!is_quorum(policy, silent))
        return HM_OK;
    return hm_fail(err, HM_EAGAIN,
                   "too few witnesses answer: those that do not could have cosigned something "
                   "newer by themselves");
}

/* ---- all ------------------------------------------------------------------------------------- */

static enum hm_rc check_log(struct newer *newer, struct hm_err *err)
{
    const struct hm_note_key *key;
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);

    HM_TRY(hm_site_log_parse(newer->tree->root, err, &newer->word));
    if (newer->word->policy == NULL)
        return HM_OK;
    key = newer->word->policy->logs[0].key;
    HM_TRY(hm_dir_read(&newer->site->public_dir, "log/checkpoint", err, &raw));
    HM_TRY(hm_checkpoint_open(hm_buf_bytes(&raw), key->name_bytes, &key, 1, err, &newer->own));
    HM_TRY(check_served_log(newer, err));
    return check_witnesses(newer, err);
}

static enum hm_rc check_nothing(struct newer *newer, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    enum hm_rc rc = get(newer, newer->options->served, "metadata/1.root.json", err, &raw);

    if (rc == HM_ENOTFOUND)
        return hm_buf_append_str(newer->report, "served: nothing, as here\n", err);
    if (rc != HM_OK)
        return rc;
    return hm_fail(err, HM_EREFUSED, "'%s' serves a published site, and here nothing was published",
                   newer->options->served);
}

enum hm_rc hm_newer_check(const struct hm_site *site, const struct hm_newer_options *options,
                          struct hm_err *err, struct hm_buf *report)
{
    const struct hm_fetch_options fetch = {.ca_file = options->ca_file};
    _hm_done_(newer_done) struct newer newer = {.options = options, .site = site, .report = report};

    HM_TRY(hm_fetch_new(&fetch, err, &newer.fetch));
    HM_TRY(hm_tree_load(site, err, &newer.tree));
    if (newer.tree->is_coming)
        return hm_fail(err, HM_EAGAIN,
                       "the backup has a publish that was committed and not finished, and what is "
                       "served cannot be compared with that: find out whether it was finished, "
                       "and confirm");
    if (newer.tree->root == NULL)
        return check_nothing(&newer, err);
    HM_TRY(check_root(&newer, err));
    HM_TRY(check_timestamp(&newer, err));
    HM_TRY(check_deliveries(&newer, err));
    return check_log(&newer, err);
}
