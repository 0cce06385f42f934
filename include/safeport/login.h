/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of a registry: checked and kept, or forgotten. They are kept where docker and podman
 * keep theirs, so that one login serves all: in docker's config.json, in the credential helper that
 * it names, or in another such file.
 *
 * Not here: asking a person for a password (the program does), and finding credentials for a job
 * (jobs do that by themselves).
 */
#ifndef SAFEPORT_LOGIN_H
#define SAFEPORT_LOGIN_H

#include "safeport/session.h"

struct sp_login_options {
  const char *registry; /* as in references: "ghcr.io", "127.0.0.1:5000"; NULL = docker.io */
  const char *user;
  const char *secret; /* password or access token */
  const char
      *auth_file; /* the file to use; NULL = $REGISTRY_AUTH_FILE, else docker's config.json */
};

/* What became of it. Text is owned by it unless it says static. */
struct sp_login_result {
  char *registry;
  char *file;     /* where it is kept, or was */
  char *helper;   /* the credential helper that `file` names for it; NULL = the file itself */
  bool checked;   /* sp_login: the registry said yes; false: it asks nobody who they are */
  bool was_there; /* sp_logout: there was something to erase */
  const char *elsewhere; /* sp_login: a source that jobs ask first, and that has other credentials;
                            sp_logout: a source that still has some; NULL = none. static */
};
#define SP_LOGIN_RESULT_INIT ((struct sp_login_result){0})
void sp_login_result_clear(struct sp_login_result *result);

/* The registry that a user wrote, as references name it ("https://index.docker.io/v1/", NULL:
 * "docker.io"). Fails: SP_E_USAGE (not the name of a host). */
#define SP_REGISTRY_NAME_MAX 256
SP_MUST_CHECK int sp_login_name_registry(const char *text, char out[SP_REGISTRY_NAME_MAX],
                                         struct sp_err *err);

/* Asks the registry, through its own token flow, whether it knows user and secret; only then keeps
 * them. Tries again for the session's retry_for_ms what may pass. Jobs of this session that have
 * talked to the registry before go on as who they were.
 * Fails: SP_E_USAGE (no host, no user, no secret); SP_E_AUTH (the registry does not know them; or
 * the file or the helper cannot be used); SP_E_UNREACHABLE and the like; SP_E_PROTOCOL (no
 *        registry); SP_E_IO, SP_E_LOCKED (nothing was changed in the file). */
SP_MUST_CHECK int sp_login(struct sp_session *session, const struct sp_login_options *options,
                           struct sp_login_result *out, struct sp_err *err);
/* Erases the credentials of options->registry where sp_login would keep them; user and secret do
 * not matter. Nothing is sent to the registry: a token stays valid until it is revoked there.
 * Fails: SP_E_USAGE, SP_E_AUTH, SP_E_IO, SP_E_LOCKED as above. */
SP_MUST_CHECK int sp_logout(struct sp_session *session, const struct sp_login_options *options,
                            struct sp_login_result *out, struct sp_err *err);

#endif
