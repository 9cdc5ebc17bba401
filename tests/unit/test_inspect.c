/* SPDX-License-Identifier: Apache-2.0 */
/* image/inspect, confine and worker: images are read by a confined process; whatever that does, the
 * one who asked goes on, and never takes the file for understood. */
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "image/inspect.h"
#include "image/walk.h"

#define FOLDER "fuzz/corpus/image/"

static const char *good_worker, *bad_worker; /* from the command line */

/* A file in memory, at its start. */
static int file_of(struct hm_bytes bytes)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.data, bytes.size), (ssize_t)bytes.size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static struct hm_inspection *inspect_with(const struct hm_inspect_options *options,
                                          struct hm_bytes bytes)
{
    struct hm_inspection *inspection = NULL;
    struct hm_err err = HM_ERR_INIT;
    int fd = file_of(bytes);
    enum hm_rc rc = hm_inspect_new(fd, options, &err, &inspection);

    if (rc != HM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(close(fd), 0);
    return inspection;
}

static struct hm_inspection *inspect(const char *worker, bool wants_contents, struct hm_bytes bytes)
{
    struct hm_inspect_options options = {.worker = worker, .wants_contents = wants_contents};

    return inspect_with(&options, bytes);
}

static struct hm_buf read_seed(const char *name)
{
    struct hm_buf buf = HM_BUF_INIT((size_t)1 << 20);
    struct hm_err err = HM_ERR_INIT;
    char path[256];

    (void)snprintf(path, sizeof(path), FOLDER "%s", name);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_OK);
    return buf;
}

static struct hm_bytes body_of(const struct hm_buf *buf)
{
    return hm_bytes_make(buf->data + 1, buf->size - 1);
}

static void assert_same_tree(const struct hm_image *a, const struct hm_image *b)
{
    assert_int_equal(a->node_count, b->node_count);
    assert_int_equal(a->fact_count, b->fact_count);
    assert_int_equal(a->space_count, b->space_count);
    assert_int_equal(a->finding_count, b->finding_count);
    assert_int_equal(a->is_partial, b->is_partial);
    for (uint32_t i = 0; i < a->node_count; i++) {
        const struct hm_image_node *x = &a->nodes[i], *y = &b->nodes[i];
        uint32_t f = x->first_fact, g = y->first_fact;

        assert_int_equal(x->parent, y->parent);
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->space, y->space);
        assert_int_equal(x->offset, y->offset);
        assert_int_equal(x->size, y->size);
        assert_int_equal(x->has_guid, y->has_guid);
        assert_true(!x->has_guid || hm_guid_is_equal(&x->guid, &y->guid));
        /* The file's own is computed by the one who asked. */
        assert_int_equal(x->has_sha256, y->has_sha256 || i == 0);
        assert_true(i == 0 || !x->has_sha256 || hm_digest_is_equal(&x->sha256, &y->sha256));
        for (; f != HM_IMAGE_NONE && g != HM_IMAGE_NONE;
             f = a->facts[f].next, g = b->facts[g].next) {
            assert_int_equal(a->facts[f].kind, b->facts[g].kind);
            assert_int_equal(a->facts[f].number, b->facts[g].number);
            assert_true(hm_bytes_is_equal(a->facts[f].text, b->facts[g].text));
        }
        assert_int_equal(f, g); /* both HM_IMAGE_NONE */
    }
}

/* Through the process, each seed gives the very tree that the walk gives here, and the contents. */
static void test_new__same_as_the_walk(void **state)
{
    static const char *const names[] = {"volume",    "volume-lzma",        "volume-brotli", "flash",
                                        "rom-chain", "rom-efi-compressed", "pe-signed"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = read_seed(names[i]);
        _hm_free_(hm_inspect_free) struct hm_inspection *inspection =
            inspect(good_worker, true, body_of(&buf));
        _hm_free_(hm_walk_free) struct hm_walk *walk = NULL;
        struct hm_err err = HM_ERR_INIT;

        assert_int_equal(hm_walk_new(body_of(&buf), &err, &walk), HM_OK);
        assert_same_tree(&inspection->image, hm_walk_image(walk));
        for (uint32_t n = 0; n < inspection->image.node_count; n++)
            assert_true(hm_bytes_is_equal(hm_inspect_bytes(inspection, n), hm_walk_bytes(walk, n)));
    }
}

