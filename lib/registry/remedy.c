/* SPDX-License-Identifier: Apache-2.0 */
/* The first row that fits wins: a row for one host stands before the row for all, a long text
 * before a short one that it holds, texts before statuses. A test walks the table and fails if a
 * row can never win. */
#include "safeport/remedy.h"

#include <stdbool.h>
#include <string.h>

#include "base/i18n.h"

#define ACCESS SP_REMEDY_ACCESS
#define LIMITS SP_REMEDY_LIMITS
#define CONTENT SP_REMEDY_CONTENT
#define SERVICE SP_REMEDY_SERVICE

static const struct sp_remedy remedies[] = {
    {ACCESS, NULL, 0, "access token is expired",
     N_("the access token has expired and cannot be extended"), N_("make a new one")},
    {ACCESS, "docker.io", 0, "incorrect username or password",
     N_("the user name or the password is wrong; with two-factor login a password is never taken"),
     N_("check the user name, and use an access token in place of the password")},
    {ACCESS, NULL, 0, "incorrect username or password",
     N_("the user name or the password is wrong"), N_("check user name and password")},
    {ACCESS, NULL, 0, "permission_denied: write_package",
     N_("the token may not write this package, which a personal token made"),
     N_("package settings, Manage Actions access: add the repository with Write; or use a classic "
        "token with write:packages")},
    {ACCESS, NULL, 0, "permission_denied: read_package", N_("the token may not read this package"),
     N_("package settings, Manage Actions access: add the repository with Read; or use a classic "
        "token with read:packages")},
    {ACCESS, NULL, 0, "does not match expected scopes", N_("the token lacks write:packages"),
     N_("make a classic token that has it")},
    {ACCESS, NULL, 0, "installation not allowed to",
     N_("the workflow's token may not write packages; a fork or Dependabot run never may, and an "
        "organisation can forbid new packages"),
     N_("give the job `permissions: packages: write`")},
    {ACCESS, NULL, 0, "user cannot be authenticated with the token",
     N_("the token has expired, was revoked, or is not authorised for single sign-on"),
     N_("renew it")},
    {ACCESS, NULL, 0, "resource not accessible by integration",
     N_("the workflow's token lacks the permission"), N_("set it under `permissions:`")},
    {ACCESS, NULL, 0, "immutable",
     N_("the repository's tags are immutable: one that exists cannot be moved"),
     N_("use a new tag, or change the rule there")},
    {ACCESS, "ghcr.io", 403, "denied",
     N_("the token is wrong, expired or fine-grained; ghcr.io takes classic tokens and "
        "GITHUB_TOKEN only, and refuses a bad one for public images too"),
     N_("renew or remove it")},
    {ACCESS, "docker.io", 0, "insufficient",
     N_("the access token lacks this permission, or the repository's name is wrong"),
     N_("make a token with Read & Write, and check the name")},
    {ACCESS, NULL, 0, "insufficient",
     N_("the token lacks this permission, or the repository's name is wrong"),
     N_("make a token that has it (push needs pull and push), and check the name")},
    {ACCESS, "docker.io", 0, "requested access to the resource is denied",
     N_("the user may not write there, the repository is not in the user's namespace, or the plan "
        "has no room for one more private repository"),
     N_("write docker.io/USER/NAME, check which user it is, or create the repository on the web "
        "page")},
    {ACCESS, NULL, 0, "requested access to the resource is denied",
     N_("the user may not do this there, or the repository's name is wrong"),
     N_("check that the name begins with the right namespace, and what the user may do there")},
    {ACCESS, NULL, 0, "authentication required",
     N_("the credentials are missing, or no longer valid; in a pull request from a fork secrets "
        "are empty"),
     N_("log in ('safeport login', or SAFEPORT_AUTH_<HOST>=user:secret), and check user and "
        "secret")},

    {LIMITS, "docker.io", 0, "pull rate limit",
     N_("the pulls of this account, or of this address, are used up for now"),
     N_("log in for a higher limit, or wait until the window is over")},
    {LIMITS, "docker.io", 429, NULL,
     N_("too many requests a minute came from this address, of whatever kind"),
     N_("wait some minutes, and run fewer jobs at once")},
    {LIMITS, "ghcr.io", 429, NULL,
     N_("a limit on bursts, which all users share; it is over in seconds"),
     N_("run this again, or let it wait with a longer --retry-for")},
    {LIMITS, NULL, 0, "no space left on device", N_("the registry's disk is full"),
     N_("free space there, then run this again")},
    {LIMITS, NULL, 0, "disk quota exceeded", N_("the registry's disk quota is used up"),
     N_("free space there, then run this again")},
    {LIMITS, NULL, 507, NULL, N_("the registry has no room"),
     N_("free space there, then run this again")},
    {LIMITS, NULL, 0, "quota", N_("the plan's storage is used up"),
     N_("delete images there, or upgrade")},
    {LIMITS, NULL, 0, "exceeded storage", N_("the plan's storage is used up"),
     N_("delete images there, or upgrade")},
    {LIMITS, NULL, 0, "maximum permissible limit",
     N_("the chunk of the upload is too large for this registry"),
     N_("upload in one piece, or in chunks of 4 MiB")},
    {LIMITS, NULL, 413, NULL, N_("the registry, or a proxy before it, takes no body of this size"),
     N_("raise its limit, or upload in chunks (--chunked)")},
    {LIMITS, NULL, 429, NULL, N_("it asks us to slow down"), N_("wait, or run fewer jobs at once")},

    {CONTENT, NULL, 0, "manifest_blob_unknown",
     N_("a blob of this manifest is not in that repository, whatever was said before"),
     N_("run this again: it is sent again")},
    {CONTENT, NULL, 0, "blob_unknown", N_("a blob that was said to be there is not"),
     N_("at a destination, run this again: it is sent again; at a source, push the image there "
        "again, or copy it back from a backup")},
    {CONTENT, NULL, 0, "unknown_blob", N_("a blob that was said to be there is not"),
     N_("at a destination, run this again: it is sent again; at a source, push the image there "
        "again, or copy it back from a backup")},
    {CONTENT, NULL, 0, "manifest_unknown",
     N_("there is no such tag or digest; a clean-up may have deleted a part of an index"),
     N_("'safeport tags' lists the tags; copy it back from a backup")},
    {CONTENT, NULL, 0, "manifest_unverified",
     N_("the registry wants signed manifests of the old kind"), N_("use a newer registry")},
    {CONTENT, NULL, 0, "manifest_invalid",
     N_("the registry does not take this kind of manifest (an index, an artifact, a media type)"),
     N_("update the registry, or push one --platform")},
    {CONTENT, NULL, 0, "tag_invalid", N_("the registry does not take this tag"),
     N_("use letters, digits, '.', '_' and '-'")},
    {CONTENT, NULL, 0, "size_invalid", N_("the registry received another length than was sent"),
     N_("run this again; if it stays, look at proxies")},
    {CONTENT, NULL, 0, "digest_invalid",
     N_("the registry received other bytes than were sent, or does not know this kind of digest"),
     N_("run this again; if it stays, look at proxies")},
    {CONTENT, NULL, 0, "upload_unknown", N_("the upload session was lost"),
     N_("run this again; if it stays, look at the proxy or load balancer before the registry")},
    {CONTENT, NULL, 0, "upload_invalid", N_("the upload session was lost"),
     N_("run this again; if it stays, look at the proxy or load balancer before the registry")},
    {CONTENT, NULL, 0, "range_invalid", N_("a chunk of the upload came out of order"),
     N_("run this again")},
    {CONTENT, NULL, 0, "name_unknown",
     N_("there is no such repository; a private one may look so, too"),
     N_("check the name, and what the user may see")},
    {CONTENT, NULL, 0, "name_invalid",
     N_("the registry does not take this name: it may have too many parts"),
     N_("use another name")},
    {CONTENT, NULL, 0, "pagination_number_invalid",
     N_("the registry lists no such number of tags at a time"), N_("report this as a bug")},
    {CONTENT, NULL, 400, "unsupported",
     N_("the registry does not take this kind of content, or does not have this function"),
     N_("update the registry, or push one --platform")},
    {CONTENT, NULL, 415, NULL, N_("the registry does not take this media type"),
     N_("update the registry, or push one --platform")},
    {CONTENT, NULL, 404, NULL,
     N_("there is no such repository, tag or blob; what the user may not see looks so, too"),
     N_("check the name, and what the user may see")},
    {CONTENT, NULL, 416, NULL, N_("the registry does not have this part of the blob"),
     N_("run this again")},

    {ACCESS, NULL, 401, NULL, N_("the credentials are missing, or not valid there"),
     N_("log in ('safeport login', or SAFEPORT_AUTH_<HOST>=user:secret), or check what the "
        "user and the token may do")},
    {ACCESS, NULL, 403, NULL, N_("this user may not do this there"),
     N_("check what the user and the token may do, and the repository's name")},
    {SERVICE, NULL, 405, NULL, N_("the registry is read-only, or does not have this function"),
     N_("use another registry for this")},
    {SERVICE, NULL, 408, NULL,
     N_("the registry, or a gateway before it, waited too long for what was to come"),
     N_("run this again; if it stays, look at the line and at proxies")},
    {SERVICE, NULL, 500, NULL, N_("the registry failed"),
     N_("run this again; if it stays, its own log says why: what it stores may be damaged")},
    {SERVICE, "docker.io", 503, NULL, N_("Docker Hub is in trouble"),
     N_("run this again later; www.dockerstatus.com says more")},
    {SERVICE, "ghcr.io", 503, NULL, N_("GitHub's registry is in trouble"),
     N_("run this again later; www.githubstatus.com says more")},
    {SERVICE, NULL, 502, NULL, N_("a gateway before the registry could not reach it"),
     N_("run this again later, or look at the gateway")},
    {SERVICE, NULL, 503, NULL, N_("the registry does not serve for now"),
     N_("run this again later")},
    {SERVICE, NULL, 504, NULL, N_("a gateway before the registry waited too long for it"),
     N_("run this again later, or raise the gateway's timeout")},
};
#define COUNT (sizeof remedies / sizeof remedies[0])

const struct sp_remedy *sp_remedy_at(size_t i)
{
  return i < COUNT ? &remedies[i] : NULL;
}

/* Codes are written "DIGEST_INVALID", messages "digest invalid": a row that says either means both.
 * Plain ASCII, without strcasestr's locale. */
static char fold(char c)
{
  if (c == ' ')
    return '_';
  return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool holds(const char *text, const char *part)
{
  for (; *text; text++) {
    size_t i = 0;
    while (part[i] && fold(text[i]) == fold(part[i]))
      i++;
    if (!part[i])
      return true;
  }
  return false;
}

static bool fits(const struct sp_remedy *row, const char *host, int status, const char *text)
{
  if (row->host && strcmp(row->host, host) != 0)
    return false;
  if (row->status != 0 && row->status != status)
    return false;
  return !row->text || holds(text, row->text);
}

const struct sp_remedy *sp_remedy_find(const char *host, int status, const char *text)
{
  for (size_t i = 0; i < COUNT; i++) {
    if (fits(&remedies[i], host, status, text))
      return &remedies[i];
  }
  return NULL;
}
