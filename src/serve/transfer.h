/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server's own log says of an image that it sent (docs/formats.md 16): read strictly, as
 * whoever asks for an image decides much of what stands in such logs.
 *
 * A log says what was handed to the network by whoever wrote it, never what was received.
 *
 *   https   a line of transfers.log, which "hallmark serve" has nginx write (HM_TRANSFER_NGINX)
 */
#ifndef HM_SERVE_TRANSFER_H
#define HM_SERVE_TRANSFER_H

#include "account/token.h"
#include "base/text.h"
#include "crypto/digest.h"

/* The longest path of a site's image has some 350 bytes, and nothing else of a line is long. */
#define HM_TRANSFER_LINE_SIZE_MAX 4096
#define HM_TRANSFER_PATH_SIZE_MAX (4 * (HM_TEXT_NAME_SIZE_MAX + 1))
#define HM_TRANSFER_PEER_SIZE_MAX 64 /* an address, without a port */
/* Before this (2001-09-09) no site of ours was; after it (2286) a time has one digit more. */
#define HM_TRANSFER_TIME_MIN 1000000000
#define HM_TRANSFER_TIME_MAX 9999999999

/* The format of nginx's log, for one of our own and for an operator's. Each value is nginx's, or
 * was checked by a process of ours: nothing of it is as the client sent it. */
#define HM_TRANSFER_NGINX                                                                          \
    "{\"time\":\"$msec\",\"seconds\":\"$request_time\",\"peer\":\"$remote_addr\","                 \
    "\"customer\":\"$hallmark_customer\",\"method\":\"$request_method\",\"path\":\"$uri\","        \
    "\"delivery\":\"$hallmark_delivery\",\"status\":$status,\"bytes\":$body_bytes_sent,"           \
    "\"complete\":\"$request_completion\"}"

struct hm_transfer {
    struct hm_bytes account; /* of whose token was checked; empty: nobody who is known */
    struct hm_bytes path;    /* ID/PRODUCT/VERSION/FILE, as in a release */
    struct hm_bytes peer;
    struct hm_sha256 image; /* the digest that the file has in its name at the site */
    struct hm_sha256 offer; /* that the client says it is for */
    bool has_offer;
    bool is_complete; /* all that was asked for was handed over */
    uint64_t bytes;
    int64_t begin_unix_s;
};

/* Reads a line, without its newline. *ret_is_image is false for lines that are no transfer of an
 * image (of a HEAD, a 304, a refusal). Texts are in the line or the arena. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_transfer_parse_nginx(struct hm_bytes line, struct hm_arena *arena,
                                                 struct hm_err *err,
                                                 struct hm_transfer *ret_transfer,
                                                 bool *ret_is_image);

/* What transfers may say, whoever read them: of lines, and of what another process hands over. */
HM_MUST_CHECK enum hm_rc hm_transfer_check(const struct hm_transfer *transfer, struct hm_err *err);

#endif
