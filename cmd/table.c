/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: columns as wide as their widest cell. See table.h. */
#include "table.h"

#include "base/text.h"

void hm_table_done(struct hm_table *table)
{
    free(table->cells);
    hm_arena_done(&table->arena);
}

enum hm_rc hm_table_add(struct hm_table *table, const char *text, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf escaped = HM_BUF_INIT(HM_TABLE_OUTPUT_SIZE_MAX);

    if (table->count == table->capacity) {
        size_t capacity = table->capacity == 0 ? 64 : 2 * table->capacity;
        const char **cells = reallocarray(table->cells, capacity, sizeof(*cells));

        if (cells == NULL)
            return hm_error_nomem(err);
        table->cells = cells;
        table->capacity = capacity;
    }
    HM_TRY(hm_text_escape(&escaped, hm_bytes_str(text), err));
    table->cells[table->count] = hm_arena_strdup(&table->arena, hm_buf_bytes(&escaped));
    if (table->cells[table->count] == NULL)
        return hm_error_nomem(err);
    table->count++;
    return HM_OK;
}

/* Characters, not bytes, for text that is UTF-8. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

enum hm_rc hm_table_print(const struct hm_table *table, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf out = HM_BUF_INIT(HM_TABLE_OUTPUT_SIZE_MAX);
    size_t widths[16] = {0};

    HM_ASSERT(table->columns <= HM_ARRAY_COUNT(widths));
    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i]);

        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t i = 0; i < table->count; i++) {
        bool is_last = i % table->columns == table->columns - 1;
        size_t width = width_of(table->cells[i]);

        HM_TRY(hm_buf_append_str(&out, table->cells[i], err));
        for (size_t j = width; !is_last && j < widths[i % table->columns] + 2; j++)
            HM_TRY(hm_buf_append_byte(&out, ' ', err));
        if (!is_last)
            continue;
        while (out.size > 0 && out.data[out.size - 1] == ' ')
            out.size--;
        HM_TRY(hm_buf_append_byte(&out, '\n', err));
    }
    return hm_cmd_print(hm_buf_bytes(&out), err);
}
