/* SPDX-License-Identifier: Apache-2.0 */
/* Telling. Each fact is merged with the row that is there; what changes nothing writes nothing, so
 * that a transaction without news costs no fsync. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "journal/digest_row.h"
#include "journal/inside.h"
#include "journal/known.h"
#include "journal/prune.h"
#include "journal/rot.h"
#include "oci/reference.h"

/* One struct for all kinds of facts: they differ in what they do. */
struct fact {
  struct sp_told told;
  char *place;
  char tag[SP_MAX_TAG + 1];
  struct sp_known_digest times; /* its digest: SP_DIGEST_NONE for a tag that is gone */
  int64_t at_s;
  int64_t until_s; /* of a tag: it was no longer so then; INT64_MAX: nobody knows */
  bool is_late;
  bool is_seen;    /* by a run of this host, just now: not told by a record */
  bool is_undated; /* and that run's clock was wrong, or one before */
};

static void fact_free(struct sp_told *told)
{
  struct fact *fact = (struct fact *)told;
  free(fact->place);
  free(fact);
}

static int fact_new(const struct sp_told_ops *ops, const char *place, struct fact **out,
                    struct sp_err *err)
{
  struct fact *fact = calloc(1, sizeof *fact);
  if (!fact || sp_text_dup(&fact->place, place, err) < 0) {
    free(fact);
    return sp_fail(err, SP_E_NOMEM, "out of memory for a fact of the journal");
  }
  fact->told.ops = ops;
  *out = fact;
  return 0;
}

/* -- digests */

static bool is_same(const struct sp_known_digest *a, const struct sp_known_digest *b)
{
  return a->first_seen_s == b->first_seen_s && a->touched_s == b->touched_s &&
         a->read_s == b->read_s && a->referrers_s == b->referrers_s &&
         a->damaged_s == b->damaged_s && a->needs_read == b->needs_read;
}

static int merge_digest(struct sp_db *db, const char *place, const struct sp_known_digest *told,
                        struct sp_err *err)
{
  struct sp_known_digest known;
  if (sp_digest_row_find(db, place, &told->digest, &known, err) < 0)
    return -1;
  struct sp_known_digest merged = known;
  sp_known_merge(&merged, told);
  return is_same(&known, &merged) ? 0 : sp_digest_row_write(db, place, &merged, err);
}

static int apply_digest(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  if (sp_prune_mark(db, fact->place, sp_clock_wall_s(), err) < 0)
    return -1;
  return merge_digest(db, fact->place, &fact->times, err);
}

static const struct sp_told_ops digest_ops = {.apply = apply_digest, .free = fact_free};

int sp_known_tell_digest(struct sp_journal *journal, const char *place,
                         const struct sp_known_digest *facts, struct sp_err *err)
{
  struct fact *fact;
  if (facts->digest.alg == SP_DIGEST_NONE)
    return 0;
  if (fact_new(&digest_ops, place, &fact, err) < 0)
    return -1;
  fact->times = (struct sp_known_digest){
      .digest = facts->digest,
      .first_seen_s = sp_journal_is_past(facts->first_seen_s) ? facts->first_seen_s : 0,
      .touched_s = sp_journal_proof_time(facts->touched_s),
      .read_s = sp_journal_proof_time(facts->read_s),
      .referrers_s = sp_journal_proof_time(facts->referrers_s),
      .damaged_s = sp_journal_damage_time(facts->damaged_s),
  };
  fact->times.needs_read = fact->times.damaged_s > 0 && facts->needs_read;
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* -- tags */

struct state {
  struct sp_digest digest; /* SP_DIGEST_NONE: there is no such state */
  int64_t since_s;
  bool is_gone, is_meant, is_late, is_undated;
};

static bool is_state(const struct state *state, const struct fact *fact)
{
  bool is_gone = fact->times.digest.alg == SP_DIGEST_NONE;
  if (state->digest.alg == SP_DIGEST_NONE || state->is_gone != is_gone)
    return false;
  return is_gone || sp_digest_eq(&state->digest, &fact->times.digest);
}

/* The state in which the tag was at that time, and the next one after it. */
static int find_neighbours(struct sp_db *db, const struct fact *fact, struct state *earlier,
                           struct state *later, struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(fact->place)), SP_TEXT(fact->tag)};
  struct sp_field fields[SP_MAX_FIELDS];
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  *earlier = *later = (struct state){0};
  if (sp_db_select(db, &sp_table_tags,
                   "SELECT * FROM tags WHERE place = ?1 AND tag = ?2 ORDER BY since_s DESC", args,
                   2, &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, fact->place, fields, err)) > 0) {
    const struct state state = {.digest = fields[3].digest,
                                .since_s = fields[2].number,
                                .is_gone = fields[4].number & (SP_TAG_GONE | SP_TAG_MEANT),
                                .is_meant = fields[4].number & SP_TAG_MEANT,
                                .is_late = fields[4].number & SP_TAG_LATE,
                                .is_undated = fields[4].number & SP_TAG_UNDATED};
    if (state.since_s <= fact->at_s) {
      *earlier = state;
      return 0;
    }
    *later = state;
  }
  return got;
}

