/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/records.h"

#include "sync/recall.h"
#include "transfer/report.h"

#define WHAT "record"

static void tell_finding(struct sp_check *check, size_t backup, const struct sp_err *why)
{
  struct sp_work *work = &check->work;
  struct sp_named named = {0};
  struct sp_err err = SP_ERR_INIT;
  const char *finding = why->code == SP_E_NOT_FOUND ? SP_FINDING_MISSING : SP_FINDING_WRONG;
  if (sp_store_resolve(work->backups[backup], SP_RECORD_TAG, &named, &err) < 0)
    named.digest = (struct sp_digest){0};
  sp_err_clear(&err);
  if (sp_report_add_damage_of(check->sites[1 + backup].place, &named.digest, WHAT, finding,
                              SP_RECORD_TAG, &err) < 0 ||
      sp_past_tell_unread(check->verify->sync.journal, sp_store_known_as(work->backups[backup]),
                          &err) < 0) {
    sp_err_copy(&check->report->err, &err);
    return;
  }
  struct sp_err advice = SP_ERR_INIT;
  if (sp_recall_check_memory(work, &advice) < 0)
    sp_report_add_note(check->report, "%s", advice.msg);
  else
    sp_report_add_note(check->report,
                       "the record '%s:%s' cannot be read (%s); to write it anew, with what this "
                       "host knows: safeport sync %s",
                       work->backups[backup]->name, SP_RECORD_TAG, why->msg, work->name);
}

/* Where no proof is due nothing is fetched. */
static bool is_due(const struct sp_site *site)
{
  for (size_t i = 0; i < site->copy_count; i++) {
    if (!site->copies[i].is_skipped)
      return true;
  }
  return site->copy_count == 0;
}

/* What it says another host may have written: this one knows it from its next run on. */
static int read_record(struct sp_check *check, size_t backup, struct sp_err *err)
{
  struct sp_work *work = &check->work;
  if (work->past.has_record[backup])
    return 0;
  return sp_past_fetch_record(&work->past, backup, &work->sides[backup], &check->verify->sync.retry,
                              err) < 0
             ? -1
             : sp_past_tell_record(&work->past, backup, check->verify->sync.journal,
                                   work->primary->name, sp_store_known_as(work->backups[backup]),
                                   err);
}

static void look(struct sp_check *check, size_t backup)
{
  struct sp_work *work = &check->work;
  struct sp_site *site = &check->sites[1 + backup];
  struct sp_err err = SP_ERR_INIT;
  if (!sp_check_is_open(check, site) || !is_due(site) ||
      !sp_side_has(&work->sides[backup], SP_RECORD_TAG) || read_record(check, backup, &err) == 0)
    return;
  if (sp_past_is_record_lost(&err))
    tell_finding(check, backup, &err);
  else if (err.code != SP_E_THROTTLED && err.code != SP_E_UNSUPPORTED)
    sp_check_fail_site(check, site, &err);
}

void sp_records_look(struct sp_check *check)
{
  if (check->verify->level == SP_PROOF_CLAIMED) /* nothing is fetched from a backup */
    return;
  for (size_t i = 0; i < check->work.backup_count; i++)
    look(check, i);
}
