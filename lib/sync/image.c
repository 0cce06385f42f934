/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is written before both sides are wholly listed: a primary that lost what it had is found
 * out before it can do harm. */
#include "sync/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "sync/audit.h"
#include "sync/copies.h"
#include "sync/followers.h"
#include "sync/gone.h"
#include "sync/kept.h"
#include "sync/lock.h"
#include "sync/recall.h"
#include "sync/remember.h"
#include "sync/results.h"
#include "sync/strays.h"
#include "sync/told.h"
#include "sync/wanted.h"
#include "transfer/trouble.h"

#define SOURCE_FAILURES_MAX 32 /* so many in a row: the primary gives nothing */
#define SOURCE_OUTAGE 8        /* one that it could not be reached counts so much */

/* -- work */

void sp_work_init(struct sp_work *work, const struct sp_sync *sync, struct sp_holdings *holdings,
                  const char *name, int64_t now_s, struct sp_sync_image *told)
{
  memset(work, 0, sizeof *work);
  work->sync = sync;
  work->holdings = holdings;
  work->name = name;
  work->now_s = now_s;
  work->told = told;
  pthread_mutex_init(&work->lock, NULL);
  pthread_mutex_init(&work->history_lock, NULL);
}

void sp_work_clear(struct sp_work *work)
{
  sp_tags_clear(&work->tags);
  free(work->fallbacks);
  free(work->children);
  free(work->is_wanted);
  sp_past_clear(&work->past);
  sp_side_clear(&work->primary_side);
  for (size_t i = 0; i < work->backup_count; i++) {
    sp_side_clear(&work->sides[i]);
    sp_holdings_leave(work->holdings, work->places[i]);
  }
  sp_store_close(work->primary);
  pthread_mutex_destroy(&work->history_lock);
  pthread_mutex_destroy(&work->lock);
}

void sp_work_fail_place(struct sp_work *work, size_t backup, const struct sp_err *err)
{
  if (err->code == SP_E_THROTTLED)
    atomic_store(&work->is_held[backup], true);
  else if (sp_trouble_is_of_place(err))
    atomic_store(&work->is_out[backup], true);
  SP_LOCK_SCOPE(&work->lock);
  sp_told_fail_place(work->told, backup, err);
}

/* One object may be quarantined, or its storage stall; of a primary that is down each copy tries
 * for as long as --retry-for says, and pulls that are held for one are held for all. */
void sp_work_fail_source(struct sp_work *work, const struct sp_err *err)
{
  if (!sp_trouble_is_of_place(err))
    return;
  unsigned weight = err->code == SP_E_UNREACHABLE ? SOURCE_OUTAGE : 1;
  if (err->code == SP_E_THROTTLED)
    weight = SOURCE_FAILURES_MAX;
  if (atomic_fetch_add(&work->source_failures, weight) + weight < SOURCE_FAILURES_MAX)
    return;
  SP_LOCK_SCOPE(&work->lock);
  sp_err_copy(&work->source_err, err);
}

void sp_work_note_source(struct sp_work *work)
{
  atomic_store(&work->source_failures, 0);
}

bool sp_work_is_source_out(struct sp_work *work, struct sp_err *why)
{
  SP_LOCK_SCOPE(&work->lock);
  if (work->source_err.code != SP_OK)
    sp_err_copy(why, &work->source_err);
  return work->source_err.code != SP_OK;
}

bool sp_work_takes_record(struct sp_work *work, size_t backup)
{
  return !atomic_load(&work->is_out[backup]) && !sp_cancel_is_requested(work->sync->cancel);
}

bool sp_work_is_open(struct sp_work *work, size_t backup)
{
  return !atomic_load(&work->is_held[backup]) && sp_work_takes_record(work, backup);
}

static bool has_damaged_tag(const struct sp_work *work, size_t backup)
{
  for (size_t i = 0; i < work->tags.count; i++) {
    const struct sp_digest *now = &work->tags.items[i].at[backup].now;
    if (sp_known_is_damaged(sp_known_find_digest(&work->past.backups[backup], now)))
      return true;
  }
  return false;
}

