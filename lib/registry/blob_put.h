/* SPDX-License-Identifier: Apache-2.0 */
/* The writing end of a blob of a registry: the slot begin_write of a registry store. OCI
 * distribution-spec 1.1 "Pushing a blob monolithically": POST, then one PUT whose body streams from
 * the ring. Registries that were set to `chunked` get a chunk_writer.h. */
#ifndef SP_REGISTRY_BLOB_PUT_H
#define SP_REGISTRY_BLOB_PUT_H

#include "store/store.h"

/* See sp_store_begin_write. *out is the caller's. Blocks on the POST. */
SP_MUST_CHECK int sp_blob_put_open(struct sp_store *store, const struct sp_digest *digest,
                                   uint64_t size_bytes, struct sp_writer **out, struct sp_err *err);

#endif
