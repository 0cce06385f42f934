/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between the layer and the system (-Wl,--wrap): counts the calls that change files, makes
 * the nth fail or kills the process before it, and writes down what was done, so that a test can
 * work out what a power loss could leave.
 */
#ifndef SP_TESTS_LAYOUT_SHIM_H
#define SP_TESTS_LAYOUT_SHIM_H

#include <stdbool.h>
#include <stddef.h>

#define SHIM_KILL (-1)

/* From now on counts changing calls from 1; call nth fails with errno `sys` (SHIM_KILL: SIGKILL
 * before it is done). `stays` makes all later calls that need room fail too (a full disk). nth 0
 * only counts. Calls that only open count where they may fail, not where the process dies. */
void shim_arm(unsigned long nth, int sys, bool stays);
/* Lets everything through again; answers the calls counted. */
unsigned long shim_disarm(void);
/* Moves the clock by which temporary files are old. */
void shim_set_clock_ahead(long seconds);

/* -- what was done, below one directory */
enum shim_kind {
  SHIM_NEW,      /* a name `path` for a new, empty file `inode` */
  SHIM_ADD,      /* a name `path` for file `inode` (linked or renamed to) */
  SHIM_DROP,     /* the name `path` is gone */
  SHIM_DIR,      /* a directory `path` */
  SHIM_DATA,     /* bytes appended to file `inode` */
  SHIM_SYNC,     /* file `inode` is on the disk */
  SHIM_SYNC_DIR, /* the names in directory `path` are on the disk */
};
struct shim_event {
  enum shim_kind kind;
  char path[256]; /* relative to the root; "" is the root itself */
  unsigned long inode;
  char *bytes; /* DATA */
  size_t len;
};
/* Writes down what happens below root (absolute, without links), until shim_record_end. */
void shim_record_begin(const char *root);
/* What was written down, in order; kept until the next begin. */
const struct shim_event *shim_record_end(size_t *count);

#endif
