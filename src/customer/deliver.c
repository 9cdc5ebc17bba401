/* SPDX-License-Identifier: Apache-2.0 */
/* One image's delivery, step by step. See deliver.h. */
#include "customer/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"
#include "customer/deliver_session.h"
#include "customer/release_log.h"

#define PROGRAM   "hallmark/" HM_VERSION
#define TRIES_MAX 3 /* of one statement: another epoch, and another key */

static const struct hm_delivery_record no_record = HM_DELIVERY_RECORD_INIT;

static void tell(const struct hm_get_events *events, const char *sentence)
{
    if (events->notice != NULL)
        events->notice(events->ctx, sentence);
}

enum hm_rc hm_deliver_is_wanted(const struct hm_subscription *subscription, struct hm_err *err,
                                bool *ret_wanted)
{
    _hm_free_(hm_site_deliveries_free) struct hm_site_deliveries *site = NULL;
    const struct hm_policy *policy = &subscription->policy;
    const char *lack = NULL;

    *ret_wanted = false;
    if (policy->deliveries == HM_POLICY_DELIVERIES_NEVER || subscription->bundle != NULL)
        return HM_OK;
    HM_TRY(hm_site_deliveries_parse(hm_client_root(subscription->client), err, &site));
    if (site->key == NULL)
        lack = "its root names no deliveries";
    else if (policy->token == NULL)
        lack = "there is no token for it ('hallmark trust policy --token-file')";
    else if (subscription->log == NULL || subscription->log->proof == NULL)
        lack = "it keeps no release log";
    else
        *ret_wanted = true;
    if (lack == NULL || policy->deliveries != HM_POLICY_DELIVERIES_REQUIRE)
        return HM_OK;
    return hm_fail(err, HM_EREFUSED,
                   "your policy requires an offer for each download from '%s', and %s",
                   subscription->name, lack);
}

/* ---- what an earlier run left ---------------------------------------------------------------- */

/* The delivery of slot that is under way, as far as this key can go on with it; what cannot is put
 * away. *ret_record stays empty where there is none. */
static enum hm_rc find_open(struct hm_deliver_session *session, const struct hm_sha256 *slot,
                            struct hm_err *err, struct hm_delivery_record *ret_record)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    const struct hm_sha256 *name;
    enum hm_rc rc = hm_delivery_store_read(&session->dir, HM_DELIVERY_OPEN, slot, err, &file);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    rc = hm_deliver_session_verify(session, &file, err, &record);
    if (rc == HM_OK && record.delivery.state == HM_DELIVERY_OFFERED &&
        record.delivery.offer.expires_unix_s > session->owner.now_unix_s &&
        hm_note_key_is_same(record.client, session->key.key)) {
        *ret_record = record;
        record = no_record;
        return HM_OK;
    }
    /* Its offer has ended, it was refused, or site or client have other keys since: the file is
     * named by its request where that is known (the order looks for it by that name, or would send
     * it again), else by its slot. */
    name = rc == HM_OK                                      ? &record.delivery.request_hash
           : hm_digest_is_equal(slot, &session->order.slot) ? &session->order.request
                                                            : slot;
    return hm_delivery_store_move(&session->dir, HM_DELIVERY_OPEN, slot, HM_DELIVERY_CLOSED, name,
                                  err);
}

/* ---- the request ----------------------------------------------------------------------------- */

static enum hm_rc make_nonce(struct hm_err *err, struct hm_sha256 *ret_nonce)
{
    ssize_t got;

    do
        got = getrandom(ret_nonce->bytes, sizeof(ret_nonce->bytes), 0);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof(ret_nonce->bytes)
               ? HM_OK
               : hm_fail(err, HM_EINTERNAL, "the system gives no random bytes");
}

static enum hm_rc make_request(const struct hm_deliver_session *session,
                               const struct hm_catalogue_item *item,
                               const struct hm_release_proof *proof, struct hm_err *err,
                               struct hm_statement *ret_request)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_subscription *subscription = session->subscription;
    const struct hm_log_standing *standing = &subscription->log->standing;
    struct hm_bytes path = item->file.path.whole;

    *ret_request = (struct hm_statement){.kind = HM_STATEMENT_REQUEST,
                                         .account = session->owner.account,
                                         .entry_index = proof->where->release_index,
                                         .image = item->file.sha256,
                                         .length = item->file.length,
                                         .checkpoint_size = standing->size,
                                         .checkpoint_root = standing->root};
    ret_request->path = hm_arena_strdup(&subscription->arena, path);
    if (ret_request->path == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_merkle_leaf(digest, proof->where->release, err, &ret_request->entry));
    return make_nonce(err, &ret_request->nonce);
}

