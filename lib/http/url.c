/* SPDX-License-Identifier: Apache-2.0 */
/* An authority is read strictly, byte by byte: what a reader of URLs and a resolver could
 * understand differently (userinfo, backslashes, odd numbers, percent signs in hosts) is refused.
 * The target is kept as it came: signed URLs must go back unchanged. */
#include "http/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <strings.h>

#include "base/i18n.h"
#include "base/text.h"

#define SHOWN_MAX 128 /* of a bad URL in a message */

/* Shows text without its query, which may hold secrets. */
static int fail_url(struct sp_err *err, struct sp_span text, const char *why)
{
  char shown[SHOWN_MAX];
  const char *query = text.len ? memchr(text.ptr, '?', text.len) : NULL;
  size_t n = query ? (size_t)(query - text.ptr) : text.len;
  const char *at = n ? memchr(text.ptr, '@', n) : NULL;
  sp_text_escape(shown, sizeof shown, at ? SP_SPAN_LIT("...") : SP_SPAN(text.ptr, n));
  return sp_fail(err, SP_E_PROTOCOL, "'%s' is no URL that can be used: %s", shown, why);
}

static bool is_printable(struct sp_span text)
{
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.ptr[i];
    if (c <= ' ' || c >= 0x7F)
      return false;
  }
  return true;
}

static bool has_scheme(struct sp_span text, const char *scheme)
{
  size_t n = strlen(scheme);
  return text.len >= n && strncasecmp(text.ptr, scheme, n) == 0;
}

/* -- hosts */

static bool is_number_label(const char *label)
{
  if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
    return label[2 + strspn(label + 2, "0123456789abcdefABCDEF")] == '\0';
  return label[0] && label[strspn(label, "0123456789")] == '\0';
}

/* A host whose last label is a number is an IPv4 address to some resolver: it must be one in the
 * plain form. */
static bool is_good_name(const char *host)
{
  const char *dot = strrchr(host, '.');
  if (is_number_label(dot ? dot + 1 : host)) {
    struct in_addr addr;
    return inet_pton(AF_INET, host, &addr) == 1;
  }
  if (host[0] == '.' || strstr(host, "..") || (dot && dot[1] == '\0'))
    return false;
  return host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._")] == '\0';
}

/* Writes the one form of a host: lower case, no trailing dot, IPv6 as the system prints it. */
static const char *read_host(struct sp_span text, char out[SP_MAX_HOST + 1])
{
  if (text.len == 0)
    return _("it has no host");
  if (text.len > SP_MAX_HOST)
    return _("its host is too long");
  for (size_t i = 0; i < text.len; i++)
    out[i] = (char)tolower((unsigned char)text.ptr[i]);
  out[text.len] = '\0';
  if (out[0] != '[') {
    if (text.len > 1 && out[text.len - 1] == '.')
      out[text.len - 1] = '\0';
    return is_good_name(out) ? NULL : _("its host is not a plain name or address");
  }
  struct in6_addr addr;
  if (out[text.len - 1] != ']')
    return _("its host has a bracket too few");
  out[text.len - 1] = '\0';
  if (inet_pton(AF_INET6, out + 1, &addr) != 1)
    return _("its host is not an IPv6 address");
  char form[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &addr, form, sizeof form);
  snprintf(out, SP_MAX_HOST + 1, "[%s]", form);
  return NULL;
}

static const char *read_port(struct sp_span text, bool https, uint16_t *out)
{
  uint64_t port = https ? 443 : 80;
  if (text.len > 0 && (sp_text_parse_u64(text, &port) != 0 || port == 0 || port > 65535))
    return _("its port is not a number from 1 to 65535");
  *out = (uint16_t)port;
  return NULL;
}

static const char *read_authority(struct sp_span text, struct sp_origin *out)
{
  if (text.len > 0 && memchr(text.ptr, '@', text.len))
    return _("it holds a user name");
  const char *end = text.ptr + text.len;
  const char *host_end = end;
  if (text.len > 0 && text.ptr[0] == '[') {
    const char *close = memchr(text.ptr, ']', text.len);
    host_end = close ? close + 1 : end;
    if (host_end < end && *host_end != ':')
      return _("something follows its host");
  } else if (text.len > 0) {
    const char *colon = memchr(text.ptr, ':', text.len);
    host_end = colon ? colon : end;
  }
  const char *bad = read_host(SP_SPAN(text.ptr, (size_t)(host_end - text.ptr)), out->host);
  if (bad)
    return bad;
  const char *port = host_end < end ? host_end + 1 : end;
  return read_port(SP_SPAN(port, (size_t)(end - port)), out->https, &out->port);
}

