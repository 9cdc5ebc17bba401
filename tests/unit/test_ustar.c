/* SPDX-License-Identifier: Apache-2.0 */
/* base/ustar: the same content gives the same bytes, tar(1) agrees, and no crooked header passes.
 */
#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/ustar.h"
#include "tmpdir.h"

#define NAME_100                                                                                   \
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
    "nnnnnnnn"
#define NAME_155 NAME_100 "ppppppppppppppppppppppppppppppppppppppppppppppppppppppp"

static enum hm_rc append(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

struct source {
    struct hm_bytes bytes;
    size_t offset;
};

static enum hm_rc take(void *ctx, uint8_t *data, size_t size, struct hm_err *err, bool *ret_end)
{
    struct source *source = ctx;
    size_t left = source->bytes.size - source->offset;

    if (left == 0) {
        *ret_end = true;
        return HM_OK;
    }
    if (size > left)
        return hm_fail(err, HM_EFORMAT, "cut");
    memcpy(data, source->bytes.data + source->offset, size);
    source->offset += size;
    return HM_OK;
}

/* Two members, "a" with "hello" and "d/b" with 513 bytes, and the end. */
static void make_sample(struct hm_buf *buf)
{
    struct hm_ustar_writer writer;
    struct hm_err err = HM_ERR_INIT;
    uint8_t data[513];

    memset(data, 'x', sizeof(data));
    hm_ustar_writer_init(&writer, append, buf);
    assert_int_equal(hm_ustar_writer_add(&writer, "a", HM_BYTES_LITERAL("hello"), &err), HM_OK);
    assert_int_equal(hm_ustar_writer_add(&writer, "d/b", hm_bytes_make(data, sizeof(data)), &err),
                     HM_OK);
    assert_int_equal(hm_ustar_writer_end(&writer, &err), HM_OK);
}

/* Reads everything; the result of the first step that fails, or HM_OK. */
static enum hm_rc read_whole(struct hm_bytes bytes, struct hm_err *err, size_t *ret_count)
{
    struct source source = {.bytes = bytes};
    struct hm_ustar_reader reader;
    size_t count = 0;

    hm_ustar_reader_init(&reader, take, &source);
    for (;;) {
        _hm_done_(hm_buf_done) struct hm_buf content = HM_BUF_INIT(4096);
        const char *name = NULL;
        uint64_t size = 0;
        bool more = false;

        HM_TRY(hm_ustar_reader_next(&reader, err, &more, &name, &size));
        if (!more)
            break;
        HM_TRY(hm_ustar_reader_read_all(&reader, err, &content));
        assert_int_equal(content.size, size);
        count++;
    }
    *ret_count = count;
    return HM_OK;
}

static void fix_checksum(uint8_t *block)
{
    unsigned sum = 0;

    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < HM_USTAR_BLOCK_SIZE; i++)
        sum += block[i];
    (void)snprintf((char *)block + 148, 7, "%06o", sum);
}

static void test_writer__gives_fixed_bytes(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    static const uint8_t zeros[1024];

    make_sample(&buf);
    assert_int_equal(buf.size, 512 + 512 + 512 + 1024 + 1024);
    assert_memory_equal(buf.data, "a\0", 2);
    assert_memory_equal(buf.data + 100,
                        "0000644\0"
                        "0000000\0"
                        "0000000\0",
                        24);
    assert_memory_equal(buf.data + 124,
                        "00000000005\0"
                        "00000000000\0",
                        24);
    assert_memory_equal(buf.data + 148, "007343\0 0", 9);
    assert_memory_equal(buf.data + 257,
                        "ustar\0"
                        "00\0",
                        9);
    assert_memory_equal(buf.data + 329,
                        "0000000\0"
                        "0000000\0\0",
                        17);
    assert_memory_equal(buf.data + 512, "hello\0\0", 7);
    assert_memory_equal(buf.data + 1024 + 124, "00000001001", 12);
    assert_memory_equal(buf.data + buf.size - 1024, zeros, 1024);
}

