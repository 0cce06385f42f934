/* SPDX-License-Identifier: Apache-2.0 */
/* A row for each place at which a blob was seen damaged, under the key of its store: so one range
 * of the table is all that whoever works in the store has to know. */
#include "journal/rot.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "journal/inside.h"
#include "journal/prune.h"
#include "oci/place.h"

static int name_store(const char *place, char **out, struct sp_err *err)
{
  return sp_text_dup_span(out, SP_SPAN(place, sp_place_store_len(place)), err);
}

static int64_t latest(int64_t a, int64_t b)
{
  return a > b ? a : b;
}

/* -- rows */

struct row {
  struct sp_digest digest;
  int64_t place, damaged_s, known_s;
};

static int senseless(struct sp_err *err)
{
  return sp_fail(err, SP_E_INVALID, "a row of the journal makes no sense");
}

static int read_row(const struct sp_field *fields, struct row *out, struct sp_err *err)
{
  *out = (struct row){.digest = fields[1].digest,
                      .place = fields[2].number,
                      .damaged_s = sp_journal_damage_time(fields[3].number),
                      .known_s = sp_journal_damage_time(fields[4].number)};
  return out->digest.alg == SP_DIGEST_NONE ? senseless(err) : 0;
}

/* When the blob was last read at the place; 0: never. */
static int read_at(struct sp_db *db, const char *place, const struct sp_digest *digest,
                   int64_t *read_s, struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(place)), SP_DIGEST(digest)};
  struct sp_field fields[SP_MAX_FIELDS];
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_blobs, "SELECT * FROM blobs WHERE place = ?1 AND digest = ?2",
                   args, 2, &rows, err) < 0)
    return -1;
  int got = sp_rows_next(&rows, place, fields, err);
  *read_s = got > 0 ? sp_journal_proof_time(fields[2].number) : 0;
  return got < 0 ? -1 : 0;
}

/* -- reading */

struct question {
  const char *place, *store;
  struct sp_rot *out;
  int64_t last_place; /* of the last row */
};

static int compare(const struct sp_digest *a, const struct sp_digest *b)
{
  if (a->alg != b->alg)
    return a->alg < b->alg ? -1 : 1;
  return memcmp(a->raw, b->raw, sizeof a->raw);
}

static int take_row(struct question *question, const struct row *row, struct sp_err *err)
{
  struct sp_rot *out = question->out;
  struct sp_rot_blob *last = out->count ? &out->blobs[out->count - 1] : NULL;
  bool is_here = row->place == sp_db_key(question->place);
  int order = last ? compare(&last->digest, &row->digest) : -1;
  if (order > 0 || (order == 0 && !out->is_more && row->place <= question->last_place))
    return senseless(err);
  question->last_place = row->place;
  if (order < 0 && out->count == SP_MAX_ROT) {
    out->is_more = true;
    out->known_s = latest(out->known_s, row->known_s);
    return 0;
  }
  if (order < 0) {
    last = &out->blobs[out->count++];
    *last = (struct sp_rot_blob){.digest = row->digest};
    atomic_init(&last->state, SP_ROT_DOUBT);
  }
  last->known_s = latest(last->known_s, row->known_s);
  last->seen_s = latest(last->seen_s, row->damaged_s);
  if (is_here) {
    last->damaged_s = row->damaged_s;
    atomic_store(&last->state, SP_ROT_HERE);
  }
  return 0;
}

static int read_rows(struct sp_db *db, struct question *question, struct sp_err *err)
{
  const struct sp_field key = SP_NUMBER(sp_db_key(question->store));
  struct sp_field fields[SP_MAX_FIELDS];
  struct row row;
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_rot, "SELECT * FROM rot WHERE store = ?1 ORDER BY digest, place",
                   &key, 1, &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, question->store, fields, err)) > 0) {
    struct sp_rot *out = question->out;
    if (!out->blobs)
      out->blobs = calloc(SP_MAX_ROT, sizeof *out->blobs);
    if (!out->blobs)
      return sp_fail(err, SP_E_NOMEM, "out of memory for what is known");
    if (read_row(fields, &row, err) < 0 || take_row(question, &row, err) < 0)
      return -1;
  }
  return got;
}

