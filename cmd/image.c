/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark image: what firmware files are made of. The files are read by a confined process. */
#include "image.h"

#include "base/file.h"
#include "base/json_writer.h"
#include "base/num.h"
#include "base/text.h"
#include "image/diff.h"
#include "libexec.h"

#define PATH_SIZE_MAX 8192

void hm_image_args_done(struct hm_image_args *args)
{
    hm_buf_done(&args->worker);
}

int hm_image_args_parse(int argc, char **argv, const struct option *options, const char *command,
                        const char *usage, struct hm_image_args *args)
{
    struct hm_err err = HM_ERR_INIT;
    int option;

    *args = (struct hm_image_args){.worker = HM_BUF_INIT(PATH_SIZE_MAX)};
    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            (void)fputs(usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        case HM_IMAGE_OPTION_JSON:
            args->json = true;
            break;
        case HM_IMAGE_OPTION_DIGESTS:
            args->digests = true;
            break;
        default:
            (void)fprintf(stderr, "Try '%s --help'.\n", command);
            return 2;
        }
    }
    if (hm_libexec_find(HM_INSPECT_PROGRAM, &err, &args->worker) != HM_OK)
        return hm_cmd_fail(&err);
    return -1;
}

void hm_image_json_begin(struct hm_json_writer *writer, const char *schema)
{
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "schema", schema);
    hm_json_writer_key(writer, "files");
    hm_json_writer_array_begin(writer);
}

enum hm_rc hm_image_json_end(struct hm_json_writer *writer, const struct hm_buf *buf,
                             struct hm_err *err)
{
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
    HM_TRY(hm_json_writer_end(writer, err));
    return hm_cmd_print(hm_buf_bytes(buf), err);
}

int hm_image_worse(int a, int b)
{
    static const int order[] = {[0] = 0, [3] = 1, [1] = 2, [4] = 3};

    return order[a] >= order[b] ? a : b;
}

enum hm_rc hm_image_inspect(const struct hm_image_args *args, const char *path, bool wants_contents,
                            struct hm_err *err, struct hm_inspection **ret_inspection)
{
    struct hm_inspect_options options = {
        .worker = hm_buf_str(&args->worker),
        .wants_contents = wants_contents,
    };

    return hm_inspect_path(path, &options, err, ret_inspection);
}

/* ---- diff ------------------------------------------------------------------------------------ */

static const char diff_usage[] = "usage: hallmark image diff OLD NEW [--json]\n"
                                 "\n"
                                 "Says which modules of a firmware file are changed, added, "
                                 "removed or moved in another, however\n"
                                 "they are packed, and what is wrong with the new one. Exit "
                                 "status: 0 the same bytes; 1 others.\n"
                                 "The summary says PARTIAL where not all could be read.\n"
                                 "\n"
                                 "  --json   one JSON object, schema hallmark/image-diff/1\n";

static enum hm_rc print_diff(const struct hm_image_args *args, char **paths,
                             const struct hm_diff *diff, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_IMAGE_OUTPUT_SIZE_MAX);
    struct hm_json_writer writer;

    if (!args->json) {
        HM_TRY(hm_diff_text(diff, "", SIZE_MAX, err, &buf));
        return hm_cmd_print(hm_buf_bytes(&buf), err);
    }
    hm_json_writer_init(&writer, &buf, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/image-diff/1");
    hm_json_writer_key_str(&writer, "old", paths[0]);
    hm_json_writer_key_str(&writer, "new", paths[1]);
    HM_TRY(hm_diff_text_json(diff, err, &writer));
    hm_json_writer_object_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return hm_cmd_print(hm_buf_bytes(&buf), err);
}

static enum hm_rc run_diff(const struct hm_image_args *args, char **paths, struct hm_err *err,
                           int *ret_status)
{
    _hm_free_(hm_inspect_free) struct hm_inspection *a = NULL;
    _hm_free_(hm_inspect_free) struct hm_inspection *b = NULL;
    struct hm_diff diff;
    enum hm_rc rc;

    HM_TRY(hm_image_inspect(args, paths[0], false, err, &a));
    HM_TRY(hm_image_inspect(args, paths[1], false, err, &b));
    HM_TRY(hm_diff_make(&a->image, &b->image, err, &diff));
    /* The digests are ours: equal files are equal, whatever could be read of them. */
    *ret_status = diff.is_equal ? 0 : 1;
    rc = print_diff(args, paths, &diff, err);
    hm_diff_done(&diff);
    return rc;
}

