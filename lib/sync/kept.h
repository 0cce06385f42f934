/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests kept on this host by their digest, so that a registry that counts pulls is asked for
 * each only once: a wrapper around a store. Every byte is hashed on use; what is not right is
 * fetched again. It keeps what is put there, too.
 *
 * The store of a primary, or of a backup that a restore reads, looks there first by itself. That of
 * a backup to be filled does not: its read-back is about what
 * lies there. Who wants only the bytes of a manifest (sp_kept_get) need not ask the backup.
 *
 * Files <dir>/manifests/<alg>/<2 hex>/<hex>: the media type, a newline, the bytes. Whatever fails
 * on the disk fails nothing here. Threads: any.
 */
#ifndef SP_SYNC_KEPT_H
#define SP_SYNC_KEPT_H

#include "store/pull_reserve.h"

/* Wraps a store (taken; closed on failure). It is asked as ever where its registry counts no pulls.
 *   dir, reserve  borrowed for its life; dir NULL: nothing is kept
 *   is_backup     what is got from it is not taken from what is kept
 * Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_kept_wrap_take(struct sp_store *inner, const char *dir,
                                    const struct sp_pull_reserve *reserve, bool is_backup,
                                    struct sp_store **out, struct sp_err *err);
/* As sp_store_get_manifest, but proves nothing of the store, in whose stack of wrappers one of
 * these is looked for: what is kept need not be there any more. */
SP_MUST_CHECK int sp_kept_get(struct sp_store *store, const struct sp_digest *digest,
                              struct sp_manifest_bytes *out, struct sp_err *err);
/* The same if it is kept, or costs no pull: from a store on this host, or, if it may be asked, from
 * a registry that counts none. What a registry answers is kept. False: it is not to be had so. */
bool sp_kept_get_free(struct sp_store *store, const struct sp_digest *digest, bool may_ask,
                      struct sp_manifest_bytes *out);
/* How many pulls sp_kept_get would cost: 1 or 0. For a plan. */
uint64_t sp_kept_pulls(struct sp_store *store, const struct sp_digest *digest);

/* Removes what was not used for long, and the least recently used beyond a size (base/limits.h); at
 * most once a day. What fails is tried again another day. Blocks on disk. */
void sp_kept_trim(const char *dir, int64_t now_s);

#endif
