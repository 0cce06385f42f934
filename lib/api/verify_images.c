/* SPDX-License-Identifier: Apache-2.0 */
/* sp_verify_images: safeport.yaml -> images -> the window -> sums. */
#include "api/fleet.h"
#include "verify/verify.h"

static enum sp_proof level_of(enum sp_verify_level level)
{
  static const enum sp_proof levels[] = {[SP_VERIFY_TOUCHED] = SP_PROOF_TOUCHED,
                                         [SP_VERIFY_CLAIMED] = SP_PROOF_CLAIMED,
                                         [SP_VERIFY_READ] = SP_PROOF_READ};
  return levels[level];
}

static void run(struct sp_fleet *fleet, const struct sp_verify_images_options *options,
                struct sp_verify_totals *totals)
{
  const struct sp_config *config = sp_images_config(fleet->images);
  const struct sp_verify job = {
      .sync = {.images = sp_fleet_images(fleet),
               .journal = fleet->journal,
               .run_id = fleet->run_id,
               .max_loss_percent = config->max_loss_percent,
               .wait = options->wait,
               .jobs = options->jobs ? options->jobs : config->jobs,
               .retry = sp_session_retry(fleet->session),
               .cancel = sp_session_cancel(fleet->session)},
      .lock_dir = fleet->state_dir,
      .level = level_of(options->level),
      .percent = options->percent ? options->percent : 100,
      .max_age_s = options->max_age_s,
      .repair = options->repair,
      .done = options->image,
      .ctx = options->ctx,
      .progress = options->progress,
      .progress_ctx = options->progress_ctx,
  };
  sp_verify_run(&job, totals);
}

int sp_verify_images(struct sp_session *session, const struct sp_verify_images_options *options,
                     struct sp_verify_totals *totals, struct sp_err *err)
{
  SP_CLEANUP(sp_fleet_clear_auto_) struct sp_fleet fleet;
  const struct sp_images_request request = {.of = options->of, .takes_tags = true};
  if (sp_fleet_begin(&fleet, session, &request, "verify",
                     options->repair ? SP_OPEN_WRITE : SP_OPEN_PLAN, err) < 0)
    return -1;
  run(&fleet, options, totals);
  return sp_fleet_end(&fleet, &totals->err, &totals->exit_status, totals->started, &totals->seconds,
                      err);
}
