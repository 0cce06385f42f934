/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed bytes: a pointer and a length, never owned, never terminated. */
#ifndef SP_BASE_SPAN_H
#define SP_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct sp_span {
  const char *ptr; /* may be NULL only if len is 0 */
  size_t len;      /* bytes */
};

#define SP_SPAN(p, n) ((struct sp_span){.ptr = (p), .len = (n)})
#define SP_SPAN_LIT(s) ((struct sp_span){.ptr = "" s, .len = sizeof(s) - 1})

/* The bytes of a C string; NULL gives an empty span. */
static inline struct sp_span sp_span_str(const char *s)
{
  return SP_SPAN(s, s ? strlen(s) : 0);
}
static inline bool sp_span_eq(struct sp_span a, struct sp_span b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool sp_span_eq_str(struct sp_span a, const char *s)
{
  return sp_span_eq(a, sp_span_str(s));
}
static inline bool sp_span_has_prefix(struct sp_span a, const char *prefix)
{
  size_t n = strlen(prefix);
  return a.len >= n && memcmp(a.ptr, prefix, n) == 0;
}
/* The span without its first n bytes (n <= len). */
static inline struct sp_span sp_span_skip(struct sp_span a, size_t n)
{
  return SP_SPAN(a.ptr + n, a.len - n);
}

#endif
