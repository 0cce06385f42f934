/* SPDX-License-Identifier: Apache-2.0 */
/* Several copies of one repository as one store: what is read comes from the first of them that
 * has it whole, manifest by manifest and blob by blob. For reading only.
 *
 * Manifests are hashed where they are fetched, so a bad one is passed over at once. The bytes of a
 * blob are hashed by whoever reads them, when they have gone by. A reader that goes on in the
 * middle gets the rest from the next copy. One that found the bytes wrong opens the blob again from
 * its beginning (store/relay.h reads twice). This store understands a second opening as "what you
 * gave me was no good", and reads and hashes each copy itself before it gives one out again. So one
 * whole copy among any number is found, and damage costs one more reading of what is damaged.
 *
 * Which tags there are, and what they name, is told by the caller: copies may disagree.
 *
 * Life cycle: sp_any_new_take, sp_any_add_tag before the first use, sp_store_close. Threads: as
 * every store.
 */
#ifndef SP_STORE_ANY_H
#define SP_STORE_ANY_H

#include "base/cancel.h"
#include "store/store.h"

struct sp_any_settings {
  const char *name; /* for messages; copied */
  int64_t retry_for_ms;
  const struct sp_cancel *cancel; /* of the readings that this store does itself; may be NULL */
  /* Copy number `copy` does not have the thing, or not whole (`why`). Called from any thread, and
   * more than once for one thing. May be NULL. */
  void (*passed_over)(void *ctx, size_t copy, const struct sp_digest *digest,
                      const struct sp_err *why);
  void *ctx;
};

/* A store over `count` copies (1..SP_MAX_DESTINATIONS; owned from now on, also on failure), best
 * first. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_any_new_take(const struct sp_any_settings *settings,
                                  struct sp_store *const *copies, size_t count,
                                  struct sp_store **out, struct sp_err *err);
/* Adds a tag to those that are listed. `digest` is what it names; alg NONE: what the first copy
 * says that has such a tag. Each tag once, ascending (strcmp). Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_any_add_tag(struct sp_store *store, const char *tag,
                                 const struct sp_digest *digest, struct sp_err *err);

#endif
