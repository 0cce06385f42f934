/* SPDX-License-Identifier: Apache-2.0 */
/* Healing a manifest that a registry says it took and does not have.
 *
 * docker-registry 2.8 writes a manifest only if its cache does not know the digest: after its
 * storage was lost it answers 201 and has nothing. An upload as a blob does look at the disk, and
 * manifests and blobs lie in one store there. Elsewhere it does no harm: a blob that nothing names.
 */
#ifndef SP_TRANSFER_HEAL_H
#define SP_TRANSFER_HEAL_H

#include "base/cancel.h"
#include "store/store.h"

/* Uploads the manifest's bytes as a blob, once. Whether it helped is for the caller to see: put the
 * manifest again and read it back. Blocks on the upload. */
void sp_heal_manifest(struct sp_store *store, const struct sp_manifest_bytes *manifest,
                      const struct sp_cancel *cancel);

#endif
