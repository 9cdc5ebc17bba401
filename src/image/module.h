/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules of an image: the parts that are built, named and replaced as one. A driver in a
 * volume, an image of an option ROM, a region nobody can look into; whatever holds smaller modules
 * is none itself. Padding and what is erased belong to no module; all other bytes do.
 */
#ifndef HM_IMAGE_MODULE_H
#define HM_IMAGE_MODULE_H

#include "base/buf.h"
#include "image/image.h"

/* The nodes that are modules, in the order of reading; in the arena. HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_module_list(const struct hm_image *image, struct hm_arena *arena,
                                        struct hm_err *err, uint32_t **ret_nodes,
                                        size_t *ret_count);
/* The order of modules of any images by what they are, not by what they contain: 0 where one takes
 * the other's place. */
int hm_module_compare(const struct hm_image *a, uint32_t node_a, const struct hm_image *b,
                      uint32_t node_b);
/* The first fact of that kind in the node or below it, in the order of reading; NULL. */
const struct hm_image_fact *hm_module_find_fact(const struct hm_image *image, uint32_t node,
                                                enum hm_image_fact_kind kind);
/* Appends what people call it: "DXE driver AcmeDxe 0A1B2C3D-...", "rom-image EFI 1AF4:1000". Text
 * of the image is escaped. HM_ENOMEM, HM_EFORMAT past buf's maximum. */
HM_MUST_CHECK enum hm_rc hm_module_label(const struct hm_image *image, uint32_t node,
                                         struct hm_err *err, struct hm_buf *buf);
/* Of an EFI image in an option ROM: the digest that measured boot extends into PCR 2 when it is
 * loaded (event EV_EFI_BOOT_SERVICES_DRIVER, SHA-256); it is the Authenticode digest of the PE
 * image, decompressed, with the padding behind it. NULL for other nodes, and where the PE image
 * could not be read. */
const struct hm_image_fact *hm_module_measured(const struct hm_image *image, uint32_t node);

#endif
