/* SPDX-License-Identifier: Apache-2.0 */
/* Expected measurements of a firmware file (measure.h). */
#include "image/measure.h"

#include <inttypes.h>

#include "base/text.h"
#include "image/inspect.h"
#include "image/module.h"

static void write_id(struct hm_json_writer *writer, const char *key, const struct hm_image *image,
                     uint32_t node, enum hm_image_fact_kind kind)
{
    const struct hm_image_fact *fact = hm_image_find_fact(image, node, kind);
    char text[24];

    if (fact == NULL)
        return;
    (void)snprintf(text, sizeof(text), "%04" PRIx64, fact->number);
    hm_json_writer_key_str(writer, key, text);
}

/* The firmware's loader goes by the subsystem. */
static const char *event_of(const struct hm_image *image, uint32_t node)
{
    const struct hm_image_fact *fact = hm_module_find_fact(image, node, HM_FACT_SUBSYSTEM);

    if (fact != NULL && hm_bytes_is_str(fact->text, "EFI runtime driver"))
        return "EV_EFI_RUNTIME_SERVICES_DRIVER";
    if (fact != NULL && hm_bytes_is_str(fact->text, "EFI application"))
        return "EV_EFI_BOOT_SERVICES_APPLICATION";
    return "EV_EFI_BOOT_SERVICES_DRIVER";
}

static void write_image(struct hm_json_writer *writer, const struct hm_image *image, uint32_t node,
                        const char *name, const struct hm_image_fact *measured)
{
    const struct hm_image_fact *machine = hm_image_find_fact(image, node, HM_FACT_MACHINE);

    hm_json_writer_object_begin(writer);
    write_id(writer, "device", image, node, HM_FACT_DEVICE_ID);
    hm_json_writer_key_str(writer, "event", event_of(image, node));
    hm_json_writer_key_str(writer, "file", name);
    if (machine != NULL) {
        hm_json_writer_key(writer, "machine");
        hm_json_writer_string(writer, machine->text);
    }
    hm_json_writer_key_int(writer, "pcr", 2);
    hm_json_writer_key(writer, "sha256");
    hm_json_writer_hex(writer, measured->text);
    write_id(writer, "vendor", image, node, HM_FACT_VENDOR_ID);
    hm_json_writer_object_end(writer);
}

/* HM_EAGAIN: it could not be read to its end; HM_EREFUSED: too many; else as hm_inspect_path. */
static enum hm_rc measure_file(const char *program, const char *path, struct hm_err *err,
                               struct hm_json_writer *writer, size_t *count)
{
    struct hm_inspect_options options = {.worker = program};
    _hm_free_(hm_inspect_free) struct hm_inspection *inspection = NULL;
    const char *slash = strrchr(path, '/');
    const struct hm_image *image;
    size_t total = *count;

    HM_TRY(hm_inspect_path(path, &options, err, &inspection));
    image = &inspection->image;
    if (image->is_partial)
        return hm_fail(err, HM_EAGAIN, "'%s': it could not be read to its end", path);
    for (uint32_t node = 0; node != HM_IMAGE_NONE; node = hm_image_next(image, node))
        total += hm_module_measured(image, node) != NULL;
    if (total > HM_MEASURE_COUNT_MAX)
        return hm_fail(err, HM_EREFUSED, "'%s': more than %d images that would be measured", path,
                       HM_MEASURE_COUNT_MAX);
    for (uint32_t node = 0; node != HM_IMAGE_NONE; node = hm_image_next(image, node)) {
        const struct hm_image_fact *measured = hm_module_measured(image, node);

        if (measured != NULL)
            write_image(writer, image, node, slash == NULL ? path : slash + 1, measured);
    }
    *count = total;
    return HM_OK;
}

enum hm_rc hm_measure_files(const char *program, const char *const *paths, size_t count,
                            struct hm_err *err, struct hm_buf *ret_array, struct hm_buf *notes)
{
    _hm_done_(hm_buf_done) struct hm_buf array = HM_BUF_INIT(HM_MEASURE_SIZE_MAX);
    struct hm_json_writer writer;
    size_t total = 0;

    hm_json_writer_init(&writer, &array, false);
    hm_json_writer_array_begin(&writer);
    for (size_t i = 0; i < count; i++) {
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc = measure_file(program, paths[i], &why, &writer, &total);

        if (rc == HM_ENOMEM)
            return hm_error_nomem(err);
        if (rc != HM_OK)
            HM_TRY(hm_buf_append_fmt(notes, err, "no measurements are computed: %s\n", why.text));
    }
    hm_json_writer_array_end(&writer);
    HM_TRY(hm_json_writer_end(&writer, err));
    return total == 0 ? HM_OK : hm_buf_append(ret_array, hm_buf_bytes(&array), err);
}

