/* SPDX-License-Identifier: Apache-2.0 */
/* What goes out to signing services, and what comes back (external.h). */
#include "maker/external.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "crypto/signature_form.h"
#include "exchange/role.h"
#include "maker/release.h"
#include "maker/rotation.h"
#include "maker/withdrawal.h"

#define SCHEMA        "hallmark/to-sign/1"
#define LIST_FILE     "tosign.json"
#define LIST_SIZE_MAX ((size_t)1 << 28)

/* One request with whose signatures its documents want. */
struct waiting {
    struct hm_request *request;
    struct hm_rotation *rotation; /* of an identity's; owns the keys of need */
    struct hm_draft_need need;
};

static void waiting_done(struct waiting *waiting)
{
    hm_request_free(waiting->request);
    hm_rotation_free(waiting->rotation);
}

static enum hm_rc waiting_read(const struct hm_folder *folder, struct hm_bytes raw,
                               struct hm_err *err, struct waiting *waiting)
{
    HM_TRY(hm_request_parse(raw, err, &waiting->request));
    if (waiting->request->document_count > 0 &&
        strcmp(waiting->request->documents[0].role, "identity") == 0) {
        HM_TRY(hm_rotation_load(folder, err, &waiting->rotation));
        waiting->need = waiting->rotation->need;
        return HM_OK;
    }
    HM_TRY(hm_folder_need_identity(folder, err));
    waiting->need = (struct hm_draft_need){.groups = {&folder->identity->keys}, .group_count = 1};
    return HM_OK;
}

/* The next key that the need's groups list, each id once; NULL: no more. at counts from 0. */
static const struct hm_key *next_key(const struct hm_draft_need *need, size_t *at,
                                     const char **ret_id)
{
    for (;; (*at)++) {
        const struct hm_role_keys *keys = need->groups[0];
        const struct hm_keyring_key *found;
        size_t index = *at;
        bool listed = false;

        if (need->group_count == 2 && index >= keys->id_count) {
            index -= keys->id_count;
            keys = need->groups[1];
            if (index < keys->id_count)
                for (size_t i = 0; i < need->groups[0]->id_count && !listed; i++)
                    listed = strcmp(need->groups[0]->ids[i], keys->ids[index]) == 0;
        }
        if (index >= keys->id_count)
            return NULL;
        found = hm_keyring_find(keys->ring, hm_bytes_str(keys->ids[index]));
        if (listed || found == NULL || found->key == NULL)
            continue;
        *ret_id = keys->ids[index];
        (*at)++;
        return found->key;
    }
}

/* ---- going out ------------------------------------------------------------------------------ */

struct outlet {
    struct hm_dir dir;
    struct hm_json_writer writer;
    char stem[3 * HM_ROLE_NAME_SIZE_MAX + 1];
};

static enum hm_rc put(const struct outlet *outlet, const char *suffix, struct hm_bytes bytes,
                      struct hm_err *err)
{
    char name[sizeof(outlet->stem) + 16];

    (void)snprintf(name, sizeof(name), "%s.%s", outlet->stem, suffix);
    return hm_file_replace(&outlet->dir, name, 0644, bytes, err);
}

static void say_file(struct outlet *outlet, const char *key, const char *suffix)
{
    char name[sizeof(outlet->stem) + 16];

    (void)snprintf(name, sizeof(name), "%s.%s", outlet->stem, suffix);
    hm_json_writer_key_str(&outlet->writer, key, name);
}

