/* SPDX-License-Identifier: Apache-2.0 */
/* CSAF and OpenVEX documents of recalls. See csaf.h. */
#include "exchange/csaf.h"

#include "base/json_writer.h"
#include "base/text.h"

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, HM_SHA256_SIZE);
}

enum hm_rc hm_csaf_digests(const struct hm_csaf *csaf, struct hm_arena *arena, struct hm_err *err,
                           struct hm_sha256 **ret_digests, size_t *ret_count)
{
    struct hm_sha256 *digests = hm_arena_alloc(arena, csaf->product_count, sizeof(*digests));
    size_t kept = 0;

    if (digests == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < csaf->product_count; i++)
        digests[i] = csaf->products[i].sha256;
    qsort(digests, csaf->product_count, sizeof(*digests), compare_digests);
    for (size_t i = 0; i < csaf->product_count; i++) {
        if (kept == 0 || !hm_digest_is_equal(&digests[kept - 1], &digests[i]))
            digests[kept++] = digests[i];
    }
    *ret_digests = digests;
    *ret_count = kept;
    return HM_OK;
}

/* ---- CSAF ------------------------------------------------------------------------------------ */

static void write_publisher(struct hm_json_writer *writer, const struct hm_csaf *csaf)
{
    hm_json_writer_key(writer, "publisher");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "category", "vendor");
    hm_json_writer_key_str(writer, "name", csaf->publisher);
    hm_json_writer_key_str(writer, "namespace", csaf->url);
    hm_json_writer_object_end(writer);
}

static void write_date(struct hm_json_writer *writer, const char *key, const struct hm_csaf *csaf)
{
    hm_json_writer_key(writer, key);
    hm_json_writer_time(writer, csaf->recall->date_unix_s);
}

static void write_tracking(struct hm_json_writer *writer, const struct hm_csaf *csaf)
{
    hm_json_writer_key(writer, "tracking");
    hm_json_writer_object_begin(writer);
    write_date(writer, "current_release_date", csaf);
    hm_json_writer_key_str(writer, "id", csaf->recall->name);
    write_date(writer, "initial_release_date", csaf);
    hm_json_writer_key(writer, "revision_history");
    hm_json_writer_array_begin(writer);
    hm_json_writer_object_begin(writer);
    write_date(writer, "date", csaf);
    hm_json_writer_key_str(writer, "number", "1");
    hm_json_writer_key_str(writer, "summary", "Recalled.");
    hm_json_writer_object_end(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_key_str(writer, "status", "final");
    hm_json_writer_key_str(writer, "version", "1");
    hm_json_writer_object_end(writer);
}

static void write_document(struct hm_json_writer *writer, const struct hm_csaf *csaf)
{
    hm_json_writer_key(writer, "document");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "category", "csaf_security_advisory");
    hm_json_writer_key_str(writer, "csaf_version", "2.0");
    hm_json_writer_key(writer, "distribution");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "tlp");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "label", "WHITE");
    hm_json_writer_object_end(writer);
    hm_json_writer_object_end(writer);
    hm_json_writer_key_str(writer, "lang", "en");
    write_publisher(writer, csaf);
    if (csaf->self != NULL) {
        hm_json_writer_key(writer, "references");
        hm_json_writer_array_begin(writer);
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "category", "self");
        hm_json_writer_key_str(writer, "summary", "This document");
        hm_json_writer_key_str(writer, "url", csaf->self);
        hm_json_writer_object_end(writer);
        hm_json_writer_array_end(writer);
    }
    hm_json_writer_key_str(writer, "title", csaf->title);
    write_tracking(writer, csaf);
    hm_json_writer_object_end(writer);
}

/* A product is one file: its ID is the path that was signed for, or its digest. */
struct names {
    char hex[HM_SHA256_HEX_SIZE];
    char id[HM_SHA256_HEX_SIZE + 8];
};

static const char *id_of(const struct hm_csaf_product *product, struct names *names)
{
    hm_text_hex(hm_bytes_make(product->sha256.bytes, HM_SHA256_SIZE), names->hex);
    if (product->path != NULL)
        return product->path;
    (void)snprintf(names->id, sizeof(names->id), "sha256:%s", names->hex);
    return names->id;
}

