/* SPDX-License-Identifier: Apache-2.0 */
/* Expected measurements of a firmware file (measure.h). */
#include "image/measure.h"

#include <inttypes.h>

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
