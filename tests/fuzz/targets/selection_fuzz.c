/* SPDX-License-Identifier: Apache-2.0 */
/* Two bytes of numbers, then lines: "+" and a pattern to include, "-" and one to exclude, else a
 * tag with its age behind a blank. What is selected matches; more is selected with a larger
 * `newest`. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "oci/reference.h"
#include "policy/selection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAGS_MAX 256
#define NOW INT64_C(1000000000)

struct listing {
  struct sp_tag_age tags[TAGS_MAX];
  size_t count;
};

static void add_line(char *line, struct sp_selection *rules, struct listing *listing)
{
  struct sp_err err = SP_ERR_INIT;
  if (*line == '+' || *line == '-') {
    (void)!sp_pattern_list_add(*line == '+' ? &rules->include : &rules->exclude,
                               sp_span_str(line + 1), &err);
    return;
  }
  int64_t age = SP_TIME_UNKNOWN;
  char *blank = strchr(line, ' ');
  uint64_t n;
  if (blank) {
    *blank = '\0';
    if (sp_text_parse_u64(sp_span_str(blank + 1), &n) == 0)
      age = (int64_t)n;
  }
  if (sp_ref_is_tag(sp_span_str(line)) && listing->count < TAGS_MAX)
    listing->tags[listing->count++] = (struct sp_tag_age){line, age};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size < 2)
    return 0;
  SP_CLEANUP(sp_selection_clear_auto_)
  struct sp_selection rules = {.newest = data[0] % 16, .since_s = data[1] * INT64_C(100000)};
  SP_AUTO_FREE char *text = strndup((const char *)data + 2, size - 2);
  struct listing listing = {.count = 0};
  bool selected[TAGS_MAX], more[TAGS_MAX];
  struct sp_err err = SP_ERR_INIT;
  for (char *line = text, *end; line && *line; line = end) {
    end = line + strcspn(line, "\n");
    if (*end)
      *end++ = '\0';
    add_line(line, &rules, &listing);
  }
  if (sp_selection_apply(&rules, listing.tags, listing.count, NOW, selected, NULL, &err) < 0)
    abort();
  bool grows = rules.newest > 0;
  rules.newest += grows;
  if (sp_selection_apply(&rules, listing.tags, listing.count, NOW, more, NULL, &err) < 0)
    abort();
  for (size_t i = 0; i < listing.count; i++) {
    if (selected[i] && (!sp_selection_matches(&rules, listing.tags[i].name) || !more[i]))
      abort();
    if (!sp_selection_thins(&rules) &&
        selected[i] != sp_selection_matches(&rules, listing.tags[i].name))
      abort();
  }
  return 0;
}
