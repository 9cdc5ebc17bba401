/* SPDX-License-Identifier: Apache-2.0 */
/* The judge: what it believes, and what it takes in. See judge.h. */
#include "judge/judge.h"

#include "judge/judge_internal.h"
#include "trust/site_deliveries.h"

#define EVIDENCE_FAMILY "hallmark/evidence "
#define PROOF_FAMILY    "c2sp.org/tlog-proof@"
#define DELIVERY_FAMILY "hallmark/delivery-file "

static const char *const finding_names[] = {
    [HM_JUDGE_NOTHING] = "nothing",
    [HM_JUDGE_DELIVERED] = "delivered",
    [HM_JUDGE_UNACKNOWLEDGED] = "unacknowledged",
    [HM_JUDGE_CUSTOMER_ALONE] = "customer-alone",
    [HM_JUDGE_UNPUBLISHED] = "unpublished",
    [HM_JUDGE_CONTRADICTION] = "contradiction",
    [HM_JUDGE_REFUSED] = "refused",
    [HM_JUDGE_UNANSWERED] = "unanswered",
    [HM_JUDGE_NO_SUCH_RELEASE] = "no-such-release",
    [HM_JUDGE_EQUIVOCATION] = "equivocation",
    [HM_JUDGE_LATE] = "late",
    [HM_JUDGE_REVOKED] = "revoked",
};
static const char *const verdict_names[] = {[HM_JUDGE_PROVED] = "proved",
                                            [HM_JUDGE_REFUTED] = "refuted",
                                            [HM_JUDGE_UNTOLD] = "cannot tell"};
static const char *const claim_names[] = {[HM_JUDGE_RECEIVED] = "received",
                                          [HM_JUDGE_NEVER_RECEIVED] = "never-received",
                                          [HM_JUDGE_REJECTED] = "rejected",
                                          [HM_JUDGE_WITHHELD] = "withheld"};

const char *hm_judge_finding_name(enum hm_judge_finding finding)
{
    return finding_names[finding];
}

const char *hm_judge_verdict_name(enum hm_judge_verdict verdict)
{
    return verdict_names[verdict];
}

const char *hm_judge_claim_name(enum hm_judge_claim_kind kind)
{
    return claim_names[kind];
}

int hm_judge_exit_status(enum hm_judge_verdict verdict)
{
    return verdict == HM_JUDGE_PROVED ? 0 : verdict == HM_JUDGE_REFUTED ? 1 : 3;
}

/* ---- life ---- */

enum hm_rc hm_judge_new(struct hm_basis *basis, int64_t now_unix_s, struct hm_err *err,
                        struct hm_judge **ret_judge)
{
    _hm_free_(hm_judge_free) struct hm_judge *judge = calloc(1, sizeof(*judge));

    if (judge == NULL)
        return hm_error_nomem(err);
    judge->basis = basis;
    judge->now_unix_s = now_unix_s;
    judge->kept_size_max = HM_JUDGE_KEPT_SIZE_MAX;
    HM_TRY(hm_report_new(err, &judge->report));
    HM_TRY(hm_judge_trust_root(judge, basis->root, err));
    *ret_judge = hm_steal(&judge);
    return HM_OK;
}

void hm_judge_free(struct hm_judge *judge)
{
    if (judge == NULL)
        return;
    for (size_t i = 0; i < judge->key_count; i++)
        hm_note_key_free(judge->keys[i]);
    for (size_t i = 0; i < judge->policy_count; i++)
        hm_log_policy_free(judge->policies[i]);
    for (size_t i = 0; i < judge->evidence.count; i++)
        hm_evidence_free(judge->evidence.items[i].evidence);
    hm_delivery_file_record_done(&judge->record);
    hm_report_free(judge->report);
    hm_arena_done(&judge->arena);
    free(judge);
}

