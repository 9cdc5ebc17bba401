/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names at a Hallmark site: target paths, role names, and what targets.json says of each maker
 * (docs/formats.md 1 and 2).
 */
#ifndef HM_TRUST_LAYOUT_H
#define HM_TRUST_LAYOUT_H

#include "trust/identity.h"
#include "tuf/root.h"
#include "tuf/targets.h"

#define HM_LAYOUT_ID_SIZE_MIN     2
#define HM_LAYOUT_ID_SIZE_MAX     32    /* role names stay short in file names */
#define HM_LAYOUT_CUSTOM_SIZE_MAX 16384 /* canonical; a target stays small */
#define HM_LAYOUT_ROLE_SIZE_MAX   112   /* "release~", ID, "~", PRODUCT and NUL */
#define HM_LAYOUT_MAKER_COUNT_MAX 65536 /* as many as a document has delegations */

/* ID/PRODUCT/VERSION/FILE, views of the path. */
struct hm_path {
    struct hm_bytes whole, id, product, version, file;
};

/* HM_EFORMAT naming the part and the rule. */
HM_MUST_CHECK enum hm_rc hm_layout_parse_path(struct hm_bytes path, struct hm_err *err,
                                              struct hm_path *ret_path);
/* An ID that a maker may have (not reserved), or a site's name. HM_EFORMAT. */
HM_MUST_CHECK enum hm_rc hm_layout_check_id(struct hm_bytes id, struct hm_err *err);
/* "release~ID", "maker~ID", "recalls~ID". */
void hm_layout_release_role(struct hm_bytes id, char ret_role[HM_LAYOUT_ROLE_SIZE_MAX]);
void hm_layout_maker_role(struct hm_bytes id, char ret_role[HM_LAYOUT_ROLE_SIZE_MAX]);

/* How strongly a maker stands behind its releases (DESIGN 5.1). Order is strength. */
enum hm_grade {
    HM_GRADE_NONE = 0,   /* never a valid grade */
    HM_GRADE_ATTESTED,   /* the vendor's approvers alone */
    HM_GRADE_INTRODUCED, /* maker and vendor signed; the vendor introduced the maker's identity */
    HM_GRADE_PINNED,     /* maker and vendor signed; the customer pinned the maker's identity */
};
/* "vendor-attested", "maker, introduced by vendor", "maker, pinned". */
const char *hm_layout_grade_text(enum hm_grade grade);

struct hm_layout_maker {
    const char *id;
    const char *name;
    bool is_attested; /* else the identity is there */
    int64_t identity_version;
    struct hm_sha256 identity_sha256;
    uint64_t identity_length;
    struct hm_sha256 identity_first;
};

/* What targets.json says beyond TUF. */
struct hm_layout {
    const char *site;
    struct hm_layout_maker *makers; /* sorted by id */
    size_t maker_count;
    struct hm_delegations delegations; /* maker~ID, recalls~ID */
    struct hm_arena arena;
};

/* Reads targets' x-hallmark and checks the role layout: targets lists no files; release~ID
 * delegates exactly ID/x/x/x with stars for x, terminating, and maker~ID the same; recalls~vendor
 * and recalls~ID, where there are such roles, recalls/.../x; every maker has its release role,
 * every one of grade maker its maker~ID; no role belongs to nobody; no key material is shared
 * between maker and vendor roles (root's four, release~*, recalls~vendor). HM_EFORMAT, HM_EMISMATCH
 * (another site), HM_EREFUSED naming role and rule. The result stands on its own. */
HM_MUST_CHECK enum hm_rc hm_layout_parse(const struct hm_root *root,
                                         const struct hm_targets *targets, const char *site,
                                         struct hm_err *err, struct hm_layout **ret_layout);
void hm_layout_free(struct hm_layout *layout);
HM_DEFINE_FREE(hm_layout_free, struct hm_layout);
const struct hm_layout_maker *hm_layout_find(const struct hm_layout *layout, struct hm_bytes id);
/* The x-hallmark object for targets.json, from a layout being edited by the site. */
HM_MUST_CHECK enum hm_rc hm_layout_write(const struct hm_layout *layout, struct hm_err *err,
                                         struct hm_buf *ret_json);
/* The site's name in root's x-hallmark. HM_EFORMAT if there is none. */
HM_MUST_CHECK enum hm_rc hm_layout_root_site(const struct hm_root *root, struct hm_arena *arena,
                                             struct hm_err *err, const char **ret_site,
                                             bool *ret_trial);

#endif