enum sp_doubt sp_work_doubt(const struct sp_work *work, size_t backup, const struct sp_digest *blob,
                            bool is_moving)
{
  enum sp_rot_state state = sp_rot_state(&work->past.rots[backup], blob);
  if (state == SP_ROT_HERE && !is_moving)
    return SP_DOUBT_BAD;
  return state == SP_ROT_NONE ? SP_DOUBT_NONE : SP_DOUBT_READ;
}

void sp_work_note_rot(struct sp_work *work)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    const struct sp_rot *rot = &work->past.rots[i];
    size_t count = 0;
    for (size_t k = 0; k < rot->count; k++)
      count += sp_rot_state(rot, &rot->blobs[k].digest) == SP_ROT_HERE;
    if (count > 0 && !has_damaged_tag(work, i))
      sp_told_add_note(
          work->told,
          "%zu blobs or manifests of history tags, or of tags that are not selected, are "
          "known to be damaged at '%s': safeport verify --read --repair %s",
          count, work->backups[i]->name, work->name);
  }
}

void sp_work_note_owners(struct sp_work *work)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    struct sp_err why = SP_ERR_INIT;
    if (sp_past_check_owner(&work->past, i, work->backups[i]->name, work->primary->name, &why) < 0)
      sp_told_add_note(work->told, "%s", why.msg);
  }
}

int sp_work_ask_records(struct sp_work *work, bool *has_news, struct sp_err *err)
{
  if (sp_past_ask_records(&work->past, work->sync->journal, work->primary->name, work->sides,
                          &work->sync->retry, has_news, err) < 0)
    return -1;
  if (!*has_news || !work->is_wanted)
    return 0;
  free(work->is_wanted); /* of the tags that were known before */
  work->is_wanted = NULL;
  return sp_wanted_find(work, err);
}

/* "v1.2.3", "app:v1.2.3" or "*". */
bool sp_work_is_accepted(const struct sp_work *work, const char *tag)
{
  size_t name_len = strlen(work->name);
  for (size_t i = 0; i < work->sync->accept_count; i++) {
    const char *accept = work->sync->accept[i];
    if (strncmp(accept, work->name, name_len) == 0 && accept[name_len] == ':')
      accept += name_len + 1;
    if (strcmp(accept, "*") == 0 || strcmp(accept, tag) == 0)
      return true;
  }
  return false;
}

/* -- opening */

/* A view of several stores is in the reserve already: counting twice, it would wait for itself. */
static int take_primary(struct sp_work *work, struct sp_store *primary,
                        struct sp_pull_reserve *reserve, struct sp_err *err)
{
  struct sp_store *metered;
  if (work->sync->restores) {
    work->primary = primary;
    return 0;
  }
  return sp_pull_reserve_wrap_take(reserve, primary, &metered, err) < 0
             ? -1
             : sp_kept_wrap_take(metered, work->sync->state_dir, reserve, false, &work->primary,
                                 err);
}

/* The stores of the backups go to the holdings, one by one; what cannot go there is closed. */
static int hand_over(struct sp_work *work, struct sp_sync_entry *entry,
                     struct sp_pull_reserve *reserve, struct sp_err *err)
{
  struct sp_store *metered;
  struct sp_store *audited;
  int failed = take_primary(work, entry->primary, reserve, err) < 0;
  for (size_t i = 0; i < entry->backup_count; i++) {
    if (failed) {
      sp_store_close(entry->backups[i]);
      continue;
    }
    struct sp_store **store = &work->backups[i];
    failed = sp_pull_reserve_wrap_take(reserve, entry->backups[i], &metered, err) < 0 ||
             sp_audit_wrap_take(metered, work, i, &audited, err) < 0 ||
             sp_kept_wrap_take(audited, work->sync->state_dir, reserve, true, store, err) < 0 ||
             sp_holdings_add_take(work->holdings, *store, &work->places[i], err) < 0;
    work->backup_count += !failed;
  }
  return failed ? -1 : 0;
}

static int open_places(struct sp_work *work, size_t number, struct sp_pull_reserve *reserve,
                       struct sp_err *err)
{
  const struct sp_sync_images *images = &work->sync->images;
  struct sp_sync_entry entry = {0};
  if (images->open(images->ctx, number, reserve, &entry, err) < 0)
    return -1;
  work->number = number;
  work->rules = entry.rules;
  if (hand_over(work, &entry, reserve, err) < 0)
    return -1;
  const char *names[SP_MAX_DESTINATIONS];
  for (size_t i = 0; i < work->backup_count; i++)
    names[i] = work->backups[i]->name;
  return sp_told_set_places(work->told, work->primary->name, names, work->backup_count, err);
}

