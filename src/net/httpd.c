/* SPDX-License-Identifier: Apache-2.0 */
/* Serving HTTP through libmicrohttpd. See httpd.h. */
#include "net/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/num.h"
#include "base/time.h"

#define UNIX_PREFIX   "unix:"
#define FD_PREFIX     "fd:"
#define BACKLOG       511
#define PEER_SIZE     64
#define ADDRESS_SIZE  (sizeof(struct sockaddr_un) + sizeof(UNIX_PREFIX))
#define STACK_SIZE    ((size_t)512 * 1024)
#define WATCH_STEP_MS 100
#define HANDLED       INT64_MAX

/* A connection, as the watch sees it. */
struct connection {
    struct connection *next;
    struct connection *previous;
    int fd;
    /* When what it waits for now began; HANDLED: the handler has it, no hurry. */
    _Atomic int64_t since_ms;
    bool is_cut; /* the watch's own */
};

/* A request being read and answered. */
struct exchange {
    struct hm_buf body;
    struct connection *connection; /* NULL: out of memory when it came */
};

struct hm_httpd {
    struct hm_httpd_options options;
    hm_httpd_handler *handler;
    void *ctx;
    struct MHD_Daemon *daemon;
    int listener;
    bool is_unix;
    bool is_given; /* the socket is somebody else's too */
    char address[ADDRESS_SIZE];
    pthread_t watch;
    bool has_watch;
    /* Requests take no lock: hundreds of threads would wait for one another. */
    atomic_size_t request_count; /* under way */
    atomic_bool is_stopping;
    pthread_mutex_t lock; /* for the list */
    struct connection *connections;
};

/* --- listening --- */

/* Splits HOST:PORT or [HOST]:PORT. */
static enum hm_rc split_address(const char *text, struct hm_err *err, char host[256], char port[6])
{
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    bool is_bracketed = size >= 2 && text[0] == '[' && text[size - 1] == ']';
    uint64_t number;

    if (is_bracketed) {
        text++;
        size -= 2;
    }
    if (colon == NULL || size == 0 || size > 255 ||
        (!is_bracketed && memchr(text, ':', size) != NULL) ||
        hm_num_parse_u64(colon + 1, strlen(colon + 1), &number) != HM_OK || number > UINT16_MAX)
        return hm_fail(err, HM_EUSAGE,
                       "'%s' is no address to listen at: HOST:PORT, [IPV6]:PORT or unix:PATH",
                       text);
    memcpy(host, text, size);
    host[size] = '\0';
    (void)snprintf(port, 6, "%u", (unsigned)number);
    return HM_OK;
}

static enum hm_rc fail_listen(const struct hm_httpd *httpd, int errno_value, struct hm_err *err)
{
    if (errno_value == EADDRINUSE)
        return hm_fail(err, HM_EBUSY, "'%s': another program listens there", httpd->options.listen);
    return hm_fail(err, HM_EINPUT, "'%s': cannot listen there: %s", httpd->options.listen,
                   strerror(errno_value));
}

static enum hm_rc listen_at(struct hm_httpd *httpd, const struct sockaddr *address, socklen_t size,
                            struct hm_err *err)
{
    int on = 1;

    httpd->listener = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (httpd->listener < 0)
        return fail_listen(httpd, errno, err);
    /* A port that this program had a minute ago. */
    if (address->sa_family != AF_UNIX &&
        setsockopt(httpd->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
        return fail_listen(httpd, errno, err);
    if (bind(httpd->listener, address, size) != 0 || listen(httpd->listener, BACKLOG) != 0)
        return fail_listen(httpd, errno, err);
    return HM_OK;
}

/* "127.0.0.1:80" or "[::1]:80"; "unix" for anything without. */
static void format_address(const struct sockaddr *address, char *ret_text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, address, sizeof(in));
        (void)snprintf(ret_text, size, "%s:%u",
                       inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host)), ntohs(in.sin_port));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, address, sizeof(in6));
        (void)snprintf(ret_text, size, "[%s]:%u",
                       inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host)),
                       ntohs(in6.sin6_port));
    } else {
        (void)snprintf(ret_text, size, "unix");
    }
}

