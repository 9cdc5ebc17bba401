/* SPDX-License-Identifier: Apache-2.0 */
/* A list of chunks, filled from the front; the newest chunk comes first. */
#include "base/arena.h"

#include <stdalign.h>

#define CHUNK_SIZE_MIN 1024
#define CHUNK_SIZE_MAX 65536
#define ALIGNMENT      alignof(max_align_t)

/* With the address sanitizer each allocation is a chunk, so that it sees every overrun. */
#if defined(__SANITIZE_ADDRESS__)
#define ONE_EACH true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_EACH true
#endif
#endif
#ifndef ONE_EACH
#define ONE_EACH false
#endif

struct hm_arena_chunk {
    struct hm_arena_chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

void hm_arena_done(struct hm_arena *arena)
{
    struct hm_arena_chunk *chunk = arena->chunks;

    while (chunk != NULL) {
        struct hm_arena_chunk *next = chunk->next;

        free(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
    arena->used = 0;
}

static size_t chunk_size_for(const struct hm_arena *arena, size_t size)
{
    size_t next = CHUNK_SIZE_MIN;

    if (ONE_EACH)
        return size;
    if (arena->chunks != NULL)
        next = arena->chunks->size >= CHUNK_SIZE_MAX / 2 ? CHUNK_SIZE_MAX : 2 * arena->chunks->size;
    return size > next ? size : next;
}

/* Zeroed memory, or NULL. Each allocation counts as a whole number of alignments, so that a flood
 * of empty ones meets the limit as well. */
static void *take(struct hm_arena *arena, size_t size)
{
    struct hm_arena_chunk *chunk = arena->chunks;
    size_t padded;
    size_t used;
    void *data;

    if (size == 0)
        size = 1;
    if (__builtin_add_overflow(size, ALIGNMENT - 1, &padded))
        return NULL;
    padded -= padded % ALIGNMENT;
    if (__builtin_add_overflow(arena->used, padded, &used) ||
        (arena->limit != 0 && used > arena->limit))
        return NULL;
    if (chunk == NULL || ONE_EACH || padded > chunk->size - chunk->used) {
        size_t chunk_size = chunk_size_for(arena, ONE_EACH ? size : padded);
        size_t total;

        if (__builtin_add_overflow(sizeof(*chunk), chunk_size, &total))
            return NULL;
        chunk = calloc(1, total);
        if (chunk == NULL)
            return NULL;
        chunk->size = chunk_size;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    data = chunk->data + chunk->used;
    chunk->used += ONE_EACH ? size : padded;
    arena->used = used;
    return data;
}

void *hm_arena_alloc(struct hm_arena *arena, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return take(arena, total);
}

/* The link to the chunk that holds data and nothing else, or NULL. */
static struct hm_arena_chunk **find_whole(struct hm_arena *arena, const void *data, size_t size)
{
    size_t padded = size + (ALIGNMENT - size % ALIGNMENT) % ALIGNMENT;

    for (struct hm_arena_chunk **link = &arena->chunks; *link != NULL; link = &(*link)->next) {
        if ((*link)->data == (const uint8_t *)data)
            return (*link)->used == (ONE_EACH ? size : padded) ? link : NULL;
    }
    return NULL;
}

void *hm_arena_grow(struct hm_arena *arena, void *data, size_t size, size_t grown)
{
    struct hm_arena_chunk **link = NULL;
    struct hm_arena_chunk *chunk;
    size_t more, used, total;
    void *copy;

    if (grown <= size)
        return data;
    if (data != NULL && size >= CHUNK_SIZE_MAX)
        link = find_whole(arena, data, size);
    if (link == NULL) {
        copy = take(arena, grown);
        if (copy != NULL && data != NULL)
            memcpy(copy, data, size);
        return copy;
    }
    if (__builtin_add_overflow(grown, ALIGNMENT - 1, &more) ||
        __builtin_add_overflow(sizeof(**link), more, &total))
        return NULL;
    more -= more % ALIGNMENT + (*link)->used;
    if (__builtin_add_overflow(arena->used, more, &used) ||
        (arena->limit != 0 && used > arena->limit))
        return NULL;
    chunk = realloc(*link, total);
    if (chunk == NULL)
        return NULL;
    chunk->used += more;
    chunk->size = chunk->used;
    *link = chunk;
    arena->used = used;
    return chunk->data;
}

char *hm_arena_strdup(struct hm_arena *arena, struct hm_bytes text)
{
    size_t size;
    char *copy;

    if (__builtin_add_overflow(text.size, (size_t)1, &size))
        return NULL;
    copy = take(arena, size);
    if (copy != NULL && text.size > 0)
        memcpy(copy, text.data, text.size);
    return copy;
}

enum hm_rc hm_arena_copy(struct hm_arena *arena, struct hm_bytes bytes, struct hm_err *err,
                         struct hm_bytes *ret_copy)
{
    uint8_t *copy = take(arena, bytes.size);

    if (copy == NULL)
        return hm_error_nomem(err);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    *ret_copy = hm_bytes_make(copy, bytes.size);
    return HM_OK;
}
