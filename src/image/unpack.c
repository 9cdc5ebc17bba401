/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression under budgets (unpack.h): output grows by doubling, never past what is allowed. */
#include "image/unpack.h"

#include <brotli/decode.h>
#include <lzma.h>

#include "image/efi_compress.h"

#define FIRST_SIZE         ((size_t)64 * 1024)
#define LZMA_HEADER_SIZE   13
#define BROTLI_HEADER_SIZE 16
/* What starting a decoder is worth, so that a million of empty streams are not free. */
#define START_COST ((uint64_t)64 * 1024)

#define TOO_LARGE "LZMA asks for a larger dictionary than 64 MiB"

struct output {
    struct hm_walk *walk;
    uint8_t *data; /* owned */
    size_t size, capacity, size_max;
};

static const char *const names[HM_UNPACK_KIND_COUNT_] = {
    [HM_UNPACK_EFI11] = "EFI 1.1", [HM_UNPACK_TIANO] = "Tiano",
    [HM_UNPACK_LZMA] = "LZMA",     [HM_UNPACK_LZMA_X86] = "LZMA with x86 filter",
    [HM_UNPACK_BROTLI] = "Brotli",
};

const char *hm_unpack_name(enum hm_unpack_kind kind)
{
    return names[kind];
}

uint32_t hm_unpack_crc32(struct hm_bytes bytes)
{
    return lzma_crc32(bytes.data, bytes.size, 0);
}

static enum hm_rc set_capacity(struct output *output, size_t capacity)
{
    uint8_t *moved = realloc(output->data, capacity);

    if (moved == NULL)
        return HM_ENOMEM;
    output->data = moved;
    output->capacity = capacity;
    return HM_OK;
}

/* More room. HM_EREFUSED where the budget ends. */
static enum hm_rc grow(struct output *output)
{
    size_t capacity = output->capacity == 0 ? FIRST_SIZE : output->capacity * 2;

    if (output->capacity == output->size_max)
        return HM_EREFUSED;
    return set_capacity(output, capacity < output->size_max ? capacity : output->size_max);
}

/* ---- LZMA ------------------------------------------------------------------------------------ */

static enum hm_rc run_lzma(lzma_stream *stream, struct hm_bytes packed, uint64_t declared,
                           struct output *output, const char **ret_why)
{
    lzma_ret status = LZMA_OK;

    stream->next_in = packed.data;
    stream->avail_in = packed.size;
    /* Within the budget a size that is a lie costs nothing: memory that is not written to is none.
     */
    if (declared > 0 && declared <= output->size_max)
        HM_TRY(set_capacity(output, (size_t)declared));
    while (status == LZMA_OK && output->size < declared) {
        if (output->size == output->capacity)
            HM_TRY(grow(output));
        stream->next_out = output->data + output->size;
        stream->avail_out = output->capacity - output->size;
        status = lzma_code(stream, LZMA_FINISH);
        output->size = output->capacity - stream->avail_out;
    }
    if (status == LZMA_MEM_ERROR)
        return HM_ENOMEM;
    if (status == LZMA_MEMLIMIT_ERROR) {
        *ret_why = TOO_LARGE;
        return HM_EREFUSED;
    }
    if (declared != UINT64_MAX && output->size < declared)
        *ret_why = "the LZMA stream ends early or is damaged";
    else if (declared == UINT64_MAX && status != LZMA_STREAM_END)
        *ret_why = "the LZMA stream is damaged";
    /* A stream of more than it declares is cut by the decoder, or here. */
    if (declared < output->size)
        output->size = (size_t)declared;
    return HM_OK;
}

static enum hm_rc unpack_lzma(struct hm_bytes packed, bool has_filter, struct output *output,
                              const char **ret_why)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_options_lzma *options = NULL;
    lzma_filter filters[3] = {
        {LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA1, NULL}, {LZMA_VLI_UNKNOWN, NULL}};
    struct hm_rd rd = hm_reader_make(packed);
    struct hm_bytes properties = hm_reader_take(&rd, 5);
    uint64_t declared = hm_reader_le64(&rd);
    lzma_ret status;
    enum hm_rc rc;

    if (hm_reader_failed(&rd)) {
        *ret_why = "too short for an LZMA header";
        return HM_OK;
    }
    if (declared != UINT64_MAX && declared > output->size_max)
        return HM_EREFUSED;
    if (has_filter) {
        status = lzma_properties_decode(&filters[1], NULL, properties.data, properties.size);
        options = filters[1].options;
        if (status == LZMA_OK && options->dict_size > HM_UNPACK_LZMA_MEMORY_MAX)
            status = LZMA_MEMLIMIT_ERROR;
        if (status == LZMA_OK)
            status = lzma_raw_decoder(&stream, filters);
        packed = hm_bytes_make(packed.data + LZMA_HEADER_SIZE, packed.size - LZMA_HEADER_SIZE);
    } else {
        status = lzma_alone_decoder(&stream, HM_UNPACK_LZMA_MEMORY_MAX);
    }
    if (status == LZMA_OK) {
        rc = run_lzma(&stream, packed, declared, output, ret_why);
    } else {
        rc = status == LZMA_MEM_ERROR        ? HM_ENOMEM
             : status == LZMA_MEMLIMIT_ERROR ? HM_EREFUSED
                                             : HM_OK;
        *ret_why = status == LZMA_MEMLIMIT_ERROR ? TOO_LARGE : "the LZMA header is damaged";
    }
    lzma_end(&stream);
    free(options);
    return rc;
}

