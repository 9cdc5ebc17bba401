/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 server for programs that decide something on each request: libmicrohttpd with
 * limits on everything that a client may make long. It speaks plain HTTP: in front of a hostile
 * network stands a server with TLS (docs/operations.md).
 *
 * Each connection has a thread of its own, so a handler may wait for a disk. Only programs of their
 * own under libexec use this: the command hallmark does not link libmicrohttpd.
 */
#ifndef HM_NET_HTTPD_H
#define HM_NET_HTTPD_H

#include "base/buf.h"

/* Defaults of options. */
#define HM_HTTPD_CONNECTIONS_MAX      512
#define HM_HTTPD_CONNECTIONS_PER_PEER 128 /* by address; of unix sockets all are one peer */
/* From a connection's start, or the end of its last request, to the end of the next answer, without
 * the time in the handler: who sends or reads a byte at a time is cut off too, and so is who keeps
 * a connection without using it. */
#define HM_HTTPD_TIMEOUT_S 30
/* For requests under way when the server is stopped. */
#define HM_HTTPD_STOP_GRACE_MS 10000
/* Request line and headers; more is 431. */
#define HM_HTTPD_HEAD_SIZE_MAX ((size_t)16 * 1024)

/* Fields of an answer's head besides those below, and the size of their values. */
#define HM_HTTPD_FIELD_COUNT_MAX 8
#define HM_HTTPD_FIELD_SIZE_MAX  1536

struct hm_httpd_request {
    const char *method;
    const char *path;         /* as sent, percent-encoded, without query */
    const char *content_type; /* or NULL */
    const char *peer;         /* the client's address as text, "unix" for a unix socket */
    struct hm_bytes body;
    void *connection; /* private */
};

struct hm_httpd_field {
    const char *name; /* static */
    char *value;      /* owned */
};

/* Set by the handler; body, file and fields are released by the server. */
struct hm_httpd_answer {
    unsigned status;           /* 500 if it is not set */
    const char *type;          /* Content-Type, static; NULL: none */
    const char *cache_control; /* static; NULL: none */
    struct hm_buf body;
    int file; /* in the place of a body: this part of a file; -1: none */
    uint64_t file_offset, file_size;
    struct hm_httpd_field fields[HM_HTTPD_FIELD_COUNT_MAX];
    size_t field_count;
    bool is_failed; /* private */
};

/* The value of a header of the request; NULL where it has none. HM_EFORMAT: it has several. Borrows
 * from the request. */
HM_MUST_CHECK enum hm_rc hm_httpd_request_header(const struct hm_httpd_request *request,
                                                 const char *name, const char **ret_value);
/* The value of an argument of the request's query, as it was sent; likewise. */
HM_MUST_CHECK enum hm_rc hm_httpd_request_argument(const struct hm_httpd_request *request,
                                                   const char *name, const char **ret_value);
/* Adds a field to the answer; one too many or too long makes the answer a 500. Copies value. */
void hm_httpd_answer_field(struct hm_httpd_answer *answer, const char *name, const char *value);

/* Called by many threads at once. */
typedef void hm_httpd_handler(void *ctx, const struct hm_httpd_request *request,
                              struct hm_httpd_answer *answer);

struct hm_httpd_options {
    /* HOST:PORT, [HOST]:PORT (port 0: any that is free), or "unix:PATH": a socket for this user and
     * group, made anew where nobody listens at an old one; or "fd:N": a unix socket that listens
     * already, and stays open to others who share it. */
    const char *listen;
    size_t body_size_max;   /* longer ones are 413 */
    size_t answer_size_max; /* of the handler's body buffer */
    /* 0: those above */
    unsigned connections_max;
    unsigned connections_per_peer;
    unsigned timeout_s;
    unsigned stop_grace_ms;
};

struct hm_httpd;

/* Serves from now on. Copies options. HM_EUSAGE: an address that is none; HM_EBUSY: somebody
 * listens there; HM_EINPUT: it is not this machine's, or not allowed. */
HM_MUST_CHECK enum hm_rc hm_httpd_start(const struct hm_httpd_options *options,
                                        hm_httpd_handler *handler, void *ctx, struct hm_err *err,
                                        struct hm_httpd **ret_httpd);
/* Where it listens: "127.0.0.1:8080", "unix:/run/x". */
const char *hm_httpd_address(const struct hm_httpd *httpd);
/* Takes no more connections, lets requests under way finish (stop_grace_ms), and ends. */
void hm_httpd_stop(struct hm_httpd *httpd);
HM_DEFINE_FREE(hm_httpd_stop, struct hm_httpd);

/* For a program's main thread: blocks SIGTERM and SIGINT, before any thread is made, and ignores
 * SIGPIPE... */
void hm_httpd_block_signals(void);
/* ...and waits for one of the two. */
void hm_httpd_wait_signal(void);

#endif
