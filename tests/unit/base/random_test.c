/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"

static void test_numbers_differ(void **state)
{
  (void)state;
  uint64_t seen[1000];
  uint64_t ones = 0;
  uint64_t zeros = 0;
  for (size_t i = 0; i < 1000; i++) {
    seen[i] = sp_random_u64();
    ones |= seen[i];
    zeros |= ~seen[i];
    for (size_t k = 0; k < i; k++)
      assert_true(seen[i] != seen[k]);
  }
  assert_true(ones == UINT64_MAX && zeros == UINT64_MAX); /* every bit moves */
}

static void test_below_stays_below_and_reaches_all(void **state)
{
  (void)state;
  static const uint64_t bounds[] = {1, 2, 3, 7, 10, 1000, UINT64_MAX, (UINT64_C(1) << 63) + 1};
  for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
    uint64_t hit = 0;
    for (int i = 0; i < 500; i++) {
      uint64_t x = sp_random_below(bounds[b]);
      assert_true(x < bounds[b]);
      hit |= UINT64_C(1) << (x % 64);
    }
    if (bounds[b] <= 10)
      assert_true(hit == (UINT64_C(1) << bounds[b]) - 1);
  }
}

static void test_fork_does_not_repeat(void **state)
{
  (void)state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    uint64_t mine = sp_random_u64();
    _exit(write(ends[1], &mine, sizeof mine) != sizeof mine);
  }
  uint64_t ours = sp_random_u64();
  uint64_t theirs = ours;
  assert_int_equal(read(ends[0], &theirs, sizeof theirs), sizeof theirs);
  int status;
  waitpid(child, &status, 0);
  assert_int_equal(status, 0);
  assert_true(ours != theirs);
  close(ends[0]);
  close(ends[1]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers_differ),
      cmocka_unit_test(test_below_stays_below_and_reaches_all),
      cmocka_unit_test(test_fork_does_not_repeat),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
