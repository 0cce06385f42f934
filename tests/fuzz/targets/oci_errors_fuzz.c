/* SPDX-License-Identifier: Apache-2.0 */
/* Any body gives text that is safe to show. */
#include <stdint.h>

#include "oci/errors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t max)
{
  size_t len = strnlen(text, max);
  if (len == max)
    abort();
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_oci_error error;
  sp_oci_error_parse(SP_SPAN((const char *)data, size), &error);
  check(error.code, sizeof error.code);
  check(error.text, sizeof error.text);
  return 0;
}