static void test_writer__refuses_names_the_format_cannot_hold(void **state)
{
    static const char *const bad[] = {
        "",
        "/a",
        "../a",
        "a/../b",
        "a//b",
        "a/",
        NAME_100 "n",
        NAME_155 "p/b",
        "a/" NAME_100 "n",
        NAME_155 "/" NAME_100 "n",
        NAME_155 NAME_100,
        "p" NAME_155 "/b",
    };
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    struct hm_ustar_writer writer;
    struct hm_err err = HM_ERR_INIT;

    hm_ustar_writer_init(&writer, append, &buf);
    for (size_t i = 0; i < HM_ARRAY_COUNT(bad); i++)
        assert_int_equal(hm_ustar_writer_begin(&writer, bad[i], 0, &err), HM_EUSAGE);
    assert_int_equal(hm_ustar_writer_begin(&writer, "a", HM_USTAR_SIZE_MAX + 1, &err), HM_EUSAGE);
    assert_int_equal(buf.size, 0);
    assert_int_equal(hm_ustar_writer_begin(&writer, "a", HM_USTAR_SIZE_MAX, &err), HM_OK);
    assert_memory_equal(buf.data + 124, "77777777777", 12);
}

static void test_writer__holds_members_to_their_size(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    _hm_done_(hm_buf_done) struct hm_buf full = HM_BUF_INIT(100);
    struct hm_ustar_writer writer;
    struct hm_err err = HM_ERR_INIT;

    hm_ustar_writer_init(&writer, append, &buf);
    assert_int_equal(hm_ustar_writer_begin(&writer, "a", 3, &err), HM_OK);
    assert_int_equal(hm_ustar_writer_write(&writer, HM_BYTES_LITERAL("ab"), &err), HM_OK);
    assert_int_equal(hm_ustar_writer_begin(&writer, "b", 0, &err), HM_EINTERNAL);
    assert_int_equal(hm_ustar_writer_end(&writer, &err), HM_EINTERNAL);
    assert_int_equal(hm_ustar_writer_write(&writer, HM_BYTES_LITERAL("cd"), &err), HM_EINTERNAL);
    assert_int_equal(hm_ustar_writer_write(&writer, HM_BYTES_EMPTY, &err), HM_OK);
    assert_int_equal(buf.size, 514);
    assert_int_equal(hm_ustar_writer_write(&writer, HM_BYTES_LITERAL("c"), &err), HM_OK);
    assert_int_equal(buf.size, 1024);
    assert_int_equal(hm_ustar_writer_write(&writer, HM_BYTES_LITERAL("d"), &err), HM_EINTERNAL);
    hm_ustar_writer_init(&writer, append, &full);
    assert_int_equal(hm_ustar_writer_begin(&writer, "a", 3, &err), HM_EFORMAT);
}

static void test_reader__returns_what_was_written(void **state)
{
    static const char *const names[] = {"a",
                                        "d/e/f",
                                        NAME_100,
                                        "p/" NAME_100,
                                        NAME_155 "/x",
                                        NAME_155 "/" NAME_100,
                                        "a/b/c/d/" NAME_100};
    static const size_t sizes[] = {0, 1, 511, 512, 513, 1024, 70000};
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 20);
    struct source source = {.offset = 0};
    struct hm_ustar_writer writer;
    struct hm_ustar_reader reader;
    struct hm_err err = HM_ERR_INIT;
    uint8_t *data = test_malloc(70000);
    const char *name = NULL;
    uint64_t size = 0;
    bool more = false;

    for (size_t i = 0; i < 70000; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    hm_ustar_writer_init(&writer, append, &buf);
    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++)
        assert_int_equal(
            hm_ustar_writer_add(&writer, names[i], hm_bytes_make(data, sizes[i]), &err), HM_OK);
    assert_int_equal(hm_ustar_writer_end(&writer, &err), HM_OK);
    for (int skip = 0; skip < 2; skip++) {
        source = (struct source){.bytes = hm_buf_bytes(&buf)};
        hm_ustar_reader_init(&reader, take, &source);
        for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
            _hm_done_(hm_buf_done) struct hm_buf content = HM_BUF_INIT(70000);

            assert_int_equal(hm_ustar_reader_next(&reader, &err, &more, &name, &size), HM_OK);
            assert_true(more);
            assert_string_equal(name, names[i]);
            assert_int_equal(size, sizes[i]);
            if (skip == 1)
                continue;
            assert_int_equal(hm_ustar_reader_read_all(&reader, &err, &content), HM_OK);
            assert_int_equal(content.size, sizes[i]);
            assert_memory_equal(hm_buf_str(&content), data, sizes[i]);
        }
        for (int again = 0; again < 2; again++) {
            assert_int_equal(hm_ustar_reader_next(&reader, &err, &more, &name, &size), HM_OK);
            assert_false(more);
        }
    }
    test_free(data);
}

