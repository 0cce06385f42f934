/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tag_filter.h"

#include <string.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"

#define GLOB "glob:"
#define GLOB_LEN (sizeof GLOB - 1)

int sp_tag_filter_check(const char *filter, struct sp_err *err)
{
  char shown[SP_MAX_PATTERN_BYTES];
  size_t len = strlen(filter);
  bool is_glob = strncmp(filter, GLOB, GLOB_LEN) == 0;
  sp_text_escape(shown, sizeof shown, sp_span_str(filter));
  if (len == 0 || len > SP_MAX_PATTERN_BYTES)
    return sp_fail(err, SP_E_USAGE, _("a pattern has 1 to %u characters"), SP_MAX_PATTERN_BYTES);
  if (!is_glob && strpbrk(filter, "*?"))
    return sp_fail(err, SP_E_USAGE, _("'%s' is no tag: did you mean 'glob:%s'?"), shown, shown);
  if (!is_glob && strchr(filter, ':'))
    return sp_fail(err, SP_E_USAGE, _("'%s' is no pattern: write a tag, or glob:PATTERN"), shown);
  return 0;
}

/* Goes back no further than to the last `*`, which then takes one character more. */
static bool glob_matches(const char *glob, const char *tag)
{
  const char *star = NULL, *star_tag = NULL;
  while (*tag) {
    if (*glob == '*') {
      star = ++glob;
      star_tag = tag;
    } else if (*glob == '?' || *glob == *tag) {
      glob++;
      tag++;
    } else if (star) {
      glob = star;
      tag = ++star_tag;
    } else {
      return false;
    }
  }
  return glob[strspn(glob, "*")] == '\0';
}

bool sp_tag_filter_matches(const char *const *filters, size_t count, const char *tag)
{
  for (size_t i = 0; i < count; i++) {
    bool is_glob = strncmp(filters[i], GLOB, GLOB_LEN) == 0;
    if (is_glob ? glob_matches(filters[i] + GLOB_LEN, tag) : strcmp(filters[i], tag) == 0)
      return true;
  }
  return count == 0;
}