static enum hm_rc listen_tcp(struct hm_httpd *httpd, struct hm_err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct sockaddr_storage bound;
    socklen_t size = sizeof(bound);
    char host[256];
    char port[6];
    enum hm_rc rc;
    int code;

    HM_TRY(split_address(httpd->options.listen, err, host, port));
    code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return hm_fail(err, HM_EINPUT, "'%s': %s", httpd->options.listen, gai_strerror(code));
    rc = listen_at(httpd, found->ai_addr, found->ai_addrlen, err);
    freeaddrinfo(found);
    HM_TRY(rc);
    if (getsockname(httpd->listener, (struct sockaddr *)&bound, &size) != 0)
        return fail_listen(httpd, errno, err);
    format_address((struct sockaddr *)&bound, httpd->address, sizeof(httpd->address));
    return HM_OK;
}

/* Removes a socket at which nobody listens any more. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd;

    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED)
        (void)unlink(address->sun_path); /* bind says what is wrong, if it stays */
    (void)close(fd);
}

static enum hm_rc listen_unix(struct hm_httpd *httpd, struct hm_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = httpd->options.listen + strlen(UNIX_PREFIX);
    mode_t mask;
    enum hm_rc rc;

    if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
        return hm_fail(err, HM_EUSAGE, "'%s': the path of a unix socket has 1 to %zu bytes",
                       httpd->options.listen, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    remove_stale(&address);
    mask = umask(0117); /* this user and group from the first moment on */
    rc = listen_at(httpd, (const struct sockaddr *)&address, sizeof(address), err);
    (void)umask(mask);
    HM_TRY(rc);
    httpd->is_unix = true;
    (void)snprintf(httpd->address, sizeof(httpd->address), UNIX_PREFIX "%s", address.sun_path);
    return HM_OK;
}

static enum hm_rc listen_given(struct hm_httpd *httpd, struct hm_err *err)
{
    const char *text = httpd->options.listen + strlen(FD_PREFIX);
    int listens = 0;
    socklen_t size = sizeof(listens);
    uint64_t number;

    if (hm_num_parse_u64(text, strlen(text), &number) != HM_OK || number > INT32_MAX ||
        getsockopt((int)number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
        return hm_fail(err, HM_EUSAGE, "'%s' is no socket that listens", httpd->options.listen);
    httpd->listener = (int)number;
    httpd->is_unix = httpd->is_given = true;
    (void)snprintf(httpd->address, sizeof(httpd->address), FD_PREFIX "%d", httpd->listener);
    return HM_OK;
}

/* --- connections --- */

static void lock(struct hm_httpd *httpd)
{
    (void)pthread_mutex_lock(&httpd->lock); /* a plain mutex of ours: cannot fail */
}

static void unlock(struct hm_httpd *httpd)
{
    (void)pthread_mutex_unlock(&httpd->lock);
}

static void connection_add(struct hm_httpd *httpd, struct connection *connection)
{
    connection->next = httpd->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    httpd->connections = connection;
}

static void connection_remove(struct hm_httpd *httpd, struct connection *connection)
{
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        httpd->connections = connection->next;
}

/* The descriptor of a connection stays open until its end was told here. */
static void on_connection(void *ctx, struct MHD_Connection *mhd, void **socket_ctx,
                          enum MHD_ConnectionNotificationCode code)
{
    struct hm_httpd *httpd = ctx;
    struct connection *connection = *socket_ctx;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

        connection = info == NULL ? NULL : calloc(1, sizeof(*connection));
        if (connection == NULL)
            return; /* its requests are refused */
        connection->fd = info->connect_fd;
        connection->since_ms = hm_time_monotonic_ms();
        lock(httpd);
        connection_add(httpd, connection);
        unlock(httpd);
        *socket_ctx = connection;
        return;
    }
    if (connection == NULL)
        return;
    lock(httpd);
    connection_remove(httpd, connection);
    unlock(httpd);
    free(connection);
    *socket_ctx = NULL;
}

/* Cuts off whoever took too long. */
static void *watch(void *ctx)
{
    struct hm_httpd *httpd = ctx;
    int64_t limit_ms = (int64_t)httpd->options.timeout_s * 1000;

    for (;;) {
        int64_t now_ms = hm_time_monotonic_ms();
        bool is_stopping = httpd->is_stopping && httpd->request_count == 0;

        lock(httpd);
        for (struct connection *connection = httpd->connections; connection != NULL;
             connection = connection->next) {
            int64_t since_ms = connection->since_ms;

            if (since_ms == HANDLED || connection->is_cut || now_ms - since_ms <= limit_ms)
                continue;
            connection->is_cut = true;
            (void)shutdown(connection->fd, SHUT_RDWR); /* its thread sees the end */
        }
        unlock(httpd);
        if (is_stopping)
            return NULL;
        (void)usleep(WATCH_STEP_MS * 1000);
    }
}

/* --- requests --- */

static void answer_done(struct hm_httpd_answer *answer)
{
    hm_buf_done(&answer->body);
    hm_dir_close_fd(&answer->file);
    for (size_t i = 0; i < answer->field_count; i++)
        free(answer->fields[i].value);
    answer->field_count = 0;
}

void hm_httpd_answer_field(struct hm_httpd_answer *answer, const char *name, const char *value)
{
    char *copy = strlen(value) > HM_HTTPD_FIELD_SIZE_MAX ? NULL : strdup(value);

    if (copy == NULL || answer->field_count == HM_HTTPD_FIELD_COUNT_MAX) {
        free(copy);
        answer->is_failed = true;
        return;
    }
    answer->fields[answer->field_count++] = (struct hm_httpd_field){name, copy};
}

/* What an answer carries; takes body and file. NULL: out of memory. */
static struct MHD_Response *make_response(struct hm_httpd_answer *answer)
{
    struct MHD_Response *response;

    if (answer->file >= 0) {
        response = MHD_create_response_from_fd_at_offset64(answer->file_size, answer->file,
                                                           answer->file_offset);
        if (response != NULL)
            answer->file = -1;
        return response;
    }
    response = MHD_create_response_from_buffer(answer->body.size, answer->body.data,
                                               MHD_RESPMEM_MUST_FREE);
    if (response != NULL)
        answer->body = (struct hm_buf)HM_BUF_INIT(0);
    return response;
}

static enum MHD_Result add_fields(struct MHD_Response *response,
                                  const struct hm_httpd_answer *answer, bool is_stopping)
{
    enum MHD_Result result = MHD_YES;

    if (answer->type != NULL)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    if (result == MHD_YES && answer->cache_control != NULL)
        result =
            MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, answer->cache_control);
    for (size_t i = 0; i < answer->field_count && result == MHD_YES; i++)
        result = MHD_add_response_header(response, answer->fields[i].name, answer->fields[i].value);
    if (result == MHD_YES && is_stopping)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return result;
}

/* Releases what the answer holds. */
static enum MHD_Result send_answer(struct hm_httpd *httpd, struct MHD_Connection *mhd,
                                   struct hm_httpd_answer *answer)
{
    struct MHD_Response *response;
    enum MHD_Result result;

    if (answer->is_failed) {
        answer_done(answer);
        answer->status = 500;
        answer->type = NULL;
    }
    response = make_response(answer);
    if (response == NULL) {
        answer_done(answer);
        return MHD_NO;
    }
    result = add_fields(response, answer, httpd->is_stopping);
    if (result == MHD_YES)
        result = MHD_queue_response(mhd, answer->status == 0 ? 500 : answer->status, response);
    MHD_destroy_response(response);
    answer_done(answer);
    return result;
}

/* A few words of our own. */
static enum MHD_Result send_words(struct hm_httpd *httpd, struct MHD_Connection *mhd,
                                  unsigned status, const char *words)
{
    struct hm_httpd_answer answer = {.status = status,
                                     .type = "text/plain; charset=utf-8",
                                     .body = HM_BUF_INIT(256),
                                     .file = -1};

    if (hm_buf_append_str(&answer.body, words, NULL) != HM_OK)
        return MHD_NO;
    return send_answer(httpd, mhd, &answer);
}

static enum MHD_Result begin(struct hm_httpd *httpd, struct MHD_Connection *mhd, void **request_ctx)
{
    const char *length =
        MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    uint64_t size = 0;

    if (exchange == NULL || info == NULL || info->socket_context == NULL) {
        free(exchange);
        return MHD_NO;
    }
    exchange->connection = info->socket_context;
    exchange->body = (struct hm_buf)HM_BUF_INIT(httpd->options.body_size_max);
    *request_ctx = exchange;
    httpd->request_count++;
    if (length != NULL && (hm_num_parse_u64(length, strlen(length), &size) != HM_OK ||
                           size > httpd->options.body_size_max))
        return send_words(httpd, mhd, MHD_HTTP_CONTENT_TOO_LARGE, "the request is too long\n");
    return MHD_YES;
}

/* Looks for a header, and whether it comes twice. */
struct header {
    const char *name;
    const char *value;
    bool is_second;
};

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct header *header = ctx;

    (void)kind;
    if (strcasecmp(name, header->name) != 0)
        return MHD_YES;
    header->is_second = header->value != NULL;
    header->value = value == NULL ? "" : value;
    return header->is_second ? MHD_NO : MHD_YES;
}

