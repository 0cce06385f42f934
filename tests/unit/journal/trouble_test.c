/* SPDX-License-Identifier: Apache-2.0 */
/* Every change that SQLite makes to a file fails once, in each of several ways, or is the last
 * thing that the process does; the job above goes on, and the next run knows a part of the truth.
 * And what else a state directory can be: read-only, another's, a newer version's, in use. */
#include "story.h"
#include "vfs_shim.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>

static void empty_scratch(void)
{
  static const char *const names[] = {"journal.db", "journal.db-journal", "journal.db.bad",
                                      "journal.db.bad-journal"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    (void)unlink(scratch_path(names[i]));
}

/* The last steps of a story whose first are on disk. */
static void tell_first_half(void)
{
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  for (unsigned step = 0; step < 2; step++)
    story_tell(journal, step);
  sp_journal_close(journal);
}
/* The first steps again, as bytes: this is done a thousand times. */
static void put_first_half(void)
{
  static char bytes[1 << 18];
  static ssize_t len;
  empty_scratch();
  if (len == 0) {
    tell_first_half();
    int fd = open(scratch_path("journal.db"), O_RDONLY);
    len = read(fd, bytes, sizeof bytes);
    close(fd);
    assert_in_range(len, 1, sizeof bytes - 1);
    return;
  }
  int fd = open(scratch_path("journal.db"), O_WRONLY | O_CREAT | O_EXCL, 0600);
  assert_int_equal(write(fd, bytes, (size_t)len), len);
  close(fd);
}
/* Answers how many changes that made until it was closed. */
static unsigned long tell_second_half(void)
{
  struct sp_journal *journal = journal_open(SP_JOURNAL_WRITE);
  for (unsigned step = 2; step < 4; step++) {
    story_tell(journal, step);
    story_check(journal);
  }
  unsigned long changes = vfs_shim_calls();
  assert_int_equal(journal_trouble(journal), vfs_shim_has_failed() ? SP_E_IO : SP_OK);
  sp_journal_close(journal);
  return changes;
}

static void check_next_run(unsigned long nth)
{
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  story_tell(journal, 4);
  journal_flush_well(journal);
  if (story_check(journal) < STORY_PLACES * STORY_TAGS * 3) /* the first half, and the last step */
    fail_msg("change %lu: facts that were on disk are lost", nth);
  sp_journal_close(journal);
  assert_false(scratch_has("journal.db.bad"));
}

static void test_killed_at_every_change(void **state)
{
  (void)state;
  put_first_half();
  vfs_shim_arm(0, SQLITE_FULL, false);
  tell_second_half();
  unsigned long changes = vfs_shim_calls(); /* closing included */
  vfs_shim_disarm();
  assert_true(changes > 20);
  for (unsigned long nth = 1; nth <= changes; nth++) {
    put_first_half();
    pid_t child = fork();
    if (child == 0) {
      vfs_shim_arm(nth, VFS_KILL, false);
      tell_second_half();
      _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    check_next_run(nth);
  }
  print_message("# killed at each of %lu changes\n", changes);
}

static void fail_at_every_change(int result, bool stays)
{
  unsigned long changes = 1;
  for (unsigned long nth = 1; nth <= changes; nth++) {
    put_first_half();
    vfs_shim_arm(nth, result, stays);
    unsigned long made = tell_second_half();
    changes = made > changes ? made : changes;
    vfs_shim_disarm();
    check_next_run(nth);
  }
  assert_true(changes > 20);
}

static void test_every_change_fails(void **state)
{
  (void)state;
  fail_at_every_change(SQLITE_FULL, true);
  fail_at_every_change(SQLITE_IOERR_WRITE, false);
  fail_at_every_change(SQLITE_IOERR_FSYNC, false);
}

/* A full disk: said, kept for the next flush, and written when there is room again. */
static void test_full_disk_that_gets_room(void **state)
{
  (void)state;
  struct sp_err trouble = SP_ERR_INIT;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  story_tell_place(journal, 0, 0);
  vfs_shim_arm(1, SQLITE_FULL, true);
  sp_journal_flush(journal);
  vfs_shim_disarm();
  assert_true(sp_journal_trouble(journal, &trouble));
  assert_int_equal(trouble.code, SP_E_IO);
  assert_non_null(strstr(trouble.msg, "journal.db"));
  assert_non_null(strstr(trouble.msg, "No space left"));
  sp_journal_flush(journal);
  assert_int_equal(story_check(journal), 2 * STORY_TAGS);
  sp_journal_close(journal);
  journal = journal_open_well(SP_JOURNAL_READ);
  assert_int_equal(story_check(journal), 2 * STORY_TAGS);
  sp_journal_close(journal);
}

/* A disk that stays full: the run keeps its facts to itself, and does not wait again and again. */
static void test_full_disk_for_good(void **state)
{
  (void)state;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  vfs_shim_arm(1, SQLITE_FULL, true);
  for (unsigned step = 0; step < STORY_STEPS; step++)
    story_tell(journal, step);
  assert_true(story_check(journal) >= 2 * STORY_PLACES * STORY_TAGS); /* from memory */
  assert_int_equal(journal_trouble(journal), SP_E_IO);
  sp_journal_close(journal);
  vfs_shim_disarm();
  journal = journal_open_well(SP_JOURNAL_READ);
  assert_int_equal(story_check(journal), 0);
  sp_journal_close(journal);
}

/* What is known already costs no write and no fsync, however much of it is told. */
static void test_no_news_writes_nothing(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  struct sp_digest digest = digest_of(1);
  for (int again = 0; again < 2; again++) {
    char place[32];
    char tag[32];
    vfs_shim_arm(0, SQLITE_FULL, false);
    for (int p = 0; p < 200; p++) {
      snprintf(place, sizeof place, "registry.example/%d", p);
      for (int t = 0; t < 10; t++) {
        snprintf(tag, sizeof tag, "v%d", t);
        must(sp_known_tell_tag(journal, place, tag, &digest, STORY_T + again, &err), &err);
      }
    }
    journal_flush_well(journal);
    if (again)
      assert_int_equal(vfs_shim_calls(), 0);
    else
      assert_in_range(vfs_shim_calls(), 1, 500); /* 4 000 rows: pages are written, not rows */
  }
  vfs_shim_disarm();
  sp_journal_close(journal);
}

/* What is on disk is known all the same. The copy is larger than what SQLite keeps in memory. */
static void test_no_room_for_a_copy(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  story_tell(journal, 0);
  for (unsigned n = 0; n < 100000; n++) {
    struct sp_digest digest = digest_of(n);
    must(sp_known_tell_blob(journal, "large.example/app", &digest, 1700000000, &err), &err);
  }
  sp_journal_close(journal);
  journal = journal_open_well(SP_JOURNAL_READ);
  unsigned known = story_check(journal);
  vfs_shim_arm(1, SQLITE_FULL, true);
  sp_journal_work_on_copy(journal);
  bool has_failed = vfs_shim_has_failed();
  vfs_shim_disarm();
  assert_true(has_failed && known > 0);
  assert_int_equal(journal_trouble(journal), SP_E_IO);
  sp_journal_work_on_copy(journal); /* not once for each image */
  const struct sp_digest told = digest_of(1);
  must(sp_known_tell_tag(journal, "large.example/app", "latest", &told, 1700000000, &err), &err);
  sp_journal_flush(journal);
  SP_AUTO_KNOWN struct sp_known large = {0};
  must(sp_known_read(journal, "large.example/app", SP_KNOWN_NOW, &large, &err), &err);
  assert_int_equal(large.tag_count, 0);
  assert_int_equal(story_check(journal), known);
  sp_journal_close(journal);
}

/* -- the directory */

static int write_as_nobody(void)
{
  if (geteuid() == 0 && setuid(65534) < 0)
    return 99;
  struct sp_err err = SP_ERR_INIT;
  struct sp_err trouble = SP_ERR_INIT;
  struct sp_journal *journal;
  if (sp_journal_open(scratch, SP_JOURNAL_WRITE, &journal, &err) < 0 ||
      !sp_journal_trouble(journal, &trouble))
    return 1;
  if (trouble.code != SP_E_REFUSED && trouble.code != SP_E_IO)
    return 2;
  story_tell(journal, 0);
  return story_check(journal) == 2 * STORY_PLACES * STORY_TAGS ? 0 : 3;
}

static void test_another_users_directory(void **state)
{
  (void)state;
  if (geteuid() != 0)
    skip();
  pid_t child = fork();
  if (child == 0)
    _exit(write_as_nobody());
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_false(scratch_has("journal.db"));
}

static void test_others_may_write(void **state)
{
  (void)state;
  tell_first_half();
  assert_int_equal(chmod(scratch, 0777), 0);
  struct sp_journal *journal = journal_open(SP_JOURNAL_WRITE);
  assert_int_equal(journal_trouble(journal), SP_E_REFUSED);
  assert_int_equal(story_check(journal), 0); /* what is there is not believed */
  sp_journal_close(journal);
  assert_int_equal(chmod(scratch, 0700), 0);
}

static void test_modes(void **state)
{
  (void)state;
  static const char *const names[] = {"journal.db", "journal.lock"};
  struct stat facts;
  mode_t before = umask(0);
  tell_first_half();
  umask(before);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(stat(scratch_path(names[i]), &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
  }
}

static void test_reading_makes_nothing(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  struct sp_journal *journal;
  must(sp_journal_open(scratch_path("not/there"), SP_JOURNAL_READ, &journal, &err), &err);
  assert_int_equal(journal_trouble(journal), SP_OK);
  assert_int_equal(story_check(journal), 0);
  sp_journal_close(journal);
  assert_false(scratch_has("not"));
  journal = journal_open_well(SP_JOURNAL_READ);
  story_tell(journal, 0);
  sp_journal_close(journal);
  assert_false(scratch_has("journal.db"));
  assert_false(scratch_has("journal.lock"));
}

/* -- versions */

static void run_sql(const char *sql)
{
  sqlite3 *db;
  assert_int_equal(sqlite3_open(scratch_path("journal.db"), &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void test_versions(void **state)
{
  (void)state;
  static const struct {
    const char *sql;
    enum sp_code want;
    size_t facts;
    bool is_set_aside;
  } rows[] = {
      {"PRAGMA user_version=4", SP_OK, 2 * STORY_PLACES * STORY_TAGS, false},
      {"PRAGMA user_version=5", SP_E_UNSUPPORTED, 0, false},
      {"PRAGMA user_version=5; ALTER TABLE tags ADD COLUMN x INT", SP_E_UNSUPPORTED, 0, false},
      {"PRAGMA user_version=0", SP_E_INVALID, 0, true},
      {"PRAGMA user_version=3", SP_E_INVALID, 0, true}, /* an older one */
      {"PRAGMA application_id=7", SP_E_INVALID, 0, true},
      {"DROP TABLE blobs", SP_E_INVALID, 0, true},
      {"CREATE TABLE more(x)", SP_E_INVALID, 0, true},
      {"CREATE VIEW v AS SELECT 1", SP_E_INVALID, 0, true},
      {"CREATE TRIGGER t AFTER INSERT ON tags BEGIN DELETE FROM runs; END", SP_E_INVALID, 0, true},
      {"CREATE INDEX i ON tags(tag)", SP_E_INVALID, 0, true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    empty_scratch();
    tell_first_half();
    run_sql(rows[i].sql);
    struct sp_journal *journal = journal_open(SP_JOURNAL_WRITE);
    if (journal_trouble(journal) != rows[i].want)
      fail_msg("%s: %s", rows[i].sql, sp_code_name(journal_trouble(journal)));
    assert_int_equal(story_check(journal), rows[i].facts);
    story_tell(journal, 0); /* works on */
    assert_int_equal(story_check(journal), 2 * STORY_PLACES * STORY_TAGS);
    sp_journal_close(journal);
    assert_int_equal(scratch_has("journal.db.bad"), rows[i].is_set_aside);
    journal = journal_open(SP_JOURNAL_WRITE); /* a newer version's is left alone, again and again */
    assert_int_equal(journal_trouble(journal), rows[i].is_set_aside ? SP_OK : rows[i].want);
    sp_journal_close(journal);
  }
}

/* -- company */

/* A damaged file that another process has open is not pulled away under it. */
static void test_damage_in_company(void **state)
{
  (void)state;
  tell_first_half();
  struct sp_journal *other = journal_open_well(SP_JOURNAL_WRITE);
  int fd = open(scratch_path("journal.db"), O_WRONLY);
  assert_int_equal(pwrite(fd, "damaged!", 8, 0), 8);
  struct sp_journal *journal = journal_open(SP_JOURNAL_WRITE);
  assert_int_equal(journal_trouble(journal), SP_E_INVALID);
  story_tell(journal, 0);
  assert_int_equal(story_check(journal), 2 * STORY_PLACES * STORY_TAGS);
  assert_false(scratch_has("journal.db.bad"));
  sp_journal_close(journal);
  sp_journal_close(other);
  close(fd);
  journal = journal_open(SP_JOURNAL_WRITE);
  assert_int_equal(journal_trouble(journal), SP_E_INVALID);
  assert_true(scratch_has("journal.db.bad"));
  sp_journal_close(journal);
}

/* Damage that shows while a run is under way: the rest of it is kept in a new file. */
static void test_damage_in_the_middle(void **state)
{
  (void)state;
  struct sp_err trouble = SP_ERR_INIT;
  tell_first_half();
  run_sql("UPDATE tags SET since_s = since_s + 1 WHERE tag = 'tag-7'");
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  assert_int_equal(story_check(journal), 0);
  assert_true(sp_journal_trouble(journal, &trouble));
  assert_int_equal(trouble.code, SP_E_INVALID);
  assert_non_null(strstr(trouble.msg, "journal.db.bad"));
  assert_true(scratch_has("journal.db.bad"));
  story_tell(journal, 2);
  sp_journal_close(journal);
  journal = journal_open_well(SP_JOURNAL_READ);
  assert_int_equal(story_check(journal), 2 * STORY_PLACES * STORY_TAGS);
  sp_journal_close(journal);
}

#define WRITERS 4

/* Processes side by side lose nothing of what the others tell. */
static void test_two_processes(void **state)
{
  (void)state;
  pid_t children[WRITERS];
  for (int i = 0; i < WRITERS; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
      for (int n = 0; n < 10; n++) {
        struct sp_err err = SP_ERR_INIT;
        struct sp_digest digest = digest_of(1);
        char tag[32];
        int64_t id;
        snprintf(tag, sizeof tag, "tag-%d-%d", i, n);
        must(sp_runs_begin(journal, "sync", "", STORY_T, &id, &err), &err);
        must(sp_known_tell_tag(journal, "p", tag, &digest, STORY_T, &err), &err);
        must(sp_runs_end(journal, id, 0, STORY_T, &err), &err);
      }
      _exit(journal_trouble(journal) == SP_OK ? 0 : 1);
    }
  }
  for (int i = 0; i < WRITERS; i++) {
    int status = -1;
    assert_int_equal(waitpid(children[i], &status, 0), children[i]);
    assert_int_equal(status, 0);
  }
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  SP_AUTO_KNOWN struct sp_known known;
  struct sp_run *runs;
  size_t count;
  must(sp_known_read(journal, "p", SP_KNOWN_NOW, &known, &err), &err);
  assert_int_equal(known.tag_count, WRITERS * 10);
  must(sp_runs_list(journal, 1000, &runs, &count, &err), &err);
  assert_int_equal(count, WRITERS * 10);
  assert_int_equal(runs[0].id, WRITERS * 10); /* no number twice */
  sp_runs_free(runs, count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_killed_at_every_change),
      TEST(test_every_change_fails),
      TEST(test_full_disk_that_gets_room),
      TEST(test_full_disk_for_good),
      TEST(test_no_room_for_a_copy),
      TEST(test_no_news_writes_nothing),
      TEST(test_another_users_directory),
      TEST(test_others_may_write),
      TEST(test_modes),
      TEST(test_reading_makes_nothing),
      TEST(test_versions),
      TEST(test_damage_in_company),
      TEST(test_damage_in_the_middle),
      TEST(test_two_processes),
  };
  vfs_shim_install();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
