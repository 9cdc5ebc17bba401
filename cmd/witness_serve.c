/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hallmark-witness: the server behind "hallmark witness serve". C2SP tlog-witness v1.0.0:
 *
 *   POST /add-checkpoint     a log's checkpoint, to be cosigned
 *   GET /HASH/checkpoint     what was cosigned last of the log whose origin has this SHA-256
 *   GET /                    the witness's name and keys, for people
 *
 * Each request is one JSON object on a line of standard error.
 */
#include <getopt.h>
#include <pthread.h>

#include "audit/auditor.h"
#include "base/json_writer.h"
#include "base/time.h"
#include "cmd.h"
#include "net/httpd.h"
#include "tlog/witness.h"
#include "witness.h"

#define COMMAND        "hallmark witness serve"
#define DEFAULT_LISTEN "127.0.0.1:7380"
#define LINE_SIZE_MAX  8192
/* Monitors' caches: C2SP allows an hour. */
#define CHECKPOINT_CACHE "max-age=60"

static const char usage[] =
    "usage: hallmark witness serve [--dir DIR] [--listen ADDRESS] [--audit [--cacert FILE]]\n"
    "\n"
    "Cosigns the checkpoints that the witness's logs send (C2SP tlog-witness), until it is told "
    "to\n"
    "stop (SIGTERM, SIGINT). ADDRESS is HOST:PORT, [IPV6]:PORT or unix:PATH, by "
    "default\n" DEFAULT_LISTEN ". Each request is one line of JSON on standard error.\n"
    "--audit: first reads all that is new in the log and the metadata that it names, from the "
    "site\n"
    "given by 'hallmark witness log add --trust', and cosigns only what it recomputed; --cacert "
    "FILE "
    "is\n"
    "trusted for https instead of the system's certificates.\n"
    "DIR defaults to $XDG_DATA_HOME/hallmark-witness, for root to /var/lib/hallmark-witness.\n";

enum {
    OPTION_DIR = 256,
    OPTION_LISTEN,
    OPTION_AUDIT,
    OPTION_CACERT,
};

struct server {
    struct hm_witness *witness; /* owned, both */
    struct hm_auditor *auditor; /* NULL: a plain witness */
    const char *dir, *listen, *ca_file;
    bool audit;
};

static void server_done(struct server *server)
{
    hm_witness_free(server->witness);
    hm_auditor_free(server->auditor);
}

/* ---- the log of requests --------------------------------------------------------------------- */

/* One line, whole, whatever other threads write. A log that cannot be written stops nothing. */
static void print_line(struct hm_json_writer *writer, struct hm_buf *line)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    hm_json_writer_object_end(writer);
    if (hm_json_writer_end(writer, NULL) != HM_OK || hm_buf_append_byte(line, '\n', NULL) != HM_OK)
        return;
    (void)pthread_mutex_lock(&lock);
    (void)!fwrite(line->data, 1, line->size, stderr);
    (void)fflush(stderr);
    (void)pthread_mutex_unlock(&lock);
}

static void begin_line(struct hm_json_writer *writer, struct hm_buf *line, const char *event)
{
    hm_json_writer_init(writer, line, false);
    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "time");
    hm_json_writer_time(writer, hm_time_now_unix_s());
    hm_json_writer_key_str(writer, "event", event);
}

/* Text from outside that may be no UTF-8: in the escaped form of messages. */
static void write_foreign(struct hm_json_writer *writer, const char *key, const char *text)
{
    struct hm_err escaped = HM_ERR_INIT;

    (void)hm_fail(&escaped, HM_EFORMAT, "%s", text);
    hm_json_writer_key_str(writer, key, escaped.text);
}

