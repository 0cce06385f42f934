/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/run.h"

#include "base/i18n.h"
#include "base/scope.h"
#include "transfer/plan.h"
#include "transfer/report.h"

void sp_run_init(struct sp_run *run, const struct sp_transfer *job, struct sp_report *report)
{
  *run = (struct sp_run){.job = job, .report = report};
  sp_image_init(&run->image);
  sp_watch_init(&run->watch, job->progress, job->progress_ctx);
  pthread_mutex_init(&run->lock, NULL);
}

void sp_run_clear(struct sp_run *run)
{
  sp_facts_clear(&run->facts);
  sp_image_clear(&run->image);
  sp_watch_clear(&run->watch);
  pthread_mutex_destroy(&run->lock);
}

void sp_run_fail(struct sp_run *run, const struct sp_err *err)
{
  SP_LOCK_SCOPE(&run->lock);
  if (run->report->err.code == SP_OK)
    sp_err_copy(&run->report->err, err);
  atomic_store(&run->is_stopped, true);
}

void sp_run_fail_place(struct sp_run *run, size_t place, const struct sp_err *err)
{
  if (err->code == SP_E_INTERRUPTED || err->code == SP_E_NOMEM) {
    sp_run_fail(run, err);
    return;
  }
  SP_LOCK_SCOPE(&run->lock);
  if (!atomic_exchange(&run->is_out[place], true))
    sp_err_copy(&run->report->places[place].err, err);
}

bool sp_run_is_stopped(struct sp_run *run)
{
  if (atomic_load(&run->is_stopped))
    return true;
  struct sp_err err = SP_ERR_INIT;
  if (sp_cancel_check(run->job->cancel, &err) == 0)
    return false;
  sp_run_fail(run, &err);
  return true;
}

bool sp_run_is_open(struct sp_run *run, size_t place)
{
  return !sp_run_is_stopped(run) && !atomic_load(&run->is_out[place]) &&
         !atomic_load(&run->is_again[place]);
}

/* It has taken everything in each round, and says in each that it does not have it. */
static void fail_lost(struct sp_run *run, size_t place, const struct sp_err *err)
{
  struct sp_err lost = SP_ERR_INIT;
  sp_fail(&lost, SP_E_DIGEST,
          "%s; it was sent %d times, and lost each time: is garbage collection running there (let "
          "it end), or is its cache stale (restart it)? Then run again; no tag was moved there",
          err->msg, SP_RUN_ROUNDS);
  sp_run_fail_place(run, place, &lost);
}

void sp_run_want_again(struct sp_run *run, size_t place, const struct sp_err *err)
{
  bool is_loss = err->code == SP_E_BLOB_UNKNOWN;
  if (run->round == SP_RUN_ROUNDS - 1 && is_loss) {
    fail_lost(run, place, err);
    return;
  }
  if (run->round > 0 && !is_loss) {
    sp_run_fail_place(run, place, err);
    return;
  }
  if (!atomic_exchange(&run->is_again[place], true))
    sp_watch_say(&run->watch, SP_EVENT_RETRY, (int)place, err->msg);
}

void sp_run_damage(struct sp_run *run, size_t place, const struct sp_digest *digest,
                   const char *what, const char *finding, const char *message)
{
  struct sp_err err = SP_ERR_INIT;
  char text[SP_DIGEST_TEXT_MAX];
  sp_digest_format(digest, text);
  sp_fail(&err, SP_E_DIGEST, "%s '%s' at '%s': %s", _(what), text, sp_run_store(run, place)->name,
          message);
  struct sp_err no_memory = SP_ERR_INIT;
  {
    SP_LOCK_SCOPE(&run->lock);
    if (sp_report_add_damage(&run->report->places[place], digest, what, finding, &no_memory) < 0)
      sp_report_add_note(run->report, "%s", err.msg);
  }
  sp_run_was_read(run, place, digest, false);
  sp_run_fail_place(run, place, &err);
}

const char *sp_run_remedy(const struct sp_run *run, size_t place, const char *of_registry)
{
  if (!sp_run_store(run, place)->is_local)
    return of_registry;
  return _("it was written and does not read back: look at the disk, and at who else writes "
           "there; then run this again");
}

void sp_run_was_read(const struct sp_run *run, size_t place, const struct sp_digest *digest,
                     bool is_good)
{
  if (run->job->was_read)
    run->job->was_read(run->job->ctx, place, digest, is_good);
}

struct sp_store *sp_run_store(const struct sp_run *run, size_t place)
{
  return place == SP_PLAN_SOURCE ? run->job->source : run->job->destinations[place].store;
}
