/* SPDX-License-Identifier: Apache-2.0 */
/* The reading end of a blob of a registry: the slot open_read of a registry store. OCI
 * distribution-spec 1.1 "Pulling blobs".
 *
 * From an offset it asks by Range. A registry that ignores Range sends everything: then the bytes
 * before the offset are thrown away here (the end is one that blocks in this case). Answers are
 * never spliced: 206 must be of the very range and of the whole length that was expected.
 */
#ifndef SP_REGISTRY_BLOB_GET_H
#define SP_REGISTRY_BLOB_GET_H

#include "store/store.h"

/* See sp_store_open_read. *out is the caller's. Blocks until the answer begins. */
SP_MUST_CHECK int sp_blob_get_open(struct sp_store *store, const struct sp_digest *digest,
                                   uint64_t size_bytes, uint64_t offset, struct sp_reader **out,
                                   struct sp_err *err);

#endif
