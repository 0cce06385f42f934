/* SPDX-License-Identifier: Apache-2.0 */
/* Rollback journal, truncated after each transaction: WAL of the versions in use can corrupt a file
 * under two connections that checkpoint at once. A transaction costs two fsyncs, a row none. What
 * may be in a file is compared letter by letter with what we make (schema.h), so that neither a
 * flipped bit nor a stranger's file can bring a trigger or a view. */
#include "journal/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/limits.h"
#include "base/text.h"

#define PAGE_BYTES 4096
#define MAX_ROW_BYTES (256 * 1024) /* the longest row: three texts */
#define STATEMENTS_MAX 48
#define TEMPORARY_FILE "" /* one without a name */

struct statement {
  const char *sql; /* the literal: its address is the key */
  sqlite3_stmt *compiled;
};

struct sp_db {
  sqlite3 *sqlite;
  char *path;
  struct statement statements[STATEMENTS_MAX];
  size_t statement_count;
};

/* -- errors */

/* What a result of SQLite's means to a caller. */
static enum sp_code code_of(int result)
{
  switch (result & 0xff) {
  case SQLITE_NOMEM:
    return SP_E_NOMEM;
  case SQLITE_MISUSE:
    return SP_E_INTERNAL;
  case SQLITE_FULL:
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_READONLY:
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
  case SQLITE_PERM:
  case SQLITE_AUTH:
  case SQLITE_NOLFS:
  case SQLITE_PROTOCOL:
  case SQLITE_INTERRUPT:
    return SP_E_IO;
  default: /* CORRUPT, NOTADB; and all that a whole file of ours never gives: ERROR, TOOBIG ... */
    return SP_E_INVALID;
  }
}

static int fail(struct sp_db *db, int result, struct sp_err *err)
{
  enum sp_code code = code_of(result);
  int sys = db->sqlite ? sqlite3_system_errno(db->sqlite) : 0;
  if ((result & 0xff) == SQLITE_FULL)
    return sp_fail_sys(err, code, ENOSPC, "cannot write '%s'", db->path);
  if ((result & 0xff) == SQLITE_BUSY)
    return sp_fail(err, code,
                   "cannot use '%s': another process has held it for %d seconds: wait for it, or "
                   "end it",
                   db->path, SP_DB_WAIT_MS / 1000);
  if (code == SP_E_IO && sys != 0)
    return sp_fail_sys(err, code, sys, "cannot use '%s'", db->path);
  return sp_fail(err, code, "cannot use '%s': %s", db->path, sqlite3_errstr(result));
}

static int damaged(const struct sp_db *db, const char *what, struct sp_err *err)
{
  return sp_fail(err, SP_E_INVALID, "'%s' is damaged: %s", db->path, what);
}

/* -- statements */

static int prepare(struct sp_db *db, const char *sql, sqlite3_stmt **out, struct sp_err *err)
{
  for (size_t i = 0; i < db->statement_count; i++) {
    if (db->statements[i].sql == sql) {
      *out = db->statements[i].compiled;
      return 0;
    }
  }
  if (db->statement_count == STATEMENTS_MAX)
    return sp_fail(err, SP_E_INTERNAL, "too many statements");
  struct statement *made = &db->statements[db->statement_count];
  int result =
      sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &made->compiled, NULL);
  if (result != SQLITE_OK)
    return fail(db, result, err);
  made->sql = sql;
  db->statement_count++;
  *out = made->compiled;
  return 0;
}

#define DIGEST_FIELD_MAX (1 + SP_DIGEST_RAW_MAX)

static int bind_digest(sqlite3_stmt *statement, int at, const struct sp_digest *digest)
{
  char bytes[DIGEST_FIELD_MAX];
  if (digest->alg == SP_DIGEST_NONE)
    return sqlite3_bind_zeroblob(statement, at, 0);
  size_t len = sp_digest_raw_len(digest->alg);
  bytes[0] = (char)digest->alg;
  memcpy(bytes + 1, digest->raw, len);
  return sqlite3_bind_blob(statement, at, bytes, (int)(1 + len), SQLITE_TRANSIENT);
}

