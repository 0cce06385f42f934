/* SPDX-License-Identifier: Apache-2.0 */
/* sp_sync: safeport.yaml -> images -> the window -> sums. */
#include "safeport/sync.h"

#include <fcntl.h>
#include <string.h>

#include "api/images.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/state_dir.h"
#include "journal/runs.h"
#include "registry/registry.h"
#include "sync/sync.h"

/* What safeport.yaml has where it says nothing of a registry. */
#define DEFAULT_RESERVE_PERCENT 20

struct sync {
  struct sp_session *session;
  const struct sp_sync_options *options;
  struct sp_images *images;
  struct sp_journal *journal;
  char *state_dir;
};

static void sync_clear(struct sync *sync)
{
  sp_journal_close(sync->journal);
  sp_images_free(sync->images);
  free(sync->state_dir);
}

/* -- images, as the window wants them */

static const char *image_name(void *ctx, size_t number)
{
  return sp_images_name(((struct sync *)ctx)->images, number);
}

static struct sp_sync_rules rules_of(const struct sp_config_image *image)
{
  return (struct sp_sync_rules){.tags = &image->tags,
                                .fixed = image->has_fixed ? &image->fixed : NULL,
                                .with_referrers = image->referrers,
                                .referrers_every_s = image->referrers_every_s,
                                .keep_history = image->keep_history};
}

static int image_open(void *ctx, size_t number, struct sp_sync_entry *out, struct sp_err *err)
{
  const struct sync *sync = ctx;
  const struct sp_config_image *image = sp_images_rules(sync->images, number);
  enum sp_open_mode mode = sync->options->dry_run ? SP_OPEN_PLAN : SP_OPEN_WRITE;
  struct sp_opened opened;
  if (image->platforms.count > 0)
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "sync cannot leave out platforms yet: remove 'platforms' from image '%s'",
                   image->name);
  *out = (struct sp_sync_entry){.rules = rules_of(image)};
  if (sp_images_open_primary(sync->images, number, SP_OPEN_READ, &opened, err) < 0)
    return -1;
  out->primary = opened.store;
  for (; out->backup_count < image->backups.count; out->backup_count++) {
    if (sp_images_open_backup(sync->images, number, out->backup_count, mode, &opened, err) < 0) {
      sp_store_close(out->primary);
      while (out->backup_count > 0)
        sp_store_close(out->backups[--out->backup_count]);
      return -1;
    }
    out->backups[out->backup_count] = opened.store;
  }
  return 0;
}

static bool image_pulls(void *ctx, const struct sp_store *store, struct sp_pulls_said *out)
{
  const struct sync *sync = ctx;
  if (!sp_registry_pulls_left(store, &out->limit, &out->left, &out->window_s))
    return false;
  char host[SP_MAX_HOST + 1];
  snprintf(host, sizeof host, "%.*s", (int)strcspn(store->name, "/"), store->name);
  const struct sp_config_registry *registry =
      sp_config_registry(sp_images_config(sync->images), host);
  out->reserve_percent = registry ? registry->pull_reserve_percent : DEFAULT_RESERVE_PERCENT;
  return true;
}

/* -- state */

/* A state directory that cannot be used costs history, never images: the run goes on with a journal
 * of its own, and what the backups' records know. */
static int open_state(struct sync *sync, struct sp_err *trouble, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  if (sp_images_state_dir(sync->images, &sync->state_dir, trouble) < 0 ||
      sp_state_dir_open(sync->state_dir, &fd, trouble) < 0) {
    free(sp_steal(&sync->state_dir));
    return sp_journal_open(NULL, SP_JOURNAL_WRITE, &sync->journal, err);
  }
  enum sp_journal_mode mode = sync->options->dry_run ? SP_JOURNAL_READ : SP_JOURNAL_WRITE;
  if (sp_journal_open(sync->state_dir, mode, &sync->journal, err) < 0)
    return -1;
  if (!sp_journal_trouble(sync->journal, trouble) || trouble->code == SP_E_INVALID)
    return 0;
  sp_journal_close(sp_steal(&sync->journal));
  return sp_journal_open(NULL, SP_JOURNAL_WRITE, &sync->journal, err);
}

