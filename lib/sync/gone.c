/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/gone.h"

#include "base/limits.h"
#include "base/pool.h"
#include "sync/remember.h"
#include "sync/told.h"
#include "sync/wanted.h"
#include "transfer/job.h"
#include "transfer/report.h"
#include "transfer/trouble.h"

static bool is_due_at(const struct sp_work *work, size_t backup, const char *tag,
                      const struct sp_digest *digest)
{
  int64_t proven_s = sp_past_proven_s(&work->past, backup, digest);
  return sp_side_has(&work->sides[backup], tag) &&
         !sp_sync_is_fresh(proven_s, work->now_s, work->sync->max_proof_age_s);
}

static bool is_due(const struct sp_work *work, const struct sp_known_tag *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (is_due_at(work, i, tag->tag, &tag->digest))
      return true;
  }
  return false;
}

static void tell(struct sp_work *work, const struct sp_pinned *tag, size_t backup,
                 enum sp_sync_result result, const struct sp_err *why)
{
  const struct sp_told_tag told = {
      .name = tag->name, .result = result, .digest = &tag->primary, .why = why};
  SP_LOCK_SCOPE(&work->lock);
  sp_told_add_tag(work->told, backup, &told);
}

struct proof {
  struct sp_work *work;
  size_t backup;
};

static enum sp_doubt doubt(void *ctx, size_t destination, const struct sp_digest *blob)
{
  const struct proof *proof = ctx;
  (void)destination;
  return sp_work_doubt(proof->work, proof->backup, blob, false);
}

static void was_read(void *ctx, size_t destination, const struct sp_digest *digest, bool is_good)
{
  const struct proof *proof = ctx;
  (void)destination;
  sp_remember_rot(proof->work, digest, proof->backup, !is_good);
}

static int transfer(struct sp_work *work, const struct sp_pinned *tag, size_t backup,
                    struct sp_err *err)
{
  struct proof proof = {.work = work, .backup = backup};
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  struct sp_store *store = work->backups[backup];
  const char *const name = store->name;
  const char *const tag_name = tag->name;
  struct sp_transfer_destination to = {.store = store,
                                       .tags = &tag_name,
                                       .tag_count = 1,
                                       .tags_now = &tag->at[backup].now,
                                       .place = work->places[backup]};
  const struct sp_transfer transfer = {.source = store,
                                       .digest = tag->primary,
                                       .destinations = &to,
                                       .destination_count = 1,
                                       .with_referrers = work->rules.with_referrers,
                                       .dry_run = work->sync->dry_run,
                                       .doubt = doubt,
                                       .was_read = was_read,
                                       .ctx = &proof,
                                       .holdings = work->holdings,
                                       .retry = work->sync->retry,
                                       .cancel = work->sync->cancel};
  if (sp_report_new(SP_REPORT_COPY, name, &name, 1, &report, err) < 0)
    return -1;
  sp_transfer_run(&transfer, report);
  const struct sp_err *why = report->err.code ? &report->err : &report->places[0].err;
  if (why->code != SP_OK)
    sp_err_copy(err, why);
  return why->code == SP_OK ? 0 : -1;
}

/* What is not whole there is damage of this tag; a place that fails is a failure of the place. */
static void fail(struct sp_work *work, const struct sp_pinned *tag, size_t backup,
                 struct sp_err *err)
{
  bool is_damage =
      err->code == SP_E_NOT_FOUND || err->code == SP_E_BLOB_UNKNOWN || sp_trouble_is_damage(err);
  if (is_damage) {
    sp_remember_damage(work, &tag->primary, backup, false);
    sp_err_context(err, "'%s', which the primary lost, is not whole at '%s'", tag->name,
                   work->backups[backup]->name);
  }
  sp_work_fail_place(work, backup, err);
  tell(work, tag, backup, err->code == SP_E_THROTTLED ? SP_SYNC_UNPROVEN : SP_SYNC_FAILED, err);
}

struct proving {
  struct sp_work *work;
  size_t first; /* tags from here on */
};

static void prove_task(void *ctx, size_t i)
{
  struct proving *proving = ctx;
  struct sp_work *work = proving->work;
  struct sp_pinned *tag = &work->tags.items[proving->first + i / work->backup_count];
  size_t backup = i % work->backup_count;
  struct sp_tag_at *at = &tag->at[backup];
  struct sp_err err = SP_ERR_INIT;
  if (!at->is_known || !sp_work_is_open(work, backup) || at->action == SP_ACTION_KEEP ||
      !sp_digest_eq(&at->now, &tag->primary))
    return;
  if (at->action == SP_ACTION_TELL)
    tell(work, tag, backup, SP_SYNC_DAMAGED, NULL);
  else if (work->sync->dry_run)
    tell(work, tag, backup, SP_SYNC_TO_PROVE, NULL);
  else if (transfer(work, tag, backup, &err) < 0)
    fail(work, tag, backup, &err);
  else {
    at->proven = SP_PROOF_TOUCHED;
    tell(work, tag, backup, SP_SYNC_PROVEN, NULL);
    sp_remember_tag(work, tag, backup);
  }
}

int sp_gone_prove(struct sp_work *work, struct sp_err *err)
{
  const struct sp_known *past = &work->past.primary;
  struct proving proving = {.work = work, .first = work->tags.count};
  for (size_t i = 0; i < past->tag_count; i++) {
    const struct sp_known_tag *tag = &past->tags[i];
    if (!sp_wanted_is_gone(work, tag) || !sp_wanted_is(work, tag) || !is_due(work, tag))
      continue;
    if (sp_tags_add_past(work, tag->tag, &tag->digest, err) < 0)
      return -1;
    work->tags.items[work->tags.count - 1].is_gone = true;
  }
  if (work->tags.count == proving.first)
    return 0;
  sp_tags_pin(work, proving.first);
  sp_pool_run((work->tags.count - proving.first) * work->backup_count, SP_MAX_WORKERS, prove_task,
              &proving);
  return 0;
}
