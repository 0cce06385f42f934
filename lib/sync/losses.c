/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/losses.h"

#include <stdlib.h>

#include "base/limits.h"
#include "sync/told.h"
#include "sync/wanted.h"

/* -- how many there were */

static int by_time(const void *a, const void *b)
{
  int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
  return (first > second) - (first < second);
}

/* Both sorted. What went when another came was not there with it: a run sees both at once. */
static uint64_t sweep(const int64_t *came, size_t came_count, const int64_t *went,
                      size_t went_count, int64_t from_s)
{
  uint64_t most = 0;
  size_t gone = 0;
  for (size_t i = 0; i < came_count; i++) {
    int64_t at_s = came[i] > from_s ? came[i] : from_s;
    while (gone < went_count && went[gone] <= at_s)
      gone++;
    uint64_t here = i + 1 > gone ? i + 1 - gone : 0; /* (the last of those that came at at_s) */
    most = here > most ? here : most;
  }
  return most;
}

int sp_losses_peak(const struct sp_stay *stays, size_t count, int64_t from_s, uint64_t *peak,
                   struct sp_err *err)
{
  SP_AUTO_FREE int64_t *came = calloc(count + 1, sizeof *came);
  SP_AUTO_FREE int64_t *went = calloc(count + 1, sizeof *went);
  size_t came_count = 0, went_count = 0;
  if (!came || !went)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < count; i++) {
    if (stays[i].went_s <= from_s)
      continue;
    came[came_count++] = stays[i].came_s;
    if (stays[i].went_s < INT64_MAX)
      went[went_count++] = stays[i].went_s;
  }
  qsort(came, came_count, sizeof *came, by_time);
  qsort(went, went_count, sizeof *went, by_time);
  *peak = sweep(came, came_count, went, went_count, from_s);
  return 0;
}

/* -- of one primary */

bool sp_losses_has_before(const struct sp_work *work, const struct sp_known_tag *tag)
{
  return tag->is_gone && !tag->is_meant && !sp_side_has(&work->primary_side, tag->tag) &&
         sp_wanted_is(work, tag) && tag->since_s > work->now_s - SP_LOSS_WINDOW_S;
}

/* Answers how many selected tags the primary had when it was last looked at. */
static uint64_t find_new(struct sp_work *work)
{
  uint64_t known = 0;
  for (size_t i = 0; i < work->past.primary.tag_count; i++) {
    const struct sp_known_tag *tag = &work->past.primary.tags[i];
    if (tag->is_gone || !sp_wanted_is(work, tag))
      continue;
    known++;
    if (!sp_side_has(&work->primary_side, tag->tag))
      sp_told_add_lost(work->told, tag->tag);
  }
  return known;
}

/* Those that are there are put first; answers how many these are. */
static uint64_t find_stays(const struct sp_work *work, struct sp_stay *stays, size_t *count)
{
  const struct sp_known *past = &work->past.primary;
  *count = 0;
  for (size_t i = 0; i < work->tags.count; i++) {
    const struct sp_known_tag *tag = sp_known_find_tag(past, work->tags.items[i].name);
    stays[(*count)++] = (struct sp_stay){.came_s = tag && !tag->is_gone ? tag->came_s : work->now_s,
                                         .went_s = INT64_MAX};
  }
  uint64_t listed = *count;
  for (size_t i = 0; i < past->tag_count; i++) {
    const struct sp_known_tag *tag = &past->tags[i];
    bool is_new =
        !tag->is_gone && !sp_side_has(&work->primary_side, tag->tag) && sp_wanted_is(work, tag);
    if (is_new || sp_losses_has_before(work, tag))
      stays[(*count)++] =
          (struct sp_stay){.came_s = tag->came_s, .went_s = is_new ? work->now_s : tag->since_s};
  }
  return listed;
}

/* Is the primary, by the number of its tags, too small for what it was within the window? */
static int measure(struct sp_work *work, struct sp_err *err)
{
  size_t count;
  uint64_t most;
  SP_AUTO_FREE struct sp_stay *stays =
      calloc(work->tags.count + work->past.primary.tag_count + 1, sizeof *stays);
  if (!stays)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  uint64_t listed = find_stays(work, stays, &count);
  if (sp_losses_peak(stays, count, work->now_s - SP_LOSS_WINDOW_S, &most, err) < 0)
    return -1;
  work->loses_slowly = !sp_sync_is_loss_bearable(most, listed, work->sync->max_loss_percent);
  return 0;
}

static void tell_before(struct sp_work *work)
{
  uint64_t before = 0;
  for (size_t i = 0; i < work->past.primary.tag_count; i++) {
    const struct sp_known_tag *tag = &work->past.primary.tags[i];
    if (!sp_losses_has_before(work, tag))
      continue;
    sp_told_add_lost(work->told, tag->tag);
    before++;
  }
  if (before > 0)
    sp_told_add_note(work->told,
                     "%llu of the lost tags were lost bit by bit in the last 30 days, each time "
                     "within max-loss; together they are more than that",
                     (unsigned long long)before);
}

int sp_losses_find(struct sp_work *work, bool *is_bearable, struct sp_err *err)
{
  *is_bearable = true;
  if (work->sync->restores) /* a view of the wanted tags has lost nothing */
    return 0;
  if (sp_wanted_find(work, err) < 0)
    return -1;
  uint64_t known = find_new(work);
  if (work->sync->accept_loss)
    return 0;
  *is_bearable =
      sp_sync_is_loss_bearable(known, known - work->told->lost, work->sync->max_loss_percent);
  if (measure(work, err) < 0)
    return -1;
  if (work->loses_slowly)
    tell_before(work);
  *is_bearable = *is_bearable && !work->loses_slowly;
  return 0;
}
