/* SPDX-License-Identifier: Apache-2.0 */
/* What evidence is judged by. See basis.h. */
#include "evidence/basis.h"

#include "trust/layout.h"

#define KEYS_MAX (1 + HM_LOG_POLICY_WITNESS_COUNT_MAX)

static enum hm_rc read_word(const struct hm_root *root, struct hm_err *err,
                            struct hm_basis_word *ret_word)
{
    struct hm_site_log *log = NULL;

    HM_TRY(hm_site_log_parse(root, err, &log));
    *ret_word =
        (struct hm_basis_word){.root_version = (uint64_t)root->document.version, .log = log};
    return HM_OK;
}

/* Room for one more, once it can be filled. */
static enum hm_rc add_word(struct hm_basis *basis, struct hm_basis_word *word, struct hm_err *err)
{
    void *words = hm_arena_grow(&basis->arena, basis->words, basis->word_count * sizeof(*word),
                                (basis->word_count + 1) * sizeof(*word));

    if (words == NULL) {
        hm_site_log_free(word->log);
        return hm_error_nomem(err);
    }
    basis->words = words;
    basis->words[basis->word_count++] = *word;
    return HM_OK;
}

enum hm_rc hm_basis_new(struct hm_bytes root, const struct hm_log_demands *demands,
                        struct hm_err *err, struct hm_basis **ret_basis)
{
    _hm_free_(hm_basis_free) struct hm_basis *basis = calloc(1, sizeof(*basis));
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    struct hm_basis_word word;

    if (basis == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_envelope_parse(root, err, &envelope));
    HM_TRY(hm_root_verify_first(envelope, err, &basis->root));
    HM_TRY(hm_layout_root_site(basis->root, &basis->arena, err, &basis->site, &basis->is_trial));
    basis->demands = *demands;
    basis->demands.max_age_s = HM_LOG_POLICY_ANY_AGE;
    basis->first_version = (uint64_t)basis->root->document.version;
    HM_TRY(read_word(basis->root, err, &word));
    HM_TRY(add_word(basis, &word, err));
    *ret_basis = hm_steal(&basis);
    return HM_OK;
}

void hm_basis_free(struct hm_basis *basis)
{
    if (basis == NULL)
        return;
    for (size_t i = 0; i < basis->word_count; i++)
        hm_site_log_free(basis->words[i].log);
    hm_root_free(basis->root);
    hm_arena_done(&basis->arena);
    free(basis);
}

enum hm_rc hm_basis_add_earlier(struct hm_basis *basis, struct hm_bytes raw, struct hm_err *err)
{
    _hm_free_(hm_basis_free) struct hm_basis *earlier = NULL;
    struct hm_basis_word word;

    HM_TRY(hm_basis_new(raw, &basis->demands, err, &earlier));
    if (strcmp(earlier->site, basis->site) != 0)
        return hm_fail(err, HM_EMISMATCH, "the root is of site '%s', not of '%s'", earlier->site,
                       basis->site);
    if (earlier->first_version >= basis->first_version)
        return HM_OK;
    word = earlier->words[0];
    earlier->word_count = 0; /* the word moves */
    HM_TRY(add_word(basis, &word, err));
    memmove(basis->words + 1, basis->words, (basis->word_count - 1) * sizeof(word));
    basis->words[0] = word;
    basis->first_version = word.root_version;
    return HM_OK;
}

enum hm_rc hm_basis_add(struct hm_basis *basis, struct hm_bytes raw, struct hm_err *err)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    struct hm_basis_word word;
    const char *site = NULL;
    bool is_trial = false;
    enum hm_rc rc;

    HM_TRY(hm_envelope_parse(raw, err, &envelope));
    HM_TRY(hm_root_verify_next(basis->root, envelope, err, &root));
    HM_TRY(hm_layout_root_site(root, &basis->arena, err, &site, &is_trial));
    if (strcmp(site, basis->site) != 0)
        return hm_fail(err, HM_EMISMATCH, "the root is of site '%s', not of '%s'", site,
                       basis->site);
    HM_TRY(read_word(root, err, &word));
    rc = hm_site_log_check_successor(basis->words[basis->word_count - 1].log, word.log, err);
    if (rc != HM_OK) {
        hm_site_log_free(word.log);
        return rc;
    }
    HM_TRY(add_word(basis, &word, err));
    hm_root_free(basis->root);
    basis->root = hm_steal(&root);
    return HM_OK;
}

