/* SPDX-License-Identifier: Apache-2.0 */
/* One blob under several names: hard links between a vault's pool and its repositories, so that its
 * bytes are on the disk once. Only names are made here; nothing is hashed.
 */
#ifndef SP_LAYOUT_BLOB_LINK_H
#define SP_LAYOUT_BLOB_LINK_H

#include "layout/blob_file.h"

/* Makes the layout's name of a blob mean the pool's file, replacing whatever has the name; a copy
 * where links cannot be made (EMLINK, EXDEV, a file system without links). Durable on return.
 * `*linked` false: the pool has no file of this length.
 * Fails: SP_E_IO. */
SP_MUST_CHECK int sp_blob_link_from_pool(const struct sp_layout_dir *dir,
                                         const struct sp_digest *digest, uint64_t size_bytes,
                                         bool *linked, struct sp_err *err);
/* Makes the pool's name mean what another layout of the same vault has, for a pool that lost it.
 * `*linked` false: it has no file of this length either, or cannot be linked. Fails: SP_E_IO. */
SP_MUST_CHECK int sp_blob_link_to_pool(const struct sp_layout_dir *dir,
                                       const struct sp_layout_dir *from,
                                       const struct sp_digest *digest, uint64_t size_bytes,
                                       bool *linked, struct sp_err *err);

#endif