static void log_request(const struct hm_httpd_request *request,
                        const struct hm_witness_answer *answer, int64_t elapsed_ms)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(LINE_SIZE_MAX);
    struct hm_json_writer writer;

    begin_line(&writer, &line, "request");
    hm_json_writer_key_str(&writer, "peer", request->peer);
    write_foreign(&writer, "method", request->method);
    write_foreign(&writer, "path", request->path);
    hm_json_writer_key_int(&writer, "status", answer->status);
    hm_json_writer_key_int(&writer, "ms", elapsed_ms);
    if (answer->origin[0] != '\0') {
        write_foreign(&writer, "origin", answer->origin);
        hm_json_writer_key(&writer, "old_size");
        hm_json_writer_u64(&writer, answer->old_size);
        hm_json_writer_key(&writer, "size");
        hm_json_writer_u64(&writer, answer->size);
    }
    if (answer->status != 200)
        hm_json_writer_key_str(&writer, "why", answer->why.text);
    print_line(&writer, &line);
}

/* What an auditor noticed, and refuses nothing for. */
static void log_note(void *ctx, const char *origin, enum hm_history_kind kind, const char *subject,
                     const char *sentence)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(LINE_SIZE_MAX);
    struct hm_json_writer writer;

    begin_line(&writer, &line, "notice");
    write_foreign(&writer, "origin", origin);
    hm_json_writer_key_str(&writer, "kind", hm_history_kind_name(kind));
    write_foreign(&writer, "subject", subject);
    write_foreign(&writer, "what", sentence);
    print_line(&writer, &line);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void say(struct hm_witness_answer *answer, unsigned status, const char *words)
{
    (void)hm_fail(&answer->why, HM_EUSAGE, "%s", words);
    answer->status = status;
    answer->type = "text/plain; charset=utf-8";
    if (hm_buf_append_fmt(&answer->body, NULL, "%s\n", words) != HM_OK)
        answer->status = 500;
}

static void describe(const struct server *server, struct hm_witness_answer *answer)
{
    const struct hm_witness_folder *folder = hm_witness_folder(server->witness);
    enum hm_rc rc = hm_buf_append_fmt(&answer->body, NULL, "%s\n", folder->name);

    for (size_t i = 0; i < folder->key_count && rc == HM_OK; i++) {
        rc = hm_note_key_write(folder->keys[i].key, NULL, &answer->body);
        if (rc == HM_OK)
            rc = hm_buf_append_byte(&answer->body, '\n', NULL);
    }
    answer->status = rc == HM_OK ? 200 : 500;
    answer->type = "text/plain; charset=utf-8";
}

/* True for "/HASH/checkpoint"; the hash, cut out. */
static bool is_checkpoint_path(const char *path, char ret_hash[HM_WITNESS_FOLDER_HASH_HEX])
{
    size_t size = HM_WITNESS_FOLDER_HASH_HEX - 1;

    if (strlen(path) != 1 + size + strlen("/checkpoint") ||
        strcmp(path + 1 + size, "/checkpoint") != 0)
        return false;
    memcpy(ret_hash, path + 1, size);
    ret_hash[size] = '\0';
    return true;
}

static void route(const struct server *server, const struct hm_httpd_request *request,
                  struct hm_witness_answer *answer)
{
    char hash[HM_WITNESS_FOLDER_HASH_HEX];
    bool is_get = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

    if (strcmp(request->path, "/" HM_ADD_CHECKPOINT_PATH) == 0) {
        if (strcmp(request->method, "POST") == 0)
            hm_witness_add_checkpoint(server->witness, request->body, hm_time_now_unix_s(), answer);
        else
            say(answer, 405, "add-checkpoint is asked by POST");
    } else if (is_get && is_checkpoint_path(request->path, hash)) {
        hm_witness_checkpoint(server->witness, hash, answer);
    } else if (is_get && strcmp(request->path, "/") == 0) {
        describe(server, answer);
    } else {
        say(answer, 404, "there is nothing here");
    }
}

static void on_request(void *ctx, const struct hm_httpd_request *request,
                       struct hm_httpd_answer *answer)
{
    const struct server *server = ctx;
    struct hm_witness_answer given = HM_WITNESS_ANSWER_INIT;
    int64_t before_ms = hm_time_monotonic_ms();

