/* SPDX-License-Identifier: Apache-2.0 */
/* The first row that fits wins: a row for one host stands before the row for all, a long text
 * before a short one that it holds, texts before statuses. */
#include "registry/remedy.h"

#include <stddef.h>

#include "base/i18n.h"

struct remedy {
  const char *host; /* NULL = any */
  int status;       /* 0 = any */
  const char *text; /* part of the answer's text, case does not matter; NULL = any */
  const char *advice;
};

static const struct remedy remedies[] = {
    /* -- credentials */
    {NULL, 0, "access token is expired",
     N_("the access token has expired and cannot be extended: make a new one")},
    {"docker.io", 0, "incorrect username or password",
     N_("check the user name, and use an access token in place of the password")},
    {NULL, 0, "incorrect username or password", N_("check user name and password")},
    {NULL, 0, "permission_denied: write_package",
     N_("the token may not write this package: package settings, Manage Actions access, add the "
        "repository with Write; or use a classic token with write:packages")},
    {NULL, 0, "does not match expected scopes",
     N_("the token lacks write:packages: make a classic token that has it")},
    {NULL, 0, "installation not allowed to",
     N_("the workflow needs `permissions: packages: write`; a fork or Dependabot run never gets "
        "it; the organisation may forbid new packages")},
    {NULL, 0, "user cannot be authenticated with the token",
     N_("the token has expired, was revoked, or is not authorised for single sign-on: renew it")},
    {NULL, 0, "resource not accessible by integration",
     N_("the workflow's token lacks the permission: set it under `permissions:`")},
    {"ghcr.io", 403, "denied",
     N_("the token is wrong, expired or fine-grained (ghcr.io takes classic tokens and "
        "GITHUB_TOKEN only; a bad token is refused for public images too): renew or remove it")},
    {"docker.io", 0, "insufficient",
     N_("the access token lacks this permission: make one with Read & Write, and check the "
        "repository's name")},
    {NULL, 0, "insufficient",
     N_("the token lacks this permission (push needs pull and push), or the repository's name is "
        "wrong: make a token that has it")},
    {NULL, 0, "requested access to the resource is denied",
     N_("check that the user may write there, that the name begins with the right namespace, and "
        "that the plan has room for one more private repository")},
    {NULL, 0, "authentication required",
     N_("log in ('safeport login', or SAFEPORT_AUTH_<HOST>=user:secret); what is there may have "
        "expired")},
    /* -- limits */
    {"docker.io", 0, "pull rate limit",
     N_("log in for a higher limit, or wait until the window is over")},
    {NULL, 0, "no space left on device", N_("free space there, then run this again")},
    {NULL, 507, NULL, N_("free space there, then run this again")},
    {NULL, 0, "quota", N_("the plan's storage is used up: delete images or upgrade")},
    {NULL, 0, "exceeded storage", N_("the plan's storage is used up: delete images or upgrade")},
    {NULL, 0, "maximum permissible limit",
     N_("the chunk is too large for this registry: upload in one piece, or in chunks of 4 MiB")},
    {NULL, 413, NULL,
     N_("the registry, or a proxy before it, takes no body of this size: raise its limit, or "
        "upload in chunks")},
    {NULL, 429, NULL, N_("it asks us to slow down: wait, or use fewer connections")},
    /* -- content */
    {NULL, 0, "blob unknown to registry",
     N_("a blob of this manifest is not in that repository: send it again")},
    {NULL, 0, "digest invalid",
     N_("the registry received other bytes than were sent: try again, then look at proxies")},
    {NULL, 0, "upload unknown",
     N_("the upload session was lost; if it happens again, look at the proxy or load balancer "
        "before the registry")},
    {NULL, 0, "upload invalid",
     N_("the upload session was lost; if it happens again, look at the proxy or load balancer "
        "before the registry")},
    {NULL, 0, "name_unknown", N_("check the repository's name; a private one may look so, too")},
    {NULL, 0, "name_invalid",
     N_("the registry does not take this name: it may have too many parts")},
    /* -- statuses */
    {NULL, 401, NULL,
     N_("log in ('safeport login', or SAFEPORT_AUTH_<HOST>=user:secret), or check what the user "
        "and the token may do")},
    {NULL, 403, NULL, N_("check that the user may do this there")},
    {NULL, 405, NULL, N_("the store is read-only, or does not have this function")},
};

/* strcasestr of plain ASCII, without its locale. */
static int lower(int c)
{
  return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static int holds(const char *text, const char *part)
{
  for (; *text; text++) {
    size_t i = 0;
    while (part[i] && lower((unsigned char)text[i]) == part[i])
      i++;
    if (!part[i])
      return 1;
  }
  return 0;
}

const char *sp_remedy_find(const char *host, int status, const char *text)
{
  for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
    const struct remedy *r = &remedies[i];
    if (r->host && strcmp(r->host, host) != 0)
      continue;
    if (r->status != 0 && r->status != status)
      continue;
    if (!r->text || holds(text, r->text))
      return _(r->advice);
  }
  return NULL;
}
