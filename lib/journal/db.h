/* SPDX-License-Identifier: Apache-2.0 */
/* The database behind the journal: the one place that knows SQLite. A file of sealed rows.
 *
 * A row is a list of fields and a seal over them, over its table and over the name of what it is
 * about, which need not be among the fields. A row that a disk changed, or that belongs elsewhere,
 * does not come out (S32: SQLite itself has no checksums). The seal is against accidents, not
 * against whoever may write to the file. What stands in fields is still checked by who reads it.
 *
 * Errors tell what a caller can do: SP_E_INVALID is damage (set the file aside), SP_E_UNSUPPORTED a
 * newer safeport's file (leave it alone), SP_E_IO everything else of the disk, SP_E_NOMEM.
 *
 * Life cycle: sp_db_open, sp_db_close. Threads: one at a time; journal/inside.h holds the lock.
 */
#ifndef SP_JOURNAL_DB_H
#define SP_JOURNAL_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scope.h"
#include "base/span.h"
#include "journal/schema.h"
#include "oci/digest.h"
#include "safeport/err.h"

struct sp_db;

#define SP_DB_FILE "journal.db"
#define SP_DB_WAIT_MS 10000 /* for another process: its transactions take milliseconds */

/* Opens SP_DB_FILE in the directory `dir` (private: base/state_dir.h); NULL: in memory. A file that
 * is missing or empty becomes a new database if `make`. Fails: SP_E_NOT_FOUND (without make),
 * SP_E_INVALID, SP_E_UNSUPPORTED, SP_E_IO, SP_E_NOMEM. */
SP_MUST_CHECK int sp_db_open(const char *dir, bool make, struct sp_db **out, struct sp_err *err);
/* Opens one that is what `from` is now, in a temporary file that has no name and ends with it
 * (SQLite's choice of TMPDIR, /var/tmp, /tmp): of the size of `from`, with a cache that is not.
 * `from` may not be within a transaction; other processes wait before they write to it, as within
 * one. Fails: as sp_db_open. */
SP_MUST_CHECK int sp_db_open_copy(struct sp_db *from, struct sp_db **out, struct sp_err *err);
/* What was begun and not committed is rolled back. NULL is nothing. */
void sp_db_close(struct sp_db *db);

/* A transaction that writes. Between begin and commit other processes wait. */
SP_MUST_CHECK int sp_db_begin(struct sp_db *db, struct sp_err *err);
/* One that reads: all that it sees is of one moment, and the file is locked once. */
SP_MUST_CHECK int sp_db_begin_reading(struct sp_db *db, struct sp_err *err);
SP_MUST_CHECK int sp_db_commit(struct sp_db *db, struct sp_err *err);
void sp_db_rollback(struct sp_db *db);

/* A field of a row. */
struct sp_field {
  enum { SP_FIELD_NUMBER, SP_FIELD_TEXT, SP_FIELD_DIGEST } kind;
  int64_t number;
  struct sp_span text;     /* borrowed; at most SP_MAX_JOURNAL_TEXT; of a row that was read: without
                              zero bytes, and followed by one; UTF-8 is not promised */
  struct sp_digest digest; /* alg SP_DIGEST_NONE is a value too: there is none */
};
#define SP_NUMBER(n) ((struct sp_field){.kind = SP_FIELD_NUMBER, .number = (n)})
#define SP_TEXT(s) ((struct sp_field){.kind = SP_FIELD_TEXT, .text = sp_span_str(s)})
#define SP_DIGEST(d) ((struct sp_field){.kind = SP_FIELD_DIGEST, .digest = *(d)})

/* A name as a number, for keys: not unique, so the name itself goes under the seal. */
int64_t sp_db_key(const char *name);

/* Writes a row of a table, in place of one with the same key; the fields as its kinds say.
 *   about   borrowed   what the row is about, under the seal ("" if the fields say it all) */
SP_MUST_CHECK int sp_db_put(struct sp_db *db, const struct sp_table *table, const char *about,
                            const struct sp_field *fields, struct sp_err *err);
/* Runs what has no rows: a DELETE. `sql` here and below is a string literal: its compiled form is
 * kept under its address. */
SP_MUST_CHECK int sp_db_run(struct sp_db *db, const char *sql, const struct sp_field *args,
                            size_t count, struct sp_err *err);

/* Reads rows; `sql` is "SELECT * FROM <table> WHERE ...".
 *
 *     SP_AUTO_ROWS struct sp_rows rows;
 *     if (sp_db_select(db, &sp_table_tags, sql, args, n, &rows, err) < 0) return -1;
 *     while ((got = sp_rows_next(&rows, place, fields, err)) > 0) ...
 */
struct sp_rows {
  struct sp_db *db;
  const struct sp_table *table;
  void *statement; /* borrowed from db */
};
SP_MUST_CHECK int sp_db_select(struct sp_db *db, const struct sp_table *table, const char *sql,
                               const struct sp_field *args, size_t count, struct sp_rows *rows,
                               struct sp_err *err);
/* The next row's fields (SP_MAX_FIELDS at most), borrowed until the next call. Answers 1, 0 at the
 * end, -1; SP_E_INVALID: the row is not what was written. */
SP_MUST_CHECK int sp_rows_next(struct sp_rows *rows, const char *about,
                               struct sp_field fields[SP_MAX_FIELDS], struct sp_err *err);
void sp_rows_clear(struct sp_rows *rows);

SP_DEFINE_AUTO_FREE(struct sp_db, sp_db_close)
#define SP_AUTO_DB SP_CLEANUP(sp_db_close_auto_)
SP_DEFINE_AUTO_CLEAR(struct sp_rows, sp_rows_clear)
#define SP_AUTO_ROWS SP_CLEANUP(sp_rows_clear_auto_)

#endif
