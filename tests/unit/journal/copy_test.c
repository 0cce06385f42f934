/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a journal knows what is on disk, and may be told more that is to be forgotten. */
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

static void test_a_copy_is_forgotten(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, 1, T + 1);
  tell(journal, 2, T + 5);
  SP_AUTO_JOURNAL struct sp_journal *reader = journal_open_well(SP_JOURNAL_READ);
  SP_AUTO_JOURNAL struct sp_journal *copy = NULL;
  must(sp_journal_open_copy(reader, &copy, &err), &err);
  assert_false(sp_journal_only_reads(copy));
  tell(copy, 3, T + 9);
  assert_true(names(copy, SP_KNOWN_NOW, 3) && names(copy, T + 6, 2) && names(copy, T + 4, 1));
  assert_true(names(reader, SP_KNOWN_NOW, 2) && names(journal, SP_KNOWN_NOW, 2));
}

static void test_a_copy_of_nothing(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *reader = journal_open_well(SP_JOURNAL_READ);
  SP_AUTO_JOURNAL struct sp_journal *copy = NULL;
  must(sp_journal_open_copy(reader, &copy, &err), &err);
  tell(copy, 3, T + 9);
  assert_true(names(copy, SP_KNOWN_NOW, 3));
  assert_false(scratch_has("journal.db"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_a_copy_is_forgotten),
      TEST(test_a_copy_of_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
