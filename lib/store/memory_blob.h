/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a blob in memory and the two ends that move them. Part of store/memory.c, which
 * decides what is stored; nobody else includes this.
 *
 * Bytes are immutable once shared and counted: a reader keeps what it opened, whatever is put, cut
 * or flipped in the store meanwhile. Threads: any. */
#ifndef SP_STORE_MEMORY_BLOB_H
#define SP_STORE_MEMORY_BLOB_H

#include <stdatomic.h>

#include "store/store.h"

struct sp_held {
  atomic_uint holders;
  size_t len;
  char bytes[];
};

/* len bytes, not set yet, with one holder. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_held_new(size_t len, struct sp_held **out, struct sp_err *err);
/* One holder more. NULL gives NULL. */
struct sp_held *sp_held_keep(struct sp_held *held);
/* One holder less; the last one frees. NULL is nothing. */
void sp_held_drop(struct sp_held *held);

SP_DEFINE_AUTO_FREE(struct sp_held, sp_held_drop)
#define SP_AUTO_HELD SP_CLEANUP(sp_held_drop_auto_)

/* A reader of content (a holder more) from offset (<= its length) to its end. */
SP_MUST_CHECK int sp_held_read(struct sp_held *content, size_t offset, struct sp_reader **out,
                               struct sp_err *err);

/* Called when all bytes came and have the digest. The callee keeps content if it wants it. */
typedef int sp_held_taker(void *ctx, const struct sp_digest *digest, struct sp_held *content,
                          struct sp_err *err);
/* A writer of a blob that gives it to `taker` when it is finished. Fails: SP_E_STORE_FULL (it does
 * not fit in memory), SP_E_NOMEM. */
SP_MUST_CHECK int sp_held_write(const struct sp_digest *digest, uint64_t size_bytes,
                                sp_held_taker *taker, void *ctx, struct sp_writer **out,
                                struct sp_err *err);

#endif
