/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "policy/semver_range.h"
#include "semver_npm.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void test_refuses(void **state)
{
  (void)state;
  static const char *const bad[] = {
      "",        " ",        "||",        "1.2 ||",     "|| 1.2",  "1.2 | 1.3", "1.2, 1.3",
      "^",       ">=",       "^^1.2",     ">>1",        "=>1",     "=~1",       "latest",
      "v",       "1.",       "1..2",      "1.2.3.4",    "1.x.3",   "*.1",       "1.2-rc",
      "01.2.3",  "1.2.3-01", "1.2.3-",    "^1.2.3 - 2", "1.2.3 -", "- 1.2.3",   "1x",
      "1.2.3\n", "(1.2)",    "[1.2,1.3)", "1.2.3 foo",  "!=1.2.3", "1.2.3rc1",  "9007199254740992",
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    SP_CLEANUP(sp_semver_range_free_auto_) struct sp_semver_range *range = NULL;
    struct sp_err err = SP_ERR_INIT;
    if (sp_semver_range_parse(sp_span_str(bad[i]), &range, &err) == 0)
      fail_msg("took '%s' for a range", bad[i]);
    assert_int_equal(err.code, SP_E_USAGE);
    assert_null(range);
  }
}

static bool is_in(const char *text, const char *version_text)
{
  SP_CLEANUP(sp_semver_range_free_auto_) struct sp_semver_range *range = NULL;
  struct sp_err err = SP_ERR_INIT;
  struct sp_semver version;
  if (sp_semver_range_parse(sp_span_str(text), &range, &err) < 0)
    fail_msg("'%s': %s", text, err.msg);
  if (!sp_semver_parse(sp_span_str(version_text), &version))
    fail_msg("'%s' is no version", version_text);
  return sp_semver_range_has(range, &version);
}

static void test_as_npm(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(npm_says); i++) {
    if (is_in(npm_says[i].range, npm_says[i].version) != npm_says[i].is_in)
      fail_msg("'%s' in '%s'", npm_says[i].version, npm_says[i].range);
  }
}

static void test_by_hand(void **state)
{
  (void)state;
  static const struct {
    const char *range, *version;
    bool is_in;
  } cases[] = {
      {"^1.2", "1.2.0", true},
      {"^1.2", "v1.99.0", true},
      {"^1.2", "2.0.0", false},
      {"^1.2", "2.0.0-rc.1", false},
      {"^1.2", "1.3.0-rc.1", false},
      {"^1.2.0-rc.1", "1.2.0-rc.2", true},
      {"^0.2.3", "0.3.0", false},
      {"~1.2", "1.2.9", true},
      {">=1.2 <2", "1.5.0", true},
      {">=1.2<2", "1.5.0", true},
      {"1.x || 3.x", "3.1.0", true},
      {"1.x || 3.x", "2.1.0", false},
      {"*", "0.0.1", true},
      {"*", "1.0.0-rc.1", false},
      {"1.2 - 1.4", "1.4.9", true},
      {"1.2 - 1.4", "1.5.0", false},
      {"9007199254740991", "9007199254740991.5.0", true},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    if (is_in(cases[i].range, cases[i].version) != cases[i].is_in)
      fail_msg("'%s' in '%s'", cases[i].version, cases[i].range);
  }
}

/* The most bounds that a text of the greatest length can hold. */
static void test_longest(void **state)
{
  (void)state;
  static const char *const pieces[] = {"^1", "1 ", "~1", "x ", "<1", "1||"};
  for (size_t i = 0; i < COUNT(pieces); i++) {
    char text[SP_MAX_PATTERN + 1];
    size_t len = 0;
    while (len + strlen(pieces[i]) + 1 <= SP_MAX_PATTERN) {
      memcpy(text + len, pieces[i], strlen(pieces[i]));
      len += strlen(pieces[i]);
    }
    text[len++] = '1';
    if (pieces[i][0] == '^' || pieces[i][0] == '~' || pieces[i][0] == '<')
      len--;
    SP_CLEANUP(sp_semver_range_free_auto_) struct sp_semver_range *range = NULL;
    struct sp_err err = SP_ERR_INIT;
    if (sp_semver_range_parse(SP_SPAN(text, len), &range, &err) < 0)
      fail_msg("%zu times '%s': %s", len, pieces[i], err.msg);
  }
  char text[SP_MAX_PATTERN + 1];
  memset(text, '1', sizeof text);
  struct sp_semver_range *range = NULL;
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_semver_range_parse(SP_SPAN(text, sizeof text), &range, &err), -1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refuses),
      cmocka_unit_test(test_as_npm),
      cmocka_unit_test(test_by_hand),
      cmocka_unit_test(test_longest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
