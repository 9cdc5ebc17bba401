/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sites have released, by pattern, each file with its verdict. Views of the subscriptions: a
 * catalogue is used while they live and before their next refresh.
 */
#ifndef HM_CUSTOMER_CATALOGUE_H
#define HM_CUSTOMER_CATALOGUE_H

#include "customer/refresh.h"

/* Four TUF patterns for ID, PRODUCT, VERSION and FILE. */
struct hm_pattern {
    struct hm_bytes whole; /* with all four parts */
    struct hm_bytes id, product;
    size_t given; /* parts the user wrote: 1 to 4; 0 for none */
};

/* "acme" is "acme/x/x/x" with stars for x, and so on; "" or NULL is all. Copied into the arena.
 * HM_EUSAGE: more than four parts, an empty one. */
HM_MUST_CHECK enum hm_rc hm_catalogue_pattern(const char *text, struct hm_arena *arena,
                                              struct hm_err *err, struct hm_pattern *ret_pattern);

struct hm_catalogue_item {
    struct hm_subscription *subscription;
    struct hm_bytes path; /* also where it is refused */
    enum hm_rc rc;
    const char *text;               /* why it is refused; NULL if rc is HM_OK */
    struct hm_release_file file;    /* only if rc is HM_OK or HM_ERECALLED */
    const struct hm_recall *recall; /* only if rc is HM_ERECALLED */
    struct hm_path parts;           /* of path, for sorting; empty where it is no proper one */
};

/* A maker, or one product of a maker, that a pattern asked for and nothing can be said of. */
struct hm_catalogue_problem {
    const struct hm_subscription *subscription;
    const char *maker;
    struct hm_bytes product; /* empty: all of them */
    enum hm_rc rc;
    const char *text;
};

struct hm_catalogue {
    struct hm_catalogue_item *items;
    size_t item_count, item_capacity;
    struct hm_catalogue_problem *problems;
    size_t problem_count, problem_capacity;
    const char *despite;   /* path of a recall that the customer overrides; or NULL. Borrowed */
    struct hm_arena arena; /* texts */
};

void hm_catalogue_done(struct hm_catalogue *catalogue);
/* Adds what the site has for any of the patterns; the subscription was refreshed or loaded with a
 * scope that covers them. */
HM_MUST_CHECK enum hm_rc hm_catalogue_add(struct hm_catalogue *catalogue,
                                          struct hm_subscription *subscription,
                                          const struct hm_pattern *patterns, size_t pattern_count,
                                          struct hm_err *err);
/* By site, ID, product, version in their order, file. */
void hm_catalogue_sort(struct hm_catalogue *catalogue);
int hm_catalogue_compare(const struct hm_catalogue_item *a, const struct hm_catalogue_item *b);
/* Adds a problem; copies. product: empty for all of a maker's. */
HM_MUST_CHECK enum hm_rc hm_catalogue_add_problem(struct hm_catalogue *catalogue,
                                                  const struct hm_subscription *subscription,
                                                  struct hm_bytes maker, struct hm_bytes product,
                                                  const struct hm_err *why, struct hm_err *err);
/* Adds the one file at path, whatever the verdict on it: HM_OK also where it is refused.
 * HM_EUNKNOWN if the site has no such maker or file; the standing's failure where nothing can be
 * said. */
HM_MUST_CHECK enum hm_rc hm_catalogue_add_path(struct hm_catalogue *catalogue,
                                               struct hm_subscription *subscription,
                                               struct hm_bytes path, struct hm_err *err);
/* Has each item that is not refused proved to be in its site's release log (release_log.h); one
 * that is not becomes refused. The sites are online. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_catalogue_prove(struct hm_catalogue *catalogue, struct hm_err *err);

#endif
