/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues in one sorted array: the large ones from the front, the small ones behind them. A
 * worker takes the next large blob if a place for one is free, else the next small one if its ring
 * fits, else it waits for someone to finish. */
#include "transfer/crew.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/pool.h"
#include "base/scope.h"

#define PAGE_BYTES 4096u

struct item {
  uint64_t size;
  size_t number;
};

struct crew {
  const struct item *items; /* largest first */
  size_t large_next, large_end;
  size_t small_next, small_end;
  size_t large_running;
  size_t small_bytes; /* rings given out */
  sp_crew_task *task;
  void *ctx;
  pthread_mutex_t lock;
  pthread_cond_t freed;
};

size_t sp_crew_ring_bytes(uint64_t size_bytes)
{
  if (size_bytes >= SP_CREW_RING_MAX_BYTES)
    return SP_CREW_RING_MAX_BYTES;
  size_t pages = ((size_t)size_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
  return (pages ? pages : 1) * PAGE_BYTES;
}

static bool is_large(uint64_t size)
{
  return size > SP_CREW_LARGE_BYTES;
}

/* Takes the next blob that may run now. Called with the lock held. */
static const struct item *take(struct crew *crew)
{
  if (crew->large_next < crew->large_end && crew->large_running < SP_CREW_LARGE_AT_ONCE) {
    crew->large_running++;
    return &crew->items[crew->large_next++];
  }
  if (crew->small_next == crew->small_end)
    return NULL;
  const struct item *item = &crew->items[crew->small_next];
  size_t ring = sp_crew_ring_bytes(item->size);
  if (crew->small_bytes + ring > SP_CREW_SMALL_RINGS_BYTES)
    return NULL;
  crew->small_bytes += ring;
  crew->small_next++;
  return item;
}

static const struct item *next(struct crew *crew)
{
  SP_LOCK_SCOPE(&crew->lock);
  while (crew->large_next < crew->large_end || crew->small_next < crew->small_end) {
    const struct item *item = take(crew);
    if (item)
      return item;
    pthread_cond_wait(&crew->freed, &crew->lock);
  }
  return NULL;
}

static void give_back(struct crew *crew, const struct item *item)
{
  SP_LOCK_SCOPE(&crew->lock);
  if (is_large(item->size))
    crew->large_running--;
  else
    crew->small_bytes -= sp_crew_ring_bytes(item->size);
  pthread_cond_broadcast(&crew->freed);
}

static void worker(void *ctx, size_t i)
{
  (void)i;
  struct crew *crew = ctx;
  for (const struct item *item = next(crew); item; item = next(crew)) {
    crew->task(crew->ctx, item->number, sp_crew_ring_bytes(item->size));
    give_back(crew, item);
  }
}

static int larger_first(const void *a, const void *b)
{
  const struct item *x = a;
  const struct item *y = b;
  if (x->size != y->size)
    return x->size > y->size ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

int sp_crew_run(const uint64_t *sizes, size_t n, sp_crew_task *task, void *ctx, struct sp_err *err)
{
  SP_AUTO_FREE struct item *items = calloc(n + 1, sizeof *items);
  if (!items)
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  size_t large = 0;
  for (size_t i = 0; i < n; i++) {
    items[i] = (struct item){.size = sizes[i], .number = i};
    large += is_large(sizes[i]);
  }
  qsort(items, n, sizeof *items, larger_first);
  struct crew crew = {.items = items,
                      .large_end = large,
                      .small_next = large,
                      .small_end = n,
                      .task = task,
                      .ctx = ctx};
  pthread_mutex_init(&crew.lock, NULL);
  pthread_cond_init(&crew.freed, NULL);
  size_t workers = n < SP_CREW_WORKERS ? n : SP_CREW_WORKERS;
  sp_pool_run(workers, workers, worker, &crew);
  pthread_cond_destroy(&crew.freed);
  pthread_mutex_destroy(&crew.lock);
  return 0;
}
