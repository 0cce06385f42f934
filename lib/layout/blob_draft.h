/* SPDX-License-Identifier: Apache-2.0 */
/* A blob on its way into a layout: a temporary file that gets its name when all of it is on the
 * disk.
 *
 * Whoever commits has hashed the bytes; nothing is hashed here. The name is always replaced: a blob
 * is written because what is there is missing or damaged, so "exists" is no reason to stop. In a
 * vault the file goes to the pool and is linked from there.
 *
 * Life cycle: sp_blob_draft_begin, _write..., _commit, _clear. Threads: one at a time.
 */
#ifndef SP_LAYOUT_BLOB_DRAFT_H
#define SP_LAYOUT_BLOB_DRAFT_H

#include "base/file.h"
#include "layout/blob_file.h"

struct sp_blob_draft {
  const struct sp_layout_dir *dir; /* borrowed */
  struct sp_digest digest;
  bool is_pooled; /* goes to the pool first */
  uint64_t size_bytes;
  uint64_t written_bytes;
  uint64_t flushed_bytes;           /* sent on their way to the disk */
  int home_fd;                      /* where the temporary file stands */
  int fd;                           /* locked (flock): a living writer's file is not swept */
  char temp[SP_FILE_TEMP_NAME_MAX]; /* "" when there is none */
};
#define SP_BLOB_DRAFT_INIT ((struct sp_blob_draft){.home_fd = -1, .fd = -1})

/* Makes the temporary file and asks for its room on the disk.
 * Fails: SP_E_UNSUPPORTED (opened for reading); SP_E_IO (sys ENOSPC, EDQUOT: disk full). */
SP_MUST_CHECK int sp_blob_draft_begin(struct sp_blob_draft *draft, const struct sp_layout_dir *dir,
                                      const struct sp_digest *digest, uint64_t size_bytes,
                                      struct sp_err *err);
/* Appends. Fails: SP_E_INTERNAL (more than size_bytes); SP_E_IO. */
SP_MUST_CHECK int sp_blob_draft_write(struct sp_blob_draft *draft, const void *bytes, size_t len,
                                      struct sp_err *err);
/* Makes the blob be there, durably. On failure the old state stands, or (only the fsync of a
 * directory failed) the new one is there and not yet durable. */
SP_MUST_CHECK int sp_blob_draft_commit(struct sp_blob_draft *draft, struct sp_err *err);
/* Frees; removes the temporary file of a draft that was not committed. */
void sp_blob_draft_clear(struct sp_blob_draft *draft);

/* Begins, writes and commits bytes in memory. */
SP_MUST_CHECK int sp_blob_draft_put(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                                    struct sp_span bytes, struct sp_err *err);
/* The same from a file, to the layout alone (never the pool): for what cannot be linked. */
SP_MUST_CHECK int sp_blob_draft_copy(const struct sp_layout_dir *dir,
                                     const struct sp_digest *digest, int from_fd,
                                     uint64_t size_bytes, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_blob_draft, sp_blob_draft_clear)
#define SP_AUTO_BLOB_DRAFT SP_CLEANUP(sp_blob_draft_clear_auto_)

#endif
