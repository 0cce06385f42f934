/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a journal (journal/journal.h): what its nouns (known, runs, uploads) use to keep
 * and find their facts. The lock, the transactions, and what becomes of trouble are here and
 * nowhere else. Threads: any.
 */
#ifndef SP_JOURNAL_INSIDE_H
#define SP_JOURNAL_INSIDE_H

#include "journal/db.h"
#include "journal/journal.h"

/* A fact on its way to the database; a noun embeds it first in a struct of its own. */
struct sp_told;
struct sp_told_ops {
  /* Writes it; called within a transaction, perhaps more than once (after one that failed). */
  int (*apply)(const struct sp_told *told, struct sp_db *db, struct sp_err *err);
  void (*free)(struct sp_told *told);
};
struct sp_told {
  const struct sp_told_ops *ops;
  struct sp_told *next;
};

/* Keeps it for the next flush; SP_MAX_TOLD of them make one. */
void sp_journal_tell_take(struct sp_journal *journal, struct sp_told *told);

/* Reads from the database into `ctx`. Called with the journal's lock held. */
typedef int sp_question(struct sp_db *db, void *ctx, struct sp_err *err);
/* Asks. *known false: the database could not answer, which is trouble by now and nothing more; what
 * came into ctx so far is to be thrown away. Fails: SP_E_NOMEM. */
SP_MUST_CHECK int sp_journal_ask(struct sp_journal *journal, sp_question *ask, void *ctx,
                                 bool *known, struct sp_err *err);
/* The same for what has to be written at once, in a transaction of its own. */
SP_MUST_CHECK int sp_journal_ask_and_write(struct sp_journal *journal, sp_question *ask, void *ctx,
                                           bool *done, struct sp_err *err);

/* May this be a time of something that has been? (One day ahead is a clock that is wrong.) */
bool sp_journal_is_past(int64_t unix_s);
/* A time of a proof, 0 if it cannot be one (sp_known_is_proof_date). */
int64_t sp_journal_proof_time(int64_t unix_s);
/* A time of damage. One that lies ahead is a clock's that was wrong; what was seen was seen, at the
 * latest now. 0 stays "never". */
int64_t sp_journal_damage_time(int64_t unix_s);

#endif
