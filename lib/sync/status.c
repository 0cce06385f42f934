/* SPDX-License-Identifier: Apache-2.0 */
/* The window is the pool's threads, which take images in order; one that ends early waits for those
 * before it, so that what is told has an order, and no more than a window's worth is held. */
#include "sync/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pool.h"
#include "sync/children.h"
#include "sync/last_run.h"
#include "sync/recall.h"
#include "sync/standing.h"
#include "sync/status_image.h"
#include "sync/told.h"

struct looking {
  const struct sp_status_run *run;
  struct sp_status_totals *totals;
  struct sp_holdings *holdings;
  struct sp_outages outages;
  struct sp_pull_reserve reserve;
  struct sp_last_runs last;
  int64_t now_s;
  pthread_mutex_t lock; /* guards what follows, and keeps calls of `done` apart */
  pthread_cond_t turn;
  size_t next; /* image to be told */
  unsigned classes;
  bool has_success;
};

/* -- one image */

/* What the primary failed with, or is held for, goes to *of_primary; the backups are looked at all
 * the same. */
static int survey(struct looking *looking, struct sp_work *work, size_t number,
                  struct sp_err *of_primary, struct sp_err *err)
{
  bool is_bearable;
  if (sp_recall_survey(work, number, &looking->outages, &looking->reserve, &is_bearable, of_primary,
                       err) < 0 ||
      (of_primary->code == SP_OK && sp_recall_add_lost(work, err) < 0) ||
      sp_status_add_tags(work, err) < 0)
    return -1;
  sp_recall_pin(work, of_primary);
  if (of_primary->code == SP_OK && !is_bearable)
    (void)!sp_recall_refuse_loss(work, of_primary);
  if (of_primary->code == SP_OK)
    (void)!sp_recall_check_memory(work, of_primary);
  sp_work_note_rot(work);
  sp_work_note_owners(work);
  if (sp_children_find(work, err) < 0)
    return -1;
  return sp_cancel_check(work->sync->cancel, err);
}

static int look_at(struct looking *looking, struct sp_work *work, size_t number,
                   struct sp_status_image **out, struct sp_err *err)
{
  struct sp_err of_primary = SP_ERR_INIT;
  if (survey(looking, work, number, &of_primary, err) < 0 ||
      sp_status_image_new(looking->run, work, out, err) < 0)
    return -1;
  (*out)->last_sync_s = sp_last_runs_ended_s(&looking->last, work->name);
  sp_err_copy(&(*out)->err, &of_primary);
  return 0;
}

/* -- what it comes to */

static unsigned class_of(const struct sp_err *err)
{
  return err->code == SP_OK ? 0 : 1u << sp_code_exit_status(err->code);
}

/* Of a primary that cannot be asked, or not be believed, nothing else is a finding. */
static unsigned classes_of(const struct sp_status_image *image)
{
  unsigned classes = class_of(&image->err);
  if (classes)
    return classes;
  for (size_t i = 0; i < image->place_count; i++) {
    const struct sp_status_place *place = &image->places[i];
    classes |= class_of(&place->err);
    for (int standing = 0; standing < SP_STANDING_COUNT; standing++) {
      bool is_finding = !sp_standing_is_good(standing) && place->err.code == SP_OK;
      classes |= is_finding && place->counts[standing] > 0 ? 1u << 1 : 0;
    }
  }
  for (size_t i = 0; i < image->tag_count; i++)
    classes |= image->tags[i].is_damaged ? 1u << 1 : 0;
  return classes;
}

/* Called with the lock held. */
static void count(struct looking *looking, const struct sp_status_image *image)
{
  unsigned classes = classes_of(image);
  looking->totals->images++;
  looking->totals->images_good += classes == 0;
  looking->classes |= image->is_required ? classes : 0;
  looking->has_success = looking->has_success || image->err.code == SP_OK;
  for (size_t i = 0; i < image->place_count; i++) {
    for (int standing = 0; standing < SP_STANDING_COUNT; standing++)
      looking->totals->counts[standing] += image->places[i].counts[standing];
  }
}

static void tell(struct looking *looking, size_t number, struct sp_status_image *image,
                 const struct sp_err *err)
{
  SP_LOCK_SCOPE(&looking->lock);
  while (looking->next != number)
    pthread_cond_wait(&looking->turn, &looking->lock);
  looking->next++;
  pthread_cond_broadcast(&looking->turn);
  if (!image) {
    if (looking->totals->err.code == SP_OK)
      sp_err_copy(&looking->totals->err, err);
    return;
  }
  count(looking, image);
  if (looking->run->done)
    looking->run->done(looking->run->ctx, image);
}

static void image_task(void *ctx, size_t number)
{
  struct looking *looking = ctx;
  const struct sp_status_run *run = looking->run;
  const char *name = run->sync.images.name(run->sync.images.ctx, number);
  struct sp_err err = SP_ERR_INIT;
  SP_CLEANUP(sp_told_free_auto_) struct sp_sync_image *told = NULL;
  SP_CLEANUP(sp_status_image_free_auto_) struct sp_status_image *image = NULL;
  SP_AUTO_FREE struct sp_work *work = malloc(sizeof *work);
  if (!work)
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory");
  else if (sp_told_new(name, &told, &err) == 0) {
    sp_work_init(work, &run->sync, looking->holdings, name, looking->now_s, told);
    if (sp_cancel_check(run->sync.cancel, &err) == 0 &&
        look_at(looking, work, number, &image, &err) == 0)
      image->is_required = run->is_required(run->sync.images.ctx, number);
    sp_work_clear(work);
  }
  tell(looking, number, image, &err);
}

void sp_status_look(const struct sp_status_run *run, struct sp_status_totals *totals)
{
  *totals = (struct sp_status_totals){.err = SP_ERR_INIT};
  struct looking looking = {.run = run, .totals = totals, .now_s = sp_clock_wall_s()};
  if (sp_last_runs_read(&looking.last, run->sync.journal, &totals->err) < 0 ||
      sp_holdings_new(&looking.holdings, &totals->err) < 0) {
    sp_last_runs_clear(&looking.last);
    totals->exit_status = sp_code_exit_status(totals->err.code);
    return;
  }
  pthread_mutex_init(&looking.lock, NULL);
  pthread_cond_init(&looking.turn, NULL);
  sp_outages_init(&looking.outages);
  sp_pull_reserve_init(&looking.reserve, run->sync.images.pulls, run->sync.images.ctx);
  sp_pool_run(run->sync.images.count, run->sync.jobs, image_task, &looking);
  sp_journal_flush(run->sync.journal); /* what records said */
  const struct sp_sync_totals sums = {.err = totals->err};
  totals->exit_status = sp_totals_exit_status(&sums, looking.classes, looking.has_success);
  sp_last_runs_clear(&looking.last);
  sp_holdings_free(looking.holdings);
  sp_pull_reserve_clear(&looking.reserve);
  sp_outages_clear(&looking.outages);
  pthread_cond_destroy(&looking.turn);
  pthread_mutex_destroy(&looking.lock);
}
