/* SPDX-License-Identifier: Apache-2.0 */
/* The exclusive lock of one layout: a file beside index.json, locked with flock(2), so that it is
 * gone with its holder whatever ends that. The file stays; only the lock on it means something.
 *
 * Holders in one process exclude each other too (each opens the file anew). Threads: a lock belongs
 * to one thread.
 */
#ifndef SP_LAYOUT_LOCK_H
#define SP_LAYOUT_LOCK_H

#include <sys/types.h>

#include "base/cancel.h"
#include "base/scope.h"

#define SP_LOCK_FILE ".safeport-lock"
#define SP_LOCK_WAIT_MS 60000 /* an index.json is replaced in milliseconds: a minute is a hang */

struct sp_lock {
  int fd; /* -1: not held */
};
#define SP_LOCK_INIT ((struct sp_lock){.fd = -1})

/* Takes the lock of the layout in dir_fd, waiting up to SP_LOCK_WAIT_MS; `mode` is for the file
 * where it has to be made. `name` is the layout's, for messages.
 * Fails: SP_E_LOCKED; SP_E_INTERRUPTED; SP_E_INVALID (the name is something else); SP_E_IO. */
SP_MUST_CHECK int sp_lock_take(struct sp_lock *lock, int dir_fd, mode_t mode, const char *name,
                               const struct sp_cancel *cancel, struct sp_err *err);
/* Lets go; nothing if it is not held. */
void sp_lock_clear(struct sp_lock *lock);

SP_DEFINE_AUTO_CLEAR(struct sp_lock, sp_lock_clear)
#define SP_AUTO_LOCK SP_CLEANUP(sp_lock_clear_auto_)

#endif
