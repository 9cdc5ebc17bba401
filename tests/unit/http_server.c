/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny HTTP server for tests: one thread a connection, each path its own rudeness. */
#include "http_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTION_COUNT_MAX 256
#define REQUEST_SIZE_MAX     4096
#define BODY_SIZE_MAX        65536

struct http_server {
    int listener;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    bool is_stopping;
    unsigned connection_count;
    unsigned request_count;
    char request[REQUEST_SIZE_MAX];
    http_server_post_fn *on_post;
    void *on_post_ctx;
    pthread_t connection_threads[CONNECTION_COUNT_MAX];
};

struct connection {
    struct http_server *server;
    int fd;
    char request[REQUEST_SIZE_MAX];
    char path[256];
    bool has_range;
    unsigned offset;
    uint8_t *body; /* of a POST, else NULL */
    size_t body_size;
};

static uint8_t data[HTTP_SERVER_DATA_SIZE];

const uint8_t *http_server_data(void)
{
    for (unsigned i = 0; i < HTTP_SERVER_DATA_SIZE; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    return data;
}

static bool is_stopping(struct http_server *server)
{
    bool stopping;

    pthread_mutex_lock(&server->lock);
    stopping = server->is_stopping;
    pthread_mutex_unlock(&server->lock);
    return stopping;
}

/* Waits for input, at most until the server stops. */
static bool wait_readable(struct http_server *server, int fd)
{
    while (!is_stopping(server)) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};

        if (poll(&poller, 1, 20) > 0)
            return true;
    }
    return false;
}

static bool send_bytes(struct connection *connection, const void *bytes, size_t size)
{
    const char *next = bytes;

    while (size > 0) {
        ssize_t sent;
        struct pollfd poller = {.fd = connection->fd, .events = POLLOUT};

        if (is_stopping(connection->server))
            return false;
        if (poll(&poller, 1, 20) == 0)
            continue;
        sent = send(connection->fd, next, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0)
            return false;
        next += sent;
        size -= (size_t)sent;
    }
    return true;
}

__attribute__((format(printf, 2, 3))) static bool send_text(struct connection *connection,
                                                            const char *format, ...)
{
    char text[1024];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return size > 0 && (size_t)size < sizeof(text) && send_bytes(connection, text, (size_t)size);
}

static bool send_whole(struct connection *connection)
{
    return send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n",
                     HTTP_SERVER_DATA_SIZE) &&
           send_bytes(connection, data, sizeof(data));
}

/* The object from the offset asked for, with a Content-Range line of the caller's. */
static bool send_rest(struct connection *connection, unsigned from, unsigned size,
                      const char *range_line)
{
    return send_text(connection, "HTTP/1.1 206 Partial Content\r\nContent-Length: %u\r\n%s\r\n",
                     size, range_line) &&
           send_bytes(connection, data + from, size);
}

static bool send_range(struct connection *connection, const char *kind)
{
    unsigned from = connection->offset;
    char line[300];

    if (!connection->has_range || strcmp(kind, "ignored") == 0)
        return send_whole(connection);
    if (strcmp(kind, "416") == 0 || from >= HTTP_SERVER_DATA_SIZE)
        return send_text(connection, "HTTP/1.1 416 Range\r\nContent-Length: 3\r\n\r\nno\n");
    snprintf(line, sizeof(line), "Content-Range: bytes %u-%u/%u\r\n", from,
             HTTP_SERVER_DATA_SIZE - 1, HTTP_SERVER_DATA_SIZE);
    if (strcmp(kind, "unknown-total") == 0)
        snprintf(line, sizeof(line), "content-range:  bytes %u-%u/*  \r\n", from,
                 HTTP_SERVER_DATA_SIZE - 1);
    if (strcmp(kind, "wrong") == 0)
        return send_rest(connection, from + 1, HTTP_SERVER_DATA_SIZE - from - 1,
                         "Content-Range: bytes 501-99999/100000\r\n");
    if (strcmp(kind, "malformed") == 0)
        snprintf(line, sizeof(line), "Content-Range: bytes %u-/100000\r\n", from);
    if (strcmp(kind, "missing") == 0)
        line[0] = '\0';
    if (strcmp(kind, "twice") == 0)
        snprintf(line, sizeof(line),
                 "Content-Range: bytes 0-99/100000\r\nContent-Range: bytes %u-99999/100000\r\n",
                 from);
    if (strcmp(kind, "longer") == 0)
        snprintf(line, sizeof(line), "Content-Range: bytes %u-99999/100001\r\n", from);
    if (strcmp(kind, "part") == 0) {
        snprintf(line, sizeof(line), "Content-Range: bytes %u-%u/%u\r\n", from, from + 99,
                 HTTP_SERVER_DATA_SIZE);
        return send_rest(connection, from, 100, line);
    }
    return send_rest(connection, from, HTTP_SERVER_DATA_SIZE - from, line);
}

