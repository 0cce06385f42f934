/* SPDX-License-Identifier: Apache-2.0 */
/* Is what came out of an engine the image that was asked for? An image ID is a digest, so that can
 * be proven, whatever the engine says. */
#ifndef SP_ENGINE_IDENTITY_H
#define SP_ENGINE_IDENTITY_H

#include "store/store.h"

/* Checks that the manifest `root` in `archive` is the image `id`: `id` is its config's digest
 * (classic stores), its own, or that of an index in the archive that names it (containerd's).
 * Fails: SP_E_DIGEST (it is another one); and as the archive. */
SP_MUST_CHECK int sp_identity_check(struct sp_store *archive, const struct sp_digest *root,
                                    const struct sp_digest *id, struct sp_err *err);

#endif