/* The digest that the key's scheme takes of the bytes; NULL: it takes the bytes. */
static const char *digest_of(const struct hm_key *key)
{
    static const struct {
        const char *scheme, *digest;
    } table[] = {
        {"ecdsa-sha2-nistp256", "sha256"}, {"ecdsa-sha2-nistp384", "sha384"},
        {"rsassa-pss-sha256", "sha256"},   {"rsassa-pss-sha384", "sha384"},
        {"rsassa-pss-sha512", "sha512"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(table); i++) {
        if (strcmp(hm_key_scheme(key), table[i].scheme) == 0)
            return table[i].digest;
    }
    return NULL;
}

static enum hm_rc write_key(struct outlet *outlet, const struct hm_request_document *document,
                            const struct hm_key *key, const char *id, struct hm_err *err)
{
    uint8_t frame[HM_KEY_FRAME_SIZE];
    const char *digest = digest_of(key);
    struct hm_bytes bytes;

    for (size_t i = 0; i < document->envelope->signature_count; i++) {
        if (hm_bytes_is_str(document->envelope->signatures[i].keyid, id))
            return HM_OK; /* it has signed */
    }
    HM_TRY(hm_key_frame(key, document->envelope->canonical, err, frame, &bytes));
    hm_json_writer_object_begin(&outlet->writer);
    hm_json_writer_key_str(&outlet->writer, "keyid", id);
    hm_json_writer_key_str(&outlet->writer, "keytype", hm_key_type(key));
    hm_json_writer_key_str(&outlet->writer, "scheme", hm_key_scheme(key));
    hm_json_writer_key_str(&outlet->writer, "public", hm_key_public(key));
    if (bytes.data == frame) {
        HM_TRY(put(outlet, "frame", bytes, err));
        say_file(outlet, "signs", "frame");
    } else {
        say_file(outlet, "signs", "bytes");
    }
    if (digest != NULL)
        say_file(outlet, "digest", digest);
    hm_json_writer_object_end(&outlet->writer);
    return HM_OK;
}

static enum hm_rc write_document(struct outlet *outlet, const struct hm_draft_need *need,
                                 const struct hm_request_document *document, struct hm_err *err)
{
    static const struct {
        const char *name;
        enum hm_digest_kind kind;
        size_t size;
    } digests[] = {{"sha256", HM_DIGEST_SHA256, HM_SHA256_SIZE},
                   {"sha384", HM_DIGEST_SHA384, HM_SHA384_SIZE},
                   {"sha512", HM_DIGEST_SHA512, HM_SHA512_SIZE}};
    _hm_done_(hm_buf_done) struct hm_buf stem = HM_BUF_INIT(sizeof(outlet->stem) - 1);
    struct hm_bytes canonical = document->envelope->canonical;
    const struct hm_key *key;
    const char *id;

    HM_TRY(hm_text_percent(&stem, hm_bytes_str(document->role), err));
    (void)snprintf(outlet->stem, sizeof(outlet->stem), "%s", hm_buf_str(&stem));
    HM_TRY(put(outlet, "bytes", canonical, err));
    hm_json_writer_object_begin(&outlet->writer);
    hm_json_writer_key_str(&outlet->writer, "role", document->role);
    hm_json_writer_key_int(&outlet->writer, "version", document->version);
    say_file(outlet, "bytes", "bytes");
    hm_json_writer_key(&outlet->writer, "size");
    hm_json_writer_u64(&outlet->writer, canonical.size);
    for (size_t i = 0; i < HM_ARRAY_COUNT(digests); i++) {
        uint8_t digest[HM_SHA512_SIZE];

        HM_TRY(hm_digest_bytes(digests[i].kind, canonical, err, digest));
        HM_TRY(put(outlet, digests[i].name, hm_bytes_make(digest, digests[i].size), err));
        hm_json_writer_key(&outlet->writer, digests[i].name);
        hm_json_writer_hex(&outlet->writer, hm_bytes_make(digest, digests[i].size));
    }
    hm_json_writer_key(&outlet->writer, "keys");
    hm_json_writer_array_begin(&outlet->writer);
    for (size_t at = 0; (key = next_key(need, &at, &id)) != NULL;)
        HM_TRY(write_key(outlet, document, key, id, err));
    hm_json_writer_array_end(&outlet->writer);
    hm_json_writer_object_end(&outlet->writer);
    return HM_OK;
}

static enum hm_rc write_list(struct outlet *outlet, const struct waiting *waiting,
                             struct hm_err *err)
{
    const struct hm_request *request = waiting->request;

    hm_json_writer_object_begin(&outlet->writer);
    hm_json_writer_key_str(&outlet->writer, "schema", SCHEMA);
    if (request->site != NULL)
        hm_json_writer_key_str(&outlet->writer, "site", request->site);
    hm_json_writer_key_str(&outlet->writer, "maker", request->maker);
    hm_json_writer_key_str(&outlet->writer, "reason", request->reason);
    hm_json_writer_key(&outlet->writer, "documents");
    hm_json_writer_array_begin(&outlet->writer);
    for (size_t i = 0; i < request->document_count; i++)
        HM_TRY(write_document(outlet, &waiting->need, &request->documents[i], err));
    hm_json_writer_array_end(&outlet->writer);
    hm_json_writer_object_end(&outlet->writer);
    return hm_json_writer_end(&outlet->writer, err);
}

enum hm_rc hm_external_write(const struct hm_folder *folder, struct hm_bytes request,
                             const char *path, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf list = HM_BUF_INIT(LIST_SIZE_MAX);
    _hm_done_(waiting_done) struct waiting waiting = {NULL};
    struct outlet outlet = {.dir = HM_DIR_INIT};
    enum hm_rc rc;

    HM_TRY(waiting_read(folder, request, err, &waiting));
    HM_TRY(hm_dir_make(path, 0755, err, &outlet.dir));
    hm_json_writer_init(&outlet.writer, &list, true);
    /* Without its list while it changes. */
    rc = hm_dir_remove(&outlet.dir, LIST_FILE, err);
    if (rc == HM_OK)
        rc = write_list(&outlet, &waiting, err);
    if (rc == HM_OK)
        rc = hm_file_replace(&outlet.dir, LIST_FILE, 0644, hm_buf_bytes(&list), err);
    hm_dir_done(&outlet.dir);
    return rc;
}

/* ---- coming back ---------------------------------------------------------------------------- */

struct hm_external {
    struct waiting *items; /* grown in the arena */
    size_t count;
    size_t room;
    size_t document_count;
    size_t last; /* the document found last: signatures mostly come in the order of documents */
    struct hm_arena arena;
};

void hm_external_free(struct hm_external *external)
{
    if (external == NULL)
        return;
    for (size_t i = 0; i < external->count; i++)
        waiting_done(&external->items[i]);
    hm_arena_done(&external->arena);
    free(external);
}

/* rc: of making the request raw. Nothing that waits is nothing to add. */
static enum hm_rc add(struct hm_external *external, const struct hm_folder *folder, enum hm_rc rc,
                      const struct hm_buf *raw, struct hm_err *err)
{
    struct waiting *waiting;

    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    HM_ASSERT(external->count < external->room);
    waiting = &external->items[external->count];
    rc = waiting_read(folder, hm_buf_bytes(raw), err, waiting);
    external->count++; /* what is half read is freed with it */
    HM_TRY(rc);
    external->document_count += waiting->request->document_count;
    return HM_OK;
}

static enum hm_rc add_all(struct hm_external *external, const struct hm_folder *folder,
                          int64_t now_unix_s, struct hm_err *err)
{
    const char **sites, **recalled = NULL;
    size_t site_count, recalled_count = 0;
    enum hm_rc rc;

    HM_TRY(hm_folder_list(folder, true, &external->arena, err, &sites, &site_count));
    rc = hm_dir_list(&folder->dir, "recalls", HM_FOLDER_SITE_MAX, &external->arena, err, &recalled,
                     &recalled_count);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    external->room = 1 + site_count + recalled_count;
    external->items = hm_arena_alloc(&external->arena, external->room, sizeof(external->items[0]));
    if (external->items == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < external->room; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_REQUEST_SIZE_MAX);

        if (i == 0)
            rc = hm_rotation_request(folder, now_unix_s, err, &raw);
        else if (folder->identity == NULL)
            return HM_OK;
        else if (i <= site_count)
            rc = hm_release_request(folder, sites[i - 1], now_unix_s, err, &raw);
        else
            rc = hm_withdrawal_request(folder, recalled[i - 1 - site_count], now_unix_s, err, &raw);
        HM_TRY(add(external, folder, rc, &raw, err));
    }
    return HM_OK;
}

