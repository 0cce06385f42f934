/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs without their bytes: the slots check_blob, mount_blob and is_sibling of a registry store.
 * OCI distribution-spec 1.1 "Pulling blobs", "Mounting a blob from another repository". */
#ifndef SP_REGISTRY_BLOBS_H
#define SP_REGISTRY_BLOBS_H

#include "store/store.h"

/* CLAIMED asks by HEAD. TOUCHED fetches the last byte by Range, without a HEAD (a blob of no bytes:
 * HEAD); where Range is ignored, a blob up to 1 MiB is read to its end, a larger one is CLAIMED.
 * 5xx is SP_E_SERVER: where it persists for one blob, the caller takes that blob as damaged. */
SP_MUST_CHECK int sp_blobs_check(struct sp_store *store, const struct sp_digest *digest,
                                 uint64_t size_bytes, enum sp_proof want, struct sp_blob_state *out,
                                 struct sp_err *err);
/* A refusal is "not mounted"; the upload session that a registry opens in place of a mount is
 * cancelled. */
SP_MUST_CHECK int sp_blobs_mount(struct sp_store *store, const struct sp_digest *digest,
                                 uint64_t size_bytes, struct sp_store *from, bool *mounted,
                                 struct sp_err *err);
/* Another repository of the same registry. */
bool sp_blobs_is_sibling(const struct sp_store *store, const struct sp_store *other);

#endif
