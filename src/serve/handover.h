/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the collector, which reads logs, and the process of deliveries, which has the keys, say to
 * each other: packets of a socket, each whole or not there. The collector reads what others decide
 * much of, so it is believed nothing but what these say, and each is checked again.
 *
 *   ASK        collector   how far was this log taken?      -> POSITION
 *   BATCH      collector   what stands from there to there  -> POSITION
 *   GAP        collector   what was not seen, and when      -> POSITION
 *   CAUGHT_UP  collector   the logs were read to their ends after that CATCH_UP came
 *   CATCH_UP   deliveries
 *
 *   bytes        field
 *   4            "hmC1"
 *   1            kind
 *   8            id: of a question, which its answer repeats
 *   32           source: SHA-256 of the first line of a log
 *   8 8          from, to (POSITION: position, when anything was last taken or 0)
 *   4            lines that could not be read (POSITION: 1 source is known, 2 any source is)
 *   2            count of transfers, and each:
 *     1            1 complete, 2 has offer
 *     8 8          bytes, begin
 *     32 32        image, offer
 *     1 2 1        sizes of account, path, peer, and these
 *
 * Numbers are little-endian.
 */
#ifndef HM_SERVE_HANDOVER_H
#define HM_SERVE_HANDOVER_H

#include "serve/transfer.h"

/* A batch is taken in one transaction with what waits for a flush: a few milliseconds' worth. */
#define HM_HANDOVER_TRANSFERS_MAX 128
#define HM_HANDOVER_SIZE_MAX      65536 /* below what a socket's buffer holds by default */

enum hm_handover_kind {
    HM_HANDOVER_ASK = 1,
    HM_HANDOVER_BATCH,
    HM_HANDOVER_GAP, /* from and to are times */
    HM_HANDOVER_CAUGHT_UP,
    HM_HANDOVER_POSITION,
    HM_HANDOVER_CATCH_UP,
};

struct hm_handover {
    enum hm_handover_kind kind;
    uint64_t id;
    struct hm_sha256 source;
    uint64_t from, to;
    uint32_t unread;         /* lines */
    bool is_known, is_begun; /* POSITION: this source; any source, ever */
    const struct hm_transfer *transfers;
    size_t count;
};

/* HM_EFORMAT. Texts are in raw, transfers in the arena. */
HM_MUST_CHECK enum hm_rc hm_handover_parse(struct hm_bytes raw, struct hm_arena *arena,
                                           struct hm_err *err, struct hm_handover *ret_handover);
HM_MUST_CHECK enum hm_rc hm_handover_write(const struct hm_handover *handover, struct hm_err *err,
                                           struct hm_buf *ret_raw);
/* Two ends of a socket of packets, which outlive the processes at either. */
HM_MUST_CHECK enum hm_rc hm_handover_pair(struct hm_err *err, int ret_fds[2]);
/* Sends one. HM_EBUSY: the other side reads nothing, and too much waits already; HM_EIO. */
HM_MUST_CHECK enum hm_rc hm_handover_send(int fd, const struct hm_handover *handover,
                                          struct hm_err *err);
/* Takes one that is there; raw is emptied first. HM_EAGAIN: none is; HM_EFORMAT: it is none, and
 * is gone. */
HM_MUST_CHECK enum hm_rc hm_handover_receive(int fd, struct hm_arena *arena, struct hm_err *err,
                                             struct hm_buf *ret_raw,
                                             struct hm_handover *ret_handover);

#endif
