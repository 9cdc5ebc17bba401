/* SPDX-License-Identifier: Apache-2.0 */
/* A progress line (progress.h). */
#include "progress.h"

#include "base/text.h"

#define DELAY_MS    1000
#define INTERVAL_MS 200
#define BAR_WIDTH   20

static int64_t now_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void hm_progress_init(struct hm_progress *progress, bool is_wanted)
{
    const char *term = getenv("TERM");

    *progress = (struct hm_progress){0};
    progress->is_wanted =
        is_wanted && isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0;
}

void hm_progress_start(struct hm_progress *progress, struct hm_bytes label, uint64_t total)
{
    size_t skip = 0;

    hm_progress_clear(progress);
    if (!progress->is_wanted)
        return;
    /* The end of a long path says more than its beginning. */
    if (label.size > sizeof(progress->label) - 1)
        skip = label.size - (sizeof(progress->label) - 1);
    (void)snprintf(progress->label, sizeof(progress->label), "%.*s", (int)(label.size - skip),
                   (const char *)label.data + skip); /* fits */
    for (char *at = progress->label; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~')
            *at = '?';
    }
    progress->total = total;
    progress->first_done = UINT64_MAX;
    progress->start_ms = progress->shown_ms = now_ms();
}

void hm_progress_update(struct hm_progress *progress, uint64_t done)
{
    char bar[BAR_WIDTH + 1];
    char speed[16];
    int64_t now;
    uint64_t percent;

    if (!progress->is_wanted)
        return;
    if (progress->first_done == UINT64_MAX)
        progress->first_done = done;
    now = now_ms();
    if (now - progress->start_ms < DELAY_MS || now - progress->shown_ms < INTERVAL_MS)
        return;
    progress->shown_ms = now;
    progress->is_shown = true;
    percent = progress->total == 0 || done >= progress->total
                  ? 100
                  : (uint64_t)((double)done * 100.0 / (double)progress->total);
    for (uint64_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < percent * BAR_WIDTH / 100 ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    hm_text_size((done - progress->first_done) * 1000 / (uint64_t)(now - progress->start_ms),
                 speed);
    (void)fprintf(stderr, "\r\033[K%s [%s] %3llu%% %s/s", progress->label, bar,
                  (unsigned long long)percent, speed);
    (void)fflush(stderr);
}

void hm_progress_clear(struct hm_progress *progress)
{
    if (!progress->is_shown)
        return;
    (void)fputs("\r\033[K", stderr);
    (void)fflush(stderr);
    progress->is_shown = false;
}
