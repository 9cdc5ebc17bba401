/* SPDX-License-Identifier: Apache-2.0 */
/* The core witnesses of a site's release log (witnesses.h). */
#include "site/witnesses.h"

#include "site/journal.h"
#include "site/log_key.h"
#include "site/log_memory.h"
#include "site/log_step.h"
#include "site/rotate.h"

/* The policy's text */

static enum hm_rc parse_rest(struct hm_bytes rest, struct hm_err *err,
                             struct hm_log_policy **ret_policy)
{
    if (rest.size == 0)
        rest = HM_BYTES_LITERAL("quorum none\n");
    HM_TRY(hm_log_policy_parse(rest, err, ret_policy));
    if ((*ret_policy)->log_count > 0)
        return hm_fail(err, HM_EUSAGE,
                       "the policy names the log '%s': leave the line out, the site knows its log",
                       (*ret_policy)->logs[0].key->name);
    return HM_OK;
}

/* The log's line before policy, which has none; read again as one. */
static enum hm_rc join(const struct hm_note_key *key, const char *url,
                       const struct hm_log_policy *policy, struct hm_err *err,
                       struct hm_log_policy **ret_policy)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    HM_TRY(hm_buf_append_str(&text, "log ", err));
    HM_TRY(hm_note_key_write(key, err, &text));
    if (url != NULL)
        HM_TRY(hm_buf_append_fmt(&text, err, " %s", url));
    HM_TRY(hm_buf_append_str(&text, "\n", err));
    HM_TRY(hm_log_policy_write(policy, err, &text));
    return hm_log_policy_parse(hm_buf_bytes(&text), err, ret_policy);
}

enum hm_rc hm_witnesses_with_log(const struct hm_log_policy *policy, const struct hm_note_key *key,
                                 struct hm_err *err, struct hm_log_policy **ret_policy)
{
    struct hm_log_policy rest = *policy;

    rest.log_count = 0; /* the witnesses alone */
    return join(key, NULL, &rest, err, ret_policy);
}

enum hm_rc hm_witnesses_make_log(const struct hm_note_key *key, struct hm_bytes policy,
                                 struct hm_err *err, struct hm_site_log **ret_log)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log = calloc(1, sizeof(*log));
    _hm_free_(hm_log_policy_free) struct hm_log_policy *rest = NULL;

    if (log == NULL)
        return hm_error_nomem(err);
    HM_TRY(parse_rest(policy, err, &rest));
    HM_TRY(join(key, NULL, rest, err, &log->policy));
    *ret_log = hm_steal(&log);
    return HM_OK;
}

/* One group of all, a majority of it the quorum; or no witness at all. */
static bool is_default(const struct hm_log_policy *policy)
{
    const struct hm_log_policy_group *group = policy->groups;

    if (policy->witness_count == 0)
        return policy->group_count == 0 && policy->quorum == HM_LOG_POLICY_NONE;
    return policy->group_count == 1 && policy->quorum == policy->witness_count &&
           strcmp(group->name, HM_WITNESSES_GROUP) == 0 &&
           group->member_count == policy->witness_count &&
           group->threshold == policy->witness_count / 2 + 1;
}

static enum hm_rc append_witness(const struct hm_log_policy_witness *witness, struct hm_err *err,
                                 struct hm_buf *text)
{
    HM_TRY(hm_buf_append_fmt(text, err, "witness %s ", witness->name));
    HM_TRY(hm_note_key_write(witness->key, err, text));
    if (witness->url != NULL)
        HM_TRY(hm_buf_append_fmt(text, err, " %s", witness->url));
    return hm_buf_append_str(text, "\n", err);
}

/* Witness lines that stand in text already; names are those of all. */
static enum hm_rc append_default_quorum(const char *const *names, size_t count, struct hm_err *err,
                                        struct hm_buf *text)
{
    if (count == 0)
        return hm_buf_append_str(text, "quorum none\n", err);
    HM_TRY(hm_buf_append_fmt(text, err, "group " HM_WITNESSES_GROUP " %zu", count / 2 + 1));
    for (size_t i = 0; i < count; i++)
        HM_TRY(hm_buf_append_fmt(text, err, " %s", names[i]));
    return hm_buf_append_str(text, "\nquorum " HM_WITNESSES_GROUP "\n", err);
}

/* The next root */

/* What makes the policy's other lines out of those that hold now. */
struct change {
    enum hm_rc (*make)(const struct change *change, const struct hm_log_policy *policy,
                       struct hm_err *err, struct hm_buf *ret_text);
    const char *name, *vkey, *url;
    struct hm_bytes text;
    const struct hm_site *site;
    struct hm_buf *report;
};

