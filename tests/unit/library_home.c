/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes what tests/unit/test_library.c looks at: a site, and the state folder of a customer who
 * trusts it and refreshed some seconds ago. It is a program of its own, since the test knows the
 * public library alone.
 *
 * usage: library_home DIR AGE_S     DIR/home, DIR/hallmark.trust
 */
#include "base/file.h"
#include "base/num.h"
#include "base/time.h"
#include "customer/refresh.h"
#include "customer_kit.h"

#define OK(expression) HM_ASSERT((expression) == HM_OK)

int main(int argc, char **argv)
{
    _hm_done_(hm_buf_done) struct hm_buf trust = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(4096);
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_home_done) struct hm_home home = HM_HOME_INIT;
    struct hm_refresh_want every = {.id = HM_BYTES_LITERAL("*"), .product = HM_BYTES_LITERAL("*")};
    struct hm_refresh_scope scope = {.wants = &every, .count = 1};
    struct hm_policy policy = {.floor = HM_GRADE_ATTESTED};
    struct hm_subscription *site = NULL;
    int64_t refreshed_unix_s;
    struct kit_tree tree;

    HM_ASSERT(argc == 3);
    /* A negative age is a refresh to come: a clock that was set back since. */
    refreshed_unix_s = hm_time_now_unix_s() - strtol(argv[2], NULL, 10);
    kit_tree_init(&tree);
    kit_tree_image(&tree, "acme/nic/6.6/boot.rom", "vendor alone", false);
    kit_tree_image(&tree, "acme/nic/3.0/copy.rom", "boot one", true);
    kit_tree_publish(&tree);
    kit_read(&tree, "public/hallmark.trust", &trust);
    OK(hm_dir_open(argv[1], NULL, &dir));
    OK(hm_file_replace(&dir, "hallmark.trust", 0644, hm_buf_bytes(&trust), NULL));
    OK(hm_buf_append_fmt(&path, NULL, "%s/home", argv[1]));
    OK(hm_home_open(hm_buf_str(&path), true, NULL, &home));
    policy.url = tree.url;
    OK(hm_subscription_add(&home, "globex", hm_buf_bytes(&trust), &policy, refreshed_unix_s, NULL,
                           &site));
    hm_subscription_free(site);
    site = NULL;
    OK(hm_subscription_open(&home, "globex", refreshed_unix_s, true, NULL, &site));
    OK(hm_refresh_run(site, scope, NULL));
    hm_subscription_free(site);
    kit_tree_done(&tree);
    return 0;
}
