/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/semver.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",
      "v",
      "1",
      "1.2",
      "1.2.",
      "1.2.3.",
      "1.2.3.4",
      "01.2.3",
      "1.02.3",
      "1.2.03",
      "1.2.3-",
      "1.2.3-a..b",
      "1.2.3-.a",
      "1.2.3-a.",
      "1.2.3-01",
      "1.2.3-a.01",
      "1.2.3+",
      "1.2.3-a+",
      "1.2.3-a_b",
      "1.2.3 ",
      " 1.2.3",
      "vv1.2.3",
      "V1.2.3",
      "1.2.x",
      "-1.2.3",
      "1.2.3-a+b+c",
      "1,2,3",
      "99999999999999999999.0.0",
      "9007199254740992.0.0",
      "latest",
      "2024.01.05",
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    struct sp_semver version;
    if (sp_semver_parse(sp_span_str(bad[i]), &version))
      fail_msg("took '%s' for a version", bad[i]);
  }
}

/* In rising order (semver 2.0.0, 11, and its neighbours). */
static const char *const rising[] = {
    "0.0.0-0",
    "0.0.0",
    "0.0.1",
    "0.1.0",
    "1.0.0-0",
    "1.0.0-9",
    "1.0.0-10",
    "1.0.0-99999999999999999999",
    "1.0.0-999999999999999999999",
    "1.0.0--",
    "1.0.0-0a",
    "1.0.0-A",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-alphabet",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0-rc.1.0",
    "1.0.0",
    "1.9.0",
    "v1.10.0",
    "1.11.0",
    "2.0.0",
    "2.1.0",
    "v2.1.1",
    "9007199254740991.0.0",
};

static void test_precedence(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(rising); i++) {
    for (size_t k = 0; k < COUNT(rising); k++) {
      struct sp_semver a, b;
      if (!sp_semver_parse(sp_span_str(rising[i]), &a) ||
          !sp_semver_parse(sp_span_str(rising[k]), &b))
        fail_msg("'%s' or '%s' is no version", rising[i], rising[k]);
      int order = sp_semver_compare(&a, &b);
      if ((order > 0) != (i > k) || (order < 0) != (i < k))
        fail_msg("'%s' and '%s' compare as %d", rising[i], rising[k], order);
    }
  }
}

static void test_equal(void **state)
{
  (void)state;
  static const char *const pairs[][2] = {
      {"1.2.3", "v1.2.3"}, {"1.2.3+a", "1.2.3+b"}, {"1.2.3-rc.1+x.01", "v1.2.3-rc.1"}};
  for (size_t i = 0; i < COUNT(pairs); i++) {
    struct sp_semver a, b;
    assert_true(sp_semver_parse(sp_span_str(pairs[i][0]), &a));
    assert_true(sp_semver_parse(sp_span_str(pairs[i][1]), &b));
    assert_int_equal(sp_semver_compare(&a, &b), 0);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_precedence),
      cmocka_unit_test(test_equal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
