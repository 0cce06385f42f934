/* SPDX-License-Identifier: Apache-2.0 */
/* Damage that was seen while the clock was wrong. */
#include "journal/known.h"
#include "scratch.h"

#define PLACE "ghcr.io/acme/app"

static long clock_ahead_s;
int64_t __real_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void);
int64_t __wrap_sp_clock_wall_s(void)
{
  return __real_sp_clock_wall_s() + clock_ahead_s;
}

static void see_damage(long ahead_s, const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  clock_ahead_s = ahead_s;
  struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  must(sp_known_tell_damage(journal, PLACE, digest, true, &err), &err);
  sp_journal_close(journal);
  clock_ahead_s = 0;
}

/* As a run does: what is known is read, then something is proven. */
static void prove(const struct sp_digest *digest, int64_t read_s)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_WRITE);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  const struct sp_known_digest proof = {.digest = *digest, .read_s = read_s};
  must(sp_known_tell_digest(journal, PLACE, &proof, &err), &err);
}

static bool is_damaged(const struct sp_digest *digest)
{
  struct sp_err err = SP_ERR_INIT;
  SP_AUTO_JOURNAL struct sp_journal *journal = journal_open_well(SP_JOURNAL_READ);
  SP_AUTO_KNOWN struct sp_known known;
  must(sp_known_read(journal, PLACE, SP_KNOWN_NOW, &known, &err), &err);
  const struct sp_known_digest *copy = sp_known_find_digest(&known, digest);
  assert_non_null(copy);
  assert_true(sp_known_needs_read(copy) == (copy->read_s == 0));
  return sp_known_needs_read(copy);
}

/* F25: it stands until it is disproved after that, whatever the dates say. */
static void test_damage_stands(void **state)
{
  (void)state;
  static const long ahead_s[] = {1, 3600, 86340, 2 * 86400L, 10 * 365 * 86400L, -3600, -86400L};
  for (unsigned i = 0; i < sizeof ahead_s / sizeof ahead_s[0]; i++) {
    struct sp_digest digest = digest_of(i);
    int64_t now_s = sp_clock_wall_s();
    prove(&digest, now_s - 60);
    assert_false(is_damaged(&digest));
    see_damage(ahead_s[i], &digest);
    if (!is_damaged(&digest))
      fail_msg("%ld: forgotten", ahead_s[i]);
    prove(&digest, now_s - 61); /* from a record, or another process */
    if (!is_damaged(&digest))
      fail_msg("%ld: ended by an older proof", ahead_s[i]);
    prove(&digest, sp_clock_wall_s());
    if (is_damaged(&digest))
      fail_msg("%ld: not ended by a proof", ahead_s[i]);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(test_damage_stands),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
