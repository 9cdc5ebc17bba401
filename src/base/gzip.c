/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed copies (gzip.h). */
#include "base/gzip.h"

#define ZLIB_CONST /* it does not write to its input */
#include <zlib.h>

#define GZIP_WINDOW_BITS (15 + 16) /* the largest window; 16 more is zlib's way to ask for gzip */
#define GZIP_MEMORY      8         /* zlib's default */
#define GZIP_SYSTEM_NONE 255       /* RFC 1952: unknown; zlib would tell which one it runs on */
#define GZIP_BLOCK_SIZE  16384

static enum hm_rc deflate_all(z_stream *stream, struct hm_bytes bytes, struct hm_err *err,
                              struct hm_buf *ret_buf)
{
    _hm_free_(free) char *block = malloc(GZIP_BLOCK_SIZE);
    int status = Z_OK;

    if (block == NULL)
        return hm_error_nomem(err);
    while (status != Z_STREAM_END) {
        /* zlib counts in unsigned int: what is larger goes in by pieces. */
        if (stream->avail_in == 0 && bytes.size > 0) {
            size_t piece = bytes.size < UINT32_MAX / 2 ? bytes.size : UINT32_MAX / 2;

            stream->next_in = bytes.data;
            stream->avail_in = (uInt)piece;
            bytes.data += piece;
            bytes.size -= piece;
        }
        stream->next_out = (Bytef *)block;
        stream->avail_out = GZIP_BLOCK_SIZE;
        status = deflate(stream, bytes.size == 0 ? Z_FINISH : Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END)
            return hm_fail(err, HM_EINTERNAL, "zlib does not compress (status %d)", status);
        HM_TRY(
            hm_buf_append(ret_buf, hm_bytes_make(block, GZIP_BLOCK_SIZE - stream->avail_out), err));
    }
    return HM_OK;
}

enum hm_rc hm_gzip_compress(struct hm_bytes bytes, struct hm_err *err, struct hm_buf *ret_buf)
{
    gz_header header = {.os = GZIP_SYSTEM_NONE};
    z_stream stream = {.next_in = NULL};
    enum hm_rc rc;

    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return hm_error_nomem(err);
    if (deflateSetHeader(&stream, &header) != Z_OK)
        rc = hm_fail(err, HM_EINTERNAL, "zlib takes no header");
    else
        rc = deflate_all(&stream, bytes, err, ret_buf);
    (void)deflateEnd(&stream); /* frees, also half-way */
    return rc;
}

static enum hm_rc inflate_all(z_stream *stream, struct hm_bytes bytes, struct hm_err *err,
                              struct hm_buf *ret_buf)
{
    _hm_free_(free) char *block = malloc(GZIP_BLOCK_SIZE);
    int status = Z_OK;

    if (block == NULL)
        return hm_error_nomem(err);
    if (bytes.size > UINT32_MAX)
        return hm_fail(err, HM_EFORMAT, "larger than any compressed copy");
    stream->next_in = bytes.data;
    stream->avail_in = (uInt)bytes.size;
    while (status != Z_STREAM_END) {
        stream->next_out = (Bytef *)block;
        stream->avail_out = GZIP_BLOCK_SIZE;
        status = inflate(stream, Z_NO_FLUSH);
        if (status == Z_MEM_ERROR)
            return hm_error_nomem(err);
        if (status != Z_OK && status != Z_STREAM_END)
            return hm_fail(err, HM_EFORMAT, "no gzip, damaged, or cut short");
        HM_TRY(
            hm_buf_append(ret_buf, hm_bytes_make(block, GZIP_BLOCK_SIZE - stream->avail_out), err));
    }
    return stream->avail_in == 0 ? HM_OK
                                 : hm_fail(err, HM_EFORMAT, "something follows the gzip member");
}

enum hm_rc hm_gzip_decompress(struct hm_bytes bytes, struct hm_err *err, struct hm_buf *ret_buf)
{
    z_stream stream = {.next_in = NULL};
    enum hm_rc rc;

    if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
        return hm_error_nomem(err);
    rc = inflate_all(&stream, bytes, err, ret_buf);
    (void)inflateEnd(&stream); /* frees, also half-way */
    return rc;
}
