/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for a while: made with a name of its own, checked for room, removed with all that is
 * in it. It is locked as long as its maker lives, so what a killed one left is found and removed by
 * the next. Threads: none of its own. */
#ifndef SP_API_SCRATCH_H
#define SP_API_SCRATCH_H

#include <stdint.h>

#include "base/scope.h"
#include "safeport/err.h"

struct sp_scratch {
  char *path; /* NULL: there is none */
  int fd;     /* holds its lock; where path is NULL it means nothing */
};

/* Makes one in `parent`, and removes those of ours there that nobody holds any more. Fails:
 * SP_E_IO; SP_E_NOMEM. */
SP_MUST_CHECK int sp_scratch_make(struct sp_scratch *scratch, const char *parent,
                                  struct sp_err *err);
/* Is there room for so many bytes, and a little more? Fails: SP_E_IO, saying what there is. */
SP_MUST_CHECK int sp_scratch_check_room(const struct sp_scratch *scratch, uint64_t bytes,
                                        struct sp_err *err);
/* Removes it. What cannot be removed stays, and is warned of. */
void sp_scratch_remove(struct sp_scratch *scratch);

SP_DEFINE_AUTO_CLEAR(struct sp_scratch, sp_scratch_remove)

#endif
