/* SPDX-License-Identifier: Apache-2.0 */
/* Trust policies: the text, and the verdict. See policy.h. */
#include "tlog/log_policy.h"

#include "base/num.h"

#define NONE      "none"
#define KEYS_MAX  (HM_LOG_POLICY_LOG_COUNT_MAX + HM_LOG_POLICY_WITNESS_COUNT_MAX)
#define NODES_MAX (HM_LOG_POLICY_WITNESS_COUNT_MAX + HM_LOG_POLICY_GROUP_COUNT_MAX)

/* While a policy is read: groups come after witnesses in the end, but their lines mix. So a node
 * is a group's number plus GROUP_BASE until all lines are read. */
#define GROUP_BASE HM_LOG_POLICY_WITNESS_COUNT_MAX

struct parser {
    struct hm_log_policy *policy;
    struct hm_err *err;
    size_t line; /* from 1 */
    struct hm_bytes words[HM_LOG_POLICY_WORD_COUNT_MAX];
    size_t word_count;
    bool is_member[NODES_MAX];
    bool has_quorum;
};

#define fail_line(parser, rc, ...)                                                                 \
    hm_error_prefix((parser)->err, hm_fail((parser)->err, rc, __VA_ARGS__),                        \
                    "line %zu of the policy", (parser)->line)

static enum hm_rc nomem(struct parser *parser)
{
    return hm_error_nomem(parser->err);
}

/* C2SP tlog-policy, "Character set". */
static bool is_allowed(uint8_t byte)
{
    return byte == '\t' || byte == '\n' || (byte >= 0x20 && byte != 0x7f);
}

static enum hm_rc split_words(struct parser *parser, struct hm_bytes line)
{
    size_t at = 0;

    parser->word_count = 0;
    for (;;) {
        size_t start;

        while (at < line.size && (line.data[at] == ' ' || line.data[at] == '\t'))
            at++;
        if (at == line.size)
            return HM_OK;
        /* A comment may have any number of words. */
        if (parser->word_count == 0 && line.data[at] == '#')
            return HM_OK;
        start = at;
        while (at < line.size && line.data[at] != ' ' && line.data[at] != '\t')
            at++;
        if (parser->word_count == HM_LOG_POLICY_WORD_COUNT_MAX)
            return fail_line(parser, HM_EFORMAT, "more than %d words",
                             HM_LOG_POLICY_WORD_COUNT_MAX);
        parser->words[parser->word_count++] = hm_bytes_make(line.data + start, at - start);
    }
}

static enum hm_rc copy_word(struct parser *parser, struct hm_bytes word, const char **ret_text)
{
    *ret_text = hm_arena_strdup(&parser->policy->arena, word);
    return *ret_text == NULL ? nomem(parser) : HM_OK;
}

/* The URL in word number, if it is there; then the line must end. */
static enum hm_rc take_url(struct parser *parser, size_t number, const char **ret_url)
{
    if (parser->word_count < number || parser->word_count > number + 1)
        return fail_line(parser, HM_EFORMAT,
                         "expected 'log VKEY [URL]' or 'witness NAME VKEY [URL]'");
    if (parser->word_count == number)
        return HM_OK;
    if (parser->words[number].size > HM_LOG_POLICY_URL_SIZE_MAX)
        return fail_line(parser, HM_EFORMAT, "a URL longer than %d bytes",
                         HM_LOG_POLICY_URL_SIZE_MAX);
    return copy_word(parser, parser->words[number], ret_url);
}

static enum hm_rc take_key(struct parser *parser, struct hm_bytes vkey, enum hm_note_kind kind,
                           struct hm_note_key **ret_key)
{
    _hm_free_(hm_note_key_free) struct hm_note_key *key = NULL;
    enum hm_rc rc = hm_note_key_parse(vkey, parser->err, &key);

