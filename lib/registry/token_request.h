/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a token server for a token: by GET (distribution token spec), by POST (its OAuth2 form),
 * and which of them when (protocol.md 2.2, 2.3).
 *
 *   refresh or identity token     POST grant_type=refresh_token; where that is refused and there is
 *                                 a password: as below
 *   user and password             GET with Basic; where there is no GET: POST grant_type=password
 *   nobody                        GET
 *
 * Not here: whether the realm may be asked at all (auth.c), keeping tokens (token_cache.h).
 */
#ifndef SP_REGISTRY_TOKEN_REQUEST_H
#define SP_REGISTRY_TOKEN_REQUEST_H

#include "http/client.h"
#include "registry/credential.h"
#include "registry/token.h"

struct sp_token_request {
  struct sp_http *http;
  struct sp_http_site *site;
  const char *host;           /* of references, for messages */
  const struct sp_url *realm; /* checked */
  const char *service;        /* "" if the challenge named none */
  const char *scope;          /* space-separated scopes */
  const struct sp_credential *credential;
  const struct sp_secret *refresh; /* of an earlier answer; empty if none */
};

/* All members of request are borrowed. Blocks on the network. Fails: SP_E_AUTH (refused, with what
 * to do), SP_E_THROTTLED, SP_E_SERVER, and like sp_http_perform and sp_token_parse. */
SP_MUST_CHECK int sp_token_request_send(const struct sp_token_request *request,
                                        struct sp_token *out, struct sp_err *err);
/* "Basic <base64 of user:password>" into `value`; the base64 is kept out of logs. */
SP_MUST_CHECK int sp_token_request_basic(const struct sp_credential *credential,
                                         struct sp_secret *value, struct sp_err *err);

#endif
