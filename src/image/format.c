/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats (format.h): at most 32, the strictest bids first. */
#include "image/format.h"

const struct hm_format *const hm_format_table[] = {
    &hm_flash_format, &hm_volume_format, &hm_pe_format, &hm_pci_rom_format, NULL,
};
