/* SPDX-License-Identifier: Apache-2.0 */
/* A record is told to the journal and the journal asked again: so there is one way in which facts
 * are merged, and what a record said once is not fetched a second time. */
#include "sync/past.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "journal/record_facts.h"
#include "journal/rot_said.h"
#include "sync/record_store.h"
#include "transfer/trouble.h"

static int read_journal(struct sp_past *past, struct sp_journal *journal, const char *primary,
                        const struct sp_side *backups, struct sp_err *err)
{
  if (sp_known_read(journal, primary, SP_KNOWN_NOW, &past->primary, err) < 0 ||
      sp_rot_read(journal, primary, &past->primary_rot, err) < 0)
    return -1;
  for (size_t i = 0; i < past->backup_count; i++) {
    const char *backup = sp_store_known_as(backups[i].store);
    if (sp_known_read(journal, backup, SP_KNOWN_NOW, &past->backups[i], err) < 0 ||
        sp_rot_read(journal, backup, &past->rots[i], err) < 0)
      return -1;
  }
  return 0;
}

static void clear_known(struct sp_past *past)
{
  sp_known_clear(&past->primary);
  sp_rot_clear(&past->primary_rot);
  for (size_t i = 0; i < past->backup_count; i++) {
    sp_known_clear(&past->backups[i]);
    sp_rot_clear(&past->rots[i]);
  }
}

/* -- what a record says */

/* In the place of a record: this host knows what that says. It names what it was asked about. */
#define ASKED_TAG "safeport-asked"

/* In the journal a record is a place of its own, with the copies of the backup that it lies on. */
static int name_said(const char *backup, char **out, struct sp_err *err)
{
  return sp_text_format(out, err, "%s:%s", backup, SP_RECORD_TAG);
}

int sp_past_read_said(struct sp_journal *journal, const char *backup, struct sp_known *said,
                      struct sp_err *err)
{
  SP_AUTO_FREE char *place = NULL;
  return name_said(backup, &place, err) < 0 ||
                 sp_known_read(journal, place, SP_KNOWN_NOW, said, err) < 0
             ? -1
             : 0;
}

int sp_past_read_said_rot(struct sp_journal *journal, const char *backup, struct sp_record *said,
                          struct sp_err *err)
{
  SP_AUTO_FREE char *place = NULL;
  return name_said(backup, &place, err) < 0 ? -1 : sp_rot_said_read(journal, place, said, err);
}

/* Kept as a tag of its place, whatever that names: there, or gone. */
static int tell_is_whole(struct sp_journal *journal, const char *place, bool is_whole, int64_t at_s,
                         struct sp_err *err)
{
  const struct sp_digest any = {.alg = SP_DIGEST_SHA256};
  return sp_known_tell_tag(journal, place, SP_RECORD_TAG, is_whole ? &any : NULL, at_s, err);
}

int sp_past_tell_unread(struct sp_journal *journal, const char *backup, struct sp_err *err)
{
  SP_AUTO_FREE char *place = NULL;
  int64_t now_s = sp_clock_wall_s();
  return name_said(backup, &place, err) < 0 ||
                 tell_is_whole(journal, place, true, now_s - 1, err) < 0 ||
                 tell_is_whole(journal, place, false, now_s, err) < 0
             ? -1
             : 0;
}

bool sp_past_is_unread(const struct sp_known *said)
{
  const struct sp_known_tag *tag = sp_known_find_tag(said, SP_RECORD_TAG);
  return tag && tag->is_gone;
}

bool sp_past_is_record_lost(const struct sp_err *err)
{
  return err->code == SP_E_NOT_FOUND || sp_trouble_is_damage(err);
}

int sp_past_read_asked(struct sp_journal *journal, const char *backup, struct sp_digest *about,
                       struct sp_err *err)
{
  SP_AUTO_FREE char *place = NULL;
  struct sp_known_tag *states = NULL;
  size_t count = 0;
  if (name_said(backup, &place, err) < 0 ||
      sp_known_history(journal, place, ASKED_TAG, 1, &states, &count, err) < 0)
    return -1;
  *about = count > 0 ? states[0].digest : (struct sp_digest){0};
  sp_known_history_free(states, count);
  return 0;
}

int sp_past_tell_asked(struct sp_journal *journal, const char *backup,
                       const struct sp_digest *about, struct sp_err *err)
{
  SP_AUTO_FREE char *place = NULL;
  return name_said(backup, &place, err) < 0
             ? -1
             : sp_known_tell_tag(journal, place, ASKED_TAG, about, sp_clock_wall_s(), err);
}

