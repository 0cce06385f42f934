/* SPDX-License-Identifier: Apache-2.0 */
#include "restore/then.h"

#include <string.h>

#include "policy/tag_kind.h"

const char *sp_then_find(char *const *tags, size_t count, const char *tag, int64_t at_s,
                         int64_t *left_s, bool *has_begun)
{
  const char *found = NULL;
  *has_begun = false;
  size_t len = strlen(tag);
  const struct sp_span of = SP_SPAN(tag, len < SP_HISTORY_BASE_MAX ? len : SP_HISTORY_BASE_MAX);
  for (size_t i = 0; i < count; i++) {
    struct sp_span base;
    int64_t unix_s;
    if (!sp_history_tag_parse(tags[i], &base, &unix_s) || !sp_span_eq(base, of))
      continue;
    if (unix_s <= at_s) {
      *has_begun = true;
    } else if (!found || unix_s < *left_s) {
      found = tags[i];
      *left_s = unix_s;
    }
  }
  return found;
}
