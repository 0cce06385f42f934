/* SPDX-License-Identifier: Apache-2.0 */
/* sp_drill. The sample is chosen from what the backups list and what the journal knows of when each
 * was read. Then image by image, one at a time: planned, checked for room, restored into an OCI
 * layout of its own (which shares nothing with any other, so that every byte comes from that
 * backup), told, removed. */
#include <string.h>

#include "api/fleet.h"
#include "api/scratch.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/text.h"
#include "journal/known.h"
#include "journal/rot.h"
#include "journal/runs.h"
#include "policy/tag_kind.h"
#include "restore/sample.h"
#include "restore/view.h"
#include "safeport/restore.h"
#include "store/pull_reserve.h"
#include "sync/outage.h"
#include "sync/side.h"
#include "sync/told.h"

#define DEFAULT_SAMPLE 5

struct drill {
  const struct sp_drill_options *options;
  struct sp_fleet fleet;
  struct sp_journal *forgetful; /* for the inner runs, whose destinations are nobody's business */
  struct sp_sample sample;
  struct sp_sync_totals *totals;
  struct sp_outages outages;
  pthread_mutex_t lock; /* guards sample, totals and what follows */
  unsigned classes;
  bool has_success;
};

/* One image of the sample at work. */
struct turn {
  struct drill *drill;
  const struct sp_sampled *item;
  struct sp_scratch scratch;
  const char *tag;          /* item->tag */
  struct sp_selection only; /* it alone: a history tag is selected by its own name only */
  struct sp_view view;
  bool has_view;
  char *place;    /* the backup's name */
  char *known_as; /* and as the journal knows it (sp_store_known_as) */
  bool is_plan;
  uint64_t bytes; /* by the plan */
  int exit_status;
};

/* Called with the lock held. */
static void tell(struct drill *drill, const struct sp_sync_image *told)
{
  sp_totals_add(drill->totals, told);
  drill->classes |= sp_told_classes(told);
  drill->has_success = drill->has_success || sp_told_has_success(told);
  if (drill->options->image)
    drill->options->image(drill->options->ctx, told);
}

static void tell_failure(struct drill *drill, size_t number, const char *place,
                         const struct sp_err *why)
{
  SP_CLEANUP(sp_told_free_auto_) struct sp_sync_image *told = NULL;
  struct sp_err err = SP_ERR_INIT;
  SP_LOCK_SCOPE(&drill->lock);
  if (sp_told_new(sp_images_name(drill->fleet.images, number), &told, &err) < 0 ||
      sp_told_set_places(told, place, NULL, 0, &err) < 0) {
    sp_err_copy(&drill->totals->err, &err);
    return;
  }
  sp_err_copy(&told->err, why);
  tell(drill, told);
  const struct sp_run_image image = {
      .image = told->name, .place = place, .result = "failed", .why = why};
  (void)!sp_runs_tell_image(drill->fleet.journal, drill->fleet.run_id, &image, &err);
}

/* -- the sample */

static int64_t read_at(const struct sp_known *known, const char *tag)
{
  const struct sp_known_tag *state = sp_known_find_tag(known, tag);
  const struct sp_known_digest *digest = state ? sp_known_find_digest(known, &state->digest) : NULL;
  return digest ? digest->read_s : 0;
}

static int offer_backup(struct drill *drill, size_t number, size_t backup,
                        const struct sp_store *store, const struct sp_side *side,
                        struct sp_err *err)
{
  SP_AUTO_KNOWN struct sp_known known = {0};
  if (sp_known_read(drill->fleet.journal, sp_store_known_as(store), SP_KNOWN_NOW, &known, err) < 0)
    return -1;
  SP_LOCK_SCOPE(&drill->lock);
  for (size_t i = 0; i < side->tag_count; i++) {
    if (!sp_tag_is_special(side->tags[i]) || sp_history_tag_parse(side->tags[i], NULL, NULL))
      sp_sample_offer(&drill->sample, number, backup, side->tags[i],
                      read_at(&known, side->tags[i]));
  }
  return 0;
}

