/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are at a registry: found in this order, each source for exactly its own host
 * (reliability.md S08); the first that has something is believed:
 *   0. what safeport.yaml says of the registry (struct sp_registry_settings), without looking
 *   1. DOCKER_AUTH_CONFIG (JSON, protocol.md 2.6)
 *   2. SAFEPORT_AUTH_<HOST> = "user:secret" (HOST upper case, every other character '_')
 *   3. the files of auth_file.h: $REGISTRY_AUTH_FILE alone, else docker's config.json, then
 *      podman's auth.json; in each the credential helper that it names for the host, then `auths`,
 *      where a namespace that the repository is in comes before the host
 *   4. ghcr.io: GITHUB_ACTOR + GITHUB_TOKEN; docker.io: DOCKERHUB_USERNAME + DOCKERHUB_TOKEN
 *
 * A source that cannot be used (a broken file, a helper that fails) is a failure, not a reason to
 * go on as somebody else; only DOCKER_AUTH_CONFIG is passed over with a warning, as docker does.
 */
#ifndef SP_REGISTRY_CREDENTIAL_H
#define SP_REGISTRY_CREDENTIAL_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/secret.h"
#include "safeport/err.h"

struct sp_credential {
  char user[256]; /* "" = anonymous, unless one of the tokens is set */
  struct sp_secret password;
  struct sp_secret identity_token; /* refresh token of the POST flow */
  struct sp_secret registry_token; /* used as bearer token as it is */
  const char *source; /* static text: where it was found, for messages; NULL = anonymous */
  bool is_of_host;    /* every other repository of the host would get the same */
};
#define SP_CREDENTIAL_INIT ((struct sp_credential){0})

struct sp_credential_query {
  const char *host;               /* as in references */
  const char *repository;         /* without the host; NULL: what the whole host gets */
  const struct sp_cancel *cancel; /* for helpers; may be NULL */
};                                /* all borrowed */

/* Looks up; anonymous is an answer, not a failure. May block on a credential helper. Fails:
 * SP_E_AUTH (a source cannot be used, or the secret is empty: "secret missing or a fork's pull
 * request"), naming the source; SP_E_INTERRUPTED. On failure *out is anonymous, and its is_of_host
 * says whether every repository of the host fails so. */
SP_MUST_CHECK int sp_credential_find(const struct sp_credential_query *query,
                                     struct sp_credential *out, struct sp_err *err);
/* A second copy of src in dst (which holds nothing). */
SP_MUST_CHECK int sp_credential_dup(struct sp_credential *dst, const struct sp_credential *src,
                                    struct sp_err *err);
bool sp_credential_is_anonymous(const struct sp_credential *credential);
void sp_credential_clear(struct sp_credential *credential);

SP_DEFINE_AUTO_CLEAR(struct sp_credential, sp_credential_clear)
#define SP_AUTO_CREDENTIAL SP_CLEANUP(sp_credential_clear_auto_)

#endif
