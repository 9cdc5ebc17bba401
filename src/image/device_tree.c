/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flattened device trees (Devicetree Specification 0.4, section 5), and those that carry images:
 * FIT, as U-Boot boots them (its doc/uImage.FIT). Big endian.
 *
 *   0  D00DFEED   4  total size (4)   8  structure (4)   C  strings (4)   10  reservations (4)
 *  14  version (4): 17   18  last compatible (4)   1C  boot processor (4)   20  strings' size (4)
 *  24  structure's size (4)
 *
 *   structure, in words:  1 begin of a node: name, NUL   2 end of it   3 property: size (4), offset
 *                         of its name in the strings (4), value   4 nothing   9 end
 *
 *   FIT:  /images/NAME: data (or data-offset, counted from the end of the tree, or data-position,
 *         from its start; with data-size), type, arch, compression, description
 *         /images/NAME/hash*: algo, value; signature*: value
 */
#include "image/format.h"

#include "image/unpack.h"

#define HEADER_SIZE 40
#define BEGIN       1
#define END         2
#define PROPERTY    3
#define NOTHING     4
#define FINISH      9
/* Real trees are below ten deep; a FIT's images are at the third level. */
#define DEPTH_MAX 32
/* Real trees have some ten thousand words. */
#define TOKEN_COUNT_MAX 1000000
#define IMAGE_COUNT_MAX 256
#define IMAGE_LEVEL     3
#define HASH_LEVEL      4

struct tree {
    struct hm_bytes bytes; /* with what stands behind the tree */
    struct hm_bytes structure, strings;
    size_t size;
};

struct hash {
    struct hm_bytes algorithm, value;
};

/* One below /images. */
struct fit_image {
    struct hm_bytes name, data, type, machine, compression, description;
    uint32_t offset, position, size;
    bool has_data, has_offset, has_position, has_size;
    size_t signature_size; /* 0: not signed */
    struct hash hashes[4];
    size_t hash_count;
};

struct state {
    struct hm_walk *walk;
    uint32_t node;
    struct tree tree;
    struct hm_rd rd;
    size_t depth;
    bool is_in_images;
    bool is_in_hash, is_in_signature;
    bool is_fit;
    struct fit_image image;
    size_t image_count;
    size_t end; /* of tree and images */
    struct hm_bytes model;
};

static struct hm_bytes slice(struct hm_bytes bytes, size_t offset, size_t size)
{
    struct hm_rd rd = hm_reader_make(bytes);

    (void)hm_reader_take(&rd, offset);
    return hm_reader_take(&rd, size);
}

static bool read_tree(struct hm_bytes bytes, struct tree *ret_tree)
{
    struct hm_rd rd = hm_reader_make(bytes);
    struct tree tree = {.bytes = bytes};
    size_t structure, strings, strings_size, structure_size;
    uint32_t version, compatible;

    (void)hm_reader_be32(&rd);
    tree.size = hm_reader_be32(&rd);
    structure = hm_reader_be32(&rd);
    strings = hm_reader_be32(&rd);
    (void)hm_reader_be32(&rd);
    version = hm_reader_be32(&rd);
    compatible = hm_reader_be32(&rd);
    (void)hm_reader_be32(&rd);
    strings_size = hm_reader_be32(&rd);
    structure_size = hm_reader_be32(&rd);
    if (hm_reader_failed(&rd) || version < 17 || compatible > 17 || tree.size < HEADER_SIZE ||
        tree.size > bytes.size)
        return false;
    bytes = hm_bytes_make(bytes.data, tree.size);
    tree.structure = slice(bytes, structure, structure_size);
    tree.strings = slice(bytes, strings, strings_size);
    *ret_tree = tree;
    return tree.structure.size == structure_size && structure_size >= 8 && structure % 4 == 0 &&
           tree.strings.size == strings_size;
}

static size_t device_tree_bid(struct hm_bytes bytes, bool is_first)
{
    struct tree tree;

    if (!read_tree(bytes, &tree))
        return 0;
    /* A FIT's images may stand behind it: at the start of a file the rest is its own. */
    return is_first ? bytes.size : tree.size;
}

/* To the NUL that must end it; empty where there is none. */
static struct hm_bytes text_at(struct hm_bytes bytes, size_t offset)
{
    const uint8_t *end;

    if (offset >= bytes.size)
        return HM_BYTES_EMPTY;
    end = memchr(bytes.data + offset, 0, bytes.size - offset);
    return end == NULL ? HM_BYTES_EMPTY
                       : hm_bytes_make(bytes.data + offset, (size_t)(end - bytes.data) - offset);
}

static uint32_t word_of(struct hm_bytes value)
{
    struct hm_rd rd = hm_reader_make(value);

    return hm_reader_be32(&rd);
}

/* ---- images of a FIT ------------------------------------------------------------------------- */

