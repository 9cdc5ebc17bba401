/* SPDX-License-Identifier: Apache-2.0 */
/* A signing request (docs/formats.md 5). No name in the archive is ever used as a file name: each
 * is compared with the one that must stand there. */
#include "exchange/request.h"

#include "base/json_writer.h"
#include "base/num.h"
#include "base/text.h"
#include "base/time.h"
#include "exchange/role.h"
#include "trust/layout.h"

#define SCHEMA "hallmark/request/1"

/* ---- request.json --------------------------------------------------------------------------- */

static enum hm_rc copy_text(struct hm_json *json, struct hm_request *request, struct hm_err *err,
                            const char **ret_text)
{
    struct hm_bytes text;
    char *copy;

    HM_TRY(hm_json_string(json, err, &text));
    copy = hm_arena_strdup(&request->arena, text);
    if (copy == NULL)
        return hm_error_nomem(err);
    *ret_text = copy;
    return HM_OK;
}

static enum hm_rc copy_id(struct hm_json *json, struct hm_request *request, struct hm_err *err,
                          const char **ret_id)
{
    const char *id = NULL;
    enum hm_rc rc;

    HM_TRY(copy_text(json, request, err, &id));
    rc = hm_layout_check_id(hm_bytes_str(id), err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "request.json");
    *ret_id = id;
    return HM_OK;
}

static enum hm_rc read_document(struct hm_json *json, struct hm_request *request,
                                struct hm_err *err, struct hm_request_document *document)
{
    bool has_digest = false;
    struct hm_bytes key;
    struct hm_bytes text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "role")) {
            HM_TRY(copy_text(json, request, err, &document->role));
        } else if (hm_bytes_is_str(key, "version")) {
            HM_TRY(hm_json_int(json, err, &document->version));
        } else if (hm_bytes_is_str(key, "sha256")) {
            HM_TRY(hm_json_string(json, err, &text));
            if (hm_text_unhex(text, document->sha256.bytes, HM_SHA256_SIZE) != HM_OK)
                return hm_fail(err, HM_EFORMAT,
                               "request.json: \"sha256\" is not 64 hexadecimal digits");
            has_digest = true;
        } else {
            return hm_fail(err, HM_EFORMAT, "request.json: unknown member '%.*s'",
                           HM_BYTES_FMT(key));
        }
    }
    if (document->role == NULL || document->version < 1 || !has_digest)
        return hm_fail(err, HM_EFORMAT,
                       "request.json: a document lacks its role, version (from 1 on) or sha256");
    return HM_OK;
}

static enum hm_rc read_documents(struct hm_json *json, struct hm_request *request,
                                 struct hm_err *err)
{
    bool more;

    request->documents = hm_arena_alloc(&request->arena, HM_REQUEST_DOCUMENT_COUNT_MAX,
                                        sizeof(request->documents[0]));
    if (request->documents == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        if (request->document_count == HM_REQUEST_DOCUMENT_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "request.json: more than %d documents",
                           HM_REQUEST_DOCUMENT_COUNT_MAX);
        HM_TRY(read_document(json, request, err, &request->documents[request->document_count]));
        request->document_count++;
    }
}

static enum hm_rc read_findings(struct hm_json *json, struct hm_request *request,
                                struct hm_err *err)
{
    bool more;

    request->findings =
        hm_arena_alloc(&request->arena, HM_REQUEST_FINDING_COUNT_MAX, sizeof(request->findings[0]));
    if (request->findings == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        const char *text = NULL;

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        if (request->finding_count == HM_REQUEST_FINDING_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "request.json: more than %d findings",
                           HM_REQUEST_FINDING_COUNT_MAX);
        HM_TRY(copy_text(json, request, err, &text));
        if (strlen(text) > HM_REQUEST_FINDING_SIZE_MAX)
            return hm_fail(err, HM_EFORMAT, "request.json: a finding is longer than %d bytes",
                           HM_REQUEST_FINDING_SIZE_MAX);
        request->findings[request->finding_count++] = text;
    }
}

