/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that no code of ours may call; forced into every file by the build (-include). */
#ifndef SP_BASE_BANNED_H
#define SP_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* With clang and _FORTIFY_SOURCE, glibc makes macros of these. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets
#pragma GCC poison atoi atol atoll strtok strtok_r tmpnam mktemp

#endif