static int image_diff(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, HM_IMAGE_OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char command[] = "hallmark image diff";
    _hm_done_(hm_image_args_done) struct hm_image_args args = {.json = false};
    struct hm_err err = HM_ERR_INIT;
    int status = hm_image_args_parse(argc, argv, options, command, diff_usage, &args);
    int answer = 4;

    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return hm_cmd_usage(command, "two files are expected, the old one and the new one");
    if (run_diff(&args, argv + optind, &err, &answer) != HM_OK)
        return hm_cmd_fail(&err);
    return answer;
}

/* ---- extract --------------------------------------------------------------------------------- */

static const char extract_usage[] =
    "usage: hallmark image extract FILE DIR [NODE...] [--json]\n"
    "\n"
    "Writes parts of a firmware file, decompressed, into DIR, a file each: those with the numbers\n"
    "that 'hallmark image show' prints, or else all that have no parts of their own. Prints the\n"
    "SHA-256 and name of each. No file that is there is written over. Exit status: 0 all there "
    "is;\n"
    "3 not all could be read.\n"
    "\n"
    "  --json   one JSON object, schema hallmark/image-extract/1\n";

#define FILE_NAME_SIZE 96
/* Of a name in the image, in a file's name. */
#define NAME_PART_SIZE 40

/* "00012.pe.AcmeDxe": the number makes it unique; of the image's own words only what is safe in
 * any file name. */
static void make_name(const struct hm_image *image, uint32_t node, char ret_name[FILE_NAME_SIZE])
{
    const struct hm_image_fact *fact = NULL;
    size_t size;

    for (uint32_t up = node; up != HM_IMAGE_NONE && fact == NULL; up = image->nodes[up].parent)
        fact = hm_image_find_fact(image, up, HM_FACT_NAME);
    (void)snprintf(ret_name, FILE_NAME_SIZE, "%05u.%s", node,
                   hm_image_kind_name(image->nodes[node].kind));
    size = strlen(ret_name);
    if (fact == NULL)
        return;
    ret_name[size++] = '.';
    for (size_t i = 0; i < fact->text.size && i < NAME_PART_SIZE; i++) {
        char c = (char)fact->text.data[i];
        bool is_safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';

        ret_name[size++] = is_safe ? c : '_';
    }
    ret_name[size] = '\0';
}

struct extract {
    const struct hm_inspection *inspection;
    struct hm_dir dir;
    uint64_t size_left; /* no more than the image has: parts may overlap */
    struct hm_json_writer writer;
    struct hm_buf buf;
    bool json;
};

static void extract_done(struct extract *extract)
{
    hm_dir_done(&extract->dir);
    hm_buf_done(&extract->buf);
}

