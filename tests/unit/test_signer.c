/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crypto/signer: every kind signs what its public half verifies; files go both ways between here
 * and the openssl command (where it is installed); all keys are made on the spot.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/pem.h"
#include "crypto/signer.h"

#define MESSAGE HM_BYTES_LITERAL("Hallmark test message")

extern char **environ;

static char folder[] = "/tmp/test_signer.XXXXXX";

/* A path in the test's folder; static storage for two at a time. */
static const char *path_of(const char *name)
{
    static char paths[2][128];
    static int next;
    char *path = paths[next ^= 1];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, mode_t mode, struct hm_bytes bytes)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.data, bytes.size), bytes.size);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

/* Runs "openssl ARGUMENTS" (split at spaces) in the folder. True if it succeeds; skips the test
 * where there is no such command. */
static bool run_openssl(const char *arguments)
{
    char text[512];
    char *argv[32] = {NULL};
    size_t count = 0;
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;

    (void)snprintf(text, sizeof(text), "openssl %s", arguments);
    for (char *at = text; at != NULL && count < HM_ARRAY_COUNT(argv) - 1;) {
        argv[count++] = at;
        at = strchr(at, ' ');
        if (at != NULL)
            *at++ = '\0';
    }
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, folder), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0), 0);
    status = posix_spawnp(&child, "openssl", &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (status == ENOENT) {
        print_message("no openssl command: skipped\n");
        skip();
    }
    assert_int_equal(status, 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Answers with words[attempt]; counts. */
struct answers {
    const char *words[4]; /* NULL: fail with HM_EINPUT */
    int count;
};

static enum hm_rc answer(void *ctx, const char *path, int attempt, struct hm_err *err,
                         struct hm_secret *ret_passphrase)
{
    struct answers *answers = ctx;
    const char *word;

    assert_non_null(path);
    assert_int_equal(attempt, answers->count);
    assert_true(attempt < 4);
    answers->count++;
    word = answers->words[attempt];
    if (word == NULL)
        return hm_fail(err, HM_EINPUT, "no more");
    HM_TRY(hm_secret_init(ret_passphrase, strlen(word) + 1, err));
    memcpy(ret_passphrase->data, word, strlen(word));
    ret_passphrase->size = strlen(word);
    return HM_OK;
}

static struct hm_signer *generate(const char *kind)
{
    struct hm_signer *signer = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_signer_generate(kind, &err, &signer) != HM_OK)
        fail_msg("%s: %s", kind, err.text);
    return signer;
}

/* Signs and verifies, also with the message and the signature changed. */
static void assert_signs(const struct hm_signer *signer)
{
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    const struct hm_key *key = hm_signer_key(signer);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_signer_sign(signer, MESSAGE, &err, &signature), HM_OK);
    assert_int_equal(hm_key_verify(key, MESSAGE, hm_buf_bytes(&signature), &err), HM_OK);
    assert_int_equal(hm_key_verify(key, HM_BYTES_EMPTY, hm_buf_bytes(&signature), &err),
                     HM_ESIGNATURE);
    signature.data[signature.size / 2] ^= 1;
    assert_int_equal(hm_key_verify(key, MESSAGE, hm_buf_bytes(&signature), &err), HM_ESIGNATURE);
}

static void assert_same_key(const struct hm_signer *a, const struct hm_signer *b)
{
    assert_string_equal(hm_key_id(hm_signer_key(a)), hm_key_id(hm_signer_key(b)));
    assert_string_equal(hm_key_public(hm_signer_key(a)), hm_key_public(hm_signer_key(b)));
}

