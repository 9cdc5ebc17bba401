/* SPDX-License-Identifier: Apache-2.0 */
/* The default place of a witness. See witness.h. */
#include "witness.h"

#include <unistd.h>

#define SYSTEM_DIR "/var/lib/hallmark-witness"

enum hm_rc hm_witness_dir(struct hm_err *err, struct hm_buf *ret_path)
{
    const char *base;

    if (geteuid() == 0)
        return hm_buf_append_str(ret_path, SYSTEM_DIR, err);
    base = getenv("XDG_DATA_HOME");
    /* XDG base directory specification: a relative path is ignored. */
    if (base != NULL && base[0] == '/')
        return hm_buf_append_fmt(ret_path, err, "%s/hallmark-witness", base);
    base = getenv("HOME");
    if (base != NULL && base[0] == '/')
        return hm_buf_append_fmt(ret_path, err, "%s/.local/share/hallmark-witness", base);
    return hm_fail(err, HM_EUSAGE, "no folder is known for the witness: give --dir DIR");
}