/* That it is gone was meant if that was said of the state which begins earlier now. */
static int put_state(struct sp_db *db, const struct fact *fact, const struct state *earlier,
                     const struct state *later, struct sp_err *err)
{
  bool is_gone = fact->times.digest.alg == SP_DIGEST_NONE;
  bool is_meant = is_state(later, fact) && later->is_meant;
  int gone = is_meant ? SP_TAG_MEANT : SP_TAG_GONE;
  const struct sp_field fields[] = {
      SP_NUMBER(sp_db_key(fact->place)), SP_TEXT(fact->tag), SP_NUMBER(fact->at_s),
      SP_DIGEST(is_gone ? &earlier->digest : &fact->times.digest),
      SP_NUMBER((is_gone ? gone : SP_TAG_THERE) | (fact->is_late ? SP_TAG_LATE : 0) |
                (fact->is_undated ? SP_TAG_UNDATED : 0))};
  const struct sp_field most = SP_NUMBER(SP_MAX_KEPT_STATES);
  const struct sp_field beyond[] = {fields[0], fields[1], most};
  if (sp_db_put(db, &sp_table_tags, fact->place, fields, err) < 0)
    return -1;
  return sp_db_run(db,
                   "DELETE FROM tags WHERE place = ?1 AND tag = ?2 AND since_s <= (SELECT since_s "
                   "FROM tags WHERE place = ?1 AND tag = ?2 ORDER BY since_s DESC LIMIT 1 OFFSET "
                   "?3)",
                   beyond, 3, err);
}

static int forget_after(struct sp_db *db, const struct fact *fact, int64_t last_s,
                        struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(fact->place)), SP_TEXT(fact->tag),
                                  SP_NUMBER(last_s)};
  return sp_db_run(db, "DELETE FROM tags WHERE place = ?1 AND tag = ?2 AND since_s > ?3", args, 3,
                   err);
}

/* States that a clock of the future left would be facts one day. */
static int forget_future(struct sp_db *db, const struct fact *fact, struct sp_err *err)
{
  return forget_after(db, fact, sp_clock_wall_s() + SP_DAY_S, err);
}

/* Fits it in where it belongs. */
static int apply_dated(struct sp_db *db, const struct fact *fact, struct sp_err *err)
{
  struct state earlier;
  struct state later;
  if (forget_future(db, fact, err) < 0 || find_neighbours(db, fact, &earlier, &later, err) < 0)
    return -1;
  bool never_was = fact->times.digest.alg == SP_DIGEST_NONE && earlier.digest.alg == SP_DIGEST_NONE;
  if (never_was || is_state(&earlier, fact))
    return 0;
  if (put_state(db, fact, &earlier, &later, err) < 0)
    return -1;
  if (!is_state(&later, fact) || later.since_s >= fact->until_s)
    return 0;
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(fact->place)), SP_TEXT(fact->tag),
                                  SP_NUMBER(later.since_s)};
  /* It has been so for longer than was known. */
  return sp_db_run(db, "DELETE FROM tags WHERE place = ?1 AND tag = ?2 AND since_s = ?3", args, 3,
                   err);
}

/* A run saw it. It comes after all that was seen before: if that lies ahead of now, or others say
 * so, a clock is wrong, or was, and nobody knows when this began, nor when that ended, nor what was
 * so in the days before, until a run sees it again whose clock is past all of that. */
