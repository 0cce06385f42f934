/* SPDX-License-Identifier: Apache-2.0 */
/* The directory of one image layout, opened: where it lies, who may read what is put there, and
 * the files that make it a layout (oci-layout, index.json, blobs/).
 *
 * Not here: what is in it (layout/blob_file.h, layout/index_file.h).
 *
 * Life cycle: sp_layout_dir_init, sp_layout_dir_ready, sp_layout_dir_clear. Threads: any, once
 * ready.
 */
#ifndef SP_LAYOUT_LAYOUT_DIR_H
#define SP_LAYOUT_LAYOUT_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cancel.h"
#include "layout/layout.h"
#include "layout/subjects.h"

struct sp_index_cache;
struct sp_index_queue;
struct sp_referrer_list;

#define SP_LAYOUT_BLOBS "blobs"

/* Rights of what is made; the umask applies. */
struct sp_layout_modes {
  mode_t dir;
  mode_t file; /* oci-layout, index.json, the lock */
  mode_t blob;
};

struct sp_layout_dir {
  int fd;           /* the layout; owned */
  int root_fd;      /* of the vault that it is in, -1 if in none; owned */
  const char *pool; /* the vault's pool, below root_fd; static text; NULL if in none */
  enum sp_layout_mode mode;
  struct sp_layout_modes modes;
  const struct sp_cancel *cancel;     /* borrowed; ends waits for locks */
  struct sp_subjects *subjects;       /* what is known of manifests here; owned */
  struct sp_index_cache *index;       /* and of index.json; owned */
  struct sp_index_queue *queue;       /* changes of it that wait; owned */
  struct sp_referrer_list *referrers; /* and of who refers to whom; owned */
  char *name;                         /* for messages; owned */
  char *known_as;                     /* sp_store_known_as; owned, NULL: the name */
};

#define SP_LAYOUT_DIR_INIT ((struct sp_layout_dir){.fd = -1, .root_fd = -1})

/* Opens a directory that the user named (links and ".." are the user's own affair); to write, makes
 * it and its parents where they are missing. `*fd` is the caller's.
 * Fails: SP_E_NOT_FOUND; SP_E_USAGE (".." below what is missing); SP_E_IO. */
SP_MUST_CHECK int sp_layout_dir_open_path(const char *path, enum sp_layout_mode mode,
                                          mode_t dir_mode, int *fd, struct sp_err *err);

/* Nothing opened yet. name is copied. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_layout_dir_init(struct sp_layout_dir *dir, const char *name,
                                     enum sp_layout_mode mode, const struct sp_layout_modes *modes,
                                     const struct sp_cancel *cancel, struct sp_err *err);
/* With fd set: checks that it is a layout of version 1.0.0. To write, makes what is missing
 * (oci-layout last: a directory is a layout when all of it is there) and removes temporary files of
 * killed runs. To read, makes and changes nothing.
 * Fails: SP_E_INVALID (no layout, or another version); SP_E_LOCKED; SP_E_IO. */
SP_MUST_CHECK int sp_layout_dir_ready(struct sp_layout_dir *dir, struct sp_err *err);
void sp_layout_dir_clear(struct sp_layout_dir *dir);

/* Raises SP_E_UNSUPPORTED unless it was opened to write. */
SP_MUST_CHECK int sp_layout_dir_check_writable(const struct sp_layout_dir *dir, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_layout_dir, sp_layout_dir_clear)
#define SP_AUTO_LAYOUT_DIR SP_CLEANUP(sp_layout_dir_clear_auto_)

#endif
