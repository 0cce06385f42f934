/* SPDX-License-Identifier: Apache-2.0 */
/* sp_status: safeport.yaml -> images -> the window -> sums. It is no run: the journal is only told
 * what records on backups say. */
#include "safeport/status.h"

#include "api/fleet.h"
#include "sync/status.h"

static bool is_required(void *ctx, size_t number)
{
  const struct sp_fleet *fleet = ctx;
  return sp_images_rules(fleet->images, number)->required;
}

int sp_status(struct sp_session *session, const struct sp_status_options *options,
              struct sp_status_totals *totals, struct sp_err *err)
{
  SP_CLEANUP(sp_fleet_clear_auto_) struct sp_fleet fleet;
  const struct sp_images_request request = {.of = options->of};
  if (sp_fleet_begin(&fleet, session, &request, "", SP_OPEN_PLAN, err) < 0)
    return -1;
  const struct sp_config *config = sp_images_config(fleet.images);
  const struct sp_status_run run = {
      .sync = {.images = sp_fleet_images(&fleet),
               .journal = fleet.journal,
               .state_dir = fleet.state_dir,
               .max_proof_age_s = config->max_proof_age_s,
               .max_loss_percent = config->max_loss_percent,
               .jobs = config->jobs,
               .retry = sp_session_retry(session),
               .cancel = sp_session_cancel(session)},
      .is_required = is_required,
      .history_limit = options->history_limit,
      .with_sizes = options->with_sizes,
      .done = options->image,
      .ctx = options->ctx,
  };
  sp_status_look(&run, totals);
  return sp_fleet_end(&fleet, &totals->err, &totals->exit_status, totals->started, &totals->seconds,
                      err);
}
