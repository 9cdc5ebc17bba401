/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from what was taken in: findings as docs/formats.md 23 words them. See judge.h. */
#include <stdarg.h>

#include "base/text.h"
#include "base/time.h"
#include "judge/judge_internal.h"
#include "tlog/release_list.h"

#define TEXT_SIZE_MAX 65536

/* A decision on its way. */
struct find {
    struct hm_judge *judge;
    const struct hm_judge_claim *claim;
    struct hm_err *err;
    struct hm_buf text, needed;
    struct hm_judge_answer answer;
    /* The delivery that says most, and what it is about. */
    const struct hm_judge_delivery *best;
    int best_rank;
    const struct hm_judge_evidence *absent; /* of the claim's label */
};

static const char *when(int64_t unix_s, char text[HM_TIME_TEXT_SIZE])
{
    hm_time_format(unix_s, text);
    return text;
}

static const char *hex_of(const struct hm_sha256 *digest, char hex[HM_SHA256_HEX_SIZE])
{
    hm_text_hex(hm_bytes_make(digest->bytes, HM_SHA256_SIZE), hex);
    return hex;
}

HM_PRINTF(4, 5)
static enum hm_rc found(struct find *find, enum hm_judge_finding finding,
                        enum hm_judge_verdict verdict, const char *format, ...)
{
    char text[2048]; /* a key's name has 255 bytes at most, and the rest is ours */
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    find->answer.finding = finding;
    find->answer.verdict = verdict;
    hm_buf_clear(&find->text);
    return hm_text_escape(&find->text, hm_bytes_str(text), find->err);
}

static enum hm_rc needs(struct find *find, const char *text)
{
    if (find->needed.size > 0)
        HM_TRY(hm_buf_append_str(&find->needed, "; ", find->err));
    return hm_buf_append_str(&find->needed, text, find->err);
}

/* What a finding makes of each claim: received, never received, rejected, withheld. */
static enum hm_judge_verdict by_claim(const struct find *find, enum hm_judge_verdict received,
                                      enum hm_judge_verdict never, enum hm_judge_verdict rejected,
                                      enum hm_judge_verdict withheld)
{
    const enum hm_judge_verdict verdicts[] = {received, never, rejected, withheld};

    return verdicts[find->claim->kind];
}

/* ---- which deliveries ---- */

static bool is_of_release(const char *path, const char *release)
{
    size_t size = strlen(release);

    return strncmp(path, release, size) == 0 && path[size] == '/';
}

/* Does the claim's release, as a version or as it is printed, name this delivery? */
static bool is_named(const struct hm_judge_claim *claim, const struct hm_judge_delivery *delivery)
{
    const char *slash = strchr(claim->release, '/');
    const char *text = slash == NULL ? NULL : strchr(slash + 1, '/');
    size_t product_size;

    if (delivery->path == NULL)
        return false;
    if (is_of_release(delivery->path, claim->release))
        return true;
    if (text == NULL || delivery->label == NULL)
        return false;
    product_size = (size_t)(text - claim->release) + 1;
    return strncmp(delivery->path, claim->release, product_size) == 0 &&
           strcmp(delivery->label, text + 1) == 0;
}

static bool is_matching(const struct hm_judge_claim *claim,
                        const struct hm_judge_delivery *delivery)
{
    if (delivery->account == NULL || strcmp(delivery->account, claim->customer) != 0)
        return false;
    if (claim->has_image && !hm_digest_is_equal(&claim->image, &delivery->image))
        return false;
    return claim->release == NULL || is_named(claim, delivery);
}

static const struct hm_judge_revoked *revoked_of(const struct hm_judge *judge,
                                                 const struct hm_judge_delivery *delivery)
{
    for (size_t i = 0; i < judge->revoked_count; i++) {
        if (delivery->client != NULL && strcmp(judge->revoked[i].client, delivery->client) == 0)
            return &judge->revoked[i];
    }
    return NULL;
}

