/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing at half load. The keys are cryptographic hashes, so their first bytes serve as
 * the hash; someone who could make many of them collide there has broken a part of SHA-256, and
 * would gain a slow run. */
#include "transfer/digest_map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

void sp_digest_map_init(struct sp_digest_map *map)
{
  *map = (struct sp_digest_map){0};
}

void sp_digest_map_clear(struct sp_digest_map *map)
{
  free(map->slots);
  *map = (struct sp_digest_map){0};
}

/* The digest's slot, or the free one where it belongs. */
static struct sp_digest_slot *slot_of(struct sp_digest_slot *slots, size_t cap,
                                      const struct sp_digest *digest)
{
  uint64_t hash;
  memcpy(&hash, digest->raw, sizeof hash);
  size_t i = (size_t)hash & (cap - 1);
  while (slots[i].key.alg != SP_DIGEST_NONE && !sp_digest_eq(&slots[i].key, digest))
    i = (i + 1) & (cap - 1);
  return &slots[i];
}

static int grow(struct sp_digest_map *map, struct sp_err *err)
{
  size_t cap = map->cap ? map->cap * 2 : FIRST_CAP;
  struct sp_digest_slot *slots = calloc(cap, sizeof *slots);
  if (!slots)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < map->cap; i++) {
    if (map->slots[i].key.alg != SP_DIGEST_NONE)
      *slot_of(slots, cap, &map->slots[i].key) = map->slots[i];
  }
  free(map->slots);
  map->slots = slots;
  map->cap = cap;
  return 0;
}

int sp_digest_map_add(struct sp_digest_map *map, const struct sp_digest *digest, size_t value,
                      bool *added, struct sp_err *err)
{
  if (map->count >= map->cap / 2 && grow(map, err) < 0)
    return -1;
  struct sp_digest_slot *slot = slot_of(map->slots, map->cap, digest);
  *added = slot->key.alg == SP_DIGEST_NONE;
  if (!*added)
    return 0;
  slot->key = *digest;
  slot->value = value;
  map->count++;
  return 0;
}

bool sp_digest_map_find(const struct sp_digest_map *map, const struct sp_digest *digest,
                        size_t *value)
{
  if (map->cap == 0)
    return false;
  const struct sp_digest_slot *slot = slot_of(map->slots, map->cap, digest);
  if (slot->key.alg == SP_DIGEST_NONE)
    return false;
  if (value)
    *value = slot->value;
  return true;
}
