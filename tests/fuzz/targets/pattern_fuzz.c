/* SPDX-License-Identifier: Apache-2.0 */
/* First line: a pattern; the others: tags. Globs agree with the C library's fnmatch, and what is
 * special is matched by its own name only. */
#include <fnmatch.h>
#include <string.h>

#include "oci/reference.h"
#include "policy/pattern.h"
#include "policy/tag_kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sp_pattern *pattern, const char *tag)
{
  bool is_match = sp_pattern_matches(pattern, tag);
  if (pattern->kind == SP_PATTERN_EXACT) {
    if (is_match != (strcmp(pattern->text, tag) == 0))
      abort();
    return;
  }
  if (sp_tag_is_special(tag)) {
    if (is_match)
      abort();
    return;
  }
  /* fnmatch backs up without bounds: only where that ends soon. */
  bool is_short = strlen(pattern->text) < 24 && strlen(tag) < 24;
  if (pattern->kind == SP_PATTERN_GLOB && is_short &&
      is_match != (fnmatch(pattern->text + strlen("glob:"), tag, FNM_NOESCAPE) == 0))
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  SP_CLEANUP(sp_pattern_clear_auto_) struct sp_pattern pattern = {0};
  SP_AUTO_FREE char *text = strndup((const char *)data, size);
  struct sp_err err = SP_ERR_INIT;
  if (!text)
    return 0;
  char *line = text + strcspn(text, "\n");
  if (sp_pattern_parse(SP_SPAN(text, (size_t)(line - text)), &pattern, &err) < 0)
    return 0;
  while (*line) {
    char *tag = line + 1;
    line = tag + strcspn(tag, "\n");
    bool is_last = *line == '\0';
    *line = '\0';
    if (sp_ref_is_tag(sp_span_str(tag)))
      check(&pattern, tag);
    if (!is_last)
      *line = '\n';
  }
  return 0;
}
