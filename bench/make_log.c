/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large release log for benchmarks, below the public folder of a site that is there.
 *
 * usage: make_log LOG RECORDS RELEASES SITE "ROOT SHA256" "SNAPSHOT SHA256 LENGTH"
 *
 * Prints the tree: its size, and its root in hexadecimal.
 */
#include "release_log.h"

#include "base/num.h"

int main(int argc, char **argv)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_done_(hm_dir_done) struct hm_dir records = HM_DIR_INIT;
    struct bench_log writer = {.releases = 0};
    struct hm_log_head head;
    char hex[HM_SHA256_HEX_SIZE];
    uint64_t releases;

    BENCH_CHECK(argc == 7);
    BENCH_CHECK(hm_num_parse_u64(argv[3], strlen(argv[3]), &releases) == HM_OK);
    BENCH_CHECK(releases <= 100000000);
    writer.releases = (unsigned)releases;
    writer.site = argv[4];
    writer.root = argv[5];
    writer.last = argv[6];
    BENCH_CHECK(hm_dir_make(argv[1], 0755, NULL, &dir) == HM_OK);
    BENCH_CHECK(hm_dir_make(argv[2], 0755, NULL, &records) == HM_OK);
    bench_log_write(&writer, &dir, &records, &head);
    hm_text_hex(hm_bytes_make(head.root.bytes, sizeof(head.root.bytes)), hex);
    (void)printf("%llu %s\n", (unsigned long long)head.size, hex);
    return 0;
}