static void write_product(struct hm_json_writer *writer, const struct hm_csaf_product *product)
{
    struct names names;
    const char *id = id_of(product, &names);
    const char *file = product->path == NULL ? names.hex : strrchr(product->path, '/') + 1;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "name", id);
    hm_json_writer_key_str(writer, "product_id", id);
    hm_json_writer_key(writer, "product_identification_helper");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "hashes");
    hm_json_writer_array_begin(writer);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "file_hashes");
    hm_json_writer_array_begin(writer);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "algorithm", "sha256");
    hm_json_writer_key_str(writer, "value", names.hex);
    hm_json_writer_object_end(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_key_str(writer, "filename", file);
    hm_json_writer_object_end(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
    hm_json_writer_object_end(writer);
}

static void write_ids(struct hm_json_writer *writer, const char *key, const struct hm_csaf *csaf)
{
    struct names names;

    hm_json_writer_key(writer, key);
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < csaf->product_count; i++)
        hm_json_writer_str(writer, id_of(&csaf->products[i], &names));
    hm_json_writer_array_end(writer);
}

static void write_vulnerability(struct hm_json_writer *writer, const struct hm_csaf *csaf)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "ids");
    hm_json_writer_array_begin(writer);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "system_name", "Hallmark recall");
    hm_json_writer_key_str(writer, "text", csaf->recall->path);
    hm_json_writer_object_end(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "notes");
    hm_json_writer_array_begin(writer);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "category", "description");
    hm_json_writer_key_str(writer, "text", csaf->recall->reason);
    hm_json_writer_object_end(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_key(writer, "product_status");
    hm_json_writer_object_begin(writer);
    write_ids(writer, "known_affected", csaf);
    hm_json_writer_object_end(writer);
    hm_json_writer_key(writer, "remediations");
    hm_json_writer_array_begin(writer);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "category", "mitigation");
    write_date(writer, "date", csaf);
    hm_json_writer_key_str(writer, "details", csaf->recall->remedy);
    write_ids(writer, "product_ids", csaf);
    hm_json_writer_object_end(writer);
    hm_json_writer_array_end(writer);
    hm_json_writer_key_str(writer, "title", csaf->title);
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_csaf_write(const struct hm_csaf *csaf, struct hm_err *err, struct hm_buf *ret_json)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(HM_CSAF_SIZE_MAX);
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, &json, true);
    hm_json_writer_object_begin(&writer);
    write_document(&writer, csaf);
    hm_json_writer_key(&writer, "product_tree");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key(&writer, "full_product_names");
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < csaf->product_count; i++)
        write_product(&writer, &csaf->products[i]);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    hm_json_writer_key(&writer, "vulnerabilities");
    hm_json_writer_array_begin(&writer);
    write_vulnerability(&writer, csaf);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    if (hm_json_writer_end(&writer, err) != HM_OK)
        return hm_error_prefix(err, HM_EUSAGE, "the CSAF document");
    return hm_buf_append(ret_json, hm_buf_bytes(&json), err);
}

/* ---- OpenVEX --------------------------------------------------------------------------------- */

static void write_statement(struct hm_json_writer *writer, const struct hm_recall *recall)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "vulnerability");
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "name", recall->path);
    hm_json_writer_key_str(writer, "description", recall->reason);
    hm_json_writer_object_end(writer);
    hm_json_writer_key(writer, "products");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < recall->digest_count; i++) {
        char hex[HM_SHA256_HEX_SIZE], id[HM_SHA256_HEX_SIZE + 16];

        hm_text_hex(hm_bytes_make(recall->digests[i].bytes, HM_SHA256_SIZE), hex);
        (void)snprintf(id, sizeof(id), "urn:sha256:%s", hex);
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "@id", id);
        hm_json_writer_key(writer, "hashes");
        hm_json_writer_object_begin(writer);
        hm_json_writer_key_str(writer, "sha-256", hex);
        hm_json_writer_object_end(writer);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_key_str(writer, "status", "affected");
    hm_json_writer_key_str(writer, "action_statement", recall->remedy);
    hm_json_writer_object_end(writer);
}

enum hm_rc hm_csaf_write_openvex(const struct hm_recall *recall, const char *author, const char *id,
                                 struct hm_err *err, struct hm_buf *ret_json)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_json, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "@context", "https://openvex.dev/ns/v0.2.0");
    hm_json_writer_key_str(&writer, "@id", id);
    hm_json_writer_key_str(&writer, "author", author);
    hm_json_writer_key(&writer, "timestamp");
    hm_json_writer_time(&writer, recall->date_unix_s);
    hm_json_writer_key_int(&writer, "version", 1);
    hm_json_writer_key(&writer, "statements");
    hm_json_writer_array_begin(&writer);
    write_statement(&writer, recall);
    hm_json_writer_array_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}