/* Names of arguments are compared with the case that they have. */
static enum MHD_Result on_argument(void *ctx, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    const struct header *header = ctx;

    return strcmp(name, header->name) == 0 ? on_header(ctx, kind, name, value) : MHD_YES;
}

static enum hm_rc find_value(const struct hm_httpd_request *request, enum MHD_ValueKind kind,
                             const char *name, const char **ret_value)
{
    struct header header = {.name = name};

    (void)MHD_get_connection_values(request->connection, kind,
                                    kind == MHD_HEADER_KIND ? on_header : on_argument, &header);
    if (header.is_second)
        return HM_EFORMAT;
    *ret_value = header.value;
    return HM_OK;
}

enum hm_rc hm_httpd_request_header(const struct hm_httpd_request *request, const char *name,
                                   const char **ret_value)
{
    return find_value(request, MHD_HEADER_KIND, name, ret_value);
}

enum hm_rc hm_httpd_request_argument(const struct hm_httpd_request *request, const char *name,
                                     const char **ret_value)
{
    return find_value(request, MHD_GET_ARGUMENT_KIND, name, ret_value);
}

static enum MHD_Result handle(struct hm_httpd *httpd, struct MHD_Connection *mhd,
                              struct exchange *exchange, const char *path, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct hm_httpd_answer answer = {.body = HM_BUF_INIT(httpd->options.answer_size_max),
                                     .file = -1};
    char peer[PEER_SIZE] = "unix";
    const struct hm_httpd_request request = {
        .method = method,
        .path = path,
        .content_type =
            MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE),
        .peer = peer,
        .body = hm_buf_bytes(&exchange->body),
        .connection = mhd,
    };

    if (info != NULL && info->client_addr != NULL && !httpd->is_unix)
        format_address(info->client_addr, peer, sizeof(peer));
    exchange->connection->since_ms = HANDLED;
    httpd->handler(httpd->ctx, &request, &answer);
    exchange->connection->since_ms = hm_time_monotonic_ms();
    return send_answer(httpd, mhd, &answer);
}