static int bind_field(sqlite3_stmt *statement, int at, const struct sp_field *field)
{
  if (field->kind == SP_FIELD_NUMBER)
    return sqlite3_bind_int64(statement, at, field->number);
  if (field->kind == SP_FIELD_DIGEST)
    return bind_digest(statement, at, &field->digest);
  if (field->text.len > SP_MAX_JOURNAL_TEXT)
    return SQLITE_MISUSE; /* who tells it cuts it */
  /* A pointer that is not NULL: an empty text is no NULL. */
  const char *bytes = field->text.len ? field->text.ptr : "";
  return sqlite3_bind_text(statement, at, bytes, (int)field->text.len, SQLITE_TRANSIENT);
}

static int bind_all(struct sp_db *db, sqlite3_stmt *statement, const struct sp_field *fields,
                    size_t count, struct sp_err *err)
{
  for (size_t i = 0; i < count; i++) {
    int result = bind_field(statement, (int)i + 1, &fields[i]);
    if (result != SQLITE_OK)
      return fail(db, result, err);
  }
  return 0;
}

/* Runs a bound statement that gives no rows, and makes it ready for the next time. */
static int step_once(struct sp_db *db, sqlite3_stmt *statement, struct sp_err *err)
{
  int result = sqlite3_step(statement);
  if (result == SQLITE_DONE || result == SQLITE_ROW) {
    sqlite3_reset(statement);
    return 0;
  }
  int failed = fail(db, result, err);
  sqlite3_reset(statement);
  return failed;
}

int sp_db_run(struct sp_db *db, const char *sql, const struct sp_field *args, size_t count,
              struct sp_err *err)
{
  sqlite3_stmt *statement;
  if (prepare(db, sql, &statement, err) < 0 || bind_all(db, statement, args, count, err) < 0)
    return -1;
  return step_once(db, statement, err);
}

/* -- seals */

/* FNV-1a, 64 bits: every step is a bijection, so a change of one byte never goes unseen. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
  const unsigned char *p = bytes;
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ p[i]) * 0x100000001b3u;
  return hash;
}
#define HASH_INIT 0xcbf29ce484222325u

static uint64_t hash_field(uint64_t hash, const struct sp_field *field)
{
  if (field->kind == SP_FIELD_NUMBER)
    return hash_bytes(hash, &field->number, sizeof field->number);
  if (field->kind == SP_FIELD_DIGEST) {
    hash = hash_bytes(hash, &(char){(char)field->digest.alg}, 1);
    return hash_bytes(hash, field->digest.raw, sizeof field->digest.raw);
  }
  uint64_t len = field->text.len;
  return hash_bytes(hash_bytes(hash, &len, sizeof len), field->text.ptr, field->text.len);
}

static int64_t seal_of(const struct sp_table *table, const char *about,
                       const struct sp_field *fields)
{
  uint64_t hash = hash_bytes(HASH_INIT, table->name, strlen(table->name) + 1);
  hash = hash_bytes(hash, about, strlen(about) + 1);
  for (size_t i = 0; table->kinds[i]; i++)
    hash = hash_field(hash, &fields[i]);
  return (int64_t)hash;
}

int64_t sp_db_key(const char *name)
{
  return (int64_t)hash_bytes(HASH_INIT, name, strlen(name));
}

/* -- rows */

int sp_db_put(struct sp_db *db, const struct sp_table *table, const char *about,
              const struct sp_field *fields, struct sp_err *err)
{
  sqlite3_stmt *statement;
  size_t count = strlen(table->kinds);
  const struct sp_field seal = SP_NUMBER(seal_of(table, about, fields));
  if (prepare(db, table->put, &statement, err) < 0 ||
      bind_all(db, statement, fields, count, err) < 0)
    return -1;
  int result = bind_field(statement, (int)count + 1, &seal);
  if (result != SQLITE_OK)
    return fail(db, result, err);
  return step_once(db, statement, err);
}

int sp_db_select(struct sp_db *db, const struct sp_table *table, const char *sql,
                 const struct sp_field *args, size_t count, struct sp_rows *rows,
                 struct sp_err *err)
{
  sqlite3_stmt *statement;
  *rows = (struct sp_rows){.db = db, .table = table};
  if (prepare(db, sql, &statement, err) < 0 || bind_all(db, statement, args, count, err) < 0)
    return -1;
  rows->statement = statement;
  return 0;
}

