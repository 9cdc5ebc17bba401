/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest of a 1 GiB file beside "openssl dgst -sha256", and the verification of an Ed25519
 * signature beside the same by OpenSSL alone, with its key loaded and its context made each time.
 */
#include <openssl/evp.h>
#include <openssl/opensslv.h>

#include "bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/signer.h"

#define FILE_SIZE    ((off_t)1 << 30)
#define VERIFY_COUNT 2000
#define SHORT_COUNT  200000
#define SHORT_SIZE   65 /* a node of a hash tree */

extern char **environ;

static double digest_ms(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    double start = bench_cpu_ms();
    struct hm_sha256 sha256;
    uint64_t size = 0;

    BENCH_CHECK(hm_digest_fd(fd, NULL, NULL, NULL, &sha256, &size) == HM_OK);
    BENCH_CHECK(size == (uint64_t)FILE_SIZE);
    (void)close(fd);
    return bench_cpu_ms() - start;
}

static double timeval_ms(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

static double openssl_ms(char *path)
{
    char openssl[] = "openssl";
    char dgst[] = "dgst";
    char sha256[] = "-sha256";
    char *argv[] = {openssl, dgst, sha256, path, NULL};
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    int status;
    pid_t child;

    BENCH_CHECK(posix_spawn_file_actions_init(&actions) == 0);
    BENCH_CHECK(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) == 0);
    BENCH_CHECK(posix_spawnp(&child, "openssl", &actions, NULL, argv, environ) == 0);
    BENCH_CHECK(wait4(child, &status, 0, &usage) == child);
    BENCH_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    return timeval_ms(usage.ru_utime) + timeval_ms(usage.ru_stime);
}

static void bench_file(void)
{
    double ours[BENCH_ROUNDS];
    double theirs[BENCH_ROUNDS];
    char path[] = "/dev/shm/bench_digest.XXXXXX";
    int fd = mkstemp(path);

    BENCH_CHECK(fd >= 0);
    /* Sparse: the pages read are zeros, as quick to hash as others. */
    BENCH_CHECK(ftruncate(fd, FILE_SIZE) == 0);
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = digest_ms(path);
        theirs[i] = openssl_ms(path);
    }
    BENCH_CHECK(unlink(path) == 0);
    (void)close(fd);
    (void)bench_report_ratio("digest-1GiB-cpu", bench_median(ours, BENCH_ROUNDS), 1.05,
                             "openssl-dgst", bench_median(theirs, BENCH_ROUNDS));
}

static double verify_ms(const struct hm_key *key, struct hm_bytes message, struct hm_bytes sig)
{
    double start = bench_cpu_ms();

    for (size_t i = 0; i < VERIFY_COUNT; i++)
        BENCH_CHECK(hm_key_verify(key, message, sig, NULL) == HM_OK);
    return bench_cpu_ms() - start;
}

static double peer_verify_ms(EVP_PKEY *key, struct hm_bytes message, struct hm_bytes sig)
{
    double start = bench_cpu_ms();

    for (size_t i = 0; i < VERIFY_COUNT; i++) {
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();

        BENCH_CHECK(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1);
        BENCH_CHECK(EVP_DigestVerify(ctx, sig.data, sig.size, message.data, message.size) == 1);
        EVP_MD_CTX_free(ctx);
    }
    return bench_cpu_ms() - start;
}

static void bench_verify(void)
{
    _hm_free_(hm_signer_free) struct hm_signer *signer = NULL;
    _hm_done_(hm_buf_done) struct hm_buf signature = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);
    uint8_t message[256] = {0};
    struct hm_bytes bytes = hm_bytes_make(message, sizeof(message));
    uint8_t raw[32];
    double ours[BENCH_ROUNDS];
    double theirs[BENCH_ROUNDS];
    const char *hex;
    EVP_PKEY *peer;

    BENCH_CHECK(hm_signer_generate("ed25519", NULL, &signer) == HM_OK);
    BENCH_CHECK(hm_signer_sign(signer, bytes, NULL, &signature) == HM_OK);
    hex = hm_key_public(hm_signer_key(signer));
    for (size_t i = 0; i < sizeof(raw); i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        raw[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
    BENCH_CHECK(peer != NULL);
    for (size_t i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = verify_ms(hm_signer_key(signer), bytes, hm_buf_bytes(&signature));
        theirs[i] = peer_verify_ms(peer, bytes, hm_buf_bytes(&signature));
    }
    EVP_PKEY_free(peer);
    (void)bench_report_ratio("ed25519-verify-2000", bench_median(ours, BENCH_ROUNDS), 1.05,
                             "openssl-" OPENSSL_VERSION_STR, bench_median(theirs, BENCH_ROUNDS));
}

/* One-shot digests of short texts; a kept digest saves the making of a context. */
static void bench_short(void)
{
    uint8_t node[SHORT_SIZE] = {0};
    struct hm_sha256 sha256;
    double start = bench_cpu_ms();

    for (size_t i = 0; i < SHORT_COUNT; i++) {
        node[0] = (uint8_t)i;
        BENCH_CHECK(hm_digest_sha256(hm_bytes_make(node, sizeof(node)), NULL, &sha256) == HM_OK);
    }
    (void)bench_report("digest-65-bytes", (bench_cpu_ms() - start) * 1e6 / SHORT_COUNT, "ns", 300);
}

int main(void)
{
    bench_file();
    bench_verify();
    bench_short();
    return 0;
}
