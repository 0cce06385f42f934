/* SPDX-License-Identifier: Apache-2.0 */
/* URLs and origins: what a secret is bound to.
 *
 * An origin is (scheme, host, port), default ports filled in, host lower-cased without a trailing
 * dot: 127.0.0.1:5000 and 127.0.0.1:5001 are different origins. Userinfo is never accepted (RFC
 * 3986 3.2.1, RFC 9110 4.2.4).
 */
#ifndef SP_HTTP_URL_H
#define SP_HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "safeport/err.h"

struct sp_origin {
  bool https;
  char host[SP_MAX_HOST + 1]; /* IPv6 in brackets */
  uint16_t port;
};

struct sp_url {
  struct sp_origin origin;
  char *target; /* path and query, beginning with '/'; no fragment. owned */
};

/* Parses an absolute http or https URL: no userinfo, no control characters, no blanks, at most
 * SP_MAX_URL_BYTES. Numeric hosts in odd forms (decimal, hex, octal IPv4) are refused. Fails:
 * SP_E_PROTOCOL; SP_E_NOMEM. */
SP_MUST_CHECK int sp_url_parse(struct sp_span text, struct sp_url *out, struct sp_err *err);
/* Resolves a Location or Link target against base (RFC 3986 5.2): absolute, "//host/x", "/x", "?x",
 * "x". Fails like sp_url_parse; an empty reference is SP_E_PROTOCOL. */
SP_MUST_CHECK int sp_url_resolve(const struct sp_url *base, struct sp_span reference,
                                 struct sp_url *out, struct sp_err *err);
/* https://host[:port]target of an origin and a formatted target ("/v2/..."). */
SP_MUST_CHECK int sp_url_make(const struct sp_origin *origin, struct sp_url *out,
                              struct sp_err *err, const char *target_fmt, ...)
    __attribute__((format(printf, 4, 5)));
SP_MUST_CHECK int sp_url_dup(const struct sp_url *url, struct sp_url *out, struct sp_err *err);
/* Adds `name=value` (value percent-encoded) to the query, with '?' or '&' as needed; the rest stays
 * as it is. */
SP_MUST_CHECK int sp_url_add_query(struct sp_url *url, const char *name, const char *value,
                                   struct sp_err *err);
/* The whole URL appended to out: for the wire. */
SP_MUST_CHECK int sp_url_format(const struct sp_url *url, struct sp_buf *out, struct sp_err *err);
void sp_url_clear(struct sp_url *url);

/* "https://host[:port]/path" without the query, escaped and cut: for messages and logs (queries
 * hold secrets). */
#define SP_URL_TEXT_MAX 512
void sp_url_format_public(const struct sp_url *url, char out[SP_URL_TEXT_MAX]);
/* "https://host:port" */
#define SP_ORIGIN_TEXT_MAX (SP_MAX_HOST + 16)
void sp_origin_format(const struct sp_origin *origin, char out[SP_ORIGIN_TEXT_MAX]);
bool sp_origin_eq(const struct sp_origin *a, const struct sp_origin *b);
/* "localhost", 127.0.0.0/8 or [::1] by name: where plain http is allowed. */
bool sp_origin_is_loopback(const struct sp_origin *origin);

SP_DEFINE_AUTO_CLEAR(struct sp_url, sp_url_clear)
#define SP_AUTO_URL SP_CLEANUP(sp_url_clear_auto_)

#endif
