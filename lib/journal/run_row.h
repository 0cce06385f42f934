/* SPDX-License-Identifier: Apache-2.0 */
/* A run as a row of the journal's file: checked when it is read, whole when it is written. For
 * runs.c and runs_told.c; others use journal/runs.h. Threads: as db.h. */
#ifndef SP_JOURNAL_RUN_ROW_H
#define SP_JOURNAL_RUN_ROW_H

#include "journal/db.h"
#include "journal/runs.h"

/* Of the fields of a row of sp_table_runs. out's texts are the caller's. Fails: SP_E_INVALID (it
 * makes no sense); SP_E_NOMEM. */
SP_MUST_CHECK int sp_run_row_read(const struct sp_field fields[SP_MAX_FIELDS], struct sp_run *out,
                                  struct sp_err *err);
/* Writes it over the one of the same id. */
SP_MUST_CHECK int sp_run_row_write(struct sp_db *db, const struct sp_run *run, struct sp_err *err);
/* `*out` is the caller's (sp_runs_free(out, 1)); NULL if there is no such run. */
SP_MUST_CHECK int sp_run_row_find(struct sp_db *db, int64_t id, struct sp_run **out,
                                  struct sp_err *err);

#endif
