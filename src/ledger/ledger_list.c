/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger read. See ledger_list.h. */
#include "ledger/ledger_list.h"

#include <stdlib.h>

#include "delivery/delivery_leaf.h"
#include "ledger/ledger.h"
#include "ledger/ledger_schema.h"
#include "ledger/ledger_tiles.h"
#include "tlog/proof.h"

#define FILE_NAME    HM_LEDGER_FOLDER "/" HM_LEDGER_FILE
#define SQL_SIZE_MAX 1024
#define VALUES_MAX   8
#define IMAGES_MAX   64 /* releases that have one image's bytes */
#define SELECT_ROWS                                                                                \
    "SELECT d.id, a.name, k.name, i.path, i.sha256, i.length, d.written, d.state, d.requested,"    \
    " d.expires, d.answered FROM delivery d JOIN account a ON a.id = d.account JOIN key k ON"      \
    " k.id = d.key JOIN image i ON i.id = d.image WHERE 1"

struct hm_ledger_list {
    struct hm_database *database;
};

enum hm_rc hm_ledger_list_open(const struct hm_dir *private_dir, uint32_t wait_ms,
                               struct hm_err *err, struct hm_ledger_list **ret_list)
{
    _hm_free_(hm_ledger_list_close) struct hm_ledger_list *list = calloc(1, sizeof(*list));

    if (list == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_database_open(private_dir, FILE_NAME, &hm_ledger_schema, HM_DATABASE_READ, wait_ms,
                            err, &list->database));
    *ret_list = hm_steal(&list);
    return HM_OK;
}

void hm_ledger_list_close(struct hm_ledger_list *list)
{
    if (list == NULL)
        return;
    hm_database_close(list->database);
    free(list);
}

static enum hm_rc get_digest(const struct hm_database_query *query, int column, struct hm_err *err,
                             struct hm_sha256 *ret_digest)
{
    struct hm_bytes bytes = hm_database_query_get_blob(query, column);

    if (bytes.size != HM_SHA256_SIZE)
        return hm_fail(err, HM_EFORMAT, "the ledger is damaged: a digest has %zu bytes",
                       bytes.size);
    memcpy(ret_digest->bytes, bytes.data, HM_SHA256_SIZE);
    return HM_OK;
}

/* ---- which ones ------------------------------------------------------------------------------ */

/* A query that grows by fixed texts, with the numbers that go into it. */
struct builder {
    struct hm_buf sql;
    int64_t values[VALUES_MAX + IMAGES_MAX];
    size_t count;
};

static void builder_done(struct builder *builder)
{
    hm_buf_done(&builder->sql);
}

static enum hm_rc add(struct builder *builder, const char *text, int64_t value, struct hm_err *err)
{
    HM_ASSERT(builder->count < HM_ARRAY_COUNT(builder->values));
    builder->values[builder->count++] = value;
    return hm_buf_append_str(&builder->sql, text, err);
}

/* The id of a name; 0: none. */
static enum hm_rc find_account(struct hm_ledger_list *list, const char *name, struct hm_err *err,
                               int64_t *ret_id)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    bool has_row = false;

    HM_TRY(hm_database_query_new(list->database, "SELECT id FROM account WHERE name = ?", err,
                                 &query));
    hm_database_query_text(query, 1, name);
    HM_TRY(hm_database_query_step(query, err, &has_row));
    *ret_id = has_row ? hm_database_query_get_int(query, 0) : 0;
    return HM_OK;
}

static enum hm_rc find_images(struct hm_ledger_list *list,
                              const struct hm_ledger_list_filter *filter, struct hm_err *err,
                              int64_t ret_ids[IMAGES_MAX], size_t *ret_count)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    size_t count = 0;

    HM_TRY(hm_database_query_new(list->database,
                                 "SELECT id FROM image WHERE sha256 = ? OR path = ? ORDER BY id",
                                 err, &query));
    hm_database_query_null(query, 1);
    hm_database_query_null(query, 2);
    if (filter->image != NULL)
        hm_database_query_blob(query, 1, hm_bytes_make(filter->image->bytes, HM_SHA256_SIZE));
    if (filter->path != NULL)
        hm_database_query_text(query, 2, filter->path);
    for (;;) {
        bool has_row = false;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        if (count == IMAGES_MAX)
            return hm_fail(err, HM_EREFUSED, "more than %d releases have this image: give a path",
                           IMAGES_MAX);
        ret_ids[count++] = hm_database_query_get_int(query, 0);
    }
    *ret_count = count;
    return HM_OK;
}