static void test_generate__each_kind_signs(void **state)
{
    static const struct {
        const char *kind;
        const char *scheme;
    } kinds[] = {
        {"ed25519", "ed25519"},
        {"ecdsa-p256", "ecdsa-sha2-nistp256"},
        {"ecdsa-p384", "ecdsa-sha2-nistp384"},
        {"rsa-3072", "rsassa-pss-sha256"},
        {"rsa-4096", "rsassa-pss-sha256"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *signer = generate(kinds[i].kind);

        assert_string_equal(hm_key_scheme(hm_signer_key(signer)), kinds[i].scheme);
        assert_signs(signer);
    }
}

static void test_generate__ml_dsa_needs_a_newer_openssl(void **state)
{
    static const char *const kinds[] = {"ml-dsa-44", "ml-dsa-65"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
        _hm_free_(hm_signer_free) struct hm_signer *back = NULL;
        _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc = hm_signer_generate(kinds[i], &err, &signer);

        if (rc == HM_EUNKNOWN) {
            assert_null(signer);
            continue;
        }
        assert_int_equal(rc, HM_OK);
        assert_signs(signer);
        assert_int_equal(hm_signer_write(signer, NULL, &err, &pem), HM_OK);
        assert_int_equal(
            hm_signer_parse("x", hm_bytes_make(pem.data, pem.size), NULL, NULL, &err, &back),
            HM_OK);
        assert_same_key(signer, back);
    }
}

static void test_generate__refuses_other_kinds(void **state)
{
    static const char *const kinds[] = {"", "ED25519", "rsa", "rsa-1024", "ecdsa-p521", "x25519"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        struct hm_signer *signer = NULL;
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(hm_signer_generate(kinds[i], &err, &signer), HM_EUSAGE);
        assert_null(signer);
    }
}

static void test_sign__appends_or_leaves_alone(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = generate("ed25519");
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(66);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_buf_append_str(&signature, "xy", &err), HM_OK);
    assert_int_equal(hm_signer_sign(signer, MESSAGE, &err, &signature), HM_OK);
    assert_int_equal(signature.size, 66);
    assert_memory_equal(signature.data, "xy", 2);
    assert_int_equal(hm_signer_sign(signer, MESSAGE, &err, &signature), HM_EFORMAT);
    assert_int_equal(signature.size, 66);
}

static void test_sign__of_nothing_is_possible(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = generate("ed25519");
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(64);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_signer_sign(signer, HM_BYTES_EMPTY, &err, &signature), HM_OK);
    assert_int_equal(
        hm_key_verify(hm_signer_key(signer), HM_BYTES_EMPTY, hm_buf_bytes(&signature), &err),
        HM_OK);
}

static void test_write__without_passphrase_reads_back(void **state)
{
    static const char *const kinds[] = {"ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *signer = generate(kinds[i]);
        _hm_free_(hm_signer_free) struct hm_signer *back = NULL;
        _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
        struct hm_secret empty = HM_SECRET_INIT;
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(hm_signer_write(signer, &empty, &err, &pem), HM_OK);
        assert_true(hm_pem_has_label(hm_bytes_make(pem.data, pem.size), "PRIVATE KEY"));
        assert_int_equal(
            hm_signer_parse("x", hm_bytes_make(pem.data, pem.size), answer, NULL, &err, &back),
            HM_OK);
        assert_same_key(signer, back);
        assert_signs(back);
    }
}

/* An encrypted key under "correct horse". */
static void make_encrypted(struct hm_signer **ret_signer, struct hm_secret *ret_pem)
{
    _hm_done_(hm_secret_done) struct hm_secret passphrase = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;

    *ret_signer = generate("ed25519");
    assert_int_equal(hm_secret_init(&passphrase, 13, &err), HM_OK);
    memcpy(passphrase.data, "correct horse", 13);
    passphrase.size = 13;
    assert_int_equal(hm_signer_write(*ret_signer, &passphrase, &err, ret_pem), HM_OK);
    assert_true(
        hm_pem_has_label(hm_bytes_make(ret_pem->data, ret_pem->size), "ENCRYPTED PRIVATE KEY"));
}

static void test_parse__asks_for_the_passphrase_up_to_three_times(void **state)
{
    static const struct {
        struct answers answers;
        enum hm_rc rc;
        int count;
    } cases[] = {
        {{{"correct horse"}, 0}, HM_OK, 1},
        {{{"wrong", "correct horse"}, 0}, HM_OK, 2},
        {{{"wrong", "", "correct horse"}, 0}, HM_OK, 3},
        {{{"wrong", "wrong", "correct horsE", "correct horse"}, 0}, HM_EFORMAT, 3},
        {{{"correct horse ", "correct hors", "CORRECT HORSE", NULL}, 0}, HM_EFORMAT, 3},
        {{{NULL}, 0}, HM_EINPUT, 1},
        {{{"wrong", NULL}, 0}, HM_EINPUT, 2},
    };
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;

    make_encrypted(&signer, &pem);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *back = NULL;
        struct answers answers = cases[i].answers;
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(
            hm_signer_parse("x", hm_bytes_make(pem.data, pem.size), answer, &answers, &err, &back),
            cases[i].rc);
        assert_int_equal(answers.count, cases[i].count);
        if (cases[i].rc == HM_OK)
            assert_same_key(signer, back);
        else
            assert_null(back);
    }
}

