/* SPDX-License-Identifier: Apache-2.0 */
/* Having a firmware file scanned (scan.h). */
#include "image/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "image/module.h"
#include "image/rules.h"

#define FIRST_CAPACITY 256

_Static_assert(HM_RULES_CPU_S_MAX + HM_RULES_PART_TIME_S_MAX < HM_SCAN_CPU_S_MAX,
               "rules end before the process is ended");

void hm_scan_settings_init(struct hm_scan_settings *settings)
{
    *settings =
        (struct hm_scan_settings){.rules = HM_BUF_INIT(HM_RULES_SIZE_MAX), .arena = HM_ARENA_INIT};
}

void hm_scan_settings_done(struct hm_scan_settings *settings)
{
    hm_buf_done(&settings->rules);
    hm_arena_done(&settings->arena);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static enum hm_rc put(struct hm_buf *buf, uint64_t value, size_t size, struct hm_err *err)
{
    for (size_t i = 0; i < size; i++)
        HM_TRY(hm_buf_append_byte(buf, (uint8_t)(value >> (8 * i) & 0xff), err));
    return HM_OK;
}

static enum hm_rc add_rules(struct hm_scan_settings *settings, const char *name,
                            struct hm_bytes text, struct hm_err *err)
{
    size_t name_size = strlen(name);

    if (settings->rule_file_count == HM_RULES_FILE_COUNT_MAX || name_size > UINT16_MAX ||
        text.size > HM_RULES_SIZE_MAX - settings->rules.size ||
        name_size + 6 > HM_RULES_SIZE_MAX - settings->rules.size - text.size)
        return hm_fail(err, HM_EFORMAT, "'%s': more rules than %zu bytes in %d files", name,
                       HM_RULES_SIZE_MAX, HM_RULES_FILE_COUNT_MAX);
    settings->rule_file_count++;
    HM_TRY(put(&settings->rules, name_size, 2, err));
    HM_TRY(hm_buf_append_str(&settings->rules, name, err));
    HM_TRY(put(&settings->rules, text.size, 4, err));
    return hm_buf_append(&settings->rules, text, err);
}

static bool is_rules_name(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot != NULL && dot != name && (strcmp(dot, ".yar") == 0 || strcmp(dot, ".yara") == 0);
}

/* Who names a folder means rules: none at all would be a scan that finds nothing. */
static enum hm_rc no_rules(const char *path, struct hm_err *err)
{
    return hm_fail(err, HM_EINPUT, "'%s' has no file that ends with .yar or .yara", path);
}

static enum hm_rc add_folder(struct hm_scan_settings *settings, const struct hm_dir *folder,
                             struct hm_err *err, size_t *ret_entry_count)
{
    const char **names;
    size_t count;

    HM_TRY(
        hm_dir_list(folder, ".", HM_RULES_FILE_COUNT_MAX, &settings->arena, err, &names, &count));
    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_RULES_SIZE_MAX);

        if (!is_rules_name(names[i]))
            continue;
        HM_TRY(hm_dir_read(folder, names[i], err, &text));
        HM_TRY(add_rules(settings, names[i], hm_buf_bytes(&text), err));
    }
    *ret_entry_count = count;
    return HM_OK;
}

enum hm_rc hm_scan_add_rules_dir(struct hm_scan_settings *settings, const struct hm_dir *dir,
                                 const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    size_t before = settings->rule_file_count;
    size_t entry_count;

    HM_TRY(hm_dir_open_at(dir, path, false, err, &folder));
    HM_TRY(add_folder(settings, &folder, err, &entry_count));
    /* An empty one has no rules yet; one with files means them. */
    return entry_count == 0 || settings->rule_file_count > before ? HM_OK : no_rules(path, err);
}

