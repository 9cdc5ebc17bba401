/* SPDX-License-Identifier: Apache-2.0 */
/* Images of random bytes, and an index of them. See match_kit.h. */
#include "match_kit.h"

#include <sys/stat.h>

#include "base/file.h"

void match_kit_fill(uint8_t *data, size_t size, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

    for (size_t i = 0; i < size; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data[i] = (uint8_t)(state >> 32);
    }
}

uint8_t *match_kit_random(size_t size, uint64_t seed)
{
    uint8_t *data = malloc(size);

    assert_non_null(data);
    match_kit_fill(data, size, seed);
    return data;
}

void match_kit_put(const struct hm_dir *dir, const char *name, struct hm_bytes bytes)
{
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(dir, name, 0644, bytes, &err), HM_OK);
}

static char *path_of(const struct hm_dir *dir, const char *name, struct hm_arena *arena)
{
    char path[4096];
    char *kept;

    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    kept = hm_arena_strdup(arena, hm_bytes_str(path));
    assert_non_null(kept);
    return kept;
}

struct hm_index_want match_kit_want(const struct hm_dir *dir, const char *name,
                                    struct hm_arena *arena)
{
    struct hm_index_want want = {.path = path_of(dir, name, arena)};
    struct stat st;

    assert_int_equal(stat(want.path, &st), 0);
    want.size = (uint64_t)st.st_size;
    want.inode = (uint64_t)st.st_ino & INT64_MAX;
    want.changed_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
    return want;
}

void match_kit_add(struct hm_index_batch *batch, const struct hm_dir *dir, const char *name,
                   struct hm_bytes bytes, const struct hm_contents *contents)
{
    _hm_done_(hm_anchor_list_done) struct hm_anchor_list anchors = {0};
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    struct hm_index_want want;
    struct hm_index_image image = {0};
    struct hm_err err = HM_ERR_INIT;

    match_kit_put(dir, name, bytes);
    want = match_kit_want(dir, name, &arena);
    image.size = want.size;
    image.inode = want.inode;
    image.changed_ns = want.changed_ns;
    image.path = hm_bytes_str(want.path);
    assert_int_equal(hm_digest_sha256(bytes, &err, &image.sha256), HM_OK);
    assert_int_equal(
        hm_anchor_find(bytes, HM_ANCHOR_RAW, hm_index_sample_bits(bytes.size), &err, &anchors),
        HM_OK);
    assert_int_equal(hm_index_file_batch_add(batch, &image, contents, &anchors, &err), HM_OK);
}

struct hm_part match_kit_part(struct hm_bytes image, enum hm_image_kind kind, uint32_t offset,
                              uint32_t size)
{
    struct hm_part part = {.kind = kind, .offset = offset, .size = size};

    assert_true(offset + size <= image.size);
    assert_int_equal(hm_digest_sha256(hm_bytes_make(image.data + offset, size), NULL, &part.sha256),
                     HM_OK);
    return part;
}

struct hm_contents match_kit_contents(struct hm_bytes image, struct hm_part *parts, size_t count)
{
    return (struct hm_contents){
        .image_size = (uint32_t)image.size, .parts = parts, .part_count = count};
}

struct hm_match *match_kit_run(const struct hm_index *index, struct hm_bytes bytes,
                               const struct hm_contents *contents)
{
    struct hm_match *match = NULL;
    struct hm_err err = HM_ERR_INIT;
    struct hm_sha256 sha256;

    assert_int_equal(hm_digest_sha256(bytes, &err, &sha256), HM_OK);
    assert_int_equal(hm_match_run(&index, 1, bytes, &sha256, contents, &err, &match), HM_OK);
    return match;
}