/* Local disk ends a run with 7; a journal that is newer or was damaged is worth a warning. */
static void judge_trouble(const struct sp_err *trouble, struct sp_sync_totals *totals)
{
  if (trouble->code == SP_OK)
    return;
  sp_log(SP_LOG_WARN, "%s", trouble->msg);
  if (trouble->code != SP_E_IO || totals->exit_status == 130 || totals->exit_status == 143)
    return;
  if (totals->err.code == SP_OK)
    sp_err_copy(&totals->err, trouble);
  totals->exit_status = sp_code_exit_status(SP_E_IO);
}

static void subject_of(const struct sp_sync_options *options, char *out, size_t size)
{
  size_t len = 0;
  out[0] = '\0';
  for (size_t i = 0; i < options->name_count && len < size; i++)
    len += (size_t)snprintf(out + len, size - len, "%s%s", i ? " " : "", options->names[i]);
}

/* -- running */

static void run(struct sync *sync, int64_t run_id, struct sp_sync_totals *totals)
{
  const struct sp_sync_options *options = sync->options;
  const struct sp_config *config = sp_images_config(sync->images);
  const struct sp_sync job = {
      .images = {.count = sp_images_count(sync->images),
                 .name = image_name,
                 .open = image_open,
                 .pulls = image_pulls,
                 .ctx = sync},
      .journal = sync->journal,
      .run_id = run_id,
      .state_dir = sync->state_dir,
      .record = config->record,
      .max_proof_age_s = config->max_proof_age_s,
      .max_loss_percent = config->max_loss_percent,
      .accept = options->accept,
      .accept_count = options->accept_count,
      .jobs = options->jobs ? options->jobs : config->jobs,
      .dry_run = options->dry_run,
      .wait = options->wait,
      .retry = sp_session_retry(sync->session),
      .cancel = sp_session_cancel(sync->session),
      .done = options->image,
      .ctx = options->ctx,
      .progress = options->progress,
      .progress_ctx = options->progress_ctx,
  };
  sp_sync_run(&job, totals);
}

static int begin(struct sync *sync, struct sp_err *trouble, struct sp_err *err)
{
  const struct sp_images_request request = {.config = sync->options->config,
                                            .names = sync->options->names,
                                            .name_count = sync->options->name_count,
                                            .complaint = sync->options->complaint,
                                            .ctx = sync->options->ctx};
  if (sp_images_load(sync->session, &request, &sync->images, err) < 0)
    return -1;
  return open_state(sync, trouble, err);
}

int sp_sync(struct sp_session *session, const struct sp_sync_options *options,
            struct sp_sync_totals *totals, struct sp_err *err)
{
  SP_CLEANUP(sync_clear) struct sync sync = {.session = session, .options = options};
  struct sp_err trouble = SP_ERR_INIT;
  if (begin(&sync, &trouble, err) < 0)
    return -1;
  int64_t began_ms = sp_clock_mono_ms();
  int64_t began_s = sp_clock_wall_s();
  int64_t run_id = 0;
  char subject[SP_ERR_MSG_MAX];
  subject_of(options, subject, sizeof subject);
  if (!options->dry_run && sp_runs_begin(sync.journal, "sync", subject, began_s, &run_id, err) < 0)
    return -1;
  run(&sync, run_id, totals);
  if (!options->dry_run &&
      sp_runs_end(sync.journal, run_id, totals->exit_status, sp_clock_wall_s(), err) < 0)
    return -1;
  if (trouble.code == SP_OK)
    sp_journal_trouble(sync.journal, &trouble);
  judge_trouble(&trouble, totals);
  sp_clock_format_rfc3339(began_s, totals->started);
  totals->seconds = (double)(sp_clock_mono_ms() - began_ms) / 1000.0;
  return 0;
}
