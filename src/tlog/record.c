/* SPDX-License-Identifier: Apache-2.0 */
/* Write-ahead records. See record.h. */
#include "tlog/record.h"

#include "base/reader.h"

#define MAGIC "hallmark/record1"
/* Seven levels of tiles, each with a partial one at the edge. */
#define BASE_COUNT_MAX (HM_TILE_LEVEL_MAX * (HM_TILE_WIDTH - 1))

/* --- reading ---------------------------------------------------------------------------------- */

static bool has_entries(struct hm_bytes body, uint32_t count)
{
    struct hm_rd rd = hm_reader_make(body);

    for (uint32_t i = 0; i < count && !hm_reader_failed(&rd); i++)
        (void)hm_reader_take(&rd, hm_reader_be16(&rd)); /* failure stays in rd */
    return !hm_reader_failed(&rd) && hm_reader_left(&rd) == 0;
}

static bool is_sound(const struct hm_record *record)
{
    switch (record->kind) {
    case HM_RECORD_BASE:
        return record->count <= BASE_COUNT_MAX && record->size <= HM_MERKLE_SIZE_MAX &&
               record->body.size == (size_t)record->count * HM_SHA256_SIZE;
    case HM_RECORD_ENTRIES:
        return record->count > 0 && record->count <= HM_RECORD_ENTRY_COUNT_MAX &&
               record->size <= (uint64_t)HM_MERKLE_SIZE_MAX - record->count &&
               record->body.size <= HM_RECORD_BODY_SIZE_MAX &&
               has_entries(record->body, record->count);
    }
    return false;
}

/* All but the last checksum, of any kind. */
static bool read_fields(struct hm_rd *rd, struct hm_record *ret_record, uint32_t *ret_kind)
{
    struct hm_record record = {.kind = HM_RECORD_BASE};
    struct hm_bytes magic = hm_reader_take(rd, HM_RECORD_MAGIC_SIZE);
    struct hm_bytes file = hm_reader_take(rd, HM_RECORD_FILE_SIZE);
    uint32_t kind = hm_reader_be32(rd);
    uint64_t body_size;
    struct hm_bytes root;

    record.count = hm_reader_be32(rd);
    record.size = hm_reader_be64(rd);
    body_size = hm_reader_be64(rd);
    if (hm_reader_failed(rd) || !hm_bytes_is_equal(magic, HM_BYTES_LITERAL(MAGIC)) ||
        body_size > HM_RECORD_BODY_SIZE_MAX)
        return false;
    record.body = hm_reader_take(rd, (size_t)body_size);
    root = hm_reader_take(rd, HM_SHA256_SIZE);
    if (hm_reader_failed(rd))
        return false;
    memcpy(record.file.bytes, file.data, HM_RECORD_FILE_SIZE);
    memcpy(record.root.bytes, root.data, HM_SHA256_SIZE);
    *ret_record = record;
    *ret_kind = kind;
    return true;
}

enum hm_rc hm_record_parse(struct hm_bytes bytes, struct hm_err *err, struct hm_record *ret_record,
                           size_t *ret_size)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct hm_record record;
    struct hm_sha256 checksum;
    struct hm_bytes written;
    uint32_t kind = 0;
    size_t size;

    if (!read_fields(&rd, &record, &kind))
        return hm_fail(err, HM_EFORMAT, "there is no whole record of a log");
    size = rd.offset;
    written = hm_reader_take(&rd, HM_SHA256_SIZE);
    if (hm_reader_failed(&rd))
        return hm_fail(err, HM_EFORMAT, "a record of a log is cut off");
    HM_TRY(hm_digest_sha256(hm_bytes_make(bytes.data, size), err, &checksum));
    if (!hm_bytes_is_equal(written, hm_bytes_make(checksum.bytes, HM_SHA256_SIZE)))
        return hm_fail(err, HM_EFORMAT, "a record of a log does not have its checksum");
    /* From here on it is no record that a crash left half written. */
    if (kind != HM_RECORD_BASE && kind != HM_RECORD_ENTRIES)
        return hm_fail(err, HM_EUNKNOWN, "a record of a log is of kind %u, not known here", kind);
    record.kind = kind == HM_RECORD_BASE ? HM_RECORD_BASE : HM_RECORD_ENTRIES;
    if (!is_sound(&record))
        return hm_fail(err, HM_EUNKNOWN, "a record of a log does not have what it says");
    *ret_record = record;
    *ret_size = rd.offset;
    return HM_OK;
}

bool hm_record_is_in(struct hm_bytes bytes, const struct hm_record_file *file)
{
    uint8_t start[HM_RECORD_MAGIC_SIZE + HM_RECORD_FILE_SIZE];
    struct hm_record record;
    size_t size;
    enum hm_rc rc;

    /* Whoever submits entries may put records into them, but does not know the file's number. */
    memcpy(start, MAGIC, HM_RECORD_MAGIC_SIZE);
    memcpy(start + HM_RECORD_MAGIC_SIZE, file->bytes, HM_RECORD_FILE_SIZE);
    while (bytes.size >= sizeof(start)) {
        const uint8_t *at = memmem(bytes.data, bytes.size, start, sizeof(start));

        if (at == NULL)
            return false;
        bytes = hm_bytes_make(at, bytes.size - (size_t)(at - bytes.data));
        rc = hm_record_parse(bytes, NULL, &record, &size);
        if (rc != HM_EFORMAT)
            return true; /* also where memory ran out: it cannot be told, then */
        bytes = hm_bytes_make(bytes.data + 1, bytes.size - 1);
    }
    return false;
}

struct hm_bytes hm_record_next_entry(struct hm_bytes *body)
{
    struct hm_rd rd = hm_reader_make(*body);
    struct hm_bytes entry = hm_reader_take(&rd, hm_reader_be16(&rd));

    HM_ASSERT(!hm_reader_failed(&rd));
    *body = hm_bytes_make(body->data + rd.offset, body->size - rd.offset);
    return entry;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum hm_rc append_number(struct hm_buf *buf, uint64_t number, size_t size,
                                struct hm_err *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number >> (8 * (size - 1 - i)) & 0xff);
    return hm_buf_append(buf, hm_bytes_make(bytes, size), err);
}

enum hm_rc hm_record_write(const struct hm_record *record, struct hm_err *err,
                           struct hm_buf *ret_buf)
{
    size_t start = ret_buf->size;
    struct hm_sha256 checksum;

    if (!is_sound(record))
        return hm_fail(err, HM_EUSAGE, "this cannot be a record of a log");
    HM_TRY(hm_buf_reserve(ret_buf, record->body.size + HM_RECORD_OUTSIDE_SIZE, err));
    HM_TRY(hm_buf_append_str(ret_buf, MAGIC, err));
    HM_TRY(hm_buf_append(ret_buf, hm_bytes_make(record->file.bytes, HM_RECORD_FILE_SIZE), err));
    HM_TRY(append_number(ret_buf, record->kind, 4, err));
    HM_TRY(append_number(ret_buf, record->count, 4, err));
    HM_TRY(append_number(ret_buf, record->size, 8, err));
    HM_TRY(append_number(ret_buf, record->body.size, 8, err));
    HM_TRY(hm_buf_append(ret_buf, record->body, err));
    HM_TRY(hm_buf_append(ret_buf, hm_bytes_make(record->root.bytes, HM_SHA256_SIZE), err));
    HM_TRY(hm_digest_sha256(hm_bytes_make(ret_buf->data + start, ret_buf->size - start), err,
                            &checksum));
    return hm_buf_append(ret_buf, hm_bytes_make(checksum.bytes, HM_SHA256_SIZE), err);
}
