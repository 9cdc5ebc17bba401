/* SPDX-License-Identifier: Apache-2.0 */
/* hallmark image scan: what in a firmware file should not be there. */
#include "image.h"

#include <inttypes.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "image/scan.h"
#include "libexec.h"

enum { OPTION_RULES = 512, OPTION_DENY };

static const char scan_usage[] =
    "usage: hallmark image scan FILE... [--rules FILE|DIR]... [--deny FILE]... [--json]\n"
    "\n"
    "Looks for what should not be in firmware files, decompressed: matches of YARA rules, digests\n"
    "of a deny list, private keys, certificates that are for tests or weak, executables that are\n"
    "unsigned beside signed ones, and executables where none belong. Exit status: 0 nothing was\n"
    "found; 1 something was; 3 not all could be read. FILE '-' is standard input.\n"
    "\n"
    "  --rules FILE|DIR   YARA rules; of a folder, each file that ends with .yar or .yara\n"
    "  --deny FILE        SHA-256 digests as sha256sum writes them: of files, parts, executables\n"
    "                     (Authenticode), certificates, or their keys (SubjectPublicKeyInfo)\n"
    "  --json             one JSON object, schema hallmark/image-scan/1\n";

struct scan_args {
    bool json;
    struct hm_buf worker;
    struct hm_scan_settings settings;
};

static void scan_args_done(struct scan_args *args)
{
    hm_buf_done(&args->worker);
    hm_scan_settings_done(&args->settings);
}

static enum hm_rc add_deny_file(struct scan_args *args, const char *path, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_SCAN_DENY_SIZE_MAX);

    HM_TRY(hm_file_read_path(path, err, &text));
    return hm_scan_add_denied(&args->settings, path, hm_buf_bytes(&text), err);
}

/* -1 to go on. */
static int parse_args(int argc, char **argv, struct scan_args *args)
{
    static const struct option options[] = {
        {"rules", required_argument, NULL, OPTION_RULES},
        {"deny", required_argument, NULL, OPTION_DENY},
        {"json", no_argument, NULL, HM_IMAGE_OPTION_JSON},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = HM_OK;
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            (void)fputs(scan_usage, stdout);
            return fflush(stdout) == 0 ? 0 : 4;
        case HM_IMAGE_OPTION_JSON:
            args->json = true;
            break;
        case OPTION_RULES:
            rc = hm_scan_add_rules_path(&args->settings, optarg, &err);
            break;
        case OPTION_DENY:
            rc = add_deny_file(args, optarg, &err);
            break;
        default:
            (void)fprintf(stderr, "Try 'hallmark image scan --help'.\n");
            return 2;
        }
        if (rc == HM_EFORMAT) /* it is no answer about any file */
            err.rc = HM_EINPUT;
        if (rc != HM_OK)
            return hm_cmd_fail(&err);
    }
    if (optind == argc)
        return hm_cmd_usage("hallmark image scan", "no file is given");
    if (hm_libexec_find(HM_SCAN_PROGRAM, &err, &args->worker) != HM_OK)
        return hm_cmd_fail(&err);
    return -1;
}

static enum hm_rc append_finding(const struct hm_image *image, const struct hm_finding *finding,
                                 struct hm_err *err, struct hm_buf *buf)
{
    char id[HM_FINDING_ID_SIZE];

    HM_TRY(hm_finding_id(finding, err, id));
    HM_TRY(hm_buf_append_fmt(buf, err, "  %s  %-8s  %s", id,
                             hm_finding_severity_name(finding->severity),
                             hm_finding_kind_name(finding->kind)));
    if (finding->rule.size > 0) {
        HM_TRY(hm_buf_append_byte(buf, ' ', err));
        HM_TRY(hm_text_escape(buf, finding->rule, err));
    }
    HM_TRY(hm_buf_append_fmt(buf, err, "\n      at 0x%" PRIx64 " of ", finding->offset));
    HM_TRY(hm_scan_component(image, finding->node, err, buf));
    if (finding->detail.size > 0) {
        HM_TRY(hm_buf_append_str(buf, "\n      ", err));
        HM_TRY(hm_text_escape(buf, finding->detail, err));
    }
    return hm_buf_append_byte(buf, '\n', err);
}

static enum hm_rc print_text(const char *path, const struct hm_scan *scan, struct hm_err *err,
                             struct hm_buf *buf)
{
    const struct hm_findings *findings = &scan->findings;

