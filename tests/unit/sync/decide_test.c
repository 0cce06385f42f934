/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/decide.h"

/* Digests by a letter; ' ' is none. */
static struct sp_digest digest(char letter)
{
  if (letter == ' ')
    return (struct sp_digest){0};
  return (struct sp_digest){.alg = SP_DIGEST_SHA256, .raw = {(uint8_t)letter}};
}

/* A restore: what is there stays, unless that is accepted. */
static void test_may_not_move(void **state)
{
  (void)state;
  for (int bits = 0; bits < 8; bits++) {
    bool is_there = bits & 1, is_accepted = bits & 2;
    const struct sp_tag_state tag = {.primary = digest('b'),
                                     .backup = digest(is_there ? 'a' : ' '),
                                     .before = digest('a'),
                                     .is_fixed = bits & 4,
                                     .is_accepted = is_accepted,
                                     .may_not_move = true};
    enum sp_sync_action want = is_there && !is_accepted ? SP_ACTION_REFUSE : SP_ACTION_SET;
    assert_int_equal(sp_sync_decide(&tag), want);
  }
}

static void test_decide(void **state)
{
  (void)state;
  static const struct {
    char primary, backup, before;
    bool is_fixed, is_accepted;
    int64_t proven_s;
    enum sp_sync_action want;
  } cases[] = {
      /* a tag whose digest was changed at the primary is followed only where it may move */
      {'b', 'a', ' ', true, false, 0, SP_ACTION_REFUSE},
      {'b', 'a', 'a', true, false, 1000, SP_ACTION_REFUSE},
      {'b', 'a', 'b', true, false, 0, SP_ACTION_REFUSE},
      {'b', ' ', 'a', true, false, 0, SP_ACTION_REFUSE}, /* the backup lost it, and it changed */
      {'b', 'a', 'a', true, true, 0, SP_ACTION_SET},
      {'b', ' ', 'a', true, true, 0, SP_ACTION_SET},
      {'b', 'a', 'a', false, false, 0, SP_ACTION_SET},
      /* new ones */
      {'a', ' ', ' ', true, false, 0, SP_ACTION_SET},
      {'a', ' ', 'a', true, false, 0, SP_ACTION_SET},
      {'a', ' ', ' ', false, false, 0, SP_ACTION_SET},
      /* in step: how old is the proof (now is 1000, the most 100)? */
      {'a', 'a', 'a', true, false, 901, SP_ACTION_KEEP},
      {'a', 'a', 'b', true, false, 1000, SP_ACTION_KEEP},
      {'a', 'a', ' ', false, false, 900, SP_ACTION_PROVE},
      {'a', 'a', ' ', false, false, 0, SP_ACTION_PROVE},
      {'a', 'a', ' ', false, false, 1001, SP_ACTION_KEEP},  /* (sp_rot_date_proof) */
      {'a', 'a', ' ', false, false, 1002, SP_ACTION_PROVE}, /* of the future: the clock jumped */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct sp_tag_state tag = {.primary = digest(cases[i].primary),
                                     .backup = digest(cases[i].backup),
                                     .before = digest(cases[i].before),
                                     .is_fixed = cases[i].is_fixed,
                                     .is_accepted = cases[i].is_accepted,
                                     .proven_s = cases[i].proven_s,
                                     .now_s = 1000,
                                     .max_proof_age_s = 100};
    if (sp_sync_decide(&tag) != cases[i].want)
      fail_msg("case %zu: %d", i, sp_sync_decide(&tag));
  }
}

/* Known to have wrong bytes: whatever the proofs say, a look without reading would call it whole.
 */
static void test_damaged(void **state)
{
  (void)state;
  for (int bits = 0; bits < 16; bits++) {
    bool is_same = bits & 1, is_fixed = bits & 2, is_accepted = bits & 4;
    const struct sp_tag_state tag = {.primary = digest(is_same ? 'a' : 'b'),
                                     .backup = digest('a'),
                                     .before = digest('a'),
                                     .is_fixed = is_fixed,
                                     .is_accepted = is_accepted,
                                     .is_damaged = true,
                                     .proven_s = bits & 8 ? 999 : 0,
                                     .now_s = 1000,
                                     .max_proof_age_s = 100};
    enum sp_sync_action moved = is_fixed && !is_accepted ? SP_ACTION_REFUSE : SP_ACTION_SET;
    assert_int_equal(sp_sync_decide(&tag), is_same ? SP_ACTION_TELL : moved);
  }
}

/* There, and not to be read: a fixed tag is not set to anything but what it named last. */
static void test_unreadable(void **state)
{
  (void)state;
  for (int bits = 0; bits < 16; bits++) {
    bool is_same = bits & 1, is_fixed = bits & 2, is_accepted = bits & 4, is_restored = bits & 8;
    const struct sp_tag_state tag = {.primary = digest('a'),
                                     .before = digest('a'),
                                     .backup_last = digest(is_same ? 'a' : 'b'),
                                     .is_fixed = is_fixed,
                                     .is_accepted = is_accepted,
                                     .may_not_move = is_restored};
    bool is_refused = is_fixed && !is_same && !is_accepted && !is_restored;
    assert_int_equal(sp_sync_decide(&tag), is_refused ? SP_ACTION_REFUSE : SP_ACTION_SET);
  }
}

static void test_loss(void **state)
{
  (void)state;
  static const struct {
    uint64_t known, now;
    uint32_t percent;
    bool is_bearable;
  } cases[] = {
      {10, 0, 20, false}, {1, 0, 100, false}, /* empty is never believed */
      {10, 7, 20, false}, {10, 8, 20, true},  {10, 9, 0, false},  {10, 10, 0, true},
      {0, 0, 20, true},   {10, 5, 50, true},  {10, 4, 50, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(sp_sync_is_loss_bearable(cases[i].known, cases[i].now, cases[i].percent),
                     cases[i].is_bearable);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_decide), cmocka_unit_test(test_damaged),
                                     cmocka_unit_test(test_may_not_move),
                                     cmocka_unit_test(test_unreadable),
                                     cmocka_unit_test(test_loss)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
