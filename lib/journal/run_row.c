/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/run_row.h"

#include <stdlib.h>

#include "base/text.h"

int sp_run_row_read(const struct sp_field fields[SP_MAX_FIELDS], struct sp_run *out,
                    struct sp_err *err)
{
  *out = (struct sp_run){
      .id = fields[0].number,
      .started_s = fields[3].number,
      .ended_s = fields[4].number,
      .exit_status = (int)fields[5].number,
      .images = (uint64_t)fields[6].number,
      .failed = (uint64_t)fields[7].number,
      .writes = (uint64_t)fields[8].number,
      .bytes_sent = (uint64_t)fields[9].number,
  };
  for (size_t i = 3; i < 10; i++) {
    if (fields[i].number < 0 && i != 5)
      return sp_fail(err, SP_E_INVALID, "a run of the journal makes no sense");
  }
  if (out->id <= 0 || fields[5].number < -1 || fields[5].number > 255)
    return sp_fail(err, SP_E_INVALID, "a run of the journal makes no sense");
  if (sp_text_dup_span(&out->command, fields[1].text, err) < 0)
    return -1;
  if (sp_text_dup_span(&out->subject, fields[2].text, err) == 0)
    return 0;
  free(out->command);
  return -1;
}

int sp_run_row_write(struct sp_db *db, const struct sp_run *run, struct sp_err *err)
{
  const struct sp_field fields[] = {
      SP_NUMBER(run->id),
      SP_TEXT(run->command),
      SP_TEXT(run->subject),
      SP_NUMBER(run->started_s),
      SP_NUMBER(run->ended_s),
      SP_NUMBER(run->exit_status),
      SP_NUMBER((int64_t)run->images),
      SP_NUMBER((int64_t)run->failed),
      SP_NUMBER((int64_t)run->writes),
      SP_NUMBER((int64_t)run->bytes_sent),
  };
  return sp_db_put(db, &sp_table_runs, "", fields, err);
}

int sp_run_row_find(struct sp_db *db, int64_t id, struct sp_run **out, struct sp_err *err)
{
  const struct sp_field key = SP_NUMBER(id);
  struct sp_field fields[SP_MAX_FIELDS];
  SP_AUTO_ROWS struct sp_rows rows;
  if (sp_db_select(db, &sp_table_runs, "SELECT * FROM runs WHERE id = ?1", &key, 1, &rows, err) < 0)
    return -1;
  *out = NULL;
  int got = sp_rows_next(&rows, "", fields, err);
  if (got <= 0)
    return got;
  SP_AUTO_FREE struct sp_run *run = calloc(1, sizeof *run);
  if (!run)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a run");
  if (sp_run_row_read(fields, run, err) < 0)
    return -1;
  *out = sp_steal(&run);
  return 0;
}
