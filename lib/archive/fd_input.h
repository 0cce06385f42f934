/* SPDX-License-Identifier: Apache-2.0 */
/* A stretch of a file, or a pipe to its end, as a stream (base/stream.h). */
#ifndef SP_ARCHIVE_FD_INPUT_H
#define SP_ARCHIVE_FD_INPUT_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/stream.h"

/* Reads fd, which stays the caller's and must outlive the stream, from where it is. Waits for a
 * pipe, or for `cancel`. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_fd_input_new(int fd, const struct sp_cancel *cancel, struct sp_input **out,
                                  struct sp_err *err);
/* Reads size_bytes of a regular file from `begin` on, with pread. A file that ends before is
 * SP_E_DIGEST. */
SP_MUST_CHECK int sp_fd_input_new_stretch(int fd, uint64_t begin, uint64_t size_bytes,
                                          const struct sp_cancel *cancel, struct sp_input **out,
                                          struct sp_err *err);

#endif