void *hm_judge_grow(struct hm_judge *judge, void **items, size_t *count, size_t *capacity,
                    size_t size)
{
    if (*count == *capacity) {
        size_t grown = *capacity == 0 ? 16 : 2 * *capacity; /* far below SIZE_MAX: counts are
                                                                limited */
        void *data = hm_arena_grow(&judge->arena, *items, *capacity * size, grown * size);

        if (data == NULL)
            return NULL;
        *items = data;
        *capacity = grown;
    }
    memset((uint8_t *)*items + *count * size, 0, size);
    return (uint8_t *)*items + (*count)++ * size;
}

const struct hm_report *hm_judge_report(const struct hm_judge *judge)
{
    return judge->report;
}

/* ---- whom it believes ---- */

static enum hm_rc add_key(struct hm_judge *judge, const struct hm_note_key *key, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    for (size_t i = 0; i < judge->key_count; i++) {
        if (hm_note_key_is_same(judge->keys[i], key))
            return HM_OK;
    }
    if (judge->key_count == HM_JUDGE_KEY_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "the site's roots name more than %d keys of deliveries",
                       HM_JUDGE_KEY_COUNT_MAX);
    HM_TRY(hm_note_key_write(key, err, &vkey));
    HM_TRY(hm_note_key_parse(hm_buf_bytes(&vkey), err, &judge->keys[judge->key_count]));
    judge->trusted[judge->key_count] = judge->keys[judge->key_count];
    judge->key_count++;
    return HM_OK;
}

static enum hm_rc add_policy(struct hm_judge *judge, const struct hm_log_policy *policy,
                             struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOG_POLICY_SIZE_MAX);

    if (judge->policy_count == HM_JUDGE_KEY_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED,
                       "the site's roots name more than %d policies of deliveries",
                       HM_JUDGE_KEY_COUNT_MAX);
    HM_TRY(hm_log_policy_write(policy, err, &text));
    HM_TRY(hm_log_policy_parse(hm_buf_bytes(&text), err, &judge->policies[judge->policy_count]));
    judge->policy_count++;
    return HM_OK;
}

enum hm_rc hm_judge_trust(struct hm_judge *judge, const struct hm_note_key *key,
                          const struct hm_log_policy *policy, struct hm_err *err)
{
    HM_TRY(add_key(judge, key, err));
    return add_policy(judge, policy, err);
}

enum hm_rc hm_judge_trust_root(struct hm_judge *judge, const struct hm_root *root,
                               struct hm_err *err)
{
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *deliveries = NULL;

    HM_TRY(hm_site_deliveries_parse(root, err, &deliveries));
    judge->root_version = (uint64_t)root->document.version;
    if (deliveries->key == NULL)
        return HM_OK;
    return hm_judge_trust(judge, deliveries->key, deliveries->policy, err);
}

enum hm_rc hm_judge_revoke(struct hm_judge *judge, const char *client, int64_t since_unix_s,
                           struct hm_err *err)
{
    struct hm_judge_revoked *revoked = &judge->revoked[judge->revoked_count];

    if (judge->revoked_count == HM_JUDGE_REVOKED_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "more than %d revoked keys", HM_JUDGE_REVOKED_COUNT_MAX);
    if (!hm_note_key_is_name(hm_bytes_str(client)))
        return hm_fail(err, HM_EUSAGE, "'%s' is no client key's name", client);
    revoked->client = hm_arena_strdup(&judge->arena, hm_bytes_str(client));
    revoked->since_s = since_unix_s;
    if (revoked->client == NULL)
        return hm_error_nomem(err);
    judge->revoked_count++;
    return HM_OK;
}

/* ---- files ---- */

enum hm_rc hm_judge_bad(struct hm_judge *judge, const char *name, enum hm_rc rc,
                        const struct hm_err *why, struct hm_err *err)
{
    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why->text);
    judge->bad_count++;
    if (judge->bad_count > HM_JUDGE_TOLD_MAX)
        return HM_OK;
    return HM_JUDGE_SAY(judge, HM_REPORT_BAD, err, "'%s' counts for nothing: %s", name, why->text);
}

/* The sentence that decided. */
static const char *reason_of(const struct hm_report *report)
{
    const char *text = "it does not hold";

    for (size_t i = 0; i < report->count; i++) {
        if (report->steps[i].mark == HM_REPORT_BAD || report->steps[i].mark == HM_REPORT_UNSURE)
            text = report->steps[i].text;
    }
    return text;
}