static void look_at_backup(struct drill *drill, size_t number, size_t backup)
{
  SP_AUTO_OPENED struct sp_opened opened = {0};
  SP_CLEANUP(sp_side_clear_auto_) struct sp_side side = {0};
  struct sp_err err = SP_ERR_INIT;
  const struct sp_cancel *cancel = sp_session_cancel(drill->fleet.session);
  if (sp_cancel_is_requested(cancel))
    return;
  if (sp_images_open_backup(drill->fleet.images, number, backup, SP_OPEN_READ, &opened, &err) < 0) {
    tell_failure(drill, number, "", &err);
    return;
  }
  if (sp_outages_check(&drill->outages, opened.store->name, &err) == 0 &&
      sp_side_list(&side, opened.store, cancel, &err) == 0 &&
      offer_backup(drill, number, backup, opened.store, &side, &err) == 0)
    return;
  sp_outages_note(&drill->outages, opened.store->name, &err);
  if (err.code != SP_E_INTERRUPTED)
    tell_failure(drill, number, opened.store->name, &err);
}

static void look_task(void *ctx, size_t number)
{
  struct drill *drill = ctx;
  size_t count = sp_images_rules(drill->fleet.images, number)->backups.count;
  struct sp_err err = SP_ERR_INIT;
  if (sp_images_check(drill->fleet.images, number, &err) < 0) {
    tell_failure(drill, number, "", &err);
    return;
  }
  for (size_t i = 0; i < count; i++)
    look_at_backup(drill, number, i);
}

/* -- a turn */

static const char *turn_name(void *ctx, size_t number)
{
  const struct turn *turn = ctx;
  (void)number;
  return sp_images_name(turn->drill->fleet.images, turn->item->image);
}

static int open_view(struct turn *turn, struct sp_pull_reserve *reserve, struct sp_store **out,
                     struct sp_err *err)
{
  const struct sp_fleet *fleet = &turn->drill->fleet;
  struct sp_opened opened;
  if (sp_images_open_backup(fleet->images, turn->item->image, turn->item->backup, SP_OPEN_READ,
                            &opened, err) < 0)
    return -1;
  if (!turn->place && (sp_text_dup(&turn->place, opened.store->name, err) < 0 ||
                       sp_text_dup(&turn->known_as, sp_store_known_as(opened.store), err) < 0)) {
    sp_opened_clear(&opened);
    return -1;
  }
  const struct sp_view_request request = {.image = turn_name(turn, 0),
                                          .tags = &turn->tag,
                                          .tag_count = 1,
                                          .at_s = SP_KNOWN_NOW,
                                          .journal = turn->drill->forgetful,
                                          .retry = sp_session_retry(fleet->session),
                                          .cancel = sp_session_cancel(fleet->session)};
  sp_view_init(&turn->view);
  turn->has_view = true;
  struct sp_store *copy;
  if (sp_pull_reserve_wrap_take(reserve, opened.store, &copy, err) < 0)
    return -1;
  return sp_view_open_take(&turn->view, &request, &copy, 1, out, err);
}

static int turn_open(void *ctx, size_t number, struct sp_pull_reserve *reserve,
                     struct sp_sync_entry *out, struct sp_err *err)
{
  struct turn *turn = ctx;
  const struct sp_fleet *fleet = &turn->drill->fleet;
  struct sp_place place = {.transport = SP_TRANSPORT_LAYOUT};
  struct sp_opened opened;
  (void)number;
  if ((size_t)snprintf(place.path, sizeof place.path, "%s/image", turn->scratch.path) >=
      sizeof place.path)
    return sp_fail(err, SP_E_USAGE, "the path of '%s' is too long", turn->scratch.path);
  *out = (struct sp_sync_entry){
      .rules = {.tags = &turn->only,
                .with_referrers = sp_images_rules(fleet->images, turn->item->image)->referrers}};
  if (open_view(turn, reserve, &out->primary, err) < 0)
    return -1;
  if (sp_session_open_or_broken(fleet->session, &place,
                                turn->is_plan ? SP_OPEN_PLAN : SP_OPEN_WRITE, &opened, err) < 0) {
    sp_store_close(out->primary);
    return -1;
  }
  out->backups[0] = opened.store;
  out->backup_count = 1;
  return 0;
}

static bool turn_pulls(void *ctx, const struct sp_store *store, struct sp_pulls_said *out)
{
  return sp_fleet_pulls(&((const struct turn *)ctx)->drill->fleet, store, out);
}

static bool has_failed_digest(const struct sp_sync_image *told)
{
  return told->err.code == SP_E_DIGEST ||
         (told->place_count > 0 && told->places[0].err.code == SP_E_DIGEST);
}