/* One image is asked for by "=", for which the index gives the order too. */
static enum hm_rc add_images(struct hm_ledger_list *list,
                             const struct hm_ledger_list_filter *filter, struct builder *builder,
                             struct hm_err *err, bool *ret_none)
{
    int64_t ids[IMAGES_MAX];
    size_t count = 0;

    if (filter->image == NULL && filter->path == NULL)
        return HM_OK;
    HM_TRY(find_images(list, filter, err, ids, &count));
    if (count == 0)
        *ret_none = true;
    if (count == 1)
        return add(builder, " AND d.image = ?", ids[0], err);
    for (size_t i = 0; i < count; i++)
        HM_TRY(add(builder, i == 0 ? " AND d.image IN (?" : ", ?", ids[i], err));
    return count == 0 ? HM_OK : hm_buf_append_str(&builder->sql, ")", err);
}

static enum hm_rc build(struct hm_ledger_list *list, const struct hm_ledger_list_filter *filter,
                        const char *select, struct builder *builder, struct hm_err *err,
                        bool *ret_none)
{
    int64_t account = 0;

    *ret_none = false;
    HM_TRY(hm_buf_append_str(&builder->sql, select, err));
    if (filter->customer != NULL) {
        HM_TRY(find_account(list, filter->customer, err, &account));
        *ret_none = account == 0;
        HM_TRY(add(builder, " AND d.account = ?", account, err));
    }
    HM_TRY(add_images(list, filter, builder, err, ret_none));
    if (filter->state != HM_DELIVERY_NOTHING)
        HM_TRY(add(builder, " AND d.state = ?", filter->state, err));
    if (filter->since_unix_s != 0)
        HM_TRY(add(builder, " AND d.requested >= ?", filter->since_unix_s, err));
    if (filter->until_unix_s != 0)
        HM_TRY(add(builder, " AND d.requested < ?", filter->until_unix_s, err));
    return HM_OK;
}

static enum hm_rc prepare(struct hm_ledger_list *list, struct builder *builder, struct hm_err *err,
                          struct hm_database_query **ret_query)
{
    HM_TRY(hm_database_query_new(list->database, hm_buf_str(&builder->sql), err, ret_query));
    for (size_t i = 0; i < builder->count; i++)
        hm_database_query_int(*ret_query, (int)i + 1, builder->values[i]);
    return HM_OK;
}

/* ---- deliveries ------------------------------------------------------------------------------ */

static enum hm_rc give_row(const struct hm_database_query *query, hm_ledger_list_fn *fn, void *ctx,
                           struct hm_err *err)
{
    struct hm_ledger_list_row row = {
        .id = hm_database_query_get_int(query, 0),
        .customer = hm_database_query_get_text(query, 1),
        .client = hm_database_query_get_text(query, 2),
        .path = hm_database_query_get_text(query, 3),
        .length = (uint64_t)hm_database_query_get_int(query, 5),
        .written = (uint64_t)hm_database_query_get_int(query, 6),
        .state = HM_DELIVERY_NOTHING,
        .requested_unix_s = hm_database_query_get_int(query, 8),
        .expires_unix_s = hm_database_query_get_int(query, 9),
        .answered_unix_s = hm_database_query_get_int(query, 10),
    };
    int64_t state = hm_database_query_get_int(query, 7);

    if (state < HM_DELIVERY_REQUESTED || state > HM_DELIVERY_REJECTED)
        return hm_fail(err, HM_EFORMAT, "the ledger is damaged: delivery %lld has no state",
                       (long long)row.id);
    row.state = (enum hm_delivery_state)state;
    HM_TRY(get_digest(query, 4, err, &row.image));
    return fn(ctx, &row, err);
}

enum hm_rc hm_ledger_list_each(struct hm_ledger_list *list,
                               const struct hm_ledger_list_filter *filter, hm_ledger_list_fn *fn,
                               void *ctx, struct hm_err *err)
{
    _hm_done_(builder_done) struct builder builder = {.sql = HM_BUF_INIT(SQL_SIZE_MAX)};
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    int64_t limit = filter->limit == 0 || filter->limit > INT64_MAX ? -1 : (int64_t)filter->limit;
    bool is_none = false;

    HM_TRY(build(list, filter, SELECT_ROWS, &builder, err, &is_none));
    if (is_none)
        return HM_OK;
    HM_TRY(add(&builder, " ORDER BY d.id DESC LIMIT ?", limit, err));
    HM_TRY(prepare(list, &builder, err, &query));
    for (;;) {
        bool has_row = false;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            return HM_OK;
        HM_TRY(give_row(query, fn, ctx, err));
    }
}