static enum hm_rc tell(struct extract *extract, const char *name, struct hm_bytes bytes,
                       struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;

    HM_TRY(hm_digest_sha256(bytes, err, &sha256));
    if (!extract->json) {
        hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
        return hm_buf_append_fmt(&extract->buf, err, "%s  %s\n", hex, name);
    }
    hm_json_writer_object_begin(&extract->writer);
    hm_json_writer_key_str(&extract->writer, "name", name);
    hm_json_writer_key(&extract->writer, "size");
    hm_json_writer_u64(&extract->writer, bytes.size);
    hm_json_writer_key(&extract->writer, "sha256");
    hm_json_writer_hex(&extract->writer, hm_bytes_make(sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_object_end(&extract->writer);
    return HM_OK;
}

static enum hm_rc extract_node(struct extract *extract, uint32_t node, struct hm_err *err)
{
    struct hm_bytes bytes = hm_inspect_bytes(extract->inspection, node);
    char name[FILE_NAME_SIZE];

    if (bytes.size > extract->size_left)
        return hm_fail(err, HM_EREFUSED, "its parts overlap: they are larger than the whole");
    extract->size_left -= bytes.size;
    make_name(&extract->inspection->image, node, name);
    HM_TRY(hm_file_create(&extract->dir, name, 0644, bytes, err));
    return tell(extract, name, bytes, err);
}

static enum hm_rc extract_leaves(struct extract *extract, struct hm_err *err)
{
    const struct hm_image *image = &extract->inspection->image;

    for (uint32_t node = 0; node != HM_IMAGE_NONE; node = hm_image_next(image, node)) {
        const struct hm_image_node *of = &image->nodes[node];

        if (of->first_child == HM_IMAGE_NONE && of->kind != HM_IMAGE_PADDING && of->size > 0)
            HM_TRY(extract_node(extract, node, err));
    }
    return HM_OK;
}

static enum hm_rc extract_listed(struct extract *extract, int count, char **numbers,
                                 struct hm_err *err)
{
    for (int i = 0; i < count; i++) {
        uint64_t node;

        if (hm_num_parse_u64(numbers[i], strlen(numbers[i]), &node) != HM_OK)
            return hm_fail(err, HM_EUSAGE, "'%s' is no number of a part", numbers[i]);
        if (node >= extract->inspection->image.node_count)
            return hm_fail(err, HM_EINPUT, "the file has no part %s: the last is %u", numbers[i],
                           extract->inspection->image.node_count - 1);
        extract->size_left = SIZE_MAX; /* the user's own choice */
        HM_TRY(extract_node(extract, (uint32_t)node, err));
    }
    return HM_OK;
}

static enum hm_rc run_extract(struct extract *extract, int count, char **operands,
                              struct hm_err *err)
{
    const struct hm_image *image = &extract->inspection->image;

    for (uint32_t i = 0; i < image->space_count; i++)
        extract->size_left += image->space_sizes[i];
    HM_TRY(hm_dir_make(operands[1], 0755, err, &extract->dir));
    hm_json_writer_init(&extract->writer, &extract->buf, true);
    if (extract->json) {
        hm_json_writer_object_begin(&extract->writer);
        hm_json_writer_key_str(&extract->writer, "schema", "hallmark/image-extract/1");
        hm_json_writer_key_str(&extract->writer, "file", operands[0]);
        hm_json_writer_key(&extract->writer, "partial");
        hm_json_writer_bool(&extract->writer, image->is_partial);
        hm_json_writer_key(&extract->writer, "parts");
        hm_json_writer_array_begin(&extract->writer);
    }
    if (count > 2)
        HM_TRY(extract_listed(extract, count - 2, operands + 2, err));
    else
        HM_TRY(extract_leaves(extract, err));
    if (extract->json) {
        hm_json_writer_array_end(&extract->writer);
        hm_json_writer_object_end(&extract->writer);
        HM_TRY(hm_json_writer_end(&extract->writer, err));
    }
    return hm_cmd_print(hm_buf_bytes(&extract->buf), err);
}

static int image_extract(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, HM_IMAGE_OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char command[] = "hallmark image extract";
    _hm_done_(hm_image_args_done) struct hm_image_args args = {.json = false};
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection = NULL;
    _hm_done_(extract_done) struct extract extract = {.dir = HM_DIR_INIT,
                                                      .buf = HM_BUF_INIT(HM_IMAGE_OUTPUT_SIZE_MAX)};
    struct hm_err err = HM_ERR_INIT;
    int status = hm_image_args_parse(argc, argv, options, command, extract_usage, &args);

    if (status >= 0)
        return status;
    if (argc - optind < 2)
        return hm_cmd_usage(command, "a file and a folder are expected");
    if (hm_image_inspect(&args, argv[optind], true, &err, &inspection) != HM_OK)
        return hm_cmd_fail(&err);
    extract.inspection = inspection;
    extract.json = args.json;
    if (run_extract(&extract, argc - optind, argv + optind, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return inspection->image.is_partial ? 3 : 0;
}

/* ---- the group ------------------------------------------------------------------------------- */

int hm_cmd_image(int argc, char **argv)
{
    static const struct hm_cmd commands[] = {
        {"show", hm_cmd_image_show, "print what a firmware file is made of"},
        {"diff", image_diff, "print what changed between two"},
        {"extract", image_extract, "write its parts into a folder"},
        {"scan", hm_cmd_image_scan, "look for what should not be in it"},
        {NULL, NULL, NULL},
    };

    return hm_cmd_dispatch("hallmark image", commands, argc, argv);
}