/* -- parsing */

static size_t span_until(struct sp_span text, const char *stops)
{
  size_t n = 0;
  while (n < text.len && !strchr(stops, text.ptr[n]))
    n++;
  return n;
}

/* Path and query of what follows an authority, as an owned target. */
static int take_target(struct sp_span rest, char **out, struct sp_err *err)
{
  rest.len = span_until(rest, "#");
  const char *slash = rest.len > 0 && rest.ptr[0] == '/' ? "" : "/";
  return sp_text_format(out, err, "%s%.*s", slash, (int)rest.len, rest.ptr ? rest.ptr : "");
}

static const char *check_text(struct sp_span text)
{
  if (text.len > SP_MAX_URL_BYTES)
    return _("it is too long");
  return is_printable(text) ? NULL : _("it holds blanks, control characters or bytes beyond ASCII");
}

/* What follows "//". */
static int parse_rest(bool https, struct sp_span whole, struct sp_span rest, struct sp_url *out,
                      struct sp_err *err)
{
  struct sp_origin origin = {.https = https};
  size_t n = span_until(rest, "/?#");
  const char *bad = read_authority(SP_SPAN(rest.ptr, n), &origin);
  if (bad)
    return fail_url(err, whole, bad);
  char *target = NULL;
  if (take_target(sp_span_skip(rest, n), &target, err) != 0)
    return -1;
  *out = (struct sp_url){.origin = origin, .target = target};
  return 0;
}

int sp_url_parse(struct sp_span text, struct sp_url *out, struct sp_err *err)
{
  const char *bad = check_text(text);
  if (bad)
    return fail_url(err, text, bad);
  if (has_scheme(text, "https://"))
    return parse_rest(true, text, sp_span_skip(text, 8), out, err);
  if (has_scheme(text, "http://"))
    return parse_rest(false, text, sp_span_skip(text, 7), out, err);
  return fail_url(err, text, _("it does not begin with https:// or http://"));
}

/* -- resolving */

/* Removes "." and ".." segments in place (RFC 3986 5.2.4); the query stays. */
static void remove_dots(char *target)
{
  char *query = target + strcspn(target, "?");
  char *out = target;
  char *in = target;
  while (in < query) {
    char *next = in + 1; /* in points at '/' */
    while (next < query && *next != '/')
      next++;
    size_t n = (size_t)(next - in);
    bool dot = n == 2 && in[1] == '.';
    bool dots = n == 3 && in[1] == '.' && in[2] == '.';
    if (dots)
      while (out > target && *--out != '/')
        continue;
    if (!dot && !dots) {
      memmove(out, in, n);
      out += n;
    } else if (next == query) {
      *out++ = '/';
    }
    in = next;
  }
  if (out == target)
    *out++ = '/';
  memmove(out, query, strlen(query) + 1);
}

/* The path part of base that a reference is appended to. */
static size_t base_length(const char *target, char first)
{
  size_t path = strcspn(target, "?");
  if (first == '?')
    return path;
  while (path > 0 && target[path - 1] != '/')
    path--;
  return path;
}

/* Has the reference a scheme of its own? */
static bool is_absolute(struct sp_span reference)
{
  size_t n = span_until(reference, ":/?#");
  return n > 0 && n < reference.len && reference.ptr[n] == ':';
}

static int resolve_target(const struct sp_url *base, struct sp_span reference, struct sp_url *out,
                          struct sp_err *err)
{
  reference.len = span_until(reference, "#");
  size_t keep = 0;
  if (reference.len == 0)
    keep = strlen(base->target);
  else if (reference.ptr[0] != '/')
    keep = base_length(base->target, reference.ptr[0]);
  char *target = NULL;
  if (sp_text_format(&target, err, "%.*s%.*s", (int)keep, base->target, (int)reference.len,
                     reference.ptr) != 0)
    return -1;
  *out = (struct sp_url){.origin = base->origin, .target = target};
  return 0;
}

