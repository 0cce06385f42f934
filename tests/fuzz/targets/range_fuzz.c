/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted does not contradict itself. */
#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct sp_span text = SP_SPAN((const char *)data, size);
  struct sp_content_range range;
  uint64_t held;
  if (sp_range_parse_content_range(text, &range) == 0 &&
      (range.first > range.last || (range.has_total && range.last >= range.total)))
    abort();
  if (sp_range_parse_upload(text, &held) == 0 && held < 2)
    abort();
  return 0;
}
