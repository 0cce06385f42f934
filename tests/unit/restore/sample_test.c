/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "restore/sample.h"

#define OFFERED 500

/* Offers tags 0..OFFERED-1, those that 7 divides never read, in an order that `step` says. */
static void offer_all(struct sp_sample *sample, size_t most, uint64_t seed, size_t step)
{
  struct sp_err err = SP_ERR_INIT;
  assert_int_equal(sp_sample_init(sample, most, seed, &err), 0);
  for (size_t i = 0; i < OFFERED; i++) {
    size_t n = i * step % OFFERED;
    char tag[16];
    snprintf(tag, sizeof tag, "t%zu", n);
    sp_sample_offer(sample, n / 10, n % 3, tag, n % 7 == 0 ? 0 : (int64_t)n);
  }
  sp_sample_sort(sample);
}

static bool is_same(const struct sp_sample *a, const struct sp_sample *b)
{
  for (size_t i = 0; i < a->count; i++) {
    if (strcmp(a->items[i].tag, b->items[i].tag) != 0)
      return false;
  }
  return a->count == b->count;
}

static void test_bounds(void **state)
{
  (void)state;
  SP_CLEANUP(sp_sample_clear_auto_) struct sp_sample none;
  SP_CLEANUP(sp_sample_clear_auto_) struct sp_sample all;
  offer_all(&none, 0, 1, 1);
  assert_int_equal(none.count, 0);
  offer_all(&all, SIZE_MAX, 1, 1);
  assert_int_equal(all.count, OFFERED);
}

static void test_least_recently_read_first(void **state)
{
  (void)state;
  SP_CLEANUP(sp_sample_clear_auto_) struct sp_sample some;
  SP_CLEANUP(sp_sample_clear_auto_) struct sp_sample more;
  offer_all(&some, 20, 1, 1);
  for (size_t i = 0; i < some.count; i++)
    assert_int_equal(some.items[i].read_s, 0);
  offer_all(&more, 80, 1, 1); /* 72 were never read; then come 1, 2, 3, 4, 5, 6, 8, 9 */
  int64_t latest_s = 0;
  for (size_t i = 0; i < more.count; i++)
    latest_s = more.items[i].read_s > latest_s ? more.items[i].read_s : latest_s;
  assert_int_equal(latest_s, 9);
}

static void test_the_seed_decides_among_equals(void **state)
{
  (void)state;
  SP_CLEANUP(sp_sample_clear_auto_) struct sp_sample one;
  SP_CLEANUP(sp_sample_clear_auto_) struct sp_sample again;
  SP_CLEANUP(sp_sample_clear_auto_) struct sp_sample other;
  offer_all(&one, 20, 1, 1);
  offer_all(&again, 20, 1, 7); /* not the order in which they come */
  offer_all(&other, 20, 2, 1);
  assert_true(is_same(&one, &again));
  assert_false(is_same(&one, &other));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounds),
      cmocka_unit_test(test_least_recently_read_first),
      cmocka_unit_test(test_the_seed_decides_among_equals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
