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

static uint64_t size_of_kind(const struct hm_image *image, enum hm_image_kind kind)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < image->node_count; i++)
        size += image->nodes[i].kind == kind ? image->nodes[i].size : 0;
    return size;
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
        {"capsule-fmp", HM_IMAGE_PAYLOAD, 2, 0, 2, 2},
        {"capsule-fmp-signed", HM_IMAGE_PAYLOAD, 1, 0, 0, 0},
        {"capsule-aptio", HM_IMAGE_CAPSULE, 1, 0, 1, 2},
        {"microcode-intel", HM_IMAGE_MICROCODE, 2, 0, 0, 0},
        {"microcode-amd", HM_IMAGE_MICROCODE, 3, 0, 0, 0},
        {"uimage", HM_IMAGE_UIMAGE, 1, 0, 0, 1},
        {"device-tree", HM_IMAGE_DEVICE_TREE, 1, 0, 0, 1},
        {"fit", HM_IMAGE_PAYLOAD, 1, 0, 0, 2},
        {"fit-external", HM_IMAGE_PAYLOAD, 2, 0, 0, 3},
        {"cbfs", HM_IMAGE_CBFS_FILE, 3, 1, 0, 3},
        {"squashfs", HM_IMAGE_SQUASHFS, 1, 0, 0, 0},
        {"ubi", HM_IMAGE_UBI, 1, 0, 0, 0},
        {"cabinet", HM_IMAGE_PAYLOAD, 2, 1, 1, 4},
        {"pldm", HM_IMAGE_PAYLOAD, 2, 0, 1, 2},
        {"pfs", HM_IMAGE_PAYLOAD, 4, 0, 1, 2},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = read_seed(cases[i].name);
        _hm_free_(hm_walk_free) struct hm_walk *walk = walk_bytes(body_of(&buf));
        const struct hm_image *image = hm_walk_image(walk);

        if (image->finding_count != 0 || count_kind(image, cases[i].kind) != cases[i].count)
            fail_msg("%s: %u findings, %zu parts of that kind", cases[i].name, image->finding_count,
                     count_kind(image, cases[i].kind));
        assert_false(image->is_partial);
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
        {"capsule-fmp", 0x1a, HM_FACT_TRUNCATED},         /* a capsule's size */
        {"capsule-fmp", 0x1c, HM_FACT_MALFORMED},         /* FMP's version */
        {"capsule-fmp", 0x28, HM_FACT_TRUNCATED},         /* where a driver begins */
        {"capsule-fmp", 0x434, HM_FACT_MALFORMED},        /* a payload's version */
        {"capsule-fmp", 0x434 + 0x1a, HM_FACT_TRUNCATED}, /* its image's size */
        {"microcode-intel", 0x100, HM_FACT_BAD_CHECKSUM}, /* data */
        {"uimage", 0x80, HM_FACT_BAD_CHECKSUM},           /* data */
        {"fit", 0x100, HM_FACT_BAD_CHECKSUM},             /* an image of a FIT */
        {"fit", 0x3b, HM_FACT_MALFORMED},                 /* its first word */
        {"fit-external", 0x400, HM_FACT_BAD_CHECKSUM},    /* an image behind it */
        {"cbfs", 0xc8, HM_FACT_NOT_DECOMPRESSED},         /* properties of LZMA */
        {"squashfs", 0x200 + 0x29, HM_FACT_TRUNCATED},    /* bytes used */
        {"cabinet", 0x24 + 1, HM_FACT_MALFORMED},         /* where the blocks are */
        {"pldm", 0x24, HM_FACT_BAD_CHECKSUM},             /* a version */
        {"pldm", 0x13, HM_FACT_BAD_CHECKSUM},             /* a time */
        {"pfs", 0x80, HM_FACT_BAD_CHECKSUM},              /* an entry */
        {"pfs", 0x3a, HM_FACT_TRUNCATED},                 /* its size */
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
    static const char *const names[] = {
        "volume",       "volume-lzma",        "rom-chain",     "pe-signed",
        "volume-efi11", "capsule-fmp",        "capsule-aptio", "cbfs",
        "fit",          "fit-external",       "microcode-amd", "microcode-intel",
        "uimage",       "device-tree",        "cabinet",       "pldm",
        "pfs",          "capsule-fmp-signed",
    };

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

