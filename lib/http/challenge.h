/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate, read (RFC 9110 11.6.1; distribution token spec). Parameters in any order,
 * quoted or not, several challenges in one line or in several. */
#ifndef SP_HTTP_CHALLENGE_H
#define SP_HTTP_CHALLENGE_H

#include "base/limits.h"
#include "base/span.h"
#include "http/headers.h"

enum sp_challenge_scheme { SP_CHALLENGE_NONE, SP_CHALLENGE_BASIC, SP_CHALLENGE_BEARER };

#define SP_CHALLENGE_PARAM_MAX 2048

struct sp_challenge {
  enum sp_challenge_scheme scheme;
  char realm[SP_CHALLENGE_PARAM_MAX];   /* Bearer: a URL, not yet checked */
  char service[SP_CHALLENGE_PARAM_MAX]; /* "" if absent */
  char scope[SP_CHALLENGE_PARAM_MAX];
  char error[64]; /* "invalid_token", "insufficient_scope", ... */
};

/* The best challenge of one header value: Bearer before Basic; NONE if there is neither or it
 * cannot be read. A parameter that is too long or holds control characters makes its challenge
 * unusable. */
void sp_challenge_parse(struct sp_span header_value, struct sp_challenge *out);
/* The best of all WWW-Authenticate lines of an answer. */
void sp_challenge_of(const struct sp_headers *headers, struct sp_challenge *out);

#endif
