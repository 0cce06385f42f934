/* SPDX-License-Identifier: Apache-2.0 */
/* A store in memory: ships with the interface, for tests and as the shortest example of an
 * implementation. It behaves as a strict registry does: a manifest whose blobs or children are
 * missing is refused (SP_E_BLOB_UNKNOWN), a blob is hashed before it appears. */
#ifndef SP_STORE_MEMORY_H
#define SP_STORE_MEMORY_H

#include "store/store.h"

/* A new, empty repository. name is copied. */
SP_MUST_CHECK int sp_memory_new(const char *name, struct sp_store **out, struct sp_err *err);
/* For tests. Behave as a registry without the referrers API, which then also leaves subjects to the
 * caller. */
void sp_memory_set_native_referrers(struct sp_store *memory, bool native);
/* Two memory stores with the same group (not NULL) are siblings. */
void sp_memory_set_group(struct sp_store *memory, const char *group);
/* Damages what is stored: removes a blob's or manifest's bytes but goes on claiming it
 * (SP_BLOB_PRESENT by HEAD), cuts it to `keep` bytes, or flips a byte at `at`. False if it is not
 * there. */
bool sp_memory_wipe(struct sp_store *memory, const struct sp_digest *digest);
bool sp_memory_truncate(struct sp_store *memory, const struct sp_digest *digest, uint64_t keep);
bool sp_memory_flip(struct sp_store *memory, const struct sp_digest *digest, uint64_t at);
/* Puts a blob directly (digest computed). */
SP_MUST_CHECK int sp_memory_add_blob(struct sp_store *memory, struct sp_span bytes,
                                     struct sp_digest *out, struct sp_err *err);

#endif
