/* SPDX-License-Identifier: Apache-2.0 */
#include "http/range.h"

#include <strings.h>

#include "base/checked.h"
#include "base/text.h"

/* "first-last" */
static int parse_pair(struct sp_span s, uint64_t *first, uint64_t *last)
{
  const char *dash = s.len > 0 ? memchr(s.ptr, '-', s.len) : NULL;
  if (!dash)
    return -1;
  size_t n = (size_t)(dash - s.ptr);
  if (sp_text_parse_u64(SP_SPAN(s.ptr, n), first) != 0 ||
      sp_text_parse_u64(sp_span_skip(s, n + 1), last) != 0)
    return -1;
  return *first <= *last ? 0 : -1;
}

int sp_range_parse_content_range(struct sp_span value, struct sp_content_range *out)
{
  struct sp_content_range range = {0};
  if (value.len < 6 || strncasecmp(value.ptr, "bytes ", 6) != 0)
    return -1;
  struct sp_span s = sp_span_skip(value, 6);
  const char *slash = s.len > 0 ? memchr(s.ptr, '/', s.len) : NULL;
  if (!slash)
    return -1;
  size_t n = (size_t)(slash - s.ptr);
  struct sp_span total = sp_span_skip(s, n + 1);
  if (parse_pair(SP_SPAN(s.ptr, n), &range.first, &range.last) != 0 || range.last == UINT64_MAX)
    return -1;
  range.has_total = !sp_span_eq_str(total, "*");
  if (range.has_total && (sp_text_parse_u64(total, &range.total) != 0 || range.last >= range.total))
    return -1;
  *out = range;
  return 0;
}

int sp_range_parse_upload(struct sp_span value, uint64_t *held)
{
  uint64_t first, last, count;
  if (value.len >= 6 && strncasecmp(value.ptr, "bytes=", 6) == 0)
    value = sp_span_skip(value, 6);
  if (parse_pair(value, &first, &last) != 0 || first != 0 || last == 0)
    return -1;
  if (!sp_add_u64(last, 1, &count))
    return -1;
  *held = count;
  return 0;
}