enum hm_rc hm_external_open(const struct hm_folder *folder, int64_t now_unix_s, struct hm_err *err,
                            struct hm_external **ret_external)
{
    _hm_free_(hm_external_free) struct hm_external *external = calloc(1, sizeof(*external));

    if (external == NULL)
        return hm_error_nomem(err);
    HM_TRY(add_all(external, folder, now_unix_s, err));
    *ret_external = hm_steal(&external);
    return HM_OK;
}

bool hm_external_is_list(struct hm_bytes file)
{
    bool seen = false;

    for (size_t i = 0; i < file.size; i++) {
        uint8_t c = file.data[i];
        bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r';

        if (!is_space && (c < 0x20 || c > 0x7e))
            return false;
        if (!is_space && !seen && c != '{')
            return false;
        seen |= !is_space;
    }
    return seen;
}

/* The document of that number, counted over all requests. */
static const struct hm_request_document *document_at(const struct hm_external *external,
                                                     size_t index, const struct waiting **ret_item)
{
    size_t i = 0;

    for (; index >= external->items[i].request->document_count; i++)
        index -= external->items[i].request->document_count;
    *ret_item = &external->items[i];
    return &external->items[i].request->documents[index];
}

static enum hm_rc add_item(struct hm_signatures *signatures,
                           const struct hm_request_document *document, const char *id,
                           struct hm_bytes signature, struct hm_err *err)
{
    struct hm_detached *item = &signatures->items[signatures->count];
    char *hex = hm_arena_alloc(&signatures->arena, 2 * signature.size + 1, 1);

