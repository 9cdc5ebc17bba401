/* SPDX-License-Identifier: Apache-2.0 */
/* customer/bundle: what is written is read, by name and by digest; how old one may be. */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "customer/bundle.h"
#include "tmpdir.h"

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

static const char *patterns[] = {"acme", "*/nic/1.?"};
static const struct hm_bundle_head sample = {
    .site = "globex",
    .created_unix_s = NOW,
    .refreshed_unix_s = NOW - DAY,
    .expires_unix_s = NOW + DAY,
    .patterns = patterns,
    .pattern_count = 2,
};

static const char long_name[] = "metadata/12.release~01234567890123456789012345678901~"
                                "01234567890123456789012345678901234567890123456789.json";

static void make_image(const char *text, struct hm_sha256 *sha256, int *fd)
{
    *fd = memfd_create("image", MFD_CLOEXEC);
    assert_true(*fd >= 0);
    assert_int_equal(write(*fd, text, strlen(text)), strlen(text));
    assert_int_equal(hm_digest_sha256(hm_bytes_str(text), NULL, sha256), HM_OK);
}

static void write_bundle(const struct hm_dir *dir, struct hm_sha256 *image)
{
    _hm_done_(hm_bundle_writer_done) struct hm_bundle_writer writer = HM_BUNDLE_WRITER_INIT;
    _hm_done_(hm_dir_close_fd) int fd = -1;

    make_image("the image", image, &fd);
    assert_int_equal(hm_bundle_writer_open(dir, "x.bundle", &sample, NULL, &writer), HM_OK);
    assert_int_equal(
        hm_bundle_writer_add(&writer, "metadata/1.root.json", HM_BYTES_LITERAL("root"), NULL),
        HM_OK);
    assert_int_equal(hm_bundle_writer_add(&writer, long_name, HM_BYTES_LITERAL("long"), NULL),
                     HM_OK);
    assert_int_equal(
        hm_bundle_writer_add(&writer, "makers/acme/1.identity", HM_BYTES_LITERAL("identity"), NULL),
        HM_OK);
    assert_int_equal(hm_bundle_writer_add_image(&writer, image, fd, strlen("the image"), NULL),
                     HM_OK);
    assert_false(hm_dir_has(dir, "x.bundle"));
    assert_int_equal(hm_bundle_writer_commit(&writer, NULL), HM_OK);
}

static struct hm_bundle *open_bundle(const struct hm_dir *dir)
{
    struct hm_bundle *bundle = NULL;
    uint64_t size;
    int fd = -1;

    assert_int_equal(hm_dir_open_file(dir, "x.bundle", NULL, &fd, &size), HM_OK);
    assert_int_equal(hm_bundle_open_fd(fd, "x.bundle", NULL, &bundle), HM_OK);
    return bundle;
}

static void assert_got(const struct hm_bundle *bundle, const char *name, const char *text)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(100);

    assert_int_equal(hm_bundle_get(bundle, name, NULL, &buf), HM_OK);
    assert_string_equal(hm_buf_str(&buf), text);
}

