/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ustar archives: what is read can be written again and reads the same. The first byte of the input
 * chooses between the archive as it is and one whose header checksums are put right first, so that
 * the search gets past them.
 */
#include "fuzz.h"

#include "base/dir.h"
#include "base/ustar.h"

#define MEMBERS_MAX   32
#define CONTENT_MAX   4096
#define ARCHIVE_MAX   ((size_t)1 << 20)
#define CHECKSUM_AT   148
#define CHECKSUM_SIZE 8

struct source {
    struct hm_bytes rest;
    bool repairs; /* give each block that looks like a header its checksum */
};

static void repair(uint8_t *block)
{
    unsigned sum = 0;

    memset(block + CHECKSUM_AT, ' ', CHECKSUM_SIZE);
    for (size_t i = 0; i < HM_USTAR_BLOCK_SIZE; i++)
        sum += block[i];
    (void)snprintf((char *)block + CHECKSUM_AT, CHECKSUM_SIZE - 1, "%06o", sum);
}

static enum hm_rc take(void *ctx, uint8_t *data, size_t size, struct hm_err *err, bool *ret_end)
{
    struct source *source = ctx;

    if (source->rest.size == 0) {
        *ret_end = true;
        return HM_OK;
    }
    if (size > source->rest.size)
        return hm_fail(err, HM_EFORMAT, "cut");
    memcpy(data, source->rest.data, size);
    source->rest.data += size;
    source->rest.size -= size;
    if (source->repairs && size == HM_USTAR_BLOCK_SIZE && memcmp(data + 257, "ustar", 6) == 0)
        repair(data);
    return HM_OK;
}

static enum hm_rc append(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

/* Reads all members of the source, and writes each to the copy. */
static enum hm_rc read_all(struct source *source, struct hm_buf *copy, struct hm_err *err)
{
    struct hm_ustar_reader reader;
    struct hm_ustar_writer writer;

    hm_ustar_reader_init(&reader, take, source);
    hm_ustar_writer_init(&writer, append, copy);
    for (size_t count = 0; count < MEMBERS_MAX; count++) {
        _hm_done_(hm_buf_done) struct hm_buf content = HM_BUF_INIT(CONTENT_MAX);
        const char *name = NULL;
        uint64_t size = 0;
        bool more = false;

        HM_TRY(hm_ustar_reader_next(&reader, err, &more, &name, &size));
        if (!more)
            return hm_ustar_writer_end(&writer, err);
        FUZZ_CHECK(hm_dir_is_safe_path(name));
        FUZZ_CHECK(strlen(name) <= HM_USTAR_NAME_SIZE_MAX);
        FUZZ_CHECK(size <= HM_USTAR_SIZE_MAX);
        HM_TRY(hm_ustar_reader_read_all(&reader, err, &content));
        FUZZ_CHECK(content.size == size);
        /* Every name that is read can be written. */
        FUZZ_CHECK(hm_ustar_writer_add(&writer, name, hm_buf_bytes(&content), err) == HM_OK);
    }
    return hm_fail(err, HM_EFORMAT, "too many members");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_done_(hm_buf_done) struct hm_buf copy = HM_BUF_INIT(ARCHIVE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf again = HM_BUF_INIT(ARCHIVE_MAX);
    struct source source = {.rest = HM_BYTES_EMPTY};
    struct hm_err err = HM_ERR_INIT;

    if (size == 0)
        return 0;
    source.rest = hm_bytes_make(data + 1, size - 1);
    source.repairs = (data[0] & 1) != 0;
    if (read_all(&source, &copy, &err) != HM_OK) {
        FUZZ_CHECK(err.rc != HM_OK && err.text[0] != '\0');
        return 0;
    }
    /* What we write is read, and its copy has the same bytes. */
    source = (struct source){.rest = hm_buf_bytes(&copy)};
    FUZZ_CHECK(read_all(&source, &again, &err) == HM_OK);
    FUZZ_CHECK(hm_bytes_is_equal(hm_buf_bytes(&copy), hm_buf_bytes(&again)));
    return 0;
}
