/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An array in an arena that grows one item at a time. It needs no capacity beside it: room is made
 * whenever the count is a power of two, so an array of n items always has room for the next one
 * up to the next power of two. Only for arrays that were grown by this function alone.
 */
#ifndef HM_TUF_GROW_INTERNAL_H
#define HM_TUF_GROW_INTERNAL_H

#include "base/arena.h"

/* The array (moved if it had to be) with room for one item more, not zeroed; NULL when out of
 * memory. */
HM_MUST_CHECK static inline void *hm_grow(struct hm_arena *arena, void *array, size_t count,
                                          size_t size)
{
    size_t grown;

    if ((count & (count - 1)) != 0)
        return array;
    if (count == 0)
        return hm_arena_alloc(arena, 1, size);
    if (__builtin_mul_overflow(2 * count, size, &grown))
        return NULL;
    return hm_arena_grow(arena, array, count * size, grown);
}

#endif
