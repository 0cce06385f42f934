/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what lies below a directory that others may have filled (S13, S31): no component may be a
 * link, none may lead out, nothing but regular files is read.
 *
 * Paths are relative to a directory descriptor, without "." and "..". Threads: any.
 */
#ifndef SP_LAYOUT_BENEATH_H
#define SP_LAYOUT_BENEATH_H

#include <stdint.h>
#include <sys/types.h>

#include "safeport/err.h"

/* open(2) with O_CLOEXEC and without following links (openat2 RESOLVE_BENEATH | NO_SYMLINKS; one
 * component at a time where the kernel has no openat2). `*fd` is the caller's.
 * Fails: SP_E_NOT_FOUND
 *        SP_E_INVALID    a link, a way out, or a file where a directory should be
 *        SP_E_IO */
SP_MUST_CHECK int sp_beneath_open(int dir_fd, const char *path, int flags, mode_t mode, int *fd,
                                  struct sp_err *err);
/* A regular file for reading; never waits (a FIFO is refused, not opened and waited for).
 * Fails: as sp_beneath_open; SP_E_INVALID (not a regular file). */
SP_MUST_CHECK int sp_beneath_open_file(int dir_fd, const char *path, int *fd, uint64_t *size_bytes,
                                       struct sp_err *err);
/* A directory. */
SP_MUST_CHECK int sp_beneath_open_dir(int dir_fd, const char *path, int *fd, struct sp_err *err);
/* A directory that is made, with its parents, where it is missing. */
SP_MUST_CHECK int sp_beneath_make_dir(int dir_fd, const char *path, mode_t mode, int *fd,
                                      struct sp_err *err);

#endif
