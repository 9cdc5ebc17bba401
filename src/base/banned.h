/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that this project does not use, made into errors at compile time. Each has a safer
 * way here: hm_buf, hm_text, hm_time, hm_file.
 */
#ifndef HM_BASE_BANNED_H
#define HM_BASE_BANNED_H

/* System headers may declare or use these names: include them before the poison. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* With _FORTIFY_SOURCE these are macros already, and clang refuses to poison a macro. */
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef gets
#pragma GCC poison strcpy strcat sprintf vsprintf strncpy strncat strtok atoi atol atoll gets
#pragma GCC poison system popen gmtime localtime ctime asctime mktemp tmpnam rand srand

#endif
