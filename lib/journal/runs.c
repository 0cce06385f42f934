/* SPDX-License-Identifier: Apache-2.0 */
/* Reading; telling is runs_told.c. Texts of rows end in a zero byte (db.h). */
#include "journal/runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "journal/inside.h"
#include "journal/run_row.h"

static const char *const kind_names[] = {
    [SP_WRITE_BLOB] = "blob", [SP_WRITE_MOUNT] = "mount",   [SP_WRITE_MANIFEST] = "manifest",
    [SP_WRITE_TAG] = "tag",   [SP_WRITE_RECORD] = "record",
};
#define KINDS (sizeof kind_names / sizeof kind_names[0])

const char *sp_write_kind_name(enum sp_write_kind kind)
{
  return kind_names[kind];
}

static int damaged(struct sp_err *err)
{
  return sp_fail(err, SP_E_INVALID, "a row of the journal makes no sense");
}

void sp_runs_free(struct sp_run *runs, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    free(runs[i].command);
    free(runs[i].subject);
  }
  free(runs);
}

/* -- lists */

struct list_question {
  size_t limit;
  struct sp_run *runs;
  size_t count;
};

static int ask_list(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct list_question *question = ctx;
  struct sp_field fields[SP_MAX_FIELDS];
  int got = 0;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_runs, "SELECT * FROM runs ORDER BY id DESC", NULL, 0, &rows, err) <
      0)
    return -1;
  while (question->count < question->limit && (got = sp_rows_next(&rows, "", fields, err)) > 0) {
    struct sp_run *more = reallocarray(question->runs, question->count + 1, sizeof *more);
    if (!more)
      return sp_fail(err, SP_E_NOMEM, "out of memory for runs");
    question->runs = more;
    if (question->count > 0 && fields[0].number >= more[question->count - 1].id)
      return damaged(err);
    if (sp_run_row_read(fields, &more[question->count], err) < 0)
      return -1;
    question->count++;
  }
  return got < 0 ? -1 : 0;
}

int sp_runs_list(struct sp_journal *journal, size_t limit, struct sp_run **out, size_t *count,
                 struct sp_err *err)
{
  struct list_question question = {.limit = limit};
  bool known;
  int failed = sp_journal_ask(journal, ask_list, &question, &known, err);
  if (failed || !known) {
    sp_runs_free(question.runs, question.count);
    question.runs = NULL;
    question.count = 0;
  }
  if (failed)
    return -1;
  *out = question.runs;
  *count = question.count;
  return 0;
}

struct get_question {
  int64_t id;
  struct sp_run *run; /* NULL: there is none */
};

static int ask_get(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct get_question *question = ctx;
  return sp_run_row_find(db, question->id, &question->run, err);
}

int sp_runs_get(struct sp_journal *journal, int64_t id, struct sp_run **out, struct sp_err *err)
{
  struct get_question question = {.id = id};
  bool known;
  if (sp_journal_ask(journal, ask_get, &question, &known, err) < 0)
    return -1;
  if (!question.run)
    return sp_fail(err, SP_E_NOT_FOUND, "there is no run %lld: 'safeport log' lists them",
                   (long long)id);
  *out = question.run;
  return 0;
}

/* -- what a run did */

struct walk_question {
  int64_t run;
  const struct sp_run_visitor *visitor;
  bool was_stopped; /* by the visitor */
};

static bool find_code(const char *name, enum sp_code *out)
{
  for (int code = 0; code < SP_CODE_COUNT; code++) {
    if (strcmp(sp_code_name((enum sp_code)code), name) == 0) {
      *out = (enum sp_code)code;
      return true;
    }
  }
  return false;
}

/* run, number, image, place, result, digest, code, message */
static int visit_image(struct walk_question *question, const struct sp_field *fields,
                       struct sp_err *err)
{
  struct sp_err why = SP_ERR_INIT;
  if (!find_code(fields[6].text.ptr, &why.code))
    return damaged(err);
  snprintf(why.msg, sizeof why.msg, "%s", fields[7].text.ptr);
  const struct sp_run_image image = {
      .image = fields[2].text.ptr,
      .place = fields[3].text.ptr,
      .result = fields[4].text.ptr,
      .digest = fields[5].digest,
      .why = why.code == SP_OK ? NULL : &why,
  };
  int failed = question->visitor->image(question->visitor->ctx, &image, err);
  question->was_stopped = failed != 0;
  return failed;
}

/* run, number, kind, at, place, tag, digest, before, size */
static int visit_write(struct walk_question *question, const struct sp_field *fields,
                       struct sp_err *err)
{
  int64_t kind = fields[2].number;
  if (kind < 0 || kind >= (int64_t)KINDS || fields[8].number < 0)
    return damaged(err);
  const struct sp_run_write write = {
      .kind = (enum sp_write_kind)kind,
      .at_s = fields[3].number,
      .place = fields[4].text.ptr,
      .tag = fields[5].text.ptr,
      .digest = fields[6].digest,
      .before = fields[7].digest,
      .size_bytes = (uint64_t)fields[8].number,
  };
  int failed = question->visitor->write(question->visitor->ctx, &write, err);
  question->was_stopped = failed != 0;
  return failed;
}

static int walk_rows(struct sp_db *db, struct walk_question *question, const struct sp_table *table,
                     const char *sql,
                     int (*visit)(struct walk_question *, const struct sp_field *, struct sp_err *),
                     struct sp_err *err)
{
  const struct sp_field run = SP_NUMBER(question->run);
  struct sp_field fields[SP_MAX_FIELDS];
  int64_t last = 0;
  int got;
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, table, sql, &run, 1, &rows, err) < 0)
    return -1;
  while ((got = sp_rows_next(&rows, "", fields, err)) > 0) {
    if (fields[1].number <= last)
      return damaged(err);
    last = fields[1].number;
    if (visit(question, fields, err) < 0)
      return -1;
  }
  return got;
}

static int ask_walk(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct walk_question *question = ctx;
  const struct sp_run_visitor *visitor = question->visitor;
  if (visitor->image &&
      walk_rows(db, question, &sp_table_images,
                "SELECT * FROM images WHERE run = ?1 ORDER BY number", visit_image, err) < 0)
    return -1;
  if (!visitor->write)
    return 0;
  return walk_rows(db, question, &sp_table_writes,
                   "SELECT * FROM writes WHERE run = ?1 ORDER BY number", visit_write, err);
}

/* What the visitor failed with is no trouble of the journal's. */
struct guarded_walk {
  struct walk_question question;
  struct sp_err why;
};

static int ask_guarded_walk(struct sp_db *db, void *ctx, struct sp_err *err)
{
  struct guarded_walk *walk = ctx;
  if (ask_walk(db, &walk->question, &walk->why) == 0 || walk->question.was_stopped)
    return 0;
  sp_err_copy(err, &walk->why);
  return -1;
}

int sp_runs_walk(struct sp_journal *journal, int64_t id, const struct sp_run_visitor *visitor,
                 struct sp_err *err)
{
  struct guarded_walk walk = {.question = {.run = id, .visitor = visitor}, .why = SP_ERR_INIT};
  bool known;
  if (sp_journal_ask(journal, ask_guarded_walk, &walk, &known, err) < 0)
    return -1;
  if (!walk.question.was_stopped)
    return 0;
  sp_err_copy(err, &walk.why);
  return -1;
}
