/* SPDX-License-Identifier: Apache-2.0 */
/* A reader (store/store.h) of one stretch of a file: a blob of a layout, a member of an archive. It
 * blocks on the disk and is pumped.
 */
#ifndef SP_STORE_FILE_READER_H
#define SP_STORE_FILE_READER_H

#include "store/store.h"

struct sp_file_stretch {
  int fd;         /* read with pread only, so that many readers may share it */
  bool owns_fd;   /* the reader closes it */
  uint64_t begin; /* of the stretch in the file */
  uint64_t size_bytes;
  const char *where; /* for messages: what the file belongs to; lives as long as the reader */
};

/* Reads the stretch from offset (<= size_bytes) to its end. On failure the descriptor stays the
 * caller's. The reader fails with SP_E_DIGEST (the file became shorter) or SP_E_IO.
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_file_reader_new(const struct sp_file_stretch *stretch, uint64_t offset,
                                     struct sp_reader **out, struct sp_err *err);

#endif
