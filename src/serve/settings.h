/* SPDX-License-Identifier: Apache-2.0 */
/* How a site is served: what the command line says, and the defaults. */
#ifndef HM_SERVE_SETTINGS_H
#define HM_SERVE_SETTINGS_H

#include <sys/types.h>

#include "base/error.h"

#define HM_SETTINGS_LISTEN       "127.0.0.1:7443"
#define HM_SETTINGS_TRIAL_LISTEN "127.0.0.1:7080"
#define HM_SETTINGS_USER         "www-data" /* of the processes that face the network, under root */
#define HM_SETTINGS_NGINX        "/usr/sbin/nginx"
#define HM_SETTINGS_WORKERS      2
#define HM_SETTINGS_WORKERS_MAX  64
/* Requests a second: a data center that syncs a whole site asks for some thousands, once. */
#define HM_SETTINGS_RATE        500
#define HM_SETTINGS_RATE_MAX    1000000
#define HM_SETTINGS_BURST_S     20  /* what may come at once, in seconds of the rate */
#define HM_SETTINGS_PEER_FACTOR 4   /* an address may be many customers behind one router */
#define HM_SETTINGS_CONNECTIONS 256 /* images under way of one customer */
#define HM_SETTINGS_STOP_S      60  /* for transfers under way when it is stopped */
/* Connections a process of nginx holds, idle ones too; as many as the limit of files allows. */
#define HM_SETTINGS_OPEN_MAX 20000

/* Of the log of transfers, before it is moved away: some 200,000 images. */
#define HM_SETTINGS_TRANSFERS_SIZE ((uint64_t)64 << 20)

struct hm_settings {
    const char *dir;    /* of the site */
    const char *run;    /* NULL: private/serve/run, or under root /run/hallmark/SITE */
    const char *listen; /* HOST:PORT */
    const char *admin;  /* HOST:PORT for health and metrics; NULL: run/admin.sock */
    const char *certificate, *certificate_key; /* NULL: private/serve/tls.pem, self-signed */
    const char *access_log;                    /* NULL: private/serve/access.log */
    const char *nginx;
    const char *user;     /* NULL: HM_SETTINGS_USER; counts under root alone, and not on trial */
    const char *names[8]; /* hosts for a certificate of our own */
    size_t name_count;
    bool is_open, is_trial;
    unsigned workers;
    unsigned rate;        /* requests a second of a token; 0: no limit */
    unsigned connections; /* images at once of a customer; 0: no limit */
    uint64_t bytes_per_s; /* of one transfer; 0: no limit */
    unsigned stop_s;
};

#endif
