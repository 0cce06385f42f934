/* SPDX-License-Identifier: Apache-2.0 */
/* Which vault it is: a random name in a file of its root, made with the vault, or with the next
 * write to one of an older version. Memory keeps by it what was proven there, for two disks may be
 * mounted at one place in turn, each with the same repositories. A vault that is copied as a whole
 * is taken for the one that it was copied from.
 */
#ifndef SP_LAYOUT_VAULT_ID_H
#define SP_LAYOUT_VAULT_ID_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cancel.h"

#define SP_VAULT_ID_LEN 32 /* hex digits */

/* Reads the id of the vault at root_fd; `make`: makes it (with mode) if there is none, or none that
 * makes sense, under a lock on the root (layout/lock.h): of those that make one at once all get the
 * same. "" if it has none, or it cannot be read or made: no job fails for want of memory. Blocks on
 * disk, and on that lock, until `cancel` (borrowed). */
void sp_vault_id_get(int root_fd, bool make, mode_t mode, const struct sp_cancel *cancel,
                     char out[SP_VAULT_ID_LEN + 1]);

#endif
