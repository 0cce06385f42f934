/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/limits.h"
#include "base/pool.h"

struct job {
  atomic_int runs[300];
  atomic_int now;
  atomic_int most;
  atomic_bool signals_open;
  pthread_t caller;
  bool nap;
};

static void task(void *ctx, size_t i)
{
  struct job *job = ctx;
  int now = atomic_fetch_add(&job->now, 1) + 1;
  int most = atomic_load(&job->most);
  while (now > most && !atomic_compare_exchange_weak(&job->most, &most, now))
    ;
  atomic_fetch_add(&job->runs[i], 1);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  if (!pthread_equal(job->caller, pthread_self()) && !sigismember(&mask, SIGINT))
    atomic_store(&job->signals_open, true);
  struct timespec nap = {.tv_nsec = 2 * 1000 * 1000};
  if (job->nap)
    nanosleep(&nap, NULL);
  atomic_fetch_sub(&job->now, 1);
}

static void test_every_task_once(void **state)
{
  (void)state;
  static const size_t ns[] = {0, 1, 2, 63, 64, 65, 300};
  static const size_t ks[] = {0, 1, 2, 7, SP_MAX_WORKERS, 1000};
  for (size_t a = 0; a < sizeof ns / sizeof ns[0]; a++) {
    for (size_t b = 0; b < sizeof ks / sizeof ks[0]; b++) {
      struct job job = {.caller = pthread_self()};
      sp_pool_run(ns[a], ks[b], task, &job);
      for (size_t i = 0; i < 300; i++)
        assert_int_equal(job.runs[i], i < ns[a]);
      assert_true((size_t)job.most <= (ks[b] > SP_MAX_WORKERS ? SP_MAX_WORKERS : ks[b] + !ks[b]));
    }
  }
}

static void test_work_is_parallel_and_bounded(void **state)
{
  (void)state;
  struct job job = {.caller = pthread_self(), .nap = true};
  sp_pool_run(100, 5, task, &job);
  assert_in_range(job.most, 2, 5);
  assert_false(job.signals_open);
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  assert_false(sigismember(&mask, SIGINT)); /* the caller's mask is as it was */
}

static void inner_task(void *ctx, size_t i)
{
  (void)i;
  task(ctx, 0);
}

static void outer_task(void *ctx, size_t i)
{
  (void)i;
  sp_pool_run(8, 32, inner_task, ctx);
}

/* Pools inside pools do not multiply: what there is of threads is shared. */
static void test_nested_pools_share_threads(void **state)
{
  (void)state;
  struct job job = {.caller = pthread_self(), .nap = true};
  sp_pool_run(100, SP_MAX_WORKERS, outer_task, &job);
  assert_int_equal(job.runs[0], 800);
  assert_in_range(job.most, 2, SP_MAX_WORKERS + 1);
  job.most = 0; /* and they all come back */
  sp_pool_run(64, SP_MAX_WORKERS, inner_task, &job);
  assert_in_range(job.most, 2, SP_MAX_WORKERS);
}

struct where {
  pthread_t caller;
  bool elsewhere;
};

static void remember_thread(void *ctx, size_t i)
{
  (void)i;
  struct where *where = ctx;
  where->elsewhere |= !pthread_equal(pthread_self(), where->caller);
}

static void test_one_at_a_time_is_the_caller(void **state)
{
  (void)state;
  struct where where = {.caller = pthread_self()};
  sp_pool_run(1, 10, remember_thread, &where);
  sp_pool_run(50, 1, remember_thread, &where);
  assert_false(where.elsewhere);
}

static void *stack_size(void *out)
{
  pthread_attr_t attr;
  pthread_getattr_np(pthread_self(), &attr);
  pthread_attr_getstacksize(&attr, out);
  pthread_attr_destroy(&attr);
  return NULL;
}

static void test_thread_has_a_small_stack(void **state)
{
  (void)state;
  struct sp_err err;
  pthread_t thread;
  size_t size = 0;
  assert_int_equal(sp_pool_thread(stack_size, &size, &thread, &err), 0);
  pthread_join(thread, NULL);
  /* Sanitizers add to what was asked for; the default would be 8 MiB. */
  assert_in_range(size, SP_WORKER_STACK_BYTES, 4 * SP_MIB);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_task_once),
      cmocka_unit_test(test_work_is_parallel_and_bounded),
      cmocka_unit_test(test_nested_pools_share_threads),
      cmocka_unit_test(test_one_at_a_time_is_the_caller),
      cmocka_unit_test(test_thread_has_a_small_stack),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
