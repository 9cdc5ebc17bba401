/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ustar (POSIX.1-1988, now pax(1) "ustar Interchange Format"). A header block:
 *
 *   offset  size  field      written            read
 *        0   100  name       name               to the first NUL, NULs after it
 *      100     8  mode       0000644 NUL        not looked at
 *      108     8  uid        0000000 NUL        not looked at
 *      116     8  gid        0000000 NUL        not looked at
 *      124    12  size       11 digits NUL      11 octal digits, NUL or space
 *      136    12  mtime      00000000000 NUL    not looked at
 *      148     8  checksum   6 digits NUL ' '   the same
 *      156     1  type       '0'                '0' or NUL
 *      157   100  linkname   NULs               NULs
 *      257     6  magic      ustar NUL          the same
 *      263     2  version    00                 the same
 *      265    32  uname      NULs               not looked at
 *      297    32  gname      NULs               not looked at
 *      329     8  devmajor   0000000 NUL        not looked at
 *      337     8  devminor   0000000 NUL        not looked at
 *      345   155  prefix     what name lacks    as name
 *      500    12  -          NULs               NULs
 *
 * A name longer than 100 bytes is parted at the first '/' that leaves at most 100 bytes.
 */
#include "base/ustar.h"

#include "base/dir.h"

#define NAME_OFFSET      0
#define NAME_SIZE        100
#define SIZE_OFFSET      124
#define SIZE_DIGITS      11
#define CHECKSUM_OFFSET  148
#define CHECKSUM_SIZE    8
#define CHECKSUM_DIGITS  6
#define TYPE_OFFSET      156
#define LINK_NAME_OFFSET 157
#define LINK_NAME_SIZE   100
#define MAGIC_OFFSET     257
#define MAGIC                                                                                      \
    "ustar\0"                                                                                      \
    "00"
#define MAGIC_SIZE     8
#define PREFIX_OFFSET  345
#define PREFIX_SIZE    155
#define REST_OFFSET    500
#define REST_SIZE      12
#define READ_STEP_SIZE 65536

static const uint8_t zeros[2 * HM_USTAR_BLOCK_SIZE];

static uint64_t padding_for(uint64_t size)
{
    return (HM_USTAR_BLOCK_SIZE - size % HM_USTAR_BLOCK_SIZE) % HM_USTAR_BLOCK_SIZE;
}