/* ---- Brotli ---------------------------------------------------------------------------------- */

static enum hm_rc run_brotli(BrotliDecoderState *state, struct hm_bytes packed, uint64_t declared,
                             struct output *output, const char **ret_why)
{
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    const uint8_t *next_in = packed.data;
    size_t available_in = packed.size;

    while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        uint8_t *next_out;
        size_t available_out;

        if (output->size == output->capacity)
            HM_TRY(grow(output));
        next_out = output->data + output->size;
        available_out = output->capacity - output->size;
        result = BrotliDecoderDecompressStream(state, &available_in, &next_in, &available_out,
                                               &next_out, NULL);
        output->size = output->capacity - available_out;
    }
    if (result != BROTLI_DECODER_RESULT_SUCCESS)
        *ret_why = "the Brotli stream ends early or is damaged";
    else if (output->size != declared)
        *ret_why = "the Brotli stream has another size than declared";
    return HM_OK;
}

static enum hm_rc unpack_brotli(struct hm_bytes packed, struct output *output, const char **ret_why)
{
    struct hm_rd rd = hm_reader_make(packed);
    uint64_t declared = hm_reader_le64(&rd);
    BrotliDecoderState *state;
    enum hm_rc rc;

    (void)hm_reader_le64(&rd); /* scratch memory that the firmware's decoder needs */
    if (hm_reader_failed(&rd)) {
        *ret_why = "too short for a Brotli header";
        return HM_OK;
    }
    state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    if (state == NULL)
        return HM_ENOMEM;
    rc = run_brotli(
        state, hm_bytes_make(packed.data + BROTLI_HEADER_SIZE, packed.size - BROTLI_HEADER_SIZE),
        declared, output, ret_why);
    BrotliDecoderDestroyInstance(state);
    return rc;
}

/* ---- EFI and Tiano --------------------------------------------------------------------------- */

static enum hm_rc unpack_efi(struct hm_bytes packed, enum hm_efi_compress_kind kind,
                             struct output *output, const char **ret_why)
{
    uint32_t declared;
    enum hm_rc rc;

    if (hm_efi_compress_size(packed, &declared) != HM_OK) {
        *ret_why = "the compressed bytes are not all there";
        return HM_OK;
    }
    if (declared > output->size_max)
        return HM_EREFUSED;
    /* The stream cannot be stopped half-way: but its size is within the budget, and memory that is
     * not written to costs nothing. */
    output->data = malloc(declared == 0 ? 1 : declared);
    if (output->data == NULL)
        return HM_ENOMEM;
    output->size = declared;
    rc = hm_efi_compress_unpack(kind, packed, output->data, declared);
    if (rc == HM_EFORMAT)
        *ret_why = "the compressed stream is damaged";
    return rc == HM_EFORMAT ? HM_OK : rc;
}

/* ---- all ------------------------------------------------------------------------------------- */

static enum hm_rc unpack(enum hm_unpack_kind kind, struct hm_bytes packed, struct output *output,
                         const char **ret_why)
{
    switch (kind) {
    case HM_UNPACK_EFI11:
        return unpack_efi(packed, HM_EFI_COMPRESS_UEFI, output, ret_why);
    case HM_UNPACK_TIANO:
        return unpack_efi(packed, HM_EFI_COMPRESS_TIANO, output, ret_why);
    case HM_UNPACK_LZMA:
        return unpack_lzma(packed, false, output, ret_why);
    case HM_UNPACK_LZMA_X86:
        return unpack_lzma(packed, true, output, ret_why);
    case HM_UNPACK_BROTLI:
        return unpack_brotli(packed, output, ret_why);
    case HM_UNPACK_KIND_COUNT_:
        break;
    }
    HM_ASSERT(false);
}

enum hm_rc hm_unpack_run(struct hm_walk *walk, enum hm_unpack_kind kind, struct hm_bytes packed,
                         uint8_t **ret_data, size_t *ret_size, const char **ret_why)
{
    struct output output = {.size_max = hm_walk_expandable(walk)};
    const char *why = NULL;
    enum hm_rc rc;

    HM_TRY(hm_walk_spend(walk, START_COST + packed.size));
    rc = unpack(kind, packed, &output, &why);
    if (rc == HM_OK)
        rc = hm_walk_spend(walk, output.size);
    else if (rc == HM_EREFUSED)
        rc = hm_walk_refuse(walk,
                            why != NULL ? why : "decompressed bytes past the budget of this image");
    if (rc != HM_OK || why != NULL) {
        /* What a damaged stream gave so far is nobody's content. */
        free(output.data);
        output.data = NULL;
    }
    if (rc == HM_OK) {
        *ret_data = output.data;
        *ret_size = output.size;
        *ret_why = why == NULL ? "empty" : why;
    }
    return rc;
}