/* By a key that was not its customer's any more, for all that witnesses know. */
static bool is_revoked(const struct hm_judge *judge, const struct hm_judge_delivery *delivery)
{
    const struct hm_judge_revoked *revoked = revoked_of(judge, delivery);

    return revoked != NULL && (!delivery->receipt_is_logged || delivery->receipt_seen_s == 0 ||
                               delivery->receipt_seen_s > (uint64_t)revoked->since_s);
}

/* When a witness first knew of all of it; 0: none did. */
static uint64_t seen_of(const struct hm_judge_delivery *delivery)
{
    return delivery->has_answer ? delivery->receipt_seen_s : delivery->offer_seen_s;
}

static bool is_late(const struct find *find, const struct hm_judge_delivery *delivery)
{
    uint64_t seen_s = seen_of(delivery);

    return find->claim->has_at &&
           (find->claim->at_unix_s < 0 || seen_s == 0 || seen_s > (uint64_t)find->claim->at_unix_s);
}

/* How much a delivery says. What cannot be used for the time in dispute says less than all. */
static int rank_of(const struct find *find, const struct hm_judge_delivery *delivery)
{
    int rank = delivery->has_answer && delivery->has_offer ? (delivery->is_ack ? 5 : 4)
               : delivery->has_offer                       ? 3
               : delivery->has_answer                      ? 2
                                                           : 1;

    if ((delivery->has_answer && is_revoked(find->judge, delivery)) ||
        (delivery->has_offer && is_late(find, delivery)))
        return rank;
    return rank + 10;
}

/* ---- telling ---- */

static enum hm_rc tell_delivery(struct find *find, const struct hm_judge_delivery *delivery)
{
    struct hm_judge *judge = find->judge;
    char hex[HM_SHA256_HEX_SIZE], a[HM_TIME_TEXT_SIZE], b[HM_TIME_TEXT_SIZE];

    if (delivery->has_request)
        HM_TRY(HM_JUDGE_SAY(judge, HM_REPORT_GOOD, find->err,
                            "'%s': the key '%s' of account '%s' asked for '%s', SHA-256 %s, at %s "
                            "by its own clock",
                            delivery->file, delivery->client, delivery->account, delivery->path,
                            hex_of(&delivery->image, hex), when(delivery->request_time_s, a)));
    if (delivery->has_offer)
        HM_TRY(HM_JUDGE_SAY(judge, HM_REPORT_GOOD, find->err,
                            "'%s': the site offered it as '%s' by '%s' at %s, until %s",
                            delivery->file, delivery->label, delivery->edge,
                            when(delivery->offer_time_s, a), when(delivery->expires_s, b)));
    if (delivery->has_answer)
        HM_TRY(HM_JUDGE_SAY(
            judge, HM_REPORT_GOOD, find->err,
            "'%s': the key '%s' %s SHA-256 %s, %llu bytes, at %s%s%s", delivery->file,
            delivery->client,
            delivery->is_ack ? "acknowledged that it received and verified" : "rejected",
            hex_of(&delivery->received, hex), HM_JUDGE_NUMBER(delivery->received_length),
            when(delivery->answer_time_s, a), delivery->is_ack ? "" : ", reason ",
            delivery->is_ack ? "" : hm_statement_reason_name(delivery->reason)));
    if (delivery->has_receipt)
        HM_TRY(HM_JUDGE_SAY(judge, HM_REPORT_GOOD, find->err,
                            "'%s': the site keeps both sides' statements, and wrote %llu bytes to "
                            "the connection (its receipt of %s)",
                            delivery->file, HM_JUDGE_NUMBER(delivery->written),
                            when(delivery->receipt_time_s, a)));
    if (delivery->receipt_seen_s != 0)
        return HM_JUDGE_SAY(judge, HM_REPORT_GOOD, find->err,
                            "'%s': its receipt is in the deliveries log, which a witness first saw "
                            "so at %s",
                            delivery->file, when((int64_t)delivery->receipt_seen_s, a));
    if (delivery->offer_seen_s != 0)
        return HM_JUDGE_SAY(judge, HM_REPORT_GOOD, find->err,
                            "'%s': its offer is in the deliveries log, which a witness first saw "
                            "so at %s",
                            delivery->file, when((int64_t)delivery->offer_seen_s, a));
    if (delivery->receipt_is_logged || delivery->offer_is_logged)
        return HM_JUDGE_SAY(judge, HM_REPORT_NOTE, find->err,
                            "'%s': it is in the deliveries log, which no witness saw: when, is the "
                            "site's word alone",
                            delivery->file);
    return HM_OK;
}

