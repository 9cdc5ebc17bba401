/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on their way to the site, one after another. See deliver_session.h. */
#include "customer/deliver_session.h"

#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "customer/delivery_sites.h"
#include "net/post.h"

#define URL_SIZE_MAX 16384
#define REFUSED      "refused" /* notes of the site that cannot be right, kept as they came */
#define SENTENCE_MAX 300       /* of a refusal's body, for people */

struct hm_deliver_link {
    struct hm_site_deliveries *site;
    struct hm_post_options options;
    struct hm_post *post; /* NULL until the first request */
    bool is_down;         /* the site did not answer in this run */
};

void hm_deliver_session_link_free(struct hm_deliver_link *link)
{
    if (link == NULL)
        return;
    hm_post_free(link->post);
    hm_site_deliveries_free(link->site);
    free(link);
}

/* ---- to the site and back ---- */

struct answer {
    unsigned status;
    bool is_text; /* by its type: the site's server itself has answered */
    struct hm_buf body;
};

static void answer_done(struct answer *answer)
{
    hm_buf_done(&answer->body);
}

static enum hm_rc wait_answer(struct hm_post *post, struct hm_err *err, struct answer *ret_answer)
{
    struct hm_post_answer got;
    enum hm_rc rc;

    do
        rc = hm_post_wait(post, HM_DELIVER_DEADLINE_MS, err, &got);
    while (rc == HM_EAGAIN); /* the request's own deadline ends it */
    HM_TRY(rc);
    if (got.rc != HM_OK)
        return hm_fail(err, got.rc, "%s", got.err.text);
    if (got.is_cut)
        return hm_fail(err, HM_ENETWORK, "the site answers with more than %d bytes",
                       HM_DELIVERY_FILE_PART_SIZE_MAX);
    ret_answer->status = got.status;
    ret_answer->is_text = strncmp(got.type, "text/plain", sizeof("text/plain") - 1) == 0;
    hm_buf_clear(&ret_answer->body);
    return hm_buf_append(&ret_answer->body, got.body, err);
}

/* The first line of what a site says, fit to be shown. */
static void say(const struct answer *answer, struct hm_buf *ret_text)
{
    struct hm_bytes body = hm_buf_bytes(&answer->body);
    const uint8_t *end = body.size == 0 ? NULL : memchr(body.data, '\n', body.size);
    size_t size = end == NULL ? body.size : (size_t)(end - body.data);
    HM_UNUSED enum hm_rc rc = hm_text_escape(
        ret_text, hm_bytes_make(body.data, size < SENTENCE_MAX ? size : SENTENCE_MAX), NULL);
}

/* The site is there, and can do nothing now: said as such, and remembered for this run. */
static enum hm_rc check_status(struct hm_deliver_session *session, const struct answer *answer,
                               struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf words = HM_BUF_INIT(8 * SENTENCE_MAX);

    if (answer->status == 200 || (answer->is_text && answer->status < 500 && answer->status != 429))
        return HM_OK;
    session->link->is_down = true;
    if (answer->is_text)
        say(answer, &words);
    return hm_fail(err, HM_ENETWORK, "the site takes no deliveries now (status %u)%s%s",
                   answer->status, words.size > 0 ? ": " : "", hm_buf_str(&words));
}

static enum hm_rc ask(struct hm_deliver_session *session, const char *path, struct hm_bytes body,
                      struct hm_err *err, struct answer *ret_answer)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    struct hm_post_request request = {.content_type = "text/plain; charset=utf-8",
                                      .body = body,
                                      .answer_size_max = HM_DELIVERY_FILE_PART_SIZE_MAX,
                                      .deadline_ms = HM_DELIVER_DEADLINE_MS};
    enum hm_rc rc;

    HM_TRY(hm_fetch_url_join(session->subscription->policy.url, path, err, &url));
    if (session->link->post == NULL)
        HM_TRY(hm_post_new(&session->link->options, err, &session->link->post));
    request.url = hm_buf_str(&url);
    rc = hm_post_start(session->link->post, &request, err);
    if (rc == HM_OK)
        rc = wait_answer(session->link->post, err, ret_answer);
    if (rc == HM_ENETWORK)
        session->link->is_down = true;
    HM_TRY(rc);
    return check_status(session, ret_answer, err);
}

/* ---- the site's own words ---- */