/* -- listing */

struct listing {
  struct sp_work *work;
  struct sp_outages *outages;
};

static int list(struct listing *listing, struct sp_store *store, struct sp_side *side,
                struct sp_err *err)
{
  side->store = store; /* what is known of it is read, whether or not it can be listed */
  if (sp_outages_check(listing->outages, store->name, err) < 0)
    return -1;
  if (sp_side_list(side, store, listing->work->sync->cancel, err) == 0)
    return 0;
  sp_outages_note(listing->outages, store->name, err);
  return -1;
}

static void list_task(void *ctx, size_t i)
{
  struct listing *listing = ctx;
  struct sp_work *work = listing->work;
  struct sp_err err = SP_ERR_INIT;
  if (i > 0) {
    if (list(listing, work->backups[i - 1], &work->sides[i - 1], &err) == 0)
      return;
    atomic_store(&work->is_out[i - 1], true);
    sp_work_fail_place(work, i - 1, &err);
    return;
  }
  if (list(listing, work->primary, &work->primary_side, &err) == 0)
    return;
  SP_LOCK_SCOPE(&work->lock);
  sp_err_copy(&work->told->err, &err);
}

static int list_sides(struct sp_work *work, struct sp_outages *outages, struct sp_err *err)
{
  struct listing listing = {.work = work, .outages = outages};
  sp_pool_run(1 + work->backup_count, 1 + work->backup_count, list_task, &listing);
  for (size_t i = 0; i < work->backup_count; i++)
    work->sides[i].lacks_record = work->lacks_record >> i & 1;
  if (work->told->err.code != SP_OK) {
    sp_err_copy(err, &work->told->err);
    return -1;
  }
  work->view.tags = (const char *const *)work->primary_side.tags;
  work->view.tag_count = work->primary_side.tag_count;
  return 0;
}

/* Registries say with their first answers whether they count pulls: the plan counts them then. */
static void look_for_meters(struct sp_work *work)
{
  const struct sp_sync_images *images = &work->sync->images;
  for (size_t i = 0; images->pulls && i < work->backup_count; i++) {
    struct sp_pulls_said said;
    if (images->pulls(images->ctx, work->backups[i], &said))
      work->backups[i]->is_metered = true;
  }
}

static void tell_pulls(struct sp_work *work)
{
  const struct sp_sync_images *images = &work->sync->images;
  for (size_t i = 0; images->pulls && i < work->backup_count; i++) {
    struct sp_pulls_said said;
    struct sp_sync_place *told = &work->told->places[i];
    told->has_pulls_left = images->pulls(images->ctx, work->backups[i], &said);
    if (!told->has_pulls_left)
      continue;
    told->pulls_left = said.left;
    told->pulls_reserved = sp_pulls_reserved(&said);
  }
}

void sp_work_note_window(struct sp_work *work, size_t backup, size_t manifests, const char *tag)
{
  const struct sp_sync_images *images = &work->sync->images;
  struct sp_pulls_said said;
  if (!images->pulls || !images->pulls(images->ctx, work->backups[backup], &said))
    return;
  uint64_t most = said.limit - sp_pulls_reserved(&said);
  if (manifests <= most)
    return;
  SP_LOCK_SCOPE(&work->lock);
  sp_told_add_note(
      work->told,
      "the image of '%s' has %zu manifests, and a window of '%s' has %llu pulls to read "
      "them back (%llu, and %u%% are held in reserve): it cannot be backed up there; take "
      "an account with more pulls, lower 'pull-reserve', or leave the tag out",
      tag, manifests, work->backups[backup]->name, (unsigned long long)most,
      (unsigned long long)said.limit, said.reserve_percent);
}

/* -- steering */

