/* SPDX-License-Identifier: Apache-2.0 */
/* A store that is an OCI image layout in a directory (OCI image-spec image-layout.md): `oci:DIR`.
 *
 * Blobs and manifests are files blobs/<alg>/<hex>; tags are entries of index.json with
 * org.opencontainers.image.ref.name. Manifests with a subject are entries without a name, so the
 * layout lists referrers by itself. What others put there stays: foreign files, entries, members.
 *
 * Everything read is opened beneath the directory without following links and must be a regular
 * file (S13). Every write: temporary name, fsync, rename, fsync of the directory; index.json is
 * replaced under an exclusive lock on the layout (`.safeport-lock`), read again inside it, so that
 * two processes lose nothing. Temporary files of killed runs are removed when somebody opens the
 * layout to write, an hour later at the earliest.
 *
 * As a store (store/store.h) it is strict: a manifest comes after what it names. Writers do not
 * hash blobs again: finish() is called on bytes that the ring approved. A blob that is written
 * replaces what has its name. resolve("") answers the one image of the layout: of all entries but
 * referrers and digest tags, if they are one manifest; else SP_E_NOT_FOUND with the tags to choose
 * from. A tag that no entry has is also found at the end of a full reference ("docker.io/x:1").
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

/* Opens. `name` is for messages, copied; `cancel` is borrowed for the store's life and may be NULL.
 * Locks are waited for up to 60 s while others write (SP_E_LOCKED after). To read makes nothing.
 * Fails: SP_E_NOT_FOUND (no such directory); SP_E_INVALID (not a layout, or of another
 * imageLayoutVersion); SP_E_IO. */
SP_MUST_CHECK int sp_layout_open(const char *dir, const char *name, enum sp_layout_mode mode,
                                 const struct sp_cancel *cancel, struct sp_store **out,
                                 struct sp_err *err);

#endif
