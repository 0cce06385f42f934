/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fleet.h"

#include <fcntl.h>
#include <string.h>

#include "api/meter.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/state_dir.h"
#include "journal/runs.h"
#include "transfer/report.h"

void sp_fleet_clear(struct sp_fleet *fleet)
{
  if (fleet->session)
    sp_session_remember_uploads(fleet->session, NULL);
  sp_journal_close(fleet->journal);
  sp_images_free(fleet->images);
  free(fleet->state_dir);
  *fleet = (struct sp_fleet){0};
}

/* -- images, as the windows want them */

static const char *image_name(void *ctx, size_t number)
{
  return sp_images_name(((struct sp_fleet *)ctx)->images, number);
}

static struct sp_sync_rules rules_of(const struct sp_images *images, size_t number)
{
  const struct sp_config_image *image = sp_images_rules(images, number);
  return (struct sp_sync_rules){.origin = sp_images_origin(images, number),
                                .tags = &image->tags,
                                .only = sp_images_only(images, number),
                                .fixed = image->has_fixed ? &image->fixed : NULL,
                                .with_referrers = image->referrers,
                                .referrers_every_s = image->referrers_every_s,
                                .keep_history = image->keep_history};
}

static int image_open(void *ctx, size_t number, struct sp_pull_reserve *reserve,
                      struct sp_sync_entry *out, struct sp_err *err)
{
  (void)reserve; /* each store is one place */
  const struct sp_fleet *fleet = ctx;
  const struct sp_config_image *image = sp_images_rules(fleet->images, number);
  struct sp_opened opened;
  *out = (struct sp_sync_entry){.rules = rules_of(fleet->images, number)};
  if (sp_images_open_primary(fleet->images, number, SP_OPEN_READ, &opened, err) < 0)
    return -1;
  out->primary = opened.store;
  for (; out->backup_count < image->backups.count; out->backup_count++) {
    if (sp_images_open_backup(fleet->images, number, out->backup_count, fleet->mode, &opened, err) <
        0) {
      sp_store_close(out->primary);
      while (out->backup_count > 0)
        sp_store_close(out->backups[--out->backup_count]);
      return -1;
    }
    out->backups[out->backup_count] = opened.store;
  }
  return 0;
}

bool sp_fleet_pulls(const struct sp_fleet *fleet, const struct sp_store *store,
                    struct sp_pulls_said *out)
{
  return sp_meter_ask(fleet->images ? sp_images_config(fleet->images) : NULL, store, out);
}

static bool image_pulls(void *ctx, const struct sp_store *store, struct sp_pulls_said *out)
{
  return sp_fleet_pulls(ctx, store, out);
}

/* -- state */

static int open_state(struct sp_fleet *fleet, bool is_reader, struct sp_err *err)
{
  SP_AUTO_CLOSE int fd = -1;
  struct sp_err *trouble = &fleet->trouble;
  int found = fleet->images ? sp_images_state_dir(fleet->images, &fleet->state_dir, trouble)
                            : sp_state_dir_find(&fleet->state_dir, trouble);
  if (found < 0 || sp_state_dir_open(fleet->state_dir, &fd, trouble) < 0) {
    free(sp_steal(&fleet->state_dir));
    return sp_journal_open(NULL, SP_JOURNAL_WRITE, &fleet->journal, err);
  }
  enum sp_journal_mode mode = is_reader ? SP_JOURNAL_READ : SP_JOURNAL_WRITE;
  if (sp_journal_open(fleet->state_dir, mode, &fleet->journal, err) < 0)
    return -1;
  if (!sp_journal_trouble(fleet->journal, trouble) || trouble->code == SP_E_INVALID)
    return 0;
  sp_journal_close(sp_steal(&fleet->journal));
  return sp_journal_open(NULL, SP_JOURNAL_WRITE, &fleet->journal, err);
}

