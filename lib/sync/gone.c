/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/gone.h"

#include "base/limits.h"
#include "base/pool.h"
#include "sync/history.h"
#include "sync/remember.h"
#include "sync/told.h"
#include "sync/wanted.h"
#include "transfer/job.h"
#include "transfer/report.h"
#include "transfer/trouble.h"

int sp_gone_add(struct sp_work *work, const struct sp_known_tag *tag, struct sp_err *err)
{
  if (sp_tags_add_past(work, tag->tag, &tag->digest, err) < 0)
    return -1;
  struct sp_pinned *pinned = &work->tags.items[work->tags.count - 1];
  pinned->is_gone = true;
  pinned->is_meant = tag->is_meant || work->sync->accept_loss;
  return 0;
}

/* -- who has it */

static bool has_it(const struct sp_pinned *tag, size_t backup)
{
  return sp_digest_eq(&tag->at[backup].now, &tag->primary);
}

static bool is_anywhere(const struct sp_work *work, const struct sp_pinned *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (has_it(tag, i))
      return true;
  }
  return false;
}

bool sp_gone_is_missing(const struct sp_work *work, const struct sp_pinned *tag, size_t backup)
{
  const struct sp_tag_at *at = &tag->at[backup];
  return (tag->is_gone || tag->is_lost) && at->is_known && at->now.alg == SP_DIGEST_NONE &&
         (!tag->is_meant || is_anywhere(work, tag));
}

/* Every backup was asked, and no one has it. */
static bool is_nowhere(const struct sp_work *work, const struct sp_pinned *tag)
{
  bool is_missed = false;
  for (size_t i = 0; i < work->backup_count; i++) {
    if (!tag->at[i].is_known)
      return false;
    is_missed = is_missed || sp_gone_is_missing(work, tag, i);
  }
  return is_missed && !is_anywhere(work, tag);
}

void sp_gone_note_nowhere(struct sp_work *work)
{
  size_t count = 0;
  const char *first = NULL;
  for (size_t i = 0; i < work->tags.count; i++) {
    if (is_nowhere(work, &work->tags.items[i]) && count++ == 0)
      first = work->tags.items[i].name;
  }
  if (count > 0)
    sp_told_add_note(work->told,
                     "%zu tags that the primary lost are at no backup any more ('%s' among them): "
                     "nothing brings them back. If they are not to be missed: safeport sync %s "
                     "--accept-loss",
                     count, first, work->name);
}

/* -- which are looked at */

/* What the backup does not list may be there all the same, and is asked for. */
static bool is_due_at(const struct sp_work *work, size_t backup, const struct sp_known_tag *tag)
{
  const struct sp_side *side = &work->sides[backup];
  int64_t proven_s = sp_past_proven_s(&work->past, backup, &tag->digest);
  return side->is_listed && (!sp_side_has(side, tag->tag) ||
                             !sp_sync_is_fresh(proven_s, work->now_s, work->sync->max_proof_age_s));
}

static bool is_due(const struct sp_work *work, const struct sp_known_tag *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (is_due_at(work, i, tag))
      return true;
  }
  return false;
}

/* -- one copy */

/* A proof of one tag at one backup; or a copy to it, from another one. */
struct proof {
  struct sp_work *work;
  const struct sp_pinned *tag;
  size_t backup;
  bool is_copy;
  char history[SP_MAX_TAG + 1];
};

static void tell(const struct proof *proof, enum sp_sync_result result, const struct sp_err *why)
{
  const struct sp_told_tag told = {.name = proof->tag->name,
                                   .result = result,
                                   .digest = &proof->tag->primary,
                                   .history_tag = proof->history[0] ? proof->history : NULL,
                                   .why = why};
  SP_LOCK_SCOPE(&proof->work->lock);
  sp_told_add_tag(proof->work->told, proof->backup, &told);
}

static enum sp_doubt doubt(void *ctx, size_t destination, const struct sp_digest *blob)
{
  const struct proof *proof = ctx;
  (void)destination;
  return sp_work_doubt(proof->work, proof->backup, blob, proof->is_copy);
}

