/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of a challenge is text without control characters that ends where it should. */
#include "http/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t size)
{
  if (strnlen(text, size) == size)
    abort();
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 0x7F)
      abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_challenge got;
  sp_challenge_parse(SP_SPAN((const char *)data, size), &got);
  check(got.realm, sizeof got.realm);
  check(got.service, sizeof got.service);
  check(got.scope, sizeof got.scope);
  check(got.error, sizeof got.error);
  if (got.scheme == SP_CHALLENGE_NONE && (got.realm[0] || got.service[0] || got.scope[0]))
    abort();
  return 0;
}
