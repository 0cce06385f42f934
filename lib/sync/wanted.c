/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/wanted.h"

#include <stdlib.h>

#include "policy/tag_kind.h"

/* One that nobody saw before has come since the last run. */
static int64_t seen_s(const struct sp_work *work, const char *tag)
{
  int64_t first_s = sp_past_tag_first_seen_s(&work->past, tag);
  return first_s > 0 ? first_s : work->now_s;
}

static bool takes_part(const struct sp_work *work, const struct sp_known_tag *tag, bool with_gone)
{
  return (with_gone || !tag->is_gone) && !sp_side_has(&work->primary_side, tag->tag);
}

/* The listed ones first, then those that were: answers how many. */
static size_t gather(const struct sp_work *work, bool with_gone, struct sp_tag_age *ages)
{
  const struct sp_known *past = &work->past.primary;
  size_t count = 0;
  for (; count < work->primary_side.tag_count; count++) {
    const char *name = work->primary_side.tags[count];
    ages[count] = (struct sp_tag_age){.name = name, .first_seen_s = seen_s(work, name)};
  }
  for (size_t i = 0; i < past->tag_count; i++) {
    const char *name = past->tags[i].tag;
    if (takes_part(work, &past->tags[i], with_gone))
      ages[count++] = (struct sp_tag_age){.name = name, .first_seen_s = seen_s(work, name)};
  }
  return count;
}

/* In the order of gather. Of each tag the answer stands that is about all that were there with it.
 */
static void note_answers(struct sp_work *work, bool with_gone, const bool *selected)
{
  const struct sp_known *past = &work->past.primary;
  size_t next = 0;
  for (; next < work->primary_side.tag_count; next++) {
    const struct sp_known_tag *tag = sp_known_find_tag(past, work->primary_side.tags[next]);
    if (tag && !with_gone)
      work->is_wanted[tag - past->tags] = selected[next];
  }
  for (size_t i = 0; i < past->tag_count; i++) {
    if (!takes_part(work, &past->tags[i], with_gone))
      continue;
    if (past->tags[i].is_gone == with_gone)
      work->is_wanted[i] = selected[next];
    next++;
  }
}

static int choose(struct sp_work *work, bool with_gone, struct sp_err *err)
{
  size_t most = work->primary_side.tag_count + work->past.primary.tag_count;
  SP_AUTO_FREE struct sp_tag_age *ages = calloc(most + 1, sizeof *ages);
  SP_AUTO_FREE bool *selected = calloc(most + 1, sizeof *selected);
  if (!ages || !selected)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  size_t count = gather(work, with_gone, ages);
  if (sp_selection_apply(work->rules.tags, ages, count, work->now_s, selected, NULL, err) < 0)
    return -1;
  note_answers(work, with_gone, selected);
  return 0;
}

int sp_wanted_find(struct sp_work *work, struct sp_err *err)
{
  const struct sp_known *past = &work->past.primary;
  if (work->is_wanted)
    return 0;
  work->is_wanted = calloc(past->tag_count + 1, sizeof *work->is_wanted);
  if (!work->is_wanted)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  if (sp_selection_thins(work->rules.tags))
    return choose(work, false, err) < 0 ? -1 : choose(work, true, err);
  for (size_t i = 0; i < past->tag_count; i++)
    work->is_wanted[i] = sp_selection_matches(work->rules.tags, past->tags[i].tag);
  return 0;
}

bool sp_wanted_is(const struct sp_work *work, const struct sp_known_tag *tag)
{
  return work->is_wanted[tag - work->past.primary.tags];
}

bool sp_wanted_is_accepted(const struct sp_work *work, const struct sp_known_tag *tag)
{
  return work->sync->accept_loss && sp_wanted_is(work, tag);
}

bool sp_wanted_may_be(const struct sp_work *work, const char *tag)
{
  return sp_tag_is_special(tag) || sp_selection_matches(work->rules.tags, tag);
}

bool sp_wanted_is_looked_at(const struct sp_work *work, const struct sp_known_tag *tag)
{
  const struct sp_selection *only = work->rules.only;
  return only ? sp_selection_matches(only, tag->tag) : sp_wanted_is(work, tag);
}

const struct sp_selection *sp_wanted_selection(const struct sp_work *work)
{
  return work->rules.only ? work->rules.only : work->rules.tags;
}

bool sp_wanted_is_kept(const struct sp_work *work, const struct sp_known_tag *tag)
{
  bool is_meant = tag->is_meant || work->sync->accept_loss;
  return tag->digest.alg != SP_DIGEST_NONE && !sp_side_has(&work->primary_side, tag->tag) &&
         sp_wanted_is_looked_at(work, tag) &&
         (!is_meant || sp_side_any_has(work->sides, work->backup_count, tag->tag));
}
