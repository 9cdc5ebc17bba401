/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of a site, read from an envelope of targets; and every target as a path. */
#include "fuzz.h"

#include "trust/layout.h"

static void check_paths(const struct hm_targets *targets)
{
    for (size_t i = 0; i < targets->target_count; i++) {
        struct hm_bytes text = targets->targets[i].path;
        struct hm_path path;

        if (hm_layout_parse_path(text, NULL, &path) != HM_OK)
            continue;
        FUZZ_CHECK(path.id.size + path.product.size + path.version.size + path.file.size + 3 ==
                   text.size);
        FUZZ_CHECK(path.file.size > 0 && path.file.data[0] != '.');
        FUZZ_CHECK(memchr(path.file.data, '/', path.file.size) == NULL);
    }
}

static void check_layout(const struct hm_layout *layout)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(SIZE_MAX / 2);

    for (size_t i = 0; i < layout->maker_count; i++) {
        struct hm_bytes id = hm_bytes_str(layout->makers[i].id);

        FUZZ_CHECK(hm_layout_check_id(id, NULL) == HM_OK);
        FUZZ_CHECK(hm_layout_find(layout, id) == &layout->makers[i]);
    }
    FUZZ_CHECK(hm_layout_write(layout, NULL, &json) == HM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_layout_free) struct hm_layout *layout = NULL;
    struct hm_targets_unsigned targets = {NULL};
    struct hm_root root = {0};

    if (hm_envelope_parse(hm_bytes_make(data, size), NULL, &envelope) != HM_OK ||
        hm_targets_read_unsigned(hm_envelope_unsigned(envelope), NULL, &targets) != HM_OK)
        return 0;
    check_paths(targets.content);
    if (hm_layout_parse(&root, targets.content, "globex", NULL, &layout) == HM_OK)
        check_layout(layout);
    else
        FUZZ_CHECK(layout == NULL);
    hm_targets_free(targets.content);
    return 0;
}
