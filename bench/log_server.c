/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log behind HTTP, for load generators that know Tessera's personality: POST /add appends the
 * body and answers its index, in decimal, once it is durable; GET serves checkpoint and tiles. A
 * checkpoint is signed and published every second, as Tessera's own server for POSIX does. Stops on
 * SIGTERM and prints how many entries there are.
 *
 * usage: log_server DIR ADDRESS ORIGIN      prints the log's key and its address first
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "net/httpd.h"
#include "tlog/log.h"
#include "tlog/note.h"

#define PUBLISH_MS 1000

struct server {
    struct hm_dir public_dir;
    struct hm_log *log;
    struct hm_note_key *key;
    struct hm_signer *signer;
    atomic_bool is_stopping;
};

static void die(const struct hm_err *err)
{
    (void)fprintf(stderr, "log_server: %s\n", err->text);
    exit(1);
}

static void must(enum hm_rc rc, const struct hm_err *err)
{
    if (rc != HM_OK)
        die(err);
}

static void publish(struct server *server)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;

    must(hm_log_sign(server->log, server->key, server->signer, &err, &note), &err);
    must(hm_file_replace(&server->public_dir, "checkpoint", 0644, hm_buf_bytes(&note), &err), &err);
}

static void *publish_often(void *ctx)
{
    struct server *server = ctx;

    while (!atomic_load(&server->is_stopping)) {
        struct timespec started, now;
        long elapsed_ms;

        (void)clock_gettime(CLOCK_MONOTONIC, &started);
        publish(server);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        elapsed_ms =
            (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
        if (elapsed_ms < PUBLISH_MS) {
            struct timespec rest = {.tv_sec = 0,
                                    .tv_nsec = (PUBLISH_MS - elapsed_ms) * 1000000 - 1};

            (void)nanosleep(&rest, NULL);
        }
    }
    return NULL;
}

static void add(struct server *server, struct hm_bytes body, struct hm_httpd_answer *answer)
{
    struct hm_err err = HM_ERR_INIT;
    uint64_t index = 0;
    enum hm_rc rc = hm_log_append(server->log, &body, 1, &err, &index);

    answer->status = rc == HM_OK ? 200 : 500;
    if (rc == HM_OK)
        rc = hm_buf_append_fmt(&answer->body, &err, "%llu", (unsigned long long)index);
    if (rc != HM_OK)
        (void)fprintf(stderr, "log_server: %s\n", err.text);
}

static void on_request(void *ctx, const struct hm_httpd_request *request,
                       struct hm_httpd_answer *answer)
{
    struct server *server = ctx;

    if (strcmp(request->path, "/add") == 0 && strcmp(request->method, "POST") == 0) {
        add(server, request->body, answer);
        return;
    }
    answer->status =
        hm_dir_is_safe_path(request->path + 1) &&
                hm_dir_read(&server->public_dir, request->path + 1, NULL, &answer->body) == HM_OK
            ? 200
            : 404;
}

static void open_log(struct server *server, const char *path, const char *origin)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir private_dir = HM_DIR_INIT;
    struct hm_err err = HM_ERR_INIT;

    must(hm_dir_make(path, 0755, &err, &dir), &err);
    must(hm_dir_open_at(&dir, "private", true, &err, &private_dir), &err);
    must(hm_dir_open_at(&dir, "public", true, &err, &server->public_dir), &err);
    must(hm_log_open(&private_dir, &server->public_dir, &err, &server->log), &err);
    must(hm_signer_generate("ed25519", &err, &server->signer), &err);
    must(hm_note_key_make(origin, HM_NOTE_ED25519, hm_signer_key(server->signer), &err,
                          &server->key),
         &err);
}

int main(int argc, char **argv)
{
    static struct server server = {.public_dir = HM_DIR_INIT};
    struct hm_httpd_options options = {.body_size_max = HM_TILE_ENTRY_SIZE_MAX,
                                       .answer_size_max = HM_TILE_BUNDLE_SIZE_MAX,
                                       .connections_max = 4096,
                                       .connections_per_peer = 4096};
    _hm_done_(hm_buf_done) struct hm_buf vkey = HM_BUF_INIT(HM_NOTE_KEY_TEXT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct hm_httpd *httpd = NULL;
    struct hm_log_head head;
    pthread_t publisher;

    if (argc != 4)
        return 2;
    hm_httpd_block_signals();
    open_log(&server, argv[1], argv[3]);
    publish(&server);
    options.listen = argv[2];
    must(hm_httpd_start(&options, on_request, &server, &err, &httpd), &err);
    if (pthread_create(&publisher, NULL, publish_often, &server) != 0)
        return 1;
    must(hm_note_key_write(server.key, &err, &vkey), &err);
    (void)printf("%s\n%s\n", hm_buf_str(&vkey), hm_httpd_address(httpd));
    (void)fflush(stdout);
    hm_httpd_wait_signal();
    hm_httpd_stop(httpd);
    atomic_store(&server.is_stopping, true);
    (void)pthread_join(publisher, NULL);
    hm_log_head(server.log, &head);
    (void)printf("%llu\n", (unsigned long long)head.size);
    hm_log_free(server.log);
    return 0;
}
