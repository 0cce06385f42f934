/* SPDX-License-Identifier: Apache-2.0 */
/* The window is the pool's threads, as in sync/window.c: each takes the next image, works it off,
 * tells, forgets. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/pool.h"
#include "sync/told.h"
#include "transfer/report.h"
#include "verify/check.h"
#include "verify/rotation.h"
#include "verify/tell.h"

#define FLUSH_EVERY 64 /* images: what a kill can make the journal forget */

struct window {
  const struct sp_verify *verify;
  struct sp_verify_totals *totals;
  struct sp_holdings *holdings;
  struct sp_outages outages;
  struct sp_pull_reserve reserve;
  struct sp_watch watch;
  int64_t now_s;
  size_t first;         /* the image to begin with */
  pthread_mutex_t lock; /* guards totals and what follows, and keeps calls of `done` apart */
  unsigned classes;
  bool has_success;
};

static void add(struct sp_verify_totals *totals, const struct sp_check *check,
                const struct sp_report *report)
{
  totals->images++;
  totals->images_failed += report->exit_status != 0;
  for (size_t i = 0; i < report->place_count; i++) {
    totals->tags += report->places[i].tags_total;
    totals->tags_good += report->places[i].tags_good;
    totals->tags_skipped += report->places[i].tags_skipped;
    totals->damaged += report->places[i].damage_count + report->places[i].damage_left_out;
  }
  totals->blobs += check->blobs;
  totals->blobs_read += check->blobs_read;
  totals->bytes_read += check->bytes_read;
  totals->repaired += check->repaired;
}

static void count(struct window *window, const struct sp_check *check, struct sp_report *report)
{
  const struct sp_verify *verify = window->verify;
  unsigned classes = sp_tell_classes(report);
  bool has_success = sp_tell_has_success(report);
  report->bytes_read = check->bytes_read;
  report->exit_status = sp_exit_status_of(&report->err, classes, has_success);
  SP_LOCK_SCOPE(&window->lock);
  add(window->totals, check, report);
  window->classes |= classes;
  window->has_success = window->has_success || has_success;
  if (verify->done)
    verify->done(verify->ctx, report);
  if (window->totals->images % FLUSH_EVERY == 0)
    sp_journal_flush(verify->sync.journal);
}

static void image_task(void *ctx, size_t i)
{
  struct window *window = ctx;
  size_t number = (window->first + i) % window->verify->sync.images.count;
  if (sp_cancel_is_requested(window->verify->sync.cancel))
    return;
  SP_AUTO_FREE struct sp_check *check = malloc(sizeof *check);
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  if (check)
    sp_check_run(check, window->verify, &window->watch, window->holdings, &window->outages,
                 &window->reserve, number, window->now_s, &report);
  if (report) {
    count(window, check, report);
    return;
  }
  SP_LOCK_SCOPE(&window->lock);
  (void)sp_fail(&window->totals->err, SP_E_NOMEM, "out of memory");
}

void sp_verify_run(const struct sp_verify *verify, struct sp_verify_totals *totals)
{
  *totals = (struct sp_verify_totals){.err = SP_ERR_INIT};
  struct window window = {.verify = verify, .totals = totals, .now_s = sp_clock_wall_s()};
  if (sp_rotation_find(verify, &window.first, &totals->err) < 0 ||
      sp_holdings_new(&window.holdings, &totals->err) < 0) {
    totals->exit_status = sp_code_exit_status(totals->err.code);
    return;
  }
  pthread_mutex_init(&window.lock, NULL);
  sp_outages_init(&window.outages);
  sp_pull_reserve_init(&window.reserve, verify->sync.images.pulls, verify->sync.images.ctx);
  sp_watch_init(&window.watch, verify->progress, verify->progress_ctx);
  if (verify->sync.wait)
    sp_pull_reserve_wait(&window.reserve, verify->sync.cancel);
  sp_pool_run(verify->sync.images.count, verify->sync.jobs, image_task, &window);
  int64_t held_s = sp_pull_reserve_take_held_s(&window.reserve);
  if (held_s > 0 && !verify->sync.wait)
    totals->goes_on_at_s = sp_clock_wall_s() + held_s;
  struct sp_err stopped = SP_ERR_INIT;
  if (sp_cancel_check(verify->sync.cancel, &stopped) < 0)
    sp_err_copy(&totals->err, &stopped);
  totals->exit_status =
      sp_exit_status_of(&totals->err, window.classes, window.has_success || totals->images == 0);
  sp_holdings_free(window.holdings);
  sp_watch_clear(&window.watch);
  sp_pull_reserve_clear(&window.reserve);
  sp_outages_clear(&window.outages);
  pthread_mutex_destroy(&window.lock);
}
