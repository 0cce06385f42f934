/* SPDX-License-Identifier: Apache-2.0 */
/* Reading. Rows come in the order of their primary key, which is the order of the answers; rows
 * that do not ascend are damage (and would let a file that leads in circles never end). */
#include "journal/known.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "journal/digest_row.h"
#include "journal/inside.h"
#include "oci/reference.h"

/* -- rows to facts */

static int damaged(struct sp_err *err)
{
  return sp_fail(err, SP_E_INVALID, "a row of the journal makes no sense");
}

/* A row of sp_table_tags; the tag is borrowed from it. */
struct state {
  struct sp_span tag;
  struct sp_digest digest;
  int64_t since_s;
  bool is_gone, is_meant, is_late, is_undated;
};

static int read_state(const struct sp_field *fields, struct state *out, struct sp_err *err)
{
  *out = (struct state){
      .tag = fields[1].text,
      .since_s = fields[2].number,
      .digest = fields[3].digest,
      .is_gone = fields[4].number & (SP_TAG_GONE | SP_TAG_MEANT),
      .is_meant = fields[4].number & SP_TAG_MEANT,
      .is_late = fields[4].number & SP_TAG_LATE,
      .is_undated = fields[4].number & SP_TAG_UNDATED,
  };
  if (!sp_ref_is_tag(out->tag) || out->digest.alg == SP_DIGEST_NONE)
    return damaged(err);
  return 0;
}

/* -- lists that grow */

/* Makes room for one more item; count is doubled at powers of two. */
static int grow(void **items, size_t count, size_t item_bytes, struct sp_err *err)
{
  if (count & (count - 1))
    return 0;
  void *more = reallocarray(*items, count ? count * 2 : 1, item_bytes);
  if (!more)
    return sp_fail(err, SP_E_NOMEM, "out of memory for what is known");
  *items = more;
  return 0;
}

static int add_tag(struct sp_known_tag **tags, size_t *count, const struct state *state,
                   struct sp_err *err)
{
  if (grow((void **)tags, *count, sizeof **tags, err) < 0)
    return -1;
  struct sp_known_tag *made = &(*tags)[*count];
  *made = (struct sp_known_tag){.digest = state->digest,
                                .since_s = state->since_s,
                                .came_s = state->since_s,
                                .is_gone = state->is_gone,
                                .is_meant = state->is_meant,
                                .is_late = state->is_late,
                                .is_undated = state->is_undated};
  if (sp_text_dup_span(&made->tag, state->tag, err) < 0)
    return -1;
  (*count)++;
  return 0;
}

static int compare_digests(const struct sp_digest *a, const struct sp_digest *b)
{
  if (a->alg != b->alg)
    return a->alg < b->alg ? -1 : 1;
  return memcmp(a->raw, b->raw, sizeof a->raw);
}

/* -- a place */

struct place_question {
  const char *place;
  int64_t at_s;
  struct sp_known *out;
};

/* Since when a tag that went named what it named. Who was told of one that it is gone, and no more,
 * had it there a second before (record_facts.c): then nobody knows. */
static int64_t named_s(const struct sp_known_tag *last, const struct state *gone)
{
  if (last->is_gone)
    return last->named_s;
  return last->since_s < gone->since_s - 1 && !last->is_undated ? last->since_s : 0;
}

/* The first state after at_s ends the one that was in force then. */
static void end_state(struct sp_known_tag *last, const struct state *next)
{
  if (!last || last->has_ended || !sp_span_eq_str(next->tag, last->tag))
    return;
  last->has_ended = true;
  last->left_s = next->is_late || last->is_undated ? 0 : next->since_s;
}

/* States of one tag come oldest first: a later one that was in force at at_s takes the place of an
 * earlier one. */
static int take_state(const struct place_question *question, const struct state *state,
                      struct sp_err *err)
{
  struct sp_known *out = question->out;
  struct sp_known_tag *last = out->tag_count ? &out->tags[out->tag_count - 1] : NULL;
  if (state->since_s > question->at_s) {
    end_state(last, state);
    return 0;
  }
  if (!last || !sp_span_eq_str(state->tag, last->tag))
    return add_tag(&out->tags, &out->tag_count, state, err);
  last->came_s = last->is_gone ? state->since_s : last->came_s;
  last->named_s = state->is_gone ? named_s(last, state) : 0;
  last->digest = state->digest;
  last->since_s = state->since_s;
  last->is_gone = state->is_gone;
  last->is_meant = state->is_meant;
  last->is_late = state->is_late;
  last->is_undated = state->is_undated;
  return 0;
}