/* What a request must name follows from the roles in it. */
static enum hm_rc check_roles(const struct hm_request *request, struct hm_err *err)
{
    for (size_t i = 0; i < request->document_count; i++) {
        const char *role = request->documents[i].role;
        enum hm_role_kind kind;
        struct hm_bytes id;

        HM_TRY(hm_role_parse(hm_bytes_str(role), err, &kind));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(role, request->documents[k].role) == 0)
                return hm_fail(err, HM_EFORMAT, "request.json: role '%s' stands twice", role);
        }
        if (kind != HM_ROLE_IDENTITY && request->site == NULL)
            return hm_fail(err, HM_EFORMAT, "request.json: role '%s' needs a \"site\"", role);
        if (kind == HM_ROLE_IDENTITY && request->maker == NULL)
            return hm_fail(err, HM_EFORMAT, "request.json: role '%s' needs a \"maker\"", role);
        if (hm_role_is_of(role, "maker", &id) &&
            (request->maker == NULL || !hm_bytes_is_str(id, request->maker)))
            return hm_fail(err, HM_EFORMAT, "request.json: role '%s' is not of the \"maker\" named",
                           role);
    }
    return HM_OK;
}

struct head_seen {
    bool schema, created;
};

static enum hm_rc read_head_member(struct hm_json *json, struct hm_request *request,
                                   struct hm_bytes key, struct head_seen *seen, struct hm_err *err)
{
    struct hm_bytes text;

    if (hm_bytes_is_str(key, "site"))
        return copy_id(json, request, err, &request->site);
    if (hm_bytes_is_str(key, "maker"))
        return copy_id(json, request, err, &request->maker);
    if (hm_bytes_is_str(key, "reason"))
        return copy_text(json, request, err, &request->reason);
    if (hm_bytes_is_str(key, "documents"))
        return read_documents(json, request, err);
    if (hm_bytes_is_str(key, "findings"))
        return read_findings(json, request, err);
    if (!hm_bytes_is_str(key, "schema") && !hm_bytes_is_str(key, "created"))
        return hm_fail(err, HM_EFORMAT, "request.json: unknown member '%.*s'", HM_BYTES_FMT(key));
    HM_TRY(hm_json_string(json, err, &text));
    if (hm_bytes_is_str(key, "schema")) {
        if (!hm_bytes_is_str(text, SCHEMA))
            return hm_fail(err, HM_EFORMAT, "request.json: schema is '%.*s', not '%s'",
                           HM_BYTES_FMT(text), SCHEMA);
        seen->schema = true;
        return HM_OK;
    }
    if (hm_time_parse(text, &request->created_unix_s) != HM_OK)
        return hm_fail(err, HM_EFORMAT,
                       "request.json: \"created\" is no time like "
                       "2026-01-31T12:00:00Z");
    seen->created = true;
    return HM_OK;
}

static enum hm_rc read_head(struct hm_bytes raw, struct hm_request *request, struct hm_err *err)
{
    struct head_seen seen = {0};
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    hm_json_init(&json, raw, &request->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(read_head_member(&json, request, key, &seen, err));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!seen.schema || !seen.created || request->reason == NULL || request->document_count == 0)
        return hm_fail(err, HM_EFORMAT,
                       "request.json: it lacks one of schema, created, reason, documents");
    if (strlen(request->reason) > HM_REQUEST_REASON_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "request.json: \"reason\" is longer than %d bytes",
                       HM_REQUEST_REASON_SIZE_MAX);
    return check_roles(request, err);
}

/* ---- the archive ---------------------------------------------------------------------------- */

struct memory {
    struct hm_bytes left;
};