static enum hm_rc begin_log(const struct hm_site *site, struct hm_err *err, struct hm_buf *report,
                            struct hm_site_log **ret_log)
{
    _hm_done_(hm_buf_done) struct hm_buf origin = HM_BUF_INIT(HM_SITE_URL_SIZE_MAX + 8);
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;

    HM_TRY(hm_log_key_origin(site->config.url, err, &origin));
    HM_TRY(hm_log_key_create(&site->private_dir, "log", hm_buf_str(&origin), err, &key));
    HM_TRY(hm_witnesses_make_log(key, HM_BYTES_EMPTY, err, ret_log));
    return hm_buf_append_fmt(report, err, "the site begins a release log, '%s'\n",
                             hm_buf_str(&origin));
}

static enum hm_rc put_policy(struct hm_root *root, struct hm_site_log *log, struct hm_bytes text,
                             struct hm_err *err)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *rest = NULL;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    const struct hm_log_policy_log *own = &log->policy->logs[0];

    HM_TRY(parse_rest(text, err, &rest));
    HM_TRY(join(own->key, own->url, rest, err, &policy));
    hm_log_policy_free(log->policy);
    log->policy = hm_steal(&policy);
    HM_TRY(hm_site_log_put(root->document.x_hallmark, log, err, &json));
    return hm_arena_copy(&root->arena, hm_buf_bytes(&json), err, &root->document.x_hallmark);
}

/* The log that root names, or one that begins: after nothing else can fail, for it makes a key. */
static enum hm_rc get_log(const struct change *change, const struct hm_root *root,
                          struct hm_err *err, struct hm_buf *ret_text, struct hm_site_log **ret_log)
{
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *rest = NULL;

    HM_TRY(hm_site_log_parse(root, err, &log));
    if (log->policy != NULL) {
        HM_TRY(change->make(change, log->policy, err, ret_text));
        *ret_log = hm_steal(&log);
        return HM_OK;
    }
    HM_TRY(parse_rest(HM_BYTES_EMPTY, err, &rest));
    HM_TRY(change->make(change, rest, err, ret_text));
    hm_log_policy_free(hm_steal(&rest));
    HM_TRY(parse_rest(hm_buf_bytes(ret_text), err, &rest));
    return begin_log(change->site, err, change->report, ret_log);
}

static enum hm_rc edit(void *ctx, struct hm_root *root, struct hm_err *err)
{
    const struct change *change = ctx;
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    _hm_done_(hm_buf_done) struct hm_buf before = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    HM_TRY(hm_buf_append(&before, root->document.x_hallmark, err));
    HM_TRY(get_log(change, root, err, &text, &log));
    HM_TRY(put_policy(root, log, hm_buf_bytes(&text), err));
    if (hm_bytes_is_equal(hm_buf_bytes(&before), root->document.x_hallmark))
        return hm_fail(err, HM_EUSAGE, "that is the policy already");
    HM_TRY(hm_buf_append_fmt(change->report, err, "%zu witness%s, quorum ",
                             log->policy->witness_count,
                             log->policy->witness_count == 1 ? "" : "es"));
    HM_TRY(hm_log_policy_describe(log->policy, err, change->report));
    return hm_buf_append_str(change->report, "\n", err);
}

static enum hm_rc run(const struct hm_site *site, struct change *change, struct hm_err *err,
                      struct hm_buf *report)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;

    HM_TRY(hm_roles_load(site, err, &roles));
    if (roles->tree->root == NULL)
        return hm_fail(err, HM_EAGAIN,
                       "nothing is published yet: publish the first root, or start again with "
                       "--witness-policy");
    change->site = site;
    change->report = report;
    return hm_rotate_edit_root(roles, edit, change, err, report);
}

static enum hm_rc refuse_custom(const struct hm_log_policy *policy, struct hm_err *err)
{
    if (is_default(policy))
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "the quorum was not made by 'add': write the policy, with its groups and "
                   "quorum, into a file and give that to 'hallmark site witness set-policy'");
}

/* One word of a policy: a space or newline in it would write other lines. */
static enum hm_rc check_word(const char *what, const char *word, struct hm_err *err)
{
    bool good = word[0] != '\0' && word[0] != '#';

    for (const char *at = word; good && *at != '\0'; at++)
        good = *at > ' ' && *at <= '~';
    if (!good)
        return hm_fail(err, HM_EUSAGE, "'%s' is no %s: one word without spaces", word, what);
    return HM_OK;
}

static enum hm_rc make_added(const struct change *change, const struct hm_log_policy *policy,
                             struct hm_err *err, struct hm_buf *ret_text)
{
    const char *names[HM_LOG_POLICY_WITNESS_COUNT_MAX + 1];
    size_t count = policy->witness_count;