void sp_rows_clear(struct sp_rows *rows)
{
  if (rows->statement)
    sqlite3_reset(rows->statement);
  rows->statement = NULL;
}

static bool take_digest(sqlite3_stmt *statement, int at, struct sp_digest *out)
{
  const unsigned char *bytes = sqlite3_column_blob(statement, at);
  size_t len = (size_t)sqlite3_column_bytes(statement, at);
  *out = (struct sp_digest){.alg = SP_DIGEST_NONE};
  if (len == 0)
    return true;
  if (bytes[0] != SP_DIGEST_SHA256 && bytes[0] != SP_DIGEST_SHA512)
    return false;
  out->alg = (enum sp_digest_alg)bytes[0];
  if (len - 1 != sp_digest_raw_len(out->alg))
    return false;
  memcpy(out->raw, bytes + 1, len - 1);
  return true;
}

/* A field of the kind that stands in the table's declaration, or false. */
static bool take_field(sqlite3_stmt *statement, int at, char kind, struct sp_field *out)
{
  int type = sqlite3_column_type(statement, at);
  if (kind == 'n') {
    *out = SP_NUMBER(sqlite3_column_int64(statement, at));
    return type == SQLITE_INTEGER;
  }
  if (kind == 'd') {
    out->kind = SP_FIELD_DIGEST;
    return type == SQLITE_BLOB && take_digest(statement, at, &out->digest);
  }
  const char *text = (const char *)sqlite3_column_text(statement, at);
  size_t len = (size_t)sqlite3_column_bytes(statement, at);
  *out = (struct sp_field){.kind = SP_FIELD_TEXT, .text = SP_SPAN(text, text ? len : 0)};
  return type == SQLITE_TEXT && text && len <= SP_MAX_JOURNAL_TEXT && !memchr(text, 0, len);
}

static bool take_row(const struct sp_rows *rows, const char *about,
                     struct sp_field fields[SP_MAX_FIELDS])
{
  const char *kinds = rows->table->kinds;
  struct sp_field seal;
  int n = 0;
  for (; kinds[n]; n++) {
    if (!take_field(rows->statement, n, kinds[n], &fields[n]))
      return false;
  }
  return take_field(rows->statement, n, 'n', &seal) &&
         seal.number == seal_of(rows->table, about, fields);
}

int sp_rows_next(struct sp_rows *rows, const char *about, struct sp_field fields[SP_MAX_FIELDS],
                 struct sp_err *err)
{
  int result = sqlite3_step(rows->statement);
  if (result == SQLITE_DONE)
    return 0;
  if (result != SQLITE_ROW)
    return fail(rows->db, result, err);
  if (take_row(rows, about, fields))
    return 1;
  if (sqlite3_errcode(rows->db->sqlite) == SQLITE_NOMEM) /* a column that could not be copied */
    return fail(rows->db, SQLITE_NOMEM, err);
  return damaged(rows->db, _("a row is not what was written"), err);
}

/* -- transactions */

int sp_db_begin(struct sp_db *db, struct sp_err *err)
{
  return sp_db_run(db, "BEGIN IMMEDIATE", NULL, 0, err);
}

int sp_db_begin_reading(struct sp_db *db, struct sp_err *err)
{
  return sp_db_run(db, "BEGIN", NULL, 0, err);
}

int sp_db_commit(struct sp_db *db, struct sp_err *err)
{
  return sp_db_run(db, "COMMIT", NULL, 0, err);
}

