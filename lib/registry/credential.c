/* SPDX-License-Identifier: Apache-2.0 */
/* A chain of sources, asked in the order of the header until one has something. */
#include "registry/credential.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/auth_file.h"
#include "registry/credential_helper.h"
#include "registry/docker_config.h"
#include "registry/host.h"

bool sp_credential_is_anonymous(const struct sp_credential *credential)
{
  return credential->user[0] == '\0' && sp_secret_is_empty(&credential->identity_token) &&
         sp_secret_is_empty(&credential->registry_token);
}

int sp_credential_dup(struct sp_credential *dst, const struct sp_credential *src,
                      struct sp_err *err)
{
  SP_AUTO_CREDENTIAL struct sp_credential copy = SP_CREDENTIAL_INIT;
  if (sp_secret_dup(&copy.password, &src->password, err) < 0 ||
      sp_secret_dup(&copy.identity_token, &src->identity_token, err) < 0 ||
      sp_secret_dup(&copy.registry_token, &src->registry_token, err) < 0)
    return -1;
  memcpy(copy.user, src->user, sizeof copy.user);
  copy.source = src->source;
  copy.is_of_host = src->is_of_host;
  *dst = copy;
  copy = SP_CREDENTIAL_INIT;
  return 0;
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
                 "'%s' has no secret: the secret is missing in the CI settings, or this is the "
                 "pull request of a fork, which gets none: set it, or do not push here",
                 name);
}

/* What has been found so far; `tells_apart`: a source that was asked knows parts of the host. */
struct finding {
  const struct sp_credential_query *query;
  struct sp_credential credential;
  bool tells_apart;
};

static bool is_found(const struct finding *finding)
{
  return !sp_credential_is_anonymous(&finding->credential);
}

/* Takes what a document says. */
static void take(struct finding *finding, struct sp_docker_entry *entry, const char *source)
{
  finding->tells_apart |= entry->has_namespaces;
  finding->credential = entry->credential;
  entry->credential = SP_CREDENTIAL_INIT;
  finding->credential.source = source;
}

static int find_in_variable_config(struct finding *finding, struct sp_err *err)
{
  const struct sp_credential_query *query = finding->query;
  const char *text = variable("DOCKER_AUTH_CONFIG");
  if (!text)
    return 0;
  if (strlen(text) > SP_MAX_CONFIG_FILE_BYTES)
    return sp_fail(err, SP_E_AUTH, "DOCKER_AUTH_CONFIG is larger than 1 MiB");
  struct sp_err why = SP_ERR_INIT;
  SP_AUTO_DOCKER_ENTRY struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
  if (sp_docker_config_find(sp_span_str(text), SP_DOCKER_CONFIG_VARIABLE, query->host,
                            query->repository, &entry, &why) < 0) {
    sp_log(SP_LOG_WARN, _("DOCKER_AUTH_CONFIG is ignored: %s"), why.msg);
    return 0;
  }
  take(finding, &entry, "DOCKER_AUTH_CONFIG");
  return 0;
}

#define PREFIX "SAFEPORT_AUTH_"

static int find_in_host_variable(struct finding *finding, struct sp_err *err)
{
  struct sp_credential *out = &finding->credential;
  char name[sizeof PREFIX + SP_MAX_HOST];
  snprintf(name, sizeof name, PREFIX "%s", finding->query->host);
  for (char *c = name + strlen(PREFIX); *c; c++)
    *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
  const char *value = variable(name);
  if (!value)
    return 0;
  const char *colon = strchr(value, ':');
  if (!colon || colon == value)
    return sp_fail(err, SP_E_AUTH, "'%s' is not of the form user:secret", name);
  if (colon[1] == '\0')
    return empty_secret(name, err);
  out->source = "SAFEPORT_AUTH_<HOST>";
  if (sp_text_copy(out->user, sizeof out->user, SP_SPAN(value, (size_t)(colon - value)), err) < 0)
    return -1;
  return sp_secret_set(&out->password, sp_span_str(colon + 1), err);
}

/* The helper that a file names, then its own entry. */
static int ask_file(struct finding *finding, const char *path, const char *source,
                    struct sp_span text, struct sp_err *err)
{
  const struct sp_credential_query *query = finding->query;
  SP_AUTO_DOCKER_ENTRY struct sp_docker_entry entry = SP_DOCKER_ENTRY_INIT;
  struct sp_err why = SP_ERR_INIT;
  if (sp_docker_config_find(text, SP_DOCKER_CONFIG_FILE, query->host, query->repository, &entry,
                            &why) < 0)
    return sp_auth_file_fail(path, &why, err);
  const struct sp_helper helper = {
      .name = entry.helper, .host = query->host, .cancel = query->cancel};
  SP_AUTO_CREDENTIAL struct sp_credential kept = SP_CREDENTIAL_INIT;
  if (entry.helper[0] && sp_helper_get(&helper, &kept, err) < 0)
    return sp_err_context(err, "'%s'", path);
  if (sp_credential_is_anonymous(&kept)) {
    take(finding, &entry, source);
    return 0;
  }
  finding->credential = kept;
  kept = SP_CREDENTIAL_INIT;
  finding->credential.source = source;
  return 0;
}

static int find_in_files(struct finding *finding, struct sp_err *err)
{
  SP_AUTO_AUTH_FILES struct sp_auth_files files = {0};
  if (sp_auth_files_init(&files, NULL, err) < 0)
    return -1;
  for (size_t i = 0; i < files.count && !is_found(finding); i++) {
    SP_AUTO_BUF struct sp_buf text;
    sp_buf_init_secret(&text, SP_MAX_CONFIG_FILE_BYTES);
    bool exists;
    if (sp_auth_file_read(files.items[i].path, &text, &exists, err) < 0)
      return -1;
    if (exists &&
        ask_file(finding, files.items[i].path, files.items[i].source, sp_buf_span(&text), err) < 0)
      return -1;
  }
  return 0;
}

static int find_in_ci(struct finding *finding, struct sp_err *err)
{
  struct sp_credential *out = &finding->credential;
  const struct sp_host *host = sp_host_find(finding->query->host);
  if (!host || !host->user_variable)
    return 0;
  const char *user = variable(host->user_variable);
  const char *secret = getenv(host->secret_variable);
  if (!user || !secret)
    return 0;
  if (*secret == '\0')
    return empty_secret(host->secret_variable, err);
  out->source = host->secret_variable;
  if (sp_text_copy(out->user, sizeof out->user, sp_span_str(user), err) < 0)
    return -1;
  return sp_secret_set(&out->password, sp_span_str(secret), err);
}

static int ask_all(struct finding *finding, struct sp_err *err)
{
  static int (*const sources[])(struct finding *, struct sp_err *) = {
      find_in_variable_config, find_in_host_variable, find_in_files, find_in_ci};
  for (size_t i = 0; i < sizeof sources / sizeof sources[0] && !is_found(finding); i++) {
    if (sources[i](finding, err) < 0)
      return -1;
  }
  return 0;
}

int sp_credential_find(const struct sp_credential_query *query, struct sp_credential *out,
                       struct sp_err *err)
{
  struct finding finding = {.query = query};
  int rc = ask_all(&finding, err);
  if (rc < 0 || !is_found(&finding))
    sp_credential_clear(&finding.credential);
  finding.credential.is_of_host = !finding.tells_apart;
  *out = finding.credential;
  return rc;
}