    HM_TRY(refuse_custom(policy, err));
    if (count == HM_LOG_POLICY_WITNESS_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a policy has at most %d witnesses",
                       HM_LOG_POLICY_WITNESS_COUNT_MAX);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(policy->witnesses[i].name, change->name) == 0)
            return hm_fail(err, HM_EUSAGE, "there is a witness '%s' already", change->name);
        names[i] = policy->witnesses[i].name;
        HM_TRY(append_witness(&policy->witnesses[i], err, ret_text));
    }
    names[count++] = change->name;
    HM_TRY(hm_buf_append_fmt(ret_text, err, "witness %s %s %s\n", change->name, change->vkey,
                             change->url));
    return append_default_quorum(names, count, err, ret_text);
}

enum hm_rc hm_witnesses_add(const struct hm_site *site, const char *name, const char *vkey,
                            const char *url, struct hm_err *err, struct hm_buf *report)
{
    struct change change = {.make = make_added, .name = name, .vkey = vkey, .url = url};

    HM_TRY(check_word("name of a witness", name, err));
    HM_TRY(check_word("vkey", vkey, err));
    HM_TRY(check_word("URL", url, err));
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return hm_fail(err, HM_EUSAGE, "'%s': a witness is reached by https or http", url);
    return run(site, &change, err, report);
}

static enum hm_rc make_removed(const struct change *change, const struct hm_log_policy *policy,
                               struct hm_err *err, struct hm_buf *ret_text)
{
    const char *names[HM_LOG_POLICY_WITNESS_COUNT_MAX];
    size_t count = 0;

    HM_TRY(refuse_custom(policy, err));
    for (size_t i = 0; i < policy->witness_count; i++) {
        if (strcmp(policy->witnesses[i].name, change->name) == 0)
            continue;
        names[count++] = policy->witnesses[i].name;
        HM_TRY(append_witness(&policy->witnesses[i], err, ret_text));
    }
    if (count == policy->witness_count)
        return hm_fail(err, HM_EUNKNOWN, "there is no witness '%s'", change->name);
    return append_default_quorum(names, count, err, ret_text);
}

enum hm_rc hm_witnesses_remove(const struct hm_site *site, const char *name, struct hm_err *err,
                               struct hm_buf *report)
{
    struct change change = {.make = make_removed, .name = name};

    return run(site, &change, err, report);
}

static enum hm_rc make_given(const struct change *change, const struct hm_log_policy *policy,
                             struct hm_err *err, struct hm_buf *ret_text)
{
    return hm_buf_append(ret_text, change->text, err);
}

enum hm_rc hm_witnesses_set_policy(const struct hm_site *site, struct hm_bytes policy,
                                   struct hm_err *err, struct hm_buf *report)
{
    struct change change = {.make = make_given, .text = policy};

    return run(site, &change, err, report);
}

/* Succession */

struct succession {
    const struct hm_site *site;
    const struct hm_tree *tree;
    const char *origin; /* NULL: by the old one's */
    struct hm_buf *report;
};

/* What counts of the log that is to be closed: up to the newest snapshot's entry. */
static enum hm_rc find_end(const struct hm_tree *tree, const struct hm_note_key *key,
                           struct hm_err *err, struct hm_site_log_closed *closed)
{
    const struct hm_site *site = tree->site;
    _hm_free_(hm_log_free) struct hm_log *log = NULL;
    struct hm_log_memory memory;
    struct hm_log_head head;

    HM_TRY(hm_log_step_open(&site->private_dir, &site->public_dir, err, &log));
    hm_log_head(log, &head);
    HM_TRY(hm_log_memory_load(site, err, &memory));
    if (memory.origin[0] == '\0')
        HM_TRY(hm_log_memory_recall(log, key->name, (uint64_t)tree->snapshot->document.version,
                                    &tree->timestamp->snapshot.facts.sha256, err, &memory));
    if (head.size < memory.size)
        return hm_fail(err, HM_EREFUSED,
                       "the release log has %llu entries, and %llu were published: 'private/log' "
                       "is an older copy; put the newest back first",
                       (unsigned long long)head.size, (unsigned long long)memory.size);
    closed->size = memory.size;
    return hm_log_root(log, memory.size, err, &closed->root);
}

/* "firmware.example/log" is followed by "firmware.example/log-2", that by "...-3". */
static enum hm_rc next_origin(const struct succession *succession, const struct hm_site_log *log,
                              struct hm_err *err, struct hm_buf *ret_origin)
{
    const char *first =
        log->closed_count > 0 ? log->closed[0].key->name : log->policy->logs[0].key->name;

    if (succession->origin != NULL)
        return hm_buf_append_str(ret_origin, succession->origin, err);
    return hm_buf_append_fmt(ret_origin, err, "%s-%zu", first, log->closed_count + 2);
}

static enum hm_rc check_origin(const char *origin, const struct hm_site_log *log,
                               struct hm_err *err)
{
    bool known = strcmp(origin, log->policy->logs[0].key->name) == 0;