static void test_parse__encrypted_without_a_way_to_ask(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_free_(hm_signer_free) struct hm_signer *back = NULL;
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;

    make_encrypted(&signer, &pem);
    assert_int_equal(
        hm_signer_parse("x", hm_bytes_make(pem.data, pem.size), NULL, NULL, &err, &back),
        HM_EINPUT);
}

/* Two files of one key under one passphrase have nothing in common but their beginnings. */
static void test_write__salts(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *a = NULL;
    _hm_done_(hm_secret_done) struct hm_secret pem_a = HM_SECRET_INIT;
    _hm_done_(hm_secret_done) struct hm_secret pem_b = HM_SECRET_INIT;
    _hm_done_(hm_secret_done) struct hm_secret passphrase = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;

    make_encrypted(&a, &pem_a);
    assert_int_equal(hm_secret_init(&passphrase, 13, &err), HM_OK);
    memcpy(passphrase.data, "correct horse", 13);
    passphrase.size = 13;
    assert_int_equal(hm_signer_write(a, &passphrase, &err, &pem_b), HM_OK);
    assert_int_equal(pem_a.size, pem_b.size);
    assert_memory_not_equal(pem_a.data, pem_b.data, pem_a.size);
}

static void test_parse__refuses_what_is_no_private_key(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "hello",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++) {
        struct hm_signer *signer = NULL;
        struct hm_err err = HM_ERR_INIT;
        struct answers answers = {{"a", "b", "c"}, 0};

        assert_int_equal(
            hm_signer_parse("x", hm_bytes_str(texts[i]), answer, &answers, &err, &signer),
            HM_EFORMAT);
        assert_null(signer);
    }
}

static enum hm_rc parse_der(struct hm_bytes der, struct hm_signer **ret_signer)
{
    uint8_t text[8192];
    struct hm_err err = HM_ERR_INIT;

    assert_true(hm_pem_text_size("PRIVATE KEY", der.size) <= sizeof(text));
    hm_pem_encode("PRIVATE KEY", der, text);
    return hm_signer_parse("x", hm_bytes_make(text, hm_pem_text_size("PRIVATE KEY", der.size)),
                           NULL, NULL, &err, ret_signer);
}

/* The DER of a fresh key's file. */
static size_t make_der(const char *kind, uint8_t der[4096])
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = generate(kind);
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;
    size_t size = 0;

    assert_int_equal(hm_signer_write(signer, NULL, &err, &pem), HM_OK);
    assert_true(pem.size <= 4096);
    assert_int_equal(
        hm_pem_decode(hm_bytes_make(pem.data, pem.size), "PRIVATE KEY", &err, der, &size), HM_OK);
    return size;
}

static void test_parse__refuses_cut_and_prolonged_keys(void **state)
{
    static const char *const kinds[] = {"ed25519", "ecdsa-p256"};
    uint8_t der[4096];

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        size_t size = make_der(kinds[i], der);
        struct hm_signer *signer = NULL;

        for (size_t cut = 1; cut < size; cut++)
            assert_int_equal(parse_der(hm_bytes_make(der, cut), &signer), HM_EFORMAT);
        der[size] = 0;
        assert_int_equal(parse_der(hm_bytes_make(der, size + 1), &signer), HM_EFORMAT);
        assert_null(signer);
    }
}

/* Whatever byte is changed: refused, or a key that signs for its own public half, or none that
 * signs. */
static void test_parse__survives_each_changed_byte(void **state)
{
    static const char *const kinds[] = {"ed25519", "ecdsa-p256"};
    uint8_t der[4096];

    for (size_t i = 0; i < HM_ARRAY_COUNT(kinds); i++) {
        size_t size = make_der(kinds[i], der);

        for (size_t at = 0; at < size; at++) {
            _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
            _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(200);
            enum hm_rc rc;

            der[at] ^= 1;
            rc = parse_der(hm_bytes_make(der, size), &signer);
            if (rc == HM_OK) {
                rc = hm_signer_sign(signer, MESSAGE, NULL, &signature);
                assert_true(rc == HM_OK || rc == HM_EINTERNAL);
            } else {
                assert_true(rc == HM_EFORMAT || rc == HM_EUNKNOWN);
            }
            der[at] ^= 1;
        }
    }
}

/* The file of an EC key ends with its public point. */
static void test_sign__gives_nothing_for_halves_that_differ(void **state)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(200);
    uint8_t a[4096];
    uint8_t b[4096];
    size_t size = make_der("ecdsa-p256", a);
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(make_der("ecdsa-p256", b), size);
    memcpy(a + size - 65, b + size - 65, 65);
    assert_int_equal(parse_der(hm_bytes_make(a, size), &signer), HM_OK);
    assert_int_equal(hm_signer_sign(signer, MESSAGE, &err, &signature), HM_EINTERNAL);
    assert_int_equal(signature.size, 0);
}

