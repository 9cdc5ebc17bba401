/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles: opened, and everything that the index can name is got. The first byte of the input
 * chooses between the archive as it is and one whose header checksums are put right first.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "customer/bundle.h"

#define CHECKSUM_AT   148
#define CHECKSUM_SIZE 8
#define IMAGE_MAX     65536

static void repair(uint8_t *block)
{
    unsigned sum = 0;

    memset(block + CHECKSUM_AT, ' ', CHECKSUM_SIZE);
    for (size_t i = 0; i < HM_USTAR_BLOCK_SIZE; i++)
        sum += block[i];
    (void)snprintf((char *)block + CHECKSUM_AT, CHECKSUM_SIZE - 1, "%06o", sum);
}

static int make_file(const uint8_t *data, size_t size, bool repairs)
{
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    uint8_t block[HM_USTAR_BLOCK_SIZE];

    FUZZ_CHECK(fd >= 0);
    while (size > 0) {
        size_t step = size < sizeof(block) ? size : sizeof(block);

        memcpy(block, data, step);
        if (repairs && step == sizeof(block) && memcmp(block + 257, "ustar", 6) == 0)
            repair(block);
        FUZZ_CHECK(write(fd, block, step) == (ssize_t)step);
        data += step;
        size -= step;
    }
    return fd;
}

static enum hm_rc sink_write(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    (void)err;
    *(uint64_t *)ctx += bytes.size;
    return HM_OK;
}

static enum hm_rc sink_restart(void *ctx, struct hm_err *err)
{
    (void)err;
    *(uint64_t *)ctx = 0;
    return HM_OK;
}

static void ask(const struct hm_bundle *bundle)
{
    static const char *const names[] = {"metadata/1.root.json", "metadata/timestamp.json",
                                        "makers/acme/1.identity", "bundle.json", ""};
    const struct hm_bundle_head *head = hm_bundle_head(bundle);
    struct hm_sha256 sha256 = {0};
    struct hm_err err = HM_ERR_INIT;
    int64_t judged = 0;
    uint64_t got = 0;
    struct hm_fetch_sink sink = {sink_write, sink_restart, &got};

    FUZZ_CHECK(head->site != NULL && head->site[0] != '\0' && head->pattern_count > 0);
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4096);

        FUZZ_CHECK(hm_bundle_get(bundle, names[i], &err, &buf) == HM_OK || buf.size == 0);
    }
    for (unsigned fill = 0; fill < 256; fill += 17) {
        memset(sha256.bytes, (int)fill, sizeof(sha256.bytes));
        if (hm_bundle_stream(bundle, &sha256, fill, IMAGE_MAX, &sink, &err) == HM_OK)
            FUZZ_CHECK(got <= IMAGE_MAX);
    }
    if (hm_bundle_judge(head, INT64_C(1800000000), -1, 86400, &err, &judged) == HM_OK)
        FUZZ_CHECK(judged <= INT64_C(1800000000));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_bundle_free) struct hm_bundle *bundle = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (size == 0)
        return 0;
    if (hm_bundle_open_fd(make_file(data + 1, size - 1, (data[0] & 1) != 0), "bundle", &err,
                          &bundle) == HM_OK)
        ask(bundle);
    else
        FUZZ_CHECK(err.rc != HM_OK && err.text[0] != '\0' && bundle == NULL);
    return 0;
}