/* The version as it is printed: the release's label, or its version. */
static enum hm_rc check_label(const struct hm_catalogue_item *item,
                              const struct hm_release_proof *proof, const char *label,
                              struct hm_err *err)
{
    const char *is = proof->release->label;

    if (is != NULL ? strcmp(label, is) == 0 : hm_bytes_is_str(item->file.path.version, label))
        return HM_OK;
    return hm_fail(err, HM_EMISMATCH,
                   "the site's offer of '%.*s' cannot be right: its label is '%s', and the "
                   "release's is '%.*s'",
                   HM_BYTES_FMT(item->file.path.whole), label,
                   is != NULL ? (int)strlen(is) : (int)item->file.path.version.size,
                   is != NULL ? is : (const char *)item->file.path.version.data);
}

/* Statements that have no place in the order that the site knows are made again. */
static enum hm_rc send(struct hm_deliver_session *session, struct hm_statement *statement,
                       const struct hm_sha256 *slot, const struct hm_sha256 *request,
                       struct hm_err *err, enum hm_deliver_sent *ret_sent)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        HM_TRY(hm_deliver_session_send(session, statement, slot, request, err, ret_sent));
        if (*ret_sent != HM_DELIVER_AGAIN)
            return HM_OK;
    }
    return hm_fail(err, HM_EREFUSED,
                   "the site takes no statement of this machine's key, whatever its place; ask "
                   "the site");
}

static enum hm_rc ask_offer(struct hm_deliver_session *session,
                            const struct hm_catalogue_item *item,
                            const struct hm_release_proof *proof, const struct hm_sha256 *slot,
                            struct hm_err *err, struct hm_delivery_record *ret_record)
{
    enum hm_deliver_sent sent = HM_DELIVER_REFUSED;
    struct hm_statement request;

    HM_TRY(make_request(session, item, proof, err, &request));
    HM_TRY(send(session, &request, slot, NULL, err, &sent));
    return sent == HM_DELIVER_ANSWERED ? find_open(session, slot, err, ret_record) : HM_OK;
}

HM_NOINLINE static enum hm_rc get_offer(struct hm_deliver_session *session,
                                        const struct hm_catalogue_item *item,
                                        const struct hm_release_proof *proof, struct hm_err *err,
                                        struct hm_deliver_grant *ret_grant)
{
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    const struct hm_sha256 *slot = &ret_grant->slot;
    enum hm_rc rc;

    HM_TRY(find_open(session, slot, err, &record));
    if (record.client == NULL)
        HM_TRY(ask_offer(session, item, proof, slot, err, &record));
    if (record.client == NULL)
        return HM_OK;
    rc = check_label(item, proof, record.delivery.offer.label, err);
    if (rc != HM_OK) {
        HM_TRY(hm_delivery_store_move(&session->dir, HM_DELIVERY_OPEN, slot, HM_DELIVERY_CLOSED,
                                      &record.delivery.request_hash, NULL));
        return rc;
    }
    hm_text_hex(hm_bytes_make(record.delivery.offer_hash.bytes, HM_SHA256_SIZE), ret_grant->offer);
    ret_grant->is_offered = true;
    return HM_OK;
}

/* ---- without an offer ------------------------------------------------------------------------ */

