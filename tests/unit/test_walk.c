/* SPDX-License-Identifier: Apache-2.0 */
/* image/walk and the parsers: what each seed is made of, what damage is told, which budgets end. */
#include "unit.h"

#include <sys/resource.h>

#include "base/file.h"
#include "image/format.h"

/* A sanitizer's shadow is not counted. */
#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_OURS false
#define SECONDS_MAX    10
#else
#define MEMORY_IS_OURS true
#define SECONDS_MAX    1
#endif

#define FOLDER "fuzz/corpus/image/"

static struct hm_buf read_seed(const char *name)
{
    struct hm_buf buf = HM_BUF_INIT((size_t)1 << 20);
    struct hm_err err = HM_ERR_INIT;
    char path[256];

    (void)snprintf(path, sizeof(path), FOLDER "%s", name);
    assert_int_equal(hm_file_read_path(path, &err, &buf), HM_OK);
    assert_true(buf.size > 1);
    return buf;
}

/* The file without the byte in front. */
static struct hm_bytes body_of(const struct hm_buf *buf)
{
    return hm_bytes_make(buf->data + 1, buf->size - 1);
}

static struct hm_walk *walk_bytes(struct hm_bytes bytes)
{
    struct hm_err err = HM_ERR_INIT;
    struct hm_walk *walk = NULL;

    assert_int_equal(hm_walk_new(bytes, &err, &walk), HM_OK);
    return walk;
}

static size_t count_kind(const struct hm_image *image, enum hm_image_kind kind)
{
    size_t count = 0;

    for (uint32_t i = 0; i < image->node_count; i++)
        count += image->nodes[i].kind == kind;
    return count;
}

static size_t count_facts(const struct hm_image *image, enum hm_image_fact_kind kind)
{
    size_t count = 0;

    for (uint32_t i = 0; i < image->fact_count; i++)
        count += image->facts[i].kind == kind;
    return count;
}

static void test_new__seeds_are_what_they_are(void **state)
{
    static const struct {
        const char *name;
        enum hm_image_kind kind;
        size_t count, contents, pes, names;
    } cases[] = {
        {"volume", HM_IMAGE_VOLUME_FILE, 3, 0, 1, 3},
        {"volume-ffs3-large-file", HM_IMAGE_VOLUME_FILE, 1, 0, 1, 2},
        {"volume-variables", HM_IMAGE_VARIABLES, 1, 0, 1, 0},
        {"volume-lzma", HM_IMAGE_VOLUME, 2, 1, 1, 2},
        {"volume-lzma-x86", HM_IMAGE_VOLUME, 2, 1, 1, 2},
        {"volume-tiano", HM_IMAGE_VOLUME, 2, 1, 1, 2},
        {"volume-efi11", HM_IMAGE_VOLUME, 2, 1, 1, 2},
        {"volume-brotli", HM_IMAGE_VOLUME, 2, 1, 1, 2},
        {"volume-crc32", HM_IMAGE_VOLUME, 2, 0, 1, 2},
        {"volume-not-compressed", HM_IMAGE_VOLUME, 2, 0, 1, 2},
        {"volume-in-data", HM_IMAGE_DATA, 1, 0, 1, 2},
        {"flash", HM_IMAGE_REGION, 2, 0, 1, 2},
        {"rom-legacy", HM_IMAGE_ROM_IMAGE, 1, 0, 0, 0},
        {"rom-isa", HM_IMAGE_ROM_IMAGE, 1, 0, 0, 0},
        {"rom-chain", HM_IMAGE_ROM_IMAGE, 2, 0, 1, 0},
        {"rom-efi-compressed", HM_IMAGE_ROM_IMAGE, 1, 1, 1, 0},
        {"pe-signed", HM_IMAGE_PE, 1, 0, 1, 0},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = read_seed(cases[i].name);
        _hm_free_(hm_walk_free) struct hm_walk *walk = walk_bytes(body_of(&buf));
        const struct hm_image *image = hm_walk_image(walk);

        assert_int_equal(image->finding_count, 0);
        assert_false(image->is_partial);
        assert_int_equal(count_kind(image, cases[i].kind), cases[i].count);
        assert_int_equal(count_kind(image, HM_IMAGE_CONTENT), cases[i].contents);
        assert_int_equal(count_kind(image, HM_IMAGE_PE), cases[i].pes);
        assert_int_equal(count_facts(image, HM_FACT_NAME), cases[i].names);
        assert_int_equal(count_facts(image, HM_FACT_AUTHENTICODE), cases[i].pes);
    }
}

