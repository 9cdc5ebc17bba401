/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiler attributes and the few macros every file needs.
 *
 * Cleanup: a local that owns something is declared with _hm_free_(fn) (a pointer; fn takes the
 * pointer itself and accepts NULL) or _hm_done_(fn) (a struct; fn takes its address). Ownership
 * leaves through hm_steal().
 */
#ifndef HM_BASE_MACRO_H
#define HM_BASE_MACRO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define HM_MUST_CHECK        __attribute__((warn_unused_result))
#define HM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define HM_UNUSED            __attribute__((unused))
#define HM_NORETURN          __attribute__((noreturn))
/* Keeps a frame out of its caller's, which some compilers would otherwise make too large. */
#define HM_NOINLINE __attribute__((noinline))

#define HM_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Programmer errors only; never reached by input. Always compiled in. */
#define HM_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__,             \
                          #condition);                                                             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* _hm_done_(hm_buf_done) struct hm_buf buf = ...; runs hm_buf_done(&buf) at scope end. */
#define _hm_done_(fn) __attribute__((cleanup(fn)))

/* _hm_free_(hm_root_free) struct hm_root *root = NULL; needs HM_DEFINE_FREE(hm_root_free, ...). */
#define _hm_free_(fn) __attribute__((cleanup(fn##_ptr)))

/* Defines the helper that _hm_free_(fn) calls; place it after fn's prototype, in the header. */
#define HM_DEFINE_FREE(fn, type)                                                                   \
    HM_UNUSED static inline void fn##_ptr(type **ptr)                                              \
    {                                                                                              \
        fn(*ptr);                                                                                  \
    }                                                                                              \
    struct hm_swallow_semicolon

/* Hands the value of an owning pointer out and clears it. */
#define hm_steal(ptr)                                                                              \
    ({                                                                                             \
        __typeof__(ptr) _steal_from = (ptr);                                                       \
        __typeof__(*_steal_from) _stolen = *_steal_from;                                           \
        *_steal_from = NULL;                                                                       \
        _stolen;                                                                                   \
    })

HM_DEFINE_FREE(free, char);

#endif
