/* SPDX-License-Identifier: Apache-2.0 */
/* What a failure of libcurl means for the user: code, words, remedy. */
#ifndef SP_HTTP_FAULT_H
#define SP_HTTP_FAULT_H

#include <curl/curl.h>

#include "http/url.h"

/* What is known about a transfer that failed. */
struct sp_fault {
  CURLcode code;
  const char *detail; /* curl's error text; "" if none. borrowed */
  CURL *easy;         /* asked for errno and the verification result. borrowed */
  const struct sp_url *url;
  bool by_proxy; /* the connection went through a proxy */
};

/* Raises what the fault means; always answers -1. Codes: SP_E_UNREACHABLE, SP_E_TLS, SP_E_NETWORK,
 * SP_E_PROTOCOL, SP_E_NOMEM, SP_E_INTERNAL. */
int sp_fault_raise(const struct sp_fault *fault, struct sp_err *err);

#endif