static enum hm_rc check_hash(struct state *state, uint32_t node, struct hm_bytes data,
                             const struct hash *hash)
{
    struct hm_sha256 sha256;
    bool is_good;

    if (hm_bytes_is_str(text_at(hash->algorithm, 0), "crc32") && hash->value.size == 4) {
        HM_TRY(hm_walk_spend(state->walk, data.size));
        is_good = hm_unpack_crc32(data) == word_of(hash->value);
    } else if (hm_bytes_is_str(text_at(hash->algorithm, 0), "sha256") &&
               hash->value.size == HM_SHA256_SIZE) {
        HM_TRY(hm_walk_sha256(state->walk, &data, 1, &sha256));
        is_good = memcmp(sha256.bytes, hash->value.data, HM_SHA256_SIZE) == 0;
    } else {
        return HM_OK; /* others are weaker, or rarer */
    }
    return is_good ? hm_walk_fact_str(state->walk, node, HM_FACT_CHECKSUM, "good")
                   : hm_walk_fact_str(state->walk, node, HM_FACT_BAD_CHECKSUM,
                                      "the image does not have its hash");
}

/* Where the image's bytes are, from the start of the node. False where nothing says it. */
static bool find_data(const struct state *state, size_t *ret_offset, size_t *ret_size)
{
    const struct fit_image *image = &state->image;

    if (image->has_data) {
        *ret_offset =
            image->data.size == 0 ? 0 : (size_t)(image->data.data - state->tree.bytes.data);
        *ret_size = image->data.size;
        return true;
    }
    if (!image->has_size || (!image->has_offset && !image->has_position))
        return false;
    *ret_size = image->size;
    *ret_offset = image->has_position ? (size_t)image->position
                                      : ((state->tree.size + 3) & ~(size_t)3) + image->offset;
    return true;
}

static enum hm_rc add_text(struct state *state, uint32_t node, enum hm_image_fact_kind kind,
                           struct hm_bytes value)
{
    return value.size == 0 ? HM_OK : hm_walk_fact_ascii(state->walk, node, kind, value);
}

static enum hm_rc add_image(struct state *state)
{
    const struct fit_image *image = &state->image;
    size_t offset, size;
    uint32_t node;

    if (!find_data(state, &offset, &size))
        return HM_OK;
    if (state->image_count++ == IMAGE_COUNT_MAX)
        return hm_walk_refuse(state->walk, "more images in a FIT than 256");
    HM_TRY(hm_walk_add(state->walk, state->node, HM_IMAGE_PAYLOAD, offset, size, &node));
    HM_TRY(add_text(state, node, HM_FACT_NAME, image->name));
    HM_TRY(add_text(state, node, HM_FACT_TYPE, image->type));
    HM_TRY(add_text(state, node, HM_FACT_MACHINE, image->machine));
    HM_TRY(add_text(state, node, HM_FACT_COMPRESSION, image->compression));
    HM_TRY(add_text(state, node, HM_FACT_VERSION, image->description));
    if (image->signature_size > 0)
        HM_TRY(hm_walk_fact(state->walk, node, HM_FACT_SIGNATURE_SIZE, image->signature_size));
    if (offset > state->tree.bytes.size || size > state->tree.bytes.size - offset)
        return HM_OK; /* said by hm_walk_add */
    for (size_t i = 0; i < image->hash_count; i++)
        HM_TRY(check_hash(state, node, hm_walk_bytes(state->walk, node), &image->hashes[i]));
    if (offset + size > state->end)
        state->end = offset + size;
    return size == 0 ? HM_OK : hm_walk_queue(state->walk, node, NULL);
}

static void take_image_property(struct fit_image *image, struct hm_bytes name,
                                struct hm_bytes value)
{
    if (hm_bytes_is_str(name, "data")) {
        image->data = value;
        image->has_data = true;
    } else if (hm_bytes_is_str(name, "data-offset")) {
        image->offset = word_of(value);
        image->has_offset = true;
    } else if (hm_bytes_is_str(name, "data-position")) {
        image->position = word_of(value);
        image->has_position = true;
    } else if (hm_bytes_is_str(name, "data-size")) {
        image->size = word_of(value);
        image->has_size = true;
    } else if (hm_bytes_is_str(name, "type")) {
        image->type = value;
    } else if (hm_bytes_is_str(name, "arch")) {
        image->machine = value;
    } else if (hm_bytes_is_str(name, "compression")) {
        image->compression = value;
    } else if (hm_bytes_is_str(name, "description")) {
        image->description = value;
    }
}

/* ---- the structure --------------------------------------------------------------------------- */

