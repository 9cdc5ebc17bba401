/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of measured option ROMs, and whose they are (measured.h). */
#include "customer/measured.h"

#include "base/text.h"

#define FIRST_CAPACITY 64

struct said {
    bool has_sha256;
    int64_t pcr;
    struct hm_sha256 sha256;
    struct hm_bytes file;
};

/* One object of the array. */
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
            if (hm_text_unhex(text, said.sha256.bytes, HM_SHA256_SIZE) != HM_OK)
                return hm_fail(err, HM_EFORMAT, "no SHA-256");
            said.has_sha256 = true;
        } else if (hm_bytes_is_str(key, "file")) {
            HM_TRY(hm_json_string(json, err, &said.file));
        } else {
            HM_TRY(hm_json_skip(json, err, &text));
        }
    }
    *ret_said = said;
    return HM_OK;
}

static enum hm_rc add(struct hm_measured *measured, const struct hm_catalogue_item *item,
                      const struct said *said, struct hm_err *err)
{
    if (measured->count == measured->capacity) {
        size_t grown = measured->capacity == 0 ? FIRST_CAPACITY : 2 * measured->capacity;
        void *moved = hm_arena_grow(&measured->arena, measured->entries,
                                    measured->capacity * sizeof(*measured->entries),
                                    grown * sizeof(*measured->entries));

        if (moved == NULL)
            return hm_error_nomem(err);
        measured->entries = moved;
        measured->capacity = grown;
    }
    measured->entries[measured->count++] =
        (struct hm_measured_entry){.sha256 = said->sha256, .item = item, .file = said->file};
    return HM_OK;
}

/* All files of a release say the same; each file's own is taken from its own item. */
static bool is_of_item(const struct said *said, const struct hm_catalogue_item *item)
{
    return said->has_sha256 && said->pcr == 2 &&
           hm_bytes_is_equal(said->file, item->file.path.file);
}

static enum hm_rc read_array(struct hm_measured *measured, const struct hm_catalogue_item *item,
                             struct hm_json *json, struct hm_err *err)
{
    bool more;

    HM_TRY(hm_json_array_begin(json, err));
    for (;;) {
        struct said said = {.pcr = -1};

        HM_TRY(hm_json_array_next(json, err, &more));
        if (!more)
            return HM_OK;
        HM_TRY(read_said(json, err, &said));
        if (is_of_item(&said, item))
            HM_TRY(add(measured, item, &said, err));
    }
}

static enum hm_rc read_custom(struct hm_measured *measured, const struct hm_catalogue_item *item,
                              struct hm_err *err)
{
    struct hm_bytes key, value;
    struct hm_json json;
    bool more;

    if (item->file.custom.size == 0)
        return HM_OK;
    hm_json_init(&json, item->file.custom, &measured->arena);
    HM_TRY(hm_json_object_begin(&json, err));
    for (;;) {
        HM_TRY(hm_json_object_next(&json, err, &more, &key));
        if (!more)
            return HM_OK;
        if (hm_bytes_is_str(key, "measurements"))
            return read_array(measured, item, &json, err);
        HM_TRY(hm_json_skip(&json, err, &value));
    }
}

static int compare(const void *a, const void *b)
{
    const struct hm_measured_entry *x = a, *y = b;
    int order = memcmp(x->sha256.bytes, y->sha256.bytes, HM_SHA256_SIZE);

    if (order != 0)
        return order;
    return x->item < y->item ? -1 : x->item > y->item;
}

enum hm_rc hm_measured_build(const struct hm_catalogue *catalogue, struct hm_err *err,
                             struct hm_measured *ret_measured)
{
    struct hm_measured measured = {.arena = HM_ARENA_INIT};

    for (size_t i = 0; i < catalogue->item_count; i++) {
        size_t count = measured.count;
        struct hm_err why = HM_ERR_INIT;
        enum hm_rc rc = HM_OK;

        if (catalogue->items[i].rc == HM_OK)
            rc = read_custom(&measured, &catalogue->items[i], &why);
        if (rc == HM_ENOMEM) {
            hm_measured_done(&measured);
            return hm_error_nomem(err);
        }
        if (rc != HM_OK)
            measured.count = count; /* said in another form: all of it, or nothing */
    }
    if (measured.count > 0)
        qsort(measured.entries, measured.count, sizeof(*measured.entries), compare);
    *ret_measured = measured;
    return HM_OK;
}

void hm_measured_done(struct hm_measured *measured)
{
    hm_arena_done(&measured->arena);
    *measured = (struct hm_measured){.arena = HM_ARENA_INIT};
}

const struct hm_measured_entry *hm_measured_find(const struct hm_measured *measured,
                                                 const struct hm_sha256 *sha256, size_t *ret_count)
{
    size_t low = 0, high = measured->count, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(measured->entries[middle].sha256.bytes, sha256->bytes, HM_SHA256_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low;
         end < measured->count && hm_digest_is_equal(&measured->entries[end].sha256, sha256);)
        end++;
    *ret_count = end - low;
    return end == low ? NULL : &measured->entries[low];
}
