/* SPDX-License-Identifier: Apache-2.0 */
/* From digests to numbers: which manifest or blob of an image a digest is.
 *
 * Life cycle: zeroed or sp_digest_map_init, adds, sp_digest_map_clear. Threads: finds may run at
 * the same time as long as nobody adds.
 */
#ifndef SP_TRANSFER_DIGEST_MAP_H
#define SP_TRANSFER_DIGEST_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/scope.h"
#include "oci/digest.h"
#include "safeport/err.h"

struct sp_digest_slot {
  struct sp_digest key; /* alg NONE: free */
  size_t value;
};

struct sp_digest_map {
  struct sp_digest_slot *slots;
  size_t cap; /* a power of two, or 0 */
  size_t count;
};

void sp_digest_map_init(struct sp_digest_map *map);
void sp_digest_map_clear(struct sp_digest_map *map);
/* Notes value under the digest unless there is one; *added says which. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_digest_map_add(struct sp_digest_map *map, const struct sp_digest *digest,
                                    size_t value, bool *added, struct sp_err *err);
/* Answers false, and leaves *value (may be NULL) alone, if the digest is not there. */
bool sp_digest_map_find(const struct sp_digest_map *map, const struct sp_digest *digest,
                        size_t *value);

SP_DEFINE_AUTO_CLEAR(struct sp_digest_map, sp_digest_map_clear)
#define SP_AUTO_DIGEST_MAP SP_CLEANUP(sp_digest_map_clear_auto_)

#endif
