/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests kept on this host by their digest, so that a primary that counts pulls is asked for
 * each only once: a wrapper around its store that looks there first. Every byte is hashed on use;
 * what is not right is fetched again.
 *
 * Files <dir>/manifests/<alg>/<2 hex>/<hex>: the media type that the primary said, a newline, the
 * bytes. Whatever fails on the disk fails nothing here. Only for reading what is to be copied, a
 * primary or, in a restore, a backup: a read-back is about what lies there. Threads: any.
 */
#ifndef SP_SYNC_KEPT_H
#define SP_SYNC_KEPT_H

#include "sync/sync.h"

/* Wraps a store (taken; closed on failure). It is asked as ever where its registry counts no pulls.
 *   dir, images   borrowed for its life; dir NULL: nothing is kept
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_kept_wrap_take(struct sp_store *inner, const char *dir,
                                    const struct sp_sync_images *images, struct sp_store **out,
                                    struct sp_err *err);

/* Removes what was not used for long, and the least recently used beyond a size (base/limits.h); at
 * most once a day. What fails is tried again another day. Blocks on disk. */
void sp_kept_trim(const char *dir, int64_t now_s);

#endif