static int tell_known(struct sp_journal *journal, const char *backup, struct sp_err *err)
{
  const struct sp_digest nothing = {.alg = SP_DIGEST_SHA256};
  struct sp_digest about;
  if (sp_past_read_asked(journal, backup, &about, err) < 0)
    return -1;
  return about.alg != SP_DIGEST_NONE ? 0 : sp_past_tell_asked(journal, backup, &nothing, err);
}

int sp_past_tell_worked(const struct sp_past *past, size_t number, struct sp_journal *journal,
                        const char *backup, struct sp_err *err)
{
  return past->has_record[number] || past->lacks_record[number] ? tell_known(journal, backup, err)
                                                                : 0;
}

/* Has this host read, or written, the record there, or worked there without one? (A journal that an
 * older safeport wrote has only what the record says of copies.) */
static int knows(struct sp_journal *journal, const char *backup, bool *out, struct sp_err *err)
{
  struct sp_digest about;
  SP_AUTO_KNOWN struct sp_known said = {0};
  if (sp_past_read_asked(journal, backup, &about, err) < 0)
    return -1;
  *out = about.alg != SP_DIGEST_NONE;
  if (*out)
    return 0;
  if (sp_past_read_said(journal, backup, &said, err) < 0)
    return -1;
  for (size_t i = 0; i < said.digest_count; i++)
    *out = *out || sp_record_says_of_copy(&said.digests[i]);
  return 0;
}

/* Dates of proofs are days: the proof may have come at their end, and after damage of that day; but
 * not later than now. */
static void use_end_of_day(struct sp_known_digest *copy, int64_t now_s)
{
  int64_t *const dates[] = {&copy->touched_s, &copy->read_s};
  for (size_t i = 0; i < 2; i++) {
    int64_t end_s = sp_record_day(*dates[i]) + SP_DAY_S - 1;
    if (sp_known_is_proof_date(*dates[i], now_s))
      *dates[i] = end_s < now_s ? end_s : now_s;
  }
}

/* Of tags that are there nothing is kept, but of one that it called gone. */
static int tell_said_name(struct sp_journal *journal, const char *place,
                          const struct sp_known *before, const struct sp_record_tag *tag,
                          struct sp_err *err)
{
  const struct sp_known_tag *was = sp_known_find_tag(before, tag->tag);
  if (tag->is_gone)
    return sp_record_tell_gone(tag, place, journal, err);
  if (!was || !was->is_gone)
    return 0;
  int64_t since_s = tag->since_s > was->since_s ? tag->since_s : was->since_s + 1;
  return sp_known_tell_stay(journal, place, tag->tag, &tag->digest, since_s, INT64_MAX, err);
}

static int tell_rot(struct sp_journal *journal, const char *backup, const struct sp_record_rot *rot,
                    int64_t now_s, struct sp_err *err)
{
  return rot->is_elsewhere
             ? sp_rot_tell_elsewhere(journal, backup, &rot->digest, rot->seen_s, now_s, err)
             : sp_rot_tell_said(journal, backup, &rot->digest, rot->seen_s, now_s, err);
}

int sp_past_tell_said(struct sp_journal *journal, const char *backup,
                      const struct sp_record *record, struct sp_err *err)
{
  SP_AUTO_FREE char *place = NULL;
  int64_t now_s = sp_clock_wall_s();
  SP_AUTO_KNOWN struct sp_known before = {0};
  if (name_said(backup, &place, err) < 0 ||
      sp_known_read(journal, place, SP_KNOWN_NOW, &before, err) < 0)
    return -1;
  if (tell_known(journal, backup, err) < 0 ||
      (sp_past_is_unread(&before) && tell_is_whole(journal, place, true, now_s, err) < 0))
    return -1;
  for (size_t i = 0; i < record->count; i++) {
    if (tell_said_name(journal, place, &before, &record->tags[i], err) < 0)
      return -1;
    struct sp_known_digest copy = sp_record_copy(&record->tags[i]);
    if (copy.damaged_s && sp_known_tell_digest(journal, backup, &copy, err) < 0)
      return -1;
    use_end_of_day(&copy, now_s);
    if (sp_record_says_of_copy(&copy) && sp_known_tell_digest(journal, place, &copy, err) < 0)
      return -1;
  }
  for (size_t i = 0; i < record->rot_count; i++) {
    if (tell_rot(journal, backup, &record->rot[i], now_s, err) < 0)
      return -1;
  }
  return sp_rot_said_tell(journal, place, record, err);
}

