/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a server has its files, and what of the machine it needs before it starts: folders, the
 * certificate, sockets, and who its processes are.
 *
 *   private/serve/transfers/ transfers.log, transfers.log.1: what the collector reads
 *   private/serve/           lock, applied (the generation in force), tls.pem, access.log
 *   RUN/                     nginx.conf, nginx.pid, book, passwords/, decide-N.sock, status.sock,
 *                            admin.sock, tmp/: made anew at each start
 */
#ifndef HM_SERVE_PLACE_H
#define HM_SERVE_PLACE_H

#include "base/lock.h"
#include "serve/settings.h"
#include "site/site.h"

#define HM_PLACE_STATE "serve" /* in private/ */
#define HM_PLACE_LOCK  "serve/lock"

struct hm_place {
    struct hm_site *site;
    struct hm_lock lock;
    struct hm_dir run;
    char *run_path, *public_path, *private_path; /* absolute; owned */
    char *certificate, *certificate_key, *access_log;
    char *transfers;              /* the log of images sent */
    bool has_deliveries;          /* whether it is written */
    struct hm_sha256 fingerprint; /* of the certificate */
    bool is_own_certificate, is_new_certificate;
    bool has_user; /* the processes that face the network are another user than this one */
    uid_t uid;
    gid_t gid;
    uid_t owner; /* of the site */
    char *user, *group;
};

#define HM_PLACE_INIT                                                                              \
    {                                                                                              \
        .lock = HM_LOCK_INIT, .run = HM_DIR_INIT                                                   \
    }

/* Opens the site, takes the lock, makes the folders. HM_EBUSY: another server serves this site. */
HM_MUST_CHECK enum hm_rc hm_place_open(const struct hm_settings *settings, int64_t now_unix_s,
                                       struct hm_err *err, struct hm_place *ret_place);
/* Finds the certificate, or makes one of our own; again at each reload. */
HM_MUST_CHECK enum hm_rc hm_place_certificate(struct hm_place *place,
                                              const struct hm_settings *settings,
                                              int64_t now_unix_s, struct hm_err *err);
void hm_place_done(struct hm_place *place);
/* "DIR/name" of the run folder; the caller frees. NULL: out of memory. */
HM_MUST_CHECK char *hm_place_run_file(const struct hm_place *place, const char *name);

/* Moves the log of transfers away if it is longer than that; true: nginx is to open a new one. */
bool hm_place_rotate_transfers(const struct hm_place *place, uint64_t size_max);

/* A listening socket at HOST:PORT; and the address that it got, in nginx's form. */
HM_MUST_CHECK enum hm_rc hm_place_listen(const char *address, struct hm_err *err, int *ret_fd,
                                         char ret_bound[64]);
/* A listening unix socket in the run folder, for the group. */
HM_MUST_CHECK enum hm_rc hm_place_listen_unix(const struct hm_place *place, const char *name,
                                              struct hm_err *err, int *ret_fd);

#endif
