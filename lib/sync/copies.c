/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/copies.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/pool.h"
#include "sync/history.h"
#include "sync/kept.h"
#include "sync/remember.h"
#include "sync/told.h"
#include "transfer/job.h"
#include "transfer/report.h"
#include "transfer/trouble.h"

#define RANKS 3
#define LONG_COPY_MS 10000 /* the tag of a copy that took longer is looked at once more */
#define COPIES_MAX 4       /* of a tag that moves and moves */

/* The tags that name one digest, of one rank; neighbours in the order. */
struct group {
  struct sp_pinned **tags;
  size_t count;
};

/* A tag on its way at one backup. */
struct setting {
  struct sp_pinned *tag;
  char history[SP_MAX_TAG + 1];
};

/* The copy of one group. */
struct copy {
  struct sp_work *work;
  const struct group *group;
  struct sp_digest digest;
  struct sp_transfer_destination to[SP_MAX_DESTINATIONS];
  size_t backups[SP_MAX_DESTINATIONS]; /* of each destination */
  size_t count;                        /* of destinations */
  struct setting *settings;            /* group->count for each backup; so are names and now */
  const char **names;
  struct sp_digest *now;
  struct sp_report *report;
};

static void tell_tag(struct sp_work *work, const struct sp_pinned *tag, size_t backup,
                     enum sp_sync_result result, const char *history)
{
  const struct sp_told_tag told = {.name = tag->name,
                                   .result = result,
                                   .digest = &tag->primary,
                                   .before = sp_tags_left(&tag->at[backup]),
                                   .history_tag = history && history[0] ? history : NULL,
                                   .is_replaced = result == SP_SYNC_NOT_FOLLOWED &&
                                                  sp_tags_is_replaced(work, tag, backup)};
  SP_LOCK_SCOPE(&work->lock);
  sp_told_add_tag(work->told, backup, &told);
}

/* What failed only because pulls are held in reserve (or the registry throttles us) goes on later.
 * Where nothing else is known, it failed with its backup, or with the run. */
static void tell_failed(struct sp_work *work, const struct sp_pinned *tag, size_t backup,
                        const struct sp_err *why, const char *history)
{
  struct sp_err stopped = SP_ERR_INIT;
  SP_LOCK_SCOPE(&work->lock);
  if (!why || why->code == SP_OK)
    why = &work->told->places[backup].err;
  if (why->code == SP_OK && sp_cancel_check(work->sync->cancel, &stopped) < 0)
    why = &stopped;
  const struct sp_told_tag told = {.name = tag->name,
                                   .result = why->code == SP_E_THROTTLED ? SP_SYNC_UNPROVEN
                                                                         : SP_SYNC_FAILED,
                                   .digest = &tag->primary,
                                   .before = sp_tags_left(&tag->at[backup]),
                                   .history_tag = history && history[0] ? history : NULL,
                                   .why = why};
  sp_told_add_tag(work->told, backup, &told);
}

/* -- what needs no copy */

static bool needs_copy(const struct sp_pinned *tag, size_t backup)
{
  const struct sp_tag_at *at = &tag->at[backup];
  return tag->primary.alg != SP_DIGEST_NONE && at->is_known &&
         (at->action == SP_ACTION_SET || at->action == SP_ACTION_PROVE);
}

/* Side tags are told only where they are copied: nobody selected them. */
static void settle(struct sp_work *work, const struct sp_pinned *tag, size_t backup)
{
  const struct sp_tag_at *at = &tag->at[backup];
  if (needs_copy(tag, backup) || (tag->is_side && at->action == SP_ACTION_KEEP))
    return;
  if (tag->primary.alg == SP_DIGEST_NONE || !at->is_known) {
    tell_failed(work, tag, backup, tag->why, NULL);
    return;
  }
  if (at->action == SP_ACTION_KEEP && tag->has_no_list) {
    tell_failed(work, tag, backup, tag->why, NULL);
    sp_remember_tag(work, tag, backup);
    return;
  }
  enum sp_sync_result result = work->sync->restores ? SP_SYNC_REFUSED : SP_SYNC_NOT_FOLLOWED;
  if (at->action == SP_ACTION_KEEP)
    result = SP_SYNC_IN_STEP;
  else if (at->action == SP_ACTION_TELL)
    result = SP_SYNC_DAMAGED;
  tell_tag(work, tag, backup, result, NULL);
  if (at->action != SP_ACTION_REFUSE)
    sp_remember_tag(work, tag, backup);
}

