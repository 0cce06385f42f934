/* SPDX-License-Identifier: Apache-2.0 */
/* One run per image on one host: a lock on a byte of the file `sync.lock` in the state directory,
 * at a place that the image's name decides (an open file description lock, fcntl(2)), so that it is
 * gone with its holder whatever ends that, and ten thousand images need one file.
 *
 * Threads: a lock belongs to one thread; two of one process exclude each other too.
 */
#ifndef SP_SYNC_LOCK_H
#define SP_SYNC_LOCK_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/scope.h"

struct sp_image_lock {
  int fd; /* -1: not held */
};
#define SP_IMAGE_LOCK_INIT ((struct sp_image_lock){.fd = -1})

/* Takes the lock of the image in the directory `dir`; dir NULL takes none. With `wait` it waits for
 * as long as it takes. Fails: SP_E_LOCKED; SP_E_INTERRUPTED; SP_E_IO. */
SP_MUST_CHECK int sp_image_lock_take(struct sp_image_lock *lock, const char *dir, const char *image,
                                     bool wait, const struct sp_cancel *cancel, struct sp_err *err);
void sp_image_lock_clear(struct sp_image_lock *lock);

SP_DEFINE_AUTO_CLEAR(struct sp_image_lock, sp_image_lock_clear)

#endif
