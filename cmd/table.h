/* SPDX-License-Identifier: Apache-2.0 */
/* Tables on standard output. */
#ifndef HM_CMD_TABLE_H
#define HM_CMD_TABLE_H

#include "base/arena.h"
#include "cmd.h"

#define HM_TABLE_OUTPUT_SIZE_MAX ((size_t)1 << 30) /* as much as one command may print */

/* A table of text, aligned, cells escaped. */
struct hm_table {
    size_t columns;
    const char **cells; /* row by row; owned array, texts in the arena */
    size_t count, capacity;
    struct hm_arena arena;
};

void hm_table_done(struct hm_table *table);
HM_MUST_CHECK enum hm_rc hm_table_add(struct hm_table *table, const char *text, struct hm_err *err);
HM_MUST_CHECK enum hm_rc hm_table_print(const struct hm_table *table, struct hm_err *err);

#endif
