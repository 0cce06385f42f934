/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the known name that is nearest to a mistyped one. Pure. */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include <stddef.h>

/* The nearest of `names` within a third of the word's length (two at least) of single-letter
 * changes, or one that begins with the word; NULL if none is near. Borrowed from names. */
const char *nearest_name(const char *word, const char *const *names, size_t count);

#endif
