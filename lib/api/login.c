/* SPDX-License-Identifier: Apache-2.0 */
/* sp_login and sp_logout: a name -> ask the registry -> keep; a name -> forget. */
#include "safeport/login.h"

#include <stdlib.h>
#include <strings.h>

#include "api/hosts.h"
#include "api/session.h"
#include "base/limits.h"
#include "base/text.h"
#include "registry/credential_store.h"

void sp_login_result_clear(struct sp_login_result *result)
{
  free(result->registry);
  free(result->file);
  free(result->helper);
  *result = SP_LOGIN_RESULT_INIT;
}
SP_DEFINE_AUTO_CLEAR(struct sp_login_result, sp_login_result_clear)

_Static_assert(SP_REGISTRY_NAME_MAX == SP_MAX_HOST + 1, "the name of a registry is a host");

int sp_login_name_registry(const char *text, char out[SP_REGISTRY_NAME_MAX], struct sp_err *err)
{
  static const char *const tails[] = {"/v1/", "/v2/", "/"};
  struct sp_span host = sp_span_str(text ? text : "docker.io");
  if (host.len > 8 && strncasecmp(host.ptr, "https://", 8) == 0)
    host = sp_span_skip(host, 8);
  for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
    size_t n = strlen(tails[i]);
    if (host.len <= n || memcmp(host.ptr + host.len - n, tails[i], n) != 0)
      continue;
    host.len -= n;
    break;
  }
  return sp_hosts_normal_name(host, "REGISTRY", out, err);
}

static int read_credential(const struct sp_login_options *options, struct sp_credential *out,
                           struct sp_err *err)
{
  const char *user = options->user;
  const char *secret = options->secret;
  if (!user || !*user)
    return sp_fail(err, SP_E_USAGE, "there is no user name");
  if (strchr(user, ':') || sp_text_copy(out->user, sizeof out->user, sp_span_str(user), err) < 0)
    return sp_fail(err, SP_E_USAGE, "a user name holds no ':' and is at most 255 bytes long");
  if (!secret || !*secret)
    return sp_fail(err, SP_E_USAGE, "the password is empty");
  if (strlen(secret) + strlen(user) + 1 > SP_MAX_TOKEN_BYTES)
    return sp_fail(err, SP_E_USAGE, "the password is longer than 16 KiB");
  return sp_secret_set(&out->password, sp_span_str(secret), err);
}

static int check(struct sp_session *session, const char *host,
                 const struct sp_credential *credential, bool *asked, struct sp_err *err)
{
  struct sp_registries *registries;
  if (sp_session_registries(session, host, &registries, err) < 0)
    return -1;
  struct sp_retry_wait wait = SP_RETRY_WAIT_INIT;
  const struct sp_retry_policy policy = sp_session_retry(session);
  while (sp_registry_check_login(registries, host, credential, asked, err) < 0) {
    if (!sp_retry_wait(&wait, &policy, err))
      return sp_err_context(err, "cannot log in to '%s'", host);
    sp_err_clear(err);
  }
  return 0;
}

/* Moves what is to be told into the result. */
static int tell_spot(struct sp_login_result *result, const char *host,
                     struct sp_credential_spot *spot, struct sp_err *err)
{
  if (sp_text_dup(&result->registry, host, err) < 0 ||
      sp_text_dup(&result->helper, spot->helper[0] ? spot->helper : NULL, err) < 0)
    return -1;
  result->file = sp_steal(&spot->path);
  return 0;
}

/* Where a job would find credentials now; NULL if nowhere, or if that cannot be said. */
static const char *found_in(struct sp_session *session, const char *host)
{
  const struct sp_credential_query query = {.host = host, .cancel = sp_session_cancel(session)};
  SP_AUTO_CREDENTIAL struct sp_credential found = SP_CREDENTIAL_INIT;
  struct sp_err ignored = SP_ERR_INIT;
  return sp_credential_find(&query, &found, &ignored) < 0 ? NULL : found.source;
}

int sp_login(struct sp_session *session, const struct sp_login_options *options,
             struct sp_login_result *out, struct sp_err *err)
{
  char host[SP_REGISTRY_NAME_MAX];
  SP_AUTO_CREDENTIAL struct sp_credential credential = SP_CREDENTIAL_INIT;
  SP_AUTO_CREDENTIAL_SPOT struct sp_credential_spot spot = SP_CREDENTIAL_SPOT_INIT;
  SP_CLEANUP(sp_login_result_clear_auto_) struct sp_login_result result = SP_LOGIN_RESULT_INIT;
  if (sp_login_name_registry(options->registry, host, err) < 0 ||
      read_credential(options, &credential, err) < 0 ||
      check(session, host, &credential, &result.checked, err) < 0)
    return -1;
  const struct sp_credential_store store = {
      .host = host, .auth_file = options->auth_file, .cancel = sp_session_cancel(session)};
  if (sp_credential_store(&store, &credential, &spot, err) < 0 ||
      tell_spot(&result, host, &spot, err) < 0)
    return -1;
  const char *first = options->auth_file ? NULL : found_in(session, host);
  result.elsewhere = first && strcmp(first, spot.source) != 0 ? first : NULL;
  *out = result;
  result = SP_LOGIN_RESULT_INIT;
  return 0;
}

int sp_logout(struct sp_session *session, const struct sp_login_options *options,
              struct sp_login_result *out, struct sp_err *err)
{
  char host[SP_REGISTRY_NAME_MAX];
  SP_AUTO_CREDENTIAL_SPOT struct sp_credential_spot spot = SP_CREDENTIAL_SPOT_INIT;
  SP_CLEANUP(sp_login_result_clear_auto_) struct sp_login_result result = SP_LOGIN_RESULT_INIT;
  if (sp_login_name_registry(options->registry, host, err) < 0)
    return -1;
  const struct sp_credential_store store = {
      .host = host, .auth_file = options->auth_file, .cancel = sp_session_cancel(session)};
  if (sp_credential_erase(&store, &spot, &result.was_there, err) < 0 ||
      tell_spot(&result, host, &spot, err) < 0)
    return -1;
  result.elsewhere = options->auth_file ? NULL : found_in(session, host);
  *out = result;
  result = SP_LOGIN_RESULT_INIT;
  return 0;
}
