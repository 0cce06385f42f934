/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the same table as what follows from them: the record is a store and a place of its own,
 * and "known" says whether it is elsewhere. */
#include "journal/rot_said.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "journal/inside.h"
#include "journal/prune.h"

/* -- telling */

struct fact {
  struct sp_told told;
  char *name;
  size_t count;
  struct sp_record_rot rot[];
};

static void fact_free(struct sp_told *told)
{
  struct fact *fact = (struct fact *)told;
  free(fact->name);
  free(fact);
}

static int put(struct sp_db *db, const struct fact *fact, const struct sp_record_rot *rot,
               struct sp_err *err)
{
  const struct sp_field key = SP_NUMBER(sp_db_key(fact->name));
  const struct sp_field fields[] = {key, SP_DIGEST(&rot->digest), key, SP_NUMBER(rot->seen_s),
                                    SP_NUMBER(rot->is_elsewhere)};
  return sp_db_put(db, &sp_table_rot, fact->name, fields, err);
}

static int apply(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  const struct sp_field key = SP_NUMBER(sp_db_key(fact->name));
  if (sp_prune_mark(db, fact->name, sp_clock_wall_s(), err) < 0 ||
      sp_db_run(db, "DELETE FROM rot WHERE store = ?1", &key, 1, err) < 0)
    return -1;
  for (size_t i = 0; i < fact->count; i++) {
    if (put(db, fact, &fact->rot[i], err) < 0)
      return -1;
  }
  return 0;
}

static const struct sp_told_ops ops = {.apply = apply, .free = fact_free};

int sp_rot_said_tell(struct sp_journal *journal, const char *name, const struct sp_record *said,
                     struct sp_err *err)
{
  struct fact *fact = calloc(1, sizeof *fact + said->rot_count * sizeof fact->rot[0]);
  if (!fact || sp_text_dup(&fact->name, name, err) < 0) {
    free(fact);
    return sp_fail(err, SP_E_NOMEM, "out of memory for a fact of the journal");
  }
  fact->told.ops = &ops;
  fact->count = said->rot_count;
  if (said->rot_count > 0)
    memcpy(fact->rot, said->rot, said->rot_count * sizeof said->rot[0]);
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* -- reading */

struct question {
  const char *name;
  struct sp_record *said;
};

static int ask(struct sp_db *db, void *ctx, struct sp_err *err)
{
  const struct question *question = ctx;
  const struct sp_field key = SP_NUMBER(sp_db_key(question->name));
  struct sp_field fields[SP_MAX_FIELDS];
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_rot, "SELECT * FROM rot WHERE store = ?1 ORDER BY digest", &key, 1,
                   &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, question->name, fields, err)) > 0) {
    const struct sp_record_rot rot = {.digest = fields[1].digest,
                                      .seen_s = sp_journal_damage_time(fields[3].number),
                                      .is_elsewhere = fields[4].number != 0};
    if (sp_record_add_rot(question->said, &rot, err) < 0)
      return -1;
  }
  return got;
}

int sp_rot_said_read(struct sp_journal *journal, const char *name, struct sp_record *said,
                     struct sp_err *err)
{
  struct question question = {.name = name, .said = said};
  bool known;
  int failed = sp_journal_ask(journal, ask, &question, &known, err);
  if (failed || !known)
    sp_record_clear(said);
  return failed;
}
