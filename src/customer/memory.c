/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sites/NAME/makers/ID/memory.json: {"schema": "hallmark/memory/1", "grade": "maker"|"attested",
 * "first": HEX, "version": N} (the last two for grade maker), and N.identity beside it.
 */
#include "customer/memory.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"

#define SCHEMA        "hallmark/memory/1"
#define PATH_SIZE_MAX 128 /* "makers/" ID "/" N ".identity" */

/* ---- memory.json ----------------------------------------------------------------------------- */

static void memory_path(const char *id, char path[PATH_SIZE_MAX])
{
    (void)snprintf(path, PATH_SIZE_MAX, "makers/%s/memory.json", id); /* an ID is short */
}

struct parsed {
    bool schema, grade, first, version;
    struct hm_memory memory;
};

static enum hm_rc parse_member(struct hm_json *json, struct hm_bytes key, struct hm_err *err,
                               struct parsed *parsed)
{
    struct hm_bytes text;

    if (hm_bytes_is_str(key, "version")) {
        parsed->version = true;
        HM_TRY(hm_json_int(json, err, &parsed->memory.identity_version));
        if (parsed->memory.identity_version < 1 ||
            parsed->memory.identity_version > HM_IDENTITY_VERSION_MAX)
            return hm_fail(err, HM_EFORMAT, "version is out of range");
        return HM_OK;
    }
    HM_TRY(hm_json_string(json, err, &text));
    if (hm_bytes_is_str(key, "schema")) {
        parsed->schema = hm_bytes_is_str(text, SCHEMA);
    } else if (hm_bytes_is_str(key, "grade")) {
        parsed->memory.was_maker = hm_bytes_is_str(text, "maker");
        parsed->grade = parsed->memory.was_maker || hm_bytes_is_str(text, "attested");
    } else if (hm_bytes_is_str(key, "first")) {
        parsed->first = true;
        if (hm_text_unhex(text, parsed->memory.first.bytes, HM_SHA256_SIZE) != HM_OK)
            return hm_fail(err, HM_EFORMAT, "first is not 64 hexadecimal digits");
    } else {
        return hm_fail(err, HM_EFORMAT, "member '%.*s' is not known", HM_BYTES_FMT(key));
    }
    return HM_OK;
}

static enum hm_rc parse(struct hm_bytes raw, struct hm_err *err, struct hm_memory *ret_memory)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct parsed parsed = {.memory.is_known = true};
    struct hm_json json;
    struct hm_bytes key;
    bool more;

    hm_json_init(&json, raw, &arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            break;
        HM_TRY(parse_member(&json, key, err, &parsed));
    }
    HM_TRY(hm_json_end(&json, err));
    if (!parsed.schema || !parsed.grade ||
        (parsed.memory.was_maker && (!parsed.first || !parsed.version)))
        return hm_fail(err, HM_EFORMAT, "it is incomplete");
    *ret_memory = parsed.memory;
    return HM_OK;
}

enum hm_rc hm_memory_read(const struct hm_dir *site_dir, const char *id,
                          const struct hm_sha256 *pin, struct hm_err *err,
                          struct hm_memory *ret_memory)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_MEMORY_SIZE_MAX);
    struct hm_memory memory = {0};
    char path[PATH_SIZE_MAX];
    enum hm_rc rc;

    memory_path(id, path);
    rc = hm_dir_read(site_dir, path, err, &raw);
    if (rc != HM_OK && rc != HM_ENOTFOUND)
        return rc;
    if (rc == HM_OK && parse(hm_buf_bytes(&raw), err, &memory) != HM_OK)
        return hm_error_prefix(err, HM_EFORMAT,
                               "what was remembered of maker '%s' is damaged ('%s/%s'); restore it "
                               "from a backup",
                               id, site_dir->path, path);
    if (pin != NULL) {
        /* A pin is the customer's explicit word: it may begin another chain. */
        if (memory.was_maker && !hm_digest_is_equal(&memory.first, pin))
            memory.identity_version = 0;
        memory.is_pinned = true;
        memory.first = *pin;
    }
    *ret_memory = memory;
    return HM_OK;
}

