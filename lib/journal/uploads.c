/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/uploads.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "journal/inside.h"
#include "journal/prune.h"

/* -- telling */

struct fact {
  struct sp_told told;
  char *place;
  struct sp_upload_session session; /* without a location: it is over */
};

static void fact_free(struct sp_told *told)
{
  struct fact *fact = (struct fact *)told;
  free(fact->session.location);
  free(fact->place);
  free(fact);
}

static int apply(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  const struct fact *fact = (const struct fact *)told;
  const struct sp_upload_session *session = &fact->session;
  const struct sp_field fields[] = {SP_NUMBER(sp_db_key(fact->place)),
                                    SP_DIGEST(&session->digest),
                                    SP_NUMBER((int64_t)session->size_bytes),
                                    SP_NUMBER((int64_t)session->offset),
                                    SP_TEXT(session->location),
                                    SP_NUMBER(session->at_s)};
  if (!session->location)
    return sp_db_run(db, "DELETE FROM uploads WHERE place = ?1 AND digest = ?2", fields, 2, err);
  return sp_db_put(db, &sp_table_uploads, fact->place, fields, err);
}

static const struct sp_told_ops ops = {.apply = apply, .free = fact_free};

static int tell(struct sp_journal *journal, const char *place,
                const struct sp_upload_session *session, struct sp_err *err)
{
  struct fact *fact = calloc(1, sizeof *fact);
  if (!fact)
    return sp_fail(err, SP_E_NOMEM, "out of memory for an upload session");
  fact->told.ops = &ops;
  fact->session = *session;
  fact->session.location = NULL;
  if (sp_text_dup(&fact->place, place, err) < 0 ||
      sp_text_dup(&fact->session.location, session->location, err) < 0) {
    fact_free(&fact->told);
    return -1;
  }
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* Can it be written as it is, and will it be believed when it is read? */
static bool is_sound(const struct sp_upload_session *session)
{
  return session->digest.alg != SP_DIGEST_NONE && sp_journal_is_past(session->at_s) &&
         session->size_bytes <= INT64_MAX && session->offset <= session->size_bytes &&
         session->location && strlen(session->location) <= SP_MAX_URL_BYTES;
}

int sp_uploads_tell(struct sp_journal *journal, const char *place,
                    const struct sp_upload_session *session, struct sp_err *err)
{
  return is_sound(session) ? tell(journal, place, session, err) : 0;
}

int sp_uploads_forget(struct sp_journal *journal, const char *place, const struct sp_digest *digest,
                      struct sp_err *err)
{
  const struct sp_upload_session over = {.digest = *digest};
  return tell(journal, place, &over, err);
}

/* -- reading */

struct question {
  const char *place;
  struct sp_upload_session *sessions;
  size_t count;
};

static int take(struct question *question, const struct sp_field *fields, struct sp_err *err)
{
  struct sp_upload_session *more =
      reallocarray(question->sessions, question->count + 1, sizeof *more);
  if (!more)
    return sp_fail(err, SP_E_NOMEM, "out of memory for upload sessions");
  question->sessions = more;
  struct sp_upload_session *made = &more[question->count];
  *made = (struct sp_upload_session){.digest = fields[1].digest,
                                     .size_bytes = (uint64_t)fields[2].number,
                                     .offset = (uint64_t)fields[3].number,
                                     .at_s = fields[5].number};
  if (sp_text_dup_span(&made->location, fields[4].text, err) < 0)
    return -1;
  question->count++;
  return 0;
}

static int ask(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct question *question = ctx;
  const struct sp_field args[] = {SP_NUMBER(sp_db_key(question->place)),
                                  SP_NUMBER(sp_clock_wall_s() - SP_KEEP_UPLOADS_S)};
  struct sp_field fields[SP_MAX_FIELDS];
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_uploads,
                   "SELECT * FROM uploads WHERE place = ?1 AND at_s >= ?2 ORDER BY digest", args, 2,
                   &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, question->place, fields, err)) > 0) {
    if (take(question, fields, err) < 0)
      return -1;
    if (!is_sound(&question->sessions[question->count - 1]))
      return sp_fail(err, SP_E_INVALID, "a row of the journal makes no sense");
  }
  return got;
}

int sp_uploads_read(struct sp_journal *journal, const char *place, struct sp_upload_session **out,
                    size_t *count, struct sp_err *err)
{
  struct question question = {.place = place};
  bool known;
  int failed = sp_journal_ask(journal, ask, &question, &known, err);
  if (failed || !known) {
    sp_uploads_free(question.sessions, question.count);
    question.sessions = NULL;
    question.count = 0;
  }
  if (failed)
    return -1;
  *out = question.sessions;
  *count = question.count;
  return 0;
}

void sp_uploads_free(struct sp_upload_session *sessions, size_t count)
{
  for (size_t i = 0; i < count; i++)
    free(sessions[i].location);
  free(sessions);
}
