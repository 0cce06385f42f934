/* SPDX-License-Identifier: Apache-2.0 */
/* A secret: bytes with no way to print them.
 *
 * Kept in memory of its own that is excluded from core dumps where the kernel allows it, and wiped
 * on clear. Setting a secret registers it with the log's redaction. Threads: none of its own.
 */
#ifndef SP_BASE_SECRET_H
#define SP_BASE_SECRET_H

#include <stdbool.h>

#include "base/scope.h"
#include "base/span.h"
#include "safeport/err.h"

struct sp_secret {
  char *bytes_; /* use sp_secret_reveal */
  size_t len_;
};

#define SP_SECRET_INIT ((struct sp_secret){0})

/* Copies the bytes, replacing what was there. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_secret_set(struct sp_secret *secret, struct sp_span bytes, struct sp_err *err);
/* A second copy of `src` in `dst`. */
SP_MUST_CHECK int sp_secret_dup(struct sp_secret *dst, const struct sp_secret *src,
                                struct sp_err *err);
/* Wipes and frees; fine on SP_SECRET_INIT. */
void sp_secret_clear(struct sp_secret *secret);
bool sp_secret_is_empty(const struct sp_secret *secret);
/* The bytes (zero-terminated), borrowed, for the one place that puts them on the wire. "" if empty.
 */
struct sp_span sp_secret_reveal(const struct sp_secret *secret);

SP_DEFINE_AUTO_CLEAR(struct sp_secret, sp_secret_clear)
#define SP_AUTO_SECRET SP_CLEANUP(sp_secret_clear_auto_)

#endif
