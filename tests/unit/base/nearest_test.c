/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/nearest.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *const names[] = {"push", "copy",         "verify",    "version",
                                    "help", "no-referrers", "registries"};

static void test_nearest(void **state)
{
  (void)state;
  static const struct {
    const char *word, *want;
  } cases[] = {
      {"", NULL},
      {"p", NULL}, /* one letter is like anything */
      {"xyz", NULL},
      {"nope", NULL}, /* half of it is not "copy" */
      {"yelp", "help"},
      {"frobnicate", NULL},
      {"a-word-that-is-longer-than-any-name-of-ours-could-ever-be", NULL},
      {"push", "push"},
      {"pusj", "push"},
      {"psuh", "push"},
      {"pus", "push"},
      {"registry", "registries"}, /* all but the last letter */
      {"pussh", "push"},
      {"ush", "push"},
      {"verfy", "verify"},
      {"versoin", "version"},
      {"no-ref", "no-referrers"},
      {"no-refferers", "no-referrers"},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *got = sp_nearest(cases[i].word, names, COUNT(names));
    if (!cases[i].want && got)
      fail_msg("'%s' is not near '%s'", cases[i].word, got);
    if (cases[i].want)
      assert_string_equal(got ? got : "nothing", cases[i].want);
  }
  assert_null(sp_nearest("push", names, 0));
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