/* The first checkpoint of evidence that holds. */
static enum hm_rc keep_state(struct hm_judge *judge, const struct hm_evidence *evidence,
                             struct hm_err *err, struct hm_judge_state *ret_state)
{
    _hm_free_(hm_basis_close) struct hm_basis_head *head = NULL;

    HM_TRY(hm_basis_open(judge->basis, evidence->parts[0].checkpoint, err, &head));
    *ret_state = (struct hm_judge_state){head->checkpoint->body.size, head->checkpoint->body.root,
                                         hm_basis_earliest(head)};
    return HM_OK;
}

static enum hm_rc keep_evidence(struct hm_judge *judge, const char *name, struct hm_bytes raw,
                                const struct hm_report *report, struct hm_err *err)
{
    _hm_free_(hm_evidence_free) struct hm_evidence *evidence = NULL;
    struct hm_judge_evidence *kept;

    HM_TRY(HM_JUDGE_SAY(judge, HM_REPORT_GOOD, err, "'%s' holds: %s", name, report->claim));
    if (hm_evidence_parse(raw, NULL, &evidence) != HM_OK)
        return HM_OK; /* a tlog-proof, which says nothing of deliveries */
    /* What stands near a label that is not there, and since when there is a log. */
    for (size_t i = 0; evidence->kind == HM_EVIDENCE_ABSENT && i < report->count; i++) {
        if (report->steps[i].mark == HM_REPORT_NOTE)
            HM_TRY(
                HM_JUDGE_SAY(judge, HM_REPORT_NOTE, err, "'%s': %s", name, report->steps[i].text));
    }
    kept = HM_JUDGE_ADD(judge, &judge->evidence);
    if (kept == NULL)
        return hm_error_nomem(err);
    kept->evidence = hm_steal(&evidence);
    judge->evidence_size += raw.size; /* bounded: hm_judge_take */
    return keep_state(judge, kept->evidence, err, &kept->state);
}

static enum hm_rc take_evidence(struct hm_judge *judge, const char *name, struct hm_bytes raw,
                                struct hm_err *err)
{
    _hm_free_(hm_report_free) struct hm_report *report = NULL;
    struct hm_err why = HM_ERR_INIT;

    HM_TRY(hm_check_file(raw, judge->basis, err, &report));
    if ((uint64_t)judge->basis->root->document.version != judge->root_version)
        HM_TRY(hm_judge_trust_root(judge, judge->basis->root, err));
    if (report->rc == HM_OK)
        return keep_evidence(judge, name, raw, report, err);
    (void)hm_fail(&why, report->rc, "%s", reason_of(report));
    return hm_judge_bad(judge, name, report->rc, &why, err);
}

bool hm_judge_is_evidence(struct hm_bytes raw)
{
    return hm_bytes_has_prefix(raw, HM_BYTES_LITERAL(EVIDENCE_FAMILY)) ||
           hm_bytes_has_prefix(raw, HM_BYTES_LITERAL(PROOF_FAMILY));
}

enum hm_rc hm_judge_take(struct hm_judge *judge, const char *name, struct hm_bytes raw,
                         struct hm_err *err)
{
    if (judge->file_count == HM_JUDGE_FILE_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "more than %d files are not judged at once",
                       HM_JUDGE_FILE_COUNT_MAX);
    if (judge->arena.used + judge->evidence_size + raw.size > judge->kept_size_max)
        return hm_fail(err, HM_EREFUSED,
                       "'%s': it and the %zu files before it are more than can be judged at once "
                       "(%zu MiB); give fewer files",
                       name, judge->file_count, judge->kept_size_max >> 20);
    judge->file_count++;
    if (hm_judge_is_evidence(raw))
        return take_evidence(judge, name, raw, err);
    if (hm_bytes_has_prefix(raw, HM_BYTES_LITERAL(DELIVERY_FAMILY)))
        return hm_judge_take_delivery(judge, name, raw, err);
    return hm_judge_take_note(judge, name, raw, err);
}