/* The primary lost more than can be believed: nothing of this image is written. */
static void hold(struct sp_work *work)
{
  work->told->is_held = true;
  for (size_t backup = 0; backup < work->backup_count; backup++) {
    for (size_t i = 0; i < work->tags.count; i++) {
      const struct sp_told_tag tag = {.name = work->tags.items[i].name, .result = SP_SYNC_HELD};
      sp_told_add_tag(work->told, backup, &tag);
    }
    work->told->places[backup].counts[SP_SYNC_HELD] += work->told->lost;
  }
}

/* A primary that is there, though its registry does not list it: others may be missing from that
 * list. */
static int require_listed(const struct sp_work *work, struct sp_err *err)
{
  if (work->rules.origin != SP_ORIGIN_UNLISTED || work->primary_side.tag_count == 0 ||
      work->sync->accept_loss)
    return 0;
  return sp_fail(err, SP_E_REFUSED,
                 "'%s' is there, but its registry does not list it any more: the list may lack "
                 "others, too; name the repositories under 'repositories:' in safeport.yaml",
                 work->primary->name);
}

/* A loss that is an alarm here may have been accepted by another host, or by this one before its
 * journal was lost or set back: the records say so. */
static int select_tags(struct sp_work *work, bool *is_bearable, struct sp_err *err)
{
  size_t notes = work->told->note_count;
  bool has_news;
  if (sp_tags_select(work, is_bearable, err) < 0)
    return -1;
  if (*is_bearable)
    return 0;
  if (sp_work_ask_records(work, &has_news, err) < 0)
    return -1;
  if (!has_news)
    return 0;
  sp_tags_clear(&work->tags);
  sp_told_forget_lost(work->told, notes);
  return sp_tags_select(work, is_bearable, err);
}

int sp_image_survey(struct sp_work *work, size_t number, struct sp_outages *outages,
                    struct sp_pull_reserve *reserve, bool *is_bearable, struct sp_err *err)
{
  if (open_places(work, number, reserve, err) < 0 || list_sides(work, outages, err) < 0 ||
      sp_past_read(&work->past, work->sync->journal, work->primary->name, work->sides,
                   work->backup_count, &work->sync->retry, err) < 0 ||
      sp_strays_ask(work, err) < 0 || require_listed(work, err) < 0)
    return -1;
  return select_tags(work, is_bearable, err);
}

static int bring_up_to_date(struct sp_work *work, struct sp_err *err)
{
  sp_tags_pin(work, 0);
  if (work->told->err.code != SP_OK) {
    sp_err_copy(err, &work->told->err);
    return -1;
  }
  if (sp_cancel_check(work->sync->cancel, err) < 0 || sp_followers_pin(work, err) < 0)
    return -1;
  look_for_meters(work);
  sp_copies_run(work);
  if (!work->sync->restores && sp_gone_prove(work, err) < 0)
    return -1;
  if (work->sync->dry_run)
    sp_remember_plan_record(work);
  tell_pulls(work);
  if (work->sync->dry_run || work->sync->restores)
    return 0;
  sp_remember_primary(work);
  sp_remember_record(work);
  return 0;
}

static int sync_image(struct sp_work *work, size_t number, struct sp_outages *outages,
                      struct sp_pull_reserve *reserve, struct sp_err *err)
{
  const struct sp_sync *sync = work->sync;
  SP_CLEANUP(sp_image_lock_clear_auto_) struct sp_image_lock lock = SP_IMAGE_LOCK_INIT;
  if (sp_cancel_check(sync->cancel, err) < 0)
    return -1;
  if (!sync->dry_run &&
      sp_image_lock_take(&lock, sync->state_dir, work->name, sync->wait, sync->cancel, err) < 0)
    return -1;
  bool is_bearable;
  if (sp_image_survey(work, number, outages, reserve, &is_bearable, err) < 0 ||
      sp_recall_check_memory(work, err) < 0)
    return -1;
  if (!is_bearable) {
    hold(work);
    return 0;
  }
  return bring_up_to_date(work, err);
}

void sp_image_sync(struct sp_work *work, size_t number, struct sp_outages *outages,
                   struct sp_pull_reserve *reserve)
{
  struct sp_err err = SP_ERR_INIT;
  if (sync_image(work, number, outages, reserve, &err) < 0 && work->told->err.code == SP_OK)
    sp_err_copy(&work->told->err, &err);
  if (!work->sync->dry_run)
    sp_results_tell(work);
}
