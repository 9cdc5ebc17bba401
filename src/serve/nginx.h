/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of nginx, which stands in front: TLS, files, slow clients, limits. It is
 * written whole at each start and reload, and never edited.
 *
 * Metadata is served by nginx alone: a Basic token is compared with the file of that token (a
 * revoked one is no file), so a request costs no other process. A Bearer token is asked about.
 * Images are asked about each time (decision.h), and sent by nginx when the answer says so.
 *
 * What deliveries are asked for (/delivery/) goes to their process once the token was checked by a
 * process that decides; whose it is stands in a header that nginx writes and no client can. Of
 * images a second log is written, of which each line is there before the answer's last byte could
 * be answered: the collector reads it.
 */
#ifndef HM_SERVE_NGINX_H
#define HM_SERVE_NGINX_H

#include "base/buf.h"
#include "serve/settings.h"

#define HM_NGINX_SIZE_MAX 65536

/* What the configuration is made of besides the settings; absolute paths. */
struct hm_nginx {
    const struct hm_settings *settings;
    const char *run, *public;
    const char *certificate, *certificate_key, *access_log;
    const char *transfers; /* the log of images sent; NULL: the site has no deliveries */
    const char *listen;    /* the address that is bound, as nginx writes it */
    const char *user;      /* NULL: as whoever starts it */
    const char *group;
    unsigned processes;   /* of nginx */
    unsigned connections; /* of each */
};

/* Appends the configuration. HM_EUSAGE: a path that cannot stand in it. */
HM_MUST_CHECK enum hm_rc hm_nginx_write(const struct hm_nginx *nginx, struct hm_err *err,
                                        struct hm_buf *ret_text);
/* The one sentence in what nginx printed when it failed: the first line of its kind, without time
 * and process. text may be anything. */
HM_MUST_CHECK enum hm_rc hm_nginx_reason(struct hm_bytes text, struct hm_err *err,
                                         struct hm_buf *ret_reason);

#endif
