/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark image show: the tree of a firmware file, for people and programs. */
#include "image.h"

#include <inttypes.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "image/module.h"

/* Something is wrong with it, other than that the look ended: 1; it ended: 3. */
static int status_of(const struct hm_image *image)
{
    for (uint32_t i = 0; i < image->fact_count; i++) {
        enum hm_image_fact_kind kind = image->facts[i].kind;

        if (hm_image_fact_is_finding(kind) && kind != HM_FACT_LIMIT && kind != HM_FACT_NOT_READ)
            return 1;
    }
    return image->is_partial ? 3 : 0;
}

static const char show_usage[] =
    "usage: hallmark image show FILE... [--digests] [--json]\n"
    "\n"
    "Shows what firmware files are made of, decompressed: each part with its number, offset, "
    "size,\n"
    "kind, GUID and name, and what is wrong with it. Exit status: 0 nothing is; 1 something is;\n"
    "3 a limit ended the look inside, or who read the file crashed: the tree is partial.\n"
    "FILE '-' is standard input.\n"
    "\n"
    "  --digests   a line with the SHA-256 of each part, too\n"
    "  --json      one JSON object, schema hallmark/image-show/1\n";

static enum hm_rc append_number(enum hm_image_form form, uint64_t number, struct hm_err *err,
                                struct hm_buf *buf)
{
    char when[HM_TIME_TEXT_SIZE];

    switch (form) {
    case HM_IMAGE_FORM_HEX:
        return hm_buf_append_fmt(buf, err, "0x%" PRIx64, number);
    case HM_IMAGE_FORM_HEX16:
        return hm_buf_append_fmt(buf, err, "%04" PRIx64, number);
    case HM_IMAGE_FORM_TIME:
        /* A linker's time; some write a digest into the field. */
        hm_time_format(number > INT32_MAX ? INT32_MAX : (int64_t)number, when);
        return hm_buf_append_str(buf, when, err);
    default:
        return hm_buf_append_fmt(buf, err, "%" PRIu64, number);
    }
}

static enum hm_rc append_hex(struct hm_bytes bytes, struct hm_err *err, struct hm_buf *buf)
{
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(bytes, hex); /* a digest */
    return hm_buf_append_str(buf, hex, err);
}

/* What the label does not say already. */
static bool is_shown(enum hm_image_fact_kind kind)
{
    return kind != HM_FACT_TYPE && kind != HM_FACT_NAME && kind != HM_FACT_VENDOR_ID &&
           kind != HM_FACT_DEVICE_ID && kind != HM_FACT_AUTHENTICODE &&
           !hm_image_fact_is_finding(kind);
}

static enum hm_rc append_facts(const struct hm_image *image, uint32_t node, struct hm_err *err,
                               struct hm_buf *buf)
{
    const char *separator = "  ";

    for (uint32_t i = image->nodes[node].first_fact; i != HM_IMAGE_NONE; i = image->facts[i].next) {
        const struct hm_image_fact *fact = &image->facts[i];

        if (!is_shown(fact->kind))
            continue;
        HM_TRY(hm_buf_append_fmt(buf, err, "%s%s ", separator, hm_image_fact_name(fact->kind)));
        if (hm_image_fact_form(fact->kind) == HM_IMAGE_FORM_TEXT)
            HM_TRY(hm_text_escape(buf, fact->text, err));
        else
            HM_TRY(append_number(hm_image_fact_form(fact->kind), fact->number, err, buf));
        separator = ", ";
    }
    return hm_buf_append_byte(buf, '\n', err);
}

