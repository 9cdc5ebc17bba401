/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site has published, as its newest timestamp.json says, verified from the first root on.
 * Expiry is not looked at: a lapsed site must still be able to publish its way out.
 *
 * The public folder is what an intruder reaches first, and whoever could put an older tree there,
 * or one under a root of his own, would have the site's online key sign it anew. So the newest root
 * and timestamp must be, byte for byte, those in private/published/; the timestamp binds the
 * snapshot, and that all other roles.
 *
 * While a committed publish waits for witnesses (journal.h), what it brings counts as published:
 * nothing can keep it from appearing, and what is drafted meanwhile comes after it.
 */
#ifndef HM_SITE_TREE_H
#define HM_SITE_TREE_H

#include "site/site.h"
#include "tuf/timestamp.h"

/* One role's document: of targets' kind. */
struct hm_tree_document {
    const char *role;
    struct hm_bytes raw;
    struct hm_envelope *envelope;
    struct hm_targets *targets;
};

struct hm_tree {
    const struct hm_site *site; /* borrowed */
    bool is_coming;             /* with what a committed publish brings */
    struct hm_root *root;       /* NULL: nothing was published yet, and all below is empty */
    struct hm_bytes root_raw;
    struct hm_bytes timestamp_raw, snapshot_raw;
    struct hm_timestamp *timestamp;
    struct hm_snapshot *snapshot;
    struct hm_tree_document targets;
    struct hm_layout *layout;
    struct hm_tree_document *documents; /* delegated roles read so far */
    size_t document_count, document_capacity;
    struct hm_envelope *timestamp_envelope, *snapshot_envelope;
    struct hm_arena arena;
};

/* HM_ESIGNATURE, HM_EMISMATCH, HM_EFORMAT: the public folder is damaged; the message names file and
 * rule. HM_EREFUSED: it is not what this site published last. The tree borrows site. */
HM_MUST_CHECK enum hm_rc hm_tree_load(const struct hm_site *site, struct hm_err *err,
                                      struct hm_tree **ret_tree);
void hm_tree_free(struct hm_tree *tree);
HM_DEFINE_FREE(hm_tree_free, struct hm_tree);

/* The version of role that is published; 0: none. */
int64_t hm_tree_version(const struct hm_tree *tree, const char *role);
/* The published document of a delegated role, or of the role of a product, verified with the
 * published delegation and by the rules of trust/partition.h; read once. Both are NULL where none
 * was published (ret_envelope may be NULL). Borrowed from the tree. */
HM_MUST_CHECK enum hm_rc hm_tree_role(struct hm_tree *tree, const char *role, struct hm_err *err,
                                      const struct hm_targets **ret_targets,
                                      const struct hm_envelope **ret_envelope);
/* What is published of product by above ("release~acme") or by the product's own role: the document
 * that speaks for it, NULL where there is none. */
HM_MUST_CHECK enum hm_rc hm_tree_part(struct hm_tree *tree, const char *above,
                                      struct hm_bytes product, struct hm_err *err,
                                      const struct hm_targets **ret_targets);
/* The target that is published under path so; NULL: none. */
HM_MUST_CHECK enum hm_rc hm_tree_target(struct hm_tree *tree, const char *above,
                                        struct hm_bytes path, struct hm_err *err,
                                        const struct hm_target **ret_target);
/* Calls for each published document of above and of its products' roles, above first. */
typedef enum hm_rc hm_tree_part_fn(void *ctx, const char *role, const struct hm_targets *targets,
                                   const struct hm_envelope *envelope, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_tree_each_part(struct hm_tree *tree, const char *above,
                                           struct hm_err *err, hm_tree_part_fn *take, void *ctx);
/* The envelope published for any role that people sign; empty where there is none. */
HM_MUST_CHECK enum hm_rc hm_tree_raw(struct hm_tree *tree, const char *role, struct hm_err *err,
                                     struct hm_bytes *ret_raw);
/* Who may sign role: the four of root from root, the others from targets and its layout (any of
 * which may be NULL); a product's role has the keys of the role above it. NULL where nobody. */
const struct hm_role_keys *hm_tree_keys(const struct hm_root *root,
                                        const struct hm_targets *targets,
                                        const struct hm_layout *layout, const char *role);

/* "metadata/N.ROLE.json": the name as it is. Clients percent-encode it in the URL, and servers
 * decode that. */
HM_MUST_CHECK enum hm_rc hm_tree_file_name(const char *role, int64_t version, struct hm_err *err,
                                           struct hm_buf *ret_name);
/* "targets/ID/PRODUCT/VERSION/SHA256.FILE". */
HM_MUST_CHECK enum hm_rc hm_tree_image_name(struct hm_bytes path, const struct hm_sha256 *sha256,
                                            struct hm_err *err, struct hm_buf *ret_name);

#endif
