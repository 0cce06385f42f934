/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants: len <= max_bytes; data is NULL or has cap > len bytes with data[len] == 0. Growth
 * doubles, so that n appends cost O(n). */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/checked.h"

#define FIRST_CAP 64

void sp_buf_init(struct sp_buf *buf, size_t max_bytes)
{
  *buf = (struct sp_buf){.max_bytes = max_bytes};
}

void sp_buf_init_secret(struct sp_buf *buf, size_t max_bytes)
{
  *buf = (struct sp_buf){.max_bytes = max_bytes, .is_secret = true};
}

/* An empty buffer of the same kind. */
static void begin_again(struct sp_buf *buf)
{
  *buf = (struct sp_buf){.max_bytes = buf->max_bytes, .is_secret = buf->is_secret};
}

void sp_buf_clear(struct sp_buf *buf)
{
  if (buf->is_secret && buf->data)
    explicit_bzero(buf->data, buf->cap);
  free(buf->data);
  begin_again(buf);
}

void sp_buf_reset(struct sp_buf *buf)
{
  sp_buf_truncate(buf, 0);
}

void sp_buf_truncate(struct sp_buf *buf, size_t len)
{
  assert(len <= buf->len);
  buf->len = len;
  if (buf->data)
    buf->data[len] = '\0';
}

/* Capacity for `need` bytes: doubled, but never more than the ceiling can use. */
static size_t grown_cap(const struct sp_buf *buf, size_t need)
{
  size_t cap = buf->cap ? buf->cap : FIRST_CAP;
  while (cap < need) {
    if (!sp_mul_size(cap, 2, &cap))
      return need;
  }
  size_t most;
  if (sp_add_size(buf->max_bytes, 1, &most) && cap > most)
    cap = most;
  return cap;
}

/* realloc, without leaving a secret where it was. */
static char *move_to(struct sp_buf *buf, size_t cap)
{
  if (!buf->is_secret)
    return realloc(buf->data, cap);
  char *data = malloc(cap);
  if (!data || !buf->data)
    return data;
  memcpy(data, buf->data, buf->len);
  explicit_bzero(buf->data, buf->cap);
  free(buf->data);
  return data;
}

/* Makes room for `more` bytes and the terminator. */
static int reserve(struct sp_buf *buf, size_t more, struct sp_err *err)
{
  size_t len;
  size_t need;
  if (!sp_add_size(buf->len, more, &len) || len > buf->max_bytes)
    return sp_fail(err, SP_E_LIMIT, "larger than the limit of %zu bytes", buf->max_bytes);
  if (!sp_add_size(len, 1, &need))
    return sp_fail(err, SP_E_LIMIT, "larger than the address space");
  if (need <= buf->cap)
    return 0;
  size_t cap = grown_cap(buf, need);
  char *data = move_to(buf, cap);
  if (!data)
    return sp_fail(err, SP_E_NOMEM, "out of memory for %zu bytes", cap);
  buf->data = data;
  buf->cap = cap;
  return 0;
}

int sp_buf_append(struct sp_buf *buf, const void *bytes, size_t len, struct sp_err *err)
{
  if (reserve(buf, len, err) < 0)
    return -1;
  if (len > 0)
    memcpy(buf->data + buf->len, bytes, len);
  buf->len += len;
  buf->data[buf->len] = '\0';
  return 0;
}

int sp_buf_append_span(struct sp_buf *buf, struct sp_span span, struct sp_err *err)
{
  return sp_buf_append(buf, span.ptr, span.len, err);
}

int sp_buf_append_str(struct sp_buf *buf, const char *s, struct sp_err *err)
{
  return sp_buf_append(buf, s, strlen(s), err);
}

int sp_buf_appendf(struct sp_buf *buf, struct sp_err *err, const char *fmt, ...)
{
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (n < 0)
    return sp_fail(err, SP_E_INTERNAL, "cannot format a text");
  if (reserve(buf, (size_t)n, err) < 0)
    return -1;
  va_start(args, fmt);
  vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, args);
  va_end(args);
  buf->len += (size_t)n;
  return 0;
}

char *sp_buf_take(struct sp_buf *buf, size_t *len)
{
  char *data = buf->data;
  if (len)
    *len = buf->len;
  begin_again(buf);
  return data;
}
