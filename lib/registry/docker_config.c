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
  sp_buf_init_secret(&pair, SP_MAX_TOKEN_BYTES);
  if (sp_text_base64_decode(&pair, sp_span_str(auth), err) < 0)
    return sp_fail(err, SP_E_INVALID, "'auth' is not base64 of user:password");
  return split_auth(sp_buf_span(&pair), out, err);
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
                      struct sp_err *err)
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
  if (read_token(entry, "identitytoken", &out->identity_token, err) < 0)
    return -1;
  return read_token(entry, "registrytoken", &out->registry_token, err);
}

/* How well a key fits; of two that fit alike, docker's own name of the host comes first, then the
 * name of references. */
static size_t rank(const char *key, const char *host, const char *repository)
{
  size_t fit = sp_host_fit_key(host, repository, sp_span_str(key));
  if (fit == 0)
    return 0;
  if (strcmp(key, sp_host_key(host)) == 0)
    return 4 * fit + 2;
  return 4 * fit + (strcmp(key, host) == 0);
}

/* The value of the key that fits best; NULL if none does. Empty objects do not count. */
static json_t *find_best(json_t *object, const char *host, const char *repository)
{
  json_t *best = NULL;
  size_t best_rank = 0;
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value)
  {
    size_t this_rank = rank(key, host, repository);
    if (this_rank == 0 || this_rank < best_rank)
      continue;
    if (json_is_object(value) && json_object_size(value) == 0)
      continue;
    best = value;
    best_rank = this_rank;
  }
  return best;
}

static int find_helper(const json_t *doc, const char *host, char out[SP_HELPER_NAME_TEXT_MAX],
                       struct sp_err *err)
{
  const char *name;
  json_t *helpers;
  if (sp_json_get_string(doc, "credsStore", &name, err) < 0 ||
      sp_json_get_object(doc, "credHelpers", &helpers, err) < 0)
    return -1;
  json_t *own = helpers ? find_best(helpers, host, NULL) : NULL;
  if (own && !json_is_string(own))
    return sp_fail(err, SP_E_INVALID, "an entry of 'credHelpers' is not a string");
  if (own)
    name = json_string_value(own); /* "" too: this host needs none */
  if (sp_text_copy(out, SP_HELPER_NAME_TEXT_MAX, sp_span_str(name), err) < 0)
    return sp_fail(err, SP_E_INVALID, "the name of its credential helper is too long");
  return 0;
}

static bool has_namespaces(json_t *auths, const char *host)
{
  const char *key;
  json_t *value;
  json_object_foreach(auths, key, value)
  {
    if (sp_host_is_namespace_key(host, sp_span_str(key)))
      return true;
  }
  return false;
}

static int find_in(json_t *doc, enum sp_docker_config_form form, const char *host,
                   const char *repository, struct sp_docker_entry *out, struct sp_err *err)
{
  if (!json_is_object(doc))
    return sp_fail(err, SP_E_INVALID, "not a JSON object");
  if (form == SP_DOCKER_CONFIG_VARIABLE && check_members(doc, "auths", err) < 0)
    return -1;
  json_t *auths;
  if (find_helper(doc, host, out->helper, err) < 0 ||
      sp_json_get_object(doc, "auths", &auths, err) < 0)
    return -1;
  if (!auths)
    return 0;
  out->has_namespaces = has_namespaces(auths, host);
  json_t *entry = find_best(auths, host, repository);
  return entry ? read_entry(entry, form, &out->credential, err) : 0;
}

void sp_docker_entry_clear(struct sp_docker_entry *entry)
{
  sp_credential_clear(&entry->credential);
  *entry = SP_DOCKER_ENTRY_INIT;
}

int sp_docker_config_find(struct sp_span text, enum sp_docker_config_form form, const char *host,
                          const char *repository, struct sp_docker_entry *out, struct sp_err *err)
{
  SP_AUTO_DOCKER_ENTRY struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(text, &doc, err) < 0 || find_in(doc, form, host, repository, &entry, err) < 0)
    return -1;
  *out = entry;
  entry = SP_DOCKER_ENTRY_INIT;
  return 0;
}

int sp_docker_config_find_helper(struct sp_span text, const char *host,
                                 char out[SP_HELPER_NAME_TEXT_MAX], struct sp_err *err)
{
  SP_AUTO_JSON json_t *doc = NULL;
  if (sp_json_parse(text, &doc, err) < 0)
    return -1;
  return find_helper(doc, host, out, err);
}
