/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest useful program on libhallmark: may this file be installed?
 *
 *   cc verify.c $(pkg-config --cflags --libs hallmark) -o verify
 *   ./verify FILE [STATE-FOLDER]
 *
 * It exits as hallmark verify does: 0 good, 1 no, 2 wrong use, 3 cannot tell, 4 internal error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <hallmark.h>

#define AGE_MAX_S (30 * 24 * 60 * 60) /* this program's own rule */

static void print_matches(const struct hallmark_result *result)
{
    for (size_t i = 0; i < hallmark_result_match_count(result); i++) {
        const struct hallmark_match *match = hallmark_result_match(result, i);

        printf("%s at %s: %s\n", hallmark_match_path(match), hallmark_match_site(match),
               hallmark_match_status(match) == HALLMARK_OK
                   ? hallmark_grade_text(hallmark_match_grade(match))
                   : hallmark_match_text(match));
        printf("  release log: %s, %zu cosignatures, newest %lld seconds ago\n",
               hallmark_log_text(hallmark_match_log(match)), hallmark_match_log_cosigned(match),
               (long long)hallmark_match_log_age_s(match));
    }
}

static enum hallmark_status verify(struct hallmark_home *home, const char *path,
                                   struct hallmark_error *error)
{
    struct hallmark_result *result = NULL;
    enum hallmark_status status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        perror(path);
        return HALLMARK_EINPUT;
    }
    status = hallmark_verify_fd(home, fd, path, error, &result);
    print_matches(result);
    if (status != HALLMARK_OK) {
        fprintf(stderr, "%s: %s\n", hallmark_status_name(status), hallmark_error_text(error));
    } else if (hallmark_result_age_s(result) < 0 || hallmark_result_age_s(result) > AGE_MAX_S) {
        fprintf(stderr, "what is known is too old: run 'hallmark list'\n");
        status = HALLMARK_EEXPIRED;
    }
    /* An updater installs from fd here, and only if status is HALLMARK_OK. */
    hallmark_result_free(result);
    close(fd);
    return status;
}

int main(int argc, char **argv)
{
    struct hallmark_error *error = hallmark_error_new();
    struct hallmark_home *home = NULL;
    enum hallmark_status status = HALLMARK_EUSAGE;

    if (argc == 2 || argc == 3) {
        status = hallmark_home_open(argc == 3 ? argv[2] : NULL, error, &home);
        if (status == HALLMARK_OK)
            status = verify(home, argv[1], error);
        else
            fprintf(stderr, "%s: %s\n", hallmark_status_name(status), hallmark_error_text(error));
    } else {
        fprintf(stderr, "usage: verify FILE [STATE-FOLDER]\n");
    }
    hallmark_home_close(home);
    hallmark_error_free(error);
    return hallmark_status_class(status);
}