    HM_TRY(hm_text_escape(buf, hm_bytes_str(path), err));
    HM_TRY(hm_buf_append_fmt(buf, err, ": %zu finding%s%s\n", findings->count,
                             findings->count == 1 ? "" : "s",
                             findings->is_partial ? ", PARTIAL" : ""));
    for (size_t i = 0; i < findings->count; i++)
        HM_TRY(append_finding(&scan->inspection->image, &findings->items[i], err, buf));
    return hm_cmd_print(hm_buf_bytes(buf), err);
}

static enum hm_rc write_finding(const struct hm_image *image, const struct hm_finding *finding,
                                struct hm_err *err, struct hm_json_writer *writer)
{
    _hm_done_(hm_buf_done) struct hm_buf component = HM_BUF_INIT((size_t)1 << 20);
    char id[HM_FINDING_ID_SIZE];

    HM_TRY(hm_finding_id(finding, err, id));
    HM_TRY(hm_scan_component(image, finding->node, err, &component));
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "id", id);
    hm_json_writer_key_str(writer, "kind", hm_finding_kind_name(finding->kind));
    hm_json_writer_key_str(writer, "severity", hm_finding_severity_name(finding->severity));
    hm_json_writer_key(writer, "rule");
    hm_json_writer_string(writer, finding->rule);
    hm_json_writer_key(writer, "detail");
    hm_json_writer_string(writer, finding->detail);
    hm_json_writer_key(writer, "node");
    hm_json_writer_u64(writer, finding->node);
    hm_json_writer_key(writer, "space");
    hm_json_writer_u64(writer, image->nodes[finding->node].space);
    hm_json_writer_key(writer, "offset");
    hm_json_writer_u64(writer, finding->offset);
    hm_json_writer_key_str(writer, "component", hm_buf_str(&component));
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(finding->sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static enum hm_rc write_file(const char *path, const struct hm_scan *scan, struct hm_err *err,
                             struct hm_json_writer *writer)
{
    const struct hm_image *image = &scan->inspection->image;

    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "file", path);
    hm_json_writer_key(writer, "size");
    hm_json_writer_u64(writer, scan->inspection->file.size);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, hm_bytes_make(image->nodes[0].sha256.bytes, HM_SHA256_SIZE));
    hm_json_writer_key(writer, "partial");
    hm_json_writer_bool(writer, scan->findings.is_partial);
    hm_json_writer_key(writer, "findings");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < scan->findings.count; i++)
        HM_TRY(write_finding(image, &scan->findings.items[i], err, writer));
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

/* Something was found, other than that the look ended: 1; it ended: 3. */
static int status_of(const struct hm_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].kind != HM_FINDING_NOT_READ)
            return 1;
    }
    return findings->count > 0 ? 3 : 0;
}

static int scan_file(const struct scan_args *args, const char *path, struct hm_json_writer *writer,
                     struct hm_buf *buf)
{
    _hm_free_(hm_scan_free) struct hm_scan *scan = NULL;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc;

    if (hm_scan_path(path, hm_buf_str(&args->worker), &args->settings, &err, &scan) != HM_OK)
        return hm_cmd_fail(&err);
    rc = args->json ? write_file(path, scan, &err, writer) : print_text(path, scan, &err, buf);
    if (!args->json)
        hm_buf_clear(buf);
    return rc == HM_OK ? status_of(&scan->findings) : hm_cmd_fail(&err);
}

int hm_cmd_image_scan(int argc, char **argv)
{
    _hm_done_(scan_args_done) struct scan_args args = {.worker = HM_BUF_INIT(8192)};
    _hm_done_(hm_buf_done) struct hm_buf buf = HM_BUF_INIT(HM_IMAGE_OUTPUT_SIZE_MAX);
    struct hm_err err = HM_ERR_INIT;
    struct hm_json_writer writer;
    int worst = 0;
    int status;

    hm_scan_settings_init(&args.settings);
    status = parse_args(argc, argv, &args);
    if (status >= 0)
        return status;
    hm_json_writer_init(&writer, &buf, true);
    if (args.json)
        hm_image_json_begin(&writer, "hallmark/image-scan/1");
    for (int i = optind; i < argc; i++)
        worst = hm_image_worse(worst, scan_file(&args, argv[i], &writer, &buf));
    if (args.json && hm_image_json_end(&writer, &buf, &err) != HM_OK)
        return hm_cmd_fail(&err);
    return worst;
}
