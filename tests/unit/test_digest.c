/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/digest: FIPS 180-4 examples, reuse, files and pipes. */
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/digest.h"

static void assert_hex(const uint8_t *bytes, size_t size, const char *hex)
{
    char got[2 * HM_SHA512_SIZE + 1] = "";

    assert_int_equal(strlen(hex), 2 * size);
    for (size_t i = 0; i < size; i++)
        (void)snprintf(got + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(got, hex);
}

/* FIPS 180-4 examples; the empty message of the NIST CAVP short vectors. */
static const struct {
    const char *text;
    const char *sha256;
    const char *sha512;
} vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
     "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
     "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
};

static void test_sha256__known_answers(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(vectors); i++) {
        struct hm_err err = HM_ERR_INIT;
        struct hm_sha256 got;

        assert_int_equal(hm_digest_sha256(hm_bytes_str(vectors[i].text), &err, &got), HM_OK);
        assert_hex(got.bytes, sizeof(got.bytes), vectors[i].sha256);
    }
}

/* FIPS 180-4 and CAVP, as above. */
static void test_sha384__known_answers(void **state)
{
    static const char *const answers[] = {
        "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
        "274edebfe76f65fbd51ad2f14898b95b",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
        "8086072ba1e7cc2358baeca134c825a7",
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(answers); i++) {
        struct hm_err err = HM_ERR_INIT;
        uint8_t got[HM_SHA384_SIZE + 1] = {0};

        got[HM_SHA384_SIZE] = 0xaa;
        assert_int_equal(
            hm_digest_bytes(HM_DIGEST_SHA384, hm_bytes_str(vectors[i].text), &err, got), HM_OK);
        assert_hex(got, HM_SHA384_SIZE, answers[i]);
        assert_int_equal(got[HM_SHA384_SIZE], 0xaa); /* nothing past it */
    }
}

static void test_sha512__known_answers(void **state)
{
    for (size_t i = 0; i < HM_ARRAY_COUNT(vectors); i++) {
        struct hm_err err = HM_ERR_INIT;
        struct hm_sha512 got;

        assert_int_equal(hm_digest_sha512(hm_bytes_str(vectors[i].text), &err, &got), HM_OK);
        assert_hex(got.bytes, sizeof(got.bytes), vectors[i].sha512);
    }
}

static void test_sha256__takes_null_for_nothing(void **state)
{
    struct hm_sha256 got;

    assert_int_equal(hm_digest_sha256(HM_BYTES_EMPTY, NULL, &got), HM_OK);
    assert_hex(got.bytes, sizeof(got.bytes), vectors[0].sha256);
}

static void test_final__starts_afresh(void **state)
{
    static const enum hm_digest_kind kinds[] = {HM_DIGEST_SHA256, HM_DIGEST_SHA512};

    for (size_t k = 0; k < HM_ARRAY_COUNT(kinds); k++) {
        enum hm_digest_kind kind = kinds[k];
        _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
        struct hm_err err = HM_ERR_INIT;
        uint8_t got[HM_SHA512_SIZE];

        assert_int_equal(hm_digest_new(kind, &err, &digest), HM_OK);
        for (size_t i = 0; i < HM_ARRAY_COUNT(vectors); i++) {
            /* Byte by byte, so that pieces are seen to add up. */
            for (size_t j = 0; vectors[i].text[j] != '\0'; j++)
                assert_int_equal(
                    hm_digest_update(digest, hm_bytes_make(vectors[i].text + j, 1), &err), HM_OK);
            assert_int_equal(hm_digest_final(digest, &err, got), HM_OK);
            assert_hex(got, kind == HM_DIGEST_SHA256 ? HM_SHA256_SIZE : HM_SHA512_SIZE,
                       kind == HM_DIGEST_SHA256 ? vectors[i].sha256 : vectors[i].sha512);
        }
    }
}

static void test_free__takes_null(void **state)
{
    hm_digest_free(NULL);
}

static void test_is_equal__tells_one_bit(void **state)
{
    struct hm_sha256 a = {{0}};
    struct hm_sha256 b = {{0}};

    assert_true(hm_digest_is_equal(&a, &b));
    b.bytes[HM_SHA256_SIZE - 1] = 1;
    assert_false(hm_digest_is_equal(&a, &b));
}

static void count_progress(void *ctx, uint64_t done)
{
    uint64_t *last = ctx;

    assert_true(done > *last);
    *last = done;
}

/* Sizes around the block, against the one-shot function. */
static void test_fd__equals_one_shot(void **state)
{
    static const size_t sizes[] = {0, 1, 131071, 131072, 131073, 300000};
    static uint8_t data[300000];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < HM_ARRAY_COUNT(sizes); i++) {
        struct hm_err err = HM_ERR_INIT;
        struct hm_sha256 expected;
        struct hm_sha256 got;
        uint64_t progress = 0;
        uint64_t size = 1;
        int fd = memfd_create("digest", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, sizes[i]), sizes[i]);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(hm_digest_sha256(hm_bytes_make(data, sizes[i]), &err, &expected), HM_OK);
        assert_int_equal(hm_digest_fd(fd, count_progress, &progress, &err, &got, &size), HM_OK);
        assert_true(hm_digest_is_equal(&expected, &got));
        assert_int_equal(size, sizes[i]);
        assert_int_equal(progress, sizes[i]);
        (void)close(fd);
    }
}

static void test_fd__reads_what_is_left(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 got;
    uint64_t size = 0;
    int fd = memfd_create("digest", MFD_CLOEXEC);

    assert_int_equal(write(fd, "xxabc", 5), 5);
    assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
    assert_int_equal(hm_digest_fd(fd, NULL, NULL, &err, &got, &size), HM_OK);
    assert_hex(got.bytes, sizeof(got.bytes), vectors[1].sha256);
    assert_int_equal(size, 3);
    (void)close(fd);
}

static void test_fd__reads_a_pipe(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 got;
    uint64_t size = 0;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    (void)close(ends[1]);
    assert_int_equal(hm_digest_fd(ends[0], NULL, NULL, &err, &got, &size), HM_OK);
    assert_hex(got.bytes, sizeof(got.bytes), vectors[1].sha256);
    assert_int_equal(size, 3);
    (void)close(ends[0]);
}

static void test_fd__a_bad_descriptor_writes_nothing(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 got = {{7}};
    uint64_t size = 7;

    assert_int_equal(hm_digest_fd(-1, NULL, NULL, &err, &got, &size), HM_EIO);
    assert_int_equal(got.bytes[0], 7);
    assert_int_equal(size, 7);
}

static void test_fd__a_folder_is_no_input(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 got;
    uint64_t size = 7;
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(hm_digest_fd(fd, NULL, NULL, &err, &got, &size), HM_EINPUT);
    assert_int_equal(size, 7);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256__known_answers),
        cmocka_unit_test(test_sha384__known_answers),
        cmocka_unit_test(test_sha512__known_answers),
        cmocka_unit_test(test_sha256__takes_null_for_nothing),
        cmocka_unit_test(test_final__starts_afresh),
        cmocka_unit_test(test_free__takes_null),
        cmocka_unit_test(test_is_equal__tells_one_bit),
        cmocka_unit_test(test_fd__equals_one_shot),
        cmocka_unit_test(test_fd__reads_what_is_left),
        cmocka_unit_test(test_fd__reads_a_pipe),
        cmocka_unit_test(test_fd__a_bad_descriptor_writes_nothing),
        cmocka_unit_test(test_fd__a_folder_is_no_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