/* Headers that are nearly one, in the middle of something else, are taken for nothing. */
static void test_new__what_is_nearly_a_format(void **state)
{
    static const struct {
        const char *name;
        size_t offset;
        uint8_t value;
        enum hm_image_kind kind;
    } cases[] = {
        {"microcode-intel", 0x08, 0x1a, HM_IMAGE_MICROCODE}, /* a digit of the date that is none */
        {"microcode-intel", 0x0b, 0x13, HM_IMAGE_MICROCODE}, /* month 13 */
        {"microcode-intel", 0x21, 0x05, HM_IMAGE_MICROCODE}, /* no multiple of 1024 */
        {"microcode-intel", 0x22, 0x7f, HM_IMAGE_MICROCODE}, /* larger than the file */
        {"microcode-amd", 0x08, 0x21, HM_IMAGE_MICROCODE},   /* half an entry in the table */
        {"uimage", 0x0c, 0x01, HM_IMAGE_UIMAGE},             /* the header's checksum is another */
        {"ubi", 0x08, 0x01, HM_IMAGE_UBI},                   /* likewise */
        {"squashfs", 0x200 + 0x1c, 0x03, HM_IMAGE_SQUASHFS}, /* version 3 */
        {"squashfs", 0x200 + 0x16, 0x12, HM_IMAGE_SQUASHFS}, /* block size and its logarithm */
        {"device-tree", 0x17, 0x10, HM_IMAGE_DEVICE_TREE},   /* version 16 */
        {"device-tree", 0x05, 0x7f, HM_IMAGE_DEVICE_TREE},   /* larger than the file */
        {"cbfs", 0x08, 0x7f, HM_IMAGE_CBFS_FILE},            /* the first file is larger */
        {"cabinet", 0x19, 0x02, HM_IMAGE_CABINET},           /* version 2 */
        {"cabinet", 0x0a, 0x7f, HM_IMAGE_CABINET},           /* larger than the file */
        {"pldm", 0x10, 0x09, HM_IMAGE_PACKAGE},              /* revision 9 */
        {"pldm", 0x12, 0xff, HM_IMAGE_PACKAGE},              /* header larger than the file */
        {"pfs", 0x0d, 0x7f, HM_IMAGE_PACKAGE},               /* no footer where it must be */
        {"capsule-aptio", 0x12, 0x01, HM_IMAGE_CAPSULE},     /* header larger than the file */
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf buf = read_seed(cases[i].name);
        _hm_free_(hm_walk_free) struct hm_walk *walk = walk_bytes(body_of(&buf));
        _hm_free_(hm_walk_free) struct hm_walk *other = NULL;
        uint64_t size = size_of_kind(hm_walk_image(walk), cases[i].kind);

        assert_true(size > 0);
        buf.data[1 + cases[i].offset] = cases[i].value;
        other = walk_bytes(body_of(&buf));
        if (size_of_kind(hm_walk_image(other), cases[i].kind) >= size)
            fail_msg("%s, byte %zu: taken", cases[i].name, cases[i].offset);
    }
}

/* The search asks by a bit each. */
static void test_table__is_not_too_long(void **state)
{
    size_t count = 0;

    while (hm_format_table[count] != NULL)
        count++;
    assert_true(count <= 32);
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
        cmocka_unit_test(test_new__what_is_nearly_a_format),
        cmocka_unit_test(test_table__is_not_too_long),
        cmocka_unit_test(test_new__empty_and_uniform),
        cmocka_unit_test(test_new__same_bytes_named_again_and_again),
        cmocka_unit_test(test_new__nested_ten_thousand_deep),
        cmocka_unit_test(test_new__bombs_end_at_the_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
