/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pull_reserve.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/scope.h"
#include "store/wrapper.h"

struct metered {
  struct sp_wrapper wrapper; /* first */
  struct sp_pull_reserve *reserve;
};

uint64_t sp_pulls_reserved(const struct sp_pulls_said *said)
{
  return said->limit / 100 * said->reserve_percent +
         said->limit % 100 * said->reserve_percent / 100;
}

void sp_pull_reserve_init(struct sp_pull_reserve *reserve, sp_pulls_ask *ask, void *ctx)
{
  *reserve = (struct sp_pull_reserve){.ask = ask, .ctx = ctx};
  pthread_mutex_init(&reserve->lock, NULL);
  pthread_mutex_init(&reserve->turn, NULL);
  pthread_cond_init(&reserve->answered, NULL);
}

void sp_pull_reserve_clear(struct sp_pull_reserve *reserve)
{
  pthread_cond_destroy(&reserve->answered);
  pthread_mutex_destroy(&reserve->turn);
  pthread_mutex_destroy(&reserve->lock);
}

bool sp_pull_reserve_counts(const struct sp_pull_reserve *reserve, const struct sp_store *store)
{
  struct sp_pulls_said said;
  return reserve->ask && reserve->ask(reserve->ctx, store, &said);
}

void sp_pull_reserve_wait(struct sp_pull_reserve *reserve, const struct sp_cancel *cancel)
{
  reserve->waits = true;
  reserve->waiting = cancel;
}

int64_t sp_pull_reserve_take_held_s(struct sp_pull_reserve *reserve)
{
  SP_LOCK_SCOPE(&reserve->lock);
  int64_t held_s = reserve->held_s;
  reserve->held_s = 0;
  return held_s;
}

/* -- counting; called with the lock held */

/* The entry of the store's registry; SIZE_MAX if there is no room: then nothing is counted. */
static size_t find_entry(struct sp_pull_reserve *reserve, const char *place)
{
  char registry[sizeof reserve->items[0].registry];
  snprintf(registry, sizeof registry, "%.*s", (int)strcspn(place, "/"), place);
  size_t i = 0;
  while (i < reserve->count && strcmp(reserve->items[i].registry, registry) != 0)
    i++;
  if (i == SP_METERED_REGISTRIES_MAX)
    return SIZE_MAX;
  if (i == reserve->count) {
    reserve->count++;
    memcpy(reserve->items[i].registry, registry, sizeof registry);
  }
  return i;
}

/* Brings the entry up to what its registry said last. */
static void renew(struct sp_pull_reserve *reserve, size_t i, const struct sp_pulls_said *said)
{
  uint64_t under_way = reserve->items[i].under_way;
  int64_t now_ms = sp_clock_mono_ms();
  if (now_ms >= reserve->items[i].until_ms) {
    reserve->items[i].left = said->left > under_way ? said->left - under_way : 0;
    reserve->items[i].until_ms = now_ms + (int64_t)said->window_s * 1000;
  }
  if (said->left < reserve->items[i].left)
    reserve->items[i].left = said->left;
}

/* How long a registry makes us wait. */
static void note_held(struct sp_pull_reserve *reserve, int64_t held_s)
{
  if (held_s > reserve->held_s)
    reserve->held_s = held_s;
}

/* None of the limit is ever free for us: no window that comes will change that. */
static int fail_for_good(const struct sp_pulls_said *said, const char *registry, struct sp_err *err)
{
  return sp_fail(err, SP_E_UNSUPPORTED,
                 "'%s' allows these credentials %llu pulls in a window, and %u%% of them are held "
                 "in reserve, so none is ever free: use credentials that may pull more (safeport "
                 "login %s), or lower 'pull-reserve' in safeport.yaml",
                 registry, (unsigned long long)said->limit, said->reserve_percent, registry);
}