static void test_new__without_contents(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = read_seed("volume-lzma");
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection =
        inspect(good_worker, false, body_of(&buf));

    assert_int_equal(inspection->image.space_count, 2);
    assert_int_equal(hm_inspect_space(inspection, 0).size, buf.size - 1);
    assert_int_equal(hm_inspect_space(inspection, 1).size, 0);
}

static void test_new__empty_file(void **state)
{
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection =
        inspect(good_worker, true, HM_BYTES_EMPTY);

    assert_int_equal(inspection->image.node_count, 1);
    assert_false(inspection->image.is_partial);
    assert_true(inspection->image.nodes[0].has_sha256);
}

/* Control: the worker that can misbehave is a good one as long as it behaves. */
static void test_new__bad_worker_that_behaves(void **state)
{
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection =
        inspect(bad_worker, true, HM_BYTES_LITERAL("good"));

    assert_false(inspection->image.is_partial);
    assert_int_equal(inspection->image.finding_count, 0);
}

static void test_new__whatever_the_worker_does(void **state)
{
    static const struct {
        const char *what, *why;
        bool is_refused_by_list; /* not in a build with a sanitizer (confine.c) */
    } cases[] = {
        {"crash", "who read it crashed", false},
        {"abort", "", false},
        {"silent", "who read it gave no valid report", false},
        {"garbage", "who read it gave no valid report", false},
        {"longer", "who read it gave no valid report", false},
        {"status", "who read it failed", false},
        {"write", "who read it had too much to say", false},
        {"open", "who read it tried what it may not", false},
        {"socket", "who read it tried what it may not", false},
        {"fork", "who read it tried what it may not", false},
        {"exec", "who read it tried what it may not", false},
        {"kill", "who read it tried what it may not", true},
        {"run", "who read it tried what it may not", true},
        {"map", "who read it tried what it may not", true},
        {"protect", "who read it tried what it may not", true},
        {"escape", "who read it tried what it may not", true},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_inspect_free) struct hm_inspection *inspection = NULL;
        const struct hm_image_fact *fact;

#if defined(__SANITIZE_ADDRESS__)
        if (cases[i].is_refused_by_list || strcmp(cases[i].what, "crash") == 0)
            continue;
#endif
        inspection = inspect(bad_worker, true, hm_bytes_str(cases[i].what));
        fact = hm_image_find_fact(&inspection->image, 0, HM_FACT_NOT_READ);
        if (fact == NULL)
            fail_msg("%s: no finding", cases[i].what);
        if (cases[i].why[0] != '\0' && !hm_bytes_is_str(fact->text, cases[i].why))
            fail_msg("%s: '%.*s'", cases[i].what, (int)fact->text.size,
                     (const char *)fact->text.data);
        assert_true(inspection->image.is_partial);
        assert_int_equal(inspection->image.finding_count, 1);
        assert_int_equal(inspection->image.node_count, 1);
        /* The digest of the file is computed here whatever the worker did. */
        assert_true(inspection->image.nodes[0].has_sha256);
        assert_int_equal(hm_inspect_space(inspection, 0).size, strlen(cases[i].what));
    }
}

/* Memory ends at the limit, which a small file has small. */
static void test_new__worker_eats_memory(void **state)
{
#if !defined(__SANITIZE_ADDRESS__)
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection =
        inspect(bad_worker, false, HM_BYTES_LITERAL("eat"));
    const struct hm_image_fact *fact = hm_image_find_fact(&inspection->image, 0, HM_FACT_NOT_READ);
    struct rusage usage;

    assert_non_null(fact);
    assert_true(hm_bytes_is_str(fact->text, "who read it ran out of memory"));
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    assert_true(usage.ru_maxrss <= 256 * 1024);
#endif
}

static void test_new__worker_spins(void **state)
{
    struct hm_inspect_options options = {.worker = bad_worker, .cpu_s_max = 1};
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection =
        inspect_with(&options, HM_BYTES_LITERAL("spin"));

    assert_true(inspection->image.is_partial);
    assert_non_null(hm_image_find_fact(&inspection->image, 0, HM_FACT_NOT_READ));
}

