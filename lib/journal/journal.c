/* SPDX-License-Identifier: Apache-2.0 */
/* One database, or, where that cannot be used, one in memory in its place: everything above sees no
 * difference but that less is known.
 *
 * Every process that has the file open holds a shared lock on SP_LOCK. Who sets a damaged file
 * aside needs it alone: SQLite finds the rollback journal by the file's name, and two files must
 * not meet there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/state_dir.h"
#include "base/text.h"
#include "journal/inside.h"
#include "journal/known.h"
#include "journal/prune.h"

#define LOCK_FILE "journal.lock"
#define LOCK_POLL_US 10000
#define ROLLBACK_SUFFIX "-journal" /* SQLite's */
#define BAD_FILE SP_DB_FILE ".bad"
#define MAX_FAILURES 2 /* writes in a row that fail; more would only wait again */

struct sp_journal {
  char *dir; /* NULL: in memory only */
  enum sp_journal_mode mode;

  pthread_mutex_t lock; /* guards what follows */
  bool takes_told;      /* what is told is applied: it writes, or works on a copy */
  bool has_tried_copy;
  int dir_fd, lock_fd; /* -1 if the file is not in use */
  struct sp_db *db;    /* NULL: there was no memory even for one in memory */
  struct sp_err trouble;
  struct sp_told *first, *last; /* in the order in which they were told */
  size_t told;
  int failures;
};

/* -- trouble */

static bool is_warning(enum sp_code code)
{
  return code == SP_E_INVALID || code == SP_E_UNSUPPORTED;
}

static void note_trouble(struct sp_journal *journal, const struct sp_err *why)
{
  bool is_graver = is_warning(journal->trouble.code) && !is_warning(why->code);
  if (journal->trouble.code == SP_OK || is_graver)
    sp_err_copy(&journal->trouble, why);
}

bool sp_journal_trouble(struct sp_journal *journal, struct sp_err *out)
{
  SP_LOCK_SCOPE(&journal->lock);
  if (journal->trouble.code != SP_OK)
    sp_err_copy(out, &journal->trouble);
  return journal->trouble.code != SP_OK;
}

bool sp_journal_is_past(int64_t unix_s)
{
  return unix_s > 0 && unix_s <= sp_clock_wall_s();
}

int64_t sp_journal_proof_time(int64_t unix_s)
{
  return sp_known_is_proof_date(unix_s, sp_clock_wall_s()) ? unix_s : 0;
}

int64_t sp_journal_damage_time(int64_t unix_s)
{
  int64_t now_s = sp_clock_wall_s();
  if (unix_s <= 0)
    return 0;
  return unix_s > now_s ? now_s : unix_s;
}

/* -- the file and its place holder */

static void leave_file(struct sp_journal *journal)
{
  sp_db_close(journal->db);
  journal->db = NULL;
  sp_scope_close_(&journal->lock_fd);
  sp_scope_close_(&journal->dir_fd);
  journal->lock_fd = journal->dir_fd = -1;
}

static void go_to_memory(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  leave_file(journal);
  if (sp_db_open(NULL, true, &journal->db, &err) < 0)
    note_trouble(journal, &err);
}

