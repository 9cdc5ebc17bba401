/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery files: form, and what their notes say together. See delivery_file.h. */
#include "delivery/delivery_file.h"

#include "delivery/delivery_leaf.h"
#include "tlog/lines.h"
#include "tlog/proof.h"

#define NOUN       "the delivery file"
#define FIRST_LINE "hallmark/delivery-file v1"
#define FAMILY     "hallmark/delivery-file "

static const char *const names[] = {
    [HM_DELIVERY_PART_KEY] = "key",
    [HM_DELIVERY_PART_REQUEST] = "request",
    [HM_DELIVERY_PART_OFFER] = "offer",
    [HM_DELIVERY_PART_ANSWER] = "answer",
    [HM_DELIVERY_PART_RECEIPT] = "receipt",
    [HM_DELIVERY_PART_OFFER_PROOF] = "offer-proof",
    [HM_DELIVERY_PART_RECEIPT_PROOF] = "receipt-proof",
};

const char *hm_delivery_file_part_name(enum hm_delivery_part part)
{
    return names[part];
}

void hm_delivery_file_done(struct hm_delivery_file *file)
{
    hm_arena_done(&file->arena);
    *file = (struct hm_delivery_file)HM_DELIVERY_FILE_INIT;
}

void hm_delivery_file_record_done(struct hm_delivery_record *record)
{
    hm_note_key_free(record->client);
    hm_arena_done(&record->arena);
    *record = (struct hm_delivery_record)HM_DELIVERY_RECORD_INIT;
}

/* ---- form ---- */

static bool is_proof(enum hm_delivery_part part)
{
    return part == HM_DELIVERY_PART_OFFER_PROOF || part == HM_DELIVERY_PART_RECEIPT_PROOF;
}

/* Whatever it says, it is of the form of its part. */
static enum hm_rc check_form(enum hm_delivery_part part, struct hm_bytes raw, struct hm_err *err)
{
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    enum hm_rc rc;

    if (raw.size > HM_DELIVERY_FILE_PART_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "the %s is longer than %d bytes", names[part],
                       HM_DELIVERY_FILE_PART_SIZE_MAX);
    rc = is_proof(part) ? hm_proof_parse(raw, err, &proof) : hm_note_parse(raw, err, &note);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "the %s", names[part]);
}

/* "==> KIND <==", of a kind from *part on. */
static bool is_heading(struct hm_bytes line, enum hm_delivery_part *part)
{
    for (size_t i = *part; i < HM_DELIVERY_PART_COUNT_; i++) {
        char heading[64];

        (void)snprintf(heading, sizeof(heading), "==> %s <==", names[i]); /* names are short */
        if (hm_bytes_is_str(line, heading)) {
            *part = (enum hm_delivery_part)i;
            return true;
        }
    }
    return false;
}

static enum hm_rc take_parts(struct hm_lines *lines, struct hm_delivery_file *file)
{
    enum hm_delivery_part part = HM_DELIVERY_PART_KEY;

    while (lines->has_line) {
        struct hm_bytes *bytes;

        if (part == HM_DELIVERY_PART_COUNT_ || !is_heading(lines->line, &part))
            return hm_lines_fail(lines, "'==> KIND <==' of a part that may follow");
        bytes = &file->parts[part];
        hm_lines_next(lines);
        HM_TRY(hm_lines_take_quoted(lines, HM_DELIVERY_FILE_PART_SIZE_MAX, "'| TEXT' of a note",
                                    &file->arena, bytes));
        HM_TRY(check_form(part, *bytes, lines->err));
        part++;
    }
    return HM_OK;
}

enum hm_rc hm_delivery_file_parse(struct hm_bytes raw, struct hm_err *err,
                                  struct hm_delivery_file *ret_file)
{
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file file = HM_DELIVERY_FILE_INIT;
    struct hm_lines lines;

    if (raw.size < sizeof(FAMILY) - 1 || memcmp(raw.data, FAMILY, sizeof(FAMILY) - 1) != 0)
        return hm_fail(err, HM_EINPUT, "this is no delivery file");
    HM_TRY(hm_lines_check(raw, HM_DELIVERY_FILE_SIZE_MAX, NOUN, err));
    hm_lines_init(&lines, raw, NOUN, err);
    if (!hm_bytes_is_str(lines.line, FIRST_LINE))
        return hm_fail(err, HM_EINPUT,
                       NOUN " is of another version than 1; a newer hallmark "
                            "reads it");
    hm_lines_next(&lines);
    if (!lines.has_line)
        return hm_lines_fail(&lines, "'==> KIND <==' of a first part");
    HM_TRY(take_parts(&lines, &file));
    *ret_file = file;
    file = (struct hm_delivery_file)HM_DELIVERY_FILE_INIT;
    return HM_OK;
}