static void was_read(void *ctx, size_t destination, const struct sp_digest *digest, bool is_good)
{
  const struct proof *proof = ctx;
  (void)destination;
  sp_remember_rot(proof->work, digest, proof->backup, !is_good);
}

static int keep_history(void *ctx, size_t destination, struct sp_err *err)
{
  struct proof *proof = ctx;
  (void)destination;
  return sp_history_keep(proof->work, proof->backup, proof->tag, proof->history, err);
}

static int keep_side(void *ctx, size_t destination, const char *tag, const struct sp_digest *next,
                     struct sp_err *err)
{
  const struct proof *proof = ctx;
  (void)destination;
  return sp_history_keep_side(proof->work, proof->backup, tag, next, err);
}

static void transfer(struct proof *proof, size_t from, struct sp_report *report)
{
  struct sp_work *work = proof->work;
  const struct sp_pinned *tag = proof->tag;
  const char *const name = tag->name;
  struct sp_transfer_destination to = {.store = work->backups[proof->backup],
                                       .tags = &name,
                                       .tag_count = 1,
                                       .tags_now = &tag->at[proof->backup].now,
                                       .place = work->places[proof->backup]};
  const struct sp_transfer transfer = {.source = work->backups[from],
                                       .digest = tag->primary,
                                       .destinations = &to,
                                       .destination_count = 1,
                                       .with_referrers = work->rules.with_referrers,
                                       .dry_run = work->sync->dry_run,
                                       .before_tags = keep_history,
                                       .before_side_tag = keep_side,
                                       .doubt = doubt,
                                       .was_read = was_read,
                                       .ctx = proof,
                                       .holdings = work->holdings,
                                       .retry = work->sync->retry,
                                       .cancel = work->sync->cancel};
  sp_transfer_run(&transfer, report);
}

/* What is not whole there is damage of this tag; a place that fails is a failure of the place. */
static void blame(struct sp_work *work, const struct sp_pinned *tag, size_t backup, bool was_read,
                  struct sp_err *err)
{
  bool is_damage =
      err->code == SP_E_NOT_FOUND || err->code == SP_E_BLOB_UNKNOWN || sp_trouble_is_damage(err);
  if (is_damage) {
    sp_remember_damage(work, &tag->primary, backup, was_read && err->code == SP_E_DIGEST);
    sp_err_context(err, "'%s', which the primary lost, is not whole at '%s'", tag->name,
                   work->backups[backup]->name);
  }
  sp_work_fail_place(work, backup, err);
}

/* From there to proof->backup. *is_of_source: it failed because of the former. */
static int run(struct proof *proof, size_t from, bool *is_of_source, struct sp_err *err)
{
  struct sp_work *work = proof->work;
  SP_CLEANUP(sp_report_free_auto_) struct sp_report *report = NULL;
  const char *const name = work->backups[proof->backup]->name;
  if (sp_report_new(SP_REPORT_COPY, work->backups[from]->name, &name, 1, &report, err) < 0)
    return -1;
  transfer(proof, from, report);
  *is_of_source = report->err.code != SP_OK;
  const struct sp_err *why = *is_of_source ? &report->err : &report->places[0].err;
  if (proof->is_copy) {
    SP_LOCK_SCOPE(&work->lock);
    sp_told_add_copy(work->told, proof->backup, &report->places[0]);
  }
  if (why->code != SP_OK)
    sp_err_copy(err, why);
  return why->code == SP_OK ? 0 : -1;
}

static void tell_done(struct proof *proof, enum sp_sync_result result)
{
  struct sp_work *work = proof->work;
  proof->tag->at[proof->backup].proven = SP_PROOF_TOUCHED;
  tell(proof, result, NULL);
  sp_remember_tag(work, proof->tag, proof->backup);
}

static void tell_failed(const struct proof *proof, const struct sp_err *err)
{
  tell(proof, err->code == SP_E_THROTTLED ? SP_SYNC_UNPROVEN : SP_SYNC_FAILED, err);
}

