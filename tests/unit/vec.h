/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test vectors: tests/data/NAME.vec, one case a line, fields separated by tabs. In a field %XX is a
 * byte; all else stands for itself. Empty lines and lines that start with '#' are comments.
 */
#ifndef HM_TESTS_VEC_H
#define HM_TESTS_VEC_H

#include "unit.h"

#include "base/bytes.h"
#include "base/text.h"

#define VEC_FIELDS_MAX 8

struct vec {
    FILE *file;
    const char *path;
    char *line;
    size_t line_size;
    size_t number;
    size_t count; /* cases so far */
};

static inline void vec_open(struct vec *vec, const char *path)
{
    *vec = (struct vec){.file = fopen(path, "re"), .path = path};
    if (vec->file == NULL)
        fail_msg("%s: cannot be opened; run from the source root", path);
}

/* A file without cases tests nothing. */
static inline void vec_close(struct vec *vec)
{
    assert_true(vec->count > 0);
    print_message("%s: %zu cases\n", vec->path, vec->count);
    free(vec->line);
    (void)fclose(vec->file);
}

static inline struct hm_bytes vec_decode(struct vec *vec, char *field)
{
    size_t size = 0;

    for (char *at = field; *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;

        if (*at == '%') {
            if (hm_text_unhex(hm_bytes_make(at + 1, strnlen(at + 1, 2)), &byte, 1) != HM_OK)
                fail_msg("%s:%zu: %%XX expected", vec->path, vec->number);
            at += 2;
        }
        field[size++] = (char)byte;
    }
    return hm_bytes_make(field, size);
}

/* The next case, which must have exactly count fields; valid until the next call. */
static inline bool vec_next(struct vec *vec, struct hm_bytes *fields, size_t count)
{
    for (;;) {
        ssize_t size = getline(&vec->line, &vec->line_size, vec->file);
        char *rest = vec->line;
        size_t found = 0;

        if (size < 0)
            return false;
        vec->number++;
        if (size > 0 && vec->line[size - 1] == '\n')
            vec->line[size - 1] = '\0';
        if (vec->line[0] == '\0' || vec->line[0] == '#')
            continue;
        for (char *field = strsep(&rest, "\t"); field != NULL; field = strsep(&rest, "\t")) {
            if (found < count)
                fields[found] = vec_decode(vec, field);
            found++;
        }
        if (found != count)
            fail_msg("%s:%zu: %zu fields, not %zu", vec->path, vec->number, found, count);
        vec->count++;
        return true;
    }
}

/* Fails the running test, naming the case. */
#define vec_check(vec, condition)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%s:%zu: %s", (vec)->path, (vec)->number, #condition);                        \
    } while (0)

#endif