const struct hm_site_log *hm_basis_log(const struct hm_basis *basis)
{
    const struct hm_site_log *log = basis->words[basis->word_count - 1].log;

    return log->policy == NULL ? NULL : log;
}

uint64_t hm_basis_since(const struct hm_basis *basis)
{
    for (size_t i = 0; i < basis->word_count; i++) {
        if (basis->words[i].log->policy != NULL)
            return basis->words[i].root_version;
    }
    return 0;
}

/* ---- checkpoints ---- */

void hm_basis_close(struct hm_basis_head *head)
{
    if (head == NULL)
        return;
    hm_checkpoint_free(head->checkpoint);
    hm_arena_done(&head->arena);
    free(head);
}

uint64_t hm_basis_earliest(const struct hm_basis_head *head)
{
    uint64_t earliest = 0;

    for (size_t i = 0; i < head->witness_count; i++) {
        if (i == 0 || head->witnesses[i].time_s < earliest)
            earliest = head->witnesses[i].time_s;
    }
    return earliest;
}

/* Each key once, whichever policies name it. */
static enum hm_rc count_witnesses(struct hm_basis_head *head, const struct hm_log_policy *policy,
                                  const struct hm_note_verdict *verdicts, struct hm_err *err)
{
    size_t size = head->witness_count * sizeof(*head->witnesses);
    void *grown;

    if (policy->witness_count == 0)
        return HM_OK;
    grown = hm_arena_grow(&head->arena, head->witnesses, size,
                          size + policy->witness_count * sizeof(*head->witnesses));
    if (grown == NULL)
        return hm_error_nomem(err);
    head->witnesses = grown;
    for (size_t i = 0; i < policy->witness_count; i++) {
        const struct hm_note_key *key = policy->witnesses[i].key;
        bool is_known = false;

        for (size_t j = 0; j < head->witness_count && !is_known; j++)
            is_known = hm_note_key_is_same_key(head->witnesses[j].key, key);
        if (is_known)
            continue;
        head->known_count++;
        if (verdicts[i].is_signed)
            head->witnesses[head->witness_count++] = (struct hm_basis_witness){
                .name = key->name, .key = key, .time_s = verdicts[i].time_s};
    }
    return HM_OK;
}

/* One policy's witnesses, beside the log's own key, which must have signed. */
static enum hm_rc hold_policy(const struct hm_basis *basis, const struct hm_log_policy *policy,
                              const struct hm_note_key *log_key, const char *whose,
                              struct hm_basis_head *head, struct hm_err *err)
{
    const struct hm_note_key *keys[KEYS_MAX] = {log_key};
    struct hm_note_verdict verdicts[KEYS_MAX] = {{0}};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    for (size_t i = 0; i < policy->witness_count; i++)
        keys[1 + i] = policy->witnesses[i].key;
    HM_TRY(hm_note_verify(head->checkpoint->note, keys, 1 + policy->witness_count, err, verdicts));
    HM_TRY(count_witnesses(head, policy, verdicts + 1, err));
    if (policy->quorum != HM_LOG_POLICY_NONE)
        head->is_demanded = true;
    rc = hm_log_policy_check(policy, verdicts + 1, basis->demands.now_unix_s, HM_LOG_POLICY_ANY_AGE,
                             &why);
    if (rc == HM_ENOMEM)
        return hm_error_nomem(err);
    if (rc != HM_OK && head->is_met) {
        head->is_met = false;
        (void)snprintf(head->unmet, sizeof(head->unmet), "%s policy: %.*s", whose,
                       (int)sizeof(head->unmet) - 64, why.text);
    }
    return HM_OK;
}

/* The checkpoint as one root's word has it. HM_ESIGNATURE, HM_EFORMAT. */
static enum hm_rc hold_word(const struct hm_basis *basis, const struct hm_basis_word *word,
                            const struct hm_note_key *log_key, struct hm_bytes note,
                            struct hm_err *err, struct hm_basis_head **ret_head)
{
    _hm_free_(hm_basis_close) struct hm_basis_head *head = calloc(1, sizeof(*head));

