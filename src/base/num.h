/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on values from outside: each function fails instead of wrapping. */
#ifndef HM_BASE_NUM_H
#define HM_BASE_NUM_H

#include "base/error.h"

HM_MUST_CHECK static inline enum hm_rc hm_num_add(size_t a, size_t b, size_t *ret_sum)
{
    return __builtin_add_overflow(a, b, ret_sum) ? HM_EFORMAT : HM_OK;
}

HM_MUST_CHECK static inline enum hm_rc hm_num_mul(size_t a, size_t b, size_t *ret_product)
{
    return __builtin_mul_overflow(a, b, ret_product) ? HM_EFORMAT : HM_OK;
}

HM_MUST_CHECK static inline enum hm_rc hm_num_add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
    return __builtin_add_overflow(a, b, ret_sum) ? HM_EFORMAT : HM_OK;
}

HM_MUST_CHECK static inline enum hm_rc hm_num_size(uint64_t value, size_t *ret_size)
{
    if (value > SIZE_MAX)
        return HM_EFORMAT;
    *ret_size = (size_t)value;
    return HM_OK;
}

/* Decimal digits only, no sign, no leading zero (but "0"), at most UINT64_MAX. HM_EFORMAT
 * otherwise. */
HM_MUST_CHECK enum hm_rc hm_num_parse_u64(const char *text, size_t size, uint64_t *ret_value);

#endif
