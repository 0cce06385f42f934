/* SPDX-License-Identifier: Apache-2.0 */
/* A store that is an OCI image layout in a directory (OCI image-spec image-layout.md): `oci:DIR`.
 *
 * Blobs and manifests are files blobs/<alg>/<hex>; tags are entries of index.json with
 * org.opencontainers.image.ref.name. Manifests with a subject are entries without a name, so the
 * layout lists referrers by itself. Everything read is opened beneath the directory without
 * following links and must be a regular file (S13). Every write: temporary name in the same
 * directory, hash, fsync, rename, fsync of the directory; index.json is replaced under an exclusive
 * lock on the layout, read again inside it, so that two processes lose nothing.
 *
 * Not here: many repositories with shared blobs (layout/vault.h).
 */
#ifndef SP_LAYOUT_LAYOUT_H
#define SP_LAYOUT_LAYOUT_H

#include "base/cancel.h"
#include "store/store.h"

enum sp_layout_mode {
  SP_LAYOUT_READ,  /* must exist */
  SP_LAYOUT_WRITE, /* made if missing (its parents too) */
};

/* Opens. `name` is for messages, copied. Locks are waited for up to 60 s while others write
 * (SP_E_LOCKED after). Fails: SP_E_NOT_FOUND; SP_E_INVALID (not a layout, or of another
 * imageLayoutVersion); SP_E_IO. */
SP_MUST_CHECK int sp_layout_open(const char *dir, const char *name, enum sp_layout_mode mode,
                                 const struct sp_cancel *cancel, struct sp_store **out,
                                 struct sp_err *err);

#endif
