/* SPDX-License-Identifier: Apache-2.0 */
/* Credential helpers: programs `docker-credential-<name>` that keep secrets for docker
 * (docker-credential-helpers, "credentials"). They are other people's programs: run without a
 * shell, for SP_HELPER_TIMEOUT_MS at most, their answer is read up to SP_MAX_HELPER_BYTES, what
 * they write to stderr is not looked at, and nothing of what they say is ever shown (reliability.md
 * S10).
 *
 * They are asked by docker's name of the host (sp_host_key). All functions block on the helper.
 * Fail: SP_E_AUTH, each kind of failure with its own text (a name that is none, not installed,
 * failed, silent, too much, not credentials, credentials of another registry); SP_E_INTERRUPTED.
 * Threads: any.
 */
#ifndef SP_REGISTRY_CREDENTIAL_HELPER_H
#define SP_REGISTRY_CREDENTIAL_HELPER_H

#include "base/cancel.h"
#include "registry/credential.h"

struct sp_helper {
  const char *name;               /* as in config.json; checked here */
  const char *host;               /* as in references */
  const struct sp_cancel *cancel; /* may be NULL */
};                                /* all borrowed */

/* Asks for the host's credentials, without their source. Anonymous: it has none. A user `<token>`
 * means an identity token. */
SP_MUST_CHECK int sp_helper_get(const struct sp_helper *helper, struct sp_credential *out,
                                struct sp_err *err);
/* Gives it user and password to keep. */
SP_MUST_CHECK int sp_helper_store(const struct sp_helper *helper,
                                  const struct sp_credential *credential, struct sp_err *err);
/* Makes it forget the host. *was_there false: it knew nothing of it. */
SP_MUST_CHECK int sp_helper_erase(const struct sp_helper *helper, bool *was_there,
                                  struct sp_err *err);

/* The pure half of sp_helper_get: what a helper that ended well wrote. */
SP_MUST_CHECK int sp_helper_parse(const struct sp_helper *helper, struct sp_span answer,
                                  struct sp_credential *out, struct sp_err *err);

#endif