static enum hm_rc read_memory(void *ctx, uint8_t *data, size_t size, struct hm_err *err,
                              bool *ret_end)
{
    struct memory *memory = ctx;

    if (size == 0)
        return HM_OK;
    if (memory->left.size == 0) {
        *ret_end = true;
        return HM_OK;
    }
    if (memory->left.size < size)
        return hm_fail(err, HM_EFORMAT, "request: the archive is cut off");
    (void)memcpy(data, memory->left.data, size);
    memory->left.data += size;
    memory->left.size -= size;
    return HM_OK;
}

/* The archive and the member it stands at. */
struct source {
    struct hm_ustar_reader reader;
    struct hm_arena *arena;
    uint64_t archive_size;
    bool more;
    const char *name;
    uint64_t size;
};

static enum hm_rc advance(struct source *source, struct hm_err *err)
{
    return hm_ustar_reader_next(&source->reader, err, &source->more, &source->name, &source->size);
}

/* The member the source stands at, if it is called name; *ret_bytes is left alone otherwise. */
static enum hm_rc take(struct source *source, const char *name, uint64_t size_max,
                       struct hm_err *err, struct hm_bytes *ret_bytes, bool *ret_taken)
{
    uint8_t *data;
    size_t size;
    size_t filled = 0;
    size_t got;

    *ret_taken = false;
    if (!source->more || strcmp(source->name, name) != 0)
        return HM_OK;
    if (source->size > size_max)
        return hm_fail(err, HM_EFORMAT, "request: '%s' is larger than %llu bytes", name,
                       (unsigned long long)size_max);
    if (source->size > source->archive_size)
        return hm_fail(err, HM_EFORMAT, "request: the archive is cut off in '%s'", name);
    HM_TRY(hm_num_size(source->size, &size));
    data = hm_arena_alloc(source->arena, size, 1);
    if (data == NULL)
        return hm_error_nomem(err);
    while (filled < size) {
        HM_TRY(hm_ustar_reader_read(&source->reader, data + filled, size - filled, err, &got));
        if (got == 0)
            return hm_fail(err, HM_EFORMAT, "request: the archive is cut off in '%s'", name);
        filled += got;
    }
    HM_TRY(advance(source, err));
    *ret_bytes = hm_bytes_make(data, size);
    *ret_taken = true;
    return HM_OK;
}

static enum hm_rc take_required(struct source *source, const char *name, uint64_t size_max,
                                struct hm_err *err, struct hm_bytes *ret_bytes)
{
    bool taken;

    HM_TRY(take(source, name, size_max, err, ret_bytes, &taken));
    if (taken)
        return HM_OK;
    if (!source->more)
        return hm_fail(err, HM_EFORMAT, "request: '%s' is missing", name);
    return hm_fail(err, HM_EFORMAT, "request: '%s' stands where '%s' must", source->name, name);
}

static enum hm_rc take_chain(struct source *source, struct hm_request *request, struct hm_err *err)
{
    bool taken;

    HM_TRY(take(source, "chain/root.json", HM_DOCUMENT_ROOT_SIZE_MAX, err, &request->root, &taken));
    HM_TRY(take(source, "chain/targets.json", HM_DOCUMENT_TARGETS_SIZE_MAX, err, &request->targets,
                &taken));
    for (int64_t version = 1; version <= HM_IDENTITY_VERSION_MAX; version++) {
        char name[40];

        (void)snprintf(name, sizeof(name), "chain/%lld.identity", (long long)version);
        if (!source->more || strcmp(source->name, name) != 0)
            return HM_OK;
        if (request->identities == NULL)
            request->identities = hm_arena_alloc(&request->arena, HM_IDENTITY_VERSION_MAX,
                                                 sizeof(request->identities[0]));
        if (request->identities == NULL)
            return hm_error_nomem(err);
        HM_TRY(take_required(source, name, HM_IDENTITY_SIZE_MAX, err,
                             &request->identities[version - 1]));
        request->identity_count++;
    }
    return HM_OK;
}

