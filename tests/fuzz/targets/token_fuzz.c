/* SPDX-License-Identifier: Apache-2.0 */
/* What a token server sends. Of what is accepted: a token that may be a header's value (S09). */
#include <stdlib.h>

#include "base/limits.h"
#include "registry/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_token token = SP_TOKEN_INIT;
  struct sp_err err = SP_ERR_INIT;
  if (sp_token_parse(SP_SPAN((const char *)data, size), &token, &err) < 0)
    return 0;
  struct sp_span bearer = sp_secret_reveal(&token.bearer);
  if (bearer.len == 0 || bearer.len > SP_MAX_TOKEN_BYTES || token.lifetime_ms < 1000)
    abort();
  for (size_t i = 0; i < bearer.len; i++) {
    if (bearer.ptr[i] <= ' ' || bearer.ptr[i] >= 0x7f)
      abort();
  }
  sp_token_clear(&token);
  return 0;
}
