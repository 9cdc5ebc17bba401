/* SPDX-License-Identifier: Apache-2.0 */
/* A progress line on a terminal, for anything over a second. */
#ifndef HM_CMD_PROGRESS_H
#define HM_CMD_PROGRESS_H

#include "base/bytes.h"

struct hm_progress {
    bool is_wanted; /* stderr is a terminal, and nobody said no */
    bool is_shown;
    char label[41];
    uint64_t total;
    uint64_t first_done; /* what was there at the start: not counted for the speed */
    int64_t start_ms;
    int64_t shown_ms;
};

void hm_progress_init(struct hm_progress *progress, bool is_wanted);
/* Begins with another file. */
void hm_progress_start(struct hm_progress *progress, struct hm_bytes label, uint64_t total);
void hm_progress_update(struct hm_progress *progress, uint64_t done);
/* Wipes the line, so that something else can be printed. */
void hm_progress_clear(struct hm_progress *progress);

#endif