static void test_reader__refuses_any_changed_header_byte_it_looks_at(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    struct hm_err err = HM_ERR_INIT;
    size_t count = 0;

    make_sample(&buf);
    assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_OK);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < HM_USTAR_BLOCK_SIZE; i++) {
        for (int bit = 0; bit < 8; bit++) {
            buf.data[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_EFORMAT);
            assert_true(err.has_offset);
            buf.data[i] ^= (uint8_t)(1 << bit);
        }
    }
}

static void test_reader__refuses_crooked_headers(void **state)
{
    static const struct {
        size_t offset;
        size_t size;
        const char *bytes;
        const char *text;
    } cases[] = {
        {257, 8, "ustar  \0", "is not ustar"}, /* GNU's own format */
        {257, 8,
         "ustar\0"
         "01",
         "is not ustar"},
        {257, 8, "\0\0\0\0\0\0\0\0", "is not ustar"},
        {156, 1, "1", "regular file"},
        {156, 1, "2", "regular file"},
        {156, 1, "5", "regular file"},
        {156, 1, "7", "regular file"},
        {156, 1, "L", "regular file"},
        {156, 1, "x", "regular file"},
        {156, 1, "g", "regular file"},
        {157, 2, "b\0", "where none may be"},
        {500, 12, "x\0\0\0\0\0\0\0\0\0\0\0", "where none may be"},
        {124, 12, "          5\0", "eleven octal digits"},
        {124, 12, "5\0\0\0\0\0\0\0\0\0\0\0", "eleven octal digits"},
        {124, 12, "0000000000\0\0", "eleven octal digits"},
        {124, 12, "000000000005", "eleven octal digits"},
        {124, 12, "00000000008\0", "eleven octal digits"},
        {124, 12, "-0000000005\0", "eleven octal digits"},
        {124, 12, "\x80\0\0\0\0\0\0\0\0\0\0\5", "eleven octal digits"},
        {0, 4, "\0\0\0\0", "no safe relative path"},
        {0, 4, "/a\0\0", "no safe relative path"},
        {0, 4, "..\0\0", "no safe relative path"},
        {0, 4, ".\0\0\0", "no safe relative path"},
        {0, 4, "a/\0\0", "no safe relative path"},
        {0, 4, "./a\0", "no safe relative path"},
        {0, 4, "a\0b\0", "after the end of its name"},
        {345, 4, "p\0q\0", "after the end of its name"},
        {345, 4, "/p\0\0", "no safe relative path"},
        {345, 4, "p/\0\0", "no safe relative path"},
        {345, 4, "..\0\0", "no safe relative path"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
        struct hm_err err = HM_ERR_INIT;
        size_t count = 0;

        make_sample(&buf);
        memcpy(buf.data + cases[i].offset, cases[i].bytes, cases[i].size);
        fix_checksum(buf.data);
        assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_EFORMAT);
        if (strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu: %s", i, err.text);
    }
}

static void test_reader__accepts_harmless_variations(void **state)
{
    static const struct {
        size_t offset;
        size_t size;
        const char *bytes;
    } cases[] = {
        {156, 1, "\0"},
        {100, 8, "0000755"},
        {108, 8, "0001750"},
        {136, 5, "14700"},
        {265, 5, "root\0"},
        {124, 12, "00000000005 "},
        {329, 8, "\0\0\0\0\0\0\0\0"},
        {345, 4, "p/q\0"},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
        struct hm_err err = HM_ERR_INIT;
        size_t count = 0;

        make_sample(&buf);
        memcpy(buf.data + cases[i].offset, cases[i].bytes, cases[i].size);
        fix_checksum(buf.data);
        assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_OK);
        assert_int_equal(count, 2);
    }
}

static void test_reader__refuses_every_cut(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    struct hm_err err = HM_ERR_INIT;
    size_t count = 7;

    make_sample(&buf);
    for (size_t size = 0; size < buf.size; size++)
        assert_int_equal(read_whole(hm_bytes_make(buf.data, size), &err, &count), HM_EFORMAT);
    assert_int_equal(count, 7);
}