    if (head == NULL)
        return hm_error_nomem(err);
    head->root_version = word->root_version;
    head->is_of_newest = word == &basis->words[basis->word_count - 1];
    head->is_met = true;
    HM_TRY(hm_checkpoint_open(note, log_key->name_bytes, &log_key, 1, err, &head->checkpoint));
    HM_TRY(hold_policy(basis, word->log->policy, log_key, "root's", head, err));
    for (size_t i = 0; i < basis->demands.policy_count; i++)
        HM_TRY(hold_policy(basis, basis->demands.policies[i].policy, log_key,
                           basis->demands.policies[i].whose, head, err));
    *ret_head = hm_steal(&head);
    return HM_OK;
}

/* A log that the newest root closed, of which no root is known that kept it: the signature can be
 * checked, and nothing says whose cosignatures it needed. */
static enum hm_rc hold_closed(const struct hm_basis *basis, struct hm_bytes origin,
                              struct hm_bytes note, struct hm_err *err,
                              struct hm_basis_head **ret_head)
{
    const struct hm_basis_word *word = &basis->words[basis->word_count - 1];

    for (size_t i = 0; i < word->log->closed_count; i++) {
        const struct hm_note_key *key = word->log->closed[i].key;

        if (!hm_bytes_is_equal(key->name_bytes, origin))
            continue;
        HM_TRY(hold_word(basis, word, key, note, err, ret_head));
        (*ret_head)->is_met = false;
        (void)snprintf((*ret_head)->unmet, sizeof((*ret_head)->unmet),
                       "root %llu closed this log, and no root that is known here says which "
                       "witnesses it needed",
                       (unsigned long long)word->root_version);
        return HM_OK;
    }
    return hm_fail(err, HM_EAGAIN,
                   "no root of site '%s' that is known here, up to version %llu, names the log "
                   "'%.*s'; if a newer root does, refresh, or ask for the evidence with its roots",
                   basis->site, (unsigned long long)word->root_version, HM_BYTES_FMT(origin));
}

static enum hm_rc read_origin(struct hm_bytes note, struct hm_err *err, struct hm_bytes *ret_origin)
{
    _hm_free_(hm_note_free) struct hm_note *parsed = NULL;
    struct hm_checkpoint checkpoint;

    HM_TRY(hm_note_parse(note, err, &parsed));
    HM_TRY(hm_checkpoint_parse(parsed->text, err, &checkpoint));
    *ret_origin = hm_bytes_make(note.data, checkpoint.origin.size); /* where the note begins */
    return HM_OK;
}

enum hm_rc hm_basis_open(const struct hm_basis *basis, struct hm_bytes note, struct hm_err *err,
                         struct hm_basis_head **ret_head)
{
    _hm_free_(hm_basis_close) struct hm_basis_head *unmet = NULL;
    struct hm_bytes origin = HM_BYTES_EMPTY;
    enum hm_rc failed = HM_OK;

    HM_TRY(read_origin(note, err, &origin));
    for (size_t i = basis->word_count; i-- > 0;) {
        const struct hm_basis_word *word = &basis->words[i];
        struct hm_basis_head *head = NULL;
        enum hm_rc rc;

        if (word->log->policy == NULL ||
            !hm_bytes_is_equal(word->log->policy->logs[0].key->name_bytes, origin))
            continue;
        rc = hold_word(basis, word, word->log->policy->logs[0].key, note, err, &head);
        if (rc == HM_OK && head->is_met) {
            *ret_head = head;
            return HM_OK;
        }
        if (rc != HM_OK && rc != HM_ESIGNATURE && rc != HM_EFORMAT)
            return rc;
        if (rc != HM_OK)
            failed = failed == HM_OK ? rc : failed;
        else if (unmet == NULL)
            unmet = head;
        else
            hm_basis_close(head);
    }
    if (unmet == NULL && failed == HM_OK)
        return hold_closed(basis, origin, note, err, ret_head);
    if (unmet == NULL)
        return failed; /* *err is of the last one, and as good */
    *ret_head = hm_steal(&unmet);
    return HM_OK;
}
