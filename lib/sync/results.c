/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/results.h"

#include "journal/runs.h"
#include "sync/told.h"

/* The worst that happened at a backup: a word for people and programs. */
static const char *result_of(const struct sp_sync_image *told, const struct sp_sync_place *place)
{
  static const struct {
    enum sp_sync_result result;
    const char *word;
  } words[] = {
      {SP_SYNC_FAILED, "failed"},         {SP_SYNC_DAMAGED, "damaged"},
      {SP_SYNC_NOT_FOLLOWED, "tampered"}, {SP_SYNC_REFUSED, "refused"},
      {SP_SYNC_UNPROVEN, "unproven"},     {SP_SYNC_COPIED, "copied"},
      {SP_SYNC_PROVEN, "proven"},
  };
  if (told->is_held)
    return "held";
  if (told->err.code != SP_OK || place->err.code != SP_OK)
    return "failed";
  if (place->damage_count > 0)
    return "damaged";
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (place->counts[words[i].result] > 0)
      return words[i].word;
  }
  return "in-step";
}

static void tell_result(const struct sp_work *work, size_t number, const char *place,
                        const char *result, const struct sp_err *why)
{
  const struct sp_run_image image = {.image = work->name,
                                     .place = place,
                                     .result = result,
                                     .why = why,
                                     .is_more = number > 0,
                                     .has_failed = sp_told_has_failure(work->told)};
  struct sp_err no_memory = SP_ERR_INIT;
  (void)!sp_runs_tell_image(work->sync->journal, work->sync->run_id, &image, &no_memory);
}

void sp_results_tell(struct sp_work *work)
{
  const struct sp_sync_image *told = work->told;
  for (size_t i = 0; i < told->place_count; i++) {
    const struct sp_sync_place *place = &told->places[i];
    tell_result(work, i, place->name, result_of(told, place),
                told->err.code ? &told->err : &place->err);
  }
  if (told->place_count == 0) /* it failed before its places were known */
    tell_result(work, 0, told->primary, "failed", &told->err);
}
