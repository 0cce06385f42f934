/* SPDX-License-Identifier: Apache-2.0 */
/* bsearch(3) that answers where a key is, or would be: of equal elements it finds the first. */
#ifndef SP_BASE_LOWER_BOUND_H
#define SP_BASE_LOWER_BOUND_H

#include <stdbool.h>
#include <stddef.h>

/* The place of the first of `count` sorted elements of `size` bytes that does not come before
 * `key`; `count` if all do. `compare` as for bsearch: the element first, then the key. */
static inline size_t sp_lower_bound(const void *table, size_t count, size_t size, const void *key,
                                    int (*compare)(const void *, const void *))
{
  size_t from = 0;
  while (count > 0) {
    size_t half = count / 2;
    bool is_before = compare((const char *)table + (from + half) * size, key) < 0;
    from = is_before ? from + half + 1 : from;
    count = is_before ? count - half - 1 : half;
  }
  return from;
}

#endif
