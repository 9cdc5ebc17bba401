/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write-ahead records of a log (docs/formats.md, "The log's records"). Numbers are big-endian.
 *
 *   16   "hallmark/record1"
 *   16   the file: random, the same in all records of a file
 *    4   kind: 1 base, 2 entries
 *    4   count: of hashes (base) or entries
 *    8   size: of the tree before this record; in a base the tree's, a multiple of 256
 *    8   body_size
 *    n   body
 *   32   root of the tree after this record
 *   32   SHA-256 of all bytes before
 *
 * A base says where the file starts: of each level of tiles from 1 on the hashes of the last tile,
 * if that is partial. Entries stand as in tiles, each with its size in 2 bytes.
 */
#ifndef HM_TLOG_RECORD_H
#define HM_TLOG_RECORD_H

#include "tlog/tile.h"

#define HM_RECORD_MAGIC_SIZE   16
#define HM_RECORD_FILE_SIZE    16
#define HM_RECORD_HEAD_SIZE    (HM_RECORD_MAGIC_SIZE + HM_RECORD_FILE_SIZE + 4 + 4 + 8 + 8)
#define HM_RECORD_OUTSIDE_SIZE (HM_RECORD_HEAD_SIZE + 2 * HM_SHA256_SIZE) /* all but the body */
/* A record is held in memory, and what is acknowledged together is written together. */
#define HM_RECORD_ENTRY_COUNT_MAX 65536
#define HM_RECORD_BODY_SIZE_MAX   (((size_t)64 << 20) + (size_t)2 * HM_RECORD_ENTRY_COUNT_MAX)
#define HM_RECORD_SIZE_MAX        (HM_RECORD_BODY_SIZE_MAX + HM_RECORD_OUTSIDE_SIZE)

enum hm_record_kind {
    HM_RECORD_BASE = 1,
    HM_RECORD_ENTRIES = 2,
};

struct hm_record_file {
    uint8_t bytes[HM_RECORD_FILE_SIZE];
};

struct hm_record {
    enum hm_record_kind kind;
    struct hm_record_file file;
    uint32_t count;
    uint64_t size;
    struct hm_bytes body;
    struct hm_sha256 root;
};

/* Reads the record at the start of bytes; it points into them. HM_EFORMAT: there is none, or it is
 * not whole, as after a crash. HM_EUNKNOWN: it is whole, and nothing that this program writes.
 * Whether the root is right is not looked at. */
HM_MUST_CHECK enum hm_rc hm_record_parse(struct hm_bytes bytes, struct hm_err *err,
                                         struct hm_record *ret_record, size_t *ret_size);
/* Appends the record. HM_EUSAGE if it would not parse. */
HM_MUST_CHECK enum hm_rc hm_record_write(const struct hm_record *record, struct hm_err *err,
                                         struct hm_buf *ret_buf);
/* True if a whole record of the file starts anywhere in bytes. */
bool hm_record_is_in(struct hm_bytes bytes, const struct hm_record_file *file);
/* The next entry of a body; only as often as the record's count says. */
struct hm_bytes hm_record_next_entry(struct hm_bytes *body);

#endif