static void subject_of(const struct sp_images_request *request, char *out, size_t size)
{
  size_t len = 0;
  out[0] = '\0';
  for (size_t i = 0; i < request->of.name_count && len < size; i++)
    len += (size_t)snprintf(out + len, size - len, "%s%s", i ? " " : "", request->of.names[i]);
}

static int begin_run(struct sp_fleet *fleet, const char *command, const char *subject,
                     struct sp_err *err)
{
  sp_upload_book_init(&fleet->uploads, fleet->journal);
  sp_session_remember_uploads(fleet->session, &fleet->uploads.memory);
  fleet->began_ms = sp_clock_mono_ms();
  fleet->began_s = sp_clock_wall_s();
  if (!command || !*command)
    return 0;
  return sp_runs_begin(fleet->journal, command, subject, fleet->began_s, &fleet->run_id, err);
}

int sp_fleet_begin(struct sp_fleet *fleet, struct sp_session *session,
                   const struct sp_images_request *request, const char *command,
                   enum sp_open_mode backups, struct sp_err *err)
{
  *fleet = (struct sp_fleet){.session = session, .mode = backups, .trouble = SP_ERR_INIT};
  char subject[SP_ERR_MSG_MAX];
  subject_of(request, subject, sizeof subject);
  if (sp_images_load(session, request, &fleet->images, err) < 0 ||
      open_state(fleet, command == NULL, err) < 0 || begin_run(fleet, command, subject, err) < 0)
    return -1;
  return sp_images_choose(fleet->images, request, fleet->journal, err) < 0
             ? sp_fleet_fail(fleet, err)
             : 0;
}

int sp_fleet_begin_bare(struct sp_fleet *fleet, struct sp_session *session, const char *command,
                        const char *subject, struct sp_err *err)
{
  *fleet = (struct sp_fleet){.session = session, .trouble = SP_ERR_INIT};
  if (open_state(fleet, command == NULL, err) < 0)
    return -1;
  return begin_run(fleet, command, subject, err);
}

struct sp_sync_images sp_fleet_images(struct sp_fleet *fleet)
{
  return (struct sp_sync_images){.count = sp_images_count(fleet->images),
                                 .name = image_name,
                                 .open = image_open,
                                 .pulls = image_pulls,
                                 .ctx = fleet};
}

/* Local disk ends a run with 7; a journal that is newer or was damaged is worth a warning. */
static void judge_trouble(const struct sp_err *trouble, struct sp_err *of_run, int *exit_status)
{
  if (trouble->code == SP_OK)
    return;
  bool is_failure = trouble->code == SP_E_IO && *exit_status != 130 && *exit_status != 143;
  if (is_failure && of_run->code == SP_OK)
    sp_err_copy(of_run, trouble); /* which is told */
  else
    sp_log(SP_LOG_WARN, "%s", trouble->msg);
  if (is_failure)
    *exit_status = sp_code_exit_status(SP_E_IO);
}

int sp_fleet_fail(struct sp_fleet *fleet, const struct sp_err *err)
{
  struct sp_err no_memory = SP_ERR_INIT;
  if (fleet->run_id)
    (void)!sp_runs_end(fleet->journal, fleet->run_id, sp_exit_status_of(err, 0, false),
                       sp_clock_wall_s(), &no_memory);
  fleet->run_id = 0;
  return -1;
}

int sp_fleet_end(struct sp_fleet *fleet, struct sp_err *of_run, int *exit_status, char started[32],
                 double *seconds, struct sp_err *err)
{
  if (fleet->run_id &&
      sp_runs_end(fleet->journal, fleet->run_id, *exit_status, sp_clock_wall_s(), err) < 0)
    return -1;
  if (fleet->trouble.code == SP_OK)
    sp_journal_trouble(fleet->journal, &fleet->trouble);
  judge_trouble(&fleet->trouble, of_run, exit_status);
  sp_clock_format_rfc3339(fleet->began_s, started);
  *seconds = (double)(sp_clock_mono_ms() - fleet->began_ms) / 1000.0;
  return 0;
}
