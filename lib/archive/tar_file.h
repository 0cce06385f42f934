/* SPDX-License-Identifier: Apache-2.0 */
/* An archive, opened for reading: a file in which every member can be read in place.
 *
 * A regular file that is not compressed is used where it is. Everything else (a pipe, standard
 * input, an engine's answer, a gzip or zstd file) goes to the spool first, decompressed. Members
 * are never unpacked. Threads: immutable once opened; any number of readers.
 */
#ifndef SP_ARCHIVE_TAR_FILE_H
#define SP_ARCHIVE_TAR_FILE_H

#include "archive/inflate.h"
#include "archive/spool.h"
#include "archive/tar_index.h"
#include "base/buf.h"
#include "base/stream.h"

struct sp_tar_file {
  int fd;
  struct sp_tar_index index;
};
#define SP_TAR_FILE_INIT ((struct sp_tar_file){.fd = -1})

/* Opens `path` ("-" is standard input). `*spool` is opened where it is needed and not there yet.
 * Fails: SP_E_NOT_FOUND, SP_E_IO, SP_E_INTERRUPTED; as inflate.h and tar_index.h. */
SP_MUST_CHECK int sp_tar_file_open(struct sp_tar_file *file, const char *path,
                                   struct sp_spool **spool, const struct sp_cancel *cancel,
                                   struct sp_err *err);
/* The same of a stream, which is taken (also on failure). */
SP_MUST_CHECK int sp_tar_file_open_input_take(struct sp_tar_file *file, struct sp_input *input,
                                              struct sp_spool **spool,
                                              const struct sp_cancel *cancel, struct sp_err *err);
void sp_tar_file_clear(struct sp_tar_file *file);

/* Appends a whole member to out, whose ceiling is the limit. Fails: SP_E_LIMIT, SP_E_IO. */
SP_MUST_CHECK int sp_tar_file_read(const struct sp_tar_file *file,
                                   const struct sp_tar_member *member, struct sp_buf *out,
                                   struct sp_err *err);

/* What the first bytes of a stretch of a file say of its packing. Fails: SP_E_IO. */
SP_MUST_CHECK int sp_tar_file_look_at(int fd, uint64_t begin, uint64_t size_bytes,
                                      enum sp_packing *out, struct sp_err *err);

SP_DEFINE_AUTO_CLEAR(struct sp_tar_file, sp_tar_file_clear)

#endif