int sp_url_resolve(const struct sp_url *base, struct sp_span reference, struct sp_url *out,
                   struct sp_err *err)
{
  const char *bad = reference.len == 0 ? _("it is empty") : check_text(reference);
  if (bad)
    return fail_url(err, reference, bad);
  int rc;
  if (is_absolute(reference))
    rc = sp_url_parse(reference, out, err);
  else if (sp_span_has_prefix(reference, "//"))
    rc = parse_rest(base->origin.https, reference, sp_span_skip(reference, 2), out, err);
  else
    rc = resolve_target(base, reference, out, err);
  if (rc == 0)
    remove_dots(out->target);
  return rc;
}

/* -- making */

int sp_url_make(const struct sp_origin *origin, struct sp_url *out, struct sp_err *err,
                const char *target_fmt, ...)
{
  char *target = NULL;
  va_list args;
  va_start(args, target_fmt);
  int n = vasprintf(&target, target_fmt, args);
  va_end(args);
  if (n < 0)
    return sp_fail(err, SP_E_NOMEM, "cannot make a URL: out of memory");
  struct sp_span text = SP_SPAN(target, (size_t)n);
  const char *bad = check_text(text);
  if (!bad && target[0] != '/')
    bad = _("its path does not begin with '/'");
  if (bad) {
    fail_url(err, text, bad);
    free(target);
    return -1;
  }
  *out = (struct sp_url){.origin = *origin, .target = target};
  return 0;
}

int sp_url_dup(const struct sp_url *url, struct sp_url *out, struct sp_err *err)
{
  char *target = NULL;
  if (sp_text_dup(&target, url->target, err) != 0)
    return -1;
  *out = (struct sp_url){.origin = url->origin, .target = target};
  return 0;
}

int sp_url_add_query(struct sp_url *url, const char *name, const char *value, struct sp_err *err)
{
  SP_AUTO_BUF struct sp_buf buf;
  sp_buf_init(&buf, SP_MAX_URL_BYTES);
  const char *mark = strchr(url->target, '?');
  const char *join = !mark ? "?" : mark[1] == '\0' ? "" : "&";
  if (sp_buf_appendf(&buf, err, "%s%s%s=", url->target, join, name) != 0 ||
      sp_text_percent_encode(&buf, sp_span_str(value), err) != 0)
    return -1;
  free(url->target);
  url->target = sp_buf_take(&buf, NULL);
  return 0;
}

int sp_url_format(const struct sp_url *url, struct sp_buf *out, struct sp_err *err)
{
  char origin[SP_ORIGIN_TEXT_MAX];
  sp_origin_format(&url->origin, origin);
  return sp_buf_appendf(out, err, "%s%s", origin, url->target);
}

void sp_url_clear(struct sp_url *url)
{
  free(url->target);
  url->target = NULL;
}

void sp_url_format_public(const struct sp_url *url, char out[SP_URL_TEXT_MAX])
{
  sp_origin_format(&url->origin, out);
  size_t len = strlen(out);
  const char *target = url->target ? url->target : "";
  sp_text_escape(out + len, SP_URL_TEXT_MAX - len, SP_SPAN(target, strcspn(target, "?")));
}

void sp_origin_format(const struct sp_origin *origin, char out[SP_ORIGIN_TEXT_MAX])
{
  const char *scheme = origin->https ? "https" : "http";
  if (origin->port == (origin->https ? 443 : 80))
    snprintf(out, SP_ORIGIN_TEXT_MAX, "%s://%s", scheme, origin->host);
  else
    snprintf(out, SP_ORIGIN_TEXT_MAX, "%s://%s:%u", scheme, origin->host, origin->port);
}

bool sp_origin_eq(const struct sp_origin *a, const struct sp_origin *b)
{
  return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool sp_origin_is_loopback(const struct sp_origin *origin)
{
  struct in_addr addr;
  if (strcmp(origin->host, "localhost") == 0 || strcmp(origin->host, "[::1]") == 0)
    return true;
  return inet_pton(AF_INET, origin->host, &addr) == 1 && ntohl(addr.s_addr) >> 24 == 127;
}
