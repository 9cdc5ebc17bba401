/* SPDX-License-Identifier: Apache-2.0 */
/* Heavy areas are programs of their own behind the same command: "hallmark witness serve" becomes
 * hallmark-witness. */
#ifndef HM_CMD_LIBEXEC_H
#define HM_CMD_LIBEXEC_H

#include "base/buf.h"

/* Appends the path of the program: beside this one (a build folder), else where it was installed.
 */
HM_MUST_CHECK enum hm_rc hm_libexec_find(const char *program, struct hm_err *err,
                                         struct hm_buf *ret_path);
/* Becomes the program, with the arguments after argv[0]. Returns an exit status only if it cannot.
 */
int hm_libexec_run(const char *program, char **argv);

#endif