static bool is_damaged(const struct turn *turn, const struct sp_sync_image *told)
{
  bool is_passed_over = false;
  for (size_t i = 0; i < turn->view.passed_over_count; i++)
    is_passed_over = is_passed_over || turn->view.passed_over[i].why != SP_PASSED_UNREAD;
  return is_passed_over || has_failed_digest(told);
}

/* Of another kind than something that is missing. */
static bool has_wrong_bytes(const struct turn *turn, const struct sp_sync_image *told)
{
  bool is_passed_over = false;
  for (size_t i = 0; i < turn->view.passed_over_count; i++)
    is_passed_over = is_passed_over || turn->view.passed_over[i].why == SP_PASSED_DAMAGED;
  return is_passed_over || has_failed_digest(told);
}

/* Of what could not be read right: what is missing too, for the backup names the image. And when
 * what could be is proven: with that in mind. */
static int64_t tell_rot(const struct turn *turn, struct sp_err *err)
{
  struct sp_journal *journal = turn->drill->fleet.journal;
  SP_AUTO_ROT struct sp_rot rot = {0};
  int64_t now_s = sp_clock_wall_s();
  for (size_t i = 0; i < turn->view.passed_over_count; i++) {
    const struct sp_passed_over *passed = &turn->view.passed_over[i];
    if (passed->why != SP_PASSED_UNREAD &&
        sp_rot_tell_seen(journal, turn->known_as, &passed->digest, now_s, err) < 0)
      return now_s;
  }
  sp_journal_flush(journal);
  return sp_rot_read(journal, turn->known_as, &rot, err) < 0 ? now_s
                                                             : sp_rot_date_proof(&rot, now_s);
}

/* A proof of that backup, or the end of one. */
static void remember(const struct turn *turn, const struct sp_sync_image *told)
{
  struct sp_journal *journal = turn->drill->fleet.journal;
  struct sp_err no_memory = SP_ERR_INIT; /* then it is drilled again */
  int64_t now_s = turn->place ? tell_rot(turn, &no_memory) : 0;
  bool is_whole = told->place_count > 0 && told->places[0].counts[SP_SYNC_COPIED] > 0;
  const struct sp_known_digest proof = {.digest = turn->view.only, .read_s = now_s};
  if (turn->view.only.alg != SP_DIGEST_NONE && is_whole)
    (void)!(sp_known_tell_tag(journal, turn->known_as, turn->tag, &turn->view.only, now_s,
                              &no_memory) < 0 ||
            sp_known_tell_digest(journal, turn->known_as, &proof, &no_memory) < 0);
  else if (turn->view.only.alg != SP_DIGEST_NONE && is_damaged(turn, told))
    (void)!sp_known_tell_damage(journal, turn->known_as, &turn->view.only,
                                has_wrong_bytes(turn, told), &no_memory);
  const struct sp_err *why = told->err.code          ? &told->err
                             : told->place_count > 0 ? &told->places[0].err
                                                     : NULL;
  const struct sp_run_image image = {.image = told->name,
                                     .place = turn->place ? turn->place : "",
                                     .result = is_whole ? "proven" : "failed",
                                     .digest = turn->view.only,
                                     .why = why};
  (void)!sp_runs_tell_image(journal, turn->drill->fleet.run_id, &image, &no_memory);
}

static void turn_closing(void *ctx, size_t number, struct sp_sync_image *told)
{
  struct turn *turn = ctx;
  (void)number;
  if (!turn->has_view)
    return;
  if (!turn->is_plan)
    remember(turn, told);
  sp_view_clear(&turn->view);
  turn->has_view = false;
}

/* A plan that failed is the result; else it only says how much room is needed. */
static void turn_done(void *ctx, const struct sp_sync_image *told)
{
  struct turn *turn = ctx;
  if (turn->is_plan && !sp_told_has_failure(told)) {
    turn->bytes = told->place_count > 0 ? told->places[0].bytes_to_send : 0;
    return;
  }
  SP_LOCK_SCOPE(&turn->drill->lock);
  tell(turn->drill, told);
}