/* -- one copy */

/* Puts the backup among the destinations, with those of the group's tags that need it there. */
static void add_destination(struct copy *copy, size_t backup)
{
  struct sp_work *work = copy->work;
  size_t first = copy->count * copy->group->count;
  size_t count = 0;
  for (size_t i = 0; i < copy->group->count; i++) {
    struct sp_pinned *tag = copy->group->tags[i];
    struct setting *setting = &copy->settings[first + count];
    if (!needs_copy(tag, backup))
      continue;
    setting->tag = tag;
    setting->history[0] = '\0';
    struct sp_err why = SP_ERR_INIT;
    if (sp_work_is_source_out(work, &why) || !sp_work_is_open(work, backup)) {
      tell_failed(work, tag, backup, &why, NULL);
      continue;
    }
    copy->names[first + count] = tag->name;
    copy->now[first + count++] = tag->at[backup].now;
  }
  if (count == 0)
    return;
  copy->backups[copy->count] = backup;
  copy->to[copy->count++] = (struct sp_transfer_destination){.store = work->backups[backup],
                                                             .tags = &copy->names[first],
                                                             .tag_count = count,
                                                             .tags_now = &copy->now[first],
                                                             .is_empty = work->is_blank[backup],
                                                             .read_back = work->sync->restores,
                                                             .place = work->places[backup]};
}

/* What the tags of a destination are about to leave keeps a name there. */
static int before_tags(void *ctx, size_t destination, struct sp_err *err)
{
  struct copy *copy = ctx;
  size_t backup = copy->backups[destination];
  for (size_t i = 0; i < copy->to[destination].tag_count; i++) {
    struct setting *setting = &copy->settings[destination * copy->group->count + i];
    if (sp_tags_require_unmoved(copy->work, setting->tag, backup, err) < 0)
      return -1;
    if (setting->history[0] == '\0' &&
        sp_history_keep(copy->work, backup, setting->tag, setting->history, err) < 0)
      return -1;
  }
  return 0;
}

static int before_side_tag(void *ctx, size_t destination, const char *tag,
                           const struct sp_digest *next, struct sp_err *err)
{
  struct copy *copy = ctx;
  return sp_history_keep_side(copy->work, copy->backups[destination], tag, next, err);
}

static void tell_ended(void *ctx, const struct sp_image *image)
{
  const struct copy *copy = ctx;
  const struct sp_sync *sync = copy->work->sync;
  if (image->referrers_absent > 0)
    atomic_store(&copy->work->lacks_referrers, true);
  for (size_t i = 0; i < copy->count; i++) {
    if (copy->report->places[i].err.code == SP_E_THROTTLED)
      sp_work_note_window(copy->work, copy->backups[i], image->node_count, copy->to[i].tags[0]);
  }
  for (size_t i = 0; sync->copied && i < copy->count; i++) {
    const struct sp_sync_copied copied = {.digest = &copy->digest,
                                          .tags = copy->to[i].tags,
                                          .tag_count = copy->to[i].tag_count,
                                          .image = image};
    sync->copied(sync->ctx, copy->work->number, &copied);
  }
}

/* -- what is known to be rotten */

