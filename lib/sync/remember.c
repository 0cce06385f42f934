/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/remember.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/record_facts.h"
#include "policy/tag_kind.h"
#include "sync/kept.h"
#include "sync/record_store.h"
#include "sync/rot_record.h"
#include "sync/told.h"
#include "sync/wanted.h"
#include "transfer/trouble.h"

#define RECORD_REQUESTS 8 /* two blobs (begin, bytes), the manifest put and read back, the tag */

/* What is lost without memory is asked again next time. */
static void forget(int failed)
{
  (void)failed;
}

/* When this run saw what it saw. */
static int64_t seen_s(const struct sp_work *work)
{
  return work->now_s + sp_clock_off_s();
}

/* What this run proved of a tag's digest at a backup. */
static struct sp_known_digest proof_of(const struct sp_work *work, const struct sp_pinned *tag,
                                       size_t backup)
{
  enum sp_proof proven = tag->at[backup].proven;
  int64_t now_s = sp_rot_date_proof(&work->past.rots[backup], work->now_s);
  return (struct sp_known_digest){.digest = tag->primary,
                                  .touched_s = proven >= SP_PROOF_TOUCHED ? now_s : 0,
                                  .read_s = proven >= SP_PROOF_READ ? now_s : 0};
}

void sp_remember_tag(struct sp_work *work, const struct sp_pinned *tag, size_t backup)
{
  struct sp_journal *journal = work->sync->journal;
  const char *place = sp_store_known_as(work->backups[backup]);
  struct sp_err no_memory = SP_ERR_INIT;
  forget(sp_known_tell_tag(journal, place, tag->name, &tag->primary, work->now_s, &no_memory));
  const struct sp_known_digest proof = proof_of(work, tag, backup);
  if (proof.touched_s > 0)
    forget(sp_known_tell_digest(journal, place, &proof, &no_memory));
}

void sp_remember_damage(struct sp_work *work, const struct sp_digest *digest, size_t backup,
                        bool needs_read)
{
  struct sp_err no_memory = SP_ERR_INIT;
  forget(sp_known_tell_damage(work->sync->journal, sp_store_known_as(work->backups[backup]), digest,
                              needs_read, &no_memory));
}

void sp_remember_rot(struct sp_work *work, const struct sp_digest *digest, size_t backup,
                     bool is_rotten)
{
  struct sp_rot *rot = &work->past.rots[backup];
  const char *place = sp_store_known_as(work->backups[backup]);
  enum sp_rot_state known = sp_rot_state(rot, digest);
  struct sp_err no_memory = SP_ERR_INIT;
  int64_t now_s = sp_clock_wall_s();
  if (known == (is_rotten ? SP_ROT_HERE : SP_ROT_NONE))
    return;
  sp_rot_settle(rot, digest, is_rotten ? SP_ROT_HERE : SP_ROT_NONE);
  if (is_rotten)
    forget(sp_rot_tell_seen(work->sync->journal, place, digest, now_s, &no_memory));
  else
    forget(sp_known_tell_blob(work->sync->journal, place, digest, sp_rot_date_proof(rot, now_s),
                              &no_memory));
}

void sp_remember_referrers(struct sp_work *work, const struct sp_digest *digest)
{
  const struct sp_known_digest asked = {.digest = *digest, .referrers_s = work->now_s};
  struct sp_err no_memory = SP_ERR_INIT;
  forget(sp_known_tell_digest(work->sync->journal, work->primary->name, &asked, &no_memory));
}

/* -- the primary */

static bool is_refused(const struct sp_work *work, const struct sp_pinned *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (sp_tags_is_refused(tag, i))
      return true;
  }
  return false;
}

/* Was it copied with its subject, or proven, to every backup? */
static bool is_followed(const struct sp_work *work, const struct sp_fallback *fallback)
{
  const struct sp_pinned *tag = &work->tags.items[fallback->subject];
  bool is_done = fallback->digest.alg != SP_DIGEST_NONE;
  for (size_t i = 0; i < work->backup_count; i++)
    is_done = is_done && tag->at[i].is_known &&
              (tag->at[i].action == SP_ACTION_KEEP || tag->at[i].proven != SP_PROOF_NONE);
  return is_done;
}