static enum hm_rc look_at_deliveries(struct find *find)
{
    struct hm_judge *judge = find->judge;

    for (size_t i = 0; i < judge->deliveries.count; i++) {
        const struct hm_judge_delivery *delivery = &judge->deliveries.items[i];
        int rank;

        if (!is_matching(find->claim, delivery))
            continue;
        rank = rank_of(find, delivery);
        if (rank > find->best_rank) {
            find->best = delivery;
            find->best_rank = rank;
        }
        if (find->answer.matching_count++ < HM_JUDGE_TOLD_MAX)
            HM_TRY(tell_delivery(find, delivery));
    }
    if (find->answer.matching_count > HM_JUDGE_TOLD_MAX)
        return HM_JUDGE_SAY(judge, HM_REPORT_NOTE, find->err, "and %zu more of these deliveries",
                            find->answer.matching_count - HM_JUDGE_TOLD_MAX);
    return HM_OK;
}

/* ---- the release log ---- */

static bool is_product_of(const struct hm_evidence *evidence, const char *path)
{
    size_t size = evidence->product == NULL ? 0 : strlen(evidence->product);

    return size > 0 && strncmp(path, evidence->product, size) == 0 && path[size] == '/';
}

/* Is the claim's label shown not to be there? */
static enum hm_rc look_for_absence(struct find *find)
{
    const struct hm_judge *judge = find->judge;
    const char *release = find->claim->release;

    for (size_t i = 0; release != NULL && i < judge->evidence.count; i++) {
        const struct hm_judge_evidence *one = &judge->evidence.items[i];
        const struct hm_evidence *evidence = one->evidence;

        if (evidence->kind != HM_EVIDENCE_ABSENT || !is_product_of(evidence, release) ||
            strcmp(release + strlen(evidence->product) + 1, evidence->text) != 0)
            continue;
        if (find->absent == NULL || one->state.size > find->absent->state.size)
            find->absent = one;
    }
    return HM_OK;
}

/* What a file of a release is, in the log's list of its product: *ret_is_known if the list has the
 * release, *ret_is_listed if it has these bytes under it. */
static enum hm_rc look_in_list(const struct hm_evidence *evidence, const char *path,
                               const struct hm_sha256 *image, struct hm_err *err,
                               bool *ret_is_known, bool *ret_is_listed)
{
    _hm_free_(hm_release_list_free) struct hm_release_list *list = NULL;

    if (!evidence->parts[0].has_list) {
        *ret_is_known = true; /* a map without the product has no release of it */
        return HM_OK;
    }
    HM_TRY(hm_release_list_parse(evidence->parts[0].list, err, &list));
    *ret_is_known = true;
    for (size_t i = 0; i < list->count; i++) {
        const struct hm_release_row *row = &list->rows[i];
        const char *version = path + strlen(evidence->product) + 1;
        size_t size = strlen(row->version);

        if (strncmp(version, row->version, size) != 0 || version[size] != '/')
            continue;
        for (size_t k = 0; k < row->image_count; k++)
            *ret_is_listed |= hm_digest_is_equal(&row->images[k].sha256, image);
    }
    return HM_OK;
}

