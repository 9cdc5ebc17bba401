/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A site's folder, open (docs/formats.md 7): where things are, what was configured at init, and the
 * lock that every command holds while it changes something.
 *
 * Functions of this folder that act append what they did to a report, one line a fact; lines that
 * begin with "WARNING: " are for people to read first.
 */
#ifndef HM_SITE_SITE_H
#define HM_SITE_SITE_H

#include "base/lock.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/signer.h"
#include "trust/partition.h"

#define HM_SITE_FORMAT          "hallmark-site 1\n"
#define HM_SITE_CONFIG_SIZE_MAX 65536
#define HM_SITE_URL_SIZE_MAX    2048    /* what every proxy and server takes */
#define HM_SITE_WAIT_MS         30000   /* how long a command waits for another by default */
#define HM_SITE_REPORT_SIZE_MAX 4194304 /* a page a release, for a thousand releases */

/* How long a new document is valid, in seconds (DESIGN 5.1). */
struct hm_site_expiry {
    int64_t root_s, targets_s, release_s, snapshot_s, timestamp_s;
};

struct hm_site_config {
    const char *name;
    const char *url;
    bool trial; /* all keys on this machine; clients warn */
    struct hm_site_expiry expiry;
    uint32_t release_threshold; /* for approvers named at init */
};

struct hm_site {
    struct hm_dir dir, public_dir, private_dir;
    struct hm_dir drafts; /* private/drafts */
    struct hm_site_config config;
    struct hm_lock lock;
    int64_t now_unix_s;
    size_t flat_max;             /* HM_PARTITION_FLAT_MAX; tests set less */
    const char *ca_file;         /* for witnesses by https; borrowed, NULL: the system's */
    const char *inspect_program; /* reads images (image/inspect.h); borrowed, NULL: nobody does */
    const char *scan_program;    /* scans what is taken in (image/scan.h); likewise */
    struct hm_arena arena;
};

enum hm_site_access {
    HM_SITE_READ,   /* no lock; nothing is written */
    HM_SITE_CHANGE, /* lock held until _free; an interrupted publish is rolled forward first, as far
                       as that goes without asking witnesses */
};

/* Opens the site at path. HM_EINPUT: no site there; HM_EREFUSED: a newer format; HM_EBUSY: another
 * command changes it and did not end within wait_ms. To change it, HM_EREFUSED too where it was
 * restored and may not sign yet (hold.h). */
HM_MUST_CHECK enum hm_rc hm_site_open(const char *path, enum hm_site_access access,
                                      uint32_t wait_ms, int64_t now_unix_s, struct hm_err *err,
                                      struct hm_site **ret_site);
void hm_site_free(struct hm_site *site);
HM_DEFINE_FREE(hm_site_free, struct hm_site);

/* The defaults of DESIGN 5.1. */
struct hm_site_expiry hm_site_expiry_default(void);
/* Writes the folders and private/site.json of a new site. The folder must be empty or missing:
 * HM_EREFUSED. *ret_site is open for init to fill; it is no site for anybody else until
 * hm_site_create_end wrote private/format. */
HM_MUST_CHECK enum hm_rc hm_site_create(const char *path, const struct hm_site_config *config,
                                        struct hm_err *err, struct hm_site **ret_site);
/* Opens or makes a folder of the site's, and sets its mode, whatever the umask. */
HM_MUST_CHECK enum hm_rc hm_site_make_folder(const struct hm_dir *dir, const char *name,
                                             mode_t mode, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_site_create_end(const struct hm_site *site, struct hm_err *err);
/* HM_EFORMAT naming member and rule. Text lives in the arena. */
HM_MUST_CHECK enum hm_rc hm_site_parse_config(struct hm_bytes raw, struct hm_arena *arena,
                                              struct hm_err *err,
                                              struct hm_site_config *ret_config);

/* The whole file, in the arena. As hm_dir_read. */
HM_MUST_CHECK enum hm_rc hm_site_read(const struct hm_dir *dir, const char *path, size_t size_max,
                                      struct hm_arena *arena, struct hm_err *err,
                                      struct hm_bytes *ret_raw);
/* Text made by printf in the arena; NULL when out of memory. */
HM_PRINTF(2, 3)
HM_MUST_CHECK char *hm_site_text(struct hm_arena *arena, const char *format, ...);

#endif
