/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tag_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_refuses(void **state)
{
  (void)state;
  static const char *const filters[] = {"", "v*", "v?", "regex:.*", "semver:^1"};
  for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
    struct sp_err err = SP_ERR_INIT;
    assert_int_equal(sp_tag_filter_check(filters[i], &err), -1);
    assert_int_equal(err.code, SP_E_USAGE);
  }
  char longest[300];
  memset(longest, 'a', sizeof longest);
  longest[256] = '\0';
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_tag_filter_check(longest, &err), 0);
  longest[256] = 'a';
  longest[257] = '\0';
  assert_int_equal(sp_tag_filter_check(longest, &err), -1);
}

static void test_matches(void **state)
{
  (void)state;
  static const struct {
    const char *filter, *tag;
    bool want;
  } rows[] = {
      {"v1", "v1", true},          {"v1", "v10", false},           {"v1", "V1", false},
      {"glob:", "a", false},       {"glob:*", "a", true},          {"glob:v*", "v1.2", true},
      {"glob:v*", "1.v", false},   {"glob:*.?", "1.2", true},      {"glob:*.?", "1.23", false},
      {"glob:a*b*c", "abc", true}, {"glob:a*b*c", "axbxbc", true}, {"glob:a*b*c", "axbxb", false},
      {"glob:**x", "x", true},     {"glob:?", "", false},          {"glob:*a*a*", "aa", true},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (sp_tag_filter_matches(&rows[i].filter, 1, rows[i].tag) != rows[i].want)
      fail_msg("'%s' and '%s'", rows[i].filter, rows[i].tag);
  }
  static const char *const two[] = {"x", "glob:v*"};
  assert_true(sp_tag_filter_matches(two, 2, "v1"));
  assert_false(sp_tag_filter_matches(two, 2, "w1"));
  assert_true(sp_tag_filter_matches(NULL, 0, "anything"));
}

/* What makes a matcher that tries every way never come back. */
static void test_worst_pattern(void **state)
{
  (void)state;
  char filter[257] = "glob:", tag[129];
  for (size_t i = 5; i < 255; i += 2)
    memcpy(filter + i, "*a", 3);
  filter[255] = 'b';
  filter[256] = '\0';
  memset(tag, 'a', 128);
  tag[128] = '\0';
  const char *const filters[] = {filter};
  for (int i = 0; i < 10000; i++)
    assert_false(sp_tag_filter_matches(filters, 1, tag));
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_refuses), cmocka_unit_test(test_matches),
                                     cmocka_unit_test(test_worst_pattern)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
