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
/* The object: HTTP_SERVER_DATA_SIZE bytes. */
const uint8_t *http_server_data(void);
/* So far. */
unsigned http_server_connection_count(struct http_server *server);
unsigned http_server_request_count(struct http_server *server);
/* The headers of the newest request; valid until the next. */
const char *http_server_request(struct http_server *server);

#endif
