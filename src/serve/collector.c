/* SPDX-License-Identifier: Apache-2.0 */
/* Following a server's log. See collector.h. */
#include "serve/collector.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/time.h"
#include "net/httpd.h"
#include "serve/confine.h"
#include "serve/event.h"
#include "serve/handover.h"
#include "serve/logfile.h"

#define LOOK_MS   200   /* how often the log is looked at; who needs it sooner asks */
#define ANSWER_MS 10000 /* for an answer; the other side may be flushing, or start again */

struct followed {
    struct hm_logfile file;
    int64_t quiet_since_ms; /* of one that was moved away: when it last grew */
    bool is_placed;         /* the other side said where to go on */
};

struct collector {
    struct hm_dir dir;
    const char *name;
    int socket, signals;
    struct followed files[HM_COLLECTOR_FILES_MAX]; /* the newest first */
    size_t count;
    uint64_t id;
    uint64_t catch_up;     /* that is to be answered; 0: none */
    int64_t looked_unix_s; /* when all was read to its end last */
    int64_t gap_unix_s;    /* since when something was not seen, and is to be told; 0: all was */
    bool has_started;      /* what was there at the start was looked through */
    bool is_ended;
    struct hm_arena arena; /* of what is being handed over */
};

/* --- the other side --- */

static void take_signal(struct collector *collector)
{
    struct signalfd_siginfo info;

    while (read(collector->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        collector->is_ended = true;
}

/* Waits for a packet or a signal; other packets than answers are taken note of. HM_EAGAIN: none. */
static enum hm_rc receive(struct collector *collector, int wait_ms, struct hm_handover *ret_answer)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_HANDOVER_SIZE_MAX);
    struct pollfd wanted[] = {{.fd = collector->socket, .events = POLLIN},
                              {.fd = collector->signals, .events = POLLIN}};

    if (poll(wanted, HM_ARRAY_COUNT(wanted), wait_ms) <= 0)
        return HM_EAGAIN;
    if (wanted[1].revents != 0)
        take_signal(collector);
    if ((wanted[0].revents & (POLLHUP | POLLERR)) != 0)
        collector->is_ended = true; /* the supervisor is gone */
    HM_TRY(hm_handover_receive(collector->socket, &collector->arena, NULL, &raw, ret_answer));
    if (ret_answer->kind == HM_HANDOVER_CATCH_UP)
        collector->catch_up = ret_answer->id;
    return HM_OK;
}

/* Asks, and waits for the answer to that. HM_EBUSY: none came, or it is time to end. */
static enum hm_rc ask(struct collector *collector, struct hm_handover *question,
                      struct hm_handover *ret_answer)
{
    int64_t end_ms = hm_time_monotonic_ms() + ANSWER_MS;

    question->id = ++collector->id;
    HM_TRY(hm_handover_send(collector->socket, question, NULL));
    while (!collector->is_ended) {
        int64_t left_ms = end_ms - hm_time_monotonic_ms();

        if (left_ms <= 0)
            break;
        if (receive(collector, (int)left_ms, ret_answer) == HM_OK &&
            ret_answer->kind == HM_HANDOVER_POSITION && ret_answer->id == question->id)
            return HM_OK;
    }
    return HM_EBUSY;
}

/* What was not seen, if anything: until it is kept, it is told again. */
static enum hm_rc tell_gap(struct collector *collector)
{
    struct hm_handover answer;
    struct hm_handover gap = {.kind = HM_HANDOVER_GAP,
                              .from = (uint64_t)collector->gap_unix_s,
                              .to = (uint64_t)hm_time_now_unix_s()};

    if (collector->gap_unix_s == 0)
        return HM_OK;
    HM_TRY(ask(collector, &gap, &answer));
    hm_event_log("log-gap", "log", collector->name, NULL);
    collector->gap_unix_s = 0;
    return HM_OK;
}

/* --- files --- */

static void drop(struct collector *collector, size_t i)
{
    hm_logfile_done(&collector->files[i].file);
    collector->count--;
    for (; i < collector->count && i + 1 < HM_COLLECTOR_FILES_MAX; i++)
        collector->files[i] = collector->files[i + 1];
}

