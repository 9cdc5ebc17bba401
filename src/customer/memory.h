/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a maker at a site: sites/NAME/makers/ID/memory.json and the identities that
 * were verified. memory.json alone is what counts; the identities beside it spare requests and are
 * verified again each time.
 */
#ifndef HM_CUSTOMER_MEMORY_H
#define HM_CUSTOMER_MEMORY_H

#include "base/dir.h"
#include "trust/verdict.h"
#include "tuf/client.h"

#define HM_MEMORY_SIZE_MAX 4096

/* site_dir is a site's folder. pin: of this maker, or NULL. A maker never seen is no failure. A
 * damaged file is HM_EFORMAT: forgetting needs the customer's hand. */
HM_MUST_CHECK enum hm_rc hm_memory_read(const struct hm_dir *site_dir, const char *id,
                                        const struct hm_sha256 *pin, struct hm_err *err,
                                        struct hm_memory *ret_memory);
/* Remembers what a verdict accepted; writes only where it says more than memory does. Durable. */
HM_MUST_CHECK enum hm_rc hm_memory_raise(const struct hm_dir *site_dir,
                                         const struct hm_layout_maker *maker,
                                         const struct hm_memory *memory, struct hm_err *err);

/* The chain up to the version that targets.json names, verified link by link: as far as it is held,
 * and the rest from "makers/ID/N.identity" of source, which is then kept. source NULL: nothing is
 * fetched, HM_EAGAIN where versions are missing. Failures name the version. */
HM_MUST_CHECK enum hm_rc hm_memory_identity(const struct hm_dir *site_dir,
                                            const struct hm_layout_maker *maker,
                                            const struct hm_client_source *source,
                                            struct hm_err *err, struct hm_identity **ret_identity);

#endif
