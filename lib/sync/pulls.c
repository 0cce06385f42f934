/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/pulls.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/scope.h"
#include "store/wrapper.h"

struct metered {
  struct sp_wrapper wrapper; /* first */
  struct sp_pull_reserve *reserve;
};

void sp_pull_reserve_init(struct sp_pull_reserve *reserve, const struct sp_sync_images *images)
{
  *reserve = (struct sp_pull_reserve){.images = images};
  pthread_mutex_init(&reserve->lock, NULL);
}

void sp_pull_reserve_clear(struct sp_pull_reserve *reserve)
{
  pthread_mutex_destroy(&reserve->lock);
}

int64_t sp_pull_reserve_take_held_s(struct sp_pull_reserve *reserve)
{
  SP_LOCK_SCOPE(&reserve->lock);
  int64_t held_s = reserve->held_s;
  reserve->held_s = 0;
  return held_s;
}

/* The entry of the store's registry, brought up to what it said last; SIZE_MAX if there is no room:
 * then nothing is counted. Called with the lock held. */
static size_t find_entry(struct sp_pull_reserve *reserve, const char *place,
                         const struct sp_pulls_said *said)
{
  char registry[256];
  snprintf(registry, sizeof registry, "%.*s", (int)strcspn(place, "/"), place);
  size_t i = 0;
  while (i < reserve->count && strcmp(reserve->items[i].registry, registry) != 0)
    i++;
  int64_t now_ms = sp_clock_mono_ms();
  if (i == SP_METERED_REGISTRIES_MAX)
    return SIZE_MAX;
  if (i == reserve->count) {
    reserve->count++;
    memcpy(reserve->items[i].registry, registry, sizeof registry);
    reserve->items[i].until_ms = now_ms;
  }
  if (now_ms >= reserve->items[i].until_ms) {
    reserve->items[i].left = said->left;
    reserve->items[i].until_ms = now_ms + (int64_t)said->window_s * 1000;
  }
  if (said->left < reserve->items[i].left)
    reserve->items[i].left = said->left;
  return i;
}

static int take_one(struct sp_pull_reserve *reserve, const struct sp_store *store,
                    struct sp_err *err)
{
  struct sp_pulls_said said;
  const struct sp_sync_images *images = reserve->images;
  if (!images->pulls || !images->pulls(images->ctx, store, &said))
    return 0;
  SP_LOCK_SCOPE(&reserve->lock);
  size_t i = find_entry(reserve, store->name, &said);
  if (i == SIZE_MAX)
    return 0;
  if (reserve->items[i].left > said.limit * said.reserve_percent / 100) {
    reserve->items[i].left--;
    return 0;
  }
  if ((int64_t)said.window_s > reserve->held_s)
    reserve->held_s = (int64_t)said.window_s;
  return sp_fail(err, SP_E_THROTTLED,
                 "%llu of %llu pulls are left at '%s', and %u%% are held in reserve",
                 (unsigned long long)reserve->items[i].left, (unsigned long long)said.limit,
                 reserve->items[i].registry, said.reserve_percent);
}

static int around(struct sp_wrapper *wrapper, struct sp_call *call, struct sp_err *err)
{
  struct metered *metered = (struct metered *)wrapper;
  if (strcmp(call->operation, "get_manifest") == 0 &&
      take_one(metered->reserve, wrapper->store.inner, err) < 0)
    return -1;
  return sp_call_run(call, err);
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
