/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy of the environment: HTTPS_PROXY and NO_PROXY, for https only (reliability.md S11).
 *
 * Read once, when the client is made. Threads: read-only after sp_proxy_init. */
#ifndef SP_HTTP_PROXY_H
#define SP_HTTP_PROXY_H

#include "http/url.h"

struct sp_proxy {
  char *url;    /* owned; NULL: none */
  char *except; /* owned; NULL: none */
};

/* Reads https_proxy or HTTPS_PROXY, and no_proxy or NO_PROXY. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_proxy_init(struct sp_proxy *proxy, struct sp_err *err);
void sp_proxy_clear(struct sp_proxy *proxy);
/* The proxy to use for an origin, borrowed; NULL: connect directly. */
const char *sp_proxy_for(const struct sp_proxy *proxy, const struct sp_origin *origin);
/* Does a NO_PROXY list name the host? Items, separated by commas or blanks: "*", "host", ".domain",
 * "domain" (with all below it), "address", "net/bits", each optionally with ":port". */
bool sp_proxy_is_excepted(const char *list, const struct sp_origin *origin);

#endif