static void test_load__reads_private_files_only(void **state)
{
    static const struct {
        mode_t mode;
        enum hm_rc rc;
    } cases[] = {
        {0600, HM_OK},       {0400, HM_OK},       {0640, HM_EREFUSED}, {0604, HM_EREFUSED},
        {0660, HM_EREFUSED}, {0610, HM_EREFUSED}, {0602, HM_EREFUSED}, {0644, HM_EREFUSED},
    };
    _hm_free_(hm_signer_free) struct hm_signer *signer = generate("ed25519");
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_signer_write(signer, NULL, &err, &pem), HM_OK);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *back = NULL;

        (void)unlink(path_of("mode.pem"));
        write_file("mode.pem", cases[i].mode, hm_bytes_make(pem.data, pem.size));
        assert_int_equal(hm_signer_load(path_of("mode.pem"), NULL, NULL, &err, &back), cases[i].rc);
        if (cases[i].rc == HM_OK)
            assert_same_key(signer, back);
    }
}

static void test_load__names_the_file_that_is_missing_or_bad(void **state)
{
    struct hm_signer *signer = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_signer_load(path_of("none.pem"), NULL, NULL, &err, &signer), HM_EINPUT);
    assert_non_null(strstr(err.text, "none.pem"));
    write_file("bad.pem", 0600, HM_BYTES_LITERAL("hello\n"));
    assert_int_equal(hm_signer_load(path_of("bad.pem"), NULL, NULL, &err, &signer), HM_EFORMAT);
    assert_non_null(strstr(err.text, "bad.pem"));
    assert_null(signer);
}

static void test_write__openssl_reads_it(void **state)
{
    static const char *const kinds[] = {"ed25519", "ecdsa-p256", "ecdsa-p384", "rsa-3072"};

    for (size_t i = 0; i < 2 * HM_ARRAY_COUNT(kinds); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *signer = generate(kinds[i / 2]);
        _hm_done_(hm_secret_done) struct hm_secret passphrase = HM_SECRET_INIT;
        _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
        _hm_done_(hm_buf_done) struct hm_buf expected = HM_BUF_INIT(4096);
        struct hm_err err = HM_ERR_INIT;
        char got[4096] = "";
        int fd;

        assert_int_equal(hm_secret_init(&passphrase, 4, &err), HM_OK);
        memcpy(passphrase.data, "test", 4);
        passphrase.size = 4;
        assert_int_equal(hm_signer_write(signer, i % 2 == 0 ? NULL : &passphrase, &err, &pem),
                         HM_OK);
        write_file("ours.pem", 0600, hm_bytes_make(pem.data, pem.size));
        assert_true(run_openssl("pkey -in ours.pem -passin pass:test -pubout -out ours.pub"));
        assert_int_equal(hm_key_write_pem(hm_signer_key(signer), &err, &expected), HM_OK);
        fd = open(path_of("ours.pub"), O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_true(read(fd, got, sizeof(got) - 1) > 0);
        (void)close(fd);
        assert_string_equal(got, hm_buf_str(&expected));
    }
    assert_false(run_openssl("pkey -in ours.pem -passin pass:wrong -noout"));
}

static void test_load__reads_what_openssl_writes(void **state)
{
    static const char *const commands[] = {
        "genpkey -algorithm ed25519 -out theirs.pem",
        "genpkey -algorithm ed25519 -aes256 -pass pass:test -out theirs.pem",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out theirs.pem",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -aes128 -pass pass:test "
        "-out theirs.pem",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt point-format:compressed "
        "-out theirs.pem",
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out theirs.pem",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(commands); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
        _hm_free_(hm_signer_free) struct hm_signer *again = NULL;
        struct answers answers = {{"test"}, 0};
        struct hm_err err = HM_ERR_INIT;

        assert_true(run_openssl(commands[i]));
        assert_int_equal(chmod(path_of("theirs.pem"), 0600), 0);
        if (hm_signer_load(path_of("theirs.pem"), answer, &answers, &err, &signer) != HM_OK)
            fail_msg("%s: %s", commands[i], err.text);
        assert_signs(signer);
        /* Other ways to encrypt the same key. */
        assert_true(run_openssl("pkcs8 -topk8 -in theirs.pem -passin pass:test -scrypt "
                                "-passout pass:test -out scrypt.pem"));
        assert_int_equal(chmod(path_of("scrypt.pem"), 0600), 0);
        answers.count = 0;
        assert_int_equal(hm_signer_load(path_of("scrypt.pem"), answer, &answers, &err, &again),
                         HM_OK);
        assert_int_equal(answers.count, 1);
        assert_same_key(signer, again);
    }
}

static void test_load__refuses_keys_of_openssl_that_are_not_for_signing_here(void **state)
{
    static const struct {
        const char *command;
        enum hm_rc rc;
    } cases[] = {
        {"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out other.pem", HM_EFORMAT},
        {"genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3 "
         "-out other.pem",
         HM_EFORMAT},
        {"genpkey -algorithm X25519 -out other.pem", HM_EUNKNOWN},
        {"genpkey -algorithm ED448 -out other.pem", HM_EUNKNOWN},
        {"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out other.pem", HM_EUNKNOWN},
        {"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "
         "-pkeyopt ec_param_enc:explicit -out other.pem",
         HM_EUNKNOWN},
        {"genrsa -traditional -out other.pem 2048", HM_EFORMAT},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_signer *signer = NULL;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        assert_true(run_openssl(cases[i].command));
        assert_int_equal(chmod(path_of("other.pem"), 0600), 0);
        rc = hm_signer_load(path_of("other.pem"), NULL, NULL, &err, &signer);
        if (rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].command, hm_error_name(rc));
        assert_null(signer);
    }
}