/* The sum of all bytes, the checksum itself counted as spaces. */
static uint64_t checksum_of(const uint8_t block[HM_USTAR_BLOCK_SIZE])
{
    uint64_t sum = 0;

    for (size_t i = 0; i < HM_USTAR_BLOCK_SIZE; i++) {
        bool is_checksum = i >= CHECKSUM_OFFSET && i < CHECKSUM_OFFSET + CHECKSUM_SIZE;

        sum += is_checksum ? ' ' : block[i];
    }
    return sum;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_octal(uint8_t *field, size_t digits, uint64_t value)
{
    for (size_t i = digits; i > 0; i--) {
        field[i - 1] = (uint8_t)('0' + (value & 7));
        value >>= 3;
    }
}

static void put_text(uint8_t *field, const char *text)
{
    memcpy(field, text, strlen(text));
}

static enum hm_rc put_name(uint8_t block[HM_USTAR_BLOCK_SIZE], const char *name, struct hm_err *err)
{
    size_t size = strlen(name);

    if (!hm_dir_is_safe_path(name))
        return hm_fail(err, HM_EUSAGE, "'%s' is no safe relative path for an archive", name);
    if (size <= NAME_SIZE) {
        memcpy(block + NAME_OFFSET, name, size);
        return HM_OK;
    }
    for (size_t i = size - NAME_SIZE - 1; i <= PREFIX_SIZE && i < size; i++) {
        if (name[i] != '/')
            continue;
        memcpy(block + PREFIX_OFFSET, name, i);
        memcpy(block + NAME_OFFSET, name + i + 1, size - i - 1);
        return HM_OK;
    }
    return hm_fail(
        err, HM_EUSAGE,
        "'%s' is too long for an archive: at most 100 bytes, or 155 and 100 around a '/'", name);
}

void hm_ustar_writer_init(struct hm_ustar_writer *writer, hm_ustar_write_fn *write, void *ctx)
{
    *writer = (struct hm_ustar_writer){.write = write, .ctx = ctx};
}

enum hm_rc hm_ustar_writer_begin(struct hm_ustar_writer *writer, const char *name, uint64_t size,
                                 struct hm_err *err)
{
    uint8_t block[HM_USTAR_BLOCK_SIZE] = {0};

    if (writer->left > 0)
        return hm_fail(err, HM_EINTERNAL, "an archive member before '%s' is unfinished", name);
    if (size > HM_USTAR_SIZE_MAX)
        return hm_fail(err, HM_EUSAGE, "'%s' is too large for an archive: the limit is 8 GiB",
                       name);
    HM_TRY(put_name(block, name, err));
    put_text(block + 100, "0000644");
    put_text(block + 108, "0000000");
    put_text(block + 116, "0000000");
    put_octal(block + SIZE_OFFSET, SIZE_DIGITS, size);
    put_text(block + 136, "00000000000");
    block[TYPE_OFFSET] = '0';
    memcpy(block + MAGIC_OFFSET, MAGIC, MAGIC_SIZE);
    put_text(block + 329, "0000000");
    put_text(block + 337, "0000000");
    put_octal(block + CHECKSUM_OFFSET, CHECKSUM_DIGITS, checksum_of(block));
    block[CHECKSUM_OFFSET + CHECKSUM_DIGITS + 1] = ' ';
    HM_TRY(writer->write(writer->ctx, hm_bytes_make(block, sizeof(block)), err));
    writer->left = size;
    writer->padding = padding_for(size);
    return HM_OK;
}

enum hm_rc hm_ustar_writer_write(struct hm_ustar_writer *writer, struct hm_bytes bytes,
                                 struct hm_err *err)
{
    if (bytes.size > writer->left)
        return hm_fail(err, HM_EINTERNAL, "more bytes for an archive member than announced");
    if (bytes.size == 0)
        return HM_OK;
    HM_TRY(writer->write(writer->ctx, bytes, err));
    writer->left -= bytes.size;
    if (writer->left == 0 && writer->padding > 0) {
        HM_TRY(writer->write(writer->ctx, hm_bytes_make(zeros, (size_t)writer->padding), err));
        writer->padding = 0;
    }
    return HM_OK;
}

enum hm_rc hm_ustar_writer_add(struct hm_ustar_writer *writer, const char *name,
                               struct hm_bytes bytes, struct hm_err *err)
{
    HM_TRY(hm_ustar_writer_begin(writer, name, bytes.size, err));
    return hm_ustar_writer_write(writer, bytes, err);
}

enum hm_rc hm_ustar_writer_end(struct hm_ustar_writer *writer, struct hm_err *err)
{
    if (writer->left > 0)
        return hm_fail(err, HM_EINTERNAL, "the last archive member is unfinished");
    return writer->write(writer->ctx, hm_bytes_make(zeros, sizeof(zeros)), err);
}

/* --- reading ---------------------------------------------------------------------------------- */

static enum hm_rc fail_header(const struct hm_ustar_reader *reader, const char *what,
                              struct hm_err *err)
{
    return hm_fail_at(err, HM_EFORMAT, reader->offset - HM_USTAR_BLOCK_SIZE,
                      "the archive's header at byte %llu %s",
                      (unsigned long long)(reader->offset - HM_USTAR_BLOCK_SIZE), what);
}

static bool is_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0)
            return false;
    }
    return true;
}

/* Exactly size bytes; the end of input is a failure. */
static enum hm_rc read_exactly(struct hm_ustar_reader *reader, uint8_t *data, size_t size,
                               struct hm_err *err)
{
    bool is_end = false;

    HM_TRY(reader->read(reader->ctx, data, size, err, &is_end));
    if (is_end)
        return hm_fail_at(err, HM_EFORMAT, reader->offset, "the archive is cut off at byte %llu",
                          (unsigned long long)reader->offset);
    reader->offset += size;
    return HM_OK;
}