/* Keeps what the site said and cannot be right, for whoever asks it later. */
static void keep_refused(const struct hm_deliver_session *session, struct hm_bytes raw)
{
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    struct hm_sha256 hash;
    char hex[HM_SHA256_HEX_SIZE];

    /* Best effort: the failure that led here is what the user is told. */
    if (hm_dir_open_at(&session->dir, REFUSED, true, NULL, &folder) != HM_OK ||
        hm_digest_sha256(raw, NULL, &hash) != HM_OK)
        return;
    hm_text_hex(hm_bytes_make(hash.bytes, HM_SHA256_SIZE), hex);
    HM_UNUSED enum hm_rc rc = hm_file_replace(&folder, hex, 0600, raw, NULL);
}

static enum hm_rc fail_lie(const struct hm_deliver_session *session, const struct answer *answer,
                           enum hm_rc rc, const char *what, struct hm_err *err)
{
    keep_refused(session, hm_buf_bytes(&answer->body));
    return hm_error_prefix(err, rc,
                           "the site's %s cannot be right, and is kept in '%s/" REFUSED "'", what,
                           session->dir.path);
}

static enum hm_rc read_head(struct hm_deliver_session *session, const struct answer *answer,
                            struct hm_err *err, struct hm_delivery_place *ret_head)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_statement head;
    struct hm_sha256 hash;

    HM_TRY(hm_statement_verify(hm_buf_bytes(&answer->body), session->site->key, &arena, err, &head,
                               &hash));
    if (head.kind != HM_STATEMENT_HEAD)
        return hm_fail(err, HM_EMISMATCH, "it is a '%s'", hm_statement_kind_name(head.kind));
    if (strcmp(head.site, session->owner.site) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is of site '%s'", head.site);
    if (strcmp(head.client, session->key.key->name) != 0)
        return hm_fail(err, HM_EMISMATCH, "it is of the client '%s'", head.client);
    *ret_head =
        (struct hm_delivery_place){head.event.epoch, head.event.counter, head.event.previous};
    return HM_OK;
}

/* ---- key ---- */

static enum hm_rc fail_refused(const struct answer *answer, const char *what, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf words = HM_BUF_INIT(8 * SENTENCE_MAX);

    say(answer, &words);
    return hm_fail(err, HM_EREFUSED, "the site refuses %s (%u): %s", what, answer->status,
                   words.size > 0 ? hm_buf_str(&words) : "it does not say why");
}

static enum hm_rc enrol(struct hm_deliver_session *session, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX);
    _hm_done_(answer_done) struct answer answer = {.body =
                                                       HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX)};
    enum hm_rc rc;

    HM_TRY(hm_delivery_key_write(&session->key, err, &note));
    HM_TRY(ask(session, "delivery/key", hm_buf_bytes(&note), err, &answer));
    if (answer.status != 200)
        return fail_refused(&answer, "this machine's key", err);
    rc = hm_delivery_key_enrol(&session->key, &session->dir, &session->owner,
                               hm_buf_bytes(&answer.body), err);
    return rc == HM_OK ? HM_OK
                       : fail_lie(session, &answer, rc, "answer to this machine's key", err);
}

/* ---- answers ---- */

static enum hm_rc put_own(struct hm_deliver_session *session, struct hm_delivery_file *file,
                          struct hm_err *err)
{
    const struct hm_delivery_order *order = &session->order;

    if (order->kind == HM_DELIVERY_PART_REQUEST)
        HM_TRY(hm_delivery_file_put(file, HM_DELIVERY_PART_KEY, hm_buf_bytes(&session->key.note),
                                    err));
    else
        HM_TRY(hm_delivery_store_read(&session->dir, HM_DELIVERY_OPEN, &order->slot, err, file));
    return hm_delivery_file_put(file, order->kind, order->note, err);
}

/* The statement of the order is no longer on its way. */
static void settle_own(struct hm_deliver_session *session, bool is_known)
{
    session->order.has_pending = false;
    if (is_known)
        session->order.known = session->order.last;
}

/* The offer or receipt is what was asked for, in all it says. */
static enum hm_rc check_given(const struct hm_deliver_session *session,
                              const struct hm_delivery_file *file, struct hm_err *err)
{
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    char end[HM_TIME_TEXT_SIZE];

    HM_TRY(hm_deliver_session_verify(session, file, err, &record));
    if (session->order.kind != HM_DELIVERY_PART_REQUEST ||
        record.delivery.offer.expires_unix_s > session->owner.now_unix_s)
        return HM_OK;
    hm_time_format(record.delivery.offer.expires_unix_s, end);
    return hm_fail(err, HM_EEXPIRED, "the offer: it ended at %s, before it came", end);
}

