/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of a site's release log (docs/formats.md, "Release log"): lines of text, each a word and
 * its values with one space between, in a fixed order, the first naming the kind:
 *
 *   hallmark/release v1     site, path, label?, image+, role+
 *   hallmark/recall v1      site, path, document, digest+, role+
 *   hallmark/maker v1       site, maker, grade, identity (grade maker only), role+
 *   hallmark/root v1        site, root
 *   hallmark/snapshot v1    site, snapshot, root, map, entries, void*
 *
 * One entry has one spelling: lists are sorted and without duplicates, numbers decimal without
 * leading zeros, digests in lower case. What an entry says is checked against its form only; trust
 * decides whether it is true.
 */
#ifndef HM_TLOG_ENTRY_H
#define HM_TLOG_ENTRY_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/digest.h"

#define HM_ENTRY_SIZE_MAX       65535 /* as HM_TILE_ENTRY_SIZE_MAX */
#define HM_ENTRY_SITE_SIZE_MAX  32    /* a site's name follows the rule of IDs */
#define HM_ENTRY_LABEL_SIZE_MAX 256
#define HM_ENTRY_ROLE_SIZE_MAX  192 /* "release~ID~PRODUCT" has at most 105 */
/* The shortest line of a list, "digest " and 64 digits, fits 910 times; no need for more. */
#define HM_ENTRY_LIST_COUNT_MAX 1024

enum hm_entry_kind {
    HM_ENTRY_RELEASE,
    HM_ENTRY_RECALL,
    HM_ENTRY_MAKER,
    HM_ENTRY_ROOT,
    HM_ENTRY_SNAPSHOT,
};

/* A file of a release. */
struct hm_entry_image {
    const char *file;
    struct hm_sha256 sha256;
    uint64_t length;
};

/* The version of a role that carries what the entry says. */
struct hm_entry_role {
    const char *name;
    uint64_t version;
};

/* A document by version (0: it has none), digest and length. */
struct hm_entry_document {
    uint64_t version;
    struct hm_sha256 sha256;
    uint64_t length;
};

struct hm_entry_range {
    uint64_t first; /* index in the log */
    uint64_t count;
};

/* Members that a kind does not have are 0 or NULL. */
struct hm_entry {
    enum hm_entry_kind kind;
    const char *site;
    const char *path;                  /* release: ID/PRODUCT/VERSION; recall: recalls/ID/NAME */
    const char *label;                 /* release: the version as printed, or NULL */
    const char *maker;                 /* maker: its ID */
    bool is_attested;                  /* maker: grade attested, and no identity */
    struct hm_entry_document document; /* recall: the document; maker: the identity */
    struct hm_entry_image *images;
    size_t image_count;
    struct hm_sha256 *digests; /* recall: what is taken back */
    size_t digest_count;
    struct hm_entry_role *roles;
    size_t role_count;
    struct hm_entry_document snapshot;
    struct hm_entry_document root; /* of a snapshot, its length is 0 */
    struct hm_sha256 map_root;
    uint64_t map_count;            /* keys in the map */
    struct hm_entry_range entries; /* the batch that this snapshot closes, itself not included */
    struct hm_entry_range *voids;  /* entries that never count, ascending, apart */
    size_t void_count;
    struct hm_arena arena; /* of a parsed entry */
};

/* Copies raw. HM_EFORMAT; HM_EUNKNOWN for a first line that names no kind known here. */
HM_MUST_CHECK enum hm_rc hm_entry_parse(struct hm_bytes raw, struct hm_err *err,
                                        struct hm_entry **ret_entry);
/* Appends the entry. HM_EUSAGE if it would not parse, as when lists are not sorted. */
HM_MUST_CHECK enum hm_rc hm_entry_write(const struct hm_entry *entry, struct hm_err *err,
                                        struct hm_buf *ret_buf);
void hm_entry_free(struct hm_entry *entry);
HM_DEFINE_FREE(hm_entry_free, struct hm_entry);
/* A maker's ID, one that is not reserved; and ID/PRODUCT. */
bool hm_entry_is_maker(struct hm_bytes id);
bool hm_entry_is_product(struct hm_bytes product);
/* "hallmark/release v1", static. */
const char *hm_entry_kind_name(enum hm_entry_kind kind);

#endif