static void begin(struct state *state, struct hm_bytes name)
{
    state->depth++;
    if (state->depth == 2)
        state->is_in_images = hm_bytes_is_str(name, "images");
    if (state->is_in_images && state->depth == 2)
        state->is_fit = true;
    if (!state->is_in_images)
        return;
    if (state->depth == IMAGE_LEVEL)
        state->image = (struct fit_image){.name = name};
    if (state->depth == HASH_LEVEL) {
        state->is_in_hash = hm_bytes_has_prefix(name, HM_BYTES_LITERAL("hash")) &&
                            state->image.hash_count < HM_ARRAY_COUNT(state->image.hashes);
        if (state->is_in_hash)
            state->image.hashes[state->image.hash_count++] = (struct hash){.value = HM_BYTES_EMPTY};
        state->is_in_signature = hm_bytes_has_prefix(name, HM_BYTES_LITERAL("signature"));
    }
}

static void take_property(struct state *state, struct hm_bytes name, struct hm_bytes value)
{
    if (state->depth == 1 && (hm_bytes_is_str(name, "model") ||
                              (hm_bytes_is_str(name, "description") && state->model.size == 0)))
        state->model = value;
    if (!state->is_in_images)
        return;
    if (state->depth == IMAGE_LEVEL) {
        take_image_property(&state->image, name, value);
    } else if (state->depth == HASH_LEVEL && state->is_in_hash) {
        struct hash *hash = &state->image.hashes[state->image.hash_count - 1];

        if (hm_bytes_is_str(name, "algo"))
            hash->algorithm = value;
        else if (hm_bytes_is_str(name, "value"))
            hash->value = value;
    } else if (state->depth == HASH_LEVEL && state->is_in_signature) {
        if (hm_bytes_is_str(name, "value"))
            state->image.signature_size = value.size;
    }
}

static enum hm_rc end(struct state *state)
{
    enum hm_rc rc = HM_OK;

    if (state->is_in_images && state->depth == IMAGE_LEVEL)
        rc = add_image(state);
    if (state->depth == 2)
        state->is_in_images = false;
    state->is_in_hash = false;
    state->is_in_signature = false;
    state->depth--;
    return rc;
}

static void align(struct hm_rd *rd)
{
    (void)hm_reader_take(rd, (4 - rd->offset % 4) % 4);
}

/* One word and what belongs to it. *ret_is_end: the structure is over; broken where it fails. */
static enum hm_rc step(struct state *state, bool *ret_is_end, bool *ret_is_broken)
{
    uint32_t token = hm_reader_be32(&state->rd);
    struct hm_bytes name, value;
    uint32_t size;

    *ret_is_end = false;
    *ret_is_broken = true;
    if (token == BEGIN) {
        name = text_at(state->tree.structure, state->rd.offset);
        (void)hm_reader_take(&state->rd, name.size + 1);
        align(&state->rd);
        if (hm_reader_failed(&state->rd) || state->depth == DEPTH_MAX)
            return HM_OK;
        begin(state, name);
    } else if (token == PROPERTY) {
        size = hm_reader_be32(&state->rd);
        name = text_at(state->tree.strings, hm_reader_be32(&state->rd));
        value = hm_reader_take(&state->rd, size);
        align(&state->rd);
        if (hm_reader_failed(&state->rd) || state->depth == 0)
            return HM_OK;
        take_property(state, name, value);
    } else if (token == END) {
        if (state->depth == 0)
            return HM_OK;
        HM_TRY(end(state));
    } else if (token == FINISH) {
        *ret_is_end = true;
    } else if (token != NOTHING) {
        return HM_OK;
    }
    *ret_is_broken = hm_reader_failed(&state->rd);
    return HM_OK;
}

static enum hm_rc device_tree_parse(struct hm_walk *walk, uint32_t node)
{
    struct hm_bytes bytes = hm_walk_bytes(walk, node);
    struct state state = {.walk = walk, .node = node};
    bool is_end = false, is_broken = false;

    if (!read_tree(bytes, &state.tree))
        return hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "no device tree");
    state.end = state.tree.size;
    state.rd = hm_reader_make(state.tree.structure);
    HM_TRY(hm_walk_spend(walk, state.tree.size));
    for (size_t count = 0; !is_end && !is_broken; count++) {
        if (count == TOKEN_COUNT_MAX)
            return hm_walk_refuse(walk, "more words in a device tree than a million");
        HM_TRY(step(&state, &is_end, &is_broken));
    }
    HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_TYPE, state.is_fit ? "FIT" : "device tree"));
    HM_TRY(add_text(&state, node, HM_FACT_NAME, state.model));
    if (is_broken || state.depth != 0)
        HM_TRY(hm_walk_fact_str(walk, node, HM_FACT_MALFORMED, "its structure is broken"));
    return hm_walk_add_gap(walk, node, state.end, bytes.size - state.end);
}

const struct hm_format hm_device_tree_format = {
    .name = "device-tree",
    .kind = HM_IMAGE_DEVICE_TREE,
    .magic = {0xd0, 0x0d, 0xfe, 0xed},
    .magic_size = 4,
    .align = 4,
    .bid = device_tree_bid,
    .parse = device_tree_parse,
};