static enum hm_rc parse_octal(const uint8_t *field, size_t digits, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (size_t i = 0; i < digits; i++) {
        if (field[i] < '0' || field[i] > '7')
            return HM_EFORMAT;
        value = value << 3 | (uint64_t)(field[i] - '0'); /* at most 33 bits */
    }
    *ret_value = value;
    return HM_OK;
}

/* The size of the text in a field; HM_EFORMAT if anything but NULs follows its first NUL. */
static enum hm_rc field_text_size(const uint8_t *field, size_t field_size, size_t *ret_size)
{
    const uint8_t *end = memchr(field, '\0', field_size);
    size_t size = end == NULL ? field_size : (size_t)(end - field);

    if (!is_zero(field + size, field_size - size))
        return HM_EFORMAT;
    *ret_size = size;
    return HM_OK;
}

static enum hm_rc parse_name(struct hm_ustar_reader *reader, const uint8_t *block,
                             struct hm_err *err)
{
    char *at = reader->name;
    size_t prefix_size = 0;
    size_t size = 0;

    if (field_text_size(block + PREFIX_OFFSET, PREFIX_SIZE, &prefix_size) != HM_OK ||
        field_text_size(block + NAME_OFFSET, NAME_SIZE, &size) != HM_OK)
        return fail_header(reader, "has bytes after the end of its name", err);
    if (prefix_size > 0) {
        memcpy(at, block + PREFIX_OFFSET, prefix_size);
        at += prefix_size;
        *at++ = '/';
    }
    memcpy(at, block + NAME_OFFSET, size);
    at[size] = '\0';
    if (!hm_dir_is_safe_path(reader->name))
        return fail_header(reader, "has a name that is no safe relative path", err);
    return HM_OK;
}

static enum hm_rc parse_header(struct hm_ustar_reader *reader, const uint8_t *block,
                               struct hm_err *err)
{
    uint64_t checksum;
    uint64_t size;

    if (memcmp(block + MAGIC_OFFSET, MAGIC, MAGIC_SIZE) != 0)
        return fail_header(reader, "is not ustar", err);
    if (parse_octal(block + CHECKSUM_OFFSET, CHECKSUM_DIGITS, &checksum) != HM_OK ||
        block[CHECKSUM_OFFSET + CHECKSUM_DIGITS] != '\0' ||
        block[CHECKSUM_OFFSET + CHECKSUM_DIGITS + 1] != ' ' || checksum != checksum_of(block))
        return fail_header(reader, "has a wrong checksum", err);
    if (block[TYPE_OFFSET] != '0' && block[TYPE_OFFSET] != '\0')
        return fail_header(reader, "is of something else than a regular file", err);
    if (!is_zero(block + LINK_NAME_OFFSET, LINK_NAME_SIZE) ||
        !is_zero(block + REST_OFFSET, REST_SIZE))
        return fail_header(reader, "has bytes where none may be", err);
    if (parse_octal(block + SIZE_OFFSET, SIZE_DIGITS, &size) != HM_OK ||
        (block[SIZE_OFFSET + SIZE_DIGITS] != '\0' && block[SIZE_OFFSET + SIZE_DIGITS] != ' '))
        return fail_header(reader, "has a size that is not eleven octal digits", err);
    HM_TRY(parse_name(reader, block, err));
    reader->left = size;
    reader->padding = padding_for(size);
    return HM_OK;
}

void hm_ustar_reader_init(struct hm_ustar_reader *reader, hm_ustar_read_fn *read, void *ctx)
{
    *reader = (struct hm_ustar_reader){.read = read, .ctx = ctx};
}

static enum hm_rc skip_padding(struct hm_ustar_reader *reader, struct hm_err *err)
{
    uint8_t block[HM_USTAR_BLOCK_SIZE];
    size_t size = (size_t)reader->padding;