static enum hm_rc sink_write(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

static enum hm_rc sink_restart(void *ctx, struct hm_err *err)
{
    (void)err;
    hm_buf_clear(ctx);
    return HM_OK;
}

static void test_open__reads_what_was_written(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    _hm_free_(hm_bundle_free) struct hm_bundle *bundle = NULL;
    const struct hm_bundle_head *head;
    struct hm_sha256 image;

    write_bundle(dir, &image);
    bundle = open_bundle(dir);
    head = hm_bundle_head(bundle);
    assert_string_equal(head->site, "globex");
    assert_int_equal(head->created_unix_s, NOW);
    assert_int_equal(head->refreshed_unix_s, NOW - DAY);
    assert_int_equal(head->expires_unix_s, NOW + DAY);
    assert_int_equal(head->pattern_count, 2);
    assert_string_equal(head->patterns[1], "*/nic/1.?");
    assert_got(bundle, "metadata/1.root.json", "root");
    assert_got(bundle, long_name, "long");
    assert_got(bundle, "makers/acme/1.identity", "identity");
}

static void test_get__tells_missing_from_too_long(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    _hm_free_(hm_bundle_free) struct hm_bundle *bundle = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(3);
    struct hm_sha256 image;

    write_bundle(dir, &image);
    bundle = open_bundle(dir);
    assert_int_equal(hm_bundle_get(bundle, "metadata/2.root.json", NULL, &buf), HM_ENOTFOUND);
    assert_int_equal(hm_bundle_get(bundle, "metadata/1.root.json", NULL, &buf), HM_EFORMAT);
    assert_int_equal(buf.size, 0);
}

static void test_stream__goes_by_digest(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    _hm_free_(hm_bundle_free) struct hm_bundle *bundle = NULL;
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(100);
    struct hm_fetch_sink sink = {sink_write, sink_restart, &buf};
    struct hm_sha256 image, other = {0};

    write_bundle(dir, &image);
    bundle = open_bundle(dir);
    assert_int_equal(hm_bundle_stream(bundle, &image, 0, 9, &sink, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "the image");
    hm_buf_clear(&buf);
    assert_int_equal(hm_bundle_stream(bundle, &image, 4, 9, &sink, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "image");
    assert_int_equal(hm_bundle_stream(bundle, &image, 10, 9, &sink, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&buf), "the image");
    assert_int_equal(hm_bundle_stream(bundle, &image, 0, 8, &sink, NULL), HM_EFORMAT);
    assert_int_equal(hm_bundle_stream(bundle, &other, 0, 9, &sink, NULL), HM_ENOTFOUND);
}

static void test_writer__leaves_nothing_without_a_commit(void **state)
{
    const struct hm_dir *dir = tmpdir_of(state);
    struct hm_bundle_writer writer = HM_BUNDLE_WRITER_INIT;

    assert_int_equal(hm_bundle_writer_open(dir, "x.bundle", &sample, NULL, &writer), HM_OK);
    hm_bundle_writer_done(&writer);
    assert_false(hm_dir_has(dir, "x.bundle"));
}

static void test_open__refuses_what_is_no_regular_file(void **state)
{
    struct hm_bundle *bundle = NULL;

    (void)state;
    assert_int_equal(hm_bundle_open("/dev/zero", NULL, &bundle), HM_EINPUT);
    assert_int_equal(hm_bundle_open("/tmp", NULL, &bundle), HM_EINPUT);
    assert_null(bundle);
}

static void test_judge__minds_age(void **state)
{
    static const struct {
        int64_t refreshed, max_age, accept_age;
        enum hm_rc rc;
        int64_t judged;
    } cases[] = {
        {NOW - DAY, -1, -1, HM_OK, NOW},
        {NOW - DAY, DAY, -1, HM_OK, NOW},
        {NOW - DAY, DAY - 1, -1, HM_EEXPIRED, 0},
        {NOW - DAY, -1, DAY, HM_OK, NOW - DAY},
        {NOW - DAY, -1, DAY - 1, HM_EEXPIRED, 0},
        {NOW - DAY, DAY - 1, DAY, HM_EEXPIRED, 0},
        {NOW + HM_BUNDLE_CLOCK_SLACK_S, -1, -1, HM_OK, NOW},
        {NOW + HM_BUNDLE_CLOCK_SLACK_S, -1, DAY, HM_OK, NOW},
        {NOW + HM_BUNDLE_CLOCK_SLACK_S + 1, -1, -1, HM_ECLOCK, 0},
        {0, -1, -1, HM_OK, NOW},
    };

    (void)state;
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_bundle_head head = sample;
        int64_t judged = 0;

        head.refreshed_unix_s = cases[i].refreshed;
        assert_int_equal(
            hm_bundle_judge(&head, NOW, cases[i].max_age, cases[i].accept_age, NULL, &judged),
            cases[i].rc);
        assert_int_equal(judged, cases[i].judged);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        tmpdir_test(test_open__reads_what_was_written),
        tmpdir_test(test_get__tells_missing_from_too_long),
        tmpdir_test(test_stream__goes_by_digest),
        tmpdir_test(test_writer__leaves_nothing_without_a_commit),
        cmocka_unit_test(test_open__refuses_what_is_no_regular_file),
        tmpdir_test(test_judge__minds_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