/* A clock was wrong, that of who wrote it or this one: it is so, since nobody knows when. Answers
 * false for what lies further ahead than a day: that is no fact. */
static bool bring_to_now(struct state *state)
{
  int64_t now_s = sp_clock_wall_s();
  if (state->since_s <= 0 || state->since_s > now_s + SP_DAY_S)
    return false;
  if (state->since_s <= now_s)
    return true;
  state->since_s = now_s;
  state->is_late = state->is_undated = true;
  return true;
}

static int compare_spans(struct sp_span a, struct sp_span b)
{
  int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
  return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int read_tags(struct sp_db *db, const struct place_question *question, struct sp_err *err)
{
  const struct sp_field key = SP_NUMBER(sp_db_key(question->place));
  struct sp_field fields[SP_MAX_FIELDS];
  struct state state;
  char before[SP_MAX_TAG + 1] = "";
  int64_t before_s = 0;
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_tags, "SELECT * FROM tags WHERE place = ?1 ORDER BY tag, since_s",
                   &key, 1, &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, question->place, fields, err)) > 0) {
    if (read_state(fields, &state, err) < 0)
      return -1;
    int order = compare_spans(sp_span_str(before), state.tag);
    if (order > 0 || (order == 0 && state.since_s <= before_s))
      return damaged(err);
    snprintf(before, sizeof before, "%.*s", (int)state.tag.len, state.tag.ptr);
    before_s = state.since_s;
    question->out->has_ahead = question->out->has_ahead || !sp_journal_is_past(state.since_s);
    if (bring_to_now(&state) && take_state(question, &state, err) < 0)
      return -1;
  }
  return got;
}

static int read_digests(struct sp_db *db, const struct place_question *question, struct sp_err *err)
{
  const struct sp_field key = SP_NUMBER(sp_db_key(question->place));
  struct sp_field fields[SP_MAX_FIELDS];
  struct sp_known *out = question->out;
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_digests, "SELECT * FROM digests WHERE place = ?1 ORDER BY digest",
                   &key, 1, &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, question->place, fields, err)) > 0) {
    if (grow((void **)&out->digests, out->digest_count, sizeof *out->digests, err) < 0)
      return -1;
    struct sp_known_digest *made = &out->digests[out->digest_count];
    if (sp_digest_row_read(fields, made, err) < 0)
      return -1;
    if (out->digest_count > 0 && compare_digests(&made[-1].digest, &made->digest) >= 0)
      return damaged(err);
    out->digest_count++;
  }
  return got;
}

static int ask_place(struct sp_db *db, void *ctx, struct sp_err *err)
{
  const struct place_question *question = ctx;
  return read_tags(db, question, err) < 0 ? -1 : read_digests(db, question, err);
}

/* Damage of now was dated ahead. (Or it was seen this second: that changes nothing.) */
static int right_clocks(struct sp_journal *journal, const char *place, const struct sp_known *known,
                        int64_t now_s, struct sp_err *err)
{
  for (size_t i = 0; i < known->digest_count; i++) {
    const struct sp_known_digest *digest = &known->digests[i];
    if (digest->damaged_s >= now_s &&
        sp_digest_row_tell_right_clock(journal, place, &digest->digest, now_s, err) < 0)
      return -1;
  }
  return 0;
}

int sp_known_read(struct sp_journal *journal, const char *place, int64_t at_s, struct sp_known *out,
                  struct sp_err *err)
{
  struct place_question question = {.place = place, .at_s = at_s, .out = out};
  int64_t now_s = sp_clock_wall_s();
  bool known;
  *out = (struct sp_known){0};
  int failed = sp_journal_ask(journal, ask_place, &question, &known, err) < 0 ||
               right_clocks(journal, place, out, now_s, err) < 0;
  if (failed || !known)
    sp_known_clear(out);
  return failed ? -1 : 0;
}

void sp_known_clear(struct sp_known *known)
{
  sp_known_history_free(known->tags, known->tag_count);
  free(known->digests);
  *known = (struct sp_known){0};
}