static struct hm_sha256 authenticode_of(struct hm_bytes bytes)
{
    _hm_free_(hm_walk_free) struct hm_walk *walk = walk_bytes(bytes);
    const struct hm_image_fact *fact =
        hm_image_find_fact(hm_walk_image(walk), 1, HM_FACT_AUTHENTICODE);
    struct hm_sha256 sha256;

    assert_non_null(fact);
    memcpy(sha256.bytes, fact->text.data, HM_SHA256_SIZE);
    return sha256;
}

/* A signature changes no Authenticode digest, and nor does the checksum; a byte of code does. */
static void test_new__authenticode_leaves_the_signature_out(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf plain = read_seed("pe");
    _hm_done_(hm_buf_done) struct hm_buf with = read_seed("pe-signed");
    struct hm_sha256 first = authenticode_of(body_of(&plain));
    struct hm_sha256 other = authenticode_of(body_of(&with));

    assert_true(hm_digest_is_equal(&first, &other));
    plain.data[1 + 0x98 + 64] ^= 1; /* the checksum */
    other = authenticode_of(body_of(&plain));
    assert_true(hm_digest_is_equal(&first, &other));
    plain.data[1 + 0x210] ^= 1;
    other = authenticode_of(body_of(&plain));
    assert_false(hm_digest_is_equal(&first, &other));
}

static void test_new__damage_is_told(void **state)
{
    static const struct {
        const char *name;
        size_t offset; /* of the byte to turn over */
        enum hm_image_fact_kind finding;
    } cases[] = {
        {"volume", 0x60 + 0x10, HM_FACT_BAD_CHECKSUM},   /* a file's header */
        {"volume", 0x200, HM_FACT_BAD_CHECKSUM},         /* its body */
        {"volume", 0x60 + 0x16, HM_FACT_MALFORMED},      /* its size */
        {"volume", 0x5f0, HM_FACT_NOT_EMPTY},            /* free space */
        {"volume", 0x500, HM_FACT_NOT_EMPTY},            /* a pad file */
        {"volume-crc32", 0x400, HM_FACT_BAD_CHECKSUM},   /* a CRC-32 */
        {"volume-lzma", 0xa0, HM_FACT_BAD_CHECKSUM},     /* a compressed stream */
        {"volume-lzma", 0x78, HM_FACT_NOT_DECOMPRESSED}, /* its properties */
        {"flash", 0x1002, HM_FACT_BAD_CHECKSUM},         /* a network card's words */
        {"rom-legacy", 0x80, HM_FACT_BAD_CHECKSUM},      /* an option ROM */
        {"rom-chain", 0x204, HM_FACT_MALFORMED},         /* the EFI signature */
        {"rom-efi-compressed", 0x42, HM_FACT_NOT_DECOMPRESSED},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = read_seed(cases[i].name);
        _hm_free_(hm_walk_free) struct hm_walk *walk = NULL;
        const struct hm_image *image;

        buf.data[1 + cases[i].offset] ^= 0xff;
        walk = walk_bytes(body_of(&buf));
        image = hm_walk_image(walk);
        if (count_facts(image, cases[i].finding) == 0)
            fail_msg("%s, byte %zu: no finding '%s'", cases[i].name, cases[i].offset,
                     hm_image_fact_name(cases[i].finding));
    }
}

/* Cut anywhere, no seed reads outside (run with a sanitizer), and none is taken for whole. */
static void test_new__cut_anywhere(void **state)
{
    static const char *const names[] = {"volume", "volume-lzma", "rom-chain", "pe-signed",
                                        "volume-efi11"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = read_seed(names[i]);

        for (size_t size = 0; size < buf.size - 1; size += 7) {
            _hm_free_(free) char *copy = malloc(size + 1);
            struct hm_walk *walk;

            memcpy(copy, buf.data + 1, size);
            walk = walk_bytes(hm_bytes_make(copy, size));
            assert_int_equal(hm_walk_image(walk)->nodes[0].size, size);
            hm_walk_free(walk);
        }
    }
}