enum hm_rc hm_memory_raise(const struct hm_dir *site_dir, const struct hm_layout_maker *maker,
                           const struct hm_memory *memory, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_MEMORY_SIZE_MAX);
    struct hm_json_writer writer;
    char path[PATH_SIZE_MAX];

    if (maker->is_attested
            ? memory->is_known
            : memory->was_maker && maker->identity_version <= memory->identity_version)
        return HM_OK;
    hm_json_writer_init(&writer, &raw, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", SCHEMA);
    hm_json_writer_key_str(&writer, "grade", maker->is_attested ? "attested" : "maker");
    if (!maker->is_attested) {
        hm_json_writer_key(&writer, "first");
        hm_json_writer_hex(&writer, hm_bytes_make(maker->identity_first.bytes, HM_SHA256_SIZE));
        hm_json_writer_key_int(&writer, "version", maker->identity_version);
    }
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    HM_TRY(hm_buf_append_str(&raw, "\n", err));
    memory_path(maker->id, path);
    return hm_file_replace(site_dir, path, 0644, hm_buf_bytes(&raw), err);
}

/* ---- identities ------------------------------------------------------------------------------ */

struct chain {
    const struct hm_dir *site_dir;
    const struct hm_layout_maker *maker;
    const struct hm_client_source *source;
    struct hm_identity *newest; /* owned; NULL before version 1 */
};

static void chain_done(struct chain *chain)
{
    hm_identity_free(chain->newest);
}

static void identity_path(const char *id, int64_t version, char path[PATH_SIZE_MAX])
{
    (void)snprintf(path, PATH_SIZE_MAX, "makers/%s/%lld.identity", id,
                   (long long)version); /* an ID is short */
}

/* One link: verified by the one before, and the one that targets.json names where it names one. */
static enum hm_rc verify_link(const struct chain *chain, int64_t version, struct hm_bytes raw,
                              struct hm_err *err, struct hm_identity **ret_identity)
{
    _hm_free_(hm_identity_free) struct hm_identity *identity = NULL;
    const struct hm_layout_maker *maker = chain->maker;

    if (chain->newest == NULL)
        HM_TRY(hm_identity_verify_first(raw, err, &identity));
    else
        HM_TRY(hm_identity_verify_next(chain->newest, raw, err, &identity));
    if (strcmp(identity->maker, maker->id) != 0)
        return hm_fail(err, HM_EMISMATCH, "the identity is of maker '%s'", identity->maker);
    if (version == 1 && !hm_digest_is_equal(&identity->sha256, &maker->identity_first))
        return hm_fail(err, HM_EMISMATCH,
                       "the first identity is not the one that 'targets' names (sha256)");
    if (version == maker->identity_version &&
        !hm_digest_is_equal(&identity->sha256, &maker->identity_sha256))
        return hm_fail(err, HM_EMISMATCH,
                       "identity %lld is not the one that 'targets' names (sha256)",
                       (long long)version);
    *ret_identity = hm_steal(&identity);
    return HM_OK;
}

static enum hm_rc get_link(const struct chain *chain, int64_t version, struct hm_err *err,
                           struct hm_identity **ret_identity)
{
    _hm_done_(hm_buf_done) struct hm_buf held = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    char path[PATH_SIZE_MAX];

    identity_path(chain->maker->id, version, path);
    if (hm_dir_read(chain->site_dir, path, NULL, &held) == HM_OK &&
        verify_link(chain, version, hm_buf_bytes(&held), NULL, ret_identity) == HM_OK)
        return HM_OK;
    if (chain->source == NULL)
        return hm_fail(err, HM_EAGAIN, "identity %lld is not held here; refresh the site first",
                       (long long)version);
    HM_TRY(chain->source->get(chain->source->ctx, path, err, &raw));
    HM_TRY(verify_link(chain, version, hm_buf_bytes(&raw), err, ret_identity));
    return hm_file_replace(chain->site_dir, path, 0644, hm_buf_bytes(&raw), err);
}

static enum hm_rc get_chain(struct chain *chain, struct hm_err *err)
{
    for (int64_t version = 1; version <= chain->maker->identity_version; version++) {
        struct hm_identity *next = NULL;
        enum hm_rc rc = get_link(chain, version, err, &next);

        if (rc != HM_OK) {
            hm_identity_free(next);
            return hm_error_prefix(err, rc, "maker '%s'", chain->maker->id);
        }
        hm_identity_free(chain->newest);
        chain->newest = next;
    }
    return HM_OK;
}

enum hm_rc hm_memory_identity(const struct hm_dir *site_dir, const struct hm_layout_maker *maker,
                              const struct hm_client_source *source, struct hm_err *err,
                              struct hm_identity **ret_identity)
{
    _hm_done_(chain_done) struct chain chain = {
        .site_dir = site_dir, .maker = maker, .source = source};

    HM_TRY(get_chain(&chain, err));
    *ret_identity = hm_steal(&chain.newest);
    return HM_OK;
}
