/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that a parsed document owns: many small allocations, one release. */
#ifndef HM_BASE_ARENA_H
#define HM_BASE_ARENA_H

#include "base/bytes.h"
#include "base/error.h"

struct hm_arena_chunk;

struct hm_arena {
    struct hm_arena_chunk *chunks;
    size_t used;  /* bytes handed out, for the limit */
    size_t limit; /* 0: no limit */
};

#define HM_ARENA_INIT                                                                              \
    {                                                                                              \
        .chunks = NULL, .used = 0, .limit = 0                                                      \
    }

/* Releases everything. */
void hm_arena_done(struct hm_arena *arena);

/* Zeroed memory for count items of size bytes, aligned for any type. NULL when out of memory, past
 * the limit, or on overflow; count or size 0 gives a valid pointer. */
HM_MUST_CHECK void *hm_arena_alloc(struct hm_arena *arena, size_t count, size_t size);

/* As realloc, for memory of this arena that was asked for with size bytes (data NULL: none yet).
 * Large arrays are grown in place and leave nothing behind; the new part is not zeroed. NULL as
 * hm_arena_alloc, and then data is as before. */
HM_MUST_CHECK void *hm_arena_grow(struct hm_arena *arena, void *data, size_t size, size_t grown);

/* A NUL-terminated copy. The bytes may contain NUL; the caller knows. NULL when out of memory. */
HM_MUST_CHECK char *hm_arena_strdup(struct hm_arena *arena, struct hm_bytes text);

/* A copy of bytes. */
HM_MUST_CHECK enum hm_rc hm_arena_copy(struct hm_arena *arena, struct hm_bytes bytes,
                                       struct hm_err *err, struct hm_bytes *ret_copy);

#endif