static struct sp_rot_blob *find(const struct sp_rot *rot, const struct sp_digest *digest)
{
  size_t low = 0, high = rot->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = compare(&rot->blobs[middle].digest, digest);
    if (order == 0)
      return &rot->blobs[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

/* What was read here since it became known, and was good, is in doubt no longer. Seen damaged
 * elsewhere after that it is again, and for what was proven here in between it is news. */
static void take_reading(struct sp_rot_blob *blob, int64_t read_s)
{
  if (atomic_load(&blob->state) != SP_ROT_DOUBT || read_s <= blob->known_s)
    return;
  if (read_s > blob->seen_s)
    atomic_store(&blob->state, SP_ROT_NONE);
  else
    blob->known_s = blob->seen_s;
}

static int end_doubts(struct sp_db *db, const struct question *question, struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(question->place)),
                                  SP_NUMBER(sp_db_key(question->store))};
  struct sp_field fields[SP_MAX_FIELDS];
  struct sp_digest before = {0};
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_blobs,
                   "SELECT * FROM blobs WHERE place = ?1 AND digest IN (SELECT digest FROM rot "
                   "WHERE store = ?2) ORDER BY digest",
                   args, 2, &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, question->place, fields, err)) > 0) {
    if (compare(&before, &fields[1].digest) >= 0)
      return senseless(err);
    before = fields[1].digest;
    struct sp_rot_blob *blob = find(question->out, &before);
    if (blob)
      take_reading(blob, sp_journal_proof_time(fields[2].number));
  }
  return got;
}

static int ask(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct question *question = ctx;
  struct sp_rot *out = question->out;
  if (read_rows(db, question, err) < 0 || (out->count > 0 && end_doubts(db, question, err) < 0))
    return -1;
  for (size_t i = 0; i < out->count; i++) {
    if (atomic_load(&out->blobs[i].state) != SP_ROT_NONE)
      out->known_s = latest(out->known_s, out->blobs[i].known_s);
  }
  return 0;
}

int sp_rot_read(struct sp_journal *journal, const char *place, struct sp_rot *out,
                struct sp_err *err)
{
  SP_AUTO_FREE char *store = NULL;
  bool known;
  *out = (struct sp_rot){0};
  if (name_store(place, &store, err) < 0)
    return -1;
  struct question question = {.place = place, .store = store, .out = out};
  int failed = sp_journal_ask(journal, ask, &question, &known, err);
  if (failed || !known)
    sp_rot_clear(out);
  return failed;
}

void sp_rot_clear(struct sp_rot *rot)
{
  free(rot->blobs);
  *rot = (struct sp_rot){0};
}

enum sp_rot_state sp_rot_state(const struct sp_rot *rot, const struct sp_digest *digest)
{
  struct sp_rot_blob *blob = find(rot, digest);
  if (blob)
    return (enum sp_rot_state)atomic_load(&blob->state);
  return rot->is_more ? SP_ROT_DOUBT : SP_ROT_NONE;
}

void sp_rot_settle(struct sp_rot *rot, const struct sp_digest *digest, enum sp_rot_state state)
{
  struct sp_rot_blob *blob = find(rot, digest);
  if (blob)
    atomic_store(&blob->state, state);
}

bool sp_rot_outdates(const struct sp_rot *rot, int64_t proven_s)
{
  return proven_s <= rot->known_s && rot->known_s > 0;
}

int64_t sp_rot_date_proof(const struct sp_rot *rot, int64_t now_s)
{
  return sp_rot_outdates(rot, now_s) ? rot->known_s + 1 : now_s;
}

/* -- telling */

struct fact {
  struct sp_told told;
  char *place, *store;
  struct sp_digest digest;
  int64_t seen_s, at_s;
};

static void fact_free(struct sp_told *told)
{
  struct fact *fact = (struct fact *)told;
  free(fact->place);
  free(fact->store);
  free(fact);
}

static int tell(const struct sp_told_ops *ops, struct sp_journal *journal, const struct fact *from,
                const char *place, struct sp_err *err)
{
  if (from->digest.alg == SP_DIGEST_NONE || !sp_journal_is_past(from->seen_s) ||
      !sp_journal_is_past(from->at_s))
    return 0;
  struct fact *fact = calloc(1, sizeof *fact);
  if (!fact)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a fact of the journal");
  *fact = *from;
  fact->told.ops = ops;
  if (sp_text_dup(&fact->place, place, err) < 0 || name_store(place, &fact->store, err) < 0) {
    fact_free(&fact->told);
    return -1;
  }
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* Since when this host knows of it, anywhere in the store; and what it knows of this place. */
static int find_known(struct sp_db *db, const struct fact *fact, int64_t *known_s, struct row *here,
                      struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(fact->store)), SP_DIGEST(&fact->digest)};
  struct sp_field fields[SP_MAX_FIELDS];
  struct row row;
  int got;
  *known_s = 0;
  *here = (struct row){0};
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_rot, "SELECT * FROM rot WHERE store = ?1 AND digest = ?2", args, 2,
                   &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, fact->store, fields, err)) > 0) {
    if (read_row(fields, &row, err) < 0)
      return -1;
    *known_s = latest(*known_s, row.known_s);
    if (row.place == sp_db_key(fact->place))
      *here = row;
  }
  return got;
}

static int put(struct sp_db *db, const struct fact *fact, int64_t known_s, struct sp_err *err)
{
  const struct sp_field fields[] = {SP_NUMBER(sp_db_key(fact->store)), SP_DIGEST(&fact->digest),
                                    SP_NUMBER(sp_db_key(fact->place)), SP_NUMBER(fact->seen_s),
                                    SP_NUMBER(known_s)};
  return sp_db_put(db, &sp_table_rot, fact->store, fields, err);
}