static int take_one(struct sp_pull_reserve *reserve, const struct sp_store *store, size_t i,
                    struct sp_err *err)
{
  while (!reserve->items[i].has_answered && reserve->items[i].under_way > 0)
    pthread_cond_wait(&reserve->answered, &reserve->lock);
  struct sp_pulls_said said;
  if (!reserve->ask(reserve->ctx, store, &said)) {
    reserve->items[i].under_way++;
    return 0;
  }
  renew(reserve, i, &said);
  if (reserve->items[i].left > sp_pulls_reserved(&said)) {
    reserve->items[i].left--;
    reserve->items[i].under_way++;
    return 0;
  }
  if (said.limit <= sp_pulls_reserved(&said))
    return fail_for_good(&said, reserve->items[i].registry, err);
  note_held(reserve, (int64_t)said.window_s);
  sp_fail(err, SP_E_THROTTLED, "%llu of %llu pulls are left at '%s', and %u%% are held in reserve",
          (unsigned long long)reserve->items[i].left, (unsigned long long)said.limit,
          reserve->items[i].registry, said.reserve_percent);
  err->retry_after_ms = (int64_t)said.window_s * 1000;
  return -1;
}

/* The first answer of a registry tells whether it counts. One that did not answer at all ends the
 * waiting too: nobody waits twice for a registry that is down. */
static void note_end(struct sp_pull_reserve *reserve, size_t i, bool is_pull,
                     const struct sp_err *failure)
{
  if (failure && failure->code == SP_E_THROTTLED && failure->retry_after_ms > 0)
    note_held(reserve, (failure->retry_after_ms + 999) / 1000);
  if (is_pull)
    reserve->items[i].under_way--;
  reserve->items[i].has_answered = true;
  pthread_cond_broadcast(&reserve->answered);
}

/* -- the wrapper */

static int run_counted(struct metered *metered, struct sp_call *call, bool is_pull,
                       struct sp_err *err)
{
  struct sp_pull_reserve *reserve = metered->reserve;
  const struct sp_store *store = &metered->wrapper.store;
  size_t i;
  {
    SP_LOCK_SCOPE(&reserve->lock);
    i = find_entry(reserve, store->name);
    if (is_pull && i != SIZE_MAX && take_one(reserve, store->inner, i, err) < 0)
      return -1;
  }
  int failed = sp_call_run(call, err);
  if (i != SIZE_MAX) {
    SP_LOCK_SCOPE(&reserve->lock);
    note_end(reserve, i, is_pull, failed ? err : NULL);
  }
  return failed;
}

/* Waits for what the failure says, if it says how long and waiting is wanted. */
static bool has_waited(const struct sp_pull_reserve *reserve, struct sp_err *failure)
{
  if (!reserve->waits || failure->code != SP_E_THROTTLED || failure->retry_after_ms <= 0)
    return false;
  sp_log(SP_LOG_INFO, "waiting for %lld s: %s", (long long)(failure->retry_after_ms / 1000),
         failure->msg);
  struct sp_err stopped = SP_ERR_INIT;
  if (sp_cancel_sleep(reserve->waiting, failure->retry_after_ms, &stopped) == 0)
    return true;
  sp_err_copy(failure, &stopped);
  return false;
}

static int around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  struct metered *metered = (struct metered *)wrapper;
  bool is_pull = strcmp(call->operation, "get_manifest") == 0;
  bool tells = is_pull || strcmp(call->operation, "resolve") == 0 ||
               strcmp(call->operation, "stat_manifest") == 0;
  if (!tells || !metered->reserve->ask)
    return sp_call_run(call, err);
  struct sp_err failure = SP_ERR_INIT;
  while (run_counted(metered, call, is_pull, &failure) < 0) {
    if (!has_waited(metered->reserve, &failure)) {
      sp_err_copy(err, &failure);
      return -1;
    }
    sp_err_clear(&failure);
  }
  return 0;
}

static void metered_free(struct sp_wrapper *wrapper)
{
  free(wrapper);
}

static const struct sp_wrapper_ops metered_ops = {.around = around, .free = metered_free};

int sp_pull_reserve_wrap_take(struct sp_pull_reserve *reserve, struct sp_store *inner,
                              struct sp_store **out, struct sp_err *err)
{
  struct metered *metered = calloc(1, sizeof *metered);
  if (!metered) {
    sp_store_close(inner);
    return sp_fail(err, SP_E_NOMEM, "out of memory");
  }
  metered->reserve = reserve;
  sp_wrapper_init(&metered->wrapper, &metered_ops, inner);
  *out = &metered->wrapper.store;
  return 0;
}