static enum hm_rc look_in_entry(const struct hm_evidence *evidence, const char *path,
                                const struct hm_sha256 *image, struct hm_err *err,
                                bool *ret_is_known, bool *ret_is_listed)
{
    _hm_free_(hm_entry_free) struct hm_entry *entry = NULL;

    if (!is_of_release(path, evidence->path))
        return HM_OK;
    HM_TRY(hm_entry_parse(evidence->parts[0].entries[0].text, err, &entry));
    *ret_is_known = true;
    for (size_t i = 0; i < entry->image_count; i++)
        *ret_is_listed |= hm_digest_is_equal(&entry->images[i].sha256, image);
    return HM_OK;
}

/* Are the bytes that the site offered those of no release? Only if evidence says what the release
 * has, at a state that knows of all that the offer could speak of. */
static enum hm_rc look_at_image(const struct find *find, const struct hm_judge_delivery *delivery,
                                bool *ret_is_known, bool *ret_is_listed)
{
    const struct hm_judge *judge = find->judge;

    *ret_is_known = false;
    *ret_is_listed = false;
    for (size_t i = 0; delivery->path != NULL && i < judge->evidence.count; i++) {
        const struct hm_evidence *evidence = judge->evidence.items[i].evidence;

        if (!is_product_of(evidence, delivery->path))
            continue;
        if (evidence->kind == HM_EVIDENCE_PUBLISHED) {
            HM_TRY(look_in_entry(evidence, delivery->path, &delivery->image, find->err,
                                 ret_is_known, ret_is_listed));
        } else if ((evidence->kind == HM_EVIDENCE_ABSENT ||
                    evidence->kind == HM_EVIDENCE_HISTORY) &&
                   judge->evidence.items[i].state.size >= delivery->checkpoint_size) {
            HM_TRY(look_in_list(evidence, delivery->path, &delivery->image, find->err, ret_is_known,
                                ret_is_listed));
        }
    }
    return HM_OK;
}

/* The witness time of the checkpoint that a request names: the delivery is not older. */
static uint64_t begin_of(const struct hm_judge *judge, const struct hm_judge_delivery *delivery)
{
    for (size_t i = 0; i < judge->evidence.count; i++) {
        const struct hm_judge_state *state = &judge->evidence.items[i].state;

        if (state->size == delivery->checkpoint_size &&
            hm_digest_is_equal(&state->root, &delivery->checkpoint_root))
            return state->earliest_s;
    }
    return 0;
}

/* One path, several digests: each delivery stays tied to its own. */
static enum hm_rc tell_reuse(struct find *find)
{
    const struct hm_judge *judge = find->judge;
    const struct hm_judge_delivery *best = find->best;
    char one[HM_SHA256_HEX_SIZE], two[HM_SHA256_HEX_SIZE];

    for (size_t i = 0; best != NULL && best->path != NULL && i < judge->deliveries.count; i++) {
        const struct hm_judge_delivery *other = &judge->deliveries.items[i];

        if (other->has_offer && other->path != NULL && strcmp(other->path, best->path) == 0 &&
            !hm_digest_is_equal(&other->image, &best->image))
            return HM_JUDGE_SAY(find->judge, HM_REPORT_BAD, find->err,
                                "the site offered two files as '%s': SHA-256 %s in '%s', and %s in "
                                "'%s'; each delivery is of the one that it names",
                                best->path, hex_of(&best->image, one), best->file,
                                hex_of(&other->image, two), other->file);
    }
    return HM_OK;
}

/* ---- findings ---- */

static enum hm_rc find_delivered(struct find *find)
{
    const struct hm_judge_delivery *best = find->best;
    uint64_t begin_s = begin_of(find->judge, best);
    enum hm_judge_verdict verdict =
        by_claim(find, HM_JUDGE_PROVED, HM_JUDGE_REFUTED, HM_JUDGE_REFUTED, HM_JUDGE_REFUTED);
    char hex[HM_SHA256_HEX_SIZE], a[HM_TIME_TEXT_SIZE], b[HM_TIME_TEXT_SIZE];