static int compare_tag_key(const void *key, const void *item)
{
  return strcmp(key, ((const struct sp_known_tag *)item)->tag);
}

const struct sp_known_tag *sp_known_find_tag(const struct sp_known *known, const char *tag)
{
  if (known->tag_count == 0)
    return NULL;
  return bsearch(tag, known->tags, known->tag_count, sizeof *known->tags, compare_tag_key);
}

static int compare_digest_key(const void *key, const void *item)
{
  return compare_digests(key, &((const struct sp_known_digest *)item)->digest);
}

const struct sp_known_digest *sp_known_find_digest(const struct sp_known *known,
                                                   const struct sp_digest *digest)
{
  if (known->digest_count == 0)
    return NULL;
  return bsearch(digest, known->digests, known->digest_count, sizeof *known->digests,
                 compare_digest_key);
}

struct digest_question {
  const char *place;
  const struct sp_digest *digest;
  struct sp_known_digest *out;
};

static int ask_digest(struct sp_db *db, void *ctx, struct sp_err *err)
{
  const struct digest_question *question = ctx;
  return sp_digest_row_find(db, question->place, question->digest, question->out, err);
}

int sp_known_read_digest(struct sp_journal *journal, const char *place,
                         const struct sp_digest *digest, struct sp_known_digest *out,
                         struct sp_err *err)
{
  struct digest_question question = {.place = place, .digest = digest, .out = out};
  bool known;
  *out = (struct sp_known_digest){.digest = *digest};
  int failed = sp_journal_ask(journal, ask_digest, &question, &known, err);
  if (failed || !known)
    *out = (struct sp_known_digest){.digest = *digest};
  return failed;
}

/* -- damage and proofs */

bool sp_known_is_proof_date(int64_t proven_s, int64_t now_s)
{
  return proven_s > 0 && proven_s <= now_s + 1;
}

bool sp_known_is_damaged(const struct sp_known_digest *digest)
{
  return digest && digest->damaged_s > 0;
}

bool sp_known_needs_read(const struct sp_known_digest *digest)
{
  return sp_known_is_damaged(digest) && digest->needs_read;
}

static int64_t earliest(int64_t a, int64_t b)
{
  if (a == 0 || b == 0)
    return a + b;
  return a < b ? a : b;
}

static int64_t latest(int64_t a, int64_t b)
{
  return a > b ? a : b;
}

/* Does the damage that `seen` tells of outlast these proofs? */
static bool stands(const struct sp_known_digest *seen, const struct sp_known_digest *proofs)
{
  return seen->damaged_s > (seen->needs_read ? proofs->read_s : proofs->touched_s);
}

void sp_known_merge(struct sp_known_digest *into, const struct sp_known_digest *from)
{
  struct sp_known_digest merged = {.digest = into->digest};
  merged.first_seen_s = earliest(into->first_seen_s, from->first_seen_s);
  merged.referrers_s = latest(into->referrers_s, from->referrers_s);
  merged.read_s = latest(into->read_s, from->read_s);
  merged.touched_s =
      latest(merged.read_s, latest(into->touched_s, from->touched_s)); /* who reads touches */
  bool mine = stands(into, &merged), theirs = stands(from, &merged);
  if (mine || theirs) {
    merged.damaged_s = latest(mine ? into->damaged_s : 0, theirs ? from->damaged_s : 0);
    merged.needs_read = (mine && into->needs_read) || (theirs && from->needs_read);
    merged.touched_s = merged.read_s = 0;
  }
  *into = merged;
}

/* -- places */

struct places_question {
  struct sp_span prefix;
  struct sp_known_names *out;
};

static int take_place(const struct places_question *question, struct sp_span name,
                      struct sp_err *err)
{
  struct sp_known_names *out = question->out;
  struct sp_span prefix = question->prefix;
  if (name.len <= prefix.len || memcmp(name.ptr, prefix.ptr, prefix.len) != 0 ||
      out->count == SP_MAX_NAMESPACE)
    return 0;
  if (grow((void **)&out->items, out->count, sizeof *out->items, err) < 0 ||
      sp_text_dup_span(&out->items[out->count],
                       SP_SPAN(name.ptr + prefix.len, name.len - prefix.len), err) < 0)
    return -1;
  out->count++;
  return 0;
}

