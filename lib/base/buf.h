/* SPDX-License-Identifier: Apache-2.0 */
/* Owned bytes that grow up to a ceiling given at birth.
 *
 * `data` is always followed by a zero byte that `len` does not count, so text can be read as a C
 * string. Not for blobs: those go through a ring (store/ring.h) and are never held whole.
 *
 * Life cycle: sp_buf_init, appends, sp_buf_clear (or sp_buf_take). Threads: none of its own.
 */
#ifndef SP_BASE_BUF_H
#define SP_BASE_BUF_H

#include "base/scope.h"
#include "base/span.h"
#include "safeport/err.h"

struct sp_buf {
  char *data; /* NULL while nothing was appended */
  size_t len;
  size_t cap;
  size_t max_bytes; /* ceiling; an append beyond it is SP_E_LIMIT */
  bool is_secret;   /* what it lets go of is wiped */
};

/* A buffer that may hold max_bytes at most (see base/limits.h). Allocates nothing. */
void sp_buf_init(struct sp_buf *buf, size_t max_bytes);
/* The same for bytes that hold a secret on their way (where they stay: base/secret.h): memory is
 * wiped before it is given back, also while the buffer grows. */
void sp_buf_init_secret(struct sp_buf *buf, size_t max_bytes);
/* Frees; the buffer may be used again as it was made. */
void sp_buf_clear(struct sp_buf *buf);
/* Empties, keeps the memory. */
void sp_buf_reset(struct sp_buf *buf);
/* Drops what is beyond the first len bytes (len <= buf->len): takes appends back. */
void sp_buf_truncate(struct sp_buf *buf, size_t len);

/* Fails: SP_E_LIMIT  the ceiling would be passed; the buffer is unchanged
 *        SP_E_NOMEM */
SP_MUST_CHECK int sp_buf_append(struct sp_buf *buf, const void *bytes, size_t len,
                                struct sp_err *err);
SP_MUST_CHECK int sp_buf_append_span(struct sp_buf *buf, struct sp_span span, struct sp_err *err);
SP_MUST_CHECK int sp_buf_append_str(struct sp_buf *buf, const char *s, struct sp_err *err);
SP_MUST_CHECK int sp_buf_appendf(struct sp_buf *buf, struct sp_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The bytes, borrowed until the next change. */
static inline struct sp_span sp_buf_span(const struct sp_buf *buf)
{
  return SP_SPAN(buf->data, buf->len);
}
/* The text, borrowed; "" if empty. */
static inline const char *sp_buf_str(const struct sp_buf *buf)
{
  return buf->data ? buf->data : "";
}
/* Moves the bytes out (malloc'ed, zero-terminated; NULL if nothing was appended); the buffer is
 * empty afterwards. */
char *sp_buf_take(struct sp_buf *buf, size_t *len);

SP_DEFINE_AUTO_CLEAR(struct sp_buf, sp_buf_clear)
#define SP_AUTO_BUF SP_CLEANUP(sp_buf_clear_auto_)

#endif