void sp_db_rollback(struct sp_db *db)
{
  if (!sqlite3_get_autocommit(db->sqlite)) /* SQLite did it by itself after some failures */
    (void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

/* -- opening */

/* The first number that sql gives. */
static int read_number(struct sp_db *db, const char *sql, int64_t *out, struct sp_err *err)
{
  sqlite3_stmt *statement;
  if (prepare(db, sql, &statement, err) < 0)
    return -1;
  int result = sqlite3_step(statement);
  if (result == SQLITE_ROW)
    *out = sqlite3_column_int64(statement, 0);
  int failed = result == SQLITE_ROW ? 0 : fail(db, result, err);
  sqlite3_reset(statement);
  return failed;
}

static bool is_our_table(sqlite3_stmt *statement, size_t i)
{
  const char *sql = (const char *)sqlite3_column_text(statement, 0);
  return sp_tables[i] && sql && strcmp(sql, sp_tables[i]->create) == 0;
}

static int check_tables(struct sp_db *db, struct sp_err *err)
{
  sqlite3_stmt *statement;
  size_t n = 0;
  int result;
  if (prepare(db, "SELECT sql FROM sqlite_schema ORDER BY rowid", &statement, err) < 0)
    return -1;
  while ((result = sqlite3_step(statement)) == SQLITE_ROW && is_our_table(statement, n))
    n++;
  int failed = result == SQLITE_DONE || result == SQLITE_ROW ? 0 : fail(db, result, err);
  sqlite3_reset(statement);
  if (failed == 0 && (result == SQLITE_ROW || sp_tables[n]))
    return damaged(db, _("its tables are not those of a journal"), err);
  return failed;
}

struct format {
  int64_t application, version, tables;
};

static int read_format(struct sp_db *db, struct format *format, struct sp_err *err)
{
  if (read_number(db, "PRAGMA application_id", &format->application, err) < 0 ||
      read_number(db, "PRAGMA user_version", &format->version, err) < 0)
    return -1;
  return read_number(db, "SELECT count(*) FROM sqlite_schema", &format->tables, err);
}

/* All three as of one moment: another process may be making the tables. */
static int read_format_at_once(struct sp_db *db, struct format *format, struct sp_err *err)
{
  if (sp_db_begin_reading(db, err) < 0)
    return -1;
  int failed = read_format(db, format, err);
  sp_db_rollback(db);
  return failed;
}

static bool is_empty(const struct format *format)
{
  return format->application == 0 && format->version == 0 && format->tables == 0;
}

static int check_format(struct sp_db *db, const struct format *format, struct sp_err *err)
{
  if (format->application != SP_SCHEMA_APPLICATION)
    return damaged(db, _("it is no journal of safeport"), err);
  if (format->version > SP_SCHEMA_VERSION)
    return sp_fail(err, SP_E_UNSUPPORTED,
                   "cannot use '%s': a newer safeport wrote it (format %lld, this one knows %d): "
                   "use that one, or move the file away",
                   db->path, (long long)format->version, SP_SCHEMA_VERSION);
  if (format->version < SP_SCHEMA_VERSION)
    return damaged(db, _("it has an older format"), err);
  return check_tables(db, err);
}

/* Within a transaction that writes: another process may have been faster. */
static int make_tables(struct sp_db *db, struct sp_err *err)
{
  struct format format;
  char ids[128];
  if (read_format(db, &format, err) < 0)
    return -1;
  if (!is_empty(&format))
    return 0;
  for (size_t i = 0; sp_tables[i]; i++) {
    int result = sqlite3_exec(db->sqlite, sp_tables[i]->create, NULL, NULL, NULL);
    if (result != SQLITE_OK)
      return fail(db, result, err);
  }
  snprintf(ids, sizeof ids, "PRAGMA application_id=%d; PRAGMA user_version=%d",
           SP_SCHEMA_APPLICATION, SP_SCHEMA_VERSION);
  int result = sqlite3_exec(db->sqlite, ids, NULL, NULL, NULL);
  return result == SQLITE_OK ? 0 : fail(db, result, err);
}

static int check_or_make(struct sp_db *db, bool make, struct sp_err *err)
{
  struct format format;
  if (read_format_at_once(db, &format, err) < 0)
    return -1;
  if (!is_empty(&format))
    return check_format(db, &format, err);
  if (!make)
    return sp_fail(err, SP_E_NOT_FOUND, "there is no journal in '%s'", db->path);
  if (sp_db_begin(db, err) < 0)
    return -1;
  if (make_tables(db, err) < 0 || sp_db_commit(db, err) < 0) {
    sp_db_rollback(db);
    return -1;
  }
  return read_format(db, &format, err) < 0 ? -1 : check_format(db, &format, err);
}

/* The file, made before SQLite would: for us alone, and never through a link. */
static int find_file(const char *path, bool make, struct sp_err *err)
{
  struct stat facts;
  SP_AUTO_CLOSE int made =
      make ? open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
  if (made < 0 && make && errno != EEXIST)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot make '%s'", path);
  if (lstat(path, &facts) < 0)
    return sp_fail_sys(err, errno == ENOENT ? SP_E_NOT_FOUND : SP_E_IO, errno,
                       "cannot look at '%s'", path);
  if (!S_ISREG(facts.st_mode))
    return sp_fail(err, SP_E_INVALID, "'%s' is damaged: it is no regular file", path);
  return 0;
}

static int find_path(struct sp_db *db, const char *dir, bool make, struct sp_err *err)
{
  if (!dir)
    return sp_text_dup(&db->path, ":memory:", err);
  /* Links above the directory are the user's own; SQLite is to follow none. */
  SP_AUTO_FREE char *real = realpath(dir, NULL);
  if (!real)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot look at '%s'", dir);
  if (sp_text_format(&db->path, err, "%s/" SP_DB_FILE, real) < 0)
    return -1;
  return find_file(db->path, make, err);
}

static int configure(struct sp_db *db, struct sp_err *err)
{
  static const int off[] = {SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER,
                            SQLITE_DBCONFIG_ENABLE_VIEW};
  char pragmas[256];
  sqlite3_busy_timeout(db->sqlite, SP_DB_WAIT_MS);
  sqlite3_limit(db->sqlite, SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES);
  sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  for (size_t i = 0; i < sizeof off / sizeof off[0]; i++)
    sqlite3_db_config(db->sqlite, off[i], 0, NULL);
  snprintf(pragmas, sizeof pragmas,
           "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; "
           "PRAGMA page_size=%d; PRAGMA max_page_count=%lld; PRAGMA synchronous=NORMAL; "
           "PRAGMA journal_mode=TRUNCATE",
           PAGE_BYTES, (long long)(SP_MAX_JOURNAL_BYTES / PAGE_BYTES));
  int result = sqlite3_exec(db->sqlite, pragmas, NULL, NULL, NULL);
  return result == SQLITE_OK ? 0 : fail(db, result, err);
}

/* file: as SQLite calls it; it knows some that are none. */
static int open_file(struct sp_db *db, const char *file, struct sp_err *err)
{
  int result = sqlite3_open_v2(file, &db->sqlite,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                                   SQLITE_OPEN_EXRESCODE,
                               NULL);
  return result == SQLITE_OK ? configure(db, err) : fail(db, result, err);
}

int sp_db_open(const char *dir, bool make, struct sp_db **out, struct sp_err *err)
{
  SP_AUTO_DB struct sp_db *db = calloc(1, sizeof *db);
  if (!db)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a journal");
  if (find_path(db, dir, make, err) < 0 || open_file(db, db->path, err) < 0 ||
      check_or_make(db, make || !dir, err) < 0)
    return -1;
  *out = sp_steal(&db);
  return 0;
}

int sp_db_open_copy(struct sp_db *from, struct sp_db **out, struct sp_err *err)
{
  SP_AUTO_DB struct sp_db *into = calloc(1, sizeof *into);
  if (!into)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a journal");
  if (sp_text_format(&into->path, err, _("a temporary copy of %s"), from->path) < 0 ||
      open_file(into, TEMPORARY_FILE, err) < 0)
    return -1;
  sqlite3_backup *copy = sqlite3_backup_init(into->sqlite, "main", from->sqlite, "main");
  if (!copy)
    return fail(into, sqlite3_extended_errcode(into->sqlite), err);
  int result = sqlite3_backup_step(copy, -1);
  int end = sqlite3_backup_finish(copy);
  if (result != SQLITE_DONE || end != SQLITE_OK)
    return fail(into, end != SQLITE_OK ? end : result, err);
  *out = sp_steal(&into);
  return 0;
}

void sp_db_close(struct sp_db *db)
{
  if (!db)
    return;
  for (size_t i = 0; i < db->statement_count; i++)
    sqlite3_finalize(db->statements[i].compiled);
  sqlite3_close(db->sqlite);
  free(db->path);
  free(db);
}