    if (size == 0)
        return HM_OK;
    HM_TRY(read_exactly(reader, block, size, err));
    if (!is_zero(block, size))
        return hm_fail_at(err, HM_EFORMAT, reader->offset - size,
                          "the archive's padding after '%s' is not zero", reader->name);
    reader->padding = 0;
    return HM_OK;
}

static enum hm_rc skip_member(struct hm_ustar_reader *reader, struct hm_err *err)
{
    uint8_t scratch[2 * HM_USTAR_BLOCK_SIZE];

    while (reader->left > 0) {
        size_t got;

        HM_TRY(hm_ustar_reader_read(reader, scratch, sizeof(scratch), err, &got));
    }
    return skip_padding(reader, err);
}

/* After the first zero block: another, then nothing but zeros. */
static enum hm_rc read_trailer(struct hm_ustar_reader *reader, struct hm_err *err)
{
    uint8_t block[HM_USTAR_BLOCK_SIZE];
    uint64_t size = 0;

    HM_TRY(read_exactly(reader, block, sizeof(block), err));
    for (;;) {
        bool is_end = false;

        if (!is_zero(block, sizeof(block)))
            return fail_header(reader, "comes after the archive's end", err);
        HM_TRY(reader->read(reader->ctx, block, sizeof(block), err, &is_end));
        if (is_end)
            return HM_OK;
        reader->offset += sizeof(block);
        size += sizeof(block);
        if (size > HM_USTAR_TRAILER_SIZE_MAX)
            return hm_fail_at(err, HM_EFORMAT, reader->offset,
                              "more than %llu zeros follow the archive's end",
                              (unsigned long long)HM_USTAR_TRAILER_SIZE_MAX);
    }
}

enum hm_rc hm_ustar_reader_next(struct hm_ustar_reader *reader, struct hm_err *err, bool *ret_more,
                                const char **ret_name, uint64_t *ret_size)
{
    uint8_t block[HM_USTAR_BLOCK_SIZE];

    if (reader->ended) {
        *ret_more = false;
        return HM_OK;
    }
    HM_TRY(skip_member(reader, err));
    HM_TRY(read_exactly(reader, block, sizeof(block), err));
    if (is_zero(block, sizeof(block))) {
        HM_TRY(read_trailer(reader, err));
        reader->ended = true;
        *ret_more = false;
        return HM_OK;
    }
    HM_TRY(parse_header(reader, block, err));
    *ret_more = true;
    *ret_name = reader->name;
    *ret_size = reader->left;
    return HM_OK;
}

enum hm_rc hm_ustar_reader_read(struct hm_ustar_reader *reader, uint8_t *data, size_t size,
                                struct hm_err *err, size_t *ret_got)
{
    if (size > reader->left)
        size = (size_t)reader->left;
    if (size > 0)
        HM_TRY(read_exactly(reader, data, size, err));
    reader->left -= size;
    *ret_got = size;
    return HM_OK;
}

static enum hm_rc read_all(struct hm_ustar_reader *reader, struct hm_err *err, struct hm_buf *buf)
{
    if (reader->left > buf->size_max - buf->size)
        return hm_fail_at(err, HM_EFORMAT, reader->offset,
                          "the archive's '%s' is larger than %zu bytes", reader->name,
                          buf->size_max);
    while (reader->left > 0) {
        size_t step = reader->left > READ_STEP_SIZE ? READ_STEP_SIZE : (size_t)reader->left;
        size_t got;

        HM_TRY(hm_buf_reserve(buf, step, err));
        HM_TRY(hm_ustar_reader_read(reader, buf->data + buf->size, step, err, &got));
        buf->size += got;
        buf->data[buf->size] = '\0';
    }
    return HM_OK;
}

enum hm_rc hm_ustar_reader_read_all(struct hm_ustar_reader *reader, struct hm_err *err,
                                    struct hm_buf *ret_buf)
{
    size_t size_before = ret_buf->size;
    enum hm_rc rc = read_all(reader, err, ret_buf);

    if (rc != HM_OK) {
        ret_buf->size = size_before;
        if (ret_buf->data != NULL)
            ret_buf->data[size_before] = '\0';
    }
    return rc;
}