/* Without an answer for good: what was signed is kept. */
static enum hm_rc close_refused(struct hm_deliver_session *session, struct hm_err *err)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    struct hm_delivery_order *order = &session->order;

    HM_TRY(put_own(session, &file, err));
    HM_TRY(hm_delivery_store_write(&session->dir, HM_DELIVERY_OPEN, &order->slot, &file, err));
    HM_TRY(hm_delivery_store_move(&session->dir, HM_DELIVERY_OPEN, &order->slot, HM_DELIVERY_CLOSED,
                                  &order->request, err));
    settle_own(session, false);
    return hm_delivery_order_write(order, &session->dir, err);
}

static enum hm_rc take_given(struct hm_deliver_session *session, const struct answer *answer,
                             struct hm_err *err)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    struct hm_delivery_order *order = &session->order;
    bool is_request = order->kind == HM_DELIVERY_PART_REQUEST;
    const char *what = is_request ? "offer" : "receipt";
    enum hm_rc rc;

    HM_TRY(put_own(session, &file, err));
    rc = hm_delivery_file_put(&file, is_request ? HM_DELIVERY_PART_OFFER : HM_DELIVERY_PART_RECEIPT,
                              hm_buf_bytes(&answer->body), err);
    if (rc == HM_OK)
        rc = check_given(session, &file, err);
    if (rc != HM_OK) {
        /* Told once, and nothing of it is sent again: the next delivery is another matter. */
        HM_TRY(close_refused(session, NULL));
        return fail_lie(session, answer, rc, what, err);
    }
    HM_TRY(hm_delivery_store_write(&session->dir, HM_DELIVERY_OPEN, &order->slot, &file, err));
    if (!is_request)
        HM_TRY(hm_delivery_store_move(&session->dir, HM_DELIVERY_OPEN, &order->slot,
                                      HM_DELIVERY_NEW, &order->request, err));
    settle_own(session, true);
    return HM_OK;
}

static enum hm_rc take_head(struct hm_deliver_session *session, const struct answer *answer,
                            struct hm_err *err)
{
    struct hm_delivery_place head = {0};
    enum hm_rc rc = read_head(session, answer, err, &head);

    if (rc == HM_OK)
        rc = hm_delivery_order_check_head(&session->order, &head, err);
    if (rc != HM_OK)
        return fail_lie(session, answer, rc, "head", err);
    rc = hm_delivery_order_follow(&session->order, &head, err);
    if (rc != HM_EAGAIN)
        return rc;
    /* Nothing more can be signed with this key that the site would take. */
    HM_TRY(hm_delivery_key_retire(&session->dir, err));
    hm_delivery_key_done(&session->key);
    hm_delivery_order_done(&session->order);
    HM_TRY(hm_delivery_key_open(&session->dir, &session->owner, err, &session->key));
    return enrol(session, err);
}

static enum hm_rc note_refusal(struct hm_deliver_session *session, const struct answer *answer,
                               struct hm_err *err)
{
    bool is_request = session->order.kind == HM_DELIVERY_PART_REQUEST;
    struct hm_err why = HM_ERR_INIT;

    (void)fail_refused(answer, is_request ? "this delivery" : "the answer to its offer", &why);
    session->refusal = hm_arena_strdup(&session->subscription->arena, hm_bytes_str(why.text));
    return session->refusal == NULL ? hm_error_nomem(err) : HM_OK;
}

static enum hm_rc send_pending(struct hm_deliver_session *session, struct hm_err *err,
                               enum hm_deliver_sent *ret_sent)
{
    _hm_done_(answer_done) struct answer answer = {.body =
                                                       HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX)};
    bool is_request = session->order.kind == HM_DELIVERY_PART_REQUEST;
    const char *path = is_request ? "delivery/request" : "delivery/answer";

    HM_TRY(ask(session, path, session->order.note, err, &answer));
    if (answer.status == 401 && answer.body.size >= sizeof("unknown key") - 1 &&
        memcmp(answer.body.data, "unknown key", sizeof("unknown key") - 1) == 0) {
        HM_TRY(enrol(session, err));
        HM_TRY(ask(session, path, session->order.note, err, &answer));
    }
    if (answer.status == 200) {
        HM_TRY(take_given(session, &answer, err));
        *ret_sent = HM_DELIVER_ANSWERED;
        return HM_OK;
    }
    if (answer.status == 409) {
        HM_TRY(take_head(session, &answer, err));
        *ret_sent = HM_DELIVER_AGAIN;
        return HM_OK;
    }
    HM_TRY(note_refusal(session, &answer, err));
    HM_TRY(close_refused(session, err));
    *ret_sent = HM_DELIVER_REFUSED;
    return HM_OK;
}

