/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of digests as sha256sum writes it: a maker's own list of what he released, or keys that
 * nobody may use.
 *
 *   SHA256  NAME      64 hexadecimal digits, then two spaces or a space and '*', then the name
 *
 * Lines that are empty or start with '#' are skipped. A name may come more than once, with other
 * digests. Names of a maker's list are paths of images, ID/PRODUCT/VERSION/FILE; a list of keys
 * has the SHA-256 of each SubjectPublicKeyInfo in DER, and any name, or none.
 */
#ifndef HM_MONITOR_SUMS_H
#define HM_MONITOR_SUMS_H

#include "base/arena.h"
#include "base/buf.h"
#include "crypto/digest.h"

#define HM_SUMS_COUNT_MAX 1000000 /* images of one maker, all that there ever were */
#define HM_SUMS_NAME_MAX  260     /* four parts of a path, each of 64 bytes */
#define HM_SUMS_SIZE_MAX  ((size_t)512 << 20)

struct hm_sum {
    struct hm_bytes name; /* empty: none */
    struct hm_sha256 sha256;
};

struct hm_sums {
    struct hm_sum *sums; /* sorted by name, then digest */
    size_t count, capacity;
    struct hm_arena arena;
};

#define HM_SUMS_INIT                                                                               \
    {                                                                                              \
        .sums = NULL, .arena = HM_ARENA_INIT                                                       \
    }

/* HM_EFORMAT, with the number of the line. need_names: a line without a name is refused. */
HM_MUST_CHECK enum hm_rc hm_sums_parse(struct hm_bytes text, bool need_names, struct hm_err *err,
                                       struct hm_sums *ret_sums);
/* Adds one; hm_sums_sort comes before the next hm_sums_find. Copies name. */
HM_MUST_CHECK enum hm_rc hm_sums_add(struct hm_sums *sums, struct hm_bytes name,
                                     const struct hm_sha256 *sha256, struct hm_err *err);
void hm_sums_sort(struct hm_sums *sums);
void hm_sums_done(struct hm_sums *sums);

/* HM_OK: name is there with this digest; HM_EMISMATCH: with others only; HM_EUNKNOWN: it is not
 * there. */
HM_MUST_CHECK enum hm_rc hm_sums_find(const struct hm_sums *sums, struct hm_bytes name,
                                      const struct hm_sha256 *sha256);

#endif