static bool send_endless(struct connection *connection, const char *kind)
{
    if (strcmp(kind, "headers") == 0) {
        if (!send_text(connection, "HTTP/1.1 200 OK\r\n"))
            return false;
        while (send_text(connection, "X-Header: %0200d\r\n", 1))
            continue;
        return false;
    }
    if (strcmp(kind, "interim") == 0) {
        while (send_text(connection, "HTTP/1.1 103 Early Hints\r\nLink: <%0200d>\r\n\r\n", 1))
            continue;
        return false;
    }
    if (strcmp(kind, "chunked") == 0) {
        if (!send_text(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
            return false;
        while (send_text(connection, "c8\r\n%0200d\r\n", 1))
            continue;
        return false;
    }
    if (strcmp(kind, "gzip-of-nothing") == 0) { /* empty stored blocks without end */
        static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
        uint8_t blocks[5 * 1000];

        for (size_t i = 0; i < sizeof(blocks); i += 5)
            memcpy(blocks + i, "\0\0\0\xff\xff", 5);
        if (!send_text(connection, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                   "Connection: close\r\n\r\n") ||
            !send_bytes(connection, header, sizeof(header)))
            return false;
        while (send_bytes(connection, blocks, sizeof(blocks)))
            continue;
        return false;
    }
    if (strcmp(kind, "404") == 0) {
        if (!send_text(connection, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"))
            return false;
    } else if (!send_text(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")) {
        return false;
    }
    while (send_bytes(connection, data, sizeof(data)))
        continue;
    return false;
}

static bool send_slow(struct connection *connection, const char *kind)
{
    if (strcmp(kind, "body") == 0 || strcmp(kind, "drip") == 0) {
        if (!send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"))
            return false;
    }
    while (!is_stopping(connection->server)) {
        usleep(20000);
        /* 100 kB a second: no stall, but no end within a second either. */
        if (strcmp(kind, "drip") == 0 && !send_bytes(connection, data, 2000))
            return false;
    }
    return false;
}

static bool send_redirect(struct connection *connection, const char *kind)
{
    unsigned count;
    char location[300];

    if (sscanf(kind, "%u", &count) == 1 && count > 0)
        snprintf(location, sizeof(location), "Location: /redirect/%u\r\n", count - 1);
    else if (sscanf(kind, "%u", &count) == 1)
        snprintf(location, sizeof(location), "Location: /range/good?secret=1\r\n");
    else if (strcmp(kind, "loop") == 0)
        snprintf(location, sizeof(location), "Location: loop\r\n");
    else if (strcmp(kind, "plain") == 0)
        snprintf(location, sizeof(location), "Location: http://192.0.2.1/x?secret=1\r\n");
    else if (strcmp(kind, "file") == 0)
        snprintf(location, sizeof(location), "Location: file:///etc/passwd\r\n");
    else if (strcmp(kind, "user") == 0)
        snprintf(location, sizeof(location), "Location: http://u:p@127.0.0.1:%u/range/good\r\n",
                 connection->server->port);
    else if (strcmp(kind, "loopback") == 0)
        snprintf(location, sizeof(location), "Location: http://127.0.0.1:%u/range/good\r\n",
                 connection->server->port);
    else
        location[0] = '\0';
    return send_text(connection, "HTTP/1.1 302 Found\r\nContent-Length: 5\r\n%s\r\nmoved",
                     location);
}

static bool send_other(struct connection *connection, const char *path)
{
    unsigned status;

    if (sscanf(path, "/status/%u", &status) == 1)
        return send_text(connection, "HTTP/1.1 %u Status\r\nContent-Length: 6\r\n\r\nerror\n",
                         status);
    if (strcmp(path, "/404-declared") == 0)
        return send_text(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 9000000\r\n\r\n");
    if (strcmp(path, "/empty") == 0)
        return send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    if (strcmp(path, "/declared") == 0) /* longer than anything allowed */
        return send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\nxyz");
    if (strcmp(path, "/short") == 0) {
        (void)send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n%0500d", 1);
        return false;
    }
    if (strcmp(path, "/short-chunk") == 0) {
        (void)send_text(connection,
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n%0100d\r\n", 1);
        return false;
    }
    if (strcmp(path, "/encoded") == 0)
        return send_text(connection, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                     "Content-Length: 4\r\n\r\n\x1f\x8b\x08z");
    if (strcmp(path, "/gzip") == 0) {
        /* "hallmark\n" in one stored block */
        static const uint8_t object[32] = {
            0x1f, 0x8b, 8,   0,   0,   0,   0,   0,    0,    3,    1,    9,    0, 0xf6, 0xff, 'h',
            'a',  'l',  'l', 'm', 'a', 'r', 'k', '\n', 0x51, 0xba, 0x42, 0xfd, 9, 0,    0,    0};

        return send_text(connection,
                         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         sizeof(object)) &&
               send_bytes(connection, object, sizeof(object));
    }
    if (strcmp(path, "/interim") == 0)
        return send_text(connection, "HTTP/1.1 103 Early\r\nContent-Range: bytes 0-1/2\r\n\r\n") &&
               send_whole(connection);
    if (strcmp(path, "/closed") == 0)
        return false;
    (void)send_text(connection, "<html>no HTTP at all</html>");
    return false;
}

static bool send_post_answer(struct connection *connection, const struct http_server_answer *given)
{
    for (unsigned waited = 0; waited < given->delay_ms; waited += 5) {
        if (is_stopping(connection->server))
            return false;
        usleep(5000);
    }
    return send_text(connection, "HTTP/1.1 %u Status\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                     given->status, given->size, given->type == NULL ? "" : "Content-Type: ",
                     given->type == NULL ? "" : given->type, given->type == NULL ? "" : "\r\n") &&
           send_bytes(connection, given->body, given->size);
}

static bool answer_path(struct connection *connection);

/* False: the connection ends. */
static bool answer(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct http_server_answer given = {.status = 0};

    if (connection->body == NULL)
        return answer_path(connection);
    pthread_mutex_lock(&server->lock);
    if (server->on_post != NULL)
        server->on_post(server->on_post_ctx, connection->path, connection->body,
                        connection->body_size, &given);
    pthread_mutex_unlock(&server->lock);
    return given.status == 0 ? answer_path(connection) : send_post_answer(connection, &given);
}

static bool answer_path(struct connection *connection)
{
    const char *path = connection->path;

    if (strncmp(connection->request, "CONNECT", 7) == 0)
        return send_text(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    if (strncmp(path, "/range/", 7) == 0)
        return send_range(connection, path + 7);
    if (strncmp(path, "/endless/", 9) == 0)
        return send_endless(connection, path + 9);
    if (strncmp(path, "/slow/", 6) == 0)
        return send_slow(connection, path + 6);
    if (strncmp(path, "/redirect/", 10) == 0)
        return send_redirect(connection, path + 10);
    return send_other(connection, path);
}

/* Reads the body of a POST. */
static bool read_body(struct connection *connection)
{
    const char *length = strcasestr(connection->request, "\r\nContent-Length: ");
    size_t size = length == NULL ? 0 : strtoul(length + 18, NULL, 10);

    free(connection->body);
    connection->body = NULL;
    connection->body_size = size;
    if (strncmp(connection->request, "POST ", 5) != 0)
        return true;
    connection->body = size > BODY_SIZE_MAX ? NULL : malloc(size + 1);
    for (size_t done = 0; done < size;) {
        ssize_t count;

        if (connection->body == NULL || !wait_readable(connection->server, connection->fd))
            return false;
        count = recv(connection->fd, connection->body + done, size - done, 0);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return connection->body != NULL;
}

/* Reads one request's headers; false at the end of the connection. */
static bool read_request(struct connection *connection)
{
    size_t size = 0;
    const char *range;
    char target[256];

    while (size < sizeof(connection->request) - 1) {
        if (!wait_readable(connection->server, connection->fd) ||
            recv(connection->fd, connection->request + size, 1, 0) != 1)
            return false;
        connection->request[++size] = '\0';
        if (size >= 4 && memcmp(connection->request + size - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    if (sscanf(connection->request, "%*15s %255s", target) != 1)
        return false;
    /* A proxy is asked for a whole URL. */
    snprintf(connection->path, sizeof(connection->path), "%s",
             strncmp(target, "http://", 7) == 0 && strchr(target + 7, '/') != NULL
                 ? strchr(target + 7, '/')
                 : target);
    connection->path[strcspn(connection->path, "?")] = '\0';
    range = strstr(connection->request, "\r\nRange: bytes=");
    connection->has_range =
        range != NULL && sscanf(range, "\r\nRange: bytes=%u-", &connection->offset) == 1;
    if (!read_body(connection))
        return false;
    pthread_mutex_lock(&connection->server->lock);
    connection->server->request_count++;
    memcpy(connection->server->request, connection->request, sizeof(connection->request));
    pthread_mutex_unlock(&connection->server->lock);
    return true;
}

static void *serve_connection(void *ctx)
{
    struct connection *connection = ctx;

    while (read_request(connection) && answer(connection))
        continue;
    close(connection->fd);
    free(connection->body);
    free(connection);
    return NULL;
}

static void *serve(void *ctx)
{
    struct http_server *server = ctx;

    while (wait_readable(server, server->listener)) {
        struct connection *connection;
        int fd = accept(server->listener, NULL, NULL);
        bool is_full;

        pthread_mutex_lock(&server->lock);
        is_full = server->connection_count == CONNECTION_COUNT_MAX;
        pthread_mutex_unlock(&server->lock);
        if (fd < 0 || is_full)
            break;
        connection = calloc(1, sizeof(*connection));
        if (connection == NULL)
            abort();
        connection->server = server;
        connection->fd = fd;
        pthread_mutex_lock(&server->lock);
        if (pthread_create(&server->connection_threads[server->connection_count], NULL,
                           serve_connection, connection) != 0)
            abort();
        server->connection_count++;
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

struct http_server *http_server_start(void)
{
    struct http_server *server = calloc(1, sizeof(*server));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    (void)http_server_data();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server == NULL || pthread_mutex_init(&server->lock, NULL) != 0)
        abort();
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0 ||
        bind(server->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(server->listener, CONNECTION_COUNT_MAX) != 0 ||
        getsockname(server->listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    server->port = ntohs(address.sin_port);
    if (pthread_create(&server->thread, NULL, serve, server) != 0)
        abort();
    return server;
}

void http_server_stop(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < server->connection_count; i++)
        pthread_join(server->connection_threads[i], NULL);
    close(server->listener);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

unsigned http_server_port(const struct http_server *server)
{
    return server->port;
}

unsigned http_server_connection_count(struct http_server *server)
{
    unsigned count;

    pthread_mutex_lock(&server->lock);
    count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

unsigned http_server_request_count(struct http_server *server)
{
    unsigned count;

    pthread_mutex_lock(&server->lock);
    count = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

const char *http_server_request(struct http_server *server)
{
    return server->request;
}

void http_server_on_post(struct http_server *server, http_server_post_fn *fn, void *ctx)
{
    pthread_mutex_lock(&server->lock);
    server->on_post = fn;
    server->on_post_ctx = ctx;
    pthread_mutex_unlock(&server->lock);
}