/* From the tally where it has that, else from the rows. */
enum hm_rc hm_ledger_list_count(struct hm_ledger_list *list,
                                const struct hm_ledger_list_filter *filter, struct hm_err *err,
                                uint64_t ret_counts[HM_DELIVERY_REJECTED + 1])
{
    _hm_done_(builder_done) struct builder builder = {.sql = HM_BUF_INIT(SQL_SIZE_MAX)};
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    struct hm_ledger_list_filter plain = {
        .customer = filter->customer, .image = filter->image, .path = filter->path};
    bool has_image = filter->image != NULL || filter->path != NULL, is_none = false;
    const char *select = "SELECT d.state, d.count FROM (SELECT state, count, subject AS account"
                         " FROM tally WHERE kind = 1) d WHERE 1";

    memset(ret_counts, 0, (HM_DELIVERY_REJECTED + 1) * sizeof(*ret_counts));
    if (has_image && filter->customer == NULL)
        select = "SELECT d.state, d.count FROM (SELECT state, count, subject AS image FROM tally"
                 " WHERE kind = 2) d WHERE 1";
    else if (has_image)
        select = "SELECT d.state, 1 FROM delivery d WHERE 1";
    else if (filter->customer == NULL)
        select = "SELECT d.state, d.count FROM tally d WHERE d.kind = 0";
    HM_TRY(build(list, &plain, select, &builder, err, &is_none));
    if (is_none)
        return HM_OK;
    HM_TRY(prepare(list, &builder, err, &query));
    for (;;) {
        bool has_row = false;
        int64_t state;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            return HM_OK;
        state = hm_database_query_get_int(query, 0);
        if (state >= 0 && state <= HM_DELIVERY_REJECTED)
            ret_counts[state] += (uint64_t)hm_database_query_get_int(query, 1);
    }
}

/* ---- what nobody signed for ------------------------------------------------------------------ */

static bool is_wanted(const struct hm_ledger_list_filter *filter,
                      const struct hm_ledger_list_transfer *transfer)
{
    bool has_image = filter->image != NULL || filter->path != NULL;
    bool is_image =
        (filter->image != NULL && hm_digest_is_equal(filter->image, &transfer->image)) ||
        (filter->path != NULL && strcmp(filter->path, transfer->path) == 0);

    return (filter->customer == NULL || strcmp(filter->customer, transfer->customer) == 0) &&
           (!has_image || is_image) && transfer->begin_unix_s >= filter->since_unix_s &&
           (filter->until_unix_s == 0 || transfer->begin_unix_s < filter->until_unix_s);
}

static enum hm_rc open_transfers(struct hm_ledger_list *list,
                                 const struct hm_ledger_list_filter *filter, struct hm_err *err,
                                 struct hm_database_query **ret_query)
{
    static const char all[] = "SELECT account, path, peer, door, sha256, bytes, is_complete, time"
                              " FROM transfer ORDER BY id DESC";
    static const char of_account[] = "SELECT account, path, peer, door, sha256, bytes, is_complete,"
                                     " time FROM transfer WHERE account = ? ORDER BY id DESC";
    static const char of_image[] = "SELECT account, path, peer, door, sha256, bytes, is_complete,"
                                   " time FROM transfer WHERE sha256 = ? ORDER BY id DESC";

    if (filter->image != NULL && filter->path == NULL) {
        HM_TRY(hm_database_query_new(list->database, of_image, err, ret_query));
        hm_database_query_blob(*ret_query, 1, hm_bytes_make(filter->image->bytes, HM_SHA256_SIZE));
        return HM_OK;
    }
    if (filter->customer == NULL)
        return hm_database_query_new(list->database, all, err, ret_query);
    HM_TRY(hm_database_query_new(list->database, of_account, err, ret_query));
    hm_database_query_text(*ret_query, 1, filter->customer);
    return HM_OK;
}

enum hm_rc hm_ledger_list_transfers(struct hm_ledger_list *list,
                                    const struct hm_ledger_list_filter *filter,
                                    hm_ledger_list_transfer_fn *fn, void *ctx, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    uint64_t count = 0;

    HM_TRY(open_transfers(list, filter, err, &query));
    while (filter->limit == 0 || count < filter->limit) {
        struct hm_ledger_list_transfer transfer;
        bool has_row = false;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            break;
        transfer = (struct hm_ledger_list_transfer){
            .customer = hm_database_query_get_text(query, 0),
            .path = hm_database_query_get_text(query, 1),
            .peer = hm_database_query_get_text(query, 2),
            .door = hm_database_query_get_text(query, 3),
            .bytes = (uint64_t)hm_database_query_get_int(query, 5),
            .is_complete = hm_database_query_get_int(query, 6) != 0,
            .begin_unix_s = hm_database_query_get_int(query, 7)};
        HM_TRY(get_digest(query, 4, err, &transfer.image));
        if (!is_wanted(filter, &transfer))
            continue;
        count++;
        HM_TRY(fn(ctx, &transfer, err));
    }
    return HM_OK;
}

