/* SPDX-License-Identifier: Apache-2.0 */
/* A journal that works on a copy knows what is on disk, and may be told more that is to be
 * forgotten. */
#include <sqlite3.h>

#include "base/limits.h"
#include "journal/known.h"
#include "scratch.h"

#define PLACE "ghcr.io/acme/app"
#define T 1700000000

static void tell(struct sp_journal *journal, unsigned n, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(n);
  must(sp_known_tell_tag(journal, PLACE, "latest", &digest, at_s, &err), &err);
  journal_flush_well(journal);
}

static bool names(struct sp_journal *journal, int64_t at_s, unsigned n)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(n);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, at_s, &known, &err), &err);
  return known.tag_count == 1 && sp_digest_eq(&known.tags[0].digest, &digest);
}

/* Before it is asked for, what is told is forgotten; from then on, when it is closed. */
static void test_a_copy_is_forgotten(void **state)
{
  (void)state;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, 1, T + 1);
  tell(journal, 2, T + 5);
  struct sp_journal *reader = journal_open_well(SP_JOURNAL_READ);
  tell(reader, 4, T + 7);
  assert_true(names(reader, SP_KNOWN_NOW, 2));
  sp_journal_work_on_copy(reader);
  tell(reader, 3, T + 9);
  sp_journal_work_on_copy(reader);
  assert_true(names(reader, SP_KNOWN_NOW, 3) && names(reader, T + 6, 2) && names(reader, T + 4, 1));
  assert_true(names(journal, SP_KNOWN_NOW, 2));
  sp_journal_close(reader);
  reader = journal_open_well(SP_JOURNAL_READ);
  assert_true(names(reader, SP_KNOWN_NOW, 2));
  sp_journal_close(reader);
}

static void test_a_copy_of_nothing(void **state)
{
  (void)state;
  SP_AUTO_JOURNAL struct sp_journal *reader = journal_open_well(SP_JOURNAL_READ);
  sp_journal_work_on_copy(reader);
  tell(reader, 3, T + 9);
  assert_true(names(reader, SP_KNOWN_NOW, 3));
  assert_false(scratch_has("journal.db"));
}

static void test_one_that_writes_needs_none(void **state)
{
  (void)state;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  sp_journal_work_on_copy(journal);
  tell(journal, 1, T + 1);
  sp_journal_close(journal);
  journal = journal_open_well(SP_JOURNAL_READ);
  assert_true(names(journal, SP_KNOWN_NOW, 1));
  sp_journal_close(journal);
}

/* The copy of a large journal takes disk, and no memory. */
static void test_a_copy_is_on_disk(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  for (unsigned n = 0; n < 60000; n++) {
    struct sp_digest digest = digest_of(n);
    must(sp_known_tell_blob(journal, PLACE, &digest, T, &err), &err);
  }
  journal_flush_well(journal);
  SP_AUTO_JOURNAL struct sp_journal *reader = journal_open_well(SP_JOURNAL_READ);
  int64_t before = sqlite3_memory_used();
  sp_journal_work_on_copy(reader);
  int64_t taken = sqlite3_memory_used() - before;
  assert_in_range(taken, 0, 3 * SP_MIB);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_a_copy_is_forgotten),
      TEST(test_a_copy_of_nothing),
      TEST(test_one_that_writes_needs_none),
      TEST(test_a_copy_is_on_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