/* The document's bytes are those of the list, and say the version of the list. */
static enum hm_rc open_document(struct hm_request_document *document, struct hm_err *err)
{
    struct hm_sha256 sha256;
    int64_t version;
    enum hm_rc rc;

    rc = hm_envelope_parse(document->next, err, &document->envelope);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "request: '%s'", document->role);
    HM_TRY(hm_digest_sha256(document->envelope->canonical, err, &sha256));
    if (!hm_digest_is_equal(&sha256, &document->sha256))
        return hm_fail(err, HM_EMISMATCH,
                       "request: '%s': the bytes to sign have not the SHA-256 of the list",
                       document->role);
    HM_TRY(hm_role_peek_version(document->envelope, document->role, err, &version));
    if (version != document->version)
        return hm_fail(err, HM_EMISMATCH, "request: '%s' is version %lld, the list says %lld",
                       document->role, (long long)version, (long long)document->version);
    return HM_OK;
}

static enum hm_rc take_documents(struct source *source, struct hm_request *request,
                                 struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_USTAR_NAME_SIZE_MAX);
    bool taken;

    for (size_t i = 0; i < request->document_count; i++) {
        struct hm_request_document *document = &request->documents[i];

        hm_buf_clear(&name);
        HM_TRY(hm_role_file_name("current/", document->role, err, &name));
        HM_TRY(take(source, hm_buf_str(&name), HM_REQUEST_DOCUMENT_SIZE_MAX, err,
                    &document->current, &taken));
    }
    for (size_t i = 0; i < request->document_count; i++) {
        struct hm_request_document *document = &request->documents[i];

        hm_buf_clear(&name);
        HM_TRY(hm_role_file_name("next/", document->role, err, &name));
        HM_TRY(take_required(source, hm_buf_str(&name), HM_REQUEST_DOCUMENT_SIZE_MAX, err,
                             &document->next));
        HM_TRY(open_document(document, err));
    }
    if (source->more)
        return hm_fail(err, HM_EFORMAT, "request: '%s' has no place in it", source->name);
    return HM_OK;
}

enum hm_rc hm_request_parse(struct hm_bytes raw, struct hm_err *err,
                            struct hm_request **ret_request)
{
    _hm_free_(hm_request_free) struct hm_request *request = calloc(1, sizeof(*request));
    struct memory memory = {.left = raw};
    struct source source = {.archive_size = raw.size};
    struct hm_bytes head = HM_BYTES_EMPTY;

    if (request == NULL)
        return hm_error_nomem(err);
    if (raw.size > HM_REQUEST_SIZE_MAX)
        return hm_fail(err, HM_EFORMAT, "request: larger than %d bytes", HM_REQUEST_SIZE_MAX);
    source.arena = &request->arena;
    hm_ustar_reader_init(&source.reader, read_memory, &memory);
    HM_TRY(advance(&source, err));
    HM_TRY(take_required(&source, "request.json", HM_REQUEST_HEAD_SIZE_MAX, err, &head));
    HM_TRY(read_head(head, request, err));
    HM_TRY(take_chain(&source, request, err));
    HM_TRY(take_documents(&source, request, err));
    *ret_request = hm_steal(&request);
    return HM_OK;
}

void hm_request_free(struct hm_request *request)
{
    if (request == NULL)
        return;
    for (size_t i = 0; i < request->document_count; i++)
        hm_envelope_free(request->documents[i].envelope);
    hm_arena_done(&request->arena);
    free(request);
}

/* ---- writing -------------------------------------------------------------------------------- */

