/* SPDX-License-Identifier: Apache-2.0 */
/* A wait is -1 or a number of milliseconds that fits; a later now never makes it longer. */
#include "http/retry_after.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span text = SP_SPAN((const char *)data, size);
  struct sp_headers headers;
  struct sp_err err = SP_ERR_INIT;
  int64_t before = sp_retry_after_parse(text, 1700000000);
  int64_t after = sp_retry_after_parse(text, 1800000000);
  if (before < -1 || after < -1 || (before < 0) != (after < 0) || after > before)
    abort();
  sp_headers_init(&headers);
  const char *line_end = size ? memchr(data, '\n', size) : NULL;
  size_t head = line_end ? (size_t)(line_end - (const char *)data) + 1 : 0;
  if (sp_headers_add_line(&headers, SP_SPAN((const char *)data, head), &err) != 0)
    sp_err_clear(&err);
  if (sp_retry_after_of(&headers, sp_span_skip(text, head), 1700000000) < -1)
    abort();
  sp_headers_clear(&headers);
  return 0;
}