/* ---- sending ---- */

enum hm_rc hm_deliver_session_send(struct hm_deliver_session *session,
                                   struct hm_statement *statement, const struct hm_sha256 *slot,
                                   const struct hm_sha256 *request, struct hm_err *err,
                                   enum hm_deliver_sent *ret_sent)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_STATEMENT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX);
    struct hm_delivery_order *order = &session->order;
    struct hm_sha256 hash;

    statement->site = session->owner.site;
    statement->client = session->key.key->name;
    statement->event = hm_delivery_order_next(order);
    statement->time_unix_s = session->owner.now_unix_s;
    HM_TRY(hm_statement_write(statement, err, &text));
    HM_TRY(hm_statement_hash(hm_buf_bytes(&text), err, &hash));
    HM_TRY(hm_note_write_text(hm_buf_bytes(&text), err, &note));
    HM_TRY(hm_note_sign(hm_buf_bytes(&text), session->key.key, session->key.signer, 0, err, &note));
    order->last =
        (struct hm_delivery_place){statement->event.epoch, statement->event.counter, hash};
    order->has_pending = true;
    order->kind = request == NULL ? HM_DELIVERY_PART_REQUEST : HM_DELIVERY_PART_ANSWER;
    order->slot = *slot;
    order->request = request == NULL ? hash : *request;
    HM_TRY(hm_arena_copy(&order->arena, hm_buf_bytes(&note), err, &order->note));
    HM_TRY(hm_delivery_order_write(order, &session->dir, err));
    return send_pending(session, err, ret_sent);
}

/* Was the answer to what stands in the order kept before somebody was interrupted? */
static enum hm_rc is_answered(struct hm_deliver_session *session, struct hm_err *err,
                              bool *ret_answered)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    const struct hm_delivery_order *order = &session->order;
    bool is_request = order->kind == HM_DELIVERY_PART_REQUEST;
    enum hm_rc rc;

    *ret_answered = hm_delivery_store_has(&session->dir, HM_DELIVERY_NEW, &order->request) ||
                    hm_delivery_store_has(&session->dir, HM_DELIVERY_CLOSED, &order->request);
    if (*ret_answered)
        return HM_OK;
    rc = hm_delivery_store_read(&session->dir, HM_DELIVERY_OPEN, &order->slot, err, &file);
    if (rc == HM_ENOTFOUND) {
        *ret_answered = !is_request; /* somebody removed it: there is nothing to go on with */
        return HM_OK;
    }
    HM_TRY(rc);
    if (!hm_bytes_is_equal(file.parts[order->kind], order->note))
        return HM_OK;
    *ret_answered =
        hm_delivery_file_has(&file, is_request ? HM_DELIVERY_PART_OFFER : HM_DELIVERY_PART_RECEIPT);
    if (!*ret_answered || is_request)
        return HM_OK;
    return hm_delivery_store_move(&session->dir, HM_DELIVERY_OPEN, &order->slot, HM_DELIVERY_NEW,
                                  &order->request, err);
}

static enum hm_rc settle_pending(struct hm_deliver_session *session, struct hm_err *err)
{
    enum hm_deliver_sent sent;
    bool is_done = false;

    if (!session->order.has_pending)
        return HM_OK;
    HM_TRY(is_answered(session, err, &is_done));
    if (is_done) {
        settle_own(session, true);
        return HM_OK;
    }
    /* Whoever wanted it makes it again where it was refused or has no place. */
    return send_pending(session, err, &sent);
}

/* ---- opening ---- */

/* A key without an order: its statements are known to the site alone. */
static enum hm_rc recover_order(struct hm_deliver_session *session, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    _hm_done_(answer_done) struct answer answer = {.body =
                                                       HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX)};
    struct hm_delivery_place head = {0};
    enum hm_rc rc;

    HM_TRY(hm_fetch_url_join(session->subscription->policy.url, "delivery/head", err, &url));
    HM_TRY(hm_buf_append_str(&url, "?client=", err));
    HM_TRY(hm_text_percent(&url, session->key.key->name_bytes, err));
    rc = hm_fetch_get(session->subscription->fetch, hm_buf_str(&url), err, &answer.body);
    if (rc == HM_ENOTFOUND)
        return HM_OK; /* the site knows nothing of this key yet */
    HM_TRY(rc);
    rc = read_head(session, &answer, err, &head);
    if (rc != HM_OK)
        return fail_lie(session, &answer, rc, "head", err);
    return hm_delivery_order_follow(&session->order, &head, err);
}