/* Is a tag about to move there? (All else is in step, and only proven.) */
static bool is_moving(const struct copy *copy, size_t destination)
{
  for (size_t i = 0; i < copy->to[destination].tag_count; i++) {
    const struct sp_pinned *tag = copy->settings[destination * copy->group->count + i].tag;
    if (tag->at[copy->backups[destination]].action == SP_ACTION_SET)
      return true;
  }
  return false;
}

static enum sp_doubt doubt(void *ctx, size_t destination, const struct sp_digest *blob)
{
  const struct copy *copy = ctx;
  return sp_work_doubt(copy->work, copy->backups[destination], blob, is_moving(copy, destination));
}

static void was_read(void *ctx, size_t destination, const struct sp_digest *digest, bool is_good)
{
  const struct copy *copy = ctx;
  sp_remember_rot(copy->work, digest, copy->backups[destination], !is_good);
}

static int transfer(struct copy *copy, struct sp_err *err)
{
  struct sp_work *work = copy->work;
  const char *names[SP_MAX_DESTINATIONS];
  for (size_t i = 0; i < copy->count; i++)
    names[i] = copy->to[i].store->name;
  if (sp_report_new(SP_REPORT_COPY, work->primary->name, names, copy->count, &copy->report, err) <
      0)
    return -1;
  const struct sp_transfer transfer = {
      .source = work->primary,
      .digest = copy->digest,
      .destinations = copy->to,
      .destination_count = copy->count,
      .with_referrers = work->rules.with_referrers && !copy->group->tags[0]->is_side,
      .dry_run = work->sync->dry_run,
      .before_tags = before_tags,
      .before_side_tag = before_side_tag,
      .ended = tell_ended,
      .doubt = doubt,
      .was_read = was_read,
      .ctx = copy,
      .keep_side_tags = work->sync->restores && !sp_work_is_accepted(work, "*"),
      .view = &work->view,
      .holdings = work->holdings,
      .retry = work->sync->retry,
      .cancel = work->sync->cancel,
      .progress = work->sync->progress,
      .progress_ctx = work->sync->progress_ctx,
  };
  sp_transfer_run(&transfer, copy->report);
  atomic_fetch_add(&work->bytes_read, copy->report->bytes_read);
  return 0;
}

/* -- what came of it */

/* The primary's failure is every destination's. */
static const struct sp_err *failure_of(const struct copy *copy, size_t destination)
{
  const struct sp_report *report = copy->report;
  return report->err.code ? &report->err : &report->places[destination].err;
}

static enum sp_proof proof_of(const struct sp_report_place *place)
{
  bool is_read = strcmp(place->proof, sp_proof_name(SP_PROOF_READ)) == 0;
  return is_read ? SP_PROOF_READ : SP_PROOF_TOUCHED;
}

static enum sp_sync_result result_of(const struct sp_report_place *place, const char *tag)
{
  for (size_t i = 0; i < place->tag_count; i++) {
    if (strcmp(place->tags[i].name, tag) != 0)
      continue;
    switch (place->tags[i].result) {
    case SP_TAG_SET:
      return SP_SYNC_COPIED;
    case SP_TAG_ALREADY:
      return SP_SYNC_PROVEN;
    case SP_TAG_PLANNED:
      return SP_SYNC_PLANNED;
    case SP_TAG_NOT_SET:
    case SP_TAG_UNSURE:
      return SP_SYNC_FAILED;
    }
  }
  return SP_SYNC_FAILED;
}

/* What it would take to keep the digest that the tag leaves, besides the transfer's own plan. */
static void plan_history(struct sp_work *work, size_t backup, const struct sp_pinned *tag)
{
  if (work->sync->restores || !sp_history_is_due(work, backup, tag))
    return;
  uint64_t pulls = sp_kept_pulls(work->backups[backup], sp_tags_left(&tag->at[backup]));
  SP_LOCK_SCOPE(&work->lock);
  work->told->places[backup].pulls_planned += pulls;
  work->told->places[backup].requests_planned += 2 + pulls;
}

