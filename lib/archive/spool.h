/* SPDX-License-Identifier: Apache-2.0 */
/* Room on this host's disk for what has no digest yet: archives that came through a pipe, layers
 * that were compressed, archives that are being put together. Below the state directory
 * (base/state_dir.h), and gone after use, also after a kill: its files have no names, and a
 * directory that a killed run left is removed by the next.
 *
 * Life cycle: sp_spool_open, sp_spool_close; files and directories may outlive it. Threads: any.
 */
#ifndef SP_ARCHIVE_SPOOL_H
#define SP_ARCHIVE_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"
#include "safeport/err.h"

struct sp_spool;

/* Opens the spool of the state directory, made where it is missing.
 * Fails: SP_E_USAGE (no state directory), SP_E_REFUSED, SP_E_IO. */
SP_MUST_CHECK int sp_spool_open(struct sp_spool **out, struct sp_err *err);
void sp_spool_close(struct sp_spool *spool);

/* A new file without a name, to read and write. `*fd` is the caller's. Fails: SP_E_IO. */
SP_MUST_CHECK int sp_spool_file(const struct sp_spool *spool, int *fd, struct sp_err *err);
/* Writes all n bytes at `at`. Fails: SP_E_IO; a full disk is said to be one, with what to do. */
SP_MUST_CHECK int sp_spool_write(const struct sp_spool *spool, int fd, uint64_t at,
                                 const void *bytes, size_t n, struct sp_err *err);

/* A new directory of ours alone. `*path` and `*fd` are the caller's; while fd is open nobody takes
 * it for abandoned. Fails: SP_E_IO. */
SP_MUST_CHECK int sp_spool_dir(const struct sp_spool *spool, char **path, int *fd,
                               struct sp_err *err);
/* Removes a directory of sp_spool_dir with what is in it. */
void sp_spool_remove_dir(const char *path);

SP_DEFINE_AUTO_FREE(struct sp_spool, sp_spool_close)
#define SP_AUTO_SPOOL SP_CLEANUP(sp_spool_close_auto_)

#endif
