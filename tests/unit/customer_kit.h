/* SPDX-License-Identifier: Apache-2.0 */
/* A published site and a customer's home in a temporary folder, for tests of the customer. */
#ifndef HM_TESTS_CUSTOMER_KIT_H
#define HM_TESTS_CUSTOMER_KIT_H

#include "customer/subscription.h"
#include "trust_kit.h"

#define KIT_NOW INT64_C(1800000000)

#define KIT_PRODUCT_COUNT_MAX 8

/* A product with roles of its own; NULL: the role above speaks for it. */
struct kit_product {
    char name[32];
    struct hm_targets *release;
    struct hm_targets *maker;
};

struct kit_tree {
    char root[64]; /* the temporary folder */
    struct hm_dir dir;
    char url[96]; /* of public/ */
    struct kit_site site;
    int64_t version; /* of all documents but the root, raised by each publishing */
    struct hm_home home;
    struct kit_product products[KIT_PRODUCT_COUNT_MAX];
    size_t product_count;
    bool omit_maker_role; /* from the snapshot */
};

/* The site "globex" of trust_kit.h with three images, published once. */
void kit_tree_init(struct kit_tree *tree);
void kit_tree_done(struct kit_tree *tree);
/* Signs and writes all documents as site has them now, one version on. */
void kit_tree_publish(struct kit_tree *tree);
/* Puts content as an image of path, listed by release and maker (is_both) or release alone. */
void kit_tree_image(struct kit_tree *tree, const char *path, const char *content, bool is_both);
/* Moves what acme's release and maker roles list of a product into roles of its own, and delegates
 * to these; published by the next kit_tree_publish. */
struct kit_product *kit_tree_divide(struct kit_tree *tree, const char *product, bool release,
                                    bool maker);
/* The served file of an image: "public/targets/DIR/HASH.NAME". */
void kit_tree_image_path(const char *path, const char *content, char ret[256]);
void kit_write(const struct kit_tree *tree, const char *path, const char *content);
/* The whole file below the temporary folder; fails the process if it is missing. */
void kit_read(const struct kit_tree *tree, const char *path, struct hm_buf *ret);
/* Trusts the site under a policy that may be NULL. */
enum hm_rc kit_trust(struct kit_tree *tree, const struct hm_policy *policy, struct hm_err *err);
/* Opens the trusted site at a time, online or not. */
struct hm_subscription *kit_open(struct kit_tree *tree, int64_t now_unix_s, bool is_online);

#endif
