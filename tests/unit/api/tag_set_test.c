/* SPDX-License-Identifier: Apache-2.0 */
#include "api/tag_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"

static void add(struct sp_tag_set *set, const char *tag, bool want_new)
{
  struct sp_err err = SP_ERR_INIT;
  bool is_new;
  assert_int_equal(sp_tag_set_add(set, tag, &is_new, &err), 0);
  assert_int_equal(is_new, want_new);
}

static void test_keeps_each_once_in_order(void **state)
{
  (void)state;
  SP_CLEANUP(sp_tag_set_clear_auto_) struct sp_tag_set set;
  sp_tag_set_init(&set);
  add(&set, "b", true);
  add(&set, "a", true);
  add(&set, "b", false);
  add(&set, "aa", true);
  add(&set, "a", false);
  assert_int_equal(set.count, 3);
  assert_string_equal(sp_tag_set_get(&set, 0), "b");
  assert_string_equal(sp_tag_set_get(&set, 1), "a");
  assert_string_equal(sp_tag_set_get(&set, 2), "aa");
}

static void test_a_million_and_no_more(void **state)
{
  (void)state;
  SP_CLEANUP(sp_tag_set_clear_auto_) struct sp_tag_set set;
  sp_tag_set_init(&set);
  char tag[SP_MAX_TAG + 1];
  for (int i = 0; i < SP_MAX_TAGS; i++) {
    snprintf(tag, sizeof tag, "%032d", i);
    add(&set, tag, true);
  }
  add(&set, tag, false);
  struct sp_err err = SP_ERR_INIT;
  bool is_new;
  assert_int_equal(sp_tag_set_add(&set, "one more", &is_new, &err), -1);
  assert_int_equal(err.code, SP_E_LIMIT);
  assert_int_equal(set.count, SP_MAX_TAGS);
  assert_string_equal(sp_tag_set_get(&set, 999999), tag);
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_keeps_each_once_in_order),
                                     cmocka_unit_test(test_a_million_and_no_more)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
