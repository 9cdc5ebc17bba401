/* SPDX-License-Identifier: Apache-2.0 */
/* nginx as a process: its configuration written and tried, started, reloaded. */
#ifndef HM_SERVE_FRONT_H
#define HM_SERVE_FRONT_H

#include "serve/child.h"
#include "serve/place.h"

struct hm_front {
    struct hm_child child;
    const char *argv[6];
    char *config;   /* path; owned */
    char *variable; /* the socket that it inherits; owned */
    int listener;
};

/* Writes the configuration for this place, and has nginx try it before it takes the last one's
 * name. HM_EINPUT: nginx is missing; HM_EREFUSED: it refuses, with its reason. */
HM_MUST_CHECK enum hm_rc hm_front_configure(const struct hm_place *place,
                                            const struct hm_settings *settings, const char *bound,
                                            struct hm_err *err);
/* listener is borrowed. */
HM_MUST_CHECK enum hm_rc hm_front_init(struct hm_front *front, const struct hm_place *place,
                                       const struct hm_settings *settings, int listener,
                                       struct hm_err *err);
void hm_front_done(struct hm_front *front);
/* Starts it, and waits until it answers or dies (HM_EREFUSED). */
HM_MUST_CHECK enum hm_rc hm_front_start(struct hm_front *front, const struct hm_place *place,
                                        struct hm_err *err);

#endif
