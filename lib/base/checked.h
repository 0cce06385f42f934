/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on sizes from outside: false means that the result does not fit (and *out is not to be
 * used). */
#ifndef SP_BASE_CHECKED_H
#define SP_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool sp_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
  return !__builtin_add_overflow(a, b, out);
}
static inline bool sp_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
  return !__builtin_mul_overflow(a, b, out);
}
static inline bool sp_add_size(size_t a, size_t b, size_t *out)
{
  return !__builtin_add_overflow(a, b, out);
}
static inline bool sp_mul_size(size_t a, size_t b, size_t *out)
{
  return !__builtin_mul_overflow(a, b, out);
}

#endif