enum hm_rc hm_scan_add_rules_path(struct hm_scan_settings *settings, const char *path,
                                  struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_RULES_SIZE_MAX);
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    const char *slash = strrchr(path, '/');
    size_t before = settings->rule_file_count;
    size_t entry_count;
    struct stat status;

    if (stat(path, &status) != 0)
        return hm_error_errno(err, errno, "'%s' cannot be opened", path);
    if (!S_ISDIR(status.st_mode)) {
        HM_TRY(hm_file_read_path(path, err, &text));
        return add_rules(settings, slash == NULL ? path : slash + 1, hm_buf_bytes(&text), err);
    }
    HM_TRY(hm_dir_open(path, err, &dir));
    HM_TRY(add_folder(settings, &dir, err, &entry_count));
    return settings->rule_file_count > before ? HM_OK : no_rules(path, err);
}

/* ---- deny list ------------------------------------------------------------------------------- */

static int compare_denied(const void *a, const void *b)
{
    const struct hm_scan_denied *x = a, *y = b;

    return memcmp(x->sha256.bytes, y->sha256.bytes, HM_SHA256_SIZE);
}

static enum hm_rc add_line(struct hm_scan_settings *settings, struct hm_bytes line,
                           size_t *capacity)
{
    struct hm_scan_denied denied;
    struct hm_bytes name;
    char *copy;

    if (line.size < 2 * HM_SHA256_SIZE + 3 || !hm_text_is_utf8(line) ||
        line.data[2 * HM_SHA256_SIZE] != ' ' ||
        (line.data[2 * HM_SHA256_SIZE + 1] != ' ' && line.data[2 * HM_SHA256_SIZE + 1] != '*') ||
        hm_text_unhex(hm_bytes_make(line.data, 2 * HM_SHA256_SIZE), denied.sha256.bytes,
                      HM_SHA256_SIZE) != HM_OK)
        return HM_EFORMAT;
    name = hm_bytes_make(line.data + 2 * HM_SHA256_SIZE + 2, line.size - 2 * HM_SHA256_SIZE - 2);
    copy = hm_arena_strdup(&settings->arena, name);
    if (copy == NULL)
        return HM_ENOMEM;
    denied.name = hm_bytes_str(copy);
    if (settings->denied_count == *capacity) {
        size_t grown = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
        void *moved = hm_arena_grow(&settings->arena, settings->denied, *capacity * sizeof(denied),
                                    grown * sizeof(denied));

        if (moved == NULL)
            return HM_ENOMEM;
        settings->denied = moved;
        *capacity = grown;
    }
    settings->denied[settings->denied_count++] = denied;
    return HM_OK;
}

enum hm_rc hm_scan_add_denied(struct hm_scan_settings *settings, const char *name,
                              struct hm_bytes text, struct hm_err *err)
{
    size_t capacity = settings->denied_count;
    size_t number = 0;

    for (size_t at = 0; at < text.size; number++) {
        const uint8_t *end = memchr(text.data + at, '\n', text.size - at);
        size_t size = end == NULL ? text.size - at : (size_t)(end - text.data) - at;
        struct hm_bytes line = hm_bytes_make(text.data + at, size);
        enum hm_rc rc;

        at += size + 1;
        if (line.size == 0 || line.data[0] == '#')
            continue;
        if (settings->denied_count == HM_SCAN_DENY_COUNT_MAX)
            return hm_fail(err, HM_EFORMAT, "'%s': more than %d digests", name,
                           HM_SCAN_DENY_COUNT_MAX);
        rc = add_line(settings, line, &capacity);
        if (rc == HM_ENOMEM)
            return hm_error_nomem(err);
        if (rc != HM_OK)
            return hm_fail(err, HM_EFORMAT,
                           "'%s': line %zu is no SHA-256 and name as sha256sum writes them", name,
                           number + 1);
    }
    if (settings->denied_count > 1)
        qsort(settings->denied, settings->denied_count, sizeof(*settings->denied), compare_denied);
    return HM_OK;
}

static const struct hm_scan_denied *find_denied(const struct hm_scan_settings *settings,
                                                const struct hm_sha256 *sha256)
{
    struct hm_scan_denied key = {.sha256 = *sha256};

    if (settings == NULL || settings->denied_count == 0)
        return NULL;
    return bsearch(&key, settings->denied, settings->denied_count, sizeof(key), compare_denied);
}

