/* SPDX-License-Identifier: Apache-2.0 */
/* What the witness's commands and its server share: where a witness's folder is by default. */
#ifndef HM_CMD_WITNESS_H
#define HM_CMD_WITNESS_H

#include "base/buf.h"

/* Appends $XDG_DATA_HOME/hallmark-witness, for root /var/lib/hallmark-witness. HM_EUSAGE where none
 * is known. */
HM_MUST_CHECK enum hm_rc hm_witness_dir(struct hm_err *err, struct hm_buf *ret_path);

#endif