static int take_lock(struct sp_journal *journal, struct sp_err *err)
{
  int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | (journal->mode == SP_JOURNAL_WRITE ? O_CREAT : 0);
  int64_t deadline_ms = sp_clock_mono_ms() + SP_DB_WAIT_MS;
  journal->lock_fd = openat(journal->dir_fd, LOCK_FILE, flags, 0600);
  if (journal->lock_fd < 0 && journal->mode == SP_JOURNAL_READ)
    return 0; /* nobody who writes was ever here */
  if (journal->lock_fd < 0)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot open '%s/%s'", journal->dir, LOCK_FILE);
  while (flock(journal->lock_fd, LOCK_SH | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return sp_fail_sys(err, SP_E_IO, errno, "cannot lock '%s/%s'", journal->dir, LOCK_FILE);
    if (sp_clock_mono_ms() >= deadline_ms)
      return sp_fail(err, SP_E_IO, "cannot use '%s': another process holds '%s'", journal->dir,
                     LOCK_FILE);
    usleep(LOCK_POLL_US);
  }
  return 0;
}

static int open_dir(struct sp_journal *journal, struct sp_err *err)
{
  if (journal->mode == SP_JOURNAL_READ && access(journal->dir, F_OK) < 0)
    return sp_fail_sys(err, SP_E_NOT_FOUND, errno, "there is no '%s'", journal->dir);
  return sp_state_dir_open(journal->dir, &journal->dir_fd, err);
}

/* -- damage */

static int rename_if_there(int dir_fd, const char *from, const char *to, struct sp_err *err)
{
  if (renameat(dir_fd, from, dir_fd, to) < 0 && errno != ENOENT)
    return sp_fail_sys(err, SP_E_IO, errno, "cannot set '%s' aside", from);
  return 0;
}

/* Moves the file away and makes a new one. The rollback journal goes first: it must never meet a
 * file that it was not written for. */
static int begin_anew(struct sp_journal *journal, struct sp_err *err)
{
  if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) < 0)
    return sp_fail(
        err, SP_E_INVALID,
        "'%s/%s' is damaged, and another process uses it: run this again when that is done",
        journal->dir, SP_DB_FILE);
  sp_db_close(journal->db);
  journal->db = NULL;
  if (rename_if_there(journal->dir_fd, SP_DB_FILE ROLLBACK_SUFFIX, BAD_FILE ROLLBACK_SUFFIX, err) <
          0 ||
      rename_if_there(journal->dir_fd, SP_DB_FILE, BAD_FILE, err) < 0 ||
      sp_db_open(journal->dir, true, &journal->db, err) < 0)
    return -1;
  (void)flock(journal->lock_fd, LOCK_SH | LOCK_NB); /* from exclusive to shared never waits */
  return 0;
}

/* The file is damaged (`why` says how): a new one takes its place, or one in memory. */
static void replace_damaged(struct sp_journal *journal, const struct sp_err *why)
{
  struct sp_err err = SP_ERR_INIT;
  if (journal->mode == SP_JOURNAL_WRITE && begin_anew(journal, &err) == 0) {
    err = *why;
    sp_err_context(&err, "history begins anew, and the old file is now '%s'", BAD_FILE);
    note_trouble(journal, &err);
    return;
  }
  note_trouble(journal, err.code == SP_OK ? why : &err);
  go_to_memory(journal);
}

/* After an operation on the database failed. Answers true if another took its place. */
static bool recover(struct sp_journal *journal, const struct sp_err *why, bool was_writing)
{
  if (why->code == SP_E_INVALID && journal->dir_fd >= 0) {
    replace_damaged(journal, why);
    return true;
  }
  note_trouble(journal, why);
  journal->failures += was_writing;
  if (why->code == SP_E_NOMEM || (was_writing && journal->failures < MAX_FAILURES))
    return false;
  go_to_memory(journal);
  return true;
}

/* -- life */

static int open_file(struct sp_journal *journal, struct sp_err *err)
{
  if (open_dir(journal, err) < 0 || take_lock(journal, err) < 0)
    return -1;
  return sp_db_open(journal->dir, journal->mode == SP_JOURNAL_WRITE, &journal->db, err);
}

static void open_some(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  if (!journal->dir) {
    go_to_memory(journal);
    return;
  }
  if (open_file(journal, &err) == 0)
    return;
  if (err.code == SP_E_INVALID) {
    replace_damaged(journal, &err);
    return;
  }
  if (err.code != SP_E_NOT_FOUND || journal->mode == SP_JOURNAL_WRITE)
    note_trouble(journal, &err);
  go_to_memory(journal);
}

int sp_journal_open(const char *dir, enum sp_journal_mode mode, struct sp_journal **out,
                    struct sp_err *err)
{
  SP_AUTO_JOURNAL struct sp_journal *journal = calloc(1, sizeof *journal);
  if (!journal)
    return sp_fail(err, SP_E_NOMEM, "out of memory for a journal");
  pthread_mutex_init(&journal->lock, NULL);
  journal->mode = mode;
  journal->takes_told = mode == SP_JOURNAL_WRITE;
  journal->dir_fd = journal->lock_fd = -1;
  journal->trouble = SP_ERR_INIT;
  if (sp_text_dup(&journal->dir, dir, err) < 0)
    return -1;
  open_some(journal);
  *out = sp_steal(&journal);
  return 0;
}

/* The file is held by nobody who works on a copy: what fails there later is not its damage. */
void sp_journal_work_on_copy(struct sp_journal *journal)
{
  SP_LOCK_SCOPE(&journal->lock);
  struct sp_err err = SP_ERR_INIT;
  struct sp_db *copy;
  if (journal->mode == SP_JOURNAL_WRITE || journal->has_tried_copy || !journal->db)
    return;
  journal->has_tried_copy = true;
  if (sp_db_open_copy(journal->db, &copy, &err) < 0) {
    note_trouble(journal, &err);
    return;
  }
  leave_file(journal);
  journal->db = copy;
  journal->takes_told = true;
}

