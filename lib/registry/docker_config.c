/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/docker_config.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "registry/host.h"

/* Copies user and password out of decoded "user:password". */
static int split_auth(struct sp_span pair, struct sp_credential *out, struct sp_err *err)
{
  const char *colon = pair.len ? memchr(pair.ptr, ':', pair.len) : NULL;
  if (!colon || colon == pair.ptr)
    return sp_fail(err, SP_E_INVALID, "'auth' is not base64 of user:password");
  struct sp_span user = SP_SPAN(pair.ptr, (size_t)(colon - pair.ptr));
  struct sp_span password = sp_span_skip(pair, user.len + 1);
  /* docker trims zero bytes around the password */
  while (password.len > 0 && password.ptr[0] == '\0')
    password = sp_span_skip(password, 1);
  while (password.len > 0 && password.ptr[password.len - 1] == '\0')
    password.len--;
  if (memchr(pair.ptr, '\0', user.len))
    return sp_fail(err, SP_E_INVALID, "'auth' holds a user name with a zero byte");
  if (sp_text_copy(out->user, sizeof out->user, user, err) < 0)
    return -1;
  return sp_secret_set(&out->password, password, err);
}

static int read_auth(const char *auth, struct sp_credential *out, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf pair;
  sp_buf_init(&pair, SP_MAX_TOKEN_BYTES);
  if (sp_text_base64_decode(&pair, sp_span_str(auth), err) < 0)
    return sp_fail(err, SP_E_INVALID, "'auth' is not base64 of user:password");
  int rc = split_auth(sp_buf_span(&pair), out, err);
  if (pair.data)
    explicit_bzero(pair.data, pair.len);
  return rc;
}

static int read_token(const json_t *entry, const char *key, struct sp_secret *out,
                      struct sp_err *err)
{
  const char *text;
  if (sp_json_get_string(entry, key, &text, err) < 0)
    return -1;
  return sp_secret_set(out, sp_span_str(text), err);
}

static int check_members(json_t *obj, const char *only, struct sp_err *err)
{
  const char *key;
  json_t *value;
  json_object_foreach(obj, key, value)
  {
    if (strcmp(key, only) != 0)
      return sp_fail(err, SP_E_INVALID, "it has a member other than '%s'", only);
  }
  return 0;
}

static int read_entry(json_t *entry, enum sp_docker_config_form form, struct sp_credential *out,
                      bool *found, struct sp_err *err)
{
  if (!json_is_object(entry))
    return sp_fail(err, SP_E_INVALID, "an entry of 'auths' is not an object");
  if (form == SP_DOCKER_CONFIG_VARIABLE && check_members(entry, "auth", err) < 0)
    return -1;
  const char *auth;
  if (sp_json_get_string(entry, "auth", &auth, err) < 0)
    return -1;
  if (auth && *auth && read_auth(auth, out, err) < 0)
    return -1;
  if (read_token(entry, "identitytoken", &out->identity_token, err) < 0 ||
      read_token(entry, "registrytoken", &out->registry_token, err) < 0)
    return -1;
  *found = !sp_credential_is_anonymous(out);
  return 0;
}

/* The entry of the host's own name comes before those of its other names. */
static json_t *find_entry(json_t *auths, const char *host)
{
  json_t *other = NULL;
  const char *key;
  json_t *value;
  json_object_foreach(auths, key, value)
  {
    if (!sp_host_owns_key(host, sp_span_str(key)))
      continue;
    if (strcmp(key, host) == 0)
      return value;
    other = value;
  }
  return other;
}

static int names_helper(const json_t *doc, const char *host, bool *helper, struct sp_err *err)
{
  const char *store;
  json_t *helpers;
  if (sp_json_get_string(doc, "credsStore", &store, err) < 0 ||
      sp_json_get_object(doc, "credHelpers", &helpers, err) < 0)
    return -1;
  *helper = (store && *store) || (helpers && find_entry(helpers, host));
  return 0;
}

int sp_docker_config_find(struct sp_span text, enum sp_docker_config_form form, const char *host,
                          struct sp_credential *out, bool *found, bool *helper, struct sp_err *err)
{
  *found = false;
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(text, &doc, err) < 0)
    return -1;
  if (!json_is_object(doc))
    return sp_fail(err, SP_E_INVALID, "not a JSON object");
  if (form == SP_DOCKER_CONFIG_VARIABLE && check_members(doc, "auths", err) < 0)
    return -1;
  if (helper && names_helper(doc, host, helper, err) < 0)
    return -1;
  json_t *auths;
  if (sp_json_get_object(doc, "auths", &auths, err) < 0)
    return -1;
  json_t *entry = auths ? find_entry(auths, host) : NULL;
  if (!entry)
    return 0;
  SP_CLEANUP(sp_credential_clear_auto_) struct sp_credential credential = SP_CREDENTIAL_INIT;
  if (read_entry(entry, form, &credential, found, err) < 0)
    return -1;
  if (!*found)
    return 0;
  *out = credential;
  credential = SP_CREDENTIAL_INIT;
  return 0;
}