    (void)hex_of(&best->received, hex);
    if (best->receipt_seen_s != 0 && begin_s != 0)
        return found(find, HM_JUDGE_DELIVERED, verdict,
                     "delivered: bytes %s, to key %s, between witness times %s and %s", hex,
                     best->client, when((int64_t)begin_s, a),
                     when((int64_t)best->receipt_seen_s, b));
    if (best->receipt_seen_s != 0) {
        HM_TRY(needs(find, "evidence of the release log with the checkpoint that the request "
                           "names would say since when at the earliest"));
        return found(find, HM_JUDGE_DELIVERED, verdict,
                     "delivered: bytes %s, to key %s, not later than witness time %s", hex,
                     best->client, when((int64_t)best->receipt_seen_s, b));
    }
    HM_TRY(needs(find, "the receipt's proof in a witnessed deliveries log would say when"));
    return found(find, HM_JUDGE_DELIVERED, verdict,
                 "delivered: bytes %s, to key %s; no witness says when", hex, best->client);
}

static enum hm_rc tell_window(struct find *find)
{
    const struct hm_judge *judge = find->judge;
    const struct hm_judge_delivery *best = find->best;
    size_t good = 0, bad = 0;

    for (size_t i = 0; i < judge->deliveries.count; i++) {
        const struct hm_judge_delivery *other = &judge->deliveries.items[i];

        if (other == best || !other->has_answer || !hm_digest_is_equal(&other->image, &best->image))
            continue;
        if (other->is_ack)
            good++;
        else
            bad++;
    }
    return HM_JUDGE_SAY(find->judge, HM_REPORT_NOTE, find->err,
                        "sent by '%s'; of other deliveries of the same image in these files, %zu "
                        "were acknowledged and %zu rejected",
                        best->edge, good, bad);
}

static enum hm_rc find_unpublished(struct find *find)
{
    char hex[HM_SHA256_HEX_SIZE];

    return found(
        find, HM_JUDGE_UNPUBLISHED,
        by_claim(find, HM_JUDGE_REFUTED, HM_JUDGE_UNTOLD, HM_JUDGE_PROVED, HM_JUDGE_REFUTED),
        "proved: the site served bytes that are no published release (SHA-256 %s)",
        hex_of(&find->best->image, hex));
}

static enum hm_rc find_rejected(struct find *find)
{
    const struct hm_judge_delivery *best = find->best;
    char hex[HM_SHA256_HEX_SIZE];

    if (hm_digest_is_equal(&best->received, &best->image) && best->received_length == best->length)
        return found(
            find, HM_JUDGE_REFUSED,
            by_claim(find, HM_JUDGE_PROVED, HM_JUDGE_REFUTED, HM_JUDGE_PROVED, HM_JUDGE_REFUTED),
            "rejected: key %s received the bytes that were meant, %s, and refused them "
            "(%s)",
            best->client, hex_of(&best->received, hex), hm_statement_reason_name(best->reason));
    HM_TRY(tell_window(find));
    HM_TRY(needs(find, "records of the transport and the server, what canaries received, and other "
                       "customers' results in the window"));
    return found(
        find, HM_JUDGE_CONTRADICTION,
        by_claim(find, HM_JUDGE_UNTOLD, HM_JUDGE_UNTOLD, HM_JUDGE_PROVED, HM_JUDGE_REFUTED),
        "contradiction: the site states that it meant the good digest, the customer that "
        "it received %s; signatures cannot settle it",
        hex_of(&best->received, hex));
}

static enum hm_rc find_offered(struct find *find)
{
    const struct hm_judge_delivery *best = find->best;
    char hex[HM_SHA256_HEX_SIZE];
    enum hm_judge_verdict verdict =
        by_claim(find, HM_JUDGE_UNTOLD, HM_JUDGE_UNTOLD, HM_JUDGE_UNTOLD, HM_JUDGE_REFUTED);