    if (rc != HM_OK)
        return hm_error_prefix(parser->err, rc, "line %zu of the policy", parser->line);
    if (key->kind != kind && key->kind != HM_NOTE_COSIGNATURE_ML_DSA)
        return fail_line(parser, HM_EFORMAT, "'%s': a key of type 0x%02x is no %s's", key->name,
                         (unsigned)key->kind, kind == HM_NOTE_ED25519 ? "log" : "witness");
    *ret_key = hm_steal(&key);
    return HM_OK;
}

static enum hm_rc take_log(struct parser *parser)
{
    struct hm_log_policy *policy = parser->policy;
    struct hm_log_policy_log *log = &policy->logs[policy->log_count];

    if (parser->word_count < 2)
        return fail_line(parser, HM_EFORMAT, "expected 'log VKEY [URL]'");
    if (policy->log_count == HM_LOG_POLICY_LOG_COUNT_MAX)
        return fail_line(parser, HM_EFORMAT, "more than %d logs", HM_LOG_POLICY_LOG_COUNT_MAX);
    HM_TRY(take_url(parser, 2, &log->url));
    HM_TRY(take_key(parser, parser->words[1], HM_NOTE_ED25519, &log->key));
    policy->log_count++;
    for (size_t i = 0; i + 1 < policy->log_count; i++) {
        if (hm_note_key_is_same_key(policy->logs[i].key, log->key))
            return fail_line(parser, HM_EFORMAT, "the key of '%s' is another log's already",
                             log->key->name);
    }
    return HM_OK;
}

/* HM_LOG_POLICY_NONE if there is no such name. */
static hm_log_policy_node find_name(const struct hm_log_policy *policy, struct hm_bytes name)
{
    for (size_t i = 0; i < policy->witness_count; i++) {
        if (hm_bytes_is_str(name, policy->witnesses[i].name))
            return i;
    }
    for (size_t i = 0; i < policy->group_count; i++) {
        if (hm_bytes_is_str(name, policy->groups[i].name))
            return GROUP_BASE + i;
    }
    return HM_LOG_POLICY_NONE;
}

static enum hm_rc take_name(struct parser *parser, const char **ret_name)
{
    struct hm_bytes name = parser->words[1];

    if (hm_bytes_is_str(name, NONE))
        return fail_line(parser, HM_EFORMAT, "the name 'none' stands for no witness");
    if (name.size > HM_LOG_POLICY_NAME_SIZE_MAX)
        return fail_line(parser, HM_EFORMAT, "a name longer than %d bytes",
                         HM_LOG_POLICY_NAME_SIZE_MAX);
    if (find_name(parser->policy, name) != HM_LOG_POLICY_NONE)
        return fail_line(parser, HM_EFORMAT, "'%.*s' is a witness or group already",
                         HM_BYTES_FMT(name));
    return copy_word(parser, name, ret_name);
}

static enum hm_rc take_witness(struct parser *parser)
{
    struct hm_log_policy *policy = parser->policy;
    struct hm_log_policy_witness *witness = &policy->witnesses[policy->witness_count];

    if (parser->word_count < 3)
        return fail_line(parser, HM_EFORMAT, "expected 'witness NAME VKEY [URL]'");
    if (policy->witness_count == HM_LOG_POLICY_WITNESS_COUNT_MAX)
        return fail_line(parser, HM_EFORMAT, "more than %d witnesses",
                         HM_LOG_POLICY_WITNESS_COUNT_MAX);
    HM_TRY(take_name(parser, &witness->name));
    HM_TRY(take_url(parser, 3, &witness->url));
    HM_TRY(take_key(parser, parser->words[2], HM_NOTE_COSIGNATURE, &witness->key));
    policy->witness_count++;
    for (size_t i = 0; i + 1 < policy->witness_count; i++) {
        if (hm_note_key_is_same_key(policy->witnesses[i].key, witness->key))
            return fail_line(parser, HM_EFORMAT, "the key of '%s' is the witness '%s' already",
                             witness->name, policy->witnesses[i].name);
    }
    return HM_OK;
}

static enum hm_rc take_threshold(struct parser *parser, size_t member_count, size_t *ret_threshold)
{
    struct hm_bytes word = parser->words[2];
    uint64_t number;

