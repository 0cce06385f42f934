/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of sources, asked in the order of the header until one has something. */
#include "registry/credential.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/i18n.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/docker_config.h"
#include "registry/host.h"

bool sp_credential_is_anonymous(const struct sp_credential *credential)
{
  return credential->user[0] == '\0' && sp_secret_is_empty(&credential->identity_token) &&
         sp_secret_is_empty(&credential->registry_token);
}

void sp_credential_clear(struct sp_credential *credential)
{
  sp_secret_clear(&credential->password);
  sp_secret_clear(&credential->identity_token);
  sp_secret_clear(&credential->registry_token);
  *credential = SP_CREDENTIAL_INIT;
}

/* The value of a variable; NULL if it is unset or empty. */
static const char *variable(const char *name)
{
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static int empty_secret(const char *name, struct sp_err *err)
{
  return sp_fail(err, SP_E_AUTH,
                 _("'%s' has no secret: the secret is missing in the CI settings, or this is the "
                   "pull request of a fork, which gets none: set it, or do not push here"),
                 name);
}

static int find_in_variable_config(const char *host, struct sp_credential *out, bool *found,
                                   struct sp_err *err)
{
  const char *text = variable("DOCKER_AUTH_CONFIG");
  if (!text)
    return 0;
  if (strlen(text) > SP_MAX_CONFIG_FILE_BYTES)
    return sp_fail(err, SP_E_AUTH, _("DOCKER_AUTH_CONFIG is larger than 1 MiB"));
  struct sp_err why = SP_ERR_INIT;
  if (sp_docker_config_find(sp_span_str(text), SP_DOCKER_CONFIG_VARIABLE, host, out, found, NULL,
                            &why) < 0) {
    *found = false;
    sp_log(SP_LOG_WARN, _("DOCKER_AUTH_CONFIG is ignored: %s"), why.msg);
    return 0;
  }
  out->source = "DOCKER_AUTH_CONFIG";
  return 0;
}

#define PREFIX "SAFEPORT_AUTH_"

static int find_in_host_variable(const char *host, struct sp_credential *out, bool *found,
                                 struct sp_err *err)
{
  char name[sizeof PREFIX + SP_MAX_HOST];
  snprintf(name, sizeof name, PREFIX "%s", host);
  for (char *c = name + strlen(PREFIX); *c; c++)
    *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
  const char *value = variable(name);
  if (!value)
    return 0;
  const char *colon = strchr(value, ':');
  if (!colon || colon == value)
    return sp_fail(err, SP_E_AUTH, _("'%s' is not of the form user:secret"), name);
  if (colon[1] == '\0')
    return empty_secret(name, err);
  if (sp_text_copy(out->user, sizeof out->user, SP_SPAN(value, (size_t)(colon - value)), err) < 0)
    return -1;
  if (sp_secret_set(&out->password, sp_span_str(colon + 1), err) < 0)
    return -1;
  out->source = "SAFEPORT_AUTH_<HOST>";
  *found = true;
  return 0;
}

/* The path of docker's config.json; an empty buffer if there is no home. */
static int config_path(struct sp_buf *path, struct sp_err *err)
{
  const char *dir = variable("DOCKER_CONFIG");
  if (dir)
    return sp_buf_appendf(path, err, "%s/config.json", dir);
  const char *home = variable("HOME");
  return home ? sp_buf_appendf(path, err, "%s/.docker/config.json", home) : 0;
}

static int unreadable(const char *path, const struct sp_err *why, struct sp_err *err)
{
  return sp_fail(err, SP_E_AUTH, _("cannot use the credentials in '%s': %s"), path, why->msg);
}

static int find_in_file(const char *host, struct sp_credential *out, bool *found,
                        struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf path;
  SP_AUTO_BUF struct sp_buf text;
  sp_buf_init(&path, SP_MAX_URL_BYTES);
  sp_buf_init(&text, SP_MAX_CONFIG_FILE_BYTES);
  if (config_path(&path, err) < 0)
    return -1;
  if (path.len == 0)
    return 0;
  struct sp_err why = SP_ERR_INIT;
  if (sp_file_read(AT_FDCWD, sp_buf_str(&path), &text, &why) < 0)
    return why.code == SP_E_NOT_FOUND ? 0 : unreadable(sp_buf_str(&path), &why, err);
  bool helper = false;
  int rc = sp_docker_config_find(sp_buf_span(&text), SP_DOCKER_CONFIG_FILE, host, out, found,
                                 &helper, &why);
  explicit_bzero(text.data, text.len);
  if (rc < 0)
    return unreadable(sp_buf_str(&path), &why, err);
  if (helper)
    sp_log(SP_LOG_WARN, _("the credential helper that '%s' names for '%s' is not asked"),
           sp_buf_str(&path), host);
  if (*found)
    out->source = "docker's config.json";
  return 0;
}

static int find_in_ci(const char *name, struct sp_credential *out, bool *found, struct sp_err *err)
{
  const struct sp_host *host = sp_host_find(name);
  if (!host || !host->user_variable)
    return 0;
  const char *user = variable(host->user_variable);
  const char *secret = getenv(host->secret_variable);
  if (!user || !secret)
    return 0;
  if (*secret == '\0')
    return empty_secret(host->secret_variable, err);
  if (sp_text_copy(out->user, sizeof out->user, sp_span_str(user), err) < 0)
    return -1;
  if (sp_secret_set(&out->password, sp_span_str(secret), err) < 0)
    return -1;
  out->source = host->secret_variable;
  *found = true;
  return 0;
}

int sp_credential_find(const char *host, struct sp_credential *out, struct sp_err *err)
{
  static int (*const sources[])(const char *, struct sp_credential *, bool *, struct sp_err *) = {
      find_in_variable_config, find_in_host_variable, find_in_file, find_in_ci};
  SP_CLEANUP(sp_credential_clear_auto_) struct sp_credential credential = SP_CREDENTIAL_INIT;
  bool found = false;
  for (size_t i = 0; i < sizeof sources / sizeof sources[0] && !found; i++) {
    sp_credential_clear(&credential);
    if (sources[i](host, &credential, &found, err) < 0)
      return -1;
  }
  if (!found)
    sp_credential_clear(&credential);
  *out = credential;
  credential = SP_CREDENTIAL_INIT;
  return 0;
}