static void test_new__empty_and_uniform(void **state)
{
    uint8_t zeros[4096] = {0};
    _hm_free_(hm_walk_free) struct hm_walk *empty = walk_bytes(HM_BYTES_EMPTY);
    _hm_free_(hm_walk_free) struct hm_walk *uniform =
        walk_bytes(hm_bytes_make(zeros, sizeof(zeros)));

    assert_int_equal(hm_walk_image(empty)->node_count, 1);
    assert_int_equal(hm_walk_image(uniform)->node_count, 1);
    assert_int_equal(hm_walk_image(uniform)->finding_count, 0);
}

static void test_new__same_bytes_named_again_and_again(void **state)
{
    /* 16 MiB of sections, each of which is 4 bytes: past the limit of a stream. */
    size_t size = (size_t)1 << 20;
    _hm_free_(free) char *data = malloc(size);
    struct hm_err err = HM_ERR_INIT;
    struct hm_walk *walk = NULL;

    for (size_t i = 0; i < size; i += 4)
        memcpy(data + i, "\x04\x00\x00\x19", 4);
    assert_int_equal(hm_walk_new_as(hm_bytes_make(data, size), &hm_section_format, &err, &walk),
                     HM_OK);
    assert_true(hm_walk_image(walk)->is_partial);
    assert_true(count_facts(hm_walk_image(walk), HM_FACT_LIMIT) > 0);
    hm_walk_free(walk);
}

/* Sections in sections, each 4 bytes smaller: deeper than any firmware. */
static void test_new__nested_ten_thousand_deep(void **state)
{
    size_t depth = 10000;
    size_t size = depth * 4;
    _hm_free_(free) char *data = malloc(size);
    struct hm_err err = HM_ERR_INIT;
    struct hm_walk *walk = NULL;

    for (size_t i = 0; i < depth; i++) {
        size_t left = size - i * 4;

        data[i * 4] = (char)(left & 0xff);
        data[i * 4 + 1] = (char)(left >> 8 & 0xff);
        data[i * 4 + 2] = (char)(left >> 16 & 0xff);
        data[i * 4 + 3] = 0x03; /* disposable: holds sections */
    }
    assert_int_equal(hm_walk_new_as(hm_bytes_make(data, size), &hm_section_format, &err, &walk),
                     HM_OK);
    assert_true(hm_walk_image(walk)->is_partial);
    assert_true(hm_walk_image(walk)->node_count <= HM_IMAGE_DEPTH_MAX + 1);
    hm_walk_free(walk);
}

/* Refused within a second of processor time each, with the tree as far as it goes. */
static void test_new__bombs_end_at_the_budget(void **state)
{
    static const char *const names[] = {"bomb-brotli", "bomb-lzma", "bomb-lzma-nested",
                                        "bomb-lzma-dictionary", "bomb-efi11"};

    for (size_t i = 0; i < HM_ARRAY_COUNT(names); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT((size_t)1 << 20);
        struct hm_err err = HM_ERR_INIT;
        struct rusage before, after;
        struct hm_walk *walk;
        char path[256];

        (void)snprintf(path, sizeof(path), "tests/data/image/%s", names[i]);
        assert_int_equal(hm_file_read_path(path, &err, &buf), HM_OK);
        assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
        walk = walk_bytes(hm_buf_bytes(&buf));
        assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
        assert_true(after.ru_utime.tv_sec + after.ru_stime.tv_sec -
                        (before.ru_utime.tv_sec + before.ru_stime.tv_sec) <=
                    SECONDS_MAX);
        if (MEMORY_IS_OURS)
            assert_true(after.ru_maxrss < 256 * 1024);
        if (!hm_walk_image(walk)->is_partial ||
            count_facts(hm_walk_image(walk), HM_FACT_LIMIT) == 0)
            fail_msg("%s: taken for whole", names[i]);
        hm_walk_free(walk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__seeds_are_what_they_are),
        cmocka_unit_test(test_new__authenticode_leaves_the_signature_out),
        cmocka_unit_test(test_new__damage_is_told),
        cmocka_unit_test(test_new__cut_anywhere),
        cmocka_unit_test(test_new__empty_and_uniform),
        cmocka_unit_test(test_new__same_bytes_named_again_and_again),
        cmocka_unit_test(test_new__nested_ten_thousand_deep),
        cmocka_unit_test(test_new__bombs_end_at_the_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
