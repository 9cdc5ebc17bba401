/* SPDX-License-Identifier: Apache-2.0 */
/* What others need to know of PE/COFF. */
#ifndef HM_IMAGE_PE_H
#define HM_IMAGE_PE_H

#include "base/bytes.h"

/* "x86-64"; for one that is not known "machine of an unknown kind". Static. */
const char *hm_pe_machine_name(uint16_t machine);

#endif
