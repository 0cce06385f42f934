/* SPDX-License-Identifier: Apache-2.0 */
/* What a tag named at a time gone by, and whether a run of this host saw that end. */
#include "journal/known.h"
#include "scratch.h"

#define PLACE "ghcr.io/acme/app"
#define T 1700000000

/* n = 0: it is gone. */
static void tell(struct sp_journal *journal, unsigned n, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(n);
  must(sp_known_tell_tag(journal, PLACE, "a", n ? &digest : NULL, at_s, &err), &err);
}

static void tell_late(struct sp_journal *journal, unsigned n, int64_t at_s)
{
  struct sp_err err = SP_ERR_INIT;
  struct sp_digest digest = digest_of(n);
  must(sp_known_tell_tag_late(journal, PLACE, "a", n ? &digest : NULL, at_s, &err), &err);
}

/* What the tag named then, since when and until when: "1@10-30", "1@10-?" (nobody saw the end),
 * "1@10-" (it has not ended), "1 gone@10-". */
static const char *state_at(struct sp_journal *journal, int64_t at_s)
{
  static char text[64];
  char left[24] = "";
  unsigned n = 1;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, at_s, &known, &err), &err);
  const struct sp_known_tag *found = sp_known_find_tag(&known, "a");
  if (!found)
    return "-";
  for (struct sp_digest digest = digest_of(n); !sp_digest_eq(&digest, &found->digest);)
    digest = digest_of(++n);
  if (found->has_ended)
    snprintf(left, sizeof left, "%lld", (long long)found->left_s - T);
  snprintf(text, sizeof text, "%u%s@%lld-%s", n, found->is_gone ? " gone" : "",
           (long long)found->since_s - T, found->has_ended && found->left_s == 0 ? "?" : left);
  return text;
}

static void test_ends(void **state)
{
  (void)state;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, 1, T + 10);
  tell_late(journal, 2, T + 20);
  tell(journal, 2, T + 25); /* as is known */
  tell(journal, 3, T + 30);
  journal_flush_well(journal);
  assert_string_equal(state_at(journal, T + 9), "-");
  assert_string_equal(state_at(journal, T + 10), "1@10-?");
  assert_string_equal(state_at(journal, T + 19), "1@10-?");
  assert_string_equal(state_at(journal, T + 20), "2@20-30");
  assert_string_equal(state_at(journal, T + 30), "3@30-");
  assert_string_equal(state_at(journal, SP_KNOWN_NOW), "3@30-");
}

static void test_gone(void **state)
{
  (void)state;
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, 1, T + 10);
  tell_late(journal, 0, T + 20);
  must(sp_known_tell_meant(journal, PLACE, "a", T + 20, &err), &err);
  journal_flush_well(journal);
  assert_string_equal(state_at(journal, T + 15), "1@10-?"); /* meant or not */
  assert_string_equal(state_at(journal, T + 20), "1 gone@20-");
}

/* It was so for longer than this host knew; of what was before, whoever tells that saw no end. */
static void test_told_to_be_earlier(void **state)
{
  (void)state;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  tell(journal, 1, T + 10);
  tell(journal, 2, T + 30);
  journal_flush_well(journal);
  assert_string_equal(state_at(journal, T + 15), "1@10-30");
  tell_late(journal, 2, T + 20);
  journal_flush_well(journal);
  assert_string_equal(state_at(journal, T + 15), "1@10-?");
  assert_string_equal(state_at(journal, T + 35), "2@20-");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {TEST(test_ends), TEST(test_gone),
                                     TEST(test_told_to_be_earlier)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