/* Lines below a node's own: digests, and findings. */
static enum hm_rc append_below(const struct hm_image_args *args, const struct hm_image *image,
                               uint32_t node, int indent, struct hm_err *err, struct hm_buf *buf)
{
    const struct hm_image_node *of = &image->nodes[node];
    const struct hm_image_fact *measured = hm_module_measured(image, node);

    if (args->digests && of->has_sha256) {
        HM_TRY(hm_buf_append_fmt(buf, err, "%*ssha256 ", indent, ""));
        HM_TRY(append_hex(hm_bytes_make(of->sha256.bytes, HM_SHA256_SIZE), err, buf));
        HM_TRY(hm_buf_append_byte(buf, '\n', err));
    }
    if (measured != NULL) {
        HM_TRY(hm_buf_append_fmt(buf, err, "%*spcr2-event-sha256 ", indent, ""));
        HM_TRY(append_hex(measured->text, err, buf));
        HM_TRY(hm_buf_append_byte(buf, '\n', err));
    }
    for (uint32_t i = of->first_fact; i != HM_IMAGE_NONE; i = image->facts[i].next) {
        const struct hm_image_fact *fact = &image->facts[i];

        if (fact->kind == HM_FACT_AUTHENTICODE && args->digests) {
            HM_TRY(hm_buf_append_fmt(buf, err, "%*sauthenticode-sha256 ", indent, ""));
            HM_TRY(append_hex(fact->text, err, buf));
        } else if (hm_image_fact_is_finding(fact->kind)) {
            HM_TRY(hm_buf_append_fmt(buf, err, "%*s! %s: ", indent, "",
                                     hm_image_fact_name(fact->kind)));
            HM_TRY(hm_text_escape(buf, fact->text, err));
        } else {
            continue;
        }
        HM_TRY(hm_buf_append_byte(buf, '\n', err));
    }
    return HM_OK;
}

static enum hm_rc append_node(const struct hm_image_args *args, const struct hm_image *image,
                              uint32_t node, struct hm_err *err, struct hm_buf *buf)
{
    const struct hm_image_node *of = &image->nodes[node];
    int indent = (int)of->depth * 2; /* at most HM_IMAGE_DEPTH_MAX */
    char size[16];

    hm_text_size(of->size, size);
    HM_TRY(hm_buf_append_fmt(buf, err, "%5u  %08" PRIx64 "  %9s  %*s", node, of->offset, size,
                             indent, ""));
    HM_TRY(hm_module_label(image, node, err, buf));
    HM_TRY(append_facts(image, node, err, buf));
    return append_below(args, image, node, indent + 28, err, buf);
}

static enum hm_rc show_text(const struct hm_image_args *args, const char *path,
                            const struct hm_inspection *inspection, struct hm_err *err,
                            struct hm_buf *buf)
{
    const struct hm_image *image = &inspection->image;

    HM_TRY(hm_text_escape(buf, hm_bytes_str(path), err));
    HM_TRY(hm_buf_append_fmt(buf, err, "  %zu bytes  sha256 ", inspection->file.size));
    HM_TRY(append_hex(hm_bytes_make(image->nodes[0].sha256.bytes, HM_SHA256_SIZE), err, buf));
    HM_TRY(hm_buf_append_fmt(buf, err, "  %u parts, %u findings%s\n", image->node_count,
                             image->finding_count, image->is_partial ? ", PARTIAL" : ""));
    for (uint32_t node = 0; node != HM_IMAGE_NONE; node = hm_image_next(image, node))
        HM_TRY(append_node(args, image, node, err, buf));
    return HM_OK;
}

static void write_value(struct hm_json_writer *writer, const struct hm_image_fact *fact)
{
    switch (hm_image_fact_form(fact->kind)) {
    case HM_IMAGE_FORM_TEXT:
        hm_json_writer_string(writer, fact->text);
        break;
    case HM_IMAGE_FORM_DIGEST:
        hm_json_writer_hex(writer, fact->text);
        break;
    default:
        hm_json_writer_u64(writer, fact->number);
        break;
    }
}

