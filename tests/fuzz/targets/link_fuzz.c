/* SPDX-License-Identifier: Apache-2.0 */
/* What is found lies within the value, between its angle brackets. */
#include "http/link.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span value = SP_SPAN((const char *)data, size);
  struct sp_span next = sp_link_next(value);
  if (!next.ptr)
    return 0;
  if (next.ptr <= value.ptr || next.ptr + next.len >= value.ptr + value.len)
    abort();
  if (next.ptr[-1] != '<' || next.ptr[next.len] != '>' || memchr(next.ptr, '>', next.len))
    abort();
  return 0;
}