void sp_past_forget_record(struct sp_past *past, size_t number)
{
  if (!past->has_record[number])
    return;
  sp_record_clear(&past->records[number]);
  sp_record_init(&past->records[number]);
  past->has_record[number] = false;
}

int sp_past_fetch_record(struct sp_past *past, size_t number, const struct sp_side *backup,
                         const struct sp_retry_policy *retry, struct sp_err *err)
{
  struct sp_err failure = SP_ERR_INIT;
  if (backup->lacks_record && !sp_side_has(backup, SP_RECORD_TAG))
    past->lacks_record[number] = true;
  if (past->has_record[number] || past->lacks_record[number] || !backup->is_listed)
    return 0;
  past->has_record[number] =
      sp_record_fetch(backup->store, retry, &past->records[number], &failure) == 0;
  past->lacks_record[number] =
      failure.code == SP_E_NOT_FOUND && !sp_side_has(backup, SP_RECORD_TAG);
  if (past->has_record[number] || past->lacks_record[number])
    return 0;
  sp_err_copy(err, &failure);
  return -1;
}

const char *sp_past_other_owner(const struct sp_past *past, size_t number, const char *primary)
{
  const char *owner = sp_record_primary(&past->records[number]);
  return past->has_record[number] && strcmp(owner, primary) != 0 ? owner : NULL;
}

int sp_past_check_owner(const struct sp_past *past, size_t number, const char *backup,
                        const char *primary, struct sp_err *err)
{
  const char *owner = sp_past_other_owner(past, number, primary);
  if (!owner)
    return 0;
  return sp_fail(err, SP_E_REFUSED,
                 "the record '%s:%s' is of the primary '%s': if that is not an earlier name of "
                 "'%s', two primaries share this backup, and its tags may be the other's",
                 backup, SP_RECORD_TAG, owner, primary);
}

int sp_past_tell_record(const struct sp_past *past, size_t number, struct sp_journal *journal,
                        const char *primary, const char *backup, struct sp_err *err)
{
  const struct sp_record *record = &past->records[number];
  if (!past->has_record[number] || sp_past_other_owner(past, number, primary))
    return 0;
  return sp_record_tell(record, &past->primary, backup, journal, err) < 0
             ? -1
             : sp_past_tell_said(journal, backup, record, err);
}

/* Reads the backup's record into past, and tells it. */
static int read_record(struct sp_past *past, size_t number, struct sp_journal *journal,
                       const char *primary, const struct sp_side *backup,
                       const struct sp_retry_policy *retry, struct sp_err *err)
{
  const struct sp_record *record = &past->records[number];
  struct sp_err failure = SP_ERR_INIT;
  if (sp_past_fetch_record(past, number, backup, retry, &failure) < 0) {
    bool is_of_run = failure.code == SP_E_NOMEM || failure.code == SP_E_INTERRUPTED;
    sp_err_copy(is_of_run ? err : &past->unread, &failure);
    past->unread_at = number;
    return is_of_run ? -1 : 0;
  }
  if (!past->has_record[number] || sp_past_other_owner(past, number, primary))
    return 0;
  past->has_memory = past->has_memory || record->count > 0;
  sp_journal_work_on_copy(journal);
  const char *place = sp_store_known_as(backup->store);
  return sp_record_tell(record, NULL, place, journal, err) < 0
             ? -1
             : sp_past_tell_said(journal, place, record, err);
}

/* -- asking */

static uint32_t all_of(size_t count)
{
  return count == 0 ? 0 : UINT32_MAX >> (32 - count);
}

/* Bit N of `which`: backup N is asked. */
static int ask(struct sp_past *past, struct sp_journal *journal, const char *primary,
               const struct sp_side *backups, uint32_t which, const struct sp_retry_policy *retry,
               bool *has_news, struct sp_err *err)
{
  *has_news = false;
  past->has_asked = which == all_of(past->backup_count);
  for (size_t i = 0; i < past->backup_count; i++) {
    if (!(which >> i & 1))
      continue;
    if (read_record(past, i, journal, primary, &backups[i], retry, err) < 0)
      return -1;
    *has_news = *has_news || past->records[i].count > 0;
  }
  if (!*has_news)
    return 0;
  sp_journal_flush(journal);
  clear_known(past);
  return read_journal(past, journal, primary, backups, err);
}

int sp_past_ask_records(struct sp_past *past, struct sp_journal *journal, const char *primary,
                        const struct sp_side *backups, const struct sp_retry_policy *retry,
                        bool *has_news, struct sp_err *err)
{
  *has_news = false;
  return past->has_asked ? 0
                         : ask(past, journal, primary, backups, all_of(past->backup_count), retry,
                               has_news, err);
}

