/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maker's folder (docs/formats.md 8): who the maker is, its chain of identities, what it ever
 * signed for which site, and drafts that wait for signatures. It holds no private key.
 *
 * Every command that changes something holds the folder's lock from _open to _free, so that two
 * runs at once take turns. Every change is whole files replaced and flushed.
 */
#ifndef HM_MAKER_FOLDER_H
#define HM_MAKER_FOLDER_H

#include "base/dir.h"
#include "base/lock.h"
#include "exchange/draft.h"
#include "trust/partition.h"

#define HM_FOLDER_FORMAT        "hallmark-maker 1\n"
#define HM_FOLDER_SITE_MAX      4096  /* sites in one folder */
#define HM_FOLDER_VERSION_MAX   65536 /* kept versions for one site */
#define HM_FOLDER_LOCK_WAIT_MS  10000 /* another run hashes images meanwhile: say so after this */
#define HM_FOLDER_NAME_SIZE_MAX HM_IDENTITY_NAME_SIZE_MAX

enum hm_folder_use {
    HM_FOLDER_READ,   /* no lock */
    HM_FOLDER_CHANGE, /* locked */
};

struct hm_folder {
    struct hm_dir dir;
    struct hm_lock lock;
    const char *maker;
    const char *name;
    char role[HM_LAYOUT_ROLE_SIZE_MAX]; /* maker~ID */
    struct hm_bytes *identities;        /* raw versions 1..N, verified */
    size_t identity_count;
    struct hm_identity *identity; /* the newest; NULL while version 1 waits for signatures */
    size_t flat_max;              /* HM_PARTITION_FLAT_MAX; tests set less */
    struct hm_arena arena;
};

/* Makes a maker's folder at path (made if missing; locked) and opens it. HM_EREFUSED if it is one
 * already, HM_EFORMAT for a bad ID or name. */
HM_MUST_CHECK enum hm_rc hm_folder_create(const char *path, const char *maker, const char *name,
                                          struct hm_err *err, struct hm_folder **ret_folder);
/* HM_EINPUT: no maker's folder, or of a newer format; HM_EBUSY; whatever the chain's verification
 * says of a damaged identity. */
HM_MUST_CHECK enum hm_rc hm_folder_open(const char *path, enum hm_folder_use use,
                                        struct hm_err *err, struct hm_folder **ret_folder);
void hm_folder_free(struct hm_folder *folder);
HM_DEFINE_FREE(hm_folder_free, struct hm_folder);

/* Reads and verifies identity/ anew (after a version was added). */
HM_MUST_CHECK enum hm_rc hm_folder_load_chain(struct hm_folder *folder, struct hm_err *err);
/* HM_EAGAIN, saying what to do, while there is no complete identity. */
HM_MUST_CHECK enum hm_rc hm_folder_need_identity(const struct hm_folder *folder,
                                                 struct hm_err *err);

/* The drafts/SITE folder (made if missing), or drafts for the identity's if site is NULL. */
HM_MUST_CHECK enum hm_rc hm_folder_drafts(const struct hm_folder *folder, const char *site,
                                          struct hm_err *err, struct hm_dir *ret_dir);
/* Sorted names of sites: with something signed (sites), or with a draft (drafts). In arena. */
HM_MUST_CHECK enum hm_rc hm_folder_list(const struct hm_folder *folder, bool drafts,
                                        struct hm_arena *arena, struct hm_err *err,
                                        const char ***ret_sites, size_t *ret_count);

/* One signed maker~ID, verified by the identity of the chain that it names. */
struct hm_folder_signed {
    struct hm_buf raw;
    struct hm_envelope *envelope;
    struct hm_targets *targets; /* NULL: nothing was ever signed for the site */
    int64_t identity_version;
};

#define HM_FOLDER_SIGNED_INIT                                                                      \
    {                                                                                              \
        .raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX)                                           \
    }

/* The newest for site. HM_ESIGNATURE, HM_EFORMAT, HM_EMISMATCH: the file is damaged. */
HM_MUST_CHECK enum hm_rc hm_folder_newest(const struct hm_folder *folder, const char *site,
                                          struct hm_err *err, struct hm_folder_signed *ret_signed);
/* A kept version; HM_ENOTFOUND. */
HM_MUST_CHECK enum hm_rc hm_folder_version(const struct hm_folder *folder, const char *site,
                                           int64_t version, struct hm_err *err,
                                           struct hm_folder_signed *ret_signed);
/* The kept versions for site, ascending. In arena. */
HM_MUST_CHECK enum hm_rc hm_folder_versions(const struct hm_folder *folder, const char *site,
                                            struct hm_arena *arena, struct hm_err *err,
                                            int64_t **ret_versions, size_t *ret_count);
/* Keeps raw as version and as the newest. HM_EREFUSED if that version was kept with other bytes. */
HM_MUST_CHECK enum hm_rc hm_folder_keep(const struct hm_folder *folder, const char *site,
                                        int64_t version, struct hm_bytes raw, struct hm_err *err);
void hm_folder_signed_done(struct hm_folder_signed *document);

/* The same for the role of a product (maker~ID~PRODUCT), where maker~ID is divided. */
HM_MUST_CHECK enum hm_rc hm_folder_product_newest(const struct hm_folder *folder, const char *site,
                                                  const char *product, struct hm_err *err,
                                                  struct hm_folder_signed *ret_signed);
HM_MUST_CHECK enum hm_rc hm_folder_product_version(const struct hm_folder *folder, const char *site,
                                                   const char *product, int64_t version,
                                                   struct hm_err *err,
                                                   struct hm_folder_signed *ret_signed);
HM_MUST_CHECK enum hm_rc hm_folder_product_versions(const struct hm_folder *folder,
                                                    const char *site, const char *product,
                                                    struct hm_arena *arena, struct hm_err *err,
                                                    int64_t **ret_versions, size_t *ret_count);
HM_MUST_CHECK enum hm_rc hm_folder_product_keep(const struct hm_folder *folder, const char *site,
                                                const char *product, int64_t version,
                                                struct hm_bytes raw, struct hm_err *err);

/* All that was signed last for site: maker~ID, and the roles of its products where it is divided.
 */
struct hm_folder_content {
    struct hm_folder_signed above; /* targets NULL: nothing was ever signed for the site */
    const char **names;            /* of the products, sorted */
    struct hm_folder_signed *products;
    size_t product_count;
    struct hm_targets *all; /* what they list, as one; NULL as above.targets */
    struct hm_arena arena;
};
#define HM_FOLDER_CONTENT_INIT                                                                     \
    {                                                                                              \
        .above = HM_FOLDER_SIGNED_INIT, .arena = HM_ARENA_INIT                                     \
    }
HM_MUST_CHECK enum hm_rc hm_folder_load_content(const struct hm_folder *folder, const char *site,
                                                struct hm_err *err,
                                                struct hm_folder_content *content);
void hm_folder_content_done(struct hm_folder_content *content);

#endif
