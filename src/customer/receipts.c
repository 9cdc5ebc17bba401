/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries as rows. See receipts.h. */
#include "customer/receipts.h"

#include "customer/delivery_sites.h"
#include "customer/delivery_store.h"

static const char *const proof_texts[] = {
    [HM_RECEIPTS_NONE] = "none",
    [HM_RECEIPTS_WAITING] = "waiting",
    [HM_RECEIPTS_OVERDUE] = "overdue",
    [HM_RECEIPTS_PROVED] = "proved",
};

const char *hm_receipts_proof_text(enum hm_receipts_proof proof)
{
    return proof_texts[proof];
}

void hm_receipts_done(struct hm_receipts *receipts)
{
    free(receipts->rows);
    hm_arena_done(&receipts->arena);
    *receipts = (struct hm_receipts){.rows = NULL};
}

static enum hm_rc push(struct hm_receipts *receipts, const struct hm_receipts_row *row,
                       struct hm_err *err)
{
    if (receipts->count == receipts->capacity) {
        size_t capacity = receipts->capacity == 0 ? 64 : 2 * receipts->capacity;
        struct hm_receipts_row *rows = reallocarray(receipts->rows, capacity, sizeof(*rows));

        if (rows == NULL)
            return hm_error_nomem(err);
        receipts->rows = rows;
        receipts->capacity = capacity;
    }
    receipts->rows[receipts->count++] = *row;
    return HM_OK;
}

/* ---- one file -------------------------------------------------------------------------------- */

static enum hm_receipts_proof judge_proofs(const struct hm_delivery_file *file,
                                           const struct hm_delivery_record *record,
                                           const struct hm_delivery_sites *sites,
                                           int64_t now_unix_s)
{
    static const enum hm_delivery_part parts[] = {HM_DELIVERY_PART_OFFER_PROOF,
                                                  HM_DELIVERY_PART_RECEIPT_PROOF};
    bool is_proved = true;

    if (!record->delivery.is_receipted)
        return HM_RECEIPTS_NONE;
    for (size_t i = 0; i < HM_ARRAY_COUNT(parts); i++) {
        bool holds = false;

        for (size_t j = 0; j < sites->count && !holds; j++) {
            _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;

            holds = hm_delivery_file_prove(file, record, parts[i], sites->sites[j]->policy, NULL,
                                           &checkpoint) == HM_OK;
        }
        is_proved = is_proved && holds;
    }
    if (is_proved)
        return HM_RECEIPTS_PROVED;
    return now_unix_s > record->delivery.receipt.time_unix_s + HM_DELIVER_PROOF_OVERDUE_S
               ? HM_RECEIPTS_OVERDUE
               : HM_RECEIPTS_WAITING;
}

static enum hm_rc fill(struct hm_receipts *receipts, const struct hm_delivery_file *file,
                       struct hm_err *err, struct hm_delivery_record *record,
                       const struct hm_delivery_sites *sites, int64_t now_unix_s,
                       struct hm_receipts_row *row)
{
    struct hm_delivery *delivery = &record->delivery;
    const struct hm_statement *request = &delivery->request;

    if (delivery->state == HM_DELIVERY_NOTHING)
        return hm_fail(err, HM_EFORMAT, "it has no request");
    row->is_missing = !delivery->is_receipted && delivery->state >= HM_DELIVERY_ACKNOWLEDGED &&
                      now_unix_s >= delivery->offer.expires_unix_s;
    hm_delivery_pass(delivery, now_unix_s);
    row->time_unix_s = request->time_unix_s;
    row->path = hm_arena_strdup(&receipts->arena, hm_bytes_str(request->path));
    row->image = request->image;
    row->length = request->length;
    row->request = delivery->request_hash;
    row->state = delivery->state;
    row->is_receipted = delivery->is_receipted;
    row->proof = judge_proofs(file, record, sites, now_unix_s);
    return row->path == NULL ? HM_ENOMEM : HM_OK;
}

HM_NOINLINE static enum hm_rc read_row(struct hm_receipts *receipts, const struct hm_dir *dir,
                                       const struct hm_delivery_sites *sites, int64_t now_unix_s,
                                       struct hm_err *err, struct hm_receipts_row *row)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    const struct hm_delivery_keys keys = {.site = sites->keys, .site_count = sites->count};
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    /* Another command may have moved it meanwhile: it is found on the other shelf by the next. */
    rc = hm_delivery_store_read(dir, row->shelf, &row->name, &why, &file);
    if (rc == HM_OK)
        rc = hm_delivery_file_verify(&file, &keys, &why, &record);
    if (rc == HM_OK)
        rc = fill(receipts, &file, &why, &record, sites, now_unix_s, row);
    if (rc == HM_ENOMEM)
        return hm_error_nomem(err);
    row->rc = rc;
    if (rc == HM_OK)
        return HM_OK;
    row->text = hm_arena_strdup(&receipts->arena, hm_bytes_str(why.text));
    return row->text == NULL ? hm_error_nomem(err) : HM_OK;
}

/* ---- all of a site --------------------------------------------------------------------------- */

enum hm_rc hm_receipts_add(struct hm_receipts *receipts, const struct hm_subscription *site,
                           int64_t now_unix_s, struct hm_err *err)
{
    _hm_done_(hm_delivery_sites_done) struct hm_delivery_sites sites = HM_DELIVERY_SITES_INIT;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    enum hm_rc rc = hm_dir_open_at(&site->dir, HM_DELIVER_FOLDER, false, err, &dir);

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_TRY(hm_delivery_sites_read(site, err, &sites));
    for (int shelf = 0; shelf < HM_DELIVERY_SHELF_COUNT_; shelf++) {
        struct hm_sha256 *names = NULL;
        size_t count = 0;

        HM_TRY(hm_delivery_store_list(&dir, (enum hm_delivery_shelf)shelf, &receipts->arena, err,
                                      &names, &count));
        for (size_t i = 0; i < count; i++) {
            struct hm_receipts_row row = {
                .site = site, .shelf = (enum hm_delivery_shelf)shelf, .name = names[i]};

            HM_TRY(read_row(receipts, &dir, &sites, now_unix_s, err, &row));
            if (row.rc != HM_ENOTFOUND)
                HM_TRY(push(receipts, &row, err));
        }
    }
    return HM_OK;
}

static int compare_rows(const void *a, const void *b)
{
    const struct hm_receipts_row *left = a, *right = b;

    if (left->time_unix_s != right->time_unix_s)
        return left->time_unix_s < right->time_unix_s ? -1 : 1;
    return memcmp(left->name.bytes, right->name.bytes, HM_SHA256_SIZE);
}

void hm_receipts_sort(struct hm_receipts *receipts)
{
    if (receipts->count > 1)
        qsort(receipts->rows, receipts->count, sizeof(*receipts->rows), compare_rows);
}

enum hm_rc hm_receipts_read(const struct hm_receipts_row *row, struct hm_err *err,
                            struct hm_buf *ret_file)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;

    HM_TRY(hm_dir_open_at(&row->site->dir, HM_DELIVER_FOLDER, false, err, &dir));
    HM_TRY(hm_delivery_store_read(&dir, row->shelf, &row->name, err, &file));
    return hm_delivery_file_write(&file, err, ret_file);
}
