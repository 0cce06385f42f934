/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "restore/order.h"

#define COUNT 5

static void test_order(void **state)
{
  (void)state;
  struct sp_copy_facts copies[COUNT] = {
      {.number = 0, .damaged = 1, .proven_s = 9000, .is_local = true},
      {.number = 1, .proven_s = 0, .is_local = true}, /* never proven */
      {.number = 2, .proven_s = 100},
      {.number = 3, .proven_s = 200},
      {.number = 4, .proven_s = 100, .is_local = true},
  };
  static const size_t want[COUNT] = {3, 4, 2, 1, 0};
  sp_copies_order(copies, COUNT);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(copies[i].number, want[i]);
}

static void test_file_order_decides_last(void **state)
{
  (void)state;
  struct sp_copy_facts copies[] = {{.number = 2}, {.number = 0}, {.number = 1}};
  sp_copies_order(copies, 3);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(copies[i].number, i);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_file_order_decides_last),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
