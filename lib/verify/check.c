/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/check.h"

#include "sync/lock.h"
#include "sync/recall.h"
#include "sync/told.h"
#include "transfer/report.h"
#include "transfer/trouble.h"
#include "verify/differ.h"
#include "verify/prove.h"
#include "verify/records.h"
#include "verify/repair.h"
#include "verify/tell.h"

void sp_check_fail_site(struct sp_check *check, struct sp_site *site, const struct sp_err *err)
{
  bool is_of_run = err->code == SP_E_INTERRUPTED || err->code == SP_E_NOMEM;
  SP_LOCK_SCOPE(&check->lock);
  struct sp_err *to = is_of_run ? &check->report->err : &site->place->err;
  if (to->code == SP_OK)
    sp_err_copy(to, err);
  bool is_later = err->code == SP_E_THROTTLED && err->retry_after_ms > 0;
  if (is_of_run || (sp_trouble_is_of_place(err) && !is_later))
    atomic_store(&site->is_out, true);
}

bool sp_check_is_open(const struct sp_check *check, const struct sp_site *site)
{
  return !atomic_load(&site->is_out) && !sp_cancel_is_requested(check->verify->sync.cancel);
}

bool sp_check_lists(const struct sp_check *check, const struct sp_site *site, const char *tag)
{
  size_t number = (size_t)(site - check->sites);
  const struct sp_work *work = &check->work;
  return sp_side_has(number == 0 ? &work->primary_side : &work->sides[number - 1], tag);
}

void sp_check_find(struct sp_check *check, struct sp_site *site, struct sp_copy *copy,
                   const struct sp_digest *digest, const char *what, const char *finding)
{
  struct sp_err err = SP_ERR_INIT;
  pthread_mutex_lock(&check->lock);
  int failed = sp_copy_add_finding(copy, digest, what, finding, &err);
  pthread_mutex_unlock(&check->lock);
  if (failed)
    sp_check_fail_site(check, site, &err);
}

/* -- beginning */

/* A place that sync's survey could not list is out before it begins; a primary that it could not
 * ask is, for whatever reason: its tags are what it named last, and nobody looked for them there.
 */
static void make_sites(struct sp_check *check)
{
  struct sp_work *work = &check->work;
  for (size_t s = 0; s < 1 + work->backup_count; s++) {
    struct sp_site *site = &check->sites[s];
    struct sp_store *store = s == 0 ? work->primary : work->backups[s - 1];
    const struct sp_side *side = s == 0 ? &work->primary_side : &work->sides[s - 1];
    sp_site_init(site, store, &check->report->places[s],
                 s == 0 ? &work->past.primary : &work->past.backups[s - 1],
                 s == 0 ? &work->past.primary_rot : &work->past.rots[s - 1]);
    site->known_as = s == 0 ? store->name : sp_store_known_as(store);
    site->view.tags = (const char *const *)side->tags;
    site->view.tag_count = side->tag_count;
    check->site_count++;
    const struct sp_err *why = s == 0 ? &work->told->err : &work->told->places[s - 1].err;
    if (why->code != SP_OK)
      sp_check_fail_site(check, site, why);
    /* Nothing is known of a primary that failed, nor what a list that is garbage lacks. */
    if (s == 0 ? why->code != SP_OK : why->code == SP_E_INVALID)
      atomic_store(&site->is_out, true);
  }
}

static int make_report(struct sp_check *check, struct sp_err *err)
{
  const struct sp_work *work = &check->work;
  const char *names[1 + SP_MAX_DESTINATIONS];
  size_t count = work->primary ? 1 + work->told->place_count : 0;
  for (size_t i = 0; i < count; i++)
    names[i] = i == 0 ? work->told->primary : work->told->places[i - 1].name;
  if (sp_report_new(SP_REPORT_VERIFY, work->name, names, count, &check->report, err) < 0)
    return -1;
  check->report->is_of_tags = true;
  return 0;
}

/* What is known to be proven since then need not be proven again, unless something in the store was
 * seen to be damaged after it: what such a copy is made of has to be looked up. */