/* As the newest. */
static void add(struct collector *collector, const struct hm_logfile *file)
{
    if (collector->count == HM_COLLECTOR_FILES_MAX)
        drop(collector, collector->count - 1);
    for (size_t i = collector->count; i > 0; i--)
        collector->files[i] = collector->files[i - 1];
    collector->files[0] =
        (struct followed){.file = *file, .quiet_since_ms = hm_time_monotonic_ms()};
    collector->count++;
}

static bool is_followed(const struct collector *collector, const struct hm_sha256 *source)
{
    for (size_t i = 0; i < collector->count; i++)
        if (collector->files[i].file.has_source &&
            hm_digest_is_equal(&collector->files[i].file.source, source))
            return true;
    return false;
}

/* Where to go on with it; *ret_answer also says whether anything was ever taken. */
static enum hm_rc place(struct collector *collector, struct followed *followed,
                        struct hm_handover *ret_answer)
{
    struct hm_handover question = {.kind = HM_HANDOVER_ASK, .source = followed->file.source};

    HM_TRY(ask(collector, &question, ret_answer));
    followed->file.offset = ret_answer->from;
    followed->is_placed = true;
    return HM_OK;
}

/* A log that begins as ours do. */
static bool is_log(const struct hm_logfile *file)
{
    char first = 0;

    return pread(file->fd, &first, 1, 0) == 1 && first == '{';
}

/* What a name beside the log is at the start. */
struct older {
    struct followed followed;
    bool is_known;
};

/* HM_ENOTFOUND: no log of ours, or one that is followed already. */
static enum hm_rc open_older(struct collector *collector, const char *name, struct older *ret_older)
{
    struct older older = {.is_known = false};
    struct hm_handover answer = {.is_known = false};
    enum hm_rc rc;

    if (hm_logfile_open(&collector->dir, name, NULL, &older.followed.file) != HM_OK)
        return HM_ENOTFOUND;
    rc = is_log(&older.followed.file) && hm_logfile_identify(&older.followed.file, NULL) == HM_OK &&
                 !is_followed(collector, &older.followed.file.source)
             ? place(collector, &older.followed, &answer)
             : HM_ENOTFOUND;
    if (rc != HM_OK) {
        hm_logfile_done(&older.followed.file);
        return rc;
    }
    older.is_known = answer.is_known;
    *ret_older = older;
    return HM_OK;
}

/* Follows those beside the log that were taken in part, or if that is asked for those that are as
 * new as what was taken last, and were written and moved away while nobody looked. */
static enum hm_rc look_beside(struct collector *collector, const char **names, size_t count,
                              bool is_of_known, int64_t *newest_unix_s)
{
    for (size_t i = 0; i < count; i++) {
        struct older older;
        enum hm_rc rc;

        if (strncmp(names[i], collector->name, strlen(collector->name)) != 0)
            continue;
        rc = open_older(collector, names[i], &older);
        if (rc == HM_ENOTFOUND)
            continue;
        HM_TRY(rc);
        if (is_of_known ? !older.is_known : older.followed.file.changed_unix_s < *newest_unix_s) {
            hm_logfile_done(&older.followed.file);
            continue;
        }
        if (is_of_known && older.followed.file.changed_unix_s > *newest_unix_s)
            *newest_unix_s = older.followed.file.changed_unix_s;
        add(collector, &older.followed.file);
        collector->files[0].is_placed = true;
    }
    return HM_OK;
}

