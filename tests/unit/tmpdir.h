/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of its own for each test: cmocka_unit_test_setup_teardown(test, tmpdir_setup,
 * tmpdir_teardown), then tmpdir_of(state).
 */
#ifndef HM_TESTS_TMPDIR_H
#define HM_TESTS_TMPDIR_H

#include <ftw.h>
#include <sys/stat.h>

#include "base/dir.h"

static inline int tmpdir_remove_one(const char *path, const struct stat *st, int type,
                                    struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int tmpdir_setup(void **state)
{
    const char *base = getenv("TMPDIR");
    struct hm_dir *dir = calloc(1, sizeof(*dir));
    char path[512];

    if (dir == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/hallmark-test-XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(path) == NULL || chmod(path, 0755) != 0 || hm_dir_open(path, NULL, dir) != HM_OK) {
        free(dir);
        return -1;
    }
    *state = dir;
    return 0;
}

static inline int tmpdir_teardown(void **state)
{
    struct hm_dir *dir = *state;
    int result = nftw(dir->path, tmpdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);

    hm_dir_done(dir);
    free(dir);
    return result;
}

static inline const struct hm_dir *tmpdir_of(void **state)
{
    return *state;
}

#define tmpdir_test(test) cmocka_unit_test_setup_teardown(test, tmpdir_setup, tmpdir_teardown)

#endif