static void prove(struct proof *proof)
{
  struct sp_err err = SP_ERR_INIT;
  bool is_of_source;
  if (run(proof, proof->backup, &is_of_source, &err) == 0) {
    tell_done(proof, SP_SYNC_PROVEN);
    return;
  }
  blame(proof->work, proof->tag, proof->backup, false, &err);
  tell_failed(proof, &err);
}

/* -- what is missing */

/* Nobody who could be asked has it. */
static void tell_lost(const struct proof *proof)
{
  const struct sp_work *work = proof->work;
  const char *tag = proof->tag->name;
  struct sp_err err = SP_ERR_INIT;
  if (is_nowhere(work, proof->tag))
    (void)sp_fail(&err, SP_E_NOT_FOUND,
                  "the primary lost it, and no backup has it any more: nothing brings it back. If "
                  "it is not to be missed: safeport sync %s --accept-loss",
                  work->name);
  else
    (void)sp_fail(&err, SP_E_NOT_FOUND,
                  "the primary lost '%s', and not every backup can be asked for it", tag);
  tell_failed(proof, &err);
}

/* From the first of the other backups that has it whole. */
static void bring(struct proof *proof)
{
  struct sp_work *work = proof->work;
  const struct sp_pinned *tag = proof->tag;
  struct sp_err err = SP_ERR_INIT;
  for (size_t from = 0; from < work->backup_count; from++) {
    bool is_of_source = false;
    if (!has_it(tag, from) || !sp_work_is_open(work, from))
      continue;
    sp_err_clear(&err);
    if (run(proof, from, &is_of_source, &err) == 0) {
      if (work->sync->dry_run)
        tell(proof, SP_SYNC_PLANNED, NULL);
      else
        tell_done(proof, SP_SYNC_COPIED);
      return;
    }
    if (!is_of_source) {
      sp_work_fail_place(work, proof->backup, &err);
      break;
    }
    blame(work, tag, from, true, &err);
  }
  if (err.code == SP_OK)
    tell_lost(proof);
  else
    tell_failed(proof, &err);
}

/* -- all of them */

struct proving {
  struct sp_work *work;
  size_t first; /* tags from here on */
};

static void prove_task(void *ctx, size_t i)
{
  struct proving *proving = ctx;
  struct sp_work *work = proving->work;
  struct proof proof = {.work = work,
                        .tag = &work->tags.items[proving->first + i / work->backup_count],
                        .backup = i % work->backup_count};
  const struct sp_tag_at *at = &proof.tag->at[proof.backup];
  if (!at->is_known || !sp_work_is_open(work, proof.backup))
    return;
  proof.is_copy = sp_gone_is_missing(work, proof.tag, proof.backup);
  if (proof.is_copy && at->action == SP_ACTION_REFUSE)
    tell(&proof, SP_SYNC_NOT_FOLLOWED, NULL);
  else if (proof.is_copy)
    bring(&proof);
  else if (at->action == SP_ACTION_KEEP || !has_it(proof.tag, proof.backup))
    return;
  else if (at->action == SP_ACTION_TELL)
    tell(&proof, SP_SYNC_DAMAGED, NULL);
  else if (work->sync->dry_run)
    tell(&proof, SP_SYNC_TO_PROVE, NULL);
  else
    prove(&proof);
}

int sp_gone_prove(struct sp_work *work, struct sp_err *err)
{
  const struct sp_known *past = &work->past.primary;
  struct proving proving = {.work = work, .first = work->tags.count};
  for (size_t i = 0; i < past->tag_count; i++) {
    const struct sp_known_tag *tag = &past->tags[i];
    if (sp_wanted_is_kept(work, tag) && is_due(work, tag) && sp_gone_add(work, tag, err) < 0)
      return -1;
  }
  if (work->tags.count == proving.first)
    return 0;
  sp_tags_pin(work, proving.first);
  sp_pool_run((work->tags.count - proving.first) * work->backup_count, SP_MAX_WORKERS, prove_task,
              &proving);
  return 0;
}
