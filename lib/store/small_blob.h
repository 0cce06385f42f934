/* SPDX-License-Identifier: Apache-2.0 */
/* A small blob (an image's config, a record) read into memory, hashed. Layers never: those go from
 * store to store through a relay. */
#ifndef SP_STORE_SMALL_BLOB_H
#define SP_STORE_SMALL_BLOB_H

#include "store/retry.h"

/* Appends the blob's bytes to out, which holds its ceiling. A source that breaks off is opened
 * again within the policy.
 * Fails: SP_E_LIMIT (larger than SP_MAX_SMALL_BLOB_BYTES); SP_E_NOT_FOUND; SP_E_DIGEST; what else
 * the store fails with. Nothing is appended then. */
SP_MUST_CHECK int sp_small_blob_read(struct sp_store *store, const struct sp_digest *digest,
                                     uint64_t size_bytes, const struct sp_retry_policy *policy,
                                     struct sp_buf *out, struct sp_err *err);

#endif
