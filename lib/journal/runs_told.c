/* SPDX-License-Identifier: Apache-2.0 */
/* Telling. A run's row counts what is told of it: rows of images and writes are never counted
 * again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/limits.h"
#include "base/text.h"
#include "journal/inside.h"
#include "journal/run_row.h"
#include "journal/runs.h"

/* -- the run itself */

static int begin(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct sp_run *run = ctx;
  struct sp_field fields[SP_MAX_FIELDS];
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_runs, "SELECT * FROM runs ORDER BY id DESC LIMIT 1", NULL, 0,
                   &rows, err) < 0)
    return -1;
  int got = sp_rows_next(&rows, "", fields, err);
  if (got < 0)
    return -1;
  int64_t last = got ? fields[0].number : 0;
  if (last < 0 || last == INT64_MAX)
    return sp_fail(err, SP_E_INVALID, "a run of the journal makes no sense");
  run->id = last + 1;
  return sp_run_row_write(db, run, err);
}

/* A text as a row can hold it. */
static int dup_cut(char **out, const char *text, struct sp_err *err)
{
  size_t len = text ? strnlen(text, SP_MAX_JOURNAL_TEXT) : 0;
  return sp_text_dup_span(out, SP_SPAN(len ? text : "", len), err);
}

int sp_runs_begin(struct sp_journal *journal, const char *command, const char *subject,
                  int64_t at_s, int64_t *id, struct sp_err *err)
{
  struct sp_run run = {.started_s = at_s > 0 ? at_s : 0, .exit_status = -1};
  bool done = false;
  int failed = -1;
  if (dup_cut(&run.command, command, err) == 0 && dup_cut(&run.subject, subject, err) == 0)
    failed = sp_journal_ask_and_write(journal, begin, &run, &done, err);
  free(run.command);
  free(run.subject);
  *id = done ? run.id : 0;
  return failed;
}

/* -- facts of a run */

#define TEXTS 5

struct fact {
  struct sp_told told;
  int64_t run;
  char *texts[TEXTS]; /* of an image: image, place, result, code, message; of a write: place, tag */
  enum sp_write_kind kind;
  struct sp_digest digest, before;
  int64_t at_s;
  int64_t size_bytes;
  bool is_more, has_failed;
  int exit_status;
};

static void fact_free(struct sp_told *told)
{
  struct fact *fact = (struct fact *)told;
  for (size_t i = 0; i < TEXTS; i++)
    free(fact->texts[i]);
  free(fact);
}

static int tell(struct sp_journal *journal, const struct fact *like, const char *const *texts,
                size_t count, struct sp_err *err)
{
  struct fact *fact = malloc(sizeof *fact);
  if (!fact)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a fact of the journal");
  *fact = *like;
  for (size_t i = 0; i < count; i++) {
    if (dup_cut(&fact->texts[i], texts[i], err) < 0) {
      fact_free(&fact->told);
      return -1;
    }
  }
  sp_journal_tell_take(journal, &fact->told);
  return 0;
}

/* Reads the fact's run, lets `change` work on it, writes it. A run that is not there (0, or gone
 * with a damaged file) has no facts. */
static int change_run(struct sp_db *db, const struct fact *fact,
                      int (*change)(struct sp_db *, struct sp_run *, const struct fact *,
                                    struct sp_err *),
                      struct sp_err *err)
{
  struct sp_run *run = NULL;
  if (sp_run_row_find(db, fact->run, &run, err) < 0)
    return -1;
  if (!run)
    return 0;
  int failed = change(db, run, fact, err) < 0 || sp_run_row_write(db, run, err) < 0 ? -1 : 0;
  sp_runs_free(run, 1);
  return failed;
}

/* -- images */

/* Images have several rows: their number is not that of the images. */
static int number_row(struct sp_db *db, const struct sp_run *run, int64_t *number,
                      struct sp_err *err)
{
  const struct sp_field key = SP_NUMBER(run->id);
  struct sp_field fields[SP_MAX_FIELDS];
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_images,
                   "SELECT * FROM images WHERE run = ?1 ORDER BY number DESC LIMIT 1", &key, 1,
                   &rows, err) < 0)
    return -1;
  int got = sp_rows_next(&rows, "", fields, err);
  if (got < 0)
    return -1;
  int64_t last = got ? fields[1].number : 0;
  if (last < 0 || last == INT64_MAX)
    return sp_fail(err, SP_E_INVALID, "an image of the journal makes no sense");
  *number = last + 1;
  return 0;
}