static int apply_state(struct sp_db *db, const struct fact *fact, struct sp_err *err)
{
  struct fact now = *fact;
  struct state last;
  struct state ahead;
  now.at_s = sp_clock_wall_s();
  if (!fact->is_seen)
    return apply_dated(db, fact, err);
  if (find_neighbours(db, &now, &last, &ahead, err) < 0)
    return -1;
  bool is_wrong = ahead.digest.alg != SP_DIGEST_NONE;
  if (!is_wrong && !fact->is_undated && !last.is_undated)
    return apply_dated(db, fact, err);
  if (!is_wrong && fact->is_undated && is_state(&last, fact))
    return 0;
  last = is_wrong ? ahead : last;
  if (fact->times.digest.alg == SP_DIGEST_NONE && last.digest.alg == SP_DIGEST_NONE)
    return 0;
  now.at_s = is_wrong || fact->at_s > last.since_s ? fact->at_s : last.since_s;
  now.is_late = true;
  now.is_undated = fact->is_undated || is_wrong;
  if (is_wrong && forget_after(db, &now, sp_clock_wall_s() - SP_CLOCK_DOUBT_S, err) < 0)
    return -1;
  return put_state(db, &now, &last, &last, err);
}

static int apply_tag(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  if (sp_prune_mark(db, fact->place, sp_clock_wall_s(), err) < 0 || apply_state(db, fact, err) < 0)
    return -1;
  return fact->times.digest.alg == SP_DIGEST_NONE
             ? 0
             : merge_digest(db, fact->place, &fact->times, err);
}

static const struct sp_told_ops tag_ops = {.apply = apply_tag, .free = fact_free};

