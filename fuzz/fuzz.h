/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target is fuzz/fuzz_NAME.c with one function, LLVMFuzzerTestOneInput, and a seed corpus in
 * fuzz/corpus/NAME/. Each must return 0, reach no abort, and free what it takes.
 *
 * Replayed and mutated on every build by driver.c; searched by libFuzzer with
 * CC=clang meson setup -Dfuzz_engine=true -Db_sanitize=address,undefined -Db_lundef=false.
 */
#ifndef HM_FUZZ_FUZZ_H
#define HM_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant that no input may break. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
