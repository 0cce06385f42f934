/* SPDX-License-Identifier: Apache-2.0 */
/* The meta.json of a docker context, and the address in it. */
#include <stdlib.h>

#include "engine/context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_context context = {.name = "far"};
  struct sp_endpoint endpoint;
  struct sp_err err = SP_ERR_INIT;
  if (sp_context_parse(SP_SPAN((const char *)data, size), &context, &err) < 0)
    return 0;
  if (!context.address[0])
    abort();
  if (sp_endpoint_parse(context.address, NULL, &endpoint, &err) < 0)
    return 0;
  /* without TLS it is a socket, or this host */
  if (endpoint.path[0] != '/' && !sp_origin_is_loopback(&endpoint.origin))
    abort();
  return 0;
}