/* The backup still has wrong bytes where its tag points to: in spite of a new upload. */
static bool is_seen_damaged(const struct copy *copy, size_t destination, const struct sp_tag_at *at)
{
  return copy->report->err.code == SP_OK &&
         copy->report->places[destination].err.code == SP_E_DIGEST &&
         sp_digest_eq(&at->now, &copy->digest);
}

/* Has it bytes there that a touch calls good? All other damage the next sync sees again, or sees
 * that it was mended. */
static bool has_wrong_bytes(const struct copy *copy, size_t destination)
{
  const struct sp_report_place *place = &copy->report->places[destination];
  for (size_t i = 0; i < place->damage_count; i++) {
    if (strcmp(place->damage[i].finding, SP_FINDING_WRONG) == 0)
      return true;
  }
  return false;
}

static void finish_tag(struct copy *copy, size_t destination, struct setting *setting)
{
  struct sp_work *work = copy->work;
  size_t backup = copy->backups[destination];
  struct sp_pinned *tag = setting->tag;
  enum sp_sync_result result = result_of(&copy->report->places[destination], tag->name);
  if (work->sync->dry_run && result == SP_SYNC_PROVEN)
    result = SP_SYNC_TO_PROVE;
  if (result == SP_SYNC_PLANNED)
    plan_history(work, backup, tag);
  if (result == SP_SYNC_FAILED)
    tell_failed(work, tag, backup, failure_of(copy, destination), setting->history);
  else
    tell_tag(work, tag, backup, result, setting->history);
  if (is_seen_damaged(copy, destination, &tag->at[backup]))
    sp_remember_damage(work, &copy->digest, backup,
                       copy->to[destination].read_back || has_wrong_bytes(copy, destination));
  if (result != SP_SYNC_COPIED && result != SP_SYNC_PROVEN)
    return;
  tag->at[backup].proven = proof_of(&copy->report->places[destination]);
  sp_remember_tag(work, tag, backup);
}

/* If all tags have moved, that is no failure. Tags that moved are told when they were copied
 * again. */
static void finish(struct copy *copy, bool has_all_moved)
{
  struct sp_work *work = copy->work;
  const struct sp_report *report = copy->report;
  for (size_t i = 0; i < copy->count; i++) {
    const struct sp_err *at_place = &report->places[i].err;
    if (report->err.code == SP_OK && at_place->code != SP_OK && !has_all_moved)
      sp_work_fail_place(work, copy->backups[i], at_place);
    {
      SP_LOCK_SCOPE(&work->lock);
      if (report->err.code != SP_OK && !has_all_moved)
        sp_told_fail_place(work->told, copy->backups[i], &report->err);
      sp_told_add_copy(work->told, copy->backups[i], &report->places[i]);
      for (size_t k = 0; i == 0 && k < report->note_count; k++)
        sp_told_add_note(work->told, "%s", report->notes[k]);
    }
    for (size_t k = 0; k < copy->to[i].tag_count; k++) {
      struct setting *setting = &copy->settings[i * copy->group->count + k];
      if (!setting->tag->has_moved)
        finish_tag(copy, i, setting);
    }
  }
  if (report->err.code == SP_OK)
    sp_work_note_source(work);
  else if (!has_all_moved)
    sp_work_fail_source(work, &report->err);
  if (report->err.code == SP_OK && !work->sync->dry_run && !work->sync->restores)
    sp_remember_referrers(work, &copy->digest);
}

/* -- a tag that moved meanwhile */

/* Asks the primary once more. True if the tag names another digest now, which is pinned then. */
static bool has_moved(struct copy *copy, struct sp_pinned *tag)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  if (tag->is_fixed || tag->is_side ||
      sp_store_resolve(copy->work->primary, tag->name, &named, &err) < 0 ||
      sp_digest_eq(&named.digest, &tag->primary))
    return false;
  for (size_t i = 0; i < copy->count; i++) {
    struct sp_tag_at *at = &tag->at[copy->backups[i]];
    if (result_of(&copy->report->places[i], tag->name) != SP_SYNC_FAILED)
      at->now = tag->primary;
    at->action = SP_ACTION_SET;
  }
  tag->primary = named.digest;
  return true;
}