/* A line of "unsigned": what was downloaded, and why nobody signed for it. */
static enum hm_rc record_unsigned(const struct hm_catalogue_item *item, const char *why,
                                  struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(65536);
    char when[HM_TIME_TEXT_SIZE], hex[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_dir_open_at(&item->subscription->dir, HM_DELIVER_FOLDER, true, err, &dir));
    hm_time_format(hm_time_now_unix_s(), when);
    hm_text_hex(hm_bytes_make(item->file.sha256.bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_fmt(&line, err, "%s %.*s %s %llu ", when,
                             HM_BYTES_FMT(item->file.path.whole), hex,
                             (unsigned long long)item->file.length));
    HM_TRY(hm_text_escape(&line, hm_bytes_str(why), err));
    HM_TRY(hm_buf_append_byte(&line, '\n', err));
    fd = openat(dir.fd, HM_DELIVER_UNSIGNED, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                0600);
    /* One write: a line is whole or, after a crash, the last one is cut, which readers pass over.
     */
    if (fd < 0 || write(fd, line.data, line.size) != (ssize_t)line.size || fdatasync(fd) != 0)
        return hm_error_errno(err, errno, "cannot write '%s/" HM_DELIVER_UNSIGNED "'", dir.path);
    return HM_OK;
}

/* The site gave no offer: what policy says to that. */
HM_NOINLINE static enum hm_rc go_without(const struct hm_catalogue_item *item, enum hm_rc why_rc,
                                         const struct hm_err *why,
                                         const struct hm_get_events *events, struct hm_err *err)
{
    struct hm_err notice = HM_ERR_INIT;

    if (item->subscription->policy.deliveries == HM_POLICY_DELIVERIES_REQUIRE)
        return hm_fail(err, why_rc,
                       "'%.*s' is not downloaded, as your policy requires an offer: %s",
                       HM_BYTES_FMT(item->file.path.whole), why->text);
    (void)hm_fail(&notice, why_rc,
                  "'%.*s' is downloaded without a signed offer, and recorded so: %s",
                  HM_BYTES_FMT(item->file.path.whole), why->text);
    tell(events, notice.text);
    return record_unsigned(item, why->text, err);
}

static bool is_silence(enum hm_rc rc)
{
    return rc == HM_ENETWORK || rc == HM_ENOTFOUND;
}

enum hm_rc hm_deliver_begin(const struct hm_catalogue_item *item,
                            const struct hm_release_proof *proof,
                            const struct hm_get_events *events, struct hm_err *err,
                            struct hm_deliver_grant *ret_grant)
{
    _hm_done_(hm_deliver_session_done) struct hm_deliver_session session = {.dir = HM_DIR_INIT,
                                                                            .lock = HM_LOCK_INIT};
    struct hm_deliver_grant grant = {.is_offered = false};
    struct hm_err why = HM_ERR_INIT;
    bool is_wanted = false;
    enum hm_rc rc;

    HM_TRY(hm_deliver_is_wanted(item->subscription, err, &is_wanted));
    *ret_grant = grant;
    if (!is_wanted)
        return HM_OK;
    HM_TRY(hm_delivery_store_slot(item->file.path.whole, &item->file.sha256, err, &grant.slot));
    rc = hm_deliver_session_open(item->subscription, &why, &session);
    if (rc == HM_OK)
        rc = get_offer(&session, item, proof, &why, &grant);
    if (rc == HM_OK && !grant.is_offered)
        rc = hm_fail(&why, HM_ENETWORK, "%s", session.refusal);
    if (rc == HM_OK) {
        *ret_grant = grant;
        return HM_OK;
    }
    if (is_silence(rc))
        return go_without(item, rc, &why, events, err);
    return hm_fail(err, rc, "%s", why.text);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Signs and sends the answer; statement has its kind and what was received. *ret_sent as sent. */
HM_NOINLINE static enum hm_rc answer(struct hm_subscription *subscription,
                                     const struct hm_sha256 *slot, struct hm_statement *statement,
                                     struct hm_err *err, enum hm_deliver_sent *ret_sent,
                                     const char **ret_refusal)
{
    _hm_done_(hm_deliver_session_done) struct hm_deliver_session session = {.dir = HM_DIR_INIT,
                                                                            .lock = HM_LOCK_INIT};
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;

    HM_TRY(hm_deliver_session_open(subscription, err, &session));
    HM_TRY(find_open(&session, slot, err, &record));
    *ret_sent = HM_DELIVER_ANSWERED;
    /* Another command has answered, or the offer has ended. */
    if (record.client == NULL)
        return HM_OK;
    statement->offer = record.delivery.offer_hash;
    statement->program = PROGRAM;
    for (int i = 0; i < TRIES_MAX; i++) {
        HM_TRY(hm_deliver_session_send(&session, statement, slot, &record.delivery.request_hash,
                                       err, ret_sent));
        if (*ret_sent != HM_DELIVER_AGAIN)
            break;
        /* Only the key that asked can answer. */
        if (!hm_note_key_is_same(record.client, session.key.key)) {
            *ret_sent = HM_DELIVER_REFUSED;
            session.refusal = "this machine has another key since it asked";
            break;
        }
    }
    *ret_refusal = session.refusal;
    return HM_OK;
}

enum hm_rc hm_deliver_acknowledge(const struct hm_catalogue_item *item,
                                  const struct hm_deliver_grant *grant,
                                  const struct hm_get_events *events, struct hm_err *err)
{
    struct hm_statement ack = {
        .kind = HM_STATEMENT_ACK, .image = item->file.sha256, .length = item->file.length};
    enum hm_deliver_sent sent = HM_DELIVER_ANSWERED;
    struct hm_err why = HM_ERR_INIT, notice = HM_ERR_INIT;
    const char *refusal = NULL;
    enum hm_rc rc;

    if (!grant->is_offered)
        return HM_OK;
    rc = answer(item->subscription, &grant->slot, &ack, &why, &sent, &refusal);
    if (rc != HM_OK && !is_silence(rc))
        return hm_fail(err, rc, "'%.*s' is in place; %s", HM_BYTES_FMT(item->file.path.whole),
                       why.text);
    if (rc == HM_OK && sent == HM_DELIVER_ANSWERED)
        return HM_OK;
    (void)hm_fail(&notice, HM_ENETWORK, "'%.*s' is in place, and the site gave no receipt%s: %s",
                  HM_BYTES_FMT(item->file.path.whole),
                  rc == HM_OK ? "" : " yet; the next run asks again",
                  rc == HM_OK ? refusal : why.text);
    tell(events, notice.text);
    return HM_OK;
}

enum hm_rc hm_deliver_reject(const struct hm_catalogue_item *item,
                             const struct hm_deliver_grant *grant, const struct hm_sha256 *sha256,
                             uint64_t length, const struct hm_get_events *events,
                             struct hm_err *err, const char **ret_words)
{
    struct hm_statement reject = {.kind = HM_STATEMENT_REJECT,
                                  .reason = length == item->file.length ? HM_STATEMENT_DIGEST
                                                                        : HM_STATEMENT_LENGTH,
                                  .image = *sha256,
                                  .length = length};
    enum hm_deliver_sent sent = HM_DELIVER_ANSWERED;
    struct hm_err why = HM_ERR_INIT;
    const char *refusal = NULL;
    enum hm_rc rc;

    *ret_words = "";
    if (!grant->is_offered)
        return HM_OK;
    rc = answer(item->subscription, &grant->slot, &reject, &why, &sent, &refusal);
    if (rc == HM_OK && sent == HM_DELIVER_ANSWERED) {
        *ret_words = "; a signed rejection was sent, and the site gave its receipt";
        return HM_OK;
    }
    *ret_words = rc == HM_OK ? "; the site refused the signed rejection, which is kept"
                             : "; the signed rejection is sent again by the next run";
    if (rc != HM_OK && !is_silence(rc))
        return hm_fail(err, rc, "%s", why.text);
    tell(events, rc == HM_OK ? refusal : why.text);
    return HM_OK;
}

/* ---- later ----------------------------------------------------------------------------------- */

enum hm_rc hm_deliver_held(const struct hm_catalogue_item *item, const struct hm_get_events *events,
                           struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct hm_deliver_grant grant = {.is_offered = true};
    bool is_wanted = false;

    if (hm_dir_open_at(&item->subscription->dir, HM_DELIVER_FOLDER, false, NULL, &dir) != HM_OK)
        return HM_OK; /* there never was a delivery */
    HM_TRY(hm_delivery_store_slot(item->file.path.whole, &item->file.sha256, err, &grant.slot));
    if (!hm_delivery_store_has(&dir, HM_DELIVERY_OPEN, &grant.slot))
        return HM_OK;
    HM_TRY(hm_deliver_is_wanted(item->subscription, err, &is_wanted));
    return is_wanted ? hm_deliver_acknowledge(item, &grant, events, err) : HM_OK;
}

enum hm_rc hm_deliver_settle(struct hm_subscription *subscription,
                             const struct hm_get_events *events, struct hm_err *err)
{
    _hm_done_(hm_deliver_session_done) struct hm_deliver_session session = {.dir = HM_DIR_INIT,
                                                                            .lock = HM_LOCK_INIT};
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_sha256 *slots = NULL;
    size_t count = 0;

    HM_TRY(hm_deliver_session_open(subscription, err, &session));
    if (session.refusal != NULL)
        tell(events, session.refusal);
    HM_TRY(hm_delivery_store_list(&session.dir, HM_DELIVERY_OPEN, &arena, err, &slots, &count));
    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
            HM_DELIVERY_RECORD_INIT;

        HM_TRY(find_open(&session, &slots[i], err, &record));
    }
    return HM_OK;
}