static enum hm_rc write_buf(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

static enum hm_rc write_head(const struct hm_request *request, struct hm_err *err,
                             struct hm_buf *ret_buf)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    if (request->site != NULL)
        hm_json_writer_key_str(&writer, "site", request->site);
    if (request->maker != NULL)
        hm_json_writer_key_str(&writer, "maker", request->maker);
    hm_json_writer_key(&writer, "created");
    hm_json_writer_time(&writer, request->created_unix_s);
    hm_json_writer_key_str(&writer, "reason", request->reason);
    if (request->finding_count > 0) {
        hm_json_writer_key(&writer, "findings");
        hm_json_writer_array_begin(&writer);
        for (size_t i = 0; i < request->finding_count; i++)
            hm_json_writer_str(&writer, request->findings[i]);
        hm_json_writer_array_end(&writer);
    }
    hm_json_writer_key(&writer, "documents");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < request->document_count; i++) {
        const struct hm_request_document *document = &request->documents[i];

        hm_json_writer_object_begin(&writer);
        hm_json_writer_key_str(&writer, "role", document->role);
        hm_json_writer_key_int(&writer, "version", document->version);
        hm_json_writer_key(&writer, "sha256");
        hm_json_writer_hex(&writer, hm_bytes_make(document->sha256.bytes, HM_SHA256_SIZE));
        hm_json_writer_object_end(&writer);
    }
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc write_chain(struct hm_ustar_writer *writer, const struct hm_request *request,
                              struct hm_err *err)
{
    if (request->root.size > 0)
        HM_TRY(hm_ustar_writer_add(writer, "chain/root.json", request->root, err));
    if (request->targets.size > 0)
        HM_TRY(hm_ustar_writer_add(writer, "chain/targets.json", request->targets, err));
    for (size_t i = 0; i < request->identity_count; i++) {
        char name[40];

        (void)snprintf(name, sizeof(name), "chain/%zu.identity", i + 1);
        HM_TRY(hm_ustar_writer_add(writer, name, request->identities[i], err));
    }
    return HM_OK;
}

static enum hm_rc write_document(struct hm_ustar_writer *writer, const char *prefix,
                                 const char *role, struct hm_bytes bytes, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(HM_USTAR_NAME_SIZE_MAX);

    if (bytes.size > HM_REQUEST_DOCUMENT_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "request: '%s' is larger than %d bytes", role,
                       HM_REQUEST_DOCUMENT_SIZE_MAX);
    HM_TRY(hm_role_file_name(prefix, role, err, &name));
    return hm_ustar_writer_add(writer, hm_buf_str(&name), bytes, err);
}

enum hm_rc hm_request_write(const struct hm_request *request, struct hm_err *err,
                            struct hm_buf *ret_buf)
{
    _hm_done_(hm_buf_done) struct hm_buf head = HM_BUF_INIT(HM_REQUEST_HEAD_SIZE_MAX);
    struct hm_ustar_writer writer;

    if (request->document_count == 0 || request->document_count > HM_REQUEST_DOCUMENT_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a request holds 1 to %d documents, not %zu",
                       HM_REQUEST_DOCUMENT_COUNT_MAX, request->document_count);
    if (strlen(request->reason) > HM_REQUEST_REASON_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "the reason of a request is longer than %d bytes",
                       HM_REQUEST_REASON_SIZE_MAX);
    if (request->finding_count > HM_REQUEST_FINDING_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "a request holds at most %d findings",
                       HM_REQUEST_FINDING_COUNT_MAX);
    HM_TRY(check_roles(request, err));
    HM_TRY(write_head(request, err, &head));
    hm_ustar_writer_init(&writer, write_buf, ret_buf);
    HM_TRY(hm_ustar_writer_add(&writer, "request.json", hm_buf_bytes(&head), err));
    HM_TRY(write_chain(&writer, request, err));
    for (size_t i = 0; i < request->document_count; i++) {
        if (request->documents[i].current.size > 0)
            HM_TRY(write_document(&writer, "current/", request->documents[i].role,
                                  request->documents[i].current, err));
    }
    for (size_t i = 0; i < request->document_count; i++)
        HM_TRY(write_document(&writer, "next/", request->documents[i].role,
                              request->documents[i].next, err));
    return hm_ustar_writer_end(&writer, err);
}