    for (size_t i = 0; i < log->closed_count; i++)
        known = known || strcmp(origin, log->closed[i].key->name) == 0;
    if (known)
        return hm_fail(err, HM_EUSAGE, "'%s' names a log that was: give another with --log-origin",
                       origin);
    if (!hm_note_key_is_name(hm_bytes_str(origin)))
        return hm_fail(err, HM_EUSAGE, "'%s' cannot name a log: it may have no space and no '+'",
                       origin);
    return HM_OK;
}

static enum hm_rc close_log(struct hm_site_log *log, const struct hm_site_log_closed *end,
                            struct hm_err *err)
{
    struct hm_site_log_closed *closed =
        hm_arena_alloc(&log->arena, log->closed_count + 1, sizeof(*closed));
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    if (closed == NULL)
        return hm_error_nomem(err);
    if (log->closed_count > 0)
        memcpy(closed, log->closed, log->closed_count * sizeof(*closed));
    closed[log->closed_count] = *end;
    HM_TRY(hm_note_key_write(log->policy->logs[0].key, err, &vkey));
    HM_TRY(hm_note_key_parse(hm_buf_bytes(&vkey), err, &closed[log->closed_count].key));
    log->closed = closed;
    log->closed_count++;
    return HM_OK;
}

/* The policy with another log's line. */
static enum hm_rc replace_log(struct hm_root *root, struct hm_site_log *log,
                              const struct hm_note_key *key, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;

    HM_TRY(hm_witnesses_with_log(log->policy, key, err, &policy));
    hm_log_policy_free(log->policy);
    log->policy = hm_steal(&policy);
    HM_TRY(hm_site_log_put(root->document.x_hallmark, log, err, &json));
    return hm_arena_copy(&root->arena, hm_buf_bytes(&json), err, &root->document.x_hallmark);
}

static enum hm_rc succeed(void *ctx, struct hm_root *root, struct hm_err *err)
{
    const struct succession *succession = ctx;
    _hm_free_(hm_site_log_free) struct hm_site_log *log = NULL;
    _hm_free_(hm_site_log_free) struct hm_site_log *published = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    _hm_done_(hm_buf_done) struct hm_buf origin = HM_BUF_INIT(HM_SITE_URL_SIZE_MAX + 32);
    struct hm_site_log_closed end = {.size = 0};

    HM_TRY(hm_site_log_parse(root, err, &log));
    HM_TRY(hm_site_log_parse(succession->tree->root, err, &published));
    if (published->policy == NULL || log->policy == NULL)
        return hm_fail(err, HM_EUSAGE, "this site keeps no release log");
    if (log->closed_count != published->closed_count)
        return hm_fail(err, HM_EUSAGE, "the next root names another log already, '%s'",
                       log->policy->logs[0].key->name);
    if (log->closed_count == HM_SITE_LOG_CLOSED_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "%d logs were closed, and root names no more",
                       HM_SITE_LOG_CLOSED_COUNT_MAX);
    HM_TRY(find_end(succession->tree, log->policy->logs[0].key, err, &end));
    HM_TRY(next_origin(succession, log, err, &origin));
    HM_TRY(check_origin(hm_buf_str(&origin), log, err));
    HM_TRY(close_log(log, &end, err));
    HM_TRY(
        hm_log_key_create(&succession->site->private_dir, "log", hm_buf_str(&origin), err, &key));
    HM_TRY(replace_log(root, log, key, err));
    HM_TRY(hm_buf_append_fmt(succession->report, err,
                             "the log '%s' is closed with %llu entries, '%s' takes its place; its "
                             "witnesses must know it by this vkey before it is published:\n",
                             log->closed[log->closed_count - 1].key->name,
                             (unsigned long long)end.size, hm_buf_str(&origin)));
    HM_TRY(hm_note_key_write(key, err, succession->report));
    return hm_buf_append_str(succession->report, "\n", err);
}

enum hm_rc hm_witnesses_succeed(const struct hm_site *site, const char *origin, struct hm_err *err,
                                struct hm_buf *report)
{
    _hm_free_(hm_roles_free) struct hm_roles *roles = NULL;
    struct succession succession = {.site = site, .origin = origin, .report = report};

    HM_TRY(hm_roles_load(site, err, &roles));
    if (roles->tree->root == NULL)
        return hm_fail(err, HM_EAGAIN, "nothing is published yet");
    if (hm_journal_is_waiting(&site->private_dir))
        return hm_fail(err, HM_EREFUSED,
                       "a publish waits for the witnesses of the log: 'hallmark site publish' "
                       "asks them again, and goes first; where it never can, go back to the backup "
                       "made since the publish before (docs/operations.md, 17)");
    succession.tree = roles->tree;
    return hm_rotate_edit_root(roles, succeed, &succession, err, report);
}
