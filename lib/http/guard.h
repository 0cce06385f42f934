/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of addresses: the guard against a registry that sends us to hosts inside (reliability.md
 * S05). Names prove nothing, so it is the address that is looked at, when it is connected to. Which
 * connections are checked is decided in http/exchange.c. */
#ifndef SP_HTTP_GUARD_H
#define SP_HTTP_GUARD_H

#include <sys/socket.h>

/* From the most public to the most inward. */
enum sp_address_kind {
  SP_ADDRESS_PUBLIC,
  SP_ADDRESS_PRIVATE,  /* RFC 1918, RFC 6598, fc00::/7, fec0::/10, 198.18/15 */
  SP_ADDRESS_LOOPBACK, /* 127/8, ::1 */
  SP_ADDRESS_SPECIAL,  /* link-local (cloud metadata), unspecified, multicast, reserved, not IP */
};

/* The kind of a socket address; IPv4 within IPv6 (mapped, compatible, NAT64, 6to4) is seen through.
 */
enum sp_address_kind sp_guard_kind(const struct sockaddr *addr, socklen_t len);
/* The same of an address in text ("127.0.0.1", "::1"); SPECIAL if it is none. */
enum sp_address_kind sp_guard_kind_of_text(const char *text);
/* "public", "private", "loopback", "link-local or reserved". */
const char *sp_guard_kind_name(enum sp_address_kind kind);
/* The address without its port, for messages. */
#define SP_ADDRESS_TEXT_MAX 64
void sp_guard_format(const struct sockaddr *addr, socklen_t len, char out[SP_ADDRESS_TEXT_MAX]);

#endif
