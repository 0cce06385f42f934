/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the known name that is nearest to a mistyped one. Pure. */
#ifndef SP_BASE_NEAREST_H
#define SP_BASE_NEAREST_H

#include <stddef.h>

/* The nearest of `names` within a third of the word's length (one at least) of single-letter
 * changes, or one that begins with the word, or with all of it but its last letter ("registry",
 * "registries"); NULL if none is near. Borrowed from names. */
const char *sp_nearest(const char *word, const char *const *names, size_t count);

#endif
