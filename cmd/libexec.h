/* SPDX-License-Identifier: Apache-2.0 */
/* Heavy areas are programs of their own behind the same command: "hallmark witness serve" becomes
 * hallmark-witness. */
#ifndef HM_CMD_LIBEXEC_H
#define HM_CMD_LIBEXEC_H

/* Becomes the program, with the arguments after argv[0]; it stands beside this one (a build
 * folder), else where it was installed. Returns an exit status only if it cannot. */
int hm_libexec_run(const char *program, char **argv);

#endif