static enum hm_rc add_denied(struct hm_scan *scan, const struct hm_scan_denied *denied,
                             const char *what, const struct hm_finding *place, struct hm_err *err)
{
    char hex[HM_SHA256_HEX_SIZE], detail[HM_FINDING_TEXT_SIZE_MAX];
    struct hm_finding finding = *place;

    hm_text_hex(hm_bytes_make(denied->sha256.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(detail, sizeof(detail), "%s: %.*s", what,
                   (int)(denied->name.size < 300 ? denied->name.size : 300), denied->name.data);
    finding.kind = HM_FINDING_DENIED;
    finding.severity = HM_FINDING_CRITICAL;
    finding.rule = hm_bytes_str(hex);
    finding.detail = hm_bytes_str(detail);
    return hm_finding_add(&scan->findings, &finding, err);
}

static enum hm_rc add_all_denied(struct hm_scan *scan, const struct hm_scan_settings *settings,
                                 struct hm_err *err)
{
    const struct hm_image *image = &scan->inspection->image;
    const struct hm_scan_denied *denied;

    for (uint32_t i = 0; i < image->node_count; i++) {
        const struct hm_image_node *node = &image->nodes[i];
        const struct hm_image_fact *fact = hm_image_find_fact(image, i, HM_FACT_AUTHENTICODE);
        struct hm_finding place = {.node = i, .offset = node->offset, .sha256 = node->sha256};
        struct hm_sha256 sha256;

        denied = node->has_sha256 ? find_denied(settings, &node->sha256) : NULL;
        if (denied != NULL)
            HM_TRY(add_denied(scan, denied, i == 0 ? "the file" : "the part", &place, err));
        if (fact == NULL)
            continue;
        memcpy(sha256.bytes, fact->text.data, HM_SHA256_SIZE);
        denied = find_denied(settings, &sha256);
        if (denied != NULL)
            HM_TRY(add_denied(scan, denied, "the Authenticode digest", &place, err));
    }
    for (size_t i = 0; i < scan->findings.certificate_count; i++) {
        const struct hm_finding_certificate *certificate = &scan->findings.certificates[i];
        struct hm_finding place = {.node = certificate->node,
                                   .offset = certificate->offset,
                                   .sha256 = certificate->sha256};

        denied = find_denied(settings, &certificate->sha256);
        if (denied != NULL)
            HM_TRY(add_denied(scan, denied, "the certificate", &place, err));
        denied = find_denied(settings, &certificate->key_sha256);
        if (denied != NULL)
            HM_TRY(add_denied(scan, denied, "the certificate's key", &place, err));
    }
    return HM_OK;
}

/* ---- the scan -------------------------------------------------------------------------------- */

void hm_scan_free(struct hm_scan *scan)
{
    if (scan == NULL)
        return;
    hm_finding_done(&scan->findings);
    hm_inspect_free(scan->inspection);
    free(scan);
}

/* Why the look ended before its end, where it did. */
static struct hm_bytes partial_reason(const struct hm_scan *scan)
{
    const struct hm_image *image = &scan->inspection->image;

    if (scan->findings.is_partial)
        return scan->findings.why;
    for (uint32_t i = 0; i < image->fact_count; i++) {
        if (image->facts[i].kind == HM_FACT_NOT_READ || image->facts[i].kind == HM_FACT_LIMIT)
            return image->facts[i].text;
    }
    return hm_bytes_str("it could not be read to its end");
}

static enum hm_rc add_not_read(struct hm_scan *scan, struct hm_err *err)
{
    struct hm_finding finding = {.kind = HM_FINDING_NOT_READ,
                                 .severity = HM_FINDING_HIGH,
                                 .sha256 = scan->inspection->image.nodes[0].sha256,
                                 .detail = partial_reason(scan)};

    if (!scan->findings.is_partial && !scan->inspection->image.is_partial)
        return HM_OK;
    scan->findings.is_partial = true;
    /* Where all places are taken, the last gives way: this one is never missing. */
    if (scan->findings.count == HM_FINDING_COUNT_MAX)
        scan->findings.count--;
    return hm_finding_add(&scan->findings, &finding, err);
}

static enum hm_rc take(struct hm_scan *scan, struct hm_err *err)
{
    struct hm_err why = HM_ERR_INIT;
    struct hm_bytes trailer = scan->inspection->trailer;
    enum hm_rc rc;

    if (trailer.size == 0 && scan->inspection->image.is_partial)
        return HM_OK; /* it ended before it could say anything: the image says why */
    if (trailer.size == 0)
        return hm_finding_set_partial(&scan->findings, "who scanned it said nothing", err);
    rc = hm_finding_parse(trailer, &scan->inspection->image, &why, &scan->findings);
    if (rc == HM_EFORMAT)
        return hm_finding_set_partial(&scan->findings, "who scanned it gave no valid findings",
                                      err);
    if (rc != HM_OK && err != NULL)
        *err = why;
    return rc;
}

enum hm_rc hm_scan_new(int fd, const char *worker, const struct hm_scan_settings *settings,
                       struct hm_err *err, struct hm_scan **ret_scan)
{
    struct hm_inspect_options options = {
        .worker = worker,
        .scans = true,
        .rules = settings == NULL ? HM_BYTES_EMPTY : hm_buf_bytes(&settings->rules),
        .cpu_s_max = HM_SCAN_CPU_S_MAX,
        .time_ms_max = HM_SCAN_TIME_MS_MAX,
    };
    _hm_free_(hm_scan_free) struct hm_scan *scan = calloc(1, sizeof(*scan));

    if (scan == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_inspect_new(fd, &options, err, &scan->inspection));
    HM_TRY(take(scan, err));
    if (scan->findings.rules_refused)
        return hm_fail(err, HM_EINPUT, "nothing was scanned: the rules are not usable: %.*s",
                       HM_BYTES_FMT(scan->findings.why));
    HM_TRY(add_all_denied(scan, settings, err));
    HM_TRY(add_not_read(scan, err));
    *ret_scan = hm_steal(&scan);
    return HM_OK;
}

enum hm_rc hm_scan_path(const char *path, const char *worker,
                        const struct hm_scan_settings *settings, struct hm_err *err,
                        struct hm_scan **ret_scan)
{
    _hm_done_(hm_dir_close_fd) int opened = -1;
    int fd = STDIN_FILENO;
    enum hm_rc rc;

    if (strcmp(path, "-") != 0) {
        opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (opened < 0)
            return hm_error_errno(err, errno, "'%s' cannot be opened", path);
        fd = opened;
    }
    rc = hm_scan_new(fd, worker, settings, err, ret_scan);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}

/* What a person looks for by: contents and sections only wrap. */
static bool is_named(enum hm_image_kind kind)
{
    return kind != HM_IMAGE_FILE && kind != HM_IMAGE_CONTENT && kind != HM_IMAGE_SECTION;
}

enum hm_rc hm_scan_component(const struct hm_image *image, uint32_t node, struct hm_err *err,
                             struct hm_buf *buf)
{
    uint32_t path[HM_IMAGE_DEPTH_MAX + 1];
    size_t count = 0;

    for (uint32_t up = node; up != HM_IMAGE_NONE && count < HM_ARRAY_COUNT(path);
         up = image->nodes[up].parent) {
        if (is_named(image->nodes[up].kind))
            path[count++] = up;
    }
    if (count == 0)
        return hm_buf_append_str(buf, "file", err);
    for (size_t i = count; i > 0; i--) {
        HM_TRY(hm_module_label(image, path[i - 1], err, buf));
        if (i > 1)
            HM_TRY(hm_buf_append_str(buf, " > ", err));
    }
    return HM_OK;
}