    if (hm_bytes_is_str(word, "any")) {
        *ret_threshold = 1;
        return HM_OK;
    }
    if (hm_bytes_is_str(word, "all")) {
        *ret_threshold = member_count;
        return HM_OK;
    }
    if (hm_num_parse_u64((const char *)word.data, word.size, &number) != HM_OK || number < 1 ||
        number > member_count)
        return fail_line(parser, HM_EFORMAT,
                         "'%.*s' is neither 'any', 'all' nor a number from 1 to %zu",
                         HM_BYTES_FMT(word), member_count);
    *ret_threshold = (size_t)number;
    return HM_OK;
}

static enum hm_rc take_group(struct parser *parser)
{
    struct hm_log_policy *policy = parser->policy;
    struct hm_log_policy_group *group = &policy->groups[policy->group_count];
    size_t count = parser->word_count < 4 ? 0 : parser->word_count - 3;

    if (count == 0)
        return fail_line(parser, HM_EFORMAT, "expected 'group NAME K|any|all MEMBER...'");
    if (policy->group_count == HM_LOG_POLICY_GROUP_COUNT_MAX)
        return fail_line(parser, HM_EFORMAT, "more than %d groups", HM_LOG_POLICY_GROUP_COUNT_MAX);
    HM_TRY(take_name(parser, &group->name));
    HM_TRY(take_threshold(parser, count, &group->threshold));
    group->members = hm_arena_alloc(&policy->arena, count, sizeof(*group->members));
    if (group->members == NULL)
        return nomem(parser);
    for (size_t i = 0; i < count; i++) {
        struct hm_bytes name = parser->words[3 + i];
        hm_log_policy_node node = find_name(policy, name);

        if (node == HM_LOG_POLICY_NONE)
            return fail_line(parser, HM_EFORMAT, "no earlier line names '%.*s'",
                             HM_BYTES_FMT(name));
        /* "Each defined name can be listed as a group member at most once." */
        if (parser->is_member[node])
            return fail_line(parser, HM_EFORMAT, "'%.*s' is in a group already",
                             HM_BYTES_FMT(name));
        parser->is_member[node] = true;
        group->members[i] = node;
    }
    group->member_count = count;
    policy->group_count++;
    return HM_OK;
}

static enum hm_rc take_quorum(struct parser *parser)
{
    if (parser->has_quorum)
        return fail_line(parser, HM_EFORMAT, "a second quorum");
    if (parser->word_count != 2)
        return fail_line(parser, HM_EFORMAT, "expected 'quorum NAME' or 'quorum none'");
    parser->has_quorum = true;
    parser->policy->quorum = HM_LOG_POLICY_NONE;
    if (hm_bytes_is_str(parser->words[1], NONE))
        return HM_OK;
    parser->policy->quorum = find_name(parser->policy, parser->words[1]);
    if (parser->policy->quorum == HM_LOG_POLICY_NONE)
        return fail_line(parser, HM_EFORMAT, "no earlier line names '%.*s'",
                         HM_BYTES_FMT(parser->words[1]));
    return HM_OK;
}

static enum hm_rc take_line(struct parser *parser, struct hm_bytes line)
{
    HM_TRY(split_words(parser, line));
    if (parser->word_count == 0)
        return HM_OK;
    if (hm_bytes_is_str(parser->words[0], "log"))
        return take_log(parser);
    if (hm_bytes_is_str(parser->words[0], "witness"))
        return take_witness(parser);
    if (hm_bytes_is_str(parser->words[0], "group"))
        return take_group(parser);
    if (hm_bytes_is_str(parser->words[0], "quorum"))
        return take_quorum(parser);
    return fail_line(parser, HM_EFORMAT, "'%.*s' is neither log, witness, group nor quorum",
                     HM_BYTES_FMT(parser->words[0]));
}

