/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at a registry: found in this order, each source for exactly its own host
 * (reliability.md S08):
 *   1. DOCKER_AUTH_CONFIG (JSON, protocol.md 2.6)
 *   2. SAFEPORT_AUTH_<HOST> = "user:secret" (HOST upper case, every other character '_')
 *   3. docker's config.json ($DOCKER_CONFIG or ~/.docker): `auths`
 *   4. ghcr.io: GITHUB_ACTOR + GITHUB_TOKEN; docker.io: DOCKERHUB_USERNAME + DOCKERHUB_TOKEN
 * Credential helpers and podman's auth.json come with `login`.
 */
#ifndef SP_REGISTRY_CREDENTIAL_H
#define SP_REGISTRY_CREDENTIAL_H

#include <stdbool.h>

#include "base/secret.h"
#include "safeport/err.h"

struct sp_credential {
  char user[256]; /* "" = anonymous, unless one of the tokens is set */
  struct sp_secret password;
  struct sp_secret identity_token; /* refresh token of the POST flow */
  struct sp_secret registry_token; /* used as bearer token as it is */
  const char *source; /* static text: where it was found, for messages; NULL = anonymous */
};
#define SP_CREDENTIAL_INIT ((struct sp_credential){0})

/* Looks up; anonymous is an answer, not a failure. Fails: SP_E_AUTH (a file or variable cannot be
 * read, or the secret is empty: "secret missing or a fork's pull request"), naming the source. */
SP_MUST_CHECK int sp_credential_find(const char *host, struct sp_credential *out,
                                     struct sp_err *err);
bool sp_credential_is_anonymous(const struct sp_credential *credential);
void sp_credential_clear(struct sp_credential *credential);

SP_DEFINE_AUTO_CLEAR(struct sp_credential, sp_credential_clear)

#endif