    HM_TRY(needs(find, "the customer's signed answer to the offer, or its receipt"));
    if (best->expires_s > find->judge->now_unix_s)
        HM_TRY(HM_JUDGE_SAY(find->judge, HM_REPORT_NOTE, find->err,
                            "the offer has not ended: it may still be answered"));
    return found(find, HM_JUDGE_UNACKNOWLEDGED, verdict,
                 "the site states under its key that it offered %s to credential %s; how much it "
                 "wrote to the connection no statement says; receipt not proved: not acknowledged "
                 "by %s's key",
                 hex_of(&best->image, hex), best->account, best->account);
}

static enum hm_rc find_alone(struct find *find)
{
    const struct hm_judge_delivery *best = find->best;

    if (!best->has_answer &&
        hm_judge_is_known_to_site(find->judge, &best->key, &best->request_hash)) {
        char at[HM_TIME_TEXT_SIZE];

        HM_TRY(HM_JUDGE_SAY(find->judge, HM_REPORT_GOOD, find->err,
                            "the site signed for a statement of this key that names the request, "
                            "or follows it: it has had it"));
        return found(
            find, HM_JUDGE_UNANSWERED,
            by_claim(find, HM_JUDGE_UNTOLD, HM_JUDGE_UNTOLD, HM_JUDGE_UNTOLD, HM_JUDGE_PROVED),
            "request made at %s, unanswered: withheld", when(best->request_time_s, at));
    }
    HM_TRY(needs(find, "the site's offer, or its signed head that names the statement"));
    return found(find, HM_JUDGE_CUSTOMER_ALONE, HM_JUDGE_UNTOLD,
                 "customer states it; site's participation not proved");
}

static enum hm_rc find_late(struct find *find)
{
    const struct hm_judge_delivery *best = find->best;
    char at[HM_TIME_TEXT_SIZE], seen[HM_TIME_TEXT_SIZE];

    (void)when(find->claim->at_unix_s, at);
    if (seen_of(best) == 0) {
        HM_TRY(needs(find, "a proof in the deliveries log that a witness saw by then"));
        return found(find, HM_JUDGE_LATE, HM_JUDGE_UNTOLD,
                     "evidence that no witness saw: not usable for the time %s", at);
    }
    HM_TRY(needs(find, "evidence that a witness saw by then"));
    return found(find, HM_JUDGE_LATE, HM_JUDGE_UNTOLD,
                 "evidence made after the fact (first witnessed at %s): not usable for the earlier "
                 "time %s",
                 when((int64_t)seen_of(best), seen), at);
}

static enum hm_rc find_revoked(struct find *find)
{
    const struct hm_judge_revoked *revoked = revoked_of(find->judge, find->best);
    char at[HM_TIME_TEXT_SIZE];

    HM_TRY(needs(find, "a receipt that a witness saw before the key was revoked"));
    return found(find, HM_JUDGE_REVOKED, HM_JUDGE_UNTOLD,
                 "key %s was revoked at %s, and no witness saw the delivery before: it does not "
                 "count",
                 find->best->client, when(revoked->since_s, at));
}

/* By the delivery that says most. */
static enum hm_rc find_by_delivery(struct find *find)
{
    const struct hm_judge_delivery *best = find->best;
    bool is_known, is_listed;

    if (best->has_answer && is_revoked(find->judge, best))
        return find_revoked(find);
    if (best->has_offer && is_late(find, best))
        return find_late(find);
    if (!best->has_offer)
        return find_alone(find);
    HM_TRY(look_at_image(find, best, &is_known, &is_listed));
    if (is_known && !is_listed && best->has_answer &&
        hm_digest_is_equal(&best->received, &best->image))
        return find_unpublished(find);
    if (is_known && is_listed)
        HM_TRY(HM_JUDGE_SAY(find->judge, HM_REPORT_GOOD, find->err,
                            "the log has these bytes under '%s': they are published", best->path));
    if (!best->has_answer)
        return find_offered(find);
    return best->is_ack ? find_delivered(find) : find_rejected(find);
}

