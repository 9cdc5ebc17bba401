/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a measured boot, as firmware hands it to the system (TCG PC Client Platform Firmware
 * Profile 1.05, section 10; in Linux: binary_bios_measurements). Little endian:
 *
 *   the first event:  0  PCR 0 (4)   4  type 3 (4)   8  zeros (20)  1C  size (4)
 *                     20  "Spec ID Event03", NUL   30  platform (4)   34  version (3)
 *                     37  size of UINTN (1)   38  digests (4), each: algorithm (2), size (2)
 *                     then size (1) and bytes of the vendor's
 *   each next one:    0  PCR (4)   4  type (4)   8  digests (4), each: algorithm (2), digest
 *                     then size (4) and data
 *
 * A log proves nothing by itself: whoever can write it, writes what he likes. It counts if its
 * replayed values are those of the machine's TPM, which a quote shows.
 */
#ifndef HM_IMAGE_EVENT_LOG_H
#define HM_IMAGE_EVENT_LOG_H

#include "base/arena.h"
#include "crypto/digest.h"

/* Real logs are below 256 KiB and a thousand events. */
#define HM_EVENT_LOG_SIZE_MAX  ((size_t)16 << 20)
#define HM_EVENT_LOG_COUNT_MAX 65536
/* A TPM has at most these banks. */
#define HM_EVENT_LOG_BANK_MAX 16
#define HM_EVENT_LOG_PCR_MAX  24

#define HM_EVENT_NO_ACTION                0x00000003U /* said, not measured */
#define HM_EVENT_EFI_BOOT_SERVICES_APP    0x80000003U
#define HM_EVENT_EFI_BOOT_SERVICES_DRIVER 0x80000004U
#define HM_EVENT_EFI_RUNTIME_DRIVER       0x80000005U

struct hm_event {
    uint32_t pcr, type;
    struct hm_sha256 sha256;
    struct hm_bytes data;
};

struct hm_event_log {
    struct hm_event *events; /* without the first */
    size_t count;
    struct hm_sha256 pcrs[HM_EVENT_LOG_PCR_MAX]; /* replayed; zeros where nothing was measured */
    uint32_t measured;                           /* a bit a PCR */
    struct hm_arena arena;
};

/* Views of bytes. HM_EFORMAT: no such log, a limit, bytes behind the last event, or one without
 * SHA-256 digests (a machine that measures SHA-1 alone). HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_event_log_parse(struct hm_bytes bytes, struct hm_err *err,
                                            struct hm_event_log *ret_log);
void hm_event_log_done(struct hm_event_log *log);
/* Does the event say that an executable from a device was loaded? */
bool hm_event_log_is_option_rom(const struct hm_event *event);

#endif