static void test_reader__refuses_bytes_that_are_hidden_from_it(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(4 << 20);
    struct hm_err err = HM_ERR_INIT;
    uint8_t block[HM_USTAR_BLOCK_SIZE] = {0};
    size_t size;
    size_t count = 0;

    make_sample(&buf);
    size = buf.size;
    for (size_t i = 512 + 5; i < 1024; i++) {
        buf.data[i] = 1;
        assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_EFORMAT);
        buf.data[i] = 0;
    }
    for (size_t i = size - 512; i < size; i++) { /* in the second zero block */
        buf.data[i] = 1;
        assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_EFORMAT);
        buf.data[i] = 0;
    }
    assert_int_equal(hm_buf_append_byte(&buf, 0, &err), HM_OK);
    assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_EFORMAT);
    buf.size = size;
    for (size_t i = 0; i < HM_USTAR_TRAILER_SIZE_MAX / sizeof(block); i++)
        assert_int_equal(hm_buf_append(&buf, hm_bytes_make(block, sizeof(block)), &err), HM_OK);
    assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_OK);
    buf.data[buf.size - 1] = 1;
    assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_EFORMAT);
    buf.data[buf.size - 1] = 0;
    assert_int_equal(hm_buf_append(&buf, hm_bytes_make(block, sizeof(block)), &err), HM_OK);
    assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), HM_EFORMAT);
}

static void test_read_all__stops_at_the_buffers_maximum(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    _hm_done_(hm_buf_done) struct hm_buf small = HM_BUF_INIT(4);
    struct source source = {.offset = 0};
    struct hm_ustar_reader reader;
    struct hm_err err = HM_ERR_INIT;
    const char *name = NULL;
    uint64_t size = 0;
    bool more = false;

    make_sample(&buf);
    source.bytes = hm_buf_bytes(&buf);
    hm_ustar_reader_init(&reader, take, &source);
    assert_int_equal(hm_ustar_reader_next(&reader, &err, &more, &name, &size), HM_OK);
    assert_int_equal(hm_ustar_reader_read_all(&reader, &err, &small), HM_EFORMAT);
    assert_non_null(strstr(err.text, "larger than 4 bytes"));
    assert_int_equal(small.size, 0);
    /* Refusing took nothing: the member can still be skipped. */
    assert_int_equal(hm_ustar_reader_next(&reader, &err, &more, &name, &size), HM_OK);
    assert_string_equal(name, "d/b");
}

static void test_read_all__gives_nothing_of_a_cut_member(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    _hm_done_(hm_buf_done) struct hm_buf content = HM_BUF_INIT((size_t)1 << 34);
    struct source source = {.offset = 0};
    struct hm_ustar_writer writer;
    struct hm_ustar_reader reader;
    struct hm_err err = HM_ERR_INIT;
    const char *name = NULL;
    uint64_t size = 0;
    bool more = false;

    hm_ustar_writer_init(&writer, append, &buf);
    assert_int_equal(hm_ustar_writer_begin(&writer, "a", HM_USTAR_SIZE_MAX, &err), HM_OK);
    source.bytes = hm_buf_bytes(&buf);
    hm_ustar_reader_init(&reader, take, &source);
    assert_int_equal(hm_ustar_reader_next(&reader, &err, &more, &name, &size), HM_OK);
    assert_true(size == HM_USTAR_SIZE_MAX);
    assert_int_equal(hm_buf_append_str(&content, "kept", &err), HM_OK);
    assert_int_equal(hm_ustar_reader_read_all(&reader, &err, &content), HM_EFORMAT);
    assert_string_equal(hm_buf_str(&content), "kept");
    assert_true(content.capacity < 1 << 18);
}

/* --- tar(1) ----------------------------------------------------------------------------------- */

/* Runs tar in the folder; its exit status, or -1 where there is none. Output goes to the file
 * "out".
 */