static void skip_proven(struct sp_check *check)
{
  for (size_t s = 0; s < check->site_count; s++) {
    struct sp_site *site = &check->sites[s];
    for (size_t i = 0; i < site->copy_count; i++) {
      struct sp_copy *copy = &site->copies[i];
      const struct sp_known_digest *known = sp_known_find_digest(site->known, &copy->digest);
      if (!known || copy->is_absent)
        continue;
      bool is_touched = check->verify->level < SP_PROOF_READ && known->touched_s >= check->since_s;
      int64_t last_s = known->touched_s > known->read_s ? known->touched_s : known->read_s;
      copy->is_skipped =
          (is_touched || known->read_s >= check->since_s) && !sp_rot_outdates(site->rot, last_s);
    }
  }
}

/* -- steering */

/* A primary that cannot be asked is out, and what it named last stands for it: backups are to be
 * proven just then. So it is with what it lost. */
static int survey(struct sp_check *check, size_t number, struct sp_outages *outages,
                  struct sp_pull_reserve *reserve, struct sp_err *err)
{
  struct sp_work *work = &check->work;
  struct sp_err of_primary = SP_ERR_INIT;
  if (sp_cancel_check(check->verify->sync.cancel, err) < 0 ||
      sp_recall_survey(work, number, outages, reserve, &check->is_loss_bearable, &of_primary, err) <
          0)
    return -1;
  int failed =
      of_primary.code == SP_OK ? sp_recall_add_lost(work, err) : sp_recall_add_unknown(work, err);
  if (failed)
    return -1;
  sp_recall_pin(work, &of_primary);
  if (work->told->err.code == SP_OK)
    sp_err_copy(&work->told->err, &of_primary);
  return 0;
}

/* A repair writes: not while a sync works on the same image. */
static int lock(struct sp_check *check, struct sp_image_lock *held, struct sp_err *err)
{
  const struct sp_sync *sync = &check->verify->sync;
  return check->verify->repair ? sp_image_lock_take(held, check->verify->lock_dir, check->work.name,
                                                    false, sync->cancel, err)
                               : 0;
}

/* Findings of both sides, then of one against the other; repaired, if that was asked for. */
static int verify_image(struct sp_check *check, struct sp_err *err)
{
  make_sites(check);
  if (sp_differ_add_copies(check, err) < 0)
    return -1;
  skip_proven(check);
  sp_prove_run(check);
  sp_differ_compare(check);
  if (check->verify->repair)
    sp_repair_run(check);
  sp_tell_report(check);
  sp_records_look(check);
  sp_tell_journal(check);
  return sp_cancel_check(check->verify->sync.cancel, err);
}

static void clear(struct sp_check *check)
{
  for (size_t s = 0; s < check->site_count; s++)
    sp_site_clear(&check->sites[s]);
  sp_told_free(check->work.told);
  sp_work_clear(&check->work);
  pthread_mutex_destroy(&check->lock);
}

void sp_check_run(struct sp_check *check, const struct sp_verify *verify, struct sp_watch *watch,
                  struct sp_holdings *holdings, struct sp_outages *outages,
                  struct sp_pull_reserve *reserve, size_t number, int64_t now_s,
                  struct sp_report **report)
{
  const struct sp_sync_images *images = &verify->sync.images;
  const char *name = images->name(images->ctx, number);
  struct sp_err err = SP_ERR_INIT;
  *check =
      (struct sp_check){.verify = verify,
                        .watch = watch,
                        .reserve = reserve,
                        .since_s = verify->max_age_s > 0 ? now_s - verify->max_age_s : INT64_MAX};
  *report = NULL;
  struct sp_sync_image *told;
  if (sp_told_new(name, &told, &err) < 0)
    return;
  pthread_mutex_init(&check->lock, NULL);
  sp_work_init(&check->work, &verify->sync, holdings, name, now_s, told);
  SP_CLEANUP(sp_image_lock_clear_auto_) struct sp_image_lock held = SP_IMAGE_LOCK_INIT;
  int failed = lock(check, &held, &err) < 0 || survey(check, number, outages, reserve, &err) < 0;
  struct sp_err no_memory = SP_ERR_INIT;
  if (make_report(check, &no_memory) == 0) {
    if (!failed)
      failed = verify_image(check, &err);
    if (failed && check->report->err.code == SP_OK)
      sp_err_copy(&check->report->err, &err);
    sp_tell_results(check);
    *report = check->report;
  }
  clear(check);
}