/* Of what is gone since an earlier run only that it was meant is news. */
static void tell_gone(struct sp_work *work, const struct sp_known_tag *known)
{
  struct sp_journal *journal = work->sync->journal;
  const char *place = work->primary->name;
  struct sp_err no_memory = SP_ERR_INIT;
  int64_t gone_s = known->is_gone ? known->since_s : work->now_s;
  if (!known->is_gone)
    forget(sp_known_tell_tag(journal, place, known->tag, NULL, gone_s, &no_memory));
  if (sp_wanted_is_accepted(work, known))
    forget(sp_known_tell_meant(journal, place, known->tag, gone_s, &no_memory));
}

/* Does the backup name what neither this host saw it name, nor the primary before? Then somebody
 * else moved the tag there. */
static bool is_moved(const struct sp_work *work, const struct sp_pinned *tag, size_t backup)
{
  const struct sp_digest before = sp_past_named_last(&work->past, tag->name);
  const struct sp_digest seen = sp_past_named_at(&work->past, backup, tag->name);
  const struct sp_digest *now = &tag->at[backup].now;
  return now->alg != SP_DIGEST_NONE && !sp_digest_eq(now, &before) && !sp_digest_eq(now, &seen);
}

/* May what a tag names now at the primary have been found there before, by a run that this host
 * does not know? One was, that moved a backup to it. And who knows from records alone what was
 * before does not know what those say that cannot be asked. */
static bool may_be_old_news(const struct sp_work *work, const struct sp_pinned *tag)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    bool is_named = sp_digest_eq(&tag->at[i].now, &tag->primary) && is_moved(work, tag, i);
    if (is_named || (work->past.is_told && !tag->at[i].is_known))
      return true;
  }
  return false;
}

/* Did this run not see the end of what the tag is known to have named? */
static bool is_late(const struct sp_work *work, const struct sp_pinned *tag)
{
  bool is_late = may_be_old_news(work, tag);
  for (size_t i = 0; i < work->backup_count; i++)
    is_late = is_late || is_moved(work, tag, i);
  return is_late;
}

/* Its age counts from now on all the same. */
static void tell_unhad(struct sp_work *work, const struct sp_pinned *tag)
{
  const struct sp_known_digest seen = {.digest = tag->primary, .first_seen_s = seen_s(work)};
  struct sp_err no_memory = SP_ERR_INIT;
  forget(sp_known_tell_digest(work->sync->journal, work->primary->name, &seen, &no_memory));
}

static void tell_named(struct sp_work *work, const struct sp_pinned *tag)
{
  struct sp_journal *journal = work->sync->journal;
  const char *place = work->primary->name;
  struct sp_err no_memory = SP_ERR_INIT;
  forget(is_late(work, tag) ? sp_known_tell_tag_late(journal, place, tag->name, &tag->primary,
                                                     work->now_s, &no_memory)
                            : sp_known_tell_tag(journal, place, tag->name, &tag->primary,
                                                work->now_s, &no_memory));
}

void sp_remember_primary(struct sp_work *work)
{
  struct sp_journal *journal = work->sync->journal;
  const char *place = work->primary->name;
  struct sp_err no_memory = SP_ERR_INIT;
  for (size_t i = 0; i < work->tags.count; i++) {
    const struct sp_pinned *tag = &work->tags.items[i];
    if (tag->primary.alg == SP_DIGEST_NONE || tag->is_gone || is_refused(work, tag))
      continue;
    if (sp_tags_is_had(work, tag))
      tell_named(work, tag);
    else
      tell_unhad(work, tag);
  }
  for (size_t i = 0; i < work->fallback_count; i++) {
    const struct sp_fallback *fallback = &work->fallbacks[i];
    if (is_followed(work, fallback))
      forget(sp_known_tell_tag(journal, place, fallback->name, &fallback->digest, work->now_s,
                               &no_memory));
  }
  for (size_t i = 0; i < work->past.primary.tag_count; i++) {
    const struct sp_known_tag *known = &work->past.primary.tags[i];
    if (!sp_side_has(&work->primary_side, known->tag) && sp_wanted_may_be(work, known->tag))
      tell_gone(work, known);
  }
  for (size_t i = 0; i < work->backup_count; i++) {
    if (sp_work_is_open(work, i))
      forget(sp_past_tell_worked(&work->past, i, journal, sp_store_known_as(work->backups[i]),
                                 &no_memory));
  }
}