/* ---- what somebody else says ----------------------------------------------------------------- */

struct said {
    int64_t pcr;
    bool has_sha256;
    struct hm_sha256 sha256;
    struct hm_bytes event, file;
};

/* The comparison: where in the image the next one said is expected. */
struct check {
    const struct hm_image *image;
    struct hm_bytes name;
    uint32_t node; /* the next to look at; HM_IMAGE_NONE at the end */
    size_t count;
};

static const struct hm_image_fact *next_measured(struct check *check, uint32_t *ret_node)
{
    while (check->node != HM_IMAGE_NONE) {
        uint32_t node = check->node;
        const struct hm_image_fact *measured = hm_module_measured(check->image, node);

        check->node = hm_image_next(check->image, node);
        if (measured != NULL) {
            *ret_node = node;
            return measured;
        }
    }
    return NULL;
}

static enum hm_rc read_said(struct hm_json *json, struct hm_err *err, struct said *ret_said)
{
    struct said said = {.pcr = -1};
    struct hm_bytes key, text;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            break;
        if (hm_bytes_is_str(key, "pcr")) {
            HM_TRY(hm_json_int(json, err, &said.pcr));
        } else if (hm_bytes_is_str(key, "sha256")) {
            HM_TRY(hm_json_string(json, err, &text));
            said.has_sha256 = hm_text_unhex(text, said.sha256.bytes, HM_SHA256_SIZE) == HM_OK;
        } else if (hm_bytes_is_str(key, "file")) {
            HM_TRY(hm_json_string(json, err, &said.file));
        } else if (hm_bytes_is_str(key, "event")) {
            HM_TRY(hm_json_string(json, err, &said.event));
        } else {
            HM_TRY(hm_json_skip(json, err, &text));
        }
    }
    *ret_said = said;
    return HM_OK;
}

static enum hm_rc differs(const struct check *check, const char *what, struct hm_err *err)
{
    return hm_fail(err, HM_EMISMATCH,
                   "custom.measurements of '%.*s': %s; the maker must release it with what the "
                   "file itself gives ('hallmark image show')",
                   HM_BYTES_FMT(check->name), what);
}

static enum hm_rc check_said(struct check *check, struct hm_json *json, struct hm_err *err)
{
    const struct hm_image_fact *measured;
    struct said said = {.pcr = -1};
    uint32_t node = 0;

    HM_TRY(read_said(json, err, &said));
    if (said.pcr != 2 || !hm_bytes_is_equal(said.file, check->name))
        return HM_OK;
    check->count++;
    measured = next_measured(check, &node);
    if (measured == NULL)
        return differs(check, "it says of more images than the file has", err);
    if (!said.has_sha256 ||
        !hm_bytes_is_equal(measured->text, hm_bytes_make(said.sha256.bytes, HM_SHA256_SIZE)))
        return differs(check, "a digest is not the one that the file gives", err);
    if (!hm_bytes_is_str(said.event, event_of(check->image, node)))
        return differs(check, "an event is not the one that the file gives", err);
    return HM_OK;
}

static enum hm_rc check_custom(struct check *check, struct hm_json *json, struct hm_err *err)
{
    struct hm_bytes key, value;
    bool more;

    HM_TRY(hm_json_object_begin(json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (!hm_bytes_is_str(key, "measurements")) {
            HM_TRY(hm_json_skip(json, err, &value));
            continue;
        }
        HM_TRY(hm_json_array_begin(json, err));
        for (;;) {
            HM_TRY(hm_json_array_next(json, err, &more));
            if (!more)
                break;
            HM_TRY(check_said(check, json, err));
        }
    }
}

enum hm_rc hm_measure_check(const struct hm_image *image, struct hm_bytes name,
                            struct hm_bytes custom, struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct check check = {.image = image, .name = name};
    struct hm_json json;
    uint32_t node;

    if (custom.size == 0)
        return HM_OK;
    hm_json_init(&json, custom, &arena);
    HM_TRY(check_custom(&check, &json, err));
    if (check.count > 0 && next_measured(&check, &node) != NULL)
        return differs(&check, "it leaves out an image that the file has", err);
    return HM_OK;
}
