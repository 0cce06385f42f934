/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/standing.h"

static struct sp_digest digest(char letter)
{
  if (letter == ' ')
    return (struct sp_digest){0};
  return (struct sp_digest){.alg = SP_DIGEST_SHA256, .raw = {(uint8_t)letter}};
}

static void test_standing(void **state)
{
  (void)state;
  static const struct {
    char primary, backup;
    bool is_extra, is_fixed, is_unasked, is_damaged;
    int64_t proven_s;
    enum sp_standing want;
    bool is_good;
  } cases[] = {
      {'a', 'a', false, false, true, false, 999, SP_STANDING_UNKNOWN, false},
      {' ', 'a', true, false, true, false, 999, SP_STANDING_UNKNOWN, false},
      {' ', 'a', false, false, false, false, 999, SP_STANDING_UNKNOWN, false},
      {'a', 'a', false, false, false, true, 0, SP_STANDING_DAMAGED, false},
      {'a', ' ', false, true, false, false, 0, SP_STANDING_MISSING, false},
      {'a', 'b', false, true, false, false, 999, SP_STANDING_CHANGED, false},
      {'a', 'b', false, false, false, false, 999, SP_STANDING_BEHIND, false},
      /* damaged whatever else it is: of an extra tag there may be no other copy */
      {'a', 'b', false, false, false, true, 999, SP_STANDING_DAMAGED, false},
      {' ', 'a', true, false, false, true, 0, SP_STANDING_DAMAGED, false},
      {'a', ' ', false, false, false, true, 0, SP_STANDING_MISSING, false},
      /* now is 1000, the most 100 */
      {'a', 'a', false, false, false, false, 0, SP_STANDING_UNPROVEN, false},
      {'a', 'a', false, false, false, false, 900, SP_STANDING_UNPROVEN, false},
      {'a', 'a', false, false, false, false, 1002, SP_STANDING_UNPROVEN, false}, /* clocks jump */
      {'a', 'a', false, false, false, false, 1001, SP_STANDING_IN_STEP, true},
      {'a', 'a', false, false, false, false, 901, SP_STANDING_IN_STEP, true},
      {' ', 'a', true, true, false, false, 0, SP_STANDING_EXTRA, true},
      {' ', ' ', true, false, false, false, 0, SP_STANDING_ABSENT, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct sp_standing_facts facts = {.is_extra = cases[i].is_extra,
                                            .is_fixed = cases[i].is_fixed,
                                            .is_known = !cases[i].is_unasked,
                                            .primary = digest(cases[i].primary),
                                            .backup = digest(cases[i].backup),
                                            .is_damaged = cases[i].is_damaged,
                                            .proven_s = cases[i].proven_s,
                                            .now_s = 1000,
                                            .max_proof_age_s = 100};
    enum sp_standing got = sp_standing_of(&facts);
    if (got != cases[i].want)
      fail_msg("case %zu: %s", i, sp_standing_name(got));
    assert_int_equal(sp_standing_is_good(got), cases[i].is_good);
  }
}

/* Nobody else has it: an old proof is no proof. */
static void test_gone(void **state)
{
  (void)state;
  static const struct {
    char backup;
    bool is_gone, is_missed, is_damaged;
    int64_t proven_s;
    enum sp_standing want;
  } cases[] = {
      {'a', true, false, false, 901, SP_STANDING_EXTRA},
      {'a', true, false, false, 900, SP_STANDING_UNPROVEN},
      {'a', true, false, false, 0, SP_STANDING_UNPROVEN},
      {'a', true, false, true, 901, SP_STANDING_DAMAGED},
      {' ', true, false, false, 0, SP_STANDING_ABSENT},
      {' ', true, true, false, 901, SP_STANDING_MISSING},
      {'a', false, false, false, 0, SP_STANDING_EXTRA},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct sp_standing_facts facts = {.is_extra = true,
                                            .is_gone = cases[i].is_gone,
                                            .is_missed = cases[i].is_missed,
                                            .is_known = true,
                                            .backup = digest(cases[i].backup),
                                            .is_damaged = cases[i].is_damaged,
                                            .proven_s = cases[i].proven_s,
                                            .now_s = 1000,
                                            .max_proof_age_s = 100};
    if (sp_standing_of(&facts) != cases[i].want)
      fail_msg("case %zu: %s", i, sp_standing_name(sp_standing_of(&facts)));
  }
}

/* What is worse than that the primary lost it, or that signatures are missing, is said first. */
static void test_lost_and_unsigned(void **state)
{
  (void)state;
  static const struct {
    char backup;
    bool is_damaged, is_lost, lacks_signatures;
    enum sp_standing want;
  } cases[] = {
      {'a', false, true, false, SP_STANDING_LOST},
      {'a', false, true, true, SP_STANDING_LOST},
      {'a', true, true, false, SP_STANDING_DAMAGED},
      {' ', false, true, false, SP_STANDING_MISSING},
      {'b', false, true, false, SP_STANDING_BEHIND},
      {'a', false, false, true, SP_STANDING_UNSIGNED},
      {'a', true, false, true, SP_STANDING_DAMAGED},
      {'b', false, false, true, SP_STANDING_BEHIND},
      {'a', false, false, false, SP_STANDING_IN_STEP},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct sp_standing_facts facts = {.is_lost = cases[i].is_lost,
                                            .lacks_signatures = cases[i].lacks_signatures,
                                            .is_known = true,
                                            .primary = digest('a'),
                                            .backup = digest(cases[i].backup),
                                            .is_damaged = cases[i].is_damaged,
                                            .proven_s = 999,
                                            .now_s = 1000,
                                            .max_proof_age_s = 100};
    enum sp_standing got = sp_standing_of(&facts);
    if (got != cases[i].want)
      fail_msg("case %zu: %s", i, sp_standing_name(got));
    assert_int_equal(sp_standing_is_good(got), got == SP_STANDING_IN_STEP);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_standing), cmocka_unit_test(test_gone),
                                     cmocka_unit_test(test_lost_and_unsigned)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
