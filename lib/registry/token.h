/* SPDX-License-Identifier: Apache-2.0 */
/* A bearer token, as token servers give it (distribution token spec; protocol.md 2.2).
 *
 * Not here: getting one (token_request.h), keeping it (token_cache.h). Threads: any.
 */
#ifndef SP_REGISTRY_TOKEN_H
#define SP_REGISTRY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"

struct sp_token {
  struct sp_secret bearer;
  struct sp_secret refresh; /* empty if none came */
  int64_t lifetime_ms;      /* from the moment it was asked for */
};
#define SP_TOKEN_INIT ((struct sp_token){0})

/* Reads the answer's body: `token` or `access_token`, `expires_in` (absent, or not a positive
 * number: 60 s; never more than a day), `refresh_token`. Fails: SP_E_PROTOCOL (no token, or one
 * that is not b64token of RFC 6750 within SP_MAX_TOKEN_BYTES: S09); SP_E_NOMEM. */
SP_MUST_CHECK int sp_token_parse(struct sp_span body, struct sp_token *out, struct sp_err *err);
void sp_token_clear(struct sp_token *token);

/* May a token of this age still be used? It is renewed when less than 10 s or a quarter of its life
 * is left (whichever is more, at most half); for an upload, whose request may be long, when less
 * than half is left. */
bool sp_token_is_fresh(int64_t lifetime_ms, int64_t age_ms, bool is_upload);

SP_DEFINE_AUTO_CLEAR(struct sp_token, sp_token_clear)
#define SP_AUTO_TOKEN SP_CLEANUP(sp_token_clear_auto_)

#endif
