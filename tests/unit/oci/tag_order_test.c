/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/tag_order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* In order; every pair of it is compared, both ways, so the order is total. */
static const char *const in_order[] = {
    "alpha",
    "rc1",
    "",
    "latest",
    "main",
    "v",
    "v-1",
    "version-1",
    "0",
    "0.0.1",
    "1",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta2",
    "1.0.0-beta10",
    "1.0.0-rc.1",
    "1.0.0-rc.2",
    "1.0.0",
    "v1.0.0",
    "1.0.0-alpine",
    "1.0.0-alpine3.9",
    "1.0.0-alpine3.18",
    "1.0.0-1",
    "1.2",
    "1.9",
    "01.10",
    "1.10",
    "1.10.99999999999999999999999999999",
    "1.10.100000000000000000000000000000",
    "2024.1.5",
    "2024.01.06",
    "2024.10.1",
};

static int sign(int n)
{
  return (n > 0) - (n < 0);
}

static void test_order(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT(in_order); i++) {
    for (size_t j = 0; j < COUNT(in_order); j++) {
      int want = (i > j) - (i < j);
      if (sign(sp_tag_compare_version(in_order[i], in_order[j])) != want)
        fail_msg("'%s' and '%s'", in_order[i], in_order[j]);
    }
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