    HM_ASSERT(signatures->count < HM_SIGNATURES_COUNT_MAX); /* an id of a document each */
    item->role = hm_arena_strdup(&signatures->arena, hm_bytes_str(document->role));
    item->keyid = hm_arena_strdup(&signatures->arena, hm_bytes_str(id));
    if (hex == NULL || item->role == NULL || item->keyid == NULL)
        return hm_error_nomem(err);
    hm_text_hex(signature, hex);
    item->sig_hex = hex;
    item->version = document->version;
    item->sha256 = document->sha256;
    signatures->count++;
    return HM_OK;
}

/* Under every id that its keys give the one that signed. */
static enum hm_rc try_document(const struct waiting *item,
                               const struct hm_request_document *document,
                               const struct hm_signature_forms *forms, struct hm_err *err,
                               struct hm_signatures **ret_signatures)
{
    _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
    const struct hm_key *key;
    const char *id;

    for (size_t at = 0; (key = next_key(&item->need, &at, &id)) != NULL;) {
        _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
        enum hm_rc rc =
            hm_signature_form_match(forms, key, document->envelope->canonical, err, &signature);

        if (rc == HM_ESIGNATURE)
            continue;
        HM_TRY(rc);
        if (signatures == NULL)
            HM_TRY(hm_signatures_new(item->request->site, item->request->maker, err, &signatures));
        HM_TRY(add_item(signatures, document, id, hm_buf_bytes(&signature), err));
    }
    if (signatures == NULL)
        return hm_fail(err, HM_ESIGNATURE, "no key of '%s' signed it", document->role);
    *ret_signatures = hm_steal(&signatures);
    return HM_OK;
}

/* Services differ in what they are given: a digest where they hash themselves is signed twice
 * hashed. Says so, if that is it. */
static enum hm_rc explain(const struct hm_external *external,
                          const struct hm_signature_forms *forms, struct hm_err *err)
{
    static const struct {
        enum hm_digest_kind kind;
        size_t size;
    } kinds[] = {{HM_DIGEST_SHA256, HM_SHA256_SIZE},
                 {HM_DIGEST_SHA384, HM_SHA384_SIZE},
                 {HM_DIGEST_SHA512, HM_SHA512_SIZE}};

    for (size_t i = 0; i < external->document_count; i++) {
        const struct waiting *item;
        const struct hm_request_document *document = document_at(external, i, &item);

        for (size_t kind = 0; kind < HM_ARRAY_COUNT(kinds); kind++) {
            struct hm_request_document other = *document;
            _hm_free_(hm_signatures_free) struct hm_signatures *signatures = NULL;
            uint8_t digest[HM_SHA512_SIZE];
            struct hm_envelope envelope = {0};
            enum hm_rc rc;

            HM_TRY(hm_digest_bytes(kinds[kind].kind, document->envelope->canonical, err, digest));
            envelope.canonical = hm_bytes_make(digest, kinds[kind].size);
            other.envelope = &envelope;
            rc = try_document(item, &other, forms, err, &signatures);
            if (rc == HM_OK)
                return hm_fail(err, HM_ESIGNATURE,
                               "the digest of '%s' version %lld was signed as if it were the "
                               "document: give the signer the bytes, or tell it that what it gets "
                               "is a digest",
                               document->role, (long long)document->version);
            if (rc != HM_ESIGNATURE)
                return rc;
        }
    }
    return hm_fail(err, HM_ESIGNATURE,
                   "it is no signature of the %zu document%s that wait%s by any of their keys: it "
                   "is by another key, of other bytes or of another site's, cut, or not in a form "
                   "that is taken (Ed25519: 64 bytes; ECDSA: DER or r and s; RSA: PSS)",
                   external->document_count, external->document_count == 1 ? "" : "s",
                   external->document_count == 1 ? "s" : "");
}

enum hm_rc hm_external_find(struct hm_external *external, struct hm_bytes file, struct hm_err *err,
                            struct hm_signatures **ret_signatures)
{
    _hm_done_(hm_signature_form_done) struct hm_signature_forms forms = HM_SIGNATURE_FORMS_INIT;

    HM_TRY(hm_signature_form_read(file, err, &forms));
    if (external->document_count == 0)
        return hm_fail(err, HM_ENOTFOUND, "nothing waits for signatures");
    for (size_t i = 0; i < external->document_count; i++) {
        const struct waiting *item;
        size_t index = (external->last + i) % external->document_count;
        const struct hm_request_document *document = document_at(external, index, &item);
        enum hm_rc rc = try_document(item, document, &forms, err, ret_signatures);

        if (rc == HM_OK)
            external->last = index;
        if (rc != HM_ESIGNATURE)
            return rc;
    }
    return explain(external, &forms, err);
}