static int find_unknown(struct sp_journal *journal, const struct sp_side *backups, size_t count,
                        uint32_t *unknown, struct sp_err *err)
{
  *unknown = 0;
  for (size_t i = 0; i < count; i++) {
    bool is_known;
    if (knows(journal, sp_store_known_as(backups[i].store), &is_known, err) < 0)
      return -1;
    *unknown |= is_known ? 0 : UINT32_C(1) << i;
  }
  return 0;
}

int sp_past_find_lacking(struct sp_journal *journal, const char *primary,
                         const struct sp_side *backups, size_t backup_count, uint32_t *lacking,
                         struct sp_err *err)
{
  SP_AUTO_KNOWN struct sp_known known = {0};
  if (sp_known_read(journal, primary, SP_KNOWN_NOW, &known, err) < 0 ||
      find_unknown(journal, backups, backup_count, lacking, err) < 0)
    return -1;
  if (known.tag_count == 0)
    *lacking = all_of(backup_count);
  return 0;
}

int sp_past_read(struct sp_past *past, struct sp_journal *journal, const char *primary,
                 const struct sp_side *backups, size_t backup_count,
                 const struct sp_retry_policy *retry, struct sp_err *err)
{
  *past = (struct sp_past){.backup_count = backup_count};
  const uint32_t all = all_of(backup_count);
  uint32_t unknown;
  bool has_news;
  for (size_t i = 0; i < backup_count; i++)
    sp_record_init(&past->records[i]);
  if (read_journal(past, journal, primary, backups, err) < 0 ||
      find_unknown(journal, backups, backup_count, &unknown, err) < 0)
    return -1;
  past->is_told = past->primary.tag_count == 0 || unknown == all;
  past->has_memory = !past->is_told;
  uint32_t wanted = past->primary.tag_count == 0 || past->primary.has_ahead ? all : unknown;
  return wanted == 0 ? 0 : ask(past, journal, primary, backups, wanted, retry, &has_news, err);
}

void sp_past_clear(struct sp_past *past)
{
  clear_known(past);
  for (size_t i = 0; i < past->backup_count; i++)
    sp_record_clear(&past->records[i]);
  *past = (struct sp_past){0};
}

struct sp_digest sp_past_named(const struct sp_past *past, const char *tag)
{
  const struct sp_known_tag *known = sp_known_find_tag(&past->primary, tag);
  return known && !known->is_gone ? known->digest : (struct sp_digest){0};
}

struct sp_digest sp_past_named_last(const struct sp_past *past, const char *tag)
{
  const struct sp_known_tag *known = sp_known_find_tag(&past->primary, tag);
  return known ? known->digest : (struct sp_digest){0};
}

struct sp_digest sp_past_named_at(const struct sp_past *past, size_t backup, const char *tag)
{
  const struct sp_known_tag *known = sp_known_find_tag(&past->backups[backup], tag);
  return known ? known->digest : sp_past_named_last(past, tag);
}

int64_t sp_past_proven_s(const struct sp_past *past, size_t backup, const struct sp_digest *digest)
{
  const struct sp_known_digest *known = sp_known_find_digest(&past->backups[backup], digest);
  if (!known)
    return 0;
  int64_t proven_s = known->touched_s > known->read_s ? known->touched_s : known->read_s;
  return sp_rot_outdates(&past->rots[backup], proven_s) ? 0 : proven_s;
}

struct sp_known_digest sp_past_copy(const struct sp_past *past, size_t backup,
                                    const struct sp_digest *digest)
{
  const struct sp_known_digest *known = sp_known_find_digest(&past->backups[backup], digest);
  return known ? *known : (struct sp_known_digest){.digest = *digest};
}

bool sp_past_needs_read(const struct sp_past *past, size_t backup, const struct sp_digest *digest)
{
  return sp_known_needs_read(sp_known_find_digest(&past->backups[backup], digest));
}

int64_t sp_past_first_seen_s(const struct sp_past *past, const struct sp_digest *digest)
{
  const struct sp_known_digest *known = sp_known_find_digest(&past->primary, digest);
  return known ? known->first_seen_s : 0;
}

int64_t sp_past_tag_first_seen_s(const struct sp_past *past, const char *tag)
{
  const struct sp_known_tag *known = sp_known_find_tag(&past->primary, tag);
  return known ? sp_past_first_seen_s(past, &known->digest) : 0;
}
