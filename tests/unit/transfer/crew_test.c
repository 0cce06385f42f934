/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define BLOBS 200

struct watch {
  uint64_t sizes[BLOBS];
  atomic_int runs[BLOBS];
  atomic_size_t rings; /* given out now */
  atomic_size_t most;
  atomic_int large_now, large_most;
  atomic_size_t first; /* which blob began first, + 1 */
};

static void note_most(atomic_size_t *most, size_t now)
{
  size_t seen = atomic_load(most);
  while (now > seen && !atomic_compare_exchange_weak(most, &seen, now)) {
  }
}

static void task(void *ctx, size_t i, size_t ring_bytes)
{
  struct watch *watch = ctx;
  size_t none = 0;
  atomic_compare_exchange_strong(&watch->first, &none, i + 1);
  atomic_fetch_add(&watch->runs[i], 1);
  assert_int_equal(ring_bytes, sp_crew_ring_bytes(watch->sizes[i]));
  note_most(&watch->most, atomic_fetch_add(&watch->rings, ring_bytes) + ring_bytes);
  bool large = watch->sizes[i] > SP_CREW_LARGE_BYTES;
  if (large) {
    int now = atomic_fetch_add(&watch->large_now, 1) + 1;
    assert_true(now <= SP_CREW_LARGE_AT_ONCE);
  }
  usleep(500);
  if (large)
    atomic_fetch_sub(&watch->large_now, 1);
  atomic_fetch_sub(&watch->rings, ring_bytes);
}

static void test_bounded_and_complete(void **state)
{
  (void)state;
  struct watch *watch = calloc(1, sizeof *watch);
  struct sp_err err = SP_ERR_INIT;
  for (size_t i = 0; i < BLOBS; i++)
    watch->sizes[i] = i % 5 == 0 ? (i + 1) << 20 : i % 5 == 1 ? 200000 : i * 10;
  assert_int_equal(sp_crew_run(watch->sizes, BLOBS, task, watch, &err), 0);
  for (size_t i = 0; i < BLOBS; i++)
    assert_int_equal(atomic_load(&watch->runs[i]), 1);
  assert_true(atomic_load(&watch->most) <=
              SP_CREW_LARGE_AT_ONCE * SP_CREW_RING_MAX_BYTES + SP_CREW_SMALL_RINGS_BYTES);
  assert_int_equal(sp_crew_run(watch->sizes, 0, task, watch, &err), 0);
  free(watch);
}

static void test_ring_bytes(void **state)
{
  (void)state;
  static const struct {
    uint64_t size;
    size_t ring;
  } cases[] = {{0, 4096},        {1, 4096},        {4096, 4096},        {4097, 8192},
               {524288, 524288}, {524289, 524288}, {UINT64_MAX, 524288}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(sp_crew_ring_bytes(cases[i].size), cases[i].ring);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_bounded_and_complete),
      cmocka_unit_test(test_ring_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
