/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a blob in a layout, as a relay runs them (store/relay.h): a reader that fills a
 * ring from a file, a writer that empties one into a draft. Both block on the disk and are pumped.
 */
#ifndef SP_LAYOUT_BLOB_ENDS_H
#define SP_LAYOUT_BLOB_ENDS_H

#include "layout/layout_dir.h"

/* sp_store_open_read and sp_store_begin_write of a layout; dir is borrowed for the end's life. */
SP_MUST_CHECK int sp_blob_ends_open_reader(const struct sp_layout_dir *dir,
                                           const struct sp_digest *digest, uint64_t size_bytes,
                                           uint64_t offset, struct sp_reader **out,
                                           struct sp_err *err);
SP_MUST_CHECK int sp_blob_ends_open_writer(const struct sp_layout_dir *dir,
                                           const struct sp_digest *digest, uint64_t size_bytes,
                                           struct sp_writer **out, struct sp_err *err);

#endif
