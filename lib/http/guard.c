/* SPDX-License-Identifier: Apache-2.0 */
#include "http/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/i18n.h"

/* First match wins; what is in no row is public. */
static const struct {
  uint32_t net;
  int bits;
  enum sp_address_kind kind;
} v4_nets[] = {
    {0x0A000000, 8, SP_ADDRESS_PRIVATE},  /* 10/8 */
    {0xAC100000, 12, SP_ADDRESS_PRIVATE}, /* 172.16/12 */
    {0xC0A80000, 16, SP_ADDRESS_PRIVATE}, /* 192.168/16 */
    {0x64400000, 10, SP_ADDRESS_PRIVATE}, /* 100.64/10 */
    {0xC6120000, 15, SP_ADDRESS_PRIVATE}, /* 198.18/15 */
    {0x7F000000, 8, SP_ADDRESS_LOOPBACK}, /* 127/8 */
    {0x00000000, 8, SP_ADDRESS_SPECIAL},  /* 0/8: "this host" */
    {0xA9FE0000, 16, SP_ADDRESS_SPECIAL}, /* 169.254/16: link-local, cloud metadata */
    {0xC0000000, 24, SP_ADDRESS_SPECIAL}, /* 192.0.0/24: metadata of some clouds */
    {0xE0000000, 3, SP_ADDRESS_SPECIAL},  /* multicast, reserved, broadcast */
};

static enum sp_address_kind kind_of_v4(uint32_t addr)
{
  for (size_t i = 0; i < sizeof v4_nets / sizeof v4_nets[0]; i++)
    if (addr >> (32 - v4_nets[i].bits) == v4_nets[i].net >> (32 - v4_nets[i].bits))
      return v4_nets[i].kind;
  return SP_ADDRESS_PUBLIC;
}

static const struct {
  uint8_t prefix[12];
  int bytes; /* of the prefix; the IPv4 address follows it */
} v4_within_v6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 12}, /* ::ffff:0:0/96 mapped */
    {{0}, 12},                                        /* ::/96 compatible */
    {{0, 0x64, 0xFF, 0x9B}, 12},                      /* 64:ff9b::/96 NAT64 */
    {{0x20, 0x02}, 2},                                /* 2002::/16 6to4 */
};

static enum sp_address_kind kind_of_v6(const uint8_t a[16])
{
  static const uint8_t loopback[16] = {[15] = 1};
  static const uint8_t unspecified[16] = {0};
  if (memcmp(a, loopback, 16) == 0)
    return SP_ADDRESS_LOOPBACK;
  if (memcmp(a, unspecified, 16) == 0)
    return SP_ADDRESS_SPECIAL;
  for (size_t i = 0; i < sizeof v4_within_v6 / sizeof v4_within_v6[0]; i++) {
    int n = v4_within_v6[i].bytes;
    if (memcmp(a, v4_within_v6[i].prefix, (size_t)n) == 0)
      return kind_of_v4((uint32_t)a[n] << 24 | (uint32_t)a[n + 1] << 16 | (uint32_t)a[n + 2] << 8 |
                        a[n + 3]);
  }
  if ((a[0] & 0xFE) == 0xFC || (a[0] == 0xFE && (a[1] & 0xC0) == 0xC0))
    return SP_ADDRESS_PRIVATE; /* fc00::/7, fec0::/10 */
  if (a[0] == 0xFF || (a[0] == 0xFE && (a[1] & 0xC0) == 0x80))
    return SP_ADDRESS_SPECIAL; /* multicast, fe80::/10 */
  return SP_ADDRESS_PUBLIC;
}

enum sp_address_kind sp_guard_kind(const struct sockaddr *addr, socklen_t len)
{
  if (addr->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
    struct sockaddr_in v4;
    memcpy(&v4, addr, sizeof v4);
    return kind_of_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (addr->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
    struct sockaddr_in6 v6;
    memcpy(&v6, addr, sizeof v6);
    return kind_of_v6(v6.sin6_addr.s6_addr);
  }
  return SP_ADDRESS_SPECIAL;
}

enum sp_address_kind sp_guard_kind_of_text(const char *text)
{
  struct in_addr v4;
  struct in6_addr v6;
  if (inet_pton(AF_INET, text, &v4) == 1)
    return kind_of_v4(ntohl(v4.s_addr));
  if (inet_pton(AF_INET6, text, &v6) == 1)
    return kind_of_v6(v6.s6_addr);
  return SP_ADDRESS_SPECIAL;
}

const char *sp_guard_kind_name(enum sp_address_kind kind)
{
  static const char *const names[] = {[SP_ADDRESS_PUBLIC] = N_("public"),
                                      [SP_ADDRESS_PRIVATE] = N_("private"),
                                      [SP_ADDRESS_LOOPBACK] = N_("loopback"),
                                      [SP_ADDRESS_SPECIAL] = N_("link-local or reserved")};
  return names[kind];
}

void sp_guard_format(const struct sockaddr *addr, socklen_t len, char out[SP_ADDRESS_TEXT_MAX])
{
  const char *text = NULL;
  if (addr->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
    struct sockaddr_in v4;
    memcpy(&v4, addr, sizeof v4);
    text = inet_ntop(AF_INET, &v4.sin_addr, out, SP_ADDRESS_TEXT_MAX);
  } else if (addr->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
    struct sockaddr_in6 v6;
    memcpy(&v6, addr, sizeof v6);
    text = inet_ntop(AF_INET6, &v6.sin6_addr, out, SP_ADDRESS_TEXT_MAX);
  }
  if (!text)
    snprintf(out, SP_ADDRESS_TEXT_MAX, "unknown");
}