/* The openssl command verifies what is signed here. */
static void test_sign__openssl_verifies_it(void **state)
{
    static const struct {
        const char *kind;
        const char *command;
    } cases[] = {
        {"ed25519", "pkeyutl -verify -pubin -inkey k.pub -rawin -in m -sigfile s"},
        {"ecdsa-p256", "dgst -sha256 -verify k.pub -signature s m"},
        {"ecdsa-p384", "dgst -sha384 -verify k.pub -signature s m"},
        {"rsa-3072", "dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest "
                     "-verify k.pub -signature s m"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_signer_free) struct hm_signer *signer = generate(cases[i].kind);
        _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
        _hm_done_(hm_buf_done) struct hm_buf pem = HM_BUF_INIT(4096);
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(hm_signer_sign(signer, MESSAGE, &err, &signature), HM_OK);
        assert_int_equal(hm_key_write_pem(hm_signer_key(signer), &err, &pem), HM_OK);
        write_file("k.pub", 0644, hm_buf_bytes(&pem));
        write_file("m", 0644, MESSAGE);
        write_file("s", 0644, hm_buf_bytes(&signature));
        assert_true(run_openssl(cases[i].command));
        write_file("m", 0644, HM_BYTES_LITERAL("Hallmark test messagE"));
        assert_false(run_openssl(cases[i].command));
    }
}

static void test_free__takes_null(void **state)
{
    hm_signer_free(NULL);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"mode.pem",   "bad.pem",   "ours.pem", "ours.pub",
                                        "theirs.pem", "other.pem", "k.pub",    "m",
                                        "s",          "scrypt.pem"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        (void)unlink(path_of(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generate__each_kind_signs),
        cmocka_unit_test(test_generate__ml_dsa_needs_a_newer_openssl),
        cmocka_unit_test(test_generate__refuses_other_kinds),
        cmocka_unit_test(test_sign__appends_or_leaves_alone),
        cmocka_unit_test(test_sign__of_nothing_is_possible),
        cmocka_unit_test(test_write__without_passphrase_reads_back),
        cmocka_unit_test(test_parse__asks_for_the_passphrase_up_to_three_times),
        cmocka_unit_test(test_parse__encrypted_without_a_way_to_ask),
        cmocka_unit_test(test_write__salts),
        cmocka_unit_test(test_parse__refuses_what_is_no_private_key),
        cmocka_unit_test(test_parse__refuses_cut_and_prolonged_keys),
        cmocka_unit_test(test_parse__survives_each_changed_byte),
        cmocka_unit_test(test_sign__gives_nothing_for_halves_that_differ),
        cmocka_unit_test(test_load__reads_private_files_only),
        cmocka_unit_test(test_load__names_the_file_that_is_missing_or_bad),
        cmocka_unit_test(test_write__openssl_reads_it),
        cmocka_unit_test(test_load__reads_what_openssl_writes),
        cmocka_unit_test(test_load__refuses_keys_of_openssl_that_are_not_for_signing_here),
        cmocka_unit_test(test_sign__openssl_verifies_it),
        cmocka_unit_test(test_free__takes_null),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
