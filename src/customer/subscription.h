/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One trusted site as a customer sees it: trust file, policy, the verified metadata, and for each
 * maker whether it may be believed. Used by one thread.
 */
#ifndef HM_CUSTOMER_SUBSCRIPTION_H
#define HM_CUSTOMER_SUBSCRIPTION_H

#include "customer/bundle.h"
#include "customer/home.h"
#include "customer/policy.h"
#include "customer/release_log.h"
#include "net/fetch.h"
#include "trust/recall.h"
#include "trust/verdict.h"
#include "tuf/client.h"

/* The URL of a site that is reached by bundles alone. */
#define HM_SUBSCRIPTION_BUNDLE_URL "bundle:"

/* Clocks are set back by seconds, and two commands may start in one order and end in the other:
 * below this a clock is not called behind. */
#define HM_SUBSCRIPTION_CLOCK_SLACK_S 300

struct hm_deliver_link;

/* The two roles that speak for one product: the product's own, or the ones above. */
struct hm_product {
    struct hm_bytes name;
    enum hm_rc rc;    /* HM_OK: the roles are there */
    const char *text; /* why not, one sentence; owned by the subscription */
    const struct hm_targets *release;
    const struct hm_targets *maker_role; /* NULL for an attested maker */
};

/* A maker's roles, and the word on them. */
struct hm_standing {
    bool is_judged;   /* else it was not asked for */
    enum hm_rc rc;    /* HM_OK: the roles are there */
    const char *text; /* why not, one sentence; owned by the subscription */
    enum hm_grade grade;
    /* release~ID and maker~ID: they list files themselves or hand products to roles of their own.
     */
    const struct hm_targets *release;
    const struct hm_targets *maker_role; /* NULL for an attested maker */
    /* Those products with roles of their own that were asked for, sorted by name. */
    struct hm_product *products;
    size_t product_count;
    enum hm_rc recalls_rc;    /* HM_OK: what this maker recalled is known */
    const char *recalls_text; /* why not, as text above */
    bool is_by_pattern;       /* products were asked for: no other one is to be looked up */
};

struct hm_subscription {
    const char *name; /* of the site, and of the folder */
    struct hm_dir dir;
    struct hm_trust_file *trust;
    struct hm_policy policy;
    int64_t now_unix_s;
    int64_t judged_unix_s; /* when expiry is judged: now, but for a bundle that was accepted late */
    int64_t refreshed_unix_s; /* 0: never */
    bool is_of_bundle;        /* refreshed by a bundle, of that time */
    bool is_trial;
    struct hm_fetch *fetch;          /* NULL: no connection */
    struct hm_deliver_link *deliver; /* NULL until a delivery was asked for; owned */
    const struct hm_bundle *bundle;  /* in the place of a connection; borrowed; or NULL */
    /* After hm_refresh_run or hm_refresh_load: */
    struct hm_client *client;
    struct hm_release_log *log;
    struct hm_layout *layout;
    struct hm_recalls recalls;     /* all that were ever seen of this site */
    struct hm_standing *standings; /* one for each maker of the layout, in its order */
    struct hm_arena arena;
    bool is_earlier; /* loaded as of the last complete refresh: a newer state is not whole here */
    /* private: */
    struct hm_dir metadata;
    struct hm_dir earlier;           /* customer/kept.h; open while is_earlier */
    struct hm_client_source source;  /* of metadata, for the client */
    struct hm_client_source objects; /* of all but images, by path below the site's URL */
    struct hm_client_keeper keeper;
    struct hm_client_root_rule root_rule;
};

/* Checks a confirmed trust file and the policy, makes the site's folder in a place where no other
 * command sees it, refreshes once, and puts it in place: a site is trusted only after it was seen.
 * HM_EUSAGE: trusted already; HM_EMISMATCH: the trust file is for another site than name. */
HM_MUST_CHECK enum hm_rc hm_subscription_add(const struct hm_home *home, const char *name,
                                             struct hm_bytes trust, const struct hm_policy *policy,
                                             int64_t now_unix_s, struct hm_err *err,
                                             struct hm_subscription **ret_subscription);
/* Forgets the site with all that was remembered. HM_EINPUT: not trusted. */
HM_MUST_CHECK enum hm_rc hm_subscription_remove(const struct hm_home *home, const char *name,
                                                struct hm_err *err);
/* As hm_subscription_add, from a bundle; its state is judged as of judged_unix_s. */
HM_MUST_CHECK enum hm_rc
hm_subscription_add_bundle(const struct hm_home *home, const char *name, struct hm_bytes trust,
                           const struct hm_policy *policy, const struct hm_bundle *bundle,
                           int64_t now_unix_s, int64_t judged_unix_s, struct hm_err *err,
                           struct hm_subscription **ret_subscription);
/* As hm_subscription_open with is_online: the bundle takes the site's place, which is judged as of
 * judged_unix_s (hm_bundle_judge). HM_EMISMATCH: it is of another site. */
HM_MUST_CHECK enum hm_rc hm_subscription_open_bundle(const struct hm_home *home, const char *name,
                                                     const struct hm_bundle *bundle,
                                                     int64_t now_unix_s, int64_t judged_unix_s,
                                                     struct hm_err *err,
                                                     struct hm_subscription **ret_subscription);
/* Opens a trusted site; makes no request. is_online false, or a site fed by bundles:
 * nothing is ever fetched. HM_EINPUT: not
 * trusted, naming those that are. */
HM_MUST_CHECK enum hm_rc hm_subscription_open(const struct hm_home *home, const char *name,
                                              int64_t now_unix_s, bool is_online,
                                              struct hm_err *err,
                                              struct hm_subscription **ret_subscription);
void hm_subscription_free(struct hm_subscription *subscription);
/* True if it may be refreshed: there is a connection, or a bundle. */
bool hm_subscription_is_online(const struct hm_subscription *subscription);
/* True for a site that was trusted from a bundle, without a URL to reach it. */
bool hm_subscription_is_bundle_fed(const struct hm_subscription *subscription);
HM_DEFINE_FREE(hm_subscription_free, struct hm_subscription);

/* Reads "refreshed" again: another command may have refreshed meanwhile. */
HM_MUST_CHECK enum hm_rc hm_subscription_read_refreshed(struct hm_subscription *subscription,
                                                        struct hm_err *err);
/* The stricter of trust file and policy. */
enum hm_grade hm_subscription_floor(const struct hm_subscription *subscription);
/* How old cosignatures of the release log may be: the least that trust file and policy say. */
int64_t hm_subscription_log_max_age(const struct hm_subscription *subscription);
/* The pinned first identity of a maker: the policy's, else the trust file's; NULL: none. */
const struct hm_sha256 *hm_subscription_pin(const struct hm_subscription *subscription,
                                            const char *id);
/* NULL if the site has no such maker. */
const struct hm_standing *hm_subscription_standing(const struct hm_subscription *subscription,
                                                   struct hm_bytes id);

#endif