/* -- the record */

/* What a tag named at the primary since some time, as this host knows. */
struct named {
  struct sp_known_tag *states; /* newest first */
  size_t count;
};

static void named_clear(struct named *named)
{
  sp_known_history_free(named->states, named->count);
}

static int add_left(struct sp_record *record, const char *tag, const struct sp_digest *digest,
                    int64_t since_s, int64_t left_s, struct sp_err *err)
{
  struct sp_record_left left = {.digest = *digest, .since_s = since_s, .left_s = left_s};
  snprintf(left.tag, sizeof left.tag, "%s", tag);
  return sp_record_merge_left(record, &left, err);
}

/* What ended after the old entry was written, as runs of this host saw: what the backup missed. */
static int add_seen_ends(const struct named *named, const struct sp_record_tag *was,
                         struct sp_record *record, struct sp_err *err)
{
  for (size_t i = 1; i < named->count && named->states[i - 1].since_s > was->since_s; i++) {
    const struct sp_known_tag *state = &named->states[i], *next = &named->states[i - 1];
    if (!state->is_gone && !state->is_undated && !next->is_late &&
        add_left(record, was->tag, &state->digest, state->since_s, next->since_s, err) < 0)
      return -1;
  }
  return 0;
}

/* The end of the old entry itself, if this run saw it, or an earlier one of this host that did not
 * reach the backup: what came next was not found there by either. */
static int add_end_of_entry(const struct sp_work *work, const struct sp_pinned *tag,
                            const struct named *named, const struct sp_record_tag *was,
                            struct sp_record *record, struct sp_err *err)
{
  const struct sp_known_tag *known = sp_known_find_tag(&work->past.primary, tag->name);
  const struct sp_known_tag *next = NULL;
  if (known && known->is_undated)
    return 0;
  for (size_t i = 0; i < named->count && named->states[i].since_s > was->since_s; i++) {
    if (!sp_digest_eq(&named->states[i].digest, &was->digest))
      next = &named->states[i];
  }
  if (!next || (next->since_s < work->now_s ? next->is_late : may_be_old_news(work, tag)))
    return 0;
  return add_left(record, was->tag, &was->digest, was->since_s, next->since_s, err);
}

/* What ended of what the tag named, between the old entry and now, as far as that was seen. The end
 * of the old entry was not if the backup names something else already: then a run that came to
 * write no record moved the tag there, nobody knows when. */
static int add_ends(const struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                    const struct sp_record_tag *was, struct sp_record *record, struct sp_err *err)
{
  SP_CLEANUP(named_clear) struct named named = {0};
  if (was->is_gone && was->named_since_s > 0 &&
      add_left(record, was->tag, &was->digest, was->named_since_s, was->since_s, err) < 0)
    return -1;
  if (sp_known_history(work->sync->journal, work->primary->name, tag->name, SP_MAX_KEPT_STATES,
                       &named.states, &named.count, err) < 0 ||
      add_seen_ends(&named, was, record, err) < 0)
    return -1;
  bool is_here = !was->is_gone && sp_digest_eq(&was->digest, &tag->at[backup].now);
  return is_here ? add_end_of_entry(work, tag, &named, was, record, err) : 0;
}

/* Did a run that began after this one look since, and write, and does the backup name what that one
 * saw? (If it does not, clocks of two hosts differ.) */
static bool is_seen_later(const struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                          const struct sp_record_tag *was)
{
  struct sp_named named;
  struct sp_err err = SP_ERR_INIT;
  return !was->is_ahead && !was->is_gone && was->since_s >= seen_s(work) &&
         !sp_digest_eq(&was->digest, &tag->primary) &&
         sp_store_resolve(work->backups[backup], tag->name, &named, &err) == 0 &&
         sp_digest_eq(&named.digest, &was->digest);
}