static void sync_once(struct turn *turn, bool is_plan)
{
  const struct drill *drill = turn->drill;
  struct sp_sync_totals totals;
  turn->is_plan = is_plan;
  const struct sp_sync job = {
      .images =
          {.count = 1, .name = turn_name, .open = turn_open, .pulls = turn_pulls, .ctx = turn},
      .journal = drill->forgetful,
      .max_loss_percent = 100,
      .jobs = 1,
      .dry_run = is_plan,
      .restores = true,
      .retry = sp_session_retry(drill->fleet.session),
      .cancel = sp_session_cancel(drill->fleet.session),
      .closing = turn_closing,
      .done = turn_done,
      .ctx = turn,
      .progress = is_plan ? NULL : drill->options->progress,
      .progress_ctx = drill->options->progress_ctx,
  };
  sp_sync_run(&job, &totals);
  drill->totals->bytes_read += totals.bytes_read;
  turn->exit_status = totals.exit_status;
}

static int make_scratch(const struct drill *drill, struct sp_scratch *scratch, struct sp_err *err)
{
  const char *parent = drill->options->scratch ? drill->options->scratch : drill->fleet.state_dir;
  if (!parent)
    return sp_fail(err, SP_E_IO, "there is no state directory to be used: say --scratch DIR");
  return sp_scratch_make(scratch, parent, err);
}

static void take_turn(struct drill *drill, const struct sp_sampled *item)
{
  struct turn turn = {.drill = drill, .item = item, .tag = item->tag};
  struct sp_err err = SP_ERR_INIT;
  if (sp_pattern_list_add(&turn.only.include, sp_span_str(turn.tag), &err) == 0 &&
      make_scratch(drill, &turn.scratch, &err) == 0) {
    sync_once(&turn, true);
    if (turn.exit_status == 0 && sp_scratch_check_room(&turn.scratch, turn.bytes, &err) == 0)
      sync_once(&turn, false);
  }
  sp_scratch_remove(&turn.scratch);
  sp_selection_clear(&turn.only);
  if (err.code != SP_OK) {
    (void)sp_err_context(&err, "cannot drill '%s'", item->tag);
    tell_failure(drill, item->image, turn.place ? turn.place : "", &err);
  }
  free(turn.place);
  free(turn.known_as);
}

/* -- all of it */

static void run(struct drill *drill)
{
  const struct sp_cancel *cancel = sp_session_cancel(drill->fleet.session);
  struct sp_sync_totals *totals = drill->totals;
  sp_pool_run(sp_images_count(drill->fleet.images), sp_images_config(drill->fleet.images)->jobs,
              look_task, drill);
  sp_sample_sort(&drill->sample);
  if (drill->sample.count == 0 && totals->images == 0 && totals->err.code == SP_OK)
    (void)sp_fail(&totals->err, SP_E_NOT_FOUND, "no backup has any image: nothing was drilled");
  for (size_t i = 0; i < drill->sample.count && !sp_cancel_is_requested(cancel); i++)
    take_turn(drill, &drill->sample.items[i]);
  struct sp_err stopped = SP_ERR_INIT;
  if (sp_cancel_check(cancel, &stopped) < 0)
    sp_err_copy(&totals->err, &stopped);
  totals->exit_status = sp_totals_exit_status(totals, drill->classes, drill->has_success);
}

static void drill_clear(struct drill *drill)
{
  sp_sample_clear(&drill->sample);
  sp_journal_close(drill->forgetful);
  sp_fleet_clear(&drill->fleet);
  sp_outages_clear(&drill->outages);
  pthread_mutex_destroy(&drill->lock);
}

SP_DEFINE_AUTO_CLEAR(struct drill, drill_clear)

int sp_drill(struct sp_session *session, const struct sp_drill_options *options,
             struct sp_sync_totals *totals, struct sp_err *err)
{
  SP_CLEANUP(drill_clear_auto_) struct drill drill = {.options = options, .totals = totals};
  const struct sp_images_request request = {.of = options->of, .from_backups = true};
  *totals = (struct sp_sync_totals){.err = SP_ERR_INIT};
  pthread_mutex_init(&drill.lock, NULL);
  sp_outages_init(&drill.outages);
  if (sp_sample_init(&drill.sample, options->sample ? options->sample : DEFAULT_SAMPLE,
                     options->seed, err) < 0 ||
      sp_journal_open(NULL, SP_JOURNAL_WRITE, &drill.forgetful, err) < 0 ||
      sp_fleet_begin(&drill.fleet, session, &request, "drill", SP_OPEN_READ, err) < 0)
    return -1;
  run(&drill);
  return sp_fleet_end(&drill.fleet, &totals->err, &totals->exit_status, totals->started,
                      &totals->seconds, err);
}
