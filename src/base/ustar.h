/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX ustar archives, the subset that requests and submissions are made of: regular files only,
 * in a fixed order, sizes below 8 GiB, names of one safe relative path of at most 100 bytes (or
 * 155+1+100 with the prefix field), everything else in the header fixed (mode 0644, uid/gid 0,
 * mtime 0), so that the same content gives the same bytes. Any tar program lists and unpacks them.
 */
#ifndef HM_BASE_USTAR_H
#define HM_BASE_USTAR_H

#include "base/arena.h"
#include "base/buf.h"

#define HM_USTAR_BLOCK_SIZE    512
#define HM_USTAR_NAME_SIZE_MAX 256
#define HM_USTAR_SIZE_MAX      (((uint64_t)1 << 33) - 1) /* eleven octal digits */
#define HM_USTAR_TRAILER_SIZE_MAX                                                                  \
    ((uint64_t)1                                                                                   \
     << 20) /* zeros after the end: other programs fill up a record (10 KiB by default) */

/* Bytes come and go through these, so that archives are streamed. */
typedef enum hm_rc hm_ustar_write_fn(void *ctx, struct hm_bytes bytes, struct hm_err *err);
/* Reads exactly size bytes or fails; *ret_end is set true instead if the input ends before the
 * first byte. */
typedef enum hm_rc hm_ustar_read_fn(void *ctx, uint8_t *data, size_t size, struct hm_err *err,
                                    bool *ret_end);

struct hm_ustar_writer {
    hm_ustar_write_fn *write;
    void *ctx;
    uint64_t left; /* bytes of the current member still to come */
    uint64_t padding;
};

void hm_ustar_writer_init(struct hm_ustar_writer *writer, hm_ustar_write_fn *write, void *ctx);
/* Starts a member of exactly size bytes. HM_EUSAGE for a name or size the format cannot hold. */
HM_MUST_CHECK enum hm_rc hm_ustar_writer_begin(struct hm_ustar_writer *writer, const char *name,
                                               uint64_t size, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_ustar_writer_write(struct hm_ustar_writer *writer,
                                               struct hm_bytes bytes, struct hm_err *err);
/* begin + write of all. */
HM_MUST_CHECK enum hm_rc hm_ustar_writer_add(struct hm_ustar_writer *writer, const char *name,
                                             struct hm_bytes bytes, struct hm_err *err);
/* The two zero blocks. HM_EINTERNAL if a member is unfinished, as for begin; and for write past the
 * member's size. */
HM_MUST_CHECK enum hm_rc hm_ustar_writer_end(struct hm_ustar_writer *writer, struct hm_err *err);

struct hm_ustar_reader {
    hm_ustar_read_fn *read;
    void *ctx;
    uint64_t offset;
    uint64_t left; /* bytes of the current member not yet read */
    uint64_t padding;
    bool ended;
    char name[HM_USTAR_NAME_SIZE_MAX + 1];
};

void hm_ustar_reader_init(struct hm_ustar_reader *reader, hm_ustar_read_fn *read, void *ctx);
/* The next member (what is left of the last is skipped). *ret_more false at a proper end: two zero
 * blocks, then nothing but zeros. HM_EFORMAT for a bad checksum, another type of member, an unsafe
 * name, padding other than zeros, a cut archive. *ret_name points into reader until the next call.
 * Names may repeat; that is the caller's business. */
HM_MUST_CHECK enum hm_rc hm_ustar_reader_next(struct hm_ustar_reader *reader, struct hm_err *err,
                                              bool *ret_more, const char **ret_name,
                                              uint64_t *ret_size);
/* Up to size bytes of the current member; *ret_got 0 at its end. */
HM_MUST_CHECK enum hm_rc hm_ustar_reader_read(struct hm_ustar_reader *reader, uint8_t *data,
                                              size_t size, struct hm_err *err, size_t *ret_got);
/* The whole current member, appended to buf (whose maximum is the limit: HM_EFORMAT). Memory grows
 * with the bytes that come, not with the size that the header claims. */
HM_MUST_CHECK enum hm_rc hm_ustar_reader_read_all(struct hm_ustar_reader *reader,
                                                  struct hm_err *err, struct hm_buf *ret_buf);

#endif
