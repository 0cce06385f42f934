/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "policy/tag_kind.h"
#include "restore/then.h"

/* latest left A at 100, B at 200, C at 300; and there is the history of another tag. */
static const char *find(const char *tag, int64_t at_s, int64_t *left_s, bool *has_begun)
{
  static char names[5][SP_MAX_TAG + 1];
  static char *tags[5];
  static const int64_t times[] = {100, 200, 300};
  for (size_t i = 0; i < 3; i++)
    sp_history_tag_format("latest", times[i], names[i]);
  sp_history_tag_format("latest-x", 150, names[3]);
  snprintf(names[4], sizeof names[4], "latest");
  for (size_t i = 0; i < 5; i++)
    tags[i] = names[(i * 3) % 5]; /* in no order */
  return sp_then_find(tags, 5, tag, at_s, left_s, has_begun);
}

static void test_find(void **state)
{
  (void)state;
  static const struct {
    const char *tag;
    int64_t at_s, left_s; /* 0: none */
  } cases[] = {
      {"latest", 300, 0},   {"latest", 999, 0},   {"other", 1, 0},        {"late", 1, 0},
      {"latest", 0, 100},   {"latest", 99, 100},  {"latest", 100, 200},   {"latest", 199, 200},
      {"latest", 200, 300}, {"latest", 299, 300}, {"latest-x", 120, 150}, {"latest-x", 150, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char want[SP_MAX_TAG + 1];
    int64_t left_s = 0;
    bool has_begun;
    const char *got = find(cases[i].tag, cases[i].at_s, &left_s, &has_begun);
    assert_int_equal(left_s, cases[i].left_s);
    if (cases[i].left_s == 0) {
      assert_null(got);
      continue;
    }
    sp_history_tag_format(cases[i].tag, left_s, want);
    assert_string_equal(got, want);
  }
}

/* Before the first history tag nobody knows by the tags alone. */
static void test_has_begun(void **state)
{
  (void)state;
  static const struct {
    const char *tag;
    int64_t at_s;
    bool has_begun;
  } cases[] = {{"latest", 99, false},    {"latest", 100, true},   {"latest", 250, true},
               {"latest-x", 149, false}, {"latest-x", 150, true}, {"other", 500, false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int64_t left_s = 0;
    bool has_begun = !cases[i].has_begun;
    (void)find(cases[i].tag, cases[i].at_s, &left_s, &has_begun);
    assert_int_equal(has_begun, cases[i].has_begun);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_has_begun)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
