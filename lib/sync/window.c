/* SPDX-License-Identifier: Apache-2.0 */
/* The window is the pool's threads: each takes the next image, works it off, tells, forgets. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/pool.h"
#include "sync/ahead.h"
#include "sync/image.h"
#include "sync/kept.h"
#include "sync/told.h"

#define FLUSH_EVERY 64 /* images: what a kill can make the journal forget */

struct window {
  const struct sp_sync *sync;
  struct sp_sync_totals *totals;
  struct sp_holdings *holdings;
  struct sp_outages outages;
  struct sp_pull_reserve reserve;
  const size_t *numbers; /* the images of this round; NULL: all */
  int64_t now_s;
  pthread_mutex_t lock; /* guards totals and what follows, and keeps calls of `done` apart */
  unsigned classes;
  bool has_success;
  uint32_t *lacks;  /* records, of each image: ahead.h */
  size_t *unproven; /* images that wait for pulls */
  size_t unproven_count;
};

static bool is_unproven(const struct sp_sync_image *told)
{
  uint64_t count = told->err.code == SP_E_THROTTLED;
  for (size_t i = 0; i < told->place_count; i++)
    count += told->places[i].counts[SP_SYNC_UNPROVEN];
  return count > 0;
}

static void count(struct window *window, const struct sp_work *work, size_t number)
{
  const struct sp_sync_image *told = work->told;
  SP_LOCK_SCOPE(&window->lock);
  if (window->sync->wait && is_unproven(told)) {
    window->unproven[window->unproven_count++] = number; /* it is told when it is done */
    return;
  }
  sp_totals_add(window->totals, told);
  window->totals->bytes_read += atomic_load(&work->bytes_read);
  window->classes |= sp_told_classes(told);
  window->has_success = window->has_success || sp_told_has_success(told);
  if (window->sync->done)
    window->sync->done(window->sync->ctx, told);
  if (window->totals->images % FLUSH_EVERY == 0)
    sp_journal_flush(window->sync->journal);
}

static void lose(struct window *window, const struct sp_err *err)
{
  SP_LOCK_SCOPE(&window->lock);
  if (window->totals->err.code == SP_OK)
    sp_err_copy(&window->totals->err, err);
}

static void image_task(void *ctx, size_t i)
{
  struct window *window = ctx;
  const struct sp_sync *sync = window->sync;
  size_t number = window->numbers ? window->numbers[i] : i;
  if (sp_cancel_is_requested(sync->cancel))
    return;
  const char *name = sync->images.name(sync->images.ctx, number);
  struct sp_err err = SP_ERR_INIT;
  SP_CLEANUP(sp_told_free_auto_) struct sp_sync_image *told = NULL;
  SP_AUTO_FREE struct sp_work *work = malloc(sizeof *work);
  if (!work || sp_told_new(name, &told, &err) < 0) {
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory");
    lose(window, &err);
    return;
  }
  sp_work_init(work, sync, window->holdings, name, window->now_s, told);
  work->lacks_record = window->lacks[number];
  sp_image_sync(work, number, &window->outages, &window->reserve);
  sp_told_sort(told);
  if (sync->closing)
    sync->closing(sync->ctx, number, told);
  count(window, work, number);
  sp_work_clear(work);
}

/* Runs `count` images. What waits for pulls, if the user wants to wait, is run again when the
 * window of the registry has passed, until nothing does. */
static void run_rounds(struct window *window)
{
  const struct sp_sync *sync = window->sync;
  size_t count = sync->images.count;
  SP_AUTO_FREE size_t *again = calloc(count + 1, sizeof *again);
  SP_AUTO_FREE size_t *waiting = calloc(count + 1, sizeof *waiting);
  SP_AUTO_FREE uint32_t *lacks = calloc(count + 1, sizeof *lacks);
  struct sp_err err = SP_ERR_INIT;
  if (!again || !waiting || !lacks) {
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory");
    lose(window, &err);
    return;
  }
  window->lacks = lacks;
  sp_ahead_read(sync, &window->outages, &window->reserve, lacks);
  while (count > 0) {
    window->unproven = waiting;
    window->unproven_count = 0;
    sp_pool_run(count, sync->jobs, image_task, window);
    count = window->unproven_count;
    sp_journal_flush(sync->journal); /* what was proven need not be proven again */
    memcpy(again, waiting, count * sizeof *again);
    window->numbers = again;
    int64_t held_s = sp_pull_reserve_take_held_s(&window->reserve);
    if (held_s > 0)
      window->totals->goes_on_at_s = sp_clock_wall_s() + held_s;
    if (count == 0 && window->totals->counts[SP_SYNC_UNPROVEN] == 0)
      window->totals->goes_on_at_s = 0;
    if (count > 0 && sp_cancel_sleep(sync->cancel, (held_s > 0 ? held_s : 60) * 1000, &err) < 0)
      return;
  }
}

/* Images that nobody has looked at are in no report: they are counted here. */
static void note_interruption(struct window *window)
{
  struct sp_sync_totals *totals = window->totals;
  struct sp_err stopped = SP_ERR_INIT;
  if (sp_cancel_check(window->sync->cancel, &stopped) == 0)
    return;
  size_t left = window->sync->images.count - (size_t)totals->images;
  if (left > 0)
    sp_err_context(&stopped, "%zu of %zu images were not looked at", left,
                   window->sync->images.count);
  sp_err_copy(&totals->err, &stopped);
}

void sp_sync_run(const struct sp_sync *sync, struct sp_sync_totals *totals)
{
  *totals = (struct sp_sync_totals){.dry_run = sync->dry_run, .err = SP_ERR_INIT};
  struct window window = {.sync = sync, .totals = totals, .now_s = sp_clock_wall_s()};
  if (sp_holdings_new(&window.holdings, &totals->err) < 0) {
    totals->exit_status = sp_code_exit_status(totals->err.code);
    return;
  }
  pthread_mutex_init(&window.lock, NULL);
  sp_outages_init(&window.outages);
  sp_pull_reserve_init(&window.reserve, sync->images.pulls, sync->images.ctx);
  run_rounds(&window);
  note_interruption(&window);
  totals->exit_status = sp_totals_exit_status(totals, window.classes, window.has_success);
  sp_holdings_free(window.holdings);
  if (sync->state_dir && !sync->dry_run)
    sp_kept_trim(sync->state_dir, sp_clock_wall_s()); /* a run can last days */
  sp_pull_reserve_clear(&window.reserve);
  sp_outages_clear(&window.outages);
  pthread_mutex_destroy(&window.lock);
}