/* ---- keys ------------------------------------------------------------------------------------ */

enum hm_rc hm_ledger_list_keys(struct hm_ledger_list *list, const char *customer,
                               hm_ledger_list_key_fn *fn, void *ctx, struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    static const char sql[] = "SELECT a.name, k.name, k.created, k.revoked, k.epoch, k.counter"
                              " FROM key k JOIN account a ON a.id = k.account"
                              " WHERE ?1 IS NULL OR a.name = ?1 ORDER BY k.name";

    HM_TRY(hm_database_query_new(list->database, sql, err, &query));
    hm_database_query_null(query, 1);
    if (customer != NULL)
        hm_database_query_text(query, 1, customer);
    for (;;) {
        struct hm_ledger_list_key key;
        bool has_row = false;

        HM_TRY(hm_database_query_step(query, err, &has_row));
        if (!has_row)
            return HM_OK;
        key = (struct hm_ledger_list_key){.customer = hm_database_query_get_text(query, 0),
                                          .name = hm_database_query_get_text(query, 1),
                                          .created_unix_s = hm_database_query_get_int(query, 2),
                                          .revoked_unix_s = hm_database_query_get_int(query, 3),
                                          .epoch = (uint64_t)hm_database_query_get_int(query, 4),
                                          .counter = (uint64_t)hm_database_query_get_int(query, 5)};
        HM_TRY(fn(ctx, &key, err));
    }
}

static enum hm_rc end_key(struct hm_database *database, const char *name, int64_t now_unix_s,
                          struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *find = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *set = NULL;
    bool has_row = false;
    int64_t id;

    HM_TRY(
        hm_database_query_new(database, "SELECT id, revoked FROM key WHERE name = ?", err, &find));
    hm_database_query_text(find, 1, name);
    HM_TRY(hm_database_query_step(find, err, &has_row));
    if (!has_row)
        return hm_fail(err, HM_ENOTFOUND, "no client has a key of the name '%s'", name);
    if (hm_database_query_get_int(find, 1) != 0)
        return hm_fail(err, HM_EREFUSED, "the key '%s' is revoked already", name);
    id = hm_database_query_get_int(find, 0);
    hm_database_query_reset(find);
    HM_TRY(hm_database_query_new(database, "UPDATE key SET revoked = ? WHERE id = ?", err, &set));
    hm_database_query_int(set, 1, now_unix_s);
    hm_database_query_int(set, 2, id);
    return hm_database_query_run(set, err);
}

enum hm_rc hm_ledger_list_revoke(const struct hm_dir *private_dir, const char *name,
                                 int64_t now_unix_s, uint32_t wait_ms, struct hm_err *err)
{
    _hm_free_(hm_ledger_list_close) struct hm_ledger_list *list = NULL;
    _hm_free_(hm_database_close) struct hm_database *database = NULL;
    enum hm_rc rc;

    HM_TRY(hm_ledger_list_open(private_dir, wait_ms, err, &list)); /* makes none */
    HM_TRY(hm_database_open(private_dir, FILE_NAME, &hm_ledger_schema, HM_DATABASE_CHANGE, wait_ms,
                            err, &database));
    HM_TRY(hm_database_begin(database, true, err));
    rc = end_key(database, name, now_unix_s, err);
    return rc == HM_OK ? hm_database_commit(database, err) : rc;
}

/* ---- files ----------------------------------------------------------------------------------- */

static enum hm_rc put_notes(struct hm_ledger_list *list, int64_t id, struct hm_delivery_file *file,
                            struct hm_err *err)
{
    _hm_free_(hm_database_query_free) struct hm_database_query *key = NULL;
    _hm_free_(hm_database_query_free) struct hm_database_query *note = NULL;
    bool has_row = false;

