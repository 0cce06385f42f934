/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for flock(2), which is gone with its holder whatever ends that. */
#ifndef SP_BASE_FLOCK_H
#define SP_BASE_FLOCK_H

#include "base/cancel.h"

/* Waits up to wait_ms for the exclusive lock of an open file or directory. *taken false: another
 * holder had it all the time. The lock ends with the descriptor. Fails: SP_E_INTERRUPTED; SP_E_IO
 * (err->sys: ENOLCK, EBADF and their like where the file system has no locks). */
SP_MUST_CHECK int sp_flock_wait(int fd, int64_t wait_ms, const struct sp_cancel *cancel,
                                bool *taken, struct sp_err *err);

#endif