enum hm_rc hm_delivery_file_put(struct hm_delivery_file *file, enum hm_delivery_part part,
                                struct hm_bytes raw, struct hm_err *err)
{
    HM_TRY(check_form(part, raw, err));
    return hm_arena_copy(&file->arena, raw, err, &file->parts[part]);
}

enum hm_rc hm_delivery_file_write(const struct hm_delivery_file *file, struct hm_err *err,
                                  struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    _hm_done_(hm_delivery_file_done) struct hm_delivery_file again = HM_DELIVERY_FILE_INIT;

    HM_TRY(hm_buf_append_str(&buf, FIRST_LINE "\n", err));
    for (size_t i = 0; i < HM_DELIVERY_PART_COUNT_; i++) {
        if (file->parts[i].size == 0)
            continue;
        HM_TRY(hm_buf_append_fmt(&buf, err, "==> %s <==\n", names[i]));
        HM_TRY(hm_lines_write_quoted(file->parts[i], err, &buf));
    }
    if (buf.size == sizeof(FIRST_LINE "\n") - 1)
        return hm_fail(err, HM_EUSAGE, "a delivery file has one part at least");
    HM_TRY(hm_delivery_file_parse(hm_buf_bytes(&buf), err, &again));
    return hm_buf_append(ret_buf, hm_buf_bytes(&buf), err);
}

/* ---- what it says ---- */

/* The key note: the key that it names, which signed it as well as the site did. */
static enum hm_rc verify_key(const struct hm_delivery_file *file,
                             const struct hm_delivery_keys *keys, struct hm_err *err,
                             struct hm_delivery_record *record)
{
    _hm_free_(hm_note_free) struct hm_note *note = NULL;
    _hm_free_(hm_note_key_free) struct hm_note_key *client = NULL;
    const struct hm_note_key *signer;
    enum hm_rc rc;

    HM_TRY(hm_note_parse(file->parts[HM_DELIVERY_PART_KEY], err, &note));
    HM_TRY(hm_statement_parse(note->text, &record->arena, err, &record->key));
    if (record->key.kind != HM_STATEMENT_KEY)
        return hm_fail(err, HM_EMISMATCH, "it is a '%s'", hm_statement_kind_name(record->key.kind));
    HM_TRY(hm_note_key_parse(hm_bytes_str(record->key.key), err, &client));
    if (strcmp(client->name, record->key.client) != 0)
        return hm_fail(err, HM_EMISMATCH, "it names the client '%s', and its key is named '%s'",
                       record->key.client, client->name);
    signer = client;
    HM_TRY(hm_note_verify(note, &signer, 1, err, NULL));
    rc = hm_note_verify(note, keys->site, keys->site_count, err, NULL);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "the site's signature");
    HM_TRY(hm_statement_hash(note->text, err, &record->key_hash));
    record->has_key = true;
    record->client = hm_steal(&client);
    return HM_OK;
}

static enum hm_rc copy_key(const struct hm_note_key *key, struct hm_err *err,
                           struct hm_note_key **ret_copy)
{
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);

    HM_TRY(hm_note_key_write(key, err, &vkey));
    return hm_note_key_parse(hm_buf_bytes(&vkey), err, ret_copy);
}

/* Which key the client's statements must have been signed with. */
static enum hm_rc settle_client(const struct hm_delivery_keys *keys, struct hm_err *err,
                                struct hm_delivery_record *record)
{
    if (keys->client == NULL)
        return HM_OK;
    if (record->client == NULL)
        return copy_key(keys->client, err, &record->client);
    if (!hm_note_key_is_same(record->client, keys->client))
        return hm_fail(err, HM_EMISMATCH, "the key is that of '%s', and not '%s'",
                       record->client->name, keys->client->name);
    return HM_OK;
}

static bool is_kind_of(enum hm_statement_kind kind, enum hm_delivery_part part)
{
    switch (part) {
    case HM_DELIVERY_PART_REQUEST:
        return kind == HM_STATEMENT_REQUEST;
    case HM_DELIVERY_PART_OFFER:
        return kind == HM_STATEMENT_OFFER;
    case HM_DELIVERY_PART_ANSWER:
        return kind == HM_STATEMENT_ACK || kind == HM_STATEMENT_REJECT;
    case HM_DELIVERY_PART_RECEIPT:
        return kind == HM_STATEMENT_RECEIPT;
    case HM_DELIVERY_PART_KEY:
    case HM_DELIVERY_PART_OFFER_PROOF:
    case HM_DELIVERY_PART_RECEIPT_PROOF:
    case HM_DELIVERY_PART_COUNT_:
        break;
    }
    return false;
}

static bool is_of_site(enum hm_delivery_part part)
{
    return part == HM_DELIVERY_PART_OFFER || part == HM_DELIVERY_PART_RECEIPT;
}

