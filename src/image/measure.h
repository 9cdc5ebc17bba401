/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What measured boot will say of a firmware file, computed from the file alone: each EFI image in
 * an option ROM is an event of PCR 2 when it is loaded (TCG PC Client Platform Firmware
 * Profile 1.05, section 3.3.4.3), whose digest is the Authenticode digest of the image with the
 * padding behind it. A changed legacy image changes no event: whoever has the ROM's bytes compares
 * them too.
 */
#ifndef HM_IMAGE_MEASURE_H
#define HM_IMAGE_MEASURE_H

#include "base/json_writer.h"
#include "image/image.h"

/* Of one release: no card has more, and what is said of a release has its limit. */
#define HM_MEASURE_COUNT_MAX 48
#define HM_MEASURE_SIZE_MAX  16384

/* Has the files at paths (the user's) inspected by program (image/inspect.h), and appends a JSON
 * array with an object for each image that would be measured; nothing where there is none:
 *   {"device": "100e", "event": "EV_EFI_BOOT_SERVICES_DRIVER", "file": NAME, "machine": "x86-64",
 *    "pcr": 2, "sha256": HEX, "vendor": "8086"}
 * A file that cannot be read to its end, or has too many, has none, and a line in notes. HM_ENOMEM.
 */
HM_MUST_CHECK enum hm_rc hm_measure_files(const char *program, const char *const *paths,
                                          size_t count, struct hm_err *err,
                                          struct hm_buf *ret_array, struct hm_buf *notes);
/* Compares what custom (a JSON object, or empty) says of the file name under "measurements", PCR 2,
 * with what image would measure: the same digests, events and order. HM_EMISMATCH: others. HM_OK
 * where it says nothing of that file. */
HM_MUST_CHECK enum hm_rc hm_measure_check(const struct hm_image *image, struct hm_bytes name,
                                          struct hm_bytes custom, struct hm_err *err);

#endif