/* What is known of a tag at a backup, for its record. */
static int add_tag(const struct sp_work *work, size_t backup, const struct sp_pinned *tag,
                   const struct sp_record *old, struct sp_record *record, struct sp_err *err)
{
  const struct sp_known_tag *known = sp_known_find_tag(&work->past.primary, tag->name);
  bool is_same =
      known && !known->is_gone && !known->is_undated && sp_digest_eq(&known->digest, &tag->primary);
  int64_t first_seen_s = sp_past_first_seen_s(&work->past, &tag->primary);
  struct sp_record_tag entry = {.digest = tag->primary,
                                .since_s =
                                    is_same && known->since_s > 0 ? known->since_s : seen_s(work),
                                .first_seen_s = first_seen_s > 0 ? first_seen_s : seen_s(work)};
  struct sp_known_digest copy = sp_past_copy(&work->past, backup, &tag->primary);
  const struct sp_known_digest proof = proof_of(work, tag, backup);
  sp_known_merge(&copy, &proof);
  sp_record_set_copy(&entry, &copy);
  snprintf(entry.tag, sizeof entry.tag, "%s", tag->name);
  const struct sp_record_tag *was = sp_record_find(old, tag->name);
  if (was && is_seen_later(work, backup, tag, was))
    return 0;
  if (was && entry.since_s > was->since_s && add_ends(work, backup, tag, was, record, err) < 0)
    return -1;
  if (was && !sp_digest_eq(&was->digest, &entry.digest) && entry.since_s <= was->since_s)
    entry.since_s = was->since_s + 1; /* the clock was set back: of the time between nobody knows */
  return sp_record_merge_tag(record, &entry, err);
}

/* What is known of the copy of a tag that is gone, and what this run proved of it (gone.h). */
static struct sp_known_digest copy_of_gone(const struct sp_work *work, size_t backup,
                                           const struct sp_known_tag *known)
{
  struct sp_known_digest copy = sp_past_copy(&work->past, backup, &known->digest);
  for (size_t i = work->tags.count; i > 0 && work->tags.items[i - 1].is_gone; i--) {
    const struct sp_pinned *tag = &work->tags.items[i - 1];
    const struct sp_known_digest proof = proof_of(work, tag, backup);
    if (strcmp(tag->name, known->tag) == 0)
      sp_known_merge(&copy, &proof);
  }
  return copy;
}

static int add_gone(const struct sp_work *work, size_t backup, struct sp_record *record,
                    struct sp_err *err)
{
  for (size_t i = 0; i < work->past.primary.tag_count; i++) {
    const struct sp_known_tag *known = &work->past.primary.tags[i];
    if (sp_side_has(&work->primary_side, known->tag) || known->digest.alg == SP_DIGEST_NONE ||
        (!known->is_gone && !sp_wanted_may_be(work, known->tag)))
      continue;
    struct sp_record_tag entry = {.digest = known->digest,
                                  .since_s = known->is_gone ? known->since_s : seen_s(work),
                                  .first_seen_s = sp_past_first_seen_s(&work->past, &known->digest),
                                  .is_gone = true,
                                  .is_meant =
                                      known->is_meant || sp_wanted_is_accepted(work, known)};
    int64_t named_s = known->is_gone ? known->named_s : known->since_s;
    entry.named_since_s = named_s < entry.since_s ? named_s : 0;
    const struct sp_known_digest copy = copy_of_gone(work, backup, known);
    sp_record_set_copy(&entry, &copy);
    snprintf(entry.tag, sizeof entry.tag, "%s", known->tag);
    if (sp_record_merge_tag(record, &entry, err) < 0)
      return -1;
  }
  return 0;
}

/* Is there anything to be said of the tag at this backup? */
static bool is_told(const struct sp_work *work, const struct sp_pinned *tag, size_t backup)
{
  return tag->primary.alg != SP_DIGEST_NONE && tag->at[backup].action != SP_ACTION_REFUSE &&
         sp_tags_is_had(work, tag);
}

/* What is known now, of which `old`, the record as it was, is a part. */
static int make(const struct sp_work *work, size_t backup, const struct sp_record *old,
                struct sp_record *record, struct sp_err *err)
{
  if (sp_record_set_primary(record, work->primary->name, err) < 0 ||
      add_gone(work, backup, record, err) < 0)
    return -1;
  for (size_t i = 0; i < work->tags.selected_count; i++) {
    const struct sp_pinned *tag = &work->tags.items[i];
    if (is_told(work, tag, backup) && add_tag(work, backup, tag, old, record, err) < 0)
      return -1;
  }
  return sp_record_merge(record, old, err);
}

/* Does the record not say that the tag went as it did, the last time, and that it was meant to? Of
 * a loss that it saw later this host has nothing to say. */
