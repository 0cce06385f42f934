/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are taken can be found again, and hold nothing that could end a line. */
#include "http/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_headers headers;
  struct sp_err err = SP_ERR_INIT;
  struct sp_span rest = SP_SPAN((const char *)data, size);
  size_t taken = 0;
  sp_headers_init(&headers);
  while (rest.len > 0) {
    const char *end = memchr(rest.ptr, '\n', rest.len);
    size_t n = end ? (size_t)(end - rest.ptr) + 1 : rest.len;
    taken += sp_headers_add_line(&headers, SP_SPAN(rest.ptr, n), &err) == 0;
    rest = sp_span_skip(rest, n);
  }
  if (taken != headers.count)
    abort();
  const char *at = headers.text.data;
  for (size_t i = 0; i < headers.count; i++) {
    const char *value = at + strlen(at) + 1;
    if (!at[0] || strpbrk(at, " :\r\n") || strpbrk(value, "\r\n") || !sp_headers_get(&headers, at))
      abort();
    at = value + strlen(value) + 1;
  }
  sp_headers_clear(&headers);
  return 0;
}
