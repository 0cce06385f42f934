/* SPDX-License-Identifier: Apache-2.0 */
/* What a tag named at a time in the past (`restore --at`), as far as history tags tell: such a tag
 * (`safeport-latest-20261123T101500Z`) was set when `latest` left its digest, so it is what
 * `latest` named from the history tag before it until then. The journal is asked first; this is for
 * hosts whose journal does not reach back so far. Pure. */
#ifndef SP_RESTORE_THEN_H
#define SP_RESTORE_THEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The history tag in `tags` (any tags of one backup, in any order) whose digest `tag` named at
 * at_s: the first that was left later. Borrowed; NULL if there is none.
 *   left_s     out   when it was left; untouched if there is none
 *   has_begun  out   `tag` left another digest at at_s or before: so it named this one then. Else
 *                    only who knows when the digest was first seen can tell */
const char *sp_then_find(char *const *tags, size_t count, const char *tag, int64_t at_s,
                         int64_t *left_s, bool *has_begun);

#endif