static int run_tar(const struct hm_dir *dir, const char *const *arguments)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        int out = -1;

        if (fchdir(dir->fd) == 0)
            out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (out < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
            _exit(126);
        (void)setenv("TZ", "UTC", 1);
        (void)setenv("LC_ALL", "C", 1);
        (void)execvp("tar", (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
}

static void expect_file(const struct hm_dir *dir, const char *path, const char *text)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    struct hm_err err = HM_ERR_INIT;

    if (hm_dir_read(dir, path, &err, &buf) != HM_OK)
        fail_msg("%s", err.text);
    assert_string_equal(hm_buf_str(&buf), text);
}

static void test_tar__lists_and_unpacks_what_is_written(void **state)
{
    static const char *const list[] = {"tar", "-tvf", "a.tar", NULL};
    static const char *const unpack[] = {"tar", "-xf", "a.tar", "-C", "to", NULL};
    const struct hm_dir *tmp = tmpdir_of(state);
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(1 << 16);
    struct hm_ustar_writer writer;
    struct hm_err err = HM_ERR_INIT;

    hm_ustar_writer_init(&writer, append, &buf);
    assert_int_equal(hm_ustar_writer_add(&writer, "a", HM_BYTES_LITERAL("hello"), &err), HM_OK);
    assert_int_equal(hm_ustar_writer_add(&writer, "d/empty", HM_BYTES_EMPTY, &err), HM_OK);
    assert_int_equal(
        hm_ustar_writer_add(&writer, NAME_155 "/" NAME_100, HM_BYTES_LITERAL("long"), &err), HM_OK);
    assert_int_equal(hm_ustar_writer_end(&writer, &err), HM_OK);
    assert_int_equal(hm_file_replace(tmp, "a.tar", 0644, hm_buf_bytes(&buf), &err), HM_OK);
    assert_int_equal(mkdirat(tmp->fd, "to", 0755), 0);
    int status = run_tar(tmp, list);
    if (status < 0)
        skip();
    assert_int_equal(status, 0);
    assert_int_equal(hm_dir_read(tmp, "out", &err, &out), HM_OK);
    assert_non_null(strstr(hm_buf_str(&out), "-rw-r--r-- 0/0"));
    assert_non_null(strstr(hm_buf_str(&out), "5 1970-01-01 00:00 a\n"));
    assert_non_null(strstr(hm_buf_str(&out), "0 1970-01-01 00:00 d/empty\n"));
    assert_non_null(strstr(hm_buf_str(&out), NAME_155 "/" NAME_100 "\n"));
    assert_int_equal(run_tar(tmp, unpack), 0);
    expect_file(tmp, "out", "");
    expect_file(tmp, "to/a", "hello");
    expect_file(tmp, "to/d/empty", "");
    expect_file(tmp, "to/" NAME_155 "/" NAME_100, "long");
}

static void test_tar__archives_are_read(void **state)
{
    static const char *const ustar[] = {"tar", "--format=ustar", "-cf", "a.tar", "f", "d/g", NULL};
    static const char *const gnu[] = {"tar", "--format=gnu", "-cf", "a.tar", "f", NULL};
    static const char *const folder[] = {"tar", "--format=ustar", "-cf", "a.tar", "d", NULL};
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    size_t count = 0;

    assert_int_equal(hm_file_replace(tmp, "f", 0644, HM_BYTES_LITERAL("ff"), &err), HM_OK);
    assert_int_equal(hm_file_replace(tmp, "d/g", 0644, HM_BYTES_LITERAL("gg"), &err), HM_OK);
    int status = run_tar(tmp, ustar);
    if (status < 0)
        skip();
    for (int i = 0; i < 3; i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(1 << 16);

        if (i > 0)
            status = run_tar(tmp, i == 1 ? gnu : folder);
        assert_int_equal(status, 0);
        assert_int_equal(hm_dir_read(tmp, "a.tar", &err, &buf), HM_OK);
        assert_int_equal(read_whole(hm_buf_bytes(&buf), &err, &count), i == 0 ? HM_OK : HM_EFORMAT);
        assert_int_equal(count, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writer__gives_fixed_bytes),
        cmocka_unit_test(test_writer__refuses_names_the_format_cannot_hold),
        cmocka_unit_test(test_writer__holds_members_to_their_size),
        cmocka_unit_test(test_reader__returns_what_was_written),
        cmocka_unit_test(test_reader__refuses_any_changed_header_byte_it_looks_at),
        cmocka_unit_test(test_reader__refuses_crooked_headers),
        cmocka_unit_test(test_reader__accepts_harmless_variations),
        cmocka_unit_test(test_reader__refuses_every_cut),
        cmocka_unit_test(test_reader__refuses_bytes_that_are_hidden_from_it),
        cmocka_unit_test(test_read_all__stops_at_the_buffers_maximum),
        cmocka_unit_test(test_read_all__gives_nothing_of_a_cut_member),
        tmpdir_test(test_tar__lists_and_unpacks_what_is_written),
        tmpdir_test(test_tar__archives_are_read),
    };

    (void)umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
