/* SPDX-License-Identifier: Apache-2.0 */
/* bytes_ is NULL (empty) or a guarded mapping of len_ + 1 bytes whose last one is zero. */
#include "base/secret.h"

#include <errno.h>

#include "base/checked.h"
#include "base/guarded.h"
#include "base/log.h"

int sp_secret_set(struct sp_secret *secret, struct sp_span bytes, struct sp_err *err)
{
  if (bytes.len == 0) {
    sp_secret_clear(secret);
    return 0;
  }
  size_t size;
  if (!sp_add_size(bytes.len, 1, &size))
    return sp_fail(err, SP_E_NOMEM, "out of memory for a secret");
  char *copy = sp_guarded_new(size);
  if (!copy)
    return sp_fail_sys(err, SP_E_NOMEM, errno, "cannot get memory for a secret");
  memcpy(copy, bytes.ptr, bytes.len);
  sp_secret_clear(secret); /* only now: bytes may be its own */
  secret->bytes_ = copy;
  secret->len_ = bytes.len;
  sp_log_add_secret(SP_SPAN(copy, bytes.len));
  return 0;
}

int sp_secret_dup(struct sp_secret *dst, const struct sp_secret *src, struct sp_err *err)
{
  return sp_secret_set(dst, sp_secret_reveal(src), err);
}

void sp_secret_clear(struct sp_secret *secret)
{
  if (secret->bytes_)
    sp_guarded_free(secret->bytes_, secret->len_ + 1);
  *secret = SP_SECRET_INIT;
}

bool sp_secret_is_empty(const struct sp_secret *secret)
{
  return secret->len_ == 0;
}

struct sp_span sp_secret_reveal(const struct sp_secret *secret)
{
  if (!secret->bytes_)
    return SP_SPAN_LIT("");
  return SP_SPAN(secret->bytes_, secret->len_);
}