static int tell_state(struct sp_journal *journal, const char *place, const char *tag,
                      const struct sp_digest *digest, int64_t at_s, int64_t until_s, bool is_late,
                      bool is_seen, struct sp_err *err)
{
  struct fact *fact;
  int64_t now_s = sp_clock_wall_s();
  int64_t off_s = is_seen ? sp_clock_off_s() : 0;
  if (off_s < 0)
    at_s += off_s; /* the order at least is right then */
  if (at_s > now_s && at_s <= now_s + SP_CLOCK_SKEW_S)
    at_s = now_s;
  /* What is no tag would be taken for damage when it is read. */
  if (!sp_journal_is_past(at_s) || !sp_ref_is_tag(sp_span_str(tag)))
    return 0;
  if (fact_new(&tag_ops, place, &fact, err) < 0)
    return -1;
  snprintf(fact->tag, sizeof fact->tag, "%s", tag);
  fact->at_s = at_s;
  fact->until_s = until_s;
  fact->is_late = is_late;
  fact->is_seen = is_seen;
  fact->is_undated = off_s != 0;
  if (digest)
    fact->times = (struct sp_known_digest){.digest = *digest, .first_seen_s = off_s > 0 ? 0 : at_s};
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

int sp_known_tell_tag(struct sp_journal *journal, const char *place, const char *tag,
                      const struct sp_digest *digest, int64_t at_s, struct sp_err *err)
{
  return tell_state(journal, place, tag, digest, at_s, INT64_MAX, false, true, err);
}

int sp_known_tell_tag_late(struct sp_journal *journal, const char *place, const char *tag,
                           const struct sp_digest *digest, int64_t at_s, struct sp_err *err)
{
  return tell_state(journal, place, tag, digest, at_s, INT64_MAX, true, true, err);
}

int sp_known_tell_stay(struct sp_journal *journal, const char *place, const char *tag,
                       const struct sp_digest *digest, int64_t at_s, int64_t until_s,
                       struct sp_err *err)
{
  return tell_state(journal, place, tag, digest, at_s, until_s, true, false, err);
}

/* Since when it is gone stays. */
static int apply_meant(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  struct state then;
  struct state later;
  if (forget_future(db, fact, err) < 0 || find_neighbours(db, fact, &then, &later, err) < 0)
    return -1;
  if (!then.is_gone || then.is_meant)
    return 0;
  const struct sp_field fields[] = {SP_NUMBER(sp_db_key(fact->place)), SP_TEXT(fact->tag),
                                    SP_NUMBER(then.since_s), SP_DIGEST(&then.digest),
                                    SP_NUMBER(SP_TAG_MEANT | (then.is_late ? SP_TAG_LATE : 0) |
                                              (then.is_undated ? SP_TAG_UNDATED : 0))};
  return sp_db_put(db, &sp_table_tags, fact->place, fields, err);
}

static const struct sp_told_ops meant_ops = {.apply = apply_meant, .free = fact_free};

int sp_known_tell_meant(struct sp_journal *journal, const char *place, const char *tag,
                        int64_t at_s, struct sp_err *err)
{
  struct fact *fact;
  if (!sp_journal_is_past(at_s) || !sp_ref_is_tag(sp_span_str(tag)))
    return 0;
  if (fact_new(&meant_ops, place, &fact, err) < 0)
    return -1;
  snprintf(fact->tag, sizeof fact->tag, "%s", tag);
  fact->at_s = at_s;
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* -- blobs */

static int apply_blob(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  const struct sp_field fields[] = {SP_NUMBER(sp_db_key(fact->place)),
                                    SP_DIGEST(&fact->times.digest), SP_NUMBER(fact->at_s)};
  if (sp_prune_mark(db, fact->place, sp_clock_wall_s(), err) < 0 ||
      sp_rot_end(db, fact->place, &fact->times.digest, fact->at_s, err) < 0)
    return -1;
  return sp_db_put(db, &sp_table_blobs, fact->place, fields, err);
}

static const struct sp_told_ops blob_ops = {.apply = apply_blob, .free = fact_free};

int sp_known_tell_blob(struct sp_journal *journal, const char *place,
                       const struct sp_digest *digest, int64_t read_s, struct sp_err *err)
{
  struct fact *fact;
  if (sp_journal_proof_time(read_s) == 0)
    return 0;
  if (fact_new(&blob_ops, place, &fact, err) < 0)
    return -1;
  fact->times.digest = *digest;
  fact->at_s = read_s;
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* -- damage */

/* What was told before it was seen before it, whatever clocks say. */
static int apply_damage(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  struct sp_known_digest known;
  int64_t proven_s;
  if (sp_prune_mark(db, fact->place, sp_clock_wall_s(), err) < 0 ||
      sp_digest_row_find(db, fact->place, &fact->times.digest, &known, err) < 0 ||
      sp_digest_row_find_last_proof(db, fact->place, &fact->times.digest, &proven_s, err) < 0)
    return -1;
  struct sp_known_digest seen = fact->times;
  if (seen.damaged_s < proven_s)
    seen.damaged_s = proven_s; /* and a record that knows of that proof does not end it */
  known.touched_s = known.read_s = 0;
  sp_known_merge(&known, &seen);
  return sp_digest_row_write(db, fact->place, &known, err);
}

static const struct sp_told_ops damage_ops = {.apply = apply_damage, .free = fact_free};

int sp_known_tell_damage(struct sp_journal *journal, const char *place,
                         const struct sp_digest *digest, bool needs_read, struct sp_err *err)
{
  struct fact *fact;
  if (digest->alg == SP_DIGEST_NONE)
    return 0;
  if (fact_new(&damage_ops, place, &fact, err) < 0)
    return -1;
  fact->times = (struct sp_known_digest){
      .digest = *digest, .damaged_s = sp_clock_wall_s(), .needs_read = needs_read};
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* -- damage of a clock that was ahead */

static int apply_right_clock(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  struct sp_known_digest known;
  if (sp_digest_row_find(db, fact->place, &fact->times.digest, &known, err) < 0)
    return -1;
  if (known.damaged_s < fact->at_s) /* another process was faster */
    return 0;
  known.damaged_s = fact->at_s;
  return sp_digest_row_write(db, fact->place, &known, err);
}

static const struct sp_told_ops right_clock_ops = {.apply = apply_right_clock, .free = fact_free};

int sp_digest_row_tell_right_clock(struct sp_journal *journal, const char *place,
                                   const struct sp_digest *digest, int64_t now_s,
                                   struct sp_err *err)
{
  struct fact *fact;
  if (fact_new(&right_clock_ops, place, &fact, err) < 0)
    return -1;
  fact->at_s = now_s;
  fact->times.digest = *digest;
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}