static void write_facts(struct hm_json_writer *writer, const struct hm_image *image, uint32_t node,
                        bool are_findings)
{
    hm_json_writer_key(writer, are_findings ? "findings" : "facts");
    hm_json_writer_array_begin(writer);
    for (uint32_t i = image->nodes[node].first_fact; i != HM_IMAGE_NONE; i = image->facts[i].next) {
        const struct hm_image_fact *fact = &image->facts[i];

        if (hm_image_fact_is_finding(fact->kind) != are_findings)
            continue;
        hm_json_writer_object_begin(writer);
        hm_json_writer_key(writer, hm_image_fact_name(fact->kind));
        write_value(writer, fact);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
}

static void write_node(struct hm_json_writer *writer, const struct hm_image *image, uint32_t node)
{
    const struct hm_image_node *of = &image->nodes[node];
    const struct hm_image_fact *measured = hm_module_measured(image, node);
    char guid[HM_GUID_TEXT_SIZE];

    hm_json_writer_object_begin(writer);
    hm_json_writer_key(writer, "node");
    hm_json_writer_u64(writer, node);
    if (of->parent != HM_IMAGE_NONE) {
        hm_json_writer_key(writer, "parent");
        hm_json_writer_u64(writer, of->parent);
    }
    hm_json_writer_key_str(writer, "kind", hm_image_kind_name(of->kind));
    hm_json_writer_key(writer, "space");
    hm_json_writer_u64(writer, of->space);
    hm_json_writer_key(writer, "offset");
    hm_json_writer_u64(writer, of->offset);
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, of->size);
    if (of->has_guid) {
        hm_guid_text(&of->guid, guid);
        hm_json_writer_key_str(writer, "guid", guid);
        if (hm_guid_name(&of->guid) != NULL)
            hm_json_writer_key_str(writer, "guid_name", hm_guid_name(&of->guid));
    }
    if (of->has_sha256) {
        hm_json_writer_key(writer, "sha256");
        hm_json_writer_hex(writer, hm_bytes_make(of->sha256.bytes, HM_SHA256_SIZE));
    }
    if (measured != NULL) {
        hm_json_writer_key(writer, "pcr2_event_sha256");
        hm_json_writer_hex(writer, measured->text);
    }
    write_facts(writer, image, node, false);
    write_facts(writer, image, node, true);
    hm_json_writer_object_end(writer);
}

static void show_json(struct hm_json_writer *writer, const char *path,
                      const struct hm_inspection *inspection)
{
    const struct hm_image *image = &inspection->image;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "file", path);
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, inspection->file.size);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(image->nodes[0].sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_key(writer, "partial");
    hm_json_writer_bool(writer, image->is_partial);
    hm_json_writer_key(writer, "findings");
    hm_json_writer_u64(writer, image->finding_count);
    hm_json_writer_key(writer, "nodes");
    hm_json_writer_array_begin(writer);
    for (uint32_t node = 0; node != HM_IMAGE_NONE; node = hm_image_next(image, node))
        write_node(writer, image, node);
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
}

/* One file into the output; its exit status. */
static int show_file(const struct hm_image_args *args, const char *path,
                     struct hm_json_writer *writer, struct hm_buf *buf)
{
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (hm_image_inspect(args, path, false, &err, &inspection) != HM_OK)
        return hm_cmd_fail(&err);
    if (args->json) {
        show_json(writer, path, inspection);
    } else if (show_text(args, path, inspection, &err, buf) != HM_OK ||
               hm_cmd_print(hm_buf_bytes(buf), &err) != HM_OK) {
        return hm_cmd_fail(&err);
    }
    if (!args->json)
        hm_buf_clear(buf);
    return status_of(&inspection->image);
}

int hm_cmd_image_show(int argc, char **argv)
{
    static const struct option options[] = {
        {"digests", no_argument, NULL, HM_IMAGE_OPTION_DIGESTS},
        {"json", no_argument, NULL, HM_IMAGE_OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static const char command[] = "hallmark image show";
    _hm_done_(hm_image_args_done) struct hm_image_args args = {.json = false};
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_IMAGE_OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;
    int status = hm_image_args_parse(argc, argv, options, command, show_usage, &args);
    int worst = 0;

    if (status >= 0)
        return status;
    if (optind == argc)
        return hm_cmd_usage(command, "no file is given");
    hm_json_writer_init(&writer, &buf, true);
    if (args.json)
        hm_image_json_begin(&writer, "hallmark/image-show/1");
    for (int i = optind; i < argc; i++)
        worst = hm_image_worse(worst, show_file(&args, argv[i], &writer, &buf));
    if (args.json && hm_image_json_end(&writer, &buf, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return worst;
}