/* Once: finds the log that was last read from, by whatever name, and those after it. */
static enum hm_rc look_back(struct collector *collector)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_handover question = {.kind = HM_HANDOVER_ASK};
    struct hm_handover answer;
    const char **names = NULL;
    size_t count = 0;
    int64_t newest_unix_s = 0;

    while (collector->count > 0)
        drop(collector, 0);                     /* of a try that got no answer */
    HM_TRY(ask(collector, &question, &answer)); /* of no log: was anything ever taken? */
    if (!answer.is_begun)
        return HM_OK;
    HM_TRY(hm_dir_list(&collector->dir, ".", HM_COLLECTOR_NAMES_MAX, &arena, NULL, &names, &count));
    HM_TRY(look_beside(collector, names, count, true, &newest_unix_s));
    if (collector->count > 0)
        return look_beside(collector, names, count, false, &newest_unix_s);
    /* Whatever was written to a log that is not there any more is lost to us. */
    collector->gap_unix_s = (int64_t)answer.to;
    return HM_OK;
}

/* The log has another file by now: that one is followed, and those before it to their ends. */
static void look_for_new(struct collector *collector)
{
    struct hm_logfile file;

    for (size_t i = 0; i < collector->count; i++)
        if (hm_logfile_is_at(&collector->files[i].file, &collector->dir, collector->name))
            return;
    if (hm_logfile_open(&collector->dir, collector->name, NULL, &file) == HM_OK)
        add(collector, &file);
}

/* --- lines --- */

struct lines {
    struct hm_transfer transfers[HM_HANDOVER_TRANSFERS_MAX];
    struct hm_handover batch;
};

static void lines_free(struct lines *lines)
{
    free(lines);
}
HM_DEFINE_FREE(lines_free, struct lines);

/* As many lines as a batch holds; what is behind them comes with the next one. */
static void parse(struct collector *collector, struct hm_bytes rest, struct lines *lines)
{
    struct hm_bytes all = rest;
    struct hm_bytes line;
    bool has_line;

    while (lines->batch.count < HM_HANDOVER_TRANSFERS_MAX && rest.size > 0) {
        struct hm_err err = HM_ERR_INIT;
        bool is_image = false;

        has_line = hm_bytes_take_line(&rest, &line);
        if (!has_line) {
            line = rest;
            rest.size = 0;
        }
        if (!has_line ||
            hm_transfer_parse_nginx(line, &collector->arena, &err,
                                    &lines->transfers[lines->batch.count], &is_image) != HM_OK) {
            if (lines->batch.unread++ == 0)
                hm_event_log("log-line-unread", "log", collector->name, "why", err.text, NULL);
        } else if (is_image) {
            lines->batch.count++;
        }
    }
    lines->batch.to = lines->batch.from + (all.size - rest.size);
}

/* Hands over what is behind offset, up to a batch. HM_EAGAIN: there is nothing, or no answer. */
static enum hm_rc take_some(struct collector *collector, struct followed *followed)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_LOGFILE_CHUNK_SIZE);
    _hm_free_(lines_free) struct lines *lines = calloc(1, sizeof(*lines));
    struct hm_handover answer;
    struct hm_err err = HM_ERR_INIT;
    uint64_t next = 0;
    enum hm_rc rc;

    if (lines == NULL)
        return HM_ENOMEM;
    rc = hm_logfile_read(&followed->file, &err, &text, &next);
    if (rc != HM_OK)
        hm_event_log("log-unread", "log", collector->name, "why", err.text, NULL);
    HM_TRY(rc);
    if (next == followed->file.offset)
        return HM_EAGAIN;
    followed->quiet_since_ms = hm_time_monotonic_ms();
    hm_arena_done(&collector->arena);
    lines->batch = (struct hm_handover){.kind = HM_HANDOVER_BATCH,
                                        .source = followed->file.source,
                                        .from = followed->file.offset,
                                        .transfers = lines->transfers};
    parse(collector, hm_buf_bytes(&text), lines);
    HM_TRY(ask(collector, &lines->batch, &answer));
    /* It may know better: then what it did not take is read again. */
    followed->file.offset = answer.from;
    return HM_OK;
}

/* Cut by somebody, or by a machine that lost power before this was on its disk: what it says from
 * here on is new, and what was cut may never have been seen. */
static enum hm_rc check_cut(struct collector *collector, struct followed *followed)
{
    const struct hm_sha256 before = followed->file.source;
    struct hm_handover cut = {
        .kind = HM_HANDOVER_BATCH, .source = before, .from = followed->file.offset};
    struct hm_handover answer;