static bool is_news_of_gone(const struct sp_known_tag *said, const struct sp_known_tag *known)
{
  bool is_same =
      said && said->since_s <= known->since_s && sp_digest_eq(&known->digest, &said->digest);
  return !said || !said->is_gone || known->named_s > said->since_s ||
         (is_same && known->is_meant && !said->is_meant);
}

/* Did tags come back, or go, and the record does not say so? The run that saw it may have been
 * killed, or the backup was out of reach then. What a record has no room for is no news. */
static bool has_news_of_names(const struct sp_work *work, size_t backup,
                              const struct sp_known *said)
{
  const struct sp_known *past = &work->past.primary;
  size_t gone = 0, news = 0;
  for (size_t i = 0; i < work->tags.selected_count; i++) {
    const struct sp_pinned *tag = &work->tags.items[i];
    const struct sp_known_tag *old = sp_known_find_tag(said, tag->name);
    if (old && old->is_gone && is_told(work, tag, backup))
      return true;
  }
  for (size_t i = 0; i < past->tag_count; i++) {
    const struct sp_known_tag *known = &past->tags[i];
    bool is_told = known->is_gone && !sp_side_has(&work->primary_side, known->tag) &&
                   known->since_s > work->now_s - SP_KEEP_HISTORY_S;
    gone += is_told;
    news += is_told && is_news_of_gone(sp_known_find_tag(said, known->tag), known);
  }
  return news > 0 && gone <= SP_MAX_RECORD_GONE;
}

/* Did a verify since prove, or see damaged, what the backup's record does not say? */
static bool has_news_of_copies(const struct sp_work *work, size_t backup,
                               const struct sp_known *said)
{
  for (size_t i = 0; i < work->tags.selected_count; i++) {
    const struct sp_pinned *tag = &work->tags.items[i];
    if (!is_told(work, tag, backup))
      continue;
    const struct sp_known_digest nothing = {.digest = tag->primary};
    const struct sp_known_digest *old = sp_known_find_digest(said, &tag->primary);
    const struct sp_known_digest now = sp_past_copy(&work->past, backup, &tag->primary);
    if (sp_record_is_copy_news(old ? old : &nothing, &now, work->sync->max_proof_age_s))
      return true;
  }
  return false;
}

static bool has_older_news(const struct sp_work *work, size_t backup)
{
  SP_AUTO_KNOWN struct sp_known said = {0};
  struct sp_err no_memory = SP_ERR_INIT;
  if (sp_past_read_said(work->sync->journal, sp_store_known_as(work->backups[backup]), &said,
                        &no_memory) < 0)
    return false;
  return sp_past_is_unread(&said) || has_news_of_names(work, backup, &said) ||
         has_news_of_copies(work, backup, &said);
}

/* Did this run, or a verify before it, learn anything that the backup's record may not say? In a
 * no-op nobody asks the backup. */
static bool may_be_news(const struct sp_work *work, size_t backup)
{
  const struct sp_sync_place *told = &work->told->places[backup];
  return !sp_side_has(&work->sides[backup], SP_RECORD_TAG) || told->counts[SP_SYNC_COPIED] > 0 ||
         told->counts[SP_SYNC_PROVEN] + told->counts[SP_SYNC_PLANNED] > 0 ||
         told->counts[SP_SYNC_TO_PROVE] > 0 || work->told->lost > 0 || work->sync->accept_loss ||
         work->past.primary.has_ahead || sp_record_has_new_doubt(&work->past.records[backup]) ||
         has_older_news(work, backup) || sp_rot_record_has_news(work, backup);
}

static void note_anew(struct sp_work *work, size_t backup, const struct sp_err *why)
{
  SP_LOCK_SCOPE(&work->lock);
  sp_told_add_note(work->told,
                   "the record '%s:%s' could not be read (%s), and was written anew, with what is "
                   "known without it",
                   work->backups[backup]->name, SP_RECORD_TAG, why->msg);
}

static void note_clock(struct sp_work *work, size_t backup)
{
  long long off_s = sp_clock_off_s();
  if (off_s == 0)
    return;
  SP_LOCK_SCOPE(&work->lock);
  sp_told_add_note(work->told,
                   "the clock of this machine differs by %lld s from what all registries say: what "
                   "tags named in between, the record '%s:%s' does not tell; set the clock",
                   llabs(off_s), work->backups[backup]->name, SP_RECORD_TAG);
}