/* With one of the site's keys, whichever it was then. */
static enum hm_rc verify_of_site(struct hm_bytes raw, const struct hm_delivery_keys *keys,
                                 struct hm_arena *arena, struct hm_err *err,
                                 struct hm_statement *ret_statement, struct hm_sha256 *ret_hash)
{
    enum hm_rc rc = hm_fail(err, HM_EINPUT, "root names no key for a site's statements");

    for (size_t i = 0; i < keys->site_count; i++) {
        rc = hm_statement_verify(raw, keys->site[i], arena, err, ret_statement, ret_hash);
        if (rc != HM_ESIGNATURE)
            return rc;
    }
    return rc;
}

static enum hm_rc take_part(const struct hm_delivery_file *file, enum hm_delivery_part part,
                            const struct hm_delivery_keys *keys, struct hm_err *err,
                            struct hm_delivery_record *record)
{
    struct hm_statement statement;
    struct hm_sha256 hash;

    if (is_of_site(part)) {
        HM_TRY(verify_of_site(file->parts[part], keys, &record->arena, err, &statement, &hash));
    } else {
        if (record->client == NULL)
            return hm_fail(err, HM_EINPUT, "no key is known to check it with");
        HM_TRY(hm_statement_verify(file->parts[part], record->client, &record->arena, err,
                                   &statement, &hash));
    }
    if (!is_kind_of(statement.kind, part))
        return hm_fail(err, HM_EMISMATCH, "it is a '%s'", hm_statement_kind_name(statement.kind));
    if (part == HM_DELIVERY_PART_REQUEST && record->has_key &&
        (strcmp(statement.site, record->key.site) != 0 ||
         strcmp(statement.account, record->key.account) != 0))
        return hm_fail(err, HM_EMISMATCH,
                       "it is of account '%s' at site '%s', and the key is of account '%s' at "
                       "site '%s'",
                       statement.account, statement.site, record->key.account, record->key.site);
    return hm_delivery_take(&record->delivery, &statement, &hash, err);
}

enum hm_rc hm_delivery_file_verify(const struct hm_delivery_file *file,
                                   const struct hm_delivery_keys *keys, struct hm_err *err,
                                   struct hm_delivery_record *ret_record)
{
    _hm_done_(hm_delivery_file_record_done) struct hm_delivery_record record =
        HM_DELIVERY_RECORD_INIT;
    enum hm_rc rc;

    if (hm_delivery_file_has(file, HM_DELIVERY_PART_KEY)) {
        rc = verify_key(file, keys, err, &record);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "the key note");
    }
    HM_TRY(settle_client(keys, err, &record));
    for (size_t i = HM_DELIVERY_PART_REQUEST; i <= HM_DELIVERY_PART_RECEIPT; i++) {
        enum hm_delivery_part part = (enum hm_delivery_part)i;

        if (!hm_delivery_file_has(file, part))
            continue;
        rc = take_part(file, part, keys, err, &record);
        if (rc != HM_OK)
            return hm_error_prefix(err, rc, "the %s", names[part]);
    }
    *ret_record = record;
    record = (struct hm_delivery_record)HM_DELIVERY_RECORD_INIT;
    return HM_OK;
}

/* ---- proofs ---- */

enum hm_rc hm_delivery_file_prove(const struct hm_delivery_file *file,
                                  const struct hm_delivery_record *record,
                                  enum hm_delivery_part part, const struct hm_log_policy *policy,
                                  struct hm_err *err, struct hm_checkpoint_signed **ret_checkpoint)
{
    _hm_free_(hm_proof_free) struct hm_proof *proof = NULL;
    const struct hm_delivery *delivery = &record->delivery;
    bool is_offer = part == HM_DELIVERY_PART_OFFER_PROOF;
    char entry[HM_DELIVERY_LEAF_SIZE + 1];

    HM_ASSERT(is_proof(part));
    if (!hm_delivery_file_has(file, part))
        return hm_fail(err, HM_ENOTFOUND, "there is no %s", names[part]);
    if (is_offer ? delivery->state < HM_DELIVERY_OFFERED : !delivery->is_receipted)
        return hm_fail(err, HM_EREFUSED, "there is no %s that the %s could be of",
                       is_offer ? "offer" : "receipt", names[part]);
    HM_TRY(hm_proof_parse(file->parts[part], err, &proof));
    HM_TRY(hm_delivery_leaf_write(is_offer ? &delivery->offer.nonce : &delivery->receipt.nonce,
                                  is_offer ? &delivery->offer_hash : &delivery->receipt_hash, err,
                                  entry));
    return hm_proof_verify_entry(proof, hm_bytes_str(entry), policy, 0, HM_LOG_POLICY_ANY_AGE, err,
                                 ret_checkpoint);
}
