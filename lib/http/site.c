/* SPDX-License-Identifier: Apache-2.0 */
#include "http/site.h"

#include <strings.h>

#include "base/i18n.h"
#include "base/text.h"

static void free_list(char **list)
{
  for (size_t i = 0; list && list[i]; i++)
    free(list[i]);
  free(list);
}

static int dup_list(const char *const *list, char ***out, struct sp_err *err)
{
  size_t n = 0;
  *out = NULL;
  if (!list)
    return 0;
  while (list[n])
    n++;
  char **copy = calloc(n + 1, sizeof *copy);
  if (!copy)
    return sp_fail(err, SP_E_NOMEM, "cannot keep a list of hosts: out of memory");
  for (size_t i = 0; i < n; i++) {
    if (sp_text_dup(&copy[i], list[i], err) != 0) {
      free_list(copy);
      return -1;
    }
  }
  *out = copy;
  return 0;
}

int sp_site_new(const struct sp_http_site_settings *settings, struct sp_http_site **out,
                struct sp_err *err)
{
  const struct sp_origin *origin = &settings->origin;
  if (!origin->https && !settings->insecure && !sp_origin_is_loopback(origin))
    return sp_fail(err, SP_E_REFUSED,
                   "plain http to '%s' is refused: if that is meant, allow it with --insecure %s",
                   origin->host, origin->host);
  struct sp_http_site *site = calloc(1, sizeof *site);
  if (!site)
    return sp_fail(err, SP_E_NOMEM, "cannot add a registry: out of memory");
  site->origin = *origin;
  site->insecure = settings->insecure;
  atomic_init(&site->kind, SP_ADDRESS_PUBLIC);
  if (sp_text_dup(&site->ca_file, settings->ca_file, err) != 0 ||
      dup_list(settings->upload_hosts, &site->upload_hosts, err) != 0 ||
      dup_list(settings->token_hosts, &site->token_hosts, err) != 0 ||
      sp_gate_new(&site->gate, err) != 0) {
    sp_site_free(site);
    return -1;
  }
  *out = site;
  return 0;
}

void sp_site_free(struct sp_http_site *site)
{
  if (!site)
    return;
  free(site->ca_file);
  free_list(site->upload_hosts);
  free_list(site->token_hosts);
  sp_gate_free(site->gate);
  free(site);
}

const struct sp_origin *sp_http_site_origin(const struct sp_http_site *site)
{
  return &site->origin;
}

struct sp_gate *sp_http_site_gate(struct sp_http_site *site)
{
  return site->gate;
}

/* -- hosts it names */

/* Does "host[:port]" name the origin? Without a port it names the scheme's own one. */
static bool names_origin(const char *item, const struct sp_origin *origin, bool any_port)
{
  size_t n = strlen(origin->host);
  uint64_t port = origin->https ? 443 : 80;
  if (strncasecmp(item, origin->host, n) != 0)
    return false;
  if (item[n] == ':' && sp_text_parse_u64(sp_span_str(item + n + 1), &port) != 0)
    return false;
  if (item[n] != ':' && item[n] != '\0')
    return false;
  return any_port || port == origin->port;
}

static bool is_listed(char *const *list, const struct sp_origin *origin, bool any_port)
{
  for (size_t i = 0; list && list[i]; i++)
    if (names_origin(list[i], origin, any_port))
      return true;
  return false;
}

bool sp_site_knows_host(const struct sp_http_site *site, const struct sp_origin *origin)
{
  return strcmp(site->origin.host, origin->host) == 0 ||
         is_listed(site->upload_hosts, origin, true) || is_listed(site->token_hosts, origin, true);
}

static int refuse_host(const struct sp_http_site *site, const struct sp_url *url, const char *what,
                       const char *setting, struct sp_err *err)
{
  char to[SP_ORIGIN_TEXT_MAX];
  sp_origin_format(&url->origin, to);
  const char *host = strstr(to, "//") + 2;
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' asks for %s at '%s', which is not its own: if that is right, allow it with "
                 "%s REGISTRY=%s",
                 site->origin.host, what, to, setting, host);
}

static int refuse_http(const struct sp_http_site *site, const struct sp_url *url, const char *what,
                       struct sp_err *err)
{
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' asks for %s over plain http at '%s': an https registry must stay on https",
                 site->origin.host, what, url->origin.host);
}

int sp_http_site_check_upload(const struct sp_http_site *site, const struct sp_url *url,
                              struct sp_err *err)
{
  if (sp_origin_eq(&site->origin, &url->origin))
    return 0;
  if (site->origin.https && !url->origin.https)
    return refuse_http(site, url, _("the upload"), err);
  if (is_listed(site->upload_hosts, &url->origin, false))
    return 0;
  return refuse_host(site, url, _("the upload"), "--upload-host", err);
}

int sp_http_site_check_realm(const struct sp_http_site *site, const struct sp_url *url,
                             struct sp_err *err)
{
  if (site->origin.https && !url->origin.https)
    return refuse_http(site, url, _("the password"), err);
  if (!url->origin.https && !site->insecure && !sp_origin_is_loopback(&url->origin))
    return refuse_http(site, url, _("the password"), err);
  if (strcmp(site->origin.host, url->origin.host) == 0 ||
      is_listed(site->token_hosts, &url->origin, false))
    return 0;
  return refuse_host(site, url, _("the password"), "--token-host", err);
}

int sp_site_check_redirect(const struct sp_http_site *site, const struct sp_url *from,
                           const struct sp_url *to, struct sp_err *err)
{
  if (to->origin.https)
    return 0;
  if (from->origin.https || site->origin.https)
    return sp_fail(err, SP_E_REFUSED,
                   "'%s' redirects from https to plain http at '%s': an https registry must stay "
                   "on https",
                   from->origin.host, to->origin.host);
  if (site->insecure || sp_origin_is_loopback(&to->origin))
    return 0;
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' redirects to plain http at '%s': if that is meant, allow it with "
                 "--insecure %s",
                 from->origin.host, to->origin.host, site->origin.host);
}

/* -- how far inside it is */

void sp_site_note_kind(struct sp_http_site *site, enum sp_address_kind kind)
{
  int known = atomic_load(&site->kind);
  while (known < (int)kind && !atomic_compare_exchange_weak(&site->kind, &known, (int)kind))
    continue;
}

bool sp_site_allows_kind(struct sp_http_site *site, enum sp_address_kind kind)
{
  return (int)kind <= atomic_load(&site->kind);
}
