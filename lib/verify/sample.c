/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/scope.h"

struct entry {
  struct sp_site_blob *blob;
  int64_t waits_s; /* since when it waits to be read */
  uint64_t lot;
};

static int by_age(const void *a, const void *b)
{
  const struct entry *x = a, *y = b;
  if (x->waits_s != y->waits_s)
    return x->waits_s < y->waits_s ? -1 : 1;
  if ((x->blob->read_s == 0) != (y->blob->read_s == 0))
    return x->blob->read_s == 0 ? -1 : 1;
  if (x->lot != y->lot)
    return x->lot < y->lot ? -1 : 1;
  return memcmp(&x->blob->blob.digest, &y->blob->blob.digest, sizeof x->blob->blob.digest);
}

/* A digest is random already; seed must move it in more than one bit. */
static uint64_t draw(const struct sp_digest *digest, uint64_t seed)
{
  uint64_t lot;
  memcpy(&lot, digest->raw, sizeof lot);
  lot ^= seed * UINT64_C(0x9e3779b97f4a7c15);
  lot ^= lot >> 31;
  lot *= UINT64_C(0xbf58476d1ce4e5b9);
  return lot ^ lot >> 29;
}

/* Where nothing is known to be read there is no order but the lot. */
static bool is_any_read(const struct sp_site_blob *blobs, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (blobs[i].read_s > 0)
      return true;
  }
  return false;
}

static int64_t waits_since(const struct sp_site_blob *blob, bool has_order)
{
  if (blob->read_s > 0)
    return blob->read_s;
  return has_order ? blob->known_s : 0;
}

int sp_sample_choose(struct sp_site_blob *blobs, size_t count, unsigned percent,
                     int64_t not_since_s, uint64_t seed, struct sp_err *err)
{
  SP_AUTO_FREE struct entry *order = calloc(count + 1, sizeof *order);
  if (!order)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  uint64_t total = 0;
  bool has_order = is_any_read(blobs, count);
  for (size_t i = 0; i < count; i++) {
    order[i] = (struct entry){.blob = &blobs[i],
                              .waits_s = waits_since(&blobs[i], has_order),
                              .lot = draw(&blobs[i].blob.digest, seed)};
    blobs[i].is_to_read = false;
    if (!sp_add_u64(total, blobs[i].blob.size_bytes, &total))
      total = UINT64_MAX;
  }
  qsort(order, count, sizeof *order, by_age);
  uint64_t wanted = total / 100 * percent + (total % 100 * percent + 99) / 100;
  uint64_t chosen = 0;
  for (size_t i = 0; i < count && (chosen == 0 || chosen < wanted || percent == 100); i++) {
    if (order[i].blob->read_s >= not_since_s)
      continue;
    order[i].blob->is_to_read = true;
    if (!sp_add_u64(chosen, order[i].blob->blob.size_bytes, &chosen))
      chosen = UINT64_MAX;
  }
  return 0;
}