static enum hm_rc find_absent(struct find *find)
{
    const struct hm_judge_state *state = &find->absent->state;
    char at[HM_TIME_TEXT_SIZE];

    if (find->claim->has_at &&
        (find->claim->at_unix_s < 0 || state->earliest_s < (uint64_t)find->claim->at_unix_s)) {
        HM_TRY(needs(find, "absence as of a state of the log that a witness saw at that time or "
                           "later"));
        return found(find, HM_JUDGE_NO_SUCH_RELEASE, HM_JUDGE_UNTOLD,
                     "no such release up to size %llu at %s; what came later this does not say",
                     HM_JUDGE_NUMBER(state->size), when((int64_t)state->earliest_s, at));
    }
    return found(
        find, HM_JUDGE_NO_SUCH_RELEASE,
        by_claim(find, HM_JUDGE_REFUTED, HM_JUDGE_PROVED, HM_JUDGE_REFUTED, HM_JUDGE_REFUTED),
        "no such release up to size %llu at %s", HM_JUDGE_NUMBER(state->size),
        state->earliest_s == 0 ? "no witnessed time" : when((int64_t)state->earliest_s, at));
}

static enum hm_rc find_nothing(struct find *find)
{
    const struct hm_judge *judge = find->judge;

    for (size_t i = 0; find->claim->release != NULL && i < judge->evidence.count; i++) {
        const struct hm_evidence *evidence = judge->evidence.items[i].evidence;

        if (evidence->kind == HM_EVIDENCE_PUBLISHED &&
            strcmp(evidence->path, find->claim->release) == 0)
            HM_TRY(HM_JUDGE_SAY(find->judge, HM_REPORT_NOTE, find->err,
                                "'%s' is published; there is no delivery evidence for '%s'",
                                evidence->path, find->claim->customer));
    }
    HM_TRY(needs(find, "a delivery file of this customer and release, from either side"));
    return found(find, HM_JUDGE_NOTHING, HM_JUDGE_UNTOLD, "no evidence either way");
}

/* Does the first fork concern the claim's customer? */
static bool is_forked(const struct find *find)
{
    const struct hm_judge_event *event = find->judge->fork[0];

    return event != NULL && event->account != NULL &&
           strcmp(event->account, find->claim->customer) == 0;
}

static enum hm_rc find_fork(struct find *find)
{
    const struct hm_judge_event *event = find->judge->fork[0];

    HM_TRY(needs(find, "which of the two statements counts, no signature says"));
    return found(find, HM_JUDGE_EQUIVOCATION, HM_JUDGE_UNTOLD,
                 "key %s signed two statements for place %llu of epoch %llu: whoever holds it "
                 "equivocated, and the two are portable proof",
                 event->client, HM_JUDGE_NUMBER(event->place.counter),
                 HM_JUDGE_NUMBER(event->place.epoch));
}

static enum hm_rc decide(struct find *find)
{
    HM_TRY(look_for_absence(find));
    HM_TRY(look_at_deliveries(find));
    HM_TRY(tell_reuse(find));
    if (is_forked(find))
        return find_fork(find);
    /* What was offered under a label that the log does not have is judged by what was offered. */
    if (find->absent != NULL && (find->best == NULL || !find->best->has_offer))
        return find_absent(find);
    if (find->best != NULL)
        return find_by_delivery(find);
    return find_nothing(find);
}

/* ---- the way in ---- */

static enum hm_rc check_claim(const struct hm_judge_claim *claim, struct hm_err *err)
{
    if (claim->customer == NULL || !hm_text_is_utf8(hm_bytes_str(claim->customer)) ||
        claim->customer[0] == '\0')
        return hm_fail(err, HM_EUSAGE, "a claim is about a customer");
    if ((claim->release == NULL) == !claim->has_image)
        return hm_fail(err, HM_EUSAGE, "a claim is about a release or an image: name one");
    if (claim->release != NULL && (strchr(claim->release, '/') == NULL ||
                                   strchr(strchr(claim->release, '/') + 1, '/') == NULL))
        return hm_fail(err, HM_EUSAGE, "'%s' is no release: give MAKER/PRODUCT/VERSION",
                       claim->release);
    return HM_OK;
}