/* -- telling */

static void forget_told(struct sp_journal *journal)
{
  while (journal->first) {
    struct sp_told *told = journal->first;
    journal->first = told->next;
    told->ops->free(told);
  }
  journal->last = NULL;
  journal->told = 0;
}

static int write_told(struct sp_journal *journal, struct sp_err *err)
{
  if (sp_db_begin(journal->db, err) < 0)
    return -1;
  int failed = 0;
  for (const struct sp_told *told = journal->first; told && failed == 0; told = told->next)
    failed = told->ops->apply(told, journal->db, err);
  if (failed == 0 && sp_db_commit(journal->db, err) == 0)
    return 0;
  sp_db_rollback(journal->db);
  return -1;
}

/* Called with the lock held. Where another database takes the place of one that failed, that one
 * gets what was told. */
static void flush(struct sp_journal *journal)
{
  struct sp_err err = SP_ERR_INIT;
  if (!journal->takes_told || !journal->db)
    forget_told(journal);
  if (!journal->first)
    return;
  int failed = write_told(journal, &err);
  if (failed && recover(journal, &err, true) && journal->db)
    failed = write_told(journal, &err);
  if (!failed)
    journal->failures = 0;
  if (!failed || journal->told >= SP_MAX_TOLD)
    forget_told(journal);
}

void sp_journal_flush(struct sp_journal *journal)
{
  SP_LOCK_SCOPE(&journal->lock);
  flush(journal);
}

void sp_journal_tell_take(struct sp_journal *journal, struct sp_told *told)
{
  SP_LOCK_SCOPE(&journal->lock);
  told->next = NULL;
  if (journal->last)
    journal->last->next = told;
  else
    journal->first = told;
  journal->last = told;
  if (++journal->told >= SP_MAX_TOLD)
    flush(journal);
}

/* -- asking */

typedef int sp_db_beginning(struct sp_db *db, struct sp_err *err);

static int ask_within(sp_db_beginning *begin, struct sp_db *db, sp_question *ask, void *ctx,
                      struct sp_err *err)
{
  if (begin(db, err) < 0)
    return -1;
  if (ask(db, ctx, err) == 0 && sp_db_commit(db, err) == 0)
    return 0;
  sp_db_rollback(db);
  return -1;
}

int sp_journal_ask(struct sp_journal *journal, sp_question *ask, void *ctx, bool *known,
                   struct sp_err *err)
{
  SP_LOCK_SCOPE(&journal->lock);
  struct sp_err why = SP_ERR_INIT;
  *known = false;
  if (!journal->db)
    return 0;
  *known = ask_within(sp_db_begin_reading, journal->db, ask, ctx, &why) == 0;
  if (*known)
    return 0;
  if (why.code == SP_E_NOMEM) {
    sp_err_copy(err, &why);
    return -1;
  }
  recover(journal, &why, false);
  return 0;
}

int sp_journal_ask_and_write(struct sp_journal *journal, sp_question *ask, void *ctx, bool *done,
                             struct sp_err *err)
{
  SP_LOCK_SCOPE(&journal->lock);
  struct sp_err why = SP_ERR_INIT;
  *done = false;
  if (journal->mode == SP_JOURNAL_READ || !journal->db)
    return 0;
  int failed = ask_within(sp_db_begin, journal->db, ask, ctx, &why);
  if (failed && recover(journal, &why, true) && journal->db)
    failed = ask_within(sp_db_begin, journal->db, ask, ctx, &why);
  *done = !failed;
  if (!failed || why.code != SP_E_NOMEM)
    return 0;
  sp_err_copy(err, &why);
  return -1;
}

void sp_journal_close(struct sp_journal *journal)
{
  if (!journal)
    return;
  sp_journal_flush(journal);
  /* What fails now is found by the next run. */
  struct sp_err err = SP_ERR_INIT;
  if (journal->mode == SP_JOURNAL_WRITE && journal->dir_fd >= 0)
    (void)!sp_prune_if_due(journal->db, sp_clock_wall_s(), &err);
  leave_file(journal);
  forget_told(journal);
  pthread_mutex_destroy(&journal->lock);
  free(journal->dir);
  free(journal);
}