/* Was the tag set where it may have named something else? Then another run that looked later, and
 * was faster, may have set it before: what that one saw would be gone. */
static bool may_have_set_back(const struct copy *copy, const struct sp_pinned *tag)
{
  for (size_t i = 0; i < copy->count; i++) {
    if (!copy->work->is_blank[copy->backups[i]] &&
        result_of(&copy->report->places[i], tag->name) == SP_SYNC_COPIED)
      return true;
  }
  return false;
}

static bool is_worth_a_look(const struct copy *copy, const struct sp_pinned *tag, int64_t began_ms)
{
  const struct sp_err *err = &copy->report->err;
  if (copy->work->sync->dry_run || sp_cancel_is_requested(copy->work->sync->cancel))
    return false;
  bool is_long = sp_clock_mono_ms() - began_ms > LONG_COPY_MS;
  return err->code == SP_E_NOT_FOUND ||
         (err->code == SP_OK && (is_long || may_have_set_back(copy, tag)));
}

static void copy_clear(struct copy *copy)
{
  sp_report_free(copy->report);
  free(copy->settings);
  free(copy->names);
  free(copy->now);
}

static void fail_everywhere(struct copy *copy, const struct sp_err *err)
{
  for (size_t i = 0; i < copy->count; i++) {
    sp_work_fail_place(copy->work, copy->backups[i], err);
    for (size_t k = 0; k < copy->to[i].tag_count; k++)
      tell_failed(copy->work, copy->settings[i * copy->group->count + k].tag, copy->backups[i], err,
                  NULL);
  }
}

/* It did not even begin, so there is no destination to be blamed: the image is told as failed. */
static void fail_image(struct sp_work *work, const struct sp_err *err)
{
  SP_LOCK_SCOPE(&work->lock);
  if (work->told->err.code == SP_OK)
    sp_err_copy(&work->told->err, err);
}

static int copy_begin(struct copy *copy, struct sp_err *err)
{
  size_t all = copy->group->count * copy->work->backup_count + 1;
  copy->settings = calloc(all, sizeof *copy->settings);
  copy->names = calloc(all, sizeof *copy->names);
  copy->now = calloc(all, sizeof *copy->now);
  if (!copy->settings || !copy->names || !copy->now)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  for (size_t i = 0; i < copy->work->backup_count; i++)
    add_destination(copy, i);
  return 0;
}

/* Copies the group, for the nth time. What moved meanwhile is copied once more, tag by tag. */
static void copy_group(struct sp_work *work, const struct group *group, int nth)
{
  SP_CLEANUP(copy_clear)
  struct copy copy = {.work = work, .group = group, .digest = group->tags[0]->primary};
  struct sp_err err = SP_ERR_INIT;
  int64_t began_ms = sp_clock_mono_ms();
  if (copy_begin(&copy, &err) < 0) {
    fail_image(work, &err);
    return;
  }
  if (copy.count > 0 && transfer(&copy, &err) < 0) {
    fail_everywhere(&copy, &err);
    return;
  }
  if (copy.count == 0)
    return;
  size_t moved = 0;
  for (size_t i = 0; i < group->count; i++) {
    struct sp_pinned *tag = group->tags[i];
    tag->has_moved =
        nth < COPIES_MAX && is_worth_a_look(&copy, tag, began_ms) && has_moved(&copy, tag);
    moved += tag->has_moved;
  }
  finish(&copy, moved == group->count);
  for (size_t i = 0; moved > 0 && i < group->count; i++) {
    const struct group one = {.tags = &group->tags[i], .count = 1};
    if (group->tags[i]->has_moved)
      copy_group(work, &one, nth + 1);
  }
}

