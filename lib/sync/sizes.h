/* SPDX-License-Identifier: Apache-2.0 */
/* How large an image's tags are at a backup on this host, and how much they share. */
#ifndef SP_SYNC_SIZES_H
#define SP_SYNC_SIZES_H

#include "sync/work.h"

/* Adds up over all pinned tags: `size` has each blob and manifest once, `shared` what the tags
 * would take more if each had its own. Images that cannot be read there are left out. Blocks on
 * disk. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_sizes_of(const struct sp_work *work, size_t backup, uint64_t *size_bytes,
                              uint64_t *shared_bytes, struct sp_err *err);

#endif
