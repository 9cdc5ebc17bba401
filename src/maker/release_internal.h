/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by release.c (what is drafted) and release_signing.c (how it is signed and leaves). */
#ifndef HM_MAKER_RELEASE_INTERNAL_H
#define HM_MAKER_RELEASE_INTERNAL_H

#include "maker/release.h"

/* The product of one of the folder's roles; NULL: it is maker~ID itself. */
const char *hm_release_product(const struct hm_folder *folder, const char *role);

#endif
