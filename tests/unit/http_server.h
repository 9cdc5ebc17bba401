/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tiny HTTP server for tests, on a port of 127.0.0.1, whose answers are as good or bad as the
 * path asked for says (http_server.c lists them). Everything in it ends when it is stopped.
 */
#ifndef HM_TESTS_HTTP_SERVER_H
#define HM_TESTS_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_SERVER_DATA_SIZE 100000u

struct http_server;

struct http_server *http_server_start(void);
void http_server_stop(struct http_server *server);
unsigned http_server_port(const struct http_server *server);
/* What a POST is answered with; delays end when the server is stopped. */
struct http_server_answer {
    unsigned status;
    const char *type; /* NULL: no Content-Type */
    char body[8192];
    size_t size;
    unsigned delay_ms;
};
typedef void http_server_post_fn(void *ctx, const char *path, const uint8_t *body, size_t size,
                                 struct http_server_answer *ret_answer);
/* From now on POST is answered by fn, in the connection's thread, under a lock; without it a path's
 * rudeness is the same as for GET. A status of 0 leaves it to the path too. */
void http_server_on_post(struct http_server *server, http_server_post_fn *fn, void *ctx);
/* The object: HTTP_SERVER_DATA_SIZE bytes. */
const uint8_t *http_server_data(void);
/* So far. */
unsigned http_server_connection_count(struct http_server *server);
unsigned http_server_request_count(struct http_server *server);
/* The headers of the newest request; valid until the next. */
const char *http_server_request(struct http_server *server);

#endif