static enum hm_rc open_key(struct hm_deliver_session *session, struct hm_err *err)
{
    enum hm_rc rc;

    HM_TRY(hm_delivery_key_open(&session->dir, &session->owner, err, &session->key));
    if (!session->key.is_enrolled)
        HM_TRY(enrol(session, err));
    rc = hm_delivery_order_read(&session->dir, err, &session->order);
    if (rc == HM_ENOTFOUND)
        return session->key.is_made ? HM_OK : recover_order(session, err);
    return rc;
}

static enum hm_rc open_parts(struct hm_deliver_session *session, struct hm_err *err)
{
    struct hm_subscription *subscription = session->subscription;

    HM_TRY(hm_dir_open_at(&subscription->dir, HM_DELIVER_FOLDER, true, err, &session->dir));
    HM_TRY(hm_lock_take(&session->dir, "lock", HM_DELIVER_LOCK_WAIT_MS, err, &session->lock));
    HM_TRY(hm_delivery_sites_keep(subscription, session->site, &session->dir, err));
    session->owner = (struct hm_delivery_owner){.site = subscription->trust->site,
                                                .site_key = session->site->key,
                                                .now_unix_s = hm_time_now_unix_s()};
    HM_TRY(hm_delivery_key_account(subscription->policy.token, &subscription->arena, err,
                                   &session->owner.account));
    HM_TRY(open_key(session, err));
    return settle_pending(session, err);
}

static enum hm_rc open_link(struct hm_subscription *subscription, struct hm_err *err)
{
    const struct hm_policy *policy = &subscription->policy;
    struct hm_deliver_link *link;

    if (subscription->deliver != NULL)
        return HM_OK;
    link = calloc(1, sizeof(*link));
    if (link == NULL)
        return hm_error_nomem(err);
    link->options = (struct hm_post_options){.proxy = policy->proxy,
                                             .ca_file = policy->ca_file,
                                             .allow_plain_http = policy->allow_plain_http,
                                             .token = policy->token,
                                             .token_url = policy->url};
    subscription->deliver = link;
    return hm_site_deliveries_parse(hm_client_root(subscription->client), err, &link->site);
}

enum hm_rc hm_deliver_session_open(struct hm_subscription *subscription, struct hm_err *err,
                                   struct hm_deliver_session *ret_session)
{
    _hm_done_(hm_deliver_session_done) struct hm_deliver_session session = {
        .subscription = subscription,
        .dir = HM_DIR_INIT,
        .lock = HM_LOCK_INIT,
        .key = HM_DELIVERY_KEY_INIT,
        .order = HM_DELIVERY_ORDER_INIT,
    };

    HM_TRY(open_link(subscription, err));
    session.link = subscription->deliver;
    session.site = session.link->site;
    HM_ASSERT(session.site != NULL && session.site->key != NULL);
    if (session.link->is_down)
        return hm_fail(err, HM_ENETWORK, "the site did not answer before");
    HM_TRY(open_parts(&session, err));
    *ret_session = session;
    session = (struct hm_deliver_session){.dir = HM_DIR_INIT,
                                          .lock = HM_LOCK_INIT,
                                          .key = HM_DELIVERY_KEY_INIT,
                                          .order = HM_DELIVERY_ORDER_INIT};
    return HM_OK;
}

void hm_deliver_session_done(struct hm_deliver_session *session)
{
    hm_delivery_order_done(&session->order);
    hm_delivery_key_done(&session->key);
    hm_lock_done(&session->lock);
    hm_dir_done(&session->dir);
}

enum hm_rc hm_deliver_session_verify(const struct hm_deliver_session *session,
                                     const struct hm_delivery_file *file, struct hm_err *err,
                                     struct hm_delivery_record *ret_record)
{
    const struct hm_note_key *site = session->site->key;
    const struct hm_delivery_keys keys = {.site = &site, .site_count = 1};

    return hm_delivery_file_verify(file, &keys, err, ret_record);
}
