/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs (and manifests) as files of a layout: blobs/<alg>/<hex>, and the pool of a vault. Looking
 * and reading; a new one is made in layout/blob_draft.h.
 *
 * A file found here is a claim until its bytes were hashed. Threads: any.
 */
#ifndef SP_LAYOUT_BLOB_FILE_H
#define SP_LAYOUT_BLOB_FILE_H

#include "layout/layout_dir.h"

/* A place for one blob: the directory's path, below `dir_fd`, and its name there. */
struct sp_blob_path {
  int dir_fd;      /* borrowed */
  char parent[32]; /* "blobs/sha256", "pool/sha256/ab" */
  char name[SP_DIGEST_HEX_MAX];
  char text[32 + SP_DIGEST_HEX_MAX]; /* both */
};
/* Where the layout has a blob. */
void sp_blob_path_in_layout(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                            struct sp_blob_path *out);
/* Where the vault's pool has it (the layout is one of a vault). */
void sp_blob_path_in_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                          struct sp_blob_path *out);

/* Opens a blob of the layout. `*fd` is the caller's.
 * Fails: SP_E_NOT_FOUND; SP_E_INVALID (a link, a FIFO, ...); SP_E_IO. */
SP_MUST_CHECK int sp_blob_file_open(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                                    int *fd, uint64_t *size_bytes, struct sp_err *err);
/* sp_store_check_blob over files: TOUCHED reads the last byte. Something that is no regular file is
 * DAMAGED. size_bytes may be SP_SIZE_UNKNOWN. Fails: SP_E_IO (the directory cannot be read). */
SP_MUST_CHECK int sp_blob_file_check(const struct sp_layout_dir *dir,
                                     const struct sp_digest *digest, uint64_t size_bytes,
                                     enum sp_proof want, struct sp_blob_state *out,
                                     struct sp_err *err);
/* Whether the vault's pool has a file of this length (the layout is one of a vault; else false). */
bool sp_blob_file_is_in_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                             uint64_t size_bytes);
/* Whether the pool's file holds what its name says: every byte is read. */
bool sp_blob_file_is_whole_in_pool(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                                   uint64_t size_bytes);
/* Reads a small blob (a manifest) whole and hashes it; out's ceiling is the limit.
 * Fails: as sp_blob_file_open; SP_E_LIMIT; SP_E_DIGEST. */
SP_MUST_CHECK int sp_blob_file_read(const struct sp_layout_dir *dir, const struct sp_digest *digest,
                                    struct sp_buf *out, struct sp_err *err);

#endif
