/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of a site share: a trial site in a folder of its own, makers that submit to it, and a
 * client that refreshes from it.
 */
#ifndef HM_TESTS_SITE_WORLD_H
#define HM_TESTS_SITE_WORLD_H

#include "unit.h"

#include "site/approval.h"
#include "site/intake.h"
#include "site/publish.h"

#define WORLD_NOW            INT64_C(1790000000)
#define WORLD_MAX            16
#define WORLD_MAKER_KEYS_MAX 4

struct world {
    char dir[512];    /* of the test */
    char site[600];   /* DIR/site */
    char client[600]; /* DIR/client: metadata of the client */
    int64_t now;
    struct hm_err err; /* of the last call */
    struct hm_buf report;
};

/* cmocka's setup and teardown: *state is a struct world with a published trial site "demo". */
int world_setup(void **state);
/* Without a site. */
int world_setup_empty(void **state);
int world_teardown(void **state);
#define world_test(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

/* The site, open; the test fails if it does not open. */
struct hm_site *world_open(struct world *world, enum hm_site_access access);
/* Publishes; ret_count (may be NULL) is the number of new versions. */
enum hm_rc world_publish(struct world *world, size_t *ret_count);
/* Signs the draft of role with the trial keys. */
void world_sign(struct world *world, const char *role);
void world_sign_with(struct world *world, const char *role, struct hm_signer *signer);
bool world_has(struct world *world, const char *path); /* below the site's folder */
void world_read(struct world *world, const char *path, struct hm_buf *ret_buf);
void world_write(struct world *world, const char *path, const char *text);
/* A copy of the site's folder. */
void world_copy(const char *from, const char *to);

/* A client that knows the first root: refreshes from the public folder at now. */
enum hm_rc world_refresh(struct world *world);
/* Resolves a path by both signatures, as of the last refresh. */
enum hm_rc world_verdict(struct world *world, const char *path);
/* The version of role that the client has; 0: none. */
int64_t world_client_version(struct world *world, const char *role);

struct maker {
    const char *id;
    const char *site;                             /* the name in what it signs */
    struct hm_signer *keys[WORLD_MAKER_KEYS_MAX]; /* of each identity version */
    struct hm_buf identities[WORLD_MAKER_KEYS_MAX];
    size_t identity_count;
    struct hm_targets *content; /* of the last version */
    int64_t version;
    int64_t expires;
    struct {
        char path[128];
        char text[64];
    } images[WORLD_MAX];
    size_t image_count;
    size_t image_skip; /* how many of the first images are left out of the next submission */
    bool tamper;       /* the next submission's images are other bytes than signed */
    size_t signer;     /* identity version that signs; 0: the newest */
};

void maker_init(struct maker *maker, const char *id);
void maker_done(struct maker *maker);
/* A new identity version, signed by the old key and a new one. */
void maker_rotate(struct maker *maker);
/* Lists a file; its image goes into the next submission. */
void maker_put(struct maker *maker, const char *path, const char *text, const char *custom);
/* Writes DIR/NAME: the next version with the images put since the last. */
void maker_submit(struct maker *maker, struct world *world, const char *name);
/* Writes DIR/NAME: the identity alone. */
void maker_submit_identity(struct maker *maker, struct world *world, const char *name);

/* Enrols, signs, publishes. */
void world_enrol(struct world *world, struct maker *maker);
enum hm_rc world_enrol_only(struct world *world, struct maker *maker);
/* Takes in DIR/NAME. */
enum hm_rc world_intake(struct world *world, const char *name, struct hm_intake_result *ret_result);
/* Approves all that waits and signs. */
enum hm_rc world_approve(struct world *world);

#define assert_rc(expected, call)                                                                  \
    do {                                                                                           \
        enum hm_rc assert_rc_ = (call);                                                            \
        if (assert_rc_ != (expected))                                                              \
            fail_msg("%s: %s, not %s: %s", #call, hm_error_name(assert_rc_),                       \
                     hm_error_name(expected), world->err.text);                                    \
    } while (0)

#endif
