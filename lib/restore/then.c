/* SPDX-License-Identifier: Apache-2.0 */
#include "restore/then.h"

#include <string.h>

#include "policy/tag_kind.h"

/* Of two answers the one that was seen to begin later is right: whoever gave the other had not
 * looked in between. */
static void take(struct sp_then *then, const struct sp_then *other)
{
  if (then->digest.alg == SP_DIGEST_NONE || other->since_s > then->since_s)
    *then = *other;
}

bool sp_then_is_in_doubt(struct sp_record *told, const struct sp_record *record, int64_t at_s)
{
  struct sp_record_doubt doubt = sp_record_doubt(record);
  bool is_first = told->doubt.until_s == 0 && sp_record_is_in_doubt(&doubt, at_s);
  if (is_first)
    told->doubt = doubt;
  return is_first;
}

struct sp_then sp_then_find(const struct sp_record *told, const struct sp_known_tag *ended,
                            const char *tag, int64_t at_s)
{
  struct sp_then then = {0};
  if (sp_record_is_in_doubt(&told->doubt, at_s))
    return then;
  for (size_t i = 0; i < told->left_count; i++) {
    const struct sp_record_left *left = &told->left[i];
    if (left->since_s <= at_s && at_s < left->left_s && strcmp(left->tag, tag) == 0)
      take(&then, &(struct sp_then){.digest = left->digest, .since_s = left->since_s});
  }
  if (ended)
    take(&then, &(struct sp_then){
                    .digest = ended->digest, .since_s = ended->since_s, .is_gone = ended->is_gone});
  const struct sp_record_tag *last = sp_record_find(told, tag);
  if (last && last->named_since_s > 0 && last->named_since_s <= at_s && at_s < last->since_s)
    take(&then, &(struct sp_then){.digest = last->digest, .since_s = last->named_since_s});
  if (last && last->since_s <= at_s)
    take(&then, &(struct sp_then){.digest = last->digest,
                                  .since_s = last->since_s,
                                  .is_gone = last->is_gone,
                                  .is_last = true});
  return then;
}

const char *sp_then_left_next(char *const *tags, size_t count, const char *tag, int64_t at_s,
                              int64_t *left_s)
{
  const char *found = NULL;
  size_t len = strlen(tag);
  const struct sp_span of = SP_SPAN(tag, len < SP_HISTORY_BASE_MAX ? len : SP_HISTORY_BASE_MAX);
  for (size_t i = 0; i < count; i++) {
    struct sp_span base;
    int64_t unix_s;
    if (!sp_history_tag_parse(tags[i], &base, &unix_s) || !sp_span_eq(base, of) || unix_s <= at_s ||
        (found && unix_s >= *left_s))
      continue;
    found = tags[i];
    *left_s = unix_s;
  }
  return found;
}
