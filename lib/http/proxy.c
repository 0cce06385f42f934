/* SPDX-License-Identifier: Apache-2.0 */
#include "http/proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <strings.h>

#include "base/text.h"

static const char *from_environment(const char *lower, const char *upper)
{
  const char *value = getenv(lower);
  if (!value || !value[0])
    value = getenv(upper);
  return value && value[0] ? value : NULL;
}

int sp_proxy_init(struct sp_proxy *proxy, struct sp_err *err)
{
  *proxy = (struct sp_proxy){0};
  if (sp_text_dup(&proxy->url, from_environment("https_proxy", "HTTPS_PROXY"), err) == 0 &&
      sp_text_dup(&proxy->except, from_environment("no_proxy", "NO_PROXY"), err) == 0)
    return 0;
  sp_proxy_clear(proxy);
  return -1;
}

void sp_proxy_clear(struct sp_proxy *proxy)
{
  free(proxy->url);
  free(proxy->except);
  *proxy = (struct sp_proxy){0};
}

/* The bytes of an address in text (brackets allowed): 4 or 16, or 0 if it is none. */
static size_t address_bytes(struct sp_span text, uint8_t out[16])
{
  char s[INET6_ADDRSTRLEN];
  if (text.len > 1 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
    text = SP_SPAN(text.ptr + 1, text.len - 2);
  if (text.len >= sizeof s)
    return 0;
  memcpy(s, text.ptr, text.len);
  s[text.len] = '\0';
  if (inet_pton(AF_INET, s, out) == 1)
    return 4;
  return inet_pton(AF_INET6, s, out) == 1 ? 16 : 0;
}

static bool is_in_net(struct sp_span net, struct sp_span bits, const char *host)
{
  uint8_t a[16];
  uint8_t b[16];
  uint64_t n;
  size_t len = address_bytes(net, a);
  if (len == 0 || address_bytes(sp_span_str(host), b) != len || sp_text_parse_u64(bits, &n) != 0 ||
      n > len * 8)
    return false;
  size_t whole = (size_t)n / 8;
  uint8_t mask = (uint8_t)(0xFF00u >> (n % 8));
  return memcmp(a, b, whole) == 0 && (n % 8 == 0 || ((a[whole] ^ b[whole]) & mask) == 0);
}

static bool is_name_or_below(struct sp_span name, const char *host)
{
  while (name.len > 0 && name.ptr[0] == '.')
    name = sp_span_skip(name, 1);
  size_t n = strlen(host);
  if (name.len == 0 || name.len > n || strncasecmp(host + n - name.len, name.ptr, name.len) != 0)
    return false;
  return n == name.len || host[n - name.len - 1] == '.';
}

/* Takes ":port" off the item; false if it names another port. */
static bool take_port(struct sp_span *item, uint16_t port)
{
  const char *colon = memrchr(item->ptr, ':', item->len);
  uint64_t n;
  if (!colon || memchr(colon, ']', (size_t)(item->ptr + item->len - colon)))
    return true;
  if (item->ptr[0] != '[' && memchr(item->ptr, ':', (size_t)(colon - item->ptr)))
    return true; /* a bare IPv6 address */
  struct sp_span text = SP_SPAN(colon + 1, (size_t)(item->ptr + item->len - colon - 1));
  if (sp_text_parse_u64(text, &n) != 0)
    return true;
  item->len = (size_t)(colon - item->ptr);
  return n == port;
}

static bool matches(struct sp_span item, const struct sp_origin *origin)
{
  uint8_t a[16];
  uint8_t b[16];
  if (sp_span_eq_str(item, "*"))
    return true;
  const char *slash = memchr(item.ptr, '/', item.len);
  if (slash) {
    size_t n = (size_t)(slash - item.ptr);
    return is_in_net(SP_SPAN(item.ptr, n), sp_span_skip(item, n + 1), origin->host);
  }
  if (!take_port(&item, origin->port))
    return false;
  size_t len = address_bytes(item, a);
  if (len > 0)
    return address_bytes(sp_span_str(origin->host), b) == len && memcmp(a, b, len) == 0;
  return is_name_or_below(item, origin->host);
}

bool sp_proxy_is_excepted(const char *list, const struct sp_origin *origin)
{
  static const char separators[] = ", \t";
  for (const char *at = list + strspn(list, separators); *at; at += strspn(at, separators)) {
    size_t n = strcspn(at, separators);
    if (matches(SP_SPAN(at, n), origin))
      return true;
    at += n;
  }
  return false;
}

const char *sp_proxy_for(const struct sp_proxy *proxy, const struct sp_origin *origin)
{
  if (!origin->https || !proxy->url)
    return NULL;
  return proxy->except && sp_proxy_is_excepted(proxy->except, origin) ? NULL : proxy->url;
}
