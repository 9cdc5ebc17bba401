/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal numbers from outside, in their one written form. */
#include "base/num.h"

enum hm_rc hm_num_parse_u64(const char *text, size_t size, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (size == 0 || (size > 1 && text[0] == '0'))
        return HM_EFORMAT;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return HM_EFORMAT;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return HM_EFORMAT;
    }
    *ret_value = value;
    return HM_OK;
}