/* -- all of them */

static int by_rank_and_digest(const void *a, const void *b)
{
  const struct sp_pinned *x = *(const struct sp_pinned *const *)a;
  const struct sp_pinned *y = *(const struct sp_pinned *const *)b;
  if (x->rank != y->rank)
    return x->rank - y->rank;
  if (x->is_side != y->is_side)
    return x->is_side - y->is_side;
  int difference = memcmp(&x->primary, &y->primary, sizeof x->primary);
  return difference ? difference : strcmp(x->name, y->name);
}

static bool is_same_group(const struct sp_pinned *a, const struct sp_pinned *b)
{
  return a->rank == b->rank && a->is_side == b->is_side && sp_digest_eq(&a->primary, &b->primary);
}

struct copies {
  struct sp_work *work;
  struct group *groups;
};

static void group_task(void *ctx, size_t i)
{
  struct copies *copies = ctx;
  copy_group(copies->work, &copies->groups[i], 1);
}

/* Groups tags of this rank; answers how many groups there are. *next: the first tag of the rest. */
static size_t make_groups(struct sp_pinned **order, size_t count, size_t *next, int rank,
                          struct group *groups)
{
  size_t n = 0;
  for (; *next < count && order[*next]->rank == rank; (*next)++) {
    if (n > 0 && is_same_group(groups[n - 1].tags[0], order[*next]))
      groups[n - 1].count++;
    else
      groups[n++] = (struct group){.tags = &order[*next], .count = 1};
  }
  return n;
}

static bool needs_any_copy(const struct sp_work *work, const struct sp_pinned *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (needs_copy(tag, i))
      return true;
  }
  return false;
}

static void run_ranks(struct sp_work *work, struct sp_pinned **order, size_t count,
                      struct group *groups)
{
  qsort(order, count, sizeof *order, by_rank_and_digest);
  size_t next = 0;
  for (int rank = 0; rank < RANKS; rank++) {
    struct copies copies = {.work = work, .groups = groups};
    size_t n = make_groups(order, count, &next, rank, groups);
    sp_pool_run(n, SP_MAX_WORKERS, group_task, &copies);
  }
}

/* What sync does not mend: it would have to read the image to find what is wrong in it. */
static void advise(struct sp_work *work)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    unsigned long long count = work->told->places[i].counts[SP_SYNC_DAMAGED];
    if (count > 0)
      sp_told_add_note(work->told,
                       "%llu tags are known to be damaged at '%s': safeport verify --read --repair "
                       "%s",
                       count, work->backups[i]->name, work->name);
  }
  if (atomic_load(&work->lacks_referrers) && !work->sync->restores)
    sp_told_add_note(
        work->told,
        "'%s' lists referrers that it does not have: safeport verify --repair %s takes "
        "them from a backup that has them, and says what is nowhere",
        work->primary->name, work->name);
}

void sp_copies_run(struct sp_work *work)
{
  SP_AUTO_FREE struct sp_pinned **order = calloc(work->tags.count + 1, sizeof(struct sp_pinned *));
  SP_AUTO_FREE struct group *groups = calloc(work->tags.count + 1, sizeof *groups);
  if (!order || !groups) {
    struct sp_err err = SP_ERR_INIT;
    (void)sp_fail(&err, SP_E_NOMEM, "out of memory");
    fail_image(work, &err);
    return;
  }
  size_t count = 0;
  for (size_t i = 0; i < work->tags.count; i++) {
    struct sp_pinned *tag = &work->tags.items[i];
    for (size_t backup = 0; backup < work->backup_count; backup++)
      settle(work, tag, backup);
    if (needs_any_copy(work, tag))
      order[count++] = tag;
  }
  run_ranks(work, order, count, groups);
  advise(work);
  if (!work->sync->restores)
    sp_work_note_rot(work);
}