    HM_TRY(hm_database_query_new(list->database,
                                 "SELECT k.note FROM delivery d JOIN key k ON k.id = d.key"
                                 " WHERE d.id = ?",
                                 err, &key));
    hm_database_query_int(key, 1, id);
    HM_TRY(hm_database_query_step(key, err, &has_row));
    if (!has_row)
        return hm_fail(err, HM_ENOTFOUND, "there is no delivery %lld", (long long)id);
    HM_TRY(
        hm_delivery_file_put(file, HM_DELIVERY_PART_KEY, hm_database_query_get_blob(key, 0), err));
    HM_TRY(hm_database_query_new(list->database, "SELECT raw FROM note WHERE id = ?", err, &note));
    for (int i = 0; i < 4; i++) {
        hm_database_query_reset(note);
        hm_database_query_int(note, 1, id * 4 + i);
        HM_TRY(hm_database_query_step(note, err, &has_row));
        if (has_row)
            HM_TRY(hm_delivery_file_put(file, (enum hm_delivery_part)(HM_DELIVERY_PART_REQUEST + i),
                                        hm_database_query_get_blob(note, 0), err));
    }
    return HM_OK;
}

static enum hm_rc make_proof(const struct hm_dir *public_dir, struct hm_bytes entry,
                             uint64_t number, struct hm_err *err, struct hm_buf *ret_proof)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    struct hm_checkpoint checkpoint;
    struct hm_merkle_proof path;
    struct hm_proof proof = {.index = number};
    struct hm_sha256 leaf;

    HM_TRY(hm_dir_read(public_dir, HM_LEDGER_FOLDER "/checkpoint", err, &raw));
    HM_TRY(hm_note_parse(hm_buf_bytes(&raw), err, &note));
    HM_TRY(hm_checkpoint_parse(note->text, err, &checkpoint));
    HM_TRY(hm_ledger_tiles_prove(public_dir, HM_LEDGER_FOLDER, entry, number, &checkpoint, err,
                                 &leaf, &path));
    proof.checkpoint = hm_buf_bytes(&raw);
    proof.hashes = path.hashes;
    proof.hash_count = path.count;
    return hm_proof_write(&proof, err, ret_proof);
}

/* The proof of a statement of ours, where the log shows it: whoever reads the file verifies it. */
static enum hm_rc put_proof(struct hm_ledger_list *list, const struct hm_dir *public_dir,
                            enum hm_delivery_part part, struct hm_delivery_file *file,
                            struct hm_err *err)
{
    enum hm_delivery_part of =
        part == HM_DELIVERY_PART_OFFER_PROOF ? HM_DELIVERY_PART_OFFER : HM_DELIVERY_PART_RECEIPT;
    _hm_free_(hm_database_query_free) struct hm_database_query *query = NULL;
    _hm_done_(hm_buf_done) struct hm_buf proof = HM_BUF_INIT(HM_PROOF_SIZE_MAX);
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    char entry[HM_DELIVERY_LEAF_SIZE + 1];
    struct hm_sha256 hash, salt;
    bool has_row = false;

    if (!hm_delivery_file_has(file, of))
        return HM_OK;
    HM_TRY(hm_note_parse(file->parts[of], err, &note));
    HM_TRY(hm_statement_hash(note->text, err, &hash));
    HM_TRY(hm_database_query_new(
        list->database, "SELECT number, salt FROM leaf WHERE hash = ? AND number IS NOT NULL", err,
        &query));
    hm_database_query_blob(query, 1, hm_bytes_make(hash.bytes, HM_SHA256_SIZE));
    HM_TRY(hm_database_query_step(query, err, &has_row));
    if (!has_row)
        return HM_OK;
    HM_TRY(get_digest(query, 1, err, &salt));
    HM_TRY(hm_delivery_leaf_write(&salt, &hash, err, entry));
    if (make_proof(public_dir, hm_bytes_str(entry), (uint64_t)hm_database_query_get_int(query, 0),
                   NULL, &proof) != HM_OK)
        return HM_OK; /* not published yet: the file is good without */
    return hm_delivery_file_put(file, part, hm_buf_bytes(&proof), err);
}

enum hm_rc hm_ledger_list_file(struct hm_ledger_list *list, int64_t id,
                               const struct hm_dir *public_dir, struct hm_err *err,
                               struct hm_delivery_file *ret_file)
{
    struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    enum hm_rc rc = put_notes(list, id, &file, err);

    if (rc == HM_OK && public_dir != NULL)
        rc = put_proof(list, public_dir, HM_DELIVERY_PART_OFFER_PROOF, &file, err);
    if (rc == HM_OK && public_dir != NULL)
        rc = put_proof(list, public_dir, HM_DELIVERY_PART_RECEIPT_PROOF, &file, err);
    if (rc != HM_OK) {
        hm_delivery_file_done(&file);
        return rc;
    }
    *ret_file = file;
    return HM_OK;
}