static int add_image(struct sp_db *db, struct sp_run *run, const struct fact *fact,
                     struct sp_err *err)
{
  int64_t number = 0;
  if (number_row(db, run, &number, err) < 0)
    return -1;
  run->images += !fact->is_more;
  run->failed += !fact->is_more && fact->has_failed;
  const struct sp_field fields[] = {SP_NUMBER(run->id),      SP_NUMBER(number),
                                    SP_TEXT(fact->texts[0]), SP_TEXT(fact->texts[1]),
                                    SP_TEXT(fact->texts[2]), SP_DIGEST(&fact->digest),
                                    SP_TEXT(fact->texts[3]), SP_TEXT(fact->texts[4])};
  return sp_db_put(db, &sp_table_images, "", fields, err);
}

static int apply_image(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  return change_run(db, (const struct fact *)told, add_image, err);
}

static const struct sp_told_ops image_ops = {.apply = apply_image, .free = fact_free};

int sp_runs_tell_image(struct sp_journal *journal, int64_t id, const struct sp_run_image *image,
                       struct sp_err *err)
{
  enum sp_code code = image->why ? image->why->code : SP_OK;
  const char *const texts[] = {image->image, image->place, image->result, sp_code_name(code),
                               code == SP_OK ? "" : image->why->msg};
  const struct fact fact = {.told = {.ops = &image_ops},
                            .run = id,
                            .digest = image->digest,
                            .is_more = image->is_more,
                            .has_failed = image->has_failed || code != SP_OK};
  return tell(journal, &fact, texts, TEXTS, err);
}

/* -- writes */

static int add_write(struct sp_db *db, struct sp_run *run, const struct fact *fact,
                     struct sp_err *err)
{
  uint64_t bytes_sent;
  if (sp_add_u64(run->bytes_sent, (uint64_t)fact->size_bytes, &bytes_sent) &&
      bytes_sent <= INT64_MAX)
    run->bytes_sent = bytes_sent;
  run->writes++;
  const struct sp_field fields[] = {
      SP_NUMBER(run->id),       SP_NUMBER((int64_t)run->writes), SP_NUMBER(fact->kind),
      SP_NUMBER(fact->at_s),    SP_TEXT(fact->texts[0]),         SP_TEXT(fact->texts[1]),
      SP_DIGEST(&fact->digest), SP_DIGEST(&fact->before),        SP_NUMBER(fact->size_bytes)};
  return sp_db_put(db, &sp_table_writes, "", fields, err);
}

static int apply_write(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  return change_run(db, (const struct fact *)told, add_write, err);
}

static const struct sp_told_ops write_ops = {.apply = apply_write, .free = fact_free};

int sp_runs_tell_write(struct sp_journal *journal, int64_t id, const struct sp_run_write *write,
                       struct sp_err *err)
{
  const char *const texts[] = {write->place, write->tag};
  const struct fact fact = {
      .told = {.ops = &write_ops},
      .run = id,
      .kind = write->kind,
      .digest = write->digest,
      .before = write->before,
      .at_s = write->at_s,
      .size_bytes = write->size_bytes > INT64_MAX ? INT64_MAX : (int64_t)write->size_bytes};
  return tell(journal, &fact, texts, 2, err);
}

/* -- the end */

static int end(struct sp_db *db, struct sp_run *run, const struct fact *fact, struct sp_err *err)
{
  (void)db;
  (void)err;
  run->ended_s = fact->at_s;
  run->exit_status = fact->exit_status;
  return 0;
}

static int apply_end(const struct sp_told *told, struct sp_db *db, struct sp_err *err)
{
  return change_run(db, (const struct fact *)told, end, err);
}

static const struct sp_told_ops end_ops = {.apply = apply_end, .free = fact_free};

int sp_runs_end(struct sp_journal *journal, int64_t id, int exit_status, int64_t at_s,
                struct sp_err *err)
{
  const struct fact fact = {.told = {.ops = &end_ops},
                            .run = id,
                            .at_s = at_s > 0 ? at_s : 0,
                            .exit_status = exit_status & 0xff};
  if (tell(journal, &fact, NULL, 0, err) < 0)
    return -1;
  sp_journal_flush(journal);
  return 0;
}
