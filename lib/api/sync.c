/* SPDX-License-Identifier: Apache-2.0 */
/* sp_sync: safeport.yaml -> images -> the window -> sums. */
#include "safeport/sync.h"

#include <string.h>

#include "api/fleet.h"
#include "base/i18n.h"
#include "base/log.h"
#include "oci/reference.h"

/* "app:v1.2.3" of an image that is not in this run would be no word at all. */
static int check_accept(const struct sp_images *images, const char *accept, struct sp_err *err)
{
  const char *colon = strrchr(accept, ':');
  const char *tag = colon ? colon + 1 : accept;
  if (strcmp(tag, "*") != 0 && !sp_ref_is_tag(sp_span_str(tag)))
    return sp_fail(err, SP_E_USAGE, "--accept '%s': it is no tag", accept);
  for (size_t i = 0; colon && i < sp_images_count(images); i++) {
    const char *name = sp_images_name(images, i);
    if (strlen(name) == (size_t)(colon - accept) && memcmp(name, accept, strlen(name)) == 0)
      return 0;
  }
  return colon
             ? sp_fail(err, SP_E_USAGE, "--accept '%s': no image of this run has that name", accept)
             : 0;
}

static int check_accepts(const struct sp_images *images, const struct sp_sync_options *options,
                         struct sp_err *err)
{
  for (size_t i = 0; i < options->accept_count; i++) {
    if (check_accept(images, options->accept[i], err) < 0)
      return -1;
  }
  return 0;
}

static void run(struct sp_fleet *fleet, const struct sp_sync_options *options,
                struct sp_sync_totals *totals)
{
  const struct sp_config *config = sp_images_config(fleet->images);
  const struct sp_sync job = {
      .images = sp_fleet_images(fleet),
      .journal = fleet->journal,
      .run_id = fleet->run_id,
      .state_dir = fleet->state_dir,
      .record = config->record,
      .max_proof_age_s = config->max_proof_age_s,
      .max_loss_percent = config->max_loss_percent,
      .accept = options->accept,
      .accept_count = options->accept_count,
      .accept_loss = options->accept_loss,
      .jobs = options->jobs ? options->jobs : config->jobs,
      .dry_run = options->dry_run,
      .wait = options->wait,
      .retry = sp_session_retry(fleet->session),
      .cancel = sp_session_cancel(fleet->session),
      .done = options->image,
      .ctx = options->ctx,
      .progress = options->progress,
      .progress_ctx = options->progress_ctx,
  };
  sp_sync_run(&job, totals);
}

/* Who set a webhook waits for its call. */
static void note_idle_keys(const struct sp_images *images)
{
  char keys[SP_CONFIG_IDLE_TEXT_MAX];
  sp_config_format_idle_keys(sp_images_config(images), keys);
  if (keys[0])
    sp_log(SP_LOG_WARN,
           _("no effect yet: %s of safeport.yaml (for commands that are not there yet)"), keys);
}

int sp_sync(struct sp_session *session, const struct sp_sync_options *options,
            struct sp_sync_totals *totals, struct sp_err *err)
{
  SP_CLEANUP(sp_fleet_clear_auto_) struct sp_fleet fleet;
  const struct sp_images_request request = {.of = options->of};
  if (sp_fleet_begin(&fleet, session, &request, options->dry_run ? NULL : "sync",
                     options->dry_run ? SP_OPEN_PLAN : SP_OPEN_WRITE, err) < 0 ||
      check_accepts(fleet.images, options, err) < 0)
    return sp_fleet_fail(&fleet, err);
  note_idle_keys(fleet.images);
  run(&fleet, options, totals);
  return sp_fleet_end(&fleet, &totals->err, &totals->exit_status, totals->started, &totals->seconds,
                      err);
}