static enum hm_rc word_claim(const struct hm_judge_claim *claim, struct hm_err *err,
                             struct hm_buf *ret_text)
{
    static const char *const words[] = {[HM_JUDGE_RECEIVED] = "received",
                                        [HM_JUDGE_NEVER_RECEIVED] = "never received",
                                        [HM_JUDGE_REJECTED] = "rejected",
                                        [HM_JUDGE_WITHHELD] = "asked for and did not get"};
    char hex[HM_SHA256_HEX_SIZE], at[HM_TIME_TEXT_SIZE];
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(TEXT_SIZE_MAX);
    const char *what = claim->release != NULL ? claim->release : hex_of(&claim->image, hex);

    HM_TRY(
        hm_buf_append_fmt(&text, err, "'%s' %s '%s'", claim->customer, words[claim->kind], what));
    if (claim->has_at)
        HM_TRY(hm_buf_append_fmt(&text, err, ", as of %s", when(claim->at_unix_s, at)));
    return hm_text_escape(ret_text, hm_buf_bytes(&text), err);
}

/* The statement of one place, with the key note beside it. */
static enum hm_rc prove_fork(struct hm_judge *judge, size_t i, struct hm_err *err,
                             struct hm_bytes *ret_file)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    const struct hm_judge_event *event = judge->fork[i];

    HM_TRY(hm_delivery_file_put(&file, HM_DELIVERY_PART_KEY, event->key_note, err));
    HM_TRY(hm_delivery_file_put(&file, event->part, event->note, err));
    HM_TRY(hm_delivery_file_write(&file, err, &text));
    return hm_arena_copy(&judge->arena, hm_buf_bytes(&text), err, ret_file);
}

static enum hm_rc keep(struct hm_judge *judge, const struct hm_buf *text, struct hm_err *err,
                       const char **ret_text)
{
    *ret_text = hm_arena_strdup(&judge->arena, hm_buf_bytes(text));
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

static void find_done(struct find *find)
{
    hm_buf_done(&find->text);
    hm_buf_done(&find->needed);
}

enum hm_rc hm_judge_decide(struct hm_judge *judge, const struct hm_judge_claim *claim,
                           struct hm_err *err, struct hm_judge_answer *ret_answer)
{
    _hm_done_(find_done) struct find find = {.judge = judge,
                                             .claim = claim,
                                             .err = err,
                                             .text = HM_BUF_INIT(TEXT_SIZE_MAX),
                                             .needed = HM_BUF_INIT(TEXT_SIZE_MAX)};
    _hm_done_(hm_buf_done) struct hm_buf words = HM_BUF_INIT(TEXT_SIZE_MAX);

    HM_TRY(check_claim(claim, err));
    HM_TRY(word_claim(claim, err, &words));
    HM_TRY(hm_judge_order(judge, err));
    HM_TRY(decide(&find));
    if (judge->gap_count > 0)
        HM_TRY(needs(&find, "the statements that are missing in the order of a key"));
    HM_TRY(keep(judge, &words, err, &find.answer.claim));
    HM_TRY(keep(judge, &find.text, err, &find.answer.text));
    if (find.needed.size > 0)
        HM_TRY(keep(judge, &find.needed, err, &find.answer.needed));
    for (size_t i = 0; judge->fork[0] != NULL && i < 2; i++)
        HM_TRY(prove_fork(judge, i, err, &find.answer.fork[i]));
    find.answer.delivery_count = judge->deliveries.count;
    find.answer.bad_count = judge->bad_count;
    find.answer.gap_count = judge->gap_count;
    find.answer.fork_count = judge->fork_count;
    *ret_answer = find.answer;
    return HM_OK;
}