    route(server, request, &given);
    log_request(request, &given, hm_time_monotonic_ms() - before_ms);
    answer->status = given.status;
    answer->type = given.type;
    answer->cache_control =
        given.status == 200 && strcmp(request->method, "POST") != 0 ? CHECKPOINT_CACHE : "no-store";
    hm_buf_done(&answer->body);
    answer->body = given.body; /* handed on */
}

/* ---- the program ----------------------------------------------------------------------------- */

static void log_start(const struct server *server, const char *address)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(LINE_SIZE_MAX);
    const struct hm_witness_folder *folder = hm_witness_folder(server->witness);
    struct hm_json_writer writer;

    begin_line(&writer, &line, "listening");
    hm_json_writer_key_str(&writer, "address", address);
    hm_json_writer_key_str(&writer, "name", folder->name);
    hm_json_writer_key(&writer, "audits");
    hm_json_writer_bool(&writer, server->auditor != NULL);
    print_line(&writer, &line);
}

static void log_stop(void)
{
    _hm_done_(hm_buf_done) struct hm_buf line = HM_BUF_INIT(LINE_SIZE_MAX);
    struct hm_json_writer writer;

    begin_line(&writer, &line, "stopped");
    print_line(&writer, &line);
}

static enum hm_rc open_witness(struct server *server, struct hm_err *err)
{
    const struct hm_auditor_options options = {.ca_file = server->ca_file, .note = log_note};
    struct hm_witness_auditor hook;

    if (!server->audit)
        return hm_witness_open(server->dir, NULL, err, &server->witness);
    HM_TRY(hm_auditor_new(server->dir, &options, err, &server->auditor));
    hook = hm_auditor_hook(server->auditor);
    return hm_witness_open(server->dir, &hook, err, &server->witness);
}

static enum hm_rc serve(struct server *server, struct hm_err *err)
{
    const struct hm_httpd_options options = {
        .listen = server->listen,
        .body_size_max = HM_ADD_CHECKPOINT_SIZE_MAX,
        .answer_size_max = HM_WITNESS_ANSWER_SIZE_MAX,
    };
    struct hm_httpd *httpd = NULL;

    HM_TRY(open_witness(server, err));
    HM_TRY(hm_httpd_start(&options, on_request, server, err, &httpd));
    log_start(server, hm_httpd_address(httpd));
    hm_httpd_wait_signal();
    hm_httpd_stop(httpd);
    log_stop();
    return HM_OK;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, OPTION_DIR},
        {"listen", required_argument, NULL, OPTION_LISTEN},
        {"audit", no_argument, NULL, OPTION_AUDIT},
        {"cacert", required_argument, NULL, OPTION_CACERT},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    _hm_done_(server_done) struct server server = {.listen = DEFAULT_LISTEN};
    _hm_done_(hm_buf_done) struct hm_buf dir = HM_BUF_INIT(8192);
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        case OPTION_DIR:
            server.dir = optarg;
            break;
        case OPTION_LISTEN:
            server.listen = optarg;
            break;
        case OPTION_AUDIT:
            server.audit = true;
            break;
        case OPTION_CACERT:
            server.ca_file = optarg;
            break;
        default:
            (void)fprintf(stderr, "Try '" COMMAND " --help'.\n");
            return 2;
        }
    }
    if (optind != argc)
        return hm_cmd_usage(COMMAND, "no operand is expected");
    if (server.ca_file != NULL && !server.audit)
        return hm_cmd_usage(COMMAND, "--cacert is for --audit: a plain witness asks nobody");
    hm_httpd_block_signals();
    if (server.dir == NULL) {
        rc = hm_witness_dir(&err, &dir);
        server.dir = hm_buf_str(&dir);
    }
    if (rc == HM_OK)
        rc = serve(&server, &err);
    return rc == HM_OK ? 0 : hm_cmd_fail(&err);
}