static void test_new__worker_hangs(void **state)
{
    struct hm_inspect_options options = {.worker = bad_worker, .time_ms_max = 300};
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection =
        inspect_with(&options, HM_BYTES_LITERAL("hang"));
    const struct hm_image_fact *fact = hm_image_find_fact(&inspection->image, 0, HM_FACT_NOT_READ);

    assert_non_null(fact);
    assert_true(hm_bytes_is_str(fact->text, "who read it took too long"));
}

/* A worker that cannot confine itself is no reader: an error, not a finding. */
static void test_new__refuses_without_confinement(void **state)
{
    struct hm_inspect_options options = {.worker = bad_worker};
    struct hm_inspection *inspection = NULL;
    struct hm_err err = HM_ERR_INIT;
    int fd = file_of(HM_BYTES_LITERAL("free"));

    assert_int_equal(hm_inspect_new(fd, &options, &err, &inspection), HM_EINTERNAL);
    assert_null(inspection);
    (void)close(fd);
    options.worker = "/nonexistent/worker";
    fd = file_of(HM_BYTES_LITERAL("x"));
    assert_int_equal(hm_inspect_new(fd, &options, &err, &inspection), HM_EINPUT);
    assert_null(inspection);
    (void)close(fd);
    /* A program that is no reader at all. */
    options.worker = "/bin/false";
    fd = file_of(HM_BYTES_LITERAL("x"));
    assert_int_equal(hm_inspect_new(fd, &options, &err, &inspection), HM_OK);
    assert_true(inspection->image.is_partial);
    hm_inspect_free(inspection);
    (void)close(fd);
}

static void test_path__names_the_file(void **state)
{
    struct hm_inspect_options options = {.worker = good_worker};
    struct hm_inspection *inspection = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_inspect_path("/nonexistent/file", &options, &err, &inspection), HM_EINPUT);
    assert_non_null(strstr(err.text, "/nonexistent/file"));
    assert_int_equal(hm_inspect_path("/", &options, &err, &inspection), HM_EINPUT);
    assert_int_equal(hm_inspect_path(FOLDER "pe", &options, &err, &inspection), HM_OK);
    hm_inspect_free(inspection);
}

/* An endless file is refused at the limit, not read into memory. */
static void test_path__refuses_an_endless_file(void **state)
{
    struct hm_inspect_options options = {.worker = good_worker};
    struct hm_inspection *inspection = NULL;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_inspect_path("/dev/zero", &options, &err, &inspection), HM_EREFUSED);
    assert_null(inspection);
}

/* The bombs, through the process: within the limits of time and memory of the whole. */
static void test_new__bombs(void **state)
{
    static const char *const names[] = {"bomb-brotli", "bomb-lzma", "bomb-lzma-nested",
                                        "bomb-lzma-dictionary", "bomb-efi11"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        struct hm_inspect_options options = {.worker = good_worker};
        struct hm_inspection *inspection = NULL;
        struct hm_err err = HM_ERR_INIT;
        char path[256];

        (void)snprintf(path, sizeof(path), "tests/data/image/%s", names[i]);
        assert_int_equal(hm_inspect_path(path, &options, &err, &inspection), HM_OK);
        assert_true(inspection->image.is_partial);
        /* The walk's own budget ends it, before the process is ended. */
        assert_null(hm_image_find_fact(&inspection->image, 0, HM_FACT_NOT_READ));
        assert_true(inspection->image.node_count > 1);
        hm_inspect_free(inspection);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__same_as_the_walk),
        cmocka_unit_test(test_new__without_contents),
        cmocka_unit_test(test_new__empty_file),
        cmocka_unit_test(test_new__bad_worker_that_behaves),
        cmocka_unit_test(test_new__whatever_the_worker_does),
        cmocka_unit_test(test_new__worker_eats_memory),
        cmocka_unit_test(test_new__worker_spins),
        cmocka_unit_test(test_new__worker_hangs),
        cmocka_unit_test(test_new__refuses_without_confinement),
        cmocka_unit_test(test_path__names_the_file),
        cmocka_unit_test(test_path__refuses_an_endless_file),
        cmocka_unit_test(test_new__bombs),
    };

    if (argc != 3)
        return 2;
    good_worker = argv[1];
    bad_worker = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