/* Called with the headers, then with each piece of the body, then without any. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mhd, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **request_ctx)
{
    struct hm_httpd *httpd = ctx;
    struct exchange *exchange = *request_ctx;

    (void)version;
    if (exchange == NULL)
        return begin(httpd, mhd, request_ctx);
    if (*size == 0)
        return handle(httpd, mhd, exchange, path, method);
    /* Past the maximum without having said so: there is no answer in the middle of a body. */
    if (hm_buf_append(&exchange->body, hm_bytes_make(data, *size), NULL) != HM_OK)
        return MHD_NO;
    *size = 0;
    return MHD_YES;
}

static void on_completed(void *ctx, struct MHD_Connection *mhd, void **request_ctx,
                         enum MHD_RequestTerminationCode code)
{
    struct hm_httpd *httpd = ctx;
    struct exchange *exchange = *request_ctx;

    (void)mhd;
    (void)code;
    if (exchange == NULL)
        return;
    exchange->connection->since_ms = hm_time_monotonic_ms();
    httpd->request_count--;
    hm_buf_done(&exchange->body);
    free(exchange);
    *request_ctx = NULL;
}

/* Paths stay as they were sent: what %2F or %00 in them mean is not decided here. */
static size_t keep_escaped(void *ctx, struct MHD_Connection *mhd, char *text)
{
    (void)ctx;
    (void)mhd;
    return strlen(text);
}

/* --- starting and stopping --- */

static enum hm_rc start_daemon(struct hm_httpd *httpd, struct hm_err *err)
{
    const struct hm_httpd_options *options = &httpd->options;