/* Known in the store already, it was looked for here ever since, unless it was read and good: then
 * it went bad, and what was proven in between is doubtful anew. */
static int apply_seen(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  const struct sp_field key[] = {SP_NUMBER(sp_db_key(fact->place)), SP_DIGEST(&fact->digest)};
  int64_t known_s, read_s;
  struct row here;
  if (sp_prune_mark(db, fact->place, fact->at_s, err) < 0 ||
      find_known(db, fact, &known_s, &here, err) < 0 ||
      read_at(db, fact->place, &fact->digest, &read_s, err) < 0 ||
      sp_db_run(db, "DELETE FROM blobs WHERE place = ?1 AND digest = ?2", key, 2, err) < 0)
    return -1;
  bool is_news = known_s == 0 || read_s > known_s;
  return put(db, fact, is_news ? fact->at_s : known_s, err);
}

static int apply_said(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  int64_t known_s, read_s;
  struct row here;
  if (sp_prune_mark(db, fact->place, fact->at_s, err) < 0 ||
      find_known(db, fact, &known_s, &here, err) < 0 ||
      read_at(db, fact->place, &fact->digest, &read_s, err) < 0)
    return -1;
  if (here.damaged_s >= fact->seen_s || sp_journal_proof_time(read_s) >= fact->seen_s)
    return 0;
  return put(db, fact, known_s ? known_s : fact->at_s, err);
}

static const struct sp_told_ops seen_ops = {.apply = apply_seen, .free = fact_free};
static const struct sp_told_ops said_ops = {.apply = apply_said, .free = fact_free};

int sp_rot_tell_seen(struct sp_journal *journal, const char *place, const struct sp_digest *digest,
                     int64_t at_s, struct sp_err *err)
{
  const struct fact fact = {.digest = *digest, .seen_s = at_s, .at_s = at_s};
  return tell(&seen_ops, journal, &fact, place, err);
}

int sp_rot_tell_said(struct sp_journal *journal, const char *place, const struct sp_digest *digest,
                     int64_t seen_s, int64_t at_s, struct sp_err *err)
{
  const struct fact fact = {.digest = *digest, .seen_s = seen_s, .at_s = at_s};
  return tell(&said_ops, journal, &fact, place, err);
}

int sp_rot_tell_elsewhere(struct sp_journal *journal, const char *place,
                          const struct sp_digest *digest, int64_t seen_s, int64_t at_s,
                          struct sp_err *err)
{
  SP_AUTO_FREE char *store = NULL;
  if (name_store(place, &store, err) < 0)
    return -1;
  return sp_rot_tell_said(journal, store, digest, seen_s, at_s, err);
}

static int end_at(struct sp_db *db, const struct fact *fact, const char *place, struct sp_err *err)
{
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(fact->store)), SP_DIGEST(&fact->digest),
                                  SP_NUMBER(sp_db_key(place)), SP_NUMBER(fact->at_s),
                                  SP_NUMBER(sp_clock_wall_s())};
  /* What lies ahead was seen before this reading, by a clock that was wrong. */
  return sp_db_run(db,
                   "DELETE FROM rot WHERE store = ?1 AND digest = ?2 AND place = ?3 AND (damaged_s "
                   "<= ?4 OR damaged_s > ?5)",
                   args, 5, err);
}

/* The reading is one of the store, too: who knows of the rot from a record that is older learns
 * nothing new. */
static int put_reading(struct sp_db *db, const struct fact *fact, struct sp_err *err)
{
  const struct sp_field fields[] = {SP_NUMBER(sp_db_key(fact->store)), SP_DIGEST(&fact->digest),
                                    SP_NUMBER(fact->at_s)};
  if (sp_prune_mark(db, fact->store, sp_clock_wall_s(), err) < 0)
    return -1;
  return sp_db_put(db, &sp_table_blobs, fact->store, fields, err);
}

int sp_rot_end(struct sp_db *db, const char *place, const struct sp_digest *digest, int64_t read_s,
               struct sp_err *err)
{
  SP_AUTO_FREE char *store = NULL;
  SP_AUTO_FREE char *copy = NULL;
  if (name_store(place, &store, err) < 0 || sp_text_dup(&copy, place, err) < 0)
    return -1;
  const struct fact fact = {.place = copy, .store = store, .digest = *digest, .at_s = read_s};
  struct row here;
  int64_t known_s;
  if (find_known(db, &fact, &known_s, &here, err) < 0)
    return -1;
  if (known_s == 0)
    return 0;
  return end_at(db, &fact, place, err) < 0 || end_at(db, &fact, store, err) < 0
             ? -1
             : put_reading(db, &fact, err);
}