/* Every place that was told of has a mark (journal/prune.h). */
static int ask_places(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct sp_field fields[SP_MAX_FIELDS];
  int64_t before = INT64_MIN;
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_marks, "SELECT * FROM marks ORDER BY name_key", NULL, 0, &rows,
                   err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, "", fields, err)) > 0) {
    if (before != INT64_MIN && fields[0].number <= before)
      return damaged(err);
    before = fields[0].number;
    if (take_place(ctx, fields[1].text, err) < 0)
      return -1;
  }
  return got;
}

int sp_known_places(struct sp_journal *journal, const char *prefix, struct sp_known_names *out,
                    struct sp_err *err)
{
  struct places_question question = {.prefix = sp_span_str(prefix), .out = out};
  bool known;
  *out = (struct sp_known_names){0};
  int failed = sp_journal_ask(journal, ask_places, &question, &known, err);
  if (failed || !known)
    sp_known_names_clear(out);
  return failed;
}

void sp_known_names_clear(struct sp_known_names *names)
{
  for (size_t i = 0; i < names->count; i++)
    free(names->items[i]);
  free(names->items);
  *names = (struct sp_known_names){0};
}

/* -- one tag's history */

struct history_question {
  const char *place, *tag;
  size_t limit;
  struct sp_known_tag *states;
  size_t count;
};

static int ask_history(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct history_question *question = ctx;
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(question->place)), SP_TEXT(question->tag)};
  struct sp_field fields[SP_MAX_FIELDS];
  struct state state;
  int got = 0;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_tags,
                   "SELECT * FROM tags WHERE place = ?1 AND tag = ?2 ORDER BY since_s DESC", args,
                   2, &rows, err) < 0)
    return -1;
  while (question->count < question->limit &&
         (got = sp_rows_next(&rows, question->place, fields, err)) > 0) {
    if (read_state(fields, &state, err) < 0)
      return -1;
    if (sp_journal_is_past(state.since_s) &&
        add_tag(&question->states, &question->count, &state, err) < 0)
      return -1;
  }
  return got < 0 ? -1 : 0;
}

int sp_known_history(struct sp_journal *journal, const char *place, const char *tag, size_t limit,
                     struct sp_known_tag **out, size_t *count, struct sp_err *err)
{
  struct history_question question = {.place = place, .tag = tag, .limit = limit};
  bool known;
  int failed = sp_journal_ask(journal, ask_history, &question, &known, err);
  if (failed || !known) {
    sp_known_history_free(question.states, question.count);
    question.states = NULL;
    question.count = 0;
  }
  if (failed)
    return -1;
  *out = question.states;
  *count = question.count;
  return 0;
}

void sp_known_history_free(struct sp_known_tag *states, size_t count)
{
  for (size_t i = 0; i < count; i++)
    free(states[i].tag);
  free(states);
}

/* -- blobs */

struct blob_question {
  const char *place;
  const struct sp_digest *digests;
  size_t count;
  int64_t *read_s;
};

static int ask_blob(struct sp_db *db, const struct blob_question *question, size_t i,
                    struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(question->place)),
                                  SP_DIGEST(&question->digests[i])};
  struct sp_field fields[SP_MAX_FIELDS];
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_blobs, "SELECT * FROM blobs WHERE place = ?1 AND digest = ?2",
                   args, 2, &rows, err) < 0)
    return -1;
  int got = sp_rows_next(&rows, question->place, fields, err);
  question->read_s[i] = got > 0 ? sp_journal_proof_time(fields[2].number) : 0;
  return got < 0 ? -1 : 0;
}

static int ask_blobs(struct sp_db *db, void *ctx, struct sp_err *err)
{
  const struct blob_question *question = ctx;
  for (size_t i = 0; i < question->count; i++) {
    if (ask_blob(db, question, i, err) < 0)
      return -1;
  }
  return 0;
}

int sp_known_read_blobs(struct sp_journal *journal, const char *place,
                        const struct sp_digest *digests, size_t count, int64_t *read_s,
                        struct sp_err *err)
{
  struct blob_question question = {
      .place = place, .digests = digests, .count = count, .read_s = read_s};
  bool known;
  int failed = sp_journal_ask(journal, ask_blobs, &question, &known, err);
  for (size_t i = 0; i < count && (failed || !known); i++)
    read_s[i] = 0;
  return failed;
}