static enum hm_rc take_lines(struct parser *parser, struct hm_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_allowed(text.data[i]))
            return hm_error_fail_at(parser->err, HM_EFORMAT, i,
                                    "the policy has a control character");
    }
    if (text.size > 0 && text.data[text.size - 1] != '\n')
        return hm_fail(parser->err, HM_EFORMAT,
                       "the last line of the policy does not end in a newline; it may be cut");
    for (size_t at = 0; at < text.size;) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = (size_t)(end - text.data) - at;

        parser->line++;
        HM_TRY(take_line(parser, hm_bytes_make(text.data + at, size)));
        at += size + 1;
    }
    if (!parser->has_quorum)
        return hm_fail(parser->err, HM_EFORMAT, "the policy has no quorum line");
    return HM_OK;
}

/* From GROUP_BASE to witness_count. */
static void renumber(const struct hm_log_policy *policy, hm_log_policy_node *node)
{
    if (*node != HM_LOG_POLICY_NONE && *node >= GROUP_BASE)
        *node = *node - GROUP_BASE + policy->witness_count;
}

enum hm_rc hm_log_policy_parse(struct hm_bytes text, struct hm_err *err,
                               struct hm_log_policy **ret_policy)
{
    _hm_free_(hm_log_policy_free) struct hm_log_policy *policy = NULL;
    struct parser parser = {.err = err};

    if (text.size > HM_LOG_POLICY_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the policy is longer than %d bytes",
                       HM_LOG_POLICY_SIZE_MAX);
    policy = calloc(1, sizeof(*policy));
    if (policy == NULL)
        return hm_error_nomem(err);
    policy->logs =
        hm_arena_alloc(&policy->arena, HM_LOG_POLICY_LOG_COUNT_MAX, sizeof(*policy->logs));
    policy->witnesses =
        hm_arena_alloc(&policy->arena, HM_LOG_POLICY_WITNESS_COUNT_MAX, sizeof(*policy->witnesses));
    policy->groups =
        hm_arena_alloc(&policy->arena, HM_LOG_POLICY_GROUP_COUNT_MAX, sizeof(*policy->groups));
    if (policy->logs == NULL || policy->witnesses == NULL || policy->groups == NULL)
        return hm_error_nomem(err);
    parser.policy = policy;
    HM_TRY(take_lines(&parser, text));
    renumber(policy, &policy->quorum);
    for (size_t i = 0; i < policy->group_count; i++) {
        for (size_t j = 0; j < policy->groups[i].member_count; j++)
            renumber(policy, &policy->groups[i].members[j]);
    }
    *ret_policy = hm_steal(&policy);
    return HM_OK;
}

static const char *name_of(const struct hm_log_policy *policy, hm_log_policy_node node)
{
    if (node == HM_LOG_POLICY_NONE)
        return NONE;
    return node < policy->witness_count ? policy->witnesses[node].name
                                        : policy->groups[node - policy->witness_count].name;
}

static enum hm_rc write_key(const char *start, const struct hm_note_key *key, const char *url,
                            struct hm_err *err, struct hm_buf *buf)
{
    HM_TRY(hm_buf_append_str(buf, start, err));
    HM_TRY(hm_note_key_write(key, err, buf));
    if (url != NULL)
        HM_TRY(hm_buf_append_fmt(buf, err, " %s", url));
    return hm_buf_append_byte(buf, '\n', err);
}

static enum hm_rc write_group(const struct hm_log_policy *policy,
                              const struct hm_log_policy_group *group, struct hm_err *err,
                              struct hm_buf *buf)
{
    HM_TRY(hm_buf_append_fmt(buf, err, "group %s %zu", group->name, group->threshold));
    for (size_t i = 0; i < group->member_count; i++)
        HM_TRY(hm_buf_append_fmt(buf, err, " %s", name_of(policy, group->members[i])));
    return hm_buf_append_byte(buf, '\n', err);
}