    HM_TRY(hm_logfile_size(&followed->file, NULL, &cut.to));
    HM_TRY(hm_logfile_identify(&followed->file, NULL));
    if (!hm_digest_is_equal(&before, &followed->file.source)) {
        followed->is_placed = false;
    } else if (cut.to < followed->file.offset) {
        HM_TRY(ask(collector, &cut, &answer));
        followed->file.offset = answer.from;
    } else {
        return HM_OK;
    }
    if (collector->gap_unix_s == 0)
        collector->gap_unix_s = collector->looked_unix_s;
    return HM_OK;
}

/* HM_EAGAIN: all of it was taken. */
static enum hm_rc take_all(struct collector *collector, struct followed *followed)
{
    struct hm_handover answer;
    enum hm_rc rc = HM_OK;

    if (followed->file.has_source)
        HM_TRY(check_cut(collector, followed));
    else
        HM_TRY(hm_logfile_identify(&followed->file, NULL));
    if (!followed->is_placed)
        HM_TRY(place(collector, followed, &answer));
    while (rc == HM_OK && !collector->is_ended)
        rc = take_some(collector, followed);
    return rc;
}

static bool is_oldest_over(const struct collector *collector)
{
    return collector->count > 1 &&
           hm_time_monotonic_ms() - collector->files[collector->count - 1].quiet_since_ms >
               HM_COLLECTOR_OLD_MS;
}

static void look(struct collector *collector)
{
    struct hm_handover done = {.kind = HM_HANDOVER_CAUGHT_UP, .id = collector->catch_up};
    int64_t now_unix_s = hm_time_now_unix_s();

    hm_arena_done(&collector->arena);
    if (!collector->has_started) {
        if (look_back(collector) != HM_OK)
            return; /* without the other side nothing can be done */
        collector->has_started = true;
    }
    look_for_new(collector);
    for (size_t i = collector->count; i > 0; i--) /* the oldest first */
        if (take_all(collector, &collector->files[i - 1]) != HM_EAGAIN)
            return; /* again, from the position that counts */
    if (tell_gap(collector) != HM_OK)
        return;
    collector->looked_unix_s = now_unix_s;
    while (is_oldest_over(collector))
        drop(collector, collector->count - 1);
    if (done.id != 0 && hm_handover_send(collector->socket, &done, NULL) == HM_OK &&
        collector->catch_up == done.id)
        collector->catch_up = 0;
}

/* --- the process --- */

static enum hm_rc follow(struct collector *collector, struct hm_err *err)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    collector->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (collector->signals < 0)
        return hm_fail(err, HM_EINTERNAL, "no signals can be taken: %s", strerror(errno));
    while (!collector->is_ended) {
        struct hm_handover packet;

        look(collector);
        if (collector->catch_up == 0 && !collector->is_ended)
            (void)!receive(collector, LOOK_MS, &packet);
    }
    return HM_OK;
}

enum hm_rc hm_collector_run(const struct hm_collector_options *options, struct hm_err *err)
{
    struct collector collector = {.dir = HM_DIR_INIT,
                                  .socket = options->socket,
                                  .signals = -1,
                                  .looked_unix_s = hm_time_now_unix_s()};
    _hm_free_(free) char *folder = strdup(options->log);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    bool is_landlocked = false;
    enum hm_rc rc;

    if (slash == NULL)
        return hm_error_nomem(err);
    *slash = '\0';
    collector.name = slash + 1;
    rc = hm_dir_open(folder, err, &collector.dir);
    if (rc == HM_OK)
        rc = hm_confine_user(options->uid, options->gid, err);
    if (rc == HM_OK)
        rc = hm_confine_read_only(&collector.dir, err, &is_landlocked);
    if (rc == HM_OK)
        rc = follow(&collector, err);
    while (collector.count > 0)
        drop(&collector, 0);
    hm_arena_done(&collector.arena);
    hm_dir_close_fd(&collector.signals);
    hm_dir_done(&collector.dir);
    return rc;
}
