/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs of deliveries. See deliver_proof.h. */
#include "customer/deliver_proof.h"

#include "base/file.h"
#include "base/text.h"
#include "customer/deliver_session.h"
#include "customer/log_tiles.h"
#include "tlog/proof.h"

#define URL_SIZE_MAX 16384
#define CHECKPOINT   "log/checkpoint" /* below the folder of deliveries */
#define FORK_SIZE    96

struct update {
    struct hm_deliver_session session;
    struct hm_client_source objects;
    struct hm_log_tiles *tiles;
    struct hm_note *seen; /* the last checkpoint accepted; NULL: none */
    struct hm_checkpoint seen_body;
};

static void update_done(struct update *update)
{
    hm_note_free(update->seen);
    hm_log_tiles_free(update->tiles);
    hm_deliver_session_done(&update->session);
}

/* ---- the log --------------------------------------------------------------------------------- */

/* Tiles of this log lie below "deliveries/", not "log/". */
static enum hm_rc get_tile(void *ctx, const char *path, struct hm_err *err, struct hm_buf *ret_buf)
{
    const struct update *update = ctx;
    const struct hm_client_source *objects = &update->session.subscription->objects;
    _hm_done_(hm_buf_done) struct hm_buf other = HM_BUF_INIT(URL_SIZE_MAX);

    HM_TRY(hm_buf_append_fmt(&other, err, "deliveries/%s",
                             strncmp(path, "log/", 4) == 0 ? path + 4 : path));
    return objects->get(objects->ctx, hm_buf_str(&other), err, ret_buf);
}

static enum hm_rc read_seen(struct update *update, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    enum hm_rc rc = hm_dir_read(&update->session.dir, CHECKPOINT, err, &raw);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    if (rc == HM_OK)
        rc = hm_note_parse(hm_buf_bytes(&raw), err, &update->seen);
    if (rc == HM_OK)
        rc = hm_checkpoint_parse(update->seen->text, err, &update->seen_body);
    return rc == HM_OK ? HM_OK
                       : hm_error_prefix(err, rc, "'%s/" CHECKPOINT "'", update->session.dir.path);
}

static enum hm_rc remember(struct update *update, const struct hm_checkpoint_signed *checkpoint,
                           struct hm_err *err)
{
    HM_TRY(hm_file_replace(&update->session.dir, CHECKPOINT, 0600, checkpoint->note->raw, err));
    hm_note_free(update->seen);
    update->seen = NULL;
    HM_TRY(hm_note_parse(checkpoint->note->raw, err, &update->seen));
    return hm_checkpoint_parse(update->seen->text, err, &update->seen_body);
}

/* Both histories, one file behind the other, with the log's signature under each. */
static enum hm_rc fail_fork(const struct update *update, struct hm_bytes checkpoint,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(2 * HM_NOTE_SIZE_MAX + 1);
    char name[FORK_SIZE];

    (void)snprintf(name, sizeof(name), "refused/fork-%llu",
                   (unsigned long long)update->seen_body.size);
    HM_TRY(hm_buf_append(&text, update->seen->raw, err));
    HM_TRY(hm_buf_append_byte(&text, '\n', err));
    HM_TRY(hm_buf_append(&text, checkpoint, err));
    HM_TRY(hm_file_replace(&update->session.dir, name, 0600, hm_buf_bytes(&text), err));
    return hm_fail(
        err, HM_EREFUSED,
        "the deliveries log '%.*s' signed two histories that contradict each other; both "
        "are kept in '%s/%s': show them to others, and ask the site",
        HM_BYTES_FMT(update->seen_body.origin), update->session.dir.path, name);
}

/* What the larger tree was like at the smaller size, out of tiles. */
static enum hm_rc compare(struct update *update, const struct hm_checkpoint *small,
                          const struct hm_checkpoint *large, struct hm_err *err)
{
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    struct hm_merkle_proof proof = {.count = 0};
    struct hm_log_growth growth = {.old_size = small->size,
                                   .size = large->size,
                                   .old_root = small->root,
                                   .root = large->root,
                                   .begun = large->root,
                                   .proof = &proof};
    struct hm_tile_source source;

    if (small->size < large->size) {
        HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
        hm_tile_source_init(&source, digest, hm_log_tiles_reader(update->tiles), large->size);
        HM_TRY(hm_merkle_prove_consistency(digest, &source.source, small->size, large->size, err,
                                           &proof));
        HM_TRY(hm_merkle_root(digest, &source.source, small->size, err, &growth.begun));
    }
    return hm_log_verdict_growth(&growth, err);
}

/* The checkpoint under a proof belongs to the history that was seen. */
static enum hm_rc accept_checkpoint(struct update *update,
                                    const struct hm_checkpoint_signed *checkpoint,
                                    struct hm_err *err)
{
    const struct hm_checkpoint *body = &checkpoint->body;
    bool is_larger;
    enum hm_rc rc;

    /* Another log, by root's word: what was seen of the one before says nothing of it. */
    if (update->seen == NULL || !hm_bytes_is_equal(update->seen_body.origin, body->origin))
        return remember(update, checkpoint, err);
    is_larger = body->size > update->seen_body.size;
    rc = compare(update, is_larger ? &update->seen_body : body,
                 is_larger ? body : &update->seen_body, err);
    if (rc == HM_EREFUSED)
        return fail_fork(update, checkpoint->note->raw, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc,
                               "cannot tell whether the deliveries log grew from what was seen "
                               "before");
    return is_larger ? remember(update, checkpoint, err) : HM_OK;
}