/* Tells of each time: where two primaries share a backup, each run of either takes it. */
static void note_taken(struct sp_work *work, size_t backup, const char *owner)
{
  SP_LOCK_SCOPE(&work->lock);
  sp_told_add_note(
      work->told,
      "the record '%s:%s' was of the primary '%s', and is of '%s' from now on: if '%s' "
      "is not an earlier name of '%s', two primaries share this backup, and each "
      "overwrites the other's tags; give each a repository of its own",
      work->backups[backup]->name, SP_RECORD_TAG, owner, work->primary->name, owner,
      work->primary->name);
}

static int write_record(struct sp_work *work, size_t backup, struct sp_err *err)
{
  SP_AUTO_RECORD struct sp_record now;
  const struct sp_record *old = &work->past.records[backup];
  const struct sp_record nothing = {0};
  sp_record_init(&now);
  struct sp_err unread = SP_ERR_INIT;
  sp_past_forget_record(&work->past, backup);
  bool is_lost = sp_past_fetch_record(&work->past, backup, &work->sides[backup], &work->sync->retry,
                                      &unread) < 0;
  if (is_lost && !sp_past_is_record_lost(&unread)) {
    sp_err_copy(err, &unread);
    return -1;
  }
  now.anew_s = is_lost ? work->now_s : 0;
  const char *owner = sp_past_other_owner(&work->past, backup, work->primary->name);
  bool is_ours = work->past.has_record[backup] && !owner;
  sp_journal_flush(work->sync->journal); /* what this run saw of the primary is asked again */
  if (make(work, backup, is_ours ? old : &nothing, &now, err) < 0 ||
      sp_record_prune(&now, seen_s(work), err) < 0 ||
      sp_rot_record_update(work, backup, &now, err) < 0)
    return -1;
  now.doubt = sp_record_doubt_next(is_ours ? old : &nothing, work->now_s, sp_clock_off_s(),
                                   sp_clock_is_agreed());
  bool is_news = !is_ours || sp_record_is_news(old, &now, work->sync->max_proof_age_s);
  if (is_news && sp_record_publish(work->backups[backup], &work->sync->retry, &now, err) < 0)
    return -1;
  if (is_lost)
    note_anew(work, backup, &unread);
  if (is_news)
    note_clock(work, backup);
  if (owner)
    note_taken(work, backup, owner);
  struct sp_journal *journal = work->sync->journal;
  const char *place = sp_store_known_as(work->backups[backup]);
  struct sp_err no_memory = SP_ERR_INIT;
  if (is_ours) /* what other hosts saw */
    forget(sp_record_tell(old, &work->past.primary, place, journal, &no_memory));
  forget(sp_past_tell_said(journal, place, is_news ? &now : old, &no_memory));
  return 0;
}

void sp_remember_record(struct sp_work *work)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    struct sp_err err = SP_ERR_INIT;
    if (!work->sync->record || !sp_work_takes_record(work, i) || !may_be_news(work, i))
      continue;
    if (write_record(work, i, &err) < 0) {
      sp_err_context(&err, "cannot write the record '%s:%s'", work->backups[i]->name,
                     SP_RECORD_TAG);
      sp_work_fail_place(work, i, &err);
    }
  }
}

/* Its old one, if it is not known here; the read-back of the new one. Blobs, manifest and tag. */
static void plan_record(struct sp_work *work, size_t backup)
{
  struct sp_store *store = work->backups[backup];
  struct sp_named named;
  struct sp_err unread = SP_ERR_INIT;
  uint64_t pulls = 0;
  if (!work->past.lacks_record[backup] &&
      sp_store_resolve(store, SP_RECORD_TAG, &named, &unread) == 0)
    pulls = sp_kept_pulls(store, &named.digest);
  SP_LOCK_SCOPE(&work->lock);
  work->told->places[backup].pulls_planned += pulls + store->is_metered;
  work->told->places[backup].requests_planned += pulls + RECORD_REQUESTS;
}

void sp_remember_plan_record(struct sp_work *work)
{
  for (size_t i = 0; i < work->backup_count; i++) {
    if (work->sync->record && !work->sync->restores && sp_work_is_open(work, i) &&
        may_be_news(work, i))
      plan_record(work, i);
  }
}
