/* SPDX-License-Identifier: Apache-2.0 */
/* Where a site's deliveries lie. See delivery_store.h. */
#include "customer/delivery_store.h"

#include "base/file.h"
#include "base/text.h"

#define SUFFIX    ".delivery"
#define NAME_SIZE (8 + HM_SHA256_HEX_SIZE + sizeof(SUFFIX))

static const char *const folders[] = {
    [HM_DELIVERY_OPEN] = "open",
    [HM_DELIVERY_NEW] = "new",
    [HM_DELIVERY_CLOSED] = "",
};

static void make_name(enum hm_delivery_shelf shelf, const struct hm_sha256 *name,
                      char ret_name[NAME_SIZE])
{
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(name->bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(ret_name, NAME_SIZE, "%s%s%s" SUFFIX, folders[shelf],
                   folders[shelf][0] == '\0' ? "" : "/", hex); /* fits */
}

enum hm_rc hm_delivery_store_slot(struct hm_bytes path, const struct hm_sha256 *image,
                                  struct hm_err *err, struct hm_sha256 *ret_slot)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);
    char hex[HM_SHA256_HEX_SIZE];

    hm_text_hex(hm_bytes_make(image->bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append(&text, path, err));
    HM_TRY(hm_buf_append_fmt(&text, err, "\n%s", hex));
    return hm_digest_sha256(hm_buf_bytes(&text), err, ret_slot);
}

bool hm_delivery_store_has(const struct hm_dir *dir, enum hm_delivery_shelf shelf,
                           const struct hm_sha256 *name)
{
    char path[NAME_SIZE];

    make_name(shelf, name, path);
    return hm_dir_has(dir, path);
}

enum hm_rc hm_delivery_store_read(const struct hm_dir *dir, enum hm_delivery_shelf shelf,
                                  const struct hm_sha256 *name, struct hm_err *err,
                                  struct hm_delivery_file *ret_file)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    char path[NAME_SIZE];
    enum hm_rc rc;

    make_name(shelf, name, path);
    HM_TRY(hm_dir_read(dir, path, err, &raw));
    rc = hm_delivery_file_parse(hm_buf_bytes(&raw), err, ret_file);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s/%s'", dir->path, path);
}

enum hm_rc hm_delivery_store_write(const struct hm_dir *dir, enum hm_delivery_shelf shelf,
                                   const struct hm_sha256 *name,
                                   const struct hm_delivery_file *file, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(HM_DELIVERY_FILE_SIZE_MAX);
    char path[NAME_SIZE];

    make_name(shelf, name, path);
    HM_TRY(hm_delivery_file_write(file, err, &text));
    return hm_file_replace(dir, path, 0600, hm_buf_bytes(&text), err);
}

enum hm_rc hm_delivery_store_move(const struct hm_dir *dir, enum hm_delivery_shelf from,
                                  const struct hm_sha256 *from_name, enum hm_delivery_shelf to,
                                  const struct hm_sha256 *to_name, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir folder = HM_DIR_INIT;
    char source[NAME_SIZE], target[NAME_SIZE];

    make_name(from, from_name, source);
    make_name(to, to_name, target);
    if (folders[to][0] != '\0')
        HM_TRY(hm_dir_open_at(dir, folders[to], true, err, &folder));
    return hm_dir_rename(dir, source, dir, target, err);
}

enum hm_rc hm_delivery_store_list(const struct hm_dir *dir, enum hm_delivery_shelf shelf,
                                  struct hm_arena *arena, struct hm_err *err,
                                  struct hm_sha256 **ret_names, size_t *ret_count)
{
    const char **names = NULL;
    size_t count = 0;
    enum hm_rc rc =
        hm_dir_list(dir, folders[shelf], HM_DELIVERY_STORE_COUNT_MAX, arena, err, &names, &count);

    *ret_count = 0;
    *ret_names = NULL;
    if (rc == HM_ENOTFOUND)
        return HM_OK;
    HM_TRY(rc);
    *ret_names = hm_arena_alloc(arena, count, sizeof(**ret_names));
    if (*ret_names == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        struct hm_bytes name = hm_bytes_str(names[i]);
        size_t hex_size = HM_SHA256_HEX_SIZE - 1;

        if (name.size == hex_size + sizeof(SUFFIX) - 1 &&
            strcmp(names[i] + hex_size, SUFFIX) == 0 &&
            hm_text_unhex(hm_bytes_make(name.data, hex_size), (*ret_names)[*ret_count].bytes,
                          HM_SHA256_SIZE) == HM_OK)
            (*ret_count)++;
    }
    return HM_OK;
}