/* ---- one proof ------------------------------------------------------------------------------- */

static enum hm_rc fetch(const struct update *update, const struct hm_sha256 *hash,
                        struct hm_err *err, struct hm_buf *ret_raw)
{
    const struct hm_subscription *subscription = update->session.subscription;
    _hm_done_(hm_buf_done) struct hm_buf url = HM_BUF_INIT(URL_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(URL_SIZE_MAX);
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(hash->bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_fmt(&path, err, "delivery/proof/%s", hex));
    HM_TRY(hm_fetch_url_join(subscription->policy.url, hm_buf_str(&path), err, &url));
    return hm_fetch_get(subscription->fetch, hm_buf_str(&url), err, ret_raw);
}

/* HM_OK: it is in the file, and holds; or the site does not have it yet. */
static enum hm_rc add_proof(struct update *update, const struct hm_delivery_record *record,
                            enum hm_delivery_part part, struct hm_delivery_file *file,
                            struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DELIVERY_FILE_PART_SIZE_MAX);
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    bool is_offer = part == HM_DELIVERY_PART_OFFER_PROOF;
    enum hm_rc rc;

    if (hm_delivery_file_has(file, part))
        return HM_OK;
    rc = fetch(update, is_offer ? &record->delivery.offer_hash : &record->delivery.receipt_hash,
               err, &raw);
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    rc = hm_delivery_file_put(file, part, hm_buf_bytes(&raw), err);
    if (rc == HM_OK)
        rc = hm_delivery_file_prove(file, record, part, update->session.site->policy, err,
                                    &checkpoint);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "the site's %s of '%s' does not hold",
                               hm_delivery_file_part_name(part), record->delivery.offer.path);
    return accept_checkpoint(update, checkpoint, err);
}

static enum hm_rc update_one(struct update *update, const struct hm_sha256 *name,
                             struct hm_err *err, bool *ret_whole)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    const struct hm_dir *dir = &update->session.dir;
    const struct hm_bytes *offer = &file.parts[HM_DELIVERY_PART_OFFER_PROOF];
    const struct hm_bytes *receipt = &file.parts[HM_DELIVERY_PART_RECEIPT_PROOF];
    size_t before;

    HM_TRY(hm_delivery_store_read(dir, HM_DELIVERY_NEW, name, err, &file));
    before = offer->size + receipt->size;
    *ret_whole = false;
    /* By a key that the site has no more: it is left as it is, for who has root's history. */
    if (hm_deliver_session_verify(&update->session, &file, NULL, &record) != HM_OK)
        return HM_OK;
    HM_TRY(add_proof(update, &record, HM_DELIVERY_PART_OFFER_PROOF, &file, err));
    HM_TRY(add_proof(update, &record, HM_DELIVERY_PART_RECEIPT_PROOF, &file, err));
    if (offer->size + receipt->size > before)
        HM_TRY(hm_delivery_store_write(dir, HM_DELIVERY_NEW, name, &file, err));
    *ret_whole = offer->size > 0 && receipt->size > 0;
    return *ret_whole
               ? hm_delivery_store_move(dir, HM_DELIVERY_NEW, name, HM_DELIVERY_CLOSED, name, err)
               : HM_OK;
}

enum hm_rc hm_deliver_proof_update(struct hm_subscription *subscription, size_t max,
                                   const struct hm_get_events *events, struct hm_err *err,
                                   size_t *ret_left)
{
    _hm_done_(update_done) struct update update = {
        .session = {.dir = HM_DIR_INIT, .lock = HM_LOCK_INIT}};
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_sha256 *names = NULL;
    size_t count = 0;

    *ret_left = 0;
    HM_TRY(hm_deliver_settle(subscription, events, err));
    HM_TRY(hm_deliver_session_open(subscription, err, &update.session));
    update.objects = (struct hm_client_source){.get = get_tile, .ctx = &update};
    HM_TRY(hm_log_tiles_new(&update.objects, err, &update.tiles));
    HM_TRY(read_seen(&update, err));
    HM_TRY(
        hm_delivery_store_list(&update.session.dir, HM_DELIVERY_NEW, &arena, err, &names, &count));
    for (size_t i = 0; i < count && i < max; i++) {
        bool is_whole = false;

        HM_TRY(update_one(&update, &names[i], err, &is_whole));
        *ret_left += is_whole ? 0 : 1;
    }
    return HM_OK;
}

void hm_deliver_proof_visit(struct hm_subscription *subscription,
                            const struct hm_get_events *events)
{
    struct hm_err why = HM_ERR_INIT;
    bool is_wanted = false;
    size_t left = 0;
    enum hm_rc rc;

    if (!hm_dir_has(&subscription->dir, HM_DELIVER_FOLDER "/new") &&
        !hm_dir_has(&subscription->dir, HM_DELIVER_FOLDER "/open"))
        return;
    rc = hm_deliver_is_wanted(subscription, &why, &is_wanted);
    if (rc == HM_OK && is_wanted)
        rc = hm_deliver_proof_update(subscription, HM_DELIVER_PROOF_SOME, events, &why, &left);
    if (rc != HM_OK && rc != HM_ENETWORK && events->notice != NULL)
        events->notice(events->ctx, why.text);
}