enum hm_rc hm_log_policy_write(const struct hm_log_policy *policy, struct hm_err *err,
                               struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    for (size_t i = 0; i < policy->log_count; i++)
        HM_TRY(write_key("log ", policy->logs[i].key, policy->logs[i].url, err, &buf));
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct hm_log_policy_witness *witness = &policy->witnesses[i];

        HM_TRY(hm_buf_append_fmt(&buf, err, "witness %s", witness->name));
        HM_TRY(write_key(" ", witness->key, witness->url, err, &buf));
    }
    for (size_t i = 0; i < policy->group_count; i++)
        HM_TRY(write_group(policy, &policy->groups[i], err, &buf));
    HM_TRY(hm_buf_append_fmt(&buf, err, "quorum %s\n", name_of(policy, policy->quorum)));
    return hm_buf_append(ret_buf, hm_buf_bytes(&buf), err);
}

/* A group names earlier ones only, and each stands in one: this ends. */
static enum hm_rc describe(const struct hm_log_policy *policy, hm_log_policy_node node,
                           struct hm_err *err, struct hm_buf *text)
{
    const struct hm_log_policy_group *group;

    if (node == HM_LOG_POLICY_NONE || node < policy->witness_count)
        return hm_buf_append_str(text, name_of(policy, node), err);
    group = &policy->groups[node - policy->witness_count];
    HM_TRY(hm_buf_append_fmt(text, err, "%zu of (", group->threshold));
    for (size_t i = 0; i < group->member_count; i++) {
        HM_TRY(hm_buf_append_str(text, i == 0 ? "" : ", ", err));
        HM_TRY(describe(policy, group->members[i], err, text));
    }
    return hm_buf_append_byte(text, ')', err);
}

enum hm_rc hm_log_policy_describe(const struct hm_log_policy *policy, struct hm_err *err,
                                  struct hm_buf *ret_text)
{
    return describe(policy, policy->quorum, err, ret_text);
}

void hm_log_policy_free(struct hm_log_policy *policy)
{
    if (policy == NULL)
        return;
    /* One past the count may be half read. */
    for (size_t i = 0; policy->logs != NULL && i < HM_LOG_POLICY_LOG_COUNT_MAX; i++)
        hm_note_key_free(policy->logs[i].key);
    for (size_t i = 0; policy->witnesses != NULL && i < HM_LOG_POLICY_WITNESS_COUNT_MAX; i++)
        hm_note_key_free(policy->witnesses[i].key);
    hm_arena_done(&policy->arena);
    free(policy);
}

enum age_rule {
    AGE_ANY,
    AGE_NOT_OLD, /* what is too old does not count */
    AGE_GOOD,    /* nor what is in the future */
};

static bool counts(const struct hm_note_verdict *verdict, enum age_rule rule, int64_t now_unix_s,
                   int64_t max_age_s)
{
    uint64_t now = now_unix_s < 0 ? 0 : (uint64_t)now_unix_s;

    if (!verdict->is_signed)
        return false;
    if (rule == AGE_ANY)
        return true;
    if (rule == AGE_GOOD && verdict->time_s > now &&
        verdict->time_s - now > HM_LOG_POLICY_SKEW_MAX_S)
        return false;
    return max_age_s < 0 || verdict->time_s >= now || now - verdict->time_s <= (uint64_t)max_age_s;
}

/* Groups refer to earlier ones only, so one pass settles all. */
static bool is_quorum(const struct hm_log_policy *policy, const struct hm_note_verdict *verdicts,
                      enum age_rule rule, int64_t now_unix_s, int64_t max_age_s)
{
    bool is_witnessed[NODES_MAX] = {false};

    if (policy->quorum == HM_LOG_POLICY_NONE)
        return true;
    for (size_t i = 0; i < policy->witness_count; i++)
        is_witnessed[i] = counts(&verdicts[i], rule, now_unix_s, max_age_s);
    for (size_t i = 0; i < policy->group_count; i++) {
        const struct hm_log_policy_group *group = &policy->groups[i];
        size_t count = 0;

        for (size_t j = 0; j < group->member_count; j++)
            count += is_witnessed[group->members[j]];
        is_witnessed[policy->witness_count + i] = count >= group->threshold;
    }
    return is_witnessed[policy->quorum];
}

