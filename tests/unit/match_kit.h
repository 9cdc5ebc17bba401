/* SPDX-License-Identifier: Apache-2.0 */
/* Images of random bytes, and an index of them: for tests of src/match. */
#ifndef HM_TESTS_MATCH_KIT_H
#define HM_TESTS_MATCH_KIT_H

#include "unit.h"

#include "match/anchor.h"
#include "match/index.h"
#include "match/match.h"
#include "tmpdir.h"

/* The same bytes for the same seed, everywhere. */
void match_kit_fill(uint8_t *data, size_t size, uint64_t seed);
/* Allocated, to be freed. */
uint8_t *match_kit_random(size_t size, uint64_t seed);
/* Writes a file below the test's folder. */
void match_kit_put(const struct hm_dir *dir, const char *name, struct hm_bytes bytes);
/* What an update wants for it, as it is now; path is allocated in the arena. */
struct hm_index_want match_kit_want(const struct hm_dir *dir, const char *name,
                                    struct hm_arena *arena);
/* Adds an image that lies at name below dir to a batch, with contents (or NULL). */
void match_kit_add(struct hm_index_batch *batch, const struct hm_dir *dir, const char *name,
                   struct hm_bytes bytes, const struct hm_contents *contents);
/* Contents with these parts. */
struct hm_contents match_kit_contents(struct hm_bytes image, struct hm_part *parts, size_t count);
struct hm_part match_kit_part(struct hm_bytes image, enum hm_image_kind kind, uint32_t offset,
                              uint32_t size);
/* Runs the match of bytes against one index. */
struct hm_match *match_kit_run(const struct hm_index *index, struct hm_bytes bytes,
                               const struct hm_contents *contents);

#endif
