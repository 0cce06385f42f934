/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/remote.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "registry/host.h"

#define DEFAULT_CHUNK_BYTES (4u * SP_MIB) /* GHCR takes no more */

static void free_list(char **list)
{
  for (size_t i = 0; list && list[i]; i++)
    free(list[i]);
  free(list);
}

/* A copy of a NULL-terminated list, `more` (may be NULL) added; NULL if it would be empty. */
static int dup_list(const char *const *list, const char *more, char ***out, struct sp_err *err)
{
  size_t n = 0;
  while (list && list[n])
    n++;
  if (n == 0 && !more)
    return 0;
  char **copy = calloc(n + 2, sizeof *copy);
  if (!copy)
    return sp_fail(err, SP_E_NOMEM, "out of memory for settings");
  *out = copy; /* partly filled, it can be freed */
  for (size_t i = 0; i < n; i++) {
    if (sp_text_dup(&copy[i], list[i], err) < 0)
      return -1;
  }
  return sp_text_dup(&copy[n], more, err);
}

static int set_given(struct sp_remote *remote, const struct sp_registry_settings *settings,
                     struct sp_err *err)
{
  remote->given = SP_CREDENTIAL_INIT;
  if (!settings->user)
    return 0;
  remote->given.source = "safeport.yaml";
  remote->given.is_of_host = true;
  if (sp_text_copy(remote->given.user, sizeof remote->given.user, sp_span_str(settings->user),
                   err) < 0)
    return sp_err_context(err, "user of '%s'", settings->host);
  return settings->password ? sp_secret_dup(&remote->given.password, settings->password, err) : 0;
}

int sp_remote_new(struct sp_http *http, const struct sp_registry_settings *settings,
                  struct sp_remote **out, struct sp_err *err)
{
  struct sp_remote *remote = calloc(1, sizeof *remote);
  if (!remote)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a registry");
  const struct sp_host *host = sp_host_find(settings->host);
  remote->http = http;
  remote->insecure = settings->insecure;
  remote->chunked = settings->chunked;
  remote->chunk_bytes = settings->chunk_bytes ? settings->chunk_bytes : DEFAULT_CHUNK_BYTES;
  remote->is_metered = host && host->is_metered;
  pthread_mutex_init(&remote->lock, NULL);
  sp_pulls_init(&remote->pulls);
  const char *token_host = host ? host->token_host : NULL;
  if (set_given(remote, settings, err) < 0 || sp_text_dup(&remote->host, settings->host, err) < 0 ||
      sp_text_dup(&remote->ca_file, settings->ca_file, err) < 0 ||
      dup_list(settings->upload_hosts, NULL, &remote->upload_hosts, err) < 0 ||
      dup_list(settings->token_hosts, token_host, &remote->token_hosts, err) < 0) {
    sp_remote_free(remote);
    return -1;
  }
  *out = remote;
  return 0;
}

void sp_remote_free(struct sp_remote *remote)
{
  if (!remote)
    return;
  sp_site_auth_free(remote->auth);
  sp_credential_clear(&remote->given);
  sp_pulls_clear(&remote->pulls);
  pthread_mutex_destroy(&remote->lock);
  free_list(remote->upload_hosts);
  free_list(remote->token_hosts);
  free(remote->ca_file);
  free(remote->host);
  free(remote);
}

static int origin_of(const struct sp_remote *remote, bool https, struct sp_origin *out,
                     struct sp_err *err)
{
  SP_AUTO_FREE char *text = NULL;
  SP_AUTO_URL struct sp_url url = {0};
  if (sp_text_format(&text, err, "%s://%s/", https ? "https" : "http", sp_host_api(remote->host)) <
      0)
    return -1;
  if (sp_url_parse(sp_span_str(text), &url, err) < 0)
    return sp_fail(err, SP_E_USAGE, "'%s' is not the name of a registry", remote->host);
  *out = url.origin;
  return 0;
}

static int add_http_site(struct sp_remote *remote, bool https, struct sp_http_site **out,
                         struct sp_err *err)
{
  struct sp_http_site_settings settings = {
      .insecure = remote->insecure,
      .ca_file = remote->ca_file,
      .upload_hosts = (const char *const *)remote->upload_hosts,
      .token_hosts = (const char *const *)remote->token_hosts,
  };
  if (origin_of(remote, https, &settings.origin, err) < 0)
    return -1;
  return sp_http_add_site(remote->http, &settings, out, err);
}

/* Does this registry on loopback speak plain http? What answers 400, or nothing that is HTTP,
 * speaks TLS. */
static int probe(struct sp_remote *remote, struct sp_http_site *plain, bool *is_plain,
                 struct sp_err *err)
{
  SP_AUTO_URL struct sp_url url = {0};
  SP_AUTO_RESPONSE struct sp_http_response response;
  sp_http_response_init(&response);
  if (sp_url_make(sp_http_site_origin(plain), &url, err, "/v2/") < 0)
    return -1;
  struct sp_http_request request = {.site = plain, .method = SP_GET, .url = &url};
  struct sp_err why = SP_ERR_INIT;
  if (sp_http_perform(remote->http, &request, &response, &why) == 0) {
    *is_plain = response.status != 400;
    return 0;
  }
  if (why.code != SP_E_NETWORK && why.code != SP_E_PROTOCOL) {
    sp_err_copy(err, &why);
    return -1;
  }
  *is_plain = false;
  return 0;
}

/* https, plain http, or, on loopback, what the probe says. */
static int choose_http_site(struct sp_remote *remote, struct sp_http_site **out, struct sp_err *err)
{
  struct sp_origin origin;
  if (origin_of(remote, true, &origin, err) < 0)
    return -1;
  if (remote->insecure || remote->ca_file || !sp_origin_is_loopback(&origin))
    return add_http_site(remote, !remote->insecure, out, err);
  struct sp_http_site *plain;
  bool is_plain = false;
  if (add_http_site(remote, false, &plain, err) < 0 || probe(remote, plain, &is_plain, err) < 0)
    return -1;
  sp_log(SP_LOG_DEBUG, "%s on loopback speaks %s", remote->host, is_plain ? "http" : "https");
  if (!is_plain)
    return add_http_site(remote, true, out, err);
  *out = plain;
  return 0;
}

int sp_remote_open(struct sp_remote *remote, struct sp_err *err)
{
  SP_LOCK_SCOPE(&remote->lock);
  if (remote->auth)
    return 0;
  if (!remote->http_site && choose_http_site(remote, &remote->http_site, err) < 0)
    return -1;
  if (sp_site_auth_new(remote->http, remote->http_site, remote->host, &remote->auth, err) < 0)
    return -1;
  return remote->given.source ? sp_site_auth_set_credential(remote->auth, &remote->given, err) : 0;
}
