/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public library as a program outside sees it: the installed header and libhallmark.so alone.
 * library_home makes the state folders; examples/verify.c is run too.
 *
 * usage: test_library LIBRARY_HOME EXAMPLE
 */
#include "unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hallmark.h>

#define BOOT  "acme/nic/1.0/boot.rom"
#define COPY  "acme/nic/3.0/copy.rom"
#define DAY_S 86400
#define SLACK 600 /* a slow machine's test is not older */

extern char **environ;

static const char *home_maker, *example;

struct fixture {
    char dir[64], home[80];
    struct hallmark_error *error;
};

/* ---- helpers --------------------------------------------------------------------------------- */

static int run(const char *program, const char *first, const char *second)
{
    char *argv[] = {(char *)program, (char *)first, (char *)second, NULL};
    int status = -1;
    pid_t pid;

    assert_int_equal(posix_spawn(&pid, program, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void forget_home(const char *folder)
{
    assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static int set_up_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/hallmark-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->home, sizeof(f->home), "%s/home", f->dir);
    f->error = hallmark_error_new();
    assert_non_null(f->error);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    struct fixture *f;

    assert_int_equal(set_up_folder(state), 0);
    f = *state;
    return run(home_maker, f->dir, "0");
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    forget_home(f->dir);
    hallmark_error_free(f->error);
    free(f);
    return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *content,
                       char ret_path[128])
{
    FILE *file;

    (void)snprintf(ret_path, 128, "%s/%s", f->dir, name);
    file = fopen(ret_path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct hallmark_home *open_home(struct fixture *f)
{
    struct hallmark_home *home = NULL;

    if (hallmark_home_open(f->home, f->error, &home) != HALLMARK_OK)
        fail_msg("%s", hallmark_error_text(f->error));
    return home;
}

/* Verifies content both ways, which must agree; the result of the second. */
static enum hallmark_status verify(struct fixture *f, struct hallmark_home *home,
                                   const char *content, const char *name,
                                   struct hallmark_result **ret_result)
{
    uint8_t sha256[HALLMARK_SHA256_SIZE];
    enum hallmark_status by_fd, by_digest;
    char path[128];
    int fd;

    write_file(f, "content", content, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    by_fd = hallmark_verify_fd(home, fd, name, f->error, ret_result);
    assert_int_equal(hallmark_error_status(f->error), by_fd);
    assert_int_equal(close(fd), 0);
    assert_non_null(*ret_result);
    assert_int_equal(hallmark_result_status(*ret_result), by_fd);
    hallmark_result_free(*ret_result);
    assert_int_equal(hallmark_sha256_buffer(content, strlen(content), f->error, sha256),
                     HALLMARK_OK);
    by_digest = hallmark_verify_digest(home, sha256, strlen(content), name, f->error, ret_result);
    assert_int_equal(by_digest, by_fd);
    assert_int_equal(hallmark_result_size(*ret_result), strlen(content));
    assert_memory_equal(hallmark_result_sha256(*ret_result), sha256, sizeof(sha256));
    assert_string_equal(hallmark_result_text(*ret_result), hallmark_error_text(f->error));
    return by_digest;
}

static void assert_age(int64_t age_s, int64_t expected_s)
{
    assert_true(age_s >= expected_s && age_s <= expected_s + SLACK);
}

/* ---- words, errors, digests ------------------------------------------------------------------ */

static void test_status__has_stable_numbers_and_classes(void **state)
{
    static const struct {
        enum hallmark_status status;
        int number, class;
        const char *name;
    } cases[] = {
        {HALLMARK_OK, 0, 0, "HM_OK"},
        {HALLMARK_EFORMAT, 101, 1, "HM_EFORMAT"},
        {HALLMARK_ESIGNATURE, 102, 1, "HM_ESIGNATURE"},
        {HALLMARK_EMISMATCH, 103, 1, "HM_EMISMATCH"},
        {HALLMARK_EROLLBACK, 104, 1, "HM_EROLLBACK"},
        {HALLMARK_EREFUSED, 105, 1, "HM_EREFUSED"},
        {HALLMARK_EUNKNOWN, 106, 1, "HM_EUNKNOWN"},
        {HALLMARK_ERECALLED, 107, 1, "HM_ERECALLED"},
        {HALLMARK_EUSAGE, 201, 2, "HM_EUSAGE"},
        {HALLMARK_ENOTFOUND, 301, 3, "HM_ENOTFOUND"},
        {HALLMARK_ENETWORK, 302, 3, "HM_ENETWORK"},
        {HALLMARK_EEXPIRED, 303, 3, "HM_EEXPIRED"},
        {HALLMARK_ECLOCK, 304, 3, "HM_ECLOCK"},
        {HALLMARK_EBUSY, 305, 3, "HM_EBUSY"},
        {HALLMARK_EINPUT, 306, 3, "HM_EINPUT"},
        {HALLMARK_EAGAIN, 307, 3, "HM_EAGAIN"},
        {HALLMARK_ENOMEM, 401, 4, "HM_ENOMEM"},
        {HALLMARK_EIO, 402, 4, "HM_EIO"},
        {HALLMARK_EINTERNAL, 403, 4, "HM_EINTERNAL"},
        {(enum hallmark_status)199, 199, 1, "HM_E?"}, /* of a later library */
        {(enum hallmark_status)7, 7, 4, "HM_E?"},
        {(enum hallmark_status)500, 500, 4, "HM_E?"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal((int)cases[i].status, cases[i].number);
        assert_int_equal(hallmark_status_class(cases[i].status), cases[i].class);
        assert_string_equal(hallmark_status_name(cases[i].status), cases[i].name);
    }
    assert_true(strspn(hallmark_version(), "0123456789.") == strlen(hallmark_version()));
    assert_string_equal(hallmark_grade_text(HALLMARK_GRADE_PINNED), "maker, pinned");
    assert_string_equal(hallmark_grade_text(HALLMARK_GRADE_ATTESTED), "vendor-attested");
    assert_string_equal(hallmark_grade_text((enum hallmark_grade)9), "none");
    assert_int_equal(HALLMARK_LOG_UNLOGGED, 0);
    assert_int_equal(HALLMARK_LOG_UNWITNESSED, 1);
    assert_int_equal(HALLMARK_LOG_WITNESSED, 2);
    assert_string_equal(hallmark_log_text(HALLMARK_LOG_UNLOGGED), "unlogged");
    assert_string_equal(hallmark_log_text(HALLMARK_LOG_UNWITNESSED), "unwitnessed");
    assert_string_equal(hallmark_log_text(HALLMARK_LOG_WITNESSED), "witnessed");
    assert_string_equal(hallmark_log_text((enum hallmark_log)9), "unlogged");
}

static void test_sha256__is_that_of_the_standard(void **state)
{
    /* FIPS 180-4's example: "abc". */
    static const uint8_t abc[HALLMARK_SHA256_SIZE] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
        0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
        0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    struct fixture *f = *state;
    uint8_t sha256[HALLMARK_SHA256_SIZE] = {0};
    uint64_t size = 77;
    char path[128];
    int fd, folder;

    assert_int_equal(hallmark_sha256_buffer("abc", 3, NULL, sha256), HALLMARK_OK);
    assert_memory_equal(sha256, abc, sizeof(abc));
    assert_int_equal(hallmark_sha256_buffer(NULL, 0, NULL, sha256), HALLMARK_OK);
    assert_int_equal(sha256[0], 0xe3);
    write_file(f, "abc", "xabc", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 1, SEEK_SET), 1); /* what is left */
    assert_int_equal(hallmark_sha256_fd(fd, f->error, sha256, &size), HALLMARK_OK);
    assert_memory_equal(sha256, abc, sizeof(abc));
    assert_int_equal(size, 3);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0); /* still open */
    assert_int_equal(hallmark_sha256_fd(fd, NULL, sha256, NULL), HALLMARK_OK);
    assert_int_equal(close(fd), 0);
    /* failures write nothing */
    memcpy(sha256, abc, sizeof(abc));
    size = 77;
    folder = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(hallmark_sha256_fd(folder, f->error, sha256, &size), HALLMARK_EINPUT);
    assert_int_equal(hallmark_error_status(f->error), HALLMARK_EINPUT);
    assert_true(hallmark_error_text(f->error)[0] != '\0');
    assert_int_equal(close(folder), 0);
    assert_int_equal(hallmark_sha256_fd(folder, f->error, sha256, &size), HALLMARK_EIO);
    assert_memory_equal(sha256, abc, sizeof(abc));
    assert_int_equal(size, 77);
    /* and the next call that works clears the error */
    assert_int_equal(hallmark_sha256_buffer("abc", 3, f->error, sha256), HALLMARK_OK);
    assert_int_equal(hallmark_error_status(f->error), HALLMARK_OK);
    assert_string_equal(hallmark_error_text(f->error), "");
}

static void test_trust_fingerprint__is_of_a_trust_file_alone(void **state)
{
    static char data[1048577];
    struct fixture *f = *state;
    uint8_t fingerprint[HALLMARK_SHA256_SIZE] = {0}, sha256[HALLMARK_SHA256_SIZE];
    char text[HALLMARK_FINGERPRINT_TEXT_SIZE], path[128];
    char *at;
    size_t size;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/hallmark.trust", f->dir);
    file = fopen(path, "r");
    assert_non_null(file);
    size = fread(data, 1, sizeof(data) - 1, file);
    assert_int_equal(fclose(file), 0);
    data[size] = '\0';
    assert_int_equal(hallmark_trust_fingerprint(data, size, f->error, fingerprint), HALLMARK_OK);
    assert_int_equal(hallmark_sha256_buffer(data, size, NULL, sha256), HALLMARK_OK);
    assert_memory_equal(fingerprint, sha256, sizeof(sha256));
    assert_int_equal(hallmark_fingerprint_text(fingerprint, f->error, text), HALLMARK_OK);
    assert_int_equal(strlen(text), HALLMARK_FINGERPRINT_TEXT_SIZE - 1);
    assert_int_equal(text[8], ' ');

    assert_int_equal(hallmark_trust_fingerprint(data, size / 2, f->error, fingerprint),
                     HALLMARK_EFORMAT);
    assert_int_equal(hallmark_trust_fingerprint("{}", 2, f->error, fingerprint), HALLMARK_EFORMAT);
    assert_int_equal(hallmark_trust_fingerprint("", 0, f->error, fingerprint), HALLMARK_EFORMAT);
    assert_int_equal(hallmark_trust_fingerprint(NULL, 0, f->error, fingerprint), HALLMARK_EFORMAT);
    at = strstr(data, "\"site\":\"globex\"");
    assert_non_null(at);
    memcpy(at, "\"site\":\"glubex\"", 15);
    assert_int_equal(
        hallmark_status_class(hallmark_trust_fingerprint(data, size, f->error, fingerprint)), 1);
    memset(data, ' ', sizeof(data));
    assert_int_equal(hallmark_trust_fingerprint(data, sizeof(data), f->error, fingerprint),
                     HALLMARK_EFORMAT);
    assert_memory_equal(fingerprint, sha256, sizeof(sha256)); /* never written */
}

/* ---- homes ----------------------------------------------------------------------------------- */

static void test_home_open__needs_a_folder_with_a_site(void **state)
{
    struct fixture *f = *state;
    struct hallmark_home *home = (struct hallmark_home *)f;
    char path[128];

    assert_int_equal(hallmark_home_open(f->home, f->error, &home), HALLMARK_EINPUT);
    assert_non_null(strstr(hallmark_error_text(f->error), "trust add"));
    assert_int_equal(hallmark_home_open(f->dir, f->error, &home), HALLMARK_EINPUT);
    assert_int_equal(hallmark_home_open("", f->error, &home), HALLMARK_EUSAGE);
    write_file(f, "format", "hallmark-home 1\n", path);
    assert_int_equal(hallmark_home_open(f->dir, f->error, &home), HALLMARK_EINPUT);
    assert_non_null(strstr(hallmark_error_text(f->error), "no site is trusted"));
    write_file(f, "format", "hallmark-home 999\n", path);
    assert_int_equal(hallmark_home_open(f->dir, f->error, &home), HALLMARK_EREFUSED);
    assert_int_equal(hallmark_home_open(path, f->error, &home), HALLMARK_EINPUT); /* a file */
    assert_ptr_equal(home, f); /* never written */
}

static void test_home_open__takes_the_default(void **state)
{
    struct fixture *f = *state;
    struct hallmark_home *home = NULL;

    assert_int_equal(setenv("HALLMARK_HOME", f->home, 1), 0);
    assert_int_equal(hallmark_home_open(NULL, f->error, &home), HALLMARK_OK);
    hallmark_home_close(home);
    assert_int_equal(setenv("HALLMARK_HOME", "/nonexistent", 1), 0);
    assert_int_equal(hallmark_home_open(NULL, f->error, &home), HALLMARK_EINPUT);
    assert_int_equal(unsetenv("HALLMARK_HOME"), 0);
}

/* ---- verifying ------------------------------------------------------------------------------- */

static void test_verify__tells_every_place_of_good_bytes(void **state)
{
    static const char *const paths[] = {BOOT, COPY};
    struct fixture *f = *state;
    struct hallmark_home *home = open_home(f);
    struct hallmark_result *result;

    assert_int_equal(verify(f, home, "boot one", NULL, &result), HALLMARK_OK);
    hallmark_home_close(home); /* a result outlives it */
    assert_string_equal(hallmark_result_text(result), "");
    assert_age(hallmark_result_age_s(result), 0);
    assert_int_equal(hallmark_result_match_count(result), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct hallmark_match *match = hallmark_result_match(result, i);

        assert_int_equal(hallmark_match_status(match), HALLMARK_OK);
        assert_string_equal(hallmark_match_text(match), "");
        assert_string_equal(hallmark_match_site(match), "globex");
        assert_string_equal(hallmark_match_path(match), paths[i]);
        assert_int_equal(hallmark_match_length(match), strlen("boot one"));
        assert_int_equal(hallmark_match_grade(match), HALLMARK_GRADE_INTRODUCED);
        assert_age(hallmark_match_age_s(match), 0);
        assert_int_equal(hallmark_match_log(match), HALLMARK_LOG_UNLOGGED);
        assert_int_equal(hallmark_match_log_cosigned(match), 0);
        assert_int_equal(hallmark_match_log_age_s(match), -1);
        assert_false(hallmark_match_is_trial(match));
    }
    assert_null(hallmark_result_match(result, 2));
    assert_null(hallmark_result_match(result, SIZE_MAX));
    hallmark_result_free(result);
}

static void test_verify__says_no(void **state)
{
    struct fixture *f = *state;
    struct hallmark_home *home = open_home(f);
    const struct hallmark_match *match;
    struct hallmark_result *result;
    uint8_t sha256[HALLMARK_SHA256_SIZE];

    assert_int_equal(verify(f, home, "evil", "/some/boot.rom", &result), HALLMARK_EMISMATCH);
    assert_int_equal(hallmark_result_match_count(result), 0);
    hallmark_result_free(result);
    assert_int_equal(verify(f, home, "evil", "other.rom", &result), HALLMARK_EUNKNOWN);
    hallmark_result_free(result);
    assert_int_equal(verify(f, home, "evil", "", &result), HALLMARK_EUNKNOWN);
    hallmark_result_free(result);
    assert_int_equal(verify(f, home, "evil", NULL, &result), HALLMARK_EUNKNOWN);
    assert_non_null(strstr(hallmark_result_text(result), "unknown"));
    assert_age(hallmark_result_age_s(result), 0);
    hallmark_result_free(result);
    /* the right digest with another size is not the file */
    assert_int_equal(hallmark_sha256_buffer("boot one", 8, NULL, sha256), HALLMARK_OK);
    assert_int_equal(hallmark_verify_digest(home, sha256, 9, NULL, NULL, NULL), HALLMARK_EUNKNOWN);
    assert_int_equal(hallmark_verify_digest(home, sha256, 8, NULL, NULL, NULL), HALLMARK_OK);
    /* the vendor alone signed it */
    assert_int_equal(verify(f, home, "vendor alone", "boot.rom", &result), HALLMARK_EREFUSED);
    assert_int_equal(hallmark_result_match_count(result), 1);
    match = hallmark_result_match(result, 0);
    assert_int_equal(hallmark_match_status(match), HALLMARK_EREFUSED);
    assert_int_equal(hallmark_match_grade(match), HALLMARK_GRADE_NONE);
    assert_int_equal(hallmark_match_length(match), strlen("vendor alone"));
    assert_non_null(strstr(hallmark_match_text(match), "only the vendor"));
    hallmark_result_free(result);
    hallmark_home_close(home);
}

static void test_verify__cannot_tell_from_damaged_state(void **state)
{
    struct fixture *f = *state;
    struct hallmark_result *result;
    struct hallmark_home *home;
    char path[128];

    write_file(f, "home/sites/globex/metadata/snapshot.json", "{}", path);
    home = open_home(f);
    assert_int_equal(hallmark_status_class(verify(f, home, "boot one", "boot.rom", &result)), 3);
    assert_int_equal(hallmark_result_age_s(result), -1);
    assert_int_equal(hallmark_result_match_count(result), 0);
    hallmark_result_free(result);
    hallmark_home_close(home);
}

static void test_verify__tells_the_age_and_minds_the_clock(void **state)
{
    struct fixture *f = *state;
    struct hallmark_home *home;
    struct hallmark_result *result;

    forget_home(f->home);
    assert_int_equal(run(home_maker, f->dir, "864000"), 0);
    home = open_home(f);
    assert_int_equal(verify(f, home, "boot one", NULL, &result), HALLMARK_OK);
    assert_age(hallmark_result_age_s(result), INT64_C(10) * DAY_S);
    assert_age(hallmark_match_age_s(hallmark_result_match(result, 0)), INT64_C(10) * DAY_S);
    hallmark_result_free(result);
    hallmark_home_close(home);
    forget_home(f->home);
    assert_int_equal(run(home_maker, f->dir, "-86400"), 0);
    home = open_home(f);
    assert_int_equal(verify(f, home, "boot one", NULL, &result), HALLMARK_ECLOCK);
    assert_int_equal(hallmark_result_age_s(result), -1);
    hallmark_result_free(result);
    hallmark_home_close(home);
}

static void test_verify__examines_nothing_it_cannot_read(void **state)
{
    struct fixture *f = *state;
    struct hallmark_home *home = open_home(f);
    struct hallmark_result *result = (struct hallmark_result *)f;
    int folder = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(hallmark_verify_fd(home, folder, "the\nname", f->error, &result),
                     HALLMARK_EINPUT);
    assert_null(result);
    assert_non_null(strstr(hallmark_error_text(f->error), "the\\x0aname"));
    assert_int_equal(close(folder), 0);
    assert_int_equal(hallmark_verify_fd(home, folder, NULL, f->error, &result), HALLMARK_EIO);
    assert_null(result);
    hallmark_home_close(home);
}

static void test_null__is_refused_or_harmless(void **state)
{
    static const uint8_t sha256[HALLMARK_SHA256_SIZE] = {0};
    struct fixture *f = *state;
    struct hallmark_home *home = open_home(f);
    struct hallmark_result *result = (struct hallmark_result *)f;
    uint8_t digest[HALLMARK_SHA256_SIZE];
    char text[HALLMARK_FINGERPRINT_TEXT_SIZE];

    assert_int_equal(hallmark_home_open(f->home, f->error, NULL), HALLMARK_EUSAGE);
    assert_non_null(strstr(hallmark_error_text(f->error), "hallmark_home_open"));
    assert_int_equal(hallmark_sha256_buffer(NULL, 1, NULL, digest), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_sha256_buffer("a", 1, NULL, NULL), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_sha256_fd(-1, NULL, digest, NULL), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_sha256_fd(0, NULL, NULL, NULL), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_trust_fingerprint(NULL, 1, NULL, digest), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_trust_fingerprint("{}", 2, NULL, NULL), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_fingerprint_text(NULL, NULL, text), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_fingerprint_text(sha256, NULL, NULL), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_verify_digest(NULL, sha256, 1, NULL, NULL, &result), HALLMARK_EUSAGE);
    assert_null(result);
    result = (struct hallmark_result *)f;
    assert_int_equal(hallmark_verify_digest(home, NULL, 1, NULL, f->error, &result),
                     HALLMARK_EUSAGE);
    assert_null(result);
    assert_int_equal(hallmark_verify_fd(NULL, 0, NULL, NULL, NULL), HALLMARK_EUSAGE);
    assert_int_equal(hallmark_verify_fd(home, -1, NULL, NULL, NULL), HALLMARK_EUSAGE);
    hallmark_home_close(home);

    hallmark_home_close(NULL);
    hallmark_error_free(NULL);
    hallmark_result_free(NULL);
    assert_int_equal(hallmark_error_status(NULL), HALLMARK_OK);
    assert_string_equal(hallmark_error_text(NULL), "");
    assert_int_equal(hallmark_result_status(NULL), HALLMARK_EUSAGE);
    assert_string_equal(hallmark_result_text(NULL), "");
    assert_null(hallmark_result_sha256(NULL));
    assert_int_equal(hallmark_result_size(NULL), 0);
    assert_int_equal(hallmark_result_age_s(NULL), -1);
    assert_int_equal(hallmark_result_match_count(NULL), 0);
    assert_null(hallmark_result_match(NULL, 0));
    assert_int_equal(hallmark_match_status(NULL), HALLMARK_EUSAGE);
    assert_string_equal(hallmark_match_text(NULL), "");
    assert_string_equal(hallmark_match_site(NULL), "");
    assert_string_equal(hallmark_match_path(NULL), "");
    assert_int_equal(hallmark_match_length(NULL), 0);
    assert_int_equal(hallmark_match_grade(NULL), HALLMARK_GRADE_NONE);
    assert_int_equal(hallmark_match_age_s(NULL), -1);
    assert_int_equal(hallmark_match_log(NULL), HALLMARK_LOG_UNLOGGED);
    assert_int_equal(hallmark_match_log_cosigned(NULL), 0);
    assert_int_equal(hallmark_match_log_age_s(NULL), -1);
    assert_false(hallmark_match_is_trial(NULL));
}

static void test_example__exits_with_the_class(void **state)
{
    struct fixture *f = *state;
    char good[128], bad[128], missing[128];

    write_file(f, "good", "boot one", good);
    write_file(f, "boot.rom", "evil", bad);
    (void)snprintf(missing, sizeof(missing), "%s/missing", f->dir);
    assert_int_equal(run(example, good, f->home), 0);
    assert_int_equal(run(example, bad, f->home), 1);
    assert_int_equal(run(example, NULL, NULL), 2);
    assert_int_equal(run(example, missing, f->home), 3);
    assert_int_equal(run(example, good, missing), 3);
    forget_home(f->home);
    assert_int_equal(run(home_maker, f->dir, "3456000"), 0);
    assert_int_equal(run(example, good, f->home), 3); /* its own rule: too old */
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status__has_stable_numbers_and_classes),
        cmocka_unit_test_setup_teardown(test_sha256__is_that_of_the_standard, set_up_folder,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_trust_fingerprint__is_of_a_trust_file_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_home_open__needs_a_folder_with_a_site, set_up_folder,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_home_open__takes_the_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verify__tells_every_place_of_good_bytes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__says_no, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_verify__cannot_tell_from_damaged_state, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__tells_the_age_and_minds_the_clock, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_verify__examines_nothing_it_cannot_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_null__is_refused_or_harmless, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_example__exits_with_the_class, set_up, tear_down),
    };

    if (argc != 3)
        return 2;
    home_maker = argv[1];
    example = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