    httpd->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_ITC,
        0, NULL, NULL, on_request, httpd, MHD_OPTION_LISTEN_SOCKET, httpd->listener,
        MHD_OPTION_CONNECTION_LIMIT, options->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        httpd->is_unix ? 0U : options->connections_per_peer, MHD_OPTION_CONNECTION_TIMEOUT,
        options->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, HM_HTTPD_HEAD_SIZE_MAX,
        MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escaped, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, httpd, MHD_OPTION_NOTIFY_COMPLETED, on_completed, httpd, MHD_OPTION_END);
    if (httpd->daemon == NULL)
        return hm_fail(err, HM_EINTERNAL, "'%s': libmicrohttpd cannot be started", options->listen);
    return HM_OK;
}

/* Threads of the server leave signals to the program's main thread. */
static enum hm_rc start_threads(struct hm_httpd *httpd, struct hm_err *err)
{
    sigset_t all;
    sigset_t before;
    enum hm_rc rc = HM_OK;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    httpd->has_watch = pthread_create(&httpd->watch, NULL, watch, httpd) == 0;
    rc = httpd->has_watch ? start_daemon(httpd, err)
                          : hm_fail(err, HM_EINTERNAL, "no thread can be made");
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

enum hm_rc hm_httpd_start(const struct hm_httpd_options *options, hm_httpd_handler *handler,
                          void *ctx, struct hm_err *err, struct hm_httpd **ret_httpd)
{
    _hm_free_(hm_httpd_stop) struct hm_httpd *httpd = calloc(1, sizeof(*httpd));

    if (httpd == NULL)
        return hm_error_nomem(err);
    httpd->options = *options;
    httpd->handler = handler;
    httpd->ctx = ctx;
    httpd->listener = -1;
    (void)pthread_mutex_init(&httpd->lock, NULL); /* of the default kind: cannot fail */
    if (httpd->options.connections_max == 0)
        httpd->options.connections_max = HM_HTTPD_CONNECTIONS_MAX;
    if (httpd->options.connections_per_peer == 0)
        httpd->options.connections_per_peer = HM_HTTPD_CONNECTIONS_PER_PEER;
    if (httpd->options.timeout_s == 0)
        httpd->options.timeout_s = HM_HTTPD_TIMEOUT_S;
    if (httpd->options.stop_grace_ms == 0)
        httpd->options.stop_grace_ms = HM_HTTPD_STOP_GRACE_MS;
    if (strncmp(options->listen, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
        HM_TRY(listen_unix(httpd, err));
    else if (strncmp(options->listen, FD_PREFIX, strlen(FD_PREFIX)) == 0)
        HM_TRY(listen_given(httpd, err));
    else
        HM_TRY(listen_tcp(httpd, err));
    HM_TRY(start_threads(httpd, err));
    httpd->options.listen = httpd->address; /* the caller's may go */
    *ret_httpd = hm_steal(&httpd);
    return HM_OK;
}

const char *hm_httpd_address(const struct hm_httpd *httpd)
{
    return httpd->address;
}

void hm_httpd_stop(struct hm_httpd *httpd)
{
    int64_t end_ms;

    if (httpd == NULL)
        return;
    httpd->is_stopping = true;
    if (httpd->daemon != NULL) {
        /* The listener stays open, and is ours to close when nobody uses it any more. */
        (void)MHD_quiesce_daemon(httpd->daemon);
        end_ms = hm_time_monotonic_ms() + httpd->options.stop_grace_ms;
        while (httpd->request_count > 0 && hm_time_monotonic_ms() < end_ms)
            (void)usleep(5000);
        MHD_stop_daemon(httpd->daemon);
    }
    if (httpd->has_watch)
        (void)pthread_join(httpd->watch, NULL); /* it ends by itself now */
    if (httpd->listener >= 0)
        (void)close(httpd->listener);
    if (httpd->is_unix && !httpd->is_given)
        (void)unlink(httpd->address + strlen(UNIX_PREFIX)); /* the next start removes it too */
    (void)pthread_mutex_destroy(&httpd->lock);
    free(httpd);
}

static void make_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
}

void hm_httpd_block_signals(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;

    make_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

void hm_httpd_wait_signal(void)
{
    sigset_t set;
    int signal_number = 0;

    make_signals(&set);
    while (sigwait(&set, &signal_number) != 0)
        continue;
}
