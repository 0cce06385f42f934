/* SPDX-License-Identifier: Apache-2.0 */
/* Local files, safely: reading with a ceiling, and replacing so that the name holds the old or the
 * new bytes, never something between, whatever happens to the power.
 *
 * All names are relative to a directory descriptor (AT_FDCWD allowed). A link is never read through
 * nor written through. Directories are followed as links only where the path is the user's own
 * (from AT_FDCWD); below a descriptor of ours no component may be a link or "..". Threads: any.
 */
#ifndef SP_BASE_FILE_H
#define SP_BASE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "safeport/err.h"

#define SP_FILE_TEMP_PREFIX \
  ".safeport-tmp-" /* every temporary file of ours begins so, and may be swept */

/* Reads a regular file whole, appending to out (its ceiling is the limit). On failure
 * out is as it was.
 * Fails: SP_E_NOT_FOUND; SP_E_LIMIT; SP_E_INVALID (not a regular file); SP_E_IO. */
SP_MUST_CHECK int sp_file_read(int dir_fd, const char *name, struct sp_buf *out,
                               struct sp_err *err);

/* Creates an exclusive temporary file in dir_fd. `name` receives its name (SP_FILE_TEMP_NAME_MAX
 * bytes).
 * `*fd` is the caller's. */
#define SP_FILE_TEMP_NAME_MAX 64
SP_MUST_CHECK int sp_file_create_temp(int dir_fd, mode_t mode, char name[SP_FILE_TEMP_NAME_MAX],
                                      int *fd, struct sp_err *err);

/* Writes all bytes (short writes and EINTR handled). */
SP_MUST_CHECK int sp_file_write_all(int fd, const void *bytes, size_t len, struct sp_err *err);

/* fsync; a failure means that the bytes are lost: throw the file away, never "try the fsync again".
 */
SP_MUST_CHECK int sp_file_sync(int fd, struct sp_err *err);
/* fsync of a directory. */
SP_MUST_CHECK int sp_file_sync_dir(int dir_fd, struct sp_err *err);

/* Atomic and durable replacement: temporary name, write, fsync, rename, fsync of the directory. A
 * name with slashes is replaced in its own directory. On failure the old file is intact and no
 * temporary file is left (only where the last step, fsync of the directory, fails, the new file is
 * there and not yet durable). */
SP_MUST_CHECK int sp_file_replace(int dir_fd, const char *name, mode_t mode, struct sp_span bytes,
                                  struct sp_err *err);

/* Keeps a directory that remembers things small: where it has more than `most` files, the oldest
 * (by their mtime) are removed until seven eighths of that are left, so that not every new file has
 * to count. Temporary files of ours are nobody's. What cannot be removed stays: it cannot fail. */
void sp_file_keep_newest(int dir_fd, size_t most);

/* mkdir -p below dir_fd, each new level fsynced into its parent. `path` may not contain "..".
 * Existing is fine. */
SP_MUST_CHECK int sp_file_make_dirs(int dir_fd, const char *path, mode_t mode, struct sp_err *err);
/* Opens a directory (O_DIRECTORY|O_CLOEXEC). `*fd` is the caller's. Fails: SP_E_NOT_FOUND, SP_E_IO.
 */
SP_MUST_CHECK int sp_file_open_dir(int dir_fd, const char *path, int *fd, struct sp_err *err);

#endif
