/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats (format.h): at most 32, the strictest bids first. */
#include "image/format.h"

const struct hm_format *const hm_format_table[] = {
    &hm_flash_format,       &hm_volume_format,           &hm_capsule_formats[0],
    &hm_capsule_formats[1], &hm_capsule_formats[2],      &hm_capsule_formats[3],
    &hm_capsule_formats[4], &hm_capsule_formats[5],      &hm_capsule_formats[6],
    &hm_capsule_formats[7], &hm_package_pldm_formats[0], &hm_package_pldm_formats[1],
    &hm_package_pfs_format, &hm_cabinet_format,          &hm_cbfs_format,
    &hm_ubi_format,         &hm_squashfs_format,         &hm_uimage_format,
    &hm_device_tree_format, &hm_microcode_amd_format,    &hm_microcode_intel_format,
    &hm_pe_format,          &hm_pci_rom_format,          NULL,
};
