/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between SQLite and the disk: counts what changes a file, and lets the nth of it fail or be
 * the last thing that the process does. Single-threaded, as the tests that use it are. */
#ifndef SP_TESTS_JOURNAL_VFS_SHIM_H
#define SP_TESTS_JOURNAL_VFS_SHIM_H

#include <stdbool.h>

/* Puts it in place for all databases that are opened from now on. */
void vfs_shim_install(void);

#define VFS_KILL (-1)
/* The nth change from now fails with this result of SQLite's (SQLITE_FULL, SQLITE_IOERR_FSYNC,
 * ...), and all that follow too if `stays`; VFS_KILL: the process dies, with half of a write
 * written. */
void vfs_shim_arm(unsigned long nth, int result, bool stays);
/* No failure from now on. */
void vfs_shim_disarm(void);
/* Since it was armed: how many changes there were, and whether one was made to fail. */
unsigned long vfs_shim_calls(void);
bool vfs_shim_has_failed(void);

#endif
