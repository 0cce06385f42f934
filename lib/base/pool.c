/* SPDX-License-Identifier: Apache-2.0 */
/* The caller is one of the workers. Each takes the next number until there is none.
 *
 * The helpers of all pools of the process are counted: a pool that is opened inside a task of
 * another finds what is left, and works on its own thread if that is nothing. So pools may be
 * nested (images, their tags, the blobs of each) without threads multiplying, and since a caller
 * always works himself, no pool ever waits for another's threads. */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/limits.h"

static atomic_size_t helpers; /* alive in all pools */

/* Takes up to `want` helpers out of what the process may have. */
static size_t reserve(size_t want)
{
  size_t used = atomic_load(&helpers);
  size_t got;
  do {
    size_t left = used < SP_MAX_WORKERS ? SP_MAX_WORKERS - used : 0;
    got = want < left ? want : left;
  } while (!atomic_compare_exchange_weak(&helpers, &used, used + got));
  return got;
}

struct job {
  sp_pool_task *task;
  void *ctx;
  size_t n;
  atomic_size_t next;
};

static void work(struct job *job)
{
  for (;;) {
    size_t i = atomic_fetch_add(&job->next, 1);
    if (i >= job->n)
      return;
    job->task(job->ctx, i);
  }
}

/* A helper that finds nothing more to do is free for other pools at once. */
static void *help(void *arg)
{
  work(arg);
  atomic_fetch_sub(&helpers, 1);
  return NULL;
}

/* Makes the thread with the mask it is to inherit. Answers an errno. */
static int spawn(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *ctx)
{
  sigset_t all;
  sigset_t saved;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &saved);
  int sys = pthread_create(thread, attr, run, ctx);
  pthread_sigmask(SIG_SETMASK, &saved, NULL);
  return sys;
}

int sp_pool_thread(void *(*run)(void *), void *ctx, void *pthread_out, struct sp_err *err)
{
  pthread_attr_t attr;
  int sys = pthread_attr_init(&attr);
  if (sys != 0)
    return sp_fail_sys(err, SP_E_NOMEM, sys, "cannot make a thread");
  sys = pthread_attr_setstacksize(&attr, SP_WORKER_STACK_BYTES);
  if (sys == 0)
    sys = spawn(pthread_out, &attr, run, ctx);
  pthread_attr_destroy(&attr);
  if (sys != 0)
    return sp_fail_sys(err, SP_E_NOMEM, sys, "cannot make a thread");
  return 0;
}

void sp_pool_run(size_t n, size_t max_threads, sp_pool_task *task, void *ctx)
{
  struct job job = {.task = task, .ctx = ctx, .n = n};
  pthread_t threads[SP_MAX_WORKERS - 1];
  size_t want = max_threads < n ? max_threads : n;
  if (want > SP_MAX_WORKERS)
    want = SP_MAX_WORKERS;
  size_t got = reserve(want > 1 ? want - 1 : 0);
  size_t made = 0;
  struct sp_err err;
  while (made < got && sp_pool_thread(help, &job, &threads[made], &err) == 0)
    made++;
  atomic_fetch_sub(&helpers, got - made);
  work(&job);
  for (size_t i = 0; i < made; i++)
    pthread_join(threads[i], NULL);
}
