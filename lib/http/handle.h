/* SPDX-License-Identifier: Apache-2.0 */
/* A handle of libcurl, told everything about a request but the callbacks: URL, method, headers,
 * TLS, proxy, timeouts. Private to http/exchange.c. */
#ifndef SP_HTTP_HANDLE_H
#define SP_HTTP_HANDLE_H

#include "http/exchange.h"

/* Makes one. `*easy` and `*lines` are the caller's (sp_handle_free). `proxy` is borrowed for the
 * call. Fails: SP_E_USAGE (a header's value is not safe, S09), SP_E_NOMEM; both are NULL then. */
SP_MUST_CHECK int sp_handle_new(const struct sp_exchange_order *order, const char *proxy,
                                CURL **easy, struct curl_slist **lines, struct sp_err *err);
/* Frees both, wiping the headers. NULLs are nothing. */
void sp_handle_free(CURL *easy, struct curl_slist *lines);
/* "GET", ... */
const char *sp_handle_method_name(enum sp_http_method method);

#endif