enum hm_rc hm_log_policy_check(const struct hm_log_policy *policy,
                               const struct hm_note_verdict *verdicts, int64_t now_unix_s,
                               int64_t max_age_s, struct hm_err *err)
{
    size_t count = 0;

    if (is_quorum(policy, verdicts, AGE_GOOD, now_unix_s, max_age_s))
        return HM_OK;
    for (size_t i = 0; i < policy->witness_count; i++)
        count += verdicts[i].is_signed;
    if (!is_quorum(policy, verdicts, AGE_ANY, now_unix_s, max_age_s))
        return hm_fail(err, HM_ESIGNATURE,
                       "%zu of the policy's %zu witnesses have cosigned, which is not the quorum "
                       "'%s'",
                       count, policy->witness_count, name_of(policy, policy->quorum));
    if (!is_quorum(policy, verdicts, AGE_NOT_OLD, now_unix_s, max_age_s))
        return hm_fail(err, HM_EEXPIRED,
                       "the cosignatures that make up the quorum '%s' are older than %lld seconds; "
                       "get a newer checkpoint",
                       name_of(policy, policy->quorum), (long long)max_age_s);
    return hm_fail(err, HM_ECLOCK,
                   "the quorum '%s' needs cosignatures that are in the future; set this clock",
                   name_of(policy, policy->quorum));
}

/* A log of the policy has signed, under the name that is the origin. */
static enum hm_rc check_log(const struct hm_log_policy *policy, struct hm_bytes origin,
                            const struct hm_note_verdict *verdicts, struct hm_err *err)
{
    bool is_known = false;

    for (size_t i = 0; i < policy->log_count; i++) {
        if (!hm_bytes_is_equal(policy->logs[i].key->name_bytes, origin))
            continue;
        is_known = true;
        if (verdicts[i].is_signed)
            return HM_OK;
    }
    if (is_known)
        return hm_fail(err, HM_ESIGNATURE, "the checkpoint is not signed by the log '%.*s'",
                       HM_BYTES_FMT(origin));
    return hm_fail(err, HM_EMISMATCH, "the policy does not have the log '%.*s'",
                   HM_BYTES_FMT(origin));
}

enum hm_rc hm_log_policy_open_told(const struct hm_log_policy *policy, struct hm_bytes raw,
                                   int64_t now_unix_s, int64_t max_age_s, struct hm_err *err,
                                   struct hm_checkpoint_signed **ret_checkpoint,
                                   struct hm_note_verdict *ret_witnesses)
{
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    const struct hm_note_key *keys[KEYS_MAX];
    struct hm_note_verdict verdicts[KEYS_MAX];
    size_t count = 0;

    if (policy->log_count == 0)
        return hm_fail(err, HM_EUSAGE, "the policy has no log line");
    checkpoint = calloc(1, sizeof(*checkpoint));
    if (checkpoint == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_note_parse(raw, err, &checkpoint->note));
    HM_TRY(hm_checkpoint_parse(checkpoint->note->text, err, &checkpoint->body));
    for (size_t i = 0; i < policy->log_count; i++)
        keys[count++] = policy->logs[i].key;
    for (size_t i = 0; i < policy->witness_count; i++)
        keys[count++] = policy->witnesses[i].key;
    HM_TRY(hm_note_verify(checkpoint->note, keys, count, err, verdicts));
    HM_TRY(check_log(policy, checkpoint->body.origin, verdicts, err));
    HM_TRY(hm_log_policy_check(policy, verdicts + policy->log_count, now_unix_s, max_age_s, err));
    if (ret_witnesses != NULL && policy->witness_count > 0)
        memcpy(ret_witnesses, verdicts + policy->log_count,
               policy->witness_count * sizeof(*ret_witnesses));
    *ret_checkpoint = hm_steal(&checkpoint);
    return HM_OK;
}

enum hm_rc hm_log_policy_open(const struct hm_log_policy *policy, struct hm_bytes raw,
                              int64_t now_unix_s, int64_t max_age_s, struct hm_err *err,
                              struct hm_checkpoint_signed **ret_checkpoint)
{
    return hm_log_policy_open_told(policy, raw, now_unix_s, max_age_s, err, ret_checkpoint, NULL);
}
